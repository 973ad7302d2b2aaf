/* SPDX-License-Identifier: MIT */
/* Owns: tests of a stream's history and of readers that begin in it.
 * Run by: CTest, in milliseconds.
 * Runs on: the public API; streams are fed by the test. */
#include "fixture.h"

#define BUFFER_NS (10 * NS_PER_MS) /* 480 frames at 48 kHz */

/* A rig with a history; its own reader has been there from the start. */
static rig make_history_rig(int64_t history_ns, uint32_t queue_buffers)
{
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    rig r;

    r.context = make_context("push");
    config.channel_count = 1;
    config.format = ACAP_FORMAT_S32;
    config.frames_per_buffer = 480;
    config.history_ns = history_ns;
    r.stream = open_config(r.context, &config);
    r.reader = open_queue(r.stream, queue_buffers, ACAP_OVERFLOW_DROP_NEWEST);
    conservation_begin(&r.seen, r.reader);
    assert_ok(acap_stream_start(r.stream));
    return r;
}

static acap_reader *open_past(acap_stream *stream, int64_t preroll_ns, conservation *seen)
{
    acap_reader_config config = ACAP_READER_CONFIG_INIT;
    acap_reader *reader = NULL;

    config.preroll_ns = preroll_ns;
    config.queue_buffers = 8;
    assert_ok(acap_reader_open(stream, &config, &reader));
    conservation_begin(seen, reader);
    return reader;
}

static void finish_past(rig *r, acap_reader *reader, conservation *seen)
{
    (void)drain(reader, seen);
    assert_conserved(conservation_at_rest(seen, r->stream, reader));
    acap_reader_close(reader);
}

static void a_reader_begins_as_far_back_as_it_asks(void **state)
{
    static const struct {
        int64_t preroll_ns;
        uint32_t buffers;
    } rows[] = {{0, 0}, {21000, 1}, {BUFFER_NS, 1}, {BUFFER_NS + 21000, 2}, {20 * BUFFER_NS, 20}, {50 * BUFFER_NS, 50}};
    rig r = make_history_rig(50 * BUFFER_NS, 300);

    (void)state;
    for (int i = 0; i < 200; i++)
        push_counter(r.stream, 480);
    push_counter(r.stream, 100); /* a buffer that is being filled */
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        conservation seen;
        acap_reader *reader = open_past(r.stream, rows[i].preroll_ns, &seen);
        assert_int_equal(seen.start_position, (200 - rows[i].buffers) * 480u);
        assert_int_equal(reader_stats(reader).queued_buffers, rows[i].buffers);
        assert_int_equal(reader_stats(reader).frames_queued, rows[i].buffers * 480u);
        assert_int_equal(reader_stats(reader).end_position, 200 * 480u);
        assert_result(drain(reader, &seen), ACAP_TIMED_OUT);
        assert_int_equal(seen.frames, rows[i].buffers * 480u);
        assert_int_equal(seen.gap_frames, 0);
        finish_past(&r, reader, &seen);
    }
    finish_rig(&r);
}

static void the_present_follows_the_past_without_a_seam(void **state)
{
    rig r = make_history_rig(30 * BUFFER_NS, 300);
    conservation seen;

    (void)state;
    for (int i = 0; i < 100; i++)
        push_counter(r.stream, 490); /* calls and buffers do not fall together */
    acap_reader *reader = open_past(r.stream, 10 * BUFFER_NS, &seen);
    for (int i = 0; i < 50; i++) {
        push_counter(r.stream, 490);
        if (i % 3 == 0)
            (void)drain(reader, &seen);
    }
    (void)drain(reader, &seen);
    assert_int_equal(seen.gap_frames, 0);
    assert_int_equal(seen.next_position, 150 * 490 / 480 * 480);
    finish_past(&r, reader, &seen);
    finish_rig(&r);
}

static void the_past_is_handed_on_without_a_copy(void **state)
{
    rig r = make_history_rig(10 * BUFFER_NS, 50);
    const acap_buffer *buffers[10];
    conservation seen;

    (void)state;
    for (int i = 0; i < 10; i++)
        push_counter(r.stream, 480);
    acap_reader *reader = open_past(r.stream, 10 * BUFFER_NS, &seen);
    assert_int_equal(stream_pool_stats(r.stream).in_use, 10);
    for (int i = 0; i < 10; i++) {
        buffers[i] = borrow_now(r.reader, &r.seen);
        assert_ptr_equal(borrow_now(reader, &seen), buffers[i]);
        assert_int_equal(acap_buffer_reference_count(buffers[i]), 3); /* two readers and the history */
        assert_null(acap_buffer_writable_data(buffers[i]));
    }
    for (int i = 0; i < 10; i++) {
        acap_buffer_release(buffers[i]);
        acap_buffer_release(buffers[i]);
    }
    assert_int_equal(stream_pool_stats(r.stream).in_use, 10); /* the past is kept */
    finish_past(&r, reader, &seen);
    finish_rig(&r);
}

