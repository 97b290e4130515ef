/**
 * @file depthwise_rows.c
 * Depthwise filters of 3, 5 or 7 taps a row with stride 1 or 2, in units of their dilation, where
 * there are 16 registers: tiles of two rows of five outputs, at each place vector of channels by
 * vector of channels, so that x, w and y are read and written in the order of memory. Ten sums are
 * what two multiply-adds a cycle of five cycles each want; tiles of four or three make the widths
 * that five does not divide.
 *
 * Both rows of a tile go through the rows of w together, each with the row of x that it meets, and
 * column by column: a vector of x is multiplied with all the taps that it is under, and the sums of
 * one row wait while the other's run. Which register holds what is settled here: compilers keep
 * sums on the stack. Taps on padding are left out. A sum runs over r, then s.
 */
#include "kernels/depthwise/depthwise.h"
#include "kernels/kernel.h"
#include "kernels/tile/tile_finish.h"

#if DEPTHWISE_ROWS_FIRST

#define ROWS   2 /* outputs of a tile */
#define PIXELS 5

/* A tile has up to 15 columns, and as many products of one. */
#define UNROLL_COLUMNS _Pragma("GCC unroll 16")

_Static_assert(ROWS *PIXELS + ROWS + 3 <= VF_REGISTERS, "the register tile would spill");

/* What a tile is compiled for. */
struct kind {
    int taps; /* of a row of w */
    int stride;
    int rows, pixels; /* of outputs */
    bool loops;       /* rows of w: any, in loops; else as many as taps, one after the other, */
    int top, bottom;  /* but not the first so many for row 0 of outputs, the last for the last */
    int left, right;  /* columns of x that are not there, the first and the last so many, */
    bool edge;        /* or any of those that not all taps see */
    bool ahead;       /* fetch the next tile's x, which may be in no near cache */
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
    bool finishes; /* there is a bias, a residual, or an activation */
};

/* Column of x under the last tap of a tile whose first tap is at column 0. */
ALWAYS_INLINE int last_column(const struct kind kind)
{
    return (kind.pixels - 1) * kind.stride + kind.taps - 1;
}

/* The output of a row that tap s joins with a column of x, or -1. */
ALWAYS_INLINE int output_of(const int s, const int column, const struct kind kind)
{
    const int q = (column - s) / kind.stride;
    const bool whole = column >= s && (column - s) % kind.stride == 0;
    return whole && q < kind.pixels ? q : -1;
}

/* Taps of a row of w that find a register beside the sums and a vector of x for each row. */
ALWAYS_INLINE bool is_kept(const int s, const struct kind kind)
{
    return s < VF_REGISTERS - kind.rows * (kind.pixels + 1);
}

/* Is a column of x under one tap only, whose w is in a register? */
ALWAYS_INLINE bool is_single(const int column, const struct kind kind)
{
    int taps = 0, kept = 0;
    UNROLL for (int s = 0; s < kind.taps; s++)
    {
        taps += output_of(s, column, kind) >= 0;
        kept += output_of(s, column, kind) >= 0 && is_kept(s, kind);
    }
    return taps == 1 && kept == 1 && !kind.careful;
}

/* Rows j0 <= j < j1 of outputs: a column of the rows of x that they meet times a row of w; where
   that column is under one tap, from memory. Sums take turns, or they would wait for themselves. */
ALWAYS_INLINE void multiply_column(vf acc[ROWS][PIXELS], const int j0, const int j1, const float *x,
                                   ptrdiff_t down, const vf w_kept[], const float *w,
                                   const int column, int lanes, const struct kind kind)
{
    const int rows = j1 - j0;
    vf x_vector[ROWS];
    UNROLL for (int j = j0; j < j1; j++)
    {
        if (!is_single(column, kind)) {
            const float *p = x + j * down;
            x_vector[j] = vf_keep(kind.careful ? vf_load_part(p, lanes) : vf_load(p));
        }
    }
    UNROLL_COLUMNS for (int tap = 0; tap < rows * kind.taps; tap++)
    {
        const int s = tap / rows, j = j0 + tap % rows, q = output_of(s, column, kind);
        if (q >= 0) {
            acc[j][q] = is_single(column, kind)
                            ? vf_multiply_add_from(w_kept[s], x + j * down, acc[j][q])
                        : is_kept(s, kind)
                            ? vf_multiply_add_kept(x_vector[j], w_kept[s], acc[j][q])
                            : vf_multiply_add_from(x_vector[j], w + s * VF, acc[j][q]);
        }
    }
}

