/**
 * @file check.c
 * The rules that results must keep. Each compares numbers that were come by in different ways.
 */
#include "bench/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/context.h"
#include "bench/counted.h"
#include "bench/machine_limits.h"
#include "bench/run.h"

/* A line with what is known about it from elsewhere. */
struct subject {
    const struct results *results;
    const struct line *line;
    convoy_layer layer;
    int64_t P, Q;
    convoy_isa isa;
    convoy_description plan;
    char *reason;
    size_t size;
};

#define BROKEN(subject, ...) (snprintf((subject)->reason, (subject)->size, __VA_ARGS__), false)

static bool nearly(double a, double b)
{
    return fabs(a - b) <= CHECK_ROUNDING * fmax(fabs(a), fabs(b));
}

/* N K P Q R S C/groups, written out here once more: not the library's count. */
static double formula_macs(const struct subject *s)
{
    const convoy_layer *l = &s->layer;
    return (double)l->N * (double)l->K * (double)s->P * (double)s->Q * (double)l->R * (double)l->S *
           (double)(l->C / l->groups);
}

/* Taps of one axis that meet real input, by walking over all. */
static double real_taps(int64_t outputs, int64_t taps, int64_t stride, int64_t dilation,
                        int64_t pad, int64_t extent)
{
    double count = 0;
    for (int64_t o = 0; o < outputs; o++) {
        for (int64_t t = 0; t < taps; t++) {
            int64_t at = o * stride - pad + t * dilation;
            count += at >= 0 && at < extent;
        }
    }
    return count;
}

static double walked_macs_valid(const struct subject *s)
{
    const convoy_layer *l = &s->layer;
    double rows = real_taps(s->P, l->R, l->stride_h, l->dilation_h, l->pad_top, l->H);
    double columns = real_taps(s->Q, l->S, l->stride_w, l->dilation_w, l->pad_left, l->W);
    return rows * columns * (double)l->N * (double)l->K * (double)(l->C / l->groups);
}

static bool rule_numbers(const struct subject *s)
{
    const struct line *l = s->line;
    const struct {
        const char *name;
        double value;
    } numbers[] = {{"real_time", l->seconds},
                   {"flops", l->flops},
                   {"executed_flops", l->executed_flops},
                   {"peak_fraction", l->peak_fraction},
                   {"bound_fraction", l->bound_fraction},
                   {"error", l->error_rms},
                   {"error_bound", l->error_bound},
                   {"iterations", l->iterations},
                   {"inner_us", l->inner_seconds},
                   {"outer_us", l->outer_seconds},
                   {"min_us", l->min_seconds},
                   {"median_us", l->median_seconds}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (!isfinite(numbers[i].value) || numbers[i].value < 0) {
            return BROKEN(s, "%s is %g: it must be a finite number and there", numbers[i].name,
                          numbers[i].value);
        }
    }
    return l->seconds > 0 || BROKEN(s, "the time is %g s", l->seconds);
}

static bool rule_effective(const struct subject *s)
{
    double expected = 2 * formula_macs(s) / s->line->seconds;
    return nearly(s->line->flops, expected) ||
           BROKEN(s, "flops is %.6g/s, but 2 N K P Q R S C/g / time is %.6g/s", s->line->flops,
                  expected);
}

static bool rule_executed_plan(const struct subject *s)
{
    double executed = s->line->executed_flops * s->line->seconds;
    double planned = (double)s->plan.executed_flops;
    return nearly(executed, planned) ||
           BROKEN(s, "executed_flops x time is %.6g FLOP, but the plan executes %.6g", executed,
                  planned);
}

/* What no vector kernel counts is held against walks over the taps. */
static bool rule_executed_walked(const struct subject *s)
{
    double planned = (double)s->plan.executed_flops;
    double all = 2 * formula_macs(s), valid = 2 * walked_macs_valid(s);
    return counted_sees(s->plan.algorithm) || planned == all || planned == valid ||
           BROKEN(s,
                  "the plan executes %.17g FLOP, but there are %.17g over all taps and %.17g "
                  "over real input",
                  planned, all, valid);
}

static bool rule_executed_counted(const struct subject *s)
{
    int64_t planned, counted;
    if (!counted_sees(s->plan.algorithm)) {
        return true;
    }
    if (counted_run(&s->layer, s->plan.algorithm, &planned, &counted)) {
        return BROKEN(s, "no counted run: %s", convoy_error_detail());
    }
    return planned == counted ||
           BROKEN(s, "the plan's formula says %lld FLOP for the counted kernels, which did %lld",
                  (long long)planned, (long long)counted);
}

