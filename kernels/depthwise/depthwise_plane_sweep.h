/**
 * @file depthwise_plane_sweep.h
 * Sweeps down output columns of NCHW depthwise layers: what depthwise_plane_columns.c tells those
 * of depthwise_plane_sweep.c. Included by these and by depthwise_plane_step.h only.
 */
#ifndef CONVOY_KERNELS_DEPTHWISE_PLANE_SWEEP_H
#define CONVOY_KERNELS_DEPTHWISE_PLANE_SWEEP_H

#include "kernels/depthwise/depthwise.h"
#include "kernels/simd_lanes.h"

#define TAPS_MAX    DEPTHWISE_PLANE_TAPS /* of a filter row */
#define VECTORS_MAX 4

/* Lanes of the first vector and of the last that are on real input: of what is loaded, and of the
   taps. */
struct masks {
    int32_t x[2][TAPS_MAX + 1][VF], w[2][TAPS_MAX][VF];
    int32_t minus[2][TAPS_MAX][VF]; /* -0 where w is 0 */
};

/* What a sweep makes: some rows of some columns, of some channels. */
struct sweep {
    const float *x; /* under tap 0 of the first output of the first channel; may be outside */
    ptrdiff_t x_row, x_tap, x_plane;
    ptrdiff_t gap;                /* output columns from the first vector to the last */
    int64_t real_begin, real_end; /* rows of x that are real input, from the first tap on */
    const float *packed_w;
    const float *bias; /* NULL: none */
    int64_t k, channels, rows;
    float *y;
    ptrdiff_t y_row, y_plane;
    const float *residual; /* NULL: none */
    ptrdiff_t residual_row, residual_plane;
    struct tile_epilogue epilogue;
    int lanes;          /* outputs of a vector that exist */
    int64_t whole_rows; /* whose vector is stored whole: behind it is what is stored later */
    const struct masks *masks;
};

typedef void sweep_function(const struct sweep *sweep);

/* The sweeps of one kind of layer, for one vector of columns or several. */
struct sweeps {
    int taps, stride;
    bool finishes;
    int most; /* vectors */
    /* Of 2 ... most vectors, [left][right]: some lanes of the first taps of the first vector, of
       the last taps of the last, are on padding. */
    sweep_function *several[VECTORS_MAX - 1][2][2];
    sweep_function *one[2]; /* [right] */
    sweep_function *masked; /* any lanes of any taps are, and lanes may not exist */
    /* The same without dilation_w, two channels side by side, or four of half a vector each; NULL:
       there is none. */
    sweep_function *apart, *pairs;
};

/* Those of a filter of so many taps; finishes: there is a residual, or an activation. */
const struct sweeps *KERNEL(depthwise_plane_sweeps)(int taps, int stride, bool finishes);

#endif
