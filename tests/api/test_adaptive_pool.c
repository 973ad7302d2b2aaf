/* SPDX-License-Identifier: MIT */
/* Owns: tests of a stream's own pool that follows its consumers: ahead of those who hold more and more, back to what is needed when that
 * has been enough for a while, and a warning before it hurts.
 * Run by: CTest, about a second; minutes pass in virtual time.
 * Runs on: the public API. */
#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define RATE_HZ 48000u
#define BUFFER_FRAMES 480u /* 100 buffers a second */
#define WORD_BUFFERS 63u   /* a pool shrinks by so many at a time */

/* A consumer with something to hold. */
struct holder {
    acap_context *context;
    acap_stream *stream;
    acap_reader *reader;
    conservation seen;
    const acap_buffer **held;
    uint32_t count;
};

static struct holder begin(uint32_t buffers_min, uint32_t buffers_max)
{
    struct holder h = {.context = make_context("sim"), .held = calloc(4096, sizeof *h.held)};
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    acap_reader_config reader_config = ACAP_READER_CONFIG_INIT;

    assert_non_null(h.held);
    config.device = MANUAL "&period=480";
    config.format = ACAP_FORMAT_S32;
    config.channel_count = 1;
    config.frames_per_buffer = BUFFER_FRAMES;
    config.pool_buffers_min = buffers_min;
    config.pool_buffers_max = buffers_max;
    h.stream = open_config(h.context, &config);
    reader_config.queue_buffers = 4;
    reader_config.hold_buffers = 1;
    assert_ok(acap_reader_open(h.stream, &reader_config, &h.reader));
    conservation_begin(&h.seen, h.reader);
    assert_ok(acap_stream_start(h.stream));
    return h;
}

static void let_go(struct holder *h, uint32_t left)
{
    while (h->count > left)
        acap_buffer_release(h->held[--h->count]);
}

static void end(struct holder *h)
{
    let_go(h, 0);
    (void)drain(h->reader, &h->seen);
    assert_conserved(conservation_at_rest(&h->seen, h->stream, h->reader));
    close_conserved(h->context, h->stream, h->reader);
    free(h->held);
}

/* A packet comes, and is kept. */
static void take_one(struct holder *h)
{
    assert_ok(acap_stream_sim_advance(h->stream, BUFFER_FRAMES));
    h->held[h->count++] = borrow_now(h->reader, &h->seen);
}

static void take_until(struct holder *h, uint32_t count)
{
    while (h->count < count)
        take_one(h);
}

/* Packets come and go. */
static void pass_on(struct holder *h, uint32_t packets)
{
    for (uint32_t i = 0; i < packets; i++) {
        take_one(h);
        let_go(h, h->count - 1);
    }
}

static uint32_t capacity_of(const struct holder *h)
{
    return stream_pool_stats(h->stream).capacity;
}

static uint32_t warnings(const struct holder *h)
{
    acap_event event = ACAP_EVENT_INIT;
    uint32_t count = 0;

    while (acap_context_next_event(h->context, 0, &event) == ACAP_OK)
        count += event.type == ACAP_EVENT_POOL_LOW;
    return count;
}

/* One more with each packet: 100 buffers a second. */
static void growth_keeps_ahead_of_a_consumer_that_holds_more_and_more(void **state)
{
    enum { MAXIMUM = 2000 };
    struct holder h = begin(0, MAXIMUM);
    uint32_t warned = 0;

    (void)state;
    assert_true(capacity_of(&h) < 100);
    while (h.count < MAXIMUM - 1) { /* the last one is being filled */
        take_one(&h);
        warned += warnings(&h);
        assert_int_equal(stream_stats(h.stream).lost_pool, 0);
        assert_true(warned == 0 || capacity_of(&h) == MAXIMUM); /* no warning as long as it can grow */
    }
    assert_int_equal(stream_pool_stats(h.stream).exhausted, 0);
    assert_int_equal(capacity_of(&h), MAXIMUM);
    assert_int_equal(warned, 1); /* before the first loss, and once */
    assert_true(stream_pool_stats(h.stream).grown < 20);
    print_message("held %u of %u buffers without a loss; grown %u times\n", h.count, MAXIMUM, stream_pool_stats(h.stream).grown);
    assert_ok(acap_stream_sim_advance(h.stream, 10 * BUFFER_FRAMES)); /* beyond the maximum there is nothing but the account */
    assert_true(stream_stats(h.stream).lost_pool > 0);
    for (uint32_t i = 0; i < h.count; i++)
        assert_true(counter_holds(h.held[i]));
    end(&h);
}

