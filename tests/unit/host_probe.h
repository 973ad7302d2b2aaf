/* SPDX-License-Identifier: MIT */
/* Owns: jobs that tell what happens to them, and the wait for it, for the tests of host.c.
 * Used by: test_host.c, test_host_stuck.c, both linked with --wrap=acap__thread_start.
 * A job that hangs waits for a semaphore of the test's, so nothing depends on how fast a thread is; deadlines are short because they are
 * meant to pass. */
#ifndef ACAP_TESTS_UNIT_HOST_PROBE_H
#define ACAP_TESTS_UNIT_HOST_PROBE_H

#include "host.h"
#include "host_seat.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SOON_NS (20 * ACAP__NS_PER_MS)

enum { ORDER_MAX = 16 };

extern acap__host *host;
extern int order[ORDER_MAX]; /* the numbers of the jobs that ran in this test */
extern acap__u32 order_count;
extern acap__u32 no_threads_left; /* 1: no thread can be started */
extern acap__u32 threads_started; /* in this test */

typedef struct probe {
    acap__job job;
    int number;
    sem_t begun;
    sem_t may_end;
    sem_t ended;
    sem_t discarded;
    acap__u32 runs;
    acap__u32 discards;
    bool hangs;         /* run waits for may_end */
    bool asks;          /* run asks, before it hangs, whether it is abandoned */
    struct probe *next; /* posted at the beginning of run, while no thread can be started */
    struct probe *rest; /* posted at the end of run */
    bool was_abandoned; /* at the end of run */
    bool was_current;   /* at the end of run */
    uintptr_t thread;   /* a number, since pthread_t is used again for a later thread */
} probe;

probe *make_probe(int number, int64_t limit_ns);
probe *make_hanging(int number, int64_t limit_ns);
/* Waits until everybody has let go of it, and frees it. */
void finish(probe *p);
/* Calls a hanging one until its caller's deadline has come while it runs: a busy machine may not even have begun it by then. */
void call_and_leave(probe *p);
/* Calls acap__job_init again, for a job that never began. */
void make_new(probe *p);

/* Fails after half a minute. */
void wait_for(sem_t *semaphore);
void wait_for_thread_end(void);
bool has_come(sem_t *semaphore);

int make_probes(void **state);
/* Around each test: the host has one user, this test; afterwards its threads have ended. */
int set_up(void **state);
int tear_down(void **state);
#define PROBE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
