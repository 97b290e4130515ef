/**
 * @file depthwise_planes.c
 * NCHW, depthwise 3x3 and 5x5 with stride 1 or 2: the loops around the kernels.
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

/* How many channels a sweep takes side by side: several where the columns of one fill no more than
   a vector, or than half of one. */
static int channels_together(const struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    const int64_t floats = plan->kernels->vector_floats;
    const int most = plan->kernels->depthwise_planes_together;
    const int fit = 2 * plan->Q <= floats && most >= 4 ? 4 : plan->Q <= floats ? 2 : 1;
    return l->R == 3 && l->dilation_w == 1 && fit <= most ? fit : 1;
}

/* Are rows so long that this is faster than transposing x? Measured: single vectors that are half
   empty are not, nor are half vectors that are a quarter empty; nor, with 25 taps, single vectors,
   and with stride 1 those of which more than a quarter are empty. */
static bool rows_are_long(const struct convoy_plan *plan)
{
    const int64_t floats = plan->kernels->vector_floats, Q = plan->Q;
    if (plan->layer.R > 3) {
        return Q > floats && (plan->layer.stride_w > 1 || 4 * Q >= 3 * round_up(Q, floats));
    }
    return 2 * Q > floats || (channels_together(plan) == 4 && 8 * Q > 3 * floats);
}

/* Rows of x and y that stay in half of L2. */
static int64_t rows_in_l2(const struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    int64_t row_bytes = multiply_saturated(4, l->stride_h * l->W + plan->Q);
    return max64((int64_t)cpu_l2_bytes() / 2 / row_bytes, 8);
}

/* Only depthwise_plane_same.c has filters of so many taps: is the layer one for it, are there
   planes for all threads, and is this faster than transposing x? Measured: of 28 columns 0.93 of
   the time, of 40 and more 0.8, but of 20 and less as long or longer. */
static bool is_only_same(const struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    const int64_t half = l->R / 2, floats = plan->kernels->vector_floats;
    const bool taps = l->R > plan->kernels->depthwise_planes_taps &&
                      l->R <= plan->kernels->depthwise_planes_same_taps;
    const bool dense =
        l->stride_h == 1 && l->stride_w == 1 && l->dilation_h == 1 && l->dilation_w == 1;
    const bool same = l->pad_top == half && l->pad_left == half && plan->P == l->H &&
                      plan->Q == l->W && l->H >= l->R;
    const bool plain = !l->epilogue.residual && l->epilogue.activation != CONVOY_LEAKY_RELU;
    return taps && dense && same && plain && plan->Q >= 3 * floats &&
           plan->Q <= DEPTHWISE_SAME_COLUMNS * floats && plan->P <= rows_in_l2(plan) &&
           l->N * l->K >= depthwise_shares(plan);
}

bool depthwise_planes_fit(const struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    bool stride_2 =
        l->stride_h == 2 && l->stride_w == 2 && l->dilation_h == 1 && l->dilation_w == 1;
    bool stride_1 = l->stride_h == 1 && l->stride_w == 1;
    bool taps_known = l->R == l->S && (l->R == 3 || l->R == 5) &&
                      (l->R <= plan->kernels->depthwise_planes_taps || is_only_same(plan));
    return l->layout == CONVOY_NCHW && layer_Cg(l) == 1 && layer_Kg(l) == 1 && taps_known &&
           (stride_1 || stride_2) && rows_are_long(plan);
}

/* Strips of rows where there are few channels for the threads. Kernels that go down the columns
   take rows of x again for each few columns: the rows of a block stay in half of L2; of small
   planes, which are a block together, in L1. */
void depthwise_planes_prepare(struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    struct blocking *b = &plan->blocking;
    b->plane_together = channels_together(plan);
    int64_t sweeps = divide_up(l->K, b->plane_together);
    int64_t wanted = depthwise_shares(plan), strips = divide_up(wanted, l->N * sweeps);
    b->strip_images = 1;
    b->strip_rows =
        is_only_same(plan) ? plan->P : round_up(divide_up(plan->P, strips), DEPTHWISE_PLANE_ROWS);
    b->strip_columns = plan->Q;
    b->tile_vectors = 1;
    b->k_parts = min64(sweeps, divide_up(wanted, l->N * divide_up(plan->P, b->strip_rows)));
    int64_t rows = min64(b->strip_rows, plan->P);
    int64_t row_bytes = multiply_saturated(4, l->stride_h * l->W + plan->Q);
    b->plane_rows = divide_up(rows, divide_up(rows, rows_in_l2(plan)));
    b->plane_channels =
        round_up(max64(1, (int64_t)cpu_l1d_bytes() / row_bytes / rows), b->plane_together);
}

/* All taps of whole vectors of columns, but only rows of taps on real input: those are the taps of
   a layer of one column and one channel. Several channels side by side are two vectors, and as many
   at the end. */
int64_t depthwise_planes_flops(const struct convoy_plan *plan)
{
    convoy_layer column = plan->layer;
    convoy_counts counts;
    column.W = column.S = column.C = column.K = column.groups = 1;
    column.pad_left = column.pad_right = 0;
    if (convoy_layer_count(&column, NULL, &counts) != CONVOY_OK) {
        return INT64_MAX;
    }
    const int64_t floats = plan->kernels->vector_floats, together = channels_together(plan);
    int64_t flops = 2 * counts.macs_valid;
    int64_t lanes = together > 1 ? 2 * floats : round_up(plan->Q, floats);
    bool fits = multiply_checked(&flops, plan->layer.S) &&
                multiply_checked(&flops, divide_up(plan->layer.K, together)) &&
                multiply_checked(&flops, lanes);
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
        .together = plan->blocking.plane_together,
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
    const int64_t K = plan->layer.K, sweeps = divide_up(K, b->plane_together);
    const int64_t down = divide_up(plan->P, b->strip_rows);
    for (int64_t unit; (unit = share_next(share)) >= 0;) {
        int64_t part = unit / down % b->k_parts;
        int64_t k0 = sweeps * part / b->k_parts * b->plane_together;
        int64_t k1 = min64(K, sweeps * (part + 1) / b->k_parts * b->plane_together);
        work_strip(plan, operands, unit / down / b->k_parts, k0, k1, unit % down * b->strip_rows,
                   planes);
    }
}

void depthwise_planes_execute(const struct convoy_plan *plan, const struct operands *operands)
{
    const struct blocking *b = &plan->blocking;
    const int64_t units = plan->layer.N * b->k_parts * divide_up(plan->P, b->strip_rows);
    share_units(plan, operands, depthwise_threads(plan), units, SHARE_EVENLY, work_strips);
}
