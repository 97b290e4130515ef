/**
 * @file winograd_transforms.h
 * One-dimensional transforms of the Winograd family on vectors. Written by generate.py; a test
 * compares.
 */
#ifndef CONVOY_KERNELS_WINOGRAD_TRANSFORMS_H
#define CONVOY_KERNELS_WINOGRAD_TRANSFORMS_H

#include "kernels/simd.h"

/* B^T d for alpha = 4, points 0, +-1, infinity. */
ALWAYS_INLINE void winograd_input_4(const vf d[4], vf v[4])
{
    v[0] = d[2] - d[0];
    vf even_0 = d[2];
    vf odd_0 = d[1];
    v[1] = even_0 + odd_0;
    v[2] = even_0 - odd_0;
    v[3] = d[3] - d[1];
}

/* A^T t for alpha = 4: rows 0 ... m - 1, m a constant of the caller. */
ALWAYS_INLINE void winograd_output_4(const vf t[4], vf y[3], const int m)
{
    vf sum_0 = t[1] + t[2];
    vf difference_0 = t[1] - t[2];
    if (m > 0) {
        y[0] = sum_0 + t[0];
        if (m == 1) {
            y[0] += t[3];
        }
    }
    if (m > 1) {
        y[1] = difference_0;
        if (m == 2) {
            y[1] += t[3];
        }
    }
    if (m > 2) {
        y[2] = sum_0;
        if (m == 3) {
            y[2] += t[3];
        }
    }
}

/* B^T d for alpha = 6, points 0, +-2/3, +-3/2, infinity. */
ALWAYS_INLINE void winograd_input_6(const vf d[6], vf v[6])
{
    v[0] = d[0] + d[4] - 2.6944444444444446f * d[2];
    vf even_0 = d[4] - 2.25f * d[2];
    vf odd_0 = d[3] - 2.25f * d[1];
    v[1] = even_0 + 0.6666666666666666f * odd_0;
    v[2] = even_0 - 0.6666666666666666f * odd_0;
    vf even_1 = d[4] - 0.4444444444444444f * d[2];
    vf odd_1 = d[3] - 0.4444444444444444f * d[1];
    v[3] = even_1 + 1.5f * odd_1;
    v[4] = even_1 - 1.5f * odd_1;
    v[5] = d[1] + d[5] - 2.6944444444444446f * d[3];
}

/* A^T t for alpha = 6: rows 0 ... m - 1, m a constant of the caller. */
ALWAYS_INLINE void winograd_output_6(const vf t[6], vf y[5], const int m)
{
    vf sum_0 = t[1] + t[2];
    vf difference_0 = t[1] - t[2];
    vf sum_1 = t[3] + t[4];
    vf difference_1 = t[3] - t[4];
    if (m > 0) {
        y[0] = sum_0 + sum_1 + t[0];
        if (m == 1) {
            y[0] += t[5];
        }
    }
    if (m > 1) {
        y[1] = 0.6666666666666666f * difference_0 + 1.5f * difference_1;
        if (m == 2) {
            y[1] += t[5];
        }
    }
    if (m > 2) {
        y[2] = 0.4444444444444444f * sum_0 + 2.25f * sum_1;
        if (m == 3) {
            y[2] += t[5];
        }
    }
    if (m > 3) {
        y[3] = 0.2962962962962963f * difference_0 + 3.375f * difference_1;
        if (m == 4) {
            y[3] += t[5];
        }
    }
    if (m > 4) {
        y[4] = 0.19753086419753085f * sum_0 + 5.0625f * sum_1;
        if (m == 5) {
            y[4] += t[5];
        }
    }
}

/* B^T d for alpha = 8, points 0, +-1, +-2, +-1/2, infinity. */
ALWAYS_INLINE void winograd_input_8(const vf d[8], vf v[8])
{
    v[0] = d[6] - d[0] + 5.25f * d[2] - 5.25f * d[4];
    vf even_0 = d[2] + d[6] - 4.25f * d[4];
    vf odd_0 = d[1] + d[5] - 4.25f * d[3];
    v[1] = even_0 + odd_0;
    v[2] = even_0 - odd_0;
    vf even_1 = d[6] + 0.25f * d[2] - 1.25f * d[4];
    vf odd_1 = d[5] + 0.25f * d[1] - 1.25f * d[3];
    v[3] = even_1 + 2.0f * odd_1;
    v[4] = even_1 - 2.0f * odd_1;
    vf even_2 = d[6] + 4.0f * d[2] - 5.0f * d[4];
    vf odd_2 = d[5] + 4.0f * d[1] - 5.0f * d[3];
    v[5] = even_2 + 0.5f * odd_2;
    v[6] = even_2 - 0.5f * odd_2;
    v[7] = d[7] - d[1] + 5.25f * d[3] - 5.25f * d[5];
}

/* A^T t for alpha = 8: rows 0 ... m - 1, m a constant of the caller. */
ALWAYS_INLINE void winograd_output_8(const vf t[8], vf y[7], const int m)
{
    vf sum_0 = t[1] + t[2];
    vf difference_0 = t[1] - t[2];
    vf sum_1 = t[3] + t[4];
    vf difference_1 = t[3] - t[4];
    vf sum_2 = t[5] + t[6];
    vf difference_2 = t[5] - t[6];
    if (m > 0) {
        y[0] = sum_0 + sum_1 + sum_2 + t[0];
        if (m == 1) {
            y[0] += t[7];
        }
    }
    if (m > 1) {
        y[1] = difference_0 + 2.0f * difference_1 + 0.5f * difference_2;
        if (m == 2) {
            y[1] += t[7];
        }
    }
    if (m > 2) {
        y[2] = sum_0 + 4.0f * sum_1 + 0.25f * sum_2;
        if (m == 3) {
            y[2] += t[7];
        }
    }
    if (m > 3) {
        y[3] = difference_0 + 8.0f * difference_1 + 0.125f * difference_2;
        if (m == 4) {
            y[3] += t[7];
        }
    }
    if (m > 4) {
        y[4] = sum_0 + 16.0f * sum_1 + 0.0625f * sum_2;
        if (m == 5) {
            y[4] += t[7];
        }
    }
    if (m > 5) {
        y[5] = difference_0 + 32.0f * difference_1 + 0.03125f * difference_2;
        if (m == 6) {
            y[5] += t[7];
        }
    }
    if (m > 6) {
        y[6] = sum_0 + 64.0f * sum_1 + 0.015625f * sum_2;
        if (m == 7) {
            y[6] += t[7];
        }
    }
}

#endif
