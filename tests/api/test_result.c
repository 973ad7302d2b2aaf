/* SPDX-License-Identifier: MIT */
/* Owns: tests of results, last errors, versions, the clock and sample sizes.
 * Run by: CTest, in milliseconds.
 * Runs on: the public API; one test starts a thread. */
#include "fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ROW(name, number) {name, number, #name}

static void every_result_has_its_number_its_name_and_a_sentence(void **state)
{
    static const struct {
        acap_result result;
        acap_result number;
        const char *name;
    } rows[] = {
        ROW(ACAP_OK, 0),
        ROW(ACAP_TIMED_OUT, 1),
        ROW(ACAP_END, 2),
        ROW(ACAP_INTERRUPTED, 3),
        ROW(ACAP_ERROR_INVALID_ARGUMENT, -1),
        ROW(ACAP_ERROR_NO_MEMORY, -2),
        ROW(ACAP_ERROR_INVALID_STATE, -3),
        ROW(ACAP_ERROR_NO_DEVICE, -4),
        ROW(ACAP_ERROR_DEVICE_BUSY, -5),
        ROW(ACAP_ERROR_DEVICE_LOST, -6),
        ROW(ACAP_ERROR_UNSUPPORTED_FORMAT, -7),
        ROW(ACAP_ERROR_POOL_EXHAUSTED, -8),
        ROW(ACAP_ERROR_LIMIT, -9),
        ROW(ACAP_ERROR_BACKEND, -10),
        ROW(ACAP_ERROR_ABI_MISMATCH, -11),
        ROW(ACAP_ERROR_FORKED, -12),
        ROW(ACAP_ERROR_HOST_STUCK, -13),
        ROW(ACAP_ERROR_PERMISSION, -14),
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *text = acap_result_text(rows[i].result);
        assert_int_equal(rows[i].result, rows[i].number);
        assert_string_equal(acap_result_name(rows[i].result), rows[i].name);
        assert_true(strlen(text) > 5);
        assert_int_equal(text[strlen(text) - 1], '.');
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(text, acap_result_text(rows[j].result));
    }
}

static void a_number_that_is_no_result_has_words_too(void **state)
{
    static const acap_result strangers[] = {4, -15, 1000, INT32_MIN, INT32_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(strangers); i++) {
        assert_string_equal(acap_result_name(strangers[i]), "ACAP_UNKNOWN_RESULT");
        assert_true(strlen(acap_result_text(strangers[i])) > 5);
    }
}

struct other_thread {
    char before[64];
    char after[256];
    acap_result result;
};

static void *fail_elsewhere(void *argument)
{
    struct other_thread *other = argument;

    strncpy(other->before, acap_last_error(), sizeof other->before - 1);
    other->result = acap_stream_start(NULL);
    strncpy(other->after, acap_last_error(), sizeof other->after - 1);
    return NULL;
}

static void the_last_error_belongs_to_its_thread(void **state)
{
    struct other_thread other = {{1}, {0}, 0};
    pthread_t thread;
    char mine[256] = "";

    (void)state;
    assert_result(acap_pool_acquire(NULL, NULL), ACAP_ERROR_INVALID_ARGUMENT);
    strncpy(mine, acap_last_error(), sizeof mine - 1);
    assert_non_null(strstr(mine, "acap_pool_acquire"));
    assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, &other), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_string_equal(other.before, "");
    assert_int_equal(other.result, ACAP_ERROR_INVALID_ARGUMENT);
    assert_non_null(strstr(other.after, "acap_stream_start"));
    assert_string_equal(acap_last_error(), mine);
}

static void a_success_leaves_the_last_error_alone(void **state)
{
    acap_context *context;

    (void)state;
    assert_result(acap_stream_stop(NULL), ACAP_ERROR_INVALID_ARGUMENT);
    context = make_context("sim");
    assert_non_null(strstr(acap_last_error(), "acap_stream_stop"));
    acap_context_destroy(context);
    assert_non_null(strstr(acap_last_error(), "acap_stream_stop"));
    assert_result(acap_stream_start(NULL), ACAP_ERROR_INVALID_ARGUMENT);
    assert_null(strstr(acap_last_error(), "acap_stream_stop"));
}

static void a_long_name_does_not_break_the_last_error(void **state)
{
    acap_context_config config = ACAP_CONTEXT_CONFIG_INIT;
    acap_context *context = (acap_context *)&config;
    static char name[5000];

    (void)state;
    memset(name, 'x', sizeof name - 1);
    config.backend = name;
    assert_result(acap_context_create(&config, &context), ACAP_ERROR_INVALID_ARGUMENT);
    assert_null(context);
    assert_true(strlen(acap_last_error()) > 100);
    assert_non_null(strstr(acap_last_error(), "xxxx"));
    assert_true(strlen(acap_last_error()) < sizeof name);
}

static void a_percent_sign_in_a_name_is_only_a_percent_sign(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    acap_stream *stream = NULL;

    (void)state;
    config.device = "sim:%s%n%s";
    assert_result(acap_stream_open(context, &config, &stream), ACAP_ERROR_NO_DEVICE);
    assert_non_null(strstr(acap_last_error(), "sim:%s%n%s"));
    acap_context_destroy(context);
}

static void a_sample_has_the_bytes_of_its_format(void **state)
{
    (void)state;
    assert_int_equal(acap_format_bytes(ACAP_FORMAT_S16), 2);
    assert_int_equal(acap_format_bytes(ACAP_FORMAT_S24), 3);
    assert_int_equal(acap_format_bytes(ACAP_FORMAT_S32), 4);
    assert_int_equal(acap_format_bytes(ACAP_FORMAT_F32), 4);
    assert_int_equal(acap_format_bytes(ACAP_FORMAT_U8), 1);
    assert_int_equal(acap_format_bytes(0), 0);
    assert_int_equal(acap_format_bytes(6), 0);
    assert_int_equal(acap_format_bytes(UINT32_MAX), 0);
}

static int64_t monotonic_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * NS_PER_S + time.tv_nsec;
}

static void the_clock_is_the_monotonic_one(void **state)
{
    int64_t last_ns = acap_clock_ns();

    (void)state;
    for (int i = 0; i < 1000; i++) {
        const int64_t before_ns = monotonic_ns();
        const int64_t now_ns = acap_clock_ns();
        assert_true(before_ns <= now_ns && now_ns <= monotonic_ns());
        assert_true(last_ns <= now_ns);
        last_ns = now_ns;
    }
}

static void the_running_library_is_the_one_of_the_header(void **state)
{
    char text[32];

    (void)state;
    assert_int_equal(acap_version(), ACAP_VERSION);
    snprintf(text, sizeof text, "%u.%u.%u", (unsigned)(acap_version() >> 16), (unsigned)(acap_version() >> 8 & 0xff),
             (unsigned)(acap_version() & 0xff));
    assert_string_equal(acap_version_string(), text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_result_has_its_number_its_name_and_a_sentence),
        cmocka_unit_test(a_number_that_is_no_result_has_words_too),
        cmocka_unit_test(the_last_error_belongs_to_its_thread),
        cmocka_unit_test(a_success_leaves_the_last_error_alone),
        cmocka_unit_test(a_long_name_does_not_break_the_last_error),
        cmocka_unit_test(a_percent_sign_in_a_name_is_only_a_percent_sign),
        cmocka_unit_test(a_sample_has_the_bytes_of_its_format),
        cmocka_unit_test(the_clock_is_the_monotonic_one),
        cmocka_unit_test(the_running_library_is_the_one_of_the_header),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
