/**
 * @file reporter.h
 * Prints results while they come, a block for each layer when it is complete.
 */
#ifndef CONVOY_BENCH_REPORTER_H
#define CONVOY_BENCH_REPORTER_H

#include <stdio.h>

#include "bench/gbench.h"
#include "bench/results.h"
#include "bench/run.h"

struct reporter {
    FILE *file; /* NULL: nothing is printed (yet) */
    struct runner *runner;
    const struct selection *selection;
    const struct options *options;
    size_t layer;       /* index of the block */
    struct line *lines; /* of the block; owned */
    size_t count;
};

/** A listener for gbench_run. */
struct gbench_listener reporter_listener(struct reporter *reporter);
/** Print the last block. */
void reporter_end(struct reporter *reporter);

/** Print results that are complete, in blocks. */
void reporter_print(FILE *file, const struct results *results);

#endif
