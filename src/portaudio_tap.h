/* SPDX-License-Identifier: MIT */
/* Owns: the block that PortAudio gets as user data, and what one of its callbacks becomes.
 * Used by: backend_portaudio.c, which makes it and shuts it; its callback, on the audio thread.
 * It exists beside the feed because a stream that cannot be closed may keep calling back: then the tap stays for ever, and the feed need
 * not. */
#ifndef ACAP_SRC_PORTAUDIO_TAP_H
#define ACAP_SRC_PORTAUDIO_TAP_H

#include "atomic.h"
#include "base.h"
#include "feed.h"
#include "portaudio_quiet.h"

typedef struct acap__tap {
    acap__ptr feed; /* acap__feed; NULL: shut */
    /* constant from before the first callback on */
    uint32_t sample_rate_hz;
    bool is_planar;
    bool has_delay;                     /* this host API's times are worth reading */
    acap__alsa_set_local set_alsa_local; /* NULL: ALSA does not speak on this audio thread */
    /* the audio thread's own */
    bool has_run;
    bool is_flagged;       /* the overflow of the host buffer below has been passed on */
    double host_time_s;    /* which host buffer: PortAudio may cut one into several callbacks, all with the same time and flags */
    int64_t host_entry_ns; /* when its first callback came */
} acap__tap;

/* A callback's arguments without PortAudio's types. */
typedef struct acap__tap_call {
    const void *input; /* interleaved frames, or planar: one pointer a channel; NULL: PortAudio had nothing */
    uint32_t frame_count;
    bool is_flagged; /* paInputOverflow */
    double host_time_s;
    double capture_time_s; /* of the first frame, by the same clock */
} acap__tap_call;

/* rt: false: shut; the callback should end its stream. */
bool acap__tap_deliver(acap__tap *tap, const acap__tap_call *call) ACAP__NONBLOCKING;

#endif
