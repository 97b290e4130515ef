/**
 * @file peak.c
 * The multiply-add peak of one core: independent chains that never leave the registers.
 *
 * Twelve chains cover four cycles of latency on three units, and fit every ISA's registers.
 */
#include "kernels/kernel.h"
#include "kernels/simd.h"

#define CHAINS 12

/* What keeps the compiler from doing several steps in one. */
#if defined(__x86_64__) && (VF == 4 || defined(__AVX2__)) && !defined(VECTOR_WIDE)
#define OPAQUE(v) __asm__ volatile("" : "+x"(v))
#elif defined(__aarch64__) && VF == 4
#define OPAQUE(v) __asm__ volatile("" : "+w"(v))
#else
#define OPAQUE(v) ((void)0)
#endif

double KERNEL(peak)(int64_t steps);
double KERNEL(peak)(int64_t steps)
{
    vf acc[CHAINS];
    vf a = vf_broadcast(0.999f), b = vf_broadcast(1e-3f);
    UNROLL for (int i = 0; i < CHAINS; i++)
    {
        acc[i] = vf_broadcast((float)i);
    }
    for (int64_t step = 0; step < steps; step++) {
        UNROLL for (int i = 0; i < CHAINS; i++)
        {
#ifdef __aarch64__
            /* The instruction overwrites its addend: another chain would cost copies. */
            acc[i] = vf_multiply_add(a, b, acc[i]);
            OPAQUE(a);
#else
            acc[i] = vf_multiply_add(acc[i], a, b);
#endif
            OPAQUE(acc[i]);
        }
    }
    vf sum = acc[0];
    UNROLL for (int i = 1; i < CHAINS; i++)
    {
        sum += acc[i];
    }
    volatile float keep = sum[0];
    (void)keep;
    return 2.0 * CHAINS * VF * (double)steps;
}
