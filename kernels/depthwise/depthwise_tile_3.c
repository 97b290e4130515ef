/**
 * @file depthwise_tile_3.c
 * Depthwise 3x3 with stride 1 or 2, in units of its dilation, where there are 16 registers: tiles
 * of two rows of five outputs, at each place vector of channels by vector of channels, so that x, w
 * and y are read and written in the order of memory. Ten sums are what two multiply-adds a cycle of
 * five cycles each want; tiles of four or three make the widths that five does not divide.
 *
 * A tile goes through its rows of x; a vector of x is loaded once and multiplied with all the taps
 * that it is under: those of two rows of w, five in registers beside the sums, the sixth in memory.
 * Which register holds what is settled here: compilers keep sums on the stack. What is not there at
 * an edge is left out when compiled, not asked for. A sum runs over r, then s.
 */
#include "kernels/depthwise/depthwise.h"
#include "kernels/kernel.h"
#include "kernels/tile/tile_finish.h"

#if DEPTHWISE_ROWS_FIRST

#define ROWS   2 /* outputs of a tile */
#define PIXELS 5

_Static_assert(ROWS *PIXELS + 3 + 1 <= VF_REGISTERS, "the register tile would spill");

/* What a tile is compiled for. */
struct kind {
    int stride;
    int rows, pixels; /* of outputs */
    bool top, bottom; /* the first, the last row of x is not there */
    bool left, right; /* the first, the last column of x is not there */
    bool ahead;       /* fetch the next tile's x, which may be in no near cache */
    bool careful;     /* look at x_rows, all columns and lanes instead */
};

/* Rows of outputs that a tile has, all columns. */
struct rows {
    const float *x; /* under the first tap of the first output, first channel; may be outside */
    ptrdiff_t x_row, x_column, x_columns_3; /* ... of three columns */
    const float *w, *bias;                  /* bias NULL: none */
    float *y;
    ptrdiff_t y_row, y_column;
    const float *residual; /* NULL: none */
    ptrdiff_t residual_row, residual_column;
    struct tile_epilogue epilogue;
    int64_t pixels;               /* outputs of a row */
    int64_t real_begin, real_end; /* columns of x that are real input, from the first tap on */
    uint32_t x_rows;              /* bit i: row i of x is real input */
    int channels;
    bool finishes; /* there is a bias, a residual, or an activation */
};

/* Column of x under the last tap of a tile whose first tap is at column 0. */
ALWAYS_INLINE int last_column(const struct kind kind)
{
    return (kind.pixels - 1) * kind.stride + 2;
}

/* The output of a row that tap s joins with a column of x, or -1. */
ALWAYS_INLINE int output_of(const int s, const int column, const struct kind kind)
{
    const int q = (column - s) / kind.stride;
    const bool whole = column >= s && (column - s) % kind.stride == 0;
    return whole && q < kind.pixels ? q : -1;
}

/* Taps of a row that a column of x is under. */
ALWAYS_INLINE int taps_over(const int column, const struct kind kind)
{
    return (output_of(0, column, kind) >= 0) + (output_of(1, column, kind) >= 0) +
           (output_of(2, column, kind) >= 0);
}

/* Is the row of x there that row r of w meets for row j of outputs? */
ALWAYS_INLINE bool is_there(const struct rows *b, const int r, const int j, const struct kind kind)
{
    const int i = r + j * kind.stride, last = (kind.rows - 1) * kind.stride + 2;
    return !(kind.top && i == 0) && !(kind.bottom && i == last) &&
           (!kind.careful || (b->x_rows >> i & 1));
}

/* Row r of w times a column of the rows of x that it meets; where that column is under one tap, from
   memory. Sums take turns, or they would wait for themselves. */
