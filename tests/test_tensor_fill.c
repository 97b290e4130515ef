/**
 * @file test_tensor_fill.c
 * Fills: values, independence of layout and strides, distribution, and refused parameters.
 */
#include <float.h>
#include <math.h>

#include "convoy/tensor.h"
#include "support/check.h"

static convoy_tensor created(convoy_type type, convoy_layout layout, int64_t N, int64_t C,
                             int64_t H, int64_t W)
{
    convoy_tensor tensor;
    assert_ok(convoy_tensor_create(type, layout, N, C, H, W, &tensor));
    return tensor;
}

static convoy_status fill(const convoy_tensor *t, int kind, uint64_t seed)
{
    switch (kind) {
    case 0:
        return convoy_tensor_fill_value(t, 2.5);
    case 1:
        return convoy_tensor_fill_ramp(t, -3, 0.5);
    case 2:
        return convoy_tensor_fill_uniform(t, seed, -1, 1);
    case 3:
        return convoy_tensor_fill_normal(t, seed, 0, 1);
    case 4:
        return convoy_tensor_fill_integers(t, seed, -4, 4);
    default:
        return convoy_tensor_fill_impulse(t, 1, 2, 0, 3, 9);
    }
}

static void values_do_not_depend_on_layout_or_strides(void **state)
{
    (void)state;
    for (int kind = 0; kind < 6; kind++) {
        convoy_tensor nchw = created(CONVOY_FLOAT32, CONVOY_NCHW, 2, 5, 3, 4);
        convoy_tensor nhwc = created(CONVOY_FLOAT32, CONVOY_NHWC, 2, 5, 3, 4);
        convoy_tensor parent = created(CONVOY_FLOAT32, CONVOY_NHWC, 2, 9, 3, 4), slice;
        convoy_difference difference;
        assert_ok(convoy_tensor_fill_value(&parent, -77));
        assert_ok(convoy_tensor_slice(&parent, 1, 6, &slice));
        assert_ok(fill(&nchw, kind, 5));
        assert_ok(fill(&nhwc, kind, 5));
        assert_ok(fill(&slice, kind, 5));
        assert_ok(convoy_tensor_compare(&nhwc, &nchw, &difference));
        assert_int_equal(difference.different, 0);
        assert_ok(convoy_tensor_compare(&slice, &nchw, &difference));
        assert_int_equal(difference.different, 0);
        for (int64_t e = 0; e < 2 * 9 * 3 * 4; e++) { /* the channels beside are left alone */
            int64_t c = e % 9;
            assert_int_equal(((float *)parent.data)[e] == -77, c < 1 || c >= 6);
        }
        convoy_tensor_destroy(&nchw);
        convoy_tensor_destroy(&nhwc);
        convoy_tensor_destroy(&parent);
    }
}

static void ramp_and_impulse_count_in_nchw_order(void **state)
{
    (void)state;
    convoy_tensor t = created(CONVOY_FLOAT64, CONVOY_NHWC, 2, 3, 4, 5);

    assert_ok(convoy_tensor_fill_ramp(&t, 10, -2));
    assert_true(convoy_tensor_get(&t, 0, 0, 0, 0) == 10);
    assert_true(convoy_tensor_get(&t, 0, 0, 0, 1) == 8);
    assert_true(convoy_tensor_get(&t, 0, 0, 1, 0) == 0);
    assert_true(convoy_tensor_get(&t, 0, 1, 0, 0) == 10 - 2 * 20);
    assert_true(convoy_tensor_get(&t, 1, 2, 3, 4) == 10 - 2 * 119);
    assert_ok(convoy_tensor_fill_impulse(&t, 1, 2, 3, 4, -6));
    for (int i = 0; i < 120; i++) {
        double value = convoy_tensor_get(&t, i / 60, i / 20 % 3, i / 5 % 4, i % 5);
        assert_true(value == (i == 119 ? -6 : 0));
    }
    assert_ok(convoy_tensor_fill_value(&t, INFINITY));
    assert_true(convoy_tensor_get(&t, 1, 0, 0, 0) == INFINITY);
    convoy_tensor_destroy(&t);
}

