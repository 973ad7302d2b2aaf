/* SPDX-License-Identifier: MIT */
/* Owns: tests of the watch over a stream and of what follows when its device goes: when a stall and a loss are told, how the same stream
 * goes
 * on afterwards, and what becomes of sleepers, held buffers and the account meanwhile. test_lost.c has the results of single calls.
 * Run by: CTest, about five seconds: two tests live in real time.
 * Runs on: the public API. */
#include "fixture.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATE_HZ UINT64_C(48000)
#define LOOK_MS 50 /* how often the watch looks; a callback is seen by the look after it */

struct session {
    acap_context *context;
    acap_stream *stream;
    acap_reader *reader;
    conservation seen;
    uint64_t recovered; /* buffers with ACAP_BUFFER_RECOVERED */
};

static struct session begin(const char *device, uint32_t on_device_lost)
{
    struct session s = {.context = make_context("sim")};
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;

    config.device = device;
    config.format = ACAP_FORMAT_S32;
    config.channel_count = 1;
    config.on_device_lost = on_device_lost;
    s.stream = open_config(s.context, &config);
    s.reader = open_queue(s.stream, 600, ACAP_OVERFLOW_DROP_OLDEST);
    conservation_begin(&s.seen, s.reader);
    assert_ok(acap_stream_start(s.stream));
    return s;
}

/* Without scatter the device's own count is the position, before and after every outage. */
static acap_result take_all(struct session *s)
{
    const acap_buffer *buffer;
    acap_result result;

    while ((result = acap_reader_borrow(s->reader, 0, &buffer)) == ACAP_OK) {
        assert_true(counter_holds(buffer));
        if (buffer->flags & ACAP_BUFFER_RECOVERED) {
            s->recovered++;
            assert_true(buffer->flags & ACAP_BUFFER_GAP);
            assert_true(buffer->lost_before > 0);
        }
        conservation_add(&s->seen, buffer);
        acap_buffer_release(buffer);
    }
    return result;
}

/* Whatever the samples are. */
static void take_uncounted(struct session *s)
{
    const acap_buffer *buffer;

    while (acap_reader_borrow(s->reader, 0, &buffer) == ACAP_OK) {
        conservation_add(&s->seen, buffer);
        acap_buffer_release(buffer);
    }
}

static void advance(struct session *s, uint64_t frames)
{
    while (frames > 0) {
        const uint64_t step = frames < RATE_HZ / 4 ? frames : RATE_HZ / 4;
        assert_ok(acap_stream_sim_advance(s->stream, step));
        frames -= step;
        (void)take_all(s);
        assert_conserved(conservation_at_rest(&s->seen, s->stream, s->reader));
    }
}

static void end(struct session *s)
{
    assert_ok(acap_stream_stop(s->stream));
    assert_result(take_all(s), ACAP_END);
    assert_conserved(conservation_at_rest(&s->seen, s->stream, s->reader));
    close_conserved(s->context, s->stream, s->reader);
}

/* Any kind of event that has come until now; 0: none. */
static uint32_t next_type(acap_context *context)
{
    acap_event event = ACAP_EVENT_INIT;

    return acap_context_next_event(context, 0, &event) == ACAP_OK ? event.type : 0;
}

/* ---- when ---- */

