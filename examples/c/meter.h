/* SPDX-License-Identifier: MIT */
/* Owns: a level meter: peak, rms and clipping of each channel over the buffers since it was cleared.
 * Called by: record.c (progress line), fan_out.c (its second reader).
 * Thread: one at a time. */
#ifndef METER_H
#define METER_H

#include <acap/acap.h>

#include <stddef.h>
#include <stdint.h>

typedef struct meter {
    uint32_t channel_count;
    uint64_t frame_count;
    uint64_t clipped_samples;
    float peak[ACAP_MAX_CHANNELS];        /* 1.0 is full scale */
    double square_sum[ACAP_MAX_CHANNELS]; /* over frame_count frames */
} meter;

void meter_clear(meter *self);
acap_result meter_add(meter *self, const acap_buffer *buffer);

/* In decibels below full scale, not below -99.9. */
double meter_peak_db(const meter *self, uint32_t channel);
double meter_rms_db(const meter *self, uint32_t channel);

/* One line of a width that does not change: bars or figures for each channel, as many as fit; CLIP where samples reached full scale. */
void meter_draw(const meter *self, char *text, size_t size);

#endif
