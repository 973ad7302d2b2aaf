/* SPDX-License-Identifier: MIT */
/* Owns: what the example programs' command lines have in common: strict numbers, format names, one-sentence errors.
 * Called by: list_devices.c, record.c, fan_out.c and their helpers.
 * Thread: cli_init and cli_tell_all by main before any other thread; the rest on any thread. */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *program_name = "acap";
static bool tells_all;

static const struct {
    const char *name;
    uint32_t format;
} formats[] = {
    { "s16", ACAP_FORMAT_S16 }, { "s24", ACAP_FORMAT_S24 }, { "s32", ACAP_FORMAT_S32 },
    { "f32", ACAP_FORMAT_F32 }, { "u8", ACAP_FORMAT_U8 },
};

#define FORMAT_COUNT (sizeof(formats) / sizeof(formats[0]))

void cli_init(const char *program)
{
    program_name = program;
}

void cli_tell_all(void)
{
    tells_all = true;
}

/* One call of the stream functions a line: lines of several threads do not mix. */
static void complain(const char *format, va_list arguments, const char *hint)
{
    char text[1200];

    if (vsnprintf(text, sizeof(text), format, arguments) < 0)
        text[0] = '\0';
    fprintf(stderr, "%s: %s%s\n", program_name, text, hint);
}

int cli_fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    complain(format, arguments, "");
    va_end(arguments);
    return CLI_FAILED;
}

int cli_misuse(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    complain(format, arguments, "; --help tells more");
    va_end(arguments);
    return CLI_USAGE;
}

/* Behind its own sentence acap_last_error() has what the sound system's libraries said meanwhile, about other devices as well. */
int cli_fail_acap(const char *what, acap_result result)
{
    const char *last = acap_last_error();
    const char *words = last[0] != '\0' ? last : acap_result_text(result);
    const char *chatter = tells_all ? NULL : strstr(words, "; messages: ");
    const size_t length = chatter != NULL ? (size_t)(chatter - words) : strlen(words);

    return cli_fail("%s: %.*s", what, (int)length, words);
}

int cli_bad_option(int code, char *const *argv)
{
    /* getopt_long() leaves optopt 0 for an unknown long option, and has moved past it; in a cluster of letters it has not. */
    if (code == ':')
        return cli_misuse("%s needs a value", argv[optind - 1]);
    if (optopt != 0)
        return cli_misuse("bad option -%c", optopt);
    return cli_misuse("unknown option %s", argv[optind - 1]);
}

bool cli_parse_count(const char *text, uint32_t min, uint32_t max, uint32_t *out)
{
    char *end = NULL;

    /* strtoul() would accept blanks and a sign. */
    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    const unsigned long value = strtoul(text, &end, 10);

    if (errno != 0 || *end != '\0' || value < min || value > max)
        return false;
    *out = (uint32_t)value;
    return true;
}

bool cli_parse_seconds(const char *text, double *out)
{
    char *end = NULL;

    /* strtod() would accept blanks, a sign, "nan" and hexadecimal. */
    if (strspn(text, "0123456789.") != strlen(text))
        return false;
    const double value = strtod(text, &end);

    if (end == text || *end != '\0' || !(value > 0) || value > 1e9)
        return false;
    *out = value;
    return true;
}

uint64_t cli_seconds_to_frames(double seconds, uint32_t sample_rate_hz)
{
    const double frames = floor(seconds * sample_rate_hz + 0.5);

    return frames < 1 ? 1 : (uint64_t)frames;
}

bool cli_parse_format(const char *text, uint32_t *out)
{
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        if (strcmp(text, formats[i].name) == 0) {
            *out = formats[i].format;
            return true;
        }
    }
    return false;
}

const char *cli_format_name(uint32_t format)
{
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        if (formats[i].format == format)
            return formats[i].name;
    }
    return "?";
}
