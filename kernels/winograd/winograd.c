/**
 * @file winograd.c
 * The Winograd family: rows of the algorithm table, and the loops they share.
 *
 *   for each block of tiles, for each share of the channel blocks     <- threads
 *       transform the tiles' input, of a few groups                   <- V in L2
 *       for each few blocks of output channels
 *           for each of the alpha_h * alpha_w points                  <- its V in L1
 *               for each block of output channels
 *                   for each few partial sums over input channels     <- their U
 *                       for each register tile                        <- registers
 *           transform the products back, epilogue, store
 *
 * The order of every sum is fixed by the layer and the ISA, so the bits do not depend on threads
 * or layout.
 */
#include "kernels/winograd/winograd.h"

#include <math.h>
#include <string.h>

#include "core/arithmetic.h"
#include "core/cpu.h"
#include "core/layer_checked.h"
#include "kernels/share.h"
#include "kernels/tile/tile_epilogue.h"
#include "kernels/winograd/winograd_ahead.h"

/* Runs of one call of a register tile, at most; the share of L2 of their packed w, or where lines
   from behind L2 take long, and to wait for those of L2 too would be too much, of L1; and the
   register tiles that ask for the packed w that follows, at most. */
#define RUNS_MAX      64
#define W_SHARE       8
#define W_SHARE_OF_L1 0.7
#define W_ASKS        4

/* Register tiles of one size, one after the other. */
struct alike {
    int tiles, pixels;
    tile_sums_function *sums;
};

/* The register tiles of a block of tiles and channels: of two sizes that follow each other. */
struct register_tiles {
    int count, sizes;
    struct alike of[2];
};

/* Blocks of channels between two output transforms. */
struct few_blocks {
    int count;
    struct winograd_k_block of[WINOGRAD_K_TOGETHER_MAX];
    struct register_tiles cut[WINOGRAD_K_TOGETHER_MAX];
};

static void cut_tiles(const struct convoy_plan *plan, int64_t tiles, int vectors,
                      struct register_tiles *cut)
{
    cut->count = (int)divide_up(tiles, plan->kernels->tile->pixels_max[vectors - 1]);
    cut->sizes = 0;
    for (int left = cut->count, alike; left > 0; left -= alike) {
        int pixels = (int)(tiles / left);
        alike = left - (int)(tiles % left);
        tiles -= (int64_t)pixels * alike;
        cut->of[cut->sizes++] =
            (struct alike){.tiles = alike,
                           .pixels = pixels,
                           .sums = plan->kernels->tile_sums->sums[vectors - 1][pixels - 1]};
    }
}

static void find_blocks(const struct convoy_plan *plan, int64_t index, int64_t end, int64_t tiles,
                        struct few_blocks *few)
{
    few->count = (int)(end - index);
    for (int i = 0; i < few->count; i++) {
        few->of[i] = winograd_k_block(plan, index + i);
        cut_tiles(plan, tiles, few->of[i].vectors, &few->cut[i]);
    }
}

/* All of them as one. */
static struct winograd_k_block joined(const struct few_blocks *few)
{
    struct winograd_k_block all = few->of[0];
    for (int i = 1; i < few->count; i++) {
        all.channels += few->of[i].channels;
        all.vectors += few->of[i].vectors;
    }
    return all;
}

/* How register tiles ask for the packed w that follows, of so many floats, if they run a depth. */
struct w_shares {
    int64_t depth, floats;
    int count; /* of tiles that ask */
    int64_t share, steps;
    ptrdiff_t stride;
    bool most, pages; /* see struct tile_ahead */
};

/* How a few blocks of channels are multiplied, the same for all points: worked out once, since few
   channels' register tiles take no longer than some divisions. */
struct multiply {
    const struct convoy_plan *plan;
    const struct winograd_block *block;
    const struct few_blocks *few;
    struct ahead *ahead;
    int64_t Cg;
    int runs_most;               /* of one call of a register tile */
    struct tile_run *runs;       /* of the call: room for them, */
    struct tile_ahead *asks;     /* for W_ASKS and then one for each register tile */
    struct w_shares w;           /* of the last call */
    struct tile_sums_operands o; /* of the call */
};

/* How packed w of so many floats is asked for while so many register tiles run a depth: by W_ASKS
   of them, evenly. What one asks for at once from far away keeps it waiting for its own operands,
   since a core can wait for few lines at a time. Shares of about two pages are asked for in both at
   a time. */
