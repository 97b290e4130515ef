/**
 * @file select.c
 * Known, measured or estimated.
 */
#include "plan/select.h"

#include <stdio.h>
#include <string.h>

#include "plan/wisdom.h"

/* The sentence for the fastest. */
static void tell_measured(const struct measurement *measurement, char *why, size_t size)
{
    const struct measured *fastest = &measurement->rows[0], *next = &measurement->rows[1];
    size_t timed = 0;
    for (size_t i = 0; i < measurement->count; i++) {
        timed += measurement->rows[i].seconds > 0;
    }
    int length = snprintf(why, size, "it was measured: %.4g ms", 1e3 * fastest->seconds);
    if (timed > 1) {
        snprintf(why + length, size - (size_t)length,
                 ", the fastest of %zu that were timed; %s took %.2f times as long", timed,
                 next->algorithm->name, measured_cost(next) / measured_cost(fastest));
    } else {
        snprintf(why + length, size - (size_t)length, "; %s",
                 measurement->count > 1 ? "the time limit came before any other"
                                        : "no other was predicted to come near it");
    }
}

static convoy_status select_measured(const struct request *request, const convoy_weights *weights,
                                     struct convoy_plan *plan, struct measurement *measurement)
{
    char reason[sizeof plan->why];
    convoy_status status = request_measure(request, weights, measurement);
    status = status ? status : request_try(request, measurement->rows[0].algorithm, plan, reason);
    if (!status) {
        tell_measured(measurement, plan->why, sizeof plan->why);
        /* what was not timed comes last, and may be faster */
        bool all_timed = measurement->rows[measurement->count - 1].seconds > 0;
        plan->origin = request->forced ? CONVOY_NAMED
                       : all_timed     ? CONVOY_MEASURED
                                       : CONVOY_ESTIMATED;
    }
    return status;
}

/* Look for the layer with its epilogue, then for the same without: nearly all of the time goes into
   the sums. */
static bool find_known(const struct request *request, struct wisdom_entry *known)
{
    static const convoy_epilogue none;
    char key[WISDOM_KEY_SIZE];
    wisdom_key(request, &request->layer->epilogue, key);
    if (wisdom_find(request->options.wisdom, key, known)) {
        return true;
    }
    wisdom_key(request, &none, key);
    return wisdom_find(request->options.wisdom, key, known);
}

/* The algorithm that the wisdom names, if it can be used; false: none. */
static bool select_known(const struct request *request, struct convoy_plan *plan,
                         struct measurement *measurement)
{
    char reason[sizeof plan->why];
    struct wisdom_entry known;
    if (!find_known(request, &known) ||
        request_try(request, known.algorithm, plan, reason) != CONVOY_OK) {
        return false;
    }
    snprintf(plan->why, sizeof plan->why,
             "the wisdom says that it was the fastest when measured: %.4g ms",
             1e-3 * known.microseconds);
    plan->origin = CONVOY_KNOWN;
    if (measurement) {
        measurement->rows[measurement->count++] =
            (struct measured){known.algorithm, 1e-6 * known.microseconds, 0};
    }
    return true;
}

/* With a limit or a filter that is not finite, others may be faster without. */
static bool is_general(const struct request *request)
{
    return request->options.workspace_limit_bytes == 0 &&
           request->options.packed_limit_bytes == 0 && !request->weights_not_finite;
}

static convoy_status learn(const struct request *request, const struct measured *fastest)
{
    char key[WISDOM_KEY_SIZE];
    wisdom_key(request, &request->layer->epilogue, key);
    struct wisdom_entry entry = {.key = key,
                                 .algorithm = fastest->algorithm,
                                 .microseconds = 1e6 * fastest->seconds,
                                 .learned = true};
    return wisdom_add(request->options.wisdom, &entry);
}

convoy_status request_select(const struct request *request, const convoy_weights *weights,
                             struct convoy_plan *plan, struct measurement *measurement)
{
    struct measurement measured;
    /* Wisdom is of plans that are executed so often that creation does not count. */
    bool wise = request->options.wisdom && !request->forced && request->options.executions == 0;
    convoy_status status;
    if (measurement) {
        measurement->count = 0;
    }
    if (wise && select_known(request, plan, measurement)) {
        return CONVOY_OK;
    }
    if (request->options.effort == CONVOY_MEASURE && (!request->forced || measurement)) {
        status = select_measured(request, weights, plan, &measured);
        if (!status && wise && plan->origin == CONVOY_MEASURED && is_general(request)) {
            status = learn(request, &measured.rows[0]);
        }
        if (!status && measurement) {
            *measurement = measured;
        }
        return status;
    }
    status = request_choose(request, plan);
    if (!status && wise) {
        struct wisdom_entry known;
        char why[sizeof plan->why];
        snprintf(why, sizeof why, "%s; %.240s",
                 find_known(request, &known) ? "what the wisdom names cannot be used here"
                                             : "the wisdom does not know this layer",
                 plan->why);
        memcpy(plan->why, why, sizeof why);
    }
    return status;
}
