/* SPDX-License-Identifier: MIT */
/* Owns: the test that readers come and go at random under a running producer, and each gets exactly what its account says.
 * Run by: CTest, a second or two; the seed is printed.
 * Runs on: the public API: a simulated device that runs as fast as it can, or pushes, against several openers and a witness. */
#include "fixture.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum {
    OPENERS = 3,
    ROUNDS = 400,
    CLOSE_LOOKS = 1500,
    FRAMES = 48
};

#define HISTORY_NS (20 * NS_PER_MS) /* of 1 ms buffers */

struct worker {
    pthread_t thread;
    acap_stream *stream;
    acap_reader *reader; /* the witness's */
    conservation seen;
    uint64_t random;
    uint64_t buffers;
    const char *problem;
    char text[256];
};

static atomic_bool is_over;

static void keep_problem(struct worker *worker, bool is_fine, const char *problem)
{
    if (!is_fine && worker->problem == NULL)
        worker->problem = problem;
}

static void keep_equation(struct worker *worker, const char *broken)
{
    keep_problem(worker, broken == NULL, broken != NULL ? "an equation of the account does not hold" : "");
}

/* False: nothing more comes. */
static bool borrow_one(struct worker *worker, acap_reader *reader, conservation *seen, int64_t timeout_ns)
{
    const acap_buffer *buffer;
    const acap_result result = acap_reader_borrow(reader, timeout_ns, &buffer);

    if (result != ACAP_OK) {
        keep_problem(worker, result == ACAP_TIMED_OUT || result == ACAP_INTERRUPTED || result == ACAP_END, "an unexpected result");
        return result != ACAP_END;
    }
    keep_problem(worker, counter_holds(buffer), "a buffer does not hold what belongs at its position");
    conservation_add(seen, buffer);
    worker->buffers++;
    acap_buffer_release(buffer);
    return true;
}

struct comparison {
    acap_reader *reader;
    const conservation *seen;
};

/* An evicted buffer is counted before the push that evicted it is over, and its successor may have been borrowed before that. */
static bool are_gaps_counted(void *argument)
{
    const struct comparison *comparison = argument;
    acap_reader_stats stats = ACAP_READER_STATS_INIT;

    return acap_reader_get_stats(comparison->reader, &stats) == ACAP_OK && stats.frames_lost >= comparison->seen->gap_frames;
}

/* What it was really given against what its figures say; the stream goes on meanwhile. */
static void compare(struct worker *worker, acap_reader *reader, const conservation *seen)
{
    struct comparison comparison = {reader, seen};
    acap_reader_stats stats = ACAP_READER_STATS_INIT;

    const bool are_counted = eventually(are_gaps_counted, &comparison);
    keep_problem(worker, acap_reader_get_stats(reader, &stats) == ACAP_OK, "no figures");
    if (!are_counted && worker->problem == NULL) {
        snprintf(worker->text, sizeof worker->text, "gaps of %" PRIu64 " frames, of which %" PRIu64 " by the queue and %" PRIu64
                 " by the stream are counted; seen: from %" PRIu64 ", next %" PRIu64 ", %" PRIu64 " frames", seen->gap_frames,
                 stats.lost_queue, stats.lost_stream, seen->start_position, seen->next_position, seen->frames);
        worker->problem = worker->text;
    }
    keep_problem(worker, stats.frames_delivered == seen->frames, "frames_delivered");
    keep_problem(worker, stats.buffers_delivered == seen->buffers, "buffers_delivered");
    keep_problem(worker, stats.start_position == seen->start_position, "start_position has changed");
    keep_problem(worker, seen->contradictions == 0, "a step back, or a flag without a loss");
    keep_equation(worker, conservation_of_reader(reader));
}

/* One short life of a reader. */
static void live(struct worker *worker)
{
    acap_reader_config config = ACAP_READER_CONFIG_INIT;
    const uint64_t choice = next_random(&worker->random);
    acap_reader *reader = NULL;
    conservation seen;
    intptr_t handle;

    config.queue_buffers = 1 + (uint32_t)choice % 8;
    config.wake_buffers = 1 + (uint32_t)(choice >> 8) % config.queue_buffers;
    config.overflow = (uint32_t)(choice >> 16) % 2;
    config.preroll_ns = choice >> 18 & 1 ? (int64_t)(choice >> 40) % (2 * HISTORY_NS) : 0;
    if (acap_reader_open(worker->stream, &config, &reader) != ACAP_OK) {
        keep_problem(worker, false, "a reader could not be opened");
        return;
    }
    conservation_begin(&seen, reader);
    if (choice >> 20 & 1)
        keep_problem(worker, acap_reader_get_wait_handle(reader, &handle) == ACAP_OK, "no wait handle");
    for (uint64_t i = choice >> 24 & 15; i > 0; i--)
        (void)borrow_one(worker, reader, &seen, i % 3 == 0 ? 0 : (int64_t)i * 100000);
    if (choice >> 28 & 1)
        (void)acap_reader_interrupt(reader);
    if (choice >> 29 & 1) {
        (void)acap_reader_end(reader);
        while (borrow_one(worker, reader, &seen, 0))
            ;
    }
    compare(worker, reader, &seen);
    acap_reader_close(reader);
}

static void *open_and_close(void *argument)
{
    struct worker *worker = argument;

    for (int round = 0; round < ROUNDS && worker->problem == NULL; round++)
        live(worker);
    return NULL;
}

