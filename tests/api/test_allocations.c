/* SPDX-License-Identifier: MIT */
/* Owns: the proof that capturing allocates nothing once it runs: every heap call of the process, on whichever thread, is counted. The
 * system that acap succeeds made seven allocations a packet.
 * Run by: CTest, well below a second.
 * Runs on: the public API. In a plain build this program's malloc stands before the C library's; under a sanitizer its hooks count. */
#include "fixture.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_uint_fast64_t allocations;

#if HAS_SANITIZER

void __sanitizer_malloc_hook(const volatile void *memory, size_t size_bytes);
void __sanitizer_free_hook(const volatile void *memory);

void __sanitizer_malloc_hook(const volatile void *memory, size_t size_bytes)
{
    (void)memory;
    (void)size_bytes;
    atomic_fetch_add(&allocations, 1);
}

void __sanitizer_free_hook(const volatile void *memory)
{
    if (memory != NULL)
        atomic_fetch_add(&allocations, 1);
}

#else

/* dlsym may allocate itself, before anybody has told it where from. */
static struct {
    _Alignas(64) unsigned char bytes[65536];
    size_t used;
} bootstrap;

static void *take_bootstrap(size_t size_bytes)
{
    void *memory = bootstrap.bytes + bootstrap.used;

    bootstrap.used += (size_bytes + 63) / 64 * 64;
    return bootstrap.used <= sizeof bootstrap.bytes ? memory : NULL;
}

static bool is_bootstrap(const void *memory)
{
    return (const unsigned char *)memory >= bootstrap.bytes && (const unsigned char *)memory < bootstrap.bytes + sizeof bootstrap.bytes;
}

static struct {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
    int (*posix_memalign)(void **, size_t, size_t);
    void *(*aligned_alloc)(size_t, size_t);
} real;

static void find(const char *name, void *function)
{
    void *address = dlsym(RTLD_NEXT, name);

    if (address == NULL)
        abort();
    memcpy(function, &address, sizeof address);
}

/* False: it is being found right now, and the caller is dlsym. */
static bool is_real_there(void)
{
    static bool is_searching;

    if (real.free != NULL)
        return true;
    if (is_searching)
        return false;
    is_searching = true;
    find("malloc", &real.malloc);
    find("calloc", &real.calloc);
    find("realloc", &real.realloc);
    find("posix_memalign", &real.posix_memalign);
    find("aligned_alloc", &real.aligned_alloc);
    find("free", &real.free);
    return true;
}

void *malloc(size_t size_bytes)
{
    atomic_fetch_add(&allocations, 1);
    return is_real_there() ? real.malloc(size_bytes) : take_bootstrap(size_bytes);
}

void *calloc(size_t count, size_t size_bytes)
{
    atomic_fetch_add(&allocations, 1);
    return is_real_there() ? real.calloc(count, size_bytes) : take_bootstrap(count * size_bytes);
}

void *realloc(void *memory, size_t size_bytes)
{
    atomic_fetch_add(&allocations, 1);
    if (!is_real_there() || is_bootstrap(memory))
        abort();
    return real.realloc(memory, size_bytes);
}

void free(void *memory)
{
    if (memory == NULL || is_bootstrap(memory))
        return;
    atomic_fetch_add(&allocations, 1);
    if (is_real_there())
        real.free(memory);
}

int posix_memalign(void **out, size_t alignment, size_t size_bytes)
{
    atomic_fetch_add(&allocations, 1);
    return is_real_there() ? real.posix_memalign(out, alignment, size_bytes) : ENOMEM;
}

void *aligned_alloc(size_t alignment, size_t size_bytes)
{
    atomic_fetch_add(&allocations, 1);
    return is_real_there() ? real.aligned_alloc(alignment, size_bytes) : NULL;
}

#endif

/* A counter that counts nothing would prove nothing. */
static void the_counter_counts(void **state)
{
    const uint64_t before = atomic_load(&allocations);
    void *volatile memory = malloc(100);

    (void)state;
    assert_non_null(memory);
    assert_int_equal(atomic_load(&allocations), before + 1);
    free(memory);
    assert_int_equal(atomic_load(&allocations), before + 2);
    acap_context_destroy(make_context("push"));
    assert_true(atomic_load(&allocations) > before + 2); /* the library's are seen, too */
}

struct consumer {
    acap_reader *reader;
    uint64_t buffers;
    uint64_t wanted;
    atomic_uint_fast64_t allocations_before;
    atomic_uint_fast64_t allocations_after;
    bool has_failed;
};

