/* SPDX-License-Identifier: MIT */
/* Owns: acap-fan-out, which shows one stream with three independent readers: a file, a level meter and a checksum.
 * Called by: people and scripts.
 * Thread: main opens, waits and reports; each reader has a thread of its own, and all three see the very same buffers. */
#define _POSIX_C_SOURCE 200809L

#include "cli.h"
#include "meter.h"
#include "sink.h"
#include "take.h"

#include <acap/acap.h>

#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define READER_COUNT 3u
#define QUEUE_SECONDS 4

/* One reader, its thread and what it has seen. */
typedef struct worker {
    const char *name;
    bool (*consume)(struct worker *self, const acap_buffer *buffer, uint32_t frame_count);
    void *state;
    acap_stream *stream;
    acap_reader *reader;
    pthread_t thread;
    bool is_running;
    bool has_failed;
    uint64_t frame_count;
    uint64_t frame_limit;
} worker;

typedef struct program {
    const char *device;
    const char *path;
    double seconds; /* 0: until interrupted */
    acap_context *context;
    acap_stream *stream;
    acap_stream_info info;
    sink out;
    take recording;
    meter levels;
    uint32_t checksum;
    worker workers[READER_COUNT];
} program;

static _Atomic(acap_reader *) readers_to_interrupt[READER_COUNT];

/* ---- What the readers do with a buffer ------------------------------------------------------- */

/* The file keeps time by itself, by position, and cuts the last buffer. */
static bool consume_into_file(worker *self, const acap_buffer *buffer, uint32_t frame_count)
{
    (void)frame_count;
    return take_add(self->state, buffer);
}

/* Whole buffers: the last one may reach a little beyond the end. */
static bool consume_into_meter(worker *self, const acap_buffer *buffer, uint32_t frame_count)
{
    const acap_result result = meter_add(self->state, buffer);

    (void)frame_count;
    if (result != ACAP_OK)
        cli_fail_acap(self->name, result);
    return result == ACAP_OK;
}

/* CRC-32 as in gzip and PNG, four bits at a time. */
static uint32_t crc32_update(uint32_t crc, const unsigned char *bytes, size_t size)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };

    crc = ~crc;
    for (size_t i = 0; i < size; i++) {
        crc = table[(crc ^ bytes[i]) & 15] ^ crc >> 4;
        crc = table[(crc ^ (uint32_t)bytes[i] >> 4) & 15] ^ crc >> 4;
    }
    return ~crc;
}

static bool consume_into_checksum(worker *self, const acap_buffer *buffer, uint32_t frame_count)
{
    uint32_t *checksum = self->state;

    *checksum = crc32_update(*checksum, buffer->data, (size_t)frame_count * (buffer->size_bytes / buffer->frame_count));
    return true;
}

/* ---- The threads ----------------------------------------------------------------------------- */

/* Stopping ends all readers at the same frame; what they have queued they still get. */
static void stop_all(worker *self)
{
    const acap_result result = acap_stream_stop(self->stream);

    if (result != ACAP_OK)
        cli_fail_acap("the device did not stop cleanly", result);
}

static bool take_buffer(worker *self, const acap_buffer *buffer)
{
    const uint64_t room = self->frame_limit - self->frame_count;
    const uint32_t frame_count = buffer->frame_count < room ? buffer->frame_count : (uint32_t)room;
    const bool ok = self->consume(self, buffer, frame_count);

    self->frame_count += frame_count;
    acap_buffer_release(buffer);
    return ok;
}

static void *run_worker(void *argument)
{
    worker *self = argument;
    acap_result result = ACAP_OK;
    const acap_buffer *buffer;

    while (result != ACAP_END && !self->has_failed && self->frame_count < self->frame_limit) {
        result = acap_reader_borrow(self->reader, ACAP_WAIT_FOREVER, &buffer);
        if (result == ACAP_OK)
            self->has_failed = !take_buffer(self, buffer);
        else if (result == ACAP_INTERRUPTED)
            stop_all(self);
        else if (result != ACAP_END)
            self->has_failed = cli_fail_acap(self->name, result) != CLI_OK;
    }
    if (self->has_failed)
        stop_all(self); /* half of the results are no use: the others end too */
    return NULL;
}

static int start_workers(program *self)
{
    for (uint32_t i = 0; i < READER_COUNT; i++) {
        worker *one = &self->workers[i];

        if (pthread_create(&one->thread, NULL, run_worker, one) != 0)
            return cli_fail("no thread can be started for the %s", one->name);
        one->is_running = true;
    }
    return CLI_OK;
}

