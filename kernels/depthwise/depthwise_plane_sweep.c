/**
 * @file depthwise_plane_sweep.c
 * NCHW: some output rows of some channels of a depthwise layer, by sweeps down one to four vectors
 * of output columns, which are the lanes.
 *
 * At each row of x a vector is loaded for each tap s and multiplied with all the rows of w that it
 * is under: those of the outputs that begin there, of those in the middle, and of those that end
 * there, which are then stored. So a row of x is loaded once for all the outputs that see it. A sum
 * runs over r, then s. With stride 2 a vector takes every other float of two, and a row of x is
 * under fewer sums: with more vectors at a time these wait less for each other (112x112 in L2: 7.6
 * -> 6.6 us for four channels on Zen 2; with stride 1 a third vector gains nothing).
 *
 *   row i, stride 1:  output i += w[0][.] x   output i-1 += w[1][.] x   output i-2 += w[2][.] x
 *
 * A lane whose tap is on padding has an x of 0 and a w of -0: the product is -0, which changes no
 * sum, whatever the filter is. Which lanes these are is the same for all channels.
 */
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

/* A channel's taps: in registers, as far as sums leave some; in memory the others, and those that
   are masked for the first vector or the last, unless all are. */
typedef vf taps_kept[TAPS_MAX * TAPS_MAX];
struct taps_far {
    float plain[TAPS_MAX * TAPS_MAX][VF], masked[2][TAPS_MAX * TAPS_MAX][VF];
};

/* Lanes of what is loaded that are on real input, as in struct masks. */
typedef vi x_masks[2][TAPS_MAX + 1];

/* Where a channel's next rows are. */
struct rows {
    const float *x;
    float *y;
    const float *residual;
    const float *bias;
    x_masks masks;
};

/* Is tap t in a register? Some are for sums; for x one, or with stride 2 three. */
ALWAYS_INLINE bool is_kept(const int t, const struct kind kind)
{
    return t < VF_REGISTERS - sums_of(kind) * kind.vectors - (kind.stride == 1 ? 1 : 3);
}

/* Vectors are side by side, but the last may begin in the one before it. */
ALWAYS_INLINE ptrdiff_t offset_of(const int v, ptrdiff_t gap, const struct kind kind)
{
    return v == 0 || v < kind.vectors - 1 ? (ptrdiff_t)v * VF : gap;
}

/* Which of the masks are those of vector v, if it has some. */
ALWAYS_INLINE int side_of(const int v)
{
    return v == 0 ? 0 : 1;
}

/* Is tap s of vector v masked? */
ALWAYS_INLINE bool is_masked(const int v, const int s, const struct kind kind)
{
    return kind.masked || (kind.left && v == 0 && s < kind.taps / 2) ||
           (kind.right && v == kind.vectors - 1 && s > kind.taps / 2);
}

ALWAYS_INLINE vf load_x(const vi (*masks)[TAPS_MAX + 1], const float *p, const int v, const int i,
                        const bool masked)
{
    return masked ? vf_load_masked(p, masks[side_of(v)][i]) : vf_load(p);
}

/* x under taps s ... s + stride - 1 of vector v, with stride 2 in the order of vf_even_fast. */
ALWAYS_INLINE void load_taps(vf x_taps[2], const struct sweep *b, const struct rows *rows,
                             const int v, const int s, const struct kind kind)
{
    const float *x = rows->x + offset_of(v, b->gap, kind) * kind.stride;
    if (kind.stride == 1) {
        x_taps[0] = load_x(rows->masks, x + s * b->x_tap, v, s, is_masked(v, s, kind));
        return;
    }
    const bool masked = is_masked(v, s, kind) || is_masked(v, s + 1, kind);
    const vf low = vf_keep(load_x(rows->masks, x + s, v, s, masked));
    const vf high = vf_keep(load_x(rows->masks, x + s + VF, v, s + 1, masked));
    x_taps[0] = vf_even_fast(low, high);
    x_taps[1] = vf_odd_fast(low, high);
}

/* Which sums are those of the outputs that begin (u = 0) ... end, `turn` steps later. */
ALWAYS_INLINE int slot_of(const int u, const int turn, const struct kind kind)
{
    return (u + sums_of(kind) - turn) % sums_of(kind);
}

