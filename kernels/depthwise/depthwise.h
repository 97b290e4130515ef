/**
 * @file depthwise.h
 * Depthwise layers, and layers of narrow groups, in NHWC: a part of the direct algorithm with a
 * driver of its own.
 *
 * Output channels are the lanes. Lane k needs input channel k / Kg * Cg + c for each c < Cg; those
 * of one vector lie within one vector of x, which a permutation spreads out. There is nothing to
 * pack but w, nothing to copy, and no workspace; taps on padding are left out.
 *
 *   depthwise.c        the loops over images, strips of rows, channels (execute)
 *   depthwise_sweep.c  depthwise 3x3: some rows of outputs
 *   depthwise_tile.c   any other: a row of outputs
 *
 * Packed w is, for each vector of output channels, [R][Cg][S][VF].
 */
#ifndef CONVOY_KERNELS_DEPTHWISE_H
#define CONVOY_KERNELS_DEPTHWISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/tile/tile.h"

/* Output rows of a band, at most. */
#define DEPTHWISE_ROWS 4

/* Some output rows of one image, all columns or each n-th, some vectors of channels. */
struct depthwise_band {
    const float *x; /* row 0, column 0 of the image, first input channel */
    ptrdiff_t x_row, x_column;
    int64_t H, W;
    int64_t h, w; /* row and column of x under the first tap of the first output; may be outside */
    int64_t stride_h, stride_w; /* rows and columns of x from one output of the band to the next */
    int64_t dilation_h, dilation_w; /* ... from one tap to the next */
    int R, S, Cg, Kg;
    const float *packed_w; /* of the first vector */
    int channels;          /* output channels, from the first on */
    int rows;
    int64_t columns;
    float *y; /* first output, first channel */
    ptrdiff_t y_row, y_column;
    const float *residual; /* like y; NULL: none */
    ptrdiff_t residual_row, residual_column;
    const struct tile_epilogue *epilogue; /* bias of the first channel on */
};

typedef void depthwise_band_function(const struct depthwise_band *band);

struct convoy_plan;
struct operands;

/* Is the layer one for this driver? */
bool depthwise_applies(const struct convoy_plan *plan);

void depthwise_execute(const struct convoy_plan *plan, const struct operands *operands);

#endif
