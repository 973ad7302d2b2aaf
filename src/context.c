/* SPDX-License-Identifier: MIT */
/* Owns: contexts, and the table of back ends.
 * Called by: any thread. */
#include "context.h"

#include "leaving.h"
#include "params.h"
#include "result.h"
#include "stream.h"
#include "tell.h"

#include <stdlib.h>
#include <string.h>

#ifdef ACAP_WITH_PORTAUDIO
#define PORTAUDIO_BACKEND (&acap__backend_portaudio)
#else
#define PORTAUDIO_BACKEND NULL
#endif

static const struct {
    const char *name;
    const char *prefix; /* of device ids that mean it in any context; NULL: none */
    const acap__backend *backend;
} backends[] = {
    {"portaudio", NULL, PORTAUDIO_BACKEND},
    {"sim", "sim:", &acap__backend_sim},
    {"push", "push:", &acap__backend_push},
};

#define BACKEND_COUNT (sizeof backends / sizeof backends[0])

static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* ---- all contexts, for what concerns every one ---- */

static acap_context *contexts;
static acap__u32 contexts_locked;

/* A few instructions long, and never taken by the audio thread. */
static void lock_contexts(void)
{
    while (acap__exchange_acq_rel(&contexts_locked, 1u) != 0)
        acap__thread_yield();
}

static void unlock_contexts(void)
{
    acap__store_release(&contexts_locked, 0u);
}

static void enlist(acap_context *context)
{
    lock_contexts();
    context->next_context = contexts;
    contexts = context;
    unlock_contexts();
}

static void strike_off(acap_context *context)
{
    lock_contexts();
    for (acap_context **i = &contexts; *i != NULL; i = &(*i)->next_context) {
        if (*i == context) {
            *i = context->next_context;
            break;
        }
    }
    unlock_contexts();
}

void acap__tell(uint32_t event_type, uint32_t level, const char *text)
{
    acap_event event = ACAP_EVENT_INIT;

    event.type = event_type;
    event.level = level;
    lock_contexts();
    for (acap_context *i = contexts; i != NULL; i = i->next_context) {
        if (event_type == ACAP_EVENT_LOG)
            acap__events_post_once(&i->events, &event, text);
        else
            acap__events_post(&i->events, &event, "%s", text);
    }
    unlock_contexts();
}

/* ---- one context ---- */

acap_result acap__context_choose(const acap_context *context, const char **device, const acap__backend **backend)
{
    *backend = context->backend;
    if (*device == NULL)
        *device = environment("ACAP_DEVICE");
    for (size_t i = 0; *device != NULL && i < BACKEND_COUNT; i++)
        if (backends[i].prefix != NULL && strncmp(*device, backends[i].prefix, strlen(backends[i].prefix)) == 0)
            *backend = backends[i].backend;
    if (*backend == NULL)
        return acap__fail(ACAP_ERROR_NO_DEVICE, "this build of acap has no PortAudio; \"sim:\" and \"push:\" devices work");
    return ACAP_OK;
}

static acap_result find_backend(const char *name, const acap__backend **out)
{
    if (name == NULL)
        name = environment("ACAP_BACKEND");
    if (name == NULL)
        name = "portaudio";
    for (size_t i = 0; i < BACKEND_COUNT; i++) {
        if (strcmp(name, backends[i].name) == 0) {
            *out = backends[i].backend;
            return ACAP_OK;
        }
    }
    return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "back end \"%s\" is unknown; there are \"portaudio\", \"sim\" and \"push\"", name);
}

acap_result ACAP_CALL acap_context_create(const acap_context_config *config, acap_context **out)
{
    acap_context_config checked;
    const acap__backend *backend = NULL;

    if (out != NULL)
        *out = NULL;
    if (acap__forked())
        return acap__fail_forked();
    if (out == NULL)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_context_create: out must not be NULL");
    acap_result result = acap__take_context_config(&checked, config);
    if (result == ACAP_OK && checked.flags != 0)
        result = acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_context_config.flags has unknown bits: 0x%x", checked.flags);
    if (result == ACAP_OK)
        result = find_backend(checked.backend, &backend);
    if (result != ACAP_OK)
        return result;
    acap_context *context = calloc(1, sizeof *context);
    if (context == NULL)
        return acap__fail(ACAP_ERROR_NO_MEMORY, "no memory for a context");
    acap__fork_watch();
    acap__leaving_watch_exit();
    acap__mutex_init(&context->lock);
    acap__events_init(&context->events);
    acap__store_relaxed(&context->references, 1u);
    context->backend = backend;
    context->devices_at_first = acap__device_watch_stamp();
    if (backend != NULL && backend->host != NULL)
        acap__host_acquire(backend->host());
    enlist(context);
    *out = context;
    return ACAP_OK;
}

void acap__context_watch_devices(acap_context *context)
{
    acap__mutex_lock(&context->lock);
    if (context->device_watch == NULL && !context->is_destroyed)
        context->device_watch = acap__device_watch_start(&context->events, &context->devices_at_first);
    acap__mutex_unlock(&context->lock);
}

void acap__context_retain(acap_context *context)
{
    /* relaxed: the caller has a reference. */
    (void)acap__add_relaxed(&context->references, 1u);
}

void acap__context_release(acap_context *context)
{
    /* acq_rel: everybody's use comes before the free. */
    if (acap__sub_acq_rel(&context->references, 1u) != 1u)
        return;
    if (context->backend != NULL && context->backend->host != NULL)
        acap__host_release(context->backend->host());
    strike_off(context);
    acap__events_destroy(&context->events);
    acap__mutex_destroy(&context->lock);
    free(context);
}

void ACAP_CALL acap_context_destroy(acap_context *context)
{
    if (context == NULL || acap__forked())
        return;
    acap__mutex_lock(&context->lock);
    context->is_destroyed = true;
    acap__device_watch_stop(context->device_watch);
    context->device_watch = NULL;
    acap_stream *stream = context->streams;
    context->streams = NULL;
    for (acap_stream *i = stream; i != NULL; i = i->next)
        acap__stream_retain(i);
    acap__mutex_unlock(&context->lock);
    while (stream != NULL) {
        acap_stream *next = stream->next;
        acap__stream_end(stream);
        acap__stream_release(stream);
        stream = next;
    }
    acap__context_release(context);
}
