/* SPDX-License-Identifier: MIT */
/* Owns: what is claimed of the pool (pool_rt.c).
 * Called by: main.cpp. */
#include "property.h"

#include "pool_room.h"

namespace
{

using model::look;
using model::pool_room;
using model::release;
using model::take;

struct with_pool {
    model::room<pool_room> home;
    pool_room *pool;

    void make(uint32_t buffer_count)
    {
        pool = model::make_pool(&home, buffer_count);
    }
    void end_with_buffers_home()
    {
        RL_ASSERT(acap__pool_in_use(pool) == 0);
        acap_pool_release(pool);
        RL_ASSERT(home.has_ended());
    }
};

/* Three takers, two buffers: whoever has one has it alone, until it gives it back. */
struct taken_once : rl::test_suite<taken_once, 3>, with_pool {
    int owner_count[2];

    void before()
    {
        make(2);
        memset(owner_count, 0, sizeof owner_count);
    }
    void thread(unsigned index)
    {
        acap__header *first = own();
        acap__header *second = index == 0 ? own() : NULL;

        disown(first);
        disown(second);
    }
    void after()
    {
        end_with_buffers_home();
    }
    acap__header *own()
    {
        acap__header *header = take(pool);

        if (header != NULL)
            RL_ASSERT(++owner_count[header->index] == 1);
        return header;
    }
    void disown(acap__header *header)
    {
        if (header == NULL)
            return;
        owner_count[header->index]--;
        RL_ASSERT(release(header) == ACAP__DROP_DONE);
    }
};

const model::add_property<taken_once> alone("pool-take", "a buffer is never handed out twice", 2);

/* One taker at a time finds a free buffer for certain, however the other one is given back meanwhile. */
struct found : rl::test_suite<found, 2>, with_pool {
    acap__header *out;

    void before()
    {
        make(2);
        out = take(pool);
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            release(out);
            return;
        }
        acap__header *header = take(pool);
        RL_ASSERT(header != NULL);
        release(header);
    }
    void after()
    {
        RL_ASSERT(acap__load_relaxed(&pool->exhausted) == 0);
        end_with_buffers_home();
    }
};

const model::add_property<found> exact("pool-take-exact", "a lone taker is refused only when none is free", 4);

/* Two holders read, one of them by way of a third reference; the next taker writes. */
struct shared : rl::test_suite<shared, 3>, with_pool {
    acap__header *held;

    void before()
    {
        make(1);
        held = take(pool);
        acap__header_share(held, 1);
    }
    void thread(unsigned index)
    {
        if (index == 2) {
            acap__header *header = take(pool);
            if (header != NULL)
                release(header);
            return;
        }
        if (index == 1)
            RL_ASSERT(acap__header_retain(held));
        look(pool, held);
        RL_ASSERT(release(held) == ACAP__DROP_DONE);
        if (index == 1) {
            look(pool, held);
            RL_ASSERT(release(held) == ACAP__DROP_DONE);
        }
    }
    void after()
    {
        end_with_buffers_home();
    }
};

const model::add_property<shared> last_reader("pool-share", "every holder's reads come before the next taker's writes", 3);

/* One reference, dropped by two: one of them is refused, and the buffer is free once. A retain in between gets a real one or none. */
struct dropped_twice : rl::test_suite<dropped_twice, 3>, with_pool {
    acap__header *held;
    unsigned done_count;
    unsigned refused_count;

    void before()
    {
        make(1);
        held = take(pool);
        done_count = 0;
        refused_count = 0;
    }
    void thread(unsigned index)
    {
        if (index == 2 && !acap__header_retain(held)) {
            refused_count++;
            return;
        }
        if (release(held) == ACAP__DROP_REFUSED)
            refused_count++;
        else
            done_count++;
    }
    void after()
    {
        /* The one reference and the retained one, where there was one, were dropped; what was too many was refused and counted. */
        RL_ASSERT(done_count >= 1 && done_count + refused_count == 3);
        RL_ASSERT(acap__load_relaxed(&pool->rejected) == refused_count && refused_count >= 1);
        RL_ASSERT(acap__load_relaxed(&held->references) == 0);
        end_with_buffers_home();
    }
};

const model::add_property<dropped_twice> refused("pool-release-twice", "a release too many is refused and counted, "
    "nothing is freed twice", 4);

/* The owner grows the pool and lets go of it; two holders release late. */
struct released_late : rl::test_suite<released_late, 3>, with_pool {
    acap__header *held[2];

    void before()
    {
        make(2);
        for (acap__header *&header : held)
            header = take(pool);
    }
    void thread(unsigned index)
    {
        if (index < 2) {
            look(pool, held[index]);
            release(held[index]);
            return;
        }
        model::grow_pool(pool, 2, 3);
        acap_pool_release(pool);
    }
    void after()
    {
        RL_ASSERT(home.has_ended());
    }
};

const model::add_property<released_late> freed_once("pool-life", "the pool is freed once, by the last of handle and buffers, "
    "and not used after",
                                                    4);

/* New buffers appear under a taker. */
struct grown : rl::test_suite<grown, 2>, with_pool {
    void before()
    {
        make(1);
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            model::grow_pool(pool, 1, 3);
            return;
        }
        acap__header *first = take(pool);
        acap__header *second = take(pool);
        RL_ASSERT(first != NULL && first != second);
        release(first);
        if (second != NULL)
            release(second);
    }
    void after()
    {
        end_with_buffers_home();
    }
};

const model::add_property<grown> growth("pool-grow", "a taker sees all of a new buffer, or not the buffer", 4);

/* The pool shrinks under a taker: its memory goes only while nobody has a buffer, and comes back. */
struct shrunk : rl::test_suite<shrunk, 2>, with_pool {
    acap__header *held;

    void before()
    {
        make(2);
        held = take(pool);
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            look(pool, held);
            release(held);
            acap__header *header = take(pool);
            if (header != NULL)
                release(header);
        } else if (acap__pool_withdraw(pool, 0, 3)) {
            /* Unmapped, and mapped anew. */
            pool->data[0]($) = 0;
            pool->data[1]($) = 0;
            model::grow_pool(pool, 0, 2);
        }
    }
    void after()
    {
        end_with_buffers_home();
    }
};

const model::add_property<shrunk> shrinking("pool-shrink", "a word's buffers are withdrawn only when all of them are free", 4);

/* The figures that pool.c shows, read in its order, while buffers come and go. */
struct figures : rl::test_suite<figures, 3>, with_pool {
    void before()
    {
        make(1);
    }
    void thread(unsigned index)
    {
        if (index < 2) {
            acap__header *header = take(pool);
            if (header != NULL)
                release(header);
            return;
        }
        const uint64_t seen = acap__load_relaxed(&pool->headers[0].uses);
        RL_ASSERT(seen <= 4 && acap__load_relaxed(&pool->headers[0].uses) >= seen);
    }
    void after()
    {
        const uint64_t taken = 2 - acap__load_relaxed(&pool->exhausted);

        RL_ASSERT(acap__load_relaxed(&pool->headers[0].uses) == 2 * taken && acap__load_relaxed(&pool->in_use_peak) == 1);
        end_with_buffers_home();
    }
};

const model::add_property<figures> accounted("pool-figures", "each taking and each giving back is counted, though nobody adds", 3);

}
