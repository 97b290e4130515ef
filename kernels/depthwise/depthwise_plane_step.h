/**
 * @file depthwise_plane_step.h
 * Steps of the sweeps of depthwise_plane_sweep.c: rows of x multiplied with the rows of w that they
 * are under, a row of y finished and stored. Included by it only.
 *
 * The vectors of a sweep are side by side in the rows of one channel, or, where rows fill no more
 * than one, of two channels (apart). Where rows fill no more than half of one, halves are of two
 * channels (a pair): then a vector is loaded from two places, and stored to two.
 */
#ifndef CONVOY_KERNELS_DEPTHWISE_PLANE_STEP_H
#define CONVOY_KERNELS_DEPTHWISE_PLANE_STEP_H

#include "kernels/depthwise/depthwise_plane_sweep.h"
#include "kernels/kernel.h"
#include "kernels/tile/tile_finish.h"

#define SUMS_MAX TAPS_MAX

/* What a sweep is compiled for. */
struct kind {
    int taps; /* of a filter row and of a filter column */
    int stride;
    int vectors;      /* of output columns */
    bool left, right; /* the first taps of the first vector, the last of the last are masked */
    bool masked;      /* all are, and lanes may not exist */
    bool finishes;    /* there is a residual, or an activation */
    bool apart;       /* two vectors are of two channels, and masked */
    bool pair;        /* ... and halves of each too */
};

/* Rows of outputs that a row of x may be under, in steps of the stride. */
ALWAYS_INLINE int sums_of(const struct kind kind)
{
    return (kind.taps + kind.stride - 1) / kind.stride;
}

typedef vf sums[SUMS_MAX][VECTORS_MAX]; /* of the outputs that begin ... that end */

ALWAYS_INLINE vi load_mask(const int32_t lanes[VF])
{
    vi mask;
    memcpy(&mask, lanes, sizeof mask);
    return mask;
}

/* A channel's taps, or those of two vectors that are apart: in registers, as far as sums leave
   some; in memory the others, and those masked for the first vector or the last, unless all are. */
typedef vf taps_kept[2][TAPS_MAX * TAPS_MAX];
struct taps_far {
    float plain[2][TAPS_MAX * TAPS_MAX][VF], masked[2][TAPS_MAX * TAPS_MAX][VF];
};

/* Lanes of what is loaded that are on real input, as in struct masks. */
typedef vf_mask x_masks[2][TAPS_MAX + 1];

/* Of channels side by side: from the first to that of the second vector, and from the first of each
   vector to that of its second half. In channels, or in floats. */
struct further {
    ptrdiff_t vector, half[2];
};

/* Where the next rows of a sweep's channels are. */
struct rows {
    const float *x;
    float *y;
    const float *residual;
    const float *bias;
    struct further x_to, y_to, residual_to, k_to;
    x_masks masks;
    vf_mask y_mask; /* of a pair: lanes of y that exist */
};

/* Registers that neither sums nor taps can have: for x, and with 25 taps for moves. */
ALWAYS_INLINE int spare_registers(const struct kind kind)
{
    return kind.taps == 5 ? 5 : kind.stride == 2 ? 3 : VF_REGISTERS == 32 ? kind.vectors : 1;
}

/* Is tap t in a register? */
ALWAYS_INLINE bool is_kept(const int t, const struct kind kind)
{
    const int left = VF_REGISTERS - sums_of(kind) * kind.vectors - spare_registers(kind);
    return t < (kind.apart ? left / 2 : left);
}

/* Vectors are side by side, but the last may begin in the one before it; or they are apart. */
ALWAYS_INLINE ptrdiff_t offset_of(const int v, ptrdiff_t gap, const int stride, struct further to,
                                  const struct kind kind)
{
    if (kind.apart) {
        return v * to.vector;
    }
    return (v == 0 || v < kind.vectors - 1 ? (ptrdiff_t)v * VF : gap) * stride;
}

/* Whose taps are those of vector v? */
ALWAYS_INLINE int taps_of(const int v, const struct kind kind)
{
    return kind.apart ? v : 0;
}

/* Which of the masks are those of vector v, if it has some. */
ALWAYS_INLINE int side_of(const int v, const struct kind kind)
{
    return v == 0 || kind.apart ? 0 : 1;
}

