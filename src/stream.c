/* SPDX-License-Identifier: MIT */
/* Owns: the life of a stream: opening, closing, what it says of itself, and the caller in the place of the device. stream_control.c has
 * starting, stopping, losing the device and getting it back.
 * Called by: any thread. Waits for the host only in open, and there by the clock. */
#include "stream.h"

#include "params.h"
#include "result.h"
#include "stream_readers.h"

#include <string.h>

#define CALL_LIMIT_NS (4500 * ACAP__NS_PER_MS) /* within the 5 s of the contract */

#define USUAL_RATE_HZ 48000u
#define PUSH_TIME_NS_MAX (INT64_MAX / 2) /* what is added to it stays in range */

static acap__u64 last_stream_id;

bool acap__stream_any_open(const acap__backend *backend)
{
    return acap__slot_count(backend) != 0;
}

void acap__stream_retain(acap_stream *stream)
{
    /* relaxed: the caller has a reference. */
    (void)acap__add_relaxed(&stream->references, 1u);
}

void acap__stream_release(acap_stream *stream)
{
    /* acq_rel: everybody's use comes before the free. */
    if (acap__sub_acq_rel(&stream->references, 1u) != 1u)
        return;
    /* Whatever a thread that is stuck inside may touch is never freed. */
    if (stream->is_stuck_inside)
        return;
    acap__stream_drain_retired(stream);
    acap__aligned_free(stream->ingest.history);
    acap_pool_release(stream->pool);
    acap__context_release(stream->context);
    acap__cond_destroy(&stream->changed);
    acap__mutex_destroy(&stream->lock);
    acap__aligned_free(stream);
}

/* ---- opening ---- */

acap_result acap__stream_request(const acap_context *context, const acap_stream_config *config, acap__request *request,
                                 const acap__backend **backend)
{
    const char *device = config->device;
    const acap_result result = acap__context_choose(context, &device, backend);

    if (result != ACAP_OK)
        return result;
    if (device != NULL && (device[0] == '\0' || strlen(device) >= ACAP__DEVICE_NAME_BYTES))
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "the device string is %s", device[0] == '\0' ? "empty" : "too long");
    memset(request, 0, sizeof *request);
    request->device = device;
    request->sample_rate_hz = config->sample_rate_hz;
    request->channel_count = config->channel_count;
    request->format = config->format;
    request->frames_per_buffer = config->frames_per_buffer;
    request->latency_ns = config->latency_ns;
    return ACAP_OK;
}

static void set_device(acap_stream *stream, const acap__request *request)
{
    stream->request = *request;
    if (request->device == NULL)
        return;
    acap__copy_text(stream->device, sizeof stream->device, request->device);
    stream->request.device = stream->device;
}

static uint32_t frames_per_buffer_of(const acap_stream_config *config, uint32_t sample_rate_hz)
{
    return config->frames_per_buffer != 0 ? config->frames_per_buffer : acap__max_u32((sample_rate_hz + 50u) / 100u, 1u);
}

/* What the device gave becomes the stream's, and what a restart asks for. */
static void adopt(acap_stream *stream, const acap__opened *opened, const acap_stream_config *config)
{
    acap_stream_info *info = &stream->info;

    info->sample_rate_hz = opened->sample_rate_hz;
    info->channel_count = opened->channel_count;
    info->format = config->format;
    stream->on_device_lost = config->on_device_lost;
    info->frames_per_buffer = frames_per_buffer_of(config, opened->sample_rate_hz);
    info->flags = config->flags;
    info->latency_ns = opened->latency_ns;
    info->stream_id = acap__add_relaxed(&last_stream_id, 1u) + 1;
    acap__copy_text(info->device_id, sizeof info->device_id, opened->device_id);
    acap__copy_text(info->backend, sizeof info->backend, stream->backend->name);
    stream->request.sample_rate_hz = opened->sample_rate_hz;
    stream->request.channel_count = opened->channel_count;
    stream->request.frames_per_buffer = info->frames_per_buffer;
}

