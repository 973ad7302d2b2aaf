/* SPDX-License-Identifier: MIT */
/* Owns: posting and taking events.
 * Called by: control and watchdog threads (post), any thread (take, interrupt). */
#include "events.h"

#include "context.h"
#include "params.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void acap__events_init(acap__events *events)
{
    acap__mutex_init(&events->lock);
    acap__cond_init(&events->changed);
}

void acap__events_destroy(acap__events *events)
{
    if (events->has_handle)
        acap__event_close(&events->handle);
    acap__cond_destroy(&events->changed);
    acap__mutex_destroy(&events->lock);
}

/* Under lock: something to take has come. */
static void announce(acap__events *events)
{
    if (events->has_handle)
        acap__event_set(&events->handle);
    acap__cond_broadcast(&events->changed);
}

static acap_event *make_room(acap__events *events)
{
    if (events->count == ACAP__EVENT_ROOM) {
        events->first = (events->first + 1) % ACAP__EVENT_ROOM;
        events->count--;
        events->discarded++;
    }
    return &events->ring[(events->first + events->count++) % ACAP__EVENT_ROOM];
}

/* Under lock, so that times are in the order of the queue. */
static int64_t time_of(const acap_event *event)
{
    return event->time_ns != 0 ? event->time_ns : acap_clock_ns();
}

/* Under lock: all but the text. */
static acap_event *add(acap__events *events, const acap_event *event, int64_t time_ns)
{
    acap_event *slot = make_room(events);

    *slot = *event;
    slot->struct_size = sizeof *slot;
    slot->time_ns = time_ns;
    return slot;
}

void acap__events_post(acap__events *events, const acap_event *event, const char *format, ...)
{
    va_list arguments;

    acap__mutex_lock(&events->lock);
    acap_event *slot = add(events, event, time_of(event));
    va_start(arguments, format);
    if (vsnprintf(slot->text, sizeof slot->text, format, arguments) < 0)
        slot->text[0] = '\0';
    va_end(arguments);
    announce(events);
    acap__mutex_unlock(&events->lock);
}

void acap__events_post_once(acap__events *events, const acap_event *event, const char *text)
{
    acap__mutex_lock(&events->lock);
    const int64_t time_ns = time_of(event);
    if (acap__echo_hear(&events->echo, text, time_ns)) {
        acap_event *slot = add(events, event, time_ns);
        acap__copy_text(slot->text, sizeof slot->text, text);
        announce(events);
    }
    acap__mutex_unlock(&events->lock);
}

/* Under lock: ACAP_TIMED_OUT: nothing there. */
static acap_result take(acap__events *events, acap_event *event)
{
    acap_result result = ACAP_TIMED_OUT;

    if (events->is_interrupted) {
        events->is_interrupted = false;
        result = ACAP_INTERRUPTED;
    } else if (events->count != 0) {
        *event = events->ring[events->first];
        event->events_lost = events->discarded;
        events->discarded = 0;
        events->first = (events->first + 1) % ACAP__EVENT_ROOM;
        events->count--;
        result = ACAP_OK;
    }
    if (events->has_handle && events->count == 0 && !events->is_interrupted)
        acap__event_clear(&events->handle);
    return result;
}

static acap_result wait_and_take(acap__events *events, int64_t until_ns, acap_event *event)
{
    bool is_in_time = true;

    acap__mutex_lock(&events->lock);
    acap_result result = take(events, event);
    while (result == ACAP_TIMED_OUT && is_in_time) {
        is_in_time = acap__cond_wait_until(&events->changed, &events->lock, until_ns);
        result = take(events, event);
    }
    acap__mutex_unlock(&events->lock);
    return result;
}

acap_result ACAP_CALL acap_context_next_event(acap_context *context, int64_t timeout_ns, acap_event *out)
{
    acap_event event = ACAP_EVENT_INIT;

    if (acap__forked())
        return acap__fail_forked();
    if (context == NULL || out == NULL || timeout_ns < ACAP_WAIT_FOREVER)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_context_next_event: %s",
                          context == NULL || out == NULL ? "context and event must not be NULL" : "timeout_ns is negative");
    /* Before an event is taken: one that cannot be handed over must not be lost. */
    acap_result result = acap__give_event(out, &event);
    if (result != ACAP_OK)
        return result;
    acap__context_watch_devices(context);
    result = wait_and_take(&context->events, acap__deadline(timeout_ns), &event);
    if (result == ACAP_OK)
        (void)acap__give_event(out, &event);
    return result;
}

acap_result ACAP_CALL acap_context_interrupt(acap_context *context)
{
    if (acap__forked())
        return acap__fail_forked();
    if (context == NULL)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_context_interrupt: context must not be NULL");
    acap__mutex_lock(&context->events.lock);
    context->events.is_interrupted = true;
    announce(&context->events);
    acap__mutex_unlock(&context->events.lock);
    return ACAP_OK;
}

static bool ensure_handle(acap__events *events)
{
    acap__mutex_lock(&events->lock);
    if (!events->has_handle && acap__event_open(&events->handle)) {
        events->has_handle = true;
        if (events->count != 0 || events->is_interrupted)
            acap__event_set(&events->handle);
    }
    const bool has_handle = events->has_handle;
    acap__mutex_unlock(&events->lock);
    return has_handle;
}

acap_result ACAP_CALL acap_context_get_wait_handle(acap_context *context, intptr_t *out)
{
    if (out != NULL)
        *out = -1;
    if (acap__forked())
        return acap__fail_forked();
    if (context == NULL || out == NULL)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_context_get_wait_handle: context and out must not be NULL");
    acap__context_watch_devices(context);
    if (!ensure_handle(&context->events))
        return acap__fail(ACAP_ERROR_LIMIT, "no descriptor is left for a wait handle: %s", strerror(errno));
    *out = context->events.handle.read_handle;
    return ACAP_OK;
}
