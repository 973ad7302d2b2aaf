/* SPDX-License-Identifier: MIT */
/* Owns: tests of the simulated devices: their signals against acap.h's words, their options, their three paces.
 * Run by: CTest, about a second; real time passes only in the one test of pace=real.
 * Runs on: the public API. */
#include "fixture.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static acap_stream *open_manual(acap_context *context, const char *device, const acap_stream_config *more)
{
    acap_stream_config config = *more;

    config.device = device;
    acap_stream *stream = open_config(context, &config);
    assert_ok(acap_stream_start(stream));
    return stream;
}

static void expect_counter(uint32_t format, uint32_t channel_count, uint32_t flags)
{
    acap_context *context = make_context("sim");
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    conservation seen;

    config.format = format;
    config.channel_count = channel_count;
    config.flags = flags;
    config.frames_per_buffer = 77; /* fits no period */
    acap_stream *stream = open_manual(context, MANUAL "&period=30", &config);
    acap_reader *reader = open_queue(stream, 32, ACAP_OVERFLOW_DROP_OLDEST);
    conservation_begin(&seen, reader);
    for (int i = 0; i < 40; i++) {
        assert_ok(acap_stream_sim_advance(stream, 50));
        assert_result(drain(reader, &seen), ACAP_TIMED_OUT);
    }
    assert_ok(acap_stream_stop(stream));
    assert_result(drain(reader, &seen), ACAP_END);
    assert_int_equal(seen.frames, 1980); /* 66 periods of 2,000 frames */
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    acap_reader_close(reader);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

static void the_counter_is_exact_in_every_format_and_layout(void **state)
{
    static const uint32_t channel_counts[] = {1, 2, 6, 128};

    (void)state;
    for (uint32_t format = ACAP_FORMAT_S16; format <= ACAP_FORMAT_U8; format++) {
        for (size_t i = 0; i < COUNT_OF(channel_counts); i++) {
            expect_counter(format, channel_counts[i], 0);
            expect_counter(format, channel_counts[i], ACAP_STREAM_PLANAR);
        }
    }
}

/* S32 wraps at 2^24 frames, too: its upper 24 bits are the counter. */
static void the_counter_wraps_as_documented(void **state)
{
    static const struct {
        uint32_t format;
        uint64_t wrap;
    } rows[] = {
        {ACAP_FORMAT_U8, 1 << 16}, /* of 256 */
        {ACAP_FORMAT_S16, 1 << 16},
        {ACAP_FORMAT_S24, 1 << 24},
        {ACAP_FORMAT_S32, 1 << 24},
        {ACAP_FORMAT_F32, 1 << 24},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const uint64_t wrap = rows[i].wrap;
        acap_context *context = make_context("sim");
        acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
        config.format = rows[i].format;
        config.channel_count = 1;
        config.frames_per_buffer = 65536;
        config.sample_rate_hz = ACAP_MAX_SAMPLE_RATE_HZ;
        acap_stream *stream = open_manual(context, MANUAL "&period=65536", &config);
        acap_reader *reader = open_queue(stream, 2, ACAP_OVERFLOW_DROP_OLDEST);
        conservation seen;
        conservation_begin(&seen, reader);
        assert_ok(acap_stream_sim_advance(stream, wrap + 65536));
        assert_result(drain(reader, &seen), ACAP_TIMED_OUT); /* the two buffers on both sides of the wrap */
        assert_int_equal(seen.frames, 2 * 65536);
        assert_true(seen.next_position == wrap + 65536);
        assert_int_equal(reader_stats(reader).lost_queue, wrap - 65536);
        assert_ok(acap_stream_stop(stream));
        assert_conserved(conservation_at_rest(&seen, stream, reader));
        acap_reader_close(reader);
        acap_stream_close(stream);
        acap_context_destroy(context);
    }
}

/* Borrows frame_count F32 frames of a device. */
static void record(const char *device, uint32_t channel_count, uint32_t frame_count, float *frames)
{
    acap_context *context = make_context("sim");
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    conservation seen;
    const acap_buffer *buffer;

    config.channel_count = channel_count;
    config.frames_per_buffer = 480;
    acap_stream *stream = open_manual(context, device, &config);
    acap_reader *reader = open_queue(stream, 128, ACAP_OVERFLOW_DROP_NEWEST);
    conservation_begin(&seen, reader);
    assert_ok(acap_stream_sim_advance(stream, frame_count / 2));
    assert_ok(acap_stream_stop(stream)); /* a stop in the middle: the signal goes on */
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_sim_advance(stream, frame_count / 2));
    assert_ok(acap_stream_stop(stream));
    while (acap_reader_borrow(reader, 0, &buffer) == ACAP_OK) {
        memcpy(frames + buffer->position * channel_count, buffer->data, buffer->size_bytes);
        conservation_add(&seen, buffer);
        acap_buffer_release(buffer);
    }
    assert_int_equal(seen.frames, frame_count);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    acap_reader_close(reader);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

static void the_sine_has_its_frequency_and_half_of_full_scale(void **state)
{
    static float frames[9600];

    (void)state;
    record("sim:sine?pace=manual&period=100&hz=12000", 1, 4800, frames);
    for (uint32_t i = 0; i < 4800; i++) {
        static const float quarter[] = {0.0f, 0.5f, 0.0f, -0.5f};
        assert_true(fabsf(frames[i] - quarter[i % 4]) < 1e-6f);
    }
    record("sim:sine?pace=manual&period=1&hz=100.5", 1, 9600, frames);
    for (uint32_t i = 0; i < 9600; i++)
        assert_true(fabs(frames[i] - 0.5 * sin(6.283185307179586 * 100.5 * i / 48000.0)) < 1e-5);
    record("sim:sine?pace=manual&period=1", 2, 4800, frames);
    for (uint32_t i = 0; i < 4800; i++) {
        assert_true(frames[2 * i] == frames[2 * i + 1]);
        assert_true(fabs(frames[2 * i] - 0.5 * sin(6.283185307179586 * 440 * i / 48000.0)) < 1e-5);
    }
}

static void the_noise_is_the_same_on_every_run(void **state)
{
    static float first[9600];
    static float second[9604];
    double sum = 0;
    uint32_t equal_channels = 0;

    (void)state;
    record("sim:noise?pace=manual&period=480", 2, 4800, first);
    record("sim:noise?pace=manual&period=7", 2, 4802, second);
    assert_memory_equal(first, second, sizeof first);
    for (uint32_t i = 0; i < 4800; i++) {
        assert_true(fabsf(first[2 * i]) <= 0.5f);
        equal_channels += first[2 * i] == first[2 * i + 1];
        sum += first[2 * i];
    }
    assert_true(equal_channels < 5);
    assert_true(fabs(sum / 4800) < 0.05);
}

static void silence_is_delivered_and_flagged_in_every_format(void **state)
{
    (void)state;
    for (uint32_t format = ACAP_FORMAT_S16; format <= ACAP_FORMAT_U8; format++) {
        for (uint32_t flags = 0; flags <= ACAP_STREAM_PLANAR; flags += ACAP_STREAM_PLANAR) {
            acap_context *context = make_context("sim");
            acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
            const acap_buffer *buffer = NULL;
            config.format = format;
            config.flags = flags;
            config.channel_count = 3;
            config.frames_per_buffer = 256;
            acap_stream *stream = open_manual(context, "sim:silence?pace=manual", &config);
            acap_reader *reader = open_reader(stream);
            assert_ok(acap_stream_sim_advance(stream, 256));
            assert_ok(acap_reader_borrow(reader, 0, &buffer));
            assert_int_equal(buffer->flags, ACAP_BUFFER_SILENT);
            for (uint32_t i = 0; i < 256 * acap_format_bytes(format); i++)
                assert_int_equal(((const unsigned char *)buffer->data)[i], format == ACAP_FORMAT_U8 ? 128 : 0);
            acap_buffer_release(buffer);
            close_conserved(context, stream, reader);
        }
    }
}

static void wrong_options_are_named(void **state)
{
    static const struct {
        const char *device;
        const char *hint;
    } rows[] = {
        {"sim:counter?pace=quick", "quick"},
        {"sim:counter?pace=", "pace"},
        {"sim:counter?pace", "pace"},
        {"sim:counter?", ""},
        {"sim:counter?pace=fast&", ""},
        {"sim:counter?&pace=fast", ""},
        {"sim:counter?Pace=fast", "Pace"},
        {"sim:counter?speed=2", "speed"},
        {"sim:counter?period=0", "period"},
        {"sim:counter?period=-1", "period"},
        {"sim:counter?period=65537", "period"},
        {"sim:counter?period=1.5", "period"},
        {"sim:counter?period=ten", "ten"},
        {"sim:counter?period=10x", "10x"},
        {"sim:counter?period=nan", "nan"},
        {"sim:sine?hz=0", "hz"},
        {"sim:sine?hz=-440", "hz"},
        {"sim:sine?hz=1e9", "hz"},
        {"sim:sine?hz=inf", "inf"},
        {"sim:sine?hz=", "hz"},
        {"sim:sine?=440", ""},
        {"sim:counter?pace=fast?period=1", "fast?period"},
    };
    acap_context *context = make_context("sim");

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
        acap_stream *stream = NULL;
        config.device = rows[i].device;
        const acap_result result = acap_stream_open(context, &config, &stream);
        if (result != ACAP_ERROR_INVALID_ARGUMENT || stream != NULL || strstr(acap_last_error(), rows[i].hint) == NULL)
            fail_msg("\"%s\" gave %s: \"%s\"", rows[i].device, acap_result_name(result), acap_last_error());
        assert_int_equal(acap_device_supports(context, &config), ACAP_ERROR_INVALID_ARGUMENT);
    }
    acap_context_destroy(context);
}

