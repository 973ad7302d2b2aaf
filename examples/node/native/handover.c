/* SPDX-License-Identifier: MIT */
/* Owns: readers on their way from one environment to another. It is all that environments share, and so it has a lock.
 * Called by: the Reader class, on the threads of both environments; handover_end by an environment that ends. */
#include "addon.h"

#include <pthread.h>
#include <stdlib.h>

typedef struct passage passage;
struct passage {
    passage *next;
    const addon *from; /* compared, never looked into: it may be another thread's */
    acap_reader *reader;
    uint32_t token;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static passage *passages;
static uint32_t last_token;

static uint32_t depart(passage *one)
{
    pthread_mutex_lock(&lock);
    one->token = ++last_token;
    one->next = passages;
    passages = one;
    pthread_mutex_unlock(&lock);
    return one->token;
}

/* The one with this token, or else the first one of this origin. */
static passage *arrive(uint32_t token, const addon *from)
{
    pthread_mutex_lock(&lock);
    passage **link = &passages;
    while (*link != NULL && (from != NULL ? (*link)->from != from : (*link)->token != token))
        link = &(*link)->next;
    passage *one = *link;
    if (one != NULL)
        *link = one->next;
    pthread_mutex_unlock(&lock);
    return one;
}

/* Gives a token, and leaves the handle closed. */
napi_value reader_hand_over(napi_env env, napi_callback_info info)
{
    napi_value value = NULL;
    if (!get_arguments(env, info, 1, &value))
        return NULL;
    handle *self = handle_get(env, value, HANDLE_READER);
    if (self == NULL)
        return NULL;
    passage *one = calloc(1, sizeof *one);
    if (one == NULL) {
        napi_throw(env, make_error(env, ACAP_ERROR_NO_MEMORY, NULL, NULL));
        return NULL;
    }
    if (self->waiter != NULL)
        waiter_close(self->waiter);
    one->from = self->owner;
    one->reader = self->object;
    self->object = NULL;
    self->is_closing = true;
    return make_u32(env, depart(one));
}

napi_value reader_take_over(napi_env env, napi_callback_info info)
{
    napi_value value = NULL;
    uint32_t token = 0;
    if (!get_arguments(env, info, 1, &value) || !get_u32(env, value, "token", &token))
        return NULL;
    passage *one = arrive(token, NULL);
    if (one == NULL) {
        napi_throw(env, make_error(env, ACAP_ERROR_INVALID_STATE, "ERR_ACAP_TICKET", "no reader is on its way with this ticket"));
        return NULL;
    }
    acap_reader *reader = one->reader;
    free(one);
    return handle_new(env, HANDLE_READER, reader);
}

/* Nobody came for them. */
void handover_end(const addon *from)
{
    for (passage *one = arrive(0, from); one != NULL; one = arrive(0, from)) {
        acap_reader_close(one->reader);
        free(one);
    }
}
