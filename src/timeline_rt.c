/* SPDX-License-Identifier: MIT */
/* Owns: the envelope of lateness, and what follows from it (timeline.h has the model).
 * Called by: ingest_rt.c, on the audio thread: no allocation, no library call, a bounded loop once in a quarter of a second. */
#include "timeline.h"

#include <string.h>

#define MS 1e6
#define WINDOW_NS (250 * MS)
#define LEARN_NS (300 * MS)  /* the first of a stream: servers fill their queues; what is not flagged is not suspected yet */
#define FIT_NS (750 * MS)    /* over less, a slope is chance */
#define LEARN_CALLS 8u
#define SETTLE_NS (1000 * MS) /* a backlog that is still coming does not stay level so long */
#define GIVE_UP_NS (5000 * MS)
#define REPEAT_NS (1000 * MS)
#define FINISH_CALLS 4u
#define FINISH_NS (100 * MS)
#define MIDDLE_FROM 0.3 /* of the span of the points */
#define SLOPE_MAX 2e-3   /* no crystal is worse; what is, is no clock */
#define SLOPE_USUAL 3e-4 /* few are worse: what looks so at first may be the scatter of the calls */
#define SLOPE_SCATTER 10
#define STEP_NS (1 * MS)
/* What a server may shift its queue by while it catches up: measured, see docs/what-can-go-wrong.md. */
#define CAUGHT_UP_FLOOR_NS (40 * MS)
#define SCATTER_MARGIN 1.5
#define ERROR_FLOOR_NS (0.1 * MS)
#define ERROR_MARGIN 1.25 /* of what has been seen to what may come */

void acap__timeline_start(acap__timeline *timeline, uint32_t rate_hz)
{
    memset(timeline, 0, sizeof *timeline);
    timeline->rate_hz = rate_hz;
    timeline->frame_ns = 1e9 / rate_hz;
    timeline->host_ns = -1;
    acap__rate_start(&timeline->rate);
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static double line_at(const acap__timeline *timeline, double at)
{
    return timeline->offset + timeline->slope * at;
}

/* ---- the envelope ---- */

static const acap__late_point *point_at(const acap__timeline *timeline, uint32_t age_order)
{
    const uint32_t oldest = timeline->next_point + ACAP__TIMELINE_POINTS - timeline->point_count;

    return &timeline->points[(oldest + age_order) % ACAP__TIMELINE_POINTS];
}

/* > 0: c lies above the line through a and b. */
static double turn(const acap__late_point *a, const acap__late_point *b, const acap__late_point *c)
{
    return (b->at - a->at) * (c->lateness - a->lateness) - (b->lateness - a->lateness) * (c->at - a->at);
}

/* The lower hull, left to right; returns how many points it has. */
static uint32_t lower_hull(const acap__timeline *timeline, acap__late_point *hull)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < timeline->point_count; i++) {
        const acap__late_point *point = point_at(timeline, i);
        while (count >= 2 && turn(&hull[count - 2], &hull[count - 1], point) <= 0)
            count--;
        hull[count++] = *point;
    }
    return count;
}

/* The scatter over a short time looks like a drift. */
static double limited(const acap__timeline *timeline, double slope, double span)
{
    const double limit = larger(SLOPE_MAX - SLOPE_SCATTER * timeline->jitter / span, SLOPE_USUAL);

    return slope > limit ? limit : slope < -limit ? -limit : slope;
}

/* The mean slope of the hull's edges over the middle of the points. The one edge over the very middle belongs to the line nearest to the
   points of all below them, but it may be short, and then its slope is chance. */
static double slope_of(const acap__timeline *timeline, const acap__late_point *hull, uint32_t count)
{
    const double first = point_at(timeline, 0)->at;
    const double span = point_at(timeline, timeline->point_count - 1)->at - first;
    const double from = first + span * MIDDLE_FROM;
    const double to = first + span * (1.0 - MIDDLE_FROM);
    double length = 0;
    double rise = 0;

    for (uint32_t i = 1; i < count; i++) {
        const acap__late_point *a = &hull[i - 1];
        const acap__late_point *b = &hull[i];
        const double part = (b->at < to ? b->at : to) - larger(a->at, from);
        if (part <= 0)
            continue;
        length += part;
        rise += part * (b->lateness - a->lateness) / (b->at - a->at);
    }
    return length > 0 ? limited(timeline, rise / length, span) : timeline->slope;
}

