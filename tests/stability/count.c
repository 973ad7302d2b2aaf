/* SPDX-License-Identifier: MIT */
/* Owns: counts of a process's heap calls, those that code in libacap makes counted apart.
 * Called by: whatever the process runs, on every thread; preloaded before it. The counts are in the file that STABILITY_COUNTS names,
 * as three native 64-bit numbers, so that a program in any language can read them: calls by the library, calls by all, bytes asked for by
 * all.
 * A caller is known by its return address. _dl_find_object tells whose that is without a lock and without an allocation. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define CALLER __builtin_return_address(0)

/* Begins the file name of the shared library under every version. */
#define LIBRARY "libacap."

typedef struct counts {
    atomic_uint_fast64_t library_calls;
    atomic_uint_fast64_t calls;
    atomic_uint_fast64_t bytes;
} counts;

_Static_assert(sizeof(counts) == 24, "the programs read three 64-bit numbers");

static counts early; /* until the file is there */
static _Atomic(counts *) current = &early;

static bool is_library(void *address)
{
    struct dl_find_object found;

    if (_dl_find_object(address, &found) != 0)
        return false;
    const char *slash = strrchr(found.dlfo_link_map->l_name, '/');
    return slash != NULL && strncmp(slash + 1, LIBRARY, sizeof LIBRARY - 1) == 0;
}

static void count(void *caller, size_t size_bytes)
{
    counts *to = atomic_load_explicit(&current, memory_order_relaxed);

    atomic_fetch_add_explicit(&to->calls, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&to->bytes, size_bytes, memory_order_relaxed);
    if (is_library(caller))
        atomic_fetch_add_explicit(&to->library_calls, 1, memory_order_relaxed);
}

/* A count that silently goes nowhere would read as "nothing was allocated". */
static void give_up(const char *what)
{
    perror(what);
    _exit(2);
}

__attribute__((constructor)) static void open_file(void)
{
    const char *path = getenv("STABILITY_COUNTS");
    const int file = path != NULL ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : -1;

    if (file < 0 || ftruncate(file, sizeof(counts)) != 0)
        give_up("STABILITY_COUNTS");
    counts *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (shared == MAP_FAILED)
        give_up("STABILITY_COUNTS");
    close(file);
    *shared = early;
    atomic_store(&current, shared);
    unsetenv("LD_PRELOAD"); /* a child process would begin the file anew */
}

extern void *__libc_malloc(size_t size_bytes);
extern void *__libc_calloc(size_t count, size_t size_bytes);
extern void *__libc_realloc(void *memory, size_t size_bytes);
extern void *__libc_memalign(size_t alignment, size_t size_bytes);

EXPORT void *malloc(size_t size_bytes)
{
    count(CALLER, size_bytes);
    return __libc_malloc(size_bytes);
}

EXPORT void *calloc(size_t item_count, size_t size_bytes)
{
    count(CALLER, item_count * size_bytes);
    return __libc_calloc(item_count, size_bytes);
}

EXPORT void *realloc(void *memory, size_t size_bytes)
{
    count(CALLER, size_bytes);
    return __libc_realloc(memory, size_bytes);
}

EXPORT void *memalign(size_t alignment, size_t size_bytes)
{
    count(CALLER, size_bytes);
    return __libc_memalign(alignment, size_bytes);
}

EXPORT void *aligned_alloc(size_t alignment, size_t size_bytes)
{
    count(CALLER, size_bytes);
    return __libc_memalign(alignment, size_bytes);
}

EXPORT int posix_memalign(void **out, size_t alignment, size_t size_bytes)
{
    count(CALLER, size_bytes);
    void *memory = __libc_memalign(alignment, size_bytes);
    if (memory == NULL)
        return ENOMEM;
    *out = memory;
    return 0;
}

/* Mappings count as calls, and not as bytes: runtimes reserve gigabytes that they never touch. */
EXPORT void *mmap(void *address, size_t size_bytes, int protection, int flags, int file, off_t offset)
{
    static void *(*passed_on)(void *, size_t, int, int, int, off_t);

    count(CALLER, 0);
    if (passed_on == NULL) {
        void *symbol = dlsym(RTLD_NEXT, "mmap");
        memcpy(&passed_on, &symbol, sizeof symbol);
    }
    return passed_on(address, size_bytes, protection, flags, file, offset);
}

EXPORT void *mmap64(void *address, size_t size_bytes, int protection, int flags, int file, off64_t offset)
{
    static void *(*passed_on)(void *, size_t, int, int, int, off64_t);

    count(CALLER, 0);
    if (passed_on == NULL) {
        void *symbol = dlsym(RTLD_NEXT, "mmap64");
        memcpy(&passed_on, &symbol, sizeof symbol);
    }
    return passed_on(address, size_bytes, protection, flags, file, offset);
}
