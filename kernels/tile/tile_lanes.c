/**
 * @file tile_lanes.c
 * The register tile of grouped layers: a vector of x times a vector of packed w, lane by lane.
 *
 *   acc[i] += x[i][offset + d * VF ...] * w[(w_index + d) * VF ...]
 *
 * The bias is added last, as kernels/depthwise does. Lane k of x holds the input that output
 * channel k needs: for depthwise layers x as it lies in NHWC, for other groups what direct_pack has
 * spread out.
 */
#include "kernels/kernel.h"
#include "kernels/tile/tile_finish.h"

ALWAYS_INLINE void multiply_lanes(const int pixels, const struct tile_operands *operands)
{
    struct tile_operands o = *operands;
    do {
        vf acc[TILE_PIXELS_MAX][TILE_VECTORS_MAX];
        const float *x[TILE_PIXELS_MAX];
        UNROLL for (int i = 0; i < pixels; i++)
        {
            acc[i][0] = (vf){0};
            x[i] = o.x[i] + o.x_shift;
        }
        for (const struct tile_run *run = o.runs, *end = run + o.run_count; run < end; run++) {
            const float *w = o.w + run->w_index * VF;
            ptrdiff_t offset = run->x_offset, last = offset + run->depth * VF;
            do {
                vf w_vector = vf_load(w);
                UNROLL for (int i = 0; i < pixels; i++)
                {
                    acc[i][0] = vf_multiply_add(vf_load(x[i] + offset), w_vector, acc[i][0]);
                }
                offset += VF;
                w += VF;
            } while (offset < last);
        }
        tile_finish(acc, pixels, 1, VF, o.epilogue->bias, &o);
        tile_next(&o);
    } while (--o.tiles > 0);
}

#define SHAPE(pixels)                                                                              \
    static void multiply_lanes_##pixels(const struct tile_operands *o)                             \
    {                                                                                              \
        multiply_lanes(pixels, o);                                                                 \
    }
/* clang-format off */
SHAPE(1) SHAPE(2) SHAPE(3) SHAPE(4) SHAPE(5) SHAPE(6)
SHAPE(7) SHAPE(8) SHAPE(9) SHAPE(10) SHAPE(11) SHAPE(12)
/* clang-format on */

const struct tile_shapes KERNEL(tile_lanes_shapes) = {
    .granule = VF,
    .vectors_max = 1,
    .vectors_best = 1,
    .vectors_single = 1,
    .pixels_max = {12},
    .multiply = {{multiply_lanes_1, multiply_lanes_2, multiply_lanes_3, multiply_lanes_4,
                  multiply_lanes_5, multiply_lanes_6, multiply_lanes_7, multiply_lanes_8,
                  multiply_lanes_9, multiply_lanes_10, multiply_lanes_11, multiply_lanes_12}},
};
