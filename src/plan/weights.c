/**
 * @file weights.c
 * The caller's weights need to be there only while a plan is created.
 */
#include "plan/weights.h"

#include <math.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"

convoy_status weights_check(const convoy_weights *weights)
{
    if (weights == NULL || weights->filter == NULL) {
        return fail(CONVOY_ERROR_NULL, "the %s NULL",
                    weights == NULL ? "weights are" : "weights' filter is");
    }
    if ((uintptr_t)weights->filter % sizeof(float) || (uintptr_t)weights->bias % sizeof(float)) {
        return fail(CONVOY_ERROR_ALIGNMENT, "the %s is not aligned to the %zu bytes of a float",
                    (uintptr_t)weights->filter % sizeof(float) ? "filter" : "bias", sizeof(float));
    }
    return CONVOY_OK;
}

bool weights_finite(const float *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(values[i])) {
            return false;
        }
    }
    return true;
}

convoy_status weights_pack(struct convoy_plan *plan, const convoy_weights *weights)
{
    void *bias = NULL;
    convoy_status status = memory_allocate(plan->packed_w_bytes, "packed weights", &plan->packed_w);
    status = status ? status : memory_allocate(plan->bias_bytes, "the bias", &bias);
    if (status) {
        weights_release(plan);
        return status;
    }
    plan->bias = bias;
    if (bias) {
        memset(bias, 0, plan->bias_bytes);
        memcpy(bias, weights->bias, (size_t)plan->layer.K * sizeof(float));
    }
    plan->algorithm->pack(plan, weights->filter);
    return CONVOY_OK;
}

void weights_release(struct convoy_plan *plan)
{
    memory_free(plan->packed_w);
    memory_free(plan->bias);
    plan->packed_w = NULL;
    plan->bias = NULL;
}
