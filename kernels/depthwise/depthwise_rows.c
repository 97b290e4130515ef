/**
 * @file depthwise_rows.c
 * Depthwise filters of 3, 5 or 7 taps a row with stride 1 or 2 along it, in units of its dilation,
 * where there are fused products: which tiles of depthwise_rows_tile.h make two rows of outputs.
 *
 *   for each two rows of outputs          what meets padding: compiled for, or found out
 *       for each tile of their columns    likewise
 *           for each vector of channels: x, w and y are read and written in the order of memory
 */
#include "kernels/depthwise/depthwise.h"
#include "kernels/kernel.h"
#include "kernels/simd.h"

#if DEPTHWISE_TILES_OF_ROWS
#include "kernels/depthwise/depthwise_rows_tile.h"

/* Columns at, at + 1, ... that are real input: bit i for the i-th, the first 32. */
static uint32_t real_columns(const struct rows *b, int64_t at)
{
    uint64_t all = UINT32_MAX;
    const int64_t before = b->real_begin - at, in = b->real_end - at;
    all = before <= 0 ? all : before >= 32 ? 0 : all >> before << before;
    return (uint32_t)(in >= 32 ? all : in <= 0 ? 0 : all & ((UINT64_C(1) << in) - 1));
}

/* A tile that only some kinds of rows come to: of a function of its own. */
typedef void tile_function(const struct rows *rows, int64_t q, int64_t pixels, uint32_t there);

struct tiles {
    tile_function *edge;                 /* any columns missing */
    tile_function *part;                 /* ... of the channels that fill no vector */
    tile_function *one_output, *outputs; /* ... of one row, with any lanes: one output, PIXELS */
};

/* Row by row, a few outputs or one: columns q0 <= q < q1, all channels. For what other tiles do not
   do: padding on which whole filters lie, outputs that are no tile. */
ALWAYS_INLINE void work_outputs(const struct rows *all, const struct tiles *tiles, int64_t q0,
                                int64_t q1, const struct kind kind)
{
    struct rows b = *all;
    for (int j = 0; j < kind.rows; j++) {
        b.x = all->x + j * b.x_down;
        b.y = all->y + j * b.y_row;
        b.residual = b.residual ? all->residual + j * b.residual_row : NULL;
        b.begin[0] = all->begin[j];
        b.end[0] = all->end[j];
        for (int64_t q = q0, pixels; q < q1; q += pixels) {
            pixels = q1 - q >= PIXELS ? PIXELS : 1;
            tile_function *tile = pixels == 1 ? tiles->one_output : tiles->outputs;
            tile(&b, q, pixels, real_columns(&b, q * kind.stride));
        }
    }
}

/* A place in two rows of outputs. */
struct place {
    int64_t tile, tiles;  /* its number, and of how many */
    int64_t fewest, wide; /* outputs of a tile, of which the first `wide` have one more */
    int64_t q, pixels;
    int64_t left, right; /* columns of x that are missing */
};

/* As few tiles as PIXELS allow, and as alike as possible. */
ALWAYS_INLINE struct place first_place(const struct rows *b)
{
    const int64_t tiles = (b->pixels + PIXELS - 1) / PIXELS, fewest = b->pixels / tiles;
    return (struct place){-1, tiles, fewest, b->pixels - tiles * fewest, 0, 0, 0, 0};
}

ALWAYS_INLINE bool next_place(struct place *p, const struct rows *b, const struct kind kind)
{
    p->tile++;
    p->q += p->pixels;
    p->pixels = p->fewest + (p->tile < p->wide);
    const int64_t at = p->q * kind.stride, end = at + (p->pixels - 1) * kind.stride + kind.taps;
    p->left = b->real_begin > at ? b->real_begin - at : 0;
    p->right = end > b->real_end ? end - b->real_end : 0;
    return p->tile < p->tiles;
}

/* Is a place one for the tiles? */
ALWAYS_INLINE bool is_tile(const struct place *p, const struct kind kind)
{
    return p->pixels >= LEAST && p->left < kind.taps && p->right < kind.taps;
}

/* A tile where so many columns are missing, if that is so here. */
#define END(sums, l, r)                                                                            \
    else if (p.left == (l) && p.right == (r))                                                      \
    {                                                                                              \
        struct kind end = kind;                                                                    \
        end.left = l;                                                                              \
        end.right = r;                                                                             \
        work_pixels_##sums(&b, shared, p.q, p.pixels, UINT32_MAX, end);                            \
    }
