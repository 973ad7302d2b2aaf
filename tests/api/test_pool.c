/* SPDX-License-Identifier: MIT */
/* Owns: tests of pools as a user makes and uses them, without a stream.
 * Run by: CTest, in milliseconds.
 * Runs on: the public API; one test acquires from several threads. */
#include "fixture.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static acap_pool *make_pool(uint32_t size_bytes, uint32_t buffers_min, uint32_t buffers_max)
{
    acap_pool_config config = ACAP_POOL_CONFIG_INIT;
    acap_pool *pool = NULL;

    config.buffer_size_bytes = size_bytes;
    config.buffers_min = buffers_min;
    config.buffers_max = buffers_max;
    assert_ok(acap_pool_create(&config, &pool));
    assert_non_null(pool);
    return pool;
}

static const acap_buffer *acquire(acap_pool *pool)
{
    const acap_buffer *buffer = NULL;

    assert_ok(acap_pool_acquire(pool, &buffer));
    assert_non_null(buffer);
    return buffer;
}

static void every_function_refuses_null(void **state)
{
    acap_pool *pool = make_pool(16, 1, 1);
    acap_pool *made = pool;
    acap_pool_config config = ACAP_POOL_CONFIG_INIT;
    acap_pool_stats stats = ACAP_POOL_STATS_INIT;
    const acap_buffer *buffer = (const acap_buffer *)&stats;

    (void)state;
    config.buffer_size_bytes = 16;
    assert_result(acap_pool_create(NULL, &made), ACAP_ERROR_INVALID_ARGUMENT);
    assert_null(made);
    assert_result(acap_pool_create(&config, NULL), ACAP_ERROR_INVALID_ARGUMENT);
    assert_result(acap_pool_acquire(NULL, &buffer), ACAP_ERROR_INVALID_ARGUMENT);
    assert_null(buffer);
    assert_result(acap_pool_acquire(pool, NULL), ACAP_ERROR_INVALID_ARGUMENT);
    assert_result(acap_pool_get_stats(NULL, &stats), ACAP_ERROR_INVALID_ARGUMENT);
    assert_result(acap_pool_get_stats(pool, NULL), ACAP_ERROR_INVALID_ARGUMENT);
    stats.struct_size = 3;
    assert_result(acap_pool_get_stats(pool, &stats), ACAP_ERROR_ABI_MISMATCH);
    assert_null(acap_pool_retain(NULL));
    acap_pool_release(NULL);
    acap_pool_release(pool);
}

static void expect_refusal(uint32_t size_bytes, uint32_t buffers_min, uint32_t buffers_max, uint32_t flags, acap_result expected)
{
    acap_pool_config config = ACAP_POOL_CONFIG_INIT;
    acap_pool *pool = (acap_pool *)&config;

    config.flags = flags;
    config.buffer_size_bytes = size_bytes;
    config.buffers_min = buffers_min;
    config.buffers_max = buffers_max;
    assert_result(acap_pool_create(&config, &pool), expected);
    assert_null(pool);
}

