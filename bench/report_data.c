/**
 * @file report_data.c
 * The tables that gnuplot reads: tab-separated, one file a plot, and limits.gp with the numbers
 * that the scripts need as variables.
 */
#include <math.h>
#include <string.h>

#include "bench/report_parts.h"
#include "core/error.h"

const char *const report_families[FAMILY_COUNT] = {"naive", "reordered", "im2col", "direct",
                                                   "winograd"};

int report_family(const char *algorithm)
{
    for (int f = 0; f < FAMILY_COUNT; f++) {
        if (strncmp(algorithm, report_families[f], strlen(report_families[f])) == 0) {
            return f;
        }
    }
    return -1;
}

const struct line *report_best(const struct report *report, const char *layer, int family,
                               int threads)
{
    const struct line *best = NULL;
    for (size_t i = 0; i < report->results->count; i++) {
        const struct line *line = &report->results->lines[i];
        bool same = strcmp(line->layer, layer) == 0 && line->threads == threads && !line->error &&
                    report_family(line->chosen) == family;
        if (same && (!best || line->median_seconds < best->median_seconds)) {
            best = line;
        }
    }
    return best;
}

bool report_first_of_layer(const struct results *results, size_t i)
{
    for (size_t before = 0; before < i; before++) {
        if (strcmp(results->lines[before].layer, results->lines[i].layer) == 0) {
            return false;
        }
    }
    return true;
}

static FILE *data_file(const struct report *report, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", report->data, name);
    return fopen(path, "w");
}

static convoy_status data_close(FILE *file, const char *name)
{
    bool bad = ferror(file) != 0;
    bad |= fclose(file) != 0;
    return bad ? fail(CONVOY_ERROR_IO, "%s of the report cannot be written", name) : CONVOY_OK;
}

/* The least number of threads of the run: the plots of single threads show it. */
static int base_threads(const struct report *report)
{
    int least = 0;
    for (size_t i = 0; i < report->results->count; i++) {
        int threads = report->results->lines[i].threads;
        least = least == 0 || threads < least ? threads : least;
    }
    return least;
}

/* Plots show medians: a mean bears every disturbance of the run. */
static double median_rate(const struct line *line, double mean_rate)
{
    return mean_rate * line->seconds / line->median_seconds;
}

static void write_roofline(FILE *file, const struct report *report, double range[4])
{
    int threads = base_threads(report);
    for (size_t i = 0; i < report->results->count; i++) {
        const struct line *line = &report->results->lines[i];
        int family = report_family(line->chosen);
        convoy_layer layer;
        convoy_counts counts;
        if (line->error || family < 0 || line->threads != threads ||
            results_layer(report->results, line, &layer) ||
            convoy_layer_count(&layer, NULL, &counts)) {
            continue;
        }
        double values[] = {counts.intensity, median_rate(line, line->flops) / 1e9,
                           median_rate(line, line->executed_flops) / 1e9};
        fprintf(file, "%s\t%.5g\t%.5g\t%.5g\t%s\n", report_families[family], values[0], values[1],
                values[2], line->name);
        range[0] = fmin(range[0], values[0]);
        range[1] = fmax(range[1], values[0]);
        range[2] = fmin(range[2], fmin(values[1], values[2]));
        range[3] = fmax(range[3], fmax(values[1], values[2]));
    }
}

/* A peer's result on a layer: the least time of a ranked variant, as a fraction of the peak. */
static double peer_fraction(const struct report *report, const char *layer, const char *engine,
                            int threads)
{
    double best = NAN;
    size_t i;
    json_t *result;
    json_array_foreach(json_object_get(report->peers, "results"), i, result)
    {
        const char *its_layer = json_string_value(json_object_get(result, "layer"));
        const char *its_engine = json_string_value(json_object_get(result, "engine"));
        json_t *fraction = json_object_get(result, "peak_fraction");
        bool same = its_layer && its_engine && strcmp(its_layer, layer) == 0 &&
                    strcmp(its_engine, engine) == 0 &&
                    json_integer_value(json_object_get(result, "threads")) == threads &&
                    json_is_true(json_object_get(result, "ranked")) && json_is_number(fraction);
        if (same) {
            best = fmax(best, json_number_value(fraction));
        }
    }
    return best;
}

