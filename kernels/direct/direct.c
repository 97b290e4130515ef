/**
 * @file direct.c
 * The direct algorithm: no transform, no lowering, register tiles on x where it lies.
 *
 *   for each strip of y, for each share of the channel blocks        <- threads
 *       copy the strip's x if it must be, of a few groups            <- in L2
 *       for each block of output channels
 *           for each chunk of the depth                              <- its w in L2
 *               for each group of pixels that see the same taps
 *                   for each register tile                           <- registers
 *
 * Where L2 holds the x of a few pixels only, the loops over blocks and chunks change places: then
 * it holds a chunk of more pixels' x, and their sums of all blocks.
 *
 * Depthwise layers have loops of their own: kernels/depthwise.
 *
 * The order of every sum is fixed by the layer and the ISA: strips, shares and threads only decide
 * who does it. So the bits do not depend on the number of threads or on the layout; but where all
 * products underflow, on padding the layout decides the sign of the zero.
 */
#include "kernels/direct/direct.h"

#include "core/arithmetic.h"
#include "core/layer_checked.h"
#include "kernels/share.h"
#include "kernels/tile/tile_epilogue.h"

static const char *refuse(const struct algorithm *algorithm, const convoy_layer *layer)
{
    (void)algorithm;
    (void)layer;
    return NULL;
}

int direct_threads(const struct convoy_plan *plan)
{
    const double worth_sharing = 60000; /* vector multiply-adds: some 20 microseconds */
    return plan->work.multiply + plan->work.copy > worth_sharing ? plan->threads : 1;
}

/* All tiles of one group of pixels for one chunk of the depth: even shares, so that no tile is
   nearly empty; some tiles, then some of a pixel more. */
static void multiply_group(const struct convoy_plan *plan, const struct direct_strip *strip,
                           const struct direct_group *group, int64_t chunk, int width,
                           struct tile_operands *tile)
{
    const struct tile_shapes *shapes = direct_shapes(plan);
    const int64_t *starts = strip->chunk_runs + group->chunk_runs;
    const int floats = (int)direct_tile_floats(plan), vectors = (width + floats - 1) / floats;
    const int most = shapes->pixels_max[vectors - 1], count = (int)group->count;
    const int tiles = (count + most - 1) / most, larger = count % tiles;
    int pixels = count / tiles;
    tile->runs = strip->runs + starts[chunk];
    tile->run_count = (int)(starts[chunk + 1] - starts[chunk]);
    const ptrdiff_t turns =
        tile->ahead.steps > 0 ? tile_turns(tile->runs, tile->run_count, shapes->ask_steps) : 0;
    int64_t at = group->first;
    for (int size = 0; size < 2; size++, pixels++) {
        for (int left = size == 0 ? tiles - larger : larger; left > 0; left -= tile->tiles) {
            tile->tiles = left;
            if (turns > 0 && tile->ahead.steps > 0) { /* tiles that ask for nothing are faster */
                tile->tiles = (int)min64(left, divide_up(tile->ahead.steps, turns));
            }
            tile->pointers_step = pixels;
            tile->x = strip->x + at;
            tile->sums = strip->sums + at;
            tile->y = strip->y + at;
            tile->residual = tile->residual ? strip->residual + at : NULL;
            tile_shape(shapes, floats, width, pixels)(tile);
            tile_asked(&tile->ahead, tile->tiles * turns);
            at += (int64_t)tile->tiles * pixels;
        }
    }
}

/* NCHW: the finished sums of a block go to y row by row, transposed in registers. */
static void store_rows(const struct convoy_plan *plan, const struct operands *operands,
                       const struct direct_strip *strip, const struct direct_k_block *block,
                       const float *sums, const struct tile_epilogue *epilogue)
{
    const struct direct_box *box = &strip->box;
    const convoy_tensor *y = operands->y, *residual = operands->residual;
    int64_t width = box->q1 - box->q0;
    const ptrdiff_t k_floats = direct_sums_floats(plan);
    bool joined = y->stride_h == width && (!residual || residual->stride_h == width);
    int64_t rows = box->p1 - box->p0;
    int64_t step = joined ? rows : 1; /* rows that follow each other in memory are one */
    for (int64_t n = box->n0; n < box->n1; n++) {
        for (int64_t p = box->p0; p < box->p1; p += step, sums += step * width * k_floats) {
            float *to = (float *)y->data + n * y->stride_n + block->k * y->stride_c +
                        p * y->stride_h + box->q0;
            const float *add = NULL;
            if (residual) {
                add = (const float *)residual->data + n * residual->stride_n +
                      block->k * residual->stride_c + p * residual->stride_h + box->q0;
            }
            plan->kernels->store_transposed(&(struct transposed_store){
                .sums = sums,
                .sums_stride = k_floats,
                .y = to,
                .y_stride = y->stride_c,
                .residual = add,
                .residual_stride = residual ? residual->stride_c : 0,
                .column = 1,
                .channels = block->channels,
                .pixels = step * width,
                .epilogue = epilogue,
            });
        }
    }
}

