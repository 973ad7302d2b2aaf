/* SPDX-License-Identifier: MIT */
/* Owns: both sides of the queue.
 * Called by: the audio thread (push) and one consumer (pop). Model-checked from this text (tests/model). */
#include "queue.h"

acap__push acap__queue_push(acap__queue *queue, void *value, bool evict, void **evicted)
{
    acap__push result = ACAP__PUSH_DONE;
    /* relaxed: only this thread writes tail. */
    const uint64_t tail = acap__load_relaxed(&queue->tail);
    /* acquire: pairs with the consumer's release of head: its read of the slot that is written below is over. */
    uint64_t head = acap__load_acquire(&queue->head);

    if (tail - head >= queue->capacity) {
        if (!evict)
            return ACAP__PUSH_FULL;
        /* relaxed: this thread wrote the slot. */
        void *oldest = acap__load_relaxed(&queue->slots[head & queue->mask]);
        /* release: a consumer that sees the new head sees this push's predecessors' tail; acquire on failure: the consumer has just taken
           it, and its read of the slot is over. */
        if (acap__cas_release_acquire(&queue->head, &head, head + 1)) {
            *evicted = oldest;
            result = ACAP__PUSH_EVICTED;
        }
    }
    /* relaxed: published by tail. */
    acap__store_relaxed(&queue->slots[tail & queue->mask], value);
    /* release: pairs with the consumer's acquire of tail: publishes the slot and the buffer behind it. */
    acap__store_release(&queue->tail, tail + 1);
    return result;
}

/* A consumer that is behind takes the next one soon, whose first lines have left its cache meanwhile. A hint: the value may be anything. */
static void fetch_ahead(const void *value)
{
    __builtin_prefetch(value, 1);
    __builtin_prefetch((const char *)value + ACAP__CACHE_LINE, 1);
}

void *acap__queue_pop(acap__queue *queue)
{
    /* acquire: pairs with the release of an eviction: the tail read next is not older than this head. */
    uint64_t head = acap__load_acquire(&queue->head);

    for (;;) {
        /* acquire: pairs with the producer's release of tail. */
        const uint64_t tail = acap__load_acquire(&queue->tail);
        if (tail == head)
            return NULL;
        /* relaxed: ordered by tail above; worthless if the exchange fails. */
        void *value = acap__load_relaxed(&queue->slots[head & queue->mask]);
        if (tail - head > 1)
            fetch_ahead(acap__load_relaxed(&queue->slots[(head + 1) & queue->mask]));
        /* release: pairs with the producer's acquire of head: the slot has been read. acquire on failure: as the load of head above. */
        if (acap__cas_release_acquire(&queue->head, &head, head + 1))
            return value;
    }
}

uint64_t acap__queue_count(acap__queue *queue)
{
    /* acquire, head first: tail is then not older, so that the difference is never negative. */
    const uint64_t head = acap__load_acquire(&queue->head);

    return acap__load_acquire(&queue->tail) - head;
}

uint64_t acap__queue_first(acap__queue *queue)
{
    /* acquire: pairs with the consumer's release of head: what it gave back before it took its last one is seen to be back. Also, the tail
       that is read next is not older than this head. */
    return acap__load_acquire(&queue->head);
}

void *acap__queue_peek(acap__queue *queue, uint64_t number)
{
    /* relaxed: whoever looks has shut the producer out, and what it pushed has come with that. Under a producer that was not to be shut out
       this is some value that was pushed, or NULL. */
    return number == acap__load_relaxed(&queue->tail) ? NULL : acap__load_relaxed(&queue->slots[number & queue->mask]);
}
