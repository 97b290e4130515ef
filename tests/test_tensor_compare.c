/**
 * @file test_tensor_compare.c
 * Comparison of tensors: numbers worked out by hand, special values, places, and the printed line.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>

#include "convoy/tensor.h"
#include "support/check.h"

/* Compare two rows of `count` values. */
static convoy_difference compared(const float *actual, const float *expected, int count)
{
    convoy_tensor a, e;
    convoy_difference difference;
    assert_ok(convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NCHW, 1, 1, 1, count, (void *)actual, &a));
    assert_ok(
        convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NCHW, 1, 1, 1, count, (void *)expected, &e));
    assert_ok(convoy_tensor_compare(&a, &e, &difference));
    return difference;
}

static convoy_difference compared_one(float actual, float expected)
{
    return compared(&actual, &expected, 1);
}

static void equal_tensors_have_no_difference(void **state)
{
    (void)state;
    const float values[] = {3, -4, 0, NAN, INFINITY, -INFINITY};
    const float others[] = {3, -4, -0.0f, -NAN, INFINITY, -INFINITY};
    convoy_difference d = compared(values, others, 6);

    assert_int_equal(d.elements, 6);
    assert_int_equal(d.different, 0);
    assert_true(d.max_absolute == 0 && d.max_relative == 0 && d.relative_to_rms == 0);
    assert_int_equal(d.max_ulp, 0);
    assert_float_equal(d.rms, sqrt(25.0 / 3), 1e-15); /* of the finite ones */
    for (int i = 0; i < 4; i++) {
        assert_int_equal(d.first[i], -1);
        assert_int_equal(d.worst[i], -1);
    }
}

static void measures_are_the_ones_of_paper(void **state)
{
    (void)state;
    const float actual[] = {1, 2.5f, 4, -7};
    const float expected[] = {1, 2, 0, -8};
    convoy_difference d = compared(actual, expected, 4);

    assert_int_equal(d.different, 3);
    assert_true(d.max_absolute == 4);
    assert_true(d.max_relative == 0.25);
    assert_float_equal(d.rms, sqrt((1 + 4 + 64) / 4.0), 1e-15);
    assert_float_equal(d.relative_to_rms, 4 / sqrt(69 / 4.0), 1e-15);
    assert_int_equal(d.first[3], 1);
    assert_int_equal(d.worst[3], 2);
    assert_true(d.first_actual == 2.5 && d.first_expected == 2);
    assert_true(d.worst_actual == 4 && d.worst_expected == 0);
}

static void ulps_count_the_numbers_between(void **state)
{
    (void)state;
    assert_int_equal(compared_one(1 + FLT_EPSILON, 1).max_ulp, 1);
    assert_int_equal(compared_one(1 - FLT_EPSILON / 2, 1).max_ulp, 1);
    assert_int_equal(compared_one(2, 1).max_ulp, 1 << 23);
    assert_int_equal(compared_one(-1, -2).max_ulp, 1 << 23);
    assert_int_equal(compared_one(FLT_TRUE_MIN, 0).max_ulp, 1);
    assert_int_equal(compared_one(FLT_TRUE_MIN, -FLT_TRUE_MIN).max_ulp, 2);
    assert_int_equal(compared_one(-FLT_TRUE_MIN, 0).max_ulp, 1);
    assert_int_equal(compared_one(FLT_MIN, 0).max_ulp, 1 << 23);
    assert_int_equal(compared_one(FLT_MAX, -FLT_MAX).max_ulp, 2 * INT64_C(0x7f7fffff));
    float value = 1;
    for (int steps = 0; steps < 1000; steps++) {
        value = nextafterf(value, -INFINITY);
    }
    assert_int_equal(compared_one(value, 1).max_ulp, 1000);
}

static void special_values_agree_with_their_like_only(void **state)
{
    (void)state;
    static const float values[] = {1, NAN, INFINITY, -INFINITY};

    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++) {
            convoy_difference d = compared_one(values[i], values[j]);
            assert_int_equal(d.different, i != j);
            assert_true(d.max_absolute == (i == j ? 0 : INFINITY));
            assert_true(d.max_relative == (i == j ? 0 : INFINITY));
            assert_true(d.relative_to_rms == (i == j ? 0 : INFINITY));
            assert_true(d.max_ulp == (i == j ? 0 : INT64_MAX));
            assert_int_equal(d.worst[3], i == j ? -1 : 0);
        }
    }
    assert_true(compared_one(FLT_MAX, INFINITY).max_ulp == INT64_MAX);
}

static void nothing_relative_to_zero(void **state)
{
    (void)state;
    convoy_difference d = compared_one(1, 0);
    assert_true(d.max_absolute == 1);
    assert_true(d.max_relative == 0); /* no expected value but 0 */
    assert_true(d.rms == 0);
    assert_true(d.relative_to_rms == INFINITY);
}

