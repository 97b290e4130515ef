/**
 * @file transpose.c
 * Between NCHW rows and NHWC pixels, VF x VF floats at a time in registers.
 */
#include "kernels/kernel.h"
#include "kernels/simd_transpose.h"
#include "kernels/tile/tile_finish.h"

void KERNEL(transpose)(const float *, ptrdiff_t, float *, ptrdiff_t, int64_t, int64_t);
void KERNEL(store_transposed)(const struct transposed_store *);

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

/* Rows of pixels that lie apart, those of a dilated layer: a float at a time. */
ALWAYS_INLINE void store_apart(const vf block[VF], float *to, ptrdiff_t stride, ptrdiff_t column,
                               int count, int lanes)
{
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < lanes; j++) {
            to[i * stride + j * column] = block[i][j];
        }
    }
}

ALWAYS_INLINE vf load_apart(const float *from, ptrdiff_t column, int lanes)
{
    vf row = {0};
    for (int j = 0; j < lanes; j++) {
        row[j] = from[j * column];
    }
    return row;
}

ALWAYS_INLINE void ask_for_rows(const float *p, ptrdiff_t stride, int count)
{
    UNROLL for (int i = 0; i < VF; i++)
    {
        __builtin_prefetch(p + (i < count ? i : 0) * stride, 1, 2);
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

/* Vector j of the block is `columns` pixels of channel k + j: adds bias and residual, activates. */
ALWAYS_INLINE void finish_block(vf block[VF], const struct transposed_store *o, int k,
                                const float *residual, int lanes, int columns, const bool apart)
{
    const struct tile_epilogue *epilogue = o->epilogue;
    if (epilogue->bias) {
        UNROLL for (int j = 0; j < VF; j++)
        {
            block[j] += epilogue->bias[k + j];
        }
    }
    if (residual) {
        UNROLL for (int j = 0; j < VF; j++)
        {
            const float *row = residual + (j < lanes ? j : lanes - 1) * o->residual_stride;
            block[j] += apart ? load_apart(row, o->column, columns) : vf_load_part(row, columns);
        }
    }
    if (epilogue->clamps || epilogue->leaks) {
        UNROLL for (int j = 0; j < VF; j++)
        {
            block[j] = tile_activate(block[j], epilogue);
        }
    }
}

/* Channels k <= ... < k + lanes; pixels of y side by side, or not. */
ALWAYS_INLINE void store_channels(const struct transposed_store *o, int k, int lanes,
                                  const bool apart)
{
    const ptrdiff_t column = apart ? o->column : 1;
    for (int64_t i = 0, columns; i < o->pixels; i += columns) {
        float *y = o->y + k * o->y_stride + i * column;
        columns =
            apart ? at_most_vf(o->pixels - i) : columns_of_vector(y, o->y_stride, o->pixels - i);
        /* a residual may be y itself, to which it must be added once */
        const int64_t begin = o->residual ? i : whole_block(i, (int)columns, o->pixels);
        columns += i - begin;
        y += (begin - i) * column;
        i = begin;
        if (o->next) {
            ask_for_rows(y + o->next, o->y_stride, lanes);
        }
        const float *residual =
            o->residual ? o->residual + k * o->residual_stride + i * column : NULL;
        vf block[VF];
        /* sums rows are whole vectors, so only pixels can be missing */
        vf_load_transposed(block, o->sums + i * o->sums_stride + k, o->sums_stride, (int)columns,
                           VF);
        finish_block(block, o, k, residual, lanes, (int)columns, apart);
        if (apart) {
            store_apart(block, y, o->y_stride, column, lanes, (int)columns);
        } else {
            store_block(block, y, o->y_stride, lanes, (int)columns);
        }
    }
}

void KERNEL(store_transposed)(const struct transposed_store *o)
{
    for (int k = 0; k < o->channels; k += VF) {
        if (o->column == 1) {
            store_channels(o, k, at_most_vf(o->channels - k), false);
        } else {
            store_channels(o, k, at_most_vf(o->channels - k), true);
        }
    }
}
