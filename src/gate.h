/* SPDX-License-Identifier: MIT */
/* Owns: the gate between one generation of an audio thread and what it writes into. A callback that comes after the gate was shut,
 * however late, sees that and touches nothing else.
 * Used by: back ends, by way of a feed; push and sim_advance; shut by the control side.
 *
 * word: bit 0 CLOSED, bit 1 BUSY, the rest counts the passages. */
#ifndef ACAP_SRC_GATE_H
#define ACAP_SRC_GATE_H

#include "atomic.h"

#define ACAP__GATE_CLOSED UINT64_C(1)
#define ACAP__GATE_BUSY UINT64_C(2)

typedef struct acap__gate {
    acap__u64 word;
} acap__gate;

/* rt: false: shut, or another thread is inside. */
static inline bool acap__gate_enter(acap__gate *gate)
{
    /* relaxed: the CAS decides. */
    uint64_t seen = acap__load_relaxed(&gate->word);

    /* Nobody but this thread and the closer writes the word: at most one more round. */
    while (!(seen & (ACAP__GATE_CLOSED | ACAP__GATE_BUSY))) {
        /* seq_cst: ordered before the loads of the reader slots, against the closer's store to a slot and its look at this word. */
        if (acap__cas_seq_cst(&gate->word, &seen, seen | ACAP__GATE_BUSY))
            return true;
    }
    return false;
}

/* rt: ends a passage: BUSY + 2 carries into the count. */
static inline void acap__gate_leave(acap__gate *gate)
{
    /* release: what was done inside is seen by whoever finds the gate not BUSY. */
    (void)acap__add_release(&gate->word, ACAP__GATE_BUSY);
}

#endif
