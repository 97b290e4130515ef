/**
 * @file machine_limits.c
 * The machine's limits by short loops that do one thing only. Each takes the best of a few tries:
 * a limit is what the machine can do when nothing disturbs it.
 */
#include "bench/machine_limits.h"

#include <omp.h>
#include <stdint.h>

#include "bench/caches.h"
#include "core/clock.h"
#include "core/memory.h"
#include "kernels/kernel.h"
#include "plan/request.h"

#define TRIES          5
#define PEAK_SECONDS   3e-3
#define STREAM_SECONDS 2e-3

const char *memory_level_name(enum memory_level level)
{
    static const char *const names[] = {"L1", "L2", "L3", "memory"};
    return names[level];
}

/* Dependent additions take one cycle each on every processor of today. */
static double measure_frequency(void)
{
    double best = 1.0;
    enum { ADDS = 16, LOOPS = 20000 };
    for (int i = 0; i < 3 * TRIES; i++) {
        double start = clock_seconds();
        uint64_t x = 1, y = (uint64_t)i | 1;
        for (int loop = 0; loop < LOOPS; loop++) {
#pragma GCC unroll 16
            for (int a = 0; a < ADDS; a++) {
                x += y;
                __asm__ volatile("" : "+r"(x));
            }
        }
        double seconds = clock_seconds() - start;
        best = seconds < best ? seconds : best;
    }
    return ADDS * (double)LOOPS / best;
}

/* All threads at once; the barriers make the slowest count. */
static double peak_once(const struct isa_kernels *kernels, int threads, int64_t steps)
{
    double flops = 0, start = 0, seconds = 1;
#pragma omp parallel num_threads(threads) reduction(+ : flops)
    {
        kernels->peak(steps / 10 + 1); /* all threads are awake */
#pragma omp barrier
#pragma omp master
        start = clock_seconds();
        flops += kernels->peak(steps);
#pragma omp barrier
#pragma omp master
        seconds = clock_seconds() - start;
    }
    return flops / seconds;
}

static double measure_peak(const struct isa_kernels *kernels, int threads)
{
    /* The length is found on one thread: waiting for others would be taken for work. */
    int64_t steps = 1000;
    for (double seconds = 0; seconds < PEAK_SECONDS; steps *= 2) {
        double start = clock_seconds();
        kernels->peak(steps);
        seconds = clock_seconds() - start;
    }
    double best = 0;
    for (int i = 0; i < TRIES; i++) {
        double flops = peak_once(kernels, threads, steps / 2);
        best = flops > best ? flops : best;
    }
    return best;
}

static float stream(const struct isa_kernels *kernels, float *from, int64_t floats, int64_t times,
                    bool copies)
{
    float used = 0;
    for (int64_t i = 0; i < times; i++) {
        if (copies) {
            kernels->stream_copy(from + floats / 2, from, floats / 2);
        } else {
            used += kernels->stream_read(from, floats);
        }
    }
    return used;
}

/* Bytes per second of all threads reading or copying, each its own floats, `times` over. */
static double stream_once(const struct isa_kernels *kernels, float *const *buffers, int threads,
                          int64_t floats, int64_t times, bool copies)
{
    double start = 0, seconds = 1;
    float used = 0;
#pragma omp parallel num_threads(threads) reduction(+ : used)
    {
        float *mine = buffers[omp_get_thread_num()];
        used += stream(kernels, mine, floats, 1, copies);
#pragma omp barrier
#pragma omp master
        start = clock_seconds();
        used += stream(kernels, mine, floats, times, copies);
#pragma omp barrier
#pragma omp master
        seconds = clock_seconds() - start;
    }
    volatile float keep = used;
    (void)keep;
    return (double)(floats * threads * times) * sizeof(float) / seconds;
}

static double measure_stream(const struct isa_kernels *kernels, float *const *buffers, int threads,
                             double bytes, bool copies)
{
    int64_t step = 2 * STREAM_FLOATS;
    int64_t floats = (int64_t)(bytes / sizeof(float)) / step * step;
    int64_t times = 1;
    float used = 0;
    for (double seconds = 0; seconds < STREAM_SECONDS; times *= 2) {
        double start = clock_seconds();
        used += stream(kernels, buffers[0], floats, times, copies);
        seconds = clock_seconds() - start;
    }
    double best = 0;
    for (int i = 0; i < TRIES; i++) {
        double rate = stream_once(kernels, buffers, threads, floats, times / 2, copies);
        best = rate > best ? rate : best;
    }
    volatile float keep = used;
    (void)keep;
    return best;
}

