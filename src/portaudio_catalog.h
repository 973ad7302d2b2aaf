/* SPDX-License-Identifier: MIT */
/* Owns: acap's view of PortAudio's device list: ids that stay the same where PortAudio's indexes and names do not, and what to leave out.
 * Used by: backend_portaudio.c, on the host thread, anew for each call. */
#ifndef ACAP_SRC_PORTAUDIO_CATALOG_H
#define ACAP_SRC_PORTAUDIO_CATALOG_H

#include "backend.h"
#include "base.h"
#include "portaudio_alsa.h"
#include "result.h"

/* PaHostApiTypeId's numbers, which are ABI; the last two are newer than the headers of 19.6 and 19.7. */
enum {
    ACAP__PA_DIRECTSOUND = 1,
    ACAP__PA_MME = 2,
    ACAP__PA_ASIO = 3,
    ACAP__PA_COREAUDIO = 5,
    ACAP__PA_OSS = 7,
    ACAP__PA_ALSA = 8,
    ACAP__PA_WDMKS = 11,
    ACAP__PA_JACK = 12,
    ACAP__PA_WASAPI = 13,
    ACAP__PA_PULSEAUDIO = 16,
    ACAP__PA_SNDIO = 17
};

typedef struct acap__catalog_entry {
    int index; /* PortAudio's */
    int host_type;
    const char *name;     /* PortAudio's memory */
    const char *host_api; /* PortAudio's memory */
    uint32_t max_channel_count;
    uint32_t default_sample_rate_hz;
    int64_t low_latency_ns;
    int64_t high_latency_ns;
    uint32_t flags; /* the caller sets DEFAULT and STALE, the catalog LOOPBACK */
    /* set by the catalog */
    bool is_hidden; /* one of ALSA's building blocks: opens by its exact id or name, but no list shows it */
    char id[256];
    char pcm[ACAP__ALSA_NAME_BYTES]; /* ALSA's name; "" for other host APIs */
} acap__catalog_entry;

typedef struct acap__catalog {
    acap__catalog_entry *entries;
    size_t count;
    size_t room;
    const char *cards; /* NULL: "/proc/asound" */
} acap__catalog;

/* Copies raw and completes it. False: no memory. */
bool acap__catalog_add(acap__catalog *catalog, const acap__catalog_entry *raw);
void acap__catalog_clear(acap__catalog *catalog);

/* Hands over what lists show; stops at what report returned when that is not ACAP_OK. */
acap_result acap__catalog_report(const acap__catalog *catalog, acap_result (*report)(void *, const acap__device_report *), void *sink);

/* wanted NULL: the default. The entry is the catalog's. */
acap_result acap__catalog_find(const acap__catalog *catalog, const char *wanted, const acap__catalog_entry **out, acap__failure *failure);

#endif
