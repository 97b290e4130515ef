/**
 * @file test_reshape.c
 * Plans for other sizes: the same results as plans made for them, packed weights shared where the
 * bytes are the same, and never where they are not.
 */
#include <math.h>

#include "convoy/convoy.h"
#include "kernels/algorithm.h"
#include "plan/weights.h"
#include "support/check.h"
#include "support/layers.h"

static void run_plan(const convoy_plan *plan, struct operand_set *set)
{
    void *workspace;
    assert_ok(convoy_workspace_create(convoy_plan_workspace_bytes(plan), &workspace));
    assert_ok(convoy_plan_execute(plan, &set->x, &set->y, workspace));
    convoy_workspace_destroy(workspace);
}

static convoy_layer sized(const char *problem, int64_t N, int64_t H, int64_t W)
{
    convoy_layer layer = parse_layer(problem);
    layer.N = N;
    layer.H = H;
    layer.W = W;
    return layer;
}

static const struct size {
    int64_t N, H, W;
} sizes[] = {{1, 9, 9},   {2, 7, 12},  {1, 30, 31},   {4, 14, 14}, {1, 64, 48},
             {3, 56, 56}, {1, 5, 200}, {1, 112, 112}, {1, 1, 1}};
#define SIZES (sizeof sizes / sizeof sizes[0])

static const char *const problems[] = {
    "n1c19h9w9_k37r3s3_pd1",         "n1c64h9w9_k64r1s1",
    "n1c24h9w9_k24r3s3_st2_pd1_g24", "n1c8h9w9_k20r5s5_pd2_g2",
    "n1c3h9w9_k64r7s7_st2_pd3",      "n1c32h9w9_k32r3s3_pd1_g8",
    "n1c130h9w9_k150r3s3_pd1",       "n1c16h9w9_k16r1s5_pd0x2",
    "n1c16h9w9_k16r3s3_dl2_pd2_g16", "n1c256h9w9_k256r3s3_st2_pd1_g256",
};
#define PROBLEMS (sizeof problems / sizeof problems[0])

/* Where weights_agree says so, every algorithm packs a filter into the same bytes at both sizes. */
static void test_what_agrees_is_the_same(void **state)
{
    int64_t agreed = 0, compared = 0;
    (void)state;
    for (size_t i = 0; i < 2 * PROBLEMS; i++) {
        convoy_layer base = parse_layer(problems[i / 2]);
        base.layout = i % 2 ? CONVOY_NHWC : CONVOY_NCHW;
        struct operand_set set = operands_create(&base, i);
        for (size_t a = 0; a < convoy_algorithm_count(); a++) {
            convoy_options options = {.algorithm = convoy_algorithm_name(a), .threads = 2};
            if (!algorithm_applies(&base, a)) {
                continue;
            }
            convoy_plan *first = create_plan(&base, &set, &options);
            for (size_t s = 1; s < SIZES; s++) {
                convoy_layer layer = sized(problems[i / 2], sizes[s].N, sizes[s].H, sizes[s].W);
                layer.layout = base.layout;
                convoy_plan *other = create_plan(&layer, &set, &options);
                compared++;
                if (weights_agree(first, other)) {
                    agreed++;
                    if (memcmp(first->packed_w, other->packed_w, first->packed_w_bytes) != 0) {
                        fail_msg("%s of %s: the bytes differ at size %zu", options.algorithm,
                                 problems[i / 2], s);
                    }
                }
                convoy_plan_destroy(other);
            }
            convoy_plan_destroy(first);
        }
        operands_destroy(&set);
    }
    print_message("%d of %d agree\n", (int)agreed, (int)compared);
    assert_true(agreed > compared / 2);
}

