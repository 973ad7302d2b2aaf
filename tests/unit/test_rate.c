/* SPDX-License-Identifier: MIT */
/* Owns: tests of the measured rate: how right it is after how long, and that it is unknown rather than wrong where frames were lost, found
 * or not, and behind hosts whose calls scatter in other ways than evenly.
 * Run by: CTest, a few seconds for some virtual days. Prints the figures of docs/what-can-go-wrong.md.
 * Runs on: the library's inside, against the device of timeline_device.h; no clock is read. */
#include "timeline_device.h"

#if defined(__SANITIZE_THREAD__)
#define SEEDS 100u
#define FEW_SEEDS 20u
#else
#define SEEDS 200u
#define FEW_SEEDS 40u
#endif

static bool is_known(const device *d)
{
    return acap__timeline_rate_hz(&d->timeline) > 0;
}

/* ---- clean signal ---- */

typedef struct expectation {
    uint32_t period_frames;
    double within_5_ppm; /* of the runs, by the count of calls that there is to know it from */
    double worst_ppm;    /* of those that tell a rate */
    double known;        /* of the runs */
} expectation;

typedef struct spread {
    double ppm[2 * SEEDS]; /* in order of size, of the runs that tell a rate */
    uint32_t known;
    uint32_t within_5_ppm;
    double later_ppm; /* at 30 s, the largest */
} spread;

static void run_all(spread *s, uint32_t period_frames)
{
    *s = (spread){.known = 0};
    for (uint32_t run = 0; run < 2 * SEEDS; run++) {
        device d;
        begin(&d, run % 2 ? -80 : 80, 5 * MS, period_frames, run / 2);
        run_until(&d, 10 * SECOND);
        if (is_known(&d)) {
            s->within_5_ppm += rate_error_ppm(&d) < 5.0;
            s->ppm[s->known++] = rate_error_ppm(&d);
        }
        run_until(&d, 30 * SECOND);
        assert_true(is_known(&d));
        s->later_ppm = fmax(s->later_ppm, rate_error_ppm(&d));
    }
    qsort(s->ppm, s->known, sizeof s->ppm[0], by_size);
}

/* From 480 frames on not every run can be within 5 ppm: what an estimate can know lies in the few calls that were hardly late at all. */
static void it_is_right_after_10_s_of_5_ms_jitter(void **state)
{
    static const expectation rows[] = {
        {32, 1, 5, 1},
        {64, 1, 5, 1},
        {128, 1, 5, 1},
        {256, 1, 5, 1},
        {480, 0.91, 10, 0.99},
        {512, 0.9, 10, 0.99},
        {1024, 0.75, 25, 0.97},
        {2048, 0.35, 45, 0.75},
    };
    static spread s;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const expectation *row = &rows[i];
        run_all(&s, row->period_frames);
        printf("5 ms jitter, 80 ppm either way, period %4u, %u runs: at 10 s within 5 ppm in %.1f %%, half within %.1f ppm, "
               "95 %% within %.1f ppm, all within %.1f ppm, unknown in %.1f %%; at 30 s all within %.1f ppm\n",
               row->period_frames, 2 * SEEDS, 100.0 * s.within_5_ppm / (2 * SEEDS), s.ppm[s.known / 2], s.ppm[s.known * 95 / 100],
               s.ppm[s.known - 1], 100.0 - 100.0 * s.known / (2 * SEEDS), s.later_ppm);
        assert_true(s.within_5_ppm >= row->within_5_ppm * 2 * SEEDS);
        assert_true(s.ppm[s.known - 1] < row->worst_ppm);
        assert_true(s.known >= row->known * 2 * SEEDS);
        assert_true(s.later_ppm < 5.0);
    }
}

static void it_is_unknown_until_it_can_be_told(void **state)
{
    device d;

    (void)state;
    begin(&d, 80, 0.1 * MS, 256, 1);
    for (int i = 0; i < 4; i++) {
        assert_true(acap__timeline_rate_hz(&d.timeline) == 0);
        run_for(&d, SECOND);
    }
    run_for(&d, SECOND);
    assert_true(rate_error_ppm(&d) < 5.0);
    begin(&d, 80, 50 * MS, 1024, 1); /* it takes longer where the calls scatter more */
    run_for(&d, 10 * SECOND);
    assert_true(acap__timeline_rate_hz(&d.timeline) == 0);
    run_for(&d, 60 * SECOND);
    assert_true(rate_error_ppm(&d) < 50.0);
    acap__timeline_start(&d.timeline, RATE_HZ); /* another device may run at another rate */
    assert_true(acap__timeline_rate_hz(&d.timeline) == 0);
}

