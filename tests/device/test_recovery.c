/* SPDX-License-Identifier: MIT */
/* Owns: a sound server that dies under a running stream and comes back: the loss is told in time, what the sound system says meanwhile is
 * told once, the same stream goes on, and the account is as long as the clock says; and what a server drops while the recording process
 * stands still.
 * Run by: test_recovery.sh and test_recovery_jack.sh, one test a process. RIG_REVIVE is the command that starts the server and
 * the signal again.
 * Runs on: the real libportaudio over a private server; public API only. */
#include "rig.h"

#include "counting.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOST_LIMIT_NS (2500 * NS_PER_MS)
#define BACK_LIMIT_NS (2500 * NS_PER_MS) /* 2 s of the promise, and the server's own start */
#define CLOCK_TOLERANCE_NS (300 * NS_PER_MS)
#define CPU_SHARE_MAX 0.05

static const char *environment(const char *name)
{
    const char *value = getenv(name);

    if (value == NULL)
        fail_msg("%s is not set: run this by way of its script", name);
    return value;
}

static acap_stream_config config_of_server(void)
{
    return rig_config(environment("RIG_DEVICE"), counting_format_of(environment("RIG_FORMAT")),
                      (uint32_t)strtoul(environment("RIG_CHANNELS"), NULL, 10), (uint32_t)strtoul(environment("RIG_RATE_HZ"), NULL, 10));
}

static double cpu_seconds(void)
{
    struct rusage usage;

    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

/* Borrows what comes until the stream is in a state, or the time is over: how long it took. */
static int64_t follow_until(capture *c, uint32_t state, int64_t limit_ns)
{
    const int64_t began_ns = acap_clock_ns();
    const acap_buffer *buffer;

    while (rig_stream_stats(c->stream).state != state && acap_clock_ns() - began_ns < limit_ns) {
        if (acap_reader_borrow(c->reader, 20 * NS_PER_MS, &buffer) != ACAP_OK)
            continue;
        capture_check(c, buffer);
        acap_buffer_release(buffer);
    }
    assert_int_equal(rig_stream_stats(c->stream).state, state);
    return acap_clock_ns() - began_ns;
}

static void follow_for(capture *c, int64_t time_ns)
{
    const int64_t until_ns = acap_clock_ns() + time_ns;
    const acap_buffer *buffer;

    while (acap_clock_ns() < until_ns) {
        if (acap_reader_borrow(c->reader, 20 * NS_PER_MS, &buffer) != ACAP_OK)
            continue;
        capture_check(c, buffer);
        acap_buffer_release(buffer);
    }
}

/* The account against the clock, since a buffer whose time is known. */
static void expect_length(const capture *c, int64_t first_ns, uint64_t first_position)
{
    const int64_t by_clock_ns = acap_clock_ns() - first_ns;
    const uint64_t frames = rig_stream_stats(c->stream).position - first_position;
    const int64_t by_account_ns = (int64_t)((double)frames * 1e9 / c->info.sample_rate_hz);

    if (llabs(by_clock_ns - by_account_ns) > CLOCK_TOLERANCE_NS)
        fail_msg("%" PRId64 " ms by the clock, %" PRId64 " ms by the account", by_clock_ns / NS_PER_MS, by_account_ns / NS_PER_MS);
}

static void begin_recoverable(capture *c)
{
    acap_stream_config config = config_of_server();

    config.on_device_lost = ACAP_ON_LOST_WAIT;
    capture_begin(c, &config);
    tracker_begin_anywhere(&c->signal);
    capture_until(c, c->info.sample_rate_hz);
}

static uint32_t events_of(acap_context *context, uint32_t type)
{
    acap_event event = ACAP_EVENT_INIT;
    uint32_t count = 0;

    while (acap_context_next_event(context, 0, &event) == ACAP_OK)
        count += event.type == type;
    return count;
}

/* Each attempt to get the device back hears the same of the sound system. */
static void expect_nothing_told_twice(acap_context *context)
{
    static char texts[32][sizeof(((acap_event *)NULL)->text)];
    acap_event event = ACAP_EVENT_INIT;
    uint32_t count = 0;

    while (acap_context_next_event(context, 0, &event) == ACAP_OK) {
        if (event.type != ACAP_EVENT_LOG)
            continue;
        for (uint32_t i = 0; i < count; i++)
            if (strcmp(texts[i], event.text) == 0)
                fail_msg("told again: %s", event.text);
        assert_true(count < sizeof texts / sizeof texts[0]);
        memcpy(texts[count++], event.text, sizeof event.text);
    }
}

static pid_t server_pid(void)
{
    FILE *file = fopen(environment("RIG_SERVER_PID_FILE"), "r");
    int pid = 0;

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d", &pid), 1);
    fclose(file);
    assert_true(pid > 1);
    return (pid_t)pid;
}

static void server_dies_and_comes_back(void **state)
{
    capture c;
    const acap_buffer *held = NULL;

    (void)state;
    begin_recoverable(&c);
    assert_acap_ok(acap_reader_borrow(c.reader, NS_PER_S, &held));
    capture_check(&c, held);
    const int64_t first_ns = acap_clock_ns();
    const uint64_t first_position = rig_stream_stats(c.stream).position;
    assert_int_equal(kill(server_pid(), SIGKILL), 0);
    const int64_t lost_ns = follow_until(&c, ACAP_STATE_LOST, LOST_LIMIT_NS);
    assert_int_equal(events_of(c.context, ACAP_EVENT_STREAM_LOST), 1);
    const double cpu_before = cpu_seconds();
    follow_for(&c, 3 * NS_PER_S);
    const double cpu_share = (cpu_seconds() - cpu_before) / 3.0;
    expect_nothing_told_twice(c.context);
    assert_int_equal(system(environment("RIG_REVIVE")), 0);
    const int64_t back_ns = follow_until(&c, ACAP_STATE_RUNNING, BACK_LIMIT_NS);
    follow_for(&c, 4 * NS_PER_S);
    printf("lost after %" PRId64 " ms, back after %" PRId64 " ms, %.1f %% of a core meanwhile\n", lost_ns / NS_PER_MS, back_ns / NS_PER_MS,
           cpu_share * 100.0);
    assert_int_equal(rig_stream_stats(c.stream).recoveries, 1);
    assert_true(cpu_share < CPU_SHARE_MAX);
    expect_length(&c, first_ns, first_position);
    assert_true(acap_buffer_reference_count(held) == 1);
    acap_buffer_release(held);
    capture_finish(&c);
}

static void server_dies_again_and_again(void **state)
{
    capture c;

    (void)state;
    begin_recoverable(&c);
    const int64_t first_ns = acap_clock_ns();
    const uint64_t first_position = rig_stream_stats(c.stream).position;
    for (uint32_t death = 1; death <= 3; death++) {
        assert_int_equal(kill(server_pid(), SIGKILL), 0);
        (void)follow_until(&c, ACAP_STATE_LOST, LOST_LIMIT_NS);
        assert_int_equal(system(environment("RIG_REVIVE")), 0);
        (void)follow_until(&c, ACAP_STATE_RUNNING, BACK_LIMIT_NS);
        const uint64_t good_frames = c.signal.good_frames;
        follow_for(&c, 2 * NS_PER_S);
        assert_int_equal(rig_stream_stats(c.stream).recoveries, death);
        assert_true(c.signal.good_frames > good_frames + c.info.sample_rate_hz);
    }
    expect_length(&c, first_ns, first_position);
    capture_finish(&c);
}

/* Where PortAudio cannot be loaded once more: the stream waits in vain, but nothing hangs, and it costs little. */
static void server_comes_back_in_vain(void **state)
{
    acap_stream_config config = config_of_server();
    acap_stream *another = NULL;
    capture c;

    (void)state;
    begin_recoverable(&c);
    assert_int_equal(kill(server_pid(), SIGKILL), 0);
    (void)follow_until(&c, ACAP_STATE_LOST, LOST_LIMIT_NS);
    assert_int_equal(system(environment("RIG_REVIVE")), 0);
    const double cpu_before = cpu_seconds();
    follow_for(&c, 3 * NS_PER_S);
    assert_true((cpu_seconds() - cpu_before) / 3.0 < CPU_SHARE_MAX);
    assert_int_equal(rig_stream_stats(c.stream).state, ACAP_STATE_LOST);
    assert_within_ms(HOST_LIMIT_MS, assert_acap_result(acap_stream_open(c.context, &config, &another), ACAP_ERROR_BACKEND));
    assert_non_null(strstr(acap_last_error(), "only in a new process: this process does not use the C library's memory allocator"));
    assert_within_ms(CLOSE_LIMIT_MS, acap_stream_close(c.stream));
    capture_drain(&c, ACAP_END);
    assert_within_ms(CLOSE_LIMIT_MS, acap_reader_close(c.reader));
    assert_within_ms(CLOSE_LIMIT_MS, acap_context_destroy(c.context));
}

/* A child sends SIGSTOP to this process and SIGCONT after a while. */
static void stand_still(uint32_t seconds)
{
    const pid_t self = getpid();
    const pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        kill(self, SIGSTOP);
        sleep(seconds);
        kill(self, SIGCONT);
        _exit(0);
    }
    int status;
    while (waitpid(child, &status, 0) < 0)
        ;
}

