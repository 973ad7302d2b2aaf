/* SPDX-License-Identifier: MIT */
/* Owns: tests of what a stream says of buffers that somebody keeps: their age, and the report at close.
 * Run by: CTest, in milliseconds.
 * Runs on: the public API; streams are fed by the test, or run in virtual time. */
#include "fixture.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define REPORT "was closed with "
#define SHARED_BUFFERS 64u
#define COARSE_NS (20 * NS_PER_MS) /* of the clock that tells ages */

/* What was said of a closed stream; buffers 0: nothing. */
typedef struct report {
    uint32_t buffers;
    int64_t oldest_ms;
    acap_event event;
} report;

static report next_report(acap_context *context, uint64_t stream_id)
{
    acap_event event = ACAP_EVENT_INIT;
    report found = {.event = event};

    while (acap_context_next_event(context, 0, &event) == ACAP_OK) {
        const char *text = strstr(event.text, REPORT);
        if (text == NULL)
            continue;
        assert_int_equal(event.type, ACAP_EVENT_LOG);
        assert_int_equal(event.level, ACAP_LEVEL_INFO);
        assert_true(event.stream_id == stream_id);
        assert_int_equal(found.buffers, 0); /* once */
        assert_int_equal(sscanf(text, REPORT "%u of its buffers held, the oldest for %" SCNd64 " ms", &found.buffers, &found.oldest_ms), 2);
        assert_true(found.buffers != 0);
        found.event = event;
    }
    return found;
}

static uint64_t id_of(const acap_stream *stream)
{
    acap_stream_info info = ACAP_STREAM_INFO_INIT;

    assert_ok(acap_stream_get_info(stream, &info));
    return info.stream_id;
}

static report close_and_hear(acap_context *context, acap_stream *stream)
{
    const uint64_t id = id_of(stream);

    acap_stream_close(stream);
    return next_report(context, id);
}

static void release_all(const acap_buffer **buffers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        acap_buffer_release(buffers[i]);
}

static void borrow_some(rig *r, const acap_buffer **buffers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        buffers[i] = borrow_now(r->reader, &r->seen);
}

/* The stream has been closed. */
static void finish_closed_rig(rig *r)
{
    assert_result(drain(r->reader, &r->seen), ACAP_END);
    assert_conserved(conservation_at_rest(&r->seen, NULL, r->reader));
    acap_reader_close(r->reader);
    acap_context_destroy(r->context);
}

static void what_is_still_held_at_the_close_is_reported(void **state)
{
    static const uint32_t holds[] = {0, 1, 5};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(holds); i++) {
        rig r = make_rig(10, 20, ACAP_OVERFLOW_DROP_OLDEST);
        const acap_buffer *held[5] = {NULL};
        const uint64_t id = id_of(r.stream);
        push_counter(r.stream, holds[i] * 10);
        borrow_some(&r, held, holds[i]);
        assert_conserved(conservation_at_rest(&r.seen, r.stream, r.reader));
        acap_reader_close(r.reader); /* what was borrowed from it counts on */
        assert_int_equal(close_and_hear(r.context, r.stream).buffers, holds[i]);
        release_all(held, holds[i]);
        assert_int_equal(next_report(r.context, id).buffers, 0);
        acap_context_destroy(r.context);
    }
}

static bool is_old(void *argument)
{
    return pool_stats(argument).oldest_held_ns >= 30 * NS_PER_MS;
}

/* What a reader has queued will be taken, or goes back with the reader. */
static void what_is_queued_is_not_held(void **state)
{
    rig r = make_rig(10, 20, ACAP_OVERFLOW_DROP_OLDEST);
    acap_reader *other = open_queue(r.stream, 20, ACAP_OVERFLOW_DROP_OLDEST);
    acap_pool *pool = acap_stream_get_pool(r.stream);

    (void)state;
    push_counter(r.stream, 35);
    assert_int_equal(close_and_hear(r.context, r.stream).buffers, 0);
    assert_int_equal(pool_stats(pool).in_use, 4); /* three whole ones and five frames */
    acap_pool_release(pool);
    acap_reader_close(other);
    finish_closed_rig(&r);
}

static void the_report_says_how_many_since_when_where_and_when(void **state)
{
    rig r = make_rig(10, 20, ACAP_OVERFLOW_DROP_OLDEST);
    acap_pool *pool = acap_stream_get_pool(r.stream);
    const acap_buffer *held[2];

    (void)state;
    push_counter(r.stream, 70);
    borrow_some(&r, held, 2);
    assert_true(eventually(is_old, pool));
    const int64_t before_ns = acap_clock_ns();
    const int64_t oldest_before_ns = pool_stats(pool).oldest_held_ns;
    const report told = close_and_hear(r.context, r.stream);
    const int64_t after_ns = acap_clock_ns();
    assert_int_equal(told.buffers, 2); /* and not the five that are queued */
    assert_in_range(told.oldest_ms, oldest_before_ns / NS_PER_MS, pool_stats(pool).oldest_held_ns / NS_PER_MS);
    assert_true(told.event.position == 70);
    assert_true(told.event.time_ns >= before_ns && told.event.time_ns <= after_ns);
    acap_pool_release(pool);
    release_all(held, 2);
    finish_closed_rig(&r);
}