static bool rule_peak(const struct subject *s)
{
    char key[64], after[80];
    context_peak_key(s->isa, s->line->threads, key, sizeof key);
    snprintf(after, sizeof after, "after/%s", key);
    double peak =
        fmax(results_context_number(s->results, key), results_context_number(s->results, after));
    if (!(peak > 0)) {
        return BROKEN(s, "the context has no \"%s\" to hold the time against", key);
    }
    return s->line->executed_flops <= CHECK_PEAK_SLACK * peak ||
           BROKEN(s, "executed_flops is %.5g/s, more than %.2f x the measured peak of %.5g/s",
                  s->line->executed_flops, CHECK_PEAK_SLACK, peak);
}

static bool rule_peak_fraction(const struct subject *s)
{
    char key[64];
    context_peak_key(s->isa, s->line->threads, key, sizeof key);
    double expected = s->line->flops / results_context_number(s->results, key);
    return nearly(s->line->peak_fraction, expected) ||
           BROKEN(s, "peak_fraction is %.5g, but flops / peak is %.5g", s->line->peak_fraction,
                  expected);
}

/* The fastest rate at which the level moves data, before or after the run; no level is slower than
   those behind it. */
static double level_bandwidth(const struct subject *s, enum memory_level nearest)
{
    static const char *const forms[] = {"read", "copy", "after/read", "after/copy"};
    double best = NAN;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        for (int level = nearest; level < LEVELS; level++) {
            char key[80];
            snprintf(key, sizeof key, "%s/%s/threads:%d", forms[i],
                     memory_level_name((enum memory_level)level), s->line->threads);
            best = fmax(best, results_context_number(s->results, key));
        }
    }
    return best;
}

static bool rule_bandwidth(const struct subject *s)
{
    convoy_counts counts;
    if (convoy_layer_count(&s->layer, NULL, &counts)) {
        return BROKEN(s, "%s", convoy_error_detail());
    }
    double bytes = (double)counts.bytes_least, rate = bytes / s->line->seconds;
    const char *mode = results_context(s->results, "cache_mode");
    bool cold = mode && strcmp(mode, "cold") == 0;
    for (int level = cold ? LEVEL_MEMORY : LEVEL_L1; level < LEVELS; level++) {
        char key[32];
        snprintf(key, sizeof key, "measured/%s", memory_level_name((enum memory_level)level));
        double capacity = results_context_number(s->results, key);
        double bandwidth = level_bandwidth(s, (enum memory_level)level);
        int cores = level == LEVEL_L3 ? 1 : s->line->threads;
        /* Twice: the end of a cache is measured with an error that must not accuse anybody. */
        bool fits = level == LEVEL_MEMORY || bytes <= 2 * capacity * cores;
        if (!fits || isnan(bandwidth)) {
            continue;
        }
        return rate <= CHECK_BANDWIDTH_SLACK * bandwidth ||
               BROKEN(s, "%.5g bytes/s, more than %.2f x the %.5g bytes/s of %s", rate,
                      CHECK_BANDWIDTH_SLACK, bandwidth,
                      memory_level_name((enum memory_level)level));
    }
    return BROKEN(s, "the context has no bandwidths to hold the time against");
}

/* Google Benchmark's time lies between those of a clock inside its loop and one outside; and no
   mean is below the least of what it is the mean of. */
static bool rule_clocks(const struct subject *s)
{
    const struct line *l = s->line;
    double slack = CHECK_ROUNDING * l->seconds + CHECK_CLOCK_SECONDS / l->iterations;
    if (l->seconds < l->inner_seconds - slack || l->seconds > l->outer_seconds + slack) {
        return BROKEN(s, "the time is %.6g us, but the clocks around it say %.6g to %.6g us",
                      1e6 * l->seconds, 1e6 * l->inner_seconds, 1e6 * l->outer_seconds);
    }
    return l->min_seconds <= l->outer_seconds + slack ||
           BROKEN(s, "the mean time %.6g us is below the least sample %.6g us", 1e6 * l->seconds,
                  1e6 * l->min_seconds);
}

static bool rule_batch(const struct subject *s)
{
    const struct line *l = s->line;
    if (isnan(l->batch4_seconds) || l->batch1_seconds < CHECK_BATCH_SECONDS_LEAST) {
        return true;
    }
    return l->batch4_seconds >= CHECK_BATCH_GROWTH * l->batch1_seconds ||
           BROKEN(s, "four times the batch takes %.5g us, less than %.1f x the %.5g us of one",
                  1e6 * l->batch4_seconds, CHECK_BATCH_GROWTH, 1e6 * l->batch1_seconds);
}

