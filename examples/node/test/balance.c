/* SPDX-License-Identifier: MIT */
/* Owns: a ledger of everything that a process gets from acap and gives back, kept by standing between the addon and the library.
 * Called by: the addon, of whatever thread or environment, through LD_PRELOAD; the last line of standard error is the ledger. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <acap/acap.h>

static atomic_llong contexts, lists, streams, readers, pools, buffers, calls;

#define REAL(function) ((__typeof__(&function))dlsym(RTLD_NEXT, #function))
/* What the library calls of itself, it also pays for itself. */
#define COUNT(kept, change) count(&kept, change, __builtin_return_address(0))

static void count(atomic_llong *kept, int change, void *caller)
{
    Dl_info info;
    const char *end = dladdr(caller, &info) != 0 && info.dli_fname != NULL ? strrchr(info.dli_fname, '.') : NULL;
    const bool is_addon = end != NULL && strcmp(end, ".node") == 0;
    calls += is_addon;
    *kept += is_addon ? change : 0;
}

acap_result acap_context_create(const acap_context_config *config, acap_context **out)
{
    const acap_result result = REAL(acap_context_create)(config, out);
    COUNT(contexts, result == ACAP_OK);
    return result;
}

void acap_context_destroy(acap_context *context)
{
    COUNT(contexts, -(context != NULL));
    REAL(acap_context_destroy)(context);
}

acap_result acap_device_list_create(acap_context *context, acap_device_list **out)
{
    const acap_result result = REAL(acap_device_list_create)(context, out);
    COUNT(lists, result == ACAP_OK);
    return result;
}

void acap_device_list_destroy(acap_device_list *list)
{
    COUNT(lists, -(list != NULL));
    REAL(acap_device_list_destroy)(list);
}

acap_result acap_stream_open(acap_context *context, const acap_stream_config *config, acap_stream **out)
{
    const acap_result result = REAL(acap_stream_open)(context, config, out);
    COUNT(streams, result == ACAP_OK);
    return result;
}

void acap_stream_close(acap_stream *stream)
{
    COUNT(streams, -(stream != NULL));
    REAL(acap_stream_close)(stream);
}

acap_result acap_reader_open(acap_stream *stream, const acap_reader_config *config, acap_reader **out)
{
    const acap_result result = REAL(acap_reader_open)(stream, config, out);
    COUNT(readers, result == ACAP_OK);
    return result;
}

void acap_reader_close(acap_reader *reader)
{
    COUNT(readers, -(reader != NULL));
    REAL(acap_reader_close)(reader);
}

acap_result acap_pool_create(const acap_pool_config *config, acap_pool **out)
{
    const acap_result result = REAL(acap_pool_create)(config, out);
    COUNT(pools, result == ACAP_OK);
    return result;
}

acap_pool *acap_pool_retain(acap_pool *pool)
{
    COUNT(pools, pool != NULL);
    return REAL(acap_pool_retain)(pool);
}

acap_pool *acap_stream_get_pool(acap_stream *stream)
{
    acap_pool *pool = REAL(acap_stream_get_pool)(stream);
    COUNT(pools, pool != NULL);
    return pool;
}

void acap_pool_release(acap_pool *pool)
{
    COUNT(pools, -(pool != NULL));
    REAL(acap_pool_release)(pool);
}

acap_result acap_reader_borrow(acap_reader *reader, int64_t timeout_ns, const acap_buffer **out)
{
    const acap_result result = REAL(acap_reader_borrow)(reader, timeout_ns, out);
    COUNT(buffers, result == ACAP_OK);
    return result;
}

acap_result acap_pool_acquire(acap_pool *pool, const acap_buffer **out)
{
    const acap_result result = REAL(acap_pool_acquire)(pool, out);
    COUNT(buffers, result == ACAP_OK);
    return result;
}

const acap_buffer *acap_buffer_retain(const acap_buffer *buffer)
{
    const acap_buffer *retained = REAL(acap_buffer_retain)(buffer);
    COUNT(buffers, retained != NULL);
    return retained;
}

void acap_buffer_release(const acap_buffer *buffer)
{
    COUNT(buffers, -(buffer != NULL));
    REAL(acap_buffer_release)(buffer);
}

__attribute__((destructor)) static void report(void)
{
    if (calls > 0)
        fprintf(stderr, "kept: contexts %lld, lists %lld, streams %lld, readers %lld, pools %lld, buffers %lld\n", (long long)contexts,
                (long long)lists, (long long)streams, (long long)readers, (long long)pools, (long long)buffers);
}
