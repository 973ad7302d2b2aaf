/* SPDX-License-Identifier: MIT */
/* Owns: tests of a host that does not answer: every call returns in its time, closing at once, what was left behind is told of and harmless
 * when it wakes up, and nobody else notices.
 * Run by: CTest, one group a process (the first argument is part of the names of its tests): most of the time is spent waiting for a host
 * that hangs, up to six seconds a test.
 * Runs on: the public API. */
#include "fixture.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define CALL_LIMIT_NS (5 * NS_PER_S)
#define AT_ONCE_NS (500 * NS_PER_MS)

static int64_t begin_ns;

static void begin_call(void)
{
    begin_ns = acap_clock_ns();
}

static void expect_at_once(void)
{
    const int64_t spent_ns = acap_clock_ns() - begin_ns;

    if (spent_ns > AT_ONCE_NS)
        fail_msg("it took %" PRId64 " ms", spent_ns / NS_PER_MS);
}

static void expect_in_time(void)
{
    const int64_t spent_ns = acap_clock_ns() - begin_ns;

    if (spent_ns > CALL_LIMIT_NS)
        fail_msg("it took %" PRId64 " ms", spent_ns / NS_PER_MS);
}

static void expect_told(acap_context *context)
{
    acap_event event = ACAP_EVENT_INIT;

    do
        assert_ok(acap_context_next_event(context, 0, &event));
    while (event.type != ACAP_EVENT_HOST_STUCK);
    assert_int_equal(event.level, ACAP_LEVEL_ERROR);
    assert_true(event.text[0] != '\0');
    /* A watch that was told late by a busy machine has its say, too: whatever follows, it is no second stuck call. */
    while (acap_context_next_event(context, 0, &event) == ACAP_OK)
        assert_int_not_equal(event.type, ACAP_EVENT_HOST_STUCK);
}

/* A stream in real time, on the same host thread. */
struct neighbour {
    acap_context *context;
    acap_stream *stream;
    acap_reader *reader;
    conservation seen;
};

static struct neighbour begin_neighbour(void)
{
    struct neighbour n = {.context = make_context("sim")};

    n.stream = open_stream(n.context, "sim:counter?period=480", ACAP_FORMAT_S32, 1, 480);
    n.reader = open_queue(n.stream, 2000, ACAP_OVERFLOW_DROP_OLDEST);
    conservation_begin(&n.seen, n.reader);
    assert_ok(acap_stream_start(n.stream));
    return n;
}

/* It has been captured all the while, goes on, and stops as usual. */
static void end_neighbour(struct neighbour *n, int64_t since_ns)
{
    const acap_buffer *buffer;
    const uint64_t expected = (uint64_t)((acap_clock_ns() - since_ns) / NS_PER_MS) * 48;

    while (n->seen.next_position < expected) {
        assert_ok(acap_reader_borrow(n->reader, 10 * NS_PER_S, &buffer));
        assert_true(counter_holds(buffer));
        conservation_add(&n->seen, buffer);
        acap_buffer_release(buffer);
    }
    assert_ok(acap_stream_stop(n->stream));
    assert_result(drain(n->reader, &n->seen), ACAP_END);
    assert_conserved(conservation_at_rest(&n->seen, n->stream, n->reader));
    close_conserved(n->context, n->stream, n->reader);
}

/* A new stream on the host, by its new thread. */
static void expect_host_goes_on(acap_context *context)
{
    acap_stream *stream = open_stream(context, MANUAL "&period=480", ACAP_FORMAT_S32, 1, 480);
    acap_reader *reader = open_reader(stream);
    conservation seen;

    conservation_begin(&seen, reader);
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_sim_advance(stream, 4800));
    assert_ok(acap_stream_stop(stream));
    assert_result(drain(reader, &seen), ACAP_END);
    assert_int_equal(seen.frames, 4800);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    acap_reader_close(reader);
    acap_stream_close(stream);
}

/* ---- open ---- */