static void options_may_come_in_any_order_and_the_last_one_counts(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, "sim:counter?period=7&hz=1&pace=fast&period=10&pace=manual", 0, 0, 0);

    (void)state;
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_sim_advance(stream, 25));
    assert_int_equal(stream_stats(stream).callbacks, 2);
    assert_int_equal(stream_stats(stream).frames_pending, 20);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

static void manual_time_hands_over_whole_periods(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, MANUAL, 0, 0, 256);

    (void)state;
    assert_result(acap_stream_sim_advance(stream, 1), ACAP_ERROR_INVALID_STATE);
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_sim_advance(stream, 0));
    assert_ok(acap_stream_sim_advance(stream, 255));
    assert_int_equal(stream_stats(stream).callbacks, 0);
    assert_ok(acap_stream_sim_advance(stream, 1));
    assert_int_equal(stream_stats(stream).callbacks, 1);
    assert_ok(acap_stream_sim_advance(stream, 511));
    assert_int_equal(stream_stats(stream).position, 512);
    assert_ok(acap_stream_stop(stream));
    assert_result(acap_stream_sim_advance(stream, 1), ACAP_ERROR_INVALID_STATE);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

static void manual_time_stamps_follow_the_frames_exactly(void **state)
{
    const int64_t before_ns = acap_clock_ns();
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, MANUAL "&period=480", 0, 0, 480);
    acap_reader *reader = open_queue(stream, 128, ACAP_OVERFLOW_DROP_NEWEST);
    const acap_buffer *buffer;
    int64_t first_ns = 0;

    (void)state;
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_sim_advance(stream, 48000)); /* one second, at once */
    for (uint32_t i = 0; i < 100; i++) {
        assert_ok(acap_reader_borrow(reader, 0, &buffer));
        first_ns = i == 0 ? buffer->time_ns : first_ns;
        assert_true(llabs(buffer->time_ns - (first_ns + i * 10 * NS_PER_MS)) <= 1000); /* rounded, not drifting */
        acap_buffer_release(buffer);
    }
    assert_true(before_ns - NS_PER_MS <= first_ns && first_ns <= acap_clock_ns());
    close_conserved(context, stream, reader);
}

