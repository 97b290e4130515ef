/**
 * @file depthwise.c
 * The loops around depthwise_row.
 *
 *   for each image, for each strip of output rows, for each share of the channels     <- threads
 *       for each few vectors of channels, whose rows of x stay in L1
 *           for each output row of the strip
 *               the outputs inside in one call, those at the two edges one by one     <- registers
 */
#include "kernels/depthwise/depthwise.h"

#include "core/arithmetic.h"
#include "core/cpu.h"
#include "core/layer_checked.h"
#include "kernels/algorithm.h"
#include "kernels/kernel.h"
#include "kernels/tile/tile_epilogue.h"

bool depthwise_applies(const struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    return l->layout == CONVOY_NHWC && l->groups == l->C && l->K == l->C && l->groups > 1;
}

/* Taps begin <= t < end of an output meet real input. */
struct taps {
    int64_t begin, end;
};

static struct taps taps_inside(int64_t origin, int64_t dilation, int64_t taps, int64_t extent)
{
    struct taps in;
    in.begin = origin >= 0 ? 0 : min64(taps, divide_up(-origin, dilation));
    in.end = origin >= extent ? 0 : min64(taps, (extent - 1 - origin) / dilation + 1);
    in.end = max64(in.begin, in.end);
    return in;
}

/* Some channels, side by side. */
struct slice {
    const float *x, *w, *residual; /* at its first channel; x and residual of the image */
    float *y;
    int channels;
    struct tile_epilogue epilogue;
};

/* Outputs q0 <= q < q1 of row p, which all see the same taps. */
static void work_outputs(const struct convoy_plan *plan, const struct operands *operands,
                         const struct slice *slice, int64_t p, struct taps rows, int64_t q0,
                         int64_t q1, struct taps columns)
{
    const convoy_layer *l = &plan->layer;
    const convoy_tensor *x = operands->x, *y = operands->y, *residual = operands->residual;
    int64_t h = p * l->stride_h - l->pad_top + rows.begin * l->dilation_h;
    int64_t w = q0 * l->stride_w - l->pad_left + columns.begin * l->dilation_w;
    struct depthwise_row row = {
        .x = slice->x + (h * x->stride_h + w * x->stride_w),
        .x_pixel = l->stride_w * x->stride_w,
        .x_tap_h = l->dilation_h * x->stride_h,
        .x_tap_w = l->dilation_w * x->stride_w,
        .w = slice->w + (rows.begin * l->S + columns.begin) * plan->kernels->vector_floats,
        .w_tap_h = l->S * plan->kernels->vector_floats,
        .w_vector = l->R * l->S * plan->kernels->vector_floats,
        .taps_h = (int)(rows.end - rows.begin),
        .taps_w = (int)(columns.end - columns.begin),
        .stride_w = l->dilation_w == 1 && l->stride_w <= 2 ? (int)l->stride_w : 0,
        .pixels = (int)(q1 - q0),
        .channels = slice->channels,
        .y = slice->y + p * y->stride_h + q0 * y->stride_w,
        .y_pixel = y->stride_w,
        .epilogue = &slice->epilogue,
    };
    if (residual) {
        row.residual = slice->residual + p * residual->stride_h + q0 * residual->stride_w;
        row.residual_pixel = residual->stride_w;
    }
    plan->kernels->depthwise_row(&row);
}

static void work_output_row(const struct convoy_plan *plan, const struct operands *operands,
                            const struct slice *slice, int64_t p)
{
    const convoy_layer *l = &plan->layer;
    struct taps rows = taps_inside(p * l->stride_h - l->pad_top, l->dilation_h, l->R, l->H);
    int64_t reach = l->dilation_w * (l->S - 1);
    /* inside: q * stride - pad >= 0 and q * stride - pad + reach < W */
    int64_t left = min64(plan->Q, divide_up(l->pad_left, l->stride_w));
    int64_t last = l->W - 1 - reach + l->pad_left;
    int64_t right = last < 0 ? 0 : min64(plan->Q, last / l->stride_w + 1);
    right = max64(left, right);
    for (int64_t q = 0; q < plan->Q; q++) {
        if (q == left && right > left) {
            work_outputs(plan, operands, slice, p, rows, left, right, (struct taps){0, l->S});
            q = right - 1;
            continue;
        }
        struct taps columns = taps_inside(q * l->stride_w - l->pad_left, l->dilation_w, l->S, l->W);
        work_outputs(plan, operands, slice, p, rows, q, q + 1, columns);
    }
}

/* Rows p0 <= p < p1 of image n, channels of the vectors v0 <= v < v1. */
static void work_unit(const struct convoy_plan *plan, const struct operands *operands, int64_t n,
                      int64_t p0, int64_t p1, int64_t v0, int64_t v1)
{
    const convoy_layer *l = &plan->layer;
    const convoy_tensor *x = operands->x, *y = operands->y, *residual = operands->residual;
    int64_t floats = plan->kernels->vector_floats;
    /* vectors whose R rows of x fill half of L1 */
    int64_t row_bytes = 4 * floats * l->W * l->R;
    int64_t step = max64(1, (int64_t)cpu_l1d_bytes() / 2 / row_bytes);
    for (int64_t v = v0; v < v1; v += step) {
        int64_t c = v * floats, end = min64(min64(v + step, v1) * floats, l->C);
        struct slice slice = {
            .x = (const float *)x->data + n * x->stride_n + c,
            .w = (const float *)plan->packed_w + c * l->R * l->S,
            .y = (float *)y->data + n * y->stride_n + c,
            .channels = (int)(end - c),
            .epilogue = tile_epilogue_of(&l->epilogue),
        };
        slice.epilogue.bias = plan->bias ? plan->bias + c : NULL;
        if (residual) {
            slice.residual = (const float *)residual->data + n * residual->stride_n + c;
        }
        for (int64_t p = p0; p < p1; p++) {
            work_output_row(plan, operands, &slice, p);
        }
    }
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
        work_unit(plan, operands, strip / down, p, min64(p + b->strip_rows, plan->P),
                  b->k_blocks * part / b->k_parts, b->k_blocks * (part + 1) / b->k_parts);
    }
}
