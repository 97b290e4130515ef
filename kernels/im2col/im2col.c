/**
 * @file im2col.c
 * Convolution as a matrix product: lower a block of x, multiply it with OpenBLAS, apply the
 * epilogue on the way to y. Any layer, both layouts.
 *
 *   for each image, group, block of pixels, block of output channels        <- threads
 *       for each block of the depth
 *           lower x                                                         <- in L2 or L3
 *           sums (+)= lowered * w                                           <- OpenBLAS, one thread
 *       epilogue(sums) -> y
 *
 * The blocks depend on the layer alone, so the bits do not depend on the number of threads.
 *
 * blocking.strip_columns is the pixels of a block, blocking.k_blocks the blocks of a group's output
 * channels, blocking.depth_block the depth of a block. packed_w is, for each group and block of
 * depth, w in the form that the product wants (see im2col.h).
 */
#include "kernels/im2col/im2col.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>

#include "convoy/count.h"
#include "core/arithmetic.h"
#include "core/denormals.h"
#include "core/layer_checked.h"
#include "kernels/kernel.h"
#include "kernels/epilogue.h"

/* Floats of a lowered block and its sums, for each thread: 2 MiB. */
#define BLOCK_FLOATS (512 * 1024)
/* With these two, at least 64 pixels fit. */
#define DEPTH_MAX 4096
/* Terms that OpenBLAS adds in registers before it adds to C, on most cores. */
#define GEMM_DEPTH   320
#define CHANNELS_MAX 4096
/* Small layers are cut into this many units, so that threads have something to share, as long as a
   product keeps these many pixels and channels. */
#define UNITS        8
#define PIXELS_MIN   96
#define CHANNELS_MIN 128

static const char *im2col_refuse(const struct algorithm *algorithm, const convoy_layer *layer)
{
    (void)algorithm;
    (void)layer;
    return im2col_gemm_missing();
}

static int64_t k_block(const struct convoy_plan *plan)
{
    return divide_up(layer_Kg(&plan->layer), plan->blocking.k_blocks);
}

/* Parts of about equal size: as many as make each at most `most`, and more, up to `wanted` parts,
   as long as each has `least`. */
static int64_t part_count(int64_t extent, int64_t most, int64_t least, int64_t wanted)
{
    int64_t parts = divide_up(extent, most);
    return max64(parts, min64(wanted, extent / least));
}

/* The lowered input is written and read once where it is not x itself, run by run of floats that
   lie together in x; the BLAS copies it into panels, if it is more than one pixel, and adds to sums
   in memory, which are stored from there; it reads packed w in rows, of which prefetchers know
   less than of panels. A call for each block of pixels and of output channels. Fewer than 8
   channels do not fill the BLAS's register tiles: 64 -> 1 at 128x128 in NHWC takes more than half
   as long as 64 -> 8. */
static struct work predicted_work(const struct convoy_plan *plan, const convoy_counts *counts)
{
    const double rows = 1.3, lower = 1.9, run = 17.0, panel = 0.55, store = 0.5, pack = 5.2;
    const double full = 8;
    const convoy_layer *l = &plan->layer;
    bool as_it_is = l->R == 1 && l->S == 1 && l->stride_h == 1 && l->stride_w == 1;
    int64_t blocks = l->N * divide_up(plan->P * plan->Q, plan->blocking.strip_columns);
    int64_t units = blocks * l->groups * plan->blocking.k_blocks;
    int64_t depth_blocks = divide_up(layer_depth(l), plan->blocking.depth_block);
    double matrix = (double)counts->macs / (double)layer_Kg(l);
    double runs = matrix / (double)(l->layout == CONVOY_NHWC ? layer_Cg(l) : plan->Q);
    double lowered = as_it_is ? 0 : lower * matrix + run * runs;
    double panels = matrix + (double)(l->K * layer_depth(l) * blocks);
    double stored = (double)(l->N * l->K * plan->P * plan->Q);
    double channels = (double)layer_Kg(l), filled = fmin(channels / full, 1);
    return (struct work){
        .blas = (double)counts->macs / filled,
        .calls = (double)units * (double)depth_blocks,
        .copy = lowered + (plan->P * plan->Q > 1 ? panel * panels : 0) + store * stored,
        .w_passes = rows * (double)blocks,
        .run_bytes = l->layout == CONVOY_NCHW ? 4.0 * (double)plan->blocking.strip_columns : 0,
        .pack = pack * (double)plan->packed_w_bytes / 4.0,
        .filled = 1,
        .units = units,
    };
}

