/**
 * @file choose.c
 * The rule of choice: of the algorithms that apply and keep tolerance, limits and memory, the one
 * with the least cost (see cost.h), each on as many of the threads as pay. Layers whose filter has
 * an infinity or a NaN get an algorithm that multiplies real input with it and nothing else,
 * because 0 * infinity is a NaN.
 */
#include "plan/choose.h"

#include <math.h>
#include <stdio.h>

#include "core/arithmetic.h"
#include "core/error.h"
#include "core/layer_checked.h"
#include "core/memory.h"
#include "plan/algorithms.h"
#include "plan/reasons.h"

/* Typical errors that the tolerances admit of algorithms that transform their operands. */
#define DEFAULT_TYPICAL 5e-5
#define FAST_TYPICAL    1e-3

/* Kernels read whole vectors of at most 16 biases. Those of a group begin anywhere. */
static size_t bias_bytes(const convoy_layer *layer)
{
    int64_t last = layer->groups > 1 ? layer->K - 1 : (layer->K - 1) / 16 * 16;
    return (size_t)round_up(last + 16, 16) * sizeof(float);
}

/* Set the parts of a plan that no algorithm decides, then let the algorithm do its own. */
static void prepare_on(const struct request *request, const struct algorithm *algorithm,
                       int threads, struct convoy_plan *plan)
{
    const convoy_layer *layer = request->layer;
    *plan = (struct convoy_plan){
        .layer = *layer,
        .P = layer_P(layer),
        .Q = layer_Q(layer),
        .algorithm = algorithm,
        .kernels = request->kernels,
        .threads = threads,
        .flush_denormals = request->options.denormals == CONVOY_FLUSH_DENORMALS,
        .bias_bytes = request->bias ? bias_bytes(layer) : 0,
    };
    algorithm->prepare(plan);
}

/* On as many threads as pay, with the prediction. */
static void prepare(const struct request *request, const struct algorithm *algorithm,
                    struct convoy_plan *plan)
{
    const convoy_layer *layer = request->layer;
    double executions = (double)request->options.executions;
    const convoy_rates *rates = algorithm->portable ? &request->portable_rates : &request->rates;
    prepare_on(request, algorithm, request->threads, plan);
    int threads = cost_best_threads(plan, rates);
    if (!request->all_threads && threads < request->threads) {
        prepare_on(request, algorithm, threads, plan);
    }
    plan->predicted = cost_predict(plan, rates, plan->threads);
    plan->cost = plan->predicted.seconds;
    plan->cost += executions > 0 ? plan->predicted.creation_seconds / executions : 0;
    plan->error_typical *= expected_largest(layer->N * layer->K * plan->P * plan->Q);
    if (layer->epilogue.activation == CONVOY_LEAKY_RELU) {
        /* A slope above 1 carries the sum's error on, multiplied. */
        plan->error_bound *= fmax(1.0, fabs((double)layer->epilogue.slope));
    }
}

/* Bytes that a plan and one workspace need; SIZE_MAX if they cannot be added. */
static size_t needed_bytes(const struct convoy_plan *plan)
{
    size_t bytes = plan->packed_w_bytes;
    if (__builtin_add_overflow(bytes, plan->workspace_bytes, &bytes) ||
        __builtin_add_overflow(bytes, plan->bias_bytes, &bytes)) {
        return SIZE_MAX;
    }
    return bytes;
}

