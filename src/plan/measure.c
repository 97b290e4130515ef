/**
 * @file measure.c
 * Candidates are executed in turns, round by round, so that whatever else the machine does meets
 * all of them alike. Each counts by the least of its times: what disturbs an execution only adds to
 * it. One that is clearly slower than the leader leaves; of those that cannot be told apart after
 * many rounds any will do.
 */
#include "plan/measure.h"

#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/layer_checked.h"
#include "core/memory.h"
#include "plan/algorithms.h"
#include "plan/forked.h"
#include "plan/weights.h"

#define LIMIT_SECONDS_DEFAULT 1.0
#define ROUNDS_MAX            41
/* A sample is so many executions that reading the clock does not show in it. */
#define SAMPLE_SECONDS    100e-6
#define SAMPLE_EXECUTIONS 200
/* From so many samples on, a candidate leaves that takes so many times as long as the leader. */
#define FEW_SAMPLES  3
#define CLEARLY_FEW  1.25
#define MANY_SAMPLES 9
#define CLEARLY_MANY 1.05

struct candidate {
    struct convoy_plan plan; /* with packed weights */
    void *workspace;         /* owned */
    bool live;
    size_t samples;
    double seconds;          /* of one execution, the least of the samples */
    double creation_seconds; /* its share for each execution */
};

struct contest {
    const struct request *request;
    convoy_tensor x, residual, y; /* owned */
    struct candidate *candidates; /* MEASURED_MAX; owned */
    size_t count, live;
    double started, limit_s;
};

/* Put a plan among the candidates, those that cost less before it, if it is one of the first. */
static void insert_candidate(struct contest *contest, const struct convoy_plan *plan)
{
    struct candidate *candidates = contest->candidates;
    size_t at = contest->count;
    while (at > 0 && candidates[at - 1].plan.cost > plan->cost) {
        at--;
    }
    if (at == MEASURED_MAX) {
        return;
    }
    contest->count += contest->count < MEASURED_MAX;
    memmove(candidates + at + 1, candidates + at, (contest->count - at - 1) * sizeof *candidates);
    candidates[at] = (struct candidate){.plan = *plan, .live = true};
}

/* The promising plans, the best prediction first; at least one. */
static convoy_status find_candidates(struct contest *contest)
{
    struct convoy_plan best, plan;
    char reason[sizeof plan.why];
    convoy_status status = request_choose(contest->request, &best);
    if (status) {
        return status;
    }
    const struct algorithm *forced = contest->request->forced;
    for (size_t i = 0; algorithms[i]; i++) {
        if ((!forced || forced == algorithms[i]) &&
            request_try(contest->request, algorithms[i], &plan, reason) == CONVOY_OK &&
            plan.cost <= MEASURED_WITHIN * best.cost) {
            insert_candidate(contest, &plan);
        }
    }
    contest->live = contest->count;
    return CONVOY_OK;
}

static convoy_status make_tensors(struct contest *contest)
{
    const convoy_layer *layer = contest->request->layer;
    int64_t P = layer_P(layer), Q = layer_Q(layer);
    convoy_status status = convoy_tensor_create(CONVOY_FLOAT32, layer->layout, layer->N, layer->C,
                                                layer->H, layer->W, &contest->x);
    status = status ? status
                    : convoy_tensor_create(CONVOY_FLOAT32, layer->layout, layer->N, layer->K, P, Q,
                                           &contest->y);
    if (!status && layer->epilogue.residual) {
        status = convoy_tensor_create(CONVOY_FLOAT32, layer->layout, layer->N, layer->K, P, Q,
                                      &contest->residual);
    }
    return status ? status : convoy_tensor_fill_uniform(&contest->x, 1, -1, 1);
}

/* Weights and workspaces of all, while the memory lasts; those that find no room are dropped, but
   not the first. */
static convoy_status make_room(struct contest *contest, const convoy_weights *weights)
{
    size_t made = 0;
    double executions = (double)contest->request->options.executions;
    struct error_detail kept;
    convoy_status status = CONVOY_OK;
    error_keep(&kept);
    for (; made < contest->count && !status; made += !status) {
        struct candidate *candidate = &contest->candidates[made];
        double started = clock_seconds();
        status = weights_pack(&candidate->plan, weights);
        candidate->creation_seconds = executions > 0 ? (clock_seconds() - started) / executions : 0;
        status = status ? status
                        : memory_allocate(candidate->plan.workspace_bytes, "the workspace",
                                          &candidate->workspace);
        if (status) {
            weights_release(&candidate->plan);
        }
    }
    contest->count = contest->live = made;
    if (made == 0) {
        return status;
    }
    error_restore(&kept);
    return CONVOY_OK;
}

static bool time_is_over(const struct contest *contest)
{
    return clock_seconds() - contest->started >= contest->limit_s;
}

static double execute(const struct contest *contest, const struct candidate *candidate, int times)
{
    const struct operands operands = {.x = &contest->x,
                                      .residual =
                                          contest->residual.data ? &contest->residual : NULL,
                                      .y = &contest->y,
                                      .workspace = candidate->workspace};
    double started = clock_seconds();
    for (int i = 0; i < times; i++) {
        int entered = forked_enter(candidate->plan.threads);
        candidate->plan.algorithm->execute(&candidate->plan, &operands);
        forked_leave(entered);
    }
    return (clock_seconds() - started) / times;
}

static void tell_progress(const struct contest *contest, const struct candidate *candidate)
{
    const convoy_options *options = &contest->request->options;
    if (options->progress) {
        options->progress(options->progress_data, candidate->plan.algorithm->name,
                          clock_seconds() - contest->started, contest->limit_s);
    }
}

