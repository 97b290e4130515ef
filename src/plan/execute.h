/**
 * @file execute.h
 * The checks of execution, for those who execute several plans and want to know first.
 */
#ifndef CONVOY_PLAN_EXECUTE_H
#define CONVOY_PLAN_EXECUTE_H

#include "kernels/algorithm.h"

/** Are they what the plan's layer needs? @retval as convoy_plan_execute */
convoy_status plan_check_x(const struct convoy_plan *plan, const convoy_tensor *x);
convoy_status plan_check_y(const struct convoy_plan *plan, const convoy_tensor *y);

/** The memory from the first to the last element meets the `bytes` bytes at `begin`. */
bool tensor_meets(const convoy_tensor *tensor, const void *begin, size_t bytes);

#endif
