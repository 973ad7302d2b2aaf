/* SPDX-License-Identifier: MIT */
/* Owns: what the example programs' command lines have in common: strict numbers, format names, one-sentence errors.
 * Called by: list_devices.c, record.c, fan_out.c and their helpers.
 * Thread: cli_init and cli_tell_all by main before any other thread; the rest on any thread. */
#ifndef CLI_H
#define CLI_H

#include <acap/acap.h>

#include <stdbool.h>
#include <stdint.h>

#if defined(__GNUC__)
#define CLI_PRINTF(format_at, first_at) __attribute__((format(printf, format_at, first_at)))
#else
#define CLI_PRINTF(format_at, first_at)
#endif

enum {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2
};

/* The name that error messages begin with. */
void cli_init(const char *program);

/* From now on cli_fail_acap also tells what the sound system itself had to say. */
void cli_tell_all(void);

/* "program: message" on standard error; returns CLI_FAILED. */
int cli_fail(const char *format, ...) CLI_PRINTF(1, 2);

/* The same for a command line that makes no sense, with a hint at --help; returns CLI_USAGE. */
int cli_misuse(const char *format, ...) CLI_PRINTF(1, 2);

/* "program: what: the library's own sentence"; returns CLI_FAILED. Call it right after the call that failed. */
int cli_fail_acap(const char *what, acap_result result);

/* After getopt_long() returned '?' or ':' with opterr 0 and an option string that begins with ':'. */
int cli_bad_option(int code, char *const *argv);

/* A whole decimal number from min to max. False: text is anything else. */
bool cli_parse_count(const char *text, uint32_t min, uint32_t max, uint32_t *out);

/* Seconds above 0, fractions allowed. */
bool cli_parse_seconds(const char *text, double *out);

/* The frames that seconds last, at least 1. */
uint64_t cli_seconds_to_frames(double seconds, uint32_t sample_rate_hz);

/* "s16", "s24", "s32", "f32" or "u8". */
bool cli_parse_format(const char *text, uint32_t *out);
const char *cli_format_name(uint32_t format);

#endif
