/**
 * @file tile_multiply.c
 * The dense register tile: one float of x, broadcast, times `vectors` vectors of packed w.
 *
 * A step of the depth loop is `vectors` loads of w, `pixels` broadcasts and pixels * vectors
 * multiply-adds; all accumulators, the vectors of w and one broadcast live in registers.
 */
#include "kernels/tile/tile_finish.h"
#include "kernels/tile/tile_shape.h"

/* Ask for the lines of y while the sum is worked out. With pixels in the lanes they lie in as many
   pages as there are rows, which no hardware foresees. */
ALWAYS_INLINE void ask_for_y(const int pixels, const int vectors, const struct tile_operands *o)
{
    if (o->swapped && (o->ending == TILE_STORE || o->ending == TILE_ADD_STORE)) {
        UNROLL for (int i = 0; i < pixels; i++)
        {
            const float *y = o->y[i] + o->y_shift;
            UNROLL for (int k = 0; k < vectors * VF; k += 16)
            {
                __builtin_prefetch(y + k, 1);
            }
        }
    }
}

ALWAYS_INLINE void multiply(const int pixels, const int vectors, const bool halves,
                            const struct tile_operands *o)
{
    const int width = vectors * VF - (halves ? VF / 2 : 0);
    struct accumulators acc;
    tile_clear(&acc, pixels, vectors);
    ask_for_y(pixels, vectors, o);
    for (const struct tile_run *run = o->runs, *end = run + o->run_count; run < end; run++) {
        const float *x[TILE_PIXELS_MAX];
        UNROLL for (int i = 0; i < pixels; i++)
        {
            x[i] = o->x[i] + o->x_shift + run->x_offset;
        }
        const float *w = o->w + run->w_index * width;
        ptrdiff_t d = 0;
        for (; d + DEPTH_STEPS <= run->depth; d += DEPTH_STEPS, w += DEPTH_STEPS * width) {
            UNROLL for (int further = 0; further < DEPTH_STEPS; further++)
            {
                tile_step(&acc, pixels, vectors, halves, x, d, further, w + further * width);
            }
        }
        for (; d < run->depth; d++, w += width) {
            tile_step(&acc, pixels, vectors, halves, x, d, 0, w);
        }
    }
    UNROLL for (int i = 0; i < pixels && halves; i++)
    {
        acc.whole[i][vectors - 1] = vf_widen(acc.half[i]);
    }
    tile_finish(acc.whole, pixels, vectors, width, o);
}

#define SHAPE(pixels, vectors)                                                                     \
    static void multiply_##pixels##x##vectors(const struct tile_operands *o)                       \
    {                                                                                              \
        multiply(pixels, vectors, false, o);                                                       \
    }
#define HALF_SHAPE(pixels, vectors)                                                                \
    static void multiply_##pixels##x##vectors##_half(const struct tile_operands *o)                \
    {                                                                                              \
        multiply(pixels, vectors, true, o);                                                        \
    }
TILE_SHAPES(SHAPE)
#if VF_HALVES
TILE_SHAPES(HALF_SHAPE)
#endif

#define ENTRY(pixels, vectors)      multiply_##pixels##x##vectors,
#define HALF_ENTRY(pixels, vectors) multiply_##pixels##x##vectors##_half,
const struct tile_shapes KERNEL(tile_shapes) = {
    .granule = VF_HALVES ? VF / 2 : VF,
    .vectors_max = PIXELS_4 ? 4 : 3,
    .vectors_best = PIXELS_4 ? 4 : 2,
    .pixels_max = {PIXELS_1, PIXELS_2, PIXELS_3, PIXELS_4},
    .multiply = TILE_SHAPE_ROWS(ENTRY),
#if VF_HALVES
    .multiply_half = TILE_SHAPE_ROWS(HALF_ENTRY),
#endif
};
