/**
 * @file transpose.c
 * Between NCHW rows and NHWC pixels, VF x VF floats at a time in registers.
 */
#include "kernels/kernel.h"
#include "kernels/tile/tile_finish.h"

void KERNEL(transpose)(const float *, ptrdiff_t, float *, ptrdiff_t, int64_t, int64_t);
void KERNEL(store_transposed)(const float *, ptrdiff_t, float *, ptrdiff_t, const float *,
                              ptrdiff_t, const struct tile_epilogue *, int, int64_t);

ALWAYS_INLINE int at_most_vf(int64_t left)
{
    return left < VF ? (int)left : VF;
}

/* Columns up to where a vector of memory ends, if it ends there in all rows. Rows a multiple of
   4 KiB apart, as those of many images are, share one set of L1: a line that two blocks of columns
   touch would be fetched twice. */
ALWAYS_INLINE int columns_of_vector(const float *row, ptrdiff_t stride, int64_t left)
{
    int behind = stride % VF == 0 ? (int)((uintptr_t)row / sizeof *row % VF) : 0;
    return left < VF - behind ? (int)left : VF - behind;
}

/* The first `count` vectors of a block, `lanes` of each, to rows that are `stride` floats apart. */
ALWAYS_INLINE void store_block(const vf block[VF], float *to, ptrdiff_t stride, int count,
                               int lanes)
{
    if (count == VF && lanes == VF) {
        UNROLL for (int i = 0; i < VF; i++)
        {
            vf_store(to + i * stride, block[i]);
        }
        return;
    }
    UNROLL for (int i = 0; i < VF; i++)
    {
        if (i == count) {
            break;
        }
        vf_store_part(to + i * stride, block[i], lanes);
    }
}

/* Where the block of columns from `at` on begins: what is left at the end and fills no vector is
   done with columns before it that were done already, as a whole block. */
ALWAYS_INLINE int64_t whole_block(int64_t at, int lanes, int64_t columns)
{
    return lanes < VF && at + lanes == columns && columns >= VF ? columns - VF : at;
}

/* A vector of columns of so few channels, which lie in memory without a gap as pixels: lane i of
   all the vectors of the result in a row is channel i % channels of column i / channels. */
ALWAYS_INLINE void interleave_vector(const float *from, ptrdiff_t from_stride, float *to,
                                     const int channels)
{
    vf row[4];
    UNROLL for (int c = 0; c < channels; c++)
    {
        row[c] = vf_load(from + c * from_stride);
    }
    UNROLL for (int v = 0; v < channels; v++)
    {
        vi column, channel;
        UNROLL for (int i = 0; i < VF; i++)
        {
            column[i] = (v * VF + i) / channels;
            channel[i] = (v * VF + i) % channels;
        }
        vf dealt = vf_permute(row[0], column);
        UNROLL for (int c = 1; c < channels; c++)
        {
            const vi is = {VF_ALL(c)};
            dealt = vf_select(channel == is, vf_permute(row[c], column), dealt);
        }
        vf_store(to + v * VF, dealt);
    }
}

/* At least a vector of columns; what is left at the end is done with columns before it. */
ALWAYS_INLINE void interleave(const float *from, ptrdiff_t from_stride, float *to, int64_t columns,
                              const int channels)
{
    int64_t w = 0;
    for (; w + VF <= columns; w += VF) {
        interleave_vector(from + w, from_stride, to + w * channels, channels);
    }
    if (w < columns) {
        w = columns - VF;
        interleave_vector(from + w, from_stride, to + w * channels, channels);
    }
}

void KERNEL(transpose)(const float *from, ptrdiff_t from_stride, float *to, ptrdiff_t to_stride,
                       int64_t channels, int64_t columns)
{
    if (to_stride == channels && columns >= VF && channels <= 4) {
        if (channels == 1) {
            memcpy(to, from, (size_t)columns * sizeof *to);
        } else if (channels == 2) {
            interleave(from, from_stride, to, columns, 2);
        } else if (channels == 3) {
            interleave(from, from_stride, to, columns, 3);
        } else {
            interleave(from, from_stride, to, columns, 4);
        }
        return;
    }
    for (int64_t c = 0; c < channels; c += VF) {
        int rows = at_most_vf(channels - c);
        for (int64_t w = 0, lanes; w < columns; w += lanes) {
            const float *at = from + c * from_stride + w;
            lanes = columns_of_vector(at, from_stride, columns - w);
            const int64_t begin = whole_block(w, (int)lanes, columns);
            lanes += w - begin;
            at += begin - w;
            w = begin;
            vf block[VF];
            vf_load_transposed(block, at, from_stride, rows, (int)lanes);
            store_block(block, to + w * to_stride + c, to_stride, (int)lanes, rows);
        }
    }
}

/* Vector j of the block is `columns` pixels of channel j: adds bias and residual, activates. */
ALWAYS_INLINE void finish_block(vf block[VF], const struct tile_epilogue *epilogue, int k,
                                const float *residual, ptrdiff_t residual_stride, int lanes,
                                int columns)
{
    if (epilogue->bias) {
        UNROLL for (int j = 0; j < VF; j++)
        {
            block[j] += epilogue->bias[k + j];
        }
    }
    if (residual) {
        UNROLL for (int j = 0; j < VF; j++)
        {
            const float *row = residual + (k + (j < lanes ? j : lanes - 1)) * residual_stride;
            block[j] += vf_load_part(row, columns);
        }
    }
    if (epilogue->clamps || epilogue->leaks) {
        UNROLL for (int j = 0; j < VF; j++)
        {
            block[j] = tile_activate(block[j], epilogue);
        }
    }
}

void KERNEL(store_transposed)(const float *sums, ptrdiff_t sums_stride, float *y,
                              ptrdiff_t y_stride, const float *residual, ptrdiff_t residual_stride,
                              const struct tile_epilogue *epilogue, int channels, int64_t pixels)
{
    for (int k = 0; k < channels; k += VF) {
        int lanes = at_most_vf(channels - k);
        for (int64_t i = 0; i < pixels;) {
            float *target = y + k * y_stride + i;
            int columns = columns_of_vector(target, y_stride, pixels - i);
            /* a residual may be y itself, to which it must be added once */
            const int64_t begin = residual ? i : whole_block(i, columns, pixels);
            columns += (int)(i - begin);
            target += begin - i;
            i = begin;
            vf block[VF];
            /* sums rows are whole vectors, so only pixels can be missing */
            vf_load_transposed(block, sums + i * sums_stride + k, sums_stride, columns, VF);
            finish_block(block, epilogue, k, residual ? residual + i : NULL, residual_stride, lanes,
                         columns);
            store_block(block, target, y_stride, lanes, columns);
            i += columns;
        }
    }
}
