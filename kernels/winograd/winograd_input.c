/**
 * @file winograd_input.c
 * Input transform B_h^T d B_w of one tile, a vector of channels at a time.
 *
 * A tile that reaches over the edge of x reads through a table of positions, in which those
 * outside point at zeros.
 */
#include "kernels/simd_lanes.h"
#include "kernels/winograd/winograd.h"
#include "kernels/winograd/winograd_transforms.h"

ALWAYS_INLINE void input_axis(const int alpha, const vf *d, vf *v)
{
    switch (alpha) {
    case 1:
        v[0] = d[0];
        break;
    case 4:
        winograd_input_4(d, v);
        break;
    case 6:
        winograd_input_6(d, v);
        break;
    case 8:
        winograd_input_8(d, v);
        break;
    }
}

/* With 32 registers nothing is stored but v, at the price of loading x more than once: the rows of
   B_h^T d are computed in passes. 16 are too few for that: all rows go through memory, in loops
   that are not unrolled, or the compiler would load all of x first and store most of it again. */
#if VF_REGISTERS == 32
#define ROWS_TOGETHER 2
#define ROW_LOOP      UNROLL
#else
#define ROWS_TOGETHER WINOGRAD_ALPHA_MAX
#define ROW_LOOP      _Pragma("GCC unroll 1")
#endif

/* Rows `row` ... row + rows - 1 of B_h^T d B_w for one vector of channels: down the columns first,
   only the rows of this pass, then along them. (The compiler drops the loads and the rows of
   input_axis that a pass does not use.) */
ALWAYS_INLINE void input_rows(const int alpha_h, const int alpha_w, const bool whole,
                              const int lanes, const int row, const int rows,
                              const struct winograd_patch *patch, int64_t c)
{
    vf pass[ROWS_TOGETHER][WINOGRAD_ALPHA_MAX];
    ROW_LOOP for (int j = 0; j < alpha_w; j++)
    {
        vf d[WINOGRAD_ALPHA_MAX], column[WINOGRAD_ALPHA_MAX];
        UNROLL for (int i = 0; i < alpha_h; i++)
        {
            const float *p = whole ? patch->x + c + i * patch->stride_h + j * patch->stride_w
                                   : patch->at[i * alpha_w + j] + c;
            d[i] = lanes < VF ? vf_load_part(p, lanes) : vf_load(p);
        }
        input_axis(alpha_h, d, column);
        UNROLL for (int i = 0; i < rows; i++)
        {
            pass[i][j] = column[row + i];
        }
    }
    ROW_LOOP for (int i = 0; i < rows; i++)
    {
        vf along[WINOGRAD_ALPHA_MAX];
        input_axis(alpha_w, pass[i], along);
        const ptrdiff_t stride = patch->stream_stride;
        float *v = patch->v + c + (row + i) * alpha_w * stride;
        UNROLL for (int j = 0; j < alpha_w; j++)
        {
            float *to = v + j * stride;
            if (lanes < VF) {
                vf_store_part(to, along[j], lanes);
            } else {
                vf_store(to, along[j]);
            }
        }
    }
}

/* All rows; in passes one for the first row, one for the last, and one for each pair of points +-p
   between, whose rows share their even and odd part. */
ALWAYS_INLINE void input_vector(const int alpha_h, const int alpha_w, const bool whole,
                                const int lanes, const struct winograd_patch *patch, int64_t c)
{
    if (ROWS_TOGETHER >= alpha_h) {
        input_rows(alpha_h, alpha_w, whole, lanes, 0, alpha_h, patch, c);
        return;
    }
    input_rows(alpha_h, alpha_w, whole, lanes, 0, 1, patch, c);
    UNROLL for (int pair = 0; pair < (alpha_h - 2) / 2; pair++)
    {
        input_rows(alpha_h, alpha_w, whole, lanes, 1 + 2 * pair, 2, patch, c);
    }
    input_rows(alpha_h, alpha_w, whole, lanes, alpha_h - 1, 1, patch, c);
}

ALWAYS_INLINE void input_tile(const int alpha_h, const int alpha_w,
                              const struct winograd_patch *patch)
{
    int64_t c = 0;
    if (patch->at) {
        for (; c + VF <= patch->channels; c += VF) {
            input_vector(alpha_h, alpha_w, false, VF, patch, c);
        }
    } else {
        for (; c + VF <= patch->channels; c += VF) {
            input_vector(alpha_h, alpha_w, true, VF, patch, c);
        }
    }
    if (c < patch->channels) {
        int lanes = (int)(patch->channels - c);
        if (patch->at) {
            input_vector(alpha_h, alpha_w, false, lanes, patch, c);
        } else {
            input_vector(alpha_h, alpha_w, true, lanes, patch, c);
        }
    }
}

#define INPUT(h, w)                                                                                \
    static void input_##h##x##w(const struct winograd_patch *patch)                                \
    {                                                                                              \
        input_tile(h, w, patch);                                                                   \
    }
INPUT(1, 4)
INPUT(1, 6)
INPUT(1, 8)
INPUT(4, 1)
INPUT(4, 4)
INPUT(4, 6)
INPUT(6, 1)
INPUT(6, 4)
INPUT(6, 6)
INPUT(6, 8)
INPUT(8, 1)
INPUT(8, 6)
INPUT(8, 8)

extern const struct winograd_inputs KERNEL(winograd_inputs);
const struct winograd_inputs KERNEL(winograd_inputs) = {{
    {NULL, input_1x4, input_1x6, input_1x8},
    {input_4x1, input_4x4, input_4x6, NULL},
    {input_6x1, input_6x4, input_6x6, input_6x8},
    {input_8x1, NULL, input_8x6, input_8x8},
}};
