/**
 * @file run.c
 * The timed loop, the counters of a line, and what happens on Ctrl-C.
 */
#include "bench/run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/check.h"
#include "core/clock.h"
#include "core/error.h"

/* A sample is the mean of so many calls that reading the clock does not show in it. */
#define SAMPLE_SECONDS 20e-6
/* Slower calls are not repeated with four times the batch. */
#define BATCH_SECONDS_MAX 0.1
#define BATCH_TRIES       2
#define BATCH_TRIES_MAX   10

struct run_context {
    struct runner *runner;
    const struct bench_case *c;
};

static volatile sig_atomic_t interrupts;

static void on_interrupt(int number)
{
    (void)number;
    interrupts = 1;
}

bool interrupted(void)
{
    return interrupts != 0;
}

void interrupt_install(void)
{
    /* One Ctrl-C ends the run in order; after it the default is back and a second one kills. */
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

double case_seconds(const struct bench_case *c, const struct options *options)
{
    const struct gbench_flags *flags = gbench_flags();
    double call = c->estimate_seconds;
    double loop = flags->min_seconds > call ? 1.6 * flags->min_seconds : call;
    bool batches = options->check && call * c->threads < BATCH_SECONDS_MAX;
    double batch4 = batches ? (BATCH_TRIES + 1) * 5 * call * c->threads : 0;
    double prepare = 5e-3 + 2e-9 * case_bytes(c);
    return prepare + batch4 + (double)flags->repetitions * loop;
}

/* The layer with some batch, ready to run on one thread. */
struct batch {
    convoy_plan *plan;
    convoy_tensor x, y;
    void *workspace;
};

static void batch_destroy(struct batch *batch)
{
    convoy_tensor_destroy(&batch->x);
    convoy_tensor_destroy(&batch->y);
    convoy_workspace_destroy(batch->workspace);
    convoy_plan_destroy(batch->plan);
}

static convoy_status batch_create(const struct bench_case *c, int64_t images, const float *filter,
                                  struct batch *batch)
{
    convoy_options options = {.algorithm = c->plan.algorithm, .isa = c->isa, .threads = 1};
    convoy_layer l = c->layer;
    int64_t P, Q;
    convoy_status status;
    l.N *= images;
    if ((status = convoy_layer_output(&l, &P, &Q)) ||
        (status =
             convoy_plan_create(&l, &(convoy_weights){filter, NULL}, &options, &batch->plan)) ||
        (status = convoy_workspace_create(convoy_plan_workspace_bytes(batch->plan),
                                          &batch->workspace)) ||
        (status = convoy_tensor_create(CONVOY_FLOAT32, l.layout, l.N, l.C, l.H, l.W, &batch->x)) ||
        (status = convoy_tensor_fill_uniform(&batch->x, 1, -1, 1)) ||
        (status = convoy_tensor_create(CONVOY_FLOAT32, l.layout, l.N, l.K, P, Q, &batch->y))) {
        return status;
    }
    return convoy_plan_execute(batch->plan, &batch->x, &batch->y, batch->workspace);
}

static convoy_status batch_time(const struct batch *batch, double *least)
{
    double start = clock_seconds();
    convoy_status status = convoy_plan_execute(batch->plan, &batch->x, &batch->y, batch->workspace);
    double seconds = clock_seconds() - start;
    if (*least == 0 || seconds < *least) {
        *least = seconds;
    }
    return status;
}

/* For the rule that four images take longer than one. On one thread, where waiting for another
   one on a busy machine cannot be taken for work; once more where the difference is small. */
static convoy_status measure_batches(struct runner *runner, const struct bench_case *c)
{
    struct prepared *prepared = &runner->prepared;
    if (!runner->check || prepared->batch4_seconds > 0 ||
        prepared->inner_seconds * c->threads > BATCH_SECONDS_MAX) {
        return CONVOY_OK;
    }
    struct batch one = {0}, four = {0};
    convoy_status status = batch_create(c, 1, runner->data.filter, &one);
    if (!status) {
        status = batch_create(c, 4, runner->data.filter, &four);
    }
    double *t1 = &prepared->batch1_seconds, *t4 = &prepared->batch4_seconds;
    for (int i = 0; !status && i < BATCH_TRIES_MAX; i++) {
        if (i >= BATCH_TRIES && *t4 > CHECK_BATCH_GROWTH * *t1) {
            break;
        }
        status = batch_time(&one, t1);
        if (!status) {
            status = batch_time(&four, t4);
        }
    }
    batch_destroy(&one);
    batch_destroy(&four);
    return status;
}

/* Into prepared.shares, once for each plan; what these runs write is compared too. */
static convoy_status measure_stages(struct runner *runner)
{
    struct prepared *prepared = &runner->prepared;
    const convoy_plan *plan = prepared->plans[0];
    if (!runner->stages || prepared->shares[STAGE_MULTIPLY] > 0 || !stages_apply(plan)) {
        return CONVOY_OK;
    }
    convoy_status status = stages_measure(plan, &prepared->x[0], &prepared->y[0],
                                          prepared->workspace, prepared->shares);
    runner_compare(runner);
    return status;
}

/* What has no counter of its own is in the label, as key=value. */
static void set_label(gbench_state *state, struct runner *runner)
{
    const struct prepared *prepared = &runner->prepared;
    struct summary summary = samples_summary(&runner->samples);
    double bound = prepared->description.error_bound * runner->data.bound_scale;
    char text[512];
    int length = snprintf(text, sizeof text,
                          "algorithm=%s inner_us=%.9g outer_us=%.9g min_us=%.6g low_us=%.6g "
                          "median_us=%.6g high_us=%.6g "
                          "samples=%zu compared=%lld/%lld error_bound=%.6g",
                          prepared->description.algorithm, 1e6 * prepared->inner_seconds,
                          1e6 * prepared->outer_seconds, 1e6 * summary.least, 1e6 * summary.low,
                          1e6 * summary.median, 1e6 * summary.high, summary.count,
                          (long long)runner->data.oracle.outputs,
                          (long long)runner->data.oracle.total, bound);
    if (prepared->batch4_seconds > 0) {
        snprintf(text + length, sizeof text - (size_t)length, " batch1_us=%.6g batch4_us=%.6g",
                 1e6 * prepared->batch1_seconds, 1e6 * prepared->batch4_seconds);
    }
    gbench_label(state, text);
}

/* The time that the roofline allows: the work or the least traffic, whichever takes longer. The
   work is the smaller of the layer's and the algorithm's, so that neither waste counts as work
   done nor saved multiplications as a wonder. */
static double roofline_seconds(const struct runner *runner, const struct bench_case *c, double peak)
{
    const struct bandwidth_limit *bandwidth = limits_bandwidth(runner->limits, c->threads);
    double memory = bandwidth ? bandwidth->read[LEVEL_MEMORY] : 0;
    double executed = (double)runner->prepared.description.executed_flops;
    double effective = (double)c->counts.flops;
    double work = (executed < effective ? executed : effective) / peak;
    double traffic = memory > 0 ? (double)c->counts.bytes_least / memory : 0;
    return work > traffic ? work : traffic;
}

static void set_counters(gbench_state *state, struct runner *runner, const struct bench_case *c)
{
    const struct prepared *prepared = &runner->prepared;
    const convoy_description *plan = &prepared->description;
    double flops = (double)c->counts.flops;
    double peak = limits_peak(runner->limits, c->isa, c->threads);
    const struct {
        const char *name;
        double value;
        enum gbench_counter_kind kind;
    } counters[] = {
        {"flops", flops, GBENCH_INVARIANT_RATE},
        {"executed_flops", (double)plan->executed_flops, GBENCH_INVARIANT_RATE},
        {"peak_fraction", flops / peak, GBENCH_INVARIANT_RATE},
        {"bound_fraction", roofline_seconds(runner, c, peak), GBENCH_INVARIANT_RATE},
        {"error", prepared->error.relative_to_rms, GBENCH_PLAIN},
        {"workspace_bytes", (double)plan->workspace_bytes, GBENCH_PLAIN},
        {"packed_bytes", (double)plan->packed_bytes, GBENCH_PLAIN},
        {"create_us", 1e6 * prepared->create_seconds, GBENCH_PLAIN},
    };
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++) {
        gbench_counter(state, counters[i].name, counters[i].value, counters[i].kind);
    }
    if (prepared->shares[STAGE_MULTIPLY] > 0) {
        gbench_counter(state, "input_share", prepared->shares[STAGE_INPUT], GBENCH_PLAIN);
        gbench_counter(state, "multiply_share", prepared->shares[STAGE_MULTIPLY], GBENCH_PLAIN);
        gbench_counter(state, "output_share", prepared->shares[STAGE_OUTPUT], GBENCH_PLAIN);
    }
}

