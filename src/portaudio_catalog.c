/* SPDX-License-Identifier: MIT */
/* Owns: how a PortAudio device gets its id, and which devices lists leave out.
 * Called by: backend_portaudio.c on the host thread.
 * Knows nothing of PortAudio but numbers and strings, so that it can be tested without any. */
#include "portaudio_catalog.h"

#include "device_match.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *host_prefix(int host_type)
{
    switch (host_type) {
    case ACAP__PA_ALSA:
        return "alsa";
    case ACAP__PA_JACK:
        return "jack";
    case ACAP__PA_PULSEAUDIO:
        return "pulse";
    case ACAP__PA_OSS:
        return "oss";
    case ACAP__PA_SNDIO:
        return "sndio";
    case ACAP__PA_COREAUDIO:
        return "coreaudio";
    case ACAP__PA_WASAPI:
        return "wasapi";
    case ACAP__PA_DIRECTSOUND:
        return "dsound";
    case ACAP__PA_MME:
        return "mme";
    case ACAP__PA_ASIO:
        return "asio";
    case ACAP__PA_WDMKS:
        return "wdmks";
    default:
        return "portaudio";
    }
}

/* Building blocks of ALSA's own configuration and of its plug-in package: converters in front of the default device, each of which would
   open the same microphone once more. A device of the user's own never has such a name, and if it has, it still opens by that name. */
static bool is_building_block(const char *name)
{
    static const char *const blocks[] = {
        "a52", "dmix", "dpl", "iec958", "lavrate", "lavrate_fast", "lavrate_faster", "lavrate_high", "lavrate_higher", "samplerate",
        "samplerate_best", "samplerate_linear", "samplerate_medium", "samplerate_order", "spdif", "speex", "speexrate", "speexrate_best",
        "speexrate_medium", "upmix", "usbstream", "vdownmix",
    };

    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        if (strcmp(name, blocks[i]) == 0)
            return true;
    return false;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t text_length = strlen(text);
    const size_t end_length = strlen(end);

    return text_length >= end_length && strcmp(text + text_length - end_length, end) == 0;
}

/* WASAPI's loopback devices, and the monitors of a sound server's outputs. */
static bool is_loopback(const char *name)
{
    return strstr(name, "[Loopback]") != NULL || strncmp(name, "Monitor of ", 11) == 0 || ends_with(name, ".monitor");
}

static bool has_id(const acap__catalog *catalog, const char *id)
{
    for (size_t i = 0; i < catalog->count; i++)
        if (strcmp(catalog->entries[i].id, id) == 0)
            return true;
    return false;
}

static void set_id(const acap__catalog *catalog, acap__catalog_entry *entry)
{
    char stable[ACAP__ALSA_NAME_BYTES];
    const char *prefix = host_prefix(entry->host_type);
    const char *rest = entry->name;

    if (entry->host_type == ACAP__PA_ALSA) {
        acap__alsa_pcm_name(entry->name, entry->pcm);
        acap__alsa_stable_name(entry->pcm, catalog->cards != NULL ? catalog->cards : "/proc/asound", stable);
        rest = stable;
    }
    (void)snprintf(entry->id, sizeof entry->id, "%s:%.230s", prefix, rest);
    for (unsigned int number = 2; has_id(catalog, entry->id); number++)
        (void)snprintf(entry->id, sizeof entry->id, "%s:%.230s#%u", prefix, rest, number);
}

static bool make_room(acap__catalog *catalog)
{
    if (catalog->count < catalog->room)
        return true;
    const size_t room = catalog->room == 0 ? 16 : catalog->room * 2;
    acap__catalog_entry *entries = realloc(catalog->entries, room * sizeof *entries);
    if (entries == NULL)
        return false;
    catalog->entries = entries;
    catalog->room = room;
    return true;
}

