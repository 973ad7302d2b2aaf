/* SPDX-License-Identifier: MIT */
/* Owns: reading and filling structs whose size is the caller's, and checking what is in them.
 * Called by: entry points, on any thread. */
#include "params.h"

#include "result.h"

#include <string.h>

#define STRUCT_BYTES_MAX 4096u /* no struct of this API will be larger: a size beyond it is garbage */
#define STRUCT_BYTES_MIN 8u    /* struct_size and one member */
#define HISTORY_NS_MAX (INT64_C(86400) * ACAP__NS_PER_S)

int64_t acap__deadline(int64_t timeout_ns)
{
    const int64_t now_ns = acap_clock_ns();

    if (timeout_ns < 0 || timeout_ns > INT64_MAX - now_ns)
        return INT64_MAX;
    return now_ns + timeout_ns;
}

uint32_t ACAP_CALL acap_format_bytes(uint32_t format)
{
    static const uint8_t bytes[] = {[ACAP_FORMAT_S16] = 2, [ACAP_FORMAT_S24] = 3, [ACAP_FORMAT_S32] = 4, [ACAP_FORMAT_F32] = 4,
                                    [ACAP_FORMAT_U8] = 1};

    return format < sizeof bytes ? bytes[format] : 0;
}

static bool is_zero(const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

static uint32_t size_of_theirs(const void *theirs)
{
    uint32_t size_bytes;

    memcpy(&size_bytes, theirs, sizeof size_bytes);
    return size_bytes;
}

/* All members of the first release are known, so a smaller size cannot be honest, nor one that cuts through a member. */
static acap_result take(void *ours, const void *theirs, uint32_t known_bytes, const char *name)
{
    const uint32_t size_bytes = size_of_theirs(theirs);

    if (size_bytes < known_bytes || size_bytes > STRUCT_BYTES_MAX)
        return acap__fail(ACAP_ERROR_ABI_MISMATCH, "%s.struct_size is %u, this library knows %u bytes", name, size_bytes, known_bytes);
    if (!is_zero((const unsigned char *)theirs + known_bytes, size_bytes - known_bytes))
        return acap__fail(ACAP_ERROR_ABI_MISMATCH, "%s uses members that this library does not know", name);
    memcpy(ours, theirs, known_bytes);
    return ACAP_OK;
}

/* ends: the offset behind each member, rising. */
static acap_result give(void *theirs, const void *ours, const uint16_t *ends, size_t count, const char *name)
{
    const uint32_t size_bytes = size_of_theirs(theirs);
    const uint32_t known_bytes = ends[count - 1];
    uint32_t whole_bytes = sizeof size_bytes;

    if (size_bytes < STRUCT_BYTES_MIN || size_bytes > STRUCT_BYTES_MAX)
        return acap__fail(ACAP_ERROR_ABI_MISMATCH, "%s.struct_size is %u, this library knows %u bytes", name, size_bytes, known_bytes);
    for (size_t i = 0; i < count && ends[i] <= size_bytes; i++)
        whole_bytes = ends[i];
    memcpy((unsigned char *)theirs + sizeof size_bytes, (const unsigned char *)ours + sizeof size_bytes, whole_bytes - sizeof size_bytes);
    if (size_bytes > known_bytes)
        memset((unsigned char *)theirs + known_bytes, 0, size_bytes - known_bytes);
    return ACAP_OK;
}

acap_result acap__take_context_config(acap_context_config *ours, const acap_context_config *theirs)
{
    *ours = (acap_context_config)ACAP_CONTEXT_CONFIG_INIT;
    return theirs == NULL ? ACAP_OK : take(ours, theirs, sizeof *ours, "acap_context_config");
}

acap_result acap__take_stream_config(acap_stream_config *ours, const acap_stream_config *theirs)
{
    *ours = (acap_stream_config)ACAP_STREAM_CONFIG_INIT;
    return theirs == NULL ? ACAP_OK : take(ours, theirs, sizeof *ours, "acap_stream_config");
}

acap_result acap__take_reader_config(acap_reader_config *ours, const acap_reader_config *theirs)
{
    *ours = (acap_reader_config)ACAP_READER_CONFIG_INIT;
    return theirs == NULL ? ACAP_OK : take(ours, theirs, sizeof *ours, "acap_reader_config");
}

acap_result acap__take_pool_config(acap_pool_config *ours, const acap_pool_config *theirs)
{
    *ours = (acap_pool_config)ACAP_POOL_CONFIG_INIT;
    return take(ours, theirs, sizeof *ours, "acap_pool_config");
}

acap_result acap__take_levels(acap_levels *ours, const acap_levels *theirs)
{
    return take(ours, theirs, sizeof *ours, "acap_levels");
}

#define END_OF(type, member) (uint16_t)(offsetof(type, member) + sizeof(((type *)0)->member))
#define GIVE(type, theirs, ours, ...)                                                                    \
    do {                                                                                                 \
        static const uint16_t ends[] = {__VA_ARGS__};                                                    \
        _Static_assert(sizeof(type) <= STRUCT_BYTES_MAX, "a struct of the API has outgrown its limit");  \
        return give(theirs, ours, ends, sizeof ends / sizeof ends[0], #type);                            \
    } while (0)

acap_result acap__give_pool_stats(acap_pool_stats *theirs, const acap_pool_stats *ours)
{
#define E(member) END_OF(acap_pool_stats, member)
    GIVE(acap_pool_stats, theirs, ours, E(capacity), E(free_buffers), E(in_use), E(in_use_peak), E(buffers_min), E(buffers_max),
         E(grown), E(acquired), E(recycled), E(exhausted), E(released), E(rejected_releases), E(memory_bytes), E(oldest_held_ns),
         E(hit_rate));
#undef E
}

acap_result acap__give_stream_info(acap_stream_info *theirs, const acap_stream_info *ours)
{
#define E(member) END_OF(acap_stream_info, member)
    GIVE(acap_stream_info, theirs, ours, E(sample_rate_hz), E(channel_count), E(format), E(frames_per_buffer), E(flags), E(latency_ns),
         E(stream_id), E(device_id), E(backend));
#undef E
}

acap_result acap__give_stream_stats(acap_stream_stats *theirs, const acap_stream_stats *ours)
{
#define E(member) END_OF(acap_stream_stats, member)
    GIVE(acap_stream_stats, theirs, ours, E(state), E(realtime), E(reserved), E(position), E(frames_captured), E(frames_lost),
         E(lost_pool), E(lost_host), E(frames_pending), E(callbacks), E(host_overflows), E(buffers_filled), E(recoveries),
         E(callback_ns_max), E(callback_ns_total), E(measured_rate_hz));
#undef E
}

acap_result acap__give_reader_stats(acap_reader_stats *theirs, const acap_reader_stats *ours)
{
#define E(member) END_OF(acap_reader_stats, member)
    GIVE(acap_reader_stats, theirs, ours, E(queued_buffers), E(queued_buffers_peak), E(reserved), E(start_position), E(end_position),
         E(buffers_delivered), E(frames_delivered), E(frames_queued), E(frames_lost), E(lost_stream), E(lost_queue), E(latency_ns_p50),
         E(latency_ns_p99), E(latency_ns_max));
#undef E
}

acap_result acap__give_event(acap_event *theirs, const acap_event *ours)
{
#define E(member) END_OF(acap_event, member)
    GIVE(acap_event, theirs, ours, E(type), E(level), E(reserved), E(stream_id), E(position), E(frames), E(events_lost), E(time_ns),
         E(text));
#undef E
}

acap_result acap__give_levels(acap_levels *theirs, const acap_levels *ours)
{
#define E(member) END_OF(acap_levels, member)
    GIVE(acap_levels, theirs, ours, E(channel_count), E(peak), E(rms), E(clipped), E(zeros));
#undef E
}

static acap_result check_range(const char *name, uint32_t value, uint32_t min, uint32_t max)
{
    if (value != 0 && (value < min || value > max))
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "%s is %u; it must be 0 or %u to %u", name, value, min, max);
    return ACAP_OK;
}

static acap_result check_values(const acap_stream_config *config)
{
    if (config->flags & ~(ACAP_STREAM_PLANAR | ACAP_STREAM_LOCK_MEMORY))
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_stream_config.flags has unknown bits: 0x%x", config->flags);
    if (config->reserved != 0)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_stream_config.reserved must be 0");
    if (config->on_device_lost > ACAP_ON_LOST_FOLLOW_DEFAULT)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_stream_config.on_device_lost %u is unknown", config->on_device_lost);
    if (config->history_ns < 0 || config->history_ns > HISTORY_NS_MAX)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_stream_config.history_ns must be 0 to 24 hours");
    if (config->latency_ns < 0 || config->latency_ns > 60 * ACAP__NS_PER_S)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_stream_config.latency_ns must be 0 to 60 s");
    return ACAP_OK;
}

static acap_result check_pool_bounds(uint32_t buffers_min, uint32_t buffers_max)
{
    if (buffers_min > ACAP_MAX_POOL_BUFFERS || buffers_max > ACAP_MAX_POOL_BUFFERS)
        return acap__fail(ACAP_ERROR_LIMIT, "a pool has at most %u buffers", ACAP_MAX_POOL_BUFFERS);
    if (buffers_max != 0 && buffers_min > buffers_max)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "the pool's minimum of %u buffers is above its maximum of %u", buffers_min,
                          buffers_max);
    return ACAP_OK;
}

