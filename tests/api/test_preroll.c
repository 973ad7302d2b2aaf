/* SPDX-License-Identifier: MIT */
/* Owns: tests of readers that begin in the past of a stream that runs: at any phase, while another thread captures, after breaks, several
 * at once, and what that costs. test_history.c has the plain cases.
 * Run by: CTest, about a second.
 * Runs on: the public API; devices run in virtual time, on a thread of the test. */
#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define RATE_HZ 48000
#define BUFFER_FRAMES 480u
#define BUFFER_NS (10 * NS_PER_MS)

static acap_stream *open_history(acap_context *context, const char *device, int64_t history_ns, uint32_t pool_buffers_max)
{
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;

    config.device = device;
    config.format = ACAP_FORMAT_S32;
    config.channel_count = 1;
    config.frames_per_buffer = BUFFER_FRAMES;
    config.history_ns = history_ns;
    config.pool_buffers_max = pool_buffers_max;
    return open_config(context, &config);
}

static acap_reader *open_past(acap_stream *stream, int64_t preroll_ns, uint32_t queue_buffers, conservation *seen)
{
    acap_reader_config config = ACAP_READER_CONFIG_INIT;
    acap_reader *reader = NULL;

    config.preroll_ns = preroll_ns;
    config.queue_buffers = queue_buffers;
    config.overflow = ACAP_OVERFLOW_DROP_NEWEST; /* what it keeps is what follows the past */
    config.hold_buffers = 1;
    assert_ok(acap_reader_open(stream, &config, &reader));
    conservation_begin(seen, reader);
    return reader;
}

/* ---- while another thread captures ---- */

struct runner {
    acap_stream *stream;
    atomic_bool is_enough;
    acap_result result;
    pthread_t thread;
};

static void *run(void *argument)
{
    struct runner *runner = argument;

    while (!atomic_load(&runner->is_enough) && runner->result == ACAP_OK)
        runner->result = acap_stream_sim_advance(runner->stream, 333);
    return NULL;
}

static void begin_running(struct runner *runner, acap_stream *stream)
{
    runner->stream = stream;
    runner->result = ACAP_OK;
    atomic_store(&runner->is_enough, false);
    assert_int_equal(pthread_create(&runner->thread, NULL, run, runner), 0);
}

static void end_running(struct runner *runner)
{
    atomic_store(&runner->is_enough, true);
    assert_int_equal(pthread_join(runner->thread, NULL), 0);
    assert_int_equal(runner->result, ACAP_OK);
}

struct position_wanted {
    acap_stream *stream;
    uint64_t position;
};

static bool has_position(void *argument)
{
    const struct position_wanted *wanted = argument;

    return stream_stats(wanted->stream).position >= wanted->position;
}

static void wait_for_position(acap_stream *stream, uint64_t position)
{
    struct position_wanted wanted = {stream, position};

    assert_true(eventually(has_position, &wanted));
}

/* Past, seam and present: every sample is where it belongs, and nothing is missing before the queue is full. */
static void every_past_continues_in_its_present(void **state)
{
    enum { ROUNDS = 40, QUEUE = 50 };
    acap_context *context = make_context("sim");
    acap_stream *stream = open_history(context, MANUAL "&period=100", NS_PER_S, 0);
    uint64_t random = random_seed("every_past_continues");
    struct runner runner;
    uint32_t whole = 0;

    (void)state;
    assert_ok(acap_stream_start(stream));
    for (int round = 0; round < ROUNDS; round++) {
        const uint32_t buffers = 1 + (uint32_t)(next_random(&random) % 80);
        conservation seen;
        begin_running(&runner, stream);
        wait_for_position(stream, stream_stats(stream).position + 2 * RATE_HZ);
        acap_reader *reader = open_past(stream, buffers * BUFFER_NS, QUEUE, &seen);
        wait_for_position(stream, seen.start_position + (buffers + QUEUE + 10) * BUFFER_FRAMES);
        end_running(&runner);
        assert_result(drain(reader, &seen), ACAP_TIMED_OUT); /* each buffer holds the counter */
        assert_int_equal(seen.gap_frames, 0);
        /* Virtual time races: the oldest may go before they are taken. What is there hangs together. */
        assert_true(seen.buffers >= QUEUE && seen.buffers <= buffers + QUEUE);
        whole += seen.buffers == buffers + QUEUE;
        assert_conserved(conservation_at_rest(&seen, stream, reader));
        acap_reader_close(reader);
    }
    print_message("%u of %d pasts were whole\n", whole, ROUNDS);
    assert_true(whole > 0);
    assert_int_equal(stream_stats(stream).frames_lost, 0);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

struct opener {
    acap_stream *stream;
    acap_reader *reader;
    acap_result result;
    pthread_t thread;
};

static void *open_one(void *argument)
{
    struct opener *opener = argument;
    acap_reader_config config = ACAP_READER_CONFIG_INIT;

    config.preroll_ns = 50 * BUFFER_NS;
    config.queue_buffers = 20;
    config.overflow = ACAP_OVERFLOW_DROP_NEWEST;
    opener->result = acap_reader_open(opener->stream, &config, &opener->reader);
    return NULL;
}

static void expect_contiguous(const struct opener *opener)
{
    conservation seen;

    assert_int_equal(opener->result, ACAP_OK);
    conservation_begin(&seen, opener->reader);
    assert_result(drain(opener->reader, &seen), ACAP_TIMED_OUT);
    assert_int_equal(seen.gap_frames, 0); /* what found no room in the queue comes after all of it */
    assert_true(seen.buffers <= 70);
    assert_conserved(conservation_at_rest(&seen, opener->stream, opener->reader));
    acap_reader_close(opener->reader);
}

static void several_begin_in_the_same_past_at_once(void **state)
{
    enum { OPENERS = 4, ROUNDS = 10 };
    acap_context *context = make_context("sim");
    acap_stream *stream = open_history(context, MANUAL "&period=480", NS_PER_S, 0);
    struct runner runner;

    (void)state;
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_sim_advance(stream, 2 * RATE_HZ));
    for (int round = 0; round < ROUNDS; round++) {
        struct opener openers[OPENERS];
        begin_running(&runner, stream);
        for (int i = 0; i < OPENERS; i++) {
            openers[i] = (struct opener){.stream = stream};
            assert_int_equal(pthread_create(&openers[i].thread, NULL, open_one, &openers[i]), 0);
        }
        for (int i = 0; i < OPENERS; i++)
            assert_int_equal(pthread_join(openers[i].thread, NULL), 0);
        end_running(&runner);
        for (int i = 0; i < OPENERS; i++)
            expect_contiguous(&openers[i]);
    }
    acap_stream_close(stream);
    acap_context_destroy(context);
}

