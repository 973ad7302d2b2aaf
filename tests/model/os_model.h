/* SPDX-License-Identifier: MIT */
/* Owns: the system's half of the model: clock, futex, descriptors, locks, memory.
 * Used by: acap's sources through os.h; the properties, which set the clock and poll. */
#ifndef ACAP_TESTS_MODEL_OS_MODEL_H
#define ACAP_TESTS_MODEL_OS_MODEL_H

#include "model.h"

#include "os.h"

namespace model
{

/* What a look at the clock adds: 0: no deadline ever comes. */
extern int64_t clock_step_ns;

/* Forgets descriptors and time; at the beginning of every execution. */
void reset_os();
/* Sleeps until the descriptor is readable, for ever where it never will be: Relacy then reports a deadlock. */
void poll(intptr_t read_handle);
bool is_readable(intptr_t read_handle);

}

#endif