static void huge_float64_values_have_an_rms(void **state)
{
    (void)state;
    double actual[] = {1e200, 2e200}, expected[] = {1e200, 1e200};
    convoy_tensor a, e;
    convoy_difference d;
    assert_ok(convoy_tensor_view(CONVOY_FLOAT64, CONVOY_NCHW, 1, 1, 1, 2, actual, &a));
    assert_ok(convoy_tensor_view(CONVOY_FLOAT64, CONVOY_NCHW, 1, 1, 1, 2, expected, &e));
    assert_ok(convoy_tensor_compare(&a, &e, &d));
    assert_float_equal(d.rms / 1e200, 1, 1e-12);
    assert_float_equal(d.relative_to_rms, 1, 1e-12);
}

static void places_are_in_nchw_order_in_every_layout(void **state)
{
    (void)state;
    for (int layouts = 0; layouts < 4; layouts++) {
        convoy_tensor a, e;
        convoy_difference d;
        assert_ok(
            convoy_tensor_create(CONVOY_FLOAT32, (convoy_layout)(layouts & 1), 2, 3, 4, 5, &a));
        assert_ok(
            convoy_tensor_create(CONVOY_FLOAT64, (convoy_layout)(layouts >> 1), 2, 3, 4, 5, &e));
        convoy_tensor_set(&a, 0, 1, 3, 4, 1); /* before the next in NCHW, behind it in NHWC */
        convoy_tensor_set(&a, 0, 2, 0, 0, 2);
        convoy_tensor_set(&a, 1, 0, 3, 1, -2); /* as far off as the one before: the first counts */
        assert_ok(convoy_tensor_compare(&a, &e, &d));
        const int64_t first[] = {0, 1, 3, 4}, worst[] = {0, 2, 0, 0};
        assert_int_equal(d.elements, 120);
        assert_int_equal(d.different, 3);
        assert_memory_equal(d.first, first, sizeof first);
        assert_memory_equal(d.worst, worst, sizeof worst);
        assert_true(d.first_actual == 1 && d.worst_actual == 2);
        convoy_tensor_destroy(&a);
        convoy_tensor_destroy(&e);
    }
}

static void other_extents_are_refused(void **state)
{
    (void)state;
    float data[12] = {0};
    convoy_tensor a, e;
    convoy_difference d = {.elements = 7};

    assert_ok(convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NCHW, 1, 1, 3, 4, data, &a));
    assert_ok(convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NCHW, 1, 1, 4, 3, data, &e));
    assert_status(convoy_tensor_compare(&a, &e, &d), CONVOY_ERROR_SHAPE);
    assert_contains(convoy_error_detail(), "1 x 1 x 3 x 4");
    assert_status(convoy_tensor_compare(&a, &a, NULL), CONVOY_ERROR_NULL);
    assert_int_equal(d.elements, 7);
    assert_ok(convoy_tensor_compare(&a, &a, &d)); /* sharing memory is no matter here */
    assert_int_equal(d.elements, 12);
}

static void the_line_tells_place_and_values(void **state)
{
    (void)state;
    const float actual[] = {1, 2.5f, 4, -7}, expected[] = {1, 2, 0, -8};
    convoy_difference d = compared(actual, expected, 4);
    char text[512], part[8];

    int length = convoy_difference_print(&d, text, sizeof text);
    assert_int_equal(length, strlen(text));
    assert_contains(text, "3 of 4 elements differ");
    assert_contains(text, "max absolute 4 at 0,0,0,2 (4, expected 0)");
    assert_contains(text, "max relative 0.25");
    assert_contains(text, "first at 0,0,0,1 (2.5, expected 2)");
    assert_null(strchr(text, '\n'));
    assert_int_equal(convoy_difference_print(&d, part, sizeof part), length);
    assert_string_equal(part, "3 of 4 ");
    assert_int_equal(convoy_difference_print(&d, NULL, 0), length);
    d = compared(actual, actual, 4);
    convoy_difference_print(&d, text, sizeof text);
    assert_string_equal(text, "all 4 elements are equal");
    convoy_difference_print(NULL, text, sizeof text);
    assert_string_equal(text, "no comparison");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_tensors_have_no_difference),
        cmocka_unit_test(measures_are_the_ones_of_paper),
        cmocka_unit_test(ulps_count_the_numbers_between),
        cmocka_unit_test(special_values_agree_with_their_like_only),
        cmocka_unit_test(nothing_relative_to_zero),
        cmocka_unit_test(huge_float64_values_have_an_rms),
        cmocka_unit_test(places_are_in_nchw_order_in_every_layout),
        cmocka_unit_test(other_extents_are_refused),
        cmocka_unit_test(the_line_tells_place_and_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
