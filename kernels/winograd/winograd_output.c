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

/* Rows of A_h^T t that are computed together: of one parity, which share sums or differences. */
#define ROWS_TOGETHER (VF_REGISTERS == 32 ? 3 : 2)

/* Output rows first, first + 2, ... (at most ROWS_TOGETHER) of one vector of channels: down the
   columns of products, only what these rows need, then along them. */
ALWAYS_INLINE void output_rows(const int m_h, const int m_w, const int r, const int s,
                               const int first, const struct winograd_result *o, int k)
{
    const int alpha_h = m_h + r - 1, alpha_w = m_w + s - 1;
    vf pass[ROWS_TOGETHER][WINOGRAD_ALPHA_MAX];
    UNROLL for (int j = 0; j < alpha_w; j++)
    {
        vf t[WINOGRAD_ALPHA_MAX], column[WINOGRAD_ALPHA_MAX];
        UNROLL for (int i = 0; i < alpha_h; i++)
        {
            t[i] = vf_load(o->products + (i * alpha_w + j) * o->stream_stride + k);
        }
        output_axis(alpha_h, m_h, t, column);
        UNROLL for (int i = 0; i < ROWS_TOGETHER; i++)
        {
            pass[i][j] = column[first + 2 * i < m_h ? first + 2 * i : first];
        }
    }
    UNROLL for (int i = 0; i < ROWS_TOGETHER; i++)
    {
        const int row = first + 2 * i;
        if (row >= m_h || row >= o->rows) {
            break;
        }
        vf along[WINOGRAD_ALPHA_MAX];
        output_axis(alpha_w, m_w, pass[i], along);
        const float *residual = o->residual ? o->residual + row * o->residual_stride_h : NULL;
        float *y = o->y + row * o->stride_h;
        UNROLL for (int j = 0; j < m_w; j++)
        {
            if (j < o->columns) {
                tile_store_vector(along[j], o->epilogue, k, residual, y, o->channels - k);
            }
            y += o->stride_w;
            residual = residual ? residual + o->residual_stride_w : NULL;
        }
    }
}

ALWAYS_INLINE void output_tile(const int m_h, const int m_w, const int r, const int s,
                               const struct winograd_result *o)
{
    for (int k = 0; k < o->channels; k += VF) {
        UNROLL for (int parity = 0; parity < 2; parity++)
        {
            UNROLL for (int first = parity; first < m_h; first += 2 * ROWS_TOGETHER)
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
