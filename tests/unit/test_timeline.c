/* SPDX-License-Identifier: MIT */
/* Owns: tests of a stream's idea of time and of hidden loss, against a device of which the truth is known: its own clock, every frame that
 * it made, every frame that was lost, and a host that calls late, in bursts, or not at all for a while.
 * Run by: CTest, a few seconds for several virtual days. Prints the figures of docs/what-can-go-wrong.md.
 * Runs on: the library's inside; no clock is read but to print. */
#include "timeline_device.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HOURS 4.0
#define SEEDS 40u
#else
#define HOURS 24.0
#define SEEDS 40u
#endif

/* The 99th percentile of the error from the tenth to the twentieth second. */
static double p99_error_ns(device *d)
{
    static double errors[200000];
    size_t count = 0;

    while (made_ns(d, d->next_frame) < 20 * SECOND && count < COUNT_OF(errors)) {
        call(d, due_ns(d) + chance(d) * d->jitter_ns);
        errors[count++] = fabs(d->error_ns);
    }
    qsort(errors, count, sizeof errors[0], by_size);
    return errors[count * 99 / 100];
}

static void time_is_right_after_10_s_of_5_ms_jitter(void **state)
{
    static const uint32_t periods[] = {64, 256, 480, 1024};

    (void)state;
    for (size_t p = 0; p < COUNT_OF(periods); p++) {
        double worst_ns = 0;
        for (uint32_t seed = 0; seed < SEEDS; seed++) {
            device d;
            begin(&d, seed % 2 ? -80 : 80, 5 * MS, periods[p], seed);
            run_until(&d, 10 * SECOND);
            worst_ns = fmax(worst_ns, p99_error_ns(&d));
            run_until(&d, 30 * SECOND);
            expect_nothing_found(&d);
            assert_int_equal(d.dishonest_calls, 0);
        }
        printf("5 ms jitter, 80 ppm, period %4u, %u runs: time p99 within %.3f ms\n", periods[p], SEEDS, worst_ns / MS);
        assert_true(worst_ns < 0.2 * MS);
    }
}

static void expect_exact(double ppm, bool is_bounded)
{
    device d;

    begin(&d, ppm, 0, 480, 1);
    run_for(&d, 20 * SECOND);
    assert_true(fabs(d.error_ns) < 2000);
    assert_true(rate_error_ppm(&d) < 0.1);
    assert_true(!is_bounded || d.dishonest_calls == 0);
    expect_nothing_found(&d);
}

static void without_jitter_time_and_rate_are_exact(void **state)
{
    static const double crystals_ppm[] = {0, 80, -80, 200, -200, 300, -300};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(crystals_ppm); i++)
        expect_exact(crystals_ppm[i], true);
    expect_exact(1000, false); /* worse than any crystal: right in the end */
    expect_exact(-1000, false);
}

/* Through losses, found and not yet found, stalls and bursts. */
static void the_error_bound_is_honest_at_every_call(void **state)
{
    static const double jitters_ns[] = {0, 0.1 * MS, 1 * MS, 5 * MS, 20 * MS};

    (void)state;
    for (uint32_t seed = 0; seed < SEEDS; seed++) {
        for (size_t j = 0; j < COUNT_OF(jitters_ns); j++) {
            device d;
            begin(&d, seed % 2 ? -200 : 200, jitters_ns[j], 128u << seed % 4, seed);
            for (int i = 0; i < 10; i++) {
                run_for(&d, (1 + 4 * chance(&d)) * SECOND);
                if (i % 3 == 0)
                    lose(&d, frames_of(chance(&d) * 100 * MS));
                else if (i % 3 == 1)
                    stall(&d, SECOND, SECOND, 8);
                else
                    stall(&d, SECOND, 0.6 * SECOND, 1000);
            }
            run_for(&d, 10 * SECOND);
            if (d.dishonest_calls != 0)
                fail_msg("jitter %.1f ms, seed %u: %llu calls exceed their bound, by up to %.3f ms", jitters_ns[j] / MS, seed,
                         (unsigned long long)d.dishonest_calls, d.bound_exceeded_ns / MS);
        }
    }
}

