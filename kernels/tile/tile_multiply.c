/**
 * @file tile_multiply.c
 * The dense register tile: one float of x, broadcast, times `vectors` vectors of packed w.
 *
 * A step of the depth loop is `vectors` loads of w, `pixels` broadcasts and pixels * vectors
 * multiply-adds; all accumulators, the vectors of w and one broadcast live in registers.
 *
 *   for each tile of the call
 *       the beginning: zero, or the bias
 *       for each run, for each step of the depth       multiply_runs
 *       the end: store, clamp, add, ...                a function for each (tile_finish.h)
 *
 * Where the depth is short, what stands around the steps counts: with AVX2 a tile of 4 x 3 vectors
 * and 16 steps takes 96 cycles for its multiply-adds and 8 more on Zen 2. Those were 42 with one
 * end for all, and 18 before what follows: addresses that tiles share are worked out before the
 * first, others are hidden from the compiler, which else keeps more of them than it has registers,
 * and no bias is added at the end (tile_begin).
 */
#include "kernels/tile/tile_finish.h"
#include "kernels/tile/tile_shape.h"

/* A run of one tile: where it begins in the x of each pixel and in w. */
struct run {
    ptrdiff_t x_offset;
    const float *w;
    ptrdiff_t depth;
};

ALWAYS_INLINE struct run run_of(const struct tile_operands *o, const struct tile_run *run,
                                const int width)
{
    return (struct run){run->x_offset + o->x_shift, o->w + run->w_index * width, run->depth};
}

/* Of most tiles the only run: worked out once for several, since what lies between the end of one's
   loop and the beginning of the next's takes as long as several steps. */
ALWAYS_INLINE struct run first_run_of(const struct tile_operands *o, const int width)
{
    return o->run_count > 0 ? run_of(o, o->runs, width) : (struct run){0, o->w, 0};
}

/* One run of a sum. Halves want to know where it begins: see vh_multiply_add_at. `ahead`: what to
   ask for, so many floats at a time; NULL: nothing. */
ALWAYS_INLINE void multiply_run(struct accumulators *acc, const int pixels, const int vectors,
                                const bool halves, const float *const pixel[TILE_PIXELS_MAX],
                                struct run run, struct tile_ahead *ahead, const int ask_floats)
{
    const int width = vectors * VF - (halves ? VF / 2 : 0);
    const int steps = ahead ? ASK_STEPS : halves ? HALVES_STEPS : DEPTH_STEPS;
    const float *x[TILE_PIXELS_MAX];
    UNROLL for (int i = 0; i < pixels; i++)
    {
        x[i] = pixel[i] + (halves ? run.x_offset : 0);
    }
    ptrdiff_t d = halves ? 0 : run.x_offset;
    const ptrdiff_t end = d + run.depth;
    const float *w = run.w;
    for (; d + steps <= end; d += steps, w += steps * width) {
        if (ahead) {
            UNROLL for (int k = 0; k < ask_floats; k += 16)
            {
                __builtin_prefetch(ahead->from + k, 0, 2);
            }
            ahead->from += ahead->stride;
        }
        tile_steps(acc, pixels, vectors, halves, steps, x, d, w);
    }
    NOT_UNROLLED for (; d < end; d++, w += width)
    {
        tile_step(acc, pixels, vectors, halves, x, d, 0, w);
    }
}

/* The sum of a tile over all runs, on what it begins with. */
ALWAYS_INLINE void multiply_runs(struct accumulators *acc, const int pixels, const int vectors,
                                 const bool halves, const struct tile_operands *o, struct run run,
                                 struct tile_ahead *ahead, const int ask_floats)
{
    const int width = vectors * VF - (halves ? VF / 2 : 0);
    const float *x[TILE_PIXELS_MAX];
    UNROLL for (int i = 0; i < pixels; i++)
    {
        x[i] = o->x[i];
    }
    const struct tile_run *next = o->runs;
    int left = o->run_count;
    while (true) {
        multiply_run(acc, pixels, vectors, halves, x, run, ahead, ask_floats);
        if (--left <= 0) {
            break;
        }
        run = run_of(o, ++next, width);
    }
}

