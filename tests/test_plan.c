/**
 * @file test_plan.c
 * Creation of plans: options, choice, explanation, memory; and what a plan keeps of its weights.
 */
#include <math.h>
#include <omp.h>
#include <stdio.h>

#include "convoy/convoy.h"
#include "core/memory.h"
#include "kernels/algorithm.h"
#include "kernels/kernel.h"
#include "plan/plan.h"
#include "support/check.h"
#include "support/layers.h"

static convoy_status try_create(const char *problem, const convoy_options *options)
{
    convoy_layer layer = parse_layer(problem);
    struct operand_set set = operands_create(&layer, 1);
    convoy_weights weights = operand_weights(&set);
    convoy_plan *untouched = (convoy_plan *)&layer, *plan = untouched;
    convoy_status status = convoy_plan_create(&layer, &weights, options, &plan);
    if (status) {
        assert_ptr_equal(plan, untouched);
    } else {
        convoy_plan_destroy(plan);
    }
    operands_destroy(&set);
    return status;
}

static void test_options(void **state)
{
    const char *problem = "n1c3h5w5_k4r3s3_pd1";
    (void)state;
    assert_ok(try_create(problem, NULL));
    assert_ok(try_create(problem, &(convoy_options){.algorithm = "auto"}));
    assert_ok(try_create(problem, &(convoy_options){.threads = 1000000000}));
    assert_status(try_create(problem, &(convoy_options){.threads = -1}), CONVOY_ERROR_ARGUMENT);
    assert_status(try_create(problem, &(convoy_options){.isa = CONVOY_ISA_COUNT}),
                  CONVOY_ERROR_ARGUMENT);
    assert_status(try_create(problem, &(convoy_options){.tolerance = (convoy_tolerance)17}),
                  CONVOY_ERROR_ARGUMENT);
    const double bad_bounds[] = {0, -1e-6, NAN, INFINITY};
    for (size_t i = 0; i < 4; i++) {
        convoy_options options = {.tolerance = CONVOY_TOLERANCE_BOUND,
                                  .error_bound = bad_bounds[i]};
        assert_status(try_create(problem, &options), CONVOY_ERROR_ARGUMENT);
    }
    assert_status(try_create(problem, &(convoy_options){.algorithm = "diract"}),
                  CONVOY_ERROR_ALGORITHM);
    assert_contains(convoy_error_detail(), "'diract'");
    /* All names, but of a family only the first. */
    for (size_t i = 0; i < convoy_algorithm_count(); i++) {
        char family[32];
        snprintf(family, sizeof family, ", %.*s", (int)strcspn(convoy_algorithm_name(i), "-"),
                 convoy_algorithm_name(i));
        assert_contains(convoy_error_detail(), family);
    }
}

static void test_null_pointers(void **state)
{
    convoy_layer layer = parse_layer("n1c3h5w5_k4r3s3");
    struct operand_set set = operands_create(&layer, 1);
    convoy_weights weights = operand_weights(&set), none = {0};
    convoy_plan *plan = NULL;
    convoy_description description;
    (void)state;
    assert_status(convoy_plan_create(NULL, &weights, NULL, &plan), CONVOY_ERROR_NULL);
    assert_status(convoy_plan_create(&layer, NULL, NULL, &plan), CONVOY_ERROR_NULL);
    assert_status(convoy_plan_create(&layer, &none, NULL, &plan), CONVOY_ERROR_NULL);
    assert_status(convoy_plan_create(&layer, &weights, NULL, NULL), CONVOY_ERROR_NULL);
    assert_status(convoy_plan_describe(NULL, &description), CONVOY_ERROR_NULL);
    assert_status(convoy_layer_explain(&layer, NULL, NULL), CONVOY_ERROR_NULL);
    assert_status(convoy_workspace_create(64, NULL), CONVOY_ERROR_NULL);
    weights.bias = (const float *)((const char *)weights.bias + 1);
    assert_status(convoy_plan_create(&layer, &weights, NULL, &plan), CONVOY_ERROR_ALIGNMENT);
    assert_null(plan);
    assert_int_equal(convoy_plan_workspace_bytes(NULL), 0);
    convoy_plan_destroy(NULL);
    operands_destroy(&set);
}