static void before_anything_is_known_the_bound_says_so(void **state)
{
    device d;

    (void)state;
    begin(&d, 0, 1 * MS, 480, 1);
    run_for(&d, 100 * MS);
    assert_true(d.moment.error_ns == INT64_MAX);
    run_for(&d, 2 * SECOND);
    assert_true(d.moment.error_ns <= (int64_t)(2 * MS));
    assert_true(d.moment.error_ns > 0);
}

/* The host's word on how old its frames are moves the time by the smallest that was heard: the rest is the lateness of the calls. */
static void the_hosts_word_on_age_is_heard_where_it_is_plausible(void **state)
{
    static const struct {
        double age_ns; /* of a call's last frame */
        double expected_ns;
    } rows[] = {{20 * MS, 20 * MS}, {0, 0}, {-30 * MS, 0}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        acap__timeline timeline;
        acap__moment moment;
        acap__timeline_start(&timeline, RATE_HZ);
        for (int64_t n = 1; n <= 300; n++) {
            const int64_t delay_ns = (int64_t)(10 * MS + rows[i].age_ns + (double)(n % 7) * MS);
            const acap__tick tick = {ORIGIN_NS + n * (int64_t)(10 * MS), delay_ns, 480, false};
            acap__timeline_step(&timeline, &tick, &moment);
        }
        const double first_ns = (double)(moment.first_ns - (ORIGIN_NS + 299 * (int64_t)(10 * MS)));
        assert_true(fabs(first_ns + rows[i].expected_ns) < 2000);
        assert_true((double)moment.error_ns >= rows[i].expected_ns);
    }
}

/* ---- no false alarm ---- */

static void expect_a_quiet_day(double ppm, uint32_t period_frames, bool has_bursts)
{
    device d;
    const int64_t began_ns = acap_clock_ns();

    begin(&d, ppm, 50 * MS, period_frames, 1);
    while (d.next_frame < (uint64_t)(HOURS * 3600 * RATE_HZ)) {
        d.jitter_ns = 50 * MS;
        run_for(&d, has_bursts ? chance(&d) * 5 * SECOND : 60 * SECOND);
        d.jitter_ns = has_bursts ? 1 * MS : 50 * MS;
        run_for(&d, chance(&d) * 60 * SECOND);
        if (has_bursts && chance(&d) < 0.2)
            stall(&d, 50 * MS, 50 * MS, 1000);
    }
    printf("%.0f h at %+.0f ppm, period %u, jitter 50 ms %s: %u false losses (%.1f s)\n", HOURS, ppm, period_frames,
           has_bursts ? "in bursts" : "throughout", d.found_times, (double)(acap_clock_ns() - began_ns) / SECOND);
    expect_nothing_found(&d);
}

static void a_day_of_drift_and_jitter_gives_no_false_loss(void **state)
{
    (void)state;
    expect_a_quiet_day(200, 1024, false);
    expect_a_quiet_day(-200, 1024, false);
}

static void a_day_of_drift_and_bursts_of_jitter_gives_no_false_loss(void **state)
{
    (void)state;
    expect_a_quiet_day(200, 1024, true);
    expect_a_quiet_day(-200, 480, true);
}

/* First nothing for two seconds and then all of it; a queue that grows at first; calls that come in packs. */
static void a_server_that_is_slow_at_first_loses_nothing(void **state)
{
    device d;

    (void)state;
    for (uint32_t seed = 0; seed < SEEDS; seed++) {
        begin(&d, 30, 2 * MS, 256, seed);
        stall(&d, 2 * SECOND, 2 * SECOND, 1000);
        run_for(&d, 10 * SECOND);
        expect_nothing_found(&d);
        begin(&d, 30, 2 * MS, 256, seed);
        stall(&d, 2 * SECOND, 2 * SECOND, 4);
        run_for(&d, 10 * SECOND);
        expect_nothing_found(&d);
        begin(&d, 30, 2 * MS, 480, seed);
        for (int i = 0; i < 8; i++)
            call(&d, due_ns(&d) + i * 10 * MS); /* each a little later than the one before */
        d.last_entry_ns = 0;
        while (made_ns(&d, d.next_frame) < 10 * SECOND)
            call(&d, due_ns(&d) + 80 * MS + chance(&d) * d.jitter_ns);
        expect_nothing_found(&d);
    }
}

