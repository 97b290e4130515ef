/**
 * @file test_epilogue.c
 * The epilogue value by value: on 1 x 1 filters of weight 1, where the sum is x itself, so that
 * what must come out is known without computing a convolution. Infinities, NaN, zeros and values
 * beside the limits, in vectors and in tails, for every algorithm, ISA and layout.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>

#include "convoy/convoy.h"
#include "support/check.h"
#include "support/layers.h"

/* Not a multiple of any vector: the last ones are tails. */
#define VALUES 37

static const float specials[] = {
    0.0f,   -0.0f,    1.0f,      -1.0f,   6.0f,    5.9999995f, 6.0000005f, -2.5f,
    2.5f,   INFINITY, -INFINITY, NAN,     FLT_MAX, -FLT_MAX,   FLT_MIN,    -FLT_MIN,
    1e-30f, -1e-30f,  0.125f,    -0.125f, 3e38f,   -3e38f,     100.0f,     -100.0f,
};
#define SPECIAL_COUNT (sizeof specials / sizeof specials[0])

static float special(int64_t i)
{
    return specials[(size_t)i % SPECIAL_COUNT];
}

/* What the header promises. */
static float expected_of(const convoy_epilogue *e, float v)
{
    if (isnan(v)) {
        return v;
    }
    switch (e->activation) {
    case CONVOY_RELU:
        return fmaxf(v, 0);
    case CONVOY_RELU6:
        return fminf(fmaxf(v, 0), 6);
    case CONVOY_LEAKY_RELU:
        return v < 0 ? e->slope * v : v;
    case CONVOY_CLIP:
        return fminf(fmaxf(v, e->low), e->high);
    default:
        return v;
    }
}

static bool agrees(float actual, float expected)
{
    return isnan(expected) ? isnan(actual) : actual == expected;
}

struct given {
    convoy_layer layer;
    const float *bias;
    struct operand_set *set;
    const float *wanted; /* of pixel 0 .. , the same for all output channels */
};

static void check_all_isas(const struct given *given, size_t algorithm)
{
    for (int isa = CONVOY_ISA_PORTABLE; isa < CONVOY_ISA_COUNT; isa++) {
        convoy_options options = {.algorithm = convoy_algorithm_name(algorithm),
                                  .isa = (convoy_isa)isa};
        convoy_weights weights = {given->set->filter.data, given->bias};
        convoy_plan *plan;
        void *workspace;
        if (!convoy_isa_usable(options.isa)) {
            continue;
        }
        assert_ok(convoy_plan_create(&given->layer, &weights, &options, &plan));
        assert_ok(convoy_workspace_create(convoy_plan_workspace_bytes(plan), &workspace));
        const struct operand_set *set = given->set;
        assert_ok(
            given->layer.epilogue.residual
                ? convoy_plan_execute_residual(plan, &set->x, &set->residual, &set->y, workspace)
                : convoy_plan_execute(plan, &set->x, &set->y, workspace));
        for (int64_t k = 0; k < given->layer.K; k++) {
            for (int64_t q = 0; q < VALUES; q++) {
                float actual = (float)convoy_tensor_get(&set->y, 0, k, 0, q);
                if (!agrees(actual, given->wanted[q])) {
                    fail_msg("%s %s %s: %s of x = %g: y[k=%d][q=%d] is %g, not %g",
                             options.algorithm, convoy_isa_name(options.isa),
                             convoy_layout_name(given->layer.layout),
                             convoy_activation_name(given->layer.epilogue.activation),
                             (double)special(q), (int)k, (int)q, (double)actual,
                             (double)given->wanted[q]);
                }
            }
        }
        convoy_workspace_destroy(workspace);
        convoy_plan_destroy(plan);
    }
}

/* One input channel of special values to K equal output channels, with or without a bias of
   `bias` and a residual of `residual` everywhere. */
