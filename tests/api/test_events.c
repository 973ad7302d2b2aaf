/* SPDX-License-Identifier: MIT */
/* Owns: tests of a context's events: each kind that a simulated device can bring about, their order and bound, waiting for them.
 * Run by: CTest, well below a second.
 * Runs on: the public API; devices fail on cue in virtual time. */
#include "fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static acap_event next_event(acap_context *context)
{
    acap_event event = ACAP_EVENT_INIT;

    assert_ok(acap_context_next_event(context, 0, &event));
    assert_int_equal(event.struct_size, sizeof event);
    assert_int_equal(event.reserved, 0);
    assert_true(event.text[0] != '\0');
    assert_true(event.time_ns > 0);
    return event;
}

static void expect_no_event(acap_context *context)
{
    acap_event event = ACAP_EVENT_INIT;
    const acap_result result = acap_context_next_event(context, 0, &event);

    if (result == ACAP_OK)
        fail_msg("an event that nobody expected: %u, \"%s\"", event.type, event.text);
    assert_result(result, ACAP_TIMED_OUT);
}

static uint64_t id_of(const acap_stream *stream)
{
    acap_stream_info info = ACAP_STREAM_INFO_INIT;

    assert_ok(acap_stream_get_info(stream, &info));
    return info.stream_id;
}

static acap_stream *start_device(acap_context *context, const char *device)
{
    acap_stream *stream = open_stream(context, device, ACAP_FORMAT_S16, 1, 480);

    assert_ok(acap_stream_start(stream));
    return stream;
}

static void every_function_refuses_what_it_must(void **state)
{
    acap_context *context = make_context("sim");
    acap_event event = ACAP_EVENT_INIT;
    intptr_t handle = 0;

    (void)state;
    assert_result(acap_context_next_event(NULL, 0, &event), ACAP_ERROR_INVALID_ARGUMENT);
    assert_result(acap_context_next_event(context, 0, NULL), ACAP_ERROR_INVALID_ARGUMENT);
    assert_result(acap_context_next_event(context, -2, &event), ACAP_ERROR_INVALID_ARGUMENT);
    event.struct_size = 4;
    assert_result(acap_context_next_event(context, 0, &event), ACAP_ERROR_ABI_MISMATCH);
    assert_result(acap_context_interrupt(NULL), ACAP_ERROR_INVALID_ARGUMENT);
    assert_result(acap_context_get_wait_handle(NULL, &handle), ACAP_ERROR_INVALID_ARGUMENT);
    assert_int_equal(handle, -1);
    assert_result(acap_context_get_wait_handle(context, NULL), ACAP_ERROR_INVALID_ARGUMENT);
    acap_context_destroy(context);
}

static void nothing_happens_and_nothing_is_told(void **state)
{
    acap_context *context = make_context("sim");
    acap_event event = ACAP_EVENT_INIT;

    (void)state;
    acap_stream *stream = start_device(context, MANUAL);
    assert_ok(acap_stream_sim_advance(stream, 480000));
    expect_no_event(context);
    const int64_t begin_ns = acap_clock_ns();
    assert_result(acap_context_next_event(context, 5 * NS_PER_MS, &event), ACAP_TIMED_OUT);
    assert_true(acap_clock_ns() - begin_ns >= 5 * NS_PER_MS);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

static void an_interrupt_comes_once(void **state)
{
    acap_context *context = make_context("sim");
    acap_event event = ACAP_EVENT_INIT;

    (void)state;
    assert_ok(acap_context_interrupt(context));
    assert_ok(acap_context_interrupt(context));
    assert_result(acap_context_next_event(context, ACAP_WAIT_FOREVER, &event), ACAP_INTERRUPTED);
    assert_result(acap_context_next_event(context, 0, &event), ACAP_TIMED_OUT);
    acap_context_destroy(context);
}

static void *wait_for_ever(void *context)
{
    acap_event event = ACAP_EVENT_INIT;

    return acap_context_next_event(context, ACAP_WAIT_FOREVER, &event) == ACAP_INTERRUPTED ? context : NULL;
}

static void an_interrupt_wakes_whoever_waits(void **state)
{
    acap_context *context = make_context("sim");
    pthread_t thread;
    void *result = NULL;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, wait_for_ever, context), 0);
    assert_ok(acap_context_interrupt(context));
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, context);
    acap_context_destroy(context);
}

