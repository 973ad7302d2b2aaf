/* SPDX-License-Identifier: MIT */
/* Owns: a pool's memory: making, growing and freeing it, and its figures.
 * Called by: control and consumer threads; freeing by whoever gives back the last buffer of a pool without handles.
 *
 * The pool itself, its words and headers lie in one reservation that costs nothing until touched; data comes in segments, one a growth. */
#include "pool.h"

#include "check.h"
#include "os.h"
#include "params.h"
#include "result.h"

#include <string.h>

#define GROWTH_MIN_BUFFERS 16u

/* At the start of each mapping of data, which holds the buffers of one word or of a part of it. */
struct segment {
    struct segment *next; /* the one made before it: of this word or a lower one */
    size_t size_bytes;
    uint32_t first; /* index of its first buffer */
    uint32_t count;
};

struct acap__pool_control {
    acap__mutex lock; /* growth */
    struct segment *segments;
    size_t reserved_bytes;
    uint32_t flags;
    uint32_t stride_bytes;
    uint32_t buffers_min;
    uint32_t buffers_max;
    acap__u32 grown;
    acap__u32 capacity_peak; /* as many headers have ever been filled */
    acap__u64 data_bytes;
};

static uint32_t words_for(uint32_t buffers)
{
    return (buffers + ACAP__POOL_WORD_BITS - 1u) / ACAP__POOL_WORD_BITS;
}

/* Lays the parts out behind each other in one zeroed reservation. */
static acap_pool *reserve(uint32_t buffers_max)
{
    const size_t control_at = acap__round_up(sizeof(acap_pool), ACAP__CACHE_LINE);
    const size_t words_at = control_at + acap__round_up(sizeof(struct acap__pool_control), ACAP__CACHE_LINE);
    const size_t headers_at = words_at + acap__round_up(words_for(buffers_max) * sizeof(acap__u64), ACAP__CACHE_LINE);
    const size_t size_bytes = acap__round_up(headers_at + (size_t)buffers_max * sizeof(acap__header), acap__page_bytes());
    unsigned char *base = acap__pages_reserve(size_bytes);

    if (base == NULL)
        return NULL;
    if (!acap__pages_commit(base, headers_at)) {
        acap__pages_release(base, size_bytes);
        return NULL;
    }
    acap_pool *pool = (acap_pool *)(void *)base;
    pool->control = (struct acap__pool_control *)(void *)(base + control_at);
    pool->words = (acap__u64 *)(void *)(base + words_at);
    pool->headers = (acap__header *)(void *)(base + headers_at);
    pool->control->reserved_bytes = size_bytes;
    return pool;
}

acap_result acap__pool_make(uint32_t flags, uint32_t buffer_size_bytes, uint32_t buffers_min, uint32_t buffers_max, acap_pool **out)
{
    acap_pool *pool = reserve(buffers_max);

    if (pool == NULL)
        return acap__fail(ACAP_ERROR_NO_MEMORY, "no address space for the headers of %u buffers", buffers_max);
    acap__mutex_init(&pool->control->lock);
    pool->control->flags = flags;
    pool->control->stride_bytes = (uint32_t)acap__round_up(buffer_size_bytes, ACAP__CACHE_LINE);
    pool->control->buffers_min = buffers_min;
    pool->control->buffers_max = buffers_max;
    pool->buffer_size_bytes = buffer_size_bytes;
    acap__store_relaxed(&pool->handles, 1u);
    const acap_result result = acap__pool_grow(pool, buffers_min);
    if (result != ACAP_OK) {
        acap__pool_free(pool);
        return result;
    }
    acap__store_relaxed(&pool->control->grown, 0);
    *out = pool;
    return ACAP_OK;
}

void acap__pool_free(acap_pool *pool)
{
    struct segment *segment = pool->control->segments;

    while (segment != NULL) {
        struct segment *next = segment->next;
        acap__unpoison(segment, segment->size_bytes);
        acap__pages_release(segment, segment->size_bytes);
        segment = next;
    }
    acap__mutex_destroy(&pool->control->lock);
    acap__pages_release(pool, pool->control->reserved_bytes);
}

bool acap__pool_lock_with(const acap_pool *pool, void *memory, size_t size_bytes)
{
    return !(pool->control->flags & ACAP_POOL_LOCK_MEMORY) || acap__pages_lock(memory, size_bytes);
}

