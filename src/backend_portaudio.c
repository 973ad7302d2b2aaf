/* SPDX-License-Identifier: MIT */
/* Owns: capture through PortAudio; it includes portaudio.h of 19.6, and what is newer is looked up at run time.
 * Called by: device.c and device_slot.c on the host thread; on_audio by PortAudio on an audio thread.
 * PortAudio has no locks: a thread that the host has left behind no longer opens, starts, stops or closes anything when it comes back. */
#include "backend.h"
#include "backend_portaudio_library.h"
#include "host.h"
#include "host_seat.h"
#include "os.h"
#include "portaudio_catalog.h"
#include "portaudio_choice.h"
#include "portaudio_quiet.h"
#include "portaudio_tap.h"

#include <portaudio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WANTED_RATE_HZ 48000u
#define WANTED_CHANNELS 2u
#define CLOSE_LIMIT_NS (2 * ACAP__NS_PER_S)
#define RESTING_DEVICES 16u

/* The PortAudio that this thread's call works with. A thread that was left behind keeps its own, whatever the others go over to. */
static _Thread_local acap__pa *pa;

/* ---- failures ---- */

static acap_result result_of(int error, int host_type)
{
    const bool is_jack = host_type == ACAP__PA_JACK;

    switch (error) {
    case paInvalidSampleRate:
    case paInvalidChannelCount:
    case paSampleFormatNotSupported:
    case paBadIODeviceCombination: /* ALSA: no configuration has all that was asked for */
        return ACAP_ERROR_UNSUPPORTED_FORMAT;
    case paInvalidDevice:
        return ACAP_ERROR_NO_DEVICE;
    case paDeviceUnavailable:
        return is_jack ? ACAP_ERROR_BACKEND : ACAP_ERROR_DEVICE_BUSY;
    case paInsufficientMemory: /* from JACK: its server is gone */
        return is_jack ? ACAP_ERROR_BACKEND : ACAP_ERROR_NO_MEMORY;
    default:
        return ACAP_ERROR_BACKEND;
    }
}

/* Right after the call that failed: the host's own words belong to the last one. */
static acap_result fail_code(acap__quiet *call, const char *what, int error, int host_type)
{
    const PaHostErrorInfo *host = error == paUnanticipatedHostError ? pa->last_host_error() : NULL;

    if (host == NULL || host->errorText == NULL)
        return acap__quiet_fail(call, result_of(error, host_type), "%s: PortAudio says \"%s\" (%d)", what, pa->error_text(error), error);
    const acap_result result = host_type == ACAP__PA_ALSA ? acap__result_of_errno((int)host->errorCode) : ACAP_ERROR_BACKEND;
    return acap__quiet_fail(call, result, "%s: PortAudio says \"%s\" (%d), the sound system \"%s\" (%ld)", what, pa->error_text(error),
                            error, host->errorText, host->errorCode);
}

/* ---- devices ---- */

/* Of what the application brought up, nobody knows how old it is. */
static acap_result come_up(acap__quiet *call, bool *is_fresh)
{
    *is_fresh = !acap__pa_is_up(pa) && pa->device_count() < 0;
    return acap__pa_bring_up(pa, call);
}

/* As far as that is possible; afresh in any case where the JACK server has died. */
static acap_result look_again(acap__quiet *call, bool may_refresh, bool *is_fresh)
{
    if (acap__pa_is_spent(pa)) {
        pa = acap__pa_replace(pa);
        return come_up(call, is_fresh);
    }
    return may_refresh && acap__pa_can_refresh(pa) ? acap__pa_refresh(pa, call, is_fresh) : ACAP_OK;
}

static PaDeviceIndex default_device(void)
{
    const PaDeviceIndex device = pa->default_input();

    for (PaHostApiIndex i = 0; device == paNoDevice && i < pa->host_count(); i++)
        if (pa->host_info(i)->defaultInputDevice != paNoDevice)
            return pa->host_info(i)->defaultInputDevice;
    return device;
}