static void a_loss_is_told_with_its_place(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = start_device(context, MANUAL "&period=480&xrun=1s:480f:flag");

    (void)state;
    assert_ok(acap_stream_sim_advance(stream, 5 * 48000));
    const acap_event event = next_event(context);
    assert_int_equal(event.type, ACAP_EVENT_FRAMES_LOST);
    assert_int_equal(event.level, ACAP_LEVEL_WARNING);
    assert_int_equal(event.stream_id, id_of(stream));
    assert_true(event.position >= 48000 && event.position <= 3 * 48000); /* where it was found; the host said when, not how much */
    assert_int_equal(event.frames, 480);
    assert_int_equal(event.events_lost, 0);
    assert_int_equal(stream_stats(stream).lost_host, 480);
    expect_no_event(context);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

static void a_stall_a_loss_and_a_recovery_are_told_in_order(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;

    (void)state;
    config.device = MANUAL "&period=480&unplug=1s&replug=4s";
    config.on_device_lost = ACAP_ON_LOST_WAIT;
    acap_stream *stream = open_config(context, &config);
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_sim_advance(stream, 10 * 48000));
    acap_event event = next_event(context);
    assert_int_equal(event.type, ACAP_EVENT_STREAM_STALLED);
    assert_int_equal(event.position, 48000);
    event = next_event(context);
    assert_int_equal(event.type, ACAP_EVENT_STREAM_LOST);
    assert_int_equal(event.level, ACAP_LEVEL_ERROR);
    event = next_event(context);
    assert_int_equal(event.type, ACAP_EVENT_STREAM_RECOVERED);
    assert_int_equal(event.level, ACAP_LEVEL_INFO);
    assert_int_equal(event.position, 48000);
    const uint64_t gap_frames = event.frames;
    assert_int_equal(stream_stats(stream).lost_host, gap_frames);
    event = next_event(context);
    assert_int_equal(event.type, ACAP_EVENT_FRAMES_LOST);
    assert_int_equal(event.position, 48000);
    assert_int_equal(event.frames, gap_frames);
    expect_no_event(context);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

static void long_silence_is_suspect(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = start_device(context, "sim:silence?pace=manual");

    (void)state;
    assert_ok(acap_stream_sim_advance(stream, 4 * 48000));
    expect_no_event(context);
    assert_ok(acap_stream_sim_advance(stream, 60 * 48000));
    const acap_event event = next_event(context);
    assert_int_equal(event.type, ACAP_EVENT_SUSPECT_SILENCE);
    assert_int_equal(event.stream_id, id_of(stream));
    expect_no_event(context); /* once, not every five seconds */
    acap_stream_close(stream);
    acap_context_destroy(context);
}

static void a_pool_that_runs_low_is_told(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    const acap_buffer *held[4];

    (void)state;
    config.device = MANUAL "&period=480";
    config.pool_buffers_max = 4;
    acap_stream *stream = open_config(context, &config);
    acap_reader *reader = open_queue(stream, 1, ACAP_OVERFLOW_DROP_OLDEST);
    assert_ok(acap_stream_start(stream));
    for (int i = 0; i < 4; i++) {
        assert_ok(acap_stream_sim_advance(stream, 480));
        assert_ok(acap_reader_borrow(reader, 0, &held[i]));
    }
    const acap_event event = next_event(context);
    assert_int_equal(event.type, ACAP_EVENT_POOL_LOW);
    assert_non_null(strstr(event.text, "maximum"));
    for (int i = 0; i < 4; i++)
        acap_buffer_release(held[i]);
    expect_no_event(context);
    close_conserved(context, stream, reader);
}

/* Twenty streams that lose sixteen times each: more than there is room for. */
static void the_oldest_are_discarded_and_counted(void **state)
{
    enum { STREAMS = 20, LOSSES = 16, ROOM = 256 };
    acap_context *context = make_context("sim");
    acap_stream *streams[STREAMS];
    char device[512] = MANUAL "&period=480";

    (void)state;
    for (int i = 1; i <= LOSSES; i++)
        snprintf(device + strlen(device), sizeof device - strlen(device), "&xrun=%ds:480f:flag", 2 * i);
    for (int i = 0; i < STREAMS; i++) {
        streams[i] = start_device(context, device);
        assert_ok(acap_stream_sim_advance(streams[i], 40 * 48000));
        assert_int_equal(stream_stats(streams[i]).lost_host, LOSSES * 480);
    }
    for (int i = 0; i < ROOM; i++) {
        const acap_event event = next_event(context);
        assert_int_equal(event.type, ACAP_EVENT_FRAMES_LOST);
        assert_int_equal(event.events_lost, i == 0 ? STREAMS * LOSSES - ROOM : 0);
        assert_int_equal(event.stream_id, id_of(streams[(i + STREAMS * LOSSES - ROOM) / LOSSES]));
    }
    expect_no_event(context);
    for (int i = 0; i < STREAMS; i++)
        acap_stream_close(streams[i]);
    acap_context_destroy(context);
}

static bool is_readable(int fd)
{
    struct pollfd asked = {.fd = fd, .events = POLLIN};

    return poll(&asked, 1, 0) == 1;
}

static void the_handle_is_readable_as_long_as_an_event_waits(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = start_device(context, MANUAL "&period=480&xrun=1s:480f:flag&xrun=5s:480f:flag");
    acap_event event = ACAP_EVENT_INIT;
    intptr_t handle = -1;
    intptr_t again = -1;

    (void)state;
    assert_ok(acap_context_get_wait_handle(context, &handle));
    assert_ok(acap_context_get_wait_handle(context, &again));
    assert_true(again == handle);
    assert_true((fcntl((int)handle, F_GETFD) & FD_CLOEXEC) != 0 && (fcntl((int)handle, F_GETFL) & O_NONBLOCK) != 0);
    assert_false(is_readable((int)handle));
    assert_ok(acap_stream_sim_advance(stream, 10 * 48000));
    assert_true(is_readable((int)handle));
    (void)next_event(context);
    assert_true(is_readable((int)handle));
    (void)next_event(context);
    assert_false(is_readable((int)handle));
    assert_ok(acap_context_interrupt(context));
    assert_true(is_readable((int)handle));
    assert_result(acap_context_next_event(context, 0, &event), ACAP_INTERRUPTED);
    assert_false(is_readable((int)handle));
    acap_stream_close(stream);
    acap_context_destroy(context);
    assert_true(threads_have_gone());
}

static void contexts_have_events_of_their_own(void **state)
{
    acap_context *first = make_context("sim");
    acap_context *second = make_context("sim");
    acap_stream *stream = start_device(first, MANUAL "&period=480&xrun=1s:480f:flag");

    (void)state;
    assert_ok(acap_stream_sim_advance(stream, 5 * 48000));
    expect_no_event(second);
    acap_stream_close(stream); /* what it had to say is still there */
    assert_int_equal(next_event(first).type, ACAP_EVENT_FRAMES_LOST);
    acap_context_destroy(first);
    acap_context_destroy(second);
}

/* In real time a thread of the library does the telling. */
static void a_loss_of_a_pushed_stream_is_told(void **state)
{
    rig r = make_rig(100, 8, ACAP_OVERFLOW_DROP_OLDEST);
    acap_event event = ACAP_EVENT_INIT;

    (void)state;
    push_counter(r.stream, 130);
    assert_ok(acap_stream_push(r.stream, NULL, 25, 0));
    assert_ok(acap_stream_push(r.stream, NULL, 15, 0));
    push_counter(r.stream, 100);
    assert_ok(acap_context_next_event(r.context, 10 * NS_PER_S, &event));
    assert_int_equal(event.type, ACAP_EVENT_FRAMES_LOST);
    assert_int_equal(event.position, 130);
    assert_int_equal(event.frames, 40);
    finish_rig(&r);
    assert_true(threads_have_gone());
}

static uint64_t told_frames(acap_context *context, uint32_t *events)
{
    acap_event event = ACAP_EVENT_INIT;
    uint64_t frames = 0;

    while (acap_context_next_event(context, 0, &event) == ACAP_OK) {
        if (event.type != ACAP_EVENT_FRAMES_LOST)
            continue;
        assert_true(event.frames > 0);
        frames += event.frames;
        ++*events;
    }
    return frames;
}

/* Far more of them than the watch sees one by one, and no buffer to tell the last ones by. */
static void the_losses_that_are_told_add_up(void **state)
{
    rig r = make_rig(10, 8, ACAP_OVERFLOW_DROP_OLDEST);
    uint32_t events = 0;
    uint64_t told = 0;

    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        assert_ok(acap_stream_push(r.stream, NULL, 1 + i % 7, 0));
        push_counter(r.stream, 3);
        if (i % 100 == 99)
            told += told_frames(r.context, &events); /* not so many wait in a context */
    }
    assert_ok(acap_stream_push(r.stream, NULL, 5, 0));
    const uint64_t lost = stream_stats(r.stream).frames_lost;
    acap_stream_close(r.stream);
    assert_int_equal(told + told_frames(r.context, &events), lost);
    acap_reader_close(r.reader);
    acap_context_destroy(r.context);
}

