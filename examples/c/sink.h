/* SPDX-License-Identifier: MIT */
/* Owns: where captured frames go: a sound file by libsndfile, or raw samples on standard output, bit for bit.
 * Called by: take.c for the frames, record.c and fan_out.c to open and close.
 * Thread: one at a time. */
#ifndef SINK_H
#define SINK_H

#include <sndfile.h>

#include <stdbool.h>
#include <stdint.h>

typedef struct sink {
    const char *name; /* for messages */
    SNDFILE *file;    /* NULL: raw to fd */
    int fd;
    int header_fd;    /* of a WAV file whose header is to become plain, beside libsndfile's own; -1: none */
    uint32_t format; /* ACAP_FORMAT_* of the frames given to it */
    uint32_t sample_rate_hz;
    uint32_t channel_count;
    uint32_t frame_bytes;
    uint64_t frames_written;
    uint64_t next_header_frame; /* when the file's header is next brought up to date */
    char error[256];            /* why a function returned false */
} sink;

/* What the frames of a file of this name are best captured as; 0: no file type is known by that name. */
uint32_t sink_default_format(const char *path);

/* Can a file of this name hold this? channel_count and sample_rate_hz may be 0, not known yet. Touches no file. */
bool sink_check(sink *self, const char *path, uint32_t format, uint32_t sample_rate_hz, uint32_t channel_count);

/* Makes the file, over an old one. path "-": standard output. frame_limit: the most that will be written; UINT64_MAX: unknown. */
bool sink_open(sink *self, const char *path, uint32_t format, uint32_t sample_rate_hz, uint32_t channel_count, uint64_t frame_limit);

/* False: not all could be written; frames_written tells how many were. */
bool sink_write(sink *self, const void *frames, uint64_t frame_count);
bool sink_write_silence(sink *self, uint64_t frame_count);

/* Completes the file as far as it got. Once, also after a failure. */
bool sink_close(sink *self);

#endif
