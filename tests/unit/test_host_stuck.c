/* SPDX-License-Identifier: MIT */
/* Owns: the proof that a job which does not come back holds up nobody, and is harmless when it does.
 * Run by: CTest, below a second.
 * Runs on: the insides of the static library; needs the linker's --wrap=acap__thread_start, to run out of threads. */
#include "host_probe.h"

static void job_that_has_not_begun_never_does(void **state)
{
    const uint32_t stuck_before = acap__host_stuck_count(host);
    probe *blocker = make_hanging(1, INT64_MAX);
    probe *late = make_probe(2, INT64_MAX);
    probe *next = make_probe(3, INT64_MAX);

    (void)state;
    acap__host_post(host, &blocker->job);
    wait_for(&blocker->begun);
    assert_int_equal(acap__host_call(host, &late->job, acap_clock_ns()), ACAP_ERROR_HOST_STUCK);
    assert_false(late->job.abandoned); /* the caller's own again */
    sem_post(&blocker->may_end);
    assert_int_equal(acap__host_call(host, &next->job, INT64_MAX), ACAP_OK);
    assert_int_equal(acap__load_acquire(&late->runs), 0);
    assert_int_equal(acap__host_stuck_count(host), stuck_before);
    assert_int_equal(blocker->thread, next->thread);
    acap__job_drop(&late->job);
    acap__job_drop(&next->job);
    finish(late);
    finish(next);
    finish(blocker);
}

static void given_up_job_can_be_posted_again(void **state)
{
    probe *blocker = make_hanging(1, INT64_MAX);
    probe *late = make_probe(2, INT64_MAX);

    (void)state;
    acap__host_post(host, &blocker->job);
    wait_for(&blocker->begun);
    assert_int_equal(acap__host_call(host, &late->job, acap_clock_ns()), ACAP_ERROR_HOST_STUCK);
    make_new(late);
    acap__host_post(host, &late->job);
    sem_post(&blocker->may_end);
    wait_for(&late->ended);
    finish(late);
    finish(blocker);
}

static void stuck_job_is_left_behind(void **state)
{
    const uint32_t stuck_before = acap__host_stuck_count(host);
    probe *stuck = make_hanging(1, INT64_MAX);
    probe *next = make_probe(2, INT64_MAX);

    (void)state;
    call_and_leave(stuck);
    assert_int_equal(acap__host_stuck_count(host), stuck_before + 1);
    assert_int_equal(acap__host_call(host, &next->job, INT64_MAX), ACAP_OK);
    assert_int_not_equal(stuck->thread, next->thread);

    /* It comes back: it learns that it is late, and is discarded once, by whoever lets go last. */
    acap__job_drop(&stuck->job);
    assert_false(has_come(&stuck->discarded));
    sem_post(&stuck->may_end);
    wait_for(&stuck->ended);
    assert_true(stuck->was_abandoned);
    assert_false(stuck->was_current);
    wait_for_thread_end();
    finish(stuck);
    assert_int_equal(acap__host_stuck_count(host), stuck_before + 1);
    acap__job_drop(&next->job);
    finish(next);
}

static void caller_discards_what_came_back_first(void **state)
{
    probe *stuck = make_hanging(1, INT64_MAX);

    (void)state;
    call_and_leave(stuck);
    sem_post(&stuck->may_end);
    wait_for_thread_end();
    assert_false(has_come(&stuck->discarded));
    acap__job_drop(&stuck->job);
    assert_int_equal(acap__load_acquire(&stuck->discards), 1);
    finish(stuck);
}

/* Nobody waits for anything, and still the second job does not wait behind the first. */
static void limit_is_watched_without_a_caller(void **state)
{
    const uint32_t stuck_before = acap__host_stuck_count(host);
    probe *stuck = make_hanging(1, SOON_NS);
    probe *next = make_probe(2, INT64_MAX);

    (void)state;
    acap__host_post(host, &stuck->job);
    acap__host_post(host, &next->job);
    wait_for(&next->ended);
    assert_int_equal(acap__host_stuck_count(host), stuck_before + 1);
    assert_false(has_come(&stuck->ended));
    sem_post(&stuck->may_end);
    finish(stuck);
    finish(next);
}

