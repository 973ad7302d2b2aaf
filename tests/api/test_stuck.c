/* SPDX-License-Identifier: MIT */
/* Owns: tests of a producer that enters a stream and does not come back in time: a push that stands still inside its copy.
 * Run by: CTest, about two seconds: the library waits half a second for such a producer.
 * Runs on: the public API. What the producer may still touch is never freed, by design; leak checks are off in this program. */
#include "fixture.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

/* A page that cannot be read until somebody lets it. */
static struct {
    unsigned char *page;
    size_t page_bytes;
    int entered[2];
    int leave[2];
    struct sigaction before;
} obstacle;

static void stand_still(int signal_number)
{
    char byte = 0;

    (void)signal_number;
    if (write(obstacle.entered[1], &byte, 1) != 1 || read(obstacle.leave[0], &byte, 1) != 1)
        _exit(3);
    mprotect(obstacle.page, obstacle.page_bytes, PROT_READ | PROT_WRITE);
}

struct stuck_push {
    acap_stream *stream;
    acap_result result;
    pthread_t thread;
};

static void *push_the_page(void *argument)
{
    struct stuck_push *push = argument;

    push->result = acap_stream_push(push->stream, obstacle.page, 100, 0);
    return NULL;
}

/* A push of frames 0 to 99 that is inside, and stays there. */
static void begin_stuck_push(struct stuck_push *push, acap_stream *stream)
{
    struct sigaction action;
    char byte;

    memset(&action, 0, sizeof action);
    action.sa_handler = stand_still;
    assert_int_equal(sigaction(SIGSEGV, &action, &obstacle.before), 0);
    assert_int_equal(pipe(obstacle.entered), 0);
    assert_int_equal(pipe(obstacle.leave), 0);
    obstacle.page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    obstacle.page = mmap(NULL, obstacle.page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(obstacle.page, MAP_FAILED);
    counter_fill(obstacle.page, ACAP_FORMAT_S32, 1, stream_stats(stream).position, 100);
    assert_int_equal(mprotect(obstacle.page, obstacle.page_bytes, PROT_NONE), 0);
    *push = (struct stuck_push){.stream = stream, .result = ACAP_ERROR_BACKEND};
    assert_int_equal(pthread_create(&push->thread, NULL, push_the_page, push), 0);
    assert_int_equal(read(obstacle.entered[0], &byte, 1), 1);
}

static void end_stuck_push(struct stuck_push *push)
{
    char byte = 0;

    assert_int_equal(write(obstacle.leave[1], &byte, 1), 1);
    assert_int_equal(pthread_join(push->thread, NULL), 0);
    assert_int_equal(sigaction(SIGSEGV, &obstacle.before, NULL), 0);
    munmap(obstacle.page, obstacle.page_bytes);
    for (int i = 0; i < 2; i++) {
        close(obstacle.entered[i]);
        close(obstacle.leave[i]);
    }
}

static void a_stop_does_not_wait_for_ever(void **state)
{
    rig r = make_rig(50, 8, ACAP_OVERFLOW_DROP_OLDEST);
    struct stuck_push push;

    (void)state;
    push_counter(r.stream, 100);
    begin_stuck_push(&push, r.stream);
    const int64_t begin_ns = acap_clock_ns();
    (void)acap_stream_stop(r.stream); /* whatever it says, it returns */
    assert_true(acap_clock_ns() - begin_ns < 5 * NS_PER_S);
    assert_int_equal(stream_stats(r.stream).state, ACAP_STATE_STOPPED);
    assert_result(drain(r.reader, &r.seen), ACAP_END); /* users drain all the same */
    assert_int_equal(r.seen.frames, 100);
    assert_result(acap_stream_start(r.stream), ACAP_ERROR_INVALID_STATE); /* a second producer would break everything */
    end_stuck_push(&push);
    assert_conserved(conservation_of_stream(r.stream));
    assert_conserved(conservation_of_reader(r.reader));
    assert_result(acap_stream_start(r.stream), ACAP_ERROR_INVALID_STATE);
    acap_reader_close(r.reader);
    acap_stream_close(r.stream);
    acap_context_destroy(r.context);
}

static void what_a_stuck_producer_may_touch_stays_until_it_leaves(void **state)
{
    rig r = make_rig(50, 8, ACAP_OVERFLOW_DROP_OLDEST);
    acap_pool *pool = acap_stream_get_pool(r.stream);
    const acap_buffer *held;
    struct stuck_push push;

    (void)state;
    push_counter(r.stream, 50);
    held = borrow_now(r.reader, &r.seen);
    begin_stuck_push(&push, r.stream);
    const int64_t begin_ns = acap_clock_ns();
    acap_context_destroy(r.context);
    acap_reader_close(r.reader);
    acap_stream_close(r.stream);
    assert_true(acap_clock_ns() - begin_ns < 5 * NS_PER_S);
    end_stuck_push(&push); /* writes into its buffer, publishes, and finds nothing freed */
    assert_true(counter_holds(held));
    acap_buffer_release(held);
    assert_ok(acap_pool_get_stats(pool, &(acap_pool_stats)ACAP_POOL_STATS_INIT));
    acap_pool_release(pool);
}

static void other_streams_do_not_notice(void **state)
{
    rig stuck = make_rig(50, 8, ACAP_OVERFLOW_DROP_OLDEST);
    rig other = make_rig(50, 8, ACAP_OVERFLOW_DROP_OLDEST);
    struct stuck_push push;

    (void)state;
    begin_stuck_push(&push, stuck.stream);
    acap_stream_close(stuck.stream);
    push_counter(other.stream, 130);
    finish_rig(&other);
    assert_int_equal(other.seen.frames, 130);
    end_stuck_push(&push);
    acap_reader_close(stuck.reader);
    acap_context_destroy(stuck.context);
}

/* Of nine buffers the consumer has the first; seven are queued, the last two of them also in a reader that was closed; these eight are in
   the history; and the producer stands still in the ninth. */
static void what_it_is_stuck_in_is_held_by_no_consumer(void **state)
{
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    rig r = {.context = make_context("push")};
    acap_event event = ACAP_EVENT_INIT;
    struct stuck_push push;

    (void)state;
    config.format = ACAP_FORMAT_S32;
    config.channel_count = 1;
    config.frames_per_buffer = 480;
    config.history_ns = 80 * NS_PER_MS;
    r.stream = open_config(r.context, &config);
    r.reader = open_queue(r.stream, 8, ACAP_OVERFLOW_DROP_OLDEST);
    conservation_begin(&r.seen, r.reader);
    acap_reader *other = open_queue(r.stream, 2, ACAP_OVERFLOW_DROP_OLDEST);
    assert_ok(acap_stream_start(r.stream));
    push_counter(r.stream, 480 * 8);
    const acap_buffer *held = borrow_now(r.reader, &r.seen);
    begin_stuck_push(&push, r.stream);
    acap_reader_close(other);
    acap_stream_close(r.stream);
    assert_ok(acap_context_next_event(r.context, 0, &event));
    assert_non_null(strstr(event.text, "was closed with 1 of its buffers held"));
    assert_true(event.position == 480 * 8);
    assert_result(acap_context_next_event(r.context, 0, &event), ACAP_TIMED_OUT);
    end_stuck_push(&push);
    acap_buffer_release(held);
    acap_reader_close(r.reader);
    acap_context_destroy(r.context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stop_does_not_wait_for_ever),
        cmocka_unit_test(what_a_stuck_producer_may_touch_stays_until_it_leaves),
        cmocka_unit_test(other_streams_do_not_notice),
        cmocka_unit_test(what_it_is_stuck_in_is_held_by_no_consumer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
