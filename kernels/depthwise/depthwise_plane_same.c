/**
 * @file depthwise_plane_same.c
 * NCHW: depthwise 3x3 and 5x5 with stride 1 whose padding keeps the size, whole planes, where there
 * are vectors of 8 floats and 16 registers. Output columns are the lanes.
 *
 * depthwise_plane_sweep.c makes all other layers; but a plane of 7x7 is multiplied in 30 cycles,
 * and to go down one of 112x112 is to step over a lot of memory. So here
 * - short rows are made a vector of columns at a time, from the top of the plane to its bottom, by
 *   code that knows which rows are padding: with half the instructions the next vector begins while
 *   sums of this one wait for each other (7x7: 0.7 of the time on Zen 3, 14x14: 0.8, 28x28: 0.86;
 *   two vectors at a time take 1.05 to 1.15 of it, because some taps are in memory then);
 * - long rows are made three at a time, along them: depthwise_plane_same_rows.c.
 */
#include "kernels/depthwise/depthwise.h"
#include "kernels/simd.h"

#if DEPTHWISE_PLANE_SAME

#include "kernels/depthwise/depthwise_plane_same.h"

#define COLUMNS_MAX DEPTHWISE_SAME_COLUMNS /* vectors of a short row */

struct column_kind {
    int taps;
    bool left, right; /* some of its taps are on padding of that side */
    bool clamps;
};

/* A vector of columns of a channel. */
struct column {
    const float *x; /* row 0, under the middle tap */
    ptrdiff_t x_row;
    float *y;
    ptrdiff_t y_row;
    int64_t rows;
    const float *packed_w, *bias;
    const struct edge *edge;
    const float *limits; /* of set_limits */
};

/* A channel's taps: in registers, as far as there are some; the others in memory. */
typedef vf kept_taps[TAPS_MAX * TAPS_MAX];
typedef float far_taps[TAPS_MAX * TAPS_MAX][VF];

/* The sums of `taps` rows of outputs. With a row of x of turn t those of slot t % taps end. */
typedef vf column_sums[TAPS_MAX];

/* Is tap t in a register? Two others are for x and its masks. */
ALWAYS_INLINE bool is_kept(const int t, const struct column_kind kind)
{
    return t < VF_REGISTERS - kind.taps - 2;
}

/* Are some lanes of tap s on padding? */
ALWAYS_INLINE bool is_edge(const int s, const struct column_kind kind)
{
    return (kind.left && s < kind.taps / 2) || (kind.right && s > kind.taps / 2);
}

ALWAYS_INLINE void load_column_w(kept_taps w, far_taps w_far, const struct column *b,
                                 const struct column_kind kind)
{
    DEPTHWISE_UNROLL for (int t = 0; t < kind.taps * kind.taps; t++)
    {
        const int s = t % kind.taps;
        const vf plain = vf_broadcast(b->packed_w[t * VF]);
        const vf tap = is_edge(s, kind) ? mask_w(plain, b->edge, s) : plain;
        if (is_kept(t, kind)) {
            w[t] = vf_keep(tap);
        } else {
            vf_store(w_far[t], tap);
        }
    }
}

/* A row of x times the rows of w that it is under, first <= r <= last. */
ALWAYS_INLINE void multiply_column(column_sums acc, const int turn, const struct column *b,
                                   const float *x, kept_taps w, far_taps w_far, const int first,
                                   const int last, const struct column_kind kind)
{
    UNROLL for (int s = 0; s < kind.taps; s++)
    {
        const float *from = x + s - kind.taps / 2;
        const vf x_tap =
            vf_keep(is_edge(s, kind) ? vf_load_masked(from, b->edge->x[s]) : vf_load(from));
        UNROLL for (int r = 0; r < kind.taps; r++)
        {
            const int t = r * kind.taps + s;
            vf *const sum = &acc[(turn + kind.taps - 1 - r) % kind.taps];
            if (r < first || r > last) {
                continue;
            }
            *sum = is_kept(t, kind) ? vf_multiply_add_kept(x_tap, w[t], *sum)
                                    : vf_multiply_add_from(x_tap, w_far[t], *sum);
        }
    }
}

/* The outputs that end with the row of x of that turn; then others begin. */
ALWAYS_INLINE void store_column(column_sums acc, const int turn, const struct column *b, float *y,
                                const struct column_kind kind)
{
    vf *const sum = &acc[turn % kind.taps];
    const vf all = *sum + vf_broadcast(*b->bias);
    vf_store(y, kind.clamps ? clamp(all, b->limits) : all);
    *sum = (vf){0};
}

/* After a row of x of turn 0 the next is of turn 0 again. */
ALWAYS_INLINE void shift_column(column_sums acc, const struct column_kind kind)
{
    const vf first = acc[0];
    UNROLL for (int u = 0; u < kind.taps - 1; u++)
    {
        acc[u] = acc[u + 1];
    }
    acc[kind.taps - 1] = first;
}

/* A plane that has `taps` rows or more. The first rows of x are under no last row of w, the last
   under no first one. */