/* What is measured is the mean over half an hour at most: a device that becomes warm. */
static void it_follows_a_clock_that_drifts(void **state)
{
    const double ppm_an_hour = 2;
    double worst_ppm = 0;
    device d;

    (void)state;
    begin(&d, 0, 5 * MS, 480, 1);
    const double nominal_ns = d.frame_ns;
    for (int minute = 1; minute <= 4 * 60; minute++) {
        while (due_ns(&d) < minute * 60 * SECOND) {
            const double hours = due_ns(&d) / (3600 * SECOND);
            call(&d, due_ns(&d) + hours * hours / 2 * ppm_an_hour * 3600e3 + chance(&d) * d.jitter_ns);
        }
        d.frame_ns = nominal_ns * (1 + minute / 60.0 * ppm_an_hour * 1e-6);
        worst_ppm = fmax(worst_ppm, rate_error_ppm(&d));
        d.frame_ns = nominal_ns;
    }
    printf("a clock that drifts by 2 ppm an hour, for 4 h: within %.1f ppm\n", worst_ppm);
    assert_true(worst_ppm < 1.5);
    expect_nothing_found(&d);
}

/* ---- losses ---- */

/* The largest error of a rate that is told in the half minute after a loss, which comes 1 to 20 s after the start. */
static double worst_after_loss_ppm(uint64_t loss_frames, double jitter_ns, uint32_t period_frames, uint32_t *late_runs)
{
    double worst_ppm = 0;

    for (uint32_t seed = 0; seed < FEW_SEEDS; seed++) {
        device d;
        const double lost_ns = (1 + seed % 20) * SECOND;
        begin(&d, seed % 2 ? -80 : 80, jitter_ns, period_frames, seed);
        run_until(&d, lost_ns);
        lose(&d, loss_frames);
        for (int half_seconds = 1; half_seconds <= 60; half_seconds++) {
            run_until(&d, lost_ns + half_seconds * SECOND / 2);
            if (is_known(&d))
                worst_ppm = fmax(worst_ppm, rate_error_ppm(&d));
            else
                *late_runs += half_seconds == 30;
        }
    }
    return worst_ppm;
}

/* Found, not found, and too small to be looked at: the last leaves a step in the lateness that looks like a slope. */
static void after_a_loss_it_is_right_or_unknown(void **state)
{
    static const uint64_t losses[] = {100, 250, 480, 960, 4800};
    static const double jitters_ns[] = {0, 0.1 * MS, 1 * MS, 5 * MS};
    static const struct {
        uint32_t period_frames;
        double limit_ppm;
    } rows[] = {{64, 5}, {256, 5}, {1024, 25}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        double worst_ppm = 0;
        uint32_t late_runs = 0;
        for (size_t j = 0; j < COUNT_OF(jitters_ns); j++)
            for (size_t l = 0; l < COUNT_OF(losses); l++)
                worst_ppm = fmax(worst_ppm, worst_after_loss_ppm(losses[l], jitters_ns[j], rows[i].period_frames, &late_runs));
        printf("a loss of 2 to 100 ms, found or not, jitter 0 to 5 ms, period %4u: unknown or within %.1f ppm; "
               "unknown 15 s later in %u of %u runs\n",
               rows[i].period_frames, worst_ppm, late_runs, (uint32_t)(FEW_SEEDS * COUNT_OF(jitters_ns) * COUNT_OF(losses)));
        assert_true(worst_ppm < rows[i].limit_ppm);
        assert_true(late_runs <= FEW_SEEDS * COUNT_OF(jitters_ns) * COUNT_OF(losses) / 25);
    }
}

