/* SPDX-License-Identifier: MIT */
/* Owns: the virtual cards' configuration of this process, and a checked capture.
 * Used by: the device tests.
 * Runs on: the test's main thread. */
#define _GNU_SOURCE
#include "rig.h"

#include "counting.h"

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BORROW_LIMIT_NS (5 * NS_PER_S)
#define TEST_LIMIT_NS (20 * NS_PER_S)

static void *plugin_symbol(const char *name)
{
    static void *plugin;

    if (plugin == NULL)
        plugin = dlopen(CARD_PLUGIN, RTLD_NOW);
    if (plugin == NULL)
        fail_msg("%s", dlerror());
    void *symbol = dlsym(plugin, name);
    assert_non_null(symbol);
    return symbol;
}

/* A file without a name: it goes with the process, however that ends. */
void rig_use_cards(const char *definitions)
{
    const int file = memfd_create("asound.conf", 0);
    char path[64];

    assert_true(file >= 0);
    assert_true(dprintf(file, "pcm_type.acapcard { lib \"%s\" }\n%s\n", CARD_PLUGIN, definitions) > 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    setenv("ALSA_CONFIG_PATH", path, 1);
    setenv("JACK_NO_START_SERVER", "1", 1);
    setenv("JACK_DEFAULT_SERVER", "acap_no_such_server", 1);
    unsetenv("ACAP_DEVICE");
    unsetenv("ACAP_BACKEND");
}

void rig_inject(const char *card, const char *action)
{
    int (*inject)(const char *, const char *);

    *(void **)&inject = plugin_symbol("card_inject");
    assert_int_equal(inject(card, action), 0);
}

void rig_refuse_open(const char *card, int error)
{
    int (*set_open_error)(const char *, int);

    *(void **)&set_open_error = plugin_symbol("card_set_open_error");
    assert_int_equal(set_open_error(card, error), 0);
}

uint64_t rig_frames_produced(const char *card)
{
    uint64_t (*frames_produced)(const char *);

    *(void **)&frames_produced = plugin_symbol("card_frames_produced");
    return frames_produced(card);
}

acap_stream_config rig_config(const char *device, uint32_t format, uint32_t channel_count, uint32_t sample_rate_hz)
{
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;

    config.device = device;
    config.format = format;
    config.channel_count = channel_count;
    config.sample_rate_hz = sample_rate_hz;
    return config;
}

static void check_info(const capture *c, const acap_stream_config *config)
{
    assert_int_equal(c->info.format, config->format);
    assert_int_equal(c->info.channel_count, config->channel_count);
    assert_int_equal(c->info.sample_rate_hz, config->sample_rate_hz);
    assert_int_equal(c->info.flags, config->flags);
    assert_string_equal(c->info.backend, "portaudio");
    if (config->frames_per_buffer != 0)
        assert_int_equal(c->info.frames_per_buffer, config->frames_per_buffer);
    else
        assert_int_equal(c->info.frames_per_buffer, config->sample_rate_hz / 100);
}

void capture_begin(capture *c, const acap_stream_config *config)
{
    capture_begin_with(c, config, NULL);
}

void capture_begin_with(capture *c, const acap_stream_config *config, const acap_reader_config *reader_config)
{
    *c = (capture){ .info = ACAP_STREAM_INFO_INIT };
    tracker_begin_at(&c->signal, 1);
    assert_acap_ok(acap_context_create(NULL, &c->context));
    assert_acap_ok(acap_stream_open(c->context, config, &c->stream));
    assert_acap_ok(acap_stream_get_info(c->stream, &c->info));
    check_info(c, config);
    assert_acap_ok(acap_reader_open(c->stream, reader_config, &c->reader));
    conservation_begin(&c->seen, c->reader);
    assert_acap_ok(acap_stream_start(c->stream));
}

static void check_shape(const capture *c, const acap_buffer *buffer)
{
    const uint32_t sample_bytes = counting_bytes(c->info.format);

    assert_int_equal((uintptr_t)buffer->data % 64, 0);
    assert_int_equal(buffer->sample_rate_hz, c->info.sample_rate_hz);
    assert_int_equal(buffer->channel_count, c->info.channel_count);
    assert_int_equal(buffer->format, c->info.format);
    assert_int_equal(buffer->plane_stride_bytes != 0, (c->info.flags & ACAP_STREAM_PLANAR) != 0);
    if (buffer->plane_stride_bytes == 0)
        assert_int_equal(buffer->size_bytes, buffer->frame_count * buffer->channel_count * sample_bytes);
    else
        assert_true(buffer->plane_stride_bytes >= buffer->frame_count * sample_bytes);
}

/* Exactly frames_per_buffer, and fewer only where the buffer says so. */
static void check_length(const capture *c, const acap_buffer *buffer)
{
    if (buffer->flags & ACAP_BUFFER_PARTIAL)
        assert_in_range(buffer->frame_count, 1, c->info.frames_per_buffer - 1);
    else
        assert_int_equal(buffer->frame_count, c->info.frames_per_buffer);
}

/* Time never runs backwards, and nothing has been captured in the future: by the bound of the error, where that is known, the last frame
   neither. */
static void check_time(capture *c, const acap_buffer *buffer)
{
    const int64_t now_ns = acap_clock_ns();
    const int64_t end_ns = buffer->time_ns + (int64_t)buffer->frame_count * NS_PER_S / buffer->sample_rate_hz;

    if (buffer->time_ns < c->last_time_ns)
        fail_msg("time runs backwards by %" PRId64 " ns", c->last_time_ns - buffer->time_ns);
    if (buffer->time_ns > now_ns)
        fail_msg("captured %" PRId64 " us in the future", (buffer->time_ns - now_ns) / 1000);
    if (buffer->time_error_ns < INT64_MAX && end_ns - buffer->time_error_ns > now_ns)
        fail_msg("its end is %" PRId64 " us in the future, its error at most %" PRId64 " us", (end_ns - now_ns) / 1000,
                 buffer->time_error_ns / 1000);
    if (c->seen.buffers == 0)
        c->first_time_ns = buffer->time_ns;
    c->last_time_ns = buffer->time_ns;
}

void capture_check(capture *c, const acap_buffer *buffer)
{
    check_shape(c, buffer);
    check_length(c, buffer);
    check_time(c, buffer);
    c->silent_flags += (buffer->flags & ACAP_BUFFER_SILENT) != 0;
    conservation_add(&c->seen, buffer);
    tracker_follow(&c->signal, buffer);
}

void capture_until(capture *c, uint64_t frame_count)
{
    while (c->seen.frames < frame_count) {
        const acap_buffer *buffer;
        assert_acap_ok(acap_reader_borrow(c->reader, BORROW_LIMIT_NS, &buffer));
        capture_check(c, buffer);
        acap_buffer_release(buffer);
    }
    assert_conserved(conservation_of_stream(c->stream));
    assert_conserved(conservation_of_reader(c->reader));
}

void capture_drain(capture *c, acap_result end)
{
    const acap_buffer *buffer;
    acap_result result;

    while ((result = acap_reader_borrow(c->reader, BORROW_LIMIT_NS, &buffer)) == ACAP_OK) {
        capture_check(c, buffer);
        acap_buffer_release(buffer);
    }
    assert_acap_result(result, end);
    assert_null(buffer);
}

void capture_stop_dead(capture *c, uint32_t limit_ms)
{
    acap_result stopped = ACAP_OK;
    const bool is_lost = rig_stream_stats(c->stream).state == ACAP_STATE_LOST;
    const acap_buffer *buffer;
    acap_result result;

    assert_within_ms(limit_ms, stopped = acap_stream_stop(c->stream));
    assert_true(stopped == ACAP_OK || stopped == ACAP_ERROR_HOST_STUCK || stopped == ACAP_ERROR_BACKEND);
    while ((result = acap_reader_borrow(c->reader, 0, &buffer)) == ACAP_OK) {
        capture_check(c, buffer);
        acap_buffer_release(buffer);
    }
    /* The loss may have been noticed between the look at the state and the stop. */
    assert_true(result == ACAP_ERROR_DEVICE_LOST || (result == ACAP_END && !is_lost));
}

void capture_finish(capture *c)
{
    assert_acap_ok(acap_stream_stop(c->stream));
    capture_drain(c, ACAP_END);
    assert_conserved(conservation_at_rest(&c->seen, c->stream, c->reader));
    acap_reader_close(c->reader);
    acap_stream_close(c->stream);
    acap_context_destroy(c->context);
}

acap_stream_stats rig_stream_stats(const acap_stream *stream)
{
    acap_stream_stats stats = ACAP_STREAM_STATS_INIT;

    assert_acap_ok(acap_stream_get_stats(stream, &stats));
    return stats;
}

void rig_sleep_ms(int64_t ms)
{
    struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * NS_PER_MS };

    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

/* One test, in this process. */
static int run_named(const char *name, const char *group, const struct CMUnitTest *tests, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(tests[i].name, name) == 0)
            return _cmocka_run_group_tests(group, &tests[i], 1, NULL, NULL);
    }
    fprintf(stderr, "%s has no test %s\n", group, name);
    return EXIT_FAILURE;
}

