/**
 * @file plan.c
 * Plans from creation to destruction, and what they tell about themselves.
 */
#include "plan/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/layer_checked.h"
#include "core/memory.h"
#include "kernels/kernel.h"
#include "plan/algorithms.h"
#include "plan/reasons.h"
#include "plan/select.h"
#include "plan/verbose.h"
#include "plan/weights.h"

/* What reshaping needs to choose anew: nothing in it is the caller's. */
static struct terms terms_of(const struct request *request)
{
    struct terms terms = {.options = request->options,
                          .forced = request->forced,
                          .rates = request->rates,
                          .portable_rates = request->portable_rates,
                          .weights_not_finite = request->weights_not_finite};
    terms.options.algorithm = NULL;
    terms.options.threads = request->threads;
    terms.options.effort = CONVOY_ESTIMATE;
    terms.options.progress = NULL;
    terms.options.progress_data = NULL;
    terms.options.wisdom = NULL;
    terms.options.calibration = NULL;
    return terms;
}

convoy_status plan_finish(const struct request *request, const struct convoy_plan *chosen,
                          const convoy_weights *weights, const struct convoy_plan *owner,
                          convoy_plan **plan)
{
    void *memory = NULL;
    convoy_status status = memory_allocate(sizeof *chosen, "the plan", &memory);
    if (status) {
        return status;
    }
    struct convoy_plan *created = memory;
    *created = *chosen;
    created->references = 1;
    created->terms = terms_of(request);
    if (owner) {
        weights_share(created, owner);
    } else if ((status = weights_pack(created, weights))) {
        convoy_plan_destroy(created);
        return status;
    }
    *plan = created;
    return CONVOY_OK;
}

convoy_status plan_create_sharing(const convoy_layer *layer, const convoy_weights *weights,
                                  const convoy_options *options, const struct isa_kernels *kernels,
                                  const struct weights_owners *owners, convoy_plan **plan)
{
    struct request request;
    struct convoy_plan chosen;
    double started = verbose() ? clock_seconds() : 0;

    if (plan == NULL) {
        return fail(CONVOY_ERROR_NULL, "the place for the plan is NULL");
    }
    convoy_status status = request_make(layer, options, kernels, &request);
    if (status || (status = weights_check(weights))) {
        return status;
    }
    request.bias = weights->bias != NULL;
    status = request_choose(&request, &chosen);
    /* Only now is it known that the machine has room for a filter of this size. */
    if (!status) {
        int64_t count = layer->K * layer_depth(layer);
        request.weights_not_finite = !weights_finite(weights->filter, count);
    }
    if (!status && (request.weights_not_finite || request.options.effort != CONVOY_ESTIMATE ||
                    request.options.wisdom)) {
        status = request_select(&request, weights, &chosen, NULL);
    }
    if (status) {
        return status;
    }
    convoy_plan *owner = owners ? owners->find(&chosen, owners->data) : NULL;
    status = plan_finish(&request, &chosen, weights, owner, plan);
    convoy_plan_destroy(owner);
    if (!status && verbose()) {
        verbose_report("create", *plan, clock_seconds() - started);
    }
    return status;
}

convoy_status plan_create_on(const convoy_layer *layer, const convoy_weights *weights,
                             const convoy_options *options, const struct isa_kernels *kernels,
                             convoy_plan **plan)
{
    return plan_create_sharing(layer, weights, options, kernels, NULL, plan);
}

convoy_status convoy_plan_create(const convoy_layer *layer, const convoy_weights *weights,
                                 const convoy_options *options, convoy_plan **plan)
{
    return plan_create_on(layer, weights, options, NULL, plan);
}

convoy_plan *convoy_plan_retain(convoy_plan *plan)
{
    if (plan != NULL) {
        __atomic_add_fetch(&plan->references, 1, __ATOMIC_RELAXED);
    }
    return plan;
}

void convoy_plan_destroy(convoy_plan *plan)
{
    if (plan != NULL && __atomic_sub_fetch(&plan->references, 1, __ATOMIC_ACQ_REL) == 0) {
        weights_release(plan);
        memory_free(plan);
    }
}

const convoy_layer *convoy_plan_layer(const convoy_plan *plan)
{
    return plan ? &plan->layer : NULL;
}

size_t convoy_plan_workspace_bytes(const convoy_plan *plan)
{
    return plan ? plan->workspace_bytes : 0;
}

static convoy_isa isa_of(const struct algorithm *algorithm, const struct isa_kernels *kernels)
{
    return algorithm->portable ? CONVOY_ISA_PORTABLE : kernels->isa;
}

convoy_isa plan_isa(const struct convoy_plan *plan)
{
    return isa_of(plan->algorithm, plan->kernels);
}

