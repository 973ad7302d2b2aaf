/* SPDX-License-Identifier: MIT */
/* Owns: acap-record, which records a device into a sound file that keeps time, and accounts for every frame.
 * Called by: people and scripts.
 * Thread: main is the only one; it also runs the signal handler, since every other thread of the process blocks those signals. */
#define _POSIX_C_SOURCE 200809L

#include "cli.h"
#include "device_table.h"
#include "meter.h"
#include "sink.h"
#include "take.h"
#include "trigger.h"

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
#include <unistd.h>

/* Disks pause; nothing is lost until this much waits. */
#define QUEUE_SECONDS 4
/* Seven wake-ups a second instead of a hundred. */
#define WAKE_MS 150
#define STALL_SECONDS 2
/* About what a buffer takes beside its samples. */
#define HEADER_BYTES 256
#define DRAWS_PER_SECOND 10

typedef struct options {
    const char *device;
    const char *path;
    uint32_t sample_rate_hz;
    uint32_t channel_count;
    uint32_t format;
    double seconds; /* 0: until interrupted */
    double preroll_seconds; /* 0: the file begins at once */
    bool fill_gaps;
    bool waits_for_device; /* when it is lost */
    bool is_quiet;
} options;

typedef struct recorder {
    options wanted;
    acap_context *context;
    acap_stream *stream;
    acap_stream_info info;
    acap_reader *reader;
    sink out;
    take recording;
    meter levels;
    bool draws_progress;
    bool has_drawn;
    bool has_stalled;
} recorder;

static _Atomic(acap_reader *) reader_to_interrupt;

/* ---- Command line ---------------------------------------------------------------------------- */

static int show_help(void)
{
    puts("Usage: acap-record [options] FILE\n"
         "Records a capture device until interrupted (Ctrl-C), or for -t seconds.\n"
         "\n"
         "FILE ends in .wav, .flac or .ogg; a WAV file beyond 4 GB becomes RF64.\n"
         "FILE - writes raw interleaved samples in native byte order to standard output.\n"
         "\n"
         "  -d, --device=DEVICE   id or part of the name of a device; sim:sine is a simulated one\n"
         "  -r, --rate=HZ         sample rate; default 48000, or what the device has\n"
         "  -c, --channels=COUNT  channels; default 2, or 1 where the device has one\n"
         "  -f, --format=FORMAT   s16 (default), s24, s32, f32 or u8; FLAC holds s16 and s24\n"
         "  -t, --time=SECONDS    length of the file, fractions allowed, exact to the frame\n"
         "      --gaps=fill|cut   lost frames: silence, so that the file keeps time (default), or left out\n"
         "      --preroll=SECONDS listen, and at a key or SIGUSR1 begin the file so long before\n"
         "      --lost=wait|end   a device that goes away: wait for it and go on (default), or end the file\n"
         "  -q, --quiet           no progress line, which only a terminal gets anyway\n"
         "  -v, --verbose         with a failure, also what the sound system itself said\n"
         "  -l, --list            list the devices\n"
         "  -h, --help            print this\n"
         "  -V, --version         print the version\n"
         "\n"
         "The first SIGINT or SIGTERM ends the file properly, a second one quits at once.\n"
         "What was delivered, lost and written is reported on standard error at the end.\n"
         "Exit status: 0 the file is complete, 1 a failure, 2 a wrong command line.\n"
         "Environment: ACAP_DEVICE replaces the default device, ACAP_BACKEND the back end.");
    return CLI_OK;
}

static int show_version(void)
{
    printf("acap-record %s\n", acap_version_string());
    return CLI_OK;
}

