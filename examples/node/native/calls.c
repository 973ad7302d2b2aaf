/* SPDX-License-Identifier: MIT */
/* Owns: calls that may wait for the sound system (up to 5 s), as promises.
 * Called by: the Context and Stream classes; run on one of libuv's threads, which never sees JavaScript; the rest on the
 * environment's thread. */
#include "addon.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct call call;
struct call {
    acap_result (*run)(call *self);
    napi_value (*finish)(napi_env env, call *self); /* after a success */
    addon *owner;
    napi_async_work work;
    napi_deferred deferred;
    handle *target;
    handle *pool; /* NULL, or what config.pool belongs to */
    acap_stream_config config;
    void *out;
    acap_result result;
    char error[1024];
};

static void execute(napi_env env, void *data)
{
    call *self = data;
    (void)env;
    self->result = self->run(self);
    if (result_has_text(self->result)) /* the text is this thread's */
        snprintf(self->error, sizeof self->error, "%s", acap_last_error());
}

static void call_free(napi_env env, call *self)
{
    record_free_strings(&stream_config_record, &self->config);
    if (self->pool != NULL)
        handle_leave(self->pool);
    handle_leave(self->target);
    if (self->work != NULL)
        napi_delete_async_work(env, self->work);
    addon_release(self->owner);
    free(self);
}

static void complete(napi_env env, napi_status status, void *data)
{
    call *self = data;
    napi_value value = NULL, error = NULL;
    if (status != napi_ok)
        self->result = ACAP_ERROR_INVALID_STATE; /* it never ran */
    if (self->result == ACAP_OK) {
        value = self->finish(env, self);
        if (value == NULL)
            napi_get_and_clear_last_exception(env, &error);
    } else {
        error = make_error(env, self->result, NULL, self->error);
    }
    if (value != NULL)
        napi_resolve_deferred(env, self->deferred, value);
    else if (error != NULL)
        napi_reject_deferred(env, self->deferred, error);
    call_free(env, self);
}

static call *call_new(napi_env env, handle *target)
{
    call *self = calloc(1, sizeof *self);
    if (self == NULL) {
        napi_throw(env, make_error(env, ACAP_ERROR_NO_MEMORY, NULL, NULL));
        return NULL;
    }
    self->config = (acap_stream_config)ACAP_STREAM_CONFIG_INIT;
    self->owner = target->owner;
    self->target = target;
    addon_retain(self->owner);
    handle_enter(target);
    return self;
}

static napi_value call_start(napi_env env, call *self, const char *name)
{
    napi_value promise = NULL, resource_name = NULL;
    napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &resource_name);
    if (napi_create_promise(env, &self->deferred, &promise) != napi_ok ||
        napi_create_async_work(env, NULL, resource_name, execute, complete, self, &self->work) != napi_ok ||
        napi_queue_async_work(env, self->work) != napi_ok) {
        call_free(env, self);
        return NULL;
    }
    return promise;
}

static napi_value finish_nothing(napi_env env, call *self)
{
    (void)self;
    return make_undefined(env);
}

/* ---- devices ---- */

static acap_result run_devices(call *self)
{
    acap_device_list *list = NULL;
    const acap_result result = acap_device_list_create(self->target->object, &list);
    self->out = list;
    return result;
}

static napi_value finish_devices(napi_env env, call *self)
{
    napi_value array = NULL;
    const size_t count = acap_device_list_count(self->out);
    if (napi_create_array_with_length(env, count, &array) == napi_ok) {
        for (size_t i = 0; i < count; i++) {
            napi_value one = record_to_object(env, &device_info_record, acap_device_list_get(self->out, i));
            napi_set_element(env, array, (uint32_t)i, one);
        }
    }
    acap_device_list_destroy(self->out);
    return array;
}

napi_value context_devices(napi_env env, napi_callback_info info)
{
    napi_value value = NULL;
    if (!get_arguments(env, info, 1, &value))
        return NULL;
    handle *context = handle_get(env, value, HANDLE_CONTEXT);
    call *self = context != NULL ? call_new(env, context) : NULL;
    if (self == NULL)
        return NULL;
    self->run = run_devices;
    self->finish = finish_devices;
    return call_start(env, self, "acap.devices");
}

/* ---- opening ---- */

static acap_result run_open(call *self)
{
    acap_stream *stream = NULL;
    const acap_result result = acap_stream_open(self->target->object, &self->config, &stream);
    self->out = stream;
    return result;
}

static napi_value finish_open(napi_env env, call *self)
{
    return handle_new(env, HANDLE_STREAM, self->out);
}

static acap_result run_supports(call *self)
{
    return acap_device_supports(self->target->object, &self->config);
}

static bool call_take_pool(napi_env env, call *self, napi_value value)
{
    napi_valuetype type = napi_undefined;
    napi_typeof(env, value, &type);
    if (type != napi_external)
        return true;
    handle *pool = handle_get(env, value, HANDLE_POOL);
    if (pool == NULL)
        return false;
    handle_enter(pool);
    self->pool = pool;
    self->config.pool = pool->object;
    return true;
}

/* Context, configuration, pool. */
static call *call_with_config(napi_env env, napi_callback_info info)
{
    napi_value arguments[3] = { NULL, NULL, NULL };
    if (!get_arguments(env, info, 3, arguments))
        return NULL;
    handle *context = handle_get(env, arguments[0], HANDLE_CONTEXT);
    call *self = context != NULL ? call_new(env, context) : NULL;
    if (self == NULL)
        return NULL;
    if (!record_from_object(env, &stream_config_record, arguments[1], &self->config) || !call_take_pool(env, self, arguments[2])) {
        call_free(env, self);
        return NULL;
    }
    return self;
}

napi_value context_open_stream(napi_env env, napi_callback_info info)
{
    call *self = call_with_config(env, info);
    if (self == NULL)
        return NULL;
    self->run = run_open;
    self->finish = finish_open;
    return call_start(env, self, "acap.openStream");
}

napi_value context_check_supported(napi_env env, napi_callback_info info)
{
    call *self = call_with_config(env, info);
    if (self == NULL)
        return NULL;
    self->run = run_supports;
    self->finish = finish_nothing;
    return call_start(env, self, "acap.checkSupported");
}

/* ---- starting and stopping ---- */

static acap_result run_start(call *self)
{
    return acap_stream_start(self->target->object);
}

static acap_result run_stop(call *self)
{
    return acap_stream_stop(self->target->object);
}

static napi_value call_stream(napi_env env, napi_callback_info info, acap_result (*run)(call *), const char *name)
{
    napi_value value = NULL;
    if (!get_arguments(env, info, 1, &value))
        return NULL;
    handle *stream = handle_get(env, value, HANDLE_STREAM);
    call *self = stream != NULL ? call_new(env, stream) : NULL;
    if (self == NULL)
        return NULL;
    self->run = run;
    self->finish = finish_nothing;
    return call_start(env, self, name);
}

napi_value stream_start(napi_env env, napi_callback_info info)
{
    return call_stream(env, info, run_start, "acap.start");
}

napi_value stream_stop(napi_env env, napi_callback_info info)
{
    return call_stream(env, info, run_stop, "acap.stop");
}
