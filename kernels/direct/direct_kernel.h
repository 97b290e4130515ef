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
   lanes k from `channels` up to `width`. */
struct direct_filter {
    const float *filter;
    int64_t C, R, S; /* depth = C * R * S */
    int64_t channels, width;
    float *to;
    ptrdiff_t to_c, to_r, to_s;
};

typedef void direct_filter_function(const struct direct_filter *filter);

/* Some columns of one row of x in NCHW, channel by channel, and where they go in a panel:
   to[c * to_c + i] = from[c * from_c + i * stride] for real_begin <= i < real_end, else 0;
   i < lanes. Nothing else is read or written. Columns that are all real and next to each other may
   fill several panels, each `lanes` wide. */
struct direct_panel {
    const float *from; /* of lane 0; may lie outside of the row */
    ptrdiff_t from_c;
    int stride;
    int64_t channels;
    int lanes, real_begin, real_end;
    float *to;
    ptrdiff_t to_c;
    int64_t panels; /* at least 1 */
    ptrdiff_t to_panel;
};

typedef void direct_panel_function(const struct direct_panel *panel);

#endif