/* The numbers of a prepared plan. */
static void describe(const struct convoy_plan *plan, convoy_description *description)
{
    description->algorithm = plan->algorithm->name;
    description->summary = plan->algorithm->summary;
    description->isa = plan_isa(plan);
    description->threads = plan->threads;
    description->workspace_bytes = plan->workspace_bytes;
    description->packed_bytes = plan->packed_w_bytes + plan->bias_bytes;
    description->executed_flops = plan->executed_flops;
    description->predicted = plan->predicted;
    description->error_bound = plan->error_bound;
    description->error_typical = plan->error_typical;
    plan->algorithm->describe(plan, description->blocking, sizeof description->blocking);
}

convoy_status convoy_plan_describe(const convoy_plan *plan, convoy_description *description)
{
    if (plan == NULL || description == NULL) {
        return fail(CONVOY_ERROR_NULL, "the %s is NULL", plan ? "description" : "plan");
    }
    *description = (convoy_description){.eligible = true, .chosen = true, .origin = plan->origin};
    describe(plan, description);
    memcpy(description->why, plan->why, sizeof plan->why);
    return CONVOY_OK;
}

/* What explanations have in common. */
struct choice {
    struct request request;
    struct convoy_plan chosen;
    struct measurement measurement;
};

/* Why an algorithm that could have been chosen was not. */
static void tell_loss(const struct choice *choice, const struct convoy_plan *plan, char *why,
                      size_t size)
{
    const struct convoy_plan *chosen = &choice->chosen;
    const struct measured *measured = measurement_find(&choice->measurement, plan->algorithm);
    if (choice->request.forced) {
        snprintf(why, size, "%s was asked for by name", chosen->algorithm->name);
    } else if (measured) {
        snprintf(why, size, "measured to take %.2f times as long as %s",
                 measured_cost(measured) / measured_cost(&choice->measurement.rows[0]),
                 chosen->algorithm->name);
    } else if (choice->measurement.count > 0) {
        snprintf(why, size, "predicted to take %.2f times as long as %s; not measured",
                 plan->cost / chosen->cost, chosen->algorithm->name);
    } else {
        char reason[200];
        reason_slower(plan, chosen, choice->request.options.executions, reason, sizeof reason);
        snprintf(why, size, "predicted to take %.2f times as long as %s: %s",
                 plan->cost / chosen->cost, chosen->algorithm->name, reason);
    }
}

/* One algorithm beside the chosen one. */
static void explain_one(const struct choice *choice, const struct algorithm *algorithm,
                        convoy_description *description)
{
    const struct request *request = &choice->request;
    const struct measured *measured = measurement_find(&choice->measurement, algorithm);
    struct convoy_plan plan;
    char reason[sizeof plan.why];
    convoy_status status = request_try(request, algorithm, &plan, reason);

    *description = (convoy_description){
        .algorithm = algorithm->name,
        .summary = algorithm->summary,
        .reason = algorithm->refuse(algorithm, request->layer),
        .eligible = !status,
        .isa = isa_of(algorithm, request->kernels),
        .threads = request->threads,
        .chosen = algorithm == choice->chosen.algorithm,
        .origin = choice->chosen.origin,
        .measured_seconds = measured ? measured->seconds : 0,
    };
    if (!description->reason) {
        describe(&plan, description);
    }
    if (description->chosen) {
        memcpy(description->why, choice->chosen.why, sizeof choice->chosen.why);
    } else if (status) {
        memcpy(description->why, reason, sizeof reason);
    } else {
        tell_loss(choice, &plan, description->why, sizeof description->why);
    }
}

static convoy_status make_choice(const convoy_layer *layer, const convoy_options *options,
                                 struct choice *choice)
{
    convoy_status status = request_make(layer, options, NULL, &choice->request);
    return status ? status
                  : request_select(&choice->request, NULL, &choice->chosen, &choice->measurement);
}

convoy_status convoy_layer_explain(const convoy_layer *layer, const convoy_options *options,
                                   convoy_description *descriptions)
{
    struct choice choice;

    if (descriptions == NULL) {
        return fail(CONVOY_ERROR_NULL, "the place for the descriptions is NULL");
    }
    convoy_status status = make_choice(layer, options, &choice);
    if (status) {
        return status;
    }
    for (size_t i = 0; algorithms[i]; i++) {
        explain_one(&choice, algorithms[i], &descriptions[i]);
    }
    return CONVOY_OK;
}

convoy_status convoy_layer_estimate(const convoy_layer *layer, const convoy_options *options,
                                    convoy_description *description)
{
    struct choice choice;

    if (description == NULL) {
        return fail(CONVOY_ERROR_NULL, "the place for the description is NULL");
    }
    convoy_status status = make_choice(layer, options, &choice);
    if (!status) {
        explain_one(&choice, choice.chosen.algorithm, description);
    }
    return status;
}

convoy_status convoy_workspace_create(size_t bytes, void **workspace)
{
    if (workspace == NULL) {
        return fail(CONVOY_ERROR_NULL, "the place for the workspace is NULL");
    }
    return memory_allocate(bytes, "the workspace", workspace);
}

void convoy_workspace_destroy(void *workspace)
{
    memory_free(workspace);
}
