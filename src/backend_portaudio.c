/* SPDX-License-Identifier: MIT */
/* Owns: capture through PortAudio; the only file that includes portaudio.h, and that of 19.6: newer functions are looked up at run time.
 * Called by: device.c and device_slot.c on the host thread; on_audio by PortAudio on an audio thread.
 * PortAudio has no locks: a thread that the host has left behind no longer opens, starts, stops or closes anything when it comes back. */
#include "backend.h"
#include "host.h"
#include "host_seat.h"
#include "os.h"
#include "portaudio_catalog.h"
#include "portaudio_choice.h"
#include "portaudio_jack.h"
#include "portaudio_quiet.h"
#include "portaudio_tap.h"

#include <portaudio.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CARDS "/proc/asound"
#define WANTED_RATE_HZ 48000u
#define WANTED_CHANNELS 2u
#define CLOSE_LIMIT_NS (2 * ACAP__NS_PER_S)
#define RESTING_DEVICES 16u

/* ---- one call of the seam: its messages, and how it fails ---- */

struct call {
    acap__quiet quiet;
    acap__failure *failure;
};

static void begin(struct call *call, acap__failure *failure)
{
    call->failure = failure;
    acap__quiet_begin(&call->quiet);
}

static void end(struct call *call)
{
    acap__quiet_end(&call->quiet);
}

static acap_result fail(struct call *call, acap_result result, const char *format, ...) ACAP__PRINTF(3, 4);

static acap_result fail(struct call *call, acap_result result, const char *format, ...)
{
    char text[560];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return acap__fail_in(call->failure, result, "%s%s%s", text, call->quiet.length > 0 ? "; messages: " : "", call->quiet.text);
}

/* The host's own error; only valid for paUnanticipatedHostError, right after the call that failed. */
static long host_error(PaError error, const char **text)
{
    const PaHostErrorInfo *info = error == paUnanticipatedHostError ? Pa_GetLastHostErrorInfo() : NULL;

    *text = info != NULL && info->errorText != NULL ? info->errorText : "";
    return info != NULL ? info->errorCode : 0;
}

static acap_result result_of(PaError error, int host_type, long host_code)
{
    switch (error) {
    case paInvalidSampleRate:
    case paInvalidChannelCount:
    case paSampleFormatNotSupported:
    case paBadIODeviceCombination: /* ALSA: no configuration has all that was asked for */
        return ACAP_ERROR_UNSUPPORTED_FORMAT;
    case paDeviceUnavailable:
        return host_type == ACAP__PA_JACK ? ACAP_ERROR_BACKEND : ACAP_ERROR_DEVICE_BUSY;
    case paInvalidDevice:
        return ACAP_ERROR_NO_DEVICE;
    case paInsufficientMemory: /* JACK says this when its server is gone */
        return host_type == ACAP__PA_JACK ? ACAP_ERROR_BACKEND : ACAP_ERROR_NO_MEMORY;
    case paUnanticipatedHostError:
        return host_type == ACAP__PA_ALSA ? acap__result_of_errno((int)host_code) : ACAP_ERROR_BACKEND;
    default:
        return ACAP_ERROR_BACKEND;
    }
}

static acap_result fail_pa(struct call *call, const char *what, PaError error, int host_type)
{
    const char *host_text;
    const long host_code = host_error(error, &host_text);
    const acap_result result = result_of(error, host_type, host_code);

    if (host_code == 0 && host_text[0] == '\0')
        return fail(call, result, "%s: PortAudio says \"%s\" (%d)", what, Pa_GetErrorText(error), error);
    return fail(call, result, "%s: PortAudio says \"%s\" (%d), the sound system \"%s\" (%ld)", what, Pa_GetErrorText(error), error,
                host_text, host_code);
}

/* ---- PortAudio as a whole: initialized at the first need, then kept ---- */

enum {
    PA_DOWN,
    PA_CHANGING, /* some thread is in Pa_Initialize or Pa_Terminate, perhaps for ever */
    PA_UP
};

