/* SPDX-License-Identifier: MIT */
/* Owns: the tests that start, stop and questions may come from any thread at once, and that owners may close what is theirs while others
 * close or use theirs.
 * Run by: CTest, a second or two; the seed is printed.
 * Runs on: the public API, within its thread rules: each handle is closed by one thread, with no other call on it in flight. */
#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    CONTROLLERS = 4,
    STEPS = 250,
    ROUNDS = 150
};

struct worker {
    pthread_t thread;
    acap_context *context;
    acap_stream *stream;
    acap_reader *reader;
    acap_pool *pool;
    conservation seen;
    uint64_t random;
    const char *problem;
};

static void keep_problem(struct worker *worker, bool is_fine, const char *problem)
{
    if (!is_fine && worker->problem == NULL)
        worker->problem = problem;
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

/* ---- any thread at any time ---- */

static void come_and_go(struct worker *worker)
{
    const acap_buffer *buffer;
    acap_reader *reader = NULL;
    conservation seen;

    keep_problem(worker, acap_reader_open(worker->stream, NULL, &reader) == ACAP_OK, "a reader could not be opened");
    if (reader == NULL)
        return;
    conservation_begin(&seen, reader);
    if (acap_reader_borrow(reader, 100000, &buffer) == ACAP_OK) {
        keep_problem(worker, counter_holds(buffer), "a buffer does not hold what belongs at its position");
        acap_buffer_release(buffer);
    }
    keep_problem(worker, conservation_of_reader(reader) == NULL, "a reader's equations");
    acap_reader_close(reader);
}

static void *control(void *argument)
{
    struct worker *worker = argument;
    acap_stream_info info = ACAP_STREAM_INFO_INIT;
    acap_pool_stats figures = ACAP_POOL_STATS_INIT;

    for (int step = 0; step < STEPS && worker->problem == NULL; step++) {
        switch (next_random(&worker->random) % 6) {
        case 0:
        case 1:
            keep_problem(worker, acap_stream_start(worker->stream) == ACAP_OK, "start");
            break;
        case 2:
            keep_problem(worker, acap_stream_stop(worker->stream) == ACAP_OK, "stop");
            break;
        case 3:
            keep_problem(worker, acap_stream_get_info(worker->stream, &info) == ACAP_OK && info.channel_count == 1, "get_info");
            break;
        case 4:
            keep_problem(worker, acap_pool_get_stats(worker->pool, &figures) == ACAP_OK, "the pool's figures");
            keep_problem(worker, contradiction_of_pool(&figures) == NULL, "the pool's equations");
            keep_problem(worker, conservation_of_stream(worker->stream) == NULL, "the stream's equations");
            break;
        default:
            come_and_go(worker);
            break;
        }
    }
    return NULL;
}

/* Drains through every stop and start until it is ended by its own end. */
static void *follow(void *argument)
{
    struct worker *worker = argument;
    const acap_buffer *buffer;
    acap_result result;

    do {
        result = acap_reader_borrow(worker->reader, 1000000, &buffer);
        if (result == ACAP_OK) {
            keep_problem(worker, counter_holds(buffer), "a buffer does not hold what belongs at its position");
            conservation_add(&worker->seen, buffer);
            acap_buffer_release(buffer);
        }
        keep_problem(worker, conservation_of_reader(worker->reader) == NULL, "a reader's equations");
    } while (result != ACAP_INTERRUPTED);
    return NULL;
}

static void expect_control_from_anywhere(const char *device)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, device, ACAP_FORMAT_S32, 1, 48);
    struct worker controllers[CONTROLLERS];
    struct worker follower = {.stream = stream, .reader = open_queue(stream, 16, ACAP_OVERFLOW_DROP_OLDEST)};
    acap_pool *pool = acap_stream_get_pool(stream);
    uint64_t random = random_seed("stress_control");

    conservation_begin(&follower.seen, follower.reader);
    begin(&follower, &random, follow);
    for (int i = 0; i < CONTROLLERS; i++) {
        controllers[i] = (struct worker){.stream = stream, .pool = pool};
        begin(&controllers[i], &random, control);
    }
    for (int i = 0; i < CONTROLLERS; i++)
        finish(&controllers[i], "controller");
    assert_ok(acap_stream_stop(stream));
    assert_ok(acap_reader_interrupt(follower.reader));
    finish(&follower, "follower");
    assert_result(drain(follower.reader, &follower.seen), ACAP_END);
    assert_conserved(conservation_at_rest(&follower.seen, stream, follower.reader));
    print_message("%s: the follower took %llu buffers\n", device, (unsigned long long)follower.seen.buffers);
    close_conserved(context, stream, follower.reader);
    assert_int_equal(pool_stats(pool).in_use, 0);
    acap_pool_release(pool);
}

