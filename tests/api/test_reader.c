/* SPDX-License-Identifier: MIT */
/* Owns: tests of opening and closing readers, of what they are given, and of their figures.
 * Run by: CTest, well below a second.
 * Runs on: the public API; streams are fed by the test. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

static void every_function_refuses_null(void **state)
{
    rig r = make_rig(10, 4, 0);
    acap_reader *reader = r.reader;
    acap_reader_stats stats = ACAP_READER_STATS_INIT;
    const acap_buffer *buffer = (const acap_buffer *)&stats;
    intptr_t handle = 0;

    (void)state;
    assert_result(acap_reader_open(NULL, NULL, &reader), ACAP_ERROR_INVALID_ARGUMENT);
    assert_null(reader);
    assert_result(acap_reader_open(r.stream, NULL, NULL), ACAP_ERROR_INVALID_ARGUMENT);
    assert_result(acap_reader_borrow(NULL, 0, &buffer), ACAP_ERROR_INVALID_ARGUMENT);
    assert_null(buffer);
    assert_result(acap_reader_borrow(r.reader, 0, NULL), ACAP_ERROR_INVALID_ARGUMENT);
    assert_int_equal(acap_reader_interrupt(NULL), ACAP_ERROR_INVALID_ARGUMENT);
    assert_int_equal(acap_reader_end(NULL), ACAP_ERROR_INVALID_ARGUMENT);
    assert_result(acap_reader_get_wait_handle(NULL, &handle), ACAP_ERROR_INVALID_ARGUMENT);
    assert_int_equal(handle, -1);
    assert_result(acap_reader_get_wait_handle(r.reader, NULL), ACAP_ERROR_INVALID_ARGUMENT);
    assert_result(acap_reader_get_stats(NULL, &stats), ACAP_ERROR_INVALID_ARGUMENT);
    assert_result(acap_reader_get_stats(r.reader, NULL), ACAP_ERROR_INVALID_ARGUMENT);
    stats.struct_size = 0;
    assert_result(acap_reader_get_stats(r.reader, &stats), ACAP_ERROR_ABI_MISMATCH);
    acap_reader_close(NULL);
    finish_rig(&r);
}

#define REFUSES(expected, member, value)                                     \
    do {                                                                     \
        acap_reader_config config_ = ACAP_READER_CONFIG_INIT;                \
        acap_reader *reader_ = r.reader;                                     \
        config_.member = (value);                                            \
        assert_result(acap_reader_open(r.stream, &config_, &reader_), (expected)); \
        assert_null(reader_);                                                \
    } while (0)

static void absurd_configurations_are_refused(void **state)
{
    rig r = make_rig(480, 4, 0);

    (void)state;
    REFUSES(ACAP_ERROR_INVALID_ARGUMENT, flags, 1);
    REFUSES(ACAP_ERROR_INVALID_ARGUMENT, overflow, 2);
    REFUSES(ACAP_ERROR_INVALID_ARGUMENT, overflow, UINT32_MAX);
    REFUSES(ACAP_ERROR_INVALID_ARGUMENT, preroll_ns, -1);
    REFUSES(ACAP_ERROR_INVALID_ARGUMENT, preroll_ns, INT64_MIN);
    REFUSES(ACAP_ERROR_LIMIT, queue_buffers, ACAP_MAX_QUEUE_BUFFERS + 1);
    REFUSES(ACAP_ERROR_LIMIT, queue_buffers, UINT32_MAX);
    REFUSES(ACAP_ERROR_LIMIT, hold_buffers, ACAP_MAX_QUEUE_BUFFERS + 1);
    REFUSES(ACAP_ERROR_LIMIT, wake_buffers, ACAP_MAX_QUEUE_BUFFERS + 1);
    REFUSES(ACAP_ERROR_LIMIT, wake_buffers, UINT32_MAX);
    REFUSES(ACAP_ERROR_ABI_MISMATCH, struct_size, sizeof(acap_reader_config) - 1);
    REFUSES(ACAP_ERROR_ABI_MISMATCH, struct_size, 0);
    finish_rig(&r);
}

static void a_threshold_that_is_never_reached_is_refused(void **state)
{
    rig r = make_rig(480, 4, 0);
    acap_reader_config config = ACAP_READER_CONFIG_INIT;
    acap_reader *reader = NULL;

    (void)state;
    config.queue_buffers = 8;
    config.wake_buffers = 9;
    assert_result(acap_reader_open(r.stream, &config, &reader), ACAP_ERROR_INVALID_ARGUMENT);
    config.wake_buffers = UINT32_MAX;
    assert_result(acap_reader_open(r.stream, &config, &reader), ACAP_ERROR_INVALID_ARGUMENT);
    config.wake_buffers = 8;
    assert_ok(acap_reader_open(r.stream, &config, &reader));
    acap_reader_close(reader);
    config.queue_buffers = 0; /* the default of 50 buffers grows with it */
    config.wake_buffers = 200;
    assert_ok(acap_reader_open(r.stream, &config, &reader));
    acap_reader_close(reader);
    finish_rig(&r);
}