static void there_is_no_more_past_than_there_was(void **state)
{
    rig r = make_history_rig(20 * BUFFER_NS, 300);
    conservation seen;

    (void)state;
    acap_reader *early = open_past(r.stream, 20 * BUFFER_NS, &seen); /* nothing has been captured yet */
    assert_int_equal(reader_stats(early).queued_buffers, 0);
    finish_past(&r, early, &seen);
    for (int i = 0; i < 7; i++)
        push_counter(r.stream, 480);
    acap_reader *young = open_past(r.stream, 20 * BUFFER_NS, &seen);
    assert_int_equal(seen.start_position, 0);
    finish_past(&r, young, &seen);
    for (int i = 0; i < 100; i++)
        push_counter(r.stream, 480);
    acap_reader *late = open_past(r.stream, 3600 * NS_PER_S, &seen);
    assert_true(seen.start_position <= (107 - 20) * 480 && seen.start_position >= (107 - 22) * 480);
    finish_past(&r, late, &seen);
    finish_rig(&r);
}

static void a_stream_without_a_history_has_no_past(void **state)
{
    rig r = make_history_rig(0, 50);
    conservation seen;

    (void)state;
    for (int i = 0; i < 10; i++)
        push_counter(r.stream, 480);
    acap_reader *reader = open_past(r.stream, NS_PER_S, &seen);
    assert_int_equal(seen.start_position, 4800);
    assert_result(drain(reader, &seen), ACAP_TIMED_OUT);
    finish_past(&r, reader, &seen);
    finish_rig(&r);
}

static void a_loss_in_the_past_is_the_readers_too(void **state)
{
    rig r = make_history_rig(20 * BUFFER_NS, 50);
    conservation seen;

    (void)state;
    push_counter(r.stream, 960);
    assert_ok(acap_stream_push(r.stream, NULL, 77, 0));
    push_counter(r.stream, 960);
    acap_reader *reader = open_past(r.stream, 10 * BUFFER_NS, &seen);
    assert_int_equal(seen.start_position, 0);
    assert_int_equal(reader_stats(reader).lost_stream, 77);
    assert_result(drain(reader, &seen), ACAP_TIMED_OUT);
    assert_int_equal(seen.frames, 1920);
    assert_int_equal(seen.gap_frames, 77);
    finish_past(&r, reader, &seen);
    finish_rig(&r);
}

static void the_past_survives_a_stop(void **state)
{
    rig r = make_history_rig(20 * BUFFER_NS, 50);
    conservation seen;

    (void)state;
    push_counter(r.stream, 1000);
    assert_ok(acap_stream_stop(r.stream));
    acap_reader *reader = open_past(r.stream, 5 * BUFFER_NS, &seen);
    assert_int_equal(seen.start_position, 0); /* two whole buffers and a partial one */
    assert_ok(acap_stream_start(r.stream));
    push_counter(r.stream, 480);
    assert_result(drain(reader, &seen), ACAP_TIMED_OUT);
    assert_int_equal(seen.frames, 1480);
    assert_int_equal(seen.partials, 1);
    finish_past(&r, reader, &seen);
    finish_rig(&r);
}

static void several_readers_share_the_past(void **state)
{
    rig r = make_history_rig(20 * BUFFER_NS, 50);
    acap_reader *readers[10];
    conservation seen[10];

    (void)state;
    for (int i = 0; i < 30; i++)
        push_counter(r.stream, 480);
    for (int i = 0; i < 10; i++)
        readers[i] = open_past(r.stream, (i + 1) * BUFFER_NS, &seen[i]);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(seen[i].start_position, (30 - i - 1) * 480);
        finish_past(&r, readers[i], &seen[i]);
    }
    finish_rig(&r);
}

static void a_reader_closed_in_its_past_gives_it_back(void **state)
{
    rig r = make_history_rig(20 * BUFFER_NS, 50);
    acap_pool *pool = acap_stream_get_pool(r.stream);
    conservation seen;

    (void)state;
    for (int i = 0; i < 30; i++)
        push_counter(r.stream, 480);
    acap_reader *reader = open_past(r.stream, 10 * BUFFER_NS, &seen);
    acap_buffer_release(borrow_now(reader, &seen));
    assert_conserved(conservation_of_reader(reader));
    acap_reader_close(reader);
    finish_rig(&r);
    assert_int_equal(pool_stats(pool).in_use, 0); /* a closed stream has no past */
    acap_pool_release(pool);
}

static void the_pool_has_room_for_the_past(void **state)
{
    acap_context *context = make_context("push");
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    acap_stream *stream = NULL;

    (void)state;
    config.history_ns = NS_PER_S;
    stream = open_config(context, &config);
    assert_true(stream_pool_stats(stream).capacity >= 100 + 2);
    assert_ok(acap_stream_start(stream));
    push_counter(stream, 300 * 480);
    assert_int_equal(stream_stats(stream).lost_pool, 0);
    assert_true(stream_pool_stats(stream).in_use >= 100 && stream_pool_stats(stream).in_use <= 102);
    acap_stream_close(stream);
    config.pool_buffers_max = 50;
    assert_result(acap_stream_open(context, &config, &stream), ACAP_ERROR_LIMIT);
    assert_null(stream);
    acap_context_destroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_begins_as_far_back_as_it_asks),
        cmocka_unit_test(the_present_follows_the_past_without_a_seam),
        cmocka_unit_test(the_past_is_handed_on_without_a_copy),
        cmocka_unit_test(there_is_no_more_past_than_there_was),
        cmocka_unit_test(a_stream_without_a_history_has_no_past),
        cmocka_unit_test(a_loss_in_the_past_is_the_readers_too),
        cmocka_unit_test(the_past_survives_a_stop),
        cmocka_unit_test(several_readers_share_the_past),
        cmocka_unit_test(a_reader_closed_in_its_past_gives_it_back),
        cmocka_unit_test(the_pool_has_room_for_the_past),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