/* Bytes for each thread that lie well inside the level, and in no level above. */
static double level_bytes(const struct limits *limits, enum memory_level level, int threads)
{
    double l1 = limits->cache_bytes[LEVEL_L1], l2 = limits->cache_bytes[LEVEL_L2];
    double l3 = limits->cache_bytes[LEVEL_L3];
    switch (level) {
    case LEVEL_L1:
        return l1 / 2;
    case LEVEL_L2:
        return l2 / 2 > 2 * l1 ? l2 / 2 : 0;
    case LEVEL_L3: {
        double bytes = l3 / 2 / threads;
        return bytes > 2 * l2 ? bytes : 0;
    }
    default:
        return 2 * limits->cold_bytes / threads;
    }
}

static void measure_bandwidth(const struct limits *limits, struct bandwidth_limit *bandwidth)
{
    const struct isa_kernels *kernels = isa_kernels_find(CONVOY_ISA_BEST);
    int threads = bandwidth->threads;
    float *buffers[THREADS_MAX] = {NULL};
    bool all = threads <= THREADS_MAX;
    size_t bytes = (size_t)level_bytes(limits, LEVEL_MEMORY, threads);
    for (int t = 0; all && t < threads; t++) {
        void *memory = NULL;
        all = memory_allocate(bytes, "a buffer to measure bandwidth", &memory) == CONVOY_OK;
        buffers[t] = memory;
    }
    if (all) {
#pragma omp parallel num_threads(threads)
        {
            float *mine = buffers[omp_get_thread_num()];
            for (size_t i = 0; i < bytes / sizeof(float); i++) {
                mine[i] = 1.0f;
            }
        }
    }
    for (int level = 0; all && level < LEVELS; level++) {
        double wanted = level_bytes(limits, (enum memory_level)level, threads);
        if (wanted > 0) {
            bandwidth->read[level] = measure_stream(kernels, buffers, threads, wanted, false);
            bandwidth->copy[level] = measure_stream(kernels, buffers, threads, wanted, true);
        }
    }
    for (int t = 0; t < threads && t < THREADS_MAX; t++) {
        memory_free(buffers[t]);
    }
}

static void measure_rates(struct limits *limits)
{
    for (size_t i = 0; i < limits->peak_count; i++) {
        struct peak_limit *peak = &limits->peaks[i];
        peak->flops = measure_peak(isa_kernels_find(peak->isa), peak->threads);
    }
    for (size_t i = 0; i < limits->bandwidth_count; i++) {
        measure_bandwidth(limits, &limits->bandwidths[i]);
    }
}

double limits_peak_now(convoy_isa isa, int threads)
{
    return measure_peak(isa_kernels_find(isa), threads);
}

void limits_want(struct limits *limits, convoy_isa isa, int threads)
{
    if (limits_peak(limits, isa, threads) == 0 && limits->peak_count < LIMITS_MAX) {
        limits->peaks[limits->peak_count++] =
            (struct peak_limit){.isa = isa, .threads = threads, .flops = -1};
    }
    if (!limits_bandwidth(limits, threads) && limits->bandwidth_count < LIMITS_MAX) {
        limits->bandwidths[limits->bandwidth_count++] = (struct bandwidth_limit){threads, {0}, {0}};
    }
}

void limits_measure(struct limits *limits)
{
    limits->frequency_hz = measure_frequency();
    caches_measure(limits);
    measure_rates(limits);
}

void limits_measure_again(const struct limits *before, struct limits *after)
{
    *after = *before;
    measure_rates(after);
}

static double larger_ratio(double a, double b)
{
    if (a <= 0 || b <= 0) {
        return 1.0;
    }
    return a > b ? a / b : b / a;
}

double limits_difference(const struct limits *before, const struct limits *after)
{
    double worst = 1.0;
    for (size_t i = 0; i < before->peak_count; i++) {
        double ratio = larger_ratio(before->peaks[i].flops, after->peaks[i].flops);
        worst = ratio > worst ? ratio : worst;
    }
    for (size_t i = 0; i < before->bandwidth_count; i++) {
        for (int level = 0; level < LEVELS; level++) {
            double ratio =
                larger_ratio(before->bandwidths[i].read[level], after->bandwidths[i].read[level]);
            worst = ratio > worst ? ratio : worst;
        }
    }
    return worst - 1.0;
}

double limits_peak(const struct limits *limits, convoy_isa isa, int threads)
{
    for (size_t i = 0; i < limits->peak_count; i++) {
        if (limits->peaks[i].isa == isa && limits->peaks[i].threads == threads) {
            return limits->peaks[i].flops;
        }
    }
    return 0;
}

const struct bandwidth_limit *limits_bandwidth(const struct limits *limits, int threads)
{
    for (size_t i = 0; i < limits->bandwidth_count; i++) {
        if (limits->bandwidths[i].threads == threads) {
            return &limits->bandwidths[i];
        }
    }
    return NULL;
}
