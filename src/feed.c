/* SPDX-License-Identifier: MIT */
/* Owns: the life of feeds, and their use on the audio thread.
 * Called by: stream.c on control and host threads (create, retire); back ends on the audio thread (deliver). */
#include "feed.h"

#include "ingest.h"
#include "os.h"

#include <stdlib.h>

/* How many closed feeds rest before the oldest is freed: hosts have been seen to call once more after their close returned. */
#define QUARANTINE_FEEDS 64u

static struct {
    acap__u32 locked;
    acap__feed *first;
    acap__feed *last;
    uint32_t count;
} quarantine;

acap__feed *acap__feed_create(struct acap__ingest *ingest)
{
    acap__feed *feed = calloc(1, sizeof *feed);

    if (feed != NULL)
        feed->ingest = ingest;
    return feed;
}

void acap__feed_adopt_thread(acap__feed *feed)
{
    acap__thread_id thread;

    if (!acap__gate_enter(&feed->gate))
        return;
    acap__store_relaxed(&feed->ingest->realtime, acap__thread_ask_realtime(&thread) ? 1u : 0u);
    /* release: pairs with the acquire in disown, which comes after the gate was shut and quiet. */
    acap__store_release(&feed->thread_id, (uint64_t)thread.id);
    acap__gate_leave(&feed->gate);
}

void acap__feed_disown_thread(acap__feed *feed)
{
    const acap__thread_id thread = {(int64_t)acap__exchange_acq_rel(&feed->thread_id, 0u)};

    acap__thread_drop_realtime(thread);
}

static void quarantine_lock(void)
{
    while (acap__exchange_acq_rel(&quarantine.locked, 1u) != 0)
        acap__thread_yield();
}

static void quarantine_unlock(void)
{
    acap__store_release(&quarantine.locked, 0u);
}

void acap__feed_retire(acap__feed *feed)
{
    acap__feed *expired = NULL;

    quarantine_lock();
    feed->next = NULL;
    if (quarantine.last != NULL)
        quarantine.last->next = feed;
    else
        quarantine.first = feed;
    quarantine.last = feed;
    if (++quarantine.count > QUARANTINE_FEEDS) {
        expired = quarantine.first;
        quarantine.first = expired->next;
        quarantine.count--;
    }
    quarantine_unlock();
    free(expired);
}
