/* SPDX-License-Identifier: MIT */
/* Owns: what is claimed of the gate (gate.h) and of what is behind it when a stream is stopped, started, closed or pushed into
 * (stream_control.c, feed_rt.c).
 * Called by: main.cpp. */
#include "stage.h"

namespace
{

/* A stop under the audio thread: what was let in before is complete, what was not is refused. */
struct stopped : rl::test_suite<stopped, 2> {
    model::stage stage;
    acap_reader *reader;
    uint32_t accepted_frames;

    void before()
    {
        stage.make(0, 3);
        reader = stage.open(2, 1, ACAP_OVERFLOW_DROP_OLDEST);
        accepted_frames = 0;
    }
    void thread(unsigned index)
    {
        if (index == 1) {
            RL_ASSERT(acap_stream_stop(stage.stream) == ACAP_OK);
            RL_ASSERT(stage.slot_rooms[0].has_ended());
            return;
        }
        bool is_open = true;
        for (unsigned i = 0; i < 3; i++) {
            const bool is_in = stage.deliver(1);
            RL_ASSERT(is_open || !is_in);
            is_open = is_in;
            accepted_frames += is_in ? 1 : 0;
        }
    }
    void after()
    {
        RL_ASSERT(stage.drain(reader) == accepted_frames && stage.last_result == ACAP_END);
        stage.end(reader);
    }
};

const model::add_property<stopped> stop("gate-stop", "after a stop all that was let in is there, and nothing more comes", 3);

/* Everything is closed under the audio thread, which calls once more. */
struct closed : rl::test_suite<closed, 2> {
    model::stage stage;
    acap_reader *reader;

    void before()
    {
        stage.make();
        reader = stage.open(1, 1, ACAP_OVERFLOW_DROP_OLDEST);
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            (void)stage.deliver(1);
            (void)stage.deliver(1);
        } else {
            acap_reader_close(reader);
            acap_stream_close(stage.stream);
        }
    }
    void after()
    {
        stage.check_all_gone();
    }
};

const model::add_property<closed> close("gate-close", "a callback that comes late touches its gate and nothing else", 3);

/* The closer's patience ends at once: a callback that is inside may stay there for ever. */
struct stuck : rl::test_suite<stuck, 2> {
    model::stage stage;
    acap_reader *reader;
    bool was_stuck;

    void before()
    {
        stage.make();
        reader = stage.open(1, 1, ACAP_OVERFLOW_DROP_OLDEST);
        model::clock_step_ns = ACAP__NS_PER_S;
        was_stuck = false;
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            (void)stage.deliver(1);
            return;
        }
        RL_ASSERT(acap_stream_stop(stage.stream) == ACAP_OK);
        was_stuck = stage.stream->is_stuck_inside;
        if (was_stuck)
            RL_ASSERT(acap_stream_start(stage.stream) == ACAP_ERROR_INVALID_STATE);
        acap_reader_close(reader);
        acap_stream_close(stage.stream);
    }
    void after()
    {
        stage.check_all_gone(was_stuck);
    }
};

const model::add_property<stuck> stay("gate-stuck", "what a callback that never leaves may touch is never freed, "
    "nor is a second one let in", 3);

/* A stop and a start under the first device's audio thread, which calls on: two producers, but one at a time. */
struct restarted : rl::test_suite<restarted, 2> {
    model::stage stage;
    acap_reader *reader;
    uint32_t accepted_frames[2];

    void before()
    {
        stage.make();
        reader = stage.open(2, 1, ACAP_OVERFLOW_DROP_NEWEST);
        memset(accepted_frames, 0, sizeof accepted_frames);
    }
    void thread(unsigned index)
    {
        if (index == 1) {
            RL_ASSERT(acap_stream_stop(stage.stream) == ACAP_OK);
            RL_ASSERT(acap_stream_start(stage.stream) == ACAP_OK);
        }
        for (unsigned i = 0; i < 2 - index; i++)
            accepted_frames[index] += stage.deliver(1, index) ? 1 : 0;
    }
    void after()
    {
        acap_reader_stats stats = ACAP_READER_STATS_INIT;
        const uint32_t frame_count = stage.drain(reader);

        RL_ASSERT(accepted_frames[1] == 1 && stage.last_result == ACAP_TIMED_OUT);
        (void)acap_reader_get_stats(reader, &stats);
        RL_ASSERT(frame_count + stats.lost_queue == accepted_frames[0] + accepted_frames[1]);
        stage.end(reader);
    }
};

const model::add_property<restarted> restart("gate-restart", "a late callback of the old device never meets one of the new", 3);

/* The second device's start fails, or does not come back in time; its audio thread runs all the same. */
struct start_failed : rl::test_suite<start_failed, 2> {
    model::stage stage;
    acap_reader *reader;

    void before()
    {
        stage.make();
        reader = stage.open(1, 1, ACAP_OVERFLOW_DROP_OLDEST);
        RL_ASSERT(acap_stream_stop(stage.stream) == ACAP_OK);
        stage.start_result = ACAP_ERROR_HOST_STUCK;
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            while (acap__load_acquire(&stage.device_count) == 1)
                rl::yield(1, $);
            (void)stage.deliver(1, 1);
            (void)stage.deliver(1, 1);
        } else {
            RL_ASSERT(acap_stream_start(stage.stream) == ACAP_ERROR_HOST_STUCK);
            acap_reader_close(reader);
            acap_stream_close(stage.stream);
        }
    }
    void after()
    {
        stage.check_all_gone();
    }
};

const model::add_property<start_failed> start("gate-start-failed", "a device that failed to start, and calls, "
    "touches nothing that was closed", 3);

/* Two threads push, a third stops: one pusher is inside at a time. */
struct pushed : rl::test_suite<pushed, 3> {
    model::stage stage;
    acap_reader *reader;
    uint32_t accepted_frames[2];

    void before()
    {
        stage.make();
        reader = stage.open(2, 1, ACAP_OVERFLOW_DROP_OLDEST);
        memset(accepted_frames, 0, sizeof accepted_frames);
    }
    void thread(unsigned index)
    {
        static const float frame = 0.5f;

        if (index == 2) {
            RL_ASSERT(acap_stream_stop(stage.stream) == ACAP_OK);
            return;
        }
        const acap_result result = acap_stream_push(stage.stream, &frame, 1, 1);
        RL_ASSERT(result == ACAP_OK || result == ACAP_ERROR_INVALID_STATE);
        accepted_frames[index] += result == ACAP_OK ? 1 : 0;
    }
    void after()
    {
        RL_ASSERT(stage.drain(reader) == accepted_frames[0] + accepted_frames[1] && stage.last_result == ACAP_END);
        stage.end(reader);
    }
};

const model::add_property<pushed> push("gate-push", "pushers come in one at a time, and none after a stop", 1);

}
