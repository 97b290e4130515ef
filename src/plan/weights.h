/**
 * @file weights.h
 * A plan's own copy of the weights, packed as its algorithm wants them.
 */
#ifndef CONVOY_PLAN_WEIGHTS_H
#define CONVOY_PLAN_WEIGHTS_H

#include "kernels/algorithm.h"

/** Memory for the weights of one or more plans. */
struct weights_memory {
    int references;   /* atomic */
    uint64_t counted; /* the count of its cache in which it was counted; under the cache's lock */
    void *packed_w;
    float *bias;
};

/** @retval CONVOY_ERROR_NULL, CONVOY_ERROR_ALIGNMENT */
convoy_status weights_check(const convoy_weights *weights);

/** No infinity and no NaN among `count` values. */
bool weights_finite(const float *values, int64_t count);

/**
 * Allocate the plan's packed weights and bias, and fill them.
 * @retval CONVOY_ERROR_TOO_LARGE, CONVOY_ERROR_MEMORY; the plan then has neither
 */
convoy_status weights_pack(struct convoy_plan *plan, const convoy_weights *weights);

/** Would both pack the same filter into the same bytes? Both are prepared. */
bool weights_agree(const struct convoy_plan *a, const struct convoy_plan *b);

/** Use the memory of another plan, which agrees, instead of packing. */
void weights_share(struct convoy_plan *plan, const struct convoy_plan *owner);

/** Leave them, and free them if no other plan has them; a plan that has none is fine. */
void weights_release(struct convoy_plan *plan);

#endif
