/**
 * @file direct_blocking.c
 * How the direct algorithm cuts a layer: from the extents, the ISA's tiles and the caches.
 */
#include "kernels/direct/direct.h"

#include "convoy/count.h"
#include "core/arithmetic.h"
#include "core/cpu.h"
#include "core/layer_checked.h"
#include "kernels/depthwise/depthwise.h"

/* Terms of a partial sum: 256 rows of a 64-channel block of w are 64 KiB, which stay in L2 while
   all tiles of a strip read them; and a sum of 256 has a rounding error well below one of
   thousands. */
#define DEPTH_BLOCK 256
/* Packed w that comes from L3 for so many pixels takes some 3 % of their multiply-adds' time. */
#define STRIP_PIXELS_ENOUGH 128
/* Of a strip that is larger than what L2 is to hold. */
#define COPY_BYTES_MAX (384 * 1024)
/* Pixels that lie a multiple of this apart share an eighth of L1's sets or less: a copy without
   gaps is 1.3 to 1.7 times as fast then, elsewhere 2 to 16 % slower. And of each pixel what is
   copied together: whole lines. */
#define COLLIDING_BYTES 512
#define PIECE_FLOATS    32
/* Fewer pixels than this for each set of taps leave register tiles half empty. */
#define GROUP_PIXELS_MIN 4

const struct tile_shapes *direct_shapes(const struct convoy_plan *plan)
{
    const struct isa_kernels *kernels = plan->kernels;
    return plan->blocking.dots    ? kernels->dots
           : plan->blocking.lanes ? kernels->lanes
                                  : kernels->tile;
}

int64_t direct_tile_floats(const struct convoy_plan *plan)
{
    return plan->blocking.dots ? 1 : plan->kernels->vector_floats;
}

int64_t direct_sums_floats(const struct convoy_plan *plan)
{
    const int64_t floats = plan->kernels->vector_floats;
    return plan->blocking.dots ? floats : plan->blocking.tile_vectors * floats;
}

/* The output channels of one group (dense) or of all (lanes). */
static int64_t channels_of(const struct convoy_plan *plan)
{
    return plan->blocking.lanes ? plan->layer.K : layer_Kg(&plan->layer);
}

int64_t direct_vectors(const struct convoy_plan *plan)
{
    return divide_up(channels_of(plan), direct_tile_floats(plan));
}

/* Floats of packed w that hold them. A half, and one vector and a half, are filled up where the
   half takes as long as a whole one: its multiply-adds load x each for itself, as many times as the
   whole one's share, and its tiles end slowly (64 -> 24 channels at 28x28 0.96 of the time, 32 -> 4
   at 112x112 0.8, 3 -> 3 by 3x3 at 256x256 0.8; two and a half lose as much). */
static int64_t width_of(const struct convoy_plan *plan)
{
    int64_t channels = channels_of(plan), floats = plan->kernels->vector_floats;
    bool fills = !plan->blocking.dots && cpu_halves_slow() && plan->layer.layout == CONVOY_NHWC &&
                 divide_up(channels, floats) <= 2;
    return round_up(channels, fills ? floats : direct_shapes(plan)->granule);
}

int64_t direct_lanes(const struct convoy_plan *plan)
{
    return plan->blocking.lanes ? width_of(plan) : width_of(plan) * plan->layer.groups;
}

/* As many vectors as a register tile can have, not as many as are best for long sums: for short
   ones, and for so few pixels that a tile has fewer sums than multiply-adds are under way. */
static int block_vectors(const struct convoy_plan *plan)
{
    const struct tile_shapes *shapes = direct_shapes(plan);
    const int64_t pixels = plan->layer.N * plan->P * plan->Q;
    if (pixels == 1) {
        return shapes->vectors_single;
    }
    return direct_sums_are_short(plan) || pixels <= 3 ? shapes->vectors_max : shapes->vectors_best;
}

static int64_t blocks_of_group(const struct convoy_plan *plan)
{
    const struct tile_shapes *shapes = direct_shapes(plan);
    int64_t vectors = direct_vectors(plan);
    int64_t most = plan->blocking.block_vectors;
    return max64(divide_up(vectors, max64(most, shapes->vectors_max)), vectors / most);
}

