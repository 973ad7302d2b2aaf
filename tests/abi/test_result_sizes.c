/* SPDX-License-Identifier: MIT */
/* Owns: the proof that result structs are filled in whole members, never past struct_size, and zeroed beyond what the library knows.
 * Run by: CTest; public API and shared library only; one thread. */
#include "sized.h"

typedef struct result_case {
    const char *name;
    acap_result (*call)(objects *o, void *theirs);
    acap_result expected;
} result_case;

static acap_result call_pool_stats(objects *o, void *theirs)
{
    return acap_pool_get_stats(o->pool, theirs);
}

static acap_result call_stream_info(objects *o, void *theirs)
{
    return acap_stream_get_info(o->stream, theirs);
}

static acap_result call_stream_stats(objects *o, void *theirs)
{
    return acap_stream_get_stats(o->stream, theirs);
}

static acap_result call_reader_stats(objects *o, void *theirs)
{
    return acap_reader_get_stats(o->reader, theirs);
}

static acap_result call_next_event(objects *o, void *theirs)
{
    return acap_context_next_event(o->quiet, 0, theirs);
}

/* An event that does not come is all zero, and filled as any other. */
static const result_case cases[] = {
    {"acap_pool_stats", call_pool_stats, ACAP_OK},     {"acap_stream_info", call_stream_info, ACAP_OK},
    {"acap_stream_stats", call_stream_stats, ACAP_OK}, {"acap_reader_stats", call_reader_stats, ACAP_OK},
    {"acap_event", call_next_event, ACAP_TIMED_OUT},
};

#define CASE_COUNT (sizeof cases / sizeof cases[0])

/* What the struct holds when all of it fits; the objects stand still, so that it is the same each time. */
static sized full_answer(const result_case *c, objects *o)
{
    const uint32_t known_bytes = (uint32_t)sized_find(c->name)->size_bytes;
    sized full = sized_new(SIZED_HEAP, known_bytes);

    sized_set_struct_size(&full, known_bytes);
    assert_int_equal(c->call(o, full.bytes), c->expected);
    return full;
}

/* The end of the last member that lies wholly below size. */
static size_t whole_members_end(const abi_struct *s, size_t size)
{
    size_t end = 0;

    for (size_t i = 0; i < s->member_count; i++)
        if (s->members[i].offset + s->members[i].size_bytes <= size)
            end = s->members[i].offset + s->members[i].size_bytes;
    return end;
}

static uint32_t struct_size_in(const sized *memory)
{
    uint32_t struct_size;

    memcpy(&struct_size, memory->bytes, sizeof struct_size);
    return struct_size;
}

static void check_answer(const result_case *c, const sized *memory, const sized *full, uint32_t size)
{
    const abi_struct *s = sized_find(c->name);
    const size_t end = whole_members_end(s, size);

    if (struct_size_in(memory) != size)
        fail_msg("%s, struct_size %u: struct_size was changed", c->name, size);
    if (memcmp(memory->bytes + sizeof(uint32_t), full->bytes + sizeof(uint32_t), end - sizeof(uint32_t)) != 0)
        fail_msg("%s, struct_size %u: a member that fits is not filled", c->name, size);
    if (size < s->size_bytes && !sized_all(memory, end, size, SIZED_POISON))
        fail_msg("%s, struct_size %u: a member that does not fit is touched", c->name, size);
    if (size > s->size_bytes && !sized_all(memory, s->size_bytes, size, 0))
        fail_msg("%s, struct_size %u: the unknown tail is not zero", c->name, size);
}

static void check_size(const result_case *c, objects *o, sized_place place, uint32_t size)
{
    sized full = full_answer(c, o);
    sized memory = sized_new(place, size);

    sized_set_struct_size(&memory, size);
    assert_int_equal(c->call(o, memory.bytes), c->expected);
    check_answer(c, &memory, &full, size);
    sized_free(&memory);
    sized_free(&full);
}

