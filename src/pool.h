/* SPDX-License-Identifier: MIT */
/* Owns: the pool of buffers: a bitmap of the free ones, their headers and their reference counts.
 * Used by: ingest_rt.c on the audio thread (take, share, recycle), by any thread to give back, by control threads to make and grow it.
 *
 * Invariants:
 *   the bit of header i is set  <=>  header i is free  =>  references of header i == 0
 *   uses of header i is odd  <=>  header i is out; (uses + 1) / 2 is how often it was taken
 *   stream_id of header i != 0  =>  header i is out, and that stream has published it
 *   the last handle to go closes the pool: in each word it sets ACAP__POOL_CLOSED and the bits that no buffer has. A word that is all ones
 *   has all of its buffers home; the one change that made it so counts it, and whoever counts the last word frees the pool. A buffer that
 *   is out keeps its word open, and a word that is open keeps the pool */
#ifndef ACAP_SRC_POOL_H
#define ACAP_SRC_POOL_H

#include "atomic.h"
#include "base.h"

#define ACAP__POOL_WORD_BITS 63u
#define ACAP__POOL_CLOSED (UINT64_C(1) << ACAP__POOL_WORD_BITS) /* in a word: there is no handle any more */

/* The count has a cache line of its own: it is written by every holder, the rest by nobody once published. */
typedef struct acap__header {
    ACAP__ALIGNED acap__u32 references;
    uint32_t index;
    struct acap_pool *pool;
    acap__u64 *word; /* its word of the pool's, and its bit there */
    uint64_t bit;
    acap__u64 taken_ns; /* when it was taken; only to tell ages */
    acap__u64 uses; /* changed only by who has it alone, its taker and its last holder; what the pool's figures are made of */
    ACAP__PLAIN(uint64_t) sequence; /* which buffer of its stream it is; written by the producer before it is published */
    acap__u64 stream_id; /* whose it is; written by the producer before it is published, taken back by the last holder */
    ACAP__ALIGNED acap_buffer buffer;
} acap__header;

struct acap_pool {
    acap__u64 *words;
    acap__header *headers;
    uint32_t buffer_size_bytes;
    acap__u32 word_count; /* words of which at least one bit has been published */
    acap__u32 capacity;
    struct acap__pool_control *control;
    ACAP__ALIGNED acap__u32 handles;
    acap__u32 open_words; /* once closed: those with a buffer out, and the closing itself */
    acap__u64 exhausted;
    acap__u64 rejected;
    acap__u32 in_use_peak;
    acap__u32 cursor; /* debug builds: where the next scan begins, so that a buffer rests as long as it can */
};

typedef enum acap__drop {
    ACAP__DROP_DONE,
    ACAP__DROP_REFUSED, /* it was free already */
    ACAP__DROP_LAST,    /* the pool has neither handle nor buffer left: free it. With any other result it may be gone */
} acap__drop;

/* The header that a public buffer lies in. */
static inline acap__header *acap__header_of(const acap_buffer *buffer)
{
    return (acap__header *)(uintptr_t)((uintptr_t)buffer - offsetof(acap__header, buffer));
}

/* pool_rt.c: all of these are rt. */

/* A free buffer with one reference, or NULL: none was free (exact with one taker at a time). Wait-free. */
acap__header *acap__pool_take(acap_pool *pool, int64_t now_ns) ACAP__NONBLOCKING;
/* Adds count references to a buffer that the caller holds. Wait-free. */
void acap__header_share(acap__header *header, uint32_t count) ACAP__NONBLOCKING;
/* Adds one reference; false: it was free. Lock-free. */
bool acap__header_retain(acap__header *header) ACAP__NONBLOCKING;
/* Drops one reference and gives the buffer back with the last. Lock-free. */
acap__drop acap__header_drop(acap__header *header) ACAP__NONBLOCKING;
/* The same for a caller that has a handle on the pool, and so can never be the one to free it. */
void acap__header_recycle(acap__header *header) ACAP__NONBLOCKING;
/* Drops a handle: true: free the pool. Linear in its words with the last handle. */
bool acap__pool_drop_handle(acap_pool *pool) ACAP__NONBLOCKING;
/* Publishes buffers of one word as free; for growth, with their headers and data ready. */
void acap__pool_publish(acap_pool *pool, uint32_t word, uint64_t bits) ACAP__NONBLOCKING;
/* Takes all of a word's buffers out of use at once: false: one is out, and nothing has changed. */
bool acap__pool_withdraw(acap_pool *pool, uint32_t word, uint64_t bits) ACAP__NONBLOCKING;
/* Linear in its words; while others take and give back, what was true of each word at some moment. */
uint32_t acap__pool_in_use(acap_pool *pool) ACAP__NONBLOCKING;
/* The references of each of the first count buffers, by index; 0 for those that this stream has not published or that are back. */
void acap__pool_references(acap_pool *pool, uint64_t stream_id, uint32_t *references, uint32_t count) ACAP__NONBLOCKING;

/* pool.c: control side. */

acap_result acap__pool_make(uint32_t flags, uint32_t buffer_size_bytes, uint32_t buffers_min, uint32_t buffers_max, acap_pool **out);
/* Grows to at least capacity buffers: ACAP_OK, ACAP_ERROR_LIMIT, ACAP_ERROR_NO_MEMORY or ACAP_ERROR_PERMISSION. */
acap_result acap__pool_grow(acap_pool *pool, uint32_t capacity);
/* Locks what belongs to a pool's use where the pool itself is to be locked. False: the system refused. */
bool acap__pool_lock_with(const acap_pool *pool, void *memory, size_t size_bytes);
/* On a consumer's thread, which has been given this buffer: grows ahead of need when little is free. Cheap when there is nothing to do:
   the lowest free buffer is taken first, so that one from the lower part shows that there is enough. ACAP_OK: enough is free now; else why
   not, ACAP_ERROR_LIMIT without a text where the pool has its maximum. */
acap_result acap__pool_keep_ahead(acap_pool *pool, uint32_t index);
/* Gives memory back to the system, from the end, as far as whole words of buffers are free and capacity stays. */
void acap__pool_shrink(acap_pool *pool, uint32_t capacity);
void acap__pool_free(acap_pool *pool);

#endif
