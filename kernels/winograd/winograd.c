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

#include <string.h>

#include "core/arithmetic.h"
#include "core/layer_checked.h"
#include "kernels/share.h"
#include "kernels/tile/tile_epilogue.h"
#include "kernels/winograd/winograd_ahead.h"

/* The blocks of channels index <= i < end. */
static void find_blocks(const struct convoy_plan *plan, int64_t index, int64_t end,
                        struct winograd_few_blocks *few)
{
    few->count = (int)(end - index);
    for (int i = 0; i < few->count; i++) {
        few->of[i] = winograd_k_block(plan, index + i);
    }
}

/* All of them as one. */
static struct winograd_k_block joined(const struct winograd_few_blocks *few)
{
    struct winograd_k_block all = few->of[0];
    for (int i = 1; i < few->count; i++) {
        all.channels += few->of[i].channels;
        all.vectors += few->of[i].vectors;
    }
    return all;
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
    struct winograd_few_blocks few;
    int64_t calls, depth;
    winograd_calls(plan, block, end - tile, &calls, &depth);
    int64_t last = b->k_blocks * (part + 1) / b->k_parts;
    for (int64_t index = b->k_blocks * part / b->k_parts; index < last; index += few.count) {
        int64_t holds = hold(plan, operands, block, tile, end, index, held);
        find_blocks(plan, index, min64(min64(last, holds), index + b->k_together), &few);
        struct winograd_k_block all = joined(&few);
        epilogue.bias = plan->bias ? plan->bias + all.k : NULL;
        ahead_fill(plan, operands, block, &all, tile, end, index + few.count == last,
                   few.count * calls, depth, &ahead);
        winograd_multiply(plan, block, &few, end - tile, &ahead);
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
