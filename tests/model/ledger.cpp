/* SPDX-License-Identifier: MIT */
/* Owns: what is claimed of the ledger (ledger_rt.c).
 * Called by: main.cpp. */
#include "property.h"

#include "ledger.h"

namespace
{

/* The figures of the nth write: no two writes have one in common, and the account's equation holds. */
acap__figures figures_of(uint64_t n)
{
    const acap__figures figures = {111 * n, 100 * n, 10 * n, n, 7 * n};

    return figures;
}

void check_whole(const acap__figures &figures)
{
    const acap__figures whole = figures_of(figures.buffers / 7);

    RL_ASSERT(memcmp(&figures, &whole, sizeof whole) == 0);
    RL_ASSERT(figures.position == figures.captured + figures.lost_pool + figures.lost_host);
}

/* The sequence starts just below its wrap. A writer that stops anywhere for good is among the executions: the reader gets to its end while
 * the writer is preempted, or Relacy reports a livelock. */
template <int Writes, int Reads> struct snapshot : rl::test_suite<snapshot<Writes, Reads>, 2> {
    acap__ledger ledger;

    void before()
    {
        const acap__figures first = figures_of(1);

        acap__store_relaxed(&ledger.sequence, UINT64_MAX - 1);
        acap__ledger_write(&ledger, &first);
    }
    void thread(unsigned index)
    {
        if (index == 0)
            write();
        else
            read();
    }
    void write()
    {
        for (uint64_t n = 2; n < 2 + Writes; n++) {
            const acap__figures figures = figures_of(n);
            acap__ledger_write(&ledger, &figures);
        }
    }
    void read()
    {
        uint64_t last = 0;

        for (int i = 0; i < Reads; i++) {
            const acap__figures figures = acap__ledger_read(&ledger);
            check_whole(figures);
            RL_ASSERT(figures.buffers >= last);
            last = figures.buffers;
        }
    }
};

const model::add_property<snapshot<1, 1> > once("ledger-whole", "a snapshot is one write's", 3);
const model::add_property<snapshot<2, 1> > twice("ledger-whole-twice", "the same while the writer writes twice", 1);
const model::add_property<snapshot<1, 2> > forward("ledger-forward", "a later snapshot is not of an earlier write", 2);

}
