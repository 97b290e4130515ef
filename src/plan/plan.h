/**
 * @file plan.h
 * Plans as the other files here see them.
 */
#ifndef CONVOY_PLAN_PLAN_H
#define CONVOY_PLAN_PLAN_H

#include "plan/choose.h"

/** Plans whose packed weights a new one may use. */
struct weights_owners {
    /* One that agrees with the prepared plan and was made from the same weights, retained; NULL:
       none. */
    convoy_plan *(*find)(const struct convoy_plan *prepared, void *data);
    void *data;
};

/**
 * convoy_plan_create, but on the given kernels: calibration runs those of each ISA, tests and the
 * benchmark some that no convoy_isa stands for.
 * @param kernels  NULL: those of options->isa
 */
convoy_status plan_create_on(const convoy_layer *layer, const convoy_weights *weights,
                             const convoy_options *options, const struct isa_kernels *kernels,
                             convoy_plan **plan);

/** The same, with packed weights of one of the owners where one agrees; owners may be NULL. */
convoy_status plan_create_sharing(const convoy_layer *layer, const convoy_weights *weights,
                                  const convoy_options *options, const struct isa_kernels *kernels,
                                  const struct weights_owners *owners, convoy_plan **plan);

/**
 * A plan on the heap from a prepared one.
 * @param owner  a plan whose packed weights agree and are used; NULL: `weights` are packed
 * @retval CONVOY_ERROR_TOO_LARGE, CONVOY_ERROR_MEMORY
 */
convoy_status plan_finish(const struct request *request, const struct convoy_plan *chosen,
                          const convoy_weights *weights, const struct convoy_plan *owner,
                          convoy_plan **plan);

/** The ISA of the plan's kernels; CONVOY_ISA_PORTABLE if its algorithm runs none of an ISA. */
convoy_isa plan_isa(const struct convoy_plan *plan);

#endif
