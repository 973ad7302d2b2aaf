/* SPDX-License-Identifier: MIT */
/* Owns: opening and closing readers of a stream, running or not, without ever making its audio thread or the closer wait.
 * Called by: any thread (open), the reader's owner (close). */
#include "stream_readers.h"

#include "params.h"
#include "result.h"

#define PASSAGE_LIMIT_NS (20 * ACAP__NS_PER_MS)

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

static acap_result reserve(acap_stream *stream, const acap_reader_config *config)
{
    const uint64_t needed = (uint64_t)stream->reserved_buffers + config->queue_buffers + config->hold_buffers;

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
    stream->reserved_buffers -= (uint32_t)reader->outlet.queue.capacity + reader->hold_buffers;
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

static acap_result open_locked(acap_stream *stream, acap_reader_config *config, acap_reader **out)
{
    const uint32_t slot = free_slot(stream);
    const uint32_t reserved_before = stream->reserved_buffers;

    if (stream->is_ended)
        return acap__fail(ACAP_ERROR_INVALID_STATE, "the context of this stream was destroyed");
    if (slot == ACAP_MAX_READERS)
        return acap__fail(ACAP_ERROR_LIMIT, "a stream has at most %u readers", ACAP_MAX_READERS);
    acap__stream_drain_retired(stream);
    acap_result result = reserve(stream, config);
    if (result == ACAP_OK)
        result = acap__reader_make(config, stream, &stream->ingest.ledger, stream->pool, out);
    if (result != ACAP_OK) {
        stream->reserved_buffers = reserved_before;
        return result;
    }
    acap__stream_retain(stream);
    publish(stream, *out, slot);
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
