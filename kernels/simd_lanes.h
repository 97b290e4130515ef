/**
 * @file simd_lanes.h
 * Parts of vectors, and lanes in another order: masked loads and stores, permutations.
 */
#ifndef CONVOY_KERNELS_SIMD_LANES_H
#define CONVOY_KERNELS_SIMD_LANES_H

#include "kernels/simd.h"

/* The first n floats of p, then zeros; reads nothing past p + n. 0 <= n <= VF */
ALWAYS_INLINE vf vf_load_part(const float *p, int n)
{
#if defined(__AVX512F__) && VF == 16
    return (vf)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#elif defined(__AVX2__) && VF == 8
    __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return (vf)_mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(n), lane));
#else
    vf v = {0};
    memcpy(&v, p, (size_t)n * sizeof *p);
    return v;
#endif
}

/* Lane i is p[i] for begin <= i < end, else 0; reads nothing else. 0 <= begin, end <= VF */
ALWAYS_INLINE vf vf_load_between(const float *p, int begin, int end)
{
#if defined(__AVX512F__) && VF == 16
    return (vf)_mm512_maskz_loadu_ps((__mmask16)(((1u << end) - 1) & ~0u << begin), p);
#elif defined(__AVX2__) && VF == 8
    return (vf)_mm256_maskload_ps(p, (__m256i)vf_lanes_between(begin, end));
#else
    vf v = {0};
    for (int i = begin; i < end; i++) {
        v[i] = p[i];
    }
    return v;
#endif
}

/* Which lanes a load is to read, in the form that it wants. */
#if defined(__AVX512F__) && VF == 16
typedef __mmask16 vf_mask;
#else
typedef vi vf_mask;
#endif

/* Those whose bits are all set, if none is set in the others. */
ALWAYS_INLINE vf_mask vf_mask_of(vi lanes)
{
#if defined(__AVX512F__) && VF == 16
    return _mm512_movepi32_mask((__m512i)lanes);
#else
    return lanes;
#endif
}

#ifdef VECTOR_WIDE
/* As two registers; by lanes the compiler would take minutes for what is built on it. */
ALWAYS_INLINE vf wide_load_masked(const float *a, const float *b, vi mask)
{
    union {
        vi whole;
        __m256i half[2];
    } lanes = {mask};
    union {
        __m256 half[2];
        vf whole;
    } v = {{_mm256_maskload_ps(a, lanes.half[0]), _mm256_maskload_ps(b, lanes.half[1])}};
    return v.whole;
}
#endif

/* Lane i is p[i] where the mask has it, else 0; reads nothing else. */
ALWAYS_INLINE vf vf_load_masked(const float *p, vf_mask mask)
{
#if defined(__AVX512F__) && VF == 16
    return (vf)_mm512_maskz_loadu_ps(mask, p);
#elif defined(VECTOR_WIDE)
    return wide_load_masked(p, p + VF / 2, mask);
#elif defined(__AVX2__) && VF == 8
    return (vf)_mm256_maskload_ps(p, (__m256i)mask);
#else
    vf v = {0};
    UNROLL for (int i = 0; i < VF; i++)
    {
        if (mask[i]) {
            v[i] = p[i];
        }
    }
    return v;
#endif
}

/* The first n lanes to p; writes nothing past p + n. 0 <= n <= VF */
ALWAYS_INLINE void vf_store_part(float *p, vf v, int n)
{
#if defined(__AVX512F__) && VF == 16
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
#elif defined(__AVX2__) && VF == 8
    /* no masked store, which some CPUs run as a loop */
    if (n == VF) {
        vf_store(p, v);
        return;
    }
    __m128 part = _mm256_castps256_ps128((__m256)v);
    if (n & 4) {
        _mm_storeu_ps(p, part);
        part = _mm256_extractf128_ps((__m256)v, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)p, part);
        part = _mm_movehl_ps(part, part);
        p += 2;
    }
    if (n & 1) {
        _mm_store_ss(p, part);
    }
#else
    memcpy(p, &v, (size_t)n * sizeof *p);
#endif
}

/* The first half twice. */
ALWAYS_INLINE vi vi_repeat_half(vi lanes)
{
    return __builtin_shufflevector(lanes, lanes, VF_HALF_LANES, VF_HALF_LANES);
}

