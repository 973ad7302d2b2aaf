/* SPDX-License-Identifier: MIT */
/* Owns: counting, from outside of a program, what it allocates and copies: calls of malloc and its like, bytes through memcpy and memmove.
 * Loaded by: run.sh, as LD_PRELOAD. The figures are three 64-bit numbers in the file that ACAP_BENCH_COUNTS names, which is mapped, because
 * not every language ends its programs in a way that runs destructors.
 * Thread: any. Sees what is called through the dynamic linker: copies by loops of a program's or a runtime's own are not in it. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ALLOCATIONS, COPIED_BYTES, COPIES, FIGURES };
enum { SMALL_BYTES = 1024 }; /* below it a copy is no copy of audio */

static atomic_ullong before_main[FIGURES];
static atomic_ullong *figures = before_main;

/* What glibc's own functions are called when somebody replaces them. */
extern void *__libc_malloc(size_t size_bytes);
extern void *__libc_calloc(size_t count, size_t size_bytes);
extern void *__libc_realloc(void *memory, size_t size_bytes);
extern void *__libc_memalign(size_t alignment, size_t size_bytes);

__attribute__((constructor)) static void map_figures(void)
{
    const char *path = getenv("ACAP_BENCH_COUNTS");
    const int file = path == NULL ? -1 : open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (file < 0 || ftruncate(file, sizeof before_main) != 0)
        return;
    void *memory = mmap(NULL, sizeof before_main, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory != MAP_FAILED)
        figures = memory;
    close(file);
}

static void count(int figure, uint64_t amount)
{
    atomic_fetch_add_explicit(&figures[figure], amount, memory_order_relaxed);
}

void *malloc(size_t size_bytes)
{
    count(ALLOCATIONS, 1);
    return __libc_malloc(size_bytes);
}

void *calloc(size_t item_count, size_t size_bytes)
{
    count(ALLOCATIONS, 1);
    return __libc_calloc(item_count, size_bytes);
}

void *realloc(void *memory, size_t size_bytes)
{
    count(ALLOCATIONS, 1);
    return __libc_realloc(memory, size_bytes);
}

void *memalign(size_t alignment, size_t size_bytes)
{
    count(ALLOCATIONS, 1);
    return __libc_memalign(alignment, size_bytes);
}

void *aligned_alloc(size_t alignment, size_t size_bytes)
{
    return memalign(alignment, size_bytes);
}

int posix_memalign(void **out, size_t alignment, size_t size_bytes)
{
    *out = memalign(alignment, size_bytes);
    return *out == NULL ? ENOMEM : 0;
}

/* Without a call of memcpy in it, which it would be itself. */
static void move(unsigned char *target, const unsigned char *source, size_t size_bytes)
{
    if (target <= source || target >= source + size_bytes) {
        for (size_t i = 0; i < size_bytes; i++) {
            target[i] = source[i];
            __asm__ volatile("" ::: "memory");
        }
        return;
    }
    while (size_bytes-- > 0) {
        target[size_bytes] = source[size_bytes];
        __asm__ volatile("" ::: "memory");
    }
}

static void *count_copy(void *target, const void *source, size_t size_bytes)
{
    if (size_bytes >= SMALL_BYTES) {
        count(COPIED_BYTES, size_bytes);
        count(COPIES, 1);
    }
    move(target, source, size_bytes);
    return target;
}

void *memcpy(void *restrict target, const void *restrict source, size_t size_bytes)
{
    return count_copy(target, source, size_bytes);
}

void *memmove(void *target, const void *source, size_t size_bytes)
{
    return count_copy(target, source, size_bytes);
}

/* What _FORTIFY_SOURCE makes of them. */
void *__memcpy_chk(void *target, const void *source, size_t size_bytes, size_t room_bytes)
{
    if (size_bytes > room_bytes)
        abort();
    return count_copy(target, source, size_bytes);
}

void *__memmove_chk(void *target, const void *source, size_t size_bytes, size_t room_bytes)
{
    return __memcpy_chk(target, source, size_bytes, room_bytes);
}
