/* SPDX-License-Identifier: MIT */
/* Owns: the truth about a recording of sim:counter, computed from the description in acap.h and not from the library's own generator.
 * Called by: the test scripts: check_counter MODE FORMAT CHANNELS FILE; FILE - is raw samples on standard input.
 * Thread: main is the only one.
 *
 * MODE exact: frame n is the counter's frame n. fill: or it is silence. cut: frames may be missing, but none is repeated or out of order.
 * any: whatever the frames are, as a lossy file has them; FORMAT is not looked at.
 * Prints figures, and ends with 1 at the first frame that breaks the rule. */
#include <sndfile.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CHANNELS 128

static const struct format {
    const char *name;
    unsigned bytes;
    unsigned bits;
    uint32_t channel_step; /* how far a channel is ahead of the one before it */
    int subtype;
} formats[] = {
    { "s16", 2, 16, 0x1111, SF_FORMAT_PCM_16 }, { "s24", 3, 24, 0x010101, SF_FORMAT_PCM_24 }, { "s32", 4, 32, 1, SF_FORMAT_PCM_32 },
    { "f32", 4, 24, 0x010101, SF_FORMAT_FLOAT }, { "u8", 1, 8, 17, SF_FORMAT_PCM_U8 },
};

typedef struct source {
    const struct format *format;
    unsigned channel_count;
    SNDFILE *file; /* NULL: raw on standard input */
    bool is_lossy;
} source;

typedef struct tally {
    uint64_t frames;
    uint64_t silent;
    uint64_t jumps;
    uint64_t missing; /* modulo 2^24, where a counter of 24 bits and more can tell */
    bool ends_silent;
} tally;

static void stop(const char *words)
{
    fprintf(stderr, "check_counter: %s\n", words);
    exit(1);
}

static uint32_t mask(const struct format *format)
{
    return format->bits == 32 ? UINT32_MAX : (UINT32_C(1) << format->bits) - 1;
}

/* A sample as the bits that the counter's description speaks of. */
static uint32_t expected(const struct format *format, uint32_t x, unsigned channel)
{
    const uint32_t start = format->bits == 32 ? x << 8 : x;

    return (start + channel * format->channel_step) & mask(format);
}

/* -2^23 is 0: exact, since every value of the counter is a whole number of 2^-23. */
static uint32_t bits_of_float(float value)
{
    const double scaled = ((double)value + 1) * 8388608.0;

    if (!(scaled >= 0 && scaled < 16777216.0) || scaled != (double)(uint32_t)scaled)
        stop("a float sample is no value of the counter");
    return (uint32_t)scaled;
}

static uint32_t bits_of_int(const struct format *format, int value)
{
    const uint32_t bits = (uint32_t)value >> (32 - format->bits);

    return format->bits == 8 ? bits ^ 0x80u : bits;
}

static bool read_file_frame(const source *self, uint32_t *bits)
{
    int ints[MAX_CHANNELS];
    float floats[MAX_CHANNELS];
    const bool is_float = self->format->subtype == SF_FORMAT_FLOAT;
    const sf_count_t count = is_float ? sf_readf_float(self->file, floats, 1) : sf_readf_int(self->file, ints, 1);

    for (unsigned c = 0; count == 1 && !self->is_lossy && c < self->channel_count; c++)
        bits[c] = is_float ? bits_of_float(floats[c]) : bits_of_int(self->format, ints[c]);
    return count == 1;
}

static uint32_t bits_of_bytes(const struct format *format, const unsigned char *bytes)
{
    uint16_t two;
    uint32_t four = 0;
    float real;

    switch (format->bytes) {
    case 1:
        return bytes[0];
    case 2:
        memcpy(&two, bytes, sizeof(two));
        return two;
    case 3:
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        return (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];
#else
        return (uint32_t)bytes[2] << 16 | (uint32_t)bytes[1] << 8 | bytes[0];
#endif
    default:
        memcpy(&four, bytes, sizeof(four));
        memcpy(&real, bytes, sizeof(real));
        return format->subtype == SF_FORMAT_FLOAT ? bits_of_float(real) : four;
    }
}

