/**
 * @file winograd_weights.c
 * filter[K][C/groups][R][S] -> packed w: for each block of output channels, and each point, the
 * transformed taps of all pieces, [piece][C/groups][channels of the block].
 */
#include "core/arithmetic.h"
#include "core/layer_checked.h"
#include "kernels/winograd/winograd.h"

void winograd_pack(struct convoy_plan *plan, const float *filter)
{
    const convoy_layer *l = &plan->layer;
    int64_t Cg = layer_Cg(l), floats = plan->kernels->vector_floats;
    struct winograd_axis h, w;
    winograd_axes(plan, &h, &w);
#pragma omp parallel for schedule(static) num_threads(plan->threads) if (plan->threads > 1)
    for (int64_t index = 0; index < plan->blocking.k_blocks; index++) {
        struct winograd_k_block block = winograd_k_block(plan, index);
        for (int v = 0; v < block.vectors; v++) {
            struct winograd_filter f = {
                .filter = filter + (block.k + v * floats) * Cg * l->R * l->S,
                .k_stride = Cg * l->R * l->S,
                .lanes = (int)min64(floats, block.channels - v * floats),
                .channels = Cg,
                .h = &h,
                .w = &w,
                .g_h = winograd_matrices_find(h.alpha, h.r)->g,
                .g_w = winograd_matrices_find(w.alpha, w.r)->g,
                .u = (float *)plan->packed_w + block.w_offset + v * floats,
                .c_stride = block.vectors * floats,
            };
            plan->kernels->winograd_filters->of_variant[winograd_of(plan)->index](&f);
        }
    }
}
