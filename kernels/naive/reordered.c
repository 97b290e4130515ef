/**
 * @file reordered.c
 * The loop nest of naive.c in another order, so that the innermost loop runs over memory that lies
 * together and a compiler can vectorise it. Any layer, both layouts.
 *
 *   NHWC: for a few pixels of a row of y, for r, s, c: sums[q][k] += x[c] * w[r][s][c][k]
 *   NCHW: for a channel and a row of y,   for r, s, c: sums[q]    += x[q] * w[r][s][c]
 *
 * The order of each sum, r s c, is the same in both, so their bits are the same. Taps on padding
 * are left out. Threads share out rows of y (NCHW: of each channel).
 *
 * blocking.strip_columns is the pixels whose sums are kept at once, blocking.depth_block unused,
 * blocking.k_blocks the blocks of output channels of a group. packed_w is [group][R][S][C/g][K/g].
 */
#include <omp.h>
#include <stdio.h>

#include "convoy/count.h"
#include "core/arithmetic.h"
#include "core/denormals.h"
#include "core/layer_checked.h"
#include "kernels/algorithm.h"
#include "kernels/epilogue.h"

/* Sums kept at once: 16 KiB, half of a small L1 data cache. */
#define SUMS        4096
#define K_BLOCK_MAX 1024

static const char *reordered_refuse(const struct algorithm *algorithm, const convoy_layer *layer)
{
    (void)algorithm;
    (void)layer;
    return NULL;
}

/* Output channels whose sums lie side by side. */
static int64_t k_block(const struct convoy_plan *plan)
{
    return plan->layer.layout == CONVOY_NHWC
               ? divide_up(layer_Kg(&plan->layer), plan->blocking.k_blocks)
               : 1;
}

/* Sums go through memory, in the vectors of the baseline ISA. Their loops run over channels (NHWC)
   or the columns of a row (NCHW), and are often so short that beginning one, a tap, or a piece of
   the sums takes most of the time. Each in multiply-adds of the portable kernels (measured). */
static double multiplies(const struct convoy_plan *plan, double macs)
{
    const bool nhwc = plan->layer.layout == CONVOY_NHWC;
    const double mac = nhwc ? 0.35 : 0.7, piece = nhwc ? 30.0 : 120.0, tap = 12.0;
    const double loop = nhwc ? 4.0 : plan->layer.stride_w == 1 ? 8.0 : 16.0;
    const convoy_layer *l = &plan->layer;
    double rows = (double)(l->N * l->groups * plan->blocking.k_blocks * plan->P);
    double pieces =
        rows * (double)(nhwc ? plan->Q : divide_up(plan->Q, plan->blocking.strip_columns));
    double taps = pieces * (double)(l->R * l->S);
    return mac * macs + (loop * (double)layer_Cg(l) + tap) * taps + piece * pieces;
}

static void reordered_prepare(struct convoy_plan *plan)
{
    const convoy_layer *layer = &plan->layer;
    struct blocking *b = &plan->blocking;
    convoy_counts counts = {0};
    convoy_layer_count(layer, NULL, &counts);
    b->k_blocks =
        layer->layout == CONVOY_NHWC ? divide_up(layer_Kg(layer), K_BLOCK_MAX) : layer_Kg(layer);
    b->strip_columns = min64(plan->Q, SUMS / k_block(plan));
    b->thread_bytes = round_up(b->strip_columns * k_block(plan) * (int64_t)sizeof(float), 64);
    plan->workspace_bytes = (size_t)b->thread_bytes * (size_t)plan->threads;
    plan->packed_w_bytes = (size_t)(layer->K * layer_depth(layer)) * sizeof(float);
    plan->executed_flops = counts.flops_valid;
    plan->work = (struct work){.multiply = multiplies(plan, (double)counts.macs_valid),
                               .filled = 1,
                               .units = layer->N * layer->groups * b->k_blocks * plan->P};
    plan->error_bound = sum_error_bound(layer_depth(layer) + EPILOGUE_ROUNDINGS);
    plan->error_typical = sum_error_typical(layer_depth(layer), 1);
}