/* ---- what its buffers and its pool are ---- */

/* 0: interleaved. */
static uint64_t plane_bytes_of(const acap_stream_info *info)
{
    const uint64_t plane_bytes = (uint64_t)info->frames_per_buffer * acap_format_bytes(info->format);

    return (info->flags & ACAP_STREAM_PLANAR) ? acap__round_up(plane_bytes, ACAP__CACHE_LINE) : 0;
}

static uint64_t buffer_bytes_of(const acap_stream_info *info)
{
    const uint64_t plane_bytes = plane_bytes_of(info);

    return info->channel_count * (plane_bytes != 0 ? plane_bytes : (uint64_t)info->frames_per_buffer * acap_format_bytes(info->format));
}

/* The past costs pool buffers, one for each frames_per_buffer of it, and one for the start of the oldest. */
static uint64_t history_buffers_of(const acap_stream_config *config, const acap_stream_info *info)
{
    const uint64_t frames = acap__ns_to_frames(config->history_ns, info->sample_rate_hz);

    return frames == 0 ? 0 : (frames + info->frames_per_buffer - 1) / info->frames_per_buffer + 1;
}

static acap_result check_fit(const acap_stream_config *config, const acap_stream_info *info)
{
    const uint64_t size_bytes = buffer_bytes_of(info);
    const uint64_t history_buffers = history_buffers_of(config, info);
    const bool is_limited = config->pool == NULL && config->pool_buffers_max != 0;
    const uint32_t buffers_max = is_limited ? config->pool_buffers_max : ACAP_MAX_POOL_BUFFERS;

    if (size_bytes > ACAP_MAX_BUFFER_BYTES)
        return acap__fail(ACAP_ERROR_LIMIT, "a buffer of %u frames would have %llu bytes; the limit is %u", info->frames_per_buffer,
                          (unsigned long long)size_bytes, ACAP_MAX_BUFFER_BYTES);
    if (config->pool != NULL && config->pool->buffer_size_bytes < size_bytes)
        return acap__fail(ACAP_ERROR_LIMIT, "the shared pool's buffers have %u bytes, this stream's need %llu",
                          config->pool->buffer_size_bytes, (unsigned long long)size_bytes);
    if (history_buffers != 0 && history_buffers + ACAP__SPARE_BUFFERS > buffers_max)
        return acap__fail(ACAP_ERROR_LIMIT, "so long a history needs %llu buffers; the pool's maximum is %u",
                          (unsigned long long)(history_buffers + ACAP__SPARE_BUFFERS), buffers_max);
    return ACAP_OK;
}

acap_result acap__stream_fits(const acap_stream_config *config)
{
    acap_stream_info info = ACAP_STREAM_INFO_INIT;

    info.flags = config->flags;
    info.format = config->format;
    info.sample_rate_hz = config->sample_rate_hz != 0 ? config->sample_rate_hz : USUAL_RATE_HZ;
    info.channel_count = config->channel_count != 0 ? config->channel_count : 1;
    info.frames_per_buffer = frames_per_buffer_of(config, info.sample_rate_hz);
    return check_fit(config, &info);
}

static void set_geometry(acap_stream *stream)
{
    const acap_stream_info *info = &stream->info;
    acap__ingest *ingest = &stream->ingest;

    ingest->stream_id = info->stream_id;
    ingest->sample_rate_hz = info->sample_rate_hz;
    ingest->channel_count = info->channel_count;
    ingest->format = info->format;
    ingest->frames_per_buffer = info->frames_per_buffer;
    ingest->frame_bytes = info->channel_count * acap_format_bytes(info->format);
    ingest->plane_stride_bytes = (uint32_t)plane_bytes_of(info);
}

