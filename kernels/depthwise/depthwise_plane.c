/**
 * @file depthwise_plane.c
 * NCHW: some output rows of one channel of a depthwise 3x3 layer with stride 1. Output columns are
 * the lanes.
 *
 * A register tile is a few output rows of one vector of columns: for each s, the x under tap s is
 * loaded once from each row, and multiplied with the taps that it is under. A sum runs over s, then
 * r, as in depthwise_sweep.c.
 *
 * A lane whose tap is on padding has an x of 0 and a w of -0: the product is -0, which changes no
 * sum, whatever the filter is.
 */
#include "kernels/depthwise/depthwise.h"
#include "kernels/kernel.h"
#include "kernels/tile/tile_finish.h"

#define ROWS   4
#define X_ROWS (ROWS + 2)

_Static_assert(ROWS + 9 + 1 <= 16, "the tile would spill");

/* What a tile is compiled for. */
struct kind {
    bool masked;  /* some taps of some lanes are on padding, or some lanes do not exist */
    bool careful; /* look at x_rows and y_rows */
};

/* A vector of output columns: what is the same for all rows. */
struct columns {
    const float *x[3]; /* row 0, under tap s of the first lane */
    ptrdiff_t x_row;   /* from a row of taps to the next */
    vf w[9];
    int begin[3], end[3];  /* lanes whose tap s is on real input */
    float *y;              /* row 0 */
    ptrdiff_t y_row;       /* from a row of a tile to the next */
    const float *residual; /* NULL: none */
    ptrdiff_t residual_row;
    int lanes; /* that exist */
    vf bias;
    struct tile_epilogue epilogue;
};

/* Some output rows of it. */
struct rows {
    ptrdiff_t x, y, residual; /* where the first is, from row 0 on */
    uint32_t x_rows;          /* bit i: row i of x is real input */
    int y_rows;               /* that exist */
};

ALWAYS_INLINE int lane_of(int64_t column)
{
    return (int)(column < 0 ? 0 : column > VF ? VF : column);
}

ALWAYS_INLINE void multiply(vf acc[ROWS], const struct columns *c, const struct rows *rows,
                            const struct kind kind)
{
    UNROLL for (int s = 0; s < 3; s++)
    {
        UNROLL for (int i = 0; i < X_ROWS; i++)
        {
            if (kind.careful && !(rows->x_rows >> i & 1)) {
                continue;
            }
            const float *p = c->x[s] + rows->x + i * c->x_row;
            const vf x =
                vf_keep(kind.masked ? vf_load_between(p, c->begin[s], c->end[s]) : vf_load(p));
            UNROLL for (int j = 0; j < ROWS; j++)
            {
                const int r = i - j;
                if (r >= 0 && r <= 2 && (!kind.careful || j < rows->y_rows)) {
                    acc[j] = vf_multiply_add(x, c->w[r * 3 + s], acc[j]);
                }
            }
        }
    }
}

/* Bias, residual, activation and store. */
ALWAYS_INLINE void finish(vf acc[ROWS], const struct columns *c, const struct rows *rows,
                          const struct kind kind)
{
    const int lanes = kind.masked ? c->lanes : VF;
    UNROLL for (int j = 0; j < ROWS; j++)
    {
        if (kind.careful && j >= rows->y_rows) {
            break;
        }
        vf v = acc[j] + c->bias;
        if (c->residual) {
            v += vf_load_part(c->residual + rows->residual + j * c->residual_row, lanes);
        }
        v = tile_activate(v, &c->epilogue);
        if (lanes == VF) {
            vf_store(c->y + rows->y + j * c->y_row, v);
        } else {
            vf_store_part(c->y + rows->y + j * c->y_row, v, lanes);
        }
    }
}

ALWAYS_INLINE void work_tile(const struct columns *c, const struct rows *rows,
                             const struct kind kind)
{
    vf acc[ROWS];
    UNROLL for (int j = 0; j < ROWS; j++)
    {
        acc[j] = (vf){0};
    }
    multiply(acc, c, rows, kind);
    finish(acc, c, rows, kind);
}

/* The vector of columns from q on. */
ALWAYS_INLINE struct columns place_columns(const struct depthwise_plane *b, int64_t q,
                                           const struct kind kind)
{
    struct columns c = {
        .x_row = b->dilation_h * b->x_row,
        .y = b->y + q,
        .y_row = b->dilation_h * b->y_row,
        .residual = b->residual ? b->residual + q : NULL,
        .residual_row = b->dilation_h * b->residual_row,
        .lanes = lane_of(b->Q - q),
        .bias = vf_broadcast(b->epilogue->bias ? *b->epilogue->bias : 0.0f),
        .epilogue = *b->epilogue,
    };
    UNROLL for (int s = 0; s < 3; s++)
    {
        const int64_t w = q + b->w0[s];
        c.x[s] = b->x + w;
        c.begin[s] = lane_of(-w);
        c.end[s] = lane_of(b->W - w);
        const vi real = vf_lanes_between(c.begin[s], c.end[s]);
        UNROLL for (int r = 0; r < 3; r++)
        {
            const vf w_r = vf_broadcast(b->w[(r * 3 + s) * VF]);
            c.w[r * 3 + s] = kind.masked ? vf_select(real, w_r, vf_broadcast(-0.0f)) : w_r;
        }
    }
    return c;
}

/* All rows of one vector of columns. */
ALWAYS_INLINE void work_columns(const struct depthwise_plane *shared, int64_t q, const bool masked)
{
    const struct kind whole = {masked, false}, careful = {masked, true};
    const struct depthwise_plane b = *shared; /* which no store to y can change */
    const struct columns c = place_columns(&b, q, whole);
    const int64_t dilation = b.dilation_h, last = (X_ROWS - 1) * dilation;
    for (int64_t phase = 0; phase < dilation && phase < b.rows; phase++) {
        for (int64_t row = phase; row < b.rows; row += ROWS * dilation) {
            int64_t h = b.h + row;
            struct rows rows = {h * b.x_row, row * b.y_row, row * b.residual_row, 0, 0};
            if (h >= 0 && h + last < b.H && row + (ROWS - 1) * dilation < b.rows) {
                work_tile(&c, &rows, whole);
                continue;
            }
            for (int i = 0; i < X_ROWS; i++, h += dilation) {
                rows.x_rows |= (uint32_t)((uint64_t)h < (uint64_t)b.H) << i;
            }
            for (int64_t i = row; rows.y_rows < ROWS && i < b.rows; i += dilation) {
                rows.y_rows++;
            }
            work_tile(&c, &rows, careful);
        }
    }
}

static void work_whole(const struct depthwise_plane *b, int64_t q)
{
    work_columns(b, q, false);
}

static void work_masked(const struct depthwise_plane *b, int64_t q)
{
    work_columns(b, q, true);
}

void KERNEL(depthwise_plane)(const struct depthwise_plane *b);
void KERNEL(depthwise_plane)(const struct depthwise_plane *b)
{
    for (int64_t q = 0; q < b->Q; q += VF) {
        bool whole = q >= -b->w0[0] && q + VF <= b->W - b->w0[2] && q + VF <= b->Q;
        (whole ? work_whole : work_masked)(b, q);
    }
}