static void absurd_configurations_are_refused(void **state)
{
    struct {
        acap_pool_config config;
        uint32_t unknown;
    } newer = {ACAP_POOL_CONFIG_INIT, 0};
    acap_pool *pool = NULL;

    (void)state;
    expect_refusal(0, 1, 1, 0, ACAP_ERROR_INVALID_ARGUMENT);
    expect_refusal(16, 2, 1, 0, ACAP_ERROR_INVALID_ARGUMENT);
    expect_refusal(16, 1, 1, 2, ACAP_ERROR_INVALID_ARGUMENT);
    expect_refusal(16, 1, 1, UINT32_MAX, ACAP_ERROR_INVALID_ARGUMENT);
    expect_refusal(ACAP_MAX_BUFFER_BYTES + 1, 1, 1, 0, ACAP_ERROR_LIMIT);
    expect_refusal(UINT32_MAX, 1, 1, 0, ACAP_ERROR_LIMIT);
    expect_refusal(16, ACAP_MAX_POOL_BUFFERS + 1, 0, 0, ACAP_ERROR_LIMIT);
    expect_refusal(16, 0, UINT32_MAX, 0, ACAP_ERROR_LIMIT);
    expect_refusal(ACAP_MAX_BUFFER_BYTES, ACAP_MAX_POOL_BUFFERS, 0, 0, ACAP_ERROR_NO_MEMORY);
    /* All of the machine's memory, of which a part is in use: refused before it is touched, not when the system runs out of it. */
    expect_refusal(1 << 20, (uint32_t)((uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) >> 20), 0, 0,
                   ACAP_ERROR_NO_MEMORY);
    newer.config.struct_size = sizeof newer;
    newer.config.buffer_size_bytes = 16;
    newer.unknown = 1;
    assert_result(acap_pool_create(&newer.config, &pool), ACAP_ERROR_ABI_MISMATCH);
    newer.unknown = 0;
    assert_ok(acap_pool_create(&newer.config, &pool));
    acap_pool_release(pool);
}

static void defaults_are_those_of_the_header(void **state)
{
    acap_pool *pool = make_pool(16, 0, 0);

    (void)state;
    assert_int_equal(pool_stats(pool).capacity, 16);
    assert_int_equal(pool_stats(pool).buffers_max, ACAP_MAX_POOL_BUFFERS);
    acap_pool_release(pool);
    pool = make_pool(16, 0, 3);
    assert_int_equal(pool_stats(pool).capacity, 3);
    assert_int_equal(pool_stats(pool).buffers_max, 3);
    acap_pool_release(pool);
}

static void a_fresh_buffer_has_an_empty_header_and_aligned_data(void **state)
{
    acap_pool *pool = make_pool(100, 3, 3);
    acap_buffer expected;

    (void)state;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 3; i++) {
            const acap_buffer *buffer = acquire(pool);
            memset(&expected, 0, sizeof expected);
            expected.struct_size = sizeof expected;
            expected.data = buffer->data;
            expected.size_bytes = 100;
            assert_memory_equal(buffer, &expected, sizeof expected);
            assert_int_equal((uintptr_t)buffer->data % 64, 0);
            assert_int_equal(acap_buffer_reference_count(buffer), 1);
            memset(acap_buffer_writable_data(buffer), 0xee, 100);
            acap_buffer_release(buffer);
        }
    }
    acap_pool_release(pool);
}

static void no_two_buffers_share_memory(void **state)
{
    enum { COUNT = 130 };
    acap_pool *pool = make_pool(65, COUNT, COUNT);
    const acap_buffer *buffers[COUNT];

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        buffers[i] = acquire(pool);
        memset(acap_buffer_writable_data(buffers[i]), i, 65);
    }
    for (int i = 0; i < COUNT; i++) {
        for (int byte = 0; byte < 65; byte++)
            assert_int_equal(((const unsigned char *)buffers[i]->data)[byte], i);
        acap_buffer_release(buffers[i]);
    }
    acap_pool_release(pool);
}

static void an_empty_pool_says_so_at_once(void **state)
{
    acap_pool *pool = make_pool(16, 2, 2);
    const acap_buffer *first = acquire(pool);
    const acap_buffer *second = acquire(pool);
    const acap_buffer *third = first;

    (void)state;
    assert_result(acap_pool_acquire(pool, &third), ACAP_ERROR_POOL_EXHAUSTED);
    assert_null(third);
    acap_buffer_release(first);
    third = acquire(pool);
    acap_buffer_release(second);
    acap_buffer_release(third);
    assert_int_equal(pool_stats(pool).exhausted, 1);
    acap_pool_release(pool);
}

