/* SPDX-License-Identifier: MIT */
/* Owns: the language of simulated device ids: "sim:sine?pace=real&hz=440&xrun=2s:480f".
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

#define ACAP__SIM_STUCK_OPEN 1u
#define ACAP__SIM_STUCK_START 2u
#define ACAP__SIM_STUCK_STOP 4u
#define ACAP__SIM_FAIL_OPEN 1u
#define ACAP__SIM_FAIL_START 2u
#define ACAP__SIM_FAULTS_MAX 16u

typedef enum acap__sim_fault_kind {
    ACAP__FAULT_XRUN,
    ACAP__FAULT_STALL,
} acap__sim_fault_kind;

/* Times count from the stream's first start, by the device's nominal rate, stopped time left out. */
typedef struct acap__sim_fault {
    acap__sim_fault_kind kind;
    int64_t at_ns;
    uint64_t lost_frames; /* xrun */
    int64_t length_ns;    /* stall */
    bool has_no_burst;    /* stall: the device was opened within it, and nothing was captured before */
    bool is_flagged;      /* xrun: the host says so */
} acap__sim_fault;

typedef struct acap__sim_options {
    acap__signal_kind kind;
    acap__pace pace;
    double frequency_hz;
    uint32_t period_frames;
    double ppm;
    int64_t jitter_ns;
    int64_t burst_ns;  /* how much of a stall comes afterwards, at once; the oldest is lost; 0: nothing */
    int64_t unplug_ns; /* INT64_MAX: never */
    int64_t replug_ns; /* INT64_MAX: never */
    uint32_t stuck;    /* ACAP__SIM_STUCK_* */
    int64_t stuck_ns;  /* for how long; INT64_MAX: for ever */
    uint32_t fail;     /* ACAP__SIM_FAIL_* */
    uint32_t fault_count;
    acap__sim_fault faults[ACAP__SIM_FAULTS_MAX];
} acap__sim_options;

/* device NULL: "sim:counter". */
acap_result acap__sim_parse(const char *device, acap__sim_options *options, acap__failure *failure);

/* The names of the devices, for lists; NULL past the end. */
const char *acap__sim_name(size_t index);

#endif
