/* SPDX-License-Identifier: MIT */
/* Owns: one test for each way in which the system that acap succeeds failed: buffers that never came back, figures that were wrong, losses
 * that nobody counted, silence that was thrown away. Its allocations are counted in test_allocations.c, its copies in
 * test_copies.c; device losses are in tests/device.
 * Run by: CTest, a few seconds; hours of sound pass in virtual time.
 * Runs on: the public API. */
#include "fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PACKET_FRAMES 480u /* 10 ms at 48 kHz */

static acap_stream *open_packets(acap_context *context, uint32_t pool_buffers)
{
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;

    config.device = MANUAL "&period=480";
    config.sample_rate_hz = 48000;
    config.channel_count = 2;
    config.format = ACAP_FORMAT_F32;
    config.frames_per_buffer = PACKET_FRAMES;
    config.pool_buffers_min = pool_buffers;
    config.pool_buffers_max = pool_buffers;
    return open_config(context, &config);
}

/* A consumer that always holds the last few packets, as one does that writes them elsewhere. */
struct holder {
    const acap_buffer *held[64];
    uint32_t count;
    uint32_t at;
};

static void hold(struct holder *holder, const acap_buffer *buffer)
{
    acap_buffer_release(holder->held[holder->at]);
    holder->held[holder->at] = buffer;
    holder->at = (holder->at + 1) % holder->count;
}

static void let_all_go(struct holder *holder)
{
    for (uint32_t i = 0; i < holder->count; i++)
        acap_buffer_release(holder->held[i]);
}

static bool edges_hold(const acap_buffer *buffer)
{
    const float *samples = buffer->data;
    unsigned char expected[4];
    bool do_hold = buffer->frame_count == PACKET_FRAMES;

    for (uint32_t frame = 0; frame < PACKET_FRAMES; frame += PACKET_FRAMES - 1) {
        for (uint32_t channel = 0; channel < 2; channel++) {
            counter_sample(ACAP_FORMAT_F32, buffer->position + frame, channel, expected);
            do_hold = do_hold && memcmp(&samples[frame * 2 + channel], expected, sizeof expected) == 0;
        }
    }
    return do_hold;
}

/* Every sample of a packet is looked at, or its first and its last frame. */
typedef bool (*look)(const acap_buffer *buffer);

static void expect_recycling(uint32_t pool_buffers, uint32_t packets, look holds)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_packets(context, pool_buffers);
    acap_reader_config config = ACAP_READER_CONFIG_INIT;
    acap_reader *reader = NULL;
    struct holder holder = {.count = pool_buffers / 2 - 1};
    uint64_t resident_before = 0;
    conservation seen;

    config.queue_buffers = pool_buffers / 2 - 1;
    config.hold_buffers = holder.count;
    assert_ok(acap_reader_open(stream, &config, &reader));
    conservation_begin(&seen, reader);
    assert_ok(acap_stream_start(stream));
    for (uint32_t i = 0; i < packets; i++) {
        const acap_buffer *buffer = NULL;
        assert_ok(acap_stream_sim_advance(stream, PACKET_FRAMES));
        assert_ok(acap_reader_borrow(reader, 0, &buffer));
        assert_true(holds(buffer));
        conservation_add(&seen, buffer);
        hold(&holder, buffer);
        if (i == packets / 10)
            resident_before = resident_bytes();
    }
    const uint64_t resident_after = resident_bytes();
    const acap_pool_stats stats = stream_pool_stats(stream);
    assert_true(stats.hit_rate == 1.0);
    assert_int_equal(stats.acquired, packets);
    assert_int_equal(stats.exhausted, 0);
    assert_true(stats.recycled >= packets - pool_buffers);
    assert_int_equal(stats.capacity, pool_buffers);
    assert_int_equal(stats.grown, 0);
    assert_true(stats.in_use_peak <= holder.count + 1);
    assert_true(resident_after <= resident_before + 400000 + HAS_SANITIZER * 4000000);
    print_message("pool of %3" PRIu32 ", %6" PRIu32 " packets: hit rate %.2f, recycled %" PRIu64 ", most in use %" PRIu32 "\n",
        pool_buffers,
                  packets, stats.hit_rate, stats.recycled, stats.in_use_peak);
    let_all_go(&holder);
    assert_ok(acap_stream_stop(stream));
    assert_result(drain(reader, &seen), ACAP_END);
    assert_int_equal(seen.frames, (uint64_t)packets * PACKET_FRAMES);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    close_conserved(context, stream, reader);
}

