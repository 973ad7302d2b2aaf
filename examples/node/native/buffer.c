/* SPDX-License-Identifier: MIT */
/* Owns: borrowed buffers as ArrayBuffers, and how each reference gets back to its pool exactly once.
 * Called by: readers, pools and the Buffer class; the finalizers by the environment, on its thread, also at its end.
 *
 * One hold stands for one reference. Its ArrayBuffer has a finalizer that frees the hold and gives the reference back if
 * nobody has: after the garbage collector found it, after a detach, or at the environment's end. release() detaches the
 * ArrayBuffer and gives the reference back at once, so that a view of recycled memory has no length instead of new data. */
#include "addon.h"

#include <stdlib.h>
#include <string.h>

struct hold {
    addon *owner;
    const acap_buffer *buffer; /* NULL: given back */
    uint32_t id;
    bool is_copy;
};

/* ---- holds ---- */

static bool grow_holds(addon *owner)
{
    const uint32_t old = owner->hold_capacity, capacity = old == 0 ? 64 : old * 2;
    hold **holds = realloc(owner->holds, capacity * sizeof *holds);
    if (holds == NULL)
        return false;
    owner->holds = holds;
    uint32_t *next = realloc(owner->hold_next, capacity * sizeof *next);
    if (next == NULL)
        return false;
    owner->hold_next = next;
    for (uint32_t id = old; id < capacity; id++) {
        holds[id] = NULL;
        next[id] = id + 1;
    }
    owner->hold_capacity = capacity; /* and the head, which was the old capacity, is the first new one */
    return true;
}

static hold *hold_new(addon *owner, const acap_buffer *buffer)
{
    hold *self = malloc(sizeof *self);
    if (self == NULL || (owner->hold_free == owner->hold_capacity && !grow_holds(owner))) {
        free(self);
        return NULL;
    }
    self->owner = owner;
    self->buffer = buffer;
    self->is_copy = false;
    self->id = owner->hold_free;
    owner->hold_free = owner->hold_next[self->id];
    owner->holds[self->id] = self;
    owner->buffers_held++;
    addon_retain(owner);
    return self;
}

static void hold_give_back(hold *self)
{
    const acap_buffer *buffer = self->buffer;
    if (buffer == NULL)
        return;
    self->buffer = NULL;
    self->owner->buffers_held--;
    acap_buffer_release(buffer);
}

static void hold_free(hold *self)
{
    addon *owner = self->owner;
    hold_give_back(self);
    owner->holds[self->id] = NULL;
    owner->hold_next[self->id] = owner->hold_free;
    owner->hold_free = self->id;
    free(self);
    addon_release(owner);
}

static void finalize(napi_env env, void *data, void *hint)
{
    (void)env;
    (void)data;
    hold_free(hint);
}

static hold *hold_of(napi_env env, napi_value value)
{
    const addon *owner = addon_of(env);
    uint32_t id = 0;
    if (!get_u32(env, value, "id", &id))
        return NULL;
    hold *self = id < owner->hold_capacity ? owner->holds[id] : NULL;
    if (self == NULL || self->buffer == NULL) {
        napi_throw(env, make_error(env, ACAP_ERROR_INVALID_STATE, "ERR_ACAP_RELEASED", "the buffer was released already"));
        return NULL;
    }
    return self;
}

/* ---- ArrayBuffers ---- */

/* Bytes from the first sample to the end of the last one. */
static size_t extent(const acap_buffer *buffer)
{
    if (buffer->plane_stride_bytes == 0)
        return buffer->size_bytes;
    const size_t plane_bytes = (size_t)buffer->frame_count * acap_format_bytes(buffer->format);
    return (size_t)(buffer->channel_count - 1) * buffer->plane_stride_bytes + plane_bytes;
}

static napi_status create_external(napi_env env, hold *self, napi_value *out)
{
    if (self->owner->forbids_external)
        return napi_no_external_buffers_allowed;
    return napi_create_external_arraybuffer(env, (void *)self->buffer->data, extent(self->buffer), finalize, self, out);
}

static napi_status create_copy(napi_env env, hold *self, napi_value *out)
{
    void *data = NULL;
    const size_t size = extent(self->buffer);
    napi_status status = napi_create_arraybuffer(env, size, &data, out);
    if (status != napi_ok)
        return status;
    memcpy(data, self->buffer->data, size);
    self->is_copy = true;
    /* The reference stays with the copy: whether a runtime copies does not change when buffers come back. */
    return napi_add_finalizer(env, *out, self, finalize, self, NULL);
}

static void fill_header(header_view *view, const hold *self)
{
    const acap_buffer *buffer = self->buffer;
    view->id = self->id;
    view->flags = buffer->flags;
    view->position = (double)buffer->position;
    view->lost_before = (double)buffer->lost_before;
    view->frame_count = buffer->frame_count;
    view->size_bytes = buffer->size_bytes;
    view->sample_rate_hz = buffer->sample_rate_hz;
    view->channel_count = buffer->channel_count;
    view->format = buffer->format;
    view->plane_stride_bytes = buffer->plane_stride_bytes;
    view->is_copy = self->is_copy;
    view->time_ns = buffer->time_ns;
    view->time_error_ns = buffer->time_error_ns;
}

