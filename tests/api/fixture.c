/* SPDX-License-Identifier: MIT */
/* Owns: the helpers of the API and stress tests.
 * Called by: tests/api and tests/stress. The counter is written from acap.h's words, not from the library's source. */
#include "fixture.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_NS (10 * NS_PER_S)

void expect_result(acap_result result, acap_result expected, const char *call, const char *file, int line)
{
    if (result != expected) {
        print_error("%s\n  returned %s instead of %s; last error: \"%s\"\n", call, acap_result_name(result), acap_result_name(expected),
                    acap_last_error());
        _fail(file, line);
    }
    if (result < 0 && acap_last_error()[0] == '\0') {
        print_error("%s\n  returned %s without a word\n", call, acap_result_name(result));
        _fail(file, line);
    }
}

acap_context *make_context(const char *backend)
{
    acap_context_config config = ACAP_CONTEXT_CONFIG_INIT;
    acap_context *context = NULL;

    config.backend = backend;
    assert_ok(acap_context_create(&config, &context));
    assert_non_null(context);
    return context;
}

acap_stream *open_config(acap_context *context, const acap_stream_config *config)
{
    acap_stream *stream = NULL;

    assert_ok(acap_stream_open(context, config, &stream));
    assert_non_null(stream);
    return stream;
}

acap_stream *open_stream(acap_context *context, const char *device, uint32_t format, uint32_t channel_count, uint32_t frames_per_buffer)
{
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;

    config.device = device;
    config.format = format;
    config.channel_count = channel_count;
    config.frames_per_buffer = frames_per_buffer;
    return open_config(context, &config);
}

static acap_reader *open_reader_config(acap_stream *stream, const acap_reader_config *config)
{
    acap_reader *reader = NULL;

    assert_ok(acap_reader_open(stream, config, &reader));
    assert_non_null(reader);
    return reader;
}

acap_reader *open_reader(acap_stream *stream)
{
    return open_reader_config(stream, NULL);
}

acap_reader *open_queue(acap_stream *stream, uint32_t queue_buffers, uint32_t overflow)
{
    acap_reader_config config = ACAP_READER_CONFIG_INIT;

    config.queue_buffers = queue_buffers;
    config.overflow = overflow;
    return open_reader_config(stream, &config);
}

acap_reader *open_batches(acap_stream *stream, uint32_t queue_buffers, uint32_t wake_buffers)
{
    acap_reader_config config = ACAP_READER_CONFIG_INIT;

    config.queue_buffers = queue_buffers;
    config.wake_buffers = wake_buffers;
    return open_reader_config(stream, &config);
}

rig make_rig(uint32_t frames_per_buffer, uint32_t queue_buffers, uint32_t overflow)
{
    rig r;

    r.context = make_context("push");
    r.stream = open_stream(r.context, "push:", ACAP_FORMAT_S32, 1, frames_per_buffer);
    r.reader = open_queue(r.stream, queue_buffers, overflow);
    conservation_begin(&r.seen, r.reader);
    assert_ok(acap_stream_start(r.stream));
    return r;
}

void finish_rig(rig *r)
{
    assert_ok(acap_stream_stop(r->stream));
    assert_result(drain(r->reader, &r->seen), ACAP_END);
    assert_conserved(conservation_at_rest(&r->seen, r->stream, r->reader));
    acap_reader_close(r->reader);
    acap_stream_close(r->stream);
    acap_context_destroy(r->context);
}

