/* SPDX-License-Identifier: MIT */
/* Owns: what a stream is: one device, its feed, its ingest and its readers.
 * Used by: stream.c and slot.c; context.c ends streams, device.c asks whether one is open. */
#ifndef ACAP_SRC_STREAM_H
#define ACAP_SRC_STREAM_H

#include "backend.h"
#include "context.h"
#include "device_slot.h"
#include "gate.h"
#include "ingest.h"
#include "os.h"
#include "reader.h"
#include "watch.h"

#define ACAP__DEVICE_NAME_BYTES 512u
#define ACAP__SPARE_BUFFERS 2u /* the one being filled, and one between the producer and a full queue */

struct acap_stream {
    ACAP__ALIGNED acap__ingest ingest;
    acap__u32 references; /* the handle, every reader, the watch thread */
    acap__u32 state;      /* ACAP_STATE_* */
    acap__gate user_gate; /* push and sim_advance: keeps the device while the caller is inside */
    acap_context *context;
    const acap__backend *backend;
    acap__mutex lock;
    acap__cond changed;
    /* under lock */
    bool is_controlled; /* somebody is inside start or stop */
    bool is_ended;      /* the handle or the context was closed */
    bool has_run;
    bool is_stuck_inside; /* an audio thread entered and never left: nothing it may touch is ever freed */
    acap__device_slot *slot; /* the open device; NULL: none */
    acap_reader *readers[ACAP_MAX_READERS];
    acap_reader *retired; /* closed under a callback */
    uint32_t end; /* ACAP__END_STOPPED, ACAP__END_LOST: what the readers have; a new one too, once the stream has run */
    uint32_t reserved_buffers; /* history; queues, holds and pre-roll of the open readers */
    acap__watch watch;
    acap__u32 clock; /* acap__clock_kind of the open or last device */
    uint32_t on_device_lost;
    acap__request request; /* to open the same device again */
    char device[ACAP__DEVICE_NAME_BYTES];
    acap_stream_info info;
    acap_pool *pool; /* a handle */
    /* the virtual clock of a device with manual pace; the caller of sim_advance alone moves it */
    acap__u32 is_advancing; /* somebody is inside sim_advance */
    int64_t virtual_start_ns; /* the first start; before it, the opening */
    acap__u64 virtual_frames;
    bool owns_pool;
    struct acap_stream *next; /* on the context's list, under its lock */
};

void acap__stream_retain(acap_stream *stream);
void acap__stream_release(acap_stream *stream);
/* Ends it without waiting for the host; its handle stays valid. */
void acap__stream_end(acap_stream *stream);

/* Opens what the request says and makes the ingest ready for it. In control, or before anybody else knows the stream. */
acap_result acap__stream_open_device(acap_stream *stream, const acap__request *request, int64_t until_ns);

/* What consumers hold of a stream's buffers: borrowed or retained, and not given back. */
typedef struct acap__held {
    uint32_t buffers; /* not references */
    int64_t oldest_ns; /* when the one that has been out longest was taken from the pool, by acap_clock_ns() */
} acap__held;

/* Under lock. False: there was no memory to count with. */
bool acap__stream_count_held(acap_stream *stream, acap__held *held);

/* For the watch. The stream's clock: real or virtual. */
int64_t acap__stream_now_ns(acap_stream *stream);
/* Under lock: sleepers take what there is, whatever their threshold. */
void acap__stream_nudge(acap_stream *stream);
/* Under lock: gives the device up. */
void acap__stream_lose(acap_stream *stream);
/* Tries to get a lost device back; may wait for the host. False: not yet. */
bool acap__stream_recover(acap_stream *stream, int64_t now_ns);

/* What a checked configuration asks of which back end. The request points into config. */
acap_result acap__stream_request(const acap_context *context, const acap_stream_config *config, acap__request *request,
                                 const acap__backend **backend);
/* Can a pool hold what a checked configuration asks for, in so far as the device leaves it open? */
acap_result acap__stream_fits(const acap_stream_config *config);
/* Is a device of this back end open, or was one abandoned? */
bool acap__stream_any_open(const acap__backend *backend);

#endif
