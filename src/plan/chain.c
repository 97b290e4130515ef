/**
 * @file chain.c
 * Chains of layers. The arena, with the output of layer i in the even or the odd buffer:
 *
 *   | even: outputs 0, 2, 4, ... | odd: outputs 1, 3, ... | workspace |
 *
 * A layer reads one buffer and writes the other; the last one writes the caller's y.
 */
#include "convoy/chain.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/memory.h"
#include "core/tensor_checked.h"
#include "plan/execute.h"

struct convoy_chain {
    size_t count;
    size_t even_bytes, odd_bytes, workspace_bytes; /* multiples of the alignment */
    convoy_plan *plans[];                          /* owned */
};

/* "layer 2, n1c32h100w100_k256r5s5_pd2" */
static void name_layer(const convoy_layer *layer, size_t index, char *text, size_t size)
{
    char problem[CONVOY_PROBLEM_SIZE];
    convoy_layer_print(layer, problem, sizeof problem);
    snprintf(text, size, "layer %zu, %.120s", index + 1, problem);
}

/* The error of a layer, its place in front. */
static convoy_status fail_at(convoy_status status, const convoy_layer *layer, size_t index)
{
    char name[160], detail[340];
    name_layer(layer, index, name, sizeof name);
    snprintf(detail, sizeof detail, "%s", convoy_error_detail());
    return fail(status, "%s: %s", name, detail);
}

/* Does `next` take what `layer` gives? */
static convoy_status check_pair(const convoy_layer *layer, const convoy_layer *next, size_t index)
{
    char name[160], next_name[160];
    int64_t P, Q;
    convoy_status status = convoy_layer_output(layer, &P, &Q);
    if (status) {
        return fail_at(status, layer, index);
    }
    name_layer(layer, index, name, sizeof name);
    name_layer(next, index + 1, next_name, sizeof next_name);
    if (layer->layout != next->layout) {
        return fail(CONVOY_ERROR_LAYOUT, "%s, is %s, but %s, is %s; a chain has one layout", name,
                    convoy_layout_name(layer->layout), next_name, convoy_layout_name(next->layout));
    }
    if (next->N != layer->N || next->C != layer->K || next->H != P || next->W != Q) {
        return fail(CONVOY_ERROR_SHAPE,
                    "%s, gives n%" PRId64 "c%" PRId64 "h%" PRId64 "w%" PRId64
                    ", which is not the input of %s",
                    name, layer->N, layer->K, P, Q, next_name);
    }
    return CONVOY_OK;
}

static convoy_status check_layers(const convoy_layer *layers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        convoy_status status = convoy_layer_check(&layers[i]);
        if (status) {
            return fail_at(status, &layers[i], i);
        }
        if (layers[i].epilogue.residual) {
            fail(CONVOY_ERROR_UNSUPPORTED, "it has a residual, which a chain cannot give it");
            return fail_at(CONVOY_ERROR_UNSUPPORTED, &layers[i], i);
        }
        if (i > 0 && (status = check_pair(&layers[i - 1], &layers[i], i - 1))) {
            return status;
        }
    }
    return CONVOY_OK;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* To the next multiple of the alignment; false when it does not fit. */
static bool round_bytes(size_t *bytes)
{
    bool fits = !__builtin_add_overflow(*bytes, (size_t)CONVOY_ALIGNMENT - 1, bytes);
    *bytes &= ~((size_t)CONVOY_ALIGNMENT - 1);
    return fits;
}

/* Sizes of the arena's parts, each the largest that a layer needs. */
static convoy_status measure_arena(struct convoy_chain *chain)
{
    size_t sum;
    for (size_t i = 0; i < chain->count; i++) {
        const struct convoy_plan *plan = chain->plans[i];
        size_t *buffer = i % 2 ? &chain->odd_bytes : &chain->even_bytes, bytes = 0;
        convoy_status status = convoy_tensor_bytes(CONVOY_FLOAT32, plan->layer.N, plan->layer.K,
                                                   plan->P, plan->Q, &bytes);
        if (status) {
            return fail_at(status, &plan->layer, i);
        }
        *buffer = i + 1 < chain->count ? larger(*buffer, bytes) : *buffer;
        chain->workspace_bytes = larger(chain->workspace_bytes, plan->workspace_bytes);
    }
    if (!round_bytes(&chain->even_bytes) || !round_bytes(&chain->odd_bytes) ||
        !round_bytes(&chain->workspace_bytes) ||
        __builtin_add_overflow(chain->even_bytes, chain->odd_bytes, &sum) ||
        __builtin_add_overflow(sum, chain->workspace_bytes, &sum)) {
        return fail(CONVOY_ERROR_OVERFLOW, "the bytes of the arena do not fit 64 bits");
    }
    return CONVOY_OK;
}