static bool join_workers(program *self)
{
    bool ok = true;

    for (uint32_t i = 0; i < READER_COUNT; i++) {
        if (self->workers[i].is_running)
            pthread_join(self->workers[i].thread, NULL);
        ok = ok && !self->workers[i].has_failed;
    }
    return ok;
}

/* ---- Signals: main alone takes them ---------------------------------------------------------- */

static void set_end_signals(void (*handler)(int))
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGINT);
    sigaddset(&action.sa_mask, SIGTERM);
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static void on_end_signal(int number)
{
    (void)number;
    set_end_signals(SIG_DFL); /* a second one quits at once */
    for (uint32_t i = 0; i < READER_COUNT; i++)
        acap_reader_interrupt(atomic_load(&readers_to_interrupt[i]));
}

static void mask_end_signals(int how)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(how, &signals, NULL);
}

/* ---- Opening --------------------------------------------------------------------------------- */

static int open_device(program *self)
{
    const acap_stream_info empty = ACAP_STREAM_INFO_INIT;
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    acap_result result = acap_context_create(NULL, &self->context);

    config.device = self->device;
    config.format = sink_default_format(self->path);
    self->info = empty;
    if (result == ACAP_OK)
        result = acap_stream_open(self->context, &config, &self->stream);
    if (result == ACAP_OK)
        result = acap_stream_get_info(self->stream, &self->info);
    return result == ACAP_OK ? CLI_OK : cli_fail_acap("the device cannot be opened", result);
}

static int open_file(program *self)
{
    self->recording.out = &self->out;
    self->recording.fill_gaps = true;
    self->recording.frame_limit = self->seconds > 0 ? cli_seconds_to_frames(self->seconds, self->info.sample_rate_hz) : TAKE_NO_LIMIT;
    if (!sink_open(&self->out, self->path, self->info.format, self->info.sample_rate_hz, self->info.channel_count,
                   self->recording.frame_limit))
        return cli_fail("%s: %s", self->path, self->out.error);
    return CLI_OK;
}

static int open_reader(program *self, uint32_t index)
{
    acap_reader_config config = ACAP_READER_CONFIG_INIT;
    worker *one = &self->workers[index];

    config.queue_buffers = QUEUE_SECONDS * ((self->info.sample_rate_hz + self->info.frames_per_buffer - 1) / self->info.frames_per_buffer);
    config.hold_buffers = 1;
    config.overflow = ACAP_OVERFLOW_DROP_NEWEST;
    config.name = one->name;
    const acap_result result = acap_reader_open(self->stream, &config, &one->reader);

    if (result != ACAP_OK)
        return cli_fail_acap(one->name, result);
    one->stream = self->stream;
    one->frame_limit = self->recording.frame_limit;
    atomic_store(&readers_to_interrupt[index], one->reader);
    return CLI_OK;
}

/* All readers are there before the stream starts: they begin with the same frame. */
static int open_all(program *self)
{
    const worker workers[READER_COUNT] = {
        { .name = "file", .consume = consume_into_file, .state = &self->recording },
        { .name = "meter", .consume = consume_into_meter, .state = &self->levels },
        { .name = "checksum", .consume = consume_into_checksum, .state = &self->checksum },
    };
    int status = open_device(self);

    memcpy(self->workers, workers, sizeof(workers));
    if (status == CLI_OK)
        status = open_file(self);
    for (uint32_t i = 0; i < READER_COUNT && status == CLI_OK; i++)
        status = open_reader(self, i);
    return status;
}

/* ---- The end --------------------------------------------------------------------------------- */

static void print_results(const program *self)
{
    printf("file: %s, %" PRIu64 " frames, %" PRIu64 " of them silence for lost ones\n", self->path, self->out.frames_written,
           self->recording.frames_silent);
    printf("meter:");
    for (uint32_t c = 0; c < self->levels.channel_count; c++)
        printf(" channel %" PRIu32 " peak %.1f dB rms %.1f dB,", c + 1, meter_peak_db(&self->levels, c), meter_rms_db(&self->levels, c));
    printf(" %" PRIu64 " clipped samples\n", self->levels.clipped_samples);
    printf("checksum: crc32 %08" PRIx32 " of %" PRIu64 " frames\n", self->checksum, self->workers[2].frame_count);
}

