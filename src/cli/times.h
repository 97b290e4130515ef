/**
 * @file times.h
 * Times in order, and the one in their middle.
 */
#ifndef CONVOY_CLI_TIMES_H
#define CONVOY_CLI_TIMES_H

#include <stddef.h>

/** Sort, the least first. */
void times_sort(double *seconds, size_t count);

/** The median of sorted times, at least one. */
double times_median(const double *seconds, size_t count);

#endif
