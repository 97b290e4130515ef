/**
 * @file depthwise_lines.c
 * NHWC: do lines of the cache that a tile of depthwise_rows.c reads stay in L1 until it has used
 * all of them?
 *
 * Where a vector is a part of a line, a tile reads the lines of its columns for one vector of
 * channels, then for the next. Columns that are a multiple of a power of two of lines apart share
 * few sets (512 channels: two of 64), and have no more lines in L1 than these have ways. What does
 * not fit is read from L2 twice: on Zen 3 512 channels at 14x14 took 51 us and 520 took 24. So
 *
 *   x is copied in blocks of channels (depthwise_copied.c) where the lines of a tile do not fit:
 *       512 channels at 14x14 34 us, 1024 at 7x7 0.65 of the time, 256 with stride 2 0.82
 *   tiles have one row where only those of two rows do not fit beside y's: with stride 2, 128
 *       channels take 0.78 to 0.86 of the time; with stride 1 they would take 1.03 to 1.2
 *   tiles with stride 2 fetch the next one's x where it comes from afar and has room: 96 channels
 *       at 112x112 0.91 of the time; what is near took 1.02 to 1.15
 */
#include "core/arithmetic.h"
#include "core/cpu.h"
#include "core/layer_checked.h"
#include "kernels/algorithm.h"
#include "kernels/depthwise/depthwise.h"
#include "kernels/kernel.h"

#define LINE_BYTES 64

/* Of a tile where there are 16 registers. */
#define ROWS    2
#define OUTPUTS 5

/* Lines of x under a tile. */
static int64_t lines_of_tile(const convoy_layer *l)
{
    return min64(l->H, (ROWS - 1) * depthwise_ratio(l->stride_h, l->dilation_h) + l->R) *
           min64(l->W, (OUTPUTS - 1) * depthwise_ratio(l->stride_w, l->dilation_w) + l->S);
}

/* Lines for which the sets of L1 that pixels of a row share have ways. Pixels that begin anywhere
   in a line use all sets. */
static int64_t lines_kept(const convoy_layer *l)
{
    int64_t lines = (int64_t)cpu_l1d_bytes() / LINE_BYTES, sets = 64;
    if (4 * l->C % LINE_BYTES != 0) {
        return lines;
    }
    for (int64_t apart = 4 * l->C / LINE_BYTES; sets > 1 && apart % 2 == 0; apart /= 2) {
        sets /= 2;
        lines /= 2;
    }
    return lines;
}

void depthwise_lines_prepare(struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    struct blocking *b = &plan->blocking;
    if (4 * plan->kernels->vector_floats >= LINE_BYTES || !depthwise_rows_known(l)) {
        return;
    }
    const bool strided = depthwise_ratio(l->stride_w, l->dilation_w) > 1;
    const int64_t lines = lines_of_tile(l), kept = lines_kept(l);
    b->packs = lines > kept && depthwise_copied_fits(plan);
    b->row_by_row = !b->packs && strided && lines + ROWS * OUTPUTS > kept;
    b->asks_for_x = !b->packs && 2 * lines <= kept && layer_x_bytes(l) > 8 * (double)cpu_l2_bytes();
}
