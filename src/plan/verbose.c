/**
 * @file verbose.c
 * Each line is one write, so that lines of several threads do not mix.
 */
#include "plan/verbose.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/plan.h"

enum { UNKNOWN, OFF, ON };

bool verbose(void)
{
    static atomic_int state = UNKNOWN;
    int known = atomic_load_explicit(&state, memory_order_relaxed);
    if (known == UNKNOWN) {
        const char *wanted = getenv("CONVOY_VERBOSE");
        known = wanted && strcmp(wanted, "1") == 0 ? ON : OFF;
        atomic_store_explicit(&state, known, memory_order_relaxed);
    }
    return known == ON;
}

void verbose_report(const char *event, const struct convoy_plan *plan, double seconds)
{
    char problem[CONVOY_PROBLEM_SIZE];
    convoy_layer_print(&plan->layer, problem, sizeof problem);
    fprintf(stderr, "convoy: %s %s %s %s %s %d thread%s %.3f ms\n", event, problem,
            convoy_layout_name(plan->layer.layout), plan->algorithm->name,
            convoy_isa_name(plan_isa(plan)), plan->threads, plan->threads == 1 ? "" : "s",
            1e3 * seconds);
}
