/* SPDX-License-Identifier: MIT */
/* Owns: tests of what is new and what is only said again: by time, by the text, in a bounded memory; and that the queue of events asks.
 * Run by: CTest, in milliseconds.
 * Runs on: the insides of the static library; the time is what the test says. */
#include "events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define HOUR_S 3600

static acap__echo *make_echo(void)
{
    acap__echo *echo = calloc(1, sizeof *echo);

    assert_non_null(echo);
    return echo;
}

static void what_is_said_every_second_is_news_once(void **state)
{
    acap__echo *echo = make_echo();
    uint32_t told = 0;

    (void)state;
    for (int64_t second = 0; second < HOUR_S; second++)
        told += acap__echo_hear(echo, "cannot open the card", second * ACAP__NS_PER_S);
    assert_int_equal(told, 1);
    free(echo);
}

/* Since it was last said, told or not. */
static void it_is_news_again_after_ten_seconds_without_it(void **state)
{
    acap__echo *echo = make_echo();
    int64_t now_ns = -5 * ACAP__NS_PER_S; /* no time means anything else */

    (void)state;
    assert_true(acap__echo_hear(echo, "cannot open the card", now_ns));
    for (int i = 0; i < 3; i++) {
        now_ns += 10 * ACAP__NS_PER_S - 1;
        assert_false(acap__echo_hear(echo, "cannot open the card", now_ns));
    }
    now_ns += 10 * ACAP__NS_PER_S;
    assert_true(acap__echo_hear(echo, "cannot open the card", now_ns));
    assert_false(acap__echo_hear(echo, "cannot open the card", now_ns));
    free(echo);
}

static void every_other_text_is_news(void **state)
{
    static const char *const texts[] = {"cannot open hw:1", "cannot open hw:2", "cannot open hw:12", "cannot open hw:", "Cannot open hw:1",
                                        " cannot open hw:1", "", " "};
    const size_t count = sizeof texts / sizeof texts[0];
    acap__echo *echo = make_echo();

    (void)state;
    for (size_t i = 0; i < count; i++)
        assert_true(acap__echo_hear(echo, texts[i], 0));
    for (size_t i = 0; i < count; i++)
        assert_false(acap__echo_hear(echo, texts[i], 0));
    free(echo);
}

/* The sound system's words may be longer than an event's text. */
static void what_an_event_does_not_show_makes_no_difference(void **state)
{
    enum { SHOWN = sizeof(((acap_event *)NULL)->text) - 1 };
    acap__echo *echo = make_echo();
    char text[SHOWN + 50];

    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_true(acap__echo_hear(echo, text, 0));
    text[SHOWN] = 'y';
    assert_false(acap__echo_hear(echo, text, 0));
    text[SHOWN] = '\0';
    assert_false(acap__echo_hear(echo, text, 0));
    text[SHOWN - 1] = 'y';
    assert_true(acap__echo_hear(echo, text, 0));
    text[SHOWN - 1] = '\0';
    assert_true(acap__echo_hear(echo, text, 0));
    free(echo);
}

/* Against a memory that has a place for each. */
static void as_many_as_it_remembers_are_never_confused(void **state)
{
    acap__echo *echo = make_echo();
    int64_t heard_ns[ACAP__ECHO_ROOM];
    uint64_t random = 1;
    int64_t now_ns = 0;
    char text[32];

    (void)state;
    for (uint32_t i = 0; i < ACAP__ECHO_ROOM; i++)
        heard_ns[i] = -ACAP__ECHO_NS;
    for (int i = 0; i < 100000; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        const uint32_t which = (uint32_t)(random >> 33) % ACAP__ECHO_ROOM;
        now_ns += (int64_t)(random >> 40) * 100; /* 0.8 s in the mean */
        snprintf(text, sizeof text, "message %u", which);
        assert_int_equal(acap__echo_hear(echo, text, now_ns), now_ns - heard_ns[which] >= ACAP__ECHO_NS);
        heard_ns[which] = now_ns;
    }
    free(echo);
}

/* Words with a number that is another one each time leave what is repeated among them where it is. */
static void of_too_many_the_one_not_heard_for_longest_is_forgotten(void **state)
{
    acap__echo *echo = make_echo();
    uint32_t told = 0;
    char text[32];

    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "attempt %u", i);
        assert_true(acap__echo_hear(echo, text, i * ACAP__NS_PER_MS));
        told += acap__echo_hear(echo, "cannot open the card", i * ACAP__NS_PER_MS);
    }
    assert_int_equal(told, 1);
    for (uint32_t i = 1000 - (ACAP__ECHO_ROOM - 1); i < 1000; i++) {
        snprintf(text, sizeof text, "attempt %u", i);
        assert_false(acap__echo_hear(echo, text, ACAP__NS_PER_S));
    }
    assert_true(acap__echo_hear(echo, "attempt 0", ACAP__NS_PER_S));
    free(echo);
}

static void say(acap__events *events, const char *text, int64_t time_ns)
{
    acap_event event = ACAP_EVENT_INIT;

    event.type = ACAP_EVENT_LOG;
    event.time_ns = time_ns;
    acap__events_post_once(events, &event, text);
}

/* An outage of five minutes is two events, and the next one is told again. */
static void the_queue_holds_what_is_news(void **state)
{
    acap__events *events = calloc(1, sizeof *events);
    const int64_t next_ns = 400 * ACAP__NS_PER_S;

    (void)state;
    assert_non_null(events);
    acap__events_init(events);
    for (int64_t second = 1; second <= 300; second++) {
        say(events, "cannot open the card", second * ACAP__NS_PER_S);
        say(events, "cannot reach the server", second * ACAP__NS_PER_S);
    }
    assert_int_equal(events->count, 2);
    say(events, "cannot open the card", next_ns);
    assert_int_equal(events->count, 3);
    assert_int_equal(events->discarded, 0);
    assert_string_equal(events->ring[0].text, "cannot open the card");
    assert_string_equal(events->ring[1].text, "cannot reach the server");
    assert_string_equal(events->ring[2].text, "cannot open the card");
    assert_true(events->ring[0].time_ns == ACAP__NS_PER_S && events->ring[2].time_ns == next_ns);
    acap__events_destroy(events);
    free(events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_every_second_is_news_once),
        cmocka_unit_test(it_is_news_again_after_ten_seconds_without_it),
        cmocka_unit_test(every_other_text_is_news),
        cmocka_unit_test(what_an_event_does_not_show_makes_no_difference),
        cmocka_unit_test(as_many_as_it_remembers_are_never_confused),
        cmocka_unit_test(of_too_many_the_one_not_heard_for_longest_is_forgotten),
        cmocka_unit_test(the_queue_holds_what_is_news),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
