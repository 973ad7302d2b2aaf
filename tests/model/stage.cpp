/* SPDX-License-Identifier: MIT */
/* Owns: the stage and the stand-ins for what is not part of the model: the device, memory, conversion, the checks of parameters.
 * Called by: the properties and acap's sources. */
#include "stage.h"

#include "convert.h"
#include "measure.h"
#include "params.h"
#include "result.h"

namespace model
{

stage *current_stage;

void stage::make_ingest(uint32_t history_buffers, uint32_t frames_per_buffer)
{
    acap__ingest *ingest = &stream->ingest;

    ingest->pool = pool;
    ingest->stream_id = 1;
    ingest->sample_rate_hz = 48000;
    ingest->channel_count = 1;
    ingest->format = ACAP_FORMAT_F32;
    ingest->frames_per_buffer = frames_per_buffer;
    ingest->frame_bytes = 4;
    ingest->history_buffers = history_buffers;
    if (history_buffers != 0)
        ingest->history = history_room.make()->slots;
    stream->info.stream_id = ingest->stream_id;
    stream->info.sample_rate_hz = ingest->sample_rate_hz;
    stream->info.frames_per_buffer = frames_per_buffer;
}

acap__device_slot *stage::make_device()
{
    rl::context &checker = rl::ctx();

    RL_ASSERT(slot_count < 2);
    checker.disable_preemption();
    acap__device_slot *slot = slot_rooms[slot_count].make();
    slot->feed = feed_rooms[slot_count].make();
    checker.enable_preemption();
    slot->feed->ingest = &stream->ingest;
    slot->opened.clock = ACAP__CLOCK_NONE;
    slot_count++;
    return slot;
}

void stage::make(uint32_t history_buffers, uint32_t frames_per_buffer)
{
    current_stage = this;
    reset_os();
    reader_count = 0;
    slot_count = 0;
    has_begun = false;
    gap_frames = 0;
    start_result = ACAP_OK;
    producer = producer_room.make();
    pool = make_pool(&pool_home, buffers_max);
    stream = stream_room.make();
    acap__mutex_init(&context.lock);
    acap__mutex_init(&stream->lock);
    acap__store_relaxed(&stream->references, 1u);
    acap__store_relaxed(&stream->state, ACAP_STATE_RUNNING);
    acap__store_relaxed(&device_count, 1u);
    stream->context = &context;
    stream->backend = &acap__backend_push;
    stream->has_run = true;
    acap__store_relaxed(&stream->clock, (uint32_t)ACAP__CLOCK_NONE);
    stream->slot = make_device();
    stream->pool = pool; /* the handle that make_pool left */
    context.streams = stream;
    make_ingest(history_buffers, frames_per_buffer);
}

acap_reader *stage::open(uint32_t queue_buffers, uint32_t wake_buffers, uint32_t overflow, uint32_t preroll_buffers)
{
    acap_reader_config config = ACAP_READER_CONFIG_INIT;
    acap_reader *reader;

    config.queue_buffers = queue_buffers;
    config.wake_buffers = wake_buffers;
    config.overflow = overflow;
    config.preroll_ns = acap__frames_to_ns(preroll_buffers, 48000) + 1;
    const acap_result result = acap_reader_open(stream, &config, &reader);
    RL_ASSERT(result == ACAP_OK);
    return reader;
}

bool stage::deliver(uint32_t frame_count, unsigned device)
{
    static const float frames[2] = {0.5f, 0.5f};
    acap__chunk chunk = {};

    chunk.frames = frames;
    chunk.frame_count = frame_count;
    return acap__feed_deliver(feed_rooms[device].get(), &chunk);
}

bool stage::lose(uint32_t frame_count)
{
    acap__chunk chunk = {};

    chunk.frame_count = frame_count;
    return acap__feed_deliver(feed_rooms[0].get(), &chunk);
}

const acap_buffer *stage::borrow(acap_reader *reader, int64_t timeout_ns)
{
    const acap_buffer *buffer;

    last_result = acap_reader_borrow(reader, timeout_ns, &buffer);
    RL_ASSERT((last_result == ACAP_OK) == (buffer != NULL));
    if (buffer == NULL)
        return NULL;
    look(pool, acap__header_of(buffer));
    if (!has_begun)
        next_position = buffer->position;
    has_begun = true;
    RL_ASSERT(buffer->position >= next_position);
    gap_frames += buffer->position - next_position;
    next_position = buffer->position + buffer->frame_count;
    return buffer;
}

uint32_t stage::consume(acap_reader *reader, int64_t timeout_ns)
{
    const acap_buffer *buffer = borrow(reader, timeout_ns);

    if (buffer == NULL)
        return 0;
    const uint32_t frame_count = buffer->frame_count;
    acap_buffer_release(buffer);
    return frame_count;
}

uint32_t stage::drain(acap_reader *reader)
{
    uint32_t frame_count = 0;

    for (;;) {
        const uint32_t more = consume(reader, 0);
        if (more == 0)
            return frame_count;
        frame_count += more;
    }
}

void stage::end(acap_reader *reader)
{
    acap_reader_close(reader);
    acap_stream_close(stream);
    check_all_gone();
}

void stage::check_all_gone(bool may_leak)
{
    if (!may_leak) {
        RL_ASSERT(stream_room.has_ended());
        RL_ASSERT(pool_home.has_ended());
        for (unsigned i = 0; i < reader_count; i++)
            RL_ASSERT(reader_rooms[i].has_ended() && queue_rooms[i].has_ended());
        for (unsigned i = 0; i < slot_count; i++)
            RL_ASSERT(slot_rooms[i].has_ended());
    }
    if (stream_room.is_in_use())
        acap__mutex_destroy(&stream->lock);
    for (unsigned i = 0; i < 2; i++) {
        if (reader_rooms[i].is_in_use())
            acap__mutex_destroy(&reader_rooms[i].get()->handle_lock);
        reader_rooms[i].discard();
        queue_rooms[i].discard();
        slot_rooms[i].discard();
        feed_rooms[i].discard(); /* in quarantine until here: a host may call for ever */
    }
    history_room.discard();
    stream_room.discard();
    pool_home.discard();
    producer_room.discard();
    acap__mutex_destroy(&context.lock);
}

/* For what no property calls. */
static acap_result never()
{
    RL_ASSERT(!"not part of the model");
    return ACAP_ERROR_INVALID_STATE;
}

static void produce()
{
    plain<int> &touched = *current_stage->producer;

    touched($) = touched($) + 1;
}

}

