/* SPDX-License-Identifier: MIT */
/* Owns: opening and closing readers of a stream, running or not, without ever making its audio thread or the closer wait.
 * Called by: any thread (open), the reader's owner (close). */
#include "stream_readers.h"

#include "params.h"
#include "result.h"

#define PASSAGE_LIMIT_NS (500 * ACAP__NS_PER_MS) /* a producer that is no real-time thread may lose its core for tens of ms inside */

static acap__gate *gate_of(acap_stream *stream)
{
    return stream->slot == NULL ? NULL : &stream->slot->feed->gate;
}

/* Is the callback that was inside when word was read still there? */
static bool is_same_passage(acap_stream *stream, uint64_t word)
{
    acap__gate *gate = gate_of(stream);

    /* acquire: pairs with the release of leaving. The CLOSED bit may have come meanwhile; the count tells. */
    return gate != NULL && ((acap__load_acquire(&gate->word) ^ word) & ~ACAP__GATE_CLOSED) == 0;
}

void acap__stream_drain_retired(acap_stream *stream)
{
    acap_reader **link = &stream->retired;

    if (stream->is_stuck_inside)
        return;
    while (*link != NULL) {
        acap_reader *reader = *link;
        if (is_same_passage(stream, reader->retired_gate)) {
            link = &reader->next;
            continue;
        }
        *link = reader->next;
        acap__reader_free(reader);
    }
}

static acap_result reserve(acap_stream *stream, const acap_reader_config *config, uint32_t preroll)
{
    const uint64_t needed = (uint64_t)stream->reserved_buffers + config->queue_buffers + config->hold_buffers + preroll;

    if (needed + ACAP__SPARE_BUFFERS > ACAP_MAX_POOL_BUFFERS)
        return acap__fail(ACAP_ERROR_LIMIT, "the readers of this stream would need %llu buffers", (unsigned long long)needed);
    if (stream->owns_pool) {
        const acap_result result = acap__pool_grow(stream->pool, (uint32_t)needed + ACAP__SPARE_BUFFERS);
        if (result != ACAP_OK)
            return result;
    }
    stream->reserved_buffers = (uint32_t)needed;
    return ACAP_OK;
}

static void unreserve(acap_stream *stream, const acap_reader *reader)
{
    stream->reserved_buffers -= (uint32_t)reader->outlet.queue.capacity + reader->hold_buffers + reader->preroll_room;
}

static uint32_t free_slot(const acap_stream *stream)
{
    uint32_t slot = 0;

    while (slot < ACAP_MAX_READERS && stream->readers[slot] != NULL)
        slot++;
    return slot;
}

/* The account of the new outlet begins with the next passage. One that is under way may not have seen it: its publications are waited for,
   so that the position at which the reader says it starts stays the one at which it does. */
static void let_passage_end(acap_stream *stream)
{
    acap__gate *gate = gate_of(stream);

    if (gate == NULL)
        return;
    /* seq_cst: after the outlet was published. */
    const uint64_t word = acap__load_seq_cst(&gate->word);
    const int64_t until_ns = acap_clock_ns() + PASSAGE_LIMIT_NS;
    while ((word & ACAP__GATE_BUSY) && is_same_passage(stream, word) && acap_clock_ns() < until_ns)
        acap__thread_yield();
}

static void publish(acap_stream *stream, acap_reader *reader, uint32_t slot)
{
    reader->slot = slot;
    stream->readers[slot] = reader;
    acap__store_seq_cst(&stream->ingest.outlets[slot], &reader->outlet);
    /* seq_cst: before the look at the gate in let_passage_end. */
    (void)acap__or_seq_cst(&stream->ingest.outlet_mask, UINT64_C(1) << slot);
    let_passage_end(stream);
}

/* ---- the past ---- */

/* How many of the newest history buffers so many frames may be spread over; one of them may be a short one. */
static uint32_t preroll_buffers(const acap_stream *stream, uint64_t frames)
{
    const uint64_t buffers = frames == 0 ? 0 : (frames + stream->info.frames_per_buffer - 1) / stream->info.frames_per_buffer + 1;

    return buffers < stream->ingest.history_buffers ? (uint32_t)buffers : stream->ingest.history_buffers;
}

/* A second reference to history buffer number, or NULL: it is not there any more. Slots are owned by exchange, so that nothing brings a
   buffer back whose last reference was just dropped. */
static acap__header *copy_from_history(acap_stream *stream, uint64_t number)
{
    acap__ptr *slot = &stream->ingest.history[number % stream->ingest.history_buffers];
    acap__header *header = (acap__header *)acap__exchange_acq_rel(slot, NULL);
    void *nothing = NULL;

    if (header == NULL)
        return NULL;
    const bool is_wanted = ACAP__GET(header->sequence) == number;
    if (is_wanted)
        acap__header_share(header, 1);
    /* Put back, unless the producer has put a newer one there meanwhile: then this one has been evicted. */
    if (!acap__cas_acq_rel_relaxed(slot, &nothing, header))
        acap__header_recycle(header);
    return is_wanted ? header : NULL;
}

