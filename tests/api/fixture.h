/* SPDX-License-Identifier: MIT */
/* Owns: what the tests of the public API have in common: opening things, the counter that proves what a buffer holds, figures by value,
 * and what the process has open. Sees acap.h only.
 * Used by: tests/api and tests/stress, on their main thread; the functions marked "any thread" assert nothing. */
#ifndef ACAP_TESTS_API_FIXTURE_H
#define ACAP_TESTS_API_FIXTURE_H

#include <acap/acap.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conservation.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)
#define MANUAL "sim:counter?pace=manual"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif
#ifndef HAS_SANITIZER
#define HAS_SANITIZER 0
#endif

/* A call and what it must return; a failure also has to say something. */
#define assert_result(call, expected) expect_result((call), (expected), #call, __FILE__, __LINE__)
#define assert_ok(call) assert_result(call, ACAP_OK)

void expect_result(acap_result result, acap_result expected, const char *call, const char *file, int line);

/* ---- opening ---- */

acap_context *make_context(const char *backend);
acap_stream *open_config(acap_context *context, const acap_stream_config *config);
/* The rest is the default's. */
acap_stream *open_stream(acap_context *context, const char *device, uint32_t format, uint32_t channel_count, uint32_t frames_per_buffer);
acap_reader *open_reader(acap_stream *stream);
acap_reader *open_queue(acap_stream *stream, uint32_t queue_buffers, uint32_t overflow);
acap_reader *open_batches(acap_stream *stream, uint32_t queue_buffers, uint32_t wake_buffers);

/* What most tests need: a context, a "push:" stream of S32 mono in buffers of frames_per_buffer, started, with one reader. */
typedef struct rig {
    acap_context *context;
    acap_stream *stream;
    acap_reader *reader;
    conservation seen;
} rig;

rig make_rig(uint32_t frames_per_buffer, uint32_t queue_buffers, uint32_t overflow);
/* Stops, drains, holds the account against the data, and closes everything. */
void finish_rig(rig *r);

/* For tests that look at single buffers: the equations of both figures, then closes. */
void close_conserved(acap_context *context, acap_stream *stream, acap_reader *reader);

/* ---- the counter of acap_stream_open's documentation ---- */

/* Any thread: one sample of channel in frame, as its bytes in memory; returns how many. */
uint32_t counter_sample(uint32_t format, uint64_t frame, uint32_t channel, unsigned char *sample);
/* Any thread: writes interleaved frames. */
void counter_fill(void *frames, uint32_t format, uint32_t channel_count, uint64_t first_frame, uint32_t frame_count);
/* Any thread: is every sample of the buffer the one that belongs at its position? Interleaved or planar. */
bool counter_holds(const acap_buffer *buffer);

/* Pushes the frames that belong at the stream's position, in one call. */
void push_counter(acap_stream *stream, uint32_t frame_count);
/* Any thread: the same from a position that the caller counts, in S32. */
acap_result push_counter_s32(acap_stream *stream, uint32_t channel_count, uint64_t first_frame, uint32_t frame_count);

/* ---- borrowing ---- */

/* The next buffer, which must be there and hold the counter; the caller releases it. */
const acap_buffer *borrow_now(acap_reader *reader, conservation *seen);
/* Borrows, checks and releases until there is nothing; what the last borrow returned. */
acap_result drain(acap_reader *reader, conservation *seen);

/* ---- figures ---- */

acap_stream_stats stream_stats(const acap_stream *stream);
acap_reader_stats reader_stats(const acap_reader *reader);
acap_pool_stats pool_stats(const acap_pool *pool);
acap_pool_stats stream_pool_stats(acap_stream *stream);
/* acquired == released + in_use and whatever else holds in every snapshot. NULL: it does. Any thread. */
const char *contradiction_of_pool(const acap_pool_stats *stats);

/* ---- the process ---- */

uint32_t open_descriptors(void);
uint64_t resident_bytes(void);
/* Any thread: waits until a condition holds, by looking again and again: false after ten seconds. */
bool eventually(bool (*holds)(void *argument), void *argument);
/* Waits until only the main thread is left, and the one that ThreadSanitizer has for itself: false after ten seconds. */
bool threads_have_gone(void);

/* Random numbers that a printed seed repeats. Any thread, each with its own state. */
uint64_t next_random(uint64_t *state);
/* From the environment's ACAP_TEST_SEED, else the clock; printed. */
uint64_t random_seed(const char *test);

#endif
