/**
 * @file reasons.c
 * The part of the time in which the two differ most is the cause. Where the slower one has less of
 * what most expect to decide, the multiply-adds, that comes first.
 */
#include "plan/reasons.h"

#include <math.h>
#include <stdio.h>

#define MiB 1048576.0
/* Ratios nearer to 1 than this are not worth a word. */
#define CLEARLY 1.1

enum part { MULTIPLY, TRANSFORM, TRAFFIC, OVERHEAD, CREATION, PARTS };

static void parts_of(const struct convoy_plan *plan, int64_t executions, double parts[PARTS])
{
    const convoy_prediction *p = &plan->predicted;
    parts[MULTIPLY] = p->multiply_seconds;
    parts[TRANSFORM] = p->transform_seconds;
    parts[TRAFFIC] = p->traffic_seconds;
    parts[OVERHEAD] = p->overhead_seconds;
    parts[CREATION] = executions > 0 ? p->creation_seconds / (double)executions : 0;
}

static double flops_ratio(const struct convoy_plan *a, const struct convoy_plan *b)
{
    return (double)a->executed_flops / fmax((double)b->executed_flops, 1);
}

/* More of them, or slower ones; and where tiles are not full, that is said too. */
static void tell_multiply(const struct convoy_plan *slow, const struct convoy_plan *fast,
                          char *text, size_t size)
{
    double more = flops_ratio(slow, fast);
    int length;
    if (more >= CLEARLY) {
        length = snprintf(text, size, "it does %.1f times as many multiply-adds", more);
    } else {
        double slower = slow->predicted.multiply_seconds / fast->predicted.multiply_seconds / more;
        length = snprintf(text, size, "each multiply-add takes %.1f times as long", slower);
    }
    if (slow->work.filled < 0.95 && slow->work.filled < fast->work.filled) {
        snprintf(text + length, size - (size_t)length, ", as outputs fill %.0f %% of its tiles",
                 100 * slow->work.filled);
    }
}

static void tell_cause(enum part part, const struct convoy_plan *slow,
                       const struct convoy_plan *fast, char *text, size_t size)
{
    const convoy_prediction *p = &slow->predicted;
    switch (part) {
    case TRANSFORM:
        snprintf(text, size, "%s %.0f %% of its time",
                 slow->algorithm->transforms ? "transforms take" : "rearranging x and y takes",
                 100 * p->transform_seconds / p->seconds);
        return;
    case TRAFFIC:
        snprintf(text, size,
                 "waiting for memory takes %.0f %% of its time, with %.1f MiB of packed weights "
                 "read %.0f time%s",
                 100 * p->traffic_seconds / p->seconds, (double)slow->packed_w_bytes / MiB,
                 slow->work.w_passes, slow->work.w_passes < 1.5 ? "" : "s");
        return;
    case OVERHEAD:
        snprintf(text, size, "fixed costs take %.0f %% of its time",
                 100 * p->overhead_seconds / p->seconds);
        return;
    case CREATION:
        snprintf(text, size, "packing its weights takes %.3g ms", 1e3 * p->creation_seconds);
        return;
    default:
        tell_multiply(slow, fast, text, size);
    }
}

void reason_slower(const struct convoy_plan *slow, const struct convoy_plan *fast,
                   int64_t executions, char *text, size_t size)
{
    double slow_parts[PARTS], fast_parts[PARTS];
    char cause[160];
    enum part worst = MULTIPLY;
    parts_of(slow, executions, slow_parts);
    parts_of(fast, executions, fast_parts);
    for (int part = MULTIPLY; part < PARTS; part++) {
        if (slow_parts[part] - fast_parts[part] > slow_parts[worst] - fast_parts[worst]) {
            worst = (enum part)part;
        }
    }
    double fewer = flops_ratio(fast, slow);
    tell_cause(worst, slow, fast, cause, sizeof cause);
    if (fewer >= CLEARLY) {
        snprintf(text, size, "%.1f times fewer multiply-adds, but %s", fewer, cause);
    } else {
        snprintf(text, size, "%s", cause);
    }
}