acap_result acap__check_stream_config(acap_stream_config *config)
{
    acap_result result = check_values(config);

    if (result == ACAP_OK)
        result = check_range("sample_rate_hz", config->sample_rate_hz, ACAP_MIN_SAMPLE_RATE_HZ, ACAP_MAX_SAMPLE_RATE_HZ);
    if (result == ACAP_OK)
        result = check_range("channel_count", config->channel_count, 1, ACAP_MAX_CHANNELS);
    if (result == ACAP_OK)
        result = check_range("frames_per_buffer", config->frames_per_buffer, 1, ACAP_MAX_FRAMES_PER_BUFFER);
    if (result == ACAP_OK)
        result = check_pool_bounds(config->pool_buffers_min, config->pool_buffers_max);
    if (result != ACAP_OK)
        return result;
    if (config->format == 0)
        config->format = ACAP_FORMAT_F32;
    if (acap_format_bytes(config->format) == 0)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "format %u is unknown", config->format);
    return ACAP_OK;
}

/* About half a second, so that a consumer may be late without a loss. */
static uint32_t default_queue_buffers(uint32_t sample_rate_hz, uint32_t frames_per_buffer)
{
    const uint32_t buffers = (sample_rate_hz / 2u + frames_per_buffer - 1u) / frames_per_buffer;

    return acap__min_u32(acap__max_u32(buffers, 4), ACAP_MAX_QUEUE_BUFFERS);
}