/* CLI_OK, or CLI_USAGE after a message. */
static int take_option(options *wanted, int option, const char *value)
{
    switch (option) {
    case 'd':
        wanted->device = value;
        return CLI_OK;
    case 'r':
        return cli_parse_count(value, ACAP_MIN_SAMPLE_RATE_HZ, ACAP_MAX_SAMPLE_RATE_HZ, &wanted->sample_rate_hz)
                   ? CLI_OK : cli_misuse("%s is no sample rate from %u to %u Hz", value, ACAP_MIN_SAMPLE_RATE_HZ, ACAP_MAX_SAMPLE_RATE_HZ);
    case 'c':
        return cli_parse_count(value, 1, ACAP_MAX_CHANNELS, &wanted->channel_count)
                   ? CLI_OK : cli_misuse("%s is no number of channels from 1 to %u", value, ACAP_MAX_CHANNELS);
    case 'f':
        return cli_parse_format(value, &wanted->format)
                   ? CLI_OK : cli_misuse("%s is no format; s16, s24, s32, f32 and u8 are", value);
    case 't':
        return cli_parse_seconds(value, &wanted->seconds)
                   ? CLI_OK : cli_misuse("%s is no time in seconds", value);
    case 'g':
        wanted->fill_gaps = strcmp(value, "fill") == 0;
        return wanted->fill_gaps || strcmp(value, "cut") == 0
                   ? CLI_OK : cli_misuse("--gaps is fill or cut, not %s", value);
    case 'p':
        return cli_parse_seconds(value, &wanted->preroll_seconds)
                   ? CLI_OK : cli_misuse("%s is no time in seconds", value);
    case 'L':
        wanted->waits_for_device = strcmp(value, "wait") == 0;
        return wanted->waits_for_device || strcmp(value, "end") == 0
                   ? CLI_OK : cli_misuse("--lost is wait or end, not %s", value);
    case 'v':
        cli_tell_all();
        return CLI_OK;
    default:
        wanted->is_quiet = true;
        return CLI_OK;
    }
}

static int take_operand(options *wanted, int argc, char *const *argv)
{
    sink probe;

    if (optind == argc)
        return cli_misuse("no file is named");
    if (optind + 1 < argc)
        return cli_misuse("one file at a time, not also %s", argv[optind + 1]);
    wanted->path = argv[optind];
    if (wanted->format == 0)
        wanted->format = sink_default_format(wanted->path);
    if (!sink_check(&probe, wanted->path, wanted->format, wanted->sample_rate_hz, wanted->channel_count))
        return cli_misuse("%s: %s", wanted->path, probe.error);
    return CLI_OK;
}

/* True: go on and record. False: done, with *status. */
static bool parse_command_line(options *wanted, int argc, char **argv, int *status)
{
    static const struct option long_options[] = {
        { "device", required_argument, NULL, 'd' },   { "rate", required_argument, NULL, 'r' },
        { "channels", required_argument, NULL, 'c' }, { "format", required_argument, NULL, 'f' },
        { "time", required_argument, NULL, 't' },     { "gaps", required_argument, NULL, 'g' },
        { "preroll", required_argument, NULL, 'p' },  { "lost", required_argument, NULL, 'L' },
        { "quiet", no_argument, NULL, 'q' },          { "verbose", no_argument, NULL, 'v' },
        { "list", no_argument, NULL, 'l' },           { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },        { NULL, 0, NULL, 0 },
    };
    int option;

    *status = CLI_OK;
    while (*status == CLI_OK && (option = getopt_long(argc, argv, ":d:r:c:f:t:qvlhV", long_options, NULL)) != -1) {
        if (option == 'h' || option == 'V' || option == 'l') {
            *status = option == 'h' ? show_help() : option == 'V' ? show_version() : device_table_show(false);
            return false;
        }
        *status = option == '?' || option == ':' ? cli_bad_option(option, argv) : take_option(wanted, option, optarg);
    }
    if (*status == CLI_OK)
        *status = take_operand(wanted, argc, argv);
    return *status == CLI_OK;
}

/* ---- Signals --------------------------------------------------------------------------------- */

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

/* Both calls are async-signal-safe. The next signal finds the default action: it quits at once. */
static void on_end_signal(int number)
{
    (void)number;
    set_end_signals(SIG_DFL);
    acap_reader_interrupt(atomic_load(&reader_to_interrupt));
}

/* The threads that acap starts inherit the mask, and the file cannot be left half made by a signal before there is a handler. */
static void mask_end_signals(int how)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(how, &signals, NULL);
}

