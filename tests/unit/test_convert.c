/* SPDX-License-Identifier: MIT */
/* Owns: the proof that conversion is exact, rounds and saturates as promised, touches nothing else, and that silence is found.
 * Run by: CTest, about a second; prints nothing but its results.
 * Runs on: the insides of the static library, against a reference that computes in doubles, one sample at a time, byte by byte. */
#if defined(__unix__) || defined(__APPLE__)
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#define HAS_PAGES 1
#include <sys/mman.h>
#include <unistd.h>
#else
#define HAS_PAGES 0
#endif

#include "convert.h"

#include <fenv.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static const uint32_t formats[] = { ACAP_FORMAT_U8, ACAP_FORMAT_S16, ACAP_FORMAT_S24, ACAP_FORMAT_S32, ACAP_FORMAT_F32 };
static const char *const names[] = { "?", "S16", "S24", "S32", "F32", "U8" };

/* ---- Reference ------------------------------------------------------------------------------------------------------------------- */

static unsigned bytes_of(uint32_t format)
{
    switch (format) {
    case ACAP_FORMAT_U8:
        return 1;
    case ACAP_FORMAT_S16:
        return 2;
    case ACAP_FORMAT_S24:
        return 3;
    default:
        return 4;
    }
}

static bool is_big_endian(void)
{
    const uint16_t one = 1;

    return *(const unsigned char *)&one == 0;
}

/* The bytes of a sample as one number, the most significant first. */
static uint32_t code_at(const unsigned char *at, unsigned bytes)
{
    uint32_t code = 0;

    for (unsigned i = 0; i < bytes; i++)
        code = code * 256 + at[is_big_endian() ? i : bytes - 1 - i];
    return code;
}

static void put_code(unsigned char *at, unsigned bytes, uint32_t code)
{
    for (unsigned i = 0; i < bytes; i++) {
        at[is_big_endian() ? bytes - 1 - i : i] = (unsigned char)(code % 256);
        code /= 256;
    }
}

/* What a sample means: exact in a double for every format. */
static double value_at(const unsigned char *at, uint32_t format)
{
    const unsigned bytes = bytes_of(format);
    const uint32_t code = code_at(at, bytes);
    const double half_range = ldexp(1.0, (int)(8 * bytes) - 1);

    if (format == ACAP_FORMAT_U8)
        return (code - half_range) / half_range;
    if (format != ACAP_FORMAT_F32)
        return (code < half_range ? (double)code : code - 2 * half_range) / half_range;

    const int exponent = (int)(code >> 23 & 255);
    const double mantissa = code & 0x7fffff;
    const double sign = code >> 31 ? -1.0 : 1.0;

    if (exponent == 255)
        return mantissa > 0 ? (double)NAN : sign * (double)INFINITY;
    return sign * (exponent ? ldexp(8388608.0 + mantissa, exponent - 150) : ldexp(mantissa, -149));
}

static void put_value(unsigned char *at, uint32_t format, double value)
{
    const unsigned bytes = bytes_of(format);
    const double half_range = ldexp(1.0, (int)(8 * bytes) - 1);
    const float as_float = (float)value;

    if (format == ACAP_FORMAT_F32) {
        memcpy(at, &as_float, sizeof as_float);
        return;
    }
    double code = isnan(value) ? 0.0 : floor(value * half_range + 0.5);

    if (code > half_range - 1)
        code = half_range - 1;
    if (code < -half_range)
        code = -half_range;
    if (format == ACAP_FORMAT_U8)
        code += half_range;
    put_code(at, bytes, (uint32_t)(int64_t)code);
}

static void refer(unsigned char *to, uint32_t to_format, const unsigned char *from, uint32_t from_format)
{
    if (from_format == to_format)
        memcpy(to, from, bytes_of(from_format));
    else
        put_value(to, to_format, value_at(from, from_format));
}

/* ---- Samples to try -------------------------------------------------------------------------------------------------------------- */

typedef struct samples {
    uint32_t format;
    size_t count;
    size_t capacity;
    unsigned char *data;
} samples;

static uint64_t random_state;

static uint32_t random_bits(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 32);
}

static void add(samples *s, uint32_t code)
{
    const unsigned bytes = bytes_of(s->format);

    if (s->count == s->capacity) {
        s->capacity = s->capacity ? 2 * s->capacity : 65536;
        s->data = realloc(s->data, s->capacity * bytes);
        assert_non_null(s->data);
    }
    put_code(s->data + s->count * bytes, bytes, code);
    s->count++;
}

