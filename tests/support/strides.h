/**
 * @file strides.h
 * Strides that mean nothing: no step is taken along an extent of 1.
 */
#ifndef CONVOY_TESTS_STRIDES_H
#define CONVOY_TESTS_STRIDES_H

#include "convoy/tensor.h"

/** The stride of an axis (0 to 3: n, c, h, w) whose extent is 1; NULL where it is more. */
static inline int64_t *unused_stride(convoy_tensor *t, int axis)
{
    const int64_t extents[] = {t->N, t->C, t->H, t->W};
    int64_t *const strides[] = {&t->stride_n, &t->stride_c, &t->stride_h, &t->stride_w};
    return extents[axis] == 1 ? strides[axis] : NULL;
}

#endif