ALWAYS_INLINE void multiply_column(vf acc[ROWS][PIXELS], const struct rows *b, const int r,
                                   const float *x, const vf w[3], const int column, int lanes,
                                   const struct kind kind)
{
    const ptrdiff_t down = kind.stride * b->x_row;
    const bool single = !kind.careful && taps_over(column, kind) == 1;
    vf x_vector[ROWS];
    UNROLL for (int j = 0; j < kind.rows; j++)
    {
        if (!single && is_there(b, r, j, kind)) {
            const float *p = x + j * down;
            x_vector[j] = vf_keep(kind.careful ? vf_load_part(p, lanes) : vf_load(p));
        }
    }
    UNROLL for (int tap = 0; tap < 3 * kind.rows; tap++)
    {
        const int s = tap / kind.rows, j = tap % kind.rows, q = output_of(s, column, kind);
        if (q >= 0 && is_there(b, r, j, kind)) {
            acc[j][q] = single ? vf_multiply_add_from(w[s], x + j * down, acc[j][q])
                               : vf_multiply_add_kept(x_vector[j], w[s], acc[j][q]);
        }
    }
}

/* Row r of w times the rows of x that it meets, from column `at` on. Columns between the first and
   the last are there unless one is careful. `ahead`: from x to what is fetched. */
ALWAYS_INLINE void multiply_row(vf acc[ROWS][PIXELS], const struct rows *b, int64_t at, const int r,
                                const float *x, const float *w, ptrdiff_t ahead, int lanes,
                                const struct kind kind)
{
    const ptrdiff_t down = kind.stride * b->x_row;
    vf w_kept[3];
    UNROLL for (int s = 0; s < 3; s++)
    {
        w_kept[s] = vf_keep(vf_load(w + (r * 3 + s) * VF));
    }
    UNROLL for (int column = 0; column <= last_column(kind); column++)
    {
        /* three columns from one address: the processor adds once or twice what is between them */
        if (column % 3 == 0) {
            x = pointer_keep(column == 0 ? x : x + b->x_columns_3);
        }
        const float *p = x + column % 3 * b->x_column;
        if ((kind.left && column == 0) || (kind.right && column == last_column(kind))) {
            continue;
        }
        if (kind.careful && (at + column < b->real_begin || at + column >= b->real_end)) {
            continue;
        }
        UNROLL for (int j = 0; j < kind.rows; j++)
        {
            if (kind.ahead && column % 2 == 1 && (j == 1 || r == 1) && is_there(b, r, j, kind)) {
                __builtin_prefetch(p + j * down + ahead, 0, 3);
            }
        }
        multiply_column(acc, b, r, p, w_kept, column, lanes, kind);
    }
}

ALWAYS_INLINE void multiply(vf acc[ROWS][PIXELS], const struct rows *b, int64_t at, const float *x,
                            const float *w, ptrdiff_t ahead, int lanes, const struct kind kind)
{
    UNROLL for (int r = 0; r < 3; r++, x += b->x_row)
    {
        multiply_row(acc, b, at, r, x, w, ahead, lanes, kind);
    }
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
            acc[i / kind.pixels][i % kind.pixels] +=
                kind.careful ? vf_load_part(p, lanes) : vf_load(p);
        }
    }
    if (b->epilogue.clamps || b->epilogue.leaks) {
        UNROLL for (int i = 0; i < kind.rows * kind.pixels; i++)
        {
            vf *v = &acc[i / kind.pixels][i % kind.pixels];
            *v = tile_activate(*v, &b->epilogue);
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
            if (kind.careful) {
                vf_store_part(y, acc[j][i], lanes);
            } else {
                vf_store(y, acc[j][i]);
            }
        }
    }
}

/* The tile of outputs from q on, of all channels; of those in whole vectors if one is not careful.
   b: a copy of `shared`, which no store to y can change. */
ALWAYS_INLINE void work_tile(const struct rows *b, const struct rows *shared, int64_t q,
                             const struct kind kind)
{
    const float *x = b->x + q * kind.stride * b->x_column;
    float *y = b->y + q * b->y_column;
    for (int k = 0; kind.careful ? k < b->channels : k + VF <= b->channels; k += VF) {
        const int lanes = b->channels - k < VF ? b->channels - k : VF;
        vf acc[ROWS][PIXELS];
        UNROLL for (int i = 0; i < kind.rows * kind.pixels; i++)
        {
            acc[i / kind.pixels][i % kind.pixels] = (vf){0};
        }
        /* two vectors share a line: each asks for every other column */
        const ptrdiff_t ahead = kind.pixels * kind.stride * b->x_column + (k & VF ? b->x_column : 0);
        multiply(acc, b, q * kind.stride, x + k, b->w + (ptrdiff_t)k * 9, ahead, lanes, kind);
        if (b->finishes) {
            finish(acc, rows_keep(shared), q, k, lanes, kind);
        }
        store(acc, b, y + k, lanes, kind);
    }
}