/* Every upper half with the lower halves next to what is a tie when 8 or 16 bits are cut off. */
static void add_wide_integers(samples *s, unsigned low_bits)
{
    static const uint32_t lows_8[] = { 0, 1, 127, 128, 129, 255 };
    static const uint32_t lows_16[] = { 0, 1, 0x7f, 0x80, 0x81, 0x7f80, 0x7fff, 0x8000, 0x8001, 0xff7f, 0xff80, 0xffff };
    const uint32_t *lows = low_bits == 8 ? lows_8 : lows_16;
    const size_t low_count = low_bits == 8 ? COUNT_OF(lows_8) : COUNT_OF(lows_16);

    for (uint32_t high = 0; high < 65536; high++) {
        for (size_t i = 0; i < low_count; i++)
            add(s, high << low_bits | lows[i]);
        add(s, high << low_bits | (random_bits() & ((1u << low_bits) - 1)));
    }
}

static void add_float_and_neighbours(samples *s, double value)
{
    unsigned char bytes[4];

    put_value(bytes, ACAP_FORMAT_F32, value);
    const uint32_t code = code_at(bytes, 4);
    add(s, code - 1);
    add(s, code);
    add(s, code + 1);
}

/* Every exponent, NaN and infinity among them, and the ties of every integer format. */
static void add_floats(samples *s)
{
    static const uint32_t mantissas[] = { 0, 1, 2, 0x3fffff, 0x400000, 0x400001, 0x7ffffe, 0x7fffff };

    for (uint32_t sign_and_exponent = 0; sign_and_exponent < 512; sign_and_exponent++) {
        for (size_t i = 0; i < COUNT_OF(mantissas); i++)
            add(s, sign_and_exponent << 23 | mantissas[i]);
        for (unsigned i = 0; i < 200; i++)
            add(s, sign_and_exponent << 23 | random_bits() >> 9);
    }
    for (int code = -130; code <= 130; code++)
        add_float_and_neighbours(s, (code + 0.5) / 128);
    for (int code = -32770; code <= 32770; code++)
        add_float_and_neighbours(s, (code + 0.5) / 32768);
    for (int code = -8388610; code <= 8388610; code += 257)
        add_float_and_neighbours(s, (code + 0.5) / 8388608);
    for (int code = 8388600; code <= 8388610; code++) {
        add_float_and_neighbours(s, (code + 0.5) / 8388608);
        add_float_and_neighbours(s, (code + 0.5) / -8388608);
    }
}

static samples samples_of(uint32_t format)
{
    samples s = { format, 0, 0, NULL };

    random_state = 1;
    if (format == ACAP_FORMAT_F32)
        add_floats(&s);
    else if (format == ACAP_FORMAT_S24 || format == ACAP_FORMAT_S32)
        add_wide_integers(&s, format == ACAP_FORMAT_S24 ? 8 : 16);
    else
        for (uint32_t code = 0; code < (format == ACAP_FORMAT_U8 ? 256u : 65536u); code++)
            add(&s, code);
    return s;
}

/* ---- Conversion of values -------------------------------------------------------------------------------------------------------- */

static unsigned char *converted(const samples *s, uint32_t format)
{
    unsigned char *data = malloc(s->count * bytes_of(format));
    const acap__target target = { data, 0, format };
    const acap__source source = { s->data, NULL, s->format };

    assert_non_null(data);
    acap__convert(&target, 0, &source, 0, 1, (uint32_t)s->count);
    return data;
}

static void assert_as_reference(const samples *s, uint32_t format)
{
    const unsigned bytes = bytes_of(format);
    unsigned char *data = converted(s, format);

    for (size_t i = 0; i < s->count; i++) {
        const unsigned char *from = s->data + i * bytes_of(s->format);
        unsigned char wanted[4];

        refer(wanted, format, from, s->format);
        if (memcmp(wanted, data + i * bytes, bytes) != 0)
            fail_msg("%s to %s: %#x became %#x, not %#x", names[s->format], names[format], (unsigned)code_at(from, bytes_of(s->format)),
                     (unsigned)code_at(data + i * bytes, bytes), (unsigned)code_at(wanted, bytes));
    }
    free(data);
}

