/**
 * @file compare.c
 * Pairs of times in one run, so that what disturbs one disturbs the other; and runs of different
 * days, whose quartiles are all that is known of them.
 */
#include "bench/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/context.h"
#include "bench/run.h"
#include "bench/table.h"
#include "core/clock.h"
#include "core/error.h"

/* A time of a pair covers at least so much, in as many calls as that takes. */
#define PAIR_SECONDS 2e-3
/* A layer's pairs are fewer when they would take longer than this together. */
#define LAYER_SECONDS 20.0
#define PAIRS_LEAST   5

struct side {
    struct options options;
    char algorithm[48], isa[16], layout[8];
    struct selection selection;
    struct runner *runner;
};

struct verdict compare_pairs(struct samples *ratios)
{
    struct verdict verdict = {.ratio = samples_summary(ratios)};
    verdict.differs = verdict.ratio.low > 1 || verdict.ratio.high < 1;
    return verdict;
}

/* algorithm[/isa[/layout]]; what is left out is as the other options say. */
static convoy_status side_begin(const struct options *options, const char *what, struct side *side)
{
    side->options = *options;
    if (sscanf(what, "%47[^/]/%15[^/]/%7s", side->algorithm, side->isa, side->layout) < 1 ||
        strcmp(side->algorithm, "all") == 0 || strchr(what, ',')) {
        return fail(CONVOY_ERROR_ARGUMENT,
                    "--compare: '%s' is no algorithm[/isa[/layout]], such as direct/avx2", what);
    }
    side->options.algorithms = side->algorithm;
    side->options.isas = side->isa[0] ? side->isa : options->isas;
    side->options.layouts = side->layout[0] ? side->layout : options->layouts;
    side->runner = calloc(1, sizeof *side->runner);
    if (!side->runner) {
        return fail(CONVOY_ERROR_MEMORY, "no memory for a runner");
    }
    return select_cases(&side->options, &side->selection);
}

static void side_end(struct side *side)
{
    if (side->runner) {
        runner_end(side->runner);
    }
    free(side->runner);
    selection_destroy(&side->selection);
}

/* The case of the other side that a case is to be compared with. */
static const struct bench_case *partner(const struct side *a, const struct side *b,
                                        const struct bench_case *c)
{
    bool same_layout = !a->layout[0] && !b->layout[0];
    bool same_isa = !a->isa[0] && !b->isa[0];
    for (size_t i = 0; i < b->selection.count; i++) {
        const struct bench_case *other = &b->selection.cases[i];
        if (other->layer_index == c->layer_index && other->threads == c->threads &&
            (!same_isa || other->isa == c->isa) &&
            (!same_layout || other->layer.layout == c->layer.layout)) {
            return other;
        }
    }
    return NULL;
}

static convoy_status warm(struct runner *runner, const struct bench_case *c)
{
    convoy_status status = runner_prepare(runner, c);
    if (status || (status = runner_call(&runner->prepared, 0))) {
        return status;
    }
    runner_compare(runner);
    double start = clock_seconds();
    status = runner_call(&runner->prepared, 1);
    runner->prepared.inner_seconds = clock_seconds() - start;
    if (!status && runner->prepared.error.unwritten) {
        return fail(CONVOY_ERROR_ALGORITHM, "%s left an output unwritten", c->name);
    }
    return status;
}

static double time_calls(struct runner *runner, int64_t calls, size_t *turn)
{
    double start = clock_seconds();
    for (int64_t i = 0; i < calls; i++) {
        runner_call(&runner->prepared, (*turn)++);
    }
    return (clock_seconds() - start) / (double)calls;
}

struct pairs {
    struct samples a, b, ratio;
};

