/* SPDX-License-Identifier: MIT */
/* Owns: tests of the device that is the caller: slicing, losses, times, states, and two pushes at once.
 * Run by: CTest, well below a second.
 * Runs on: the public API. The test of two pushes holds one of them up by memory that cannot be read yet. */
#include "fixture.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void pushes_of_any_size_become_buffers_of_one_size(void **state)
{
    static const uint32_t sizes[] = {1, 2, 99, 100, 101, 199, 350, 1, 4999, 149};
    rig r = make_rig(100, 128, ACAP_OVERFLOW_DROP_OLDEST);
    uint64_t pushed = 0;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        push_counter(r.stream, sizes[i]);
        pushed += sizes[i];
        assert_int_equal(stream_stats(r.stream).position, pushed / 100 * 100);
    }
    assert_int_equal(reader_stats(r.reader).queued_buffers, pushed / 100);
    while (r.seen.buffers < pushed / 100) {
        const acap_buffer *buffer = borrow_now(r.reader, &r.seen);
        assert_int_equal(buffer->frame_count, 100);
        assert_int_equal(buffer->size_bytes, 400);
        assert_int_equal(buffer->flags, 0);
        acap_buffer_release(buffer);
    }
    finish_rig(&r);
    assert_int_equal(r.seen.frames, pushed);
    assert_int_equal(r.seen.partials, pushed % 100 != 0);
}

static void every_format_and_layout_arrives_as_it_was_pushed(void **state)
{
    static const uint32_t channel_counts[] = {1, 2, 3, 6, 128};

    (void)state;
    for (uint32_t format = ACAP_FORMAT_S16; format <= ACAP_FORMAT_U8; format++) {
        for (size_t i = 0; i < 2 * COUNT_OF(channel_counts); i++) {
            acap_context *context = make_context("push");
            acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
            conservation seen;
            config.format = format;
            config.channel_count = channel_counts[i / 2];
            config.flags = i % 2 ? ACAP_STREAM_PLANAR : 0;
            config.frames_per_buffer = 100;
            acap_stream *stream = open_config(context, &config);
            acap_reader *reader = open_queue(stream, 4, ACAP_OVERFLOW_DROP_OLDEST);
            conservation_begin(&seen, reader);
            assert_ok(acap_stream_start(stream));
            push_counter(stream, 70);
            push_counter(stream, 170);
            assert_ok(acap_stream_stop(stream));
            assert_result(drain(reader, &seen), ACAP_END);
            assert_int_equal(seen.frames, 240);
            assert_conserved(conservation_at_rest(&seen, stream, reader));
            acap_reader_close(reader);
            acap_stream_close(stream);
            acap_context_destroy(context);
        }
    }
}

static void frames_may_lie_at_any_address(void **state)
{
    rig r = make_rig(64, 4, ACAP_OVERFLOW_DROP_OLDEST);
    unsigned char memory[64 * 4 + 8];

    (void)state;
    for (uint32_t offset = 0; offset < 8; offset++) {
        counter_fill(memory + offset, ACAP_FORMAT_S32, 1, 64u * offset, 64);
        assert_ok(acap_stream_push(r.stream, memory + offset, 64, 0));
        acap_buffer_release(borrow_now(r.reader, &r.seen));
    }
    finish_rig(&r);
}

static void null_frames_were_lost(void **state)
{
    rig r = make_rig(100, 8, ACAP_OVERFLOW_DROP_OLDEST);

    (void)state;
    push_counter(r.stream, 130);
    assert_ok(acap_stream_push(r.stream, NULL, 55, 0));
    assert_int_equal(stream_stats(r.stream).position, 185); /* the 30 pending ones were published first */
    assert_int_equal(stream_stats(r.stream).lost_host, 55);
    assert_int_equal(stream_stats(r.stream).lost_pool, 0);
    assert_int_equal(stream_stats(r.stream).frames_pending, 0);
    assert_ok(acap_stream_push(r.stream, NULL, 15, 0));
    push_counter(r.stream, 200);
    acap_buffer_release(borrow_now(r.reader, &r.seen));
    const acap_buffer *partial = borrow_now(r.reader, &r.seen);
    assert_int_equal(partial->flags, ACAP_BUFFER_PARTIAL);
    assert_int_equal(partial->frame_count, 30);
    assert_int_equal(partial->size_bytes, 120);
    acap_buffer_release(partial);
    const acap_buffer *after = borrow_now(r.reader, &r.seen);
    assert_int_equal(after->flags, ACAP_BUFFER_GAP);
    assert_int_equal(after->position, 200);
    assert_int_equal(after->lost_before, 70); /* of both losses */
    assert_int_equal(after->frame_count, 100);
    acap_buffer_release(after);
    const acap_buffer *last = borrow_now(r.reader, &r.seen);
    assert_int_equal(last->flags, 0);
    assert_int_equal(last->lost_before, 0);
    acap_buffer_release(last);
    finish_rig(&r);
    assert_int_equal(r.seen.gap_frames, 70);
}

