/* SPDX-License-Identifier: MIT */
/* Owns: the proof that a callback of PortAudio's becomes the right chunk: overruns counted once, delays believed only where plausible,
 * nothing delivered once shut.
 * Run by: CTest, in no time.
 * Runs on: the insides of the static library, on the test's own thread and clock. Needs the linker's --wrap=acap__feed_deliver and
 * --wrap=acap_clock_ns. */
#include "portaudio_tap.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { RATE_HZ = 48000, PERIOD = 480 };

static int64_t clock_ns;
static acap__chunk last;
static acap__feed *last_feed;
static int deliveries;
static bool gate_is_open;

int64_t __wrap_acap_clock_ns(void);
bool __wrap_acap__feed_deliver(acap__feed *feed, const acap__chunk *chunk);

int64_t __wrap_acap_clock_ns(void)
{
    return clock_ns;
}

bool __wrap_acap__feed_deliver(acap__feed *feed, const acap__chunk *chunk)
{
    last = *chunk;
    last_feed = feed;
    deliveries++;
    return gate_is_open;
}

static float frames[2 * PERIOD];
static acap__feed feed;
static int silenced;

static acap__alsa_handler set_local(acap__alsa_handler handler)
{
    assert_non_null(handler);
    silenced++;
    return NULL;
}

static acap__tap make_tap(void)
{
    acap__tap tap;

    memset(&tap, 0, sizeof tap);
    acap__store_release(&tap.feed, (void *)&feed);
    tap.sample_rate_hz = RATE_HZ;
    tap.has_delay = true;
    clock_ns = ACAP__NS_PER_S;
    deliveries = 0;
    silenced = 0;
    gate_is_open = true;
    return tap;
}

/* Half an hour into the host's own time, which is not acap's. */
static acap__tap_call make_call(double since_s)
{
    const acap__tap_call call = {
        .input = frames, .frame_count = PERIOD, .host_time_s = 1800.0 + since_s, .capture_time_s = 1800.0 + since_s - 0.015 };

    return call;
}

static void passes_on_what_came(void **state)
{
    acap__tap tap = make_tap();
    const acap__tap_call call = make_call(0);

    (void)state;
    assert_true(acap__tap_deliver(&tap, &call));
    assert_int_equal(deliveries, 1);
    assert_ptr_equal(last_feed, &feed);
    assert_ptr_equal(last.frames, frames);
    assert_null(last.planes);
    assert_int_equal(last.frame_count, PERIOD);
    assert_int_equal(last.entry_ns, clock_ns);
    assert_in_range(last.delay_ns, 15 * ACAP__NS_PER_MS - 1000, 15 * ACAP__NS_PER_MS + 1000);
    assert_false(last.host_overflow);
}

static void planes_stay_planes(void **state)
{
    const void *const planes[2] = { frames, frames + PERIOD };
    acap__tap tap = make_tap();
    acap__tap_call call = make_call(0);

    (void)state;
    tap.is_planar = true;
    call.input = planes;
    assert_true(acap__tap_deliver(&tap, &call));
    assert_ptr_equal(last.planes, planes);
    assert_null(last.frames);
}

/* A chunk without frames says that the host lost them. */
static void nothing_is_a_loss(void **state)
{
    acap__tap tap = make_tap();
    acap__tap_call call = make_call(0);

    (void)state;
    call.input = NULL;
    assert_true(acap__tap_deliver(&tap, &call));
    assert_null(last.frames);
    assert_null(last.planes);
    assert_int_equal(last.frame_count, PERIOD);
}

static void shut_tap_touches_nothing(void **state)
{
    acap__tap tap = make_tap();
    const acap__tap_call call = make_call(0);

    (void)state;
    acap__store_release(&tap.feed, NULL);
    assert_false(acap__tap_deliver(&tap, &call));
    assert_int_equal(deliveries, 0);
}

static void shut_gate_ends_the_stream(void **state)
{
    acap__tap tap = make_tap();
    const acap__tap_call call = make_call(0);

    (void)state;
    gate_is_open = false;
    assert_false(acap__tap_deliver(&tap, &call));
}

static bool overflow_of(acap__tap *tap, double since_s, bool is_flagged)
{
    acap__tap_call call = make_call(since_s);

    call.is_flagged = is_flagged;
    assert_true(acap__tap_deliver(tap, &call));
    return last.host_overflow;
}

