/**
 * @file test_counted.c
 * executed_flops of plans against kernels that count their multiply-adds (see VECTOR_COUNTED in
 * kernels/simd.h): they must be equal, for each algorithm that multiplies in kernels of an ISA.
 */
#include <inttypes.h>
#include <stdio.h>

#include "convoy/count.h"
#include "kernels/kernel.h"
#include "plan/algorithms.h"
#include "plan/plan.h"
#include "support/check.h"
#include "support/layers.h"
#include "verify/verify.h"

#define RANDOM_LAYERS 300
#define RANDOM_MACS   300000

extern const struct isa_kernels isa_kernels_counted;
extern _Thread_local int64_t counted_multiply_adds;
_Thread_local int64_t counted_multiply_adds;

static int64_t runs;

static void count_plan(const convoy_layer *layer, const struct operand_set *set,
                       const char *algorithm)
{
    convoy_options options = {.algorithm = algorithm, .threads = 1};
    convoy_weights weights = {set->filter.data, set->bias.data};
    convoy_description description;
    convoy_plan *plan = NULL;
    void *workspace = NULL;
    char problem[CONVOY_PROBLEM_SIZE];
    convoy_status status = plan_create_on(layer, &weights, &options, &isa_kernels_counted, &plan);
    if (status == CONVOY_ERROR_ALGORITHM) {
        return; /* it does not apply */
    }
    assert_ok(status);
    assert_ok(convoy_plan_describe(plan, &description));
    assert_ok(convoy_workspace_create(convoy_plan_workspace_bytes(plan), &workspace));
    counted_multiply_adds = 0;
    if (layer->epilogue.residual) {
        assert_ok(convoy_plan_execute_residual(plan, &set->x, &set->residual, &set->y, workspace));
    } else {
        assert_ok(convoy_plan_execute(plan, &set->x, &set->y, workspace));
    }
    convoy_layer_print(layer, problem, sizeof problem);
    if (2 * counted_multiply_adds != description.executed_flops) {
        fail_msg("%s %s %s: the plan says %" PRId64 " FLOPs, its kernels did %" PRId64, problem,
                 convoy_layout_name(layer->layout), algorithm, description.executed_flops,
                 2 * counted_multiply_adds);
    }
    runs++;
    convoy_workspace_destroy(workspace);
    convoy_plan_destroy(plan);
}

static void count_layer(convoy_layer *layer)
{
    for (int layout = CONVOY_NCHW; layout <= CONVOY_NHWC; layout++) {
        layer->layout = (convoy_layout)layout;
        struct operand_set set = operands_create(layer, 1);
        for (size_t i = 0; algorithms[i]; i++) {
            if (!algorithms[i]->portable) {
                count_plan(layer, &set, algorithms[i]->name);
            }
        }
        operands_destroy(&set);
    }
}

static void test_layers(void **state)
{
    static const char *const problems[] = {
        "n1c3h17w19_k5r3s3_pd1",
        "n2c20h9w9_k33r1s1",
        "n1c8h15w15_k12r5s5_st2_pd2_g4",
        "n1c7h20w6_k9r3s3_dl2",
        "n1c16h12w12_k16r3s3_pd1_g16",
        "n1c16h13w30_k16r3s3_st2_pd1_g16",
        "n1c17h7w7_k17r3s3_pd1_g17",
        "n1c12h6w9_k12r5s5_pd2_g12",
        "n2c7h6w4_k7r3s3_pd1_g7",
        "n1c5h7w8_k5r3s3_st2_pd1_g5",
        "n1c3h9w8_k3r3s3_pd1_g3",
        "n1c3h9w20_k3r3s3_pd1_g3",
        "n1c16h6w9_k16r3s3_dl2_pd2_g16",
        "n1c32h6w9_k32r3s3_pd1_g8",
        "n1c1024h4w7_k1024r3s3_pd1_g1024",
        "n1c3h7w37_k3r3s3_pd1_g3",
        "n1c3h7w59_k3r3s3_pd1_g3",
        "n1c3h8w65_k3r3s3_pd1_g3",
        "n1c3h9w29_k3r5s5_pd2_g3",
        "n2c2h5w41_k2r3s3_dl2_pd1,4,0,9_g2",
        "n1c12h6w9_k48r3s3_pd1_g6",
        "n1c30h6w9_k20r3s3_pd1_g10",
        "n1c300h5w5_k24r3s3_pd1",
        "n1c64h14w14_k40r3s3_pd1",
        "n2c5h5w4_k3r7s7_pd3",
        "n1c9h8w30_k20r1s7_pd0x3",
        "n1c16h2w3_k16r3s3_st2_pd4_g16",
        "n1c8h40w40_k72r3s3_pd1",
        "n1c20h17w15_k18r3s3_st2_pd1",
        "n1c9h30w20_k10r9s9_pd4",
        "n1c50h15w15_k9r5s7_st2_pd3",
        "n1c32h14w9_k24r7s7_st2x3_pd3_g2",
    };
    (void)state;
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        convoy_layer layer = parse_layer(problems[i]);
        count_layer(&layer);
    }
}

static void test_random_layers(void **state)
{
    uint64_t random = test_seed(7);
    (void)state;
    for (int i = 0; i < RANDOM_LAYERS; i++) {
        convoy_layer layer;
        random_layer(&random, RANDOM_MACS, &layer);
        count_layer(&layer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layers),
        cmocka_unit_test(test_random_layers),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    print_message("%" PRId64 " runs counted\n", runs);
    return failed;
}
