/* SPDX-License-Identifier: MIT */
/* Owns: tests of buffers in a user's hands: references, writing, header members, levels.
 * Run by: CTest, in milliseconds.
 * Runs on: the public API; streams are fed by the test. */
#include "fixture.h"

#include <math.h>
#include <string.h>

static void null_is_no_buffer(void **state)
{
    acap_levels levels = ACAP_LEVELS_INIT;

    (void)state;
    assert_null(acap_buffer_retain(NULL));
    acap_buffer_release(NULL);
    assert_int_equal(acap_buffer_reference_count(NULL), 0);
    assert_null(acap_buffer_writable_data(NULL));
    assert_result(acap_buffer_measure(NULL, &levels), ACAP_ERROR_INVALID_ARGUMENT);
}

static void references_are_counted(void **state)
{
    rig r = make_rig(10, 4, 0);

    (void)state;
    push_counter(r.stream, 10);
    const acap_buffer *buffer = borrow_now(r.reader, &r.seen);
    for (uint32_t count = 1; count < 1000; count++) {
        assert_int_equal(acap_buffer_reference_count(buffer), count);
        assert_ptr_equal(acap_buffer_retain(buffer), buffer);
    }
    for (uint32_t count = 1000; count > 0; count--) {
        assert_int_equal(acap_buffer_reference_count(buffer), count);
        assert_true(counter_holds(buffer));
        acap_buffer_release(buffer);
    }
    assert_int_equal(stream_pool_stats(r.stream).in_use, 0);
    finish_rig(&r);
}

static void only_the_only_holder_may_write(void **state)
{
    rig r = make_rig(10, 4, 0);
    acap_reader *other = open_queue(r.stream, 4, 0);
    conservation seen;

    (void)state;
    conservation_begin(&seen, other);
    push_counter(r.stream, 10);
    const acap_buffer *buffer = borrow_now(r.reader, &r.seen);
    assert_null(acap_buffer_writable_data(buffer)); /* it still waits for the other one */
    assert_ptr_equal(borrow_now(other, &seen), buffer);
    assert_null(acap_buffer_writable_data(buffer));
    acap_buffer_release(buffer);
    assert_ptr_equal(acap_buffer_writable_data(buffer), buffer->data);
    acap_buffer_release(buffer);
    assert_conserved(conservation_at_rest(&seen, r.stream, other));
    acap_reader_close(other);
    finish_rig(&r);
}

static void what_a_holder_wrote_does_not_come_back(void **state)
{
    rig r = make_rig(10, 4, 0);

    (void)state;
    for (int i = 0; i < 50; i++) {
        push_counter(r.stream, 10);
        const acap_buffer *buffer = borrow_now(r.reader, &r.seen); /* is the counter, each time */
        memset(acap_buffer_writable_data(buffer), 0x5a, buffer->size_bytes);
        acap_buffer_release(buffer);
    }
    finish_rig(&r);
}

static void a_release_too_many_is_refused_and_counted(void **state)
{
    rig r = make_rig(10, 4, 0);

    (void)state;
    push_counter(r.stream, 10);
    const acap_buffer *buffer = borrow_now(r.reader, &r.seen);
    acap_buffer_release(buffer);
    acap_buffer_release(buffer);
    assert_null(acap_buffer_retain(buffer));
    assert_int_equal(stream_pool_stats(r.stream).rejected_releases, 2);
    push_counter(r.stream, 40);
    assert_int_equal(stream_pool_stats(r.stream).in_use, 4);
    finish_rig(&r);
}

static void the_header_tells_what_the_stream_is(void **state)
{
    acap_context *context = make_context("push");
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    const acap_buffer *buffer = NULL;

    (void)state;
    config.sample_rate_hz = 96000;
    config.channel_count = 6;
    config.format = ACAP_FORMAT_S24;
    config.frames_per_buffer = 100;
    for (int planar = 0; planar < 2; planar++) {
        config.flags = planar ? ACAP_STREAM_PLANAR : 0;
        acap_stream *stream = open_config(context, &config);
        acap_reader *reader = open_queue(stream, 4, 0);
        assert_ok(acap_stream_start(stream));
        push_counter(stream, 150);
        assert_ok(acap_stream_stop(stream));
        for (uint32_t i = 0; i < 2; i++) {
            assert_ok(acap_reader_borrow(reader, 0, &buffer));
            assert_int_equal(buffer->struct_size, sizeof *buffer);
            assert_int_equal((uintptr_t)buffer->data % 64, 0);
            assert_int_equal(buffer->sample_rate_hz, 96000);
            assert_int_equal(buffer->channel_count, 6);
            assert_int_equal(buffer->format, ACAP_FORMAT_S24);
            assert_int_equal(buffer->frame_count, i == 0 ? 100 : 50);
            assert_int_equal(buffer->flags, i == 0 ? 0 : ACAP_BUFFER_PARTIAL);
            assert_int_equal(buffer->plane_stride_bytes, planar ? 320 : 0); /* 300 bytes, up to a cache line */
            assert_int_equal(buffer->size_bytes, planar ? 6 * 320 : 18 * buffer->frame_count);
            assert_true(buffer->time_error_ns == INT64_MAX);
            assert_true(counter_holds(buffer));
            acap_buffer_release(buffer);
        }
        assert_conserved(conservation_of_stream(stream));
        assert_conserved(conservation_of_reader(reader));
        acap_reader_close(reader);
        acap_stream_close(stream);
    }
    acap_context_destroy(context);
}

