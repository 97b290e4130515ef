/**
 * @file im2col_lower.c
 * Lowering: the inputs under the filter of some output pixels, as a matrix.
 */
#include <limits.h>
#include <string.h>

#include "core/arithmetic.h"
#include "core/layer_checked.h"
#include "kernels/im2col/im2col.h"

/* x seen by a group: image n, the group's first channel. */
static const float *group_of(const struct convoy_plan *plan, const convoy_tensor *x,
                             const struct im2col_unit *unit)
{
    return (const float *)x->data + unit->n * x->stride_n +
           unit->g * layer_Cg(&plan->layer) * x->stride_c;
}

/* A 1x1 filter that visits every pixel, on rows that follow each other in memory: x is the lowered
   matrix. */
static bool needs_no_lowering(const struct convoy_plan *plan, const convoy_tensor *x)
{
    const convoy_layer *l = &plan->layer;
    const bool nhwc = l->layout == CONVOY_NHWC;
    const int64_t row_stride = nhwc ? x->stride_w : x->stride_c;
    /* the BLAS wants rows that do not overlap, as those of a stride of 0 would */
    const int64_t row = nhwc ? layer_Cg(l) : l->H * l->W;
    return l->R == 1 && l->S == 1 && l->stride_h == 1 && l->stride_w == 1 && !layer_is_padded(l) &&
           (l->H == 1 || x->stride_h == l->W * x->stride_w) && row_stride >= row &&
           row_stride <= INT_MAX;
}

/* NHWC: one pixel's inputs d0 <= d < d1 in the order r, s, c. */
static void lower_pixel(const struct convoy_plan *plan, const convoy_tensor *x, const float *group,
                        int64_t p, int64_t q, int64_t d0, int64_t d1, float *to)
{
    const convoy_layer *l = &plan->layer;
    int64_t Cg = layer_Cg(l), tap = d0 / Cg, c = d0 % Cg;
    int64_t r = tap / l->S, s = tap % l->S;
    while (d0 < d1) {
        int64_t h = p * l->stride_h - l->pad_top + r * l->dilation_h;
        int64_t w = q * l->stride_w - l->pad_left + s * l->dilation_w;
        int64_t count = min64(Cg - c, d1 - d0);
        if (h >= 0 && h < l->H && w >= 0 && w < l->W) {
            memcpy(to, group + h * x->stride_h + w * x->stride_w + c, (size_t)count * sizeof *to);
        } else {
            memset(to, 0, (size_t)count * sizeof *to);
        }
        to += count;
        d0 += count;
        c = 0;
        if (++s == l->S) {
            s = 0;
            r++;
        }
    }
}

static void lower_nhwc(const struct convoy_plan *plan, const convoy_tensor *x,
                       const struct im2col_unit *unit, int64_t d0, int64_t d1, float *lowered)
{
    const float *group = group_of(plan, x, unit);
    int64_t p = unit->pixel / plan->Q, q = unit->pixel % plan->Q;
    for (int64_t i = 0; i < unit->pixels; i++) {
        lower_pixel(plan, x, group, p, q, d0, d1, lowered + i * (d1 - d0));
        if (++q == plan->Q) {
            q = 0;
            p++;
        }
    }
}

/* NCHW: the inputs of tap s for pixels q0 <= q < q1 of a row; row is NULL on padding. */
static void lower_row(const convoy_layer *l, const float *row, int64_t s, int64_t q0, int64_t q1,
                      float *to)
{
    int64_t w0 = s * l->dilation_w - l->pad_left; /* of q = 0 */
    int64_t begin = q1, end = q1;                 /* of the pixels on real input */
    if (row && w0 < l->W) {
        begin = min64(max64(q0, w0 >= 0 ? 0 : divide_up(-w0, l->stride_w)), q1);
        end = max64(min64(q1, (l->W - 1 - w0) / l->stride_w + 1), begin);
    }
    memset(to, 0, (size_t)(begin - q0) * sizeof *to);
    if (l->stride_w == 1 && begin < end) {
        memcpy(to + begin - q0, row + begin + w0, (size_t)(end - begin) * sizeof *to);
    } else {
        for (int64_t q = begin; q < end; q++) {
            to[q - q0] = row[q * l->stride_w + w0];
        }
    }
    memset(to + end - q0, 0, (size_t)(q1 - end) * sizeof *to);
}

static void lower_nchw(const struct convoy_plan *plan, const convoy_tensor *x,
                       const struct im2col_unit *unit, int64_t d0, int64_t d1, float *lowered)
{
    const convoy_layer *l = &plan->layer;
    const float *group = group_of(plan, x, unit);
    int64_t s = d0 % l->S, r = d0 / l->S % l->R, c = d0 / l->S / l->R;
    for (int64_t d = d0; d < d1; d++) {
        const float *channel = group + c * x->stride_c;
        int64_t end = unit->pixel + unit->pixels;
        for (int64_t pixel = unit->pixel; pixel < end;) {
            int64_t p = pixel / plan->Q, q0 = pixel % plan->Q;
            int64_t q1 = min64(plan->Q, q0 + end - pixel);
            int64_t h = p * l->stride_h - l->pad_top + r * l->dilation_h;
            bool inside = h >= 0 && h < l->H;
            lower_row(l, inside ? channel + h * x->stride_h : NULL, s, q0, q1, lowered);
            lowered += q1 - q0;
            pixel += q1 - q0;
        }
        if (++s == l->S) {
            s = 0;
            if (++r == l->R) {
                r = 0;
                c++;
            }
        }
    }
}

struct im2col_matrix im2col_lower(const struct convoy_plan *plan, const convoy_tensor *x,
                                  const struct im2col_unit *unit, int64_t d0, int64_t d1,
                                  float *lowered)
{
    bool nhwc = plan->layer.layout == CONVOY_NHWC;
    if (needs_no_lowering(plan, x)) {
        const float *group = group_of(plan, x, unit);
        return nhwc ? (struct im2col_matrix){group + unit->pixel * x->stride_w + d0, x->stride_w}
                    : (struct im2col_matrix){group + d0 * x->stride_c + unit->pixel, x->stride_c};
    }
    if (nhwc) {
        lower_nhwc(plan, x, unit, d0, d1, lowered);
        return (struct im2col_matrix){lowered, d1 - d0};
    }
    lower_nchw(plan, x, unit, d0, d1, lowered);
    return (struct im2col_matrix){lowered, unit->pixels};
}
