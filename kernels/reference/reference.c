/**
 * @file reference.c
 * The definition of a convolution (see convoy/layer.h) as seven loops with float64 sums: the oracle
 * of every test. It is never optimised and shares no code with the other algorithms. Any layer,
 * both layouts, y in float32 (rounded once) or float64.
 *
 * Uses no field of plan->blocking; packed_w is the filter as it came, [K][C/groups][R][S].
 */
#include <stdio.h>
#include <string.h>

#include "convoy/count.h"
#include "kernels/algorithm.h"

static const char *reference_refuse(const struct algorithm *algorithm, const convoy_layer *layer)
{
    (void)algorithm;
    (void)layer;
    return NULL;
}

static void reference_prepare(struct convoy_plan *plan)
{
    const convoy_layer *layer = &plan->layer;
    int64_t depth = layer->R * layer->S * (layer->C / layer->groups);
    convoy_counts counts = {0};
    convoy_layer_count(layer, NULL, &counts);
    plan->workspace_bytes = 0;
    plan->packed_w_bytes = (size_t)(layer->K * depth) * sizeof(float);
    plan->executed_flops = counts.flops_valid;
    /* an oracle; taps on padding are looked at */
    const double mac = 22.0, padding = 4.0;
    const double on_padding = (double)(counts.macs - counts.macs_valid);
    plan->work = (struct work){.multiply = mac * (double)counts.macs_valid + padding * on_padding,
                               .filled = 1,
                               .units = layer->N * layer->K * plan->P};
    /* Float64 sums of exact products, bias, residual and slope, u = 2^-53, then one rounding. */
    plan->error_bound = 0x1p-24 + 2 * (double)(depth + 3) * 0x1p-53;
    plan->error_typical = sum_error_typical(1, 1);
}

static void reference_pack(struct convoy_plan *plan, const float *filter)
{
    memcpy(plan->packed_w, filter, plan->packed_w_bytes);
}

static float element(const convoy_tensor *t, int64_t n, int64_t c, int64_t h, int64_t w)
{
    const float *data = t->data;
    return data[n * t->stride_n + c * t->stride_c + h * t->stride_h + w * t->stride_w];
}

/* The inner three loops: the sum of output n, k, p, q. */
static double sum_of(const struct convoy_plan *plan, const convoy_tensor *x, int64_t n, int64_t k,
                     int64_t p, int64_t q)
{
    const convoy_layer *layer = &plan->layer;
    const float *filter = plan->packed_w;
    int64_t Cg = layer->C / layer->groups;
    int64_t g = k / (layer->K / layer->groups);
    double sum = 0;
    for (int64_t c = 0; c < Cg; c++) {
        for (int64_t r = 0; r < layer->R; r++) {
            for (int64_t s = 0; s < layer->S; s++) {
                int64_t h = p * layer->stride_h - layer->pad_top + r * layer->dilation_h;
                int64_t w = q * layer->stride_w - layer->pad_left + s * layer->dilation_w;
                if (h >= 0 && h < layer->H && w >= 0 && w < layer->W) {
                    double weight = filter[((k * Cg + c) * layer->R + r) * layer->S + s];
                    sum += weight * element(x, n, g * Cg + c, h, w);
                }
            }
        }
    }
    return sum;
}

static double activate(const convoy_epilogue *epilogue, double v)
{
    if (epilogue->activation == CONVOY_RELU && v < 0) {
        return 0;
    }
    if (epilogue->activation == CONVOY_RELU6 && v < 0) {
        return 0;
    }
    if (epilogue->activation == CONVOY_RELU6 && v > 6) {
        return 6;
    }
    if (epilogue->activation == CONVOY_LEAKY_RELU && v < 0) {
        return epilogue->slope * v;
    }
    if (epilogue->activation == CONVOY_CLIP && v < epilogue->low) {
        return epilogue->low;
    }
    if (epilogue->activation == CONVOY_CLIP && v > epilogue->high) {
        return epilogue->high;
    }
    return v;
}

static void reference_execute(const struct convoy_plan *plan, const struct operands *operands)
{
    const convoy_layer *layer = &plan->layer;
    const convoy_tensor *y = operands->y;
#pragma omp parallel for collapse(3) num_threads(plan->threads)
    for (int64_t n = 0; n < layer->N; n++) {
        for (int64_t k = 0; k < layer->K; k++) {
            for (int64_t p = 0; p < plan->P; p++) {
                for (int64_t q = 0; q < plan->Q; q++) {
                    double v = sum_of(plan, operands->x, n, k, p, q);
                    if (plan->bias) {
                        v += plan->bias[k];
                    }
                    if (operands->residual) {
                        v += element(operands->residual, n, k, p, q);
                    }
                    v = activate(&layer->epilogue, v);
                    int64_t at =
                        n * y->stride_n + k * y->stride_c + p * y->stride_h + q * y->stride_w;
                    if (y->type == CONVOY_FLOAT64) {
                        ((double *)y->data)[at] = v;
                    } else {
                        ((float *)y->data)[at] = (float)v;
                    }
                }
            }
        }
    }
}

static void reference_describe(const struct convoy_plan *plan, char *text, size_t size)
{
    snprintf(text, size, "one output at a time, %d thread%s", plan->threads,
             plan->threads == 1 ? "" : "s");
}

const struct algorithm algorithm_reference = {
    .name = "reference",
    .summary = "seven loops with float64 sums: what the others are checked against",
    .refuse = reference_refuse,
    .prepare = reference_prepare,
    .pack = reference_pack,
    .execute = reference_execute,
    .describe = reference_describe,
    .skips_padding = true,
    .portable = true,
};
