/* SPDX-License-Identifier: MIT */
/* Owns: the proof that real capture is exact: what a card makes comes out bit for bit, in order, at the position where it belongs.
 * Run by: CTest, in real time; each case takes about a second.
 * Runs on: the real libportaudio and libasound over the virtual card; public API only. */
#include "rig.h"

#include "counting.h"

#define TIME_SLACK_NS (100 * NS_PER_MS)

static const char cards[] = "pcm.card_mmap { type acapcard }\n"
                            "pcm.card_rw { type acapcard access rw }\n"
                            "pcm.card_planar { type acapcard access planar }\n"
                            "pcm.card_s16 { type acapcard formats S16_LE }\n"
                            "pcm.card_s24 { type acapcard formats S24_3LE }\n"
                            "pcm.!default { type acapcard }\n";

typedef struct exact_case {
    const char *device;
    const char *format;
    uint32_t channel_count;
    uint32_t sample_rate_hz;
    uint32_t flags;
    uint32_t frames_per_buffer;
} exact_case;

/* Every frame from the very first on, and nothing else. */
static void assert_exact(const capture *c, uint64_t frame_count)
{
    const acap_stream_stats stats = rig_stream_stats(c->stream);

    assert_int_equal(c->signal.good_frames, frame_count);
    assert_int_equal(c->signal.jumps + c->signal.silent_frames + c->signal.corrupt_frames, 0);
    assert_int_equal(c->seen.gap_frames + c->seen.partials + c->seen.overflow_flags, 0);
    assert_int_equal(stats.frames_lost + stats.host_overflows, 0);
    assert_int_equal(stats.state, ACAP_STATE_RUNNING);
    assert_true(stats.callbacks > 0 && stats.callback_ns_max > 0);
}

/* The times tell how long it took, within what a period and a busy machine may hide. */
static void assert_times(const capture *c)
{
    const int64_t frame_count = (int64_t)(c->seen.frames - c->info.frames_per_buffer); /* between the first frames of both */
    const int64_t nominal_ns = frame_count * NS_PER_S / c->info.sample_rate_hz;
    const int64_t error_ns = c->last_time_ns - c->first_time_ns - nominal_ns;

    if (error_ns < -TIME_SLACK_NS || error_ns > TIME_SLACK_NS)
        fail_msg("times are off by %d us", (int)(error_ns / 1000));
    assert_true(acap_clock_ns() - c->last_time_ns < NS_PER_S);
}

static void captures_exactly(void **state)
{
    const exact_case *e = *state;
    const uint64_t frame_count = e->sample_rate_hz; /* one second */
    acap_stream_config config = rig_config(e->device, counting_format_of(e->format), e->channel_count, e->sample_rate_hz);
    capture c;

    config.flags = e->flags;
    config.frames_per_buffer = e->frames_per_buffer;
    rig_use_cards(cards);
    capture_begin(&c, &config);
    capture_until(&c, frame_count);
    assert_exact(&c, c.seen.frames);
    assert_times(&c);
    assert_true(c.seen.frames < frame_count + c.info.frames_per_buffer);
    assert_true(rig_frames_produced(e->device) >= c.seen.frames);
    capture_finish(&c);
}

/* After a stop the card is opened anew and begins again; positions and readers go on. */
static void goes_on_after_a_stop(void **state)
{
    const acap_stream_config config = rig_config("card_mmap", ACAP_FORMAT_S16, 2, 48000);
    capture c;

    (void)state;
    rig_use_cards(cards);
    capture_begin(&c, &config);
    for (int part = 0; part < 3; part++) {
        const uint64_t before = c.seen.frames;
        capture_until(&c, before + 4800);
        assert_acap_ok(acap_stream_stop(c.stream));
        assert_acap_ok(acap_stream_stop(c.stream));
        capture_drain(&c, ACAP_END);
        assert_conserved(conservation_at_rest(&c.seen, c.stream, c.reader));
        assert_int_equal(c.signal.good_frames, c.seen.frames - before);
        tracker_begin_at(&c.signal, 1);
        assert_acap_ok(acap_stream_start(c.stream));
        assert_acap_ok(acap_stream_start(c.stream));
    }
    assert_int_equal(rig_stream_stats(c.stream).frames_lost, 0);
    capture_finish(&c);
}

