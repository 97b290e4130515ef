/**
 * @file winograd_input.c
 * Input transform B_h^T d B_w of one tile, a vector of channels at a time.
 *
 * The rows first, into a buffer in L1, then the columns: the 36 or 64 values of a tile do not fit
 * the registers.
 */
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

/* One vector of channels; lanes < VF only at the last. `whole`: no position is outside x. */
ALWAYS_INLINE void input_vector(const int alpha_h, const int alpha_w, const bool whole,
                                const bool part, const struct winograd_patch *patch, int64_t c)
{
    vf buffer[WINOGRAD_ALPHA_MAX][WINOGRAD_ALPHA_MAX];
    const float *x = patch->x + c;
    int lanes = (int)(patch->channels - c);
    UNROLL for (int i = 0; i < alpha_h; i++)
    {
        vf d[WINOGRAD_ALPHA_MAX];
        bool row = whole || (i >= patch->i0 && i < patch->i1);
        const float *position = x + i * patch->stride_h;
        UNROLL for (int j = 0; j < alpha_w; j++)
        {
            d[j] = (vf){0};
            if (whole || (row && j >= patch->j0 && j < patch->j1)) {
                const float *p = position + j * patch->stride_w;
                d[j] = part ? vf_load_part(p, lanes) : vf_load(p);
            }
        }
        input_axis(alpha_w, d, buffer[i]);
    }
    float *v = patch->v + c;
    UNROLL for (int j = 0; j < alpha_w; j++)
    {
        vf d[WINOGRAD_ALPHA_MAX], column[WINOGRAD_ALPHA_MAX];
        UNROLL for (int i = 0; i < alpha_h; i++)
        {
            d[i] = buffer[i][j];
        }
        input_axis(alpha_h, d, column);
        UNROLL for (int i = 0; i < alpha_h; i++)
        {
            vf_store(v + (i * alpha_w + j) * patch->stream_stride, column[i]);
        }
    }
}

ALWAYS_INLINE void input_tile(const int alpha_h, const int alpha_w,
                              const struct winograd_patch *patch)
{
    int64_t c = 0;
    if (patch->i0 == 0 && patch->i1 == alpha_h && patch->j0 == 0 && patch->j1 == alpha_w) {
        for (; c + VF <= patch->channels; c += VF) {
            input_vector(alpha_h, alpha_w, true, false, patch, c);
        }
    }
    for (; c + VF <= patch->channels; c += VF) {
        input_vector(alpha_h, alpha_w, false, false, patch, c);
    }
    if (c < patch->channels) {
        input_vector(alpha_h, alpha_w, false, true, patch, c);
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
