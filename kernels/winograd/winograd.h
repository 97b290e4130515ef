/**
 * @file winograd.h
 * The parts of the Winograd family, and what they share.
 *
 *   generate.py              points -> matrices and one-dimensional transforms, checked exactly
 *   winograd_kernel.h        what the kernels take and give
 *   winograd_variants.h      the list of F(m_h x m_w, r x s)
 *   winograd_input.c         a tile of x -> alpha_h * alpha_w streams        (per ISA)
 *   winograd_output.c        the products of a tile -> y, with the epilogue  (per ISA)
 *   winograd_filter.c        filter -> alpha_h * alpha_w matrices            (per ISA)
 *   winograd_pieces.c        strides and large filters: taps -> pieces of r x s
 *   winograd_blocking.c      how a layer is cut (prepare, describe)
 *   winograd_weights.c       filter -> packed w (pack)
 *   winograd_error.c         its error bound and its typical error
 *   winograd_ahead.c         what to ask for before it is needed
 *   winograd_gather.c        which x each tile reads, and their transform
 *   winograd_scatter.c       the products' transform, and which y each tile writes
 *   winograd_multiply.c      the products of a block of tiles
 *   winograd.c               the loops over blocks of tiles and channels     (execute)
 *
 * Y = A_h^T [ sum over c of (G_h g G_w^T) * (B_h^T d B_w) ] A_w for each tile of m_h x m_w outputs
 * and alpha_h x alpha_w inputs, alpha = m + r - 1. The products in the bracket are, for each of the
 * alpha_h * alpha_w points, a matrix multiply [tiles][C] x [C][K]: the tile engine of
 * kernels/tile. Dilation d is d_h * d_w interleaved problems: each tile's pixels lie d apart.
 */
#ifndef CONVOY_KERNELS_WINOGRAD_H
#define CONVOY_KERNELS_WINOGRAD_H

#include "kernels/algorithm.h"
#include "kernels/kernel.h"
#include "kernels/winograd/winograd_pieces.h"

/* Terms of a partial sum, at most. Short sums are what makes F(4, 3) as accurate as a plain sum:
   64 would be 3 % faster and have twice the error. */
#define WINOGRAD_PARTIAL_SUM 44

/* Register tiles of a block, at most; blocks of output channels between two output transforms. */
#define WINOGRAD_REGISTER_TILES_MAX 6
#define WINOGRAD_K_TOGETHER_MAX     16

/* A row of the algorithm table, with what it is F of. */
struct winograd_algorithm {
    struct algorithm base;
    enum winograd_variant_index index;
    int m_h, m_w, r_h, r_w;
};

static inline const struct winograd_algorithm *winograd_of(const struct convoy_plan *plan)
{
    return (const struct winograd_algorithm *)plan->algorithm;
}

/* The rows, WINOGRAD_VARIANT_COUNT of them. */
extern const struct winograd_algorithm winograd_algorithms[];

/* The grid of tiles of a plan: phases of a dilated layer, tiles down and across each. */
struct winograd_grid {
    int64_t phases_h, phases_w, down, across, tiles;
};
struct winograd_grid winograd_grid(const struct convoy_plan *plan);

/* A run of tiles side by side in one row of the grid. */
struct tile_row {
    int64_t n, phase_h, phase_w, row, column, count;
};

/* The run that starts at a tile and stays in one row of the grid and before `end`. */
struct tile_row winograd_tile_row(const struct winograd_grid *grid, int64_t tile, int64_t end);

/* The axes, and one thread's workspace, cut up; the parts when workspace is not NULL, and its
   bytes. */
struct winograd_block {
    struct winograd_axis h, w;
    float *v;                  /* transformed input: [point][tile][piece][C of some groups] */
    ptrdiff_t v_stride, v_row; /* floats between points, between tiles */
    float *products;           /* [point][tile][k blocks] */
    ptrdiff_t m_stride, m_row;
    const float **positions; /* of one tile */
    float *zeros;            /* as many as V has channels: positions outside x */
    float *copy;             /* NCHW: the inputs of a run of tiles, a vector of channels, as NHWC */
    float *result;           /* NCHW: their outputs, likewise */
};
int64_t winograd_carve(const struct convoy_plan *plan, char *workspace,
                       struct winograd_block *block);

/* Channels of x, those of some groups. */
struct winograd_channels {
    int64_t first, count;
};

/* V of the block of tiles tile <= t < end. */
void winograd_gather(const struct convoy_plan *plan, const convoy_tensor *x,
                     const struct winograd_block *block, struct winograd_channels channels,
                     int64_t tile, int64_t end);

/* y of the block of tiles tile <= t < end and one block of channels. */
struct winograd_k_block;
void winograd_scatter(const struct convoy_plan *plan, const struct operands *operands,
                      const struct winograd_block *block, const struct winograd_k_block *k_block,
                      int64_t tile, int64_t end, const struct tile_epilogue *epilogue);

void winograd_prepare(struct convoy_plan *plan);
double winograd_error_bound(const struct convoy_plan *plan);
double winograd_error_typical(const struct convoy_plan *plan);
void winograd_describe(const struct convoy_plan *plan, char *text, size_t size);
void winograd_pack(struct convoy_plan *plan, const float *filter);

/* Blocks of output channels, as in the direct algorithm: one register tile wide. */
struct winograd_k_block {
    int64_t group, k;
    int channels, vectors;
    int64_t w_offset;
};
struct winograd_k_block winograd_k_block(const struct convoy_plan *plan, int64_t index);

/* Those between two output transforms: they follow each other. */
struct winograd_few_blocks {
    int count;
    struct winograd_k_block of[WINOGRAD_K_TOGETHER_MAX];
};

struct ahead; /* winograd_ahead.h */

/* The products of the first `tiles` tiles of V, point by point: a point's V is read again and
   again. Asks for what `ahead` says as that is due. */
void winograd_multiply(const struct convoy_plan *plan, const struct winograd_block *block,
                       const struct winograd_few_blocks *few, int64_t tiles, struct ahead *ahead);

/* Depth of the calls of a register tile for a block of channels, and how many there are, about. */
void winograd_calls(const struct convoy_plan *plan, const struct winograd_block *block,
                    int64_t tiles, int64_t *calls, int64_t *depth);

#endif
