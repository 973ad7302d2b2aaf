/* SPDX-License-Identifier: MIT */
/* Owns: one call of the host, from the gate to the gate.
 * Called by: back ends, on the audio thread. */
#include "feed.h"

#include "ingest.h"

static void account_time(acap__ingest *ingest, int64_t entry_ns)
{
    const int64_t spent_ns = acap_clock_ns() - entry_ns;
    const uint64_t spent = spent_ns > 0 ? (uint64_t)spent_ns : 0;

    /* relaxed, and no read-modify-write: figures with one writer. */
    acap__store_relaxed(&ingest->callbacks, acap__load_relaxed(&ingest->callbacks) + 1);
    acap__store_relaxed(&ingest->callback_ns_total, acap__load_relaxed(&ingest->callback_ns_total) + spent);
    if (spent > acap__load_relaxed(&ingest->callback_ns_max))
        acap__store_relaxed(&ingest->callback_ns_max, spent);
}

bool acap__feed_deliver(acap__feed *feed, const acap__chunk *chunk)
{
    if (!acap__gate_enter(&feed->gate))
        return false;
    const int64_t begin_ns = acap_clock_ns();
    feed->ingest->now_ns = begin_ns;
    acap__ingest_enter(feed->ingest);
    acap__ingest_write(feed->ingest, chunk);
    account_time(feed->ingest, begin_ns);
    acap__gate_leave(&feed->gate);
    return true;
}
