/**
 * @file depthwise_plane_sweep.c
 * NCHW: some output rows of some channels of a depthwise layer, by sweeps down one to four vectors
 * of output columns, which are the lanes, or of several channels whose rows are short.
 *
 * At each row of x a vector is loaded for each tap s and multiplied with all the rows of w that it
 * is under: those of the outputs that begin there, of those in the middle, and of those that end
 * there, which are then stored. So a row of x is loaded once for all the outputs that see it. A sum
 * runs over r, then s. With stride 2 a vector takes every other float of two, and a row of x is
 * under fewer sums: with more vectors at a time these wait less for each other (112x112 in L2: 7.6
 * -> 6.6 us for four channels on Zen 2). With stride 1 a third vector and a fourth gain where there
 * are 32 registers (56x56 in L2: 0.84 of the time on Emerald Rapids), and nothing where there are
 * 16; nor do channels side by side there.
 *
 *   row i, stride 1:  output i += w[0][.] x   output i-1 += w[1][.] x   output i-2 += w[2][.] x
 *
 * A lane whose tap is on padding has an x of 0 and a w of -0: the product is -0, which changes no
 * sum, whatever the filter is. Which lanes these are is the same for all channels.
 */
#include "kernels/depthwise/depthwise_plane_step.h"

/* Can only rows of x at the ends be padding, and rows of y there be stored in part? */
ALWAYS_INLINE bool is_plain(const struct sweep *b, const struct kind kind)
{
    const int before = sums_of(kind) - 1;
    return b->rows >= before && b->real_begin <= before * kind.stride &&
           b->real_end >= b->rows * kind.stride && (kind.pair || b->whole_rows >= b->rows - before);
}

/* Asks for y some rows further down: what is stored to is read first, and stores wait for it
   (beyond L2 0.85 of the time; asking for x gains nothing). Only where a vector is a line of the
   cache. */
ALWAYS_INLINE void ask(const struct sweep *b, const struct rows *rows, const struct kind kind)
{
    const int down = 4;
    UNROLL for (int v = 0; v < (VF == 16 ? kind.vectors : 0); v++)
    {
        const float *y = rows->y + offset_of(v, b->gap, 1, rows->y_to, kind);
        __builtin_prefetch(y + down * b->y_row, 0, 3);
    }
}

