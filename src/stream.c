/* SPDX-License-Identifier: MIT */
/* Owns: the life of a stream: opening, starting, stopping, ending, and what it says of itself.
 * Called by: any thread; start and stop one after the other. Waits for the host only in open, start and stop, and there by the clock. */
#include "stream.h"

#include "check.h"
#include "params.h"
#include "result.h"
#include "stream_readers.h"

#include <string.h>

#define CALL_LIMIT_NS (4500 * ACAP__NS_PER_MS) /* within the 5 s of the contract */
#define QUIET_LIMIT_NS (500 * ACAP__NS_PER_MS) /* a callback is a copy: one that takes longer will not come back */

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
    acap_pool_release(stream->pool);
    acap__context_release(stream->context);
    acap__cond_destroy(&stream->changed);
    acap__mutex_destroy(&stream->lock);
    acap__aligned_free(stream);
}

/* ---- one controller at a time ---- */

static acap_result enter_control(acap_stream *stream, int64_t until_ns)
{
    bool is_in_time = true;

    acap__mutex_lock(&stream->lock);
    while (stream->is_controlled && is_in_time)
        is_in_time = acap__cond_wait_until(&stream->changed, &stream->lock, until_ns);
    const bool is_mine = !stream->is_controlled;
    if (is_mine)
        stream->is_controlled = true;
    acap__mutex_unlock(&stream->lock);
    if (!is_mine)
        return acap__fail(ACAP_ERROR_HOST_STUCK, "another thread waits for the host in start or stop of this stream");
    return ACAP_OK;
}

static bool gate_is_quiet(acap__gate *gate, int64_t until_ns)
{
    /* acquire: pairs with the release of leaving. */
    while (acap__load_acquire(&gate->word) & ACAP__GATE_BUSY) {
        if (acap_clock_ns() >= until_ns)
            return false;
        acap__thread_yield();
    }
    return true;
}

static void shut_gate(acap__gate *gate)
{
    /* seq_cst: before the look at BUSY; an entering thread either sees CLOSED or is seen. */
    (void)acap__or_seq_cst(&gate->word, ACAP__GATE_CLOSED);
}

/* Shuts out every producer, publishes what was pending and ends the readers with end_bit. Under lock. */
static void shut(acap_stream *stream, uint32_t end_bit)
{
    const int64_t until_ns = acap_clock_ns() + QUIET_LIMIT_NS;

    shut_gate(&stream->user_gate);
    if (stream->slot != NULL)
        shut_gate(&stream->slot->feed->gate);
    if (stream->slot != NULL && !gate_is_quiet(&stream->slot->feed->gate, until_ns))
        stream->is_stuck_inside = true;
    if (!gate_is_quiet(&stream->user_gate, until_ns))
        stream->is_stuck_inside = true;
    if (!stream->is_stuck_inside) {
        acap__ingest_enter(&stream->ingest);
        acap__ingest_flush(&stream->ingest);
        acap__stream_drain_retired(stream);
    }
    for (uint32_t i = 0; i < ACAP_MAX_READERS; i++)
        if (stream->readers[i] != NULL)
            acap__outlet_end(&stream->readers[i]->outlet, end_bit);
    acap__store_release(&stream->state, ACAP_STATE_STOPPED);
}

static void set_ends(acap_stream *stream, uint32_t set, uint32_t clear)
{
    for (uint32_t i = 0; i < ACAP_MAX_READERS; i++) {
        if (stream->readers[i] == NULL)
            continue;
        acap__u32 *end = &stream->readers[i]->outlet.end;
        (void)acap__and_seq_cst(end, ~clear);
        if (set != 0)
            acap__outlet_end(&stream->readers[i]->outlet, set);
    }
}

/* What an end asks for; under lock, with nobody in control. */
static void finish_end(acap_stream *stream)
{
    shut(stream, ACAP__END_STREAM);
    if (stream->slot != NULL)
        acap__slot_post_close(stream->slot);
    stream->slot = NULL;
}

static void leave_control(acap_stream *stream)
{
    acap__mutex_lock(&stream->lock);
    stream->is_controlled = false;
    if (stream->is_ended)
        finish_end(stream);
    acap__cond_broadcast(&stream->changed);
    acap__mutex_unlock(&stream->lock);
}

void acap__stream_end(acap_stream *stream)
{
    acap__mutex_lock(&stream->lock);
    const bool was_ended = stream->is_ended;
    stream->is_ended = true;
    /* Somebody in start or stop may be waiting for the host: that call ends the stream when it is done, the readers end now. */
    if (stream->is_controlled)
        set_ends(stream, ACAP__END_STREAM, 0);
    else if (!was_ended)
        finish_end(stream);
    acap__mutex_unlock(&stream->lock);
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
    strncpy(stream->device, request->device, sizeof stream->device - 1);
    stream->request.device = stream->device;
}

