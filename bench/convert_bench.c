/* SPDX-License-Identifier: MIT */
/* Owns: the answer to "what does acap's one copy cost?": every pair of formats in every arrangement, beside a bare memcpy.
 * Run by: hand and by the benchmark script: convert_bench [channel counts [frames]], such as convert_bench 2,8,128 480.
 * Runs on: the insides of the static library, on one thread.
 *
 * One sample is the mean of a batch of calls of 10 to 20 us; conversion and memcpy take turns, so that both see the same machine. memcpy
 * moves the larger of the bytes read and the bytes written. Both work in a hot cache, which is the harder comparison for the conversion. */
#include "convert.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

enum { ROUNDS = 2000, WARM_UP_ROUNDS = 50, BATCH_NS = 10000, BATCH_CALLS_MAX = 1024, CHANNEL_COUNTS_MAX = 16 };

/* By pointer, so that no compiler finds out that the copies are never read. */
static void *(*volatile bare_memcpy)(void *, const void *, size_t) = memcpy;

static const char *const names[] = { "?", "S16", "S24", "S32", "F32", "U8" };
static const uint32_t formats[] = { ACAP_FORMAT_U8, ACAP_FORMAT_S16, ACAP_FORMAT_S24, ACAP_FORMAT_S32, ACAP_FORMAT_F32 };

/* What is measured, on memory that is shared by all measurements. */
typedef struct bench {
    acap__source source;
    acap__target target;
    uint32_t channel_count;
    uint32_t frame_count;
    size_t memcpy_bytes;
    const void *planes[ACAP_MAX_CHANNELS];
    unsigned char *source_memory;
    unsigned char *target_memory;
    volatile bool was_silent;
} bench;

typedef void run_fn(bench *b);

static void run_convert(bench *b)
{
    acap__convert(&b->target, 0, &b->source, 0, b->channel_count, b->frame_count);
}

static void run_memcpy(bench *b)
{
    bare_memcpy(b->target_memory, b->source_memory, b->memcpy_bytes);
}

static void run_is_silent(bench *b)
{
    b->was_silent = acap__is_silent(&b->target, b->channel_count, b->frame_count);
}

/* ---- Measuring ------------------------------------------------------------------------------------------------------------------- */

static int64_t batch_ns(bench *b, run_fn *run, uint32_t calls)
{
    const int64_t begin_ns = acap_clock_ns();

    for (uint32_t i = 0; i < calls; i++)
        run(b);
    return acap_clock_ns() - begin_ns;
}

static uint32_t calls_per_batch(bench *b, run_fn *run)
{
    uint32_t calls = 1;

    while (calls < BATCH_CALLS_MAX && batch_ns(b, run, calls) < BATCH_NS)
        calls *= 2;
    return calls;
}

static int by_size(const void *left, const void *right)
{
    const double a = *(const double *)left;
    const double b = *(const double *)right;

    return (a > b) - (a < b);
}

typedef struct distribution {
    double p50;
    double p99;
    double p999;
    double max;
} distribution;

static distribution distribution_of(double *samples)
{
    qsort(samples, ROUNDS, sizeof *samples, by_size);
    return (distribution){ samples[ROUNDS / 2], samples[ROUNDS * 99 / 100], samples[ROUNDS * 999 / 1000], samples[ROUNDS - 1] };
}

/* Nanoseconds a frame of run and of the bare memcpy, in turns. */
static void measure(bench *b, run_fn *run, distribution *of_run, distribution *of_memcpy)
{
    static double run_samples[ROUNDS];
    static double memcpy_samples[ROUNDS];
    const uint32_t run_calls = calls_per_batch(b, run);
    const uint32_t memcpy_calls = calls_per_batch(b, run_memcpy);

    for (int round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
        const double run_ns = (double)batch_ns(b, run, run_calls) / run_calls / b->frame_count;
        const double memcpy_ns = (double)batch_ns(b, run_memcpy, memcpy_calls) / memcpy_calls / b->frame_count;

        if (round >= 0) {
            run_samples[round] = run_ns;
            memcpy_samples[round] = memcpy_ns;
        }
    }
    *of_run = distribution_of(run_samples);
    *of_memcpy = distribution_of(memcpy_samples);
}

/* ---- What is measured ------------------------------------------------------------------------------------------------------------ */

static uint32_t random_bits(void)
{
    static uint64_t state = 1; /* the fixed seed */

    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 32);
}

/* Noise, a little of it beyond full scale. */
static void fill_source(bench *b, uint32_t format)
{
    const size_t sample_count = (size_t)b->channel_count * b->frame_count;

    for (size_t i = 0; i < sample_count; i++) {
        const uint32_t bits = random_bits();
        const float noise = (float)bits / 4294967296.0f * 2.2f - 1.1f;

        if (format == ACAP_FORMAT_F32)
            memcpy(b->source_memory + i * 4, &noise, 4);
        else
            memcpy(b->source_memory + i * acap_format_bytes(format), &bits, acap_format_bytes(format));
    }
}

static void arrange(bench *b, uint32_t from, bool from_planes, uint32_t to, bool to_planes)
{
    const uint32_t from_bytes = acap_format_bytes(from);
    const uint32_t to_bytes = acap_format_bytes(to);

    for (uint32_t channel = 0; channel < b->channel_count; channel++)
        b->planes[channel] = b->source_memory + (size_t)channel * b->frame_count * from_bytes;
    b->source = (acap__source){ from_planes ? NULL : b->source_memory, from_planes ? b->planes : NULL, from };
    b->target = (acap__target){ b->target_memory, to_planes ? (uint32_t)acap__round_up(b->frame_count * to_bytes, 64) : 0, to };
    b->memcpy_bytes = (size_t)acap__max_u32(from_bytes, to_bytes) * b->channel_count * b->frame_count;
}

