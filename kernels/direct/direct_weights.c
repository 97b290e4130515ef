/**
 * @file direct_weights.c
 * filter[K][C/groups][R][S] -> packed w.
 *
 * Dense: for each block of output channels, [R][S][C/groups][channels of the block], the channels
 * filled up with zeros to whole vectors. Lanes: for each vector of output channels,
 * [R][S][C/groups][VF]. Depthwise: the same as [R][C/groups][S][VF].
 */
#include "kernels/direct/direct.h"

#include "core/layer_checked.h"

void direct_pack_weights(struct convoy_plan *plan, const float *filter)
{
    const convoy_layer *layer = &plan->layer;
    const int64_t Cg = layer_Cg(layer);
    const bool depthwise = plan->blocking.depthwise;
    float *packed = plan->packed_w;
#pragma omp parallel for schedule(static) num_threads(plan->threads) if (plan->threads > 1)
    for (int64_t index = 0; index < plan->blocking.k_blocks; index++) {
        struct direct_k_block block = direct_k_block(plan, index);
        int64_t width = (int64_t)block.vectors * plan->kernels->vector_floats;
        plan->kernels->direct_filter(&(struct direct_filter){
            .filter = filter + block.k * layer_depth(layer),
            .C = Cg,
            .R = layer->R,
            .S = layer->S,
            .channels = block.channels,
            .to = packed + block.w_offset,
            .to_c = depthwise ? layer->S * width : width,
            .to_r = layer->S * Cg * width,
            .to_s = depthwise ? width : Cg * width,
        });
    }
}
