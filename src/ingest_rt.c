/* SPDX-License-Identifier: MIT */
/* Owns: slicing what the host brings into exact buffers, the one copy, the account, the fan-out.
 * Called by: the audio thread, or the control side in its place when the gate is shut. Takes no lock, allocates nothing, never waits. */
#include "ingest.h"

#include "check.h"

static acap__outlet *outlet_at(acap__ingest *ingest, uint32_t slot)
{
    /* seq_cst: against the closer's NULL and its look at the gate. */
    return (acap__outlet *)acap__load_seq_cst(&ingest->outlets[slot]);
}

/* A new outlet begins where the account stands: nothing has been published in this passage yet. */
static void attach(const acap__ingest *ingest, acap__outlet *outlet)
{
    /* relaxed: only a producer changes it. */
    if (acap__load_relaxed(&outlet->state) != ACAP__OUTLET_NEW)
        return;
    acap__store_relaxed(&outlet->start_position, ingest->figures.position);
    acap__store_relaxed(&outlet->start_captured, ingest->figures.captured);
    acap__store_relaxed(&outlet->start_buffer, ingest->figures.buffers);
    /* release: pairs with the acquire in reader.c's snapshot. */
    acap__store_release(&outlet->state, ACAP__OUTLET_LIVE);
}

void acap__ingest_enter(acap__ingest *ingest)
{
    /* seq_cst: after the gate's CAS; an outlet that was published before this is seen. */
    uint64_t slots = acap__load_seq_cst(&ingest->outlet_mask);

    ingest->live_count = 0;
    while (slots != 0) {
        acap__outlet *outlet = outlet_at(ingest, acap__lowest_bit(slots));
        slots &= slots - 1;
        if (outlet == NULL)
            continue;
        attach(ingest, outlet);
        ingest->live[ingest->live_count++] = outlet;
    }
}

static void drop(acap__outlet *outlet, acap__header *header)
{
    /* release: a snapshot that sees it also sees the ledger that was written before the buffer was pushed. */
    const uint64_t dropped = acap__load_relaxed(&outlet->dropped_frames) + header->buffer.frame_count;

    acap__store_release(&outlet->dropped_frames, dropped);
    acap__header_recycle(header);
}

static void push(acap__outlet *outlet, acap__header *header)
{
    void *evicted = NULL;

    /* relaxed: a buffer that crosses the end may go either way. What an ended reader has yet to drain stays. */
    if (acap__load_relaxed(&outlet->end) & ACAP__END_READER) {
        drop(outlet, header);
        return;
    }
    switch (acap__queue_push(&outlet->queue, header, outlet->evicts, &evicted)) {
    case ACAP__PUSH_FULL:
        drop(outlet, header);
        break;
    case ACAP__PUSH_EVICTED:
        drop(outlet, (acap__header *)evicted);
        break;
    case ACAP__PUSH_DONE: {
        const uint32_t count = (uint32_t)acap__queue_count(&outlet->queue);
        if (count > acap__load_relaxed(&outlet->queued_peak))
            acap__store_relaxed(&outlet->queued_peak, count);
        break;
    }
    }
}

/* One fence for all readers: what was pushed is before every look at a sleeper. */
static void wake_sleepers(acap__ingest *ingest)
{
    acap__fence_seq_cst();
    for (uint32_t i = 0; i < ingest->live_count; i++) {
        acap__outlet *outlet = ingest->live[i];
        uint32_t kinds;

        /* relaxed, and again in the claim: spares counting the queue where nobody sleeps. */
        if (acap__load_relaxed(&outlet->wake.sleep) == 0 || acap__queue_count(&outlet->queue) < outlet->wake_buffers)
            continue;
        if (acap__wake_claim(&outlet->wake, &kinds))
            acap__wake_send(&outlet->wake, kinds);
    }
}

/* One reference goes into the past, and the oldest comes out. */
static void remember(acap__ingest *ingest, acap__header *header, uint64_t number)
{
    /* acq_rel: release, so that whoever takes it from there finds it filled; acquire, for the one that comes out. */
    acap__header *oldest = (acap__header *)acap__exchange_acq_rel(&ingest->history[number % ingest->history_buffers], header);

    if (oldest != NULL)
        acap__header_recycle(oldest);
}

static void fan_out(acap__ingest *ingest, acap__header *header)
{
    const uint64_t number = ingest->figures.buffers - 1;
    const uint32_t holders = ingest->live_count + (ingest->history_buffers != 0 ? 1u : 0u);

    if (holders == 0) {
        acap__header_recycle(header);
        acap__store_release(&ingest->published, number + 1);
        return;
    }
    ACAP__SET(header->sequence, number);
    /* relaxed: it goes with the buffer, by the release of whoever hands that on, and to a close by the gate, which was shut before. Not
       when the buffer is begun: no consumer has what a producer is stuck in. */
    acap__store_relaxed(&header->stream_id, ingest->stream_id);
    /* The buffer's one reference so far is the ingest's. All are taken before the first hand-over, since whoever gets it first may be done
       with it before the second. */
    acap__header_share(header, holders - 1);
    if (ingest->history_buffers != 0)
        remember(ingest, header, number);
    /* release: pairs with the acquire of whoever opens a reader with pre-roll: buffers below it are in the history. */
    acap__store_release(&ingest->published, number + 1);
    for (uint32_t i = 0; i < ingest->live_count; i++)
        push(ingest->live[i], header);
    wake_sleepers(ingest);
}

