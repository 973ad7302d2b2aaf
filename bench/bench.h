/* SPDX-License-Identifier: MIT */
/* Owns: how the benchmarks measure and what a row of their table looks like.
 * Used by: every *_bench.c.
 * Thread: main.
 *
 * A case is timed in batches. A round times every case once, one after the other, so that whatever disturbs the machine meets all of them;
 * a case's figure is the median over the rounds of each round's median, and its ratio the median over the rounds of its quotient with the
 * baseline of the same round. */
#ifndef ACAP_BENCH_BENCH_H
#define ACAP_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The packet that all of them move: 10 ms of 48 kHz stereo float. */
#define BENCH_RATE_HZ 48000u
#define BENCH_CHANNELS 2u
#define BENCH_FRAMES 480u
#define BENCH_BYTES 3840u

typedef struct bench_case {
    const char *name;
    void (*run)(void *state, uint32_t operations);
    void *state;
    double limit; /* goal: ratio to the baseline at most this; 0: none */
    void (*settle)(void *state, uint32_t operations); /* after each batch, not timed; NULL: nothing */
} bench_case;

typedef struct bench_plan {
    const char *question; /* first column */
    const char *unit;     /* of one operation's figures */
    uint32_t rounds;
    uint32_t batches;    /* timed apart, a round */
    uint32_t operations; /* a batch */
} bench_plan;

/* Prints the machine and the table's head, unless there are arguments: run.sh gives --rows to all but the first. Starts a thread that
   sleeps, because the C library leaves out atomic operations in processes with one thread, which no program that captures audio is. */
void bench_begin(int argc);
/* cases[0] is the baseline. Warms up, measures, prints a row a case. */
void bench_compare(const bench_plan *plan, const bench_case *cases, uint32_t case_count);
/* A row for a figure that is counted, not timed. goal NULL: none. */
void bench_counted(const char *question, const char *name, const char *unit, double value, uint64_t sample_count, const char *goal,
                   bool is_reached);
/* A row for samples that the caller took; sorts them. */
void bench_sampled(const char *question, const char *name, const char *unit, double *samples, size_t sample_count);

/* 3,840 bytes of float noise with a fixed seed. */
const float *bench_packet(void);
/* memcpy that the compiler can neither leave out nor specialize. */
void bench_copy(void *target, const void *source, size_t size_bytes);
/* Ends the program: a benchmark that does not do what it says is broken. */
void bench_require(bool is_true, const char *what);

#endif
