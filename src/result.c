/* SPDX-License-Identifier: MIT */
/* Owns: results in words, and each thread's last failure.
 * Called by: any thread. */
#include "result.h"

#include <stdarg.h>
#include <stdio.h>

#define RESULTS(X)                                                                                                   \
    X(ACAP_OK, "Success.")                                                                                           \
    X(ACAP_TIMED_OUT, "Nothing came within the timeout.")                                                            \
    X(ACAP_END, "Ended, and everything that was queued has been borrowed.")                                          \
    X(ACAP_INTERRUPTED, "Interrupted by acap_reader_interrupt.")                                                     \
    X(ACAP_ERROR_INVALID_ARGUMENT, "An argument is invalid.")                                                        \
    X(ACAP_ERROR_NO_MEMORY, "There is not enough memory.")                                                           \
    X(ACAP_ERROR_INVALID_STATE, "The object is not in a state in which this can be done.")                           \
    X(ACAP_ERROR_NO_DEVICE, "There is no such device, or none at all.")                                              \
    X(ACAP_ERROR_DEVICE_BUSY, "The device is in use.")                                                               \
    X(ACAP_ERROR_DEVICE_LOST, "The device is gone.")                                                                 \
    X(ACAP_ERROR_UNSUPPORTED_FORMAT, "The device cannot give this sample rate, channel count or sample format.")     \
    X(ACAP_ERROR_POOL_EXHAUSTED, "No buffer is free.")                                                               \
    X(ACAP_ERROR_LIMIT, "A limit on readers, buffers or bytes was reached.")                                         \
    X(ACAP_ERROR_BACKEND, "The sound system failed.")                                                                \
    X(ACAP_ERROR_ABI_MISMATCH, "The struct_size of an argument is not one that this library understands.")           \
    X(ACAP_ERROR_FORKED, "This process was forked from one that used acap, and cannot use it.")                      \
    X(ACAP_ERROR_HOST_STUCK, "The sound system did not answer within the deadline.")                                 \
    X(ACAP_ERROR_PERMISSION, "The system refused permission.")

const char *ACAP_CALL acap_result_name(acap_result result)
{
    switch (result) {
#define NAME(name, text) \
    case name:           \
        return #name;
        RESULTS(NAME)
#undef NAME
    default:
        return "ACAP_UNKNOWN_RESULT";
    }
}

const char *ACAP_CALL acap_result_text(acap_result result)
{
    switch (result) {
#define TEXT(name, text) \
    case name:           \
        return text;
        RESULTS(TEXT)
#undef TEXT
    default:
        return "Not a result of this library.";
    }
}

static _Thread_local char last_error[sizeof((acap__failure *)0)->text];

const char *ACAP_CALL acap_last_error(void)
{
    return last_error;
}

static void write_text(char *text, size_t size_bytes, const char *format, va_list arguments)
{
    if (vsnprintf(text, size_bytes, format, arguments) < 0)
        text[0] = '\0';
}

acap_result acap__fail_in(acap__failure *failure, acap_result result, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_text(failure->text, sizeof failure->text, format, arguments);
    va_end(arguments);
    failure->result = result;
    return result;
}

acap_result acap__fail(acap_result result, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_text(last_error, sizeof last_error, format, arguments);
    va_end(arguments);
    return result;
}

acap_result acap__fail_with(const acap__failure *failure)
{
    return acap__fail(failure->result, "%s", failure->text);
}

acap_result acap__fail_forked(void)
{
    return acap__fail(ACAP_ERROR_FORKED, "%s", acap_result_text(ACAP_ERROR_FORKED));
}
