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

/* How many are out now that this one is. */
static uint32_t in_use_with(acap_pool *pool, const acap__header *header)
{
#ifdef ACAP_DEBUG_CHECKS
    (void)header;
    return acap__pool_in_use(pool);
#else
    /* The lowest free one is taken: all below are out. */
    (void)pool;
    return header->index + 1u;
#endif
}

/* relaxed: only who has the buffer alone writes it, and hands that on with the buffer; others read it for a figure. */
static void count_use(acap__header *header)
{
    acap__store_relaxed(&header->uses, acap__load_relaxed(&header->uses) + 1u);
}

/* The caller has cleared the bit: the header is its alone. */
static acap__header *claim(acap_pool *pool, uint32_t index, int64_t now_ns)
{
    acap__header *header = header_at(pool, index);

    acap__check(acap__load_relaxed(&header->references) == 0);
    acap__check(acap__load_relaxed(&header->uses) % 2u == 0);
    acap__check(acap__load_relaxed(&header->stream_id) == 0);
    count_use(header);
    raise_peak(pool, in_use_with(pool, header));
    acap__store_relaxed(&header->taken_ns, (uint64_t)now_ns);
    /* release: pairs with the acquire in acap__pool_references: who sees this count, or one that came of it, sees that the stream before
       has the buffer no longer. Nobody else knows the buffer; it is handed on by a queue's release or by the caller's own means. */
    acap__store_release(&header->references, 1u);
    acap__unpoison((void *)(uintptr_t)header->buffer.data, pool->buffer_size_bytes);
    return header;
}

static uint32_t choose(acap_pool *pool, uint64_t bits)
{
#ifdef ACAP_DEBUG_CHECKS
    const uint64_t later = bits & (~UINT64_C(0) << (acap__load_relaxed(&pool->cursor) % ACAP__POOL_WORD_BITS));

    bits = later != 0 ? later : bits;
    acap__store_relaxed(&pool->cursor, acap__lowest_bit(bits) + 1u);
#else
    (void)pool;
#endif
    return acap__lowest_bit(bits);
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
                const uint32_t place = choose(pool, bits);
                const uint64_t bit = UINT64_C(1) << place;
                /* acquire: pairs with the release in give_back and acap__pool_publish: the last holder's reads of the data are over, the
                   header is filled. Of what was found nothing but this bit is looked at: that is one instruction, not a loop. */
                if (acap__and_acquire(&pool->words[word], ~bit) & bit)
                    return claim(pool, word * ACAP__POOL_WORD_BITS + place, now_ns);
                lost_races++;
                bits = acap__load_relaxed(&pool->words[word]);
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

/* A word of a closed pool has become whole. True: it was the last, and the pool is the caller's to free. */
static bool close_words(acap_pool *pool, uint32_t count)
{
    /* acq_rel: release, so that whoever frees comes after this thread's use of the pool; acquire, so that this thread, when it is the one,
       comes after everybody's. */
    return acap__sub_acq_rel(&pool->open_words, count) == count;
}

/* After the bit is set the pool may be gone, unless this bit made its word whole. */
static acap__drop give_back(acap__header *header)
{
    acap_pool *pool = header->pool;
    const uint64_t bit = header->bit;

    acap__poison((void *)(uintptr_t)header->buffer.data, pool->buffer_size_bytes);
    /* relaxed: goes to the next taker with the bit. Here and not there, where it would cost the audio thread a store more. */
    acap__store_relaxed(&header->stream_id, 0);
    count_use(header);
    /* acq_rel: release pairs with the taker's acquire; acquire, so that who makes the word whole comes after all who gave back before.
       The bit is clear, so that adding it sets it and no other. */
    const uint64_t whole = acap__add_acq_rel(header->word, bit) + bit;
    return whole == ~UINT64_C(0) && close_words(pool, 1u) ? ACAP__DROP_LAST : ACAP__DROP_DONE;
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

/* The bits of a word that no buffer has, and that it is closed. */
static uint64_t closing_bits(uint32_t word, uint32_t capacity)
{
    const uint32_t first = word * ACAP__POOL_WORD_BITS;
    const uint32_t count = capacity > first ? capacity - first : 0;

    return count >= ACAP__POOL_WORD_BITS ? ACAP__POOL_CLOSED : ~UINT64_C(0) << count;
}

/* Nobody takes, grows or shrinks any more; buffers may be on their way home. */
static bool close_pool(acap_pool *pool)
{
    /* relaxed: who dropped its handle before has been acquired with the last one. */
    const uint32_t word_count = acap__load_relaxed(&pool->word_count);
    const uint32_t capacity = acap__load_relaxed(&pool->capacity);
    uint32_t whole = 1; /* the closing itself */

    /* relaxed: whoever finds a word closed finds this, too, by what follows. */
    acap__store_relaxed(&pool->open_words, word_count + 1u);
    for (uint32_t word = 0; word < word_count; word++) {
        const uint64_t bits = closing_bits(word, capacity);
        /* acq_rel: release, for open_words; acquire: who gave back before is done with it. */
        whole += (acap__or_acq_rel(&pool->words[word], bits) | bits) == ~UINT64_C(0);
    }
    return close_words(pool, whole);
}

bool acap__pool_drop_handle(acap_pool *pool)
{
    /* acq_rel: release, so that the last one comes after this thread's use of the pool; acquire, so that the last one does. */
    return acap__sub_acq_rel(&pool->handles, 1u) == 1u && close_pool(pool);
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

uint32_t acap__pool_in_use(acap_pool *pool)
{
    const uint32_t word_count = acap__load_acquire(&pool->word_count);
    uint32_t free_buffers = 0;

    /* relaxed: a figure. */
    for (uint32_t word = 0; word < word_count; word++)
        free_buffers += acap__bit_count(acap__load_relaxed(&pool->words[word]));
    const uint32_t capacity = acap__load_relaxed(&pool->capacity);
    return capacity - acap__min_u32(free_buffers, capacity);
}

void acap__pool_references(acap_pool *pool, uint64_t stream_id, uint32_t *references, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        acap__header *header = header_at(pool, i);

        /* acquire, and before the id: pairs with the release in claim, so that the references that a later taker made are not this
           stream's; and with that of who dropped one: what it had taken it from is seen without it. */
        references[i] = acap__load_acquire(&header->references);
        if (acap__load_relaxed(&header->stream_id) != stream_id)
            references[i] = 0;
    }
}
