/* SPDX-License-Identifier: MIT */
/* Owns: tests that handles close in any order, and that what a parent leaves behind stays valid.
 * Run by: CTest, about a second.
 * Runs on: the public API; streams are fed by the test, in virtual time or as fast as they can. */
#include "fixture.h"

#include <string.h>

enum part {
    CONTEXT,
    STREAM,
    READER,
    BUFFER,
    POOL,
    LIST,
    PARTS
};

/* Everything that somebody has to give back, once. */
struct family {
    acap_context *context;
    acap_stream *stream;
    acap_reader *reader;
    const acap_buffer *buffer;
    acap_pool *pool;
    acap_device_list *list;
    conservation seen;
    bool is_gone[PARTS];
};

static struct family make_family(const char *device)
{
    struct family f;

    memset(&f, 0, sizeof f);
    f.context = make_context("sim");
    f.stream = open_stream(f.context, device, ACAP_FORMAT_S16, 2, 64);
    f.reader = open_queue(f.stream, 4, ACAP_OVERFLOW_DROP_NEWEST);
    f.pool = acap_stream_get_pool(f.stream);
    assert_ok(acap_device_list_create(f.context, &f.list));
    conservation_begin(&f.seen, f.reader);
    assert_ok(acap_stream_start(f.stream));
    if (strcmp(device, "push:") == 0)
        push_counter(f.stream, 192 + 32);
    else if (strstr(device, "manual") != NULL)
        assert_ok(acap_stream_sim_advance(f.stream, 192 + 32));
    assert_ok(acap_reader_borrow(f.reader, 10 * NS_PER_S, &f.buffer));
    assert_true(counter_holds(f.buffer));
    conservation_add(&f.seen, f.buffer);
    return f;
}

static void give_back(struct family *f, enum part part)
{
    f->is_gone[part] = true;
    switch (part) {
    case CONTEXT:
        acap_context_destroy(f->context);
        break;
    case STREAM:
        acap_stream_close(f->stream);
        break;
    case READER:
        if (f->is_gone[STREAM]) /* at rest */
            assert_conserved(conservation_at_rest(&f->seen, NULL, f->reader));
        assert_conserved(conservation_of_reader(f->reader));
        acap_reader_close(f->reader);
        break;
    case BUFFER:
        acap_buffer_release(f->buffer);
        break;
    case POOL:
        acap_pool_release(f->pool);
        break;
    default:
        acap_device_list_destroy(f->list);
        break;
    }
}

static void use_stream(struct family *f)
{
    acap_stream_info info = ACAP_STREAM_INFO_INIT;
    const acap_stream_stats stats = stream_stats(f->stream);

    assert_conserved(conservation_of_stream(f->stream));
    assert_ok(acap_stream_get_info(f->stream, &info));
    assert_int_equal(info.channel_count, 2);
    assert_int_equal(stats.state, f->is_gone[CONTEXT] ? ACAP_STATE_STOPPED : ACAP_STATE_RUNNING);
    assert_int_equal(acap_stream_start(f->stream), f->is_gone[CONTEXT] ? ACAP_ERROR_INVALID_STATE : ACAP_OK);
}

static void use_reader(struct family *f)
{
    const bool has_ended = f->is_gone[CONTEXT] || f->is_gone[STREAM];
    const acap_buffer *buffer;
    acap_result result = acap_reader_borrow(f->reader, 0, &buffer);

    if (result == ACAP_OK) {
        assert_true(counter_holds(buffer));
        conservation_add(&f->seen, buffer);
        acap_buffer_release(buffer);
    } else {
        assert_int_equal(result, has_ended ? ACAP_END : ACAP_TIMED_OUT);
    }
    assert_ok(acap_reader_interrupt(f->reader));
    assert_result(acap_reader_borrow(f->reader, ACAP_WAIT_FOREVER, &buffer), ACAP_INTERRUPTED);
    if (has_ended) {
        assert_int_equal(drain(f->reader, &f->seen), ACAP_END);
        assert_int_equal(drain(f->reader, &f->seen), ACAP_END);
    }
}

/* Whatever is still there works, as far as its parents let it. */
static void use_the_rest(struct family *f)
{
    if (!f->is_gone[STREAM])
        use_stream(f);
    if (!f->is_gone[READER])
        use_reader(f);
    if (!f->is_gone[BUFFER]) {
        assert_true(counter_holds(f->buffer));
        assert_int_equal(acap_buffer_reference_count(f->buffer), 1);
        assert_non_null(acap_buffer_writable_data(f->buffer));
    }
    if (!f->is_gone[POOL])
        assert_true(pool_stats(f->pool).in_use >= (f->is_gone[BUFFER] ? 0u : 1u));
    if (!f->is_gone[LIST])
        assert_string_equal(acap_device_list_get(f->list, 0)->id, "sim:counter");
}