static acap_result set_history(acap_stream *stream, const acap_stream_config *config)
{
    const uint32_t buffers = (uint32_t)history_buffers_of(config, &stream->info);

    if (buffers == 0)
        return ACAP_OK;
    if (stream->owns_pool) {
        const acap_result result = acap__pool_grow(stream->pool, buffers + ACAP__SPARE_BUFFERS);
        if (result != ACAP_OK)
            return result;
    }
    stream->ingest.history = acap__aligned_calloc(buffers * sizeof *stream->ingest.history);
    if (stream->ingest.history == NULL)
        return acap__fail(ACAP_ERROR_NO_MEMORY, "no memory for a history of %u buffers", buffers);
    stream->ingest.history_buffers = buffers;
    stream->reserved_buffers = buffers;
    return ACAP_OK;
}

static acap_result set_pool(acap_stream *stream, const acap_stream_config *config)
{
    const uint32_t buffers_max = config->pool_buffers_max != 0 ? config->pool_buffers_max : ACAP_MAX_POOL_BUFFERS;
    const uint32_t buffers_min = config->pool_buffers_min != 0 ? config->pool_buffers_min : acap__min_u32(ACAP__SPARE_BUFFERS, buffers_max);
    const uint32_t flags = (config->flags & ACAP_STREAM_LOCK_MEMORY) ? ACAP_POOL_LOCK_MEMORY : 0;
    acap_result result = check_fit(config, &stream->info);

    if (result != ACAP_OK)
        return result;
    set_geometry(stream);
    stream->owns_pool = config->pool == NULL;
    if (stream->owns_pool)
        result = acap__pool_make(flags, (uint32_t)buffer_bytes_of(&stream->info), buffers_min, buffers_max, &stream->pool);
    else
        stream->pool = acap_pool_retain(config->pool);
    stream->ingest.pool = stream->pool;
    return result == ACAP_OK ? set_history(stream, config) : result;
}

static acap_stream *make_stream(acap_context *context, const acap__backend *backend)
{
    acap_stream *stream = acap__aligned_calloc(sizeof *stream);

    if (stream == NULL)
        return NULL;
    acap__mutex_init(&stream->lock);
    acap__cond_init(&stream->changed);
    acap__store_relaxed(&stream->references, 1u);
    acap__store_relaxed(&stream->user_gate.word, ACAP__GATE_CLOSED);
    acap__context_retain(context);
    stream->context = context;
    stream->backend = backend;
    stream->info.struct_size = sizeof stream->info;
    return stream;
}

/* False: the context was destroyed meanwhile. */
static bool join_context(acap_stream *stream)
{
    acap_context *context = stream->context;

    acap__mutex_lock(&context->lock);
    const bool is_alive = !context->is_destroyed;
    if (is_alive) {
        stream->next = context->streams;
        context->streams = stream;
    }
    acap__mutex_unlock(&context->lock);
    return is_alive;
}

static void leave_context(acap_stream *stream)
{
    acap_context *context = stream->context;

    acap__mutex_lock(&context->lock);
    for (acap_stream **i = &context->streams; *i != NULL; i = &(*i)->next) {
        if (*i == stream) {
            *i = stream->next;
            break;
        }
    }
    acap__mutex_unlock(&context->lock);
}

static acap_result open_stream(acap_stream *stream, const acap__request *request, const acap_stream_config *config)
{
    set_device(stream, request);
    stream->virtual_start_ns = acap_clock_ns();
    acap_result result = acap__stream_open_device(stream, &stream->request, acap_clock_ns() + CALL_LIMIT_NS);

    if (result != ACAP_OK)
        return result;
    adopt(stream, &stream->slot->opened, config);
    result = set_pool(stream, config);
    if (result == ACAP_OK && !join_context(stream))
        result = acap__fail(ACAP_ERROR_INVALID_STATE, "the context was destroyed");
    if (result != ACAP_OK)
        acap__stream_end(stream);
    return result;
}

