/* SPDX-License-Identifier: MIT */
/* Owns: tests that opening and closing leaves nothing behind: memory, descriptors, threads; ten thousand times over.
 * Run by: CTest, a few seconds.
 * Runs on: the public API; streams are fed by the test or run in virtual time. */
#include "fixture.h"

#include <stdlib.h>

/* How much a process may have grown. The sanitizers keep freed memory back on purpose, and shadow what was used. */
#define GROWTH_BYTES (HAS_SANITIZER ? UINT64_C(400000000) : UINT64_C(3000000))

struct trace {
    uint64_t resident;
    uint32_t descriptors;
};

static struct trace take_trace(void)
{
    return (struct trace){resident_bytes(), open_descriptors()};
}

static void expect_no_trace(const struct trace *before)
{
    const uint64_t now = resident_bytes();

    assert_int_equal(open_descriptors(), before->descriptors);
    if (now > before->resident + GROWTH_BYTES)
        fail_msg("resident memory grew from %llu to %llu bytes", (unsigned long long)before->resident, (unsigned long long)now);
    print_message("resident memory: %llu KiB before, %llu KiB after\n", (unsigned long long)(before->resident / 1024),
                  (unsigned long long)(now / 1024));
}

/* One whole life of a stream with a reader, a wait handle and a buffer that goes last. */
static void live(acap_context *context, const char *device, int i)
{
    acap_stream *stream = open_stream(context, device, 0, 0, 480);
    acap_reader *reader = open_queue(stream, 4, 0);
    const acap_buffer *held = NULL;
    conservation seen;
    intptr_t handle;

    conservation_begin(&seen, reader);
    assert_ok(acap_reader_get_wait_handle(reader, &handle));
    assert_ok(acap_stream_start(stream));
    if (device[0] == 'p')
        push_counter(stream, 1000);
    else
        assert_ok(acap_stream_sim_advance(stream, 1024));
    held = borrow_now(reader, &seen);
    if (i % 2 == 0) {
        assert_ok(acap_stream_stop(stream));
        assert_result(drain(reader, &seen), ACAP_END);
        assert_conserved(conservation_at_rest(&seen, stream, reader));
    }
    if (i % 3 == 0)
        acap_reader_close(reader);
    acap_stream_close(stream);
    if (i % 3 != 0)
        acap_reader_close(reader);
    acap_buffer_release(held);
}

static void ten_thousand_streams_leave_no_trace(void **state)
{
    acap_context *context = make_context("push");
    struct trace before = {0, 0};

    (void)state;
    for (int i = 0; i < 10000; i++) {
        live(context, "push:", i);
        if (i == 500) /* the feeds of the last 64 rest in quarantine */
            before = take_trace();
    }
    expect_no_trace(&before);
    acap_context_destroy(context);
    assert_true(threads_have_gone());
}

static void two_thousand_simulated_streams_leave_no_trace(void **state)
{
    acap_context *context = make_context("sim");
    struct trace before = {0, 0};

    (void)state;
    for (int i = 0; i < 2000; i++) {
        live(context, MANUAL, i);
        if (i == 500)
            before = take_trace();
    }
    expect_no_trace(&before);
    acap_context_destroy(context);
    assert_true(threads_have_gone());
}

static void a_thousand_contexts_leave_no_trace(void **state)
{
    struct trace before = {0, 0};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        acap_context *context = make_context("sim");
        acap_device_list *list = NULL;
        assert_ok(acap_device_list_create(context, &list));
        live(context, MANUAL, i);
        acap_context_destroy(context);
        acap_device_list_destroy(list);
        if (i == 200) {
            assert_true(threads_have_gone());
            before = take_trace();
        }
    }
    assert_true(threads_have_gone());
    expect_no_trace(&before);
}

static void running_devices_leave_no_trace(void **state)
{
    const uint32_t descriptors = open_descriptors();

    (void)state;
    for (int i = 0; i < 200; i++) {
        acap_context *context = make_context("sim");
        acap_stream *stream = open_stream(context, i % 2 ? "sim:counter?pace=fast" : "sim:counter", 0, 0, 480);
        acap_reader *reader = open_queue(stream, 4, 0);
        assert_ok(acap_stream_start(stream));
        if (i % 3 == 0)
            assert_ok(acap_stream_stop(stream));
        acap_stream_close(stream);
        acap_context_destroy(context);
        assert_conserved(conservation_of_reader(reader));
        acap_reader_close(reader);
    }
    assert_int_equal(open_descriptors(), descriptors);
    assert_true(threads_have_gone());
}

static void ten_thousand_readers_leave_no_trace(void **state)
{
    rig r = make_rig(480, 4, 0);
    struct trace before = {0, 0};
    intptr_t handle;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        acap_reader *reader = open_queue(r.stream, 16, 0);
        assert_ok(acap_reader_get_wait_handle(reader, &handle));
        push_counter(r.stream, 100);
        assert_result(drain(r.reader, &r.seen), ACAP_TIMED_OUT);
        acap_reader_close(reader);
        if (i == 100)
            before = take_trace();
    }
    expect_no_trace(&before);
    finish_rig(&r);
}

static void failures_leave_no_trace(void **state)
{
    acap_context *context = make_context("sim");
    struct trace before = {0, 0};

    (void)state;
    for (int i = 0; i < 5000; i++) {
        acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
        acap_stream *stream;
        config.device = i % 2 ? "sim:nothing" : "sim:counter?pace=manual&period=0";
        assert_result(acap_stream_open(context, &config, &stream), i % 2 ? ACAP_ERROR_NO_DEVICE : ACAP_ERROR_INVALID_ARGUMENT);
        config.device = "push:"; /* opens the device and then has no memory for its pool */
        config.frames_per_buffer = ACAP_MAX_FRAMES_PER_BUFFER;
        config.channel_count = ACAP_MAX_CHANNELS;
        assert_result(acap_stream_open(context, &config, &stream), ACAP_ERROR_LIMIT);
        if (i == 500)
            before = take_trace();
    }
    expect_no_trace(&before);
    acap_context_destroy(context);
    assert_true(threads_have_gone());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_streams_leave_no_trace),
        cmocka_unit_test(two_thousand_simulated_streams_leave_no_trace),
        cmocka_unit_test(a_thousand_contexts_leave_no_trace),
        cmocka_unit_test(running_devices_leave_no_trace),
        cmocka_unit_test(ten_thousand_readers_leave_no_trace),
        cmocka_unit_test(failures_leave_no_trace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