static void test_bad_layers(void **state)
{
    convoy_layer layer = parse_layer("n1c4h5w5_k4r3s3");
    const float filter[4 * 4 * 9] = {0};
    convoy_weights weights = {filter, NULL};
    convoy_plan *plan = NULL;
    (void)state;
    layer.groups = 3;
    assert_status(convoy_plan_create(&layer, &weights, NULL, &plan), CONVOY_ERROR_GROUPS);
    layer.groups = 1;
    layer.R = 9;
    assert_status(convoy_plan_create(&layer, &weights, NULL, &plan), CONVOY_ERROR_EMPTY_OUTPUT);
    layer.R = 3;
    layer.layout = (convoy_layout)5;
    assert_status(convoy_plan_create(&layer, &weights, NULL, &plan), CONVOY_ERROR_ARGUMENT);
}

/* Every name of the table can be forced, and the plan says so. */
static void test_forced_algorithms(void **state)
{
    convoy_layer layer = parse_layer("n1c16h9w9_k16r3s3_pd1");
    struct operand_set set = operands_create(&layer, 2);
    (void)state;
    assert_null(convoy_algorithm_name(convoy_algorithm_count()));
    assert_null(convoy_algorithm_summary(convoy_algorithm_count()));
    for (size_t i = 0; i < convoy_algorithm_count(); i++) {
        convoy_options options = {.algorithm = convoy_algorithm_name(i), .threads = 2};
        convoy_description description;
        assert_true(strlen(convoy_algorithm_summary(i)) > 0);
        if (!algorithm_applies(&layer, i)) {
            convoy_plan *plan;
            convoy_weights weights = operand_weights(&set);
            assert_status(convoy_plan_create(&layer, &weights, &options, &plan),
                          CONVOY_ERROR_ALGORITHM);
            assert_contains(convoy_error_detail(), options.algorithm);
            continue;
        }
        convoy_plan *plan = create_plan(&layer, &set, &options);
        assert_ok(convoy_plan_describe(plan, &description));
        assert_string_equal(description.algorithm, options.algorithm);
        assert_true(description.chosen);
        assert_null(description.reason);
        assert_int_equal(description.threads, 2);
        assert_contains(description.why, "by name");
        assert_true(strlen(description.blocking) > 0);
        assert_int_equal(description.workspace_bytes, convoy_plan_workspace_bytes(plan));
        convoy_plan_destroy(plan);
    }
    operands_destroy(&set);
}

