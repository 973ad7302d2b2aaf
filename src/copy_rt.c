/* SPDX-License-Identifier: MIT */
/* Owns: copying a run of bytes.
 * Called by: the audio thread.
 *
 * Why not memcpy everywhere: from a few kilobytes on, glibc's may choose the processor's own string copy, which on some processors takes
 * many times as long where the target lies just above the source modulo a page; and it is slower for a packet's size anyway
 * (bench/copy_bench prints both). A host's pointer and a slice's place in its buffer can be any. */
#include "copy.h"

/* Not on Windows, where GCC is known to misplace 32-byte values on the stack. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(_WIN32)

enum { STEP_BYTES = 32, AT_ONCE_BYTES = 4 * STEP_BYTES };

typedef uint64_t step __attribute__((vector_size(STEP_BYTES), aligned(1), may_alias));

/* The target's lines are written whole; head and tail overlap what lies beside them. At least AT_ONCE_BYTES. */
__attribute__((target("avx2"))) static void copy_wide(unsigned char *restrict target, const unsigned char *restrict source,
                                                      size_t size_bytes) ACAP__NONBLOCKING;
__attribute__((target("avx2"))) static void copy_wide(unsigned char *restrict target, const unsigned char *restrict source,
                                                      size_t size_bytes)
{
    const step *last = (const step *)(source + size_bytes - AT_ONCE_BYTES);
    const step tail[] = {last[0], last[1], last[2], last[3]};

    *(step *)target = *(const step *)source;
    for (size_t done = STEP_BYTES - (uintptr_t)target % STEP_BYTES; done + AT_ONCE_BYTES < size_bytes; done += AT_ONCE_BYTES) {
        const step *from = (const step *)(source + done);
        step *to = (step *)(target + done);
        const step a = from[0], b = from[1], c = from[2], d = from[3];

        to[0] = a;
        to[1] = b;
        to[2] = c;
        to[3] = d;
    }
    memcpy(target + size_bytes - AT_ONCE_BYTES, tail, sizeof tail);
}

void acap__copy(void *restrict target, const void *restrict source, size_t size_bytes)
{
    if (size_bytes >= AT_ONCE_BYTES && __builtin_cpu_supports("avx2"))
        copy_wide(target, source, size_bytes);
    else
        memcpy(target, source, size_bytes);
}

#else

void acap__copy(void *restrict target, const void *restrict source, size_t size_bytes)
{
    memcpy(target, source, size_bytes);
}

#endif
