/* SPDX-License-Identifier: MIT */
/* Owns: the ring's two copies.
 * Called by: fanout_bench.c.
 * Thread: main. */
#include "ring.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Indexes run over twice the capacity, so that full and empty differ. */
static size_t wrapped(const ring *subject, size_t index)
{
    return index & (2 * subject->capacity - 1);
}

bool ring_init(ring *subject, size_t element_bytes, size_t capacity)
{
    memset(subject, 0, sizeof *subject);
    subject->capacity = capacity;
    subject->element_bytes = element_bytes;
    subject->data = calloc(capacity, element_bytes);
    return subject->data != NULL;
}

void ring_destroy(ring *subject)
{
    free(subject->data);
}

/* One run of elements, or two where it goes over the end. */
static void copy_in(ring *subject, size_t at, const unsigned char *elements, size_t count)
{
    const size_t first = count < subject->capacity - at ? count : subject->capacity - at;

    memcpy(subject->data + at * subject->element_bytes, elements, first * subject->element_bytes);
    if (count > first)
        memcpy(subject->data, elements + first * subject->element_bytes, (count - first) * subject->element_bytes);
}

static void copy_out(const ring *subject, size_t at, unsigned char *elements, size_t count)
{
    const size_t first = count < subject->capacity - at ? count : subject->capacity - at;

    memcpy(elements, subject->data + at * subject->element_bytes, first * subject->element_bytes);
    if (count > first)
        memcpy(elements + first * subject->element_bytes, subject->data, (count - first) * subject->element_bytes);
}

size_t ring_write(ring *subject, const void *elements, size_t count)
{
    const size_t room = subject->capacity - wrapped(subject, subject->write_index - subject->read_index);

    if (count > room)
        count = room;
    copy_in(subject, subject->write_index & (subject->capacity - 1), elements, count);
    atomic_thread_fence(memory_order_seq_cst);
    subject->write_index = wrapped(subject, subject->write_index + count);
    return count;
}

size_t ring_read(ring *subject, void *elements, size_t count)
{
    const size_t available = wrapped(subject, subject->write_index - subject->read_index);

    if (count > available)
        count = available;
    copy_out(subject, subject->read_index & (subject->capacity - 1), elements, count);
    atomic_thread_fence(memory_order_seq_cst);
    subject->read_index = wrapped(subject, subject->read_index + count);
    return count;
}
