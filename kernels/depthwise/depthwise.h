/**
 * @file depthwise.h
 * Depthwise layers, and layers of narrow groups: a part of the direct algorithm with drivers of its
 * own.
 *
 * In NHWC output channels are the lanes. Lane k needs input channel k / Kg * Cg + c for each c <
 * Cg; those of one vector lie within one vector of x, which a permutation spreads out. There is
 * nothing to pack but w, and mostly nothing to copy; taps on padding are left out. Packed w
 * is, for each vector of output channels, [R][Cg][S][VF]. Sums run over r, c, s, whatever the ISA
 * and the layout.
 *
 *   depthwise.c        the loops over images, strips of rows, channels (execute)
 *   depthwise_rows.c   depthwise filters of 3, 5 or 7 taps a row where there are fused products:
 *                      tiles of two rows
 *   depthwise_sweep.c  depthwise 3x3 with stride 1 where there are 32 registers: sweeps down a few
 *                      columns, for small images and for channels that fill no vectors
 *   depthwise_tile.c   any other: a row of outputs
 *   depthwise_lines.c  in which order tiles go through lines of x, and what they ask for
 *   depthwise_copied.c x copied block by block first, where its lines do not stay in L1
 *
 * In NCHW:
 *
 *   depthwise_planes.c the loops over images, channels, strips of rows, for 3x3 and some 5x5 with
 *                      stride 1 or 2
 *   depthwise_plane_columns.c
 *                      output columns are the lanes: which sweeps down the columns make some rows
 *   depthwise_plane_sweep.c, depthwise_plane_step.h
 *                      ... one sweep, one step of it
 *   depthwise_plane_same.c, depthwise_plane_same_rows.c
 *                      ... faster where padding keeps the size: short rows, long rows
 *   depthwise_copied.c any other: x transposed block by block, the kernels of NHWC, y transposed
 *                      back
 */
#ifndef CONVOY_KERNELS_DEPTHWISE_H
#define CONVOY_KERNELS_DEPTHWISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convoy/layer.h"
#include "kernels/tile/tile.h"

/* Output rows of a band, at most; of one that is swept. */
#define DEPTHWISE_ROWS       4
#define DEPTHWISE_SWEPT_ROWS 28

/* A tile has up to 21 columns of x, more than UNROLL unrolls. */
#define DEPTHWISE_UNROLL UNROLL_(GCC unroll 32)

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
    bool sweeps, rows_known; /* by depthwise_sweep.c, by depthwise_rows.c, if the ISA has them */
    bool asks_for_x;         /* it comes from afar: */
    bool asks_for_rows;      /* and y, from memory */
};

/* Strips of planes are so many rows, or a multiple: a sweep takes time to begin and to end. */
#define DEPTHWISE_PLANE_ROWS 28

/* First i >= 0 with at + i * step >= 0: kernels ask for each few rows, and a division takes long.
 */
static inline int64_t depthwise_steps(int64_t at, int64_t step)
{
    return at >= 0 ? 0 : step == 1 ? -at : (-at + step - 1) / step;
}

typedef void depthwise_band_function(const struct depthwise_band *band);

/* NCHW: some output rows of some channels of one image, depthwise, with stride 1 or 2. */
struct depthwise_planes {
    const float *x; /* row 0, column 0 of the first channel */
    ptrdiff_t x_row, x_plane;
    int64_t H, W;
    int64_t h, w; /* row and column of x under the first tap of the first output; may be outside */
    int taps;     /* R and S */
    int stride;   /* of rows and of columns */
    int64_t dilation_h, dilation_w; /* 1 with stride 2 */
    const float *packed_w, *bias;   /* of channel 0; bias NULL: none */
    int64_t k, channels;            /* the first, how many */
    int together; /* channels side by side: 1; of 3x3 filters without dilation_w also 2, of rows
                     that fit a vector, and 4, of rows that fit half of one */
    int64_t rows, Q;
    int64_t block_rows, block_channels; /* of a sweep's block, whose x and y stay in cache */
    float *y;                           /* first output of the first channel */
    ptrdiff_t y_row, y_plane;
    const float *residual; /* like y; NULL: none */
    ptrdiff_t residual_row, residual_plane;
    const struct tile_epilogue *epilogue; /* its bias is not used */
};

typedef void depthwise_planes_function(const struct depthwise_planes *planes);

struct convoy_plan;
struct operands;

/* Two groups or more in a vector of `floats` output channels, their input channels in one of x:
   in NHWC the layer is one for these drivers, and any other sums in their order. */
