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
#include <omp.h>
#include <string.h>

#include "core/arithmetic.h"
#include "core/denormals.h"
#include "core/layer_checked.h"
#include "kernels/tile/tile_epilogue.h"
#include "kernels/winograd/winograd_ahead.h"

/* The register tiles of a block of tiles and channels. */
struct register_tiles {
    int64_t count;
    int64_t first[WINOGRAD_TILES_MAX];
    tile_multiply_function *multiply[WINOGRAD_TILES_MAX];
};

static void cut_tiles(const struct convoy_plan *plan, int64_t tiles, int vectors,
                      struct register_tiles *cut)
{
    const struct tile_shapes *shapes = plan->kernels->tile;
    cut->count = divide_up(tiles, shapes->pixels_max[vectors - 1]);
    int64_t at = 0;
    for (int64_t t = 0; t < cut->count; t++) {
        int64_t pixels = (tiles - at) / (cut->count - t);
        cut->first[t] = at;
        cut->multiply[t] = shapes->multiply[vectors - 1][pixels - 1];
        at += pixels;
    }
}

/* One partial sum of one point: all register tiles. Each asks for what comes after the multiply
   when it is due, else the first three for the next sum's packed w, which follows in memory: more
   of them than it takes, because a core can wait for few lines at a time. */
static void multiply_partial(const struct convoy_plan *plan, const struct winograd_block *block,
                             const struct register_tiles *cut, int64_t w_row,
                             struct tile_operands *tile, struct ahead *ahead)
{
    const struct tile_run *last = &tile->runs[tile->run_count - 1];
    int64_t end = last->w_index + last->depth, depth = end - tile->runs[0].w_index;
    int64_t w_tiles = plan->blocking.streams ? min64(cut->count, 3) : 0;
    const float *next = tile->w + end * w_row;
    ptrdiff_t share = w_tiles == 0 ? 0 : (ptrdiff_t)((int)(depth * w_row) / (int)w_tiles);
    for (int64_t t = 0; t < cut->count; t++) {
        if (!ahead_next(ahead, tile)) {
            tile->ahead = t < w_tiles ? next + t * share : NULL;
            tile->ahead_stride = TILE_AHEAD_FLOATS;
        }
        tile->x = block->x + cut->first[t];
        tile->sums = block->sums + cut->first[t];
        cut->multiply[t](tile);
    }
}

/* Where in the sum of a point a partial sum begins. */
struct sum_place {
    int64_t piece_h, piece_w, piece, c;
};

/* Runs of the partial sum at a place, `most` of them at most: the channels of a group, piece after
   piece; moves the place on. Returns how many; 0 at the end. */
static int partial_sum(const struct convoy_plan *plan, const struct winograd_block *block,
                       int pieces_h, int pieces_w, int most, struct sum_place *at,
                       struct tile_run *runs)
{
    int64_t C = plan->layer.C, Cg = layer_Cg(&plan->layer), depth = plan->blocking.depth_block;
    int count = 0;
    while (count < most && at->piece_h < pieces_h) {
        int64_t piece_of_v = at->piece_h * block->w.count + at->piece_w;
        runs[count++] = (struct tile_run){piece_of_v * C + at->c, at->piece * Cg + at->c,
                                          min64(depth, Cg - at->c)};
        at->c += depth;
        if (at->c >= Cg) {
            at->c = 0;
            at->piece++;
            at->piece_w++;
        }
        if (at->piece_w == pieces_w) {
            at->piece_w = 0;
            at->piece_h++;
        }
    }
    return count;
}

/* The products of one block of output channels. */
static void multiply_points(const struct convoy_plan *plan, const struct winograd_block *block,
                            const struct winograd_k_block *k_block, int64_t tiles,
                            struct ahead *ahead)
{
    int64_t Cg = layer_Cg(&plan->layer);
    int64_t w_row = (int64_t)k_block->vectors * plan->kernels->vector_floats;
    int most = WINOGRAD_PARTIAL_SUM / (int)plan->blocking.depth_block;
    struct register_tiles cut;
    cut_tiles(plan, tiles, k_block->vectors, &cut);
    struct tile_run runs[WINOGRAD_PARTIAL_SUM];
    for (int64_t point = 0; point < block->h.alpha * block->w.alpha; point++) {
        int i = (int)point / block->w.alpha, j = (int)point % block->w.alpha;
        int pieces_h = winograd_pieces_at(&block->h, i);
        int pieces_w = winograd_pieces_at(&block->w, j);
        int64_t before = winograd_pieces_before(&block->h, &block->w, i, j);
        struct tile_operands tile = {
            .x_shift = point * block->v_stride + k_block->group * Cg,
            .w = (const float *)plan->packed_w + k_block->w_offset + before * Cg * w_row,
            .runs = runs,
            .ending = TILE_SET,
            .sums_shift = point * block->m_stride,
        };
        struct sum_place at = {0};
        while ((tile.run_count = partial_sum(plan, block, pieces_h, pieces_w, most, &at, runs)) >
               0) {
            multiply_partial(plan, block, &cut, w_row, &tile, ahead);
            tile.ending = TILE_ADD;
        }
    }
}

