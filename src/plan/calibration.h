/**
 * @file calibration.h
 * A calibration as the planner and the text see it.
 */
#ifndef CONVOY_PLAN_CALIBRATION_H
#define CONVOY_PLAN_CALIBRATION_H

#include "plan/cost.h"

struct convoy_calibration {
    int threads;
    convoy_rates rates[CONVOY_ISA_COUNT]; /* those that are usable */
};

/** The rates of a usable ISA; those built in if calibration is NULL. */
convoy_rates rates_of(const convoy_calibration *calibration, convoy_isa isa);

#endif
