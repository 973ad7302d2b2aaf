/* SPDX-License-Identifier: MIT */
/* Owns: the proof that levels are measured as documented: peak, root mean square, clipped samples and zeros.
 * Run by: CTest, well below a second.
 * Runs on: the insides of the static library; the reference keeps the value of every sample that it writes, and reads none back. */
#include "measure.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

enum { PADDING_BYTES = 64 };
static const float untouched = -77.0f;

/* A buffer that is being written, and what should be measured in it. */
typedef struct written {
    acap_buffer buffer;
    unsigned char *data;
    long double square_sums[ACAP_MAX_CHANNELS];
    double peaks[ACAP_MAX_CHANNELS];
    uint64_t clipped;
    uint64_t zeros;
} written;

static unsigned bytes_of(uint32_t format)
{
    static const unsigned bytes[] = { 0, 2, 3, 4, 4, 1 };

    return bytes[format];
}

static int64_t full_scale_of(uint32_t format)
{
    return INT64_C(1) << (8 * bytes_of(format) - 1);
}

static void begin(written *w, uint32_t format, uint32_t channel_count, uint32_t frame_count, bool is_planar)
{
    const size_t plane_bytes = (size_t)frame_count * bytes_of(format);
    const size_t stride = plane_bytes + PADDING_BYTES;

    memset(w, 0, sizeof *w);
    w->buffer.struct_size = sizeof w->buffer;
    w->buffer.format = format;
    w->buffer.channel_count = channel_count;
    w->buffer.frame_count = frame_count;
    w->buffer.plane_stride_bytes = is_planar ? (uint32_t)stride : 0;
    w->data = malloc(stride * channel_count);
    assert_non_null(w->data);
    memset(w->data, 0x7f, stride * channel_count); /* what is not written sounds loud */
    w->buffer.data = w->data;
}

static void end(written *w)
{
    free(w->data);
}

static unsigned char *sample_at(const written *w, uint32_t frame, uint32_t channel)
{
    const acap_buffer *b = &w->buffer;
    const size_t bytes = bytes_of(b->format);

    return w->data + (b->plane_stride_bytes ? (size_t)channel * b->plane_stride_bytes + frame * bytes
                                            : ((size_t)frame * b->channel_count + channel) * bytes);
}

static void expect(written *w, uint32_t channel, double value, bool is_clipped)
{
    w->square_sums[channel] += (long double)value * value;
    w->peaks[channel] = fmax(w->peaks[channel], fabs(value));
    w->clipped += is_clipped;
    w->zeros += value == 0.0;
}

/* code: from minus full scale to full scale - 1. */
static void put_integer(written *w, uint32_t frame, uint32_t channel, int64_t code)
{
    const uint32_t format = w->buffer.format;
    const int64_t full_scale = full_scale_of(format);
    const uint32_t bits = (uint32_t)(format == ACAP_FORMAT_U8 ? code + 128 : code);
    const uint16_t one = 1;
    const bool is_little_endian = *(const unsigned char *)&one == 1;
    unsigned char *at = sample_at(w, frame, channel);

    for (unsigned i = 0; i < bytes_of(format); i++)
        at[is_little_endian ? i : bytes_of(format) - 1 - i] = (unsigned char)(bits >> 8 * i & 255);
    expect(w, channel, (double)code / (double)full_scale, code == -full_scale || code == full_scale - 1);
}

static void put_float(written *w, uint32_t frame, uint32_t channel, float value)
{
    memcpy(sample_at(w, frame, channel), &value, sizeof value);
    if (!isnan(value))
        expect(w, channel, value, fabsf(value) >= 1.0f);
}

static void assert_close(double measured, double wanted)
{
    if (!(fabs(measured - wanted) <= 1e-7 * fabs(wanted)))
        fail_msg("%.9g, not %.9g", measured, wanted);
}

/* The arrays have an entry more than the buffer has channels, and one beyond that, which is not theirs. */
static void assert_measured(const written *w)
{
    const uint32_t channel_count = w->buffer.channel_count;
    float peaks[ACAP_MAX_CHANNELS + 2];
    float rms[ACAP_MAX_CHANNELS + 2];
    uint64_t clipped = 99;
    uint64_t zeros = 99;

    peaks[channel_count + 1] = untouched;
    rms[channel_count + 1] = untouched;
    acap__measure(&w->buffer, channel_count + 1, peaks, rms, &clipped, &zeros);
    for (uint32_t channel = 0; channel < channel_count; channel++) {
        assert_true(peaks[channel] == (float)w->peaks[channel]);
        assert_close(rms[channel], sqrt((double)(w->square_sums[channel] / w->buffer.frame_count)));
    }
    assert_int_equal(clipped, w->clipped);
    assert_int_equal(zeros, w->zeros);
    assert_true(peaks[channel_count] == 0.0f && rms[channel_count] == 0.0f);
    assert_true(peaks[channel_count + 1] == untouched && rms[channel_count + 1] == untouched);
}

