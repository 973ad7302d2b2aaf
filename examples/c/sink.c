/* SPDX-License-Identifier: MIT */
/* Owns: where captured frames go: a sound file by libsndfile, or raw samples on standard output, bit for bit.
 * Called by: take.c for the frames, record.c and fan_out.c to open and close.
 * Thread: one at a time. */
#define _POSIX_C_SOURCE 200809L

#include "sink.h"

#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* A WAV file counts its bytes in 32 bits, the header's among them. */
#define WAV_DATA_BYTES_MAX (UINT32_MAX - 65536u)

/* Samples widened or silenced at a time: several frames of even the widest stream. */
#define BLOCK_SAMPLES 4096u

/* Rows are file types, columns what they store for each acap format; 0: cannot. */
static const struct {
    const char *suffix;
    int container;
    uint32_t default_format;
    int subtype[ACAP_FORMAT_U8 + 1];
} types[] = {
    { ".wav", SF_FORMAT_WAV, ACAP_FORMAT_S16,
      { [ACAP_FORMAT_S16] = SF_FORMAT_PCM_16, [ACAP_FORMAT_S24] = SF_FORMAT_PCM_24, [ACAP_FORMAT_S32] = SF_FORMAT_PCM_32,
        [ACAP_FORMAT_F32] = SF_FORMAT_FLOAT, [ACAP_FORMAT_U8] = SF_FORMAT_PCM_U8 } },
    { ".flac", SF_FORMAT_FLAC, ACAP_FORMAT_S16,
      { [ACAP_FORMAT_S16] = SF_FORMAT_PCM_16, [ACAP_FORMAT_S24] = SF_FORMAT_PCM_24 } },
    { ".ogg", SF_FORMAT_OGG, ACAP_FORMAT_F32,
      { [ACAP_FORMAT_S16] = SF_FORMAT_VORBIS, [ACAP_FORMAT_S24] = SF_FORMAT_VORBIS, [ACAP_FORMAT_S32] = SF_FORMAT_VORBIS,
        [ACAP_FORMAT_F32] = SF_FORMAT_VORBIS, [ACAP_FORMAT_U8] = SF_FORMAT_VORBIS } },
};

#define TYPE_COUNT (sizeof(types) / sizeof(types[0]))

static bool is_raw(const char *path)
{
    return strcmp(path, "-") == 0;
}

/* The row of types, or TYPE_COUNT. */
static size_t find_type(const char *path)
{
    const char *suffix = strrchr(path, '.');
    size_t i = 0;

    while (i < TYPE_COUNT && (suffix == NULL || strcasecmp(suffix, types[i].suffix) != 0))
        i++;
    return i;
}

uint32_t sink_default_format(const char *path)
{
    const size_t type = find_type(path);

    return is_raw(path) ? ACAP_FORMAT_S16 : type < TYPE_COUNT ? types[type].default_format : 0;
}

static SF_INFO file_info(size_t type, uint32_t format, uint32_t sample_rate_hz, uint32_t channel_count)
{
    SF_INFO info = { 0 };

    info.samplerate = (int)(sample_rate_hz != 0 ? sample_rate_hz : 48000);
    info.channels = (int)(channel_count != 0 ? channel_count : 1);
    info.format = types[type].container | types[type].subtype[format];
    return info;
}

bool sink_check(sink *self, const char *path, uint32_t format, uint32_t sample_rate_hz, uint32_t channel_count)
{
    const size_t type = find_type(path);

    if (is_raw(path))
        return true;
    if (type == TYPE_COUNT) {
        snprintf(self->error, sizeof(self->error), "the name must end in .wav, .flac or .ogg, or be - for raw samples");
        return false;
    }
    if (types[type].subtype[format] == 0) {
        snprintf(self->error, sizeof(self->error), "a %s file cannot hold %s samples", types[type].suffix, cli_format_name(format));
        return false;
    }
    const SF_INFO info = file_info(type, format, sample_rate_hz, channel_count);

    if (!sf_format_check(&info)) {
        snprintf(self->error, sizeof(self->error), "a %s file cannot hold %d channels at %d Hz", types[type].suffix, info.channels,
                 info.samplerate);
        return false;
    }
    return true;
}

/* The system's own word where there is one: libsndfile's depends on the file type, and -1 is none that it can put in words. */
static void note_file_error(sink *self, int system_error, int code)
{
    const char *text = system_error != 0 ? strerror(system_error) : code > 0 ? sf_error_number(code) : "the file cannot be written";

    if (self->error[0] == '\0')
        snprintf(self->error, sizeof(self->error), "%s", text);
}