typedef void careful_function(const struct rows *b, int64_t q);

/* name, stride, pixels */
#define CAREFUL(name, stride, pixels)                                                              \
    static void name(const struct rows *b, int64_t q)                                              \
    {                                                                                              \
        work_tile(b, b, q, (struct kind){stride, 1, pixels, .careful = true});                     \
    }
CAREFUL(careful_1_one, 1, 1)
CAREFUL(careful_1_most, 1, PIXELS)
CAREFUL(careful_2_one, 2, 1)
CAREFUL(careful_2_most, 2, PIXELS)
static careful_function *const careful_1[] = {careful_1_one, careful_1_most};
static careful_function *const careful_2[] = {careful_2_one, careful_2_most};

/* Row by row, a few outputs or one: `rows` rows, columns q0 <= q < q1, channels from k on. For what
   a tile does not do: padding more than a column wide, outputs that are no tile, channels that fill
   no vector. */
static void work_outputs(const struct rows *all, int stride, int rows, int64_t q0, int64_t q1,
                         int k, int channels)
{
    struct rows b = *all;
    b.w += (ptrdiff_t)k * 9;
    b.bias = b.bias ? b.bias + k : NULL;
    b.channels = channels;
    for (int j = 0; j < rows; j++) {
        b.x = all->x + k + j * stride * b.x_row;
        b.y = all->y + k + j * b.y_row;
        b.residual = b.residual ? all->residual + k + j * b.residual_row : NULL;
        b.x_rows = all->x_rows >> j * stride;
        for (int64_t q = q0, pixels; q < q1; q += pixels) {
            pixels = q1 - q >= PIXELS ? PIXELS : 1;
            careful_function *const *of = stride == 1 ? careful_1 : careful_2;
            of[pixels == PIXELS](&b, q);
        }
    }
}

/* The tile of outputs from q on. */
ALWAYS_INLINE void work_pixels(const struct rows *b, const struct rows *shared, int64_t q,
                               int pixels, const struct kind kind)
{
    struct kind most = kind, less = kind, least = kind;
    most.pixels = PIXELS;
    less.pixels = PIXELS - 1;
    least.pixels = PIXELS - 2;
    if (pixels == PIXELS) {
        work_tile(b, shared, q, most);
    } else if (pixels == PIXELS - 1) {
        work_tile(b, shared, q, less);
    } else {
        work_tile(b, shared, q, least);
    }
}

/* Tiles of PIXELS, or some of one or two less if that makes them more alike. */
ALWAYS_INLINE void work_rows(const struct rows *shared, const int stride, const int rows,
                             const bool top, const bool bottom)
{
    const struct kind inside = {stride, rows, 0, top, bottom, false, false, stride == 2, false};
    const struct kind left = {stride, rows, 0, top, bottom, true, false, false, false};
    const struct kind right = {stride, rows, 0, top, bottom, false, true, false, false};
    const struct kind both = {stride, rows, 0, top, bottom, true, true, false, false};
    const struct rows b = *shared; /* which no store to y can change */
    for (int64_t q = 0, pixels; q < b.pixels; q += pixels) {
        const int64_t more = b.pixels - q, tiles = (more + PIXELS - 1) / PIXELS;
        pixels = (more + tiles - 1) / tiles;
        const int64_t at = q * stride, last = at + (pixels - 1) * stride + 2;
        if (pixels < PIXELS - 2 || at + 1 < b.real_begin || last > b.real_end) {
            work_outputs(&b, stride, rows, q, q + pixels, 0, b.channels / VF * VF);
        } else if (at < b.real_begin && last >= b.real_end) {
            work_pixels(&b, shared, q, (int)pixels, both);
        } else if (at < b.real_begin) {
            work_pixels(&b, shared, q, (int)pixels, left);
        } else if (last >= b.real_end) {
            work_pixels(&b, shared, q, (int)pixels, right);
        } else {
            work_pixels(&b, shared, q, (int)pixels, inside);
        }
    }
}

