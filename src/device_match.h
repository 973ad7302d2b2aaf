/* SPDX-License-Identifier: MIT */
/* Owns: what a device string means: which device of a list a user's words pick, and what to answer when they pick none or several.
 * Used by: back ends that list devices. */
#ifndef ACAP_SRC_DEVICE_MATCH_H
#define ACAP_SRC_DEVICE_MATCH_H

#include "base.h"
#include "result.h"

typedef struct acap__device_name {
    const char *id;
    const char *name;
} acap__device_name;

/* Picks the first of these that fits: the device with this id, with this name, with this id or name but for case, whose id or name contains
   wanted but for case (ASCII). ACAP_ERROR_NO_DEVICE when none fits, with near ones in words, or when several fit equally well, with theirs.
   Pure: no state, no allocation. */
acap_result acap__device_match(const acap__device_name *devices, size_t count, const char *wanted, size_t *index, acap__failure *failure);

#endif
