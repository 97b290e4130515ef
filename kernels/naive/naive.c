/**
 * @file naive.c
 * The loop nest that a textbook has, in float32: where the ladder of algorithms starts. Any layer,
 * both layouts; threads share out the independent outputs.
 *
 * Uses no field of plan->blocking; packed_w is the filter as it came, [K][C/groups][R][S].
 */
#include <stdio.h>
#include <string.h>

#include "convoy/count.h"
#include "core/denormals.h"
#include "core/layer_checked.h"
#include "kernels/algorithm.h"
#include "kernels/epilogue.h"

static const char *naive_refuse(const struct algorithm *algorithm, const convoy_layer *layer)
{
    (void)algorithm;
    (void)layer;
    return NULL;
}

static void naive_prepare(struct convoy_plan *plan)
{
    convoy_counts counts = {0};
    convoy_layer_count(&plan->layer, NULL, &counts);
    plan->workspace_bytes = 0;
    plan->packed_w_bytes = (size_t)(plan->layer.K * layer_depth(&plan->layer)) * sizeof(float);
    plan->executed_flops = counts.flops_valid;
    /* a scalar chain: each multiply-add waits for the one before; taps on padding are looked at */
    const double mac = 7.4, padding = 4.0;
    const double on_padding = (double)(counts.macs - counts.macs_valid);
    plan->work = (struct work){.multiply = mac * (double)counts.macs_valid + padding * on_padding,
                               .filled = 1,
                               .units = plan->layer.N * plan->layer.K * plan->P};
    plan->error_bound = sum_error_bound(layer_depth(&plan->layer) + EPILOGUE_ROUNDINGS);
    plan->error_typical = sum_error_typical(layer_depth(&plan->layer), 1);
}

static void naive_pack(struct convoy_plan *plan, const float *filter)
{
    memcpy(plan->packed_w, filter, plan->packed_w_bytes);
}

static float sum_of(const struct convoy_plan *plan, const convoy_tensor *x, int64_t n, int64_t k,
                    int64_t p, int64_t q)
{
    const convoy_layer *layer = &plan->layer;
    const float *w = (const float *)plan->packed_w + k * layer_depth(layer);
    const float *image = (const float *)x->data + n * x->stride_n +
                         k / layer_Kg(layer) * layer_Cg(layer) * x->stride_c;
    float sum = 0;
    for (int64_t c = 0; c < layer_Cg(layer); c++) {
        for (int64_t r = 0; r < layer->R; r++) {
            int64_t row = p * layer->stride_h - layer->pad_top + r * layer->dilation_h;
            for (int64_t s = 0; s < layer->S; s++, w++) {
                int64_t column = q * layer->stride_w - layer->pad_left + s * layer->dilation_w;
                if (row >= 0 && row < layer->H && column >= 0 && column < layer->W) {
                    sum += image[c * x->stride_c + row * x->stride_h + column * x->stride_w] * *w;
                }
            }
        }
    }
    return sum;
}

static void naive_execute(const struct convoy_plan *plan, const struct operands *operands)
{
    const convoy_tensor *y = operands->y, *residual = operands->residual;
#pragma omp parallel num_threads(plan->threads)
    {
        uint64_t state = denormals_enter(plan->flush_denormals);
#pragma omp for collapse(3) schedule(static) nowait
        for (int64_t n = 0; n < plan->layer.N; n++) {
            for (int64_t k = 0; k < plan->layer.K; k++) {
                for (int64_t p = 0; p < plan->P; p++) {
                    float *to =
                        (float *)y->data + n * y->stride_n + k * y->stride_c + p * y->stride_h;
                    for (int64_t q = 0; q < plan->Q; q++) {
                        float v = sum_of(plan, operands->x, n, k, p, q);
                        to[q * y->stride_w] = epilogue_apply(plan, residual, v, n, k, p, q);
                    }
                }
            }
        }
        denormals_leave(plan->flush_denormals, state);
    }
}

static void naive_describe(const struct convoy_plan *plan, char *text, size_t size)
{
    snprintf(text, size, "one output at a time, %d thread%s", plan->threads,
             plan->threads == 1 ? "" : "s");
}

const struct algorithm algorithm_naive = {
    .name = "naive",
    .summary = "the loop nest of a textbook",
    .refuse = naive_refuse,
    .prepare = naive_prepare,
    .pack = naive_pack,
    .execute = naive_execute,
    .describe = naive_describe,
    .skips_padding = true,
    .portable = true,
};
