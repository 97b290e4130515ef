/**
 * @file depthwise.h
 * Depthwise layers (one input channel and one output channel a group) in NHWC: a part of the
 * direct algorithm with a driver of its own.
 *
 * Channels are the lanes. A row of outputs is worked in pieces of a few pixels, whose sums stay in
 * registers; each vector of x is loaded once for all the taps of a filter row that read it. There
 * is nothing to pack but w, nothing to copy, and no workspace: taps on padding are left out.
 */
#ifndef CONVOY_KERNELS_DEPTHWISE_H
#define CONVOY_KERNELS_DEPTHWISE_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/tile/tile.h"

/* Outputs of one row that all see the taps given, for some vectors of channels side by side. */
struct depthwise_row {
    const float *x;     /* first tap of the first output */
    ptrdiff_t x_pixel;  /* floats between outputs */
    ptrdiff_t x_tap_h;  /* floats between tap rows */
    ptrdiff_t x_tap_w;  /* floats between taps of a row */
    const float *w;     /* first tap: [R][S][VF] */
    ptrdiff_t w_tap_h;  /* floats between tap rows */
    ptrdiff_t w_vector; /* floats between vectors of channels */
    int taps_h, taps_w; /* taps that are summed */
    int stride_w;       /* x_pixel / x_tap_w if that is whole, else 0 */
    int pixels;
    int channels; /* of x, y and residual, from the first on */
    float *y;     /* first output */
    ptrdiff_t y_pixel;
    const float *residual; /* NULL: none */
    ptrdiff_t residual_pixel;
    const struct tile_epilogue *epilogue; /* bias of the first channel on */
};

typedef void depthwise_row_function(const struct depthwise_row *row);

struct convoy_plan;
struct operands;

/* Is the layer one for this driver? */
bool depthwise_applies(const struct convoy_plan *plan);

void depthwise_execute(const struct convoy_plan *plan, const struct operands *operands);

#endif
