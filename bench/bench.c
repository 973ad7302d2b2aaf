/* SPDX-License-Identifier: MIT */
/* Owns: timing, order statistics, the table.
 * Called by: every *_bench.c.
 * Thread: main. */
#include "bench.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#define CASES_MAX 8u
#define WARM_UP_BATCHES 50u

static float packet[BENCH_FRAMES * BENCH_CHANNELS];

static int64_t now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void bench_require(bool is_true, const char *what)
{
    if (is_true)
        return;
    fprintf(stderr, "broken: %s\n", what);
    exit(1);
}

const float *bench_packet(void)
{
    return packet;
}

void bench_copy(void *target, const void *source, size_t size_bytes)
{
    memcpy(target, source, size_bytes);
    __asm__ volatile("" : : "r"(target) : "memory");
}

static void fill_packet(void)
{
    uint32_t seed = 20261122u;

    for (size_t i = 0; i < BENCH_FRAMES * BENCH_CHANNELS; i++) {
        seed = seed * 1664525u + 1013904223u;
        packet[i] = (float)(int32_t)seed * 0x1p-31f;
    }
}

static void *sleep_for_ever(void *unused)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t never = PTHREAD_COND_INITIALIZER;

    pthread_mutex_lock(&mutex);
    for (;;)
        pthread_cond_wait(&never, &mutex);
    return unused;
}

static void print_machine(void)
{
    struct utsname system;
    char line[256];
    char model[128] = "unknown processor";
    FILE *file = fopen("/proc/cpuinfo", "r");

    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "model name : %127[^\n]", model) == 1)
            break;
    }
    if (file != NULL)
        fclose(file);
    uname(&system);
    printf("Machine: %s, %s %s, compiler %s\n\n", model, system.sysname, system.machine, __VERSION__);
}

static void print_head(void)
{
    print_machine();
    printf("| question | case | unit | median | p50 | p99 | p99.9 | max | samples | ratio | goal |\n");
    printf("|---|---|---|---:|---:|---:|---:|---:|---:|---:|---|\n");
}

void bench_begin(int argc)
{
    pthread_t thread;

    bench_require(pthread_create(&thread, NULL, sleep_for_ever, NULL) == 0, "no thread");
    pthread_detach(thread);
    fill_packet();
    if (argc < 2)
        print_head();
}

static int by_value(const void *left, const void *right)
{
    const double a = *(const double *)left;
    const double b = *(const double *)right;

    return (a > b) - (a < b);
}

/* samples are sorted */
static double at_share(const double *samples, size_t count, double share)
{
    const size_t index = (size_t)(share * (double)count);

    return samples[index < count ? index : count - 1];
}

static double median(double *samples, size_t count)
{
    qsort(samples, count, sizeof *samples, by_value);
    return at_share(samples, count, 0.5);
}

static void print_row(const char *question, const char *name, const char *unit, double middle, double *samples, size_t count)
{
    qsort(samples, count, sizeof *samples, by_value);
    printf("| %s | %s | %s | %.1f | %.1f | %.1f | %.1f | %.1f | %zu |", question, name, unit, middle, at_share(samples, count, 0.5),
           at_share(samples, count, 0.99), at_share(samples, count, 0.999), samples[count - 1], count);
}

void bench_sampled(const char *question, const char *name, const char *unit, double *samples, size_t sample_count)
{
    print_row(question, name, unit, median(samples, sample_count), samples, sample_count);
    printf(" | |\n");
    fflush(stdout);
}

void bench_counted(const char *question, const char *name, const char *unit, double value, uint64_t sample_count, const char *goal,
                   bool is_reached)
{
    printf("| %s | %s | %s | %.6g | | | | | %llu | |", question, name, unit, value, (unsigned long long)sample_count);
    if (goal != NULL)
        printf(" goal: %s, reached: %s |\n", goal, is_reached ? "yes" : "no");
    else
        printf(" |\n");
    fflush(stdout);
}

static double time_batch(const bench_plan *plan, const bench_case *subject)
{
    const int64_t begin_ns = now_ns();

    subject->run(subject->state, plan->operations);
    const int64_t end_ns = now_ns();
    if (subject->settle != NULL)
        subject->settle(subject->state, plan->operations);
    return (double)(end_ns - begin_ns) / plan->operations;
}

static void print_case(const bench_plan *plan, const bench_case *subject, bool is_baseline, double *middles, double *ratios,
                       double *samples)
{
    const double ratio = median(ratios, plan->rounds);

    print_row(plan->question, subject->name, plan->unit, median(middles, plan->rounds), samples, (size_t)plan->rounds * plan->batches);
    if (is_baseline)
        printf(" 1 | baseline |\n");
    else if (subject->limit > 0)
        printf(" %.3f | goal: <= %g, reached: %s |\n", ratio, subject->limit, ratio <= subject->limit ? "yes" : "no");
    else
        printf(" %.3f | |\n", ratio);
    fflush(stdout);
}

void bench_compare(const bench_plan *plan, const bench_case *cases, uint32_t case_count)
{
    const size_t sample_count = (size_t)plan->rounds * plan->batches;
    double *samples = calloc(case_count * (sample_count + 2 * (size_t)plan->rounds) + plan->batches, sizeof *samples);

    bench_require(samples != NULL && case_count <= CASES_MAX, "no memory for samples");
    double *middles = samples + case_count * sample_count;
    double *ratios = middles + (size_t)case_count * plan->rounds;
    double *sorted = ratios + (size_t)case_count * plan->rounds;
    for (uint32_t i = 0; i < case_count; i++)
        for (uint32_t batch = 0; batch < WARM_UP_BATCHES; batch++)
            (void)time_batch(plan, &cases[i]);
    for (uint32_t round = 0; round < plan->rounds; round++) {
        for (uint32_t i = 0; i < case_count; i++) {
            double *taken = samples + i * sample_count + (size_t)round * plan->batches;
            for (uint32_t batch = 0; batch < plan->batches; batch++)
                taken[batch] = time_batch(plan, &cases[i]);
            memcpy(sorted, taken, plan->batches * sizeof *sorted);
            middles[i * plan->rounds + round] = median(sorted, plan->batches);
            ratios[i * plan->rounds + round] = middles[i * plan->rounds + round] / middles[round];
        }
    }
    for (uint32_t i = 0; i < case_count; i++)
        print_case(plan, &cases[i], i == 0, middles + i * plan->rounds, ratios + i * plan->rounds, samples + i * sample_count);
    free(samples);
}
