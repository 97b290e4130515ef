/**
 * @file verify.h
 * Run a layer with every algorithm, ISA, layout and thread count that is asked for, and compare
 * each result with the float64 sums of the reference. Used by the command's `verify` and by
 * check_kernels; built on the public API only.
 *
 * A case is one combination; algorithms without kernels for an ISA run on the first ISA only. Each
 * is run on three fillings: small integers, whose sums are exact in float32, so that the result
 * must be equal (algorithms that transform their operands, those that CONVOY_TOLERANCE_STRICT
 * excludes, are held to their bound instead); then random values of both signs, and of one, within
 * the bound that the plan promises. Every buffer lies with its last byte, or its first (filling
 * `uniform`), against a page that may not be touched; gaps, output and workspace are signalling
 * NaNs before; inputs must be unchanged after; and results must have the same bits for all thread
 * counts. With pages_allocator (pages.h) in place the packed weights are treated alike.
 */
#ifndef CONVOY_VERIFY_VERIFY_H
#define CONVOY_VERIFY_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convoy/convoy.h"

/** All zero: everything, with seed 0. The arrays are the caller's. */
struct verify_options {
    const char *const *algorithms; /* names, algorithm_count of them; none: the whole table */
    size_t algorithm_count;
    const convoy_isa *isas; /* none: all that are usable */
    size_t isa_count;
    const convoy_layout *layouts; /* none: both */
    size_t layout_count;
    const int *threads; /* none: 1 and 2 */
    size_t thread_count;
    uint64_t seed;
    /* How plans are made; NULL: convoy_plan_create. For kernels that no convoy_isa stands for. */
    convoy_status (*create)(const convoy_layer *layer, const convoy_weights *weights,
                            const convoy_options *options, convoy_plan **plan);
    bool no_bias;
    bool dense; /* x, y, residual without gaps; else they are slices of larger tensors */
};

/** One combination. */
struct verify_case {
    const char *algorithm;
    convoy_isa isa;
    convoy_layout layout;
    int threads;
};

struct verify_result {
    int64_t cases;         /* run */
    int64_t failed;        /* of those */
    int64_t not_applied;   /* left out because the algorithm does not apply to the layer */
    double worst_fraction; /* largest error as a share of its bound */
    struct verify_case worst;
    struct verify_case first_failed; /* algorithm NULL without any */
    char failure[512];               /* what was wrong with it, for a person; "" without any */
};

/**
 * Verify a layer, its epilogue included; the layer's layout is not used.
 * @return CONVOY_OK when every case could be run, whether they failed or not
 * @retval as convoy_plan_create for a case that cannot be run but for CONVOY_ERROR_ALGORITHM of an
 *         algorithm that does not apply
 */
convoy_status verify_layer(const convoy_layer *layer, const struct verify_options *options,
                           struct verify_result *result);

/** "direct avx2 nhwc 2 threads". @return as snprintf */
int verify_case_print(const struct verify_case *which, char *text, size_t size);

/**
 * A random layer that convoy_layer_check passes: small extents around tile edges, strides,
 * dilation, asymmetric padding, padding of at least the filter, groups, depthwise with
 * multiplier, filters larger than the input, epilogues. At most most_macs multiply-adds.
 * @param state  of the generator, any number at first; the same gives the same layers
 */
void random_layer(uint64_t *state, int64_t most_macs, convoy_layer *layer);

/** The same with at most 3,000 outputs, nearly all at edges: extents of 1 to 3 or beside a vector's
 *  width, strides past the filter, dilation past the input, outputs that see padding only. */
void random_small_layer(uint64_t *state, int64_t most_macs, convoy_layer *layer);

#endif
