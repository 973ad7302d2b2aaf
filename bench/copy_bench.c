/* SPDX-License-Identifier: MIT */
/* Owns: the question what copying bytes costs, by acap's own loop and by the C library's memcpy, at the sizes of packets and at two places
 * of the target: at the head of a cache line, and where a slice of a host's period can begin, eight bytes above the source modulo a page.
 * Called by: run.sh.
 * Thread: main. Fifty targets, one after the other, as a pool's buffers are. */
#include "bench.h"
#include "copy.h"

#include <stdio.h>
#include <stdlib.h>

#define TARGETS 50u
#define PAGE_BYTES 4096u
#define ROOM_BYTES 65536u
#define SHIFT_BYTES 8u

typedef struct place {
    const unsigned char *source;
    unsigned char *targets;
    size_t stride_bytes;
    size_t size_bytes;
    uint32_t next;
} place;

static unsigned char *next_target(place *subject)
{
    unsigned char *target = subject->targets + subject->next * subject->stride_bytes;

    subject->next = (subject->next + 1) % TARGETS;
    return target;
}

static void run_memcpy(void *state, uint32_t operations)
{
    place *subject = state;

    for (uint32_t i = 0; i < operations; i++)
        bench_copy(next_target(subject), subject->source, subject->size_bytes);
}

static void run_copy(void *state, uint32_t operations)
{
    place *subject = state;

    for (uint32_t i = 0; i < operations; i++)
        acap__copy(next_target(subject), subject->source, subject->size_bytes);
}

static void compare(size_t size_bytes, bool is_shifted)
{
    char question[96];
    const uint32_t operations = (uint32_t)(400000 / size_bytes) + 1;
    const bench_plan plan = {question, "ns a copy", 21, 50, operations};
    const size_t stride_bytes = is_shifted ? (size_bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES : (size_bytes + 63) / 64 * 64;
    unsigned char *memory = aligned_alloc(PAGE_BYTES, ROOM_BYTES + TARGETS * stride_bytes + PAGE_BYTES);

    bench_require(memory != NULL && size_bytes <= ROOM_BYTES, "no memory");
    memset(memory, 1, ROOM_BYTES + TARGETS * stride_bytes + PAGE_BYTES);
    place subject = {memory, memory + ROOM_BYTES + (is_shifted ? SHIFT_BYTES : 0), stride_bytes, size_bytes, 0};
    const bench_case cases[] = {
        {"memcpy", run_memcpy, &subject, 0, NULL},
        {"acap__copy", run_copy, &subject, 0, NULL},
    };
    snprintf(question, sizeof question, "copy of %zu bytes%s", size_bytes, is_shifted ? ", target 8 above the source modulo a page" : "");
    bench_compare(&plan, cases, 2);
    free(memory);
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {512, 1920, 3840, 7680, 16384, 65536};

    (void)argv;
    bench_begin(argc);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        compare(sizes[i], false);
        compare(sizes[i], true);
    }
    return 0;
}