/* a in all lanes of the first half, b in those of the second. */
ALWAYS_INLINE vf vf_broadcast_pair(float a, float b)
{
    return vf_select(vf_lanes_between(0, VF / 2), vf_broadcast(a), vf_broadcast(b));
}

/* Lane i of the halves is a[i] and b[i] where the mask, whose halves are alike, has it, else 0;
   reads nothing else. */
ALWAYS_INLINE vf vf_load_pair(const float *a, const float *b, vf_mask mask)
{
#if defined(__AVX512F__) && VF == 16
    const __m256 first = _mm256_maskz_loadu_ps((__mmask8)mask, a);
    const __m256 second = _mm256_maskz_loadu_ps((__mmask8)mask, b);
    return (vf)_mm512_insertf32x8(_mm512_castps256_ps512(first), second, 1);
#elif defined(VECTOR_WIDE)
    return wide_load_masked(a, b, mask);
#else
    vf v = {0};
    UNROLL for (int i = 0; i < VF / 2; i++)
    {
        if (mask[i]) {
            v[i] = a[i];
            v[VF / 2 + i] = b[i];
        }
    }
    return v;
#endif
}

/* The reverse: writes nothing else. */
ALWAYS_INLINE void vf_store_pair(float *a, float *b, vf v, vf_mask mask)
{
#if defined(__AVX512F__) && VF == 16
    _mm256_mask_storeu_ps(a, (__mmask8)mask, _mm512_castps512_ps256((__m512)v));
    __m256 second = _mm512_extractf32x8_ps((__m512)v, 1);
    /* in a register: gcc would extract to memory with the mask, which touches all of it */
    __asm__("" : "+v"(second));
    _mm256_mask_storeu_ps(b, (__mmask8)mask, second);
#elif defined(VECTOR_WIDE)
    union {
        vi whole;
        __m256i half[2];
    } lanes = {mask};
    union {
        vf whole;
        __m256 half[2];
    } y = {v};
    _mm256_maskstore_ps(a, lanes.half[0], y.half[0]);
    _mm256_maskstore_ps(b, lanes.half[1], y.half[1]);
#else
    UNROLL for (int i = 0; i < VF / 2; i++)
    {
        if (mask[i]) {
            a[i] = v[i];
            b[i] = v[VF / 2 + i];
        }
    }
#endif
}

/* Lane i of the result is lane index[i] of v. 0 <= index[i] < VF */
ALWAYS_INLINE vf vf_permute(vf v, vi index)
{
#if defined(__AVX512F__) && VF == 16
    return (vf)_mm512_permutexvar_ps((__m512i)index, (__m512)v);
#elif defined(__AVX2__) && VF == 8
    return (vf)_mm256_permutevar8x32_ps((__m256)v, (__m256i)index);
#else
    vf permuted = {0};
    UNROLL for (int i = 0; i < VF; i++)
    {
        permuted[i] = v[index[i]];
    }
    return permuted;
#endif
}

/* a0 b0 a1 b1 ...: the lower halves, and the upper halves, of two vectors dealt into one. */
#if VF == 4
#define VF_DEAL_LOW  0, 4, 1, 5
#define VF_DEAL_HIGH 2, 6, 3, 7
#elif VF == 8
#define VF_DEAL_LOW  0, 8, 1, 9, 2, 10, 3, 11
#define VF_DEAL_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#elif VF == 16
#define VF_DEAL_LOW  0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define VF_DEAL_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#endif

/* a0 a2 a4 ... b0 b2 b4 ...: every other lane of two vectors. */
#if VF == 4
#define VF_EVEN 0, 2, 4, 6
#elif VF == 8
#define VF_EVEN 0, 2, 4, 6, 8, 10, 12, 14
#elif VF == 16
#define VF_EVEN 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#endif

ALWAYS_INLINE vf vf_even(vf a, vf b)
{
    return __builtin_shufflevector(a, b, VF_EVEN);
}

/* Lane i is p[2 * i]; all of the two vectors at p are read. */
ALWAYS_INLINE vf vf_load_even(const float *p)
{
#if defined(__AVX2__) && VF == 8
    /* half registers are loaded where the shuffle, which stays within halves, wants them */
    const __m256 a =
        _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps(p + 8), 1);
    const __m256 b =
        _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p + 4)), _mm_loadu_ps(p + 12), 1);
    return (vf)_mm256_shuffle_ps(a, b, 0x88);