static void share_w(struct multiply *m, int tiles, int64_t depth, int64_t floats)
{
    struct w_shares *w = &m->w;
    if (w->depth == depth && w->floats == floats) {
        return;
    }
    const struct tile_sums *sums = m->plan->kernels->tile_sums;
    w->depth = depth;
    w->floats = floats;
    w->count = !m->plan->blocking.streams ? 0 : tiles < W_ASKS ? tiles : W_ASKS;
    w->share = floats / max64(1, w->count);
    w->steps = max64(1, depth / 2);
    /* a second page is asked for as far as the first, and beyond both what is left */
    const int64_t run = max64(TILE_PAGE_FLOATS, w->share - TILE_PAGE_FLOATS);
    w->pages = m->plan->blocking.in_pages && sums->ahead_most > sums->ahead_floats &&
               2 * w->share >= 3 * TILE_PAGE_FLOATS && w->share <= 3 * TILE_PAGE_FLOATS &&
               run <= sums->ahead_most / 2 * w->steps;
    const int parts = w->pages ? 2 : 1;
    w->stride = min64(sums->ahead_most / parts, divide_up(w->pages ? run : w->share, w->steps));
    w->most = w->stride > sums->ahead_floats / parts;
}

/* What the register tiles ask for, one each: the first for the packed w that follows, then, or
   instead, for what comes after the multiply as it is due. */
static void find_asks(struct multiply *m, int tiles, const float *next)
{
    struct tile_ahead *const pieces = m->asks + W_ASKS;
    const int due = ahead_next(m->ahead, tiles, pieces);
    const int count = m->w.count < tiles - due ? m->w.count : tiles - due;
    for (int i = 0; i < count; i++) {
        pieces[i - count] = (struct tile_ahead){
            .from = next + i * m->w.share,
            .stride = m->w.stride,
            .steps = m->w.steps,
            .most = m->w.most,
            .pages = m->w.pages,
        };
    }
    m->o.ahead = pieces - count;
    m->o.ahead_count = count + due;
}

/* Some partial sums of one point: all register tiles. */
static void multiply_sums(struct multiply *m, const struct register_tiles *cut, const float *x,
                          float *sums)
{
    for (int i = 0; i < cut->sizes; i++) {
        const struct alike *alike = &cut->of[i];
        m->o.tiles = alike->tiles;
        m->o.x = x;
        m->o.sums = sums;
        alike->sums(&m->o);
        x += alike->tiles * alike->pixels * m->o.x_stride;
        sums += alike->tiles * alike->pixels * m->o.sums_stride;
        m->o.ahead += alike->tiles;
        m->o.ahead_count -= alike->tiles;
    }
}

/* Runs of depth_block channels in a partial sum. */
static int partial_runs(const struct convoy_plan *plan)
{
    return WINOGRAD_PARTIAL_SUM / (int)plan->blocking.depth_block;
}

/* Runs of the sum of a point that has all pieces. */
static int64_t runs_of_point(const struct convoy_plan *plan, const struct winograd_block *block)
{
    int64_t of_piece = divide_up(layer_Cg(&plan->layer), plan->blocking.depth_block);
    return block->h.count * block->w.count * of_piece;
}

/* Partial sums of one call of a register tile: so many that their packed w, which all register
   tiles read, takes a small part of L2, of which a third or twice is 2 % slower, or most of L1; as
   many in each call. */
static int partials_together(const struct convoy_plan *plan, const struct winograd_block *block)
{
    const struct blocking *b = &plan->blocking;
    int64_t row_bytes = b->tile_vectors * (int64_t)plan->kernels->vector_floats * 4;
    int64_t bytes = cpu_l3_slow() ? (int64_t)(W_SHARE_OF_L1 * (double)cpu_l1d_bytes())
                                  : (int64_t)cpu_l2_bytes() / W_SHARE;
    int64_t fit = max64(1, bytes / row_bytes / (partial_runs(plan) * b->depth_block));
    fit = min64(fit, RUNS_MAX / partial_runs(plan));
    int64_t all = divide_up(runs_of_point(plan, block), partial_runs(plan));
    return (int)divide_up(all, divide_up(all, fit));
}

/* Where in the sum of a point some runs begin. */
struct sum_place {
    int64_t piece_h, piece_w, c;
};