static void expect_told(const char *device, uint32_t rate_hz, uint32_t silent_from_ms, uint32_t stalled_ms, uint32_t lost_ms)
{
    acap_context *context = make_context("sim");
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    uint32_t stalled_at_ms = 0;
    uint32_t lost_at_ms = 0;

    config.device = device;
    config.sample_rate_hz = rate_hz;
    acap_stream *stream = open_config(context, &config);
    assert_ok(acap_stream_start(stream));
    for (uint32_t now_ms = 10; now_ms < silent_from_ms + lost_ms + 1000; now_ms += 10) {
        assert_ok(acap_stream_sim_advance(stream, rate_hz / 100));
        for (uint32_t type = next_type(context); type != 0; type = next_type(context)) {
            if (type == ACAP_EVENT_STREAM_STALLED)
                stalled_at_ms = now_ms;
            else if (type == ACAP_EVENT_STREAM_LOST)
                lost_at_ms = now_ms;
        }
        assert_int_equal(stream_stats(stream).state, lost_at_ms != 0 ? ACAP_STATE_LOST : ACAP_STATE_RUNNING);
    }
    if (stalled_at_ms < silent_from_ms + stalled_ms || stalled_at_ms > silent_from_ms + stalled_ms + 2 * LOOK_MS)
        fail_msg("%s: the stall was told at %u ms", device, stalled_at_ms);
    if (lost_at_ms < silent_from_ms + lost_ms || lost_at_ms > silent_from_ms + lost_ms + 2 * LOOK_MS)
        fail_msg("%s: the loss was told at %u ms", device, lost_at_ms);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

static void a_stall_and_a_loss_are_told_in_time(void **state)
{
    (void)state;
    expect_told(MANUAL "&period=480&unplug=3s", 48000, 3000, 250, 2000);
    expect_told(MANUAL "&period=9600&unplug=3s", 48000, 3000, 600, 2000); /* three periods of 200 ms */
    expect_told(MANUAL "&period=80&unplug=1s", 8000, 1000, 250, 2000);
    expect_told(MANUAL "&stall=0s:20s", 48000, 0, 250, 5000); /* servers may be slow with the first data */
}

/* By the clock that the buffers' times are by. */
static void events_carry_the_streams_time(void **state)
{
    struct session s = begin(MANUAL "&period=480&unplug=1s&replug=9s", ACAP_ON_LOST_WAIT);
    acap_event event = ACAP_EVENT_INIT;
    int64_t end_ns = 0;

    (void)state;
    assert_ok(acap_stream_sim_advance(s.stream, RATE_HZ));
    while (s.seen.frames < RATE_HZ) {
        const acap_buffer *buffer = borrow_now(s.reader, &s.seen);
        end_ns = buffer->time_ns + 10 * NS_PER_MS;
        acap_buffer_release(buffer);
    }
    advance(&s, 4 * RATE_HZ);
    assert_ok(acap_context_next_event(s.context, 0, &event));
    assert_int_equal(event.type, ACAP_EVENT_STREAM_STALLED);
    assert_in_range(event.time_ns - end_ns, 250 * NS_PER_MS, (250 + 2 * LOOK_MS) * NS_PER_MS);
    assert_ok(acap_context_next_event(s.context, 0, &event));
    assert_int_equal(event.type, ACAP_EVENT_STREAM_LOST);
    assert_in_range(event.time_ns - end_ns, 2000 * NS_PER_MS, (2000 + 2 * LOOK_MS) * NS_PER_MS);
    end(&s);
}

/* Its calls are seconds apart, as they should be. */
static void a_device_of_long_periods_is_not_lost_between_them(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;

    (void)state;
    config.device = MANUAL "&period=65536&unplug=100s";
    config.sample_rate_hz = 8000; /* 8.2 s */
    config.format = ACAP_FORMAT_S32;
    acap_stream *stream = open_config(context, &config);
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_sim_advance(stream, 90 * 8000));
    assert_int_equal(next_type(context), 0);
    assert_int_equal(stream_stats(stream).position, 10 * 65536);
    assert_ok(acap_stream_sim_advance(stream, 60 * 8000));
    assert_int_equal(next_type(context), ACAP_EVENT_STREAM_STALLED);
    assert_int_equal(next_type(context), ACAP_EVENT_STREAM_LOST);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

/* A caller may pause: nobody but the caller knows when the next frames are due. */
static void a_pushed_stream_is_never_lost(void **state)
{
    rig r = make_rig(480, 20, ACAP_OVERFLOW_DROP_OLDEST);
    acap_event event = ACAP_EVENT_INIT;

    (void)state;
    push_counter(r.stream, 700);
    assert_ok(acap_context_next_event(r.context, 10 * NS_PER_S, &event));
    assert_int_equal(event.type, ACAP_EVENT_STREAM_STALLED);
    const acap_result result = acap_context_next_event(r.context, 2200 * NS_PER_MS, &event);
    if (result != ACAP_TIMED_OUT)
        fail_msg("%s", event.text);
    assert_int_equal(stream_stats(r.stream).state, ACAP_STATE_RUNNING);
    push_counter(r.stream, 700);
    finish_rig(&r);
    assert_int_equal(r.seen.frames, 1400);
}

/* ---- how it goes on ---- */

static void every_outage_is_counted_once_and_to_the_frame(void **state)
{
    struct session s = begin(MANUAL "&period=480&stall=2s:3s&stall=10s:20s&stall=40s:2500ms", ACAP_ON_LOST_WAIT);

    (void)state;
    advance(&s, 60 * RATE_HZ);
    const acap_stream_stats stats = stream_stats(s.stream);
    assert_int_equal(stats.state, ACAP_STATE_RUNNING);
    assert_int_equal(stats.recoveries, 3);
    assert_int_equal(s.recovered, 3);
    assert_int_equal(s.seen.gap_flags, 3);
    assert_int_equal(stats.lost_host, 25500 * RATE_HZ / 1000);
    assert_int_equal(s.seen.gap_frames, stats.lost_host);
    assert_int_equal(s.seen.lost_before_frames, stats.lost_host);
    assert_int_equal(stats.position + stats.frames_pending, 60 * RATE_HZ); /* as long as the clock says */
    end(&s);
}

static void an_outage_before_the_first_frame_counts_from_the_start(void **state)
{
    struct session s = begin(MANUAL "&period=480&stall=0s:20s", ACAP_ON_LOST_WAIT);

    (void)state;
    advance(&s, 25 * RATE_HZ);
    assert_int_equal(stream_stats(s.stream).recoveries, 1);
    assert_int_equal(stream_stats(s.stream).position, 25 * RATE_HZ);
    assert_int_equal(s.seen.gap_frames, 20 * RATE_HZ);
    end(&s);
}

/* The device that is opened again is as silent as the one that was lost: the outage lasts as long as the stall. */
static void a_stall_lasts_however_often_the_device_is_opened(void **state)
{
    static const char *const endings[] = {"", "&burst", "&burst=1s", "&stall=6s:1s&xrun=5500ms:480f"};
    static const uint32_t lengths_ms[] = {2500, 3000, 7000, 10100, 30000};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(endings) * COUNT_OF(lengths_ms); i++) {
        const uint64_t length_ms = lengths_ms[i / COUNT_OF(endings)];
        char device[100];
        snprintf(device, sizeof device, MANUAL "&period=480&stall=5s:%" PRIu64 "ms%s", length_ms, endings[i % COUNT_OF(endings)]);
        struct session s = begin(device, ACAP_ON_LOST_WAIT);
        advance(&s, 40 * RATE_HZ);
        const acap_stream_stats stats = stream_stats(s.stream);
        print_message("%s: %" PRIu64 " lost, %u recoveries\n", device, stats.lost_host, (unsigned)stats.recoveries);
        assert_int_equal(stats.position + stats.frames_pending, 40 * RATE_HZ);
        assert_int_equal(stats.recoveries, 1);
        assert_int_equal(s.recovered, 1);
        assert_int_equal(stats.lost_host, length_ms * RATE_HZ / 1000);
        end(&s);
    }
}