/* What the device gave becomes the stream's, and what a restart asks for. */
static void adopt(acap_stream *stream, const acap__opened *opened, const acap_stream_config *config)
{
    acap_stream_info *info = &stream->info;

    info->sample_rate_hz = opened->sample_rate_hz;
    info->channel_count = opened->channel_count;
    info->format = config->format;
    info->frames_per_buffer =
        config->frames_per_buffer != 0 ? config->frames_per_buffer : acap__max_u32((opened->sample_rate_hz + 50u) / 100u, 1u);
    info->flags = config->flags;
    info->latency_ns = opened->latency_ns;
    info->stream_id = acap__add_relaxed(&last_stream_id, 1u) + 1;
    strncpy(info->device_id, opened->device_id, sizeof info->device_id - 1);
    strncpy(info->backend, stream->backend->name, sizeof info->backend - 1);
    stream->request.sample_rate_hz = opened->sample_rate_hz;
    stream->request.channel_count = opened->channel_count;
    stream->request.frames_per_buffer = info->frames_per_buffer;
}

static acap_result set_geometry(acap_stream *stream, uint32_t *buffer_bytes)
{
    const acap_stream_info *info = &stream->info;
    acap__ingest *ingest = &stream->ingest;
    const uint32_t sample_bytes = acap_format_bytes(info->format);
    const bool is_planar = (info->flags & ACAP_STREAM_PLANAR) != 0;
    const uint64_t plane_bytes = acap__round_up((uint64_t)info->frames_per_buffer * sample_bytes, ACAP__CACHE_LINE);
    const uint64_t size_bytes = is_planar ? plane_bytes * info->channel_count
                                          : (uint64_t)info->frames_per_buffer * info->channel_count * sample_bytes;

    if (size_bytes > ACAP_MAX_BUFFER_BYTES)
        return acap__fail(ACAP_ERROR_LIMIT, "a buffer of %u frames would have %llu bytes; the limit is %u", info->frames_per_buffer,
                          (unsigned long long)size_bytes, ACAP_MAX_BUFFER_BYTES);
    ingest->sample_rate_hz = info->sample_rate_hz;
    ingest->channel_count = info->channel_count;
    ingest->format = info->format;
    ingest->frames_per_buffer = info->frames_per_buffer;
    ingest->frame_bytes = info->channel_count * sample_bytes;
    ingest->plane_stride_bytes = is_planar ? (uint32_t)plane_bytes : 0;
    *buffer_bytes = (uint32_t)size_bytes;
    return ACAP_OK;
}

static acap_result share_pool(acap_stream *stream, acap_pool *pool, uint32_t buffer_bytes)
{
    if (pool->buffer_size_bytes < buffer_bytes)
        return acap__fail(ACAP_ERROR_LIMIT, "the shared pool's buffers have %u bytes, this stream's need %u", pool->buffer_size_bytes,
                          buffer_bytes);
    stream->pool = acap_pool_retain(pool);
    return ACAP_OK;
}

