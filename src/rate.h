/* SPDX-License-Identifier: MIT */
/* Owns: how fast the device runs: the slope of the lateness of a host's calls (timeline.h says what that is), and when it is known.
 * Used by: timeline_rt.c, on the audio thread.
 *
 * Model. Of each window of a quarter of a second the least and the greatest lateness count. Above the true line the least ones scatter like
 * the waiting times of a Poisson process, whatever the distribution of all the others: exponentially, about a mean that is not known. The
 * likelihood of a slope is then R^-(windows - 1), with R the mean height of the points above the highest line of that slope that none lies
 * below; and the same from above. The mean of the slopes under the product of both is the best that can be told: for uniform jitter it is
 * as good as the best estimate from all calls, whose error falls with their number, not with its root. A side that scatters widely, as the
 * upper one does with a host that is late now and then, takes next to no part. */
#ifndef ACAP_SRC_RATE_H
#define ACAP_SRC_RATE_H

#include "base.h"

#define ACAP__RATE_WINDOWS 240u

typedef struct acap__rate_window {
    double least_at; /* ns */
    double least;
    double most_at;
    double most;
} acap__rate_window;

typedef struct acap__rate {
    acap__rate_window windows[ACAP__RATE_WINDOWS]; /* ring */
    uint32_t count;
    uint32_t next;
    double window_ns; /* doubles when there is no more room */
    acap__rate_window current;
    double current_from;
    double lowest; /* in the current window, above a line with the slope of the guess */
    double highest;
    bool is_current_open;
    double guess; /* the slope by what was seen since the last break, known or not */
    uint32_t misfits; /* in a row: what was seen since the last break is no line */
    uint32_t doubts; /* breaks for that, in a row, without a slope that became known */
    bool is_broken;  /* at least once */
    /* the result */
    bool is_known;
    bool is_of_before; /* the last break */
    double slope;
    double variance;
} acap__rate;

/* rt. */
void acap__rate_start(acap__rate *rate) ACAP__NONBLOCKING;
/* The lateness of one call. rt. */
void acap__rate_note(acap__rate *rate, double at, double lateness) ACAP__NONBLOCKING;
/* What comes cannot be compared with what was: something may have been lost between. What is known stays so. rt. */
void acap__rate_break(acap__rate *rate) ACAP__NONBLOCKING;

#endif
