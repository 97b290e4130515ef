/**
 * @file choose.h
 * Which algorithm a plan gets, and why the others do not.
 */
#ifndef CONVOY_PLAN_CHOOSE_H
#define CONVOY_PLAN_CHOOSE_H

#include "plan/cost.h"

/** Threads above this are not used: workspaces are per thread, and their sum must stay a number. */
#define THREADS_MAX 1024

/** How many threads that is: 0 is what OpenMP would use. */
int request_threads(int threads);

/** What is asked for, checked, without defaults left open. */
struct request {
    const convoy_layer *layer;
    convoy_options options;
    const struct isa_kernels *kernels;
    const struct algorithm *forced;     /* NULL: the planner chooses */
    int threads;                        /* at most */
    bool all_threads;                   /* exactly so many: who names an algorithm gets them */
    convoy_rates rates, portable_rates; /* of the kernels; of algorithms that run none of an ISA */
    bool bias;
    bool weights_not_finite;
};

/**
 * Check layer and options.
 * @param kernels  NULL: those of options->isa
 * @retval all of convoy_plan_create but CONVOY_ERROR_TOLERANCE, CONVOY_ERROR_LIMIT and memory
 */
convoy_status request_make(const convoy_layer *layer, const convoy_options *options,
                           const struct isa_kernels *kernels, struct request *request);

/**
 * An algorithm's plan for the request, without packed weights.
 * @param reason  320 bytes: receives why the request excludes it, "" if it does not
 * @return CONVOY_OK or the status that a caller who forces this algorithm gets; the plan is set
 *         but for CONVOY_ERROR_ALGORITHM. The detail is not set: that is the caller's choice.
 */
convoy_status request_try(const struct request *request, const struct algorithm *algorithm,
                          struct convoy_plan *plan, char *reason);

/**
 * The chosen plan, without packed weights; plan->why is set.
 * @retval CONVOY_ERROR_ALGORITHM, CONVOY_ERROR_TOLERANCE, CONVOY_ERROR_LIMIT,
 *         CONVOY_ERROR_TOO_LARGE
 */
convoy_status request_choose(const struct request *request, struct convoy_plan *plan);

#endif