acap_result ACAP_CALL acap_stream_open(acap_context *context, const acap_stream_config *config, acap_stream **out)
{
    acap_stream_config checked;
    acap__request request;
    const acap__backend *backend;

    if (out != NULL)
        *out = NULL;
    if (acap__forked())
        return acap__fail_forked();
    if (context == NULL || out == NULL)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_stream_open: context and out must not be NULL");
    acap_result result = acap__take_stream_config(&checked, config);
    if (result == ACAP_OK)
        result = acap__check_stream_config(&checked);
    if (result == ACAP_OK)
        result = acap__stream_request(context, &checked, &request, &backend);
    if (result != ACAP_OK)
        return result;
    acap_stream *stream = make_stream(context, backend);
    if (stream == NULL)
        return acap__fail(ACAP_ERROR_NO_MEMORY, "no memory for a stream");
    result = open_stream(stream, &request, &checked);
    if (result == ACAP_OK)
        *out = stream;
    else
        acap__stream_release(stream);
    return result;
}

/* ---- closing ---- */

void ACAP_CALL acap_stream_close(acap_stream *stream)
{
    if (stream == NULL || acap__forked())
        return;
    leave_context(stream);
    acap__stream_end(stream);
    acap__watch_tell_held(stream);
    acap__stream_release(stream);
}

/* ---- what it says of itself ---- */

acap_result ACAP_CALL acap_stream_get_info(const acap_stream *const_stream, acap_stream_info *out)
{
    acap_stream *stream = (acap_stream *)(uintptr_t)const_stream;

    if (acap__forked())
        return acap__fail_forked();
    if (stream == NULL || out == NULL)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_stream_get_info: stream and info must not be NULL");
    acap__mutex_lock(&stream->lock);
    const acap_result result = acap__give_stream_info(out, &stream->info);
    acap__mutex_unlock(&stream->lock);
    return result;
}

acap_result ACAP_CALL acap_stream_get_stats(const acap_stream *const_stream, acap_stream_stats *out)
{
    acap_stream *stream = (acap_stream *)(uintptr_t)const_stream;
    acap_stream_stats stats = ACAP_STREAM_STATS_INIT;

    if (acap__forked())
        return acap__fail_forked();
    if (stream == NULL || out == NULL)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_stream_get_stats: stream and stats must not be NULL");
    acap__ingest *ingest = &stream->ingest;
    const acap__figures figures = acap__ledger_read(&ingest->ledger);
    stats.state = acap__load_acquire(&stream->state);
    stats.position = figures.position;
    stats.frames_captured = figures.captured;
    stats.lost_pool = figures.lost_pool;
    stats.lost_host = figures.lost_host;
    stats.frames_lost = figures.lost_pool + figures.lost_host;
    stats.buffers_filled = figures.buffers;
    stats.frames_pending = acap__load_relaxed(&ingest->pending_frames);
    stats.callbacks = acap__load_relaxed(&ingest->callbacks);
    stats.host_overflows = acap__load_relaxed(&ingest->host_overflows);
    stats.callback_ns_max = acap__load_relaxed(&ingest->callback_ns_max);
    stats.callback_ns_total = acap__load_relaxed(&ingest->callback_ns_total);
    stats.realtime = acap__load_relaxed(&ingest->realtime);
    stats.recoveries = acap__load_relaxed(&ingest->recoveries);
    stats.measured_rate_hz = (double)acap__load_relaxed(&ingest->measured_rate_uhz) / 1e6;
    return acap__give_stream_stats(out, &stats);
}

acap_pool *ACAP_CALL acap_stream_get_pool(acap_stream *stream)
{
    return stream == NULL || acap__forked() ? NULL : acap_pool_retain(stream->pool);
}

/* ---- the caller as the device ---- */

