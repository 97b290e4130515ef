/**
 * @file npy.h
 * NumPy's .npy, format 1.0 to 3.0: little-endian float32 and float64 in C order.
 */
#ifndef CONVOY_IO_NPY_H
#define CONVOY_IO_NPY_H

#include <stddef.h>
#include <stdint.h>

#include "convoy/tensor.h"

#define NPY_MAX_RANK 8

struct npy {
    convoy_type type;
    int rank;
    int64_t extents[NPY_MAX_RANK];
    void *data; /* dense, C order, owned, 64-byte aligned */
};

/**
 * Read an array of any rank up to NPY_MAX_RANK.
 * @retval CONVOY_ERROR_IO           cannot be opened or read
 * @retval CONVOY_ERROR_FORMAT       not a .npy file, truncated, too long, a header that lies
 * @retval CONVOY_ERROR_UNSUPPORTED  big-endian, Fortran order, object or other types, no elements
 * @retval CONVOY_ERROR_OVERFLOW, CONVOY_ERROR_TOO_LARGE, CONVOY_ERROR_MEMORY
 */
convoy_status npy_read(const char *path, struct npy *array);
void npy_destroy(struct npy *array);

/** Write a dense array of rank 0 to NPY_MAX_RANK, format 1.0. @retval CONVOY_ERROR_IO,
 * CONVOY_ERROR_MEMORY */
convoy_status npy_write(const char *path, convoy_type type, int rank, const int64_t *extents,
                        const void *data);

/**
 * Read an owned float32 tensor whose axes are in the order of the layout: rank 4; rank 3 is N = 1;
 * rank 2 (H, W) is N = C = 1. float64 is rounded to float32.
 * @retval CONVOY_ERROR_SHAPE   another rank
 * @retval CONVOY_ERROR_EXTENT  an extent above 2^31-1; and all of npy_read
 */
convoy_status npy_read_tensor(const char *path, convoy_layout layout, convoy_tensor *tensor);
/** Write a tensor of any strides as rank 4 with the axes in the order of its layout. */
convoy_status npy_write_tensor(const char *path, const convoy_tensor *tensor);

#endif
