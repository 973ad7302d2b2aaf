/* SPDX-License-Identifier: MIT */
/* Owns: the C program of the stability runs. Takes 100 packets a second from a simulated device in real time, keeps the last half second of
 * them, checks every sample, and writes a line of figures a second; any fault ends it with a sentence and without the closing line.
 * Run by: tests/stability.sh: run SECONDS COUNTS_FILE, with count.c preloaded.
 * Thread: one. In the measured time it allocates nothing itself. */
#define _GNU_SOURCE
#include "conservation.h"

#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S INT64_C(1000000000)
#define CHANNELS 2u
#define PACKET_FRAMES 480u
#define PACKET_BYTES 3840u
#define HELD 50u          /* half a second, as a consumer keeps that passes them on */
#define QUEUE 300u        /* three seconds: a busy machine is no loss */
#define WARM_PACKETS 30000u
#define WARM_BLOCK 40u
#define SETTLE_NS (5 * NS_PER_S)
#define PATIENCE_NS (30 * NS_PER_S)
#define HALF_PACKET_NS (5 * NS_PER_S / 1000)

typedef struct run {
    acap_context *context;
    acap_stream *stream;
    acap_reader *reader;
    acap_pool *pool;
    const acap_buffer *held[HELD];
    uint64_t taken;
    conservation seen;
    int counts_file;
    int resident_file;
    uint64_t measured_packets;
    int64_t begin_ns;
} run;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static void must(acap_result result, const char *what)
{
    if (result != ACAP_OK)
        die(what, result < 0 ? acap_last_error() : acap_result_name(result));
}

static void must_conserve(const char *broken_equation)
{
    if (broken_equation != NULL)
        die("not conserved", broken_equation);
}

/* ---- A stream and its consumer ---- */

static void open_run(run *self, const char *device)
{
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    acap_reader_config reading = ACAP_READER_CONFIG_INIT;

    config.device = device;
    config.sample_rate_hz = 48000;
    config.channel_count = CHANNELS;
    config.format = ACAP_FORMAT_F32;
    config.frames_per_buffer = PACKET_FRAMES;
    reading.queue_buffers = QUEUE;
    reading.hold_buffers = HELD;
    must(acap_context_create(NULL, &self->context), "context");
    must(acap_stream_open(self->context, &config, &self->stream), "stream");
    must(acap_reader_open(self->stream, &reading, &self->reader), "reader");
    self->pool = acap_stream_get_pool(self->stream);
    self->taken = 0;
    conservation_begin(&self->seen, self->reader);
    must(acap_stream_start(self->stream), "start");
}

/* The counter's formula in acap.h. */
static void check_samples(const acap_buffer *buffer)
{
    const float *samples = buffer->data;

    if (buffer->size_bytes != PACKET_BYTES)
        die("packet", "is not of 3840 bytes");
    for (uint32_t i = 0; i < PACKET_FRAMES * CHANNELS; i++) {
        const uint32_t x = (uint32_t)(buffer->position + i / CHANNELS) + i % CHANNELS * 0x010101u;
        if (samples[i] != (float)((int32_t)(x & 0xffffffu) - 0x800000) / 8388608.0f)
            die("packet", "a sample is not what the device made");
    }
}

static void keep(run *self, const acap_buffer *buffer)
{
    const acap_buffer **place = &self->held[self->taken++ % HELD];

    conservation_add(&self->seen, buffer);
    acap_buffer_release(*place);
    *place = buffer;
}

static void let_go(run *self)
{
    for (uint32_t i = 0; i < HELD; i++) {
        acap_buffer_release(self->held[i]);
        self->held[i] = NULL;
    }
}

/* Stops, accounts for every frame and every buffer, and closes. */
static void close_run(run *self)
{
    acap_pool_stats figures = ACAP_POOL_STATS_INIT;
    const acap_buffer *buffer = NULL;
    acap_result result;

    must(acap_stream_stop(self->stream), "stop");
    while ((result = acap_reader_borrow(self->reader, 0, &buffer)) == ACAP_OK)
        keep(self, buffer);
    if (result != ACAP_END)
        must(result, "the last borrow");
    must_conserve(conservation_at_rest(&self->seen, self->stream, self->reader));
    let_go(self);
    must(acap_pool_get_stats(self->pool, &figures), "pool");
    if (figures.in_use != 0 || figures.acquired != figures.released || figures.rejected_releases != 0)
        die("pool", "does not have every buffer back");
    acap_pool_release(self->pool);
    acap_reader_close(self->reader);
    acap_stream_close(self->stream);
    acap_context_destroy(self->context);
}