bool depthwise_groups_fit(const convoy_layer *layer, int64_t floats);

/* Is the layer one for these drivers? */
bool depthwise_applies(const struct convoy_plan *plan);

/* What depthwise_plane_sweep.c has kernels for, at most. Channels side by side: two where the taps
   of both find registers; four, of half a vector each. */
#define DEPTHWISE_TOGETHER (VF_TWO_ROWS ? 4 : VF_REGISTERS == 32 ? 2 : 1)

/* Vectors of columns with stride 1, taps of a filter row: 4 and 5 where the sums and most taps are
   in registers. The wide build, whose compilers would take minutes, leaves them out: NEON has them.
 */
#ifdef VECTOR_WIDE
#define DEPTHWISE_PLANE_VECTORS 2
#define DEPTHWISE_PLANE_TAPS    3
#else
#define DEPTHWISE_PLANE_VECTORS (VF_REGISTERS == 32 ? 4 : 2)
#define DEPTHWISE_PLANE_TAPS    (VF_REGISTERS == 32 ? 5 : 3)
#endif

/* Are there depthwise_plane_same.c and depthwise_plane_same_rows.c? Where there are more registers,
   or wider vectors, they were not measured. Taps of a filter row, at most; vectors of a short row:
   of longer ones only 3x3 is made. */
#define DEPTHWISE_PLANE_SAME   (VF == 8 && VF_REGISTERS == 16)
#define DEPTHWISE_SAME_TAPS    5
#define DEPTHWISE_SAME_COLUMNS 7

/* Is there depthwise_rows.c, and depthwise_sweep.c, in the ISA that a kernel is compiled for? The
   wide build, whose compilers take minutes for the first, leaves it out: NEON has the same tiles.
 */
#ifdef VECTOR_WIDE
#define DEPTHWISE_TILES_OF_ROWS 0
#else
#define DEPTHWISE_TILES_OF_ROWS (VF_FUSED)
#endif
#define DEPTHWISE_SWEEPS (VF_REGISTERS == 32)

/* Filters of 3, 5 or 7 taps a row with stride 1 or 2 along it, in units of the dilation:
   depthwise_rows.c. */
bool depthwise_rows_known(const convoy_layer *layer);

/* Stride in units of dilation; outputs of a dilated layer without stride are those of several
   layers without either. 0: not whole. */
int64_t depthwise_ratio(int64_t stride, int64_t dilation);

/* Cut the layer; run. */
void depthwise_prepare(struct convoy_plan *plan);
void depthwise_execute(const struct convoy_plan *plan, const struct operands *operands);

/* Into how many shares threads want the work cut; 1: what takes some ten microseconds. */
int64_t depthwise_shares(const struct convoy_plan *plan);
int depthwise_threads(const struct convoy_plan *plan);

/* A band of `channels` output channels from k on: what does not depend on where x and y lie. */
struct depthwise_band depthwise_band_of(const struct convoy_plan *plan, int64_t k, int64_t channels,
                                        const struct tile_epilogue *epilogue);

/* Output rows p0 <= p < p1, all columns, band by band; y and residual of `band` begin at row p0,
   and its strides are those of the tensors. */
void depthwise_work_rows(const struct convoy_plan *plan, struct depthwise_band band, int64_t p0,
                         int64_t p1);

/* What the epilogue of a band from channel k on is, and where in y and the residual its row p of
   image n begins. */
struct tile_epilogue depthwise_epilogue(const struct convoy_plan *plan, int64_t k);
void depthwise_place_y(const struct operands *operands, int64_t n, int64_t p, int64_t k,
                       struct depthwise_band *band);

/* NHWC: is x copied, have tiles one row, do they go through all channels, do they ask for x, and
   for rows of x and y? */
void depthwise_lines_prepare(struct convoy_plan *plan);

/* On copies of blocks of x: does a block fit; cut the layer; run. */
bool depthwise_copied_fits(const struct convoy_plan *plan);
void depthwise_copied_prepare(struct convoy_plan *plan);
void depthwise_copied_execute(const struct convoy_plan *plan, const struct operands *operands);

/* The same for 3x3 and 5x5 layers with stride 1 or 2 whose rows are long enough. */
bool depthwise_planes_fit(const struct convoy_plan *plan);
void depthwise_planes_prepare(struct convoy_plan *plan);
int64_t depthwise_planes_flops(const struct convoy_plan *plan);
void depthwise_planes_execute(const struct convoy_plan *plan, const struct operands *operands);

#endif