/* The stream's clock, which has nothing to do with the time that passed here. */
static void in_virtual_time_the_report_has_the_streams_time(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, MANUAL "&period=480&stuck=stop:300ms", ACAP_FORMAT_S32, 1, 480);
    acap_reader *reader = open_queue(stream, 8, ACAP_OVERFLOW_DROP_OLDEST);
    const acap_buffer *buffer;

    (void)state;
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_sim_advance(stream, 480));
    assert_ok(acap_reader_borrow(reader, 0, &buffer));
    const int64_t start_ns = buffer->time_ns;
    assert_ok(acap_stream_sim_advance(stream, 48000 * 60));
    const report told = close_and_hear(context, stream); /* while the host hangs */
    assert_int_equal(told.buffers, 1);
    assert_true(told.event.position == 48000 * 60 + 480);
    assert_in_range(told.event.time_ns - start_ns, 60 * NS_PER_S + 10 * NS_PER_MS - 2, 60 * NS_PER_S + 10 * NS_PER_MS + 2);
    acap_buffer_release(buffer);
    acap_reader_close(reader);
    acap_context_destroy(context);
}

static void buffers_count_and_not_references(void **state)
{
    rig r = make_rig(10, 20, ACAP_OVERFLOW_DROP_OLDEST);
    acap_reader *other = open_queue(r.stream, 20, ACAP_OVERFLOW_DROP_OLDEST); /* where all of them wait */
    const acap_buffer *held[3];

    (void)state;
    push_counter(r.stream, 50);
    borrow_some(&r, held, 3);
    for (int i = 0; i < 2; i++)
        assert_ptr_equal(acap_buffer_retain(held[0]), held[0]);
    acap_buffer_release(held[1]);
    assert_int_equal(close_and_hear(r.context, r.stream).buffers, 2);
    for (int i = 0; i < 2; i++)
        acap_buffer_release(held[0]);
    acap_buffer_release(held[0]);
    acap_buffer_release(held[2]);
    acap_reader_close(other);
    finish_closed_rig(&r);
}

/* ---- pools that are not the stream's alone ---- */

static acap_stream *open_shared(acap_context *context, acap_pool *pool)
{
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;

    config.device = "push:";
    config.format = ACAP_FORMAT_S32;
    config.channel_count = 1;
    config.frames_per_buffer = 10;
    config.pool = pool;
    return open_config(context, &config);
}

static acap_pool *make_shared_pool(void)
{
    acap_pool_config config = ACAP_POOL_CONFIG_INIT;
    acap_pool *pool;

    config.buffer_size_bytes = 40;
    config.buffers_min = SHARED_BUFFERS;
    config.buffers_max = SHARED_BUFFERS;
    assert_ok(acap_pool_create(&config, &pool));
    return pool;
}

/* All that are left, those among them that a stream has had before. */
static uint32_t acquire_the_rest(acap_pool *pool, const acap_buffer **acquired)
{
    uint32_t count = 0;

    while (acap_pool_acquire(pool, &acquired[count]) == ACAP_OK)
        count++;
    return count;
}

static void only_its_own_buffers_of_a_shared_pool_count(void **state)
{
    acap_context *context = make_context("push");
    acap_pool *pool = make_shared_pool();
    rig rigs[2];
    const acap_buffer *acquired[SHARED_BUFFERS + 1];
    const acap_buffer *held[2][4];

    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        rigs[i] = (rig){.context = context, .stream = open_shared(context, pool)};
        rigs[i].reader = open_queue(rigs[i].stream, 20, ACAP_OVERFLOW_DROP_OLDEST);
        conservation_begin(&rigs[i].seen, rigs[i].reader);
        assert_ok(acap_stream_start(rigs[i].stream));
        push_counter(rigs[i].stream, 70 + i * 10);
        borrow_some(&rigs[i], held[i], 2 + 2 * i);
    }
    acap_buffer_release(held[1][3]);
    const uint32_t acquired_count = acquire_the_rest(pool, acquired);
    assert_int_equal(acquired_count, SHARED_BUFFERS - 15 + 1);
    for (uint32_t i = 0; i < 2; i++) {
        const report told = close_and_hear(context, rigs[i].stream);
        assert_int_equal(told.buffers, 2 + i);
        assert_true(told.event.position == 70 + i * 10);
        release_all(held[i], 2 + i);
        assert_result(drain(rigs[i].reader, &rigs[i].seen), ACAP_END);
        acap_reader_close(rigs[i].reader);
    }
    release_all(acquired, acquired_count);
    assert_int_equal(pool_stats(pool).in_use, 0);
    acap_pool_release(pool);
    acap_context_destroy(context);
}

