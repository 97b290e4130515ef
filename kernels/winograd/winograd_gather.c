/**
 * @file winograd_gather.c
 * From x to V: which positions of x the pieces of each tile read, and the input transform of them.
 */
#include "kernels/winograd/winograd.h"

#include <string.h>

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

/* Where some channels of x under a run of tiles lie: position (h, w) is
   data + (h - h0) * stride_h + (w - w0) * stride_w. */
struct source {
    const float *data;
    ptrdiff_t stride_h, stride_w;
    int64_t h0, w0;
    int64_t row_step; /* rows of x between rows of the source */
    int64_t channels;
    bool padded; /* positions outside x are there, and are zero */
};

/* NCHW: channels c ..., a vector or less, of the rows of x under a run of tiles as NHWC, once for
   all pieces; rows of the tiles' phase of a dilated layer only. */
static struct source copy_run(const struct convoy_plan *plan, const convoy_tensor *x,
                              const struct winograd_block *block, const struct tile_row *run,
                              int64_t c, int64_t channels)
{
    const convoy_layer *l = &plan->layer;
    int64_t h = winograd_x_of_tile(&block->h, run->phase_h, run->row);
    int64_t w = winograd_x_of_tile(&block->w, run->phase_w, run->column);
    int64_t width = winograd_columns_under(&block->w, run->count);
    int64_t left = min64(max64(0, -w), width);           /* columns before x */
    int64_t right = max64(left, min64(width, l->W - w)); /* the first behind it */
    int64_t rows = winograd_rows_under(&block->h, 1);
    for (int64_t i = 0; i < rows; i++) {
        int64_t row = h + i * l->dilation_h;
        float *to = block->copy + i * width * channels;
        if (row < 0 || row >= l->H || left == right) {
            memset(to, 0, (size_t)(width * channels) * sizeof *to);
            continue;
        }
        memset(to, 0, (size_t)(left * channels) * sizeof *to);
        plan->kernels->transpose((const float *)x->data + run->n * x->stride_n + c * x->stride_c +
                                     row * x->stride_h + w + left,
                                 x->stride_c, to + left * channels, channels, channels,
                                 right - left);
        memset(to + right * channels, 0, (size_t)((width - right) * channels) * sizeof *to);
    }
    return (struct source){block->copy, width * channels, channels, h,
                           w,           l->dilation_h,    channels, true};
}

/* Can the pieces of a row be transformed at once, as one of more channels? If at each position they
   read pixels side by side, whose channels follow each other in the source and in V. Of 3 channels
   at a time most lanes would be empty. */
static bool pieces_join(const struct convoy_plan *plan, const struct winograd_axis *axis,
                        const struct source *source)
{
    return winograd_pieces_adjacent(axis) && source->stride_w == source->channels &&
           source->channels == plan->blocking.copy_channels;
}

/* Are all positions of the piece whose first is (h, w) in the source? */
static bool is_inside(const struct winograd_block *block, const struct source *source, int64_t h,
                      int64_t w)
{
    return source->padded ||
           (covers(inside(h, &block->h), &block->h) && covers(inside(w, &block->w), &block->w));
}

/* Some pieces of a row of one tile, joined if they are several; the first position of the first is
   (h, w). */
static void transform_pieces(const struct convoy_plan *plan, const struct winograd_block *block,
                             const struct source *source, int64_t h, int64_t w, int pieces,
                             struct winograd_patch *patch)
{
    const struct winograd_axis *axis_h = &block->h, *axis_w = &block->w;
    winograd_input_function *input =
        plan->kernels->winograd_inputs
            ->of_alpha[winograd_alpha_index(axis_h->alpha)][winograd_alpha_index(axis_w->alpha)];
    patch->x = source->data + (h - source->h0) / source->row_step * source->stride_h +
               (w - source->w0) * source->stride_w;
    patch->channels = pieces * source->channels;
    patch->at = NULL;
    if (!is_inside(block, source, h, w)) {
        patch->at = fill_positions(patch, inside(h, axis_h), inside(w, axis_w), block);
    }
    input(patch);
}

/* All pieces of one tile whose first position is (h, w), side by side in a row of V. */
static void transform_tile(const struct convoy_plan *plan, const struct winograd_block *block,
                           const struct source *source, bool join, int64_t h, int64_t w, float *v)
{
    const struct winograd_axis *axis_h = &block->h, *axis_w = &block->w;
    struct winograd_patch patch = {
        .stride_h = source->stride_h * winograd_step(axis_h) / source->row_step,
        .stride_w = source->stride_w * winograd_step(axis_w),
        .v = v,
        .stream_stride = block->v_stride,
    };
    for (int a = 0; a < axis_h->count; a++) {
        const int64_t piece_h = h + axis_h->pieces[a].first * axis_h->dilation;
        const bool all = join && is_inside(block, source, piece_h, w) &&
                         is_inside(block, source, piece_h, w + axis_w->count - 1);
        const int pieces = all ? axis_w->count : 1;
        for (int b = 0; b < axis_w->count; b += pieces) {
            const int64_t piece_w = w + axis_w->pieces[b].first * axis_w->dilation;
            transform_pieces(plan, block, source, piece_h, piece_w, pieces, &patch);
            patch.v += pieces * plan->blocking.copy_channels;
        }
    }
}

/* The tiles of a run, from one source. */
static void transform_run(const struct convoy_plan *plan, const struct winograd_block *block,
                          const struct tile_row *run, const struct source *source, float *v)
{
    const bool join = pieces_join(plan, &block->w, source);
    int64_t h = winograd_x_of_tile(&block->h, run->phase_h, run->row);
    for (int64_t t = 0; t < run->count; t++, v += block->v_row) {
        int64_t w = winograd_x_of_tile(&block->w, run->phase_w, run->column + t);
        transform_tile(plan, block, source, join, h, w, v);
    }
}

void winograd_gather(const struct convoy_plan *plan, const convoy_tensor *x,
                     const struct winograd_block *block, struct winograd_channels channels,
                     int64_t tile, int64_t end)
{
    const int64_t floats = plan->kernels->vector_floats;
    struct winograd_grid grid = winograd_grid(plan);
    float *v = block->v;
    while (tile < end) {
        struct tile_row run = winograd_tile_row(&grid, tile, end);
        if (plan->layer.layout == CONVOY_NHWC) {
            struct source source = {(const float *)x->data + run.n * x->stride_n + channels.first,
                                    x->stride_h,
                                    x->stride_w,
                                    0,
                                    0,
                                    1,
                                    channels.count,
                                    false};
            transform_run(plan, block, &run, &source, v);
        } else {
            for (int64_t c = 0; c < channels.count; c += floats) {
                struct source source = copy_run(plan, x, block, &run, channels.first + c,
                                                min64(floats, channels.count - c));
                transform_run(plan, block, &run, &source, v + c);
            }
        }
        v += run.count * block->v_row;
        tile += run.count;
    }
}