static void push_floats(acap_stream *stream, const float *frames, uint32_t frame_count)
{
    assert_ok(acap_stream_push(stream, frames, frame_count, 0));
}

static void silence_is_flagged_where_it_is_silence(void **state)
{
    acap_context *context = make_context("push");
    acap_stream *stream = open_stream(context, "push:", ACAP_FORMAT_F32, 2, 100);
    acap_reader *reader = open_queue(stream, 16, 0);
    float frames[200] = {0};
    const acap_buffer *buffer = NULL;

    (void)state;
    assert_ok(acap_stream_start(stream));
    push_floats(stream, frames, 100);
    assert_ok(acap_reader_borrow(reader, 0, &buffer));
    assert_int_equal(buffer->flags, ACAP_BUFFER_SILENT);
    acap_buffer_release(buffer);
    for (uint32_t i = 0; i < 200; i += 33) { /* one sample, wherever it lies, is a sound */
        frames[i] = 1e-30f;
        push_floats(stream, frames, 100);
        frames[i] = 0;
        assert_ok(acap_reader_borrow(reader, 0, &buffer));
        assert_int_equal(buffer->flags, 0);
        acap_buffer_release(buffer);
    }
    push_floats(stream, frames, 20); /* silence after a loss is both */
    assert_ok(acap_stream_push(stream, NULL, 1, 0));
    push_floats(stream, frames, 100);
    assert_ok(acap_reader_borrow(reader, 0, &buffer));
    assert_int_equal(buffer->flags, ACAP_BUFFER_SILENT | ACAP_BUFFER_PARTIAL);
    acap_buffer_release(buffer);
    assert_ok(acap_reader_borrow(reader, 0, &buffer));
    assert_int_equal(buffer->flags, ACAP_BUFFER_SILENT | ACAP_BUFFER_GAP);
    acap_buffer_release(buffer);
    close_conserved(context, stream, reader);
}

static void levels_are_measured(void **state)
{
    acap_context *context = make_context("push");
    acap_stream *stream = open_stream(context, "push:", ACAP_FORMAT_F32, 2, 4);
    acap_reader *reader = open_queue(stream, 4, 0);
    const float frames[8] = {0.5f, 0, -0.5f, 0, 0.5f, 1.0f, -0.5f, 0};
    float peak[3] = {9, 9, 9};
    float rms[3] = {9, 9, 9};
    acap_levels levels = ACAP_LEVELS_INIT;
    const acap_buffer *buffer = NULL;

    (void)state;
    assert_ok(acap_stream_start(stream));
    push_floats(stream, frames, 4);
    assert_ok(acap_reader_borrow(reader, 0, &buffer));
    assert_ok(acap_buffer_measure(buffer, &levels)); /* no arrays: only the counts */
    assert_int_equal(levels.clipped, 1);
    assert_int_equal(levels.zeros, 3);
    levels.peak = peak;
    levels.rms = rms;
    assert_result(acap_buffer_measure(buffer, &levels), ACAP_ERROR_INVALID_ARGUMENT); /* no room for two */
    levels.channel_count = 3;
    assert_ok(acap_buffer_measure(buffer, &levels));
    assert_true(peak[0] == 0.5f && peak[1] == 1.0f && peak[2] == 0.0f);
    assert_true(fabsf(rms[0] - 0.5f) < 1e-6f && fabsf(rms[1] - 0.5f) < 1e-6f && rms[2] == 0.0f);
    assert_result(acap_buffer_measure(buffer, NULL), ACAP_ERROR_INVALID_ARGUMENT);
    levels.struct_size = 8;
    assert_result(acap_buffer_measure(buffer, &levels), ACAP_ERROR_ABI_MISMATCH);
    acap_buffer_release(buffer);
    close_conserved(context, stream, reader);
}

static void a_buffer_without_a_format_cannot_be_measured(void **state)
{
    acap_pool_config config = ACAP_POOL_CONFIG_INIT;
    acap_levels levels = ACAP_LEVELS_INIT;
    acap_pool *pool = NULL;
    const acap_buffer *buffer = NULL;

    (void)state;
    config.buffer_size_bytes = 16;
    assert_ok(acap_pool_create(&config, &pool));
    assert_ok(acap_pool_acquire(pool, &buffer));
    assert_result(acap_buffer_measure(buffer, &levels), ACAP_ERROR_INVALID_ARGUMENT);
    acap_buffer_release(buffer);
    acap_pool_release(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_is_no_buffer),
        cmocka_unit_test(references_are_counted),
        cmocka_unit_test(only_the_only_holder_may_write),
        cmocka_unit_test(what_a_holder_wrote_does_not_come_back),
        cmocka_unit_test(a_release_too_many_is_refused_and_counted),
        cmocka_unit_test(the_header_tells_what_the_stream_is),
        cmocka_unit_test(silence_is_flagged_where_it_is_silence),
        cmocka_unit_test(levels_are_measured),
        cmocka_unit_test(a_buffer_without_a_format_cannot_be_measured),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