/* A server that hands over 100 ms at once, in calls of 1 ms. */
static void calls_that_come_in_packs_lose_nothing(void **state)
{
    device d;

    (void)state;
    begin(&d, -50, 1 * MS, 48, 3);
    while (made_ns(&d, d.next_frame) < 60 * SECOND) {
        const double entry_ns = made_ns(&d, d.next_frame + 100u * 48u) + chance(&d) * d.jitter_ns;
        for (int i = 0; i < 100; i++)
            call(&d, entry_ns + i * 1000.0);
    }
    expect_nothing_found(&d);
    lose(&d, frames_of(300 * MS));
    for (int pack = 0; pack < 100; pack++) {
        const double entry_ns = made_ns(&d, d.next_frame + 100u * 48u) + chance(&d) * d.jitter_ns;
        for (int i = 0; i < 100; i++)
            call(&d, entry_ns + i * 1000.0);
    }
    expect_found(&d, 1, 10 * MS);
}

static void what_was_queued_during_a_stall_is_not_lost(void **state)
{
    static const double speeds[] = {1000, 20, 4, 1.5};

    (void)state;
    for (uint32_t seed = 0; seed < SEEDS; seed++) {
        for (size_t s = 0; s < COUNT_OF(speeds); s++) {
            for (int jitter_ms = 0; jitter_ms <= 10; jitter_ms += 5) {
                device d;
                begin(&d, 80, jitter_ms * MS, 480, seed);
                run_for(&d, 5 * SECOND);
                stall(&d, 3 * SECOND, 3 * SECOND, speeds[s]);
                run_for(&d, 5 * SECOND);
                stop(&d);
                expect_nothing_found(&d);
            }
        }
    }
}

static void a_stop_in_the_middle_of_a_late_call_loses_nothing(void **state)
{
    (void)state;
    for (uint32_t calls = 0; calls < 5; calls++) {
        device d;
        begin(&d, 0, 1 * MS, 480, calls);
        run_for(&d, 5 * SECOND);
        for (uint32_t i = 0; i < calls; i++)
            call(&d, due_ns(&d) + 45 * MS);
        stop(&d);
        expect_nothing_found(&d);
    }
}

/* ---- what is lost is found ---- */

static void a_hidden_loss_is_found_with_its_size_and_range(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < SEEDS; seed++) {
        device d;
        begin(&d, 80, 0, 256, seed);
        run_for(&d, 5 * SECOND);
        lose(&d, 480 + seed);
        run_for(&d, 0.9 * SECOND);
        expect_nothing_found(&d); /* what is queued would still be coming */
        run_for(&d, 0.2 * SECOND);
        expect_found(&d, 1, 0);
        run_for(&d, 5 * SECOND);
        expect_found(&d, 1, 0); /* once */
        assert_true(fabs(d.error_ns) < 2000); /* and time goes on as if nothing had happened */
    }
}

static void a_flagged_loss_may_be_smaller(void **state)
{
    (void)state;
    for (int is_flagged = 0; is_flagged <= 1; is_flagged++) {
        device d;
        begin(&d, 0, 0, 256, 1);
        run_for(&d, 5 * SECOND);
        lose(&d, 100);
        d.is_flagged = is_flagged != 0;
        run_for(&d, 5 * SECOND);
        if (is_flagged)
            expect_found(&d, 1, 0);
        else
            expect_nothing_found(&d); /* less than a call: the host's blocks could be the reason */
    }
}

/* JACK says so on every stream, others when nothing is missing. */
static void a_flag_without_a_loss_is_no_loss(void **state)
{
    device d;

    (void)state;
    begin(&d, 50, 5 * MS, 256, 1);
    while (d.next_frame < 60u * RATE_HZ) {
        d.is_flagged = chance(&d) < 0.05;
        call(&d, due_ns(&d) + chance(&d) * d.jitter_ns);
    }
    expect_nothing_found(&d);
}

