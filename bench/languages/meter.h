/* SPDX-License-Identifier: MIT */
/* Owns: what every program of this directory does with the packets of the card: warm up, take the processor time of a run, pause, go on;
 * and from the counting signal tell how many frames are missing. The other languages have the same in their own words.
 * Used by: c_bench.c, cpp_bench.cpp.
 * Thread: the one that gets the packets; main reads is_done. */
#ifndef ACAP_BENCH_LANGUAGES_METER_H
#define ACAP_BENCH_LANGUAGES_METER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CARD "acap_bench_card"
#define RATE_HZ 48000
#define CHANNELS 2
#define FRAMES 480
#define LATENCY_S 0.1 /* what acap asks of a device */
#define WARM_UP_PACKETS 50
#define TAIL_PACKETS 100

/* cost: so often so many packets, which are captured before the clock runs. */
#define BATCHES 80
#define BATCH_PACKETS 250

typedef struct meter {
    uint64_t packets;
    int64_t pause_ms;
    uint64_t frames, from_frames, to_frames;
    float first, last;
    int64_t cpu_ns;
    int64_t lost_before_pause;
    volatile int is_done;
} meter;

static inline int64_t meter_cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline void meter_sleep_ms(int64_t ms)
{
    struct timespec pause;

    pause.tv_sec = ms / 1000;
    pause.tv_nsec = ms % 1000 * 1000000;
    nanosleep(&pause, NULL);
}

/* The signal counts in steps of 2^-23, modulo 2^24. */
static inline int64_t meter_lost(const meter *m)
{
    const int64_t steps = (int64_t)((m->last - m->first) * 8388608.0f);

    return ((steps + 1) & 0xffffff) - (int64_t)m->frames;
}

/* Frames are interleaved; pauses when it is time for it. */
static inline void meter_take(meter *m, const float *samples, uint64_t frame_count)
{
    const uint64_t from = WARM_UP_PACKETS * FRAMES, to = from + m->packets * FRAMES;

    if (m->is_done || frame_count == 0)
        return;
    if (m->frames == 0)
        m->first = samples[0];
    m->last = samples[(frame_count - 1) * CHANNELS];
    m->frames += frame_count;
    if (m->from_frames == 0 && m->frames >= from) {
        m->from_frames = m->frames;
        m->cpu_ns = meter_cpu_ns();
    } else if (m->to_frames == 0 && m->frames >= to) {
        m->to_frames = m->frames;
        m->cpu_ns = meter_cpu_ns() - m->cpu_ns;
        m->lost_before_pause = meter_lost(m);
        meter_sleep_ms(m->pause_ms);
        m->is_done = m->pause_ms == 0;
    } else if (m->to_frames != 0 && m->frames >= to + TAIL_PACKETS * FRAMES) {
        m->is_done = 1;
    }
}

static inline void meter_print(const meter *m)
{
    printf("cpu_us %.2f\n", (double)m->cpu_ns / 1e3 / ((double)(m->to_frames - m->from_frames) / FRAMES));
    printf("lost %lld\nlost_before_pause %lld\n", (long long)meter_lost(m), (long long)m->lost_before_pause);
}

static inline void bench_require(int is_true, const char *what)
{
    if (!is_true) {
        fprintf(stderr, "broken: %s\n", what);
        exit(1);
    }
}

#endif
