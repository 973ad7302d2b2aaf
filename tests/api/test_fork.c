/* SPDX-License-Identifier: MIT */
/* Owns: tests that a forked child is told so by every call, that closing there does nothing, and that the parent does not notice.
 * Run by: CTest, well below a second.
 * Runs on: the public API; a child only collects results and leaves with a number. */
#include "fixture.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the parent has when it forks. */
struct estate {
    acap_context *context;
    acap_stream *stream;
    acap_stream *simulated;
    acap_reader *reader;
    acap_pool *pool;
    acap_device_list *list;
    const acap_buffer *buffer;
    conservation seen;
};

static struct estate make_estate(void)
{
    struct estate e;

    memset(&e, 0, sizeof e);
    e.context = make_context("push");
    e.stream = open_stream(e.context, "push:", ACAP_FORMAT_S32, 1, 10);
    e.simulated = open_stream(e.context, "sim:counter?pace=manual", 0, 0, 0);
    e.reader = open_queue(e.stream, 8, 0);
    conservation_begin(&e.seen, e.reader);
    assert_ok(acap_device_list_create(e.context, &e.list));
    assert_ok(acap_stream_start(e.stream));
    assert_ok(acap_stream_start(e.simulated));
    e.pool = acap_stream_get_pool(e.stream);
    push_counter(e.stream, 30);
    e.buffer = borrow_now(e.reader, &e.seen);
    return e;
}

static void give_everything_back(struct estate *e)
{
    acap_buffer_release(e->buffer);
    acap_pool_release(e->pool);
    acap_device_list_destroy(e->list);
    acap_reader_close(e->reader);
    acap_stream_close(e->simulated);
    acap_stream_close(e->stream);
    acap_context_destroy(e->context);
}

/* In the child: the number of the first call that does not say ACAP_ERROR_FORKED or leaves something in its out-parameter; 0: none. */
static int first_wrong_call(struct estate *e)
{
    acap_context *context = e->context;
    acap_device_list *list = e->list;
    acap_stream *stream = e->stream;
    acap_reader *reader = e->reader;
    acap_pool *pool = e->pool;
    const acap_buffer *buffer = e->buffer;
    acap_pool_config pool_config = ACAP_POOL_CONFIG_INIT;
    acap_stream_info info = ACAP_STREAM_INFO_INIT;
    acap_stream_stats stream_figures = ACAP_STREAM_STATS_INIT;
    acap_reader_stats reader_figures = ACAP_READER_STATS_INIT;
    acap_pool_stats pool_figures = ACAP_POOL_STATS_INIT;
    acap_levels levels = ACAP_LEVELS_INIT;
    acap_event event = ACAP_EVENT_INIT;
    intptr_t handle = 0;
    intptr_t context_handle = 0;

    pool_config.buffer_size_bytes = 16;
    const acap_result results[] = {
        acap_context_create(NULL, &context),
        acap_device_list_create(e->context, &list),
        acap_device_supports(e->context, NULL),
        acap_stream_open(e->context, NULL, &stream),
        acap_stream_start(e->stream),
        acap_stream_stop(e->stream),
        acap_stream_get_info(e->stream, &info),
        acap_stream_get_stats(e->stream, &stream_figures),
        acap_stream_push(e->stream, "1234", 1, 0),
        acap_stream_sim_advance(e->simulated, 1),
        acap_reader_open(e->stream, NULL, &reader),
        acap_reader_borrow(e->reader, ACAP_WAIT_FOREVER, &buffer),
        acap_reader_interrupt(e->reader),
        acap_reader_end(e->reader),
        acap_reader_get_wait_handle(e->reader, &handle),
        acap_reader_get_stats(e->reader, &reader_figures),
        acap_pool_create(&pool_config, &pool),
        acap_pool_get_stats(e->pool, &pool_figures),
        acap_buffer_measure(e->buffer, &levels),
        acap_context_next_event(e->context, ACAP_WAIT_FOREVER, &event),
        acap_context_interrupt(e->context),
        acap_context_get_wait_handle(e->context, &context_handle),
    };

    for (int i = 0; i < (int)COUNT_OF(results); i++)
        if (results[i] != ACAP_ERROR_FORKED)
            return i + 1;
    if (context != NULL || list != NULL || stream != NULL || reader != NULL || pool != NULL || buffer != NULL || handle != -1
        || context_handle != -1)
        return 50;
    if (acap_pool_acquire(e->pool, &buffer) != ACAP_ERROR_FORKED || buffer != NULL)
        return 51;
    if (acap_last_error()[0] == '\0')
        return 52;
    if (strcmp(acap_result_name(ACAP_ERROR_FORKED), "ACAP_ERROR_FORKED") != 0 || acap_clock_ns() <= 0)
        return 53;
    if (acap_stream_get_pool(e->stream) != NULL || acap_pool_retain(e->pool) != NULL)
        return 54;
    return acap_buffer_retain(e->buffer) == NULL && acap_buffer_writable_data(e->buffer) == NULL ? 0 : 55;
}

