/* SPDX-License-Identifier: MIT */
/* Owns: parsing the ids of simulated devices, with errors that say what would be right.
 * Called by: backend_sim.c, on its host thread. */
#include "sim_options.h"

#include "device_match.h"

#include <stdlib.h>
#include <string.h>

#define PERIOD_FRAMES_MAX 65536u
#define VALUE_BYTES 64u
#define LOST_FRAMES_MAX UINT64_C(1000000000000) /* a month at the highest rate */
#define TIME_MAX_NS (INT64_C(366) * 86400 * ACAP__NS_PER_S)

static const char *const names[] = {"sim:counter", "sim:sine", "sim:noise", "sim:silence"};

#define SIM_DEVICES (sizeof names / sizeof names[0])

const char *acap__sim_name(size_t index)
{
    return index < SIM_DEVICES ? names[index] : NULL;
}

static acap_result refuse(acap__failure *failure, const char *key, const char *value, const char *right)
{
    return acap__fail_in(failure, ACAP_ERROR_INVALID_ARGUMENT, "%s=%s: it is %s", key, value, right);
}

/* Digits, perhaps with a point among them: strtod would also take blanks, exponents and hexadecimal, and the point of the user's language.
   *end is what follows; text itself: there was no number. */
static double read_digits(const char *text, const char **end)
{
    double number = 0;
    double scale = 1;
    bool has_point = false;
    const char *at = text;

    for (; (*at >= '0' && *at <= '9') || (*at == '.' && !has_point); at++) {
        if (*at == '.') {
            has_point = true;
            continue;
        }
        number = number * 10 + (*at - '0');
        scale = has_point ? scale * 10 : 1;
    }
    *end = at - text > (has_point ? 1 : 0) ? at : text;
    return number / scale;
}

/* A number with its unit at the start of text: "5s", "50ms", "20us"; *end is what follows. */
static bool read_time(const char *text, int64_t *out_ns, const char **end)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = {{"ms", 1e6}, {"us", 1e3}, {"ns", 1.0}, {"s", 1e9}};
    const char *rest;
    const double number = read_digits(text, &rest);

    if (rest == text)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        const size_t length = strlen(units[i].unit);
        if (strncmp(rest, units[i].unit, length) != 0 || number * units[i].ns > (double)TIME_MAX_NS)
            continue;
        *out_ns = (int64_t)(number * units[i].ns + 0.5);
        *end = rest + length;
        return true;
    }
    return false;
}

static bool read_whole_time(const char *text, int64_t *out_ns)
{
    const char *end;

    return read_time(text, out_ns, &end) && *end == '\0';
}

static bool read_number(const char *text, double min, double max, double *out)
{
    const char *digits = text[0] == '-' || text[0] == '+' ? text + 1 : text;
    const char *end;
    const double number = read_digits(digits, &end);

    *out = text[0] == '-' ? -number : number;
    return end != digits && *end == '\0' && *out >= min && *out <= max;
}

static acap_result add_fault(acap__sim_options *options, const acap__sim_fault *fault, acap__failure *failure)
{
    if (options->fault_count == ACAP__SIM_FAULTS_MAX)
        return acap__fail_in(failure, ACAP_ERROR_LIMIT, "a simulated device has at most %u xruns and stalls", ACAP__SIM_FAULTS_MAX);
    options->faults[options->fault_count++] = *fault;
    return ACAP_OK;
}

static acap_result parse_pace(const char *key, const char *value, acap__sim_options *options, acap__failure *failure)
{
    static const char *const paces[] = {"real", "fast", "manual"};

    for (int i = 0; i < 3; i++) {
        if (strcmp(value, paces[i]) == 0) {
            options->pace = (acap__pace)i;
            return ACAP_OK;
        }
    }
    return refuse(failure, key, value, "real, fast or manual");
}

static acap_result parse_hz(const char *key, const char *value, acap__sim_options *options, acap__failure *failure)
{
    return read_number(value, 0.001, ACAP_MAX_SAMPLE_RATE_HZ / 2.0, &options->frequency_hz)
        ? ACAP_OK
        : refuse(failure, key, value, "a frequency of 0.001 to 192000");
}