static void seeds_give_different_values(void **state)
{
    (void)state;
    for (int kind = 2; kind < 4; kind++) {
        convoy_tensor a = created(CONVOY_FLOAT32, CONVOY_NCHW, 1, 1, 50, 50);
        convoy_tensor b = created(CONVOY_FLOAT32, CONVOY_NCHW, 1, 1, 50, 50);
        convoy_difference difference;
        assert_ok(fill(&a, kind, 1));
        assert_ok(fill(&b, kind, 1));
        assert_ok(convoy_tensor_compare(&a, &b, &difference));
        assert_int_equal(difference.different, 0);
        assert_ok(fill(&b, kind, 2));
        assert_ok(convoy_tensor_compare(&a, &b, &difference));
        assert_true(difference.different > 2400);
        /* Nor is the next seed the same sequence, one element on. */
        int equal = 0;
        for (int i = 0; i + 1 < 2500; i++) {
            equal += ((float *)a.data)[i + 1] == ((float *)b.data)[i];
        }
        assert_true(equal < 50);
        convoy_tensor_destroy(&a);
        convoy_tensor_destroy(&b);
    }
}

/* Mean, variance and correlation of neighbours, within 5 standard errors of a fair generator. */
static void assert_moments(const convoy_tensor *t, double mean, double variance, double fourth)
{
    const float *x = t->data;
    int64_t count = t->N * t->C * t->H * t->W;
    double sum = 0, squares = 0, products = 0;

    for (int64_t i = 0; i < count; i++) {
        double centred = (double)x[i] - mean;
        sum += centred;
        squares += centred * centred;
        products += i > 0 ? centred * ((double)x[i - 1] - mean) : 0;
    }
    double n = (double)count;
    assert_true(fabs(sum / n) < 5 * sqrt(variance / n));
    assert_true(fabs(squares / n - variance) < 5 * sqrt((fourth - variance * variance) / n));
    assert_true(fabs(products / n) < 5 * variance / sqrt(n));
}

static void distributions_have_their_moments(void **state)
{
    (void)state;
    convoy_tensor t = created(CONVOY_FLOAT32, CONVOY_NCHW, 4, 16, 64, 64);
    const int64_t count = 4 * 16 * 64 * 64;

    assert_ok(convoy_tensor_fill_uniform(&t, 3, -2, 4));
    assert_moments(&t, 1, 36.0 / 12, 6.0 * 6 * 6 * 6 / 80);
    for (int64_t i = 0; i < count; i++) {
        float value = ((float *)t.data)[i];
        assert_true(value >= -2 && value < 4);
    }
    assert_ok(convoy_tensor_fill_normal(&t, 3, -1, 2));
    assert_moments(&t, -1, 4, 3 * 16);
    int64_t outside = 0;
    for (int64_t i = 0; i < count; i++) {
        outside += fabsf(((float *)t.data)[i] + 1) > 4; /* beyond two deviations: 4.55 % */
    }
    assert_true(fabs((double)outside / (double)count - 0.0455) < 0.003);
    convoy_tensor_destroy(&t);
}

static void integers_come_all_and_about_equally_often(void **state)
{
    (void)state;
    convoy_tensor t = created(CONVOY_FLOAT32, CONVOY_NHWC, 1, 10, 100, 90);
    int counts[9] = {0};

    assert_ok(convoy_tensor_fill_integers(&t, 4, -4, 4));
    for (int i = 0; i < 90000; i++) {
        float value = ((float *)t.data)[i];
        assert_true(value == floorf(value) && value >= -4 && value <= 4);
        counts[(int)value + 4]++;
    }
    for (int i = 0; i < 9; i++) {
        assert_in_range(counts[i], 10000 - 500, 10000 + 500);
    }
    assert_ok(convoy_tensor_fill_integers(&t, 4, 7, 7));
    assert_true(convoy_tensor_get(&t, 0, 9, 99, 89) == 7);
    assert_ok(convoy_tensor_fill_integers(&t, 4, -(1 << 24), 1 << 24));
    convoy_tensor_destroy(&t);
}

/* Rounding to float32 must not produce the excluded end. */
static void uniform_keeps_its_ends_in_float32(void **state)
{
    (void)state;
    convoy_tensor t = created(CONVOY_FLOAT32, CONVOY_NCHW, 1, 1, 100, 100);
    const double high = 1 + 3 * (double)FLT_EPSILON;

    assert_ok(convoy_tensor_fill_uniform(&t, 6, 1, high));
    bool seen[3] = {false};
    for (int i = 0; i < 10000; i++) {
        double value = (double)((float *)t.data)[i];
        assert_true(value >= 1 && value < high);
        seen[(int)((value - 1) / (double)FLT_EPSILON)] = true;
    }
    assert_true(seen[0] && seen[1] && seen[2]);
    convoy_tensor_destroy(&t);
}

