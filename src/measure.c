/* SPDX-License-Identifier: MIT */
/* Owns: the measurement of levels, in one pass over the samples.
 * Used by: buffer.c.
 * Thread: the caller's. */
#include "measure.h"

#include <math.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && defined(__ORDER_BIG_ENDIAN__)
#define IS_BIG_ENDIAN (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
#else
#define IS_BIG_ENDIAN 0
#endif

enum { BLOCK_BYTES = 16384 }; /* of interleaved frames that all channels are measured in before the next, from the first-level cache */

/* What one channel has come to; in codes, for an integer format, and scaled at the end. */
typedef struct tally {
    double square_sum;
    uint64_t clipped;
    uint64_t zeros;
    uint32_t peak; /* magnitude of an integer, or bit pattern of a float's magnitude, which has the same order */
} tally;

/* Adds frame_count samples of one channel, step_bytes apart. */
typedef void add_fn(tally *total, const unsigned char *first, size_t step_bytes, size_t frame_count);

typedef struct format_traits {
    add_fn *add;
    uint32_t bytes;
    double full_scale; /* of peak and of the square sum's root */
} format_traits;

static int32_t load_U8(const unsigned char *at)
{
    return *at - 128;
}

static int32_t load_S16(const unsigned char *at)
{
    int16_t sample;

    memcpy(&sample, at, sizeof sample);
    return sample;
}

static int32_t load_S24(const unsigned char *at)
{
    const uint32_t low = at[IS_BIG_ENDIAN ? 2 : 0];
    const uint32_t middle = at[1];
    const uint32_t high = at[IS_BIG_ENDIAN ? 0 : 2];

    return (int32_t)(high << 24 | middle << 16 | low << 8) >> 8;
}

static int32_t load_S32(const unsigned char *at)
{
    int32_t sample;

    memcpy(&sample, at, sizeof sample);
    return sample;
}

static void add_integer(tally *total, int32_t sample, int32_t lowest)
{
    const uint32_t magnitude = sample < 0 ? 0u - (uint32_t)sample : (uint32_t)sample;

    total->peak = acap__max_u32(total->peak, magnitude);
    total->square_sum += (double)sample * (double)sample;
    total->clipped += sample == lowest || sample == -(lowest + 1);
    total->zeros += sample == 0;
}

/* By bit pattern, so that neither "flush denormals to zero" nor fast arithmetic changes what is a zero or a NaN. */
static void add_float(tally *total, float sample)
{
    const uint32_t bits_of_one = 0x3f800000u;
    const uint32_t bits_of_infinity = 0x7f800000u;
    uint32_t magnitude;

    memcpy(&magnitude, &sample, sizeof magnitude);
    magnitude &= 0x7fffffffu;
    if (magnitude > bits_of_infinity)
        return;
    total->peak = acap__max_u32(total->peak, magnitude);
    total->square_sum += (double)sample * (double)sample;
    total->clipped += magnitude >= bits_of_one;
    total->zeros += magnitude == 0;
}

/* The sums are kept apart from *total in the loop, since for all that a compiler knows the samples could lie in it. */
#define DEFINE_ADD(FORMAT, lowest)                                                                                                       \
    static void add_##FORMAT(tally *total, const unsigned char *first, size_t step_bytes, size_t frame_count)                            \
    {                                                                                                                                    \
        tally sum = *total;                                                                                                              \
                                                                                                                                         \
        for (size_t i = 0; i < frame_count; i++)                                                                                         \
            add_integer(&sum, load_##FORMAT(first + i * step_bytes), lowest);                                                            \
        *total = sum;                                                                                                                    \
    }
DEFINE_ADD(U8, INT8_MIN)
DEFINE_ADD(S16, INT16_MIN)
DEFINE_ADD(S24, -8388608)
DEFINE_ADD(S32, INT32_MIN)

static void add_F32(tally *total, const unsigned char *first, size_t step_bytes, size_t frame_count)
{
    tally sum = *total;

    for (size_t i = 0; i < frame_count; i++) {
        float sample;

        memcpy(&sample, first + i * step_bytes, sizeof sample);
        add_float(&sum, sample);
    }
    *total = sum;
}

static const format_traits traits_of[ACAP_FORMAT_U8 + 1] = {
    [ACAP_FORMAT_S16] = { add_S16, 2, 32768.0 },
    [ACAP_FORMAT_S24] = { add_S24, 3, 8388608.0 },
    [ACAP_FORMAT_S32] = { add_S32, 4, 2147483648.0 },
    [ACAP_FORMAT_F32] = { add_F32, 4, 1.0 },
    [ACAP_FORMAT_U8] = { add_U8, 1, 128.0 },
};

static void add_buffer(tally *tallies, const acap_buffer *buffer, const format_traits *traits)
{
    const uint32_t frame_bytes = buffer->channel_count * traits->bytes;
    const bool is_planar = buffer->plane_stride_bytes != 0;
    const size_t frame_step = is_planar ? traits->bytes : frame_bytes;
    const size_t channel_step = is_planar ? buffer->plane_stride_bytes : traits->bytes;
    const uint32_t block = BLOCK_BYTES / frame_bytes;

    for (uint32_t frame = 0; frame < buffer->frame_count; frame += block) {
        const uint32_t count = acap__min_u32(block, buffer->frame_count - frame);
        const unsigned char *first = (const unsigned char *)buffer->data + frame * frame_step;

        for (uint32_t channel = 0; channel < buffer->channel_count; channel++)
            traits->add(&tallies[channel], first + channel * channel_step, frame_step, count);
    }
}

static float peak_of(const tally *total, const format_traits *traits, uint32_t format)
{
    float peak;

    if (format != ACAP_FORMAT_F32)
        return (float)(total->peak / traits->full_scale);
    memcpy(&peak, &total->peak, sizeof peak);
    return peak;
}

static float rms_of(const tally *total, const format_traits *traits, uint32_t frame_count)
{
    return frame_count ? (float)(sqrt(total->square_sum / frame_count) / traits->full_scale) : 0.0f;
}

void acap__measure(const acap_buffer *buffer, uint32_t channel_count, float *peak_or_null, float *rms_or_null, uint64_t *clipped,
                   uint64_t *zeros)
{
    const format_traits *traits = &traits_of[buffer->format];
    tally tallies[ACAP_MAX_CHANNELS] = { { 0.0, 0, 0, 0 } };

    *clipped = 0;
    *zeros = 0;
    add_buffer(tallies, buffer, traits);
    for (uint32_t channel = 0; channel < buffer->channel_count; channel++) {
        *clipped += tallies[channel].clipped;
        *zeros += tallies[channel].zeros;
    }
    for (uint32_t channel = 0; channel < channel_count; channel++) {
        const bool is_measured = channel < buffer->channel_count;

        if (peak_or_null)
            peak_or_null[channel] = is_measured ? peak_of(&tallies[channel], traits, buffer->format) : 0.0f;
        if (rms_or_null)
            rms_or_null[channel] = is_measured ? rms_of(&tallies[channel], traits, buffer->frame_count) : 0.0f;
    }
}
