/* SPDX-License-Identifier: MIT */
/* Owns: the question what one call of the audio callback costs with 0, 1 and 8 readers, each call timed alone.
 * Called by: run.sh; instructions.sh, with --instructions readers calls.
 * Thread: main, in the place of the audio thread. Between two calls it empties the queues, so that the caches are as a consumer on the same
 * core leaves them. */
#include "bench.h"
#include "stream.h"
#include "stream_rig.h"

#include <stdlib.h>
#include <string.h>

static void deliver(stream_rig *rig)
{
    const acap__chunk chunk = {.frames = bench_packet(), .frame_count = BENCH_FRAMES, .entry_ns = rig->now_ns++, .delay_ns = 0};

    bench_require(acap__feed_deliver(rig->stream->slot->feed, &chunk), "the gate is shut");
}

static void run_callback(void *state, uint32_t operations)
{
    for (uint32_t i = 0; i < operations; i++)
        deliver(state);
}

static void drain(void *state, uint32_t operations)
{
    for (uint32_t i = 0; i < operations; i++)
        stream_rig_drain(state);
}

static void run_memcpy(void *state, uint32_t operations)
{
    for (uint32_t i = 0; i < operations; i++)
        bench_copy(state, bench_packet(), BENCH_BYTES);
}

static void run_nothing(void *state, uint32_t operations)
{
    (void)state;
    (void)operations;
}

static void compare(void)
{
    static const uint32_t reader_counts[] = {0, 1, 8};
    static _Alignas(64) unsigned char target[BENCH_BYTES];
    const bench_plan plan = {"callback", "ns a call", 21, 2000, 1};
    stream_rig rigs[3];

    for (size_t i = 0; i < 3; i++)
        stream_rig_open(&rigs[i], reader_counts[i]);
    const bench_case cases[] = {
        {"bare memcpy of 3,840 bytes", run_memcpy, target, 0, NULL},
        {"nothing: what the measurement itself adds to each row", run_nothing, NULL, 0, NULL},
        {"acap__feed_deliver, no reader", run_callback, &rigs[0], 0, drain},
        {"acap__feed_deliver, 1 reader", run_callback, &rigs[1], 0, drain},
        {"acap__feed_deliver, 8 readers", run_callback, &rigs[2], 0, drain},
    };
    bench_compare(&plan, cases, sizeof cases / sizeof cases[0]);
    for (size_t i = 0; i < 3; i++)
        stream_rig_close(&rigs[i]);
}

static void run_for_counting(uint32_t reader_count, uint32_t call_count)
{
    static _Alignas(64) unsigned char target[BENCH_BYTES];
    stream_rig rig;

    stream_rig_open(&rig, reader_count);
    for (uint32_t i = 0; i < call_count; i++) {
        deliver(&rig);
        stream_rig_drain(&rig);
        run_memcpy(target, 1);
    }
    stream_rig_close(&rig);
}

int main(int argc, char **argv)
{
    bench_begin(argc);
    if (argc == 4 && strcmp(argv[1], "--instructions") == 0) {
        const unsigned long readers = strtoul(argv[2], NULL, 10);
        bench_require(readers <= STREAM_RIG_READERS_MAX, "0 to 16 readers");
        run_for_counting((uint32_t)readers, (uint32_t)strtoul(argv[3], NULL, 10));
        return 0;
    }
    compare();
    return 0;
}
