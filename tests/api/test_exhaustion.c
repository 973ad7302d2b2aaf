/* SPDX-License-Identifier: MIT */
/* Owns: tests of a stream without a free buffer: what is lost, where, how it is shown, and who is spared.
 * Run by: CTest, in milliseconds.
 * Runs on: the public API; streams are fed by the test. */
#include "fixture.h"

/* A stream of S32 mono in buffers of 100 frames, from a pool of four: one queued and one held by its reader, and two more. */
static rig make_tight_rig(acap_pool *pool)
{
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    rig r;

    r.context = make_context("push");
    config.channel_count = 1;
    config.format = ACAP_FORMAT_S32;
    config.frames_per_buffer = 100;
    config.pool = pool;
    config.pool_buffers_max = pool == NULL ? 4 : 0;
    r.stream = open_config(r.context, &config);
    r.reader = open_queue(r.stream, 1, ACAP_OVERFLOW_DROP_OLDEST);
    conservation_begin(&r.seen, r.reader);
    assert_ok(acap_stream_start(r.stream));
    return r;
}

static void frames_without_a_buffer_are_lost_where_they_were(void **state)
{
    rig r = make_tight_rig(NULL);
    const acap_buffer *held[4];

    (void)state;
    for (int i = 0; i < 4; i++) {
        push_counter(r.stream, 100);
        held[i] = borrow_now(r.reader, &r.seen);
    }
    assert_int_equal(stream_pool_stats(r.stream).free_buffers, 0);
    push_counter(r.stream, 250);
    assert_int_equal(stream_stats(r.stream).position, 650);
    assert_int_equal(stream_stats(r.stream).lost_pool, 250);
    assert_int_equal(stream_stats(r.stream).lost_host, 0);
    assert_int_equal(stream_stats(r.stream).frames_pending, 0);
    assert_int_equal(stream_pool_stats(r.stream).exhausted, 3); /* two whole buffers and a half */
    acap_buffer_release(held[0]);
    push_counter(r.stream, 100);
    const acap_buffer *after = borrow_now(r.reader, &r.seen);
    assert_int_equal(after->position, 650);
    assert_int_equal(after->lost_before, 250);
    assert_int_equal(after->flags, ACAP_BUFFER_GAP);
    assert_int_equal(after->frame_count, 100);
    acap_buffer_release(after);
    for (int i = 1; i < 4; i++) {
        assert_true(counter_holds(held[i])); /* nothing was written over what somebody holds */
        acap_buffer_release(held[i]);
    }
    finish_rig(&r);
    assert_int_equal(r.seen.gap_frames, 250);
}

static void a_buffer_given_back_in_the_middle_is_used_from_the_next_slice_on(void **state)
{
    rig r = make_tight_rig(NULL);
    const acap_buffer *held[4];

    (void)state;
    for (int i = 0; i < 4; i++) {
        push_counter(r.stream, 100);
        held[i] = borrow_now(r.reader, &r.seen);
    }
    push_counter(r.stream, 30);
    acap_buffer_release(held[3]);
    push_counter(r.stream, 100); /* begins at once, at 430, and is full at 530 */
    held[3] = borrow_now(r.reader, &r.seen);
    assert_int_equal(held[3]->position, 430);
    assert_int_equal(held[3]->lost_before, 30);
    assert_int_equal(held[3]->frame_count, 100);
    for (int i = 0; i < 4; i++)
        acap_buffer_release(held[i]);
    finish_rig(&r);
}

static void a_loss_by_the_host_and_one_for_want_of_a_buffer_are_told_apart(void **state)
{
    rig r = make_tight_rig(NULL);
    const acap_buffer *held[4];

    (void)state;
    for (int i = 0; i < 4; i++) {
        push_counter(r.stream, 100);
        held[i] = borrow_now(r.reader, &r.seen);
    }
    push_counter(r.stream, 10);
    assert_ok(acap_stream_push(r.stream, NULL, 5, 0));
    assert_int_equal(stream_stats(r.stream).lost_pool, 10);
    assert_int_equal(stream_stats(r.stream).lost_host, 5);
    acap_buffer_release(held[1]);
    push_counter(r.stream, 100);
    held[1] = borrow_now(r.reader, &r.seen);
    assert_int_equal(held[1]->lost_before, 15);
    for (int i = 0; i < 4; i++)
        acap_buffer_release(held[i]);
    finish_rig(&r);
}

