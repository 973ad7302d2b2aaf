/* SPDX-License-Identifier: MIT */
/* Owns: a ring buffer of PortAudio's design, for machines without PortAudio's own: power of two elements, indexes that run over twice the
 * capacity, a copy in and a copy out, a full fence before an index is published.
 * Used by: fanout_bench.c. One writer, one reader. */
#ifndef ACAP_BENCH_RING_H
#define ACAP_BENCH_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ring {
    size_t capacity; /* elements, a power of two */
    size_t element_bytes;
    volatile size_t write_index;
    volatile size_t read_index;
    unsigned char *data;
} ring;

bool ring_init(ring *subject, size_t element_bytes, size_t capacity);
void ring_destroy(ring *subject);
/* How many elements were written, or read. */
size_t ring_write(ring *subject, const void *elements, size_t count);
size_t ring_read(ring *subject, void *elements, size_t count);

#endif
