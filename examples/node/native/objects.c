/* SPDX-License-Identifier: MIT */
/* Owns: the calls that do not wait for the sound system.
 * Called by: the Context, Stream, Reader and Pool classes, on the environment's thread. */
#include "addon.h"

static handle *only_argument(napi_env env, napi_callback_info info, handle_kind kind)
{
    napi_value value = NULL;
    return get_arguments(env, info, 1, &value) ? handle_get(env, value, kind) : NULL;
}

static napi_value done(napi_env env, acap_result result)
{
    return result == ACAP_OK ? NULL : throw_result(env, result);
}

/* ---- contexts ---- */

napi_value context_create(napi_env env, napi_callback_info info)
{
    napi_value value = NULL;
    acap_context_config config = ACAP_CONTEXT_CONFIG_INIT;
    acap_context *context = NULL;
    if (!get_arguments(env, info, 1, &value) || !record_from_object(env, &context_config_record, value, &config))
        return NULL;
    const acap_result result = acap_context_create(&config, &context);
    record_free_strings(&context_config_record, &config);
    return result == ACAP_OK ? handle_new(env, HANDLE_CONTEXT, context) : throw_result(env, result);
}

napi_value context_next_event(napi_env env, napi_callback_info info)
{
    const handle *context = only_argument(env, info, HANDLE_CONTEXT);
    acap_event event = ACAP_EVENT_INIT;
    if (context == NULL)
        return NULL;
    const acap_result result = acap_context_next_event(context->object, 0, &event);
    if (result == ACAP_TIMED_OUT)
        return NULL;
    return result == ACAP_OK ? record_to_object(env, &event_record, &event) : throw_result(env, result);
}

napi_value context_interrupt(napi_env env, napi_callback_info info)
{
    const handle *context = only_argument(env, info, HANDLE_CONTEXT);
    return context != NULL ? done(env, acap_context_interrupt(context->object)) : NULL;
}

/* ---- streams ---- */

napi_value stream_info(napi_env env, napi_callback_info info)
{
    const handle *stream = only_argument(env, info, HANDLE_STREAM);
    acap_stream_info figures = ACAP_STREAM_INFO_INIT;
    if (stream == NULL)
        return NULL;
    const acap_result result = acap_stream_get_info(stream->object, &figures);
    return result == ACAP_OK ? record_to_object(env, &stream_info_record, &figures) : throw_result(env, result);
}

napi_value stream_stats(napi_env env, napi_callback_info info)
{
    const handle *stream = only_argument(env, info, HANDLE_STREAM);
    acap_stream_stats figures = ACAP_STREAM_STATS_INIT;
    if (stream == NULL)
        return NULL;
    const acap_result result = acap_stream_get_stats(stream->object, &figures);
    return result == ACAP_OK ? record_to_object(env, &stream_stats_record, &figures) : throw_result(env, result);
}

napi_value stream_pool(napi_env env, napi_callback_info info)
{
    const handle *stream = only_argument(env, info, HANDLE_STREAM);
    if (stream == NULL)
        return NULL;
    acap_pool *pool = acap_stream_get_pool(stream->object);
    return pool != NULL ? handle_new(env, HANDLE_POOL, pool) : throw_result(env, ACAP_ERROR_INVALID_STATE);
}

static bool get_bytes(napi_env env, napi_value value, void **data, size_t *size)
{
    napi_typedarray_type type = napi_int8_array;
    if (napi_get_typedarray_info(env, value, &type, size, data, NULL, NULL) == napi_ok && type == napi_uint8_array)
        return true;
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "frames must be bytes");
    return false;
}

napi_value stream_push(napi_env env, napi_callback_info info)
{
    napi_value arguments[3] = { NULL, NULL, NULL }; /* stream, Uint8Array, time */
    void *data = NULL;
    size_t size = 0;
    int64_t time_ns = 0;
    if (!get_arguments(env, info, 3, arguments))
        return NULL;
    const handle *stream = handle_get(env, arguments[0], HANDLE_STREAM);
    if (stream == NULL || !get_bytes(env, arguments[1], &data, &size) || !get_ns(env, arguments[2], "timeNs", &time_ns))
        return NULL;
    const size_t frame_bytes = stream->frame_bytes;
    if (frame_bytes == 0 || size % frame_bytes != 0 || size / frame_bytes > UINT32_MAX) {
        napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "these bytes are no whole frames in the stream's format");
        return NULL;
    }
    if (size == 0) /* an empty array has no address, and NULL would mean a loss */
        return NULL;
    return done(env, acap_stream_push(stream->object, data, (uint32_t)(size / frame_bytes), time_ns));
}

napi_value stream_push_lost(napi_env env, napi_callback_info info)
{
    napi_value arguments[3] = { NULL, NULL, NULL }; /* stream, frames, time */
    uint32_t frame_count = 0;
    int64_t time_ns = 0;
    if (!get_arguments(env, info, 3, arguments))
        return NULL;
    const handle *stream = handle_get(env, arguments[0], HANDLE_STREAM);
    if (stream == NULL || !get_u32(env, arguments[1], "frameCount", &frame_count) || !get_ns(env, arguments[2], "timeNs", &time_ns))
        return NULL;
    return done(env, acap_stream_push(stream->object, NULL, frame_count, time_ns));
}

