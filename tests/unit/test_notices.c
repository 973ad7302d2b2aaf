/* SPDX-License-Identifier: MIT */
/* Owns: tests of the ring of notices from the inside: order, its bound, and both sides at once.
 * Run by: CTest, in milliseconds.
 * Runs on: the insides of the static library; one test has two threads. */
#include "notices.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static acap__notices *make_notices(void)
{
    acap__notices *notices = aligned_alloc(ACAP__CACHE_LINE, sizeof *notices);

    assert_non_null(notices);
    return memset(notices, 0, sizeof *notices);
}

static acap__notice notice_of(uint64_t n)
{
    return (acap__notice){.kind = n % 2, .position = 3 * n, .frames = 5 * n, .lost_frames = 11 * n, .span_frames = 7 * n};
}

static bool is_notice_of(const acap__notice *notice, uint64_t n)
{
    const acap__notice expected = notice_of(n);

    return memcmp(notice, &expected, sizeof expected) == 0;
}

static void notices_come_in_order_and_what_finds_no_room_is_counted(void **state)
{
    acap__notices *notices = make_notices();
    acap__notice notice;

    (void)state;
    assert_false(acap__notices_read(notices, &notice));
    for (uint64_t n = 0; n < ACAP__NOTICE_ROOM + 10; n++) {
        notice = notice_of(n);
        acap__notices_write(notices, &notice);
    }
    assert_int_equal(acap__load_relaxed(&notices->missed), 10);
    for (uint64_t n = 0; n < ACAP__NOTICE_ROOM; n++) {
        assert_true(acap__notices_read(notices, &notice));
        assert_true(is_notice_of(&notice, n));
    }
    assert_false(acap__notices_read(notices, &notice));
    for (uint64_t n = 0; n < 3 * ACAP__NOTICE_ROOM; n++) { /* round and round */
        notice = notice_of(n);
        acap__notices_write(notices, &notice);
        assert_true(acap__notices_read(notices, &notice));
        assert_true(is_notice_of(&notice, n));
    }
    free(notices);
}

enum { NOTICES = 100000 };

struct taker {
    acap__notices *notices;
    acap__u32 is_over;
    uint64_t taken;
    bool has_failed;
};

static void *take_all(void *argument)
{
    struct taker *taker = argument;
    acap__notice notice;
    uint64_t last = 0;
    bool is_last_look = false;

    for (;;) {
        if (acap__notices_read(taker->notices, &notice)) {
            const uint64_t n = notice.position / 3;
            taker->has_failed |= !is_notice_of(&notice, n) || n <= last;
            last = n;
            taker->taken++;
        } else if (is_last_look) {
            return NULL;
        } else {
            is_last_look = acap__load_acquire(&taker->is_over) != 0;
        }
    }
}

static void none_is_torn_or_doubled_between_two_threads(void **state)
{
    struct taker taker = {.notices = make_notices()};
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, take_all, &taker), 0);
    for (uint64_t n = 1; n <= NOTICES; n++) {
        const acap__notice notice = notice_of(n);
        acap__notices_write(taker.notices, &notice);
    }
    acap__store_release(&taker.is_over, 1u);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(taker.has_failed);
    assert_int_equal(taker.taken + acap__load_relaxed(&taker.notices->missed), NOTICES);
    free(taker.notices);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notices_come_in_order_and_what_finds_no_room_is_counted),
        cmocka_unit_test(none_is_torn_or_doubled_between_two_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
