/* SPDX-License-Identifier: MIT */
/* Owns: tests of opening, starting, stopping and closing streams, and of what they say of themselves.
 * Run by: CTest, well below a second; one test runs this program again, without privileges.
 * Runs on: the public API; streams are fed by the test or run in virtual time. */
#include "fixture.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void a_stream_needs_a_context_and_somewhere_to_go(void **state)
{
    acap_context *context = make_context("push");
    acap_stream *stream = (acap_stream *)context;

    (void)state;
    assert_result(acap_stream_open(NULL, NULL, &stream), ACAP_ERROR_INVALID_ARGUMENT);
    assert_null(stream);
    assert_result(acap_stream_open(context, NULL, NULL), ACAP_ERROR_INVALID_ARGUMENT);
    acap_context_destroy(context);
}

static void every_function_refuses_null(void **state)
{
    acap_stream_info info = ACAP_STREAM_INFO_INIT;
    acap_stream_stats stats = ACAP_STREAM_STATS_INIT;
    rig r = make_rig(10, 2, 0);

    (void)state;
    assert_result(acap_stream_start(NULL), ACAP_ERROR_INVALID_ARGUMENT);
    assert_result(acap_stream_stop(NULL), ACAP_ERROR_INVALID_ARGUMENT);
    assert_result(acap_stream_get_info(NULL, &info), ACAP_ERROR_INVALID_ARGUMENT);
    assert_result(acap_stream_get_info(r.stream, NULL), ACAP_ERROR_INVALID_ARGUMENT);
    assert_result(acap_stream_get_stats(NULL, &stats), ACAP_ERROR_INVALID_ARGUMENT);
    assert_result(acap_stream_get_stats(r.stream, NULL), ACAP_ERROR_INVALID_ARGUMENT);
    assert_result(acap_stream_push(NULL, "", 0, 0), ACAP_ERROR_INVALID_ARGUMENT);
    assert_result(acap_stream_sim_advance(NULL, 0), ACAP_ERROR_INVALID_ARGUMENT);
    assert_null(acap_stream_get_pool(NULL));
    acap_stream_close(NULL);
    info.struct_size = 4;
    assert_result(acap_stream_get_info(r.stream, &info), ACAP_ERROR_ABI_MISMATCH);
    stats.struct_size = UINT32_MAX;
    assert_result(acap_stream_get_stats(r.stream, &stats), ACAP_ERROR_ABI_MISMATCH);
    finish_rig(&r);
}

static void defaults_are_those_of_the_header(void **state)
{
    acap_context *context = make_context("push");
    acap_stream_info info = ACAP_STREAM_INFO_INIT;
    acap_stream *stream = NULL;

    (void)state;
    assert_ok(acap_stream_open(context, NULL, &stream));
    assert_ok(acap_stream_get_info(stream, &info));
    assert_int_equal(info.sample_rate_hz, 48000);
    assert_int_equal(info.channel_count, 2);
    assert_int_equal(info.format, ACAP_FORMAT_F32);
    assert_int_equal(info.frames_per_buffer, 480);
    assert_int_equal(info.flags, 0);
    assert_true(info.stream_id > 0);
    const uint64_t first_id = info.stream_id;
    acap_stream_close(stream);
    stream = open_stream(context, NULL, 0, 0, 0);
    assert_ok(acap_stream_get_info(stream, &info));
    assert_true(info.stream_id > first_id);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

static void ten_milliseconds_fit_every_rate(void **state)
{
    static const uint32_t rows[][2] = {{8000, 80},   {11025, 110}, {16000, 160},  {22050, 221},   {44100, 441},
                                       {88200, 882}, {96000, 960}, {192000, 1920}, {384000, 3840}, {8001, 80}};
    acap_context *context = make_context("sim");

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
        acap_stream_info info = ACAP_STREAM_INFO_INIT;
        config.sample_rate_hz = rows[i][0];
        acap_stream *stream = open_config(context, &config);
        assert_ok(acap_stream_get_info(stream, &info));
        assert_int_equal(info.sample_rate_hz, rows[i][0]);
        assert_int_equal(info.frames_per_buffer, rows[i][1]);
        acap_stream_close(stream);
    }
    acap_context_destroy(context);
}