napi_value stream_sim_advance(napi_env env, napi_callback_info info)
{
    napi_value arguments[2] = { NULL, NULL };
    uint64_t frame_count = 0;
    if (!get_arguments(env, info, 2, arguments))
        return NULL;
    const handle *stream = handle_get(env, arguments[0], HANDLE_STREAM);
    if (stream == NULL || !get_count(env, arguments[1], "frameCount", &frame_count))
        return NULL;
    return done(env, acap_stream_sim_advance(stream->object, frame_count));
}

napi_value stream_open_reader(napi_env env, napi_callback_info info)
{
    napi_value arguments[2] = { NULL, NULL };
    acap_reader_config config = ACAP_READER_CONFIG_INIT;
    acap_reader *reader = NULL;
    if (!get_arguments(env, info, 2, arguments))
        return NULL;
    const handle *stream = handle_get(env, arguments[0], HANDLE_STREAM);
    if (stream == NULL || !record_from_object(env, &reader_config_record, arguments[1], &config))
        return NULL;
    const acap_result result = acap_reader_open(stream->object, &config, &reader);
    record_free_strings(&reader_config_record, &config);
    return result == ACAP_OK ? handle_new(env, HANDLE_READER, reader) : throw_result(env, result);
}

/* ---- readers ---- */

/* An ArrayBuffer; undefined: nothing is queued; null: the end. */
napi_value reader_borrow(napi_env env, napi_callback_info info)
{
    napi_value arguments[2] = { NULL, NULL }, nothing = NULL; /* reader, whether to copy */
    const acap_buffer *buffer = NULL;
    bool wants_copy = false;
    if (!get_arguments(env, info, 2, arguments))
        return NULL;
    const handle *reader = handle_get(env, arguments[0], HANDLE_READER);
    if (reader == NULL)
        return NULL;
    napi_get_value_bool(env, arguments[1], &wants_copy);
    const acap_result result = acap_reader_borrow(reader->object, 0, &buffer);
    switch (result) {
    case ACAP_OK:
        return buffer_new(env, buffer, wants_copy);
    case ACAP_TIMED_OUT:
        return NULL;
    case ACAP_END:
        napi_get_null(env, &nothing);
        return nothing;
    default:
        return throw_result(env, result);
    }
}

napi_value reader_interrupt(napi_env env, napi_callback_info info)
{
    const handle *reader = only_argument(env, info, HANDLE_READER);
    return reader != NULL ? done(env, acap_reader_interrupt(reader->object)) : NULL;
}

napi_value reader_end(napi_env env, napi_callback_info info)
{
    const handle *reader = only_argument(env, info, HANDLE_READER);
    return reader != NULL ? done(env, acap_reader_end(reader->object)) : NULL;
}

napi_value reader_stats(napi_env env, napi_callback_info info)
{
    const handle *reader = only_argument(env, info, HANDLE_READER);
    acap_reader_stats figures = ACAP_READER_STATS_INIT;
    if (reader == NULL)
        return NULL;
    const acap_result result = acap_reader_get_stats(reader->object, &figures);
    return result == ACAP_OK ? record_to_object(env, &reader_stats_record, &figures) : throw_result(env, result);
}

/* ---- pools ---- */

napi_value pool_create(napi_env env, napi_callback_info info)
{
    napi_value value = NULL;
    acap_pool_config config = ACAP_POOL_CONFIG_INIT;
    acap_pool *pool = NULL;
    if (!get_arguments(env, info, 1, &value) || !record_from_object(env, &pool_config_record, value, &config))
        return NULL;
    const acap_result result = acap_pool_create(&config, &pool);
    return result == ACAP_OK ? handle_new(env, HANDLE_POOL, pool) : throw_result(env, result);
}

napi_value pool_acquire(napi_env env, napi_callback_info info)
{
    const handle *pool = only_argument(env, info, HANDLE_POOL);
    const acap_buffer *buffer = NULL;
    if (pool == NULL)
        return NULL;
    const acap_result result = acap_pool_acquire(pool->object, &buffer);
    return result == ACAP_OK ? buffer_new(env, buffer, false) : throw_result(env, result);
}

napi_value pool_retain(napi_env env, napi_callback_info info)
{
    const handle *pool = only_argument(env, info, HANDLE_POOL);
    return pool != NULL ? handle_new(env, HANDLE_POOL, acap_pool_retain(pool->object)) : NULL;
}

napi_value pool_stats(napi_env env, napi_callback_info info)
{
    const handle *pool = only_argument(env, info, HANDLE_POOL);
    acap_pool_stats figures = ACAP_POOL_STATS_INIT;
    if (pool == NULL)
        return NULL;
    const acap_result result = acap_pool_get_stats(pool->object, &figures);
    return result == ACAP_OK ? record_to_object(env, &pool_stats_record, &figures) : throw_result(env, result);
}
