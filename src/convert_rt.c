/* SPDX-License-Identifier: MIT */
/* Owns: the one copy of a sample: conversion between the five formats, interleaving and de-interleaving; and the test for silence.
 * Used by: ingest_rt.c.
 * Thread: the audio thread. Nothing here calls anything but copies, or rounds as the thread's floating point mode says, but S32 to F32. */
#include "convert.h"

#include "copy.h"

#include <string.h>

/* Constant arguments have to reach the loops, or nothing is vectorized. */
#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

#if defined(__BYTE_ORDER__) && defined(__ORDER_BIG_ENDIAN__)
#define IS_BIG_ENDIAN (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
#else
#define IS_BIG_ENDIAN 0
#endif

/* W24 is not a format of the API: 24 bits in an int32_t, half-way from or to S24. */
enum {
    FORMAT_S16 = ACAP_FORMAT_S16,
    FORMAT_S24 = ACAP_FORMAT_S24,
    FORMAT_S32 = ACAP_FORMAT_S32,
    FORMAT_F32 = ACAP_FORMAT_F32,
    FORMAT_U8 = ACAP_FORMAT_U8,
    FORMAT_W24,
    FORMAT_COUNT
};
enum { BYTES_U8 = 1, BYTES_S16 = 2, BYTES_S24 = 3, BYTES_W24 = 4, BYTES_S32 = 4, BYTES_F32 = 4, BYTES_MAX = 4 };
enum { BITS_U8 = 8, BITS_S16 = 16, BITS_W24 = 24, BITS_S32 = 32, BITS_F32 = 0 };

enum {
    STAGE_SAMPLES = 256, /* of W24, between the two steps of a conversion from or to S24 */
    BLOCK_BYTES = 8192,  /* of frames that are rearranged at a time, so that they stay in the first-level cache */
    AT_ONCE_MAX = 4,     /* channels that are interleaved or de-interleaved in one loop */
    PROBE_COUNT = 8,     /* looks at a run before all of it is read */
    SCAN_BYTES = 512     /* read between two decisions */
};
_Static_assert(BLOCK_BYTES / (BYTES_MAX * ACAP_MAX_CHANNELS) > 0, "a block holds a frame");

static const uint8_t sample_bytes[FORMAT_COUNT] = {
    [FORMAT_S16] = BYTES_S16,
    [FORMAT_S24] = BYTES_S24,
    [FORMAT_S32] = BYTES_S32,
    [FORMAT_F32] = BYTES_F32,
    [FORMAT_U8] = BYTES_U8,
};

/* ---- One sample: load and store, at any alignment -------------------------------------------------------------------------------- */

INLINE int32_t load_U8(const unsigned char *at)
{
    return *at - 128;
}

INLINE int32_t load_S16(const unsigned char *at)
{
    int16_t sample;

    memcpy(&sample, at, sizeof sample);
    return sample;
}

INLINE int32_t load_S32(const unsigned char *at)
{
    int32_t sample;

    memcpy(&sample, at, sizeof sample);
    return sample;
}

INLINE int32_t load_W24(const unsigned char *at)
{
    return load_S32(at);
}

INLINE float load_F32(const unsigned char *at)
{
    float sample;

    memcpy(&sample, at, sizeof sample);
    return sample;
}

INLINE void store_U8(unsigned char *at, int32_t sample)
{
    *at = (unsigned char)(sample + 128);
}

INLINE void store_S16(unsigned char *at, int32_t sample)
{
    const int16_t narrow = (int16_t)sample;

    memcpy(at, &narrow, sizeof narrow);
}

INLINE void store_S32(unsigned char *at, int32_t sample)
{
    memcpy(at, &sample, sizeof sample);
}

INLINE void store_W24(unsigned char *at, int32_t sample)
{
    store_S32(at, sample);
}

INLINE void store_F32(unsigned char *at, float sample)
{
    memcpy(at, &sample, sizeof sample);
}

/* ---- One sample: conversion. Every rounding is to nearest, halves upwards: floor(x + 1/2) ---------------------------------------- */

INLINE int32_t highest(int bits)
{
    return (int32_t)((UINT32_C(1) << (bits - 1)) - 1);
}

/* Integer to integer. */
INLINE int32_t resize(int32_t sample, int from_bits, int to_bits)
{
    if (to_bits >= from_bits)
        return sample * (int32_t)(UINT32_C(1) << (to_bits - from_bits));

    const int32_t rounded = ((sample >> (from_bits - to_bits - 1)) + 1) >> 1; /* one after the other: sample + half could overflow */

    return rounded < highest(to_bits) ? rounded : highest(to_bits);
}