/* The same bits as a plan made for the size, for the algorithm that each gets. */
static void test_results(void **state)
{
    (void)state;
    for (size_t i = 0; i < PROBLEMS * SIZES; i++) {
        const struct size *size = &sizes[i % SIZES];
        convoy_layer base = parse_layer(problems[i / SIZES]);
        convoy_layer layer = sized(problems[i / SIZES], size->N, size->H, size->W);
        struct operand_set base_set = operands_create(&base, 1);
        struct operand_set set = operands_create(&layer, 1), expected = operands_create(&layer, 1);
        convoy_weights weights = operand_weights(&base_set);
        convoy_plan *plan = create_plan(&base, &base_set, &(convoy_options){.threads = 2});
        convoy_plan *reshaped;
        convoy_description chosen, made;
        assert_ok(convoy_plan_reshape(plan, size->N, size->H, size->W, &weights, &reshaped));
        convoy_plan_destroy(plan); /* what is shared lives on */
        run_plan(reshaped, &set);
        convoy_plan *fresh = create_plan(&layer, &expected, &(convoy_options){.threads = 2});
        run_plan(fresh, &expected);
        assert_ok(convoy_plan_describe(reshaped, &chosen));
        assert_ok(convoy_plan_describe(fresh, &made));
        assert_string_equal(chosen.algorithm, made.algorithm);
        assert_int_equal(convoy_plan_layer(reshaped)->H, size->H);
        assert_memory_equal(set.y.data, expected.y.data,
                            (size_t)(set.y.N * set.y.stride_n) * sizeof(float));
        convoy_plan_destroy(reshaped);
        convoy_plan_destroy(fresh);
        operands_destroy(&base_set);
        operands_destroy(&set);
        operands_destroy(&expected);
    }
}

/* Without weights the algorithm stays, and so do the packed weights. */
static void test_without_weights(void **state)
{
    convoy_layer base = parse_layer("n1c32h20w20_k32r3s3_pd1");
    struct operand_set set = operands_create(&base, 1);
    (void)state;
    for (size_t a = 0; a < convoy_algorithm_count(); a++) {
        convoy_options options = {.algorithm = convoy_algorithm_name(a), .threads = 1};
        convoy_plan *reshaped = NULL;
        if (!algorithm_applies(&base, a)) {
            continue;
        }
        convoy_plan *plan = create_plan(&base, &set, &options);
        convoy_status status = convoy_plan_reshape(plan, 2, 24, 28, NULL, &reshaped);
        if (status) { /* the only other way */
            assert_int_equal(status, CONVOY_ERROR_ARGUMENT);
            assert_contains(convoy_error_detail(), "packs the weights otherwise");
            assert_null(reshaped);
        } else {
            assert_ptr_equal(reshaped->packed_w, plan->packed_w);
            assert_ptr_equal(reshaped->algorithm, plan->algorithm);
        }
        convoy_plan_destroy(plan);
        convoy_plan_destroy(reshaped);
    }
    operands_destroy(&set);
}

/* im2col needs a build with OpenBLAS. */
static bool is_built(const convoy_layer *layer, const char *algorithm)
{
    size_t a = 0;
    while (strcmp(convoy_algorithm_name(a), algorithm) != 0) {
        a++;
    }
    return algorithm_applies(layer, a);
}

/* Sizes whose blocks of output channels differ, which these algorithms pack alike. */
static void test_other_blocks(void **state)
{
    static const struct {
        const char *algorithm, *problem;
        struct size size;
    } reshapes[] = {{"im2col", "n1c64h8w8_k512r3s3_pd1", {1, 64, 64}},
                    {"direct", "n1c64h1w1_k4r1s1", {8, 1, 1}},
                    {"direct", "n1c64h8w8_k512r3s3_pd1", {2, 30, 40}},
                    {"winograd-f4x4-3x3", "n1c64h8w8_k512r3s3_pd1", {1, 64, 64}}};
    (void)state;
    for (size_t i = 0; i < sizeof reshapes / sizeof reshapes[0]; i++) {
        convoy_layer layer = parse_layer(reshapes[i].problem);
        const struct size *size = &reshapes[i].size;
        layer.layout = CONVOY_NHWC;
        if (!is_built(&layer, reshapes[i].algorithm)) {
            continue;
        }
        struct operand_set set = operands_create(&layer, 1);
        convoy_options options = {.algorithm = reshapes[i].algorithm, .threads = 4};
        convoy_plan *plan = create_plan(&layer, &set, &options), *reshaped = NULL;
        assert_ok(convoy_plan_reshape(plan, size->N, size->H, size->W, NULL, &reshaped));
        assert_ptr_equal(reshaped->packed_w, plan->packed_w);
        convoy_plan_destroy(plan);
        convoy_plan_destroy(reshaped);
        operands_destroy(&set);
    }
}

