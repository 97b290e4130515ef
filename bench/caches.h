/**
 * @file caches.h
 * The sizes of the caches as loads feel them: what a virtual machine reports may be absurd.
 */
#ifndef CONVOY_BENCH_CACHES_H
#define CONVOY_BENCH_CACHES_H

#include "bench/machine_limits.h"

/** Fill cache_bytes, latency_ns and cold_bytes. */
void caches_measure(struct limits *limits);

/**
 * Cache sizes from latencies: sizes[i] bytes walked in random order take latency_ns[i] a load.
 * Sizes ascend by small steps; both arrays have `count` elements.
 */
void caches_from_latencies(const double *sizes, const double *latency_ns, int count,
                           struct limits *limits);

#endif