/* Integer to float: exact up to 24 bits. */
INLINE float to_float(int32_t sample, int from_bits, int to_bits)
{
    (void)to_bits;
    return (float)sample * (1.0f / (float)(UINT32_C(1) << (from_bits - 1)));
}

/* Float to integer. Every step is exact, so that neither a library call nor the rounding mode is needed. Masks instead of conditions and
   bit patterns instead of floats, since gcc vectorizes nothing that may trap under a condition (measured: 2 to 4 times slower). */
INLINE int32_t from_float(float sample, int from_bits, int to_bits)
{
    const int32_t bits_of_one = 0x3f800000;
    const int32_t bits_of_infinity = 0x7f800000;
    int32_t bits;

    (void)from_bits;
    memcpy(&bits, &sample, sizeof bits);
    const int32_t magnitude = bits & INT32_MAX;
    const int32_t inside = -(magnitude < bits_of_one);
    const int32_t number = -(magnitude <= bits_of_infinity);
    const int32_t limit = ((bits >> 31) ^ highest(to_bits)) & number & ~inside; /* 0 where inside, and for NaN */
    bits &= inside;
    memcpy(&sample, &bits, sizeof bits);

    const float scaled = sample * (float)(UINT32_C(1) << (to_bits - 1));
    const int32_t whole = (int32_t)scaled;
    const float rest = scaled - (float)whole;
    const int32_t rounded = whole + (rest >= 0.5f) - (rest < -0.5f);

    return limit | (rounded - (rounded > highest(to_bits)));
}

/* ---- Runs of samples: a function for each pair of formats ------------------------------------------------------------------------- */

/* Each is declared by this type first, which says that it may run on the audio thread. */
typedef void convert_fn(unsigned char *restrict target, const unsigned char *restrict source, size_t sample_count) ACAP__NONBLOCKING;

/* Packing apart, all pairs of two different formats. */
#define PAIRS(X)                                                                                                                         \
    X(U8, S16, resize) X(U8, W24, resize) X(U8, S32, resize) X(U8, F32, to_float)                                                        \
    X(S16, U8, resize) X(S16, W24, resize) X(S16, S32, resize) X(S16, F32, to_float)                                                     \
    X(W24, U8, resize) X(W24, S16, resize) X(W24, S32, resize) X(W24, F32, to_float)                                                     \
    X(S32, U8, resize) X(S32, S16, resize) X(S32, W24, resize) X(S32, F32, to_float)                                                     \
    X(F32, U8, from_float) X(F32, S16, from_float) X(F32, W24, from_float) X(F32, S32, from_float)

#define DEFINE_CONVERTER(FROM, TO, how)                                                                                                  \
    static convert_fn FROM##_to_##TO;                                                                                                    \
    static void FROM##_to_##TO(unsigned char *restrict target, const unsigned char *restrict source, size_t sample_count)                \
    {                                                                                                                                    \
        for (size_t i = 0; i < sample_count; i++)                                                                                        \
            store_##TO(target + i * BYTES_##TO, how(load_##FROM(source + i * BYTES_##FROM), BITS_##FROM, BITS_##TO));                    \
    }
PAIRS(DEFINE_CONVERTER)

static convert_fn S24_to_W24;
static convert_fn W24_to_S24;

/* Four bytes at a time, of which three count: the fourth is the next sample's, so that the last sample is done alone. */
static void S24_to_W24(unsigned char *restrict target, const unsigned char *restrict source, size_t sample_count)
{
    const size_t last = sample_count - 1;
    uint32_t word = 0;

    for (size_t i = 0; i < last; i++) {
        memcpy(&word, source + i * BYTES_S24, sizeof word);
        store_W24(target + i * BYTES_W24, (int32_t)(IS_BIG_ENDIAN ? word : word << 8) >> 8);
    }
    memcpy(&word, source + last * BYTES_S24, BYTES_S24);
    store_W24(target + last * BYTES_W24, (int32_t)(IS_BIG_ENDIAN ? word : word << 8) >> 8);
}