napi_value buffer_new(napi_env env, const acap_buffer *buffer, bool wants_copy)
{
    addon *owner = addon_of(env);
    napi_value array_buffer = NULL;
    hold *self = hold_new(owner, buffer);
    if (self == NULL) {
        acap_buffer_release(buffer);
        napi_throw(env, make_error(env, ACAP_ERROR_NO_MEMORY, NULL, NULL));
        return NULL;
    }
    napi_status status = wants_copy ? napi_no_external_buffers_allowed : create_external(env, self, &array_buffer);
    if (status == napi_no_external_buffers_allowed)
        status = create_copy(env, self, &array_buffer);
    if (status != napi_ok) {
        bool is_pending = false;
        /* Whether the finalizer will still run is not documented: the reference goes back now, and the hold is left to it. */
        hold_give_back(self);
        if (napi_is_exception_pending(env, &is_pending) == napi_ok && !is_pending)
            napi_throw(env, make_error(env, ACAP_ERROR_NO_MEMORY, NULL, "no ArrayBuffer could be made"));
        return NULL;
    }
    fill_header(owner->header, self);
    return array_buffer;
}

static void free_probe(napi_env env, void *data, void *hint)
{
    (void)env;
    (void)hint;
    free(data);
}

/* Asks the runtime once whether memory that is not its own may be an ArrayBuffer. */
bool buffer_probe_external(napi_env env)
{
    napi_value probe = NULL;
    void *byte = malloc(1);
    if (byte == NULL)
        return true;
    if (napi_create_external_arraybuffer(env, byte, 1, free_probe, NULL, &probe) == napi_no_external_buffers_allowed) {
        free(byte);
        return false;
    }
    return true;
}

/* ---- the Buffer class ---- */

napi_value buffer_release_js(napi_env env, napi_callback_info info)
{
    napi_value arguments[2] = { NULL, NULL }; /* id, ArrayBuffer */
    bool is_moved = false;
    if (!get_arguments(env, info, 2, arguments))
        return NULL;
    hold *self = hold_of(env, arguments[0]);
    if (self == NULL)
        return NULL;
    if (napi_is_detached_arraybuffer(env, arguments[1], &is_moved) != napi_ok)
        return NULL;
    if (is_moved) {
        /* By somebody else: the memory is another ArrayBuffer's now, which gives it back when it goes, unless it is a copy. */
        if (self->is_copy)
            hold_give_back(self);
        return NULL;
    }
    /* Taken out of the hold first: a runtime may finalize, and so free the hold, inside the detach. */
    const acap_buffer *buffer = self->buffer;
    addon *owner = self->owner;
    self->buffer = NULL;
    if (napi_detach_arraybuffer(env, arguments[1]) != napi_ok) {
        self->buffer = buffer;
        napi_throw_error(env, "ERR_ACAP_NOT_DETACHABLE", "the runtime does not let go of the buffer's memory");
        return NULL;
    }
    owner->buffers_held--;
    acap_buffer_release(buffer);
    return NULL;
}

napi_value buffer_retain_js(napi_env env, napi_callback_info info)
{
    napi_value arguments[2] = { NULL, NULL }; /* id, whether to copy */
    bool wants_copy = false;
    if (!get_arguments(env, info, 2, arguments))
        return NULL;
    const hold *self = hold_of(env, arguments[0]);
    if (self == NULL)
        return NULL;
    napi_get_value_bool(env, arguments[1], &wants_copy);
    const acap_buffer *buffer = acap_buffer_retain(self->buffer);
    if (buffer == NULL) /* a fork, or the pool's account is broken */
        return throw_result(env, ACAP_ERROR_INVALID_STATE);
    return buffer_new(env, buffer, wants_copy);
}

napi_value buffer_reference_count_js(napi_env env, napi_callback_info info)
{
    napi_value value = NULL;
    if (!get_arguments(env, info, 1, &value))
        return NULL;
    const hold *self = hold_of(env, value);
    return self != NULL ? make_u32(env, acap_buffer_reference_count(self->buffer)) : NULL;
}

napi_value buffer_is_writable_js(napi_env env, napi_callback_info info)
{
    napi_value value = NULL, answer = NULL;
    if (!get_arguments(env, info, 1, &value))
        return NULL;
    const hold *self = hold_of(env, value);
    if (self != NULL)
        napi_get_boolean(env, acap_buffer_writable_data(self->buffer) != NULL, &answer);
    return answer;
}

static bool get_floats(napi_env env, napi_value value, float **out, size_t *length)
{
    napi_typedarray_type type = napi_int8_array;
    void *data = NULL;
    if (napi_get_typedarray_info(env, value, &type, length, &data, NULL, NULL) != napi_ok || type != napi_float32_array) {
        napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "levels are written to a Float32Array");
        return false;
    }
    *out = data;
    return true;
}

napi_value buffer_measure_js(napi_env env, napi_callback_info info)
{
    napi_value arguments[3] = { NULL, NULL, NULL }; /* id, peak, rms */
    acap_levels levels = ACAP_LEVELS_INIT;
    size_t peak_length = 0, rms_length = 0;
    if (!get_arguments(env, info, 3, arguments))
        return NULL;
    const hold *self = hold_of(env, arguments[0]);
    if (self == NULL || !get_floats(env, arguments[1], &levels.peak, &peak_length) ||
        !get_floats(env, arguments[2], &levels.rms, &rms_length))
        return NULL;
    levels.channel_count = (uint32_t)(peak_length < rms_length ? peak_length : rms_length);
    const acap_result result = acap_buffer_measure(self->buffer, &levels);
    if (result != ACAP_OK)
        return throw_result(env, result);
    return record_to_object(env, &levels_record, &levels);
}