static bool add_device(acap__catalog *catalog, PaDeviceIndex index, PaDeviceIndex default_index, uint32_t flags)
{
    const PaDeviceInfo *info = pa->device_info(index);

    if (info == NULL || info->maxInputChannels <= 0 || info->name == NULL)
        return true;
    const PaHostApiInfo *host = pa->host_info(info->hostApi);
    const acap__catalog_entry entry = {
        .index = index,
        .host_type = (int)host->type,
        .name = info->name,
        .host_api = host->name,
        .max_channel_count = acap__min_u32((uint32_t)info->maxInputChannels, ACAP_MAX_CHANNELS),
        .default_sample_rate_hz = info->defaultSampleRate > 0.0 ? (uint32_t)(info->defaultSampleRate + 0.5) : 0,
        .low_latency_ns = acap__plausible_latency_ns(info->defaultLowInputLatency),
        .high_latency_ns = acap__plausible_latency_ns(info->defaultHighInputLatency),
        .flags = flags | (index == default_index ? ACAP_DEVICE_DEFAULT : 0),
    };
    return acap__catalog_add(catalog, &entry);
}

static acap_result fill(acap__quiet *call, acap__catalog *catalog, uint32_t flags)
{
    const PaDeviceIndex count = pa->device_count();
    const PaDeviceIndex default_index = default_device();

    if (count < 0)
        return fail_code(call, "the devices cannot be listed", count, 0);
    for (PaDeviceIndex i = 0; i < count; i++)
        if (!add_device(catalog, i, default_index, flags))
            return acap__quiet_fail(call, ACAP_ERROR_NO_MEMORY, "no memory to list the devices");
    /* What ALSA had to say of all that it does not have is of interest only where nothing was found. */
    if (catalog->count > 0)
        acap__quiet_clear(call);
    return ACAP_OK;
}

static acap_result list(bool may_refresh, acap_result (*report)(void *, const acap__device_report *), void *sink, acap__failure *failure)
{
    acap__catalog catalog = { .entries = NULL };
    acap__quiet call;
    acap_result result = ACAP_OK;
    bool is_fresh = false;

    acap__quiet_begin(&call, failure);
    pa = acap__pa_current();
    if (acap__pa_is_up(pa))
        result = look_again(&call, may_refresh, &is_fresh);
    else
        result = come_up(&call, &is_fresh);
    if (result == ACAP_OK)
        result = fill(&call, &catalog, is_fresh ? 0 : ACAP_DEVICE_STALE);
    if (result == ACAP_OK)
        result = acap__catalog_report(&catalog, report, sink);
    acap__catalog_clear(&catalog);
    acap__quiet_end(&call);
    return result;
}

/* ---- what to ask PortAudio for ---- */

struct plan {
    acap__catalog catalog;
    const acap__catalog_entry *entry;
    acap__alsa_nature nature;
    bool is_asked; /* nature is known */
    uint32_t sample_rate_hz;
    uint32_t source_format;
    bool is_planar;
    unsigned long frames_per_callback;
    PaStreamParameters input;
};

static const PaSampleFormat pa_formats[] = {
    [ACAP_FORMAT_S16] = paInt16, [ACAP_FORMAT_S24] = paInt24, [ACAP_FORMAT_S32] = paInt32, [ACAP_FORMAT_F32] = paFloat32,
    [ACAP_FORMAT_U8] = paUInt8,
};

/* Which of the usual rates work: by ALSA's word where there is one, else by trying. */
static uint32_t find_rates(const struct plan *plan)
{
    uint32_t rates = 0;

    if (plan->is_asked)
        return plan->nature.rates;
    for (uint32_t i = 0; i < ACAP__USUAL_RATES; i++)
        if (pa->is_supported(&plan->input, NULL, acap__usual_rates_hz[i]) == paFormatIsSupported)
            rates |= 1u << i;
    return rates;
}

static acap_result fail_unsupported(acap__quiet *call, struct plan *plan, const char *what)
{
    const acap__catalog_entry *entry = plan->entry;
    char rates[ACAP__RATES_TEXT_BYTES];

    plan->input.channelCount = (int)acap__min_u32((uint32_t)plan->input.channelCount, entry->max_channel_count);
    acap__say_rates(find_rates(plan), rates);
    return acap__quiet_fail(call, ACAP_ERROR_UNSUPPORTED_FORMAT,
                            "\"%s\" cannot give %s; it has up to %u channels, runs at %u Hz by default and takes%s Hz", entry->id, what,
                            entry->max_channel_count, entry->default_sample_rate_hz, rates);
}