static void the_device_is_asked_for_often_enough_and_not_too_often(void **state)
{
    static const uint32_t outages_s[] = {3, 4, 7, 20, 100, 3600};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(outages_s); i++) {
        char device[80];
        snprintf(device, sizeof device, MANUAL "&period=480&unplug=1s&replug=%us", 1 + outages_s[i]);
        struct session s = begin(device, ACAP_ON_LOST_WAIT);
        advance(&s, (outages_s[i] + 5) * RATE_HZ);
        const uint64_t lost = stream_stats(s.stream).lost_host;
        assert_int_equal(stream_stats(s.stream).recoveries, 1);
        assert_true(lost >= outages_s[i] * RATE_HZ);
        assert_true(lost <= (outages_s[i] + 2) * RATE_HZ); /* back within two seconds */
        end(&s);
    }
}

/* An id of a simulated device may be longer than what acap_stream_info has room for. */
static void a_device_with_a_long_id_is_found_again(void **state)
{
    char device[480] = MANUAL "&period=480&unplug=1s&replug=4s";

    (void)state;
    for (int i = 0; i < 16; i++)
        strcat(device, "&xrun=1000000s:480f");
    struct session s = begin(device, ACAP_ON_LOST_WAIT);
    advance(&s, 10 * RATE_HZ);
    assert_int_equal(stream_stats(s.stream).recoveries, 1);
    assert_int_equal(stream_stats(s.stream).position, 10 * RATE_HZ);
    end(&s);
}

