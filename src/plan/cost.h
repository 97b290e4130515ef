/**
 * @file cost.h
 * From what an algorithm says that it does (struct work) to seconds.
 */
#ifndef CONVOY_PLAN_COST_H
#define CONVOY_PLAN_COST_H

#include "convoy/calibration.h"
#include "kernels/algorithm.h"

/** The rates that hold where nothing was measured. */
convoy_rates rates_built_in(convoy_isa isa);

/** Predict the time of a prepared plan on so many threads. */
convoy_prediction cost_predict(const struct convoy_plan *plan, const convoy_rates *rates,
                               int threads);

/** How many threads, at most those of the prepared plan, make it the fastest. */
int cost_best_threads(const struct convoy_plan *plan, const convoy_rates *rates);

#endif
