/**
 * @file test_measure.c
 * CONVOY_MEASURE: who is measured, what the plan says of it, the time limit, and progress. Which
 * algorithm is the fastest is the machine's affair.
 */
#include <math.h>
#include <stdlib.h>

#include "convoy/convoy.h"
#include "plan/measure.h"
#include "support/check.h"
#include "support/layers.h"

#define ALL_MAX 64

static const convoy_options measure = {.effort = CONVOY_MEASURE, .threads = 1};

/* The measured ones are those near the best prediction, and the fastest of them is chosen. */
static void test_the_promising_are_measured(void **state)
{
    static const char *const problems[] = {"n1c32h20w20_k32r3s3_pd1", "n1c64h9w9_k64r1s1",
                                           "n1c16h12w12_k16r3s3_pd1_g16", "n2c3h16w16_k8r7s7_st2"};
    (void)state;
    for (size_t p = 0; p < sizeof problems / sizeof problems[0]; p++) {
        convoy_layer layer = parse_layer(problems[p]);
        convoy_description all[ALL_MAX], estimated;
        double least_seconds = INFINITY, chosen_seconds = 0;
        size_t measured = 0;
        layer.layout = p % 2 ? CONVOY_NHWC : CONVOY_NCHW;
        assert_ok(convoy_layer_estimate(&layer, &(convoy_options){.threads = 1}, &estimated));
        assert_ok(convoy_layer_explain(&layer, &measure, all));
        for (size_t a = 0; a < convoy_algorithm_count(); a++) {
            if (all[a].measured_seconds > 0) {
                measured++;
                least_seconds = fmin(least_seconds, all[a].measured_seconds);
                chosen_seconds = all[a].chosen ? all[a].measured_seconds : chosen_seconds;
                assert_null(all[a].reason);
                assert_true(all[a].predicted.seconds <=
                            MEASURED_WITHIN * estimated.predicted.seconds);
                assert_contains(all[a].why, "measured");
            }
        }
        assert_in_range(measured, 1, MEASURED_MAX);
        assert_true(chosen_seconds == least_seconds);
    }
}

static void test_a_measured_plan_is_right(void **state)
{
    convoy_layer layer = parse_layer("n1c24h14w14_k40r3s3_pd1");
    convoy_description description;
    convoy_difference difference;
    (void)state;
    layer.epilogue = (convoy_epilogue){.residual = true, .activation = CONVOY_RELU};
    struct operand_set set = operands_create(&layer, 1), expected = operands_create(&layer, 1);
    convoy_plan *plan = create_plan(&layer, &set, &measure);
    assert_ok(convoy_plan_describe(plan, &description));
    assert_contains(description.why, "it was measured: ");
    convoy_plan_destroy(plan);
    run_layer(&layer, &set, &measure);
    run_layer(&layer, &expected, &(convoy_options){.algorithm = "reference"});
    assert_ok(convoy_tensor_compare(&set.y, &expected.y, &difference));
    assert_true(difference.relative_to_rms < 1e-2);
    operands_destroy(&set);
    operands_destroy(&expected);
}

static void count_calls(void *data, const char *algorithm, double elapsed_s, double limit_s)
{
    assert_non_null(algorithm);
    assert_true(elapsed_s >= 0);
    assert_true(limit_s == 1e-9);
    ++*(int *)data;
}

/* No time at all: the best prediction is executed once, the others not. */
static void test_time_limit(void **state)
{
    convoy_layer layer = parse_layer("n1c32h20w20_k32r3s3_pd1");
    convoy_description all[ALL_MAX], estimated[ALL_MAX];
    int calls = 0;
    convoy_options hurried = measure;
    (void)state;
    hurried.time_limit_s = 1e-9;
    hurried.progress = count_calls;
    hurried.progress_data = &calls;
    assert_ok(convoy_layer_explain(&layer, NULL, estimated));
    assert_ok(convoy_layer_explain(&layer, &hurried, all));
    assert_int_equal(calls, 1);
    for (size_t a = 0; a < convoy_algorithm_count(); a++) {
        assert_int_equal(all[a].chosen, all[a].measured_seconds > 0);
        assert_int_equal(all[a].chosen, estimated[a].chosen);
    }
}

/* What is asked for by name is measured alone where numbers are wanted, and chosen anyway. */
static void test_forced(void **state)
{
    convoy_layer layer = parse_layer("n1c32h20w20_k32r3s3_pd1");
    convoy_description all[ALL_MAX];
    convoy_options forced = measure;
    (void)state;
    forced.algorithm = "naive";
    assert_ok(convoy_layer_explain(&layer, &forced, all));
    for (size_t a = 0; a < convoy_algorithm_count(); a++) {
        assert_int_equal(all[a].chosen, strcmp(all[a].algorithm, "naive") == 0);
        assert_int_equal(all[a].chosen, all[a].measured_seconds > 0);
    }
}

static void test_tolerance_and_limits_hold(void **state)
{
    convoy_layer layer = parse_layer("n1c64h20w20_k64r3s3_pd1");
    convoy_description all[ALL_MAX];
    convoy_options strict = measure;
    (void)state;
    strict.tolerance = CONVOY_TOLERANCE_STRICT;
    assert_ok(convoy_layer_explain(&layer, &strict, all));
    for (size_t a = 0; a < convoy_algorithm_count(); a++) {
        if (strncmp(all[a].algorithm, "winograd", 8) == 0) {
            assert_true(all[a].measured_seconds == 0);
        }
    }
}

static void test_bad_options(void **state)
{
    convoy_layer layer = parse_layer("n1c3h5w5_k4r3s3");
    convoy_description all[ALL_MAX];
    (void)state;
    assert_status(convoy_layer_explain(&layer, &(convoy_options){.effort = (convoy_effort)2}, all),
                  CONVOY_ERROR_ARGUMENT);
    assert_status(convoy_layer_explain(&layer, &(convoy_options){.time_limit_s = -1}, all),
                  CONVOY_ERROR_ARGUMENT);
    assert_status(convoy_layer_explain(&layer, &(convoy_options){.time_limit_s = NAN}, all),
                  CONVOY_ERROR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_promising_are_measured),
        cmocka_unit_test(test_a_measured_plan_is_right),
        cmocka_unit_test(test_time_limit),
        cmocka_unit_test(test_forced),
        cmocka_unit_test(test_tolerance_and_limits_hold),
        cmocka_unit_test(test_bad_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
