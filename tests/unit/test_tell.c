/* SPDX-License-Identifier: MIT */
/* Owns: tests of the way from a sound system's words to each context's events: what is said over and over is told once, and nothing else
 * is kept from anybody.
 * Run by: CTest, in milliseconds.
 * Runs on: the insides of the static library, the public API to take events. The clock is the system's, since
 * the library's threads and its exit wait by it. */
#include "tell.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define RETOLD_NS (10 * ACAP__NS_PER_S)
#define ROOM 256

/* What a context had to say, oldest first. */
typedef struct told {
    uint32_t count;
    uint64_t lost;
    acap_event events[ROOM];
} told;

static acap_context *make_context(void)
{
    acap_context_config config = ACAP_CONTEXT_CONFIG_INIT;
    acap_context *context = NULL;

    config.backend = "push";
    assert_int_equal(acap_context_create(&config, &context), ACAP_OK);
    return context;
}

static void say(const char *text)
{
    acap__tell(ACAP_EVENT_LOG, ACAP_LEVEL_INFO, text);
}

/* What happens to this machine's devices meanwhile is none of ours. */
static const told *take_all(acap_context *context)
{
    static told all;
    acap_event event = ACAP_EVENT_INIT;

    all.count = 0;
    all.lost = 0;
    while (acap_context_next_event(context, 0, &event) == ACAP_OK) {
        all.lost += event.events_lost;
        if (event.type == ACAP_EVENT_DEVICES_CHANGED)
            continue;
        assert_true(all.count < ROOM);
        all.events[all.count++] = event;
    }
    return &all;
}

static uint32_t count_of(const told *all, uint32_t type, const char *text)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < all->count; i++)
        count += all->events[i].type == type && strcmp(all->events[i].text, text) == 0;
    return count;
}

/* Once, however often it was said since then. More often only where this process itself was kept from saying it for so long. */
static void assert_told_once(const told *all, const char *text, int64_t since_ns)
{
    const uint32_t count = count_of(all, ACAP_EVENT_LOG, text);

    if (count < 1 || count > 1 + (acap_clock_ns() - since_ns) / RETOLD_NS)
        fail_msg("told %u times instead of once: %s", count, text);
}

/* As three calls of each attempt to get a device back, after what matters. */
static void what_is_said_over_and_over_is_told_once(void **state)
{
    acap_context *context = make_context();
    const int64_t since_ns = acap_clock_ns();

    (void)state;
    acap__tell(ACAP_EVENT_HOST_STUCK, ACAP_LEVEL_ERROR, "left behind");
    for (int i = 0; i < 1000; i++) {
        say("cannot reach the server");
        say("cannot open the card");
        say("cannot start the card");
        if (i == 500)
            say("cannot open another card");
    }
    const told *all = take_all(context);
    assert_int_equal(all->lost, 0);
    assert_int_equal(all->events[0].type, ACAP_EVENT_HOST_STUCK);
    assert_int_equal(all->events[1].level, ACAP_LEVEL_INFO);
    assert_true(all->events[1].time_ns >= since_ns && all->events[1].stream_id == 0);
    assert_string_equal(all->events[1].text, "cannot reach the server");
    assert_told_once(all, "cannot reach the server", since_ns);
    assert_told_once(all, "cannot open the card", since_ns);
    assert_told_once(all, "cannot start the card", since_ns);
    assert_told_once(all, "cannot open another card", since_ns);
    acap_context_destroy(context);
}

/* That it was taken is no reason to tell it again. */
static void who_takes_at_once_is_told_once_as_well(void **state)
{
    acap_context *context = make_context();
    const int64_t since_ns = acap_clock_ns();
    uint32_t count = 0;

    (void)state;
    for (int i = 0; i < 100; i++) {
        say("cannot open the card");
        count += take_all(context)->count;
    }
    assert_true(count >= 1 && count <= 1 + (acap_clock_ns() - since_ns) / RETOLD_NS);
    acap_context_destroy(context);
}

static void a_new_context_has_heard_nothing_yet(void **state)
{
    acap_context *first = make_context();
    const int64_t since_ns = acap_clock_ns();

    (void)state;
    say("cannot open the card");
    acap_context *second = make_context();
    say("cannot open the card");
    assert_told_once(take_all(first), "cannot open the card", since_ns);
    assert_told_once(take_all(second), "cannot open the card", since_ns);
    acap_context_destroy(first);
    acap_context_destroy(second);
}

static void what_differs_is_all_told_in_order(void **state)
{
    acap_context *context = make_context();
    char text[32];

    (void)state;
    for (uint32_t i = 0; i < ROOM / 2; i++) {
        snprintf(text, sizeof text, "cannot open hw:%u", i);
        say(text);
    }
    const told *all = take_all(context);
    assert_int_equal(all->count, ROOM / 2);
    for (uint32_t i = 0; i < all->count; i++) {
        snprintf(text, sizeof text, "cannot open hw:%u", i);
        assert_string_equal(all->events[i].text, text);
    }
    acap_context_destroy(context);
}

static void what_acap_itself_says_is_told_each_time(void **state)
{
    acap_context *context = make_context();

    (void)state;
    for (int i = 0; i < 3; i++)
        acap__tell(ACAP_EVENT_HOST_STUCK, ACAP_LEVEL_ERROR, "left behind");
    assert_int_equal(count_of(take_all(context), ACAP_EVENT_HOST_STUCK, "left behind"), 3);
    acap_context_destroy(context);
}

/* In an event loop, as by any other event. */
static void who_waits_for_events_is_woken(void **state)
{
    acap_context *context = make_context();
    struct pollfd asked = {0};
    intptr_t handle = -1;

    (void)state;
    assert_int_equal(acap_context_get_wait_handle(context, &handle), ACAP_OK);
    (void)take_all(context);
    say("cannot open the card");
    asked.fd = (int)handle;
    asked.events = POLLIN;
    assert_int_equal(poll(&asked, 1, 0), 1);
    assert_int_equal(count_of(take_all(context), ACAP_EVENT_LOG, "cannot open the card"), 1);
    acap_context_destroy(context);
}

static void *say_again_and_again(void *own_text)
{
    for (int i = 0; i < 500; i++) {
        say("cannot reach the server");
        say(own_text);
    }
    return NULL;
}

/* While contexts come and go. */
static void whoever_says_it_it_is_told_once(void **state)
{
    static char texts[4][32];
    acap_context *context = make_context();
    const int64_t since_ns = acap_clock_ns();
    pthread_t threads[4];

    (void)state;
    for (int i = 0; i < 4; i++) {
        snprintf(texts[i], sizeof texts[i], "cannot open hw:%d", i);
        assert_int_equal(pthread_create(&threads[i], NULL, say_again_and_again, texts[i]), 0);
    }
    for (int i = 0; i < 20; i++)
        acap_context_destroy(make_context());
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    const told *all = take_all(context);
    assert_int_equal(all->lost, 0);
    assert_told_once(all, "cannot reach the server", since_ns);
    for (int i = 0; i < 4; i++)
        assert_told_once(all, texts[i], since_ns);
    acap_context_destroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_over_and_over_is_told_once),
        cmocka_unit_test(who_takes_at_once_is_told_once_as_well),
        cmocka_unit_test(a_new_context_has_heard_nothing_yet),
        cmocka_unit_test(what_differs_is_all_told_in_order),
        cmocka_unit_test(what_acap_itself_says_is_told_each_time),
        cmocka_unit_test(who_waits_for_events_is_woken),
        cmocka_unit_test(whoever_says_it_it_is_told_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
