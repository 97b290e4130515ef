/**
 * @file test_execute.c
 * The border of execution: what is refused, with its status, and that y is untouched then; which
 * tensors may share memory; a convolution computed by hand; one plan on several threads.
 */
#include <pthread.h>

#include "convoy/convoy.h"
#include "support/check.h"
#include "support/layers.h"
#include "support/strides.h"

/* A layer of 2 x 3 -> 4 channels on 5 x 6, its plan by `reference` and its tensors. */
struct fixture {
    convoy_layer layer;
    struct operand_set set;
    convoy_plan *plan;
};

static struct fixture fixture_create(convoy_layout layout, bool residual, const char *algorithm)
{
    struct fixture f = {.layer = parse_layer("n2c3h5w6_k4r3s3_pd1")};
    f.layer.layout = layout;
    f.layer.epilogue.residual = residual;
    f.set = operands_create(&f.layer, 1);
    f.plan = create_plan(&f.layer, &f.set, &(convoy_options){.algorithm = algorithm});
    assert_ok(convoy_tensor_fill_value(&f.set.y, 77));
    return f;
}

static void fixture_destroy(struct fixture *f)
{
    convoy_plan_destroy(f->plan);
    operands_destroy(&f->set);
}

/* The execution is refused with the status, and y is as it was. */
static void refused(struct fixture *f, const convoy_tensor *x, const convoy_tensor *y,
                    convoy_status status)
{
    assert_status(convoy_plan_execute(f->plan, x, y, NULL), status);
    assert_true(strlen(convoy_error_detail()) > 10);
    const float *values = f->set.y.data;
    for (int64_t i = 0; i < f->set.y.N * f->set.y.stride_n; i++) {
        assert_true(values[i] == 77);
    }
}

static void test_bad_tensors(void **state)
{
    (void)state;
    for (int layout = CONVOY_NCHW; layout <= CONVOY_NHWC; layout++) {
        struct fixture f = fixture_create((convoy_layout)layout, false, "reference");
        convoy_tensor x = f.set.x, y = f.set.y, bad;
        refused(&f, NULL, &y, CONVOY_ERROR_NULL);
        refused(&f, &x, NULL, CONVOY_ERROR_NULL);
        bad = x, bad.data = NULL;
        refused(&f, &bad, &y, CONVOY_ERROR_NULL);
        bad = x, bad.N = 1;
        refused(&f, &bad, &y, CONVOY_ERROR_SHAPE);
        bad = x, bad.W = 5;
        refused(&f, &bad, &y, CONVOY_ERROR_SHAPE);
        bad = y, bad.C = 3;
        refused(&f, &x, &bad, CONVOY_ERROR_SHAPE);
        bad = x, bad.layout = (convoy_layout)(1 - layout);
        refused(&f, &bad, &y, CONVOY_ERROR_LAYOUT);
        bad = y, bad.layout = (convoy_layout)(1 - layout);
        refused(&f, &x, &bad, CONVOY_ERROR_LAYOUT);
        bad = x, bad.stride_c *= 2, bad.stride_w *= 2;
        refused(&f, &bad, &y, CONVOY_ERROR_LAYOUT);
        bad = x, bad.type = CONVOY_FLOAT64, bad.data = (char *)x.data + 0;
        refused(&f, &bad, &y, CONVOY_ERROR_TYPE);
        bad = x, bad.data = (char *)x.data + 2;
        refused(&f, &bad, &y, CONVOY_ERROR_ALIGNMENT);
        bad = y, bad.data = (char *)y.data + 1;
        refused(&f, &x, &bad, CONVOY_ERROR_ALIGNMENT);
        bad = y, bad.stride_h = 0;
        refused(&f, &x, &bad, CONVOY_ERROR_LAYOUT);
        bad = y, bad.stride_h -= 1;
        refused(&f, &x, &bad, CONVOY_ERROR_LAYOUT);
        assert_contains(convoy_error_detail(), "overlaps itself");
        bad = y, bad.stride_n = bad.stride_h;
        refused(&f, &x, &bad, CONVOY_ERROR_LAYOUT);
        fixture_destroy(&f);
    }
}