/* What explain shows is what a plan has; it has a bias besides. */
static void test_explain_agrees_with_plans(void **state)
{
    static const char *const problems[] = {"n2c19h9w7_k33r3s3_pd1", "n1c24h8w8_k24r3s3_st2_g24",
                                           "n1c64h7w7_k48r1s1", "n1c8h12w12_k8r5s5_pd2_g2"};
    (void)state;
    for (size_t i = 0; i < 8; i++) {
        convoy_layer layer = parse_layer(problems[i / 2]);
        layer.layout = i % 2 ? CONVOY_NHWC : CONVOY_NCHW;
        struct operand_set set = operands_create(&layer, 3);
        convoy_weights weights = operand_weights(&set);
        convoy_description all[64], one;
        convoy_options options = {.threads = 2};
        int chosen = 0;
        assert_true(convoy_algorithm_count() <= 64);
        assert_ok(convoy_layer_explain(&layer, &options, all));
        for (size_t a = 0; a < convoy_algorithm_count(); a++) {
            assert_string_equal(all[a].algorithm, convoy_algorithm_name(a));
            assert_true(strlen(all[a].why) > 0);
            if (all[a].reason) {
                continue;
            }
            convoy_plan *plan;
            /* by name it gets all threads that are given, and here has those that pay */
            options.algorithm = all[a].chosen ? "auto" : all[a].algorithm;
            options.threads = all[a].chosen ? 2 : all[a].threads;
            weights.bias = NULL;
            assert_ok(convoy_plan_create(&layer, &weights, &options, &plan));
            assert_ok(convoy_plan_describe(plan, &one));
            convoy_plan_destroy(plan);
            assert_string_equal(one.algorithm, all[a].algorithm);
            assert_int_equal(one.workspace_bytes, all[a].workspace_bytes);
            assert_int_equal(one.packed_bytes, all[a].packed_bytes);
            assert_int_equal(one.executed_flops, all[a].executed_flops);
            assert_int_equal(one.threads, all[a].threads);
            assert_true(one.predicted.seconds == all[a].predicted.seconds);
            assert_true(one.error_bound == all[a].error_bound);
            assert_string_equal(one.blocking, all[a].blocking);
            chosen += all[a].chosen;
            weights.bias = set.bias.data;
            assert_ok(convoy_plan_create(&layer, &weights, &options, &plan));
            assert_ok(convoy_plan_describe(plan, &one));
            convoy_plan_destroy(plan);
            assert_int_equal(one.packed_bytes,
                             all[a].packed_bytes +
                                 (layer.groups > 1 ? layer.K + 30 : layer.K + 15) / 16 * 64);
        }
        assert_int_equal(chosen, 1);
        operands_destroy(&set);
    }
}

static void test_explain_leaves_outputs_alone_on_error(void **state)
{
    convoy_layer layer = parse_layer("n1c3h5w5_k4r3s3");
    convoy_description all[64] = {{.summary = "mine"}};
    (void)state;
    assert_status(convoy_layer_explain(&layer, &(convoy_options){.threads = -3}, all),
                  CONVOY_ERROR_ARGUMENT);
    assert_string_equal(all[0].summary, "mine");
}

/* The smallest sum bound is the reference's; nothing keeps a bound below one rounding. */
static void test_tolerances(void **state)
{
    convoy_layer layer = parse_layer("n1c64h12w12_k64r3s3_pd1");
    convoy_description all[64];
    convoy_options options = {.tolerance = CONVOY_TOLERANCE_BOUND, .error_bound = 1e-7};
    (void)state;
    assert_ok(convoy_layer_explain(&layer, &options, all));
    for (size_t a = 0; a < convoy_algorithm_count(); a++) {
        if (all[a].chosen) {
            assert_string_equal(all[a].algorithm, "reference");
        } else if (!all[a].reason) {
            assert_true(all[a].error_bound > options.error_bound);
            assert_contains(all[a].why, "error bound");
        }
    }
    options.error_bound = 1e-9;
    assert_status(convoy_layer_explain(&layer, &options, all), CONVOY_ERROR_TOLERANCE);
    options = (convoy_options){.tolerance = CONVOY_TOLERANCE_STRICT};
    assert_ok(convoy_layer_explain(&layer, &options, all));
    for (size_t a = 0; a < convoy_algorithm_count(); a++) {
        bool winograd = strncmp(all[a].algorithm, "winograd", 8) == 0;
        assert_false(winograd && all[a].chosen);
        if (winograd && !all[a].reason) {
            assert_contains(all[a].why, "strict");
            options.algorithm = all[a].algorithm;
            convoy_description unused[64];
            assert_status(convoy_layer_explain(&layer, &options, unused), CONVOY_ERROR_TOLERANCE);
            options.algorithm = NULL;
        }
    }
}

/* Transforms whose typical error exceeds what the tolerance admits are not chosen, but run if asked
   for by name. */
