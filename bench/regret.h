/**
 * @file regret.h
 * How good the planner's choice is: the chosen algorithm against the best of all, measured.
 */
#ifndef CONVOY_BENCH_REGRET_H
#define CONVOY_BENCH_REGRET_H

#include "bench/options.h"

/**
 * For each layer x ISA x layout x threads: time every algorithm that is predicted to be anywhere
 * near the chosen one, in turns in one run, and print a line; then the summary. With options->full,
 * a line for each algorithm instead, its fields separated by tabs, to fit a model with.
 * @retval as select_cases, convoy_plan_create and convoy_plan_execute
 */
convoy_status regret_print(const struct options *options);

#endif
