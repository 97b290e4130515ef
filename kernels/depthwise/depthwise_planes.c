/**
 * @file depthwise_planes.c
 * NCHW, depthwise 3x3 with stride 1 or 2: the loops around depthwise_plane.
 *
 *   for each image, for each channel, for each strip of output rows     <- threads
 */
#include "convoy/count.h"
#include "core/arithmetic.h"
#include "core/denormals.h"
#include "core/layer_checked.h"
#include "kernels/algorithm.h"
#include "kernels/depthwise/depthwise.h"
#include "kernels/kernel.h"
#include "kernels/tile/tile_epilogue.h"

/* Are rows so long that this is faster than transposing x? Measured: vectors that are half empty
   are not. Those of AVX2, of 8 floats, are picked from every other column, and loaded without what
   is padding, by so many instructions that only whole ones with stride 1 are worth it: two at least
   between the first and the last of a row, which look at lanes. */
static bool rows_are_long(const struct convoy_plan *plan)
{
    const int64_t floats = plan->kernels->vector_floats;
    return floats == 8 ? plan->layer.stride_w == 1 && plan->Q > 3 * floats : 2 * plan->Q > floats;
}

bool depthwise_planes_fit(const struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    bool stride_2 =
        l->stride_h == 2 && l->stride_w == 2 && l->dilation_h == 1 && l->dilation_w == 1;
    return l->layout == CONVOY_NCHW && depthwise_sweeps(l) &&
           ((l->stride_h == 1 && l->stride_w == 1) || stride_2) && rows_are_long(plan);
}

/* Strips of rows where there are few channels for the threads. */
void depthwise_planes_prepare(struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    struct blocking *b = &plan->blocking;
    int64_t strips = divide_up(depthwise_shares(plan), l->N * l->K);
    b->strip_images = 1;
    b->strip_rows = round_up(divide_up(plan->P, strips), DEPTHWISE_PLANE_ROWS);
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

/* What all channels have in common. */
static struct depthwise_plane plane_of(const struct convoy_plan *plan,
                                       const struct operands *operands,
                                       const struct tile_epilogue *epilogue)
{
    const convoy_layer *l = &plan->layer;
    return (struct depthwise_plane){
        .x_row = operands->x->stride_h,
        .H = l->H,
        .W = l->W,
        .stride = (int)l->stride_h,
        .dilation_h = l->dilation_h,
        .w0 = {-l->pad_left, l->dilation_w - l->pad_left, 2 * l->dilation_w - l->pad_left},
        .Q = plan->Q,
        .y_row = operands->y->stride_h,
        .residual_row = operands->residual ? operands->residual->stride_h : 0,
        .epilogue = epilogue,
    };
}

/* Output rows p ... of channel k of image n. */
static void work_strip(const struct convoy_plan *plan, const struct operands *operands, int64_t n,
                       int64_t k, int64_t p, struct depthwise_plane plane)
{
    const convoy_tensor *x = operands->x, *y = operands->y, *residual = operands->residual;
    const int64_t floats = plan->kernels->vector_floats;
    plane.x = (const float *)x->data + n * x->stride_n + k * x->stride_c;
    plane.h = p * plan->layer.stride_h - plan->layer.pad_top;
    plane.w = (const float *)plan->packed_w + k / floats * floats * 9 + k % floats;
    plane.bias = plan->bias ? plan->bias[k] : 0.0f;
    plane.rows = min64(plan->blocking.strip_rows, plan->P - p);
    plane.y = (float *)y->data + n * y->stride_n + k * y->stride_c + p * y->stride_h;
    if (residual) {
        plane.residual = (const float *)residual->data + n * residual->stride_n +
                         k * residual->stride_c + p * residual->stride_h;
    }
    plan->kernels->depthwise_plane(&plane);
}

void depthwise_planes_execute(const struct convoy_plan *plan, const struct operands *operands)
{
    const struct blocking *b = &plan->blocking;
    const struct tile_epilogue epilogue = tile_epilogue_of(&plan->layer.epilogue);
    const struct depthwise_plane plane = plane_of(plan, operands, &epilogue);
    const int64_t down = divide_up(plan->P, b->strip_rows), planes = plan->layer.N * plan->layer.K;
#pragma omp parallel num_threads(plan->threads) if (depthwise_shares(plan) > 1)
    {
        uint64_t state = denormals_enter(plan->flush_denormals);
#pragma omp for schedule(static) nowait
        for (int64_t i = 0; i < planes * down; i++) {
            int64_t image_plane = down == 1 ? i : i / down, strip = i - image_plane * down;
            work_strip(plan, operands, image_plane / plan->layer.K, image_plane % plan->layer.K,
                       strip * b->strip_rows, plane);
        }
        denormals_leave(plan->flush_denormals, state);
    }
}
