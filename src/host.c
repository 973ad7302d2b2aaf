/* SPDX-License-Identifier: MIT */
/* Owns: host threads: one for each back end that needs one, its queue, and what happens when a sound system never returns.
 * Called by: stream.c and device.c on any thread; back ends on the host thread.
 * Runs: jobs, one at a time and in order, on the thread that sits in the host's seat. A thread that is left behind has lost the seat; it
 * learns that when its job returns, and ends.
 *
 * Invariants, under the one lock:  seat == 0 => running == NULL;  a job is in a queue <=> its state is JOB_QUEUED;
 *   job->references == its caller's + 1 while it is queued or some thread runs it. */
#include "host.h"

#include "check.h"
#include "host_seat.h"
#include "tell.h"

enum job_state {
    JOB_NEW,
    JOB_QUEUED,
    JOB_RUNNING,
    JOB_KEPT, /* still running, but its caller will take the result, however late */
    JOB_DONE,
    JOB_LEFT /* given up: it never ran, or nobody waits for it any more */
};

struct acap__host {
    const char *thread_name;
    acap__cond changed; /* a queue, a job's state, a seat or users */
    acap__job *first;
    acap__job *last;
    acap__job *running;
    int64_t overdue_ns;   /* when running has had its time */
    uint64_t seat;        /* number of the thread that takes jobs; 0: none */
    uint64_t seats_taken; /* the last number given out */
    uint32_t guards;      /* threads started that have not sat down yet: 0 or 1 */
    uint32_t callers; /* inside a call: each watches the running job's limit */
    uint32_t users;
    uint32_t stuck_count;
};

static acap__host portaudio_host = { .thread_name = "acap-portaudio" };
static acap__host sim_host = { .thread_name = "acap-sim" };

/* Which seat the calling thread once took, and whether it still sits there is for the host to say. */
static _Thread_local struct {
    const acap__host *host;
    uint64_t seat;
} self;

acap__host *acap__host_portaudio(void)
{
    return &portaudio_host;
}

acap__host *acap__host_sim(void)
{
    return &sim_host;
}

/* One lock for all hosts: a job does not know its host, and its references must be counted under some lock. It is held for a few
   instructions at a time and never while a job runs. */
static acap__mutex lock;
static acap__u32 lock_state;

enum {
    LOCK_NONE,
    LOCK_BEING_MADE,
    LOCK_READY
};

static void make_lock(void)
{
    uint32_t seen = LOCK_NONE;

    /* relaxed failure: the loop below looks again, with acquire. */
    if (acap__cas_acq_rel_relaxed(&lock_state, &seen, LOCK_BEING_MADE)) {
        acap__mutex_init(&lock);
        acap__cond_init(&portaudio_host.changed);
        acap__cond_init(&sim_host.changed);
        /* release: pairs with the acquire loads here and in lock_hosts; publishes the lock. */
        acap__store_release(&lock_state, (uint32_t)LOCK_READY);
    }
    while (acap__load_acquire(&lock_state) != LOCK_READY)
        acap__thread_yield();
}

static void lock_hosts(void)
{
    if (acap__load_acquire(&lock_state) != LOCK_READY)
        make_lock();
    acap__mutex_lock(&lock);
}

static void unlock_hosts(void)
{
    acap__mutex_unlock(&lock);
}

static void append(acap__host *host, acap__job *job)
{
    job->next = NULL;
    job->state = JOB_QUEUED;
    if (host->last != NULL)
        host->last->next = job;
    else
        host->first = job;
    host->last = job;
}

static void take_out(acap__host *host, acap__job *job)
{
    acap__job *before = NULL;

    for (acap__job *at = host->first; at != job; at = at->next)
        before = at;
    if (before != NULL)
        before->next = job->next;
    else
        host->first = job->next;
    if (host->last == job)
        host->last = before;
    job->next = NULL;
}

