/**
 * @file sweep_measure.c
 * A sweep's run, and its table.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/reporter.h"
#include "bench/sweep.h"
#include "bench/table.h"
#include "core/error.h"

#define BAR_WIDTH 36

/* What is registered: the cases of the selection. */
static void run_cases(struct runner *runner, const struct selection *selection,
                      const struct options *options)
{
    double seconds = 0;
    for (size_t i = 0; i < selection->count; i++) {
        seconds += case_seconds(&selection->cases[i], options);
    }
    struct reporter reporter = {.runner = runner, .selection = selection, .options = options};
    struct gbench_listener listener = reporter_listener(&reporter);
    progress_begin(&runner->progress, selection->count, seconds, options->quiet);
    gbench_run(&listener);
    reporter_end(&reporter);
}

static bool is_marked(const struct sweep *sweep, const struct results *results,
                      const struct line *line)
{
    for (int w = 0; w < SWEEP_WALKS; w++) {
        struct sweep_curve curve = sweep_curve_of(&sweep->walks[w], results, line);
        for (size_t i = 0; i < curve.count; i++) {
            if (curve.below[i] > SWEEP_BELOW &&
                strcmp(curve.points[i]->problem, line->layer) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* The cases whose points are marked; the array is owned by the caller, its names are not. */
static convoy_status select_marked(const struct selection *selection, const struct sweep *sweep,
                                   struct selection *marked)
{
    struct results results;
    char *json = gbench_json();
    convoy_status status = json ? results_parse(json, &results)
                                : fail(CONVOY_ERROR_MEMORY, "no memory for the results");
    free(json);
    if (status) {
        return status;
    }
    *marked = (struct selection){.cases = calloc(selection->count, sizeof *marked->cases)};
    for (size_t i = 0; marked->cases && i < selection->count; i++) {
        const struct line *line = results_find(&results, selection->cases[i].name);
        if (line && !line->error && is_marked(sweep, &results, line)) {
            marked->cases[marked->count++] = selection->cases[i];
        }
    }
    results_destroy(&results);
    return marked->cases ? CONVOY_OK : fail(CONVOY_ERROR_MEMORY, "no memory for the sweep's cases");
}

convoy_status sweep_measure(struct runner *runner, const struct selection *selection,
                            const struct sweep *sweep, const struct options *options)
{
    struct selection marked;
    convoy_status status = runner_register(runner, selection);
    if (status) {
        return status;
    }
    run_cases(runner, selection, options);
    if (interrupted() || (status = select_marked(selection, sweep, &marked))) {
        return status;
    }
    if (marked.count > 0) {
        free(runner->contexts);
        status = runner_register(runner, &marked);
        if (!status) {
            run_cases(runner, &marked, options);
        }
    }
    /* What is prepared may be one of these cases. */
    runner->prepared.of = NULL;
    free(marked.cases);
    return status;
}

static void print_curve(FILE *file, const struct sweep_curve *curve, const char *problem)
{
    double most = 100;
    for (size_t i = 0; i < curve->count; i++) {
        most = fmax(most, curve->percent[i]);
    }
    for (size_t i = 0; i < curve->count; i++) {
        const struct sweep_point *point = curve->points[i];
        char time[16], bar[BAR_WIDTH + 1] = "";
        memset(bar, '#', (size_t)(BAR_WIDTH * curve->percent[i] / most + 0.5));
        fprintf(file, "%-7s%8lld %c%10s%10.1f%11.1f  %-*s", i == 0 ? curve->walk->name : "",
                (long long)curve->sizes[i], strcmp(point->problem, problem) == 0 ? '=' : ' ',
                time_text(curve->seconds[i], time), curve->flops[i] / 1e9, curve->percent[i],
                BAR_WIDTH, bar);
        if (curve->below[i] > SWEEP_BELOW) {
            fprintf(file, "  < %.0f %% below its neighbours", 100 * curve->below[i]);
        }
        fputc('\n', file);
    }
}

void sweep_print(FILE *file, const struct sweep *sweep, const struct results *results)
{
    size_t points = 0, marked = 0;
    for (size_t s = 0; s < results->count; s++) {
        const struct line *line = &results->lines[s];
        if (!sweep_first_of_series(results, s)) {
            continue;
        }
        fprintf(file, "\n%s around %s, %s, %s, %d thread%s\n", line->algorithm, sweep->problem,
                line->isa, line->layout, line->threads, line->threads > 1 ? "s" : "");
        fprintf(file, "%-7s%8s  %10s%10s%11s\n", "extent", "size", "least time", "GFLOP/s",
                "% of peak");
        for (int w = 0; w < SWEEP_WALKS; w++) {
            struct sweep_curve curve = sweep_curve_of(&sweep->walks[w], results, line);
            print_curve(file, &curve, sweep->problem);
            points += curve.count;
            for (size_t i = 0; i < curve.count; i++) {
                marked += curve.below[i] > SWEEP_BELOW;
            }
        }
    }
    fprintf(file,
            "\n=: the layer itself. GFLOP/s and %% of peak are effective: the layer's operations "
            "over the least time.\n%zu of %zu points lie more than %.0f %% below their neighbours: "
            "the\nbest of the sizes down to half, and of those up to twice as large.\n",
            marked, points, 100 * SWEEP_BELOW);
}
