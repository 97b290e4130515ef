/**
 * @file depthwise_sweep.c
 * Depthwise 3x3 with stride 1, in units of its dilation, where there are 32 registers: a sweep down
 * the rows of a few columns of outputs, for one vector of channels, with all nine vectors of w in
 * registers.
 *
 * At each row of x its vectors are loaded, one for each column that the outputs see, and multiplied
 * with all the taps that they are under: those of the outputs that begin there, of those in the
 * middle, and of those that end there, which are then stored. So x is loaded once for all rows of
 * w, and w never again. A sum runs over r, then s.
 *
 *   row i:  output i += w[0][.] x   output i-1 += w[1][.] x   output i-2 += w[2][.] x
 */
#include "kernels/depthwise/depthwise.h"
#include "kernels/kernel.h"
#include "kernels/tile/tile_finish.h"

#if DEPTHWISE_SWEEPS

/* Output columns of a sweep: their 3 sums each, w and a vector of x are in registers. */
#define COLUMNS 4

_Static_assert(COLUMNS * 3 + 9 + 1 <= VF_REGISTERS, "the sweep would spill");

/* What a sweep is compiled for. */
struct kind {
    int columns;      /* of outputs */
    bool left, right; /* the first, the last column of x is not there */
    bool careful;     /* look at x_columns, y_columns, real rows and lanes instead */
};

/* Outputs of some columns, some rows, one vector of channels. A sweep moves on y and residual. */
struct sweep {
    const float *x; /* under the first tap of the first output; may be outside */
    ptrdiff_t x_row, x_column;
    const float *w, *bias;
    float *y;
    ptrdiff_t y_row, y_column;
    const float *residual; /* NULL: none */
    ptrdiff_t residual_row, residual_column;
    struct tile_epilogue epilogue;
    bool is_plain;                /* neither residual nor activation */
    int64_t rows;                 /* of outputs */
    int64_t real_begin, real_end; /* rows of x that are real input, from the first tap on */
    uint32_t x_columns;           /* bit i: column i of x is real input */
    int y_columns;                /* columns of y that exist */
    int lanes;
};

typedef vf sums[COLUMNS][3]; /* of the outputs that begin, go on, end */

ALWAYS_INLINE vf load(const float *p, const int lanes, const struct kind kind)
{
    return kind.careful || VF_MASKED ? vf_load_part(p, lanes) : vf_load(p);
}

ALWAYS_INLINE void store(float *p, vf v, const int lanes, const struct kind kind)
{
    if (kind.careful || VF_MASKED) {
        vf_store_part(p, v, lanes);
    } else {
        vf_store(p, v);
    }
}

/* A row of x, for the outputs that begin there, that are in the middle, that end. */
ALWAYS_INLINE void multiply_row(sums acc, const vf w[9], const struct sweep *b, const float *x,
                                const bool begins, const bool goes_on, const bool ends,
                                const struct kind kind)
{
    UNROLL for (int i = kind.left; i < kind.columns + 2 - kind.right; i++)
    {
        if (kind.careful && !(b->x_columns >> i & 1)) {
            continue;
        }
        const float *p = x + i * b->x_column;
        vf x_vector = load(p, b->lanes, kind);
        UNROLL for (int j = 0; j < kind.columns; j++)
        {
            const int s = i - j;
            if (s < 0 || s > 2 || (kind.careful && j >= b->y_columns)) {
                continue;
            }
            if (begins) {
                acc[j][0] = vf_multiply_add(x_vector, w[s], acc[j][0]);
            }
            if (goes_on) {
                acc[j][1] = vf_multiply_add(x_vector, w[3 + s], acc[j][1]);
            }
            if (ends) {
                acc[j][2] = vf_multiply_add(x_vector, w[6 + s], acc[j][2]);
            }
        }
    }
}

/* Residual and activation: apart, so that those without jump over both at once. */
ALWAYS_INLINE void add_and_activate(sums acc, struct sweep *b, const struct kind kind)
{
    if (b->residual) {
        const float *residual = b->residual;
        b->residual += b->residual_row;
        UNROLL for (int j = 0; j < kind.columns; j++, residual += b->residual_column)
        {
            if (!kind.careful || j < b->y_columns) {
                acc[j][2] += load(residual, b->lanes, kind);
            }
        }
    }
    if (b->epilogue.clamps || b->epilogue.leaks) {
        UNROLL for (int j = 0; j < kind.columns; j++)
        {
            acc[j][2] = tile_activate(acc[j][2], &b->epilogue);
        }
    }
}

/* Bias, residual, activation and store of the outputs that end. */
ALWAYS_INLINE void finish_row(sums acc, struct sweep *b, const struct kind kind)
{
    const vf bias = vf_load(b->bias);
    UNROLL for (int j = 0; j < kind.columns; j++)
    {
        acc[j][2] += bias;
    }
    if (!b->is_plain) {
        add_and_activate(acc, b, kind);
    }
    float *y = b->y;
    b->y += b->y_row;
    UNROLL for (int j = 0; j < kind.columns; j++, y += b->y_column)
    {
        if (!kind.careful || j < b->y_columns) {
            store(y, acc[j][2], b->lanes, kind);
        }
    }
}

/* Each output is one row further on. */
ALWAYS_INLINE void shift(sums acc, const struct kind kind)
{
    UNROLL for (int j = 0; j < kind.columns; j++)
    {
        acc[j][2] = acc[j][1];
        acc[j][1] = acc[j][0];
        acc[j][0] = (vf){0};
    }
}

