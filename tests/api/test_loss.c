/* SPDX-License-Identifier: MIT */
/* Owns: tests of losses that the host hides or only hints at: a simulated device loses on cue, its counter tells the truth, and the
 * stream's
 * account is held against that.
 * Run by: CTest, a few seconds for an hour and a half of virtual time.
 * Runs on: the public API, in virtual time but for one test. */
#include "fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATE_HZ UINT64_C(48000)
#define WRAP_FRAMES (UINT64_C(1) << 24) /* the counter of S32 */
#define STEP_FRAMES UINT64_C(4800)

/* A consumer that takes everything and compares what it gets with what the device really made. */
struct witness {
    acap_context *context;
    acap_stream *stream;
    acap_reader *reader;
    conservation seen;
    uint64_t next_frame;  /* of the device's own count */
    uint64_t true_lost;   /* frames that the device made and nobody got */
    uint64_t true_losses; /* times */
    uint64_t lost_at;     /* position of the last one */
    int64_t offset;       /* of the device's count against the position, at the last frame */
};

static struct witness begin(const char *device)
{
    struct witness w = {.context = make_context("sim")};

    w.stream = open_stream(w.context, device, ACAP_FORMAT_S32, 1, 480);
    w.reader = open_queue(w.stream, 600, ACAP_OVERFLOW_DROP_OLDEST);
    conservation_begin(&w.seen, w.reader);
    assert_ok(acap_stream_start(w.stream));
    return w;
}

/* The device's number of a frame: its sample, and what is known already of how often the counter wrapped. */
static uint64_t frame_of(const struct witness *w, uint32_t sample)
{
    const uint64_t low = sample >> 8;
    const uint64_t base = w->next_frame - w->next_frame % WRAP_FRAMES + low;

    return base + WRAP_FRAMES / 2 < w->next_frame ? base + WRAP_FRAMES : base;
}

static void look_at(struct witness *w, const acap_buffer *buffer)
{
    const uint32_t *samples = buffer->data;

    for (uint32_t i = 0; i < buffer->frame_count; i++) {
        const uint64_t frame = frame_of(w, samples[i]);
        assert_true(frame >= w->next_frame); /* nothing comes twice */
        if (frame > w->next_frame) {
            w->true_lost += frame - w->next_frame;
            w->true_losses++;
            w->lost_at = buffer->position + i - (i == 0 ? buffer->lost_before : 0);
        }
        w->next_frame = frame + 1;
    }
    w->offset = (int64_t)w->next_frame - (int64_t)(buffer->position + buffer->frame_count);
}

static acap_result take_all(struct witness *w)
{
    const acap_buffer *buffer;
    acap_result result;

    while ((result = acap_reader_borrow(w->reader, 0, &buffer)) == ACAP_OK) {
        look_at(w, buffer);
        conservation_add(&w->seen, buffer);
        acap_buffer_release(buffer);
    }
    return result;
}

/* In steps, after each of which everything must add up. */
static void advance(struct witness *w, uint64_t frames)
{
    while (frames > 0) {
        const uint64_t step = frames < STEP_FRAMES ? frames : STEP_FRAMES;
        assert_ok(acap_stream_sim_advance(w->stream, step));
        frames -= step;
        assert_result(take_all(w), ACAP_TIMED_OUT);
        assert_conserved(conservation_at_rest(&w->seen, w->stream, w->reader));
    }
}

static uint64_t found(const struct witness *w)
{
    return stream_stats(w->stream).lost_host;
}

static void close_all(struct witness *w)
{
    assert_ok(acap_stream_stop(w->stream));
    assert_result(take_all(w), ACAP_END);
    assert_conserved(conservation_at_rest(&w->seen, w->stream, w->reader));
    assert_int_equal(stream_stats(w->stream).lost_pool, 0);
    assert_int_equal(reader_stats(w->reader).lost_queue, 0);
    close_conserved(w->context, w->stream, w->reader);
}

/* The next event of this type; others are passed over. */
static acap_event event_of(const struct witness *w, uint32_t type)
{
    acap_event event = ACAP_EVENT_INIT;

    do
        assert_ok(acap_context_next_event(w->context, 0, &event));
    while (event.type != type);
    return event;
}