#else
    return vf_even(vf_load(p), vf_load(p + VF));
#endif
}

/* Every other lane of two vectors, from the first or the second on, in the order that takes one
   instruction; vf_reorder puts it right, and back again. */
#if VF == 8
#define VF_EVEN_FAST 0, 2, 8, 10, 4, 6, 12, 14
#define VF_ODD_FAST  1, 3, 9, 11, 5, 7, 13, 15
#define VF_REORDER   0, 1, 4, 5, 2, 3, 6, 7
#elif VF == 4
#define VF_EVEN_FAST VF_EVEN
#define VF_ODD_FAST  1, 3, 5, 7
#define VF_REORDER   VF_LANES
#elif VF == 16
#define VF_EVEN_FAST VF_EVEN
#define VF_ODD_FAST  1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#define VF_REORDER   VF_LANES
#endif

ALWAYS_INLINE vf vf_even_fast(vf a, vf b)
{
    return __builtin_shufflevector(a, b, VF_EVEN_FAST);
}

ALWAYS_INLINE vf vf_odd_fast(vf a, vf b)
{
    return __builtin_shufflevector(a, b, VF_ODD_FAST);
}

ALWAYS_INLINE vf vf_reorder(vf v)
{
    return __builtin_shufflevector(v, v, VF_REORDER);
}

/* A count of lanes, or the number of a lane or none: what lies outside of a vector is cut off. */
ALWAYS_INLINE int vf_lanes(int64_t lanes)
{
    return (int)(lanes < 0 ? 0 : lanes > VF ? VF : lanes);
}

/* Lane i is p[i * stride] for begin <= i < end, else 0; reads nothing else. 0 <= begin, end <= VF
 */
ALWAYS_INLINE vf vf_load_every(const float *p, const int stride, int begin, int end)
{
    if (stride == 1) {
        return vf_load_between(p, begin, end);
    }
    if (stride == 2) {
        int low_begin = 2 * begin < VF ? 2 * begin : VF;
        int low_end = 2 * end - 1 < VF ? (end > 0 ? 2 * end - 1 : 0) : VF;
        int high_begin = 2 * begin > VF ? 2 * begin - VF : 0;
        int high_end = 2 * end - 1 > VF ? 2 * end - 1 - VF : 0;
        return vf_even(vf_load_between(p, low_begin, low_end),
                       vf_load_between(p + VF, high_begin, high_end));
    }
    vf v = {0};
    for (int i = begin; i < end; i++) {
        v[i] = p[(ptrdiff_t)i * stride];
    }
    return v;
}

/* Lane i is v[i ^ distance]; a distance of VF/2 changes the halves. */
ALWAYS_INLINE vf vf_swap(vf v, const int distance)
{
#if VF == 16
    if (distance == 8) {
        return __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
    }
    if (distance == 4) {
        return __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
    }
    if (distance == 2) {
        return __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
    }
    return __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
#elif VF == 8
    if (distance == 4) {
        return __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3);
    }
    if (distance == 2) {
        return __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5);
    }
    return __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6);
#else
    if (distance == 2) {
        return __builtin_shufflevector(v, v, 2, 3, 0, 1);
    }
    return __builtin_shufflevector(v, v, 1, 0, 3, 2);
#endif
}

/* Lane k: the sum of the lanes of v[k], k < count; behind them anything. Dealing two vectors
   together and adding what was the first and the second half keeps half as many lanes of each; when
   one vector is left its halves are added until each sum is one lane. All sums have one order. */
ALWAYS_INLINE vf vf_sums(const vf *v, const int count)
{
    vf sums[VF];
    int left = 1;
    while (left < count) {
        left *= 2;
    }
    UNROLL for (int i = 0; i < left; i++)
    {
        sums[i] = v[i < count ? i : count - 1];
    }
    const int lanes = left;
    for (; left > 1; left /= 2) {
        UNROLL for (int i = 0; i < left / 2; i++)
        {
            const vf a = sums[i], b = sums[i + left / 2];
            sums[i] = __builtin_shufflevector(a, b, VF_DEAL_LOW) +
                      __builtin_shufflevector(a, b, VF_DEAL_HIGH);
        }
    }
    UNROLL for (int distance = VF / 2; distance >= lanes; distance /= 2)
    {
        sums[0] += vf_swap(sums[0], distance);
    }
    return sums[0];
}

#endif