static void what_was_acquired_from_its_own_pool_is_not_the_streams(void **state)
{
    rig r = make_rig(10, 20, ACAP_OVERFLOW_DROP_OLDEST);
    acap_pool *pool = acap_stream_get_pool(r.stream);
    const acap_buffer *acquired;

    (void)state;
    assert_ok(acap_pool_acquire(pool, &acquired));
    assert_int_equal(close_and_hear(r.context, r.stream).buffers, 0);
    acap_buffer_release(acquired);
    acap_pool_release(pool);
    finish_closed_rig(&r);
}

/* ---- the past ---- */

static void the_past_is_not_held(void **state)
{
    static const uint32_t taken[] = {0, 3, 12};
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    acap_reader_config past = ACAP_READER_CONFIG_INIT;

    (void)state;
    config.format = ACAP_FORMAT_S32;
    config.channel_count = 1;
    config.frames_per_buffer = 480;
    config.history_ns = 100 * NS_PER_MS;
    past.preroll_ns = 60 * NS_PER_MS;
    for (size_t i = 0; i < COUNT_OF(taken); i++) {
        rig r = {.context = make_context("push")};
        const acap_buffer *held[12];
        r.stream = open_config(r.context, &config);
        assert_ok(acap_stream_start(r.stream));
        push_counter(r.stream, 480 * 30);
        assert_ok(acap_reader_open(r.stream, &past, &r.reader));
        conservation_begin(&r.seen, r.reader);
        push_counter(r.stream, 480 * 7); /* six of the past, and these */
        borrow_some(&r, held, taken[i]);
        assert_int_equal(close_and_hear(r.context, r.stream).buffers, taken[i]);
        release_all(held, taken[i]);
        finish_closed_rig(&r);
    }
}

/* ---- while others borrow and release ---- */

static void *wait_for_the_end(void *argument)
{
    const acap_buffer *buffer;
    acap_result result;

    while ((result = acap_reader_borrow(argument, ACAP_WAIT_FOREVER, &buffer)) == ACAP_OK)
        acap_buffer_release(buffer);
    return result == ACAP_END ? argument : NULL;
}

static bool is_drained(void *argument)
{
    return pool_stats(argument).in_use == 0;
}

static void who_waits_at_the_close_holds_nothing(void **state)
{
    rig r = make_rig(10, 20, ACAP_OVERFLOW_DROP_OLDEST);
    acap_pool *pool = acap_stream_get_pool(r.stream);
    pthread_t thread;
    void *result;

    (void)state;
    push_counter(r.stream, 50);
    assert_int_equal(pthread_create(&thread, NULL, wait_for_the_end, r.reader), 0);
    assert_true(eventually(is_drained, pool));
    assert_int_equal(close_and_hear(r.context, r.stream).buffers, 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, r.reader);
    acap_pool_release(pool);
    acap_reader_close(r.reader);
    acap_context_destroy(r.context);
}

static void the_age_of_the_longest_held_buffer_is_known(void **state)
{
    rig r = make_rig(10, 20, ACAP_OVERFLOW_DROP_OLDEST);
    acap_pool *pool = acap_stream_get_pool(r.stream);

    (void)state;
    assert_int_equal(pool_stats(pool).oldest_held_ns, 0);
    const int64_t before_ns = acap_clock_ns();
    push_counter(r.stream, 20);
    const acap_buffer *older = borrow_now(r.reader, &r.seen);
    assert_true(eventually(is_old, pool));
    assert_true(pool_stats(pool).oldest_held_ns <= acap_clock_ns() - before_ns + COARSE_NS);
    acap_buffer_release(older);
    assert_true(is_old(pool)); /* the other one is queued, and as old */
    acap_buffer_release(borrow_now(r.reader, &r.seen));
    assert_int_equal(pool_stats(pool).oldest_held_ns, 0);
    const int64_t young_ns = acap_clock_ns();
    push_counter(r.stream, 10);
    const acap_buffer *younger = borrow_now(r.reader, &r.seen);
    assert_true(pool_stats(pool).oldest_held_ns <= acap_clock_ns() - young_ns + COARSE_NS);
    acap_buffer_release(younger);
    acap_pool_release(pool);
    finish_rig(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_still_held_at_the_close_is_reported),
        cmocka_unit_test(what_is_queued_is_not_held),
        cmocka_unit_test(the_report_says_how_many_since_when_where_and_when),
        cmocka_unit_test(in_virtual_time_the_report_has_the_streams_time),
        cmocka_unit_test(buffers_count_and_not_references),
        cmocka_unit_test(only_its_own_buffers_of_a_shared_pool_count),
        cmocka_unit_test(what_was_acquired_from_its_own_pool_is_not_the_streams),
        cmocka_unit_test(the_past_is_not_held),
        cmocka_unit_test(who_waits_at_the_close_holds_nothing),
        cmocka_unit_test(the_age_of_the_longest_held_buffer_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
