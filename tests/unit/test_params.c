/* SPDX-License-Identifier: MIT */
/* Owns: tests of the API's edge from the inside: deadlines, structs of any caller's age, values and defaults.
 * Run by: CTest, in milliseconds.
 * Runs on: the insides of the static library, one thread. */
#include "params.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static void a_deadline_is_never_in_the_past_by_overflow(void **state)
{
    const int64_t before_ns = acap_clock_ns();

    (void)state;
    assert_true(acap__deadline(0) >= before_ns && acap__deadline(0) <= acap_clock_ns());
    assert_true(acap__deadline(ACAP__NS_PER_S) >= before_ns + ACAP__NS_PER_S);
    assert_true(acap__deadline(ACAP_WAIT_FOREVER) == INT64_MAX);
    assert_true(acap__deadline(INT64_MAX) == INT64_MAX);
    assert_true(acap__deadline(INT64_MAX - 1) == INT64_MAX);
    assert_true(acap__deadline(INT64_MAX / 2) > INT64_MAX / 2);
}

/* A caller from the future: more members than this library knows. */
struct newer_config {
    acap_stream_config config;
    unsigned char unknown[64];
};

static void a_parameter_struct_may_be_larger_if_the_rest_is_zero(void **state)
{
    acap_stream_config ours;
    struct newer_config theirs;

    (void)state;
    for (uint32_t extra = 0; extra <= sizeof theirs.unknown; extra++) {
        memset(&theirs, 0, sizeof theirs);
        theirs.config = (acap_stream_config)ACAP_STREAM_CONFIG_INIT;
        theirs.config.struct_size = (uint32_t)sizeof theirs.config + extra;
        theirs.config.channel_count = 7;
        assert_int_equal(acap__take_stream_config(&ours, &theirs.config), ACAP_OK);
        assert_int_equal(ours.channel_count, 7);
        for (uint32_t at = 0; at < extra; at++) {
            theirs.unknown[at] = 1;
            assert_int_equal(acap__take_stream_config(&ours, &theirs.config), ACAP_ERROR_ABI_MISMATCH);
            theirs.unknown[at] = 0;
        }
        if (extra < sizeof theirs.unknown) {
            theirs.unknown[extra] = 1; /* beyond what it says is none of ours */
            assert_int_equal(acap__take_stream_config(&ours, &theirs.config), ACAP_OK);
        }
    }
}

static void a_smaller_parameter_struct_is_refused(void **state)
{
    acap_reader_config ours;
    acap_reader_config theirs = ACAP_READER_CONFIG_INIT;

    (void)state;
    for (uint32_t size_bytes = 0; size_bytes < sizeof theirs; size_bytes++) {
        theirs.struct_size = size_bytes;
        assert_int_equal(acap__take_reader_config(&ours, &theirs), ACAP_ERROR_ABI_MISMATCH);
    }
    theirs.struct_size = 4097;
    assert_int_equal(acap__take_reader_config(&ours, &theirs), ACAP_ERROR_ABI_MISMATCH);
}

/* Nothing is written beyond struct_size, and only whole members. */
static void a_result_struct_is_filled_as_far_as_it_reaches(void **state)
{
    acap_reader_stats ours;

    (void)state;
    memset(&ours, 0x11, sizeof ours);
    for (uint32_t size_bytes = 0; size_bytes <= sizeof ours + 32; size_bytes++) {
        unsigned char memory[sizeof ours + 64];
        acap_reader_stats theirs;
        memset(memory, 0xee, sizeof memory);
        memcpy(memory, &size_bytes, sizeof size_bytes);
        const acap_result result = acap__give_reader_stats((acap_reader_stats *)(void *)memory, &ours);
        assert_int_equal(result, size_bytes < 8 ? ACAP_ERROR_ABI_MISMATCH : ACAP_OK);
        for (size_t at = size_bytes < 8 ? 4 : size_bytes; at < sizeof memory; at++)
            assert_int_equal(memory[at], 0xee);
        for (size_t at = sizeof ours; at < size_bytes; at++)
            assert_int_equal(memory[at], 0);
        memcpy(&theirs, memory, sizeof theirs);
        assert_int_equal(theirs.struct_size, size_bytes); /* the caller's own */
        if (size_bytes >= 24)
            assert_true(theirs.start_position == UINT64_C(0x1111111111111111));
        else if (size_bytes > 16)
            assert_int_equal(memory[16], 0xee); /* start_position did not fit whole */
    }
}

static void null_is_the_defaults_where_the_api_says_so(void **state)
{
    acap_context_config context;
    acap_stream_config stream;
    acap_reader_config reader;

    (void)state;
    memset(&context, 0xff, sizeof context);
    memset(&stream, 0xff, sizeof stream);
    memset(&reader, 0xff, sizeof reader);
    assert_int_equal(acap__take_context_config(&context, NULL), ACAP_OK);
    assert_int_equal(acap__take_stream_config(&stream, NULL), ACAP_OK);
    assert_int_equal(acap__take_reader_config(&reader, NULL), ACAP_OK);
    assert_null(context.backend);
    assert_null(stream.device);
    assert_null(reader.name);
    assert_int_equal(stream.struct_size, sizeof stream);
}

