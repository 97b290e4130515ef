/**
 * @file depthwise_plane_columns.c
 * NCHW: which sweeps make the columns of some rows of a depthwise layer, and the loops around them.
 *
 *   for each few columns                   what of them is on padding is the same for all
 *       for each block of channels and rows                                  <- in cache
 *           for each sweep: depthwise_plane_sweep.c                          <- registers
 */
#include "kernels/depthwise/depthwise_plane_sweep.h"
#include "kernels/kernel.h"

/* Ceiling of n / stride, which is 1 or 2. */
static int64_t in_strides(int64_t n, int stride)
{
    return stride == 1 ? n : (n + 1) >> 1;
}

/* The masks of the first vector or the last, whose column 0 has its first tap at column w of x; of
   a pair both halves are alike, and with stride 2 what is loaded second is of the other channel. */
static void set_masks(struct masks *m, const struct depthwise_planes *p, int side, int64_t w,
                      bool pair)
{
    const int taps = p->taps, stride = p->stride;
    for (int i = 0; i < (stride == 1 ? taps : taps + 1); i++) {
        const int64_t column =
            w + (stride == 1 ? i * p->dilation_w : (i / 2 * 2 + (int64_t)(i % 2) * VF));
        const vi row = vf_lanes_between(vf_lanes(-column), vf_lanes(p->W - column));
        const vi mask = pair && stride == 1 ? vi_repeat_half(row) : row;
        memcpy(m->x[side][i], &mask, sizeof mask);
    }
    for (int i = 0; i < taps; i++) {
        const int64_t column = w + i * p->dilation_w;
        const vi row = vf_lanes_between(vf_lanes(in_strides(-column, stride)),
                                        vf_lanes(in_strides(p->W - column, stride)));
        const vf lanes = (vf)(pair ? vi_repeat_half(row) : row);
        const vf mask = stride == 2 ? vf_reorder(lanes) : lanes;
        const vi minus = ~(vi)mask & (vi)vf_broadcast(-0.0f);
        memcpy(m->w[side][i], &mask, sizeof mask);
        memcpy(m->minus[side][i], &minus, sizeof minus);
    }
}

/* Columns on which the taps of a vector from column q on are, as far as that is known when a sweep
   is compiled: all on real input; some of the first, or of the last, on padding; or anything. */
enum place { INSIDE, LEFT, RIGHT, ANYWHERE };

static enum place place_of(const struct depthwise_planes *p, int64_t q)
{
    const int64_t middle = p->taps / 2 * p->dilation_w, w = p->w + q * p->stride;
    const int64_t last = w + 2 * middle + (VF - 1) * p->stride;
    const int64_t reach = p->stride == 2 ? 1 : 0; /* that is loaded behind the last tap */
    const bool left = w >= 0, right = last + reach < p->W;
    if (left && right) {
        return INSIDE;
    }
    if (right) {
        return w + middle >= 0 ? LEFT : ANYWHERE;
    }
    return left && last - middle < p->W ? RIGHT : ANYWHERE; /* what else is loaded is masked */
}

/* What one sweep makes of a row. */
struct columns {
    int64_t first, last, end; /* of the vectors, of what follows */
    sweep_function *function;
    int lanes;
    struct masks masks;
};

/* How many vectors a sweep takes of those that are left: as many as it can, but no single one is
   left if that can be helped. */
static int vectors_of(int64_t left, int most)
{
    return left <= most ? (int)left : left == most + 1 && most > 2 ? most - 1 : most;
}

/* Those from column q on. */
static void choose_columns(struct columns *c, const struct depthwise_planes *p,
                           const struct sweeps *sweeps, int64_t q)
{
    /* The last vector ends where the rows end: some of it is done twice. A residual may be y. */
    const bool again = p->Q >= VF && !p->residual;
    const int64_t last = p->Q - VF;
    const int64_t left = again ? (p->Q - q + VF - 1) / VF : (p->Q - q) / VF;
    int vectors = vectors_of(left, sweeps->most);
    c->first = again && q > last ? last : q;
    c->lanes = vf_lanes(p->Q - c->first);
    const enum place at = c->first <= last ? place_of(p, c->first) : ANYWHERE;
    if (at != INSIDE) {
        set_masks(&c->masks, p, 0, p->w + c->first * p->stride, false);
    }
    for (; vectors > 1 && (at == INSIDE || at == LEFT); vectors--) {
        c->last = c->first + (vectors - 1) * VF;
        c->last = again && c->last > last ? last : c->last;
        const enum place end = place_of(p, c->last);
        const bool between = vectors == 2 || (place_of(p, c->first + VF) == INSIDE &&
                                              place_of(p, c->first + (vectors - 2) * VF) == INSIDE);
        if (between && (end == INSIDE || end == RIGHT)) {
            if (end == RIGHT) {
                set_masks(&c->masks, p, 1, p->w + c->last * p->stride, false);
            }
            c->function = sweeps->several[vectors - 2][at == LEFT][end == RIGHT];
            c->end = c->last + VF;
            return;
        }
    }
    const bool one = at == INSIDE || at == RIGHT;
    c->last = c->first;
    c->function = one ? sweeps->one[at == RIGHT] : sweeps->masked;
    c->end = c->first + c->lanes;
}