void close_conserved(acap_context *context, acap_stream *stream, acap_reader *reader)
{
    assert_conserved(conservation_of_stream(stream));
    assert_conserved(conservation_of_reader(reader));
    acap_reader_close(reader);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

static uint32_t store_low_bytes(uint32_t bits, uint32_t byte_count, unsigned char *sample)
{
    const uint32_t probe = 1;
    unsigned char first;

    memcpy(&first, &probe, 1);
    for (uint32_t i = 0; i < byte_count; i++)
        sample[first == 1 ? i : byte_count - 1 - i] = (unsigned char)(bits >> (8 * i));
    return byte_count;
}

uint32_t counter_sample(uint32_t format, uint64_t frame, uint32_t channel, unsigned char *sample)
{
    const uint32_t x = (uint32_t)(frame % (UINT64_C(1) << 32));

    switch (format) {
    case ACAP_FORMAT_S16:
        return store_low_bytes((x + channel * 0x1111u) % 0x10000u, 2, sample);
    case ACAP_FORMAT_S24:
        return store_low_bytes((x + channel * 0x010101u) % 0x1000000u, 3, sample);
    case ACAP_FORMAT_S32:
        return store_low_bytes((x << 8) | channel, 4, sample);
    case ACAP_FORMAT_F32: {
        const double value = ((double)((x + channel * 0x010101u) % 0x1000000u) - 8388608.0) / 8388608.0;
        const float rounded = (float)value;
        memcpy(sample, &rounded, sizeof rounded);
        return sizeof rounded;
    }
    default:
        sample[0] = (unsigned char)((x + channel * 17u) % 256u);
        return 1;
    }
}

void counter_fill(void *frames, uint32_t format, uint32_t channel_count, uint64_t first_frame, uint32_t frame_count)
{
    unsigned char *sample = frames;

    for (uint32_t frame = 0; frame < frame_count; frame++)
        for (uint32_t channel = 0; channel < channel_count; channel++)
            sample += counter_sample(format, first_frame + frame, channel, sample);
}

static const unsigned char *sample_at(const acap_buffer *buffer, uint32_t frame, uint32_t channel)
{
    const size_t sample_bytes = acap_format_bytes(buffer->format);
    const unsigned char *data = buffer->data;

    if (buffer->plane_stride_bytes != 0)
        return data + (size_t)channel * buffer->plane_stride_bytes + frame * sample_bytes;
    return data + ((size_t)frame * buffer->channel_count + channel) * sample_bytes;
}

bool counter_holds(const acap_buffer *buffer)
{
    unsigned char expected[8];

    for (uint32_t frame = 0; frame < buffer->frame_count; frame++) {
        for (uint32_t channel = 0; channel < buffer->channel_count; channel++) {
            const uint32_t size_bytes = counter_sample(buffer->format, buffer->position + frame, channel, expected);
            if (memcmp(sample_at(buffer, frame, channel), expected, size_bytes) != 0)
                return false;
        }
    }
    return true;
}

void push_counter(acap_stream *stream, uint32_t frame_count)
{
    acap_stream_info info = ACAP_STREAM_INFO_INIT;
    const acap_stream_stats stats = stream_stats(stream);

    assert_ok(acap_stream_get_info(stream, &info));
    unsigned char *frames = malloc((size_t)frame_count * info.channel_count * acap_format_bytes(info.format) + 1);
    assert_non_null(frames);
    counter_fill(frames, info.format, info.channel_count, stats.position + stats.frames_pending, frame_count);
    assert_ok(acap_stream_push(stream, frames, frame_count, 0));
    free(frames);
}

acap_result push_counter_s32(acap_stream *stream, uint32_t channel_count, uint64_t first_frame, uint32_t frame_count)
{
    uint32_t frames[4096];

    if ((uint64_t)frame_count * channel_count > COUNT_OF(frames))
        return ACAP_ERROR_LIMIT;
    counter_fill(frames, ACAP_FORMAT_S32, channel_count, first_frame, frame_count);
    return acap_stream_push(stream, frames, frame_count, 0);
}

const acap_buffer *borrow_now(acap_reader *reader, conservation *seen)
{
    const acap_buffer *buffer = NULL;

    assert_ok(acap_reader_borrow(reader, 0, &buffer));
    assert_non_null(buffer);
    assert_true(counter_holds(buffer));
    conservation_add(seen, buffer);
    return buffer;
}

acap_result drain(acap_reader *reader, conservation *seen)
{
    const acap_buffer *buffer = NULL;
    acap_result result;

    while ((result = acap_reader_borrow(reader, 0, &buffer)) == ACAP_OK) {
        assert_true(counter_holds(buffer));
        conservation_add(seen, buffer);
        acap_buffer_release(buffer);
    }
    assert_null(buffer);
    return result;
}

acap_stream_stats stream_stats(const acap_stream *stream)
{
    acap_stream_stats stats = ACAP_STREAM_STATS_INIT;

    assert_ok(acap_stream_get_stats(stream, &stats));
    return stats;
}

acap_reader_stats reader_stats(const acap_reader *reader)
{
    acap_reader_stats stats = ACAP_READER_STATS_INIT;

    assert_ok(acap_reader_get_stats(reader, &stats));
    return stats;
}

acap_pool_stats pool_stats(const acap_pool *pool)
{
    acap_pool_stats stats = ACAP_POOL_STATS_INIT;

    assert_ok(acap_pool_get_stats(pool, &stats));
    if (contradiction_of_pool(&stats) != NULL)
        fail_msg("pool: %s", contradiction_of_pool(&stats));
    return stats;
}

acap_pool_stats stream_pool_stats(acap_stream *stream)
{
    acap_pool *pool = acap_stream_get_pool(stream);
    const acap_pool_stats stats = pool_stats(pool);

    acap_pool_release(pool);
    return stats;
}

const char *contradiction_of_pool(const acap_pool_stats *s)
{
    const double attempts = (double)(s->acquired + s->exhausted);
    /* One that has grown may have shrunk again since. */
    const uint32_t capacity_peak = s->grown == 0 ? s->capacity : s->buffers_max;

    if (s->acquired != s->released + s->in_use)
        return "acquired != released + in_use";
    if (s->free_buffers != s->capacity - s->in_use || s->in_use > s->capacity)
        return "free_buffers != capacity - in_use";
    if (s->recycled > s->acquired || s->acquired - s->recycled > capacity_peak)
        return "more first uses than buffers";
    if (s->in_use_peak < s->in_use || s->in_use_peak > capacity_peak)
        return "in_use_peak";
    if (s->capacity > s->buffers_max)
        return "capacity > buffers_max";
    if (attempts == 0 ? s->hit_rate != 1.0 : s->hit_rate != (double)s->acquired / attempts)
        return "hit_rate != acquired / (acquired + exhausted)";
    return NULL;
}

static uint32_t entries_of(const char *path)
{
    DIR *directory = opendir(path);
    uint32_t count = 0;

    assert_non_null(directory);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count - 2; /* . and .. */
}

uint32_t open_descriptors(void)
{
    return entries_of("/proc/self/fd") - 1; /* the directory itself */
}

static uint32_t running_threads(void)
{
    return entries_of("/proc/self/task");
}

uint64_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    uint64_t pages = 0;

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*u %" SCNu64, &pages), 1);
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

bool eventually(bool (*holds)(void *argument), void *argument)
{
    const int64_t until_ns = acap_clock_ns() + PATIENCE_NS;
    const struct timespec a_moment = {0, 100000};

    while (!holds(argument)) {
        if (acap_clock_ns() >= until_ns)
            return false;
        nanosleep(&a_moment, NULL);
    }
    return true;
}

static bool are_threads_gone(void *argument)
{
#if defined(__SANITIZE_THREAD__)
    const uint32_t expected = 2;
#else
    const uint32_t expected = 1;
#endif

    (void)argument;
    return running_threads() == expected;
}

bool threads_have_gone(void)
{
    return eventually(are_threads_gone, NULL);
}

uint64_t next_random(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

uint64_t random_seed(const char *test)
{
    const char *given = getenv("ACAP_TEST_SEED");
    const uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)acap_clock_ns();

    printf("%s: ACAP_TEST_SEED=%" PRIu64 "\n", test, seed);
    fflush(stdout);
    return seed;
}