/* ---------------------------------------------------------------------------------------------------------------------------------- */

static const uint32_t integer_formats[] = { ACAP_FORMAT_U8, ACAP_FORMAT_S16, ACAP_FORMAT_S24, ACAP_FORMAT_S32 };

static void most_negative_code_is_full_scale(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(integer_formats); i++) {
        written w;
        float peak = 0.0f;
        float rms = 0.0f;
        uint64_t clipped = 0;
        uint64_t zeros = 0;

        begin(&w, integer_formats[i], 1, 50, false);
        for (uint32_t frame = 0; frame < 50; frame++)
            put_integer(&w, frame, 0, -full_scale_of(integer_formats[i]));
        acap__measure(&w.buffer, 1, &peak, &rms, &clipped, &zeros);
        assert_true(peak == 1.0f && rms == 1.0f);
        assert_int_equal(clipped, 50);
        assert_int_equal(zeros, 0);
        end(&w);
    }
}

static void only_the_outermost_codes_are_clipped(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(integer_formats); i++) {
        const int64_t full_scale = full_scale_of(integer_formats[i]);
        const int64_t codes[] = { -full_scale, -full_scale + 1, -1, 0, 1, full_scale - 2, full_scale - 1 };
        written w;

        begin(&w, integer_formats[i], 1, COUNT_OF(codes), false);
        for (uint32_t frame = 0; frame < COUNT_OF(codes); frame++)
            put_integer(&w, frame, 0, codes[frame]);
        assert_int_equal(w.clipped, 2);
        assert_int_equal(w.zeros, 1);
        assert_measured(&w);
        end(&w);
    }
}

static void floats_clip_from_one_on(void **state)
{
    const float just_below = 0.99999994f;
    const float floats[] = { 1.0f, -1.0f, 1.5f, just_below, -just_below, 0.0f, -0.0f, 1e-45f, -1e-45f };
    written w;

    (void)state;
    begin(&w, ACAP_FORMAT_F32, 1, COUNT_OF(floats), false);
    for (uint32_t frame = 0; frame < COUNT_OF(floats); frame++)
        put_float(&w, frame, 0, floats[frame]);
    assert_int_equal(w.clipped, 3);
    assert_int_equal(w.zeros, 2);
    assert_measured(&w);
    end(&w);
}

static void not_a_number_counts_as_nothing(void **state)
{
    float peak = 0.0f;
    float rms = 0.0f;
    uint64_t clipped = 99;
    uint64_t zeros = 99;
    written w;

    (void)state;
    begin(&w, ACAP_FORMAT_F32, 1, 4, false);
    put_float(&w, 0, 0, NAN);
    put_float(&w, 1, 0, 0.5f);
    put_float(&w, 2, 0, -0.5f);
    put_float(&w, 3, 0, -NAN);
    acap__measure(&w.buffer, 1, &peak, &rms, &clipped, &zeros);
    assert_true(peak == 0.5f);
    assert_close(rms, sqrt(0.125));
    assert_int_equal(clipped, 0);
    assert_int_equal(zeros, 0);
    end(&w);
}

static void infinity_is_clipped_and_measured(void **state)
{
    float peak = 0.0f;
    float rms = 0.0f;
    uint64_t clipped = 99;
    uint64_t zeros = 99;
    written w;

    (void)state;
    begin(&w, ACAP_FORMAT_F32, 1, 2, false);
    put_float(&w, 0, 0, -INFINITY);
    put_float(&w, 1, 0, 0.0f);
    acap__measure(&w.buffer, 1, &peak, &rms, &clipped, &zeros);
    assert_true(isinf(peak) && peak > 0 && isinf(rms) && rms > 0);
    assert_int_equal(clipped, 1);
    assert_int_equal(zeros, 1);
    end(&w);
}

static void huge_floats_do_not_overflow(void **state)
{
    written w;

    (void)state;
    begin(&w, ACAP_FORMAT_F32, 1, 2, false);
    put_float(&w, 0, 0, 3e38f);
    put_float(&w, 1, 0, -3e38f);
    assert_measured(&w);
    end(&w);
}

