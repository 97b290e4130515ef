/**
 * @file direct_kernel.h
 * What the direct algorithm has compiled for each ISA beside the register tiles.
 */
#ifndef CONVOY_KERNELS_DIRECT_KERNEL_H
#define CONVOY_KERNELS_DIRECT_KERNEL_H

#include <stddef.h>
#include <stdint.h>

/* The filter of some output channels, and where it goes:
   to[r * to_r + c * to_c + s * to_s + k] = filter[k * depth + (c * R + r) * S + s], zero for the
   lanes k from `channels` up to whole vectors. */
struct direct_filter {
    const float *filter;
    int64_t C, R, S; /* depth = C * R * S */
    int64_t channels;
    float *to;
    ptrdiff_t to_c, to_r, to_s;
};

typedef void direct_filter_function(const struct direct_filter *filter);

#endif
