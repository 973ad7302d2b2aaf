/* SPDX-License-Identifier: MIT */
/* Owns: the proof that a host thread runs its jobs in order, comes with the first and goes with the last user, and that posting never
 * waits.
 * Run by: CTest, well below a second.
 * Runs on: the insides of the static library; needs the linker's --wrap=acap__thread_start, to run out of threads. */
#include "host_probe.h"

#include <sys/wait.h>
#include <unistd.h>

static void runs_in_order(void **state)
{
    probe *posted[4];
    probe *called = make_probe(4, INT64_MAX);

    (void)state;
    for (int i = 0; i < 4; i++) {
        posted[i] = make_probe(i, INT64_MAX);
        acap__host_post(host, &posted[i]->job);
    }
    assert_int_equal(acap__host_call(host, &called->job, INT64_MAX), ACAP_OK);
    assert_int_equal(acap__load_acquire(&order_count), 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(order[i], i);
    assert_true(called->was_current);
    assert_false(called->was_abandoned);
    for (int i = 0; i < 4; i++)
        finish(posted[i]);
    assert_false(has_come(&called->discarded));
    acap__job_drop(&called->job);
    finish(called);
}

static void stays_on_one_thread(void **state)
{
    probe *first = make_probe(1, INT64_MAX);
    probe *second = make_probe(2, INT64_MAX);

    (void)state;
    assert_int_equal(acap__host_call(host, &first->job, INT64_MAX), ACAP_OK);
    assert_int_equal(acap__host_call(host, &second->job, INT64_MAX), ACAP_OK);
    assert_int_equal(first->thread, second->thread);
    assert_true(acap__load_acquire(&threads_started) <= 1); /* an idle thread needs no second one */
    assert_false(acap__host_is_current(host));
    acap__job_drop(&first->job);
    acap__job_drop(&second->job);
    finish(first);
    finish(second);
}

/* If it did, this would never end: who could let the blocker go waits in post. */
static void post_never_waits(void **state)
{
    probe *blocker = make_hanging(1, INT64_MAX);
    probe *posted[8];

    (void)state;
    acap__host_post(host, &blocker->job);
    wait_for(&blocker->begun);
    for (int i = 0; i < 8; i++) {
        posted[i] = make_probe(2 + i, INT64_MAX);
        acap__host_post(host, &posted[i]->job);
    }
    for (int i = 0; i < 8; i++)
        assert_int_equal(acap__load_acquire(&posted[i]->runs), 0);
    sem_post(&blocker->may_end);
    for (int i = 0; i < 8; i++)
        finish(posted[i]);
    for (int i = 0; i < 9; i++)
        assert_int_equal(order[i], 1 + i);
    finish(blocker);
}

static void thread_ends_when_unused_and_starts_again(void **state)
{
    probe *first = make_probe(1, INT64_MAX);
    probe *second = make_probe(2, INT64_MAX);

    (void)state;
    assert_int_equal(acap__host_call(host, &first->job, INT64_MAX), ACAP_OK);
    acap__host_release(host);
    wait_for_thread_end();
    acap__host_acquire(host);
    assert_false(has_come(&second->begun));
    assert_int_equal(acap__host_call(host, &second->job, INT64_MAX), ACAP_OK);
    acap__job_drop(&first->job);
    acap__job_drop(&second->job);
    finish(first);
    finish(second);
}

/* What was posted last, such as a close, still runs when nobody uses the host any more. */
static void queue_is_served_without_users(void **state)
{
    probe *posted = make_probe(1, INT64_MAX);

    (void)state;
    acap__host_release(host);
    acap__host_post(host, &posted->job);
    wait_for(&posted->ended);
    wait_for_thread_end();
    finish(posted);
    acap__host_acquire(host);
}

static void without_threads_calls_fail_and_posts_wait(void **state)
{
    probe *called = make_probe(1, INT64_MAX);
    probe *posted = make_probe(2, INT64_MAX);

    (void)state;
    acap__store_release(&no_threads_left, 1u);
    assert_int_equal(acap__host_call(host, &called->job, INT64_MAX), ACAP_ERROR_NO_MEMORY);
    acap__host_post(host, &posted->job);
    acap__store_release(&no_threads_left, 0u);
    assert_int_equal(acap__load_acquire(&posted->runs), 0);
    acap__host_acquire(host);
    acap__host_release(host); /* tries again */
    wait_for(&posted->ended);
    assert_int_equal(acap__load_acquire(&called->runs), 0);
    acap__job_drop(&called->job);
    finish(called);
    finish(posted);
}

/* The second thread is not there to take over, but the first one does the work once it comes back. */
static void without_a_second_thread_the_first_goes_on(void **state)
{
    probe *first = make_probe(3, INT64_MAX);
    probe *blocker = make_hanging(1, INT64_MAX);
    probe *posted = make_probe(2, INT64_MAX);

    (void)state;
    assert_int_equal(acap__host_call(host, &first->job, INT64_MAX), ACAP_OK);
    acap__job_drop(&first->job);
    finish(first);
    acap__store_release(&no_threads_left, 1u);
    acap__host_post(host, &blocker->job);
    wait_for(&blocker->begun);
    acap__host_post(host, &posted->job);
    sem_post(&blocker->may_end);
    wait_for(&posted->ended);
    acap__store_release(&no_threads_left, 0u);
    assert_int_equal(blocker->thread, posted->thread);
    finish(blocker);
    finish(posted);
}

static int use_in_child(void)
{
    probe *called = make_probe(1, INT64_MAX);

    if (acap__host_call(host, &called->job, INT64_MAX) != ACAP_ERROR_FORKED)
        return 1;
    acap__host_post(host, &called->job);
    acap__host_acquire(host);
    acap__host_release(host);
    acap__job_drop(&called->job);
    return acap__load_acquire(&called->runs) == 0 && acap__load_acquire(&called->discards) == 0 ? 0 : 2;
}

static void child_of_a_fork_does_nothing(void **state)
{
    int status = 0;

    (void)state;
    acap__fork_watch();
    const pid_t child = fork();
    if (child == 0)
        _exit(use_in_child());
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROBE_TEST(runs_in_order),
        PROBE_TEST(stays_on_one_thread),
        PROBE_TEST(post_never_waits),
        PROBE_TEST(thread_ends_when_unused_and_starts_again),
        PROBE_TEST(queue_is_served_without_users),
        PROBE_TEST(without_threads_calls_fail_and_posts_wait),
        PROBE_TEST(without_a_second_thread_the_first_goes_on),
        PROBE_TEST(child_of_a_fork_does_nothing),
    };

    return cmocka_run_group_tests_name("host", tests, make_probes, NULL);
}
