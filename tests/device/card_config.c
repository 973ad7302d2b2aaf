/* SPDX-License-Identifier: MIT */
/* Owns: the meaning of the virtual card's configuration keys.
 * Used by: card_plugin.c when ALSA opens the card, and card_control.c for the actions of a running test.
 * Runs on: whichever thread opens the card. */
#include "card.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const action_words[CARD_ACTIONS] = {
    [CARD_XRUN] = "xrun", [CARD_GAP] = "gap",   [CARD_ZERO] = "zero",             [CARD_STALL] = "stall",     [CARD_HANG] = "hang",
    [CARD_SPIN] = "spin", [CARD_EIO] = "eio",   [CARD_DISCONNECT] = "disconnect", [CARD_SUSPEND] = "suspend",
};

static const struct {
    const char *word;
    int value;
} errno_words[] = {
    { "EBUSY", EBUSY }, { "EACCES", EACCES }, { "ENODEV", ENODEV }, { "EIO", EIO }, { "ENOMEM", ENOMEM },
};

/* "ACTION" or "ACTION:ARGUMENT", up to a space or the end */
bool card_fault_parse(const char *text, card_fault *fault)
{
    const size_t length = strcspn(text, ": ");

    for (unsigned i = 0; i < CARD_ACTIONS; i++) {
        if (strlen(action_words[i]) == length && strncmp(text, action_words[i], length) == 0) {
            *fault = (card_fault){ .action = (card_action)i };
            fault->argument = text[length] == ':' ? strtoull(text + length + 1, NULL, 10) : 0;
            return true;
        }
    }
    return false;
}

static bool read_faults(card_config *config, const char *text)
{
    while (*text != '\0') {
        char *after;
        const uint64_t at_frame = strtoull(text, &after, 10);
        if (*after != ':' || config->fault_count == CARD_FAULTS_MAX)
            return false;
        card_fault *fault = &config->faults[config->fault_count];
        if (!card_fault_parse(after + 1, fault))
            return false;
        fault->at_frame = at_frame;
        config->fault_count++;
        text = after + strcspn(after, " ");
        text += strspn(text, " ");
    }
    return true;
}

static bool read_range(const char *text, unsigned *min, unsigned *max)
{
    const int count = sscanf(text, "%u %u", min, max);

    if (count == 1)
        *max = *min;
    return count >= 1;
}

static bool read_errno(const char *text, int *value)
{
    for (size_t i = 0; i < sizeof errno_words / sizeof errno_words[0]; i++) {
        if (strcmp(text, errno_words[i].word) == 0) {
            *value = errno_words[i].value;
            return true;
        }
    }
    return false;
}

static bool read_formats(card_config *config, const char *text)
{
    char word[16];
    int used;

    config->format_count = 0;
    for (; sscanf(text, "%15s%n", word, &used) == 1; text += used) {
        const snd_pcm_format_t format = snd_pcm_format_value(word);
        if (format == SND_PCM_FORMAT_UNKNOWN || config->format_count == CARD_FORMATS_MAX)
            return false;
        config->formats[config->format_count++] = (unsigned)format;
    }
    return config->format_count > 0;
}

static bool read_access(card_config *config, const char *text)
{
    static const unsigned mmap[] = { SND_PCM_ACCESS_MMAP_INTERLEAVED, SND_PCM_ACCESS_MMAP_NONINTERLEAVED, SND_PCM_ACCESS_RW_INTERLEAVED,
                                     SND_PCM_ACCESS_RW_NONINTERLEAVED };
    const bool is_rw = strcmp(text, "rw") == 0;
    const bool is_planar = strcmp(text, "planar") == 0;
    const unsigned *first = is_rw ? &mmap[2] : is_planar ? &mmap[1] : mmap;

    if (!is_rw && !is_planar && strcmp(text, "mmap") != 0)
        return false;
    config->access_count = is_rw ? 2 : is_planar ? 1 : 4;
    memcpy(config->accesses, first, config->access_count * sizeof *first);
    return true;
}

static bool read_count(const char *text, unsigned *value)
{
    return sscanf(text, "%u", value) == 1;
}

static bool read_key(card_config *config, const char *key, const char *text)
{
    if (strcmp(key, "type") == 0 || strcmp(key, "hint") == 0 || strcmp(key, "comment") == 0)
        return true;
    if (strcmp(key, "channels") == 0)
        return read_range(text, &config->channels_min, &config->channels_max);
    if (strcmp(key, "rates") == 0)
        return read_range(text, &config->rate_min_hz, &config->rate_max_hz);
    if (strcmp(key, "formats") == 0)
        return read_formats(config, text);
    if (strcmp(key, "access") == 0)
        return read_access(config, text);
    if (strcmp(key, "start") == 0)
        return read_count(text, &config->start);
    if (strcmp(key, "faults") == 0)
        return read_faults(config, text);
    if (strcmp(key, "open_error") == 0)
        return read_errno(text, &config->open_error);
    if (strcmp(key, "open_errors_after") == 0)
        return read_count(text, &config->open_errors_after);
    return strcmp(key, "start_error") == 0 && read_errno(text, &config->start_error);
}

static bool read_node(card_config *config, snd_config_t *node)
{
    const char *key;
    char *text;

    if (snd_config_get_id(node, &key) < 0 || snd_config_get_ascii(node, &text) < 0)
        return false;
    const bool is_good = read_key(config, key, text);
    if (!is_good)
        SNDERR("acapcard: bad key or value: %s %s", key, text);
    free(text);
    return is_good;
}

bool card_config_read(card_config *config, snd_config_t *tree)
{
    snd_config_iterator_t i;
    snd_config_iterator_t next;

    *config = (card_config){ .channels_min = 1, .channels_max = 64, .rate_min_hz = 8000, .rate_max_hz = 384000, .start = 1 };
    if (!read_formats(config, "S16_LE S32_LE S24_3LE FLOAT_LE U8") || !read_access(config, "mmap"))
        return false;
    snd_config_for_each(i, next, tree) {
        if (!read_node(config, snd_config_iterator_entry(i)))
            return false;
    }
    return true;
}