static convoy_status check_accuracy(const struct request *request, const struct convoy_plan *plan,
                                    char *reason, size_t size)
{
    const convoy_options *options = &request->options;
    if (options->tolerance == CONVOY_TOLERANCE_STRICT && plan->algorithm->transforms) {
        snprintf(reason, size,
                 "it transforms its operands, and a strict tolerance allows plain sums only");
        return CONVOY_ERROR_TOLERANCE;
    }
    double typical = options->tolerance == CONVOY_TOLERANCE_DEFAULT ? DEFAULT_TYPICAL
                     : options->tolerance == CONVOY_TOLERANCE_FAST  ? FAST_TYPICAL
                                                                    : INFINITY;
    if (plan->algorithm->transforms && !request->forced && plan->error_typical > typical) {
        snprintf(reason, size, "its typical error %.2g exceeds the %g that the tolerance admits",
                 plan->error_typical, typical);
        return CONVOY_ERROR_TOLERANCE;
    }
    if (options->tolerance == CONVOY_TOLERANCE_BOUND &&
        !(plan->error_bound <= options->error_bound)) {
        snprintf(reason, size, "its error bound %.3g exceeds the %.3g asked for", plan->error_bound,
                 options->error_bound);
        return CONVOY_ERROR_TOLERANCE;
    }
    return CONVOY_OK;
}

static size_t packed_bytes(const struct convoy_plan *plan)
{
    return plan->packed_w_bytes + plan->bias_bytes;
}

static convoy_status check_limits(const struct request *request, const struct convoy_plan *plan,
                                  char *reason, size_t size)
{
    size_t workspace = request->options.workspace_limit_bytes;
    size_t packed = request->options.packed_limit_bytes;
    if (workspace > 0 && plan->workspace_bytes > workspace) {
        snprintf(reason, size, "its workspace of %zu bytes exceeds the limit of %zu bytes",
                 plan->workspace_bytes, workspace);
        return CONVOY_ERROR_LIMIT;
    }
    if (packed > 0 && packed_bytes(plan) > packed) {
        snprintf(reason, size, "its packed weights of %zu bytes exceed the limit of %zu bytes",
                 packed_bytes(plan), packed);
        return CONVOY_ERROR_LIMIT;
    }
    return CONVOY_OK;
}

/* A filter with an infinity or a NaN. */
static convoy_status check_not_finite(const struct request *request,
                                      const struct algorithm *algorithm, char *reason, size_t size)
{
    bool multiplies_padding = layer_is_padded(request->layer) && !algorithm->skips_padding;
    if (multiplies_padding || algorithm->transforms) {
        snprintf(reason, size, "the filter has an infinity or a NaN, and it %s",
                 algorithm->transforms ? "transforms the filter" : "multiplies padding with it");
        return CONVOY_ERROR_ALGORITHM;
    }
    return CONVOY_OK;
}

convoy_status request_try(const struct request *request, const struct algorithm *algorithm,
                          struct convoy_plan *plan, char *reason)
{
    const size_t size = sizeof plan->why;
    const double MiB = 1024.0 * 1024.0;
    const char *refusal = algorithm->refuse(algorithm, request->layer);
    reason[0] = '\0';
    if (refusal) {
        snprintf(reason, size, "%s", refusal);
        return CONVOY_ERROR_ALGORITHM;
    }
    prepare(request, algorithm, plan);
    convoy_status status = check_accuracy(request, plan, reason, size);
    if (status) {
        return status;
    }
    status = check_limits(request, plan, reason, size);
    if (status) {
        return status;
    }
    uint64_t memory = memory_physical_bytes();
    if (needed_bytes(plan) > memory) {
        snprintf(reason, size,
                 "its packed weights and workspace need %.1f MiB, but the machine has %.1f MiB",
                 (double)needed_bytes(plan) / MiB, (double)memory / MiB);
        return CONVOY_ERROR_TOO_LARGE;
    }
    if (request->weights_not_finite && !request->forced) {
        return check_not_finite(request, algorithm, reason, size);
    }
    return CONVOY_OK;
}

static convoy_status choose_forced(const struct request *request, struct convoy_plan *plan)
{
    char reason[sizeof plan->why];
    convoy_status status = request_try(request, request->forced, plan, reason);
    if (status) {
        return fail(status, "the algorithm %s cannot be used: %s", request->forced->name, reason);
    }
    snprintf(plan->why, sizeof plan->why, "it was asked for by name");
    plan->origin = CONVOY_NAMED;
    return CONVOY_OK;
}

