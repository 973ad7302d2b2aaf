/* SPDX-License-Identifier: MIT */
/* Owns: the slope of lateness (rate.h has the model).
 * Called by: timeline_rt.c, on the audio thread: no allocation, no library call, a few bounded loops once a quarter of a second at
 * first, and once in two seconds later. */
#include "rate.h"

#include "check.h"

#include <string.h>

#define WINDOW_NS 250e6
#define WINDOW_MAX_NS 8e9 /* half an hour in all: longer, and the device's temperature is another */
#define WINDOWS_MIN 16u
#define EACH_UNTIL 48u /* windows: 12 s */
#define THEN_EACH 8u
#define FLOOR_NS 100.0 /* no clock is better */
#define GRID 32u
#define TAIL 10.0 /* of the likelihood's logarithm: what lies beyond does not count */
/* Over a shorter time, what wanders in the host looks like drift. */
#define SPAN_MIN_NS 4e9
#define SPAN_JITTERS 1500
#define SPAN_ENOUGH_NS 55e9
/* The standard deviation of what is called known; 10 s after the start of a stream, little is better than nothing. */
#define KNOWN_ERROR 4e-6
#define FIRST_NS 9e9
#define KNOWN_ERROR_FIRST 12e-6
/* Blocks of windows whose least lateness leaves the line together: a step that nobody noticed, or a host that wanders. */
#define BLOCKS 8u
#define BLOCKS_LIMIT 4.0
#define BLOCKS_LIMIT_FEW 60.0
#define BEND_OF_SCATTER 1.7 /* mean size of the second difference of what is exponentially distributed, the two largest left out */
#define BLOCKS_FLOOR_NS 1000.0
#define UNEQUAL 4.0
#define STEP_TO_SLOPE 6.0 /* what a step does to the slope, by the mean height of the blocks above the line */
#define STEP_SLOPE_MAX 5e-6
#define MISFITS_MAX 4u /* in a row: less is chance */
#define DOUBTS_MAX 3u
#define STRETCH_FROM 1.5

typedef struct point {
    double at;
    double lateness;
} point;

/* The points of one side, seen from below: the upper side is turned upside down. */
typedef struct side {
    double sign;
    point mean;
    point hull[ACAP__RATE_WINDOWS];
    uint32_t hull_count;
    uint32_t cursor; /* the point of the hull that the line touches */
    uint32_t point_count;
    double least_mean; /* the smallest mean height of the points above a line */
    double from;       /* slopes within which the likelihood counts */
    double to;
} side;

typedef struct estimate {
    double slope;
    double variance;
} estimate;

void acap__rate_start(acap__rate *rate)
{
    memset(rate, 0, sizeof *rate);
    rate->window_ns = WINDOW_NS;
}