static void after_ten_quiet_seconds_it_shrinks_to_what_is_needed(void **state)
{
    struct holder h = begin(0, 0);

    (void)state;
    const uint32_t before = capacity_of(&h);
    const uint64_t bytes_before = stream_pool_stats(h.stream).memory_bytes;
    take_until(&h, 1000);
    const uint32_t grown = capacity_of(&h);
    assert_true(grown > 1000);
    let_go(&h, 0);
    pass_on(&h, 900);
    assert_int_equal(capacity_of(&h), grown); /* nine seconds are not enough */
    pass_on(&h, 200);
    assert_true(capacity_of(&h) <= before + WORD_BUFFERS);
    assert_true(stream_pool_stats(h.stream).memory_bytes <= bytes_before + WORD_BUFFERS * 4096);
    take_until(&h, 1000); /* and it can grow again */
    assert_int_equal(stream_stats(h.stream).lost_pool, 0);
    for (uint32_t i = 0; i < h.count; i++)
        assert_true(counter_holds(h.held[i]));
    end(&h);
}

static void what_is_held_is_never_taken_away(void **state)
{
    struct holder h = begin(0, 0);

    (void)state;
    take_until(&h, 1000);
    const uint32_t grown = capacity_of(&h);
    for (uint32_t i = 0; i < h.count - 1; i++)
        acap_buffer_release(h.held[i]);
    h.held[0] = h.held[h.count - 1]; /* one of the last */
    h.count = 1;
    pass_on(&h, 1500);
    assert_true(counter_holds(h.held[0]));
    assert_int_equal(h.held[0]->position, 999 * BUFFER_FRAMES);
    assert_true(capacity_of(&h) <= grown);
    let_go(&h, 0);
    pass_on(&h, 100);
    assert_true(capacity_of(&h) <= 2 * WORD_BUFFERS);
    end(&h);
}

/* A consumer that breathes: out to 600, back to ten, every eleven seconds. */
static void it_does_not_follow_every_breath(void **state)
{
    struct holder h = begin(0, 0);

    (void)state;
    take_until(&h, 600);
    let_go(&h, 10);
    const acap_pool_stats before = stream_pool_stats(h.stream);
    for (int breath = 0; breath < 10; breath++) {
        take_until(&h, 600);
        let_go(&h, 10);
        pass_on(&h, 500);
    }
    const acap_pool_stats after = stream_pool_stats(h.stream);
    assert_int_equal(after.grown, before.grown);
    assert_int_equal(after.capacity, before.capacity);
    assert_int_equal(stream_stats(h.stream).lost_pool, 0);
    end(&h);
}

static void it_does_not_grow_again_right_after_it_shrank(void **state)
{
    struct holder h = begin(0, 0);

    (void)state;
    take_until(&h, 1000);
    let_go(&h, 200);
    pass_on(&h, 1500);
    const acap_pool_stats shrunk = stream_pool_stats(h.stream);
    assert_true(shrunk.capacity < 1000 && shrunk.capacity >= 400); /* room for twice of what is held */
    pass_on(&h, 6000);
    const acap_pool_stats after = stream_pool_stats(h.stream);
    assert_int_equal(after.capacity, shrunk.capacity);
    assert_int_equal(after.grown, shrunk.grown);
    end(&h);
}

static void the_minimum_stays(void **state)
{
    struct holder h = begin(500, 0);

    (void)state;
    take_until(&h, 1000);
    let_go(&h, 0);
    pass_on(&h, 3000);
    assert_true(capacity_of(&h) >= 500);
    assert_true(capacity_of(&h) <= 500 + WORD_BUFFERS);
    end(&h);
}

static void what_readers_reserved_stays(void **state)
{
    struct holder h = begin(0, 0);

    (void)state;
    acap_reader *other = open_queue(h.stream, 300, ACAP_OVERFLOW_DROP_OLDEST); /* 300 to queue, 300 to hold */
    const uint32_t reserved = capacity_of(&h);
    assert_true(reserved >= 600);
    take_until(&h, 1000);
    let_go(&h, 0);
    pass_on(&h, 3000);
    assert_true(capacity_of(&h) >= reserved);
    assert_int_equal(stream_stats(h.stream).lost_pool, 0);
    acap_reader_close(other);
    pass_on(&h, 1500);
    assert_true(capacity_of(&h) <= 2 * WORD_BUFFERS);
    end(&h);
}

/* Once for each time that it becomes low; a little more room does not make it another time. */
static void a_pool_that_runs_low_warns_once_each_time(void **state)
{
    struct holder h = begin(0, 64);

    (void)state;
    take_until(&h, 50);
    assert_int_equal(warnings(&h), 0);
    take_until(&h, 60);
    assert_int_equal(warnings(&h), 1);
    assert_int_equal(stream_stats(h.stream).lost_pool, 0);
    for (int i = 0; i < 20; i++) { /* to and fro at the edge */
        let_go(&h, 53);
        pass_on(&h, 10);
        take_until(&h, 60);
    }
    assert_int_equal(warnings(&h), 0);
    let_go(&h, 20);
    pass_on(&h, 10);
    take_until(&h, 60);
    assert_int_equal(warnings(&h), 1);
    end(&h);
}