static void reordered_pack(struct convoy_plan *plan, const float *filter)
{
    const convoy_layer *layer = &plan->layer;
    int64_t Cg = layer_Cg(layer), Kg = layer_Kg(layer), RS = layer->R * layer->S;
    float *packed = plan->packed_w;
    for (int64_t k = 0; k < layer->K; k++) {
        float *group = packed + k / Kg * layer_depth(layer) * Kg + k % Kg;
        for (int64_t c = 0; c < Cg; c++) {
            for (int64_t tap = 0; tap < RS; tap++) {
                group[(tap * Cg + c) * Kg] = *filter++;
            }
        }
    }
}

/* Some outputs of one row: q0 <= q < q1 and `channels` output channels from k. */
struct piece {
    int64_t n, p, q0, q1, k, channels;
};

/* The part of q0 <= q < q1 whose tap s meets the input. */
static void clip_columns(const convoy_layer *layer, int64_t s, int64_t *q0, int64_t *q1)
{
    int64_t w0 = s * layer->dilation_w - layer->pad_left; /* of q = 0 */
    int64_t least = w0 >= 0 ? 0 : divide_up(-w0, layer->stride_w);
    int64_t end = w0 >= layer->W ? 0 : (layer->W - 1 - w0) / layer->stride_w + 1;
    *q0 = max64(*q0, least);
    *q1 = min64(*q1, end);
}

/* NHWC: one pixel's input channels, times w of one tap, onto the sums of the output channels. */
static void add_tap_nhwc(const float *restrict x, int64_t Cg, const float *restrict w, int64_t Kg,
                         float *restrict sums, int64_t channels)
{
    for (int64_t c = 0; c < Cg; c++) {
        float value = x[c];
        for (int64_t k = 0; k < channels; k++) {
            sums[k] += value * w[c * Kg + k];
        }
    }
}

/* NCHW: one row of one input channel, times one weight, onto the sums of the pixels. */
static void add_tap_nchw(const float *restrict x, int64_t stride, float w, float *restrict sums,
                         int64_t columns)
{
    if (stride == 1) {
        for (int64_t q = 0; q < columns; q++) {
            sums[q] += x[q] * w;
        }
    } else {
        for (int64_t q = 0; q < columns; q++) {
            sums[q] += x[q * stride] * w;
        }
    }
}

/* Tap r, s: input row h, from the first channel of the group; w is that tap's [C/g][K/g]. */
static void add_tap(const struct convoy_plan *plan, const convoy_tensor *x, const float *row,
                    const float *w, int64_t s, const struct piece *piece, float *sums)
{
    const convoy_layer *layer = &plan->layer;
    int64_t Cg = layer_Cg(layer), Kg = layer_Kg(layer);
    int64_t q0 = piece->q0, q1 = piece->q1;
    clip_columns(layer, s, &q0, &q1);
    if (q0 >= q1) {
        return;
    }
    const float *from =
        row + (q0 * layer->stride_w - layer->pad_left + s * layer->dilation_w) * x->stride_w;
    if (layer->layout == CONVOY_NCHW) {
        for (int64_t c = 0; c < Cg; c++) {
            add_tap_nchw(from + c * x->stride_c, layer->stride_w, w[c * Kg], sums + q0 - piece->q0,
                         q1 - q0);
        }
        return;
    }
    for (int64_t q = q0; q < q1; q++, from += layer->stride_w * x->stride_w) {
        add_tap_nhwc(from, Cg, w, Kg, sums + (q - piece->q0) * piece->channels, piece->channels);
    }
}

