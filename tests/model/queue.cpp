/* SPDX-License-Identifier: MIT */
/* Owns: what is claimed of the queue (queue_rt.c).
 * Called by: main.cpp. */
#include "property.h"

#include "queue.h"

namespace
{

const unsigned pushes = 3; /* more than the capacities: slots are used again, and the producer evicts */

/* What a pointer in the queue points to. The mark stands for the data: its owner alone may touch it. */
struct item {
    unsigned number;
    model::plain<int> mark;
};

template <unsigned Capacity> struct queue_room {
    acap__queue queue;
    acap__ptr slots[Capacity];
    item items[pushes];

    /* The indexes start just below their wrap. */
    void make()
    {
        queue.slots = slots;
        queue.capacity = Capacity;
        queue.mask = Capacity - 1;
        acap__store_relaxed(&queue.head, UINT64_MAX - 1);
        acap__store_relaxed(&queue.tail, UINT64_MAX - 1);
        for (unsigned i = 0; i < pushes; i++)
            items[i].number = i;
    }
};

/* Every item comes out once: popped, in order; or evicted, or refused, back to the producer. */
template <unsigned Capacity, bool Evicts> struct hand_over : rl::test_suite<hand_over<Capacity, Evicts>, 2> {
    queue_room<Capacity> room;
    unsigned times_out[pushes];
    unsigned pop_count;
    unsigned last_popped;

    void before()
    {
        room.make();
        memset(times_out, 0, sizeof times_out);
        pop_count = 0;
        last_popped = 0;
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            for (unsigned i = 0; i < pushes; i++)
                push(&room.items[i]);
        } else {
            for (unsigned i = 0; i < pushes; i++)
                pop();
        }
    }
    void after()
    {
        while (pop())
            ;
        for (unsigned i = 0; i < pushes; i++)
            RL_ASSERT(times_out[i] == 1);
        /* The policy: the newest is never evicted, the first never refused. */
        RL_ASSERT(Evicts ? last_popped == pushes - 1 : pop_count >= Capacity);
    }
    void push(item *pushed)
    {
        void *evicted = NULL;

        pushed->mark($) = 1;
        switch (acap__queue_push(&room.queue, pushed, Evicts, &evicted)) {
        case ACAP__PUSH_DONE:
            break;
        case ACAP__PUSH_EVICTED:
            RL_ASSERT(Evicts);
            take_back((item *)evicted);
            break;
        case ACAP__PUSH_FULL:
            RL_ASSERT(!Evicts);
            take_back(pushed);
            break;
        }
        RL_ASSERT(acap__queue_count(&room.queue) <= Capacity);
    }
    void take_back(item *back)
    {
        RL_ASSERT(back->mark($) == 1);
        back->mark($) = 2;
        times_out[back->number]++;
    }
    bool pop()
    {
        item *popped = (item *)acap__queue_pop(&room.queue);

        if (popped == NULL)
            return false;
        RL_ASSERT(popped->mark($) == 1);
        popped->mark($) = 3;
        RL_ASSERT(pop_count == 0 || popped->number > last_popped);
        times_out[popped->number]++;
        last_popped = popped->number;
        pop_count++;
        return true;
    }
};

const model::add_property<hand_over<1, false> > newest_1("queue-newest-1", "drop newest, capacity 1: each out once, in order, "
    "its data seen", 4);
const model::add_property<hand_over<2, false> > newest_2("queue-newest-2", "drop newest, capacity 2: the same", 4);
const model::add_property<hand_over<1, true> > oldest_1("queue-oldest-1", "drop oldest, capacity 1: the same, "
    "counted once by the CAS's winner", 4);
const model::add_property<hand_over<2, true> > oldest_2("queue-oldest-2", "drop oldest, capacity 2: the same", 4);

/* A third thread asks how many wait: never fewer than none. */
template <bool Evicts> struct bystander : rl::test_suite<bystander<Evicts>, 3> {
    queue_room<1> room;

    void before()
    {
        room.make();
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            void *evicted;
            for (unsigned i = 0; i < pushes; i++)
                (void)acap__queue_push(&room.queue, &room.items[i], Evicts, &evicted);
        } else if (index == 1) {
            for (unsigned i = 0; i < pushes; i++)
                (void)acap__queue_pop(&room.queue);
        } else {
            RL_ASSERT(acap__queue_count(&room.queue) <= pushes);
        }
    }
};

const model::add_property<bystander<false> > counted_newest("queue-count-newest", "drop newest: a bystander's count is never negative", 3);
const model::add_property<bystander<true> > counted_oldest("queue-count-oldest", "drop oldest: the same", 2);

}
