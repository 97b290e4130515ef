/**
 * @file verbose.h
 * What CONVOY_VERBOSE=1 in the environment asks for: a line on stderr for each plan created and for
 * each execution.
 */
#ifndef CONVOY_PLAN_VERBOSE_H
#define CONVOY_PLAN_VERBOSE_H

#include <stdbool.h>

struct convoy_plan;

/** CONVOY_VERBOSE is 1; it is read once. */
bool verbose(void);

/**
 * "convoy: execute n1c64h56w56_k64r3s3_pd1 nchw direct avx2 2 threads 1.234 ms".
 * @param event  "create" or "execute"
 */
void verbose_report(const char *event, const struct convoy_plan *plan, double seconds);

#endif
