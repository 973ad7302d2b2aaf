/* SPDX-License-Identifier: MIT */
/* Owns: contexts, streams, readers and pools as JavaScript holds them, and their end.
 * Called by: the other files and finalizers, on the environment's thread. */
#include "addon.h"

#include <stdlib.h>

static void destroy_object(handle *self)
{
    void *object = self->object;
    self->object = NULL;
    if (object == NULL)
        return;
    if (self->waiter != NULL) /* before its descriptor goes */
        waiter_close(self->waiter);
    switch (self->kind) {
    case HANDLE_CONTEXT:
        acap_context_destroy(object);
        break;
    case HANDLE_STREAM:
        acap_stream_close(object);
        break;
    case HANDLE_READER:
        acap_reader_close(object);
        break;
    case HANDLE_POOL:
        acap_pool_release(object);
        break;
    }
}

static void handle_release(handle *self)
{
    if (--self->references > 0)
        return;
    destroy_object(self);
    addon_release(self->owner);
    free(self);
}

static void finalize(napi_env env, void *data, void *hint)
{
    (void)env;
    (void)hint;
    handle_release(data);
}

static void close_bare(handle_kind kind, void *object)
{
    handle one = { .kind = kind, .object = object };
    destroy_object(&one);
}

napi_value handle_new(napi_env env, handle_kind kind, void *object)
{
    handle *self = calloc(1, sizeof *self);
    if (self == NULL) {
        close_bare(kind, object);
        napi_throw(env, make_error(env, ACAP_ERROR_NO_MEMORY, NULL, NULL));
        return NULL;
    }
    self->owner = addon_of(env);
    self->kind = kind;
    self->object = object;
    self->references = 1;
    addon_retain(self->owner);
    if (kind == HANDLE_STREAM) {
        acap_stream_info info = ACAP_STREAM_INFO_INIT;
        if (acap_stream_get_info(object, &info) == ACAP_OK)
            self->frame_bytes = info.channel_count * acap_format_bytes(info.format);
    }
    napi_value value = NULL;
    if (napi_create_external(env, self, finalize, NULL, &value) != napi_ok) {
        handle_release(self);
        return NULL;
    }
    return value;
}

static handle *handle_peek(napi_env env, napi_value value)
{
    void *data = NULL;
    if (napi_get_value_external(env, value, &data) != napi_ok || data == NULL)
        napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "this is no object of acap");
    return data;
}

handle *handle_get(napi_env env, napi_value value, handle_kind kind)
{
    handle *self = handle_peek(env, value);
    if (self == NULL)
        return NULL;
    if (self->kind != kind) {
        napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "this is another kind of object");
        return NULL;
    }
    if (self->is_closing) {
        throw_closed(env);
        return NULL;
    }
    return self;
}

void handle_enter(handle *self)
{
    self->references++;
    self->calls++;
}

void handle_leave(handle *self)
{
    if (--self->calls == 0 && self->is_closing)
        destroy_object(self);
    handle_release(self);
}

napi_value handle_close_js(napi_env env, napi_callback_info info)
{
    napi_value value = NULL;
    if (!get_arguments(env, info, 1, &value))
        return NULL;
    handle *self = handle_peek(env, value);
    if (self == NULL || self->is_closing)
        return NULL;
    self->is_closing = true;
    if (self->calls == 0)
        destroy_object(self);
    return NULL;
}

napi_value handle_is_closed_js(napi_env env, napi_callback_info info)
{
    napi_value value = NULL, answer = NULL;
    if (!get_arguments(env, info, 1, &value))
        return NULL;
    const handle *self = handle_peek(env, value);
    if (self != NULL)
        napi_get_boolean(env, self->is_closing, &answer);
    return answer;
}
