/* SPDX-License-Identifier: MIT */
/* Owns: tests of sleeping and waking from the inside: who claims a sleeper, what a descriptor says, and that no wake is lost.
 * Run by: CTest, in milliseconds.
 * Runs on: the insides of the static library; one test has two threads. */
#include "wake.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static acap__wake make_wake(bool with_event)
{
    acap__wake wake;

    acap__wake_init(&wake);
    if (with_event) {
        assert_true(acap__event_open(&wake.event));
        acap__store_release(&wake.has_event, 1u);
    }
    return wake;
}

static bool is_readable(const acap__wake *wake)
{
    struct pollfd asked = {.fd = (int)wake->event.read_handle, .events = POLLIN};

    return poll(&asked, 1, 0) == 1;
}

static void nobody_asleep_is_nobody_to_wake(void **state)
{
    acap__wake wake = make_wake(false);
    uint32_t kinds = 99;

    (void)state;
    assert_false(acap__wake_claim(&wake, &kinds));
    acap__wake_now(&wake);
    assert_false(acap__wake_disarm(&wake));
    acap__wake_destroy(&wake);
}

static void a_sleeper_is_claimed_once(void **state)
{
    acap__wake wake = make_wake(false);
    uint32_t kinds = 0;

    (void)state;
    acap__wake_arm(&wake, ACAP__WAKE_FUTEX | ACAP__WAKE_FD);
    assert_true(acap__wake_claim(&wake, &kinds));
    assert_int_equal(kinds, ACAP__WAKE_FUTEX | ACAP__WAKE_FD);
    assert_false(acap__wake_claim(&wake, &kinds));
    assert_false(acap__wake_disarm(&wake)); /* the sleeper learns that somebody was quicker */
    acap__wake_arm(&wake, ACAP__WAKE_FUTEX);
    assert_true(acap__wake_disarm(&wake));
    assert_false(acap__wake_claim(&wake, &kinds));
    acap__wake_destroy(&wake);
}

static void a_descriptor_is_readable_from_send_to_clear(void **state)
{
    acap__wake wake = make_wake(true);

    (void)state;
    assert_false(is_readable(&wake));
    for (int i = 0; i < 3; i++)
        acap__wake_send(&wake, ACAP__WAKE_FD);
    assert_true(is_readable(&wake));
    acap__event_clear(&wake.event);
    assert_false(is_readable(&wake));
    acap__event_clear(&wake.event); /* clearing what is clear does not block */
    acap__wake_send(&wake, ACAP__WAKE_FUTEX);
    assert_false(is_readable(&wake));
    acap__wake_arm(&wake, ACAP__WAKE_FD);
    acap__wake_now(&wake);
    assert_true(is_readable(&wake));
    acap__wake_destroy(&wake);
}

static void who_was_woken_before_sleeping_does_not_sleep(void **state)
{
    acap__wake wake = make_wake(false);

    (void)state;
    acap__wake_arm(&wake, ACAP__WAKE_FUTEX);
    acap__wake_now(&wake);
    acap__wake_sleep(&wake, ACAP__WAKE_FUTEX, INT64_MAX); /* would stand still for ever */
    acap__wake_destroy(&wake);
}

static void a_sleep_ends_with_its_time(void **state)
{
    acap__wake wake = make_wake(false);
    const int64_t until_ns = acap_clock_ns() + 20 * ACAP__NS_PER_MS;

    (void)state;
    while (acap_clock_ns() < until_ns) { /* any return may be early */
        acap__wake_arm(&wake, ACAP__WAKE_FUTEX);
        acap__wake_sleep(&wake, ACAP__WAKE_FUTEX, until_ns);
    }
    acap__wake_sleep(&wake, ACAP__WAKE_FUTEX, acap_clock_ns() - 1); /* a time that has passed */
    acap__wake_sleep(&wake, ACAP__WAKE_FUTEX, 0);
    acap__wake_destroy(&wake);
}

enum { TURNS = 20000 };

struct sleeper {
    acap__wake wake;
    acap__u64 published;
    acap__u64 seen;
};

/* The protocol as a reader follows it: announce, look again, sleep. */
static void *follow(void *argument)
{
    struct sleeper *sleeper = argument;
    uint64_t seen = 0;

    while (seen < TURNS) {
        acap__wake_arm(&sleeper->wake, ACAP__WAKE_FUTEX);
        if (acap__load_acquire(&sleeper->published) == seen)
            acap__wake_sleep(&sleeper->wake, ACAP__WAKE_FUTEX, acap_clock_ns() + 10 * ACAP__NS_PER_S);
        (void)acap__wake_disarm(&sleeper->wake);
        seen = acap__load_acquire(&sleeper->published);
        acap__store_release(&sleeper->seen, seen);
    }
    return NULL;
}

static void no_wake_is_lost(void **state)
{
    struct sleeper sleeper = {.wake = make_wake(false)};
    const int64_t until_ns = acap_clock_ns() + 9 * ACAP__NS_PER_S; /* before a sleeper would help itself */
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, follow, &sleeper), 0);
    for (uint64_t turn = 1; turn <= TURNS; turn++) {
        acap__store_release(&sleeper.published, turn);
        acap__wake_now(&sleeper.wake);
        while (acap__load_acquire(&sleeper.seen) < turn && acap_clock_ns() < until_ns)
            acap__thread_yield();
    }
    assert_int_equal(acap__load_acquire(&sleeper.seen), TURNS);
    assert_int_equal(pthread_join(thread, NULL), 0);
    acap__wake_destroy(&sleeper.wake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_asleep_is_nobody_to_wake),
        cmocka_unit_test(a_sleeper_is_claimed_once),
        cmocka_unit_test(a_descriptor_is_readable_from_send_to_clear),
        cmocka_unit_test(who_was_woken_before_sleeping_does_not_sleep),
        cmocka_unit_test(a_sleep_ends_with_its_time),
        cmocka_unit_test(no_wake_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