static void start_stop_and_questions_come_from_any_thread(void **state)
{
    (void)state;
    expect_control_from_anywhere("sim:counter?pace=fast&period=7");
    expect_control_from_anywhere("sim:counter?period=1");
    expect_control_from_anywhere("push:");
}

/* ---- every owner closes its own ---- */

static pthread_barrier_t barrier;

static void *destroy_context(void *argument)
{
    struct worker *worker = argument;

    pthread_barrier_wait(&barrier);
    acap_context_destroy(worker->context);
    return NULL;
}

static void *use_and_close_stream(void *argument)
{
    struct worker *worker = argument;
    const uint64_t choice = next_random(&worker->random);
    acap_result result = ACAP_OK;
    uint64_t position = 0;

    pthread_barrier_wait(&barrier);
    for (uint64_t i = choice % 16; i > 0; i--) {
        if (choice >> i & 1 && acap_stream_stop(worker->stream) != ACAP_OK)
            worker->problem = "stop";
        result = acap_stream_start(worker->stream);
        keep_problem(worker, result == ACAP_OK || result == ACAP_ERROR_INVALID_STATE, "start");
        result = push_counter_s32(worker->stream, 1, position, 10);
        keep_problem(worker, result == ACAP_OK || result == ACAP_ERROR_INVALID_STATE || result == ACAP_ERROR_INVALID_ARGUMENT, "push");
        position += result == ACAP_OK ? 10 : 0;
        keep_problem(worker, conservation_of_stream(worker->stream) == NULL, "the stream's equations");
    }
    acap_stream_close(worker->stream);
    return NULL;
}

static void *drain_and_close_reader(void *argument)
{
    struct worker *worker = argument;
    const bool is_hasty = next_random(&worker->random) % 3 == 0;
    const acap_buffer *held = NULL;
    const acap_buffer *buffer;
    acap_result result;

    pthread_barrier_wait(&barrier);
    do {
        result = acap_reader_borrow(worker->reader, is_hasty ? 0 : 10 * NS_PER_MS, &buffer);
        if (result == ACAP_OK) {
            conservation_add(&worker->seen, buffer);
            acap_buffer_release(held);
            held = buffer;
        }
    } while (result == ACAP_OK || (result != ACAP_END && !is_hasty));
    keep_problem(worker, result == ACAP_END || result == ACAP_TIMED_OUT, "a reader that ended otherwise");
    keep_problem(worker, conservation_of_reader(worker->reader) == NULL, "a reader's equations");
    acap_reader_close(worker->reader);
    keep_problem(worker, held == NULL || counter_holds(held), "a held buffer has changed");
    acap_buffer_release(held);
    acap_pool_release(worker->pool);
    return NULL;
}

static void close_everything_at_once(const char *device, uint64_t *random)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, device, ACAP_FORMAT_S32, 1, 16);
    acap_stream *other = open_stream(context, device, ACAP_FORMAT_S32, 1, 16);
    acap_reader *reader = open_queue(stream, 4, ACAP_OVERFLOW_DROP_OLDEST);
    acap_reader *another = open_queue(stream, 4, ACAP_OVERFLOW_DROP_NEWEST);
    struct worker workers[] = {
        {.context = context},
        {.stream = stream},
        {.stream = other},
        {.reader = reader, .pool = acap_stream_get_pool(stream)},
        {.reader = another, .pool = acap_stream_get_pool(stream)},
    };
    void *(*const runs[])(void *) = {destroy_context, use_and_close_stream, use_and_close_stream, drain_and_close_reader,
                                     drain_and_close_reader};

    conservation_begin(&workers[3].seen, reader);
    conservation_begin(&workers[4].seen, another);
    assert_ok(acap_stream_start(stream));
    assert_int_equal(pthread_barrier_init(&barrier, NULL, COUNT_OF(workers)), 0);
    for (size_t i = 0; i < COUNT_OF(workers); i++)
        begin(&workers[i], random, runs[i]);
    for (size_t i = 0; i < COUNT_OF(workers); i++)
        finish(&workers[i], "owner");
    assert_int_equal(pthread_barrier_destroy(&barrier), 0);
    assert_int_equal(workers[3].seen.contradictions + workers[4].seen.contradictions, 0);
}

static void owners_close_what_is_theirs_all_at_once(void **state)
{
    static const char *const devices[] = {"sim:counter?pace=fast&period=7", "push:", "sim:counter?pace=manual"};
    const uint32_t descriptors = open_descriptors();
    uint64_t random = random_seed("stress_control");

    (void)state;
    for (int round = 0; round < ROUNDS; round++)
        close_everything_at_once(devices[round % 3], &random);
    assert_true(threads_have_gone());
    assert_int_equal(open_descriptors(), descriptors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_stop_and_questions_come_from_any_thread),
        cmocka_unit_test(owners_close_what_is_theirs_all_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
