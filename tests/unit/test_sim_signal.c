/* SPDX-License-Identifier: MIT */
/* Owns: tests of the simulated signals from the inside, at frame numbers that no test of a stream would reach.
 * Run by: CTest, in milliseconds.
 * Runs on: the insides of the static library, one thread. */
#include "sim_signal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
#define TWO_PI 6.283185307179586

static acap__signal counter(uint32_t format, uint32_t channel_count)
{
    return (acap__signal){ACAP__SIGNAL_COUNTER, format, channel_count, 48000, 440.0};
}

/* acap.h's words, frame by frame: x is the frame's number modulo 2^32. */
static int64_t expected_sample(uint32_t format, uint64_t frame, uint32_t channel)
{
    const uint64_t x = frame & 0xffffffffu;

    switch (format) {
    case ACAP_FORMAT_S16:
        return (int16_t)(uint16_t)(x + channel * 0x1111u);
    case ACAP_FORMAT_S24: {
        const int64_t bits = (int64_t)((x + channel * 0x010101u) % 0x1000000u);
        return bits >= 0x800000 ? bits - 0x1000000 : bits;
    }
    case ACAP_FORMAT_S32:
        return (int32_t)(uint32_t)((x << 8) | channel);
    case ACAP_FORMAT_F32: /* times 2^23 */
        return (int64_t)((x + channel * 0x010101u) % 0x1000000u) - 0x800000;
    default:
        return (int64_t)((x + channel * 17u) % 256u);
    }
}

static int64_t read_sample(uint32_t format, const unsigned char *at)
{
    int16_t half;
    int32_t whole;
    float real;

    switch (format) {
    case ACAP_FORMAT_S16:
        memcpy(&half, at, sizeof half);
        return half;
    case ACAP_FORMAT_S24: /* little-endian, as all machines that this test has met */
        return (int32_t)((uint32_t)at[0] << 8 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 24) / 256;
    case ACAP_FORMAT_S32:
        memcpy(&whole, at, sizeof whole);
        return whole;
    case ACAP_FORMAT_F32:
        memcpy(&real, at, sizeof real);
        assert_true(real == (float)(real * 8388608.0) / 8388608.0f); /* exact in a float */
        return (int64_t)(real * 8388608.0);
    default:
        return at[0];
    }
}

static void the_counter_is_the_documented_function_everywhere(void **state)
{
    static const uint64_t firsts[] = {0,
                                      (1u << 8) - 5,
                                      (1u << 16) - 5,
                                      (1u << 23) - 5,
                                      (1u << 24) - 5,
                                      (UINT64_C(1) << 31) - 5,
                                      (UINT64_C(1) << 32) - 5,
                                      (UINT64_C(1) << 32) * 1000 - 5,
                                      UINT64_MAX - 20};

    (void)state;
    for (uint32_t format = ACAP_FORMAT_S16; format <= ACAP_FORMAT_U8; format++) {
        const acap__signal signal = counter(format, ACAP_MAX_CHANNELS);
        const uint32_t sample_bytes = acap_format_bytes(format);
        for (size_t i = 0; i < COUNT_OF(firsts); i++) {
            unsigned char frames[10 * ACAP_MAX_CHANNELS * 4];
            acap__signal_fill(&signal, frames, firsts[i], 10);
            for (uint32_t frame = 0; frame < 10; frame++)
                for (uint32_t channel = 0; channel < ACAP_MAX_CHANNELS; channel++)
                    assert_true(read_sample(format, frames + (frame * ACAP_MAX_CHANNELS + channel) * sample_bytes)
                                == expected_sample(format, firsts[i] + frame, channel));
        }
    }
}

static void no_two_channels_of_a_frame_are_alike(void **state)
{
    (void)state;
    for (uint32_t format = ACAP_FORMAT_S24; format <= ACAP_FORMAT_F32; format++)
        for (uint32_t a = 0; a < ACAP_MAX_CHANNELS; a++)
            for (uint32_t b = 0; b < a; b++)
                assert_true(expected_sample(format, 1000, a) != expected_sample(format, 1000, b));
}

