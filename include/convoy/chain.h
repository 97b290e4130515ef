/**
 * @file chain.h
 * Layers run one after another: the output of each is the input of the next. What lies between them
 * goes to and fro between two buffers of one arena, which also holds the one workspace that all
 * layers share.
 */
#ifndef CONVOY_CHAIN_H
#define CONVOY_CHAIN_H

#include "convoy/plan.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct convoy_chain convoy_chain;

/**
 * Create a plan for each layer.
 *
 * @param layers   layers[count]: all of one layout, none with a residual, and N C H W of each is
 *                 N K P Q of the one before; copied
 * @param weights  weights[count]; the caller's, needed only during the call
 * @param options  of every plan; NULL: all defaults. The workspace limit holds for each layer.
 * @param chain    receives the chain, to be freed with convoy_chain_destroy
 * @retval CONVOY_ERROR_ARGUMENT     count is 0
 * @retval CONVOY_ERROR_SHAPE        two layers do not follow each other; the detail names both
 * @retval CONVOY_ERROR_LAYOUT       two layers are of different layouts
 * @retval CONVOY_ERROR_UNSUPPORTED  a layer has a residual
 * @retval CONVOY_ERROR_NULL, and all of convoy_plan_create; the detail begins with the layer
 */
CONVOY_API convoy_status convoy_chain_create(const convoy_layer *layers,
                                             const convoy_weights *weights, size_t count,
                                             const convoy_options *options, convoy_chain **chain);

/** NULL is fine. */
CONVOY_API void convoy_chain_destroy(convoy_chain *chain);

/** Layers of the chain; 0 for NULL. */
CONVOY_API size_t convoy_chain_count(const convoy_chain *chain);

/** The plan of a layer, for convoy_plan_describe; the chain's. NULL past the end. */
CONVOY_API const convoy_plan *convoy_chain_plan(const convoy_chain *chain, size_t index);

/**
 * Bytes of the arena that an execution needs: the largest even and the largest odd tensor between
 * two layers, and the largest workspace. May be 0, and is for NULL.
 */
CONVOY_API size_t convoy_chain_arena_bytes(const convoy_chain *chain);

/**
 * Run all layers: x is the input of the first, y the output of the last, as convoy_plan_execute
 * wants them. Allocates nothing. Thread safe, each caller with an arena of its own.
 *
 * @param arena    convoy_chain_arena_bytes() bytes, aligned to CONVOY_ALIGNMENT; NULL if 0; from
 *                 convoy_workspace_create
 * @param seconds  seconds[count] receives the time of each layer; NULL: not wanted
 * @retval CONVOY_ERROR_OVERLAP  two of x, y and arena share memory
 * @retval as convoy_plan_execute; on an error y is untouched
 */
CONVOY_API convoy_status convoy_chain_execute(const convoy_chain *chain, const convoy_tensor *x,
                                              const convoy_tensor *y, void *arena, double *seconds);

#ifdef __cplusplus
}
#endif
#endif
