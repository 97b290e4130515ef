/**
 * @file oracle.h
 * What the outputs of a layer should be, from the algorithm `reference` with float64 sums.
 *
 * A large layer is not computed in full: the oracle then holds patches, each some output channels
 * of one row, spread so that the first and last rows and images are among them and every output
 * channel is in some patch. How many outputs there are is part of the oracle and of every report.
 */
#ifndef CONVOY_BENCH_ORACLE_H
#define CONVOY_BENCH_ORACLE_H

#include <stddef.h>
#include <stdint.h>

#include "convoy/convoy.h"

/* Multiply-adds that an oracle may cost. */
#define ORACLE_MACS 200000000

/* Output channels k0.. of row p of image n. */
struct patch {
    int64_t n, p, k0;
    convoy_tensor y; /* [1][channels][1][Q], float64, owned */
};

struct oracle {
    struct patch *patches; /* owned */
    size_t count;
    double rms;      /* of the outputs held */
    int64_t outputs; /* held */
    int64_t total;   /* of the layer */
};

/** What an output differs by. */
struct oracle_error {
    double relative_to_rms; /* max |y - exact| / rms */
    int64_t n, k, p, q;     /* where */
    double actual, expected;
    bool unwritten; /* some output of all, held or not, is a NaN where none should be */
};

/**
 * @param filter  [K][C/groups][R][S]
 * @param x       float32, any layout
 * @retval as convoy_plan_create and convoy_plan_execute
 */
convoy_status oracle_create(const convoy_layer *layer, const float *filter, const convoy_tensor *x,
                            int threads, struct oracle *oracle);
void oracle_destroy(struct oracle *oracle);

/** Compare a whole output tensor, which was filled with NaN before it was computed. */
void oracle_compare(const struct oracle *oracle, const convoy_tensor *y,
                    struct oracle_error *error);

/** The largest max|x| * sum|w_k| over output channels, relative to the oracle's rms: with a plan's
 *  error_bound, the bound on oracle_error.relative_to_rms. */
double oracle_bound_scale(const struct oracle *oracle, const convoy_layer *layer,
                          const float *filter, const convoy_tensor *x);

#endif
