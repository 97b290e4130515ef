/**
 * @file choose.h
 * Which algorithm a plan gets, and why the others do not.
 */
#ifndef CONVOY_PLAN_CHOOSE_H
#define CONVOY_PLAN_CHOOSE_H

#include "plan/request.h"

/**
 * An algorithm's plan for the request, without packed weights.
 * @param reason  320 bytes: receives why the request excludes it, "" if it does not
 * @return CONVOY_OK or the status that a caller who forces this algorithm gets; the plan is set
 *         but for CONVOY_ERROR_ALGORITHM. The detail is not set: that is the caller's choice.
 */
convoy_status request_try(const struct request *request, const struct algorithm *algorithm,
                          struct convoy_plan *plan, char *reason);

/**
 * The chosen plan, without packed weights; plan->why is set.
 * @retval CONVOY_ERROR_ALGORITHM, CONVOY_ERROR_TOLERANCE, CONVOY_ERROR_LIMIT,
 *         CONVOY_ERROR_TOO_LARGE
 */
convoy_status request_choose(const struct request *request, struct convoy_plan *plan);

#endif
