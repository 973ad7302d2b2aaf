/* SPDX-License-Identifier: MIT */
#include "glue.h"

#include <stdlib.h>
#include <string.h>

static char *text_of(acap_result result)
{
    return result < 0 ? strdup(acap_last_error()) : NULL;
}

static go_outcome settle(acap_result result, void *object)
{
    const go_outcome outcome = { text_of(result), object, result };

    return outcome;
}

static go_outcome settle_handle(acap_result result, intptr_t handle)
{
    return settle(result, (void *)handle);
}

/* An older library fills less of the header than this program knows. */
static go_borrowed settle_buffer(acap_result result, const acap_buffer *buffer)
{
    go_borrowed borrowed;

    memset(&borrowed, 0, sizeof(borrowed));
    borrowed.result = result;
    borrowed.text = text_of(result);
    borrowed.buffer = buffer;
    if (buffer != NULL)
        memcpy(&borrowed.header, buffer, buffer->struct_size < sizeof(acap_buffer) ? buffer->struct_size : sizeof(acap_buffer));
    return borrowed;
}

go_outcome go_context_create(const acap_context_config *config)
{
    acap_context *context = NULL;
    const acap_result result = acap_context_create(config, &context);

    return settle(result, context);
}

go_outcome go_context_next_event(acap_context *context, acap_event *event)
{
    return settle(acap_context_next_event(context, 0, event), NULL);
}

go_outcome go_context_interrupt(acap_context *context)
{
    return settle(acap_context_interrupt(context), NULL);
}

go_outcome go_context_get_wait_handle(acap_context *context)
{
    intptr_t handle = -1;
    const acap_result result = acap_context_get_wait_handle(context, &handle);

    return settle_handle(result, handle);
}

go_outcome go_device_list_create(acap_context *context)
{
    acap_device_list *list = NULL;
    const acap_result result = acap_device_list_create(context, &list);

    return settle(result, list);
}

go_outcome go_device_supports(acap_context *context, const acap_stream_config *config)
{
    return settle(acap_device_supports(context, config), NULL);
}

go_outcome go_stream_open(acap_context *context, const acap_stream_config *config)
{
    acap_stream *stream = NULL;
    const acap_result result = acap_stream_open(context, config, &stream);

    return settle(result, stream);
}

go_outcome go_stream_start(acap_stream *stream)
{
    return settle(acap_stream_start(stream), NULL);
}

go_outcome go_stream_stop(acap_stream *stream)
{
    return settle(acap_stream_stop(stream), NULL);
}

go_outcome go_stream_get_info(const acap_stream *stream, acap_stream_info *info)
{
    return settle(acap_stream_get_info(stream, info), NULL);
}

go_outcome go_stream_get_stats(const acap_stream *stream, acap_stream_stats *stats)
{
    return settle(acap_stream_get_stats(stream, stats), NULL);
}

go_outcome go_stream_push(acap_stream *stream, const void *frames, uint32_t frame_count, int64_t time_ns)
{
    return settle(acap_stream_push(stream, frames, frame_count, time_ns), NULL);
}

go_outcome go_stream_sim_advance(acap_stream *stream, uint64_t frame_count)
{
    return settle(acap_stream_sim_advance(stream, frame_count), NULL);
}

go_outcome go_reader_open(acap_stream *stream, const acap_reader_config *config)
{
    acap_reader *reader = NULL;
    const acap_result result = acap_reader_open(stream, config, &reader);

    return settle(result, reader);
}

go_borrowed go_reader_try_borrow(acap_reader *reader)
{
    const acap_buffer *buffer = NULL;
    const acap_result result = acap_reader_borrow(reader, 0, &buffer);

    return settle_buffer(result, buffer);
}

go_outcome go_reader_get_wait_handle(acap_reader *reader)
{
    intptr_t handle = -1;
    const acap_result result = acap_reader_get_wait_handle(reader, &handle);

    return settle_handle(result, handle);
}

go_outcome go_reader_get_stats(const acap_reader *reader, acap_reader_stats *stats)
{
    return settle(acap_reader_get_stats(reader, stats), NULL);
}

go_outcome go_pool_create(const acap_pool_config *config)
{
    acap_pool *pool = NULL;
    const acap_result result = acap_pool_create(config, &pool);

    return settle(result, pool);
}

go_borrowed go_pool_acquire(acap_pool *pool)
{
    const acap_buffer *buffer = NULL;
    const acap_result result = acap_pool_acquire(pool, &buffer);

    return settle_buffer(result, buffer);
}

go_outcome go_pool_get_stats(const acap_pool *pool, acap_pool_stats *stats)
{
    return settle(acap_pool_get_stats(pool, stats), NULL);
}

/* The struct is on this stack: C must not store pointers to Go's arrays in Go memory. */
go_measured go_buffer_measure(const acap_buffer *buffer, uint32_t channel_count, float *peak, float *rms)
{
    acap_levels levels = ACAP_LEVELS_INIT;

    levels.channel_count = channel_count;
    levels.peak = peak;
    levels.rms = rms;
    const acap_result result = acap_buffer_measure(buffer, &levels);
    const go_measured measured = { settle(result, NULL), levels.clipped, levels.zeros };

    return measured;
}
