/* SPDX-License-Identifier: MIT */
/* Owns: the signals of the simulated devices.
 * Called by: backend_sim.c, on its device thread or on that of acap_stream_sim_advance. */
#include "sim_signal.h"

#include <math.h>
#include <string.h>

#define TWO_PI 6.283185307179586
#define SINE_AMPLITUDE 0.5 /* -6 dB: room for whoever mixes it */

/* The counter of acap_stream_open's documentation, as the bits of a sample in the low bytes. */
static uint32_t counter_bits(uint32_t format, uint32_t x, uint32_t channel)
{
    switch (format) {
    case ACAP_FORMAT_S16:
        return (x + channel * 0x1111u) & 0xffffu;
    case ACAP_FORMAT_S32:
        return x << 8 | channel;
    case ACAP_FORMAT_U8:
        return (x + channel * 17u) & 0xffu;
    default: /* S24, and F32 before its scaling */
        return (x + channel * 0x010101u) & 0xffffffu;
    }
}

static float counter_float(uint32_t x, uint32_t channel)
{
    return (float)((int32_t)counter_bits(ACAP_FORMAT_F32, x, channel) - 0x800000) / 8388608.0f;
}

static double sine(const acap__signal *signal, uint64_t frame)
{
    /* Whole seconds by themselves: their cycles grow beyond what a double resolves finely, and only the fraction counts. */
    const double whole = (double)(frame / signal->sample_rate_hz) * signal->frequency_hz;
    const double cycles = whole - floor(whole) + (double)(frame % signal->sample_rate_hz) / signal->sample_rate_hz * signal->frequency_hz;

    return SINE_AMPLITUDE * sin(TWO_PI * (cycles - floor(cycles)));
}

/* A hash of the frame and the channel: the same noise on every run, wherever it is begun. */
static double noise(uint64_t frame, uint32_t channel)
{
    uint64_t x = frame * ACAP_MAX_CHANNELS + channel + UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    x ^= x >> 31;
    return (double)(int64_t)x / 9223372036854775808.0 * SINE_AMPLITUDE;
}

/* A value in [-1, 1) as the bits of an integer sample; U8 is offset by the caller. */
static uint32_t integer_bits(double value, uint32_t format)
{
    const double scale = format == ACAP_FORMAT_S16 ? 32768.0 : format == ACAP_FORMAT_S24 ? 8388608.0 : format == ACAP_FORMAT_U8 ? 128.0
                                                                                                                     : 2147483648.0;
    return (uint32_t)(int32_t)floor(value * scale + 0.5);
}

static void store_bits(unsigned char *sample, uint32_t format, uint32_t bits)
{
    const uint16_t half = (uint16_t)bits;
    static const uint16_t one = 1;
    const bool is_little = *(const unsigned char *)&one == 1;

    switch (format) {
    case ACAP_FORMAT_S16:
        memcpy(sample, &half, sizeof half);
        break;
    case ACAP_FORMAT_S24:
        for (int i = 0; i < 3; i++)
            sample[is_little ? i : 2 - i] = (unsigned char)(bits >> (8 * i));
        break;
    case ACAP_FORMAT_U8:
        sample[0] = (unsigned char)bits;
        break;
    default:
        memcpy(sample, &bits, sizeof bits);
        break;
    }
}

static void store_float(unsigned char *sample, float value)
{
    memcpy(sample, &value, sizeof value);
}

static void put_counter(const acap__signal *signal, unsigned char *sample, uint64_t frame, uint32_t channel)
{
    if (signal->format == ACAP_FORMAT_F32)
        store_float(sample, counter_float((uint32_t)frame, channel));
    else
        store_bits(sample, signal->format, counter_bits(signal->format, (uint32_t)frame, channel));
}

static void put_value(uint32_t format, unsigned char *sample, double value)
{
    if (format == ACAP_FORMAT_F32)
        store_float(sample, (float)value);
    else
        store_bits(sample, format, integer_bits(value, format) + (format == ACAP_FORMAT_U8 ? 128u : 0u));
}

static void fill_frame(const acap__signal *signal, unsigned char *samples, uint32_t sample_bytes, uint64_t frame)
{
    const double wave = signal->kind == ACAP__SIGNAL_SINE ? sine(signal, frame) : 0.0;

    for (uint32_t channel = 0; channel < signal->channel_count; channel++, samples += sample_bytes) {
        if (signal->kind == ACAP__SIGNAL_COUNTER)
            put_counter(signal, samples, frame, channel);
        else if (signal->kind == ACAP__SIGNAL_NOISE)
            put_value(signal->format, samples, noise(frame, channel));
        else
            put_value(signal->format, samples, wave);
    }
}

void acap__signal_fill(const acap__signal *signal, void *frames, uint64_t first_frame, uint32_t frame_count)
{
    const uint32_t sample_bytes = acap_format_bytes(signal->format);
    const size_t frame_bytes = (size_t)sample_bytes * signal->channel_count;
    unsigned char *out = frames;

    if (signal->kind == ACAP__SIGNAL_SILENCE) {
        memset(frames, signal->format == ACAP_FORMAT_U8 ? 128 : 0, frame_bytes * frame_count);
        return;
    }
    for (uint32_t i = 0; i < frame_count; i++)
        fill_frame(signal, out + i * frame_bytes, sample_bytes, first_frame + i);
}