using model::current_stage;

/* ---- the one copy ---- */

void acap__convert(const acap__target *target, uint32_t, const acap__source *, uint32_t, uint32_t, uint32_t)
{
    model::plain<int> &data = *(model::plain<int> *)target->data;

    model::produce();
    data($) = 1;
}

bool acap__is_silent(const acap__target *target, uint32_t, uint32_t)
{
    model::plain<int> &data = *(model::plain<int> *)target->data;

    model::produce();
    return data($) == 0;
}

/* ---- the timeline: the device has no clock ---- */

void acap__timeline_start(acap__timeline *, uint32_t)
{
}

void acap__timeline_step(acap__timeline *, const acap__tick *, acap__moment *)
{
    (void)model::never();
}

uint64_t acap__timeline_finish(acap__timeline *, uint64_t *)
{
    (void)model::never();
    return 0;
}

double acap__timeline_rate_hz(const acap__timeline *)
{
    return 0;
}

/* ---- the device, which the front has opened and will close ---- */

void acap__feed_disown_thread(acap__feed *)
{
}

const acap__backend acap__backend_push = {"push"};

acap_result acap__slot_open(const acap__backend *, const acap__request *, struct acap__ingest *, int64_t, acap__device_slot **out)
{
    *out = current_stage->make_device();
    return ACAP_OK;
}

static void end_device(acap__device_slot *slot)
{
    for (model::room<acap__device_slot> &room : current_stage->slot_rooms)
        if (slot == room.get())
            room.end();
}

/* The host calls from now on, whether its start returns or not. */
acap_result acap__slot_start(acap__device_slot *slot, int64_t, int64_t, void (*forget)(void *), void *owner)
{
    (void)acap__add_release(&current_stage->device_count, 1u);
    if (current_stage->start_result != ACAP_OK) {
        forget(owner);
        end_device(slot);
    }
    return current_stage->start_result;
}

void acap__slot_post_close(acap__device_slot *slot)
{
    end_device(slot);
}

acap_result acap__slot_close(acap__device_slot *slot, int64_t)
{
    end_device(slot);
    return ACAP_OK;
}

uint32_t acap__slot_count(const acap__backend *)
{
    return 0;
}

/* ---- memory ---- */

