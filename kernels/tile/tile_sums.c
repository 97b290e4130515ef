/**
 * @file tile_sums.c
 * The dense register tile of the Winograd algorithm: all partial sums of its products in one call.
 *
 *   for each partial sum
 *       acc[i][k] = sum over its runs of x[i][...] * w[...][k]
 *       sums[i][k] = acc[i][k], or += from the second on
 *
 * Winograd's sums are short, so what stands around the depth loop counts. Pixels here are rows of
 * one array, and so are their sums, so nothing is looked up; and w is read from end to end. With
 * AVX2 a tile of 6 x 2 vectors with partial sums of 43 channels reaches 93 % of the multiply-add
 * peak.
 */
#include "kernels/tile/tile_shape.h"

/* What two steps of the depth ask for: a line every six or twelve cycles. */
#define AHEAD_FLOATS (VF == 16 ? 64 : 32)
/* The widest tiles leave no register for another pointer. */
#define ASKS(pixels) ((pixels) <= 8)

/* What a call has left to ask for. */
struct ahead_rest {
    const float *at;
    ptrdiff_t steps;
};

/* One run of a partial sum; w moves on. */
ALWAYS_INLINE void sum_run(struct accumulators *acc, const int pixels, const int vectors,
                           const float *const x[TILE_PIXELS_MAX], const struct tile_run *run,
                           const float **w, const ptrdiff_t ahead_stride, struct ahead_rest *ahead)
{
    ptrdiff_t d = run->x_offset;
    const ptrdiff_t end = d + run->depth;
    if (ASKS(pixels)) {
        ptrdiff_t asked = run->depth / 2 < ahead->steps ? run->depth / 2 : ahead->steps;
        ahead->steps -= asked;
        for (; asked > 0; asked--, d += 2) {
            UNROLL for (int i = 0; i < AHEAD_FLOATS; i += 16)
            {
                __builtin_prefetch(ahead->at + i, 0, 2);
            }
            ahead->at += ahead_stride;
            tile_step(acc, pixels, vectors, false, x, d, 0, *w);
            tile_step(acc, pixels, vectors, false, x, d, 1, *w + vectors * VF);
            *w += 2 * vectors * VF;
        }
    }
    for (; d + DEPTH_STEPS <= end; d += DEPTH_STEPS, *w += DEPTH_STEPS * vectors * VF) {
        tile_steps(acc, pixels, vectors, false, x, d, *w);
    }
    NOT_UNROLLED for (; d < end; d++, *w += vectors * VF)
    {
        tile_step(acc, pixels, vectors, false, x, d, 0, *w);
    }
}

/* sums = acc, or += acc. */
ALWAYS_INLINE void end_sum(const struct accumulators *acc, const int pixels, const int vectors,
                           const bool adds, float *sums, const ptrdiff_t stride)
{
    UNROLL for (int i = 0; i < pixels; i++, sums += stride)
    {
        UNROLL for (int v = 0; v < vectors; v++)
        {
            vf sum = acc->whole[i][v];
            vf_store(sums + v * VF, adds ? sum + vf_load(sums + v * VF) : sum);
        }
    }
}

/* What the operands say is read once: after a store gcc would read it again, since for all it knows
   a sum lies there. */
ALWAYS_INLINE void sums(const int pixels, const int vectors, const struct tile_sums_operands *o)
{
    const float *x[TILE_PIXELS_MAX], *w = o->w;
    float *const to = o->sums;
    const ptrdiff_t stride = o->sums_stride, ahead_stride = o->ahead_stride;
    struct ahead_rest ahead = {o->ahead, o->ahead_steps};
    const struct tile_run *run = o->runs;
    const int partial_runs = o->partial_runs;
    bool adds = o->adds;
    UNROLL for (int i = 0; i < pixels; i++)
    {
        x[i] = o->x + i * o->x_stride;
    }
    for (int left = o->run_count; left > 0; left -= partial_runs) {
        struct accumulators acc;
        tile_clear(&acc, pixels, vectors);
        int count = left < partial_runs ? left : partial_runs;
        do {
            sum_run(&acc, pixels, vectors, x, run++, &w, ahead_stride, &ahead);
        } while (--count > 0);
        if (adds) {
            end_sum(&acc, pixels, vectors, true, to, stride);
        } else {
            end_sum(&acc, pixels, vectors, false, to, stride);
        }
        adds = true;
    }
}

#define SHAPE(pixels, vectors)                                                                     \
    static void sums_##pixels##x##vectors(const struct tile_sums_operands *o)                      \
    {                                                                                              \
        sums(pixels, vectors, o);                                                                  \
    }
TILE_SHAPES(SHAPE)

#define ENTRY(pixels, vectors) sums_##pixels##x##vectors,
extern const struct tile_sums KERNEL(tile_sums);
const struct tile_sums KERNEL(tile_sums) = {AHEAD_FLOATS, TILE_SHAPE_ROWS(ENTRY)};