static void every_size_gets_its_whole_members(void **state)
{
    for (size_t i = 0; i < CASE_COUNT; i++) {
        for (uint32_t size = 8; size <= sized_find(cases[i].name)->size_bytes + 16; size++) {
            check_size(&cases[i], *state, SIZED_HEAP, size);
            check_size(&cases[i], *state, SIZED_GUARD, size);
        }
        check_size(&cases[i], *state, SIZED_GUARD, SIZED_MAX);
    }
}

/* Refused, and not one byte is written. */
static void check_refused(const result_case *c, objects *o, sized_place place, uint32_t size, size_t room_bytes)
{
    sized memory = sized_new(place, room_bytes);

    sized_set_struct_size(&memory, size);
    if (c->call(o, memory.bytes) != ACAP_ERROR_ABI_MISMATCH)
        fail_msg("%s, struct_size %u is not refused", c->name, size);
    assert_non_null(strstr(acap_last_error(), c->name));
    assert_int_equal(struct_size_in(&memory), size);
    assert_true(sized_all(&memory, sizeof(uint32_t), memory.size_bytes, SIZED_POISON));
    sized_free(&memory);
}

static void sizes_without_a_member_are_refused(void **state)
{
    for (size_t i = 0; i < CASE_COUNT; i++) {
        for (uint32_t size = 0; size < 8; size++) {
            check_refused(&cases[i], *state, SIZED_HEAP, size, size);
            check_refused(&cases[i], *state, SIZED_GUARD, size, size);
        }
    }
}

static void garbage_is_refused_untouched(void **state)
{
    static const uint32_t sizes[] = {4097, 65536, 0x7fffffffu, 0x80000000u, 0xfffffff8u, 0xffffffffu};

    for (size_t i = 0; i < CASE_COUNT; i++) {
        check_refused(&cases[i], *state, SIZED_HEAP, SIZED_MAX + 1, SIZED_MAX + 1);
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            check_refused(&cases[i], *state, SIZED_HEAP, sizes[s], 8);
            check_refused(&cases[i], *state, SIZED_GUARD, sizes[s], 8);
        }
    }
}

/* Or the comparison of members above would prove nothing: none is left as it was, and several are not zero. */
static void the_figures_compared_are_not_empty(void **state)
{
    for (size_t i = 0; i < CASE_COUNT; i++) {
        const abi_struct *s = sized_find(cases[i].name);
        sized full = full_answer(&cases[i], *state);
        size_t filled = 0;

        for (size_t m = 0; m < s->member_count; m++) {
            assert_false(sized_all(&full, s->members[m].offset, s->members[m].offset + s->members[m].size_bytes, SIZED_POISON));
            filled += sized_all(&full, s->members[m].offset, s->members[m].offset + s->members[m].size_bytes, 0) ? 0 : 1;
        }
        assert_true(filled >= 6 || cases[i].expected != ACAP_OK);
        sized_free(&full);
    }
}

/* acap_levels is read as a parameter struct before it is filled as a result: only its tail is as free as theirs. */
static void levels_are_filled_and_their_tail_is_kept_zero(void **state)
{
    objects *o = *state;
    const uint32_t known_bytes = sizeof(acap_levels);

    for (uint32_t size = known_bytes; size <= known_bytes + 16; size++) {
        acap_levels seen;
        float peak[2] = {-1, -1};
        float rms[2] = {-1, -1};
        const acap_levels given = {size, 2, peak, rms, UINT64_MAX, UINT64_MAX};
        sized memory = sized_new(SIZED_HEAP, size);

        memset(memory.bytes, 0, size);
        memcpy(memory.bytes, &given, sizeof given);
        assert_int_equal(acap_buffer_measure(o->buffer, (acap_levels *)(void *)memory.bytes), ACAP_OK);
        memcpy(&seen, memory.bytes, sizeof seen);
        assert_int_equal(seen.struct_size, size);
        assert_ptr_equal(seen.peak, peak);
        assert_ptr_equal(seen.rms, rms);
        assert_true(seen.clipped <= o->buffer->frame_count * 2u && seen.zeros <= o->buffer->frame_count * 2u);
        assert_true(peak[0] >= 0 && peak[1] > 0 && rms[0] >= 0 && rms[1] > 0);
        assert_true(sized_all(&memory, known_bytes, size, 0));
        sized_free(&memory);
    }
}

