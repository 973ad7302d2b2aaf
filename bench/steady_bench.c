/* SPDX-License-Identifier: MIT */
/* Owns: the question what a packet costs in the steady state beyond time: heap allocations of the whole process, copies, bytes copied. Its
 * --system-calls mode is what syscalls.sh watches.
 * Called by: run.sh, syscalls.sh. Linked with --wrap for acap__convert, acap__copy, memcpy and memmove; takes the place of malloc for every
 * library.
 * Thread: main is the audio thread; each reader has a consumer thread, or main when readers do not sleep. */
#include "bench.h"
#include "convert.h"
#include "copy.h"
#include "stream.h"
#include "stream_rig.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WARM_UP_PACKETS 200u
#define PACKETS 20000u
#define TRACED_PACKETS 500u
/* As a device's packets come, not back to back: under strace a wake takes its time to arrive, and one that comes when the sleeper has taken
   its packet and sleeps again wakes it for nothing, which is a system call. */
#define TRACED_SPACING_NS 10000000

static atomic_ullong allocations;
static atomic_ullong conversions;
static atomic_ullong copied_bytes;

/* ---- The heap, counted. What glibc's own functions are called when a program replaces them. ---- */

extern void *__libc_malloc(size_t size_bytes);
extern void *__libc_calloc(size_t count, size_t size_bytes);
extern void *__libc_realloc(void *memory, size_t size_bytes);
extern void *__libc_memalign(size_t alignment, size_t size_bytes);
extern void __libc_free(void *memory);

static void count(atomic_ullong *counter, uint64_t amount)
{
    atomic_fetch_add_explicit(counter, amount, memory_order_relaxed);
}

void *malloc(size_t size_bytes)
{
    count(&allocations, 1);
    return __libc_malloc(size_bytes);
}

void *calloc(size_t item_count, size_t size_bytes)
{
    count(&allocations, 1);
    return __libc_calloc(item_count, size_bytes);
}

void *realloc(void *memory, size_t size_bytes)
{
    count(&allocations, 1);
    return __libc_realloc(memory, size_bytes);
}

void *aligned_alloc(size_t alignment, size_t size_bytes)
{
    count(&allocations, 1);
    return __libc_memalign(alignment, size_bytes);
}

int posix_memalign(void **out, size_t alignment, size_t size_bytes)
{
    count(&allocations, 1);
    *out = __libc_memalign(alignment, size_bytes);
    return *out == NULL ? 12 : 0; /* ENOMEM */
}

void free(void *memory)
{
    __libc_free(memory);
}

/* ---- Copies, counted ---- */

void __real_acap__convert(const acap__target *target, uint32_t target_frame, const acap__source *source, uint32_t source_frame,
                          uint32_t channel_count, uint32_t frame_count);
void __wrap_acap__convert(const acap__target *target, uint32_t target_frame, const acap__source *source, uint32_t source_frame,
                          uint32_t channel_count, uint32_t frame_count);
void __real_acap__copy(void *restrict target, const void *restrict source, size_t size_bytes);
void __wrap_acap__copy(void *restrict target, const void *restrict source, size_t size_bytes);
void *__real_memcpy(void *target, const void *source, size_t size_bytes);
void *__wrap_memcpy(void *target, const void *source, size_t size_bytes);
void *__real_memmove(void *target, const void *source, size_t size_bytes);
void *__wrap_memmove(void *target, const void *source, size_t size_bytes);

void __wrap_acap__convert(const acap__target *target, uint32_t target_frame, const acap__source *source, uint32_t source_frame,
                          uint32_t channel_count, uint32_t frame_count)
{
    count(&conversions, 1);
    __real_acap__convert(target, target_frame, source, source_frame, channel_count, frame_count);
}

/* Where it leaves the work to memcpy, that has counted it. */
void __wrap_acap__copy(void *restrict target, const void *restrict source, size_t size_bytes)
{
    const uint64_t before = atomic_load(&copied_bytes);

    __real_acap__copy(target, source, size_bytes);
    if (atomic_load(&copied_bytes) == before)
        count(&copied_bytes, size_bytes);
}

void *__wrap_memcpy(void *target, const void *source, size_t size_bytes)
{
    count(&copied_bytes, size_bytes);
    return __real_memcpy(target, source, size_bytes);
}

void *__wrap_memmove(void *target, const void *source, size_t size_bytes)
{
    count(&copied_bytes, size_bytes);
    return __real_memmove(target, source, size_bytes);
}

