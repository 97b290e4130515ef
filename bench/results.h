/**
 * @file results.h
 * Lines of results, read from Google Benchmark's JSON by a reader that shares nothing with the
 * code that measured them.
 */
#ifndef CONVOY_BENCH_RESULTS_H
#define CONVOY_BENCH_RESULTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convoy/convoy.h"

struct line {
    char name[256];
    char layer[128], algorithm[48]; /* parts of the name; "" when it has another form */
    char isa[16], layout[8];
    int threads;
    const char *error; /* why there is no time; NULL: there is one */
    json_t *object;    /* the line in results.document */
    double seconds;    /* wall clock of one call, mean of the run */
    double iterations; /* calls of the run */
    /* counters, NaN when missing */
    double flops, executed_flops, peak_fraction, bound_fraction;
    double error_rms, workspace_bytes, packed_bytes, create_us;
    double input_share, multiply_share, output_share; /* with --stages, of Winograd */
    /* from the label, NaN or "" when missing */
    char chosen[48];
    double inner_seconds, outer_seconds, min_seconds, low_seconds, median_seconds, high_seconds,
        samples;
    double error_bound, batch1_seconds, batch4_seconds, compared, outputs;
};

struct results {
    json_t *document;
    struct line *lines; /* measured lines; aggregates are left out */
    size_t count;
};

/** @retval CONVOY_ERROR_FORMAT  no JSON of Google Benchmark; @retval CONVOY_ERROR_MEMORY */
convoy_status results_parse(const char *json, struct results *results);
/** @retval CONVOY_ERROR_IO and as results_parse */
convoy_status results_read(const char *path, struct results *results);
void results_destroy(struct results *results);

/** A string of the context; NULL when there is none. */
const char *results_context(const struct results *results, const char *key);
/** A number of the context; NaN when there is none. */
double results_context_number(const struct results *results, const char *key);
/** The layer of a line with the line's layout, from the context. @retval CONVOY_ERROR_FORMAT */
convoy_status results_layer(const struct results *results, const struct line *line,
                            convoy_layer *layer);
/** The first line of that name; NULL when there is none. */
const struct line *results_find(const struct results *results, const char *name);

/** Remove the lines that an interrupt prevented: those with that error. */
void results_drop(struct results *results, const char *error);

/** Parse a line's name and label; for lines that do not come from JSON. */
void line_set_name(struct line *line, const char *name);
void line_set_label(struct line *line, const char *label);

/* Fewer samples have no middle half. */
#define SAMPLES_TELLING 4
/** The width of the samples' middle half, as a part of the median; NaN when that is missing. */
double line_noise(const struct line *line);

/** Replace a line's numbers by the reason why they are not shown. */
void results_refuse(struct line *line, const char *reason);
/** The document as text; free() it. NULL: no memory */
char *results_print(const struct results *results);

#endif