/* Less than half a millisecond, which no real host loses: within the scatter it is told from a slope only by and by. */
static void the_smallest_losses_mislead_for_a_while(void **state)
{
    static const uint32_t periods[] = {64, 256, 1024};

    (void)state;
    for (size_t p = 0; p < COUNT_OF(periods); p++) {
        uint32_t late_runs = 0;
        const double worst_ppm = worst_after_loss_ppm(20, 5 * MS, periods[p], &late_runs);
        printf("a loss of 0.4 ms, not found, jitter 5 ms, period %4u: unknown or within %.1f ppm\n", periods[p], worst_ppm);
        assert_true(worst_ppm < 100);
    }
}

/* ---- other hosts ---- */

static double exponential(device *d, double mean_ns)
{
    return -log(1 - chance(d)) * mean_ns;
}

static double thread_that_is_woken_ns(device *d)
{
    return exponential(d, 0.1 * MS);
}

static double busy_machine_ns(device *d)
{
    return exponential(d, 1 * MS);
}

static double busy_at_times_ns(device *d)
{
    return fmod(due_ns(d), 20 * SECOND) < 3 * SECOND ? chance(d) * 20 * MS : chance(d) * MS;
}

static double rarely_very_late_ns(device *d)
{
    return chance(d) < 0.002 ? chance(d) * 50 * MS : chance(d) * MS;
}

static double busier_and_less_busy_ns(device *d)
{
    return chance(d) * (due_ns(d) < 20 * SECOND ? 5 * MS : due_ns(d) < 40 * SECOND ? 3 * MS : 6 * MS);
}

static double server_with_a_quantum_ns(device *d)
{
    return (double)((1024 - (d->next_frame + d->period_frames) % 1024) % 1024) * d->frame_ns + chance(d) * 0.2 * MS;
}

static double wandering_ns(device *d)
{
    return 2 * MS + MS * sin(due_ns(d) / SECOND * 0.9) + chance(d) * 0.5 * MS;
}

/* Told from 15 s on at the latest, unless the calls come in packs or their lateness itself wanders: then when the time is long enough for
   that not to matter. */
static void behind_other_hosts_it_is_right_or_unknown(void **state)
{
    static const struct {
        const char *name;
        double (*lateness_ns)(device *);
        double known_s;
        double limit_ppm;
    } rows[] = {
        {"woken late by 0.1 ms, exponentially", thread_that_is_woken_ns, 15, 5},
        {"woken late by 1 ms, exponentially", busy_machine_ns, 15, 5},
        {"jitter 1 ms, for 3 of 20 s 20 ms", busy_at_times_ns, 15, 5},
        {"jitter 1 ms, one call in 500 up to 50 ms", rarely_very_late_ns, 15, 15},
        {"jitter 5 ms, then 3 ms, then 6 ms", busier_and_less_busy_ns, 15, 5},
        {"a quantum of 1024 frames", server_with_a_quantum_ns, 120, 5},
        {"lateness that wanders by 1 ms in 7 s", wandering_ns, 120, 5},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        double worst_ppm = 0;
        double later_ppm = 0;
        for (uint32_t seed = 0; seed < FEW_SEEDS / 2; seed++) {
            device d;
            begin(&d, seed % 2 ? -80 : 80, 0, 256, seed);
            for (int second = 1; second <= 300; second++) {
                while (due_ns(&d) < second * SECOND)
                    call(&d, due_ns(&d) + rows[i].lateness_ns(&d));
                assert_true(is_known(&d) || second < rows[i].known_s);
                if (is_known(&d))
                    worst_ppm = fmax(worst_ppm, rate_error_ppm(&d));
                if (is_known(&d) && second > 60)
                    later_ppm = fmax(later_ppm, rate_error_ppm(&d));
            }
            expect_nothing_found(&d);
        }
        printf("%s: unknown or within %.1f ppm, after a minute within %.1f ppm\n", rows[i].name, worst_ppm, later_ppm);
        assert_true(worst_ppm < rows[i].limit_ppm);
        assert_true(later_ppm < 2.0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_right_after_10_s_of_5_ms_jitter),
        cmocka_unit_test(it_is_unknown_until_it_can_be_told),
        cmocka_unit_test(it_follows_a_clock_that_drifts),
        cmocka_unit_test(after_a_loss_it_is_right_or_unknown),
        cmocka_unit_test(the_smallest_losses_mislead_for_a_while),
        cmocka_unit_test(behind_other_hosts_it_is_right_or_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