static void test_typical_errors(void **state)
{
    convoy_layer layer = parse_layer("n4c4096h64w64_k64r3s3_pd1");
    convoy_description all[64];
    convoy_options options = {.tolerance = CONVOY_TOLERANCE_DEFAULT};
    int exceed = 0;
    (void)state;
    assert_ok(convoy_layer_explain(&layer, &options, all));
    for (size_t a = 0; a < convoy_algorithm_count(); a++) {
        if (all[a].reason) {
            continue;
        }
        assert_true(all[a].error_typical > 0);
        if (all[a].error_typical > 5e-5) {
            exceed++;
            assert_false(all[a].chosen);
            assert_contains(all[a].why, "typical error");
            assert_true(all[a].error_typical < 1e-3);
        }
    }
    assert_true(exceed > 0);
    options.algorithm = "winograd-f6x6-3x3";
    assert_ok(convoy_layer_explain(&layer, &options, all));
    options = (convoy_options){.tolerance = CONVOY_TOLERANCE_FAST};
    assert_ok(convoy_layer_explain(&layer, &options, all));
    for (size_t a = 0; a < convoy_algorithm_count(); a++) {
        assert_true(all[a].reason || !strstr(all[a].why, "typical error"));
    }
}

static void test_leaky_slope_widens_the_bound(void **state)
{
    convoy_layer layer = parse_layer("n1c4h6w6_k4r3s3");
    convoy_description plain[64], steep[64];
    (void)state;
    assert_ok(convoy_layer_explain(&layer, NULL, plain));
    layer.epilogue = (convoy_epilogue){.activation = CONVOY_LEAKY_RELU, .slope = -8};
    assert_ok(convoy_layer_explain(&layer, NULL, steep));
    for (size_t a = 0; a < convoy_algorithm_count(); a++) {
        if (!plain[a].reason) {
            assert_true(steep[a].error_bound == 8 * plain[a].error_bound);
        }
    }
}

/* Of one thread; nothing the size of a tensor. */
static size_t workspace_most(const char *algorithm)
{
    const size_t mebibyte = 1 << 20;
    bool transforms = strncmp(algorithm, "winograd", strlen("winograd")) == 0;
    return transforms ? 8 * mebibyte : strcmp(algorithm, "im2col") == 0 ? 2 * mebibyte : mebibyte;
}

static void test_workspaces_are_small(void **state)
{
    static const char *const problems[] = {
        "n1c128h100w100_k256r5s5_pd2",    "n1c128h100w100_k32r1s1",
        "n1c3h224w224_k64r7s7_st2_pd3",   "n1c64h256w256_k64r3s3_pd1",
        "n1c512h28w28_k512r3s3_pd1",      "n8c512h7w7_k512r3s3_pd1",
        "n1c2048h7w7_k512r1s1",           "n1c96h112w112_k96r3s3_st2_pd1_g96",
        "n1c128h56w56_k128r3s3_pd1_g32",  "n1c256h28w28_k256r3s3_pd2_dl2",
        "n1c3h1080w1920_k64r3s3_pd1",     "n1c192h17w17_k192r1s7_pd0x3",
        "n1c64h56w56_k64r3s3_pd1",        "n1c37h61w43_k53r3s3_pd1",
        "n1c512h14w14_k512r3s3_pd1_g512", "n1c256h200w200_k256r3s3_st2_pd1_g256",
    };
    (void)state;
    for (size_t i = 0; i < 2 * sizeof problems / sizeof problems[0]; i++) {
        convoy_layer layer = parse_layer(problems[i / 2]);
        convoy_options options = {.threads = 1};
        convoy_description all[64];
        layer.layout = i % 2 ? CONVOY_NHWC : CONVOY_NCHW;
        assert_ok(convoy_layer_explain(&layer, &options, all));
        for (size_t a = 0; a < convoy_algorithm_count(); a++) {
            if (!all[a].reason && all[a].workspace_bytes > workspace_most(all[a].algorithm)) {
                fail_msg("%s, %s: %zu bytes", problems[i / 2], all[a].algorithm,
                         all[a].workspace_bytes);
            }
        }
    }
}

