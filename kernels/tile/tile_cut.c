/**
 * @file tile_cut.c
 * The dense register tile that copies what it reads: the first of those that share a panel of x in
 * NCHW (see kernels/direct/direct_panels.c).
 *
 * Its w, vectors of pixels, lies apart, from one step to the next a row of x. A panel copied on its
 * own takes some three cycles a line, and five to seven if it goes through L2; between
 * multiply-adds the stores take next to nothing.
 */
#include "kernels/tile/tile_finish.h"
#include "kernels/tile/tile_shape.h"

/* Whole vectors of tiles with a register for each pointer. */
#define CUTS(pixels, vectors) ((pixels) <= 7 && (vectors) > 1 && (vectors) <= 4)

ALWAYS_INLINE void cut_run(struct accumulators *acc, const int pixels, const int vectors,
                           const struct tile_operands *o, float *w, const float *from,
                           const ptrdiff_t step, const ptrdiff_t ahead)
{
    const float *x[TILE_PIXELS_MAX];
    UNROLL for (int i = 0; i < pixels; i++)
    {
        x[i] = o->x[i];
    }
    ptrdiff_t d = o->runs->x_offset + o->x_shift;
    const ptrdiff_t end = d + o->runs->depth;
    NOT_UNROLLED for (; d < end; d++, w += vectors * VF, from += step)
    {
        UNROLL for (int v = 0; v < vectors; v++)
        {
            vf_store(w + v * VF, vf_load(from + v * VF));
        }
        const float *next = from + ahead;
        FORGET(next); /* else it is a register for each line */
        UNROLL for (int k = 0; k < vectors * VF; k += 16)
        {
            __builtin_prefetch(next + k, 0, 2);
        }
        tile_step(acc, pixels, vectors, false, x, d, 0, w);
    }
}

/* By way of memory, as rare ends of other tiles: it is one of several. */
ALWAYS_INLINE void cut(const int pixels, const int vectors, const struct tile_operands *o, float *w,
                       const float *from, const ptrdiff_t step, const ptrdiff_t ahead,
                       tile_row *sums)
{
    struct accumulators acc;
    tile_ask_for_y(o, pixels, vectors);
    tile_begin(&acc, pixels, vectors, true, tile_bias_of(o));
    cut_run(&acc, pixels, vectors, o, w, from, step, ahead);
    UNROLL for (int i = 0; i < pixels; i++)
    {
        UNROLL for (int v = 0; v < vectors; v++)
        {
            vf_store(sums[i] + v * VF, acc.whole[i][v]);
        }
    }
}

/* A function for the steps and one for the end: each finds more registers on its own. */
#define SHAPE(pixels, vectors)                                                                     \
    NOT_INLINED static void steps_##pixels##x##vectors(const struct tile_operands *o, float *w,    \
                                                       const float *from, ptrdiff_t step,          \
                                                       ptrdiff_t ahead, tile_row *sums)            \
    {                                                                                              \
        cut(pixels, vectors, o, w, from, step, ahead, sums);                                       \
    }                                                                                              \
    NOT_INLINED static void finish_##pixels##x##vectors(tile_row *sums,                            \
                                                        const struct tile_operands *o)             \
    {                                                                                              \
        tile_finish_rows(pixels, vectors, sums, o);                                                \
    }                                                                                              \
    static void cut_##pixels##x##vectors(const struct tile_operands *o, float *w,                  \
                                         const float *from, ptrdiff_t step, ptrdiff_t ahead)       \
    {                                                                                              \
        tile_row sums[TILE_PIXELS_MAX];                                                            \
        if (CUTS(pixels, vectors)) {                                                               \
            steps_##pixels##x##vectors(o, w, from, step, ahead, sums);                             \
            finish_##pixels##x##vectors(sums, o);                                                  \
        }                                                                                          \
    }
TILE_SHAPES(SHAPE)

#define ENTRY(pixels, vectors) CUTS(pixels, vectors) ? cut_##pixels##x##vectors : NULL,
extern const struct tile_cuts KERNEL(tile_cuts);
const struct tile_cuts KERNEL(tile_cuts) = {TILE_SHAPE_ROWS(ENTRY)};
