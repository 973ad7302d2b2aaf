/* SPDX-License-Identifier: MIT */
/* Owns: tests of the producer's way from the inside: slicing, accounting, fan-out, times, as a back end's calls bring them.
 * Run by: CTest, in milliseconds.
 * Runs on: the insides of the static library, one thread: the test is the device and the consumers. */
#include "ingest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RATE_HZ 1000u /* a frame is a millisecond */
#define FRAMES 10u    /* a buffer */

/* An ingest of S16 stereo with its pool, and the frames that its device has made. */
struct device {
    acap__ingest *ingest;
    acap_pool *pool;
    uint64_t frame;
    int64_t now_ns;
};

static void *calloc_aligned(size_t size_bytes)
{
    void *memory = aligned_alloc(ACAP__CACHE_LINE, acap__round_up(size_bytes, ACAP__CACHE_LINE));

    assert_non_null(memory);
    return memset(memory, 0, size_bytes);
}

static struct device make_device(uint32_t buffers)
{
    struct device device = {.ingest = calloc_aligned(sizeof *device.ingest), .now_ns = 1000 * ACAP__NS_PER_S};

    assert_int_equal(acap__pool_make(0, FRAMES * 4, buffers, buffers, &device.pool), ACAP_OK);
    device.ingest->pool = device.pool;
    device.ingest->sample_rate_hz = RATE_HZ;
    device.ingest->channel_count = 2;
    device.ingest->format = ACAP_FORMAT_S16;
    device.ingest->source_format = ACAP_FORMAT_S16;
    device.ingest->frames_per_buffer = FRAMES;
    device.ingest->frame_bytes = 4;
    return device;
}

static void free_device(struct device *device)
{
    acap__ingest_enter(device->ingest);
    acap__ingest_flush(device->ingest);
    assert_int_equal(acap__pool_in_use(device->pool), 0);
    assert_true(acap__pool_drop_handle(device->pool));
    acap__pool_free(device->pool);
    free(device->ingest);
}

static acap__outlet *make_outlet(struct device *device, uint32_t slot, uint32_t capacity, bool evicts)
{
    acap__outlet *outlet = calloc_aligned(sizeof *outlet);

    assert_true(acap__queue_init(&outlet->queue, capacity));
    acap__wake_init(&outlet->wake);
    outlet->wake_buffers = 1;
    outlet->evicts = evicts;
    acap__store_seq_cst(&device->ingest->outlets[slot], outlet);
    (void)acap__or_seq_cst(&device->ingest->outlet_mask, UINT64_C(1) << slot);
    return outlet;
}

static void free_outlet(struct device *device, acap__outlet *outlet, uint32_t slot)
{
    acap__header *header;

    (void)acap__and_seq_cst(&device->ingest->outlet_mask, ~(UINT64_C(1) << slot));
    acap__store_seq_cst(&device->ingest->outlets[slot], NULL);
    while ((header = acap__queue_pop(&outlet->queue)) != NULL)
        acap__header_recycle(header);
    acap__wake_destroy(&outlet->wake);
    acap__queue_destroy(&outlet->queue);
    free(outlet);
}

static int16_t sample(uint64_t frame, uint32_t channel)
{
    return (int16_t)(frame * 2 + channel);
}

/* One call of the host: frames that count on, or a loss, or either with the host's overflow flag. */
static void call(struct device *device, uint32_t frame_count, bool is_lost, bool host_overflow, int64_t delay_ns)
{
    int16_t frames[2 * 1000];
    const acap__chunk chunk = {.frames = is_lost ? NULL : frames, .frame_count = frame_count, .host_overflow = host_overflow,
                               .entry_ns = device->now_ns, .delay_ns = delay_ns};

    for (uint32_t i = 0; i < frame_count; i++)
        for (uint32_t channel = 0; channel < 2; channel++)
            frames[2 * i + channel] = sample(device->frame + i, channel);
    device->frame += frame_count;
    acap__ingest_enter(device->ingest);
    acap__ingest_write(device->ingest, &chunk);
    device->now_ns += frame_count * ACAP__NS_PER_MS;
}