static void a_loss_at_the_end_is_counted_though_no_buffer_follows(void **state)
{
    rig r = make_rig(100, 8, ACAP_OVERFLOW_DROP_OLDEST);

    (void)state;
    push_counter(r.stream, 100);
    assert_ok(acap_stream_push(r.stream, NULL, 77, 0));
    assert_ok(acap_stream_stop(r.stream));
    assert_result(drain(r.reader, &r.seen), ACAP_END);
    assert_int_equal(r.seen.gap_flags, 0);
    assert_int_equal(reader_stats(r.reader).lost_stream, 77);
    assert_conserved(conservation_at_rest(&r.seen, r.stream, r.reader));
    assert_ok(acap_stream_start(r.stream)); /* and shown by the next buffer, whenever that comes */
    push_counter(r.stream, 100);
    finish_rig(&r);
    assert_int_equal(r.seen.gap_frames, 77);
    assert_int_equal(r.seen.gap_flags, 1);
}

static void losses_beyond_32_bits_are_counted(void **state)
{
    rig r = make_rig(100, 8, ACAP_OVERFLOW_DROP_OLDEST);
    const uint64_t lost = 3 * (uint64_t)UINT32_MAX;

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_ok(acap_stream_push(r.stream, NULL, UINT32_MAX, 0));
    push_counter(r.stream, 150); /* a counter at positions beyond 2^33 */
    const acap_buffer *buffer = borrow_now(r.reader, &r.seen);
    assert_true(buffer->position == lost);
    assert_true(buffer->lost_before == lost);
    acap_buffer_release(buffer);
    finish_rig(&r);
    assert_true(r.seen.gap_frames == lost);
}

static void nothing_is_pushed_by_zero_frames(void **state)
{
    rig r = make_rig(100, 8, ACAP_OVERFLOW_DROP_OLDEST);

    (void)state;
    push_counter(r.stream, 30);
    assert_ok(acap_stream_push(r.stream, NULL, 0, 0));
    assert_ok(acap_stream_push(r.stream, &r, 0, 0));
    assert_ok(acap_stream_push(r.stream, NULL, 0, INT64_MAX));
    assert_int_equal(stream_stats(r.stream).position, 0);
    assert_int_equal(stream_stats(r.stream).frames_pending, 30); /* nothing was flushed */
    assert_int_equal(stream_stats(r.stream).frames_lost, 0);
    finish_rig(&r);
}

static void only_a_running_push_stream_takes_frames(void **state)
{
    acap_context *context = make_context("push");
    acap_stream *stream = open_stream(context, "push:", 0, 0, 0);
    acap_stream *simulated = open_stream(context, MANUAL, 0, 0, 0);
    const float frames[2] = {0, 0};

    (void)state;
    assert_result(acap_stream_push(stream, frames, 1, 0), ACAP_ERROR_INVALID_STATE);
    assert_result(acap_stream_push(stream, frames, 0, 0), ACAP_ERROR_INVALID_STATE);
    assert_result(acap_stream_push(stream, NULL, 1, 0), ACAP_ERROR_INVALID_STATE);
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_push(stream, frames, 1, 0));
    assert_ok(acap_stream_stop(stream));
    assert_result(acap_stream_push(stream, frames, 1, 0), ACAP_ERROR_INVALID_STATE);
    assert_int_equal(stream_stats(stream).position, 1);
    assert_ok(acap_stream_start(simulated));
    assert_result(acap_stream_push(simulated, frames, 1, 0), ACAP_ERROR_INVALID_ARGUMENT);
    assert_result(acap_stream_sim_advance(stream, 1), ACAP_ERROR_INVALID_ARGUMENT);
    acap_stream_close(stream);
    acap_stream_close(simulated);
    acap_context_destroy(context);
}

