/**
 * @file plan.h
 * Creation of plans on a kernel table of the caller's.
 */
#ifndef CONVOY_PLAN_PLAN_H
#define CONVOY_PLAN_PLAN_H

#include "convoy/plan.h"

struct isa_kernels;

/**
 * convoy_plan_create, but on the given kernels: tests run tables that no convoy_isa stands for.
 * @param kernels  NULL: those of options->isa
 */
convoy_status plan_create_on(const convoy_layer *layer, const convoy_weights *weights,
                             const convoy_options *options, const struct isa_kernels *kernels,
                             convoy_plan **plan);

#endif