static acap_result fail_alsa(acap__quiet *call, const char *device, const acap__alsa_nature *nature)
{
    return acap__quiet_fail(call, acap__result_of_errno(nature->error), "\"%s\" cannot be opened: ALSA says \"%s\" (%d)", device,
                            nature->text, nature->error);
}

/* Asks ALSA itself: PortAudio converts silently and calls nearly every failure the same. */
static acap_result ask_nature(acap__quiet *call, struct plan *plan)
{
    plan->is_asked = plan->entry->host_type == ACAP__PA_ALSA && acap__alsa_ask(plan->entry->pcm, &plan->nature);
    return plan->is_asked && plan->nature.error != 0 ? fail_alsa(call, plan->entry->id, &plan->nature) : ACAP_OK;
}

static acap_result choose_channels(acap__quiet *call, struct plan *plan, uint32_t wanted)
{
    const uint32_t max = plan->entry->max_channel_count;
    char what[40];

    plan->input.channelCount = (int)(wanted != 0 ? wanted : acap__min_u32(WANTED_CHANNELS, max));
    if (wanted <= max)
        return ACAP_OK;
    (void)snprintf(what, sizeof what, "%u channels", wanted);
    return fail_unsupported(call, plan, what);
}

static acap_result choose_rate(acap__quiet *call, struct plan *plan, uint32_t wanted)
{
    const uint32_t other = plan->entry->default_sample_rate_hz;
    char what[60];
    PaError error;

    plan->sample_rate_hz = wanted != 0 ? wanted : WANTED_RATE_HZ;
    error = pa->is_supported(&plan->input, NULL, plan->sample_rate_hz);
    if (error != paFormatIsSupported && wanted == 0 && other >= ACAP_MIN_SAMPLE_RATE_HZ && other <= ACAP_MAX_SAMPLE_RATE_HZ) {
        plan->sample_rate_hz = other;
        error = pa->is_supported(&plan->input, NULL, other);
    }
    if (error == paFormatIsSupported)
        return ACAP_OK;
    if (result_of(error, plan->entry->host_type) != ACAP_ERROR_UNSUPPORTED_FORMAT)
        return fail_code(call, plan->entry->id, error, plan->entry->host_type);
    (void)snprintf(what, sizeof what, "%u Hz with %d channels", plan->sample_rate_hz, plan->input.channelCount);
    return fail_unsupported(call, plan, what);
}

/* PortAudio's list is as old as PortAudio is up and leaves out what was busy then: for "alsa:...", ALSA knows why. Where it does not, the
   failure that is there already stands. */
static acap_result explain_absence(acap__quiet *call, const char *device)
{
    acap__alsa_nature nature;

    if (strncmp(device, "alsa:", 5) != 0 || !acap__alsa_ask(device + 5, &nature))
        return ACAP_ERROR_NO_DEVICE;
    if (nature.error == 0)
        return acap__quiet_fail(call, ACAP_ERROR_NO_DEVICE, "\"%s\" came after PortAudio had made its list, which cannot be made anew "
                                "while a stream is open or after a call has hung", device);
    return acap__result_of_errno(nature.error) == ACAP_ERROR_NO_DEVICE ? ACAP_ERROR_NO_DEVICE : fail_alsa(call, device, &nature);
}

static acap_result find_listed(acap__quiet *call, struct plan *plan, const char *device)
{
    acap__catalog_clear(&plan->catalog);
    const acap_result result = fill(call, &plan->catalog, 0);

    if (result != ACAP_OK)
        return result;
    if (acap__catalog_find(&plan->catalog, device, &plan->entry, call->failure) == ACAP_OK)
        return ACAP_OK;
    return acap__quiet_fail(call, call->failure->result, "%.500s", call->failure->text);
}

