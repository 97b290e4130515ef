/**
 * @file ladder.h
 * One layer from the naive loop to the fastest algorithm, each rung with what it changes and why
 * that is faster.
 */
#ifndef CONVOY_BENCH_LADDER_H
#define CONVOY_BENCH_LADDER_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/options.h"
#include "bench/run.h"

#define LADDER_RUNGS 5

struct rung {
    const char *algorithm; /* the name in the table, or the start of the names of a family */
    const char *changed;   /* a sentence */
    const char *faster;    /* a sentence */
};

/* From bottom to top. */
extern const struct rung ladder_rungs[LADDER_RUNGS];

struct rung_result {
    const struct rung *rung;
    char algorithm[48]; /* that ran */
    const char *reason; /* why it did not; NULL if it did */
    char reason_text[200];
    double seconds; /* median */
    double executed, flops, peak_fraction, error;
};

/** Measure the ladder of one layer. @retval as select_cases, runner_prepare */
convoy_status ladder_measure(const struct options *options, const char *problem,
                             const struct limits *limits, struct rung_result *results);

/** --ladder PROBLEM */
convoy_status ladder_print(const struct options *options);

#endif