static int64_t borrow_time(rig *r)
{
    const acap_buffer *buffer = borrow_now(r->reader, &r->seen);
    const int64_t time_ns = buffer->time_ns;

    acap_buffer_release(buffer);
    return time_ns;
}

static void push_at(rig *r, uint32_t frame_count, int64_t time_ns)
{
    uint32_t frames[1024];
    const acap_stream_stats stats = stream_stats(r->stream);

    counter_fill(frames, ACAP_FORMAT_S32, 1, stats.position + stats.frames_pending, frame_count);
    assert_ok(acap_stream_push(r->stream, frames, frame_count, time_ns));
}

static void a_buffer_carries_the_time_of_its_first_frame(void **state)
{
    rig r = make_rig(480, 8, ACAP_OVERFLOW_DROP_OLDEST);
    const int64_t ten_ms = 10 * NS_PER_MS;
    const int64_t begin_ns = 1000 * NS_PER_S;

    (void)state;
    push_at(&r, 960, begin_ns);
    assert_true(borrow_time(&r) == begin_ns);
    assert_true(borrow_time(&r) == begin_ns + ten_ms); /* 480 frames later in the same push */
    push_at(&r, 240, begin_ns + 2 * ten_ms);
    push_at(&r, 480, begin_ns + 2 * ten_ms + ten_ms / 2);
    assert_true(borrow_time(&r) == begin_ns + 2 * ten_ms); /* of its first frame, not of its last push */
    push_at(&r, 240, begin_ns + 4 * ten_ms);
    assert_true(borrow_time(&r) == begin_ns + 3 * ten_ms);
    finish_rig(&r);
}

static void times_never_run_backwards(void **state)
{
    rig r = make_rig(100, 8, ACAP_OVERFLOW_DROP_OLDEST);

    (void)state;
    push_at(&r, 100, 5000);
    push_at(&r, 100, 4000);
    push_at(&r, 100, 1);
    push_at(&r, 100, 6000);
    assert_int_equal(borrow_time(&r), 5000);
    assert_int_equal(borrow_time(&r), 5000);
    assert_int_equal(borrow_time(&r), 5000);
    assert_int_equal(borrow_time(&r), 6000);
    finish_rig(&r);
}

static void time_zero_is_now(void **state)
{
    rig r = make_rig(100, 8, ACAP_OVERFLOW_DROP_OLDEST);
    const int64_t before_ns = acap_clock_ns();

    (void)state;
    push_at(&r, 100, 0);
    const int64_t time_ns = borrow_time(&r);
    assert_true(before_ns <= time_ns && time_ns <= acap_clock_ns());
    finish_rig(&r);
}

static void a_time_that_no_clock_tells_is_refused_and_spoils_nothing(void **state)
{
    static const int64_t absurd_ns[] = {INT64_MAX, INT64_MAX / 2 + 1, -1, INT64_MIN};
    rig r = make_rig(100, 8, ACAP_OVERFLOW_DROP_OLDEST);
    const float frame = 0;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(absurd_ns); i++)
        assert_result(acap_stream_push(r.stream, &frame, 1, absurd_ns[i]), ACAP_ERROR_INVALID_ARGUMENT);
    push_at(&r, 100, 5000);
    assert_int_equal(borrow_time(&r), 5000);
    push_at(&r, 100, INT64_MAX / 2);
    assert_int_equal(borrow_time(&r), INT64_MAX / 2);
    finish_rig(&r);
}

/* ---- two pushes at once ---- */

/* A page that nobody can read until somebody lets it: who reads it before stands still in the handler, inside the push. */
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

