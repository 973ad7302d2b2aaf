/* SPDX-License-Identifier: MIT */
/* Owns: tests of the times that buffers carry, of their error bounds and of the measured rate, against simulated devices of which the truth
 * is known: frame n was captured n / (rate * (1 + drift)) after the start.
 * Run by: CTest, about a second. test_timeline.c and test_rate.c have many more periods, drifts and seeds.
 * Runs on: the public API, in virtual time but for two tests. */
#include "fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define RATE_HZ 48000
#define MS 1e6

/* A device that was started, and whose virtual time began, between two looks at the clock. */
struct timed {
    acap_context *context;
    acap_stream *stream;
    acap_reader *reader;
    conservation seen;
    int64_t not_before_ns;
    int64_t not_after_ns;
    double frame_ns;
    /* of the last buffer */
    int64_t time_ns;
    uint64_t known;    /* buffers whose error bound was known */
    uint64_t exceeded; /* of these, whose error was larger, wherever between the looks the start was */
};

static struct timed begin(const char *device, double ppm, uint32_t frames_per_buffer)
{
    struct timed t = {.context = make_context("sim"), .frame_ns = 1e9 / (RATE_HZ * (1.0 + ppm * 1e-6)), .time_ns = INT64_MIN};

    t.stream = open_stream(t.context, device, ACAP_FORMAT_S16, 1, frames_per_buffer);
    t.reader = open_queue(t.stream, 4000, ACAP_OVERFLOW_DROP_OLDEST);
    conservation_begin(&t.seen, t.reader);
    t.not_before_ns = acap_clock_ns();
    assert_ok(acap_stream_start(t.stream));
    t.not_after_ns = acap_clock_ns();
    return t;
}

static void end(struct timed *t)
{
    assert_conserved(conservation_at_rest(&t->seen, t->stream, t->reader));
    close_conserved(t->context, t->stream, t->reader);
}

/* From the earliest possible start on. */
static double error_ns(const struct timed *t, const acap_buffer *buffer)
{
    return (double)(buffer->time_ns - t->not_before_ns) - (double)buffer->position * t->frame_ns;
}

/* The error that is left when the start is put where it suits best. */
static double least_error_ns(const struct timed *t, double from_earliest_ns)
{
    const double slack_ns = (double)(t->not_after_ns - t->not_before_ns);

    return from_earliest_ns < 0 ? -from_earliest_ns : from_earliest_ns > slack_ns ? from_earliest_ns - slack_ns : 0;
}

static void look_at(struct timed *t, const acap_buffer *buffer)
{
    assert_true(buffer->time_ns >= t->time_ns); /* never backwards */
    t->time_ns = buffer->time_ns;
    conservation_add(&t->seen, buffer);
    if (buffer->time_error_ns == INT64_MAX)
        return;
    assert_true(buffer->time_error_ns > 0);
    t->known++;
    t->exceeded += least_error_ns(t, error_ns(t, buffer)) > (double)buffer->time_error_ns;
}

static int by_size(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;

    return (left > right) - (left < right);
}

/* Advances, and returns the errors of the buffers that came. */
static size_t advance(struct timed *t, uint32_t seconds, double *errors, size_t room)
{
    const acap_buffer *buffer;
    size_t count = 0;

    for (uint32_t i = 0; i < seconds; i++) {
        assert_ok(acap_stream_sim_advance(t->stream, RATE_HZ));
        while (acap_reader_borrow(t->reader, 0, &buffer) == ACAP_OK) {
            look_at(t, buffer);
            if (count < room)
                errors[count++] = error_ns(t, buffer);
            acap_buffer_release(buffer);
        }
    }
    return count;
}

