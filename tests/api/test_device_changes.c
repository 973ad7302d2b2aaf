/* SPDX-License-Identifier: MIT */
/* Owns: tests of DEVICES_CHANGED on Linux: entries of /dev/snd come and go, and contexts tell. Leaves /dev as it was.
 * Run by: CTest, about two seconds: several entries of one device are one change, for which the library waits 0.2 s. Skipped where /dev/snd
 * cannot be written to.
 * Runs on: the public API. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY "/dev/snd"

static bool is_ours; /* there was no such directory: this program makes and removes it */
/* Of this process alone: another build's tests may run at the same time. */
static char entry[64];
static char other_entry[64];
static char unrelated[64];

static bool make_entry(const char *path)
{
    const int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);

    return fd >= 0 && close(fd) == 0;
}

static void name_entries(void)
{
    const int self = (int)getpid();

    snprintf(entry, sizeof entry, DIRECTORY "/acap_test_card_%d", self);
    snprintf(other_entry, sizeof other_entry, DIRECTORY "/acap_test_control_%d", self);
    snprintf(unrelated, sizeof unrelated, "/dev/acap_test_unrelated_%d", self);
}

static int enter_directory(void **state)
{
    (void)state;
    return is_ours && mkdir(DIRECTORY, 0755) != 0 && errno != EEXIST ? -1 : 0;
}

static int leave_directory(void **state)
{
    (void)state;
    (void)unlink(entry);
    (void)unlink(other_entry);
    (void)unlink(unrelated);
    if (is_ours)
        (void)rmdir(DIRECTORY);
    return 0;
}

/* errno tells why not. */
static bool can_write(void)
{
    is_ours = access(DIRECTORY, F_OK) != 0;
    const bool can = enter_directory(NULL) == 0 && make_entry(entry);
    const int saved = errno;
    (void)leave_directory(NULL);
    errno = saved;
    return can;
}

static void expect_change(acap_context *context)
{
    acap_event event = ACAP_EVENT_INIT;

    assert_ok(acap_context_next_event(context, 10 * NS_PER_S, &event));
    assert_int_equal(event.type, ACAP_EVENT_DEVICES_CHANGED);
    assert_int_equal(event.level, ACAP_LEVEL_INFO);
    assert_int_equal(event.stream_id, 0);
    assert_true(event.text[0] != '\0');
}

/* Somebody who wants events: from the first question on, changes are noticed. */
static acap_context *watching_context(void)
{
    acap_context *context = make_context("sim");
    acap_event event = ACAP_EVENT_INIT;

    assert_result(acap_context_next_event(context, 0, &event), ACAP_TIMED_OUT);
    return context;
}

static void a_device_that_comes_and_one_that_goes_are_told(void **state)
{
    acap_context *context = watching_context();

    (void)state;
    assert_true(make_entry(entry));
    expect_change(context);
    assert_int_equal(unlink(entry), 0);
    expect_change(context);
    acap_context_destroy(context);
    assert_true(threads_have_gone());
}

static void every_context_is_told_and_its_descriptor_says_so(void **state)
{
    acap_context *first = watching_context();
    acap_context *second = make_context("push");
    struct pollfd asked = {.events = POLLIN};
    intptr_t handle;

    (void)state;
    assert_ok(acap_context_get_wait_handle(second, &handle)); /* that, too, is a wish for events */
    asked.fd = (int)handle;
    assert_true(make_entry(entry));
    assert_int_equal(poll(&asked, 1, 10000), 1);
    expect_change(second);
    expect_change(first);
    acap_context_destroy(first);
    assert_int_equal(unlink(entry), 0); /* one that goes takes nobody with it */
    expect_change(second);
    acap_context_destroy(second);
    assert_true(threads_have_gone());
}