static acap_result fail_to_lock(size_t size_bytes)
{
    return acap__fail(ACAP_ERROR_PERMISSION, "the system refused to lock %zu bytes (see the memlock limit)", size_bytes);
}

/* What the audio thread touches of these buffers besides their data: their word, and their headers. */
static acap_result provide_headers(const acap_pool *pool, uint32_t first, uint32_t end)
{
    const size_t size_bytes = (end - first) * sizeof pool->headers[0];

    if (!acap__pages_commit(&pool->headers[first], size_bytes))
        return acap__fail(ACAP_ERROR_NO_MEMORY, "no memory for the headers of %u buffers", end - first);
    if (!acap__pool_lock_with(pool, &pool->words[first / ACAP__POOL_WORD_BITS], sizeof pool->words[0])
        || !acap__pool_lock_with(pool, &pool->headers[first], size_bytes))
        return fail_to_lock(size_bytes);
    return ACAP_OK;
}

/* Now, so that the audio thread never meets a page fault. They are zero already: one byte of each will do. */
static void touch(void *pages, size_t size_bytes)
{
    volatile unsigned char *bytes = pages;

    for (size_t at = 0; at < size_bytes; at += acap__page_bytes())
        bytes[at] = 0;
}

static acap_result add_segment(struct acap__pool_control *control, uint32_t first, uint32_t buffers, struct segment **out)
{
    const size_t data_bytes = (size_t)buffers * control->stride_bytes;
    const size_t size_bytes = acap__round_up(data_bytes + ACAP__CACHE_LINE, acap__page_bytes());
    struct segment *segment = acap__pages_reserve(size_bytes);

    if (segment == NULL || !acap__pages_commit(segment, size_bytes)) {
        if (segment != NULL)
            acap__pages_release(segment, size_bytes);
        return acap__fail(ACAP_ERROR_NO_MEMORY, "no memory for %u buffers of %u bytes", buffers, control->stride_bytes);
    }
    if ((control->flags & ACAP_POOL_LOCK_MEMORY) && !acap__pages_lock(segment, size_bytes)) {
        acap__pages_release(segment, size_bytes);
        return fail_to_lock(size_bytes);
    }
    touch(segment, size_bytes);
    segment->size_bytes = size_bytes;
    segment->first = first;
    segment->count = buffers;
    segment->next = control->segments;
    control->segments = segment;
    (void)acap__add_relaxed(&control->data_bytes, size_bytes);
    *out = segment;
    return ACAP_OK;
}

/* The bits of count buffers from index first on, all in one word. */
static uint64_t bits_of(uint32_t first, uint32_t count)
{
    return ((UINT64_C(1) << count) - 1u) << (first % ACAP__POOL_WORD_BITS);
}

static void fill_header(acap_pool *pool, uint32_t index, unsigned char *data)
{
    acap__header *header = &pool->headers[index];

    header->index = index;
    header->pool = pool;
    header->word = &pool->words[index / ACAP__POOL_WORD_BITS];
    header->bit = bits_of(index, 1);
    header->buffer.struct_size = sizeof header->buffer;
    header->buffer.data = data;
    header->buffer.size_bytes = pool->buffer_size_bytes;
    acap__poison(data, pool->control->stride_bytes);
}

/* Adds buffers up to end, which lies in the same word as first. */
static acap_result grow_word(acap_pool *pool, uint32_t first, uint32_t end)
{
    struct segment *segment = NULL;
    acap_result result = provide_headers(pool, first, end);

    if (result == ACAP_OK)
        result = add_segment(pool->control, first, end - first, &segment);
    if (result != ACAP_OK)
        return result;
    unsigned char *data = (unsigned char *)segment + ACAP__CACHE_LINE;
    for (uint32_t i = first; i < end; i++)
        fill_header(pool, i, data + (size_t)(i - first) * pool->control->stride_bytes);
    /* release: capacity is never seen smaller than what is out. */
    acap__store_release(&pool->capacity, end);
    if (end > acap__load_relaxed(&pool->control->capacity_peak))
        acap__store_release(&pool->control->capacity_peak, end);
    acap__pool_publish(pool, first / ACAP__POOL_WORD_BITS, bits_of(first, end - first));
    return ACAP_OK;
}

