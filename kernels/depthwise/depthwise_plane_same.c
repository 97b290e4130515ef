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
 * - long rows are made three at a time, two vectors of each: memory is read in its order (112x112:
 *   0.77; of 56 columns neither way is better).
 * Sums run over r, then s. A lane whose tap is on padding has an x of 0 and a w of -0, as there.
 */
#include "kernels/depthwise/depthwise.h"
#include "kernels/simd.h"

#if DEPTHWISE_PLANE_SAME

#include "kernels/kernel.h"
#include "kernels/simd_lanes.h"
#include "kernels/tile/tile.h"

#define TAPS_MAX    DEPTHWISE_SAME_TAPS
#define COLUMNS_MAX DEPTHWISE_SAME_COLUMNS /* vectors of a short row */

/* Of a vector that begins at a column, for each tap of a row: which lanes of w and of x are on real
   input, and -0 in the others. */
struct edge {
    vi w[TAPS_MAX];
    vf minus[TAPS_MAX];
    vf_mask x[TAPS_MAX];
};

static struct edge edge_of(int64_t q, int64_t W, int taps)
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
static void set_limits(float to[2][VF], const struct tile_epilogue *epilogue)
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

/* ---- Short rows: a vector of columns, down the plane. ---- */

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
    const bool left = q<taps / 2, right = q + VF + taps / 2> W;
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

/* ---- Long rows: a few rows, along them. ---- */

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

static void work_planes(const struct depthwise_planes *p, const bool clamps)
{
    const struct edge edges[2] = {edge_of(0, p->W, TAPS), edge_of(p->Q - VF, p->W, TAPS)};
    float limits[2][VF];
    set_limits(limits, p->epilogue);
    for (int64_t c = 0; c < p->channels; c++) {
        work_plane(p, edges, limits[0], c, clamps);
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

/* How many channels can be made column by column. If rows are shorter than a vector what is behind
   them is the next row, or the next channel, of x and of y. */
static int64_t columns_fit(const struct depthwise_planes *p)
{
    const bool dense = p->x_row == p->Q && p->x_plane == p->H * p->Q && p->y_row == p->Q &&
                       p->y_plane == p->rows * p->Q;
    return p->Q >= VF ? p->channels : dense ? p->channels - 1 : 0;
}

int64_t KERNEL(depthwise_planes_same)(const struct depthwise_planes *p);
int64_t KERNEL(depthwise_planes_same)(const struct depthwise_planes *p)
{
    const bool clamps = p->epilogue->clamps;
    const bool is_short = p->Q <= COLUMNS_MAX * VF;
    if (!is_same(p) || (!is_short && (p->taps != TAPS || p->rows <= ROWS))) {
        return 0;
    }
    if (!is_short) {
        work_planes(p, clamps);
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