/* The 99th percentile of what is left when the start is put into the middle of the errors, as far as the looks at the clock allow. */
static double p99_ns(const struct timed *t, double *errors, size_t count)
{
    const double slack_ns = (double)(t->not_after_ns - t->not_before_ns);

    qsort(errors, count, sizeof errors[0], by_size);
    const double middle_ns = fmin(fmax((errors[0] + errors[count - 1]) / 2, 0), slack_ns);
    for (size_t i = 0; i < count; i++)
        errors[i] = fabs(errors[i] - middle_ns);
    qsort(errors, count, sizeof errors[0], by_size);
    return errors[count * 99 / 100];
}

static void after_10_s_of_jitter_and_drift_time_and_rate_are_right(void **state)
{
    static const struct {
        const char *device;
        double ppm;
        uint32_t frames_per_buffer;
    } rows[] = {
        {MANUAL "&ppm=+80&jitter=5ms", 80, 480},
        {MANUAL "&ppm=-80&jitter=5ms", -80, 100},
        {MANUAL "&ppm=-80&jitter=5ms&period=64", -80, 480},
        {MANUAL "&ppm=+80&jitter=5ms&period=480", 80, 480},
        {MANUAL "&ppm=+80&jitter=5ms&period=1024", 80, 480},
        {MANUAL "&ppm=-80&jitter=5ms&period=1024", -80, 480},
        {MANUAL "&ppm=+200&jitter=1ms&period=1024", 200, 4800},
    };
    static double errors[20000];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct timed t = begin(rows[i].device, rows[i].ppm, rows[i].frames_per_buffer);
        (void)advance(&t, 10, errors, 0);
        const double rate_ppm = (stream_stats(t.stream).measured_rate_hz * t.frame_ns / 1e9 - 1.0) * 1e6;
        const double p99 = p99_ns(&t, errors, advance(&t, 10, errors, COUNT_OF(errors)));
        print_message("%s: time p99 within %.3f ms, rate within %.2f ppm\n", rows[i].device, p99 / MS, fabs(rate_ppm));
        assert_true(p99 < 0.2 * MS);
        assert_true(fabs(rate_ppm) < 5.0);
        assert_true(t.known > t.seen.buffers * 9 / 10);
        assert_int_equal(t.exceeded, 0);
        assert_int_equal(stream_stats(t.stream).frames_lost, 0);
        end(&t);
    }
}

static void let_time_pass(void)
{
    const int64_t until_ns = acap_clock_ns() + 20 * NS_PER_MS;

    while (acap_clock_ns() < until_ns)
        ;
}

static int64_t advance_one_buffer(struct timed *t)
{
    assert_ok(acap_stream_sim_advance(t->stream, 480));
    const acap_buffer *buffer = borrow_now(t->reader, &t->seen);
    const int64_t time_ns = buffer->time_ns;
    acap_buffer_release(buffer);
    return time_ns;
}

/* As a real device's, however long it was open before; and a stop does not begin it anew. */
static void virtual_time_begins_with_the_first_start(void **state)
{
    struct timed t = {.context = make_context("sim")};

    (void)state;
    t.stream = open_stream(t.context, MANUAL "&period=480", ACAP_FORMAT_S32, 1, 480);
    t.reader = open_queue(t.stream, 10, ACAP_OVERFLOW_DROP_OLDEST);
    conservation_begin(&t.seen, t.reader);
    let_time_pass();
    t.not_before_ns = acap_clock_ns();
    assert_ok(acap_stream_start(t.stream));
    t.not_after_ns = acap_clock_ns();
    const int64_t first_ns = advance_one_buffer(&t);
    assert_true(t.not_before_ns <= first_ns && first_ns <= t.not_after_ns);
    let_time_pass();
    assert_true(advance_one_buffer(&t) == first_ns + 10 * NS_PER_MS);
    assert_ok(acap_stream_stop(t.stream));
    let_time_pass();
    assert_ok(acap_stream_start(t.stream)); /* stopped time adds nothing */
    assert_true(advance_one_buffer(&t) == first_ns + 20 * NS_PER_MS);
    end(&t);
}