static void measure_pairs(struct runner *a, struct runner *b, int wanted, struct pairs *pairs)
{
    double slow = fmax(a->prepared.inner_seconds, b->prepared.inner_seconds);
    double fast = fmin(a->prepared.inner_seconds, b->prepared.inner_seconds);
    int64_t calls = (int64_t)(PAIR_SECONDS / fmax(fast, 1e-7)) + 1;
    double pair_seconds = (double)calls * (slow + fast);
    int affordable = (int)fmin(1e6, LAYER_SECONDS / pair_seconds);
    int count = affordable < PAIRS_LEAST ? PAIRS_LEAST : affordable;
    count = count < wanted ? count : wanted;
    size_t a_turn = 0, b_turn = 0;
    pairs->a.count = pairs->b.count = pairs->ratio.count = 0;
    for (int i = 0; i < count && !interrupted(); i++) {
        /* ABBA: what drifts in one direction meets both alike. */
        double a_seconds = i % 2 == 0 ? time_calls(a, calls, &a_turn) : 0;
        double b_seconds = time_calls(b, calls, &b_turn);
        if (i % 2) {
            a_seconds = time_calls(a, calls, &a_turn);
        }
        samples_add(&pairs->a, a_seconds);
        samples_add(&pairs->b, b_seconds);
        samples_add(&pairs->ratio, a_seconds / b_seconds);
    }
}

static void print_verdict(FILE *file, const struct verdict *verdict, const char *a, const char *b,
                          bool noisy)
{
    double median = verdict->ratio.median;
    fprintf(file, "%7.3f %6.3f..%-6.3f%c ", median, verdict->ratio.low, verdict->ratio.high,
            noisy ? '~' : ' ');
    if (!verdict->differs) {
        fputs("no difference\n", file);
    } else if (median > 1) {
        fprintf(file, "%.22s %.2f x faster\n", b, median);
    } else {
        fprintf(file, "%.22s %.2f x faster\n", a, 1 / median);
    }
    fflush(file);
}

static void print_head(const char *first, const char *a, const char *b)
{
    printf("%-28s%-5s%4s%9.9s%9.9s%9s%9s%8s%15s\n", first, "data", "thr", a, b, "error A",
           "error B", "A / B", "middle half");
}

static convoy_status compare_case(struct side *a, struct side *b, const struct bench_case *c,
                                  const struct bench_case *other, const struct limits *limits)
{
    static struct pairs pairs;
    convoy_status status = warm(a->runner, c);
    if (status || (status = warm(b->runner, other))) {
        return status;
    }
    measure_pairs(a->runner, b->runner, a->options.pairs, &pairs);
    if (pairs.ratio.count == 0) {
        return CONVOY_OK;
    }
    struct verdict verdict = compare_pairs(&pairs.ratio);
    double before = limits_peak(limits, c->isa, c->threads);
    double now = limits_peak_now(c->isa, c->threads);
    bool noisy = fmax(before, now) / fmin(before, now) > 1 + QUIET_DIFFERENCE;
    char a_text[16], b_text[16];
    printf("%-27.27s %-5s%4d%9s%9s%9.1e%9.1e", c->layer_name, convoy_layout_name(c->layer.layout),
           c->threads, time_text(samples_summary(&pairs.a).median, a_text),
           time_text(samples_summary(&pairs.b).median, b_text),
           a->runner->prepared.error.relative_to_rms, b->runner->prepared.error.relative_to_rms);
    print_verdict(stdout, &verdict, a->options.compare[0], a->options.compare[1], noisy);
    return CONVOY_OK;
}