static void W24_to_S24(unsigned char *restrict target, const unsigned char *restrict source, size_t sample_count)
{
    const size_t last = sample_count - 1;
    uint32_t word;

    for (size_t i = 0; i < last; i++) {
        word = (uint32_t)load_W24(source + i * BYTES_W24) << (IS_BIG_ENDIAN ? 8 : 0);
        memcpy(target + i * BYTES_S24, &word, sizeof word);
    }
    word = (uint32_t)load_W24(source + last * BYTES_W24) << (IS_BIG_ENDIAN ? 8 : 0);
    memcpy(target + last * BYTES_S24, &word, BYTES_S24);
}

#define CONVERTER_ENTRY(FROM, TO, how) [FORMAT_##FROM][FORMAT_##TO] = FROM##_to_##TO,
static convert_fn *const converters[FORMAT_COUNT][FORMAT_COUNT] = {
    PAIRS(CONVERTER_ENTRY) CONVERTER_ENTRY(S24, W24, packing) CONVERTER_ENTRY(W24, S24, packing)
};

/* From or to S24: the arithmetic is vectorized only apart from the packing (measured: up to 3 times faster). */
static void convert_by_w24(unsigned char *target, uint32_t target_format, const unsigned char *source, uint32_t source_format,
                           size_t sample_count)
{
    unsigned char stage[STAGE_SAMPLES * BYTES_W24];

    while (sample_count > 0) {
        const size_t count = sample_count < STAGE_SAMPLES ? sample_count : STAGE_SAMPLES;

        converters[source_format][FORMAT_W24](stage, source, count);
        converters[FORMAT_W24][target_format](target, stage, count);
        target += count * sample_bytes[target_format];
        source += count * sample_bytes[source_format];
        sample_count -= count;
    }
}

static void convert_run(unsigned char *target, uint32_t target_format, const unsigned char *source, uint32_t source_format,
                        size_t sample_count)
{
    if (source_format == target_format)
        acap__copy(target, source, sample_count * sample_bytes[target_format]);
    else if (source_format == FORMAT_S24 || target_format == FORMAT_S24)
        convert_by_w24(target, target_format, source, source_format, sample_count);
    else
        converters[source_format][target_format](target, source, sample_count);
}

/* ---- Where a sample lies --------------------------------------------------------------------------------------------------------- */

static const unsigned char *source_at(const acap__source *source, uint32_t frame, uint32_t channel, uint32_t channel_count)
{
    const size_t bytes = sample_bytes[source->format];

    if (source->planes)
        return (const unsigned char *)source->planes[channel] + frame * bytes;
    return (const unsigned char *)source->frames + ((size_t)frame * channel_count + channel) * bytes;
}

static unsigned char *target_at(const acap__target *target, uint32_t frame, uint32_t channel, uint32_t channel_count)
{
    const size_t bytes = sample_bytes[target->format];

    if (target->plane_stride_bytes)
        return (unsigned char *)target->data + (size_t)channel * target->plane_stride_bytes + frame * bytes;
    return (unsigned char *)target->data + ((size_t)frame * channel_count + channel) * bytes;
}

/* ---- Interleaving and de-interleaving of one format ------------------------------------------------------------------------------ */

/* From frames into the planes that begin at plane, stride_bytes apart: one, two or four channels at once. */
typedef void split_fn(unsigned char *plane, size_t stride_bytes, const unsigned char *frames, size_t frame_bytes, size_t frame_count)
    ACAP__NONBLOCKING;

/* From offset_bytes on in one, two or four planes into frames. */
typedef void merge_fn(unsigned char *frames, size_t frame_bytes, const void *const *planes, size_t offset_bytes, size_t frame_count)
    ACAP__NONBLOCKING;

INLINE void split_1(unsigned char *restrict plane, const unsigned char *restrict frames, size_t frame_bytes, size_t bytes,
                    size_t frame_count)
{
    for (size_t i = 0; i < frame_count; i++)
        memcpy(plane + i * bytes, frames + i * frame_bytes, bytes);
}

INLINE void split_2(unsigned char *restrict plane_0, unsigned char *restrict plane_1, const unsigned char *restrict frames,
                    size_t frame_bytes, size_t bytes, size_t frame_count)
{
    for (size_t i = 0; i < frame_count; i++) {
        memcpy(plane_0 + i * bytes, frames + i * frame_bytes, bytes);
        memcpy(plane_1 + i * bytes, frames + i * frame_bytes + bytes, bytes);
    }
}

