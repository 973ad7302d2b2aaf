/* SPDX-License-Identifier: MIT */
/* Owns: a small program that uses acap as programs do and writes what it got to standard output, never to standard error.
 * Run by: test_quiet.sh: probe list | probe capture DEVICE MILLISECONDS, "-" for the default device.
 * Status: 0, or 3 when acap refused, with the reason on standard output. */
#include <acap/acap.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFUSED 3

static int refuse(const char *what, acap_result result)
{
    printf("%s: %s: %s\n", what, acap_result_name(result), acap_last_error());
    return REFUSED;
}

static int list(acap_context *context)
{
    acap_device_list *devices;
    const acap_result result = acap_device_list_create(context, &devices);

    if (result != ACAP_OK)
        return refuse("list", result);
    for (size_t i = 0; i < acap_device_list_count(devices); i++)
        printf("%s\n", acap_device_list_get(devices, i)->name);
    acap_device_list_destroy(devices);
    return EXIT_SUCCESS;
}

static acap_result borrow_for(acap_reader *reader, int64_t duration_ns)
{
    const int64_t until_ns = acap_clock_ns() + duration_ns;
    const acap_buffer *buffer;
    acap_result result = ACAP_OK;

    while (result == ACAP_OK && acap_clock_ns() < until_ns) {
        result = acap_reader_borrow(reader, duration_ns, &buffer);
        acap_buffer_release(buffer);
    }
    return result;
}

static int capture_from(acap_stream *stream, int64_t duration_ns)
{
    acap_stream_stats stats = ACAP_STREAM_STATS_INIT;
    acap_reader *reader;
    acap_result result = acap_reader_open(stream, NULL, &reader);

    if (result == ACAP_OK)
        result = acap_stream_start(stream);
    if (result == ACAP_OK)
        result = borrow_for(reader, duration_ns);
    const acap_result stopped = acap_stream_stop(stream);
    (void)acap_stream_get_stats(stream, &stats);
    acap_reader_close(reader);
    printf("frames %" PRIu64 " stop %s\n", stats.frames_captured, acap_result_name(stopped));
    return result == ACAP_OK ? EXIT_SUCCESS : refuse("capture", result);
}

static int capture(acap_context *context, const char *device, int64_t duration_ns)
{
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    acap_stream *stream;

    config.device = strcmp(device, "-") == 0 ? NULL : device;
    const acap_result result = acap_stream_open(context, &config, &stream);
    if (result != ACAP_OK)
        return refuse("open", result);
    const int status = capture_from(stream, duration_ns);
    acap_stream_close(stream);
    return status;
}

int main(int argument_count, char **arguments)
{
    acap_context *context;
    int status = 2;

    if (acap_context_create(NULL, &context) != ACAP_OK)
        return refuse("context", ACAP_ERROR_BACKEND);
    if (argument_count == 2 && strcmp(arguments[1], "list") == 0)
        status = list(context);
    else if (argument_count == 4 && strcmp(arguments[1], "capture") == 0)
        status = capture(context, arguments[2], strtoll(arguments[3], NULL, 10) * 1000000);
    acap_context_destroy(context);
    return status;
}
