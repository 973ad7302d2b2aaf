/* SPDX-License-Identifier: MIT */
/* Owns: the question whether a pool recycles: 5 minutes of 10 ms buffers through pools of 10, 50 and 100 of them, in virtual time.
 * Called by: run.sh.
 * Thread: main. */
#include "bench.h"

#include <acap/acap.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PACKETS 30000u
#define WARM_UP_PACKETS 1000u
#define HELD_MAX 64u
#define RECYCLED_MIN 29000u

typedef struct capture {
    acap_context *context;
    acap_pool *pool;
    acap_stream *stream;
    acap_reader *reader;
    const acap_buffer *held[HELD_MAX]; /* the consumer keeps some at a time, as one that encodes blocks does */
    uint32_t held_count;
    uint64_t next_position;
} capture;

/* In KiB, without the pages of files. From the page tables: the kernel's running count, in /proc/self/statm, is off by up to 64 pages a
   processor. A thread of the library that takes its first turns meanwhile may touch a page or two of its stack. */
static long own_memory_kib(void)
{
    char text[4096] = "";
    const int file = open("/proc/self/smaps_rollup", O_RDONLY);

    bench_require(file >= 0 && read(file, text, sizeof text - 1) > 0, "/proc/self/smaps_rollup");
    close(file);
    const char *line = strstr(text, "\nAnonymous:");
    bench_require(line != NULL, "Anonymous in /proc/self/smaps_rollup");
    return strtol(line + strlen("\nAnonymous:"), NULL, 10);
}

static void capture_open(capture *subject, uint32_t buffer_count)
{
    acap_context_config context_config = ACAP_CONTEXT_CONFIG_INIT;
    acap_pool_config pool_config = ACAP_POOL_CONFIG_INIT;
    acap_stream_config stream_config = ACAP_STREAM_CONFIG_INIT;
    acap_reader_config reader_config = ACAP_READER_CONFIG_INIT;

    memset(subject, 0, sizeof *subject);
    context_config.backend = "sim";
    pool_config.buffer_size_bytes = BENCH_BYTES;
    pool_config.buffers_min = buffer_count;
    pool_config.buffers_max = buffer_count;
    bench_require(acap_context_create(&context_config, &subject->context) == ACAP_OK, "acap_context_create");
    bench_require(acap_pool_create(&pool_config, &subject->pool) == ACAP_OK, "acap_pool_create");
    stream_config.device = "sim:counter?pace=manual&period=480";
    stream_config.sample_rate_hz = BENCH_RATE_HZ;
    stream_config.channel_count = BENCH_CHANNELS;
    stream_config.format = ACAP_FORMAT_F32;
    stream_config.frames_per_buffer = BENCH_FRAMES;
    stream_config.pool = subject->pool;
    bench_require(acap_stream_open(subject->context, &stream_config, &subject->stream) == ACAP_OK, "acap_stream_open");
    reader_config.queue_buffers = buffer_count / 2;
    bench_require(acap_reader_open(subject->stream, &reader_config, &subject->reader) == ACAP_OK, "acap_reader_open");
    bench_require(acap_stream_start(subject->stream) == ACAP_OK, "acap_stream_start");
}

static void capture_close(capture *subject)
{
    while (subject->held_count != 0)
        acap_buffer_release(subject->held[--subject->held_count]);
    acap_reader_close(subject->reader);
    acap_stream_close(subject->stream);
    acap_pool_release(subject->pool);
    acap_context_destroy(subject->context);
}

/* Held and queued together stay below what the pool has. */
static void capture_packet(capture *subject, uint32_t hold)
{
    const acap_buffer *buffer;

    bench_require(acap_stream_sim_advance(subject->stream, BENCH_FRAMES) == ACAP_OK, "acap_stream_sim_advance");
    bench_require(acap_reader_borrow(subject->reader, 0, &buffer) == ACAP_OK, "acap_reader_borrow");
    bench_require(buffer->position == subject->next_position && buffer->lost_before == 0, "a packet is missing");
    subject->next_position += buffer->frame_count;
    subject->held[subject->held_count++] = buffer;
    while (subject->held_count >= hold)
        acap_buffer_release(subject->held[--subject->held_count]);
}

static void measure(uint32_t buffer_count)
{
    char question[64];
    capture subject;
    acap_pool_stats stats = ACAP_POOL_STATS_INIT;

    snprintf(question, sizeof question, "pool of %u, 30,000 packets", buffer_count);
    capture_open(&subject, buffer_count);
    const int64_t begin_ns = acap_clock_ns();
    for (uint32_t i = 0; i < WARM_UP_PACKETS; i++)
        capture_packet(&subject, 1 + i % (buffer_count / 2));
    const long kib_before = own_memory_kib();
    for (uint32_t i = WARM_UP_PACKETS; i < PACKETS; i++)
        capture_packet(&subject, 1 + i % (buffer_count / 2));
    const long kib_grown = own_memory_kib() - kib_before;
    const double packet_ns = (double)(acap_clock_ns() - begin_ns) / PACKETS;
    bench_require(acap_pool_get_stats(subject.pool, &stats) == ACAP_OK, "acap_pool_get_stats");
    bench_counted(question, "hit rate", "share", stats.hit_rate, PACKETS, "1.0", stats.hit_rate == 1.0);
    bench_counted(question, "recycled buffers", "count", (double)stats.recycled, PACKETS, "> 29,000", stats.recycled > RECYCLED_MIN);
    bench_counted(question, "growth of own memory", "KiB", (double)kib_grown, PACKETS - WARM_UP_PACKETS, "below 1 byte a packet",
                  kib_grown * 1024 < (long)(PACKETS - WARM_UP_PACKETS));
    bench_counted(question, "most buffers out at once", "count", stats.in_use_peak, PACKETS, NULL, true);
    bench_counted(question, "the whole packet, simulated device included", "ns, mean", packet_ns, PACKETS, NULL, true);
    capture_close(&subject);
}

int main(int argc, char **argv)
{
    static const uint32_t buffer_counts[] = {10, 50, 100};

    (void)argv;
    bench_begin(argc);
    for (size_t i = 0; i < sizeof buffer_counts / sizeof buffer_counts[0]; i++)
        measure(buffer_counts[i]);
    return 0;
}