/* Only the members that depend on the end of the buffer; the rest were set when it was begun. */
static void seal(acap__ingest *ingest, acap_buffer *buffer, uint32_t frame_count)
{
    const acap__target target = {(void *)(uintptr_t)buffer->data, ingest->plane_stride_bytes, ingest->format};

    buffer->frame_count = frame_count;
    buffer->size_bytes = ingest->plane_stride_bytes != 0 ? ingest->plane_stride_bytes * ingest->channel_count
                                                         : ingest->frame_bytes * frame_count;
    if (frame_count < ingest->frames_per_buffer)
        buffer->flags |= ACAP_BUFFER_PARTIAL;
    uint64_t silent_frames = 0;
    if (acap__is_silent(&target, ingest->channel_count, frame_count)) {
        buffer->flags |= ACAP_BUFFER_SILENT;
        silent_frames = acap__load_relaxed(&ingest->silent_frames) + frame_count;
    }
    /* relaxed: a figure with one writer. */
    acap__store_relaxed(&ingest->silent_frames, silent_frames);
}

static void publish(acap__ingest *ingest)
{
    acap__header *header = ingest->filling;
    const uint32_t frame_count = ingest->filled_frames;

    seal(ingest, &header->buffer, frame_count);
    ingest->filling = NULL;
    ingest->filled_frames = 0;
    ingest->figures.position += frame_count;
    ingest->figures.captured += frame_count;
    ingest->figures.buffers++;
    acap__store_relaxed(&ingest->pending_frames, 0);
    /* Before the push: whoever has the buffer finds it in the account. */
    acap__ledger_write(&ingest->ledger, &ingest->figures);
    fan_out(ingest, header);
}

void acap__ingest_flush(acap__ingest *ingest)
{
    if (ingest->filling == NULL)
        return;
    if (ingest->filled_frames != 0) {
        publish(ingest);
    } else {
        acap__header_recycle(ingest->filling);
        ingest->filling = NULL;
    }
}

/* Who sleeps on a queue that is not empty, for more than there is, learns that some of that will not come. */
static void nudge_sleepers(acap__ingest *ingest)
{
    for (uint32_t i = 0; i < ingest->live_count; i++) {
        acap__outlet *outlet = ingest->live[i];

        if (acap__queue_count(&outlet->queue) != 0)
            acap__outlet_nudge(outlet);
    }
}

void acap__ingest_lose(acap__ingest *ingest, uint64_t frame_count, acap__loss cause)
{
    if (frame_count == 0)
        return;
    acap__ingest_flush(ingest);
    ingest->figures.position += frame_count;
    if (cause == ACAP__LOSS_POOL)
        ingest->figures.lost_pool += frame_count;
    else
        ingest->figures.lost_host += frame_count;
    ingest->lost_before += frame_count;
    ingest->untold_frames += frame_count;
    ingest->next_flags |= ACAP_BUFFER_GAP;
    acap__ledger_write(&ingest->ledger, &ingest->figures);
    nudge_sleepers(ingest);
}

/* Losses that follow each other are one notice, when the next buffer begins behind them. */
static void tell_loss(acap__ingest *ingest)
{
    const acap__notice notice = {.kind = ACAP__NOTICE_LOSS,
                                 .position = ingest->figures.position - ingest->untold_frames,
                                 .frames = ingest->untold_frames,
                                 .lost_frames = ingest->figures.lost_pool + ingest->figures.lost_host,
                                 .span_frames = ingest->late_span_frames};

    if (ingest->untold_frames == 0)
        return;
    acap__notices_write(&ingest->notices, &notice);
    ingest->late_span_frames = 0;
    ingest->untold_frames = 0;
}

static bool begin(acap__ingest *ingest, int64_t time_ns)
{
    acap__header *header = acap__pool_take(ingest->pool, ingest->now_ns);

    if (header == NULL)
        return false;
    acap_buffer *buffer = &header->buffer;
    if (time_ns < ingest->last_time_ns)
        time_ns = ingest->last_time_ns;
    ingest->last_time_ns = time_ns;
    buffer->flags = ingest->next_flags;
    buffer->position = ingest->figures.position;
    buffer->time_ns = time_ns;
    buffer->time_error_ns = ingest->error_ns;
    buffer->lost_before = ingest->lost_before;
    buffer->sample_rate_hz = ingest->sample_rate_hz;
    buffer->channel_count = ingest->channel_count;
    buffer->format = ingest->format;
    buffer->plane_stride_bytes = ingest->plane_stride_bytes;
    ingest->next_flags = 0;
    ingest->lost_before = 0;
    tell_loss(ingest);
    ingest->filling = header;
    ingest->filled_frames = 0;
    return true;
}