static void expect_refusal(acap_context *context, const acap_stream_config *config, acap_result expected, const char *what)
{
    acap_stream *stream = (acap_stream *)context;
    const acap_result result = acap_stream_open(context, config, &stream);

    if (result != expected || stream != NULL || acap_last_error()[0] == '\0')
        fail_msg("%s gave %s (\"%s\") instead of %s", what, acap_result_name(result), acap_last_error(), acap_result_name(expected));
}

#define REFUSES(expected, member, value)                               \
    do {                                                               \
        acap_stream_config config_ = ACAP_STREAM_CONFIG_INIT;          \
        config_.member = (value);                                      \
        expect_refusal(context, &config_, (expected), #member " " #value); \
    } while (0)

static void absurd_numbers_are_refused(void **state)
{
    acap_context *context = make_context("push");

    (void)state;
    REFUSES(ACAP_ERROR_INVALID_ARGUMENT, sample_rate_hz, 1);
    REFUSES(ACAP_ERROR_INVALID_ARGUMENT, sample_rate_hz, ACAP_MIN_SAMPLE_RATE_HZ - 1);
    REFUSES(ACAP_ERROR_INVALID_ARGUMENT, sample_rate_hz, ACAP_MAX_SAMPLE_RATE_HZ + 1);
    REFUSES(ACAP_ERROR_INVALID_ARGUMENT, sample_rate_hz, UINT32_MAX);
    REFUSES(ACAP_ERROR_INVALID_ARGUMENT, channel_count, ACAP_MAX_CHANNELS + 1);
    REFUSES(ACAP_ERROR_INVALID_ARGUMENT, channel_count, UINT32_MAX);
    REFUSES(ACAP_ERROR_INVALID_ARGUMENT, format, ACAP_FORMAT_U8 + 1);
    REFUSES(ACAP_ERROR_INVALID_ARGUMENT, format, UINT32_MAX);
    REFUSES(ACAP_ERROR_INVALID_ARGUMENT, frames_per_buffer, ACAP_MAX_FRAMES_PER_BUFFER + 1);
    REFUSES(ACAP_ERROR_INVALID_ARGUMENT, frames_per_buffer, UINT32_MAX);
    REFUSES(ACAP_ERROR_INVALID_ARGUMENT, latency_ns, -1);
    REFUSES(ACAP_ERROR_INVALID_ARGUMENT, latency_ns, INT64_MAX);
    REFUSES(ACAP_ERROR_LIMIT, pool_buffers_min, ACAP_MAX_POOL_BUFFERS + 1);
    REFUSES(ACAP_ERROR_LIMIT, pool_buffers_max, UINT32_MAX);
    REFUSES(ACAP_ERROR_ABI_MISMATCH, struct_size, 0);
    REFUSES(ACAP_ERROR_ABI_MISMATCH, struct_size, sizeof(acap_stream_config) - 1);
    REFUSES(ACAP_ERROR_ABI_MISMATCH, struct_size, UINT32_MAX);
    acap_context_destroy(context);
}

static void what_nobody_knows_is_refused(void **state)
{
    acap_context *context = make_context("sim");

    (void)state;
    REFUSES(ACAP_ERROR_INVALID_ARGUMENT, flags, 4);
    REFUSES(ACAP_ERROR_INVALID_ARGUMENT, flags, UINT32_MAX);
    REFUSES(ACAP_ERROR_INVALID_ARGUMENT, reserved, 1);
    REFUSES(ACAP_ERROR_INVALID_ARGUMENT, on_device_lost, ACAP_ON_LOST_FOLLOW_DEFAULT + 1);
    REFUSES(ACAP_ERROR_INVALID_ARGUMENT, on_device_lost, UINT32_MAX);
    REFUSES(ACAP_ERROR_INVALID_ARGUMENT, history_ns, -1);
    REFUSES(ACAP_ERROR_INVALID_ARGUMENT, history_ns, INT64_MAX);
    acap_context_destroy(context);
}

static void numbers_that_do_not_fit_together_are_refused(void **state)
{
    acap_context *context = make_context("push");
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;

    (void)state;
    config.pool_buffers_min = 11;
    config.pool_buffers_max = 10;
    expect_refusal(context, &config, ACAP_ERROR_INVALID_ARGUMENT, "minimum above maximum");
    config.pool_buffers_min = 0;
    config.pool_buffers_max = 0;
    config.frames_per_buffer = ACAP_MAX_FRAMES_PER_BUFFER;
    config.channel_count = ACAP_MAX_CHANNELS; /* 512 MiB in F32 */
    expect_refusal(context, &config, ACAP_ERROR_LIMIT, "a buffer above ACAP_MAX_BUFFER_BYTES");
    config.flags = ACAP_STREAM_PLANAR;
    expect_refusal(context, &config, ACAP_ERROR_LIMIT, "a planar buffer above ACAP_MAX_BUFFER_BYTES");
    acap_context_destroy(context);
}

static void the_limits_themselves_are_allowed(void **state)
{
    static const uint32_t rates[] = {ACAP_MIN_SAMPLE_RATE_HZ, ACAP_MAX_SAMPLE_RATE_HZ};
    static const uint32_t channels[] = {1, ACAP_MAX_CHANNELS};
    acap_context *context = make_context("push");

    (void)state;
    for (size_t r = 0; r < COUNT_OF(rates); r++) {
        for (size_t c = 0; c < COUNT_OF(channels); c++) {
            acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
            acap_stream_info info = ACAP_STREAM_INFO_INIT;
            config.sample_rate_hz = rates[r];
            config.channel_count = channels[c];
            config.format = ACAP_FORMAT_U8;
            config.latency_ns = 60 * NS_PER_S;
            acap_stream *stream = open_config(context, &config);
            assert_ok(acap_stream_get_info(stream, &info));
            assert_int_equal(info.sample_rate_hz, rates[r]);
            assert_int_equal(info.channel_count, channels[c]);
            acap_stream_close(stream);
        }
    }
    acap_stream_close(open_stream(context, NULL, ACAP_FORMAT_U8, 1, ACAP_MAX_FRAMES_PER_BUFFER));
    acap_context_destroy(context);
}

static void a_pool_that_no_machine_can_hold_is_no_memory(void **state)
{
    acap_context *context = make_context("push");
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    const uint32_t descriptors = open_descriptors();

    (void)state;
    config.frames_per_buffer = ACAP_MAX_FRAMES_PER_BUFFER;
    config.channel_count = 64; /* 256 MiB a buffer, 2^48 bytes in all */
    config.pool_buffers_min = ACAP_MAX_POOL_BUFFERS;
    expect_refusal(context, &config, ACAP_ERROR_NO_MEMORY, "256 TiB");
    assert_int_equal(open_descriptors(), descriptors);
    acap_context_destroy(context);
}

static void starting_twice_and_stopping_twice_is_fine(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, MANUAL, 0, 0, 0);

    (void)state;
    assert_ok(acap_stream_stop(stream)); /* before any start */
    assert_int_equal(stream_stats(stream).state, ACAP_STATE_STOPPED);
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_start(stream));
    assert_int_equal(stream_stats(stream).state, ACAP_STATE_RUNNING);
    assert_ok(acap_stream_sim_advance(stream, 480));
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_sim_advance(stream, 480));
    assert_ok(acap_stream_stop(stream));
    assert_int_equal(stream_stats(stream).position, 768); /* three periods of 256 */
    assert_ok(acap_stream_stop(stream));
    assert_int_equal(stream_stats(stream).position, 768);
    assert_int_equal(stream_stats(stream).state, ACAP_STATE_STOPPED);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

