/**
 * @file plan.h
 * Plans as the other files here see them.
 */
#ifndef CONVOY_PLAN_PLAN_H
#define CONVOY_PLAN_PLAN_H

#include "kernels/algorithm.h"

/**
 * convoy_plan_create, but on the given kernels: tests run tables that no convoy_isa stands for.
 * @param kernels  NULL: those of options->isa
 */
convoy_status plan_create_on(const convoy_layer *layer, const convoy_weights *weights,
                             const convoy_options *options, const struct isa_kernels *kernels,
                             convoy_plan **plan);

/** The ISA of the plan's kernels; CONVOY_ISA_PORTABLE if its algorithm runs none of an ISA. */
convoy_isa plan_isa(const struct convoy_plan *plan);

#endif
