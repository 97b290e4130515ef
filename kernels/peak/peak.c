/**
 * @file peak.c
 * The multiply-add peak of one core: independent chains that never leave the registers.
 *
 * Twelve chains cover four cycles of latency on three units, and fit every ISA's registers.
 */
#include "kernels/kernel.h"
#include "kernels/simd.h"

#define CHAINS 12

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
        /* The empty statements keep the compiler from doing several steps in one. */
        UNROLL for (int i = 0; i < CHAINS; i++)
        {
            acc[i] = vf_multiply_add(acc[i], a, b);
#if defined(__x86_64__) && (VF == 4 || defined(__AVX2__)) && !defined(VECTOR_WIDE)
            __asm__ volatile("" : "+x"(acc[i]));
#endif
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
