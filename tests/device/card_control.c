/* SPDX-License-Identifier: MIT */
/* Owns: the desk between a test and the virtual cards that run in its process: one place per PCM name.
 * Used by: tests (card_inject, card_set_open_error, card_frames_produced) and the card.
 * Runs on: any thread; the lock is held for a few instructions. */
#include "card.h"

#include <pthread.h>
#include <string.h>

#define PLACES 16

typedef struct place {
    char name[CARD_NAME_BYTES];
    card_fault fault;
    bool has_fault;
    int open_error;
    unsigned opens;
    uint64_t produced;
} place;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static place places[PLACES];

/* with the lock held; NULL: no place is left */
static place *place_of(const char *name)
{
    for (unsigned i = 0; i < PLACES; i++) {
        place *p = &places[i];
        if (p->name[0] == '\0')
            strncpy(p->name, name, sizeof p->name - 1);
        if (strncmp(p->name, name, sizeof p->name - 1) == 0)
            return p;
    }
    return NULL;
}

int card_control_open_error(const char *name, const card_config *config)
{
    int error = 0;

    pthread_mutex_lock(&lock);
    place *p = place_of(name);
    if (p != NULL) {
        error = p->open_error != 0 ? p->open_error : p->opens >= config->open_errors_after ? config->open_error : 0;
        p->opens++;
    }
    pthread_mutex_unlock(&lock);
    return error;
}

bool card_control_take_fault(const char *name, card_fault *fault)
{
    bool is_taken = false;

    pthread_mutex_lock(&lock);
    place *p = place_of(name);
    if (p != NULL && p->has_fault) {
        *fault = p->fault;
        p->has_fault = false;
        is_taken = true;
    }
    pthread_mutex_unlock(&lock);
    return is_taken;
}

void card_control_publish(const char *name, uint64_t produced)
{
    pthread_mutex_lock(&lock);
    place *p = place_of(name);
    if (p != NULL)
        p->produced = produced;
    pthread_mutex_unlock(&lock);
}

int card_inject(const char *name, const char *action)
{
    card_fault fault;

    if (!card_fault_parse(action, &fault))
        return -1;
    pthread_mutex_lock(&lock);
    place *p = place_of(name);
    if (p != NULL) {
        p->fault = fault;
        p->has_fault = true;
    }
    pthread_mutex_unlock(&lock);
    return p == NULL ? -1 : 0;
}

int card_set_open_error(const char *name, int error)
{
    pthread_mutex_lock(&lock);
    place *p = place_of(name);
    if (p != NULL)
        p->open_error = error;
    pthread_mutex_unlock(&lock);
    return p == NULL ? -1 : 0;
}

uint64_t card_frames_produced(const char *name)
{
    uint64_t produced = 0;

    pthread_mutex_lock(&lock);
    const place *p = place_of(name);
    if (p != NULL)
        produced = p->produced;
    pthread_mutex_unlock(&lock);
    return produced;
}
