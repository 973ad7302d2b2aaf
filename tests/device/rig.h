/* SPDX-License-Identifier: MIT */
/* Owns: pointing this process at virtual sound cards, and capturing from whatever device with every buffer checked.
 * Used by: the device tests; on their main thread unless a function says otherwise. */
#ifndef ACAP_TESTS_DEVICE_RIG_H
#define ACAP_TESTS_DEVICE_RIG_H

#include "conservation.h"
#include "tracker.h"

#include <acap/acap.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

/* An acap call that must succeed; the failure tells what acap says about it. */
#define assert_acap_ok(call)                                                                             \
    do {                                                                                                 \
        const acap_result result_ = (call);                                                              \
        if (result_ != ACAP_OK)                                                                          \
            fail_msg("%s: %s, \"%s\"", #call, acap_result_name(result_), acap_last_error());             \
    } while (0)

/* An acap call that must have this result. */
#define assert_acap_result(call, expected)                                                               \
    do {                                                                                                 \
        const acap_result result_ = (call);                                                              \
        if (result_ != (expected))                                                                       \
            fail_msg("%s: %s instead of %s, \"%s\"", #call, acap_result_name(result_),                   \
                     acap_result_name(expected), acap_last_error());                                     \
    } while (0)

/* A statement that must be done within a time. */
#define assert_within_ms(limit_ms, statement)                                                            \
    do {                                                                                                 \
        const int64_t began_ns_ = acap_clock_ns();                                                       \
        statement;                                                                                       \
        const int64_t took_ms_ = (acap_clock_ns() - began_ns_) / NS_PER_MS;                              \
        if (took_ms_ > (limit_ms))                                                                       \
            fail_msg("%s took %d ms, more than %d ms", #statement, (int)took_ms_, (int)(limit_ms));      \
    } while (0)

/* What acap promises of open, start, stop and listing, and what is left for the machine's scheduler. */
#define HOST_LIMIT_MS 5500
/* What closing may take: it waits for nobody. */
#define CLOSE_LIMIT_MS 250

/* Makes these PCM definitions ALSA's whole configuration, before the first use of a context or after the last. The type "acapcard" is
   known (card.h); a "default" must be among them. Nothing is left in the file system. */
void rig_use_cards(const char *definitions);

/* What a test does to a card while it runs (card.h). */
void rig_inject(const char *card, const char *action);
void rig_refuse_open(const char *card, int error);
uint64_t rig_frames_produced(const char *card);

/* A device opened, read by one reader. */
typedef struct capture {
    acap_context *context;
    acap_stream *stream;
    acap_reader *reader;
    acap_stream_info info;
    conservation seen;
    tracker signal;
    int64_t first_time_ns; /* of the first buffer */
    int64_t last_time_ns;  /* of the last one checked */
    uint64_t silent_flags;
} capture;

acap_stream_config rig_config(const char *device, uint32_t format, uint32_t channel_count, uint32_t sample_rate_hz);

/* Opens and starts. The counting signal must begin with its counter 1, unless the caller restarts the tracker. */
void capture_begin(capture *c, const acap_stream_config *config);
void capture_begin_with(capture *c, const acap_stream_config *config, const acap_reader_config *reader_config);
/* Borrows, checks and releases until so many frames have come since the beginning. */
void capture_until(capture *c, uint64_t frame_count);
/* Borrows until the reader ends; end: the result with which it must. */
void capture_drain(capture *c, acap_result end);
/* Stops a stream whose device is dead, in time, and drains it: DEVICE_LOST where that was noticed before the stop, else END. */
void capture_stop_dead(capture *c, uint32_t limit_ms);
/* Stops, drains, checks the conservation law and closes. */
void capture_finish(capture *c);

/* Checks one borrowed buffer against what was opened and adds it to seen and signal; does not release it. */
void capture_check(capture *c, const acap_buffer *buffer);

acap_stream_stats rig_stream_stats(const acap_stream *stream);
void rig_sleep_ms(int64_t ms);

/* Runs the cmocka test that the program's first argument names; without one all, each in a process of its own that has 20 s. */
int rig_main(int argument_count, char **arguments, const char *group, const struct CMUnitTest *tests, size_t count);

#endif