/* The highest line with the measured slope that no point lies below. */
static void fit(acap__timeline *timeline)
{
    acap__late_point hull[ACAP__TIMELINE_POINTS];
    const uint32_t count = lower_hull(timeline, hull);

    if (hull[count - 1].at - hull[0].at >= FIT_NS)
        timeline->slope = slope_of(timeline, hull, count);
    timeline->offset = hull[0].lateness - timeline->slope * hull[0].at;
    for (uint32_t i = 1; i < count; i++) {
        const double offset = hull[i].lateness - timeline->slope * hull[i].at;
        timeline->offset = offset < timeline->offset ? offset : timeline->offset;
    }
}

static void add_point(acap__timeline *timeline, acap__late_point point)
{
    timeline->points[timeline->next_point] = point;
    timeline->next_point = (timeline->next_point + 1) % ACAP__TIMELINE_POINTS;
    if (timeline->point_count < ACAP__TIMELINE_POINTS)
        timeline->point_count++;
    fit(timeline);
}

/* The queue before us has become longer or shorter for good: the drift stays, the rest begins anew. */
static void restart_envelope(acap__timeline *timeline, acap__late_point point)
{
    timeline->point_count = 0;
    timeline->next_point = 0;
    timeline->is_window_open = false;
    timeline->offset = point.lateness - timeline->slope * point.at;
    acap__rate_break(&timeline->rate);
}

static void close_window(acap__timeline *timeline)
{
    const double scatter = timeline->window_most - timeline->window_low;

    timeline->jitter = larger(scatter, timeline->jitter * 0.95);
    add_point(timeline, timeline->window_least);
    timeline->is_window_open = false;
}

static void note_window(acap__timeline *timeline, acap__late_point point, double above)
{
    if (timeline->is_window_open && point.at - timeline->window_start >= WINDOW_NS)
        close_window(timeline);
    if (!timeline->is_window_open) {
        timeline->is_window_open = true;
        timeline->window_start = point.at;
        timeline->window_least = point;
        timeline->window_most = above;
        timeline->window_low = above;
        return;
    }
    if (point.lateness - timeline->slope * point.at < timeline->window_least.lateness - timeline->slope * timeline->window_least.at)
        timeline->window_least = point;
    timeline->window_most = larger(timeline->window_most, above);
    timeline->window_low = above < timeline->window_low ? above : timeline->window_low;
}

/* ---- suspicion ---- */

/* How much must stay before it is believed: more than a call, and than the scatter of the calls. */
static double threshold(const acap__timeline *timeline)
{
    const acap__suspicion *suspicion = &timeline->suspicion;
    const double scatter = suspicion->most - suspicion->least;

    if (suspicion->is_flagged && !suspicion->has_caught_up)
        return larger(timeline->period_ns / 4, scatter);
    const double limit = larger(timeline->period_ns, SCATTER_MARGIN * larger(scatter, timeline->jitter));
    return suspicion->has_caught_up ? larger(limit, CAUGHT_UP_FLOOR_NS) : limit;
}

/* How late a call must be to be looked at. */
static double suspicious_ns(const acap__timeline *timeline, bool is_flagged)
{
    return is_flagged ? timeline->period_ns / 4 : larger(timeline->period_ns / 2, SCATTER_MARGIN * timeline->jitter);
}

static void open_suspicion(acap__timeline *timeline, double at, double above, bool is_flagged)
{
    timeline->suspicion = (acap__suspicion){.is_open = true,
                                            .is_flagged = is_flagged,
                                            .since_frame = timeline->handed_frames,
                                            .opened_at = at,
                                            .lowest = above,
                                            .highest = above,
                                            .settled_at = at,
                                            .least = above,
                                            .most = above};
}