#define NO_ENDS(sums)
#define ENDS_3(sums) END(sums, 1, 0) END(sums, 0, 1) END(sums, 1, 1)
#define ENDS_5(sums) END(sums, 1, 0) END(sums, 2, 0) END(sums, 0, 1) END(sums, 0, 2)
/* All tiles of one or two rows of outputs. b: a copy that no store to y can change. */
#define FUNCTION(name, special, sums, ends, ...)                                                   \
    static void name(const struct rows *shared)                                                    \
    {                                                                                              \
        const struct kind kind = {__VA_ARGS__};                                                    \
        const struct rows b = *shared;                                                             \
        for (struct place p = first_place(&b); next_place(&p, &b, kind);) {                        \
            if (!is_tile(&p, kind)) {                                                              \
                work_outputs(shared, &special, p.q, p.q + p.pixels, kind);                         \
                continue;                                                                          \
            }                                                                                      \
            const uint32_t there = real_columns(&b, p.q * kind.stride);                            \
            if (p.left + p.right == 0) {                                                           \
                work_pixels_##sums(&b, shared, p.q, p.pixels, UINT32_MAX, kind);                   \
            }                                                                                      \
            ends(sums) else                                                                        \
            {                                                                                      \
                special.edge(shared, p.q, p.pixels, there);                                        \
            }                                                                                      \
            if (b.channels % VF > 0) {                                                             \
                special.part(shared, p.q, p.pixels, there);                                        \
            }                                                                                      \
        }                                                                                          \
    }
#define TILE(name, ...)                                                                            \
    static void name(const struct rows *b, int64_t q, int64_t pixels, uint32_t there)              \
    {                                                                                              \
        (void)pixels;                                                                              \
        work_tile_one_any(b, b, q, there, (struct kind){__VA_ARGS__});                             \
    }
#define EDGE(name, sums, ...)                                                                      \
    static void name(const struct rows *shared, int64_t q, int64_t pixels, uint32_t there)         \
    {                                                                                              \
        const struct rows b = *shared;                                                             \
        work_pixels_##sums(&b, shared, q, pixels, there, (struct kind){__VA_ARGS__});              \
    }
