/**
 * @file machine_limits.h
 * What this machine can do at most, measured: multiply-adds, bandwidths, caches, frequency.
 */
#ifndef CONVOY_BENCH_MACHINE_LIMITS_H
#define CONVOY_BENCH_MACHINE_LIMITS_H

#include <stdbool.h>
#include <stddef.h>

#include "convoy/machine.h"

/* As many ISAs as there are, times the numbers of threads that a list may have (bench/names.h). */
#define LIMITS_MAX 256

/* The multiply-add peak of one ISA on some threads. */
struct peak_limit {
    convoy_isa isa;
    int threads;
    double flops; /* per second */
};

enum memory_level { LEVEL_L1, LEVEL_L2, LEVEL_L3, LEVEL_MEMORY, LEVELS };

/* Bytes per second of some threads together; reading, and copying with both directions counted. */
struct bandwidth_limit {
    int threads;
    double read[LEVELS], copy[LEVELS]; /* 0: the level was not found */
};

struct limits {
    double frequency_hz;
    double cache_bytes[LEVELS]; /* as measured by latency; 0: not found; memory: 0 */
    double latency_ns[LEVELS];
    double cold_bytes; /* buffers of this size together leave nothing in any cache */
    struct peak_limit peaks[LIMITS_MAX];
    size_t peak_count;
    struct bandwidth_limit bandwidths[LIMITS_MAX];
    size_t bandwidth_count;
};

/**
 * Measure caches and frequency (once), and the peaks and bandwidths that were asked for by
 * limits_want before.
 */
void limits_want(struct limits *limits, convoy_isa isa, int threads);
void limits_measure(struct limits *limits);
/** Measure peaks and bandwidths anew, with the caches and wishes of `before`. */
void limits_measure_again(const struct limits *before, struct limits *after);

/** One measurement of a peak, as limits_measure does it. */
double limits_peak_now(convoy_isa isa, int threads);

/** The largest ratio between the two measurements, less 1: 0.1 is a difference of 10 %. */
double limits_difference(const struct limits *before, const struct limits *after);

/** 0 when it was not measured. */
double limits_peak(const struct limits *limits, convoy_isa isa, int threads);
const struct bandwidth_limit *limits_bandwidth(const struct limits *limits, int threads);

const char *memory_level_name(enum memory_level level);

#endif
