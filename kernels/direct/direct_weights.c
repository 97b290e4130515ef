/**
 * @file direct_weights.c
 * filter[K][C/groups][R][S] -> packed w.
 *
 * Dense: for each block of output channels, [R][S][C/groups][channels of the block], the channels
 * filled up with zeros to whole vectors. Lanes: for each vector of output channels,
 * [R][S][C/groups][VF].
 */
#include "kernels/direct/direct.h"

#include <string.h>

#include "core/layer_checked.h"

/* One block: a row of `width` output channels for each depth position. */
static void pack_block(const convoy_layer *layer, const float *filter,
                       const struct direct_k_block *block, int64_t width, bool rows_first,
                       float *packed)
{
    int64_t Cg = layer_Cg(layer), taps = layer->R * layer->S;
    for (int64_t k = 0; k < width; k++) {
        if (k >= block->channels) {
            for (int64_t d = 0; d < taps * Cg; d++) {
                packed[d * width + k] = 0.0f;
            }
            continue;
        }
        const float *row = filter + (block->k + k) * Cg * taps;
        for (int64_t c = 0; c < Cg; c++) {
            for (int64_t t = 0; t < taps; t++) {
                int64_t d =
                    rows_first ? (t / layer->S * Cg + c) * layer->S + t % layer->S : t * Cg + c;
                packed[d * width + k] = row[c * taps + t];
            }
        }
    }
}

void direct_pack_weights(struct convoy_plan *plan, const float *filter)
{
    float *packed = plan->packed_w;
#pragma omp parallel for schedule(static) num_threads(plan->threads) if (plan->threads > 1)
    for (int64_t index = 0; index < plan->blocking.k_blocks; index++) {
        struct direct_k_block block = direct_k_block(plan, index);
        int64_t width = (int64_t)block.vectors * plan->kernels->vector_floats;
        pack_block(&plan->layer, filter, &block, width, plan->blocking.depthwise,
                   packed + block.w_offset);
    }
}
