/**
 * @file winograd_multiply.c
 * The products of a block of tiles and a few blocks of output channels: for each point a matrix
 * multiply, by register tiles that ask for what is read next.
 *
 *   for each of the alpha_h * alpha_w points                  <- its V in L1
 *       for each block of output channels
 *           for each few partial sums over input channels     <- their U
 *               for each register tile                        <- registers
 */
#include "core/arithmetic.h"
#include "core/cpu.h"
#include "core/layer_checked.h"
#include "kernels/winograd/winograd.h"
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
    const struct winograd_few_blocks *few;
    struct register_tiles *cut; /* of each of them */
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
    const struct register_tiles *cut = &m->cut[which];
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

void winograd_multiply(const struct convoy_plan *plan, const struct winograd_block *block,
                       const struct winograd_few_blocks *few, int64_t tiles, struct ahead *ahead)
{
    struct register_tiles cut[WINOGRAD_K_TOGETHER_MAX];
    struct tile_run runs[RUNS_MAX];
    struct tile_ahead asks[W_ASKS + WINOGRAD_REGISTER_TILES_MAX];
    struct multiply m = {
        .plan = plan,
        .block = block,
        .few = few,
        .cut = cut,
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
    for (int i = 0; i < few->count; i++) {
        cut_tiles(plan, tiles, few->of[i].vectors, &cut[i]);
    }
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

void winograd_calls(const struct convoy_plan *plan, const struct winograd_block *block,
                    int64_t tiles, int64_t *calls, int64_t *depth)
{
    const struct blocking *b = &plan->blocking;
    int64_t runs = runs_of_point(plan, block);
    int64_t together = min64(runs, (int64_t)partial_runs(plan) * partials_together(plan, block));
    *calls = block->h.alpha * block->w.alpha * divide_up(tiles, b->tile_pixels) *
             divide_up(runs, together);
    *depth = together * b->depth_block;
}
