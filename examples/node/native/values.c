/* SPDX-License-Identifier: MIT */
/* Owns: the tables that say how each member of each struct is called in JavaScript, and the conversions that they drive.
 * Called by: the other files, on the environment's thread. */
#include "addon.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(type, kind, member, name) { name, #member, offsetof(type, member), sizeof(((type *)0)->member), kind }
#define RECORD(variable, type, fields) \
    const record variable = { #type, sizeof(type), fields, sizeof fields / sizeof fields[0] }

#define F(kind, member, name) FIELD(acap_buffer, kind, member, name)
static const field buffer_fields[] = {
    F(FIELD_U32, flags, "flags"),
    F(FIELD_SPECIAL, data, "arrayBuffer"),
    F(FIELD_COUNT, position, "position"),
    F(FIELD_NS, time_ns, "timeNs"),
    F(FIELD_NS, time_error_ns, "timeErrorNs"),
    F(FIELD_COUNT, lost_before, "lostBefore"),
    F(FIELD_U32, frame_count, "frameCount"),
    F(FIELD_U32, size_bytes, "sizeBytes"),
    F(FIELD_U32, sample_rate_hz, "sampleRateHz"),
    F(FIELD_U32, channel_count, "channelCount"),
    F(FIELD_U32, format, "format"),
    F(FIELD_U32, plane_stride_bytes, "planeStrideBytes"),
};
RECORD(buffer_record, acap_buffer, buffer_fields);
#undef F

#define F(kind, member, name) FIELD(acap_context_config, kind, member, name)
static const field context_config_fields[] = { F(FIELD_SPECIAL, flags, NULL), F(FIELD_STRING, backend, "backend") };
RECORD(context_config_record, acap_context_config, context_config_fields);
#undef F

#define F(kind, member, name) FIELD(acap_device_info, kind, member, name)
static const field device_info_fields[] = {
    F(FIELD_STRING, id, "id"),
    F(FIELD_STRING, name, "name"),
    F(FIELD_STRING, host_api, "hostApi"),
    F(FIELD_U32, max_channel_count, "maxChannelCount"),
    F(FIELD_U32, default_sample_rate_hz, "defaultSampleRateHz"),
    F(FIELD_NS, low_latency_ns, "lowLatencyNs"),
    F(FIELD_NS, high_latency_ns, "highLatencyNs"),
    F(FIELD_U32, flags, "flags"),
};
RECORD(device_info_record, acap_device_info, device_info_fields);
#undef F

#define F(kind, member, name) FIELD(acap_event, kind, member, name)
static const field event_fields[] = {
    F(FIELD_U32, type, "type"),
    F(FIELD_U32, level, "level"),
    F(FIELD_COUNT, stream_id, "streamId"),
    F(FIELD_COUNT, position, "position"),
    F(FIELD_COUNT, frames, "frames"),
    F(FIELD_COUNT, events_lost, "eventsLost"),
    F(FIELD_NS, time_ns, "timeNs"),
    F(FIELD_TEXT, text, "text"),
};
RECORD(event_record, acap_event, event_fields);
#undef F

#define F(kind, member, name) FIELD(acap_levels, kind, member, name)
static const field levels_fields[] = {
    F(FIELD_SPECIAL, channel_count, NULL),
    F(FIELD_SPECIAL, peak, "peak"),
    F(FIELD_SPECIAL, rms, "rms"),
    F(FIELD_COUNT, clipped, "clipped"),
    F(FIELD_COUNT, zeros, "zeros"),
};
RECORD(levels_record, acap_levels, levels_fields);
#undef F

#define F(kind, member, name) FIELD(acap_pool_config, kind, member, name)
static const field pool_config_fields[] = {
    F(FIELD_U32, flags, "flags"),
    F(FIELD_U32, buffer_size_bytes, "bufferSizeBytes"),
    F(FIELD_U32, buffers_min, "buffersMin"),
    F(FIELD_U32, buffers_max, "buffersMax"),
};
RECORD(pool_config_record, acap_pool_config, pool_config_fields);
#undef F

#define F(kind, member, name) FIELD(acap_pool_stats, kind, member, name)
static const field pool_stats_fields[] = {
    F(FIELD_U32, capacity, "capacity"),
    F(FIELD_U32, free_buffers, "freeBuffers"),
    F(FIELD_U32, in_use, "inUse"),
    F(FIELD_U32, in_use_peak, "inUsePeak"),
    F(FIELD_U32, buffers_min, "buffersMin"),
    F(FIELD_U32, buffers_max, "buffersMax"),
    F(FIELD_U32, grown, "grown"),
    F(FIELD_COUNT, acquired, "acquired"),
    F(FIELD_COUNT, recycled, "recycled"),
    F(FIELD_COUNT, exhausted, "exhausted"),
    F(FIELD_COUNT, released, "released"),
    F(FIELD_COUNT, rejected_releases, "rejectedReleases"),
    F(FIELD_COUNT, memory_bytes, "memoryBytes"),
    F(FIELD_NS, oldest_held_ns, "oldestHeldNs"),
    F(FIELD_F64, hit_rate, "hitRate"),
};
RECORD(pool_stats_record, acap_pool_stats, pool_stats_fields);
#undef F

#define F(kind, member, name) FIELD(acap_reader_config, kind, member, name)
static const field reader_config_fields[] = {
    F(FIELD_SPECIAL, flags, NULL),
    F(FIELD_U32, queue_buffers, "queueBuffers"),
    F(FIELD_U32, overflow, "overflow"),
    F(FIELD_U32, wake_buffers, "wakeBuffers"),
    F(FIELD_U32, hold_buffers, "holdBuffers"),
    F(FIELD_NS, preroll_ns, "prerollNs"),
    F(FIELD_STRING, name, "name"),
};
RECORD(reader_config_record, acap_reader_config, reader_config_fields);
#undef F

#define F(kind, member, name) FIELD(acap_reader_stats, kind, member, name)
static const field reader_stats_fields[] = {
    F(FIELD_U32, queued_buffers, "queuedBuffers"),
    F(FIELD_U32, queued_buffers_peak, "queuedBuffersPeak"),
    F(FIELD_COUNT, start_position, "startPosition"),
    F(FIELD_COUNT, end_position, "endPosition"),
    F(FIELD_COUNT, buffers_delivered, "buffersDelivered"),
    F(FIELD_COUNT, frames_delivered, "framesDelivered"),
    F(FIELD_COUNT, frames_queued, "framesQueued"),
    F(FIELD_COUNT, frames_lost, "framesLost"),
    F(FIELD_COUNT, lost_stream, "lostStream"),
    F(FIELD_COUNT, lost_queue, "lostQueue"),
    F(FIELD_NS, latency_ns_p50, "latencyNsP50"),
    F(FIELD_NS, latency_ns_p99, "latencyNsP99"),
    F(FIELD_NS, latency_ns_max, "latencyNsMax"),
};
RECORD(reader_stats_record, acap_reader_stats, reader_stats_fields);
#undef F

#define F(kind, member, name) FIELD(acap_stream_config, kind, member, name)
static const field stream_config_fields[] = {
    F(FIELD_U32, flags, "flags"),
    F(FIELD_STRING, device, "device"),
    F(FIELD_U32, sample_rate_hz, "sampleRateHz"),
    F(FIELD_U32, channel_count, "channelCount"),
    F(FIELD_U32, format, "format"),
    F(FIELD_U32, frames_per_buffer, "framesPerBuffer"),
    F(FIELD_U32, pool_buffers_min, "poolBuffersMin"),
    F(FIELD_U32, pool_buffers_max, "poolBuffersMax"),
    F(FIELD_NS, latency_ns, "latencyNs"),
    F(FIELD_SPECIAL, pool, "pool"),
    F(FIELD_U32, on_device_lost, "onDeviceLost"),
    F(FIELD_NS, history_ns, "historyNs"),
};
RECORD(stream_config_record, acap_stream_config, stream_config_fields);
#undef F

#define F(kind, member, name) FIELD(acap_stream_info, kind, member, name)
static const field stream_info_fields[] = {
    F(FIELD_U32, sample_rate_hz, "sampleRateHz"),
    F(FIELD_U32, channel_count, "channelCount"),
    F(FIELD_U32, format, "format"),
    F(FIELD_U32, frames_per_buffer, "framesPerBuffer"),
    F(FIELD_U32, flags, "flags"),
    F(FIELD_NS, latency_ns, "latencyNs"),
    F(FIELD_COUNT, stream_id, "streamId"),
    F(FIELD_TEXT, device_id, "deviceId"),
    F(FIELD_TEXT, backend, "backend"),
};
RECORD(stream_info_record, acap_stream_info, stream_info_fields);
#undef F

#define F(kind, member, name) FIELD(acap_stream_stats, kind, member, name)
static const field stream_stats_fields[] = {
    F(FIELD_U32, state, "state"),
    F(FIELD_BOOL, realtime, "realtime"),
    F(FIELD_COUNT, position, "position"),
    F(FIELD_COUNT, frames_captured, "framesCaptured"),
    F(FIELD_COUNT, frames_lost, "framesLost"),
    F(FIELD_COUNT, lost_pool, "lostPool"),
    F(FIELD_COUNT, lost_host, "lostHost"),
    F(FIELD_COUNT, frames_pending, "framesPending"),
    F(FIELD_COUNT, callbacks, "callbacks"),
    F(FIELD_COUNT, host_overflows, "hostOverflows"),
    F(FIELD_COUNT, buffers_filled, "buffersFilled"),
    F(FIELD_COUNT, recoveries, "recoveries"),
    F(FIELD_NS, callback_ns_max, "callbackNsMax"),
    F(FIELD_NS, callback_ns_total, "callbackNsTotal"),
    F(FIELD_F64, measured_rate_hz, "measuredRateHz"),
};
RECORD(stream_stats_record, acap_stream_stats, stream_stats_fields);
#undef F

static const record *const records[] = {
    &buffer_record,      &context_config_record, &device_info_record,   &event_record,         &levels_record,      &pool_config_record,
    &pool_stats_record,  &reader_config_record,  &reader_stats_record,  &stream_config_record, &stream_info_record, &stream_stats_record,
};

/* ---- to JavaScript ---- */

napi_value make_undefined(napi_env env)
{
    napi_value value = NULL;
    napi_get_undefined(env, &value);
    return value;
}

napi_value make_u32(napi_env env, uint32_t number)
{
    napi_value value = NULL;
    napi_create_uint32(env, number, &value);
    return value;
}

static napi_value make_string(napi_env env, const char *text)
{
    napi_value value = NULL;
    napi_create_string_utf8(env, text != NULL ? text : "", NAPI_AUTO_LENGTH, &value);
    return value;
}

static napi_value make_number(napi_env env, double number)
{
    napi_value value = NULL;
    napi_create_double(env, number, &value);
    return value;
}

static napi_value field_to_value(napi_env env, field_kind kind, const char *place)
{
    napi_value value = NULL;
    uint32_t number = 0;
    uint64_t count = 0;
    int64_t ns = 0;
    double real = 0;
    const char *text = NULL;
    switch (kind) {
    case FIELD_U32:
        memcpy(&number, place, sizeof number);
        return make_u32(env, number);
    case FIELD_BOOL:
        memcpy(&number, place, sizeof number);
        napi_get_boolean(env, number != 0, &value);
        return value;
    case FIELD_COUNT:
        memcpy(&count, place, sizeof count);
        return make_number(env, (double)count);
    case FIELD_NS:
        memcpy(&ns, place, sizeof ns);
        napi_create_bigint_int64(env, ns, &value);
        return value;
    case FIELD_F64:
        memcpy(&real, place, sizeof real);
        return make_number(env, real);
    case FIELD_TEXT:
        return make_string(env, place);
    case FIELD_STRING:
        memcpy(&text, place, sizeof text);
        return make_string(env, text);
    default:
        return make_undefined(env);
    }
}

napi_value record_to_object(napi_env env, const record *layout, const void *bytes)
{
    napi_value object = NULL;
    napi_create_object(env, &object);
    for (size_t i = 0; i < layout->field_count; i++) {
        const field *one = &layout->fields[i];
        if (one->name != NULL && one->kind != FIELD_SPECIAL)
            napi_set_named_property(env, object, one->name, field_to_value(env, one->kind, (const char *)bytes + one->offset));
    }
    return object;
}

/* ---- from JavaScript ---- */

static bool out_of_range(napi_env env, const char *name, const char *what)
{
    char text[160];
    snprintf(text, sizeof text, "%s must be %s", name, what);
    napi_throw_range_error(env, "ERR_OUT_OF_RANGE", text);
    return false;
}

static bool wrong_type(napi_env env, const char *name, const char *what)
{
    char text[160];
    snprintf(text, sizeof text, "%s must be %s", name, what);
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", text);
    return false;
}

static bool get_whole(napi_env env, napi_value value, const char *name, double limit, double *out)
{
    if (napi_get_value_double(env, value, out) != napi_ok)
        return wrong_type(env, name, "a number");
    if (!(*out >= 0 && *out <= limit && *out == floor(*out)))
        return out_of_range(env, name, limit < 5e9 ? "a whole number from 0 to 2^32 - 1" : "a whole number from 0 to 2^53 - 1");
    return true;
}

bool get_u32(napi_env env, napi_value value, const char *name, uint32_t *out)
{
    double number = 0;
    if (!get_whole(env, value, name, UINT32_MAX, &number))
        return false;
    *out = (uint32_t)number;
    return true;
}

bool get_count(napi_env env, napi_value value, const char *name, uint64_t *out)
{
    double number = 0;
    if (!get_whole(env, value, name, 9007199254740991.0, &number))
        return false;
    *out = (uint64_t)number;
    return true;
}

bool get_ns(napi_env env, napi_value value, const char *name, int64_t *out)
{
    bool is_lossless = false;
    if (napi_get_value_bigint_int64(env, value, out, &is_lossless) == napi_ok)
        return is_lossless || out_of_range(env, name, "nanoseconds that fit into 64 bits");
    double number = 0;
    if (napi_get_value_double(env, value, &number) != napi_ok)
        return wrong_type(env, name, "nanoseconds: a BigInt or a number");
    if (!(fabs(number) <= 9007199254740991.0 && number == floor(number)))
        return out_of_range(env, name, "whole nanoseconds");
    *out = (int64_t)number;
    return true;
}

static bool get_string(napi_env env, napi_value value, const char *name, char **out)
{
    size_t length = 0;
    if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok)
        return wrong_type(env, name, "a string");
    char *text = malloc(length + 1);
    if (text == NULL) {
        napi_throw(env, make_error(env, ACAP_ERROR_NO_MEMORY, NULL, NULL));
        return false;
    }
    napi_get_value_string_utf8(env, value, text, length + 1, &length);
    if (strlen(text) != length) { /* what follows a zero byte would be cut off without a word */
        free(text);
        return out_of_range(env, name, "a string without zero bytes");
    }
    *out = text;
    return true;
}