/* Exhaustive for 8 and 16 bits. */
static void converts_to_every_format(void **state)
{
    const samples s = samples_of((uint32_t)(uintptr_t)*state);

    for (size_t i = 0; i < COUNT_OF(formats); i++)
        assert_as_reference(&s, formats[i]);
    free(s.data);
}

typedef struct known {
    uint32_t from_format;
    uint32_t from;
    uint32_t to_format;
    uint32_t to;
} known;

/* Written by hand: what the documentation promises, whatever the reference above may think. */
static const known known_answers[] = {
    { ACAP_FORMAT_U8, 0, ACAP_FORMAT_S16, 0x8000 },              /* widening is left-justified */
    { ACAP_FORMAT_U8, 129, ACAP_FORMAT_S32, 0x01000000 },        /* U8 has its zero at 128 */
    { ACAP_FORMAT_S16, 0x8001, ACAP_FORMAT_S24, 0x800100 },      /* widening is left-justified */
    { ACAP_FORMAT_S16, 0xffff, ACAP_FORMAT_F32, 0xb8000000 },    /* -1/32768 */
    { ACAP_FORMAT_S16, 0x8000, ACAP_FORMAT_F32, 0xbf800000 },    /* -1.0 */
    { ACAP_FORMAT_S24, 0x000080, ACAP_FORMAT_S16, 0x0001 },      /* half goes upwards */
    { ACAP_FORMAT_S24, 0xffff80, ACAP_FORMAT_S16, 0x0000 },      /* minus half, too */
    { ACAP_FORMAT_S24, 0xffff7f, ACAP_FORMAT_S16, 0xffff },      /* more than half goes down */
    { ACAP_FORMAT_S24, 0x7fff80, ACAP_FORMAT_S16, 0x7fff },      /* saturates */
    { ACAP_FORMAT_S16, 0x7fff, ACAP_FORMAT_U8, 255 },            /* saturates */
    { ACAP_FORMAT_S32, 0x7fffffff, ACAP_FORMAT_S24, 0x7fffff },  /* saturates */
    { ACAP_FORMAT_S32, 0x7fffffff, ACAP_FORMAT_F32, 0x3f800000 }, /* does not fit: to nearest */
    { ACAP_FORMAT_F32, 0x37800000, ACAP_FORMAT_S16, 0x0001 },    /* 0.5/32768: half goes upwards */
    { ACAP_FORMAT_F32, 0xb7800000, ACAP_FORMAT_S16, 0x0000 },    /* -0.5/32768, too */
    { ACAP_FORMAT_F32, 0xb8400000, ACAP_FORMAT_S16, 0xffff },    /* -1.5/32768, too */
    { ACAP_FORMAT_F32, 0x377fffff, ACAP_FORMAT_S16, 0x0000 },    /* a little less than half */
    { ACAP_FORMAT_F32, 0x3f800000, ACAP_FORMAT_S16, 0x7fff },    /* 1.0 saturates */
    { ACAP_FORMAT_F32, 0x3f800000, ACAP_FORMAT_S32, 0x7fffffff }, /* 1.0 saturates */
    { ACAP_FORMAT_F32, 0x3f7fffff, ACAP_FORMAT_S32, 0x7fffff80 }, /* just below is exact */
    { ACAP_FORMAT_F32, 0xbf800000, ACAP_FORMAT_S32, 0x80000000 }, /* -1.0 is a code */
    { ACAP_FORMAT_F32, 0xbf800000, ACAP_FORMAT_U8, 0 },          /* -1.0 is a code */
    { ACAP_FORMAT_F32, 0x7f800000, ACAP_FORMAT_S24, 0x7fffff },  /* infinity */
    { ACAP_FORMAT_F32, 0xff800000, ACAP_FORMAT_S24, 0x800000 },  /* minus infinity */
    { ACAP_FORMAT_F32, 0x7fc00000, ACAP_FORMAT_S16, 0 },         /* NaN is silence */
    { ACAP_FORMAT_F32, 0xff800001, ACAP_FORMAT_S32, 0 },         /* a signalling one as well */
    { ACAP_FORMAT_F32, 0x7fc00000, ACAP_FORMAT_U8, 128 },        /* silence in U8 */
    { ACAP_FORMAT_F32, 0x7fc12345, ACAP_FORMAT_F32, 0x7fc12345 }, /* a copy is a copy */
};

