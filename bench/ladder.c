/**
 * @file ladder.c
 * The ladder, rung by rung.
 */
#include "bench/ladder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/context.h"
#include "bench/gbench.h"
#include "bench/table.h"
#include "core/clock.h"
#include "core/error.h"

#define RUNG_SECONDS   0.3
#define RUNG_CALLS_MAX 200

const struct rung ladder_rungs[LADDER_RUNGS] = {
    {"naive", "The seven loops of the formula, one output after the other.",
     "It is where the ladder starts: each multiply-add waits for the sum before it."},
    {"reordered", "The same loops in another order, the innermost over neighbouring outputs.",
     "Neighbouring sums do not wait for each other, so the compiler uses vectors and overlaps "
     "them."},
    {"im2col", "Windows of x are copied to the rows of a matrix, which a BLAS multiplies.",
     "The BLAS holds a tile of sums in registers, so that a value loaded once is used many times."},
    {"direct", "The register tile reads x itself: no matrix of windows is written or read.",
     "Without that copy, R S times larger than x, the multiply-adds are all there is to do."},
    {"winograd", "Tiles of x and w are transformed, multiplied point by point, transformed back.",
     "A tile of outputs needs a fraction of the multiplications, in trade for some additions and a "
     "wider error."},
};

/* The fastest algorithm of the family by a first call each; NULL: none applies. */
static const struct bench_case *choose(struct runner *runner, const struct selection *selection,
                                       const struct rung *rung)
{
    const struct bench_case *best = NULL;
    double best_seconds = 0;
    size_t length = strlen(rung->algorithm);
    for (size_t i = 0; i < selection->count; i++) {
        const struct bench_case *c = &selection->cases[i];
        if (strncmp(c->algorithm, rung->algorithm, length) != 0) {
            continue;
        }
        bool only = strcmp(c->algorithm, rung->algorithm) == 0;
        if (only) {
            return c;
        }
        if (runner_prepare(runner, c) || runner_call(&runner->prepared, 0)) {
            continue;
        }
        double start = clock_seconds();
        runner_call(&runner->prepared, 1);
        double seconds = clock_seconds() - start;
        if (!best || seconds < best_seconds) {
            best = c;
            best_seconds = seconds;
        }
    }
    return best;
}

static convoy_status measure(struct runner *runner, const struct bench_case *c,
                             struct rung_result *result)
{
    convoy_status status = runner_prepare(runner, c);
    if (status) {
        return status;
    }
    struct prepared *prepared = &runner->prepared;
    runner->samples.count = 0;
    double begun = clock_seconds();
    for (size_t i = 0; i < RUNG_CALLS_MAX && !interrupted(); i++) {
        double start = clock_seconds();
        if ((status = runner_call(prepared, i))) {
            return status;
        }
        double now = clock_seconds();
        samples_add(&runner->samples, now - start);
        if (i == 0) {
            runner_compare(runner);
            begun = clock_seconds() - (now - start);
        }
        if (now - begun > RUNG_SECONDS) {
            break;
        }
    }
    if (prepared->error.unwritten) {
        return fail(CONVOY_ERROR_ALGORITHM, "%s left an output unwritten", c->name);
    }
    double peak = limits_peak(runner->limits, c->isa, c->threads);
    result->seconds = samples_summary(&runner->samples).median;
    result->executed = (double)prepared->description.executed_flops;
    result->flops = (double)c->counts.flops;
    result->peak_fraction = result->flops / result->seconds / peak;
    result->error = prepared->error.relative_to_rms;
    snprintf(result->algorithm, sizeof result->algorithm, "%s", c->plan.algorithm);
    return CONVOY_OK;
}

/* Why a family has no case: the reason of its first algorithm. */
static void find_reason(const struct bench_case *any, struct rung_result *result)
{
    size_t count = convoy_algorithm_count();
    convoy_description *all = calloc(count, sizeof *all);
    convoy_options options = {.isa = any->isa, .threads = any->threads};
    const char *reason = "there is no such algorithm in this library";
    if (all && !convoy_layer_explain(&any->layer, &options, all)) {
        for (size_t i = 0; i < count; i++) {
            bool family = strncmp(all[i].algorithm, result->rung->algorithm,
                                  strlen(result->rung->algorithm)) == 0;
            if (family && all[i].reason) {
                reason = all[i].reason;
                break;
            }
        }
    }
    snprintf(result->reason_text, sizeof result->reason_text, "%s", reason);
    result->reason = result->reason_text;
    snprintf(result->algorithm, sizeof result->algorithm, "%s", result->rung->algorithm);
    free(all);
}