static void what_is_held_meanwhile_stays_valid(void **state)
{
    struct session s = begin(MANUAL "&period=480&unplug=1s&replug=5s", ACAP_ON_LOST_WAIT);
    const acap_buffer *held[20];

    (void)state;
    assert_ok(acap_stream_sim_advance(s.stream, RATE_HZ / 2));
    for (size_t i = 0; i < COUNT_OF(held); i++)
        held[i] = borrow_now(s.reader, &s.seen);
    advance(&s, 3 * RATE_HZ);
    assert_int_equal(stream_stats(s.stream).state, ACAP_STATE_LOST);
    for (size_t i = 0; i < COUNT_OF(held); i++)
        assert_true(counter_holds(held[i]));
    advance(&s, 7 * RATE_HZ);
    assert_int_equal(s.recovered, 1);
    end(&s);
    for (size_t i = 0; i < COUNT_OF(held); i++) {
        assert_true(counter_holds(held[i]));
        assert_int_equal(held[i]->position, i * 480);
        acap_buffer_release(held[i]);
    }
}

static void a_reader_may_come_and_go_while_the_device_is_lost(void **state)
{
    struct session s = begin(MANUAL "&period=480&unplug=1s&replug=5s", ACAP_ON_LOST_WAIT);
    struct session late = s;

    (void)state;
    advance(&s, 4 * RATE_HZ);
    acap_reader *never = open_queue(s.stream, 10, ACAP_OVERFLOW_DROP_OLDEST);
    late.reader = open_queue(s.stream, 600, ACAP_OVERFLOW_DROP_OLDEST);
    conservation_begin(&late.seen, late.reader);
    assert_int_equal(late.seen.start_position, RATE_HZ);
    acap_reader_close(never);
    advance(&s, 6 * RATE_HZ);
    assert_result(take_all(&late), ACAP_TIMED_OUT);
    assert_int_equal(late.recovered, 1);
    assert_int_equal(reader_stats(late.reader).lost_stream, stream_stats(s.stream).lost_host);
    assert_conserved(conservation_at_rest(&late.seen, s.stream, late.reader));
    acap_reader_close(late.reader);
    end(&s);
}

static void after_a_failure_a_start_goes_on_without_counting_the_time_between(void **state)
{
    struct session s = begin(MANUAL "&period=480&stall=2s:3600s", ACAP_ON_LOST_FAIL);

    (void)state;
    advance(&s, 5 * RATE_HZ);
    assert_int_equal(stream_stats(s.stream).state, ACAP_STATE_LOST);
    assert_result(take_all(&s), ACAP_ERROR_DEVICE_LOST);
    assert_ok(acap_stream_start(s.stream));
    assert_result(take_all(&s), ACAP_TIMED_OUT); /* the loss is taken back */
    advance(&s, 3 * RATE_HZ);
    assert_int_equal(stream_stats(s.stream).position, 5 * RATE_HZ);
    assert_int_equal(stream_stats(s.stream).frames_lost, 0);
    assert_int_equal(stream_stats(s.stream).recoveries, 0); /* it was no recovery but a start */
    assert_int_equal(s.recovered, 0);
    end(&s);
}