typedef void rows_function(const struct rows *rows);

/* name, stride, rows, top, bottom */
#define SHAPE(name, ...)                                                                           \
    static void name(const struct rows *rows)                                                      \
    {                                                                                              \
        work_rows(rows, __VA_ARGS__);                                                              \
    }
SHAPE(one_1, 1, 1, false, false)
SHAPE(one_1_top, 1, 1, true, false)
SHAPE(one_1_bottom, 1, 1, false, true)
SHAPE(two_1, 1, 2, false, false)
SHAPE(two_1_top, 1, 2, true, false)
SHAPE(two_1_bottom, 1, 2, false, true)
SHAPE(one_2, 2, 1, false, false)
SHAPE(one_2_top, 2, 1, true, false)
SHAPE(one_2_bottom, 2, 1, false, true)
SHAPE(two_2, 2, 2, false, false)
SHAPE(two_2_top, 2, 2, true, false)
SHAPE(two_2_bottom, 2, 2, false, true)

/* Of stride, rows, and what is not there: nothing, the top, the bottom. */
static rows_function *const functions[2][2][3] = {
    {{one_1, one_1_top, one_1_bottom}, {two_1, two_1_top, two_1_bottom}},
    {{one_2, one_2_top, one_2_bottom}, {two_2, two_2_top, two_2_bottom}},
};

/* The function for some rows, or NULL: output by output. */
static rows_function *function_for(uint32_t x_rows, int stride, int rows)
{
    const uint32_t last = 1u << ((rows - 1) * stride + 2), missing = ~x_rows & (2 * last - 1);
    rows_function *const *of = functions[stride - 1][rows - 1];
    return missing == 0 ? of[0] : missing == 1 ? of[1] : missing == last ? of[2] : NULL;
}

/* First i >= 0 with at + i * step >= 0. */
static int64_t steps_to(int64_t at, int64_t step)
{
    return at >= 0 ? 0 : (-at + step - 1) / step;
}

void KERNEL(depthwise_3x3)(const struct depthwise_band *band);
void KERNEL(depthwise_3x3)(const struct depthwise_band *band)
{
    const struct depthwise_band *d = band;
    const int stride = (int)(d->stride_w / d->dilation_w);
    struct rows b = {
        .x_row = d->dilation_h * d->x_row,
        .x_column = d->dilation_w * d->x_column,
        .x_columns_3 = 3 * d->dilation_w * d->x_column,
        .w = d->packed_w,
        .bias = d->epilogue->bias,
        .y_row = d->y_row,
        .y_column = d->y_column,
        .residual_row = d->residual_row,
        .residual_column = d->residual_column,
        .epilogue = *d->epilogue,
        .pixels = d->columns,
        .real_begin = steps_to(d->w, d->dilation_w),
        .real_end = steps_to(d->w - d->W, d->dilation_w),
        .channels = d->channels,
        .finishes = d->epilogue->bias || d->residual || d->epilogue->clamps || d->epilogue->leaks,
    };
    for (int row = 0, rows; row < d->rows; row += rows) {
        const int64_t h = d->h + row * d->stride_h;
        rows = d->rows - row < ROWS ? d->rows - row : ROWS;
        b.x_rows = 0;
        for (int i = 0; i < (rows - 1) * stride + 3; i++) {
            b.x_rows |= (uint32_t)((uint64_t)(h + i * d->dilation_h) < (uint64_t)d->H) << i;
        }
        b.x = d->x + h * d->x_row + d->w * d->x_column;
        b.y = d->y + row * d->y_row;
        b.residual = d->residual ? d->residual + row * d->residual_row : NULL;
        rows_function *const work = function_for(b.x_rows, stride, rows);
        const int k = work ? d->channels / VF * VF : 0;
        if (work && k > 0) {
            work(&b);
        }
        if (k < d->channels) {
            work_outputs(&b, stride, rows, 0, d->columns, k, d->channels - k);
        }
    }
}

#endif
