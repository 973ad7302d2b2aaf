/* SPDX-License-Identifier: MIT */
/* Owns: tests of contexts: making them, choosing their back end, and what is left of their streams when they go.
 * Run by: CTest, well below a second.
 * Runs on: the public API; streams are fed by the test. */
#include "fixture.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void a_context_needs_somewhere_to_go(void **state)
{
    (void)state;
    assert_result(acap_context_create(NULL, NULL), ACAP_ERROR_INVALID_ARGUMENT);
    acap_context_destroy(NULL);
}

static void all_defaults_make_a_context(void **state)
{
    acap_context *context = NULL;

    (void)state;
    unsetenv("ACAP_BACKEND");
    assert_ok(acap_context_create(NULL, &context));
    assert_non_null(context);
    acap_context_destroy(context);
}

static void what_a_config_may_not_hold_is_refused(void **state)
{
    acap_context_config config = ACAP_CONTEXT_CONFIG_INIT;
    acap_context *context = (acap_context *)&config;

    (void)state;
    config.flags = 1;
    assert_result(acap_context_create(&config, &context), ACAP_ERROR_INVALID_ARGUMENT);
    assert_null(context);
    config.flags = 0;
    for (uint32_t size_bytes = 0; size_bytes < sizeof config; size_bytes++) {
        config.struct_size = size_bytes;
        context = (acap_context *)&config;
        assert_result(acap_context_create(&config, &context), ACAP_ERROR_ABI_MISMATCH);
        assert_null(context);
    }
    config.struct_size = UINT32_MAX;
    assert_result(acap_context_create(&config, &context), ACAP_ERROR_ABI_MISMATCH);
}

static void only_known_back_ends_exist(void **state)
{
    static const char *const wrong[] = {"", "SIM", "sim:", "pulse", "portaudio "};
    acap_context_config config = ACAP_CONTEXT_CONFIG_INIT;
    acap_context *context = NULL;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        config.backend = wrong[i];
        assert_result(acap_context_create(&config, &context), ACAP_ERROR_INVALID_ARGUMENT);
        assert_null(context);
    }
    acap_context_destroy(make_context("sim"));
    acap_context_destroy(make_context("push"));
    acap_context_destroy(make_context("portaudio"));
}

/* The back end of NULL and plain names, seen by what a NULL device opens. */
static void expect_backend(const acap_context_config *config, const char *expected)
{
    acap_context *context = NULL;
    acap_stream_info info = ACAP_STREAM_INFO_INIT;

    assert_ok(acap_context_create(config, &context));
    acap_stream *stream = open_stream(context, NULL, 0, 0, 0);
    assert_ok(acap_stream_get_info(stream, &info));
    assert_string_equal(info.backend, expected);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

static void the_environment_chooses_where_the_program_does_not(void **state)
{
    acap_context_config config = ACAP_CONTEXT_CONFIG_INIT;
    acap_context *context = NULL;

    (void)state;
    unsetenv("ACAP_DEVICE");
    setenv("ACAP_BACKEND", "push", 1);
    expect_backend(NULL, "push");
    expect_backend(&config, "push");
    config.backend = "sim";
    expect_backend(&config, "sim");
    setenv("ACAP_BACKEND", "sim", 1);
    expect_backend(NULL, "sim");
    setenv("ACAP_BACKEND", "nonsense", 1);
    assert_result(acap_context_create(NULL, &context), ACAP_ERROR_INVALID_ARGUMENT);
    assert_non_null(strstr(acap_last_error(), "nonsense"));
    setenv("ACAP_BACKEND", "", 1); /* empty: as if it were not set */
    assert_ok(acap_context_create(NULL, &context));
    acap_context_destroy(context);
    unsetenv("ACAP_BACKEND");
}

static void a_destroyed_context_ends_its_streams_and_leaves_their_handles(void **state)
{
    rig r = make_rig(100, 8, ACAP_OVERFLOW_DROP_OLDEST);
    acap_stream_info info = ACAP_STREAM_INFO_INIT;
    acap_reader *second = (acap_reader *)&info;
    const acap_buffer *buffer;

    (void)state;
    push_counter(r.stream, 250); /* two buffers and a half */
    acap_context_destroy(r.context);
    assert_int_equal(stream_stats(r.stream).state, ACAP_STATE_STOPPED);
    assert_int_equal(stream_stats(r.stream).frames_captured, 250);
    assert_ok(acap_stream_get_info(r.stream, &info));
    assert_string_equal(info.backend, "push");
    assert_result(acap_stream_push(r.stream, "1234", 1, 0), ACAP_ERROR_INVALID_STATE);
    assert_result(acap_stream_start(r.stream), ACAP_ERROR_INVALID_STATE);
    assert_result(acap_reader_open(r.stream, NULL, &second), ACAP_ERROR_INVALID_STATE);
    assert_null(second);
    acap_buffer_release(borrow_now(r.reader, &r.seen));
    acap_buffer_release(borrow_now(r.reader, &r.seen));
    buffer = borrow_now(r.reader, &r.seen);
    assert_int_equal(buffer->flags & ACAP_BUFFER_PARTIAL, ACAP_BUFFER_PARTIAL);
    acap_buffer_release(buffer);
    r.context = NULL;
    finish_rig(&r);
}

struct sleeper {
    acap_reader *reader;
    acap_result result;
};

static void *borrow_for_ever(void *argument)
{
    struct sleeper *sleeper = argument;
    const acap_buffer *buffer;

    sleeper->result = acap_reader_borrow(sleeper->reader, ACAP_WAIT_FOREVER, &buffer);
    return NULL;
}

static void whoever_waits_wakes_when_the_context_goes(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *waiting = open_stream(context, MANUAL, 0, 0, 0);
    acap_stream *idle = open_stream(context, MANUAL, 0, 0, 0);
    struct sleeper sleepers[2] = {{open_reader(waiting), 0}, {open_reader(idle), 0}};
    pthread_t threads[2];

    (void)state;
    assert_ok(acap_stream_start(waiting)); /* the other one has never been started */
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, borrow_for_ever, &sleepers[i]), 0);
    acap_context_destroy(context);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(sleepers[i].result, ACAP_END);
        acap_reader_close(sleepers[i].reader);
    }
    acap_stream_close(waiting);
    acap_stream_close(idle);
}

