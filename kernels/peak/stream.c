/**
 * @file stream.c
 * Reading and copying a buffer as fast as one core can: what bandwidths are measured with.
 */
#include "kernels/kernel.h"
#include "kernels/simd.h"

#define STREAMS 8

float KERNEL(stream_read)(const float *from, int64_t floats);
float KERNEL(stream_read)(const float *from, int64_t floats)
{
    vi sum[STREAMS] = {{0}};
    for (int64_t i = 0; i + STREAMS * VF <= floats; i += STREAMS * VF) {
        UNROLL for (int s = 0; s < STREAMS; s++)
        {
            /* One cheap integer operation a load: the adders of floats would be the limit. */
            sum[s] |= (vi)vf_load(from + i + s * VF);
        }
    }
    UNROLL for (int s = 1; s < STREAMS; s++)
    {
        sum[0] |= sum[s];
    }
    return ((vf)sum[0])[0];
}

void KERNEL(stream_copy)(float *to, const float *from, int64_t floats);
void KERNEL(stream_copy)(float *to, const float *from, int64_t floats)
{
    for (int64_t i = 0; i + STREAMS * VF <= floats; i += STREAMS * VF) {
        UNROLL for (int s = 0; s < STREAMS; s++)
        {
            vf_store(to + i + s * VF, vf_load(from + i + s * VF));
        }
    }
}
