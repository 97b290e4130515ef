/**
 * @file test_values.c
 * Values that are not like others: NaN, infinities, zeros of both signs, denormals. Algorithms that
 * a strict tolerance admits give each output what the reference gives, on every ISA in both
 * layouts. CONVOY_FLUSH_DENORMALS changes nothing else, and leaves every thread's state as it was.
 */
#include <fenv.h>
#include <inttypes.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>

#include "convoy/convoy.h"
#include "core/denormals.h"
#include "support/check.h"
#include "support/layers.h"
#include "support/random.h"

#define THREADS 3

static const char *const problems[] = {
    "n1c9h9w11_k19r3s3_pd1",   "n2c5h7w5_k6r3s3_st2_pd2",       "n1c17h6w9_k5r1s1",
    "n1c3h8w7_k4r5s5_dl2_pd4", "n1c18h7w8_k18r3s3_pd1_g18",     "n1c12h6w9_k24r3s3_pd1_g3",
    "n1c3h9w37_k3r3s3_pd1_g3", "n1c20h5w6_k40r3s3_st2_pd1_g20", "n1c600h3w4_k9r1s1",
    "n1c4h9w9_k17r7s7_pd3",    "n1c8h7w8_k9r1s1_pd1",           "n1c2h6w60_k2r3s3_pd1_g2",
    "n1c2h7w28_k2r5s5_pd2_g2", "n1c3h6w7_k3r3s3_pd1_g3",
};
#define PROBLEM_COUNT (sizeof problems / sizeof problems[0])

/* What a test does with one combination; set->y holds the result, `expected` the reference's. */
typedef void comparison(const struct operand_set *set, const convoy_tensor *expected,
                        const char *what);

/* Run all algorithms that the tolerance admits, on all ISAs, in both layouts, on operands that
   `fill` has made. */
static void run_all(convoy_tolerance tolerance, convoy_denormals denormals,
                    void (*fill)(struct operand_set *set, uint64_t seed), comparison *compare)
{
    for (size_t i = 0; i < 2 * PROBLEM_COUNT; i++) {
        convoy_layer layer = parse_layer(problems[i / 2]);
        layer.layout = i % 2 ? CONVOY_NHWC : CONVOY_NCHW;
        struct operand_set set = operands_create(&layer, i);
        fill(&set, i);
        run_layer(&layer, &set, &(convoy_options){.algorithm = "reference"});
        convoy_tensor expected = set.y;
        assert_ok(convoy_tensor_create(CONVOY_FLOAT32, layer.layout, expected.N, expected.C,
                                       expected.H, expected.W, &set.y));
        for (size_t a = 0; a < convoy_algorithm_count(); a++) {
            for (int isa = CONVOY_ISA_PORTABLE; isa < CONVOY_ISA_COUNT; isa++) {
                convoy_description all[64];
                convoy_options options = {.algorithm = convoy_algorithm_name(a),
                                          .isa = (convoy_isa)isa,
                                          .threads = THREADS,
                                          .tolerance = tolerance,
                                          .denormals = denormals};
                char what[200];
                if (!convoy_isa_usable(options.isa) ||
                    convoy_layer_explain(&layer, &options, all) != CONVOY_OK) {
                    continue;
                }
                snprintf(what, sizeof what, "%s %s %s %s", problems[i / 2], options.algorithm,
                         convoy_isa_name(options.isa), convoy_layout_name(layer.layout));
                assert_ok(convoy_tensor_fill_value(&set.y, -77));
                run_layer(&layer, &set, &options);
                compare(&set, &expected, what);
            }
        }
        convoy_tensor_destroy(&expected);
        operands_destroy(&set);
    }
}

static size_t count_of(const convoy_tensor *tensor)
{
    return (size_t)(tensor->N * tensor->stride_n); /* dense */
}