/* Tiles of a simple end. */
INSTANCES void multiply_simply(const int pixels, const int vectors, const enum tile_end kind,
                               const struct tile_operands *operands,
                               const struct tile_simple_end *simple)
{
    /* copies, of which no store can be a part */
    struct tile_operands o = *operands;
    struct tile_simple_end end = *simple;
    const float *bias = tile_bias_of(&o);
    struct run first = first_run_of(&o, vectors * VF);
    const bool swapped = tile_end_is_swapped(kind), adds = tile_end_adds(kind);
    const bool asks = tile_end_asks(kind) && pixels <= TILE_ASK_PIXELS;
    const int bias_step = swapped && tile_has_bias(&o) ? o.pointers_step : 0;
    const int ask_floats = swapped ? vectors * VF : TILE_ASK_FLOATS;
    struct tile_ahead ahead = o.ahead;
    const float *const asked = asks ? ahead.from + ahead.steps * ahead.stride : NULL;
    do {
        struct accumulators acc;
        if (swapped || (adds && o.swapped)) {
            tile_ask_for(end.to, end.shift, pixels, vectors);
        } else if (tile_end_without_asking(kind) != TILE_END_ADD && end.ahead > 0) {
            tile_ask_for(end.to + end.ahead, end.shift, pixels, vectors);
        }
        if (adds) {
            tile_clear(&acc, pixels, vectors);
        } else {
            tile_begin(&acc, pixels, vectors, swapped, bias);
        }
        multiply_runs(&acc, pixels, vectors, false, &o, first, asks ? &ahead : NULL, ask_floats);
        tile_finish_simply(acc.whole, pixels, vectors, kind, &end);
        o.x += o.pointers_step;
        end.to += o.pointers_step;
        if (adds) {
            end.sums += o.pointers_step;
        }
        if (swapped || adds) {
            bias += bias_step;
            o.w += o.w_step;
            first.w += o.w_step;
            end.shift += o.y_step;
            end.sums_shift += o.y_step;
        }
        if (asks && ahead.from >= asked) {
            ahead.stride = 0;
        }
    } while (--o.tiles > 0);
}

#if VF_HALVES
/* Tiles whose last vector is a half, of any end. */
INSTANCES void multiply_half(const int pixels, const int vectors, const bool swapped,
                             const struct tile_operands *operands)
{
    const int width = vectors * VF - VF / 2;
    struct tile_operands o = *operands;
    do {
        struct accumulators acc;
        tile_ask_for_y(&o, pixels, vectors);
        tile_begin(&acc, pixels, vectors, swapped, tile_bias_of(&o));
        multiply_runs(&acc, pixels, vectors, true, &o, first_run_of(&o, width), NULL, 0);
        UNROLL for (int i = 0; i < pixels; i++)
        {
            acc.whole[i][vectors - 1] = vf_widen(acc.half[i]);
        }
        tile_finish(acc.whole, pixels, vectors, width, NULL, &o);
        tile_next(&o);
    } while (--o.tiles > 0);
}
#endif

typedef void tile_end_function(const struct tile_operands *o, const struct tile_simple_end *end);

typedef void tile_finish_function(tile_row *sums, const struct tile_operands *o);

/* Tiles of any other end: by way of memory, since with all that tile_finish may do behind it gcc
   finds no registers for the sums. */
