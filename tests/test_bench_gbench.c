/**
 * @file test_bench_gbench.c
 * The C interface over Google Benchmark: names, rates, skips, overhead, and agreement of its times
 * with an independent loop on the clock.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/gbench.h"
#include "bench/samples.h"
#include "convoy/convoy.h"
#include "support/check.h"

/* What a listener has heard. */
struct heard {
    char name[128];
    char error[128];
    double seconds, plain, rate, invariant, missing;
    int lines, aggregates;
};

static void hear(const struct gbench_result *results, size_t count, void *context)
{
    struct heard *heard = context;
    for (size_t i = 0; i < count; i++) {
        if (results[i].aggregate) {
            heard->aggregates++;
            continue;
        }
        heard->lines++;
        snprintf(heard->name, sizeof heard->name, "%s", results[i].name);
        snprintf(heard->error, sizeof heard->error, "%s", results[i].error ? results[i].error : "");
        heard->seconds = results[i].seconds;
        heard->plain = gbench_result_counter(&results[i], "plain");
        heard->rate = gbench_result_counter(&results[i], "rate");
        heard->invariant = gbench_result_counter(&results[i], "invariant");
        heard->missing = gbench_result_counter(&results[i], "missing");
    }
}

static struct heard run(const struct gbench_benchmark *benchmark)
{
    struct heard heard = {.lines = 0};
    struct gbench_listener listener = {.group = hear, .context = &heard};
    gbench_register(benchmark);
    gbench_run(&listener);
    return heard;
}

static void wait_a_millisecond(gbench_state *state, void *context)
{
    (void)context;
    while (gbench_keep_running(state)) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    gbench_counter(state, "plain", 7, GBENCH_PLAIN);
    gbench_counter(state, "invariant", 5, GBENCH_INVARIANT_RATE);
    gbench_counter(state, "rate", 5.0 * (double)gbench_iterations(state), GBENCH_RATE);
}

/* Sleep costs no processor time: rates by it would be a hundred times too high. */
static void rates_are_by_the_wall_clock(void **state)
{
    (void)state;
    struct heard heard =
        run(&(struct gbench_benchmark){.name = "a/b/threads:2", .run = wait_a_millisecond});
    assert_string_equal(heard.name, "a/b/threads:2");
    assert_true(heard.seconds > 1e-3);
    assert_float_equal(heard.plain, 7, 0);
    assert_float_equal(heard.invariant * heard.seconds, 5, 1e-6);
    assert_float_equal(heard.rate * heard.seconds, 5, 1e-6);
    assert_true(isnan(heard.missing));
}

static void do_nothing(gbench_state *state, void *context)
{
    (void)context;
    while (gbench_keep_running(state)) {
    }
}

static void an_empty_callback_takes_under_a_microsecond(void **state)
{
    (void)state;
    struct heard heard = run(&(struct gbench_benchmark){.name = "empty", .run = do_nothing});
    print_message("empty callback: %.2f ns\n", 1e9 * heard.seconds);
    assert_true(heard.seconds < 1e-6);
}

static void skip_it(gbench_state *state, void *context)
{
    (void)context;
    gbench_skip(state, "there is a reason");
}

static void skips_carry_their_reason(void **state)
{
    (void)state;
    struct heard heard = run(&(struct gbench_benchmark){.name = "skip", .run = skip_it});
    assert_string_equal(heard.error, "there is a reason");
    assert_true(isnan(heard.seconds));
}

static int setups, teardowns;

static void slow_setup(void *context)
{
    (void)context;
    setups++;
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
}

static void slow_teardown(void *context)
{
    (void)context;
    teardowns++;
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
}

static void setup_and_teardown_are_not_timed(void **state)
{
    (void)state;
    struct heard heard = run(&(struct gbench_benchmark){
        .name = "slow", .run = wait_a_millisecond, .setup = slow_setup, .teardown = slow_teardown});
    assert_true(setups > 0);
    assert_int_equal(setups, teardowns);
    assert_true(heard.seconds < 5e-3);
}

static void wait_by_size(gbench_state *state, void *context)
{
    (void)context;
    while (gbench_keep_running(state)) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000 * gbench_size(state)}, NULL);
    }
}

static void sizes_are_run_and_fitted(void **state)
{
    (void)state;
    static const int64_t sizes[] = {1, 2, 4};
    struct heard heard = run(&(struct gbench_benchmark){
        .name = "sized", .run = wait_by_size, .sizes = sizes, .size_count = 3});
    assert_int_equal(heard.lines, 3);
    assert_int_equal(heard.aggregates, 2); /* the fit, and how well it fits */
    assert_string_equal(heard.name, "sized/4");
}