static void the_default_queue_holds_half_a_second(void **state)
{
    rig r = make_rig(480, 4, 0);
    acap_reader *reader = open_reader(r.stream);

    (void)state;
    for (int i = 0; i < 200; i++)
        push_counter(r.stream, 480);
    assert_int_equal(reader_stats(reader).queued_buffers, 50);
    assert_int_equal(reader_stats(reader).queued_buffers_peak, 50);
    assert_int_equal(reader_stats(reader).lost_queue, 150 * 480);
    acap_reader_close(reader);
    finish_rig(&r);
}

static void a_name_of_any_length_is_copied(void **state)
{
    rig r = make_rig(480, 4, 0);
    acap_reader_config config = ACAP_READER_CONFIG_INIT;
    acap_reader *reader = NULL;
    char *name = malloc(10000);

    (void)state;
    assert_non_null(name);
    memset(name, 'n', 9999);
    name[9999] = '\0';
    config.name = name;
    assert_ok(acap_reader_open(r.stream, &config, &reader));
    free(name);
    push_counter(r.stream, 480);
    assert_int_equal(reader_stats(reader).queued_buffers, 1);
    acap_reader_close(reader);
    finish_rig(&r);
}

static void sixty_four_readers_share_one_buffer_and_the_sixty_fifth_is_refused(void **state)
{
    rig r = make_rig(10, 4, ACAP_OVERFLOW_DROP_OLDEST);
    acap_reader *readers[ACAP_MAX_READERS] = {r.reader};
    conservation seen[ACAP_MAX_READERS];
    const acap_buffer *buffers[ACAP_MAX_READERS];
    acap_reader *one_more = r.reader;

    (void)state;
    for (uint32_t i = 1; i < ACAP_MAX_READERS; i++) {
        readers[i] = open_queue(r.stream, 4, i % 2 ? ACAP_OVERFLOW_DROP_NEWEST : ACAP_OVERFLOW_DROP_OLDEST);
        conservation_begin(&seen[i], readers[i]);
    }
    assert_result(acap_reader_open(r.stream, NULL, &one_more), ACAP_ERROR_LIMIT);
    assert_null(one_more);
    push_counter(r.stream, 10);
    assert_int_equal(stream_pool_stats(r.stream).in_use, 1); /* by pointer, not by copy */
    for (uint32_t i = 0; i < ACAP_MAX_READERS; i++) {
        buffers[i] = borrow_now(readers[i], i == 0 ? &r.seen : &seen[i]);
        assert_ptr_equal(buffers[i], buffers[0]);
    }
    assert_int_equal(acap_buffer_reference_count(buffers[0]), ACAP_MAX_READERS);
    for (uint32_t i = 0; i < ACAP_MAX_READERS; i++)
        acap_buffer_release(buffers[i]);
    assert_int_equal(stream_pool_stats(r.stream).in_use, 0);
    acap_reader_close(readers[40]); /* its place can be taken */
    readers[40] = open_queue(r.stream, 4, 0);
    assert_result(acap_reader_open(r.stream, NULL, &one_more), ACAP_ERROR_LIMIT);
    conservation_begin(&seen[40], readers[40]);
    push_counter(r.stream, 15);
    assert_ok(acap_stream_stop(r.stream));
    for (uint32_t i = 1; i < ACAP_MAX_READERS; i++) {
        assert_result(drain(readers[i], &seen[i]), ACAP_END);
        assert_conserved(conservation_at_rest(&seen[i], r.stream, readers[i]));
        acap_reader_close(readers[i]);
    }
    finish_rig(&r);
}

