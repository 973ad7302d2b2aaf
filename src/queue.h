/* SPDX-License-Identifier: MIT */
/* Owns: a bounded queue of pointers from one producer to one consumer, in which the producer may drop the oldest.
 * Used by: an outlet: the audio thread pushes, the reader's consumer pops.
 *
 * Invariants: head <= tail <= head + capacity (free-running, compared by difference); slots [head, tail) hold what was pushed and neither
 * popped nor evicted. head moves by compare-and-swap from both sides, tail by the producer alone. */
#ifndef ACAP_SRC_QUEUE_H
#define ACAP_SRC_QUEUE_H

#include "atomic.h"
#include "base.h"

typedef struct acap__queue {
    ACAP__ALIGNED acap__u64 head;
    ACAP__ALIGNED acap__u64 tail;
    ACAP__ALIGNED acap__ptr *slots;
    uint64_t capacity;
    uint64_t mask; /* slots, a power of two, less one */
} acap__queue;

typedef enum acap__push {
    ACAP__PUSH_DONE,
    ACAP__PUSH_EVICTED, /* done, and the oldest came out: it is the producer's now */
    ACAP__PUSH_FULL,    /* not done */
} acap__push;

/* queue_rt.c */

/* rt, producer: wait-free. evict: make room by dropping the oldest. */
acap__push acap__queue_push(acap__queue *queue, void *value, bool evict, void **evicted) ACAP__NONBLOCKING;
/* Consumer: NULL: empty. Lock-free: goes round only when the producer evicted meanwhile. */
void *acap__queue_pop(acap__queue *queue) ACAP__NONBLOCKING;
/* How many wait; exact for the producer and the consumer, approximate for others. */
uint64_t acap__queue_count(acap__queue *queue) ACAP__NONBLOCKING;
/* Any thread: the number of the oldest that waits, by which acap__queue_peek goes on. Numbers follow each other, and may wrap. */
uint64_t acap__queue_first(acap__queue *queue) ACAP__NONBLOCKING;
/* What was pushed as that number, which may have come out meanwhile; NULL: nothing yet. While somebody pushes it may be a later one. */
void *acap__queue_peek(acap__queue *queue, uint64_t number) ACAP__NONBLOCKING;

/* queue.c: false: no memory. */
bool acap__queue_init(acap__queue *queue, uint32_t capacity);
void acap__queue_destroy(acap__queue *queue);

#endif
