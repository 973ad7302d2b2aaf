/* SPDX-License-Identifier: MIT */
/* Owns: the rig of stream_rig.h.
 * Called by: the benchmarks that need a stream.
 * Thread: main. */
#include "stream_rig.h"

#include "bench.h"

#include <string.h>

void stream_rig_open(stream_rig *rig, uint32_t reader_count)
{
    acap_context_config context_config = ACAP_CONTEXT_CONFIG_INIT;
    acap_stream_config stream_config = ACAP_STREAM_CONFIG_INIT;

    memset(rig, 0, sizeof *rig);
    rig->reader_count = reader_count;
    context_config.backend = "push";
    stream_config.device = "push:";
    stream_config.sample_rate_hz = BENCH_RATE_HZ;
    stream_config.channel_count = BENCH_CHANNELS;
    stream_config.format = ACAP_FORMAT_F32;
    stream_config.frames_per_buffer = BENCH_FRAMES;
    bench_require(acap_context_create(&context_config, &rig->context) == ACAP_OK, "acap_context_create");
    bench_require(acap_stream_open(rig->context, &stream_config, &rig->stream) == ACAP_OK, "acap_stream_open");
    for (uint32_t i = 0; i < reader_count; i++)
        bench_require(acap_reader_open(rig->stream, NULL, &rig->readers[i]) == ACAP_OK, "acap_reader_open");
    bench_require(acap_stream_start(rig->stream) == ACAP_OK, "acap_stream_start");
    rig->now_ns = acap_clock_ns();
}

void stream_rig_close(stream_rig *rig)
{
    for (uint32_t i = 0; i < rig->reader_count; i++)
        acap_reader_close(rig->readers[i]);
    acap_stream_close(rig->stream);
    acap_context_destroy(rig->context);
}

void stream_rig_push(stream_rig *rig)
{
    bench_require(acap_stream_push(rig->stream, bench_packet(), BENCH_FRAMES, rig->now_ns++) == ACAP_OK, "acap_stream_push");
}

void stream_rig_drain(stream_rig *rig)
{
    const acap_buffer *buffer;

    for (uint32_t i = 0; i < rig->reader_count; i++) {
        bench_require(acap_reader_borrow(rig->readers[i], 0, &buffer) == ACAP_OK, "acap_reader_borrow");
        acap_buffer_release(buffer);
    }
}
