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
/* Input channels that are turned into vectors of output channels together, at most. */
#define CHANNELS 8
/* Doubles that fill a vector register. */
#define VD (VF / 2)

typedef double vd __attribute__((vector_size(8 * VD)));
typedef float vf_half __attribute__((vector_size(4 * VD), aligned(4), may_alias));

/* A piece of the filter: where its taps lie, and where each point goes. */
struct piece {
    ptrdiff_t tap[TAPS_MAX * TAPS_MAX]; /* floats from the filter's first tap; -1: a zero */
    ptrdiff_t u[WINOGRAD_ALPHA_MAX * WINOGRAD_ALPHA_MAX]; /* -1: it is not there at this point */
};

/* Half a vector of output channels, one input channel: g[t * VF] holds tap t. */
ALWAYS_INLINE void transform_half(const int alpha_h, const int alpha_w, const int r, const int s,
                                  const struct winograd_filter *f, const struct piece *piece,
                                  const float *g, float *u)
{
    static const float zeros[VD];
    vd half[WINOGRAD_ALPHA_MAX][TAPS_MAX];
    UNROLL for (int b = 0; b < s; b++)
    {
        vd tap[TAPS_MAX];
        UNROLL for (int a = 0; a < r; a++)
        {
            const ptrdiff_t at = piece->tap[a * s + b];
            const float *tap_of_half = at >= 0 ? g + at : zeros;
            tap[a] = __builtin_convertvector(*(const vf_half *)tap_of_half, vd);
        }
        for (int i = 0; i < alpha_h; i++) {
            vd sum = f->g_h[i * r] * tap[0];
            UNROLL for (int a = 1; a < r; a++)
            {
                sum += f->g_h[i * r + a] * tap[a];
            }
            half[i][b] = sum;
        }
    }
    for (int i = 0; i < alpha_h; i++) {
        for (int j = 0; j < alpha_w; j++) {
            vd sum = f->g_w[j * s] * half[i][0];
            UNROLL for (int b = 1; b < s; b++)
            {
                sum += f->g_w[j * s + b] * half[i][b];
            }
            if (piece->u[i * alpha_w + j] >= 0) {
                *(vf_half *)(u + piece->u[i * alpha_w + j]) = __builtin_convertvector(sum, vf_half);
            }
        }
    }
}

/* Piece (a, b). */
static struct piece piece_of(const struct winograd_filter *f, int a, int b)
{
    const struct winograd_axis *h = f->h, *w = f->w;
    const struct winograd_piece *rows = &h->pieces[a], *columns = &w->pieces[b];
    struct piece piece;
    for (int i = 0; i < h->r; i++) {
        for (int j = 0; j < w->r; j++) {
            int64_t row = rows->first + i * h->stride, column = columns->first + j * w->stride;
            bool there = i < rows->taps && j < columns->taps;
            piece.tap[i * w->r + j] = there ? (row * w->taps + column) * VF : -1;
        }
    }
    for (int i = 0; i < h->alpha; i++) {
        for (int j = 0; j < w->alpha; j++) {
            int pieces_w = winograd_pieces_at(w, j);
            int64_t before = winograd_pieces_before(h, w, i, j) + a * pieces_w + b;
            bool there = a < winograd_pieces_at(h, i) && b < pieces_w;
            piece.u[i * w->alpha + j] = there ? before * f->channels * f->c_stride : -1;
        }
    }
    return piece;
}

ALWAYS_INLINE void transform_filter(const int alpha_h, const int alpha_w, const int r, const int s,
                                    const struct winograd_filter *f)
{
    const int64_t taps = f->h->taps * f->w->taps;
    const int64_t together =
        WINOGRAD_TAPS_MAX / taps < CHANNELS ? WINOGRAD_TAPS_MAX / taps : CHANNELS;
    float g[WINOGRAD_TAPS_MAX * VF];
    memset(g, 0, (size_t)(together * taps * VF) * sizeof *g);
    for (int64_t c = 0; c < f->channels; c += together) {
        int64_t channels = f->channels - c < together ? f->channels - c : together;
        KERNEL(transpose)(f->filter + c * taps, f->k_stride, g, VF, f->lanes, channels * taps);
        for (int index = 0; index < f->h->count * f->w->count; index++) {
            struct piece piece = piece_of(f, index / f->w->count, index % f->w->count);
            for (int64_t i = 0; i < channels; i++) {
                float *u = f->u + (c + i) * f->c_stride;
                const float *taps_of_channel = g + i * taps * VF;
                transform_half(alpha_h, alpha_w, r, s, f, &piece, taps_of_channel, u);
                transform_half(alpha_h, alpha_w, r, s, f, &piece, taps_of_channel + VD, u + VD);
            }
        }
    }
}

#define FILTER(m_h, m_w, r, s)                                                                     \
    static void filter_##m_h##x##m_w##_##r##x##s(const struct winograd_filter *f)                  \
    {                                                                                              \
        transform_filter(m_h + r - 1, m_w + s - 1, r, s, f);                                       \
    }
WINOGRAD_VARIANTS(FILTER)

extern const struct winograd_filters KERNEL(winograd_filters);
const struct winograd_filters KERNEL(winograd_filters) = {{
#define ENTRY(m_h, m_w, r, s) filter_##m_h##x##m_w##_##r##x##s,
    WINOGRAD_VARIANTS(ENTRY)
#undef ENTRY
}};
