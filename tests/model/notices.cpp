/* SPDX-License-Identifier: MIT */
/* Owns: what is claimed of the ring of notices (notices.h).
 * Called by: main.cpp. */
#include "property.h"

#include "notices.h"

namespace
{

const uint64_t write_count = 3; /* more than there is room for */

acap__notice notice_of(uint64_t n)
{
    const acap__notice notice = {n, 10 * n, 100 * n, 1000 * n, 10000 * n};

    return notice;
}

/* The producer never waits: what finds no room is counted. The counters start just below their wrap. */
struct told : rl::test_suite<told, 2> {
    acap__notices notices;
    uint64_t read_count;
    uint64_t last;

    void before()
    {
        acap__store_relaxed(&notices.tail, UINT64_MAX - 1);
        acap__store_relaxed(&notices.head, UINT64_MAX - 1);
        read_count = 0;
        last = 0;
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            for (uint64_t n = 1; n <= write_count; n++) {
                const acap__notice notice = notice_of(n);
                acap__notices_write(&notices, &notice);
            }
        } else {
            for (uint64_t n = 1; n <= write_count; n++)
                (void)read();
        }
    }
    bool read()
    {
        acap__notice notice;

        if (!acap__notices_read(&notices, &notice))
            return false;
        const acap__notice whole = notice_of(notice.kind);
        RL_ASSERT(memcmp(&notice, &whole, sizeof whole) == 0 && notice.kind > last);
        last = notice.kind;
        read_count++;
        return true;
    }
    void after()
    {
        while (read())
            ;
        RL_ASSERT(read_count + acap__load_relaxed(&notices.missed) == write_count);
    }
};

const model::add_property<told> tell("notice-ring", "every notice is read whole, once and in order, or counted as missed", 3);

}
