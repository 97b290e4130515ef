/**
 * @file samples.h
 * Single times of a run, so that its noise can be shown: minimum, median, quartiles.
 */
#ifndef CONVOY_BENCH_SAMPLES_H
#define CONVOY_BENCH_SAMPLES_H

#include <stddef.h>

#define SAMPLES_MAX 4096

struct samples {
    double values[SAMPLES_MAX];
    size_t count;
};

struct summary {
    double least, low, median, high; /* low and high: the quartiles */
    size_t count;
};

/** Ignored when full. */
void samples_add(struct samples *samples, double value);
/** Sorts the samples. All zero when there is none. */
struct summary samples_summary(struct samples *samples);

#endif
