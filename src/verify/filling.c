/**
 * @file filling.c
 * The operands of a layer in one filling, their exact result, and the comparison with it.
 */
#include "verify/filling.h"

#include <math.h>
#include <stdlib.h>

/* Integers: |x| <= 4, |w| <= 3, |bias| and |residual| <= 8, so that sums of this many terms stay
   below 2^24, where float32 has every integer. */
#define EXACT_DEPTH (1 << 20)

const char *filling_name(enum filling_kind kind)
{
    static const char *const names[FILLING_COUNT] = {"integers", "uniform", "positive"};
    return names[kind];
}

static convoy_status fill(const struct filling *filling, const convoy_tensor *tensor,
                          uint64_t which, int64_t integer)
{
    uint64_t seed = filling->seed * 4 + which;
    switch (filling->kind) {
    case FILLING_INTEGERS:
        return convoy_tensor_fill_integers(tensor, seed, -integer, integer);
    case FILLING_UNIFORM:
        return convoy_tensor_fill_uniform(tensor, seed, -1, 1);
    default:
        return convoy_tensor_fill_uniform(tensor, seed, 0.5, 1);
    }
}

convoy_status filling_input(const struct filling *filling, const convoy_tensor *x)
{
    return fill(filling, x, 0, 4);
}

convoy_status filling_residual(const struct filling *filling, const convoy_tensor *residual)
{
    return fill(filling, residual, 1, 8);
}

/* An array of the filling's, filled like a tensor of N = K. */
static convoy_status make(const struct filling *filling, int64_t N, int64_t C, int64_t H, int64_t W,
                          uint64_t which, int64_t integer, float **array)
{
    convoy_tensor tensor;
    convoy_status status = convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, N, C, H, W, &tensor);
    if (!status) {
        *array = tensor.data;
        status = fill(filling, &tensor, which, integer);
    }
    return status;
}

static double largest(const convoy_tensor *tensor)
{
    double most = 0;
    const float *values = tensor->data; /* dense */
    for (int64_t i = 0; i < tensor->N * tensor->stride_n; i++) {
        most = fmax(most, fabs((double)values[i]));
    }
    return most;
}

/* max|x| * sum|w_k| + |bias_k| + max|residual| */
static convoy_status make_scale(const convoy_layer *layer, const convoy_tensor *x,
                                const convoy_tensor *residual, struct filling *filling)
{
    int64_t depth = layer->C / layer->groups * layer->R * layer->S;
    double most_x = largest(x), most_residual = residual->data ? largest(residual) : 0;
    void *memory;
    convoy_status status = convoy_workspace_create((size_t)layer->K * sizeof(double), &memory);
    if (status) {
        return status;
    }
    filling->scale = memory;
    for (int64_t k = 0; k < layer->K; k++) {
        double sum = 0;
        for (int64_t d = 0; d < depth; d++) {
            sum += fabs((double)filling->filter[k * depth + d]);
        }
        filling->scale[k] = most_x * sum + most_residual;
        filling->scale[k] += filling->bias ? fabs((double)filling->bias[k]) : 0;
    }
    return CONVOY_OK;
}

/* The reference's float64 result of dense tensors. */
static convoy_status make_expected(const convoy_layer *layer, const convoy_tensor *x,
                                   const convoy_tensor *residual, struct filling *filling)
{
    convoy_weights weights = {filling->filter, filling->bias};
    convoy_options options = {.algorithm = "reference"};
    convoy_plan *plan = NULL;
    int64_t P, Q;
    convoy_status status = convoy_plan_create(layer, &weights, &options, &plan);
    status = status ? status : convoy_layer_output(layer, &P, &Q);
    if (!status) {
        status = convoy_tensor_create(CONVOY_FLOAT64, CONVOY_NCHW, layer->N, layer->K, P, Q,
                                      &filling->expected);
    }
    if (!status) {
        status = layer->epilogue.residual
                     ? convoy_plan_execute_residual(plan, x, residual, &filling->expected, NULL)
                     : convoy_plan_execute(plan, x, &filling->expected, NULL);
    }
    convoy_plan_destroy(plan);
    return status;
}