static void expect_recycling_of_three(uint32_t packets, look holds)
{
    expect_recycling(10, packets, holds);
    expect_recycling(50, packets, holds);
    expect_recycling(100, packets, holds);
}

/* There: 10 buffers gave 10 hits and 490 misses. */
static void pool_of_10_50_and_100_buffers_recycles_at_500_packets(void **state)
{
    (void)state;
    expect_recycling_of_three(500, counter_holds);
}

/* Thirty seconds, of which each sample is compared. */
static void pool_of_10_50_and_100_buffers_recycles_at_3000_packets(void **state)
{
    (void)state;
    expect_recycling_of_three(3000, counter_holds);
}

/* Five minutes. */
static void pool_of_10_50_and_100_buffers_recycles_at_30000_packets(void **state)
{
    (void)state;
    expect_recycling_of_three(30000, edges_hold);
}

/* The hour that was reported as stable, and was not: 0.03 % of the packets found a buffer. */
static void pool_of_10_50_and_100_buffers_recycles_at_359937_packets(void **state)
{
    (void)state;
    expect_recycling_of_three(HAS_SANITIZER ? 35994 : 359937, edges_hold);
}

/* There: use after free at packet 111, for want of one owner. Many holders take, pass on and give back at random. */
static void hold_and_release_at_random_is_no_use_after_free(void **state)
{
    enum { HOLDERS = 40 };
    rig r = make_rig(16, 8, ACAP_OVERFLOW_DROP_OLDEST);
    const acap_buffer *held[HOLDERS] = {NULL};
    uint64_t random = random_seed("hold_and_release_at_random");

    (void)state;
    for (int step = 0; step < 30000; step++) {
        const uint64_t choice = next_random(&random);
        const acap_buffer **mine = &held[(choice >> 8) % HOLDERS];
        const acap_buffer **other = &held[(choice >> 24) % HOLDERS];
        const acap_buffer *buffer = NULL;
        if (*mine != NULL && !counter_holds(*mine))
            fail_msg("step %d: a held buffer has changed", step);
        switch (choice % 4) {
        case 0:
            push_counter(r.stream, (uint32_t)(choice >> 40) % 40);
            break;
        case 1:
            if (acap_reader_borrow(r.reader, 0, &buffer) == ACAP_OK)
                conservation_add(&r.seen, buffer);
            acap_buffer_release(*mine);
            *mine = buffer;
            break;
        case 2: /* pass on */
            if (mine != other) {
                acap_buffer_release(*other);
                *other = acap_buffer_retain(*mine);
            }
            break;
        default:
            acap_buffer_release(*mine);
            *mine = NULL;
            break;
        }
    }
    for (int i = 0; i < HOLDERS; i++)
        acap_buffer_release(held[i]);
    const acap_pool_stats stats = stream_pool_stats(r.stream);
    assert_int_equal(stats.rejected_releases, 0);
    assert_int_equal(stats.in_use, reader_stats(r.reader).queued_buffers + (stream_stats(r.stream).frames_pending != 0));
    finish_rig(&r);
}

/* There: one pool for the process; a second capture reset the first one's pool and figures. */
static void two_streams_at_once_have_separate_pools_and_figures(void **state)
{
    rig first = make_rig(10, 8, 0);
    rig second = make_rig(20, 4, 0);
    acap_pool *first_pool = acap_stream_get_pool(first.stream);
    acap_pool *second_pool = acap_stream_get_pool(second.stream);

    (void)state;
    assert_ptr_not_equal(first_pool, second_pool);
    for (int i = 0; i < 100; i++) {
        push_counter(first.stream, 10);
        push_counter(second.stream, 10);
        assert_result(drain(first.reader, &first.seen), ACAP_TIMED_OUT);
    }
    assert_int_equal(pool_stats(first_pool).acquired, 100);
    assert_int_equal(pool_stats(second_pool).acquired, 50);
    assert_int_equal(pool_stats(second_pool).in_use, 4);
    assert_int_equal(stream_stats(first.stream).buffers_filled, 100);
    assert_int_equal(reader_stats(second.reader).lost_queue, 46 * 20);
    rig third = make_rig(10, 8, 0); /* whoever comes or goes changes nothing */
    finish_rig(&second);
    finish_rig(&third);
    assert_int_equal(pool_stats(first_pool).acquired, 100);
    assert_int_equal(stream_stats(first.stream).frames_captured, 1000);
    acap_pool_release(first_pool);
    acap_pool_release(second_pool);
    finish_rig(&first);
}

