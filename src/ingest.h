/* SPDX-License-Identifier: MIT */
/* Owns: the way of a frame from the host's memory into a pool buffer and out to every outlet, and the stream's account of it.
 * Used by: one producer at a time: the audio thread through a feed, or the control side once the feed's gate is shut and quiet.
 *
 * Invariants: frames of the buffer that is being filled are neither captured nor lost (pending);
 *   its first frame is at figures.position; a loss is accounted only when nothing is pending. */
#ifndef ACAP_SRC_INGEST_H
#define ACAP_SRC_INGEST_H

#include "atomic.h"
#include "base.h"
#include "convert.h"
#include "feed.h"
#include "ledger.h"
#include "notices.h"
#include "outlet.h"
#include "pool.h"
#include "timeline.h"

typedef enum acap__loss {
    ACAP__LOSS_POOL,
    ACAP__LOSS_HOST,
} acap__loss;

typedef struct acap__ingest {
    /* constant from open on */
    acap_pool *pool;
    uint64_t stream_id; /* never 0 */
    uint32_t sample_rate_hz;
    uint32_t channel_count;
    uint32_t format;
    uint32_t frames_per_buffer;
    uint32_t frame_bytes;        /* interleaved */
    uint32_t plane_stride_bytes; /* 0: interleaved */
    uint32_t history_buffers; /* slots of history; 0: none is kept */
    /* constant while a device feeds */
    uint32_t source_format;
    bool has_clock; /* the calls are paced by a device: time and loss can be told from them */
    /* the producer's own */
    acap__header *filling;
    uint32_t filled_frames;
    uint32_t next_flags; /* of the next buffer that is begun */
    uint64_t lost_before;
    uint64_t untold_frames;    /* lost, and not yet in a notice */
    uint64_t late_span_frames; /* of these */
    int64_t last_time_ns;
    int64_t now_ns; /* when this passage began */
    int64_t end_ns; /* when the last frame so far had been captured */
    int64_t error_ns; /* of the times of this passage */
    bool is_resuming; /* set by control before a device is back: the gap since end_ns is accounted with its first frame */
    acap__timeline timeline;
    acap__figures figures;
    acap__outlet *live[ACAP_MAX_READERS]; /* the outlets of this passage */
    uint32_t live_count;
    /* shared */
    ACAP__ALIGNED acap__ledger ledger;
    acap__u64 pending_frames;
    acap__u64 callbacks;
    acap__u64 host_overflows;
    acap__u64 callback_ns_max;
    acap__u64 callback_ns_total;
    acap__u64 recoveries;
    acap__u32 realtime; /* the audio thread runs in a real-time class */
    acap__u64 measured_rate_uhz; /* millionths of a hertz */
    acap__u64 silent_frames;     /* digital silence up to now */
    acap__notices notices;
    acap__u64 published;  /* buffers: the number of the next one; behind its history slot */
    acap__ptr *history;   /* buffer i in slot i % history_buffers; each holds a reference; taken and put by exchange */
    ACAP__ALIGNED acap__u64 outlet_mask; /* bit i: outlets[i] is to be filled */
    acap__ptr outlets[ACAP_MAX_READERS];
} acap__ingest;

/* ingest_rt.c: all rt, producer only */

/* One call of the host. */
void acap__ingest_write(acap__ingest *ingest, const acap__chunk *chunk) ACAP__NONBLOCKING;
/* Publishes what is pending; with the gate shut and quiet, or within a passage. */
void acap__ingest_flush(acap__ingest *ingest) ACAP__NONBLOCKING;
/* Publishes what is pending and accounts frame_count lost frames. */
void acap__ingest_lose(acap__ingest *ingest, uint64_t frame_count, acap__loss cause) ACAP__NONBLOCKING;
/* The device has been stopped: accounts what was suspected lost, and publishes what is pending. */
void acap__ingest_finish(acap__ingest *ingest) ACAP__NONBLOCKING;
/* Begins a passage: sees the outlets that there are, and makes new ones live. */
void acap__ingest_enter(acap__ingest *ingest) ACAP__NONBLOCKING;

#endif
