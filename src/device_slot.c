/* SPDX-License-Identifier: MIT */
/* Owns: opening, starting and closing a device on its host thread, and what happens when that thread does not come back.
 * Called by: stream.c, under a stream's control. */
#include "device_slot.h"

#include "leaving.h"
#include "os.h"

#include <stdlib.h>
#include <string.h>

#define CLOSE_LIMIT_NS (2 * ACAP__NS_PER_S)
#define CALL_LIMIT_NS (4500 * ACAP__NS_PER_MS)

/* Indexed by whether the back end is PortAudio: the simulated one has its own host and nothing to refresh. */
static acap__u32 open_counts[2];

static acap__u32 *open_count(const acap__backend *backend)
{
    return &open_counts[backend == &acap__backend_sim || backend == &acap__backend_push ? 1 : 0];
}

uint32_t acap__slot_count(const acap__backend *backend)
{
    return acap__load_acquire(open_count(backend));
}

static void run_close(acap__job *job)
{
    acap__device_slot *slot = (acap__device_slot *)job;

    slot->close_result = slot->backend->close(slot->opened.device, &slot->close_failure);
    acap__feed_retire(slot->feed);
    (void)acap__sub_acq_rel(open_count(slot->backend), 1u);
    if (slot->is_posted)
        acap__leaving_end();
}

static void discard_slot(acap__job *job)
{
    acap__device_slot *slot = (acap__device_slot *)job;

    if (slot->host != NULL)
        acap__host_release(slot->host);
    free(slot);
}

static acap__device_slot *make_slot(const acap__backend *backend, struct acap__ingest *ingest)
{
    acap__device_slot *slot = calloc(1, sizeof *slot);
    acap__feed *feed = acap__feed_create(ingest);

    if (slot == NULL || feed == NULL) {
        free(slot);
        free(feed);
        return NULL;
    }
    acap__job_init(&slot->close_job, run_close, discard_slot, CLOSE_LIMIT_NS);
    slot->backend = backend;
    slot->host = backend->host == NULL ? NULL : backend->host();
    slot->feed = feed;
    if (slot->host != NULL)
        acap__host_acquire(slot->host);
    return slot;
}

void acap__slot_post_close(acap__device_slot *slot)
{
    acap__leaving_begin();
    slot->is_posted = true;
    if (slot->host != NULL) {
        acap__host_post(slot->host, &slot->close_job);
        return;
    }
    run_close(&slot->close_job);
    acap__job_drop(&slot->close_job);
}

/* A call on the host thread that works on a slot and owns it until it is known to have come back in time. */
struct slot_job {
    acap__job job;
    acap__device_slot *slot; /* NULL: taken by the waiting caller */
    bool is_open;            /* there is something to close */
    acap__failure failure;
    acap_result result;
    acap__request request;
    int64_t now_ns; /* to start by */
    char device[]; /* request.device */
};

static void run_open(acap__job *job)
{
    struct slot_job *slot_job = (struct slot_job *)job;
    acap__device_slot *slot = slot_job->slot;

    slot_job->result = slot->backend->open(&slot_job->request, slot->feed, &slot->opened, &slot_job->failure);
    slot_job->is_open = slot_job->result == ACAP_OK;
    if (slot_job->is_open)
        (void)acap__add_acq_rel(open_count(slot->backend), 1u);
}

static void run_start(acap__job *job)
{
    struct slot_job *slot_job = (struct slot_job *)job;

    slot_job->result = slot_job->slot->backend->start(slot_job->slot->opened.device, slot_job->now_ns, &slot_job->failure);
}

/* Nobody took the slot: the caller has gone, and what came back late is closed. The feed of a device that never opened rests, too: the host
   may have called it. */
static void discard_slot_job(acap__job *job)
{
    struct slot_job *slot_job = (struct slot_job *)job;
    acap__device_slot *slot = slot_job->slot;

    if (slot != NULL && slot_job->is_open) {
        (void)acap__or_seq_cst(&slot->feed->gate.word, ACAP__GATE_CLOSED);
        acap__slot_post_close(slot);
    } else if (slot != NULL) {
        acap__feed_retire(slot->feed);
        acap__job_drop(&slot->close_job);
    }
    free(slot_job);
}