static void contexts_know_nothing_of_each_other(void **state)
{
    rig first = make_rig(10, 8, ACAP_OVERFLOW_DROP_OLDEST);
    rig second = make_rig(10, 8, ACAP_OVERFLOW_DROP_OLDEST);

    (void)state;
    push_counter(first.stream, 30);
    finish_rig(&first);
    push_counter(second.stream, 50);
    assert_int_equal(reader_stats(second.reader).queued_buffers, 5);
    assert_int_equal(stream_stats(second.stream).state, ACAP_STATE_RUNNING);
    finish_rig(&second);
}

static void an_abandoned_running_simulation_ends_with_its_context(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_stream(context, "sim:counter?pace=fast", 0, 0, 0);
    acap_reader *reader = open_reader(stream);
    conservation seen;
    const acap_buffer *buffer = NULL;

    (void)state;
    conservation_begin(&seen, reader);
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_reader_borrow(reader, 10 * NS_PER_S, &buffer));
    assert_true(counter_holds(buffer));
    conservation_add(&seen, buffer);
    acap_buffer_release(buffer);
    acap_context_destroy(context);
    assert_result(drain(reader, &seen), ACAP_END);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    acap_stream_close(stream);
    acap_reader_close(reader);
    assert_true(threads_have_gone());
}

/* ---- the exit of a process: this program again ---- */

static int64_t exit_ns;

/* Registered before the library's own, and so run after it. */
static void judge_exit(void)
{
    const int64_t waited_ns = acap_clock_ns() - exit_ns;

    if (waited_ns >= 800 * NS_PER_MS)
        _exit(1);
}

/* Control calls on a stream that has ended already must not count its watch among those that the exit waits for once more. */
static int exit_after_late_calls(void)
{
    acap_context_config config = ACAP_CONTEXT_CONFIG_INIT;
    acap_context *context = NULL;
    acap_stream *stream = NULL;

    if (atexit(judge_exit) != 0)
        return 2;
    config.backend = "push";
    if (acap_context_create(&config, &context) != ACAP_OK || acap_stream_open(context, NULL, &stream) != ACAP_OK
        || acap_stream_start(stream) != ACAP_OK)
        return 3;
    acap_context_destroy(context);
    for (int i = 0; i < 3; i++)
        if (acap_stream_stop(stream) != ACAP_OK || acap_stream_start(stream) != ACAP_ERROR_INVALID_STATE)
            return 4;
    acap_stream_close(stream);
    exit_ns = acap_clock_ns();
    return 0;
}

static void calls_on_an_ended_stream_do_not_hold_up_the_exit(void **state)
{
    int status = 0;

    (void)state;
    const pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "test_context", "exit-after-late-calls", (char *)NULL);
        _exit(5);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_context_needs_somewhere_to_go),
        cmocka_unit_test(all_defaults_make_a_context),
        cmocka_unit_test(what_a_config_may_not_hold_is_refused),
        cmocka_unit_test(only_known_back_ends_exist),
        cmocka_unit_test(the_environment_chooses_where_the_program_does_not),
        cmocka_unit_test(a_destroyed_context_ends_its_streams_and_leaves_their_handles),
        cmocka_unit_test(whoever_waits_wakes_when_the_context_goes),
        cmocka_unit_test(contexts_know_nothing_of_each_other),
        cmocka_unit_test(an_abandoned_running_simulation_ends_with_its_context),
        cmocka_unit_test(calls_on_an_ended_stream_do_not_hold_up_the_exit),
    };

    if (count == 2 && strcmp(arguments[1], "exit-after-late-calls") == 0)
        return exit_after_late_calls();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
