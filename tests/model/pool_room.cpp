/* SPDX-License-Identifier: MIT */
/* Owns: the pool's memory in the model, and what pool.c would do with it.
 * Called by: the properties and acap's sources. */
#include "pool_room.h"

namespace model
{

const int taken = 1;

pool_room *make_pool(room<pool_room> *home, uint32_t buffer_count)
{
    pool_room *pool = home->make();

    pool->home = home;
    pool->words = pool->word_room;
    pool->headers = pool->header_room;
    acap__store_relaxed(&pool->handles, 1u);
    grow_pool(pool, 0, buffer_count);
    return pool;
}

void grow_pool(pool_room *pool, uint32_t first, uint32_t end)
{
    pool->growth($) = (int)end;
    for (uint32_t i = first; i < end; i++) {
        acap__header *header = &pool->header_room[i];
        header->index = i;
        header->pool = pool;
        header->word = &pool->words[0];
        header->bit = UINT64_C(1) << i;
        header->buffer.data = &pool->data[i];
        pool->data[i]($) = 0;
    }
    acap__store_release(&pool->capacity, end);
    acap__pool_publish(pool, 0, ((UINT64_C(1) << end) - 1) & ~((UINT64_C(1) << first) - 1));
}

acap__header *take(pool_room *pool)
{
    acap__header *header = acap__pool_take(pool, 0);

    if (header != NULL)
        pool->data_of(header)($) = taken;
    return header;
}

void look(pool_room *pool, const acap__header *header)
{
    RL_ASSERT(pool->data_of(header)($) == taken);
}

acap__drop release(acap__header *header)
{
    acap_pool *pool = header->pool;
    const acap__drop drop = acap__header_drop(header);

    if (drop == ACAP__DROP_LAST)
        acap__pool_free(pool);
    return drop;
}

}

using model::pool_room;

/* Freeing writes everything: whoever still used it races with that, or comes too late and finds it gone. */
void acap__pool_free(acap_pool *pool)
{
    pool_room *whole = static_cast<pool_room *>(pool);

    whole->growth($) = 0;
    for (unsigned i = 0; i < model::buffers_max; i++)
        whole->data[i]($) = 0;
    whole->home->end();
}

acap_pool *ACAP_CALL acap_pool_retain(acap_pool *pool)
{
    (void)acap__add_relaxed(&pool->handles, 1u);
    return pool;
}

void ACAP_CALL acap_pool_release(acap_pool *pool)
{
    if (acap__pool_drop_handle(pool))
        acap__pool_free(pool);
}