/* A card that has one integer format only: the wanted float of each sample is exact. */
static void assert_floats_of(const acap_buffer *buffer, uint32_t format, uint32_t counter)
{
    const uint32_t bits = 8 * counting_bytes(format);
    const float *samples = buffer->data;

    for (uint32_t i = 0; i < buffer->frame_count * buffer->channel_count; i++) {
        const uint32_t raw = counting_sample_bits(format, counter + i / buffer->channel_count, i % buffer->channel_count);
        const int32_t value = (int32_t)(raw << (32 - bits));
        assert_true(samples[i] == (float)value / 2147483648.0f);
    }
}

static void converts_exactly(void **state)
{
    const exact_case *e = *state;
    const acap_stream_config config = rig_config(e->device, ACAP_FORMAT_F32, e->channel_count, e->sample_rate_hz);
    const acap_buffer *buffer;
    capture c;

    rig_use_cards(cards);
    capture_begin(&c, &config);
    for (int i = 0; i < 30; i++) {
        assert_acap_ok(acap_reader_borrow(c.reader, NS_PER_S, &buffer));
        assert_floats_of(buffer, counting_format_of(e->format), (uint32_t)buffer->position + 1);
        conservation_add(&c.seen, buffer);
        acap_buffer_release(buffer);
    }
    assert_int_equal(c.seen.frames, 30 * e->sample_rate_hz / 100);
    assert_int_equal(c.seen.gap_frames, 0);
    capture_finish(&c);
}

static exact_case s16_2_44100 = { "card_mmap", "s16", 2, 44100, 0, 0 };
static exact_case s16_2_48000 = { "card_mmap", "s16", 2, 48000, 0, 0 };
static exact_case s16_2_96000 = { "card_mmap", "s16", 2, 96000, 0, 0 };
static exact_case s16_8_44100 = { "card_mmap", "s16", 8, 44100, 0, 0 };
static exact_case s16_8_48000 = { "card_mmap", "s16", 8, 48000, 0, 1000 };
static exact_case s16_8_96000 = { "card_mmap", "s16", 8, 96000, 0, 0 };
static exact_case f32_2_44100 = { "card_mmap", "f32", 2, 44100, 0, 333 };
static exact_case f32_2_48000 = { "card_mmap", "f32", 2, 48000, 0, 0 };
static exact_case f32_2_96000 = { "card_mmap", "f32", 2, 96000, 0, 0 };
static exact_case f32_8_44100 = { "card_mmap", "f32", 8, 44100, 0, 0 };
static exact_case f32_8_48000 = { "card_mmap", "f32", 8, 48000, 0, 0 };
static exact_case f32_8_96000 = { "card_mmap", "f32", 8, 96000, 0, 0 };
static exact_case f32_8_192000 = { "card_mmap", "f32", 8, 192000, 0, 0 };
static exact_case s24_2_48000 = { "card_mmap", "s24", 2, 48000, 0, 0 };
static exact_case s32_2_48000 = { "card_mmap", "s32", 2, 48000, 0, 0 };
static exact_case u8_2_48000 = { "card_mmap", "u8", 2, 48000, 0, 0 };
static exact_case f32_2_planar = { "card_mmap", "f32", 2, 48000, ACAP_STREAM_PLANAR, 0 };
static exact_case s16_1_mono = { "card_mmap", "s16", 1, 48000, 0, 64 };
static exact_case read_write = { "card_rw", "s16", 2, 48000, 0, 0 };
static exact_case planar_card = { "card_planar", "s16", 2, 48000, 0, 0 };
static exact_case s16_to_f32 = { "card_s16", "s16", 2, 48000, 0, 0 };
static exact_case s24_to_f32 = { "card_s24", "s24", 8, 48000, 0, 0 };

#define EXACT(name) { #name, captures_exactly, NULL, NULL, &name }
#define CONVERTED(name) { #name, converts_exactly, NULL, NULL, &name }

int main(int argument_count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        EXACT(s16_2_44100), EXACT(s16_2_48000),  EXACT(s16_2_96000), EXACT(s16_8_44100),  EXACT(s16_8_48000),
        EXACT(s16_8_96000), EXACT(f32_2_44100),  EXACT(f32_2_48000), EXACT(f32_2_96000),  EXACT(f32_8_44100),
        EXACT(f32_8_48000), EXACT(f32_8_96000),  EXACT(f32_8_192000), EXACT(s24_2_48000), EXACT(s32_2_48000),
        EXACT(u8_2_48000),  EXACT(f32_2_planar), EXACT(s16_1_mono),  EXACT(read_write),   EXACT(planar_card),
        CONVERTED(s16_to_f32), CONVERTED(s24_to_f32), cmocka_unit_test(goes_on_after_a_stop),
    };

    return rig_main(argument_count, arguments, "card_exact", tests, sizeof tests / sizeof tests[0]);
}