/* While no buffer is free none tells of it: the watch does, and not at every look. */
static void a_loss_that_goes_on_is_told_meanwhile(void **state)
{
    enum { SECONDS = 4, BUFFERS = 8 };
    acap_context *context = make_context("sim");
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    const acap_buffer *held[BUFFERS];
    acap_stream *stream;
    uint32_t count = 0;
    uint32_t events = 0;

    (void)state;
    config.device = MANUAL "&period=480";
    config.pool_buffers_min = BUFFERS;
    config.pool_buffers_max = BUFFERS;
    stream = open_config(context, &config);
    acap_pool *pool = acap_stream_get_pool(stream);
    while (acap_pool_acquire(pool, &held[count]) == ACAP_OK && ++count < BUFFERS)
        assert_int_equal(acap_buffer_reference_count(held[count - 1]), 1);
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_sim_advance(stream, SECONDS * 48000));
    const uint64_t meanwhile = told_frames(context, &events);
    assert_true(meanwhile >= stream_stats(stream).frames_lost - 48000 && meanwhile > 0);
    assert_in_range(events, SECONDS - 1, 3 * SECONDS);
    while (count > 0)
        acap_buffer_release(held[--count]);
    assert_ok(acap_stream_sim_advance(stream, 48000));
    assert_int_equal(meanwhile + told_frames(context, &events), stream_stats(stream).frames_lost);
    acap_pool_release(pool);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_function_refuses_what_it_must),
        cmocka_unit_test(nothing_happens_and_nothing_is_told),
        cmocka_unit_test(an_interrupt_comes_once),
        cmocka_unit_test(an_interrupt_wakes_whoever_waits),
        cmocka_unit_test(a_loss_is_told_with_its_place),
        cmocka_unit_test(a_stall_a_loss_and_a_recovery_are_told_in_order),
        cmocka_unit_test(long_silence_is_suspect),
        cmocka_unit_test(a_pool_that_runs_low_is_told),
        cmocka_unit_test(the_oldest_are_discarded_and_counted),
        cmocka_unit_test(the_handle_is_readable_as_long_as_an_event_waits),
        cmocka_unit_test(contexts_have_events_of_their_own),
        cmocka_unit_test(the_losses_that_are_told_add_up),
        cmocka_unit_test(a_loss_that_goes_on_is_told_meanwhile),
        cmocka_unit_test(a_loss_of_a_pushed_stream_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
