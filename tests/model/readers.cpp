/* SPDX-License-Identifier: MIT */
/* Owns: what is claimed of readers that come and go under the audio thread, of the past they are given, of their account
 * (stream_readers.c, ingest_rt.c, feed_rt.c, reader.c).
 * Called by: main.cpp. */
#include "stage.h"

namespace
{

/* Two readers are closed while the audio thread may be filling them. The second close frees what the first had to leave. */
struct closed : rl::test_suite<closed, 2> {
    model::stage stage;
    acap_reader *readers[2];

    void before()
    {
        stage.make();
        for (acap_reader *&reader : readers)
            reader = stage.open(1, 1, ACAP_OVERFLOW_DROP_OLDEST);
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            (void)stage.deliver(1);
            (void)stage.deliver(1);
        } else {
            for (acap_reader *reader : readers)
                acap_reader_close(reader);
        }
    }
    void after()
    {
        stage.end();
    }
};

const model::add_property<closed> close_property("reader-close", "a closed reader is freed once, and not touched after", 3);

/* A reader is closed and another one comes in its place, under one passage. */
struct replaced : rl::test_suite<replaced, 2> {
    model::stage stage;
    acap_reader *reader;

    void before()
    {
        stage.make();
        reader = stage.open(1, 1, ACAP_OVERFLOW_DROP_OLDEST);
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            (void)stage.deliver(1);
        } else {
            acap_reader_close(reader);
            reader = stage.open(1, 1, ACAP_OVERFLOW_DROP_OLDEST);
            RL_ASSERT(reader->slot == 0);
        }
    }
    void after()
    {
        stage.end(reader);
    }
};

const model::add_property<replaced> replace_property("reader-replace", "a reader in the place of a closed one is seen whole, or not", 3);

/* A reader appears under the audio thread: from its first buffer on it gets every one, and its account says so. */
struct opened : rl::test_suite<opened, 2> {
    model::stage stage;
    acap_reader *reader;

    void before()
    {
        stage.make();
        (void)stage.deliver(1);
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            (void)stage.deliver(1);
            (void)stage.deliver(1);
        } else {
            reader = stage.open(2, 1, ACAP_OVERFLOW_DROP_NEWEST);
            (void)stage.consume(reader, 0);
        }
    }
    void after()
    {
        acap_reader_stats stats = ACAP_READER_STATS_INIT;

        (void)stage.drain(reader);
        RL_ASSERT(stage.gap_frames == 0);
        (void)acap_reader_get_stats(reader, &stats);
        RL_ASSERT(stats.end_position == 3 && stats.frames_lost == 0 && stats.frames_queued == 0);
        RL_ASSERT(stats.start_position + stats.frames_delivered == 3 && stats.frames_delivered == stats.buffers_delivered);
        stage.end(reader);
    }
};

const model::add_property<opened> open_property("reader-open", "a new reader misses nothing from where it says it began", 3);

/* It asks for its account at once. */
struct asked : rl::test_suite<asked, 2> {
    model::stage stage;
    acap_reader *reader;

    void before()
    {
        stage.make();
        (void)stage.deliver(1);
    }
    void thread(unsigned index)
    {
        acap_reader_stats stats = ACAP_READER_STATS_INIT;

        if (index == 0) {
            (void)stage.deliver(1);
            return;
        }
        reader = stage.open(2, 1, ACAP_OVERFLOW_DROP_NEWEST);
        (void)acap_reader_get_stats(reader, &stats);
        RL_ASSERT(stats.start_position >= 1 && stats.end_position <= 2);
        RL_ASSERT(stats.start_position + stats.frames_queued == stats.end_position);
    }
    void after()
    {
        stage.end(reader);
    }
};

const model::add_property<asked> ask_property("reader-ask", "its account begins where it began, however early it asks", 1);

/* A reader is given of the past, under a producer that goes round its history meanwhile, and through its queue. */
template <uint32_t Capacity, uint32_t Delivered, bool Waits> struct with_past : rl::test_suite<with_past<Capacity, Delivered, Waits>, 2> {
    static const uint64_t all = 1 + Delivered;
    model::stage stage;
    acap_reader *reader;

    void before()
    {
        stage.make(Capacity);
        (void)stage.deliver(1);
        model::clock_step_ns = Waits ? 0 : ACAP__NS_PER_S;
    }
    void thread(unsigned index)
    {
        if (index == 0)
            (void)stage.deliver(Delivered);
        else
            reader = stage.open(Capacity, 1, ACAP_OVERFLOW_DROP_NEWEST, Capacity);
    }
    void after()
    {
        acap_reader_stats stats = ACAP_READER_STATS_INIT;
        const uint32_t frame_count = stage.drain(reader);

        /* No buffer comes twice: borrow checks that positions only rise. What is missing behind the past is in the account. */
        (void)acap_reader_get_stats(reader, &stats);
        const uint64_t missing = stage.gap_frames + (stage.has_begun ? all - stage.next_position : 0);
        RL_ASSERT(stats.frames_delivered == frame_count && stats.frames_queued == 0 && stats.end_position == all);
        RL_ASSERT(stats.start_position + stats.frames_delivered + stats.frames_lost == stats.end_position);
        RL_ASSERT(!stage.has_begun || stats.frames_lost == missing);
        if (Waits)
            RL_ASSERT(stats.frames_lost == stats.lost_queue);
        /* The first buffer has never left the history. */
        if (Waits && Delivered < Capacity)
            RL_ASSERT(stats.start_position == 0 && stats.frames_delivered == all);
        stage.end(reader);
    }
};