/* One sample of each live candidate; the first of all in any case. */
static void run_round(struct contest *contest)
{
    for (size_t i = 0; i < contest->count; i++) {
        struct candidate *candidate = &contest->candidates[i];
        bool must = i == 0 && candidate->samples == 0;
        int times = 1;
        if (!candidate->live || (time_is_over(contest) && !must)) {
            continue;
        }
        if (candidate->samples > 0 && candidate->seconds < SAMPLE_SECONDS) {
            times += (int)(SAMPLE_SECONDS / (candidate->seconds + 1e-9));
            times = times < SAMPLE_EXECUTIONS ? times : SAMPLE_EXECUTIONS;
        }
        tell_progress(contest, candidate);
        double seconds = execute(contest, candidate, times);
        if (candidate->samples++ == 0 || seconds < candidate->seconds) {
            candidate->seconds = seconds;
        }
    }
}

static double total_of(const struct candidate *candidate)
{
    return candidate->seconds + candidate->creation_seconds;
}

static const struct candidate *find_leader(const struct contest *contest)
{
    const struct candidate *leader = &contest->candidates[0];
    for (size_t i = 1; i < contest->count; i++) {
        const struct candidate *candidate = &contest->candidates[i];
        if (candidate->samples > 0 && total_of(candidate) < total_of(leader)) {
            leader = candidate;
        }
    }
    return leader;
}

static void drop_the_slow(struct contest *contest)
{
    const struct candidate *leader = find_leader(contest);
    for (size_t i = 0; i < contest->count; i++) {
        struct candidate *candidate = &contest->candidates[i];
        double ratio = total_of(candidate) / total_of(leader);
        if (candidate->live && ((candidate->samples >= FEW_SAMPLES && ratio > CLEARLY_FEW) ||
                                (candidate->samples >= MANY_SAMPLES && ratio > CLEARLY_MANY))) {
            candidate->live = false;
            contest->live--;
        }
    }
}

static void compete(struct contest *contest)
{
    size_t rounds = contest->count > 1 ? ROUNDS_MAX : MANY_SAMPLES;
    for (size_t i = 0; i < rounds && (i == 0 || !time_is_over(contest)); i++) {
        run_round(contest);
        drop_the_slow(contest);
        if (contest->count > 1 && contest->live == 1) {
            break;
        }
    }
}

double measured_cost(const struct measured *measured)
{
    return measured->seconds + measured->creation_seconds;
}

static int by_cost_measured(const void *a, const void *b)
{
    const struct measured *first = a, *second = b;
    /* What was not measured comes last. */
    if (first->seconds == 0 || second->seconds == 0) {
        return (first->seconds == 0) - (second->seconds == 0);
    }
    double left = measured_cost(first), right = measured_cost(second);
    return (left > right) - (left < right);
}

static void write_results(const struct contest *contest, struct measurement *measurement)
{
    *measurement = (struct measurement){.count = contest->count};
    for (size_t i = 0; i < contest->count; i++) {
        const struct candidate *candidate = &contest->candidates[i];
        measurement->rows[i] = (struct measured){candidate->plan.algorithm, candidate->seconds,
                                                 candidate->creation_seconds};
    }
    qsort(measurement->rows, measurement->count, sizeof measurement->rows[0], by_cost_measured);
}

/* Memory for `weights` where the caller has none. */
static convoy_status random_weights(const convoy_layer *layer, convoy_tensor *filter,
                                    convoy_weights *weights)
{
    convoy_status status = convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, layer->K,
                                                layer_Cg(layer), layer->R, layer->S, filter);
    weights->filter = filter->data;
    return status ? status : convoy_tensor_fill_uniform(filter, 1, -1, 1);
}

static void destroy(struct contest *contest)
{
    for (size_t i = 0; i < contest->count && contest->candidates; i++) {
        weights_release(&contest->candidates[i].plan);
        memory_free(contest->candidates[i].workspace);
    }
    memory_free(contest->candidates);
    convoy_tensor_destroy(&contest->x);
    convoy_tensor_destroy(&contest->residual);
    convoy_tensor_destroy(&contest->y);
}

convoy_status request_measure(const struct request *request, const convoy_weights *weights,
                              struct measurement *measurement)
{
    double limit = request->options.time_limit_s;
    struct contest contest = {.request = request,
                              .limit_s = limit > 0 ? limit : LIMIT_SECONDS_DEFAULT};
    convoy_tensor filter = {.data = NULL};
    convoy_weights given = weights ? *weights : (convoy_weights){NULL, NULL};
    void *memory = NULL;
    convoy_status status =
        memory_allocate(MEASURED_MAX * sizeof(struct candidate), "measuring", &memory);
    contest.candidates = memory;
    status = status ? status : find_candidates(&contest);
    status = status ? status : make_tensors(&contest);
    if (!status && !weights) {
        status = random_weights(request->layer, &filter, &given);
    }
    status = status ? status : make_room(&contest, &given);
    if (!status) {
        contest.started = clock_seconds();
        compete(&contest);
        write_results(&contest, measurement);
    }
    destroy(&contest);
    convoy_tensor_destroy(&filter);
    return status;
}

const struct measured *measurement_find(const struct measurement *measurement,
                                        const struct algorithm *algorithm)
{
    for (size_t i = 0; i < measurement->count; i++) {
        if (measurement->rows[i].algorithm == algorithm && measurement->rows[i].seconds > 0) {
            return &measurement->rows[i];
        }
    }
    return NULL;
}