/* A reader that stays from the first frame to the last. */
static void *witness(void *argument)
{
    struct worker *worker = argument;

    while (borrow_one(worker, worker->reader, &worker->seen, ACAP_WAIT_FOREVER))
        keep_equation(worker, conservation_of_stream(worker->stream));
    return NULL;
}

static void *push_on_and_on(void *argument)
{
    struct worker *worker = argument;
    uint64_t position = 0;

    while (!atomic_load(&is_over)) {
        const uint64_t choice = next_random(&worker->random);
        const uint32_t frames = (uint32_t)choice % (2 * FRAMES);
        const bool is_lost = (choice >> 32 & 31) == 0;
        const acap_result result = is_lost ? acap_stream_push(worker->stream, NULL, frames, 0)
                                           : push_counter_s32(worker->stream, 1, position, frames);
        keep_problem(worker, result == ACAP_OK, "a push was refused");
        position += frames;
    }
    return NULL;
}

/* Looks at a new reader's figures as often as it can while the first callback that knows it comes: where it starts is where it starts. */
static void *look_closely(void *argument)
{
    struct worker *worker = argument;

    for (int round = 0; round < CLOSE_LOOKS && worker->problem == NULL; round++) {
        acap_reader_stats first = ACAP_READER_STATS_INIT;
        acap_reader_stats stats = ACAP_READER_STATS_INIT;
        acap_reader *reader = NULL;
        keep_problem(worker, acap_reader_open(worker->stream, NULL, &reader) == ACAP_OK, "a reader could not be opened");
        if (reader == NULL)
            break;
        keep_problem(worker, acap_reader_get_stats(reader, &first) == ACAP_OK, "no figures");
        for (int look = 0; look < 40; look++) {
            keep_problem(worker, acap_reader_get_stats(reader, &stats) == ACAP_OK, "no figures");
            keep_problem(worker, stats.start_position == first.start_position, "start_position has changed");
            keep_problem(worker, stats.end_position >= first.end_position, "end_position has gone back");
        }
        keep_equation(worker, conservation_of_reader(reader));
        acap_reader_close(reader);
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

static acap_stream *open_with_history(acap_context *context, const char *device)
{
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;

    config.device = device;
    config.format = ACAP_FORMAT_S32;
    config.channel_count = 1;
    config.frames_per_buffer = FRAMES;
    config.history_ns = HISTORY_NS;
    return open_config(context, &config);
}

static void expect_coming_and_going(const char *device, bool is_push)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_with_history(context, device);
    acap_pool *pool = acap_stream_get_pool(stream);
    struct worker openers[OPENERS];
    struct worker staying = {.stream = stream, .reader = open_queue(stream, 64, ACAP_OVERFLOW_DROP_OLDEST)};
    struct worker pusher = {.stream = stream};
    uint64_t random = random_seed("stress_readers");
    uint64_t buffers = 0;

    conservation_begin(&staying.seen, staying.reader);
    atomic_store(&is_over, false);
    assert_ok(acap_stream_start(stream));
    begin(&staying, &random, witness);
    if (is_push)
        begin(&pusher, &random, push_on_and_on);
    for (int i = 0; i < OPENERS; i++) {
        openers[i] = (struct worker){.stream = stream};
        begin(&openers[i], &random, open_and_close);
    }
    for (int i = 0; i < OPENERS; i++) {
        finish(&openers[i], "opener");
        buffers += openers[i].buffers;
    }
    atomic_store(&is_over, true);
    if (is_push)
        finish(&pusher, "pusher");
    assert_ok(acap_stream_stop(stream));
    finish(&staying, "witness");
    assert_conserved(conservation_at_rest(&staying.seen, stream, staying.reader));
    print_message("%s: %d readers took %llu buffers, the witness %llu\n", device, OPENERS * ROUNDS, (unsigned long long)buffers,
                  (unsigned long long)staying.buffers);
    close_conserved(context, stream, staying.reader);
    assert_int_equal(pool_stats(pool).in_use, 0);
    assert_int_equal(pool_stats(pool).rejected_releases, 0);
    acap_pool_release(pool);
}

static void readers_come_and_go_under_a_fast_device(void **state)
{
    (void)state;
    expect_coming_and_going("sim:counter?pace=fast&period=7", false);
}

static void readers_come_and_go_under_pushes(void **state)
{
    (void)state;
    expect_coming_and_going("push:", true);
}

static void a_reader_starts_where_it_starts(void **state)
{
    acap_context *context = make_context("push");
    acap_stream *stream = open_with_history(context, "push:");
    struct worker pusher = {.stream = stream};
    struct worker looker = {.stream = stream};
    uint64_t random = random_seed("stress_readers");

    (void)state;
    atomic_store(&is_over, false);
    assert_ok(acap_stream_start(stream));
    begin(&pusher, &random, push_on_and_on);
    begin(&looker, &random, look_closely);
    finish(&looker, "looker");
    atomic_store(&is_over, true);
    finish(&pusher, "pusher");
    assert_conserved(conservation_of_stream(stream));
    acap_stream_close(stream);
    acap_context_destroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_starts_where_it_starts),
        cmocka_unit_test(readers_come_and_go_under_a_fast_device),
        cmocka_unit_test(readers_come_and_go_under_pushes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
