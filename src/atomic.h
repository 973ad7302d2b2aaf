/* SPDX-License-Identifier: MIT */
/* Owns: every atomic operation of acap, with its memory order in its name.
 * Used by: every file that shares words between threads; plain '=' and '++' do not compile on these types.
 * Built three ways from this one text: C11 for the library, Relacy's C++ for the model check (ACAP_MODEL). */
#ifndef ACAP_SRC_ATOMIC_H
#define ACAP_SRC_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

/* A fetch_or whose result is used becomes a compare-and-swap loop; hence the bit_ functions without one. */

#ifdef ACAP_MODEL

/* The harness (tests/model/model.h) has said what a word, plain data and an order are: it can weaken the order of one place at a time. */
#define ACAP__WORD(T) struct { ACAP__MODEL_ATOMIC(T) value; }
#define ACAP__LOAD(a, order) (a)->value.load(ACAP__MODEL_ORDER(a, load, order), $)
#define ACAP__STORE(a, v, order) (a)->value.store((v), ACAP__MODEL_ORDER(a, store, order), $)
#define ACAP__RMW(a, op, v, order) (a)->value.op((v), ACAP__MODEL_ORDER(a, op, order), $)
#define ACAP__CAS(a, e, v, success, failure)                                                  \
    (a)->value.compare_exchange_strong(*(e), (v), ACAP__MODEL_ORDER(a, cas, success), $,      \
                                       ACAP__MODEL_ORDER(a, cas_failure, failure), $)
#define acap__fence_seq_cst() ACAP__MODEL_FENCE()
#define ACAP__PLAIN(T) ACAP__MODEL_PLAIN(T)
#define ACAP__GET(x) ((x)($))
#define ACAP__SET(x, v) ((x)($) = (v))

#else

#include <stdatomic.h>

#define ACAP__WORD(T) struct { _Atomic(T) value; }
#define ACAP__LOAD(a, order) atomic_load_explicit(&(a)->value, memory_order_##order)
#define ACAP__STORE(a, v, order) atomic_store_explicit(&(a)->value, (v), memory_order_##order)
#define ACAP__RMW(a, op, v, order) atomic_##op##_explicit(&(a)->value, (v), memory_order_##order)
#define ACAP__CAS(a, e, v, success, failure)                                                  \
    atomic_compare_exchange_strong_explicit(&(a)->value, (e), (v), memory_order_##success,   \
                                            memory_order_##failure)
#define acap__fence_seq_cst() atomic_thread_fence(memory_order_seq_cst)
#define ACAP__PLAIN(T) T
#define ACAP__GET(x) (x)
#define ACAP__SET(x, v) ((x) = (v))

#endif

typedef ACAP__WORD(uint32_t) acap__u32;
typedef ACAP__WORD(uint64_t) acap__u64;
typedef ACAP__WORD(void *) acap__ptr;

#define acap__load_relaxed(a) ACAP__LOAD(a, relaxed)
#define acap__load_acquire(a) ACAP__LOAD(a, acquire)
#define acap__load_seq_cst(a) ACAP__LOAD(a, seq_cst)

#define acap__store_relaxed(a, v) ACAP__STORE(a, v, relaxed)
#define acap__store_release(a, v) ACAP__STORE(a, v, release)
#define acap__store_seq_cst(a, v) ACAP__STORE(a, v, seq_cst)

#define acap__add_relaxed(a, v) ACAP__RMW(a, fetch_add, v, relaxed)
#define acap__add_release(a, v) ACAP__RMW(a, fetch_add, v, release)
#define acap__add_acq_rel(a, v) ACAP__RMW(a, fetch_add, v, acq_rel)
#define acap__sub_acq_rel(a, v) ACAP__RMW(a, fetch_sub, v, acq_rel)

#define acap__or_release(a, v) ((void)ACAP__RMW(a, fetch_or, v, release))
#define acap__or_acq_rel(a, v) ACAP__RMW(a, fetch_or, v, acq_rel)
#define acap__or_seq_cst(a, v) ACAP__RMW(a, fetch_or, v, seq_cst)
#define acap__and_acquire(a, v) ACAP__RMW(a, fetch_and, v, acquire)
#define acap__and_seq_cst(a, v) ACAP__RMW(a, fetch_and, v, seq_cst)

#define acap__exchange_relaxed(a, v) ACAP__RMW(a, exchange, v, relaxed)
#define acap__exchange_acq_rel(a, v) ACAP__RMW(a, exchange, v, acq_rel)
#define acap__exchange_seq_cst(a, v) ACAP__RMW(a, exchange, v, seq_cst)

/* Compare and swap, strong: *e becomes what was found. Named by success order, then failure order. */
#define acap__cas_relaxed(a, e, v) ACAP__CAS(a, e, v, relaxed, relaxed)
#define acap__cas_release_relaxed(a, e, v) ACAP__CAS(a, e, v, release, relaxed)
#define acap__cas_release_acquire(a, e, v) ACAP__CAS(a, e, v, release, acquire)
#define acap__cas_acq_rel_relaxed(a, e, v) ACAP__CAS(a, e, v, acq_rel, relaxed)
#define acap__cas_seq_cst(a, e, v) ACAP__CAS(a, e, v, seq_cst, relaxed)

#endif