static void test_workspace_limit(void **state)
{
    convoy_layer layer = parse_layer("n1c64h20w20_k64r3s3_pd1");
    convoy_description all[64];
    convoy_options options = {.workspace_limit_bytes = 1, .threads = 1};
    (void)state;
    assert_ok(convoy_layer_explain(&layer, &options, all));
    for (size_t a = 0; a < convoy_algorithm_count(); a++) {
        if (all[a].chosen) {
            assert_int_equal(all[a].workspace_bytes, 0);
        } else if (!all[a].reason && all[a].workspace_bytes > 0) {
            assert_contains(all[a].why, "limit");
        }
    }
    options.algorithm = "reordered";
    assert_status(convoy_layer_explain(&layer, &options, all), CONVOY_ERROR_LIMIT);
}

/* A limit leads to another algorithm, with the reason; by name, to an error with the smallest limit
   that works. */
static void test_workspace_limit_tells(void **state)
{
    convoy_layer layer = parse_layer("n1c64h20w20_k64r3s3_pd1");
    convoy_description free, limited;
    convoy_options options = {.threads = 1};
    char bytes[40];
    (void)state;
    assert_ok(convoy_layer_estimate(&layer, &options, &free));
    assert_true(free.workspace_bytes > 0);
    options.workspace_limit_bytes = free.workspace_bytes;
    assert_ok(convoy_layer_estimate(&layer, &options, &limited));
    assert_string_equal(limited.algorithm, free.algorithm);
    options.workspace_limit_bytes--;
    assert_ok(convoy_layer_estimate(&layer, &options, &limited));
    assert_true(limited.workspace_bytes < free.workspace_bytes);
    assert_true(limited.predicted.seconds >= free.predicted.seconds);
    assert_contains(limited.why, "keep the limits; with a workspace of ");
    assert_contains(limited.why, free.algorithm);
    options.algorithm = free.algorithm;
    assert_status(convoy_layer_estimate(&layer, &options, &limited), CONVOY_ERROR_LIMIT);
    snprintf(bytes, sizeof bytes, "workspace of %zu bytes", free.workspace_bytes);
    assert_contains(convoy_error_detail(), bytes);
}

/* What is estimated is what is created, but for the bias. */
static void test_estimate(void **state)
{
    static const char *const problems[] = {"n1c64h20w20_k64r3s3_pd1", "n2c3h30w30_k16r7s7_st2",
                                           "n1c24h8w8_k24r3s3_g24"};
    (void)state;
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        convoy_layer layer = parse_layer(problems[i]);
        struct operand_set set = operands_create(&layer, 1);
        convoy_weights weights = {set.filter.data, NULL};
        convoy_description estimated, made;
        convoy_plan *plan;
        assert_ok(convoy_layer_estimate(&layer, NULL, &estimated));
        assert_ok(convoy_plan_create(&layer, &weights, NULL, &plan));
        assert_ok(convoy_plan_describe(plan, &made));
        assert_true(estimated.chosen);
        assert_string_equal(estimated.algorithm, made.algorithm);
        assert_string_equal(estimated.why, made.why);
        assert_int_equal(estimated.workspace_bytes, made.workspace_bytes);
        assert_int_equal(estimated.packed_bytes, made.packed_bytes);
        convoy_plan_destroy(plan);
        operands_destroy(&set);
    }
    convoy_layer layer = parse_layer(problems[0]);
    assert_status(convoy_layer_estimate(&layer, NULL, NULL), CONVOY_ERROR_NULL);
    assert_status(convoy_layer_estimate(&layer, &(convoy_options){.algorithm = "dirct"}, NULL),
                  CONVOY_ERROR_NULL);
}

/* More memory than any machine has: refused before a byte is asked for, so that a filter of a few
   bytes, which creation would read far beyond its end, is never touched. */