/* ---- A plain header for a WAV file with room to become RF64 ---- */

#define HEADER_BYTES 92
#define FORMAT_AT 44 /* behind RIFF and the chunk that would become ds64 */
#define CHUNK_HEAD_BYTES 8
#define PLAIN_BYTES 16

/* Such a file gets an extensible format chunk from libsndfile, which simple readers refuse. Where that says no more than a plain one does,
   it becomes one in place, of 16 bytes instead of 40, and a chunk to skip over of the 24 that are left. When the file outgrows RIFF,
   libsndfile writes the whole header anew, and that is left as it is. */
static void simplify_header(const sink *self)
{
    static const unsigned char extensible[] = { 'f', 'm', 't', ' ', 40, 0, 0, 0, 0xfe, 0xff };
    static const unsigned char guid_tail[] = { 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71 };
    static const unsigned char filler[] = { 'J', 'U', 'N', 'K', 40 - PLAIN_BYTES - CHUNK_HEAD_BYTES, 0, 0, 0 };
    unsigned char header[HEADER_BYTES];
    unsigned char *chunk = header + FORMAT_AT;
    unsigned char *left = chunk + CHUNK_HEAD_BYTES + PLAIN_BYTES;
    unsigned char *guid = left + 8;

    if (self->header_fd < 0 || pread(self->header_fd, header, sizeof(header), 0) != (ssize_t)sizeof(header))
        return;
    if (memcmp(header, "RIFF", 4) != 0 || memcmp(chunk, extensible, sizeof(extensible)) != 0
        || memcmp(guid + 2, guid_tail, sizeof(guid_tail)) != 0)
        return;
    chunk[4] = PLAIN_BYTES;
    memcpy(chunk + CHUNK_HEAD_BYTES, guid, 2); /* the format's tag */
    memcpy(left, filler, sizeof(filler));
    memset(left + sizeof(filler), 0, (size_t)(header + sizeof(header) - left) - sizeof(filler));
    /* Without it the file is whole, too. */
    const ssize_t written = pwrite(self->header_fd, chunk, sizeof(header) - FORMAT_AT, FORMAT_AT);

    (void)written;
}

/* More than two channels need to say which is which. */
static int open_header(const sink *self, const char *path)
{
    struct stat status;
    const int fd = self->channel_count <= 2 ? open(path, O_RDWR | O_CLOEXEC) : -1;

    if (fd < 0 || (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)))
        return fd;
    close(fd);
    return -1;
}

/* ---- Opening and writing ---- */

