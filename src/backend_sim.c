/* SPDX-License-Identifier: MIT */
/* Owns: simulated devices: a thread that delivers a known signal at the pace of a device, as fast as it can, or on the caller's command,
 * and that fails on cue.
 * Called by: its host thread (control) and acap_stream_sim_advance (manual pace).
 *
 * The device's source clock counts frames from the stream's first start on; frame n of the signal is the one at which the source clock
 * stands at n. What is lost is skipped in it, so that sample and stream position agree as long as the loss is accounted right. */
#include "backend.h"

#include "os.h"
#include "sim_options.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_RATE_HZ 48000u
#define DEFAULT_CHANNELS 2u
#define HOST_API_NAME "simulated"
#define LATE_CALLBACK_NS (10 * ACAP__NS_PER_MS)

typedef struct sim_device {
    acap__sim_options options;
    acap__signal signal;
    acap__feed *feed;
    unsigned char *period;  /* one period's frames */
    uint64_t base_frame;    /* where the source clock stood at the start */
    uint64_t next_frame;    /* where it stands at the next frame to deliver */
    int64_t start_ns;
    int64_t held_until_ns;  /* a stall: nothing is delivered before; a backlog comes at that moment */
    int64_t last_entry_ns;
    uint32_t next_fault;
    uint32_t jitter_state;
    int64_t jitter_ns;      /* of the next callback */
    bool is_flagged;        /* the next callback carries the host's overflow flag */
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

/* A host call that does not come back, or late. */
static void hang(int64_t length_ns)
{
    acap__u32 never;

    acap__store_relaxed(&never, 0);
    if (length_ns != INT64_MAX)
        acap__sleep_until(acap_clock_ns() + length_ns);
    while (length_ns == INT64_MAX)
        acap__futex_wait(&never, 0u, INT64_MAX);
}

static int64_t frames_at(const sim_device *device, int64_t time_ns)
{
    return (int64_t)acap__ns_to_frames(time_ns, device->signal.sample_rate_hz);
}

static bool is_unplugged(const sim_device *device, uint64_t frame)
{
    if (device->options.unplug_ns == INT64_MAX || (int64_t)frame < frames_at(device, device->options.unplug_ns))
        return false;
    return device->options.replug_ns == INT64_MAX || (int64_t)frame < frames_at(device, device->options.replug_ns);
}

static void describe(const acap__request *request, const sim_device *device, acap__opened *opened)
{
    const char *options = request->device != NULL ? strchr(request->device, '?') : NULL;

    opened->sample_rate_hz = device->signal.sample_rate_hz;
    opened->channel_count = device->signal.channel_count;
    opened->source_format = device->signal.format;
    opened->clock = device->options.pace == ACAP__PACE_REAL ? ACAP__CLOCK_DEVICE
        : device->options.pace == ACAP__PACE_MANUAL         ? ACAP__CLOCK_VIRTUAL
                                                            : ACAP__CLOCK_NONE;
    opened->period_frames = device->options.period_frames;
    opened->latency_ns = acap__frames_to_ns(device->options.period_frames, device->signal.sample_rate_hz);
    acap__copy_text(opened->device_id, sizeof opened->device_id, acap__sim_name(device->options.kind));
    if (options != NULL)
        acap__copy_text(opened->device_id + strlen(opened->device_id), sizeof opened->device_id - strlen(opened->device_id), options);
}

static void set_signal(sim_device *device, const acap__request *request)
{
    device->signal.kind = device->options.kind;
    device->signal.frequency_hz = device->options.frequency_hz;
    device->signal.format = request->format;
    device->signal.channel_count = request->channel_count != 0 ? request->channel_count : DEFAULT_CHANNELS;
    device->signal.sample_rate_hz = request->sample_rate_hz != 0 ? request->sample_rate_hz : DEFAULT_RATE_HZ;
}

/* What lies before the frame at which the device is opened has happened; at that frame, too, since faults come before it is delivered. */
static void skip_past_faults(sim_device *device, uint64_t frame)
{
    while (frame != 0 && device->next_fault < device->options.fault_count
           && frames_at(device, device->options.faults[device->next_fault].at_ns) <= (int64_t)frame)
        device->next_fault++;
}

/* The stall that a recovery finds the device in goes on: what is opened again is the same silent device. */
static void resume_stall(sim_device *device, int64_t now_ns)
{
    int64_t end_ns = now_ns;

    for (uint32_t i = 0; i < device->next_fault; i++) {
        const acap__sim_fault *fault = &device->options.faults[i];
        if (fault->kind == ACAP__FAULT_STALL && fault->length_ns > end_ns - fault->at_ns)
            end_ns = fault->at_ns + fault->length_ns;
    }
    if (end_ns > now_ns)
        device->options.faults[--device->next_fault] =
            (acap__sim_fault){.kind = ACAP__FAULT_STALL, .length_ns = end_ns - now_ns, .has_no_burst = true};
}

static int by_time(const void *a, const void *b)
{
    const int64_t left = ((const acap__sim_fault *)a)->at_ns;
    const int64_t right = ((const acap__sim_fault *)b)->at_ns;

    return (left > right) - (left < right);
}

static acap_result prepare(sim_device *device, const acap__request *request, acap__failure *failure)
{
    const acap_result result = acap__sim_parse(request->device, &device->options, failure);

    if (result != ACAP_OK)
        return result;
    set_signal(device, request);
    if (device->options.stuck & ACAP__SIM_STUCK_OPEN)
        hang(device->options.stuck_ns);
    if (device->options.fail & ACAP__SIM_FAIL_OPEN)
        return acap__fail_in(failure, ACAP_ERROR_BACKEND, "the simulated device fails to open (fail=open)");
    if (is_unplugged(device, request->position))
        return acap__fail_in(failure, ACAP_ERROR_NO_DEVICE, "the simulated device is unplugged");
    device->period = malloc((size_t)device->options.period_frames * device->signal.channel_count * acap_format_bytes(request->format));
    if (device->period == NULL)
        return acap__fail_in(failure, ACAP_ERROR_NO_MEMORY, "no memory for a simulated device");
    qsort(device->options.faults, device->options.fault_count, sizeof device->options.faults[0], by_time);
    skip_past_faults(device, request->position);
    if (request->wants_refresh)
        resume_stall(device, acap__frames_to_ns(request->position, device->signal.sample_rate_hz));
    return ACAP_OK;
}

static acap_result open(const acap__request *request, acap__feed *feed, acap__opened *opened, acap__failure *failure)
{
    sim_device *device = calloc(1, sizeof *device);

    if (device == NULL)
        return acap__fail_in(failure, ACAP_ERROR_NO_MEMORY, "no memory for a simulated device");
    const acap_result result = prepare(device, request, failure);
    if (result != ACAP_OK) {
        free(device);
        return result;
    }
    device->feed = feed;
    device->base_frame = request->position;
    device->next_frame = request->position;
    device->jitter_state = 1;
    describe(request, device, opened);
    opened->device = device;
    return ACAP_OK;
}

/* When the source clock reaches a frame. Exact without drift. */
static int64_t time_of(const sim_device *device, uint64_t frame)
{
    const uint64_t since_start = frame - device->base_frame;
    const uint32_t rate_hz = device->signal.sample_rate_hz;

    if (device->options.ppm == 0.0)
        return device->start_ns + acap__frames_to_ns(since_start, rate_hz);
    return device->start_ns + (int64_t)((double)since_start * 1e9 / (rate_hz * (1.0 + device->options.ppm * 1e-6)));
}

/* Where the source clock stands at a time. */
static uint64_t frame_at(const sim_device *device, int64_t time_ns)
{
    const double rate_hz = device->signal.sample_rate_hz * (1.0 + device->options.ppm * 1e-6);

    return device->base_frame + (uint64_t)((double)(time_ns - device->start_ns) * rate_hz / 1e9 + 0.5);
}

/* A fixed sequence, so that a run can be repeated. */
static void draw_jitter(sim_device *device)
{
    device->jitter_state = device->jitter_state * 1664525u + 1013904223u;
    device->jitter_ns = (int64_t)((double)device->options.jitter_ns * (device->jitter_state >> 8) / 16777216.0);
}

static void begin_stall(sim_device *device, const acap__sim_fault *fault)
{
    const int64_t begin_ns = time_of(device, device->next_frame);
    const int64_t end_ns = begin_ns + fault->length_ns;
    const uint64_t missed = frame_at(device, end_ns) - device->next_frame;
    const int64_t burst_ns = fault->has_no_burst ? 0 : device->options.burst_ns;
    const uint64_t kept = burst_ns == INT64_MAX ? missed : acap__ns_to_frames(burst_ns, device->signal.sample_rate_hz);

    if (missed > kept)
        device->next_frame += missed - kept;
    device->held_until_ns = end_ns;
}

static void meet_faults(sim_device *device)
{
    while (device->next_fault < device->options.fault_count) {
        const acap__sim_fault *fault = &device->options.faults[device->next_fault];
        if ((int64_t)device->next_frame < frames_at(device, fault->at_ns))
            return;
        device->next_fault++;
        if (fault->kind == ACAP__FAULT_STALL) {
            begin_stall(device, fault);
            continue;
        }
        device->next_frame += fault->lost_frames;
        device->is_flagged = device->is_flagged || fault->is_flagged;
    }
}

/* When the host will call next; INT64_MAX: never again. */
static int64_t next_entry_ns(sim_device *device)
{
    meet_faults(device);
    if (is_unplugged(device, device->next_frame))
        return INT64_MAX;
    int64_t entry_ns = time_of(device, device->next_frame + device->options.period_frames) + device->jitter_ns;
    if (entry_ns < device->held_until_ns)
        entry_ns = device->held_until_ns;
    return entry_ns > device->last_entry_ns ? entry_ns : device->last_entry_ns;
}

/* False: the stream has shut its gate. */
static bool deliver_period(sim_device *device, int64_t entry_ns)
{
    const uint32_t frame_count = device->options.period_frames;

    acap__signal_fill(&device->signal, device->period, device->next_frame, frame_count);
    const acap__chunk chunk = {.frames = device->period,
                               .frame_count = frame_count,
                               .host_overflow = device->is_flagged,
                               .entry_ns = entry_ns,
                               .delay_ns = -1};
    device->next_frame += frame_count;
    device->is_flagged = false;
    device->last_entry_ns = entry_ns;
    draw_jitter(device);
    return acap__feed_deliver(device->feed, &chunk);
}

static bool is_stopping(sim_device *device)
{
    return acap__load_acquire(&device->is_stopping) != 0;
}

static void wait_until(sim_device *device, int64_t until_ns)
{
    while (!is_stopping(device) && acap_clock_ns() < until_ns)
        acap__futex_wait(&device->is_stopping, 0u, until_ns);
}

static void run_device(void *argument)
{
    sim_device *device = argument;

    if (device->options.pace == ACAP__PACE_REAL)
        acap__feed_adopt_thread(device->feed);
    while (!is_stopping(device)) {
        const int64_t due_ns = next_entry_ns(device);
        if (device->options.pace == ACAP__PACE_REAL || due_ns == INT64_MAX)
            wait_until(device, due_ns);
        if (is_stopping(device))
            break;
        const int64_t now_ns = acap_clock_ns();
        /* A host that hangs goes on calling: the gate is shut, and nothing may come of it. */
        if (!deliver_period(device, now_ns))
            wait_until(device, now_ns + LATE_CALLBACK_NS);
    }
    acap__store_release(&device->has_left, 1u);
    acap__futex_wake(&device->has_left);
}

static acap_result start(void *handle, int64_t now_ns, acap__failure *failure)
{
    sim_device *device = handle;

    if (device->options.stuck & ACAP__SIM_STUCK_START)
        hang(device->options.stuck_ns);
    if (device->options.fail & ACAP__SIM_FAIL_START)
        return acap__fail_in(failure, ACAP_ERROR_BACKEND, "the simulated device fails to start (fail=start)");
    draw_jitter(device);
    device->start_ns = device->options.pace == ACAP__PACE_MANUAL ? now_ns : acap_clock_ns();
    if (device->options.pace == ACAP__PACE_MANUAL)
        return ACAP_OK;
    device->has_thread = acap__thread_start(run_device, device, "acap-sim-device");
    if (!device->has_thread)
        return acap__fail_in(failure, ACAP_ERROR_BACKEND, "no thread could be started for a simulated device");
    return ACAP_OK;
}

static acap_result close(void *handle, acap__failure *failure)
{
    sim_device *device = handle;

    (void)failure;
    if (device->options.stuck & ACAP__SIM_STUCK_STOP)
        hang(device->options.stuck_ns);
    acap__store_release(&device->is_stopping, 1u);
    acap__futex_wake(&device->is_stopping);
    while (device->has_thread && acap__load_acquire(&device->has_left) == 0)
        acap__futex_wait(&device->has_left, 0u, INT64_MAX);
    free(device->period);
    free(device);
    return ACAP_OK;
}

static void advance(void *handle, int64_t until_ns)
{
    sim_device *device = handle;
    int64_t entry_ns = next_entry_ns(device);

    while (entry_ns <= until_ns && deliver_period(device, entry_ns))
        entry_ns = next_entry_ns(device);
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