static void im2col_prepare(struct convoy_plan *plan)
{
    const convoy_layer *layer = &plan->layer;
    struct blocking *b = &plan->blocking;
    int64_t depth = layer_depth(layer), Kg = layer_Kg(layer), pixels = plan->P * plan->Q;
    int64_t outer = min64(layer->N * min64(layer->groups, UNITS), UNITS);
    convoy_counts counts = {0};
    convoy_layer_count(layer, NULL, &counts);

    b->depth_block = divide_up(depth, divide_up(depth, DEPTH_MAX));
    int64_t most = BLOCK_FLOATS / (b->depth_block + min64(Kg, CHANNELS_MAX));
    int64_t blocks = part_count(pixels, most, PIXELS_MIN, divide_up(UNITS, outer));
    b->strip_columns = divide_up(pixels, blocks);
    blocks = divide_up(pixels, b->strip_columns);
    b->k_blocks = part_count(Kg, CHANNELS_MAX, CHANNELS_MIN, divide_up(UNITS, outer * blocks));
    b->k_blocks = divide_up(Kg, k_block(plan));
    b->thread_bytes =
        round_up(b->strip_columns * (b->depth_block + k_block(plan)) * (int64_t)sizeof(float), 64);
    plan->workspace_bytes = (size_t)b->thread_bytes * (size_t)plan->threads;
    plan->packed_w_bytes = (size_t)(layer->K * depth) * sizeof(float);
    plan->executed_flops = counts.flops;
    plan->work = predicted_work(plan, &counts);
    plan->error_bound = sum_error_bound(depth + EPILOGUE_ROUNDINGS);
    int64_t longest = min64(depth, GEMM_DEPTH);
    plan->error_typical = sum_error_typical(longest, divide_up(depth, longest));
}

/* The place of filter element k (of the group), d in packed w, from the group's start. */
static int64_t packed_at(const struct convoy_plan *plan, int64_t k, int64_t d)
{
    const convoy_layer *layer = &plan->layer;
    int64_t depth_block = plan->blocking.depth_block, Kg = layer_Kg(layer);
    if (layer->layout == CONVOY_NHWC) {
        return d * Kg + k;
    }
    int64_t d0 = d / depth_block * depth_block;
    return d0 * Kg + k * min64(depth_block, layer_depth(layer) - d0) + d - d0;
}

static void im2col_pack(struct convoy_plan *plan, const float *filter)
{
    const convoy_layer *layer = &plan->layer;
    int64_t Cg = layer_Cg(layer), Kg = layer_Kg(layer), RS = layer->R * layer->S;
    bool nhwc = layer->layout == CONVOY_NHWC;
    for (int64_t k = 0; k < layer->K; k++) {
        float *group = (float *)plan->packed_w + k / Kg * Kg * layer_depth(layer);
        for (int64_t c = 0; c < Cg; c++) {
            for (int64_t tap = 0; tap < RS; tap++) {
                int64_t d = nhwc ? tap * Cg + c : c * RS + tap;
                group[packed_at(plan, k % Kg, d)] = *filter++;
            }
        }
    }
}

static void multiply(const struct convoy_plan *plan, const struct im2col_unit *unit,
                     struct im2col_matrix lowered, int64_t d0, int64_t d1, float *sums)
{
    const convoy_layer *layer = &plan->layer;
    struct im2col_matrix w = {(const float *)plan->packed_w +
                                  unit->g * layer_Kg(layer) * layer_depth(layer) +
                                  packed_at(plan, unit->k, d0),
                              0};
    if (layer->layout == CONVOY_NHWC) {
        w.row_stride = layer_Kg(layer);
        im2col_gemm(unit->pixels, unit->channels, d1 - d0, lowered, w, d0 > 0, sums);
    } else {
        w.row_stride = d1 - d0;
        im2col_gemm(unit->channels, unit->pixels, d1 - d0, w, lowered, d0 > 0, sums);
    }
}

/* NHWC: pixel by pixel. */
static void store_pixels(const struct convoy_plan *plan, const struct operands *operands,
                         const struct im2col_unit *unit, const float *sums)
{
    const convoy_tensor *y = operands->y, *residual = operands->residual;
    int64_t k = unit->g * layer_Kg(&plan->layer) + unit->k;
    for (int64_t i = 0; i < unit->pixels; i++, sums += unit->channels) {
        int64_t p = (unit->pixel + i) / plan->Q, q = (unit->pixel + i) % plan->Q;
        const float *add = NULL;
        if (residual) {
            add = (const float *)residual->data + unit->n * residual->stride_n +
                  p * residual->stride_h + q * residual->stride_w + k;
        }
        epilogue_row(&plan->layer.epilogue, sums, plan->bias ? plan->bias + k : NULL, 1, add,
                     (float *)y->data + unit->n * y->stride_n + p * y->stride_h + q * y->stride_w +
                         k,
                     unit->channels);
    }
}