static struct slot_job *make_slot_job(acap__device_slot *slot, void (*run)(acap__job *), const char *device)
{
    const size_t device_bytes = device == NULL ? 0 : strlen(device) + 1;
    struct slot_job *slot_job = calloc(1, sizeof *slot_job + device_bytes);

    if (slot_job == NULL)
        return NULL;
    acap__job_init(&slot_job->job, run, discard_slot_job, CALL_LIMIT_NS);
    slot_job->slot = slot;
    if (device_bytes != 0)
        slot_job->request.device = memcpy(slot_job->device, device, device_bytes);
    return slot_job;
}

static acap_result call(acap__device_slot *slot, struct slot_job *slot_job, int64_t until_ns, const char *what)
{
    acap_result result = ACAP_OK;

    if (slot->host == NULL)
        slot_job->job.run(&slot_job->job);
    else
        result = acap__host_call(slot->host, &slot_job->job, until_ns);
    if (result != ACAP_OK)
        return acap__fail(result, "%s: %s", what, acap_result_text(result));
    if (slot_job->result != ACAP_OK)
        return acap__fail_with(&slot_job->failure);
    slot_job->slot = NULL; /* it came back in time: the slot is the caller's */
    return ACAP_OK;
}

acap_result acap__slot_open(const acap__backend *backend, const acap__request *request, struct acap__ingest *ingest, int64_t until_ns,
                            acap__device_slot **out)
{
    acap__device_slot *slot = make_slot(backend, ingest);

    if (slot == NULL)
        return acap__fail(ACAP_ERROR_NO_MEMORY, "no memory to open a device");
    struct slot_job *slot_job = make_slot_job(slot, run_open, request->device);
    if (slot_job == NULL) {
        acap__feed_retire(slot->feed);
        acap__job_drop(&slot->close_job);
        return acap__fail(ACAP_ERROR_NO_MEMORY, "no memory to open a device");
    }
    const char *device = slot_job->request.device;
    slot_job->request = *request;
    slot_job->request.device = device;
    const acap_result result = call(slot, slot_job, until_ns, "opening the device");
    if (result == ACAP_OK)
        *out = slot;
    acap__job_drop(&slot_job->job);
    return result;
}

acap_result acap__slot_start(acap__device_slot *slot, int64_t now_ns, int64_t until_ns, void (*forget)(void *owner), void *owner)
{
    struct slot_job *slot_job = make_slot_job(slot, run_start, NULL);

    if (slot_job == NULL) {
        forget(owner);
        acap__slot_post_close(slot);
        return acap__fail(ACAP_ERROR_NO_MEMORY, "no memory to start a device");
    }
    slot_job->is_open = true;
    slot_job->now_ns = now_ns;
    const acap_result result = call(slot, slot_job, until_ns, "starting the device");
    /* This call's reference on the job keeps the slot until it is dropped. */
    if (result != ACAP_OK)
        forget(owner);
    acap__job_drop(&slot_job->job);
    return result;
}

acap_result acap__slot_close(acap__device_slot *slot, int64_t until_ns)
{
    if (slot->host == NULL) {
        acap__slot_post_close(slot);
        return ACAP_OK;
    }
    acap_result result = acap__host_call(slot->host, &slot->close_job, until_ns);
    if (result == ACAP_OK) {
        if (slot->close_result != ACAP_OK)
            result = acap__fail_with(&slot->close_failure);
        acap__job_drop(&slot->close_job);
        return result;
    }
    acap__fail(result, "stopping the device: %s", acap_result_text(result));
    if (slot->close_job.abandoned) {
        acap__job_drop(&slot->close_job); /* it had begun: the thread that was left behind has the other reference */
    } else {
        /* It waited behind a call that hangs: the next host thread closes it. */
        acap__job_init(&slot->close_job, run_close, discard_slot, CLOSE_LIMIT_NS);
        acap__slot_post_close(slot);
    }
    return result;
}
