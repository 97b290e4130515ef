/**
 * @file report.h
 * A self-contained page with plots of a run: DIR/index.html, and the data it was made of.
 */
#ifndef CONVOY_BENCH_REPORT_H
#define CONVOY_BENCH_REPORT_H

#include "bench/machine_limits.h"
#include "bench/options.h"
#include "bench/results.h"

/** What runs for a report when the command line does not say: a selection of about three minutes,
 *  or with --full the whole core list. */
void report_defaults(struct options *options);

/**
 * Measure what only the report shows (ladder, batch, size) and write DIR/index.html.
 * @param results  of the run: all its lines are in the tables, the best ones in the plots
 * @retval CONVOY_ERROR_UNSUPPORTED  gnuplot is missing or fails: the detail says what to install
 * @retval CONVOY_ERROR_IO
 */
convoy_status report_write(const struct options *options, const struct results *results,
                           const struct limits *before, const struct limits *after);

#endif