/* The same loop in virtual time, so that every page has been touched that ever will be. */
static void warm_up(run *self)
{
    const acap_buffer *buffer = NULL;

    open_run(self, "sim:counter?pace=manual&period=480");
    while (self->taken < WARM_PACKETS) {
        must(acap_stream_sim_advance(self->stream, WARM_BLOCK * PACKET_FRAMES), "advance");
        while (acap_reader_borrow(self->reader, 0, &buffer) == ACAP_OK) {
            check_samples(buffer);
            keep(self, buffer);
        }
    }
    close_run(self);
}

/* ---- Figures ---- */

/* By walking the page tables: statm is a sum that lags behind by a hundred pages or more. */
static uint64_t resident_bytes(const run *self)
{
    char text[2048];
    const ssize_t length = pread(self->resident_file, text, sizeof text - 1, 0);
    const char *line = NULL;

    if (length > 0) {
        text[length] = '\0';
        line = strstr(text, "\nRss:");
    }
    if (line == NULL)
        die("/proc/self/smaps_rollup", "cannot be read");
    return strtoull(line + 5, NULL, 10) * 1024;
}

static void write_figures(const run *self)
{
    const struct mallinfo2 heap = mallinfo2();
    const uint64_t resident = resident_bytes(self);
    acap_pool_stats pool = ACAP_POOL_STATS_INIT;
    acap_reader_stats reader = ACAP_READER_STATS_INIT;
    uint64_t counts[3];
    struct timespec now;

    must(acap_pool_get_stats(self->pool, &pool), "pool");
    must(acap_reader_get_stats(self->reader, &reader), "reader");
    if (pread(self->counts_file, counts, sizeof counts, 0) != sizeof counts)
        die("the file of counts", "cannot be read");
    clock_gettime(CLOCK_MONOTONIC, &now);
    printf("%.3f,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%zu,0,0,%" PRIu64 ",%.9g,%" PRIu32 ",%" PRIu32 ",%" PRIu64 ",0,%" PRIu64 ",%" PRIu64
           ",%" PRIu64 "\n",
           (double)(now.tv_sec * NS_PER_S + now.tv_nsec - self->begin_ns) / 1e9, self->measured_packets, resident, resident,
           heap.uordblks + heap.hblkhd, pool.memory_bytes, pool.hit_rate, pool.in_use, pool.in_use_peak, reader.frames_lost, counts[0],
           counts[1], counts[2]);
    fflush(stdout);
}

/* ---- The run ---- */

static const acap_buffer *take(run *self)
{
    const acap_buffer *buffer = NULL;

    must(acap_reader_borrow(self->reader, PATIENCE_NS, &buffer), "borrow");
    check_samples(buffer);
    return buffer;
}

/* Counts the packets that were captured within so many seconds, by the clock and whenever they come here. */
static void measure(run *self, int64_t duration_ns)
{
    const int64_t settled_ns = acap_clock_ns() + SETTLE_NS;
    const acap_buffer *buffer = take(self);
    int64_t next_line_ns = 0;

    while (buffer->time_ns < settled_ns) {
        keep(self, buffer);
        buffer = take(self);
    }
    /* Between two packets, so that it does not matter if a time is off by a millisecond. */
    self->begin_ns = buffer->time_ns - HALF_PACKET_NS;
    while (buffer->time_ns - self->begin_ns < duration_ns) {
        if (buffer->time_ns - self->begin_ns >= next_line_ns) {
            write_figures(self);
            next_line_ns = (buffer->time_ns - self->begin_ns) / NS_PER_S * NS_PER_S + NS_PER_S;
        }
        self->measured_packets++;
        keep(self, buffer);
        buffer = take(self);
    }
    write_figures(self);
    keep(self, buffer);
}

static int open_file(const char *path)
{
    const int file = open(path, O_RDONLY | O_CLOEXEC);

    if (file < 0)
        die(path, "cannot be opened");
    return file;
}

int main(int argc, char **argv)
{
    static char out[4096];
    static run self;

    if (argc != 3)
        die("usage", "run SECONDS COUNTS_FILE");
    setvbuf(stdout, out, _IOFBF, sizeof out);
    self.counts_file = open_file(argv[2]);
    self.resident_file = open_file("/proc/self/smaps_rollup");
    printf("# language=C variant=zero-copy runtime=C duration_s=%s\n", argv[1]);
    puts("time_s,packets,resident_bytes,settled_bytes,heap_bytes,heap_blocks,external_bytes,pool_bytes,hit_rate,in_use,in_use_peak,"
         "frames_lost,collections,library_allocations,process_allocations,process_allocated_bytes");
    warm_up(&self);
    open_run(&self, "sim:counter?pace=real&period=480");
    measure(&self, atoll(argv[1]) * NS_PER_S);
    close_run(&self);
    puts("# end");
    return 0;
}