static bool has_been_left(uint32_t stuck_before)
{
    for (int64_t until_ns = acap_clock_ns() + 30 * ACAP__NS_PER_S; acap_clock_ns() < until_ns; acap__thread_yield())
        if (acap__host_stuck_count(host) > stuck_before)
            return true;
    return false;
}

/* Nobody waits and nothing comes after it, as with the close of the last stream: it must be told all the same. */
static void limit_is_watched_without_anybody(void **state)
{
    const uint32_t stuck_before = acap__host_stuck_count(host);
    probe *stuck = make_hanging(1, SOON_NS);

    (void)state;
    acap__host_post(host, &stuck->job);
    assert_true(has_been_left(stuck_before));
    sem_post(&stuck->may_end);
    finish(stuck);
}

/* Whoever watched it meanwhile has gone. */
static void limit_is_watched_after_a_caller_gave_up(void **state)
{
    const uint32_t stuck_before = acap__host_stuck_count(host);
    probe *stuck = make_hanging(1, 5 * SOON_NS);
    probe *late = make_probe(2, INT64_MAX);

    (void)state;
    acap__host_post(host, &stuck->job);
    wait_for(&stuck->begun);
    assert_int_equal(acap__host_call(host, &late->job, acap_clock_ns() + SOON_NS / 20), ACAP_ERROR_HOST_STUCK);
    acap__job_drop(&late->job);
    finish(late);
    assert_true(has_been_left(stuck_before));
    sem_post(&stuck->may_end);
    finish(stuck);
}

static void caller_watches_the_limit_of_another_job(void **state)
{
    const uint32_t stuck_before = acap__host_stuck_count(host);
    probe *stuck = make_hanging(1, SOON_NS);
    probe *next = make_probe(2, INT64_MAX);

    (void)state;
    acap__host_post(host, &stuck->job);
    wait_for(&stuck->begun);
    assert_int_equal(acap__host_call(host, &next->job, INT64_MAX), ACAP_OK);
    assert_int_equal(acap__host_stuck_count(host), stuck_before + 1);
    sem_post(&stuck->may_end);
    finish(stuck);
    acap__job_drop(&next->job);
    finish(next);
}

static void caller_does_not_wait_beyond_its_own_limit(void **state)
{
    probe *stuck = make_hanging(1, SOON_NS);

    (void)state;
    assert_int_equal(acap__host_call(host, &stuck->job, INT64_MAX), ACAP_ERROR_HOST_STUCK);
    sem_post(&stuck->may_end);
    acap__job_drop(&stuck->job);
    finish(stuck);
}

/* Once run has been told that its caller is there, the caller takes the result, however late. */
static void job_that_was_told_so_is_kept(void **state)
{
    uint32_t stuck_before = acap__host_stuck_count(host);
    probe *kept = make_hanging(1, INT64_MAX);
    int64_t wait_ns = SOON_NS;

    (void)state;
    kept->asks = true;
    while (acap__host_call(host, &kept->job, acap_clock_ns() + wait_ns) != ACAP_OK) {
        /* Too busy a machine: it had not asked yet. */
        if (kept->job.abandoned)
            sem_post(&kept->may_end);
        acap__job_drop(&kept->job);
        finish(kept);
        kept = make_hanging(1, INT64_MAX);
        kept->asks = true;
        stuck_before = acap__host_stuck_count(host);
        wait_ns *= 2;
    }
    wait_for(&kept->begun);
    assert_false(kept->was_abandoned);
    assert_int_equal(acap__host_stuck_count(host), stuck_before);
    assert_false(has_come(&kept->ended));
    sem_post(&kept->may_end);
    wait_for(&kept->ended);
    assert_true(kept->was_current);
    acap__job_drop(&kept->job);
    finish(kept);
}

