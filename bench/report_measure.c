/**
 * @file report_measure.c
 * What only a report shows: the ladder, how time grows with the batch and with the image, a sweep.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/gbench.h"
#include "bench/report_parts.h"
#include "core/clock.h"
#include "core/error.h"

#define SIZE_SECONDS 0.05

/* One algorithm of the batch benchmark; its layer is made anew for each batch. */
struct batch_context {
    struct runner *runner;
    struct bench_case c;
    struct series *series;
};

static const int64_t batches[] = {1, 2, 4, 8, 16};
static const int64_t extents[] = {7, 14, 28, 56, 112, 224};
enum { BATCHES = sizeof batches / sizeof batches[0], EXTENTS = sizeof extents / sizeof extents[0] };

static void run_batch(gbench_state *state, void *context)
{
    struct batch_context *batch = context;
    struct runner *runner = batch->runner;
    if (batch->c.layer.N != gbench_size(state)) {
        batch->c.layer.N = gbench_size(state);
        runner->prepared.of = NULL;
    }
    if (interrupted() || convoy_layer_count(&batch->c.layer, NULL, &batch->c.counts) ||
        runner_prepare(runner, &batch->c)) {
        gbench_skip(state, INTERRUPTED);
        return;
    }
    size_t turn = 0;
    while (gbench_keep_running(state)) {
        if (runner_call(&runner->prepared, turn++)) {
            gbench_skip(state, convoy_error_detail());
            return;
        }
    }
}

/* The series of a name "batch/<algorithm>/<size>" or "batch/<algorithm>_BigO". */
static struct series *find_series(struct report *report, const char *name)
{
    const char *algorithm = name + strlen("batch/");
    for (size_t s = 0; s < report->batch_count; s++) {
        size_t length = strlen(report->batch[s].algorithm);
        bool mine = strncmp(algorithm, report->batch[s].algorithm, length) == 0;
        if (mine && (algorithm[length] == '/' || algorithm[length] == '_')) {
            return &report->batch[s];
        }
    }
    return NULL;
}

/* The report, and how far its batches are. */
struct batch_listener {
    struct report *report;
    struct progress progress;
};

static void on_batch(const struct gbench_result *results, size_t count, void *context)
{
    struct batch_listener *listener = context;
    progress_done(&listener->progress, 0.2);
    progress_step(&listener->progress, "report: batches");
    for (size_t i = 0; i < count; i++) {
        const struct gbench_result *result = &results[i];
        struct series *series = find_series(listener->report, result->name);
        if (!series || result->error) {
            continue;
        }
        if (!result->aggregate && series->count < BATCHES) {
            series->sizes[series->count] = strtoll(strrchr(result->name, '/') + 1, NULL, 10);
            series->seconds[series->count++] = result->seconds;
        } else if (result->aggregate && strcmp(result->aggregate, "BigO") == 0) {
            series->big_o = result->seconds;
        }
    }
}

/* Leave the cases of the first ISA: a series has one point for each size. */
static void keep_first_isa(struct selection *selection)
{
    size_t kept = 0;
    for (size_t i = 0; i < selection->count; i++) {
        if (selection->cases[i].isa == selection->cases[0].isa) {
            selection->cases[kept++] = selection->cases[i];
        } else {
            free(selection->cases[i].name);
        }
    }
    selection->count = kept;
}

/* The algorithms of the run on some layers, NHWC, one thread, the first ISA of the run. */
static convoy_status select_some(const struct options *options, const char *layers,
                                 struct selection *selection)
{
    struct options some = *options;
    some.layers = layers;
    some.threads = "1";
    some.layouts = "nhwc";
    some.untold = true;
    convoy_status status = select_cases(&some, selection);
    if (!status) {
        keep_first_isa(selection);
    }
    return status;
}

static convoy_status measure_batch(struct report *report)
{
    static struct runner runner;
    struct selection selection;
    convoy_status status = select_some(report->options, REPORT_BATCH_PROBLEM, &selection);
    if (status) {
        return status;
    }
    struct batch_context *contexts = calloc(selection.count, sizeof *contexts);
    runner_begin(&runner, report->before, report->options);
    for (size_t i = 0; contexts && i < selection.count && i < SERIES_MAX; i++) {
        const struct bench_case *c = &selection.cases[i];
        struct series *series = &report->batch[report->batch_count];
        if (report_family(c->plan.algorithm) < 0) {
            continue;
        }
        report->batch_count++;
        snprintf(series->algorithm, sizeof series->algorithm, "%s", c->plan.algorithm);
        contexts[i] = (struct batch_context){&runner, *c, series};
        char name[96];
        snprintf(name, sizeof name, "batch/%s", c->plan.algorithm);
        gbench_register(&(struct gbench_benchmark){.name = name,
                                                   .run = run_batch,
                                                   .context = &contexts[i],
                                                   .sizes = batches,
                                                   .size_count = BATCHES,
                                                   .unfiltered = true});
    }
    struct batch_listener listener = {.report = report};
    size_t steps = report->batch_count * BATCHES;
    progress_begin(&listener.progress, steps, 0.2 * (double)steps, report->options->quiet);
    gbench_run(&(struct gbench_listener){.group = on_batch, .context = &listener});
    progress_hide(&listener.progress);
    runner_end(&runner);
    free(contexts);
    selection_destroy(&selection);
    return CONVOY_OK;
}

