/* SPDX-License-Identifier: MIT */
/* Owns: a memory allocator that is not the C library's own, as far as the dynamic linker can see.
 * Used by: test_recovery_jack.sh, which has it preloaded; on any thread. */
#include <stddef.h>

extern void *__libc_malloc(size_t size_bytes);
void *malloc(size_t size_bytes);

void *malloc(size_t size_bytes)
{
    return __libc_malloc(size_bytes);
}
