/* SPDX-License-Identifier: MIT */
/* Owns: the way of something worth telling from where no context is known - a host thread, a sound system's own words - to the contexts.
 * Used by: host.c and portaudio_quiet.c; context.c hands it on. Never the audio thread. */
#ifndef ACAP_SRC_TELL_H
#define ACAP_SRC_TELL_H

#include "base.h"

/* An event without a stream for every context that there is; a LOG only for those that have not heard the same lately (echo.h).
   Takes locks of its own only. */
void acap__tell(uint32_t event_type, uint32_t level, const char *text);

#endif
