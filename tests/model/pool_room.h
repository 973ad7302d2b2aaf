/* SPDX-License-Identifier: MIT */
/* Owns: a pool in which the checker sees everything: who touches a buffer's data, what growing writes, and the end of it all.
 * Used by: the properties; pool.c, whose memory comes from the system, is not part of the model. */
#ifndef ACAP_TESTS_MODEL_POOL_ROOM_H
#define ACAP_TESTS_MODEL_POOL_ROOM_H

#include "room.h"

#include "pool.h"

namespace model
{

const unsigned buffers_max = 4;

struct pool_room : acap_pool {
    acap__u64 word_room[2];
    acap__header header_room[buffers_max];
    plain<int> data[buffers_max]; /* for a buffer's data: to be touched by whoever holds it */
    plain<int> growth;            /* for what growing writes and freeing reads */
    room<pool_room> *home;

    plain<int> &data_of(const acap__header *header)
    {
        return data[header->index];
    }
};

/* One handle; buffer_count of the buffers published, all in the first word. */
pool_room *make_pool(room<pool_room> *home, uint32_t buffer_count);
/* Publishes the bits of more buffers, as growing does. */
void grow_pool(pool_room *pool, uint32_t first, uint32_t end);
/* Takes one and makes its data the taker's; NULL: exhausted. */
acap__header *take(pool_room *pool);
/* Reads the data, as a holder may; what take left there. */
void look(pool_room *pool, const acap__header *header);
/* What acap_buffer_release does. */
acap__drop release(acap__header *header);

}

#endif
