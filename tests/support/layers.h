/**
 * @file layers.h
 * Layers from problem strings, dense tensors for them, and the seed that CONVOY_SEED sets.
 */
#ifndef CONVOY_TESTS_LAYERS_H
#define CONVOY_TESTS_LAYERS_H

#include <stdlib.h>

#include "convoy/convoy.h"
#include "support/check.h"

static inline convoy_layer parse_layer(const char *problem)
{
    convoy_layer layer;
    assert_ok(convoy_layer_parse(problem, &layer));
    return layer;
}

/** The tensors of a layer, dense and owned: x and residual random, y zero. */
struct operand_set {
    convoy_tensor x, residual, y, filter, bias;
};

static inline struct operand_set operands_create(const convoy_layer *layer, uint64_t seed)
{
    struct operand_set set;
    int64_t P, Q;
    assert_ok(convoy_layer_output(layer, &P, &Q));
    assert_ok(convoy_tensor_create(CONVOY_FLOAT32, layer->layout, layer->N, layer->C, layer->H,
                                   layer->W, &set.x));
    assert_ok(convoy_tensor_create(CONVOY_FLOAT32, layer->layout, layer->N, layer->K, P, Q,
                                   &set.residual));
    assert_ok(
        convoy_tensor_create(CONVOY_FLOAT32, layer->layout, layer->N, layer->K, P, Q, &set.y));
    assert_ok(convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, layer->K, layer->C / layer->groups,
                                   layer->R, layer->S, &set.filter));
    assert_ok(convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, layer->K, 1, 1, 1, &set.bias));
    assert_ok(convoy_tensor_fill_uniform(&set.x, seed, -1, 1));
    assert_ok(convoy_tensor_fill_uniform(&set.residual, seed + 1, -1, 1));
    assert_ok(convoy_tensor_fill_uniform(&set.filter, seed + 2, -1, 1));
    assert_ok(convoy_tensor_fill_uniform(&set.bias, seed + 3, -1, 1));
    return set;
}

static inline void operands_destroy(struct operand_set *set)
{
    convoy_tensor_destroy(&set->x);
    convoy_tensor_destroy(&set->residual);
    convoy_tensor_destroy(&set->y);
    convoy_tensor_destroy(&set->filter);
    convoy_tensor_destroy(&set->bias);
}

static inline convoy_weights operand_weights(const struct operand_set *set)
{
    return (convoy_weights){set->filter.data, set->bias.data};
}

static inline convoy_plan *create_plan(const convoy_layer *layer, const struct operand_set *set,
                                       const convoy_options *options)
{
    convoy_weights weights = operand_weights(set);
    convoy_plan *plan = NULL;
    assert_ok(convoy_plan_create(layer, &weights, options, &plan));
    return plan;
}

/** Create a plan, run it on the set, destroy it. */
static inline void run_layer(const convoy_layer *layer, struct operand_set *set,
                             const convoy_options *options)
{
    convoy_plan *plan = create_plan(layer, set, options);
    void *workspace;
    assert_ok(convoy_workspace_create(convoy_plan_workspace_bytes(plan), &workspace));
    if (layer->epilogue.residual) {
        assert_ok(convoy_plan_execute_residual(plan, &set->x, &set->residual, &set->y, workspace));
    } else {
        assert_ok(convoy_plan_execute(plan, &set->x, &set->y, workspace));
    }
    convoy_workspace_destroy(workspace);
    convoy_plan_destroy(plan);
}

/** Does the algorithm apply to the layer? */
static inline bool algorithm_applies(const convoy_layer *layer, size_t index)
{
    convoy_description descriptions[64];
    assert_true(convoy_algorithm_count() <= 64);
    assert_ok(convoy_layer_explain(layer, NULL, descriptions));
    return descriptions[index].reason == NULL;
}

/** CONVOY_SEED, or the number given. */
static inline uint64_t test_seed(uint64_t otherwise)
{
    const char *text = getenv("CONVOY_SEED");
    return text ? strtoull(text, NULL, 0) : otherwise;
}

#endif