static void raise_obstacle(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = stand_still;
    assert_int_equal(sigaction(SIGSEGV, &action, &obstacle.before), 0);
    assert_int_equal(pipe(obstacle.entered), 0);
    assert_int_equal(pipe(obstacle.leave), 0);
    obstacle.page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    obstacle.page = mmap(NULL, obstacle.page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(obstacle.page, MAP_FAILED);
    counter_fill(obstacle.page, ACAP_FORMAT_S32, 1, 0, 100);
    assert_int_equal(mprotect(obstacle.page, obstacle.page_bytes, PROT_NONE), 0);
}

static void remove_obstacle(void)
{
    assert_int_equal(sigaction(SIGSEGV, &obstacle.before, NULL), 0);
    munmap(obstacle.page, obstacle.page_bytes);
    for (int i = 0; i < 2; i++) {
        close(obstacle.entered[i]);
        close(obstacle.leave[i]);
    }
}

struct pusher {
    acap_stream *stream;
    acap_result result;
};

static void *push_the_page(void *argument)
{
    struct pusher *pusher = argument;

    pusher->result = acap_stream_push(pusher->stream, obstacle.page, 100, 0);
    return NULL;
}

static void let_the_page_be_read(pthread_t thread)
{
    char byte = 0;

    assert_int_equal(write(obstacle.leave[1], &byte, 1), 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void a_second_push_at_the_same_time_is_refused(void **state)
{
    rig r = make_rig(50, 8, ACAP_OVERFLOW_DROP_OLDEST);
    struct pusher pusher = {r.stream, ACAP_ERROR_BACKEND};
    const uint32_t frames[8] = {0};
    pthread_t thread;
    char byte;

    (void)state;
    raise_obstacle();
    assert_int_equal(pthread_create(&thread, NULL, push_the_page, &pusher), 0);
    assert_int_equal(read(obstacle.entered[0], &byte, 1), 1); /* the other one is inside */
    assert_result(acap_stream_push(r.stream, frames, 8, 0), ACAP_ERROR_INVALID_STATE);
    assert_result(acap_stream_push(r.stream, NULL, 8, 0), ACAP_ERROR_INVALID_STATE);
    assert_int_equal(stream_stats(r.stream).position, 0);
    let_the_page_be_read(thread);
    assert_ok(pusher.result);
    remove_obstacle();
    push_counter(r.stream, 50);
    assert_int_equal(stream_stats(r.stream).position, 150);
    finish_rig(&r);
    assert_int_equal(r.seen.frames, 150);
}

/* A reader that comes while a push is inside begins with the next one; one that goes meanwhile is freed later. */
static void readers_may_come_and_go_while_a_push_is_inside(void **state)
{
    rig r = make_rig(50, 8, ACAP_OVERFLOW_DROP_OLDEST);
    acap_reader *leaving = open_queue(r.stream, 8, ACAP_OVERFLOW_DROP_OLDEST);
    acap_pool *pool = acap_stream_get_pool(r.stream);
    struct pusher pusher = {r.stream, ACAP_ERROR_BACKEND};
    conservation late_seen;
    pthread_t thread;
    char byte;

    (void)state;
    raise_obstacle();
    assert_int_equal(pthread_create(&thread, NULL, push_the_page, &pusher), 0);
    assert_int_equal(read(obstacle.entered[0], &byte, 1), 1);
    acap_reader *late = open_queue(r.stream, 8, ACAP_OVERFLOW_DROP_OLDEST);
    acap_reader_close(leaving);
    let_the_page_be_read(thread);
    remove_obstacle();
    assert_int_equal(reader_stats(late).queued_buffers, 0);
    conservation_begin(&late_seen, late);
    assert_int_equal(late_seen.start_position, 100);
    push_counter(r.stream, 120);
    assert_ok(acap_stream_stop(r.stream));
    assert_result(drain(late, &late_seen), ACAP_END);
    assert_int_equal(late_seen.frames, 120);
    assert_conserved(conservation_at_rest(&late_seen, r.stream, late));
    acap_reader_close(late);
    finish_rig(&r);
    assert_int_equal(r.seen.frames, 220);
    assert_int_equal(pool_stats(pool).in_use, 0); /* what the leaving one had been given went back, too */
    acap_pool_release(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pushes_of_any_size_become_buffers_of_one_size),
        cmocka_unit_test(every_format_and_layout_arrives_as_it_was_pushed),
        cmocka_unit_test(frames_may_lie_at_any_address),
        cmocka_unit_test(null_frames_were_lost),
        cmocka_unit_test(a_loss_at_the_end_is_counted_though_no_buffer_follows),
        cmocka_unit_test(losses_beyond_32_bits_are_counted),
        cmocka_unit_test(nothing_is_pushed_by_zero_frames),
        cmocka_unit_test(only_a_running_push_stream_takes_frames),
        cmocka_unit_test(a_buffer_carries_the_time_of_its_first_frame),
        cmocka_unit_test(times_never_run_backwards),
        cmocka_unit_test(time_zero_is_now),
        cmocka_unit_test(a_time_that_no_clock_tells_is_refused_and_spoils_nothing),
        cmocka_unit_test(a_second_push_at_the_same_time_is_refused),
        cmocka_unit_test(readers_may_come_and_go_while_a_push_is_inside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
