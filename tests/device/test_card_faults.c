/* SPDX-License-Identifier: MIT */
/* Owns: what acap must survive of a card: overruns, silent gaps, stalls, silence, and a card that is gone. The account must hold through
 * all of it, and stop and close must return within their bounds.
 * Run by: CTest, in real time.
 * Runs on: the real libportaudio and libasound over the virtual card; public API only. */
#include "rig.h"

#include <string.h>

#define RATE_HZ 48000u

static void begin(capture *c, const char *card)
{
    const acap_stream_config config = rig_config("card_under_test", ACAP_FORMAT_S16, 2, RATE_HZ);

    rig_use_cards(card);
    capture_begin(c, &config);
}

/* Frames are gone, and what came is in order. */
static void assert_jumps(const capture *c, uint64_t jumps)
{
    assert_int_equal(c->signal.jumps, jumps);
    assert_int_equal(c->signal.corrupt_frames + c->signal.silent_frames, 0);
    assert_int_equal(c->signal.good_frames, c->seen.frames);
}

#define DEFAULT_CARD "pcm.!default { type acapcard }\n"

static void overrun_is_flagged(void **state)
{
    capture c;

    (void)state;
    begin(&c, DEFAULT_CARD "pcm.card_under_test { type acapcard faults \"24000:xrun:100\" }");
    capture_until(&c, RATE_HZ);
    assert_jumps(&c, 1);
    assert_true(c.signal.jumped_frames >= 100);
    assert_int_equal(c.seen.overflow_flags, 1);
    assert_int_equal(rig_stream_stats(c.stream).host_overflows, 1);
    capture_finish(&c);
}

/* A buffer is a run of consecutive frames: where the host says that it lost some, a buffer ends. */
static void overrun_does_not_break_a_buffer(void **state)
{
    capture c;

    (void)state;
    begin(&c, DEFAULT_CARD "pcm.card_under_test { type acapcard faults \"12000:xrun:100 24010:xrun:333 40000:xrun:1\" }");
    capture_until(&c, RATE_HZ);
    assert_jumps(&c, 3);
    assert_int_equal(c.signal.jumps_inside, 0);
    assert_int_equal(rig_stream_stats(c.stream).host_overflows, 3);
    capture_finish(&c);
}

/* Nobody can see it but the data; the account holds none the less, and no buffer claims what is not known. */
static void gap_without_a_word(void **state)
{
    capture c;

    (void)state;
    begin(&c, DEFAULT_CARD "pcm.card_under_test { type acapcard faults \"24000:gap:7\" }");
    capture_until(&c, RATE_HZ);
    assert_jumps(&c, 1);
    assert_int_equal(c.signal.jumped_frames, 7);
    assert_int_equal(c.seen.overflow_flags, 0);
    assert_int_equal(rig_stream_stats(c.stream).host_overflows, 0);
    capture_finish(&c);
}

/* The card goes on for 600 ms while nobody is woken: its ring overflows. */
static void stall_overflows_the_ring(void **state)
{
    capture c;

    (void)state;
    begin(&c, DEFAULT_CARD "pcm.card_under_test { type acapcard faults \"12000:stall:600\" }");
    capture_until(&c, RATE_HZ / 2);
    assert_jumps(&c, 1);
    assert_true(c.signal.jumped_frames > RATE_HZ / 10);
    assert_true(rig_stream_stats(c.stream).host_overflows >= 1);
    capture_finish(&c);
}

/* Silence is delivered and flagged, so that it can be told from a dead device. */
static void silence_is_delivered(void **state)
{
    capture c;

    (void)state;
    begin(&c, DEFAULT_CARD "pcm.card_under_test { type acapcard faults \"12000:zero:4800\" }");
    capture_until(&c, RATE_HZ / 2);
    assert_int_equal(c.signal.silent_frames, 4800);
    assert_int_equal(c.signal.good_frames, c.seen.frames - 4800);
    assert_int_equal(c.signal.jumps + c.signal.corrupt_frames, 0);
    assert_in_range(c.silent_flags, 9, 10);
    capture_finish(&c);
}