static void figures_follow_every_step(void **state)
{
    acap_pool *pool = make_pool(16, 4, 4);
    const acap_buffer *buffers[4];
    acap_pool_stats stats = pool_stats(pool);

    (void)state;
    assert_true(stats.hit_rate == 1.0);
    assert_int_equal(stats.acquired + stats.released + stats.recycled + stats.exhausted, 0);
    assert_int_equal(stats.oldest_held_ns, 0);
    for (uint32_t i = 0; i < 4; i++) {
        buffers[i] = acquire(pool);
        stats = pool_stats(pool);
        assert_int_equal(stats.in_use, i + 1);
        assert_int_equal(stats.in_use_peak, i + 1);
        assert_int_equal(stats.acquired, i + 1);
    }
    const acap_buffer *none;
    assert_result(acap_pool_acquire(pool, &none), ACAP_ERROR_POOL_EXHAUSTED);
    for (uint32_t i = 0; i < 4; i++) {
        acap_buffer_release(buffers[i]);
        assert_int_equal(pool_stats(pool).in_use, 3 - i);
        assert_int_equal(pool_stats(pool).released, i + 1);
    }
    for (uint32_t i = 0; i < 96; i++)
        acap_buffer_release(acquire(pool));
    stats = pool_stats(pool);
    assert_int_equal(stats.acquired, 100);
    assert_int_equal(stats.recycled, 96);
    assert_int_equal(stats.exhausted, 1);
    assert_int_equal(stats.in_use_peak, 4);
    assert_true(stats.hit_rate == 100.0 / 101.0);
    assert_int_equal(stats.grown, 0);
    assert_true(stats.memory_bytes >= 4 * 16);
    acap_pool_release(pool);
}

static bool is_old(void *pool)
{
    acap_pool_stats stats = ACAP_POOL_STATS_INIT;

    return acap_pool_get_stats(pool, &stats) == ACAP_OK && stats.oldest_held_ns >= 20 * NS_PER_MS;
}

static void the_age_of_the_oldest_is_told(void **state)
{
    acap_pool *pool = make_pool(16, 4, 4);
    const acap_buffer *old = acquire(pool);

    (void)state;
    assert_true(eventually(is_old, pool));
    const acap_buffer *young = acquire(pool);
    assert_true(pool_stats(pool).oldest_held_ns >= 20 * NS_PER_MS);
    acap_buffer_release(old);
    const int64_t before_ns = acap_clock_ns();
    const acap_buffer *younger = acquire(pool);
    acap_buffer_release(young);
    assert_true(pool_stats(pool).oldest_held_ns <= acap_clock_ns() - before_ns + 20 * NS_PER_MS);
    acap_buffer_release(younger);
    assert_int_equal(pool_stats(pool).oldest_held_ns, 0);
    acap_pool_release(pool);
}

static void a_release_too_many_is_refused_and_counted(void **state)
{
    acap_pool *pool = make_pool(16, 2, 2);
    const acap_buffer *buffer = acquire(pool);

    (void)state;
    acap_buffer_release(buffer);
    acap_buffer_release(buffer);
    acap_buffer_release(buffer);
    assert_null(acap_buffer_retain(buffer));
    assert_null(acap_buffer_writable_data(buffer));
    assert_int_equal(acap_buffer_reference_count(buffer), 0);
    assert_int_equal(pool_stats(pool).rejected_releases, 3);
    assert_int_equal(pool_stats(pool).in_use, 0);
    assert_int_equal(pool_stats(pool).free_buffers, 2);
    const acap_buffer *first = acquire(pool); /* the pool is unharmed: two different buffers and no third */
    const acap_buffer *second = acquire(pool);
    assert_ptr_not_equal(first, second);
    assert_int_equal(acap_pool_acquire(pool, &buffer), ACAP_ERROR_POOL_EXHAUSTED);
    acap_buffer_release(first);
    acap_buffer_release(second);
    acap_pool_release(pool);
}

