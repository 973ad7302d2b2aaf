/* SPDX-License-Identifier: MIT */
/* Owns: the knowledge whether the JACK server to which PortAudio is connected is still there.
 * Used by: backend_portaudio.c, on the host thread. PortAudio cannot tell, and to close a JACK stream or to shut PortAudio down after
 * the server's death ends the process in some builds (an assertion) or hangs for ten minutes in others. */
#ifndef ACAP_SRC_PORTAUDIO_JACK_H
#define ACAP_SRC_PORTAUDIO_JACK_H

#include "atomic.h"
#include "base.h"

/* One for each loaded PortAudio. Zero: nothing is known. */
typedef struct acap__jack_watch {
    acap__u32 state;
    struct jack_client *client;
} acap__jack_watch;

/* A JACK client of acap's own that only waits for the server's death; begun right after PortAudio has found a server. A watch that saw its
   server die stays as it is, for ever: libjack may still know it. */
void acap__jack_watch_begin(acap__jack_watch *watch);
/* Before PortAudio is shut down; only while the server is known to live. */
void acap__jack_watch_end(acap__jack_watch *watch);

/* False also where it cannot be known. */
bool acap__jack_is_down(acap__jack_watch *watch);
/* True only where it is known. */
bool acap__jack_is_up(acap__jack_watch *watch);

#endif