static void test_too_large(void **state)
{
    convoy_layer layer = parse_layer("n1c2000000h1w1_k2000000r11s11_pd5");
    convoy_description all[64];
    convoy_options options = {.threads = 1};
    (void)state;
    assert_true(memory_physical_bytes() < (uint64_t)4 * 2000000 * 2000000 * 121);
    assert_status(convoy_layer_explain(&layer, NULL, all), CONVOY_ERROR_TOO_LARGE);
    assert_contains(convoy_error_detail(), "MiB");
    for (size_t a = 0; a < convoy_algorithm_count(); a++) {
        options.algorithm = convoy_algorithm_name(a);
        convoy_status status = convoy_layer_explain(&layer, &options, all);
        assert_true(status == CONVOY_ERROR_TOO_LARGE || status == CONVOY_ERROR_ALGORITHM);
    }
    float few[4] = {0};
    convoy_plan *plan;
    assert_status(convoy_plan_create(&layer, &(convoy_weights){few, NULL}, NULL, &plan),
                  CONVOY_ERROR_TOO_LARGE);
}

/* Layers that can be counted, but whose blocks, packed weights or executed FLOPs pass 64 bits. */
static void test_enormous_layers_are_described(void **state)
{
    static const char *const problems[] = {
        "n1c2h1073741824w536870912_k2r1s1_st536870912_g2",
        "n1c67108864h3w3_k2147483647r3s3",
        "n2147483647c4194304h3w3_k1r3s3",
        "n1c2h20w200_k2r3s3_pd500000000,500000000,1,1_dl500000000x1_g2",
        "n1c600000000h2w1000000000_k600000000r1s3_st2_g600000000",
    };
    (void)state;
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        for (int layout = CONVOY_NCHW; layout <= CONVOY_NHWC; layout++) {
            convoy_description descriptions[64];
            convoy_layer layer = parse_layer(problems[i]);
            layer.layout = (convoy_layout)layout;
            assert_true(convoy_algorithm_count() <= 64);
            convoy_status status = convoy_layer_explain(&layer, NULL, descriptions);
            for (size_t a = 0; !status && a < convoy_algorithm_count(); a++) {
                if (!descriptions[a].reason) {
                    assert_true(descriptions[a].executed_flops > 0);
                }
            }
            assert_true(status == CONVOY_OK || status == CONVOY_ERROR_TOO_LARGE);
        }
    }
}

/* Counts of multiply-adds that do not fit: refused like a size that does not. */
static void test_uncountable(void **state)
{
    convoy_layer layer = parse_layer("n1c1h1w1_k1r1s1");
    convoy_description all[64];
    (void)state;
    layer.C = layer.K = 100000000;
    layer.H = layer.W = 30000;
    assert_status(convoy_layer_explain(&layer, NULL, all), CONVOY_ERROR_OVERFLOW);
}

/* A limit of packed weights leads to an algorithm that packs less; one that no algorithm keeps, to
   an error with the smallest that works. */
static void test_packed_limit(void **state)
{
    convoy_layer layer = parse_layer("n1c64h20w20_k64r3s3_pd1");
    convoy_description free, limited;
    convoy_options options = {.threads = 1};
    const size_t filter_bytes = 64 * 64 * 9 * sizeof(float);
    char bytes[40];
    (void)state;
    assert_ok(convoy_layer_estimate(&layer, &options, &free));
    assert_true(free.packed_bytes > filter_bytes);
    options.packed_limit_bytes = free.packed_bytes - 1;
    assert_ok(convoy_layer_estimate(&layer, &options, &limited));
    assert_true(limited.packed_bytes < free.packed_bytes);
    assert_contains(limited.why, "keep the limits");
    options.packed_limit_bytes = filter_bytes;
    assert_ok(convoy_layer_estimate(&layer, &options, &limited));
    options.packed_limit_bytes--;
    assert_status(convoy_layer_estimate(&layer, &options, &limited), CONVOY_ERROR_LIMIT);
    snprintf(bytes, sizeof bytes, "work are %zu bytes of packed", filter_bytes);
    assert_contains(convoy_error_detail(), bytes);
    options.algorithm = free.algorithm;
    assert_status(convoy_layer_estimate(&layer, &options, &limited), CONVOY_ERROR_LIMIT);
    snprintf(bytes, sizeof bytes, "packed weights of %zu bytes", free.packed_bytes);
    assert_contains(convoy_error_detail(), bytes);
}