static bool read_raw_frame(const source *self, uint32_t *bits)
{
    unsigned char bytes[MAX_CHANNELS * 4];
    const size_t size = (size_t)self->channel_count * self->format->bytes;
    const size_t count = fread(bytes, 1, size, stdin);

    if (count != 0 && count != size)
        stop("the last frame is cut");
    for (unsigned c = 0; count == size && c < self->channel_count; c++)
        bits[c] = bits_of_bytes(self->format, bytes + c * self->format->bytes);
    return count == size;
}

static bool read_frame(const source *self, uint32_t *bits)
{
    return self->file != NULL ? read_file_frame(self, bits) : read_raw_frame(self, bits);
}

static bool is_counter(const source *self, const uint32_t *bits, uint32_t x)
{
    for (unsigned c = 0; c < self->channel_count; c++) {
        if (bits[c] != expected(self->format, x, c))
            return false;
    }
    return true;
}

static bool is_silence(const source *self, const uint32_t *bits)
{
    const bool is_middle = self->format->subtype == SF_FORMAT_FLOAT || self->format->subtype == SF_FORMAT_PCM_U8;
    const uint32_t zero = is_middle ? UINT32_C(1) << (self->format->bits - 1) : 0;

    for (unsigned c = 0; c < self->channel_count; c++) {
        if (bits[c] != zero)
            return false;
    }
    return true;
}

/* The jump ahead to a frame that is not the next one. */
static uint32_t find_jump(const source *self, const uint32_t *bits, uint32_t x)
{
    const uint32_t found = self->format->bits == 32 ? bits[0] >> 8 : bits[0];
    const uint32_t range = self->format->bits >= 24 ? 0xffffffu : mask(self->format);
    const uint32_t jump = (found - x) & range;

    if (jump == 0 || !is_counter(self, bits, x + jump))
        stop("a frame is no frame of the counter");
    return jump;
}

static tally check(const source *self, const char *mode)
{
    uint32_t bits[MAX_CHANNELS];
    uint32_t x = 0;
    tally seen = { 0 };

    for (; read_frame(self, bits); seen.frames++, x++) {
        seen.ends_silent = false;
        if (strcmp(mode, "any") == 0 || is_counter(self, bits, x))
            continue;
        if (strcmp(mode, "fill") == 0 && is_silence(self, bits)) {
            seen.silent++;
            seen.ends_silent = true;
        } else if (strcmp(mode, "cut") == 0) {
            const uint32_t jump = find_jump(self, bits, x);

            seen.jumps++;
            seen.missing += jump;
            x += jump;
        } else {
            fprintf(stderr, "check_counter: frame %" PRIu64 " is wrong\n", seen.frames);
            exit(1);
        }
    }
    return seen;
}

static void open_source(source *self, const char *format, const char *channels, const char *path)
{
    SF_INFO info = { 0 };

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (strcmp(format, formats[i].name) == 0)
            self->format = &formats[i];
    }
    self->channel_count = (unsigned)strtoul(channels, NULL, 10);
    if (self->format == NULL || self->channel_count == 0 || self->channel_count > MAX_CHANNELS)
        stop("unknown format or channels");
    if (strcmp(path, "-") == 0)
        return;
    self->file = sf_open(path, SFM_READ, &info);
    if (self->file == NULL)
        stop(sf_strerror(NULL));
    if ((!self->is_lossy && (info.format & SF_FORMAT_SUBMASK) != self->format->subtype) || info.channels != (int)self->channel_count)
        stop("the file has another format or other channels");
    printf("rate %d header %lld ", info.samplerate, (long long)info.frames);
}

int main(int argc, char **argv)
{
    source self = { 0 };

    if (argc != 5) {
        fputs("check_counter exact|fill|cut|any FORMAT CHANNELS FILE\n", stderr);
        return 2;
    }
    self.is_lossy = strcmp(argv[1], "any") == 0;
    open_source(&self, argv[2], argv[3], argv[4]);
    const tally seen = check(&self, argv[1]);

    printf("frames %" PRIu64 " silent %" PRIu64 " jumps %" PRIu64 " missing %" PRIu64 " end %s\n", seen.frames, seen.silent, seen.jumps,
           seen.missing, seen.ends_silent ? "silence" : "sound");
    if (self.file != NULL)
        sf_close(self.file);
    return 0;
}