static void a_reader_begins_with_the_buffer_that_is_being_filled(void **state)
{
    rig r = make_rig(100, 8, ACAP_OVERFLOW_DROP_OLDEST);
    conservation seen;

    (void)state;
    push_counter(r.stream, 250);
    acap_reader *late = open_queue(r.stream, 8, ACAP_OVERFLOW_DROP_OLDEST);
    conservation_begin(&seen, late);
    assert_int_equal(seen.start_position, 200);
    assert_int_equal(reader_stats(late).end_position, 200);
    push_counter(r.stream, 100);
    assert_int_equal(reader_stats(late).start_position, 200);
    const acap_buffer *buffer = borrow_now(late, &seen);
    assert_int_equal(buffer->position, 200);
    assert_int_equal(buffer->frame_count, 100);
    acap_buffer_release(buffer);
    assert_ok(acap_stream_stop(r.stream));
    assert_result(drain(late, &seen), ACAP_END);
    assert_int_equal(seen.frames, 150);
    assert_conserved(conservation_at_rest(&seen, r.stream, late));
    acap_reader_close(late);
    finish_rig(&r);
}

static void a_loss_before_a_reader_came_is_not_its_own(void **state)
{
    rig r = make_rig(100, 8, ACAP_OVERFLOW_DROP_OLDEST);
    conservation seen;

    (void)state;
    push_counter(r.stream, 100);
    assert_ok(acap_stream_push(r.stream, NULL, 40, 0));
    acap_reader *late = open_queue(r.stream, 8, ACAP_OVERFLOW_DROP_OLDEST);
    conservation_begin(&seen, late);
    assert_ok(acap_stream_push(r.stream, NULL, 2, 0));
    push_counter(r.stream, 100);
    const acap_buffer *buffer = borrow_now(late, &seen);
    assert_int_equal(buffer->lost_before, 42); /* speaks of the stream */
    assert_int_equal(buffer->position, 142);
    acap_buffer_release(buffer);
    assert_int_equal(reader_stats(late).lost_stream, 2); /* speaks of this reader */
    assert_int_equal(reader_stats(late).start_position, 140);
    assert_conserved(conservation_at_rest(&seen, r.stream, late));
    acap_reader_close(late);
    finish_rig(&r);
}

static void a_reader_opened_between_two_runs_gets_the_second(void **state)
{
    rig r = make_rig(100, 8, ACAP_OVERFLOW_DROP_OLDEST);
    conservation seen;

    (void)state;
    push_counter(r.stream, 130);
    assert_ok(acap_stream_stop(r.stream));
    acap_reader *late = open_queue(r.stream, 8, ACAP_OVERFLOW_DROP_OLDEST);
    conservation_begin(&seen, late);
    assert_int_equal(seen.start_position, 130);
    assert_ok(acap_stream_start(r.stream));
    push_counter(r.stream, 100);
    assert_ok(acap_stream_stop(r.stream));
    assert_result(drain(late, &seen), ACAP_END);
    assert_int_equal(seen.frames, 100);
    assert_conserved(conservation_at_rest(&seen, r.stream, late));
    acap_reader_close(late);
    finish_rig(&r);
}

static void figures_hold_at_every_step(void **state)
{
    rig r = make_rig(10, 4, ACAP_OVERFLOW_DROP_OLDEST);
    uint64_t random = random_seed("figures_hold_at_every_step");
    const acap_buffer *buffer;

    (void)state;
    for (int step = 0; step < 2000; step++) {
        const uint64_t choice = next_random(&random);
        if (choice % 8 == 0) {
            assert_ok(acap_stream_push(r.stream, NULL, choice >> 8 & 15, 0));
        } else if (choice % 2 == 0) {
            push_counter(r.stream, (uint32_t)(choice >> 8 & 31));
        } else if (acap_reader_borrow(r.reader, 0, &buffer) == ACAP_OK) {
            assert_true(counter_holds(buffer));
            conservation_add(&r.seen, buffer);
            acap_buffer_release(buffer);
        }
        const acap_reader_stats stats = reader_stats(r.reader);
        assert_conserved(conservation_of_stream(r.stream));
        assert_conserved(conservation_at_rest(&r.seen, r.stream, r.reader));
        assert_true(stats.queued_buffers <= 4 && stats.queued_buffers <= stats.queued_buffers_peak);
        assert_true(stats.frames_queued <= UINT64_C(10) * stats.queued_buffers);
        assert_true(stats.frames_queued >= stats.queued_buffers);
    }
    assert_true(reader_stats(r.reader).lost_queue > 0);
    finish_rig(&r);
}