static uint32_t events_of(const struct witness *w, uint32_t type)
{
    acap_event event = ACAP_EVENT_INIT;
    uint32_t count = 0;

    while (acap_context_next_event(w->context, 0, &event) == ACAP_OK)
        count += event.type == type;
    return count;
}

static void a_hidden_loss_is_counted_and_its_range_told(void **state)
{
    struct witness w = begin(MANUAL "&xrun=2s:480f");
    uint64_t from = 0;
    uint64_t to = 0;

    (void)state;
    advance(&w, 2 * RATE_HZ + 4800);
    assert_int_equal(w.true_lost, 480);
    assert_int_equal(found(&w), 0); /* it could still be coming */
    assert_int_equal(w.offset, 480);
    advance(&w, 2 * RATE_HZ);
    assert_int_equal(found(&w), 480);
    assert_int_equal(w.offset, 0); /* from there on, frame n of the device is at position n again */
    assert_int_equal(w.seen.gap_frames, 480);
    const acap_event event = event_of(&w, ACAP_EVENT_FRAMES_LOST);
    assert_int_equal(event.frames, 480);
    const char *range = strstr(event.text, "somewhere in positions ");
    assert_non_null(range);
    assert_int_equal(sscanf(range, "somewhere in positions %" SCNu64 " to %" SCNu64, &from, &to), 2);
    assert_true(from <= w.lost_at && w.lost_at < to);
    assert_int_equal(to, event.position);
    assert_true(event.position <= 3 * RATE_HZ + 2 * 4800);
    assert_int_equal(events_of(&w, ACAP_EVENT_FRAMES_LOST), 0);
    close_all(&w);
}

static void a_flagged_loss_is_marked_where_it_was(void **state)
{
    struct witness w = begin(MANUAL "&period=100&xrun=2s:60f:flag");
    const acap_buffer *buffer;

    (void)state;
    advance(&w, 2 * RATE_HZ);
    assert_ok(acap_stream_sim_advance(w.stream, 2000));
    assert_ok(acap_reader_borrow(w.reader, 0, &buffer));
    assert_int_equal(buffer->flags, ACAP_BUFFER_HOST_OVERFLOW); /* 96,000 frames are whole buffers: nothing was cut */
    assert_int_equal(buffer->position, 2 * RATE_HZ);
    assert_int_equal(*(const uint32_t *)buffer->data >> 8, 2 * RATE_HZ + 60);
    look_at(&w, buffer);
    conservation_add(&w.seen, buffer);
    acap_buffer_release(buffer);
    advance(&w, 2 * RATE_HZ);
    assert_int_equal(found(&w), 60); /* less than a call, which without the flag would not be believed */
    assert_int_equal(w.offset, 0);
    assert_int_equal(stream_stats(w.stream).host_overflows, 1);
    close_all(&w);
}

static void a_flag_cuts_the_buffer_that_was_being_filled(void **state)
{
    struct witness w = begin(MANUAL "&period=100&xrun=2005ms:300f:flag");

    (void)state;
    advance(&w, 5 * RATE_HZ);
    assert_int_equal(w.true_losses, 1);
    assert_int_equal(w.lost_at, 96300); /* 2.005 s are 96,240 frames: the next whole period */
    assert_int_equal(w.seen.overflow_flags, 1);
    assert_int_equal(w.seen.partials, 1); /* what was found a second later falls between two buffers */
    assert_int_equal(found(&w), 300);
    close_all(&w);
}

static void a_stall_without_a_burst_is_lost(void **state)
{
    struct witness w = begin(MANUAL "&stall=2s:1s");

    (void)state;
    advance(&w, 2 * RATE_HZ + RATE_HZ / 2);
    assert_int_equal(event_of(&w, ACAP_EVENT_STREAM_STALLED).level, ACAP_LEVEL_WARNING);
    advance(&w, 4 * RATE_HZ);
    assert_int_equal(w.true_lost, RATE_HZ);
    assert_int_equal(found(&w), RATE_HZ);
    assert_int_equal(w.offset, 0);
    assert_int_equal(events_of(&w, ACAP_EVENT_FRAMES_LOST), 1);
    assert_int_equal(stream_stats(w.stream).recoveries, 0);
    close_all(&w);
}

