/* SPDX-License-Identifier: MIT */
/* Owns: the system calls of acap on Linux and macOS. Tested on Linux.
 * Called by: control threads; futex_wake, event_set and the clocks also by the audio thread and signal handlers. */
#if defined(__linux__)
#define _GNU_SOURCE
#elif defined(__APPLE__)
#define _DARWIN_C_SOURCE
#endif

#include "os.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)
#include <linux/futex.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#endif

_Static_assert(sizeof(pthread_mutex_t) <= sizeof(acap__mutex), "acap__mutex is too small");
_Static_assert(sizeof(pthread_cond_t) <= sizeof(acap__cond), "acap__cond is too small");

static int64_t to_ns(struct timespec time)
{
    return (int64_t)time.tv_sec * ACAP__NS_PER_S + time.tv_nsec;
}

static struct timespec to_timespec(int64_t ns)
{
    struct timespec time;

    time.tv_sec = (time_t)(ns / ACAP__NS_PER_S);
    time.tv_nsec = (long)(ns % ACAP__NS_PER_S);
    return time;
}

int64_t ACAP_CALL acap_clock_ns(void)
{
#if defined(__APPLE__)
    return (int64_t)clock_gettime_nsec_np(CLOCK_UPTIME_RAW);
#else
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return to_ns(time);
#endif
}

int64_t acap__clock_coarse_ns(void)
{
#if defined(__linux__)
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    return to_ns(time);
#else
    return acap_clock_ns();
#endif
}

static pthread_mutex_t *mutex_of(acap__mutex *mutex)
{
    return (pthread_mutex_t *)(void *)mutex;
}

static pthread_cond_t *cond_of(acap__cond *cond)
{
    return (pthread_cond_t *)(void *)cond;
}

void acap__mutex_init(acap__mutex *mutex)
{
    pthread_mutex_init(mutex_of(mutex), NULL);
}

void acap__mutex_destroy(acap__mutex *mutex)
{
    pthread_mutex_destroy(mutex_of(mutex));
}

void acap__mutex_lock(acap__mutex *mutex)
{
    pthread_mutex_lock(mutex_of(mutex));
}

void acap__mutex_unlock(acap__mutex *mutex)
{
    pthread_mutex_unlock(mutex_of(mutex));
}

void acap__cond_init(acap__cond *cond)
{
#if defined(__APPLE__)
    pthread_cond_init(cond_of(cond), NULL);
#else
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(cond_of(cond), &attributes);
    pthread_condattr_destroy(&attributes);
#endif
}

void acap__cond_destroy(acap__cond *cond)
{
    pthread_cond_destroy(cond_of(cond));
}

void acap__cond_broadcast(acap__cond *cond)
{
    pthread_cond_broadcast(cond_of(cond));
}

bool acap__cond_wait_until(acap__cond *cond, acap__mutex *mutex, int64_t until_ns)
{
    if (until_ns == INT64_MAX) {
        pthread_cond_wait(cond_of(cond), mutex_of(mutex));
        return true;
    }
#if defined(__APPLE__)
    const int64_t left_ns = until_ns - acap_clock_ns();
    const struct timespec time = to_timespec(left_ns > 0 ? left_ns : 0);
    return pthread_cond_timedwait_relative_np(cond_of(cond), mutex_of(mutex), &time) != ETIMEDOUT;
#else
    const struct timespec time = to_timespec(until_ns);
    return pthread_cond_timedwait(cond_of(cond), mutex_of(mutex), &time) != ETIMEDOUT;
#endif
}

struct thread_start {
    void (*run)(void *);
    void *argument;
    char name[16];
};

static void *thread_main(void *argument)
{
    struct thread_start start = *(struct thread_start *)argument;

    free(argument);
#if defined(__linux__)
    pthread_setname_np(pthread_self(), start.name);
#elif defined(__APPLE__)
    pthread_setname_np(start.name);
#endif
    start.run(start.argument);
    return NULL;
}