/* Borrows, looks, holds the last few, and releases: notes the heap's figure after a tenth and at the end. */
static void *consume(void *argument)
{
    struct consumer *consumer = argument;
    const acap_buffer *held[4] = {NULL};
    struct pollfd asked = {.events = POLLIN};
    intptr_t handle = -1;

    consumer->has_failed = acap_reader_get_wait_handle(consumer->reader, &handle) != ACAP_OK;
    asked.fd = (int)handle;
    while (consumer->buffers < consumer->wanted && !consumer->has_failed) {
        acap_reader_stats stats = ACAP_READER_STATS_INIT;
        const acap_buffer *buffer = NULL;
        acap_result result = acap_reader_borrow(consumer->reader, 0, &buffer);
        if (result == ACAP_TIMED_OUT && consumer->buffers % 2 == 0) { /* one way of waiting, and the other */
            consumer->has_failed = poll(&asked, 1, 10000) != 1;
            continue;
        }
        if (result == ACAP_TIMED_OUT)
            result = acap_reader_borrow(consumer->reader, 10 * NS_PER_S, &buffer);
        consumer->has_failed = result != ACAP_OK || !counter_holds(buffer) || acap_reader_get_stats(consumer->reader, &stats) != ACAP_OK;
        acap_buffer_release(held[consumer->buffers % 4]);
        held[consumer->buffers % 4] = buffer;
        if (++consumer->buffers == consumer->wanted / 10)
            atomic_store(&consumer->allocations_before, atomic_load(&allocations));
    }
    atomic_store(&consumer->allocations_after, atomic_load(&allocations));
    for (int i = 0; i < 4; i++)
        acap_buffer_release(held[i]);
    return NULL;
}

static void expect_no_allocation(const char *device, uint64_t buffers)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, device, ACAP_FORMAT_F32, 2, 480);
    struct consumer consumers[2] = {{.wanted = buffers}, {.wanted = buffers}};
    pthread_t threads[2];

    for (int i = 0; i < 2; i++)
        consumers[i].reader = open_queue(stream, 8, ACAP_OVERFLOW_DROP_OLDEST);
    assert_ok(acap_stream_start(stream));
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, consume, &consumers[i]), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    /* Nothing was allocated from the time when both were warm to that when the first was done. */
    const uint64_t from = consumers[0].allocations_before > consumers[1].allocations_before ? consumers[0].allocations_before
                                                                                              : consumers[1].allocations_before;
    const uint64_t to =
        consumers[0].allocations_after < consumers[1].allocations_after ? consumers[0].allocations_after : consumers[1].allocations_after;
    assert_false(consumers[0].has_failed || consumers[1].has_failed);
    assert_true(from > 0);
    assert_true(to <= from);
    acap_reader_close(consumers[0].reader);
    close_conserved(context, stream, consumers[1].reader);
}

static void the_steady_state_of_a_fast_device_allocates_nothing(void **state)
{
    (void)state;
    expect_no_allocation("sim:counter?pace=fast", 5000);
}

static void the_steady_state_of_a_real_device_allocates_nothing(void **state)
{
    (void)state;
    expect_no_allocation("sim:counter?period=64", 30);
}

/* On one thread, so that not one allocation of any kind can hide. */
static void thirty_thousand_packets_allocate_nothing(void **state)
{
    const bool had_gone = threads_have_gone(); /* those of the tests before, which free what was theirs */
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, "sim:counter?pace=manual&period=480", ACAP_FORMAT_F32, 2, 480);
    acap_reader *reader = open_queue(stream, 4, ACAP_OVERFLOW_DROP_OLDEST);
    acap_pool *pool = acap_stream_get_pool(stream);
    acap_pool_stats figures = ACAP_POOL_STATS_INIT;
    const acap_buffer *buffer = NULL;
    bool has_failed = false;
    conservation seen;

    (void)state;
    assert_true(had_gone);
    conservation_begin(&seen, reader);
    assert_ok(acap_stream_start(stream));
    const uint64_t before = atomic_load(&allocations);
    for (int i = 0; i < 30000; i++) {
        has_failed |= acap_stream_sim_advance(stream, 480) != ACAP_OK;
        has_failed |= acap_reader_borrow(reader, 0, &buffer) != ACAP_OK;
        conservation_add(&seen, buffer);
        has_failed |= acap_pool_get_stats(pool, &figures) != ACAP_OK;
        acap_buffer_release(buffer);
    }
    const uint64_t after = atomic_load(&allocations);
    assert_false(has_failed);
    assert_int_equal(after, before);
    assert_int_equal(figures.acquired, 30000);
    assert_int_equal(figures.grown, pool_stats(pool).grown);
    acap_pool_release(pool);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    close_conserved(context, stream, reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_counter_counts),
        cmocka_unit_test(the_steady_state_of_a_fast_device_allocates_nothing),
        cmocka_unit_test(the_steady_state_of_a_real_device_allocates_nothing),
        cmocka_unit_test(thirty_thousand_packets_allocate_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
