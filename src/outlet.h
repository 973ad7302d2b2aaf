/* SPDX-License-Identifier: MIT */
/* Owns: what a producer and one consumer share: the queue between them, who is to be woken, how it ends, and both halves of the account.
 * Used by: ingest_rt.c, which fills it, and reader.c, which empties it; neither sees the other.
 *
 * Account: start_position and start_captured are the stream's figures where this outlet begins (from LIVE on);
 *   captured since then == delivered + dropped + queued, at every moment at which the producer is not inside. */
#ifndef ACAP_SRC_OUTLET_H
#define ACAP_SRC_OUTLET_H

#include "atomic.h"
#include "base.h"
#include "queue.h"
#include "wake.h"

/* end: any of these, and the consumer drains and then stops */
#define ACAP__END_READER 1u  /* acap_reader_end: sticky; what comes after it is dropped */
#define ACAP__END_STREAM 2u  /* the stream or its context was closed: sticky */
#define ACAP__END_STOPPED 4u /* taken back by the next start */
#define ACAP__END_LOST 8u    /* the device is gone: taken back by the next start */

#define ACAP__OUTLET_NEW 0u
#define ACAP__OUTLET_LIVE 1u

typedef struct acap__outlet {
    acap__queue queue;
    acap__wake wake;
    uint32_t wake_buffers;
    bool evicts;
    /* written by the producer */
    ACAP__ALIGNED acap__u32 state;
    acap__u64 start_position;
    acap__u64 start_captured;
    acap__u64 start_buffer; /* the stream's number of the first buffer that is pushed */
    acap__u64 dropped_frames;
    acap__u32 queued_peak;
    /* written by the consumer */
    ACAP__ALIGNED acap__u64 delivered_frames;
    acap__u64 delivered_buffers;
    /* written by anybody */
    ACAP__ALIGNED acap__u32 end;
    acap__u32 interrupted;
    acap__u32 takes_any; /* frames were lost or do not come: until it finds nothing, the consumer wakes for less than its threshold */
} acap__outlet;

/* Raises a bit of end and wakes whoever waits, whatever its threshold. Async-signal-safe. */
static inline void acap__outlet_end(acap__outlet *outlet, uint32_t bit)
{
    /* seq_cst: before the look at sleep; pairs with the fence of acap__wake_arm. It also releases what was pushed before. */
    (void)acap__or_seq_cst(&outlet->end, bit);
    acap__wake_now(&outlet->wake);
}

/* Wakes whoever waits for more than there is. */
static inline void acap__outlet_nudge(acap__outlet *outlet)
{
    /* release: pairs with the consumer's exchange: whoever takes it back finds what was pushed before. */
    acap__store_release(&outlet->takes_any, 1u);
    acap__wake_now(&outlet->wake);
}

#endif
