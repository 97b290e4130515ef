/**
 * @file weights.c
 * The caller's weights need to be there only while a plan is created.
 */
#include "plan/weights.h"

#include <math.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "plan/forked.h"

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

/* Let the plan point into the memory. */
static void use(struct convoy_plan *plan, struct weights_memory *memory)
{
    plan->weights = memory;
    plan->packed_w = memory->packed_w;
    plan->bias = memory->bias;
}

convoy_status weights_pack(struct convoy_plan *plan, const convoy_weights *weights)
{
    void *memory = NULL, *bias = NULL;
    convoy_status status = memory_allocate(sizeof(struct weights_memory), "the plan", &memory);
    if (status) {
        return status;
    }
    struct weights_memory *made = memory;
    *made = (struct weights_memory){.references = 1};
    status = memory_allocate(plan->packed_w_bytes, "packed weights", &made->packed_w);
    status = status ? status : memory_allocate(plan->bias_bytes, "the bias", &bias);
    made->bias = bias;
    use(plan, made);
    if (status) {
        weights_release(plan);
        return status;
    }
    if (bias) {
        memset(bias, 0, plan->bias_bytes);
        memcpy(bias, weights->bias, (size_t)plan->layer.K * sizeof(float));
    }
    int entered = forked_enter(plan->threads);
    plan->algorithm->pack(plan, weights->filter);
    forked_leave(entered);
    return CONVOY_OK;
}

bool weights_agree(const struct convoy_plan *a, const struct convoy_plan *b)
{
    const convoy_layer *la = &a->layer, *lb = &b->layer;
    const struct blocking *ba = &a->blocking, *bb = &b->blocking;
    bool filter = la->K == lb->K && la->C == lb->C && la->R == lb->R && la->S == lb->S &&
                  la->groups == lb->groups && la->stride_h == lb->stride_h &&
                  la->stride_w == lb->stride_w && la->dilation_h == lb->dilation_h &&
                  la->dilation_w == lb->dilation_w;
    /* direct's dense tiles: other algorithms pack alike for any blocks */
    bool same_blocks = ba->block_vectors == 0 || ba->panels || ba->depthwise ||
                       (ba->k_blocks == bb->k_blocks && ba->tile_vectors == bb->tile_vectors);
    bool packing = ba->depth_block == bb->depth_block && ba->lanes == bb->lanes &&
                   ba->dots == bb->dots && ba->depthwise == bb->depthwise &&
                   ba->panels == bb->panels && same_blocks && la->layout == lb->layout;
    return a->algorithm == b->algorithm && a->kernels == b->kernels && filter && packing &&
           a->packed_w_bytes == b->packed_w_bytes && a->bias_bytes == b->bias_bytes &&
           a->flush_denormals == b->flush_denormals; /* direct flushes the bias too */
}

void weights_share(struct convoy_plan *plan, const struct convoy_plan *owner)
{
    __atomic_add_fetch(&owner->weights->references, 1, __ATOMIC_RELAXED);
    use(plan, owner->weights);
}

void weights_release(struct convoy_plan *plan)
{
    struct weights_memory *memory = plan->weights;
    if (memory && __atomic_sub_fetch(&memory->references, 1, __ATOMIC_ACQ_REL) == 0) {
        memory_free(memory->packed_w);
        memory_free(memory->bias);
        memory_free(memory);
    }
    plan->weights = NULL;
    plan->packed_w = NULL;
    plan->bias = NULL;
}
