/**
 * @file tile_multiply.c
 * The dense register tile: one float of x, broadcast, times `vectors` vectors of packed w.
 *
 * A step of the depth loop is `vectors` loads of w, `pixels` broadcasts and pixels * vectors
 * multiply-adds; all accumulators, the vectors of w and one broadcast live in registers.
 */
#include "kernels/kernel.h"
#include "kernels/tile/tile_finish.h"

/* Pixels of the largest tile for each number of vectors: what the registers hold. Twelve pixels
   would want one register more for their pointers than there is; without fused multiply-adds the
   product wants one of the sums'. */
#if VF_REGISTERS == 32
#define PIXELS_2 11
#define PIXELS_3 8
#define PIXELS_4 6
#elif defined(__FMA__)
#define PIXELS_2 6
#define PIXELS_3 4
#define PIXELS_4 0
#else
#define PIXELS_2 4
#define PIXELS_3 3
#define PIXELS_4 0
#endif
#define PIXELS_1 11

_Static_assert(PIXELS_1 * 1 + 1 + 1 <= VF_REGISTERS, "the register tile would spill");
_Static_assert(PIXELS_2 * 2 + 2 + 1 <= VF_REGISTERS, "the register tile would spill");
_Static_assert(PIXELS_3 * 3 + 3 + 1 <= VF_REGISTERS, "the register tile would spill");
_Static_assert(PIXELS_4 * 4 + 4 + 1 <= VF_REGISTERS, "the register tile would spill");

/* The widest tiles leave no register for another pointer. */
#define PREFETCHES(pixels) ((pixels) <= 8)

/* The accumulators of a register tile, the last vector of which may be a half. */
struct accumulators {
    vf whole[TILE_PIXELS_MAX][TILE_VECTORS_MAX];
    vh half[TILE_PIXELS_MAX];
};

/* acc += x[.][d + further] * w: one step of the depth loop. */
ALWAYS_INLINE void multiply_step(struct accumulators *acc, const int pixels, const int vectors,
                                 const bool halves, const float *const x[TILE_PIXELS_MAX],
                                 ptrdiff_t d, const int further, const float *w)
{
    const int whole = vectors - halves;
    /* else gcc has copies of accumulators, and too few registers for them */
    const bool keeps = halves && whole > 1;
    vf w_vector[TILE_VECTORS_MAX];
    UNROLL for (int v = 0; v < whole; v++)
    {
        w_vector[v] = vf_load(w + v * VF);
    }
    const vh w_half = halves ? vh_load(w + whole * VF) : (vh){0};
    UNROLL for (int i = 0; i < pixels; i++)
    {
        const float scalar = x[i][d + further];
        UNROLL for (int v = 0; v < whole; v++)
        {
            vf *sum = &acc->whole[i][v];
            *sum = keeps ? vf_multiply_add_kept(vf_broadcast(scalar), w_vector[v], *sum)
                         : vf_multiply_add_scalar(scalar, w_vector[v], *sum);
        }
        if (halves) {
            acc->half[i] = vh_multiply_add_at(x[i], d, further, w_half, acc->half[i]);
        }
    }
}

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
    UNROLL for (int i = 0; i < pixels; i++)
    {
        UNROLL for (int v = 0; v < vectors; v++)
        {
            acc.whole[i][v] = (vf){0};
        }
        acc.half[i] = (vh){0};
    }
    ask_for_y(pixels, vectors, o);
    const float *ahead = o->ahead ? o->ahead : o->w;
    for (const struct tile_run *run = o->runs, *end = run + o->run_count; run < end; run++) {
        const float *x[TILE_PIXELS_MAX];
        UNROLL for (int i = 0; i < pixels; i++)
        {
            x[i] = o->x[i] + o->x_shift + run->x_offset;
        }
        const float *w = o->w + run->w_index * width;
        ptrdiff_t d = 0;
        for (; d + 2 <= run->depth; d += 2) {
            if (PREFETCHES(pixels)) {
                __builtin_prefetch(ahead, 0, 2);
                __builtin_prefetch(ahead + 16, 0, 2);
                __builtin_prefetch(ahead + 32, 0, 2);
                __builtin_prefetch(ahead + 48, 0, 2);
                ahead += o->ahead_stride;
            }
            multiply_step(&acc, pixels, vectors, halves, x, d, 0, w);
            multiply_step(&acc, pixels, vectors, halves, x, d, 1, w + width);
            w += 2 * width;
        }
        if (d < run->depth) {
            multiply_step(&acc, pixels, vectors, halves, x, d, 0, w);
        }
    }
    UNROLL for (int i = 0; i < pixels && halves; i++)
    {
        acc.whole[i][vectors - 1] = vf_widen(acc.half[i]);
    }
    tile_finish(acc.whole, pixels, vectors, width, o);
}

