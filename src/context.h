/* SPDX-License-Identifier: MIT */
/* Owns: what a context is, and which back end a device string means.
 * Used by: device.c and stream.c. */
#ifndef ACAP_SRC_CONTEXT_H
#define ACAP_SRC_CONTEXT_H

#include "atomic.h"
#include "backend.h"
#include "device_watch.h"
#include "events.h"
#include "os.h"

struct acap_context {
    acap__u32 references; /* the handle and every stream */
    const acap__backend *backend; /* of NULL and plain names; NULL: built without */
    acap__mutex lock;
    bool is_destroyed;           /* under lock */
    struct acap_context *next_context; /* of all that there are, under the lock of context.c */
    struct acap_stream *streams; /* under lock: those whose handle is open */
    acap__events events;
    acap__dir_stamp devices_at_first; /* the devices' directory when the context was made */
    acap__device_watch *device_watch; /* under lock; NULL: nobody has asked for events yet, or the system cannot tell */
};

void acap__context_retain(acap_context *context);
void acap__context_release(acap_context *context);
/* Somebody wants events: from now on device changes are noticed. */
void acap__context_watch_devices(acap_context *context);

/* The device string that a caller means, with ACAP_DEVICE in place of NULL, and its back end. ACAP_ERROR_NO_DEVICE: built without it. */
acap_result acap__context_choose(const acap_context *context, const char **device, const acap__backend **backend);

#endif
