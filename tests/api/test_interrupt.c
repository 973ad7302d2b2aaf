/* SPDX-License-Identifier: MIT */
/* Owns: tests of acap_reader_interrupt: once, before any buffer, from signal handlers, and at no cost to the data.
 * Run by: CTest, in milliseconds.
 * Runs on: the public API; some tests start a thread that borrows. */
#include "fixture.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static void an_interrupt_comes_once_and_before_any_queued_buffer(void **state)
{
    rig r = make_rig(10, 8, 0);
    const acap_buffer *buffer = (const acap_buffer *)&r;

    (void)state;
    push_counter(r.stream, 30);
    assert_ok(acap_reader_interrupt(r.reader));
    assert_result(acap_reader_borrow(r.reader, 0, &buffer), ACAP_INTERRUPTED);
    assert_null(buffer);
    for (int i = 0; i < 3; i++)
        acap_buffer_release(borrow_now(r.reader, &r.seen));
    assert_result(acap_reader_borrow(r.reader, 0, &buffer), ACAP_TIMED_OUT);
    finish_rig(&r);
    assert_int_equal(r.seen.frames, 30);
}

static void an_interrupt_spares_the_next_borrow_its_sleep(void **state)
{
    static const int64_t timeouts_ns[] = {0, NS_PER_MS, 3600 * NS_PER_S, ACAP_WAIT_FOREVER};
    rig r = make_rig(10, 8, 0);
    const acap_buffer *buffer;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(timeouts_ns); i++) {
        assert_ok(acap_reader_interrupt(r.reader));
        assert_result(acap_reader_borrow(r.reader, timeouts_ns[i], &buffer), ACAP_INTERRUPTED);
        assert_result(acap_reader_borrow(r.reader, 0, &buffer), ACAP_TIMED_OUT);
    }
    finish_rig(&r);
}

static void several_interrupts_before_a_borrow_are_one(void **state)
{
    rig r = make_rig(10, 8, 0);
    const acap_buffer *buffer;

    (void)state;
    for (int i = 0; i < 5; i++)
        assert_ok(acap_reader_interrupt(r.reader));
    assert_result(acap_reader_borrow(r.reader, 0, &buffer), ACAP_INTERRUPTED);
    assert_result(acap_reader_borrow(r.reader, 0, &buffer), ACAP_TIMED_OUT);
    finish_rig(&r);
}

static void an_interrupt_concerns_one_reader(void **state)
{
    rig r = make_rig(10, 8, 0);
    acap_reader *other = open_queue(r.stream, 8, 0);
    const acap_buffer *buffer;

    (void)state;
    assert_ok(acap_reader_interrupt(other));
    assert_result(acap_reader_borrow(r.reader, 0, &buffer), ACAP_TIMED_OUT);
    assert_result(acap_reader_borrow(other, 0, &buffer), ACAP_INTERRUPTED);
    assert_conserved(conservation_of_reader(other));
    acap_reader_close(other);
    finish_rig(&r);
}

static void an_ended_reader_can_be_interrupted(void **state)
{
    rig r = make_rig(10, 8, 0);
    const acap_buffer *buffer;

    (void)state;
    assert_ok(acap_stream_stop(r.stream));
    assert_result(acap_reader_borrow(r.reader, 0, &buffer), ACAP_END);
    assert_ok(acap_reader_interrupt(r.reader));
    assert_result(acap_reader_borrow(r.reader, 0, &buffer), ACAP_INTERRUPTED);
    assert_result(acap_reader_borrow(r.reader, 0, &buffer), ACAP_END);
    acap_stream_close(r.stream);
    assert_ok(acap_reader_interrupt(r.reader)); /* also when the stream has gone */
    assert_result(acap_reader_borrow(r.reader, ACAP_WAIT_FOREVER, &buffer), ACAP_INTERRUPTED);
    assert_conserved(conservation_at_rest(&r.seen, NULL, r.reader));
    acap_reader_close(r.reader);
    acap_context_destroy(r.context);
}

/* The write into a descriptor that can take no more fails, and must not show. */
static void errno_is_left_alone(void **state)
{
    const uint64_t most = UINT64_MAX - 1;
    rig r = make_rig(10, 8, 0);
    const acap_buffer *buffer;
    intptr_t handle;

    (void)state;
    assert_ok(acap_reader_get_wait_handle(r.reader, &handle));
    for (int ends = 0; ends < 2; ends++) {
        assert_result(acap_reader_borrow(r.reader, 0, &buffer), ACAP_TIMED_OUT);
        assert_int_equal(write((int)handle, &most, sizeof most), sizeof most); /* nobody but a test may */
        errno = 4711;
        assert_int_equal(ends ? acap_reader_end(r.reader) : acap_reader_interrupt(r.reader), ACAP_OK);
        assert_int_equal(errno, 4711);
        assert_int_equal(acap_reader_borrow(r.reader, 0, &buffer), ends ? ACAP_END : ACAP_INTERRUPTED);
    }
    errno = 4711;
    assert_int_equal(acap_reader_interrupt(NULL), ACAP_ERROR_INVALID_ARGUMENT);
    assert_int_equal(acap_reader_end(NULL), ACAP_ERROR_INVALID_ARGUMENT);
    assert_int_equal(errno, 4711);
    finish_rig(&r);
}