/* Unlocks for the discard, which is the owner's code. */
static void drop_locked(acap__job *job)
{
    acap__check(job->references > 0);
    if (--job->references > 0)
        return;
    unlock_hosts();
    job->discard(job);
    lock_hosts();
}

static void serve(void *argument);

/* Threads that have started have still to sit down: one is enough. */
static void start_guard(acap__host *host)
{
    if (host->guards == 0 && acap__thread_start(serve, host, host->thread_name))
        host->guards++;
}

/* Sees to it that somebody will come for the queue, even if the running job never ends. False: nobody will, for want of a thread. */
static bool provide_thread(acap__host *host)
{
    const bool sits_idle = host->seat != 0 && host->running == NULL;

    if (!(sits_idle && host->first == host->last))
        start_guard(host);
    acap__cond_broadcast(&host->changed);
    return host->guards > 0 || host->seat != 0;
}

/* The seat is free again; who sat in it ends as soon as its job returns. */
static void leave_behind(acap__host *host)
{
    acap__job *job = host->running;

    if (job->state == JOB_RUNNING) {
        job->state = JOB_LEFT;
        job->abandoned = true;
    }
    host->running = NULL;
    host->seat = 0;
    host->stuck_count++;
    acap__tell(ACAP_EVENT_HOST_STUCK, ACAP_LEVEL_ERROR, "a call into the sound system did not return in time and was left behind");
    acap__cond_broadcast(&host->changed);
    if (host->first != NULL)
        (void)provide_thread(host);
}

static void leave_behind_if_overdue(acap__host *host)
{
    if (host->running != NULL && acap_clock_ns() >= host->overdue_ns)
        leave_behind(host);
}

static int64_t overdue_or_never(const acap__host *host)
{
    return host->running != NULL ? host->overdue_ns : INT64_MAX;
}

/* A job that hangs is to be told of even where nobody waits for it and nothing comes after it, such as the close of the last stream. */
static bool needs_guard(const acap__host *host)
{
    return host->first != NULL || (host->running != NULL && host->callers == 0);
}

/* For a thread that has just started: waits behind a running job, which may hang, for as long as somebody must. */
static bool sit_down(acap__host *host)
{
    while (host->seat != 0 && needs_guard(host)) {
        leave_behind_if_overdue(host);
        if (host->seat != 0)
            (void)acap__cond_wait_until(&host->changed, &lock, overdue_or_never(host));
    }
    host->guards--;
    /* What it waited behind is over, and nothing came meanwhile: whoever brings something starts a thread. */
    if (host->seat != 0 || host->first == NULL)
        return false;
    host->seat = ++host->seats_taken;
    self.host = host;
    self.seat = host->seat;
    return true;
}

static bool sits(const acap__host *host)
{
    return self.host == host && self.seat == host->seat;
}

static void run_first(acap__host *host)
{
    acap__job *job = host->first;
    const int64_t now_ns = acap_clock_ns();

    take_out(host, job);
    job->state = JOB_RUNNING;
    host->running = job;
    host->overdue_ns = job->limit_ns < INT64_MAX - now_ns ? now_ns + job->limit_ns : INT64_MAX;
    /* Whoever waits has this limit to watch now; for what is left in the queue, and where nobody waits, somebody must. */
    if (needs_guard(host))
        start_guard(host);
    acap__cond_broadcast(&host->changed);
    unlock_hosts();
    job->run(job);
    lock_hosts();
    if (sits(host))
        host->running = NULL;
    if (job->state != JOB_LEFT)
        job->state = JOB_DONE;
    acap__cond_broadcast(&host->changed);
    drop_locked(job);
}

/* A host thread. */
static void serve(void *argument)
{
    acap__host *host = argument;

    lock_hosts();
    if (sit_down(host)) {
        while (sits(host) && (host->first != NULL || host->users > 0)) {
            if (host->first != NULL)
                run_first(host);
            else
                (void)acap__cond_wait_until(&host->changed, &lock, INT64_MAX);
        }
        if (sits(host))
            host->seat = 0;
    }
    unlock_hosts();
}