/* Through stalls, bursts, losses and their finding: what position means is known only to within what was lost, and the bound says so. */
static void the_bound_is_honest_through_losses_and_bursts(void **state)
{
    static const char *const devices[] = {
        MANUAL "&stall=5s:1500ms&burst",
        MANUAL "&jitter=5ms&ppm=+80&stall=5s:1500ms&burst&stall=9s:1s",
        MANUAL "&jitter=20ms&ppm=-80",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(devices); i++) {
        struct timed t = begin(devices[i], i == 0 ? 0 : i == 1 ? 80 : -80, 480);
        (void)advance(&t, 20, NULL, 0);
        assert_true(t.known > 0);
        assert_int_equal(t.exceeded, 0);
        end(&t);
    }
}

/* A frame that was lost leaves its successors where they are in time; their positions are wrong until the loss is found. */
static void a_loss_that_is_not_yet_found_is_within_the_bound(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, MANUAL "&jitter=2ms&xrun=5s:4800f", ACAP_FORMAT_S32, 1, 480);
    acap_reader *reader = open_queue(stream, 2000, ACAP_OVERFLOW_DROP_OLDEST);
    const acap_buffer *buffer;
    conservation seen;
    int64_t start_ns = 0;
    uint64_t displaced = 0;

    (void)state;
    conservation_begin(&seen, reader);
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_sim_advance(stream, 10 * RATE_HZ));
    while (acap_reader_borrow(reader, 0, &buffer) == ACAP_OK) {
        const uint32_t frame = *(const uint32_t *)buffer->data >> 8; /* the sample tells when it was really captured */
        if (buffer->position < 4 * RATE_HZ)
            start_ns = buffer->time_ns - (int64_t)(frame * 1e9 / RATE_HZ); /* the line is good by then */
        else if (llabs(buffer->time_ns - start_ns - (int64_t)(frame * 1e9 / RATE_HZ)) > buffer->time_error_ns)
            fail_msg("position %llu: beyond the bound of %lld ns", (unsigned long long)buffer->position, (long long)buffer->time_error_ns);
        displaced += frame != buffer->position;
        conservation_add(&seen, buffer);
        acap_buffer_release(buffer);
    }
    assert_in_range(displaced, 90, 110); /* a second's */
    assert_int_equal(stream_stats(stream).frames_lost / 480, 10);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    close_conserved(context, stream, reader);
}

/* Without scatter and drift an outage is as long in frames as it is by the clock. */
static void time_and_position_agree_after_a_recovery(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    acap_reader *reader;
    const acap_buffer *buffer;
    conservation seen;
    int64_t first_ns = 0;

    (void)state;
    config.device = MANUAL "&period=480&unplug=3s&replug=7s";
    config.on_device_lost = ACAP_ON_LOST_WAIT;
    config.format = ACAP_FORMAT_S32;
    acap_stream *stream = open_config(context, &config);
    reader = open_queue(stream, 2000, ACAP_OVERFLOW_DROP_OLDEST);
    conservation_begin(&seen, reader);
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_sim_advance(stream, 15 * RATE_HZ));
    while (acap_reader_borrow(reader, 0, &buffer) == ACAP_OK) {
        if (buffer->position == 0)
            first_ns = buffer->time_ns;
        assert_true(llabs(buffer->time_ns - first_ns - (int64_t)(buffer->position * 1000000000 / RATE_HZ)) <= 2);
        assert_true(counter_holds(buffer));
        conservation_add(&seen, buffer);
        acap_buffer_release(buffer);
    }
    assert_int_equal(stream_stats(stream).recoveries, 1);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    close_conserved(context, stream, reader);
}

static void the_rate_is_unknown_at_first_and_after_a_restart(void **state)
{
    struct timed t = begin(MANUAL "&ppm=+80", 80, 480);

    (void)state;
    for (int i = 0; i < 2; i++) {
        (void)advance(&t, 3, NULL, 0);
        assert_true(stream_stats(t.stream).measured_rate_hz == 0);
        (void)advance(&t, 3, NULL, 0);
        assert_true(fabs(stream_stats(t.stream).measured_rate_hz * t.frame_ns / 1e9 - 1.0) < 1e-6);
        assert_ok(acap_stream_stop(t.stream));
        assert_ok(acap_stream_start(t.stream)); /* it may be another device's clock */
    }
    (void)advance(&t, 1, NULL, 0);
    end(&t);
}