/* x under tap s of vector v times the rows of w of the sums first <= u <= last. */
ALWAYS_INLINE void multiply_tap(sums acc, const int turn, const vf *w, const struct taps_far *w_far,
                                vf x, const int v, const int s, const int phase, const int first,
                                const int last, const struct kind kind)
{
    UNROLL for (int u = first; u <= last; u++)
    {
        const int r = u * kind.stride + phase, t = r * kind.taps + s;
        vf *const sum = &acc[slot_of(u, turn, kind)][v];
        if (r >= kind.taps) {
            continue;
        }
        if (!kind.masked && is_masked(v, s, kind)) {
            *sum = vf_multiply_add_from(x, w_far->masked[side_of(v)][t], *sum);
        } else if (is_kept(t, kind)) {
            *sum = vf_multiply_add_kept(x, w[t], *sum);
        } else {
            *sum = vf_multiply_add_from(x, w_far->plain[t], *sum);
        }
    }
}

/* Row `phase` of `stride` rows of x times the rows of w of the sums first <= u <= last. */
ALWAYS_INLINE void multiply_row(sums acc, const int turn, const struct sweep *b, const vf *w,
                                const struct taps_far *w_far, struct rows *rows, const int phase,
                                const int first, const int last, const struct kind kind)
{
    UNROLL for (int pair = 0; pair < kind.taps; pair += kind.stride)
    {
        /* of two loads both come first, which waits less; with stride 2 registers are too few */
        const int together = kind.vectors == 2 && kind.stride == 1 ? 2 : 1;
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

/* Residual and activation. */
ALWAYS_INLINE vf finish(vf sum, const struct sweep *b, const float *residual, int lanes,
                        const struct kind kind)
{
    if (residual) {
        sum += kind.masked ? vf_load_part(residual, lanes) : vf_load(residual);
    }
    return tile_activate(sum, &b->epilogue);
}

/* Bias, residual, activation and store of the sums that end, from which others begin; `lanes` of
   them if not all. */
ALWAYS_INLINE void finish_row(sums acc, const int turn, const struct sweep *b,
                              const struct sweep *far, struct rows *rows, const bool all, int lanes,
                              const struct kind kind)
{
    UNROLL for (int v = 0; v < kind.vectors; v++)
    {
        vf *const sum = &acc[slot_of(sums_of(kind) - 1, turn, kind)][v];
        const ptrdiff_t gap = offset_of(v, b->gap, kind);
        vf y = (kind.stride == 2 ? vf_reorder(*sum) : *sum) + vf_broadcast(*rows->bias);
        if (kind.finishes) {
            y = finish(y, far, rows->residual ? rows->residual + gap : NULL, all ? VF : lanes,
                       kind);
        }
        if (all) {
            vf_store(rows->y + gap, y);
        } else {
            vf_store_part(rows->y + gap, y, lanes);
        }
        *sum = (vf){0};
    }
    rows->y += b->y_row;
    if (kind.finishes) {
        rows->residual = rows->residual ? rows->residual + b->residual_row : NULL;
    }
}

/* Step t, which takes `stride` rows of x, `turn` steps after one with turn 0, for the sums
   first <= u <= last. At an edge rows of x may be padding. */
ALWAYS_INLINE void multiply_rows(sums acc, const int turn, const struct sweep *b, const vf *w,
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

/* Can only rows of x at the ends be padding, and rows of y there be stored in part? */
ALWAYS_INLINE bool is_plain(const struct sweep *b, const struct kind kind)
{
    const int before = sums_of(kind) - 1;
    return b->rows >= before && b->real_begin <= before * kind.stride &&
           b->real_end >= b->rows * kind.stride && b->whole_rows >= b->rows - before;
}

/* Asks for y some rows further down: what is stored to is read first, and stores wait for it
   (beyond L2 0.85 of the time; asking for x gains nothing). Only where a vector is a line of the
   cache. */
ALWAYS_INLINE void ask(const struct sweep *b, const struct rows *rows, const struct kind kind)
{
    const int down = 4;
    UNROLL for (int v = 0; v < (VF == 16 ? kind.vectors : 0); v++)
    {
        __builtin_prefetch(rows->y + down * b->y_row + offset_of(v, b->gap, kind), 0, 3);
    }
}

/* The sums of one channel, row by row of y. */
ALWAYS_INLINE void sweep_rows(sums acc, const struct sweep *b, const struct sweep *far, const vf *w,
                              const struct taps_far *w_far, struct rows rows,
                              const struct kind kind)
{
    const int live = sums_of(kind);
    int64_t t = live - 1;
    UNROLL for (int i = 0; i < live - 1; i++)
    {
        multiply_rows(acc, 0, b, w, w_far, &rows, i, 0, i, true, kind);
        shift(acc, kind);
    }
    for (; t + live <= b->rows; t += live) {
        UNROLL for (int turn = 0; turn < live; turn++)
        {
            ask(b, &rows, kind);
            multiply_rows(acc, turn, b, w, w_far, &rows, t, 0, live - 1, false, kind);
            finish_row(acc, turn, b, far, &rows, true, VF, kind);
        }
    }
    for (; t < b->rows; t++) {
        multiply_rows(acc, 0, b, w, w_far, &rows, t, 0, live - 1, false, kind);
        finish_row(acc, 0, b, far, &rows, true, VF, kind);
        shift(acc, kind);
    }
    UNROLL for (int i = 1; i < live; i++, t++)
    {
        multiply_rows(acc, 0, b, w, w_far, &rows, t, i, live - 1, true, kind);
        const bool all = !kind.masked || t - (live - 1) < b->whole_rows;
        finish_row(acc, 0, b, far, &rows, !kind.masked, all ? VF : b->lanes, kind);
        shift(acc, kind);
    }
}

/* The same if it is not plain. */
ALWAYS_INLINE void sweep_any_rows(sums acc, const struct sweep *b, const struct sweep *far,
                                  const vf *w, const struct taps_far *w_far, struct rows rows,
                                  const struct kind kind)
{
    const int live = sums_of(kind);
    for (int64_t t = 0; t < b->rows + live - 1; t++) {
        const float *x = rows.x;
        UNROLL for (int u = 0; u < live; u++)
        {
            if (t - u >= 0 && t - u < b->rows) {
                rows.x = x;
                multiply_rows(acc, 0, b, w, w_far, &rows, t, u, u, true, kind);
            }
        }
        if (t >= live - 1) {
            const bool all = !kind.masked || t - (live - 1) < b->whole_rows;
            finish_row(acc, 0, b, far, &rows, !kind.masked, all ? VF : b->lanes, kind);
        }
        rows.x = x + kind.stride * b->x_row;
        shift(acc, kind);
    }
}

/* All w of a channel; with -0 where a lane's tap is on padding. */
ALWAYS_INLINE void load_w(taps_kept w, struct taps_far *w_far, const struct sweep *b,
                          const float *of_channel, const struct kind kind)
{
    UNROLL for (int t = 0; t < kind.taps * kind.taps; t++)
    {
        const int s = t % kind.taps;
        w[t] = vf_broadcast(of_channel[t * VF]);
        UNROLL for (int v = 0; v < kind.vectors; v++)
        {
            if (!is_masked(v, s, kind)) {
                continue;
            }
            const int side = side_of(v);
            const vf masked = (vf)(((vi)w[t] & load_mask(b->masks->w[side][s])) |
                                   load_mask(b->masks->minus[side][s]));
            if (kind.masked) {
                w[t] = masked;
            } else {
                vf_store(w_far->masked[side][t], masked);
            }
        }
        if (is_kept(t, kind)) {
            w[t] = vf_keep(w[t]);
        } else {
            vf_store(w_far->plain[t], w[t]);
        }
    }
}

/* All channels. */
ALWAYS_INLINE void sweep_channels(const struct sweep *far, const struct kind kind)
{
    static const float none = -0.0f; /* which changes no sum */
    const struct sweep b = *far;     /* which no store to y can change */
    const int taps = kind.taps * kind.taps;
    x_masks masks;
    UNROLL for (int i = 0; i < 2 * (TAPS_MAX + 1); i++)
    {
        const int side = i / (TAPS_MAX + 1), j = i % (TAPS_MAX + 1);
        const bool loads = j < (kind.stride == 1 ? kind.taps : kind.taps + 1);
        const bool used = (side == 0 && (kind.masked || kind.left)) ||
                          (side == side_of(kind.vectors - 1) && kind.right);
        masks[side][j] = loads && used ? load_mask(b.masks->x[side][j]) : (vi){0};
    }
    FORGET(far); /* else the epilogue would take registers that the sums need */
    for (int64_t i = 0; i < b.channels; i++) {
        const int64_t k = b.k + i;
        struct rows rows = {
            .x = b.x + i * b.x_plane,
            .y = b.y + i * b.y_plane,
            .residual = b.residual ? b.residual + i * b.residual_plane : NULL,
            .bias = b.bias ? b.bias + k : &none,
        };
        memcpy(rows.masks, masks, sizeof masks);
        taps_kept w;
        struct taps_far w_far;
        sums acc;
        UNROLL for (int j = 0; j < SUMS_MAX * VECTORS_MAX; j++)
        {
            acc[j / VECTORS_MAX][j % VECTORS_MAX] = (vf){0};
        }
        load_w(w, &w_far, &b, b.packed_w + k / VF * VF * taps + k % VF, kind);
        if (is_plain(&b, kind)) {
            sweep_rows(acc, &b, far, w, &w_far, rows, kind);
        } else {
            sweep_any_rows(acc, &b, far, w, &w_far, rows, kind);
        }
    }
}

/* name, taps, stride, vectors, left, right, masked, finishes */
#define SWEEP(name, ...)                                                                           \
    static NOT_INLINED void name(const struct sweep *sweep)                                        \
    {                                                                                              \
        sweep_channels(sweep, (struct kind){__VA_ARGS__});                                         \
    }
#define SEVERAL(name, taps, stride, vectors, finishes)                                             \
    SWEEP(name, taps, stride, vectors, false, false, false, finishes)                              \
    SWEEP(name##_left, taps, stride, vectors, true, false, false, finishes)                        \
    SWEEP(name##_right, taps, stride, vectors, false, true, false, finishes)                       \
    SWEEP(name##_both, taps, stride, vectors, true, true, false, finishes)
#define SWEEPS(name, taps, stride, finishes)                                                       \
    SEVERAL(two_##name, taps, stride, 2, finishes)                                                 \
    SWEEP(one_##name, taps, stride, 1, false, false, false, finishes)                              \
    SWEEP(one_##name##_right, taps, stride, 1, false, true, false, finishes)                       \
    SWEEP(masked_##name, taps, stride, 1, false, false, true, finishes)
SWEEPS(3, 3, 1, false)
SWEEPS(3_finish, 3, 1, true)
SWEEPS(3_stride_2, 3, 2, false)
SWEEPS(3_stride_2_finish, 3, 2, true)
SEVERAL(three_3_stride_2, 3, 2, 3, false)
SEVERAL(three_3_stride_2_finish, 3, 2, 3, true)
SEVERAL(four_3_stride_2, 3, 2, 4, false)
SEVERAL(four_3_stride_2_finish, 3, 2, 4, true)

#define NAMES(name)                                                                                \
    {                                                                                              \
        {name, name##_right},                                                                      \
        {                                                                                          \
            name##_left, name##_both                                                               \
        }                                                                                          \
    }
#define ENDS(name) {one_##name, one_##name##_right}, masked_##name
static const struct sweeps all_sweeps[] = {
    {3, 1, false, 2, {NAMES(two_3)}, ENDS(3)},
    {3, 1, true, 2, {NAMES(two_3_finish)}, ENDS(3_finish)},
    {3,
     2,
     false,
     4,
     {NAMES(two_3_stride_2), NAMES(three_3_stride_2), NAMES(four_3_stride_2)},
     ENDS(3_stride_2)},
    {3,
     2,
     true,
     4,
     {NAMES(two_3_stride_2_finish), NAMES(three_3_stride_2_finish), NAMES(four_3_stride_2_finish)},
     ENDS(3_stride_2_finish)},
};

const struct sweeps *KERNEL(depthwise_plane_sweeps)(int taps, int stride, bool finishes)
{
    const struct sweeps *sweeps = all_sweeps;
    while (sweeps->taps != taps || sweeps->stride != stride || sweeps->finishes != finishes) {
        sweeps++;
    }
    return sweeps;
}