static int exit_code_of(pid_t child)
{
    int status = 0;

    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void every_call_in_a_child_says_so(void **state)
{
    struct estate e = make_estate();

    (void)state;
    const pid_t child = fork();
    if (child == 0)
        _exit(first_wrong_call(&e));
    assert_true(child > 0);
    assert_int_equal(exit_code_of(child), 0);
    give_everything_back(&e);
}

static void closing_in_a_child_does_nothing(void **state)
{
    struct estate e = make_estate();

    (void)state;
    const pid_t child = fork();
    if (child == 0) {
        give_everything_back(&e);
        give_everything_back(&e); /* as often as it likes */
        _exit(counter_holds(e.buffer) && acap_buffer_reference_count(e.buffer) == 1 ? 0 : 1);
    }
    assert_true(child > 0);
    assert_int_equal(exit_code_of(child), 0);
    push_counter(e.stream, 25); /* the parent goes on as if nothing had been */
    assert_ok(acap_stream_stop(e.stream));
    assert_result(drain(e.reader, &e.seen), ACAP_END);
    assert_int_equal(e.seen.frames, 55);
    assert_conserved(conservation_at_rest(&e.seen, e.stream, e.reader));
    assert_true(counter_holds(e.buffer));
    give_everything_back(&e);
}

static void a_child_of_a_child_is_a_child(void **state)
{
    struct estate e = make_estate();

    (void)state;
    const pid_t child = fork();
    if (child == 0) {
        const pid_t grandchild = fork();
        int status = 1;
        if (grandchild == 0)
            _exit(first_wrong_call(&e));
        _exit(waitpid(grandchild, &status, 0) == grandchild && WIFEXITED(status) ? WEXITSTATUS(status) : 99);
    }
    assert_true(child > 0);
    assert_int_equal(exit_code_of(child), 0);
    give_everything_back(&e);
}

static void a_running_device_goes_on_in_the_parent(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, "sim:counter?pace=fast", ACAP_FORMAT_S16, 1, 480);
    acap_reader *reader = open_queue(stream, 8, 0);
    const acap_buffer *buffer = NULL;
    conservation seen;

    (void)state;
    conservation_begin(&seen, reader);
    assert_ok(acap_stream_start(stream));
    for (int i = 0; i < 5; i++) {
        const pid_t child = fork();
        if (child == 0) {
            acap_stream_close(stream);
            _exit(acap_reader_borrow(reader, ACAP_WAIT_FOREVER, &buffer) == ACAP_ERROR_FORKED ? 0 : 1);
        }
        assert_true(child > 0);
        assert_int_equal(exit_code_of(child), 0);
        assert_ok(acap_reader_borrow(reader, 10 * NS_PER_S, &buffer));
        assert_true(counter_holds(buffer));
        conservation_add(&seen, buffer);
        acap_buffer_release(buffer);
    }
    assert_ok(acap_stream_stop(stream));
    assert_result(drain(reader, &seen), ACAP_END);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    close_conserved(context, stream, reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_in_a_child_says_so),
        cmocka_unit_test(closing_in_a_child_does_nothing),
        cmocka_unit_test(a_child_of_a_child_is_a_child),
        cmocka_unit_test(a_running_device_goes_on_in_the_parent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