static bool field_from_value(napi_env env, const field *one, napi_value value, char *place)
{
    uint32_t number = 0;
    int64_t ns = 0;
    char *text = NULL;
    switch (one->kind) {
    case FIELD_U32:
        if (!get_u32(env, value, one->name, &number))
            return false;
        memcpy(place, &number, sizeof number);
        return true;
    case FIELD_NS:
        if (!get_ns(env, value, one->name, &ns))
            return false;
        memcpy(place, &ns, sizeof ns);
        return true;
    case FIELD_STRING:
        if (!get_string(env, value, one->name, &text))
            return false;
        memcpy(place, &text, sizeof text);
        return true;
    default:
        return true;
    }
}

bool record_from_object(napi_env env, const record *layout, napi_value object, void *bytes)
{
    for (size_t i = 0; i < layout->field_count; i++) {
        const field *one = &layout->fields[i];
        napi_value value = NULL;
        napi_valuetype type = napi_undefined;
        if (one->name == NULL)
            continue;
        if (napi_get_named_property(env, object, one->name, &value) != napi_ok || napi_typeof(env, value, &type) != napi_ok) {
            record_free_strings(layout, bytes);
            return false;
        }
        if (type == napi_undefined || type == napi_null)
            continue;
        if (!field_from_value(env, one, value, (char *)bytes + one->offset)) {
            record_free_strings(layout, bytes);
            return false;
        }
    }
    return true;
}