static void multiply_any(int pixels, int vectors, const struct tile_operands *operands,
                         tile_end_function *const of_end[], tile_finish_function *finish)
{
    tile_row sums[TILE_PIXELS_MAX];
    float *rows[TILE_PIXELS_MAX];
    for (int i = 0; i < pixels; i++) {
        rows[i] = sums[i];
    }
    const struct tile_simple_end to_rows = {.to = rows};
    struct tile_operands o = *operands;
    const int tiles = o.tiles;
    o.tiles = 1;
    if (o.swapped && o.ending != TILE_STORE) {
        o.ahead.steps = 0;
    }
    for (int tile = 0; tile < tiles; tile++) {
        tile_ask_for_y(&o, pixels, vectors);
        of_end[tile_end_of_store(&o, false)](&o, &to_rows);
        finish(sums, &o);
        tile_next(&o);
        tile_asked(&o.ahead, tile_turns(o.runs, o.run_count, ASK_STEPS));
    }
}

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
    END(pixels, vectors, store_part, TILE_END_STORE_PART)                                          \
    END(pixels, vectors, clamp_part, TILE_END_CLAMP_PART)                                          \
    END(pixels, vectors, store_swapped, TILE_END_STORE_SWAPPED)                                    \
    END(pixels, vectors, clamp_swapped, TILE_END_CLAMP_SWAPPED)                                    \
    END(pixels, vectors, add, TILE_END_ADD)                                                        \
    END(pixels, vectors, add_store, TILE_END_ADD_STORE)                                            \
    END(pixels, vectors, add_clamp, TILE_END_ADD_CLAMP)                                            \
    END(pixels, vectors, store_asking, TILE_END_STORE_ASKING)                                      \
    END(pixels, vectors, clamp_asking, TILE_END_CLAMP_ASKING)                                      \
    END(pixels, vectors, store_swapped_asking, TILE_END_STORE_SWAPPED_ASKING)                      \
    END(pixels, vectors, clamp_swapped_asking, TILE_END_CLAMP_SWAPPED_ASKING)                      \
    END(pixels, vectors, add_asking, TILE_END_ADD_ASKING)                                          \
    END(pixels, vectors, add_store_asking, TILE_END_ADD_STORE_ASKING)                              \
    END(pixels, vectors, add_clamp_asking, TILE_END_ADD_CLAMP_ASKING)                              \
    NOT_INLINED static void finish_##pixels##x##vectors(tile_row *sums,                            \
                                                        const struct tile_operands *o)             \
    {                                                                                              \
        tile_finish_rows(pixels, vectors, sums, o);                                                \
    }                                                                                              \
    static void multiply_##pixels##x##vectors##_any(const struct tile_operands *o,                 \
                                                    const struct tile_simple_end *end);            \
    static tile_end_function *const ends_##pixels##x##vectors[] = {                                \
        [TILE_END_STORE] = multiply_##pixels##x##vectors##_store,                                  \
        [TILE_END_CLAMP] = multiply_##pixels##x##vectors##_clamp,                                  \
        [TILE_END_STORE_PART] = multiply_##pixels##x##vectors##_store_part,                        \
        [TILE_END_CLAMP_PART] = multiply_##pixels##x##vectors##_clamp_part,                        \
        [TILE_END_STORE_SWAPPED] = multiply_##pixels##x##vectors##_store_swapped,                  \
        [TILE_END_CLAMP_SWAPPED] = multiply_##pixels##x##vectors##_clamp_swapped,                  \
        [TILE_END_ADD] = multiply_##pixels##x##vectors##_add,                                      \
        [TILE_END_ADD_STORE] = multiply_##pixels##x##vectors##_add_store,                          \
        [TILE_END_ADD_CLAMP] = multiply_##pixels##x##vectors##_add_clamp,                          \
        [TILE_END_STORE_ASKING] = multiply_##pixels##x##vectors##_store_asking,                    \
        [TILE_END_CLAMP_ASKING] = multiply_##pixels##x##vectors##_clamp_asking,                    \
        [TILE_END_STORE_SWAPPED_ASKING] = multiply_##pixels##x##vectors##_store_swapped_asking,    \
        [TILE_END_CLAMP_SWAPPED_ASKING] = multiply_##pixels##x##vectors##_clamp_swapped_asking,    \
        [TILE_END_ADD_ASKING] = multiply_##pixels##x##vectors##_add_asking,                        \
        [TILE_END_ADD_STORE_ASKING] = multiply_##pixels##x##vectors##_add_store_asking,            \
        [TILE_END_ADD_CLAMP_ASKING] = multiply_##pixels##x##vectors##_add_clamp_asking,            \
        [TILE_END_ANY] = multiply_##pixels##x##vectors##_any,                                      \
    };                                                                                             \
    static void multiply_##pixels##x##vectors##_any(const struct tile_operands *o,                 \
                                                    const struct tile_simple_end *end)             \
    {                                                                                              \
        (void)end;                                                                                 \
        multiply_any(pixels, vectors, o, ends_##pixels##x##vectors, finish_##pixels##x##vectors);  \
    }                                                                                              \
    static void multiply_##pixels##x##vectors(const struct tile_operands *o)                       \
    {                                                                                              \
        struct tile_simple_end end;                                                                \
        ends_##pixels##x##vectors[tile_end_of(o, vectors, &end)](o, &end);                         \
    }
#define HALF_SHAPE(pixels, vectors)                                                                \
    static void multiply_##pixels##x##vectors##_half(const struct tile_operands *o)                \
    {                                                                                              \
        if (o->swapped) {                                                                          \
            multiply_half(pixels, vectors, true, o);                                               \
        } else {                                                                                   \
            multiply_half(pixels, vectors, false, o);                                              \
        }                                                                                          \
    }
TILE_SHAPES(SHAPE)
#if VF_HALVES
TILE_SHAPES(HALF_SHAPE)
#endif

#define ENTRY(pixels, vectors)      multiply_##pixels##x##vectors,
#define HALF_ENTRY(pixels, vectors) multiply_##pixels##x##vectors##_half,
const struct tile_shapes KERNEL(tile_shapes) = {
    .ask_steps = ASK_STEPS,
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
