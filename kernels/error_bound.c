/**
 * @file error_bound.c
 * How far a float32 sum may be from the exact one.
 */
#include <math.h>

#include "kernels/algorithm.h"

double sum_error_bound(int64_t longest)
{
    double roundings = (double)longest * 0x1p-24;
    return roundings < 1 ? roundings / (1 - roundings) : INFINITY;
}

double sum_error_deviation(int64_t longest, int64_t sums)
{
    return 0.3 * 0x1p-24 * sqrt((double)(longest + sums));
}

double sum_error_typical(int64_t longest, int64_t sums)
{
    return 1.6 * sum_error_deviation(longest, sums);
}

double expected_largest(int64_t count)
{
    return sqrt(2 * log(fmax(2.0, (double)count)));
}