/* Small integers, some zeros among them. */
static void fill_integers(struct operand_set *set, uint64_t seed)
{
    assert_ok(convoy_tensor_fill_integers(&set->x, seed, -3, 3));
    assert_ok(convoy_tensor_fill_integers(&set->filter, seed + 1, -2, 2));
    assert_ok(convoy_tensor_fill_integers(&set->bias, seed + 2, -4, 4));
}

/* One element in `every` becomes one of the values. */
static void sprinkle(const convoy_tensor *tensor, uint64_t seed, int64_t every, const float *values,
                     int64_t count)
{
    float *data = tensor->data;
    for (size_t i = 0; i < count_of(tensor); i++) {
        if (random_between(&seed, 1, every) == 1) {
            data[i] = values[random_between(&seed, 0, count - 1)];
        }
    }
}

static void fill_special_x(struct operand_set *set, uint64_t seed)
{
    static const float values[] = {NAN, INFINITY, -INFINITY, INFINITY, -INFINITY, -0.0f};
    fill_integers(set, seed);
    sprinkle(&set->x, seed + 5, (int64_t)count_of(&set->x) / 6 + 1, values, 6);
}

/* Equal, NaN where it is one, whatever the sign of a zero. */
static void same_values(const struct operand_set *set, const convoy_tensor *expected,
                        const char *what)
{
    const float *actual = set->y.data, *wanted = expected->data;
    for (size_t i = 0; i < count_of(expected); i++) {
        if (isnan(wanted[i]) ? !isnan(actual[i]) : actual[i] != wanted[i]) {
            fail_msg("%s: y[%zu] is %g, the reference has %g", what, i, (double)actual[i],
                     (double)wanted[i]);
        }
    }
}

/* NaN and infinity reach the outputs whose windows hold them, and no others. */
static void special_values_of_x_stay_in_their_windows(void **state)
{
    (void)state;
    run_all(CONVOY_TOLERANCE_STRICT, CONVOY_KEEP_DENORMALS, fill_special_x, same_values);
}

static void fill_negative_zeros(struct operand_set *set, uint64_t seed)
{
    static const float values[] = {-0.0f};
    fill_integers(set, seed);
    sprinkle(&set->x, seed, 1, values, 1);
    sprinkle(&set->bias, seed, 1, values, 1);
}

static void sums_of_negative_zeros_are_zeros(void **state)
{
    (void)state;
    run_all(CONVOY_TOLERANCE_STRICT, CONVOY_KEEP_DENORMALS, fill_negative_zeros, same_values);
}

/* Integers times the least denormal: sums are exact, also where they are denormal. */
static void fill_denormal_x(struct operand_set *set, uint64_t seed)
{
    fill_integers(set, seed);
    float *x = set->x.data;
    for (size_t i = 0; i < count_of(&set->x); i++) {
        x[i] *= 0x1p-149f;
    }
    assert_ok(convoy_tensor_fill_value(&set->bias, 0));
}

static void fill_denormal_filter(struct operand_set *set, uint64_t seed)
{
    fill_integers(set, seed);
    float *filter = set->filter.data;
    for (size_t i = 0; i < count_of(&set->filter); i++) {
        filter[i] *= 0x1p-149f;
    }
    assert_ok(convoy_tensor_fill_value(&set->bias, 0));
}

/* Where a window holds padding only, nothing is added to it. */
static void fill_denormal_bias(struct operand_set *set, uint64_t seed)
{
    fill_integers(set, seed);
    assert_ok(convoy_tensor_fill_value(&set->x, 0));
    float *bias = set->bias.data;
    for (size_t i = 0; i < count_of(&set->bias); i++) {
        bias[i] *= 0x1p-149f;
    }
}

static void denormals_are_numbers(void **state)
{
    (void)state;
    run_all(CONVOY_TOLERANCE_STRICT, CONVOY_KEEP_DENORMALS, fill_denormal_x, same_values);
    run_all(CONVOY_TOLERANCE_STRICT, CONVOY_KEEP_DENORMALS, fill_denormal_filter, same_values);
    run_all(CONVOY_TOLERANCE_STRICT, CONVOY_KEEP_DENORMALS, fill_denormal_bias, same_values);
}

