/* SPDX-License-Identifier: MIT */
/* Owns: everything that must not be in a *_rt file, so that the checks can be seen to bite. Never part of the library.
 * Used by: check_reach.py, which reads the object and must name each of these; nobody calls them. */
#include "canary.h"

#include <stdlib.h>

#define KEPT __attribute__((noinline))

static KEPT void *grow(size_t size_bytes)
{
    return malloc(size_bytes);
}

/* By way of a static function. */
void *canary_allocates(size_t size_bytes)
{
    return size_bytes == 0 ? NULL : grow(size_bytes + 1);
}

static KEPT void give_back(void *memory)
{
    free(memory);
}

static KEPT void keep(void *memory)
{
    (void)memory;
}

static void (*const ways[])(void *) = {keep, give_back};

/* By way of a table, which only an address shows. */
void canary_frees(void *memory, int way)
{
    ways[way & 1](memory);
}

/* By way of another file. */
int canary_locks(void)
{
    return canary_lock_elsewhere();
}

/* Through a pointer that anybody may have set. */
void canary_calls_back(void (*function)(void *), void *argument)
{
    function(argument);
    keep(argument);
}
