/**
 * @file check.h
 * Are results possible and consistent? Each rule can fail, and the tests make each fail.
 */
#ifndef CONVOY_BENCH_CHECK_H
#define CONVOY_BENCH_CHECK_H

#include <stddef.h>

#include "bench/results.h"

/* More than this of the measured peak is impossible. */
#define CHECK_PEAK_SLACK 1.05
/* More than this of the measured bandwidth is impossible. */
#define CHECK_BANDWIDTH_SLACK 1.1
/* Four images take at least so many times as long as one, on one thread. */
#define CHECK_BATCH_GROWTH 1.5
/* Calls shorter than this are dominated by what does not grow with the batch. */
#define CHECK_BATCH_SECONDS_LEAST 20e-6
/* What reading a clock may cost, once a loop. */
#define CHECK_CLOCK_SECONDS 2e-6
/* The JSON's numbers are printed with so many digits. */
#define CHECK_ROUNDING 1e-3

/**
 * Check one line. The first rule that it breaks is told in words with both numbers.
 * @return whether it passed; reason is "" then
 */
bool check_line(const struct results *results, const struct line *line, char *reason,
                size_t reason_size);

/**
 * Check all lines; those that fail lose their numbers (results_refuse) and are told on stderr.
 * Lines that had no time from the start, other than those of an interrupted run, fail too.
 * @param quiet  no progress on stderr
 * @return how many failed
 */
size_t check_results(struct results *results, bool quiet);

#endif
