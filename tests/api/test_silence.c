/* SPDX-License-Identifier: MIT */
/* Owns: tests of digital silence: it is delivered and flagged, and one stretch that is too long is told of once.
 * Run by: CTest, below a second.
 * Runs on: the public API; streams are fed by the test, and watched by the library in real time. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#define RATE_HZ 8000u
#define BUFFER_FRAMES 80u
#define ALL_SILENT UINT32_MAX

struct feeder {
    acap_context *context;
    acap_stream *stream;
    acap_reader *reader;
    conservation seen;
    uint32_t format;
    uint32_t channel_count;
    uint32_t flagged; /* buffers that were flagged silent */
};

static struct feeder begin(uint32_t format, uint32_t channel_count, uint32_t flags)
{
    struct feeder f = {.context = make_context("push"), .format = format, .channel_count = channel_count};
    acap_stream_config config = ACAP_STREAM_CONFIG_INIT;

    config.sample_rate_hz = RATE_HZ;
    config.format = format;
    config.channel_count = channel_count;
    config.frames_per_buffer = BUFFER_FRAMES;
    config.flags = flags;
    f.stream = open_config(f.context, &config);
    f.reader = open_queue(f.stream, 8192, ACAP_OVERFLOW_DROP_OLDEST);
    conservation_begin(&f.seen, f.reader);
    assert_ok(acap_stream_start(f.stream));
    return f;
}

static void take_all(struct feeder *f)
{
    const acap_buffer *buffer;

    while (acap_reader_borrow(f->reader, 0, &buffer) == ACAP_OK) {
        f->flagged += (buffer->flags & ACAP_BUFFER_SILENT) != 0;
        conservation_add(&f->seen, buffer);
        acap_buffer_release(buffer);
    }
}

static void end(struct feeder *f)
{
    assert_ok(acap_stream_stop(f->stream));
    take_all(f);
    assert_conserved(conservation_at_rest(&f->seen, f->stream, f->reader));
    close_conserved(f->context, f->stream, f->reader);
}

/* So many frames of silence in which one byte, counted from the start, is another. */
static void feed(struct feeder *f, uint32_t frame_count, uint32_t odd_byte)
{
    const size_t size_bytes = (size_t)frame_count * f->channel_count * acap_format_bytes(f->format);
    unsigned char *frames = malloc(size_bytes);

    assert_non_null(frames);
    memset(frames, f->format == ACAP_FORMAT_U8 ? 128 : 0, size_bytes);
    if (odd_byte < size_bytes)
        frames[odd_byte] = 1;
    assert_ok(acap_stream_push(f->stream, frames, frame_count, 0));
    free(frames);
    take_all(f);
}

/* A slow machine pauses, and the library says so. */
static acap_event next_but_stalls(const struct feeder *f)
{
    acap_event event = ACAP_EVENT_INIT;

    do
        assert_ok(acap_context_next_event(f->context, 10 * NS_PER_S, &event));
    while (event.type == ACAP_EVENT_STREAM_STALLED);
    return event;
}

/* The watch has looked at what came so far, and found no silence: by the second loss the first odd sample is published, and what it tells
   of the third it tells after a whole look at that. */
static void let_the_watch_look(struct feeder *f)
{
    for (int i = 0; i < 3; i++) {
        assert_ok(acap_stream_push(f->stream, NULL, 1, 0));
        feed(f, 1, 0);
        assert_int_equal(next_but_stalls(f).type, ACAP_EVENT_FRAMES_LOST);
    }
}

static void each_stretch_is_told_once(void **state)
{
    struct feeder f = begin(ACAP_FORMAT_S16, 1, 0);

    (void)state;
    for (int stretch = 0; stretch < 2; stretch++) {
        feed(&f, 6 * RATE_HZ, ALL_SILENT);
        const acap_event event = next_but_stalls(&f);
        assert_int_equal(event.type, ACAP_EVENT_SUSPECT_SILENCE);
        assert_int_equal(event.level, ACAP_LEVEL_WARNING);
        assert_true(event.position >= 5 * RATE_HZ);
        feed(&f, 60 * RATE_HZ, ALL_SILENT); /* no second time, however long */
        let_the_watch_look(&f);
    }
    end(&f);
}

