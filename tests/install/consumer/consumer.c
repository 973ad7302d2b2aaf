/* SPDX-License-Identifier: MIT */
/* Owns: the proof that an installed acap can be used from C11: a simulated device is opened, advanced and drained, and every sample
 * compared with its definition in acap.h.
 * Run by: check.sh, once for each way to find and link the library; one thread. */
#include <acap/acap.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CHANNELS 2u
#define FRAMES_PER_BUFFER 480u
#define FRAMES 4800u /* ten buffers, a whole number of the device's periods */

static int fail(const char *what)
{
    fprintf(stderr, "consumer: %s: %s\n", what, acap_last_error());
    return 1;
}

/* sim:counter in S16, as acap_stream_open() documents it. */
static int16_t expected_sample(uint64_t position, uint32_t channel)
{
    const uint16_t bits = (uint16_t)((position + channel * 0x1111u) & 0xffffu);
    int16_t sample;

    memcpy(&sample, &bits, sizeof sample);
    return sample;
}

static int is_exact(const acap_buffer *buffer, uint64_t position)
{
    const int16_t *samples = buffer->data;

    if (buffer->position != position || buffer->channel_count != CHANNELS || buffer->format != ACAP_FORMAT_S16)
        return 0;
    for (uint32_t i = 0; i < buffer->frame_count; i++)
        for (uint32_t c = 0; c < CHANNELS; c++)
            if (samples[i * CHANNELS + c] != expected_sample(position + i, c))
                return 0;
    return 1;
}

static int drain(acap_reader *reader)
{
    const acap_buffer *buffer = NULL;
    uint64_t position = 0;
    acap_result result;

    while ((result = acap_reader_borrow(reader, 0, &buffer)) == ACAP_OK) {
        const int exact = is_exact(buffer, position);

        position += buffer->frame_count;
        acap_buffer_release(buffer);
        if (!exact)
            return fail("a buffer is not what was captured");
    }
    if (result != ACAP_END || position != FRAMES) {
        fprintf(stderr, "consumer: %" PRIu64 " frames of %u, then %s\n", position, FRAMES, acap_result_name(result));
        return 1;
    }
    return 0;
}

static int capture(acap_stream *stream)
{
    acap_reader_config config = ACAP_READER_CONFIG_INIT;
    acap_reader *reader = NULL;

    config.queue_buffers = 16;
    if (acap_reader_open(stream, &config, &reader) != ACAP_OK)
        return fail("reader_open");
    int failed = acap_stream_start(stream) != ACAP_OK || acap_stream_sim_advance(stream, FRAMES) != ACAP_OK
                 || acap_stream_stop(stream) != ACAP_OK;
    failed = failed ? fail("start, advance, stop") : drain(reader);
    acap_reader_close(reader);
    return failed;
}

int main(void)
{
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    acap_context *context = NULL;
    acap_stream *stream = NULL;

    if (acap_version() != ACAP_VERSION)
        return fail("header and library are of different versions");
    config.device = "sim:counter?pace=manual&period=240";
    config.channel_count = CHANNELS;
    config.format = ACAP_FORMAT_S16;
    config.frames_per_buffer = FRAMES_PER_BUFFER;
    if (acap_context_create(NULL, &context) != ACAP_OK || acap_stream_open(context, &config, &stream) != ACAP_OK)
        return fail("open");
    const int failed = capture(stream);
    acap_stream_close(stream);
    acap_context_destroy(context);
    if (!failed)
        printf("C: %u frames exact, acap %s\n", FRAMES, acap_version_string());
    return failed;
}
