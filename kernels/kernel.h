/**
 * @file kernel.h
 * The kernels of one ISA in one struct, so that no driver can pair a kernel with the tile or the
 * vector width of another.
 */
#ifndef CONVOY_KERNELS_KERNEL_H
#define CONVOY_KERNELS_KERNEL_H

#include <stdint.h>

#include "convoy/machine.h"
#include "kernels/depthwise/depthwise.h"
#include "kernels/direct/direct_kernel.h"
#include "kernels/tile/tile.h"
#include "kernels/winograd/winograd_kernel.h"

/* A multiply for each shape of register tile: multiply[vectors - 1][pixels - 1]. Where half a
   vector takes less time than a whole one, the last of them may be a half: multiply_half. */
struct tile_shapes {
    int ask_steps; /* of the depth, in which a tile that asks does so once */
    int granule; /* floats that rows of packed w have a multiple of: a vector, half, of dots one */
    int vectors_max;
    int vectors_best;                 /* what a long row of channels is cut into, for long sums */
    int vectors_single;               /* at most, of a single pixel; of more vectors_max */
    int pixels_max[TILE_VECTORS_MAX]; /* for each number of vectors */
    tile_multiply_function *multiply[TILE_VECTORS_MAX][TILE_PIXELS_MAX];
    tile_multiply_function *multiply_half[TILE_VECTORS_MAX][TILE_PIXELS_MAX];
};

/* Of the same shapes. */
struct tile_cuts {
    tile_cut_function *cut[TILE_VECTORS_MAX][TILE_PIXELS_MAX]; /* NULL: there is none */
};

/* Of the same shapes. */
struct tile_sums {
    int ahead_floats; /* asked for in two steps of the depth, */
    int ahead_most;   /* or so many where a call has that much to ask for */
    tile_sums_function *sums[TILE_VECTORS_MAX][TILE_PIXELS_MAX];
};

/* y[k][i] = epilogue(sums[i][k] ...) for k < channels, i < pixels. */
struct transposed_store {
    const float *sums;
    ptrdiff_t sums_stride; /* floats between pixels */
    float *y;
    ptrdiff_t y_stride;    /* floats between channels */
    const float *residual; /* NULL: none */
    ptrdiff_t residual_stride;
    ptrdiff_t column; /* floats between pixels of y, and of the residual */
    ptrdiff_t next;   /* 0, or floats from what is written to what is asked for meanwhile */
    int channels;
    int64_t pixels;
    const struct tile_epilogue *epilogue; /* bias NULL also where sums began with it */
};

#define STREAM_FLOATS 128

struct isa_kernels {
    convoy_isa isa;
    const char *name;
    int vector_floats;
    const struct tile_shapes *tile;    /* dense: x is broadcast */
    const struct tile_shapes *lanes;   /* grouped: x is a vector */
    const struct tile_shapes *dots;    /* few channels: x and w are; a "vector" is one channel */
    const struct tile_cuts *tile_cuts; /* dense, of panels that are not there yet */
    const struct tile_sums *tile_sums; /* Winograd: several partial sums at a time */
    direct_filter_function *direct_filter;
    direct_panel_function *direct_panel;
    direct_spread_function *direct_spread;
    direct_taps_function *direct_taps;
    depthwise_band_function *depthwise_band;
    bool depthwise_sweeps; /* it has depthwise_sweep.c */
    depthwise_planes_function *depthwise_planes;
    int depthwise_planes_taps;      /* of a filter row, at most */
    int depthwise_planes_same_taps; /* ... of depthwise_plane_same.c; 0: there is none */
    int depthwise_planes_together;  /* channels side by side, at most */
    const struct winograd_inputs *winograd_inputs;
    const struct winograd_outputs *winograd_outputs;
    const struct winograd_filters *winograd_filters;

    /* to[w][c] = from[c][w] for c < channels, w < columns: `from` rows are from_stride floats
       apart, `to` rows to_stride floats. */
    void (*transpose)(const float *from, ptrdiff_t from_stride, float *to, ptrdiff_t to_stride,
                      int64_t channels, int64_t columns);

    void (*store_transposed)(const struct transposed_store *);

    /* `steps` dependent steps of several independent multiply-add chains in registers: returns
       the FLOPs done; what the FMA peak is measured with. */
    double (*peak)(int64_t steps);

    /* Read, or copy, `floats` floats (a multiple of STREAM_FLOATS): what bandwidths are measured
       with. What is read depends on every float, so that no load can be left out. */
    float (*stream_read)(const float *from, int64_t floats);
    void (*stream_copy)(float *to, const float *from, int64_t floats);
};

/* The register tile of so many pixels on rows of packed w of `width` floats. */
static inline tile_multiply_function *tile_shape(const struct tile_shapes *shapes,
                                                 int vector_floats, int width, int64_t pixels)
{
    int vectors = (width + vector_floats - 1) / vector_floats;
    return width % vector_floats == 0 ? shapes->multiply[vectors - 1][pixels - 1]
                                      : shapes->multiply_half[vectors - 1][pixels - 1];
}

/** The kernels of an ISA; CONVOY_ISA_BEST is allowed. NULL if it is not compiled in. */
const struct isa_kernels *isa_kernels_find(convoy_isa isa);

#endif
