/* SPDX-License-Identifier: MIT */
/* Owns: the guard (guard.h): replacements of what an audio thread must not call. They abort inside a guarded section and pass on outside.
 * Called by: whatever the process runs, on every thread; preloaded before it.
 * Guarded are sections between guard_enter and guard_leave, and all but the first of the callbacks that Pa_OpenStream is given. */
#define _GNU_SOURCE
#include "guard.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define SYSTEM_CALL_ARGUMENTS 6

/* Thread memory that needs no allocation at first use. */
#define PER_THREAD static __thread __attribute__((tls_model("initial-exec")))

PER_THREAD int depth;

static _Atomic uint64_t sections;
static _Atomic uint64_t futex_wakes;
static _Atomic uint64_t event_sets;

/* The definition that this library hides. */
static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

typedef long system_call(long number, ...);

/* The C library's. Asked for at first use: other libraries' constructors may run before any of this one's. */
static system_call *next_syscall(void)
{
    static system_call *found;

    if (found == NULL) {
        void *symbol = next("syscall");
        memcpy(&found, &symbol, sizeof symbol);
    }
    return found;
}

static void say(const char *text)
{
    next_syscall()(SYS_write, STDERR_FILENO, text, strlen(text));
}

static void refuse(const char *function)
{
    if (depth == 0)
        return;
    depth = 0;
    say("guard: the audio thread called ");
    say(function);
    say("\n");
    abort();
}

/* ---- The interface ---- */

EXPORT void guard_enter(void)
{
    depth++;
    atomic_fetch_add_explicit(&sections, 1, memory_order_relaxed);
}

EXPORT void guard_leave(void)
{
    depth--;
}

EXPORT guard_counts guard_get_counts(void)
{
    return (guard_counts){sections, futex_wakes, event_sets};
}

/* ---- Memory ---- */

extern void *__libc_malloc(size_t size_bytes);
extern void *__libc_calloc(size_t count, size_t size_bytes);
extern void *__libc_realloc(void *memory, size_t size_bytes);
extern void *__libc_memalign(size_t alignment, size_t size_bytes);
extern void __libc_free(void *memory);

EXPORT void *malloc(size_t size_bytes)
{
    refuse("malloc");
    return __libc_malloc(size_bytes);
}

EXPORT void *calloc(size_t count, size_t size_bytes)
{
    refuse("calloc");
    return __libc_calloc(count, size_bytes);
}

EXPORT void *realloc(void *memory, size_t size_bytes)
{
    refuse("realloc");
    return __libc_realloc(memory, size_bytes);
}

EXPORT void *aligned_alloc(size_t alignment, size_t size_bytes)
{
    refuse("aligned_alloc");
    return __libc_memalign(alignment, size_bytes);
}

EXPORT int posix_memalign(void **out, size_t alignment, size_t size_bytes)
{
    refuse("posix_memalign");
    *out = __libc_memalign(alignment, size_bytes);
    return *out == NULL ? 12 : 0; /* ENOMEM */
}

EXPORT void free(void *memory)
{
    refuse("free");
    __libc_free(memory);
}

/* ---- Everything that is refused as it is ---- */

