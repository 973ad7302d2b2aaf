/* SPDX-License-Identifier: MIT */
/* Owns: one opening of a device: the back end's handle, the feed that it calls, and the job that will close it, made beforehand so that
 * closing can never fail for memory.
 * Used by: stream.c. */
#ifndef ACAP_SRC_DEVICE_SLOT_H
#define ACAP_SRC_DEVICE_SLOT_H

#include "backend.h"
#include "feed.h"
#include "host.h"

typedef struct acap__device_slot {
    acap__job close_job;
    bool is_posted; /* nobody waits for the close but the process' exit */
    const acap__backend *backend;
    acap__host *host; /* NULL: the back end needs none */
    acap__feed *feed;
    acap__opened opened;
    acap__failure close_failure;
    acap_result close_result;
} acap__device_slot;

/* Opens by until_ns. On failure nothing stays open and the error is this thread's last. */
acap_result acap__slot_open(const acap__backend *backend, const acap__request *request, struct acap__ingest *ingest, int64_t until_ns,
                            acap__device_slot **out);
/* Starts by until_ns; now_ns is the stream's clock. On failure, an error as above, the slot goes. Before that forget is called: the host
   may be calling all the same, even where its start failed or hangs, so it must shut the gate; and nobody may know the slot when it
   returns. */
acap_result acap__slot_start(acap__device_slot *slot, int64_t now_ns, int64_t until_ns, void (*forget)(void *owner), void *owner);
/* Both take the slot away. The gate must be shut. close waits until until_ns, post never waits. */
acap_result acap__slot_close(acap__device_slot *slot, int64_t until_ns);
void acap__slot_post_close(acap__device_slot *slot);

/* Devices that a back end has open or that were abandoned. */
uint32_t acap__slot_count(const acap__backend *backend);

#endif