/* Less than a period, not flagged, and never found: it must not be taken for drift. */
static void a_loss_that_is_never_found_does_not_mislead_the_rate(void **state)
{
    static const char *const devices[] = {
        MANUAL "&xrun=2s:100f",
        MANUAL "&xrun=2s:100f&jitter=1ms",
        MANUAL "&xrun=2s:100f&jitter=5ms",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(devices); i++) {
        struct timed t = begin(devices[i], 0, 480);
        for (int second = 1; second <= 40; second++) {
            (void)advance(&t, 1, NULL, 0);
            const double rate_hz = stream_stats(t.stream).measured_rate_hz;
            assert_true(rate_hz == 0 ? second < 20 : fabs(rate_hz / RATE_HZ - 1.0) < 5e-6);
        }
        assert_int_equal(stream_stats(t.stream).frames_lost, 0);
        end(&t);
    }
}

static void without_a_clock_the_bound_is_unknown(void **state)
{
    rig r = make_rig(480, 20, ACAP_OVERFLOW_DROP_OLDEST);
    const int64_t times_ns[] = {1000000, 11000000, 21000000, 5000000};
    const int64_t expected_ns[] = {1000000, 11000000, 21000000, 21000000}; /* the caller's word, but never backwards */
    uint32_t frames[480] = {0};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(times_ns); i++) {
        const acap_buffer *buffer;
        assert_ok(acap_stream_push(r.stream, frames, 480, times_ns[i]));
        assert_ok(acap_reader_borrow(r.reader, 0, &buffer));
        assert_true(buffer->time_ns == expected_ns[i]);
        assert_true(buffer->time_error_ns == INT64_MAX);
        conservation_add(&r.seen, buffer);
        acap_buffer_release(buffer);
    }
    assert_true(stream_stats(r.stream).measured_rate_hz == 0);
    finish_rig(&r);
}

/* In real time nothing is exact, but a frame is never from the future, nor older than the machine was slow. */
static void a_real_device_is_timed_by_the_callers_clock(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, "sim:counter?period=240", ACAP_FORMAT_S32, 1, 240);
    acap_reader *reader = open_reader(stream);
    const acap_buffer *buffer;
    conservation seen;

    (void)state;
    conservation_begin(&seen, reader);
    const int64_t start_ns = acap_clock_ns();
    assert_ok(acap_stream_start(stream));
    for (int i = 0; i < 100; i++) { /* half a second */
        assert_ok(acap_reader_borrow(reader, 20 * NS_PER_S, &buffer));
        assert_true(counter_holds(buffer));
        assert_true(buffer->time_ns >= start_ns - NS_PER_MS);
        assert_true(buffer->time_ns + 5 * NS_PER_MS <= acap_clock_ns() + NS_PER_MS);
        conservation_add(&seen, buffer);
        acap_buffer_release(buffer);
    }
    assert_ok(acap_stream_stop(stream));
    assert_result(drain(reader, &seen), ACAP_END);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    close_conserved(context, stream, reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(virtual_time_begins_with_the_first_start),
        cmocka_unit_test(after_10_s_of_jitter_and_drift_time_and_rate_are_right),
        cmocka_unit_test(the_bound_is_honest_through_losses_and_bursts),
        cmocka_unit_test(a_loss_that_is_not_yet_found_is_within_the_bound),
        cmocka_unit_test(time_and_position_agree_after_a_recovery),
        cmocka_unit_test(the_rate_is_unknown_at_first_and_after_a_restart),
        cmocka_unit_test(a_loss_that_is_never_found_does_not_mislead_the_rate),
        cmocka_unit_test(without_a_clock_the_bound_is_unknown),
        cmocka_unit_test(a_real_device_is_timed_by_the_callers_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