/* PortAudio repeats the flag in each callback that is cut from one host buffer; they all have its time. */
static void overrun_counts_once_a_host_buffer(void **state)
{
    acap__tap tap = make_tap();

    (void)state;
    assert_false(overflow_of(&tap, 0.00, false));
    assert_true(overflow_of(&tap, 0.01, true));
    assert_false(overflow_of(&tap, 0.01, true));
    assert_false(overflow_of(&tap, 0.01, true));
    assert_true(overflow_of(&tap, 0.02, true));
    assert_false(overflow_of(&tap, 0.03, false));
    assert_true(overflow_of(&tap, 0.03, true)); /* an edge within one buffer */
    assert_true(overflow_of(&tap, 0.04, true));
}

/* JACK flags the joining of the client itself. */
static void overrun_before_the_first_frame_is_none(void **state)
{
    acap__tap tap = make_tap();

    (void)state;
    assert_false(overflow_of(&tap, 0.00, true));
    assert_false(overflow_of(&tap, 0.00, true));
    assert_true(overflow_of(&tap, 0.01, true));
}

static int64_t delay_of(acap__tap *tap, double host_time_s, double capture_time_s)
{
    acap__tap_call call = make_call(0);

    call.host_time_s = host_time_s;
    call.capture_time_s = capture_time_s;
    assert_true(acap__tap_deliver(tap, &call));
    return last.delay_ns;
}

static void only_plausible_delays_are_believed(void **state)
{
    acap__tap tap = make_tap();

    (void)state;
    assert_int_equal(delay_of(&tap, 10.0, 10.0), -1);    /* this buffer's last frame would be of the future */
    assert_int_equal(delay_of(&tap, 10.5, 10.4901), -1);
    assert_in_range(delay_of(&tap, 10.75, 10.739), 10999000, 11001000);
    assert_int_equal(delay_of(&tap, 11.0, 10.5), ACAP__NS_PER_S / 2);
    assert_in_range(delay_of(&tap, 12.0, 10.991), 1008999000, 1009001000);
    assert_int_equal(delay_of(&tap, 13.0, 11.989), -1); /* more than a second and this buffer */
    assert_int_equal(delay_of(&tap, 14.0, 14.001), -1); /* not captured yet */
    assert_int_equal(delay_of(&tap, 0.5, 0.0), -1);     /* WMME has no time */
    assert_int_equal(delay_of(&tap, 0.0, -89478.0), -1);
    assert_int_equal(delay_of(&tap, 15.0, (double)NAN), -1);
    tap.has_delay = false;
    assert_int_equal(delay_of(&tap, 16.0, 15.9), -1);
}

/* The second callback of a host buffer comes later than the time that PortAudio gives for both. */
static void delay_is_that_at_entry(void **state)
{
    acap__tap tap = make_tap();
    acap__tap_call call = make_call(0);

    (void)state;
    assert_true(acap__tap_deliver(&tap, &call));
    clock_ns += 2 * ACAP__NS_PER_MS;
    call.capture_time_s += 0.004;
    call.frame_count = PERIOD / 2;
    assert_true(acap__tap_deliver(&tap, &call));
    assert_in_range(last.delay_ns, 13 * ACAP__NS_PER_MS - 1000, 13 * ACAP__NS_PER_MS + 1000);
}

static void alsa_is_silenced_once(void **state)
{
    acap__tap tap = make_tap();
    const acap__tap_call call = make_call(0);

    (void)state;
    tap.set_alsa_local = set_local;
    for (int i = 0; i < 3; i++)
        assert_true(acap__tap_deliver(&tap, &call));
    assert_int_equal(silenced, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_on_what_came),
        cmocka_unit_test(planes_stay_planes),
        cmocka_unit_test(nothing_is_a_loss),
        cmocka_unit_test(shut_tap_touches_nothing),
        cmocka_unit_test(shut_gate_ends_the_stream),
        cmocka_unit_test(overrun_counts_once_a_host_buffer),
        cmocka_unit_test(overrun_before_the_first_frame_is_none),
        cmocka_unit_test(only_plausible_delays_are_believed),
        cmocka_unit_test(delay_is_that_at_entry),
        cmocka_unit_test(alsa_is_silenced_once),
    };

    return cmocka_run_group_tests_name("portaudio_tap", tests, NULL, NULL);
}
