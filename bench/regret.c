/**
 * @file regret.c
 * The planner's choice against the best.
 */
#include "bench/regret.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/context.h"
#include "bench/run.h"
#include "bench/table.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/layer_checked.h"
#include "core/memory.h"

/* Algorithms predicted to take longer than so many times the chosen one are not timed. */
#define CANDIDATE_COST 4.0
/* A candidate that took so many times the best of the first rounds is not timed further. */
#define HOPELESS      1.6
#define FIRST_ROUNDS  3
#define ROUNDS_LEAST  7
#define ROUND_SECONDS 1e-3 /* of one candidate, at least, in one round */
#define GROUP_SECONDS 0.12 /* of all rounds of a group, unless ROUNDS_LEAST take longer */
#define GROUP_MOST    3.0  /* ... but no more rounds than the first after so many seconds */
/* Within so much of the best, a choice is good. */
#define GOOD 1.05

#define CANDIDATES_MAX 128

struct candidate {
    const struct bench_case *c;
    convoy_plan *plan;
    int threads;
    double predicted; /* of the algorithm, on the threads that the planner gives it */
    double seconds;   /* the least so far */
    bool chosen;
};

/* The algorithms of one layer, ISA, layout and number of threads, and what they run on. */
struct group {
    struct candidate candidates[CANDIDATES_MAX];
    size_t count;
    float *filter;
    convoy_tensor x, y;
    void *workspace;
};

/* What the summary needs. */
struct totals {
    size_t groups, good;
    double worst, log_regret, log_prediction, prediction_error;
    char worst_name[96];
};

static void group_end(struct group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        convoy_plan_destroy(group->candidates[i].plan);
    }
    memory_free(group->filter);
    convoy_tensor_destroy(&group->x);
    convoy_tensor_destroy(&group->y);
    convoy_workspace_destroy(group->workspace);
}

static convoy_status create_operands(const convoy_layer *l, struct group *group)
{
    const int64_t Cg = layer_Cg(l);
    size_t bytes = (size_t)(l->K * Cg * l->R * l->S) * sizeof(float);
    convoy_tensor filter;
    void *memory = NULL;
    convoy_status status = memory_allocate(bytes, "a filter", &memory);
    if (status) {
        return status;
    }
    group->filter = memory;
    if ((status = convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NCHW, l->K, Cg, l->R, l->S, memory,
                                     &filter)) ||
        (status = convoy_tensor_fill_uniform(&filter, 1, -1, 1)) ||
        (status =
             convoy_tensor_create(CONVOY_FLOAT32, l->layout, l->N, l->C, l->H, l->W, &group->x)) ||
        (status = convoy_tensor_fill_uniform(&group->x, 2, -1, 1))) {
        return status;
    }
    return convoy_tensor_create(CONVOY_FLOAT32, l->layout, l->N, l->K, layer_P(l), layer_Q(l),
                                &group->y);
}

/* Plans on so many threads are made as they would be by name; auto's is one of them. */
static convoy_status add_candidate(struct group *group, const struct bench_case *c,
                                   const convoy_description *description, int threads)
{
    const convoy_weights weights = {group->filter, NULL};
    const convoy_options options = {
        .algorithm = description->algorithm, .isa = c->isa, .threads = threads};
    struct candidate *candidate = &group->candidates[group->count];
    *candidate = (struct candidate){
        .c = c,
        .threads = threads,
        .predicted = description->predicted.seconds,
        .seconds = INFINITY,
        .chosen = description->chosen && threads == description->threads,
    };
    convoy_status status = convoy_plan_create(&c->layer, &weights, &options, &candidate->plan);
    group->count += !status;
    return status;
}

static const convoy_description *find_description(const convoy_description *descriptions,
                                                  const char *algorithm)
{
    size_t i = 0;
    while (strcmp(descriptions[i].algorithm, algorithm) != 0) {
        i++;
    }
    return &descriptions[i];
}

/* Plans of the cases that the planner may choose and that are worth timing, on all threads and on
   each number of them that it considers. */