/* ---- breaks in the past ---- */

static void a_short_buffer_in_the_past_costs_nothing(void **state)
{
    acap_context *context = make_context("push");
    acap_stream *stream = open_history(context, "push:", 30 * BUFFER_NS, 0);
    conservation seen;

    (void)state;
    assert_ok(acap_stream_start(stream));
    push_counter(stream, 20 * BUFFER_FRAMES + 7);
    assert_ok(acap_stream_stop(stream)); /* seven frames on their own */
    assert_ok(acap_stream_start(stream));
    push_counter(stream, 5 * BUFFER_FRAMES);
    acap_reader *reader = open_past(stream, 10 * BUFFER_NS, 8, &seen);
    const uint64_t asked_position = stream_stats(stream).position - 10 * BUFFER_FRAMES;
    assert_true(seen.start_position <= asked_position && seen.start_position + BUFFER_FRAMES > asked_position);
    assert_int_equal(reader_stats(reader).queued_buffers_peak, reader_stats(reader).queued_buffers);
    assert_result(drain(reader, &seen), ACAP_TIMED_OUT);
    assert_int_equal(seen.partials, 1);
    assert_int_equal(seen.gap_frames, 0);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    close_conserved(context, stream, reader);
}

static void lost_time_counts_as_time(void **state)
{
    acap_context *context = make_context("push");
    acap_stream *stream = open_history(context, "push:", 50 * BUFFER_NS, 0);
    conservation seen;

    (void)state;
    assert_ok(acap_stream_start(stream));
    push_counter(stream, 40 * BUFFER_FRAMES);
    assert_ok(acap_stream_push(stream, NULL, 10 * BUFFER_FRAMES, 0));
    push_counter(stream, 5 * BUFFER_FRAMES);
    acap_reader *reader = open_past(stream, 20 * BUFFER_NS, 8, &seen);
    assert_int_equal(seen.start_position, 35 * BUFFER_FRAMES);
    assert_result(drain(reader, &seen), ACAP_TIMED_OUT);
    assert_int_equal(seen.gap_frames, 10 * BUFFER_FRAMES);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    acap_reader_close(reader);
    assert_ok(acap_stream_push(stream, NULL, 3600 * RATE_HZ, 0));
    push_counter(stream, 5 * BUFFER_FRAMES);
    reader = open_past(stream, 20 * BUFFER_NS, 8, &seen); /* 0.2 s back, not an hour */
    assert_int_equal(seen.start_position, stream_stats(stream).position - 5 * BUFFER_FRAMES);
    assert_result(drain(reader, &seen), ACAP_TIMED_OUT);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    close_conserved(context, stream, reader);
}

