/* SPDX-License-Identifier: MIT */
/* Owns: a stream that is read by one reader that stays and by many that come, wait and go; and the guard's functions, found by name.
 * Used by: test_guard.c, test_guard_inside.c; on main, but for the thread of the churn. */
#ifndef ACAP_TESTS_RT_SESSION_H
#define ACAP_TESTS_RT_SESSION_H

#include "conservation.h"
#include "guard.h"

#include <acap/acap.h>

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>
#include <cmocka.h>

#define SESSION_PATIENCE_NS INT64_C(20000000000)

/* An acap call that must succeed; the failure tells what acap says about it. */
#define assert_acap_ok(call)                                                                 \
    do {                                                                                     \
        const acap_result result_ = (call);                                                  \
        if (result_ != ACAP_OK)                                                              \
            fail_msg("%s: %s, \"%s\"", #call, acap_result_name(result_), acap_last_error()); \
    } while (0)

/* The preloaded guard's: guard_enter, guard_leave, guard_get_counts. */
typedef struct guard_functions {
    void (*enter)(void);
    void (*leave)(void);
    guard_counts (*counts)(void);
} guard_functions;

extern guard_functions guard;

/* Ends the program when the guard is not preloaded. */
void guard_find(void);

typedef struct session {
    acap_context *context;
    acap_stream *stream;
    acap_reader *reader;
    conservation seen;
    pthread_t churner;
    atomic_bool is_over;
    atomic_uint churned; /* readers that came and went */
} session;

void session_begin(session *s, const char *backend, const char *device);
/* Stops, takes what is left, and checks that every frame is accounted for. */
void session_finish(session *s);
/* False: nothing came. */
bool session_take(session *s, int64_t timeout_ns);
/* Takes buffers as they come, under churn, until there were so many and enough readers have come and gone. */
void session_take_many(session *s, uint32_t buffer_count);

/* From begin to end another thread opens and closes readers that sleep in futexes and in poll. */
void session_churn_begin(session *s);
void session_churn_end(session *s);
/* For loops that go on until they have done enough and some readers have come and gone meanwhile. */
bool session_is_enough(session *s, uint32_t done, uint32_t wanted);

#endif