static convoy_status create_plans(const struct bench_case *cases, size_t count,
                                  const convoy_calibration *calibration, struct group *group)
{
    static convoy_description descriptions[CANDIDATES_MAX];
    const convoy_options options = {
        .isa = cases[0].isa, .threads = cases[0].threads, .calibration = calibration};
    size_t workspace_bytes = 0;
    double least = INFINITY;
    convoy_status status = convoy_layer_explain(&cases[0].layer, &options, descriptions);
    for (size_t i = 0; i < convoy_algorithm_count() && !status; i++) {
        const convoy_description *description = &descriptions[i];
        least = description->eligible ? fmin(least, description->predicted.seconds) : least;
    }
    for (size_t i = 0; i < count && !status; i++) {
        const convoy_description *description =
            find_description(descriptions, cases[i].plan.algorithm);
        if (!description->eligible || description->predicted.seconds > CANDIDATE_COST * least) {
            continue;
        }
        for (int threads = cases[0].threads; threads >= 1 && !status; threads /= 2) {
            status = group->count < CANDIDATES_MAX
                         ? add_candidate(group, &cases[i], description, threads)
                         : CONVOY_OK;
        }
    }
    for (size_t i = 0; i < group->count; i++) {
        size_t bytes = convoy_plan_workspace_bytes(group->candidates[i].plan);
        workspace_bytes = bytes > workspace_bytes ? bytes : workspace_bytes;
    }
    return status ? status : convoy_workspace_create(workspace_bytes, &group->workspace);
}

static convoy_status time_candidate(struct group *group, struct candidate *candidate)
{
    double last = candidate->seconds;
    int64_t calls = isfinite(last) ? (int64_t)(ROUND_SECONDS / fmax(last, 1e-7)) + 1 : 1;
    double start = clock_seconds();
    for (int64_t i = 0; i < calls; i++) {
        convoy_status status =
            convoy_plan_execute(candidate->plan, &group->x, &group->y, group->workspace);
        if (status) {
            return status;
        }
    }
    candidate->seconds = fmin(last, (clock_seconds() - start) / (double)calls);
    return CONVOY_OK;
}

static const struct candidate *best_of(const struct group *group)
{
    const struct candidate *best = &group->candidates[0];
    for (size_t i = 1; i < group->count; i++) {
        best = group->candidates[i].seconds < best->seconds ? &group->candidates[i] : best;
    }
    return best;
}

static bool is_wanted(int round, double seconds)
{
    return round < FIRST_ROUNDS || (round < ROUNDS_LEAST && seconds < GROUP_MOST) ||
           seconds < GROUP_SECONDS;
}

/* In turns, so that what disturbs one disturbs all. */
static convoy_status time_group(struct group *group)
{
    double start = clock_seconds();
    for (int round = 0; is_wanted(round, clock_seconds() - start); round++) {
        double hopeless = HOPELESS * best_of(group)->seconds;
        for (size_t i = 0; i < group->count; i++) {
            struct candidate *candidate = &group->candidates[i];
            if (round >= FIRST_ROUNDS && candidate->seconds > hopeless && !candidate->chosen) {
                continue;
            }
            convoy_status status = time_candidate(group, candidate);
            if (status || interrupted()) {
                return status;
            }
        }
    }
    return CONVOY_OK;
}

static void print_all(const struct group *group)
{
    char problem[CONVOY_PROBLEM_SIZE];
    for (size_t i = 0; i < group->count; i++) {
        const struct candidate *candidate = &group->candidates[i];
        const struct bench_case *c = candidate->c;
        convoy_layer_print(&c->layer, problem, sizeof problem);
        printf("%s\t%s\t%s\t%s\t%d\t%s\t%d\t%.4g\t%.4g\t%d\n", c->layer_name, problem,
               convoy_isa_name(c->isa), convoy_layout_name(c->layer.layout), c->threads,
               c->plan.algorithm, candidate->threads, candidate->predicted, candidate->seconds,
               candidate->chosen);
    }
    fflush(stdout);
}

static void report_group(const struct group *group, bool full, struct totals *totals)
{
    const struct candidate *chosen = NULL, *best = best_of(group);
    for (size_t i = 0; i < group->count; i++) {
        chosen = group->candidates[i].chosen ? &group->candidates[i] : chosen;
    }
    if (!chosen) {
        fprintf(stderr, "left out: %s: --benchmark_filter leaves out what auto chooses\n",
                best->c->name);
        return;
    }
    double regret = chosen->seconds / best->seconds;
    double prediction = chosen->predicted / chosen->seconds;
    const struct bench_case *c = chosen->c;
    totals->groups++;
    totals->good += regret <= GOOD;
    totals->log_regret += log(regret);
    totals->log_prediction += log(prediction);
    totals->prediction_error += fabs(log(prediction));
    if (regret > totals->worst) {
        totals->worst = regret;
        snprintf(totals->worst_name, sizeof totals->worst_name, "%s %s, %d thread%s", c->layer_name,
                 convoy_layout_name(c->layer.layout), c->threads, c->threads == 1 ? "" : "s");
    }
    if (full) {
        print_all(group);
        return;
    }
    char chosen_text[16], best_text[16], predicted_text[16];
    printf("%-25.25s %-5s%2d %-19s%2d%9s%9s  %-19s%2d%9s%7.2f%s\n", c->layer_name,
           convoy_layout_name(c->layer.layout), c->threads, c->plan.algorithm, chosen->threads,
           time_text(chosen->predicted, predicted_text), time_text(chosen->seconds, chosen_text),
           best->c->plan.algorithm, best->threads, time_text(best->seconds, best_text), regret,
           regret > GOOD ? " <" : "");
    fflush(stdout);
}