static bool rule_bound(const struct subject *s)
{
    return s->line->error_rms <= s->line->error_bound ||
           BROKEN(s, "error is %.4g of the rms, beyond the algorithm's bound %.4g",
                  s->line->error_rms, s->line->error_bound);
}

static bool rule_too_exact(const struct subject *s)
{
    double executed = s->line->executed_flops * s->line->seconds;
    double needed = 2 * walked_macs_valid(s) * (1 - CHECK_ROUNDING);
    return executed >= needed || s->line->error_rms > 0 ||
           BROKEN(s, "it claims %.5g FLOP of %.5g and an error of exactly 0: it did something else",
                  executed, needed);
}

static bool rule_compared(const struct subject *s)
{
    double outputs = (double)s->layer.N * (double)s->layer.K * (double)s->P * (double)s->Q;
    const struct line *l = s->line;
    return (l->compared > 0 && l->compared <= l->outputs && l->outputs == outputs) ||
           BROKEN(s, "%.0f of %.0f outputs were compared, but the layer has %.0f", l->compared,
                  l->outputs, outputs);
}

typedef bool rule_function(const struct subject *subject);

/* The counted run is last: it is the one that costs time. */
static rule_function *const rules[] = {
    rule_numbers, rule_effective, rule_executed_plan,   rule_executed_walked, rule_compared,
    rule_clocks,  rule_peak,      rule_peak_fraction,   rule_bandwidth,       rule_batch,
    rule_bound,   rule_too_exact, rule_executed_counted};

static bool describe(struct subject *s)
{
    const struct line *line = s->line;
    convoy_options options = {.threads = line->threads};
    if (convoy_isa_parse(line->isa, &s->isa) || results_layer(s->results, line, &s->layer) ||
        convoy_layer_output(&s->layer, &s->P, &s->Q)) {
        return BROKEN(s, "%s", convoy_error_detail());
    }
    options.isa = s->isa;
    size_t count = convoy_algorithm_count();
    convoy_description *all = calloc(count, sizeof *all);
    bool found = false;
    if (!all || convoy_layer_explain(&s->layer, &options, all)) {
        free(all);
        return BROKEN(s, "%s", all ? convoy_error_detail() : "no memory");
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(all[i].algorithm, line->chosen) == 0 && !all[i].reason) {
            s->plan = all[i];
            found = true;
        }
    }
    free(all);
    bool automatic = strcmp(line->algorithm, "auto") == 0;
    if (!automatic && strcmp(line->algorithm, line->chosen) != 0) {
        return BROKEN(s, "it is named %s and ran %s", line->algorithm, line->chosen);
    }
    return found || BROKEN(s, "algorithm '%s' does not apply to the layer", line->chosen);
}

bool check_line(const struct results *results, const struct line *line, char *reason,
                size_t reason_size)
{
    struct subject subject = {
        .results = results, .line = line, .reason = reason, .size = reason_size};
    reason[0] = '\0';
    if (line->error) {
        snprintf(reason, reason_size, "%s", line->error);
        return false;
    }
    if (line->threads < 1) {
        snprintf(reason, reason_size,
                 "the name is not <layer>/<algorithm>/<isa>/<layout>/"
                 "threads:<t>");
        return false;
    }
    if (!describe(&subject)) {
        return false;
    }
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (!rules[i](&subject)) {
            return false;
        }
    }
    return true;
}

size_t check_results(struct results *results, bool quiet)
{
    size_t failed = 0;
    struct progress progress;
    /* Most of the time goes into counted runs, about a second for each large layer. */
    progress_begin(&progress, results->count, (double)results->count, quiet);
    for (size_t i = 0; i < results->count; i++) {
        struct line *line = &results->lines[i];
        char reason[320], refused[360];
        progress_step(&progress, line->name);
        if (interrupted()) {
            results_refuse(line, "interrupted before it was checked");
        } else if (!check_line(results, line, reason, sizeof reason)) {
            progress_hide(&progress);
            fprintf(stderr, "check failed: %s: %s\n", line->name, reason);
            snprintf(refused, sizeof refused, "check failed: %s", reason);
            results_refuse(line, refused);
            failed++;
        }
        progress_done(&progress, 1);
    }
    progress_hide(&progress);
    return failed;
}
