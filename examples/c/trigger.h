/* SPDX-License-Identifier: MIT */
/* Owns: waiting for somebody to say "now": a key on the terminal, or a signal.
 * Called by: record.c, before a recording with pre-roll begins.
 * Thread: main. */
#ifndef TRIGGER_H
#define TRIGGER_H

#include <stdbool.h>

/* From now on SIGUSR1 is remembered, also before trigger_wait. False: the system has no pipe left. */
bool trigger_prepare(void);

/* True: a key was pressed or SIGUSR1 came. False: SIGINT or SIGTERM. Both signals have their former handlers afterwards. */
bool trigger_wait(void);

#endif
