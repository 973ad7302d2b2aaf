/* SPDX-License-Identifier: MIT */
/* Owns: the words that every file of acap uses: result type, limits, small arithmetic.
 * Used by: everything; includes nothing of acap but its public header. */
#ifndef ACAP_SRC_BASE_H
#define ACAP_SRC_BASE_H

#include <acap/acap.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ACAP__CACHE_LINE 64u
#define ACAP__NS_PER_S INT64_C(1000000000)
#define ACAP__NS_PER_MS INT64_C(1000000)

#ifdef ACAP_MODEL /* no cache there, and its memory is not aligned so far */
#define ACAP__ALIGNED
#else
#define ACAP__ALIGNED _Alignas(ACAP__CACHE_LINE)
#endif

/* Declares a function to be safe on the audio thread. Clang can prove it, and watch it at run time (tests/rt). */
#if defined(__has_attribute) && !defined(ACAP_MODEL)
#if __has_attribute(nonblocking)
#define ACAP__NONBLOCKING __attribute__((nonblocking))
#endif
#endif
#ifdef ACAP__NONBLOCKING
ACAP_API int64_t ACAP_CALL acap_clock_ns(void) ACAP__NONBLOCKING;
#else
#define ACAP__NONBLOCKING
#endif

/* position of the lowest set bit; bits is not 0 */
/* Without a builtin, which may be a call of the compiler's own library. */
static inline uint32_t acap__bit_count(uint64_t bits)
{
    bits -= (bits >> 1) & UINT64_C(0x5555555555555555);
    bits = (bits & UINT64_C(0x3333333333333333)) + ((bits >> 2) & UINT64_C(0x3333333333333333));
    bits = (bits + (bits >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (uint32_t)((bits * UINT64_C(0x0101010101010101)) >> 56);
}

static inline uint32_t acap__lowest_bit(uint64_t bits)
{
    return (uint32_t)__builtin_ctzll(bits);
}

static inline uint32_t acap__min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* A copy that fits and ends. */
static inline void acap__copy_text(char *to, size_t room, const char *from)
{
    const size_t length = strlen(from) < room ? strlen(from) : room - 1;

    memcpy(to, from, length);
    to[length] = '\0';
}

static inline uint32_t acap__max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* value rounded up to a multiple of a power of two */
static inline uint64_t acap__round_up(uint64_t value, uint64_t multiple)
{
    return (value + multiple - 1) & ~(multiple - 1);
}

/* the time that frame_count frames last */
static inline int64_t acap__frames_to_ns(uint64_t frame_count, uint32_t rate_hz)
{
    const uint64_t whole = frame_count / rate_hz;
    const uint64_t rest = frame_count % rate_hz;

    return (int64_t)(whole * (uint64_t)ACAP__NS_PER_S + rest * (uint64_t)ACAP__NS_PER_S / rate_hz);
}

/* the frames that fit into a time, rounded to nearest; 0 for a negative time */
static inline uint64_t acap__ns_to_frames(int64_t time_ns, uint32_t rate_hz)
{
    if (time_ns <= 0)
        return 0;
    const uint64_t whole = (uint64_t)(time_ns / ACAP__NS_PER_S);
    const uint64_t rest = (uint64_t)(time_ns % ACAP__NS_PER_S);

    return whole * rate_hz + (rest * rate_hz + (uint64_t)ACAP__NS_PER_S / 2) / (uint64_t)ACAP__NS_PER_S;
}

#endif