static convoy_status measure_extent(struct report *report, struct runner *runner, int64_t extent)
{
    char problem[64];
    struct selection selection;
    snprintf(problem, sizeof problem, "n1c64h%lldw%lld_k64r3s3_pd1", (long long)extent,
             (long long)extent);
    convoy_status status = select_some(report->options, problem, &selection);
    for (size_t i = 0; !status && i < selection.count && !interrupted(); i++) {
        const struct bench_case *c = &selection.cases[i];
        if (report_family(c->plan.algorithm) < 0 || (status = runner_prepare(runner, c))) {
            continue;
        }
        struct series *series = NULL;
        for (size_t s = 0; s < SERIES_MAX && !series; s++) {
            struct series *at = &report->size[s];
            if (s == report->size_count) {
                snprintf(at->algorithm, sizeof at->algorithm, "%s", c->plan.algorithm);
                report->size_count++;
            }
            series = strcmp(at->algorithm, c->plan.algorithm) == 0 ? at : NULL;
        }
        runner->samples.count = 0;
        double begun = clock_seconds();
        for (size_t turn = 0; turn < 3 || clock_seconds() - begun < SIZE_SECONDS; turn++) {
            double start = clock_seconds();
            runner_call(&runner->prepared, turn);
            samples_add(&runner->samples, clock_seconds() - start);
        }
        if (series) {
            series->sizes[series->count] = extent;
            series->seconds[series->count++] = samples_summary(&runner->samples).median;
        }
    }
    runner_end(runner);
    selection_destroy(&selection);
    return status;
}

/* All that was measured since the start, less what is not of the selection. */
static convoy_status selected_results(const struct selection *selection, struct results *results)
{
    char *json = gbench_json();
    convoy_status status = json ? results_parse(json, results)
                                : fail(CONVOY_ERROR_MEMORY, "no memory for the results");
    free(json);
    size_t kept = 0;
    for (size_t i = 0; !status && i < results->count; i++) {
        bool selected = false;
        for (size_t c = 0; c < selection->count; c++) {
            selected |= strcmp(selection->cases[c].name, results->lines[i].name) == 0;
        }
        if (selected) {
            results->lines[kept++] = results->lines[i];
        }
    }
    results->count = kept;
    return status;
}

/* Direct, in NHWC, on one thread. */
static convoy_status measure_sweep(struct report *report)
{
    static struct runner runner;
    const char *problem = report->options->sweep ? report->options->sweep : REPORT_SWEEP_PROBLEM;
    struct options direct = *report->options;
    struct selection selection;
    convoy_status status = sweep_create(problem, &report->sweep);
    char *layers = status ? NULL : sweep_layers(&report->sweep);
    if (!layers) {
        return status ? status : fail(CONVOY_ERROR_MEMORY, "no memory for the layers of a sweep");
    }
    direct.algorithms = "direct";
    direct.check = false;
    status = select_some(&direct, layers, &selection);
    free(layers);
    if (status) {
        return status;
    }
    runner_begin(&runner, report->before, &direct);
    status = sweep_measure(&runner, &selection, &report->sweep, &direct);
    runner_end(&runner);
    if (!status) {
        status = selected_results(&selection, &report->swept);
    }
    selection_destroy(&selection);
    return status;
}

convoy_status report_measure(struct report *report)
{
    static struct runner runner;
    const char *problem = report->options->ladder ? report->options->ladder : REPORT_LADDER_PROBLEM;
    snprintf(report->ladder_problem, sizeof report->ladder_problem, "%s", problem);
    struct options ladder = *report->options;
    ladder.threads = "1";
    convoy_status status = ladder_measure(&ladder, problem, report->before, report->ladder);
    if (!status) {
        status = measure_batch(report);
    }
    struct progress progress;
    progress_begin(&progress, EXTENTS, EXTENTS, report->options->quiet);
    for (int i = 0; !status && i < EXTENTS; i++) {
        progress_step(&progress, "report: sizes");
        runner_begin(&runner, report->before, report->options);
        status = measure_extent(report, &runner, extents[i]);
        progress_done(&progress, 1);
    }
    progress_hide(&progress);
    if (!status && (report->options->full || report->options->sweep)) {
        status = measure_sweep(report);
    }
    return status;
}