static void only_manual_devices_can_be_advanced(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *real = open_stream(context, "sim:counter", 0, 0, 0);
    acap_stream *fast = open_stream(context, "sim:counter?pace=fast", 0, 0, 0);

    (void)state;
    assert_ok(acap_stream_start(real));
    assert_ok(acap_stream_start(fast));
    assert_result(acap_stream_sim_advance(real, 256), ACAP_ERROR_INVALID_ARGUMENT);
    assert_result(acap_stream_sim_advance(fast, 256), ACAP_ERROR_INVALID_ARGUMENT);
    acap_stream_close(real);
    acap_stream_close(fast);
    acap_context_destroy(context);
}

static void a_real_device_takes_its_time(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, "sim:counter?period=240", 0, 0, 0);
    acap_reader *reader = open_reader(stream);
    const acap_buffer *buffer;
    conservation seen;

    (void)state;
    conservation_begin(&seen, reader);
    const int64_t begin_ns = acap_clock_ns();
    assert_ok(acap_stream_start(stream));
    while (seen.next_position < 9600) { /* 200 ms */
        assert_ok(acap_reader_borrow(reader, 20 * NS_PER_S, &buffer));
        assert_true(counter_holds(buffer));
        conservation_add(&seen, buffer);
        acap_buffer_release(buffer);
    }
    const int64_t elapsed_ns = acap_clock_ns() - begin_ns;
    assert_true(elapsed_ns >= 199 * NS_PER_MS); /* never early; late as the machine pleases */
    assert_true(elapsed_ns <= 20 * NS_PER_S);
    assert_ok(acap_stream_stop(stream));
    assert_result(drain(reader, &seen), ACAP_END);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    acap_reader_close(reader);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