/* Follows the lateness down, and up: a second loss may come on top. True: it has been level for long enough. */
static bool follow(acap__timeline *timeline, double at, double above)
{
    acap__suspicion *suspicion = &timeline->suspicion;
    const double step = larger(STEP_NS, timeline->jitter);

    /* Still coming: as long as it falls, nobody gives up. */
    if (above < suspicion->lowest - step) {
        suspicion->opened_at = at;
        suspicion->highest = above;
    }
    suspicion->lowest = above < suspicion->lowest ? above : suspicion->lowest;
    suspicion->highest = larger(suspicion->highest, above);
    if (above < suspicion->least - step || above > suspicion->most + larger(step, timeline->period_ns / 2)) {
        suspicion->has_caught_up = suspicion->has_caught_up || above < suspicion->least;
        suspicion->settled_at = at;
        suspicion->least = above;
        suspicion->most = above;
        return false;
    }
    suspicion->least = above < suspicion->least ? above : suspicion->least;
    suspicion->most = larger(suspicion->most, above);
    /* Calls that scatter more than they did before: a machine that is busy for a while. */
    const bool is_level = suspicion->most - suspicion->least <= larger(2 * step, timeline->period_ns);
    return is_level && at - suspicion->settled_at >= SETTLE_NS;
}

/* What does not become level is scatter that was not known before; a loss must stand out of it. */
static bool has_waited_enough(acap__timeline *timeline, double at)
{
    acap__suspicion *suspicion = &timeline->suspicion;

    if (at - suspicion->opened_at < GIVE_UP_NS)
        return false;
    suspicion->least = suspicion->lowest;
    suspicion->most = suspicion->highest;
    timeline->jitter = larger(timeline->jitter, suspicion->highest - suspicion->lowest);
    return true;
}

/* Back at the line: nothing was lost. Once is an accident; what happens again soon is how the calls of this host scatter. */
static void close_suspicion(acap__timeline *timeline, double at)
{
    const double reach = timeline->suspicion.highest;

    if (!timeline->suspicion.is_open)
        return;
    timeline->suspicion.is_open = false;
    if (at - timeline->excursion_at < REPEAT_NS)
        timeline->jitter = larger(timeline->jitter, reach < timeline->excursion ? reach : timeline->excursion);
    timeline->excursion = reach;
    timeline->excursion_at = at;
}

/* Takes what is believed lost into the account of the device's frames. */
static uint64_t decide(acap__timeline *timeline, uint64_t *late_span_frames)
{
    const acap__suspicion *suspicion = &timeline->suspicion;
    uint64_t lost_frames = 0;

    if (suspicion->least >= threshold(timeline))
        lost_frames = (uint64_t)(suspicion->least / timeline->frame_ns + 0.5);
    *late_span_frames = timeline->handed_frames - suspicion->since_frame;
    timeline->frames += lost_frames;
    timeline->suspicion.is_open = false;
    return lost_frames;
}

/* Lateness within the last call's reach of the line is no suspicion; beyond, it is followed until it is decided. */
static void judge(acap__timeline *timeline, acap__late_point point, double above, bool is_flagged, acap__moment *moment)
{
    acap__suspicion *suspicion = &timeline->suspicion;
    const double limit = suspicious_ns(timeline, is_flagged || (suspicion->is_open && suspicion->is_flagged));

    if (above < limit) {
        close_suspicion(timeline, point.at);
        return;
    }
    if (!suspicion->is_open) {
        open_suspicion(timeline, point.at, above, is_flagged);
        return;
    }
    suspicion->is_flagged = suspicion->is_flagged || is_flagged;
    if (!follow(timeline, point.at, above) && !has_waited_enough(timeline, point.at))
        return;
    moment->lost_frames = decide(timeline, &moment->late_span_frames);
    point.lateness -= (double)moment->lost_frames * timeline->frame_ns;
    if (moment->lost_frames == 0) {
        timeline->doubt += suspicion->least;
        restart_envelope(timeline, point);
    }
    acap__rate_break(&timeline->rate); /* what was found lost is known only to within the scatter */
}

uint64_t acap__timeline_finish(acap__timeline *timeline, uint64_t *late_span_frames)
{
    const acap__suspicion *suspicion = &timeline->suspicion;

    *late_span_frames = 0;
    /* Too few calls since it began: late calls, more likely than a loss. */
    if (!suspicion->is_open
        || (double)(timeline->handed_frames - suspicion->since_frame) * timeline->frame_ns
            < larger(FINISH_CALLS * timeline->period_ns, FINISH_NS))
        return 0;
    return decide(timeline, late_span_frames);
}

/* ---- time ---- */

/* When the device made frame f, by the line: at - f * frame = offset + slope * at, solved for at. */
static double made_at(const acap__timeline *timeline, uint64_t f)
{
    return ((double)f * timeline->frame_ns + timeline->offset) / (1.0 - timeline->slope);
}