static uint32_t orders;

/* All permutations of what is left of order, by exchanging. */
static void close_in_every_order(const char *device, enum part *order, uint32_t fixed, uint32_t count)
{
    if (fixed < count) {
        for (uint32_t i = fixed; i < count; i++) {
            const enum part first = order[fixed];
            order[fixed] = order[i];
            order[i] = first;
            close_in_every_order(device, order, fixed + 1, count);
            order[i] = order[fixed];
            order[fixed] = first;
        }
        return;
    }
    struct family f = make_family(device);
    for (uint32_t i = 0; i < count; i++) {
        give_back(&f, order[i]);
        use_the_rest(&f);
    }
    orders++;
}

static void expect_every_order(const char *device, uint32_t count, uint32_t expected_orders)
{
    enum part order[PARTS] = {CONTEXT, STREAM, READER, BUFFER, POOL, LIST};
    const uint32_t descriptors = open_descriptors();

    orders = 0;
    close_in_every_order(device, order, 0, count);
    assert_int_equal(orders, expected_orders);
    assert_int_equal(open_descriptors(), descriptors);
    assert_true(threads_have_gone());
}

static void handles_close_in_any_of_720_orders(void **state)
{
    (void)state;
    expect_every_order("push:", PARTS, 720);
}

static void handles_of_a_simulated_device_close_in_any_of_720_orders(void **state)
{
    (void)state;
    expect_every_order("sim:counter?pace=manual&period=32", PARTS, 720);
}

static void handles_of_a_running_device_close_in_any_of_720_orders(void **state)
{
    (void)state;
    expect_every_order("sim:counter?pace=fast&period=32", PARTS, 720);
}

static void buffers_outlive_everything(void **state)
{
    enum { HELD = 100 };
    rig r = make_rig(480, HELD, ACAP_OVERFLOW_DROP_NEWEST);
    const acap_buffer *held[HELD];

    (void)state;
    for (int i = 0; i < HELD; i++)
        push_counter(r.stream, 480);
    for (int i = 0; i < HELD; i++)
        held[i] = borrow_now(r.reader, &r.seen);
    finish_rig(&r);
    uint64_t random = random_seed("buffers_outlive_everything");
    for (int left = HELD; left > 0; left--) { /* at random, the last one frees the pool */
        const uint64_t at = next_random(&random) % (uint64_t)left;
        assert_true(counter_holds(held[at]));
        assert_ptr_equal(acap_buffer_retain(held[at]), held[at]);
        acap_buffer_release(held[at]);
        acap_buffer_release(held[at]);
        held[at] = held[left - 1];
    }
}

static void a_reader_keeps_its_queue_when_everything_else_has_gone(void **state)
{
    rig r = make_rig(480, 16, ACAP_OVERFLOW_DROP_NEWEST);

    (void)state;
    push_counter(r.stream, 480 * 10 + 100);
    acap_context_destroy(r.context);
    acap_stream_close(r.stream);
    assert_result(drain(r.reader, &r.seen), ACAP_END);
    assert_int_equal(r.seen.frames, 4900);
    assert_conserved(conservation_at_rest(&r.seen, NULL, r.reader));
    acap_reader_close(r.reader);
}

static void a_shared_pool_survives_its_streams_and_they_survive_its_handle(void **state)
{
    acap_pool_config pool_config = ACAP_POOL_CONFIG_INIT;
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    acap_context *context = make_context("push");
    acap_pool *pool = NULL;
    conservation seen;

    (void)state;
    pool_config.buffer_size_bytes = 480 * 8;
    assert_ok(acap_pool_create(&pool_config, &pool));
    config.pool = pool;
    for (int round = 0; round < 3; round++) {
        acap_stream *stream = open_config(context, &config);
        acap_reader *reader = open_queue(stream, 4, 0);
        conservation_begin(&seen, reader);
        if (round == 2)
            acap_pool_release(pool); /* the last handle of the caller */
        assert_ok(acap_stream_start(stream));
        push_counter(stream, 960);
        const acap_buffer *held = borrow_now(reader, &seen);
        assert_conserved(conservation_at_rest(&seen, stream, reader));
        acap_stream_close(stream);
        acap_reader_close(reader);
        assert_true(counter_holds(held));
        acap_buffer_release(held);
    }
    acap_context_destroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handles_close_in_any_of_720_orders),
        cmocka_unit_test(handles_of_a_simulated_device_close_in_any_of_720_orders),
        cmocka_unit_test(handles_of_a_running_device_close_in_any_of_720_orders),
        cmocka_unit_test(buffers_outlive_everything),
        cmocka_unit_test(a_reader_keeps_its_queue_when_everything_else_has_gone),
        cmocka_unit_test(a_shared_pool_survives_its_streams_and_they_survive_its_handle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