static void a_pool_with_room_grows_on_the_consumers_thread_and_loses_nothing(void **state)
{
    rig r = make_rig(10, 4, ACAP_OVERFLOW_DROP_OLDEST);
    const acap_buffer *held[500];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(held); i++) { /* many more than it said it would hold */
        push_counter(r.stream, 10);
        held[i] = borrow_now(r.reader, &r.seen);
    }
    const acap_pool_stats stats = stream_pool_stats(r.stream);
    assert_int_equal(stats.exhausted, 0);
    assert_true(stats.hit_rate == 1.0);
    assert_true(stats.grown > 0);
    assert_true(stats.capacity > 500);
    for (size_t i = 0; i < COUNT_OF(held); i++) {
        assert_true(counter_holds(held[i]));
        acap_buffer_release(held[i]);
    }
    finish_rig(&r);
}

static void a_reader_that_the_pool_cannot_serve_is_refused_and_costs_nothing(void **state)
{
    acap_context *context = make_context("push");
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    acap_reader_config reader_config = ACAP_READER_CONFIG_INIT;
    acap_reader *reader = (acap_reader *)context;

    (void)state;
    config.pool_buffers_max = 10;
    acap_stream *stream = open_config(context, &config);
    reader_config.queue_buffers = 4;
    reader_config.hold_buffers = 5; /* 4 + 5 + 2 > 10 */
    assert_result(acap_reader_open(stream, &reader_config, &reader), ACAP_ERROR_LIMIT);
    assert_null(reader);
    assert_int_equal(stream_pool_stats(stream).capacity, 2);
    reader_config.hold_buffers = 4;
    assert_ok(acap_reader_open(stream, &reader_config, &reader));
    assert_int_equal(stream_pool_stats(stream).capacity, 10);
    acap_reader *second = NULL;
    reader_config.queue_buffers = 1;
    reader_config.hold_buffers = 1;
    assert_result(acap_reader_open(stream, &reader_config, &second), ACAP_ERROR_LIMIT);
    acap_reader_close(reader);
    assert_ok(acap_reader_open(stream, &reader_config, &second)); /* its room is free again */
    acap_reader_close(second);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

static void the_smallest_pool_of_a_stream_is_its_minimum(void **state)
{
    acap_context *context = make_context("push");
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;

    (void)state;
    config.pool_buffers_min = 77;
    config.pool_buffers_max = 77;
    acap_stream *stream = open_config(context, &config);
    const acap_pool_stats stats = stream_pool_stats(stream);
    assert_int_equal(stats.capacity, 77);
    assert_int_equal(stats.buffers_min, 77);
    assert_int_equal(stats.buffers_max, 77);
    assert_int_equal(stats.grown, 0);
    assert_true(stats.memory_bytes >= 77 * 480 * 2 * 4);
    acap_stream_close(stream);
    config.pool_buffers_min = 1;
    config.pool_buffers_max = 1;
    stream = open_config(context, &config);
    assert_int_equal(stream_pool_stats(stream).capacity, 1);
    acap_reader *reader = NULL;
    assert_result(acap_reader_open(stream, NULL, &reader), ACAP_ERROR_LIMIT);
    assert_ok(acap_stream_start(stream)); /* nobody listens: it captures all the same */
    push_counter(stream, 4800);
    assert_int_equal(stream_stats(stream).frames_captured, 4800);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

static void shared_pools_have_no_isolation_and_say_so_in_figures(void **state)
{
    acap_pool_config pool_config = ACAP_POOL_CONFIG_INIT;
    acap_pool *pool = NULL;
    const acap_buffer *held[4];

    (void)state;
    pool_config.buffer_size_bytes = 400;
    pool_config.buffers_min = 4;
    pool_config.buffers_max = 4;
    assert_ok(acap_pool_create(&pool_config, &pool));
    rig greedy = make_tight_rig(pool);
    rig other = make_tight_rig(pool);
    for (int i = 0; i < 4; i++) {
        push_counter(greedy.stream, 100);
        held[i] = borrow_now(greedy.reader, &greedy.seen);
    }
    push_counter(other.stream, 130);
    assert_int_equal(stream_stats(other.stream).lost_pool, 130);
    assert_int_equal(stream_stats(greedy.stream).lost_pool, 0); /* each stream keeps its own account */
    assert_int_equal(pool_stats(pool).exhausted, 2);
    for (int i = 0; i < 4; i++)
        acap_buffer_release(held[i]);
    push_counter(other.stream, 100);
    assert_int_equal(other.seen.frames, 0);
    finish_rig(&greedy);
    finish_rig(&other);
    assert_int_equal(other.seen.frames, 100);
    assert_int_equal(pool_stats(pool).in_use, 0);
    acap_pool_release(pool);
}

static void two_streams_share_a_pool_and_keep_their_data_apart(void **state)
{
    acap_pool_config pool_config = ACAP_POOL_CONFIG_INIT;
    acap_pool *pool = NULL;

    (void)state;
    pool_config.buffer_size_bytes = 1000; /* larger than either needs */
    pool_config.buffers_min = 16;
    assert_ok(acap_pool_create(&pool_config, &pool));
    rig first = make_tight_rig(pool);
    rig second = make_tight_rig(pool);
    assert_ok(acap_stream_push(second.stream, NULL, 12345, 0));
    for (int i = 0; i < 50; i++) {
        push_counter(first.stream, 70);
        push_counter(second.stream, 110);
        assert_result(drain(first.reader, &first.seen), ACAP_TIMED_OUT); /* drain holds the data against the position */
        assert_result(drain(second.reader, &second.seen), ACAP_TIMED_OUT);
    }
    acap_pool *of_stream = acap_stream_get_pool(first.stream);
    assert_ptr_equal(of_stream, pool);
    acap_pool_release(of_stream);
    acap_pool_release(pool); /* the streams keep it */
    const uint64_t reader_lost = reader_stats(second.reader).lost_queue;
    finish_rig(&first);
    finish_rig(&second);
    assert_int_equal(first.seen.frames, 3500);
    assert_int_equal(second.seen.frames + reader_lost, 5500);
}

static void a_shared_pool_with_small_buffers_is_refused(void **state)
{
    acap_context *context = make_context("push");
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    acap_pool_config pool_config = ACAP_POOL_CONFIG_INIT;
    acap_stream *stream = NULL;
    acap_pool *pool = NULL;

    (void)state;
    config.frames_per_buffer = 100;
    config.channel_count = 3;
    config.format = ACAP_FORMAT_S24;
    pool_config.buffer_size_bytes = 899;
    assert_ok(acap_pool_create(&pool_config, &pool));
    config.pool = pool;
    assert_result(acap_stream_open(context, &config, &stream), ACAP_ERROR_LIMIT);
    assert_null(stream);
    acap_pool_release(pool);
    pool_config.buffer_size_bytes = 900;
    assert_ok(acap_pool_create(&pool_config, &pool));
    config.pool = pool;
    acap_stream_close(open_config(context, &config));
    config.flags = ACAP_STREAM_PLANAR; /* each plane begins on a cache line: 320 bytes */
    assert_result(acap_stream_open(context, &config, &stream), ACAP_ERROR_LIMIT);
    acap_pool_release(pool);
    acap_context_destroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_without_a_buffer_are_lost_where_they_were),
        cmocka_unit_test(a_buffer_given_back_in_the_middle_is_used_from_the_next_slice_on),
        cmocka_unit_test(a_loss_by_the_host_and_one_for_want_of_a_buffer_are_told_apart),
        cmocka_unit_test(a_pool_with_room_grows_on_the_consumers_thread_and_loses_nothing),
        cmocka_unit_test(a_reader_that_the_pool_cannot_serve_is_refused_and_costs_nothing),
        cmocka_unit_test(the_smallest_pool_of_a_stream_is_its_minimum),
        cmocka_unit_test(shared_pools_have_no_isolation_and_say_so_in_figures),
        cmocka_unit_test(two_streams_share_a_pool_and_keep_their_data_apart),
        cmocka_unit_test(a_shared_pool_with_small_buffers_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
