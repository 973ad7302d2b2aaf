/* SPDX-License-Identifier: MIT */
/* Owns: the memory and the objects of sized.h.
 * Called by: test_param_sizes.c and test_result_sizes.c; one thread. */
#include "sized.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void place_on_heap(sized *memory)
{
    memory->bytes = malloc(memory->size_bytes);
    assert_non_null(memory->bytes);
}

static void place_before_guard(sized *memory)
{
    const size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    const size_t aligned_bytes = (memory->size_bytes + 7u) & ~(size_t)7u;
    const size_t data_bytes = (aligned_bytes + page_bytes - 1) / page_bytes * page_bytes;

    memory->mapping_bytes = data_bytes + page_bytes;
    memory->mapping = mmap(NULL, memory->mapping_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(memory->mapping, MAP_FAILED);
    assert_int_equal(mprotect((unsigned char *)memory->mapping + data_bytes, page_bytes, PROT_NONE), 0);
    memset(memory->mapping, SIZED_POISON, data_bytes);
    memory->bytes = (unsigned char *)memory->mapping + data_bytes - aligned_bytes;
}

sized sized_new(sized_place place, size_t size_bytes)
{
    sized memory = {.size_bytes = size_bytes < sizeof(uint32_t) ? sizeof(uint32_t) : size_bytes};

    if (place == SIZED_HEAP)
        place_on_heap(&memory);
    else
        place_before_guard(&memory);
    memset(memory.bytes, SIZED_POISON, memory.size_bytes);
    return memory;
}

void sized_free(sized *memory)
{
    if (memory->mapping != NULL)
        assert_int_equal(munmap(memory->mapping, memory->mapping_bytes), 0);
    else
        free(memory->bytes);
    memory->bytes = NULL;
}

void sized_set_struct_size(sized *memory, uint32_t struct_size)
{
    memcpy(memory->bytes, &struct_size, sizeof struct_size);
}

bool sized_all(const sized *memory, size_t begin, size_t end, unsigned char value)
{
    for (size_t i = begin; i < end; i++)
        if (memory->bytes[i] != value)
            return false;
    return true;
}

const abi_struct *sized_find(const char *name)
{
    for (size_t i = 0; i < abi_struct_count; i++)
        if (strcmp(abi_structs[i].name, name) == 0)
            return &abi_structs[i];
    fail_msg("%s is not in the table", name);
    return NULL;
}

static acap_stream *open_counter(acap_context *context)
{
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    acap_stream *stream = NULL;

    config.device = "sim:counter?pace=manual&period=64";
    config.channel_count = 2;
    config.format = ACAP_FORMAT_S16;
    config.frames_per_buffer = 64;
    assert_int_equal(acap_stream_open(context, &config, &stream), ACAP_OK);
    assert_int_equal(acap_stream_start(stream), ACAP_OK);
    return stream;
}

static acap_context *open_context(void)
{
    acap_context_config config = ACAP_CONTEXT_CONFIG_INIT;
    acap_context *context = NULL;

    config.backend = "sim";
    assert_int_equal(acap_context_create(&config, &context), ACAP_OK);
    return context;
}

/* The reader's queue is too small on purpose: some of its figures for losses are not zero. It is empty in the end: the age of a buffer that
   is out would not stand still. */
static void make_a_past(objects *o)
{
    acap_reader_config config = ACAP_READER_CONFIG_INIT;
    const acap_buffer *buffer = NULL;

    config.queue_buffers = 2;
    o->stream = open_counter(o->context);
    assert_int_equal(acap_reader_open(o->stream, &config, &o->reader), ACAP_OK);
    assert_int_equal(acap_stream_sim_advance(o->stream, 8 * 64), ACAP_OK);
    while (acap_reader_borrow(o->reader, 0, &buffer) == ACAP_OK)
        acap_buffer_release(buffer);
    assert_int_equal(acap_stream_stop(o->stream), ACAP_OK);
    o->pool = acap_stream_get_pool(o->stream);
    assert_non_null(o->pool);
}

static void hold_a_buffer(objects *o)
{
    acap_stream *stream = open_counter(o->context);
    acap_reader *reader = NULL;

    assert_int_equal(acap_reader_open(stream, NULL, &reader), ACAP_OK);
    assert_int_equal(acap_stream_sim_advance(stream, 64), ACAP_OK);
    assert_int_equal(acap_reader_borrow(reader, 0, &o->buffer), ACAP_OK);
    acap_reader_close(reader);
    acap_stream_close(stream);
}

int objects_open(void **state)
{
    objects *o = calloc(1, sizeof *o);

    assert_non_null(o);
    o->context = open_context();
    o->quiet = open_context();
    make_a_past(o);
    hold_a_buffer(o);
    *state = o;
    return 0;
}

int objects_close(void **state)
{
    objects *o = *state;

    acap_buffer_release(o->buffer);
    acap_pool_release(o->pool);
    acap_reader_close(o->reader);
    acap_stream_close(o->stream);
    acap_context_destroy(o->context);
    acap_context_destroy(o->quiet);
    free(o);
    return 0;
}
