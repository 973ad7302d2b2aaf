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