static void a_30_s_stall_is_found_within_50_ms_of_the_truth(void **state)
{
    static const double kept_s[] = {0, 2, 10, 21.8, 29.5};
    static const double speeds[] = {1000, 20, 4};
    double worst_ns = 0;

    (void)state;
    for (uint32_t seed = 0; seed < SEEDS; seed++) {
        for (size_t k = 0; k < COUNT_OF(kept_s); k++) {
            for (size_t s = 0; s < COUNT_OF(speeds); s++) {
                device d;
                begin(&d, seed % 2 ? -100 : 100, 5 * MS, 480, seed);
                run_for(&d, 8 * SECOND);
                stall(&d, 30 * SECOND, kept_s[k] * SECOND, speeds[s]);
                run_for(&d, 6 * SECOND);
                worst_ns = fmax(worst_ns, fabs(missed_ns(&d)));
                expect_found(&d, 1, 50 * MS);
            }
        }
    }
    printf("30 s stall of which 0 to 29.5 s come later, 5 ms jitter: within %.1f ms of the truth\n", worst_ns / MS);
}

static void losses_close_together_are_all_counted(void **state)
{
    static const double apart_ns[] = {0.05 * SECOND, 0.3 * SECOND, 0.9 * SECOND, 1.5 * SECOND, 3 * SECOND};

    (void)state;
    for (uint32_t seed = 0; seed < SEEDS; seed++) {
        for (size_t i = 0; i < COUNT_OF(apart_ns); i++) {
            device d;
            begin(&d, 0, 2 * MS, 256, seed);
            run_for(&d, 5 * SECOND);
            lose(&d, 2400);
            run_for(&d, apart_ns[i]);
            lose(&d, 4800);
            run_for(&d, 5 * SECOND);
            expect_found(&d, apart_ns[i] > SECOND ? 2 : 1, 4 * MS);
        }
    }
}

static void a_loss_that_is_pending_at_the_stop_is_counted(void **state)
{
    (void)state;
    for (int jitter_ms = 0; jitter_ms <= 5; jitter_ms += 5) {
        device d;
        begin(&d, 0, jitter_ms * MS, 256, 1);
        run_for(&d, 5 * SECOND);
        lose(&d, 4800);
        run_for(&d, 0.5 * SECOND);
        expect_nothing_found(&d);
        stop(&d);
        expect_found(&d, 1, 5 * MS);
    }
}

static void a_stop_without_a_call_or_a_loss_finds_nothing(void **state)
{
    device d;

    (void)state;
    begin(&d, 0, 0, 256, 1);
    stop(&d);
    expect_nothing_found(&d);
    run_for(&d, 5 * SECOND);
    stop(&d);
    expect_nothing_found(&d);
}

/* In the first 0.3 s a loss cannot be told from a server that fills its queue, unless the host says so. */
static void what_is_lost_while_it_learns_is_found_only_with_a_flag(void **state)
{
    (void)state;
    for (int is_flagged = 0; is_flagged <= 1; is_flagged++) {
        device d;
        begin(&d, 0, 1 * MS, 256, 1);
        run_for(&d, 150 * MS);
        lose(&d, 4800);
        d.is_flagged = is_flagged != 0;
        run_for(&d, 10 * SECOND);
        if (is_flagged)
            expect_found(&d, 1, 2 * MS);
        else
            expect_nothing_found(&d);
    }
}

static void what_is_lost_after_it_has_learnt_is_found(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < SEEDS; seed++) {
        device d;
        begin(&d, 0, 1 * MS, 256, seed);
        run_for(&d, 400 * MS);
        lose(&d, 4800);
        run_for(&d, 10 * SECOND);
        expect_found(&d, 1, 3 * MS);
    }
}

static void a_device_that_loses_all_the_time_is_followed(void **state)
{
    device d;

    (void)state;
    begin(&d, 100, 2 * MS, 480, 5);
    run_for(&d, 5 * SECOND);
    for (int i = 0; i < 200; i++) {
        lose(&d, frames_of((20 + 80 * chance(&d)) * MS));
        run_for(&d, 2 * SECOND);
    }
    assert_true(fabs(missed_ns(&d)) < 10 * MS);
    assert_int_equal(d.found_times, 200);
    assert_int_equal(d.dishonest_calls, 0);
}

/* ---- the resolution ---- */