static void a_reader_opened_before_the_first_start_waits(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, MANUAL, 0, 0, 256);
    acap_reader *reader = open_reader(stream);
    const acap_buffer *buffer = (const acap_buffer *)context;
    conservation seen;

    (void)state;
    conservation_begin(&seen, reader);
    assert_result(acap_reader_borrow(reader, 0, &buffer), ACAP_TIMED_OUT);
    assert_null(buffer);
    assert_ok(acap_stream_stop(stream)); /* stops nothing, ends nobody */
    assert_result(acap_reader_borrow(reader, NS_PER_MS, &buffer), ACAP_TIMED_OUT);
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_sim_advance(stream, 512));
    assert_result(drain(reader, &seen), ACAP_TIMED_OUT);
    assert_int_equal(seen.frames, 512);
    assert_ok(acap_stream_stop(stream));
    assert_result(drain(reader, &seen), ACAP_END);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    acap_reader_close(reader);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

static void expect_restarts(const char *device, uint32_t frames, uint32_t expected_a_run)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, device, ACAP_FORMAT_S32, 1, 480);
    acap_reader *reader = open_reader(stream);
    conservation seen;

    conservation_begin(&seen, reader);
    for (uint32_t run = 1; run <= 3; run++) {
        assert_ok(acap_stream_start(stream));
        if (strcmp(device, "push:") == 0)
            push_counter(stream, frames);
        else
            assert_ok(acap_stream_sim_advance(stream, frames));
        assert_ok(acap_stream_stop(stream));
        assert_int_equal(stream_stats(stream).position, run * expected_a_run);
        assert_int_equal(stream_stats(stream).frames_pending, 0);
        assert_result(drain(reader, &seen), ACAP_END);
        assert_result(drain(reader, &seen), ACAP_END);
        assert_int_equal(seen.frames, run * expected_a_run);
        assert_int_equal(seen.partials, run);
        assert_conserved(conservation_at_rest(&seen, stream, reader));
    }
    assert_int_equal(seen.gap_frames, 0);
    acap_reader_close(reader);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

