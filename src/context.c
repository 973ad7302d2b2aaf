/* SPDX-License-Identifier: MIT */
/* Owns: contexts, and the table of back ends.
 * Called by: any thread. */
#include "context.h"

#include "params.h"
#include "result.h"
#include "stream.h"

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
    acap__mutex_init(&context->lock);
    acap__store_relaxed(&context->references, 1u);
    context->backend = backend;
    if (backend != NULL && backend->host != NULL)
        acap__host_acquire(backend->host());
    *out = context;
    return ACAP_OK;
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
    acap__mutex_destroy(&context->lock);
    free(context);
}

void ACAP_CALL acap_context_destroy(acap_context *context)
{
    if (context == NULL || acap__forked())
        return;
    acap__mutex_lock(&context->lock);
    context->is_destroyed = true;
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
