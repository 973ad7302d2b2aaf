/* SPDX-License-Identifier: MIT */
/* Owns: the names of the canaries.
 * Used by: canary_rt.c, canary_elsewhere.c. */
#ifndef ACAP_TESTS_RT_CANARY_H
#define ACAP_TESTS_RT_CANARY_H

#include <stddef.h>

void *canary_allocates(size_t size_bytes);
void canary_frees(void *memory, int way);
int canary_locks(void);
void canary_calls_back(void (*function)(void *), void *argument);
int canary_lock_elsewhere(void);

#endif