/* At random moments of a stream with random breaks: as far back as asked, or as the history goes. */
static void at_any_phase_the_past_is_as_long_as_asked(void **state)
{
    acap_context *context = make_context("push");
    acap_stream *stream = open_history(context, "push:", 40 * BUFFER_NS, 0);
    uint64_t random = random_seed("at_any_phase");
    conservation all;

    (void)state;
    acap_reader *main_reader = open_queue(stream, 2000, ACAP_OVERFLOW_DROP_OLDEST);
    conservation_begin(&all, main_reader);
    assert_ok(acap_stream_start(stream));
    for (int step = 0; step < 400; step++) {
        const uint64_t choice = next_random(&random);
        conservation seen;
        push_counter(stream, (uint32_t)(choice % 700));
        if (choice % 31 == 0)
            assert_ok(acap_stream_push(stream, NULL, (uint32_t)(choice >> 20) % 1000, 0));
        const uint32_t asked = 1 + (uint32_t)(choice >> 40) % 30;
        const uint64_t position = stream_stats(stream).position;
        acap_reader *reader = open_past(stream, asked * BUFFER_NS, 4, &seen);
        const uint64_t reached = position - seen.start_position;
        /* Each of the rare breaks may cost a buffer. */
        assert_true(reached + 4 * BUFFER_FRAMES >= (position < asked * BUFFER_FRAMES ? position : asked * BUFFER_FRAMES));
        assert_true(reached <= (asked + 1) * BUFFER_FRAMES + 1000);
        push_counter(stream, 300);
        (void)drain(reader, &seen);
        assert_conserved(conservation_at_rest(&seen, stream, reader));
        acap_reader_close(reader);
        (void)drain(main_reader, &all);
    }
    assert_conserved(conservation_at_rest(&all, stream, main_reader));
    close_conserved(context, stream, main_reader);
}

/* What the device did not hear is a gap in the past, too. */
static void the_past_reaches_through_a_recovery(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    conservation seen;

    (void)state;
    config.device = MANUAL "&period=480&unplug=1s&replug=3500ms";
    config.format = ACAP_FORMAT_S32;
    config.on_device_lost = ACAP_ON_LOST_WAIT;
    config.history_ns = 10 * NS_PER_S;
    acap_stream *stream = open_config(context, &config);
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_sim_advance(stream, 7 * RATE_HZ));
    assert_int_equal(stream_stats(stream).recoveries, 1);
    acap_reader *reader = open_past(stream, 10 * NS_PER_S, 8, &seen);
    assert_int_equal(seen.start_position, 0);
    assert_result(drain(reader, &seen), ACAP_TIMED_OUT);
    assert_int_equal(seen.gap_frames, stream_stats(stream).lost_host);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    close_conserved(context, stream, reader);
}

/* ---- what it costs ---- */

static void what_the_past_needs_is_reserved(void **state)
{
    acap_context *context = make_context("push");
    acap_stream *stream = open_history(context, "push:", 100 * BUFFER_NS, 0);
    acap_reader *readers[4];
    conservation seen[4];

    (void)state;
    assert_ok(acap_stream_start(stream));
    push_counter(stream, 200 * BUFFER_FRAMES);
    const uint32_t before = stream_pool_stats(stream).capacity;
    assert_true(before >= 101 + 2);
    for (int i = 0; i < 4; i++)
        readers[i] = open_past(stream, 100 * BUFFER_NS, 8, &seen[i]);
    assert_true(stream_pool_stats(stream).capacity >= before + 4 * 100); /* each may keep its past while the stream makes another */
    push_counter(stream, 200 * BUFFER_FRAMES);
    assert_int_equal(stream_pool_stats(stream).exhausted, 0);
    assert_int_equal(stream_stats(stream).lost_pool, 0);
    for (int i = 0; i < 4; i++) {
        assert_result(drain(readers[i], &seen[i]), ACAP_TIMED_OUT);
        assert_int_equal(seen[i].frames, 108 * BUFFER_FRAMES); /* and the queue was full */
        assert_conserved(conservation_at_rest(&seen[i], stream, readers[i]));
        acap_reader_close(readers[i]);
    }
    acap_stream_close(stream);
    acap_context_destroy(context);
}

static void a_past_that_does_not_fit_is_refused(void **state)
{
    acap_context *context = make_context("push");
    acap_stream *stream = open_history(context, "push:", 100 * BUFFER_NS, 150);
    acap_reader_config config = ACAP_READER_CONFIG_INIT;
    acap_reader *reader = (acap_reader *)context;
    conservation seen;

    (void)state;
    config.queue_buffers = 4;
    config.hold_buffers = 1;
    config.preroll_ns = 60 * BUFFER_NS;
    assert_result(acap_reader_open(stream, &config, &reader), ACAP_ERROR_LIMIT);
    assert_null(reader);
    assert_int_equal(stream_pool_stats(stream).capacity, 103);
    reader = open_past(stream, 40 * BUFFER_NS, 4, &seen); /* a refusal reserves nothing */
    close_conserved(context, stream, reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_past_continues_in_its_present),
        cmocka_unit_test(several_begin_in_the_same_past_at_once),
        cmocka_unit_test(a_short_buffer_in_the_past_costs_nothing),
        cmocka_unit_test(lost_time_counts_as_time),
        cmocka_unit_test(at_any_phase_the_past_is_as_long_as_asked),
        cmocka_unit_test(the_past_reaches_through_a_recovery),
        cmocka_unit_test(what_the_past_needs_is_reserved),
        cmocka_unit_test(a_past_that_does_not_fit_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
