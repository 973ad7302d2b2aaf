/* SPDX-License-Identifier: MIT */
/* Owns: tests of the audio thread's scheduling class and of locked memory: asked for where rights allow, told truly, and never in the way.
 * Run by: CTest, below a second; runs itself once more as a user without rights (argument "unprivileged").
 * Runs on: the public API; /proc is the witness. */
#include "fixture.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534
#define LITTLE_BYTES (256u * 1024u)

/* Is this the name of the thread with that number? */
static bool is_named(const char *task, const char *name)
{
    char path[300];
    char text[64] = "";

    snprintf(path, sizeof path, "/proc/self/task/%s/comm", task);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    const bool has_name = fgets(text, sizeof text, file) != NULL;
    fclose(file);
    return has_name && strncmp(text, name, strlen(name)) == 0 && text[strlen(name)] == '\n';
}

/* What the system really did: the policy of the one thread of that name; -1: there is none. */
static int policy_of_thread(const char *name)
{
    DIR *directory = opendir("/proc/self/task");
    const struct dirent *task;
    int policy = -1;

    assert_non_null(directory);
    while ((task = readdir(directory)) != NULL)
        if (is_named(task->d_name, name))
            policy = sched_getscheduler(atoi(task->d_name)) & ~SCHED_RESET_ON_FORK;
    closedir(directory);
    return policy;
}

static void *try_realtime(void *is_allowed)
{
    const struct sched_param wanted = {.sched_priority = 5};

    *(bool *)is_allowed = sched_setscheduler(0, SCHED_FIFO, &wanted) == 0;
    return NULL;
}

static bool may_be_realtime(void)
{
    bool is_allowed = false;
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, try_realtime, &is_allowed), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    return is_allowed;
}

static uint64_t locked_kb(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    unsigned long kb = 0;
    char line[256];
    bool is_known = false;

    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL)
        is_known = sscanf(line, "VmLck: %lu kB", &kb) == 1 || is_known;
    fclose(file);
    assert_true(is_known);
    return kb;
}

/* Sanitizers make mlock do nothing; some machines allow less than what is asked here. */
static bool may_lock(size_t size_bytes)
{
    void *memory = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const uint64_t before_kb = locked_kb();

    assert_ptr_not_equal(memory, MAP_FAILED);
    const bool may = mlock(memory, size_bytes) == 0 && locked_kb() - before_kb >= size_bytes / 1024;
    munmap(memory, size_bytes);
    return may;
}

/* ---- the audio thread ---- */

/* Until it has captured something. */
static acap_stream *run_device(acap_context *context, const char *device, acap_reader **reader, conservation *seen)
{
    acap_stream *stream = open_stream(context, device, ACAP_FORMAT_S32, 1, 240);
    const acap_buffer *buffer;

    *reader = open_reader(stream);
    conservation_begin(seen, *reader);
    assert_int_equal(stream_stats(stream).realtime, 0);
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_reader_borrow(*reader, 10 * NS_PER_S, &buffer));
    conservation_add(seen, buffer);
    acap_buffer_release(buffer);
    return stream;
}

static void the_figure_is_the_audio_threads_class(void **state)
{
    const bool is_expected = may_be_realtime();
    acap_context *context = make_context("sim");
    acap_reader *reader;
    conservation seen;
    acap_stream *stream = run_device(context, "sim:counter?period=240", &reader, &seen);

    (void)state;
    assert_int_equal(stream_stats(stream).realtime, is_expected);
    assert_int_equal(policy_of_thread("acap-sim-device"), is_expected ? SCHED_FIFO : SCHED_OTHER);
    assert_int_equal(sched_getscheduler(0), SCHED_OTHER); /* the caller's own class stays */
    print_message("user %d: the audio thread is %sin a real-time class\n", (int)getuid(), is_expected ? "" : "not ");
    assert_ok(acap_stream_stop(stream));
    assert_result(drain(reader, &seen), ACAP_END);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    close_conserved(context, stream, reader);
}