static void play(struct device *device, uint32_t frame_count)
{
    call(device, frame_count, false, false, 0);
}

/* The next buffer of an outlet, with what belongs into it. */
static acap_buffer pop(acap__outlet *outlet)
{
    acap__header *header = acap__queue_pop(&outlet->queue);

    assert_non_null(header);
    const acap_buffer buffer = header->buffer;
    const int16_t *samples = buffer.data;
    for (uint32_t i = 0; i < buffer.frame_count; i++)
        for (uint32_t channel = 0; channel < 2; channel++)
            assert_int_equal(samples[2 * i + channel], sample(buffer.position + i, channel));
    assert_int_equal(buffer.size_bytes, 4 * buffer.frame_count);
    acap__header_recycle(header);
    return buffer;
}

static void expect_empty(acap__outlet *outlet)
{
    assert_null(acap__queue_pop(&outlet->queue));
}

static acap__figures figures_of(const struct device *device)
{
    const acap__figures figures = acap__ledger_read(&device->ingest->ledger);

    assert_int_equal(figures.position, figures.captured + figures.lost_pool + figures.lost_host);
    return figures;
}

static void calls_of_any_size_become_buffers_of_one_size(void **state)
{
    static const uint32_t sizes[] = {1, 9, 10, 11, 3, 47, 100, 19};
    struct device device = make_device(64);
    acap__outlet *outlet = make_outlet(&device, 0, 64, true);
    uint64_t played = 0;

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        play(&device, sizes[i]);
        played += sizes[i];
        assert_int_equal(figures_of(&device).position, played / FRAMES * FRAMES);
        assert_int_equal(acap__load_relaxed(&device.ingest->pending_frames), played % FRAMES);
    }
    for (uint64_t i = 0; i < played / FRAMES; i++) {
        const acap_buffer buffer = pop(outlet);
        assert_int_equal(buffer.position, i * FRAMES);
        assert_int_equal(buffer.frame_count, FRAMES);
        assert_int_equal(buffer.flags, 0);
    }
    expect_empty(outlet);
    free_outlet(&device, outlet, 0);
    free_device(&device);
}

static void a_loss_ends_the_buffer_and_marks_the_next(void **state)
{
    struct device device = make_device(64);
    acap__outlet *outlet = make_outlet(&device, 0, 64, true);

    (void)state;
    play(&device, 4);
    call(&device, 5, true, false, 0);
    call(&device, 1, true, false, 0);
    assert_int_equal(figures_of(&device).lost_host, 6);
    play(&device, 10);
    const acap_buffer partial = pop(outlet);
    assert_int_equal(partial.flags, ACAP_BUFFER_PARTIAL);
    assert_int_equal(partial.frame_count, 4);
    const acap_buffer after = pop(outlet);
    assert_int_equal(after.flags, ACAP_BUFFER_GAP);
    assert_int_equal(after.position, 10);
    assert_int_equal(after.lost_before, 6);
    free_outlet(&device, outlet, 0);
    free_device(&device);
}

static void the_hosts_word_of_an_overflow_is_passed_on(void **state)
{
    struct device device = make_device(64);
    acap__outlet *outlet = make_outlet(&device, 0, 64, true);

    (void)state;
    play(&device, 13);
    call(&device, 17, false, true, 0); /* something is missing before these, and nobody says how much */
    assert_int_equal(acap__load_relaxed(&device.ingest->host_overflows), 1);
    assert_int_equal(pop(outlet).flags, 0);
    const acap_buffer partial = pop(outlet);
    assert_int_equal(partial.flags, ACAP_BUFFER_PARTIAL);
    assert_int_equal(partial.frame_count, 3);
    assert_int_equal(pop(outlet).flags, ACAP_BUFFER_HOST_OVERFLOW);
    assert_int_equal(figures_of(&device).lost_host, 0);
    free_outlet(&device, outlet, 0);
    free_device(&device);
}

