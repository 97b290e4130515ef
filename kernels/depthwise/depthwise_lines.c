/**
 * @file depthwise_lines.c
 * NHWC: in which order tiles of depthwise_rows.c that are narrower than a line of the cache go
 * through x, and what they ask for before they need it.
 *
 * A tile reads the lines of its columns for one vector of channels, then for the next. Columns that
 * are a multiple of a power of two of lines apart share few sets of L1 (512 channels: two of 64),
 * and have no more lines there than these have ways. What does not fit is read from L2 twice: on
 * Zen 3 512 channels at 14x14 took 51 us and 520 took 24. So
 *
 *   x is copied in blocks of channels (depthwise_copied.c) where the lines of a tile do not fit:
 *       512 channels at 14x14 34 us, 1024 at 7x7 0.65 of the time, 256 with stride 2 0.82; not
 *       3x3 from memory, where reading a line or two of each pixel took 1.1 to 1.8
 *   tiles have one row where only those of two rows do not fit beside y's: with stride 2, 128
 *       channels take 0.78 to 0.86 of the time; with stride 1 they would take 1.03 to 1.2
 *
 * Lines that are read in the order of memory come sooner, because hardware fetches what follows.
 * With AVX2, on Zen 3:
 *
 *   tiles go through all channels. In parts of 64 or more, for w and rows of x to stay in L1 and
 *       L2, they took 1.0 to 1.3 of the time; but 0.9 with 7 taps, whose tiles share half of x
 *   each vector of channels asks for the next line of its columns where x comes from behind L2:
 *       0.85 to 0.95 of the time with stride 2, 0.94 to 1.0 with stride 1, if the lines have room
 *       and pixels are longer than what hardware fetches anyway
 *   and where x and y come from memory, for the rows after these too, in order: 0.5 to 0.8 of the
 *       time; but 1.15 to 1.5 where they came from a cache
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

/* Floats of the vectors whose tiles ask. */
#define ASKING_FLOATS 8

/* Lines of x under a tile of so many rows. */
static int64_t lines_of_tile(const convoy_layer *l, int64_t rows)
{
    return min64(l->H, (rows - 1) * depthwise_ratio(l->stride_h, l->dilation_h) + l->R) *
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

/* Do two rows of outputs, those after them, and x under both stay in L2? */
static bool next_rows_fit(const struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    const int64_t x_rows = min64(l->H, (2 * ROWS - 1) * l->stride_h + l->R);
    const double pixels = (double)(x_rows * l->W) + 2.0 * ROWS * (double)plan->Q;
    return 4 * (double)l->C * pixels <= (double)cpu_l2_bytes();
}

/* Do x and y come from memory, and does it help to ask for their next rows? */
static bool comes_from_memory(const struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    return l->dilation_h == 1 && l->dilation_w == 1 && next_rows_fit(plan) &&
           layer_x_bytes(l) + layer_y_bytes(l) > 2 * cpu_near_bytes();
}

void depthwise_lines_prepare(struct convoy_plan *plan)
{
    const convoy_layer *l = &plan->layer;
    struct blocking *b = &plan->blocking;
    const int vector_floats = plan->kernels->vector_floats;
    b->y_far = false;
    if (4 * vector_floats >= LINE_BYTES || !depthwise_rows_known(l)) {
        return;
    }
    const bool asks = vector_floats == ASKING_FLOATS;
    const int64_t stride = depthwise_ratio(l->stride_w, l->dilation_w);
    const int64_t lines = lines_of_tile(l, ROWS), kept = lines_kept(l);
    b->y_far = asks && comes_from_memory(plan);
    b->packs = lines > kept && !(b->y_far && l->R == 3 && l->S == 3) && depthwise_copied_fits(plan);
    b->row_by_row = !b->packs && stride > 1 && lines + ROWS * OUTPUTS > kept;
    b->whole_pixels = asks && l->S <= 5;
    const int64_t used = b->row_by_row ? lines_of_tile(l, 1) : lines;
    b->asks_for_x = asks && !b->packs && l->C * stride > 32 && used + used / 2 <= kept &&
                    layer_x_bytes(l) > (double)cpu_l2_bytes();
}
