/**
 * @file test_bench_oracle.c
 * The patches of an oracle against the whole reference output, and what it says of wrong outputs.
 */
#include <math.h>
#include <stdlib.h>

#include "bench/oracle.h"
#include "core/layer_checked.h"
#include "support/check.h"

struct computed {
    convoy_layer layer;
    convoy_tensor filter, x, y;
    struct oracle oracle;
};

static struct computed compute(const char *problem, convoy_layout layout)
{
    struct computed c = {0};
    convoy_plan *plan;
    void *workspace;
    assert_ok(convoy_layer_parse(problem, &c.layer));
    c.layer.layout = layout;
    const convoy_layer *l = &c.layer;
    assert_ok(convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, l->K, layer_Cg(l), l->R, l->S,
                                   &c.filter));
    assert_ok(convoy_tensor_create(CONVOY_FLOAT32, layout, l->N, l->C, l->H, l->W, &c.x));
    assert_ok(
        convoy_tensor_create(CONVOY_FLOAT32, layout, l->N, l->K, layer_P(l), layer_Q(l), &c.y));
    assert_ok(convoy_tensor_fill_uniform(&c.filter, 3, -1, 1));
    assert_ok(convoy_tensor_fill_uniform(&c.x, 4, -1, 1));
    convoy_options options = {.algorithm = "reference", .threads = 1};
    assert_ok(convoy_plan_create(l, &(convoy_weights){c.filter.data, NULL}, &options, &plan));
    assert_ok(convoy_workspace_create(convoy_plan_workspace_bytes(plan), &workspace));
    assert_ok(convoy_plan_execute(plan, &c.x, &c.y, workspace));
    assert_ok(oracle_create(l, c.filter.data, &c.x, 1, &c.oracle));
    convoy_workspace_destroy(workspace);
    convoy_plan_destroy(plan);
    return c;
}

static void forget(struct computed *c)
{
    oracle_destroy(&c->oracle);
    convoy_tensor_destroy(&c->filter);
    convoy_tensor_destroy(&c->x);
    convoy_tensor_destroy(&c->y);
}

static const char *const problems[] = {
    "n1c3h9w11_k5r3s3_pd1",
    "n2c8h12w7_k20r5s3_st2x1_pd2,0,1,2",
    "n1c12h10w10_k24r3s3_pd1_g4",
    "n3c6h8w8_k12r3s3_dl2_pd2_g6",
    "n1c40h5w5_k40r3s3_pd1_g40",
    "n1c2h3w3_k2r2s2_pd5",
    "n1c16h1w1_k33r1s1",
    "n1c1h4w30_k17r4s1_st3",
    "n2c6h7w7_k6r7s7_pd9,1,12,0_g2",
};

static void patches_are_the_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        for (int layout = CONVOY_NCHW; layout <= CONVOY_NHWC; layout++) {
            struct computed c = compute(problems[i], (convoy_layout)layout);
            struct oracle_error error;
            oracle_compare(&c.oracle, &c.y, &error);
            if (!(error.relative_to_rms < 1e-6) || error.unwritten) {
                fail_msg("%s: %g at %d,%d,%d,%d: %g, expected %g", problems[i],
                         error.relative_to_rms, (int)error.n, (int)error.k, (int)error.p,
                         (int)error.q, error.actual, error.expected);
            }
            assert_int_equal(c.oracle.outputs, c.oracle.total);
            forget(&c);
        }
    }
}

static void wrong_outputs_are_found(void **state)
{
    (void)state;
    struct oracle_error error;
    struct computed c = compute("n2c8h12w7_k20r3s3_pd1", CONVOY_NHWC);
    double value = convoy_tensor_get(&c.y, 1, 17, 11, 6);
    convoy_tensor_set(&c.y, 1, 17, 11, 6, value + 1);
    oracle_compare(&c.oracle, &c.y, &error);
    assert_float_equal(error.relative_to_rms, 1 / c.oracle.rms, 1e-5);
    assert_true(error.n == 1 && error.k == 17 && error.p == 11 && error.q == 6);
    convoy_tensor_set(&c.y, 0, 3, 4, 5, NAN);
    oracle_compare(&c.oracle, &c.y, &error);
    assert_true(error.unwritten);
    assert_true(isinf(error.relative_to_rms));
    forget(&c);
}

/* A layer too large to compute in full: every channel, and the first and last row, are held. */
static void large_layers_are_sampled_evenly(void **state)
{
    (void)state;
    struct oracle oracle;
    struct computed c = {0};
    assert_ok(convoy_layer_parse("n1c64h96w96_k80r5s5_pd2", &c.layer));
    const convoy_layer *l = &c.layer;
    assert_ok(convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, l->K, l->C, l->R, l->S, &c.filter));
    assert_ok(convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, 1, l->C, l->H, l->W, &c.x));
    assert_ok(convoy_tensor_fill_uniform(&c.filter, 3, -1, 1));
    assert_ok(convoy_tensor_fill_uniform(&c.x, 4, -1, 1));
    assert_ok(oracle_create(l, c.filter.data, &c.x, 1, &oracle));
    bool channels[80] = {false}, first = false, last = false;
    for (size_t i = 0; i < oracle.count; i++) {
        const struct patch *patch = &oracle.patches[i];
        first |= patch->p == 0;
        last |= patch->p == 95;
        for (int64_t k = 0; k < patch->y.C; k++) {
            channels[patch->k0 + k] = true;
        }
    }
    for (int k = 0; k < 80; k++) {
        assert_true(channels[k]);
    }
    assert_true(first && last);
    assert_true(oracle.outputs < oracle.total);
    oracle_destroy(&oracle);
    forget(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patches_are_the_reference),
        cmocka_unit_test(wrong_outputs_are_found),
        cmocka_unit_test(large_layers_are_sampled_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