static void without_a_buffer_frames_are_lost_slice_by_slice(void **state)
{
    struct device device = make_device(2);
    acap__outlet *outlet = make_outlet(&device, 0, 8, true);

    (void)state;
    play(&device, 20); /* both buffers wait in the queue */
    play(&device, 34);
    assert_int_equal(figures_of(&device).lost_pool, 34);
    assert_int_equal(figures_of(&device).captured, 20);
    (void)pop(outlet);
    play(&device, 10);
    (void)pop(outlet);
    const acap_buffer after = pop(outlet);
    assert_int_equal(after.position, 54);
    assert_int_equal(after.lost_before, 34);
    assert_int_equal(after.flags, ACAP_BUFFER_GAP);
    free_outlet(&device, outlet, 0);
    free_device(&device);
}

static void each_outlet_gets_the_same_buffer_and_keeps_its_own_account(void **state)
{
    struct device device = make_device(64);
    acap__outlet *evicting = make_outlet(&device, 3, 2, true);
    acap__outlet *refusing = make_outlet(&device, 63, 2, false);

    (void)state;
    play(&device, 50);
    assert_int_equal(acap__pool_in_use(device.pool), 4); /* two each, none the same */
    assert_int_equal(acap__load_relaxed(&evicting->dropped_frames), 30);
    assert_int_equal(acap__load_relaxed(&refusing->dropped_frames), 30);
    assert_int_equal(pop(evicting).position, 30);
    assert_int_equal(pop(refusing).position, 0);
    assert_int_equal(acap__load_relaxed(&evicting->queued_peak), 2);
    free_outlet(&device, evicting, 3);
    free_outlet(&device, refusing, 63);
    free_device(&device);
}

static void nobody_listening_costs_no_buffer(void **state)
{
    struct device device = make_device(1);

    (void)state;
    play(&device, 995);
    assert_int_equal(figures_of(&device).captured, 990);
    assert_int_equal(figures_of(&device).lost_pool, 0);
    assert_int_equal(figures_of(&device).buffers, 99);
    free_device(&device);
}

static void an_outlet_begins_with_the_buffer_that_is_being_filled(void **state)
{
    struct device device = make_device(64);

    (void)state;
    play(&device, 17);
    acap__outlet *late = make_outlet(&device, 5, 8, true);
    assert_int_equal(acap__load_relaxed(&late->state), ACAP__OUTLET_NEW);
    play(&device, 3);
    assert_int_equal(acap__load_relaxed(&late->state), ACAP__OUTLET_LIVE);
    assert_int_equal(acap__load_relaxed(&late->start_position), 10);
    assert_int_equal(acap__load_relaxed(&late->start_captured), 10);
    assert_int_equal(pop(late).position, 10);
    free_outlet(&device, late, 5);
    free_device(&device);
}

static void an_ended_outlet_keeps_what_it_has(void **state)
{
    struct device device = make_device(64);
    acap__outlet *outlet = make_outlet(&device, 0, 2, true);

    (void)state;
    play(&device, 20);
    acap__outlet_end(outlet, ACAP__END_READER);
    play(&device, 40);
    assert_int_equal(pop(outlet).position, 0);
    assert_int_equal(pop(outlet).position, 10);
    assert_int_equal(acap__load_relaxed(&outlet->dropped_frames), 40);
    free_outlet(&device, outlet, 0);
    free_device(&device);
}