/* The sums of one channel, row by row of y. */
ALWAYS_INLINE void sweep_rows(sums acc, const struct sweep *b, const struct sweep *far, taps_kept w,
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
                                  taps_kept w, const struct taps_far *w_far, struct rows rows,
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

/* Packed w of a channel. */
ALWAYS_INLINE const float *w_of(const struct sweep *b, int64_t k, const struct kind kind)
{
    return b->packed_w + k / VF * VF * kind.taps * kind.taps + k % VF;
}

/* All w of channel k for a vector, the first or the second (which) of those that are apart; of a
   pair also that of channel k + half. With -0 where a lane's tap is on padding. */
ALWAYS_INLINE void load_w(taps_kept w, struct taps_far *w_far, const struct sweep *b, int64_t k,
                          ptrdiff_t half, const int which, const struct kind kind)
{
    const float *first = w_of(b, k, kind), *second = w_of(b, k + half, kind);
    DEPTHWISE_UNROLL for (int t = 0; t < kind.taps * kind.taps; t++)
    {
        const int s = t % kind.taps;
        vf *const tap = &w[which][t];
        *tap = kind.pair ? vf_broadcast_pair(first[t * VF], second[t * VF])
                         : vf_broadcast(first[t * VF]);
        UNROLL for (int side = 0; side < 2; side++)
        {
            const int v = side == 0 ? 0 : kind.vectors - 1;
            if (side_of(v, kind) != side || !is_masked(v, s, kind)) {
                continue;
            }
            const vf masked = (vf)(((vi)*tap & load_mask(b->masks->w[side][s])) |
                                   load_mask(b->masks->minus[side][s]));
            if (kind.masked) {
                *tap = masked;
            } else {
                vf_store(w_far->masked[side][t], masked);
            }
        }
        if (is_kept(t, kind)) {
            *tap = vf_keep(*tap);
        } else {
            vf_store(w_far->plain[which][t], *tap);
        }
    }
}

/* Channels side by side. */
ALWAYS_INLINE int channels_together(const struct kind kind)
{
    return (kind.apart ? 2 : 1) * (kind.pair ? 2 : 1);
}

/* From channel i of a sweep to those side by side with it, as far as the kind has them; the last
   one is there again for what is behind it. */
ALWAYS_INLINE struct further channels_from(int64_t i, int64_t channels, const struct kind kind)
{
    const int64_t left = channels - i - 1;
    const int step = kind.pair ? 2 : 1;
    const int64_t vector = left < step ? left : step;
    return (struct further){vector, {left > 0, left > vector}};
}

ALWAYS_INLINE struct further in_planes(struct further channels, ptrdiff_t plane)
{
    return (struct further){
        channels.vector * plane,
        {channels.half[0] * plane, channels.half[1] * plane},
    };
}

/* Some channels, from channel i of a sweep on. */
INSTANCES void sweep_together(const struct sweep *b, const struct sweep *far, int64_t i,
                              x_masks masks, const vf_mask y_mask, const struct kind kind)
{
    static const float none = -0.0f; /* which changes no sum */
    const int64_t k = b->k + i;
    const struct further to = channels_from(i, b->channels, kind);
    struct rows rows = {
        .x = b->x + i * b->x_plane,
        .y = b->y + i * b->y_plane,
        .residual = b->residual ? b->residual + i * b->residual_plane : NULL,
        .bias = b->bias ? b->bias + k : &none,
        .x_to = in_planes(to, b->x_plane),
        .y_to = in_planes(to, b->y_plane),
        .residual_to = in_planes(to, b->residual_plane),
        .k_to = in_planes(to, b->bias ? 1 : 0), /* `none` is one for all */
        .y_mask = y_mask,
    };
    memcpy(rows.masks, masks, sizeof rows.masks);
    taps_kept w;
    struct taps_far w_far;
    sums acc;
    DEPTHWISE_UNROLL for (int j = 0; j < SUMS_MAX * VECTORS_MAX; j++)
    {
        acc[j / VECTORS_MAX][j % VECTORS_MAX] = (vf){0};
    }
    load_w(w, &w_far, b, k, to.half[0], 0, kind);
    if (kind.apart) {
        load_w(w, &w_far, b, k + to.vector, to.half[1], 1, kind);
    }
    if (is_plain(b, kind)) {
        sweep_rows(acc, b, far, w, &w_far, rows, kind);
    } else {
        sweep_any_rows(acc, b, far, w, &w_far, rows, kind);
    }
}

/* All channels. */
ALWAYS_INLINE void sweep_channels(const struct sweep *far, const struct kind kind)
{
    const struct sweep b = *far; /* which no store to y can change */
    const vf_mask y_mask = vf_mask_of(vi_repeat_half(vf_lanes_between(0, b.lanes)));
    x_masks masks;
    UNROLL for (int i = 0; i < 2 * (TAPS_MAX + 1); i++)
    {
        const int side = i / (TAPS_MAX + 1), j = i % (TAPS_MAX + 1);
        const bool loads = j < (kind.stride == 1 ? kind.taps : kind.taps + 1);
        const bool used = (side == 0 && (kind.masked || kind.left)) ||
                          (side == side_of(kind.vectors - 1, kind) && kind.right);
        masks[side][j] = vf_mask_of(loads && used ? load_mask(b.masks->x[side][j]) : (vi){0});
    }
    FORGET(far); /* else the epilogue would take registers that the sums need */
    for (int64_t i = 0; i < b.channels; i += channels_together(kind)) {
        sweep_together(&b, far, i, masks, y_mask, kind);
    }
}

/* name, taps, stride, vectors, left, right, masked, finishes, apart, pair */
#define SWEEP(name, ...)                                                                           \
    static NOT_INLINED void name(const struct sweep *sweep)                                        \
    {                                                                                              \
        sweep_channels(sweep, (struct kind){__VA_ARGS__});                                         \
    }
#define ALONG(name, taps, stride, vectors, left, right, finishes)                                  \
    SWEEP(name, taps, stride, vectors, left, right, false, finishes, false, false)
#define MASKED(name, taps, stride, vectors, finishes, apart, pair)                                 \
    SWEEP(name, taps, stride, vectors, false, false, true, finishes, apart, pair)
#define SEVERAL(name, taps, stride, vectors, finishes)                                             \
    ALONG(name, taps, stride, vectors, false, false, finishes)                                     \
    ALONG(name##_left, taps, stride, vectors, true, false, finishes)                               \
    ALONG(name##_right, taps, stride, vectors, false, true, finishes)                              \
    ALONG(name##_both, taps, stride, vectors, true, true, finishes)
#if DEPTHWISE_TOGETHER >= 2
#define APART(name, taps, stride, finishes)                                                        \
    MASKED(apart_##name, taps, stride, 2, finishes, true, false)
#define APART_OF(name) apart_##name
#else
#define APART(name, taps, stride, finishes)
#define APART_OF(name) NULL
#endif
#if DEPTHWISE_TOGETHER >= 4
#define PAIRS(name, taps, stride, finishes)                                                        \
    MASKED(pairs_##name, taps, stride, 2, finishes, true, true)
#define PAIRS_OF(name) pairs_##name
#else
#define PAIRS(name, taps, stride, finishes)
#define PAIRS_OF(name) NULL
#endif
#define SWEEPS(name, taps, stride, finishes)                                                       \
    SEVERAL(two_##name, taps, stride, 2, finishes)                                                 \
    ALONG(one_##name, taps, stride, 1, false, false, finishes)                                     \
    ALONG(one_##name##_right, taps, stride, 1, false, true, finishes)                              \
    MASKED(masked_##name, taps, stride, 1, finishes, false, false)
#define NARROW(name, taps, stride, finishes)                                                       \
    APART(name, taps, stride, finishes)                                                            \
    PAIRS(name, taps, stride, finishes)
SWEEPS(3, 3, 1, false)
SWEEPS(3_finish, 3, 1, true)
SWEEPS(3_stride_2, 3, 2, false)
SWEEPS(3_stride_2_finish, 3, 2, true)
SEVERAL(three_3_stride_2, 3, 2, 3, false)
SEVERAL(three_3_stride_2_finish, 3, 2, 3, true)
SEVERAL(four_3_stride_2, 3, 2, 4, false)
SEVERAL(four_3_stride_2_finish, 3, 2, 4, true)
NARROW(3, 3, 1, false)
NARROW(3_finish, 3, 1, true)
NARROW(3_stride_2, 3, 2, false)
NARROW(3_stride_2_finish, 3, 2, true)
#if DEPTHWISE_PLANE_VECTORS == 4
SEVERAL(three_3, 3, 1, 3, false)
SEVERAL(three_3_finish, 3, 1, 3, true)
SEVERAL(four_3, 3, 1, 4, false)
SEVERAL(four_3_finish, 3, 1, 4, true)
#endif
#if TAPS_MAX == 5
SWEEPS(5, 5, 1, false)
SWEEPS(5_finish, 5, 1, true)
SWEEPS(5_stride_2, 5, 2, false)
SWEEPS(5_stride_2_finish, 5, 2, true)
#endif

#define NAMES(name)                                                                                \
    {                                                                                              \
        {name, name##_right},                                                                      \
        {                                                                                          \
            name##_left, name##_both                                                               \
        }                                                                                          \
    }
#define ENDS(name)         {one_##name, one_##name##_right}, masked_##name
#define SIDE_BY_SIDE(name) APART_OF(name), PAIRS_OF(name)
#define UP_TO_2(name)      2, {NAMES(two_##name)}, ENDS(name)
#define UP_TO_4(name)      4, {NAMES(two_##name), NAMES(three_##name), NAMES(four_##name)}, ENDS(name)
static const struct sweeps all_sweeps[] = {
    {3, 2, false, UP_TO_4(3_stride_2), SIDE_BY_SIDE(3_stride_2)},
    {3, 2, true, UP_TO_4(3_stride_2_finish), SIDE_BY_SIDE(3_stride_2_finish)},
#if DEPTHWISE_PLANE_VECTORS == 4
    {3, 1, false, UP_TO_4(3), SIDE_BY_SIDE(3)},
    {3, 1, true, UP_TO_4(3_finish), SIDE_BY_SIDE(3_finish)},
#else
    {3, 1, false, UP_TO_2(3), SIDE_BY_SIDE(3)},
    {3, 1, true, UP_TO_2(3_finish), SIDE_BY_SIDE(3_finish)},
#endif
#if TAPS_MAX == 5
    {5, 1, false, UP_TO_2(5), NULL, NULL},
    {5, 1, true, UP_TO_2(5_finish), NULL, NULL},
    {5, 2, false, UP_TO_2(5_stride_2), NULL, NULL},
    {5, 2, true, UP_TO_2(5_stride_2_finish), NULL, NULL},
#endif
};

const struct sweeps *KERNEL(depthwise_plane_sweeps)(int taps, int stride, bool finishes)
{
    const struct sweeps *sweeps = all_sweeps;
    while (sweeps->taps != taps || sweeps->stride != stride || sweeps->finishes != finishes) {
        sweeps++;
    }
    return sweeps;
}
