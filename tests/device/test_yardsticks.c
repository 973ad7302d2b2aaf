/* SPDX-License-Identifier: MIT */
/* Owns: the proof that the device tests' yardsticks bite: a tracker that sees every kind of damage, a conservation law that notices a
 * frame that nobody counted.
 * Run by: CTest; takes no time.
 * Runs on: buffers made by hand and a "push:" stream. */
#include "rig.h"

#include "counting.h"

#include <string.h>

#define FRAMES 100u
#define CHANNELS 2u

static unsigned char memory[FRAMES * CHANNELS * 4];

static acap_buffer make_buffer(uint32_t format, uint32_t counter)
{
    const uint32_t bytes = counting_bytes(format);

    for (uint32_t i = 0; i < FRAMES * CHANNELS; i++)
        counting_write(format, counter + i / CHANNELS, i % CHANNELS, memory + (size_t)i * bytes);
    return (acap_buffer){ .data = memory, .frame_count = FRAMES, .channel_count = CHANNELS, .format = format };
}

static void expect(const tracker *t, uint64_t good, uint64_t jumps, uint64_t silent, uint64_t corrupt)
{
    assert_int_equal(t->good_frames, good);
    assert_int_equal(t->jumps, jumps);
    assert_int_equal(t->silent_frames, silent);
    assert_int_equal(t->corrupt_frames, corrupt);
}

static void tracker_sees_damage_of(uint32_t format)
{
    const size_t frame_bytes = CHANNELS * (size_t)counting_bytes(format);
    acap_buffer buffer = make_buffer(format, 1);
    tracker t;

    tracker_begin_at(&t, 1);
    tracker_follow(&t, &buffer);
    expect(&t, FRAMES, 0, 0, 0);

    memmove(memory + 10 * frame_bytes, memory + 13 * frame_bytes, (FRAMES - 13) * frame_bytes); /* three frames lost */
    buffer.frame_count = FRAMES - 3;
    tracker_begin_at(&t, 1);
    tracker_follow(&t, &buffer);
    expect(&t, FRAMES - 3, 1, 0, 0);
    assert_int_equal(t.jumped_frames, 3);
    assert_int_equal(t.jumps_inside, 1);

    buffer = make_buffer(format, 1);
    memory[20 * frame_bytes + frame_bytes / CHANNELS] ^= 1; /* one bit of the second channel */
    tracker_begin_at(&t, 1);
    tracker_follow(&t, &buffer);
    expect(&t, FRAMES - 1, 0, 0, 1);

    buffer = make_buffer(format, 1);
    memset(memory + 30 * frame_bytes, format == ACAP_FORMAT_U8 ? 0x80 : 0, 5 * frame_bytes);
    tracker_begin_at(&t, 1);
    tracker_follow(&t, &buffer);
    expect(&t, FRAMES - 5, 0, 5, 0);

    buffer = make_buffer(format, 7); /* begins elsewhere */
    tracker_begin_at(&t, 1);
    tracker_follow(&t, &buffer);
    expect(&t, FRAMES, 1, 0, 0);
    assert_int_equal(t.jumps_inside, 0);
}

static void tracker_sees_damage(void **state)
{
    (void)state;
    for (uint32_t format = ACAP_FORMAT_S16; format <= ACAP_FORMAT_U8; format++)
        tracker_sees_damage_of(format);
}

/* The signal is that of acap.h, by the numbers. */
static void signal_is_as_documented(void **state)
{
    const float full_scale = -1.0f;
    uint32_t bits;

    (void)state;
    memcpy(&bits, &full_scale, sizeof bits);
    assert_int_equal(counting_sample_bits(ACAP_FORMAT_S16, 0x1ffff, 2), (0xffff + 2 * 0x1111) & 0xffff);
    assert_int_equal(counting_sample_bits(ACAP_FORMAT_S24, 0x1fffffe, 3), (0xfffffe + 3 * 0x010101) & 0xffffff);
    assert_int_equal(counting_sample_bits(ACAP_FORMAT_S32, 0x123456, 7), 0x12345607);
    assert_int_equal(counting_sample_bits(ACAP_FORMAT_F32, 0x1000000, 0), bits);
    assert_int_equal(counting_sample_bits(ACAP_FORMAT_U8, 0x1ff, 2), (0xff + 34) & 0xff);
}