static void *let_go_later(void *opaque)
{
    probe *p = opaque;

    wait_for(&p->begun);
    acap__host_post(host, &p->rest->job); /* wakes the caller, who must find that nothing has changed */
    acap__sleep_until(acap_clock_ns() + SOON_NS);
    p->rest = NULL;
    sem_post(&p->may_end);
    return NULL;
}

/* To have asked does not mean to have ended: within its time, the caller waits for the whole of run. */
static void kept_job_is_waited_for(void **state)
{
    probe *kept = make_hanging(1, INT64_MAX);
    probe *other = make_probe(2, INT64_MAX);
    pthread_t helper;

    (void)state;
    kept->asks = true;
    kept->rest = other;
    assert_int_equal(pthread_create(&helper, NULL, let_go_later, kept), 0);
    assert_int_equal(acap__host_call(host, &kept->job, INT64_MAX), ACAP_OK);
    assert_true(has_come(&kept->ended));
    assert_int_equal(pthread_join(helper, NULL), 0);
    acap__job_drop(&kept->job);
    finish(kept);
    finish(other);
}

/* Nobody was there to take over when it was posted, but somebody is found when the thread is given up. */
static void what_was_posted_behind_a_stuck_job_runs(void **state)
{
    probe *stuck = make_hanging(1, INT64_MAX);
    probe *next = make_probe(2, INT64_MAX);

    (void)state;
    stuck->next = next;
    call_and_leave(stuck);
    wait_for(&next->ended);
    sem_post(&stuck->may_end);
    acap__job_drop(&stuck->job);
    finish(stuck);
    finish(next);
}

/* A thread that comes back late does not touch what its successor is doing. */
static void late_return_disturbs_nobody(void **state)
{
    const uint32_t stuck_before = acap__host_stuck_count(host);
    probe *first = make_hanging(1, INT64_MAX);
    probe *second = make_hanging(2, 5 * SOON_NS);
    probe *third = make_probe(3, INT64_MAX);

    (void)state;
    call_and_leave(first);
    acap__host_post(host, &second->job);
    wait_for(&second->begun);
    sem_post(&first->may_end);
    wait_for_thread_end();
    acap__host_post(host, &third->job);
    wait_for(&third->ended); /* because the second is still watched */
    assert_int_equal(acap__host_stuck_count(host), stuck_before + 2);
    sem_post(&second->may_end);
    acap__job_drop(&first->job);
    finish(first);
    finish(second);
    finish(third);
}

/* A thread that was left behind hands the rest of its work to the one that sits there now. */
static void late_job_hands_over(void **state)
{
    probe *stuck = make_hanging(1, INT64_MAX);
    probe *rest = make_probe(2, INT64_MAX);

    (void)state;
    stuck->rest = rest;
    call_and_leave(stuck);
    acap__job_drop(&stuck->job);
    sem_post(&stuck->may_end);
    wait_for(&rest->ended);
    assert_true(rest->was_current);
    assert_int_not_equal(rest->thread, stuck->thread);
    finish(stuck);
    finish(rest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROBE_TEST(job_that_has_not_begun_never_does),
        PROBE_TEST(given_up_job_can_be_posted_again),
        PROBE_TEST(stuck_job_is_left_behind),
        PROBE_TEST(caller_discards_what_came_back_first),
        PROBE_TEST(limit_is_watched_without_a_caller),
        PROBE_TEST(limit_is_watched_without_anybody),
        PROBE_TEST(limit_is_watched_after_a_caller_gave_up),
        PROBE_TEST(caller_watches_the_limit_of_another_job),
        PROBE_TEST(caller_does_not_wait_beyond_its_own_limit),
        PROBE_TEST(job_that_was_told_so_is_kept),
        PROBE_TEST(kept_job_is_waited_for),
        PROBE_TEST(what_was_posted_behind_a_stuck_job_runs),
        PROBE_TEST(late_return_disturbs_nobody),
        PROBE_TEST(late_job_hands_over),
    };

    return cmocka_run_group_tests_name("host_stuck", tests, make_probes, NULL);
}
