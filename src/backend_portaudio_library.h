/* SPDX-License-Identifier: MIT */
/* Owns: which PortAudio is called: the linked one, or a copy of it that took its place when its JACK server died.
 * Used by: backend_portaudio.c, on the host thread. What was opened with one PortAudio is closed with the same one. */
#ifndef ACAP_SRC_BACKEND_PORTAUDIO_LIBRARY_H
#define ACAP_SRC_BACKEND_PORTAUDIO_LIBRARY_H

#include "atomic.h"
#include "base.h"
#include "portaudio_jack.h"
#include "portaudio_quiet.h"

#include <portaudio.h>

/* Never freed. The functions are PortAudio's own, Pa_ and the name. */
typedef struct acap__pa {
    PaError (*initialize)(void);
    PaError (*terminate)(void);
    const char *(*error_text)(PaError);
    const PaHostErrorInfo *(*last_host_error)(void);
    PaHostApiIndex (*host_count)(void);
    const PaHostApiInfo *(*host_info)(PaHostApiIndex);
    PaHostApiIndex (*host_of_type)(PaHostApiTypeId);
    PaDeviceIndex (*device_count)(void);
    PaDeviceIndex (*default_input)(void);
    const PaDeviceInfo *(*device_info)(PaDeviceIndex);
    PaError (*is_supported)(const PaStreamParameters *, const PaStreamParameters *, double);
    PaError (*open)(PaStream **, const PaStreamParameters *, const PaStreamParameters *, double, unsigned long, PaStreamFlags,
                    PaStreamCallback *, void *);
    PaError (*set_finished)(PaStream *, PaStreamFinishedCallback *);
    PaError (*start)(PaStream *);
    PaError (*abort)(PaStream *);
    PaError (*close)(PaStream *);
    PaError (*is_stopped)(PaStream *);
    PaError (*is_active)(PaStream *);
    const PaStreamInfo *(*stream_info)(PaStream *);
    acap__u32 state;
    acap__u32 streams;     /* that it has, those included that were left behind */
    uint32_t stuck_before; /* threads left behind before it came up */
    acap__jack_watch jack;
    const char *why_no_copy; /* of the last attempt to replace it */
} acap__pa;

/* The one to open with. */
acap__pa *acap__pa_current(void);

/* PortAudio is initialized at the first need, then kept. */
bool acap__pa_is_up(acap__pa *pa);
acap_result acap__pa_bring_up(acap__pa *pa, acap__quiet *call);

/* Can it look for devices afresh? */
bool acap__pa_can_refresh(acap__pa *pa);
/* *is_fresh stays false where somebody else in this process keeps PortAudio up. */
acap_result acap__pa_refresh(acap__pa *pa, acap__quiet *call, bool *is_fresh);

/* Its JACK server has died: it can neither close that server's streams nor connect to another one. */
bool acap__pa_is_spent(acap__pa *pa);
/* A copy takes the place of one that is spent, and is returned. Where there can be none, spent itself is, and its why_no_copy tells. */
acap__pa *acap__pa_replace(acap__pa *spent);

#endif