static void check_epilogue(const convoy_epilogue *epilogue, int64_t K, const float *bias_value,
                           const float *residual_value)
{
    float bias[80], wanted[VALUES];
    struct given given = {.layer = parse_layer("n1c1h1w37_k1r1s1"), .wanted = wanted};
    given.layer.K = K;
    given.layer.epilogue = *epilogue;
    given.layer.epilogue.residual = residual_value != NULL;
    for (int64_t k = 0; bias_value && k < K; k++) {
        bias[k] = *bias_value;
    }
    given.bias = bias_value ? bias : NULL;
    for (int64_t q = 0; q < VALUES; q++) {
        float v = special(q);
        v = bias_value ? v + *bias_value : v;
        v = residual_value ? v + *residual_value : v;
        wanted[q] = expected_of(epilogue, v);
    }
    for (int layout = CONVOY_NCHW; layout <= CONVOY_NHWC; layout++) {
        given.layer.layout = (convoy_layout)layout;
        struct operand_set set = operands_create(&given.layer, 1);
        given.set = &set;
        assert_ok(convoy_tensor_fill_value(&set.filter, 1));
        for (int64_t q = 0; q < VALUES; q++) {
            convoy_tensor_set(&set.x, 0, 0, 0, q, special(q));
        }
        if (residual_value) {
            assert_ok(convoy_tensor_fill_value(&set.residual, *residual_value));
        }
        /* The first row, `reference`, rounds once; with extreme values the others round between. */
        for (size_t a = 1; a < convoy_algorithm_count(); a++) {
            if (algorithm_applies(&given.layer, a)) {
                check_all_isas(&given, a);
            }
        }
        operands_destroy(&set);
    }
}

static const convoy_epilogue epilogues[] = {
    {.activation = CONVOY_IDENTITY},
    {.activation = CONVOY_RELU},
    {.activation = CONVOY_RELU6},
    {.activation = CONVOY_LEAKY_RELU, .slope = 0.01f},
    {.activation = CONVOY_LEAKY_RELU, .slope = -0.5f},
    {.activation = CONVOY_LEAKY_RELU, .slope = 0.0f},
    {.activation = CONVOY_LEAKY_RELU, .slope = 3.0f},
    {.activation = CONVOY_CLIP, .low = -2.5f, .high = 2.5f},
    {.activation = CONVOY_CLIP, .low = 1.0f, .high = 1.0f},
    {.activation = CONVOY_CLIP, .low = -INFINITY, .high = 2.0f},
    {.activation = CONVOY_CLIP, .low = -2.0f, .high = INFINITY},
    {.activation = CONVOY_CLIP, .low = 3.0f, .high = 4.0f},
};
#define EPILOGUE_COUNT (sizeof epilogues / sizeof epilogues[0])

static void test_activations(void **state)
{
    static const int64_t channels[] = {1, 3, 16, 21, 64};
    (void)state;
    for (size_t i = 0; i < EPILOGUE_COUNT; i++) {
        for (size_t j = 0; j < sizeof channels / sizeof channels[0]; j++) {
            check_epilogue(&epilogues[i], channels[j], NULL, NULL);
        }
    }
}

static void test_bias_and_residual(void **state)
{
    const float bias = 0.75f, residual = -1.5f;
    (void)state;
    for (size_t i = 0; i < EPILOGUE_COUNT; i++) {
        check_epilogue(&epilogues[i], 19, &bias, NULL);
        check_epilogue(&epilogues[i], 19, NULL, &residual);
        check_epilogue(&epilogues[i], 19, &bias, &residual);
    }
}

/* The residual is a column of a wider tensor, y has no gaps: the bits are those of a residual
   without. */
