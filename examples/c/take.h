/* SPDX-License-Identifier: MIT */
/* Owns: the way from a reader's buffers to a file that keeps time: lost frames become silence, the length
 * is exact to the frame.
 * Called by: record.c and fan_out.c.
 * Thread: the one that borrows. */
#ifndef TAKE_H
#define TAKE_H

#include "sink.h"

#include <acap/acap.h>

#include <stdbool.h>
#include <stdint.h>

#define TAKE_NO_LIMIT UINT64_MAX

/* frames_captured + frames_silent == out->frames_written, unless a write failed. */
typedef struct take {
    sink *out;
    bool fill_gaps;
    uint64_t frame_limit;     /* how long the file may become */
    uint64_t next_position;   /* the stream's position of the next frame */
    uint64_t frames_captured; /* written, from buffers */
    uint64_t frames_lost;     /* missing between the first frame and the last */
    uint64_t frames_silent;   /* written instead of them */
} take;

bool take_is_full(const take *self);

/* Writes a buffer, and before it the silence for what was lost since the one before. False: out->error tells why. */
bool take_add(take *self, const acap_buffer *buffer);

/* Nothing more comes: writes the silence for what was lost after the last buffer. */
bool take_end(take *self, uint64_t end_position);

#endif
