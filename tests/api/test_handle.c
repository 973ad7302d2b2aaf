/* SPDX-License-Identifier: MIT */
/* Owns: tests of wait handles: when they are readable, for level- and edge-triggered event loops, and whose they are.
 * Run by: CTest, in milliseconds.
 * Runs on: the public API, one thread; streams are fed by the test. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

static int handle_of(acap_reader *reader)
{
    intptr_t handle = -1;

    assert_ok(acap_reader_get_wait_handle(reader, &handle));
    assert_true(handle >= 0);
    return (int)handle;
}

static bool is_readable(int fd)
{
    struct pollfd asked = {.fd = fd, .events = POLLIN};
    const int count = poll(&asked, 1, 0);

    assert_true(count >= 0);
    return count == 1 && (asked.revents & POLLIN) != 0;
}

/* A handle whose reader has just said that there is nothing. */
static int armed_handle_of(acap_reader *reader)
{
    const acap_buffer *buffer;
    const int fd = handle_of(reader);

    assert_result(acap_reader_borrow(reader, 0, &buffer), ACAP_TIMED_OUT);
    assert_false(is_readable(fd));
    return fd;
}

static void a_handle_is_readable_from_the_first_buffer_to_the_borrow_that_finds_none(void **state)
{
    rig r = make_rig(10, 8, 0);
    const int fd = armed_handle_of(r.reader);

    (void)state;
    for (int round = 0; round < 3; round++) {
        push_counter(r.stream, 9);
        assert_false(is_readable(fd));
        push_counter(r.stream, 21);
        assert_true(is_readable(fd));
        for (int i = 0; i < 3; i++) {
            acap_buffer_release(borrow_now(r.reader, &r.seen));
            assert_true(is_readable(fd)); /* even with an empty queue: nobody has found that out yet */
        }
        assert_result(drain(r.reader, &r.seen), ACAP_TIMED_OUT);
        assert_false(is_readable(fd));
    }
    finish_rig(&r);
}

static void a_handle_made_late_tells_of_what_is_there(void **state)
{
    rig r = make_rig(10, 8, 0);

    (void)state;
    push_counter(r.stream, 20);
    const int fd = handle_of(r.reader);
    assert_true(is_readable(fd));
    assert_result(drain(r.reader, &r.seen), ACAP_TIMED_OUT);
    assert_false(is_readable(fd));
    finish_rig(&r);
}

static void a_handle_waits_for_the_threshold(void **state)
{
    acap_context *context = make_context("push");
    acap_stream *stream = open_stream(context, "push:", ACAP_FORMAT_S32, 1, 10);
    acap_reader *reader = open_batches(stream, 10, 4);
    conservation seen;

    (void)state;
    conservation_begin(&seen, reader);
    assert_ok(acap_stream_start(stream));
    const int fd = armed_handle_of(reader);
    push_counter(stream, 39);
    assert_false(is_readable(fd));
    push_counter(stream, 1);
    assert_true(is_readable(fd));
    assert_result(drain(reader, &seen), ACAP_TIMED_OUT);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    close_conserved(context, stream, reader);
}

/* Below the threshold, and no stall has been noticed: the loss alone tells a consumer to take what there is. */
static void a_handle_tells_of_a_loss(void **state)
{
    acap_context *context = make_context("push");
    acap_stream *stream = open_stream(context, "push:", ACAP_FORMAT_S32, 1, 10);
    acap_reader *reader = open_batches(stream, 10, 4);
    conservation seen;

    (void)state;
    conservation_begin(&seen, reader);
    assert_ok(acap_stream_start(stream));
    const int fd = armed_handle_of(reader);
    push_counter(stream, 10);
    assert_false(is_readable(fd));
    assert_ok(acap_stream_push(stream, NULL, 7, 0));
    assert_true(is_readable(fd));
    assert_result(drain(reader, &seen), ACAP_TIMED_OUT);
    assert_false(is_readable(fd));
    push_counter(stream, 30); /* and then the threshold is what it was */
    assert_false(is_readable(fd));
    push_counter(stream, 10);
    assert_true(is_readable(fd));
    assert_result(drain(reader, &seen), ACAP_TIMED_OUT);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    close_conserved(context, stream, reader);
}

/* The stall told of what was queued; the loss publishes what was pending, and nothing follows that would tell of it. */
static void a_handle_tells_of_what_a_lost_device_left(void **state)
{
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    acap_context *context = make_context("sim");
    conservation seen;

    (void)state;
    config.device = "sim:counter?pace=manual&period=100&unplug=1053ms&replug=60s";
    config.format = ACAP_FORMAT_S32;
    config.frames_per_buffer = 480;
    config.on_device_lost = ACAP_ON_LOST_WAIT;
    acap_stream *stream = open_config(context, &config);
    acap_reader *reader = open_batches(stream, 200, 20);
    conservation_begin(&seen, reader);
    assert_ok(acap_stream_start(stream));
    const int fd = armed_handle_of(reader);
    assert_ok(acap_stream_sim_advance(stream, 48000 * 3 / 2));
    assert_true(is_readable(fd));
    assert_result(drain(reader, &seen), ACAP_TIMED_OUT);
    assert_false(is_readable(fd));
    assert_int_not_equal(stream_stats(stream).frames_pending, 0);
    assert_ok(acap_stream_sim_advance(stream, 48000 * 2));
    assert_int_equal(stream_stats(stream).state, ACAP_STATE_LOST);
    assert_true(is_readable(fd));
    assert_int_not_equal(reader_stats(reader).frames_queued, 0);
    assert_result(drain(reader, &seen), ACAP_TIMED_OUT);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    close_conserved(context, stream, reader);
}

