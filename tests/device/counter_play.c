/* SPDX-License-Identifier: MIT */
/* Owns: the counting signal on standard output, raw and interleaved, for players of sound servers.
 * Run by: rig_pulse.sh: counter_play FORMAT CHANNELS FRAMES. */
#include "counting.h"

#include <stdio.h>
#include <stdlib.h>

static int play(uint32_t format, uint32_t channel_count, uint32_t frame_count)
{
    unsigned char sample[4];

    for (uint32_t counter = 1; counter <= frame_count; counter++) {
        for (uint32_t channel = 0; channel < channel_count; channel++) {
            counting_write(format, counter, channel, sample);
            if (fwrite(sample, counting_bytes(format), 1, stdout) != 1)
                return EXIT_FAILURE;
        }
    }
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argument_count, char **arguments)
{
    const uint32_t format = argument_count == 4 ? counting_format_of(arguments[1]) : 0;

    if (format == 0) {
        fprintf(stderr, "usage: counter_play s16|s24|s32|f32|u8 CHANNELS FRAMES\n");
        return 2;
    }
    return play(format, (uint32_t)strtoul(arguments[2], NULL, 10), (uint32_t)strtoul(arguments[3], NULL, 10));
}
