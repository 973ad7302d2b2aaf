/* SPDX-License-Identifier: MIT */
/* Owns: tests of what a stream says of buffers that somebody keeps: their age, and the report at close.
 * Run by: CTest, in milliseconds.
 * Runs on: the public API; streams are fed by the test. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#define REPORT "was closed with "
#define COARSE_NS (20 * NS_PER_MS) /* of the clock that tells ages */

/* How many buffers the report on a closed stream speaks of; 0: there was none. */
static uint32_t reported(acap_context *context, uint64_t stream_id)
{
    acap_event event = ACAP_EVENT_INIT;
    uint32_t count = 0;

    while (acap_context_next_event(context, 0, &event) == ACAP_OK) {
        const char *report = strstr(event.text, REPORT);
        if (report == NULL)
            continue;
        assert_int_equal(event.type, ACAP_EVENT_LOG);
        assert_int_equal(event.level, ACAP_LEVEL_INFO);
        assert_true(event.stream_id == stream_id);
        assert_int_equal(count, 0); /* once */
        assert_int_equal(sscanf(report, REPORT "%u buffers", &count), 1);
    }
    return count;
}

static uint64_t id_of(const acap_stream *stream)
{
    acap_stream_info info = ACAP_STREAM_INFO_INIT;

    assert_ok(acap_stream_get_info(stream, &info));
    return info.stream_id;
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
        for (uint32_t n = 0; n < holds[i]; n++)
            held[n] = borrow_now(r.reader, &r.seen);
        assert_conserved(conservation_at_rest(&r.seen, r.stream, r.reader));
        acap_reader_close(r.reader);
        acap_stream_close(r.stream);
        assert_int_equal(reported(r.context, id), holds[i]);
        for (uint32_t n = 0; n < holds[i]; n++)
            acap_buffer_release(held[n]);
        assert_int_equal(reported(r.context, id), 0);
        acap_context_destroy(r.context);
    }
}

/* What a reader has queued is not lost, but it is not back, either. */
static void what_is_queued_counts_as_held(void **state)
{
    rig r = make_rig(10, 20, ACAP_OVERFLOW_DROP_OLDEST);
    const uint64_t id = id_of(r.stream);

    (void)state;
    push_counter(r.stream, 35);
    acap_stream_close(r.stream);
    assert_int_equal(reported(r.context, id), 4); /* three whole ones and five frames */
    assert_result(drain(r.reader, &r.seen), ACAP_END);
    assert_conserved(conservation_at_rest(&r.seen, NULL, r.reader));
    acap_reader_close(r.reader);
    acap_context_destroy(r.context);
}

static bool is_old(void *argument)
{
    return pool_stats(argument).oldest_held_ns >= 30 * NS_PER_MS;
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
        cmocka_unit_test(what_is_queued_counts_as_held),
        cmocka_unit_test(the_age_of_the_longest_held_buffer_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
