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
#define ACAP__LATENCY_OCTAVES 44u

struct acap_reader {
    acap__outlet outlet;
    struct acap_stream *stream; /* a reference */
    const acap__ledger *ledger; /* the stream's */
    acap_pool *pool;            /* a handle */
    uint32_t slot;
    uint32_t hold_buffers;
    bool has_ended; /* the consumer's: END was returned for good */
    acap__mutex handle_lock;
    acap__u32 latency_counts[ACAP__LATENCY_OCTAVES * ACAP__LATENCY_STEPS];
    acap__u64 latency_max_ns;
    uint64_t retired_gate; /* the gate's word when it was closed under a callback */
    struct acap_reader *next; /* on the stream's list of retired readers */
    char name[64];
};

acap_result acap__reader_make(const acap_reader_config *config, struct acap_stream *stream, const acap__ledger *ledger, acap_pool *pool,
                              acap_reader **out);
/* What is queued goes back; the memory goes. Nobody else may know the reader any more. */
void acap__reader_free(acap_reader *reader);

#endif
