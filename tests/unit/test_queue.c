/* SPDX-License-Identifier: MIT */
/* Owns: tests of the queue from the inside: order, bounds, eviction, indexes that wrap, and both sides at once.
 * Run by: CTest, in milliseconds.
 * Runs on: the insides of the static library; one test has two threads. */
#include "queue.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* Values are numbers that travel as pointers; 0 is none. */
static void *as_value(uint64_t number)
{
    return (void *)(uintptr_t)number;
}

static uint64_t number_of(const void *value)
{
    return (uint64_t)(uintptr_t)value;
}

static acap__queue *make_queue(uint32_t capacity)
{
    acap__queue *queue = aligned_alloc(ACAP__CACHE_LINE, sizeof *queue);

    assert_non_null(queue);
    assert_true(acap__queue_init(queue, capacity));
    return queue;
}

static void free_queue(acap__queue *queue)
{
    acap__queue_destroy(queue);
    free(queue);
}

static void expect_push(acap__queue *queue, uint64_t number, bool evict, acap__push expected, uint64_t expected_evicted)
{
    void *evicted = NULL;

    assert_int_equal(acap__queue_push(queue, as_value(number), evict, &evicted), expected);
    assert_int_equal(number_of(evicted), expected_evicted);
}

static void values_come_out_in_order(void **state)
{
    static const uint32_t capacities[] = {1, 2, 3, 5, 8, 50, 64, 100};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(capacities); i++) {
        acap__queue *queue = make_queue(capacities[i]);
        assert_null(acap__queue_pop(queue));
        for (uint64_t round = 0; round < 3; round++) {
            for (uint64_t n = 1; n <= capacities[i]; n++) {
                expect_push(queue, n, false, ACAP__PUSH_DONE, 0);
                assert_int_equal(acap__queue_count(queue), n);
            }
            for (uint64_t n = 1; n <= capacities[i]; n++)
                assert_int_equal(number_of(acap__queue_pop(queue)), n);
            assert_null(acap__queue_pop(queue));
            assert_int_equal(acap__queue_count(queue), 0);
        }
        free_queue(queue);
    }
}

static void a_full_queue_takes_nothing_or_gives_its_oldest(void **state)
{
    static const uint32_t capacities[] = {1, 2, 3, 7, 8};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(capacities); i++) {
        const uint32_t capacity = capacities[i];
        acap__queue *queue = make_queue(capacity);
        for (uint64_t n = 1; n <= capacity; n++)
            expect_push(queue, n, n % 2, ACAP__PUSH_DONE, 0);
        expect_push(queue, 99, false, ACAP__PUSH_FULL, 0);
        expect_push(queue, capacity + 1, true, ACAP__PUSH_EVICTED, 1);
        expect_push(queue, 99, false, ACAP__PUSH_FULL, 0);
        for (uint64_t n = 2; n <= capacity + 1; n++)
            assert_int_equal(number_of(acap__queue_pop(queue)), n);
        assert_null(acap__queue_pop(queue));
        free_queue(queue);
    }
}

/* Indexes run freely and are compared by difference. */
static void indexes_wrap(void **state)
{
    acap__queue *queue = make_queue(5);

    (void)state;
    acap__store_relaxed(&queue->head, UINT64_MAX - 6);
    acap__store_relaxed(&queue->tail, UINT64_MAX - 6);
    for (uint64_t n = 1; n <= 20; n++) {
        expect_push(queue, n, true, n <= 5 ? ACAP__PUSH_DONE : ACAP__PUSH_EVICTED, n <= 5 ? 0 : n - 5);
        assert_int_equal(acap__queue_count(queue), n <= 5 ? n : 5);
    }
    for (uint64_t n = 16; n <= 20; n++)
        assert_int_equal(number_of(acap__queue_pop(queue)), n);
    assert_null(acap__queue_pop(queue));
    free_queue(queue);
}

