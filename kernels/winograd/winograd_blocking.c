/**
 * @file winograd_blocking.c
 * How the Winograd family cuts a layer: tiles into blocks, output channels into register tiles.
 */
#include "kernels/winograd/winograd.h"

#include <math.h>
#include <stdio.h>

#include "core/arithmetic.h"
#include "core/cpu.h"
#include "core/layer_checked.h"
#include "kernels/carve.h"

/* Transformed input and products of a block of tiles, at most. */
#define BLOCK_BYTES (7 << 18)
/* Packed w of more than so many L2s is taken to come from memory: blocks may take so many bytes
   then. */
#define MEMORY_L2S         8
#define MEMORY_BLOCK_BYTES (4 << 20)
/* x and y of no more than so many L2s are taken to be near. */
#define NEAR_L2S 1.75
/* Accumulators of all register tiles of a block together while x and y come from afar: small
   register tiles read V and packed w more often, so blocks take more of them. */
#define FEW_ACCUMULATORS 60
/* Input channels of several groups in V, about. */
#define GROUP_CHANNELS 32
/* Output channels whose products are transformed together, at most; and these products, as a part
   of V. */
#define CHANNELS_TOGETHER 64
#define PRODUCTS_OF_V     0.4
/* Output channels for each tile from which reading packed w from a slow L3 takes longer than
   transforming x: so much more is in it than in V. */
#define CHANNELS_OF_TILE 8

struct winograd_grid winograd_grid(const struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    const struct winograd_algorithm *a = winograd_of(plan);
    struct winograd_grid grid = {
        .phases_h = min64(l->dilation_h, plan->P),
        .phases_w = min64(l->dilation_w, plan->Q),
        .down = divide_up(divide_up(plan->P, l->dilation_h), a->m_h),
        .across = divide_up(divide_up(plan->Q, l->dilation_w), a->m_w),
    };
    grid.tiles = l->N * grid.phases_h * grid.phases_w * grid.down * grid.across;
    return grid;
}

struct tile_row winograd_tile_row(const struct winograd_grid *grid, int64_t tile, int64_t end)
{
    struct tile_row run;
    run.column = tile % grid->across;
    run.count = min64(grid->across - run.column, end - tile);
    tile /= grid->across;
    run.row = tile % grid->down;
    tile /= grid->down;
    run.phase_w = tile % grid->phases_w;
    tile /= grid->phases_w;
    run.phase_h = tile % grid->phases_h;
    run.n = tile / grid->phases_h;
    return run;
}

static int64_t points(const struct convoy_plan *plan)
{
    const struct winograd_algorithm *a = winograd_of(plan);
    return (int64_t)(a->m_h + a->r_h - 1) * (a->m_w + a->r_w - 1);
}

/* Input channels of all points and pieces: floats of packed w for each output channel. */
static int64_t depth_of_points(const struct convoy_plan *plan)
{
    struct winograd_axis h, w;
    winograd_axes(plan, &h, &w);
    return layer_Cg(&plan->layer) * winograd_pieces_sum(&h) * winograd_pieces_sum(&w);
}

static int64_t vectors_of_group(const struct convoy_plan *plan)
{
    return divide_up(layer_Kg(&plan->layer), plan->kernels->vector_floats);
}

static int64_t blocks_of_group(const struct convoy_plan *plan)
{
    const struct tile_shapes *shapes = plan->kernels->tile;
    int64_t vectors = vectors_of_group(plan);
    return max64(divide_up(vectors, shapes->vectors_max), vectors / shapes->vectors_best);
}

struct winograd_k_block winograd_k_block(const struct convoy_plan *plan, int64_t index)
{
    int64_t floats = plan->kernels->vector_floats;
    int64_t vectors = vectors_of_group(plan), blocks = blocks_of_group(plan);
    int64_t Kg = layer_Kg(&plan->layer);
    int64_t lane_floats =
        (int64_t)plan->packed_w_bytes / 4 / (vectors * floats * plan->layer.groups);
    int64_t group = index / blocks, in_group = index % blocks;
    int64_t first = vectors / blocks * in_group + min64(in_group, vectors % blocks);
    int64_t width = vectors / blocks + (in_group < vectors % blocks);
    return (struct winograd_k_block){
        .group = group,
        .k = group * Kg + first * floats,
        .channels = (int)min64(Kg - first * floats, width * floats),
        .vectors = (int)width,
        .w_offset = (group * vectors + first) * floats * lane_floats,
    };
}

