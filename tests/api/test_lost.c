/* SPDX-License-Identifier: MIT */
/* Owns: tests of devices that go away, come back, or refuse, and of the results that only they can bring about.
 * Run by: CTest, below a second; hours of outage pass in virtual time.
 * Runs on: the public API; simulated devices fail on cue. */
#include "fixture.h"

#include <poll.h>
#include <string.h>

static acap_stream *open_lossy(acap_context *context, const char *device, uint32_t on_device_lost)
{
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;

    config.device = device;
    config.format = ACAP_FORMAT_S32;
    config.channel_count = 1;
    config.on_device_lost = on_device_lost;
    return open_config(context, &config);
}

static void a_lost_device_ends_its_readers_with_the_loss(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_lossy(context, MANUAL "&period=100&unplug=1s", ACAP_ON_LOST_FAIL);
    acap_reader *reader = open_queue(stream, 200, ACAP_OVERFLOW_DROP_OLDEST);
    struct pollfd asked = {.events = POLLIN};
    const acap_buffer *buffer;
    conservation seen;
    intptr_t handle;

    (void)state;
    conservation_begin(&seen, reader);
    assert_ok(acap_reader_get_wait_handle(reader, &handle));
    asked.fd = (int)handle;
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_sim_advance(stream, 2 * 48000));
    assert_int_equal(stream_stats(stream).state, ACAP_STATE_RUNNING); /* a second of nothing is a stall */
    assert_result(drain(reader, &seen), ACAP_TIMED_OUT);
    assert_ok(acap_stream_sim_advance(stream, 2 * 48000));
    assert_int_equal(stream_stats(stream).state, ACAP_STATE_LOST);
    for (int i = 0; i < 3; i++) {
        assert_result(acap_reader_borrow(reader, ACAP_WAIT_FOREVER, &buffer), ACAP_ERROR_DEVICE_LOST);
        assert_int_equal(poll(&asked, 1, 0), 1);
    }
    assert_int_equal(seen.frames, 48000);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    assert_result(acap_stream_start(stream), ACAP_ERROR_NO_DEVICE); /* it is still unplugged */
    assert_ok(acap_stream_stop(stream));
    close_conserved(context, stream, reader);
}

static void what_was_captured_is_drained_before_the_loss_is_told(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_lossy(context, MANUAL "&period=100&unplug=15ms", ACAP_ON_LOST_FAIL);
    acap_reader *reader = open_queue(stream, 200, ACAP_OVERFLOW_DROP_OLDEST);
    conservation seen;

    (void)state;
    conservation_begin(&seen, reader);
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_sim_advance(stream, 5 * 48000));
    assert_result(drain(reader, &seen), ACAP_ERROR_DEVICE_LOST);
    assert_int_equal(seen.frames, 800); /* whole periods of 720 frames and the one that was under way */
    assert_int_equal(seen.partials, 1);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    assert_ok(acap_reader_end(reader)); /* an end is stronger than a loss */
    assert_result(drain(reader, &seen), ACAP_END);
    close_conserved(context, stream, reader);
}

/* It gets the past that there is, and the same answer as the others. */
static void a_reader_that_is_opened_after_the_loss_is_told(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_lossy(context, MANUAL "&period=480&unplug=1s", ACAP_ON_LOST_FAIL);
    const acap_buffer *buffer;

    (void)state;
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_sim_advance(stream, 5 * 48000));
    acap_reader *late = open_reader(stream);
    assert_result(acap_reader_borrow(late, ACAP_WAIT_FOREVER, &buffer), ACAP_ERROR_DEVICE_LOST);
    assert_ok(acap_stream_stop(stream));
    assert_result(acap_reader_borrow(late, ACAP_WAIT_FOREVER, &buffer), ACAP_ERROR_DEVICE_LOST);
    close_conserved(context, stream, late);
}

/* Nor does such a start take the wait away from those who wait for the device. */
static void a_start_that_fails_does_not_end_the_wait(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_lossy(context, MANUAL "&period=480&unplug=1s&replug=10s", ACAP_ON_LOST_WAIT);
    acap_reader *reader = open_queue(stream, 2000, ACAP_OVERFLOW_DROP_OLDEST);
    conservation seen;

    (void)state;
    conservation_begin(&seen, reader);
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_sim_advance(stream, 5 * 48000));
    assert_result(acap_stream_start(stream), ACAP_ERROR_NO_DEVICE);
    assert_result(drain(reader, &seen), ACAP_TIMED_OUT);
    assert_ok(acap_stream_sim_advance(stream, 10 * 48000));
    assert_result(drain(reader, &seen), ACAP_TIMED_OUT);
    assert_int_equal(stream_stats(stream).recoveries, 1);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    close_conserved(context, stream, reader);
}

