/**
 * @file times.c
 * Of an even number of times, the median is the mean of the two in the middle.
 */
#include "cli/times.h"

#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

void times_sort(double *seconds, size_t count)
{
    qsort(seconds, count, sizeof *seconds, ascending);
}

double times_median(const double *seconds, size_t count)
{
    size_t middle = count / 2;
    return count % 2 ? seconds[middle] : (seconds[middle - 1] + seconds[middle]) / 2;
}
