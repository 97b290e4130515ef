/**
 * @file samples.c
 * Order statistics of a run's single times.
 */
#include "bench/samples.h"

#include <stdlib.h>

void samples_add(struct samples *samples, double value)
{
    if (samples->count < SAMPLES_MAX) {
        samples->values[samples->count++] = value;
    }
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Linear between the two nearest order statistics. */
static double quantile(const struct samples *samples, double fraction)
{
    double place = fraction * (double)(samples->count - 1);
    size_t below = (size_t)place;
    size_t above = below + 1 < samples->count ? below + 1 : below;
    double part = place - (double)below;
    return samples->values[below] * (1 - part) + samples->values[above] * part;
}

struct summary samples_summary(struct samples *samples)
{
    if (samples->count == 0) {
        return (struct summary){0};
    }
    qsort(samples->values, samples->count, sizeof samples->values[0], ascending);
    return (struct summary){.least = samples->values[0],
                            .low = quantile(samples, 0.25),
                            .median = quantile(samples, 0.5),
                            .high = quantile(samples, 0.75),
                            .count = samples->count};
}