static void a_stop_gives_the_wait_up(void **state)
{
    struct session s = begin(MANUAL "&period=480&stall=2s:3600s", ACAP_ON_LOST_WAIT);

    (void)state;
    advance(&s, 4 * RATE_HZ);
    assert_int_equal(stream_stats(s.stream).state, ACAP_STATE_LOST);
    assert_ok(acap_stream_stop(s.stream));
    assert_int_equal(stream_stats(s.stream).state, ACAP_STATE_STOPPED);
    assert_result(take_all(&s), ACAP_END);
    assert_result(acap_stream_sim_advance(s.stream, 480), ACAP_ERROR_INVALID_STATE);
    assert_ok(acap_stream_start(s.stream));
    advance(&s, RATE_HZ);
    assert_int_equal(stream_stats(s.stream).position, 3 * RATE_HZ);
    assert_int_equal(stream_stats(s.stream).frames_lost, 0);
    end(&s);
}

static void a_context_that_goes_ends_the_wait(void **state)
{
    for (uint32_t policy = ACAP_ON_LOST_FAIL; policy <= ACAP_ON_LOST_WAIT; policy++) {
        struct session s = begin(MANUAL "&period=480&unplug=1s", policy);
        (void)state;
        advance(&s, 4 * RATE_HZ);
        assert_int_equal(stream_stats(s.stream).state, ACAP_STATE_LOST);
        acap_context_destroy(s.context);
        assert_result(take_all(&s), ACAP_END);
        assert_result(acap_stream_sim_advance(s.stream, 480), ACAP_ERROR_INVALID_STATE);
        assert_result(acap_stream_start(s.stream), ACAP_ERROR_INVALID_STATE);
        s.context = NULL;
        end(&s);
    }
}

static void expect_device(acap_stream *stream, const char *device_id)
{
    acap_stream_info info = ACAP_STREAM_INFO_INIT;

    assert_ok(acap_stream_get_info(stream, &info));
    assert_string_equal(info.device_id, device_id);
}

/* The default is another device: the counter, which proves that it goes on at the right frame. */
static void the_default_is_followed_in_virtual_time(void **state)
{
    struct session s = begin("sim:noise?pace=manual&period=480&unplug=1s", ACAP_ON_LOST_FOLLOW_DEFAULT);

    (void)state;
    assert_ok(acap_stream_sim_advance(s.stream, RATE_HZ));
    take_uncounted(&s);
    expect_device(s.stream, "sim:noise?pace=manual&period=480&unplug=1s");
    advance(&s, 9 * RATE_HZ);
    expect_device(s.stream, MANUAL);
    assert_int_equal(s.recovered, 1);
    assert_int_equal(s.seen.gap_frames, stream_stats(s.stream).lost_host);
    assert_in_range(stream_stats(s.stream).position + stream_stats(s.stream).frames_pending, 10 * RATE_HZ - 255, 10 * RATE_HZ);
    assert_ok(acap_stream_stop(s.stream)); /* and its own device is still gone */
    assert_result(take_all(&s), ACAP_END);
    assert_ok(acap_stream_start(s.stream));
    advance(&s, RATE_HZ);
    expect_device(s.stream, MANUAL);
    end(&s);
}

/* ---- sleepers ---- */

struct sleeper {
    acap_reader *reader;
    conservation seen;
    acap_result result;
};

#define BATCH_BUFFERS 5u

static void *take_a_batch(void *argument)
{
    struct sleeper *sleeper = argument;
    const acap_buffer *buffer;

    /* Whatever it finds before it sleeps for the first time: at last it sleeps, and only the stall wakes it. */
    do {
        sleeper->result = acap_reader_borrow(sleeper->reader, ACAP_WAIT_FOREVER, &buffer);
        if (buffer != NULL)
            conservation_add(&sleeper->seen, buffer);
        acap_buffer_release(buffer);
    } while (sleeper->result == ACAP_OK && sleeper->seen.buffers < BATCH_BUFFERS);
    return NULL;
}

