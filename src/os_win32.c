/* SPDX-License-Identifier: MIT */
/* Owns: the system calls of acap on Windows 8 and later. Compiled, but not tested by this project.
 * Called by: control threads; futex_wake, event_set and the clocks also by the audio thread. */
#define WIN32_LEAN_AND_MEAN
#define PSAPI_VERSION 2 /* kernel32 has what psapi.dll had */
#undef _WIN32_WINNT
#define _WIN32_WINNT 0x0602 /* Windows 8: WaitOnAddress */

#include "os.h"

#include <windows.h>

#include <errno.h>
#include <malloc.h>
#include <process.h>
#include <psapi.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(SRWLOCK) <= sizeof(acap__mutex), "acap__mutex is too small");
_Static_assert(sizeof(CONDITION_VARIABLE) <= sizeof(acap__cond), "acap__cond is too small");

/* A pointer to a function cannot be cast from what GetProcAddress returns. */
#define FIND(function, module, name)                          \
    do {                                                      \
        const FARPROC found_ = GetProcAddress(module, name);  \
        memcpy(&(function), &found_, sizeof found_);          \
    } while (0)

static int64_t ticks_per_s(void)
{
    static acap__u64 known; /* the same for all threads and for as long as the system runs */
    LARGE_INTEGER asked;

    const uint64_t frequency = acap__load_relaxed(&known);
    if (frequency != 0)
        return (int64_t)frequency;
    QueryPerformanceFrequency(&asked);
    acap__store_relaxed(&known, (uint64_t)asked.QuadPart);
    return asked.QuadPart;
}

int64_t ACAP_CALL acap_clock_ns(void)
{
    const int64_t per_s = ticks_per_s();
    LARGE_INTEGER ticks;

    QueryPerformanceCounter(&ticks);
    return ticks.QuadPart / per_s * ACAP__NS_PER_S + ticks.QuadPart % per_s * ACAP__NS_PER_S / per_s;
}

/* No coarse clock of Windows has this epoch, and the performance counter needs no system call. */
int64_t acap__clock_coarse_ns(void)
{
    return acap_clock_ns();
}

/* Rounded up, so that nobody wakes just before the time and sleeps once more. */
static DWORD ms_until(int64_t until_ns)
{
    if (until_ns == INT64_MAX)
        return INFINITE;
    const int64_t left_ns = until_ns - acap_clock_ns();
    if (left_ns <= 0)
        return 0;
    const int64_t left_ms = (left_ns + ACAP__NS_PER_MS - 1) / ACAP__NS_PER_MS;
    return left_ms < (int64_t)INFINITE ? (DWORD)left_ms : INFINITE - 1;
}

static SRWLOCK *mutex_of(acap__mutex *mutex)
{
    return (SRWLOCK *)(void *)mutex;
}

static CONDITION_VARIABLE *cond_of(acap__cond *cond)
{
    return (CONDITION_VARIABLE *)(void *)cond;
}

void acap__mutex_init(acap__mutex *mutex)
{
    InitializeSRWLock(mutex_of(mutex));
}

void acap__mutex_destroy(acap__mutex *mutex)
{
    (void)mutex;
}

void acap__mutex_lock(acap__mutex *mutex)
{
    AcquireSRWLockExclusive(mutex_of(mutex));
}

void acap__mutex_unlock(acap__mutex *mutex)
{
    ReleaseSRWLockExclusive(mutex_of(mutex));
}

void acap__cond_init(acap__cond *cond)
{
    InitializeConditionVariable(cond_of(cond));
}

void acap__cond_destroy(acap__cond *cond)
{
    (void)cond;
}

void acap__cond_broadcast(acap__cond *cond)
{
    WakeAllConditionVariable(cond_of(cond));
}

bool acap__cond_wait_until(acap__cond *cond, acap__mutex *mutex, int64_t until_ns)
{
    if (SleepConditionVariableSRW(cond_of(cond), mutex_of(mutex), ms_until(until_ns), 0))
        return true;
    /* The system's timers may be early by a tick of theirs. */
    return acap_clock_ns() < until_ns;
}