static void spoil_unused_strides(convoy_tensor *t)
{
    for (int axis = 0; axis < 4; axis++) {
        int64_t *stride = unused_stride(t, axis);
        if (stride && *stride != 1) {
            *stride = INT64_MAX - 7 * axis;
        }
    }
}

/* Along an extent of 1 no step is taken: its stride may be any number, for every algorithm. The
   undefined-behaviour sanitizer sees what is computed with it. */
static void test_unused_strides(void **state)
{
    static const char *const problems[] = {"n1c3h1w6_k4r3s3_pd1",    "n1c1h9w9_k1r3s3_pd1",
                                           "n1c16h12w1_k16r3s3_pd1", "n1c16h1w1_k16r1s1",
                                           "n1c1h9w17_k16r3s3_pd1",  "n1c16h1w9_k16r3s3_st2_pd1",
                                           "n1c8h9w1_k8r3s3_pd1_g8", "n1c8h1w9_k8r3s3_st2_pd1_g8"};
    (void)state;
    for (size_t i = 0; i < 4 * sizeof problems / sizeof problems[0]; i++) {
        convoy_layer layer = parse_layer(problems[i / 4]);
        layer.layout = i % 2 ? CONVOY_NHWC : CONVOY_NCHW;
        layer.epilogue.residual = i % 4 >= 2;
        for (size_t a = 0; a < convoy_algorithm_count(); a++) {
            convoy_options options = {.algorithm = convoy_algorithm_name(a), .threads = 2};
            struct operand_set set = operands_create(&layer, 1),
                               spoilt = operands_create(&layer, 1);
            if (algorithm_applies(&layer, a)) {
                spoil_unused_strides(&spoilt.x);
                spoil_unused_strides(&spoilt.residual);
                spoil_unused_strides(&spoilt.y);
                run_layer(&layer, &set, &options);
                run_layer(&layer, &spoilt, &options);
                assert_memory_equal(set.y.data, spoilt.y.data,
                                    (size_t)(set.y.N * set.y.stride_n) * sizeof(float));
            }
            operands_destroy(&set);
            operands_destroy(&spoilt);
        }
    }
}

/* Nor does it mean anything where it is as long as what the pixels of a copy hold: here a group. */
static void test_unused_stride_of_a_group(void **state)
{
    convoy_layer layer = parse_layer("n1c128h8w1_k128r3s3_pd1_g8");
    convoy_options options = {.algorithm = "direct", .threads = 1};
    (void)state;
    layer.layout = CONVOY_NHWC;
    struct operand_set set = operands_create(&layer, 1), other = operands_create(&layer, 1);
    other.x.stride_w = layer.C / layer.groups;
    run_layer(&layer, &set, &options);
    run_layer(&layer, &other, &options);
    assert_memory_equal(set.y.data, other.y.data,
                        (size_t)(set.y.N * set.y.stride_n) * sizeof(float));
    operands_destroy(&set);
    operands_destroy(&other);
}

/* All channels of x in one place, which a stride of 0 over them says. */
static void test_channels_in_one_place(void **state)
{
    static const char *const problems[] = {"n1c40h5w9_k12r3s3_pd1_g4", "n1c20h5w9_k12r3s3_pd1",
                                           "n2c32h6w5_k32r3s3_pd1_g2", "n1c9h7w12_k9r3s3_pd1_g9",
                                           "n1c24h1w1_k40r1s1"};
    (void)state;
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        convoy_layer layer = parse_layer(problems[i]);
        layer.layout = CONVOY_NCHW;
        struct operand_set exact = operands_create(&layer, 1), set = operands_create(&layer, 1);
        exact.x.stride_c = set.x.stride_c = 0;
        run_layer(&layer, &exact, &(convoy_options){.algorithm = "reference", .threads = 1});
        for (size_t a = 0; a < convoy_algorithm_count(); a++) {
            convoy_options options = {.algorithm = convoy_algorithm_name(a), .threads = 1};
            if (algorithm_applies(&layer, a)) {
                convoy_difference difference;
                run_layer(&layer, &set, &options);
                assert_ok(convoy_tensor_compare(&set.y, &exact.y, &difference));
                assert_true(difference.relative_to_rms < 1e-3);
            }
        }
        operands_destroy(&exact);
        operands_destroy(&set);
    }
}