/* A host that does not let go of its thread: the class that acap gave it is taken back. */
static void a_thread_that_goes_on_after_the_stop_is_ordinary_again(void **state)
{
    acap_context *context = make_context("sim");
    acap_reader *reader;
    conservation seen;
    acap_stream *stream = run_device(context, "sim:counter?period=240&stuck=stop:400ms", &reader, &seen);

    (void)state;
    acap_stream_close(stream); /* the device's own stop takes a while yet */
    const int policy = policy_of_thread("acap-sim-device");
    assert_true(policy == SCHED_OTHER || policy == -1);
    assert_result(drain(reader, &seen), ACAP_END);
    assert_conserved(conservation_at_rest(&seen, NULL, reader));
    acap_reader_close(reader);
    acap_context_destroy(context);
    assert_true(threads_have_gone());
}

static void a_caller_in_the_place_of_the_device_keeps_its_class(void **state)
{
    rig r = make_rig(480, 8, ACAP_OVERFLOW_DROP_OLDEST);

    (void)state;
    push_counter(r.stream, 960);
    assert_int_equal(stream_stats(r.stream).realtime, 0);
    assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
    finish_rig(&r);
}

/* ---- locked memory ---- */

static acap_stream *open_locked(acap_context *context, const char *device)
{
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;

    config.device = device;
    config.format = ACAP_FORMAT_S32;
    config.channel_count = 1;
    config.frames_per_buffer = 1024; /* 4 KiB */
    config.flags = ACAP_STREAM_LOCK_MEMORY;
    config.pool_buffers_min = 12;
    return open_config(context, &config);
}

static void expect_capture(acap_stream *stream)
{
    acap_reader *reader = open_queue(stream, 4, ACAP_OVERFLOW_DROP_OLDEST);
    conservation seen;

    conservation_begin(&seen, reader);
    assert_ok(acap_stream_start(stream));
    push_counter(stream, 3000);
    assert_ok(acap_stream_stop(stream));
    assert_result(drain(reader, &seen), ACAP_END);
    assert_int_equal(seen.frames, 3000);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    acap_reader_close(reader);
}

