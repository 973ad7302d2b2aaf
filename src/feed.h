/* SPDX-License-Identifier: MIT */
/* Owns: the block that a back end hands to its host as user data: a gate and, behind it, the stream's ingest. One for each opening of a
 * device; it outlives everything that the host may still call.
 * Used by: back ends (deliver, on the audio thread) and the stream (make, shut, retire). */
#ifndef ACAP_SRC_FEED_H
#define ACAP_SRC_FEED_H

#include "base.h"
#include "gate.h"

struct acap__ingest;

/* What one call of the host brings. */
typedef struct acap__chunk {
    const void *frames;         /* interleaved source; NULL with planes NULL: frame_count frames were lost by the host */
    const void *const *planes;  /* planar source: one pointer a channel */
    uint32_t frame_count;
    bool host_overflow;         /* the host says that it lost something before this */
    int64_t entry_ns;           /* acap_clock_ns() when the host called */
    int64_t delay_ns;           /* age of the first frame at entry by the host's word; negative: unknown */
} acap__chunk;

typedef struct acap__feed {
    acap__gate gate;
    struct acap__ingest *ingest;
    acap__u32 host_gave_up; /* set by the back end, on any thread: the host has ended the stream by itself */
    acap__u64 thread_id;    /* of the audio thread where acap gave it a real-time class; 0: it did not */
    struct acap__feed *next; /* in quarantine */
} acap__feed;

acap__feed *acap__feed_create(struct acap__ingest *ingest);
/* The host has closed its stream: freed after a quarantine, since hosts have been seen to call once more. */
void acap__feed_retire(acap__feed *feed);

/* On the audio thread, once, before its first delivery: asks for a real-time class. */
void acap__feed_adopt_thread(acap__feed *feed);
/* The gate is shut: a thread that goes on all the same must not starve others. */
void acap__feed_disown_thread(acap__feed *feed);

/* rt: false: the gate is shut, and the audio thread should end. */
bool acap__feed_deliver(acap__feed *feed, const acap__chunk *chunk) ACAP__NONBLOCKING;

#endif
