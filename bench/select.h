/**
 * @file select.h
 * What runs: layers x algorithms x ISAs x layouts x threads, less what does not apply.
 */
#ifndef CONVOY_BENCH_SELECT_H
#define CONVOY_BENCH_SELECT_H

#include <stddef.h>

#include "bench/options.h"
#include "convoy/convoy.h"
#include "io/layer_file.h"

/* One line of results to be. */
struct bench_case {
    char *name;             /* <layer>/<algorithm>/<isa>/<layout>/threads:<t>; owned */
    const char *layer_name; /* the selection's */
    size_t layer_index;     /* in the selection's list */
    convoy_layer layer;     /* with the layout */
    const char *algorithm;  /* as asked for: may be "auto" */
    convoy_isa isa;         /* never CONVOY_ISA_BEST */
    int threads;
    convoy_counts counts;
    convoy_description plan; /* of the algorithm that will run */
    double estimate_seconds; /* of one call; a guess for progress and --dry-run */
};

struct selection {
    struct layer_list layers;
    struct bench_case *cases; /* grouped by layer, in the order of the list; owned */
    size_t count;
};

/**
 * Select; what is left out is told on stderr with its reason.
 * @retval CONVOY_ERROR_ARGUMENT  a name is unknown or nothing is left: the detail has the nearest
 *         names; and all of layer_list_append
 */
convoy_status select_cases(const struct options *options, struct selection *selection);
void selection_destroy(struct selection *selection);

/** Bytes that running a case takes at most, cold copies not counted. */
double case_bytes(const struct bench_case *c);

/** Seconds of one call, guessed from the algorithm's name. */
double estimate_call_seconds(const char *algorithm, const convoy_counts *counts, int threads);

#endif