/* A pipe without a reader and a file at its size limit are then errors of write(), which end the recording properly. */
static void ignore_write_signals(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

/* ---- Opening --------------------------------------------------------------------------------- */

static acap_result open_stream(recorder *self, int64_t history_ns)
{
    const acap_stream_info empty = ACAP_STREAM_INFO_INIT;
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;

    config.device = self->wanted.device;
    config.sample_rate_hz = self->wanted.sample_rate_hz;
    config.channel_count = self->wanted.channel_count;
    config.format = self->wanted.format;
    config.history_ns = history_ns;
    config.on_device_lost = self->wanted.waits_for_device ? ACAP_ON_LOST_WAIT : ACAP_ON_LOST_FAIL;
    self->info = empty;
    const acap_result result = acap_stream_open(self->context, &config, &self->stream);

    return result == ACAP_OK ? acap_stream_get_info(self->stream, &self->info) : result;
}

static int64_t preroll_ns(const recorder *self)
{
    return (int64_t)(self->wanted.preroll_seconds * 1e9);
}

static uint32_t buffers_per_second(const recorder *self)
{
    return (self->info.sample_rate_hz + self->info.frames_per_buffer - 1) / self->info.frames_per_buffer;
}

/* The past lies in the pool twice: the stream keeps it, also while this reader has yet to write its own. Then the reader's queue, the
   buffer in its hand, and the stream's two spare ones. */
static double memory_bytes(const recorder *self)
{
    const double past_buffers = self->wanted.preroll_seconds * self->info.sample_rate_hz / self->info.frames_per_buffer + 1;
    const double buffers = 2 * past_buffers + QUEUE_SECONDS * buffers_per_second(self) + 3;
    const double frame_bytes = (double)self->info.channel_count * acap_format_bytes(self->info.format);

    return buffers * (self->info.frames_per_buffer * frame_bytes + HEADER_BYTES);
}

/* What the past will cost is said before it is taken, and only an opened device tells how large its frames are. */
static acap_result open_with_past(recorder *self)
{
    fprintf(stderr, "acap-record: %.3g s of pre-roll take %.1f MB of memory, the recorder's queue included\n",
            self->wanted.preroll_seconds, memory_bytes(self) / 1e6);
    acap_stream_close(self->stream);
    self->stream = NULL;
    return open_stream(self, preroll_ns(self));
}

static int open_device(recorder *self)
{
    acap_result result = acap_context_create(NULL, &self->context);

    if (result == ACAP_OK)
        result = open_stream(self, 0);
    if (result == ACAP_OK && self->wanted.preroll_seconds > 0)
        result = open_with_past(self);
    return result == ACAP_OK ? CLI_OK : cli_fail_acap("the device cannot be opened", result);
}

/* Listens until somebody says now. The handlers of the end are not there yet: until then an interrupt leaves no file. */
static int wait_for_trigger(recorder *self)
{
    if (self->wanted.preroll_seconds <= 0)
        return CLI_OK;
    const acap_result result = acap_stream_start(self->stream);

    if (result != ACAP_OK)
        return cli_fail_acap("the device cannot be started", result);
    fprintf(stderr, "acap-record: listening; a key or SIGUSR1 begins the file %.3g s before\n", self->wanted.preroll_seconds);
    mask_end_signals(SIG_UNBLOCK);
    const bool is_go = trigger_wait();

    mask_end_signals(SIG_BLOCK);
    return is_go ? CLI_OK : cli_fail("interrupted before the recording began; nothing was written");
}

/* The reader is there before the stream starts, so that the file begins with the device's first frame; or it begins in the past. */
static int open_reader(recorder *self)
{
    acap_reader_config config = ACAP_READER_CONFIG_INIT;
    acap_reader_stats stats = ACAP_READER_STATS_INIT;

    config.queue_buffers = QUEUE_SECONDS * buffers_per_second(self);
    config.wake_buffers = buffers_per_second(self) * WAKE_MS / 1000;
    config.hold_buffers = 1;
    config.overflow = ACAP_OVERFLOW_DROP_NEWEST; /* one long gap instead of many short ones */
    config.name = "acap-record";
    config.preroll_ns = preroll_ns(self);
    acap_result result = acap_reader_open(self->stream, &config, &self->reader);

    if (result == ACAP_OK)
        result = acap_reader_get_stats(self->reader, &stats);
    if (result != ACAP_OK)
        return cli_fail_acap("no reader can be opened", result);
    self->recording.next_position = stats.start_position;
    return CLI_OK;
}

static int open_file(recorder *self)
{
    const options *wanted = &self->wanted;

    if (strcmp(wanted->path, "-") == 0 && isatty(STDOUT_FILENO))
        return cli_fail("standard output is a terminal, which is no place for samples");
    self->recording.out = &self->out;
    self->recording.fill_gaps = wanted->fill_gaps;
    self->recording.frame_limit = wanted->seconds > 0 ? cli_seconds_to_frames(wanted->seconds, self->info.sample_rate_hz) : TAKE_NO_LIMIT;
    if (!sink_open(&self->out, wanted->path, self->info.format, self->info.sample_rate_hz, self->info.channel_count,
                   self->recording.frame_limit))
        return cli_fail("%s: %s", wanted->path, self->out.error);
    return CLI_OK;
}

/* ---- Recording ------------------------------------------------------------------------------- */

static void draw_progress(recorder *self)
{
    const double seconds = (double)self->out.frames_written / self->info.sample_rate_hz;
    const unsigned minutes = (unsigned)(seconds / 60);
    const uint64_t clipped = self->levels.clipped_samples;
    char levels[160];

    meter_draw(&self->levels, levels, sizeof(levels));
    fprintf(stderr, "\r%02u:%02u:%04.1f  %s", minutes / 60, minutes % 60, seconds - 60.0 * minutes, levels);
    if (self->recording.frames_lost > 0)
        fprintf(stderr, " lost %" PRIu64, self->recording.frames_lost);
    self->has_drawn = true;
    meter_clear(&self->levels);
    self->levels.clipped_samples = clipped; /* it stays lit, nobody looks all the time */
}

static void show_progress(recorder *self, const acap_buffer *buffer)
{
    if (meter_add(&self->levels, buffer) != ACAP_OK)
        self->draws_progress = false;
    else if (self->levels.frame_count >= self->info.sample_rate_hz / DRAWS_PER_SECOND)
        draw_progress(self);
}

/* So that a message does not begin behind the meter. */
static void end_progress_line(recorder *self)
{
    if (self->has_drawn)
        fputc('\n', stderr);
    self->has_drawn = false;
}

static void warn_of_stall(recorder *self)
{
    if (self->has_stalled)
        return;
    end_progress_line(self);
    cli_fail("the device has delivered nothing for %d s; still waiting", STALL_SECONDS);
    self->has_stalled = true;
}

/* That the device went away or came back is worth a line, whatever the file makes of it. */
static void tell_events(recorder *self)
{
    acap_event event = ACAP_EVENT_INIT;

    while (acap_context_next_event(self->context, 0, &event) == ACAP_OK) {
        if (event.type != ACAP_EVENT_STREAM_LOST && event.type != ACAP_EVENT_STREAM_RECOVERED)
            continue;
        end_progress_line(self);
        cli_fail("%s", event.text);
    }
}

/* What is queued stays borrowable, so that the file gets it all; then borrow says ACAP_END. */
static void stop_device(recorder *self)
{
    const acap_result result = acap_stream_stop(self->stream);

    if (result != ACAP_OK) {
        end_progress_line(self);
        cli_fail_acap("the device did not stop cleanly", result);
    }
}

static bool keep_buffer(recorder *self, const acap_buffer *buffer)
{
    const bool ok = take_add(&self->recording, buffer);

    if (self->draws_progress)
        show_progress(self, buffer);
    acap_buffer_release(buffer);
    self->has_stalled = false;
    return ok;
}

/* A file of a given length does not wait for a lost device any longer than that length. */
static bool is_out_of_time(const recorder *self, int64_t begin_ns)
{
    acap_stream_stats stats = ACAP_STREAM_STATS_INIT;

    return self->wanted.seconds > 0 && acap_stream_get_stats(self->stream, &stats) == ACAP_OK && stats.state == ACAP_STATE_LOST
           && acap_clock_ns() - begin_ns > (int64_t)(self->wanted.seconds * 1e9);
}

/* Until the file is long enough, cannot be written or nothing more comes. */
static int record(recorder *self)
{
    const int64_t begin_ns = acap_clock_ns();
    acap_result result = acap_stream_start(self->stream); /* with pre-roll it runs already */
    const acap_buffer *buffer;

    if (result != ACAP_OK)
        return cli_fail_acap("the device cannot be started", result);
    while (!take_is_full(&self->recording)) {
        result = acap_reader_borrow(self->reader, STALL_SECONDS * INT64_C(1000000000), &buffer);
        tell_events(self);
        if (result == ACAP_OK) {
            if (!keep_buffer(self, buffer))
                return CLI_FAILED; /* finish() tells why */
        } else if (result == ACAP_TIMED_OUT) {
            warn_of_stall(self);
            if (is_out_of_time(self, begin_ns))
                return cli_fail("the device was lost and did not come back in time; the file ends there");
        } else if (result == ACAP_INTERRUPTED) {
            stop_device(self);
        } else if (result == ACAP_END) {
            return CLI_OK;
        } else {
            end_progress_line(self);
            return cli_fail_acap("the recording ends early", result);
        }
    }
    return CLI_OK;
}

/* ---- The end --------------------------------------------------------------------------------- */

/* captured + lost is the time from the first frame to the stop, to the frame: with -t a little more than what the file spans. */
static void report(const recorder *self, const acap_reader_stats *reader, const acap_stream_stats *stream)
{
    const take *recording = &self->recording;
    const uint64_t captured = reader->frames_delivered + reader->frames_queued;

    fprintf(stderr, "acap-record: %s: %.3f s, %" PRIu64 " frames of %" PRIu32 " channel%s %s at %" PRIu32 " Hz\n", self->out.name,
            (double)self->out.frames_written / self->info.sample_rate_hz, self->out.frames_written, self->info.channel_count,
            self->info.channel_count == 1 ? "" : "s", cli_format_name(self->info.format), self->info.sample_rate_hz);
    fprintf(stderr, "acap-record: captured %" PRIu64 " = recorded %" PRIu64 " + left out %" PRIu64 "; lost %" PRIu64 " (host %" PRIu64
            ", pool %" PRIu64 ", queue %" PRIu64 "), within the file %" PRIu64 "; silence written %" PRIu64 "\n", captured,
            recording->frames_captured, captured - recording->frames_captured, reader->frames_lost, stream->lost_host, stream->lost_pool,
            reader->lost_queue, recording->frames_lost, recording->frames_silent);
}

/* Whatever happened before: the device stops, the file is completed as far as it got, the frames are accounted for. */
static int finish(recorder *self, int status)
{
    acap_reader_stats reader = ACAP_READER_STATS_INIT;
    acap_stream_stats stream = ACAP_STREAM_STATS_INIT;

    stop_device(self);
    acap_result result = acap_reader_get_stats(self->reader, &reader);

    if (result == ACAP_OK)
        result = acap_stream_get_stats(self->stream, &stream);
    /* Only once the queue is empty is what is missing up to the end lost. */
    if (result == ACAP_OK && reader.frames_queued == 0 && self->out.error[0] == '\0' && !take_is_full(&self->recording))
        take_end(&self->recording, reader.end_position);
    sink_close(&self->out);
    end_progress_line(self);
    if (self->out.error[0] != '\0')
        status = cli_fail("%s: %s", self->out.name, self->out.error);
    if (result != ACAP_OK)
        return cli_fail_acap("the figures cannot be had", result);
    report(self, &reader, &stream);
    return status;
}

static int run(recorder *self)
{
    /* Before the device, which may take its time: a signal that comes meanwhile is no reason to die, but one to begin. */
    const bool is_ready = self->wanted.preroll_seconds <= 0 || trigger_prepare();
    int status = is_ready ? open_device(self) : cli_fail("the system has no pipe left to wait with");

    if (status == CLI_OK)
        status = wait_for_trigger(self);
    if (status == CLI_OK)
        status = open_reader(self);
    if (status == CLI_OK)
        status = open_file(self);
    if (status != CLI_OK)
        return status;
    self->draws_progress = !self->wanted.is_quiet && isatty(STDERR_FILENO);
    atomic_store(&reader_to_interrupt, self->reader);
    set_end_signals(on_end_signal);
    mask_end_signals(SIG_UNBLOCK);
    status = finish(self, record(self));
    /* Before the reader goes that the handler would interrupt. The file is whole: a late signal must not call that a failure. */
    set_end_signals(SIG_IGN);
    return status;
}

int main(int argc, char **argv)
{
    static recorder self;
    int status;

    cli_init("acap-record");
    opterr = 0;
    self.wanted.fill_gaps = true;
    self.wanted.waits_for_device = true;
    if (!parse_command_line(&self.wanted, argc, argv, &status))
        return status;
    ignore_write_signals();
    mask_end_signals(SIG_BLOCK);
    status = run(&self);
    acap_reader_close(self.reader);
    acap_stream_close(self.stream);
    acap_context_destroy(self.context);
    return status;
}