static int64_t calls_a_sample(const struct prepared *prepared, int64_t iterations)
{
    int64_t by_count = iterations / SAMPLES_MAX + 1;
    if (prepared->inner_seconds <= 0) {
        return by_count;
    }
    int64_t by_time = (int64_t)(SAMPLE_SECONDS / prepared->inner_seconds) + 1;
    return by_count > by_time ? by_count : by_time;
}

/* One call of the loop; true when the loop is to go on. */
static bool timed_call(gbench_state *state, const struct prepared *prepared, int64_t turn)
{
    convoy_status status = runner_call(prepared, (size_t)turn);
    if (status) {
        gbench_skip(state, convoy_error_detail());
    }
    return !status;
}

/* Two clocks of ours stand around Google Benchmark's: one outside its loop, one inside, so that its
   time must lie between theirs whatever interrupts the loop.
   @return whether the loop ran to its end */
static bool timed_loop(gbench_state *state, struct runner *runner)
{
    struct prepared *prepared = &runner->prepared;
    int64_t iterations = gbench_iterations(state), turn = 0, calls = 0;
    int64_t sample_calls = calls_a_sample(prepared, iterations);
    double outer = clock_seconds(), inner = 0, inner_end = 0, start = 0;
    runner->samples.count = 0;
    while (gbench_keep_running(state)) {
        if (turn == 0) {
            inner = start = clock_seconds();
        }
        if (!timed_call(state, prepared, turn++)) {
            return false;
        }
        bool last = turn == iterations;
        if (++calls == sample_calls || last) {
            inner_end = clock_seconds();
            /* The rest of calls at the end is a sample only when there is no other. */
            if (calls == sample_calls || runner->samples.count == 0) {
                samples_add(&runner->samples, (inner_end - start) / (double)calls);
            }
            start = inner_end;
            calls = 0;
            if (interrupted() && !last) {
                gbench_skip(state, INTERRUPTED);
                return false;
            }
        }
    }
    prepared->outer_seconds = (clock_seconds() - outer) / (double)turn;
    prepared->inner_seconds = (inner_end - inner) / (double)turn;
    return true;
}

