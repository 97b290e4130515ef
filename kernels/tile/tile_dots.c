/**
 * @file tile_dots.c
 * The register tile of layers with few output channels: terms of the depth are in the lanes.
 *
 *   acc[i][k][lane] += x[i][offset + d + lane] * w[k][w_index + d + lane], d in steps of VF
 *
 * A dense tile would leave most lanes of its vectors of output channels empty. Here each output is
 * a dot product of its own, of x and w as they lie, and its lanes are added up at the end. A run
 * begins in the first lane; what it lacks of a vector at its end counts as zeros. The bias is added
 * last.
 */
#include "kernels/kernel.h"
#include "kernels/tile/tile_finish.h"

/* For each number of channels the pixels of the largest tile, as ROW(pixels, channels): what the
   registers hold, and more than ten pixels would want more pointers than there are registers. With
   more than VF / 2 channels a dense tile is filled well enough. */
#if VF == 16
#define TILES(ROW) ROW(10, 1) ROW(8, 2) ROW(8, 3) ROW(6, 4) ROW(5, 5) ROW(4, 6) ROW(3, 7) ROW(3, 8)
#elif VF == 8 && VF_FUSED
#define TILES(ROW) ROW(10, 1) ROW(6, 2) ROW(4, 3) ROW(3, 4)
#elif VF == 8
#define TILES(ROW) ROW(10, 1) ROW(4, 2) ROW(3, 3) ROW(2, 4)
#elif VF_REGISTERS == 32
#define TILES(ROW) ROW(10, 1) ROW(8, 2)
#else
#define TILES(ROW) ROW(10, 1) ROW(4, 2)
#endif

/* VF floats, or the first of them. */
ALWAYS_INLINE vf load(const float *p, const bool whole, int floats)
{
    return whole ? vf_load(p) : vf_load_part(p, floats);
}

/* The next terms of each dot product, a whole vector or `floats`. Of pixels and channels the fewer
   are loaded first; of the others one vector at a time is enough. */
ALWAYS_INLINE void dot_step(vf acc[TILE_PIXELS_MAX][TILE_VECTORS_MAX], const int pixels,
                            const int channels, const float *const x[TILE_PIXELS_MAX], ptrdiff_t d,
                            const float *w, ptrdiff_t w_stride, const bool whole, int floats)
{
    vf held[TILE_PIXELS_MAX];
    if (channels <= pixels) {
        UNROLL for (int k = 0; k < channels; k++)
        {
            held[k] = load(w + k * w_stride, whole, floats);
        }
        UNROLL for (int i = 0; i < pixels; i++)
        {
            const vf x_vector = vf_keep(load(x[i] + d, whole, floats));
            UNROLL for (int k = 0; k < channels; k++)
            {
                acc[i][k] = vf_multiply_add_kept(x_vector, held[k], acc[i][k]);
            }
        }
    } else {
        UNROLL for (int i = 0; i < pixels; i++)
        {
            held[i] = load(x[i] + d, whole, floats);
        }
        UNROLL for (int k = 0; k < channels; k++)
        {
            const vf w_vector = load(w + k * w_stride, whole, floats);
            UNROLL for (int i = 0; i < pixels; i++)
            {
                acc[i][k] = vf_multiply_add_kept(held[i], w_vector, acc[i][k]);
            }
        }
    }
}

INSTANCES void multiply_dots(const int pixels, const int channels,
                             const struct tile_operands *operands)
{
    struct tile_operands o = *operands;
    do {
        vf acc[TILE_PIXELS_MAX][TILE_VECTORS_MAX];
        const float *x[TILE_PIXELS_MAX];
        UNROLL for (int i = 0; i < pixels; i++)
        {
            UNROLL for (int k = 0; k < channels; k++)
            {
                acc[i][k] = (vf){0};
            }
            x[i] = o.x[i] + o.x_shift;
        }
        for (const struct tile_run *run = o.runs, *end = run + o.run_count; run < end; run++) {
            const float *w = o.w + run->w_index;
            ptrdiff_t d = run->x_offset;
            const ptrdiff_t last = d + run->depth;
            for (; d + VF <= last; d += VF, w += VF) {
                dot_step(acc, pixels, channels, x, d, w, o.w_stride, true, VF);
            }
            if (d < last) {
                dot_step(acc, pixels, channels, x, d, w, o.w_stride, false, (int)(last - d));
            }
        }
        UNROLL for (int i = 0; i < pixels; i++)
        {
            acc[i][0] = vf_sums(acc[i], channels);
        }
        tile_finish(acc, pixels, 1, VF, o.epilogue->bias, &o);
        tile_next(&o);
    } while (--o.tiles > 0);
}

#define SHAPE(pixels, channels)                                                                    \
    static void multiply_dots_##pixels##x##channels(const struct tile_operands *o)                 \
    {                                                                                              \
        multiply_dots(pixels, channels, o);                                                        \
    }
#define UP_TO_2(X, channels)      X(1, channels) X(2, channels)
#define UP_TO_3(X, channels)      UP_TO_2(X, channels) X(3, channels)
#define UP_TO_4(X, channels)      UP_TO_3(X, channels) X(4, channels)
#define UP_TO_5(X, channels)      UP_TO_4(X, channels) X(5, channels)
#define UP_TO_6(X, channels)      UP_TO_5(X, channels) X(6, channels)
#define UP_TO_8(X, channels)      UP_TO_6(X, channels) X(7, channels) X(8, channels)
#define UP_TO_10(X, channels)     UP_TO_8(X, channels) X(9, channels) X(10, channels)
#define SHAPES(pixels, channels)  UP_TO_##pixels(SHAPE, channels)
#define ENTRY(pixels, channels)   multiply_dots_##pixels##x##channels,
#define ENTRIES(pixels, channels) {UP_TO_##pixels(ENTRY, channels)},
#define PIXELS(pixels, channels)  pixels,
TILES(SHAPES)

const struct tile_shapes KERNEL(tile_dots_shapes) = {
    .granule = 1,
    .vectors_max = VF / 2,
    .vectors_best = VF / 2,
    .vectors_single = VF / 2,
    .pixels_max = {TILES(PIXELS)},
    .multiply = {TILES(ENTRIES)},
};
