/**
 * @file tensor_checked.h
 * Are a caller's tensors what they claim to be, and do two of them share memory?
 */
#ifndef CONVOY_CORE_TENSOR_CHECKED_H
#define CONVOY_CORE_TENSOR_CHECKED_H

#include "convoy/tensor.h"

static inline size_t type_bytes(convoy_type type)
{
    return type == CONVOY_FLOAT64 ? sizeof(double) : sizeof(float);
}

/**
 * Pointers, type, layout, extents, strides and alignment of a tensor; of the elements nothing.
 * @param what  names the tensor in the error's sentence, e.g. "the input"
 * @retval CONVOY_ERROR_NULL, CONVOY_ERROR_TYPE, CONVOY_ERROR_ALIGNMENT
 * @retval CONVOY_ERROR_LAYOUT    unknown, or a stride is negative
 * @retval CONVOY_ERROR_EXTENT
 * @retval CONVOY_ERROR_OVERFLOW  the elements cannot be addressed
 */
convoy_status tensor_check(const convoy_tensor *tensor, const char *what);

/**
 * The same for a tensor that is written: no two of its elements may be one place in memory.
 * @retval CONVOY_ERROR_LAYOUT  also when a stride is 0 along an extent above 1
 */
convoy_status tensor_check_writable(const convoy_tensor *tensor, const char *what);

/**
 * Do two checked tensors share memory? Exact for views of equal strides, but along extents of 1
 * (slices side by side do not, although their bytes interleave); for other views it is enough that
 * their ranges meet.
 */
bool tensors_overlap(const convoy_tensor *a, const convoy_tensor *b);

#endif