static bool w_from_memory(const struct convoy_plan *plan)
{
    return (int64_t)plan->packed_w_bytes > MEMORY_L2S * (int64_t)cpu_l2_bytes();
}

/* Tiles of a block of `bytes` each, of which `near` are V and the products of one block of
   channels: few, so that these, packed w, x and y share L2, and the next x may come meanwhile (see
   winograd_ahead.h), two register tiles at least. More where packed w comes from memory, or from
   behind L2 where that is as slow, which takes longer than so few tiles multiply, and where there
   is less to ask for as x and y are near; but little more than L2 holds. */
static int64_t tiles_wanted(const struct convoy_plan *plan, int64_t near, int64_t bytes)
{
    const struct blocking *b = &plan->blocking;
    int64_t l2 = (int64_t)cpu_l2_bytes();
    int64_t pixels = b->tile_pixels, many = WINOGRAD_REGISTER_TILES_MAX * pixels;
    if (w_from_memory(plan)) {
        return min64(many, max64(1, MEMORY_BLOCK_BYTES / bytes));
    }
    if (cpu_l3_slow() && (int64_t)plan->packed_w_bytes > l2 / 2) {
        int64_t least = min64(2 * pixels, max64(1, MEMORY_BLOCK_BYTES / bytes));
        return min64(many, max64(least, l2 / 4 * 5 / bytes));
    }
    int64_t room = l2 / 4 * 5 / near, most = max64(1, BLOCK_BYTES / bytes);
    int64_t few = FEW_ACCUMULATORS / b->tile_vectors / pixels * pixels;
    few = min64(min64(few, many), room / pixels * pixels);
    few = min64(most, max64(2 * pixels, few));
    if (layer_x_bytes(&plan->layer) + layer_y_bytes(&plan->layer) > NEAR_L2S * (double)l2) {
        return few;
    }
    return max64(few, min64(many, min64(room, most)));
}

/* Groups of which V holds the input channels: few, so that these lie near each other, and more
   tiles find room. */
static int64_t groups_together(const struct convoy_plan *plan)
{
    return min64(plan->layer.groups, divide_up(GROUP_CHANNELS, layer_Cg(&plan->layer)));
}

/* Blocks of channels whose products are transformed together: while they are multiplied point by
   point, a point's V, so many floats of each tile, stays in L1 and is not read from afar for each
   of them. Where that is little their products would only drive other things out of L2. Of several
   groups their whole vectors. */
static int64_t blocks_together(const struct convoy_plan *plan, int64_t v_floats, int64_t k_floats)
{
    const int64_t blocks = blocks_of_group(plan);
    if (plan->layer.groups > 1) {
        bool whole = layer_Kg(&plan->layer) % plan->kernels->vector_floats == 0;
        int64_t all = blocks * plan->blocking.groups_together;
        return whole ? min64(all, max64(1, CHANNELS_TOGETHER / k_floats)) : 1;
    }
    int64_t channels = min64(CHANNELS_TOGETHER, (int64_t)(PRODUCTS_OF_V * (double)v_floats));
    int64_t most = min64(plan->blocking.k_blocks, WINOGRAD_K_TOGETHER_MAX);
    return min64(most, max64(1, channels / k_floats));
}

/* Whether threads share the channels of a block, each of them reading its part of packed w, and not
   the tiles, each transforming its part of x: where reading takes longer. */
static bool shares_channels(const struct convoy_plan *plan, int64_t tiles)
{
    return w_from_memory(plan) ||
           (cpu_l3_slow() && (int64_t)plan->packed_w_bytes > (int64_t)cpu_l2_bytes() &&
            layer_Kg(&plan->layer) > CHANNELS_OF_TILE * tiles);
}

/* Blocks, about `fit` tiles each. Threads want as many each, or so many in all that one more does
   not count; if they share channels, so many that these make even shares, or two units each. */
static int64_t blocks_wanted(const struct convoy_plan *plan, int64_t tiles, int64_t fit)
{
    const int64_t threads = plan->threads, k_blocks = plan->blocking.k_blocks;
    int64_t blocks = divide_up(tiles, fit);
    if (blocks >= 8 * threads) {
        return blocks;
    }
    if (shares_channels(plan, tiles)) {
        const int64_t enough = divide_up(2 * threads, k_blocks);
        while (blocks < enough && blocks * k_blocks % threads != 0) {
            blocks++;
        }
        return min64(tiles, blocks);
    }
    return min64(tiles, round_up(blocks, threads));
}