/* Waits for a child, no longer than until_ns; false: it had to be killed. */
static bool has_ended(pid_t child, int64_t until_ns, int *status)
{
    while (waitpid(child, status, WNOHANG) == 0) {
        if (acap_clock_ns() >= until_ns) {
            kill(child, SIGKILL);
            waitpid(child, status, 0);
            return false;
        }
        rig_sleep_ms(5);
    }
    return true;
}

/* One test, in a process of its own: a host that hangs takes nothing with it. */
static bool passes_alone(char *program, const char *name)
{
    char *const arguments[] = { program, (char *)(uintptr_t)name, NULL };
    int status;
    pid_t child;

    if (posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ) != 0)
        return false;
    if (!has_ended(child, acap_clock_ns() + TEST_LIMIT_NS, &status))
        fprintf(stderr, "%s hangs and was killed after %d s\n", name, (int)(TEST_LIMIT_NS / NS_PER_S));
    else if (WIFSIGNALED(status))
        fprintf(stderr, "%s was killed by signal %d\n", name, WTERMSIG(status));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int rig_main(int argument_count, char **arguments, const char *group, const struct CMUnitTest *tests, size_t count)
{
    size_t failed = 0;

    if (argument_count > 1)
        return run_named(arguments[1], group, tests, count);
    for (size_t i = 0; i < count; i++) {
        if (!passes_alone(arguments[0], tests[i].name)) {
            fprintf(stderr, "FAILED: %s %s\n", group, tests[i].name);
            failed++;
        }
    }
    printf("%s: %zu of %zu tests passed\n", group, count - failed, count);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
