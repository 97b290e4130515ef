/**
 * @file im2col.h
 * The parts of the im2col algorithm, and what they share.
 *
 *   im2col_lower.c  x -> a block of the lowered matrix
 *   im2col_gemm.c   the call of OpenBLAS
 *   im2col.c        blocking, packing, and the loop over blocks
 *
 * The lowered matrix holds, for each output pixel, the R S C/g inputs under its filter. One product
 * with the filter gives all sums of a group:
 *
 *   NHWC:  sums[pixels][K/g] = lowered[pixels][R S C/g] * w[R S C/g][K/g]
 *   NCHW:  sums[K/g][pixels] = w[K/g][C/g R S] * lowered[C/g R S][pixels]
 *
 * It is never made as a whole: a block of it, of some pixels and some of the depth, has a bounded
 * size.
 */
#ifndef CONVOY_KERNELS_IM2COL_H
#define CONVOY_KERNELS_IM2COL_H

#include "kernels/algorithm.h"

/* What one product works on: output pixels pixel <= p * Q + q < pixel + pixels of image n, output
   channels k <= . < k + channels of group g (counted within the group). */
struct im2col_unit {
    int64_t n, g;
    int64_t pixel, pixels;
    int64_t k, channels;
};

/* A matrix in row-major order. */
struct im2col_matrix {
    const float *data;
    int64_t row_stride;
};

/**
 * The rows (NCHW) or columns (NHWC) d0 <= d < d1 of the lowered matrix for a unit's pixels: a view
 * on x where x is such a matrix already (1x1 filters), else made in `lowered`.
 */
struct im2col_matrix im2col_lower(const struct convoy_plan *plan, const convoy_tensor *x,
                                  const struct im2col_unit *unit, int64_t d0, int64_t d1,
                                  float *lowered);

/* c[m][n] = a[m][depth] * b[depth][n], or += when `adds`; rows of c are n apart. */
void im2col_gemm(int64_t m, int64_t n, int64_t depth, struct im2col_matrix a,
                 struct im2col_matrix b, bool adds, float *c);

/* Why this build cannot multiply; NULL if it can. */
const char *im2col_gemm_missing(void);

/* From here on, im2col_gemm on this thread starts no threads; to be called in a parallel region. */
void im2col_gemm_serial(void);

#endif