static void choose_block(struct convoy_plan *plan)
{
    struct blocking *b = &plan->blocking;
    int64_t tiles = winograd_grid(plan).tiles;
    int64_t k_floats = b->tile_vectors * (int64_t)plan->kernels->vector_floats;
    struct winograd_axis h, w;
    winograd_axes(plan, &h, &w);
    int64_t v_floats = h.count * w.count * b->copy_channels;
    b->k_together = blocks_together(plan, v_floats, k_floats);
    int64_t v_bytes = 4 * points(plan) * v_floats, m_bytes = 4 * points(plan) * k_floats;
    int64_t fit = tiles_wanted(plan, v_bytes + m_bytes, v_bytes + b->k_together * m_bytes);
    b->asks_for_x = !cpu_l3_slow();
    b->streams = plan->packed_w_bytes > cpu_kept_bytes();
    b->in_pages = w_from_memory(plan);
    b->strip_columns = divide_up(tiles, blocks_wanted(plan, tiles, fit));
    const int64_t strips = divide_up(tiles, b->strip_columns), threads = plan->threads;
    const bool even = strips >= 4 * threads || threads == 1 ||
                      (strips % threads == 0 && !shares_channels(plan, tiles));
    b->k_parts = even ? 1 : min64(b->k_blocks, divide_up(4 * threads, strips));
}

int64_t winograd_carve(const struct convoy_plan *plan, char *workspace,
                       struct winograd_block *block)
{
    const struct blocking *b = &plan->blocking;
    int64_t tiles = b->strip_columns, floats = plan->kernels->vector_floats;
    int64_t used = 0;
    struct winograd_block s = {0};
    winograd_axes(plan, &s.h, &s.w);
    s.v_row = round_up(s.h.count * s.w.count * b->copy_channels, floats);
    /* a line between the streams keeps them out of each other's cache sets */
    s.v_stride = tiles * s.v_row + 16;
    s.m_row = b->k_together * b->tile_vectors * floats;
    s.m_stride = tiles * s.m_row + 16;
    s.v = carve(workspace, &used, points(plan) * s.v_stride * 4);
    s.products = carve(workspace, &used, points(plan) * s.m_stride * 4);
    s.positions = carve(workspace, &used, points(plan) * (int64_t)sizeof *s.positions);
    s.zeros = carve(workspace, &used, b->copy_channels * 4);
    if (plan->layer.layout == CONVOY_NCHW) {
        int64_t across = min64(tiles, winograd_grid(plan).across);
        int64_t pixels = winograd_rows_under(&s.h, 1) * winograd_columns_under(&s.w, across);
        s.copy = carve(workspace, &used, pixels * min64(floats, b->copy_channels) * 4);
        s.result = carve(workspace, &used, s.h.m * across * s.w.m * floats * 4);
    }
    if (block) {
        *block = s;
    }
    return used;
}

/* Part of the outputs of all tiles that exist. */
static double filled(const struct convoy_plan *plan)
{
    const struct winograd_algorithm *a = winograd_of(plan);
    double covered = (double)(winograd_grid(plan).tiles * a->m_h * a->m_w);
    return (double)(plan->layer.N * plan->P * plan->Q) / covered;
}

/* Vectors of x that the input transform of a tile takes: pieces that are joined (winograd_gather.c;
   in NHWC not at the edges of x) are as one of more channels; a part of a vector takes longer where
   no store has a mask. */
static double vectors_of_x(const struct convoy_plan *plan, const struct winograd_axis *h,
                           const struct winograd_axis *w)
{
    const double part = 0.7;
    const int64_t C = plan->layer.C, floats = plan->kernels->vector_floats;
    bool join = winograd_pieces_adjacent(w) && plan->blocking.copy_channels == C &&
                (plan->layer.layout == CONVOY_NHWC || C <= floats);
    int64_t channels = join ? w->count * C : C;
    double longer = floats < 16 && channels % floats > 0 ? part : 0;
    return (double)(join ? h->count : h->count * w->count) *
           ((double)divide_up(channels, floats) + longer);
}

/* Vectors of x that NCHW transposes; up to four channels are interleaved, which takes less. */
static double vectors_transposed(const struct convoy_plan *plan)
{
    const int64_t C = plan->layer.C, floats = plan->kernels->vector_floats;
    return C <= 4 ? (double)C / (double)floats : (double)divide_up(C, floats);
}