static void require_that_counting_works(void)
{
    unsigned char target[BENCH_BYTES];
    const uint64_t before = atomic_load(&allocations);
    void *volatile memory = malloc(1);
    const uint64_t bytes_before = atomic_load(&copied_bytes);

    free(memory);
    bench_copy(target, bench_packet(), sizeof target);
    bench_require(atomic_load(&allocations) == before + 1, "allocations are not counted");
    bench_require(atomic_load(&copied_bytes) == bytes_before + sizeof target, "copies are not counted");
}

/* ---- Consumers ---- */

/* To no descriptor: only whoever traces sees it. */
static void mark(const char *text)
{
    const ssize_t written = write(-1, text, strlen(text));

    (void)written;
}

static void *consume(void *argument)
{
    acap_reader *reader = argument;
    const acap_buffer *buffer;

    mark("consumer");
    while (acap_reader_borrow(reader, ACAP_WAIT_FOREVER, &buffer) == ACAP_OK)
        acap_buffer_release(buffer);
    return NULL;
}

/* Until every reader has taken everything and sleeps again, and then as long as a packet takes to come. By looking at the clock, without a
   system call, which would be counted. */
static void let_them_sleep(stream_rig *rig, int64_t spacing_ns)
{
    for (uint32_t i = 0; i < rig->reader_count; i++) {
        acap__outlet *outlet = &rig->readers[i]->outlet;
        while (acap__queue_count(&outlet->queue) != 0 || acap__load_acquire(&outlet->wake.sleep) == 0)
            ;
    }
    for (const int64_t begin_ns = acap_clock_ns(); acap_clock_ns() - begin_ns < spacing_ns;)
        ;
}

static void run_packets(stream_rig *rig, bool do_sleep, uint32_t packet_count, int64_t spacing_ns)
{
    for (uint32_t i = 0; i < packet_count; i++) {
        if (do_sleep)
            let_them_sleep(rig, spacing_ns);
        stream_rig_push(rig);
        if (!do_sleep)
            stream_rig_drain(rig);
    }
    if (do_sleep)
        let_them_sleep(rig, spacing_ns);
}

/* ---- Measuring ---- */

static void report(const char *question, uint32_t packet_count, const uint64_t *before)
{
    const double packets = packet_count;
    const double heap = (double)(atomic_load(&allocations) - before[0]) / packets;
    const double copies = (double)(atomic_load(&conversions) - before[1]) / packets;
    const double bytes = (double)(atomic_load(&copied_bytes) - before[2]) / packets;

    bench_counted(question, "heap allocations of the whole process", "a packet", heap, packet_count, "0", heap == 0);
    bench_counted(question, "copies of the audio", "a packet", copies, packet_count, "1", copies == 1);
    bench_counted(question, "bytes copied", "a packet", bytes, packet_count, "3840", bytes == BENCH_BYTES);
}

static void measure(uint32_t reader_count, bool do_sleep, bool is_traced)
{
    const int64_t spacing_ns = is_traced ? TRACED_SPACING_NS : 0;
    pthread_t threads[STREAM_RIG_READERS_MAX];
    stream_rig rig;
    char question[64];

    snprintf(question, sizeof question, "steady state, readers %s: %u", do_sleep ? "that sleep" : "that never sleep", reader_count);
    stream_rig_open(&rig, reader_count);
    for (uint32_t i = 0; do_sleep && i < reader_count; i++)
        bench_require(pthread_create(&threads[i], NULL, consume, rig.readers[i]) == 0, "no thread");
    run_packets(&rig, do_sleep, WARM_UP_PACKETS, spacing_ns);
    const uint64_t before[] = {atomic_load(&allocations), atomic_load(&conversions), atomic_load(&copied_bytes)};
    mark("steady state begins");
    run_packets(&rig, do_sleep, is_traced ? TRACED_PACKETS : PACKETS, spacing_ns);
    mark("steady state ends");
    if (!is_traced)
        report(question, PACKETS, before);
    for (uint32_t i = 0; do_sleep && i < reader_count; i++) {
        acap_reader_end(rig.readers[i]);
        pthread_join(threads[i], NULL);
    }
    stream_rig_close(&rig);
}

int main(int argc, char **argv)
{
    bench_begin(argc);
    /* --system-calls asleep|awake readers */
    if (argc == 4 && strcmp(argv[1], "--system-calls") == 0) {
        const unsigned long readers = strtoul(argv[3], NULL, 10);
        bench_require(readers >= 1 && readers <= STREAM_RIG_READERS_MAX, "1 to 16 readers");
        printf("%u\n", TRACED_PACKETS);
        fflush(stdout);
        measure((uint32_t)readers, strcmp(argv[2], "asleep") == 0, true);
        return 0;
    }
    require_that_counting_works();
    for (uint32_t reader_count = 1; reader_count <= 8; reader_count *= 8) {
        measure(reader_count, false, false);
        measure(reader_count, true, false);
    }
    return 0;
}
