/**
 * @file reshape.c
 * Plans for other sizes of the same layer.
 */
#include <stdio.h>

#include "core/clock.h"
#include "core/error.h"
#include "plan/plan.h"
#include "plan/verbose.h"
#include "plan/weights.h"

/* The request of the plan, for the new layer. */
static convoy_status make_request(const struct convoy_plan *plan, const convoy_layer *layer,
                                  const convoy_weights *weights, struct request *request)
{
    convoy_status status = request_make(layer, &plan->terms.options, plan->kernels, request);
    if (!status && weights) {
        status = weights_check(weights);
    }
    if (status) {
        return status;
    }
    if (weights && (weights->bias != NULL) != (plan->bias != NULL)) {
        return fail(CONVOY_ERROR_ARGUMENT,
                    "the plan has %s bias, and the weights have %s; give those of the plan",
                    plan->bias ? "a" : "no", plan->bias ? "none" : "one");
    }
    request->rates = plan->terms.rates;
    request->portable_rates = plan->terms.portable_rates;
    request->all_threads = plan->terms.forced != NULL;
    request->forced = weights ? plan->terms.forced : plan->algorithm;
    request->bias = plan->bias != NULL;
    request->weights_not_finite = plan->terms.weights_not_finite;
    return CONVOY_OK;
}

convoy_status convoy_plan_reshape(const convoy_plan *plan, int64_t N, int64_t H, int64_t W,
                                  const convoy_weights *weights, convoy_plan **reshaped)
{
    struct request request;
    struct convoy_plan chosen;
    double started = verbose() ? clock_seconds() : 0;
    if (plan == NULL || reshaped == NULL) {
        return fail(CONVOY_ERROR_NULL, "the %s NULL", plan ? "place for the plan is" : "plan is");
    }
    convoy_layer layer = plan->layer;
    layer.N = N;
    layer.H = H;
    layer.W = W;
    convoy_status status = make_request(plan, &layer, weights, &request);
    if (status || (status = request_choose(&request, &chosen))) {
        return status;
    }
    bool agrees = weights_agree(&chosen, plan);
    if (!agrees && !weights) {
        return fail(CONVOY_ERROR_ARGUMENT,
                    "%s packs the weights otherwise for this size; give them to "
                    "convoy_plan_reshape",
                    plan->algorithm->name);
    }
    if (!weights && !plan->terms.forced) {
        snprintf(chosen.why, sizeof chosen.why, "the plan that was reshaped had it");
        chosen.origin = plan->origin;
    }
    request.forced = plan->terms.forced;
    status = plan_finish(&request, &chosen, weights, agrees ? plan : NULL, reshaped);
    if (!status && verbose()) {
        verbose_report("create", *reshaped, clock_seconds() - started);
    }
    return status;
}
