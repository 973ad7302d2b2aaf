/* SPDX-License-Identifier: MIT */
/* Owns: many at once on real capture: two streams, sixteen readers that come and go, buffers that outlive everything.
 * Run by: CTest, in real time.
 * Runs on: the real libportaudio and libasound over virtual cards; public API only. */
#include "rig.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READERS 16
#define ROUNDS 4
#define HELD 20

static const char cards[] = "pcm.card_one { type acapcard }\n"
                            "pcm.card_two { type acapcard start 500000 }\n"
                            "pcm.!default { type acapcard }\n";

static void two_streams_at_once(void **state)
{
    const acap_stream_config first_config = rig_config("card_one", ACAP_FORMAT_S16, 2, 48000);
    const acap_stream_config second_config = rig_config("card_two", ACAP_FORMAT_F32, 8, 44100);
    capture first;
    capture second;

    (void)state;
    rig_use_cards(cards);
    capture_begin(&first, &first_config);
    capture_begin(&second, &second_config);
    tracker_begin_at(&second.signal, 500000);
    assert_true(first.info.stream_id != second.info.stream_id);
    for (uint64_t part = 1; part <= 5; part++) {
        capture_until(&first, part * 4800);
        capture_until(&second, part * 4410);
    }
    assert_int_equal(first.signal.good_frames, first.seen.frames);
    assert_int_equal(second.signal.good_frames, second.seen.frames);
    assert_int_equal(first.seen.gap_frames + second.seen.gap_frames, 0);
    capture_finish(&first); /* the other goes on */
    capture_until(&second, second.seen.frames + 4410);
    assert_int_equal(second.signal.good_frames, second.seen.frames);
    capture_finish(&second);
}

/* A reader on a thread of its own. cmocka's assertions belong to the main thread: a failure is a text. */
typedef struct guest {
    acap_stream *stream;
    unsigned number;
    unsigned buffers_seen;
    char failure[256];
} guest;

static void fail_guest(guest *g, const char *why)
{
    if (g->failure[0] == '\0')
        snprintf(g->failure, sizeof g->failure, "reader %u: %s", g->number, why);
}

/* One consumer's view. */
typedef struct view {
    acap_reader *reader;
    conservation seen;
    tracker signal;
} view;

static acap_result borrow_and_follow(view *v)
{
    const acap_buffer *buffer;
    const acap_result result = acap_reader_borrow(v->reader, NS_PER_S, &buffer);

    if (result == ACAP_OK) {
        conservation_add(&v->seen, buffer);
        tracker_follow(&v->signal, buffer);
        acap_buffer_release(buffer);
    }
    return result;
}

static void judge(guest *g, const view *v)
{
    const char *broken = conservation_at_rest(&v->seen, NULL, v->reader);

    if (broken != NULL)
        fail_guest(g, broken);
    if (v->signal.good_frames != v->seen.frames || v->signal.jumps != 0)
        fail_guest(g, "the signal is not whole");
    if (v->seen.gap_frames != 0 || v->seen.partials != 0)
        fail_guest(g, "lost or cut, though it was in time");
    g->buffers_seen += (unsigned)v->seen.buffers;
}

/* Opens, reads a few buffers, ends the reader while the stream runs, drains it and closes it. */
static void visit(guest *g, unsigned buffer_count)
{
    view v = { 0 };

    if (acap_reader_open(g->stream, NULL, &v.reader) != ACAP_OK) {
        fail_guest(g, acap_last_error());
        return;
    }
    conservation_begin(&v.seen, v.reader);
    tracker_begin_anywhere(&v.signal);
    for (unsigned i = 0; i < buffer_count; i++) {
        if (borrow_and_follow(&v) != ACAP_OK)
            fail_guest(g, "nothing came for a second");
    }
    acap_reader_end(v.reader);
    acap_result result;
    while ((result = borrow_and_follow(&v)) == ACAP_OK)
        continue;
    if (result != ACAP_END)
        fail_guest(g, "not ended");
    judge(g, &v);
    acap_reader_close(v.reader);
}

static void *run_guest(void *argument)
{
    guest *g = argument;

    for (unsigned round = 0; round < ROUNDS && g->failure[0] == '\0'; round++)
        visit(g, 5 + (g->number * 3 + round * 7) % 20);
    return NULL;
}

