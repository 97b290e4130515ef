/**
 * @file test_determinism.c
 * The same bits every time: for 1 to 64 threads on however few processors, wherever x and y lie,
 * whatever the workspace held, the first time and the tenth, and while other plans run.
 */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "convoy/convoy.h"
#include "support/check.h"
#include "support/layers.h"

static const char *const problems[] = {
    "n1c19h13w11_k37r3s3_pd1",   "n2c24h9w10_k24r3s3_st2_pd1_g24", "n3c64h7w7_k48r1s1",
    "n1c8h12w12_k20r5s5_pd2_g2", "n1c520h10w10_k70r3s3_pd1",       "n1c32h9w8_k32r3s3_pd1_g8",
    "n1c3h40w75_k3r3s3_pd1_g3",  "n1c6h9w9_k7r3s3_dl2_pd3",        "n1c9h12w12_k8r7s7_st2_pd3",
};
#define PROBLEM_COUNT (sizeof problems / sizeof problems[0])

/* A layer, its operands, and the bits that one thread gave. */
struct subject {
    const char *problem;
    convoy_layer layer;
    struct operand_set set;
    convoy_options options;
    float *expected;
    size_t bytes;
};

static void check_bits(const struct subject *s, const void *y, const char *what)
{
    if (memcmp(y, s->expected, s->bytes) != 0) {
        fail_msg("%s %s %s: other bits %s", s->problem, convoy_layout_name(s->layer.layout),
                 s->options.algorithm, what);
    }
}

/* `check` for each algorithm that applies to each problem (or one in `step`), in both layouts. */
static void for_each_subject(void (*check)(struct subject *subject), size_t step)
{
    for (size_t i = 0; i < 2 * PROBLEM_COUNT; i += step) {
        struct subject s = {.problem = problems[i / 2], .layer = parse_layer(problems[i / 2])};
        s.layer.layout = i % 2 ? CONVOY_NHWC : CONVOY_NCHW;
        s.set = operands_create(&s.layer, i);
        s.bytes = (size_t)(s.set.y.N * s.set.y.stride_n) * sizeof(float);
        s.expected = malloc(s.bytes);
        assert_non_null(s.expected);
        for (size_t a = 0; a < convoy_algorithm_count(); a++) {
            if (algorithm_applies(&s.layer, a)) {
                s.options = (convoy_options){.algorithm = convoy_algorithm_name(a), .threads = 1};
                run_layer(&s.layer, &s.set, &s.options);
                memcpy(s.expected, s.set.y.data, s.bytes);
                check(&s);
            }
        }
        free(s.expected);
        operands_destroy(&s.set);
    }
}

static void check_threads(struct subject *s)
{
    static const int counts[] = {3, 64};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        s->options.threads = counts[i];
        assert_ok(convoy_tensor_fill_value(&s->set.y, -1));
        run_layer(&s->layer, &s->set, &s->options);
        check_bits(s, s->set.y.data, "with more threads");
    }
}

static void many_more_threads_than_processors(void **state)
{
    (void)state;
    for_each_subject(check_threads, 1);
}

/* A copy of the tensor that begins `floats` behind an address that a page could have. */
static convoy_tensor moved(const convoy_tensor *tensor, size_t floats, void **memory)
{
    convoy_tensor copy = *tensor;
    size_t bytes = (size_t)(tensor->N * tensor->stride_n) * sizeof(float);
    assert_int_equal(posix_memalign(memory, 4096, bytes + floats * sizeof(float)), 0);
    copy.data = (float *)*memory + floats;
    memcpy(copy.data, tensor->data, bytes);
    return copy;
}

static void check_places(struct subject *s)
{
    static const size_t places[][2] = {{0, 0}, {1, 3}, {7, 1}, {15, 9}};
    convoy_plan *plan = create_plan(&s->layer, &s->set, &s->options);
    void *workspace, *memory[2];
    assert_ok(convoy_workspace_create(convoy_plan_workspace_bytes(plan), &workspace));
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        convoy_tensor x = moved(&s->set.x, places[i][0], &memory[0]);
        convoy_tensor y = moved(&s->set.y, places[i][1], &memory[1]);
        assert_ok(convoy_tensor_fill_value(&y, -1));
        assert_ok(convoy_plan_execute(plan, &x, &y, workspace));
        check_bits(s, y.data, "elsewhere in memory");
        free(memory[0]);
        free(memory[1]);
    }
    convoy_workspace_destroy(workspace);
    convoy_plan_destroy(plan);
}

static void any_alignment(void **state)
{
    (void)state;
    for_each_subject(check_places, 1);
}

/* The workspace holds signalling NaNs, then what the execution before left. */
static void check_again(struct subject *s)
{
    static const uint32_t poison = 0x7fa5a5a5;
    s->options.threads = 2;
    convoy_plan *plan = create_plan(&s->layer, &s->set, &s->options);
    size_t bytes = convoy_plan_workspace_bytes(plan);
    void *workspace;
    assert_ok(convoy_workspace_create(bytes, &workspace));
    for (size_t i = 0; i < bytes / sizeof poison; i++) {
        memcpy((char *)workspace + i * sizeof poison, &poison, sizeof poison);
    }
    for (int i = 0; i < 10; i++) {
        assert_ok(convoy_tensor_fill_value(&s->set.y, NAN));
        assert_ok(convoy_plan_execute(plan, &s->set.x, &s->set.y, workspace));
        check_bits(s, s->set.y.data, "when executed again");
    }
    convoy_workspace_destroy(workspace);
    convoy_plan_destroy(plan);
}

static void the_first_time_and_the_tenth(void **state)
{
    (void)state;
    for_each_subject(check_again, 3);
}

/* Another plan, executed until it is told to stop. */
struct neighbour {
    atomic_bool stop;
    struct operand_set set;
    convoy_plan *plan;
    void *workspace;
    convoy_status status;
};

static void *run_neighbour(void *argument)
{
    struct neighbour *n = argument;
    while (!n->stop && !n->status) {
        n->status = convoy_plan_execute(n->plan, &n->set.x, &n->set.y, n->workspace);
    }
    return NULL;
}

static void while_other_plans_run(void **state)
{
    static const char *const others[] = {"n1c16h20w20_k16r3s3_pd1", "n1c16h20w20_k16r3s3_pd1_g16"};
    struct neighbour neighbours[2] = {{.stop = false}, {.stop = false}};
    pthread_t threads[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        convoy_layer layer = parse_layer(others[i]);
        neighbours[i].set = operands_create(&layer, 5);
        neighbours[i].plan =
            create_plan(&layer, &neighbours[i].set, &(convoy_options){.threads = 2});
        assert_ok(convoy_workspace_create(convoy_plan_workspace_bytes(neighbours[i].plan),
                                          &neighbours[i].workspace));
        assert_int_equal(pthread_create(&threads[i], NULL, run_neighbour, &neighbours[i]), 0);
    }
    for_each_subject(check_again, 5);
    for (int i = 0; i < 2; i++) {
        neighbours[i].stop = true;
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_ok(neighbours[i].status);
        convoy_workspace_destroy(neighbours[i].workspace);
        convoy_plan_destroy(neighbours[i].plan);
        operands_destroy(&neighbours[i].set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_more_threads_than_processors),
        cmocka_unit_test(any_alignment),
        cmocka_unit_test(the_first_time_and_the_tenth),
        cmocka_unit_test(while_other_plans_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
