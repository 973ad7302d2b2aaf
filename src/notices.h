/* SPDX-License-Identifier: MIT */
/* Owns: what the audio thread has to say to the watch: a small ring that never waits.
 * Used by: ingest_rt.c (write), watch.c (read). */
#ifndef ACAP_SRC_NOTICES_H
#define ACAP_SRC_NOTICES_H

#include "atomic.h"
#include "base.h"

#ifndef ACAP__NOTICE_ROOM /* the model check does with fewer */
#define ACAP__NOTICE_ROOM 64u
#endif

typedef enum acap__notice_kind {
    ACAP__NOTICE_LOSS,
    ACAP__NOTICE_RECOVERED,
} acap__notice_kind;

typedef struct acap__notice {
    uint64_t kind;
    uint64_t position;    /* where the loss is accounted */
    uint64_t frames;
    uint64_t lost_frames; /* by the stream so far, these included: what found no room is in the next one's */
    uint64_t span_frames; /* it lies within so many frames before; 0: exactly there */
} acap__notice;

#define ACAP__NOTICE_WORDS 5u

typedef struct acap__notices {
    acap__u64 words[ACAP__NOTICE_ROOM][ACAP__NOTICE_WORDS];
    ACAP__ALIGNED acap__u64 tail;   /* written */
    acap__u64 missed;               /* found no room */
    ACAP__ALIGNED acap__u64 head;   /* read */
} acap__notices;

/* rt, the producer. */
static inline void acap__notices_write(acap__notices *notices, const acap__notice *notice)
{
    const uint64_t tail = acap__load_relaxed(&notices->tail);
    acap__u64 *words = notices->words[tail % ACAP__NOTICE_ROOM];

    /* acquire: pairs with the reader's release of head: it is done with the entry. */
    if (tail - acap__load_acquire(&notices->head) == ACAP__NOTICE_ROOM) {
        acap__store_relaxed(&notices->missed, acap__load_relaxed(&notices->missed) + 1);
        return;
    }
    acap__store_relaxed(&words[0], notice->kind);
    acap__store_relaxed(&words[1], notice->position);
    acap__store_relaxed(&words[2], notice->frames);
    acap__store_relaxed(&words[3], notice->lost_frames);
    acap__store_relaxed(&words[4], notice->span_frames);
    /* release: publishes the entry. */
    acap__store_release(&notices->tail, tail + 1);
}

/* The watch alone. False: there is none. */
static inline bool acap__notices_read(acap__notices *notices, acap__notice *notice)
{
    const uint64_t head = acap__load_relaxed(&notices->head);
    acap__u64 *words = notices->words[head % ACAP__NOTICE_ROOM];

    /* acquire: pairs with the release of tail. */
    if (acap__load_acquire(&notices->tail) == head)
        return false;
    notice->kind = acap__load_relaxed(&words[0]);
    notice->position = acap__load_relaxed(&words[1]);
    notice->frames = acap__load_relaxed(&words[2]);
    notice->lost_frames = acap__load_relaxed(&words[3]);
    notice->span_frames = acap__load_relaxed(&words[4]);
    /* release: the entry has been read. */
    acap__store_release(&notices->head, head + 1);
    return true;
}

#endif