static void run_guests(acap_stream *stream, guest guests[READERS])
{
    pthread_t threads[READERS];

    for (unsigned i = 0; i < READERS; i++) {
        guests[i] = (guest){ .stream = stream, .number = i };
        assert_int_equal(pthread_create(&threads[i], NULL, run_guest, &guests[i]), 0);
    }
    for (unsigned i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
}

static void assert_guests_content(const guest guests[READERS])
{
    for (unsigned i = 0; i < READERS; i++) {
        assert_string_equal(guests[i].failure, "");
        assert_true(guests[i].buffers_seen >= ROUNDS * 5);
    }
}

/* Nobody took what was meant for this one: it lost, alone, and every lost frame is counted. */
static void assert_sleeper_lost(acap_stream *stream, acap_reader *sleeper, uint32_t queue_buffers)
{
    acap_reader_stats stats = ACAP_READER_STATS_INIT;
    view v = { .reader = sleeper };

    assert_acap_ok(acap_reader_get_stats(sleeper, &stats));
    assert_int_equal(stats.queued_buffers, queue_buffers);
    assert_int_equal(stats.lost_stream, 0);
    assert_int_equal(stats.lost_queue, stats.end_position - stats.start_position - stats.frames_queued);
    assert_true(stats.lost_queue > 10 * stats.frames_queued);
    conservation_begin(&v.seen, sleeper);
    while (borrow_and_follow(&v) == ACAP_OK)
        continue;
    assert_int_equal(v.seen.buffers, queue_buffers);
    assert_int_equal(v.signal.good_frames, v.seen.frames);
    assert_conserved(conservation_at_rest(&v.seen, stream, sleeper));
}

static void sixteen_readers_come_and_go(void **state)
{
    const acap_stream_config config = rig_config("card_one", ACAP_FORMAT_F32, 2, 48000);
    const acap_reader_config small = { .struct_size = sizeof small, .queue_buffers = 4 };
    const acap_reader_config large = { .struct_size = sizeof large, .queue_buffers = 1000 };
    guest guests[READERS];
    acap_reader *sleeper;
    capture c;

    (void)state;
    rig_use_cards(cards);
    capture_begin_with(&c, &config, &large);
    assert_acap_ok(acap_reader_open(c.stream, &small, &sleeper));
    run_guests(c.stream, guests);
    assert_guests_content(guests);
    assert_acap_ok(acap_stream_stop(c.stream));
    assert_sleeper_lost(c.stream, sleeper, small.queue_buffers);
    acap_reader_close(sleeper);
    capture_drain(&c, ACAP_END);
    assert_int_equal(c.signal.good_frames, c.seen.frames);
    assert_int_equal(c.seen.gap_frames, 0);
    capture_finish(&c);
}

/* What was borrowed stays as it was while its parents go one after the other. */
static void buffers_outlive_everything(void **state)
{
    const acap_stream_config config = rig_config("card_one", ACAP_FORMAT_S16, 2, 48000);
    const acap_buffer *held[HELD];
    unsigned char *copies[HELD];
    tracker signal;
    capture c;

    (void)state;
    rig_use_cards(cards);
    capture_begin(&c, &config);
    for (int i = 0; i < HELD; i++) {
        assert_acap_ok(acap_reader_borrow(c.reader, NS_PER_S, &held[i]));
        copies[i] = malloc(held[i]->size_bytes);
        memcpy(copies[i], held[i]->data, held[i]->size_bytes);
    }
    acap_reader_close(c.reader);
    rig_sleep_ms(100); /* the stream goes on filling its pool */
    acap_stream_close(c.stream);
    acap_context_destroy(c.context);
    tracker_begin_at(&signal, 1);
    for (int i = 0; i < HELD; i++) {
        assert_memory_equal(held[i]->data, copies[i], held[i]->size_bytes);
        assert_int_equal(acap_buffer_reference_count(held[i]), 1);
        tracker_follow(&signal, held[i]);
        acap_buffer_release(held[i]);
        free(copies[i]);
    }
    assert_int_equal(signal.good_frames, HELD * 480);
}

int main(int argument_count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_streams_at_once),
        cmocka_unit_test(sixteen_readers_come_and_go),
        cmocka_unit_test(buffers_outlive_everything),
    };

    return rig_main(argument_count, arguments, "card_many", tests, sizeof tests / sizeof tests[0]);
}