static void json_has_names_and_context(void **state)
{
    (void)state;
    gbench_context("a key", "a value");
    char *json = gbench_json();
    assert_non_null(json);
    assert_contains(json, "\"name\": \"a/b/threads:2\"");
    assert_contains(json, "\"a key\": \"a value\"");
    assert_contains(json, "\"time_unit\": \"ms\"");
    assert_null(strstr(json, "real_time\","));
    free(json);
}

/* One layer, ready to run. */
struct job {
    convoy_plan *plan;
    convoy_tensor x, y;
    void *workspace;
};

static void execute(gbench_state *state, void *context)
{
    struct job *job = context;
    while (gbench_keep_running(state)) {
        convoy_plan_execute(job->plan, &job->x, &job->y, job->workspace);
    }
}

static double clock_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The independent loop: as long as Google Benchmark's, without anything of ours or of theirs. */
static double loop_seconds(struct job *job, double at_least)
{
    int64_t calls = 0;
    double start = clock_seconds(), now;
    do {
        convoy_plan_execute(job->plan, &job->x, &job->y, job->workspace);
        calls++;
        now = clock_seconds();
    } while (now - start < at_least);
    return (now - start) / (double)calls;
}

static void create_job(const char *problem, struct job *job)
{
    convoy_layer l;
    convoy_tensor filter;
    int64_t P, Q;
    assert_ok(convoy_layer_parse(problem, &l));
    assert_ok(convoy_layer_output(&l, &P, &Q));
    assert_ok(
        convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, l.K, l.C / l.groups, l.R, l.S, &filter));
    assert_ok(convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, l.N, l.C, l.H, l.W, &job->x));
    assert_ok(convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, l.N, l.K, P, Q, &job->y));
    assert_ok(convoy_tensor_fill_uniform(&filter, 1, -1, 1));
    assert_ok(convoy_tensor_fill_uniform(&job->x, 2, -1, 1));
    convoy_options options = {.threads = 1};
    assert_ok(convoy_plan_create(&l, &(convoy_weights){filter.data, NULL}, &options, &job->plan));
    assert_ok(convoy_workspace_create(convoy_plan_workspace_bytes(job->plan), &job->workspace));
    convoy_tensor_destroy(&filter);
}

static void destroy_job(struct job *job)
{
    convoy_workspace_destroy(job->workspace);
    convoy_plan_destroy(job->plan);
    convoy_tensor_destroy(&job->x);
    convoy_tensor_destroy(&job->y);
}

static double median_ratio(struct job *job)
{
    static struct samples ratios;
    enum { PAIRS = 31 };
    ratios.count = 0;
    for (int i = 0; i < PAIRS; i++) {
        double before = i % 2 ? loop_seconds(job, 0.01) : 0;
        struct heard heard =
            run(&(struct gbench_benchmark){.name = "agreement", .run = execute, .context = job});
        double loop = i % 2 ? before : loop_seconds(job, 0.01);
        samples_add(&ratios, heard.seconds / loop);
    }
    return samples_summary(&ratios).median;
}

static void times_agree_with_an_independent_loop(void **state)
{
    (void)state;
    static const char *const problems[] = {"n1c64h28w28_k64r3s3_pd1", "n1c128h14w14_k256r1s1",
                                           "n1c32h56w56_k32r3s3_pd1_g32"};
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        struct job job;
        create_job(problems[i], &job);
        /* How closely they agree is for a quiet machine to say; that both mean the same unit and
           the same number of executions is for this test. */
        double ratio = median_ratio(&job);
        print_message("%-28s time by gbench / by the loop: %.4f\n", problems[i], ratio);
        assert_true(ratio > 0.25 && ratio < 4.0);
        destroy_job(&job);
    }
}

int main(void)
{
    int argc = 2;
    char *argv[] = {"test_bench_gbench", "--benchmark_min_time=0.01", NULL};
    gbench_initialize(&argc, argv, 0.01);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_by_the_wall_clock),
        cmocka_unit_test(an_empty_callback_takes_under_a_microsecond),
        cmocka_unit_test(skips_carry_their_reason),
        cmocka_unit_test(setup_and_teardown_are_not_timed),
        cmocka_unit_test(sizes_are_run_and_fitted),
        cmocka_unit_test(json_has_names_and_context),
        cmocka_unit_test(times_agree_with_an_independent_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
