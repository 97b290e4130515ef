/**
 * @file simd.h
 * The vector type that every kernel is written on. The only file that knows vector widths.
 *
 * A kernel source is compiled once for each ISA, with ISA (its name) and VECTOR_FLOATS set by the
 * build. `vf` is a GCC/Clang vector of VECTOR_FLOATS floats: + - * work on it as they are.
 * Intrinsics stand here only where the extension has no word for a thing.
 *
 * Everything is static inline: a non-inline helper compiled for AVX-512 could be the copy that the
 * linker keeps for all. For the same reason no vector type is in a non-inline signature.
 */
#ifndef CONVOY_KERNELS_SIMD_H
#define CONVOY_KERNELS_SIMD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#define KERNEL_PASTE_(name, isa) name##_##isa
#define KERNEL_PASTE(name, isa)  KERNEL_PASTE_(name, isa)
/* KERNEL(tile_multiply) is tile_multiply_avx2 in the AVX2 build. */
#define KERNEL(name) KERNEL_PASTE(name, ISA)

#define VF VECTOR_FLOATS

/* Vector registers that the compiler can use for one ISA; counted in vf, so that the test-only
   wide build, whose vf is two registers, still has the tile shapes of AVX-512. */
#if defined(__AVX512F__) || defined(__aarch64__) || defined(VECTOR_WIDE)
#define VF_REGISTERS 32
#else
#define VF_REGISTERS 16
#endif

/* Does a multiply-add leave no product in a register of its own? */
#if defined(__FMA__) || defined(__aarch64__)
#define VF_FUSED 1
#else
#define VF_FUSED 0
#endif

typedef float vf __attribute__((vector_size(4 * VF)));
typedef int32_t vi __attribute__((vector_size(4 * VF)));
/* The first half of a vector. */
typedef float vh __attribute__((vector_size(2 * VF)));
typedef float vh_memory __attribute__((vector_size(2 * VF), aligned(4), may_alias));
typedef float vf_memory __attribute__((vector_size(4 * VF), aligned(4), may_alias));

/* Where half a vector takes half the time to multiply: AVX-512 on cores that work on its vectors in
   two halves (Zen 4: 0.14 and 0.28 ns; on others it takes as long as a whole one). The wide and the
   counted build have it for the tests. */
#if (defined(__AVX512F__) && VF == 16) || defined(VECTOR_WIDE) || defined(VECTOR_COUNTED)
#define VF_HALVES 1
#else
#define VF_HALVES 0
#endif

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define UNROLL        _Pragma("GCC unroll 16")
#define NOT_INLINED   __attribute__((noinline))
/* What a pointer leads to is not known any more, and read when it is used. */
#define FORGET(pointer) __asm__("" : "+r"(pointer))
#define NOT_UNROLLED    _Pragma("GCC unroll 1")

ALWAYS_INLINE vf vf_load(const float *p)
{
    return *(const vf_memory *)p;
}

ALWAYS_INLINE void vf_store(float *p, vf v)
{
    *(vf_memory *)p = v;
}

ALWAYS_INLINE vh vh_load(const float *p)
{
    return *(const vh_memory *)p;
}

ALWAYS_INLINE void vh_store(float *p, vh v)
{
    *(vh_memory *)p = v;
}

#if VF == 4
#define VF_ALL(v)     v, v, v, v
#define VF_LANES      0, 1, 2, 3
#define VF_HALF_LANES 0, 1
#elif VF == 8
#define VF_ALL(v)     v, v, v, v, v, v, v, v
#define VF_LANES      0, 1, 2, 3, 4, 5, 6, 7
#define VF_HALF_LANES 0, 1, 2, 3
#elif VF == 16
#define VF_ALL(v)     v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v
#define VF_LANES      0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#define VF_HALF_LANES 0, 1, 2, 3, 4, 5, 6, 7
#endif

/* Not 0 + value: the compiler would have to add, because the value may be -0. */
ALWAYS_INLINE vf vf_broadcast(float value)
{
    return (vf){VF_ALL(value)};
}