static void a_stall_that_was_queued_is_no_loss(void **state)
{
    struct witness w = begin(MANUAL "&stall=2s:1900ms&burst");

    (void)state;
    advance(&w, 10 * RATE_HZ);
    assert_int_equal(w.true_lost, 0);
    assert_int_equal(found(&w), 0);
    assert_int_equal(w.seen.gap_flags, 0);
    assert_int_equal(w.seen.frames, 10 * RATE_HZ / 480 * 480);
    assert_int_equal(events_of(&w, ACAP_EVENT_FRAMES_LOST), 0);
    close_all(&w);
}

struct row {
    const char *device;
    uint64_t true_lost;
    uint64_t tolerance_frames; /* of what is found */
};

static void expect_row(const struct row *row)
{
    struct witness w = begin(row->device);

    advance(&w, 20 * RATE_HZ);
    const uint64_t lost = found(&w);
    if (llabs((int64_t)w.true_lost - (int64_t)row->true_lost) > 1)
        fail_msg("%s: the device lost %" PRIu64 " frames", row->device, w.true_lost);
    if (llabs((int64_t)lost - (int64_t)w.true_lost) > (int64_t)row->tolerance_frames)
        fail_msg("%s: lost %" PRIu64 " frames, found %" PRIu64, row->device, w.true_lost, lost);
    assert_int_equal(w.offset, (int64_t)w.true_lost - (int64_t)lost);
    close_all(&w);
}