/* Chunks of one block of output channels, multiplied one after the other. */
struct chunks {
    int64_t index; /* of the block */
    int64_t begin, end;
    ptrdiff_t sums_shift;     /* floats from the strip's first sums to those of this block */
    struct direct_piece next; /* what is multiplied after them */
};

static void multiply_chunks(const struct convoy_plan *plan, const struct operands *operands,
                            const struct direct_strip *strip, const struct chunks *chunks,
                            struct tile_epilogue epilogue)
{
    struct direct_k_block block = direct_k_block(plan, chunks->index);
    bool nhwc = operands->y->layout == CONVOY_NHWC;
    bool copied = strip->source.data == strip->copy;
    const bool bias_last = plan->blocking.lanes || plan->blocking.dots;
    epilogue.bias = plan->bias ? plan->bias + block.k : NULL;
    struct tile_operands tile = {
        .w = (const float *)plan->packed_w + block.w_offset,
        .w_stride = layer_depth(&plan->layer),
        .epilogue = &epilogue,
        .residual = operands->residual ? strip->residual : NULL,
        .sums_shift = chunks->sums_shift,
        .y_shift = block.k,
        .y_ahead = plan->blocking.y_far ? DIRECT_AHEAD : 0,
        .channels = block.channels,
    };
    if (!plan->blocking.lanes) {
        tile.x_shift = (block.group - strip->source.group0) * strip->source.stride_group;
    } else if (!copied) {
        tile.x_shift = block.k;
    }
    const int64_t count = direct_chunks(plan);
    for (int64_t chunk = chunks->begin; chunk < chunks->end; chunk++) {
        bool first = chunk == 0, last = chunk == count - 1;
        tile.ending =
            last && nhwc ? (first ? TILE_STORE : TILE_ADD_STORE) : (first ? TILE_SET : TILE_ADD);
        if (plan->blocking.streams || strip->next_x) {
            const struct direct_piece now = {chunks->index, chunk};
            const struct direct_piece next = {chunks->index, chunk + 1};
            tile.ahead =
                direct_ahead(plan, strip, now, chunk + 1 < chunks->end ? next : chunks->next);
        }
        for (int64_t g = 0; g < strip->group_count; g++) {
            multiply_group(plan, strip, &strip->groups[g], chunk, block.width, &tile);
        }
    }
    if (!nhwc && chunks->end == count) {
        epilogue.bias = bias_last ? epilogue.bias : NULL; /* else sums began with it */
        store_rows(plan, operands, strip, &block, strip->partial + chunks->sums_shift, &epilogue);
    }
}

/* The blocks begin <= index < end, chunk by chunk. */
static void multiply_depth_first(const struct convoy_plan *plan, const struct operands *operands,
                                 const struct direct_strip *strip, int64_t begin, int64_t end,
                                 const struct tile_epilogue *epilogue)
{
    const struct direct_box *box = &strip->box;
    const int64_t pixels = (box->n1 - box->n0) * (box->p1 - box->p0) * (box->q1 - box->q0);
    const int64_t sums = pixels * direct_sums_floats(plan), count = direct_chunks(plan);
    for (int64_t chunk = 0; chunk < count; chunk++) {
        struct direct_piece after = direct_piece_after(plan, begin);
        after = chunk + 1 < count ? (struct direct_piece){begin, chunk + 1} : after;
        for (int64_t index = begin; index < end; index++) {
            const struct chunks chunks = {
                .index = index,
                .begin = chunk,
                .end = chunk + 1,
                .sums_shift = (index - begin) * sums,
                .next = index + 1 < end ? (struct direct_piece){index + 1, chunk} : after,
            };
            multiply_chunks(plan, operands, strip, &chunks, *epilogue);
        }
    }
}

static struct direct_source source_of(const struct convoy_plan *plan, const convoy_tensor *x)
{
    return (struct direct_source){
        .data = x->data,
        .stride_n = x->stride_n,
        .stride_h = x->stride_h,
        .stride_w = x->stride_w,
        .stride_group = layer_Cg(&plan->layer),
        .groups = plan->layer.groups,
    };
}

/* Is the x that block `index` reads among what the strip's copy holds? */
static bool copy_holds(const struct convoy_plan *plan, const struct direct_strip *strip,
                       int64_t index)
{
    const int64_t group = direct_k_block(plan, index).group - strip->source.group0;
    return !plan->blocking.lanes && group >= 0 && group < strip->source.groups;
}

/* The strip's pixels, and the x that block `index` reads. */
static void set_up_strip(const struct convoy_plan *plan, const struct operands *operands,
                         struct direct_strip *strip, int64_t index, bool fresh)
{
    const struct blocking *b = &plan->blocking;
    bool packs = direct_block_packs(plan, index);
    if (packs && (fresh || !copy_holds(plan, strip, index))) {
        direct_pack_strip(plan, operands, index, strip);
        if (fresh || !b->packs) {
            direct_strip_fill(plan, operands, strip);
        }
    } else if (fresh || (b->lanes && !packs && strip->source.data == strip->copy)) {
        strip->source = source_of(plan, operands->x);
        direct_strip_fill(plan, operands, strip);
    }
}