/* Who lists devices first and asks for events later has missed nothing. */
static void what_changed_before_the_first_question_is_told(void **state)
{
    acap_context *first = make_context("sim");
    acap_context *second = make_context("push");
    acap_event event = ACAP_EVENT_INIT;
    intptr_t handle;

    (void)state;
    assert_true(make_entry(unrelated)); /* none of ours */
    assert_true(make_entry(entry));
    assert_ok(acap_context_next_event(first, 0, &event));
    assert_int_equal(event.type, ACAP_EVENT_DEVICES_CHANGED);
    assert_result(acap_context_next_event(first, 0, &event), ACAP_TIMED_OUT);
    assert_ok(acap_context_get_wait_handle(second, &handle));
    struct pollfd asked = {.fd = (int)handle, .events = POLLIN};
    assert_int_equal(poll(&asked, 1, 0), 1);
    expect_change(second);
    acap_context *late = make_context("sim");
    assert_result(acap_context_next_event(late, 0, &event), ACAP_TIMED_OUT); /* it knows no other state */
    assert_int_equal(unlink(entry), 0); /* from now on, as ever */
    expect_change(first);
    expect_change(second);
    expect_change(late);
    acap_context_destroy(late);
    acap_context_destroy(second);
    acap_context_destroy(first);
    assert_true(threads_have_gone());
}

/* As on a machine whose first card is plugged in after the program's start. */
static void a_directory_that_came_before_the_first_question_is_told(void **state)
{
    acap_event event = ACAP_EVENT_INIT;

    (void)state;
    if (!is_ours || rmdir(DIRECTORY) != 0) {
        print_message("%s belongs to others, too: it is left where it is\n", DIRECTORY);
        skip();
    }
    acap_context *context = make_context("sim");
    assert_int_equal(mkdir(DIRECTORY, 0755), 0);
    assert_ok(acap_context_next_event(context, 0, &event));
    assert_int_equal(event.type, ACAP_EVENT_DEVICES_CHANGED);
    acap_context_destroy(context);
    assert_true(threads_have_gone());
}

static void several_entries_of_one_device_are_one_change(void **state)
{
    acap_context *context = watching_context();
    acap_event event = ACAP_EVENT_INIT;
    uint32_t changes = 0;

    (void)state;
    assert_true(make_entry(unrelated)); /* none of ours */
    for (int i = 0; i < 10; i++) {
        assert_true(make_entry(entry));
        assert_true(make_entry(other_entry));
        assert_int_equal(unlink(entry), 0);
        assert_int_equal(unlink(other_entry), 0);
    }
    while (acap_context_next_event(context, 500 * NS_PER_MS, &event) == ACAP_OK)
        changes++;
    assert_in_range(changes, 1, 4); /* of forty entries; a machine that is busy for 0.2 s makes two of one */
    acap_context_destroy(context);
}

/* On a machine whose first card is plugged in there is no directory before. */
static void the_directory_itself_may_come_and_go(void **state)
{
    (void)state;
    if (!is_ours || rmdir(DIRECTORY) != 0) {
        print_message("%s belongs to others, too: it is left where it is\n", DIRECTORY);
        skip();
    }
    acap_context *context = watching_context();
    assert_int_equal(mkdir(DIRECTORY, 0755), 0);
    expect_change(context);
    assert_true(make_entry(entry));
    expect_change(context);
    acap_context_destroy(context);
    assert_true(threads_have_gone());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_device_that_comes_and_one_that_goes_are_told, enter_directory, leave_directory),
        cmocka_unit_test_setup_teardown(every_context_is_told_and_its_descriptor_says_so, enter_directory, leave_directory),
        cmocka_unit_test_setup_teardown(what_changed_before_the_first_question_is_told, enter_directory, leave_directory),
        cmocka_unit_test_setup_teardown(a_directory_that_came_before_the_first_question_is_told, enter_directory, leave_directory),
        cmocka_unit_test_setup_teardown(several_entries_of_one_device_are_one_change, enter_directory, leave_directory),
        cmocka_unit_test_setup_teardown(the_directory_itself_may_come_and_go, enter_directory, leave_directory),
    };

    name_entries();
    if (!can_write()) {
        printf("skipped: %s cannot be written to: %s\n", DIRECTORY, strerror(errno));
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
