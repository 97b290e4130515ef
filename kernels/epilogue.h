/**
 * @file epilogue.h
 * The epilogue on one value, for the algorithms that store scalars; the vector form is in
 * kernels/tile.
 */
#ifndef CONVOY_KERNELS_EPILOGUE_H
#define CONVOY_KERNELS_EPILOGUE_H

#include "kernels/algorithm.h"

/* What a sum passes through at most: bias, residual, and the slope of a leaky ReLU. */
#define EPILOGUE_ROUNDINGS 3

/** The activation; a NaN stays a NaN, so every test is written to be false for it. */
static inline float activation_apply(const convoy_epilogue *epilogue, float v)
{
    switch (epilogue->activation) {
    case CONVOY_IDENTITY:
        return v;
    case CONVOY_RELU:
        return v < 0.0f ? 0.0f : v;
    case CONVOY_RELU6:
        return v < 0.0f ? 0.0f : v > 6.0f ? 6.0f : v;
    case CONVOY_LEAKY_RELU:
        return v < 0.0f ? epilogue->slope * v : v;
    case CONVOY_CLIP:
        return v < epilogue->low ? epilogue->low : v > epilogue->high ? epilogue->high : v;
    }
    return v;
}

/** The whole epilogue on the sum v of output n, k, p, q. */
static inline float epilogue_apply(const struct convoy_plan *plan, const convoy_tensor *residual,
                                   float v, int64_t n, int64_t k, int64_t p, int64_t q)
{
    if (plan->bias) {
        v += plan->bias[k];
    }
    if (residual) {
        v += ((const float *)residual->data)[n * residual->stride_n + k * residual->stride_c +
                                             p * residual->stride_h + q * residual->stride_w];
    }
    return activation_apply(&plan->layer.epilogue, v);
}

/**
 * The whole epilogue on sums of consecutive outputs in memory: y[i] = activation(sums[i] +
 * bias[i * bias_step] + residual[i]). y may be residual.
 * @param bias       NULL: none
 * @param bias_step  1 when i runs over output channels, 0 when it runs over pixels of one
 * @param residual   NULL: none
 */
static inline void epilogue_row(const convoy_epilogue *epilogue, const float *sums,
                                const float *bias, ptrdiff_t bias_step, const float *residual,
                                float *y, int64_t count)
{
    static const float zero;
    if (!bias) {
        bias = &zero;
        bias_step = 0;
    }
    if (residual && bias_step) {
        for (int64_t i = 0; i < count; i++) {
            y[i] = sums[i] + bias[i] + residual[i];
        }
    } else if (residual) {
        for (int64_t i = 0; i < count; i++) {
            y[i] = sums[i] + *bias + residual[i];
        }
    } else {
        for (int64_t i = 0; i < count; i++) {
            y[i] = sums[i] + bias[i * bias_step];
        }
    }
    if (epilogue->activation != CONVOY_IDENTITY) {
        for (int64_t i = 0; i < count; i++) {
            y[i] = activation_apply(epilogue, y[i]);
        }
    }
}

#endif
