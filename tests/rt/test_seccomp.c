/* SPDX-License-Identifier: MIT */
/* Owns: the kernel's word that an audio thread makes no system call and meets no page fault while nobody sleeps.
 * Run by: CTest.
 * Runs on: the shared library, public API only. A thread pushes behind a filter that traps every system call; another one takes. */
#include "conservation.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <setjmp.h>
#include <cmocka.h>

#define PUSHES 100000u
#define WARM_UP_PUSHES 1000u
#define FRAMES 480u
#define SLEEP_NS INT64_C(5000000)
#define NONE (-1)

static float frames[FRAMES * 2];

/* What the filter trapped; only the filtered thread is ever trapped. */
static atomic_int trapped_count;
static atomic_int first_trapped;

static void on_system_call(int signal_number, siginfo_t *info, void *context)
{
    int none = NONE;

    (void)signal_number;
    (void)context;
    atomic_fetch_add(&trapped_count, 1);
    atomic_compare_exchange_strong(&first_trapped, &none, info->si_syscall);
}

static void expect_traps(void)
{
    struct sigaction action = {.sa_sigaction = on_system_call, .sa_flags = SA_SIGINFO};

    atomic_store(&trapped_count, 0);
    atomic_store(&first_trapped, NONE);
    assert_int_equal(sigaction(SIGSYS, &action, NULL), 0);
}

/* For the calling thread and for ever: all system calls are trapped and not carried out, but the ends of a signal handler and of a thread.
   False: the kernel has no filters. */
static bool deny_all(void)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog filter = {sizeof program / sizeof program[0], program};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

/* At once: the C library's way out makes further calls. */
static void *leave_thread(void)
{
    syscall(SYS_exit, 0);
    return NULL;
}

/* ---- A thread that pushes ---- */

typedef struct pusher {
    acap_context *context;
    acap_stream *stream;
    acap_reader *reader;
    pthread_t thread;
    bool do_deny;
    uint32_t pushes;
    atomic_bool is_done;
    /* what it found */
    bool is_denied;
    uint32_t failures;
    long minor_faults;
    long major_faults;
} pusher;

static void push(pusher *p, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        p->failures += acap_stream_push(p->stream, frames, FRAMES, 0) != ACAP_OK;
}

static void *run_pusher(void *argument)
{
    pusher *p = argument;
    struct rusage before = {0};
    struct rusage after = {0};

    push(p, WARM_UP_PUSHES);
    p->is_denied = p->do_deny && deny_all();
    if (!p->do_deny)
        getrusage(RUSAGE_THREAD, &before);
    push(p, p->pushes);
    if (!p->do_deny)
        getrusage(RUSAGE_THREAD, &after);
    p->minor_faults = after.ru_minflt - before.ru_minflt;
    p->major_faults = after.ru_majflt - before.ru_majflt;
    atomic_store(&p->is_done, true);
    return p->is_denied ? leave_thread() : NULL;
}

static void begin(pusher *p, bool do_deny, uint32_t pushes)
{
    acap_context_config context_config = ACAP_CONTEXT_CONFIG_INIT;
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;

    memset(p, 0, sizeof *p);
    p->do_deny = do_deny;
    p->pushes = pushes;
    context_config.backend = "push";
    config.sample_rate_hz = 48000;
    config.channel_count = 2;
    config.frames_per_buffer = FRAMES;
    assert_int_equal(acap_context_create(&context_config, &p->context), ACAP_OK);
    assert_int_equal(acap_stream_open(p->context, &config, &p->stream), ACAP_OK);
    assert_int_equal(acap_reader_open(p->stream, NULL, &p->reader), ACAP_OK);
    assert_int_equal(acap_stream_start(p->stream), ACAP_OK);
}

static void finish(pusher *p)
{
    acap_reader_close(p->reader);
    acap_stream_close(p->stream);
    acap_context_destroy(p->context);
}

/* Takes without ever sleeping until the pusher is done and all is taken. */
static void take_all(pusher *p, conservation *seen)
{
    const acap_buffer *buffer;
    bool is_done;

    do {
        is_done = atomic_load(&p->is_done);
        while (acap_reader_borrow(p->reader, 0, &buffer) == ACAP_OK) {
            conservation_add(seen, buffer);
            acap_buffer_release(buffer);
        }
    } while (!is_done);
}

