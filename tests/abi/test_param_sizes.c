/* SPDX-License-Identifier: MIT */
/* Owns: the proof that parameter structs of any caller's age are taken or refused as acap.h says, and that nothing beyond them is read.
 * Run by: CTest; public API and shared library only; one thread. */
#include "sized.h"

typedef struct param_case {
    const char *name;
    acap_result (*call)(objects *o, void *theirs, void **out); /* out: what the call made, or NULL */
    void (*close)(void *made);
    void (*fill)(void *theirs); /* what the call cannot do without; NULL: nothing */
} param_case;

static acap_result call_context_create(objects *o, void *theirs, void **out)
{
    acap_context *made = *out;
    (void)o;

    const acap_result result = acap_context_create(theirs, &made);
    *out = made;
    return result;
}

static void close_context(void *made)
{
    acap_context_destroy(made);
}

static void fill_context(void *theirs)
{
    const char *backend = "sim";

    memcpy((char *)theirs + offsetof(acap_context_config, backend), &backend, sizeof backend);
}

static acap_result call_pool_create(objects *o, void *theirs, void **out)
{
    acap_pool *made = *out;
    (void)o;

    const acap_result result = acap_pool_create(theirs, &made);
    *out = made;
    return result;
}

static void close_pool(void *made)
{
    acap_pool_release(made);
}

static void fill_pool(void *theirs)
{
    const uint32_t buffer_size_bytes = 256;

    memcpy((char *)theirs + offsetof(acap_pool_config, buffer_size_bytes), &buffer_size_bytes, sizeof buffer_size_bytes);
}

static acap_result call_stream_open(objects *o, void *theirs, void **out)
{
    acap_stream *made = *out;

    const acap_result result = acap_stream_open(o->context, theirs, &made);
    *out = made;
    return result;
}

static acap_result call_device_supports(objects *o, void *theirs, void **out)
{
    *out = NULL;
    return acap_device_supports(o->context, theirs);
}

static void close_stream(void *made)
{
    acap_stream_close(made);
}

static void fill_stream(void *theirs)
{
    static const char device[] = "sim:counter?pace=manual";
    const char *address = device;

    memcpy((char *)theirs + offsetof(acap_stream_config, device), &address, sizeof address);
}

static acap_result call_reader_open(objects *o, void *theirs, void **out)
{
    acap_reader *made = *out;

    const acap_result result = acap_reader_open(o->stream, theirs, &made);
    *out = made;
    return result;
}

static void close_reader(void *made)
{
    acap_reader_close(made);
}

static acap_result call_measure(objects *o, void *theirs, void **out)
{
    *out = NULL;
    return acap_buffer_measure(o->buffer, theirs);
}

static const param_case cases[] = {
    {"acap_context_config", call_context_create, close_context, fill_context},
    {"acap_pool_config", call_pool_create, close_pool, fill_pool},
    {"acap_stream_config", call_stream_open, close_stream, fill_stream},
    {"acap_stream_config", call_device_supports, NULL, fill_stream},
    {"acap_reader_config", call_reader_open, close_reader, NULL},
    {"acap_levels", call_measure, NULL, NULL},
};

#define CASE_COUNT (sizeof cases / sizeof cases[0])

/* A struct of struct_size bytes whose members and tail are zero but for what the call needs; only what fits is written. */
static sized make_struct(const param_case *c, sized_place place, uint32_t struct_size)
{
    sized memory = sized_new(place, struct_size);

    memset(memory.bytes, 0, memory.size_bytes);
    if (c->fill != NULL && struct_size >= sized_find(c->name)->size_bytes)
        c->fill(memory.bytes);
    sized_set_struct_size(&memory, struct_size);
    return memory;
}

/* Calls and checks the result and the out-parameter that goes with it. */
static void expect(const param_case *c, objects *o, sized *memory, acap_result expected)
{
    void *made = memory; /* must become NULL on failure */
    const acap_result result = c->call(o, memory->bytes, &made);

    if (result != expected)
        fail_msg("%s, struct_size %u: %s instead of %s", c->name, *(const uint32_t *)(const void *)memory->bytes,
                 acap_result_name(result), acap_result_name(expected));
    if (result == ACAP_OK && c->close != NULL)
        c->close(made);
    if (result == ACAP_ERROR_ABI_MISMATCH) {
        assert_null(made);
        assert_non_null(strstr(acap_last_error(), c->name));
    }
}

static void for_all(objects *o, void (*check)(const param_case *c, objects *o, sized_place place, uint32_t known_bytes))
{
    for (size_t i = 0; i < CASE_COUNT; i++) {
        check(&cases[i], o, SIZED_HEAP, (uint32_t)sized_find(cases[i].name)->size_bytes);
        check(&cases[i], o, SIZED_GUARD, (uint32_t)sized_find(cases[i].name)->size_bytes);
    }
}

