/**
 * @file winograd_filter.c
 * Filter transform G_h g G_w^T in double precision, a vector of output channels at a time.
 */
#include "kernels/winograd/winograd.h"
#include "kernels/simd.h"

#include <assert.h>

#define TAPS_MAX (WINOGRAD_ALPHA_MAX - 1)

typedef double vd __attribute__((vector_size(8 * VF)));

/* One input channel: g[t] holds tap t of VF output channels. */
ALWAYS_INLINE void transform_filter(const struct winograd_filter *f, const vd *g, float *u)
{
    int R = f->h->r, S = f->w->r, alpha_h = f->h->alpha, alpha_w = f->w->alpha;
    vd half[WINOGRAD_ALPHA_MAX][TAPS_MAX];
    for (int i = 0; i < alpha_h; i++) {
        for (int s = 0; s < S; s++) {
            vd sum = {0};
            for (int r = 0; r < R; r++) {
                sum += f->h->g[i * R + r] * g[r * S + s];
            }
            half[i][s] = sum;
        }
    }
    for (int i = 0; i < alpha_h; i++) {
        for (int j = 0; j < alpha_w; j++) {
            vd sum = {0};
            for (int s = 0; s < S; s++) {
                sum += f->w->g[j * S + s] * half[i][s];
            }
            vf_store(u + (i * alpha_w + j) * f->point_stride, __builtin_convertvector(sum, vf));
        }
    }
}

void KERNEL(winograd_filter)(const struct winograd_filter *f);
void KERNEL(winograd_filter)(const struct winograd_filter *f)
{
    int taps = f->h->r * f->w->r;
    assert(f->h->r <= TAPS_MAX && f->w->r <= TAPS_MAX);
    for (int64_t c = 0; c < f->channels; c++) {
        vd g[TAPS_MAX * TAPS_MAX];
        for (int t = 0; t < taps; t++) {
            float lanes[VF] = {0};
            for (int k = 0; k < f->lanes; k++) {
                lanes[k] = f->filter[k * f->k_stride + c * taps + t];
            }
            g[t] = __builtin_convertvector(vf_load(lanes), vd);
        }
        transform_filter(f, g, f->u + c * f->c_stride);
    }
}
