/* SPDX-License-Identifier: MIT */
/* Owns: what a context is, and which back end a device string means.
 * Used by: device.c and stream.c. */
#ifndef ACAP_SRC_CONTEXT_H
#define ACAP_SRC_CONTEXT_H

#include "atomic.h"
#include "backend.h"
#include "os.h"

struct acap_context {
    acap__u32 references; /* the handle and every stream */
    const acap__backend *backend; /* of NULL and plain names; NULL: built without */
    acap__mutex lock;
    bool is_destroyed;           /* under lock */
    struct acap_stream *streams; /* under lock: those whose handle is open */
};

void acap__context_retain(acap_context *context);
void acap__context_release(acap_context *context);

/* The device string that a caller means, with ACAP_DEVICE in place of NULL, and its back end. ACAP_ERROR_NO_DEVICE: built without it. */
acap_result acap__context_choose(const acap_context *context, const char **device, const acap__backend **backend);

#endif
