/* SPDX-License-Identifier: MIT */
/* Owns: the floor under all languages: what a packet costs in C, through acap and through PortAudio itself.
 *     c_bench cost                            nanoseconds a packet in virtual time, for each way
 *     c_bench card WAY PACKETS PAUSE_MS       WAY: view, copy, deep (acap), read, callback (PortAudio), on the virtual card
 * Run by: run.sh. */
#include "meter.h"

#include <acap/acap.h>
#include <portaudio.h>

#include <stdbool.h>
#include <string.h>

/* ---- acap ---- */

static acap_context *context;
static acap_stream *stream;
static acap_reader *reader;
static volatile float sink;

static void open_stream(const char *device, uint32_t queue_buffers)
{
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    acap_reader_config reading = ACAP_READER_CONFIG_INIT;

    config.device = device;
    config.sample_rate_hz = RATE_HZ;
    config.channel_count = CHANNELS;
    config.frames_per_buffer = FRAMES;
    reading.queue_buffers = queue_buffers;
    bench_require(acap_context_create(NULL, &context) == ACAP_OK, acap_last_error());
    bench_require(acap_stream_open(context, &config, &stream) == ACAP_OK, acap_last_error());
    bench_require(acap_reader_open(stream, &reading, &reader) == ACAP_OK, acap_last_error());
    bench_require(acap_stream_start(stream) == ACAP_OK, acap_last_error());
}

static void close_stream(void)
{
    acap_reader_close(reader);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

static const acap_buffer *borrow(void)
{
    const acap_buffer *buffer;

    bench_require(acap_reader_borrow(reader, ACAP_WAIT_FOREVER, &buffer) == ACAP_OK, "borrow");
    return buffer;
}

static void view(meter *m)
{
    const acap_buffer *buffer = borrow();
    const float *samples = buffer->data;

    sink = samples[0];
    if (m != NULL)
        meter_take(m, samples, buffer->frame_count);
    acap_buffer_release(buffer);
}

static void copy(meter *m)
{
    const acap_buffer *buffer = borrow();
    const uint32_t frame_count = buffer->frame_count;
    float *samples = malloc(buffer->size_bytes);

    memcpy(samples, buffer->data, buffer->size_bytes);
    acap_buffer_release(buffer);
    sink = samples[0];
    if (m != NULL)
        meter_take(m, samples, frame_count);
    free(samples);
}

static double batch_ns(void (*way)(meter *))
{
    bench_require(acap_stream_sim_advance(stream, BATCH_PACKETS * FRAMES) == ACAP_OK, acap_last_error());
    const int64_t start_ns = meter_cpu_ns();
    for (int i = 0; i < BATCH_PACKETS; i++)
        way(NULL);
    return (double)(meter_cpu_ns() - start_ns);
}

static void cost(void)
{
    double view_ns = 0, copy_ns = 0;

    open_stream("sim:counter?pace=manual&period=480", BATCH_PACKETS);
    for (int i = -BATCHES / 4; i < BATCHES; i++) {
        const double a_ns = batch_ns(view), b_ns = batch_ns(copy);
        view_ns += i < 0 ? 0 : a_ns;
        copy_ns += i < 0 ? 0 : b_ns;
    }
    printf("ns view %.1f\nns copy %.1f\n", view_ns / BATCHES / BATCH_PACKETS, copy_ns / BATCHES / BATCH_PACKETS);
    close_stream();
}

/* deep: with a queue of three seconds, where the default is half a second */
#define DEEP_BUFFERS (3 * RATE_HZ / FRAMES)

static void card_acap(meter *m, void (*way)(meter *), uint32_t queue_buffers)
{
    acap_reader_stats stats = ACAP_READER_STATS_INIT;

    open_stream(CARD, queue_buffers);
    while (!m->is_done)
        way(m);
    bench_require(acap_reader_get_stats(reader, &stats) == ACAP_OK, acap_last_error());
    printf("told %llu\n", (unsigned long long)stats.frames_lost);
    close_stream();
}

/* ---- PortAudio ---- */

static int flags;

static PaStreamParameters card_parameters(void)
{
    PaStreamParameters parameters = {.device = paNoDevice, .channelCount = CHANNELS, .sampleFormat = paFloat32};

    for (int i = 0; i < Pa_GetDeviceCount(); i++) {
        if (strcmp(Pa_GetDeviceInfo(i)->name, CARD) == 0)
            parameters.device = i;
    }
    bench_require(parameters.device != paNoDevice, "PortAudio does not see the card");
    parameters.suggestedLatency = LATENCY_S;
    return parameters;
}

static int on_packet(const void *input, void *output, unsigned long frame_count, const PaStreamCallbackTimeInfo *time,
                     PaStreamCallbackFlags status, void *user_data)
{
    (void)output;
    (void)time;
    flags += (status & paInputOverflow) != 0;
    meter_take(user_data, input, frame_count);
    return paContinue;
}

static void card_portaudio(meter *m, bool do_read)
{
    float samples[FRAMES * CHANNELS];
    PaStream *pa;

    bench_require(Pa_Initialize() == paNoError, "Pa_Initialize");
    const PaStreamParameters parameters = card_parameters();
    bench_require(Pa_OpenStream(&pa, &parameters, NULL, RATE_HZ, FRAMES, paNoFlag, do_read ? NULL : on_packet, m) == paNoError, "open");
    bench_require(Pa_StartStream(pa) == paNoError, "Pa_StartStream");
    while (do_read && !m->is_done) {
        flags += Pa_ReadStream(pa, samples, FRAMES) == paInputOverflowed;
        meter_take(m, samples, FRAMES);
    }
    while (!m->is_done)
        meter_sleep_ms(20);
    Pa_AbortStream(pa);
    Pa_Terminate();
    printf("flags %d\n", flags);
}

int main(int argc, char **argv)
{
    meter m = {0};

    if (argc == 2 && strcmp(argv[1], "cost") == 0) {
        cost();
        return 0;
    }
    bench_require(argc == 5 && strcmp(argv[1], "card") == 0, "usage: cost | card WAY PACKETS PAUSE_MS");
    const char *way = argv[2];
    m.packets = strtoull(argv[3], NULL, 10);
    m.pause_ms = strtoll(argv[4], NULL, 10);
    if (strcmp(way, "view") == 0 || strcmp(way, "deep") == 0)
        card_acap(&m, view, strcmp(way, "deep") == 0 ? DEEP_BUFFERS : 0);
    else if (strcmp(way, "copy") == 0)
        card_acap(&m, copy, 0);
    else
        card_portaudio(&m, strcmp(way, "read") == 0);
    meter_print(&m);
    return 0;
}