/* What is not there may have been plugged in since PortAudio looked. */
static acap_result find_device(acap__quiet *call, struct plan *plan, const acap__request *request)
{
    const char *device = request->device;
    bool is_fresh = false;
    acap_result result = acap__pa_is_up(pa) ? look_again(call, request->wants_refresh, &is_fresh) : come_up(call, &is_fresh);

    if (result == ACAP_OK)
        result = find_listed(call, plan, device);
    if (result == ACAP_ERROR_NO_DEVICE && !is_fresh && acap__pa_can_refresh(pa)) {
        result = acap__pa_refresh(pa, call, &is_fresh);
        if (result == ACAP_OK)
            result = find_listed(call, plan, device);
    }
    return result == ACAP_ERROR_NO_DEVICE && device != NULL ? explain_absence(call, device) : result;
}

/* Also where the server died just now: then the next attempt gets a copy of PortAudio. */
static acap_result fail_spent(acap__quiet *call)
{
    return acap__quiet_fail(call, ACAP_ERROR_BACKEND, "the JACK server to which PortAudio was connected is gone%s%s",
                            pa->why_no_copy != NULL ? "; PortAudio finds another one only in a new process: " : "",
                            pa->why_no_copy != NULL ? pa->why_no_copy : "");
}

static acap_result plan_device(acap__quiet *call, struct plan *plan, const acap__request *request)
{
    const acap_result result = find_device(call, plan, request);

    if (result != ACAP_OK)
        return result;
    if (plan->entry->host_type == ACAP__PA_JACK && acap__jack_is_down(&pa->jack))
        return fail_spent(call);
    return ask_nature(call, plan);
}

static acap_result make_plan(acap__quiet *call, struct plan *plan, const acap__request *request)
{
    acap_result result = plan_device(call, plan, request);

    if (result != ACAP_OK)
        return result;
    plan->source_format = acap__choose_format(plan->entry->host_type, plan->is_asked ? plan->nature.formats : 0, request->format);
    plan->is_planar = plan->entry->host_type == ACAP__PA_JACK || (plan->is_asked && plan->nature.is_planar);
    plan->input.device = plan->entry->index;
    plan->input.sampleFormat = pa_formats[plan->source_format] | (plan->is_planar ? paNonInterleaved : 0);
    result = choose_channels(call, plan, request->channel_count);
    if (result == ACAP_OK)
        result = choose_rate(call, plan, request->sample_rate_hz);
    if (result != ACAP_OK)
        return result;
    /* Long enough for a recorder: PortAudio's ALSA period is a quarter of it. */
    plan->input.suggestedLatency = acap__choose_latency_s(request->latency_ns, plan->entry->high_latency_ns, request->frames_per_buffer,
                                                          plan->sample_rate_hz);
    /* The host's own size, so that its own memory reaches the callback. PulseAudio's host API would make it 32 frames. */
    plan->frames_per_callback = paFramesPerBufferUnspecified;
    if (plan->entry->host_type == ACAP__PA_PULSEAUDIO)
        plan->frames_per_callback = request->frames_per_buffer != 0 ? request->frames_per_buffer : plan->sample_rate_hz / 100;
    return ACAP_OK;
}

static acap_result supports(const acap__request *request, acap__failure *failure)
{
    struct plan plan = { .entry = NULL };
    acap__quiet call;

    acap__quiet_begin(&call, failure);
    pa = acap__pa_current();
    const acap_result result = make_plan(&call, &plan, request);
    acap__catalog_clear(&plan.catalog);
    acap__quiet_end(&call);
    return result;
}

/* ---- a device ---- */

struct device {
    acap__job close_job; /* for the rest of a close whose thread was left behind in the middle */
    acap__tap tap;
    acap__pa *pa; /* whose stream this is */
    PaStream *stream;
    int host_type;
    bool is_closed;
    bool has_thread; /* the audio thread has been through its first callback */
    acap__u32 has_ended; /* the callback was told that its tap is shut, and ended the stream */
};

/* Hosts have been seen to call back once more after a stream was closed: what such a call looks at rests before it is freed. */
static acap__ptr resting[RESTING_DEVICES];
static acap__u32 rested;

static void rest(struct device *device)
{
    /* relaxed: any slot will do. */
    const uint32_t slot = acap__add_relaxed(&rested, 1u) % RESTING_DEVICES;

    /* acq_rel: what its last user did with the device that is freed comes before. */
    free(acap__exchange_acq_rel(&resting[slot], (void *)device));
}