static void test_residual_with_gaps(void **state)
{
    (void)state;
    for (int layout = CONVOY_NCHW; layout <= CONVOY_NHWC; layout++) {
        convoy_layer layer = parse_layer("n2c5h9w3_k18r3s3");
        layer.layout = (convoy_layout)layout;
        layer.epilogue.residual = true;
        struct operand_set set = operands_create(&layer, 1);
        size_t bytes = (size_t)(set.y.N * set.y.stride_n) * sizeof(float);
        convoy_tensor dense = set.residual, apart = dense;
        float *wide = calloc(3 * bytes, 1), *wanted = malloc(bytes);
        assert_non_null(wide);
        assert_non_null(wanted);
        apart.data = wide;
        apart.stride_n *= 3;
        apart.stride_h *= 3;
        if (layer.layout == CONVOY_NCHW) {
            apart.stride_c *= 3;
        }
        assert_ok(convoy_tensor_copy(&dense, &apart));
        for (size_t a = 0; a < convoy_algorithm_count(); a++) {
            convoy_options options = {.algorithm = convoy_algorithm_name(a)};
            if (algorithm_applies(&layer, a)) {
                set.residual = dense;
                run_layer(&layer, &set, &options);
                memcpy(wanted, set.y.data, bytes);
                set.residual = apart;
                run_layer(&layer, &set, &options);
                assert_memory_equal(set.y.data, wanted, bytes);
            }
        }
        set.residual = dense;
        operands_destroy(&set);
        free(wide);
        free(wanted);
    }
}

/* A NaN of the bias or the residual reaches its outputs and no others. */
static void test_nan_of_bias_and_residual(void **state)
{
    (void)state;
    for (size_t a = 0; a < convoy_algorithm_count(); a++) {
        convoy_layer layer = parse_layer("n1c3h2w3_k5r1s1");
        layer.epilogue = (convoy_epilogue){.activation = CONVOY_RELU6, .residual = true};
        convoy_options options = {.algorithm = convoy_algorithm_name(a)};
        if (!algorithm_applies(&layer, a)) {
            continue;
        }
        struct operand_set set = operands_create(&layer, 8);
        ((float *)set.bias.data)[1] = NAN;
        convoy_tensor_set(&set.residual, 0, 3, 1, 2, NAN);
        run_layer(&layer, &set, &options);
        for (int64_t k = 0; k < 5; k++) {
            for (int64_t i = 0; i < 6; i++) {
                bool nan = k == 1 || (k == 3 && i == 5);
                assert_int_equal(isnan(convoy_tensor_get(&set.y, 0, k, i / 3, i % 3)), nan);
            }
        }
        operands_destroy(&set);
    }
}

/* A NaN of x reaches the outputs whose window holds it, and under a strict tolerance no others. */
static void test_nan_of_input(void **state)
{
    (void)state;
    for (size_t a = 0; a < convoy_algorithm_count(); a++) {
        convoy_layer layer = parse_layer("n1c9h9w9_k9r3s3_pd1");
        convoy_options options = {.algorithm = convoy_algorithm_name(a),
                                  .tolerance = CONVOY_TOLERANCE_STRICT};
        convoy_description all[64];
        layer.layout = a % 2 ? CONVOY_NHWC : CONVOY_NCHW;
        layer.epilogue.activation = CONVOY_RELU;
        if (convoy_layer_explain(&layer, &options, all)) {
            continue; /* it does not apply, or it spreads a NaN and a strict tolerance excludes it
                       */
        }
        struct operand_set set = operands_create(&layer, 8);
        convoy_tensor_set(&set.x, 0, 4, 3, 0, NAN);
        run_layer(&layer, &set, &options);
        for (int64_t k = 0; k < 9; k++) {
            for (int64_t p = 0; p < 9; p++) {
                for (int64_t q = 0; q < 9; q++) {
                    bool nan = p >= 2 && p <= 4 && q <= 1;
                    assert_int_equal(isnan(convoy_tensor_get(&set.y, 0, k, p, q)), nan);
                }
            }
        }
        operands_destroy(&set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activations),        cmocka_unit_test(test_bias_and_residual),
        cmocka_unit_test(test_residual_with_gaps), cmocka_unit_test(test_nan_of_bias_and_residual),
        cmocka_unit_test(test_nan_of_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
