/* SPDX-License-Identifier: MIT */
/* Owns: the decisions of backend_portaudio.c that need no PortAudio: which format to ask for, how much latency, what an errno means.
 * Used by: backend_portaudio.c, on the host thread. Pure. */
#ifndef ACAP_SRC_PORTAUDIO_CHOICE_H
#define ACAP_SRC_PORTAUDIO_CHOICE_H

#include "base.h"

#define ACAP__USUAL_RATES 10u
#define ACAP__RATES_TEXT_BYTES 80u

extern const uint32_t acap__usual_rates_hz[ACAP__USUAL_RATES];

/* In words, each after a space. rates: bit i is acap__usual_rates_hz[i]. */
void acap__say_rates(uint32_t rates, char text[ACAP__RATES_TEXT_BYTES]);

/* natural_formats: bit ACAP_FORMAT_*, what the device gives without a conversion; 0: unknown. */
uint32_t acap__choose_format(int host_type, uint32_t natural_formats, uint32_t wanted);

/* wanted_ns 0: what is safe for a recorder. high_ns is the host's own idea of that, 0: none. */
double acap__choose_latency_s(int64_t wanted_ns, int64_t high_ns, uint32_t frames_per_buffer, uint32_t sample_rate_hz);

/* A latency by the host's word; 0 for none or nonsense. */
int64_t acap__plausible_latency_ns(double latency_s);

/* error may be negative, as ALSA's are. */
acap_result acap__result_of_errno(int error);

#endif