acap_result acap__check_reader_config(acap_reader_config *config, uint32_t sample_rate_hz, uint32_t frames_per_buffer)
{
    if (config->flags != 0)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_reader_config.flags has unknown bits: 0x%x", config->flags);
    if (config->overflow > ACAP_OVERFLOW_DROP_NEWEST)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_reader_config.overflow %u is unknown", config->overflow);
    if (config->preroll_ns < 0)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_reader_config.preroll_ns is negative");
    if (config->queue_buffers != 0 && config->wake_buffers > config->queue_buffers)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "wake_buffers %u is more than queue_buffers %u: it would never wake",
                          config->wake_buffers, config->queue_buffers);
    if (acap__max_u32(config->queue_buffers, acap__max_u32(config->wake_buffers, config->hold_buffers)) > ACAP_MAX_QUEUE_BUFFERS)
        return acap__fail(ACAP_ERROR_LIMIT, "queue_buffers, wake_buffers and hold_buffers are at most %u", ACAP_MAX_QUEUE_BUFFERS);
    if (config->queue_buffers == 0)
        config->queue_buffers = acap__max_u32(default_queue_buffers(sample_rate_hz, frames_per_buffer), config->wake_buffers);
    if (config->wake_buffers == 0)
        config->wake_buffers = 1;
    if (config->hold_buffers == 0)
        config->hold_buffers = config->queue_buffers;
    return ACAP_OK;
}

acap_result acap__check_pool_config(acap_pool_config *config)
{
    if (config->flags & ~ACAP_POOL_LOCK_MEMORY)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_pool_config.flags has unknown bits: 0x%x", config->flags);
    if (config->buffer_size_bytes == 0)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_pool_config.buffer_size_bytes must not be 0");
    if (config->buffer_size_bytes > ACAP_MAX_BUFFER_BYTES)
        return acap__fail(ACAP_ERROR_LIMIT, "a buffer has at most %u bytes", ACAP_MAX_BUFFER_BYTES);
    const acap_result result = check_pool_bounds(config->buffers_min, config->buffers_max);
    if (result != ACAP_OK)
        return result;
    if (config->buffers_max == 0)
        config->buffers_max = ACAP_MAX_POOL_BUFFERS;
    if (config->buffers_min == 0)
        config->buffers_min = acap__min_u32(16, config->buffers_max);
    return ACAP_OK;
}
