/* SPDX-License-Identifier: MIT */
/* Owns: the tests that no wake is ever lost, however closely sleeping and waking meet: lock-step between a consumer that goes to sleep
 * and whoever must wake it. A lost wake is a test that stands still, and fails after ten seconds.
 * Run by: CTest, a second or two; the seed is printed.
 * Runs on: the public API. */
#include "fixture.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum {
    BUFFERS = 40000,
    INTERRUPTS = 20000,
    STOPS = 3000
};

struct consumer {
    pthread_t thread;
    acap_reader *reader;
    conservation seen;
    uint64_t random;
    bool uses_handle;
    atomic_uint_fast64_t buffers;
    atomic_uint_fast64_t interrupts;
    atomic_uint_fast64_t ends;
    atomic_bool is_over;
    const char *problem;
};

static void keep_problem(struct consumer *consumer, bool is_fine, const char *problem)
{
    if (!is_fine && consumer->problem == NULL)
        consumer->problem = problem;
}

/* Sleeps in one of the three ways that there are, or does not sleep at all. */
static acap_result borrow_somehow(struct consumer *consumer, const acap_buffer **buffer)
{
    const uint64_t choice = next_random(&consumer->random);
    struct pollfd asked = {.events = POLLIN};
    intptr_t handle = -1;

    if (choice % 3 == 0)
        return acap_reader_borrow(consumer->reader, (int64_t)(choice >> 8) % 50000, buffer);
    if (!consumer->uses_handle || choice % 3 == 1)
        return acap_reader_borrow(consumer->reader, ACAP_WAIT_FOREVER, buffer);
    const acap_result result = acap_reader_borrow(consumer->reader, 0, buffer);
    if (result != ACAP_TIMED_OUT)
        return result;
    keep_problem(consumer, acap_reader_get_wait_handle(consumer->reader, &handle) == ACAP_OK, "no handle");
    asked.fd = (int)handle;
    keep_problem(consumer, poll(&asked, 1, 10000) == 1, "a handle that never became readable");
    return ACAP_TIMED_OUT;
}

static void *consume(void *argument)
{
    struct consumer *consumer = argument;
    const acap_buffer *buffer = NULL;

    while (!atomic_load(&consumer->is_over) && consumer->problem == NULL) {
        switch (borrow_somehow(consumer, &buffer)) {
        case ACAP_OK:
            keep_problem(consumer, counter_holds(buffer), "a buffer does not hold what belongs at its position");
            conservation_add(&consumer->seen, buffer);
            acap_buffer_release(buffer);
            atomic_fetch_add(&consumer->buffers, 1);
            break;
        case ACAP_INTERRUPTED:
            atomic_fetch_add(&consumer->interrupts, 1);
            break;
        case ACAP_END:
            atomic_fetch_add(&consumer->ends, 1);
            sched_yield();
            break;
        case ACAP_TIMED_OUT:
            break;
        default:
            keep_problem(consumer, false, "an unexpected result");
            break;
        }
    }
    return NULL;
}

/* A while of no more than a microsecond, each time another: so that the next wake meets every step on the way to bed in turn. */
static void linger(uint64_t round)
{
    for (uint64_t i = round % 256; i > 0; i--)
        atomic_signal_fence(memory_order_seq_cst);
}

/* Until a figure of the consumer's has come that far; at first without leaving the core. */
static void await(atomic_uint_fast64_t *figure, uint64_t count, struct consumer *consumer)
{
    const int64_t until_ns = acap_clock_ns() + 10 * NS_PER_S;

    for (int spins = 0; spins < 20000 && atomic_load(figure) < count; spins++)
        ;
    while (atomic_load(figure) < count && acap_clock_ns() < until_ns)
        sched_yield();
    linger(count);
    if (atomic_load(figure) < count)
        fail_msg("a wake was lost: %s", consumer->problem != NULL ? consumer->problem : "the consumer sleeps");
}

static void begin(struct consumer *consumer, const rig *r, uint64_t seed, bool uses_handle)
{
    intptr_t handle;

    *consumer = (struct consumer){.reader = r->reader, .random = seed, .uses_handle = uses_handle, .seen = r->seen};
    if (uses_handle)
        assert_ok(acap_reader_get_wait_handle(r->reader, &handle));
    assert_int_equal(pthread_create(&consumer->thread, NULL, consume, consumer), 0);
}

static void finish(struct consumer *consumer, rig *r)
{
    atomic_store(&consumer->is_over, true);
    assert_ok(acap_reader_interrupt(r->reader));
    assert_int_equal(pthread_join(consumer->thread, NULL), 0);
    if (consumer->problem != NULL)
        fail_msg("consumer: %s", consumer->problem);
    const acap_buffer *buffer;
    (void)acap_reader_borrow(r->reader, 0, &buffer); /* it may have left without having been interrupted */
    r->seen = consumer->seen;
    finish_rig(r);
}

static void expect_every_buffer(uint64_t seed, bool uses_handle)
{
    rig r = make_rig(4, 8, ACAP_OVERFLOW_DROP_NEWEST);
    struct consumer consumer;

    begin(&consumer, &r, seed, uses_handle);
    for (uint64_t i = 0; i < BUFFERS; i++) {
        assert_ok(push_counter_s32(r.stream, 1, 4 * i, 4));
        await(&consumer.buffers, i + 1, &consumer);
    }
    finish(&consumer, &r);
    assert_int_equal(r.seen.frames, 4 * BUFFERS);
}

static void no_buffer_is_slept_through(void **state)
{
    const uint64_t seed = random_seed("stress_wake");

    (void)state;
    expect_every_buffer(seed, false);
    expect_every_buffer(seed, true);
}

static void no_interrupt_is_slept_through_and_each_comes_once(void **state)
{
    const uint64_t seed = random_seed("stress_wake");

    (void)state;
    for (int uses_handle = 0; uses_handle < 2; uses_handle++) {
        rig r = make_rig(4, 8, ACAP_OVERFLOW_DROP_NEWEST);
        struct consumer consumer;
        begin(&consumer, &r, seed, uses_handle);
        for (uint64_t i = 0; i < INTERRUPTS; i++) {
            assert_ok(acap_reader_interrupt(r.reader));
            await(&consumer.interrupts, i + 1, &consumer);
            assert_int_equal(atomic_load(&consumer.interrupts), i + 1);
        }
        finish(&consumer, &r);
    }
}

static void no_stop_is_slept_through(void **state)
{
    const uint64_t seed = random_seed("stress_wake");

    (void)state;
    for (int uses_handle = 0; uses_handle < 2; uses_handle++) {
        rig r = make_rig(4, 8, ACAP_OVERFLOW_DROP_NEWEST);
        struct consumer consumer;
        begin(&consumer, &r, seed, uses_handle);
        for (uint64_t i = 0; i < STOPS; i++) {
            const uint64_t ends = atomic_load(&consumer.ends);
            assert_ok(push_counter_s32(r.stream, 1, i, 1)); /* published by the stop */
            assert_ok(acap_stream_stop(r.stream));
            await(&consumer.buffers, i + 1, &consumer);
            await(&consumer.ends, ends + 1, &consumer);
            assert_ok(acap_stream_start(r.stream));
        }
        finish(&consumer, &r);
        assert_int_equal(r.seen.partials, STOPS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_buffer_is_slept_through),
        cmocka_unit_test(no_interrupt_is_slept_through_and_each_comes_once),
        cmocka_unit_test(no_stop_is_slept_through),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