static void the_outage_is_lost_once_and_the_same_reader_goes_on(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_lossy(context, MANUAL "&period=480&unplug=1s&replug=61s", ACAP_ON_LOST_WAIT);
    acap_reader *reader = open_queue(stream, 200, ACAP_OVERFLOW_DROP_OLDEST);
    uint64_t recovered = 0;
    conservation seen;

    (void)state;
    conservation_begin(&seen, reader);
    assert_ok(acap_stream_start(stream));
    for (int second = 0; second < 70; second++) {
        const acap_buffer *buffer;
        assert_ok(acap_stream_sim_advance(stream, 48000));
        while (acap_reader_borrow(reader, 0, &buffer) == ACAP_OK) {
            assert_true(counter_holds(buffer)); /* position is what the device's own clock says, after the outage, too */
            recovered += (buffer->flags & ACAP_BUFFER_RECOVERED) != 0;
            assert_int_equal((buffer->flags & ACAP_BUFFER_RECOVERED) != 0, (buffer->flags & ACAP_BUFFER_GAP) != 0);
            conservation_add(&seen, buffer);
            acap_buffer_release(buffer);
        }
        assert_conserved(conservation_of_stream(stream));
    }
    const acap_stream_stats stats = stream_stats(stream);
    assert_int_equal(stats.state, ACAP_STATE_RUNNING);
    assert_int_equal(stats.recoveries, 1);
    assert_int_equal(recovered, 1);
    assert_true(stats.lost_host >= 60 * 48000 && stats.lost_host <= 62 * 48000); /* the device is asked once a second */
    assert_int_equal(stats.lost_pool, 0);
    assert_int_equal(seen.gap_frames, stats.lost_host);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    close_conserved(context, stream, reader);
}

static void a_stream_that_waits_can_be_stopped_and_closed(void **state)
{
    (void)state;
    for (int stops = 0; stops < 2; stops++) {
        acap_context *context = make_context("sim");
        acap_stream *stream = open_lossy(context, MANUAL "&unplug=1s", ACAP_ON_LOST_WAIT);
        acap_reader *reader = open_queue(stream, 200, ACAP_OVERFLOW_DROP_OLDEST);
        const acap_buffer *buffer;
        conservation seen;
        conservation_begin(&seen, reader);
        assert_ok(acap_stream_start(stream));
        assert_ok(acap_stream_sim_advance(stream, 10 * 48000));
        assert_int_equal(stream_stats(stream).state, ACAP_STATE_LOST);
        (void)drain(reader, &seen);
        assert_result(acap_reader_borrow(reader, 0, &buffer), ACAP_TIMED_OUT); /* it may come back */
        if (stops) {
            assert_ok(acap_stream_stop(stream));
            assert_int_equal(stream_stats(stream).state, ACAP_STATE_STOPPED);
            assert_result(acap_reader_borrow(reader, 0, &buffer), ACAP_END);
        }
        acap_stream_close(stream);
        assert_result(drain(reader, &seen), ACAP_END);
        assert_conserved(conservation_at_rest(&seen, NULL, reader));
        acap_reader_close(reader);
        acap_context_destroy(context);
    }
}

static void a_start_after_a_loss_asks_the_device_again(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_lossy(context, MANUAL "&period=480&unplug=1s&replug=1500ms", ACAP_ON_LOST_FAIL);
    acap_reader *reader = open_queue(stream, 400, ACAP_OVERFLOW_DROP_OLDEST);
    conservation seen;

    (void)state;
    conservation_begin(&seen, reader);
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_sim_advance(stream, 5 * 48000));
    assert_result(drain(reader, &seen), ACAP_ERROR_DEVICE_LOST);
    assert_int_equal(stream_stats(stream).position, 48000);
    /* Stopped time adds nothing, and this device's calendar is the stream's position: it is unplugged for ever. */
    for (int i = 0; i < 3; i++) {
        assert_result(acap_stream_start(stream), ACAP_ERROR_NO_DEVICE);
        assert_int_equal(stream_stats(stream).state, ACAP_STATE_LOST);
        assert_result(drain(reader, &seen), ACAP_ERROR_DEVICE_LOST);
    }
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    close_conserved(context, stream, reader);
}

static void a_device_that_refuses_says_why(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    acap_stream *stream = (acap_stream *)context;

    (void)state;
    config.device = "sim:counter?fail=open";
    assert_result(acap_stream_open(context, &config, &stream), ACAP_ERROR_BACKEND);
    assert_null(stream);
    assert_non_null(strstr(acap_last_error(), "fail=open"));
    config.device = "sim:counter?fail=start";
    stream = open_config(context, &config);
    acap_reader *reader = open_reader(stream);
    for (int i = 0; i < 3; i++) {
        assert_result(acap_stream_start(stream), ACAP_ERROR_BACKEND);
        assert_non_null(strstr(acap_last_error(), "fail=start"));
        assert_int_equal(stream_stats(stream).state, ACAP_STATE_STOPPED);
    }
    assert_ok(acap_stream_stop(stream));
    close_conserved(context, stream, reader);
    assert_true(threads_have_gone());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_device_ends_its_readers_with_the_loss),
        cmocka_unit_test(what_was_captured_is_drained_before_the_loss_is_told),
        cmocka_unit_test(a_reader_that_is_opened_after_the_loss_is_told),
        cmocka_unit_test(a_start_that_fails_does_not_end_the_wait),
        cmocka_unit_test(the_outage_is_lost_once_and_the_same_reader_goes_on),
        cmocka_unit_test(a_stream_that_waits_can_be_stopped_and_closed),
        cmocka_unit_test(a_start_after_a_loss_asks_the_device_again),
        cmocka_unit_test(a_device_that_refuses_says_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
