/* SPDX-License-Identifier: MIT */
/* Owns: tests of a sound system that does not come back from a call: nobody waits longer than promised, and the data is complete.
 * Run by: CTest, about seven seconds, which are the library's own deadlines.
 * Runs on: the public API; simulated devices hang on cue. What such a device may still touch is never freed, by design; leak checks are
 * off in this program. */
#include "fixture.h"

#include <string.h>

const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

#define LIMIT_NS (5 * NS_PER_S)

static void expect_event(acap_context *context, uint32_t type)
{
    acap_event event = ACAP_EVENT_INIT;

    do
        assert_ok(acap_context_next_event(context, 10 * NS_PER_S, &event));
    while (event.type != type);
}

static void an_open_that_hangs_is_given_up(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    acap_stream *stream = (acap_stream *)context;

    (void)state;
    config.device = "sim:counter?stuck=open";
    const int64_t begin_ns = acap_clock_ns();
    assert_result(acap_stream_open(context, &config, &stream), ACAP_ERROR_HOST_STUCK);
    assert_true(acap_clock_ns() - begin_ns < LIMIT_NS);
    assert_null(stream);
    config.device = MANUAL; /* others open all the same */
    acap_stream_close(open_config(context, &config));
    expect_event(context, ACAP_EVENT_HOST_STUCK);
    acap_context_destroy(context);
}

static void a_stop_that_hangs_is_given_up_and_the_data_is_complete(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, MANUAL "&period=100&stuck=stop", ACAP_FORMAT_S32, 1, 480);
    acap_reader *reader = open_queue(stream, 100, ACAP_OVERFLOW_DROP_OLDEST);
    conservation seen;

    (void)state;
    conservation_begin(&seen, reader);
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_sim_advance(stream, 12345));
    const int64_t begin_ns = acap_clock_ns();
    assert_result(acap_stream_stop(stream), ACAP_ERROR_HOST_STUCK);
    assert_true(acap_clock_ns() - begin_ns < LIMIT_NS);
    assert_int_equal(stream_stats(stream).state, ACAP_STATE_STOPPED);
    assert_result(drain(reader, &seen), ACAP_END);
    assert_int_equal(seen.frames, 12300);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    expect_event(context, ACAP_EVENT_HOST_STUCK);
    close_conserved(context, stream, reader);
}

static void closing_does_not_wait_at_all(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *closed = open_stream(context, "sim:counter?pace=fast&stuck=stop", ACAP_FORMAT_S32, 1, 480);
    acap_stream *ended = open_stream(context, MANUAL "&stuck=stop", ACAP_FORMAT_S32, 1, 480);
    acap_reader *reader = open_reader(closed);

    (void)state;
    assert_ok(acap_stream_start(closed));
    assert_ok(acap_stream_start(ended));
    const int64_t begin_ns = acap_clock_ns();
    acap_stream_close(closed);
    acap_context_destroy(context);
    acap_stream_close(ended);
    assert_conserved(conservation_of_reader(reader));
    acap_reader_close(reader);
    assert_true(acap_clock_ns() - begin_ns < NS_PER_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closing_does_not_wait_at_all),
        cmocka_unit_test(an_open_that_hangs_is_given_up),
        cmocka_unit_test(a_stop_that_hangs_is_given_up_and_the_data_is_complete),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