static void run_awake(pusher *p)
{
    conservation seen;

    conservation_begin(&seen, p->reader);
    assert_int_equal(pthread_create(&p->thread, NULL, run_pusher, p), 0);
    take_all(p, &seen);
    pthread_join(p->thread, NULL);
    assert_int_equal(p->failures, 0);
    assert_conserved(conservation_at_rest(&seen, p->stream, p->reader));
    assert_int_equal(seen.frames + seen.gap_frames, (uint64_t)(WARM_UP_PUSHES + p->pushes) * FRAMES);
    assert_true(seen.frames > 0);
}

/* ---- The filter itself ---- */

static void *read_clock(void *denied)
{
    *(bool *)denied = deny_all();
    acap_clock_ns();
    return leave_thread();
}

static void *call_system(void *denied)
{
    *(bool *)denied = deny_all();
    syscall(SYS_getppid);
    return leave_thread();
}

static void run_alone(void *(*run)(void *))
{
    pthread_t thread;
    bool is_denied = false;

    expect_traps();
    assert_int_equal(pthread_create(&thread, NULL, run, &is_denied), 0);
    pthread_join(thread, NULL);
    if (!is_denied) {
        print_message("this kernel lets nobody filter system calls\n");
        skip();
    }
}

static void the_filter_bites(void **state)
{
    (void)state;
    run_alone(call_system);
    assert_int_equal(atomic_load(&trapped_count), 1);
    assert_int_equal(atomic_load(&first_trapped), SYS_getppid);
}

/* ---- acap ---- */

static void pushing_makes_no_system_call(void **state)
{
    pusher p;

    (void)state;
    run_alone(read_clock);
    if (atomic_load(&trapped_count) != 0) {
        print_message("on this machine reading the clock enters the kernel\n");
        skip();
    }
    expect_traps();
    begin(&p, true, PUSHES);
    run_awake(&p);
    assert_true(p.is_denied);
    if (atomic_load(&trapped_count) != 0)
        fail_msg("%d system calls, the first one number %d", atomic_load(&trapped_count), atomic_load(&first_trapped));
    finish(&p);
}

/* Full queues, and nobody to take. */
static void overflowing_makes_no_system_call(void **state)
{
    pusher p;

    (void)state;
    run_alone(read_clock);
    if (atomic_load(&trapped_count) != 0)
        skip();
    expect_traps();
    begin(&p, true, PUSHES);
    assert_int_equal(pthread_create(&p.thread, NULL, run_pusher, &p), 0);
    pthread_join(p.thread, NULL);
    assert_true(p.is_denied);
    assert_int_equal(p.failures, 0);
    assert_int_equal(atomic_load(&trapped_count), 0);
    finish(&p);
}

static atomic_bool is_over;

/* Never for long: the wake that is trapped is lost. */
static void *sleep_and_take(void *argument)
{
    acap_reader *reader = argument;
    const acap_buffer *buffer;

    while (!atomic_load(&is_over)) {
        if (acap_reader_borrow(reader, SLEEP_NS, &buffer) == ACAP_OK)
            acap_buffer_release(buffer);
    }
    return NULL;
}

/* The one exception, and the proof that the filter sees acap's own calls. */
static void waking_a_sleeper_is_a_system_call(void **state)
{
    pthread_t sleeper;
    pusher p;

    (void)state;
    run_alone(call_system);
    expect_traps();
    begin(&p, true, 1);
    atomic_store(&is_over, false);
    assert_int_equal(pthread_create(&sleeper, NULL, sleep_and_take, p.reader), 0);
    while (atomic_load(&trapped_count) == 0) {
        assert_int_equal(pthread_create(&p.thread, NULL, run_pusher, &p), 0);
        pthread_join(p.thread, NULL);
    }
    assert_int_equal(atomic_load(&first_trapped), SYS_futex);
    atomic_store(&is_over, true);
    pthread_join(sleeper, NULL);
    finish(&p);
}

static void pushing_meets_no_page_fault(void **state)
{
    pusher p;

    (void)state;
    begin(&p, false, PUSHES);
    run_awake(&p);
    assert_int_equal(p.minor_faults, 0);
    assert_int_equal(p.major_faults, 0);
    finish(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pushing_meets_no_page_fault), /* first: later ones would find memory touched */
        cmocka_unit_test(the_filter_bites),
        cmocka_unit_test(pushing_makes_no_system_call),
        cmocka_unit_test(overflowing_makes_no_system_call),
        cmocka_unit_test(waking_a_sleeper_is_a_system_call),
    };

    for (uint32_t i = 0; i < FRAMES * 2; i++)
        frames[i] = (float)(i % 997) / 997.0f - 0.5f;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
