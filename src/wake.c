/* SPDX-License-Identifier: MIT */
/* Owns: the system's half of sleeping and waking.
 * Called by: whoever claimed a sleeper (send; the audio thread among them) and the reader's consumer (sleep). */
#include "wake.h"

#include "check.h"

void acap__wake_init(acap__wake *wake)
{
    acap__store_relaxed(&wake->sleep, 0);
    acap__store_relaxed(&wake->has_event, 0);
}

void acap__wake_destroy(acap__wake *wake)
{
    if (acap__load_relaxed(&wake->has_event))
        acap__event_close(&wake->event);
}

void acap__wake_send(acap__wake *wake, uint32_t kinds)
{
    acap__rt_exception_begin();
    /* The descriptor first: once the futex has woken the consumer, it may close the reader only after the gate, so both are safe. */
    if (kinds & ACAP__WAKE_FD)
        acap__event_set(&wake->event);
    if (kinds & ACAP__WAKE_FUTEX)
        acap__futex_wake(&wake->sleep);
    acap__rt_exception_end();
}

void acap__wake_sleep(acap__wake *wake, uint32_t kinds, int64_t until_ns)
{
    acap__futex_wait(&wake->sleep, kinds, until_ns);
}
