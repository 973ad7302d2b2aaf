/* SPDX-License-Identifier: MIT */
/* Owns: simulated devices: a thread that delivers a known signal at the pace of a device, as fast as it can, or on the caller's command.
 * Called by: its host thread (control) and acap_stream_sim_advance (manual pace). */
#include "backend.h"

#include "os.h"
#include "sim_options.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_RATE_HZ 48000u
#define DEFAULT_CHANNELS 2u
#define HOST_API_NAME "simulated"

typedef struct sim_device {
    acap__sim_options options;
    acap__signal signal;
    acap__feed *feed;
    unsigned char *period; /* one period's frames */
    uint64_t next_frame;
    uint64_t clock_frames;  /* manual: how far the device's clock has come since the start */
    uint64_t played_frames; /* of these, delivered */
    int64_t start_ns;
    bool has_thread;
    acap__u32 is_stopping;
    acap__u32 has_left; /* the thread's last touch */
} sim_device;

static acap_result list(bool may_refresh, acap_result (*report)(void *, const acap__device_report *), void *sink, acap__failure *failure)
{
    acap_result result = ACAP_OK;

    (void)may_refresh;
    (void)failure;
    for (size_t i = 0; result == ACAP_OK && acap__sim_name(i) != NULL; i++) {
        const acap__device_report device = {
            .id = acap__sim_name(i),
            .name = acap__sim_name(i),
            .host_api = HOST_API_NAME,
            .flags = i == 0 ? ACAP_DEVICE_DEFAULT : 0,
            .max_channel_count = ACAP_MAX_CHANNELS,
            .default_sample_rate_hz = DEFAULT_RATE_HZ,
        };
        result = report(sink, &device);
    }
    return result;
}

static acap_result supports(const acap__request *request, acap__failure *failure)
{
    acap__sim_options options;

    return acap__sim_parse(request->device, &options, failure);
}

static void describe(const acap__request *request, const sim_device *device, acap__opened *opened)
{
    opened->sample_rate_hz = device->signal.sample_rate_hz;
    opened->channel_count = device->signal.channel_count;
    opened->source_format = device->signal.format;
    opened->latency_ns = acap__frames_to_ns(device->options.period_frames, device->signal.sample_rate_hz);
    strncpy(opened->device_id, request->device != NULL ? request->device : acap__sim_name(0), sizeof opened->device_id - 1);
}

static acap_result open(const acap__request *request, acap__feed *feed, acap__opened *opened, acap__failure *failure)
{
    sim_device *device = calloc(1, sizeof *device);

    if (device == NULL)
        return acap__fail_in(failure, ACAP_ERROR_NO_MEMORY, "no memory for a simulated device");
    const acap_result result = acap__sim_parse(request->device, &device->options, failure);
    if (result != ACAP_OK) {
        free(device);
        return result;
    }
    device->signal.kind = device->options.kind;
    device->signal.frequency_hz = device->options.frequency_hz;
    device->signal.format = request->format;
    device->signal.channel_count = request->channel_count != 0 ? request->channel_count : DEFAULT_CHANNELS;
    device->signal.sample_rate_hz = request->sample_rate_hz != 0 ? request->sample_rate_hz : DEFAULT_RATE_HZ;
    device->period = malloc((size_t)device->options.period_frames * device->signal.channel_count * acap_format_bytes(request->format));
    if (device->period == NULL) {
        free(device);
        return acap__fail_in(failure, ACAP_ERROR_NO_MEMORY, "no memory for a simulated device");
    }
    device->feed = feed;
    device->next_frame = request->position;
    describe(request, device, opened);
    opened->device = device;
    return ACAP_OK;
}

/* False: the stream has shut its gate. */
static bool deliver_period(sim_device *device, int64_t entry_ns)
{
    const uint32_t frame_count = device->options.period_frames;

    acap__signal_fill(&device->signal, device->period, device->next_frame, frame_count);
    device->next_frame += frame_count;
    device->played_frames += frame_count;
    const acap__chunk chunk = {.frames = device->period, .frame_count = frame_count, .entry_ns = entry_ns, .delay_ns = -1};
    return acap__feed_deliver(device->feed, &chunk);
}

/* When the device's own clock has made the next period. */
static int64_t next_period_ns(const sim_device *device)
{
    return device->start_ns + acap__frames_to_ns(device->played_frames + device->options.period_frames, device->signal.sample_rate_hz);
}

static bool is_stopping(sim_device *device)
{
    return acap__load_acquire(&device->is_stopping) != 0;
}

static void run_device(void *argument)
{
    sim_device *device = argument;
    bool is_open = true;

    while (is_open && !is_stopping(device)) {
        if (device->options.pace == ACAP__PACE_REAL) {
            const int64_t due_ns = next_period_ns(device);
            while (!is_stopping(device) && acap_clock_ns() < due_ns)
                acap__futex_wait(&device->is_stopping, 0u, due_ns);
        }
        if (!is_stopping(device))
            is_open = deliver_period(device, acap_clock_ns());
    }
    acap__store_release(&device->has_left, 1u);
    acap__futex_wake(&device->has_left);
}

static acap_result start(void *handle, acap__failure *failure)
{
    sim_device *device = handle;

    device->start_ns = acap_clock_ns();
    if (device->options.pace == ACAP__PACE_MANUAL)
        return ACAP_OK;
    device->has_thread = acap__thread_start(run_device, device, "acap-sim");
    if (!device->has_thread)
        return acap__fail_in(failure, ACAP_ERROR_BACKEND, "no thread could be started for a simulated device");
    return ACAP_OK;
}

static acap_result close(void *handle, acap__failure *failure)
{
    sim_device *device = handle;

    (void)failure;
    acap__store_release(&device->is_stopping, 1u);
    acap__futex_wake(&device->is_stopping);
    while (device->has_thread && acap__load_acquire(&device->has_left) == 0)
        acap__futex_wait(&device->has_left, 0u, INT64_MAX);
    free(device->period);
    free(device);
    return ACAP_OK;
}

static acap_result advance(void *handle, uint64_t frame_count, acap__failure *failure)
{
    sim_device *device = handle;
    bool is_open = true;

    if (device->options.pace != ACAP__PACE_MANUAL)
        return acap__fail_in(failure, ACAP_ERROR_INVALID_ARGUMENT, "this device runs by itself; open it with pace=manual to advance it");
    device->clock_frames += frame_count;
    while (is_open && device->played_frames + device->options.period_frames <= device->clock_frames)
        is_open = deliver_period(device, next_period_ns(device));
    return is_open ? ACAP_OK : acap__fail_in(failure, ACAP_ERROR_INVALID_STATE, "the stream was stopped");
}

const acap__backend acap__backend_sim = {
    .name = "sim",
    .host = acap__host_sim,
    .list = list,
    .supports = supports,
    .open = open,
    .start = start,
    .close = close,
    .advance = advance,
};
