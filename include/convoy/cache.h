/**
 * @file cache.h
 * Plans kept for programs whose shapes vary: asked for by layer, weights and options, created when
 * they are not there, the one that was not asked for the longest dropped when there are too many.
 * Plans of the same weights share what they have packed, where they pack alike.
 */
#ifndef CONVOY_CACHE_H
#define CONVOY_CACHE_H

#include "convoy/plan.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct convoy_cache convoy_cache;

typedef struct convoy_cache_statistics {
    uint64_t hits;
    uint64_t misses;     /**< plans created, or tried to */
    uint64_t evictions;  /**< plans dropped for want of room */
    uint64_t shared;     /**< plans created with packed weights that were already there */
    size_t plans;        /**< kept now */
    size_t packed_bytes; /**< of weights and biases of these, what is shared counted once */
} convoy_cache_statistics;

/**
 * An empty cache, to be freed with convoy_cache_destroy.
 * @param plans_max  plans it keeps, 1 to 65536. Looking for one takes time in proportion, about a
 *                   nanosecond for each.
 * @retval CONVOY_ERROR_NULL, CONVOY_ERROR_ARGUMENT, CONVOY_ERROR_MEMORY
 */
CONVOY_API convoy_status convoy_cache_create(size_t plans_max, convoy_cache **cache);

/** Drop all plans; those that are held elsewhere live on. No other thread uses it any more. NULL is
 *  fine. */
CONVOY_API void convoy_cache_destroy(convoy_cache *cache);

/**
 * The plan for a layer, created if it is not there. Thread safe; of several threads that ask for
 * the same new plan, one creates it and the others wait.
 *
 * @param weights  the addresses of filter and bias stand for their values: before that memory is
 *                 changed or freed, call convoy_cache_forget. Needed only during the call.
 * @param options  part of what is asked for, but for time limit and progress; threads == 0 is what
 *                 OpenMP would use now. The addresses of wisdom and calibration stand for them:
 *                 plans made before a wisdom learned or imported something stay as they are
 * @param plan     receives the plan, to be given back with convoy_plan_destroy
 * @retval as convoy_plan_create
 */
CONVOY_API convoy_status convoy_cache_get(convoy_cache *cache, const convoy_layer *layer,
                                          const convoy_weights *weights,
                                          const convoy_options *options, convoy_plan **plan);

/** Drop the plans that were made from this filter, or from any if it is NULL. Plans that are held
 *  elsewhere live on. Thread safe, but for a plan of this filter that is being created. */
CONVOY_API void convoy_cache_forget(convoy_cache *cache, const float *filter);

/** Thread safe. @retval CONVOY_ERROR_NULL */
CONVOY_API convoy_status convoy_cache_describe(convoy_cache *cache,
                                               convoy_cache_statistics *statistics);

#ifdef __cplusplus
}
#endif
#endif
