/**
 * @file measure.h
 * CONVOY_MEASURE: the promising algorithms timed on the layer itself.
 */
#ifndef CONVOY_PLAN_MEASURE_H
#define CONVOY_PLAN_MEASURE_H

#include "plan/choose.h"

/** Candidates: those predicted within so many times the best, and so many at most. */
#define MEASURED_WITHIN 3.0
#define MEASURED_MAX    6

/** What was measured of one algorithm. */
struct measured {
    const struct algorithm *algorithm;
    double seconds;          /* of one execution, the least; 0: the time limit came first */
    double creation_seconds; /* its share for each execution; 0 if creation does not count */
};

/** The fastest first, with its share of the creation. */
struct measurement {
    size_t count;
    struct measured rows[MEASURED_MAX];
};

/**
 * Time the candidates of a request in turns, until one is clearly the fastest or
 * options.time_limit_s is over, but each at least once where the limit allows, and the one
 * predicted to be the best in any case.
 *
 * @param weights  NULL: random ones
 * @retval as request_choose; CONVOY_ERROR_MEMORY, CONVOY_ERROR_TOO_LARGE  x, y or a candidate's
 *         memory
 */
convoy_status request_measure(const struct request *request, const convoy_weights *weights,
                              struct measurement *measurement);

/** What candidates are compared by: seconds of an execution, with its share of the creation. */
double measured_cost(const struct measured *measured);

/** What was measured of an algorithm; NULL: nothing. */
const struct measured *measurement_find(const struct measurement *measurement,
                                        const struct algorithm *algorithm);

#endif