static void gives_known_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(known_answers); i++) {
        const known *k = &known_answers[i];
        samples one = { k->from_format, 0, 0, NULL };

        add(&one, k->from);
        unsigned char *data = converted(&one, k->to_format);
        if (code_at(data, bytes_of(k->to_format)) != k->to)
            fail_msg("%s %#x to %s: %#x, not %#x", names[k->from_format], (unsigned)k->from, names[k->to_format],
                     (unsigned)code_at(data, bytes_of(k->to_format)), (unsigned)k->to);
        free(data);
        free(one.data);
    }
}

static void does_not_depend_on_the_rounding_mode(void **state)
{
    static const int modes[] = { FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO };
    const samples s = samples_of(ACAP_FORMAT_F32);

    (void)state;
    for (size_t i = 0; i < 4; i++) { /* the integer formats */
        unsigned char *nearest = converted(&s, formats[i]);

        for (size_t mode = 0; mode < COUNT_OF(modes); mode++) {
            assert_int_equal(fesetround(modes[mode]), 0);
            unsigned char *other = converted(&s, formats[i]);
            assert_int_equal(fesetround(FE_TONEAREST), 0);
            assert_memory_equal(nearest, other, s.count * bytes_of(formats[i]));
            free(other);
        }
        free(nearest);
    }
    free(s.data);
}

/* ---- Arrangements: planar and interleaved, offsets, alignment, guards ------------------------------------------------------------ */

enum { GUARD_BYTES = 192, PLANE_PADDING_BYTES = 64 };

typedef struct copy_case {
    uint32_t from_format;
    uint32_t to_format;
    bool from_planes;
    bool to_planes;
    uint32_t channel_count;
    uint32_t frame_count;
    uint32_t source_frame;
    uint32_t target_frame;
    unsigned misalignment; /* of the source, in bytes */
} copy_case;

/* Blocks of exactly the size that may be read, so that a sanitizer sees every byte too many. */
typedef struct source_blocks {
    unsigned char *blocks[ACAP_MAX_CHANNELS];
    const void *planes[ACAP_MAX_CHANNELS];
    uint32_t count;
    acap__source source;
} source_blocks;

static void fill_randomly(unsigned char *at, size_t sample_count, uint32_t format)
{
    for (size_t i = 0; i < sample_count; i++) {
        const uint32_t bits = random_bits();

        if (format == ACAP_FORMAT_F32)
            put_value(at + i * 4, format, (double)bits / 4294967296.0 * 2.4 - 1.2);
        else
            put_code(at + i * bytes_of(format), bytes_of(format), bits);
    }
}

static void make_source(source_blocks *made, const copy_case *c)
{
    const unsigned bytes = bytes_of(c->from_format);
    const size_t samples_each = (size_t)(c->source_frame + c->frame_count) * (c->from_planes ? 1 : c->channel_count);

    made->count = c->from_planes ? c->channel_count : 1;
    for (uint32_t i = 0; i < made->count; i++) {
        const unsigned misalignment = c->misalignment ? (c->misalignment + i) % 4 : 0;

        made->blocks[i] = malloc(misalignment + samples_each * bytes);
        assert_non_null(made->blocks[i]);
        made->planes[i] = made->blocks[i] + misalignment;
        fill_randomly(made->blocks[i] + misalignment, samples_each, c->from_format);
    }
    made->source.frames = c->from_planes ? NULL : made->planes[0];
    made->source.planes = c->from_planes ? made->planes : NULL;
    made->source.format = c->from_format;
}

static const unsigned char *source_sample(const source_blocks *made, const copy_case *c, uint32_t frame, uint32_t channel)
{
    const size_t index = c->source_frame + frame;
    const unsigned bytes = bytes_of(c->from_format);

    if (c->from_planes)
        return (const unsigned char *)made->planes[channel] + index * bytes;
    return (const unsigned char *)made->planes[0] + (index * c->channel_count + channel) * bytes;
}

static size_t target_offset(const copy_case *c, uint32_t stride, uint32_t frame, uint32_t channel)
{
    const size_t index = c->target_frame + frame;

    return c->to_planes ? (size_t)channel * stride + index * bytes_of(c->to_format)
                        : (index * c->channel_count + channel) * bytes_of(c->to_format);
}

