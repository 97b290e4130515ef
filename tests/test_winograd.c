/**
 * @file test_winograd.c
 * What is particular to Winograd: values that stay exact, how far within tiles a NaN or a large
 * value of x reaches, which layers are refused, and the bound of a filter in pieces.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "convoy/convoy.h"
#include "support/check.h"
#include "support/layers.h"

static const char *const problems[] = {
    "n1c9h20w23_k5r3s3_pd1",     "n1c9h20w23_k5r2s2",         "n1c9h33w37_k5r3s3_st2_pd1",
    "n1c9h33w37_k5r5s5_st2_pd2", "n1c9h20w23_k5r9s9_pd4",     "n1c9h20w23_k5r3s5_pd1x2",
    "n1c9h20w23_k5r1s7_pd0x3",   "n1c9h37w23_k5r7s1_st2_pd3", "n1c9h33w37_k5r7s7_st2_pd3",
};
#define PROBLEM_COUNT (sizeof problems / sizeof problems[0])

/* A variant of the family on a layer, with the extents that its name tells. */
struct variant {
    const char *name;
    int m_h, m_w, r_h, r_w;
};

/* Is algorithm number `index` a variant that applies? */
static bool variant_applies(const convoy_layer *layer, size_t index, struct variant *variant)
{
    convoy_description all[64];
    variant->name = convoy_algorithm_name(index);
    if (sscanf(variant->name, "winograd-f%dx%d-%dx%d", &variant->m_h, &variant->m_w, &variant->r_h,
               &variant->r_w) != 4) {
        return false;
    }
    assert_ok(convoy_layer_explain(layer, NULL, all));
    return all[index].reason == NULL;
}

static void check_all(void check(convoy_layer *layer, const struct variant *variant))
{
    for (size_t i = 0; i < PROBLEM_COUNT; i++) {
        for (size_t a = 0; a < convoy_algorithm_count(); a++) {
            convoy_layer layer = parse_layer(problems[i]);
            struct variant variant;
            layer.layout = a % 2 ? CONVOY_NHWC : CONVOY_NCHW;
            if (variant_applies(&layer, a, &variant)) {
                check(&layer, &variant);
            }
        }
    }
}

static void run_named(const convoy_layer *layer, struct operand_set *set, const char *algorithm)
{
    convoy_options options = {.algorithm = algorithm};
    run_layer(layer, set, &options);
}

/* The matrices of alpha = 4 have entries 0, +-1 and +-1/2: integers come out equal. */
static void check_exact(convoy_layer *layer, const struct variant *variant)
{
    int alpha_h = variant->m_h + variant->r_h - 1, alpha_w = variant->m_w + variant->r_w - 1;
    convoy_difference difference;
    if (alpha_h > 4 || alpha_w > 4) {
        return;
    }
    struct operand_set set = operands_create(layer, 3), expected = operands_create(layer, 3);
    assert_ok(convoy_tensor_fill_integers(&set.x, 4, -8, 8));
    assert_ok(convoy_tensor_fill_integers(&set.filter, 5, -8, 8));
    assert_ok(convoy_tensor_fill_integers(&set.bias, 6, -8, 8));
    assert_ok(convoy_tensor_fill_integers(&expected.x, 4, -8, 8));
    assert_ok(convoy_tensor_fill_integers(&expected.filter, 5, -8, 8));
    assert_ok(convoy_tensor_fill_integers(&expected.bias, 6, -8, 8));
    run_named(layer, &set, variant->name);
    run_named(layer, &expected, "reference");
    assert_ok(convoy_tensor_compare(&set.y, &expected.y, &difference));
    assert_int_equal(difference.different, 0);
    operands_destroy(&set);
    operands_destroy(&expected);
}

static void test_exact(void **state)
{
    (void)state;
    check_all(check_exact);
}

/* Does output p see x at h in its window, and does its tile read it? (The last tap of a piece may
   be missing, and its x is read all the same.) */
static bool in_window(int64_t p, int64_t h, int64_t stride, int64_t pad, int64_t taps)
{
    int64_t tap = h - (p * stride - pad);
    return tap >= 0 && tap < taps;
}

static bool in_tile(int64_t p, int m, int64_t h, int64_t stride, int64_t pad, int64_t taps)
{
    return in_window(p / m * m, h, stride, pad, (m - 1) * stride + taps + stride);
}

static bool sees(const convoy_layer *l, int64_t p, int64_t q, int64_t h, int64_t w)
{
    return in_window(p, h, l->stride_h, l->pad_top, l->R) &&
           in_window(q, w, l->stride_w, l->pad_left, l->S);
}

static bool reads(const convoy_layer *l, const struct variant *v, int64_t p, int64_t q, int64_t h,
                  int64_t w)
{
    return in_tile(p, v->m_h, h, l->stride_h, l->pad_top, l->R) &&
           in_tile(q, v->m_w, w, l->stride_w, l->pad_left, l->S);
}

/* Every output whose window holds the NaN has it; no output of a tile that does not read it. */
static void check_nan(convoy_layer *layer, const struct variant *variant)
{
    const int64_t h = 7, w = 6;
    struct operand_set set = operands_create(layer, 8);
    convoy_tensor_set(&set.x, 0, 4, h, w, NAN);
    run_named(layer, &set, variant->name);
    for (int64_t k = 0; k < set.y.C; k++) {
        for (int64_t p = 0; p < set.y.H; p++) {
            for (int64_t q = 0; q < set.y.W; q++) {
                bool nan = isnan(convoy_tensor_get(&set.y, 0, k, p, q));
                assert_true(nan || !sees(layer, p, q, h, w));
                assert_true(!nan || reads(layer, variant, p, q, h, w));
            }
        }
    }
    operands_destroy(&set);
}

