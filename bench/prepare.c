/**
 * @file prepare.c
 * Everything of a case that is not timed: data, plan, copies for the cold modes, oracle.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/run.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/layer_checked.h"
#include "core/memory.h"

#define X_SEED       1
#define FILTER_SEED  2
#define CREATE_TRIES 3
#define COPIES_MAX   100000

static void data_destroy(struct layer_data *data)
{
    convoy_tensor_destroy(&data->x);
    memory_free(data->filter);
    oracle_destroy(&data->oracle);
    *data = (struct layer_data){0};
}

static bool same_layer(const convoy_layer *a, const convoy_layer *b)
{
    char a_text[CONVOY_PROBLEM_SIZE], b_text[CONVOY_PROBLEM_SIZE];
    convoy_layer_print(a, a_text, sizeof a_text);
    convoy_layer_print(b, b_text, sizeof b_text);
    return a->layout == b->layout && strcmp(a_text, b_text) == 0;
}

static convoy_status data_prepare(struct layer_data *data, const convoy_layer *layer)
{
    if (data->ready && same_layer(&data->layer, layer)) {
        return CONVOY_OK;
    }
    data_destroy(data);
    data->layer = *layer;
    int64_t Cg = layer_Cg(layer);
    size_t bytes;
    convoy_tensor view;
    void *filter = NULL;
    convoy_status status;
    if ((status = convoy_tensor_bytes(CONVOY_FLOAT32, layer->K, Cg, layer->R, layer->S, &bytes)) ||
        (status = memory_allocate(bytes, "a filter", &filter))) {
        return status;
    }
    data->filter = filter;
    if ((status = convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NCHW, layer->K, Cg, layer->R, layer->S,
                                     filter, &view)) ||
        (status = convoy_tensor_fill_uniform(&view, FILTER_SEED, -1, 1)) ||
        (status = convoy_tensor_create(CONVOY_FLOAT32, layer->layout, layer->N, layer->C, layer->H,
                                       layer->W, &data->x)) ||
        (status = convoy_tensor_fill_uniform(&data->x, X_SEED, -1, 1)) ||
        (status = oracle_create(layer, data->filter, &data->x, 0, &data->oracle))) {
        data_destroy(data);
        return status;
    }
    data->bound_scale = oracle_bound_scale(&data->oracle, layer, data->filter, &data->x);
    data->ready = true;
    return CONVOY_OK;
}

static void prepared_destroy(struct prepared *prepared)
{
    for (size_t i = 0; i < prepared->plan_copies; i++) {
        convoy_plan_destroy(prepared->plans[i]);
    }
    for (size_t i = 0; i < prepared->x_copies; i++) {
        convoy_tensor_destroy(&prepared->x[i]);
        convoy_tensor_destroy(&prepared->y[i]);
    }
    free(prepared->plans);
    free(prepared->x);
    free(prepared->y);
    convoy_workspace_destroy(prepared->workspace);
    *prepared = (struct prepared){0};
}

/* How many copies of so many bytes leave nothing of the first in a cache when it comes again. */
static size_t copies_needed(double cold_bytes, double bytes)
{
    return (size_t)ceil(cold_bytes / bytes) + 1;
}

static convoy_status count_copies(const struct runner *runner, const struct bench_case *c,
                                  size_t *plans, size_t *tensors)
{
    double cold = runner->limits->cold_bytes;
    double packed = (double)runner->prepared.description.packed_bytes;
    *plans = *tensors = 1;
    if (runner->cache == CACHE_COLD) {
        double bytes = packed + (double)(c->counts.bytes_input + c->counts.bytes_output);
        *plans = *tensors = copies_needed(cold, bytes);
    } else if (runner->cache == CACHE_COLD_WEIGHTS) {
        if (packed == 0) {
            return fail(CONVOY_ERROR_UNSUPPORTED, "the plan keeps no weights of its own");
        }
        *plans = copies_needed(cold, packed);
    }
    if (*plans > COPIES_MAX) {
        return fail(CONVOY_ERROR_UNSUPPORTED,
                    "the layer is so small that the caches hold %zu copies of it: it cannot be "
                    "run cold",
                    *plans);
    }
    double need = (double)*plans * packed +
                  (double)*tensors * (double)(c->counts.bytes_input + c->counts.bytes_output);
    if (need > 0.8 * (double)memory_physical_bytes()) {
        return fail(CONVOY_ERROR_TOO_LARGE, "%.1f GiB of buffers: more than the machine has",
                    need / 0x1p30);
    }
    return CONVOY_OK;
}

static convoy_status create_plan(const struct runner *runner, const struct bench_case *c,
                                 convoy_plan **plan)
{
    convoy_options options = {.algorithm = c->algorithm, .isa = c->isa, .threads = c->threads};
    convoy_weights weights = {runner->data.filter, NULL};
    return convoy_plan_create(&c->layer, &weights, &options, plan);
}