/* Is tap s of vector v masked? */
ALWAYS_INLINE bool is_masked(const int v, const int s, const struct kind kind)
{
    return kind.masked || (kind.left && v == 0 && s < kind.taps / 2) ||
           (kind.right && v == kind.vectors - 1 && s > kind.taps / 2);
}

ALWAYS_INLINE vf load_x(const vf_mask (*masks)[TAPS_MAX + 1], const float *p, const int v,
                        const int i, const bool masked, const struct kind kind)
{
    return masked ? vf_load_masked(p, masks[side_of(v, kind)][i]) : vf_load(p);
}

/* x under taps s ... s + stride - 1 of vector v, with stride 2 in the order of vf_even_fast. */
ALWAYS_INLINE void load_taps(vf x_taps[2], const struct sweep *b, const struct rows *rows,
                             const int v, const int s, const struct kind kind)
{
    const float *x = rows->x + offset_of(v, b->gap, kind.stride, rows->x_to, kind);
    if (kind.stride == 1) {
        const float *p = x + s * (kind.apart ? 1 : b->x_tap);
        x_taps[0] = kind.pair
                        ? vf_load_pair(p, p + rows->x_to.half[taps_of(v, kind)], rows->masks[0][s])
                        : load_x(rows->masks, p, v, s, is_masked(v, s, kind), kind);
        return;
    }
    const bool masked = is_masked(v, s, kind) || is_masked(v, s + 1, kind);
    const int second = kind.pair ? s : s + 1;
    const float *p = x + s, *second_x = p + (kind.pair ? rows->x_to.half[taps_of(v, kind)] : VF);
    const vf low = vf_keep(load_x(rows->masks, p, v, s, masked, kind));
    const vf high = vf_keep(load_x(rows->masks, second_x, v, second, masked, kind));
    x_taps[0] = vf_even_fast(low, high);
    x_taps[1] = vf_odd_fast(low, high);
}

/* Which sums are those of the outputs that begin (u = 0) ... end, `turn` steps later. */
ALWAYS_INLINE int slot_of(const int u, const int turn, const struct kind kind)
{
    return (u + sums_of(kind) - turn) % sums_of(kind);
}

/* x under tap s of vector v times the rows of w of the sums first <= u <= last. */
ALWAYS_INLINE void multiply_tap(sums acc, const int turn, taps_kept w, const struct taps_far *w_far,
                                vf x, const int v, const int s, const int phase, const int first,
                                const int last, const struct kind kind)
{
    /* all of them: else clang unrolls this loop before it knows which, and the outer ones not */
    UNROLL for (int u = 0; u < sums_of(kind); u++)
    {
        const int r = u * kind.stride + phase, t = r * kind.taps + s;
        vf *const sum = &acc[slot_of(u, turn, kind)][v];
        if (u < first || u > last || r >= kind.taps) {
            continue;
        }
        if (!kind.masked && is_masked(v, s, kind)) {
            *sum = vf_multiply_add_from(x, w_far->masked[side_of(v, kind)][t], *sum);
        } else if (is_kept(t, kind)) {
            *sum = vf_multiply_add_kept(x, w[taps_of(v, kind)][t], *sum);
        } else {
            *sum = vf_multiply_add_from(x, w_far->plain[taps_of(v, kind)][t], *sum);
        }
    }
}

/* Row `phase` of `stride` rows of x times the rows of w of the sums first <= u <= last. */
ALWAYS_INLINE void multiply_row(sums acc, const int turn, const struct sweep *b, taps_kept w,
                                const struct taps_far *w_far, struct rows *rows, const int phase,
                                const int first, const int last, const struct kind kind)
{
    UNROLL for (int pair = 0; pair < kind.taps; pair += kind.stride)
    {
        /* of two loads both come first, which waits less; with stride 2 registers are too few */
        const int together = kind.stride == 1 ? kind.vectors : 1;
        UNROLL for (int first_v = 0; first_v < kind.vectors; first_v += together)
        {
            vf x[VECTORS_MAX][2];
            UNROLL for (int v = first_v; v < first_v + together; v++)
            {
                load_taps(x[v], b, rows, v, pair, kind);
            }
            UNROLL for (int i = 0; i < kind.stride * together; i++)
            {
                const int v = first_v + i % together, s = i / together;
                if (pair + s < kind.taps) {
                    multiply_tap(acc, turn, w, w_far, vf_keep(x[v][s]), v, pair + s, phase, first,
                                 last, kind);
                }
            }
        }
    }
}

