/* SPDX-License-Identifier: MIT */
/* Owns: tests of a borrow that sleeps: what wakes it, what does not, and how often.
 * Run by: CTest, about a second: only timeouts take time.
 * Runs on: the public API. The library's system calls pass through this program, which counts them and so knows when a borrow sleeps. */
#include "fixture.h"

#include <dlfcn.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TIMEOUT_NS (120 * NS_PER_MS) /* below the 250 ms without a callback that count as a stall, which wakes, too */

/* ---- the library's futex calls ---- */

static atomic_uint waits;
static atomic_uint wakes;

/* In place of the C library's. */
long syscall(long number, ...)
{
    static _Atomic(void *) next_address;
    void *address = atomic_load(&next_address);
    long (*next)(long, ...);
    long arguments[6];
    va_list list;

    va_start(list, number);
    for (int i = 0; i < 6; i++)
        arguments[i] = va_arg(list, long);
    va_end(list);
    if (address == NULL) {
        address = dlsym(RTLD_NEXT, "syscall");
        atomic_store(&next_address, address);
    }
    memcpy(&next, &address, sizeof next);
    if (number == SYS_futex && (arguments[1] & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET)
        atomic_fetch_add(&waits, 1);
    if (number == SYS_futex && (arguments[1] & FUTEX_CMD_MASK) == FUTEX_WAKE)
        atomic_fetch_add(&wakes, 1);
    return next(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

static bool has_waited(void *count)
{
    return atomic_load(&waits) >= *(const unsigned *)count;
}

/* Until a borrow has gone to sleep for the count-th time: its wake is armed then. */
static void await_sleep(unsigned count)
{
    assert_true(eventually(has_waited, &count));
}

/* ---- a thread that borrows ---- */

struct sleeper {
    acap_reader *reader;
    int64_t timeout_ns;
    const acap_buffer *buffer;
    acap_result result;
    int64_t elapsed_ns;
    pthread_t thread;
};

static void *borrow_once(void *argument)
{
    struct sleeper *sleeper = argument;
    const int64_t begin_ns = acap_clock_ns();

    sleeper->result = acap_reader_borrow(sleeper->reader, sleeper->timeout_ns, &sleeper->buffer);
    sleeper->elapsed_ns = acap_clock_ns() - begin_ns;
    return NULL;
}

static void put_to_sleep(struct sleeper *sleeper, acap_reader *reader, int64_t timeout_ns)
{
    const unsigned count = atomic_load(&waits) + 1;

    *sleeper = (struct sleeper){.reader = reader, .timeout_ns = timeout_ns};
    assert_int_equal(pthread_create(&sleeper->thread, NULL, borrow_once, sleeper), 0);
    await_sleep(count);
}

/* What it returned, its buffer checked, noted and released. */
static acap_result wake_up(struct sleeper *sleeper, conservation *seen)
{
    assert_int_equal(pthread_join(sleeper->thread, NULL), 0);
    if (sleeper->result == ACAP_OK) {
        assert_true(counter_holds(sleeper->buffer));
        conservation_add(seen, sleeper->buffer);
        acap_buffer_release(sleeper->buffer);
    } else {
        assert_null(sleeper->buffer);
    }
    return sleeper->result;
}

static void timeouts_are_kept(void **state)
{
    rig r = make_rig(10, 4, 0);
    const acap_buffer *buffer = (const acap_buffer *)&r;

    (void)state;
    for (int64_t timeout_ns = 0; timeout_ns <= 20 * NS_PER_MS; timeout_ns += 5 * NS_PER_MS) {
        const int64_t begin_ns = acap_clock_ns();
        assert_result(acap_reader_borrow(r.reader, timeout_ns, &buffer), ACAP_TIMED_OUT);
        assert_null(buffer);
        assert_true(acap_clock_ns() - begin_ns >= timeout_ns);
        assert_true(acap_clock_ns() - begin_ns < timeout_ns + 10 * NS_PER_S);
    }
    assert_result(acap_reader_borrow(r.reader, 1, &buffer), ACAP_TIMED_OUT);
    assert_result(acap_reader_borrow(r.reader, -2, &buffer), ACAP_ERROR_INVALID_ARGUMENT);
    assert_result(acap_reader_borrow(r.reader, INT64_MIN, &buffer), ACAP_ERROR_INVALID_ARGUMENT);
    finish_rig(&r);
}

static void a_buffer_wakes_whoever_waits_however_long_that_would_be(void **state)
{
    static const int64_t timeouts_ns[] = {ACAP_WAIT_FOREVER, INT64_MAX, INT64_MAX - 1, 3600 * NS_PER_S};
    rig r = make_rig(10, 4, 0);
    struct sleeper sleeper;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(timeouts_ns); i++) {
        put_to_sleep(&sleeper, r.reader, timeouts_ns[i]);
        push_counter(r.stream, 10);
        assert_int_equal(wake_up(&sleeper, &r.seen), ACAP_OK);
    }
    finish_rig(&r);
    assert_int_equal(r.seen.buffers, COUNT_OF(timeouts_ns));
}

static void frames_that_fill_no_buffer_wake_nobody(void **state)
{
    rig r = make_rig(10, 4, 0);
    struct sleeper sleeper;

    (void)state;
    put_to_sleep(&sleeper, r.reader, ACAP_WAIT_FOREVER);
    const unsigned wakes_before = atomic_load(&wakes);
    push_counter(r.stream, 9);
    assert_int_equal(atomic_load(&wakes), wakes_before);
    push_counter(r.stream, 1);
    assert_int_equal(atomic_load(&wakes), wakes_before + 1);
    assert_int_equal(wake_up(&sleeper, &r.seen), ACAP_OK);
    finish_rig(&r);
}

static void nobody_asleep_costs_no_system_call(void **state)
{
    rig r = make_rig(10, 4, 0);
    const unsigned wakes_before = atomic_load(&wakes);

    (void)state;
    for (int i = 0; i < 1000; i++) {
        push_counter(r.stream, 10);
        assert_result(drain(r.reader, &r.seen), ACAP_TIMED_OUT);
    }
    assert_int_equal(atomic_load(&wakes), wakes_before);
    finish_rig(&r);
}

struct recorder {
    acap_reader *reader;
    uint32_t batches;
    uint32_t returns; /* of a borrow that had slept */
    uint32_t buffers;
    bool has_failed;
};

static void *record_in_batches(void *argument)
{
    struct recorder *recorder = argument;
    const acap_buffer *buffer;
    acap_result result = ACAP_OK;

    while (recorder->buffers < 20 * recorder->batches && !recorder->has_failed) {
        result = acap_reader_borrow(recorder->reader, ACAP_WAIT_FOREVER, &buffer);
        recorder->returns++;
        while (result == ACAP_OK) {
            recorder->has_failed |= !counter_holds(buffer);
            recorder->buffers++;
            acap_buffer_release(buffer);
            result = acap_reader_borrow(recorder->reader, 0, &buffer);
        }
        recorder->has_failed |= result != ACAP_TIMED_OUT;
    }
    return NULL;
}

static void a_recorder_that_takes_20_at_a_time_is_woken_5_times_in_100_buffers(void **state)
{
    acap_context *context = make_context("push");
    acap_stream *stream = open_stream(context, "push:", ACAP_FORMAT_S32, 1, 480);
    struct recorder recorder = {.reader = open_batches(stream, 50, 20), .batches = 5};
    const unsigned waits_before = atomic_load(&waits);
    const unsigned wakes_before = atomic_load(&wakes);
    pthread_t thread;

    (void)state;
    assert_ok(acap_stream_start(stream));
    assert_int_equal(pthread_create(&thread, NULL, record_in_batches, &recorder), 0);
    for (unsigned batch = 0; batch < 5; batch++) {
        await_sleep(waits_before + batch + 1);
        for (int i = 0; i < 19; i++)
            push_counter(stream, 480);
        assert_int_equal(atomic_load(&wakes) - wakes_before, batch); /* 19 of 20 wake nobody */
        push_counter(stream, 480);
        assert_int_equal(atomic_load(&wakes) - wakes_before, batch + 1);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(recorder.has_failed);
    assert_int_equal(recorder.buffers, 100);
    assert_int_equal(recorder.returns, 5);
    close_conserved(context, stream, recorder.reader);
}

static void a_queue_that_is_not_empty_is_not_slept_on(void **state)
{
    acap_context *context = make_context("push");
    acap_stream *stream = open_stream(context, "push:", ACAP_FORMAT_S32, 1, 10);
    acap_reader *reader = open_batches(stream, 50, 20);
    const acap_buffer *buffer = NULL;

    (void)state;
    assert_ok(acap_stream_start(stream));
    push_counter(stream, 20);
    assert_ok(acap_reader_borrow(reader, ACAP_WAIT_FOREVER, &buffer));
    acap_buffer_release(buffer);
    assert_ok(acap_reader_borrow(reader, 0, &buffer));
    acap_buffer_release(buffer);
    assert_result(acap_reader_borrow(reader, 0, &buffer), ACAP_TIMED_OUT);
    close_conserved(context, stream, reader);
}

static void at_the_timeout_fewer_than_the_threshold_are_handed_over(void **state)
{
    acap_context *context = make_context("push");
    acap_stream *stream = open_stream(context, "push:", ACAP_FORMAT_S32, 1, 10);
    acap_reader *reader = open_batches(stream, 50, 20);
    struct sleeper sleeper;
    conservation seen;

    (void)state;
    conservation_begin(&seen, reader);
    assert_ok(acap_stream_start(stream));
    put_to_sleep(&sleeper, reader, TIMEOUT_NS);
    const unsigned wakes_before = atomic_load(&wakes);
    push_counter(stream, 30);
    assert_int_equal(atomic_load(&wakes), wakes_before);
    assert_int_equal(wake_up(&sleeper, &seen), ACAP_OK);
    assert_true(sleeper.elapsed_ns >= TIMEOUT_NS);
    assert_result(drain(reader, &seen), ACAP_TIMED_OUT);
    assert_int_equal(seen.frames, 30);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    close_conserved(context, stream, reader);
}

/* The borrow had taken the descriptor's wake for itself; it must not leave an event loop that polls next deaf. */
static void a_handle_tells_of_what_a_timed_out_borrow_left(void **state)
{
    acap_context *context = make_context("push");
    acap_stream *stream = open_stream(context, "push:", ACAP_FORMAT_S32, 1, 10);
    acap_reader *reader = open_batches(stream, 50, 4);
    struct pollfd asked = {.events = POLLIN};
    const acap_buffer *buffer;
    struct sleeper sleeper;
    conservation seen;
    intptr_t handle;

    (void)state;
    conservation_begin(&seen, reader);
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_reader_get_wait_handle(reader, &handle));
    asked.fd = (int)handle;
    assert_result(acap_reader_borrow(reader, 0, &buffer), ACAP_TIMED_OUT);
    put_to_sleep(&sleeper, reader, TIMEOUT_NS);
    push_counter(stream, 10);
    assert_int_equal(wake_up(&sleeper, &seen), ACAP_OK);
    push_counter(stream, 50);
    assert_int_equal(poll(&asked, 1, 0), 1);
    assert_result(drain(reader, &seen), ACAP_TIMED_OUT);
    assert_int_equal(poll(&asked, 1, 0), 0);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    close_conserved(context, stream, reader);
}

/* Everything that must wake a sleeper whatever its threshold, and what it then returns with two buffers in the queue. */
enum waker {
    BY_STOP,
    BY_CLOSE,
    BY_DESTROY,
    BY_END,
    BY_INTERRUPT,
    WAKERS
};

static void wake_by(enum waker waker, acap_context **context, acap_stream **stream, acap_reader *reader)
{
    switch (waker) {
    case BY_STOP:
        assert_ok(acap_stream_stop(*stream));
        break;
    case BY_CLOSE:
        acap_stream_close(*stream);
        *stream = NULL;
        break;
    case BY_DESTROY:
        acap_context_destroy(*context);
        *context = NULL;
        break;
    case BY_END:
        assert_ok(acap_reader_end(reader));
        break;
    default:
        assert_ok(acap_reader_interrupt(reader));
        break;
    }
}

static void expect_waking(enum waker waker, uint32_t queued, bool has_handle)
{
    acap_context *context = make_context("push");
    acap_stream *stream = open_stream(context, "push:", ACAP_FORMAT_S32, 1, 10);
    acap_reader *reader = open_batches(stream, 50, 20);
    const acap_buffer *none;
    struct sleeper sleeper;
    conservation seen;
    intptr_t handle;

    conservation_begin(&seen, reader);
    assert_ok(acap_stream_start(stream));
    if (has_handle)
        assert_ok(acap_reader_get_wait_handle(reader, &handle));
    put_to_sleep(&sleeper, reader, ACAP_WAIT_FOREVER);
    push_counter(stream, 10 * queued + 1);
    wake_by(waker, &context, &stream, reader);
    const acap_result expected = waker == BY_INTERRUPT ? ACAP_INTERRUPTED : queued > 0 || waker <= BY_DESTROY ? ACAP_OK : ACAP_END;
    assert_int_equal(wake_up(&sleeper, &seen), expected);
    const acap_result last = drain(reader, &seen);
    assert_int_equal(last, waker == BY_INTERRUPT ? ACAP_TIMED_OUT : ACAP_END);
    assert_int_equal(seen.frames, 10 * queued + (waker <= BY_DESTROY)); /* those publish what was pending, too */
    assert_int_equal(acap_reader_borrow(reader, 0, &none), last);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    acap_reader_close(reader);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

static void ends_and_interrupts_wake_whatever_the_threshold(void **state)
{
    (void)state;
    for (int waker = 0; waker < WAKERS; waker++) {
        for (uint32_t queued = 0; queued <= 2; queued++) {
            expect_waking((enum waker)waker, queued, false);
            expect_waking((enum waker)waker, queued, true);
        }
    }
}

static void one_push_wakes_every_reader(void **state)
{
    enum { READERS = 16 };
    acap_context *context = make_context("push");
    acap_stream *stream = open_stream(context, "push:", ACAP_FORMAT_S32, 1, 10);
    struct sleeper sleepers[READERS];
    conservation seen[READERS];

    (void)state;
    assert_ok(acap_stream_start(stream));
    for (int i = 0; i < READERS; i++) {
        acap_reader *reader = open_queue(stream, 4, 0);
        conservation_begin(&seen[i], reader);
        put_to_sleep(&sleepers[i], reader, ACAP_WAIT_FOREVER);
    }
    push_counter(stream, 10);
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(wake_up(&sleepers[i], &seen[i]), ACAP_OK);
        assert_conserved(conservation_at_rest(&seen[i], stream, sleepers[i].reader));
        acap_reader_close(sleepers[i].reader);
    }
    acap_stream_close(stream);
    acap_context_destroy(context);
}

static void a_start_after_a_stop_puts_readers_to_sleep_again(void **state)
{
    rig r = make_rig(10, 4, 0);
    struct sleeper sleeper;

    (void)state;
    for (int round = 0; round < 3; round++) {
        put_to_sleep(&sleeper, r.reader, ACAP_WAIT_FOREVER);
        assert_ok(acap_stream_stop(r.stream));
        assert_int_equal(wake_up(&sleeper, &r.seen), ACAP_END);
        assert_ok(acap_stream_start(r.stream));
    }
    put_to_sleep(&sleeper, r.reader, ACAP_WAIT_FOREVER);
    push_counter(r.stream, 10);
    assert_int_equal(wake_up(&sleeper, &r.seen), ACAP_OK);
    finish_rig(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timeouts_are_kept),
        cmocka_unit_test(a_buffer_wakes_whoever_waits_however_long_that_would_be),
        cmocka_unit_test(frames_that_fill_no_buffer_wake_nobody),
        cmocka_unit_test(nobody_asleep_costs_no_system_call),
        cmocka_unit_test(a_recorder_that_takes_20_at_a_time_is_woken_5_times_in_100_buffers),
        cmocka_unit_test(a_queue_that_is_not_empty_is_not_slept_on),
        cmocka_unit_test(at_the_timeout_fewer_than_the_threshold_are_handed_over),
        cmocka_unit_test(a_handle_tells_of_what_a_timed_out_borrow_left),
        cmocka_unit_test(ends_and_interrupts_wake_whatever_the_threshold),
        cmocka_unit_test(one_push_wakes_every_reader),
        cmocka_unit_test(a_start_after_a_stop_puts_readers_to_sleep_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