/* ... all columns. x: under the first tap, row 0 of outputs. `there`: bit i: column i is real
   input. `ahead`: from x to what is fetched, by the rows of outputs from `asks` on. */
ALWAYS_INLINE void multiply_row(vf acc[ROWS][PIXELS], const int j0, const int j1, const float *x,
                                const struct rows *b, const float *w, uint32_t there,
                                ptrdiff_t ahead, int lanes, const struct kind kind)
{
    const ptrdiff_t down = b->x_down;
    vf w_kept[8];
    UNROLL for (int s = 0; s < kind.taps; s++)
    {
        w_kept[s] = is_kept(s, kind) ? vf_keep(vf_load(w + s * VF)) : (vf){0};
    }
    UNROLL_COLUMNS for (int column = 0; column <= last_column(kind); column++)
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
        if (kind.ahead && column >= kind.taps - kind.stride &&
            (column - kind.taps + kind.stride) % 2 == 0) {
            __builtin_prefetch(p + (j1 - 1) * down + ahead, 0, 3);
        }
        multiply_column(acc, j0, j1, p, down, w_kept, w, column, lanes, kind);
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

/* Rows of w, all taken apart, that meet real input. */
ALWAYS_INLINE void multiply_apart(vf acc[ROWS][PIXELS], const struct rows *b, const float *x,
                                  const float *w, uint32_t there, ptrdiff_t ahead, int lanes,
                                  const struct kind kind)
{
    UNROLL for (int r = 0; r < kind.taps; r++, x += b->x_row, w += kind.taps * VF)
    {
        const int j0 = r < kind.top ? 1 : 0;
        const int j1 = r < kind.taps - kind.bottom ? kind.rows : kind.rows - 1;
        there = kind.edge ? bits_keep(there) : there;
        if (j0 < j1) {
            multiply_row(acc, j0, j1, x, b, w, there, ahead, lanes, kind);
        }
    }
}

/* Rows r0 <= r < r1 of w for rows j0 <= j < j1 of outputs. */
ALWAYS_INLINE void multiply_rows(vf acc[ROWS][PIXELS], const int j0, const int j1, int r0, int r1,
                                 const struct rows *b, const float *x, const float *w,
                                 uint32_t there, ptrdiff_t ahead, int lanes, const struct kind kind)
{
    x += r0 * b->x_row;
    w += r0 * kind.taps * VF;
    for (int r = r0; r < r1; r++, x += b->x_row, w += kind.taps * VF) {
        there = kind.edge || kind.careful ? bits_keep(there) : there;
        multiply_row(acc, j0, j1, x, b, w, there, ahead, lanes, kind);
    }
}

/* The sums: rows of w that meet padding in one row of outputs are multiplied for the other only. */
ALWAYS_INLINE void multiply(vf acc[ROWS][PIXELS], const struct rows *b, const float *x,
                            const float *w, uint32_t there, ptrdiff_t ahead, int lanes,
                            const struct kind kind)
{
    const int *begin = b->begin, *end = b->end;
    if (!kind.loops) {
        multiply_apart(acc, b, x, w, there, ahead, lanes, kind);
        return;
    }
    if (kind.rows == 1) {
        multiply_rows(acc, 0, 1, begin[0], end[0], b, x, w, there, ahead, lanes, kind);
        return;
    }
    multiply_rows(acc, 1, 2, begin[1], least(begin[0], end[1]), b, x, w, there, ahead, lanes, kind);
    multiply_rows(acc, 0, 2, begin[0], end[1], b, x, w, there, ahead, lanes, kind);
    multiply_rows(acc, 0, 1, most(begin[0], end[1]), end[0], b, x, w, there, ahead, lanes, kind);
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
                             uint32_t there, const struct kind kind)
{
    const float *x = b->x + q * kind.stride * b->x_column;
    float *y = b->y + q * b->y_column;
    const ptrdiff_t filter = (ptrdiff_t)b->filter_rows * kind.taps;
    for (int k = 0; kind.careful ? k < b->channels : k + VF <= b->channels; k += VF) {
        const int lanes = b->channels - k < VF ? b->channels - k : VF;
        /* two vectors share a line: each asks for every other column */
        const ptrdiff_t ahead =
            kind.pixels * kind.stride * b->x_column + (k & VF ? b->x_column : 0);
        vf acc[ROWS][PIXELS];
        UNROLL for (int i = 0; i < kind.rows * kind.pixels; i++)
        {
            acc[i / kind.pixels][i % kind.pixels] = (vf){0};
        }
        multiply(acc, b, x + k, b->w + k * filter, there, ahead, lanes, kind);
        if (b->finishes) {
            finish(acc, rows_keep(shared), q, k, lanes, kind);
        }
        store(acc, b, y + k, lanes, kind);
    }
}

/* Columns at, at + 1, ... that are real input: bit i for the i-th, the first 32. */
static uint32_t real_columns(const struct rows *b, int64_t at)
{
    uint64_t all = UINT32_MAX;
    const int64_t before = b->real_begin - at, in = b->real_end - at;
    all = before <= 0 ? all : before >= 32 ? 0 : all >> before << before;
    return (uint32_t)(in >= 32 ? all : in <= 0 ? 0 : all & ((UINT64_C(1) << in) - 1));
}

/* The tile of some outputs from q on. `there`: real_columns. */
ALWAYS_INLINE void work_pixels(const struct rows *b, const struct rows *shared, int64_t q,
                               int64_t pixels, uint32_t there, const struct kind kind)
{
    struct kind five = kind, four = kind, three = kind;
    five.pixels = PIXELS;
    four.pixels = PIXELS - 1;
    three.pixels = PIXELS - 2;
    if (pixels == PIXELS) {
        work_tile(b, shared, q, there, five);
    } else if (pixels == PIXELS - 1) {
        work_tile(b, shared, q, there, four);
    } else {
        work_tile(b, shared, q, there, three);
    }
}

/* A tile that only some kinds of rows come to: of a function of its own. */
typedef void tile_function(const struct rows *rows, int64_t q, int64_t pixels, uint32_t there);

struct tiles {
    tile_function *edge;                 /* any columns missing */
    tile_function *one_output, *outputs; /* ... of one row, with any lanes: one output, PIXELS */
};

/* Row by row, a few outputs or one: columns q0 <= q < q1, channels from k on. For what other tiles
   do not do: padding on which whole filters lie, outputs that are no tile, channels that fill no
   vector. */
ALWAYS_INLINE void work_outputs(const struct rows *all, const struct tiles *tiles, int64_t q0,
                                int64_t q1, int k, int channels, const struct kind kind)
{
    struct rows b = *all;
    b.w += (ptrdiff_t)k * b.filter_rows * kind.taps;
    b.bias = b.bias ? b.bias + k : NULL;
    b.channels = channels;
    for (int j = 0; j < kind.rows; j++) {
        b.x = all->x + k + j * b.x_down;
        b.y = all->y + k + j * b.y_row;
        b.residual = b.residual ? all->residual + k + j * b.residual_row : NULL;
        b.begin[0] = all->begin[j];
        b.end[0] = all->end[j];
        for (int64_t q = q0, pixels; q < q1; q += pixels) {
            pixels = q1 - q >= PIXELS ? PIXELS : 1;
            tile_function *tile = pixels == 1 ? tiles->one_output : tiles->outputs;
            tile(&b, q, pixels, real_columns(&b, q * kind.stride));
        }
    }
}

/* A tile at an end of rows, where so many columns are missing, at most `missing`; or one at both
   ends, of a narrow layer. */
ALWAYS_INLINE void work_end(const struct rows *b, const struct rows *shared, int64_t q,
                            int64_t pixels, int64_t left, int64_t right, const int missing,
                            const struct kind kind)
{
#define END(l, r)                                                                                  \
    if ((l) <= missing && (r) <= missing && left == (l) && right == (r)) {                         \
        struct kind end = kind;                                                                    \
        end.left = l;                                                                              \
        end.right = r;                                                                             \
        end.ahead = false;                                                                         \
        work_pixels(b, shared, q, pixels, UINT32_MAX, end);                                        \
        return;                                                                                    \
    }
    END(1, 0)
    END(2, 0)
    END(0, 1)
    END(0, 2)
    END(1, 1)
#undef END
}

/* Tiles of PIXELS, or some of one less to make them alike. */
ALWAYS_INLINE void work_rows(const struct rows *shared, const struct tiles *special,
                             const int missing, const struct kind kind)
{
    const struct rows b = *shared; /* which no store to y can change */
    const int whole = b.channels / VF * VF;
    const int64_t tiles = whole > 0 ? (b.pixels + PIXELS - 1) / PIXELS : 0;
    const int64_t fewest = tiles > 0 ? b.pixels / tiles : 0, wide = b.pixels - tiles * fewest;
    for (int64_t i = 0, q = 0, pixels; i < tiles; i++, q += pixels) {
        pixels = fewest + (i < wide);
        const int64_t at = q * kind.stride, end = at + (pixels - 1) * kind.stride + kind.taps;
        const int64_t left = b.real_begin > at ? b.real_begin - at : 0;
        const int64_t right = end > b.real_end ? end - b.real_end : 0;
        if (pixels < PIXELS - 2 || left >= kind.taps || right >= kind.taps) {
            work_outputs(shared, special, q, q + pixels, 0, whole, kind);
        } else if (left + right == 0) {
            work_pixels(&b, shared, q, pixels, UINT32_MAX, kind);
        } else if (left > missing || right > missing || left + right > 2) {
            special->edge(shared, q, pixels, real_columns(shared, at));
        } else {
            work_end(&b, shared, q, pixels, left, right, missing, kind);
        }
    }
    if (whole < b.channels) {
        work_outputs(shared, special, 0, b.pixels, whole, b.channels - whole, kind);
    }
}

#define TILE(name, ...)                                                                            \
    static void name(const struct rows *b, int64_t q, int64_t pixels, uint32_t there)              \
    {                                                                                              \
        (void)pixels;                                                                              \
        work_tile(b, b, q, there, (struct kind){__VA_ARGS__});                                     \
    }
#define EDGE(name, ...)                                                                            \
    static void name(const struct rows *shared, int64_t q, int64_t pixels, uint32_t there)         \
    {                                                                                              \
        const struct rows b = *shared;                                                             \
        work_pixels(&b, shared, q, pixels, there, (struct kind){__VA_ARGS__});                     \
    }
/* name, taps and stride together, taps, stride, rows of outputs, columns missing */
#define FUNCTION(name, n, taps, stride, height, missing, ...)                                      \
    static void name##_##n(const struct rows *rows)                                                \
    {                                                                                              \
        work_rows(rows, &special_##height##_##n, missing,                                          \
                  (struct kind){taps, stride, height, 0, .ahead = (stride) == 2, __VA_ARGS__});    \
    }
#define LOOPS(n, taps, stride)                                                                     \
    TILE(one_output_##n, taps, stride, 1, 1, .loops = true, .careful = true)                       \
    TILE(outputs_##n, taps, stride, 1, PIXELS, .loops = true, .careful = true)                     \
    EDGE(edge_1_##n, taps, stride, 1, .loops = true, .edge = true)                                 \
    EDGE(edge_2_##n, taps, stride, 2, .loops = true, .edge = true)                                 \
    static const struct tiles special_1_##n = {edge_1_##n, one_output_##n, outputs_##n};           \
    static const struct tiles special_2_##n = {edge_2_##n, one_output_##n, outputs_##n};           \
    FUNCTION(one, n, taps, stride, 1, 0, .loops = true)                                            \
    FUNCTION(two, n, taps, stride, 2, 0, .loops = true)
#define APART_3(n, stride)                                                                         \
    FUNCTION(one_whole, n, 3, stride, 1, 1, )                                                      \
    FUNCTION(one_top, n, 3, stride, 1, 1, .top = 1)                                                \
    FUNCTION(one_bottom, n, 3, stride, 1, 1, .bottom = 1)                                          \
    FUNCTION(two_whole, n, 3, stride, 2, 1, )                                                      \
    FUNCTION(two_top, n, 3, stride, 2, 1, .top = 1)                                                \
    FUNCTION(two_bottom, n, 3, stride, 2, 1, .bottom = 1)
LOOPS(3_1, 3, 1)
LOOPS(3_2, 3, 2)
LOOPS(5_1, 5, 1)
LOOPS(5_2, 5, 2)
LOOPS(7_1, 7, 1)
LOOPS(7_2, 7, 2)
APART_3(3_1, 1)
APART_3(3_2, 2)
FUNCTION(two_whole, 5_1, 5, 1, 2, 2, )
FUNCTION(two_whole, 5_2, 5, 2, 2, 2, )

/* Rows of outputs that meet: any rows of x; real input only; or all but the first, or the last. */
enum choice { ANY, WHOLE, TOP, BOTTOM, CHOICES };

typedef void rows_function(const struct rows *rows);

/* By taps, stride, rows, and choice. */
/* clang-format off */
#define OF_3(n) {{one_##n, one_whole_##n, one_top_##n, one_bottom_##n}, \
                 {two_##n, two_whole_##n, two_top_##n, two_bottom_##n}}
#define OF_5(n) {{one_##n, one_##n, one_##n, one_##n}, {two_##n, two_whole_##n, two_##n, two_##n}}
#define OF_7(n) {{one_##n, one_##n, one_##n, one_##n}, {two_##n, two_##n, two_##n, two_##n}}
static rows_function *const functions[3][2][ROWS][CHOICES] = {
    {OF_3(3_1), OF_3(3_2)},
    {OF_5(5_1), OF_5(5_2)},
    {OF_7(7_1), OF_7(7_2)},
};
/* clang-format on */

static enum choice choice_for(const struct rows *b, int rows, int taps)
{
    const int R = b->filter_rows, above = b->begin[0], below = R - b->end[rows - 1];
    if (R != taps || (rows == 2 && (b->begin[1] > 0 || b->end[0] < R))) {
        return ANY;
    }
    return above + below == 0         ? WHOLE
           : above == 1 && below == 0 ? TOP
           : above == 0 && below == 1 ? BOTTOM
                                      : ANY;
}

/* First i >= 0 with at + i * step >= 0. */
static int64_t steps_to(int64_t at, int64_t step)
{
    return at >= 0 ? 0 : (-at + step - 1) / step;
}

bool KERNEL(depthwise_rows_fit)(const struct depthwise_band *band);
bool KERNEL(depthwise_rows_fit)(const struct depthwise_band *b)
{
    return b->Cg == 1 && b->Kg == 1 && (b->S == 3 || b->S == 5 || b->S == 7) &&
           (b->stride_w == b->dilation_w || b->stride_w == 2 * b->dilation_w);
}

void KERNEL(depthwise_rows)(const struct depthwise_band *band);
void KERNEL(depthwise_rows)(const struct depthwise_band *band)
{
    const struct depthwise_band *d = band;
    const int stride = (int)(d->stride_w / d->dilation_w);
    struct rows b = {
        .x_row = d->dilation_h * d->x_row,
        .x_down = d->stride_h * d->x_row,
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
        .filter_rows = d->R,
        .channels = d->channels,
        .finishes = d->epilogue->bias || d->residual || d->epilogue->clamps || d->epilogue->leaks,
    };
    for (int row = 0, rows; row < d->rows; row += rows) {
        rows = d->rows - row < ROWS ? d->rows - row : ROWS;
        for (int j = 0; j < rows; j++) {
            const int64_t h = d->h + (row + j) * d->stride_h;
            const int64_t begin = steps_to(h, d->dilation_h), end = steps_to(h - d->H, d->dilation_h);
            b.begin[j] = begin < d->R ? (int)begin : d->R;
            b.end[j] = end < d->R ? (int)end : d->R;
        }
        b.x = d->x + (d->h + row * d->stride_h) * d->x_row + d->w * d->x_column;
        b.y = d->y + row * d->y_row;
        b.residual = d->residual ? d->residual + row * d->residual_row : NULL;
        functions[d->S / 2 - 1][stride - 1][rows - 1][choice_for(&b, rows, d->S)](&b);
    }
}

#endif
