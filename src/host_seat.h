/* SPDX-License-Identifier: MIT */
/* Owns: the question which thread may touch what only a host thread may touch.
 * Used by: back ends. A thread that was left behind comes back some day, in the middle of a call, and by then another thread works with the
 * same library: it must hand over what is left to do (acap__host_post) instead of doing it. */
#ifndef ACAP_SRC_HOST_SEAT_H
#define ACAP_SRC_HOST_SEAT_H

#include "host.h"

/* True on the host's thread; false on any other and on one that was left behind. */
bool acap__host_is_current(acap__host *host);

#endif
