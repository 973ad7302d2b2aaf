/* SPDX-License-Identifier: MIT */
/* Owns: the question what a pool buffer's way costs, from being taken to being given back: beside FFmpeg's buffer pool without the copy,
 * and beside a bare memcpy with it.
 * Called by: run.sh.
 * Thread: main, on both sides of the queue: what is measured is instructions, not the travel of cache lines between cores. */
#include "bench.h"
#include "convert.h"
#include "copy.h"
#include "pool.h"
#include "queue.h"

#ifdef BENCH_WITH_AVUTIL
#include <libavutil/buffer.h>
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The whole pool but one buffer waits in the queue, so that the buffers rotate, as they do behind a reader that is that far behind. */
typedef struct rig {
    acap_pool *pool;
    acap__queue queue;
    unsigned char *plain; /* as many bytes, for the bare memcpy */
    uint32_t buffer_count;
    uint32_t next_plain;
    int64_t now_ns;
} rig;

static void rig_init(rig *subject, uint32_t buffer_count)
{
    void *evicted;

    memset(subject, 0, sizeof *subject);
    subject->buffer_count = buffer_count;
    bench_require(acap__pool_make(0, BENCH_BYTES, buffer_count, buffer_count, &subject->pool) == ACAP_OK, "no pool");
    bench_require(acap__queue_init(&subject->queue, buffer_count), "no queue");
    subject->plain = aligned_alloc(4096, (size_t)buffer_count * 4096);
    bench_require(subject->plain != NULL, "no memory");
    memset(subject->plain, 1, (size_t)buffer_count * 4096);
    for (uint32_t i = 1; i < buffer_count; i++)
        acap__queue_push(&subject->queue, acap__pool_take(subject->pool, 0), true, &evicted);
}

static void rig_destroy(rig *subject)
{
    acap__header *header;

    while ((header = acap__queue_pop(&subject->queue)) != NULL)
        acap__header_recycle(header);
    acap_pool_release(subject->pool);
    acap__queue_destroy(&subject->queue);
    free(subject->plain);
}

static void hand_over(rig *subject, acap__header *header)
{
    void *evicted;

    acap__queue_push(&subject->queue, header, true, &evicted);
    acap__header_drop(acap__queue_pop(&subject->queue));
}

static void run_without_copy(void *state, uint32_t operations)
{
    rig *subject = state;

    for (uint32_t i = 0; i < operations; i++)
        hand_over(subject, acap__pool_take(subject->pool, subject->now_ns++));
}

static void run_with_memcpy(void *state, uint32_t operations)
{
    rig *subject = state;

    for (uint32_t i = 0; i < operations; i++) {
        acap__header *header = acap__pool_take(subject->pool, subject->now_ns++);
        bench_copy((void *)(uintptr_t)header->buffer.data, bench_packet(), BENCH_BYTES);
        hand_over(subject, header);
    }
}

static void run_with_copy(void *state, uint32_t operations)
{
    rig *subject = state;

    for (uint32_t i = 0; i < operations; i++) {
        acap__header *header = acap__pool_take(subject->pool, subject->now_ns++);
        acap__copy((void *)(uintptr_t)header->buffer.data, bench_packet(), BENCH_BYTES);
        hand_over(subject, header);
    }
}

static void run_with_convert(void *state, uint32_t operations)
{
    rig *subject = state;
    const acap__source source = {bench_packet(), NULL, ACAP_FORMAT_F32};

    for (uint32_t i = 0; i < operations; i++) {
        acap__header *header = acap__pool_take(subject->pool, subject->now_ns++);
        const acap__target target = {(void *)(uintptr_t)header->buffer.data, 0, ACAP_FORMAT_F32};
        acap__convert(&target, 0, &source, 0, BENCH_CHANNELS, BENCH_FRAMES);
        hand_over(subject, header);
    }
}