static acap_result set_pool(acap_stream *stream, const acap_stream_config *config)
{
    const uint32_t buffers_max = config->pool_buffers_max != 0 ? config->pool_buffers_max : ACAP_MAX_POOL_BUFFERS;
    const uint32_t buffers_min = config->pool_buffers_min != 0 ? config->pool_buffers_min : acap__min_u32(ACAP__SPARE_BUFFERS, buffers_max);
    const uint32_t flags = (config->flags & ACAP_STREAM_LOCK_MEMORY) ? ACAP_POOL_LOCK_MEMORY : 0;
    uint32_t buffer_bytes;
    acap_result result = set_geometry(stream, &buffer_bytes);

    if (result != ACAP_OK)
        return result;
    stream->owns_pool = config->pool == NULL;
    result = stream->owns_pool ? acap__pool_make(flags, buffer_bytes, buffers_min, buffers_max, &stream->pool)
                               : share_pool(stream, config->pool, buffer_bytes);
    stream->ingest.pool = stream->pool;
    return result;
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

static acap_result open_device(acap_stream *stream, int64_t until_ns)
{
    stream->request.position = stream->ingest.figures.position;
    const acap_result result = acap__slot_open(stream->backend, &stream->request, &stream->ingest, until_ns, &stream->slot);

    if (result == ACAP_OK)
        stream->ingest.source_format = stream->slot->opened.source_format;
    return result;
}

static acap_result open_stream(acap_stream *stream, const acap__request *request, const acap_stream_config *config)
{
    set_device(stream, request);
    acap_result result = open_device(stream, acap_clock_ns() + CALL_LIMIT_NS);

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

/* ---- starting and stopping ---- */

static acap_result start_device(acap_stream *stream, int64_t until_ns)
{
    if (stream->slot == NULL) {
        const acap_result result = open_device(stream, until_ns);
        if (result != ACAP_OK)
            return result;
    }
    const acap_result result = acap__slot_start(stream->slot, until_ns);
    if (result != ACAP_OK)
        stream->slot = NULL; /* it has been closed, or belongs to the call that hangs */
    return result;
}

/* In control. Readers go on before the first frame can come. */
static acap_result start_controlled(acap_stream *stream, int64_t until_ns)
{
    if (acap__load_relaxed(&stream->state) == ACAP_STATE_RUNNING)
        return ACAP_OK;
    acap__mutex_lock(&stream->lock);
    const bool is_possible = !stream->is_ended && !stream->is_stuck_inside;
    if (is_possible)
        set_ends(stream, 0, ACAP__END_STOPPED | ACAP__END_LOST);
    acap__mutex_unlock(&stream->lock);
    if (!is_possible)
        return acap__fail(ACAP_ERROR_INVALID_STATE, stream->is_ended ? "the context of this stream was destroyed"
                                                                     : "an audio thread entered this stream and never left");
    const acap_result result = start_device(stream, until_ns);
    acap__mutex_lock(&stream->lock);
    if (result == ACAP_OK) {
        stream->has_run = true;
        stream->info.latency_ns = stream->slot->opened.latency_ns;
        acap__store_release(&stream->state, ACAP_STATE_RUNNING);
        (void)acap__and_seq_cst(&stream->user_gate.word, ~ACAP__GATE_CLOSED);
    } else if (stream->has_run) {
        set_ends(stream, ACAP__END_STOPPED, 0);
    }
    acap__mutex_unlock(&stream->lock);
    return result;
}

acap_result ACAP_CALL acap_stream_start(acap_stream *stream)
{
    const int64_t until_ns = acap_clock_ns() + CALL_LIMIT_NS;

    if (acap__forked())
        return acap__fail_forked();
    if (stream == NULL)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_stream_start: stream must not be NULL");
    acap_result result = enter_control(stream, until_ns);
    if (result != ACAP_OK)
        return result;
    result = start_controlled(stream, until_ns);
    leave_control(stream);
    return result;
}

/* In control. The data is complete before the host is asked for anything. */
static acap_result stop_controlled(acap_stream *stream, int64_t until_ns)
{
    acap__mutex_lock(&stream->lock);
    acap__device_slot *slot = NULL;
    if (acap__load_relaxed(&stream->state) != ACAP_STATE_STOPPED) {
        shut(stream, ACAP__END_STOPPED);
        slot = stream->slot;
        stream->slot = NULL;
    }
    acap__mutex_unlock(&stream->lock);
    return slot == NULL ? ACAP_OK : acap__slot_close(slot, until_ns);
}

acap_result ACAP_CALL acap_stream_stop(acap_stream *stream)
{
    const int64_t until_ns = acap_clock_ns() + CALL_LIMIT_NS;

    if (acap__forked())
        return acap__fail_forked();
    if (stream == NULL)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_stream_stop: stream must not be NULL");
    acap_result result = enter_control(stream, until_ns);
    if (result != ACAP_OK)
        return result;
    result = stop_controlled(stream, until_ns);
    leave_control(stream);
    return result;
}

void ACAP_CALL acap_stream_close(acap_stream *stream)
{
    if (stream == NULL || acap__forked())
        return;
    leave_context(stream);
    acap__stream_end(stream);
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
    if (!acap__gate_enter(&stream->user_gate))
        return acap__fail(ACAP_ERROR_INVALID_STATE, "acap_stream_push: the stream is stopped, or another thread is pushing");
    const acap__chunk chunk = {
        .frames = frames, .frame_count = frame_count, .entry_ns = time_ns != 0 ? time_ns : acap_clock_ns(), .delay_ns = 0};
    const bool is_in = frame_count == 0 || acap__feed_deliver(stream->slot->feed, &chunk);
    acap__gate_leave(&stream->user_gate);
    return is_in ? ACAP_OK : acap__fail(ACAP_ERROR_INVALID_STATE, "acap_stream_push: the stream was stopped");
}

acap_result ACAP_CALL acap_stream_sim_advance(acap_stream *stream, uint64_t frame_count)
{
    acap__failure failure;

    if (acap__forked())
        return acap__fail_forked();
    if (stream == NULL || stream->backend->advance == NULL)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_stream_sim_advance: %s",
                          stream == NULL ? "stream must not be NULL" : "this is no \"sim:\" stream");
    if (!acap__gate_enter(&stream->user_gate))
        return acap__fail(ACAP_ERROR_INVALID_STATE, "acap_stream_sim_advance: the stream is stopped, or another thread advances it");
    const acap_result result = stream->backend->advance(stream->slot->opened.device, frame_count, &failure);
    acap__gate_leave(&stream->user_gate);
    return result == ACAP_OK ? ACAP_OK : acap__fail_with(&failure);
}
