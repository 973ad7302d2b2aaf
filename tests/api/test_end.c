/* SPDX-License-Identifier: MIT */
/* Owns: tests of how a reader ends: by itself, with its stream's stop, with its stream; and what it still gets.
 * Run by: CTest, in milliseconds.
 * Runs on: the public API; streams are fed by the test. */
#include "fixture.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

static void an_ended_reader_drains_and_then_ends_for_ever(void **state)
{
    rig r = make_rig(10, 8, 0);
    const acap_buffer *buffer;

    (void)state;
    push_counter(r.stream, 35);
    assert_ok(acap_reader_end(r.reader));
    assert_ok(acap_reader_end(r.reader)); /* once more changes nothing */
    assert_result(drain(r.reader, &r.seen), ACAP_END);
    assert_int_equal(r.seen.frames, 30);
    for (int i = 0; i < 5; i++) {
        push_counter(r.stream, 10);
        assert_result(acap_reader_borrow(r.reader, i, &buffer), ACAP_END);
        assert_result(acap_reader_borrow(r.reader, ACAP_WAIT_FOREVER, &buffer), ACAP_END);
    }
    assert_conserved(conservation_of_reader(r.reader));
    finish_rig(&r);
}

static void no_start_brings_an_ended_reader_back(void **state)
{
    rig r = make_rig(10, 8, 0);
    const acap_buffer *buffer;

    (void)state;
    assert_ok(acap_reader_end(r.reader));
    assert_ok(acap_stream_stop(r.stream));
    assert_ok(acap_stream_start(r.stream));
    assert_result(acap_reader_borrow(r.reader, 0, &buffer), ACAP_END);
    push_counter(r.stream, 10);
    assert_result(acap_reader_borrow(r.reader, 0, &buffer), ACAP_END);
    finish_rig(&r);
}

static void what_comes_after_the_end_is_not_delivered_but_counted(void **state)
{
    rig r = make_rig(10, 8, 0);

    (void)state;
    push_counter(r.stream, 20);
    assert_ok(acap_reader_end(r.reader));
    push_counter(r.stream, 30);
    assert_result(drain(r.reader, &r.seen), ACAP_END);
    assert_int_equal(r.seen.frames, 20);
    assert_int_equal(reader_stats(r.reader).lost_queue, 30);
    assert_int_equal(reader_stats(r.reader).frames_queued, 0);
    assert_int_equal(stream_pool_stats(r.stream).in_use, 0); /* nothing is kept that nobody will take */
    assert_conserved(conservation_at_rest(&r.seen, r.stream, r.reader));
    finish_rig(&r);
}

/* A stream that goes on must not push out what an ended reader has yet to drain, whatever its policy. */
static void what_was_queued_at_the_end_is_not_evicted_by_what_comes_after(void **state)
{
    (void)state;
    for (uint32_t overflow = ACAP_OVERFLOW_DROP_OLDEST; overflow <= ACAP_OVERFLOW_DROP_NEWEST; overflow++) {
        rig r = make_rig(10, 4, overflow);
        push_counter(r.stream, 30);
        assert_ok(acap_reader_end(r.reader));
        push_counter(r.stream, 100);
        assert_result(drain(r.reader, &r.seen), ACAP_END);
        assert_int_equal(r.seen.frames, 30);
        assert_int_equal(r.seen.gap_frames, 0);
        assert_conserved(conservation_at_rest(&r.seen, r.stream, r.reader));
        finish_rig(&r);
    }
}

static void an_ended_reader_does_not_disturb_the_others(void **state)
{
    rig r = make_rig(10, 4, 0);
    acap_reader *ended = open_queue(r.stream, 4, 0);
    conservation seen;

    (void)state;
    conservation_begin(&seen, ended);
    push_counter(r.stream, 20);
    assert_ok(acap_reader_end(ended));
    for (int i = 0; i < 50; i++) {
        push_counter(r.stream, 10);
        assert_result(drain(r.reader, &r.seen), ACAP_TIMED_OUT);
    }
    assert_int_equal(stream_stats(r.stream).frames_lost, 0);
    assert_int_equal(r.seen.frames, 520);
    assert_result(drain(ended, &seen), ACAP_END);
    acap_reader_close(ended);
    assert_int_equal(stream_pool_stats(r.stream).in_use, 0);
    finish_rig(&r);
}

static acap_reader *reader_to_end;

static void end_the_reader(int signal_number)
{
    (void)signal_number;
    acap_reader_end(reader_to_end);
}