static int print_ledger(const worker *one)
{
    acap_reader_stats stats = ACAP_READER_STATS_INIT;
    const acap_result result = acap_reader_get_stats(one->reader, &stats);

    if (result != ACAP_OK)
        return cli_fail_acap(one->name, result);
    printf("ledger of %s: from %" PRIu64 " + delivered %" PRIu64 " + lost %" PRIu64 " (stream %" PRIu64 ", queue %" PRIu64
           ") + queued %" PRIu64 " = %" PRIu64 "\n", one->name, stats.start_position, stats.frames_delivered, stats.frames_lost,
           stats.lost_stream, stats.lost_queue, stats.frames_queued, stats.end_position);
    return CLI_OK;
}

static int run(program *self)
{
    int status = start_workers(self);
    acap_result result = ACAP_OK;

    set_end_signals(on_end_signal);
    mask_end_signals(SIG_UNBLOCK);
    if (status == CLI_OK)
        result = acap_stream_start(self->stream);
    if (result != ACAP_OK)
        status = cli_fail_acap("the device cannot be started", result);
    /* A stream that runs ends by itself; one that does not leaves readers waiting. */
    for (uint32_t i = 0; i < READER_COUNT && status != CLI_OK; i++)
        acap_reader_end(self->workers[i].reader);
    if (!join_workers(self))
        status = CLI_FAILED;
    stop_all(&self->workers[0]);
    set_end_signals(SIG_DFL); /* before the readers go that the handler would interrupt */
    return status;
}

/* The file is completed as far as it got, whatever happened before. */
static int finish(program *self, int status)
{
    if (status == CLI_OK && self->workers[0].frame_count < self->recording.frame_limit) {
        acap_reader_stats stats = ACAP_READER_STATS_INIT;
        const acap_result result = acap_reader_get_stats(self->workers[0].reader, &stats);

        if (result == ACAP_OK)
            take_end(&self->recording, stats.end_position);
    }
    sink_close(&self->out);
    if (self->out.error[0] != '\0')
        status = cli_fail("%s: %s", self->out.name, self->out.error);
    print_results(self);
    for (uint32_t i = 0; i < READER_COUNT; i++) {
        if (print_ledger(&self->workers[i]) != CLI_OK)
            status = CLI_FAILED;
    }
    if (fflush(stdout) != 0 || ferror(stdout))
        status = cli_fail("standard output cannot be written");
    return status;
}

static void close_all(program *self)
{
    for (uint32_t i = 0; i < READER_COUNT; i++)
        acap_reader_close(self->workers[i].reader);
    acap_stream_close(self->stream);
    acap_context_destroy(self->context);
}

/* ---- Command line ---------------------------------------------------------------------------- */

static int show_help(void)
{
    puts("Usage: acap-fan-out [-d DEVICE] [-t SECONDS] FILE.wav\n"
         "Captures once for three readers, each in a thread of its own: a file, a level meter and a CRC-32 of the samples.\n"
         "\n"
         "  -d, --device=DEVICE  id or part of the name of a device; sim:sine is a simulated one\n"
         "  -t, --time=SECONDS   how long, fractions allowed; default: until interrupted (Ctrl-C)\n"
         "  -h, --help           print this");
    return CLI_OK;
}

static int take_operand(program *self, int argc, char *const *argv)
{
    if (optind + 1 != argc)
        return cli_misuse("exactly one file is needed");
    self->path = argv[optind];
    if (strcmp(self->path, "-") == 0)
        return cli_misuse("standard output is for the results");
    if (!sink_check(&self->out, self->path, sink_default_format(self->path), 0, 0))
        return cli_misuse("%s: %s", self->path, self->out.error);
    return CLI_OK;
}

int main(int argc, char **argv)
{
    static const struct option long_options[] = {
        { "device", required_argument, NULL, 'd' },
        { "time", required_argument, NULL, 't' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    static program self;
    int option;

    cli_init("acap-fan-out");
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":d:t:h", long_options, NULL)) != -1) {
        if (option == 'h')
            return show_help();
        if (option == 'd')
            self.device = optarg;
        else if (option != 't')
            return cli_bad_option(option, argv);
        else if (!cli_parse_seconds(optarg, &self.seconds))
            return cli_misuse("%s is no time in seconds", optarg);
    }
    int status = take_operand(&self, argc, argv);

    if (status != CLI_OK)
        return status;
    signal(SIGXFSZ, SIG_IGN); /* a file at its size limit is then an error of write() */
    mask_end_signals(SIG_BLOCK);
    status = open_all(&self);
    if (status == CLI_OK)
        status = finish(&self, run(&self));
    close_all(&self);
    return status;
}
