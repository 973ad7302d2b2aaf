/* SPDX-License-Identifier: MIT */
/* The calls of acap that can fail, each with its failure in words: acap_last_error() belongs to the thread of the failing call, and a
 * goroutine may be on another one when it asks. Results come back by value where they are small, so that the two
 * calls of a packet, borrow and release, hand no pointer into Go memory over. */
#ifndef ACAP_GO_GLUE_H
#define ACAP_GO_GLUE_H

#include <acap/acap.h>

typedef struct go_outcome {
    char *text;   /* NULL, or what went wrong: free() it */
    void *object; /* what was made, or NULL */
    acap_result result;
} go_outcome;

typedef struct go_borrowed {
    char *text;
    const acap_buffer *buffer; /* NULL where there is none */
    acap_buffer header;        /* a copy: it stays readable when the buffer is back */
    acap_result result;
} go_borrowed;

typedef struct go_measured {
    go_outcome outcome;
    uint64_t clipped;
    uint64_t zeros;
} go_measured;

go_outcome go_context_create(const acap_context_config *config);
go_outcome go_context_next_event(acap_context *context, acap_event *event);
go_outcome go_context_interrupt(acap_context *context);
go_outcome go_context_get_wait_handle(acap_context *context);
go_outcome go_device_list_create(acap_context *context);
go_outcome go_device_supports(acap_context *context, const acap_stream_config *config);

go_outcome go_stream_open(acap_context *context, const acap_stream_config *config);
go_outcome go_stream_start(acap_stream *stream);
go_outcome go_stream_stop(acap_stream *stream);
go_outcome go_stream_get_info(const acap_stream *stream, acap_stream_info *info);
go_outcome go_stream_get_stats(const acap_stream *stream, acap_stream_stats *stats);
go_outcome go_stream_push(acap_stream *stream, const void *frames, uint32_t frame_count, int64_t time_ns);
go_outcome go_stream_sim_advance(acap_stream *stream, uint64_t frame_count);

go_outcome go_reader_open(acap_stream *stream, const acap_reader_config *config);
go_borrowed go_reader_try_borrow(acap_reader *reader);
go_outcome go_reader_get_wait_handle(acap_reader *reader);
go_outcome go_reader_get_stats(const acap_reader *reader, acap_reader_stats *stats);

go_outcome go_pool_create(const acap_pool_config *config);
go_borrowed go_pool_acquire(acap_pool *pool);
go_outcome go_pool_get_stats(const acap_pool *pool, acap_pool_stats *stats);
go_measured go_buffer_measure(const acap_buffer *buffer, uint32_t channel_count, float *peak, float *rms);

#endif
