/**
 * @file winograd.c
 * The Winograd family: rows of the algorithm table, and the loops they share.
 *
 *   for each block of tiles, for each share of the channel blocks     <- threads
 *       transform the tiles' input                                    <- V in L2
 *       for each block of output channels
 *           for each of the alpha_h * alpha_w points
 *               for each chunk of input channels                      <- its U once, in L1
 *                   for each register tile                            <- registers
 *           transform the products back, epilogue, store
 *
 * The order of every sum is fixed by the layer and the ISA, so the bits do not depend on threads
 * or layout.
 */
#include "kernels/winograd/winograd.h"

#include <assert.h>
#include <math.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "core/arithmetic.h"
#include "core/layer_checked.h"
#include "kernels/tile/tile_epilogue.h"
#include "kernels/winograd/winograd_ahead.h"

/* Positions first <= i < last of a tile lie on real input. */
struct inside {
    int first, last;
};

/* Of the alpha positions origin, origin + step, ...: those in 0 ... extent - 1. */
static struct inside inside(int64_t origin, int64_t step, int alpha, int64_t extent)
{
    struct inside in;
    in.first = origin >= 0 ? 0 : (int)min64(alpha, divide_up(-origin, step));
    in.last = origin >= extent ? 0 : (int)min64(alpha, (extent - 1 - origin) / step + 1);
    return in;
}

static bool covers(struct inside in, int alpha)
{
    return in.first == 0 && in.last == alpha;
}

