/* SPDX-License-Identifier: MIT */
/* Owns: tests of the pool from the inside: the bitmap over word edges, growing, shrinking, references, and who frees it.
 * Run by: CTest, in milliseconds.
 * Runs on: the insides of the static library; one test has two threads. */
#include "pool.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static acap_pool *make_pool(uint32_t size_bytes, uint32_t buffers_min, uint32_t buffers_max)
{
    acap_pool *pool = NULL;

    assert_int_equal(acap__pool_make(0, size_bytes, buffers_min, buffers_max, &pool), ACAP_OK);
    return pool;
}

static void drop_pool(acap_pool *pool)
{
    assert_true(acap__pool_drop_handle(pool));
    acap__pool_free(pool);
}

static acap_pool_stats stats_of(const acap_pool *pool)
{
    acap_pool_stats stats = ACAP_POOL_STATS_INIT;

    assert_int_equal(acap_pool_get_stats(pool, &stats), ACAP_OK);
    assert_int_equal(stats.acquired, stats.released + stats.in_use);
    assert_int_equal(stats.capacity, stats.free_buffers + stats.in_use);
    return stats;
}

/* Takes all that there are, each exactly once, and one that there is not. */
static void expect_exactly(acap_pool *pool, uint32_t count)
{
    acap__header **taken = calloc(count, sizeof *taken);
    bool *is_taken = calloc(count, sizeof *is_taken);

    assert_non_null(taken);
    assert_non_null(is_taken);
    for (uint32_t i = 0; i < count; i++) {
        taken[i] = acap__pool_take(pool, 0);
        assert_non_null(taken[i]);
        assert_true(taken[i]->index < count);
        assert_false(is_taken[taken[i]->index]);
        is_taken[taken[i]->index] = true;
        assert_int_equal((uintptr_t)taken[i]->buffer.data % ACAP__CACHE_LINE, 0);
        memset((void *)(uintptr_t)taken[i]->buffer.data, (int)i, pool->buffer_size_bytes);
    }
    assert_null(acap__pool_take(pool, 0));
    assert_int_equal(acap__pool_in_use(pool), count);
    for (uint32_t i = 0; i < count; i++) {
        const unsigned char *data = taken[i]->buffer.data;
        assert_int_equal(data[0], i & 0xff);
        assert_int_equal(data[pool->buffer_size_bytes - 1], i & 0xff);
        acap__header_recycle(taken[i]);
    }
    assert_int_equal(acap__pool_in_use(pool), 0);
    free(taken);
    free(is_taken);
}

static void every_buffer_is_taken_once_whatever_the_number(void **state)
{
    static const uint32_t counts[] = {1, 2, 63, 64, 65, 127, 128, 129, 200};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        acap_pool *pool = make_pool(100, counts[i], counts[i]);
        expect_exactly(pool, counts[i]);
        expect_exactly(pool, counts[i]); /* recycled */
        assert_int_equal(stats_of(pool).acquired, 2 * counts[i]);
        assert_int_equal(stats_of(pool).recycled, counts[i]);
        assert_int_equal(stats_of(pool).exhausted, 2);
        drop_pool(pool);
    }
}

static void growing_adds_buffers_over_word_edges(void **state)
{
    static const uint32_t steps[] = {1, 2, 63, 64, 65, 66, 130, 300};
    acap_pool *pool = make_pool(40, 1, 300);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        assert_int_equal(acap__pool_grow(pool, steps[i]), ACAP_OK);
        expect_exactly(pool, steps[i]);
    }
    assert_int_equal(acap__pool_grow(pool, 10), ACAP_OK); /* it is larger already */
    assert_int_equal(stats_of(pool).capacity, 300);
    assert_int_equal(acap__pool_grow(pool, 301), ACAP_ERROR_LIMIT);
    assert_int_equal(stats_of(pool).capacity, 300);
    assert_int_equal(stats_of(pool).grown, COUNT_OF(steps) - 1);
    drop_pool(pool);
}

static void what_is_held_does_not_move_when_the_pool_grows(void **state)
{
    acap_pool *pool = make_pool(64, 2, 200);
    acap__header *held = acap__pool_take(pool, 0);
    const void *data = held->buffer.data;

    (void)state;
    memset((void *)(uintptr_t)data, 0x5a, 64);
    assert_int_equal(acap__pool_grow(pool, 200), ACAP_OK);
    assert_ptr_equal(held->buffer.data, data);
    assert_int_equal(((const unsigned char *)data)[63], 0x5a);
    assert_int_equal(stats_of(pool).in_use, 1);
    acap__header_recycle(held);
    drop_pool(pool);
}