static void test_float64_only_with_reference(void **state)
{
    struct fixture f = fixture_create(CONVOY_NHWC, false, "naive");
    convoy_tensor y;
    (void)state;
    assert_ok(convoy_tensor_create(CONVOY_FLOAT64, CONVOY_NHWC, 2, 4, 5, 6, &y));
    assert_status(convoy_plan_execute(f.plan, &f.set.x, &y, NULL), CONVOY_ERROR_TYPE);
    assert_contains(convoy_error_detail(), "reference");
    assert_true(convoy_tensor_get(&y, 0, 0, 0, 0) == 0);
    convoy_tensor_destroy(&y);
    fixture_destroy(&f);
}

static void test_workspace(void **state)
{
    struct fixture f = fixture_create(CONVOY_NHWC, false, "reordered");
    size_t bytes = convoy_plan_workspace_bytes(f.plan);
    void *workspace;
    (void)state;
    assert_true(bytes > 0);
    assert_ok(convoy_workspace_create(bytes + 64, &workspace));
    refused(&f, &f.set.x, &f.set.y, CONVOY_ERROR_NULL);
    assert_status(convoy_plan_execute(f.plan, &f.set.x, &f.set.y, (char *)workspace + 32),
                  CONVOY_ERROR_ALIGNMENT);
    assert_status(convoy_plan_execute(f.plan, &f.set.x, &f.set.y, f.set.y.data),
                  CONVOY_ERROR_OVERLAP);
    assert_status(convoy_plan_execute(f.plan, &f.set.x, &f.set.y, f.set.x.data),
                  CONVOY_ERROR_OVERLAP);
    assert_ok(convoy_plan_execute(f.plan, &f.set.x, &f.set.y, workspace));
    convoy_workspace_destroy(workspace);
    fixture_destroy(&f);
    assert_ok(convoy_workspace_create(0, &workspace));
    assert_null(workspace);
    assert_status(convoy_workspace_create(SIZE_MAX / 2, &workspace), CONVOY_ERROR_TOO_LARGE);
    convoy_workspace_destroy(NULL);
}

static void test_residual_calls(void **state)
{
    struct fixture f = fixture_create(CONVOY_NCHW, false, "reference");
    (void)state;
    assert_status(convoy_plan_execute_residual(f.plan, &f.set.x, &f.set.residual, &f.set.y, NULL),
                  CONVOY_ERROR_ARGUMENT);
    fixture_destroy(&f);
    f = fixture_create(CONVOY_NCHW, true, "reference");
    refused(&f, &f.set.x, &f.set.y, CONVOY_ERROR_ARGUMENT);
    convoy_tensor bad = f.set.residual;
    assert_status(convoy_plan_execute_residual(f.plan, &f.set.x, NULL, &f.set.y, NULL),
                  CONVOY_ERROR_NULL);
    bad.H = 4;
    assert_status(convoy_plan_execute_residual(f.plan, &f.set.x, &bad, &f.set.y, NULL),
                  CONVOY_ERROR_SHAPE);
    assert_status(convoy_plan_execute(NULL, &f.set.x, &f.set.y, NULL), CONVOY_ERROR_NULL);
    assert_status(convoy_plan_execute_residual(NULL, &f.set.x, &bad, &f.set.y, NULL),
                  CONVOY_ERROR_NULL);
    /* A residual that is y shifted by one row would be overwritten before it is read. */
    bad = f.set.y;
    bad.data = (float *)bad.data - 6;
    assert_status(convoy_plan_execute_residual(f.plan, &f.set.x, &bad, &f.set.y, NULL),
                  CONVOY_ERROR_OVERLAP);
    assert_true(convoy_tensor_get(&f.set.y, 1, 3, 4, 5) == 77);
    fixture_destroy(&f);
}