static acap_result parse_period(const char *key, const char *value, acap__sim_options *options, acap__failure *failure)
{
    double number;

    if (!read_number(value, 1, PERIOD_FRAMES_MAX, &number) || number != (double)(uint32_t)number)
        return refuse(failure, key, value, "a whole number of frames from 1 to 65536");
    options->period_frames = (uint32_t)number;
    return ACAP_OK;
}

static acap_result parse_ppm(const char *key, const char *value, acap__sim_options *options, acap__failure *failure)
{
    return read_number(value, -100000, 100000, &options->ppm) ? ACAP_OK
                                                               : refuse(failure, key, value, "a number from -100000 to 100000");
}

static acap_result parse_jitter(const char *key, const char *value, acap__sim_options *options, acap__failure *failure)
{
    return read_whole_time(value, &options->jitter_ns) ? ACAP_OK : refuse(failure, key, value, "a time such as 5ms");
}

static acap_result parse_xrun(const char *key, const char *value, acap__sim_options *options, acap__failure *failure)
{
    acap__sim_fault fault = {.kind = ACAP__FAULT_XRUN};
    const char *rest;
    char *end;

    if (!read_time(value, &fault.at_ns, &rest) || rest[0] != ':' || rest[1] < '0' || rest[1] > '9')
        return refuse(failure, key, value, "a time and how many frames are lost, such as 2s:480f or 2s:480f:flag");
    fault.lost_frames = strtoull(rest + 1, &end, 10);
    fault.is_flagged = strcmp(end, "f:flag") == 0;
    if (fault.lost_frames > LOST_FRAMES_MAX || (!fault.is_flagged && strcmp(end, "f") != 0))
        return refuse(failure, key, value, "a time and how many frames are lost, such as 2s:480f or 2s:480f:flag");
    return add_fault(options, &fault, failure);
}

static acap_result parse_stall(const char *key, const char *value, acap__sim_options *options, acap__failure *failure)
{
    acap__sim_fault fault = {.kind = ACAP__FAULT_STALL};
    const char *rest;

    if (!read_time(value, &fault.at_ns, &rest) || rest[0] != ':' || !read_whole_time(rest + 1, &fault.length_ns))
        return refuse(failure, key, value, "a time and a length, such as 5s:3s");
    return add_fault(options, &fault, failure);
}

static acap_result parse_burst(const char *key, const char *value, acap__sim_options *options, acap__failure *failure)
{
    if (value[0] == '\0') {
        options->burst_ns = INT64_MAX;
        return ACAP_OK;
    }
    return read_whole_time(value, &options->burst_ns) ? ACAP_OK : refuse(failure, key, value, "alone, or a time such as 2s");
}

static acap_result parse_unplug(const char *key, const char *value, acap__sim_options *options, acap__failure *failure)
{
    return read_whole_time(value, &options->unplug_ns) ? ACAP_OK : refuse(failure, key, value, "a time such as 5s");
}

static acap_result parse_replug(const char *key, const char *value, acap__sim_options *options, acap__failure *failure)
{
    return read_whole_time(value, &options->replug_ns) ? ACAP_OK : refuse(failure, key, value, "a time such as 7s");
}

/* "stop", or "stop:2s" for one that comes back after all. */
static acap_result parse_stuck(const char *key, const char *value, acap__sim_options *options, acap__failure *failure)
{
    static const struct {
        const char *name;
        uint32_t bit;
    } calls[] = {{"open", ACAP__SIM_STUCK_OPEN}, {"start", ACAP__SIM_STUCK_START}, {"stop", ACAP__SIM_STUCK_STOP}};
    const size_t length = strcspn(value, ":");

    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        if (strlen(calls[i].name) != length || strncmp(value, calls[i].name, length) != 0)
            continue;
        options->stuck |= calls[i].bit;
        options->stuck_ns = INT64_MAX;
        if (value[length] == '\0' || read_whole_time(value + length + 1, &options->stuck_ns))
            return ACAP_OK;
    }
    return refuse(failure, key, value, "open, start or stop, or with a time such as stop:2s");
}

static acap_result parse_fail(const char *key, const char *value, acap__sim_options *options, acap__failure *failure)
{
    if (strcmp(value, "open") == 0)
        options->fail |= ACAP__SIM_FAIL_OPEN;
    else if (strcmp(value, "start") == 0)
        options->fail |= ACAP__SIM_FAIL_START;
    else
        return refuse(failure, key, value, "open or start");
    return ACAP_OK;
}