static void bad_parameters_are_refused_before_anything_is_written(void **state)
{
    (void)state;
    convoy_tensor t = created(CONVOY_FLOAT32, CONVOY_NCHW, 1, 2, 3, 4);
    convoy_tensor wide = created(CONVOY_FLOAT64, CONVOY_NCHW, 1, 2, 3, 4);
    const convoy_status refused = CONVOY_ERROR_ARGUMENT;

    assert_status(convoy_tensor_fill_uniform(&t, 1, 1, 1), refused);
    assert_status(convoy_tensor_fill_uniform(&t, 1, 2, 1), refused);
    assert_status(convoy_tensor_fill_uniform(&t, 1, NAN, 1), refused);
    assert_status(convoy_tensor_fill_uniform(&t, 1, 0, NAN), refused);
    assert_status(convoy_tensor_fill_uniform(&t, 1, 0, INFINITY), refused);
    assert_status(convoy_tensor_fill_uniform(&t, 1, -INFINITY, 0), refused);
    assert_status(convoy_tensor_fill_uniform(&t, 1, 0, 1e300), refused);
    assert_ok(convoy_tensor_fill_uniform(&wide, 1, 0, 1e300));
    assert_status(convoy_tensor_fill_uniform(&wide, 1, -DBL_MAX, DBL_MAX), refused);
    assert_status(convoy_tensor_fill_normal(&t, 1, NAN, 1), refused);
    assert_status(convoy_tensor_fill_normal(&t, 1, INFINITY, 1), refused);
    assert_status(convoy_tensor_fill_normal(&t, 1, 0, 0), refused);
    assert_status(convoy_tensor_fill_normal(&t, 1, 0, -1), refused);
    assert_status(convoy_tensor_fill_normal(&t, 1, 0, NAN), refused);
    assert_status(convoy_tensor_fill_normal(&t, 1, 0, INFINITY), refused);
    assert_status(convoy_tensor_fill_integers(&t, 1, 2, 1), refused);
    assert_status(convoy_tensor_fill_integers(&t, 1, 0, (1 << 24) + 1), refused);
    assert_status(convoy_tensor_fill_integers(&t, 1, INT64_MIN, INT64_MAX), refused);
    assert_status(convoy_tensor_fill_impulse(&t, 1, 0, 0, 0, 1), refused);
    assert_status(convoy_tensor_fill_impulse(&t, 0, 2, 0, 0, 1), refused);
    assert_status(convoy_tensor_fill_impulse(&t, 0, 0, 3, 0, 1), refused);
    assert_status(convoy_tensor_fill_impulse(&t, 0, 0, 0, 4, 1), refused);
    assert_status(convoy_tensor_fill_impulse(&t, 0, 0, 0, -1, 1), refused);
    assert_contains(convoy_error_detail(), "0,0,0,-1 is outside the extents 1 x 2 x 3 x 4");
    for (int i = 0; i < 24; i++) {
        assert_true(((float *)t.data)[i] == 0);
    }
    convoy_tensor_destroy(&t);
    convoy_tensor_destroy(&wide);
}

/* The generator is part of what a printed seed means, so it must not change unnoticed. */
static void the_sequence_of_a_seed_is_fixed(void **state)
{
    (void)state;
    convoy_tensor t = created(CONVOY_FLOAT64, CONVOY_NCHW, 1, 1, 1, 4);
    const double expected[] = {0x1.7169852efd579p-1, 0x1.4ca60bfa671d9p-1, 0x1.1947976d94c62p-1,
                               0x1.355e43b052dc3p-1};

    assert_ok(convoy_tensor_fill_uniform(&t, 7, 0, 1));
    for (int i = 0; i < 4; i++) {
        assert_true(((double *)t.data)[i] == expected[i]);
    }
    convoy_tensor_destroy(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_do_not_depend_on_layout_or_strides),
        cmocka_unit_test(ramp_and_impulse_count_in_nchw_order),
        cmocka_unit_test(seeds_give_different_values),
        cmocka_unit_test(distributions_have_their_moments),
        cmocka_unit_test(integers_come_all_and_about_equally_often),
        cmocka_unit_test(uniform_keeps_its_ends_in_float32),
        cmocka_unit_test(bad_parameters_are_refused_before_anything_is_written),
        cmocka_unit_test(the_sequence_of_a_seed_is_fixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