acap_result ACAP_CALL acap_stream_push(acap_stream *stream, const void *frames, uint32_t frame_count, int64_t time_ns)
{
    if (acap__forked())
        return acap__fail_forked();
    if (stream == NULL || stream->backend != &acap__backend_push)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_stream_push: %s",
                          stream == NULL ? "stream must not be NULL" : "this is no \"push:\" stream");
    if (frame_count != 0 && (time_ns < 0 || time_ns > PUSH_TIME_NS_MAX))
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_stream_push: time_ns is %lld, which no clock tells", (long long)time_ns);
    if (!acap__gate_enter(&stream->user_gate))
        return acap__fail(ACAP_ERROR_INVALID_STATE, "acap_stream_push: the stream is stopped, or another thread is pushing");
    const acap__chunk chunk = {
        .frames = frames, .frame_count = frame_count, .entry_ns = time_ns != 0 ? time_ns : acap_clock_ns(), .delay_ns = 0};
    const bool is_in = frame_count == 0 || acap__feed_deliver(stream->slot->feed, &chunk);
    acap__gate_leave(&stream->user_gate);
    return is_in ? ACAP_OK : acap__fail(ACAP_ERROR_INVALID_STATE, "acap_stream_push: the stream was stopped");
}

/* One step of virtual time: what the device delivers until then, and a look of the watch. */
static acap_result advance_step(acap_stream *stream, uint64_t frame_count)
{
    const bool is_running = acap__gate_enter(&stream->user_gate);

    /* A lost device does not deliver, but its clock goes on: the watch wants it back. */
    if (!is_running && acap__load_acquire(&stream->state) != ACAP_STATE_LOST)
        return acap__fail(ACAP_ERROR_INVALID_STATE, "acap_stream_sim_advance: the stream is stopped");
    acap__store_relaxed(&stream->virtual_frames, acap__load_relaxed(&stream->virtual_frames) + frame_count);
    const int64_t now_ns = acap__stream_now_ns(stream);
    if (is_running) {
        stream->backend->advance(stream->slot->opened.device, now_ns);
        acap__gate_leave(&stream->user_gate);
    }
    acap__watch_look(stream, now_ns);
    return ACAP_OK;
}

/* A year in one call takes hours of this machine's time, and virtual time must fit a time_ns. */
static bool is_too_far(acap_stream *stream, uint64_t frame_count)
{
    const uint64_t year_frames = (uint64_t)366 * 86400 * stream->info.sample_rate_hz;

    /* relaxed: only a caller of sim_advance changes it, and this is the one. */
    return frame_count > year_frames || acap__load_relaxed(&stream->virtual_frames) + frame_count > 100 * year_frames;
}

acap_result ACAP_CALL acap_stream_sim_advance(acap_stream *stream, uint64_t frame_count)
{
    acap_result result = ACAP_OK;

    if (acap__forked())
        return acap__fail_forked();
    if (stream == NULL || stream->backend->advance == NULL || acap__load_relaxed(&stream->clock) != ACAP__CLOCK_VIRTUAL)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_stream_sim_advance: %s",
                          stream == NULL ? "stream must not be NULL" : "this is no \"sim:\" stream with pace=manual");
    /* The gate alone would let two callers take turns from step to step, and both look as the watch. acq_rel: what the last one wrote is
       seen. */
    if (acap__exchange_acq_rel(&stream->is_advancing, 1u) != 0)
        return acap__fail(ACAP_ERROR_INVALID_STATE, "acap_stream_sim_advance: another thread advances the stream");
    if (is_too_far(stream, frame_count)) {
        acap__store_release(&stream->is_advancing, 0u);
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT,
                          "acap_stream_sim_advance: more than 366 days in one call, or a hundred times that in all");
    }
    const uint64_t step_frames = acap__ns_to_frames(ACAP__WATCH_STEP_NS, stream->info.sample_rate_hz);
    do {
        const uint64_t step = frame_count < step_frames ? frame_count : step_frames;
        result = advance_step(stream, step);
        frame_count -= step;
    } while (result == ACAP_OK && frame_count != 0);
    acap__store_release(&stream->is_advancing, 0u);
    return result;
}
