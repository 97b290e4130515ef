/**
 * @file direct_ahead.c
 * What tiles ask for ahead of its use, in the turns of their depth loops.
 *
 * Packed w that does not stay near: the first tile that reads a piece of it waits, and the others,
 * which find it in L2, do not make up for that where pixels are few. On Emerald Rapids 2048 -> 512
 * channels at 7x7 ran at 0.83 of the peak and runs at 0.94, at 20x20 at 0.91 and 1.0.
 *
 * X of a 1x1 filter that comes from behind L2, each float of which is used for few multiply-adds:
 * 256 -> 48 channels at 112x112 takes 0.86 to 0.95 of the time, 256 -> 64 at 56x56 0.97.
 */
#include "core/arithmetic.h"
#include "core/cpu.h"
#include "core/layer_checked.h"
#include "kernels/direct/direct.h"

/* A line more in each turn of the depth loop at least: tiles that ask for nothing are faster, so
   few should ask. */
#define STRIDE_MIN 16

/* Packed w of more bytes is asked for. From a quick cache behind L2 the processor fetches it
   itself: on Zen 3 320 -> 1280 channels at 7x7 (1.6 MiB) took 1.03 of the time when it was asked
   for, 512 -> 512 by 3x3 at 14x14 (9 MiB), which comes from memory, takes 0.95. */
static double streamed_bytes(void)
{
    return cpu_l3_slow() ? (double)cpu_kept_bytes() : cpu_near_bytes();
}

void direct_ahead_prepare(struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    struct blocking *b = &plan->blocking;
    const bool can = !b->lanes && !b->dots;
    b->streams = can && (double)plan->packed_w_bytes > streamed_bytes();
    b->asks_for_x = can && !b->streams && !b->packs && b->k_parts == 1 && l->groups == 1 &&
                    l->R * l->S == 1 && l->stride_h == 1 && l->stride_w == 1 &&
                    !layer_is_padded(l) && layer_x_bytes(l) > (double)cpu_l2_bytes();
}

/* So many floats, while a chunk of a block so wide is multiplied. */
static struct tile_ahead asked_meanwhile(const struct convoy_plan *plan,
                                         const struct direct_strip *strip, int width,
                                         const float *from, int64_t floats)
{
    const struct tile_shapes *shapes = direct_shapes(plan);
    const int64_t lanes = direct_tile_floats(plan);
    const int most = shapes->pixels_max[divide_up(width, lanes) - 1];
    if (most > TILE_ASK_PIXELS || width % lanes != 0) {
        return (struct tile_ahead){0};
    }
    int64_t tiles = 0;
    for (int64_t g = 0; g < strip->group_count; g++) {
        tiles += divide_up(strip->groups[g].count, most);
    }
    const int64_t turns = max64(1, tiles * (plan->blocking.depth_block / shapes->ask_steps));
    const int64_t stride = min64(TILE_ASK_FLOATS, max64(STRIDE_MIN, divide_up(floats, turns)));
    return (struct tile_ahead){
        .from = from,
        .stride = stride,
        .steps = min64(turns, divide_up(floats, stride)),
    };
}

struct tile_ahead direct_ahead(const struct convoy_plan *plan, const struct direct_strip *strip,
                               struct direct_piece now, struct direct_piece next)
{
    const struct blocking *b = &plan->blocking;
    const int width = direct_k_block(plan, now.index).width;
    if (b->streams && next.index >= 0) {
        const struct direct_k_block block = direct_k_block(plan, next.index);
        const int64_t floats = b->depth_block * block.width;
        const float *from = (const float *)plan->packed_w + block.w_offset + next.chunk * floats;
        return asked_meanwhile(plan, strip, width, from, floats);
    }
    if (strip->next_x && now.index == b->k_blocks - 1) {
        const int64_t floats = divide_up(strip->next_x_floats, direct_chunks(plan));
        return asked_meanwhile(plan, strip, width, strip->next_x + now.chunk * floats, floats);
    }
    return (struct tile_ahead){0};
}

struct direct_piece direct_piece_after(const struct convoy_plan *plan, int64_t begin)
{
    const bool again =
        plan->blocking.streams && plan->blocking.k_parts == 1 && direct_strips(plan) > 1;
    return (struct direct_piece){again ? begin : -1, 0};
}

void direct_ahead_x(const convoy_tensor *x, const struct direct_box *next,
                    struct direct_strip *strip)
{
    if (x->stride_w != x->C) {
        return; /* most of what lies there is not read */
    }
    const int64_t rows =
        next->n1 > next->n0 + 1 ? (next->n1 - next->n0) * x->H : next->p1 - next->p0;
    strip->next_x = (const float *)x->data + next->n0 * x->stride_n + next->p0 * x->stride_h +
                    next->q0 * x->stride_w;
    strip->next_x_floats = rows > 1 ? rows * x->stride_h : (next->q1 - next->q0) * x->stride_w;
}
