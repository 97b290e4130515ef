/**
 * @file tile_multiply.c
 * The dense register tile: one float of x, broadcast, times `vectors` vectors of packed w.
 *
 * A step of the depth loop is `vectors` loads of w, `pixels` broadcasts and pixels * vectors
 * multiply-adds; all accumulators, the vectors of w and one broadcast live in registers.
 *
 *   for each tile of the call
 *       for each run, for each step of the depth       multiply_runs
 *       the end: store, clamp, add, ...                a function for each (tile_finish.h)
 *
 * Where the depth is short, what stands around the steps counts: with AVX2 a tile of 6 x 2 vectors
 * and 16 steps takes 96 cycles for its multiply-adds and 25 more on Zen 2; one end for all took 42.
 */
#include "kernels/tile/tile_finish.h"
#include "kernels/tile/tile_shape.h"

/* Ask for the lines of y that a tile, or one that comes later, will store. */
ALWAYS_INLINE void ask_for(float *const *y, const ptrdiff_t shift, const int pixels,
                           const int vectors)
{
    UNROLL for (int i = 0; i < pixels; i++)
    {
        UNROLL for (int k = 0; k < vectors * VF; k += 16)
        {
            __builtin_prefetch(y[i] + shift + k, 1);
        }
    }
}

/* One run of a sum. Halves want to know where it begins: see vh_multiply_add_at. */
ALWAYS_INLINE void multiply_run(struct accumulators *acc, const int pixels, const int vectors,
                                const bool halves, const float *const pixel[TILE_PIXELS_MAX],
                                const struct tile_run *run, const float *w)
{
    const int width = vectors * VF - (halves ? VF / 2 : 0);
    const float *x[TILE_PIXELS_MAX];
    UNROLL for (int i = 0; i < pixels; i++)
    {
        x[i] = pixel[i] + (halves ? run->x_offset : 0);
    }
    ptrdiff_t d = halves ? 0 : run->x_offset;
    const ptrdiff_t end = d + run->depth;
    w += run->w_index * width;
    for (; d + DEPTH_STEPS <= end; d += DEPTH_STEPS, w += DEPTH_STEPS * width) {
        tile_steps(acc, pixels, vectors, halves, x, d, w);
    }
    NOT_UNROLLED for (; d < end; d++, w += width)
    {
        tile_step(acc, pixels, vectors, halves, x, d, 0, w);
    }
}

/* The sum of a tile over all runs. */
ALWAYS_INLINE void multiply_runs(struct accumulators *acc, const int pixels, const int vectors,
                                 const bool halves, const struct tile_operands *o)
{
    const float *x[TILE_PIXELS_MAX];
    UNROLL for (int i = 0; i < pixels; i++)
    {
        x[i] = o->x[i] + o->x_shift;
    }
    tile_clear(acc, pixels, vectors);
    const struct tile_run *run = o->runs;
    int left = o->run_count;
    if (left > 0) {
        do {
            multiply_run(acc, pixels, vectors, halves, x, run++, o->w);
        } while (--left > 0);
    }
}

/* Tiles of a simple end. */
ALWAYS_INLINE void multiply_simply(const int pixels, const int vectors, const enum tile_end kind,
                                   const struct tile_operands *operands,
                                   const struct tile_simple_end *simple)
{
    /* copies, of which no store can be a part */
    struct tile_operands o = *operands;
    struct tile_simple_end end = *simple;
    const bool swapped = kind == TILE_END_STORE_SWAPPED || kind == TILE_END_CLAMP_SWAPPED;
    do {
        struct accumulators acc;
        /* with pixels in the lanes they lie in as many pages as there are rows, which no hardware
           foresees */
        if (swapped) {
            ask_for(end.to, end.shift, pixels, vectors);
        } else if (kind != TILE_END_ADD && end.ahead > 0) {
            ask_for(end.to + end.ahead, end.shift, pixels, vectors);
        }
        multiply_runs(&acc, pixels, vectors, false, &o);
        tile_finish_simply(acc.whole, pixels, vectors, kind, &end);
        if (swapped) {
            o.w += o.w_step;
            end.shift += o.y_step;
        } else {
            o.x += o.pointers_step;
            end.to += o.pointers_step;
        }
    } while (--o.tiles > 0);
}

