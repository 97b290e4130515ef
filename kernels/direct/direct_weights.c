/**
 * @file direct_weights.c
 * filter[K][C/groups][R][S] -> packed w.
 *
 * Dense: for each block of output channels, [R][S][C/groups][channels of the block], the channels
 * filled up with zeros to whole vectors, or halves of them (tile_shapes.granule). Lanes: for each
 * vector of output channels, [R][S][C/groups][VF]. Depthwise: the same as [R][C/groups][S][VF].
 * Panels and dots: [K][R][S][C/groups].
 */
#include "kernels/direct/direct.h"

#include <string.h>

#include "core/denormals.h"
#include "core/layer_checked.h"

static void pack_by_channels(struct convoy_plan *plan, const float *filter)
{
    const convoy_layer *l = &plan->layer;
    const int64_t taps = l->R * l->S, depth = layer_depth(l), Cg = layer_Cg(l);
    float *packed = plan->packed_w;
    if (taps == 1) {
        memcpy(packed, filter, plan->packed_w_bytes);
        return;
    }
#pragma omp parallel for schedule(static) num_threads(plan->threads) if (plan->threads > 1)
    for (int64_t k = 0; k < l->K; k++) {
        plan->kernels->transpose(filter + k * depth, taps, packed + k * depth, Cg, Cg, taps);
    }
}

/* As what a sum of nothing would be: an output without a tap on real input is the bias alone, in
   one layout with products of padding, in the other without. */
static void settle_bias(struct convoy_plan *plan)
{
    const uint64_t state = denormals_enter(plan->flush_denormals);
    for (int64_t k = 0; k < plan->layer.K && plan->bias; k++) {
        plan->bias[k] += 0.0f; /* no -0, and no denormal where they are flushed */
    }
    denormals_leave(plan->flush_denormals, state);
}

void direct_pack_weights(struct convoy_plan *plan, const float *filter)
{
    const convoy_layer *layer = &plan->layer;
    settle_bias(plan);
    if (plan->blocking.panels || plan->blocking.dots) {
        pack_by_channels(plan, filter);
        return;
    }
    const int64_t Cg = layer_Cg(layer);
    const bool depthwise = plan->blocking.depthwise;
    float *packed = plan->packed_w;
#pragma omp parallel for schedule(static) num_threads(plan->threads) if (plan->threads > 1)
    for (int64_t index = 0; index < plan->blocking.k_blocks; index++) {
        struct direct_k_block block = direct_k_block(plan, index);
        int64_t width = block.width;
        plan->kernels->direct_filter(&(struct direct_filter){
            .filter = filter + block.k * layer_depth(layer),
            .C = Cg,
            .R = layer->R,
            .S = layer->S,
            .channels = block.channels,
            .width = block.width,
            .to = packed + block.w_offset,
            .to_c = depthwise ? layer->S * width : width,
            .to_r = layer->S * Cg * width,
            .to_s = depthwise ? width : Cg * width,
        });
    }
}
