/**
 * @file depthwise_planes.c
 * NCHW, depthwise 3x3 with stride 1: the loops around depthwise_plane.
 *
 *   for each image, for each channel, for each strip of output rows     <- threads
 */
#include "convoy/count.h"
#include "core/arithmetic.h"
#include "core/cpu.h"
#include "core/denormals.h"
#include "core/layer_checked.h"
#include "kernels/algorithm.h"
#include "kernels/depthwise/depthwise.h"
#include "kernels/kernel.h"
#include "kernels/tile/tile_epilogue.h"

/* Short rows are mostly edges, which take so long that transposing x is faster (measured). */
bool depthwise_planes_fit(const struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    return l->layout == CONVOY_NCHW && depthwise_sweeps(l) && l->stride_h == 1 &&
           l->stride_w == 1 && plan->Q > 2 * plan->kernels->vector_floats;
}

/* Strips of rows whose x and y L1 holds, because the kernel goes through them vector by vector of
   columns; more where there are few channels for the threads. */
void depthwise_planes_prepare(struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    struct blocking *b = &plan->blocking;
    int64_t wanted = depthwise_shares(plan);
    int64_t in_l1 = cpu_l1d_bytes() / (4 * (l->W + plan->Q));
    int64_t strips = max64(divide_up(wanted, l->N * l->K), divide_up(plan->P, max64(in_l1, 1)));
    b->strip_images = 1;
    b->strip_rows = round_up(divide_up(plan->P, strips), DEPTHWISE_ROWS);
    b->strip_columns = plan->Q;
    b->tile_vectors = 1;
    b->k_parts = l->K;
}

/* All taps of whole vectors of columns, but only rows of taps on real input: those are the taps of
   a layer of one column. */
int64_t depthwise_planes_flops(const struct convoy_plan *plan)
{
    convoy_layer column = plan->layer;
    convoy_counts counts;
    column.W = column.S = 1;
    column.pad_left = column.pad_right = 0;
    if (convoy_layer_count(&column, NULL, &counts) != CONVOY_OK) {
        return INT64_MAX;
    }
    int64_t flops = 2 * counts.macs_valid;
    bool fits = multiply_checked(&flops, plan->layer.S) &&
                multiply_checked(&flops, round_up(plan->Q, plan->kernels->vector_floats));
    return fits ? flops : INT64_MAX;
}

/* Output rows p ... of channel k of image n. */
static void work_strip(const struct convoy_plan *plan, const struct operands *operands, int64_t n,
                       int64_t k, int64_t p)
{
    const convoy_layer *l = &plan->layer;
    const convoy_tensor *x = operands->x, *y = operands->y, *residual = operands->residual;
    const int64_t floats = plan->kernels->vector_floats;
    struct tile_epilogue epilogue = tile_epilogue_of(&l->epilogue);
    epilogue.bias = plan->bias ? plan->bias + k : NULL;
    struct depthwise_plane plane = {
        .x = (const float *)x->data + n * x->stride_n + k * x->stride_c,
        .x_row = x->stride_h,
        .H = l->H,
        .W = l->W,
        .h = p - l->pad_top,
        .dilation_h = l->dilation_h,
        .w0 = {-l->pad_left, l->dilation_w - l->pad_left, 2 * l->dilation_w - l->pad_left},
        .w = (const float *)plan->packed_w + k / floats * floats * layer_depth(l) + k % floats,
        .rows = min64(plan->blocking.strip_rows, plan->P - p),
        .Q = plan->Q,
        .y = (float *)y->data + n * y->stride_n + k * y->stride_c + p * y->stride_h,
        .y_row = y->stride_h,
        .epilogue = &epilogue,
    };
    if (residual) {
        plane.residual = (const float *)residual->data + n * residual->stride_n +
                         k * residual->stride_c + p * residual->stride_h;
        plane.residual_row = residual->stride_h;
    }
    plan->kernels->depthwise_plane(&plane);
}

void depthwise_planes_execute(const struct convoy_plan *plan, const struct operands *operands)
{
    const struct blocking *b = &plan->blocking;
    int64_t down = divide_up(plan->P, b->strip_rows), units = plan->layer.N * plan->layer.K * down;
#pragma omp parallel num_threads(plan->threads) if (depthwise_shares(plan) > 1)
    {
        uint64_t state = denormals_enter(plan->flush_denormals);
#pragma omp for schedule(static) nowait
        for (int64_t unit = 0; unit < units; unit++) {
            int64_t k = unit / down % plan->layer.K, n = unit / down / plan->layer.K;
            work_strip(plan, operands, n, k, unit % down * b->strip_rows);
        }
        denormals_leave(plan->flush_denormals, state);
    }
}