static void times_come_from_the_hosts_word_or_from_the_length_of_the_call(void **state)
{
    struct device device = make_device(64);
    acap__outlet *outlet = make_outlet(&device, 0, 64, true);
    const int64_t begin_ns = device.now_ns;

    (void)state;
    call(&device, 20, false, false, 3 * ACAP__NS_PER_MS); /* its first frame is 3 ms old */
    assert_true(pop(outlet).time_ns == begin_ns - 3 * ACAP__NS_PER_MS);
    assert_true(pop(outlet).time_ns == begin_ns + 7 * ACAP__NS_PER_MS);
    call(&device, 10, false, false, -1); /* no word: the call has just been completed */
    assert_true(pop(outlet).time_ns == begin_ns + 10 * ACAP__NS_PER_MS);
    device.now_ns -= 500 * ACAP__NS_PER_MS; /* a clock that steps back is not followed */
    play(&device, 10);
    assert_true(pop(outlet).time_ns == begin_ns + 10 * ACAP__NS_PER_MS);
    free_outlet(&device, outlet, 0);
    free_device(&device);
}

static void planes_are_taken_as_well_as_frames(void **state)
{
    struct device device = make_device(64);
    acap__outlet *outlet = make_outlet(&device, 0, 64, true);
    int16_t left[25];
    int16_t right[25];
    const void *const planes[] = {left, right};
    const acap__chunk chunk = {.planes = planes, .frame_count = 25, .entry_ns = device.now_ns};

    (void)state;
    for (uint32_t i = 0; i < 25; i++) {
        left[i] = sample(i, 0);
        right[i] = sample(i, 1);
    }
    acap__ingest_enter(device.ingest);
    acap__ingest_write(device.ingest, &chunk);
    acap__ingest_flush(device.ingest);
    assert_int_equal(pop(outlet).frame_count, 10);
    assert_int_equal(pop(outlet).frame_count, 10);
    assert_int_equal(pop(outlet).frame_count, 5);
    free_outlet(&device, outlet, 0);
    free_device(&device);
}

static void flushing_twice_publishes_once(void **state)
{
    struct device device = make_device(64);
    acap__outlet *outlet = make_outlet(&device, 0, 64, true);

    (void)state;
    play(&device, 3);
    acap__ingest_flush(device.ingest);
    acap__ingest_flush(device.ingest);
    assert_int_equal(pop(outlet).frame_count, 3);
    expect_empty(outlet);
    acap__ingest_lose(device.ingest, 0, ACAP__LOSS_HOST); /* nothing lost is nothing said */
    play(&device, 10);
    assert_int_equal(pop(outlet).flags, 0);
    free_outlet(&device, outlet, 0);
    free_device(&device);
}

static void losses_in_a_row_are_one_notice(void **state)
{
    struct device device = make_device(64);
    acap__notice notice;

    (void)state;
    play(&device, 20);
    call(&device, 5, true, false, 0);
    call(&device, 7, true, false, 0);
    assert_false(acap__notices_read(&device.ingest->notices, &notice));
    play(&device, 10);
    assert_true(acap__notices_read(&device.ingest->notices, &notice));
    assert_int_equal(notice.kind, ACAP__NOTICE_LOSS);
    assert_int_equal(notice.position, 20);
    assert_int_equal(notice.frames, 12);
    assert_false(acap__notices_read(&device.ingest->notices, &notice));
    free_device(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_of_any_size_become_buffers_of_one_size),
        cmocka_unit_test(a_loss_ends_the_buffer_and_marks_the_next),
        cmocka_unit_test(the_hosts_word_of_an_overflow_is_passed_on),
        cmocka_unit_test(without_a_buffer_frames_are_lost_slice_by_slice),
        cmocka_unit_test(each_outlet_gets_the_same_buffer_and_keeps_its_own_account),
        cmocka_unit_test(nobody_listening_costs_no_buffer),
        cmocka_unit_test(an_outlet_begins_with_the_buffer_that_is_being_filled),
        cmocka_unit_test(an_ended_outlet_keeps_what_it_has),
        cmocka_unit_test(times_come_from_the_hosts_word_or_from_the_length_of_the_call),
        cmocka_unit_test(planes_are_taken_as_well_as_frames),
        cmocka_unit_test(flushing_twice_publishes_once),
        cmocka_unit_test(losses_in_a_row_are_one_notice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
