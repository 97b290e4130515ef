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
 * peak where tile_multiply, called for each, reaches 83 %.
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
                           const struct tile_sums_operands *o, const struct tile_run *run,
                           const float **w, struct ahead_rest *ahead)
{
    const float *x[TILE_PIXELS_MAX];
    UNROLL for (int i = 0; i < pixels; i++)
    {
        x[i] = o->x + run->x_offset + i * o->x_stride;
    }
    ptrdiff_t d = 0;
    if (ASKS(pixels)) {
        ptrdiff_t asked = run->depth / 2 < ahead->steps ? run->depth / 2 : ahead->steps;
        ahead->steps -= asked;
        for (; d < 2 * asked; d += 2) {
            UNROLL for (int i = 0; i < AHEAD_FLOATS; i += 16)
            {
                __builtin_prefetch(ahead->at + i, 0, 2);
            }
            ahead->at += o->ahead_stride;
            tile_step(acc, pixels, vectors, false, x, d, 0, *w);
            tile_step(acc, pixels, vectors, false, x, d, 1, *w + vectors * VF);
            *w += 2 * vectors * VF;
        }
    }
    for (; d + DEPTH_STEPS <= run->depth; d += DEPTH_STEPS, *w += DEPTH_STEPS * vectors * VF) {
        UNROLL for (int further = 0; further < DEPTH_STEPS; further++)
        {
            tile_step(acc, pixels, vectors, false, x, d, further, *w + further * vectors * VF);
        }
    }
    for (; d < run->depth; d++, *w += vectors * VF) {
        tile_step(acc, pixels, vectors, false, x, d, 0, *w);
    }
}

ALWAYS_INLINE void sums(const int pixels, const int vectors, const struct tile_sums_operands *o)
{
    const float *w = o->w;
    struct ahead_rest ahead = {o->ahead, o->ahead_steps};
    bool adds = o->adds;
    for (const struct tile_run *run = o->runs, *end = run + o->run_count; run < end;) {
        const struct tile_run *last = end - run > o->partial_runs ? run + o->partial_runs : end;
        struct accumulators acc;
        tile_clear(&acc, pixels, vectors);
        for (; run < last; run++) {
            sum_run(&acc, pixels, vectors, o, run, &w, &ahead);
        }
        UNROLL for (int i = 0; i < pixels; i++)
        {
            UNROLL for (int v = 0; v < vectors; v++)
            {
                float *sum = o->sums + i * o->sums_stride + v * VF;
                vf_store(sum, adds ? acc.whole[i][v] + vf_load(sum) : acc.whole[i][v]);
            }
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
