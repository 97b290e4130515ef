/**
 * @file winograd_output.c
 * Output transform A_h^T t A_w of one tile and one block of channels, then the epilogue.
 */
#include "kernels/tile/tile_finish.h"
#include "kernels/winograd/winograd.h"
#include "kernels/winograd/winograd_transforms.h"

ALWAYS_INLINE void output_axis(const int alpha, const int m, const vf *t, vf *y)
{
    switch (alpha) {
    case 1:
        y[0] = t[0];
        break;
    case 4:
        winograd_output_4(t, y, m);
        break;
    case 6:
        winograd_output_6(t, y, m);
        break;
    case 8:
        winograd_output_8(t, y, m);
        break;
    }
}

/* Rows first, first + ROW_STEP, ... of A_h^T t are computed together, ROWS_TOGETHER of them at
   most. With 32 registers they are of one parity, whose rows share sums or differences, and nothing
   is stored but y. 16 are too few for that: all rows go through memory, in loops that are not
   unrolled, or the compiler would load all products first and store most of them again. */
#if VF_REGISTERS == 32
#define ROWS_TOGETHER 3
#define ROW_STEP      2
#define ROW_LOOP      UNROLL
#else
#define ROWS_TOGETHER WINOGRAD_ALPHA_MAX
#define ROW_STEP      1
#define ROW_LOOP      _Pragma("GCC unroll 1")
#endif

/* A row of outputs, one vector of channels: bias, residual, activation, store. Each goes over all
   of them, so that a row asks only once what is to be done. */
ALWAYS_INLINE void store_row(vf *along, const int m_w, const struct winograd_result *o, int row,
                             int k)
{
    const struct tile_epilogue *epilogue = o->epilogue;
    const int lanes = o->channels - k, columns = o->columns;
    const ptrdiff_t stride = o->stride_w;
    float *y = o->y + row * o->stride_h + k;
    if (epilogue->bias) {
        const vf bias = vf_load(epilogue->bias + k);
        UNROLL for (int j = 0; j < m_w; j++)
        {
            along[j] += bias;
        }
    }
    if (o->residual) {
        const float *residual = o->residual + row * o->residual_stride_h + k;
        UNROLL for (int j = 0; j < m_w; j++)
        {
            const float *at = residual + j * o->residual_stride_w;
            if (j < columns) {
                along[j] += lanes >= VF ? vf_load(at) : vf_load_part(at, lanes);
            }
        }
    }
    if (epilogue->clamps || epilogue->leaks) {
        UNROLL for (int j = 0; j < m_w; j++)
        {
            along[j] = tile_activate(along[j], epilogue);
        }
    }
    if (o->next) {
        UNROLL for (int j = 0; j < m_w; j++)
        {
            __builtin_prefetch(y + o->next + j * stride, 1);
        }
    }
    if (lanes >= VF && columns == m_w) {
        UNROLL for (int j = 0; j < m_w; j++)
        {
            vf_store(y + j * stride, along[j]);
        }
        return;
    }
    UNROLL for (int j = 0; j < m_w; j++)
    {
        if (j < columns) {
            vf_store_part(y + j * stride, along[j], lanes < VF ? lanes : VF);
        }
    }
}

/* Output rows first, first + ROW_STEP, ... of one vector of channels: down the columns of products,
   only what these rows need, then along them. */
ALWAYS_INLINE void output_rows(const int m_h, const int m_w, const int r, const int s,
                               const int first, const struct winograd_result *o, int k)
{
    const int alpha_h = m_h + r - 1, alpha_w = m_w + s - 1;
    const int left = (m_h - first + ROW_STEP - 1) / ROW_STEP;
    const int rows = left < ROWS_TOGETHER ? left : ROWS_TOGETHER;
    vf pass[ROWS_TOGETHER][WINOGRAD_ALPHA_MAX];
    ROW_LOOP for (int j = 0; j < alpha_w; j++)
    {
        vf t[WINOGRAD_ALPHA_MAX], column[WINOGRAD_ALPHA_MAX];
        UNROLL for (int i = 0; i < alpha_h; i++)
        {
            t[i] = vf_load(o->products + (i * alpha_w + j) * o->stream_stride + k);
        }
        output_axis(alpha_h, m_h, t, column);
        UNROLL for (int i = 0; i < rows; i++)
        {
            pass[i][j] = column[first + ROW_STEP * i];
        }
    }
    ROW_LOOP for (int i = 0; i < rows; i++)
    {
        const int row = first + ROW_STEP * i;
        if (row >= o->rows) {
            break;
        }
        vf along[WINOGRAD_ALPHA_MAX];
        output_axis(alpha_w, m_w, pass[i], along);
        store_row(along, m_w, o, row, k);
    }
}

ALWAYS_INLINE void output_tile(const int m_h, const int m_w, const int r, const int s,
                               const struct winograd_result *o)
{
    for (int k = 0; k < o->channels; k += VF) {
        UNROLL for (int parity = 0; parity < ROW_STEP; parity++)
        {
            UNROLL for (int first = parity; first < m_h; first += ROW_STEP * ROWS_TOGETHER)
            {
                output_rows(m_h, m_w, r, s, first, o, k);
            }
        }
    }
}

#define OUTPUT(m_h, m_w, r, s)                                                                     \
    static void output_##m_h##x##m_w##_##r##x##s(const struct winograd_result *o)                  \
    {                                                                                              \
        output_tile(m_h, m_w, r, s, o);                                                            \
    }
WINOGRAD_VARIANTS(OUTPUT)

extern const struct winograd_outputs KERNEL(winograd_outputs);
const struct winograd_outputs KERNEL(winograd_outputs) = {{
#define ENTRY(m_h, m_w, r, s) output_##m_h##x##m_w##_##r##x##s,
    WINOGRAD_VARIANTS(ENTRY)
#undef ENTRY
}};
