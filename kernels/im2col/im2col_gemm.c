/**
 * @file im2col_gemm.c
 * The only place that calls OpenBLAS. docs/openblas-threads.md has the measurements that the way
 * of calling it rests on.
 */
#include <assert.h>
#include <omp.h>
#include <stddef.h>

#include "kernels/im2col/im2col.h"

void im2col_gemm_serial(void)
{
    /* Sets the variable of this implicit task only: the caller's stays as it is. OpenBLAS asks for
       it, and without this would start threads when it is called in a region of one thread. */
    omp_set_num_threads(1);
}

#ifdef CONVOY_HAVE_OPENBLAS
#include <cblas.h>

const char *im2col_gemm_missing(void)
{
    return NULL;
}

void im2col_gemm(int64_t m, int64_t n, int64_t depth, struct im2col_matrix a,
                 struct im2col_matrix b, bool adds, float *c)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (blasint)m, (blasint)n, (blasint)depth,
                1.0f, a.data, (blasint)a.row_stride, b.data, (blasint)b.row_stride,
                adds ? 1.0f : 0.0f, c, (blasint)n);
}

#else

const char *im2col_gemm_missing(void)
{
    return "this library was built without OpenBLAS";
}

void im2col_gemm(int64_t m, int64_t n, int64_t depth, struct im2col_matrix a,
                 struct im2col_matrix b, bool adds, float *c)
{
    (void)m, (void)n, (void)depth, (void)a, (void)b, (void)adds, (void)c;
    assert(!"im2col_gemm_missing() refuses every layer");
}

#endif