/* A WAV file that may grow too large is one that becomes RF64 if it does. */
static bool open_file(sink *self, const char *path, uint64_t frame_limit)
{
    SF_INFO info = file_info(find_type(path), self->format, self->sample_rate_hz, self->channel_count);
    const bool is_wav = (info.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_WAV;

    const bool may_grow_large = is_wav && frame_limit > WAV_DATA_BYTES_MAX / self->frame_bytes;

    if (may_grow_large)
        info.format = SF_FORMAT_RF64 | (info.format & SF_FORMAT_SUBMASK);
    errno = 0;
    self->file = sf_open(path, SFM_WRITE, &info);
    if (self->file == NULL) {
        note_file_error(self, errno, sf_error(NULL));
        return false;
    }
    sf_command(self->file, SFC_RF64_AUTO_DOWNGRADE, NULL, SF_TRUE); /* means nothing to the other types */
    self->next_header_frame = is_wav ? self->sample_rate_hz : UINT64_MAX;
    self->header_fd = may_grow_large ? open_header(self, path) : -1;
    return true;
}

bool sink_open(sink *self, const char *path, uint32_t format, uint32_t sample_rate_hz, uint32_t channel_count, uint64_t frame_limit)
{
    memset(self, 0, sizeof(*self));
    self->name = is_raw(path) ? "standard output" : path;
    self->fd = STDOUT_FILENO;
    self->header_fd = -1;
    self->format = format;
    self->sample_rate_hz = sample_rate_hz;
    self->channel_count = channel_count;
    self->frame_bytes = acap_format_bytes(format) * channel_count;
    if (!sink_check(self, path, format, sample_rate_hz, channel_count))
        return false;
    return is_raw(path) || open_file(self, path, frame_limit);
}

static bool write_raw(sink *self, const unsigned char *bytes, uint64_t frame_count)
{
    const size_t size = (size_t)(frame_count * self->frame_bytes);
    size_t done = 0;

    while (done < size) {
        const ssize_t count = write(self->fd, bytes + done, size - done);

        if (count < 0 && errno != EINTR) {
            snprintf(self->error, sizeof(self->error), "%s", strerror(errno));
            break;
        }
        done += count > 0 ? (size_t)count : 0;
    }
    self->frames_written += done / self->frame_bytes;
    return done == size;
}

/* Left-justified, as libsndfile takes them: it shifts them back without a loss. */
static void widen(const sink *self, const unsigned char *bytes, uint32_t *wide, size_t sample_count)
{
    for (size_t i = 0; i < sample_count; i++) {
        if (self->format == ACAP_FORMAT_U8) {
            wide[i] = (uint32_t)(bytes[i] ^ 0x80u) << 24;
            continue;
        }
        const unsigned char *sample = bytes + 3 * i;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        wide[i] = (uint32_t)sample[0] << 24 | (uint32_t)sample[1] << 16 | (uint32_t)sample[2] << 8;
#else
        wide[i] = (uint32_t)sample[2] << 24 | (uint32_t)sample[1] << 16 | (uint32_t)sample[0] << 8;
#endif
    }
}

static sf_count_t write_widened(sink *self, const unsigned char *bytes, uint64_t frame_count)
{
    const uint64_t block_frames = BLOCK_SAMPLES / self->channel_count;
    uint32_t wide[BLOCK_SAMPLES];
    uint64_t done = 0;

    while (done < frame_count) {
        const uint64_t count = frame_count - done < block_frames ? frame_count - done : block_frames;

        widen(self, bytes + done * self->frame_bytes, wide, (size_t)count * self->channel_count);
        const sf_count_t written = sf_writef_int(self->file, (const int *)wide, (sf_count_t)count);

        done += (uint64_t)written;
        if ((uint64_t)written < count)
            break;
    }
    return (sf_count_t)done;
}

static sf_count_t write_to_file(sink *self, const void *frames, sf_count_t frame_count)
{
    switch (self->format) {
    case ACAP_FORMAT_S16:
        return sf_writef_short(self->file, frames, frame_count);
    case ACAP_FORMAT_S32:
        return sf_writef_int(self->file, frames, frame_count);
    case ACAP_FORMAT_F32:
        return sf_writef_float(self->file, frames, frame_count);
    default:
        return write_widened(self, frames, (uint64_t)frame_count);
    }
}

/* A WAV file that is never closed, because the power fails, then still plays but for its last second. The other types need no header
   for that, and libsndfile would begin them anew. */
static void update_header(sink *self)
{
    sf_command(self->file, SFC_UPDATE_HEADER_NOW, NULL, 0);
    simplify_header(self);
    self->next_header_frame = self->frames_written + self->sample_rate_hz;
}

bool sink_write(sink *self, const void *frames, uint64_t frame_count)
{
    if (self->file == NULL)
        return write_raw(self, frames, frame_count);
    errno = 0;
    const sf_count_t written = write_to_file(self, frames, (sf_count_t)frame_count);
    const int system_error = errno;
    const int code = sf_error(self->file);

    self->frames_written += (uint64_t)written;
    if ((uint64_t)written < frame_count || code != SF_ERR_NO_ERROR) {
        note_file_error(self, system_error, code);
        return false;
    }
    if (self->frames_written >= self->next_header_frame)
        update_header(self);
    return true;
}

bool sink_write_silence(sink *self, uint64_t frame_count)
{
    unsigned char block[BLOCK_SAMPLES * sizeof(float)];
    const uint64_t block_frames = sizeof(block) / self->frame_bytes;

    memset(block, self->format == ACAP_FORMAT_U8 ? 0x80 : 0, sizeof(block));
    while (frame_count > 0) {
        const uint64_t count = frame_count < block_frames ? frame_count : block_frames;

        if (!sink_write(self, block, count))
            return false;
        frame_count -= count;
    }
    return true;
}

/* For FLAC sf_close() keeps it to itself that the last block could not be written, but errno tells. */
static bool is_write_error(int system_error)
{
    return system_error == ENOSPC || system_error == EFBIG || system_error == EDQUOT || system_error == EIO;
}

bool sink_close(sink *self)
{
    if (self->file == NULL)
        return true;
    errno = 0;
    const int code = sf_close(self->file);
    const int system_error = errno;

    self->file = NULL;
    simplify_header(self);
    if (self->header_fd >= 0)
        close(self->header_fd);
    if (code == SF_ERR_NO_ERROR && !is_write_error(system_error))
        return true;
    note_file_error(self, system_error, code);
    return false;
}