/* NHWC: pixel by pixel; NCHW: the row of the one channel. */
static void store(const struct convoy_plan *plan, const struct operands *operands,
                  const struct piece *piece, const float *sums)
{
    const convoy_tensor *y = operands->y, *residual = operands->residual;
    bool nhwc = plan->layer.layout == CONVOY_NHWC;
    int64_t count = nhwc ? piece->channels : piece->q1 - piece->q0;
    int64_t step = nhwc ? 1 : count;
    const float *bias = plan->bias ? plan->bias + piece->k : NULL;
    for (int64_t q = piece->q0; q < piece->q1; q += step, sums += count) {
        const float *add = NULL;
        if (residual) {
            add = (const float *)residual->data + piece->n * residual->stride_n +
                  piece->k * residual->stride_c + piece->p * residual->stride_h +
                  q * residual->stride_w;
        }
        epilogue_row(&plan->layer.epilogue, sums, bias, nhwc, add,
                     (float *)y->data + piece->n * y->stride_n + piece->k * y->stride_c +
                         piece->p * y->stride_h + q * y->stride_w,
                     count);
    }
}

static void compute(const struct convoy_plan *plan, const struct operands *operands,
                    const struct piece *piece, float *sums)
{
    const convoy_layer *layer = &plan->layer;
    const convoy_tensor *x = operands->x;
    int64_t Cg = layer_Cg(layer), Kg = layer_Kg(layer), g = piece->k / Kg;
    int64_t columns = piece->q1 - piece->q0;
    const float *w = (const float *)plan->packed_w + g * layer_depth(layer) * Kg + piece->k % Kg;
    for (int64_t i = 0; i < columns * piece->channels; i++) {
        sums[i] = 0;
    }
    for (int64_t r = 0; r < layer->R; r++) {
        int64_t h = piece->p * layer->stride_h - layer->pad_top + r * layer->dilation_h;
        if (h < 0 || h >= layer->H) {
            continue;
        }
        const float *row = (const float *)x->data + piece->n * x->stride_n + g * Cg * x->stride_c +
                           h * x->stride_h;
        for (int64_t s = 0; s < layer->S; s++) {
            add_tap(plan, x, row, w + (r * layer->S + s) * Cg * Kg, s, piece, sums);
        }
    }
    store(plan, operands, piece, sums);
}

static void reordered_execute(const struct convoy_plan *plan, const struct operands *operands)
{
    const convoy_layer *layer = &plan->layer;
    const struct blocking *b = &plan->blocking;
    int64_t blocks = layer->groups * b->k_blocks, width = k_block(plan), Kg = layer_Kg(layer);
#pragma omp parallel num_threads(plan->threads)
    {
        uint64_t state = denormals_enter(plan->flush_denormals);
        float *sums = (float *)(operands->workspace + omp_get_thread_num() * b->thread_bytes);
#pragma omp for collapse(3) schedule(static) nowait
        for (int64_t n = 0; n < layer->N; n++) {
            for (int64_t block = 0; block < blocks; block++) {
                for (int64_t p = 0; p < plan->P; p++) {
                    int64_t in_group = block % b->k_blocks * width;
                    struct piece piece = {
                        .n = n,
                        .p = p,
                        .k = block / b->k_blocks * Kg + in_group,
                        .channels = min64(width, Kg - in_group),
                    };
                    for (piece.q0 = 0; piece.q0 < plan->Q; piece.q0 += b->strip_columns) {
                        piece.q1 = min64(plan->Q, piece.q0 + b->strip_columns);
                        compute(plan, operands, &piece, sums);
                    }
                }
            }
        }
        denormals_leave(plan->flush_denormals, state);
    }
}

static void reordered_describe(const struct convoy_plan *plan, char *text, size_t size)
{
    snprintf(text, size, "sums of %lld pixels x %lld output channels at once, %d thread%s",
             (long long)plan->blocking.strip_columns, (long long)k_block(plan), plan->threads,
             plan->threads == 1 ? "" : "s");
}

const struct algorithm algorithm_reordered = {
    .name = "reordered",
    .summary = "the same loops, ordered so that the innermost can be vectorised",
    .refuse = reordered_refuse,
    .prepare = reordered_prepare,
    .pack = reordered_pack,
    .execute = reordered_execute,
    .describe = reordered_describe,
    .skips_padding = true,
    .portable = true,
};