static acap_result grow_locked(acap_pool *pool, uint32_t capacity)
{
    uint32_t first = acap__load_relaxed(&pool->capacity);

    if (capacity <= first)
        return ACAP_OK;
    if (capacity > pool->control->buffers_max)
        return acap__fail(ACAP_ERROR_LIMIT, "%u buffers are needed and the pool's maximum is %u", capacity, pool->control->buffers_max);
    /* All of it is touched: what no machine can hold must fail before, not in the middle of it. */
    const uint64_t more_bytes = (uint64_t)(capacity - first) * pool->control->stride_bytes;
    if (more_bytes > acap__memory_available_bytes())
        return acap__fail(ACAP_ERROR_NO_MEMORY, "%u buffers of %u bytes are more than the memory that is left", capacity - first,
                          pool->control->stride_bytes);
    (void)acap__add_relaxed(&pool->control->grown, 1u);
    while (first < capacity) {
        const uint32_t end = acap__min_u32(capacity, (first / ACAP__POOL_WORD_BITS + 1u) * ACAP__POOL_WORD_BITS);
        const acap_result result = grow_word(pool, first, end);
        if (result != ACAP_OK)
            return result;
        first = end;
    }
    return ACAP_OK;
}

acap_result acap__pool_grow(acap_pool *pool, uint32_t capacity)
{
    acap__mutex_lock(&pool->control->lock);
    const acap_result result = grow_locked(pool, capacity);
    acap__mutex_unlock(&pool->control->lock);
    return result;
}

/* The segments of the last word: the newest ones. */
static void drop_word(acap_pool *pool, uint32_t word)
{
    struct acap__pool_control *control = pool->control;

    while (control->segments != NULL && control->segments->first / ACAP__POOL_WORD_BITS == word) {
        struct segment *segment = control->segments;
        const size_t size_bytes = segment->size_bytes;
        for (uint32_t i = segment->first; i < segment->first + segment->count; i++)
            pool->headers[i].buffer.data = NULL;
        control->segments = segment->next;
        acap__unpoison(segment, size_bytes);
        acap__pages_release(segment, size_bytes);
        acap__store_relaxed(&control->data_bytes, acap__load_relaxed(&control->data_bytes) - size_bytes);
    }
}

static void shrink_locked(acap_pool *pool, uint32_t target)
{
    uint32_t capacity = acap__load_relaxed(&pool->capacity);

    target = acap__max_u32(target, pool->control->buffers_min);
    while (capacity > target) {
        const uint32_t word = (capacity - 1u) / ACAP__POOL_WORD_BITS;
        const uint32_t first = word * ACAP__POOL_WORD_BITS;
        if (first < target || !acap__pool_withdraw(pool, word, bits_of(first, capacity - first)))
            return;
        drop_word(pool, word);
        capacity = first;
        acap__store_release(&pool->capacity, capacity);
    }
}

void acap__pool_shrink(acap_pool *pool, uint32_t capacity)
{
    /* relaxed: a guess that spares the lock; looked at again under it. */
    if (acap__load_relaxed(&pool->capacity) <= capacity)
        return;
    acap__mutex_lock(&pool->control->lock);
    shrink_locked(pool, capacity);
    acap__mutex_unlock(&pool->control->lock);
}

acap_result acap__pool_keep_ahead(acap_pool *pool, uint32_t index)
{
    const uint32_t capacity = acap__load_relaxed(&pool->capacity);
    const uint32_t enough = acap__max_u32(capacity / 4u, 2u);

    if ((uint64_t)index + enough < capacity || capacity - acap__min_u32(acap__pool_in_use(pool), capacity) >= enough)
        return ACAP_OK;
    const uint32_t buffers_max = pool->control->buffers_max;
    if (capacity >= buffers_max)
        return ACAP_ERROR_LIMIT;
    const uint32_t step = acap__max_u32(capacity / 2u, GROWTH_MIN_BUFFERS);
    return acap__pool_grow(pool, capacity + acap__min_u32(step, buffers_max - capacity));
}

acap_result ACAP_CALL acap_pool_create(const acap_pool_config *config, acap_pool **out)
{
    acap_pool_config checked;

    if (out != NULL)
        *out = NULL;
    if (acap__forked())
        return acap__fail_forked();
    if (config == NULL || out == NULL)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_pool_create: config and out must not be NULL");
    acap_result result = acap__take_pool_config(&checked, config);
    if (result == ACAP_OK)
        result = acap__check_pool_config(&checked);
    if (result != ACAP_OK)
        return result;
    acap__fork_watch();
    return acap__pool_make(checked.flags, checked.buffer_size_bytes, checked.buffers_min, checked.buffers_max, out);
}

