/**
 * @file depthwise_sweep.c
 * Depthwise 3x3 with stride 1 or 2, in units of its dilation: a sweep along some rows of outputs,
 * for one vector of channels, with all nine vectors of w in registers.
 *
 * At each column of x its vectors are loaded, one for each row that the outputs see, and multiplied
 * with all the taps that they are under: those of the outputs that begin there, of those in the
 * middle, and of those that end there, which are then stored. So x is loaded once and w never
 * again. A sum runs over s, then r.
 *
 *   column j, stride 1:  output j += w[.][0] x   output j-1 += w[.][1] x   output j-2 += w[.][2] x
 */
#include "kernels/depthwise/depthwise.h"
#include "kernels/kernel.h"
#include "kernels/tile/tile_finish.h"

#if !DEPTHWISE_ROWS_FIRST

/* Output rows of a sweep: with stride 1, rows * 3 sums, w and a vector of x are in registers. */
#define ROWS (VF_REGISTERS == 32 ? 4 : 2)

_Static_assert(ROWS * 3 + 9 + 1 <= VF_REGISTERS, "the sweep would spill");
_Static_assert(ROWS <= DEPTHWISE_ROWS, "a band is a sweep at least");

/* What a sweep is compiled for. */
struct kind {
    int stride;
    int rows;         /* of outputs */
    bool top, bottom; /* the first, the last row of x is not there */
    bool careful;     /* look at x_rows, y_rows, real columns and lanes instead */
};

/* Outputs of some rows, some columns, one vector of channels. */
struct sweep {
    const float *x; /* under the first tap of the first output; may be outside */
    ptrdiff_t x_row, x_column;
    const float *w, *bias;
    float *y;
    ptrdiff_t y_row, y_column;
    const float *residual; /* NULL: none */
    ptrdiff_t residual_row, residual_column;
    struct tile_epilogue epilogue;
    int64_t pixels;               /* outputs of a row */
    int64_t real_begin, real_end; /* columns of x that are real input, from the first tap on */
    uint32_t x_rows;              /* bit i: row i of x is real input */
    int y_rows;                   /* rows of y that exist */
    int lanes;
    /* what is asked for meanwhile, a line of each row for each column: new rows of x and those of
       y; NULL: nothing */
    const float *next_x, *next_y;
};

typedef vf sums[DEPTHWISE_ROWS][3]; /* of the outputs that begin, go on, end */

/* Asks for a line of some rows; moves on. */
ALWAYS_INLINE void ask(const float **next, ptrdiff_t row, const int rows)
{
    UNROLL for (int i = 0; i < rows; i++)
    {
        __builtin_prefetch(*next + i * row, 0, 3);
    }
    *next += DEPTHWISE_LINE;
}

/* A column of x: tap s_0 of the outputs that begin, s_1, s_2 of the others; -1: none of them. */
ALWAYS_INLINE void multiply_column(sums acc, const vf w[9], struct sweep *b, const float *x,
                                   const int s_0, const int s_1, const int s_2,
                                   const struct kind kind)
{
    const int x_rows = (kind.rows - 1) * kind.stride + 3;
    if (!kind.careful && b->next_x) {
        ask(&b->next_x, b->x_row, kind.rows * kind.stride);
    }
    UNROLL for (int i = kind.top; i < x_rows - kind.bottom; i++)
    {
        if (kind.careful && !(b->x_rows >> i & 1)) {
            continue;
        }
        const float *p = x + i * b->x_row;
        vf x_vector = kind.careful ? vf_load_part(p, b->lanes) : vf_load(p);
        UNROLL for (int j = 0; j < kind.rows; j++)
        {
            const int r = i - j * kind.stride;
            if (r < 0 || r > 2 || (kind.careful && j >= b->y_rows)) {
                continue;
            }
            if (s_0 >= 0) {
                acc[j][0] = vf_multiply_add(x_vector, w[r * 3 + s_0], acc[j][0]);
            }
            if (s_1 >= 0) {
                acc[j][1] = vf_multiply_add(x_vector, w[r * 3 + s_1], acc[j][1]);
            }
            if (s_2 >= 0) {
                acc[j][2] = vf_multiply_add(x_vector, w[r * 3 + s_2], acc[j][2]);
            }
        }
    }
}

