/**
 * @file winograd_kernel.h
 * The contracts of the Winograd kernels.
 */
#ifndef CONVOY_KERNELS_WINOGRAD_KERNEL_H
#define CONVOY_KERNELS_WINOGRAD_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/tile/tile.h"

#define WINOGRAD_ALPHA_MAX 8
/* Of a whole filter. */
#define WINOGRAD_TAPS_MAX 392

struct winograd_axis;

/* The matrices of one axis: A^T is m x alpha, G alpha x r, B^T alpha x alpha; row-major. */
struct winograd_matrices {
    int alpha, r;
    const double *g, *at, *bt;
};

/* NULL if there is no such F(alpha - r + 1, r). */
const struct winograd_matrices *winograd_matrices_find(int alpha, int r);

/* Kernels of an ISA: input transforms by the alphas of the axes, output transforms by variant. */
enum { WINOGRAD_ALPHAS = 4 };
static inline int winograd_alpha_index(int alpha)
{
    return alpha == 1 ? 0 : alpha / 2 - 1; /* 1 4 6 8 */
}

/* One tile of x: alpha_h * alpha_w positions of `channels` floats each. */
struct winograd_patch {
    const float *x; /* position (0, 0) */
    ptrdiff_t stride_h, stride_w;
    const float *const *at; /* NULL, or instead: the address of each position */
    int64_t channels;
    float *v; /* where the tile's channels go in stream (0, 0) */
    ptrdiff_t stream_stride;
};
typedef void winograd_input_function(const struct winograd_patch *patch);

/* The products of one tile and one block of channels, to y (NHWC). */
struct winograd_result {
    const float *products; /* the tile's channels in stream (0, 0) */
    ptrdiff_t stream_stride;
    float *y; /* the tile's first pixel and the block's first channel */
    ptrdiff_t stride_h, stride_w;
    ptrdiff_t next;        /* 0, or floats from y to what is asked for meanwhile */
    const float *residual; /* likewise; NULL: none */
    ptrdiff_t residual_stride_h, residual_stride_w;
    int rows, columns; /* of the tile that exist in y */
    int channels;      /* of the block that exist in y */
    const struct tile_epilogue *epilogue;
};
typedef void winograd_output_function(const struct winograd_result *result);

/* filter[K][C][R][S] of up to VF output channels -> u[point][piece][c][lane]. */
struct winograd_filter {
    const float *filter; /* of the first output channel */
    ptrdiff_t k_stride;  /* floats between output channels */
    int lanes;           /* output channels that exist; others become zero */
    int64_t channels;
    const struct winograd_axis *h, *w; /* R x S, at most WINOGRAD_TAPS_MAX taps, and its pieces */
    const double *g_h, *g_w;           /* of the axes */
    float *u;
    ptrdiff_t c_stride;
};
typedef void winograd_filter_function(const struct winograd_filter *filter);

enum winograd_variant_index {
#define WINOGRAD_INDEX(m_h, m_w, r, s) WINOGRAD_F##m_h##x##m_w##_##r##x##s,
#include "kernels/winograd/winograd_variants.h"
    WINOGRAD_VARIANTS(WINOGRAD_INDEX)
#undef WINOGRAD_INDEX
        WINOGRAD_VARIANT_COUNT
};

struct winograd_inputs {
    winograd_input_function *of_alpha[WINOGRAD_ALPHAS][WINOGRAD_ALPHAS];
};

struct winograd_filters {
    winograd_filter_function *of_variant[WINOGRAD_VARIANT_COUNT];
};

struct winograd_outputs {
    winograd_output_function *of_variant[WINOGRAD_VARIANT_COUNT];
};

#endif
