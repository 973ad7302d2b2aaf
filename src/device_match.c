/* SPDX-License-Identifier: MIT */
/* Owns: the rules by which a device string picks a device, and the search for near ones.
 * Called by: back ends, on whatever thread. */
#include "device_match.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Longer texts are compared by their beginnings; that only costs a worse hint. */
#define COMPARED_LENGTH 63u
#define NEAR_MAX 4u    /* devices named as near ones */
#define LISTED_MAX 6u  /* devices named where none is near, or several fit */
#define COMMON_MIN 3u  /* a common part shorter than this says nothing */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool begins_with(const char *text, const char *part)
{
    while (*part != '\0' && lower(*text) == lower(*part)) {
        text++;
        part++;
    }
    return *part == '\0';
}

static bool contains(const char *text, const char *part)
{
    for (; *text != '\0'; text++)
        if (begins_with(text, part))
            return true;
    return false;
}

static bool equals(const char *a, const char *b)
{
    return strlen(a) == strlen(b) && begins_with(a, b);
}

static bool has_id(const acap__device_name *device, const char *wanted)
{
    return strcmp(device->id, wanted) == 0;
}

static bool has_name(const acap__device_name *device, const char *wanted)
{
    return strcmp(device->name, wanted) == 0;
}

static bool is_called(const acap__device_name *device, const char *wanted)
{
    return equals(device->id, wanted) || equals(device->name, wanted);
}

static bool has_part(const acap__device_name *device, const char *wanted)
{
    return contains(device->id, wanted) || contains(device->name, wanted);
}

typedef bool (*rule)(const acap__device_name *, const char *);

/* From the strictest on: a device called "Mic" can be picked beside one that is called "Mic 2". */
static const rule rules[] = { has_id, has_name, is_called, has_part };

/* A list in words, as far as it fits. */
struct words {
    char text[700];
    size_t length;
};

static void say(struct words *words, const char *format, ...) ACAP__PRINTF(2, 3);

static void say(struct words *words, const char *format, ...)
{
    va_list arguments;
    const size_t room = sizeof words->text - words->length;

    va_start(arguments, format);
    const int length = vsnprintf(words->text + words->length, room, format, arguments);
    va_end(arguments);
    if (length > 0)
        words->length += (size_t)length < room ? (size_t)length : room - 1;
}

static void say_device(struct words *words, const acap__device_name *device)
{
    say(words, "%s\"%s\" (%s)", words->length == 0 ? "" : ", ", device->id, device->name);
}

static acap_result fail_several(const acap__device_name *devices, size_t count, const char *wanted, rule fits, acap__failure *failure)
{
    struct words words = { .length = 0 };
    size_t fitting = 0;

    for (size_t i = 0; i < count; i++)
        if (fits(&devices[i], wanted) && ++fitting <= LISTED_MAX)
            say_device(&words, &devices[i]);
    return acap__fail_in(failure, ACAP_ERROR_NO_DEVICE, "\"%s\" means %zu capture devices: %s%s; use an id", wanted, fitting, words.text,
                         fitting > LISTED_MAX ? ", ..." : "");
}

static size_t compared_length(const char *text)
{
    const size_t length = strlen(text);

    return length < COMPARED_LENGTH ? length : COMPARED_LENGTH;
}

/* How many letters must be changed, added or left out to make one of the other. */
static size_t edit_distance(const char *a, const char *b)
{
    const size_t a_length = compared_length(a);
    const size_t b_length = compared_length(b);
    size_t row[COMPARED_LENGTH + 1];

    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            const size_t replaced = diagonal + (lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1);
            const size_t shorter = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            diagonal = row[j];
            row[j] = replaced < shorter ? replaced : shorter;
        }
    }
    return row[b_length];
}

static size_t longest_common_part(const char *a, const char *b)
{
    const size_t a_length = compared_length(a);
    const size_t b_length = compared_length(b);
    size_t ending_here[COMPARED_LENGTH + 1] = { 0 };
    size_t longest = 0;

    for (size_t i = 1; i <= a_length; i++) {
        for (size_t j = b_length; j >= 1; j--) {
            ending_here[j] = lower(a[i - 1]) == lower(b[j - 1]) ? ending_here[j - 1] + 1 : 0;
            if (ending_here[j] > longest)
                longest = ending_here[j];
        }
    }
    return longest;
}

/* Small is near; SIZE_MAX: not near at all. */
static size_t text_distance(const char *text, const char *wanted)
{
    const size_t wanted_length = compared_length(wanted);
    const size_t distance = edit_distance(text, wanted);
    const size_t common = longest_common_part(text, wanted);
    const bool is_misspelt = distance <= 1 + wanted_length / 4;
    const bool shares_much = common >= COMMON_MIN && common * 2 >= wanted_length;

    if (is_misspelt)
        return distance;
    return shares_much ? wanted_length - common + 1 : SIZE_MAX;
}

static size_t device_distance(const acap__device_name *device, const char *wanted)
{
    const char *after_host = strchr(device->id, ':');
    const size_t by_id = text_distance(device->id, wanted);
    const size_t by_part = after_host == NULL ? SIZE_MAX : text_distance(after_host + 1, wanted);
    const size_t by_name = text_distance(device->name, wanted);
    const size_t smaller = by_id < by_part ? by_id : by_part;

    return smaller < by_name ? smaller : by_name;
}

/* The nearest ones first. nearest holds indexes; returns how many. */
static size_t find_near(const acap__device_name *devices, size_t count, const char *wanted, size_t nearest[NEAR_MAX])
{
    size_t distances[NEAR_MAX];
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        const size_t distance = device_distance(&devices[i], wanted);
        size_t at = found;
        while (at > 0 && distances[at - 1] > distance)
            at--;
        if (distance == SIZE_MAX || at == NEAR_MAX)
            continue;
        found += found < NEAR_MAX ? 1 : 0;
        for (size_t j = found - 1; j > at; j--) {
            nearest[j] = nearest[j - 1];
            distances[j] = distances[j - 1];
        }
        nearest[at] = i;
        distances[at] = distance;
    }
    return found;
}

static acap_result fail_none(const acap__device_name *devices, size_t count, const char *wanted, acap__failure *failure)
{
    struct words words = { .length = 0 };
    size_t nearest[NEAR_MAX];
    const size_t near_count = find_near(devices, count, wanted, nearest);

    for (size_t i = 0; i < near_count; i++)
        say_device(&words, &devices[nearest[i]]);
    for (size_t i = 0; near_count == 0 && i < count && i < LISTED_MAX; i++)
        say_device(&words, &devices[i]);
    if (count == 0)
        return acap__fail_in(failure, ACAP_ERROR_NO_DEVICE, "no capture device is called \"%s\"; there is none at all", wanted);
    return acap__fail_in(failure, ACAP_ERROR_NO_DEVICE, "no capture device is called \"%s\"; %s %s%s", wanted,
                         near_count > 0 ? "near ones:" : "there are", words.text, near_count == 0 && count > LISTED_MAX ? ", ..." : "");
}

acap_result acap__device_match(const acap__device_name *devices, size_t count, const char *wanted, size_t *index, acap__failure *failure)
{
    for (size_t r = 0; r < sizeof rules / sizeof rules[0]; r++) {
        size_t fitting = 0;
        for (size_t i = 0; i < count; i++) {
            if (!rules[r](&devices[i], wanted))
                continue;
            *index = i;
            fitting++;
        }
        if (fitting == 1)
            return ACAP_OK;
        if (fitting > 1)
            return fail_several(devices, count, wanted, rules[r], failure);
    }
    return fail_none(devices, count, wanted, failure);
}
