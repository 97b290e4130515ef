/**
 * @file simd_transpose.h
 * Squares of VF x VF floats, transposed in registers.
 */
#ifndef CONVOY_KERNELS_SIMD_TRANSPOSE_H
#define CONVOY_KERNELS_SIMD_TRANSPOSE_H

#include "kernels/simd_lanes.h"

/* rows[i] lane j -> rows[j] lane i. Dealing row i and row i + VF/2 together log2(VF) times is a
   perfect shuffle of the index bits, which ends as the transpose. */
ALWAYS_INLINE void vf_transpose(vf rows[VF])
{
    vf dealt[VF];
    for (int step = 1; step < VF; step *= 2) {
        UNROLL for (int i = 0; i < VF / 2; i++)
        {
            dealt[2 * i] = __builtin_shufflevector(rows[i], rows[i + VF / 2], VF_DEAL_LOW);
            dealt[2 * i + 1] = __builtin_shufflevector(rows[i], rows[i + VF / 2], VF_DEAL_HIGH);
        }
        UNROLL for (int i = 0; i < VF; i++)
        {
            rows[i] = dealt[i];
        }
    }
}

#if (defined(__AVX512F__) && VF == 16) || (defined(__AVX2__) && VF == 8)
#define VF_QUARTERS 1
/* Four floats each of rows 0, 4, 8, ... of memory, side by side. */
ALWAYS_INLINE vf load_quarters(const float *from, ptrdiff_t stride)
{
    const __m128 first = _mm_loadu_ps(from);
#if VF == 16
    __m512 row = _mm512_castps128_ps512(first);
    row = _mm512_mask_broadcast_f32x4(row, 0x00f0, _mm_loadu_ps(from + 4 * stride));
    row = _mm512_mask_broadcast_f32x4(row, 0x0f00, _mm_loadu_ps(from + 8 * stride));
    return (vf)_mm512_mask_broadcast_f32x4(row, 0xf000, _mm_loadu_ps(from + 12 * stride));
#else
    const __m256 row = _mm256_castps128_ps256(first);
    return (vf)_mm256_insertf128_ps(row, _mm_loadu_ps(from + 4 * stride), 1);
#endif
}
#endif

/* Lanes of two vectors by turns, within each quarter (4 lanes): its first two or its last two; and
   pairs of lanes likewise. */
#if VF == 8
#define VF_TURNS_LOW  0, 8, 1, 9, 4, 12, 5, 13
#define VF_TURNS_HIGH 2, 10, 3, 11, 6, 14, 7, 15
#define VF_PAIRS_LOW  0, 1, 8, 9, 4, 5, 12, 13
#define VF_PAIRS_HIGH 2, 3, 10, 11, 6, 7, 14, 15
#elif VF == 16
#define VF_TURNS_LOW  0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29
#define VF_TURNS_HIGH 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31
#define VF_PAIRS_LOW  0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define VF_PAIRS_HIGH 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#endif

/* VF rows of VF floats, transposed. Where it can be, a vector is loaded in quarters: if every
   fourth row lies beside the other, all shuffles stay within quarters, and two a vector are enough.
 */
ALWAYS_INLINE void vf_load_square(vf block[VF], const float *from, ptrdiff_t stride)
{
#ifdef VF_QUARTERS
    UNROLL for (int i = 0; i < VF; i += 4)
    {
        vf row[4];
        UNROLL for (int j = 0; j < 4; j++)
        {
            row[j] = load_quarters(from + i + j * stride, stride);
        }
        const vf low_01 = __builtin_shufflevector(row[0], row[1], VF_TURNS_LOW);
        const vf low_23 = __builtin_shufflevector(row[2], row[3], VF_TURNS_LOW);
        const vf high_01 = __builtin_shufflevector(row[0], row[1], VF_TURNS_HIGH);
        const vf high_23 = __builtin_shufflevector(row[2], row[3], VF_TURNS_HIGH);
        block[i] = __builtin_shufflevector(low_01, low_23, VF_PAIRS_LOW);
        block[i + 1] = __builtin_shufflevector(low_01, low_23, VF_PAIRS_HIGH);
        block[i + 2] = __builtin_shufflevector(high_01, high_23, VF_PAIRS_LOW);
        block[i + 3] = __builtin_shufflevector(high_01, high_23, VF_PAIRS_HIGH);
    }
#else
    UNROLL for (int i = 0; i < VF; i++)
    {
        block[i] = vf_load(from + i * stride);
    }
    vf_transpose(block);
#endif
}

/* Up to VF rows of up to VF floats, transposed; missing ones are zero. */
ALWAYS_INLINE void vf_load_transposed(vf block[VF], const float *from, ptrdiff_t stride, int rows,
                                      int columns)
{
    if (rows == VF && columns == VF) {
        vf_load_square(block, from, stride);
        return;
    }
    if (rows == VF) {
        UNROLL for (int i = 0; i < VF; i++)
        {
            block[i] = vf_load_part(from + i * stride, columns);
        }
    } else {
        UNROLL for (int i = 0; i < VF; i++)
        {
            block[i] = vf_load_part(from + (i < rows ? i : 0) * stride, i < rows ? columns : 0);
        }
    }
    vf_transpose(block);
}

#endif
