/* SPDX-License-Identifier: MIT */
/* Owns: the loaded PortAudios: their functions, their coming up and going down.
 * Called by: backend_portaudio.c, on the host thread.
 * PortAudio cannot leave a dead JACK server: to close its streams or to shut PortAudio down would hang or end the process. A copy of the
 * library, with globals of its own, knows nothing of all that. libjack, which both share, connects to a new server well enough. */
#include "backend_portaudio_library.h"

#include "host.h"
#include "os.h"

#include <stdlib.h>
#include <string.h>

enum {
    PA_DOWN,
    PA_CHANGING, /* some thread is in Pa_Initialize or Pa_Terminate, perhaps for ever */
    PA_UP
};

static acap__pa linked = {
    .initialize = Pa_Initialize,
    .terminate = Pa_Terminate,
    .error_text = Pa_GetErrorText,
    .last_host_error = Pa_GetLastHostErrorInfo,
    .host_count = Pa_GetHostApiCount,
    .host_info = Pa_GetHostApiInfo,
    .host_of_type = Pa_HostApiTypeIdToHostApiIndex,
    .device_count = Pa_GetDeviceCount,
    .default_input = Pa_GetDefaultInputDevice,
    .device_info = Pa_GetDeviceInfo,
    .is_supported = Pa_IsFormatSupported,
    .open = Pa_OpenStream,
    .set_finished = Pa_SetStreamFinishedCallback,
    .start = Pa_StartStream,
    .abort = Pa_AbortStream,
    .close = Pa_CloseStream,
    .is_stopped = Pa_IsStreamStopped,
    .is_active = Pa_IsStreamActive,
    .stream_info = Pa_GetStreamInfo,
};

static acap__ptr current; /* NULL: linked */

acap__pa *acap__pa_current(void)
{
    acap__pa *pa = acap__load_acquire(&current);

    return pa != NULL ? pa : &linked;
}

/* ---- up and down ---- */

static bool has_jack(const acap__pa *pa)
{
    return pa->host_of_type(paJACK) >= 0;
}

/* In PA_CHANGING. */
static acap_result go_up(acap__pa *pa, acap__quiet *call)
{
    const PaError error = pa->initialize();

    if (error != paNoError) {
        /* One part that fails takes the others down: with a PulseAudio part and no server there is no ALSA either. */
        const char *hint = acap__symbol("PaPulseAudio_Initialize") != NULL ? "; this build of it needs a running PulseAudio server" : "";
        acap__store_release(&pa->state, (uint32_t)PA_DOWN);
        return acap__quiet_fail(call, ACAP_ERROR_BACKEND, "PortAudio cannot be initialized: \"%s\" (%d)%s", pa->error_text(error), error,
                                hint);
    }
    if (has_jack(pa))
        acap__jack_watch_begin(&pa->jack);
    acap__store_release(&pa->state, (uint32_t)PA_UP);
    return ACAP_OK;
}

bool acap__pa_is_up(acap__pa *pa)
{
    return acap__load_acquire(&pa->state) == PA_UP;
}

acap_result acap__pa_bring_up(acap__pa *pa, acap__quiet *call)
{
    uint32_t seen = PA_DOWN;

    if (acap__pa_is_up(pa))
        return ACAP_OK;
    /* acq_rel: after what the last one to change it did. */
    if (!acap__cas_acq_rel_relaxed(&pa->state, &seen, PA_CHANGING))
        return acap__quiet_fail(call, ACAP_ERROR_HOST_STUCK, "PortAudio has not come back from being initialized");
    return go_up(pa, call);
}

/* Pa_Terminate closes every stream, hangs on one that hangs, and dies of a dead JACK server. */
bool acap__pa_can_refresh(acap__pa *pa)
{
    return acap__pa_is_up(pa) && acap__load_acquire(&pa->streams) == 0 &&
           acap__host_stuck_count(acap__host_portaudio()) == pa->stuck_before && (!has_jack(pa) || acap__jack_is_up(&pa->jack));
}

/* PortAudio looks for devices only when it is initialized. */
acap_result acap__pa_refresh(acap__pa *pa, acap__quiet *call, bool *is_fresh)
{
    uint32_t seen = PA_UP;

    if (!acap__cas_acq_rel_relaxed(&pa->state, &seen, PA_CHANGING))
        return acap__quiet_fail(call, ACAP_ERROR_HOST_STUCK, "PortAudio has not come back from being initialized");
    acap__jack_watch_end(&pa->jack);
    (void)pa->terminate();
    *is_fresh = pa->device_count() < 0;
    return go_up(pa, call);
}

/* ---- a copy ---- */

static bool find(void *library, const char *name, void *function)
{
    void *symbol = acap__library_symbol(library, name);

    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

static bool find_all(void *library, acap__pa *pa)
{
    return find(library, "Pa_Initialize", &pa->initialize) && find(library, "Pa_Terminate", &pa->terminate) &&
           find(library, "Pa_GetErrorText", &pa->error_text) && find(library, "Pa_GetLastHostErrorInfo", &pa->last_host_error) &&
           find(library, "Pa_GetHostApiCount", &pa->host_count) && find(library, "Pa_GetHostApiInfo", &pa->host_info) &&
           find(library, "Pa_HostApiTypeIdToHostApiIndex", &pa->host_of_type) &&
           find(library, "Pa_GetDeviceCount", &pa->device_count) && find(library, "Pa_GetDefaultInputDevice", &pa->default_input) &&
           find(library, "Pa_GetDeviceInfo", &pa->device_info) && find(library, "Pa_IsFormatSupported", &pa->is_supported) &&
           find(library, "Pa_OpenStream", &pa->open) && find(library, "Pa_SetStreamFinishedCallback", &pa->set_finished) &&
           find(library, "Pa_StartStream", &pa->start) && find(library, "Pa_AbortStream", &pa->abort) &&
           find(library, "Pa_CloseStream", &pa->close) && find(library, "Pa_IsStreamStopped", &pa->is_stopped) &&
           find(library, "Pa_IsStreamActive", &pa->is_active) && find(library, "Pa_GetStreamInfo", &pa->stream_info);
}

bool acap__pa_is_spent(acap__pa *pa)
{
    return acap__pa_is_up(pa) && acap__jack_is_down(&pa->jack);
}

static acap__pa *make_copy(const char **why)
{
    acap__pa *pa = calloc(1, sizeof *pa);
    void *library = pa == NULL ? NULL : acap__library_copy("Pa_Initialize", why);

    if (pa == NULL)
        *why = "no memory";
    if (library != NULL && find_all(library, pa)) {
        acap__quiet_silence(acap__library_symbol(library, "PaUtil_SetDebugPrintFunction"));
        return pa;
    }
    free(pa);
    return NULL;
}

acap__pa *acap__pa_replace(acap__pa *spent)
{
    acap__pa *copy = make_copy(&spent->why_no_copy);
    void *seen = spent == &linked ? NULL : spent;

    if (copy == NULL)
        return spent;
    copy->stuck_before = acap__host_stuck_count(acap__host_portaudio());
    /* acq_rel: publishes the copy. A thread that was left behind may find that another one has been here: that one's copy is used. */
    if (acap__cas_acq_rel_relaxed(&current, &seen, (void *)copy))
        return copy;
    free(copy);
    return spent;
}