static void a_handle_still_works_after_a_borrow_with_a_timeout(void **state)
{
    acap_context *context = make_context("push");
    acap_stream *stream = open_stream(context, "push:", ACAP_FORMAT_S32, 1, 10);
    acap_reader *reader = open_batches(stream, 10, 4);
    const acap_buffer *buffer;
    conservation seen;

    (void)state;
    conservation_begin(&seen, reader);
    assert_ok(acap_stream_start(stream));
    const int fd = armed_handle_of(reader);
    assert_result(acap_reader_borrow(reader, NS_PER_MS, &buffer), ACAP_TIMED_OUT);
    assert_false(is_readable(fd));
    push_counter(stream, 20);
    acap_buffer_release(borrow_now(reader, &seen));
    acap_buffer_release(borrow_now(reader, &seen));
    push_counter(stream, 40);
    assert_true(is_readable(fd));
    assert_result(drain(reader, &seen), ACAP_TIMED_OUT);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    close_conserved(context, stream, reader);
}

static void ends_and_interrupts_make_a_handle_readable(void **state)
{
    rig r = make_rig(10, 8, 0);
    const acap_buffer *buffer;
    const int fd = armed_handle_of(r.reader);

    (void)state;
    assert_ok(acap_reader_interrupt(r.reader));
    assert_true(is_readable(fd));
    assert_result(acap_reader_borrow(r.reader, 0, &buffer), ACAP_INTERRUPTED);
    assert_true(is_readable(fd));
    assert_result(acap_reader_borrow(r.reader, 0, &buffer), ACAP_TIMED_OUT);
    assert_false(is_readable(fd));
    assert_ok(acap_stream_stop(r.stream));
    for (int i = 0; i < 3; i++) {
        assert_true(is_readable(fd));
        assert_result(acap_reader_borrow(r.reader, 0, &buffer), ACAP_END);
    }
    assert_ok(acap_stream_start(r.stream)); /* takes the end back */
    assert_result(acap_reader_borrow(r.reader, 0, &buffer), ACAP_TIMED_OUT);
    assert_false(is_readable(fd));
    assert_ok(acap_reader_end(r.reader));
    for (int i = 0; i < 3; i++) {
        assert_true(is_readable(fd));
        assert_result(acap_reader_borrow(r.reader, 0, &buffer), ACAP_END);
    }
    finish_rig(&r);
}

static void closing_the_stream_or_the_context_makes_a_handle_readable(void **state)
{
    (void)state;
    for (int which = 0; which < 2; which++) {
        rig r = make_rig(10, 8, 0);
        const int fd = armed_handle_of(r.reader);
        if (which == 0) {
            acap_stream_close(r.stream);
            r.stream = NULL;
        } else {
            acap_context_destroy(r.context);
            r.context = NULL;
        }
        assert_true(is_readable(fd));
        assert_result(drain(r.reader, &r.seen), ACAP_END);
        assert_true(is_readable(fd));
        assert_conserved(conservation_at_rest(&r.seen, r.stream, r.reader));
        acap_reader_close(r.reader);
        acap_stream_close(r.stream);
        acap_context_destroy(r.context);
    }
}

static int make_epoll(int fd)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    const int epoll = epoll_create1(EPOLL_CLOEXEC);

    assert_true(epoll >= 0);
    assert_int_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
    return epoll;
}

static int events_of(int epoll)
{
    struct epoll_event event;
    const int count = epoll_wait(epoll, &event, 1, 0);

    assert_true(count >= 0);
    return count;
}

static void an_edge_triggered_loop_is_told_of_every_transition(void **state)
{
    rig r = make_rig(10, 8, 0);
    const acap_buffer *buffer;
    const int epoll = make_epoll(armed_handle_of(r.reader));

    (void)state;
    assert_int_equal(events_of(epoll), 0);
    for (int round = 0; round < 20; round++) {
        push_counter(r.stream, 10);
        assert_int_equal(events_of(epoll), 1);
        assert_int_equal(events_of(epoll), 0);
        assert_result(drain(r.reader, &r.seen), ACAP_TIMED_OUT);
        assert_int_equal(events_of(epoll), 0);
    }
    assert_ok(acap_reader_interrupt(r.reader));
    assert_int_equal(events_of(epoll), 1);
    assert_result(acap_reader_borrow(r.reader, 0, &buffer), ACAP_INTERRUPTED);
    assert_result(acap_reader_borrow(r.reader, 0, &buffer), ACAP_TIMED_OUT);
    assert_ok(acap_stream_stop(r.stream));
    assert_int_equal(events_of(epoll), 1);
    close(epoll);
    finish_rig(&r);
}