/* Where the reader's own buffers begin, whether a callback has seen its outlet or not. */
static uint64_t first_live_buffer(acap_stream *stream, acap_reader *reader)
{
    /* acquire: pairs with the release of published. First, and then the state: an outlet that is not live by now will be made so by a
       passage that publishes from here on. */
    const uint64_t published = acap__load_acquire(&stream->ingest.published);

    return acap__load_acquire(&reader->outlet.state) == ACAP__OUTLET_LIVE ? acap__load_relaxed(&reader->outlet.start_buffer) : published;
}

static void reverse(acap__header **headers, uint32_t count)
{
    for (uint32_t i = 0; i < count / 2; i++) {
        acap__header *header = headers[i];
        headers[i] = headers[count - 1 - i];
        headers[count - 1 - i] = header;
    }
}

/* From the newest backwards, as long as the past hangs together and until it is as long as was asked for, lost frames included. */
static void collect_preroll(acap_stream *stream, acap_reader *reader, uint64_t frames)
{
    uint64_t number = reader->preroll_room == 0 ? 0 : first_live_buffer(stream, reader);
    uint64_t newest_end = 0;
    uint32_t count = 0;

    while (count < reader->preroll_room && number > 0) {
        acap__header *header = copy_from_history(stream, --number);
        if (header == NULL)
            break;
        const uint64_t end = header->buffer.position + header->buffer.frame_count;
        newest_end = count == 0 ? end : newest_end;
        if (newest_end - end >= frames) {
            acap__header_recycle(header);
            break;
        }
        reader->preroll[count++] = header;
        reader->preroll_frames += header->buffer.frame_count;
        reader->preroll_position = header->buffer.position;
    }
    reverse(reader->preroll, count);
    reader->preroll_count = count;
}

void acap__stream_forget_history(acap_stream *stream)
{
    for (uint32_t i = 0; i < stream->ingest.history_buffers; i++) {
        acap__header *header = (acap__header *)acap__exchange_acq_rel(&stream->ingest.history[i], NULL);
        if (header != NULL)
            acap__header_recycle(header);
    }
}

static acap_result open_locked(acap_stream *stream, acap_reader_config *config, acap_reader **out)
{
    const uint32_t slot = free_slot(stream);
    const uint32_t reserved_before = stream->reserved_buffers;
    const uint64_t preroll_frames = acap__ns_to_frames(config->preroll_ns, stream->info.sample_rate_hz);
    const uint32_t preroll = preroll_buffers(stream, preroll_frames);

    if (stream->is_ended)
        return acap__fail(ACAP_ERROR_INVALID_STATE, "the context of this stream was destroyed");
    if (slot == ACAP_MAX_READERS)
        return acap__fail(ACAP_ERROR_LIMIT, "a stream has at most %u readers", ACAP_MAX_READERS);
    acap__stream_drain_retired(stream);
    acap_result result = reserve(stream, config, preroll);
    if (result == ACAP_OK)
        result = acap__reader_make(config, preroll, stream, &stream->ingest.ledger, stream->pool, out);
    if (result != ACAP_OK) {
        stream->reserved_buffers = reserved_before;
        return result;
    }
    /* Before the first start it waits for that; later it gets what the others get. */
    acap__store_relaxed(&(*out)->outlet.end, stream->has_run ? stream->end : 0);
    acap__stream_retain(stream);
    publish(stream, *out, slot);
    collect_preroll(stream, *out, preroll_frames);
    return ACAP_OK;
}

acap_result ACAP_CALL acap_reader_open(acap_stream *stream, const acap_reader_config *config, acap_reader **out)
{
    acap_reader_config checked;

    if (out != NULL)
        *out = NULL;
    if (acap__forked())
        return acap__fail_forked();
    if (stream == NULL || out == NULL)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_reader_open: stream and out must not be NULL");
    acap_result result = acap__take_reader_config(&checked, config);
    if (result == ACAP_OK)
        result = acap__check_reader_config(&checked, stream->info.sample_rate_hz, stream->info.frames_per_buffer);
    if (result != ACAP_OK)
        return result;
    acap__mutex_lock(&stream->lock);
    result = open_locked(stream, &checked, out);
    acap__mutex_unlock(&stream->lock);
    return result;
}

/* Out of the audio thread's sight; freed now, or by a later control call when a callback that may have seen it has left. */
static void withdraw(acap_stream *stream, acap_reader *reader)
{
    acap__gate *gate = gate_of(stream);

    stream->readers[reader->slot] = NULL;
    unreserve(stream, reader);
    (void)acap__and_seq_cst(&stream->ingest.outlet_mask, ~(UINT64_C(1) << reader->slot));
    acap__store_seq_cst(&stream->ingest.outlets[reader->slot], NULL);
    /* seq_cst: after the withdrawal; a callback that enters later does not see it. */
    const uint64_t word = gate == NULL ? 0 : acap__load_seq_cst(&gate->word);
    if (!(word & ACAP__GATE_BUSY) && !stream->is_stuck_inside) {
        acap__reader_free(reader);
        return;
    }
    reader->retired_gate = word;
    reader->next = stream->retired;
    stream->retired = reader;
}

void ACAP_CALL acap_reader_close(acap_reader *reader)
{
    if (reader == NULL || acap__forked())
        return;
    acap_stream *stream = reader->stream;
    acap__mutex_lock(&stream->lock);
    acap__stream_drain_retired(stream);
    withdraw(stream, reader);
    acap__mutex_unlock(&stream->lock);
    acap__stream_release(stream);
}