static void sleep_while_it_is_dead(capture *c)
{
    const acap_buffer *buffer;
    acap_result result;

    while ((result = acap_reader_borrow(c->reader, 300 * NS_PER_MS, &buffer)) == ACAP_OK) {
        capture_check(c, buffer);
        acap_buffer_release(buffer);
    }
    assert_true(result == ACAP_TIMED_OUT || result == ACAP_ERROR_DEVICE_LOST);
}

static void assert_stops_in_time(capture *c)
{
    capture_stop_dead(c, HOST_LIMIT_MS);
    assert_jumps(c, 0);
    assert_conserved(conservation_at_rest(&c->seen, c->stream, c->reader));
}

static void dead_card_stops_in_time(void **state)
{
    const char *action = *state;
    capture c;

    begin(&c, DEFAULT_CARD "pcm.card_under_test { type acapcard }");
    capture_until(&c, RATE_HZ / 5);
    rig_inject("card_under_test", action);
    sleep_while_it_is_dead(&c);
    assert_true(c.seen.frames <= rig_frames_produced("card_under_test"));
    assert_stops_in_time(&c);
    assert_within_ms(CLOSE_LIMIT_MS, acap_stream_close(c.stream));
    assert_within_ms(CLOSE_LIMIT_MS, acap_reader_close(c.reader));
    assert_within_ms(CLOSE_LIMIT_MS, acap_context_destroy(c.context));
}

/* Closed without a stop: whoever waits is told the end, and nobody waits for the host. */
static void dead_card_closes_at_once(void **state)
{
    const char *action = *state;
    capture c;

    begin(&c, DEFAULT_CARD "pcm.card_under_test { type acapcard }");
    capture_until(&c, RATE_HZ / 5);
    rig_inject("card_under_test", action);
    sleep_while_it_is_dead(&c);
    assert_within_ms(CLOSE_LIMIT_MS, acap_stream_close(c.stream));
    assert_within_ms(CLOSE_LIMIT_MS, acap_context_destroy(c.context));
    capture_drain(&c, ACAP_END);
    assert_jumps(&c, 0);
    assert_conserved(conservation_at_rest(&c.seen, NULL, c.reader));
    acap_reader_close(c.reader);
}

/* After one card has died, another is captured exactly. */
static void next_capture_is_exact(void **state)
{
    capture c;

    (void)state;
    begin(&c, DEFAULT_CARD "pcm.card_under_test { type acapcard }");
    capture_until(&c, RATE_HZ / 5);
    assert_jumps(&c, 0);
    capture_finish(&c);
}

static char hang[] = "hang";
static char spin[] = "spin";
static char disconnect[] = "disconnect";
static char suspend[] = "suspend";
static char eio[] = "eio";

#define DEAD(test, action) { #test "_" #action, test, NULL, NULL, action }

int main(int argument_count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overrun_is_flagged),
        cmocka_unit_test(overrun_does_not_break_a_buffer),
        cmocka_unit_test(gap_without_a_word),
        cmocka_unit_test(stall_overflows_the_ring),
        cmocka_unit_test(silence_is_delivered),
        DEAD(dead_card_stops_in_time, hang),
        DEAD(dead_card_stops_in_time, spin),
        DEAD(dead_card_stops_in_time, disconnect),
        DEAD(dead_card_stops_in_time, suspend),
        DEAD(dead_card_stops_in_time, eio),
        DEAD(dead_card_closes_at_once, hang),
        DEAD(dead_card_closes_at_once, spin),
        DEAD(dead_card_closes_at_once, disconnect),
        DEAD(dead_card_closes_at_once, suspend),
        DEAD(dead_card_closes_at_once, eio),
        cmocka_unit_test(next_capture_is_exact),
    };

    return rig_main(argument_count, arguments, "card_faults", tests, sizeof tests / sizeof tests[0]);
}
