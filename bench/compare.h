/**
 * @file compare.h
 * Which of two is faster, and is the difference more than noise?
 */
#ifndef CONVOY_BENCH_COMPARE_H
#define CONVOY_BENCH_COMPARE_H

#include <stdbool.h>
#include <stdio.h>

#include "bench/options.h"
#include "bench/results.h"
#include "bench/samples.h"

/* Ratios of pairs: time of A / time of B. Above 1, B is faster. */
struct verdict {
    struct summary ratio;
    bool differs; /* the middle half of the ratios does not hold 1 */
};

/** From ratios of pairs. Sorts them. */
struct verdict compare_pairs(struct samples *ratios);

/** --compare A B: both on every layer, alternating. @retval as select_cases and runner_prepare */
convoy_status compare_algorithms(const struct options *options);

/** The results of this run beside those of an earlier one, line by line. */
convoy_status compare_baseline(FILE *file, const char *path, const struct results *results);

#endif
