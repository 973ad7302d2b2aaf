/* SPDX-License-Identifier: MIT */
/* Owns: what is claimed of sleeping and waking (wake_rt.c, reader.c, ingest_rt.c, outlet.h): a wake that is lost is a deadlock here.
 * Called by: main.cpp. */
#include "stage.h"

namespace
{

/* What the properties have in common: one reader with a queue of two. */
struct with_reader {
    model::stage stage;
    acap_reader *reader;

    void make(uint32_t wake_buffers)
    {
        stage.make();
        reader = stage.open(2, wake_buffers, ACAP_OVERFLOW_DROP_OLDEST);
    }
    void end()
    {
        stage.end(reader);
    }
    void expect(acap_result result)
    {
        (void)stage.consume(reader, ACAP_WAIT_FOREVER);
        RL_ASSERT(stage.last_result == result);
    }
};

/* The consumer may sleep, and the buffers come: as many as it wants to be woken for. */
template <uint32_t Threshold> struct woken_by_data : rl::test_suite<woken_by_data<Threshold>, 2>, with_reader {
    void before()
    {
        make(Threshold);
    }
    void thread(unsigned index)
    {
        if (index == 1) {
            expect(ACAP_OK);
            return;
        }
        for (uint32_t i = 0; i < Threshold; i++)
            RL_ASSERT(stage.deliver(1));
    }
    void after()
    {
        end();
    }
};

const model::add_property<woken_by_data<1> > one("wake-data-1", "a sleeper is woken by a buffer", 3);
const model::add_property<woken_by_data<2> > two("wake-data-2", "a sleeper that wants two is woken by the second", 3);

/* One delivery wakes two sleepers, behind one fence. */
struct two_woken : rl::test_suite<two_woken, 3> {
    model::stage stages; /* its second reader has no borrow of the stage's: positions are of one reader */
    acap_reader *readers[2];

    void before()
    {
        stages.make();
        for (acap_reader *&reader : readers)
            reader = stages.open(1, 1, ACAP_OVERFLOW_DROP_OLDEST);
    }
    void thread(unsigned index)
    {
        const acap_buffer *buffer;

        if (index == 2) {
            RL_ASSERT(stages.deliver(1));
            return;
        }
        RL_ASSERT(acap_reader_borrow(readers[index], ACAP_WAIT_FOREVER, &buffer) == ACAP_OK);
        model::look(stages.pool, acap__header_of(buffer));
        acap_buffer_release(buffer);
    }
    void after()
    {
        acap_reader_close(readers[0]);
        stages.end(readers[1]);
    }
};

const model::add_property<two_woken> both("wake-data-both", "every reader that sleeps is woken by a buffer", 1);

struct woken_by_end : rl::test_suite<woken_by_end, 2>, with_reader {
    void before()
    {
        make(2);
        (void)stage.deliver(1);
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            RL_ASSERT(acap_reader_end(reader) == ACAP_OK);
            return;
        }
        expect(ACAP_OK);
        expect(ACAP_END);
    }
    void after()
    {
        end();
    }
};

const model::add_property<woken_by_end> ended("wake-end", "an end wakes a sleeper below its threshold, and is told when all was taken", 3);

/* What the interrupter did before is there for who was interrupted. */
struct woken_by_interrupt : rl::test_suite<woken_by_interrupt, 2>, with_reader {
    model::plain<int> reason;

    void before()
    {
        make(1);
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            reason($) = 1;
            RL_ASSERT(acap_reader_interrupt(reader) == ACAP_OK);
        } else {
            expect(ACAP_INTERRUPTED);
            RL_ASSERT(reason($) == 1);
        }
    }
    void after()
    {
        (void)stage.consume(reader, 0);
        RL_ASSERT(stage.last_result == ACAP_TIMED_OUT);
        end();
    }
};

const model::add_property<woken_by_interrupt> interrupted("wake-interrupt", "an interrupt wakes a sleeper, and one borrow tells of it", 4);

struct woken_by_stop : rl::test_suite<woken_by_stop, 2>, with_reader {
    void before()
    {
        make(2);
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            RL_ASSERT(stage.deliver(1));
            RL_ASSERT(acap_stream_stop(stage.stream) == ACAP_OK);
            return;
        }
        expect(ACAP_OK);
        expect(ACAP_END);
    }
    void after()
    {
        end();
    }
};

const model::add_property<woken_by_stop> stopped("wake-stop", "a stop wakes a sleeper; it gets what was left, and then the end", 3);