/* There: buffers of 4,096 bytes, whatever was captured; what did not fit was copied elsewhere, silently. */
static void the_buffer_size_follows_from_the_opened_format(void **state)
{
    static const struct {
        uint32_t rate_hz;
        uint32_t channels;
        uint32_t format;
        uint32_t frames;
        uint32_t size_bytes;
    } rows[] = {
        {48000, 2, ACAP_FORMAT_F32, 480, 3840},   {96000, 2, ACAP_FORMAT_F32, 960, 7680},    {48000, 6, ACAP_FORMAT_F32, 480, 11520},
        {192000, 8, ACAP_FORMAT_F32, 1920, 61440}, {192000, 8, ACAP_FORMAT_S24, 1920, 46080}, {8000, 1, ACAP_FORMAT_U8, 80, 80},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        acap_context *context = make_context("sim");
        acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
        conservation seen;
        config.device = MANUAL "&period=100";
        config.sample_rate_hz = rows[i].rate_hz;
        config.channel_count = rows[i].channels;
        config.format = rows[i].format;
        acap_stream *stream = open_config(context, &config);
        acap_reader *reader = open_queue(stream, 20, 0);
        conservation_begin(&seen, reader);
        assert_ok(acap_stream_start(stream));
        assert_ok(acap_stream_sim_advance(stream, rows[i].frames * 10u + 100));
        for (int n = 0; n < 10; n++) {
            const acap_buffer *buffer = borrow_now(reader, &seen);
            assert_int_equal(buffer->frame_count, rows[i].frames);
            assert_int_equal(buffer->size_bytes, rows[i].size_bytes);
            acap_buffer_release(buffer);
        }
        assert_int_equal(stream_pool_stats(stream).exhausted, 0);
        assert_conserved(conservation_at_rest(&seen, stream, reader));
        close_conserved(context, stream, reader);
    }
}

/* There: queue and pool without a bound. */
static void a_consumer_that_stops_for_60_s_costs_bounded_memory_and_every_lost_frame_is_counted(void **state)
{
    for (uint32_t overflow = ACAP_OVERFLOW_DROP_OLDEST; overflow <= ACAP_OVERFLOW_DROP_NEWEST; overflow++) {
        acap_context *context = make_context("sim");
        acap_stream *stream = open_packets(context, 0);
        acap_reader *stopped = open_queue(stream, 50, overflow);
        acap_reader *awake = open_queue(stream, 50, overflow);
        conservation stopped_seen;
        conservation awake_seen;
        (void)state;
        conservation_begin(&stopped_seen, stopped);
        conservation_begin(&awake_seen, awake);
        assert_ok(acap_stream_start(stream));
        const uint64_t resident_before = resident_bytes();
        const acap_pool_stats before = stream_pool_stats(stream);
        for (int second = 0; second < 60 * 4; second++) { /* in quarters */
            assert_ok(acap_stream_sim_advance(stream, 12000));
            assert_result(drain(awake, &awake_seen), ACAP_TIMED_OUT);
        }
        const acap_pool_stats after = stream_pool_stats(stream);
        assert_int_equal(after.capacity, before.capacity);
        assert_int_equal(after.memory_bytes, before.memory_bytes);
        assert_int_equal(after.exhausted, 0);
        assert_true(resident_bytes() <= resident_before + 1000000 + HAS_SANITIZER * 4000000);
        assert_int_equal(reader_stats(stopped).lost_queue, (6000 - 50) * PACKET_FRAMES);
        assert_int_equal(reader_stats(awake).frames_lost, 0); /* nobody else pays for it */
        assert_int_equal(stream_stats(stream).frames_lost, 0);
        assert_ok(acap_stream_stop(stream));
        assert_result(drain(stopped, &stopped_seen), ACAP_END);
        assert_int_equal(stopped_seen.frames, 50 * PACKET_FRAMES);
        assert_result(drain(awake, &awake_seen), ACAP_END);
        assert_conserved(conservation_at_rest(&stopped_seen, stream, stopped));
        assert_conserved(conservation_at_rest(&awake_seen, stream, awake));
        acap_reader_close(stopped);
        close_conserved(context, stream, awake);
    }
}

