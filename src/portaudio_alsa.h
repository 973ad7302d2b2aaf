/* SPDX-License-Identifier: MIT */
/* Owns: what PortAudio knows of an ALSA device and does not tell: its name in ALSA, a name that survives renumbering, the formats it has by
 * nature, and why it cannot be opened.
 * Used by: backend_portaudio.c and portaudio_catalog.c, on the host thread. */
#ifndef ACAP_SRC_PORTAUDIO_ALSA_H
#define ACAP_SRC_PORTAUDIO_ALSA_H

#include "base.h"

#define ACAP__ALSA_NAME_BYTES 192u

/* ALSA's name of the PCM that PortAudio shows under this name: "hw:1,0" for "Mic: USB (hw:1,0)", else the name itself. */
void acap__alsa_pcm_name(const char *shown, char pcm[ACAP__ALSA_NAME_BYTES]);

/* The same PCM by its card's id instead of the card's number: "hw:CARD=USB,DEV=0" for "hw:1,0". cards is "/proc/asound" or a test's copy;
   the name itself where the card is not found there. */
void acap__alsa_stable_name(const char *pcm, const char *cards, char name[ACAP__ALSA_NAME_BYTES]);

typedef struct acap__alsa_nature {
    int error;           /* what opening it fails with, negative; 0: it opens */
    char text[100];      /* ALSA's words for error */
    uint32_t formats;    /* bit ACAP_FORMAT_*: needs no conversion */
    bool is_planar;      /* hands out one plane a channel and nothing else */
    uint32_t rates;      /* bit i: acap__usual_rates_hz[i] */
} acap__alsa_nature;

/* Opens a PCM for capture, asks it and closes it; a busy one is tried again for a third of a second, as the last user of a mixing plug-in
   lets go of the card a moment after it has closed. False: this process has no ALSA that could be asked. */
bool acap__alsa_ask(const char *pcm, acap__alsa_nature *nature);

#endif
