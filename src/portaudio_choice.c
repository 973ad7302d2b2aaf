/* SPDX-License-Identifier: MIT */
/* Owns: choices that depend on numbers only.
 * Called by: backend_portaudio.c on the host thread.
 * Without state. */
#include "portaudio_choice.h"

#include "portaudio_catalog.h"

#include <errno.h>
#include <stdio.h>

#define RECORDER_LATENCY_S 0.1
#define PLAUSIBLE_LATENCY_S 10.0
#define NS_PER_S_DOUBLE 1e9

const uint32_t acap__usual_rates_hz[ACAP__USUAL_RATES] = {8000, 16000, 22050, 32000, 44100, 48000, 88200, 96000, 176400, 192000};

void acap__say_rates(uint32_t rates, char text[ACAP__RATES_TEXT_BYTES])
{
    int length = 0;

    (void)snprintf(text, ACAP__RATES_TEXT_BYTES, " none of the usual rates in");
    for (uint32_t i = 0; i < ACAP__USUAL_RATES; i++)
        if (rates >> i & 1u)
            length += snprintf(text + length, ACAP__RATES_TEXT_BYTES - (size_t)length, " %u", acap__usual_rates_hz[i]);
}

/* The wanted format where the device has it: the callback then gets the host's own memory and acap's one copy is the only one. Otherwise
   the widest that it has, for acap to convert in that copy. */
uint32_t acap__choose_format(int host_type, uint32_t natural_formats, uint32_t wanted)
{
    static const uint32_t widest_first[] = {ACAP_FORMAT_S32, ACAP_FORMAT_F32, ACAP_FORMAT_S24, ACAP_FORMAT_S16, ACAP_FORMAT_U8};

    if (host_type == ACAP__PA_JACK || host_type == ACAP__PA_COREAUDIO || host_type == ACAP__PA_WASAPI)
        return ACAP_FORMAT_F32;
    if (natural_formats & 1u << wanted)
        return wanted;
    for (size_t i = 0; i < sizeof widest_first / sizeof widest_first[0]; i++)
        if (natural_formats & 1u << widest_first[i])
            return widest_first[i];
    return wanted; /* nothing is known: PortAudio converts if it must */
}

double acap__choose_latency_s(int64_t wanted_ns, int64_t high_ns, uint32_t frames_per_buffer, uint32_t sample_rate_hz)
{
    const double high_s = (double)high_ns / NS_PER_S_DOUBLE;
    const double two_buffers_s = 2.0 * frames_per_buffer / sample_rate_hz;
    const double safe_s = high_s > RECORDER_LATENCY_S ? high_s : RECORDER_LATENCY_S;

    if (wanted_ns > 0)
        return (double)wanted_ns / NS_PER_S_DOUBLE;
    return two_buffers_s > safe_s ? two_buffers_s : safe_s;
}

/* JACK's has been seen to wrap to 89478 s. */
int64_t acap__plausible_latency_ns(double latency_s)
{
    return latency_s > 0.0 && latency_s <= PLAUSIBLE_LATENCY_S ? (int64_t)(latency_s * NS_PER_S_DOUBLE) : 0;
}

acap_result acap__result_of_errno(int error)
{
    switch (error < 0 ? -error : error) {
    case EBUSY:
        return ACAP_ERROR_DEVICE_BUSY;
    case EACCES:
    case EPERM:
        return ACAP_ERROR_PERMISSION;
    case ENOENT:
    case ENODEV:
    case ENXIO:
        return ACAP_ERROR_NO_DEVICE;
    case ENOMEM:
        return ACAP_ERROR_NO_MEMORY;
    default:
        return ACAP_ERROR_BACKEND;
    }
}