/* The table for a tile that reaches over an edge. */
static const float *const *fill_positions(const struct winograd_patch *patch, struct inside rows,
                                          struct inside columns, int alpha_h, int alpha_w,
                                          const struct winograd_block *block)
{
    const float **at = block->positions;
    for (int i = 0; i < alpha_h; i++) {
        for (int j = 0; j < alpha_w; j++) {
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

/* NCHW: the rows of x under a run of tiles as NHWC; rows of the tile's phase only. */
static struct run_source copy_run(const struct convoy_plan *plan, const convoy_tensor *x,
                                  const struct tile_row *run, float *copy)
{
    const convoy_layer *l = &plan->layer;
    const struct winograd_algorithm *a = winograd_of(plan);
    int alpha_h = a->m_h + a->R - 1;
    int64_t reach = (run->count * a->m_w + a->S - 2) * l->dilation_w + 1;
    int64_t h = run->phase_h + run->row * a->m_h * l->dilation_h - l->pad_top;
    int64_t w = run->phase_w + run->column * a->m_w * l->dilation_w - l->pad_left;
    int64_t w0 = min64(max64(w, 0), l->W), w1 = max64(min64(w + reach, l->W), w0);
    ptrdiff_t width = (w1 - w0) * l->C;
    for (int i = 0; i < alpha_h; i++) {
        int64_t row = h + i * l->dilation_h;
        if (row >= 0 && row < l->H && w0 < w1) {
            const float *from =
                (const float *)x->data + run->n * x->stride_n + row * x->stride_h + w0;
            plan->kernels->transpose(from, x->stride_c, copy + i * width, l->C, l->C, w1 - w0);
        }
    }
    return (struct run_source){copy, width, l->C, h, w0, l->dilation_h};
}

static void transform_input(const struct convoy_plan *plan, const convoy_tensor *x,
                            const struct winograd_block *block, int64_t tile, int64_t end)
{
    const convoy_layer *l = &plan->layer;
    const struct winograd_algorithm *a = winograd_of(plan);
    int alpha_h = a->m_h + a->R - 1, alpha_w = a->m_w + a->S - 1;
    winograd_input_function *input =
        plan->kernels->winograd_inputs
            ->of_alpha[winograd_alpha_index(alpha_h)][winograd_alpha_index(alpha_w)];
    struct winograd_grid grid = winograd_grid(plan);
    float *v = block->v;
    while (tile < end) {
        struct tile_row run = winograd_tile_row(&grid, tile, end);
        struct run_source source = {
            (const float *)x->data + run.n * x->stride_n, x->stride_h, x->stride_w, 0, 0, 1};
        if (l->layout == CONVOY_NCHW) {
            source = copy_run(plan, x, &run, block->copy);
        }
        int64_t h = run.phase_h + run.row * a->m_h * l->dilation_h - l->pad_top;
        struct winograd_patch patch = {
            .stride_h = source.stride_h * l->dilation_h / source.row_step,
            .stride_w = source.stride_w * l->dilation_w,
            .channels = l->C,
            .stream_stride = block->v_stride,
        };
        struct inside rows = inside(h, l->dilation_h, alpha_h, l->H);
        for (int64_t t = 0; t < run.count; t++, v += block->v_row) {
            int64_t w = run.phase_w + (run.column + t) * a->m_w * l->dilation_w - l->pad_left;
            struct inside columns = inside(w, l->dilation_w, alpha_w, l->W);
            patch.x = source.data + (h - source.h0) / source.row_step * source.stride_h +
                      (w - source.w0) * source.stride_w;
            patch.v = v;
            patch.at = NULL;
            if (!covers(rows, alpha_h) || !covers(columns, alpha_w)) {
                patch.at = fill_positions(&patch, rows, columns, alpha_h, alpha_w, block);
            }
            input(&patch);
        }
        tile += run.count;
    }
}

/* One chunk of channels of one point: all register tiles. The first two ask for the next chunk of
   packed w, which follows this one in memory; all but the first for what comes after the multiply,
   as long as there is something. */
static void multiply_chunk(const struct convoy_plan *plan, const struct winograd_block *block,
                           int64_t tiles, int vectors, struct tile_operands *tile,
                           struct ahead *ahead)
{
    const struct tile_shapes *shapes = plan->kernels->tile;
    int64_t register_tiles = divide_up(tiles, shapes->pixels_max[vectors - 1]);
    int64_t depth = tile->runs->depth, w_tiles = plan->blocking.streams ? 2 : 0;
    const float *next =
        tile->w + (tile->runs->w_index + depth) * vectors * plan->kernels->vector_floats;
    int64_t at = 0;
    for (int64_t t = 0; t < register_tiles; t++) {
        int64_t pixels = (tiles - at) / (register_tiles - t);
        tile->ahead = t > 0 || w_tiles == 0 ? ahead_next(ahead, depth * TILE_AHEAD_FLOATS) : NULL;
        if (!tile->ahead && t < w_tiles) {
            tile->ahead = next + t * depth * TILE_AHEAD_FLOATS;
        }
        tile->x = block->x + at;
        tile->sums = block->sums + at;
        shapes->multiply[vectors - 1][pixels - 1](tile);
        at += pixels;
    }
}

/* The products of all points of one block of output channels. */
static void multiply(const struct convoy_plan *plan, const struct winograd_block *block,
                     const struct winograd_k_block *k_block, int64_t tiles, struct ahead *ahead)
{
    const struct winograd_algorithm *a = winograd_of(plan);
    int points = (a->m_h + a->R - 1) * (a->m_w + a->S - 1);
    int64_t Cg = layer_Cg(&plan->layer), depth_block = plan->blocking.depth_block;
    ptrdiff_t width = (ptrdiff_t)k_block->vectors * plan->kernels->vector_floats;
    const float *w = (const float *)plan->packed_w + k_block->w_offset;
    for (int point = 0; point < points; point++) {
        for (int64_t c = 0; c < Cg; c += depth_block) {
            struct tile_run run = {c, c, min64(depth_block, Cg - c)};
            struct tile_operands tile = {
                .x_shift = point * block->v_stride + k_block->group * Cg,
                .w = w + point * Cg * width,
                .runs = &run,
                .run_count = 1,
                .ending = c == 0 ? TILE_SET : TILE_ADD,
                .sums_shift = point * block->m_stride,
            };
            multiply_chunk(plan, block, tiles, k_block->vectors, &tile, ahead);
        }
    }
}

/* NCHW: the outputs of a run of tiles, which lie in block->result, to y. */
static void store_run(const struct convoy_plan *plan, const struct operands *operands,
                      const struct winograd_block *block, const struct winograd_k_block *k_block,
                      const struct tile_row *run, int rows, const struct tile_epilogue *epilogue)
{
    const convoy_layer *l = &plan->layer;
    const struct winograd_algorithm *a = winograd_of(plan);
    const convoy_tensor *y = operands->y, *residual = operands->residual;
    int64_t p = run->phase_h + run->row * a->m_h * l->dilation_h;
    int64_t q = run->phase_w + run->column * a->m_w * l->dilation_w;
    int64_t across = q < plan->Q ? divide_up(plan->Q - q, l->dilation_w) : 0;
    int64_t columns = min64(run->count * a->m_w, across);
    /* Pixels of a dilated run lie apart: one at a time. */
    int64_t step = l->dilation_w == 1 ? columns : 1;
    ptrdiff_t row_floats = run->count * a->m_w * block->m_row;
    for (int i = 0; i < rows; i++, p += l->dilation_h) {
        for (int64_t j = 0; j < columns; j += step) {
            int64_t at = p * y->stride_h + q + j * l->dilation_w;
            float *to = (float *)y->data + run->n * y->stride_n + k_block->k * y->stride_c + at;
            const float *add = NULL;
            if (residual) {
                add = (const float *)residual->data + run->n * residual->stride_n +
                      k_block->k * residual->stride_c + p * residual->stride_h + q +
                      j * l->dilation_w;
            }
            plan->kernels->store_transposed(
                block->result + i * row_floats + j * block->m_row, block->m_row, to, y->stride_c,
                add, residual ? residual->stride_c : 0, epilogue, k_block->channels, step);
        }
    }
}

static void transform_output(const struct convoy_plan *plan, const struct operands *operands,
                             const struct winograd_block *block,
                             const struct winograd_k_block *k_block, int64_t tile, int64_t end,
                             const struct tile_epilogue *epilogue)
{
    static const struct tile_epilogue none = {0};
    const convoy_layer *l = &plan->layer;
    const struct winograd_algorithm *a = winograd_of(plan);
    winograd_output_function *output = plan->kernels->winograd_outputs->of_variant[a->index];
    struct winograd_grid grid = winograd_grid(plan);
    bool nhwc = l->layout == CONVOY_NHWC;
    const convoy_tensor *y = operands->y, *residual = operands->residual;
    const float *products = block->products;
    while (tile < end) {
        struct tile_row run = winograd_tile_row(&grid, tile, end);
        int64_t p = run.phase_h + run.row * a->m_h * l->dilation_h;
        int64_t left = p < plan->P ? divide_up(plan->P - p, l->dilation_h) : 0;
        struct winograd_result result = {
            .stream_stride = block->m_stride,
            .rows = (int)min64(a->m_h, left),
            .channels = k_block->channels,
            .epilogue = nhwc ? epilogue : &none,
            .stride_h = nhwc ? y->stride_h * l->dilation_h : run.count * a->m_w * block->m_row,
            .stride_w = nhwc ? y->stride_w * l->dilation_w : block->m_row,
        };
        for (int64_t t = 0; t < run.count; t++, products += block->m_row) {
            int64_t q = run.phase_w + (run.column + t) * a->m_w * l->dilation_w;
            int64_t across = q < plan->Q ? divide_up(plan->Q - q, l->dilation_w) : 0;
            result.columns = (int)min64(a->m_w, across);
            result.products = products;
            result.y = block->result + t * a->m_w * block->m_row;
            if (nhwc) {
                result.y = (float *)y->data + run.n * y->stride_n + p * y->stride_h +
                           q * y->stride_w + k_block->k;
            }
            if (nhwc && residual) {
                result.residual = (const float *)residual->data + run.n * residual->stride_n +
                                  p * residual->stride_h + q * residual->stride_w + k_block->k;
                result.residual_stride_h = residual->stride_h * l->dilation_h;
                result.residual_stride_w = residual->stride_w * l->dilation_w;
            }
            output(&result);
        }
        if (!nhwc && result.rows > 0) {
            store_run(plan, operands, block, k_block, &run, result.rows, epilogue);
        }
        tile += run.count;
    }
}

/* One share of the channel blocks of one block of tiles. */
static void work_unit(const struct convoy_plan *plan, const struct operands *operands,
                      const struct winograd_block *block, int64_t unit, bool transformed)
{
    const struct blocking *b = &plan->blocking;
    int64_t tile = unit / b->k_parts * b->strip_columns;
    int64_t end = min64(tile + b->strip_columns, winograd_grid(plan).tiles);
    int64_t part = unit % b->k_parts;
    if (!transformed) {
        transform_input(plan, operands->x, block, tile, end);
    }
    struct tile_epilogue epilogue = tile_epilogue_of(&plan->layer.epilogue);
    struct ahead ahead;
    ahead_fill(plan, operands, tile, end, &ahead);
    int64_t last = b->k_blocks * (part + 1) / b->k_parts;
    for (int64_t index = b->k_blocks * part / b->k_parts; index < last; index++) {
        struct winograd_k_block k_block = winograd_k_block(plan, index);
        epilogue.bias = plan->bias ? plan->bias + k_block.k : NULL;
        multiply(plan, block, &k_block, end - tile, &ahead);
        transform_output(plan, operands, block, &k_block, tile, end, &epilogue);
    }
}

static void winograd_execute(const struct convoy_plan *plan, const struct operands *operands)
{
    const struct blocking *b = &plan->blocking;
    int64_t blocks = divide_up(winograd_grid(plan).tiles, b->strip_columns);
#pragma omp parallel num_threads(plan->threads) if (plan->threads > 1)
    {
#ifdef _OPENMP
        int thread = omp_get_thread_num();
#else
        int thread = 0;
#endif
        struct winograd_block block;
        winograd_carve(plan, operands->workspace + thread * b->thread_bytes, &block);
        for (int64_t t = 0; t < b->strip_columns; t++) {
            block.x[t] = block.v + t * block.v_row;
            block.sums[t] = block.products + t * block.m_row;
        }
        memset(block.zeros, 0, (size_t)plan->layer.C * sizeof *block.zeros);
        int64_t current = -1;
#pragma omp for schedule(dynamic)
        for (int64_t unit = 0; unit < blocks * b->k_parts; unit++) {
            work_unit(plan, operands, &block, unit, unit / b->k_parts == current);
            current = unit / b->k_parts;
        }
    }
}

void winograd_pack(struct convoy_plan *plan, const float *filter)
{
    const convoy_layer *l = &plan->layer;
    const struct winograd_algorithm *a = winograd_of(plan);
    int64_t Cg = layer_Cg(l), floats = plan->kernels->vector_floats;
#pragma omp parallel for schedule(static) num_threads(plan->threads) if (plan->threads > 1)
    for (int64_t index = 0; index < plan->blocking.k_blocks; index++) {
        struct winograd_k_block block = winograd_k_block(plan, index);
        ptrdiff_t width = block.vectors * floats;
        for (int v = 0; v < block.vectors; v++) {
            struct winograd_filter f = {
                .filter = filter + (block.k + v * floats) * Cg * l->R * l->S,
                .k_stride = Cg * l->R * l->S,
                .lanes = (int)min64(floats, block.channels - v * floats),
                .channels = Cg,
                .h = winograd_matrices_find(a->m_h + a->R - 1, a->R),
                .w = winograd_matrices_find(a->m_w + a->S - 1, a->S),
                .u = (float *)plan->packed_w + block.w_offset + v * floats,
                .c_stride = width,
                .point_stride = Cg * width,
            };
            plan->kernels->winograd_filters->of_variant[a->index](&f);
        }
    }
}

/* Why a layer is not one for F(m, R x S), or NULL. */
static const char *winograd_refuse(const struct algorithm *algorithm, const convoy_layer *layer)
{
    const struct winograd_algorithm *a = (const struct winograd_algorithm *)algorithm;
    if (layer->R != a->R || layer->S != a->S) {
        return "the filter has another size";
    }
    if (layer->stride_h != 1 || layer->stride_w != 1) {
        return "the stride is not 1";
    }
    if (layer->groups > 1 && layer_Cg(layer) < 8) {
        return "fewer than 8 channels in a group: nothing to multiply";
    }
    return NULL;
}

const struct winograd_algorithm winograd_algorithms[] = {
#define ROW(mh, mw, r, s)                                                                          \
    {                                                                                              \
        .base =                                                                                    \
            {                                                                                      \
                .name = "winograd-f" #mh "x" #mw "-" #r "x" #s,                                    \
                .summary = "fewer multiplications: " #mh "x" #mw " outputs of a " #r "x" #s        \
                           " filter at a time",                                                    \
                .refuse = winograd_refuse,                                                         \
                .prepare = winograd_prepare,                                                       \
                .pack = winograd_pack,                                                             \
                .execute = winograd_execute,                                                       \
                .describe = winograd_describe,                                                     \
                .transforms = true,                                                                \
            },                                                                                     \
        .index = WINOGRAD_F##mh##x##mw##_##r##x##s,                                                \
        .m_h = mh,                                                                                 \
        .m_w = mw,                                                                                 \
        .R = r,                                                                                    \
        .S = s,                                                                                    \
    },
    WINOGRAD_VARIANTS(ROW)
#undef ROW
};