/* Once a stream, in its first callback: PortAudio's threads are ordinary ones unless it is told otherwise. */
static void adopt_thread(struct device *device)
{
    acap__feed *feed = acap__load_acquire(&device->tap.feed);

    device->has_thread = true;
    if (feed != NULL)
        acap__feed_adopt_thread(feed);
}

/* The host has ended the stream by itself: the watch need not wait for its time. */
static void on_finished(void *user_data)
{
    struct device *device = user_data;
    acap__feed *feed = acap__load_acquire(&device->tap.feed);

    if (feed != NULL)
        acap__store_release(&feed->host_gave_up, 1u);
}

static int on_audio(const void *input, void *output, unsigned long frame_count, const PaStreamCallbackTimeInfo *time,
                    PaStreamCallbackFlags flags, void *user_data)
{
    struct device *device = user_data;
    const acap__tap_call call = {
        .input = input,
        .frame_count = (uint32_t)frame_count,
        .is_flagged = (flags & paInputOverflow) != 0,
        .host_time_s = time != NULL ? time->currentTime : 0.0,
        .capture_time_s = time != NULL ? time->inputBufferAdcTime : 0.0,
    };

    (void)output;
    if (!device->has_thread)
        adopt_thread(device);
    if (acap__tap_deliver(&device->tap, &call))
        return paContinue;
    /* release: pairs with the acquire in must_stay_open. */
    acap__store_release(&device->has_ended, 1u);
    return paAbort;
}

static struct device *make_device(const struct plan *plan, acap__feed *feed)
{
    struct device *device = calloc(1, sizeof *device);

    if (device == NULL)
        return NULL;
    device->pa = pa;
    device->host_type = plan->entry->host_type;
    device->tap.sample_rate_hz = plan->sample_rate_hz;
    device->tap.is_planar = plan->is_planar;
    device->tap.has_delay = device->host_type != ACAP__PA_PULSEAUDIO; /* its times repeat during a burst */
    device->tap.set_alsa_local = device->host_type == ACAP__PA_ALSA ? acap__quiet_alsa_setter() : NULL;
    /* release: pairs with the acquire of the first callback. */
    acap__store_release(&device->tap.feed, (void *)feed);
    return device;
}

static void describe(const struct plan *plan, struct device *device, acap__opened *opened)
{
    const PaStreamInfo *info = pa->stream_info(device->stream);

    opened->device = device;
    opened->sample_rate_hz = info != NULL && info->sampleRate > 0.0 ? (uint32_t)(info->sampleRate + 0.5) : plan->sample_rate_hz;
    opened->channel_count = (uint32_t)plan->input.channelCount;
    opened->source_format = plan->source_format;
    opened->source_planar = plan->is_planar;
    opened->latency_ns = info != NULL ? acap__plausible_latency_ns(info->inputLatency) : 0;
    (void)snprintf(opened->device_id, sizeof opened->device_id, "%s", plan->entry->id);
}

static acap_result open_planned(acap__quiet *call, const struct plan *plan, acap__feed *feed, acap__opened *opened)
{
    struct device *device = make_device(plan, feed);

    if (device == NULL)
        return acap__quiet_fail(call, ACAP_ERROR_NO_MEMORY, "no memory for a device");
    (void)acap__add_acq_rel(&pa->streams, 1u);
    const PaError error = pa->open(&device->stream, &plan->input, NULL, plan->sample_rate_hz, plan->frames_per_callback, paDitherOff,
                                        on_audio, device);
    if (error != paNoError) {
        (void)acap__sub_acq_rel(&pa->streams, 1u);
        rest(device);
        return fail_code(call, plan->entry->id, error, plan->entry->host_type);
    }
    (void)pa->set_finished(device->stream, on_finished);
    /* Also on a thread that was left behind: this only reads what this thread has made. Whoever gets the device has it closed. */
    describe(plan, device, opened);
    return ACAP_OK;
}