struct thread_start {
    void (*run)(void *);
    void *argument;
    WCHAR name[16];
};

/* Windows 10 has it, in this module from the beginning. */
static void name_thread(const WCHAR *name)
{
    const HMODULE module = GetModuleHandleW(L"kernelbase.dll");
    HRESULT(WINAPI * describe)(HANDLE, PCWSTR) = NULL;

    if (module != NULL)
        FIND(describe, module, "SetThreadDescription");
    if (describe != NULL)
        (void)describe(GetCurrentThread(), name);
}

static unsigned __stdcall thread_main(void *argument)
{
    struct thread_start start = *(struct thread_start *)argument;

    free(argument);
    name_thread(start.name);
    start.run(start.argument);
    return 0;
}

bool acap__thread_start(void (*run)(void *), void *argument, const char *name)
{
    struct thread_start *start = calloc(1, sizeof *start);

    if (start == NULL)
        return false;
    start->run = run;
    start->argument = argument;
    for (size_t i = 0; i + 1 < sizeof start->name / sizeof start->name[0] && name[i] != '\0'; i++)
        start->name[i] = (WCHAR)name[i];
    const uintptr_t thread = _beginthreadex(NULL, 0, thread_main, start, 0, NULL);
    if (thread == 0) {
        free(start);
        return false;
    }
    CloseHandle((HANDLE)thread);
    return true;
}

void acap__thread_yield(void)
{
    SwitchToThread();
}

void acap__sleep_until(int64_t until_ns)
{
    for (DWORD left_ms = ms_until(until_ns); left_ms > 0; left_ms = ms_until(until_ns))
        Sleep(left_ms);
}

void acap__futex_wait(acap__u32 *word, uint32_t expected, int64_t until_ns)
{
    WaitOnAddress(&word->value, &expected, sizeof expected, ms_until(until_ns));
}

void acap__futex_wake(acap__u32 *word)
{
    WakeByAddressSingle(&word->value);
}

bool acap__event_open(acap__event *event)
{
    /* Set until cleared, like a descriptor with something to read. */
    const HANDLE handle = CreateEventW(NULL, TRUE, FALSE, NULL);

    event->read_handle = handle == NULL ? -1 : (intptr_t)handle;
    event->write_handle = event->read_handle;
    if (handle == NULL)
        errno = EMFILE; /* callers put errno in words */
    return handle != NULL;
}

void acap__event_close(acap__event *event)
{
    CloseHandle((HANDLE)event->read_handle);
}

void acap__event_set(const acap__event *event)
{
    SetEvent((HANDLE)event->write_handle);
}

void acap__event_clear(const acap__event *event)
{
    ResetEvent((HANDLE)event->read_handle);
}

void *acap__aligned_calloc(size_t size_bytes)
{
    void *memory = _aligned_malloc(size_bytes, ACAP__CACHE_LINE);

    return memory == NULL ? NULL : memset(memory, 0, size_bytes);
}

void acap__aligned_free(void *memory)
{
    _aligned_free(memory);
}

size_t acap__page_bytes(void)
{
    SYSTEM_INFO info;

    GetSystemInfo(&info);
    return info.dwPageSize;
}

uint64_t acap__memory_available_bytes(void)
{
    MEMORYSTATUSEX status = {.dwLength = sizeof status};

    return GlobalMemoryStatusEx(&status) ? status.ullAvailPhys : UINT64_MAX;
}

void *acap__pages_reserve(size_t size_bytes)
{
    return VirtualAlloc(NULL, size_bytes, MEM_RESERVE, PAGE_READWRITE);
}

/* Apart from the reservation: committed pages count against what the system has promised in all, even if they are never touched. */
bool acap__pages_commit(void *pages, size_t size_bytes)
{
    return VirtualAlloc(pages, size_bytes, MEM_COMMIT, PAGE_READWRITE) != NULL;
}

void acap__pages_release(void *pages, size_t size_bytes)
{
    (void)size_bytes;
    VirtualFree(pages, 0, MEM_RELEASE);
}

