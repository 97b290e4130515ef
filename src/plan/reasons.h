/**
 * @file reasons.h
 * Why one algorithm is slower than another, in words.
 */
#ifndef CONVOY_PLAN_REASONS_H
#define CONVOY_PLAN_REASONS_H

#include "kernels/algorithm.h"

/**
 * What makes `slow` slower than `fast`, as predicted: "4.0 times fewer multiply-adds, but
 * transforms take 61 % of its time".
 * @param executions  of the plans; 0: creation does not count
 */
void reason_slower(const struct convoy_plan *slow, const struct convoy_plan *fast,
                   int64_t executions, char *text, size_t size);

#endif
