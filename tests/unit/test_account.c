/* SPDX-License-Identifier: MIT */
/* Owns: the proof that a reader's figures are one moment's, even when the callback that first knows the reader comes in the middle of
 * taking them: too rare to be met by chance.
 * Run by: CTest, in no time.
 * Runs on: the insides of the static library, one thread; needs the linker's --wrap=acap__ledger_read, where the callback is put. */
#include "ledger.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define FRAMES 50u

acap__figures __real_acap__ledger_read(const acap__ledger *ledger);
acap__figures __wrap_acap__ledger_read(const acap__ledger *ledger);

static acap_stream *pushed_in_between; /* NULL: nothing comes in between */

static void push_buffer(acap_stream *stream)
{
    const float frames[FRAMES] = {1.0f};

    assert_int_equal(acap_stream_push(stream, frames, FRAMES, 0), ACAP_OK);
}

acap__figures __wrap_acap__ledger_read(const acap__ledger *ledger)
{
    acap_stream *stream = pushed_in_between;

    pushed_in_between = NULL;
    if (stream != NULL)
        push_buffer(stream);
    return __real_acap__ledger_read(ledger);
}

static acap_reader_stats stats_of(const acap_reader *reader)
{
    acap_reader_stats stats = ACAP_READER_STATS_INIT;

    assert_int_equal(acap_reader_get_stats(reader, &stats), ACAP_OK);
    assert_int_equal(stats.start_position + stats.frames_delivered + stats.frames_lost + stats.frames_queued, stats.end_position);
    assert_int_equal(stats.frames_lost, stats.lost_stream + stats.lost_queue);
    return stats;
}

static void a_reader_starts_where_it_starts(void **state)
{
    acap_context_config config = ACAP_CONTEXT_CONFIG_INIT;
    acap_stream_config stream_config = ACAP_STREAM_CONFIG_INIT;
    acap_context *context = NULL;
    acap_stream *stream = NULL;
    acap_reader *reader = NULL;

    (void)state;
    config.backend = "push";
    stream_config.channel_count = 1;
    stream_config.frames_per_buffer = FRAMES;
    assert_int_equal(acap_context_create(&config, &context), ACAP_OK);
    assert_int_equal(acap_stream_open(context, &stream_config, &stream), ACAP_OK);
    assert_int_equal(acap_stream_start(stream), ACAP_OK);
    push_buffer(stream);
    push_buffer(stream);
    assert_int_equal(acap_reader_open(stream, NULL, &reader), ACAP_OK);
    assert_int_equal(stats_of(reader).start_position, 2 * FRAMES);
    pushed_in_between = stream; /* while the reader is still unknown to the producer */
    acap_reader_stats stats = stats_of(reader);
    assert_null(pushed_in_between);
    assert_int_equal(stats.start_position, 2 * FRAMES);
    assert_int_equal(stats.end_position, 3 * FRAMES);
    assert_int_equal(stats.frames_queued, FRAMES);
    pushed_in_between = stream; /* and when it is known */
    stats = stats_of(reader);
    assert_int_equal(stats.start_position, 2 * FRAMES);
    assert_int_equal(stats.frames_queued, 2 * FRAMES);
    acap_reader_close(reader);
    acap_stream_close(stream);
    acap_context_destroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_starts_where_it_starts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
