/* SPDX-License-Identifier: MIT */
/* Owns: comparing a recorded file with the counting signal, sample by sample.
 * Run by: test_record.sh, test_record_recovery.sh: check_recording FILE FORMAT CHANNELS RATE MIN_FRAMES [raw|patched]. Says how many frames
 * it holds.
 * Status: 0 when the file holds at least so many frames, each of them the signal's, from counter 1 on. "patched" is for f32 that was
 * interrupted: each frame is the signal's or digital silence, and the signal goes on, or begins again after silence. Also says how many
 * frames are the signal's, how often it began, and how many frames it skipped without silence in their place. */
#include "counting.h"

#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int subformat_of(uint32_t format)
{
    static const int subformats[] = { [ACAP_FORMAT_S16] = SF_FORMAT_PCM_16, [ACAP_FORMAT_S24] = SF_FORMAT_PCM_24,
                                      [ACAP_FORMAT_S32] = SF_FORMAT_PCM_32, [ACAP_FORMAT_F32] = SF_FORMAT_FLOAT,
                                      [ACAP_FORMAT_U8] = SF_FORMAT_PCM_U8 };

    return subformats[format];
}

/* What libsndfile makes of a sample when it is read as a 32-bit integer, or as a float: both hold every value of the format. */
static bool is_counter(SNDFILE *file, uint32_t format, uint32_t counter, uint32_t channel_count)
{
    float floats[64];
    int integers[64];
    const uint32_t bits = 8 * counting_bytes(format);
    const uint32_t sign = format == ACAP_FORMAT_U8 ? 0x80u : 0;

    if (format == ACAP_FORMAT_F32 ? sf_readf_float(file, floats, 1) != 1 : sf_readf_int(file, integers, 1) != 1)
        return false;
    for (uint32_t channel = 0; channel < channel_count; channel++) {
        const uint32_t wanted = counting_sample_bits(format, counter, channel);
        if (format == ACAP_FORMAT_F32 ? memcmp(&floats[channel], &wanted, sizeof wanted) != 0
                                      : (uint32_t)integers[channel] != (wanted ^ sign) << (32 - bits))
            return false;
    }
    return true;
}

static bool is_silence(const float *frame, uint32_t channel_count)
{
    for (uint32_t channel = 0; channel < channel_count; channel++) {
        if (frame[channel] != 0)
            return false;
    }
    return true;
}

/* The counter of a frame, or UINT32_MAX: its channels do not agree. */
static uint32_t counter_of(const float *frame, uint32_t channel_count)
{
    const uint32_t counter = counting_read(ACAP_FORMAT_F32, &frame[0]);

    for (uint32_t channel = 0; channel < channel_count; channel++) {
        if (!counting_matches(ACAP_FORMAT_F32, counter, channel, &frame[channel]))
            return UINT32_MAX;
    }
    return counter;
}

static int check_patched(SNDFILE *file, const SF_INFO *info)
{
    const uint32_t channel_count = (uint32_t)info->channels;
    float values[64];
    uint32_t last = 0;
    bool was_silent = true;
    long signal_frames = 0;
    long beginnings = 0;
    long skipped = 0;

    for (sf_count_t frame = 0; frame < info->frames; frame++) {
        if (sf_readf_float(file, values, 1) != 1)
            return EXIT_FAILURE;
        const bool is_silent = is_silence(values, channel_count);
        const uint32_t counter = is_silent ? 0 : counter_of(values, channel_count);
        if (!is_silent && (counter == UINT32_MAX || (!was_silent && counter <= last))) {
            printf("frame %ld of %ld: counter %u after %u\n", (long)frame, (long)info->frames, counter, last);
            return EXIT_FAILURE;
        }
        if (!is_silent) {
            beginnings += was_silent && counter != last + 1;
            skipped += was_silent ? 0 : (long)(counter - last - 1);
            last = counter;
        }
        was_silent = is_silent;
        signal_frames += !is_silent;
    }
    printf("frames %ld signal %ld beginnings %ld skipped %ld\n", (long)info->frames, signal_frames, beginnings, skipped);
    return EXIT_SUCCESS;
}

static int check(SNDFILE *file, uint32_t format, const SF_INFO *info, sf_count_t min_frames)
{
    if (info->frames < min_frames) {
        printf("%ld frames are fewer than %ld\n", (long)info->frames, (long)min_frames);
        return EXIT_FAILURE;
    }
    for (sf_count_t frame = 0; frame < info->frames; frame++) {
        if (!is_counter(file, format, (uint32_t)frame + 1, (uint32_t)info->channels)) {
            printf("frame %ld of %ld is not the signal's\n", (long)frame, (long)info->frames);
            return EXIT_FAILURE;
        }
    }
    printf("%ld frames\n", (long)info->frames);
    return EXIT_SUCCESS;
}

int main(int argument_count, char **arguments)
{
    const uint32_t format = argument_count >= 6 ? counting_format_of(arguments[2]) : 0;
    const char *mode = argument_count == 7 ? arguments[6] : "";
    const bool is_raw = strcmp(mode, "raw") == 0;
    SF_INFO info = { 0 };

    if (format == 0)
        return 2;
    const int channels = atoi(arguments[3]);
    const int rate_hz = atoi(arguments[4]);
    if (is_raw)
        info = (SF_INFO){ .channels = channels, .samplerate = rate_hz, .format = SF_FORMAT_RAW | subformat_of(format) };
    SNDFILE *file = sf_open(arguments[1], SFM_READ, &info);
    if (file == NULL) {
        printf("%s: %s\n", arguments[1], sf_strerror(NULL));
        return EXIT_FAILURE;
    }
    if (info.channels != channels || info.samplerate != rate_hz || (info.format & SF_FORMAT_SUBMASK) != subformat_of(format)) {
        printf("%d channels, %d Hz, format 0x%x\n", info.channels, info.samplerate, (unsigned)info.format);
        return EXIT_FAILURE;
    }
    const bool is_patched = strcmp(mode, "patched") == 0 && format == ACAP_FORMAT_F32 && info.frames >= atoi(arguments[5]);
    const int status = is_patched ? check_patched(file, &info) : check(file, format, &info, atoi(arguments[5]));
    sf_close(file);
    return status;
}