/* All but those that a thread gives itself by a fault, and a profiler's. */
static void block_signals(sigset_t *before)
{
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, SIGPROF};
    sigset_t blocked;

    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        sigdelset(&blocked, own[i]);
    pthread_sigmask(SIG_BLOCK, &blocked, before);
}

bool acap__thread_start(void (*run)(void *), void *argument, const char *name)
{
    struct thread_start *start = malloc(sizeof *start);
    pthread_t thread;

    if (start == NULL)
        return false;
    memset(start, 0, sizeof *start);
    start->run = run;
    start->argument = argument;
    strncpy(start->name, name, sizeof start->name - 1);
    /* The program's signals are for the program's threads; what a sound library starts from one of ours inherits that. */
    sigset_t before;
    block_signals(&before);
    const int failure = pthread_create(&thread, NULL, thread_main, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure != 0) {
        free(start);
        return false;
    }
    pthread_detach(thread);
    return true;
}

void acap__thread_yield(void)
{
    sched_yield();
}

void acap__sleep_until(int64_t until_ns)
{
#if defined(__APPLE__)
    for (int64_t left_ns = until_ns - acap_clock_ns(); left_ns > 0; left_ns = until_ns - acap_clock_ns()) {
        const struct timespec time = to_timespec(left_ns);
        nanosleep(&time, NULL);
    }
#else
    const struct timespec time = to_timespec(until_ns);

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR)
        ;
#endif
}

#if defined(__linux__)

void acap__futex_wait(acap__u32 *word, uint32_t expected, int64_t until_ns)
{
    const struct timespec time = to_timespec(until_ns);

    /* FUTEX_WAIT_BITSET takes an absolute time of CLOCK_MONOTONIC. */
    syscall(SYS_futex, &word->value, FUTEX_WAIT_BITSET_PRIVATE, expected, until_ns == INT64_MAX ? NULL : &time, NULL,
            FUTEX_BITSET_MATCH_ANY);
}

