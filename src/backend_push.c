/* SPDX-License-Identifier: MIT */
/* Owns: the back end whose device is the caller: acap_stream_push takes the place of a callback.
 * Called by: control threads; it has no thread and no host. */
#include "backend.h"

#include "device_match.h"

#define DEVICE_ID "push:"
#define DEVICE_NAME "Frames pushed by the program"

/* The device has no state; its handle only must not be NULL. */
static char the_device;

static acap_result list(bool may_refresh, acap_result (*report)(void *, const acap__device_report *), void *sink, acap__failure *failure)
{
    const acap__device_report device = {
        .id = DEVICE_ID,
        .name = DEVICE_NAME,
        .host_api = "push",
        .flags = ACAP_DEVICE_DEFAULT,
        .max_channel_count = ACAP_MAX_CHANNELS,
        .default_sample_rate_hz = 48000,
    };

    (void)may_refresh;
    (void)failure;
    return report(sink, &device);
}

static acap_result supports(const acap__request *request, acap__failure *failure)
{
    const acap__device_name device = {DEVICE_ID, DEVICE_NAME};
    size_t index;

    return request->device == NULL ? ACAP_OK : acap__device_match(&device, 1, request->device, &index, failure);
}

static acap_result open(const acap__request *request, acap__feed *feed, acap__opened *opened, acap__failure *failure)
{
    const acap_result result = supports(request, failure);

    if (result != ACAP_OK)
        return result;
    (void)feed;
    opened->device = &the_device;
    opened->sample_rate_hz = request->sample_rate_hz != 0 ? request->sample_rate_hz : 48000;
    opened->channel_count = request->channel_count != 0 ? request->channel_count : 2;
    opened->source_format = request->format;
    opened->clock = ACAP__CLOCK_NONE;
    acap__copy_text(opened->device_id, sizeof opened->device_id, DEVICE_ID);
    return ACAP_OK;
}

static acap_result start(void *device, int64_t now_ns, acap__failure *failure)
{
    (void)device;
    (void)now_ns;
    (void)failure;
    return ACAP_OK;
}

static acap_result close(void *device, acap__failure *failure)
{
    (void)device;
    (void)failure;
    return ACAP_OK;
}

const acap__backend acap__backend_push = {
    .name = "push",
    .list = list,
    .supports = supports,
    .open = open,
    .start = start,
    .close = close,
};