/* The truth: where the counting signal stands against how many frames were handed over. */
static void process_stands_still(uint32_t seconds, uint64_t expected_loss_at_least)
{
    const acap_stream_config config = config_of_server();
    acap_reader_config reader = ACAP_READER_CONFIG_INIT;
    capture c;

    reader.queue_buffers = 8192; /* whatever comes in a burst */
    capture_begin_with(&c, &config, &reader);
    tracker_begin_anywhere(&c.signal);
    capture_until(&c, 2 * (uint64_t)c.info.sample_rate_hz);
    stand_still(seconds);
    follow_for(&c, 6 * NS_PER_S);
    const acap_stream_stats stats = rig_stream_stats(c.stream);
    const uint64_t truth = c.signal.jumped_frames;
    const uint64_t tolerance = c.info.sample_rate_hz / 20u;
    printf("%u s: the server dropped %" PRIu64 " frames, acap counted %" PRIu64 ", PortAudio flagged %" PRIu64 "\n", seconds, truth,
           stats.lost_host, stats.host_overflows);
    assert_true(truth >= expected_loss_at_least);
    assert_true(stats.lost_host + tolerance >= truth && truth + tolerance >= stats.lost_host);
    if (truth == 0)
        assert_int_equal(stats.lost_host, 0);
    capture_finish(&c);
}

static void process_stands_still_3_s(void **state)
{
    (void)state;
    process_stands_still(3, 0);
}

static void process_stands_still_30_s(void **state)
{
    (void)state;
    process_stands_still(30, 48000);
}

int main(int argument_count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server_dies_and_comes_back),
        cmocka_unit_test(server_dies_again_and_again),
        cmocka_unit_test(server_comes_back_in_vain),
        cmocka_unit_test(process_stands_still_3_s),
        cmocka_unit_test(process_stands_still_30_s),
    };

    return rig_main(argument_count, arguments, "recovery", tests, sizeof tests / sizeof tests[0]);
}