/* Five buffers of a batch of twenty, and then nothing more: whoever sleeps takes what there is. */
static void a_stall_wakes_those_who_wait_for_more(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, MANUAL "&period=480&unplug=50ms", ACAP_FORMAT_S32, 1, 480);
    struct sleeper sleeper = {.reader = open_batches(stream, 50, 20)};
    pthread_t thread;

    (void)state;
    conservation_begin(&sleeper.seen, sleeper.reader);
    assert_ok(acap_stream_start(stream));
    assert_int_equal(pthread_create(&thread, NULL, take_a_batch, &sleeper), 0);
    assert_ok(acap_stream_sim_advance(stream, RATE_HZ)); /* no end, no loss: a stall */
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(sleeper.result, ACAP_OK);
    assert_int_equal(sleeper.seen.buffers, BATCH_BUFFERS);
    assert_int_equal(stream_stats(stream).state, ACAP_STATE_RUNNING);
    assert_conserved(conservation_at_rest(&sleeper.seen, stream, sleeper.reader));
    close_conserved(context, stream, sleeper.reader);
}

static void a_stall_makes_the_descriptor_readable(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, MANUAL "&period=480&unplug=50ms", ACAP_FORMAT_S32, 1, 480);
    acap_reader *reader = open_batches(stream, 50, 20);
    struct pollfd asked = {.events = POLLIN};
    const acap_buffer *buffer;
    conservation seen;
    intptr_t handle;

    (void)state;
    conservation_begin(&seen, reader);
    assert_ok(acap_reader_get_wait_handle(reader, &handle));
    asked.fd = (int)handle;
    assert_ok(acap_stream_start(stream));
    assert_result(acap_reader_borrow(reader, 0, &buffer), ACAP_TIMED_OUT);
    assert_ok(acap_stream_sim_advance(stream, RATE_HZ / 5));
    assert_int_equal(poll(&asked, 1, 0), 0); /* five are not enough */
    assert_ok(acap_stream_sim_advance(stream, RATE_HZ / 5));
    assert_int_equal(poll(&asked, 1, 0), 1);
    assert_result(drain(reader, &seen), ACAP_TIMED_OUT);
    assert_int_equal(seen.buffers, 5);
    assert_int_equal(poll(&asked, 1, 0), 0);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    close_conserved(context, stream, reader);
}

static void a_loss_wakes_those_who_wait_for_ever(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, MANUAL "&period=480&unplug=0.48s", ACAP_FORMAT_S32, 1, 480);
    struct sleeper sleeper = {.reader = open_reader(stream)};
    pthread_t thread;

    (void)state;
    conservation_begin(&sleeper.seen, sleeper.reader);
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_sim_advance(stream, RATE_HZ / 2));
    assert_result(drain(sleeper.reader, &sleeper.seen), ACAP_TIMED_OUT);
    assert_int_equal(pthread_create(&thread, NULL, take_a_batch, &sleeper), 0);
    assert_ok(acap_stream_sim_advance(stream, 3 * RATE_HZ));
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(sleeper.result, ACAP_ERROR_DEVICE_LOST);
    assert_conserved(conservation_at_rest(&sleeper.seen, stream, sleeper.reader));
    close_conserved(context, stream, sleeper.reader);
}

/* ---- in real time ---- */

struct outage {
    struct session session;
    int64_t lost_ns;
    int64_t back_ns;
};

static void watch_out(struct outage *o)
{
    const uint32_t state = stream_stats(o->session.stream).state;
    const acap_buffer *buffer;

    if (o->lost_ns == 0 && state == ACAP_STATE_LOST)
        o->lost_ns = acap_clock_ns();
    if (o->lost_ns != 0 && o->back_ns == 0 && state == ACAP_STATE_RUNNING)
        o->back_ns = acap_clock_ns();
    while (acap_reader_borrow(o->session.reader, 5 * NS_PER_MS, &buffer) == ACAP_OK) {
        o->session.recovered += (buffer->flags & ACAP_BUFFER_RECOVERED) != 0;
        conservation_add(&o->session.seen, buffer);
        acap_buffer_release(buffer);
    }
}

