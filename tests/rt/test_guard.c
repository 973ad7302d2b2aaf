/* SPDX-License-Identifier: MIT */
/* Owns: the proof that pushing and PortAudio's callback neither allocate, lock, print nor enter the system, but to wake a reader that
 * sleeps, while readers come, wait and go.
 * Run by: CTest, with the guard preloaded and ALSA's null card as the only sound card.
 * Runs on: the shared library, public API only; main drives, one thread opens and closes readers all the time. Devices that the library
 * itself simulates: test_guard_inside.c. */
#include "session.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FRAMES_MAX 1500u
#define CALLS 20000u
#define BUFFERS 200u
#define SLEEPERS 4u

static float frames[FRAMES_MAX * 2];

/* ---- The guard itself ---- */

static void *volatile memory;
static FILE *the_file;
static int pipe_ends[2];

static void allocates(void)
{
    memory = malloc(100);
}

static void frees(void)
{
    free(memory);
}

static void locks(void)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

    pthread_mutex_lock(&mutex);
}

static void prints(void)
{
    printf("%d\n", pipe_ends[0]);
}

static void formats(void)
{
    char text[20];

    snprintf(text, sizeof text, "%d", pipe_ends[0]);
}

static void flushes(void)
{
    fflush(the_file);
}

static void opens(void)
{
    pipe_ends[0] = open("/dev/null", O_RDONLY);
}

static void reads(void)
{
    char byte;

    pipe_ends[1] = (int)read(pipe_ends[0], &byte, 0);
}

static void writes(void)
{
    pipe_ends[1] = (int)write(pipe_ends[1], &pipe_ends, sizeof(uint64_t));
}

static void calls_the_system(void)
{
    pipe_ends[1] = (int)syscall(SYS_gettid);
}

static void waits(void)
{
    static uint32_t word;

    pipe_ends[1] = (int)syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 1, NULL, NULL, 1);
}

/* Does it in a child, which must die of it and say so. */
static void dies_saying(void (*act)(void), const char *expected)
{
    const struct rlimit no_core = {0, 0};
    char said[200] = "";
    size_t length = 0;
    ssize_t count;
    int ends[2];
    int status;

    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        guard.enter();
        act();
        _exit(0);
    }
    close(ends[1]);
    while ((count = read(ends[0], said + length, sizeof said - 1 - length)) > 0)
        length += (size_t)count;
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    if (strstr(said, expected) == NULL)
        fail_msg("\"%s\" instead of \"%s\"", said, expected);
}