/* What is executed once has its creation counted: of two algorithms the one that packs slower can
   only fall back. */
static void test_executions(void **state)
{
    convoy_layer layer = parse_layer("n1c512h7w7_k512r3s3_pd1");
    convoy_description often, once;
    convoy_options options = {.threads = 1};
    (void)state;
    assert_ok(convoy_layer_estimate(&layer, &options, &often));
    options.executions = 1;
    assert_ok(convoy_layer_estimate(&layer, &options, &once));
    assert_true(once.predicted.seconds >= often.predicted.seconds);
    assert_true(once.predicted.seconds + once.predicted.creation_seconds <=
                often.predicted.seconds + often.predicted.creation_seconds);
    options.executions = INT64_MAX;
    assert_ok(convoy_layer_estimate(&layer, &options, &once));
    assert_string_equal(once.algorithm, often.algorithm);
    options.executions = -1;
    assert_status(convoy_layer_estimate(&layer, &options, &once), CONVOY_ERROR_ARGUMENT);
}

/* The parts are the whole; every loser has its reason. */
static void test_predictions(void **state)
{
    static const char *const problems[] = {"n1c64h20w20_k64r3s3_pd1", "n2c3h30w30_k16r7s7_st2",
                                           "n1c24h8w8_k24r3s3_g24", "n1c2048h1w1_k1000r1s1"};
    (void)state;
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        convoy_layer layer = parse_layer(problems[i]);
        convoy_description all[64];
        double least = INFINITY, chosen = 0;
        assert_ok(convoy_layer_explain(&layer, NULL, all));
        for (size_t a = 0; a < convoy_algorithm_count(); a++) {
            const convoy_prediction *p = &all[a].predicted;
            if (!all[a].eligible) {
                continue;
            }
            double sum = p->multiply_seconds + p->transform_seconds + p->traffic_seconds +
                         p->overhead_seconds;
            assert_true(p->seconds > 0 && fabs(sum / p->seconds - 1) < 1e-9);
            assert_true(p->multiply_seconds > 0 && p->transform_seconds >= 0);
            assert_true(p->traffic_seconds >= 0 && p->overhead_seconds > 0);
            least = fmin(least, p->seconds);
            chosen = all[a].chosen ? p->seconds : chosen;
            assert_contains(all[a].why, all[a].chosen ? "it is predicted to be the fastest of"
                                                      : "times as long as");
        }
        assert_true(chosen == least);
    }
}

/* A few microseconds of work are for one thread, but who names an algorithm gets all. */
static void test_threads_that_pay(void **state)
{
    convoy_layer small = parse_layer("n1c16h6w6_k16r3s3_pd1");
    convoy_layer large = parse_layer("n1c64h112w112_k64r3s3_pd1");
    convoy_description description;
    convoy_options options = {.threads = 2};
    (void)state;
    assert_ok(convoy_layer_estimate(&small, &options, &description));
    assert_int_equal(description.threads, 1);
    assert_ok(convoy_layer_estimate(&large, &options, &description));
    assert_int_equal(description.threads, 2);
    options.algorithm = "direct";
    assert_ok(convoy_layer_estimate(&small, &options, &description));
    assert_int_equal(description.threads, 2);
}

static void test_threads_default(void **state)
{
    convoy_layer layer = parse_layer("n1c64h56w56_k64r3s3_pd1");
    convoy_description all[64];
    int before = omp_get_max_threads();
    (void)state;
    omp_set_num_threads(3);
    assert_ok(convoy_layer_explain(&layer, NULL, all));
    assert_int_equal(all[0].threads, 3);
    omp_set_num_threads(before);
}

