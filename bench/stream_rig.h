/* SPDX-License-Identifier: MIT */
/* Owns: a running "push:" stream of the benchmarks' packets with some readers.
 * Used by: fanout_bench.c, callback_bench.c, steady_bench.c.
 * Thread: main. */
#ifndef ACAP_BENCH_STREAM_RIG_H
#define ACAP_BENCH_STREAM_RIG_H

#include <acap/acap.h>

#define STREAM_RIG_READERS_MAX 16u

typedef struct stream_rig {
    acap_context *context;
    acap_stream *stream;
    acap_reader *readers[STREAM_RIG_READERS_MAX];
    uint32_t reader_count;
    int64_t now_ns; /* of the next packet */
} stream_rig;

void stream_rig_open(stream_rig *rig, uint32_t reader_count);
void stream_rig_close(stream_rig *rig);
/* Feeds one packet through the public API. */
void stream_rig_push(stream_rig *rig);
/* One packet out of every reader, and back. */
void stream_rig_drain(stream_rig *rig);

#endif