static acap_result open_device(const acap__request *request, acap__feed *feed, acap__opened *opened, acap__failure *failure)
{
    struct plan plan = { .entry = NULL };
    acap__quiet call;

    acap__quiet_begin(&call, failure);
    pa = acap__pa_current();
    memset(opened, 0, sizeof *opened);
    acap_result result = make_plan(&call, &plan, request);
    /* Left behind while asking: another thread is at work with PortAudio by now. */
    if (result == ACAP_OK && !acap__host_is_current(acap__host_portaudio()))
        result = acap__quiet_fail(&call, ACAP_ERROR_HOST_STUCK, "\"%s\" took too long to tell what it can", plan.entry->id);
    if (result == ACAP_OK)
        result = open_planned(&call, &plan, feed, opened);
    acap__catalog_clear(&plan.catalog);
    acap__quiet_end(&call);
    return result;
}

static acap_result start_device(void *opaque, int64_t now_ns, acap__failure *failure)
{
    struct device *device = opaque;
    acap__quiet call;
    acap_result result = ACAP_OK;

    (void)now_ns;
    acap__quiet_begin(&call, failure);
    pa = device->pa;
    if (device->host_type == ACAP__PA_JACK && acap__jack_is_down(&pa->jack)) {
        result = acap__quiet_fail(&call, ACAP_ERROR_DEVICE_LOST, "the JACK server is gone");
    } else {
        const PaError error = pa->start(device->stream);
        if (error != paNoError)
            result = fail_code(&call, "the device does not start", error, device->host_type);
        if (result == ACAP_ERROR_NO_DEVICE)
            result = call.failure->result = ACAP_ERROR_DEVICE_LOST; /* it was there when it was opened */
    }
    acap__quiet_end(&call);
    return result;
}

/* A stream of a dead JACK server: to close it hangs for ten minutes or ends the process. */
static bool must_stay_open(struct device *device)
{
    if (device->host_type != ACAP__PA_JACK)
        return false;
    const bool has_died = pa->is_stopped(device->stream) == 0 && pa->is_active(device->stream) == 0 &&
                          acap__load_acquire(&device->has_ended) == 0;
    return has_died || acap__jack_is_down(&pa->jack);
}

static void run_close(acap__job *job);

/* What could not be closed may still be called back: it stays for ever. */
static void discard_device(acap__job *job)
{
    struct device *device = (struct device *)job; /* close_job is its first member */

    if (device->is_closed)
        rest(device);
}

/* The device is gone from the caller's view whatever happens; what cannot be closed stays with PortAudio, its tap shut. */
static acap_result close_stream(acap__quiet *call, struct device *device)
{
    pa = device->pa;
    if (must_stay_open(device))
        return acap__quiet_fail(call, ACAP_ERROR_BACKEND, "the JACK server is gone; its stream stays open, since PortAudio would hang in "
                                "closing it");
    if (pa->is_active(device->stream) == 1)
        (void)pa->abort(device->stream); /* a failure shows again in closing */
    if (!acap__host_is_current(acap__host_portaudio())) {
        acap__job_init(&device->close_job, run_close, discard_device, CLOSE_LIMIT_NS);
        acap__host_post(acap__host_portaudio(), &device->close_job);
        return acap__quiet_fail(call, ACAP_ERROR_HOST_STUCK, "the device took too long to stop");
    }
    const PaError error = pa->close(device->stream);
    if (error != paNoError)
        return fail_code(call, "the device does not close", error, device->host_type);
    (void)acap__sub_acq_rel(&pa->streams, 1u);
    device->is_closed = true;
    return ACAP_OK;
}

static void run_close(acap__job *job)
{
    acap__failure nobody_reads_it;
    acap__quiet call;

    acap__quiet_begin(&call, &nobody_reads_it);
    (void)close_stream(&call, (struct device *)job);
    acap__quiet_end(&call);
}

static acap_result close_device(void *opaque, acap__failure *failure)
{
    struct device *device = opaque;
    acap__quiet call;

    acap__quiet_begin(&call, failure);
    /* release: a callback from now on ends its stream and does not look at the feed. */
    acap__store_release(&device->tap.feed, NULL);
    const acap_result result = close_stream(&call, device);
    if (result == ACAP_OK)
        rest(device);
    acap__quiet_end(&call);
    return result;
}

const acap__backend acap__backend_portaudio = {
    .name = "portaudio",
    .host = acap__host_portaudio,
    .list = list,
    .supports = supports,
    .open = open_device,
    .start = start_device,
    .close = close_device,
    .advance = NULL,
};