static void run_bare_memcpy(void *state, uint32_t operations)
{
    rig *subject = state;

    for (uint32_t i = 0; i < operations; i++) {
        bench_copy(subject->plain + (size_t)subject->next_plain * BENCH_BYTES, bench_packet(), BENCH_BYTES);
        if (++subject->next_plain == subject->buffer_count)
            subject->next_plain = 0;
    }
}

/* What no pool that is shared between threads can do without: the least that the copy has to wait for. */
static void copy_and_lock(rig *subject, uint32_t operations, uint32_t locked)
{
    static acap__u64 word;

    for (uint32_t i = 0; i < operations; i++) {
        run_bare_memcpy(subject, 1);
        for (uint32_t j = 0; j < locked; j++)
            (void)acap__add_acq_rel(&word, 1u);
    }
}

static void run_memcpy_and_one(void *state, uint32_t operations)
{
    copy_and_lock(state, operations, 1);
}

static void run_memcpy_and_three(void *state, uint32_t operations)
{
    copy_and_lock(state, operations, 3);
}

#ifdef BENCH_WITH_AVUTIL

static void run_avutil(void *state, uint32_t operations)
{
    AVBufferPool *pool = *(AVBufferPool **)state;

    for (uint32_t i = 0; i < operations; i++) {
        AVBufferRef *buffer = av_buffer_pool_get(pool);
        av_buffer_unref(&buffer);
    }
}

static void compare_without_copy(void)
{
    const bench_plan plan = {"pool, no copy", "ns a packet", 21, 200, 500};
    AVBufferPool *pool = av_buffer_pool_init(BENCH_BYTES, NULL);
    rig subject;

    bench_require(pool != NULL, "no AVBufferPool");
    rig_init(&subject, 50);
    const bench_case cases[] = {
        {"FFmpeg AVBufferPool: get, unref", run_avutil, &pool, 0, NULL},
        {"acap: take, push, pop, release", run_without_copy, &subject, 0.4, NULL},
    };
    bench_compare(&plan, cases, 2);
    rig_destroy(&subject);
    av_buffer_pool_uninit(&pool);
}

#else

static void compare_without_copy(void)
{
    const bench_plan plan = {"pool, no copy", "ns a packet", 21, 200, 500};
    rig subject;

    fprintf(stderr, "built without libavutil: no baseline for the pool\n");
    rig_init(&subject, 50);
    const bench_case cases[] = {{"acap: take, push, pop, release", run_without_copy, &subject, 0, NULL}};
    bench_compare(&plan, cases, 1);
    rig_destroy(&subject);
}

#endif

static void compare_with_copy(uint32_t buffer_count)
{
    char question[64];
    const bench_plan plan = {question, "ns a packet", 21, 200, 500};
    rig subject;

    snprintf(question, sizeof question, "pool of %u, with the copy", buffer_count);
    rig_init(&subject, buffer_count);
    const bench_case cases[] = {
        {"bare memcpy into as many buffers", run_bare_memcpy, &subject, 0, NULL},
        {"the same, and one locked instruction", run_memcpy_and_one, &subject, 0, NULL},
        {"the same, and three", run_memcpy_and_three, &subject, 0, NULL},
        {"acap: take, memcpy, push, pop, release", run_with_memcpy, &subject, 0, NULL},
        {"acap: take, copy, push, pop, release", run_with_copy, &subject, 1.15, NULL},
        {"acap: take, convert F32 to F32, push, pop, release", run_with_convert, &subject, 1.15, NULL},
    };
    bench_compare(&plan, cases, sizeof cases / sizeof cases[0]);
    rig_destroy(&subject);
}

int main(int argc, char **argv)
{
    static const uint32_t buffer_counts[] = {10, 50, 100, 1000};

    (void)argv;
    bench_begin(argc);
    compare_without_copy();
    for (size_t i = 0; i < sizeof buffer_counts / sizeof buffer_counts[0]; i++)
        compare_with_copy(buffer_counts[i]);
    return 0;
}