static void an_open_that_never_comes_back(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    acap_stream *stream = (acap_stream *)context;
    struct neighbour neighbour = begin_neighbour();
    const int64_t since_ns = acap_clock_ns();

    (void)state;
    config.device = "sim:counter?stuck=open";
    begin_call();
    assert_result(acap_stream_open(context, &config, &stream), ACAP_ERROR_HOST_STUCK);
    expect_in_time();
    assert_null(stream);
    expect_told(context);
    expect_told(neighbour.context); /* whoever has a stream on this host should know */
    expect_host_goes_on(context);
    end_neighbour(&neighbour, since_ns);
    begin_call();
    acap_context_destroy(context);
    expect_at_once();
}

static void an_open_that_takes_its_time_is_waited_for(void **state)
{
    acap_context *context = make_context("sim");
    acap_event event = ACAP_EVENT_INIT;

    (void)state;
    begin_call();
    acap_stream *stream = open_stream(context, MANUAL "&stuck=open:300ms", 0, 0, 0);
    assert_true(acap_clock_ns() - begin_ns >= 300 * NS_PER_MS);
    assert_result(acap_context_next_event(context, 0, &event), ACAP_TIMED_OUT);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

/* ---- start ---- */

/* Abandoned, it wakes up a little later and finds that it is not wanted any more. */
static void a_start_that_comes_back_too_late(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, "sim:counter?stuck=start:4900ms", ACAP_FORMAT_S32, 1, 480);
    acap_reader *reader = open_reader(stream);
    acap_pool *pool = acap_stream_get_pool(stream);
    conservation seen;

    (void)state;
    conservation_begin(&seen, reader);
    begin_call();
    assert_result(acap_stream_start(stream), ACAP_ERROR_HOST_STUCK);
    expect_in_time();
    assert_int_equal(stream_stats(stream).state, ACAP_STATE_STOPPED);
    expect_told(context);
    expect_host_goes_on(context);
    begin_call();
    acap_stream_close(stream);
    expect_at_once();
    assert_result(drain(reader, &seen), ACAP_END);
    assert_conserved(conservation_at_rest(&seen, NULL, reader));
    acap_reader_close(reader);
    acap_context_destroy(context);
    assert_true(threads_have_gone()); /* it came back, was closed, and touched nothing */
    assert_int_equal(pool_stats(pool).acquired, 0);
    acap_pool_release(pool);
}

static void a_start_that_takes_its_time_is_waited_for(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, MANUAL "&stuck=start:300ms", 0, 0, 0);

    (void)state;
    begin_call();
    assert_ok(acap_stream_start(stream));
    assert_true(acap_clock_ns() - begin_ns >= 300 * NS_PER_MS);
    assert_ok(acap_stream_sim_advance(stream, 48000));
    assert_true(stream_stats(stream).position > 0);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

/* ---- stop ---- */

/* The device goes on calling for as long as its stop hangs: nothing may come of that. */
static void expect_stop_is_stuck(const char *device)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, device, ACAP_FORMAT_S32, 1, 480);
    acap_reader *reader = open_queue(stream, 1000, ACAP_OVERFLOW_DROP_OLDEST);
    struct neighbour neighbour = begin_neighbour();
    const int64_t since_ns = acap_clock_ns();
    const acap_buffer *buffer;
    conservation seen;

    conservation_begin(&seen, reader);
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_reader_borrow(reader, 10 * NS_PER_S, &buffer));
    assert_true(counter_holds(buffer));
    conservation_add(&seen, buffer);
    begin_call();
    assert_result(acap_stream_stop(stream), ACAP_ERROR_HOST_STUCK);
    expect_in_time();
    const acap_stream_stats stopped = stream_stats(stream);
    assert_int_equal(stopped.state, ACAP_STATE_STOPPED);
    assert_int_equal(stopped.frames_pending, 0);
    assert_result(drain(reader, &seen), ACAP_END); /* the data is complete, whatever the host does */
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    expect_told(context);
    expect_host_goes_on(context);
    assert_ok(acap_stream_stop(stream)); /* it is stopped */
    assert_int_equal(stream_stats(stream).position, stopped.position);
    assert_true(counter_holds(buffer)); /* nobody writes into what is held */
    begin_call();
    acap_reader_close(reader);
    acap_stream_close(stream);
    acap_context_destroy(context);
    expect_at_once();
    acap_buffer_release(buffer);
    end_neighbour(&neighbour, since_ns);
}

