/**
 * @file depthwise_rows_tile.h
 * The register tile of depthwise_rows.c, which alone includes it: two rows of five outputs, of
 * seven where there are 32 registers, at each place vector of channels by vector of channels. Ten
 * sums are what two multiply-adds a cycle of five cycles each want; seven divide the widths of most
 * networks; smaller tiles make the other widths.
 *
 * Both rows of a tile go through the rows of w together, each with the row of x that it meets, and
 * column by column: a vector of x is multiplied with all the taps that it is under, and the sums of
 * one row wait while the other's run. Which register holds what is settled here: compilers keep
 * sums on the stack. Taps on padding are left out. A sum runs over r, then s.
 */
#ifndef CONVOY_KERNELS_DEPTHWISE_ROWS_TILE_H
#define CONVOY_KERNELS_DEPTHWISE_ROWS_TILE_H

#include "kernels/depthwise/depthwise.h"
#include "kernels/kernel.h"
#include "kernels/tile/tile_finish.h"

#define ROWS   2 /* outputs of a tile */
#define PIXELS (VF_REGISTERS == 32 ? 7 : 5)
#define LEAST  (VF_REGISTERS == 32 ? 4 : 3) /* that and more, up to PIXELS, make any width */

#define LINE_FLOATS 16 /* of the cache */

#define TAPS_MAX 7 /* of a row of w */

_Static_assert(ROWS *PIXELS + ROWS + 3 <= VF_REGISTERS, "the register tile would spill");

/* What a tile is compiled for. */
struct kind {
    int taps; /* of a row of w */
    int stride;
    int rows, pixels; /* of outputs */
    int top, bottom;  /* rows of w that meet padding: of row 0 of outputs the first so many, of the
                         last row the last; if rows of w are a constant */
    int left, right;  /* columns of x that are not there, the first and the last so many, */
    bool edge;        /* or any of the first taps - 1, or the last */
    bool asks;        /* for x of the next line, */
    bool asks_rows;   /* and for the rows of x and y after these */
    bool part;        /* of the channels that fill no vector */
    bool careful;     /* look at all columns and lanes instead */
};

/* Rows of outputs that a tile has, all columns. */
struct rows {
    const float *x; /* under the first tap of the first output, first channel; may be outside */
    ptrdiff_t x_row, x_column, x_columns_3; /* to the next tap, and three columns on */
    ptrdiff_t x_down;                       /* to the next row of outputs */
    const float *w, *bias;                  /* bias NULL: none */
    float *y;
    ptrdiff_t y_row, y_column;
    const float *residual; /* NULL: none */
    ptrdiff_t residual_row, residual_column;
    struct tile_epilogue epilogue;
    int64_t pixels;               /* outputs of a row */
    int64_t real_begin, real_end; /* columns of x that are real input, from the first tap on */
    int begin[ROWS], end[ROWS];   /* rows of w that meet real input, for each row of outputs */
    int filter_rows;
    int channels;
    bool finishes;        /* there is a bias, a residual, or an activation */
    bool asks, asks_rows; /* as of `kind`: x, and y, come from afar */
    const float *next_x;  /* rows of x under the next rows of outputs, column as of x, */
    ptrdiff_t next_row;
    int64_t next_rows; /* so many */
};

ALWAYS_INLINE bool has_part(const struct kind kind)
{
    return kind.part || kind.careful;
}

ALWAYS_INLINE vf load(const float *p, int lanes, const struct kind kind)
{
    return has_part(kind) ? vf_load_part(p, lanes) : vf_load(p);
}

/* Column of x under the last tap of a tile whose first tap is at column 0. */
ALWAYS_INLINE int last_column(const struct kind kind)
{
    return (kind.pixels - 1) * kind.stride + kind.taps - 1;
}

/* Taps of a row of w that find a register beside the sums and a vector of x for each row. */
ALWAYS_INLINE bool is_kept(const int s, const struct kind kind)
{
    return s < VF_REGISTERS - kind.rows * (kind.pixels + 1);
}

/* Is a column of x under one tap only, whose w is in a register? */
ALWAYS_INLINE bool is_single(const int column, const struct kind kind)
{
    const int before = column - (kind.pixels - 1) * kind.stride;
    const int first = before > 0 ? before : column % kind.stride;
    return first + kind.stride > (column < kind.taps ? column : kind.taps - 1) &&
           is_kept(first, kind) && !has_part(kind);
}

