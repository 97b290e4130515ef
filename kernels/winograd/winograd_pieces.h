/**
 * @file winograd_pieces.h
 * How the taps of an axis are cut into pieces that F(m, r) runs.
 *
 *     y[p] = sum over taps i of g[i] * x[t p + d i - pad]        stride t, dilation d
 *
 * Two cuts. With stride t, the taps i = f, f + t, f + 2t, ... of a phase f see only every t-th x:
 * they are a filter of stride 1 on those. And a phase of more than r taps is cut into runs of r or
 * r - 1. All pieces have products for the same tile of y, so they are summed before the output
 * transform, as more input channels would be: a layer of C channels is one of pieces * C.
 *
 *     7 taps, stride 2, r = 4          9 taps, stride 1, r = 5
 *     g0 .  g2 .  g4 .  g6             g0 g1 g2 g3 g4 .  .  .  .
 *     .  g1 .  g3 .  g5 .  (0)         .  .  .  .  .  g5 g6 g7 g8 (0)
 *
 * A piece of r - 1 taps has a zero for its last. The transformed filter of such a piece is zero at
 * the last point, infinity, whose row of G is (0, ..., 0, 1): there, short pieces have no packed w
 * and are not multiplied. Full pieces come first, so that at each point the pieces that are there
 * are the first ones.
 */
#ifndef CONVOY_KERNELS_WINOGRAD_PIECES_H
#define CONVOY_KERNELS_WINOGRAD_PIECES_H

#include "kernels/algorithm.h"

#define WINOGRAD_PIECES_MAX 12
/* Longer phases in yet smaller pieces are slower than direct. */
#define WINOGRAD_RUNS_MAX 3

struct winograd_piece {
    int first, taps; /* taps first, first + stride, ... of the filter */
};

/* One axis of a layer, cut for F(m, r). */
struct winograd_axis {
    int m, r, alpha;
    int64_t taps, stride, dilation, pad;
    int64_t x_extent, y_extent;
    int count, full; /* pieces; those of r taps */
    struct winograd_piece pieces[WINOGRAD_PIECES_MAX];
    int64_t reach; /* taps from the first to behind the last that pieces read, missing ones too */
};

/* Is r the size of the pieces when `taps` at a stride are cut evenly into 1 ... RUNS_MAX runs? */
bool winograd_pieces_fit(int64_t taps, int64_t stride, int r);

/* Fills count, full, pieces and reach from taps, stride and r, which fit. */
void winograd_pieces_cut(struct winograd_axis *axis);

/* Do all pieces begin beside each other: those of a stride, one a phase, without dilation? */
bool winograd_pieces_adjacent(const struct winograd_axis *axis);

/* The axes of a plan. */
void winograd_axes(const struct convoy_plan *plan, struct winograd_axis *h,
                   struct winograd_axis *w);

/* Pieces that are there at a point: the first so many. */
static inline int winograd_pieces_at(const struct winograd_axis *axis, int point)
{
    return point == axis->alpha - 1 ? axis->full : axis->count;
}

/* Over all points of the axis. */
static inline int winograd_pieces_sum(const struct winograd_axis *axis)
{
    return (axis->alpha - 1) * axis->count + axis->full;
}

/* Packed w is [point][piece that is there][Cg][lanes of K]: pieces before those of point (i, j). */
static inline int winograd_pieces_before(const struct winograd_axis *h,
                                         const struct winograd_axis *w, int i, int j)
{
    return i * h->count * winograd_pieces_sum(w) + winograd_pieces_at(h, i) * j * w->count;
}

/* x and y of the first tap and output of a tile, which may lie outside. */
static inline int64_t winograd_y_of_tile(const struct winograd_axis *axis, int64_t phase,
                                         int64_t tile)
{
    return phase + tile * axis->m * axis->dilation;
}

static inline int64_t winograd_x_of_tile(const struct winograd_axis *axis, int64_t phase,
                                         int64_t tile)
{
    return winograd_y_of_tile(axis, phase, tile) * axis->stride - axis->pad;
}

/* x between two positions of a transform. */
static inline int64_t winograd_step(const struct winograd_axis *axis)
{
    return axis->stride * axis->dilation;
}

/* Rows of x that are dilation apart, from the first to the last under `tiles` side by side. */
static inline int64_t winograd_rows_under(const struct winograd_axis *axis, int64_t tiles)
{
    return (tiles * axis->m - 1) * axis->stride + axis->reach;
}

/* The same with those between. */
static inline int64_t winograd_columns_under(const struct winograd_axis *axis, int64_t tiles)
{
    return (winograd_rows_under(axis, tiles) - 1) * axis->dilation + 1;
}

#endif