/* A vector of the residual. */
ALWAYS_INLINE vf load_residual(const float *residual, const int v, const struct rows *rows,
                               int lanes, const struct kind kind)
{
    if (kind.pair) {
        return vf_load_pair(residual, residual + rows->residual_to.half[taps_of(v, kind)],
                            rows->y_mask);
    }
    return kind.masked ? vf_load_part(residual, lanes) : vf_load(residual);
}

/* Bias, residual and activation of the sums of vector v that end. */
ALWAYS_INLINE vf finish(vf sum, const int v, const struct sweep *b, const struct sweep *far,
                        const struct rows *rows, int lanes, const struct kind kind)
{
    const int which = taps_of(v, kind);
    const float *bias = rows->bias + which * rows->k_to.vector;
    vf y = kind.stride == 2 ? vf_reorder(sum) : sum;
    y += kind.pair ? vf_broadcast_pair(*bias, bias[rows->k_to.half[which]]) : vf_broadcast(*bias);
    if (kind.finishes && rows->residual) {
        const ptrdiff_t gap = offset_of(v, b->gap, 1, rows->residual_to, kind);
        y += load_residual(rows->residual + gap, v, rows, lanes, kind);
    }
    return kind.finishes ? tile_activate(y, &far->epilogue) : y;
}

/* Vector v of a row of y; `lanes` of them if not all. */
ALWAYS_INLINE void store_y(vf y, const int v, const struct sweep *b, const struct rows *rows,
                           const bool all, int lanes, const struct kind kind)
{
    float *to = rows->y + offset_of(v, b->gap, 1, rows->y_to, kind);
    if (kind.pair) {
        vf_store_pair(to, to + rows->y_to.half[taps_of(v, kind)], y, rows->y_mask);
    } else if (all) {
        vf_store(to, y);
    } else {
        vf_store_part(to, y, lanes);
    }
}

/* Finishes and stores the sums that end, from which others begin. Of vectors that are apart all are
   stored last: a channel that is not there is the last one again, and the residual may be y. */
ALWAYS_INLINE void finish_row(sums acc, const int turn, const struct sweep *b,
                              const struct sweep *far, struct rows *rows, const bool all, int lanes,
                              const struct kind kind)
{
    const int ends = slot_of(sums_of(kind) - 1, turn, kind);
    vf y[VECTORS_MAX];
    UNROLL for (int v = 0; v < kind.vectors; v++)
    {
        y[v] = finish(acc[ends][v], v, b, far, rows, all ? VF : lanes, kind);
        acc[ends][v] = (vf){0};
        if (!kind.apart) {
            store_y(y[v], v, b, rows, all, lanes, kind);
        }
    }
    UNROLL for (int v = 0; v < kind.vectors; v++)
    {
        if (kind.apart) {
            store_y(y[v], v, b, rows, all, lanes, kind);
        }
    }
    rows->y += b->y_row;
    if (kind.finishes) {
        rows->residual = rows->residual ? rows->residual + b->residual_row : NULL;
    }
}

/* Step t, which takes `stride` rows of x, `turn` steps after one with turn 0, for the sums
   first <= u <= last. At an edge rows of x may be padding. */
ALWAYS_INLINE void multiply_rows(sums acc, const int turn, const struct sweep *b, taps_kept w,
                                 const struct taps_far *w_far, struct rows *rows, int64_t t,
                                 const int first, const int last, const bool edge,
                                 const struct kind kind)
{
    UNROLL for (int phase = 0; phase < kind.stride; phase++, rows->x += b->x_row)
    {
        const int64_t i = t * kind.stride + phase;
        if (!edge || (i >= b->real_begin && i < b->real_end)) {
            multiply_row(acc, turn, b, w, w_far, rows, phase, first, last, kind);
        }
    }
}

/* The sums that end begin, all others are one output further on. */
ALWAYS_INLINE void shift(sums acc, const struct kind kind)
{
    UNROLL for (int v = 0; v < kind.vectors; v++)
    {
        UNROLL for (int u = sums_of(kind) - 1; u > 0; u--)
        {
            acc[u][v] = acc[u - 1][v];
        }
        acc[0][v] = (vf){0};
    }
}

#endif