static acap_result parse_option(const char *key, const char *value, acap__sim_options *options, acap__failure *failure)
{
    static const struct {
        const char *key;
        acap_result (*parse)(const char *, const char *, acap__sim_options *, acap__failure *);
    } parsers[] = {{"pace", parse_pace},     {"hz", parse_hz},         {"period", parse_period}, {"ppm", parse_ppm},
                   {"jitter", parse_jitter}, {"xrun", parse_xrun},     {"stall", parse_stall},   {"burst", parse_burst},
                   {"unplug", parse_unplug}, {"replug", parse_replug}, {"stuck", parse_stuck},   {"fail", parse_fail}};

    for (size_t i = 0; i < sizeof parsers / sizeof parsers[0]; i++)
        if (strcmp(key, parsers[i].key) == 0)
            return parsers[i].parse(key, value, options, failure);
    return acap__fail_in(failure, ACAP_ERROR_INVALID_ARGUMENT,
                         "a simulated device has no option \"%s\"; there are pace, hz, period, ppm, jitter, xrun, stall, burst, unplug, "
                         "replug, stuck and fail",
                         key);
}

/* One "key=value" of length bytes; "burst" may stand alone. */
static acap_result parse_pair(const char *pair, size_t length, acap__sim_options *options, acap__failure *failure)
{
    char text[VALUE_BYTES];

    if (length >= sizeof text)
        return acap__fail_in(failure, ACAP_ERROR_INVALID_ARGUMENT, "option \"%.*s\" is too long", (int)(length < 200 ? length : 200), pair);
    memcpy(text, pair, length);
    text[length] = '\0';
    char *equals = strchr(text, '=');
    if (equals == NULL && strcmp(text, "burst") == 0)
        return parse_option(text, "", options, failure);
    if (equals == NULL || equals[1] == '\0')
        return acap__fail_in(failure, ACAP_ERROR_INVALID_ARGUMENT, "option \"%s\" has no value", text);
    *equals = '\0';
    return parse_option(text, equals + 1, options, failure);
}

/* As for every other device: by its id, or a part of it that is no other's. */
static acap_result find_kind(const char *device, size_t length, acap__sim_options *options, acap__failure *failure)
{
    acap__device_name devices[SIM_DEVICES];
    char wanted[VALUE_BYTES]; /* what is longer is no part of a name */
    size_t index;

    for (size_t i = 0; i < SIM_DEVICES; i++)
        devices[i] = (acap__device_name){names[i], names[i]};
    if (length >= sizeof wanted)
        length = sizeof wanted - 1;
    memcpy(wanted, device, length);
    wanted[length] = '\0';
    const acap_result result = acap__device_match(devices, SIM_DEVICES, wanted, &index, failure);
    if (result == ACAP_OK)
        options->kind = (acap__signal_kind)index;
    return result;
}

static acap_result check_together(const acap__sim_options *options, acap__failure *failure)
{
    if (options->replug_ns != INT64_MAX && options->replug_ns <= options->unplug_ns)
        return acap__fail_in(failure, ACAP_ERROR_INVALID_ARGUMENT, "replug must come after unplug");
    return ACAP_OK;
}

acap_result acap__sim_parse(const char *device, acap__sim_options *options, acap__failure *failure)
{
    *options = (acap__sim_options){.kind = ACAP__SIGNAL_COUNTER,
                                   .pace = ACAP__PACE_REAL,
                                   .frequency_hz = 440.0,
                                   .period_frames = 256,
                                   .unplug_ns = INT64_MAX,
                                   .replug_ns = INT64_MAX};
    if (device == NULL)
        return ACAP_OK;
    const size_t name_length = strcspn(device, "?");
    acap_result result = find_kind(device, name_length, options, failure);
    const char *rest = device + name_length;
    while (result == ACAP_OK && *rest != '\0') {
        rest++; /* '?' or '&' */
        const size_t length = strcspn(rest, "&");
        result = parse_pair(rest, length, options, failure);
        rest += length;
    }
    return result == ACAP_OK ? check_together(options, failure) : result;
}
