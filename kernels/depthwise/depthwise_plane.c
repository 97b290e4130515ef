/**
 * @file depthwise_plane.c
 * NCHW: some output rows of one channel of a depthwise 3x3 layer. Output columns are the lanes.
 *
 * A register tile is a few output rows of one vector of columns: for each s, the x under tap s is
 * loaded once from each row, and multiplied with the taps that it is under. A sum runs over s, then
 * r, as in depthwise_sweep.c. Tiles follow each other along the rows, as memory does. Where a sum
 * runs over r, then s, depthwise_plane_sweep.c makes it.
 *
 * A lane whose tap is on padding has an x of 0 and a w of -0: the product is -0, which changes no
 * sum, whatever the filter is.
 */
#include "kernels/depthwise/depthwise.h"
#include "kernels/kernel.h"
#include "kernels/tile/tile_finish.h"

#if !DEPTHWISE_ROWS_FIRST

/* Output rows of a tile; seven divide the heights of most networks. */
#define ROWS (VF_REGISTERS == 32 ? 7 : 4)

_Static_assert(ROWS + 9 + 1 <= VF_REGISTERS, "the tile would spill");
_Static_assert(DEPTHWISE_PLANE_ROWS % ROWS == 0, "strips would not be whole tiles");

/* A tile has up to 17 rows of x, more than UNROLL unrolls. */
#define UNROLL_ROWS _Pragma("GCC unroll 32")

/* What a tile is compiled for. */
struct kind {
    int stride;
    bool top, bottom; /* the first, the last row of x is not there */
    bool careful;     /* look at x_rows and y_rows instead */
    bool masked;      /* look at lanes */
};

/* Some output rows of a channel. */
struct band {
    const float *x; /* column 0 of the row under tap 0 of the first output; may be outside */
    ptrdiff_t x_row;
    int64_t w0[3], W, Q; /* column of x under tap s of output column 0; may be outside */
    float *y;            /* column 0 of the first row */
    ptrdiff_t y_row;
    const float *residual; /* NULL: none */
    ptrdiff_t residual_row;
    uint32_t x_rows; /* bit i: row i of x is real input */
    int y_rows;      /* that exist */
    const float *w;
    vf bias;
    struct tile_epilogue epilogue;
};

/* Lanes before the first whose column w + lane * stride is at least `column`. */
ALWAYS_INLINE int lanes_before(int64_t column, int64_t w, const int stride)
{
    return vf_lanes((column - w + stride - 1) / stride);
}

ALWAYS_INLINE vf load_x(const float *p, int begin, int end, const struct kind kind)
{
    if (kind.masked) {
        return vf_load_every(p, kind.stride, begin, end);
    }
    return kind.stride == 2 ? vf_load_even(p) : vf_load(p);
}

/* The lanes whose tap s is on real input, and w there: -0 elsewhere. */
struct taps {
    int64_t column; /* of x under lane 0 */
    int begin, end;
    vf w[3]; /* of each r */
};

ALWAYS_INLINE void taps_of(struct taps taps[3], const struct band *b, const vf w[9], int64_t q,
                           const struct kind kind)
{
    UNROLL for (int s = 0; s < 3; s++)
    {
        const int64_t column = b->w0[s] + q * kind.stride;
        taps[s].column = column;
        taps[s].begin = kind.masked ? lanes_before(0, column, kind.stride) : 0;
        taps[s].end = kind.masked ? lanes_before(b->W, column, kind.stride) : VF;
        UNROLL for (int r = 0; r < 3; r++)
        {
            taps[s].w[r] = kind.masked ? vf_select(vf_lanes_between(taps[s].begin, taps[s].end),
                                                   w[r * 3 + s], vf_broadcast(-0.0f))
                                       : w[r * 3 + s];
        }
    }
}

/* Row i of x under tap s, times the taps that it is under. */
ALWAYS_INLINE void multiply_row(vf acc[ROWS], const struct band *b, const struct taps *taps,
                                const float *row, const int i, const struct kind kind)
{
    const float *p = row + taps->column;
    const vf x = vf_keep(load_x(p, taps->begin, taps->end, kind));
    UNROLL for (int j = 0; j < ROWS; j++)
    {
        const int r = i - j * kind.stride;
        if (r >= 0 && r <= 2 && (!kind.careful || j < b->y_rows)) {
            acc[j] = vf_multiply_add(x, taps->w[r], acc[j]);
        }
    }
}

/* The sums of the columns q ... q + VF - 1, in the order of the ISA's NHWC kernel. */
ALWAYS_INLINE void multiply(vf acc[ROWS], const struct band *b, const vf w[9], int64_t q,
                            const struct kind kind)
{
    const int x_rows = (ROWS - 1) * kind.stride + 3;
    const float *first = b->x + (kind.top ? b->x_row : 0);
    struct taps taps[3];
    taps_of(taps, b, w, q, kind);
    UNROLL for (int s = 0; s < 3; s++)
    {
        const float *row = first;
        UNROLL_ROWS for (int i = kind.top; i < x_rows - kind.bottom; i++, row += b->x_row)
        {
            row = pointer_keep(row);
            if (!kind.careful || (b->x_rows >> i & 1)) {
                multiply_row(acc, b, &taps[s], row, i, kind);
            }
        }
    }
}