static void what_is_found_is_what_was_lost(void **state)
{
    static const struct row rows[] = {
        /* exact as long as nothing scatters */
        {MANUAL "&xrun=2s:300f", 300, 0}, /* more than a call */
        {MANUAL "&xrun=2s:90000f", 90000, 0},
        {MANUAL "&period=1&xrun=2s:48f", 48, 0},
        {MANUAL "&period=4800&xrun=2s:5000f", 5000, 0},
        {MANUAL "&xrun=2s:480f&xrun=7s:960f:flag&xrun=12s:1000f", 2440, 0},
        {MANUAL "&xrun=12s:1000f&xrun=2s:480f", 1480, 0}, /* in any order */
        {MANUAL "&xrun=2s:480f&xrun=2300ms:480f", 960, 0}, /* on top of each other */
        {MANUAL "&xrun=2s:480f&xrun=2s:480f", 960, 0},
        {MANUAL "&stall=2s:300ms&xrun=2500ms:2400f", 16800, 0},
        {MANUAL "&stall=2s:1s&stall=6s:1s", 96000, 0},
        /* drift and scatter cost what they cost */
        {MANUAL "&ppm=+200&xrun=5s:4800f", 4800, 5},
        {MANUAL "&ppm=-200&xrun=5s:4800f", 4800, 5},
        {MANUAL "&jitter=5ms&xrun=5s:4800f", 4800, 250},
        {MANUAL "&jitter=5ms&ppm=+80&xrun=5s:48000f&xrun=10s:960f:flag", 48960, 500},
        {MANUAL "&jitter=1ms&ppm=-80&stall=5s:1500ms&burst", 0, 0},
        /* the oldest of what was queued is lost: within 50 ms */
        {MANUAL "&stall=5s:1800ms&burst=600ms", 57600, 2400},
        {MANUAL "&jitter=5ms&stall=5s:1800ms&burst=600ms", 57600, 2400},
        {MANUAL "&jitter=5ms&ppm=+80&stall=5s:1800ms&burst=1700ms", 4807, 2400},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_row(&rows[i]);
}

static void a_loss_that_is_pending_at_the_stop_is_counted(void **state)
{
    struct witness w = begin(MANUAL "&period=480&xrun=2s:4800f&xrun=4s:4800f");

    (void)state;
    advance(&w, 2 * RATE_HZ + RATE_HZ / 2);
    assert_int_equal(found(&w), 0);
    assert_ok(acap_stream_stop(w.stream));
    assert_int_equal(found(&w), 4800);
    assert_result(take_all(&w), ACAP_END);
    assert_conserved(conservation_at_rest(&w.seen, w.stream, w.reader));
    assert_int_equal(reader_stats(w.reader).lost_stream, 4800);
    assert_ok(acap_stream_start(w.stream)); /* and things go on from there */
    advance(&w, 4 * RATE_HZ);
    assert_int_equal(w.true_lost, 9600);
    assert_int_equal(found(&w), 9600);
    assert_int_equal(w.offset, 0);
    close_all(&w);
}

/* Nobody looks at a stream in virtual time afterwards. */
static void a_loss_that_is_found_at_the_end_is_told(void **state)
{
    (void)state;
    for (int stops = 0; stops < 2; stops++) {
        struct witness w = begin(MANUAL "&period=480&xrun=2s:4800f");
        advance(&w, 2 * RATE_HZ + RATE_HZ / 2);
        assert_int_equal(events_of(&w, ACAP_EVENT_FRAMES_LOST), 0);
        if (stops)
            assert_ok(acap_stream_stop(w.stream));
        else
            acap_stream_close(w.stream);
        assert_int_equal(event_of(&w, ACAP_EVENT_FRAMES_LOST).frames, 4800);
        if (stops)
            acap_stream_close(w.stream);
        assert_int_equal(events_of(&w, ACAP_EVENT_FRAMES_LOST), 0);
        acap_reader_close(w.reader);
        acap_context_destroy(w.context);
    }
}

/* Until 0.3 s nobody can tell a loss from a server that fills its queue, unless the host says so. */
static void a_loss_in_the_first_moments_is_found_only_with_a_flag(void **state)
{
    struct witness hidden = begin(MANUAL "&xrun=100ms:480f");
    struct witness flagged = begin(MANUAL "&xrun=100ms:480f:flag");

    (void)state;
    advance(&hidden, 10 * RATE_HZ);
    assert_int_equal(hidden.true_lost, 480);
    assert_int_equal(found(&hidden), 0);
    close_all(&hidden);
    advance(&flagged, 10 * RATE_HZ);
    assert_int_equal(found(&flagged), 480);
    close_all(&flagged);
}

static void slow_first_data_is_no_loss(void **state)
{
    static const char *const devices[] = {
        MANUAL "&stall=0s:2s&burst",
        MANUAL "&stall=0s:4900ms&burst",
        MANUAL "&jitter=5ms&ppm=-50&stall=0s:2s&burst",
        MANUAL "&period=48&stall=0s:100ms&burst",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(devices); i++) {
        struct witness w = begin(devices[i]);
        advance(&w, 12 * RATE_HZ);
        assert_int_equal(w.true_lost, 0);
        assert_int_equal(found(&w), 0);
        assert_int_equal(events_of(&w, ACAP_EVENT_STREAM_LOST), 0);
        close_all(&w);
    }
}

/* Half an hour each; test_timeline.c has the days. */
static void expect_nothing_lost(const char *device)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, device, ACAP_FORMAT_S16, 1, 4800);
    acap_reader *reader = open_queue(stream, 50, ACAP_OVERFLOW_DROP_OLDEST);
    const acap_buffer *buffer;
    conservation seen;

    conservation_begin(&seen, reader);
    assert_ok(acap_stream_start(stream));
    for (int second = 0; second < (HAS_SANITIZER ? 300 : 1800); second++) {
        assert_ok(acap_stream_sim_advance(stream, RATE_HZ));
        while (acap_reader_borrow(reader, 0, &buffer) == ACAP_OK) {
            conservation_add(&seen, buffer);
            acap_buffer_release(buffer);
        }
    }
    if (stream_stats(stream).frames_lost != 0)
        fail_msg("%s: %" PRIu64 " frames were made up", device, stream_stats(stream).frames_lost);
    assert_int_equal(seen.gap_flags, 0);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    close_conserved(context, stream, reader);
}

static void hours_of_drift_jitter_and_silence_are_no_loss(void **state)
{
    (void)state;
    expect_nothing_lost("sim:noise?pace=manual&period=1024&ppm=+200&jitter=50ms");
    expect_nothing_lost("sim:silence?pace=manual&period=1024&ppm=-200&jitter=50ms");
    expect_nothing_lost("sim:silence?pace=manual&period=480&stall=10s:900ms&stall=200s:1900ms&burst");
}

