/* SPDX-License-Identifier: MIT */
/* Owns: the test that buffers may be held, passed on and released by any thread in any order: nobody ever sees one change that it holds.
 * Run by: CTest, a second or two; the seed is printed.
 * Runs on: the public API: one producer, a consumer for each reader, and threads that only take over what others hold. */
#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    READERS = 3,
    CARRIERS = 2,
    PLACES = 48,
    PUSHES = 6000,
    FRAMES = 64
};

/* Where buffers change hands: whoever exchanges gives up what it brings and owns what it finds. */
static const acap_buffer *_Atomic places[PLACES];
static atomic_bool is_over;

struct worker {
    pthread_t thread;
    acap_stream *stream;
    acap_reader *reader;
    conservation seen;
    uint64_t random;
    uint64_t handled;
    const char *problem;
};

static void keep_problem(struct worker *worker, bool is_fine, const char *problem)
{
    if (!is_fine && worker->problem == NULL)
        worker->problem = problem;
}

/* Looks at a buffer of its own and gives it back, or gives one of two references back and passes the other on. */
static void carry(struct worker *worker, const acap_buffer *buffer)
{
    const uint64_t choice = next_random(&worker->random);

    if (buffer == NULL)
        return;
    worker->handled++;
    keep_problem(worker, counter_holds(buffer), "a held buffer has changed");
    if (choice % 4 == 0) {
        keep_problem(worker, acap_buffer_retain(buffer) == buffer, "a held buffer was free");
        acap_buffer_release(buffer);
    }
    if (choice % 4 == 1) {
        acap_buffer_release(buffer);
        return;
    }
    const acap_buffer *found = atomic_exchange(&places[(choice >> 8) % PLACES], buffer);
    if (found != NULL) {
        keep_problem(worker, counter_holds(found), "a buffer that was passed on has changed");
        acap_buffer_release(found);
    }
}

static void *consume(void *argument)
{
    struct worker *worker = argument;
    const acap_buffer *buffer;
    acap_result result;

    while ((result = acap_reader_borrow(worker->reader, ACAP_WAIT_FOREVER, &buffer)) == ACAP_OK) {
        conservation_add(&worker->seen, buffer);
        carry(worker, buffer);
        keep_problem(worker, conservation_of_reader(worker->reader) == NULL, "a reader's equations");
    }
    keep_problem(worker, result == ACAP_END, "a borrow that gave neither a buffer nor the end");
    return NULL;
}

static void *take_over(void *argument)
{
    struct worker *worker = argument;

    while (!atomic_load(&is_over))
        carry(worker, atomic_exchange(&places[next_random(&worker->random) % PLACES], NULL));
    return NULL;
}

static void *produce(void *argument)
{
    struct worker *worker = argument;
    uint64_t position = 0;

    for (int i = 0; i < PUSHES; i++) {
        const uint64_t choice = next_random(&worker->random);
        const uint32_t frames = (uint32_t)choice % (3 * FRAMES);
        acap_result result;
        if (choice >> 32 & 63)
            result = push_counter_s32(worker->stream, 2, position, frames);
        else
            result = acap_stream_push(worker->stream, NULL, frames, 0);
        keep_problem(worker, result == ACAP_OK, "a push was refused");
        keep_problem(worker, conservation_of_stream(worker->stream) == NULL, "the stream's equations");
        position += frames;
    }
    return NULL;
}

static void begin(struct worker *worker, uint64_t *random, void *(*run)(void *))
{
    worker->random = next_random(random);
    assert_int_equal(pthread_create(&worker->thread, NULL, run, worker), 0);
}

static void finish(struct worker *worker, const char *what)
{
    assert_int_equal(pthread_join(worker->thread, NULL), 0);
    if (worker->problem != NULL)
        fail_msg("%s: %s", what, worker->problem);
}

static void buffers_are_held_passed_on_and_released_by_any_thread(void **state)
{
    acap_context *context = make_context("push");
    acap_stream *stream = open_stream(context, "push:", ACAP_FORMAT_S32, 2, FRAMES);
    acap_pool *pool = acap_stream_get_pool(stream);
    struct worker producer = {.stream = stream};
    struct worker consumers[READERS] = {{.stream = stream}};
    struct worker carriers[CARRIERS] = {{.stream = stream}};
    uint64_t random = random_seed("stress_hold");

    (void)state;
    assert_ok(acap_stream_start(stream));
    for (uint32_t i = 0; i < READERS; i++) {
        consumers[i].reader = open_queue(stream, 4 + i, i % 2 ? ACAP_OVERFLOW_DROP_NEWEST : ACAP_OVERFLOW_DROP_OLDEST);
        conservation_begin(&consumers[i].seen, consumers[i].reader);
        begin(&consumers[i], &random, consume);
    }
    for (int i = 0; i < CARRIERS; i++)
        begin(&carriers[i], &random, take_over);
    begin(&producer, &random, produce);
    finish(&producer, "producer");
    assert_ok(acap_stream_stop(stream));
    for (int i = 0; i < READERS; i++) {
        finish(&consumers[i], "consumer");
        assert_conserved(conservation_at_rest(&consumers[i].seen, stream, consumers[i].reader));
        acap_reader_close(consumers[i].reader);
    }
    acap_stream_close(stream); /* while buffers are still on their way */
    acap_context_destroy(context);
    atomic_store(&is_over, true);
    for (int i = 0; i < CARRIERS; i++)
        finish(&carriers[i], "carrier");
    for (int i = 0; i < PLACES; i++)
        acap_buffer_release(atomic_exchange(&places[i], NULL));
    const acap_pool_stats stats = pool_stats(pool);
    assert_int_equal(stats.in_use, 0);
    assert_int_equal(stats.rejected_releases, 0);
    print_message("%llu buffers, %llu recycled, most in use %u\n", (unsigned long long)stats.acquired, (unsigned long long)stats.recycled,
                  stats.in_use_peak);
    acap_pool_release(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers_are_held_passed_on_and_released_by_any_thread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