static void test_nan(void **state)
{
    (void)state;
    check_all(check_nan);
}

/* One value of x a million times the others: outputs of tiles that do not read it keep their bits,
   the others of its tiles lose digits, but no more than the bound says. */
static void check_large(convoy_layer *layer, const struct variant *variant)
{
    const int64_t h = 7, w = 6;
    const double large = 1e6;
    convoy_options options = {.algorithm = variant->name};
    convoy_description description;
    struct operand_set plain = operands_create(layer, 8), set = operands_create(layer, 8);
    convoy_plan *plan = create_plan(layer, &set, &options);
    assert_ok(convoy_plan_describe(plan, &description));
    convoy_plan_destroy(plan);
    run_named(layer, &plain, variant->name);
    convoy_tensor_set(&set.x, 0, 4, h, w, large);
    run_named(layer, &set, variant->name);
    double terms = (double)(layer->R * layer->S * layer->C); /* |w| <= 1 */
    for (int64_t k = 0; k < set.y.C; k++) {
        for (int64_t p = 0; p < set.y.H; p++) {
            for (int64_t q = 0; q < set.y.W; q++) {
                double moved = fabs(convoy_tensor_get(&set.y, 0, k, p, q) -
                                    convoy_tensor_get(&plain.y, 0, k, p, q));
                if (!reads(layer, variant, p, q, h, w)) {
                    assert_true(moved == 0);
                } else if (!sees(layer, p, q, h, w)) {
                    assert_true(moved <= 2 * description.error_bound * (large * terms + 1));
                }
            }
        }
    }
    operands_destroy(&set);
    operands_destroy(&plain);
}

static void test_large(void **state)
{
    (void)state;
    check_all(check_large);
}

static double bound_of(const char *problem, const char *algorithm)
{
    convoy_layer layer = parse_layer(problem);
    convoy_options options = {.algorithm = algorithm};
    convoy_description description;
    assert_ok(convoy_layer_estimate(&layer, &options, &description));
    return description.error_bound;
}

/* What the matrices of F(4, 3) on the points 0, +-2/3, +-3/2 do to the scale is 37/3, worked out in
   exact fractions from the points alone; a term passes 2 (1 + 6 + 2) roundings of the transforms of
   both axes, that of packed w, those of a sum of 44 and of one partial sum, and the epilogue's 3.
 */
static void the_bound_is_that_of_the_matrices(void **state)
{
    (void)state;
    const double unit = 0x1p-24, roundings = 2 * (1 + 6 + 2) + 1 + 44 + 1 + 3;
    double wanted = 37.0 / 3.0 * roundings * unit / (1 - roundings * unit);
    double bound = bound_of("n1c44h4w16_k1r1s3", "winograd-f1x4-1x3");
    assert_true(fabs(bound / wanted - 1) <= 1e-12);
}

/* The products of a filter's pieces are summed before they are transformed back: that sum is as
   long as one over as many times the channels. */
static void pieces_lengthen_the_sum(void **state)
{
    (void)state;
    const char *name = "winograd-f4x4-3x3";
    double of_nine_pieces = bound_of("n1c440h20w20_k5r9s9_pd4", name);
    assert_true(of_nine_pieces == bound_of("n1c3960h20w20_k5r3s3_pd1", name));
    assert_true(of_nine_pieces > bound_of("n1c440h20w20_k5r3s3_pd1", name));
}

static bool applies(const char *problem, const char *algorithm)
{
    convoy_layer layer = parse_layer(problem);
    convoy_description all[64];
    assert_ok(convoy_layer_explain(&layer, NULL, all));
    for (size_t a = 0; a < convoy_algorithm_count(); a++) {
        if (strcmp(all[a].algorithm, algorithm) == 0) {
            return all[a].reason == NULL;
        }
    }
    fail_msg("there is no algorithm %s", algorithm);
    return false;
}

/* Twelve pieces an axis, three one after the other; groups of eight channels; and what is not
   there to be refused. */
static void layers_that_are_refused_are_others(void **state)
{
    (void)state;
    assert_true(applies("n1c1h5w5_k1r3s3", "winograd-f2x2-3x3"));
    assert_true(applies("n1c16h9w9_k2r3s3_g2", "winograd-f2x2-3x3"));
    assert_false(applies("n1c14h9w9_k2r3s3_g2", "winograd-f2x2-3x3"));
    assert_false(applies("n1c3h9w9_k2r1s1", "winograd-f2x2-3x3"));
    assert_true(applies("n1c2h45w20_k2r36s3_st12x1", "winograd-f2x2-3x3"));
    assert_false(applies("n1c2h45w20_k2r39s3_st13x1", "winograd-f2x2-3x3"));
    assert_true(applies("n1c2h20w20_k2r9s9", "winograd-f2x2-3x3"));
    assert_false(applies("n1c2h20w20_k2r10s10", "winograd-f2x2-3x3"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_nan),
        cmocka_unit_test(the_bound_is_that_of_the_matrices),
        cmocka_unit_test(pieces_lengthen_the_sum),
        cmocka_unit_test(layers_that_are_refused_are_others),
        cmocka_unit_test(test_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