struct direct_k_block direct_k_block(const struct convoy_plan *plan, int64_t index)
{
    const convoy_layer *layer = &plan->layer;
    int64_t floats = direct_tile_floats(plan);
    int64_t vectors = direct_vectors(plan), blocks = blocks_of_group(plan);
    int64_t group = index / blocks, in_group = index % blocks;
    int64_t first = vectors / blocks * in_group + min64(in_group, vectors % blocks);
    int64_t next = first + vectors / blocks + (in_group < vectors % blocks);
    int64_t channels = channels_of(plan), depth = layer_depth(layer);
    return (struct direct_k_block){
        .group = plan->blocking.lanes ? first * floats / layer_Kg(layer) : group,
        .k = group * channels + first * floats,
        .channels = (int)(min64(channels, next * floats) - first * floats),
        .width = (int)(min64(width_of(plan), next * floats) - first * floats),
        .w_offset = (group * width_of(plan) + first * floats) * depth,
    };
}

bool direct_block_packs(const struct convoy_plan *plan, int64_t index)
{
    if (!plan->blocking.lanes || plan->blocking.packs) {
        return plan->blocking.packs;
    }
    /* Depthwise in place: a block that is not full would read past the last channel. */
    struct direct_k_block block = direct_k_block(plan, index);
    return block.channels < block.width;
}

/* Would sorting the pixels of `images` images by their taps leave groups too small? */
static bool groups_too_small(const struct convoy_plan *plan, int64_t images)
{
    const convoy_layer *l = &plan->layer;
    int rows = direct_spans(0, plan->P, l->stride_h, l->pad_top, l->dilation_h, l->R, l->H, false,
                            NULL, 0);
    int columns = direct_spans(0, plan->Q, l->stride_w, l->pad_left, l->dilation_w, l->S, l->W,
                               false, NULL, 0);
    return rows > DIRECT_SPANS_MAX || columns > DIRECT_SPANS_MAX || rows * columns > 25 ||
           plan->P * plan->Q * images < (int64_t)GROUP_PIXELS_MIN * rows * columns;
}

static bool y_far(const struct convoy_plan *plan)
{
    return layer_x_bytes(&plan->layer) + layer_y_bytes(&plan->layer) > cpu_near_bytes();
}

static int64_t l2_share(void)
{
    return (int64_t)cpu_l2_bytes() / 3;
}

/* Of a pixel's x, what one piece of the depth reads. */
static int64_t piece_bytes(const struct convoy_plan *plan)
{
    return 4 * min64(plan->layer.C, plan->blocking.depth_block);
}

/* Input bytes under `rows` x `columns` output pixels of one image. */
static int64_t window_bytes(const struct convoy_plan *plan, int64_t rows, int64_t columns)
{
    const convoy_layer *l = &plan->layer;
    int64_t h = min64((rows - 1) * l->stride_h + l->dilation_h * (l->R - 1) + 1,
                      l->H + l->pad_top + l->pad_bottom);
    int64_t w = min64((columns - 1) * l->stride_w + l->dilation_w * (l->S - 1) + 1,
                      l->W + l->pad_left + l->pad_right);
    int64_t bytes = 4 * (plan->blocking.packs ? plan->blocking.copy_channels : l->C);
    return multiply_checked(&bytes, h) && multiply_checked(&bytes, w) ? bytes : INT64_MAX;
}

/* Does what a strip's tiles read again and again stay in L2? Those are the x of all channels, or of
   those copied together, for each block of output channels; or, depth first, what a piece of the
   depth reads of it. A strip that is copied is copied whole. */
static bool strip_fits(const struct convoy_plan *plan, int64_t images, int64_t rows,
                       int64_t columns)
{
    const struct blocking *b = &plan->blocking;
    const int64_t pixels = images * rows * columns;
    if (pixels > STRIP_PIXELS_MAX) {
        return false;
    }
    int64_t window = multiply_saturated(images, window_bytes(plan, rows, columns));
    if (!b->depth_first) {
        return window <= l2_share();
    }
    return pixels * piece_bytes(plan) <= l2_share() && (!b->packs || window <= COPY_BYTES_MAX);
}

/* The largest n, least <= n <= most, that fits: rows of all columns, or columns of one row. */
static int64_t most_that_fit(const struct convoy_plan *plan, bool rows, int64_t least, int64_t most)
{
    while (least < most) {
        int64_t middle = least + (most - least + 1) / 2;
        bool fits = rows ? strip_fits(plan, 1, middle, plan->Q) : strip_fits(plan, 1, 1, middle);
        least = fits ? middle : least;
        most = fits ? most : middle - 1;
    }
    return least;
}

/* As many whole images, or rows of one, or columns of a row, as fit; then evened out so that the
   last is not nearly empty. */