static void the_guard_bites(void **state)
{
    static const struct {
        void (*act)(void);
        const char *expected;
    } canaries[] = {
        {allocates, "called malloc\n"},       {frees, "called free\n"},
        {locks, "called pthread_mutex_lock"}, {prints, "called printf"},
        {formats, "called snprintf"},         {flushes, "called fflush"},
        {opens, "called open"},               {reads, "called read"},
        {writes, "called write, and not to"}, {calls_the_system, "called syscall\n"},
        {waits, "called syscall, for a futex operation that wakes nobody"},
    };

    (void)state;
    assert_int_equal(pipe(pipe_ends), 0);
    for (size_t i = 0; i < sizeof canaries / sizeof canaries[0]; i++)
        dies_saying(canaries[i].act, canaries[i].expected);
    allocates();
    frees();
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

/* ---- Back ends ---- */

static void push_is_clean(void **state)
{
    const guard_counts before = guard.counts();
    session s;

    (void)state;
    session_begin(&s, "push", NULL);
    session_churn_begin(&s);
    for (uint32_t i = 0; !session_is_enough(&s, i, CALLS); i++) {
        const uint32_t frame_count = 1 + i * 7919u % FRAMES_MAX;
        guard.enter();
        const acap_result result = acap_stream_push(s.stream, i % 1000 == 999 ? NULL : frames, frame_count, 0);
        guard.leave();
        assert_int_equal(result, ACAP_OK);
        if (i % 3 == 0)
            session_take(&s, 0);
    }
    session_churn_end(&s);
    session_finish(&s);
    assert_true(guard.counts().sections - before.sections >= CALLS);
}

/* Whatever PortAudio's own thread does outside of the callback is its own. */
static void portaudio_is_clean(void **state)
{
    const guard_counts before = guard.counts();
    session s;

    (void)state;
#ifndef RT_WITH_PORTAUDIO
    print_message("this build has no PortAudio: no real callback was guarded\n");
    skip();
#endif
    session_begin(&s, "portaudio", "guarded");
    session_take_many(&s, BUFFERS);
    session_finish(&s);
    assert_true(guard.counts().sections - before.sections > BUFFERS / 10);
}

/* ---- The two allowed calls ---- */

static void nobody_is_woken_who_is_awake(void **state)
{
    guard_counts before;
    session s;

    (void)state;
    session_begin(&s, "push", NULL);
    before = guard.counts();
    for (uint32_t i = 0; i < CALLS; i++) {
        guard.enter();
        acap_stream_push(s.stream, frames, 480, 0);
        guard.leave();
        assert_true(session_take(&s, 0));
    }
    assert_int_equal(guard.counts().futex_wakes, before.futex_wakes);
    assert_int_equal(guard.counts().event_sets, before.event_sets);
    session_churn_begin(&s);
    while (guard.counts().futex_wakes == before.futex_wakes) {
        guard.enter();
        acap_stream_push(s.stream, frames, 480, 0);
        guard.leave();
    }
    session_churn_end(&s);
    session_finish(&s);
}

static void one_event_for_each_time_nothing_was_there(void **state)
{
    const acap_buffer *buffer;
    guard_counts before;
    intptr_t handle;
    session s;

    (void)state;
    session_begin(&s, "push", NULL);
    assert_acap_ok(acap_reader_get_wait_handle(s.reader, &handle));
    for (uint32_t i = 0; i < CALLS / 10; i++) {
        assert_int_equal(acap_reader_borrow(s.reader, 0, &buffer), ACAP_TIMED_OUT);
        before = guard.counts();
        for (uint32_t packet = 0; packet < 3; packet++) {
            guard.enter();
            acap_stream_push(s.stream, frames, 480, 0);
            guard.leave();
        }
        assert_int_equal(guard.counts().event_sets - before.event_sets, 1);
        assert_int_equal(guard.counts().futex_wakes - before.futex_wakes, 0);
        for (uint32_t packet = 0; packet < 3; packet++)
            assert_true(session_take(&s, 0));
    }
    session_finish(&s);
}

typedef struct sleeper {
    acap_reader *reader;
    atomic_uint taken;
} sleeper;

static void *sleep_and_take(void *argument)
{
    sleeper *me = argument;
    const acap_buffer *buffer;

    while (acap_reader_borrow(me->reader, ACAP_WAIT_FOREVER, &buffer) == ACAP_OK) {
        acap_buffer_release(buffer);
        atomic_fetch_add(&me->taken, 1);
    }
    return NULL;
}

static void a_packet_wakes_each_sleeper_once(void **state)
{
    static sleeper sleepers[SLEEPERS];
    pthread_t threads[SLEEPERS];
    const uint32_t packets = CALLS / 10;
    guard_counts before;
    session s;

    (void)state;
    session_begin(&s, "push", NULL);
    for (uint32_t i = 0; i < SLEEPERS; i++) {
        assert_acap_ok(acap_reader_open(s.stream, NULL, &sleepers[i].reader));
        assert_int_equal(pthread_create(&threads[i], NULL, sleep_and_take, &sleepers[i]), 0);
    }
    before = guard.counts();
    for (uint32_t packet = 1; packet <= packets; packet++) {
        guard.enter();
        acap_stream_push(s.stream, frames, 480, 0);
        guard.leave();
        for (uint32_t i = 0; i < SLEEPERS; i++)
            while (atomic_load(&sleepers[i].taken) < packet)
                ;
        assert_true(session_take(&s, 0));
    }
    const uint64_t wakes = guard.counts().futex_wakes - before.futex_wakes;
    assert_in_range(wakes, 1, (uint64_t)packets * SLEEPERS);
    assert_int_equal(guard.counts().event_sets, before.event_sets);
    for (uint32_t i = 0; i < SLEEPERS; i++) {
        assert_acap_ok(acap_reader_end(sleepers[i].reader));
        pthread_join(threads[i], NULL);
        acap_reader_close(sleepers[i].reader);
    }
    session_finish(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_guard_bites),
        cmocka_unit_test(push_is_clean),
        cmocka_unit_test(portaudio_is_clean),
        cmocka_unit_test(nobody_is_woken_who_is_awake),
        cmocka_unit_test(one_event_for_each_time_nothing_was_there),
        cmocka_unit_test(a_packet_wakes_each_sleeper_once),
    };

    guard_find();
    for (uint32_t i = 0; i < FRAMES_MAX * 2; i++)
        frames[i] = (float)(i % 997) / 997.0f - 0.5f;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