static void a_locked_stream_is_in_memory_with_its_queues(void **state)
{
    const uint64_t before_kb = locked_kb();
    acap_reader_config config = ACAP_READER_CONFIG_INIT;
    acap_reader *reader;

    (void)state;
    if (!may_lock(128 * 1024)) {
        print_message("this machine, or a sanitizer, locks no memory\n");
        skip();
    }
    acap_context *context = make_context("push");
    acap_stream *stream = open_locked(context, "push:");
    const uint64_t opened_kb = locked_kb();
    assert_true(opened_kb >= before_kb + 12 * 4 + 8); /* data, and what tells which of it is free */
    if (may_lock(40u << 20)) {
        config.queue_buffers = 8192; /* 64 KiB of pointers */
        config.hold_buffers = 1;
        assert_ok(acap_reader_open(stream, &config, &reader));
        assert_true(locked_kb() >= opened_kb + 8192 * 4 + 64);
        acap_reader_close(reader);
    }
    expect_capture(stream);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

#if !HAS_SANITIZER /* their mlock never fails */
static void what_cannot_be_locked_is_refused_and_leaves_nothing(void **state)
{
    acap_context *context = make_context("push");
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    acap_pool_config pool_config = ACAP_POOL_CONFIG_INIT;
    acap_pool *pool = (acap_pool *)context;
    acap_stream *stream = (acap_stream *)context;
    const uint64_t before_kb = locked_kb();

    (void)state;
    config.flags = ACAP_STREAM_LOCK_MEMORY;
    config.pool_buffers_min = LITTLE_BYTES / 1024;
    assert_result(acap_stream_open(context, &config, &stream), ACAP_ERROR_PERMISSION);
    assert_null(stream);
    assert_non_null(strstr(acap_last_error(), "memlock"));
    pool_config.flags = ACAP_POOL_LOCK_MEMORY;
    pool_config.buffer_size_bytes = LITTLE_BYTES;
    assert_result(acap_pool_create(&pool_config, &pool), ACAP_ERROR_PERMISSION);
    assert_null(pool);
    assert_true(locked_kb() <= before_kb);
    config.flags = 0; /* without the wish it works */
    acap_stream_close(open_config(context, &config));
    acap_context_destroy(context);
}

/* The stream that there is goes on as it was. */
static void a_reader_whose_share_cannot_be_locked_is_refused(void **state)
{
    acap_context *context = make_context("push");
    acap_stream *stream = open_locked(context, "push:");
    acap_reader_config config = ACAP_READER_CONFIG_INIT;
    acap_reader *reader = (acap_reader *)context;

    (void)state;
    config.queue_buffers = 200;
    assert_result(acap_reader_open(stream, &config, &reader), ACAP_ERROR_PERMISSION);
    assert_null(reader);
    expect_capture(stream);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

/* The first POOL_LOW of a consumer that gives nothing back until then. */
static acap_event pool_low_of(acap_context *context, acap_stream *stream, acap_reader *reader, conservation *seen)
{
    const acap_buffer *held[LITTLE_BYTES / 4096];
    acap_event event = ACAP_EVENT_INIT;
    size_t count = 0;

    while (event.type != ACAP_EVENT_POOL_LOW) {
        assert_true(count < LITTLE_BYTES / 4096);
        assert_ok(acap_stream_sim_advance(stream, 1024));
        held[count++] = borrow_now(reader, seen);
        assert_int_equal(stream_stats(stream).lost_pool, 0);
        while (event.type != ACAP_EVENT_POOL_LOW && acap_context_next_event(context, 0, &event) == ACAP_OK)
            ;
    }
    while (count != 0)
        acap_buffer_release(held[--count]);
    return event;
}

static void a_pool_that_cannot_grow_because_of_the_limit_says_so(void **state)
{
    acap_context *context = make_context("sim");
    acap_stream *stream = open_locked(context, MANUAL "&period=1024");
    acap_reader *reader = open_queue(stream, 1, ACAP_OVERFLOW_DROP_OLDEST);
    conservation seen;

    (void)state;
    conservation_begin(&seen, reader);
    assert_ok(acap_stream_start(stream));
    const acap_event event = pool_low_of(context, stream, reader, &seen);
    assert_non_null(strstr(event.text, "memlock"));
    assert_true(stream_pool_stats(stream).capacity < LITTLE_BYTES / 4096);
    assert_ok(acap_stream_stop(stream));
    (void)drain(reader, &seen);
    assert_conserved(conservation_at_rest(&seen, stream, reader));
    close_conserved(context, stream, reader);
}
#endif

/* ---- the same without rights ---- */

static void without_rights_nothing_fails_but_what_was_asked_for(void **state)
{
    const pid_t child = fork(); /* nothing of acap is used between this and the exec */
    int status = 0;

    (void)state;
    assert_true(child >= 0);
    if (child == 0) {
        execl("/proc/self/exe", "test_realtime", "unprivileged", (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static bool give_rights_up(void)
{
    const struct rlimit none = {0, 0};
    const struct rlimit little = {LITTLE_BYTES, LITTLE_BYTES};

    if (setrlimit(RLIMIT_RTPRIO, &none) != 0 || setrlimit(RLIMIT_MEMLOCK, &little) != 0)
        return false;
    return getuid() != 0 || (setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
}

static int run_unprivileged(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_figure_is_the_audio_threads_class),
        cmocka_unit_test(a_locked_stream_is_in_memory_with_its_queues),
#if !HAS_SANITIZER
        cmocka_unit_test(what_cannot_be_locked_is_refused_and_leaves_nothing),
        cmocka_unit_test(a_reader_whose_share_cannot_be_locked_is_refused),
        cmocka_unit_test(a_pool_that_cannot_grow_because_of_the_limit_says_so),
#endif
    };

    if (!give_rights_up()) {
        perror("the rights could not be given up");
        return 1;
    }
    return cmocka_run_group_tests_name("unprivileged", tests, NULL, NULL);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_rights_nothing_fails_but_what_was_asked_for),
        cmocka_unit_test(the_figure_is_the_audio_threads_class),
        cmocka_unit_test(a_thread_that_goes_on_after_the_stop_is_ordinary_again),
        cmocka_unit_test(a_caller_in_the_place_of_the_device_keeps_its_class),
        cmocka_unit_test(a_locked_stream_is_in_memory_with_its_queues),
    };

    if (count > 1 && strcmp(arguments[1], "unprivileged") == 0)
        return run_unprivileged();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
