/* SPDX-License-Identifier: MIT */
/* Owns: putting one consumer to sleep and waking it, by a futex, by a descriptor that it polls, or both.
 * Used by: an outlet: the audio thread wakes only who sleeps; the reader arms and sleeps.
 *
 * Protocol: the sleeper stores sleep, fences, and looks again at what it waits for; the producer publishes, fences, and looks at sleep. The
 * two seq_cst fences make one of them see the other. Whoever exchanges sleep to 0 does the waking. */
#ifndef ACAP_SRC_WAKE_H
#define ACAP_SRC_WAKE_H

#include "atomic.h"
#include "os.h"

#define ACAP__WAKE_FUTEX 1u
#define ACAP__WAKE_FD 2u

typedef struct acap__wake {
    acap__u32 sleep;    /* 0, or how the sleeper wants to be woken: ACAP__WAKE_* */
    acap__u32 has_event; /* the event below is open */
    acap__event event;
} acap__wake;

/* wake_rt.c */

/* rt, producer, after its fence: true: somebody sleeps, and was that of this call to wake: call acap__wake_send with *kinds. */
bool acap__wake_claim(acap__wake *wake, uint32_t *kinds) ACAP__NONBLOCKING;
/* Consumer: announces sleep. Look again afterwards at everything that would wake, and disarm if there is something. */
void acap__wake_arm(acap__wake *wake, uint32_t kinds) ACAP__NONBLOCKING;
/* true: nobody has claimed the wake meanwhile. */
bool acap__wake_disarm(acap__wake *wake) ACAP__NONBLOCKING;
/* rt: fences and wakes whoever sleeps: for ends and interrupts, from any thread and from signal handlers. */
void acap__wake_now(acap__wake *wake) ACAP__NONBLOCKING;

/* wake.c */

void acap__wake_init(acap__wake *wake);
void acap__wake_destroy(acap__wake *wake);
/* rt: at most one system call a kind. */
void acap__wake_send(acap__wake *wake, uint32_t kinds) ACAP__NONBLOCKING;
/* Consumer, armed with ACAP__WAKE_FUTEX. May return early. */
void acap__wake_sleep(acap__wake *wake, uint32_t kinds, int64_t until_ns);

#endif