/* Any rows of w. */
#define ANY_ROWS(n, taps, stride)                                                                  \
    TILE(one_output_##n, taps, stride, 1, 1, .careful = true)                                      \
    TILE(outputs_##n, taps, stride, 1, PIXELS, .careful = true)                                    \
    EDGE(edge_1_##n, one_any, taps, stride, 1, .edge = true)                                       \
    EDGE(edge_2_##n, two_any, taps, stride, 2, .edge = true)                                       \
    EDGE(part_1_##n, one_any, taps, stride, 1, .edge = true, .part = true)                         \
    EDGE(part_2_##n, two_any, taps, stride, 2, .edge = true, .part = true)                         \
    static const struct tiles special_1_##n = {edge_1_##n, part_1_##n, one_output_##n,             \
                                               outputs_##n};                                       \
    static const struct tiles special_2_##n = {edge_2_##n, part_2_##n, one_output_##n,             \
                                               outputs_##n};                                       \
    FUNCTION(one_##n, special_1_##n, one_any, NO_ENDS, taps, stride, .rows = 1)                    \
    FUNCTION(two_##n, special_2_##n, two_any, NO_ENDS, taps, stride, .rows = 2)
/* Three rows, or five, of w. */
#define APART_3(name, n, stride, height, ...)                                                      \
    FUNCTION(name##_##n, special_##height##_##n, apart, ENDS_3, 3, stride, .rows = height,         \
             __VA_ARGS__)
#define APART_5(name, n, stride, ...)                                                              \
    FUNCTION(name##_##n, special_2_##n, apart, ENDS_5, 5, stride, .rows = 2, __VA_ARGS__)
/* One row of seven outputs has sums enough to be quick by any rows of w. */
#if PIXELS == 7
#define ONE_3(n, stride)
#define OF_ONE_3(n)                                                                                \
    {                                                                                              \
        one_##n, one_##n, one_##n, one_##n, one_##n, one_##n                                       \
    }
#else
#define ONE_3(n, stride)                                                                           \
    APART_3(one_whole, n, stride, 1, )                                                             \
    APART_3(one_top, n, stride, 1, .top = 1)                                                       \
    APART_3(one_bottom, n, stride, 1, .bottom = 1)
#define OF_ONE_3(n)                                                                                \
    {                                                                                              \
        one_##n, one_whole_##n, one_asking_##n, one_asking_##n, one_top_##n, one_bottom_##n        \
    }
#endif
#define ALL_3(n, stride)                                                                           \
    ANY_ROWS(n, 3, stride)                                                                         \
    ONE_3(n, stride)                                                                               \
    APART_3(two_whole, n, stride, 2, )                                                             \
    APART_3(two_top, n, stride, 2, .top = 1)                                                       \
    APART_3(two_bottom, n, stride, 2, .bottom = 1)
ALL_3(3_1, 1)
ALL_3(3_2, 2)
ANY_ROWS(5_1, 5, 1)
ANY_ROWS(5_2, 5, 2)
APART_5(two_whole, 5_1, 1, )
APART_5(two_whole, 5_2, 2, )
ANY_ROWS(7_1, 7, 1)
ANY_ROWS(7_2, 7, 2)
/* Ask for lines of x that come from afar; and, two rows at a time, for the next rows of x and y,
   which come from memory. With AVX-512 asking for x and y of the next place took 1.0 to 1.08 of the
   time beyond L2 and more in it. */
#define one_asking_3_1 one_whole_3_1 /* tiles of one row are for stride 2 */
#if VF == 8 && PIXELS == 5
APART_3(one_asking, 3_2, 2, 1, .asks = true)
APART_3(two_asking, 3_1, 1, 2, .asks = true)
APART_3(two_asking, 3_2, 2, 2, .asks = true)
APART_5(two_asking, 5_1, 1, .asks = true)
APART_5(two_asking, 5_2, 2, .asks = true)
APART_3(two_asking_rows, 3_1, 1, 2, .asks = true, .asks_rows = true)
APART_3(two_asking_rows, 3_2, 2, 2, .asks = true, .asks_rows = true)
APART_5(two_asking_rows, 5_1, 1, .asks = true, .asks_rows = true)
APART_5(two_asking_rows, 5_2, 2, .asks = true, .asks_rows = true)
#else
#define one_asking_3_2      one_whole_3_2
#define two_asking_3_1      two_whole_3_1
#define two_asking_3_2      two_whole_3_2
#define two_asking_5_1      two_whole_5_1
#define two_asking_5_2      two_whole_5_2
#define two_asking_rows_3_1 two_whole_3_1
#define two_asking_rows_3_2 two_whole_3_2
#define two_asking_rows_5_1 two_whole_5_1
#define two_asking_rows_5_2 two_whole_5_2
#endif

/* Rows of outputs that meet any rows of x; real input only: and ask for nothing, x, or rows of x
   and y; or all but the first row of x, or the last. */
enum choice { ANY, WHOLE, ASKING, ASKING_ROWS, TOP, BOTTOM, CHOICES };

typedef void rows_function(const struct rows *rows);

/* By taps, stride, rows, and choice. */
/* clang-format off */
#define OF_3(n) {OF_ONE_3(n), \
                 {two_##n, two_whole_##n, two_asking_##n, two_asking_rows_##n, two_top_##n, \
                  two_bottom_##n}}
#define OF_5(n) {{one_##n, one_##n, one_##n, one_##n, one_##n, one_##n}, \
                 {two_##n, two_whole_##n, two_asking_##n, two_asking_rows_##n, two_##n, two_##n}}
#define OF_7(n) {{one_##n, one_##n, one_##n, one_##n, one_##n, one_##n}, \
                 {two_##n, two_##n, two_##n, two_##n, two_##n, two_##n}}
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
    return above + below == 0         ? b->asks_rows ? ASKING_ROWS
                                        : b->asks    ? ASKING
                                                     : WHOLE
           : above == 1 && below == 0 ? TOP
           : above == 0 && below == 1 ? BOTTOM
                                      : ANY;
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
        .real_begin = depthwise_steps(d->w, d->dilation_w),
        .real_end = depthwise_steps(d->w - d->W, d->dilation_w),
        .filter_rows = d->R,
        .channels = d->channels,
        .finishes = d->epilogue->bias || d->residual || d->epilogue->clamps || d->epilogue->leaks,
        .asks = d->asks_for_x,
        .asks_rows = d->asks_for_rows && d->x_column == d->channels && d->y_column == d->channels,
        .next_row = d->x_row,
    };
    for (int row = 0, rows; row < d->rows; row += rows) {
        rows = d->rows - row < ROWS ? d->rows - row : ROWS;
        for (int j = 0; j < rows; j++) {
            const int64_t h = d->h + (row + j) * d->stride_h;
            const int64_t begin = depthwise_steps(h, d->dilation_h);
            const int64_t end = depthwise_steps(h - d->H, d->dilation_h);
            b.begin[j] = begin < d->R ? (int)begin : d->R;
            b.end[j] = end < d->R ? (int)end : d->R;
        }
        b.x = d->x + (d->h + row * d->stride_h) * d->x_row + d->w * d->x_column;
        b.y = d->y + row * d->y_row;
        b.residual = d->residual ? d->residual + row * d->residual_row : NULL;
        if (b.asks_rows) {
            b.next_x = b.x + (rows - 1) * b.x_down + (d->R - 1) * b.x_row + d->x_row;
            b.next_rows = rows * d->stride_h;
        }
        functions[d->S / 2 - 1][stride - 1][rows - 1][choice_for(&b, rows, d->S)](&b);
    }
}

#endif