static void zeros_or_same_values(const struct operand_set *set, const convoy_tensor *expected,
                                 const char *what)
{
    const float *actual = set->y.data;
    size_t zeros = 0;
    for (size_t i = 0; i < count_of(expected); i++) {
        zeros += actual[i] == 0;
    }
    if (FLUSH_BITS == 0 || strstr(what, "reference")) {
        same_values(set, expected, what);
    } else if (zeros != count_of(expected)) {
        fail_msg("%s: %zu of %zu outputs are not 0", what, count_of(expected) - zeros,
                 count_of(expected));
    }
}

/* On every thread: each computes some of the outputs. */
static void flushed_denormals_are_zeros(void **state)
{
    (void)state;
    run_all(CONVOY_TOLERANCE_STRICT, CONVOY_FLUSH_DENORMALS, fill_denormal_x, zeros_or_same_values);
    run_all(CONVOY_TOLERANCE_STRICT, CONVOY_FLUSH_DENORMALS, fill_denormal_filter,
            zeros_or_same_values);
    run_all(CONVOY_TOLERANCE_STRICT, CONVOY_FLUSH_DENORMALS, fill_denormal_bias,
            zeros_or_same_values);
}

/* A layer without a bias, by direct. */
static void run_without_bias(const convoy_layer *layer, struct operand_set *set,
                             const convoy_options *options)
{
    convoy_plan *plan = NULL;
    void *workspace;
    assert_ok(convoy_plan_create(layer, &(convoy_weights){set->filter.data, NULL}, options, &plan));
    assert_ok(convoy_workspace_create(convoy_plan_workspace_bytes(plan), &workspace));
    assert_ok(convoy_plan_execute(plan, &set->x, &set->y, workspace));
    convoy_workspace_destroy(workspace);
    convoy_plan_destroy(plan);
}

/* The outputs of a layer whose products are all flushed have the same bits in both layouts. */
static void same_signs(const char *problem, convoy_isa isa)
{
    const convoy_options options = {
        .algorithm = "direct", .isa = isa, .denormals = CONVOY_FLUSH_DENORMALS};
    uint32_t first = 0; /* of both layouts */
    for (int layout = CONVOY_NCHW; layout <= CONVOY_NHWC; layout++) {
        convoy_layer layer = parse_layer(problem);
        layer.layout = (convoy_layout)layout;
        struct operand_set set = operands_create(&layer, 1);
        assert_ok(convoy_tensor_fill_value(&set.x, 1e-20));
        assert_ok(convoy_tensor_fill_value(&set.filter, -1e-25));
        run_without_bias(&layer, &set, &options);
        for (size_t o = 0; o < count_of(&set.y); o++) {
            uint32_t bits;
            memcpy(&bits, (const float *)set.y.data + o, sizeof bits);
            first = layout == CONVOY_NCHW && o == 0 ? bits : first;
            if (bits != first) {
                fail_msg("%s %s %s: output %zu is %08" PRIx32 ", others are %08" PRIx32, problem,
                         convoy_isa_name(isa), convoy_layout_name(layer.layout), o, bits, first);
            }
        }
        operands_destroy(&set);
    }
}

/* A product is flushed to -0 where it is fused with its sum: with all lanes of a tile or with some,
   whether there is padding or not. */
static void flushed_sums_keep_their_sign(void **state)
{
    static const char *const layers[] = {"n1c1h7w9_k43r1s1", "n1c9h7w37_k9r3s3_pd1_g9",
                                         "n1c9h15w37_k9r3s3_st2_pd1_g9"};
    (void)state;
    for (int isa = CONVOY_ISA_PORTABLE; isa < CONVOY_ISA_COUNT; isa++) {
        for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
            if (convoy_isa_usable((convoy_isa)isa)) {
                same_signs(layers[i], (convoy_isa)isa);
            }
        }
    }
}

