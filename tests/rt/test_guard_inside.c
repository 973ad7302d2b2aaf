/* SPDX-License-Identifier: MIT */
/* Owns: the same proof for exactly what a host calls, acap__feed_deliver, whoever calls it: devices on the caller's thread with all their
 * faults, and those with threads of their own.
 * Run by: CTest, with the guard preloaded and ALSA's null card as the only sound card.
 * Runs on: the static library, linked so that every call of acap__feed_deliver comes here first. */
#include "feed.h"
#include "session.h"

#define STEP_FRAMES 960u
#define STEPS 3000u /* a minute of virtual time */
#define BUFFERS 200u

bool __real_acap__feed_deliver(acap__feed *feed, const acap__chunk *chunk);
bool __wrap_acap__feed_deliver(acap__feed *feed, const acap__chunk *chunk);

bool __wrap_acap__feed_deliver(acap__feed *feed, const acap__chunk *chunk)
{
    guard.enter();
    const bool is_open = __real_acap__feed_deliver(feed, chunk);
    guard.leave();
    return is_open;
}

static void manual_device_is_clean(void **state)
{
    const char *device = *state;
    const guard_counts before = guard.counts();
    session s;

    session_begin(&s, "sim", device);
    session_churn_begin(&s);
    for (uint32_t i = 0; !session_is_enough(&s, i, STEPS); i++) {
        assert_acap_ok(acap_stream_sim_advance(s.stream, STEP_FRAMES));
        session_take(&s, 0);
    }
    session_churn_end(&s);
    session_finish(&s);
    assert_true(guard.counts().sections - before.sections > BUFFERS);
}

static void device_with_a_thread_is_clean(void **state)
{
    const guard_counts before = guard.counts();
    session s;

    session_begin(&s, "sim", *state);
    session_take_many(&s, BUFFERS);
    session_finish(&s);
    assert_true(guard.counts().sections > before.sections);
}

static void pushing_is_clean(void **state)
{
    static float frames[2 * STEP_FRAMES];
    const guard_counts before = guard.counts();
    session s;

    (void)state;
    session_begin(&s, "push", NULL);
    session_churn_begin(&s);
    for (uint32_t i = 0; !session_is_enough(&s, i, STEPS); i++) {
        assert_acap_ok(acap_stream_push(s.stream, frames, 1 + i % STEP_FRAMES, 0));
        session_take(&s, 0);
    }
    session_churn_end(&s);
    session_finish(&s);
    assert_true(guard.counts().sections - before.sections >= STEPS);
}

int main(void)
{
    static char plain[] = "sim:counter?pace=manual&period=256";
    static char faulty[] = "sim:counter?pace=manual&period=256&ppm=+80&jitter=5ms&xrun=2s:480f:flag&xrun=7s:48000f";
    static char stalling[] = "sim:sine?pace=manual&period=480&stall=5s:3s&burst";
    static char fast[] = "sim:noise?pace=fast&period=333";
    static char real[] = "sim:counter?pace=real&period=100&jitter=1ms&xrun=200ms:480f:flag";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(manual_device_is_clean, plain),
        cmocka_unit_test_prestate(manual_device_is_clean, faulty),
        cmocka_unit_test_prestate(manual_device_is_clean, stalling),
        cmocka_unit_test_prestate(device_with_a_thread_is_clean, fast),
        cmocka_unit_test_prestate(device_with_a_thread_is_clean, real),
        cmocka_unit_test(pushing_is_clean),
    };

    guard_find();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