static void check_own_size(const param_case *c, objects *o, sized_place place, uint32_t known_bytes)
{
    sized memory = make_struct(c, place, known_bytes);

    expect(c, o, &memory, ACAP_OK);
    sized_free(&memory);
}

static void own_size_is_taken(void **state)
{
    for_all(*state, check_own_size);
}

/* All members are of the first release: whatever is smaller is older than that, or cuts through a member. */
static void check_smaller(const param_case *c, objects *o, sized_place place, uint32_t known_bytes)
{
    for (uint32_t size = 0; size < known_bytes; size++) {
        sized memory = make_struct(c, place, size);

        expect(c, o, &memory, ACAP_ERROR_ABI_MISMATCH);
        sized_free(&memory);
    }
}

static void smaller_than_the_first_release_is_refused(void **state)
{
    for_all(*state, check_smaller);
}

static void check_zero_tail(const param_case *c, objects *o, sized_place place, uint32_t known_bytes)
{
    for (uint32_t size = known_bytes + 1; size <= known_bytes + 16; size++) {
        sized memory = make_struct(c, place, size);

        expect(c, o, &memory, ACAP_OK);
        sized_free(&memory);
    }
}

static void newer_with_defaults_only_is_taken(void **state)
{
    for_all(*state, check_zero_tail);
}

static void check_used_tail(const param_case *c, objects *o, sized_place place, uint32_t known_bytes)
{
    const uint32_t size = known_bytes + 16;

    for (uint32_t at = known_bytes; at < size; at++) {
        sized memory = make_struct(c, place, size);

        memory.bytes[at] = 1;
        expect(c, o, &memory, ACAP_ERROR_ABI_MISMATCH);
        sized_free(&memory);
    }
}

static void newer_that_uses_an_unknown_member_is_refused(void **state)
{
    for_all(*state, check_used_tail);
}

static void check_largest(const param_case *c, objects *o, sized_place place, uint32_t known_bytes)
{
    sized memory = make_struct(c, place, SIZED_MAX);
    (void)known_bytes;

    expect(c, o, &memory, ACAP_OK);
    memory.bytes[SIZED_MAX - 1] = 1;
    expect(c, o, &memory, ACAP_ERROR_ABI_MISMATCH);
    sized_free(&memory);
}

static void the_tail_is_looked_at_to_its_end(void **state)
{
    for_all(*state, check_largest);
}

/* Just above the limit with every byte there, so that only the size can be the reason; the others with nothing behind eight bytes, so that
   whoever believes the size faults. */
static void check_garbage(const param_case *c, objects *o, sized_place place, uint32_t known_bytes)
{
    static const uint32_t sizes[] = {4097, 65536, 0x7fffffffu, 0x80000000u, 0xfffffff8u, 0xffffffffu};
    (void)known_bytes;

    sized honest = make_struct(c, place, SIZED_MAX + 1);
    expect(c, o, &honest, ACAP_ERROR_ABI_MISMATCH);
    sized_free(&honest);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        sized memory = sized_new(place, 8);

        sized_set_struct_size(&memory, sizes[i]);
        expect(c, o, &memory, ACAP_ERROR_ABI_MISMATCH);
        sized_free(&memory);
    }
}

static void garbage_is_refused_unread(void **state)
{
    for_all(*state, check_garbage);
}

/* No parameter struct of the header is missing here. */
static void every_parameter_struct_is_covered(void **state)
{
    (void)state;
    for (size_t i = 0; i < abi_struct_count; i++) {
        const char *name = abi_structs[i].name;
        const size_t length = strlen(name);
        bool found = false;

        if (length < strlen("_config") || strcmp(name + length - strlen("_config"), "_config") != 0)
            continue;
        for (size_t c = 0; c < CASE_COUNT; c++)
            found = found || strcmp(cases[c].name, name) == 0;
        if (!found)
            fail_msg("%s has no case", name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_size_is_taken),
        cmocka_unit_test(smaller_than_the_first_release_is_refused),
        cmocka_unit_test(newer_with_defaults_only_is_taken),
        cmocka_unit_test(newer_that_uses_an_unknown_member_is_refused),
        cmocka_unit_test(the_tail_is_looked_at_to_its_end),
        cmocka_unit_test(garbage_is_refused_unread),
        cmocka_unit_test(every_parameter_struct_is_covered),
    };

    return cmocka_run_group_tests(tests, objects_open, objects_close);
}
