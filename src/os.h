/* SPDX-License-Identifier: MIT */
/* Owns: everything that acap asks of an operating system. os_posix.c is tested on Linux; os_win32.c and the macOS branches are not
 * tested by this project.
 * Used by: control code, and the two functions marked rt by the audio thread. */
#ifndef ACAP_SRC_OS_H
#define ACAP_SRC_OS_H

#include "atomic.h"
#include "base.h"

/* Opaque storage, large enough for the system's own and checked where it is used. */
typedef union acap__mutex {
    uint64_t align;
    unsigned char storage[64];
} acap__mutex;
typedef union acap__cond {
    uint64_t align;
    unsigned char storage[64];
} acap__cond;

void acap__mutex_init(acap__mutex *mutex);
void acap__mutex_destroy(acap__mutex *mutex);
void acap__mutex_lock(acap__mutex *mutex);
void acap__mutex_unlock(acap__mutex *mutex);

void acap__cond_init(acap__cond *cond);
void acap__cond_destroy(acap__cond *cond);
void acap__cond_broadcast(acap__cond *cond);
/* until_ns by acap_clock_ns(), INT64_MAX: no limit. False: the time has come. */
bool acap__cond_wait_until(acap__cond *cond, acap__mutex *mutex, int64_t until_ns);

/* Starts a thread that nobody joins. False: the system has none left. */
bool acap__thread_start(void (*run)(void *), void *argument, const char *name);
void acap__thread_yield(void);
void acap__sleep_until(int64_t until_ns);

/* Sleeps while *word == expected. Any return may be spurious. */
void acap__futex_wait(acap__u32 *word, uint32_t expected, int64_t until_ns);
/* rt: one system call. Wakes the sleeper on word. */
void acap__futex_wake(acap__u32 *word);

/* A descriptor to poll: made on first demand, -1 when the system has none left. */
typedef struct acap__event {
    intptr_t read_handle;
    intptr_t write_handle;
} acap__event;
bool acap__event_open(acap__event *event);
void acap__event_close(acap__event *event);
/* rt, async-signal-safe: makes it readable; one system call. */
void acap__event_set(const acap__event *event);
void acap__event_clear(const acap__event *event);

/* Zeroed memory on a cache line of its own; NULL: none. */
void *acap__aligned_calloc(size_t size_bytes);
void acap__aligned_free(void *memory);

/* A clock that costs a few nanoseconds and is some milliseconds coarse, with the epoch of acap_clock_ns(). rt. */
int64_t acap__clock_coarse_ns(void);

/* Address space for zeroed pages that cost nothing until touched; NULL: none. */
void *acap__pages_reserve(size_t size_bytes);
/* Before any of it is touched, and as often as one likes. False: the system has no memory for it. */
bool acap__pages_commit(void *pages, size_t size_bytes);
void acap__pages_release(void *pages, size_t size_bytes);
size_t acap__page_bytes(void);
/* What the system could still give, by its own word; no promise. */
uint64_t acap__memory_available_bytes(void);
bool acap__pages_lock(void *pages, size_t size_bytes);

/* What a directory looked like at a moment. All zero: there was none, or the system cannot tell. */
typedef struct acap__dir_stamp {
    uint64_t id;
    int64_t changed_ns;
    int64_t size_bytes; /* tells two changes of one tick of the system's clock apart */
} acap__dir_stamp;
acap__dir_stamp acap__dir_stamp_now(const char *parent, const char *name);

/* Notices changes in directory parent/name, and its coming and going. */
typedef struct acap__dir_watch {
    intptr_t handle;
    acap__event rouse;
    int32_t parent_id;
    int32_t child_id; /* negative: it does not exist now */
    char child[64];
    char path[128];
} acap__dir_watch;
/* False: the system has no means. */
bool acap__dir_watch_open(acap__dir_watch *watch, const char *parent, const char *name);
void acap__dir_watch_close(acap__dir_watch *watch);
/* True: something changed, or it was roused. False: the time has come, or it failed. */
bool acap__dir_watch_wait(acap__dir_watch *watch, int64_t until_ns);
void acap__dir_watch_rouse(acap__dir_watch *watch);

/* A thread's scheduling, to give it back. */
typedef struct acap__thread_id {
    int64_t id; /* 0: none */
} acap__thread_id;
/* On the thread itself: asks for a real-time class where it has none. True: it runs in one. */
bool acap__thread_ask_realtime(acap__thread_id *self);
/* From any thread: the class of that thread is an ordinary one again; nothing if it has ended. */
void acap__thread_drop_realtime(acap__thread_id thread);

/* True in a child of the process in which acap__fork_watch was called. Not a call: every borrow and release asks. */
#ifdef ACAP_MODEL
bool acap__forked(void);
#else
extern acap__u32 acap__is_forked;
static inline bool acap__forked(void)
{
    /* relaxed: written in the child before it runs anything else. */
    return acap__load_relaxed(&acap__is_forked) != 0;
}
#endif
/* At the first use of the library. Where the linker cannot, this also sees to it that the library is never unloaded. */
void acap__fork_watch(void);

/* Once: run at the process' exit, unless the system has ended all other threads by then. */
void acap__at_exit(void (*run)(void));

/* A symbol of the process, or NULL. */
void *acap__symbol(const char *name);
/* A new copy of the loaded library that has this symbol, with globals of its own; never unloaded. NULL: there can be none, *why tells. */
void *acap__library_copy(const char *symbol, const char **why);
void *acap__library_symbol(void *library, const char *name);

#endif
