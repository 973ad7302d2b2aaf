/* SPDX-License-Identifier: MIT */
/* Owns: the handlers that stand in for the printing of ALSA, JACK and PortAudio.
 * Called by: backend_portaudio.c (begin, end) on the host thread; those libraries, on whatever thread has something to say.
 * All of their functions are looked up at run time: which of them exist depends on how PortAudio was built. */
#include "portaudio_quiet.h"

#include "os.h"
#include "tell.h"

#include <stdio.h>
#include <string.h>

#define SEPARATOR " | "
#define SEPARATOR_LENGTH (sizeof SEPARATOR - 1)
#define MESSAGE_BYTES 200u

/* Where this thread's messages go; NULL: nowhere. */
static _Thread_local acap__quiet *listening;

/* A pointer to a function cannot be cast from what acap__symbol returns. */
#define FIND(function, name)                   \
    do {                                       \
        void *symbol_ = acap__symbol(name);    \
        memcpy(&(function), &symbol_, sizeof symbol_); \
    } while (0)

static void make_room(acap__quiet *quiet, size_t length)
{
    while (quiet->length > 0 && quiet->length + SEPARATOR_LENGTH + length >= sizeof quiet->text) {
        const char *next = strstr(quiet->text, SEPARATOR);
        const size_t dropped = next == NULL ? quiet->length : (size_t)(next - quiet->text) + SEPARATOR_LENGTH;
        quiet->length -= dropped;
        memmove(quiet->text, quiet->text + dropped, quiet->length + 1);
    }
}

/* One message, or one line of it. */
static void keep(const char *message, size_t length)
{
    acap__quiet *quiet = listening;

    while (length > 0 && (message[length - 1] == '\n' || message[length - 1] == ' '))
        length--;
    if (quiet == NULL || length == 0)
        return;
    length = length < MESSAGE_BYTES ? length : MESSAGE_BYTES;
    make_room(quiet, length);
    if (quiet->length > 0) {
        memcpy(quiet->text + quiet->length, SEPARATOR, SEPARATOR_LENGTH);
        quiet->length += SEPARATOR_LENGTH;
    }
    memcpy(quiet->text + quiet->length, message, length);
    quiet->length += length;
    quiet->text[quiet->length] = '\0';
}

static void keep_format(const char *from, int error, const char *format, va_list arguments)
{
    char message[MESSAGE_BYTES];
    const int begin = snprintf(message, sizeof message, "%s: ", from);

    if (listening == NULL || begin < 0)
        return;
    (void)vsnprintf(message + begin, sizeof message - (size_t)begin, format, arguments);
    const size_t length = strlen(message);
    if (error != 0)
        (void)snprintf(message + length, sizeof message - length, " (%d)", error);
    keep(message, strlen(message));
}

static void on_alsa(const char *file, int line, const char *function, int error, const char *format, va_list arguments)
{
    (void)file;
    (void)line;
    (void)function;
    keep_format("ALSA", error, format, arguments);
}

static void on_alsa_global(const char *file, int line, const char *function, int error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    on_alsa(file, line, function, error, format, arguments);
    va_end(arguments);
}

static void on_message(const char *message)
{
    keep(message, strlen(message));
}

acap__alsa_set_local acap__quiet_alsa_setter(void)
{
    acap__alsa_set_local set_local;

    FIND(set_local, "snd_lib_error_set_local");
    return set_local;
}

/* Process-wide, for an ALSA that has nothing better: put back at the end. */
static void set_alsa_global(acap__alsa_global_handler handler, acap__alsa_global_handler *before)
{
    int (*set_handler)(acap__alsa_global_handler);
    acap__alsa_global_handler *current = acap__symbol("snd_lib_error");

    FIND(set_handler, "snd_lib_error_set_handler");
    if (before != NULL && current != NULL)
        *before = *current;
    if (set_handler != NULL)
        (void)set_handler(handler);
}

void acap__quiet_silence(void *setter)
{
    void (*set)(void (*)(const char *));

    memcpy(&set, &setter, sizeof setter);
    if (set != NULL)
        set(on_message);
}

/* These are process-wide and stay: libjack also speaks from threads of its own, when its server dies, and PortAudio itself takes the
   first of them away from the application. */
static void silence_jack_and_portaudio(void)
{
    static const char *const setters[] = { "jack_set_error_function", "jack_set_info_function", "PaUtil_SetDebugPrintFunction" };

    for (size_t i = 0; i < sizeof setters / sizeof setters[0]; i++)
        acap__quiet_silence(acap__symbol(setters[i]));
}

void acap__quiet_begin(acap__quiet *quiet, acap__failure *failure)
{
    const acap__alsa_set_local set_local = acap__quiet_alsa_setter();

    memset(quiet, 0, sizeof *quiet);
    quiet->failure = failure;
    listening = quiet;
    if (set_local != NULL)
        quiet->alsa_local_before = set_local(on_alsa);
    else
        set_alsa_global(on_alsa_global, &quiet->alsa_global_before);
    silence_jack_and_portaudio();
}

void acap__quiet_end(acap__quiet *quiet)
{
    const acap__alsa_set_local set_local = acap__quiet_alsa_setter();

    if (set_local != NULL)
        (void)set_local(quiet->alsa_local_before);
    else
        set_alsa_global(quiet->alsa_global_before, NULL);
    listening = NULL;
    if (quiet->length != 0)
        acap__tell(ACAP_EVENT_LOG, ACAP_LEVEL_INFO, quiet->text);
}

void acap__quiet_clear(acap__quiet *quiet)
{
    quiet->length = 0;
    quiet->text[0] = '\0';
}

acap_result acap__quiet_fail(acap__quiet *quiet, acap_result result, const char *format, ...)
{
    char text[560];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return acap__fail_in(quiet->failure, result, "%s%s%s", text, quiet->length > 0 ? "; messages: " : "", quiet->text);
}