struct woken_by_stall : rl::test_suite<woken_by_stall, 2>, with_reader {
    void before()
    {
        make(2);
        (void)stage.deliver(1);
    }
    void thread(unsigned index)
    {
        if (index == 1) {
            expect(ACAP_OK);
            return;
        }
        acap__mutex_lock(&stage.stream->lock);
        acap__stream_nudge(stage.stream);
        acap__mutex_unlock(&stage.stream->lock);
    }
    void after()
    {
        end();
    }
};

const model::add_property<woken_by_stall> stalled("wake-stall", "a stall wakes a sleeper for the little that there is", 4);

struct woken_by_loss : rl::test_suite<woken_by_loss, 2>, with_reader {
    void before()
    {
        make(2);
        (void)stage.deliver(1);
    }
    void thread(unsigned index)
    {
        if (index == 1)
            expect(ACAP_OK);
        else
            RL_ASSERT(stage.lose(1));
    }
    void after()
    {
        end();
    }
};

const model::add_property<woken_by_loss> lossy("wake-loss", "a loss wakes a sleeper for the little that came before it", 4);

/* The consumer of an event loop: polls, and borrows without waiting. */
struct woken_by_descriptor : rl::test_suite<woken_by_descriptor, 2>, with_reader {
    void before()
    {
        make(1);
    }
    void thread(unsigned index)
    {
        intptr_t descriptor;

        if (index == 0) {
            RL_ASSERT(stage.deliver(1));
            return;
        }
        RL_ASSERT(acap_reader_get_wait_handle(reader, &descriptor) == ACAP_OK);
        while (stage.consume(reader, 0) == 0)
            model::poll(descriptor);
    }
    void after()
    {
        end();
    }
};

const model::add_property<woken_by_descriptor> polled("wake-descriptor", "a descriptor that is polled becomes readable with a buffer", 3);

/* Another thread than the consumer's asks for the descriptor, before or while that one sleeps. */
struct handle_asked_for : rl::test_suite<handle_asked_for, 3>, with_reader {
    void before()
    {
        make(1);
    }
    void thread(unsigned index)
    {
        intptr_t descriptor;

        if (index == 0)
            RL_ASSERT(stage.deliver(1));
        else if (index == 1)
            consume_one();
        else
            RL_ASSERT(acap_reader_get_wait_handle(reader, &descriptor) == ACAP_OK);
    }
    void consume_one()
    {
        if (stage.consume(reader, 0) == 0)
            expect(ACAP_OK);
    }
    void after()
    {
        end();
    }
};

const model::add_property<handle_asked_for> asked_for("wake-descriptor-asked",
    "a sleeper is woken whoever asks for its descriptor meanwhile", 1);

/* The consumer gives up when its time has come. */
struct timed : rl::test_suite<timed, 2>, with_reader {
    void before()
    {
        make(1);
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            RL_ASSERT(stage.deliver(1));
            return;
        }
        (void)stage.consume(reader, ACAP__NS_PER_S);
        RL_ASSERT(stage.last_result == ACAP_OK || stage.last_result == ACAP_TIMED_OUT);
    }
    void after()
    {
        const bool was_early = stage.last_result == ACAP_TIMED_OUT;

        RL_ASSERT(stage.drain(reader) == (was_early ? 1 : 0));
        end();
    }
};

const model::add_property<timed> timed_out("wake-timeout", "a borrow that times out loses nothing", 3);

/* Two who would wake, one who slept: the waking is one of theirs, or the sleeper was awake before. */
struct claimed : rl::test_suite<claimed, 3> {
    acap__wake wake;
    unsigned claim_count;

    void before()
    {
        acap__wake_init(&wake);
        claim_count = 0;
    }
    void thread(unsigned index)
    {
        if (index == 2) {
            acap__wake_arm(&wake, ACAP__WAKE_FUTEX);
            if (acap__wake_disarm(&wake))
                claim_count++;
            return;
        }
        uint32_t kinds;
        acap__fence_seq_cst();
        if (acap__wake_claim(&wake, &kinds)) {
            RL_ASSERT(kinds == ACAP__WAKE_FUTEX);
            claim_count++;
        }
    }
    void after()
    {
        RL_ASSERT(claim_count == 1);
    }
};

const model::add_property<claimed> claimed_once("wake-claim", "a sleeper is claimed once: by one who wakes, or by itself", 4);

}