/* Bias, residual, activation and store of the sums at `which`: the outputs of column q. */
ALWAYS_INLINE void finish_column(sums acc, struct sweep *b, int64_t q, const int which,
                                 const struct kind kind)
{
    const vf bias = vf_load(b->bias);
    UNROLL for (int j = 0; j < kind.rows; j++)
    {
        acc[j][which] += bias;
    }
    if (b->residual) {
        const float *residual = b->residual + q * b->residual_column;
        UNROLL for (int j = 0; j < kind.rows; j++, residual += b->residual_row)
        {
            if (!kind.careful || j < b->y_rows) {
                acc[j][which] +=
                    kind.careful ? vf_load_part(residual, b->lanes) : vf_load(residual);
            }
        }
    }
    if (b->epilogue.clamps || b->epilogue.leaks) {
        UNROLL for (int j = 0; j < kind.rows; j++)
        {
            acc[j][which] = tile_activate(acc[j][which], &b->epilogue);
        }
    }
    if (!kind.careful && b->next_y) {
        ask(&b->next_y, b->y_row, kind.rows);
    }
    float *y = b->y + q * b->y_column;
    UNROLL for (int j = 0; j < kind.rows; j++, y += b->y_row)
    {
        if (!kind.careful) {
            vf_store(y, acc[j][which]);
        } else if (j < b->y_rows) {
            vf_store_part(y, acc[j][which], b->lanes);
        }
    }
}

/* Each output is one column further on. */
ALWAYS_INLINE void shift(sums acc, const struct kind kind)
{
    UNROLL for (int j = 0; j < kind.rows; j++)
    {
        acc[j][2] = acc[j][1];
        acc[j][1] = acc[j][0];
        acc[j][0] = (vf){0};
    }
}

/* Columns at the ends may be padding; those between only if one is careful. */
ALWAYS_INLINE bool is_real(const struct sweep *b, int64_t column)
{
    return column >= b->real_begin && column < b->real_end;
}

ALWAYS_INLINE void sweep_1(struct sweep *b, sums acc, const vf w[9], const struct kind kind)
{
    const float *x = b->x;
    const int64_t n = b->pixels;
    if (is_real(b, 0)) {
        multiply_column(acc, w, b, x, 0, -1, -1, kind);
    }
    shift(acc, kind);
    x += b->x_column;
    if (is_real(b, 1)) {
        if (n > 1) {
            multiply_column(acc, w, b, x, 0, 1, -1, kind);
        } else {
            multiply_column(acc, w, b, x, -1, 1, -1, kind);
        }
    }
    shift(acc, kind);
    x += b->x_column;
    for (int64_t j = 2; j < n; j++, x += b->x_column) {
        if (!kind.careful || is_real(b, j)) {
            multiply_column(acc, w, b, x, 0, 1, 2, kind);
        }
        finish_column(acc, b, j - 2, 2, kind);
        shift(acc, kind);
    }
    if (n > 1) {
        if (is_real(b, n)) {
            multiply_column(acc, w, b, x, -1, 1, 2, kind);
        }
        finish_column(acc, b, n - 2, 2, kind);
        shift(acc, kind);
        x += b->x_column;
    }
    if (is_real(b, n + 1)) {
        multiply_column(acc, w, b, x, -1, -1, 2, kind);
    }
    finish_column(acc, b, n - 1, 2, kind);
}

/* With stride 2 an output begins where the one before it ends. */
ALWAYS_INLINE void sweep_2(struct sweep *b, sums acc, const vf w[9], const struct kind kind)
{
    const float *x = b->x;
    const int64_t n = b->pixels;
    if (is_real(b, 0)) {
        multiply_column(acc, w, b, x, 0, -1, -1, kind);
    }
    x += b->x_column;
    for (int64_t q = 0; q < n - 1; q++, x += 2 * b->x_column) {
        if (!kind.careful || is_real(b, 2 * q + 1)) {
            multiply_column(acc, w, b, x, 1, -1, -1, kind);
        }
        shift(acc, kind);
        if (!kind.careful || is_real(b, 2 * q + 2)) {
            multiply_column(acc, w, b, x + b->x_column, 0, 2, -1, kind);
        }
        finish_column(acc, b, q, 1, kind);
    }
    if (is_real(b, 2 * n - 1)) {
        multiply_column(acc, w, b, x, 1, -1, -1, kind);
    }
    if (is_real(b, 2 * n)) {
        multiply_column(acc, w, b, x + b->x_column, 2, -1, -1, kind);
    }
    finish_column(acc, b, n - 1, 0, kind);
}

