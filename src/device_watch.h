/* SPDX-License-Identifier: MIT */
/* Owns: the thread that notices devices coming and going, for one context.
 * Used by: context.c, from the first time that somebody asks for events. */
#ifndef ACAP_SRC_DEVICE_WATCH_H
#define ACAP_SRC_DEVICE_WATCH_H

#include "events.h"
#include "os.h"

typedef struct acap__device_watch acap__device_watch;

/* What there is now, at a price of no descriptor: there may be more contexts than the system lets one user watch. */
acap__dir_stamp acap__device_watch_stamp(void);
/* What has changed since that stamp is told at once. NULL: this system has no means to notice. */
acap__device_watch *acap__device_watch_start(acap__events *events, const acap__dir_stamp *since);
/* Its thread posts nothing more; it ends by itself. NULL does nothing. */
void acap__device_watch_stop(acap__device_watch *watch);

#endif
