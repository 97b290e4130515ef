/**
 * @file filling.h
 * The operands of a layer in one filling, their exact result, and the comparison with it.
 */
#ifndef CONVOY_VERIFY_FILLING_H
#define CONVOY_VERIFY_FILLING_H

#include "convoy/convoy.h"

enum filling_kind {
    FILLING_INTEGERS, /* small enough for exact sums in float32 */
    FILLING_UNIFORM,  /* -1 to 1 */
    FILLING_POSITIVE, /* 0.5 to 1: every rounding error can go the same way */
    FILLING_COUNT
};

struct filling {
    enum filling_kind kind;
    bool exact; /* the sums of these integers are exact */
    uint64_t seed;
    float *filter;          /* [K][C/groups][R][S], owned */
    float *bias;            /* [K], owned; NULL: none */
    double *scale;          /* [K], owned: what the error bound of channel k is relative to */
    convoy_tensor expected; /* y in float64, NCHW, owned */
};

/** @retval as convoy_plan_create and convoy_tensor_create */
convoy_status filling_create(const convoy_layer *layer, enum filling_kind kind, uint64_t seed,
                             bool bias, struct filling *filling);
/** A cleared struct is fine. */
void filling_destroy(struct filling *filling);

/** Write the filling's input, or residual, into a tensor of any layout. */
convoy_status filling_input(const struct filling *filling, const convoy_tensor *x);
convoy_status filling_residual(const struct filling *filling, const convoy_tensor *residual);

/** How a result agrees. */
struct agreement {
    int64_t bad;           /* outputs that are not what they must be */
    int64_t first[4];      /* n, k, p, q of the first of them */
    double actual, wanted; /* there */
    double allowed;        /* difference there; 0: must be equal */
    double fraction;       /* largest error as a share of the allowed one; 0 when exact */
};

/** Compare y with the exact result: equal when `equal`, else within error_bound times the scale. */
struct agreement filling_compare(const struct filling *filling, const convoy_tensor *y, bool equal,
                                 double error_bound);

/** "integers", "uniform", "positive". */
const char *filling_name(enum filling_kind kind);

#endif
