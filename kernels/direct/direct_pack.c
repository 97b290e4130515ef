/**
 * @file direct_pack.c
 * Copying the window of a strip into NHWC order, in cache: for NCHW input, for windows with their
 * padding, and for grouped layers whose lanes need x spread out.
 *
 * Dense copies are [n][h][w][C], or [group][n][h][w][C/groups] for a few groups: then what a
 * register tile reads lies together, not in pieces a pixel apart, which may share few sets of L1.
 * Lanes copies are [n][h][w][C/groups][VF] for one block of output channels: lane k holds what
 * output channel k reads.
 */
#include "kernels/direct/direct.h"

#include <string.h>

#include "core/arithmetic.h"
#include "core/layer_checked.h"

/* Where a copy has its pixels: `planes` of run_channels channels each, `stride` floats apart. */
struct planes {
    int64_t planes, channels;
    ptrdiff_t stride;
};

/* One row of real input, columns w0 <= w < w1, of the groups that the copy holds. */
static void copy_row(const struct convoy_plan *plan, const convoy_tensor *x, int64_t group0,
                     const struct planes *copy, int64_t n, int64_t h, int64_t w0, int64_t w1,
                     float *to)
{
    const int64_t channels = copy->channels;
    const float *from = (const float *)x->data + n * x->stride_n + h * x->stride_h +
                        w0 * x->stride_w + group0 * layer_Cg(&plan->layer) * x->stride_c;
    if (x->layout == CONVOY_NCHW) {
        for (int64_t i = 0; i < copy->planes; i++) {
            plan->kernels->transpose(from + i * channels * x->stride_c, x->stride_c,
                                     to + i * copy->stride, channels, channels, w1 - w0);
        }
    } else if (copy->planes == 1 && x->stride_w == channels) {
        memcpy(to, from, (size_t)((w1 - w0) * channels) * sizeof *to);
    } else {
        plan->kernels->direct_panel(&(struct direct_panel){
            .from = from,
            .from_c = x->stride_w,
            .channels = w1 - w0,
            .lanes = (int)channels,
            .to = to,
            .to_c = channels,
            .panels = copy->planes,
            .to_panel = copy->stride,
        });
    }
}

/* Depthwise: a vector of channels of each pixel, and zeros for those behind the last. */
static void copy_channels(const struct convoy_plan *plan, const struct direct_k_block *block,
                          const convoy_tensor *x, const float *row, int64_t pixels, float *to)
{
    const int64_t floats = plan->kernels->vector_floats;
    const float *from = row + block->k * x->stride_c;
    if (block->channels < floats) {
        memset(to, 0, (size_t)(pixels * floats) * sizeof *to);
    }
    if (x->layout == CONVOY_NCHW) {
        plan->kernels->transpose(from, x->stride_c, to, floats, block->channels, pixels);
        return;
    }
    for (int64_t w = 0; w < pixels; w++, from += x->stride_w, to += floats) {
        memcpy(to, from, (size_t)block->channels * sizeof *to);
    }
}

/* For the lanes of a block: where, from its first group's channels on, each reads. Lanes behind the
   last channel, whose sums are not stored, read as the last does. */
static int64_t lane_offsets(const struct convoy_plan *plan, const struct direct_k_block *block,
                            const convoy_tensor *x, ptrdiff_t *offsets)
{
    const int64_t Cg = layer_Cg(&plan->layer), Kg = layer_Kg(&plan->layer);
    const int64_t floats = plan->kernels->vector_floats;
    int64_t groups = 0;
    for (int64_t lane = 0; lane < floats; lane++) {
        int64_t k = block->k + min64(lane, block->channels - 1);
        int64_t group = k / Kg - block->k / Kg;
        for (int64_t c = 0; c < Cg; c++) {
            offsets[c * floats + lane] = (group * Cg + c) * x->stride_c;
        }
        groups = group + 1;
    }
    return (groups * Cg - 1) * x->stride_c + 1;
}

