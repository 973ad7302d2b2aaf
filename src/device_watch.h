/* SPDX-License-Identifier: MIT */
/* Owns: the thread that notices devices coming and going, for one context.
 * Used by: context.c, from the first time that somebody asks for events. */
#ifndef ACAP_SRC_DEVICE_WATCH_H
#define ACAP_SRC_DEVICE_WATCH_H

#include "events.h"
#include "os.h"

typedef struct acap__device_watch acap__device_watch;

/* NULL: this system has no means to notice. */
acap__device_watch *acap__device_watch_start(acap__events *events);
/* Its thread posts nothing more; it ends by itself. NULL does nothing. */
void acap__device_watch_stop(acap__device_watch *watch);

#endif
