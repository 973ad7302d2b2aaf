/* SPDX-License-Identifier: MIT */
/* Owns: the question what it costs to hand one packet to many readers: a pointer each, beside a ring buffer each.
 * Called by: run.sh.
 * Thread: main, in the place of the audio thread and of every reader: what is measured is work, not the travel of cache lines. */
#include "bench.h"
#include "ring.h"
#include "stream.h"
#include "stream_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RING_FRAMES 32768u /* the power of two above 500 ms, which is what acap's readers queue */
#define GOAL_READERS 8u
#define GOAL_RATIO 0.2
#define FRAME_BYTES (BENCH_BYTES / BENCH_FRAMES)

typedef struct fan {
    stream_rig rig;
    uint32_t reader_count;
    ring rings[STREAM_RIG_READERS_MAX];
    _Alignas(64) unsigned char taken[STREAM_RIG_READERS_MAX][BENCH_BYTES]; /* where each reader of a ring copies to */
} fan;

/* What an application does with the public API. */
static void run_public(void *state, uint32_t operations)
{
    fan *subject = state;

    for (uint32_t i = 0; i < operations; i++) {
        stream_rig_push(&subject->rig);
        stream_rig_drain(&subject->rig);
    }
}

/* The hand-over alone: without the clock readings for callback times and latencies that the public API also delivers. */
static void run_inside(void *state, uint32_t operations)
{
    fan *subject = state;
    acap__ingest *ingest = &subject->rig.stream->ingest;

    for (uint32_t i = 0; i < operations; i++) {
        const acap__chunk chunk = {
            .frames = bench_packet(), .frame_count = BENCH_FRAMES, .entry_ns = subject->rig.now_ns++, .delay_ns = 0};
        acap__ingest_enter(ingest);
        acap__ingest_write(ingest, &chunk);
        for (uint32_t reader = 0; reader < subject->reader_count; reader++)
            acap__header_recycle(acap__queue_pop(&subject->rig.readers[reader]->outlet.queue));
    }
}

static void run_rings(void *state, uint32_t operations)
{
    fan *subject = state;

    for (uint32_t i = 0; i < operations; i++) {
        for (uint32_t reader = 0; reader < subject->reader_count; reader++)
            bench_require(ring_write(&subject->rings[reader], bench_packet(), BENCH_FRAMES) == BENCH_FRAMES, "ring_write");
        for (uint32_t reader = 0; reader < subject->reader_count; reader++)
            bench_require(ring_read(&subject->rings[reader], subject->taken[reader], BENCH_FRAMES) == BENCH_FRAMES, "ring_read");
    }
}

#ifdef BENCH_WITH_PORTAUDIO_RING

/* In libportaudio.a, but in no header that is installed. The struct has seven words. */
typedef struct pa_ring {
    long words[16];
} pa_ring;
long PaUtil_InitializeRingBuffer(pa_ring *subject, long element_bytes, long element_count, void *data);
long PaUtil_WriteRingBuffer(pa_ring *subject, const void *data, long element_count);
long PaUtil_ReadRingBuffer(pa_ring *subject, void *data, long element_count);

static pa_ring pa_rings[STREAM_RIG_READERS_MAX];
static void *pa_data[STREAM_RIG_READERS_MAX];

static void run_portaudio(void *state, uint32_t operations)
{
    fan *subject = state;

    for (uint32_t i = 0; i < operations; i++) {
        for (uint32_t reader = 0; reader < subject->reader_count; reader++)
            bench_require(PaUtil_WriteRingBuffer(&pa_rings[reader], bench_packet(), BENCH_FRAMES) == BENCH_FRAMES, "pa write");
        for (uint32_t reader = 0; reader < subject->reader_count; reader++)
            bench_require(PaUtil_ReadRingBuffer(&pa_rings[reader], subject->taken[reader], BENCH_FRAMES) == BENCH_FRAMES, "pa read");
    }
}

static void open_portaudio(uint32_t reader_count)
{
    for (uint32_t i = 0; i < reader_count; i++) {
        pa_data[i] = calloc(RING_FRAMES, FRAME_BYTES);
        bench_require(pa_data[i] != NULL, "no memory");
        bench_require(PaUtil_InitializeRingBuffer(&pa_rings[i], FRAME_BYTES, RING_FRAMES, pa_data[i]) == 0, "pa init");
    }
}

static void close_portaudio(uint32_t reader_count)
{
    for (uint32_t i = 0; i < reader_count; i++)
        free(pa_data[i]);
}

#else

static void open_portaudio(uint32_t reader_count)
{
    (void)reader_count;
}

static void close_portaudio(uint32_t reader_count)
{
    (void)reader_count;
}

#endif

static fan subject;

static void compare(uint32_t reader_count)
{
    char question[64];
    const double limit = reader_count == GOAL_READERS ? GOAL_RATIO : 0;
    const bench_plan plan = {question, "ns a packet", 21, 100, 100};
    const bench_case cases[] = {
#ifdef BENCH_WITH_PORTAUDIO_RING
        {"PortAudio's ring buffer: write and read each", run_portaudio, &subject, 0, NULL},
#endif
        {"ring buffer of PortAudio's design: write and read each", run_rings, &subject, 0, NULL},
        {"acap: push, then borrow and release each", run_public, &subject, limit, NULL},
        {"acap inside: ingest, then pop and release each", run_inside, &subject, limit, NULL},
    };

    snprintf(question, sizeof question, "fan-out to %u", reader_count);
    memset(&subject, 0, sizeof subject);
    subject.reader_count = reader_count;
    stream_rig_open(&subject.rig, reader_count);
    for (uint32_t i = 0; i < reader_count; i++)
        bench_require(ring_init(&subject.rings[i], FRAME_BYTES, RING_FRAMES), "no memory");
    open_portaudio(reader_count);
    bench_compare(&plan, cases, sizeof cases / sizeof cases[0]);
    close_portaudio(reader_count);
    for (uint32_t i = 0; i < reader_count; i++)
        ring_destroy(&subject.rings[i]);
    stream_rig_close(&subject.rig);
}

int main(int argc, char **argv)
{
    (void)argv;
    bench_begin(argc);
    for (uint32_t reader_count = 1; reader_count <= STREAM_RIG_READERS_MAX; reader_count *= 2)
        compare(reader_count);
    return 0;
}