/* The least time of a few creations; the last plan is kept. */
static convoy_status create_timed(struct runner *runner, const struct bench_case *c,
                                  convoy_plan **plan)
{
    struct prepared *prepared = &runner->prepared;
    double started = clock_seconds();
    for (int i = 0; i < CREATE_TRIES; i++) {
        double start = clock_seconds();
        convoy_plan *made;
        convoy_status status = create_plan(runner, c, &made);
        double seconds = clock_seconds() - start;
        if (status) {
            return status;
        }
        convoy_plan_destroy(*plan);
        *plan = made;
        if (i == 0 || seconds < prepared->create_seconds) {
            prepared->create_seconds = seconds;
        }
        if (clock_seconds() - started > 0.2) {
            break;
        }
    }
    return CONVOY_OK;
}

static convoy_status create_tensors(struct runner *runner, const struct bench_case *c,
                                    size_t copies)
{
    struct prepared *prepared = &runner->prepared;
    prepared->x = calloc(copies, sizeof *prepared->x);
    prepared->y = calloc(copies, sizeof *prepared->y);
    if (!prepared->x || !prepared->y) {
        return fail(CONVOY_ERROR_MEMORY, "no memory for %zu copies", copies);
    }
    const convoy_layer *l = &c->layer;
    for (size_t i = 0; i < copies; i++) {
        convoy_tensor *x = &prepared->x[i], *y = &prepared->y[i];
        prepared->x_copies++;
        convoy_status status;
        /* NaN everywhere: an output that is never written shows. */
        if ((status = convoy_tensor_create(CONVOY_FLOAT32, l->layout, l->N, l->C, l->H, l->W, x)) ||
            (status = convoy_tensor_copy(&runner->data.x, x)) ||
            (status = convoy_tensor_create(CONVOY_FLOAT32, l->layout, l->N, l->K, layer_P(l),
                                           layer_Q(l), y)) ||
            (status = convoy_tensor_fill_value(y, NAN))) {
            return status;
        }
    }
    return CONVOY_OK;
}

static convoy_status prepare_case(struct runner *runner, const struct bench_case *c)
{
    struct prepared *prepared = &runner->prepared;
    convoy_plan *plan = NULL;
    size_t plans, tensors;
    convoy_status status = create_timed(runner, c, &plan);
    if (status || (status = convoy_plan_describe(plan, &prepared->description)) ||
        (status = count_copies(runner, c, &plans, &tensors))) {
        convoy_plan_destroy(plan);
        return status;
    }
    prepared->plans = calloc(plans, sizeof *prepared->plans);
    if (!prepared->plans) {
        convoy_plan_destroy(plan);
        return fail(CONVOY_ERROR_MEMORY, "no memory for %zu plans", plans);
    }
    prepared->plans[prepared->plan_copies++] = plan;
    while (!status && prepared->plan_copies < plans) {
        status = create_plan(runner, c, &prepared->plans[prepared->plan_copies]);
        prepared->plan_copies += !status;
    }
    if (status || (status = create_tensors(runner, c, tensors))) {
        return status;
    }
    size_t bytes = convoy_plan_workspace_bytes(plan);
    status = convoy_workspace_create(bytes, &prepared->workspace);
    if (!status && bytes) {
        memset(prepared->workspace, 0xff, bytes); /* NaN, and the pages are there */
    }
    return status;
}

convoy_status runner_prepare(struct runner *runner, const struct bench_case *c)
{
    if (runner->prepared.of == c) {
        return CONVOY_OK;
    }
    prepared_destroy(&runner->prepared);
    convoy_status status = data_prepare(&runner->data, &c->layer);
    if (!status) {
        status = prepare_case(runner, c);
    }
    if (status) {
        prepared_destroy(&runner->prepared);
        return status;
    }
    runner->prepared.of = c;
    return CONVOY_OK;
}

convoy_status runner_call(const struct prepared *prepared, size_t turn)
{
    size_t tensor = turn % prepared->x_copies;
    return convoy_plan_execute(prepared->plans[turn % prepared->plan_copies], &prepared->x[tensor],
                               &prepared->y[tensor], prepared->workspace);
}

void runner_compare(struct runner *runner)
{
    struct prepared *prepared = &runner->prepared;
    struct oracle_error error;
    oracle_compare(&runner->data.oracle, &prepared->y[0], &error);
    /* The worst of all runs is kept: a later one must not heal an earlier. */
    bool worse = error.unwritten || !prepared->compared ||
                 error.relative_to_rms > prepared->error.relative_to_rms;
    if (worse) {
        prepared->error = error;
    }
    prepared->compared = true;
}

void runner_begin(struct runner *runner, const struct limits *limits, const struct options *options)
{
    *runner = (struct runner){.limits = limits,
                              .cache = options->cache,
                              .check = options->check,
                              .stages = options->stages};
}

void runner_end(struct runner *runner)
{
    prepared_destroy(&runner->prepared);
    data_destroy(&runner->data);
    free(runner->contexts);
    runner->contexts = NULL;
}
