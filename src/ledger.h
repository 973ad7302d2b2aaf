/* SPDX-License-Identifier: MIT */
/* Owns: a stream's account of frames, written by its one producer and read by anybody as one consistent snapshot.
 * Used by: ingest_rt.c (write), stream.c and reader.c (read).
 *
 * Invariants, in every snapshot: position == captured + lost_pool + lost_host. The account of a buffer is written before it is pushed. */
#ifndef ACAP_SRC_LEDGER_H
#define ACAP_SRC_LEDGER_H

#include "atomic.h"
#include "base.h"

typedef struct acap__figures {
    uint64_t position;
    uint64_t captured;
    uint64_t lost_pool;
    uint64_t lost_host;
    uint64_t buffers;
} acap__figures;

#define ACAP__FIGURE_COUNT 5u

/* Two copies: the sequence tells which one nobody writes. A writer that dies in the middle leaves the other one whole. */
typedef struct acap__ledger {
    acap__u64 sequence;
    acap__u64 copies[2][ACAP__FIGURE_COUNT];
} acap__ledger;

/* rt, the producer alone: wait-free. */
void acap__ledger_write(acap__ledger *ledger, const acap__figures *figures) ACAP__NONBLOCKING;
/* Any thread: lock-free; goes round while the producer writes twice. */
acap__figures acap__ledger_read(const acap__ledger *ledger) ACAP__NONBLOCKING;

#endif