/* The two passes of a transform take for each point about as long as so many vector multiply-adds
   for each point of their axes (measured); in NCHW each vector of x and y is transposed, as in the
   direct algorithm. Beginning takes its time, and so does each point of a block: a call for each
   block of channels (measured). */
static struct work predicted_work(const struct convoy_plan *plan)
{
    const double multiply = 1.05, transform = 0.75, pack = 50.0;
    const double transpose = 11.0, transpose_back = 8.0, begin = 2000.0, call = 100.0;
    const convoy_layer *l = &plan->layer;
    int64_t floats = plan->kernels->vector_floats, tiles = winograd_grid(plan).tiles;
    int64_t blocks = divide_up(tiles, plan->blocking.strip_columns);
    struct winograd_axis h, w;
    winograd_axes(plan, &h, &w);
    double of_y = (double)(vectors_of_group(plan) * l->groups);
    double vectors = vectors_of_x(plan, &h, &w) + of_y, copies = 0;
    double alphas = (double)(h.alpha + w.alpha);
    double calls = (double)(points(plan) * blocks * plan->blocking.k_blocks);
    if (l->layout == CONVOY_NCHW) {
        double rows_again = (double)h.alpha / (double)h.m; /* rows under two tiles are read twice */
        copies = transpose * rows_again * (double)(l->N * l->H * l->W) * vectors_transposed(plan) +
                 transpose_back * (double)(l->N * plan->P * plan->Q) * of_y;
    }
    return (struct work){
        .multiply = multiply * (double)plan->executed_flops / (2.0 * (double)floats),
        .transform =
            transform * alphas * (double)(points(plan) * tiles) * vectors + call * calls + begin,
        .copy = copies,
        .w_passes = (double)blocks,
        .run_bytes =
            l->layout == CONVOY_NCHW ? 4.0 * (double)(winograd_rows_under(&h, 1) * l->W) : 0,
        .pack = pack * (double)plan->packed_w_bytes / (4.0 * (double)floats),
        .filled = filled(plan),
        .units = blocks * plan->blocking.k_parts,
    };
}

void winograd_prepare(struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    struct blocking *b = &plan->blocking;
    *b = (struct blocking){0};
    int64_t Cg = layer_Cg(l), floats = plan->kernels->vector_floats;
    b->depth_block = divide_up(Cg, divide_up(Cg, WINOGRAD_PARTIAL_SUM));
    b->k_blocks = blocks_of_group(plan) * l->groups;
    b->groups_together = groups_together(plan);
    b->copy_channels = b->groups_together * Cg;
    b->tile_vectors = (int)divide_up(vectors_of_group(plan), blocks_of_group(plan));
    b->tile_pixels = plan->kernels->tile->pixels_max[b->tile_vectors - 1];
    int64_t lanes = vectors_of_group(plan) * floats * l->groups;
    int64_t products = multiply_saturated(depth_of_points(plan), lanes);
    plan->packed_w_bytes = (size_t)multiply_saturated(4, products);
    choose_block(plan);
    b->thread_bytes = winograd_carve(plan, NULL, NULL);
    plan->workspace_bytes = (size_t)multiply_saturated(b->thread_bytes, plan->threads);
    plan->executed_flops = multiply_saturated(2 * winograd_grid(plan).tiles, products);
    plan->work = predicted_work(plan);
    plan->error_bound = winograd_error_bound(plan);
    plan->error_typical = winograd_error_typical(plan);
}

void winograd_describe(const struct convoy_plan *plan, char *text, size_t size)
{
    const struct blocking *b = &plan->blocking;
    struct winograd_grid grid = winograd_grid(plan);
    struct winograd_axis h, w;
    winograd_axes(plan, &h, &w);
    int pieces = h.count * w.count;
    char cut[40] = "";
    if (pieces > 1) {
        snprintf(cut, sizeof cut, "%d pieces of the filter; ", pieces);
    }
    snprintf(
        text, size,
        "%s%lld tiles (%.0f %% filled) in blocks of %lld; register tile %d x %d vectors of %d; "
        "sums of %lld channels",
        cut, (long long)grid.tiles, 100.0 * filled(plan), (long long)b->strip_columns,
        b->tile_pixels, b->tile_vectors, plan->kernels->vector_floats, (long long)b->depth_block);
}
