/**
 * @file sweep.h
 * Throughput along the extents of a layer: C, K, H, W, R and the stride change one at a time, and a
 * size at which the throughput falls into a hole between its neighbours is marked.
 */
#ifndef CONVOY_BENCH_SWEEP_H
#define CONVOY_BENCH_SWEEP_H

#include <stdio.h>

#include "bench/results.h"
#include "bench/run.h"

#define SWEEP_WALKS      6
#define SWEEP_POINTS_MAX 24
/* A point that lies further below its neighbours is marked. */
#define SWEEP_BELOW 0.15

struct sweep_point {
    int64_t size;
    char problem[CONVOY_PROBLEM_SIZE];
};

/* The layer with one extent changed. */
struct sweep_walk {
    const char *name;
    struct sweep_point points[SWEEP_POINTS_MAX]; /* by size */
    size_t count;                                /* 0: the layer has no such walk */
};

struct sweep {
    char problem[CONVOY_PROBLEM_SIZE];
    struct sweep_walk walks[SWEEP_WALKS];
};

/**
 * The points around a layer. Channels go in steps of the groups; those of a depthwise layer all
 * change together, as C. A square filter stays square, and its padding grows with it. Sizes that
 * make no layer are left out.
 * @retval as convoy_layer_parse
 */
convoy_status sweep_create(const char *problem, struct sweep *sweep);

/** What runs when the command line does not say: direct, NHWC. @retval CONVOY_ERROR_ARGUMENT
 *  options that say nothing to a sweep */
convoy_status sweep_defaults(struct options *options);

/** All problems once, as for --layers; free() it. NULL: no memory */
char *sweep_layers(const struct sweep *sweep);

/**
 * By which fraction rates[i] is below its neighbours: the best among smaller sizes, down to half of
 * its own, and the best among larger ones, up to twice its own; of these two the lesser. So a hole
 * of several sizes is seen, a slope is not, and the first and the last are never below.
 */
double sweep_below(const int64_t *sizes, const double *rates, size_t count, size_t i);

/* What was measured along a walk by one algorithm, ISA, layout and number of threads. */
struct sweep_curve {
    const struct sweep_walk *walk;
    const struct sweep_point *points[SWEEP_POINTS_MAX];
    int64_t sizes[SWEEP_POINTS_MAX];
    double seconds[SWEEP_POINTS_MAX]; /* least of all calls */
    double flops[SWEEP_POINTS_MAX];   /* effective, per second */
    double percent[SWEEP_POINTS_MAX]; /* of the peak */
    double below[SWEEP_POINTS_MAX];   /* sweep_below */
    size_t count;
};

/** From all lines that are like this one but for their layer; repetitions count as one. */
struct sweep_curve sweep_curve_of(const struct sweep_walk *walk, const struct results *results,
                                  const struct line *like);
/** Is line i the first of its algorithm, ISA, layout and number of threads? */
bool sweep_first_of_series(const struct results *results, size_t i);

/** Run all cases, and those of marked points once more: what was noise is not marked then. */
convoy_status sweep_measure(struct runner *runner, const struct selection *selection,
                            const struct sweep *sweep, const struct options *options);
/** A table with bars, at most 120 columns wide. */
void sweep_print(FILE *file, const struct sweep *sweep, const struct results *results);

/** What the plot's script reads, into the open files; for the report. */
void sweep_write_data(FILE *data, FILE *variables, const struct sweep *sweep,
                      const struct results *results);
/** Draw it with gnuplot to a file, SVG or by its name PNG. @retval as report_draw, report_scripts
 */
convoy_status sweep_plot(const char *path, const struct sweep *sweep,
                         const struct results *results);

#endif
