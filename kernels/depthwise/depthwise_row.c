/**
 * @file depthwise_row.c
 * A row of outputs, vector of channels by vector of channels.
 */
#include "kernels/depthwise/depthwise.h"
#include "kernels/kernel.h"
#include "kernels/tile/tile_finish.h"

/* Outputs whose sums are in registers together; with stride s and t taps a row of the filter reads
   (PIXELS - 1) * s + t vectors of x. */
#define PIXELS   (VF_REGISTERS == 32 ? 8 : 4)
#define TAPS_MAX 7

ALWAYS_INLINE vf load_lanes(const float *p, const bool whole, int lanes)
{
    return whole ? vf_load(p) : vf_load_part(p, lanes);
}

/* `pixels` outputs from `first` on, with `taps` taps a row (0: row->taps_w of them) and stride
   `stride` (0: any). */
ALWAYS_INLINE void work_piece(const struct depthwise_row *row, int first, const int pixels,
                              const int taps, const int stride, const bool whole)
{
    vf acc[PIXELS];
    UNROLL for (int i = 0; i < pixels; i++)
    {
        acc[i] = (vf){0};
    }
    const float *x_row = row->x + first * row->x_pixel, *w = row->w;
    for (int r = 0; r < row->taps_h; r++, x_row += row->x_tap_h, w += row->w_tap_h) {
        if (taps > 0) {
            vf w_vector[TAPS_MAX], x_vector[(PIXELS - 1) * 2 + TAPS_MAX];
            UNROLL for (int s = 0; s < taps; s++)
            {
                w_vector[s] = vf_load(w + s * VF);
            }
            const float *p = x_row;
            UNROLL for (int i = 0; i < (pixels - 1) * stride + taps; i++, p += row->x_tap_w)
            {
                x_vector[i] = load_lanes(p, whole, row->channels);
            }
            UNROLL for (int s = 0; s < taps; s++)
            {
                UNROLL for (int i = 0; i < pixels; i++)
                {
                    acc[i] = vf_multiply_add(x_vector[i * stride + s], w_vector[s], acc[i]);
                }
            }
        } else {
            for (int s = 0; s < row->taps_w; s++) {
                vf w_vector = vf_load(w + s * VF);
                UNROLL for (int i = 0; i < pixels; i++)
                {
                    const float *p = x_row + i * row->x_pixel + s * row->x_tap_w;
                    acc[i] = vf_multiply_add(load_lanes(p, whole, row->channels), w_vector, acc[i]);
                }
            }
        }
    }
    UNROLL for (int i = 0; i < pixels; i++)
    {
        const float *residual =
            row->residual ? row->residual + (first + i) * row->residual_pixel : NULL;
        tile_store_vector(acc[i], row->epilogue, 0, residual, row->y + (first + i) * row->y_pixel,
                          whole ? VF : row->channels);
    }
}

ALWAYS_INLINE void work_vector(const struct depthwise_row *row, const int taps, const int stride,
                               const bool whole)
{
    int first = 0;
    for (; first + PIXELS <= row->pixels; first += PIXELS) {
        work_piece(row, first, PIXELS, taps, stride, whole);
    }
    if (PIXELS > 4 && first + 4 <= row->pixels) {
        work_piece(row, first, 4, taps, stride, whole);
        first += 4;
    }
    if (first + 2 <= row->pixels) {
        work_piece(row, first, 2, taps, stride, whole);
        first += 2;
    }
    if (first < row->pixels) {
        work_piece(row, first, 1, taps, stride, whole);
    }
}

/* All vectors; `taps` and `stride` hold for the whole ones, the last in part takes the general way.
 */
ALWAYS_INLINE void work_row(const struct depthwise_row *whole_row, const int taps, const int stride)
{
    struct depthwise_row row = *whole_row;
    struct tile_epilogue epilogue = *row.epilogue;
    row.epilogue = &epilogue;
    for (; row.channels > 0; row.channels -= VF) {
        if (row.channels >= VF) {
            work_vector(&row, taps, stride, true);
        } else {
            work_vector(&row, 0, 0, false);
        }
        row.x += VF;
        row.w += row.w_vector;
        row.y += VF;
        row.residual = row.residual ? row.residual + VF : NULL;
        epilogue.bias = epilogue.bias ? epilogue.bias + VF : NULL;
    }
}

/* Shapes with all bounds constant are those of the networks people run. */
void KERNEL(depthwise_row)(const struct depthwise_row *row);
void KERNEL(depthwise_row)(const struct depthwise_row *row)
{
    int shape = row->stride_w * 10 + row->taps_w;
    switch (shape) {
    case 13:
        work_row(row, 3, 1);
        break;
    case 23:
        work_row(row, 3, 2);
        break;
    case 15:
        work_row(row, 5, 1);
        break;
    case 25:
        work_row(row, 5, 2);
        break;
    case 17:
        work_row(row, 7, 1);
        break;
    default:
        work_row(row, 0, 0);
    }
}
