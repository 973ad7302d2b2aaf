/* SPDX-License-Identifier: MIT */
/* Owns: device lists and the question whether a device can.
 * Called by: any thread; the questions themselves run on the back end's host thread. */
#include "context.h"
#include "host.h"
#include "params.h"
#include "result.h"
#include "stream.h"

#include <stdlib.h>
#include <string.h>

#define CALL_LIMIT_NS (4500 * ACAP__NS_PER_MS) /* within the 5 s of the contract */

struct entry {
    acap_device_info info;
    char *strings; /* id, name and host API behind each other */
};

struct acap_device_list {
    struct entry *entries;
    size_t count;
    size_t room;
};

void ACAP_CALL acap_device_list_destroy(acap_device_list *list)
{
    if (list == NULL || acap__forked())
        return;
    for (size_t i = 0; i < list->count; i++)
        free(list->entries[i].strings);
    free(list->entries);
    free(list);
}

size_t ACAP_CALL acap_device_list_count(const acap_device_list *list)
{
    return list == NULL ? 0 : list->count;
}

const acap_device_info *ACAP_CALL acap_device_list_get(const acap_device_list *list, size_t index)
{
    return list == NULL || index >= list->count ? NULL : &list->entries[index].info;
}

static char *append(char **end, const char *text)
{
    char *start = *end;
    const size_t size_bytes = strlen(text) + 1;

    memcpy(start, text, size_bytes);
    *end += size_bytes;
    return start;
}

static acap_result make_room(acap_device_list *list)
{
    if (list->count < list->room)
        return ACAP_OK;
    const size_t room = list->room == 0 ? 16 : list->room * 2;
    struct entry *entries = realloc(list->entries, room * sizeof *entries);
    if (entries == NULL)
        return ACAP_ERROR_NO_MEMORY;
    list->entries = entries;
    list->room = room;
    return ACAP_OK;
}

static acap_result add_device(void *sink, const acap__device_report *report)
{
    acap_device_list *list = sink;

    if (make_room(list) != ACAP_OK)
        return ACAP_ERROR_NO_MEMORY;
    char *strings = malloc(strlen(report->id) + strlen(report->name) + strlen(report->host_api) + 3);
    if (strings == NULL)
        return ACAP_ERROR_NO_MEMORY;
    struct entry *entry = &list->entries[list->count++];
    char *end = strings;
    memset(entry, 0, sizeof *entry);
    entry->strings = strings;
    entry->info.struct_size = sizeof entry->info;
    entry->info.flags = report->flags;
    entry->info.id = append(&end, report->id);
    entry->info.name = append(&end, report->name);
    entry->info.host_api = append(&end, report->host_api);
    entry->info.max_channel_count = report->max_channel_count;
    entry->info.default_sample_rate_hz = report->default_sample_rate_hz;
    entry->info.low_latency_ns = report->low_latency_ns;
    entry->info.high_latency_ns = report->high_latency_ns;
    return ACAP_OK;
}

struct list_job {
    acap__job job;
    const acap__backend *backend;
    acap_device_list *list;
    acap__failure failure;
    acap_result result;
};

static void run_list(acap__job *job)
{
    struct list_job *list_job = (struct list_job *)job;
    const bool may_refresh = !acap__stream_any_open(list_job->backend);

    list_job->failure.text[0] = '\0';
    list_job->result = list_job->backend->list(may_refresh, add_device, list_job->list, &list_job->failure);
}

static void discard_list(acap__job *job)
{
    struct list_job *list_job = (struct list_job *)job;

    acap_device_list_destroy(list_job->list);
    free(list_job);
}

/* Runs a job where its back end's calls belong. */
static acap_result run_for(const acap__backend *backend, acap__job *job)
{
    if (backend->host == NULL) {
        job->run(job);
        return ACAP_OK;
    }
    acap__host *host = backend->host();
    acap__host_acquire(host);
    const acap_result result = acap__host_call(host, job, acap_clock_ns() + CALL_LIMIT_NS);
    acap__host_release(host);
    return result;
}

