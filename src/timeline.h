/* SPDX-License-Identifier: MIT */
/* Owns: a stream's idea of time: when each frame was captured, how sure that is, how fast the device really runs, and what the host lost
 * without a word.
 * Used by: ingest_rt.c, on the audio thread: pure arithmetic on what each call of the host brings; no clock is read here.
 *
 * Model. Let f be the frames that the device has made when a call comes: handed over, and lost. The call cannot come before its last frame,
 * only later, so that lateness x = call - f / nominal rate has a lower envelope: a line whose slope is the device's drift. Everything
 * follows from that line:
 *   time    frame f was captured when the line says;
 *   rate    nominal * (1 - slope), of a slope that rate.h finds with more care;
 *   loss    what was queued meanwhile comes in a burst and lateness falls back to the line; what was lost leaves it above for good.
 * The envelope is the lower convex hull of the smallest lateness of each quarter of a second. */
#ifndef ACAP_SRC_TIMELINE_H
#define ACAP_SRC_TIMELINE_H

#include "base.h"
#include "rate.h"

#define ACAP__TIMELINE_POINTS 240u /* a minute of quarter seconds */

/* What one call of the host tells. */
typedef struct acap__tick {
    int64_t entry_ns;  /* the stream's clock at the call */
    int64_t delay_ns;  /* age of its first frame by the host's word; negative: unknown */
    uint32_t frame_count;
    bool host_overflow; /* the host says that it lost something before this */
} acap__tick;

/* What follows from it. */
typedef struct acap__moment {
    int64_t first_ns;          /* when its first frame was captured */
    int64_t error_ns;          /* bound of the error of that; INT64_MAX: unknown yet */
    double frame_ns;           /* how long a frame lasts by the device's measured rate */
    uint64_t lost_frames;      /* found lost by the host now, to be accounted before this call's frames; 0: none */
    uint64_t late_span_frames; /* the loss lies somewhere within so many frames before this call's; 0: right here */
} acap__moment;

/* A lateness: times and lateness in ns since the first call. */
typedef struct acap__late_point {
    double at;
    double lateness;
} acap__late_point;

/* Lateness that stays above the line: either a backlog that will be handed over, or a loss. */
typedef struct acap__suspicion {
    bool is_open;
    bool is_flagged;      /* the host said so */
    bool has_caught_up;   /* some of it came after all */
    uint64_t since_frame; /* frames handed over when it began */
    double opened_at;     /* or when it last fell to a new low */
    double lowest;        /* lateness above the line since it began */
    double highest;       /* since opened_at */
    double settled_at;    /* since when the lateness has been level */
    double least;         /* lateness above the line since then */
    double most;
} acap__suspicion;

typedef struct acap__timeline {
    uint32_t rate_hz;
    double frame_ns; /* nominal */
    bool has_begun;
    bool has_learned;
    int64_t origin_ns;      /* the first call */
    uint64_t frames;        /* the device has made, as far as known */
    uint64_t handed_frames; /* of these, handed over */
    uint32_t calls;
    double period_ns; /* of the last call */
    /* the envelope: lateness = offset + slope * at */
    double slope;
    double offset;
    acap__late_point points[ACAP__TIMELINE_POINTS]; /* ring */
    uint32_t point_count;
    uint32_t next_point;
    /* the quarter of a second that is under way */
    double window_start;
    acap__late_point window_least;
    double window_most; /* above the line */
    double window_low;
    bool is_window_open;
    double jitter;  /* how far lateness scatters above the line, of late */
    double doubt;   /* the line was raised by so much for want of a better explanation: a longer queue, or a loss too small to tell */
    double excursion; /* how far the last suspicion reached that came to nothing, and when */
    double excursion_at;
    double host_ns; /* the smallest age of a call's last frame by the host's word; negative: it has said nothing plausible */
    acap__suspicion suspicion;
    acap__rate rate;
} acap__timeline;

/* At each start of a device: forgets what it knew of the old one. rt. */
void acap__timeline_start(acap__timeline *timeline, uint32_t rate_hz) ACAP__NONBLOCKING;
/* One call of the host. rt. */
void acap__timeline_step(acap__timeline *timeline, const acap__tick *tick, acap__moment *moment) ACAP__NONBLOCKING;
/* No more calls come: frames whose loss was suspected and not yet decided; late_span_frames as in a moment. rt. */
uint64_t acap__timeline_finish(acap__timeline *timeline, uint64_t *late_span_frames) ACAP__NONBLOCKING;
/* The device's rate by this clock; 0: not known yet. rt. */
double acap__timeline_rate_hz(const acap__timeline *timeline) ACAP__NONBLOCKING;

#endif