static bool finds(double loss_ns, double jitter_ns, uint32_t period_frames, double *worst_error_ns, double *worst_delay_ns)
{
    for (uint32_t seed = 0; seed < SEEDS; seed++) {
        device d;
        begin(&d, seed % 2 ? -100 : 100, jitter_ns, period_frames, seed);
        run_for(&d, (10 + chance(&d)) * SECOND);
        lose(&d, frames_of(loss_ns));
        run_for(&d, 8 * SECOND);
        if (d.found_times != 1)
            return false;
        *worst_error_ns = fmax(*worst_error_ns, fabs(missed_ns(&d)));
        *worst_delay_ns = fmax(*worst_delay_ns, d.found_ns - d.lost_ns);
    }
    return true;
}

static void smaller_losses_than_the_published_resolution_are_the_only_ones_missed(void **state)
{
    static const double jitters_ns[] = {0.1 * MS, 1 * MS, 5 * MS, 20 * MS, 50 * MS};
    static const uint32_t periods[] = {128, 480, 1024};

    (void)state;
    printf("smallest loss that is always found (of 1, 2, 3 ... ms), the largest error of its size, the longest time until it is found:\n");
    for (size_t j = 0; j < COUNT_OF(jitters_ns); j++) {
        for (size_t p = 0; p < COUNT_OF(periods); p++) {
            const double published_ns = fmax(periods[p] * SECOND / RATE_HZ, 2 * jitters_ns[j]) + 1 * MS;
            double smallest_ns = ceil(published_ns / MS) * MS;
            double error_ns = 0;
            double delay_ns = 0;
            assert_true(finds(smallest_ns, jitters_ns[j], periods[p], &error_ns, &delay_ns));
            while (smallest_ns > 1.5 * MS && finds(smallest_ns - MS, jitters_ns[j], periods[p], &error_ns, &delay_ns))
                smallest_ns -= MS;
            printf("  jitter %4.1f ms, period %4u (%4.1f ms): %3.0f ms, within %4.1f ms, after %.1f s\n", jitters_ns[j] / MS, periods[p],
                   periods[p] * 1e3 / RATE_HZ, smallest_ns / MS, error_ns / MS, delay_ns / SECOND);
            assert_true(error_ns <= jitters_ns[j] + 1 * MS);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_is_right_after_10_s_of_5_ms_jitter),
        cmocka_unit_test(without_jitter_time_and_rate_are_exact),
        cmocka_unit_test(the_error_bound_is_honest_at_every_call),
        cmocka_unit_test(before_anything_is_known_the_bound_says_so),
        cmocka_unit_test(the_hosts_word_on_age_is_heard_where_it_is_plausible),
        cmocka_unit_test(a_day_of_drift_and_jitter_gives_no_false_loss),
        cmocka_unit_test(a_day_of_drift_and_bursts_of_jitter_gives_no_false_loss),
        cmocka_unit_test(a_server_that_is_slow_at_first_loses_nothing),
        cmocka_unit_test(calls_that_come_in_packs_lose_nothing),
        cmocka_unit_test(what_was_queued_during_a_stall_is_not_lost),
        cmocka_unit_test(a_stop_in_the_middle_of_a_late_call_loses_nothing),
        cmocka_unit_test(a_hidden_loss_is_found_with_its_size_and_range),
        cmocka_unit_test(a_flagged_loss_may_be_smaller),
        cmocka_unit_test(a_flag_without_a_loss_is_no_loss),
        cmocka_unit_test(a_30_s_stall_is_found_within_50_ms_of_the_truth),
        cmocka_unit_test(losses_close_together_are_all_counted),
        cmocka_unit_test(a_loss_that_is_pending_at_the_stop_is_counted),
        cmocka_unit_test(a_stop_without_a_call_or_a_loss_finds_nothing),
        cmocka_unit_test(what_is_lost_while_it_learns_is_found_only_with_a_flag),
        cmocka_unit_test(what_is_lost_after_it_has_learnt_is_found),
        cmocka_unit_test(a_device_that_loses_all_the_time_is_followed),
        cmocka_unit_test(smaller_losses_than_the_published_resolution_are_the_only_ones_missed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