/* What has no denormals in it gives the same bits with either option. */
static void flushing_changes_no_other_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * PROBLEM_COUNT; i++) {
        convoy_layer layer = parse_layer(problems[i / 2]);
        layer.layout = i % 2 ? CONVOY_NHWC : CONVOY_NCHW;
        struct operand_set set = operands_create(&layer, i);
        convoy_tensor kept;
        assert_ok(convoy_tensor_create(CONVOY_FLOAT32, layer.layout, set.y.N, set.y.C, set.y.H,
                                       set.y.W, &kept));
        for (size_t a = 0; a < convoy_algorithm_count(); a++) {
            convoy_options options = {.algorithm = convoy_algorithm_name(a), .threads = THREADS};
            if (!algorithm_applies(&layer, a)) {
                continue;
            }
            run_layer(&layer, &set, &options);
            assert_ok(convoy_tensor_copy(&set.y, &kept));
            options.denormals = CONVOY_FLUSH_DENORMALS;
            run_layer(&layer, &set, &options);
            assert_memory_equal(set.y.data, kept.data, count_of(&kept) * sizeof(float));
        }
        convoy_tensor_destroy(&kept);
        operands_destroy(&set);
    }
}

/* LLVM's OpenMP gives the threads of a region the caller's state, without the flags of exceptions
   that were raised, whatever the region does. */
#ifdef KMP_VERSION_MAJOR
#define STATE_BITS (~UINT64_C(0x3f))
#else
#define STATE_BITS (~UINT64_C(0))
#endif

static void read_states(uint64_t states[THREADS])
{
#pragma omp parallel num_threads(THREADS)
    states[omp_get_thread_num()] = float_state_read() & STATE_BITS;
}

/* The state of each thread after a call is the one from before: rounding, flags and masks. */
static void the_state_of_every_thread_is_restored(void **state)
{
    uint64_t usual = float_state_read(), before[THREADS], after[THREADS];
    convoy_layer layer = parse_layer("n1c9h9w11_k19r3s3_pd1");
    struct operand_set set = operands_create(&layer, 1);
    fill_denormal_x(&set, 1);
    (void)state;
    /* Each thread's own: another rounding, a raised flag. */
#pragma omp parallel num_threads(THREADS)
    {
        fesetround(omp_get_thread_num() == 1 ? FE_UPWARD : FE_TOWARDZERO);
        feraiseexcept(omp_get_thread_num() == 2 ? FE_DIVBYZERO : FE_OVERFLOW);
    }
    for (size_t a = 0; a < convoy_algorithm_count(); a++) {
        convoy_options options = {.algorithm = convoy_algorithm_name(a),
                                  .threads = THREADS,
                                  .denormals = CONVOY_FLUSH_DENORMALS};
        if (!algorithm_applies(&layer, a) || strcmp(options.algorithm, "reference") == 0) {
            continue;
        }
        convoy_plan *plan = create_plan(&layer, &set, &options);
        void *workspace;
        assert_ok(convoy_workspace_create(convoy_plan_workspace_bytes(plan), &workspace));
        read_states(before);
        assert_ok(convoy_plan_execute(plan, &set.x, &set.y, workspace));
        read_states(after);
        for (int t = 0; t < THREADS; t++) {
            if (before[t] != after[t]) {
                fail_msg("%s: thread %d has the state %#llx, had %#llx", options.algorithm, t,
                         (unsigned long long)after[t], (unsigned long long)before[t]);
            }
        }
        convoy_workspace_destroy(workspace);
        convoy_plan_destroy(plan);
    }
#pragma omp parallel num_threads(THREADS)
    {
        fesetround(FE_TONEAREST);
        float_state_write(usual);
    }
    operands_destroy(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(special_values_of_x_stay_in_their_windows),
        cmocka_unit_test(sums_of_negative_zeros_are_zeros),
        cmocka_unit_test(denormals_are_numbers),
        cmocka_unit_test(flushed_denormals_are_zeros),
        cmocka_unit_test(flushed_sums_keep_their_sign),
        cmocka_unit_test(flushing_changes_no_other_values),
        cmocka_unit_test(the_state_of_every_thread_is_restored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