/* An event of an edge-triggered descriptor is one write into it. */
static void a_recorder_that_takes_20_at_a_time_costs_5_writes_in_100_buffers(void **state)
{
    acap_context *context = make_context("push");
    acap_stream *stream = open_stream(context, "push:", ACAP_FORMAT_S32, 1, 480);
    acap_reader *reader = open_batches(stream, 50, 20);
    conservation seen;
    int events = 0;

    (void)state;
    conservation_begin(&seen, reader);
    assert_ok(acap_stream_start(stream));
    const int epoll = make_epoll(armed_handle_of(reader));
    (void)events_of(epoll); /* what was before */
    for (int i = 1; i <= 100; i++) {
        push_counter(stream, 480);
        const int event = events_of(epoll);
        assert_int_equal(event, i % 20 == 0);
        events += event;
        if (event != 0)
            assert_result(drain(reader, &seen), ACAP_TIMED_OUT);
    }
    assert_int_equal(events, 5);
    assert_int_equal(seen.buffers, 100);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    close(epoll);
    close_conserved(context, stream, reader);
}

static void a_handle_is_nonblocking_and_closed_on_exec(void **state)
{
    rig r = make_rig(10, 8, 0);
    const int fd = handle_of(r.reader);

    (void)state;
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    finish_rig(&r);
}

static void there_is_one_handle_a_reader_and_it_goes_with_the_reader(void **state)
{
    rig r = make_rig(10, 8, 0);
    acap_reader *other = open_queue(r.stream, 8, 0);
    const uint32_t descriptors = open_descriptors();
    const int fd = handle_of(r.reader);

    (void)state;
    assert_int_equal(handle_of(r.reader), fd);
    assert_int_equal(open_descriptors(), descriptors + 1);
    const int other_fd = handle_of(other);
    assert_int_not_equal(other_fd, fd);
    acap_reader_close(other);
    assert_int_equal(fcntl(other_fd, F_GETFD), -1);
    assert_int_equal(errno, EBADF);
    assert_int_equal(open_descriptors(), descriptors + 1);
    finish_rig(&r);
    assert_int_equal(open_descriptors(), descriptors);
}

static void a_duplicate_works_and_may_outlive_the_reader(void **state)
{
    rig r = make_rig(10, 8, 0);
    const int fd = dup(armed_handle_of(r.reader));

    (void)state;
    assert_true(fd >= 0);
    push_counter(r.stream, 10);
    assert_true(is_readable(fd));
    assert_result(drain(r.reader, &r.seen), ACAP_TIMED_OUT);
    assert_false(is_readable(fd));
    finish_rig(&r);
    assert_true(is_readable(fd)); /* the end came before it was closed */
    assert_int_equal(close(fd), 0);
}

static void without_a_free_descriptor_there_is_no_handle(void **state)
{
    rig r = make_rig(10, 8, 0);
    struct rlimit before;
    intptr_t handle = 0;

    (void)state;
    const int lowest = dup(0); /* the next one to be given out */
    assert_true(lowest >= 0);
    close(lowest);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit none = {(rlim_t)lowest, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    const acap_result result = acap_reader_get_wait_handle(r.reader, &handle);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_result(result, ACAP_ERROR_LIMIT);
    assert_int_equal(handle, -1);
    assert_int_equal(handle_of(r.reader), lowest); /* it is no state to stay in */
    finish_rig(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handle_is_readable_from_the_first_buffer_to_the_borrow_that_finds_none),
        cmocka_unit_test(a_handle_made_late_tells_of_what_is_there),
        cmocka_unit_test(a_handle_waits_for_the_threshold),
        cmocka_unit_test(a_handle_tells_of_a_loss),
        cmocka_unit_test(a_handle_tells_of_what_a_lost_device_left),
        cmocka_unit_test(a_handle_still_works_after_a_borrow_with_a_timeout),
        cmocka_unit_test(ends_and_interrupts_make_a_handle_readable),
        cmocka_unit_test(closing_the_stream_or_the_context_makes_a_handle_readable),
        cmocka_unit_test(an_edge_triggered_loop_is_told_of_every_transition),
        cmocka_unit_test(a_recorder_that_takes_20_at_a_time_costs_5_writes_in_100_buffers),
        cmocka_unit_test(a_handle_is_nonblocking_and_closed_on_exec),
        cmocka_unit_test(there_is_one_handle_a_reader_and_it_goes_with_the_reader),
        cmocka_unit_test(a_duplicate_works_and_may_outlive_the_reader),
        cmocka_unit_test(without_a_free_descriptor_there_is_no_handle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
