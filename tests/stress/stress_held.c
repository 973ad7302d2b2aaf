/* SPDX-License-Identifier: MIT */
/* Owns: the test of what a stream says of held buffers at its close, while consumers borrow and release, and somebody else takes and gives
 * back buffers of the same pool: what is kept all the while counts, and no more than was ever out of the queues.
 * Run by: CTest, about a second; the seed is printed.
 * Runs on: the public API: a pool of the caller's, and one stream after the other on it. */
#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
    ROUNDS = 250,
    RELEASERS = 2,
    BUFFERS = 24, /* a stream's, each round */
    FRAMES = 4
};

static atomic_bool is_over;

/* What its consumer has when a stream is closed: some is given back meanwhile, by several threads, the rest is kept. */
struct round {
    const acap_buffer *kept[BUFFERS];
    const acap_buffer *_Atomic passing[BUFFERS];
    uint32_t kept_count;
    uint32_t passing_count;
    acap_reader *draining; /* by a thread of its own, one buffer at a time */
    atomic_bool may_begin;
};

static acap_stream *open_on(acap_context *context, acap_pool *pool)
{
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;

    config.device = "push:";
    config.format = ACAP_FORMAT_S32;
    config.channel_count = 1;
    config.frames_per_buffer = FRAMES;
    config.history_ns = NS_PER_MS / 2; /* seven buffers */
    config.pool = pool;
    return open_config(context, &config);
}

/* Any thread: takes and gives back, and sometimes shares, whatever is free. */
static void *take_and_give_back(void *pool)
{
    const acap_buffer *buffer;

    while (!atomic_load(&is_over)) {
        if (acap_pool_acquire(pool, &buffer) != ACAP_OK)
            continue;
        acap_buffer_release(acap_buffer_retain(buffer));
        acap_buffer_release(buffer);
    }
    return NULL;
}

static void wait_for(atomic_bool *flag)
{
    while (!atomic_load(flag))
        ;
}

static void *release_what_passes(void *argument)
{
    struct round *round = argument;

    wait_for(&round->may_begin);
    for (uint32_t i = 0; i < round->passing_count; i++)
        acap_buffer_release(atomic_exchange(&round->passing[i], NULL));
    return NULL;
}

static void *drain_one_by_one(void *argument)
{
    struct round *round = argument;
    const acap_buffer *buffer;

    wait_for(&round->may_begin);
    while (acap_reader_borrow(round->draining, ACAP_WAIT_FOREVER, &buffer) == ACAP_OK)
        acap_buffer_release(buffer);
    return NULL;
}

static uint32_t reported(acap_context *context)
{
    acap_event event = ACAP_EVENT_INIT;
    uint32_t count = 0;

    while (acap_context_next_event(context, 0, &event) == ACAP_OK) {
        const char *report = strstr(event.text, "was closed with ");
        if (report != NULL)
            assert_int_equal(sscanf(report, "was closed with %u of its buffers held", &count), 1);
    }
    return count;
}

static void borrow_for(struct round *round, acap_reader *reader, uint64_t *random)
{
    const acap_buffer *buffer;

    while (round->kept_count + round->passing_count < BUFFERS / 2) {
        assert_ok(acap_reader_borrow(reader, 0, &buffer));
        if (next_random(random) % 2 == 0)
            round->kept[round->kept_count++] = buffer;
        else
            atomic_store(&round->passing[round->passing_count++], buffer);
    }
}

/* One stream that is closed while what it has out comes back. */
static void play(acap_context *context, acap_pool *pool, uint64_t *random)
{
    acap_stream *stream = open_on(context, pool);
    acap_reader *reader = open_queue(stream, BUFFERS, ACAP_OVERFLOW_DROP_OLDEST);
    struct round round = {.draining = open_queue(stream, BUFFERS, ACAP_OVERFLOW_DROP_OLDEST)};
    pthread_t threads[RELEASERS + 1];

    assert_ok(acap_stream_start(stream));
    for (uint32_t i = 0; i < BUFFERS; i++)
        assert_ok(push_counter_s32(stream, 1, i * FRAMES, FRAMES));
    borrow_for(&round, reader, random);
    for (int i = 0; i < RELEASERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, release_what_passes, &round), 0);
    assert_int_equal(pthread_create(&threads[RELEASERS], NULL, drain_one_by_one, &round), 0);
    atomic_store(&round.may_begin, true);
    acap_stream_close(stream);
    const uint32_t told = reported(context);
    for (int i = 0; i <= RELEASERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_in_range(told, round.kept_count, round.kept_count + round.passing_count + 1);
    for (uint32_t i = 0; i < round.kept_count; i++) {
        assert_true(counter_holds(round.kept[i]));
        acap_buffer_release(round.kept[i]);
    }
    acap_reader_close(round.draining);
    acap_reader_close(reader);
}

static void a_close_counts_what_is_kept_while_the_rest_comes_back(void **state)
{
    acap_pool_config config = ACAP_POOL_CONFIG_INIT;
    acap_context *context = make_context("push");
    uint64_t random = random_seed("stress_held");
    pthread_t other;
    acap_pool *pool;

    (void)state;
    config.buffer_size_bytes = FRAMES * 4;
    config.buffers_min = 2 * BUFFERS;
    assert_ok(acap_pool_create(&config, &pool));
    assert_int_equal(pthread_create(&other, NULL, take_and_give_back, pool), 0);
    for (int i = 0; i < ROUNDS; i++)
        play(context, pool, &random);
    atomic_store(&is_over, true);
    assert_int_equal(pthread_join(other, NULL), 0);
    const acap_pool_stats stats = pool_stats(pool);
    assert_int_equal(stats.in_use, 0);
    assert_int_equal(stats.rejected_releases, 0);
    acap_pool_release(pool);
    acap_context_destroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_close_counts_what_is_kept_while_the_rest_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