ALWAYS_INLINE void sweep(const struct sweep *shared, const struct kind kind)
{
    struct sweep b = *shared; /* which no store to y can change */
    sums acc;
    vf w[9];
    UNROLL for (int t = 0; t < 9; t++)
    {
        w[t] = vf_load(b.w + t * VF);
    }
    UNROLL for (int j = 0; j < kind.rows; j++)
    {
        acc[j][0] = acc[j][1] = acc[j][2] = (vf){0};
    }
    if (kind.stride == 1) {
        sweep_1(&b, acc, w, kind);
    } else {
        sweep_2(&b, acc, w, kind);
    }
}

typedef void sweep_function(const struct sweep *b);

/* name, stride, rows, top, bottom, careful */
#define SHAPE(name, ...)                                                                           \
    static void name(const struct sweep *b)                                                        \
    {                                                                                              \
        sweep(b, (struct kind){__VA_ARGS__});                                                      \
    }
SHAPE(full_1, 1, ROWS, false, false, false)
SHAPE(full_1_top, 1, ROWS, true, false, false)
SHAPE(full_1_bottom, 1, ROWS, false, true, false)
SHAPE(less_1, 1, ROWS - 1, false, false, false)
SHAPE(less_1_top, 1, ROWS - 1, true, false, false)
SHAPE(less_1_bottom, 1, ROWS - 1, false, true, false)
SHAPE(any_1, 1, ROWS, false, false, true)
SHAPE(full_2, 2, ROWS, false, false, false)
SHAPE(full_2_top, 2, ROWS, true, false, false)
SHAPE(full_2_bottom, 2, ROWS, false, true, false)
SHAPE(less_2, 2, ROWS - 1, false, false, false)
SHAPE(less_2_top, 2, ROWS - 1, true, false, false)
SHAPE(less_2_bottom, 2, ROWS - 1, false, true, false)
SHAPE(any_2, 2, ROWS, false, false, true)

/* Of stride, rows, and what is not there: nothing, the top, the bottom. */
static sweep_function *const functions[2][2][3] = {
    {{less_1, less_1_top, less_1_bottom}, {full_1, full_1_top, full_1_bottom}},
    {{less_2, less_2_top, less_2_bottom}, {full_2, full_2_top, full_2_bottom}},
};

/* The function for these rows, if all columns but those at the ends are real. */
static sweep_function *function_for(const struct sweep *s, int stride)
{
    uint32_t all = (1u << ((s->y_rows - 1) * stride + 3)) - 1, top = 1, bottom = (all + 1) / 2;
    if (s->y_rows >= ROWS - 1) {
        sweep_function *const *row = functions[stride - 1][s->y_rows - (ROWS - 1)];
        if ((s->x_rows & all) == all) {
            return row[0];
        }
        if ((s->x_rows & all) == all - top) {
            return row[1];
        }
        if ((s->x_rows & all) == all - bottom) {
            return row[2];
        }
    }
    return stride == 1 ? any_1 : any_2;
}

/* Columns of a block: many, because a sweep takes time to begin and to end; but the lines of x that
   it reads a part of should be in cache still when the next vector of channels reads the rest. Few
   if what the next block reads and writes is asked for into L1. */
#define BLOCK 28

/* Vector by vector of channels for one block of outputs; s is that of the first. */
static void sweep_channels(const struct depthwise_band *b, struct sweep s, sweep_function *whole,
                           sweep_function *any)
{
    const int64_t stride = b->stride_w / b->dilation_w;
    for (int k = 0; k < b->channels; k += VF) {
        s.lanes = b->channels - k < VF ? b->channels - k : VF;
        (s.lanes == VF ? whole : any)(&s);
        s.x += VF;
        s.w += 9 * VF;
        s.y += VF;
        s.bias = b->epilogue->bias ? s.bias + VF : s.bias;
        s.residual = s.residual ? s.residual + VF : NULL;
        if (s.next_x) {
            s.next_x += s.pixels * stride * DEPTHWISE_LINE;
            s.next_y += s.pixels * DEPTHWISE_LINE;
        }
    }
}

