/* SPDX-License-Identifier: MIT */
/* Owns: what a test says to the guard and hears from it. The guard is a library to preload: between enter and leave a thread that calls
 * what an audio thread must not is aborted, with the function's name.
 * Used by: the guarded tests, which find these by name at run time (session.c). */
#ifndef ACAP_TESTS_RT_GUARD_H
#define ACAP_TESTS_RT_GUARD_H

#include <stdint.h>

/* Counted over all guarded sections of the process. */
typedef struct guard_counts {
    uint64_t sections;    /* entered */
    uint64_t futex_wakes; /* system calls that are allowed: waking a sleeper, */
    uint64_t event_sets;  /* by a futex or through an eventfd */
} guard_counts;

void guard_enter(void);
void guard_leave(void);
guard_counts guard_get_counts(void);

#endif
