/* SPDX-License-Identifier: MIT */
/* Owns: a host thread: the one thread that makes a sound system's calls, with a deadline for each, left behind when it hangs.
 * Used by: stream.c and device.c, which wait with a deadline or post and go on. */
#ifndef ACAP_SRC_HOST_H
#define ACAP_SRC_HOST_H

#include "base.h"
#include "os.h"

/* Embed it at the start of a struct that holds what the job works on. The job owns that struct until discard. */
typedef struct acap__job {
    void (*run)(struct acap__job *job);     /* on the host thread */
    void (*discard)(struct acap__job *job); /* once, by whoever lets go last: the caller of acap__job_drop or the host thread */
    int64_t limit_ns;                       /* how long run may take before the thread counts as stuck */
    /* private to host.c */
    struct acap__job *next;
    uint32_t state;
    uint32_t references;
    bool abandoned; /* under the host's lock: nobody waits for the result any more */
} acap__job;

/* One per back end, static. */
typedef struct acap__host acap__host;
acap__host *acap__host_portaudio(void);
acap__host *acap__host_sim(void);

/* Counted; the thread starts with the first call that needs it and ends, without being waited for, when nobody uses the host. */
void acap__host_acquire(acap__host *host);
void acap__host_release(acap__host *host);

/* Runs job on the host thread and waits for it. ACAP_OK: it has run, and the caller still has its reference (acap__job_drop).
   ACAP_ERROR_HOST_STUCK: until_ns came first: a job that had not begun never will, one that had begun is left behind with its thread.
   ACAP_ERROR_NO_MEMORY: no thread could be started. After both the caller still has its reference. */
acap_result acap__host_call(acap__host *host, acap__job *job, int64_t until_ns);

/* Hands job over and returns at once; gives the caller's reference away. */
void acap__host_post(acap__host *host, acap__job *job);

void acap__job_init(acap__job *job, void (*run)(acap__job *), void (*discard)(acap__job *), int64_t limit_ns);
void acap__job_drop(acap__job *job);

/* On the host thread, within run: has the caller gone? Then what was opened must be closed again. */
bool acap__job_is_abandoned(acap__host *host, acap__job *job);

/* Threads left behind since the process began: after one, a host library must never be shut down. */
uint32_t acap__host_stuck_count(acap__host *host);

#endif