convoy_status convoy_chain_create(const convoy_layer *layers, const convoy_weights *weights,
                                  size_t count, const convoy_options *options, convoy_chain **chain)
{
    struct convoy_chain *created;
    size_t bytes;
    void *memory = NULL;
    if (!layers || !weights || !chain) {
        return fail(CONVOY_ERROR_NULL, "the %s NULL",
                    !layers    ? "layers are"
                    : !weights ? "weights are"
                               : "place for the chain is");
    }
    if (count == 0 || __builtin_mul_overflow(count, sizeof(convoy_plan *), &bytes) ||
        __builtin_add_overflow(bytes, sizeof *created, &bytes)) {
        return fail(CONVOY_ERROR_ARGUMENT, "a chain of %zu layers cannot be made; it is 1 or more",
                    count);
    }
    convoy_status status = check_layers(layers, count);
    status = status ? status : memory_allocate(bytes, "the chain", &memory);
    if (status) {
        return status;
    }
    created = memory;
    *created = (struct convoy_chain){.count = 0};
    for (size_t i = 0; i < count && !status; i++) {
        status = convoy_plan_create(&layers[i], &weights[i], options, &created->plans[i]);
        status = status ? fail_at(status, &layers[i], i) : status;
        created->count += !status;
    }
    status = status ? status : measure_arena(created);
    if (status) {
        convoy_chain_destroy(created);
        return status;
    }
    *chain = created;
    return CONVOY_OK;
}

void convoy_chain_destroy(convoy_chain *chain)
{
    for (size_t i = 0; chain && i < chain->count; i++) {
        convoy_plan_destroy(chain->plans[i]);
    }
    memory_free(chain);
}

size_t convoy_chain_count(const convoy_chain *chain)
{
    return chain ? chain->count : 0;
}

const convoy_plan *convoy_chain_plan(const convoy_chain *chain, size_t index)
{
    return chain && index < chain->count ? chain->plans[index] : NULL;
}

size_t convoy_chain_arena_bytes(const convoy_chain *chain)
{
    return chain ? chain->even_bytes + chain->odd_bytes + chain->workspace_bytes : 0;
}

/* All that could fail, before anything is computed. */
static convoy_status check_operands(const struct convoy_chain *chain, const convoy_tensor *x,
                                    const convoy_tensor *y, const void *arena)
{
    size_t bytes = convoy_chain_arena_bytes(chain);
    convoy_status status = plan_check_x(chain->plans[0], x);
    status = status ? status : plan_check_y(chain->plans[chain->count - 1], y);
    if (status) {
        return status;
    }
    if (tensors_overlap(x, y)) {
        return fail(CONVOY_ERROR_OVERLAP,
                    "the output y shares memory with the input x; it must lie apart from it");
    }
    if (bytes == 0) {
        return CONVOY_OK;
    }
    if (arena == NULL) {
        return fail(CONVOY_ERROR_NULL, "the arena is NULL; the chain needs %zu bytes", bytes);
    }
    if ((uintptr_t)arena % CONVOY_ALIGNMENT != 0) {
        return fail(CONVOY_ERROR_ALIGNMENT,
                    "the arena at %p is not aligned to %d bytes; one of "
                    "convoy_workspace_create is",
                    arena, CONVOY_ALIGNMENT);
    }
    if (tensor_meets(x, arena, bytes) || tensor_meets(y, arena, bytes)) {
        return fail(CONVOY_ERROR_OVERLAP,
                    "the arena lies among the elements of a tensor; it must lie apart");
    }
    return CONVOY_OK;
}

/* The output of a layer but the last, dense in its buffer. */
static convoy_tensor between(const struct convoy_chain *chain, size_t index, char *arena)
{
    const struct convoy_plan *plan = chain->plans[index];
    convoy_tensor view;
    convoy_status status =
        convoy_tensor_view(CONVOY_FLOAT32, plan->layer.layout, plan->layer.N, plan->layer.K,
                           plan->P, plan->Q, index % 2 ? arena + chain->even_bytes : arena, &view);
    assert(!status);
    (void)status;
    return view;
}

convoy_status convoy_chain_execute(const convoy_chain *chain, const convoy_tensor *x,
                                   const convoy_tensor *y, void *arena, double *seconds)
{
    if (chain == NULL) {
        return fail(CONVOY_ERROR_NULL, "the chain is NULL");
    }
    convoy_status status = check_operands(chain, x, y, arena);
    size_t buffers_bytes = chain->even_bytes + chain->odd_bytes;
    void *workspace = !status && chain->workspace_bytes ? (char *)arena + buffers_bytes : NULL;
    convoy_tensor input = status ? (convoy_tensor){.data = NULL} : *x;
    for (size_t i = 0; i < chain->count && !status; i++) {
        convoy_tensor output = i + 1 < chain->count ? between(chain, i, arena) : *y;
        double started = seconds ? clock_seconds() : 0;
        status = convoy_plan_execute(chain->plans[i], &input, &output, workspace);
        if (seconds) {
            seconds[i] = clock_seconds() - started;
        }
        input = output;
    }
    return status;
}