static void a_pool_lives_until_its_last_handle_and_its_last_buffer(void **state)
{
    acap_pool *pool = make_pool(16, 2, 2);
    const acap_buffer *buffer = acquire(pool);

    (void)state;
    assert_ptr_equal(acap_pool_retain(pool), pool);
    acap_pool_release(pool);
    assert_int_equal(pool_stats(pool).in_use, 1);
    acap_pool_release(pool);
    memset(acap_buffer_writable_data(buffer), 1, 16); /* the last handle has gone */
    assert_int_equal(acap_buffer_reference_count(buffer), 1);
    assert_ptr_equal(acap_buffer_retain(buffer), buffer);
    acap_buffer_release(buffer);
    acap_buffer_release(buffer); /* and now the pool */
}

static void pools_come_and_go_without_a_trace(void **state)
{
    uint64_t before_bytes = 0;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        acap_pool *pool = make_pool(4096, 4, 64);
        const acap_buffer *buffer = acquire(pool);
        acap_pool_release(pool);
        acap_buffer_release(buffer);
        if (i == 1000)
            before_bytes = resident_bytes();
    }
    assert_true(resident_bytes() < before_bytes + 2000000 + HAS_SANITIZER * 200000000);
}

enum { THREADS = 4, TURNS = 20000 };

struct taker {
    acap_pool *pool;
    uint64_t taken;
    uint64_t refused;
    const char *problem;
};

static void *take_and_give(void *argument)
{
    struct taker *taker = argument;

    for (int turn = 0; turn < TURNS && taker->problem == NULL; turn++) {
        acap_pool_stats stats = ACAP_POOL_STATS_INIT;
        const acap_buffer *buffer;
        const acap_result result = acap_pool_acquire(taker->pool, &buffer);
        if (result == ACAP_ERROR_POOL_EXHAUSTED) {
            taker->refused++;
            continue;
        }
        taker->taken++;
        uint64_t *data = acap_buffer_writable_data(buffer);
        if (result != ACAP_OK || data == NULL) {
            taker->problem = "a buffer that somebody else has, too";
            return NULL;
        }
        data[0] = (uint64_t)(uintptr_t)taker;
        if (turn % 64 == 0 && (acap_pool_get_stats(taker->pool, &stats) != ACAP_OK || contradiction_of_pool(&stats) != NULL))
            taker->problem = contradiction_of_pool(&stats);
        if (data[0] != (uint64_t)(uintptr_t)taker)
            taker->problem = "somebody else wrote into the buffer";
        acap_buffer_release(buffer);
    }
    return NULL;
}

static void several_threads_acquire_from_one_pool(void **state)
{
    acap_pool *pool = make_pool(64, THREADS - 1, THREADS - 1); /* one too few */
    struct taker takers[THREADS];
    pthread_t threads[THREADS];
    uint64_t taken = 0;
    uint64_t refused = 0;

    (void)state;
    for (int i = 0; i < THREADS; i++) {
        takers[i] = (struct taker){.pool = pool};
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, &takers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        if (takers[i].problem != NULL)
            fail_msg("thread %d: %s", i, takers[i].problem);
        taken += takers[i].taken;
        refused += takers[i].refused;
    }
    const acap_pool_stats stats = pool_stats(pool);
    assert_int_equal(stats.acquired, taken);
    assert_int_equal(stats.exhausted, refused);
    assert_int_equal(stats.in_use, 0);
    assert_int_equal(stats.rejected_releases, 0);
    acap_pool_release(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_function_refuses_null),
        cmocka_unit_test(absurd_configurations_are_refused),
        cmocka_unit_test(defaults_are_those_of_the_header),
        cmocka_unit_test(a_fresh_buffer_has_an_empty_header_and_aligned_data),
        cmocka_unit_test(no_two_buffers_share_memory),
        cmocka_unit_test(an_empty_pool_says_so_at_once),
        cmocka_unit_test(figures_follow_every_step),
        cmocka_unit_test(the_age_of_the_oldest_is_told),
        cmocka_unit_test(a_release_too_many_is_refused_and_counted),
        cmocka_unit_test(a_pool_lives_until_its_last_handle_and_its_last_buffer),
        cmocka_unit_test(pools_come_and_go_without_a_trace),
        cmocka_unit_test(several_threads_acquire_from_one_pool),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
