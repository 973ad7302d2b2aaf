/* SPDX-License-Identifier: MIT */
/* Owns: comparing a recorded file with the counting signal, sample by sample.
 * Run by: test_record.sh: check_recording FILE FORMAT CHANNELS RATE MIN_FRAMES [raw]. Says how many frames it holds.
 * Status: 0 when the file holds at least so many frames, each of them the signal's, from counter 1 on. */
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
    const bool is_raw = argument_count == 7;
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
    const int status = check(file, format, &info, atoi(arguments[5]));
    sf_close(file);
    return status;
}
