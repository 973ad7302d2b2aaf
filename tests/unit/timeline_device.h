/* SPDX-License-Identifier: MIT */
/* Owns: a device of which the truth is known - its own clock, every frame that it made, every frame that was lost - behind a host that
 * calls late, in bursts, or not at all for a while, and what the timeline makes of it.
 * Used by: test_timeline.c and test_rate.c, on their main thread. */
#ifndef ACAP_TESTS_UNIT_TIMELINE_DEVICE_H
#define ACAP_TESTS_UNIT_TIMELINE_DEVICE_H

#include "timeline.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
#define MS 1e6
#define SECOND 1e9
#define RATE_HZ 48000u
#define ORIGIN_NS INT64_C(1000000000000000) /* a machine that has been up for eleven days */

/* ---- the device ---- */

typedef struct device {
    acap__timeline timeline;
    double frame_ns; /* by the true clock */
    double jitter_ns;
    uint32_t period_frames;
    uint64_t random;
    uint64_t next_frame; /* the device makes next: all before were handed over or lost */
    double last_entry_ns;
    bool is_flagged; /* the next call carries the overflow flag */
    acap__moment moment; /* of the last call */
    /* the truth against what was found */
    uint64_t lost_frames;
    uint64_t found_frames;
    uint32_t found_times;
    uint64_t handed_frames;
    uint64_t lost_at_handed; /* how many had been handed over at the last loss */
    double lost_ns;          /* when that was */
    double found_ns;
    uint64_t found_from; /* where the last finding puts it, in frames handed over */
    uint64_t found_to;
    uint64_t dishonest_calls; /* the error was larger than its bound */
    double error_ns;          /* of the last call */
    double bound_exceeded_ns;
} device;

static inline uint64_t next_random(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* 0 to 1 */
static inline double chance(device *d)
{
    return (double)(next_random(&d->random) >> 11) / 9007199254740992.0;
}

static inline void begin(device *d, double ppm, double jitter_ns, uint32_t period_frames, uint64_t seed)
{
    memset(d, 0, sizeof *d);
    acap__timeline_start(&d->timeline, RATE_HZ);
    d->frame_ns = SECOND / (RATE_HZ * (1.0 + ppm * 1e-6));
    d->jitter_ns = jitter_ns;
    d->period_frames = period_frames;
    d->random = seed;
}

static inline double made_ns(const device *d, uint64_t frame)
{
    return (double)frame * d->frame_ns;
}

static inline void compare_time(device *d)
{
    d->error_ns = (double)(d->moment.first_ns - ORIGIN_NS) - made_ns(d, d->next_frame);
    if (d->moment.error_ns == INT64_MAX || fabs(d->error_ns) <= (double)d->moment.error_ns)
        return;
    d->dishonest_calls++;
    d->bound_exceeded_ns = fmax(d->bound_exceeded_ns, fabs(d->error_ns) - (double)d->moment.error_ns);
}

static inline void note_found(device *d, uint64_t frames, uint64_t span_frames)
{
    if (frames == 0)
        return;
    d->found_frames += frames;
    d->found_times++;
    d->found_ns = d->last_entry_ns;
    d->found_to = d->handed_frames;
    d->found_from = d->handed_frames - span_frames;
}

/* One call of the host, not before the one that came last. */
static inline void call(device *d, double entry_ns)
{
    d->last_entry_ns = fmax(entry_ns, d->last_entry_ns);
    const acap__tick tick = {ORIGIN_NS + (int64_t)d->last_entry_ns, -1, d->period_frames, d->is_flagged};
    acap__timeline_step(&d->timeline, &tick, &d->moment);
    d->is_flagged = false;
    note_found(d, d->moment.lost_frames, d->moment.late_span_frames);
    compare_time(d);
    d->next_frame += d->period_frames;
    d->handed_frames += d->period_frames;
}

static inline double due_ns(const device *d)
{
    return made_ns(d, d->next_frame + d->period_frames);
}

static inline void run_until(device *d, double until_ns)
{
    while (due_ns(d) <= until_ns)
        call(d, due_ns(d) + chance(d) * d->jitter_ns);
}

static inline void run_for(device *d, double time_ns)
{
    run_until(d, made_ns(d, d->next_frame) + time_ns);
}

static inline void lose(device *d, uint64_t frames)
{
    d->next_frame += frames;
    d->lost_frames += frames;
    d->lost_at_handed = d->handed_frames;
    d->lost_ns = made_ns(d, d->next_frame);
}

static inline uint64_t frames_of(double time_ns)
{
    return (uint64_t)(time_ns * RATE_HZ / SECOND + 0.5);
}

/* The host does not call for a time; what it kept of it comes then, at so many times the device's speed; the oldest was dropped. */
static inline void stall(device *d, double time_ns, double kept_ns, double speed)
{
    const double end_ns = made_ns(d, d->next_frame) + time_ns;
    double entry_ns = end_ns;

    if (kept_ns < time_ns)
        lose(d, frames_of(time_ns - kept_ns));
    while (due_ns(d) <= entry_ns) {
        call(d, entry_ns);
        entry_ns += made_ns(d, d->period_frames) / speed;
    }
}

static inline void stop(device *d)
{
    uint64_t span_frames = 0;
    const uint64_t frames = acap__timeline_finish(&d->timeline, &span_frames);

    note_found(d, frames, span_frames);
}

static inline double missed_ns(const device *d)
{
    return ((double)d->found_frames - (double)d->lost_frames) * d->frame_ns;
}

static inline void expect_nothing_found(const device *d)
{
    if (d->found_frames != 0)
        fail_msg("%llu frames in %u losses were made up, the last at %.3f s", (unsigned long long)d->found_frames, d->found_times,
                 d->found_ns / SECOND);
}

/* So much was found of what was lost, and the range holds the place of the last loss. */
static inline void expect_found(const device *d, uint32_t times, double tolerance_ns)
{
    if (fabs(missed_ns(d)) > tolerance_ns)
        fail_msg("%llu frames were lost, %llu found", (unsigned long long)d->lost_frames, (unsigned long long)d->found_frames);
    assert_int_equal(d->found_times, times);
    assert_true(d->found_from <= d->lost_at_handed && d->lost_at_handed <= d->found_to);
}

static inline double rate_error_ppm(const device *d)
{
    return fabs(acap__timeline_rate_hz(&d->timeline) * d->frame_ns / SECOND - 1.0) * 1e6;
}

static inline int by_size(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;

    return (left > right) - (left < right);
}

#endif
