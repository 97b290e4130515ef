/**
 * @file sweep_plot.c
 * A sweep's data for gnuplot, and its picture without a report.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/report_parts.h"
#include "bench/sweep.h"
#include "core/error.h"

void sweep_write_data(FILE *data, FILE *variables, const struct sweep *sweep,
                      const struct results *results)
{
    fputs("sweep_series = '", variables);
    for (size_t s = 0; s < results->count; s++) {
        const struct line *line = &results->lines[s];
        if (!sweep_first_of_series(results, s)) {
            continue;
        }
        fprintf(variables, "%s/%s/%s/threads:%d ", line->algorithm, line->isa, line->layout,
                line->threads);
        for (int w = 0; w < SWEEP_WALKS; w++) {
            struct sweep_curve curve = sweep_curve_of(&sweep->walks[w], results, line);
            for (size_t i = 0; i < curve.count; i++) {
                fprintf(data, "%s\t%s/%s/%s/threads:%d\t%lld\t%.5g\t%d\n", curve.walk->name,
                        line->algorithm, line->isa, line->layout, line->threads,
                        (long long)curve.sizes[i], curve.percent[i], curve.below[i] > SWEEP_BELOW);
            }
        }
    }
    fputs("'\nsweep_walks = '", variables);
    for (int w = 0; w < SWEEP_WALKS; w++) {
        fprintf(variables, "%s%s", sweep->walks[w].count ? sweep->walks[w].name : "",
                sweep->walks[w].count ? " " : "");
    }
    fprintf(variables, "'\nsweep_label = '%s'\n", sweep->problem);
}

/* Data and variables as a report has them, in a directory of their own. */
static convoy_status write_files(const char *data_path, const char *variables_path,
                                 const struct sweep *sweep, const struct results *results)
{
    FILE *data = fopen(data_path, "w"), *variables = fopen(variables_path, "w");
    if (data && variables) {
        sweep_write_data(data, variables, sweep, results);
    }
    bool good = data && variables && !ferror(data) && !ferror(variables);
    good = data && fclose(data) == 0 && good;
    good = variables && fclose(variables) == 0 && good;
    return good ? CONVOY_OK : fail(CONVOY_ERROR_IO, "%s cannot be written", data_path);
}

convoy_status sweep_plot(const char *path, const struct sweep *sweep, const struct results *results)
{
    const char *place = getenv("TMPDIR"), *ending = strrchr(path, '.');
    char directory[400], data[420], variables[420];
    snprintf(directory, sizeof directory, "%.300s/convoy-sweep.XXXXXX", place ? place : "/tmp");
    if (!mkdtemp(directory)) {
        return fail(CONVOY_ERROR_IO, "%s: the plot's data cannot be written there", directory);
    }
    snprintf(data, sizeof data, "%s/sweep.tsv", directory);
    snprintf(variables, sizeof variables, "%s/limits.gp", directory);
    convoy_status status = write_files(data, variables, sweep, results);
    if (!status) {
        bool png = ending && strcmp(ending, ".png") == 0;
        status = report_draw("sweep", directory, path, png ? "png" : "svg");
    }
    unlink(data);
    unlink(variables);
    rmdir(directory);
    return status;
}