static void after_a_stop_positions_go_on_and_the_same_readers_continue(void **state)
{
    (void)state;
    expect_restarts(MANUAL "&period=100", 1050, 1000); /* half a period is forgotten with the device */
    expect_restarts("push:", 1050, 1050);
}

static void readers_keep_what_was_captured_before_the_stop(void **state)
{
    rig r = make_rig(10, 16, ACAP_OVERFLOW_DROP_OLDEST);

    (void)state;
    push_counter(r.stream, 45);
    assert_ok(acap_stream_stop(r.stream));
    assert_ok(acap_stream_start(r.stream)); /* nobody drained meanwhile */
    push_counter(r.stream, 25);
    assert_result(drain(r.reader, &r.seen), ACAP_TIMED_OUT);
    assert_int_equal(r.seen.frames, 65);
    assert_int_equal(r.seen.partials, 1);
    assert_int_equal(r.seen.gap_frames, 0);
    finish_rig(&r);
}

static void pending_frames_are_neither_captured_nor_lost(void **state)
{
    rig r = make_rig(100, 4, ACAP_OVERFLOW_DROP_OLDEST);

    (void)state;
    for (uint32_t pushed = 1; pushed <= 250; pushed++) {
        push_counter(r.stream, 1);
        const acap_stream_stats stats = stream_stats(r.stream);
        assert_int_equal(stats.frames_pending, pushed % 100);
        assert_int_equal(stats.position, pushed - pushed % 100);
        assert_int_equal(stats.frames_captured, stats.position);
        assert_int_equal(stats.buffers_filled, pushed / 100);
        assert_int_equal(stats.callbacks, pushed);
        assert_conserved(conservation_of_stream(r.stream));
        assert_conserved(conservation_of_reader(r.reader));
    }
    finish_rig(&r);
}