/* One frame at a time or all at once: the same. */
static void a_signal_does_not_depend_on_where_it_is_begun(void **state)
{
    (void)state;
    for (int kind = ACAP__SIGNAL_COUNTER; kind <= ACAP__SIGNAL_SILENCE; kind++) {
        for (uint32_t format = ACAP_FORMAT_S16; format <= ACAP_FORMAT_U8; format++) {
            const acap__signal signal = {(acap__signal_kind)kind, format, 3, 44100, 1234.5};
            const size_t frame_bytes = 3 * acap_format_bytes(format);
            unsigned char whole[100 * 12];
            unsigned char single[12];
            acap__signal_fill(&signal, whole, 123456789, 100);
            for (uint32_t frame = 0; frame < 100; frame++) {
                acap__signal_fill(&signal, single, 123456789 + frame, 1);
                assert_memory_equal(single, whole + frame * frame_bytes, frame_bytes);
            }
        }
    }
}

static void the_sine_stays_exact_after_a_year(void **state)
{
    const acap__signal signal = {ACAP__SIGNAL_SINE, ACAP_FORMAT_F32, 1, 48000, 1000.0};
    const uint64_t year = UINT64_C(48000) * 86400 * 365;
    float frames[48];

    (void)state;
    acap__signal_fill(&signal, frames, year, 48);
    for (int i = 0; i < 48; i++)
        assert_true(fabs(frames[i] - 0.5 * sin(TWO_PI * i / 48.0)) < 1e-6);
}

static void integer_waves_round_to_the_nearest_code(void **state)
{
    static const struct {
        uint32_t format;
        double scale;
        int64_t zero;
    } rows[] = {{ACAP_FORMAT_S16, 32768.0, 0},
                {ACAP_FORMAT_S24, 8388608.0, 0},
                {ACAP_FORMAT_S32, 2147483648.0, 0},
                {ACAP_FORMAT_U8, 128.0, 128}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const acap__signal signal = {ACAP__SIGNAL_SINE, rows[i].format, 1, 48000, 1000.0};
        const uint32_t sample_bytes = acap_format_bytes(rows[i].format);
        unsigned char frames[48 * 4];
        acap__signal_fill(&signal, frames, 0, 48);
        for (uint32_t frame = 0; frame < 48; frame++) {
            const double exact = 0.5 * sin(TWO_PI * frame / 48.0) * rows[i].scale + (double)rows[i].zero;
            assert_true(fabs((double)read_sample(rows[i].format, frames + frame * sample_bytes) - exact) <= 0.5 + 1e-3);
        }
    }
}

static void the_noise_is_white_enough_and_within_half_of_full_scale(void **state)
{
    const acap__signal signal = {ACAP__SIGNAL_NOISE, ACAP_FORMAT_F32, 1, 48000, 440.0};
    static float frames[100000];
    double sum = 0;
    double squares = 0;
    double neighbours = 0;

    (void)state;
    acap__signal_fill(&signal, frames, 0, COUNT_OF(frames));
    for (size_t i = 0; i < COUNT_OF(frames); i++) {
        assert_true(fabsf(frames[i]) <= 0.5f);
        sum += frames[i];
        squares += (double)frames[i] * frames[i];
        neighbours += i > 0 ? (double)frames[i] * frames[i - 1] : 0;
    }
    assert_true(fabs(sum / COUNT_OF(frames)) < 0.005);
    assert_true(fabs(squares / COUNT_OF(frames) - 1.0 / 12.0) < 0.002); /* of a uniform distribution */
    assert_true(fabs(neighbours / squares) < 0.02);
}

static void silence_is_zero_or_the_middle(void **state)
{
    (void)state;
    for (uint32_t format = ACAP_FORMAT_S16; format <= ACAP_FORMAT_U8; format++) {
        const acap__signal signal = {ACAP__SIGNAL_SILENCE, format, 2, 48000, 440.0};
        unsigned char frames[8 * 10];
        memset(frames, 0x55, sizeof frames);
        acap__signal_fill(&signal, frames, 99, 10);
        for (uint32_t i = 0; i < 2 * 10 * acap_format_bytes(format); i++)
            assert_int_equal(frames[i], format == ACAP_FORMAT_U8 ? 128 : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_counter_is_the_documented_function_everywhere),
        cmocka_unit_test(no_two_channels_of_a_frame_are_alike),
        cmocka_unit_test(a_signal_does_not_depend_on_where_it_is_begun),
        cmocka_unit_test(the_sine_stays_exact_after_a_year),
        cmocka_unit_test(integer_waves_round_to_the_nearest_code),
        cmocka_unit_test(the_noise_is_white_enough_and_within_half_of_full_scale),
        cmocka_unit_test(silence_is_zero_or_the_middle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