static void a_signal_handler_may_end_a_reader(void **state)
{
    rig r = make_rig(10, 4, 0);
    struct sigaction action;
    struct sigaction before;

    (void)state;
    memset(&action, 0, sizeof action);
    action.sa_handler = end_the_reader;
    reader_to_end = r.reader;
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    push_counter(r.stream, 20);
    errno = 4711;
    assert_int_equal(raise(SIGUSR1), 0);
    assert_int_equal(errno, 4711);
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
    assert_result(drain(r.reader, &r.seen), ACAP_END);
    assert_int_equal(r.seen.frames, 20);
    finish_rig(&r);
}

static void a_stop_ends_every_time_and_a_start_takes_it_back_every_time(void **state)
{
    rig r = make_rig(10, 4, 0);
    const acap_buffer *buffer;

    (void)state;
    for (int round = 0; round < 10; round++) {
        push_counter(r.stream, 10);
        assert_ok(acap_stream_stop(r.stream));
        assert_result(drain(r.reader, &r.seen), ACAP_END);
        assert_result(acap_reader_borrow(r.reader, ACAP_WAIT_FOREVER, &buffer), ACAP_END);
        assert_ok(acap_stream_start(r.stream));
        assert_result(drain(r.reader, &r.seen), ACAP_TIMED_OUT);
    }
    assert_int_equal(r.seen.frames, 100);
    finish_rig(&r);
}

static acap_reader *open_preroll(acap_stream *stream)
{
    acap_reader_config config = ACAP_READER_CONFIG_INIT;
    acap_reader *reader = NULL;

    config.preroll_ns = NS_PER_S;
    assert_ok(acap_reader_open(stream, &config, &reader));
    return reader;
}

/* It gets the past that there is, and knows that nothing follows. */
static void a_reader_that_is_opened_after_the_stop_ends_until_the_start(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    const acap_buffer *buffer;
    conservation seen;

    (void)state;
    config.device = MANUAL "&period=480";
    config.format = ACAP_FORMAT_S32;
    config.history_ns = NS_PER_S;
    acap_stream *stream = open_config(context, &config);
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_sim_advance(stream, 4800));
    assert_ok(acap_stream_stop(stream));
    acap_reader *late = open_preroll(stream);
    conservation_begin(&seen, late);
    for (int i = 0; i < 3; i++) {
        assert_result(drain(late, &seen), ACAP_END);
        assert_result(acap_reader_borrow(late, ACAP_WAIT_FOREVER, &buffer), ACAP_END);
        assert_ok(acap_stream_stop(stream));
    }
    assert_int_equal(seen.frames, 4800);
    assert_ok(acap_stream_start(stream));
    assert_result(drain(late, &seen), ACAP_TIMED_OUT);
    assert_ok(acap_stream_sim_advance(stream, 4800));
    assert_result(drain(late, &seen), ACAP_TIMED_OUT);
    assert_int_equal(seen.frames, 9600);
    assert_conserved(conservation_at_rest(&seen, stream, late));
    close_conserved(context, stream, late);
}

static void a_closed_stream_ends_for_ever(void **state)
{
    rig r = make_rig(10, 4, 0);
    const acap_buffer *buffer;

    (void)state;
    push_counter(r.stream, 15);
    assert_ok(acap_stream_stop(r.stream));
    acap_stream_close(r.stream);
    assert_result(drain(r.reader, &r.seen), ACAP_END);
    for (int i = 0; i < 5; i++)
        assert_result(acap_reader_borrow(r.reader, ACAP_WAIT_FOREVER, &buffer), ACAP_END);
    assert_int_equal(r.seen.frames, 15);
    const acap_reader_stats stats = reader_stats(r.reader);
    assert_int_equal(stats.end_position, 15);
    assert_int_equal(stats.frames_delivered, 15);
    assert_conserved(conservation_at_rest(&r.seen, NULL, r.reader));
    assert_ok(acap_reader_end(r.reader));
    acap_reader_close(r.reader);
    acap_context_destroy(r.context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ended_reader_drains_and_then_ends_for_ever),
        cmocka_unit_test(no_start_brings_an_ended_reader_back),
        cmocka_unit_test(what_comes_after_the_end_is_not_delivered_but_counted),
        cmocka_unit_test(what_was_queued_at_the_end_is_not_evicted_by_what_comes_after),
        cmocka_unit_test(an_ended_reader_does_not_disturb_the_others),
        cmocka_unit_test(a_signal_handler_may_end_a_reader),
        cmocka_unit_test(a_stop_ends_every_time_and_a_start_takes_it_back_every_time),
        cmocka_unit_test(a_reader_that_is_opened_after_the_stop_ends_until_the_start),
        cmocka_unit_test(a_closed_stream_ends_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
