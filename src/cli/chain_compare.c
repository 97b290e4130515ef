/**
 * @file chain_compare.c
 * Medians, sums, and the reason why two chains do not stand to each other as their FLOPs do:
 *
 *   time 1 / time 2 = FLOPs 1 / FLOPs 2
 *                   * what the algorithms save in chain 1 / what they save in chain 2
 *                   * seconds for each executed FLOP in chain 1 / in chain 2
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/chain_job.h"
#include "cli/times.h"

/* Sentences that differ by less say the same. */
#define ALIKE 0.05

/* The median of every `step`th value, in the room of `column`, which is sorted then. */
static double median_of_column(const double *first, size_t step, double *column, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        column[i] = first[i * step];
    }
    times_sort(column, count);
    return times_median(column, count);
}

static void summarise_side(struct chain_side *side, double *column, size_t repeats)
{
    side->median_seconds = median_of_column(side->run_seconds, 1, column, repeats);
    side->min_seconds = column[0];
    for (size_t i = 0; i < side->count; i++) {
        struct chain_layer *layer = &side->layers[i];
        layer->median_seconds = median_of_column(side->seconds + i, side->count, column, repeats);
        side->flops += layer->counts.flops;
        side->executed_flops += layer->description.executed_flops;
        side->predicted_seconds += layer->description.predicted.seconds;
    }
}

void chain_summarise(struct chain_job *job)
{
    for (size_t i = 0; i < job->side_count; i++) {
        summarise_side(&job->sides[i], job->column, job->repeats);
    }
}

/* The layer whose share of the time is furthest above its share of the executed FLOPs. */
static size_t slowest_layer(const struct chain_side *side, double *time_share, double *work_share)
{
    size_t slowest = 0;
    double worst = -1, all = 0;
    for (size_t i = 0; i < side->count; i++) {
        all += side->layers[i].median_seconds;
    }
    for (size_t i = 0; i < side->count; i++) {
        const struct chain_layer *layer = &side->layers[i];
        double time = layer->median_seconds / all;
        double work = (double)layer->description.executed_flops / (double)side->executed_flops;
        if (time - work > worst) {
            worst = time - work;
            slowest = i;
            *time_share = time;
            *work_share = work;
        }
    }
    return slowest;
}

__attribute__((format(printf, 2, 3))) static void append(struct chain_ratios *ratios,
                                                         const char *format, ...)
{
    size_t length = strlen(ratios->reason);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(ratios->reason + length, sizeof ratios->reason - length, format, arguments);
    va_end(arguments);
}

/* What the algorithms leave out or add: executed against the layers' FLOPs. */
static void explain_work(const struct chain_side *sides, struct chain_ratios *ratios)
{
    double first = (double)sides[0].executed_flops / (double)sides[0].flops;
    double second = (double)sides[1].executed_flops / (double)sides[1].flops;
    if (fabs(first / second - 1) < ALIKE) {
        append(ratios, "the algorithms execute alike shares of the FLOPs (%.2f and %.2f)", first,
               second);
    } else {
        append(ratios,
               "the algorithms execute %.2f of the FLOPs of chain 1 and %.2f of chain 2, which "
               "alone would make it %.2f",
               first, second, ratios->executed);
    }
}

/* How fast the executed FLOPs are done. */
static void explain_rate(const struct chain_side *sides, struct chain_ratios *ratios)
{
    double factor = ratios->executed / ratios->measured, time = 0, work = 0;
    int slower = factor >= 1;
    const struct chain_side *side = &sides[slower];
    if (fabs(factor - 1) < ALIKE) {
        append(ratios, "; both execute them alike fast");
        return;
    }
    append(ratios, "; and chain %d takes %.2f times as long as chain %d for each executed FLOP",
           slower + 1, slower ? factor : 1 / factor, 2 - slower);
    size_t slowest = slowest_layer(side, &time, &work);
    if (time > (1 + ALIKE) * work) { /* a chain of one layer has both shares whole */
        append(ratios, ", mostly in '%.40s' (%s): %.0f %% of its time for %.0f %% of its FLOPs",
               side->file.entries[slowest].named.name, side->layers[slowest].description.algorithm,
               100 * time, 100 * work);
    }
}

void chain_compare(const struct chain_job *job, struct chain_ratios *ratios)
{
    const struct chain_side *sides = job->sides;
    for (size_t i = 0; i < job->repeats; i++) {
        job->column[i] = sides[0].run_seconds[i] / sides[1].run_seconds[i];
    }
    times_sort(job->column, job->repeats);
    *ratios = (struct chain_ratios){
        .analytic = (double)sides[0].flops / (double)sides[1].flops,
        .executed = (double)sides[0].executed_flops / (double)sides[1].executed_flops,
        .predicted = sides[0].predicted_seconds / sides[1].predicted_seconds,
        .measured = times_median(job->column, job->repeats),
    };
    if (fabs(ratios->measured / ratios->analytic - 1) < ALIKE) {
        append(ratios, "measured and analytic agree; ");
    }
    explain_work(sides, ratios);
    explain_rate(sides, ratios);
}