/* An infinity in the filter must not make a NaN of outputs whose window only has it on padding. */
static void test_infinite_weights(void **state)
{
    static const float values[] = {INFINITY, NAN};
    (void)state;
    for (int i = 0; i < 8; i++) {
        convoy_layer layer = parse_layer(i & 2 ? "n1c2h8w8_k8r3s3_pd1" : "n1c1h3w3_k1r3s3_pd4");
        layer.layout = i & 1 ? CONVOY_NHWC : CONVOY_NCHW;
        struct operand_set set = operands_create(&layer, 4);
        ((float *)set.filter.data)[0] = values[i / 4];
        convoy_tensor expected;
        run_layer(&layer, &set, &(convoy_options){.algorithm = "reference"});
        assert_ok(convoy_tensor_create(CONVOY_FLOAT32, layer.layout, set.y.N, set.y.C, set.y.H,
                                       set.y.W, &expected));
        assert_ok(convoy_tensor_copy(&set.y, &expected));
        run_layer(&layer, &set, NULL);
        convoy_difference difference;
        assert_ok(convoy_tensor_compare(&set.y, &expected, &difference));
        assert_true(difference.max_absolute < 1e-4);
        assert_true(isfinite(((float *)set.y.data)[0]));
        convoy_tensor_destroy(&expected);
        operands_destroy(&set);
    }
}

static void test_bias_is_kept_and_padded(void **state)
{
    convoy_layer layer = parse_layer("n1c1h1w1_k17r1s1");
    struct operand_set set = operands_create(&layer, 5);
    convoy_plan *plan = create_plan(&layer, &set, NULL);
    (void)state;
    assert_int_equal(plan->bias_bytes, 32 * sizeof(float));
    assert_memory_equal(plan->bias, set.bias.data, 17 * sizeof(float));
    for (int k = 17; k < 32; k++) {
        assert_true(plan->bias[k] == 0);
    }
    assert_int_equal((uintptr_t)plan->bias % CONVOY_ALIGNMENT, 0);
    convoy_plan_destroy(plan);
    operands_destroy(&set);
}

static void test_kernels_of_the_callers(void **state)
{
    convoy_layer layer = parse_layer("n1c3h5w5_k4r3s3");
    struct operand_set set = operands_create(&layer, 6);
    convoy_weights weights = operand_weights(&set);
    struct isa_kernels mine = *isa_kernels_find(CONVOY_ISA_PORTABLE);
    convoy_plan *plan;
    (void)state;
    assert_ok(
        plan_create_on(&layer, &weights, &(convoy_options){.algorithm = "direct"}, &mine, &plan));
    assert_ptr_equal(plan->kernels, &mine);
    convoy_plan_destroy(plan);
    operands_destroy(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_null_pointers),
        cmocka_unit_test(test_bad_layers),
        cmocka_unit_test(test_forced_algorithms),
        cmocka_unit_test(test_explain_agrees_with_plans),
        cmocka_unit_test(test_explain_leaves_outputs_alone_on_error),
        cmocka_unit_test(test_tolerances),
        cmocka_unit_test(test_typical_errors),
        cmocka_unit_test(test_leaky_slope_widens_the_bound),
        cmocka_unit_test(test_workspaces_are_small),
        cmocka_unit_test(test_workspace_limit),
        cmocka_unit_test(test_workspace_limit_tells),
        cmocka_unit_test(test_packed_limit),
        cmocka_unit_test(test_executions),
        cmocka_unit_test(test_predictions),
        cmocka_unit_test(test_threads_that_pay),
        cmocka_unit_test(test_estimate),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_enormous_layers_are_described),
        cmocka_unit_test(test_uncountable),
        cmocka_unit_test(test_threads_default),
        cmocka_unit_test(test_infinite_weights),
        cmocka_unit_test(test_bias_is_kept_and_padded),
        cmocka_unit_test(test_kernels_of_the_callers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