/* The residual in y itself gives what a residual elsewhere gives; so does one that is x. */
static void test_residual_in_place(void **state)
{
    (void)state;
    for (int layout = CONVOY_NCHW; layout <= CONVOY_NHWC; layout++) {
        struct fixture f = fixture_create((convoy_layout)layout, true, "reference");
        convoy_tensor apart = f.set.y, in_place = f.set.residual;
        size_t bytes = (size_t)(apart.N * apart.stride_n) * sizeof(float);
        assert_ok(convoy_plan_execute_residual(f.plan, &f.set.x, &f.set.residual, &apart, NULL));
        assert_ok(convoy_plan_execute_residual(f.plan, &f.set.x, &in_place, &in_place, NULL));
        assert_memory_equal(apart.data, in_place.data, bytes);
        fixture_destroy(&f);
    }
    convoy_layer layer = parse_layer("n1c3h4w4_k3r1s1");
    layer.epilogue.residual = true;
    struct operand_set set = operands_create(&layer, 1);
    convoy_plan *plan = create_plan(&layer, &set, &(convoy_options){.algorithm = "reference"});
    assert_ok(convoy_plan_execute_residual(plan, &set.x, &set.x, &set.y, NULL));
    convoy_plan_destroy(plan);
    operands_destroy(&set);
}

/* Slices side by side in one tensor, as in a network that concatenates: x in some channels, y in
   others. Where they share a channel, it is refused. */
static void test_slices_of_one_tensor(void **state)
{
    convoy_layer layer = parse_layer("n2c3h5w6_k4r3s3_pd1");
    (void)state;
    for (int layout = CONVOY_NCHW; layout <= CONVOY_NHWC; layout++) {
        convoy_tensor both, x, y, other;
        layer.layout = (convoy_layout)layout;
        struct operand_set set = operands_create(&layer, 1);
        run_layer(&layer, &set, &(convoy_options){.algorithm = "reference"});
        assert_ok(convoy_tensor_create(CONVOY_FLOAT32, layer.layout, 2, 9, 5, 6, &both));
        assert_ok(convoy_tensor_slice(&both, 1, 4, &x));
        assert_ok(convoy_tensor_slice(&both, 4, 8, &y));
        assert_ok(convoy_tensor_slice(&both, 3, 7, &other));
        assert_ok(convoy_tensor_fill_value(&both, 5));
        for (size_t i = 0; i < convoy_algorithm_count(); i++) {
            if (!algorithm_applies(&layer, i)) {
                continue;
            }
            convoy_options options = {.algorithm = convoy_algorithm_name(i)};
            convoy_plan *plan = create_plan(&layer, &set, &options);
            convoy_difference difference;
            void *workspace;
            assert_ok(convoy_workspace_create(convoy_plan_workspace_bytes(plan), &workspace));
            assert_ok(convoy_tensor_copy(&set.x, &x));
            assert_ok(convoy_plan_execute(plan, &x, &y, workspace));
            assert_ok(convoy_tensor_compare(&y, &set.y, &difference));
            assert_true(difference.max_absolute < 1e-4);
            assert_ok(convoy_tensor_compare(&x, &set.x, &difference));
            assert_int_equal(difference.different, 0);
            assert_true(convoy_tensor_get(&both, 1, 0, 4, 5) == 5);
            assert_true(convoy_tensor_get(&both, 0, 8, 0, 0) == 5);
            assert_status(convoy_plan_execute(plan, &x, &other, workspace), CONVOY_ERROR_OVERLAP);
            convoy_workspace_destroy(workspace);
            convoy_plan_destroy(plan);
        }
        convoy_tensor_destroy(&both);
        operands_destroy(&set);
    }
}

