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

/* Rows of x, cut into `panels` pieces of `lanes` floats each:
   to[panel * to_panel + c * to_c + i] = from[c * from_c + panel * lanes + i], i < lanes,
   c < channels. Nothing else is read; what is written behind a row is written again. */
struct direct_panel {
    const float *from;
    ptrdiff_t from_c;
    int64_t channels;
    int lanes;
    float *to;
    ptrdiff_t to_c;
    int64_t panels;
    ptrdiff_t to_panel;
};

/* Outputs of a row of y that lie side by side in one panel: its lanes from `skip` on are those from
   output `from` + skip on, and behind the last output anything, which is written again with the
   next row. */
struct direct_chunk {
    float *to;       /* lane 0 of the first term */
    ptrdiff_t pitch; /* lanes of the panel: how far its terms lie apart */
    ptrdiff_t from;
    int skip;
};

/* What the taps s < S of a row of the filter see of a row of x in NCHW, channel by channel, for
   outputs side by side, in panels: output i of the chunks has
   to[(s * channels + c) * pitch + lane] = x[c][first + i * stride + s * dilation], 0 outside the
   row. Taps whose distance is a whole number of strides see the same columns: so the columns of a
   row are taken once for each of `apart` taps, to `row`, and all others see those `step` outputs
   on. With S or more apart all are taken singly. */
struct direct_taps {
    const float *x; /* row of channel 0; NULL: outside the image */
    ptrdiff_t x_c;
    int64_t W, first;
    int64_t stride, dilation, S, channels;
    int64_t apart, step;
    int64_t outputs;
    float *row; /* room for outputs + (S - 1) / apart * step, and for a panel before and behind */
    const struct direct_chunk *chunks;
    int chunk_count;
};

/* Pixels of x for the lanes of a block of output channels of several groups: of each, and of each
   channel c < channels of a group, to[c * VF + lane] = from[offsets[c * VF + lane]]. Pixels are
   from_w floats apart, in `to` channels * VF. All offsets are below `reach`, and those floats may
   be read. */
struct direct_spread {
    const float *from;
    ptrdiff_t from_w;
    int64_t pixels, channels;
    const ptrdiff_t *offsets;
    int64_t reach;
    float *to;
};

typedef void direct_spread_function(const struct direct_spread *spread);

typedef void direct_panel_function(const struct direct_panel *panel);
typedef void direct_taps_function(const struct direct_taps *taps);

#endif
