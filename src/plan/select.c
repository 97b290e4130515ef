/**
 * @file select.c
 * Estimated or measured.
 */
#include "plan/select.h"

#include <stdio.h>

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
                 next->algorithm->name, next->seconds / fastest->seconds);
    } else {
        snprintf(why + length, size - (size_t)length, "; %s",
                 measurement->count > 1 ? "the time limit came before any other"
                                        : "no other was predicted to come near it");
    }
}

static convoy_status select_measured(const struct request *request, const convoy_weights *weights,
                                     struct convoy_plan *plan, struct measurement *measurement)
{
    struct measurement measured;
    char reason[sizeof plan->why];
    convoy_status status = request_measure(request, weights, &measured);
    if (status || (status = request_try(request, measured.rows[0].algorithm, plan, reason))) {
        return status;
    }
    tell_measured(&measured, plan->why, sizeof plan->why);
    if (measurement) {
        *measurement = measured;
    }
    return CONVOY_OK;
}

convoy_status request_select(const struct request *request, const convoy_weights *weights,
                             struct convoy_plan *plan, struct measurement *measurement)
{
    bool measures = request->options.effort == CONVOY_MEASURE && (!request->forced || measurement);
    if (measurement) {
        measurement->count = 0;
    }
    return measures ? select_measured(request, weights, plan, measurement)
                    : request_choose(request, plan);
}