static void a_fast_device_waits_for_nobody(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, "sim:counter?pace=fast", ACAP_FORMAT_S16, 1, 480);
    acap_reader *reader = open_queue(stream, 4, ACAP_OVERFLOW_DROP_OLDEST);
    const acap_buffer *buffer;
    conservation seen;

    (void)state;
    conservation_begin(&seen, reader);
    const int64_t begin_ns = acap_clock_ns();
    assert_ok(acap_stream_start(stream));
    while (seen.next_position < 10 * 48000) {
        assert_ok(acap_reader_borrow(reader, 20 * NS_PER_S, &buffer));
        assert_true(counter_holds(buffer));
        conservation_add(&seen, buffer);
        acap_buffer_release(buffer);
        assert_conserved(conservation_of_reader(reader));
        assert_conserved(conservation_of_stream(stream));
    }
    assert_true(acap_clock_ns() - begin_ns < 10 * NS_PER_S); /* ten seconds of sound in less */
    assert_ok(acap_stream_stop(stream));
    assert_result(drain(reader, &seen), ACAP_END);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    acap_reader_close(reader);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

struct advancer {
    acap_stream *stream;
    atomic_bool is_enough;
    acap_result unexpected;
    uint64_t advanced;
};

static void *advance_on_and_on(void *argument)
{
    struct advancer *advancer = argument;

    while (!atomic_load(&advancer->is_enough) && advancer->unexpected == ACAP_OK) {
        const acap_result result = acap_stream_sim_advance(advancer->stream, 25600);
        if (result == ACAP_OK)
            advancer->advanced += 25600;
        else if (result != ACAP_ERROR_INVALID_STATE)
            advancer->unexpected = result;
    }
    return NULL;
}

static void two_threads_cannot_advance_at_once(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, MANUAL, 0, 0, 0);
    struct advancer advancer = {.stream = stream};
    const int64_t until_ns = acap_clock_ns() + 20 * NS_PER_S;
    acap_result result = ACAP_OK;
    pthread_t thread;

    (void)state;
    assert_ok(acap_stream_start(stream));
    assert_int_equal(pthread_create(&thread, NULL, advance_on_and_on, &advancer), 0);
    while (result == ACAP_OK && acap_clock_ns() < until_ns)
        result = acap_stream_sim_advance(stream, 0); /* until it meets the other thread inside */
    atomic_store(&advancer.is_enough, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(result, ACAP_ERROR_INVALID_STATE);
    assert_int_equal(advancer.unexpected, ACAP_OK);
    assert_ok(acap_stream_stop(stream));
    assert_true(stream_stats(stream).position == advancer.advanced);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

static void so_far_that_time_overflows_is_refused(void **state)
{
    const uint64_t year_frames = UINT64_C(366) * 86400 * 48000;
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, MANUAL, ACAP_FORMAT_S16, 1, 480);

    (void)state;
    assert_ok(acap_stream_start(stream));
    assert_result(acap_stream_sim_advance(stream, UINT64_MAX), ACAP_ERROR_INVALID_ARGUMENT);
    assert_result(acap_stream_sim_advance(stream, year_frames + 1), ACAP_ERROR_INVALID_ARGUMENT);
    assert_int_equal(stream_stats(stream).position, 0);
    assert_ok(acap_stream_sim_advance(stream, 48000)); /* and nothing is spoilt */
    assert_true(stream_stats(stream).position > 0);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_counter_is_exact_in_every_format_and_layout),
        cmocka_unit_test(the_counter_wraps_as_documented),
        cmocka_unit_test(the_sine_has_its_frequency_and_half_of_full_scale),
        cmocka_unit_test(the_noise_is_the_same_on_every_run),
        cmocka_unit_test(silence_is_delivered_and_flagged_in_every_format),
        cmocka_unit_test(wrong_options_are_named),
        cmocka_unit_test(options_may_come_in_any_order_and_the_last_one_counts),
        cmocka_unit_test(manual_time_hands_over_whole_periods),
        cmocka_unit_test(manual_time_stamps_follow_the_frames_exactly),
        cmocka_unit_test(only_manual_devices_can_be_advanced),
        cmocka_unit_test(a_real_device_takes_its_time),
        cmocka_unit_test(a_fast_device_waits_for_nobody),
        cmocka_unit_test(two_threads_cannot_advance_at_once),
        cmocka_unit_test(so_far_that_time_overflows_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
