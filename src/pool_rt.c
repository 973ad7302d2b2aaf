/* SPDX-License-Identifier: MIT */
/* Owns: taking buffers out of a pool and giving them back, without locks.
 * Called by: the audio thread and any holder of a buffer. Model-checked from this text (tests/model). */
#include "pool.h"

#include "check.h"

#define LOST_RACES_MAX 32u /* with one taker no race can be lost; with many, give up rather than spin */
#define PASSES 2u          /* a buffer given back behind the first pass is found by the second */

static acap__header *header_at(acap_pool *pool, uint32_t index)
{
    return &pool->headers[index];
}

static void raise_peak(acap_pool *pool, uint32_t in_use)
{
    /* relaxed: a figure, nothing is read through it. */
    uint32_t peak = acap__load_relaxed(&pool->in_use_peak);

    while (peak < in_use && !acap__cas_relaxed(&pool->in_use_peak, &peak, in_use))
        ;
}

/* The caller has cleared the bit: the header is its alone. */
static acap__header *claim(acap_pool *pool, uint32_t index, int64_t now_ns)
{
    acap__header *header = header_at(pool, index);

    /* relaxed + release: whoever sees the buffer in in_use (acquire, in stats) sees it in acquired, so that released, their difference,
       never underflows. */
    (void)acap__add_relaxed(&pool->acquired, 1u);
    const uint64_t life = acap__add_release(&pool->life, 1u) + 1;
    raise_peak(pool, (uint32_t)life);
    if (!ACAP__GET(header->was_used)) {
        ACAP__SET(header->was_used, true);
        /* release: whoever sees it (acquire, in stats) sees the buffer in acquired, so that recycled, their difference, never
           underflows. */
        (void)acap__add_release(&pool->first_uses, 1u);
    }
    acap__store_relaxed(&header->taken_ns, (uint64_t)now_ns);
    acap__check(acap__load_relaxed(&header->references) == 0);
    /* relaxed: nobody else knows the buffer; it is handed on by a queue's release or by the caller's own means. */
    acap__store_relaxed(&header->references, 1u);
    acap__unpoison((void *)(uintptr_t)header->buffer.data, pool->buffer_size_bytes);
    return header;
}

static uint64_t choose(acap_pool *pool, uint64_t bits)
{
#ifdef ACAP_DEBUG_CHECKS
    const uint64_t later = bits & (~UINT64_C(0) << (acap__load_relaxed(&pool->cursor) % ACAP__POOL_WORD_BITS));

    bits = later != 0 ? later : bits;
    acap__store_relaxed(&pool->cursor, acap__lowest_bit(bits) + 1u);
#else
    (void)pool;
#endif
    return bits & (~bits + 1u);
}

acap__header *acap__pool_take(acap_pool *pool, int64_t now_ns)
{
    /* acquire: pairs with the release in acap__pool_publish; the words below it exist. */
    const uint32_t word_count = acap__load_acquire(&pool->word_count);
    uint32_t lost_races = 0;

    for (uint32_t pass = 0; pass < PASSES; pass++) {
        for (uint32_t word = 0; word < word_count; word++) {
            /* relaxed: only a hint, the fetch_and decides. */
            uint64_t bits = acap__load_relaxed(&pool->words[word]);

            while (bits != 0 && lost_races < LOST_RACES_MAX) {
                const uint64_t bit = choose(pool, bits);
                /* acquire: pairs with the release in give_back and acap__pool_publish: the last holder's reads of the data are over, the
                   header is filled. */
                const uint64_t found = acap__and_acquire(&pool->words[word], ~bit);
                if (found & bit)
                    return claim(pool, word * ACAP__POOL_WORD_BITS + acap__lowest_bit(bit), now_ns);
                lost_races++;
                bits = found & ~bit;
            }
        }
    }
    (void)acap__add_relaxed(&pool->exhausted, 1u);
    return NULL;
}

void acap__header_share(acap__header *header, uint32_t count)
{
    /* relaxed: the caller holds one, so the count cannot reach 0 meanwhile; the queue's release hands the buffer on. */
    if (count != 0)
        (void)acap__add_relaxed(&header->references, count);
}

bool acap__header_retain(acap__header *header)
{
    uint32_t seen = acap__load_relaxed(&header->references);

    do {
        if (seen == 0) {
            (void)acap__add_relaxed(&header->pool->rejected, 1u);
            return false;
        }
        /* relaxed: the caller has the buffer already and hands it on by its own means. */
    } while (!acap__cas_relaxed(&header->references, &seen, seen + 1));
    return true;
}

/* The bit goes first and life last: after the last touch of life the pool may be gone. */
static acap__drop give_back(acap__header *header)
{
    acap_pool *pool = header->pool;
    const uint32_t word = header->index / ACAP__POOL_WORD_BITS;
    const uint64_t bit = UINT64_C(1) << (header->index % ACAP__POOL_WORD_BITS);

    acap__poison((void *)(uintptr_t)header->buffer.data, pool->buffer_size_bytes);
    /* release: pairs with the taker's acquire. The result is unused on purpose: one instruction. */
    acap__or_release(&pool->words[word], bit);
    /* acq_rel: release, so that whoever frees comes after this thread's use of the pool; acquire, so that this thread, when it is the one,
       comes after everybody's. */
    return acap__sub_acq_rel(&pool->life, 1u) == 1u ? ACAP__DROP_LAST : ACAP__DROP_DONE;
}

acap__drop acap__header_drop(acap__header *header)
{
    uint32_t seen = acap__load_relaxed(&header->references);

    do {
        if (seen == 0) {
            (void)acap__add_relaxed(&header->pool->rejected, 1u);
            return ACAP__DROP_REFUSED;
        }
        /* acq_rel: release, so that this holder's reads come before the next taker's writes; acquire, so that the last holder passes on
           what the others released. */
    } while (!acap__cas_acq_rel_relaxed(&header->references, &seen, seen - 1));
    return seen == 1 ? give_back(header) : ACAP__DROP_DONE;
}

void acap__header_recycle(acap__header *header)
{
    const acap__drop drop = acap__header_drop(header);

    acap__check(drop == ACAP__DROP_DONE);
    (void)drop;
}

bool acap__pool_drop_handle(acap_pool *pool)
{
    /* acq_rel: as in give_back. */
    return acap__sub_acq_rel(&pool->life, ACAP__POOL_HANDLE) == ACAP__POOL_HANDLE;
}

void acap__pool_publish(acap_pool *pool, uint32_t word, uint64_t bits)
{
    /* release: pairs with the taker's acquire: headers and data are ready. */
    acap__or_release(&pool->words[word], bits);
    if (acap__load_relaxed(&pool->word_count) <= word)
        acap__store_release(&pool->word_count, word + 1u);
}

bool acap__pool_withdraw(acap_pool *pool, uint32_t word, uint64_t bits)
{
    /* acquire: the last holders' reads are over before the memory goes. One attempt: somebody who takes or gives back right now shows that
       the word is in use. */
    return acap__cas_acq_rel_relaxed(&pool->words[word], &bits, 0u);
}

uint32_t acap__pool_in_use(const acap_pool *pool)
{
    /* acquire: pairs with the release in claim. */
    return (uint32_t)acap__load_acquire(&((acap_pool *)(uintptr_t)pool)->life);
}
