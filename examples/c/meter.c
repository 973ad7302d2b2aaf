/* SPDX-License-Identifier: MIT */
/* Owns: a level meter: peak, rms and clipping of each channel over the buffers since it was cleared.
 * Called by: record.c (progress line), fan_out.c (its second reader).
 * Thread: one at a time. */
#include "meter.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define FLOOR_DB (-99.9)
#define BAR_FLOOR_DB (-60.0)
#define BAR_MAX 20

void meter_clear(meter *self)
{
    memset(self, 0, sizeof(*self));
}

acap_result meter_add(meter *self, const acap_buffer *buffer)
{
    float peak[ACAP_MAX_CHANNELS];
    float rms[ACAP_MAX_CHANNELS];
    acap_levels levels = ACAP_LEVELS_INIT;

    levels.channel_count = ACAP_MAX_CHANNELS;
    levels.peak = peak;
    levels.rms = rms;
    const acap_result result = acap_buffer_measure(buffer, &levels);

    if (result != ACAP_OK)
        return result;
    self->channel_count = buffer->channel_count;
    self->frame_count += buffer->frame_count;
    self->clipped_samples += levels.clipped;
    for (uint32_t c = 0; c < buffer->channel_count; c++) {
        self->peak[c] = fmaxf(self->peak[c], peak[c]);
        self->square_sum[c] += (double)rms[c] * (double)rms[c] * buffer->frame_count;
    }
    return ACAP_OK;
}

static double decibels(double amplitude)
{
    return amplitude > 0 ? fmax(20 * log10(amplitude), FLOOR_DB) : FLOOR_DB;
}

double meter_peak_db(const meter *self, uint32_t channel)
{
    return decibels((double)self->peak[channel]);
}

double meter_rms_db(const meter *self, uint32_t channel)
{
    return self->frame_count == 0 ? FLOOR_DB : decibels(sqrt(self->square_sum[channel] / (double)self->frame_count));
}

static int bar_length(double level_db, int width)
{
    const double part = (level_db - BAR_FLOOR_DB) / -BAR_FLOOR_DB;

    return part <= 0 ? 0 : part >= 1 ? width : (int)(part * width + 0.5);
}

/* '=' up to the rms level, '-' up to the peak. */
static void draw_bar(const meter *self, uint32_t channel, char *bar, int width)
{
    const int rms = bar_length(meter_rms_db(self, channel), width);
    const int peak = bar_length(meter_peak_db(self, channel), width);

    for (int i = 0; i < width; i++)
        bar[i] = i < rms ? '=' : i < peak ? '-' : ' ';
    bar[width] = '\0';
}

void meter_draw(const meter *self, char *text, size_t size)
{
    const int width = self->channel_count <= 2 ? BAR_MAX : self->channel_count <= 4 ? BAR_MAX / 4 : 0;
    const uint32_t shown = self->channel_count <= 8 ? self->channel_count : 8;
    char bar[BAR_MAX + 1];
    size_t length = 0;

    text[0] = '\0';
    for (uint32_t c = 0; c < shown && length < size; c++) {
        draw_bar(self, c, bar, width);
        length += (size_t)snprintf(text + length, size - length, width > 0 ? "[%s]%6.1f " : "%s%6.1f ", bar, meter_peak_db(self, c));
    }
    if (length < size)
        snprintf(text + length, size - length, "%s", self->clipped_samples > 0 ? "CLIP" : "    ");
}