/* Rows j0 <= j < j1 of outputs: a column of the rows of x that they meet times a row of w; where
   that column is under one tap, from memory. Sums take turns, or they would wait for themselves. */
ALWAYS_INLINE void multiply_column(vf acc[ROWS][PIXELS], const int j0, const int j1, const float *x,
                                   ptrdiff_t down, const vf w_kept[], const float *w,
                                   const int column, int lanes, const struct kind kind)
{
    const bool single = is_single(column, kind);
    vf x_vector[ROWS];
    UNROLL for (int j = j0; j < j1; j++)
    {
        if (!single) {
            const float *p = x + j * down;
            x_vector[j] = vf_keep(load(p, lanes, kind));
        }
    }
    UNROLL for (int left = kind.pixels; left > 0; left--)
    {
        const int q = left - 1;
        const int s = column - q * kind.stride; /* the tap that joins this column with output q */
        UNROLL for (int j = j0; j < j1; j++)
        {
            if (s < 0 || s >= kind.taps) {
                continue;
            }
            acc[j][q] = single ? vf_multiply_add_from(w_kept[s], x + j * down, acc[j][q])
                        : is_kept(s, kind)
                            ? vf_multiply_add_kept(x_vector[j], w_kept[s], acc[j][q])
                            : vf_multiply_add_from(x_vector[j], w + s * VF, acc[j][q]);
        }
    }
}

/* ... all columns. x: under the first tap of row 0 of outputs. `there`: bit i: column i is real
   input. `ahead`: from x to what is asked for, for the rows of outputs from `asks_from` on. */
ALWAYS_INLINE void multiply_row(vf acc[ROWS][PIXELS], const int j0, const int j1, const float *x,
                                const struct rows *b, const float *w, uint32_t there,
                                ptrdiff_t ahead, const int asks_from, int lanes,
                                const struct kind kind)
{
    vf w_kept[TAPS_MAX];
    UNROLL for (int s = 0; s < kind.taps; s++)
    {
        w_kept[s] = is_kept(s, kind) ? vf_keep(vf_load(w + s * VF)) : (vf){0};
    }
    DEPTHWISE_UNROLL for (int column = 0; column <= last_column(kind); column++)
    {
        /* three columns from one address: the processor adds once or twice what is between them */
        if (column % 3 == 0) {
            x = pointer_keep(column == 0 ? x : x + b->x_columns_3);
        }
        const float *p = x + column % 3 * b->x_column;
        if (column < kind.left || column > last_column(kind) - kind.right) {
            continue;
        }
        const bool outer = column < kind.taps - 1 || column > (kind.pixels - 1) * kind.stride;
        if ((kind.careful || (kind.edge && outer)) && !(there >> column & 1)) {
            continue;
        }
        if (kind.asks && column >= kind.taps - kind.stride &&
            (column - kind.taps + kind.stride) % 2 == 0) {
            UNROLL for (int j = asks_from; j < j1; j++)
            {
                __builtin_prefetch(p + j * b->x_down + ahead, 0, 3);
            }
        }
        multiply_column(acc, j0, j1, p, b->x_down, w_kept, w, column, lanes, kind);
    }
}

static inline int least(int a, int b)
{
    return a < b ? a : b;
}

static inline int most(int a, int b)
{
    return a > b ? a : b;
}

/* Rows of w, one after the other, as many as there are taps in one. */
ALWAYS_INLINE void multiply_apart(vf acc[ROWS][PIXELS], const struct rows *b, const float *x,
                                  const float *w, uint32_t there, ptrdiff_t ahead, int lanes,
                                  const struct kind kind)
{
    UNROLL for (int r = 0; r < kind.taps; r++, x += b->x_row, w += kind.taps * VF)
    {
        const int j0 = r < kind.top ? 1 : 0;
        const int j1 = r < kind.taps - kind.bottom ? kind.rows : kind.rows - 1;
        /* of x: with stride 2 those that the two rows of outputs before have not read */
        const int asks_from = r < kind.stride && r >= kind.taps - kind.stride ? j0 : kind.rows - 1;
        if (j0 < j1) {
            multiply_row(acc, j0, j1, x, b, w, there, ahead, asks_from, lanes, kind);
        }
    }
}