void acap__host_acquire(acap__host *host)
{
    if (acap__forked())
        return;
    lock_hosts();
    host->users++;
    unlock_hosts();
}

void acap__host_release(acap__host *host)
{
    if (acap__forked())
        return;
    lock_hosts();
    acap__check(host->users > 0);
    host->users--;
    /* An idle thread may go now; a job that found no thread when it was posted gets another chance. */
    acap__cond_broadcast(&host->changed);
    if (host->first != NULL)
        (void)provide_thread(host);
    unlock_hosts();
}

static bool is_pending(const acap__job *job)
{
    return job->state == JOB_QUEUED || job->state == JOB_RUNNING || job->state == JOB_KEPT;
}

/* Its caller's time is over. abandoned then tells what some thread still works on from what never began and is the caller's own again. */
static void give_up(acap__host *host, acap__job *job)
{
    if (job->state == JOB_RUNNING) {
        leave_behind(host);
    } else if (job->state == JOB_QUEUED) {
        take_out(host, job);
        job->state = JOB_LEFT;
        drop_locked(job);
    }
}

/* Until job has run, is left behind, or its caller's time is over. Whoever waits also watches the running job's limit. */
static void await(acap__host *host, acap__job *job, int64_t until_ns)
{
    host->callers++;
    while (is_pending(job) && acap_clock_ns() < until_ns) {
        const int64_t overdue_ns = overdue_or_never(host);
        (void)acap__cond_wait_until(&host->changed, &lock, until_ns < overdue_ns ? until_ns : overdue_ns);
        leave_behind_if_overdue(host);
    }
    host->callers--;
    give_up(host, job);
    /* What this caller watched for others is theirs again. */
    if (host->running != NULL && needs_guard(host))
        start_guard(host);
}

acap_result acap__host_call(acap__host *host, acap__job *job, int64_t until_ns)
{
    acap_result result = ACAP_ERROR_NO_MEMORY;

    if (acap__forked())
        return ACAP_ERROR_FORKED;
    lock_hosts();
    acap__check(!sits(host));
    job->references++;
    append(host, job);
    if (provide_thread(host)) {
        await(host, job, until_ns);
        result = job->state == JOB_LEFT ? ACAP_ERROR_HOST_STUCK : ACAP_OK;
    } else {
        give_up(host, job);
    }
    unlock_hosts();
    return result;
}

void acap__host_post(acap__host *host, acap__job *job)
{
    if (acap__forked())
        return;
    lock_hosts();
    append(host, job);
    /* Without a thread the job stays queued; every later call, post and release tries again. */
    (void)provide_thread(host);
    unlock_hosts();
}

void acap__job_init(acap__job *job, void (*run)(acap__job *), void (*discard)(acap__job *), int64_t limit_ns)
{
    job->run = run;
    job->discard = discard;
    job->limit_ns = limit_ns;
    job->next = NULL;
    job->state = JOB_NEW;
    job->references = 1;
    job->abandoned = false;
}

void acap__job_drop(acap__job *job)
{
    if (acap__forked())
        return;
    lock_hosts();
    drop_locked(job);
    unlock_hosts();
}

bool acap__job_is_abandoned(acap__host *host, acap__job *job)
{
    (void)host;
    lock_hosts();
    if (job->state == JOB_RUNNING)
        job->state = JOB_KEPT;
    const bool is_abandoned = job->abandoned;
    unlock_hosts();
    return is_abandoned;
}

bool acap__host_is_current(acap__host *host)
{
    lock_hosts();
    const bool is_current = sits(host);
    unlock_hosts();
    return is_current;
}

uint32_t acap__host_stuck_count(acap__host *host)
{
    if (acap__forked())
        return 0;
    lock_hosts();
    const uint32_t stuck_count = host->stuck_count;
    unlock_hosts();
    return stuck_count;
}