INSTANCES void work_column(const struct column *b, const struct column_kind kind)
{
    const int half = kind.taps / 2, all = kind.taps - 1;
    const float *x = b->x;
    float *y = b->y;
    kept_taps w;
    far_taps w_far;
    load_column_w(w, w_far, b, kind);
    column_sums acc;
    UNROLL for (int i = 0; i < TAPS_MAX; i++)
    {
        acc[i] = (vf){0};
    }
    UNROLL for (int i = 0; i < half; i++, x += b->x_row)
    {
        multiply_column(acc, half + 1 + i, b, x, w, w_far, 0, half + i, kind);
    }
    int64_t left = b->rows - 2 * half;
    for (; left >= kind.taps; left -= kind.taps) {
        UNROLL for (int i = 0; i < kind.taps; i++, x += b->x_row, y += b->y_row)
        {
            multiply_column(acc, i, b, x, w, w_far, 0, all, kind);
            store_column(acc, i, b, y, kind);
        }
    }
    for (; left > 0; left--, x += b->x_row, y += b->y_row) {
        multiply_column(acc, 0, b, x, w, w_far, 0, all, kind);
        store_column(acc, 0, b, y, kind);
        shift_column(acc, kind);
    }
    UNROLL for (int i = 0; i < 2 * half; i++, x += b->x_row, y += b->y_row)
    {
        if (i < half) {
            multiply_column(acc, i, b, x, w, w_far, i + 1, all, kind);
        }
        store_column(acc, i, b, y, kind);
    }
}

/* A vector that begins at column q. */
ALWAYS_INLINE void work_vector(const struct column *b, int64_t q, int64_t W, const int taps,
                               const bool clamps)
{
    const bool left = q < taps / 2;
    const bool right = q + VF + taps / 2 > W;
    if (left && right) {
        work_column(b, (struct column_kind){taps, true, true, clamps});
    } else if (left) {
        work_column(b, (struct column_kind){taps, true, false, clamps});
    } else if (right) {
        work_column(b, (struct column_kind){taps, false, true, clamps});
    } else {
        work_column(b, (struct column_kind){taps, false, false, clamps});
    }
}

/* All columns of some channels. The last vector ends where rows end, or is wider than they are;
   what it stores behind a row is stored again. */
INSTANCES void work_columns(const struct depthwise_planes *far, int64_t channels, const int taps,
                            const bool clamps)
{
    const struct depthwise_planes p = *far; /* which no store to y can change */
    struct edge edges[COLUMNS_MAX];
    int64_t first[COLUMNS_MAX], count = 0;
    for (int64_t q = 0; q < p.Q; q += VF, count++) {
        first[count] = q > 0 && q + VF > p.Q ? p.Q - VF : q;
        edges[count] = edge_of(first[count], p.W, taps);
    }
    float limits[2][VF];
    set_limits(limits, p.epilogue);
    for (int64_t c = 0; c < channels; c++) {
        struct column b = {
            .x_row = p.x_row,
            .y_row = p.y_row,
            .rows = p.rows,
            .packed_w = w_of(&p, p.k + c, taps),
            .bias = bias_of(&p, p.k + c),
            .limits = limits[0],
        };
        for (int64_t i = 0; i < count; i++) {
            b.x = p.x + c * p.x_plane + first[i];
            b.y = p.y + c * p.y_plane + first[i];
            b.edge = &edges[i];
            work_vector(&b, first[i], p.W, taps, clamps);
        }
    }
}

/* Is all that such tiles know of a layer so? A residual may be y, of which some is made twice;
   leaks are too rare for tiles of their own. */
static bool is_same(const struct depthwise_planes *p)
{
    const int half = p->taps / 2;
    return p->taps <= TAPS_MAX && p->stride == 1 && p->dilation_h == 1 && p->dilation_w == 1 &&
           p->w == -half && p->Q == p->W && p->h == -half && p->rows == p->H &&
           p->rows >= p->taps && !p->residual && !p->epilogue->leaks && p->together == 1;
}

/* How many channels can be made column by column: all, if a plane stays in L2 (of 5x5 it does). If
   rows are shorter than a vector what is behind them is the next row, or the next channel, of x and
   of y. */
static int64_t columns_fit(const struct depthwise_planes *p)
{
    const bool dense = p->x_row == p->Q && p->x_plane == p->H * p->Q && p->y_row == p->Q &&
                       p->y_plane == p->rows * p->Q;
    const bool stays = p->rows <= p->block_rows;
    return !stays ? 0 : p->Q >= VF ? p->channels : dense ? p->channels - 1 : 0;
}

int64_t KERNEL(depthwise_planes_same)(const struct depthwise_planes *p);
int64_t KERNEL(depthwise_planes_same)(const struct depthwise_planes *p)
{
    const bool clamps = p->epilogue->clamps;
    const bool is_short = p->Q <= COLUMNS_MAX * VF;
    if (!is_same(p) || (!is_short && (p->taps != 3 || p->rows <= 3))) {
        return 0;
    }
    if (!is_short) {
        KERNEL(depthwise_planes_same_rows)(p);
        return p->channels;
    }
    const int64_t channels = columns_fit(p);
    if (p->taps == 3) {
        clamps ? work_columns(p, channels, 3, true) : work_columns(p, channels, 3, false);
    } else {
        clamps ? work_columns(p, channels, 5, true) : work_columns(p, channels, 5, false);
    }
    return channels;
}

#endif
