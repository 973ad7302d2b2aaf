/* SPDX-License-Identifier: MIT */
/* Owns: a context's events: a bounded queue, first in, first out, that discards the oldest when nobody takes them.
 * Used by: watch.c and stream.c (post; never the audio thread), the API's event functions (take). */
#ifndef ACAP_SRC_EVENTS_H
#define ACAP_SRC_EVENTS_H

#include "base.h"
#include "echo.h"
#include "os.h"
#include "result.h"

#define ACAP__EVENT_ROOM 256u

typedef struct acap__events {
    acap__mutex lock;
    acap__cond changed;
    /* under lock */
    acap_event ring[ACAP__EVENT_ROOM];
    uint32_t first;
    uint32_t count;
    uint64_t discarded; /* since the last one that was taken */
    acap__echo echo;    /* what was heard of others */
    bool is_interrupted;
    bool has_handle;
    acap__event handle; /* readable <=> count != 0 || is_interrupted */
} acap__events;

void acap__events_init(acap__events *events);
void acap__events_destroy(acap__events *events);

/* Never waits. type, stream_id and what else is meant are set by the caller in event; time_ns 0 means now; the text is formatted here. */
void acap__events_post(acap__events *events, const acap_event *event, const char *format, ...) ACAP__PRINTF(3, 4);
/* The same for the words of others, which may be the same every second: again only after ACAP__ECHO_NS in which they were not said. */
void acap__events_post_once(acap__events *events, const acap_event *event, const char *text);

#endif
