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