const model::add_property<with_past<2, 2, true> > past_property("reader-past",
    "past and present of a new reader join without gap or double", 3);
const model::add_property<with_past<2, 1, true> > whole_property("reader-past-whole", "what the history has is given", 3);
const model::add_property<with_past<1, 4, true> > short_property("reader-past-short", "the same when the producer overtakes the opener", 2);
const model::add_property<with_past<2, 2, false> > late_property("reader-past-late",
    "the same, but for counted gaps, when the passage is not waited for",
                                                                 3);

/* Anybody asks for the account while a buffer comes, one is dropped where the queue is full, and one is taken. Random scheduling would
 * hardly ever let the consumer find the buffer and the asker both: so they wait now and then, on what is no word of the model and orders
 * nothing. */
template <uint32_t Overflow, bool IsFull> struct accounted : rl::test_suite<accounted<Overflow, IsFull>, 3> {
    static const uint64_t all = IsFull ? 2 : 1;
    model::stage stage;
    acap_reader *reader;
    bool is_done[3];

    void before()
    {
        stage.make();
        reader = stage.open(1, 1, Overflow);
        if (IsFull)
            (void)stage.deliver(1);
        memset(is_done, 0, sizeof is_done);
    }
    void thread(unsigned index)
    {
        const bool waits = index != 0 && rl::rand(2) != 0;

        while (waits && !is_done[index - 1])
            rl::yield(1, $);
        if (index == 0)
            (void)stage.deliver(1);
        else if (index == 1)
            (void)stage.consume(reader, 0);
        else
            ask();
        is_done[index] = true;
    }
    void ask()
    {
        acap_reader_stats stats = ACAP_READER_STATS_INIT;

        (void)acap_reader_get_stats(reader, &stats);
        RL_ASSERT(stats.end_position <= all && stats.frames_queued <= all && stats.lost_queue <= all && stats.lost_stream == 0);
        RL_ASSERT(stats.start_position + stats.frames_delivered + stats.frames_lost + stats.frames_queued == stats.end_position);
    }
    void after()
    {
        acap_reader_stats stats = ACAP_READER_STATS_INIT;

        (void)stage.drain(reader);
        (void)acap_reader_get_stats(reader, &stats);
        RL_ASSERT(stats.end_position == all && stats.frames_delivered + stats.lost_queue == all && stats.frames_queued == 0);
        stage.end(reader);
    }
};

const model::add_property<accounted<ACAP_OVERFLOW_DROP_OLDEST, false> > taken("reader-account-taken",
                                                                              "the account never shows more out than came in", 0);
const model::add_property<accounted<ACAP_OVERFLOW_DROP_OLDEST, true> > oldest("reader-account-oldest",
    "the same when the oldest is dropped", 0);
const model::add_property<accounted<ACAP_OVERFLOW_DROP_NEWEST, true> > newest("reader-account-newest",
    "the same when the newest is dropped", 0);

/* A buffer is given back when everything else has been closed, or is just being closed. */
struct kept : rl::test_suite<kept, 2> {
    model::stage stage;
    acap_reader *reader;
    const acap_buffer *buffer;

    void before()
    {
        stage.make();
        reader = stage.open(1, 1, ACAP_OVERFLOW_DROP_OLDEST);
        (void)stage.deliver(1);
        buffer = stage.borrow(reader, 0);
        (void)stage.deliver(1);
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            model::look(stage.pool, acap__header_of(buffer));
            acap_buffer_release(buffer);
        } else {
            acap_reader_close(reader);
            acap_stream_close(stage.stream);
        }
    }
    void after()
    {
        stage.check_all_gone();
    }
};

const model::add_property<kept> kept_property("reader-late-release", "a buffer may outlive its reader and stream; then the pool goes, "
    "once", 4);

/* Who is told that nobody else has the buffer may write into it. */
struct written : rl::test_suite<written, 2> {
    model::stage stage;
    acap_reader *reader;
    const acap_buffer *buffer;

    void before()
    {
        stage.make();
        reader = stage.open(1, 1, ACAP_OVERFLOW_DROP_OLDEST);
        (void)stage.deliver(1);
        buffer = stage.borrow(reader, 0);
        RL_ASSERT(acap_buffer_retain(buffer) == buffer);
    }
    void thread(unsigned index)
    {
        if (index == 0)
            model::look(stage.pool, acap__header_of(buffer));
        else if (acap_buffer_writable_data(buffer) != NULL)
            stage.pool->data_of(acap__header_of(buffer))($) = 2;
        acap_buffer_release(buffer);
    }
    void after()
    {
        stage.end(reader);
    }
};

const model::add_property<written> written_property("buffer-writable", "whoever may write is alone with the buffer", 4);

}
