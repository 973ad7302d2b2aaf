/* SPDX-License-Identifier: MIT */
/* Owns: tests of a queue that is full: which buffers survive, by policy, and how the loss is shown.
 * Run by: CTest, in milliseconds.
 * Runs on: the public API; streams are fed by the test. */
#include "fixture.h"

/* Borrows everything and holds the positions against a list, in buffers of ten frames. */
static void expect_survivors(acap_reader *reader, conservation *seen, const uint32_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const acap_buffer *buffer = borrow_now(reader, seen);
        assert_int_equal(buffer->position, numbers[i] * 10u);
        assert_int_equal(buffer->frame_count, 10);
        assert_int_equal(buffer->flags & ACAP_BUFFER_GAP, 0); /* the stream lost nothing */
        assert_int_equal(buffer->lost_before, 0);
        acap_buffer_release(buffer);
    }
}

static void the_oldest_go_where_the_consumer_wants_to_stay_live(void **state)
{
    static const uint32_t survivors[] = {6, 7, 8, 9};
    rig r = make_rig(10, 4, ACAP_OVERFLOW_DROP_OLDEST);

    (void)state;
    push_counter(r.stream, 100);
    assert_int_equal(reader_stats(r.reader).lost_queue, 60);
    assert_int_equal(reader_stats(r.reader).frames_queued, 40);
    expect_survivors(r.reader, &r.seen, survivors, COUNT_OF(survivors));
    assert_int_equal(r.seen.gap_frames, 60);
    finish_rig(&r);
}

static void the_newest_go_where_the_consumer_wants_what_is_queued(void **state)
{
    static const uint32_t survivors[] = {0, 1, 2, 3};
    static const uint32_t later[] = {10, 11};
    rig r = make_rig(10, 4, ACAP_OVERFLOW_DROP_NEWEST);

    (void)state;
    push_counter(r.stream, 100);
    assert_int_equal(reader_stats(r.reader).lost_queue, 60);
    assert_int_equal(reader_stats(r.reader).frames_queued, 40);
    expect_survivors(r.reader, &r.seen, survivors, COUNT_OF(survivors));
    push_counter(r.stream, 20);
    expect_survivors(r.reader, &r.seen, later, COUNT_OF(later));
    assert_int_equal(r.seen.gap_frames, 60);
    finish_rig(&r);
}