/* The simulated device loses a tenth of a second, which is an event once the clock has shown it. */
static void make_an_event(objects *o)
{
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    acap_stream *stream = NULL;

    config.device = "sim:counter?pace=manual&period=480&xrun=1s:4800f";
    config.sample_rate_hz = 48000;
    assert_int_equal(acap_stream_open(o->quiet, &config, &stream), ACAP_OK);
    assert_int_equal(acap_stream_start(stream), ACAP_OK);
    assert_int_equal(acap_stream_sim_advance(stream, 10 * 48000), ACAP_OK);
    acap_stream_close(stream);
}

/* An event is taken from a queue: what is refused must leave it there, and what is too small for its text still gets the rest. */
static void an_event_comes_in_whole_members_and_is_not_lost_to_a_refusal(void **state)
{
    const uint32_t size = offsetof(acap_event, text) + 100;
    objects *o = *state;
    acap_event event = ACAP_EVENT_INIT;
    sized memory = sized_new(SIZED_HEAP, size);

    make_an_event(o);
    event.struct_size = 4;
    assert_int_equal(acap_context_next_event(o->quiet, 0, &event), ACAP_ERROR_ABI_MISMATCH);
    sized_set_struct_size(&memory, size);
    assert_int_equal(acap_context_next_event(o->quiet, 0, (acap_event *)(void *)memory.bytes), ACAP_OK);
    memcpy(&event, memory.bytes, offsetof(acap_event, text));
    assert_int_equal(event.struct_size, size);
    assert_int_equal(event.type, ACAP_EVENT_FRAMES_LOST);
    assert_int_equal(event.frames, 4800);
    assert_true(sized_all(&memory, offsetof(acap_event, text), size, SIZED_POISON));
    sized_free(&memory);
    event.struct_size = sizeof event;
    while (acap_context_next_event(o->quiet, 0, &event) == ACAP_OK)
        assert_int_not_equal(event.type, ACAP_EVENT_FRAMES_LOST);
}

/* What the library makes says how much of it there is. */
static void structs_of_the_library_tell_their_size(void **state)
{
    objects *o = *state;
    acap_device_list *list = NULL;

    assert_int_equal(o->buffer->struct_size, sizeof(acap_buffer));
    assert_int_equal(acap_device_list_create(o->context, &list), ACAP_OK);
    assert_true(acap_device_list_count(list) > 0);
    for (size_t i = 0; i < acap_device_list_count(list); i++)
        assert_int_equal(acap_device_list_get(list, i)->struct_size, sizeof(acap_device_info));
    acap_device_list_destroy(list);
}

/* No struct that the library fills is missing here. */
static void every_result_struct_is_covered(void **state)
{
    size_t others = 0;
    (void)state;

    for (size_t i = 0; i < abi_struct_count; i++) {
        const char *name = abi_structs[i].name;
        bool found = false;

        for (size_t c = 0; c < CASE_COUNT; c++)
            found = found || strcmp(cases[c].name, name) == 0;
        if (found)
            continue;
        others++;
        assert_true(strstr(name, "_config") != NULL || strcmp(name, "acap_levels") == 0 || strcmp(name, "acap_buffer") == 0
                    || strcmp(name, "acap_device_info") == 0);
    }
    assert_int_equal(others + CASE_COUNT, abi_struct_count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_gets_its_whole_members),
        cmocka_unit_test(sizes_without_a_member_are_refused),
        cmocka_unit_test(garbage_is_refused_untouched),
        cmocka_unit_test(the_figures_compared_are_not_empty),
        cmocka_unit_test(levels_are_filled_and_their_tail_is_kept_zero),
        cmocka_unit_test(an_event_comes_in_whole_members_and_is_not_lost_to_a_refusal),
        cmocka_unit_test(structs_of_the_library_tell_their_size),
        cmocka_unit_test(every_result_struct_is_covered),
    };

    return cmocka_run_group_tests(tests, objects_open, objects_close);
}
