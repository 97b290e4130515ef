/**
 * @file depthwise_plane_same_rows.c
 * Long rows of depthwise_plane_same.c's layers, 3x3: tiles of three rows and two vectors, along the
 * rows. Memory is read in its order: 112x112 takes 0.77 of the time of going down columns on Zen 3;
 * of 56 columns neither way is better.
 */
#include "kernels/depthwise/depthwise.h"
#include "kernels/simd.h"

#if DEPTHWISE_PLANE_SAME

#include "kernels/depthwise/depthwise_plane_same.h"

#define TAPS    3
#define ROWS    3
#define VECTORS 2

/* All taps of a channel, in registers. */
ALWAYS_INLINE void load_w(vf w[TAPS * TAPS], const float *packed_w)
{
    UNROLL for (int t = 0; t < TAPS * TAPS; t++)
    {
        w[t] = vf_keep(vf_broadcast(packed_w[t * VF]));
    }
}

/* Some rows of a channel. */
struct same_rows {
    const float *x; /* under the middle tap of row 0 of the first output; may be padding */
    ptrdiff_t x_row;
    float *y;
    ptrdiff_t y_row;
    int64_t Q;
    const float *w, *bias;     /* packed w of the channel */
    float (*edge_w)[TAPS][VF]; /* of the first vector, of the last: taps of that side */
    const struct edge *edges;  /* of the first vector, of the last */
    const float *limits;       /* of set_limits */
};

struct same_kind {
    int rows;
    bool top, bottom; /* the first row of x is padding, the last is */
    bool clamps;
    int vectors;
    bool left, right; /* the first vector is that of the row, the last is */
};

/* A row of x times those of w that it is under: row i of the tile's. */
ALWAYS_INLINE void multiply_row(vf acc[ROWS][VECTORS], const int i, const float *x,
                                const vf w[TAPS * TAPS], const struct same_rows *b,
                                const struct same_kind kind)
{
    UNROLL for (int j = 0; j < TAPS * kind.vectors; j++)
    {
        const int s = j / kind.vectors, v = j % kind.vectors;
        const float *from = x + s - 1 + v * VF;
        const bool left = kind.left && v == 0 && s == 0;
        const bool right = kind.right && v == kind.vectors - 1 && s == TAPS - 1;
        const vf x_tap = vf_keep(left    ? vf_load_masked(from, b->edges[0].x[0])
                                 : right ? vf_load_masked(from, b->edges[1].x[2])
                                         : vf_load(from));
        UNROLL for (int p = 0; p < kind.rows; p++)
        {
            const int r = i - p;
            if (r < 0 || r >= TAPS) {
                continue;
            }
            acc[p][v] = left || right ? vf_multiply_add_from(x_tap, b->edge_w[right][r], acc[p][v])
                                      : vf_multiply_add_kept(x_tap, w[r * TAPS + s], acc[p][v]);
        }
    }
}

/* Outputs of a few rows from column q on. */
ALWAYS_INLINE void work_tile(const struct same_rows *b, ptrdiff_t q, const vf w[TAPS * TAPS],
                             const struct same_kind kind)
{
    vf acc[ROWS][VECTORS];
    UNROLL for (int i = 0; i < ROWS * VECTORS; i++)
    {
        acc[i / VECTORS][i % VECTORS] = (vf){0};
    }
    const float *x = b->x + q;
    UNROLL for (int i = 0; i < kind.rows + TAPS - 1; i++, x += b->x_row)
    {
        if ((i > 0 || !kind.top) && (i < kind.rows + TAPS - 2 || !kind.bottom)) {
            multiply_row(acc, i, x, w, b, kind);
        }
    }
    float *y = b->y + q;
    UNROLL for (int p = 0; p < kind.rows; p++, y += b->y_row)
    {
        UNROLL for (int v = 0; v < kind.vectors; v++)
        {
            const vf sum = acc[p][v] + vf_broadcast(*b->bias);
            vf_store(y + v * VF, kind.clamps ? clamp(sum, b->limits) : sum);
        }
    }
}

/* All columns of a few rows: tiles of two vectors, but the last one of what is left; it ends where
   rows end. A call for each few rows: with a loop here gcc keeps a tap on the stack. */
