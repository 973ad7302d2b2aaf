/* SPDX-License-Identifier: MIT */
/* Owns: DEVICES_CHANGED: a look at the directory of the sound devices whenever the system says that it has changed.
 * Called by: context.c; the thread waits for the system and posts. */
#include "device_watch.h"

#include "leaving.h"

#include <stdlib.h>

#define PARENT "/dev"
#define NAME "snd"
#define SETTLE_NS (200 * ACAP__NS_PER_MS) /* one device makes several entries */

struct acap__device_watch {
    acap__dir_watch directory;
    acap__mutex lock;
    acap__events *events; /* under lock; NULL: stopped */
};

static void tell(acap__events *events)
{
    acap_event event = ACAP_EVENT_INIT;

    event.type = ACAP_EVENT_DEVICES_CHANGED;
    event.level = ACAP_LEVEL_INFO;
    acap__events_post(events, &event, "sound devices have come or gone");
}

static void post(acap__device_watch *watch)
{
    acap__mutex_lock(&watch->lock);
    if (watch->events != NULL)
        tell(watch->events);
    acap__mutex_unlock(&watch->lock);
}

static bool is_stopped(acap__device_watch *watch)
{
    acap__mutex_lock(&watch->lock);
    const bool is_stopped = watch->events == NULL;
    acap__mutex_unlock(&watch->lock);
    return is_stopped;
}

static void run(void *argument)
{
    acap__device_watch *watch = argument;

    while (acap__dir_watch_wait(&watch->directory, INT64_MAX) && !is_stopped(watch)) {
        const int64_t settled_ns = acap_clock_ns() + SETTLE_NS;
        while (acap_clock_ns() < settled_ns && acap__dir_watch_wait(&watch->directory, settled_ns) && !is_stopped(watch))
            ;
        if (!is_stopped(watch))
            post(watch);
    }
    acap__dir_watch_close(&watch->directory);
    acap__mutex_destroy(&watch->lock);
    free(watch);
    acap__leaving_end();
}

acap__dir_stamp acap__device_watch_stamp(void)
{
    return acap__dir_stamp_now(PARENT, NAME);
}

static bool has_changed(const acap__dir_stamp *since)
{
    const acap__dir_stamp now = acap__device_watch_stamp();

    return now.id != since->id || now.changed_ns != since->changed_ns || now.size_bytes != since->size_bytes;
}

acap__device_watch *acap__device_watch_start(acap__events *events, const acap__dir_stamp *since)
{
    acap__device_watch *watch = calloc(1, sizeof *watch);

    if (watch == NULL)
        return NULL;
    if (!acap__dir_watch_open(&watch->directory, PARENT, NAME)) {
        free(watch);
        return NULL;
    }
    acap__mutex_init(&watch->lock);
    watch->events = events;
    if (acap__thread_start(run, watch, "acap-devices")) {
        /* The directory is watched by now, so that nothing falls between. */
        if (has_changed(since))
            tell(events);
        return watch;
    }
    acap__dir_watch_close(&watch->directory);
    acap__mutex_destroy(&watch->lock);
    free(watch);
    return NULL;
}

void acap__device_watch_stop(acap__device_watch *watch)
{
    if (watch == NULL)
        return;
    acap__leaving_begin();
    acap__mutex_lock(&watch->lock);
    watch->events = NULL;
    /* Under the lock: the thread frees the watch once it has seen the stop. */
    acap__dir_watch_rouse(&watch->directory);
    acap__mutex_unlock(&watch->lock);
}