/* Lanes begin <= i < end. */
ALWAYS_INLINE vi vf_lanes_between(int begin, int end)
{
    const vi lane = {VF_LANES}, first = {VF_ALL(begin)}, last = {VF_ALL(end)};
    return (lane >= first) & (lane < last);
}

/* bits, in a register: what follows from them is not worked out ahead of a loop. */
ALWAYS_INLINE uint32_t bits_keep(uint32_t bits)
{
    __asm__("" : "+r"(bits));
    return bits;
}

/* v, in a register: a load of it is not repeated for each use. */
ALWAYS_INLINE vf vf_keep(vf v)
{
#if defined(__AVX512F__) && VF == 16
    __asm__("" : "+v"(v));
#elif defined(__AVX2__) && VF == 8
    __asm__("" : "+x"(v));
#endif
    return v;
}

/* p, in a register: addresses that follow from it are not kept too, each in one of its own. */
ALWAYS_INLINE const float *pointer_keep(const float *p)
{
    __asm__("" : "+r"(p));
    return p;
}

#ifdef VECTOR_COUNTED
/* The test-only counted build adds up the multiply-adds of every lane. */
extern _Thread_local int64_t counted_multiply_adds;
#define COUNT_MULTIPLY_ADDS(lanes) (counted_multiply_adds += (lanes))
#else
#define COUNT_MULTIPLY_ADDS(lanes) ((void)0)
#endif

/* a * b + c, fused where the ISA has it (-ffp-contract=fast). */
ALWAYS_INLINE vf vf_multiply_add(vf a, vf b, vf c)
{
    COUNT_MULTIPLY_ADDS(VF);
    return a * b + c;
}

/* The same with one scalar for all lanes: a broadcast that the compiler folds or shares. */
ALWAYS_INLINE vf vf_multiply_add_scalar(float a, vf b, vf c)
{
    COUNT_MULTIPLY_ADDS(VF);
    return a * b + c;
}

/* a * b + c, in the register that c is in. */
ALWAYS_INLINE vf vf_multiply_add_kept(vf a, vf b, vf c)
{
    COUNT_MULTIPLY_ADDS(VF);
#if defined(__AVX512F__) && VF == 16
    __asm__("vfmadd231ps %2, %1, %0" : "+v"(c) : "v"(a), "v"(b));
    return c;
#elif defined(__AVX2__) && VF_FUSED && VF == 8
    __asm__("vfmadd231ps %2, %1, %0" : "+x"(c) : "x"(a), "x"(b));
    return c;
#else
    return a * b + c;
#endif
}

/* The same with the VF floats at b, which take no register. */
ALWAYS_INLINE vf vf_multiply_add_from(vf a, const float *b, vf c)
{
#if defined(__AVX2__) && VF_FUSED && VF == 8
    COUNT_MULTIPLY_ADDS(VF);
    __asm__("vfmadd231ps %2, %1, %0" : "+x"(c) : "x"(a), "m"(*(const vf_memory *)b));
    return c;
#else
    return vf_multiply_add_kept(a, vf_load(b), c);
#endif
}

/* What vh_multiply_add_at may read, for the compiler: more than the longest run of a tile. */
struct run_floats {
    float floats[4096];
};

/* a[index + further] * b + c for half a vector. With AVX-512 a is broadcast by the multiply-add
   itself: if it took the register that whole vectors are multiplied by, the two widths would wait
   for each other (the tile of 11 x 1.5 on Zen 4: 2720 cycles at depth 144 instead of 2430). */
ALWAYS_INLINE vh vh_multiply_add_at(const float *a, ptrdiff_t index, const int further, vh b, vh c)
{
    COUNT_MULTIPLY_ADDS(VF / 2);
#if defined(__AVX512F__) && VF == 16
    __asm__("vfmadd231ps %c3(%1,%2,4)%{1to8%}, %4, %0"
            : "+v"(c)
            : "r"(a), "r"(index), "i"(further * (int)sizeof *a), "v"(b),
              "m"(*(const struct run_floats *)a));
    return c;
#else
    return a[index + further] * b + c;
#endif
}