INLINE void split_4(unsigned char *restrict plane_0, unsigned char *restrict plane_1, unsigned char *restrict plane_2,
                    unsigned char *restrict plane_3, const unsigned char *restrict frames, size_t frame_bytes, size_t bytes,
                    size_t frame_count)
{
    for (size_t i = 0; i < frame_count; i++) {
        memcpy(plane_0 + i * bytes, frames + i * frame_bytes, bytes);
        memcpy(plane_1 + i * bytes, frames + i * frame_bytes + bytes, bytes);
        memcpy(plane_2 + i * bytes, frames + i * frame_bytes + 2 * bytes, bytes);
        memcpy(plane_3 + i * bytes, frames + i * frame_bytes + 3 * bytes, bytes);
    }
}

INLINE void merge_1(unsigned char *restrict frames, size_t frame_bytes, const unsigned char *restrict plane, size_t bytes,
                    size_t frame_count)
{
    for (size_t i = 0; i < frame_count; i++)
        memcpy(frames + i * frame_bytes, plane + i * bytes, bytes);
}

INLINE void merge_2(unsigned char *restrict frames, size_t frame_bytes, const unsigned char *restrict plane_0,
                    const unsigned char *restrict plane_1, size_t bytes, size_t frame_count)
{
    for (size_t i = 0; i < frame_count; i++) {
        memcpy(frames + i * frame_bytes, plane_0 + i * bytes, bytes);
        memcpy(frames + i * frame_bytes + bytes, plane_1 + i * bytes, bytes);
    }
}

INLINE void merge_4(unsigned char *restrict frames, size_t frame_bytes, const unsigned char *restrict plane_0,
                    const unsigned char *restrict plane_1, const unsigned char *restrict plane_2, const unsigned char *restrict plane_3,
                    size_t bytes, size_t frame_count)
{
    for (size_t i = 0; i < frame_count; i++) {
        memcpy(frames + i * frame_bytes, plane_0 + i * bytes, bytes);
        memcpy(frames + i * frame_bytes + bytes, plane_1 + i * bytes, bytes);
        memcpy(frames + i * frame_bytes + 2 * bytes, plane_2 + i * bytes, bytes);
        memcpy(frames + i * frame_bytes + 3 * bytes, plane_3 + i * bytes, bytes);
    }
}

#define SPLIT_PLANES_1 plane
#define SPLIT_PLANES_2 plane, plane + stride_bytes
#define SPLIT_PLANES_4 plane, plane + stride_bytes, plane + 2 * stride_bytes, plane + 3 * stride_bytes
#define MERGE_PLANE(index) (const unsigned char *)planes[index] + offset_bytes
#define MERGE_PLANES_1 MERGE_PLANE(0)
#define MERGE_PLANES_2 MERGE_PLANE(0), MERGE_PLANE(1)
#define MERGE_PLANES_4 MERGE_PLANE(0), MERGE_PLANE(1), MERGE_PLANE(2), MERGE_PLANE(3)

#define DEFINE_MOVES(count, bytes, step)                                                                                                 \
    static split_fn split_##count##x##bytes;                                                                                             \
    static merge_fn merge_##count##x##bytes;                                                                                             \
    static void split_##count##x##bytes(unsigned char *plane, size_t stride_bytes, const unsigned char *frames, size_t frame_bytes,      \
                                        size_t frame_count)                                                                              \
    {                                                                                                                                    \
        (void)stride_bytes;                                                                                                              \
        (void)frame_bytes;                                                                                                               \
        split_##count(SPLIT_PLANES_##count, frames, step, bytes, frame_count);                                                           \
    }                                                                                                                                    \
    static void merge_##count##x##bytes(unsigned char *frames, size_t frame_bytes, const void *const *planes, size_t offset_bytes,       \
                                        size_t frame_count)                                                                              \
    {                                                                                                                                    \
        (void)frame_bytes;                                                                                                               \
        merge_##count(frames, step, MERGE_PLANES_##count, bytes, frame_count);                                                           \
    }

/* Two at once only where a frame has no more: the constant step lets it be vectorized (measured: 4 to 20 times faster). Four at once take
   about half as long as one by one, but for three bytes, where nothing is gained. */
DEFINE_MOVES(1, 1, frame_bytes)
DEFINE_MOVES(1, 2, frame_bytes)
DEFINE_MOVES(1, 3, frame_bytes)
DEFINE_MOVES(1, 4, frame_bytes)
DEFINE_MOVES(2, 1, 2)
DEFINE_MOVES(2, 2, 4)
DEFINE_MOVES(2, 4, 8)
DEFINE_MOVES(4, 1, frame_bytes)
DEFINE_MOVES(4, 2, frame_bytes)
DEFINE_MOVES(4, 4, frame_bytes)

