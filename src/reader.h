/* SPDX-License-Identifier: MIT */
/* Owns: the consumer's side of an outlet: borrowing, waiting, its figures.
 * Used by: the API's reader functions; stream.c attaches and detaches it. */
#ifndef ACAP_SRC_READER_H
#define ACAP_SRC_READER_H

#include "ledger.h"
#include "os.h"
#include "outlet.h"
#include "pool.h"

#define ACAP__LATENCY_STEPS 16u /* to the octave: within 7 % */
#ifndef ACAP__LATENCY_OCTAVES /* the model check does with fewer */
#define ACAP__LATENCY_OCTAVES 44u
#endif

struct acap_reader {
    acap__outlet outlet;
    struct acap_stream *stream; /* a reference */
    const acap__ledger *ledger; /* the stream's */
    acap_pool *pool;            /* a handle */
    uint32_t slot;
    uint32_t hold_buffers;
    bool has_ended; /* the consumer's: END was returned for good */
    /* what it was given of the past, oldest first; set before anybody else knows the reader */
    acap__header **preroll;
    uint32_t preroll_room;
    uint32_t preroll_count;
    uint64_t preroll_frames;
    uint64_t preroll_position; /* of the oldest */
    acap__u32 preroll_taken;   /* the consumer's */
    acap__mutex handle_lock;
    acap__u32 latency_counts[ACAP__LATENCY_OCTAVES * ACAP__LATENCY_STEPS];
    acap__u64 latency_max_ns;
    /* the consumer's, of the last borrow that was measured: its place in latency_counts, when its buffer was captured, how many came after
       it, and whether there was nothing to borrow since */
    acap__u32 *latency_count;
    int64_t measured_ns;
    uint32_t borrows_unmeasured;
    bool found_nothing;
    uint64_t retired_gate; /* the gate's word when it was closed under a callback */
    struct acap_reader *next; /* on the stream's list of retired readers */
    char name[64];
};

/* preroll_room: how many buffers it may be given of the past. */
acap_result acap__reader_make(const acap_reader_config *config, uint32_t preroll_room, struct acap_stream *stream,
                              const acap__ledger *ledger, acap_pool *pool, acap_reader **out);
/* What is queued goes back; the memory goes. Nobody else may know the reader any more. */
void acap__reader_free(acap_reader *reader);

#endif