/* The whole image is compared, so that what was not to be written must be as it was. */
static void assert_copied(const copy_case *c)
{
    const uint32_t plane_bytes = (c->target_frame + c->frame_count) * bytes_of(c->to_format);
    const uint32_t stride = (uint32_t)acap__round_up(plane_bytes, 64) + PLANE_PADDING_BYTES;
    const size_t image_bytes = (size_t)acap__round_up(2 * GUARD_BYTES + (size_t)stride * c->channel_count, 64);
    unsigned char *image = aligned_alloc(64, image_bytes);
    unsigned char *wanted = malloc(image_bytes);
    const acap__target target = { image + GUARD_BYTES, c->to_planes ? stride : 0, c->to_format };
    source_blocks made;

    assert_true(image && wanted);
    for (size_t i = 0; i < image_bytes; i++)
        image[i] = (unsigned char)(i * 37 + 11);
    memcpy(wanted, image, image_bytes);
    make_source(&made, c);
    for (uint32_t frame = 0; frame < c->frame_count; frame++) {
        for (uint32_t channel = 0; channel < c->channel_count; channel++)
            refer(wanted + GUARD_BYTES + target_offset(c, stride, frame, channel), c->to_format,
                  source_sample(&made, c, frame, channel), c->from_format);
    }
    acap__convert(&target, c->target_frame, &made.source, c->source_frame, c->channel_count, c->frame_count);
    if (memcmp(image, wanted, image_bytes) != 0)
        fail_msg("%s%s to %s%s, %u channels, frames %u+%u to %u, misaligned by %u", names[c->from_format], c->from_planes ? " planar" : "",
                 names[c->to_format], c->to_planes ? " planar" : "", (unsigned)c->channel_count, (unsigned)c->source_frame,
                 (unsigned)c->frame_count, (unsigned)c->target_frame, c->misalignment);
    for (uint32_t i = 0; i < made.count; i++)
        free(made.blocks[i]);
    free(image);
    free(wanted);
}

/* Frame counts below and above the blocks that the implementation works in, and no multiples of them. */
static void assert_all_sizes_copied(copy_case c)
{
    const uint32_t many = 4096 / c.channel_count;
    const uint32_t frame_counts[] = { 0, 1, 2, 5, 16, 33, many, many + 3 };

    for (size_t i = 0; i < COUNT_OF(frame_counts); i++) {
        c.frame_count = frame_counts[i];
        c.source_frame = (uint32_t)i % 4;
        c.target_frame = (uint32_t)i % 3 * 5;
        c.misalignment = (unsigned)i % 3;
        assert_copied(&c);
    }
}

static void copies_every_arrangement(void **state)
{
    static const uint32_t channel_counts[] = { 1, 2, 3, 4, 6, 8, 128 };
    const uint32_t from_format = (uint32_t)(uintptr_t)*state;

    random_state = 2;
    for (size_t to = 0; to < COUNT_OF(formats); to++) {
        for (size_t i = 0; i < COUNT_OF(channel_counts); i++) {
            for (unsigned planes = 0; planes < 4; planes++)
                assert_all_sizes_copied((copy_case){ from_format, formats[to], planes & 1, planes & 2, channel_counts[i], 0, 0, 0, 0 });
        }
    }
}

/* ---- Silence --------------------------------------------------------------------------------------------------------------------- */

enum { QUIET_FRAMES = 150, QUIET_CHANNELS = 3, QUIET_STRIDE = 640 };

/* Garbage in the padding; frames up to QUIET_FRAMES are silent; nothing lies beyond the last sample. */
static unsigned char *make_quiet(acap__target *target, uint32_t format, bool is_planar)
{
    const uint32_t run_count = is_planar ? QUIET_CHANNELS : 1;
    const size_t run_bytes = (size_t)QUIET_FRAMES * QUIET_CHANNELS / run_count * bytes_of(format);
    const size_t size = (run_count - 1) * QUIET_STRIDE + run_bytes;
    unsigned char *data = malloc(size);

    assert_non_null(data);
    memset(data, 0x55, size);
    for (uint32_t run = 0; run < run_count; run++)
        memset(data + run * QUIET_STRIDE, format == ACAP_FORMAT_U8 ? 128 : 0, run_bytes);
    *target = (acap__target){ data, is_planar ? QUIET_STRIDE : 0, format };
    return data;
}

