/* SPDX-License-Identifier: MIT */
/* Owns: tests of the ledger from the inside: snapshots are whole, whenever they are taken and whatever becomes of the writer.
 * Run by: CTest, in milliseconds.
 * Runs on: the insides of the static library; one test has two threads. */
#include "ledger.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Figures that fit together, all different, from one number. */
static acap__figures figures_of(uint64_t n)
{
    return (acap__figures){.position = 6 * n, .captured = 3 * n, .lost_pool = n, .lost_host = 2 * n, .buffers = n};
}

static bool do_fit(const acap__figures *figures)
{
    const acap__figures expected = figures_of(figures->buffers);

    return memcmp(&expected, figures, sizeof expected) == 0;
}

static void what_was_written_is_read(void **state)
{
    acap__ledger ledger;

    (void)state;
    memset(&ledger, 0, sizeof ledger);
    for (uint64_t n = 0; n < 1000; n++) {
        const acap__figures figures = figures_of(n * UINT64_C(0x100000001));
        acap__ledger_write(&ledger, &figures);
        const acap__figures seen = acap__ledger_read(&ledger);
        assert_memory_equal(&seen, &figures, sizeof seen);
    }
}

static void an_empty_ledger_is_all_zero(void **state)
{
    acap__ledger ledger;
    const acap__figures zero = {0};

    (void)state;
    memset(&ledger, 0, sizeof ledger);
    const acap__figures seen = acap__ledger_read(&ledger);
    assert_memory_equal(&seen, &zero, sizeof seen);
}

/* Writes figures as acap__ledger_write does, up to a number of stores, and dies there. */
static void write_and_die(acap__ledger *ledger, const acap__figures *figures, uint32_t stores)
{
    const uint64_t values[ACAP__FIGURE_COUNT] = {figures->position, figures->captured, figures->lost_pool, figures->lost_host,
                                                 figures->buffers};
    const uint64_t sequence = acap__load_relaxed(&ledger->sequence);

    for (uint32_t store = 0; store < stores; store++) {
        const uint32_t copy = store / (ACAP__FIGURE_COUNT + 1);
        const uint32_t at = store % (ACAP__FIGURE_COUNT + 1);
        if (at == 0)
            acap__store_release(&ledger->sequence, sequence + 1 + copy);
        else
            acap__store_release(&ledger->copies[copy][at - 1], values[at - 1]);
    }
}

static void a_writer_that_dies_anywhere_leaves_a_whole_snapshot(void **state)
{
    const acap__figures before = figures_of(1000);
    const acap__figures after = figures_of(1001);

    (void)state;
    for (uint32_t stores = 0; stores <= 2 * (ACAP__FIGURE_COUNT + 1); stores++) {
        acap__ledger ledger;
        memset(&ledger, 0, sizeof ledger);
        acap__ledger_write(&ledger, &before);
        write_and_die(&ledger, &after, stores);
        const acap__figures seen = acap__ledger_read(&ledger);
        assert_true(do_fit(&seen));
        assert_int_equal(seen.buffers, stores <= ACAP__FIGURE_COUNT + 1 ? 1000 : 1001);
    }
}

static void the_sequence_wraps(void **state)
{
    acap__ledger ledger;

    (void)state;
    memset(&ledger, 0, sizeof ledger);
    acap__store_relaxed(&ledger.sequence, UINT64_MAX - 3);
    for (uint64_t n = 1; n < 10; n++) {
        const acap__figures figures = figures_of(n);
        acap__ledger_write(&ledger, &figures);
        assert_int_equal(acap__ledger_read(&ledger).buffers, n);
    }
}

enum { WRITES = 200000 };

struct witness {
    acap__ledger ledger;
    acap__u32 is_over;
    uint64_t reads;
    bool has_failed;
};

static void *read_on_and_on(void *argument)
{
    struct witness *witness = argument;
    uint64_t last = 0;

    while (!acap__load_acquire(&witness->is_over)) {
        const acap__figures seen = acap__ledger_read(&witness->ledger);
        witness->has_failed |= !do_fit(&seen) || seen.buffers < last;
        last = seen.buffers;
        witness->reads++;
    }
    return NULL;
}

static void every_snapshot_is_whole_while_somebody_writes(void **state)
{
    struct witness witness;
    pthread_t thread;

    (void)state;
    memset(&witness, 0, sizeof witness);
    assert_int_equal(pthread_create(&thread, NULL, read_on_and_on, &witness), 0);
    for (uint64_t n = 1; n <= WRITES; n++) {
        const acap__figures figures = figures_of(n);
        acap__ledger_write(&witness.ledger, &figures);
    }
    acap__store_release(&witness.is_over, 1u);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(witness.has_failed);
    assert_int_equal(acap__ledger_read(&witness.ledger).buffers, WRITES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(an_empty_ledger_is_all_zero),
        cmocka_unit_test(a_writer_that_dies_anywhere_leaves_a_whole_snapshot),
        cmocka_unit_test(the_sequence_wraps),
        cmocka_unit_test(every_snapshot_is_whole_while_somebody_writes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
