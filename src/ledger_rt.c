/* SPDX-License-Identifier: MIT */
/* Owns: both sides of the ledger's latch.
 * Called by: the audio thread (write) and any thread (read). Model-checked from this text (tests/model). */
#include "ledger.h"

static void write_copy(acap__u64 *copy, const acap__figures *figures)
{
    /* release: a reader that sees any of these sees the sequence that was stored before. */
    acap__store_release(&copy[0], figures->position);
    acap__store_release(&copy[1], figures->captured);
    acap__store_release(&copy[2], figures->lost_pool);
    acap__store_release(&copy[3], figures->lost_host);
    acap__store_release(&copy[4], figures->buffers);
}

void acap__ledger_write(acap__ledger *ledger, const acap__figures *figures)
{
    /* relaxed: only the producer writes it. */
    const uint64_t sequence = acap__load_relaxed(&ledger->sequence);

    /* release: an odd sequence sends readers to copy 1, which the previous call finished. */
    acap__store_release(&ledger->sequence, sequence + 1);
    write_copy(ledger->copies[0], figures);
    /* release: an even one to copy 0, just finished. */
    acap__store_release(&ledger->sequence, sequence + 2);
    write_copy(ledger->copies[1], figures);
}

static acap__figures read_copy(acap__u64 *copy)
{
    acap__figures figures;

    /* acquire: orders the second look at the sequence after them. */
    figures.position = acap__load_acquire(&copy[0]);
    figures.captured = acap__load_acquire(&copy[1]);
    figures.lost_pool = acap__load_acquire(&copy[2]);
    figures.lost_host = acap__load_acquire(&copy[3]);
    figures.buffers = acap__load_acquire(&copy[4]);
    return figures;
}

acap__figures acap__ledger_read(const acap__ledger *const_ledger)
{
    acap__ledger *ledger = (acap__ledger *)(uintptr_t)const_ledger;
    /* acquire: pairs with the release stores: the copy that it names is whole. */
    uint64_t sequence = acap__load_acquire(&ledger->sequence);

    for (;;) {
        const acap__figures figures = read_copy(ledger->copies[sequence & 1]);
        /* relaxed: the loads of the copy were acquire. */
        const uint64_t again = acap__load_relaxed(&ledger->sequence);
        if (again == sequence)
            return figures;
        sequence = acap__load_acquire(&ledger->sequence);
    }
}