/* Rows r0 <= r < r1 of w for rows j0 <= j < j1 of outputs. */
ALWAYS_INLINE void multiply_rows(vf acc[ROWS][PIXELS], const int j0, const int j1, int r0, int r1,
                                 const struct rows *b, const float *x, const float *w,
                                 uint32_t there, int lanes, const struct kind kind)
{
    x += r0 * b->x_row;
    w += (ptrdiff_t)r0 * kind.taps * VF;
    for (int r = r0; r < r1; r++, x += b->x_row, w += kind.taps * VF) {
        there = kind.edge || kind.careful ? bits_keep(there) : there;
        multiply_row(acc, j0, j1, x, b, w, there, 0, j1, lanes, kind);
    }
}

/* The sums, by the rows of outputs and of w; what a tile does not do must not be in its function:
   compilers take it out too late. Rows of w that meet padding in one row of outputs are multiplied
   for the other only. */
ALWAYS_INLINE void multiply_one_any(vf acc[ROWS][PIXELS], const struct rows *b, const float *x,
                                    const float *w, uint32_t there, ptrdiff_t ahead, int lanes,
                                    const struct kind kind)
{
    (void)ahead;
    multiply_rows(acc, 0, 1, b->begin[0], b->end[0], b, x, w, there, lanes, kind);
}

ALWAYS_INLINE void multiply_two_any(vf acc[ROWS][PIXELS], const struct rows *b, const float *x,
                                    const float *w, uint32_t there, ptrdiff_t ahead, int lanes,
                                    const struct kind kind)
{
    (void)ahead;
    const int *begin = b->begin, *end = b->end;
    multiply_rows(acc, 1, 2, begin[1], least(begin[0], end[1]), b, x, w, there, lanes, kind);
    multiply_rows(acc, 0, 2, begin[0], end[1], b, x, w, there, lanes, kind);
    multiply_rows(acc, 0, 1, most(begin[0], end[1]), end[0], b, x, w, there, lanes, kind);
}

/* The same, at an address that the compiler does not know. */
ALWAYS_INLINE const struct rows *rows_keep(const struct rows *b)
{
    return (const struct rows *)(const void *)pointer_keep((const float *)(const void *)b);
}

/* Bias, residual, activation of the outputs from q on. `b` is unknown to the compiler, which else
   would keep vectors of the epilogue in registers that the sums need. */
ALWAYS_INLINE void finish(vf acc[ROWS][PIXELS], const struct rows *b, int64_t q, int k, int lanes,
                          const struct kind kind)
{
    if (b->bias) {
        const vf bias = vf_load(b->bias + k);
        UNROLL for (int i = 0; i < kind.rows * kind.pixels; i++)
        {
            acc[i / kind.pixels][i % kind.pixels] += bias;
        }
    }
    if (b->residual) {
        UNROLL for (int i = 0; i < kind.rows * kind.pixels; i++)
        {
            const float *p = b->residual + k + i / kind.pixels * b->residual_row +
                             (q + i % kind.pixels) * b->residual_column;
            acc[i / kind.pixels][i % kind.pixels] += load(p, lanes, kind);
        }
    }
    if (b->epilogue.clamps) {
        const vf low = vf_broadcast(b->epilogue.limits[0]);
        const vf high = vf_broadcast(b->epilogue.limits[1]);
        UNROLL for (int i = 0; i < kind.rows * kind.pixels; i++)
        {
            vf *v = &acc[i / kind.pixels][i % kind.pixels];
            *v = vf_clamp(*v, low, high);
        }
    }
    if (b->epilogue.leaks) {
        UNROLL for (int i = 0; i < kind.rows * kind.pixels; i++)
        {
            vf *v = &acc[i / kind.pixels][i % kind.pixels];
            *v = tile_leak(*v, b->epilogue.slope);
        }
    }
}

ALWAYS_INLINE void store(vf acc[ROWS][PIXELS], const struct rows *b, float *y_row, int lanes,
                         const struct kind kind)
{
    UNROLL for (int j = 0; j < kind.rows; j++, y_row += b->y_row)
    {
        float *y = (float *)pointer_keep(y_row);
        UNROLL for (int i = 0; i < kind.pixels; i++, y += b->y_column)
        {
            if (has_part(kind)) {
                vf_store_part(y, acc[j][i], lanes);
            } else {
                vf_store(y, acc[j][i]);
            }
        }
    }
}

ALWAYS_INLINE void clear(vf acc[ROWS][PIXELS], const struct kind kind)
{
    UNROLL for (int i = 0; i < kind.rows * kind.pixels; i++)
    {
        acc[i / kind.pixels][i % kind.pixels] = (vf){0};
    }
}

