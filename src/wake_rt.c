/* SPDX-License-Identifier: MIT */
/* Owns: the lock-free half of sleeping and waking.
 * Called by: the audio thread, consumers, signal handlers. Model-checked from this text (tests/model). */
#include "wake.h"

bool acap__wake_claim(acap__wake *wake, uint32_t *kinds)
{
    /* relaxed: the caller's seq_cst fence orders it after what it published. */
    if (acap__load_relaxed(&wake->sleep) == 0)
        return false;
    /* acquire: pairs with the release in arm: the descriptor that is to be written exists. acap has no exchange with acquire alone. */
    *kinds = acap__exchange_acq_rel(&wake->sleep, 0u);
    return *kinds != 0;
}

void acap__wake_arm(acap__wake *wake, uint32_t kinds)
{
    /* release: publishes the descriptor, where kinds has ACAP__WAKE_FD, to whoever claims. The seq_cst fence pairs with the producer's:
       either it sees sleep, or the caller's next look sees what it published. */
    acap__store_release(&wake->sleep, kinds);
    acap__fence_seq_cst();
}

bool acap__wake_disarm(acap__wake *wake)
{
    /* relaxed: only decides who wakes. */
    return acap__exchange_relaxed(&wake->sleep, 0u) != 0;
}

void acap__wake_now(acap__wake *wake)
{
    uint32_t kinds;

    acap__fence_seq_cst();
    if (acap__wake_claim(wake, &kinds))
        acap__wake_send(wake, kinds);
}
