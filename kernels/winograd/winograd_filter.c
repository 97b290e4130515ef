/**
 * @file winograd_filter.c
 * Filter transform G_h g G_w^T in double precision, a vector of output channels at a time; rounded
 * to float32 once.
 */
#include "kernels/kernel.h"
#include "kernels/simd.h"
#include "kernels/winograd/winograd.h"

#include <string.h>

void KERNEL(transpose)(const float *, ptrdiff_t, float *, ptrdiff_t, int64_t, int64_t);

#define TAPS_MAX (WINOGRAD_ALPHA_MAX - 1)
/* Input channels that are turned into vectors of output channels together. */
#define CHANNELS 8
/* Doubles that fill a vector register. */
#define VD (VF / 2)

typedef double vd __attribute__((vector_size(8 * VD)));
typedef float vf_half __attribute__((vector_size(4 * VD), aligned(4), may_alias));

/* Half a vector of output channels, one input channel: g[t * VF] holds tap t. */
ALWAYS_INLINE void transform_half(const int alpha_h, const int alpha_w, const int R, const int S,
                                  const struct winograd_filter *f, const float *g, float *u)
{
    vd half[WINOGRAD_ALPHA_MAX][TAPS_MAX];
    UNROLL for (int s = 0; s < S; s++)
    {
        vd tap[TAPS_MAX];
        UNROLL for (int r = 0; r < R; r++)
        {
            tap[r] = __builtin_convertvector(*(const vf_half *)(g + (r * S + s) * VF), vd);
        }
        for (int i = 0; i < alpha_h; i++) {
            vd sum = f->h->g[i * R] * tap[0];
            UNROLL for (int r = 1; r < R; r++)
            {
                sum += f->h->g[i * R + r] * tap[r];
            }
            half[i][s] = sum;
        }
    }
    for (int i = 0; i < alpha_h; i++) {
        for (int j = 0; j < alpha_w; j++) {
            vd sum = f->w->g[j * S] * half[i][0];
            UNROLL for (int s = 1; s < S; s++)
            {
                sum += f->w->g[j * S + s] * half[i][s];
            }
            *(vf_half *)(u + (i * alpha_w + j) * f->point_stride) =
                __builtin_convertvector(sum, vf_half);
        }
    }
}

ALWAYS_INLINE void transform_filter(const int alpha_h, const int alpha_w, const int R, const int S,
                                    const struct winograd_filter *f)
{
    const int taps = R * S;
    float g[CHANNELS * TAPS_MAX * TAPS_MAX * VF];
    memset(g, 0, (size_t)(CHANNELS * taps * VF) * sizeof *g);
    for (int64_t c = 0; c < f->channels; c += CHANNELS) {
        int64_t channels = f->channels - c < CHANNELS ? f->channels - c : CHANNELS;
        KERNEL(transpose)(f->filter + c * taps, f->k_stride, g, VF, f->lanes, channels * taps);
        for (int64_t i = 0; i < channels; i++) {
            float *u = f->u + (c + i) * f->c_stride;
            const float *taps_of_channel = g + i * taps * VF;
            transform_half(alpha_h, alpha_w, R, S, f, taps_of_channel, u);
            transform_half(alpha_h, alpha_w, R, S, f, taps_of_channel + VD, u + VD);
        }
    }
}

#define FILTER(m_h, m_w, R, S)                                                                     \
    static void filter_##m_h##x##m_w##_##R##x##S(const struct winograd_filter *f)                  \
    {                                                                                              \
        transform_filter(m_h + R - 1, m_w + S - 1, R, S, f);                                       \
    }
WINOGRAD_VARIANTS(FILTER)

extern const struct winograd_filters KERNEL(winograd_filters);
const struct winograd_filters KERNEL(winograd_filters) = {{
#define ENTRY(m_h, m_w, R, S) filter_##m_h##x##m_w##_##R##x##S,
    WINOGRAD_VARIANTS(ENTRY)
#undef ENTRY
}};
