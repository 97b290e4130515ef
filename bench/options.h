/**
 * @file options.h
 * The command line of convoy-bench.
 */
#ifndef CONVOY_BENCH_OPTIONS_H
#define CONVOY_BENCH_OPTIONS_H

#include <stdbool.h>

#include "convoy/status.h"

enum cache_mode {
    CACHE_HOT,          /* the same buffers again and again */
    CACHE_COLD_WEIGHTS, /* packed weights from memory, x and y as in the hot mode */
    CACHE_COLD          /* everything from memory */
};

struct options {
    const char *layers; /* comma lists, as given */
    const char *algorithms;
    const char *isas;
    const char *threads;
    const char *layouts;
    enum cache_mode cache;
    bool check;
    const char *check_file; /* of --check=FILE: nothing runs */
    const char *compare[2]; /* algorithm[/isa[/layout]]; NULL: no comparison */
    int pairs;
    const char *baseline;
    const char *ladder;
    bool regret;
    bool stages;
    const char *sweep;
    const char *plot; /* of the sweep; NULL: none */
    const char *report;
    const char *peers;
    bool full;
    bool dry_run;
    bool help;
    bool quiet;
    bool untold; /* not on the command line: a part of a run, whose omissions show elsewhere */
};

/**
 * Read the command line; Google Benchmark's flags have been taken out before.
 * @retval CONVOY_ERROR_ARGUMENT  the detail says what is wrong and what would be right
 */
convoy_status options_parse(int argc, char **argv, struct options *options);

/** Lists that the command line has left NULL get what --help says. */
void options_defaults(struct options *options);

void options_print_help(void);

const char *cache_mode_name(enum cache_mode mode);

#endif