static void run_case(gbench_state *state, void *context)
{
    const struct run_context *run = context;
    struct runner *runner = run->runner;
    if (interrupted()) {
        gbench_skip(state, INTERRUPTED);
        return;
    }
    convoy_status status = runner_prepare(runner, run->c);
    if (status) {
        gbench_skip(state, convoy_error_detail());
        return;
    }
    if (!timed_loop(state, runner)) {
        return;
    }
    runner_compare(runner);
    if (runner->prepared.error.unwritten) {
        gbench_skip(state, "an output was never written, or is no number");
        return;
    }
    status = measure_batches(runner, run->c);
    if (status && status != CONVOY_ERROR_TOO_LARGE && status != CONVOY_ERROR_MEMORY) {
        gbench_skip(state, convoy_error_detail());
        return;
    }
    status = measure_stages(runner);
    if (status) {
        gbench_skip(state, convoy_error_detail());
        return;
    }
    set_counters(state, runner, run->c);
    set_label(state, runner);
}

static void tell_progress(void *context)
{
    const struct run_context *run = context;
    if (run->runner->current != run->c) {
        run->runner->current = run->c;
        progress_step(&run->runner->progress, run->c->name);
    }
}

convoy_status runner_register(struct runner *runner, const struct selection *selection)
{
    runner->contexts = calloc(selection->count, sizeof *runner->contexts);
    if (!runner->contexts) {
        return fail(CONVOY_ERROR_MEMORY, "no memory for %zu cases", selection->count);
    }
    for (size_t i = 0; i < selection->count; i++) {
        runner->contexts[i] = (struct run_context){runner, &selection->cases[i]};
        gbench_register(&(struct gbench_benchmark){.name = selection->cases[i].name,
                                                   .run = run_case,
                                                   .setup = tell_progress,
                                                   .context = &runner->contexts[i]});
    }
    return CONVOY_OK;
}