/* A pool that the caller shared is the caller's. */
static void a_shared_pool_is_not_shrunk(void **state)
{
    acap_context *context = make_context("sim");
    acap_pool_config pool_config = ACAP_POOL_CONFIG_INIT;
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;
    acap_pool *pool = NULL;

    (void)state;
    pool_config.buffer_size_bytes = BUFFER_FRAMES * 4;
    pool_config.buffers_min = 500;
    assert_ok(acap_pool_create(&pool_config, &pool));
    config.device = MANUAL "&period=480";
    config.format = ACAP_FORMAT_S32;
    config.channel_count = 1;
    config.frames_per_buffer = BUFFER_FRAMES;
    config.pool = pool;
    acap_stream *stream = open_config(context, &config);
    assert_ok(acap_stream_start(stream));
    assert_ok(acap_stream_sim_advance(stream, 60 * RATE_HZ));
    assert_int_equal(pool_stats(pool).capacity, 500);
    acap_stream_close(stream);
    acap_pool_release(pool);
    acap_context_destroy(context);
}

/* ---- growing, shrinking and holding by different threads ---- */

struct shared {
    acap_stream *stream;
    acap_reader *reader;
    conservation seen;
    uint64_t random;
    atomic_bool is_over;
    bool has_changed; /* a buffer that was held */
};

static void *hold_at_random(void *argument)
{
    enum { ROOM = 600 };
    struct shared *shared = argument;
    const acap_buffer *held[ROOM] = {NULL};
    uint32_t count = 0;

    while (!atomic_load(&shared->is_over)) {
        const acap_buffer *buffer;
        if (acap_reader_borrow(shared->reader, NS_PER_MS, &buffer) != ACAP_OK)
            continue;
        conservation_add(&shared->seen, buffer);
        if (count < ROOM)
            held[count++] = buffer;
        else
            acap_buffer_release(buffer);
        if (next_random(&shared->random) % 400 != 0)
            continue;
        for (const uint32_t left = (uint32_t)next_random(&shared->random) % 40; count > left;) {
            shared->has_changed = shared->has_changed || !counter_holds(held[count - 1]);
            acap_buffer_release(held[--count]);
        }
    }
    while (count > 0)
        acap_buffer_release(held[--count]);
    return NULL;
}

static void consumers_may_hold_while_it_grows_and_shrinks(void **state)
{
    acap_context *context = make_context("sim");
    struct shared shared = {.stream = open_stream(context, MANUAL "&period=480", ACAP_FORMAT_S32, 1, BUFFER_FRAMES)};
    uint32_t least = UINT32_MAX;
    uint32_t most = 0;
    pthread_t thread;

    (void)state;
    shared.random = random_seed("consumers_may_hold");
    shared.reader = open_queue(shared.stream, 16, ACAP_OVERFLOW_DROP_OLDEST);
    conservation_begin(&shared.seen, shared.reader);
    assert_ok(acap_stream_start(shared.stream));
    assert_int_equal(pthread_create(&thread, NULL, hold_at_random, &shared), 0);
    for (int step = 0; step < 2000; step++) {
        /* Mostly packet by packet; sometimes half a minute at once, during which the pool sees that it is too large. */
        assert_ok(acap_stream_sim_advance(shared.stream, step % 500 == 499 ? 30 * RATE_HZ : BUFFER_FRAMES));
        const uint32_t capacity = stream_pool_stats(shared.stream).capacity;
        least = capacity < least ? capacity : least;
        most = capacity > most ? capacity : most;
    }
    assert_ok(acap_stream_stop(shared.stream));
    atomic_store(&shared.is_over, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(shared.has_changed);
    print_message("capacity between %u and %u\n", least, most);
    assert_result(drain(shared.reader, &shared.seen), ACAP_END);
    assert_conserved(conservation_at_rest(&shared.seen, shared.stream, shared.reader));
    close_conserved(context, shared.stream, shared.reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(growth_keeps_ahead_of_a_consumer_that_holds_more_and_more),
        cmocka_unit_test(after_ten_quiet_seconds_it_shrinks_to_what_is_needed),
        cmocka_unit_test(what_is_held_is_never_taken_away),
        cmocka_unit_test(it_does_not_follow_every_breath),
        cmocka_unit_test(it_does_not_grow_again_right_after_it_shrank),
        cmocka_unit_test(the_minimum_stays),
        cmocka_unit_test(what_readers_reserved_stays),
        cmocka_unit_test(a_pool_that_runs_low_warns_once_each_time),
        cmocka_unit_test(a_shared_pool_is_not_shrunk),
        cmocka_unit_test(consumers_may_hold_while_it_grows_and_shrinks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
