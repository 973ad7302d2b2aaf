/* SPDX-License-Identifier: MIT */
/* Owns: what an atomic word, plain data and a memory order are in the model check: Relacy's, with one order that can be weakened.
 * Used by: every source file of the model check, the library's own among them: the build includes it first (-include).
 * Threads: Relacy's simulated ones, all on one thread of the system. */
#ifndef ACAP_TESTS_MODEL_H
#define ACAP_TESTS_MODEL_H

/* Before relacy.hpp, which makes macros of new, delete and malloc. */
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>

#include <relacy/relacy.hpp>

/* The model keeps its objects in rooms of its own (room.h): heap bookkeeping would multiply the executions. */
#undef new
#undef delete
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef assert
#undef errno
#define errno (*__errno_location())

namespace model
{

/* Both are zero from the start, as calloc makes them. A word that lives outside every execution (a static of the library's) is none that
   the
 * checker knows, and must not be used. */
template <class T> class atomic
{
public:
    atomic()
    {
        if (rl::is_ctx())
            ::new ((void *)memory) rl::atomic<T>(T());
    }
    ~atomic()
    {
        word().~word_type();
    }
    T load(rl::memory_order order, rl::debug_info_param info)
    {
        return word().load(order, info);
    }
    void store(T value, rl::memory_order order, rl::debug_info_param info)
    {
        word().store(value, order, info);
    }
    T exchange(T value, rl::memory_order order, rl::debug_info_param info)
    {
        return word().exchange(value, order, info);
    }
    T fetch_add(T value, rl::memory_order order, rl::debug_info_param info)
    {
        return word().fetch_add(value, order, info);
    }
    T fetch_sub(T value, rl::memory_order order, rl::debug_info_param info)
    {
        return word().fetch_sub(value, order, info);
    }
    T fetch_and(T value, rl::memory_order order, rl::debug_info_param info)
    {
        return word().fetch_and(value, order, info);
    }
    T fetch_or(T value, rl::memory_order order, rl::debug_info_param info)
    {
        return word().fetch_or(value, order, info);
    }
    bool compare_exchange_strong(T &expected, T desired, rl::memory_order success, rl::debug_info_param info, rl::memory_order failure,
                                 rl::debug_info_param)
    {
        return word().compare_exchange_strong(expected, desired, success, info, failure, info);
    }
    /* For the futex: sleeps here; wakes count sleepers; the newest value, which lends nobody an order. */
    rl::unpark_reason sleep(bool is_timed)
    {
        return word().wait(rl::ctx(), is_timed, false, $);
    }
    void wake(int count)
    {
        (void)word().wake(rl::ctx(), count, $);
    }
    T newest()
    {
        return word().debug_value();
    }

private:
    typedef rl::atomic<T> word_type;
    alignas(rl::atomic<T>) unsigned char memory[sizeof(rl::atomic<T>)];

    word_type &word()
    {
        return *(word_type *)memory;
    }
};

template <class T> struct plain : rl::var<T> {
    plain() : rl::var<T>(T())
    {
    }
};

/* The one place whose order is weakened in this run; line 0: none. */
struct weakening {
    const char *file;
    int line;
    const char *word; /* as it is written there */
    const char *operation;
    rl::memory_order from;
    rl::memory_order to;
    bool is_fence;
    unsigned long uses; /* how often the place was come by */
};

extern weakening weak;

rl::memory_order weakened(const char *file, const char *word, const char *operation, rl::memory_order order);
bool is_fence_left_out(const char *file);

inline rl::memory_order order_at(const char *file, int line, const char *word, const char *operation, rl::memory_order order)
{
    return line == weak.line && !weak.is_fence ? weakened(file, word, operation, order) : order;
}

inline void fence_at(const char *file, int line, rl::debug_info_param info)
{
    if (line != weak.line || !weak.is_fence || !is_fence_left_out(file))
        rl::atomic_thread_fence(rl::mo_seq_cst, info);
}

}

namespace rl
{

/* Relacy makes the failure order of a release compare-and-swap relaxed, whatever was asked for. This one does as it is told; it is used for
 * 64-bit words, the only ones on which acap asks for it. */
template <>
template <>
inline bool generic_atomic<uint64_t, false>::compare_exchange<false>(bool_t<false>, uint64_t &expected, uint64_t desired,
                                                                     memory_order success, memory_order failure, debug_info_param info)
{
    typedef thread_info_base t;
    const bool acquires = failure != mo_relaxed;

    switch (success) {
    case mo_relaxed:
        return acquires ? compare_swap_impl<false, mo_relaxed, &t::atomic_rmw_relaxed, mo_acquire, &t::atomic_load_acquire_rmw>(
                              expected, desired, info)
                        : compare_swap_impl<false, mo_relaxed, &t::atomic_rmw_relaxed, mo_relaxed, &t::atomic_load_relaxed_rmw>(
                              expected, desired, info);
    case mo_release:
        return acquires ? compare_swap_impl<false, mo_release, &t::atomic_rmw_release, mo_acquire, &t::atomic_load_acquire_rmw>(
                              expected, desired, info)
                        : compare_swap_impl<false, mo_release, &t::atomic_rmw_release, mo_relaxed, &t::atomic_load_relaxed_rmw>(
                              expected, desired, info);
    case mo_acquire:
    case mo_consume:
        return acquires ? compare_swap_impl<false, mo_acquire, &t::atomic_rmw_acquire, mo_acquire, &t::atomic_load_acquire_rmw>(
                              expected, desired, info)
                        : compare_swap_impl<false, mo_acquire, &t::atomic_rmw_acquire, mo_relaxed, &t::atomic_load_relaxed_rmw>(
                              expected, desired, info);
    case mo_acq_rel:
        return acquires ? compare_swap_impl<false, mo_acq_rel, &t::atomic_rmw_acq_rel, mo_acquire, &t::atomic_load_acquire_rmw>(
                              expected, desired, info)
                        : compare_swap_impl<false, mo_acq_rel, &t::atomic_rmw_acq_rel, mo_relaxed, &t::atomic_load_relaxed_rmw>(
                              expected, desired, info);
    case mo_seq_cst:
        return acquires ? compare_swap_impl<false, mo_seq_cst, &t::atomic_rmw_seq_cst, mo_acquire, &t::atomic_load_acquire_rmw>(
                              expected, desired, info)
                        : compare_swap_impl<false, mo_seq_cst, &t::atomic_rmw_seq_cst, mo_relaxed, &t::atomic_load_relaxed_rmw>(
                              expected, desired, info);
    }
    return false;
}

}

#define ACAP_MODEL
#define ACAP__MODEL_ATOMIC(T) ::model::atomic<T>
#define ACAP__MODEL_PLAIN(T) ::model::plain<T>
#define ACAP__MODEL_ORDER(word, operation, order) ::model::order_at(__FILE__, __LINE__, #word, #operation, rl::mo_##order)
#define ACAP__MODEL_FENCE() ::model::fence_at(__FILE__, __LINE__, $)

#include <acap/acap.h>

/* Fewer of each, so that a stream with its readers is small enough to be made anew for every execution. */
#undef ACAP_MAX_READERS
#define ACAP_MAX_READERS 2u
#define ACAP__LATENCY_OCTAVES 1u
#define ACAP__NOTICE_ROOM 2u

#endif