/* Everything that applies, in one layout, on one ISA and number of threads. */
static struct options ladder_options(const struct options *options, const char *problem)
{
    struct options one = *options;
    one.layers = problem;
    one.algorithms = "all";
    one.untold = true; /* rungs tell their own reasons */
    one.layouts = strcmp(options->layouts, "nchw") == 0 ? "nchw" : "nhwc";
    return one;
}

static double rung_seconds(const struct bench_case *c)
{
    return RUNG_SECONDS + c->estimate_seconds;
}

/* As guessed before: a rung each, the families of many algorithms counted as one. */
static double ladder_seconds(const struct selection *selection)
{
    double seconds = 0;
    for (int rung = 0; rung < LADDER_RUNGS; rung++) {
        const char *family = ladder_rungs[rung].algorithm;
        for (size_t i = 0; i < selection->count; i++) {
            const struct bench_case *c = &selection->cases[i];
            if (strncmp(c->algorithm, family, strlen(family)) == 0) {
                seconds += rung_seconds(c);
                break;
            }
        }
    }
    return seconds;
}

convoy_status ladder_measure(const struct options *options, const char *problem,
                             const struct limits *limits, struct rung_result *results)
{
    static struct runner runner;
    struct options one = ladder_options(options, problem);
    struct selection selection;
    convoy_status status = select_cases(&one, &selection);
    if (status) {
        return status;
    }
    runner_begin(&runner, limits, &one);
    progress_begin(&runner.progress, LADDER_RUNGS, ladder_seconds(&selection), options->quiet);
    for (int i = 0; !status && i < LADDER_RUNGS; i++) {
        results[i] = (struct rung_result){.rung = &ladder_rungs[i]};
        progress_step(&runner.progress, ladder_rungs[i].algorithm);
        const struct bench_case *c = choose(&runner, &selection, &ladder_rungs[i]);
        if (c) {
            status = measure(&runner, c, &results[i]);
        } else {
            find_reason(&selection.cases[0], &results[i]);
        }
        progress_done(&runner.progress, c ? rung_seconds(c) : 0);
    }
    progress_hide(&runner.progress);
    runner_end(&runner);
    selection_destroy(&selection);
    return status;
}

static void print_rung(const struct rung_result *result, double below)
{
    char time[16];
    if (result->reason) {
        printf("%-22s left out: %.90s\n\n", result->algorithm, result->reason);
        return;
    }
    printf("%-22s%10s", result->algorithm, time_text(result->seconds, time));
    if (below > 0) {
        printf("%9.2f x", below / result->seconds);
    } else {
        printf("%11s", "");
    }
    printf("%10.2f%10.1f%10.2f%10.1e\n", result->flops / result->seconds / 1e9,
           100 * result->peak_fraction, result->executed / result->flops, result->error);
    printf("    %s\n    %s\n\n", result->rung->changed, result->rung->faster);
}

convoy_status ladder_print(const struct options *options)
{
    static struct limits limits;
    struct rung_result results[LADDER_RUNGS];
    struct options one = ladder_options(options, options->ladder);
    struct selection selection;
    convoy_status status = select_cases(&one, &selection);
    if (status) {
        return status;
    }
    for (size_t i = 0; i < selection.count; i++) {
        limits_want(&limits, selection.cases[i].isa, selection.cases[i].threads);
    }
    limits_measure(&limits);
    context_print(stdout, &limits, &one);
    const struct named_layer *layer = &selection.layers.layers[0];
    const struct bench_case *first = &selection.cases[0];
    printf("the ladder, on %s, %d thread%s, %s:", convoy_isa_name(first->isa), first->threads,
           first->threads > 1 ? "s" : "", convoy_layout_name(first->layer.layout));
    table_print_layer(stdout, layer->name, &layer->layer);
    printf("\n%-22s%10s%11s%10s%10s%10s%10s\n", "algorithm", "median", "to below", "GFLOP/s",
           "% of peak", "executed", "error/rms");
    status = ladder_measure(options, options->ladder, &limits, results);
    double below = 0;
    for (int i = 0; !status && i < LADDER_RUNGS; i++) {
        print_rung(&results[i], below);
        below = results[i].reason ? below : results[i].seconds;
    }
    if (!status) {
        puts("GFLOP/s and % of peak are effective: the layer's operations over the time.\n"
             "executed: operations that the algorithm does / operations of the layer.");
    }
    selection_destroy(&selection);
    return status;
}