static void the_pool_keeps_ahead_of_its_consumers(void **state)
{
    acap_pool *pool = make_pool(64, 4, 1000);
    acap__header *held[900];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(held); i++) {
        held[i] = acap__pool_take(pool, 0);
        assert_non_null(held[i]);
        const acap_result result = acap__pool_keep_ahead(pool, held[i]->index);
        assert_true(result == ACAP_OK || (result == ACAP_ERROR_LIMIT && stats_of(pool).capacity == 1000));
    }
    assert_int_equal(stats_of(pool).exhausted, 0);
    assert_true(stats_of(pool).capacity > 900 && stats_of(pool).capacity <= 1000);
    for (size_t i = 0; i < COUNT_OF(held); i++)
        acap__header_recycle(held[i]);
    const uint32_t grown = stats_of(pool).grown;
    assert_int_equal(acap__pool_keep_ahead(pool, UINT32_MAX), ACAP_OK);
    assert_int_equal(stats_of(pool).grown, grown);
    drop_pool(pool);
}

static void keeping_ahead_ends_at_the_maximum_and_says_so(void **state)
{
    acap_pool *pool = make_pool(64, 4, 4);
    acap__header *held[3];

    (void)state;
    assert_int_equal(acap__pool_keep_ahead(pool, UINT32_MAX), ACAP_OK); /* all are free */
    for (size_t i = 0; i < COUNT_OF(held); i++)
        held[i] = acap__pool_take(pool, 0);
    assert_int_equal(acap__pool_keep_ahead(pool, UINT32_MAX), ACAP_ERROR_LIMIT);
    assert_int_equal(stats_of(pool).capacity, 4);
    for (size_t i = 0; i < COUNT_OF(held); i++)
        acap__header_recycle(held[i]);
    drop_pool(pool);
}

static void shrinking_gives_back_whole_words_from_the_end(void **state)
{
    acap_pool *pool = make_pool(64, 10, 1000);
    const uint64_t bytes_before = stats_of(pool).memory_bytes;

    (void)state;
    assert_int_equal(acap__pool_grow(pool, 500), ACAP_OK);
    expect_exactly(pool, 500);
    acap__pool_shrink(pool, 100);
    const uint32_t capacity = stats_of(pool).capacity;
    assert_true(capacity >= 100 && capacity < 100 + ACAP__POOL_WORD_BITS);
    expect_exactly(pool, capacity);
    acap__pool_shrink(pool, 0); /* never below its minimum */
    assert_true(stats_of(pool).capacity >= 10);
    assert_true(stats_of(pool).memory_bytes <= bytes_before + 64 * (sizeof(acap__header) + 64) + 8192);
    assert_int_equal(acap__pool_grow(pool, 500), ACAP_OK); /* and up again */
    expect_exactly(pool, 500);
    drop_pool(pool);
}

static void a_buffer_that_is_out_keeps_its_word(void **state)
{
    acap_pool *pool = make_pool(64, 1, 1000);
    acap__header *all[256];
    acap__header *held = NULL;

    (void)state;
    assert_int_equal(acap__pool_grow(pool, 256), ACAP_OK);
    for (size_t i = 0; i < COUNT_OF(all); i++)
        all[i] = acap__pool_take(pool, 0);
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (all[i]->index == 140)
            held = all[i];
        else
            acap__header_recycle(all[i]);
    }
    assert_non_null(held);
    memset((void *)(uintptr_t)held->buffer.data, 0x77, 64);
    acap__pool_shrink(pool, 1);
    assert_int_equal(stats_of(pool).capacity, 3 * ACAP__POOL_WORD_BITS); /* the word of buffer 140 ends there */
    assert_int_equal(((const unsigned char *)held->buffer.data)[63], 0x77);
    acap__header_recycle(held);
    assert_int_equal(acap__header_drop(held), ACAP__DROP_REFUSED);
    acap__pool_shrink(pool, 1);
    assert_int_equal(acap__header_drop(held), ACAP__DROP_REFUSED); /* its header stays, though its data has gone */
    assert_false(acap__header_retain(held));
    assert_int_equal(stats_of(pool).rejected_releases, 3);
    drop_pool(pool);
}

static void references_go_up_and_down_and_not_below_nothing(void **state)
{
    acap_pool *pool = make_pool(64, 1, 1);
    acap__header *header = acap__pool_take(pool, 0);

    (void)state;
    acap__header_share(header, 0);
    assert_int_equal(acap_buffer_reference_count(&header->buffer), 1);
    acap__header_share(header, 3);
    assert_true(acap__header_retain(header));
    assert_int_equal(acap_buffer_reference_count(&header->buffer), 5);
    for (int i = 0; i < 5; i++) {
        assert_null(acap__pool_take(pool, 0));
        assert_int_equal(acap__header_drop(header), ACAP__DROP_DONE);
    }
    assert_int_equal(acap__header_drop(header), ACAP__DROP_REFUSED);
    assert_false(acap__header_retain(header));
    assert_int_equal(acap_buffer_reference_count(&header->buffer), 0);
    assert_ptr_equal(acap__pool_take(pool, 0), header);
    acap__header_recycle(header);
    drop_pool(pool);
}