static convoy_status compare_sides(struct side *a, struct side *b)
{
    static struct limits limits, after;
    for (size_t i = 0; i < a->selection.count; i++) {
        limits_want(&limits, a->selection.cases[i].isa, a->selection.cases[i].threads);
    }
    for (size_t i = 0; i < b->selection.count; i++) {
        limits_want(&limits, b->selection.cases[i].isa, b->selection.cases[i].threads);
    }
    limits_measure(&limits);
    context_print(stdout, &limits, &a->options);
    runner_begin(a->runner, &limits, &a->options);
    runner_begin(b->runner, &limits, &b->options);
    struct progress progress;
    progress_begin(&progress, a->selection.count, (double)a->selection.count, a->options.quiet);
    print_head("layer", "A median", "B median");
    convoy_status status = CONVOY_OK;
    size_t compared = 0;
    for (size_t i = 0; !status && i < a->selection.count && !interrupted(); i++) {
        const struct bench_case *c = &a->selection.cases[i], *other = partner(a, b, c);
        progress_step(&progress, c->name);
        if (!other) {
            fprintf(stderr, "left out: %s: %s does not apply\n", c->name, a->options.compare[1]);
        } else {
            progress_hide(&progress);
            status = compare_case(a, b, c, other, &limits);
            compared++;
        }
        progress_done(&progress, 1);
    }
    progress_hide(&progress);
    if (!status && compared == 0) {
        status = fail(CONVOY_ERROR_ARGUMENT, "nothing to compare: no layer has both %s and %s",
                      a->options.compare[0], a->options.compare[1]);
    }
    if (!status) {
        limits_measure_again(&limits, &after);
        context_print_after(stdout, &limits, &after);
        puts("A / B: median of the ratios of pairs; half of them are within the middle half, and "
             "where\nthat holds 1 there is no difference. ~: the FMA peak had changed by more "
             "than 10 %.");
    }
    return status;
}

convoy_status compare_algorithms(const struct options *options)
{
    static struct side a, b;
    convoy_status status = side_begin(options, options->compare[0], &a);
    if (!status) {
        status = side_begin(options, options->compare[1], &b);
    }
    if (!status) {
        status = compare_sides(&a, &b);
    }
    side_end(&a);
    side_end(&b);
    return status;
}

/* Two runs share no pairs: the extremes that their quartiles allow stand for the spread. */
static struct verdict compare_lines(const struct line *old, const struct line *new)
{
    struct verdict verdict = {.ratio = {.median = old->median_seconds / new->median_seconds,
                                        .low = old->low_seconds / new->high_seconds,
                                        .high = old->high_seconds / new->low_seconds}};
    verdict.differs = verdict.ratio.low > 1 || verdict.ratio.high < 1;
    return verdict;
}

static void tell_machines(FILE *file, const struct results *old, const struct results *new)
{
    static const char *const keys[] = {"cpu", "compiler", "flags", "blas_core", "cache_mode"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const char *before = results_context(old, keys[i]), *now = results_context(new, keys[i]);
        if (before && now && strcmp(before, now) != 0) {
            fprintf(file, "%s differs: '%s' then, '%s' now\n", keys[i], before, now);
        }
    }
}

/* The line's peak then and now differ by more than a quiet machine's do. */
static bool peaks_differ(const struct results *old, const struct results *new,
                         const struct line *line)
{
    convoy_isa isa;
    char key[64];
    if (convoy_isa_parse(line->isa, &isa)) {
        return true;
    }
    context_peak_key(isa, line->threads, key, sizeof key);
    double then = results_context_number(old, key), now = results_context_number(new, key);
    return !(fmax(then, now) / fmin(then, now) <= 1 + QUIET_DIFFERENCE);
}

convoy_status compare_baseline(FILE *file, const char *path, const struct results *results)
{
    struct results old;
    convoy_status status = results_read(path, &old);
    if (status) {
        return status;
    }
    size_t found = 0;
    fprintf(file, "\nbaseline %s, commit %s\n", path,
            results_context(&old, "commit") ? results_context(&old, "commit") : "unknown");
    tell_machines(file, &old, results);
    fprintf(file, "%-60s%9s%9s%8s%15s\n", "", "then", "now", "ratio", "spread");
    for (size_t i = 0; i < results->count; i++) {
        const struct line *new = &results->lines[i], *then = results_find(&old, new->name);
        if (!then || then->error || new->error) {
            continue;
        }
        struct verdict verdict = compare_lines(then, new);
        char then_text[16], now_text[16];
        fprintf(file, "%-60.60s%9s%9s", new->name, time_text(then->median_seconds, then_text),
                time_text(new->median_seconds, now_text));
        print_verdict(file, &verdict, "then", "now", peaks_differ(&old, results, new));
        found++;
    }
    if (found == 0) {
        status = fail(CONVOY_ERROR_ARGUMENT, "%s: no line of this run is in it", path);
    }
    results_destroy(&old);
    return status;
}