/* One share of the channel blocks of one strip. A thread that comes back to the same strip finds
   its pixels and its copy as they were. */
static void work_unit(const struct convoy_plan *plan, const struct operands *operands,
                      struct direct_strip *strip, bool same_strip, int64_t part,
                      const struct tile_epilogue *epilogue)
{
    const struct blocking *b = &plan->blocking;
    int64_t begin = b->k_blocks * part / b->k_parts, end = b->k_blocks * (part + 1) / b->k_parts;
    if (b->depth_first) {
        set_up_strip(plan, operands, strip, begin, !same_strip);
        multiply_depth_first(plan, operands, strip, begin, end, epilogue);
        return;
    }
    for (int64_t index = begin; index < end; index++) {
        const struct chunks chunks = {
            .index = index,
            .end = direct_chunks(plan),
            .next = index + 1 < end ? (struct direct_piece){index + 1, 0}
                                    : direct_piece_after(plan, begin),
        };
        set_up_strip(plan, operands, strip, index, !same_strip && index == begin);
        multiply_chunks(plan, operands, strip, &chunks, *epilogue);
    }
}

static struct direct_box box_of(const struct convoy_plan *plan, int64_t strip)
{
    const struct blocking *b = &plan->blocking;
    int64_t across = divide_up(plan->Q, b->strip_columns);
    int64_t down = divide_up(plan->P, b->strip_rows);
    int64_t n = strip / (across * down) * b->strip_images;
    int64_t p = strip / across % down * b->strip_rows;
    int64_t q = strip % across * b->strip_columns;
    return (struct direct_box){
        n, min64(n + b->strip_images, plan->layer.N), p, min64(p + b->strip_rows, plan->P),
        q, min64(q + b->strip_columns, plan->Q),
    };
}

/* The x of the strip that this thread takes next, about. */
static void find_next_x(const struct convoy_plan *plan, const convoy_tensor *x, int64_t strip_index,
                        struct direct_strip *strip)
{
    const int64_t next = strip_index + direct_threads(plan);
    strip->next_x = NULL;
    if (plan->blocking.asks_for_x && next < direct_strips(plan)) {
        const struct direct_box box = box_of(plan, next);
        direct_ahead_x(x, &box, strip);
    }
}

/* A pixel whose channels lie together: in both layouts the same. */
static bool is_pixel(const convoy_tensor *tensor)
{
    return !tensor || (tensor->H == 1 && tensor->W == 1 && tensor->stride_c == 1);
}

static convoy_tensor as_nhwc(const convoy_tensor *tensor)
{
    convoy_tensor same = *tensor;
    same.layout = CONVOY_NHWC;
    same.stride_h = same.stride_w = tensor->C;
    return same;
}

static void work_strips(const struct convoy_plan *plan, const struct operands *operands,
                        char *workspace, struct share *share)
{
    const int64_t parts = plan->blocking.k_parts;
    const struct tile_epilogue epilogue = tile_epilogue_of(&plan->layer.epilogue);
    struct direct_strip strip;
    direct_strip_carve(plan, workspace, &strip);
    int64_t current = -1;
    for (int64_t unit; (unit = share_next(share)) >= 0;) {
        int64_t index = unit / parts;
        strip.box = box_of(plan, index);
        find_next_x(plan, operands->x, index, &strip);
        work_unit(plan, operands, &strip, index == current, unit % parts, &epilogue);
        current = index;
    }
}

static void execute_strips(const struct convoy_plan *plan, const struct operands *operands)
{
    share_units(plan, operands, direct_threads(plan), direct_strips(plan) * plan->blocking.k_parts,
                SHARE_TO_THE_FREE, work_strips);
}

static void direct_execute(const struct convoy_plan *plan, const struct operands *operands)
{
    const convoy_tensor *x = operands->x, *y = operands->y, *residual = operands->residual;
    if (plan->blocking.depthwise) {
        depthwise_execute(plan, operands);
    } else if (plan->blocking.panels) {
        direct_panels_execute(plan, operands);
    } else if (is_pixel(x) && is_pixel(y) && is_pixel(residual)) {
        /* no transposing */
        const convoy_tensor same_x = as_nhwc(x), same_y = as_nhwc(y);
        const convoy_tensor same_residual = residual ? as_nhwc(residual) : (convoy_tensor){0};
        struct operands same = *operands;
        same.x = &same_x;
        same.y = &same_y;
        same.residual = residual ? &same_residual : NULL;
        execute_strips(plan, &same);
    } else {
        execute_strips(plan, operands);
    }
}

const struct algorithm algorithm_direct = {
    .name = "direct",
    .summary = "register tiles on x where it lies, packed weights",
    .refuse = refuse,
    .prepare = direct_prepare,
    .pack = direct_pack_weights,
    .execute = direct_execute,
    .describe = direct_describe,
    .skips_padding = false,
};
