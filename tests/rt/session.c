/* SPDX-License-Identifier: MIT */
/* Owns: the session and the churn of session.h.
 * Called by: the guarded tests; the churn runs on a thread of its own. */
#include "session.h"

#include <dlfcn.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHURNED_MIN 20u
#define CHURN_BORROWS 5u
#define CHURN_WAIT_NS INT64_C(300000)

guard_functions guard;

static void find(void *function, const char *name)
{
    void *symbol = dlsym(RTLD_DEFAULT, name);

    if (symbol == NULL) {
        fprintf(stderr, "the guard is not preloaded\n");
        exit(1);
    }
    memcpy(function, &symbol, sizeof symbol);
}

void guard_find(void)
{
    find(&guard.enter, "guard_enter");
    find(&guard.leave, "guard_leave");
    find(&guard.counts, "guard_get_counts");
}

static acap_reader *open_reader(session *s, uint32_t turn)
{
    acap_reader_config config = ACAP_READER_CONFIG_INIT;
    acap_reader *reader;

    config.queue_buffers = 1 + turn % 7;
    config.overflow = turn % 2 ? ACAP_OVERFLOW_DROP_OLDEST : ACAP_OVERFLOW_DROP_NEWEST;
    config.wake_buffers = 1 + turn % config.queue_buffers;
    return acap_reader_open(s->stream, &config, &reader) == ACAP_OK ? reader : NULL;
}

/* Asleep in a futex, or in poll. */
static void wait_for_some(acap_reader *reader, uint32_t turn)
{
    const acap_buffer *buffer;
    struct pollfd waited = {.events = POLLIN};
    intptr_t handle;

    for (uint32_t i = 0; i < CHURN_BORROWS; i++) {
        if (turn % 3 == 0 && acap_reader_get_wait_handle(reader, &handle) == ACAP_OK) {
            waited.fd = (int)handle;
            poll(&waited, 1, 1);
        }
        if (acap_reader_borrow(reader, CHURN_WAIT_NS, &buffer) == ACAP_OK)
            acap_buffer_release(buffer);
    }
}

static void *churn(void *argument)
{
    session *s = argument;

    while (!atomic_load(&s->is_over)) {
        const uint32_t turn = atomic_load(&s->churned);
        acap_reader *reader = open_reader(s, turn);
        if (reader == NULL)
            break;
        wait_for_some(reader, turn);
        acap_reader_close(reader);
        atomic_fetch_add(&s->churned, 1);
    }
    return NULL;
}

void session_churn_begin(session *s)
{
    atomic_store(&s->is_over, false);
    assert_int_equal(pthread_create(&s->churner, NULL, churn, s), 0);
}

bool session_is_enough(session *s, uint32_t done, uint32_t wanted)
{
    return done >= wanted && atomic_load(&s->churned) >= CHURNED_MIN;
}

void session_churn_end(session *s)
{
    atomic_store(&s->is_over, true);
    pthread_join(s->churner, NULL);
}

void session_begin(session *s, const char *backend, const char *device)
{
    acap_context_config context_config = ACAP_CONTEXT_CONFIG_INIT;
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;

    memset(s, 0, sizeof *s);
    context_config.backend = backend;
    assert_acap_ok(acap_context_create(&context_config, &s->context));
    config.device = device;
    config.sample_rate_hz = 48000;
    config.channel_count = 2;
    config.frames_per_buffer = 480;
    assert_acap_ok(acap_stream_open(s->context, &config, &s->stream));
    assert_acap_ok(acap_reader_open(s->stream, NULL, &s->reader));
    conservation_begin(&s->seen, s->reader);
    assert_acap_ok(acap_stream_start(s->stream));
}

bool session_take(session *s, int64_t timeout_ns)
{
    const acap_buffer *buffer;

    if (acap_reader_borrow(s->reader, timeout_ns, &buffer) != ACAP_OK)
        return false;
    conservation_add(&s->seen, buffer);
    acap_buffer_release(buffer);
    return true;
}

void session_finish(session *s)
{
    assert_acap_ok(acap_stream_stop(s->stream));
    while (session_take(s, 0))
        ;
    assert_conserved(conservation_at_rest(&s->seen, s->stream, s->reader));
    assert_true(s->seen.buffers > 0);
    acap_reader_close(s->reader);
    acap_stream_close(s->stream);
    acap_context_destroy(s->context);
}

void session_take_many(session *s, uint32_t buffer_count)
{
    session_churn_begin(s);
    for (uint32_t i = 0; !session_is_enough(s, i, buffer_count); i++)
        assert_true(session_take(s, SESSION_PATIENCE_NS));
    session_churn_end(s);
}
