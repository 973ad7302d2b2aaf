/* SPDX-License-Identifier: MIT */
/* Owns: the wait at the process' exit.
 * Called by: any thread; the wait by exit(). */
#include "leaving.h"

#include "os.h"

#define EXIT_LIMIT_NS ACAP__NS_PER_S
#define LAST_STEPS 8 /* between a thread's last act here and its end */

static acap__u32 leaving;
static acap__u32 is_watched;

void acap__leaving_begin(void)
{
    (void)acap__add_relaxed(&leaving, 1u);
}

void acap__leaving_end(void)
{
    /* acq_rel: what the thread did comes before the exit goes on. */
    (void)acap__sub_acq_rel(&leaving, 1u);
}

static void wait_at_exit(void)
{
    const int64_t until_ns = acap_clock_ns() + EXIT_LIMIT_NS;

    if (acap__forked() || acap__load_acquire(&leaving) == 0)
        return;
    while (acap__load_acquire(&leaving) != 0 && acap_clock_ns() < until_ns)
        acap__sleep_until(acap_clock_ns() + ACAP__NS_PER_MS);
    for (int i = 0; i < LAST_STEPS; i++)
        acap__thread_yield();
}

void acap__leaving_watch_exit(void)
{
    if (acap__exchange_acq_rel(&is_watched, 1u) == 0)
        acap__at_exit(wait_at_exit);
}
