/* SPDX-License-Identifier: MIT */
/* Owns: the queue's memory.
 * Called by: reader.c, on control threads. */
#include "queue.h"

#include <stdlib.h>

bool acap__queue_init(acap__queue *queue, uint32_t capacity)
{
    uint64_t slot_count = 1;

    while (slot_count < capacity)
        slot_count *= 2;
    queue->slots = calloc(slot_count, sizeof *queue->slots);
    if (queue->slots == NULL)
        return false;
    queue->capacity = capacity;
    queue->mask = slot_count - 1;
    acap__store_relaxed(&queue->head, 0);
    acap__store_relaxed(&queue->tail, 0);
    return true;
}

void acap__queue_destroy(acap__queue *queue)
{
    free(queue->slots);
    queue->slots = NULL;
}