static void expect_outage(struct outage *o, int64_t start_ns, int64_t back_at_ms)
{
    const int64_t lost_ms = (o->lost_ns - start_ns) / NS_PER_MS;
    const int64_t back_ms = (o->back_ns - start_ns) / NS_PER_MS;

    assert_ok(acap_stream_stop(o->session.stream));
    const uint64_t by_clock = (uint64_t)(acap_clock_ns() - start_ns) * RATE_HZ / (uint64_t)NS_PER_S;
    take_uncounted(&o->session);
    const acap_stream_stats stats = stream_stats(o->session.stream);
    assert_ok(acap_stream_start(o->session.stream)); /* with the device that there is now */
    assert_ok(acap_stream_stop(o->session.stream));
    take_uncounted(&o->session);
    print_message("lost after %" PRId64 " ms, back after %" PRId64 " ms, %" PRIu64 " frames by the clock, %" PRIu64 " by the account\n",
                  lost_ms - 300, back_ms, by_clock, stats.position);
    /* start_ns is taken when the start has returned: the device may run a little longer already. */
    assert_in_range(lost_ms, 2200, 2800 + HAS_SANITIZER * 2000);
    assert_true(back_ms <= back_at_ms + 2000 + HAS_SANITIZER * 2000);
    assert_int_equal(o->session.recovered, 1);
    assert_int_equal(stats.recoveries, 1);
    assert_true(llabs((int64_t)(by_clock - stats.position)) < (int64_t)RATE_HZ / 4);
    assert_conserved(conservation_at_rest(&o->session.seen, o->session.stream, o->session.reader));
    close_conserved(o->session.context, o->session.stream, o->session.reader);
}

/* The one waits for its own device, the other goes on with the default. */
static void a_real_outage_is_told_and_over_in_time(void **state)
{
    struct outage same = {.session = begin("sim:counter?unplug=300ms&replug=3s", ACAP_ON_LOST_WAIT)};
    struct outage other = {.session = begin("sim:noise?unplug=300ms", ACAP_ON_LOST_FOLLOW_DEFAULT)};
    const int64_t start_ns = acap_clock_ns();

    (void)state;
    while ((same.session.recovered == 0 || other.session.recovered == 0) && acap_clock_ns() - start_ns < 10 * NS_PER_S) {
        watch_out(&same);
        watch_out(&other);
    }
    expect_device(other.session.stream, "sim:counter");
    expect_outage(&same, start_ns, 3000);
    expect_outage(&other, start_ns, 2800);
    assert_true(threads_have_gone());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stall_and_a_loss_are_told_in_time),
        cmocka_unit_test(events_carry_the_streams_time),
        cmocka_unit_test(a_device_of_long_periods_is_not_lost_between_them),
        cmocka_unit_test(a_pushed_stream_is_never_lost),
        cmocka_unit_test(every_outage_is_counted_once_and_to_the_frame),
        cmocka_unit_test(an_outage_before_the_first_frame_counts_from_the_start),
        cmocka_unit_test(a_stall_lasts_however_often_the_device_is_opened),
        cmocka_unit_test(the_device_is_asked_for_often_enough_and_not_too_often),
        cmocka_unit_test(a_device_with_a_long_id_is_found_again),
        cmocka_unit_test(what_is_held_meanwhile_stays_valid),
        cmocka_unit_test(a_reader_may_come_and_go_while_the_device_is_lost),
        cmocka_unit_test(after_a_failure_a_start_goes_on_without_counting_the_time_between),
        cmocka_unit_test(a_stop_gives_the_wait_up),
        cmocka_unit_test(a_context_that_goes_ends_the_wait),
        cmocka_unit_test(the_default_is_followed_in_virtual_time),
        cmocka_unit_test(a_stall_wakes_those_who_wait_for_more),
        cmocka_unit_test(a_stall_makes_the_descriptor_readable),
        cmocka_unit_test(a_loss_wakes_those_who_wait_for_ever),
        cmocka_unit_test(a_real_outage_is_told_and_over_in_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