static void a_reader_that_comes_between_the_loss_and_its_finding_shares_it(void **state)
{
    struct witness w = begin(MANUAL "&period=480&xrun=2s:960f");
    conservation late_seen;

    (void)state;
    advance(&w, 2 * RATE_HZ + RATE_HZ / 2);
    acap_reader *late = open_queue(w.stream, 300, ACAP_OVERFLOW_DROP_OLDEST);
    conservation_begin(&late_seen, late);
    advance(&w, RATE_HZ);
    assert_int_equal(found(&w), 960);
    assert_int_equal(reader_stats(late).lost_stream, 960); /* the account is the stream's: it was found while this reader was open */
    const acap_buffer *buffer;
    while (acap_reader_borrow(late, 0, &buffer) == ACAP_OK) {
        conservation_add(&late_seen, buffer);
        acap_buffer_release(buffer);
    }
    assert_conserved(conservation_at_rest(&late_seen, w.stream, late));
    acap_reader_close(late);
    close_all(&w);
}

/* As fast as the machine can: nothing tells how long anything took. */
static void without_a_clock_only_what_the_host_says_is_known(void **state)
{
    struct witness w = begin("sim:counter?pace=fast&xrun=1s:4800f&xrun=2s:4800f:flag");
    const acap_buffer *buffer;

    (void)state;
    while (w.next_frame < 3 * RATE_HZ) {
        assert_ok(acap_reader_borrow(w.reader, 20 * NS_PER_S, &buffer));
        if (buffer->position != w.seen.next_position) /* this reader's own queue was full */
            w.next_frame = *(const uint32_t *)buffer->data >> 8;
        look_at(&w, buffer);
        conservation_add(&w.seen, buffer);
        acap_buffer_release(buffer);
    }
    assert_ok(acap_stream_stop(w.stream));
    while (acap_reader_borrow(w.reader, 0, &buffer) == ACAP_OK) {
        conservation_add(&w.seen, buffer);
        acap_buffer_release(buffer);
    }
    const acap_stream_stats stats = stream_stats(w.stream);
    assert_int_equal(stats.lost_host, 0);
    assert_int_equal(stats.host_overflows, 1);
    assert_true(stats.measured_rate_hz == 0);
    assert_conserved(conservation_at_rest(&w.seen, w.stream, w.reader));
    close_conserved(w.context, w.stream, w.reader);
}

/* What the host says that it lost, acap believes to the frame. */
static void a_loss_that_is_pushed_is_exact_and_in_its_place(void **state)
{
    rig r = make_rig(480, 100, ACAP_OVERFLOW_DROP_OLDEST);
    acap_event event = ACAP_EVENT_INIT;

    (void)state;
    push_counter(r.stream, 700);
    assert_ok(acap_stream_push(r.stream, NULL, 1234, 0));
    push_counter(r.stream, 700);
    assert_result(drain(r.reader, &r.seen), ACAP_TIMED_OUT); /* sample n is at position n, always */
    assert_int_equal(r.seen.gap_frames, 1234);
    assert_int_equal(r.seen.gap_flags, 1);
    assert_ok(acap_context_next_event(r.context, 10 * NS_PER_S, &event));
    assert_int_equal(event.type, ACAP_EVENT_FRAMES_LOST);
    assert_int_equal(event.position, 700);
    assert_int_equal(event.frames, 1234);
    assert_null(strstr(event.text, "somewhere"));
    finish_rig(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hidden_loss_is_counted_and_its_range_told),
        cmocka_unit_test(a_flagged_loss_is_marked_where_it_was),
        cmocka_unit_test(a_flag_cuts_the_buffer_that_was_being_filled),
        cmocka_unit_test(a_stall_without_a_burst_is_lost),
        cmocka_unit_test(a_stall_that_was_queued_is_no_loss),
        cmocka_unit_test(what_is_found_is_what_was_lost),
        cmocka_unit_test(a_loss_that_is_pending_at_the_stop_is_counted),
        cmocka_unit_test(a_loss_that_is_found_at_the_end_is_told),
        cmocka_unit_test(a_loss_in_the_first_moments_is_found_only_with_a_flag),
        cmocka_unit_test(slow_first_data_is_no_loss),
        cmocka_unit_test(hours_of_drift_jitter_and_silence_are_no_loss),
        cmocka_unit_test(a_reader_that_comes_between_the_loss_and_its_finding_shares_it),
        cmocka_unit_test(without_a_clock_only_what_the_host_says_is_known),
        cmocka_unit_test(a_loss_that_is_pushed_is_exact_and_in_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
