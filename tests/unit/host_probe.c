/* SPDX-License-Identifier: MIT */
/* Owns: the scaffold of the host's tests.
 * Called by: test_host.c and test_host_stuck.c on the main thread; run_probe and discard_probe on host threads. */
#include "host_probe.h"

#include <errno.h>
#include <sched.h>
#include <time.h>

#define PATIENCE_S 30 /* how long a test waits for what must come, before it fails */

acap__host *host;
int order[ORDER_MAX];
acap__u32 order_count;
acap__u32 no_threads_left;
acap__u32 threads_started;

void wait_for(sem_t *semaphore)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    while (sem_timedwait(semaphore, &until) != 0)
        if (errno != EINTR)
            fail_msg("what was waited for has not come in %d s", PATIENCE_S);
}

bool has_come(sem_t *semaphore)
{
    return sem_trywait(semaphore) == 0;
}

/* Host threads that have run a job here, and each one's end. */
static pthread_key_t thread_key;
static acap__u32 threads_begun;
static sem_t thread_ended;
static uint32_t threads_seen_to_end;

static void on_thread_end(void *unused)
{
    (void)unused;
    sem_post(&thread_ended);
}

/* The calling thread's number, from 1: pthread_t is used again for a later thread. */
static uintptr_t note_thread(void)
{
    if (pthread_getspecific(thread_key) == NULL)
        pthread_setspecific(thread_key, (void *)(uintptr_t)(acap__add_acq_rel(&threads_begun, 1u) + 1));
    return (uintptr_t)pthread_getspecific(thread_key);
}

void wait_for_thread_end(void)
{
    wait_for(&thread_ended);
    threads_seen_to_end++;
}

/* All that have been started and have not returned, guards that never ran a job among them. */
static acap__u32 threads_alive;

struct started {
    void (*run)(void *);
    void *argument;
};

static void run_counted(void *argument)
{
    const struct started started = *(struct started *)argument;

    free(argument);
    started.run(started.argument);
    (void)acap__sub_acq_rel(&threads_alive, 1u);
}

static void wait_for_threads_to_go(void)
{
    const int64_t until_ns = acap_clock_ns() + PATIENCE_S * ACAP__NS_PER_S;

    while (acap__load_acquire(&threads_alive) != 0) {
        if (acap_clock_ns() > until_ns)
            fail_msg("a thread of the host has not gone in %d s", PATIENCE_S);
        sched_yield();
    }
}

/* The system may be out of threads. */
bool __real_acap__thread_start(void (*run)(void *), void *argument, const char *name);
bool __wrap_acap__thread_start(void (*run)(void *), void *argument, const char *name);

bool __wrap_acap__thread_start(void (*run)(void *), void *argument, const char *name)
{
    if (acap__load_acquire(&no_threads_left))
        return false;
    struct started *started = malloc(sizeof *started);
    assert_non_null(started);
    *started = (struct started){run, argument};
    (void)acap__add_acq_rel(&threads_started, 1u);
    (void)acap__add_acq_rel(&threads_alive, 1u);
    return __real_acap__thread_start(run_counted, started, name);
}

static void run_probe(acap__job *job)
{
    probe *p = (probe *)job;

    p->thread = note_thread();
    (void)acap__add_acq_rel(&p->runs, 1u);
    const uint32_t place = acap__add_acq_rel(&order_count, 1u);
    if (place < ORDER_MAX)
        order[place] = p->number;
    if (p->asks)
        p->was_abandoned = acap__job_is_abandoned(host, job);
    if (p->next != NULL) {
        acap__store_release(&no_threads_left, 1u);
        acap__host_post(host, &p->next->job);
        acap__store_release(&no_threads_left, 0u);
    }
    sem_post(&p->begun);
    if (p->hangs)
        while (sem_wait(&p->may_end) != 0)
            ;
    p->was_current = acap__host_is_current(host);
    if (!p->asks)
        p->was_abandoned = acap__job_is_abandoned(host, job);
    if (p->rest != NULL)
        acap__host_post(host, &p->rest->job);
    sem_post(&p->ended);
}

static void discard_probe(acap__job *job)
{
    probe *p = (probe *)job;

    (void)acap__add_acq_rel(&p->discards, 1u);
    sem_post(&p->discarded);
}

probe *make_probe(int number, int64_t limit_ns)
{
    probe *p = calloc(1, sizeof *p);

    assert_non_null(p);
    sem_init(&p->begun, 0, 0);
    sem_init(&p->may_end, 0, 0);
    sem_init(&p->ended, 0, 0);
    sem_init(&p->discarded, 0, 0);
    p->number = number;
    acap__job_init(&p->job, run_probe, discard_probe, limit_ns);
    return p;
}

probe *make_hanging(int number, int64_t limit_ns)
{
    probe *p = make_probe(number, limit_ns);

    p->hangs = true;
    return p;
}

void finish(probe *p)
{
    wait_for(&p->discarded);
    assert_int_equal(acap__load_acquire(&p->discards), 1);
    free(p);
}

void make_new(probe *p)
{
    acap__job_init(&p->job, run_probe, discard_probe, INT64_MAX);
}

void call_and_leave(probe *p)
{
    for (int64_t wait_ns = SOON_NS; !p->job.abandoned; wait_ns *= 2) {
        make_new(p);
        assert_int_equal(acap__host_call(host, &p->job, acap_clock_ns() + wait_ns), ACAP_ERROR_HOST_STUCK);
    }
    wait_for(&p->begun);
}

int set_up(void **state)
{
    (void)state;
    host = acap__host_sim();
    acap__host_acquire(host);
    acap__store_release(&order_count, 0u);
    acap__store_release(&threads_started, 0u);
    memset(order, 0, sizeof order);
    return 0;
}

int tear_down(void **state)
{
    (void)state;
    acap__host_release(host);
    while (threads_seen_to_end < acap__load_acquire(&threads_begun))
        wait_for_thread_end();
    wait_for_threads_to_go();
    return 0;
}

int make_probes(void **state)
{
    (void)state;
    return pthread_key_create(&thread_key, on_thread_end) == 0 && sem_init(&thread_ended, 0, 0) == 0 ? 0 : -1;
}