#define REFUSED(type, name, parameters, arguments)           \
    EXPORT type name parameters                              \
    {                                                        \
        static type(*passed_on) parameters;                  \
        refuse(#name);                                       \
        if (passed_on == NULL) {                             \
            void *symbol = next(#name);                      \
            memcpy(&passed_on, &symbol, sizeof symbol);      \
        }                                                    \
        return passed_on arguments;                          \
    }

REFUSED(int, pthread_mutex_lock, (pthread_mutex_t * mutex), (mutex))
REFUSED(int, pthread_mutex_trylock, (pthread_mutex_t * mutex), (mutex))
REFUSED(int, pthread_mutex_unlock, (pthread_mutex_t * mutex), (mutex))
REFUSED(int, pthread_rwlock_rdlock, (pthread_rwlock_t * lock), (lock))
REFUSED(int, pthread_rwlock_wrlock, (pthread_rwlock_t * lock), (lock))
REFUSED(int, pthread_rwlock_unlock, (pthread_rwlock_t * lock), (lock))
REFUSED(int, pthread_spin_lock, (pthread_spinlock_t * lock), (lock))
REFUSED(int, pthread_cond_wait, (pthread_cond_t * cond, pthread_mutex_t *mutex), (cond, mutex))
REFUSED(int, pthread_cond_timedwait, (pthread_cond_t * cond, pthread_mutex_t *mutex, const struct timespec *until), (cond, mutex, until))
REFUSED(int, pthread_cond_signal, (pthread_cond_t * cond), (cond))
REFUSED(int, pthread_cond_broadcast, (pthread_cond_t * cond), (cond))
REFUSED(int, pthread_create, (pthread_t * thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument),
        (thread, attributes, run, argument))
REFUSED(int, pthread_join, (pthread_t thread, void **result), (thread, result))
REFUSED(int, sem_wait, (sem_t * semaphore), (semaphore))
REFUSED(int, sem_post, (sem_t * semaphore), (semaphore))
REFUSED(ssize_t, read, (int file, void *bytes, size_t size_bytes), (file, bytes, size_bytes))
REFUSED(int, close, (int file), (file))
REFUSED(int, nanosleep, (const struct timespec *time, struct timespec *left), (time, left))
REFUSED(int, clock_nanosleep, (clockid_t clock, int flags, const struct timespec *time, struct timespec *left), (clock, flags, time, left))
REFUSED(int, usleep, (useconds_t time_us), (time_us))
REFUSED(int, sched_yield, (void), ())
REFUSED(void *, mmap, (void *address, size_t size_bytes, int protection, int flags, int file, off_t offset),
        (address, size_bytes, protection, flags, file, offset))
REFUSED(int, munmap, (void *address, size_t size_bytes), (address, size_bytes))
REFUSED(int, madvise, (void *address, size_t size_bytes, int advice), (address, size_bytes, advice))
REFUSED(int, mlock, (const void *address, size_t size_bytes), (address, size_bytes))
REFUSED(FILE *, fopen, (const char *path, const char *mode), (path, mode))
REFUSED(int, fclose, (FILE * file), (file))
REFUSED(int, fflush, (FILE * file), (file))
REFUSED(size_t, fwrite, (const void *items, size_t size_bytes, size_t count, FILE *file), (items, size_bytes, count, file))
REFUSED(int, fputs, (const char *text, FILE *file), (text, file))
REFUSED(int, puts, (const char *text), (text))
REFUSED(int, vfprintf, (FILE * file, const char *format, va_list arguments), (file, format, arguments))
REFUSED(int, vsnprintf, (char *text, size_t size_bytes, const char *format, va_list arguments), (text, size_bytes, format, arguments))

/* Those with dots end in one of the above, which names what it is for. */

#define FORMATTED(name, parameters, last, passed_on, ...)    \
    EXPORT int name parameters                               \
    {                                                        \
        va_list arguments;                                   \
        refuse(#name);                                       \
        va_start(arguments, last);                           \
        const int result = passed_on(__VA_ARGS__, arguments); \
        va_end(arguments);                                   \
        return result;                                       \
    }

FORMATTED(printf, (const char *format, ...), format, vfprintf, stdout, format)
FORMATTED(fprintf, (FILE * file, const char *format, ...), format, vfprintf, file, format)
FORMATTED(snprintf, (char *text, size_t size_bytes, const char *format, ...), format, vsnprintf, text, size_bytes, format)

EXPORT int open(const char *path, int flags, ...)
{
    va_list arguments;

    refuse("open");
    va_start(arguments, flags);
    const int mode = va_arg(arguments, int);
    va_end(arguments);
    return (int)next_syscall()(SYS_openat, AT_FDCWD, path, flags, mode);
}

/* ---- The two ways to wake a sleeper ---- */

static bool is_eventfd(int file)
{
    static const char wanted[] = "anon_inode:[eventfd]";
    char path[64] = "/proc/self/fd/";
    char found[sizeof wanted] = "";
    size_t length = strlen(path);
    char digits[12];
    int count = 0;

    do {
        digits[count++] = (char)('0' + file % 10);
        file /= 10;
    } while (file > 0);
    while (count > 0)
        path[length++] = digits[--count];
    next_syscall()(SYS_readlink, path, found, sizeof found - 1);
    return strcmp(found, wanted) == 0;
}

EXPORT ssize_t write(int file, const void *bytes, size_t size_bytes)
{
    if (depth != 0) {
        if (size_bytes != sizeof(uint64_t) || !is_eventfd(file))
            refuse("write, and not to an eventfd");
        atomic_fetch_add_explicit(&event_sets, 1, memory_order_relaxed);
    }
    return next_syscall()(SYS_write, file, bytes, size_bytes);
}

EXPORT long syscall(long number, ...)
{
    long given[SYSTEM_CALL_ARGUMENTS];
    va_list arguments;

    va_start(arguments, number);
    for (int i = 0; i < SYSTEM_CALL_ARGUMENTS; i++)
        given[i] = va_arg(arguments, long);
    va_end(arguments);
    if (depth != 0) {
        if (number != SYS_futex)
            refuse("syscall");
        if ((given[1] & FUTEX_CMD_MASK) != FUTEX_WAKE)
            refuse("syscall, for a futex operation that wakes nobody");
        atomic_fetch_add_explicit(&futex_wakes, 1, memory_order_relaxed);
    }
    return next_syscall()(number, given[0], given[1], given[2], given[3], given[4], given[5]);
}

/* ---- PortAudio's callbacks ---- */

typedef int pa_callback(const void *input, void *output, unsigned long frame_count, const void *time, unsigned long flags, void *user);
typedef void pa_finished(void *user);
typedef int pa_open(void **stream, const void *input, const void *output, double rate, unsigned long frame_count, unsigned long flags,
                    pa_callback *callback, void *user);
typedef int pa_set_finished(void *stream, pa_finished *finished);

/* What PortAudio gets as user data instead. Never freed: PortAudio has been seen to call once more after a close. */
typedef struct guarded_stream {
    void *stream;
    pa_callback *callback;
    pa_finished *finished;
    void *user;
    bool has_run; /* the audio thread's own */
    struct guarded_stream *older;
} guarded_stream;

static _Atomic(guarded_stream *) newest;

static int on_audio(const void *input, void *output, unsigned long frame_count, const void *time, unsigned long flags, void *user)
{
    guarded_stream *to = user;

    /* The first one may ask for the thread's real-time class. */
    if (!to->has_run) {
        to->has_run = true;
        return to->callback(input, output, frame_count, time, flags, to->user);
    }
    guard_enter();
    const int result = to->callback(input, output, frame_count, time, flags, to->user);
    guard_leave();
    return result;
}

static void on_finished(void *user)
{
    const guarded_stream *to = user;

    guard_enter();
    to->finished(to->user);
    guard_leave();
}

pa_open Pa_OpenStream;
pa_set_finished Pa_SetStreamFinishedCallback;

/* PortAudio's callers call it from one thread at a time. */
EXPORT int Pa_OpenStream(void **stream, const void *input, const void *output, double rate, unsigned long frame_count, unsigned long flags,
                         pa_callback *callback, void *user)
{
    pa_open *passed_on;
    void *symbol = next("Pa_OpenStream");
    guarded_stream *to = __libc_calloc(1, sizeof *to);

    memcpy(&passed_on, &symbol, sizeof symbol);
    if (to == NULL || callback == NULL)
        return passed_on(stream, input, output, rate, frame_count, flags, callback, user);
    to->callback = callback;
    to->user = user;
    const int result = passed_on(stream, input, output, rate, frame_count, flags, on_audio, to);
    to->stream = *stream;
    to->older = newest;
    newest = to;
    return result;
}

EXPORT int Pa_SetStreamFinishedCallback(void *stream, pa_finished *finished)
{
    pa_set_finished *passed_on;
    void *symbol = next("Pa_SetStreamFinishedCallback");
    guarded_stream *to = newest;

    memcpy(&passed_on, &symbol, sizeof symbol);
    while (to != NULL && to->stream != stream)
        to = to->older;
    if (to == NULL || finished == NULL)
        return passed_on(stream, finished);
    to->finished = finished;
    return passed_on(stream, on_finished);
}