/* Against the simplest queue there is: an array. */
static void it_does_what_an_array_does(void **state)
{
    uint64_t model[8];
    size_t count = 0;
    acap__queue *queue = make_queue(6);
    uint64_t random = 12345;

    (void)state;
    for (uint64_t n = 1; n < 50000; n++) {
        random = random * UINT64_C(6364136223846793005) + 1;
        const uint64_t choice = random >> 40;
        if (choice % 2 == 0) {
            const bool evict = choice & 2;
            const bool is_full = count == 6;
            expect_push(queue, n, evict, !is_full ? ACAP__PUSH_DONE : evict ? ACAP__PUSH_EVICTED : ACAP__PUSH_FULL,
                        is_full && evict ? model[0] : 0);
            if (is_full && evict)
                for (count = 0; count < 5; count++)
                    model[count] = model[count + 1];
            if (!is_full || evict)
                model[count++] = n;
        } else {
            assert_int_equal(number_of(acap__queue_pop(queue)), count == 0 ? 0 : model[0]);
            for (size_t i = 1; i < count; i++)
                model[i - 1] = model[i];
            count -= count != 0;
        }
        assert_int_equal(acap__queue_count(queue), count);
    }
    free_queue(queue);
}

static void both_sides_have_a_cache_line_each(void **state)
{
    (void)state;
    assert_true(offsetof(acap__queue, tail) - offsetof(acap__queue, head) >= ACAP__CACHE_LINE);
    assert_true(offsetof(acap__queue, slots) - offsetof(acap__queue, tail) >= ACAP__CACHE_LINE);
}

enum { PUSHES = 300000 };

struct consumer {
    acap__queue *queue;
    acap__u32 is_there;
    acap__u32 is_over;
    uint64_t last;
    uint64_t popped;
    uint64_t sum;
    bool has_failed;
};

static void *pop_all(void *argument)
{
    struct consumer *consumer = argument;
    bool is_last_look = false;

    acap__store_release(&consumer->is_there, 1u);
    for (;;) {
        const uint64_t number = number_of(acap__queue_pop(consumer->queue));
        if (number != 0) {
            consumer->has_failed |= number <= consumer->last;
            consumer->last = number;
            consumer->popped++;
            consumer->sum += number;
        } else if (is_last_look) {
            return NULL;
        } else {
            is_last_look = acap__load_acquire(&consumer->is_over) != 0;
        }
    }
}

/* Each number comes out exactly once: on one side or on the other. */
static void expect_each_number_once(uint32_t capacity, bool evict)
{
    acap__queue *queue = make_queue(capacity);
    struct consumer consumer = {.queue = queue};
    uint64_t lost = 0;
    uint64_t lost_sum = 0;
    uint64_t last_evicted = 0;
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, pop_all, &consumer), 0);
    while (!acap__load_acquire(&consumer.is_there))
        sched_yield();
    for (uint64_t n = 1; n <= PUSHES; n++) {
        void *evicted = NULL;
        if (n % 4096 == 0) /* on a machine whose other core is busy, the consumer gets a turn, too */
            sched_yield();
        const acap__push result = acap__queue_push(queue, as_value(n), evict, &evicted);
        if (result == ACAP__PUSH_DONE)
            continue;
        const uint64_t gone = result == ACAP__PUSH_EVICTED ? number_of(evicted) : n;
        assert_true(gone > last_evicted);
        last_evicted = gone;
        lost++;
        lost_sum += gone;
    }
    acap__store_release(&consumer.is_over, 1u);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(consumer.has_failed);
    assert_int_equal(consumer.popped + lost, PUSHES);
    assert_int_equal(consumer.sum + lost_sum, (uint64_t)PUSHES * (PUSHES + 1) / 2);
    print_message("capacity %u, %s: %llu popped, %llu lost\n", capacity, evict ? "evicting" : "refusing",
                  (unsigned long long)consumer.popped, (unsigned long long)lost);
    free_queue(queue);
}

static void nothing_is_doubled_and_nothing_vanishes_between_two_threads(void **state)
{
    static const uint32_t capacities[] = {1, 2, 3, 64};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(capacities); i++) {
        expect_each_number_once(capacities[i], true);
        expect_each_number_once(capacities[i], false);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_out_in_order),
        cmocka_unit_test(a_full_queue_takes_nothing_or_gives_its_oldest),
        cmocka_unit_test(indexes_wrap),
        cmocka_unit_test(it_does_what_an_array_does),
        cmocka_unit_test(both_sides_have_a_cache_line_each),
        cmocka_unit_test(nothing_is_doubled_and_nothing_vanishes_between_two_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