/* Bias, residual, activation and store. */
ALWAYS_INLINE void finish(vf acc[ROWS], const struct band *b, int64_t q, const struct kind kind)
{
    const int lanes = kind.masked ? vf_lanes(b->Q - q) : VF;
    UNROLL for (int j = 0; j < ROWS; j++)
    {
        acc[j] += b->bias;
    }
    if (b->residual) {
        const float *residual = b->residual + q;
        UNROLL for (int j = 0; j < ROWS; j++, residual += b->residual_row)
        {
            if (!kind.careful || j < b->y_rows) {
                acc[j] += vf_load_part(residual, lanes);
            }
        }
    }
    if (b->epilogue.clamps || b->epilogue.leaks) {
        UNROLL for (int j = 0; j < ROWS; j++)
        {
            acc[j] = tile_activate(acc[j], &b->epilogue);
        }
    }
    const float *y_row = b->y + q;
    UNROLL for (int j = 0; j < ROWS; j++, y_row += b->y_row)
    {
        float *y = (float *)pointer_keep(y_row);
        if (kind.careful && j >= b->y_rows) {
            break;
        }
        if (lanes == VF) {
            vf_store(y, acc[j]);
        } else {
            vf_store_part(y, acc[j], lanes);
        }
    }
}

ALWAYS_INLINE void work_tile(const struct band *b, const vf w[9], int64_t q, const struct kind kind)
{
    vf acc[ROWS];
    UNROLL for (int j = 0; j < ROWS; j++)
    {
        acc[j] = (vf){0};
    }
    multiply(acc, b, w, q, kind);
    finish(acc, b, q, kind);
}

/* All columns. Where not all lanes are on real input, the tile is a masked one. */
ALWAYS_INLINE void work_band(const struct band *b, const int stride, const bool top,
                             const bool bottom, const bool careful)
{
    const struct kind whole = {stride, top, bottom, careful, false};
    const struct kind masked = {stride, top, bottom, careful, true};
    vf w[9];
    UNROLL for (int t = 0; t < 9; t++)
    {
        w[t] = vf_broadcast(b->w[t * VF]);
    }
    for (int64_t q = 0; q < b->Q; q += VF) {
        const int64_t first = b->w0[0] + q * stride, last = b->w0[2] + (q + VF) * stride;
        if (first >= 0 && last <= b->W && q + VF <= b->Q) {
            work_tile(b, w, q, whole);
        } else {
            work_tile(b, w, q, masked);
        }
    }
}

typedef void band_function(const struct band *b);

/* name, stride, top, bottom, careful */
#define SHAPE(name, ...)                                                                           \
    static void name(const struct band *b)                                                         \
    {                                                                                              \
        work_band(b, __VA_ARGS__);                                                                 \
    }
SHAPE(band_1, 1, false, false, false)
SHAPE(band_1_top, 1, true, false, false)
SHAPE(band_1_bottom, 1, false, true, false)
SHAPE(band_1_both, 1, true, true, false)
SHAPE(band_1_any, 1, false, false, true)
SHAPE(band_2, 2, false, false, false)
SHAPE(band_2_top, 2, true, false, false)
SHAPE(band_2_bottom, 2, false, true, false)
SHAPE(band_2_both, 2, true, true, false)
SHAPE(band_2_any, 2, false, false, true)

static band_function *function_for(const struct band *b, int stride)
{
    static band_function *const whole[2][4] = {
        {band_1, band_1_top, band_1_bottom, band_1_both},
        {band_2, band_2_top, band_2_bottom, band_2_both},
    };
    const uint32_t last = 1u << ((ROWS - 1) * stride + 2), all = 2 * last - 1;
    const uint32_t missing = all & ~b->x_rows;
    if (b->y_rows == ROWS && (missing & ~(1 | last)) == 0) {
        return whole[stride - 1][(missing & 1) + (missing & last ? 2 : 0)];
    }
    return stride == 1 ? band_1_any : band_2_any;
}

/* Channel c of those of `p`. */
static void work_plane(const struct depthwise_planes *p, int64_t c)
{
    const int stride = p->stride;
    const int64_t dilation = p->dilation_h, k = p->k + c;
    const float *x = p->x + c * p->x_plane;
    const float *residual = p->residual ? p->residual + c * p->residual_plane : NULL;
    struct band b = {
        .x_row = dilation * p->x_row,
        .w0 = {p->w, p->w + p->dilation_w, p->w + 2 * p->dilation_w},
        .W = p->W,
        .Q = p->Q,
        .y_row = dilation * p->y_row,
        .residual_row = dilation * p->residual_row,
        .w = p->packed_w + k / VF * VF * 9 + k % VF,
        .bias = vf_broadcast(p->bias ? p->bias[k] : -0.0f), /* which changes no sum */
        .epilogue = *p->epilogue,
    };
    /* outputs of a dilated layer are those of several layers without */
    for (int64_t phase = 0; phase < dilation && phase < p->rows; phase++) {
        for (int64_t row = phase; row < p->rows; row += ROWS * dilation) {
            int64_t h = p->h + row * stride;
            b.x = x + h * p->x_row;
            b.y = p->y + c * p->y_plane + row * p->y_row;
            b.residual = residual ? residual + row * p->residual_row : NULL;
            b.x_rows = 0;
            for (int i = 0; i < (ROWS - 1) * stride + 3; i++, h += dilation) {
                b.x_rows |= (uint32_t)((uint64_t)h < (uint64_t)p->H) << i;
            }
            int64_t rows = (p->rows - row + dilation - 1) / dilation;
            b.y_rows = rows < ROWS ? (int)rows : ROWS;
            function_for(&b, stride)(&b);
        }
    }
}

void KERNEL(depthwise_planes)(const struct depthwise_planes *p);
void KERNEL(depthwise_planes)(const struct depthwise_planes *p)
{
    for (int64_t c = 0; c < p->channels; c++) {
        work_plane(p, c);
    }
}

#endif
