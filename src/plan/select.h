/**
 * @file select.h
 * The choice with all that can be known: wisdom if options have one that knows the layer,
 * else what is measured if they ask for it, else the rule of choose.c.
 */
#ifndef CONVOY_PLAN_SELECT_H
#define CONVOY_PLAN_SELECT_H

#include "plan/measure.h"

/**
 * The chosen plan, without packed weights; plan->why is set.
 * @param weights      of the measurement; NULL: random ones
 * @param measurement  receives what was measured; its count is 0 if nothing was. NULL: only the
 *                     plan is wanted, so an algorithm that is asked for by name is not timed.
 * @retval as request_choose and request_measure
 */
convoy_status request_select(const struct request *request, const convoy_weights *weights,
                             struct convoy_plan *plan, struct measurement *measurement);

#endif