static void arrays_may_be_left_out(void **state)
{
    float peaks[3] = { untouched, untouched, untouched };
    float rms[3] = { untouched, untouched, untouched };
    uint64_t clipped = 99;
    uint64_t zeros = 99;
    written w;

    (void)state;
    begin(&w, ACAP_FORMAT_S16, 2, 1, false);
    put_integer(&w, 0, 0, 0);
    put_integer(&w, 0, 1, -32768);
    acap__measure(&w.buffer, 0, NULL, NULL, &clipped, &zeros);
    assert_true(clipped == 1 && zeros == 1);
    acap__measure(&w.buffer, 3, peaks, NULL, &clipped, &zeros);
    assert_true(peaks[0] == 0.0f && peaks[1] == 1.0f && peaks[2] == 0.0f);
    acap__measure(&w.buffer, 3, NULL, rms, &clipped, &zeros);
    assert_true(rms[0] == 0.0f && rms[1] == 1.0f && rms[2] == 0.0f);
    assert_true(clipped == 1 && zeros == 1);
    end(&w);
}

static void no_frames_are_no_level(void **state)
{
    float peak = untouched;
    float rms = untouched;
    uint64_t clipped = 99;
    uint64_t zeros = 99;
    written w;

    (void)state;
    begin(&w, ACAP_FORMAT_F32, 1, 0, false);
    acap__measure(&w.buffer, 1, &peak, &rms, &clipped, &zeros);
    assert_true(peak == 0.0f && rms == 0.0f);
    assert_true(clipped == 0 && zeros == 0);
    end(&w);
}

static uint64_t random_state;

static uint32_t random_bits(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 32);
}

/* Louder with every channel, so that no channel can stand in for another; a tenth of it zeros and full scale. */
static void put_anything(written *w, uint32_t frame, uint32_t channel)
{
    const uint32_t format = w->buffer.format;
    const int64_t full_scale = full_scale_of(format);
    const double loudness = (channel + 1.0) / w->buffer.channel_count * 0.9;
    const double noise = loudness * (random_bits() / 2147483648.0 - 1.0);
    const uint32_t dice = random_bits() % 20;

    if (format == ACAP_FORMAT_F32)
        put_float(w, frame, channel, dice == 0 ? 0.0f : dice == 1 ? -1.25f : (float)noise);
    else
        put_integer(w, frame, channel, dice == 0 ? 0 : dice == 1 ? full_scale - 1 : (int64_t)(noise * (double)full_scale));
}

static void measures_every_channel(void **state)
{
    static const uint32_t channel_counts[] = { 1, 2, 3, 8, 128 };
    static const uint32_t frame_counts[] = { 1, 31, 480, 3001 };
    const uint32_t format = (uint32_t)(uintptr_t)*state;

    random_state = 3;
    for (size_t i = 0; i < COUNT_OF(channel_counts) * COUNT_OF(frame_counts) * 2; i++) {
        const uint32_t channel_count = channel_counts[i / 2 / COUNT_OF(frame_counts)];
        const uint32_t frame_count = frame_counts[i / 2 % COUNT_OF(frame_counts)];
        written w;

        begin(&w, format, channel_count, frame_count, i % 2);
        for (uint32_t frame = 0; frame < frame_count; frame++) {
            for (uint32_t channel = 0; channel < channel_count; channel++)
                put_anything(&w, frame, channel);
        }
        assert_measured(&w);
        end(&w);
    }
}

#define IN_FORMAT(test, FORMAT) { #test " (" #FORMAT ")", test, NULL, NULL, (void *)(uintptr_t)ACAP_FORMAT_##FORMAT }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(most_negative_code_is_full_scale),
        cmocka_unit_test(only_the_outermost_codes_are_clipped),
        cmocka_unit_test(floats_clip_from_one_on),
        cmocka_unit_test(not_a_number_counts_as_nothing),
        cmocka_unit_test(infinity_is_clipped_and_measured),
        cmocka_unit_test(huge_floats_do_not_overflow),
        cmocka_unit_test(arrays_may_be_left_out),
        cmocka_unit_test(no_frames_are_no_level),
        IN_FORMAT(measures_every_channel, U8),
        IN_FORMAT(measures_every_channel, S16),
        IN_FORMAT(measures_every_channel, S24),
        IN_FORMAT(measures_every_channel, S32),
        IN_FORMAT(measures_every_channel, F32),
    };
    return cmocka_run_group_tests_name("measure", tests, NULL, NULL);
}