acap_pool *ACAP_CALL acap_pool_retain(acap_pool *pool)
{
    if (pool == NULL || acap__forked())
        return NULL;
    /* relaxed: the caller has a handle. */
    (void)acap__add_relaxed(&pool->handles, 1u);
    return pool;
}

void ACAP_CALL acap_pool_release(acap_pool *pool)
{
    if (pool != NULL && !acap__forked() && acap__pool_drop_handle(pool))
        acap__pool_free(pool);
}

acap_result ACAP_CALL acap_pool_acquire(acap_pool *pool, const acap_buffer **out)
{
    if (out != NULL)
        *out = NULL;
    if (acap__forked())
        return acap__fail_forked();
    if (pool == NULL || out == NULL)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_pool_acquire: pool and out must not be NULL");
    acap__header *header = acap__pool_take(pool, acap__clock_coarse_ns());
    if (header == NULL)
        return acap__fail(ACAP_ERROR_POOL_EXHAUSTED, "all %u buffers of the pool are in use", acap__load_relaxed(&pool->capacity));
    const void *data = header->buffer.data;
    memset(&header->buffer, 0, sizeof header->buffer);
    header->buffer.struct_size = sizeof header->buffer;
    header->buffer.data = data;
    header->buffer.size_bytes = pool->buffer_size_bytes;
    *out = &header->buffer;
    return ACAP_OK;
}

/* Each header's word is true in itself, and so are the sums: what is out was taken. */
static void sum_up(acap_pool *pool, acap_pool_stats *stats)
{
    /* acquire: the headers below it are filled. Those that have gone in a shrinking are counted on. */
    const uint32_t count = acap__load_acquire(&pool->control->capacity_peak);
    const int64_t now_ns = acap_clock_ns();
    int64_t oldest_ns = now_ns;
    uint64_t used_once = 0;

    for (uint32_t i = 0; i < count; i++) {
        const uint64_t uses = acap__load_relaxed(&pool->headers[i].uses);
        stats->acquired += (uses + 1u) / 2u;
        used_once += uses != 0;
        if (uses % 2u == 0)
            continue;
        const int64_t taken_ns = (int64_t)acap__load_relaxed(&pool->headers[i].taken_ns);
        stats->in_use++;
        oldest_ns = taken_ns < oldest_ns ? taken_ns : oldest_ns;
    }
    stats->recycled = stats->acquired - used_once;
    stats->released = stats->acquired - stats->in_use;
    stats->oldest_held_ns = now_ns - oldest_ns;
}

static void take_figures(acap_pool *pool, acap_pool_stats *stats)
{
    sum_up(pool, stats);
    /* The pool may be shrinking meanwhile. */
    stats->capacity = acap__max_u32(acap__load_acquire(&pool->capacity), stats->in_use);
    stats->free_buffers = stats->capacity - stats->in_use;
    stats->in_use_peak = acap__max_u32(acap__load_relaxed(&pool->in_use_peak), stats->in_use);
    stats->exhausted = acap__load_relaxed(&pool->exhausted);
    stats->rejected_releases = acap__load_relaxed(&pool->rejected);
    stats->hit_rate = stats->acquired + stats->exhausted == 0
        ? 1.0
        : (double)stats->acquired / (double)(stats->acquired + stats->exhausted);
}

acap_result ACAP_CALL acap_pool_get_stats(const acap_pool *const_pool, acap_pool_stats *out)
{
    acap_pool *pool = (acap_pool *)(uintptr_t)const_pool;
    acap_pool_stats stats = ACAP_POOL_STATS_INIT;

    if (acap__forked())
        return acap__fail_forked();
    if (pool == NULL || out == NULL)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_pool_get_stats: pool and stats must not be NULL");
    take_figures(pool, &stats);
    stats.buffers_min = pool->control->buffers_min;
    stats.buffers_max = pool->control->buffers_max;
    stats.grown = acap__load_relaxed(&pool->control->grown);
    stats.memory_bytes = acap__load_relaxed(&pool->control->data_bytes) + (uint64_t)stats.capacity * sizeof(acap__header);
    return acap__give_pool_stats(out, &stats);
}