/* Each bit of each sample alone: sound, but for the sign of a float's zero. */
static void assert_each_bit_heard(const acap__target *target, unsigned char *data, uint32_t frame, uint32_t channel)
{
    const unsigned bytes = bytes_of(target->format);
    unsigned char *sample = data + (target->plane_stride_bytes ? channel * QUIET_STRIDE + frame * bytes
                                                               : (frame * QUIET_CHANNELS + channel) * bytes);
    const uint32_t quiet = code_at(sample, bytes);

    for (unsigned bit = 0; bit < 8 * bytes; bit++) {
        const bool is_sign_of_zero = target->format == ACAP_FORMAT_F32 && bit == 31;

        put_code(sample, bytes, quiet ^ 1u << bit);
        assert_int_equal(acap__is_silent(target, QUIET_CHANNELS, QUIET_FRAMES), is_sign_of_zero);
        assert_true(acap__is_silent(target, QUIET_CHANNELS, frame)); /* frames from there on do not count */
    }
    put_code(sample, bytes, quiet);
}

static void hears_every_sample(void **state)
{
    const uint32_t format = (uint32_t)(uintptr_t)*state;

    for (unsigned is_planar = 0; is_planar < 2; is_planar++) {
        acap__target target;
        unsigned char *data = make_quiet(&target, format, is_planar);

        for (uint32_t frames = 0; frames <= QUIET_FRAMES; frames++)
            assert_true(acap__is_silent(&target, QUIET_CHANNELS, frames));
        for (uint32_t frame = 0; frame < QUIET_FRAMES; frame++) {
            for (uint32_t channel = 0; channel < QUIET_CHANNELS; channel++)
                assert_each_bit_heard(&target, data, frame, channel);
        }
        free(data);
    }
}

static void takes_minus_zero_for_silence_and_zero_in_u8_for_sound(void **state)
{
    float minus_zeros[101];
    static const unsigned char u8_zeros[1] = { 0 };
    const acap__target floats = { minus_zeros, 0, ACAP_FORMAT_F32 };
    const acap__target bytes = { (void *)(uintptr_t)u8_zeros, 0, ACAP_FORMAT_U8 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(minus_zeros); i++)
        minus_zeros[i] = -0.0f;
    for (uint32_t frames = 0; frames <= COUNT_OF(minus_zeros); frames++)
        assert_true(acap__is_silent(&floats, 1, frames));
    assert_false(acap__is_silent(&bytes, 1, 1));
}

/* Real audio costs a look, however long the buffer is: all pages but the first cannot even be read. */
static void decides_by_a_few_samples(void **state)
{
    (void)state;
#if HAS_PAGES
    const size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *pages = mmap(NULL, 64 * page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_true(pages != MAP_FAILED);
    pages[5] = 1;
    assert_int_equal(mprotect(pages + page_bytes, 63 * page_bytes, PROT_NONE), 0);
    const acap__target interleaved = { pages, 0, ACAP_FORMAT_S16 };
    const acap__target planar = { pages, (uint32_t)page_bytes, ACAP_FORMAT_S16 };
    assert_false(acap__is_silent(&interleaved, 4, (uint32_t)(64 * page_bytes / 8)));
    assert_false(acap__is_silent(&planar, 64, (uint32_t)(page_bytes / 2)));
    assert_int_equal(munmap(pages, 64 * page_bytes), 0);
#else
    print_message("skipped: this system has no pages that can be protected\n");
    skip();
#endif
}

/* ---------------------------------------------------------------------------------------------------------------------------------- */

#define IN_FORMAT(test, FORMAT) { #test " (" #FORMAT ")", test, NULL, NULL, (void *)(uintptr_t)ACAP_FORMAT_##FORMAT }
#define IN_EVERY_FORMAT(test)                                                                                                            \
    IN_FORMAT(test, U8), IN_FORMAT(test, S16), IN_FORMAT(test, S24), IN_FORMAT(test, S32), IN_FORMAT(test, F32)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EVERY_FORMAT(converts_to_every_format),
        cmocka_unit_test(gives_known_answers),
        cmocka_unit_test(does_not_depend_on_the_rounding_mode),
        IN_EVERY_FORMAT(copies_every_arrangement),
        IN_EVERY_FORMAT(hears_every_sample),
        cmocka_unit_test(takes_minus_zero_for_silence_and_zero_in_u8_for_sound),
        cmocka_unit_test(decides_by_a_few_samples),
    };
    return cmocka_run_group_tests_name("convert", tests, NULL, NULL);
}