static acap_result take_list(struct list_job *list_job, acap_device_list **out)
{
    const acap_result result = run_for(list_job->backend, &list_job->job);

    if (result != ACAP_OK)
        return acap__fail(result, "listing the devices: %s", acap_result_text(result));
    if (list_job->result == ACAP_ERROR_NO_MEMORY)
        return acap__fail(ACAP_ERROR_NO_MEMORY, "no memory for the device list");
    if (list_job->result != ACAP_OK)
        return acap__fail_with(&list_job->failure);
    *out = list_job->list;
    list_job->list = NULL;
    return ACAP_OK;
}

acap_result ACAP_CALL acap_device_list_create(acap_context *context, acap_device_list **out)
{
    if (out != NULL)
        *out = NULL;
    if (acap__forked())
        return acap__fail_forked();
    if (context == NULL || out == NULL)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_device_list_create: context and out must not be NULL");
    acap_device_list *list = calloc(1, sizeof *list);
    if (list != NULL && context->backend == NULL) {
        *out = list;
        return ACAP_OK;
    }
    struct list_job *list_job = calloc(1, sizeof *list_job);
    if (list == NULL || list_job == NULL) {
        free(list);
        free(list_job);
        return acap__fail(ACAP_ERROR_NO_MEMORY, "no memory for the device list");
    }
    acap__job_init(&list_job->job, run_list, discard_list, CALL_LIMIT_NS);
    list_job->backend = context->backend;
    list_job->list = list;
    const acap_result result = take_list(list_job, out);
    acap__job_drop(&list_job->job);
    return result;
}

struct supports_job {
    acap__job job;
    const acap__backend *backend;
    acap__request request;
    acap__failure failure;
    acap_result result;
    char device[]; /* request.device */
};

static void run_supports(acap__job *job)
{
    struct supports_job *supports_job = (struct supports_job *)job;

    supports_job->result = supports_job->backend->supports(&supports_job->request, &supports_job->failure);
}

static void discard_supports(acap__job *job)
{
    free(job);
}

static acap_result ask(const acap__backend *backend, const acap__request *request)
{
    const size_t device_bytes = request->device == NULL ? 0 : strlen(request->device) + 1;
    struct supports_job *supports_job = calloc(1, sizeof *supports_job + device_bytes);

    if (supports_job == NULL)
        return acap__fail(ACAP_ERROR_NO_MEMORY, "no memory to ask the device");
    acap__job_init(&supports_job->job, run_supports, discard_supports, CALL_LIMIT_NS);
    supports_job->backend = backend;
    supports_job->request = *request;
    if (device_bytes != 0)
        supports_job->request.device = memcpy(supports_job->device, request->device, device_bytes);
    acap_result result = run_for(backend, &supports_job->job);
    if (result != ACAP_OK)
        acap__fail(result, "asking the device: %s", acap_result_text(result));
    else if (supports_job->result != ACAP_OK)
        result = acap__fail_with(&supports_job->failure);
    acap__job_drop(&supports_job->job);
    return result;
}

acap_result ACAP_CALL acap_device_supports(acap_context *context, const acap_stream_config *config)
{
    acap_stream_config checked;
    acap__request request;
    const acap__backend *backend;

    if (acap__forked())
        return acap__fail_forked();
    if (context == NULL)
        return acap__fail(ACAP_ERROR_INVALID_ARGUMENT, "acap_device_supports: context must not be NULL");
    acap_result result = acap__take_stream_config(&checked, config);
    if (result == ACAP_OK)
        result = acap__check_stream_config(&checked);
    if (result == ACAP_OK)
        result = acap__stream_request(context, &checked, &request, &backend);
    if (result == ACAP_OK)
        result = ask(backend, &request);
    return result == ACAP_OK ? acap__stream_fits(&checked) : result;
}
