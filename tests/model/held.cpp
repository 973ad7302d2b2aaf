/* SPDX-License-Identifier: MIT */
/* Owns: what is claimed of the count of buffers that consumers hold when a stream is closed (stream_held.c, pool_rt.c).
 * Called by: main.cpp. */
#include "stage.h"

namespace
{

uint32_t count(acap_stream *stream)
{
    acap__held held;

    acap__mutex_lock(&stream->lock);
    RL_ASSERT(acap__stream_count_held(stream, &held));
    acap__mutex_unlock(&stream->lock);
    return held.buffers;
}

/* A consumer that never has more than one buffer drains its queue meanwhile; another reader has all of them queued. */
struct drained : rl::test_suite<drained, 2> {
    model::stage stage;
    acap_reader *readers[2];

    void before()
    {
        stage.make();
        for (acap_reader *&reader : readers)
            reader = stage.open(2, 1, ACAP_OVERFLOW_DROP_OLDEST);
        (void)stage.deliver(2);
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            RL_ASSERT(stage.drain(readers[0]) == 2);
            return;
        }
        RL_ASSERT(count(stage.stream) <= 1);
    }
    void after()
    {
        RL_ASSERT(count(stage.stream) == 0);
        acap_reader_close(readers[1]);
        stage.end(readers[0]);
    }
};

const model::add_property<drained> drain_property("held-drained", "no more are found held than were at once", 2);

/* The buffer that is held is drained from another reader's queue meanwhile. */
struct kept : rl::test_suite<kept, 2> {
    model::stage stage;
    acap_reader *readers[2];
    const acap_buffer *buffer;

    void before()
    {
        stage.make();
        for (acap_reader *&reader : readers)
            reader = stage.open(2, 1, ACAP_OVERFLOW_DROP_OLDEST);
        (void)stage.deliver(1);
        buffer = stage.borrow(readers[0], 0);
        stage.has_begun = false;
    }
    void thread(unsigned index)
    {
        if (index == 0)
            RL_ASSERT(stage.drain(readers[1]) == 1);
        else
            RL_ASSERT(count(stage.stream) == 1);
    }
    void after()
    {
        acap_buffer_release(buffer);
        acap_reader_close(readers[1]);
        stage.end(readers[0]);
    }
};

const model::add_property<kept> keep_property("held-kept", "what is held all the while is found, whoever else had it queued", 3);

/* The producer was not to be shut out: it goes through the queue and the history meanwhile. */
struct stuck : rl::test_suite<stuck, 2> {
    model::stage stage;
    acap_reader *reader;

    void before()
    {
        stage.make(1);
        reader = stage.open(1, 1, ACAP_OVERFLOW_DROP_OLDEST);
        (void)stage.deliver(1);
    }
    void thread(unsigned index)
    {
        if (index == 0)
            (void)stage.deliver(2);
        else
            RL_ASSERT(count(stage.stream) <= model::buffers_max);
    }
    void after()
    {
        RL_ASSERT(count(stage.stream) == 0);
        (void)stage.drain(reader);
        acap_reader_close(reader);
        stage.end();
    }
};

const model::add_property<stuck> stay_property("held-stuck", "nothing worse than a wrong figure comes of a producer inside", 0);

/* The last of what is held comes back while it is counted and everything is closed. */
struct released : rl::test_suite<released, 2> {
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
            acap_buffer_release(buffer);
            return;
        }
        acap_reader_close(reader);
        RL_ASSERT(count(stage.stream) <= 1);
        acap_stream_close(stage.stream);
    }
    void after()
    {
        stage.check_all_gone();
    }
};

const model::add_property<released> release_property("held-released", "the count touches no pool that is gone", 3);

/* The stream's buffer goes back meanwhile and is taken by somebody else, who shares it. */
struct passed_on : rl::test_suite<passed_on, 2> {
    model::stage stage;
    acap_reader *reader;
    const acap_buffer *buffer;
    acap__header *taken;

    void before()
    {
        stage.make();
        reader = stage.open(1, 1, ACAP_OVERFLOW_DROP_OLDEST);
        (void)stage.deliver(1);
        buffer = stage.borrow(reader, 0);
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            acap_buffer_release(buffer);
            taken = model::take(stage.pool);
            RL_ASSERT(&taken->buffer == buffer);
            acap__header_share(taken, 1);
            return;
        }
        uint32_t references[model::buffers_max];
        acap__pool_references(stage.pool, stage.stream->info.stream_id, references, model::buffers_max);
        RL_ASSERT(references[0] <= 1);
    }
    void after()
    {
        (void)model::release(taken);
        (void)model::release(taken);
        stage.end(reader);
    }
};

const model::add_property<passed_on> pass_property("held-passed-on", "what somebody else has taken meanwhile is not the stream's", 4);

}