/* A point, and where its packed w begins in each block of channels: so many rows. */
struct point {
    int64_t index, w_rows;
    int pieces_h, pieces_w;
};

/* The next runs of the sum of a point, as many as a call takes: the channels of a group, piece
   after piece; moves the place on. Returns their depth; 0 at the end. */
static int64_t next_runs(struct multiply *m, const struct point *point, struct sum_place *at)
{
    const int64_t C = m->plan->blocking.copy_channels, run = m->plan->blocking.depth_block;
    int64_t depth = 0;
    m->o.run_count = 0;
    while (m->o.run_count < m->runs_most && at->piece_h < point->pieces_h) {
        struct tile_run *next = &m->runs[m->o.run_count++];
        next->x_offset = (at->piece_h * m->block->w.count + at->piece_w) * C + at->c;
        next->depth = min64(run, m->Cg - at->c);
        depth += next->depth;
        at->c += run;
        if (at->c >= m->Cg) {
            at->c = 0;
            at->piece_w++;
        }
        if (at->piece_w == point->pieces_w) {
            at->piece_w = 0;
            at->piece_h++;
        }
    }
    return depth;
}

static struct point point_of(const struct multiply *m, int64_t index)
{
    const struct winograd_block *block = m->block;
    int i = (int)index / block->w.alpha, j = (int)index % block->w.alpha;
    return (struct point){
        .index = index,
        .w_rows = winograd_pieces_before(&block->h, &block->w, i, j) * m->Cg,
        .pieces_h = winograd_pieces_at(&block->h, i),
        .pieces_w = winograd_pieces_at(&block->w, j),
    };
}

static int64_t row_floats(const struct convoy_plan *plan, const struct winograd_k_block *k_block)
{
    return (int64_t)k_block->vectors * plan->kernels->vector_floats;
}

static const float *w_of(const struct convoy_plan *plan, const struct winograd_k_block *k_block,
                         const struct point *point)
{
    return (const float *)plan->packed_w + k_block->w_offset +
           point->w_rows * row_floats(plan, k_block);
}

/* The products of one point and one block of channels; `after`: packed w that is read next, NULL if
   it follows in memory. */
static void multiply_point(struct multiply *m, int which, const struct point *point,
                           const float *after)
{
    const struct winograd_k_block *k_block = &m->few->of[which];
    const struct register_tiles *cut = &m->few->cut[which];
    const struct winograd_block *block = m->block;
    const int64_t group = k_block->group % m->plan->blocking.groups_together;
    const float *x = block->v + point->index * block->v_stride + group * m->Cg;
    float *sums = block->products + point->index * block->m_stride;
    sums += k_block->k - m->few->of[0].k;
    m->o.w = w_of(m->plan, k_block, point);
    m->o.adds = false;
    struct sum_place at = {0};
    for (int64_t depth; (depth = next_runs(m, point, &at)) > 0; m->o.adds = true) {
        int64_t w_floats = depth * row_floats(m->plan, k_block);
        const float *next = m->o.w + w_floats;
        bool ends = after && at.piece_h == point->pieces_h;
        share_w(m, cut->count, depth, w_floats);
        find_asks(m, cut->count, ends ? after : next);
        multiply_sums(m, cut, x, sums);
        m->o.w = next;
    }
}

/* The products of a few blocks of channels, point by point: a point's V is read again and again. */
static void multiply_points(const struct convoy_plan *plan, const struct winograd_block *block,
                            const struct few_blocks *few, struct ahead *ahead)
{
    struct tile_run runs[RUNS_MAX];
    struct tile_ahead asks[W_ASKS + WINOGRAD_REGISTER_TILES_MAX];
    struct multiply m = {
        .plan = plan,
        .block = block,
        .few = few,
        .ahead = ahead,
        .Cg = layer_Cg(&plan->layer),
        .runs_most = partial_runs(plan) * partials_together(plan, block),
        .runs = runs,
        .asks = asks,
        .o = {.x_stride = block->v_row,
              .runs = runs,
              .partial_runs = partial_runs(plan),
              .sums_stride = block->m_row},
    };
    const int64_t points = (int64_t)block->h.alpha * block->w.alpha;
    struct point point = point_of(&m, 0);
    for (int64_t index = 0; index < points; index++) {
        struct point next = index + 1 < points ? point_of(&m, index + 1) : point;
        for (int i = 0; i < few->count; i++) {
            const float *after = NULL;
            if (i + 1 < few->count) {
                after = w_of(plan, &few->of[i + 1], &point);
            } else if (i > 0 && index + 1 < points) {
                after = w_of(plan, &few->of[0], &next);
            }
            multiply_point(&m, i, &point, after);
        }
        point = next;
    }
}

