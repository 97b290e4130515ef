/**
 * @file report_parts.h
 * The stages of a report: measure, write data, plot, fill in the page.
 */
#ifndef CONVOY_BENCH_REPORT_PARTS_H
#define CONVOY_BENCH_REPORT_PARTS_H

#include <stdio.h>

#include "bench/ladder.h"
#include "bench/report.h"
#include "bench/sweep.h"

#define FAMILY_COUNT 5
#define SERIES_MAX   64

/* The start of the name of each algorithm of a family, in the order of the plots' scripts. */
extern const char *const report_families[FAMILY_COUNT];
/** Index of an algorithm's family; -1: none, such as the reference. */
int report_family(const char *algorithm);

/* Times of one algorithm at some sizes. */
struct series {
    char algorithm[48];
    int64_t sizes[16];
    double seconds[16];
    size_t count;
    double big_o; /* seconds for each unit of size by Google Benchmark's linear fit; 0: none */
};

struct report {
    const struct options *options;
    const struct results *results;
    const struct limits *before, *after;
    struct rung_result ladder[LADDER_RUNGS];
    char ladder_problem[CONVOY_PROBLEM_SIZE];
    struct series batch[SERIES_MAX], size[SERIES_MAX];
    size_t batch_count, size_count;
    struct sweep sweep;
    struct results swept; /* no lines: there was no sweep */
    json_t *peers;        /* NULL: none */
    char data[512];       /* directory of the plots' data */
};

/** Ladder, batch and size; with --sweep or --full, a sweep. */
convoy_status report_measure(struct report *report);
/** The files that the plots read. */
convoy_status report_write_data(const struct report *report);
/** The best line of a family on a layer and number of threads; NULL: none. */
const struct line *report_best(const struct report *report, const char *layer, int family,
                               int threads);
/** Does the layer of line i come up for the first time? */
bool report_first_of_layer(const struct results *results, size_t i);
/** Run gnuplot on a script for each plot. */
convoy_status report_plot(const struct report *report);
/** Run gnuplot on the script of one plot. @param format "svg" or "png"
 *  @retval CONVOY_ERROR_UNSUPPORTED  gnuplot is missing or fails; and as report_scripts */
convoy_status report_draw(const char *plot, const char *data, const char *output,
                          const char *format);
/** Directory of scripts and template. @retval CONVOY_ERROR_IO  not found */
convoy_status report_scripts(char *path, size_t size);
/** Fill in the page. */
convoy_status report_write_page(const struct report *report);
/** A text with what HTML wants escaped; NULL is "". */
void report_escaped(FILE *file, const char *text);
/** The sortable tables. */
void report_results_table(FILE *file, const struct report *report);
void report_ladder_table(FILE *file, const struct report *report);
void report_peers_table(FILE *file, const struct report *report);

/* Names of the plots, each with its script <name>.gp and its place {{name}} in the page. */
#define REPORT_PLOTS 7
extern const char *const report_plots[REPORT_PLOTS];

/* The layer of the ladder and the one that the sweep is around, where no option names another. */
#define REPORT_LADDER_PROBLEM "n1c64h56w56_k64r3s3_pd1"
#define REPORT_SWEEP_PROBLEM  "n1c64h56w56_k64r3s3_pd1"
/* The layer whose batch grows. */
#define REPORT_BATCH_PROBLEM "n1c64h28w28_k64r3s3_pd1"

#endif