static convoy_status run_group(const struct bench_case *cases, size_t count,
                               const convoy_calibration *calibration, bool full,
                               struct totals *totals)
{
    static struct group group;
    group = (struct group){0};
    convoy_status status = create_operands(&cases[0].layer, &group);
    if (!status && !(status = create_plans(cases, count, calibration, &group)) &&
        !(status = time_group(&group)) && !interrupted()) {
        report_group(&group, full, totals);
    }
    group_end(&group);
    return status;
}

/* How many cases from the first on differ in their algorithm only. */
static size_t group_length(const struct selection *selection, size_t first)
{
    const struct bench_case *a = &selection->cases[first];
    size_t length = 1;
    for (; first + length < selection->count; length++) {
        const struct bench_case *b = &selection->cases[first + length];
        if (a->layer_index != b->layer_index || a->layer.layout != b->layer.layout ||
            a->isa != b->isa || a->threads != b->threads) {
            break;
        }
    }
    return length;
}

static void print_summary(const struct totals *totals)
{
    double n = (double)totals->groups;
    printf(
        "%zu choices: %.1f %% within %.0f %% of the best; geometric mean %.3f of the best, worst "
        "%.2f (%s)\npredicted / measured: geometric mean %.2f, off by a factor of %.2f on "
        "average\n",
        totals->groups, 100.0 * (double)totals->good / n, 100.0 * (GOOD - 1.0),
        exp(totals->log_regret / n), totals->worst, totals->worst_name,
        exp(totals->log_prediction / n), exp(totals->prediction_error / n));
}

/* What the predictions are made of, and the head. */
static convoy_status begin(const struct options *options, const struct selection *selection,
                           convoy_calibration **calibration)
{
    static struct limits limits;
    int threads = 1;
    for (size_t i = 0; i < selection->count; i++) {
        const struct bench_case *c = &selection->cases[i];
        limits_want(&limits, c->isa, c->threads);
        threads = c->threads > threads ? c->threads : threads;
    }
    limits_measure(&limits);
    if (options->full) {
        puts("layer\tproblem\tisa\tlayout\tthreads\talgorithm\ton\tpredicted\tmeasured\tchosen");
    } else {
        context_print(stdout, &limits, options);
        printf("%-25s %-5s%2s %-19s%2s%9s%9s  %-19s%2s%9s%7s\n", "layer", "data", "t", "chosen",
               "on", "predicted", "measured", "best", "on", "measured", "ratio");
    }
    return convoy_calibration_measure(threads, calibration);
}

static convoy_status run_all(const struct options *options, const struct selection *selection)
{
    static struct totals totals;
    struct progress progress;
    convoy_calibration *calibration = NULL;
    convoy_status status = begin(options, selection, &calibration);
    progress_begin(&progress, selection->count, 0.06 * (double)selection->count, options->quiet);
    for (size_t i = 0, length; !status && i < selection->count && !interrupted(); i += length) {
        length = group_length(selection, i);
        progress_step(&progress, selection->cases[i].layer_name);
        progress_hide(&progress);
        status = run_group(&selection->cases[i], length, calibration, options->full, &totals);
        for (size_t j = 0; j < length; j++) {
            progress_done(&progress, 0.06);
        }
    }
    progress_hide(&progress);
    if (!status && totals.groups > 0 && !options->full) {
        print_summary(&totals);
    }
    convoy_calibration_destroy(calibration);
    return status;
}

convoy_status regret_print(const struct options *options)
{
    static struct selection selection;
    struct options all = *options;
    all.algorithms = "all";
    all.untold = true;
    convoy_status status = select_cases(&all, &selection);
    if (!status) {
        status = run_all(options, &selection);
    }
    selection_destroy(&selection);
    return status;
}