/* 2 x 2 filter 1 2 3 4 on 0 1 2 / 3 4 5 / 6 7 8, stride 1, one row of padding below. */
static void test_by_hand(void **state)
{
    const float x_values[] = {0, 1, 2, 3, 4, 5, 6, 7, 8}, filter[] = {1, 2, 3, 4}, bias[] = {-40};
    const float sums[] = {27, 37, 57, 67, 20, 23};
    (void)state;
    for (int layout = CONVOY_NCHW; layout <= CONVOY_NHWC; layout++) {
        convoy_layer layer = parse_layer("n1c1h3w3_k1r2s2_pd0,1,0,0");
        layer.layout = (convoy_layout)layout;
        layer.epilogue.activation = CONVOY_RELU;
        for (size_t i = 0; i < convoy_algorithm_count(); i++) {
            float memory[9], y_values[6];
            convoy_tensor x, y;
            convoy_plan *plan;
            void *workspace;
            convoy_options options = {.algorithm = convoy_algorithm_name(i)};
            if (!algorithm_applies(&layer, i)) {
                continue;
            }
            memcpy(memory, x_values, sizeof memory);
            assert_ok(convoy_tensor_view(CONVOY_FLOAT32, layer.layout, 1, 1, 3, 3, memory, &x));
            assert_ok(convoy_tensor_view(CONVOY_FLOAT32, layer.layout, 1, 1, 3, 2, y_values, &y));
            assert_ok(convoy_plan_create(&layer, &(convoy_weights){filter, bias}, &options, &plan));
            assert_ok(convoy_workspace_create(convoy_plan_workspace_bytes(plan), &workspace));
            assert_ok(convoy_plan_execute(plan, &x, &y, workspace));
            for (int j = 0; j < 6; j++) {
                float want = sums[j] > 40 ? sums[j] - 40 : 0;
                float error = y_values[j] > want ? y_values[j] - want : want - y_values[j];
                if (!(error < 1e-3f)) {
                    fail_msg("%s: output %d is %g, not %g", options.algorithm, j,
                             (double)y_values[j], (double)want);
                }
            }
            convoy_workspace_destroy(workspace);
            convoy_plan_destroy(plan);
        }
    }
}

struct caller {
    const convoy_plan *plan;
    const convoy_tensor *x;
    convoy_tensor y;
    convoy_status status;
};

static void *call_often(void *argument)
{
    struct caller *caller = argument;
    void *workspace;
    caller->status = convoy_workspace_create(convoy_plan_workspace_bytes(caller->plan), &workspace);
    for (int i = 0; i < 20 && !caller->status; i++) {
        caller->status = convoy_plan_execute(caller->plan, caller->x, &caller->y, workspace);
    }
    convoy_workspace_destroy(workspace);
    return NULL;
}

/* One plan on several threads at a time, each with a workspace of its own. */
static void test_shared_plan(void **state)
{
    convoy_layer layer = parse_layer("n1c16h14w14_k20r3s3_pd1");
    struct operand_set set = operands_create(&layer, 9);
    (void)state;
    for (size_t i = 0; i < convoy_algorithm_count(); i++) {
        convoy_options options = {.algorithm = convoy_algorithm_name(i), .threads = 2};
        struct caller callers[3];
        pthread_t threads[3];
        if (!algorithm_applies(&layer, i)) {
            continue;
        }
        run_layer(&layer, &set, &options);
        convoy_plan *plan = create_plan(&layer, &set, &options);
        for (int t = 0; t < 3; t++) {
            callers[t] = (struct caller){.plan = plan, .x = &set.x};
            assert_ok(convoy_tensor_create(CONVOY_FLOAT32, layer.layout, set.y.N, set.y.C, set.y.H,
                                           set.y.W, &callers[t].y));
            assert_int_equal(pthread_create(&threads[t], NULL, call_often, &callers[t]), 0);
        }
        for (int t = 0; t < 3; t++) {
            assert_int_equal(pthread_join(threads[t], NULL), 0);
            assert_ok(callers[t].status);
            assert_memory_equal(callers[t].y.data, set.y.data,
                                (size_t)(set.y.N * set.y.stride_n) * sizeof(float));
            convoy_tensor_destroy(&callers[t].y);
        }
        convoy_plan_destroy(plan);
    }
    operands_destroy(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_tensors),
        cmocka_unit_test(test_unused_strides),
        cmocka_unit_test(test_unused_stride_of_a_group),
        cmocka_unit_test(test_channels_in_one_place),
        cmocka_unit_test(test_float64_only_with_reference),
        cmocka_unit_test(test_workspace),
        cmocka_unit_test(test_residual_calls),
        cmocka_unit_test(test_residual_in_place),
        cmocka_unit_test(test_slices_of_one_tensor),
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_shared_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
