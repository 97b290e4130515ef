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

ALWAYS_INLINE void output_tile(const int m_h, const int m_w, const int R, const int S,
                               const struct winograd_result *o)
{
    const int alpha_h = m_h + R - 1, alpha_w = m_w + S - 1;
    for (int k = 0; k < o->channels; k += VF) {
        vf buffer[WINOGRAD_ALPHA_MAX][WINOGRAD_ALPHA_MAX];
        UNROLL for (int j = 0; j < alpha_w; j++)
        {
            vf t[WINOGRAD_ALPHA_MAX], column[WINOGRAD_ALPHA_MAX];
            UNROLL for (int i = 0; i < alpha_h; i++)
            {
                t[i] = vf_load(o->products + (i * alpha_w + j) * o->stream_stride + k);
            }
            output_axis(alpha_h, m_h, t, column);
            UNROLL for (int i = 0; i < m_h; i++)
            {
                buffer[i][j] = column[i];
            }
        }
        for (int i = 0; i < o->rows; i++) {
            vf row[WINOGRAD_ALPHA_MAX];
            output_axis(alpha_w, m_w, buffer[i], row);
            UNROLL for (int j = 0; j < m_w; j++)
            {
                if (j < o->columns) {
                    const float *residual = o->residual ? o->residual + i * o->residual_stride_h +
                                                              j * o->residual_stride_w
                                                        : NULL;
                    tile_store_vector(row[j], o->epilogue, k, residual,
                                      o->y + i * o->stride_h + j * o->stride_w, o->channels - k);
                }
            }
        }
    }
}

#define OUTPUT(m_h, m_w, R, S)                                                                     \
    static void output_##m_h##x##m_w##_##R##x##S(const struct winograd_result *o)                  \
    {                                                                                              \
        output_tile(m_h, m_w, R, S, o);                                                            \
    }
WINOGRAD_VARIANTS(OUTPUT)

extern const struct winograd_outputs KERNEL(winograd_outputs);
const struct winograd_outputs KERNEL(winograd_outputs) = {{
#define ENTRY(m_h, m_w, R, S) output_##m_h##x##m_w##_##R##x##S,
    WINOGRAD_VARIANTS(ENTRY)
#undef ENTRY
}};
