/**
 * @file depthwise_planes.c
 * NCHW, depthwise 3x3 with stride 1 or 2: the loops around the kernels.
 *
 *   for each image, for each share of the channels, for each strip of output rows     <- threads
 */
#include "convoy/count.h"
#include "core/arithmetic.h"
#include "core/cpu.h"
#include "core/layer_checked.h"
#include "kernels/algorithm.h"
#include "kernels/depthwise/depthwise.h"
#include "kernels/kernel.h"
#include "kernels/share.h"
#include "kernels/tile/tile_epilogue.h"

/* Are rows so long that this is faster than transposing x? Measured: vectors that are half empty
   are not. */
static bool rows_are_long(const struct convoy_plan *plan)
{
    return 2 * plan->Q > plan->kernels->vector_floats;
}

bool depthwise_planes_fit(const struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    bool stride_2 =
        l->stride_h == 2 && l->stride_w == 2 && l->dilation_h == 1 && l->dilation_w == 1;
    bool stride_1 = l->stride_h == 1 && l->stride_w == 1;
    return l->layout == CONVOY_NCHW && layer_Cg(l) == 1 && layer_Kg(l) == 1 && l->R == 3 &&
           l->S == 3 && (stride_1 || stride_2) && rows_are_long(plan);
}

/* Strips of rows where there are few channels for the threads. Kernels that go down the columns
   take rows of x again for each few columns: the rows of a block stay in half of L2; of small
   planes, which are a block together, in L1. */
void depthwise_planes_prepare(struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    struct blocking *b = &plan->blocking;
    int64_t wanted = depthwise_shares(plan), strips = divide_up(wanted, l->N * l->K);
    b->strip_images = 1;
    b->strip_rows = round_up(divide_up(plan->P, strips), DEPTHWISE_PLANE_ROWS);
    b->strip_columns = plan->Q;
    b->tile_vectors = 1;
    b->k_parts = min64(l->K, divide_up(wanted, l->N * divide_up(plan->P, b->strip_rows)));
    int64_t rows = min64(b->strip_rows, plan->P);
    int64_t row_bytes = multiply_saturated(4, l->stride_h * l->W + plan->Q);
    int64_t in_l2 = max64((int64_t)cpu_l2_bytes() / 2 / row_bytes, 8);
    b->plane_rows = divide_up(rows, divide_up(rows, in_l2));
    b->plane_channels = max64(1, (int64_t)cpu_l1d_bytes() / row_bytes / rows);
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

/* What all images, channels and strips have in common. */
static struct depthwise_planes planes_of(const struct convoy_plan *plan,
                                         const struct operands *operands,
                                         const struct tile_epilogue *epilogue)
{
    const convoy_layer *l = &plan->layer;
    const convoy_tensor *x = operands->x, *y = operands->y, *residual = operands->residual;
    return (struct depthwise_planes){
        .x_row = x->stride_h,
        .x_plane = x->stride_c,
        .H = l->H,
        .W = l->W,
        .w = -l->pad_left,
        .taps = (int)l->R,
        .stride = (int)l->stride_h,
        .dilation_h = l->dilation_h,
        .dilation_w = l->dilation_w,
        .packed_w = plan->packed_w,
        .bias = plan->bias,
        .Q = plan->Q,
        .block_rows = plan->blocking.plane_rows,
        .block_channels = plan->blocking.plane_channels,
        .y_row = y->stride_h,
        .y_plane = y->stride_c,
        .residual_row = residual ? residual->stride_h : 0,
        .residual_plane = residual ? residual->stride_c : 0,
        .epilogue = epilogue,
    };
}

/* Output rows p ... of channels k0 <= k < k1 of image n. */
static void work_strip(const struct convoy_plan *plan, const struct operands *operands, int64_t n,
                       int64_t k0, int64_t k1, int64_t p, struct depthwise_planes planes)
{
    const convoy_tensor *x = operands->x, *y = operands->y, *residual = operands->residual;
    planes.x = (const float *)x->data + n * x->stride_n + k0 * x->stride_c;
    planes.h = p * plan->layer.stride_h - plan->layer.pad_top;
    planes.k = k0;
    planes.channels = k1 - k0;
    planes.rows = min64(plan->blocking.strip_rows, plan->P - p);
    planes.y = (float *)y->data + n * y->stride_n + k0 * y->stride_c + p * y->stride_h;
    if (residual) {
        planes.residual = (const float *)residual->data + n * residual->stride_n +
                          k0 * residual->stride_c + p * residual->stride_h;
    }
    plan->kernels->depthwise_planes(&planes);
}

static void work_strips(const struct convoy_plan *plan, const struct operands *operands,
                        char *workspace, struct share *share)
{
    (void)workspace;
    const struct blocking *b = &plan->blocking;
    const struct tile_epilogue epilogue = tile_epilogue_of(&plan->layer.epilogue);
    const struct depthwise_planes planes = planes_of(plan, operands, &epilogue);
    const int64_t K = plan->layer.K, down = divide_up(plan->P, b->strip_rows);
    for (int64_t unit; (unit = share_next(share)) >= 0;) {
        int64_t part = unit / down % b->k_parts;
        work_strip(plan, operands, unit / down / b->k_parts, K * part / b->k_parts,
                   K * (part + 1) / b->k_parts, unit % down * b->strip_rows, planes);
    }
}

void depthwise_planes_execute(const struct convoy_plan *plan, const struct operands *operands)
{
    const struct blocking *b = &plan->blocking;
    const int64_t units = plan->layer.N * b->k_parts * divide_up(plan->P, b->strip_rows);
    share_units(plan, operands, depthwise_threads(plan), units, SHARE_EVENLY, work_strips);
}