/* A half and zeros behind it; the half of a whole. */
ALWAYS_INLINE vf vf_widen(vh half)
{
    return __builtin_shufflevector(half, (vh){0}, VF_LANES);
}

ALWAYS_INLINE vh vf_first_half(vf v)
{
    return __builtin_shufflevector(v, v, VF_HALF_LANES);
}

/* mask ? a : b, lane by lane; a comparison of two vf makes the mask. */
ALWAYS_INLINE vf vf_select(vi mask, vf a, vf b)
{
    return (vf)((mask & (vi)a) | (~mask & (vi)b));
}

/* min(high, max(low, v)); a NaN in v stays. */
ALWAYS_INLINE vf vf_clamp(vf v, vf low, vf high)
{
#if defined(__AVX512F__) && VF == 16
    return (vf)_mm512_min_ps((__m512)high, _mm512_max_ps((__m512)low, (__m512)v));
#elif defined(__AVX2__) && VF == 8
    return (vf)_mm256_min_ps((__m256)high, _mm256_max_ps((__m256)low, (__m256)v));
#else
    v = vf_select(v < low, low, v);
    return vf_select(v > high, high, v);
#endif
}

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

/* Lane i is p[i] where all bits of the mask's lane are set, 0 where none is; reads nothing else. */
ALWAYS_INLINE vf vf_load_masked(const float *p, vi mask)
{
#if defined(__AVX512F__) && VF == 16
    return (vf)_mm512_maskz_loadu_ps(_mm512_movepi32_mask((__m512i)mask), p);
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

#ifdef __AVX2__
/* Four columns of eight rows of floats, transposed. Half registers are loaded so that every fourth
   row lies beside the other: then all shuffles stay within halves, and two a vector are enough. */
ALWAYS_INLINE void load_four_columns(__m256 columns[4], const float *from, ptrdiff_t stride)
{
    __m256 row[4];
    UNROLL for (int i = 0; i < 4; i++)
    {
        const __m256 low = _mm256_castps128_ps256(_mm_loadu_ps(from + i * stride));
        row[i] = _mm256_insertf128_ps(low, _mm_loadu_ps(from + (i + 4) * stride), 1);
    }
    const __m256d low_01 = (__m256d)_mm256_unpacklo_ps(row[0], row[1]);
    const __m256d low_23 = (__m256d)_mm256_unpacklo_ps(row[2], row[3]);
    const __m256d high_01 = (__m256d)_mm256_unpackhi_ps(row[0], row[1]);
    const __m256d high_23 = (__m256d)_mm256_unpackhi_ps(row[2], row[3]);
    columns[0] = (__m256)_mm256_unpacklo_pd(low_01, low_23);
    columns[1] = (__m256)_mm256_unpackhi_pd(low_01, low_23);
    columns[2] = (__m256)_mm256_unpacklo_pd(high_01, high_23);
    columns[3] = (__m256)_mm256_unpackhi_pd(high_01, high_23);
}
#endif

/* VF rows of VF floats, transposed. */
ALWAYS_INLINE void vf_load_square(vf block[VF], const float *from, ptrdiff_t stride)
{
#if defined(__AVX512F__) && VF == 16
    UNROLL for (int i = 0; i < VF; i += 4)
    {
        __m256 low[4], high[4];
        load_four_columns(low, from + i, stride);
        load_four_columns(high, from + 8 * stride + i, stride);
        UNROLL for (int j = 0; j < 4; j++)
        {
            block[i + j] = (vf)_mm512_insertf32x8(_mm512_castps256_ps512(low[j]), high[j], 1);
        }
    }
#elif defined(__AVX2__) && VF == 8
    UNROLL for (int i = 0; i < VF; i += 4)
    {
        __m256 columns[4];
        load_four_columns(columns, from + i, stride);
        UNROLL for (int j = 0; j < 4; j++)
        {
            block[i + j] = (vf)columns[j];
        }
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
