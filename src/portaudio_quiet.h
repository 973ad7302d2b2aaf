/* SPDX-License-Identifier: MIT */
/* Owns: what ALSA, JACK and PortAudio would print: it is kept for the error text instead, and file descriptor 2 is never touched.
 * Used by: backend_portaudio.c, around every call into PortAudio. */
#ifndef ACAP_SRC_PORTAUDIO_QUIET_H
#define ACAP_SRC_PORTAUDIO_QUIET_H

#include "base.h"
#include "result.h"

#include <stdarg.h>

/* ALSA's snd_local_error_handler_t, and snd_lib_error_set_local. */
typedef void (*acap__alsa_handler)(const char *file, int line, const char *function, int error, const char *format, va_list arguments);
typedef acap__alsa_handler (*acap__alsa_set_local)(acap__alsa_handler) ACAP__NONBLOCKING;

/* ALSA's snd_lib_error_handler_t. */
typedef void (*acap__alsa_global_handler)(const char *file, int line, const char *function, int error, const char *format, ...);

/* One call of the back end. */
typedef struct acap__quiet {
    acap__failure *failure;
    char text[400]; /* the last messages, with " | " between them; older ones made room */
    size_t length;
    acap__alsa_handler alsa_local_before;
    acap__alsa_global_handler alsa_global_before;
} acap__quiet;

/* From begin to end this thread's messages go into quiet. Not nested. */
void acap__quiet_begin(acap__quiet *quiet, acap__failure *failure);
void acap__quiet_end(acap__quiet *quiet);

/* Writes the failure down, with the messages that came so far, and returns result. */
acap_result acap__quiet_fail(acap__quiet *quiet, acap_result result, const char *format, ...) ACAP__PRINTF(3, 4);

/* Forgets what came so far. */
void acap__quiet_clear(acap__quiet *quiet);

/* By this setter, PaUtil_SetDebugPrintFunction or another of its kind; NULL is nothing. */
void acap__quiet_silence(void *setter);

/* Sets ALSA's handler of the thread that calls it; NULL: there is no ALSA in this process, or one that cannot. */
acap__alsa_set_local acap__quiet_alsa_setter(void);

#endif