void record_free_strings(const record *layout, void *bytes)
{
    for (size_t i = 0; i < layout->field_count; i++) {
        char *place = (char *)bytes + layout->fields[i].offset;
        char *text = NULL;
        if (layout->fields[i].kind != FIELD_STRING)
            continue;
        memcpy(&text, place, sizeof text);
        free(text);
        text = NULL;
        memcpy(place, &text, sizeof text);
    }
}

bool get_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *values)
{
    size_t given = count;
    return napi_get_cb_info(env, info, &given, values, NULL, NULL) == napi_ok; /* what is missing is undefined */
}

/* ---- for the test that compares with the header ---- */

static napi_value field_to_row(napi_env env, const field *one)
{
    napi_value row = NULL;
    napi_create_object(env, &row);
    napi_set_named_property(env, row, "member", make_string(env, one->member));
    if (one->name != NULL)
        napi_set_named_property(env, row, "name", make_string(env, one->name));
    napi_set_named_property(env, row, "offset", make_number(env, (double)one->offset));
    napi_set_named_property(env, row, "size", make_number(env, (double)one->size));
    return row;
}

napi_value values_layout(napi_env env, napi_callback_info info)
{
    (void)info;
    napi_value all = NULL;
    napi_create_object(env, &all);
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        napi_value one = NULL, fields = NULL;
        napi_create_object(env, &one);
        napi_create_array(env, &fields);
        for (size_t j = 0; j < records[i]->field_count; j++)
            napi_set_element(env, fields, (uint32_t)j, field_to_row(env, &records[i]->fields[j]));
        napi_set_named_property(env, one, "size", make_number(env, (double)records[i]->size));
        napi_set_named_property(env, one, "fields", fields);
        napi_set_named_property(env, all, records[i]->struct_name, one);
    }
    return all;
}