static void each_reader_loses_by_its_own_policy_and_size(void **state)
{
    static const uint32_t newest_wanted[] = {7, 8, 9};
    static const uint32_t oldest_wanted[] = {0, 1, 2, 3, 4};
    static const uint32_t all[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    rig r = make_rig(10, 3, ACAP_OVERFLOW_DROP_OLDEST);
    acap_reader *keeping = open_queue(r.stream, 5, ACAP_OVERFLOW_DROP_NEWEST);
    acap_reader *patient = open_queue(r.stream, 10, ACAP_OVERFLOW_DROP_NEWEST);
    conservation keeping_seen;
    conservation patient_seen;

    (void)state;
    conservation_begin(&keeping_seen, keeping);
    conservation_begin(&patient_seen, patient);
    push_counter(r.stream, 100);
    expect_survivors(keeping, &keeping_seen, oldest_wanted, COUNT_OF(oldest_wanted));
    expect_survivors(r.reader, &r.seen, newest_wanted, COUNT_OF(newest_wanted));
    expect_survivors(patient, &patient_seen, all, COUNT_OF(all)); /* nobody else's slowness costs it anything */
    assert_int_equal(reader_stats(patient).frames_lost, 0);
    assert_int_equal(stream_stats(r.stream).frames_lost, 0);
    assert_int_equal(stream_pool_stats(r.stream).exhausted, 0);
    assert_conserved(conservation_at_rest(&keeping_seen, r.stream, keeping));
    assert_conserved(conservation_at_rest(&patient_seen, r.stream, patient));
    acap_reader_close(keeping);
    acap_reader_close(patient);
    finish_rig(&r);
}

static void a_queue_of_one_holds_one(void **state)
{
    static const uint32_t last[] = {4};
    static const uint32_t first[] = {5};

    for (uint32_t overflow = ACAP_OVERFLOW_DROP_OLDEST; overflow <= ACAP_OVERFLOW_DROP_NEWEST; overflow++) {
        rig r = make_rig(10, 1, overflow);
        (void)state;
        push_counter(r.stream, 50);
        assert_int_equal(reader_stats(r.reader).queued_buffers, 1);
        if (overflow == ACAP_OVERFLOW_DROP_OLDEST) {
            expect_survivors(r.reader, &r.seen, last, 1);
        } else {
            acap_buffer_release(borrow_now(r.reader, &r.seen));
            assert_int_equal(r.seen.next_position, 10);
        }
        push_counter(r.stream, 10);
        expect_survivors(r.reader, &r.seen, first, 1);
        finish_rig(&r);
    }
}

static void what_is_borrowed_is_not_evicted(void **state)
{
    rig r = make_rig(10, 2, ACAP_OVERFLOW_DROP_OLDEST);

    (void)state;
    push_counter(r.stream, 20);
    const acap_buffer *held = borrow_now(r.reader, &r.seen);
    for (int i = 0; i < 100; i++)
        push_counter(r.stream, 10);
    assert_int_equal(held->position, 0);
    assert_true(counter_holds(held));
    acap_buffer_release(held);
    finish_rig(&r);
    assert_int_equal(r.seen.frames, 10 + 20);
}

static void loss_by_the_stream_and_by_the_queue_are_told_apart(void **state)
{
    rig r = make_rig(10, 2, ACAP_OVERFLOW_DROP_OLDEST);

    (void)state;
    push_counter(r.stream, 10);
    assert_ok(acap_stream_push(r.stream, NULL, 7, 0));
    push_counter(r.stream, 30); /* the first buffer and the one behind the stream's loss are evicted */
    const acap_reader_stats stats = reader_stats(r.reader);
    assert_int_equal(stats.lost_stream, 7);
    assert_int_equal(stats.lost_queue, 20);
    assert_int_equal(stats.frames_lost, 27);
    const acap_buffer *buffer = borrow_now(r.reader, &r.seen);
    assert_int_equal(buffer->position, 27);
    assert_int_equal(buffer->flags, 0); /* just before it the stream lost nothing */
    acap_buffer_release(buffer);
    finish_rig(&r);
    assert_int_equal(r.seen.gap_frames, 27);
}

/* A gap flag survives as long as its buffer does, and a partial buffer is evicted like any other. */
static void gaps_and_partial_buffers_go_through_a_full_queue(void **state)
{
    rig r = make_rig(10, 2, ACAP_OVERFLOW_DROP_NEWEST);

    (void)state;
    for (int i = 0; i < 5; i++) {
        push_counter(r.stream, 3);
        assert_ok(acap_stream_push(r.stream, NULL, 1, 0));
    }
    assert_int_equal(reader_stats(r.reader).lost_queue, 9);
    assert_int_equal(reader_stats(r.reader).lost_stream, 5);
    assert_result(drain(r.reader, &r.seen), ACAP_TIMED_OUT);
    assert_int_equal(r.seen.partials, 2);
    assert_int_equal(r.seen.gap_flags, 1);
    finish_rig(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_go_where_the_consumer_wants_to_stay_live),
        cmocka_unit_test(the_newest_go_where_the_consumer_wants_what_is_queued),
        cmocka_unit_test(each_reader_loses_by_its_own_policy_and_size),
        cmocka_unit_test(a_queue_of_one_holds_one),
        cmocka_unit_test(what_is_borrowed_is_not_evicted),
        cmocka_unit_test(loss_by_the_stream_and_by_the_queue_are_told_apart),
        cmocka_unit_test(gaps_and_partial_buffers_go_through_a_full_queue),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