static acap__u32 pa_state;
/* Streams that PortAudio has: Pa_Terminate would close them, those included that were left behind. */
static acap__u32 pa_streams;

static bool has_jack(void)
{
    return Pa_HostApiTypeIdToHostApiIndex(paJACK) >= 0;
}

/* In PA_CHANGING. */
static acap_result go_up(struct call *call)
{
    const PaError error = Pa_Initialize();

    if (error != paNoError) {
        acap__store_release(&pa_state, (uint32_t)PA_DOWN);
        return fail(call, ACAP_ERROR_BACKEND, "PortAudio cannot be initialized: \"%s\" (%d)", Pa_GetErrorText(error), error);
    }
    if (has_jack())
        acap__jack_watch_begin();
    acap__store_release(&pa_state, (uint32_t)PA_UP);
    return ACAP_OK;
}

static acap_result bring_up(struct call *call)
{
    uint32_t seen = PA_DOWN;

    if (acap__load_acquire(&pa_state) == PA_UP)
        return ACAP_OK;
    /* acq_rel: after what the last one to change it did. */
    if (!acap__cas_acq_rel_relaxed(&pa_state, &seen, PA_CHANGING))
        return fail(call, ACAP_ERROR_HOST_STUCK, "PortAudio has not come back from being initialized");
    return go_up(call);
}

/* Pa_Terminate closes every stream, hangs on one that hangs, and dies of a dead JACK server. */
static bool can_refresh(void)
{
    return acap__load_acquire(&pa_streams) == 0 && acap__host_stuck_count(acap__host_portaudio()) == 0 &&
           (!has_jack() || acap__jack_is_up());
}

/* PortAudio looks for devices only when it is initialized. False: somebody else in this process has it initialized as well. */
static acap_result refresh(struct call *call, bool *is_fresh)
{
    uint32_t seen = PA_UP;

    if (!acap__cas_acq_rel_relaxed(&pa_state, &seen, PA_CHANGING))
        return fail(call, ACAP_ERROR_HOST_STUCK, "PortAudio has not come back from being initialized");
    acap__jack_watch_end();
    (void)Pa_Terminate();
    *is_fresh = Pa_GetDeviceCount() < 0;
    return go_up(call);
}

/* ---- devices ---- */

static PaDeviceIndex default_device(void)
{
    const PaDeviceIndex device = Pa_GetDefaultInputDevice();

    for (PaHostApiIndex i = 0; device == paNoDevice && i < Pa_GetHostApiCount(); i++)
        if (Pa_GetHostApiInfo(i)->defaultInputDevice != paNoDevice)
            return Pa_GetHostApiInfo(i)->defaultInputDevice;
    return device;
}

