/**
 * @file depthwise.c
 * The loops around depthwise_band.
 *
 *   for each image, for each strip of output rows, for each share of the channels     <- threads
 *       for each few vectors of channels, whose w stays in L1 and rows of x in L2
 *           for each band of output rows                                              <- registers
 */
#include "kernels/depthwise/depthwise.h"

#include "core/arithmetic.h"
#include "core/layer_checked.h"
#include "kernels/algorithm.h"
#include "kernels/kernel.h"
#include "kernels/tile/tile_epilogue.h"

bool depthwise_applies(const struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    int64_t Cg = layer_Cg(l), Kg = layer_Kg(l), floats = plan->kernels->vector_floats;
    /* whole groups in a vector of output channels, their input channels in a vector of x */
    return l->layout == CONVOY_NHWC && l->groups > 1 && Cg <= Kg && Kg <= floats &&
           floats % Kg == 0;
}

/* The band of all output columns from q on, `step` apart, of all rows from p on, `step_h` apart. */
static void work_band(const struct convoy_plan *plan, const struct operands *operands,
                      struct depthwise_band band, int64_t p, int64_t step_h, int64_t q,
                      int64_t step_w)
{
    const convoy_layer *l = &plan->layer;
    band.h = p * l->stride_h - l->pad_top;
    band.w = q * l->stride_w - l->pad_left;
    band.stride_h = step_h * l->stride_h;
    band.stride_w = step_w * l->stride_w;
    band.columns = divide_up(plan->Q - q, step_w);
    band.y += p * operands->y->stride_h + q * operands->y->stride_w;
    band.y_row = step_h * operands->y->stride_h;
    band.y_column = step_w * operands->y->stride_w;
    if (operands->residual) {
        band.residual += p * operands->residual->stride_h + q * operands->residual->stride_w;
        band.residual_row = step_h * operands->residual->stride_h;
        band.residual_column = step_w * operands->residual->stride_w;
    }
    plan->kernels->depthwise_band(&band);
}

/* Output rows p0 <= p < p1 of an image, whose channels the band has. Outputs of a dilated layer
   that are `dilation` apart are those of a layer that is not. */
static void work_rows(const struct convoy_plan *plan, const struct operands *operands,
                      struct depthwise_band band, int64_t p0, int64_t p1)
{
    const convoy_layer *l = &plan->layer;
    int64_t step_h = l->stride_h == 1 ? l->dilation_h : 1;
    int64_t step_w = l->stride_w == 1 ? l->dilation_w : 1;
    for (int64_t phase = p0; phase < min64(p0 + step_h, p1); phase++) {
        for (int64_t p = phase; p < p1; p += band.rows * step_h) {
            band.rows = (int)min64(DEPTHWISE_ROWS, divide_up(p1 - p, step_h));
            for (int64_t q = 0; q < min64(step_w, plan->Q); q++) {
                work_band(plan, operands, band, p, step_h, q, step_w);
            }
        }
    }
}

/* Output rows p0 <= p < p1 of image n, channels of the vectors v0 <= v < v1. */
static void work_channels(const struct convoy_plan *plan, const struct operands *operands,
                          int64_t n, int64_t p0, int64_t p1, int64_t v0, int64_t v1)
{
    const convoy_layer *l = &plan->layer;
    const convoy_tensor *x = operands->x, *y = operands->y, *residual = operands->residual;
    int64_t k = v0 * plan->kernels->vector_floats;
    int64_t k1 = min64(v1 * plan->kernels->vector_floats, l->K);
    struct tile_epilogue epilogue = tile_epilogue_of(&l->epilogue);
    epilogue.bias = plan->bias ? plan->bias + k : NULL;
    struct depthwise_band band = {
        .x = (const float *)x->data + n * x->stride_n + k / layer_Kg(l) * layer_Cg(l),
        .x_row = x->stride_h,
        .x_column = x->stride_w,
        .H = l->H,
        .W = l->W,
        .dilation_h = l->dilation_h,
        .dilation_w = l->dilation_w,
        .R = (int)l->R,
        .S = (int)l->S,
        .Cg = (int)layer_Cg(l),
        .Kg = (int)layer_Kg(l),
        .packed_w = (const float *)plan->packed_w + k * layer_depth(l),
        .channels = (int)(k1 - k),
        .y = (float *)y->data + n * y->stride_n + k,
        .epilogue = &epilogue,
    };
    if (residual) {
        band.residual = (const float *)residual->data + n * residual->stride_n + k;
    }
    work_rows(plan, operands, band, p0, p1);
}

void depthwise_execute(const struct convoy_plan *plan, const struct operands *operands)
{
    const struct blocking *b = &plan->blocking;
    int64_t down = divide_up(plan->P, b->strip_rows);
    int64_t units = plan->layer.N * down * b->k_parts;
#pragma omp parallel for schedule(dynamic)                                                         \
    num_threads(plan->threads) if (plan->threads > 1 && units > 1)
    for (int64_t unit = 0; unit < units; unit++) {
        int64_t part = unit % b->k_parts, strip = unit / b->k_parts;
        int64_t p = strip % down * b->strip_rows;
        int64_t end = b->k_blocks * (part + 1) / b->k_parts;
        for (int64_t v = b->k_blocks * part / b->k_parts; v < end; v += b->tile_vectors) {
            work_channels(plan, operands, strip / down, p, min64(p + b->strip_rows, plan->P), v,
                          min64(v + b->tile_vectors, end));
        }
    }
}