void acap__rate_break(acap__rate *rate)
{
    rate->is_broken = rate->is_broken || rate->count != 0;
    rate->count = 0;
    rate->next = 0;
    rate->window_ns = WINDOW_NS;
    rate->is_current_open = false;
    rate->misfits = 0;
    rate->is_of_before = rate->is_known;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static acap__rate_window *window_at(acap__rate *rate, uint32_t age_order)
{
    return &rate->windows[(rate->next + ACAP__RATE_WINDOWS - rate->count + age_order) % ACAP__RATE_WINDOWS];
}

static double span_of(acap__rate *rate)
{
    return window_at(rate, rate->count - 1)->least_at - window_at(rate, 0)->least_at;
}

/* ---- one side ---- */

static point point_of(const acap__rate_window *window, double sign)
{
    return sign > 0 ? (point){window->least_at, window->least} : (point){window->most_at, -window->most};
}

/* > 0: c lies above the line through a and b. */
static double turn(const point *a, const point *b, const point *c)
{
    return (b->at - a->at) * (c->lateness - a->lateness) - (b->lateness - a->lateness) * (c->at - a->at);
}

static double edge_slope(const side *s, uint32_t i)
{
    return (s->hull[i + 1].lateness - s->hull[i].lateness) / (s->hull[i + 1].at - s->hull[i].at);
}

/* The mean height of the points above the highest line of a slope that none lies below. */
static double mean_height(side *s, double slope)
{
    while (s->cursor + 1 < s->hull_count && edge_slope(s, s->cursor) < slope)
        s->cursor++;
    while (s->cursor > 0 && edge_slope(s, s->cursor - 1) > slope)
        s->cursor--;
    const point *touched = &s->hull[s->cursor];
    return s->mean.lateness - touched->lateness - slope * (s->mean.at - touched->at) + FLOOR_NS;
}

/* The mean height falls and rises in straight lines between the slopes of the hull's edges: where it reaches a limit on one side. */
static double slope_at_height(side *s, uint32_t edge, int step, double limit)
{
    double slope = edge_slope(s, edge);

    for (;;) {
        const uint32_t vertex = step > 0 ? edge + 1 : edge;
        const bool is_last = step > 0 ? vertex + 1 == s->hull_count : vertex == 0;
        const double next = is_last ? slope : edge_slope(s, edge + (uint32_t)step);
        if (is_last || mean_height(s, next) > limit)
            return slope + (limit - mean_height(s, slope)) / (s->hull[vertex].at - s->mean.at);
        slope = next;
        edge += (uint32_t)step;
    }
}

static void find_hull(side *s, acap__rate *rate)
{
    for (uint32_t i = 0; i < rate->count; i++) {
        const point p = point_of(window_at(rate, i), s->sign);
        s->mean.at += p.at;
        s->mean.lateness += p.lateness;
        while (s->hull_count >= 2 && turn(&s->hull[s->hull_count - 2], &s->hull[s->hull_count - 1], &p) <= 0)
            s->hull_count--;
        s->hull[s->hull_count++] = p;
    }
    s->mean.at /= rate->count;
    s->mean.lateness /= rate->count;
}

static void look_at_side(side *s, acap__rate *rate, double sign)
{
    uint32_t middle = 0;

    s->sign = sign;
    s->mean = (point){0, 0};
    s->hull_count = 0;
    s->cursor = 0;
    s->point_count = rate->count;
    find_hull(s, rate);
    while (middle + 2 < s->hull_count && s->hull[middle + 1].at <= s->mean.at)
        middle++;
    s->least_mean = mean_height(s, edge_slope(s, middle));
    const double share = TAIL / (s->point_count - 1);
    const double limit = s->least_mean * (1 + share + share * share / 2);
    s->from = slope_at_height(s, middle, -1, limit);
    s->to = slope_at_height(s, middle, 1, limit);
}

static double power_of(double base, uint32_t exponent)
{
    double result = 1;

    for (; exponent != 0; exponent >>= 1) {
        result *= exponent & 1 ? base : 1;
        base *= base;
    }
    return result;
}

/* ---- the slope ---- */

static estimate weigh(side *below, side *above, double from, double to)
{
    const uint32_t exponent = below->point_count - 1;
    double sum = 0;
    double first = 0;
    double second = 0;

    for (uint32_t i = 0; i < GRID; i++) {
        const double part = (i + 0.5) / GRID;
        const double slope = from + (to - from) * part;
        double base = below->least_mean / mean_height(below, slope);
        if (above != NULL)
            base *= above->least_mean / mean_height(above, -slope);
        const double weight = power_of(base, exponent);
        sum += weight;
        first += weight * part;
        second += weight * part * part;
    }
    const double mean = first / sum;
    return (estimate){from + (to - from) * mean, (to - from) * (to - from) * (second / sum - mean * mean)};
}

/* How much the points scatter, each against its neighbours, so that neither slope nor a single step counts. */
static double scatter_of(acap__rate *rate, double sign)
{
    point a = point_of(window_at(rate, 0), sign);
    point b = point_of(window_at(rate, 1), sign);
    double sum = 0;
    double most = 0;
    double second = 0;

    for (uint32_t i = 2; i < rate->count; i++) {
        const point c = point_of(window_at(rate, i), sign);
        const double bend = a.lateness - 2 * b.lateness + c.lateness;
        const double size = bend < 0 ? -bend : bend;
        sum += size;
        second = size > most ? most : size > second ? size : second;
        most = size > most ? size : most;
        a = b;
        b = c;
    }
    return (sum - most - second) / (rate->count - 4) / BEND_OF_SCATTER;
}

/* Whether whole blocks of points lie so high above the line that the scatter does not explain it, and the slope may be wrong by it. */
static bool is_straight(side *s, acap__rate *rate, double slope, double scatter)
{
    const double line = s->mean.lateness - slope * s->mean.at - (mean_height(s, slope) - FLOOR_NS);
    double weighted = 0;
    double heights = 0;

    for (uint32_t block = 0; block < BLOCKS; block++) {
        const uint32_t from = block * rate->count / BLOCKS;
        const uint32_t to = (block + 1) * rate->count / BLOCKS;
        double least = 0;
        for (uint32_t i = from; i < to; i++) {
            const point p = point_of(window_at(rate, i), s->sign);
            const double height = p.lateness - slope * p.at - line;
            least = i == from || height < least ? height : least;
        }
        weighted += least * (to - from) / BLOCKS;
        heights += least / BLOCKS;
    }
    const double limit = BLOCKS_LIMIT + BLOCKS_LIMIT_FEW / rate->count;
    return weighted <= limit * (scatter + BLOCKS_FLOOR_NS)
        || STEP_TO_SLOPE * heights <= STEP_SLOPE_MAX * span_of(rate);
}

/* What was known before the last break is kept as long as it is the better estimate. */
static void publish(acap__rate *rate, const estimate *e, double jitter)
{
    const double span = span_of(rate);
    const double known = span >= FIRST_NS && !rate->is_broken ? KNOWN_ERROR_FIRST : KNOWN_ERROR;

    if ((span < SPAN_MIN_NS || span < SPAN_JITTERS * jitter) && span < SPAN_ENOUGH_NS)
        return;
    if (e->variance > known * known || (rate->is_of_before && e->variance > rate->variance && span < SPAN_ENOUGH_NS))
        return;
    rate->is_known = true;
    rate->is_of_before = false;
    rate->doubts = 0;
    rate->slope = e->slope;
    rate->variance = e->variance;
}

/* Points that all lie high above the line, and do not scatter so much, are not distributed exponentially: the estimate is worse than it
   seems. */
static double stretch(const side *s, double scatter)
{
    const double times = s->least_mean / (STRETCH_FROM * (scatter + FLOOR_NS));

    return times > 1 ? times * times : 1;
}

/* A side that scatters much more widely than the other is not asked. Two that are as good and do not agree, or do not follow their lines,
   are what a loss makes of them that nobody noticed; only if that is found all the time, it is how this host is. */
static bool choose(side *below, side *above, acap__rate *rate, estimate *e)
{
    const double from = larger(below->from, -above->to);
    const double to = -larger(-below->to, above->from);
    const double scatter_below = scatter_of(rate, 1);
    const double scatter_above = scatter_of(rate, -1);
    const bool has_doubts = rate->doubts == DOUBTS_MAX;

    if (from < to) {
        *e = weigh(below, above, from, to);
        e->variance *= larger(stretch(below, scatter_below), stretch(above, scatter_above));
        if (is_straight(below, rate, e->slope, scatter_below) && is_straight(above, rate, -e->slope, scatter_above))
            return true;
    }
    *e = weigh(below, NULL, below->from, below->to);
    e->variance *= stretch(below, scatter_below);
    if ((has_doubts || scatter_above > UNEQUAL * scatter_below) && is_straight(below, rate, e->slope, scatter_below))
        return true;
    *e = weigh(above, NULL, above->from, above->to);
    e->variance *= stretch(above, scatter_above);
    e->slope = -e->slope;
    return (has_doubts || scatter_below > UNEQUAL * scatter_above) && is_straight(above, rate, -e->slope, scatter_above);
}

static void estimate_slope(acap__rate *rate)
{
    side below;
    side above;
    estimate e;

    look_at_side(&below, rate, 1);
    look_at_side(&above, rate, -1);
    if (choose(&below, &above, rate, &e)) {
        rate->misfits = 0;
        rate->guess = e.slope;
        publish(rate, &e, -above.mean.lateness - below.mean.lateness - e.slope * (above.mean.at - below.mean.at));
    } else if (++rate->misfits >= MISFITS_MAX && rate->doubts < DOUBTS_MAX) {
        rate->doubts++;
        acap__rate_break(rate);
    }
}

/* ---- windows ---- */

/* Two become one, so that there is room for a longer time. The ring has been filled once at most: the oldest is the first. */
static void halve(acap__rate *rate)
{
    acap__check(rate->next == 0);
    for (uint32_t i = 0; i < ACAP__RATE_WINDOWS / 2; i++) {
        const acap__rate_window *a = &rate->windows[2 * i];
        const acap__rate_window *b = &rate->windows[2 * i + 1];
        const bool is_b_least = b->least - a->least < rate->guess * (b->least_at - a->least_at);
        const bool is_b_most = b->most - a->most > rate->guess * (b->most_at - a->most_at);
        rate->windows[i] = (acap__rate_window){is_b_least ? b->least_at : a->least_at, is_b_least ? b->least : a->least,
                                               is_b_most ? b->most_at : a->most_at, is_b_most ? b->most : a->most};
    }
    rate->count = ACAP__RATE_WINDOWS / 2;
    rate->next = rate->count;
    rate->window_ns *= 2;
}

static void close_window(acap__rate *rate)
{
    rate->is_current_open = false;
    rate->windows[rate->next] = rate->current;
    rate->next = (rate->next + 1) % ACAP__RATE_WINDOWS;
    if (rate->count < ACAP__RATE_WINDOWS)
        rate->count++;
    if (rate->count >= WINDOWS_MIN && (rate->count <= EACH_UNTIL || rate->next % THEN_EACH == 0))
        estimate_slope(rate);
    if (rate->count == ACAP__RATE_WINDOWS && rate->window_ns < WINDOW_MAX_NS)
        halve(rate);
}

void acap__rate_note(acap__rate *rate, double at, double lateness)
{
    const double height = lateness - rate->guess * at;

    if (rate->is_current_open && at - rate->current_from >= rate->window_ns)
        close_window(rate);
    if (!rate->is_current_open) {
        rate->is_current_open = true;
        rate->current_from = at;
        rate->current = (acap__rate_window){at, lateness, at, lateness};
        rate->lowest = lateness - rate->guess * at;
        rate->highest = rate->lowest;
    } else if (height < rate->lowest) {
        rate->lowest = height;
        rate->current.least_at = at;
        rate->current.least = lateness;
    } else if (height > rate->highest) {
        rate->highest = height;
        rate->current.most_at = at;
        rate->current.most = lateness;
    }
}