INSTANCES void work_rows(const struct same_rows *far, const struct same_kind kind)
{
    const struct same_rows b = *far; /* which no store to y can change */
    const int64_t vectors = (b.Q + VF - 1) / VF, middle = (vectors - 1) / VECTORS * VECTORS * VF;
    struct same_kind first = kind, last = kind, single = kind;
    first.left = last.right = single.right = true;
    single.vectors = 1;
    vf w[TAPS * TAPS];
    load_w(w, b.w);
    work_tile(&b, 0, w, first);
    for (int64_t q = VECTORS * VF; q < middle; q += VECTORS * VF) {
        work_tile(&b, q, w, kind);
    }
    if (vectors % VECTORS == 0) {
        work_tile(&b, b.Q - VECTORS * VF, w, last);
    } else {
        work_tile(&b, b.Q - VF, w, single);
    }
}

/* name, rows, top, bottom, clamps */
#define SAME_ROWS(name, ...)                                                                       \
    static NOT_INLINED void name(const struct same_rows *b)                                        \
    {                                                                                              \
        work_rows(b, (struct same_kind){__VA_ARGS__, VECTORS, false, false});                      \
    }
SAME_ROWS(three_top, 3, true, false, false)
SAME_ROWS(three, 3, false, false, false)
SAME_ROWS(three_bottom, 3, false, true, false)
SAME_ROWS(two_bottom, 2, false, true, false)
SAME_ROWS(one_bottom, 1, false, true, false)
SAME_ROWS(three_top_clamp, 3, true, false, true)
SAME_ROWS(three_clamp, 3, false, false, true)
SAME_ROWS(three_bottom_clamp, 3, false, true, true)
SAME_ROWS(two_bottom_clamp, 2, false, true, true)
SAME_ROWS(one_bottom_clamp, 1, false, true, true)

/* [clamps]: the first rows of a plane, those between, the last of them. */
typedef void same_rows_function(const struct same_rows *);
static const struct {
    same_rows_function *first, *middle, *last[ROWS];
} rows_of[2] = {
    {three_top, three, {one_bottom, two_bottom, three_bottom}},
    {three_top_clamp, three_clamp, {one_bottom_clamp, two_bottom_clamp, three_bottom_clamp}},
};

/* One channel, of more rows than a tile. */
static void work_plane(const struct depthwise_planes *p, const struct edge edges[2],
                       const float *limits, int64_t c, const bool clamps)
{
    const float *packed_w = w_of(p, p->k + c, TAPS);
    vf w[TAPS * TAPS];
    load_w(w, packed_w);
    float edge_w[2][TAPS][VF];
    UNROLL for (int i = 0; i < 2 * TAPS; i++)
    {
        const int side = i / TAPS, r = i % TAPS;
        vf_store(edge_w[side][r], mask_w(w[r * TAPS + side * 2], &edges[side], side * 2));
    }
    struct same_rows b = {
        .x = p->x + c * p->x_plane - p->x_row,
        .x_row = p->x_row,
        .y = p->y + c * p->y_plane,
        .y_row = p->y_row,
        .Q = p->Q,
        .w = packed_w,
        .bias = bias_of(p, p->k + c),
        .edge_w = edge_w,
        .edges = edges,
        .limits = limits,
    };
    same_rows_function *rows = rows_of[clamps].first;
    for (int64_t left = p->rows; left > 0; left -= ROWS) {
        rows = left > ROWS ? rows : rows_of[clamps].last[left - 1];
        rows(&b);
        rows = rows_of[clamps].middle;
        b.x += ROWS * b.x_row;
        b.y += ROWS * b.y_row;
    }
}

void KERNEL(depthwise_planes_same_rows)(const struct depthwise_planes *p)
{
    const struct edge edges[2] = {edge_of(0, p->W, TAPS), edge_of(p->Q - VF, p->W, TAPS)};
    float limits[2][VF];
    set_limits(limits, p->epilogue);
    for (int64_t c = 0; c < p->channels; c++) {
        work_plane(p, edges, limits[0], c, p->epilogue->clamps);
    }
}

#endif