/* By channels at once and bytes of a sample. */
static split_fn *const splits[AT_ONCE_MAX + 1][BYTES_MAX + 1] = {
    [1] = { [1] = split_1x1, [2] = split_1x2, [3] = split_1x3, [4] = split_1x4 },
    [2] = { [1] = split_2x1, [2] = split_2x2, [4] = split_2x4 },
    [4] = { [1] = split_4x1, [2] = split_4x2, [4] = split_4x4 },
};
static merge_fn *const merges[AT_ONCE_MAX + 1][BYTES_MAX + 1] = {
    [1] = { [1] = merge_1x1, [2] = merge_1x2, [3] = merge_1x3, [4] = merge_1x4 },
    [2] = { [1] = merge_2x1, [2] = merge_2x2, [4] = merge_2x4 },
    [4] = { [1] = merge_4x1, [2] = merge_4x2, [4] = merge_4x4 },
};

static uint32_t channels_at_once(uint32_t channel_count, uint32_t channels_left, uint32_t bytes)
{
    if (bytes == BYTES_S24)
        return 1;
    if (channel_count == 2)
        return 2;
    return channels_left < AT_ONCE_MAX ? 1 : AT_ONCE_MAX;
}

static void deinterleave(const acap__target *target, uint32_t target_frame, const unsigned char *frames, uint32_t channel_count,
                         uint32_t frame_count)
{
    const uint32_t bytes = sample_bytes[target->format];
    const size_t stride_bytes = target->plane_stride_bytes;
    unsigned char *plane = target_at(target, target_frame, 0, channel_count);
    uint32_t count = 0;

    for (uint32_t channel = 0; channel < channel_count; channel += count) {
        count = channels_at_once(channel_count, channel_count - channel, bytes);
        splits[count][bytes](plane, stride_bytes, frames + channel * bytes, channel_count * bytes, frame_count);
        plane += count * stride_bytes;
    }
}

static void interleave(unsigned char *frames, const acap__source *source, uint32_t source_frame, uint32_t channel_count,
                       uint32_t frame_count)
{
    const uint32_t bytes = sample_bytes[source->format];
    const size_t offset_bytes = (size_t)source_frame * bytes;
    uint32_t count = 0;

    for (uint32_t channel = 0; channel < channel_count; channel += count) {
        count = channels_at_once(channel_count, channel_count - channel, bytes);
        merges[count][bytes](frames + channel * bytes, channel_count * bytes, source->planes + channel, offset_bytes, frame_count);
    }
}

/* ---- The copy -------------------------------------------------------------------------------------------------------------------- */

/* A block small enough to stay in the cache between conversion and rearrangement. */
static void rearrange_block(const acap__target *target, uint32_t target_frame, const acap__source *source, uint32_t source_frame,
                            uint32_t channel_count, uint32_t frame_count)
{
    unsigned char scratch[BLOCK_BYTES];
    const bool is_same_format = source->format == target->format;
    const size_t sample_count = (size_t)channel_count * frame_count;

    if (target->plane_stride_bytes) {
        const unsigned char *frames = source_at(source, source_frame, 0, channel_count);

        if (!is_same_format)
            convert_run(scratch, target->format, frames, source->format, sample_count);
        deinterleave(target, target_frame, is_same_format ? frames : scratch, channel_count, frame_count);
    } else {
        unsigned char *frames = target_at(target, target_frame, 0, channel_count);

        interleave(is_same_format ? frames : scratch, source, source_frame, channel_count, frame_count);
        if (!is_same_format)
            convert_run(frames, target->format, scratch, source->format, sample_count);
    }
}

static void rearrange(const acap__target *target, uint32_t target_frame, const acap__source *source, uint32_t source_frame,
                      uint32_t channel_count, uint32_t frame_count)
{
    const uint32_t bytes = acap__max_u32(sample_bytes[source->format], sample_bytes[target->format]);
    const uint32_t block = BLOCK_BYTES / (bytes * channel_count);

    for (uint32_t done = 0; done < frame_count; done += block)
        rearrange_block(target, target_frame + done, source, source_frame + done, channel_count, acap__min_u32(block, frame_count - done));
}

