/* SPDX-License-Identifier: MIT */
/* Owns: a thread's last failure in words.
 * Used by: every entry point of the API; back ends write into a failure of their own, which the caller's thread adopts. */
#ifndef ACAP_SRC_RESULT_H
#define ACAP_SRC_RESULT_H

#include "base.h"

#if defined(__MINGW32__) && !defined(__clang__) /* its printf means an older one than its C11 library has */
#define ACAP__PRINTF(text, first) __attribute__((format(gnu_printf, text, first)))
#elif defined(__GNUC__)
#define ACAP__PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define ACAP__PRINTF(text, first)
#endif

/* A failure on its way from the thread that met it to the thread that reports it. */
typedef struct acap__failure {
    acap_result result;
    char text[1024];
} acap__failure;

/* Writes a failure down and returns result. */
acap_result acap__fail_in(acap__failure *failure, acap_result result, const char *format, ...)
    ACAP__PRINTF(3, 4);

/* Makes text this thread's last error and returns result. */
acap_result acap__fail(acap_result result, const char *format, ...) ACAP__PRINTF(2, 3);

/* acap_result for a call in a forked child. */
acap_result acap__fail_forked(void);

/* Makes a failure this thread's last error and returns its result. */
acap_result acap__fail_with(const acap__failure *failure);

#endif
