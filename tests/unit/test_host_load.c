/* SPDX-License-Identifier: MIT */
/* Owns: the proof that many threads at once, some of which give up at any moment, neither lose a job nor have one discarded twice.
 * Run by: CTest, below a second; under ThreadSanitizer too.
 * Runs on: the insides of the static library. */
#include "host.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { CALLERS = 4, ROUNDS = 300, WRITTEN = 42 };

typedef struct counted {
    acap__job job;
    int value; /* written by run, read by a caller that was told ACAP_OK */
} counted;

static acap__u32 runs;
static acap__u32 discards;

static void run_counted(acap__job *job)
{
    ((counted *)job)->value = WRITTEN;
    (void)acap__add_acq_rel(&runs, 1u);
}

static void discard_counted(acap__job *job)
{
    (void)acap__add_acq_rel(&discards, 1u);
    free(job);
}

static counted *make_counted(void)
{
    counted *c = calloc(1, sizeof *c);

    if (c == NULL)
        abort();
    acap__job_init(&c->job, run_counted, discard_counted, INT64_MAX);
    return c;
}

/* What one caller saw. */
typedef struct seen {
    uint32_t succeeded;
    uint32_t unwritten; /* succeeded, and yet run's work was not to be seen */
    uint32_t never_begun;
} seen;

/* Every third call gives up at once, whatever the host is doing; the host comes and goes with its users. */
static void *call_and_post(void *out)
{
    acap__host *host = acap__host_sim();
    seen *s = out;

    for (int i = 0; i < ROUNDS; i++) {
        counted *c = make_counted();
        acap__host_acquire(host);
        const acap_result result = acap__host_call(host, &c->job, i % 3 == 0 ? acap_clock_ns() : INT64_MAX);
        if (result == ACAP_OK) {
            s->succeeded++;
            s->unwritten += c->value == WRITTEN ? 0 : 1;
        } else if (!c->job.abandoned) {
            s->never_begun++;
        }
        acap__job_drop(&c->job);
        acap__host_post(host, &make_counted()->job);
        acap__host_release(host);
    }
    return NULL;
}

static void many_callers_lose_nothing(void **state)
{
    pthread_t threads[CALLERS];
    seen all[CALLERS] = { { 0, 0, 0 } };
    uint32_t never_begun = 0;

    (void)state;
    for (int i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_and_post, &all[i]), 0);
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(all[i].unwritten, 0);
        assert_in_range(all[i].succeeded, ROUNDS - (ROUNDS + 2) / 3, ROUNDS);
        never_begun += all[i].never_begun;
    }
    /* The last posts, and what threads that were left behind still hold: CTest's time limit is the one here. */
    while (acap__load_acquire(&discards) < 2 * CALLERS * ROUNDS)
        acap__thread_yield();
    assert_int_equal(acap__load_acquire(&discards), 2 * CALLERS * ROUNDS);
    assert_int_equal(acap__load_acquire(&runs), 2 * CALLERS * ROUNDS - never_begun);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_callers_lose_nothing),
    };

    return cmocka_run_group_tests_name("host_load", tests, NULL, NULL);
}