/* The same arrangement on both sides: one run, or one for each plane. */
static void convert_runs(const acap__target *target, uint32_t target_frame, const acap__source *source, uint32_t source_frame,
                         uint32_t channel_count, uint32_t frame_count)
{
    const bool is_planar = source->planes && target->plane_stride_bytes;
    const uint32_t run_count = is_planar ? channel_count : 1;
    const size_t sample_count = (size_t)frame_count * (is_planar ? 1 : channel_count);

    for (uint32_t run = 0; run < run_count; run++)
        convert_run(target_at(target, target_frame, run, channel_count), target->format,
                    source_at(source, source_frame, run, channel_count), source->format, sample_count);
}

/* The usual case, and the shortest way: both interleaved, in the same format. */
static void copy_frames(const acap__target *target, uint32_t target_frame, const acap__source *source, uint32_t source_frame,
                        uint32_t channel_count, uint32_t frame_count)
{
    const size_t frame_bytes = (size_t)channel_count * sample_bytes[target->format];

    acap__copy((unsigned char *)target->data + target_frame * frame_bytes,
               (const unsigned char *)source->frames + source_frame * frame_bytes, frame_count * frame_bytes);
}

void acap__convert(const acap__target *target, uint32_t target_frame, const acap__source *source, uint32_t source_frame,
                   uint32_t channel_count, uint32_t frame_count)
{
    const bool from_planes = source->planes != NULL;
    const bool to_planes = target->plane_stride_bytes != 0;

    if (!from_planes && !to_planes && source->format == target->format)
        copy_frames(target, target_frame, source, source_frame, channel_count, frame_count);
    else if (from_planes == to_planes || channel_count == 1)
        convert_runs(target, target_frame, source, source_frame, channel_count, frame_count);
    else
        rearrange(target, target_frame, source, source_frame, channel_count, frame_count);
}

/* ---- Silence --------------------------------------------------------------------------------------------------------------------- */

/* Eight bytes are silent when nothing is left of (bytes ^ flip) & mask. */
typedef struct silence {
    uint64_t flip;
    uint64_t mask;
} silence;

static silence silence_of(uint32_t format)
{
    const silence result = {
        .flip = format == FORMAT_U8 ? UINT64_C(0x8080808080808080) : 0,
        .mask = format == FORMAT_F32 ? UINT64_C(0x7fffffff7fffffff) : UINT64_MAX, /* but for the sign of zero */
    };
    return result;
}

/* What is left of size_bytes bytes; 0: silence. */
static uint64_t sound_in(const unsigned char *at, size_t size_bytes, silence quiet)
{
    uint64_t sound = 0;
    size_t done = 0;

    for (; done + sizeof sound <= size_bytes; done += sizeof sound) {
        uint64_t word;

        memcpy(&word, at + done, sizeof word);
        sound |= (word ^ quiet.flip) & quiet.mask;
    }
    if (done < size_bytes) {
        uint64_t word = quiet.flip;
        unsigned char *bytes = (unsigned char *)&word;

        for (size_t i = 0; done + i < size_bytes; i++) /* by hand: a fortified memcpy would be a call of another function */
            bytes[i] = at[done + i];
        sound |= (word ^ quiet.flip) & quiet.mask;
    }
    return sound;
}

static bool is_probed_silent(const unsigned char *at, size_t size_bytes, silence quiet)
{
    const size_t step = size_bytes / PROBE_COUNT / sizeof(uint64_t) * sizeof(uint64_t) + sizeof(uint64_t);

    for (size_t done = 0; done + sizeof(uint64_t) <= size_bytes; done += step) {
        if (sound_in(at + done, sizeof(uint64_t), quiet))
            return false;
    }
    return true;
}

static bool is_run_silent(const unsigned char *at, size_t size_bytes, silence quiet)
{
    for (size_t done = 0; done < size_bytes; done += SCAN_BYTES) {
        const size_t left = size_bytes - done;

        if (sound_in(at + done, left < SCAN_BYTES ? left : SCAN_BYTES, quiet))
            return false;
    }
    return true;
}

bool acap__is_silent(const acap__target *target, uint32_t channel_count, uint32_t frame_count)
{
    const silence quiet = silence_of(target->format);
    const uint32_t run_count = target->plane_stride_bytes ? channel_count : 1;
    const size_t run_bytes = (size_t)frame_count * (channel_count / run_count) * sample_bytes[target->format];

    for (uint32_t run = 0; run < run_count; run++) {
        if (!is_probed_silent(target_at(target, 0, run, channel_count), run_bytes, quiet))
            return false;
    }
    for (uint32_t run = 0; run < run_count; run++) {
        if (!is_run_silent(target_at(target, 0, run, channel_count), run_bytes, quiet))
            return false;
    }
    return true;
}