/* Of rows of less than a vector: how many can be stored as a whole one, because only such outputs
   are behind them that are stored later. */
static int64_t whole_rows(const struct depthwise_planes *p, int64_t first, int64_t rows,
                          ptrdiff_t y_row)
{
    const int64_t behind = rows * p->Q - first - VF;
    return y_row == p->Q && !p->residual && behind >= 0 ? behind / p->Q + 1 : 0;
}

/* Sweeps of one row of outputs that are looked for together, so many columns at most. */
#define COLUMNS_MAX 16

/* Rows `row` ..., `step` apart, of some channels. */
static void sweep_block(const struct depthwise_planes *p, const struct columns *columns, int count,
                        int64_t row, int64_t rows, int64_t step, int64_t c, int64_t channels)
{
    const int64_t h = p->h + row * p->stride;
    const float *x = p->x + c * p->x_plane + h * p->x_row + p->w;
    const float *residual =
        p->residual ? p->residual + c * p->residual_plane + row * p->residual_row : NULL;
    float *y = p->y + c * p->y_plane + row * p->y_row;
    struct sweep s = {
        .x_row = p->dilation_h * p->x_row,
        .x_tap = p->dilation_w,
        .x_plane = p->x_plane,
        .real_begin = depthwise_steps(h, p->dilation_h),
        .real_end = depthwise_steps(h - p->H, p->dilation_h),
        .packed_w = p->packed_w,
        .bias = p->bias,
        .k = p->k + c,
        .channels = channels,
        .rows = rows,
        .y_row = step * p->y_row,
        .y_plane = p->y_plane,
        .residual_row = step * p->residual_row,
        .residual_plane = p->residual_plane,
        .epilogue = *p->epilogue,
    };
    for (int i = 0; i < count; i++) {
        const struct columns *at = &columns[i];
        s.x = x + at->first * p->stride;
        s.y = y + at->first;
        s.residual = residual ? residual + at->first : NULL;
        s.gap = at->last - at->first;
        s.lanes = at->lanes;
        s.whole_rows = at->lanes == VF ? rows : whole_rows(p, at->first, rows, s.y_row);
        s.masks = &at->masks;
        at->function(&s);
    }
}

/* All rows of all channels, block by block. Outputs of a dilated layer are those of several layers
   without. */
static void sweep_blocks(const struct depthwise_planes *p, const struct columns *columns, int count)
{
    const int64_t step = p->dilation_h;
    for (int64_t c = 0, channels; c < p->channels; c += channels) {
        channels = p->channels - c < p->block_channels ? p->channels - c : p->block_channels;
        for (int64_t row = 0; row < p->rows; row += p->block_rows * step) {
            for (int64_t phase = row; phase < row + step && phase < p->rows; phase++) {
                const int64_t left = step == 1 ? p->rows - phase : (p->rows - phase - 1) / step + 1;
                sweep_block(p, columns, count, phase, left < p->block_rows ? left : p->block_rows,
                            step, c, channels);
            }
        }
    }
}

/* All columns in a vector, or in half of one; channels side by side. */
static void sweep_narrow(const struct depthwise_planes *p, const struct sweeps *sweeps)
{
    const bool pairs = p->together == 4;
    struct columns all = {
        .end = p->Q,
        .lanes = (int)p->Q,
        .function = pairs ? sweeps->pairs : sweeps->apart,
    };
    set_masks(&all.masks, p, 0, p->w, pairs);
    sweep_blocks(p, &all, 1);
}

static void sweep_wide(const struct depthwise_planes *p, const struct sweeps *sweeps)
{
    struct columns columns[COLUMNS_MAX];
    for (int64_t q = 0; q < p->Q;) {
        int count = 0;
        for (; count < COLUMNS_MAX && q < p->Q; q = columns[count++].end) {
            choose_columns(&columns[count], p, sweeps, q);
        }
        sweep_blocks(p, columns, count);
    }
}

#if DEPTHWISE_PLANE_SAME
int64_t KERNEL(depthwise_planes_same)(const struct depthwise_planes *p);
#endif

/* What depthwise_plane_same.c does not make. */
static struct depthwise_planes rest_of(const struct depthwise_planes *p)
{
    struct depthwise_planes rest = *p;
#if DEPTHWISE_PLANE_SAME
    const int64_t made = KERNEL(depthwise_planes_same)(p);
    rest.x += made * p->x_plane;
    rest.y += made * p->y_plane; /* there is no residual if some are made */
    rest.k += made;
    rest.channels -= made;
#endif
    return rest;
}

void KERNEL(depthwise_planes)(const struct depthwise_planes *p);
void KERNEL(depthwise_planes)(const struct depthwise_planes *p)
{
    const bool finishes = p->residual || p->epilogue->clamps || p->epilogue->leaks;
    const struct depthwise_planes rest = rest_of(p);
    if (rest.channels > 0) {
        const struct sweeps *sweeps = KERNEL(depthwise_plane_sweeps)(p->taps, p->stride, finishes);
        (p->together > 1 ? sweep_narrow : sweep_wide)(&rest, sweeps);
    }
}