/* There: silent packets were dropped, and nobody could tell silence from a dead device. */
static void silence_is_delivered_and_flagged(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, "sim:silence?pace=manual&period=480", ACAP_FORMAT_F32, 2, PACKET_FRAMES);
    acap_reader *reader = open_queue(stream, 200, 0);
    const acap_buffer *buffer = NULL;
    conservation seen;

    (void)state;
    conservation_begin(&seen, reader);
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_sim_advance(stream, 100 * PACKET_FRAMES));
    for (uint32_t i = 0; i < 100; i++) {
        assert_ok(acap_reader_borrow(reader, 0, &buffer));
        assert_int_equal(buffer->position, i * PACKET_FRAMES);
        assert_int_equal(buffer->flags, ACAP_BUFFER_SILENT);
        conservation_add(&seen, buffer);
        acap_buffer_release(buffer);
    }
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    close_conserved(context, stream, reader);
}

/* There: one counter was always equal to another, and figures underflowed after a reset. */
static void statistics_are_equations_at_every_step(void **state)
{
    rig r = make_rig(16, 4, ACAP_OVERFLOW_DROP_NEWEST);
    acap_pool *pool = acap_stream_get_pool(r.stream);
    uint64_t random = random_seed("statistics_are_equations");
    uint64_t filled = 0;

    (void)state;
    for (int step = 0; step < 3000; step++) {
        const uint64_t choice = next_random(&random);
        const acap_buffer *buffer;
        if (choice % 50 == 0) {
            assert_ok(acap_stream_stop(r.stream));
            assert_ok(acap_stream_start(r.stream));
        } else if (choice % 10 == 0) {
            assert_ok(acap_stream_push(r.stream, NULL, (uint32_t)(choice >> 8) % 20, 0));
        } else if (choice % 3 == 0) {
            push_counter(r.stream, (uint32_t)(choice >> 8) % 40);
        } else if (acap_reader_borrow(r.reader, 0, &buffer) == ACAP_OK) {
            conservation_add(&r.seen, buffer);
            acap_buffer_release(buffer);
        }
        const acap_pool_stats pool_figures = pool_stats(pool); /* checks its own equations */
        const acap_stream_stats stream_figures = stream_stats(r.stream);
        assert_true(stream_figures.buffers_filled >= filled);
        filled = stream_figures.buffers_filled;
        assert_int_equal(pool_figures.acquired, filled + (stream_figures.frames_pending != 0));
        assert_conserved(conservation_at_rest(&r.seen, r.stream, r.reader));
    }
    acap_pool_release(pool);
    finish_rig(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pool_of_10_50_and_100_buffers_recycles_at_500_packets),
        cmocka_unit_test(pool_of_10_50_and_100_buffers_recycles_at_3000_packets),
        cmocka_unit_test(pool_of_10_50_and_100_buffers_recycles_at_30000_packets),
        cmocka_unit_test(pool_of_10_50_and_100_buffers_recycles_at_359937_packets),
        cmocka_unit_test(hold_and_release_at_random_is_no_use_after_free),
        cmocka_unit_test(two_streams_at_once_have_separate_pools_and_figures),
        cmocka_unit_test(the_buffer_size_follows_from_the_opened_format),
        cmocka_unit_test(a_consumer_that_stops_for_60_s_costs_bounded_memory_and_every_lost_frame_is_counted),
        cmocka_unit_test(silence_is_delivered_and_flagged),
        cmocka_unit_test(statistics_are_equations_at_every_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