static void a_stream_gets_its_format(void **state)
{
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;

    (void)state;
    assert_int_equal(acap__check_stream_config(&config), ACAP_OK);
    assert_int_equal(config.format, ACAP_FORMAT_F32);
    assert_int_equal(config.sample_rate_hz, 0); /* the device decides */
    config.format = ACAP_FORMAT_U8;
    assert_int_equal(acap__check_stream_config(&config), ACAP_OK);
    assert_int_equal(config.format, ACAP_FORMAT_U8);
}

static void a_reader_gets_half_a_second(void **state)
{
    static const struct {
        uint32_t rate_hz;
        uint32_t frames;
        uint32_t wake;
        uint32_t queue;
    } rows[] = {
        {48000, 480, 0, 50}, {44100, 441, 0, 50}, {48000, 1, 0, 24000},      {48000, 48000, 0, 4},    {48000, 12000, 0, 4},
        {8000, 80, 0, 50},   {48000, 479, 0, 51}, {384000, 1, 0, 65536},     {48000, 480, 200, 200},  {48000, 1048576, 0, 4},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        acap_reader_config config = ACAP_READER_CONFIG_INIT;
        config.wake_buffers = rows[i].wake;
        assert_int_equal(acap__check_reader_config(&config, rows[i].rate_hz, rows[i].frames), ACAP_OK);
        assert_int_equal(config.queue_buffers, rows[i].queue);
        assert_int_equal(config.hold_buffers, rows[i].queue);
        assert_int_equal(config.wake_buffers, rows[i].wake == 0 ? 1 : rows[i].wake);
    }
}

static void a_reader_keeps_what_it_asked_for(void **state)
{
    acap_reader_config config = ACAP_READER_CONFIG_INIT;

    (void)state;
    config.queue_buffers = ACAP_MAX_QUEUE_BUFFERS;
    config.wake_buffers = ACAP_MAX_QUEUE_BUFFERS;
    config.hold_buffers = 3;
    assert_int_equal(acap__check_reader_config(&config, 48000, 480), ACAP_OK);
    assert_int_equal(config.queue_buffers, ACAP_MAX_QUEUE_BUFFERS);
    assert_int_equal(config.hold_buffers, 3);
    config.wake_buffers = ACAP_MAX_QUEUE_BUFFERS + 1; /* more than the queue, and that is what is wrong with it */
    assert_int_equal(acap__check_reader_config(&config, 48000, 480), ACAP_ERROR_INVALID_ARGUMENT);
    config.wake_buffers = 0;
    config.hold_buffers = ACAP_MAX_QUEUE_BUFFERS + 1;
    assert_int_equal(acap__check_reader_config(&config, 48000, 480), ACAP_ERROR_LIMIT);
}

static void a_pool_gets_its_numbers(void **state)
{
    acap_pool_config config = ACAP_POOL_CONFIG_INIT;

    (void)state;
    assert_int_equal(acap__check_pool_config(&config), ACAP_ERROR_INVALID_ARGUMENT);
    config.buffer_size_bytes = ACAP_MAX_BUFFER_BYTES;
    assert_int_equal(acap__check_pool_config(&config), ACAP_OK);
    assert_int_equal(config.buffers_min, 16);
    assert_int_equal(config.buffers_max, ACAP_MAX_POOL_BUFFERS);
}

static void arithmetic_does_not_overflow(void **state)
{
    (void)state;
    assert_true(acap__frames_to_ns(48000, 48000) == ACAP__NS_PER_S);
    assert_true(acap__frames_to_ns(1, 44100) == 22675);
    assert_true(acap__frames_to_ns(UINT64_C(48000) * 86400 * 365 * 100, 48000) == ACAP__NS_PER_S * 86400 * 365 * 100);
    assert_true(acap__ns_to_frames(ACAP__NS_PER_S, 44100) == 44100);
    assert_true(acap__ns_to_frames(-1, 44100) == 0);
    assert_true(acap__ns_to_frames(11338, 44100) == 1); /* half a frame and a bit rounds up */
    assert_true(acap__ns_to_frames(11337, 44100) == 0);
    for (uint64_t frames = 0; frames < 100000; frames += 37)
        assert_true(acap__ns_to_frames(acap__frames_to_ns(frames, 44100), 44100) == frames);
    assert_true(acap__round_up(0, 64) == 0 && acap__round_up(1, 64) == 64 && acap__round_up(64, 64) == 64);
    assert_int_equal(acap__lowest_bit(UINT64_C(1) << 63), 63);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deadline_is_never_in_the_past_by_overflow),
        cmocka_unit_test(a_parameter_struct_may_be_larger_if_the_rest_is_zero),
        cmocka_unit_test(a_smaller_parameter_struct_is_refused),
        cmocka_unit_test(a_result_struct_is_filled_as_far_as_it_reaches),
        cmocka_unit_test(null_is_the_defaults_where_the_api_says_so),
        cmocka_unit_test(a_stream_gets_its_format),
        cmocka_unit_test(a_reader_gets_half_a_second),
        cmocka_unit_test(a_reader_keeps_what_it_asked_for),
        cmocka_unit_test(a_pool_gets_its_numbers),
        cmocka_unit_test(arithmetic_does_not_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