/* How often multiply_partial runs a register tile for a block of channels, about. */
static int64_t calls_of_multiply(const struct convoy_plan *plan, const struct winograd_block *block,
                                 int64_t tiles)
{
    const struct blocking *b = &plan->blocking;
    int64_t runs =
        block->h.count * block->w.count * divide_up(layer_Cg(&plan->layer), b->depth_block);
    return block->h.alpha * block->w.alpha * divide_up(tiles, b->tile_pixels) *
           divide_up(runs, WINOGRAD_PARTIAL_SUM / b->depth_block);
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
        winograd_gather(plan, operands->x, block, tile, end);
    }
    struct tile_epilogue epilogue = tile_epilogue_of(&plan->layer.epilogue);
    struct ahead ahead;
    int64_t calls = calls_of_multiply(plan, block, end - tile);
    int64_t last = b->k_blocks * (part + 1) / b->k_parts;
    for (int64_t index = b->k_blocks * part / b->k_parts; index < last; index++) {
        struct winograd_k_block k_block = winograd_k_block(plan, index);
        epilogue.bias = plan->bias ? plan->bias + k_block.k : NULL;
        ahead_fill(plan, operands, block, &k_block, tile, end, index == last - 1, calls, &ahead);
        multiply_points(plan, block, &k_block, end - tile, &ahead);
        winograd_scatter(plan, operands, block, &k_block, tile, end, &epilogue);
    }
}

static void winograd_execute(const struct convoy_plan *plan, const struct operands *operands)
{
    const struct blocking *b = &plan->blocking;
    int64_t blocks = divide_up(winograd_grid(plan).tiles, b->strip_columns);
#pragma omp parallel num_threads(plan->threads) if (plan->threads > 1)
    {
        int thread = omp_get_thread_num();
        uint64_t state = denormals_enter(plan->flush_denormals);
        struct winograd_block block;
        winograd_carve(plan, operands->workspace + thread * b->thread_bytes, &block);
        for (int64_t t = 0; t < b->strip_columns; t++) {
            block.x[t] = block.v + t * block.v_row;
            block.sums[t] = block.products + t * block.m_row;
        }
        memset(block.zeros, 0, (size_t)plan->layer.C * sizeof *block.zeros);
        int64_t current = -1;
#pragma omp for schedule(dynamic) nowait
        for (int64_t unit = 0; unit < blocks * b->k_parts; unit++) {
            work_unit(plan, operands, &block, unit, unit / b->k_parts == current);
            current = unit / b->k_parts;
        }
        denormals_leave(plan->flush_denormals, state);
    }
}

void winograd_pack(struct convoy_plan *plan, const float *filter)
{
    const convoy_layer *l = &plan->layer;
    int64_t Cg = layer_Cg(l), floats = plan->kernels->vector_floats;
    struct winograd_axis h, w;
    winograd_axes(plan, &h, &w);
#pragma omp parallel for schedule(static) num_threads(plan->threads) if (plan->threads > 1)
    for (int64_t index = 0; index < plan->blocking.k_blocks; index++) {
        struct winograd_k_block block = winograd_k_block(plan, index);
        for (int v = 0; v < block.vectors; v++) {
            struct winograd_filter f = {
                .filter = filter + (block.k + v * floats) * Cg * l->R * l->S,
                .k_stride = Cg * l->R * l->S,
                .lanes = (int)min64(floats, block.channels - v * floats),
                .channels = Cg,
                .h = &h,
                .w = &w,
                .g_h = winograd_matrices_find(h.alpha, h.r)->g,
                .g_w = winograd_matrices_find(w.alpha, w.r)->g,
                .u = (float *)plan->packed_w + block.w_offset + v * floats,
                .c_stride = block.vectors * floats,
            };
            plan->kernels->winograd_filters->of_variant[winograd_of(plan)->index](&f);
        }
    }
}

/* Why a layer is not one for pieces of r x s taps, or NULL. */
static const char *winograd_refuse(const struct algorithm *algorithm, const convoy_layer *layer)
{
    const struct winograd_algorithm *a = (const struct winograd_algorithm *)algorithm;
    if (!winograd_pieces_fit(layer->R, layer->stride_h, a->r_h) ||
        !winograd_pieces_fit(layer->S, layer->stride_w, a->r_w)) {
        return "the filter has another size, and is not cut into pieces of this one";
    }
    if (layer->R * layer->S > WINOGRAD_TAPS_MAX) {
        return "the filter has too many taps";
    }
    if (layer->groups > 1 && layer_Cg(layer) < 8) {
        return "fewer than 8 channels in a group: nothing to multiply";
    }
    return NULL;
}

const struct winograd_algorithm winograd_algorithms[] = {
#define ROW(mh, mw, rh, rw)                                                                        \
    {                                                                                              \
        .base =                                                                                    \
            {                                                                                      \
                .name = "winograd-f" #mh "x" #mw "-" #rh "x" #rw,                                  \
                .summary = "fewer multiplications: " #mh "x" #mw " outputs of a " #rh "x" #rw      \
                           " filter at a time",                                                    \
                .refuse = winograd_refuse,                                                         \
                .prepare = winograd_prepare,                                                       \
                .pack = winograd_pack,                                                             \
                .execute = winograd_execute,                                                       \
                .describe = winograd_describe,                                                     \
                .transforms = true,                                                                \
            },                                                                                     \
        .index = WINOGRAD_F##mh##x##mw##_##rh##x##rw,                                              \
        .m_h = mh,                                                                                 \
        .m_w = mw,                                                                                 \
        .r_h = rh,                                                                                 \
        .r_w = rw,                                                                                 \
    },
    WINOGRAD_VARIANTS(ROW)
#undef ROW
};