typedef struct push_rig {
    acap_context *context;
    acap_stream *stream;
    acap_reader *reader;
} push_rig;

static push_rig begin_push(void)
{
    acap_stream_config config = rig_config("push:", ACAP_FORMAT_S16, CHANNELS, 48000);
    push_rig rig;

    config.frames_per_buffer = 48;
    assert_acap_ok(acap_context_create(NULL, &rig.context));
    assert_acap_ok(acap_stream_open(rig.context, &config, &rig.stream));
    assert_acap_ok(acap_reader_open(rig.stream, NULL, &rig.reader));
    assert_acap_ok(acap_stream_start(rig.stream));
    return rig;
}

/* 200 frames, of which 60 in the middle are lost: buffers of 48, 48, 4 (PARTIAL), 40 (PARTIAL, at the stop). */
static void push_with_a_loss(const push_rig *rig)
{
    const acap_buffer buffer = make_buffer(ACAP_FORMAT_S16, 0);

    assert_acap_ok(acap_stream_push(rig->stream, buffer.data, 100, 0));
    assert_acap_ok(acap_stream_push(rig->stream, NULL, 60, 0));
    assert_acap_ok(acap_stream_push(rig->stream, buffer.data, 40, 0));
    assert_acap_ok(acap_stream_stop(rig->stream));
}

static void end_push(const push_rig *rig)
{
    acap_reader_close(rig->reader);
    acap_stream_close(rig->stream);
    acap_context_destroy(rig->context);
}

/* skipped: the buffer that the consumer forgets to account for. */
static const char *drain_but(const push_rig *rig, int skipped, conservation *seen)
{
    const acap_buffer *buffer;

    conservation_begin(seen, rig->reader);
    for (int i = 0; acap_reader_borrow(rig->reader, 0, &buffer) == ACAP_OK; i++) {
        if (i != skipped)
            conservation_add(seen, buffer);
        acap_buffer_release(buffer);
    }
    return conservation_at_rest(seen, rig->stream, rig->reader);
}

static void conservation_holds_through_a_loss(void **state)
{
    const push_rig rig = begin_push();
    conservation seen;

    (void)state;
    push_with_a_loss(&rig);
    assert_conserved(drain_but(&rig, -1, &seen));
    assert_int_equal(seen.buffers, 4);
    assert_int_equal(seen.frames, 140);
    assert_int_equal(seen.gap_frames, 60);
    assert_int_equal(seen.partials, 2);
    end_push(&rig);
}

static void conservation_notices_what_is_forgotten(void **state)
{
    (void)state;
    for (int skipped = 0; skipped < 4; skipped++) {
        const push_rig rig = begin_push();
        conservation seen;
        push_with_a_loss(&rig);
        assert_non_null(drain_but(&rig, skipped, &seen));
        end_push(&rig);
    }
}

static void conservation_notices_contradictions(void **state)
{
    acap_buffer buffer = make_buffer(ACAP_FORMAT_S16, 0);
    conservation seen = { 0 };

    (void)state;
    conservation_add(&seen, &buffer);
    assert_int_equal(seen.contradictions, 0);
    conservation_add(&seen, &buffer); /* the same position again */
    assert_int_equal(seen.contradictions, 1);
    buffer.position = 2 * FRAMES;
    buffer.flags = ACAP_BUFFER_GAP; /* which has no lost_before */
    conservation_add(&seen, &buffer);
    assert_int_equal(seen.contradictions, 2);
    buffer.position = 3 * FRAMES;
    buffer.lost_before = 1; /* without a gap in the positions */
    conservation_add(&seen, &buffer);
    assert_int_equal(seen.contradictions, 3);
}

int main(int argument_count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signal_is_as_documented),
        cmocka_unit_test(tracker_sees_damage),
        cmocka_unit_test(conservation_holds_through_a_loss),
        cmocka_unit_test(conservation_notices_what_is_forgotten),
        cmocka_unit_test(conservation_notices_contradictions),
    };

    return rig_main(argument_count, arguments, "yardsticks", tests, sizeof tests / sizeof tests[0]);
}
