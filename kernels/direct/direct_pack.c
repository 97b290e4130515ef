/**
 * @file direct_pack.c
 * Copying the window of a strip into NHWC order, in cache: for NCHW input, for windows with their
 * padding, and for grouped layers whose lanes need x spread out.
 *
 * Dense copies are [n][h][w][C]. Lanes copies are [n][h][w][C/groups][VF] for one block of output
 * channels: lane k holds what output channel k reads.
 */
#include "kernels/direct/direct.h"

#include <string.h>

#include "core/arithmetic.h"
#include "core/layer_checked.h"

/* One row of real input, columns w0 <= w < w1, all channels. */
static void copy_row(const struct convoy_plan *plan, const convoy_tensor *x, int64_t n, int64_t h,
                     int64_t w0, int64_t w1, float *to)
{
    int64_t C = plan->layer.C;
    const float *from =
        (const float *)x->data + n * x->stride_n + h * x->stride_h + w0 * x->stride_w;
    if (x->layout == CONVOY_NCHW) {
        plan->kernels->transpose(from, x->stride_c, to, C, C, w1 - w0);
    } else if (x->stride_w == C) {
        memcpy(to, from, (size_t)((w1 - w0) * C) * sizeof *to);
    } else {
        for (int64_t w = w0; w < w1; w++, from += x->stride_w, to += C) {
            memcpy(to, from, (size_t)C * sizeof *to);
        }
    }
}

/* The same for the lanes of one block. */
static void spread_row(const struct convoy_plan *plan, const struct direct_k_block *block,
                       const convoy_tensor *x, int64_t n, int64_t h, int64_t w0, int64_t w1,
                       float *to)
{
    int64_t Cg = layer_Cg(&plan->layer), Kg = layer_Kg(&plan->layer);
    int64_t floats = plan->kernels->vector_floats;
    const float *row =
        (const float *)x->data + n * x->stride_n + h * x->stride_h + w0 * x->stride_w;
    if (Cg == 1 && Kg == 1) {
        const float *from = row + block->k * x->stride_c;
        if (block->channels < floats) {
            memset(to, 0, (size_t)((w1 - w0) * floats) * sizeof *to);
        }
        if (x->layout == CONVOY_NCHW) {
            plan->kernels->transpose(from, x->stride_c, to, floats, block->channels, w1 - w0);
            return;
        }
        for (int64_t w = w0; w < w1; w++, from += x->stride_w, to += floats) {
            memcpy(to, from, (size_t)block->channels * sizeof *to);
        }
        return;
    }
    for (int64_t c = 0; c < Cg; c++) {
        for (int64_t lane = 0; lane < floats; lane++) {
            int64_t channel = (block->k + lane) / Kg * Cg + c;
            const float *from = row + channel * x->stride_c;
            float *target = to + c * floats + lane;
            for (int64_t w = 0; w < w1 - w0; w++) {
                target[w * Cg * floats] = lane < block->channels ? from[w * x->stride_w] : 0.0f;
            }
        }
    }
}

void direct_pack_strip(const struct convoy_plan *plan, const struct operands *operands,
                       int64_t index, struct direct_strip *strip)
{
    const convoy_layer *layer = &plan->layer;
    struct direct_window window = direct_window(plan, &strip->box);
    struct direct_k_block block = direct_k_block(plan, index);
    bool lanes = plan->blocking.lanes;
    int64_t channels = lanes ? layer_Cg(layer) * plan->kernels->vector_floats : layer->C;
    int64_t width = window.w1 - window.w0;
    int64_t w0 = max64(window.w0, 0), w1 = max64(min64(window.w1, layer->W), w0);
    size_t left = (size_t)(min64(w0 - window.w0, width) * channels) * sizeof(float);
    size_t right = (size_t)max64(0, (window.w1 - w1) * channels) * sizeof(float);
    float *to = strip->copy;
    for (int64_t n = strip->box.n0; n < strip->box.n1; n++) {
        for (int64_t h = window.h0; h < window.h1; h++, to += width * channels) {
            if (h < 0 || h >= layer->H || w0 >= w1) {
                memset(to, 0, (size_t)(width * channels) * sizeof *to);
                continue;
            }
            float *inside = to + (w0 - window.w0) * channels;
            memset(to, 0, left);
            if (lanes) {
                spread_row(plan, &block, operands->x, n, h, w0, w1, inside);
            } else {
                copy_row(plan, operands->x, n, h, w0, w1, inside);
            }
            memset(inside + (w1 - w0) * channels, 0, right);
        }
    }
    strip->source = (struct direct_source){
        .data = strip->copy,
        .stride_n = (window.h1 - window.h0) * width * channels,
        .stride_h = width * channels,
        .stride_w = channels,
        .n0 = strip->box.n0,
        .h0 = window.h0,
        .w0 = window.w0,
    };
}