static bool family_used(const struct results *results, int family)
{
    for (size_t i = 0; i < results->count; i++) {
        if (!results->lines[i].error && report_family(results->lines[i].chosen) == family) {
            return true;
        }
    }
    return false;
}

/* Families and peers that have a bar anywhere become columns, named in `columns`. */
static void write_bars(FILE *file, const struct report *report, char *columns, size_t size,
                       double *most)
{
    int threads = base_threads(report);
    const struct results *results = report->results;
    size_t length = 0;
    for (int f = 0; f < FAMILY_COUNT; f++) {
        if (family_used(results, f)) {
            length += (size_t)snprintf(columns + length, size - length, "%s ", report_families[f]);
        }
    }
    json_t *engines = json_object_get(report->peers, "engines"), *engine;
    size_t e;
    json_array_foreach(engines, e, engine)
    {
        const char *name = json_string_value(json_object_get(engine, "engine"));
        if (name && strcmp(name, "convoy") != 0 && length < size) {
            length += (size_t)snprintf(columns + length, size - length, "%s ", name);
        }
    }
    for (size_t i = 0; i < results->count; i++) {
        if (!report_first_of_layer(results, i)) {
            continue;
        }
        const char *layer = results->lines[i].layer;
        fputs(layer, file);
        for (int f = 0; f < FAMILY_COUNT; f++) {
            const struct line *best = report_best(report, layer, f, threads);
            if (family_used(results, f)) {
                double value = best ? 100 * median_rate(best, best->peak_fraction) : NAN;
                fprintf(file, "\t%.5g", value);
                *most = fmax(*most, value);
            }
        }
        json_array_foreach(engines, e, engine)
        {
            const char *name = json_string_value(json_object_get(engine, "engine"));
            if (name && strcmp(name, "convoy") != 0) {
                double value = 100 * peer_fraction(report, layer, name, threads);
                fprintf(file, "\t%.5g", value);
                *most = fmax(*most, value);
            }
        }
        fputc('\n', file);
    }
}

/* Geometric mean over layers of the time on the least threads / the time on t threads. */
static void write_threads(FILE *file, const struct report *report, int *most)
{
    const struct results *results = report->results;
    int base = base_threads(report);
    for (size_t i = 0; i < results->count; i++) {
        *most = results->lines[i].threads > *most ? results->lines[i].threads : *most;
    }
    for (int f = 0; f < FAMILY_COUNT; f++) {
        for (int t = 1; t <= *most; t++) {
            double logarithms = 0;
            int layers = 0;
            for (size_t i = 0; i < results->count; i++) {
                const char *layer = results->lines[i].layer;
                const struct line *one = report_best(report, layer, f, base);
                const struct line *more = report_best(report, layer, f, t);
                if (report_first_of_layer(results, i) && one && more) {
                    logarithms += log(one->median_seconds / more->median_seconds);
                    layers++;
                }
            }
            if (layers > 0) {
                fprintf(file, "%s\t%d\t%.5g\t%d\n", report_families[f], t,
                        base * exp(logarithms / layers), layers);
            }
        }
    }
}

/* The best algorithm of each family at each size. */
static void write_series(FILE *file, const struct series *series, size_t count)
{
    for (int f = 0; f < FAMILY_COUNT; f++) {
        for (size_t i = 0; i < sizeof series->sizes / sizeof series->sizes[0]; i++) {
            double best = INFINITY;
            int64_t size = 0;
            for (size_t s = 0; s < count; s++) {
                if (report_family(series[s].algorithm) == f && i < series[s].count) {
                    best = fmin(best, series[s].seconds[i]);
                    size = series[s].sizes[i];
                }
            }
            if (size > 0) {
                fprintf(file, "%s\t%lld\t%.6g\n", report_families[f], (long long)size, 1e3 * best);
            }
        }
    }
}

static void write_ladder(FILE *file, const struct report *report, double range[2])
{
    for (int i = 0; i < LADDER_RUNGS; i++) {
        const struct rung_result *rung = &report->ladder[i];
        if (!rung->reason) {
            double rate = rung->flops / rung->seconds / 1e9;
            fprintf(file, "%s\t%.3g\t%.6g\n", rung->algorithm, rate, rate);
            range[0] = fmin(range[0], rate);
            range[1] = fmax(range[1], rate);
        }
    }
}