static convoy_status make_weights(const convoy_layer *layer, bool bias, struct filling *filling)
{
    convoy_status status = make(filling, layer->K, layer->C / layer->groups, layer->R, layer->S, 2,
                                3, &filling->filter);
    if (!status && bias) {
        status = make(filling, layer->K, 1, 1, 1, 3, 8, &filling->bias);
    }
    return status;
}

static convoy_status make_residual(const convoy_layer *layer, const struct filling *filling,
                                   convoy_tensor *residual)
{
    int64_t P, Q;
    convoy_status status = convoy_layer_output(layer, &P, &Q);
    if (!status) {
        status =
            convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, layer->N, layer->K, P, Q, residual);
    }
    return status ? status : filling_residual(filling, residual);
}

convoy_status filling_create(const convoy_layer *layer, enum filling_kind kind, uint64_t seed,
                             bool bias, struct filling *filling)
{
    convoy_layer nchw = *layer;
    convoy_tensor x = {0}, residual = {0};
    nchw.layout = CONVOY_NCHW;
    *filling = (struct filling){.kind = kind, .seed = seed};
    convoy_status status = convoy_layer_check(layer);
    if (status) {
        return status;
    }
    filling->exact =
        kind == FILLING_INTEGERS && layer->C / layer->groups * layer->R * layer->S <= EXACT_DEPTH;
    status = make_weights(&nchw, bias, filling);
    if (!status) {
        status = convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, layer->N, layer->C, layer->H,
                                      layer->W, &x);
    }
    status = status ? status : filling_input(filling, &x);
    if (!status && layer->epilogue.residual) {
        status = make_residual(&nchw, filling, &residual);
    }
    status = status ? status : make_scale(&nchw, &x, &residual, filling);
    status = status ? status : make_expected(&nchw, &x, &residual, filling);
    convoy_tensor_destroy(&x);
    convoy_tensor_destroy(&residual);
    if (status) {
        filling_destroy(filling);
    }
    return status;
}

void filling_destroy(struct filling *filling)
{
    convoy_workspace_destroy(filling->filter);
    convoy_workspace_destroy(filling->bias);
    convoy_workspace_destroy(filling->scale);
    convoy_tensor_destroy(&filling->expected);
    *filling = (struct filling){0};
}

struct agreement filling_compare(const struct filling *filling, const convoy_tensor *y, bool equal,
                                 double error_bound)
{
    const convoy_tensor *e = &filling->expected;
    struct agreement result = {0};
    for (int64_t n = 0; n < e->N; n++) {
        for (int64_t k = 0; k < e->C; k++) {
            double allowed = equal ? 0 : error_bound * filling->scale[k];
            for (int64_t p = 0; p < e->H; p++) {
                const double *wanted =
                    (const double *)e->data + n * e->stride_n + k * e->stride_c + p * e->stride_h;
                const float *actual =
                    (const float *)y->data + n * y->stride_n + k * y->stride_c + p * y->stride_h;
                for (int64_t q = 0; q < e->W; q++) {
                    float value = actual[q * y->stride_w];
                    double error = fabs(value - wanted[q]);
                    bool good = equal ? value == (float)wanted[q] : error <= allowed;
                    if (!good && result.bad++ == 0) {
                        const int64_t place[] = {n, k, p, q};
                        for (int i = 0; i < 4; i++) {
                            result.first[i] = place[i];
                        }
                        result.actual = value;
                        result.wanted = wanted[q];
                        result.allowed = allowed;
                    }
                    if (!equal && error > 0) {
                        result.fraction = fmax(result.fraction, error / allowed);
                    }
                }
            }
        }
    }
    return result;
}