/* From x to what channels from k on ask for: the next line of the columns that the tile before has
   not read, at the end of a pixel the first of the next tile's. Two vectors share a line, so each
   asks for every other column. */
ALWAYS_INLINE ptrdiff_t ahead_of(const struct rows *b, int k, const struct kind kind)
{
    if (!kind.asks) {
        return 0;
    }
    const int line = LINE_FLOATS, last = (b->channels - VF) / line * line;
    const ptrdiff_t column = k & VF ? b->x_column : 0;
    return column + (k < last ? line : kind.pixels * kind.stride * b->x_column - last);
}

/* Asks for this tile's part of the rows of x and y that the rows of outputs after these begin with,
   at channel k: a tile's columns of a row lie together, and each vector of channels asks for its
   part of these in the order of memory. */
ALWAYS_INLINE void ask_for_rows(const struct rows *b, int64_t q, int k, const struct kind kind)
{
    const float *x = b->next_x + (q * b->x_column + (ptrdiff_t)k * kind.pixels) * kind.stride;
    for (int64_t j = 0; j < b->next_rows; j++, x += b->next_row) {
        UNROLL for (int i = 0; i < kind.pixels * kind.stride * VF; i += LINE_FLOATS)
        {
            __builtin_prefetch(x + i, 0, 2);
        }
    }
    const float *y = b->y + kind.rows * b->y_row + q * b->y_column + (ptrdiff_t)k * kind.pixels;
    for (int j = 0; j < kind.rows; j++, y += b->y_row) {
        UNROLL for (int i = 0; i < kind.pixels * VF; i += LINE_FLOATS)
        {
            __builtin_prefetch(y + i, 1, 2);
        }
    }
}

ALWAYS_INLINE struct kind with_pixels(struct kind kind, int pixels)
{
    kind.pixels = pixels;
    return kind;
}

/* work_tile_...: the tile of outputs from q on, of the channels in whole vectors; of the others if
   `part`; of all if one is careful. b: a copy of `shared`, which no store to y can change.
   work_pixels_...: the same of as many outputs as are asked for. `sums`: one of the functions
   above. */
#define WORK_TILE(sums)                                                                            \
    INSTANCES void work_tile_##sums(const struct rows *b, const struct rows *shared, int64_t q,    \
                                    uint32_t there, const struct kind kind)                        \
    {                                                                                              \
        const float *x = b->x + q * kind.stride * b->x_column;                                     \
        float *y = b->y + q * b->y_column;                                                         \
        const ptrdiff_t filter = (ptrdiff_t)b->filter_rows * kind.taps;                            \
        const int end = has_part(kind) ? b->channels : b->channels - VF + 1;                       \
        for (int k = kind.part ? b->channels / VF * VF : 0; k < end; k += VF) {                    \
            const int lanes = b->channels - k < VF ? b->channels - k : VF;                         \
            vf acc[ROWS][PIXELS];                                                                  \
            if (kind.asks_rows) {                                                                  \
                ask_for_rows(b, q, k, kind);                                                       \
            }                                                                                      \
            clear(acc, kind);                                                                      \
            multiply_##sums(acc, b, x + k, b->w + k * filter, there, ahead_of(b, k, kind), lanes,  \
                            kind);                                                                 \
            if (b->finishes) {                                                                     \
                finish(acc, rows_keep(shared), q, k, lanes, kind);                                 \
            }                                                                                      \
            store(acc, b, y + k, lanes, kind);                                                     \
        }                                                                                          \
    }                                                                                              \
    ALWAYS_INLINE void work_pixels_##sums(const struct rows *b, const struct rows *shared,         \
                                          int64_t q, int64_t pixels, uint32_t there,               \
                                          const struct kind kind)                                  \
    {                                                                                              \
        if (pixels == PIXELS) {                                                                    \
            work_tile_##sums(b, shared, q, there, with_pixels(kind, PIXELS));                      \
        } else if (pixels == PIXELS - 1) {                                                         \
            work_tile_##sums(b, shared, q, there, with_pixels(kind, PIXELS - 1));                  \
        } else if (LEAST == PIXELS - 2 || pixels == PIXELS - 2) {                                  \
            work_tile_##sums(b, shared, q, there, with_pixels(kind, PIXELS - 2));                  \
        } else {                                                                                   \
            work_tile_##sums(b, shared, q, there, with_pixels(kind, LEAST));                       \
        }                                                                                          \
    }
WORK_TILE(one_any)
WORK_TILE(two_any)
WORK_TILE(apart)

#endif
