/* SPDX-License-Identifier: MIT */
/* Owns: the proof that every byte of a run is copied, and none beside it read or written, at any size and any two addresses.
 * Run by: CTest, well below a second; says which way of copying the processor allows.
 * Runs on: the insides of the static library, between two pages that nobody may touch. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include "copy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define SIZE_MAX_BYTES 700u /* five steps of the widest loop, and more */
#define PLACES 64u          /* all places in a cache line */
#define FILL 0xa5u

/* room_bytes of memory right below a page that nobody may touch, and right above one. */
static unsigned char *fenced(size_t room_bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *pages = mmap(NULL, room_bytes + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_int_equal(room_bytes % page, 0);
    assert_true(pages != MAP_FAILED);
    assert_int_equal(mprotect(pages + page, room_bytes, PROT_READ | PROT_WRITE), 0);
    return pages + page;
}

static void unfence(unsigned char *room, size_t room_bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);

    assert_int_equal(munmap(room - page, room_bytes + 2 * page), 0);
}

static void count_up(unsigned char *room, size_t room_bytes)
{
    for (size_t i = 0; i < room_bytes; i++)
        room[i] = (unsigned char)(i * 7 + i / 256);
}

static void expect_only(const unsigned char *room, size_t room_bytes, const unsigned char *target, const unsigned char *source, size_t size)
{
    assert_memory_equal(target, source, size);
    for (const unsigned char *at = room; at < room + room_bytes; at++) {
        if ((at < target || at >= target + size) && *at != FILL)
            fail_msg("a byte beside %zu copied ones has changed", size);
    }
}

static void every_size_and_place(void **state)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *from = fenced(page);
    unsigned char *to = fenced(page);

    (void)state;
    count_up(from, page);
    for (size_t size = 0; size <= SIZE_MAX_BYTES; size++) {
        for (size_t place = 0; place < PLACES; place++) {
            unsigned char *target = to + page / 2 + place;
            const unsigned char *source = from + (place * 13) % PLACES + size % 3;
            memset(to, FILL, page);
            acap__copy(target, source, size);
            expect_only(to, page, target, source, size);
        }
    }
    unfence(from, page);
    unfence(to, page);
}

/* The first bytes of the room and the last ones: reading or writing one beside them ends the program. */
static void at_the_very_edge(void **state)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *from = fenced(page);
    unsigned char *to = fenced(page);

    (void)state;
    count_up(from, page);
    for (size_t size = 0; size <= SIZE_MAX_BYTES; size++) {
        memset(to, FILL, page);
        acap__copy(to, from + page - size, size);
        expect_only(to, page, to, from + page - size, size);
        memset(to, FILL, page);
        acap__copy(to + page - size, from, size);
        expect_only(to, page, to + page - size, from, size);
    }
    unfence(from, page);
    unfence(to, page);
}

static void a_megabyte(void **state)
{
    enum { BYTES = 1 << 20 };
    unsigned char *from = fenced(BYTES);
    unsigned char *to = fenced(BYTES);

    (void)state;
    count_up(from, BYTES);
    memset(to, FILL, BYTES);
    acap__copy(to + 3, from + 1, BYTES - 8);
    expect_only(to, BYTES, to + 3, from + 1, BYTES - 8);
    unfence(from, BYTES);
    unfence(to, BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_and_place),
        cmocka_unit_test(at_the_very_edge),
        cmocka_unit_test(a_megabyte),
    };

#if defined(__x86_64__) && defined(__GNUC__) && !defined(_WIN32)
    printf("copying %s\n", __builtin_cpu_supports("avx2") ? "32 bytes at a time" : "by memcpy: this processor has no AVX2");
#else
    printf("copying by memcpy: nothing else is built for this processor\n");
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