/* NCHW: for each channel, row by row. */
static void store_rows(const struct convoy_plan *plan, const struct operands *operands,
                       const struct im2col_unit *unit, const float *sums)
{
    const convoy_tensor *y = operands->y, *residual = operands->residual;
    int64_t first = unit->g * layer_Kg(&plan->layer) + unit->k;
    int64_t end = unit->pixel + unit->pixels;
    for (int64_t k = first; k < first + unit->channels; k++) {
        for (int64_t pixel = unit->pixel, count; pixel < end; pixel += count, sums += count) {
            int64_t p = pixel / plan->Q, q = pixel % plan->Q;
            const float *add = NULL;
            count = min64(plan->Q - q, end - pixel);
            if (residual) {
                add = (const float *)residual->data + unit->n * residual->stride_n +
                      k * residual->stride_c + p * residual->stride_h + q;
            }
            epilogue_row(&plan->layer.epilogue, sums, plan->bias ? plan->bias + k : NULL, 0, add,
                         (float *)y->data + unit->n * y->stride_n + k * y->stride_c +
                             p * y->stride_h + q,
                         count);
        }
    }
}

static void compute(const struct convoy_plan *plan, const struct operands *operands,
                    const struct im2col_unit *unit, float *sums, float *lowered)
{
    int64_t depth = layer_depth(&plan->layer);
    for (int64_t d0 = 0; d0 < depth; d0 += plan->blocking.depth_block) {
        int64_t d1 = min64(depth, d0 + plan->blocking.depth_block);
        multiply(plan, unit, im2col_lower(plan, operands->x, unit, d0, d1, lowered), d0, d1, sums);
    }
    if (plan->layer.layout == CONVOY_NHWC) {
        store_pixels(plan, operands, unit, sums);
    } else {
        store_rows(plan, operands, unit, sums);
    }
}

static void im2col_execute(const struct convoy_plan *plan, const struct operands *operands)
{
    const convoy_layer *layer = &plan->layer;
    const struct blocking *b = &plan->blocking;
    int64_t pixels = plan->P * plan->Q, blocks = divide_up(pixels, b->strip_columns);
#pragma omp parallel num_threads(plan->threads)
    {
        uint64_t state = denormals_enter(plan->flush_denormals);
        char *workspace = operands->workspace + omp_get_thread_num() * b->thread_bytes;
        float *sums = (float *)workspace;
        float *lowered = sums + b->strip_columns * k_block(plan);
        im2col_gemm_serial();
#pragma omp for collapse(4) schedule(dynamic) nowait
        for (int64_t n = 0; n < layer->N; n++) {
            for (int64_t g = 0; g < layer->groups; g++) {
                for (int64_t block = 0; block < blocks; block++) {
                    for (int64_t kb = 0; kb < b->k_blocks; kb++) {
                        struct im2col_unit unit = {.n = n, .g = g};
                        unit.pixel = block * b->strip_columns;
                        unit.pixels = min64(pixels - unit.pixel, b->strip_columns);
                        unit.k = kb * k_block(plan);
                        unit.channels = min64(layer_Kg(layer) - unit.k, k_block(plan));
                        compute(plan, operands, &unit, sums, lowered);
                    }
                }
            }
        }
        denormals_leave(plan->flush_denormals, state);
    }
}

static void im2col_describe(const struct convoy_plan *plan, char *text, size_t size)
{
    const struct blocking *b = &plan->blocking;
    snprintf(text, size,
             "products of %lld pixels x depth %lld x %lld output channels, one thread each; "
             "%d thread%s",
             (long long)b->strip_columns, (long long)b->depth_block, (long long)k_block(plan),
             plan->threads, plan->threads == 1 ? "" : "s");
}

const struct algorithm algorithm_im2col = {
    .name = "im2col",
    .summary = "lower blocks of the input to a matrix, multiply with OpenBLAS",
    .refuse = im2col_refuse,
    .prepare = im2col_prepare,
    .pack = im2col_pack,
    .execute = im2col_execute,
    .describe = im2col_describe,
    .skips_padding = false,
    .portable = true,
};