/* Depth of the calls of a register tile for a block of channels, and how many there are, about. */
static void calls_of_sums(const struct convoy_plan *plan, const struct winograd_block *block,
                          int64_t tiles, int64_t *calls, int64_t *depth)
{
    const struct blocking *b = &plan->blocking;
    int64_t runs = runs_of_point(plan, block);
    int64_t together = min64(runs, (int64_t)partial_runs(plan) * partials_together(plan, block));
    *calls = block->h.alpha * block->w.alpha * divide_up(tiles, b->tile_pixels) *
             divide_up(runs, together);
    *depth = together * b->depth_block;
}

/* What V holds: a block of tiles from `tile` on, of the groups that pack `pack` of k blocks reads.
 */
struct held {
    int64_t tile, pack;
};

/* Sees to it that V holds what block `index` reads. Returns where the blocks end that read it too.
 */
static int64_t hold(const struct convoy_plan *plan, const struct operands *operands,
                    const struct winograd_block *block, int64_t tile, int64_t end, int64_t index,
                    struct held *held)
{
    const struct blocking *b = &plan->blocking;
    const int64_t of_pack = b->k_blocks / plan->layer.groups * b->groups_together;
    const int64_t pack = index / of_pack, first = pack * b->copy_channels;
    if (held->tile != tile || held->pack != pack) {
        struct winograd_channels channels = {
            .first = first,
            .count = min64(b->copy_channels, plan->layer.C - first),
        };
        winograd_gather(plan, operands->x, block, channels, tile, end);
        *held = (struct held){tile, pack};
    }
    return (pack + 1) * of_pack;
}

/* One share of the channel blocks of one block of tiles. */
static void work_unit(const struct convoy_plan *plan, const struct operands *operands,
                      const struct winograd_block *block, int64_t unit, struct held *held)
{
    const struct blocking *b = &plan->blocking;
    int64_t tile = unit / b->k_parts * b->strip_columns;
    int64_t end = min64(tile + b->strip_columns, winograd_grid(plan).tiles);
    int64_t part = unit % b->k_parts;
    struct tile_epilogue epilogue = tile_epilogue_of(&plan->layer.epilogue);
    struct ahead ahead;
    struct few_blocks few;
    int64_t calls, depth;
    calls_of_sums(plan, block, end - tile, &calls, &depth);
    int64_t last = b->k_blocks * (part + 1) / b->k_parts;
    for (int64_t index = b->k_blocks * part / b->k_parts; index < last; index += few.count) {
        int64_t holds = hold(plan, operands, block, tile, end, index, held);
        find_blocks(plan, index, min64(min64(last, holds), index + b->k_together), end - tile,
                    &few);
        struct winograd_k_block all = joined(&few);
        epilogue.bias = plan->bias ? plan->bias + all.k : NULL;
        ahead_fill(plan, operands, block, &all, tile, end, index + few.count == last,
                   few.count * calls, depth, &ahead);
        multiply_points(plan, block, &few, &ahead);
        winograd_scatter(plan, operands, block, &all, tile, end, &epilogue);
    }
}

static void work_blocks(const struct convoy_plan *plan, const struct operands *operands,
                        char *workspace, struct share *share)
{
    struct winograd_block block;
    winograd_carve(plan, workspace, &block);
    memset(block.zeros, 0, (size_t)plan->blocking.copy_channels * sizeof *block.zeros);
    struct held held = {-1, -1};
    for (int64_t unit; (unit = share_next(share)) >= 0;) {
        work_unit(plan, operands, &block, unit, &held);
    }
}

static void winograd_execute(const struct convoy_plan *plan, const struct operands *operands)
{
    const struct blocking *b = &plan->blocking;
    int64_t blocks = divide_up(winograd_grid(plan).tiles, b->strip_columns);
    share_units(plan, operands, plan->threads, blocks * b->k_parts, SHARE_TO_THE_FREE, work_blocks);
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
