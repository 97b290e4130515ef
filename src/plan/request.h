/**
 * @file request.h
 * What a plan is asked for.
 */
#ifndef CONVOY_PLAN_REQUEST_H
#define CONVOY_PLAN_REQUEST_H

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

#endif
