/**
 * @file test_chain.c
 * Chains: the same bits as their layers one by one, the size of the arena, and what is refused.
 */
#include <stdio.h>
#include <stdlib.h>

#include "convoy/convoy.h"
#include "support/check.h"
#include "support/layers.h"

#define LAYERS_MAX 8

/* A chain with random weights, and the output that its layers give one by one. */
struct chain_case {
    size_t count;
    convoy_layer layers[LAYERS_MAX];
    convoy_weights weights[LAYERS_MAX];
    struct operand_set sets[LAYERS_MAX];
};

static void run_one_by_one(struct chain_case *c, const convoy_options *options)
{
    for (size_t i = 0; i < c->count; i++) {
        if (i > 0) {
            assert_ok(convoy_tensor_copy(&c->sets[i - 1].y, &c->sets[i].x));
        }
        run_layer(&c->layers[i], &c->sets[i], options);
    }
}

static void make_case(const char *const *problems, convoy_layout layout, struct chain_case *c)
{
    *c = (struct chain_case){.count = 0};
    for (; problems[c->count]; c->count++) {
        size_t i = c->count;
        c->layers[i] = parse_layer(problems[i]);
        c->layers[i].layout = layout;
        c->layers[i].epilogue.activation = i % 2 ? CONVOY_IDENTITY : CONVOY_RELU;
        c->sets[i] = operands_create(&c->layers[i], 10 + i);
        c->weights[i] = operand_weights(&c->sets[i]);
    }
}

static void destroy_case(struct chain_case *c)
{
    for (size_t i = 0; i < c->count; i++) {
        operands_destroy(&c->sets[i]);
    }
}

static size_t bytes_of(const convoy_tensor *tensor)
{
    return (size_t)(tensor->N * tensor->C * tensor->H * tensor->W) * sizeof(float);
}

/* Run the chain into the last y, its arena full of NaN, and compare with what stands there. */
static void check_chain(struct chain_case *c, const convoy_options *options)
{
    convoy_tensor *y = &c->sets[c->count - 1].y;
    convoy_chain *chain;
    void *arena, *expected = malloc(bytes_of(y));
    double seconds[LAYERS_MAX] = {0};
    assert_non_null(expected);
    run_one_by_one(c, options);
    memcpy(expected, y->data, bytes_of(y));
    assert_ok(convoy_tensor_fill_value(y, -1));
    assert_ok(convoy_chain_create(c->layers, c->weights, c->count, options, &chain));
    assert_int_equal(convoy_chain_count(chain), c->count);
    assert_ok(convoy_workspace_create(convoy_chain_arena_bytes(chain), &arena));
    memset(arena, 0xff, convoy_chain_arena_bytes(chain));
    assert_ok(convoy_chain_execute(chain, &c->sets[0].x, y, arena, seconds));
    assert_memory_equal(y->data, expected, bytes_of(y));
    for (size_t i = 0; i < c->count; i++) {
        assert_true(seconds[i] > 0);
    }
    assert_ok(convoy_chain_execute(chain, &c->sets[0].x, y, arena, NULL));
    assert_memory_equal(y->data, expected, bytes_of(y));
    convoy_workspace_destroy(arena);
    convoy_chain_destroy(chain);
    free(expected);
}

static const char *const five[] = {"n2c5h12w13_k16r3s3_pd1",      "n2c16h12w13_k24r1s1",
                                   "n2c24h12w13_k24r3s3_pd1_g24", "n2c24h12w13_k7r3s3_st2",
                                   "n2c7h5w6_k4r5s5_pd2",         NULL};

static void test_bits(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct chain_case c;
        make_case(five, i % 2 ? CONVOY_NHWC : CONVOY_NCHW, &c);
        if (i / 2) {
            c.count = 1; /* a chain of one needs no buffers */
        }
        check_chain(&c, NULL);
        check_chain(&c, &(convoy_options){.algorithm = "reordered", .threads = 2});
        c.count = 5;
        destroy_case(&c);
    }
}

/* The arena is the largest even and odd output but the last, and the largest workspace. */
static void test_arena(void **state)
{
    struct chain_case c;
    convoy_chain *chain;
    size_t even = 4 * 2 * 24 * 12 * 13, odd = even, workspace = 0;
    convoy_description description;
    (void)state;
    make_case(five, CONVOY_NCHW, &c);
    assert_ok(convoy_chain_create(c.layers, c.weights, c.count, NULL, &chain));
    for (size_t i = 0; i < c.count; i++) {
        const convoy_plan *plan = convoy_chain_plan(chain, i);
        size_t bytes = convoy_plan_workspace_bytes(plan);
        workspace = bytes > workspace ? bytes : workspace;
        assert_ok(convoy_plan_describe(plan, &description));
        assert_int_equal(convoy_plan_layer(plan)->K, c.layers[i].K);
    }
    assert_int_equal(convoy_chain_arena_bytes(chain), even + odd + (workspace + 63) / 64 * 64);
    assert_null(convoy_chain_plan(chain, c.count));
    convoy_chain_destroy(chain);
    destroy_case(&c);
}

