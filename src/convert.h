/* SPDX-License-Identifier: MIT */
/* Owns: the one copy: from the host's memory into a pool buffer, with conversion and (de)interleaving in the same pass.
 * Used by: ingest_rt.c, on the audio thread. */
#ifndef ACAP_SRC_CONVERT_H
#define ACAP_SRC_CONVERT_H

#include "base.h"

/* Where the host's frames lie. Exactly one of frames and planes is set. */
typedef struct acap__source {
    const void *frames;        /* interleaved, any alignment */
    const void *const *planes; /* one pointer a channel, any alignment */
    uint32_t format;
} acap__source;

/* Where they go: 64-byte aligned data; plane_stride_bytes 0: interleaved. */
typedef struct acap__target {
    void *data;
    uint32_t plane_stride_bytes;
    uint32_t format;
} acap__target;

/* rt: copies frame_count frames of channel_count channels from frame source_frame on to frame target_frame on. Integer to a wider
   integer or to float is exact where the target can hold it; to a narrower one, and from float, rounds to nearest and saturates; NaN
   becomes silence. */
void acap__convert(const acap__target *target, uint32_t target_frame, const acap__source *source, uint32_t source_frame,
                   uint32_t channel_count, uint32_t frame_count) ACAP__NONBLOCKING;

/* rt: true when every sample of the target's first frame_count frames is digital silence; looks at a few samples of real audio only. */
bool acap__is_silent(const acap__target *target, uint32_t channel_count, uint32_t frame_count) ACAP__NONBLOCKING;

#endif
