/* SPDX-License-Identifier: MIT */
/* Owns: counting what consumers hold of a stream's buffers.
 * Called by: the report of a stream's close, on the closer's thread, while consumers borrow and release.
 *
 * A buffer that this stream has published is held if it has more references than wait for somebody in a queue, an unread pre-roll or the
 * history. The references are read first, then what waits. With the producer shut out the latter only becomes less: what is held all the
 * while is found, and what is found was held at some moment. A producer that is stuck inside, or a recovery that comes through just now,
 * may add buffers that are being handed over, and nothing worse: a pool's headers stay as long as it does, and the stream has a handle on
 * it. */
#include "stream.h"

#include <stdlib.h>

#define ATTEMPTS_MAX 16u

/* References that consumers have, for each buffer of the pool by its index. */
struct tally {
    const acap__header *headers; /* the pool's */
    uint32_t *references;
    uint32_t count;
};

/* Nothing is read of the header: what has left a queue meanwhile may be given back, and filled anew by a pool that shrank and grows. */
static void take_off(struct tally *tally, const acap__header *header)
{
    const size_t index = header == NULL ? tally->count : (size_t)(header - tally->headers);

    if (index < tally->count && tally->references[index] != 0)
        tally->references[index]--;
}

static void take_off_reader(struct tally *tally, acap_reader *reader)
{
    acap__queue *queue = &reader->outlet.queue;
    const acap__header *header;

    /* relaxed: what this consumer took and gave back has come with the reference. */
    for (uint32_t i = acap__load_relaxed(&reader->preroll_taken); i < reader->preroll_count; i++)
        take_off(tally, reader->preroll[i]);
    for (uint64_t number = acap__queue_first(queue); (header = acap__queue_peek(queue, number)) != NULL; number++)
        take_off(tally, header);
}

/* Readers that were closed under a producer, and the history, are there only where that could not be shut out. */
static void take_off_all(struct tally *tally, acap_stream *stream)
{
    for (uint32_t i = 0; i < ACAP_MAX_READERS; i++) {
        if (stream->readers[i] != NULL)
            take_off_reader(tally, stream->readers[i]);
    }
    for (acap_reader *i = stream->retired; i != NULL; i = i->next)
        take_off_reader(tally, i);
    /* relaxed: of what is there nothing is read. */
    for (uint32_t i = 0; i < stream->ingest.history_buffers; i++)
        take_off(tally, (const acap__header *)acap__load_relaxed(&stream->ingest.history[i]));
}

/* Grows with every buffer that a consumer takes. */
static uint64_t progress_of(acap_stream *stream)
{
    uint64_t progress = 0;

    for (uint32_t i = 0; i < ACAP_MAX_READERS; i++) {
        acap_reader *reader = stream->readers[i];
        if (reader != NULL)
            progress += acap__queue_first(&reader->outlet.queue) + acap__load_relaxed(&reader->preroll_taken);
    }
    return progress;
}

static acap__held count_once(struct tally *tally, acap_stream *stream)
{
    acap__held held = {0, acap_clock_ns()};

    acap__pool_references(stream->pool, stream->info.stream_id, tally->references, tally->count);
    take_off_all(tally, stream);
    for (uint32_t i = 0; i < tally->count; i++) {
        if (tally->references[i] == 0)
            continue;
        /* relaxed: a figure. */
        const int64_t taken_ns = (int64_t)acap__load_relaxed(&stream->pool->headers[i].taken_ns);
        held.buffers++;
        held.oldest_ns = taken_ns < held.oldest_ns ? taken_ns : held.oldest_ns;
    }
    return held;
}

bool acap__stream_count_held(acap_stream *stream, acap__held *held)
{
    /* acquire: the headers below it are there. Whoever took a buffer had seen a capacity beyond it. */
    struct tally tally = {.headers = stream->pool->headers, .count = acap__load_acquire(&stream->pool->capacity)};
    tally.references = calloc(tally.count, sizeof *tally.references);
    if (tally.references == NULL)
        return false;
    /* A consumer that drains its queue meanwhile would have held all that it took, if only one after the other: again, until nobody takes
       any, and of those that were disturbed the one that found least. */
    for (uint32_t attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        const uint64_t progress = progress_of(stream);
        const acap__held found = count_once(&tally, stream);
        const bool is_undisturbed = progress_of(stream) == progress;
        if (attempt == 0 || is_undisturbed || found.buffers < held->buffers)
            *held = found;
        if (is_undisturbed)
            break;
    }
    free(tally.references);
    return true;
}