static void a_shorter_stretch_is_not_told(void **state)
{
    struct feeder f = begin(ACAP_FORMAT_S16, 1, 0);

    (void)state;
    for (int stretch = 0; stretch < 3; stretch++) {
        feed(&f, 5 * RATE_HZ - 2 * BUFFER_FRAMES, ALL_SILENT);
        feed(&f, 1, 0);
        let_the_watch_look(&f);
    }
    end(&f);
}

/* A loss in the middle does not make it any less silent. */
static void a_stretch_goes_on_through_a_gap_and_a_stop(void **state)
{
    struct feeder f = begin(ACAP_FORMAT_S16, 1, 0);

    (void)state;
    feed(&f, 3 * RATE_HZ, ALL_SILENT);
    assert_ok(acap_stream_push(f.stream, NULL, 100, 0));
    feed(&f, RATE_HZ, ALL_SILENT);
    assert_int_equal(next_but_stalls(&f).type, ACAP_EVENT_FRAMES_LOST);
    assert_ok(acap_stream_stop(f.stream));
    assert_ok(acap_stream_start(f.stream));
    feed(&f, 2 * RATE_HZ, ALL_SILENT);
    assert_int_equal(next_but_stalls(&f).type, ACAP_EVENT_SUSPECT_SILENCE);
    end(&f);
}

static void expect_every_bit_to_count(uint32_t format, uint32_t flags)
{
    struct feeder f = begin(format, 3, flags);
    const uint32_t buffer_bytes = BUFFER_FRAMES * 3 * acap_format_bytes(format);
    uint32_t silent = 0;

    for (uint32_t odd_byte = 0; odd_byte < buffer_bytes; odd_byte += 7) {
        feed(&f, BUFFER_FRAMES, odd_byte);
        assert_int_equal(f.flagged, silent);
        feed(&f, BUFFER_FRAMES, ALL_SILENT);
        assert_int_equal(f.flagged, ++silent);
    }
    feed(&f, BUFFER_FRAMES, buffer_bytes - 1);
    assert_int_equal(f.flagged, silent);
    end(&f);
}

/* Anywhere in a buffer, in every format and layout, on every channel. */
static void one_bit_is_no_silence(void **state)
{
    (void)state;
    for (uint32_t format = ACAP_FORMAT_S16; format <= ACAP_FORMAT_U8; format++)
        for (uint32_t flags = 0; flags <= ACAP_STREAM_PLANAR; flags += ACAP_STREAM_PLANAR)
            expect_every_bit_to_count(format, flags);
}

static void a_short_buffer_is_judged_by_what_it_holds(void **state)
{
    struct feeder f = begin(ACAP_FORMAT_S16, 2, 0);

    (void)state;
    feed(&f, BUFFER_FRAMES, 5); /* leaves something behind in the pool's memory */
    feed(&f, BUFFER_FRAMES, 4 * (BUFFER_FRAMES - 1));
    assert_int_equal(f.flagged, 0);
    feed(&f, 7, ALL_SILENT);
    assert_ok(acap_stream_stop(f.stream));
    take_all(&f);
    assert_int_equal(f.flagged, 1);
    assert_int_equal(f.seen.partials, 1);
    assert_ok(acap_stream_start(f.stream));
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_stretch_is_told_once),
        cmocka_unit_test(a_shorter_stretch_is_not_told),
        cmocka_unit_test(a_stretch_goes_on_through_a_gap_and_a_stop),
        cmocka_unit_test(one_bit_is_no_silence),
        cmocka_unit_test(a_short_buffer_is_judged_by_what_it_holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