ALWAYS_INLINE void multiply_any(const int pixels, const int vectors, const bool halves,
                                const struct tile_operands *operands)
{
    const int width = vectors * VF - (halves ? VF / 2 : 0);
    struct tile_operands o = *operands;
    do {
        struct accumulators acc;
        if (o.ending == TILE_STORE || o.ending == TILE_ADD_STORE) {
            if (o.swapped) {
                ask_for(o.y, o.y_shift, pixels, vectors);
            } else if (o.y_ahead > 0) {
                ask_for(o.y + o.y_ahead, o.y_shift, pixels, vectors);
            }
        }
        multiply_runs(&acc, pixels, vectors, halves, &o);
        UNROLL for (int i = 0; i < pixels && halves; i++)
        {
            acc.whole[i][vectors - 1] = vf_widen(acc.half[i]);
        }
        tile_finish(acc.whole, pixels, vectors, width, &o);
        tile_next(&o);
    } while (--o.tiles > 0);
}

typedef void tile_end_function(const struct tile_operands *o, const struct tile_simple_end *end);

/* A function for each end: in one for all, gcc finds registers for the sums of the last only. */
#define END(pixels, vectors, name, kind)                                                           \
    NOT_INLINED static void multiply_##pixels##x##vectors##_##name(                                \
        const struct tile_operands *o, const struct tile_simple_end *end)                          \
    {                                                                                              \
        multiply_simply(pixels, vectors, kind, o, end);                                            \
    }
#define SHAPE(pixels, vectors)                                                                     \
    END(pixels, vectors, store, TILE_END_STORE)                                                    \
    END(pixels, vectors, clamp, TILE_END_CLAMP)                                                    \
    END(pixels, vectors, add, TILE_END_ADD)                                                        \
    END(pixels, vectors, store_swapped, TILE_END_STORE_SWAPPED)                                    \
    END(pixels, vectors, clamp_swapped, TILE_END_CLAMP_SWAPPED)                                    \
    NOT_INLINED static void multiply_##pixels##x##vectors##_any(const struct tile_operands *o,     \
                                                                const struct tile_simple_end *end) \
    {                                                                                              \
        (void)end;                                                                                 \
        multiply_any(pixels, vectors, false, o);                                                   \
    }                                                                                              \
    static void multiply_##pixels##x##vectors(const struct tile_operands *o)                       \
    {                                                                                              \
        static tile_end_function *const of_end[] = {                                               \
            [TILE_END_STORE] = multiply_##pixels##x##vectors##_store,                              \
            [TILE_END_CLAMP] = multiply_##pixels##x##vectors##_clamp,                              \
            [TILE_END_ADD] = multiply_##pixels##x##vectors##_add,                                  \
            [TILE_END_STORE_SWAPPED] = multiply_##pixels##x##vectors##_store_swapped,              \
            [TILE_END_CLAMP_SWAPPED] = multiply_##pixels##x##vectors##_clamp_swapped,              \
            [TILE_END_ANY] = multiply_##pixels##x##vectors##_any,                                  \
        };                                                                                         \
        struct tile_simple_end end;                                                                \
        of_end[tile_end_of(o, vectors * VF, &end)](o, &end);                                       \
    }
#define HALF_SHAPE(pixels, vectors)                                                                \
    static void multiply_##pixels##x##vectors##_half(const struct tile_operands *o)                \
    {                                                                                              \
        multiply_any(pixels, vectors, true, o);                                                    \
    }
TILE_SHAPES(SHAPE)
#if VF_HALVES
TILE_SHAPES(HALF_SHAPE)
#endif

#define ENTRY(pixels, vectors)      multiply_##pixels##x##vectors,
#define HALF_ENTRY(pixels, vectors) multiply_##pixels##x##vectors##_half,
const struct tile_shapes KERNEL(tile_shapes) = {
    .granule = VF_HALVES ? VF / 2 : VF,
    .vectors_max = PIXELS_4 > 1 ? 4 : 3,
    .vectors_best = PIXELS_4 > 1 ? 4 : 2,
    .vectors_single = TILE_VECTORS_MAX,
    .pixels_max = {PIXELS_1, PIXELS_2, PIXELS_3, PIXELS_4, 1, 1, 1, 1},
    .multiply = TILE_SHAPE_ROWS(ENTRY),
#if VF_HALVES
    .multiply_half = TILE_SHAPE_ROWS(HALF_ENTRY),
#endif
};