/* A process may lock as much as its working set is sure of, which is next to nothing unless it asks for more. */
static bool raise_working_set(size_t size_bytes)
{
    static SRWLOCK lock = SRWLOCK_INIT;
    const HANDLE process = GetCurrentProcess();
    const size_t more_bytes = acap__round_up(size_bytes, acap__page_bytes()) + acap__page_bytes();
    SIZE_T least;
    SIZE_T most;

    AcquireSRWLockExclusive(&lock);
    const bool is_raised = GetProcessWorkingSetSize(process, &least, &most)
        && SetProcessWorkingSetSize(process, least + more_bytes, most + more_bytes);
    ReleaseSRWLockExclusive(&lock);
    return is_raised;
}

bool acap__pages_lock(void *pages, size_t size_bytes)
{
    if (VirtualLock(pages, size_bytes))
        return true;
    return GetLastError() == ERROR_WORKING_SET_QUOTA && raise_working_set(size_bytes) && VirtualLock(pages, size_bytes);
}

/* Sound devices are in no directory here. */
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

/* A priority, because any thread can take it back: a task of the multimedia scheduler is begun and ended by its own thread. */
bool acap__thread_ask_realtime(acap__thread_id *self)
{
    const HANDLE thread = GetCurrentThread();

    self->id = 0;
    if (GetThreadPriority(thread) == THREAD_PRIORITY_TIME_CRITICAL)
        return true;
    if (!SetThreadPriority(thread, THREAD_PRIORITY_TIME_CRITICAL))
        return false;
    self->id = GetCurrentThreadId();
    return true;
}

void acap__thread_drop_realtime(acap__thread_id thread)
{
    if (thread.id == 0)
        return;
    const HANDLE handle = OpenThread(THREAD_SET_INFORMATION | THREAD_QUERY_LIMITED_INFORMATION, FALSE, (DWORD)thread.id);
    if (handle == NULL)
        return;
    /* Another process may have been given the number of a thread that has ended. */
    if (GetProcessIdOfThread(handle) == GetCurrentProcessId())
        SetThreadPriority(handle, THREAD_PRIORITY_NORMAL);
    CloseHandle(handle);
}

acap__u32 acap__is_forked; /* stays 0: nothing forks here */

void acap__fork_watch(void)
{
    static acap__u32 is_pinned;
    HMODULE module;

    if (acap__exchange_relaxed(&is_pinned, 1u) == 0)
        (void)GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                                 (const WCHAR *)(const void *)&is_pinned, &module);
}

static void (*run_at_exit)(void);

/* A DLL hears of the exit when the system has ended all other threads: nothing is left to wait for then, and what they held stays held. */
static void leave(void)
{
    const HMODULE module = GetModuleHandleW(L"ntdll.dll");
    BOOLEAN(NTAPI * has_ended_threads)(void) = NULL;

    if (module != NULL)
        FIND(has_ended_threads, module, "RtlDllShutdownInProgress");
    if (has_ended_threads == NULL || !has_ended_threads())
        run_at_exit();
}

void acap__at_exit(void (*run)(void))
{
    run_at_exit = run;
    (void)atexit(leave);
}

#define MODULES_MAX 1024

/* There is no list of all symbols: each module has its own. */
void *acap__symbol(const char *name)
{
    HMODULE modules[MODULES_MAX];
    DWORD size_bytes;
    void *symbol = NULL;

    if (!EnumProcessModules(GetCurrentProcess(), modules, sizeof modules, &size_bytes))
        return NULL;
    const DWORD room = size_bytes < sizeof modules ? size_bytes : (DWORD)sizeof modules;
    for (DWORD i = 0; symbol == NULL && i < room / sizeof modules[0]; i++)
        FIND(symbol, modules[i], name);
    return symbol;
}

void *acap__library_copy(const char *symbol, const char **why)
{
    (void)symbol;
    *why = "this system cannot load a library twice";
    return NULL;
}

void *acap__library_symbol(void *library, const char *name)
{
    void *symbol;

    FIND(symbol, (HMODULE)library, name);
    return symbol;
}