static void callbacks_are_timed(void **state)
{
    rig r = make_rig(100, 4, ACAP_OVERFLOW_DROP_OLDEST);

    (void)state;
    assert_int_equal(stream_stats(r.stream).callback_ns_total, 0);
    for (int i = 0; i < 10; i++)
        push_counter(r.stream, 100000);
    const acap_stream_stats stats = stream_stats(r.stream);
    assert_true(stats.callback_ns_max > 0);
    assert_true(stats.callback_ns_total >= stats.callback_ns_max);
    assert_true(stats.callback_ns_total <= 10 * stats.callback_ns_max);
    assert_int_equal(stats.host_overflows, 0);
    assert_int_equal(stats.recoveries, 0);
    assert_int_equal(stats.reserved, 0);
    finish_rig(&r);
}

static void the_pool_that_a_stream_tells_of_is_the_one_it_fills(void **state)
{
    rig r = make_rig(10, 4, ACAP_OVERFLOW_DROP_OLDEST);
    acap_pool *pool = acap_stream_get_pool(r.stream);

    (void)state;
    assert_ptr_equal(acap_stream_get_pool(r.stream), pool);
    push_counter(r.stream, 10);
    assert_int_equal(pool_stats(pool).in_use, 1);
    finish_rig(&r);
    assert_int_equal(pool_stats(pool).in_use, 0); /* it outlives the stream */
    acap_pool_release(pool);
    acap_pool_release(pool);
}

static void a_closed_stream_ends_its_readers(void **state)
{
    rig r = make_rig(10, 4, ACAP_OVERFLOW_DROP_OLDEST);

    (void)state;
    push_counter(r.stream, 35);
    acap_stream_close(r.stream);
    assert_result(drain(r.reader, &r.seen), ACAP_END);
    assert_result(drain(r.reader, &r.seen), ACAP_END);
    assert_int_equal(r.seen.frames, 35);
    assert_conserved(conservation_at_rest(&r.seen, NULL, r.reader));
    acap_reader_close(r.reader);
    acap_context_destroy(r.context);
}

/* ---- memory that may not be locked: this program again, as somebody who is not allowed to ---- */

static int lock_without_permission(void)
{
    const struct rlimit none = {0, 0};
    acap_pool_config config = ACAP_POOL_CONFIG_INIT;
    acap_pool *pool = NULL;

    if (setrlimit(RLIMIT_MEMLOCK, &none) != 0 || (getuid() == 0 && setuid(65534) != 0))
        return 77;
    config.buffer_size_bytes = 4096;
    config.flags = ACAP_POOL_LOCK_MEMORY;
    const acap_result result = acap_pool_create(&config, &pool);
    return result == ACAP_ERROR_PERMISSION && pool == NULL && acap_last_error()[0] != '\0' ? 0 : 1;
}