/* Every error leaves the place for the chain alone. */
static void expect_refused(const struct chain_case *c, const convoy_options *options,
                           convoy_status status, const char *words)
{
    convoy_chain *untouched = (convoy_chain *)(void *)&status, *chain = untouched;
    assert_status(convoy_chain_create(c->layers, c->weights, c->count, options, &chain), status);
    assert_contains(convoy_error_detail(), words);
    assert_ptr_equal(chain, untouched);
}

static void test_refused_layers(void **state)
{
    static const char *const apart[] = {"n1c8h9w9_k16r3s3", "n1c16h9w9_k4r1s1", NULL};
    struct chain_case c;
    (void)state;
    make_case(apart, CONVOY_NHWC, &c);
    expect_refused(&c, NULL, CONVOY_ERROR_SHAPE,
                   "layer 1, n1c8h9w9_k16r3s3, gives n1c16h7w7, which is not the input of layer 2, "
                   "n1c16h9w9_k4r1s1");
    c.layers[1].H = c.layers[1].W = 7;
    c.layers[1].layout = CONVOY_NCHW;
    expect_refused(&c, NULL, CONVOY_ERROR_LAYOUT, "a chain has one layout");
    c.layers[1].layout = CONVOY_NHWC;
    c.layers[1].epilogue.residual = true;
    expect_refused(&c, NULL, CONVOY_ERROR_UNSUPPORTED, "layer 2, n1c16h7w7_k4r1s1: it has a resid");
    c.layers[1].epilogue.residual = false;
    expect_refused(&c, &(convoy_options){.algorithm = "winograd-f2x2-3x3"}, CONVOY_ERROR_ALGORITHM,
                   "layer 2, n1c16h7w7_k4r1s1: ");
    c.layers[0].groups = 3;
    expect_refused(&c, NULL, CONVOY_ERROR_GROUPS, "layer 1, ");
    c.count = 0;
    expect_refused(&c, NULL, CONVOY_ERROR_ARGUMENT, "a chain of 0 layers");
    c.count = 2;
    destroy_case(&c);
}

static void test_null_pointers(void **state)
{
    convoy_layer layer = parse_layer("n1c1h3w3_k1r1s1");
    convoy_weights weights = {(float[]){1}, NULL};
    convoy_chain *chain;
    (void)state;
    assert_status(convoy_chain_create(NULL, &weights, 1, NULL, &chain), CONVOY_ERROR_NULL);
    assert_status(convoy_chain_create(&layer, NULL, 1, NULL, &chain), CONVOY_ERROR_NULL);
    assert_status(convoy_chain_create(&layer, &weights, 1, NULL, NULL), CONVOY_ERROR_NULL);
    assert_status(convoy_chain_execute(NULL, NULL, NULL, NULL, NULL), CONVOY_ERROR_NULL);
    assert_int_equal(convoy_chain_count(NULL), 0);
    assert_int_equal(convoy_chain_arena_bytes(NULL), 0);
    assert_null(convoy_chain_plan(NULL, 0));
    assert_null(convoy_plan_layer(NULL));
    convoy_chain_destroy(NULL);
}

/* What is wrong with an operand is found before a layer runs: y keeps its values. */
static void test_refused_operands(void **state)
{
    struct chain_case c;
    convoy_chain *chain;
    void *arena;
    (void)state;
    make_case(five, CONVOY_NCHW, &c);
    convoy_tensor *x = &c.sets[0].x, *y = &c.sets[4].y, view;
    assert_ok(convoy_chain_create(c.layers, c.weights, c.count, NULL, &chain));
    assert_ok(convoy_workspace_create(convoy_chain_arena_bytes(chain), &arena));
    assert_ok(convoy_tensor_fill_value(y, 7));
    assert_status(convoy_chain_execute(chain, NULL, y, arena, NULL), CONVOY_ERROR_NULL);
    assert_status(convoy_chain_execute(chain, x, y, NULL, NULL), CONVOY_ERROR_NULL);
    assert_status(convoy_chain_execute(chain, x, y, (char *)arena + 4, NULL),
                  CONVOY_ERROR_ALIGNMENT);
    assert_status(convoy_chain_execute(chain, x, &c.sets[3].y, arena, NULL), CONVOY_ERROR_SHAPE);
    assert_status(convoy_chain_execute(chain, y, y, arena, NULL), CONVOY_ERROR_SHAPE);
    assert_ok(convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NCHW, 2, 5, 12, 13, arena, &view));
    assert_status(convoy_chain_execute(chain, &view, y, arena, NULL), CONVOY_ERROR_OVERLAP);
    assert_ok(convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NCHW, 2, 4, 5, 6, x->data, &view));
    assert_status(convoy_chain_execute(chain, x, &view, arena, NULL), CONVOY_ERROR_OVERLAP);
    assert_true(convoy_tensor_get(y, 1, 3, 4, 5) == 7);
    convoy_workspace_destroy(arena);
    convoy_chain_destroy(chain);
    destroy_case(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_arena),
        cmocka_unit_test(test_refused_layers),
        cmocka_unit_test(test_null_pointers),
        cmocka_unit_test(test_refused_operands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