/* Takes as many of the frames from first on as one buffer can; returns how many were taken or lost. */
static uint32_t take_some(acap__ingest *ingest, const acap__source *source, uint32_t first, uint32_t frame_count, int64_t time_ns)
{
    uint32_t count = acap__min_u32(frame_count, ingest->frames_per_buffer - ingest->filled_frames);

    if (ingest->filling == NULL && !begin(ingest, time_ns)) {
        acap__ingest_lose(ingest, count, ACAP__LOSS_POOL);
        return count;
    }
    const acap__target target = {(void *)(uintptr_t)ingest->filling->buffer.data, ingest->plane_stride_bytes, ingest->format};
    acap__convert(&target, ingest->filled_frames, source, first, ingest->channel_count, count);
    ingest->filled_frames += count;
    if (ingest->filled_frames == ingest->frames_per_buffer)
        publish(ingest);
    return count;
}

/* Something is missing here, though nobody says how much: a buffer is contiguous, so the one that was being filled ends. */
static void note_overflow(acap__ingest *ingest)
{
    acap__store_relaxed(&ingest->host_overflows, acap__load_relaxed(&ingest->host_overflows) + 1);
    acap__ingest_flush(ingest);
    ingest->next_flags |= ACAP_BUFFER_HOST_OVERFLOW;
}

/* When the call's first frame was captured, and what the host lost before it. */
static void place(acap__ingest *ingest, const acap__chunk *chunk, acap__moment *moment)
{
    const acap__tick tick = {chunk->entry_ns, chunk->delay_ns, chunk->frame_count, chunk->host_overflow};
    const int64_t length_ns = acap__frames_to_ns(chunk->frame_count, ingest->sample_rate_hz);

    if (ingest->has_clock) {
        acap__timeline_step(&ingest->timeline, &tick, moment);
        acap__store_relaxed(&ingest->measured_rate_uhz, (uint64_t)(acap__timeline_rate_hz(&ingest->timeline) * 1e6 + 0.5));
        return;
    }
    *moment = (acap__moment){.first_ns = chunk->entry_ns - (chunk->delay_ns >= 0 ? chunk->delay_ns : length_ns),
                             .error_ns = INT64_MAX,
                             .frame_ns = 1e9 / ingest->sample_rate_hz};
}

/* The device is back: what it did not hear is lost, from the last frame of before to the first of now. */
static void resume(acap__ingest *ingest, int64_t first_ns)
{
    const uint64_t gap_frames = acap__ns_to_frames(first_ns - ingest->end_ns, ingest->sample_rate_hz);
    const acap__notice notice = {.kind = ACAP__NOTICE_RECOVERED, .position = ingest->figures.position, .frames = gap_frames};

    ingest->is_resuming = false;
    acap__ingest_lose(ingest, gap_frames, ACAP__LOSS_HOST);
    ingest->next_flags |= ACAP_BUFFER_RECOVERED;
    acap__store_relaxed(&ingest->recoveries, acap__load_relaxed(&ingest->recoveries) + 1);
    acap__notices_write(&ingest->notices, &notice);
}

static void account_hidden_loss(acap__ingest *ingest, const acap__moment *moment)
{
    if (moment->lost_frames == 0)
        return;
    acap__ingest_lose(ingest, moment->lost_frames, ACAP__LOSS_HOST);
    ingest->late_span_frames += moment->late_span_frames;
}

void acap__ingest_write(acap__ingest *ingest, const acap__chunk *chunk)
{
    const acap__source source = {chunk->frames, chunk->planes, ingest->source_format};
    acap__moment moment;

    if (chunk->host_overflow)
        note_overflow(ingest);
    if (chunk->frames == NULL && chunk->planes == NULL) {
        acap__ingest_lose(ingest, chunk->frame_count, ACAP__LOSS_HOST);
        return;
    }
    place(ingest, chunk, &moment);
    ingest->error_ns = moment.error_ns;
    if (ingest->is_resuming)
        resume(ingest, moment.first_ns);
    account_hidden_loss(ingest, &moment);
    for (uint32_t done = 0; done < chunk->frame_count;)
        done += take_some(ingest, &source, done, chunk->frame_count - done, moment.first_ns + (int64_t)(done * moment.frame_ns));
    ingest->end_ns = moment.first_ns + (int64_t)(chunk->frame_count * moment.frame_ns + 0.5);
    acap__store_relaxed(&ingest->pending_frames, ingest->filled_frames);
}

void acap__ingest_finish(acap__ingest *ingest)
{
    uint64_t late_span_frames = 0;
    const uint64_t lost_frames = ingest->has_clock ? acap__timeline_finish(&ingest->timeline, &late_span_frames) : 0;

    acap__ingest_flush(ingest);
    acap__ingest_lose(ingest, lost_frames, ACAP__LOSS_HOST);
    ingest->late_span_frames += late_span_frames;
    tell_loss(ingest);
}