/* The host's word on the age of a call's last frame: only the smallest is of use, as the others hold the call's own lateness. */
static void hear_host(acap__timeline *timeline, const acap__tick *tick)
{
    const double last_age_ns = (double)tick->delay_ns - (double)tick->frame_count * timeline->frame_ns;

    if (tick->delay_ns < 0 || last_age_ns < 0)
        return;
    if (timeline->host_ns < 0 || last_age_ns < timeline->host_ns)
        timeline->host_ns = last_age_ns;
}

/* A call was late by no more than it lies above the line: neither were its frames, whether some were lost before them or not. */
static void tell_time(const acap__timeline *timeline, const acap__tick *tick, double above, acap__moment *moment)
{
    const double host_ns = timeline->host_ns > 0 ? timeline->host_ns : 0;

    moment->frame_ns = timeline->frame_ns / (1.0 - timeline->slope);
    moment->first_ns = timeline->origin_ns + (int64_t)(made_at(timeline, timeline->frames - tick->frame_count) - host_ns);
    moment->error_ns = INT64_MAX;
    if (timeline->point_count >= 2)
        moment->error_ns =
            (int64_t)(ERROR_MARGIN * larger(larger(timeline->jitter, above), ERROR_FLOOR_NS) + timeline->doubt + host_ns);
    /* What is being looked at may turn out to be scatter, and the line too low. */
    if (timeline->suspicion.is_open && moment->error_ns != INT64_MAX)
        moment->error_ns += (int64_t)timeline->suspicion.highest;
}

/* True as long as what is not flagged is taken for a server that fills its queue. At the end of that the queue is what it is: whatever it
   gained on the way is neither drift nor loss. */
static bool is_learning(acap__timeline *timeline, acap__late_point point, bool is_flagged)
{
    const bool is_learning = point.at < LEARN_NS || timeline->calls < LEARN_CALLS;

    if (is_learning || timeline->has_learned)
        return is_learning;
    timeline->has_learned = true;
    if (is_flagged || timeline->suspicion.is_open)
        return false;
    timeline->doubt += point.lateness - line_at(timeline, point.at);
    timeline->jitter = 0;
    restart_envelope(timeline, point);
    return false;
}

/* The line is never above a call: the call proves that its frames were there. */
static void lower_line(acap__timeline *timeline, acap__late_point point)
{
    const double drop = line_at(timeline, point.at) - point.lateness;

    if (drop <= 0)
        return;
    timeline->doubt = larger(timeline->doubt - drop, 0);
    if (drop > larger(STEP_NS, timeline->jitter))
        restart_envelope(timeline, point);
    else
        timeline->offset = point.lateness - timeline->slope * point.at;
}

void acap__timeline_step(acap__timeline *timeline, const acap__tick *tick, acap__moment *moment)
{
    if (!timeline->has_begun) {
        timeline->has_begun = true;
        timeline->origin_ns = tick->entry_ns;
        timeline->offset = -(double)tick->frame_count * timeline->frame_ns;
    }
    *moment = (acap__moment){0};
    timeline->calls++;
    timeline->period_ns = (double)tick->frame_count * timeline->frame_ns;
    acap__late_point point = {(double)(tick->entry_ns - timeline->origin_ns), 0};
    point.lateness = point.at - (double)(timeline->frames + tick->frame_count) * timeline->frame_ns;
    lower_line(timeline, point);
    const bool learns = is_learning(timeline, point, tick->host_overflow);
    const double above = point.lateness - line_at(timeline, point.at);
    if (!learns || tick->host_overflow || timeline->suspicion.is_open)
        judge(timeline, point, above, tick->host_overflow, moment);
    hear_host(timeline, tick);
    timeline->frames += tick->frame_count;
    timeline->handed_frames += tick->frame_count;
    if (!timeline->suspicion.is_open && moment->lost_frames == 0) {
        note_window(timeline, point, above);
        if (!learns)
            acap__rate_note(&timeline->rate, point.at, point.lateness);
    }
    tell_time(timeline, tick, above - (double)moment->lost_frames * timeline->frame_ns, moment);
}

double acap__timeline_rate_hz(const acap__timeline *timeline)
{
    return timeline->rate.is_known ? timeline->rate_hz * (1.0 - timeline->rate.slope) : 0.0;
}