/* ---- signal handlers ---- */

static acap_reader *_Atomic interrupted_reader;
static atomic_int handler_errno;
static atomic_int handler_result;

static void interrupt_the_reader(int signal_number)
{
    const int saved = errno;

    (void)signal_number;
    errno = 815;
    atomic_store(&handler_result, acap_reader_interrupt(atomic_load(&interrupted_reader)));
    atomic_store(&handler_errno, errno);
    errno = saved;
}

static void install_handler(acap_reader *reader, struct sigaction *before)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = interrupt_the_reader;
    atomic_store(&interrupted_reader, reader);
    atomic_store(&handler_errno, 0);
    atomic_store(&handler_result, -100);
    assert_int_equal(sigaction(SIGUSR1, &action, before), 0);
}

struct sleeper {
    acap_reader *reader;
    acap_result result;
    atomic_bool is_done;
    pthread_t thread;
};

static void *borrow_for_ever(void *argument)
{
    struct sleeper *sleeper = argument;
    const acap_buffer *buffer;

    sleeper->result = acap_reader_borrow(sleeper->reader, ACAP_WAIT_FOREVER, &buffer);
    atomic_store(&sleeper->is_done, true);
    return NULL;
}

static bool is_done_or_signalled_again(void *argument)
{
    struct sleeper *sleeper = argument;

    if (!atomic_load(&sleeper->is_done))
        pthread_kill(sleeper->thread, SIGUSR1);
    return atomic_load(&sleeper->is_done);
}

/* The signal may find the thread before, in or on its way to its sleep: each must end it. ThreadSanitizer puts signals off until the next
   call that it knows, which may be after the sleep that they should have ended: only there the signal is repeated. */
static void a_signal_handler_interrupts_the_borrow_of_its_own_thread(void **state)
{
    rig r = make_rig(10, 8, 0);
    const acap_buffer *buffer;
    struct sigaction before;

    (void)state;
    install_handler(r.reader, &before);
    for (int i = 0; i < 200; i++) {
        struct sleeper sleeper = {.reader = r.reader};
        assert_int_equal(pthread_create(&sleeper.thread, NULL, borrow_for_ever, &sleeper), 0);
        assert_int_equal(pthread_kill(sleeper.thread, SIGUSR1), 0);
        if (HAS_SANITIZER)
            assert_true(eventually(is_done_or_signalled_again, &sleeper));
        assert_int_equal(pthread_join(sleeper.thread, NULL), 0);
        assert_int_equal(sleeper.result, ACAP_INTERRUPTED);
        assert_int_equal(atomic_load(&handler_result), ACAP_OK);
        assert_int_equal(atomic_load(&handler_errno), 815);
        if (HAS_SANITIZER) /* one signal more than was needed may have left an interrupt */
            (void)acap_reader_borrow(r.reader, 0, &buffer);
    }
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
    finish_rig(&r);
}

static void a_signal_handler_interrupts_the_borrow_of_another_thread(void **state)
{
    rig r = make_rig(10, 8, 0);
    struct sleeper sleeper = {.reader = r.reader};
    struct sigaction before;
    pthread_t thread;

    (void)state;
    install_handler(r.reader, &before);
    assert_int_equal(pthread_create(&thread, NULL, borrow_for_ever, &sleeper), 0);
    assert_int_equal(raise(SIGUSR1), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(sleeper.result, ACAP_INTERRUPTED);
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
    finish_rig(&r);
}

static void ignore(int signal_number)
{
    (void)signal_number;
}

/* A signal alone is no reason to return. */
static void a_signal_without_an_interrupt_does_not_end_a_borrow(void **state)
{
    rig r = make_rig(10, 8, 0);
    struct sleeper sleeper = {.reader = r.reader};
    struct sigaction action;
    struct sigaction before;
    pthread_t thread;

    (void)state;
    memset(&action, 0, sizeof action);
    action.sa_handler = ignore;
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    assert_int_equal(pthread_create(&thread, NULL, borrow_for_ever, &sleeper), 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(pthread_kill(thread, SIGUSR1), 0);
    assert_false(atomic_load(&sleeper.is_done));
    assert_ok(acap_reader_interrupt(r.reader));
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(sleeper.result, ACAP_INTERRUPTED);
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
    finish_rig(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_interrupt_comes_once_and_before_any_queued_buffer),
        cmocka_unit_test(an_interrupt_spares_the_next_borrow_its_sleep),
        cmocka_unit_test(several_interrupts_before_a_borrow_are_one),
        cmocka_unit_test(an_interrupt_concerns_one_reader),
        cmocka_unit_test(an_ended_reader_can_be_interrupted),
        cmocka_unit_test(errno_is_left_alone),
        cmocka_unit_test(a_signal_handler_interrupts_the_borrow_of_its_own_thread),
        cmocka_unit_test(a_signal_handler_interrupts_the_borrow_of_another_thread),
        cmocka_unit_test(a_signal_without_an_interrupt_does_not_end_a_borrow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
