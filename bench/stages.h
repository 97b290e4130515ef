/**
 * @file stages.h
 * How the time of a Winograd plan is shared by its stages.
 */
#ifndef CONVOY_BENCH_STAGES_H
#define CONVOY_BENCH_STAGES_H

#include <stdbool.h>

#include "convoy/convoy.h"

enum stage {
    STAGE_INPUT,    /* x to V: what tiles read, transposes, the input transform */
    STAGE_MULTIPLY, /* V times packed w */
    STAGE_OUTPUT,   /* products to y: the output transform, the epilogue, transposes */
    STAGES
};

/** The plan has these stages. */
bool stages_apply(const convoy_plan *plan);

/**
 * Run the plan on one thread, several times, with a clock at the borders of its stages.
 *
 * The kernels are not changed: they are called through a table of functions that look whether the
 * stage is another one than before, and read the clock only then. Not from several threads at once.
 *
 * @param shares  of the fastest run, by stage; their sum is 1
 * @retval as convoy_plan_execute
 */
convoy_status stages_measure(const convoy_plan *plan, const convoy_tensor *x,
                             const convoy_tensor *y, void *workspace, double shares[STAGES]);

#endif
