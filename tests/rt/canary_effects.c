/* SPDX-License-Identifier: MIT */
/* Owns: a function that says it is safe on the audio thread and is not, so that clang's proof can be seen to bite.
 * Used by: the test rt_effects_canary, which compiles it and must fail; nobody calls it. */
#include "base.h"

#include <stdlib.h>

void *canary_promises(size_t size_bytes) ACAP__NONBLOCKING;

static void *grow(size_t size_bytes)
{
    return malloc(size_bytes);
}

void *canary_promises(size_t size_bytes)
{
    return grow(size_bytes);
}