static void cut_strip(struct convoy_plan *plan)
{
    struct blocking *b = &plan->blocking;
    b->strip_images = 1;
    b->strip_rows = most_that_fit(plan, true, 0, plan->P);
    b->strip_columns = plan->Q;
    if (b->strip_rows == 0) {
        b->strip_rows = 1;
        b->strip_columns = most_that_fit(plan, false, min64(plan->Q, TILE_PIXELS_MAX),
                                         min64(plan->Q, STRIP_PIXELS_MAX));
        b->strip_columns = divide_up(plan->Q, divide_up(plan->Q, b->strip_columns));
    } else if (b->strip_rows == plan->P) {
        int64_t images = 1;
        while (images < plan->layer.N && strip_fits(plan, images + 1, plan->P, plan->Q)) {
            images++;
        }
        b->strip_images = divide_up(plan->layer.N, divide_up(plan->layer.N, images));
    } else {
        b->strip_rows = divide_up(plan->P, divide_up(plan->P, b->strip_rows));
    }
}

static int64_t strip_pixels(const struct blocking *b)
{
    return b->strip_images * b->strip_rows * b->strip_columns;
}

/* As many strips for each thread, where one more would count. Where there are few, threads share
   their channels instead. */
static void even_strips(struct convoy_plan *plan)
{
    struct blocking *b = &plan->blocking;
    const int64_t threads = plan->threads, images = plan->layer.N;
    int64_t of_image = divide_up(plan->P, b->strip_rows);
    const int64_t strips = images * of_image;
    if (b->strip_rows == plan->P || b->strip_columns < plan->Q || strips <= threads ||
        strips >= 8 * threads) {
        return;
    }
    while (images * of_image % threads != 0 && of_image < plan->P) {
        of_image++;
    }
    b->strip_rows = divide_up(plan->P, of_image);
}

/* Where few pixels have their x in L2, packed w passes by too often: then one piece of the depth
   after the other, which lets more pixels stay, and the sums of all channels with them. */
static void choose_strip(struct convoy_plan *plan)
{
    struct blocking *b = &plan->blocking;
    cut_strip(plan);
    const int64_t pixels = strip_pixels(b);
    const bool may = direct_chunks(plan) > 1 && b->k_blocks > 1 && plan->layer.groups == 1;
    if (!may || pixels >= STRIP_PIXELS_ENOUGH || (int64_t)plan->packed_w_bytes < l2_share()) {
        return;
    }
    b->depth_first = true;
    cut_strip(plan);
    if (strip_pixels(b) < 2 * pixels) {
        b->depth_first = false;
        cut_strip(plan);
    }
}

int64_t direct_strips(const struct convoy_plan *plan)
{
    const struct blocking *b = &plan->blocking;
    return divide_up(plan->layer.N, b->strip_images) * divide_up(plan->P, b->strip_rows) *
           divide_up(plan->Q, b->strip_columns);
}

/* Output channels are shared out as well when there are too few strips for the threads, or when L2
   would not hold their sums. */
static void choose_parts(struct convoy_plan *plan)
{
    struct blocking *b = &plan->blocking;
    int64_t strips = direct_strips(plan);
    int threads = direct_threads(plan);
    int64_t wanted = threads > 1 ? 4 * (int64_t)threads : 1;
    int64_t parts = divide_up(wanted, strips);
    if (b->depth_first) {
        int64_t sums = 4 * strip_pixels(b) * direct_sums_floats(plan);
        parts = max64(parts, divide_up(b->k_blocks, max64(1, l2_share() / sums)));
    }
    b->k_parts = min64(b->k_blocks, parts);
}

static int64_t executed_flops(const struct convoy_plan *plan)
{
    const convoy_layer *layer = &plan->layer;
    convoy_counts counts;
    if (convoy_layer_count(layer, NULL, &counts) != CONVOY_OK) {
        return INT64_MAX;
    }
    int64_t terms = (plan->blocking.pads ? counts.macs : counts.macs_valid) / layer->K;
    terms = plan->blocking.dots ? direct_dots_terms(plan, terms) : terms;
    return multiply_saturated(multiply_saturated(terms, 2), direct_lanes(plan));
}

/* Do pixels lie so that the lines of a group, which several taps read, share few sets of L1? */
static bool groups_collide(const convoy_layer *l)
{
    return l->groups > 1 && l->R * l->S > 1 && 4 * l->C % COLLIDING_BYTES == 0;
}

