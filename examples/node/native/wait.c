/* SPDX-License-Identifier: MIT */
/* Owns: waiting for readers and contexts in the event loop: a uv_poll_t on the library's wait handle, no thread, no timer.
 * Called by: the Reader and Context classes, on the environment's thread; on_ready by libuv, on the same.
 *
 * A poll outlives its waiter until libuv has closed it, and the environment ends only when all of them are. */
#include "addon.h"

#include <stdlib.h>
#include <uv.h>

struct waiter {
    uv_poll_t poll; /* first: libuv's handle is the waiter */
    addon *owner;
    handle *of;
    waiter *next, **link;
    napi_ref callback; /* strong while somebody waits; NULL: nobody does */
};

static void drop_callback(waiter *self)
{
    if (self->callback != NULL)
        napi_delete_reference(self->owner->env, self->callback);
    self->callback = NULL;
}

static void on_closed(uv_handle_t *handle)
{
    waiter *self = (waiter *)handle;
    addon *owner = self->owner;
    free(self);
    owner->polls_open--;
    if (owner->is_ending && owner->polls_open == 0) {
        napi_async_cleanup_hook_handle cleanup = owner->cleanup;
        owner->cleanup = NULL;
        napi_remove_async_cleanup_hook(cleanup);
    }
    addon_release(owner);
}

void waiter_close(waiter *self)
{
    drop_callback(self);
    self->of->waiter = NULL;
    *self->link = self->next;
    if (self->next != NULL)
        self->next->link = self->link;
    uv_close((uv_handle_t *)&self->poll, on_closed);
}

/* The environment ends: handles that are still open lose their waiters. */
void waiters_close_all(addon *owner)
{
    for (waiter *one = owner->waiters; one != NULL;) {
        waiter *next = one->next;
        waiter_close(one);
        one = next;
    }
}

static void call_back(waiter *self)
{
    const napi_env env = self->owner->env;
    napi_handle_scope scope = NULL;
    napi_value receiver = NULL, callback = NULL, result = NULL, error = NULL;
    if (napi_open_handle_scope(env, &scope) != napi_ok)
        return;
    napi_get_reference_value(env, self->callback, &callback);
    drop_callback(self);
    napi_get_global(env, &receiver);
    /* make_callback, not call_function: it also runs the promises that the callback settles. Afterwards self may be gone. */
    if (napi_make_callback(env, self->owner->async_context, receiver, callback, 0, NULL, &result) == napi_pending_exception) {
        napi_get_and_clear_last_exception(env, &error);
        napi_fatal_exception(env, error);
    }
    napi_close_handle_scope(env, scope);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    waiter *self = (waiter *)poll;
    (void)status; /* an error is found again, with its reason, by the borrow that follows */
    (void)events;
    uv_poll_stop(poll);
    if (self->callback != NULL)
        call_back(self);
}

static napi_value throw_uv(napi_env env, int error)
{
    napi_throw_error(env, uv_err_name(error), uv_strerror(error));
    return NULL;
}

static acap_result get_descriptor(const handle *of, intptr_t *out)
{
    if (of->kind == HANDLE_READER)
        return acap_reader_get_wait_handle(of->object, out);
    return acap_context_get_wait_handle(of->object, out);
}

static waiter *waiter_new(napi_env env, handle *of)
{
    uv_loop_t *loop = NULL;
    intptr_t descriptor = -1;
    const acap_result result = get_descriptor(of, &descriptor);
    if (result != ACAP_OK) {
        throw_result(env, result);
        return NULL;
    }
    waiter *self = calloc(1, sizeof *self);
    if (self == NULL || napi_get_uv_event_loop(env, &loop) != napi_ok) {
        free(self);
        napi_throw(env, make_error(env, ACAP_ERROR_NO_MEMORY, NULL, NULL));
        return NULL;
    }
    const int error = uv_poll_init(loop, &self->poll, (int)descriptor);
    if (error != 0) {
        free(self);
        throw_uv(env, error);
        return NULL;
    }
    addon *owner = of->owner;
    self->owner = owner;
    self->of = of;
    self->next = owner->waiters;
    self->link = &owner->waiters;
    if (self->next != NULL)
        self->next->link = &self->next;
    owner->waiters = self;
    owner->polls_open++;
    addon_retain(owner);
    return self;
}

/* A reader or a context, which share everything here. */
static handle *waitable(napi_env env, napi_value value)
{
    void *data = NULL;
    if (napi_get_value_external(env, value, &data) != napi_ok)
        return handle_get(env, value, HANDLE_READER); /* throws */
    const handle *one = data;
    return handle_get(env, value, one->kind == HANDLE_CONTEXT ? HANDLE_CONTEXT : HANDLE_READER);
}

napi_value wait_start(napi_env env, napi_callback_info info)
{
    napi_value arguments[3] = { NULL, NULL, NULL }; /* handle, callback, whether it keeps the process alive */
    bool keeps_alive = true;
    if (!get_arguments(env, info, 3, arguments))
        return NULL;
    handle *of = waitable(env, arguments[0]);
    if (of == NULL || of->owner->is_ending)
        return NULL;
    if (of->waiter == NULL)
        of->waiter = waiter_new(env, of);
    if (of->waiter == NULL)
        return NULL;
    drop_callback(of->waiter);
    if (napi_create_reference(env, arguments[1], 1, &of->waiter->callback) != napi_ok)
        return NULL;
    napi_get_value_bool(env, arguments[2], &keeps_alive);
    if (keeps_alive)
        uv_ref((uv_handle_t *)&of->waiter->poll);
    else
        uv_unref((uv_handle_t *)&of->waiter->poll);
    const int error = uv_poll_start(&of->waiter->poll, UV_READABLE, on_ready);
    return error == 0 ? NULL : throw_uv(env, error);
}

napi_value wait_stop(napi_env env, napi_callback_info info)
{
    napi_value value = NULL;
    void *data = NULL;
    if (!get_arguments(env, info, 1, &value) || napi_get_value_external(env, value, &data) != napi_ok)
        return NULL;
    waiter *self = ((handle *)data)->waiter;
    if (self != NULL) {
        uv_poll_stop(&self->poll);
        drop_callback(self);
    }
    return NULL;
}

/* Changes whether a wait that has begun keeps the process alive. */
napi_value wait_keep_alive(napi_env env, napi_callback_info info)
{
    napi_value arguments[2] = { NULL, NULL };
    bool keeps_alive = true;
    if (!get_arguments(env, info, 2, arguments))
        return NULL;
    const handle *of = waitable(env, arguments[0]);
    if (of == NULL || of->waiter == NULL)
        return NULL;
    napi_get_value_bool(env, arguments[1], &keeps_alive);
    if (keeps_alive)
        uv_ref((uv_handle_t *)&of->waiter->poll);
    else
        uv_unref((uv_handle_t *)&of->waiter->poll);
    return NULL;
}
