/**
 * @file simd.h
 * The vector type that every kernel is written on. With simd_lanes.h and simd_transpose.h the only
 * files that know vector widths.
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
#elif defined(__aarch64__)
#include <arm_neon.h>
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

/* Where loads and stores of a part of a vector take as long as those of a whole one; for the tests
   in the wide build too. */
#if (defined(__AVX512F__) && VF == 16) || defined(VECTOR_WIDE)
#define VF_MASKED 1
#else
#define VF_MASKED 0
#endif

/* Are vectors worth it whose halves are of two rows? The counted build has them for the tests. */
#if VF_MASKED || defined(VECTOR_COUNTED)
#define VF_TWO_ROWS 1
#else
#define VF_TWO_ROWS 0
#endif

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define NOT_INLINED   __attribute__((noinline))
/* What a pointer leads to is not known any more, and read when it is used. */
#define FORGET(pointer) __asm__("" : "+r"(pointer))
/* INSTANCES: a body of which there is a copy for each set of constants that it is called with.
   Builds that check what comes out, and not how fast, have one for all, with all its loops: they
   compile in a fraction of the time, and sanitizers see each index into the sums of a register
   tile. */
#ifdef GENERIC
#define UNROLL_(how)
#define INSTANCES static __attribute__((noinline, unused))
#else
#define UNROLL_(how) _Pragma(#how)
#define INSTANCES    ALWAYS_INLINE
#endif
#define UNROLL       UNROLL_(GCC unroll 16)
#define NOT_UNROLLED _Pragma("GCC unroll 1")

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

/* a * b + c, fused where the ISA has it. gcc fuses the expression (-ffp-contract=fast; it was never
   seen not to); clang does not where it has moved the product to another basic block, and bits
   would depend on that. */
ALWAYS_INLINE vf vf_fused(vf a, vf b, vf c)
{
#if defined(__clang__) && defined(__AVX512F__) && VF == 16
    return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__clang__) && defined(__AVX2__) && defined(__FMA__) && VF == 8
    return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__clang__) && defined(VECTOR_WIDE)
    union halves {
        vf whole;
        __m256 half[2];
    } x = {a}, y = {b}, sum = {c};
    UNROLL for (int i = 0; i < 2; i++)
    {
        sum.half[i] = _mm256_fmadd_ps(x.half[i], y.half[i], sum.half[i]);
    }
    return sum.whole;
#elif defined(__clang__) && defined(__aarch64__) && VF == 4
    return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}

ALWAYS_INLINE vf vf_multiply_add(vf a, vf b, vf c)
{
    COUNT_MULTIPLY_ADDS(VF);
    return vf_fused(a, b, c);
}

/* The same with one scalar for all lanes: a broadcast that the compiler folds or shares. */
ALWAYS_INLINE vf vf_multiply_add_scalar(float a, vf b, vf c)
{
    COUNT_MULTIPLY_ADDS(VF);
    return vf_fused(vf_broadcast(a), b, c);
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
    return vf_fused(a, b, c);
#endif
}

/* The same with the VF floats at b, which take no register. */
ALWAYS_INLINE vf vf_multiply_add_from(vf a, const float *b, vf c)
{
#if defined(__AVX512F__) && VF == 16
    COUNT_MULTIPLY_ADDS(VF);
    __asm__("vfmadd231ps %2, %1, %0" : "+v"(c) : "v"(a), "m"(*(const vf_memory *)b));
    return c;
#elif defined(__AVX2__) && VF_FUSED && VF == 8
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
#elif defined(__clang__) && defined(VECTOR_WIDE)
    return (vh)_mm256_fmadd_ps(_mm256_set1_ps(a[index + further]), (__m256)b, (__m256)c);
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

#endif
