/* SPDX-License-Identifier: MIT */
/* Owns: parsing the ids of simulated devices, with errors that say what would be right.
 * Called by: backend_sim.c, on its host thread. */
#include "sim_options.h"

#include <stdlib.h>
#include <string.h>

#define PERIOD_FRAMES_MAX 65536u
#define VALUE_BYTES 64u

static const char *const names[] = {"sim:counter", "sim:sine", "sim:noise", "sim:silence"};

const char *acap__sim_name(size_t index)
{
    return index < sizeof names / sizeof names[0] ? names[index] : NULL;
}

static acap_result parse_pace(const char *value, acap__sim_options *options, acap__failure *failure)
{
    static const char *const paces[] = {"real", "fast", "manual"};

    for (int i = 0; i < 3; i++) {
        if (strcmp(value, paces[i]) == 0) {
            options->pace = (acap__pace)i;
            return ACAP_OK;
        }
    }
    return acap__fail_in(failure, ACAP_ERROR_INVALID_ARGUMENT, "pace=%s: it is real, fast or manual", value);
}

static acap_result parse_number(const char *key, const char *value, double min, double max, double *out, acap__failure *failure)
{
    char *end;
    const double number = strtod(value, &end);

    if (end == value || *end != '\0' || !(number >= min && number <= max))
        return acap__fail_in(failure, ACAP_ERROR_INVALID_ARGUMENT, "%s=%s: it is a number from %g to %g", key, value, min, max);
    *out = number;
    return ACAP_OK;
}

static acap_result parse_option(const char *key, const char *value, acap__sim_options *options, acap__failure *failure)
{
    double number = 0;
    acap_result result;

    if (strcmp(key, "pace") == 0)
        return parse_pace(value, options, failure);
    if (strcmp(key, "hz") == 0)
        return parse_number(key, value, 0.001, ACAP_MAX_SAMPLE_RATE_HZ / 2.0, &options->frequency_hz, failure);
    if (strcmp(key, "period") != 0)
        return acap__fail_in(failure, ACAP_ERROR_INVALID_ARGUMENT, "a simulated device has no option \"%s\"; there are pace, hz and period",
                             key);
    result = parse_number(key, value, 1, PERIOD_FRAMES_MAX, &number, failure);
    options->period_frames = (uint32_t)number;
    if (result == ACAP_OK && number != (double)options->period_frames)
        result = acap__fail_in(failure, ACAP_ERROR_INVALID_ARGUMENT, "period=%s: it is a whole number of frames", value);
    return result;
}

/* One "key=value" of length bytes. */
static acap_result parse_pair(const char *pair, size_t length, acap__sim_options *options, acap__failure *failure)
{
    char text[VALUE_BYTES];

    if (length >= sizeof text)
        return acap__fail_in(failure, ACAP_ERROR_INVALID_ARGUMENT, "option \"%.*s\" is too long", (int)(length < 200 ? length : 200), pair);
    memcpy(text, pair, length);
    text[length] = '\0';
    char *equals = strchr(text, '=');
    if (equals == NULL)
        return acap__fail_in(failure, ACAP_ERROR_INVALID_ARGUMENT, "option \"%s\" has no value", text);
    *equals = '\0';
    return parse_option(text, equals + 1, options, failure);
}

static acap_result find_kind(const char *device, size_t length, acap__sim_options *options, acap__failure *failure)
{
    for (int i = 0; acap__sim_name((size_t)i) != NULL; i++) {
        const char *name = acap__sim_name((size_t)i);
        if (strlen(name) == length && strncmp(name, device, length) == 0) {
            options->kind = (acap__signal_kind)i;
            return ACAP_OK;
        }
    }
    return acap__fail_in(failure, ACAP_ERROR_NO_DEVICE,
                         "there is no simulated device \"%.*s\"; there are sim:counter, sim:sine, sim:noise and sim:silence",
                         (int)(length < 200 ? length : 200), device);
}

acap_result acap__sim_parse(const char *device, acap__sim_options *options, acap__failure *failure)
{
    *options = (acap__sim_options){ACAP__SIGNAL_COUNTER, ACAP__PACE_REAL, 440.0, 256};
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
    return result;
}
