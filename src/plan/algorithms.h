/**
 * @file algorithms.h
 * The algorithm table.
 */
#ifndef CONVOY_PLAN_ALGORITHMS_H
#define CONVOY_PLAN_ALGORITHMS_H

#include "kernels/algorithm.h"

/** All algorithms, NULL at the end. */
extern const struct algorithm *const algorithms[];

/**
 * The algorithm of a name.
 * @retval CONVOY_ERROR_ALGORITHM  there is none; the detail lists the known names
 */
convoy_status algorithm_find(const char *name, const struct algorithm **algorithm);

#endif