static void whoever_comes_last_frees(void **state)
{
    acap_pool *pool = make_pool(64, 2, 2);
    acap__header *first = acap__pool_take(pool, 0);
    acap__header *second = acap__pool_take(pool, 0);

    (void)state;
    assert_ptr_equal(acap_pool_retain(pool), pool);
    assert_false(acap__pool_drop_handle(pool));
    assert_int_equal(acap__header_drop(first), ACAP__DROP_DONE);
    assert_false(acap__pool_drop_handle(pool)); /* a buffer is still out */
    assert_int_equal(acap__header_drop(second), ACAP__DROP_LAST);
    acap__pool_free(pool);
}

static void a_header_is_found_from_its_buffer(void **state)
{
    acap_pool *pool = make_pool(64, 3, 3);
    acap__header *header = acap__pool_take(pool, 0);

    (void)state;
    assert_ptr_equal(acap__header_of(&header->buffer), header);
    assert_ptr_equal(header->pool, pool);
    assert_int_equal(sizeof(acap__header) % ACAP__CACHE_LINE, 0);
    assert_int_equal((uintptr_t)header % ACAP__CACHE_LINE, 0);
    assert_true((uintptr_t)&header->buffer - (uintptr_t)&header->references >= ACAP__CACHE_LINE);
    acap__header_recycle(header);
    drop_pool(pool);
}

#ifdef ACAP_DEBUG_CHECKS
/* Debug builds let a released buffer rest as long as they can, so that a use after release is found. */
static void a_released_buffer_rests(void **state)
{
    acap_pool *pool = make_pool(64, ACAP__POOL_WORD_BITS, ACAP__POOL_WORD_BITS);
    acap__header *first = acap__pool_take(pool, 0);

    (void)state;
    acap__header_recycle(first);
    for (uint32_t i = 1; i < ACAP__POOL_WORD_BITS; i++) {
        acap__header *next = acap__pool_take(pool, 0);
        assert_ptr_not_equal(next, first);
        acap__header_recycle(next);
    }
    drop_pool(pool);
}
#endif

enum { TURNS = 30000 };

struct releaser {
    acap__ptr handed; /* a header on its way from the taker to the releaser */
    acap__u32 is_over;
};

static void *release_what_comes(void *argument)
{
    struct releaser *releaser = argument;

    while (!acap__load_acquire(&releaser->is_over)) {
        acap__header *header = acap__exchange_acq_rel(&releaser->handed, NULL);
        if (header != NULL)
            acap__header_recycle(header);
    }
    return NULL;
}

/* With one taker the pool is exhausted only when it is: every take that should succeed does. */
static void one_taker_is_never_told_wrongly_that_nothing_is_free(void **state)
{
    acap_pool *pool = make_pool(64, 3, 3);
    struct releaser releaser;
    pthread_t thread;

    (void)state;
    memset(&releaser, 0, sizeof releaser);
    assert_int_equal(pthread_create(&thread, NULL, release_what_comes, &releaser), 0);
    for (int turn = 0; turn < TURNS; turn++) {
        acap__header *header = acap__pool_take(pool, 0); /* one may be with the releaser, one handed over: one is free */
        assert_non_null(header);
        acap__header *before = acap__exchange_acq_rel(&releaser.handed, header);
        if (before != NULL)
            acap__header_recycle(before);
    }
    acap__store_release(&releaser.is_over, 1u);
    assert_int_equal(pthread_join(thread, NULL), 0);
    acap__header *last = acap__exchange_acq_rel(&releaser.handed, NULL);
    if (last != NULL)
        acap__header_recycle(last);
    assert_int_equal(stats_of(pool).exhausted, 0);
    assert_int_equal(stats_of(pool).acquired, TURNS);
    assert_int_equal(stats_of(pool).in_use, 0);
    drop_pool(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_buffer_is_taken_once_whatever_the_number),
        cmocka_unit_test(growing_adds_buffers_over_word_edges),
        cmocka_unit_test(what_is_held_does_not_move_when_the_pool_grows),
        cmocka_unit_test(the_pool_keeps_ahead_of_its_consumers),
        cmocka_unit_test(keeping_ahead_ends_at_the_maximum_and_says_so),
        cmocka_unit_test(shrinking_gives_back_whole_words_from_the_end),
        cmocka_unit_test(a_buffer_that_is_out_keeps_its_word),
        cmocka_unit_test(references_go_up_and_down_and_not_below_nothing),
        cmocka_unit_test(whoever_comes_last_frees),
        cmocka_unit_test(a_header_is_found_from_its_buffer),
#ifdef ACAP_DEBUG_CHECKS
        cmocka_unit_test(a_released_buffer_rests),
#endif
        cmocka_unit_test(one_taker_is_never_told_wrongly_that_nothing_is_free),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
