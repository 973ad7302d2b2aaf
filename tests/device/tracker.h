/* SPDX-License-Identifier: MIT */
/* Owns: following the counting signal through borrowed buffers: what is where it belongs, what jumped, what is silent, what is wrong.
 * Used by: the device tests, on the thread that borrows. */
#ifndef ACAP_TESTS_DEVICE_TRACKER_H
#define ACAP_TESTS_DEVICE_TRACKER_H

#include <acap/acap.h>

#include <stdbool.h>
#include <stdint.h>

typedef struct tracker {
    uint32_t next;            /* the counter that the next frame must have */
    bool is_synced;           /* false: leading silence is skipped, and the first other frame sets next */
    uint64_t lead_frames;     /* of silence before the signal */
    uint64_t good_frames;     /* exactly what was due */
    uint64_t silent_frames;   /* silence where the signal was due; it counts on meanwhile */
    uint64_t corrupt_frames;  /* neither */
    uint64_t jumps;           /* places where the signal goes on with another counter */
    uint64_t jumps_inside;    /* of these, places that are not the first frame of a buffer */
    uint64_t jumped_frames;   /* sum of the jumps forward, modulo counting_modulus() each */
} tracker;

/* The first frame must be that of this counter. */
void tracker_begin_at(tracker *t, uint32_t counter);
/* The signal has begun before, or has still to begin. */
void tracker_begin_anywhere(tracker *t);

void tracker_follow(tracker *t, const acap_buffer *buffer);

#endif