static void a_stop_that_never_comes_back(void **state)
{
    (void)state;
    expect_stop_is_stuck("sim:counter?period=480&stuck=stop");
}

static void a_stop_that_comes_back_too_late(void **state)
{
    (void)state;
    expect_stop_is_stuck("sim:counter?period=480&stuck=stop:2500ms");
    assert_true(threads_have_gone());
}

static void a_stop_that_takes_its_time_is_waited_for(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, MANUAL "&stuck=stop:300ms", 0, 0, 0);

    (void)state;
    assert_ok(acap_stream_start(stream));
    begin_call();
    assert_ok(acap_stream_stop(stream));
    assert_true(acap_clock_ns() - begin_ns >= 300 * NS_PER_MS);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

/* The same handle begins anew with another opening of the device. */
static void a_stop_that_hung_leaves_the_stream_startable(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, MANUAL "&period=480&stuck=stop:2200ms", ACAP_FORMAT_S32, 1, 480);
    acap_reader *reader = open_queue(stream, 100, ACAP_OVERFLOW_DROP_OLDEST);
    conservation seen;

    (void)state;
    conservation_begin(&seen, reader);
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_sim_advance(stream, 4800));
    assert_result(acap_stream_stop(stream), ACAP_ERROR_HOST_STUCK);
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_sim_advance(stream, 4800));
    assert_result(drain(reader, &seen), ACAP_TIMED_OUT);
    assert_int_equal(seen.frames, 9600);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    close_conserved(context, stream, reader);
    assert_true(threads_have_gone());
}

/* ---- close ---- */

static void closing_a_stream_that_cannot_be_stopped_does_not_wait(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, "sim:counter?stuck=stop:600ms", ACAP_FORMAT_S32, 1, 480);
    acap_reader *reader = open_queue(stream, 1000, ACAP_OVERFLOW_DROP_OLDEST);
    const acap_buffer *buffer;
    conservation seen;

    (void)state;
    conservation_begin(&seen, reader);
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_reader_borrow(reader, 10 * NS_PER_S, &buffer));
    conservation_add(&seen, buffer);
    begin_call();
    acap_stream_close(stream);
    expect_at_once();
    assert_result(drain(reader, &seen), ACAP_END);
    assert_conserved(conservation_at_rest(&seen, NULL, reader));
    begin_call();
    acap_reader_close(reader);
    acap_context_destroy(context);
    acap_buffer_release(buffer);
    expect_at_once();
    assert_true(threads_have_gone());
}

/* Nobody waits for it, and still it is told, by a context that goes on; a device that is lost is closed in the same way. */
static void closing_what_hangs_is_told(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *closed = open_stream(context, "sim:counter?stuck=stop:2500ms", ACAP_FORMAT_S32, 1, 480);
    acap_stream *lost = open_stream(context, MANUAL "&unplug=1s&stuck=stop:2500ms", ACAP_FORMAT_S32, 1, 480);
    acap_event event = ACAP_EVENT_INIT;

    (void)state;
    assert_ok(acap_stream_start(closed));
    assert_ok(acap_stream_start(lost));
    begin_call();
    acap_stream_close(closed);
    expect_at_once();
    assert_ok(acap_context_next_event(context, 7 * NS_PER_S, &event));
    assert_int_equal(event.type, ACAP_EVENT_HOST_STUCK);
    assert_ok(acap_stream_sim_advance(lost, 4 * 48000));
    do
        assert_ok(acap_context_next_event(context, 7 * NS_PER_S, &event));
    while (event.type != ACAP_EVENT_HOST_STUCK);
    acap_stream_close(lost);
    acap_context_destroy(context);
    assert_true(threads_have_gone());
}

