/**
 * @file counted.h
 * Runs a layer on kernels whose vector multiply-adds count themselves.
 */
#ifndef CONVOY_BENCH_COUNTED_H
#define CONVOY_BENCH_COUNTED_H

#include <stdbool.h>

#include "convoy/convoy.h"

/** The algorithm of that name multiplies in kernels of an ISA, so that a counted run sees it all.
 */
bool counted_sees(const char *name);

/**
 * Plan and run the layer on one thread with the counted kernels.
 * @param planned  what the plan's formula says for these kernels, in FLOPs
 * @param counted  what they did
 * @retval as convoy_plan_create and convoy_plan_execute
 */
convoy_status counted_run(const convoy_layer *layer, const char *algorithm, int64_t *planned,
                          int64_t *counted);

#endif