void acap__futex_wake(acap__u32 *word)
{
    syscall(SYS_futex, &word->value, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

#else

/* What libc++ uses for its own atomics' wait on macOS. */
int __ulock_wait(uint32_t operation, void *address, uint64_t value, uint32_t timeout_us);
int __ulock_wake(uint32_t operation, void *address, uint64_t value);
#define ULOCK_COMPARE_AND_WAIT 1u

void acap__futex_wait(acap__u32 *word, uint32_t expected, int64_t until_ns)
{
    uint32_t timeout_us = 0; /* none */

    if (until_ns != INT64_MAX) {
        const int64_t left_us = (until_ns - acap_clock_ns() + 999) / 1000;
        if (left_us <= 0)
            return;
        timeout_us = left_us < 1000000 ? (uint32_t)left_us : 1000000u;
    }
    __ulock_wait(ULOCK_COMPARE_AND_WAIT, &word->value, expected, timeout_us);
}

void acap__futex_wake(acap__u32 *word)
{
    __ulock_wake(ULOCK_COMPARE_AND_WAIT, &word->value, 0);
}

#endif

#if defined(__linux__)

bool acap__event_open(acap__event *event)
{
    const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

    event->read_handle = fd;
    event->write_handle = fd;
    return fd >= 0;
}

void acap__event_close(acap__event *event)
{
    close((int)event->read_handle);
}

#else

static bool make_nonblocking(int fd)
{
    return fcntl(fd, F_SETFL, O_NONBLOCK) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

bool acap__event_open(acap__event *event)
{
    int fds[2];

    event->read_handle = -1;
    if (pipe(fds) != 0)
        return false;
    if (!make_nonblocking(fds[0]) || !make_nonblocking(fds[1])) {
        close(fds[0]);
        close(fds[1]);
        return false;
    }
    event->read_handle = fds[0];
    event->write_handle = fds[1];
    return true;
}

void acap__event_close(acap__event *event)
{
    close((int)event->read_handle);
    close((int)event->write_handle);
}

#endif

void acap__event_set(const acap__event *event)
{
    const uint64_t one = 1;
    /* Fails only when the descriptor is full, and then it is readable already. */
    const ssize_t written = write((int)event->write_handle, &one, sizeof one);

    (void)written;
}

void acap__event_clear(const acap__event *event)
{
    char drained[256];

    /* eventfd: one read empties it; a pipe may take several. */
    while (read((int)event->read_handle, drained, sizeof drained) == (ssize_t)sizeof drained)
        ;
}

void *acap__aligned_calloc(size_t size_bytes)
{
    void *memory = NULL;

    if (posix_memalign(&memory, ACAP__CACHE_LINE, size_bytes) != 0)
        return NULL;
    return memset(memory, 0, size_bytes);
}

void acap__aligned_free(void *memory)
{
    free(memory);
}

size_t acap__page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

#if defined(__linux__)

/* The number behind key in a file of the kernel's; UINT64_MAX: there is none, or "max". */
static uint64_t kernel_number(const char *path, const char *key)
{
    char text[4096];
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t length = file < 0 ? -1 : read(file, text, sizeof text - 1);

    if (file >= 0)
        close(file);
    text[length > 0 ? length : 0] = '\0';
    const char *at = strstr(text, key);
    unsigned long long number;
    return at != NULL && sscanf(at + strlen(key), "%llu", &number) == 1 ? number : UINT64_MAX;
}

/* In a container its limit may be the smaller one; what is used there is not counted, since it includes caches that would be given up. */
uint64_t acap__memory_available_bytes(void)
{
    const uint64_t machine_kib = kernel_number("/proc/meminfo", "MemAvailable:");
    const uint64_t machine_bytes = machine_kib < UINT64_MAX / 1024u ? machine_kib * 1024u : UINT64_MAX;
    const uint64_t container_bytes = kernel_number("/sys/fs/cgroup/memory.max", "");

    return machine_bytes < container_bytes ? machine_bytes : container_bytes;
}

#else

uint64_t acap__memory_available_bytes(void)
{
    return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

#endif

void *acap__pages_reserve(size_t size_bytes)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;

#if defined(MAP_NORESERVE)
    flags |= MAP_NORESERVE;
#endif
    void *pages = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

bool acap__pages_commit(void *pages, size_t size_bytes)
{
    (void)pages;
    (void)size_bytes;
    return true;
}

void acap__pages_release(void *pages, size_t size_bytes)
{
    munmap(pages, size_bytes);
}

bool acap__pages_lock(void *pages, size_t size_bytes)
{
    return mlock(pages, size_bytes) == 0;
}

#if defined(__linux__)

acap__dir_stamp acap__dir_stamp_now(const char *parent, const char *name)
{
    acap__dir_stamp stamp = {0};
    struct stat found;
    char path[128];

    snprintf(path, sizeof path, "%s/%s", parent, name);
    if (stat(path, &found) != 0)
        return stamp;
    stamp.id = (uint64_t)found.st_ino;
    stamp.changed_ns = (int64_t)found.st_mtim.tv_sec * ACAP__NS_PER_S + found.st_mtim.tv_nsec;
    stamp.size_bytes = (int64_t)found.st_size;
    return stamp;
}

#define DIR_CHANGES (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)

static void watch_child(acap__dir_watch *watch)
{
    watch->child_id = inotify_add_watch((int)watch->handle, watch->path, DIR_CHANGES);
}

bool acap__dir_watch_open(acap__dir_watch *watch, const char *parent, const char *name)
{
    memset(watch, 0, sizeof *watch);
    watch->handle = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->handle < 0)
        return false;
    snprintf(watch->path, sizeof watch->path, "%s/%s", parent, name);
    snprintf(watch->child, sizeof watch->child, "%s", name);
    watch->parent_id = inotify_add_watch((int)watch->handle, parent, IN_CREATE | IN_MOVED_TO | IN_DELETE);
    if (watch->parent_id < 0 || !acap__event_open(&watch->rouse)) {
        close((int)watch->handle);
        return false;
    }
    watch_child(watch);
    return true;
}

void acap__dir_watch_close(acap__dir_watch *watch)
{
    close((int)watch->handle);
    acap__event_close(&watch->rouse);
}

void acap__dir_watch_rouse(acap__dir_watch *watch)
{
    acap__event_set(&watch->rouse);
}

/* Other entries of the parent are none of ours. */
static bool is_change(acap__dir_watch *watch, const struct inotify_event *event)
{
    if (event->wd != watch->parent_id)
        return true;
    if (event->len == 0 || strcmp(event->name, watch->child) != 0)
        return false;
    watch_child(watch);
    return true;
}

static bool read_changes(acap__dir_watch *watch)
{
    _Alignas(struct inotify_event) char buffer[4096];
    bool has_changed = false;
    ssize_t length;

    while ((length = read((int)watch->handle, buffer, sizeof buffer)) > 0) {
        for (char *at = buffer; at < buffer + length;) {
            const struct inotify_event *event = (const struct inotify_event *)(void *)at;
            has_changed = is_change(watch, event) || has_changed;
            at += sizeof *event + event->len;
        }
    }
    return has_changed;
}

static int poll_timeout_ms(int64_t until_ns)
{
    const int64_t left_ms = until_ns == INT64_MAX ? -1 : (until_ns - acap_clock_ns()) / ACAP__NS_PER_MS + 1;

    return until_ns == INT64_MAX ? -1 : left_ms < 0 ? 0 : left_ms > 60000 ? 60000 : (int)left_ms;
}

bool acap__dir_watch_wait(acap__dir_watch *watch, int64_t until_ns)
{
    struct pollfd fds[2] = {{(int)watch->handle, POLLIN, 0}, {(int)watch->rouse.read_handle, POLLIN, 0}};

    for (;;) {
        const int ready = poll(fds, 2, poll_timeout_ms(until_ns));
        if (ready < 0 && errno != EINTR)
            return false;
        if (ready > 0 && (fds[1].revents != 0 || read_changes(watch)))
            return true;
        if (acap_clock_ns() >= until_ns)
            return false;
    }
}

#define REALTIME_PRIORITY 5 /* above ordinary work, below the sound servers' own threads */

bool acap__thread_ask_realtime(acap__thread_id *self)
{
    const int policy = sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
    const struct sched_param wanted = {.sched_priority = REALTIME_PRIORITY};

    self->id = 0;
    if (policy == SCHED_FIFO || policy == SCHED_RR)
        return true;
    if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &wanted) != 0)
        return false;
    self->id = (int64_t)syscall(SYS_gettid);
    return true;
}

void acap__thread_drop_realtime(acap__thread_id thread)
{
    const struct sched_param ordinary = {.sched_priority = 0};

    if (thread.id != 0)
        (void)sched_setscheduler((pid_t)thread.id, SCHED_OTHER, &ordinary);
}

#else

acap__dir_stamp acap__dir_stamp_now(const char *parent, const char *name)
{
    const acap__dir_stamp unknown = {0};

    (void)parent;
    (void)name;
    return unknown;
}

bool acap__dir_watch_open(acap__dir_watch *watch, const char *parent, const char *name)
{
    (void)watch;
    (void)parent;
    (void)name;
    return false;
}

void acap__dir_watch_close(acap__dir_watch *watch)
{
    (void)watch;
}

void acap__dir_watch_rouse(acap__dir_watch *watch)
{
    (void)watch;
}

bool acap__dir_watch_wait(acap__dir_watch *watch, int64_t until_ns)
{
    (void)watch;
    (void)until_ns;
    return false;
}

/* CoreAudio's threads have their class from the system. */
bool acap__thread_ask_realtime(acap__thread_id *self)
{
    self->id = 0;
    return false;
}

void acap__thread_drop_realtime(acap__thread_id thread)
{
    (void)thread;
}

#endif

acap__u32 acap__is_forked;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static void in_child(void)
{
    acap__store_relaxed(&acap__is_forked, 1u);
}

static void watch_fork(void)
{
    pthread_atfork(NULL, NULL, in_child);
}

void acap__fork_watch(void)
{
    pthread_once(&fork_once, watch_fork);
}

void acap__at_exit(void (*run)(void))
{
    (void)atexit(run);
}

void *acap__symbol(const char *name)
{
    return dlsym(RTLD_DEFAULT, name);
}