static void closing_a_context_whose_streams_cannot_be_stopped_does_not_wait(void **state)
{
    enum { STREAMS = 3 };
    acap_context *context = make_context("sim");
    acap_stream *streams[STREAMS];

    (void)state;
    for (int i = 0; i < STREAMS; i++) {
        streams[i] = open_stream(context, "sim:counter?stuck=stop:300ms", 0, 0, 0);
        assert_ok(acap_stream_start(streams[i]));
    }
    begin_call();
    acap_context_destroy(context);
    expect_at_once();
    for (int i = 0; i < STREAMS; i++) {
        assert_int_equal(stream_stats(streams[i]).state, ACAP_STATE_STOPPED);
        acap_stream_close(streams[i]);
    }
    expect_at_once();
    assert_true(threads_have_gone());
}

struct start_call {
    acap_stream *stream;
    acap_result result;
};

static void *start_it(void *argument)
{
    struct start_call *call = argument;

    call->result = acap_stream_start(call->stream);
    return NULL;
}

/* Whoever is inside start waits for the host; the end does not wait for that. */
static void closing_while_a_start_hangs_does_not_wait(void **state)
{
    acap_context *context = make_context("sim");
    struct start_call call = {.stream = open_stream(context, "sim:counter?stuck=start:800ms", 0, 0, 0)};
    acap_reader *reader = open_reader(call.stream);
    const acap_buffer *buffer;
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, start_it, &call), 0);
    assert_result(acap_reader_borrow(reader, 100 * NS_PER_MS, &buffer), ACAP_TIMED_OUT); /* by now it hangs */
    begin_call();
    acap_context_destroy(context);
    expect_at_once();
    assert_result(acap_reader_borrow(reader, 0, &buffer), ACAP_END);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(acap_clock_ns() - begin_ns < CALL_LIMIT_NS);
    assert_int_equal(stream_stats(call.stream).state, ACAP_STATE_STOPPED);
    assert_conserved(conservation_of_reader(reader));
    acap_reader_close(reader);
    acap_stream_close(call.stream);
    assert_true(threads_have_gone());
}

/* The watch has asked for the lost device, and the host does not answer. */
static void closing_while_a_recovery_hangs_does_not_wait(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    acap_event event = ACAP_EVENT_INIT;

    (void)state;
    config.device = "sim:counter?unplug=100ms&stuck=open:700ms";
    config.on_device_lost = ACAP_ON_LOST_WAIT;
    acap_stream *stream = open_config(context, &config);
    acap_reader *reader = open_reader(stream);
    const acap_buffer *buffer;
    conservation seen;
    conservation_begin(&seen, reader);
    assert_ok(acap_stream_start(stream));
    do
        assert_ok(acap_context_next_event(context, 10 * NS_PER_S, &event));
    while (event.type != ACAP_EVENT_STREAM_LOST);
    while (acap_reader_borrow(reader, 300 * NS_PER_MS, &buffer) == ACAP_OK) { /* by the time-out it hangs */
        conservation_add(&seen, buffer);
        acap_buffer_release(buffer);
    }
    begin_call();
    acap_stream_close(stream);
    expect_at_once();
    assert_result(drain(reader, &seen), ACAP_END);
    assert_conserved(conservation_at_rest(&seen, NULL, reader));
    acap_reader_close(reader);
    acap_context_destroy(context);
    expect_at_once();
    assert_true(threads_have_gone());
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_open_that_takes_its_time_is_waited_for),
        cmocka_unit_test(a_start_that_comes_back_too_late),
        cmocka_unit_test(a_start_that_takes_its_time_is_waited_for),
        cmocka_unit_test(a_stop_that_comes_back_too_late),
        cmocka_unit_test(a_stop_that_takes_its_time_is_waited_for),
        cmocka_unit_test(a_stop_that_hung_leaves_the_stream_startable),
        cmocka_unit_test(closing_a_stream_that_cannot_be_stopped_does_not_wait),
        cmocka_unit_test(closing_what_hangs_is_told),
        cmocka_unit_test(closing_a_context_whose_streams_cannot_be_stopped_does_not_wait),
        cmocka_unit_test(closing_while_a_start_hangs_does_not_wait),
        cmocka_unit_test(closing_while_a_recovery_hangs_does_not_wait),
        /* last: their threads stay */
        cmocka_unit_test(an_open_that_never_comes_back),
        cmocka_unit_test(a_stop_that_never_comes_back),
    };

    if (count > 1)
        cmocka_set_test_filter(arguments[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