/* The best of what was tried so far. */
struct best {
    struct convoy_plan plan;    /* no algorithm: none yet */
    struct convoy_plan next;    /* the second best */
    struct convoy_plan limited; /* the best of those that only a limit excludes */
    struct frugal {             /* of these the one that needs the least packed weights */
        const char *name;       /* NULL: none */
        size_t packed_bytes, workspace_bytes;
    } frugal;
};

static void keep_better(struct convoy_plan *best, const struct convoy_plan *candidate)
{
    if (!best->algorithm || candidate->cost < best->cost) {
        *best = *candidate;
    }
}

static void keep_two(struct best *best, const struct convoy_plan *candidate)
{
    if (best->plan.algorithm && candidate->cost < best->plan.cost) {
        best->next = best->plan;
        best->plan = *candidate;
    } else {
        keep_better(best->plan.algorithm ? &best->next : &best->plan, candidate);
    }
}

static void keep_frugal(struct frugal *frugal, const struct convoy_plan *candidate)
{
    size_t packed = packed_bytes(candidate);
    if (!frugal->name || packed < frugal->packed_bytes ||
        (packed == frugal->packed_bytes && candidate->workspace_bytes < frugal->workspace_bytes)) {
        *frugal = (struct frugal){candidate->algorithm->name, packed, candidate->workspace_bytes};
    }
}

/* Why the best one was chosen, and what the limits cost. */
static void tell_estimate(const struct best *best, int64_t executions, char *why, size_t size)
{
    const struct convoy_plan *plan = &best->plan, *limited = &best->limited;
    if (limited->algorithm && limited->cost < plan->cost) {
        snprintf(why, size,
                 "it is predicted to be the fastest of those that keep the limits; with a "
                 "workspace of %zu and packed weights of %zu bytes %s would take %.2f of its time",
                 limited->workspace_bytes, packed_bytes(limited), limited->algorithm->name,
                 limited->cost / plan->cost);
    } else if (best->next.algorithm) {
        char reason[200];
        reason_slower(&best->next, plan, executions, reason, sizeof reason);
        snprintf(why, size,
                 "it is predicted to be the fastest of those that apply; %s would take %.2f times "
                 "as long: %s",
                 best->next.algorithm->name, best->next.cost / plan->cost, reason);
    } else {
        snprintf(why, size, "it is predicted to be the fastest of those that apply");
    }
}

convoy_status request_choose(const struct request *request, struct convoy_plan *plan)
{
    char reason[sizeof plan->why], first_reason[sizeof plan->why] = "";
    struct best best = {.plan = {.algorithm = NULL}};
    convoy_status first_status = CONVOY_OK;

    if (request->forced) {
        return choose_forced(request, plan);
    }
    for (size_t i = 0; algorithms[i]; i++) {
        struct convoy_plan candidate;
        convoy_status status = request_try(request, algorithms[i], &candidate, reason);
        if (!status) {
            keep_two(&best, &candidate);
        } else if (status == CONVOY_ERROR_LIMIT) {
            keep_better(&best.limited, &candidate);
            keep_frugal(&best.frugal, &candidate);
        }
        /* Of the reasons against, the one of the algorithm that can do most tells most. */
        if (status && algorithms[i] == &algorithm_direct) {
            first_status = status;
            snprintf(first_reason, sizeof first_reason, "%s", reason);
        }
    }
    if (!best.plan.algorithm && best.frugal.name) {
        return fail(CONVOY_ERROR_LIMIT,
                    "no algorithm keeps the limits; the smallest that work are %zu bytes of packed "
                    "weights and %zu bytes of workspace (%s)",
                    best.frugal.packed_bytes, best.frugal.workspace_bytes, best.frugal.name);
    }
    if (!best.plan.algorithm) {
        return fail(first_status, "no algorithm can be used; %s: %s", algorithm_direct.name,
                    first_reason);
    }
    *plan = best.plan;
    tell_estimate(&best, request->options.executions, plan->why, sizeof plan->why);
    return CONVOY_OK;
}