static void memory_that_may_not_be_locked_is_a_matter_of_permission(void **state)
{
    int status = 0;

    (void)state;
    if (HAS_SANITIZER) {
        print_message("skipped: sanitizers make locking memory a call that does nothing\n");
        skip();
    }
    const pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "test_stream", "lock-without-permission", (char *)NULL);
        _exit(2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        print_message("skipped: this process may not give up its privileges\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void memory_can_be_locked(void **state)
{
    acap_context *context = make_context("push");
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    acap_stream *stream = NULL;

    (void)state;
    config.flags = ACAP_STREAM_LOCK_MEMORY | ACAP_STREAM_PLANAR;
    const acap_result result = acap_stream_open(context, &config, &stream);
    if (result == ACAP_ERROR_PERMISSION) {
        print_message("skipped: the memlock limit allows nothing\n");
        acap_context_destroy(context);
        skip();
    }
    assert_ok(result);
    acap_stream_info info = ACAP_STREAM_INFO_INIT;
    assert_ok(acap_stream_get_info(stream, &info));
    assert_int_equal(info.flags, ACAP_STREAM_LOCK_MEMORY | ACAP_STREAM_PLANAR);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

/* Signals that the program may have a handler for: of another thread than the one that expects it. */
static bool takes_signals(const char *task)
{
    static const int wanted[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD, SIGALRM, SIGPIPE};
    char path[64];
    char line[256];
    unsigned long long blocked = 0;

    snprintf(path, sizeof path, "/proc/self/task/%.20s/status", task);
    FILE *status = fopen(path, "r");
    assert_non_null(status);
    while (fgets(line, sizeof line, status) != NULL)
        if (strncmp(line, "SigBlk:", 7) == 0)
            blocked = strtoull(line + 7, NULL, 16);
    fclose(status);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (!(blocked & (1ULL << (wanted[i] - 1))))
            return true;
    return false;
}

static bool is_acaps(const char *task)
{
    char path[64];
    char name[32] = "";

    snprintf(path, sizeof path, "/proc/self/task/%.20s/comm", task);
    FILE *comm = fopen(path, "r");
    if (comm == NULL)
        return false;
    assert_non_null(fgets(name, sizeof name, comm));
    fclose(comm);
    return strncmp(name, "acap-", 5) == 0;
}

/* The names are given by the threads themselves. */
static bool sees_three_threads(void *count)
{
    DIR *tasks = opendir("/proc/self/task");
    unsigned *seen = count;

    assert_non_null(tasks);
    *seen = 0;
    for (struct dirent *task = readdir(tasks); task != NULL; task = readdir(tasks)) {
        if (task->d_name[0] == '.' || !is_acaps(task->d_name))
            continue;
        (*seen)++;
        assert_false(takes_signals(task->d_name));
    }
    closedir(tasks);
    return *seen >= 3;
}

static void threads_of_the_library_take_none_of_the_programs_signals(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, "sim:counter", ACAP_FORMAT_S16, 1, 480);
    unsigned count = 0;

    (void)state;
    assert_ok(acap_stream_start(stream));
    assert_true(eventually(sees_three_threads, &count)); /* host, device, watch */
    acap_stream_close(stream);
    acap_context_destroy(context);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_needs_a_context_and_somewhere_to_go),
        cmocka_unit_test(every_function_refuses_null),
        cmocka_unit_test(defaults_are_those_of_the_header),
        cmocka_unit_test(ten_milliseconds_fit_every_rate),
        cmocka_unit_test(absurd_numbers_are_refused),
        cmocka_unit_test(what_nobody_knows_is_refused),
        cmocka_unit_test(numbers_that_do_not_fit_together_are_refused),
        cmocka_unit_test(the_limits_themselves_are_allowed),
        cmocka_unit_test(a_pool_that_no_machine_can_hold_is_no_memory),
        cmocka_unit_test(starting_twice_and_stopping_twice_is_fine),
        cmocka_unit_test(a_reader_opened_before_the_first_start_waits),
        cmocka_unit_test(after_a_stop_positions_go_on_and_the_same_readers_continue),
        cmocka_unit_test(readers_keep_what_was_captured_before_the_stop),
        cmocka_unit_test(pending_frames_are_neither_captured_nor_lost),
        cmocka_unit_test(callbacks_are_timed),
        cmocka_unit_test(the_pool_that_a_stream_tells_of_is_the_one_it_fills),
        cmocka_unit_test(a_closed_stream_ends_its_readers),
        cmocka_unit_test(threads_of_the_library_take_none_of_the_programs_signals),
        cmocka_unit_test(memory_that_may_not_be_locked_is_a_matter_of_permission),
        cmocka_unit_test(memory_can_be_locked),
    };

    if (count == 2 && strcmp(arguments[1], "lock-without-permission") == 0)
        return lock_without_permission();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