static bool add_device(acap__catalog *catalog, PaDeviceIndex index, PaDeviceIndex default_index, uint32_t flags)
{
    const PaDeviceInfo *info = Pa_GetDeviceInfo(index);

    if (info == NULL || info->maxInputChannels <= 0 || info->name == NULL)
        return true;
    const PaHostApiInfo *host = Pa_GetHostApiInfo(info->hostApi);
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

static acap_result fill(struct call *call, acap__catalog *catalog, uint32_t flags)
{
    const PaDeviceIndex count = Pa_GetDeviceCount();
    const PaDeviceIndex default_index = default_device();

    if (count < 0)
        return fail_pa(call, "the devices cannot be listed", count, 0);
    for (PaDeviceIndex i = 0; i < count; i++)
        if (!add_device(catalog, i, default_index, flags))
            return fail(call, ACAP_ERROR_NO_MEMORY, "no memory to list the devices");
    /* What ALSA had to say of all that it does not have is of interest only where nothing was found. */
    if (catalog->count > 0)
        acap__quiet_clear(&call->quiet);
    return ACAP_OK;
}

static acap_result list(bool may_refresh, acap_result (*report)(void *, const acap__device_report *), void *sink, acap__failure *failure)
{
    acap__catalog catalog = { .cards = CARDS };
    struct call call;
    acap_result result = ACAP_OK;
    bool is_fresh = acap__load_acquire(&pa_state) != PA_UP;

    begin(&call, failure);
    if (is_fresh)
        result = bring_up(&call);
    else if (may_refresh && can_refresh())
        result = refresh(&call, &is_fresh);
    if (result == ACAP_OK)
        result = fill(&call, &catalog, is_fresh ? 0 : ACAP_DEVICE_STALE);
    if (result == ACAP_OK)
        result = acap__catalog_report(&catalog, report, sink);
    acap__catalog_clear(&catalog);
    end(&call);
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

static PaSampleFormat pa_format(uint32_t format)
{
    switch (format) {
    case ACAP_FORMAT_S16:
        return paInt16;
    case ACAP_FORMAT_S24:
        return paInt24;
    case ACAP_FORMAT_S32:
        return paInt32;
    case ACAP_FORMAT_U8:
        return paUInt8;
    default:
        return paFloat32;
    }
}

static bool can_rate(const struct plan *plan, uint32_t rate_hz)
{
    return Pa_IsFormatSupported(&plan->input, NULL, rate_hz) == paFormatIsSupported;
}

/* Which of the usual rates work: by ALSA's word where there is one, else by trying. */
static void say_rates(const struct plan *plan, char *text, size_t size_bytes)
{
    size_t length = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < ACAP__ALSA_RATES; i++) {
        const uint32_t rate_hz = acap__alsa_usual_rates_hz[i];
        const bool can = plan->is_asked ? (plan->nature.rates >> i & 1u) != 0 : can_rate(plan, rate_hz);
        if (can && length < size_bytes)
            length += (size_t)snprintf(text + length, size_bytes - length, " %u", rate_hz);
    }
}

static acap_result fail_unsupported(struct call *call, struct plan *plan, const char *what)
{
    const acap__catalog_entry *entry = plan->entry;
    char rates[120];

    plan->input.channelCount = (int)acap__min_u32((uint32_t)plan->input.channelCount, entry->max_channel_count);
    say_rates(plan, rates, sizeof rates);
    return fail(call, ACAP_ERROR_UNSUPPORTED_FORMAT,
                "\"%s\" cannot give %s; it has up to %u channels, runs at %u Hz by default, and of the usual rates takes%s Hz", entry->id, what,
                entry->max_channel_count, entry->default_sample_rate_hz, rates[0] != '\0' ? rates : " none, in");
}

/* Asks ALSA itself: PortAudio converts silently and calls nearly every failure the same. */
static acap_result ask_nature(struct call *call, struct plan *plan)
{
    const acap__catalog_entry *entry = plan->entry;

    plan->is_asked = entry->host_type == ACAP__PA_ALSA && acap__alsa_ask(entry->pcm, &plan->nature);
    if (!plan->is_asked || plan->nature.error == 0)
        return ACAP_OK;
    return fail(call, acap__result_of_errno(plan->nature.error), "\"%s\" cannot be opened: ALSA says \"%s\" (%d)", entry->id,
                plan->nature.text, plan->nature.error);
}

static acap_result choose_channels(struct call *call, struct plan *plan, uint32_t wanted)
{
    const uint32_t max = plan->entry->max_channel_count;
    char what[40];

    plan->input.channelCount = (int)(wanted != 0 ? wanted : acap__min_u32(WANTED_CHANNELS, max));
    if (wanted <= max)
        return ACAP_OK;
    (void)snprintf(what, sizeof what, "%u channels", wanted);
    return fail_unsupported(call, plan, what);
}

static acap_result choose_rate(struct call *call, struct plan *plan, uint32_t wanted)
{
    const uint32_t other = plan->entry->default_sample_rate_hz;
    char what[60];
    PaError error;

    plan->sample_rate_hz = wanted != 0 ? wanted : WANTED_RATE_HZ;
    error = Pa_IsFormatSupported(&plan->input, NULL, plan->sample_rate_hz);
    if (error != paFormatIsSupported && wanted == 0 && other >= ACAP_MIN_SAMPLE_RATE_HZ && other <= ACAP_MAX_SAMPLE_RATE_HZ) {
        plan->sample_rate_hz = other;
        error = Pa_IsFormatSupported(&plan->input, NULL, other);
    }
    if (error == paFormatIsSupported)
        return ACAP_OK;
    if (result_of(error, plan->entry->host_type, 0) != ACAP_ERROR_UNSUPPORTED_FORMAT)
        return fail_pa(call, plan->entry->id, error, plan->entry->host_type);
    (void)snprintf(what, sizeof what, "%u Hz with %d channels", plan->sample_rate_hz, plan->input.channelCount);
    return fail_unsupported(call, plan, what);
}

static acap_result plan_device(struct call *call, struct plan *plan, const char *device)
{
    acap_result result = bring_up(call);

    plan->catalog.cards = CARDS;
    if (result == ACAP_OK)
        result = fill(call, &plan->catalog, 0);
    if (result == ACAP_OK && acap__catalog_find(&plan->catalog, device, &plan->entry, call->failure) != ACAP_OK)
        result = fail(call, call->failure->result, "%.500s", call->failure->text);
    if (result == ACAP_OK && plan->entry->host_type == ACAP__PA_JACK && acap__jack_is_down())
        result = fail(call, ACAP_ERROR_BACKEND, "the JACK server to which this process was connected is gone; PortAudio finds another one "
                                                "only in a new process");
    return result == ACAP_OK ? ask_nature(call, plan) : result;
}

static acap_result make_plan(struct call *call, struct plan *plan, const acap__request *request)
{
    acap_result result = plan_device(call, plan, request->device);

    if (result != ACAP_OK)
        return result;
    plan->source_format = acap__choose_format(plan->entry->host_type, plan->is_asked ? plan->nature.formats : 0, request->format);
    plan->is_planar = plan->entry->host_type == ACAP__PA_JACK || (plan->is_asked && plan->nature.is_planar);
    plan->input.device = plan->entry->index;
    plan->input.sampleFormat = pa_format(plan->source_format) | (plan->is_planar ? paNonInterleaved : 0);
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
    struct call call;

    begin(&call, failure);
    const acap_result result = make_plan(&call, &plan, request);
    acap__catalog_clear(&plan.catalog);
    end(&call);
    return result;
}

/* ---- a device ---- */

struct device {
    acap__job close_job; /* for the rest of a close whose thread was left behind in the middle */
    acap__tap tap;
    PaStream *stream;
    int host_type;
    bool is_closed;
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
    const PaStreamInfo *info = Pa_GetStreamInfo(device->stream);

    opened->device = device;
    opened->sample_rate_hz = info != NULL && info->sampleRate > 0.0 ? (uint32_t)(info->sampleRate + 0.5) : plan->sample_rate_hz;
    opened->channel_count = (uint32_t)plan->input.channelCount;
    opened->source_format = plan->source_format;
    opened->source_planar = plan->is_planar;
    opened->latency_ns = info != NULL ? acap__plausible_latency_ns(info->inputLatency) : 0;
    (void)snprintf(opened->device_id, sizeof opened->device_id, "%s", plan->entry->id);
}

static acap_result open_planned(struct call *call, const struct plan *plan, acap__feed *feed, acap__opened *opened)
{
    struct device *device = make_device(plan, feed);

    if (device == NULL)
        return fail(call, ACAP_ERROR_NO_MEMORY, "no memory for a device");
    (void)acap__add_acq_rel(&pa_streams, 1u);
    const PaError error = Pa_OpenStream(&device->stream, &plan->input, NULL, plan->sample_rate_hz, plan->frames_per_callback, paDitherOff,
                                        on_audio, device);
    if (error != paNoError) {
        (void)acap__sub_acq_rel(&pa_streams, 1u);
        rest(device);
        return fail_pa(call, plan->entry->id, error, plan->entry->host_type);
    }
    /* Also on a thread that was left behind: this only reads what this thread has made. Whoever gets the device has it closed. */
    describe(plan, device, opened);
    return ACAP_OK;
}

static acap_result open_device(const acap__request *request, acap__feed *feed, acap__opened *opened, acap__failure *failure)
{
    struct plan plan = { .entry = NULL };
    struct call call;

    begin(&call, failure);
    memset(opened, 0, sizeof *opened);
    acap_result result = make_plan(&call, &plan, request);
    /* Left behind while asking: another thread is at work with PortAudio by now. */
    if (result == ACAP_OK && !acap__host_is_current(acap__host_portaudio()))
        result = fail(&call, ACAP_ERROR_HOST_STUCK, "\"%s\" took too long to tell what it can", plan.entry->id);
    if (result == ACAP_OK)
        result = open_planned(&call, &plan, feed, opened);
    acap__catalog_clear(&plan.catalog);
    end(&call);
    return result;
}

static acap_result start_device(void *opaque, acap__failure *failure)
{
    struct device *device = opaque;
    struct call call;
    acap_result result = ACAP_OK;

    begin(&call, failure);
    if (device->host_type == ACAP__PA_JACK && acap__jack_is_down()) {
        result = fail(&call, ACAP_ERROR_DEVICE_LOST, "the JACK server is gone");
    } else {
        const PaError error = Pa_StartStream(device->stream);
        if (error != paNoError)
            result = fail_pa(&call, "the device does not start", error, device->host_type);
        if (result == ACAP_ERROR_NO_DEVICE)
            result = call.failure->result = ACAP_ERROR_DEVICE_LOST; /* it was there when it was opened */
    }
    end(&call);
    return result;
}

/* A stream of a dead JACK server: to close it hangs for ten minutes or ends the process. */
static bool must_stay_open(struct device *device)
{
    if (device->host_type != ACAP__PA_JACK)
        return false;
    const bool has_died = Pa_IsStreamStopped(device->stream) == 0 && Pa_IsStreamActive(device->stream) == 0 &&
                          acap__load_acquire(&device->has_ended) == 0;
    return has_died || acap__jack_is_down();
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
static acap_result close_stream(struct call *call, struct device *device)
{
    if (must_stay_open(device))
        return fail(call, ACAP_ERROR_BACKEND, "the JACK server is gone; its stream stays open, since PortAudio would hang in closing it");
    if (Pa_IsStreamActive(device->stream) == 1)
        (void)Pa_AbortStream(device->stream); /* a failure shows again in closing */
    if (!acap__host_is_current(acap__host_portaudio())) {
        acap__job_init(&device->close_job, run_close, discard_device, CLOSE_LIMIT_NS);
        acap__host_post(acap__host_portaudio(), &device->close_job);
        return fail(call, ACAP_ERROR_HOST_STUCK, "the device took too long to stop");
    }
    const PaError error = Pa_CloseStream(device->stream);
    if (error != paNoError)
        return fail_pa(call, "the device does not close", error, device->host_type);
    (void)acap__sub_acq_rel(&pa_streams, 1u);
    device->is_closed = true;
    return ACAP_OK;
}

static void run_close(acap__job *job)
{
    acap__failure nobody_reads_it;
    struct call call;

    begin(&call, &nobody_reads_it);
    (void)close_stream(&call, (struct device *)job);
    end(&call);
}

static acap_result close_device(void *opaque, acap__failure *failure)
{
    struct device *device = opaque;
    struct call call;

    begin(&call, failure);
    /* release: a callback from now on ends its stream and does not look at the feed. */
    acap__store_release(&device->tap.feed, NULL);
    const acap_result result = close_stream(&call, device);
    if (result == ACAP_OK)
        rest(device);
    end(&call);
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