bool acap__catalog_add(acap__catalog *catalog, const acap__catalog_entry *raw)
{
    if (!make_room(catalog))
        return false;
    acap__catalog_entry *entry = &catalog->entries[catalog->count];
    *entry = *raw;
    entry->pcm[0] = '\0';
    set_id(catalog, entry);
    entry->is_hidden = entry->host_type == ACAP__PA_ALSA && !(entry->flags & ACAP_DEVICE_DEFAULT) && is_building_block(entry->name);
    if (is_loopback(entry->name))
        entry->flags |= ACAP_DEVICE_LOOPBACK;
    catalog->count++;
    return true;
}

void acap__catalog_clear(acap__catalog *catalog)
{
    free(catalog->entries);
    catalog->entries = NULL;
    catalog->count = 0;
    catalog->room = 0;
}

acap_result acap__catalog_report(const acap__catalog *catalog, acap_result (*report)(void *, const acap__device_report *), void *sink)
{
    acap_result result = ACAP_OK;

    for (size_t i = 0; i < catalog->count && result == ACAP_OK; i++) {
        const acap__catalog_entry *entry = &catalog->entries[i];
        const acap__device_report device = {
            .id = entry->id,
            .name = entry->name,
            .host_api = entry->host_api,
            .flags = entry->flags,
            .max_channel_count = entry->max_channel_count,
            .default_sample_rate_hz = entry->default_sample_rate_hz,
            .low_latency_ns = entry->low_latency_ns,
            .high_latency_ns = entry->high_latency_ns,
        };
        if (!entry->is_hidden)
            result = report(sink, &device);
    }
    return result;
}

static acap_result find_default(const acap__catalog *catalog, const acap__catalog_entry **out, acap__failure *failure)
{
    for (size_t i = 0; i < catalog->count; i++) {
        if (catalog->entries[i].flags & ACAP_DEVICE_DEFAULT) {
            *out = &catalog->entries[i];
            return ACAP_OK;
        }
    }
    return acap__fail_in(failure, ACAP_ERROR_NO_DEVICE, "there is no capture device");
}

/* What only an exact name opens: hidden devices, and ALSA's own spelling of those that have a more stable one ("alsa:hw:1,0"). */
static bool is_exactly(const acap__catalog_entry *entry, const char *wanted)
{
    const bool names_pcm = entry->pcm[0] != '\0' && strncmp(wanted, "alsa:", 5) == 0 && strcmp(wanted + 5, entry->pcm) == 0;
    const bool is_named = strcmp(entry->id, wanted) == 0 || strcmp(entry->name, wanted) == 0;

    return names_pcm || (entry->is_hidden && is_named);
}

static acap_result match_visible(const acap__catalog *catalog, const char *wanted, const acap__catalog_entry **out, acap__failure *failure)
{
    acap__device_name *names = malloc((catalog->count + 1) * sizeof *names);
    const acap__catalog_entry **visible = malloc((catalog->count + 1) * sizeof *visible);
    acap_result result = ACAP_ERROR_NO_MEMORY;
    size_t count = 0;
    size_t index = 0;

    for (size_t i = 0; names != NULL && visible != NULL && i < catalog->count; i++) {
        if (catalog->entries[i].is_hidden)
            continue;
        visible[count] = &catalog->entries[i];
        names[count].id = catalog->entries[i].id;
        names[count].name = catalog->entries[i].name;
        count++;
    }
    if (names == NULL || visible == NULL)
        acap__fail_in(failure, result, "no memory to look for a device");
    else
        result = acap__device_match(names, count, wanted, &index, failure);
    if (result == ACAP_OK)
        *out = visible[index];
    free(names);
    free(visible);
    return result;
}

acap_result acap__catalog_find(const acap__catalog *catalog, const char *wanted, const acap__catalog_entry **out, acap__failure *failure)
{
    if (wanted == NULL)
        return find_default(catalog, out, failure);
    for (size_t i = 0; i < catalog->count; i++) {
        if (is_exactly(&catalog->entries[i], wanted)) {
            *out = &catalog->entries[i];
            return ACAP_OK;
        }
    }
    return match_visible(catalog, wanted, out, failure);
}