/* Strips, and whether their x is copied. */
static void choose_copies(struct convoy_plan *plan)
{
    const convoy_layer *layer = &plan->layer;
    struct blocking *b = &plan->blocking;
    const int64_t Cg = layer_Cg(layer);
    b->packs = layer->layout == CONVOY_NCHW || direct_dots_join(plan) ||
               (b->lanes ? Cg > 1 || layer_Kg(layer) > 1 : groups_collide(layer));
    /* parts of vectors take long to transpose */
    const int64_t floats = plan->kernels->vector_floats;
    const bool apart = groups_collide(layer) || Cg % floats == 0;
    b->groups_together = b->lanes ? 1
                         : apart  ? min64(layer->groups, divide_up(PIECE_FLOATS, Cg))
                                  : layer->groups;
    b->copy_channels = Cg * (b->lanes ? floats : b->groups_together);
    b->run_channels = !b->lanes && apart ? Cg : b->copy_channels;
    choose_strip(plan);
    b->pads = layer_is_padded(layer) &&
              (direct_dots_join(plan) || groups_too_small(plan, b->strip_images));
    if (b->pads && !b->packs) {
        b->packs = true;
        choose_strip(plan);
    }
    if (!b->depth_first) {
        even_strips(plan);
    }
}

/* Register tiles on x or on a copy of it in NHWC order, or on panels: what is predicted to be
   faster. */
static void prepare_tiles(struct convoy_plan *plan)
{
    struct blocking *b = &plan->blocking;
    choose_copies(plan);
    plan->executed_flops = executed_flops(plan);
    plan->work = direct_work(plan);
    if (direct_panels_fit(plan)) {
        struct work work = direct_panels_work(plan);
        b->panels = work.multiply + work.copy < plan->work.multiply + plan->work.copy;
        plan->work = b->panels ? work : plan->work;
    }
    if (b->panels) {
        b->pads = layer_is_padded(&plan->layer);
        direct_panels_prepare(plan);
        b->thread_bytes = direct_panels_bytes(plan);
        plan->executed_flops = direct_panels_flops(plan);
        plan->work = direct_panels_work(plan);
        plan->work.units = direct_panels_strips(plan) * b->k_parts;
    } else {
        choose_parts(plan);
        direct_ahead_prepare(plan);
        b->thread_bytes = direct_strip_carve(plan, NULL, NULL);
        plan->work.units = direct_strips(plan) * b->k_parts;
    }
    plan->work.units = direct_threads(plan) > 1 ? plan->work.units : 1;
}

static void prepare_depthwise(struct convoy_plan *plan)
{
    struct blocking *b = &plan->blocking;
    depthwise_prepare(plan);
    plan->executed_flops = b->planes ? depthwise_planes_flops(plan) : executed_flops(plan);
    plan->work = direct_work(plan);
    int64_t strips = plan->layer.N * divide_up(plan->P, b->strip_rows);
    plan->work.units = depthwise_shares(plan) > 1 ? strips * b->k_parts : 1;
}

void direct_prepare(struct convoy_plan *plan)
{
    const convoy_layer *layer = &plan->layer;
    struct blocking *b = &plan->blocking;
    *b = (struct blocking){0};
    /* dense tiles make nearly twice the multiply-adds, of which groups may leave half empty */
    b->lanes = layer->groups > 1 && 2 * layer_Kg(layer) <= plan->kernels->vector_floats;
    b->dots = direct_dots_fit(plan);
    b->block_vectors = block_vectors(plan);
    const struct tile_shapes *shapes = direct_shapes(plan);
    int64_t depth = layer_depth(layer);
    b->depth_block =
        b->dots ? direct_dots_depth_block(plan) : divide_up(depth, divide_up(depth, DEPTH_BLOCK));
    b->k_blocks = blocks_of_group(plan) * (b->lanes ? 1 : layer->groups);
    b->tile_vectors = (int)divide_up(direct_vectors(plan), blocks_of_group(plan));
    b->tile_pixels = shapes->pixels_max[b->tile_vectors - 1];
    b->y_far = y_far(plan);
    b->depthwise = depthwise_applies(plan) && depth <= DEPTH_BLOCK;
    plan->packed_w_bytes = (size_t)multiply_saturated(4 * direct_lanes(plan), depth);
    if (b->depthwise) {
        prepare_depthwise(plan);
    } else {
        prepare_tiles(plan);
    }
    if (b->panels) {
        plan->packed_w_bytes = (size_t)multiply_saturated(4 * layer->K, depth);
    }
    plan->workspace_bytes = (size_t)multiply_saturated(b->thread_bytes, plan->threads);
    /* a partial sum, the sum of the partial sums, bias, residual, slope */
    const int64_t chain = b->dots ? direct_dots_chain(plan) : b->depth_block;
    plan->error_bound = sum_error_bound(chain + direct_chunks(plan) + 3);
    plan->error_typical = sum_error_typical(chain, direct_chunks(plan));
}