/* Nobody else knows it yet: its making is one step. */
void *acap__aligned_calloc(size_t size_bytes)
{
    rl::context &context = rl::ctx();

    RL_ASSERT(size_bytes == sizeof(acap_reader) && current_stage->reader_count < 2);
    context.disable_preemption();
    acap_reader *reader = current_stage->reader_rooms[current_stage->reader_count++].make();
    context.enable_preemption();
    return reader;
}

void acap__aligned_free(void *memory)
{
    if (memory == current_stage->stream) {
        current_stage->stream_room.end();
        return;
    }
    if (memory == current_stage->history_room.get()) {
        current_stage->history_room.end();
        return;
    }
    for (model::room<acap_reader> &room : current_stage->reader_rooms)
        if (memory == room.get())
            room.end();
}

bool acap__queue_init(acap__queue *queue, uint32_t capacity)
{
    rl::context &context = rl::ctx();

    RL_ASSERT(capacity <= 2);
    context.disable_preemption();
    queue->slots = current_stage->queue_rooms[current_stage->reader_count - 1].make()->slots;
    acap__store_relaxed(&queue->head, UINT64_MAX - 1);
    acap__store_relaxed(&queue->tail, UINT64_MAX - 1);
    context.enable_preemption();
    queue->capacity = capacity;
    queue->mask = capacity - 1;
    return true;
}

void acap__queue_destroy(acap__queue *queue)
{
    for (model::room<model::pointers> &room : current_stage->queue_rooms)
        if (queue->slots == room.get()->slots)
            room.end();
}

acap_result acap__pool_make(uint32_t, uint32_t, uint32_t, uint32_t, acap_pool **)
{
    return model::never();
}

acap_result acap__pool_grow(acap_pool *, uint32_t)
{
    return ACAP_OK;
}

bool acap__pool_lock_with(const acap_pool *, void *, size_t)
{
    return true;
}

acap_result acap__pool_keep_ahead(acap_pool *, uint32_t)
{
    return ACAP_OK;
}

/* ---- contexts and the watch ---- */

void acap__events_post(acap__events *, const acap_event *, const char *, ...)
{
}

void acap__watch_reset(struct acap_stream *, int64_t)
{
}

bool acap__watch_ensure_thread(struct acap_stream *)
{
    return true;
}

void acap__watch_tell_all(struct acap_stream *)
{
}

/* The properties of what is held count it themselves: with every other close it would multiply the executions. */
void acap__watch_tell_held(struct acap_stream *)
{
}

void acap__watch_look(struct acap_stream *, int64_t)
{
}

void acap__leaving_begin(void)
{
}

void acap__context_retain(acap_context *)
{
}

void acap__context_release(acap_context *)
{
}

acap_result acap__context_choose(const acap_context *, const char **, const acap__backend **)
{
    return model::never();
}

/* ---- parameters, results and text ---- */

acap_result acap__take_reader_config(acap_reader_config *ours, const acap_reader_config *theirs)
{
    *ours = *theirs;
    return ACAP_OK;
}

acap_result acap__check_reader_config(acap_reader_config *, uint32_t, uint32_t)
{
    return ACAP_OK;
}

acap_result acap__take_stream_config(acap_stream_config *, const acap_stream_config *)
{
    return model::never();
}

acap_result acap__check_stream_config(acap_stream_config *)
{
    return model::never();
}

acap_result acap__take_levels(acap_levels *, const acap_levels *)
{
    return model::never();
}

acap_result acap__give_reader_stats(acap_reader_stats *theirs, const acap_reader_stats *ours)
{
    *theirs = *ours;
    return ACAP_OK;
}

acap_result acap__give_stream_stats(acap_stream_stats *theirs, const acap_stream_stats *ours)
{
    *theirs = *ours;
    return ACAP_OK;
}

acap_result acap__give_stream_info(acap_stream_info *theirs, const acap_stream_info *ours)
{
    *theirs = *ours;
    return ACAP_OK;
}

acap_result acap__give_levels(acap_levels *, const acap_levels *)
{
    return model::never();
}

uint32_t ACAP_CALL acap_format_bytes(uint32_t)
{
    return 4;
}

void acap__measure(const acap_buffer *, uint32_t, float *, float *, uint64_t *, uint64_t *)
{
    (void)model::never();
}

acap_result acap__fail(acap_result result, const char *, ...)
{
    return result;
}

acap_result acap__fail_forked(void)
{
    return ACAP_ERROR_FORKED;
}

acap_result acap__fail_with(const acap__failure *failure)
{
    return failure->result;
}
