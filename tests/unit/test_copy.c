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

/* Memory right below a page that nobody may touch, and right above one. */
static unsigned char *fenced(size_t room_bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *pages = mmap(NULL, room_bytes + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_int_equal(room_bytes % page, 0);
    assert_true(pages != MAP_FAILED);
    assert_int_equal(mprotect(pages + page, room_bytes, PROT_READ | PROT_WRITE), 0);
    return pages + page;
}

static void count_up(unsigned char *room, size_t room_bytes)
{
    for (size_t i = 0; i < room_bytes; i++)
        room[i] = (unsigned char)(i * 7 + i / 256);
}

/* Two fenced rooms: from counts up, to is filled anew for each copy. */
typedef struct rooms {
    size_t bytes;
    unsigned char *from;
    unsigned char *to;
} rooms;

static rooms make_rooms(size_t room_bytes)
{
    const rooms made = {room_bytes, fenced(room_bytes), fenced(room_bytes)};

    count_up(made.from, made.bytes);
    return made;
}

static void drop_rooms(const rooms *r)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);

    assert_int_equal(munmap(r->from - page, r->bytes + 2 * page), 0);
    assert_int_equal(munmap(r->to - page, r->bytes + 2 * page), 0);
}

static void expect_copy(const rooms *r, size_t target, size_t source, size_t size)
{
    memset(r->to, FILL, r->bytes);
    acap__copy(r->to + target, r->from + source, size);
    assert_memory_equal(r->to + target, r->from + source, size);
    for (size_t at = 0; at < r->bytes; at++) {
        if ((at < target || at >= target + size) && r->to[at] != FILL)
            fail_msg("a byte beside %zu copied ones has changed", size);
    }
}

static void every_size_and_place(void **state)
{
    const rooms r = make_rooms((size_t)sysconf(_SC_PAGESIZE));

    (void)state;
    for (size_t size = 0; size <= SIZE_MAX_BYTES; size++) {
        for (size_t place = 0; place < PLACES; place++)
            expect_copy(&r, r.bytes / 2 + place, (place * 13) % PLACES + size % 3, size);
    }
    drop_rooms(&r);
}

/* The first bytes of the room and the last ones: reading or writing one beside them ends the program. */
static void at_the_very_edge(void **state)
{
    const rooms r = make_rooms((size_t)sysconf(_SC_PAGESIZE));

    (void)state;
    for (size_t size = 0; size <= SIZE_MAX_BYTES; size++) {
        expect_copy(&r, 0, r.bytes - size, size);
        expect_copy(&r, r.bytes - size, 0, size);
    }
    drop_rooms(&r);
}

static void a_megabyte(void **state)
{
    const rooms r = make_rooms(1 << 20);

    (void)state;
    expect_copy(&r, 3, 1, r.bytes - 8);
    drop_rooms(&r);
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