static void latencies_are_those_from_capture_to_borrow(void **state)
{
    rig r = make_rig(1, 128, ACAP_OVERFLOW_DROP_OLDEST);
    const int64_t late_ns = 500 * NS_PER_MS;
    uint32_t frame;

    (void)state;
    assert_int_equal(reader_stats(r.reader).latency_ns_max, 0);
    for (uint32_t i = 0; i < 100; i++) {
        counter_fill(&frame, ACAP_FORMAT_S32, 1, i, 1);
        assert_ok(acap_stream_push(r.stream, &frame, 1, acap_clock_ns() - (i < 90 ? 2 * late_ns : late_ns)));
    }
    assert_result(drain(r.reader, &r.seen), ACAP_TIMED_OUT);
    const acap_reader_stats stats = reader_stats(r.reader);
    assert_true(stats.latency_ns_p50 >= 2 * late_ns * 93 / 100);
    assert_true(stats.latency_ns_p99 >= stats.latency_ns_p50);
    assert_true(stats.latency_ns_max >= 2 * late_ns);
    assert_true(stats.latency_ns_max < 2 * late_ns + 60 * NS_PER_S);
    assert_true(stats.latency_ns_p99 <= stats.latency_ns_max);
    finish_rig(&r);
}

/* Late without ever finding the queue empty: each borrow counts with its own latency. */
static void a_late_consumer_is_measured_without_a_wait(void **state)
{
    rig r = make_rig(1, 128, ACAP_OVERFLOW_DROP_OLDEST);
    const int64_t late_ns = 5 * NS_PER_MS;
    const acap_buffer *buffer;

    (void)state;
    for (uint32_t i = 0; i < 11; i++) {
        push_counter(r.stream, 1);
        const int64_t captured_ns = acap_clock_ns();
        while (i != 0 && acap_clock_ns() < captured_ns + late_ns)
            ;
        assert_ok(acap_reader_borrow(r.reader, 0, &buffer));
        conservation_add(&r.seen, buffer);
        acap_buffer_release(buffer);
    }
    assert_true(reader_stats(r.reader).latency_ns_p50 >= late_ns * 93 / 100);
    finish_rig(&r);
}

static void a_closed_reader_gives_back_what_was_queued(void **state)
{
    rig r = make_rig(10, 4, ACAP_OVERFLOW_DROP_OLDEST);
    acap_reader *other = open_queue(r.stream, 8, ACAP_OVERFLOW_DROP_OLDEST);
    conservation seen;

    (void)state;
    conservation_begin(&seen, other);
    push_counter(r.stream, 80);
    assert_int_equal(stream_pool_stats(r.stream).in_use, 8);
    const acap_buffer *held = borrow_now(other, &seen);
    acap_reader_close(other);
    assert_int_equal(stream_pool_stats(r.stream).in_use, 5);
    assert_true(counter_holds(held)); /* what was borrowed stays valid */
    acap_buffer_release(held);
    assert_int_equal(stream_pool_stats(r.stream).in_use, 4);
    finish_rig(&r);
}

static void the_pool_has_room_for_every_queue_and_everything_held(void **state)
{
    rig r = make_rig(10, 4, ACAP_OVERFLOW_DROP_OLDEST);
    acap_reader_config config = ACAP_READER_CONFIG_INIT;
    acap_reader *reader = NULL;

    (void)state;
    assert_true(stream_pool_stats(r.stream).capacity >= 4 + 4 + 2);
    config.queue_buffers = 20;
    config.hold_buffers = 30;
    assert_ok(acap_reader_open(r.stream, &config, &reader));
    const uint32_t capacity = stream_pool_stats(r.stream).capacity;
    assert_true(capacity >= 8 + 50 + 2);
    acap_reader_close(reader);
    for (int i = 0; i < 50; i++) { /* what a closed reader had reserved serves the next one */
        assert_ok(acap_reader_open(r.stream, &config, &reader));
        acap_reader_close(reader);
    }
    assert_int_equal(stream_pool_stats(r.stream).capacity, capacity);
    finish_rig(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_function_refuses_null),
        cmocka_unit_test(absurd_configurations_are_refused),
        cmocka_unit_test(a_threshold_that_is_never_reached_is_refused),
        cmocka_unit_test(the_default_queue_holds_half_a_second),
        cmocka_unit_test(a_name_of_any_length_is_copied),
        cmocka_unit_test(sixty_four_readers_share_one_buffer_and_the_sixty_fifth_is_refused),
        cmocka_unit_test(a_reader_begins_with_the_buffer_that_is_being_filled),
        cmocka_unit_test(a_loss_before_a_reader_came_is_not_its_own),
        cmocka_unit_test(a_reader_opened_between_two_runs_gets_the_second),
        cmocka_unit_test(figures_hold_at_every_step),
        cmocka_unit_test(latencies_are_those_from_capture_to_borrow),
        cmocka_unit_test(a_late_consumer_is_measured_without_a_wait),
        cmocka_unit_test(a_closed_reader_gives_back_what_was_queued),
        cmocka_unit_test(the_pool_has_room_for_every_queue_and_everything_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
