/* SPDX-License-Identifier: MIT */
/* Owns: tests that a program may unload acap while a device runs and frames are out: the library stays.
 * Run by: CTest, with the shared library's path; not linked with acap.
 * Runs on: the public API, looked up by name. */
#include <acap/acap.h>

#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct {
    acap_result(ACAP_CALL *context_create)(const acap_context_config *, acap_context **);
    void(ACAP_CALL *context_destroy)(acap_context *);
    acap_result(ACAP_CALL *stream_open)(acap_context *, const acap_stream_config *, acap_stream **);
    acap_result(ACAP_CALL *stream_start)(acap_stream *);
    void(ACAP_CALL *stream_close)(acap_stream *);
    acap_result(ACAP_CALL *reader_open)(acap_stream *, const acap_reader_config *, acap_reader **);
    acap_result(ACAP_CALL *reader_borrow)(acap_reader *, int64_t, const acap_buffer **);
    void(ACAP_CALL *reader_close)(acap_reader *);
    void(ACAP_CALL *buffer_release)(const acap_buffer *);
} acap;

/* POSIX lets a data pointer carry a function's address; ISO C does not let a cast say so. */
static void look_up(void *library, const char *name, void *function)
{
    void *address = dlsym(library, name);

    if (address == NULL)
        fail_msg("%s is not exported", name);
    memcpy(function, &address, sizeof address);
}

static void look_all_up(void *library)
{
    look_up(library, "acap_context_create", &acap.context_create);
    look_up(library, "acap_context_destroy", &acap.context_destroy);
    look_up(library, "acap_stream_open", &acap.stream_open);
    look_up(library, "acap_stream_start", &acap.stream_start);
    look_up(library, "acap_stream_close", &acap.stream_close);
    look_up(library, "acap_reader_open", &acap.reader_open);
    look_up(library, "acap_reader_borrow", &acap.reader_borrow);
    look_up(library, "acap_reader_close", &acap.reader_close);
    look_up(library, "acap_buffer_release", &acap.buffer_release);
}

/* The counter of S16 mono. */
static void expect_counter(const acap_buffer *buffer)
{
    const int16_t *samples = buffer->data;

    for (uint32_t i = 0; i < buffer->frame_count; i++)
        assert_int_equal((uint16_t)samples[i], (uint16_t)(buffer->position + i));
}

static void a_running_device_and_its_frames_survive_dlclose(void **state)
{
    void *library = dlopen(*state, RTLD_NOW | RTLD_LOCAL);
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    acap_context *context = NULL;
    acap_stream *stream = NULL;
    acap_reader *reader = NULL;
    const acap_buffer *held[4];

    assert_non_null(library);
    look_all_up(library);
    config.device = "sim:counter?pace=fast";
    config.channel_count = 1;
    config.format = ACAP_FORMAT_S16;
    assert_int_equal(acap.context_create(NULL, &context), ACAP_OK);
    assert_int_equal(acap.stream_open(context, &config, &stream), ACAP_OK);
    assert_int_equal(acap.reader_open(stream, NULL, &reader), ACAP_OK);
    assert_int_equal(acap.stream_start(stream), ACAP_OK);
    assert_int_equal(acap.reader_borrow(reader, ACAP_WAIT_FOREVER, &held[0]), ACAP_OK);
    assert_int_equal(dlclose(library), 0);
    for (int i = 1; i < 4; i++)
        assert_int_equal(acap.reader_borrow(reader, ACAP_WAIT_FOREVER, &held[i]), ACAP_OK);
    acap.stream_close(stream);
    acap.context_destroy(context);
    acap.reader_close(reader);
    for (int i = 0; i < 4; i++) {
        expect_counter(held[i]);
        acap.buffer_release(held[i]);
    }
}

/* Loading it again finds the same library, with its threads and its quarantine. */
static void a_library_comes_back_as_it_was(void **state)
{
    for (int i = 0; i < 20; i++)
        a_running_device_and_its_frames_survive_dlclose(state);
}

static void *use_it(void *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    acap_context *context = NULL;
    acap_result(ACAP_CALL * create)(const acap_context_config *, acap_context **);
    void *address = library == NULL ? NULL : dlsym(library, "acap_context_create");

    if (address == NULL)
        return NULL;
    memcpy(&create, &address, sizeof create);
    if (create(NULL, NULL) == ACAP_OK || create(NULL, &context) != ACAP_OK)
        return NULL;
    dlclose(library);
    return context;
}

/* A thread that fails has a last error of its own, in thread-local storage of a library that it unloads. */
static void a_thread_may_end_after_it_has_unloaded_the_library(void **state)
{
    for (int i = 0; i < 20; i++) {
        pthread_t thread;
        void *context = NULL;
        assert_int_equal(pthread_create(&thread, NULL, use_it, *state), 0);
        assert_int_equal(pthread_join(thread, &context), 0);
        assert_non_null(context);
        acap.context_destroy(context);
    }
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(a_running_device_and_its_frames_survive_dlclose, arguments[1]),
        cmocka_unit_test_prestate(a_library_comes_back_as_it_was, arguments[1]),
        cmocka_unit_test_prestate(a_thread_may_end_after_it_has_unloaded_the_library, arguments[1]),
    };

    if (count != 2)
        return 2;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