/* One function a tile shape; the tables below must name each. */
#if VF_HALVES
#define SHAPE(pixels, vectors)                                                                     \
    static void multiply_##pixels##x##vectors(const struct tile_operands *o)                       \
    {                                                                                              \
        multiply(pixels, vectors, false, o);                                                       \
    }                                                                                              \
    static void multiply_##pixels##x##vectors##_half(const struct tile_operands *o)                \
    {                                                                                              \
        multiply(pixels, vectors, true, o);                                                        \
    }
#else
#define SHAPE(pixels, vectors)                                                                     \
    static void multiply_##pixels##x##vectors(const struct tile_operands *o)                       \
    {                                                                                              \
        multiply(pixels, vectors, false, o);                                                       \
    }
#endif
/* clang-format off */
SHAPE(1, 1) SHAPE(2, 1) SHAPE(3, 1) SHAPE(4, 1) SHAPE(5, 1) SHAPE(6, 1) SHAPE(7, 1)
SHAPE(8, 1) SHAPE(9, 1) SHAPE(10, 1) SHAPE(11, 1)
SHAPE(1, 2) SHAPE(2, 2) SHAPE(3, 2) SHAPE(4, 2)
SHAPE(1, 3) SHAPE(2, 3) SHAPE(3, 3)
#if PIXELS_2 >= 6
SHAPE(5, 2) SHAPE(6, 2)
SHAPE(4, 3)
#endif
#if PIXELS_2 >= 11
SHAPE(7, 2) SHAPE(8, 2) SHAPE(9, 2) SHAPE(10, 2) SHAPE(11, 2)
SHAPE(5, 3) SHAPE(6, 3) SHAPE(7, 3) SHAPE(8, 3)
SHAPE(1, 4) SHAPE(2, 4) SHAPE(3, 4) SHAPE(4, 4) SHAPE(5, 4) SHAPE(6, 4)
#endif
/* clang-format on */

/* The tiles of each number of vectors whose names end so. */
#define TILES_1(end)                                                                               \
    multiply_1x1##end, multiply_2x1##end, multiply_3x1##end, multiply_4x1##end, multiply_5x1##end, \
        multiply_6x1##end, multiply_7x1##end, multiply_8x1##end, multiply_9x1##end,                \
        multiply_10x1##end, multiply_11x1##end
#if PIXELS_2 >= 11
#define TILES_2(end)                                                                               \
    multiply_1x2##end, multiply_2x2##end, multiply_3x2##end, multiply_4x2##end, multiply_5x2##end, \
        multiply_6x2##end, multiply_7x2##end, multiply_8x2##end, multiply_9x2##end,                \
        multiply_10x2##end, multiply_11x2##end
#define TILES_3(end)                                                                               \
    multiply_1x3##end, multiply_2x3##end, multiply_3x3##end, multiply_4x3##end, multiply_5x3##end, \
        multiply_6x3##end, multiply_7x3##end, multiply_8x3##end
#define TILES_4(end)                                                                               \
    multiply_1x4##end, multiply_2x4##end, multiply_3x4##end, multiply_4x4##end, multiply_5x4##end, \
        multiply_6x4##end
#elif PIXELS_2 >= 6
#define TILES_2(end)                                                                               \
    multiply_1x2##end, multiply_2x2##end, multiply_3x2##end, multiply_4x2##end, multiply_5x2##end, \
        multiply_6x2##end
#define TILES_3(end) multiply_1x3##end, multiply_2x3##end, multiply_3x3##end, multiply_4x3##end
#define TILES_4(end) NULL
#else
#define TILES_2(end) multiply_1x2##end, multiply_2x2##end, multiply_3x2##end, multiply_4x2##end
#define TILES_3(end) multiply_1x3##end, multiply_2x3##end, multiply_3x3##end
#define TILES_4(end) NULL
#endif

const struct tile_shapes KERNEL(tile_shapes) = {
    .granule = VF_HALVES ? VF / 2 : VF,
    .vectors_max = PIXELS_4 ? 4 : 3,
    .vectors_best = PIXELS_4 ? 4 : 2,
    .pixels_max = {PIXELS_1, PIXELS_2, PIXELS_3, PIXELS_4},
    .multiply = {{TILES_1()}, {TILES_2()}, {TILES_3()}, {TILES_4()}},
#if VF_HALVES
    .multiply_half = {{TILES_1(_half)}, {TILES_2(_half)}, {TILES_3(_half)}, {TILES_4(_half)}},
#endif
};