/* Rows at the ends may be padding; those between only if one is careful. */
ALWAYS_INLINE bool is_real(const struct sweep *b, int64_t row)
{
    return row >= b->real_begin && row < b->real_end;
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
    UNROLL for (int j = 0; j < kind.columns; j++)
    {
        acc[j][0] = acc[j][1] = acc[j][2] = (vf){0};
    }
    const float *x = b.x;
    const int64_t n = b.rows;
    if (is_real(&b, 0)) {
        multiply_row(acc, w, &b, x, true, false, false, kind);
    }
    shift(acc, kind);
    x += b.x_row;
    if (is_real(&b, 1)) {
        if (n > 1) {
            multiply_row(acc, w, &b, x, true, true, false, kind);
        } else {
            multiply_row(acc, w, &b, x, false, true, false, kind);
        }
    }
    shift(acc, kind);
    x += b.x_row;
    for (int64_t i = 2; i < n; i++, x += b.x_row) {
        if (!kind.careful || is_real(&b, i)) {
            multiply_row(acc, w, &b, x, true, true, true, kind);
        }
        finish_row(acc, &b, kind);
        shift(acc, kind);
    }
    if (n > 1) {
        if (is_real(&b, n)) {
            multiply_row(acc, w, &b, x, false, true, true, kind);
        }
        finish_row(acc, &b, kind);
        shift(acc, kind);
        x += b.x_row;
    }
    if (is_real(&b, n + 1)) {
        multiply_row(acc, w, &b, x, false, false, true, kind);
    }
    finish_row(acc, &b, kind);
}

typedef void sweep_function(const struct sweep *b);

/* name, columns, left, right, careful */
#define SHAPE(name, ...)                                                                           \
    static void name(const struct sweep *b)                                                        \
    {                                                                                              \
        sweep(b, (struct kind){__VA_ARGS__});                                                      \
    }
SHAPE(full, COLUMNS, false, false, false)
SHAPE(full_left, COLUMNS, true, false, false)
SHAPE(full_right, COLUMNS, false, true, false)
SHAPE(full_both, COLUMNS, true, true, false)
SHAPE(less, COLUMNS - 1, false, false, false)
SHAPE(less_left, COLUMNS - 1, true, false, false)
SHAPE(less_right, COLUMNS - 1, false, true, false)
SHAPE(less_both, COLUMNS - 1, true, true, false)
SHAPE(any, COLUMNS, false, false, true)

/* Of columns, and what is not there: [the left][the right]. */
static sweep_function *const functions[2][2][2] = {
    {{less, less_right}, {less_left, less_both}},
    {{full, full_right}, {full_left, full_both}},
};

/* The function for these columns, if all rows but those at the ends are real. */
static sweep_function *function_for(const struct sweep *s)
{
    const uint32_t all = (1u << (s->y_columns + 2)) - 1, left = 1, right = (all + 1) / 2;
    const uint32_t missing = all & ~s->x_columns;
    if (s->y_columns < COLUMNS - 1 || (missing & ~(left | right)) > 0) {
        return any;
    }
    return functions[s->y_columns - (COLUMNS - 1)][missing & left][(missing & right) > 0];
}

/* Vector by vector of channels; s is the sweep of the first. */
static void sweep_channels(const struct depthwise_band *b, struct sweep s, sweep_function *whole)
{
    for (int k = 0; k < b->channels; k += VF) {
        s.lanes = b->channels - k < VF ? b->channels - k : VF;
        (s.lanes == VF || VF_MASKED ? whole : any)(&s);
        s.x += VF;
        s.w += 9 * VF;
        s.y += VF;
        s.bias = b->epilogue->bias ? s.bias + VF : s.bias;
        s.residual = s.residual ? s.residual + VF : NULL;
    }
}

void KERNEL(depthwise_sweep)(const struct depthwise_band *b);
void KERNEL(depthwise_sweep)(const struct depthwise_band *b)
{
    static const float no_bias[VF] = {VF_ALL(-0.0f)}; /* which changes no sum */
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
        .rows = b->rows,
        .is_plain = !b->residual && !b->epilogue->clamps && !b->epilogue->leaks,
        .real_begin = depthwise_steps(b->h, b->dilation_h),
        .real_end = depthwise_steps(b->h - b->H, b->dilation_h),
    };
    /* the ends are looked at by all functions */
    const bool inside = s.real_begin <= 2 && s.real_end >= s.rows;
    const int64_t sweeps = (b->columns + COLUMNS - 1) / COLUMNS;
    for (int64_t i = 0, q = 0; i < sweeps; i++, q += s.y_columns) {
        const int64_t w = b->w + q * b->dilation_w;
        s.y_columns = (int)((b->columns - q) / (sweeps - i));
        s.x_columns = 0;
        for (int j = 0; j < s.y_columns + 2; j++) {
            s.x_columns |= (uint32_t)((uint64_t)(w + j * b->dilation_w) < (uint64_t)b->W) << j;
        }
        s.x = b->x + b->h * b->x_row + w * b->x_column;
        s.y = b->y + q * b->y_column;
        s.residual = b->residual ? b->residual + q * b->residual_column : NULL;
        sweep_channels(b, s, inside ? function_for(&s) : any);
    }
}

#endif
