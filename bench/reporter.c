/**
 * @file reporter.c
 * From Google Benchmark's results to blocks of the table.
 */
#include "bench/reporter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/table.h"

static void print_block(struct reporter *reporter)
{
    if (reporter->file && reporter->count > 0) {
        const struct named_layer *named = &reporter->selection->layers.layers[reporter->layer];
        progress_hide(&reporter->runner->progress);
        table_print_layer(reporter->file, named->name, &named->layer);
        table_print_lines(reporter->file, reporter->lines, reporter->count);
    }
    for (size_t i = 0; i < reporter->count; i++) {
        free((char *)reporter->lines[i].error);
    }
    reporter->count = 0;
}

static struct line make_line(const struct gbench_result *result)
{
    struct line line = {0};
    line_set_name(&line, result->name);
    line_set_label(&line, result->label);
    line.error = result->error ? strdup(result->error) : NULL;
    line.seconds = result->seconds;
    line.iterations = (double)result->iterations;
    line.flops = gbench_result_counter(result, "flops");
    line.executed_flops = gbench_result_counter(result, "executed_flops");
    line.peak_fraction = gbench_result_counter(result, "peak_fraction");
    line.bound_fraction = gbench_result_counter(result, "bound_fraction");
    line.error_rms = gbench_result_counter(result, "error");
    line.workspace_bytes = gbench_result_counter(result, "workspace_bytes");
    line.packed_bytes = gbench_result_counter(result, "packed_bytes");
    line.create_us = gbench_result_counter(result, "create_us");
    line.input_share = gbench_result_counter(result, "input_share");
    line.multiply_share = gbench_result_counter(result, "multiply_share");
    line.output_share = gbench_result_counter(result, "output_share");
    return line;
}

static bool append(struct reporter *reporter, const struct gbench_result *result)
{
    void *grown = realloc(reporter->lines, (reporter->count + 1) * sizeof *reporter->lines);
    if (!grown) {
        return false;
    }
    reporter->lines = grown;
    reporter->lines[reporter->count++] = make_line(result);
    return true;
}

static const struct bench_case *find_case(const struct selection *selection, const char *name)
{
    for (size_t i = 0; i < selection->count; i++) {
        if (strcmp(selection->cases[i].name, name) == 0) {
            return &selection->cases[i];
        }
    }
    return NULL;
}

/* With --benchmark_report_aggregates_only: one line of the medians, and the least time. */
static void append_aggregates(struct reporter *reporter, const struct gbench_result *results,
                              size_t count)
{
    const struct gbench_result *median = NULL;
    double least = NAN;
    for (size_t i = 0; i < count; i++) {
        const char *aggregate = results[i].aggregate;
        if (!aggregate) {
            return;
        }
        if (strcmp(aggregate, "median") == 0) {
            median = &results[i];
        } else if (strcmp(aggregate, "min") == 0) {
            least = results[i].seconds;
        }
    }
    if (median && append(reporter, median)) {
        struct line *line = &reporter->lines[reporter->count - 1];
        line->min_seconds = least;
        line->median_seconds = line->seconds;
    }
}

/* The case of a line or of an aggregate of it, whose name goes on with "_median" and the like. */
static const struct bench_case *case_of(const struct reporter *reporter,
                                        const struct gbench_result *result)
{
    char name[256];
    snprintf(name, sizeof name, "%s", result->name);
    char *suffix = result->aggregate ? strrchr(name, '_') : NULL;
    if (suffix) {
        *suffix = '\0';
    }
    return find_case(reporter->selection, name);
}

static void on_group(const struct gbench_result *results, size_t count, void *context)
{
    struct reporter *reporter = context;
    const struct bench_case *c = count > 0 ? case_of(reporter, &results[0]) : NULL;
    if (c && c->layer_index != reporter->layer) {
        print_block(reporter);
        reporter->layer = c->layer_index;
    }
    for (size_t i = 0; i < count; i++) {
        const struct gbench_result *result = &results[i];
        bool skipped = result->error && strcmp(result->error, INTERRUPTED) == 0;
        if (!result->aggregate && !skipped) {
            append(reporter, result);
        }
    }
    append_aggregates(reporter, results, count);
    if (c) {
        progress_done(&reporter->runner->progress, case_seconds(c, reporter->options));
    }
}

struct gbench_listener reporter_listener(struct reporter *reporter)
{
    return (struct gbench_listener){.group = on_group, .context = reporter};
}

void reporter_end(struct reporter *reporter)
{
    progress_hide(&reporter->runner->progress);
    print_block(reporter);
    free(reporter->lines);
    reporter->lines = NULL;
}

void reporter_print(FILE *file, const struct results *results)
{
    table_print_head(file);
    for (size_t i = 0; i < results->count;) {
        size_t end = i + 1;
        while (end < results->count &&
               strcmp(results->lines[end].layer, results->lines[i].layer) == 0) {
            end++;
        }
        convoy_layer layer;
        if (results_layer(results, &results->lines[i], &layer)) {
            fprintf(file, "\n%s\n", results->lines[i].layer);
        } else {
            table_print_layer(file, results->lines[i].layer, &layer);
        }
        table_print_lines(file, &results->lines[i], end - i);
        i = end;
    }
}