static double read_bandwidth(const struct report *report, enum memory_level level)
{
    const struct bandwidth_limit *b = limits_bandwidth(report->before, base_threads(report));
    return b ? b->read[level] / 1e9 : 0;
}

/* What the plots' axes have to hold. */
struct ranges {
    double roofline[4], ladder[2], bars;
    int threads;
    char bar_columns[512];
};

/* Numbers of the machine, and ranges, as variables of gnuplot. */
static void write_limits(FILE *file, const struct report *report, double peak,
                         const struct ranges *ranges)
{
    const double *roofline = ranges->roofline, *ladder = ranges->ladder;
    fprintf(file, "peak = %.5g\nmemory = %.5g\nl2 = %.5g\n", peak,
            read_bandwidth(report, LEVEL_MEMORY), read_bandwidth(report, LEVEL_L2));
    fprintf(file, "x_least = %.5g\nx_most = %.5g\ny_least = %.5g\ny_most = %.5g\n",
            roofline[0] / 1.6, roofline[1] * 1.6, roofline[2] / 1.6, roofline[3] * 1.6);
    fputs("families_used = '", file);
    for (int f = 0; f < FAMILY_COUNT; f++) {
        if (family_used(report->results, f)) {
            fprintf(file, "%d ", f + 1);
        }
    }
    fputs("'\n", file);
    fprintf(file, "bar_columns = '%s'\nbar_most = %.5g\nthreads_most = %d\n", ranges->bar_columns,
            1.05 * ranges->bars, ranges->threads);
    fprintf(file, "ladder_least = %.5g\nladder_most = %.5g\n", ladder[0] / 2, ladder[1] * 2);
    fprintf(file, "ladder_label = 'effective GFLOP/s, one thread'\n");
    fprintf(file, "batch_label = '" REPORT_BATCH_PROBLEM " with batches'\n");
    fprintf(file, "size_label = 'n1c64hXwX_k64r3s3_pd1'\nsize_flops = %d\n", 2 * 64 * 64 * 9);
}

convoy_status report_write_data(const struct report *report)
{
    static const char *const names[] = {"roofline.tsv", "bars.tsv",   "threads.tsv", "batch.tsv",
                                        "size.tsv",     "ladder.tsv", "sweep.tsv",   "limits.gp"};
    enum { ROOFLINE, BARS, THREADS, BATCH, SIZE, LADDER, SWEEP, LIMITS, FILES };
    FILE *files[FILES];
    for (int i = 0; i < FILES; i++) {
        files[i] = data_file(report, names[i]);
        if (!files[i]) {
            while (i-- > 0) {
                fclose(files[i]);
            }
            return fail(CONVOY_ERROR_IO, "%s: the report's data cannot be written there",
                        report->data);
        }
    }
    convoy_isa isa = convoy_isa_best();
    convoy_isa_parse(report->results->lines[0].isa, &isa);
    double peak = limits_peak(report->before, isa, base_threads(report)) / 1e9;
    struct ranges ranges = {
        .roofline = {0.8, 100, peak / 2, peak}, .ladder = {peak, peak}, .bars = 100, .threads = 1};
    write_roofline(files[ROOFLINE], report, ranges.roofline);
    write_bars(files[BARS], report, ranges.bar_columns, sizeof ranges.bar_columns, &ranges.bars);
    write_threads(files[THREADS], report, &ranges.threads);
    write_series(files[BATCH], report->batch, report->batch_count);
    write_series(files[SIZE], report->size, report->size_count);
    write_ladder(files[LADDER], report, ranges.ladder);
    write_limits(files[LIMITS], report, peak, &ranges);
    sweep_write_data(files[SWEEP], files[LIMITS], &report->sweep, &report->swept);
    convoy_status status = CONVOY_OK;
    for (int i = 0; i < FILES; i++) {
        convoy_status closed = data_close(files[i], names[i]);
        status = status ? status : closed;
    }
    return status;
}
