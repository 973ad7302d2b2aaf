/* SPDX-License-Identifier: MIT */
/* Owns: the language of simulated device ids: "sim:sine?pace=real&hz=440&period=256".
 * Used by: backend_sim.c. */
#ifndef ACAP_SRC_SIM_OPTIONS_H
#define ACAP_SRC_SIM_OPTIONS_H

#include "result.h"
#include "sim_signal.h"

typedef enum acap__pace {
    ACAP__PACE_REAL,
    ACAP__PACE_FAST,
    ACAP__PACE_MANUAL,
} acap__pace;

typedef struct acap__sim_options {
    acap__signal_kind kind;
    acap__pace pace;
    double frequency_hz;
    uint32_t period_frames;
} acap__sim_options;

/* device NULL: "sim:counter". */
acap_result acap__sim_parse(const char *device, acap__sim_options *options, acap__failure *failure);

/* The names of the devices, for lists; NULL past the end. */
const char *acap__sim_name(size_t index);

#endif
