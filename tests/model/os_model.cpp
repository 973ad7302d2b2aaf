/* SPDX-License-Identifier: MIT */
/* Owns: a system for the model. What a kernel decides, it decides at once and on the newest values: no order is lent to the callers, but
 * that
 * of a lock, of a wake to whom it woke, and of a descriptor's bytes.
 * Called by: acap's sources, on any of the simulated threads. */
#include "os_model.h"

#include "room.h"

namespace
{

const unsigned events_max = 2;

struct kernel_event {
    bool is_open;
    bool is_readable;
    model::room<acap__u32> pollers;          /* a word to sleep on */
    model::room<model::plain<int> > handles; /* for the handles: written by who opens, read by who writes to them */
};

kernel_event events[events_max];
int64_t now_ns;

typedef rl::mutex model_mutex;

model_mutex *mutex_in(acap__mutex *mutex)
{
    static_assert(sizeof(model_mutex) <= sizeof mutex->storage, "Relacy's mutex fits into acap's");
    return (model_mutex *)mutex->storage;
}

}

namespace model
{

int64_t clock_step_ns;

void reset_os()
{
    for (kernel_event &event : events)
        event.is_open = event.is_readable = false;
    now_ns = 0;
    clock_step_ns = 0;
}

void poll(intptr_t read_handle)
{
    kernel_event &event = events[read_handle];

    rl::ctx().sched();
    while (!event.is_readable)
        (void)event.pollers.get()->value.sleep(false);
}

bool is_readable(intptr_t read_handle)
{
    return events[read_handle].is_readable;
}

}

int64_t ACAP_CALL acap_clock_ns(void)
{
    now_ns += model::clock_step_ns;
    return now_ns;
}

int64_t acap__deadline(int64_t timeout_ns)
{
    return timeout_ns == ACAP_WAIT_FOREVER ? INT64_MAX : now_ns + timeout_ns;
}

void acap__thread_yield(void)
{
    rl::yield(1, $);
}

bool acap__forked(void)
{
    return false;
}

/* ---- locks ---- */

void acap__mutex_init(acap__mutex *mutex)
{
    ::new (mutex_in(mutex)) model_mutex();
}

void acap__mutex_destroy(acap__mutex *mutex)
{
    mutex_in(mutex)->~model_mutex();
}

void acap__mutex_lock(acap__mutex *mutex)
{
    mutex_in(mutex)->lock($);
}

void acap__mutex_unlock(acap__mutex *mutex)
{
    mutex_in(mutex)->unlock($);
}

/* A condition variable whose waits are all spurious. */
void acap__cond_init(acap__cond *)
{
}

void acap__cond_destroy(acap__cond *)
{
}

void acap__cond_broadcast(acap__cond *)
{
}

bool acap__cond_wait_until(acap__cond *, acap__mutex *mutex, int64_t until_ns)
{
    acap__mutex_unlock(mutex);
    rl::yield(1, $);
    acap__mutex_lock(mutex);
    return acap_clock_ns() < until_ns;
}

/* ---- sleeping ---- */

/* The comparison and the going to sleep are one step, as the kernel makes them. */
void acap__futex_wait(acap__u32 *word, uint32_t expected, int64_t until_ns)
{
    rl::ctx().sched();
    if (word->value.newest() != expected)
        return;
    if (word->value.sleep(until_ns != INT64_MAX) == rl::unpark_reason_timeout && now_ns < until_ns)
        now_ns = until_ns;
}

void acap__futex_wake(acap__u32 *word)
{
    rl::ctx().sched();
    word->value.wake(1);
}

bool acap__event_open(acap__event *event)
{
    rl::context &context = rl::ctx();

    for (unsigned i = 0; i < events_max; i++) {
        if (events[i].is_open)
            continue;
        events[i].is_open = true;
        event->read_handle = (intptr_t)i;
        event->write_handle = (intptr_t)i;
        context.disable_preemption();
        events[i].pollers.make();
        (*events[i].handles.make())($) = 1;
        context.enable_preemption();
        return true;
    }
    return false;
}

void acap__event_close(acap__event *event)
{
    events[event->read_handle].is_open = false;
    events[event->read_handle].pollers.end();
    events[event->read_handle].handles.end();
}

/* As a call with a handle that was read from the event. */
static kernel_event *event_at(intptr_t handle)
{
    kernel_event *event = &events[handle];

    rl::ctx().sched();
    RL_ASSERT(event->is_open && (*event->handles.get())($) == 1);
    return event;
}

void acap__event_set(const acap__event *event)
{
    kernel_event *kernel = event_at(event->write_handle);

    kernel->is_readable = true;
    kernel->pollers.get()->value.wake(2);
}

void acap__event_clear(const acap__event *event)
{
    event_at(event->read_handle)->is_readable = false;
}
