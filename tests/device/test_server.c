/* SPDX-License-Identifier: MIT */
/* Owns: capture from a sound server that a script has started: exact while the server lives, and within bounds when it is stopped or
 * killed. The script tells by the environment what to open and which process the server is.
 * Run by: test_pulse.sh and test_jack.sh, one test a process, with a time limit: what is tested here are real hangs.
 * Runs on: the real libportaudio over a private server; public API only. */
#include "rig.h"

#include "counting.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

static const char *environment(const char *name)
{
    const char *value = getenv(name);

    if (value == NULL)
        fail_msg("%s is not set: run this by way of its script", name);
    return value;
}

static uint32_t environment_number(const char *name)
{
    return (uint32_t)strtoul(environment(name), NULL, 10);
}

static acap_stream_config config_of_server(void)
{
    return rig_config(environment("RIG_DEVICE"), counting_format_of(environment("RIG_FORMAT")), environment_number("RIG_CHANNELS"),
                      environment_number("RIG_RATE_HZ"));
}

static void signal_server(int number)
{
    assert_int_equal(kill((pid_t)environment_number("RIG_SERVER_PID"), number), 0);
}

/* The server plays the signal since before: the first frame is anywhere in it, and silence may come first. */
static void begin(capture *c)
{
    const acap_stream_config config = config_of_server();

    capture_begin(c, &config);
    tracker_begin_anywhere(&c->signal);
}

static void capture_good_frames(capture *c, uint64_t frame_count)
{
    const uint64_t give_up = c->seen.frames + 5 * frame_count;

    while (c->signal.good_frames < frame_count && c->seen.frames < give_up)
        capture_until(c, c->seen.frames + c->info.frames_per_buffer);
    assert_true(c->signal.good_frames >= frame_count);
}

static void captures_exactly(void **state)
{
    capture c;

    (void)state;
    begin(&c);
    capture_good_frames(&c, c.info.sample_rate_hz);
    assert_int_equal(c.signal.jumps + c.signal.silent_frames + c.signal.corrupt_frames, 0);
    assert_int_equal(c.signal.lead_frames + c.signal.good_frames, c.seen.frames);
    assert_int_equal(c.seen.gap_frames + c.seen.partials, 0);
    assert_int_equal(rig_stream_stats(c.stream).frames_lost, 0);
    capture_finish(&c);
}

static void wait_until_silent(capture *c)
{
    const acap_buffer *buffer;
    acap_result result;

    while ((result = acap_reader_borrow(c->reader, 500 * NS_PER_MS, &buffer)) == ACAP_OK) {
        capture_check(c, buffer);
        acap_buffer_release(buffer);
    }
    assert_true(result == ACAP_TIMED_OUT || result == ACAP_ERROR_DEVICE_LOST);
}

static void close_all_at_once(capture *c)
{
    assert_within_ms(CLOSE_LIMIT_MS, acap_stream_close(c->stream));
    capture_drain(c, ACAP_END);
    assert_conserved(conservation_at_rest(&c->seen, NULL, c->reader));
    assert_within_ms(CLOSE_LIMIT_MS, acap_reader_close(c->reader));
    assert_within_ms(CLOSE_LIMIT_MS, acap_context_destroy(c->context));
}

static void stop_in_time(capture *c)
{
    capture_stop_dead(c, HOST_LIMIT_MS);
    assert_conserved(conservation_at_rest(&c->seen, c->stream, c->reader));
}

static void server_is_killed_then_stop(void **state)
{
    capture c;

    (void)state;
    begin(&c);
    capture_good_frames(&c, c.info.sample_rate_hz / 5);
    signal_server(SIGKILL);
    wait_until_silent(&c);
    stop_in_time(&c);
    close_all_at_once(&c);
}

static void server_is_killed_then_close(void **state)
{
    capture c;

    (void)state;
    begin(&c);
    capture_good_frames(&c, c.info.sample_rate_hz / 5);
    signal_server(SIGKILL);
    wait_until_silent(&c);
    close_all_at_once(&c);
}

static void server_stands_still_then_stop(void **state)
{
    capture c;

    (void)state;
    begin(&c);
    capture_good_frames(&c, c.info.sample_rate_hz / 5);
    signal_server(SIGSTOP);
    wait_until_silent(&c);
    stop_in_time(&c);
    close_all_at_once(&c);
}

static void server_stands_still_then_close(void **state)
{
    capture c;

    (void)state;
    begin(&c);
    capture_good_frames(&c, c.info.sample_rate_hz / 5);
    signal_server(SIGSTOP);
    wait_until_silent(&c);
    close_all_at_once(&c);
}

/* Left behind while the server stood still, what hung wakes up later and must touch nothing any more. */
static void server_wakes_up_after_close(void **state)
{
    capture c;

    (void)state;
    begin(&c);
    capture_good_frames(&c, c.info.sample_rate_hz / 5);
    signal_server(SIGSTOP);
    wait_until_silent(&c);
    close_all_at_once(&c);
    signal_server(SIGCONT);
    rig_sleep_ms(500);
}

/* A server that does not answer: listing, opening and supports all give up in time. */
static void server_does_not_answer(void **state)
{
    const acap_stream_config config = config_of_server();
    acap_stream *stream = NULL;
    acap_device_list *devices = NULL;
    acap_context *context;

    (void)state;
    assert_acap_ok(acap_context_create(NULL, &context));
    signal_server(SIGSTOP);
    assert_within_ms(HOST_LIMIT_MS, assert_acap_result(acap_device_list_create(context, &devices), ACAP_ERROR_HOST_STUCK));
    assert_null(devices);
    assert_within_ms(HOST_LIMIT_MS, assert_true(acap_stream_open(context, &config, &stream) < 0));
    assert_null(stream);
    assert_within_ms(CLOSE_LIMIT_MS, acap_context_destroy(context));
}

int main(int argument_count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captures_exactly),
        cmocka_unit_test(server_is_killed_then_stop),
        cmocka_unit_test(server_is_killed_then_close),
        cmocka_unit_test(server_stands_still_then_stop),
        cmocka_unit_test(server_stands_still_then_close),
        cmocka_unit_test(server_wakes_up_after_close),
        cmocka_unit_test(server_does_not_answer),
    };

    return rig_main(argument_count, arguments, "server", tests, sizeof tests / sizeof tests[0]);
}
