/**
 * @file winograd_gather.c
 * From x to V: which positions of x the pieces of each tile read, and the input transform of them.
 */
#include "kernels/winograd/winograd.h"

#include "core/arithmetic.h"

/* Positions first <= i < last of a tile lie on real input. */
struct inside {
    int first, last;
};

/* Of the alpha positions origin, origin + step, ...: those in 0 ... extent - 1. */
static struct inside inside(int64_t origin, const struct winograd_axis *axis)
{
    int64_t step = winograd_step(axis);
    struct inside in;
    in.first = origin >= 0 ? 0 : (int)min64(axis->alpha, divide_up(-origin, step));
    in.last = origin >= axis->x_extent
                  ? 0
                  : (int)min64(axis->alpha, (axis->x_extent - 1 - origin) / step + 1);
    return in;
}

static bool covers(struct inside in, const struct winograd_axis *axis)
{
    return in.first == 0 && in.last == axis->alpha;
}

/* The table for a tile that reaches over an edge. */
static const float *const *fill_positions(const struct winograd_patch *patch, struct inside rows,
                                          struct inside columns, const struct winograd_block *block)
{
    const float **at = block->positions;
    for (int i = 0; i < block->h.alpha; i++) {
        for (int j = 0; j < block->w.alpha; j++) {
            bool real = i >= rows.first && i < rows.last && j >= columns.first && j < columns.last;
            *at++ = real ? patch->x + i * patch->stride_h + j * patch->stride_w : block->zeros;
        }
    }
    return block->positions;
}

/* Where the x of a run of tiles lies: position (h, w) is data + (h - h0)*stride_h + ... */
struct run_source {
    const float *data;
    ptrdiff_t stride_h, stride_w;
    int64_t h0, w0;
    int64_t row_step; /* rows of x between rows of the source */
};

/* NCHW: the rows of x under a run of tiles as NHWC, once for all pieces; rows of the tiles' phase
   of a dilated layer only. */
static struct run_source copy_run(const struct convoy_plan *plan, const convoy_tensor *x,
                                  const struct winograd_block *block, const struct tile_row *run)
{
    const convoy_layer *l = &plan->layer;
    int64_t h = winograd_x_of_tile(&block->h, run->phase_h, run->row);
    int64_t w = winograd_x_of_tile(&block->w, run->phase_w, run->column);
    int64_t reach = (winograd_rows_under(&block->w, run->count) - 1) * l->dilation_w + 1;
    int64_t w0 = min64(max64(w, 0), l->W), w1 = max64(min64(w + reach, l->W), w0);
    int64_t rows = winograd_rows_under(&block->h, 1);
    ptrdiff_t width = (w1 - w0) * l->C;
    for (int64_t i = 0; i < rows; i++) {
        int64_t row = h + i * l->dilation_h;
        if (row >= 0 && row < l->H && w0 < w1) {
            const float *from =
                (const float *)x->data + run->n * x->stride_n + row * x->stride_h + w0;
            plan->kernels->transpose(from, x->stride_c, block->copy + i * width, l->C, l->C,
                                     w1 - w0);
        }
    }
    return (struct run_source){block->copy, width, l->C, h, w0, l->dilation_h};
}

/* All pieces of one tile whose first position is (h, w), side by side in a row of V. */
static void transform_tile(const struct convoy_plan *plan, const struct winograd_block *block,
                           const struct run_source *source, int64_t h, int64_t w, float *v)
{
    const struct winograd_axis *axis_h = &block->h, *axis_w = &block->w;
    winograd_input_function *input =
        plan->kernels->winograd_inputs
            ->of_alpha[winograd_alpha_index(axis_h->alpha)][winograd_alpha_index(axis_w->alpha)];
    struct winograd_patch patch = {
        .stride_h = source->stride_h * winograd_step(axis_h) / source->row_step,
        .stride_w = source->stride_w * winograd_step(axis_w),
        .channels = plan->layer.C,
        .v = v,
        .stream_stride = block->v_stride,
    };
    for (int a = 0; a < axis_h->count; a++) {
        int64_t piece_h = h + axis_h->pieces[a].first * axis_h->dilation;
        struct inside rows = inside(piece_h, axis_h);
        for (int b = 0; b < axis_w->count; b++, patch.v += plan->layer.C) {
            int64_t piece_w = w + axis_w->pieces[b].first * axis_w->dilation;
            struct inside columns = inside(piece_w, axis_w);
            patch.x = source->data + (piece_h - source->h0) / source->row_step * source->stride_h +
                      (piece_w - source->w0) * source->stride_w;
            patch.at = NULL;
            if (!covers(rows, axis_h) || !covers(columns, axis_w)) {
                patch.at = fill_positions(&patch, rows, columns, block);
            }
            input(&patch);
        }
    }
}

void winograd_gather(const struct convoy_plan *plan, const convoy_tensor *x,
                     const struct winograd_block *block, int64_t tile, int64_t end)
{
    struct winograd_grid grid = winograd_grid(plan);
    float *v = block->v;
    while (tile < end) {
        struct tile_row run = winograd_tile_row(&grid, tile, end);
        struct run_source source = {
            (const float *)x->data + run.n * x->stride_n, x->stride_h, x->stride_w, 0, 0, 1};
        if (plan->layer.layout == CONVOY_NCHW) {
            source = copy_run(plan, x, block, &run);
        }
        int64_t h = winograd_x_of_tile(&block->h, run.phase_h, run.row);
        for (int64_t t = 0; t < run.count; t++, v += block->v_row) {
            int64_t w = winograd_x_of_tile(&block->w, run.phase_w, run.column + t);
            transform_tile(plan, block, &source, h, w, v);
        }
        tile += run.count;
    }
}
