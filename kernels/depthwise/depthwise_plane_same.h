/**
 * @file depthwise_plane_same.h
 * What depthwise_plane_same.c and depthwise_plane_same_rows.c share. Included by these only.
 *
 * Sums run over r, then s. A lane whose tap is on padding has an x of 0 and a w of -0: the product
 * is -0, which changes no sum, whatever the filter is.
 */
#ifndef CONVOY_KERNELS_DEPTHWISE_PLANE_SAME_H
#define CONVOY_KERNELS_DEPTHWISE_PLANE_SAME_H

#include "kernels/depthwise/depthwise.h"
#include "kernels/kernel.h"
#include "kernels/simd_lanes.h"
#include "kernels/tile/tile.h"

#define TAPS_MAX DEPTHWISE_SAME_TAPS

/* Of a vector that begins at a column, for each tap of a row: which lanes of w and of x are on real
   input, and -0 in the others. */
struct edge {
    vi w[TAPS_MAX];
    vf minus[TAPS_MAX];
    vf_mask x[TAPS_MAX];
};

static inline struct edge edge_of(int64_t q, int64_t W, int taps)
{
    struct edge edge;
    for (int s = 0; s < taps; s++) {
        const int64_t w = q + s - taps / 2;
        edge.w[s] = vf_lanes_between(vf_lanes(-w), vf_lanes(W - w));
        edge.minus[s] = (vf)(~edge.w[s] & (vi)vf_broadcast(-0.0f));
        edge.x[s] = vf_mask_of(edge.w[s]);
    }
    return edge;
}

ALWAYS_INLINE vf mask_w(vf w, const struct edge *edge, const int s)
{
    return (vf)(((vi)w & edge->w[s]) | (vi)edge->minus[s]);
}

/* Packed w of channel k. */
ALWAYS_INLINE const float *w_of(const struct depthwise_planes *p, int64_t k, const int taps)
{
    return pointer_keep(p->packed_w + (k & -VF) * taps * taps + (k & (VF - 1)));
}

/* What is added to all sums of channel k. */
ALWAYS_INLINE const float *bias_of(const struct depthwise_planes *p, int64_t k)
{
    static const float none = -0.0f; /* which changes no sum */
    return p->bias ? p->bias + k : &none;
}

/* A vector of lower limits, one of upper ones. */
static inline void set_limits(float to[2][VF], const struct tile_epilogue *epilogue)
{
    for (int i = 0; i < 2; i++) {
        vf_store(to[i], vf_broadcast(epilogue->limits[i]));
    }
}

/* From memory: sums and taps want all registers. */
ALWAYS_INLINE vf clamp(vf v, const float *limits)
{
    limits = pointer_keep(limits);
    return vf_clamp(v, vf_load(limits), vf_load(limits + VF));
}

/* Long rows of all channels; 3x3, more than 3 rows. */
void KERNEL(depthwise_planes_same_rows)(const struct depthwise_planes *p);

#endif
