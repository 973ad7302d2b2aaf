/* SPDX-License-Identifier: MIT */
/* Owns: a second copy of a library that this process has loaded already, with globals of its own. Linux with glibc only.
 * Called by: backend_portaudio_library.c, on the host thread.
 * The dynamic linker tells libraries apart by name and by file: the copy is a file in memory, whose name no other copy has had. */
#if defined(__linux__)
#define _GNU_SOURCE
#endif

#include "os.h"

#include <dlfcn.h>

#if defined(__linux__) && defined(RTLD_DEEPBIND)
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define COPIES_MAX 1000

/* Each copy's name has a slash more than the last one's, since its file descriptor has the same number. */
static acap__u32 copies;

static bool find_owner(const char *symbol, Dl_info *owner)
{
    void *address = dlsym(RTLD_DEFAULT, symbol);

    return address != NULL && dladdr(address, owner) != 0 && owner->dli_fname != NULL;
}

/* RTLD_DEEPBIND gives the copy the C library's allocator, but others free what it allocates. Sanitizers, which refuse RTLD_DEEPBIND by
   ending the process, are found out in the same way. */
static bool has_own_allocator(void)
{
    Dl_info allocator;
    Dl_info libc;

    return !find_owner("malloc", &allocator) || !find_owner("gnu_get_libc_version", &libc) || allocator.dli_fbase != libc.dli_fbase;
}

static bool fill_file(int to, const char *path)
{
    const int from = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t sent = 1;

    if (from < 0)
        return false;
    while (sent > 0)
        sent = sendfile(to, from, NULL, 1u << 20);
    (void)close(from);
    return sent == 0;
}

static void *load_file(int file)
{
    char path[COPIES_MAX + 40] = "/proc/self/fd";
    const size_t length = strlen(path);
    const uint32_t slashes = acap__add_relaxed(&copies, 1u) + 1; /* relaxed: only the number matters */

    if (slashes > COPIES_MAX)
        return NULL;
    memset(path + length, '/', slashes);
    (void)snprintf(path + length + slashes, sizeof path - length - slashes, "%d", file);
    return dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
}

void *acap__library_copy(const char *symbol, const char **why)
{
    Dl_info original;
    void *library = NULL;

    *why = "this process does not use the C library's memory allocator";
    if (has_own_allocator())
        return NULL;
    *why = "the library's file cannot be loaded once more";
    if (!find_owner(symbol, &original))
        return NULL;
    const int file = memfd_create("library", MFD_CLOEXEC);
    if (file < 0)
        return NULL;
    if (fill_file(file, original.dli_fname))
        library = load_file(file);
    (void)close(file);
    return library;
}
#else
void *acap__library_copy(const char *symbol, const char **why)
{
    (void)symbol;
    *why = "this system cannot load a library twice";
    return NULL;
}
#endif

void *acap__library_symbol(void *library, const char *name)
{
    return dlsym(library, name);
}
