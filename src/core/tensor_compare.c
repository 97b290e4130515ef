/**
 * @file tensor_compare.c
 * Where and how far two tensors differ.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/tensor_checked.h"

/* The float32 numbers in order as integers, neighbours one apart, both zeros 0. */
static int64_t ordered(double value)
{
    float rounded = (float)value;
    int32_t bits;
    memcpy(&bits, &rounded, sizeof bits);
    return bits < 0 ? (int64_t)INT32_MIN - bits : bits;
}

/* What is known after some elements; places are indices in N, C, H, W order. */
struct comparison {
    convoy_difference difference;
    int64_t first, worst; /* -1: none yet */
    long double squares;  /* long double, because squares of float64 values may overflow it */
    int64_t finite;
};

static void note_difference(struct comparison *c, int64_t index, double actual, double expected)
{
    convoy_difference *d = &c->difference;
    bool finite = isfinite(actual) && isfinite(expected);
    double absolute = finite ? fabs(actual - expected) : INFINITY;
    double relative = finite ? absolute / fabs(expected) : INFINITY;
    int64_t ulp = finite ? llabs(ordered(actual) - ordered(expected)) : INT64_MAX;

    d->different++;
    if (expected != 0 && relative > d->max_relative) {
        d->max_relative = relative;
    }
    if (ulp > d->max_ulp) {
        d->max_ulp = ulp;
    }
    if (c->first < 0 || index < c->first) {
        c->first = index;
        d->first_actual = actual;
        d->first_expected = expected;
    }
    if (c->worst < 0 || absolute > d->max_absolute ||
        (absolute == d->max_absolute && index < c->worst)) {
        c->worst = index;
        d->max_absolute = absolute;
        d->worst_actual = actual;
        d->worst_expected = expected;
    }
}

static void compare_element(struct comparison *c, int64_t index, double actual, double expected)
{
    if (isfinite(expected)) {
        c->squares += (long double)expected * expected;
        c->finite++;
    }
    if (actual != expected && !(isnan(actual) && isnan(expected))) {
        note_difference(c, index, actual, expected);
    }
}

static void compare_elements(const convoy_tensor *actual, const convoy_tensor *expected,
                             struct comparison *comparison)
{
    /* In the memory order of one of the two; the places do not depend on it. */
    bool channels_inner = actual->layout == CONVOY_NHWC;
    int64_t plane = actual->H * actual->W;
    int64_t outer = channels_inner ? plane : actual->C;
    int64_t inner = channels_inner ? actual->C : plane;

    for (int64_t n = 0; n < actual->N; n++) {
        for (int64_t i = 0; i < outer; i++) {
            for (int64_t j = 0; j < inner; j++) {
                int64_t c = channels_inner ? j : i, pixel = channels_inner ? i : j;
                int64_t h = pixel / actual->W, w = pixel % actual->W;
                compare_element(comparison, (n * actual->C + c) * plane + pixel,
                                convoy_tensor_get(actual, n, c, h, w),
                                convoy_tensor_get(expected, n, c, h, w));
            }
        }
    }
}

static void place_of(int64_t index, const convoy_tensor *tensor, int64_t place[4])
{
    const int64_t extents[] = {tensor->N, tensor->C, tensor->H, tensor->W};
    for (int axis = 3; axis >= 0; axis--) {
        place[axis] = index < 0 ? -1 : index % extents[axis];
        index = index < 0 ? -1 : index / extents[axis];
    }
}

convoy_status convoy_tensor_compare(const convoy_tensor *actual, const convoy_tensor *expected,
                                    convoy_difference *difference)
{
    struct comparison comparison = {.first = -1, .worst = -1};
    convoy_difference *d = &comparison.difference;

    if (difference == NULL) {
        return fail(CONVOY_ERROR_NULL, "the place for the difference is NULL");
    }
    convoy_status status = tensor_check(actual, "the actual tensor");
    status = status ? status : tensor_check(expected, "the expected tensor");
    if (status) {
        return status;
    }
    if (actual->N != expected->N || actual->C != expected->C || actual->H != expected->H ||
        actual->W != expected->W) {
        return fail(CONVOY_ERROR_SHAPE,
                    "the actual tensor is %" PRId64 " x %" PRId64 " x %" PRId64 " x %" PRId64
                    ", the expected one %" PRId64 " x %" PRId64 " x %" PRId64 " x %" PRId64
                    " (N x C x H x W); they must be equal",
                    actual->N, actual->C, actual->H, actual->W, expected->N, expected->C,
                    expected->H, expected->W);
    }
    compare_elements(actual, expected, &comparison);
    d->elements = actual->N * actual->C * actual->H * actual->W;
    place_of(comparison.first, actual, d->first);
    place_of(comparison.worst, actual, d->worst);
    if (comparison.finite > 0) {
        d->rms = (double)sqrtl(comparison.squares / (long double)comparison.finite);
    }
    if (d->max_absolute > 0) {
        d->relative_to_rms = d->rms > 0 ? d->max_absolute / d->rms : INFINITY;
    }
    *difference = *d;
    return CONVOY_OK;
}

int convoy_difference_print(const convoy_difference *difference, char *text, size_t size)
{
    const convoy_difference *d = difference;

    if (text == NULL) {
        size = 0;
    }
    if (d == NULL) {
        return snprintf(text, size, "no comparison");
    }
    if (d->different == 0) {
        return snprintf(text, size, "all %" PRId64 " elements are equal", d->elements);
    }
    return snprintf(text, size,
                    "%" PRId64 " of %" PRId64 " elements differ: max absolute %.3g at %" PRId64
                    ",%" PRId64 ",%" PRId64 ",%" PRId64 " (%.9g, expected %.9g), max relative "
                    "%.3g, relative to rms %.3g, max ulp %" PRId64 "; first at %" PRId64 ",%" PRId64
                    ",%" PRId64 ",%" PRId64 " (%.9g, expected %.9g)",
                    d->different, d->elements, d->max_absolute, d->worst[0], d->worst[1],
                    d->worst[2], d->worst[3], d->worst_actual, d->worst_expected, d->max_relative,
                    d->relative_to_rms, d->max_ulp, d->first[0], d->first[1], d->first[2],
                    d->first[3], d->first_actual, d->first_expected);
}