/* Columns w0 <= w < w1 of a row of real input for the lanes of one block. */
static void spread_row(const struct convoy_plan *plan, const struct direct_k_block *block,
                       const convoy_tensor *x, int64_t n, int64_t h, int64_t w0, int64_t w1,
                       ptrdiff_t *offsets, float *to)
{
    const int64_t Cg = layer_Cg(&plan->layer), Kg = layer_Kg(&plan->layer);
    const float *row =
        (const float *)x->data + n * x->stride_n + h * x->stride_h + w0 * x->stride_w;
    if (Cg == 1 && Kg == 1) {
        copy_channels(plan, block, x, row, w1 - w0, to);
        return;
    }
    plan->kernels->direct_spread(&(struct direct_spread){
        .from = row + block->k / Kg * Cg * x->stride_c,
        .from_w = x->stride_w,
        .pixels = w1 - w0,
        .channels = Cg,
        .reach = lane_offsets(plan, block, x, offsets),
        .offsets = offsets,
        .to = to,
    });
}

/* A row of the window of a copy: real input, and zeros where it reaches over an edge. */
static void pack_row(const struct convoy_plan *plan, const struct operands *operands,
                     const struct direct_k_block *block, const struct direct_strip *strip,
                     const struct direct_window *window, const struct planes *copy, int64_t n,
                     int64_t h, float *to)
{
    const convoy_layer *layer = &plan->layer;
    const int64_t width = window->w1 - window->w0, floats = copy->channels;
    const int64_t w0 = max64(window->w0, 0), w1 = max64(min64(window->w1, layer->W), w0);
    const bool real = h >= 0 && h < layer->H && w0 < w1;
    const int64_t left = real ? w0 - window->w0 : width, right = real ? window->w1 - w1 : 0;
    for (int64_t i = 0; i < copy->planes; i++) {
        float *row = to + i * copy->stride;
        memset(row, 0, (size_t)(left * floats) * sizeof *to);
        memset(row + (width - right) * floats, 0, (size_t)(right * floats) * sizeof *to);
    }
    if (real && plan->blocking.lanes) {
        spread_row(plan, block, operands->x, n, h, w0, w1, strip->offsets, to + left * floats);
    } else if (real) {
        copy_row(plan, operands->x, strip->source.group0, copy, n, h, w0, w1, to + left * floats);
    }
}

void direct_pack_strip(const struct convoy_plan *plan, const struct operands *operands,
                       int64_t index, struct direct_strip *strip)
{
    const struct blocking *b = &plan->blocking;
    const struct direct_box *box = &strip->box;
    const struct direct_window window = direct_window(plan, box);
    const struct direct_k_block block = direct_k_block(plan, index);
    const int64_t Cg = layer_Cg(&plan->layer), width = window.w1 - window.w0;
    const int64_t height = window.h1 - window.h0, floats = b->run_channels;
    const int64_t group0 = block.group / b->groups_together * b->groups_together;
    const int64_t groups = min64(b->groups_together, plan->layer.groups - group0);
    const bool apart = !b->lanes && floats == Cg;
    const struct planes copy = {
        .planes = apart ? groups : 1,
        .channels = floats,
        .stride = (box->n1 - box->n0) * height * width * floats,
    };
    strip->source = (struct direct_source){
        .data = strip->copy,
        .stride_n = height * width * floats,
        .stride_h = width * floats,
        .stride_w = floats,
        .stride_group = apart ? copy.stride : Cg,
        .n0 = box->n0,
        .h0 = window.h0,
        .w0 = window.w0,
        .group0 = group0,
        .groups = groups,
    };
    for (int64_t n = box->n0; n < box->n1; n++) {
        for (int64_t h = window.h0; h < window.h1; h++) {
            int64_t row = (n - box->n0) * height + h - window.h0;
            pack_row(plan, operands, &block, strip, &window, &copy, n, h,
                     strip->copy + row * width * floats);
        }
    }
}
