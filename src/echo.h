/* SPDX-License-Identifier: MIT */
/* Owns: the memory of what others said lately, so that what they say over and over is told once. It knows no clock and no lock: both are
 * its owner's.
 * Used by: events.c, once for each context. Never the audio thread. */
#ifndef ACAP_SRC_ECHO_H
#define ACAP_SRC_ECHO_H

#include "base.h"

/* A device that is away is asked for about every second, and such a call may last five. */
#define ACAP__ECHO_NS (10 * ACAP__NS_PER_S)
/* What several streams, each with a device and words of its own, have to say within that time. */
#define ACAP__ECHO_ROOM 16u

/* The words themselves, not a hash of them: what differs is never taken for the same. As much of them as an event shows, since two events
   that look the same are one. */
typedef struct acap__echo_text {
    int64_t heard_ns; /* last, told or not */
    char text[sizeof(((acap_event *)NULL)->text)];
} acap__echo_text;

/* All zero: nothing was heard. */
typedef struct acap__echo {
    uint32_t count;
    acap__echo_text texts[ACAP__ECHO_ROOM];
} acap__echo;

/* Somebody says this now. True: that is news, the first time or after ACAP__ECHO_NS without it. Of more texts than there is room for, the
   one that was not heard for longest is forgotten: rather told too often than not at all. */
bool acap__echo_hear(acap__echo *echo, const char *text, int64_t now_ns);

#endif