/* Options of the plan hold for the new one. */
static void test_options_stay(void **state)
{
    convoy_layer base = parse_layer("n1c32h20w20_k32r3s3_pd1");
    struct operand_set set = operands_create(&base, 1);
    convoy_weights weights = operand_weights(&set);
    convoy_plan *reshaped;
    convoy_description description;
    (void)state;
    convoy_plan *plan = create_plan(
        &base, &set, &(convoy_options){.tolerance = CONVOY_TOLERANCE_STRICT, .threads = 3});
    assert_ok(convoy_plan_reshape(plan, 1, 64, 64, &weights, &reshaped));
    assert_ok(convoy_plan_describe(reshaped, &description));
    assert_int_equal(description.threads, 3);
    assert_true(strncmp(description.algorithm, "winograd", 8) != 0);
    convoy_plan_destroy(reshaped);
    convoy_plan_destroy(plan);
    char name[] = "reordered"; /* the caller's string is not needed later */
    plan = create_plan(&base, &set, &(convoy_options){.algorithm = name});
    memset(name, 'x', sizeof name - 1);
    assert_ok(convoy_plan_reshape(plan, 1, 64, 64, &weights, &reshaped));
    assert_ok(convoy_plan_describe(reshaped, &description));
    assert_string_equal(description.algorithm, "reordered");
    convoy_plan_destroy(reshaped);
    convoy_plan_destroy(plan);
    operands_destroy(&set);
}

static void test_errors(void **state)
{
    convoy_layer base = parse_layer("n1c4h9w9_k4r3s3");
    struct operand_set set = operands_create(&base, 1);
    convoy_weights weights = operand_weights(&set), no_bias = {set.filter.data, NULL};
    convoy_plan *plan = create_plan(&base, &set, NULL), *none = NULL;
    (void)state;
    assert_status(convoy_plan_reshape(NULL, 1, 9, 9, NULL, &none), CONVOY_ERROR_NULL);
    assert_status(convoy_plan_reshape(plan, 1, 9, 9, NULL, NULL), CONVOY_ERROR_NULL);
    assert_status(convoy_plan_reshape(plan, 0, 9, 9, NULL, &none), CONVOY_ERROR_EXTENT);
    assert_status(convoy_plan_reshape(plan, 1, 2, 9, &weights, &none), CONVOY_ERROR_EMPTY_OUTPUT);
    assert_status(convoy_plan_reshape(plan, 1, 9, 9, &no_bias, &none), CONVOY_ERROR_ARGUMENT);
    assert_contains(convoy_error_detail(), "the plan has a bias, and the weights have none");
    assert_null(none);
    convoy_plan_destroy(plan);
    operands_destroy(&set);
}

static void test_holders(void **state)
{
    convoy_layer layer = parse_layer("n1c4h9w9_k4r3s3");
    struct operand_set set = operands_create(&layer, 1);
    convoy_plan *plan = create_plan(&layer, &set, NULL);
    (void)state;
    assert_ptr_equal(convoy_plan_retain(plan), plan);
    convoy_plan_destroy(plan);
    run_plan(plan, &set);
    convoy_plan_destroy(plan);
    assert_null(convoy_plan_retain(NULL));
    operands_destroy(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_agrees_is_the_same),
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_without_weights),
        cmocka_unit_test(test_other_blocks),
        cmocka_unit_test(test_options_stay),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_holders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