/* The vectors of a block ask for the lines of the next one after another, because prefetchers go on
   with lines that follow each other: so many for each pixel, and there must not be others. */
static bool asks(const struct depthwise_band *b)
{
    const ptrdiff_t floats = (b->channels + VF - 1) / VF * DEPTHWISE_LINE;
    return b->asking_columns > 0 && VF == DEPTHWISE_LINE && b->dilation_w == 1 &&
           b->x_column <= floats && b->y_column <= floats;
}

/* What follows the `rows` output rows from `row` on, columns q to q + s->pixels: the next columns,
   or the first of the next rows. Of x that without the columns or rows which these end with. */
static void find_next(const struct depthwise_band *b, struct sweep *s, int row, int rows, int64_t q,
                      int stride)
{
    const bool last = q + s->pixels == b->columns;
    const int left = b->rows - row - rows, later = left > 0 ? left : b->next_rows;
    s->next_x = s->next_y = NULL;
    if (last && later < rows) {
        return; /* or rows of another thread would be among them */
    }
    int64_t next_row = last ? row + rows : row, next_q = last ? 0 : q + s->pixels;
    int64_t h = b->h + next_row * b->stride_h + (3 - stride) * b->dilation_h;
    int64_t w = b->w + next_q * b->stride_w + (last ? 0 : 3 - stride);
    s->next_x = b->x + h * b->x_row + w * b->x_column;
    s->next_y = b->y + next_row * b->y_row + next_q * b->y_column;
}

/* `rows` output rows from `row` of the band on, block by block of columns. */
static void sweep_rows(const struct depthwise_band *b, int row, int rows)
{
    static const float no_bias[VF] = {VF_ALL(-0.0f)}; /* which changes no sum */
    const int stride = (int)(b->stride_w / b->dilation_w);
    const int64_t h = b->h + row * b->stride_h;
    struct sweep s = {
        .x_row = b->dilation_h * b->x_row,
        .x_column = b->dilation_w * b->x_column,
        .w = b->packed_w,
        .bias = b->epilogue->bias ? b->epilogue->bias : no_bias,
        .residual_row = b->residual_row,
        .residual_column = b->residual_column,
        .y_row = b->y_row,
        .y_column = b->y_column,
        .epilogue = *b->epilogue,
        .y_rows = rows,
    };
    for (int i = 0; i < (rows - 1) * stride + 3; i++) {
        s.x_rows |= (uint32_t)((uint64_t)(h + i * b->dilation_h) < (uint64_t)b->H) << i;
    }
    sweep_function *whole = function_for(&s, stride), *any = stride == 1 ? any_1 : any_2;
    const bool far = asks(b);
    const int64_t wanted = far ? b->asking_columns : BLOCK;
    int64_t blocks = (b->columns + wanted - 1) / wanted;
    for (int64_t block = 0; block < blocks; block++) {
        int64_t q = b->columns * block / blocks, w = b->w + q * b->stride_w;
        s.pixels = b->columns * (block + 1) / blocks - q;
        s.real_begin = depthwise_steps(w, b->dilation_w);
        s.real_end = depthwise_steps(w - b->W, b->dilation_w);
        s.x = b->x + h * b->x_row + w * b->x_column;
        s.y = b->y + row * b->y_row + q * b->y_column;
        if (b->residual) {
            s.residual = b->residual + row * b->residual_row + q * b->residual_column;
        }
        if (far) {
            find_next(b, &s, row, rows, q, stride);
        }
        /* the ends are looked at by all functions */
        int64_t ends = stride == 1 ? 2 : 1, columns = (s.pixels - 1) * stride + 3;
        bool inside = s.real_begin <= ends && s.real_end >= columns - 2;
        sweep_channels(b, s, inside ? whole : any, any);
    }
}

void KERNEL(depthwise_3x3)(const struct depthwise_band *b);
void KERNEL(depthwise_3x3)(const struct depthwise_band *b)
{
    int count = (b->rows + ROWS - 1) / ROWS;
    for (int i = 0, row = 0; i < count; i++) {
        int rows = (b->rows - row) / (count - i);
        sweep_rows(b, row, rows);
        row += rows;
    }
}

#endif