static void print_row(const char *what, const char *how, const bench *b, const distribution *run, const distribution *copy)
{
    printf("%-12s %-6s %4" PRIu32 " %9.3f %9.3f %9.3f %9.3f %9.3f %9.3f %7.1f %9.4f\n", what, how, b->channel_count, run->p50, run->p99,
           run->p999, run->max, copy->p50, copy->p99, run->p50 / copy->p50, run->p50 / b->channel_count);
    fflush(stdout);
}

static void bench_pair(bench *b, uint32_t from, uint32_t to)
{
    static const char *const arrangements[] = { "i to i", "p to i", "i to p", "p to p" };
    char what[32];
    distribution run;
    distribution copy;

    snprintf(what, sizeof what, "%s to %s", names[from], names[to]);
    for (unsigned planes = 0; planes < COUNT_OF(arrangements); planes++) {
        arrange(b, from, planes & 1, to, planes & 2);
        measure(b, run_convert, &run, &copy);
        print_row(what, arrangements[planes], b, &run, &copy);
    }
}

/* The test for silence, on noise, and on silence, of which everything must be read. */
static void bench_silence(bench *b, uint32_t format)
{
    const size_t bytes = (size_t)b->channel_count * b->frame_count * acap_format_bytes(format);
    char what[32];
    distribution run;
    distribution copy;

    snprintf(what, sizeof what, "%s", names[format]);
    memset(b->source_memory, format == ACAP_FORMAT_U8 ? 128 : 0, bytes); /* also what memcpy moves into the target */
    arrange(b, format, false, format, false);
    run_convert(b);
    measure(b, run_is_silent, &run, &copy);
    print_row(what, b->was_silent ? "quiet" : "WRONG", b, &run, &copy);
    fill_source(b, format);
    run_convert(b);
    measure(b, run_is_silent, &run, &copy);
    print_row(what, b->was_silent ? "WRONG" : "noise", b, &run, &copy);
}

static void bench_channels(bench *b)
{
    for (size_t from = 0; from < COUNT_OF(formats); from++) {
        fill_source(b, formats[from]);
        for (size_t to = 0; to < COUNT_OF(formats); to++)
            bench_pair(b, formats[from], formats[to]);
    }
    for (size_t i = 0; i < COUNT_OF(formats); i++)
        bench_silence(b, formats[i]);
}

/* ---------------------------------------------------------------------------------------------------------------------------------- */

static void print_machine(void)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");
    const char *cpu = NULL;

    while (cpu == NULL && file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "model name", 10) == 0)
            cpu = strchr(line, ':');
    }
    if (cpu != NULL)
        printf("machine: %.*s, ", (int)strcspn(cpu + 2, "\n"), cpu + 2);
    else
        printf("machine: unknown, ");
    if (file != NULL)
        fclose(file);
#if defined(__VERSION__)
    printf("compiler %s, ", __VERSION__);
#endif
    printf("acap %s\n", acap_version_string());
}

/* Numbers with commas between them; false: a number that is none. */
static bool parse_channel_counts(const char *text, uint32_t *counts, size_t *count)
{
    char *rest = NULL;

    for (*count = 0; *count < CHANNEL_COUNTS_MAX; text = rest + 1) {
        const unsigned long value = strtoul(text, &rest, 10);

        if (rest == text || value == 0 || value > ACAP_MAX_CHANNELS || (*rest != ',' && *rest != '\0'))
            return false;
        counts[(*count)++] = (uint32_t)value;
        if (*rest == '\0')
            return true;
    }
    return false;
}

static bool bench_one(uint32_t channel_count, uint32_t frame_count)
{
    const size_t bytes = (size_t)acap__round_up((size_t)frame_count * 4, 64) * channel_count;
    bench *b = calloc(1, sizeof *b);
    bool is_done = false;

    if (b == NULL)
        return false;
    b->channel_count = channel_count;
    b->frame_count = frame_count;
    b->source_memory = aligned_alloc(64, bytes);
    b->target_memory = aligned_alloc(64, bytes);
    if (b->source_memory != NULL && b->target_memory != NULL) {
        bench_channels(b);
        is_done = true;
    }
    free(b->target_memory);
    free(b->source_memory);
    free(b);
    return is_done;
}

int main(int argc, char **argv)
{
    uint32_t channel_counts[CHANNEL_COUNTS_MAX];
    size_t count = 0;
    const unsigned long frame_count = argc > 2 ? strtoul(argv[2], NULL, 10) : 480;

    if (!parse_channel_counts(argc > 1 ? argv[1] : "2", channel_counts, &count) || frame_count == 0 ||
        frame_count > ACAP_MAX_FRAMES_PER_BUFFER) {
        fprintf(stderr, "usage: convert_bench [channel counts, such as 2,8,128 [frames]]\n");
        return 2;
    }
    print_machine();
    printf("ns per frame, %lu frames a call, %d samples a row, seed 1; i: interleaved, p: planar; ratio: of the medians\n", frame_count,
           ROUNDS);
    printf("%-12s %-6s %4s %9s %9s %9s %9s %9s %9s %7s %9s\n", "formats", "", "ch", "p50", "p99", "p99.9", "max", "memcpy50", "memcpy99",
           "ratio", "ns/sample");
    for (size_t i = 0; i < count; i++) {
        if (!bench_one(channel_counts[i], (uint32_t)frame_count)) {
            fprintf(stderr, "no memory\n");
            return 1;
        }
    }
    return 0;
}
