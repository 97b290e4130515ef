/**
 * @file tile_shape.h
 * The dense register tiles that there are. Included by the kernels that are made of them.
 */
#ifndef CONVOY_KERNELS_TILE_SHAPE_H
#define CONVOY_KERNELS_TILE_SHAPE_H

#include "kernels/kernel.h"
#include "kernels/simd.h"

/* Pixels of the largest tile for each number of vectors: what the registers hold. Eleven pixels
   would want one register more for their pointers than there is; without fused multiply-adds the
   product wants one of the sums'. One pixel has more vectors than others: their w is used where it
   is loaded, and so many sums are under way that none waits for the one before it. */
#if VF_REGISTERS == 32
#define PIXELS_2 10
#define PIXELS_3 8
#define PIXELS_4 6
#elif VF_FUSED
#define PIXELS_2 6
#define PIXELS_3 4
#define PIXELS_4 1
#else
#define PIXELS_2 4
#define PIXELS_3 3
#define PIXELS_4 1
#endif
#define PIXELS_1 10

_Static_assert(PIXELS_1 * 1 + 1 + 1 <= VF_REGISTERS, "the register tile would spill");
_Static_assert(PIXELS_2 * 2 + 2 + 1 <= VF_REGISTERS, "the register tile would spill");
_Static_assert(PIXELS_3 * 3 + 3 + 1 <= VF_REGISTERS, "the register tile would spill");
_Static_assert(PIXELS_4 <= 1 || PIXELS_4 * 4 + 4 + 1 <= VF_REGISTERS,
               "the register tile would spill");
_Static_assert(TILE_VECTORS_MAX + 3 <= VF_REGISTERS, "the register tile would spill");

/* Every shape, as X(pixels, vectors): TILE_SHAPES(X); and the rows of a table of them, X in their
   order, by which TILE_SHAPE_ROWS(X) initialises [vectors - 1][pixels - 1]. */
/* clang-format off */
#define TILE_SHAPES_1(X) X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1) X(7, 1) \
                         X(8, 1) X(9, 1) X(10, 1)
#if PIXELS_2 == 10
#define TILE_SHAPES_2(X) X(1, 2) X(2, 2) X(3, 2) X(4, 2) X(5, 2) X(6, 2) X(7, 2) \
                         X(8, 2) X(9, 2) X(10, 2)
#define TILE_SHAPES_3(X) X(1, 3) X(2, 3) X(3, 3) X(4, 3) X(5, 3) X(6, 3) X(7, 3) X(8, 3)
#define TILE_SHAPES_4(X) X(1, 4) X(2, 4) X(3, 4) X(4, 4) X(5, 4) X(6, 4)
#elif PIXELS_2 == 6
#define TILE_SHAPES_2(X) X(1, 2) X(2, 2) X(3, 2) X(4, 2) X(5, 2) X(6, 2)
#define TILE_SHAPES_3(X) X(1, 3) X(2, 3) X(3, 3) X(4, 3)
#else
#define TILE_SHAPES_2(X) X(1, 2) X(2, 2) X(3, 2) X(4, 2)
#define TILE_SHAPES_3(X) X(1, 3) X(2, 3) X(3, 3)
#endif
#if PIXELS_4 == 1
#define TILE_SHAPES_4(X) X(1, 4)
#endif
#define TILE_SHAPE_ROWS(X) {{TILE_SHAPES_1(X)}, {TILE_SHAPES_2(X)}, {TILE_SHAPES_3(X)}, {TILE_SHAPES_4(X)}, \
                            {X(1, 5)}, {X(1, 6)}, {X(1, 7)}, {X(1, 8)}}
#define TILE_SHAPES(X) TILE_SHAPES_1(X) TILE_SHAPES_2(X) TILE_SHAPES_3(X) TILE_SHAPES_4(X) \
                       X(1, 5) X(1, 6) X(1, 7) X(1, 8)
/* clang-format on */

/* The accumulators of a register tile, the last vector of which may be a half. */
struct accumulators {
    vf whole[TILE_PIXELS_MAX][TILE_VECTORS_MAX];
    vh half[TILE_PIXELS_MAX];
};

ALWAYS_INLINE void tile_clear(struct accumulators *acc, const int pixels, const int vectors)
{
    UNROLL for (int i = 0; i < pixels; i++)
    {
        UNROLL for (int v = 0; v < vectors; v++)
        {
            acc->whole[i][v] = (vf){0};
        }
        acc->half[i] = (vh){0};
    }
}

/* The same, but each sum begins with the bias of its vector of channels or, swapped, of its pixel.
   Added at the end it would take longer: on Zen 2 an addition, which wants a port of the
   multiply-adds to read, kept one of them waiting. */
ALWAYS_INLINE void tile_begin(struct accumulators *acc, const int pixels, const int vectors,
                              const bool swapped, const float *bias)
{
    FORGET(bias); /* else it is kept in registers that the sums want */
    UNROLL for (int v = 0; v < vectors; v++)
    {
        UNROLL for (int i = 0; i < pixels; i++)
        {
            acc->whole[i][v] = swapped ? vf_broadcast(bias[i]) : vf_load(bias + v * VF);
        }
    }
    UNROLL for (int i = 0; i < pixels; i++)
    {
        acc->half[i] = vf_first_half(acc->whole[i][vectors - 1]);
    }
}

/* Steps of the depth that a turn of the loop takes. More of them, and gcc loads what it has no
   register for, unless sums are kept where they are. What counts the turns wants ports of the
   multiply-adds: with AVX-512 four steps are 1 to 4 % faster than two on Emerald Rapids, eight no
   faster than four. */
#if VF_FUSED && (VF_REGISTERS == 16 || VF == 16)
#define DEPTH_STEPS 4
#else
#define DEPTH_STEPS 2
#endif
/* The same of tiles that ask, once in a turn, and of those whose last vector is a half: more, and
   gcc keeps some of 8 x 2 or 8 x 2.5 on the stack. */
#define ASK_STEPS    (VF == 16 ? 2 : DEPTH_STEPS)
#define HALVES_STEPS ASK_STEPS

/* acc += x[.][d + further] * w: one step of the depth loop. */
ALWAYS_INLINE void tile_step(struct accumulators *acc, const int pixels, const int vectors,
                             const bool halves, const float *const x[TILE_PIXELS_MAX], ptrdiff_t d,
                             const int further, const float *w)
{
    const int whole = vectors - halves;
    /* else gcc has copies of accumulators, and too few registers for them; or, with few registers,
       it loads w again for each pixel. Where it needs no telling, tiles of few terms are faster:
       of 32 registers 8 x 3 leaves too few for its w and pixels. */
    const bool crowded = (halves && whole > 1) || pixels * vectors + vectors + pixels > 34;
    const bool keeps = VF_REGISTERS == 16 ? pixels > 1 : crowded;
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

/* Two or four steps. Written out, since what vh_multiply_add_at is told must be a constant however
   little is optimised. */
ALWAYS_INLINE void tile_steps(struct accumulators *acc, const int pixels, const int vectors,
                              const bool halves, const int steps,
                              const float *const x[TILE_PIXELS_MAX], ptrdiff_t d, const float *w)
{
    const int width = vectors * VF - (halves ? VF / 2 : 0);
    tile_step(acc, pixels, vectors, halves, x, d, 0, w);
    tile_step(acc, pixels, vectors, halves, x, d, 1, w + width);
    if (steps == 4) {
        tile_step(acc, pixels, vectors, halves, x, d, 2, w + 2 * width);
        tile_step(acc, pixels, vectors, halves, x, d, 3, w + 3 * width);
    }
}

#endif
