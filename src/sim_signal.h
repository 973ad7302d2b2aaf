/* SPDX-License-Identifier: MIT */
/* Owns: what a simulated device hears: a function of frame number and channel, so that loss, repetition and reordering are provable.
 * Used by: backend_sim.c, on its device thread. */
#ifndef ACAP_SRC_SIM_SIGNAL_H
#define ACAP_SRC_SIM_SIGNAL_H

#include "base.h"

typedef enum acap__signal_kind {
    ACAP__SIGNAL_COUNTER,
    ACAP__SIGNAL_SINE,
    ACAP__SIGNAL_NOISE,
    ACAP__SIGNAL_SILENCE,
} acap__signal_kind;

typedef struct acap__signal {
    acap__signal_kind kind;
    uint32_t format;
    uint32_t channel_count;
    uint32_t sample_rate_hz;
    double frequency_hz; /* sine */
} acap__signal;

/* Writes frames first_frame and on, interleaved. */
void acap__signal_fill(const acap__signal *signal, void *frames, uint64_t first_frame, uint32_t frame_count);

#endif
