/**
 * @file tile_multiply.c
 * The dense register tile: one float of x, broadcast, times `vectors` vectors of packed w.
 *
 * A step of the depth loop is `vectors` loads of w, `pixels` broadcasts and pixels * vectors
 * multiply-adds; all accumulators, the vectors of w and one broadcast live in registers.
 */
#include "kernels/tile/tile_finish.h"
#include "kernels/tile/tile_shape.h"

/* The widest tiles leave no register for another pointer. */
#define PREFETCHES(pixels) ((pixels) <= 8)

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

ALWAYS_INLINE void multiply(const int pixels, const int vectors, const struct tile_operands *o)
{
    vf acc[TILE_PIXELS_MAX][TILE_VECTORS_MAX];
    UNROLL for (int i = 0; i < pixels; i++)
    {
        UNROLL for (int v = 0; v < vectors; v++)
        {
            acc[i][v] = (vf){0};
        }
    }
    ask_for_y(pixels, vectors, o);
    const float *ahead = o->ahead ? o->ahead : o->w;
    for (const struct tile_run *run = o->runs, *end = run + o->run_count; run < end; run++) {
        const float *x[TILE_PIXELS_MAX];
        UNROLL for (int i = 0; i < pixels; i++)
        {
            x[i] = o->x[i] + o->x_shift + run->x_offset;
        }
        const float *w = o->w + run->w_index * (vectors * VF);
        ptrdiff_t d = 0;
        for (; d + 2 <= run->depth; d += 2) {
            if (PREFETCHES(pixels)) {
                __builtin_prefetch(ahead, 0, 2);
                __builtin_prefetch(ahead + 16, 0, 2);
                __builtin_prefetch(ahead + 32, 0, 2);
                __builtin_prefetch(ahead + 48, 0, 2);
                ahead += o->ahead_stride;
            }
            tile_step(acc, pixels, vectors, x, d, w);
            tile_step(acc, pixels, vectors, x, d + 1, w + vectors * VF);
            w += 2 * vectors * VF;
        }
        if (d < run->depth) {
            tile_step(acc, pixels, vectors, x, d, w);
        }
    }
    tile_finish(acc, pixels, vectors, o);
}

#define SHAPE(pixels, vectors)                                                                     \
    static void multiply_##pixels##x##vectors(const struct tile_operands *o)                       \
    {                                                                                              \
        multiply(pixels, vectors, o);                                                              \
    }
TILE_SHAPES_1(SHAPE)
TILE_SHAPES_2(SHAPE)
TILE_SHAPES_3(SHAPE)
TILE_SHAPES_4(SHAPE)

#define ENTRY(pixels, vectors) multiply_##pixels##x##vectors,
const struct tile_shapes KERNEL(tile_shapes) = {
    .vectors_max = PIXELS_4 ? 4 : 3,
    .vectors_best = PIXELS_4 ? 4 : 2,
    .pixels_max = {PIXELS_1, PIXELS_2, PIXELS_3, PIXELS_4},
    .multiply = TILE_SHAPE_ROWS(ENTRY),
};
