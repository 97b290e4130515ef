/**
 * @file test_threads.c
 * Threads and bits: the same result for any number of threads, inside a parallel region of the
 * caller's, and, where an algorithm sums in one order, in both layouts. And the threads of
 * OpenBLAS: none of its own, whatever the plan is called from (docs/openblas-threads.md).
 */
#include <dirent.h>
#include <omp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "convoy/convoy.h"
#include "support/check.h"
#include "support/layers.h"

#ifdef CONVOY_HAVE_OPENBLAS
#include <cblas.h>
#endif

static const char *const problems[] = {
    "n1c19h13w11_k37r3s3_pd1",
    "n2c24h9w10_k24r3s3_st2_pd1_g24",
    "n3c64h7w7_k48r1s1",
    "n1c8h12w12_k20r5s5_pd2_g2",
    "n1c4h40w40_k8r3s3_pd1",
    "n1c6h9w9_k7r3s3_dl2_pd3",
    "n1c520h10w10_k260r3s3_pd1",
    "n1c3h16w30_k33r1s7_pd0x3",
    /* enough work to be shared out: strips, blocks of channels, both */
    "n1c6h61w50_k24r3s3_pd1",
    "n2c48h33w34_k70r1s1",
    "n1c300h11w11_k100r1s1",
    "n1c64h14w14_k64r3s3_pd1",
    "n1c64h12w12_k64r3s3_pd1_g2",
    "n1c4h56w57_k33r7s7_st2_pd3",
    /* grouped: kernels of their own in NHWC, whose order of sums NCHW keeps */
    "n1c32h9w8_k32r3s3_pd1_g8",
    "n1c16h12w11_k16r3s3_st2_pd2_dl2_g16",
    "n1c16h11w10_k16r3s3_pd2_dl2_g16",
    "n1c20h11w12_k20r5s5_pd2_g20",
    "n1c8h9w9_k16r3s3_pd1_g8",
    "n1c16h9w9_k32r3s3_pd1_g4",
    "n1c16h10w13_k16r3s3_st2x1_pd1_g16",
    "n1c3h80w75_k3r3s3_pd1_g3", /* enough work to be shared out */
    "n1c32h50w50_k32r3s3_pd1_g32",
    "n1c32h55w54_k32r3s3_st2_pd1_g32",
    "n1c32h99w130_k32r3s3_pd1_g32", /* far away */
    "n1c32h40w40_k32r3s3_pd1_g8",
    "n1c5h12w50_k5r3s3_dl2_pd3_g5",
};
#define PROBLEM_COUNT (sizeof problems / sizeof problems[0])

static size_t y_bytes(const struct operand_set *set)
{
    return (size_t)(set->y.N * set->y.stride_n) * sizeof(float);
}

static void assert_same_bits(const struct operand_set *set, const void *expected,
                             const char *problem, const convoy_options *options, const char *what)
{
    if (memcmp(set->y.data, expected, y_bytes(set)) != 0) {
        fail_msg("%s: %s with %d threads: the bits differ from %s", problem, options->algorithm,
                 options->threads, what);
    }
}

static void test_any_number_of_threads(void **state)
{
    static const int counts[] = {2, 3, 5, 8};
    (void)state;
    for (size_t i = 0; i < 2 * PROBLEM_COUNT; i++) {
        const char *problem = problems[i / 2];
        convoy_layer layer = parse_layer(problem);
        layer.layout = i % 2 ? CONVOY_NHWC : CONVOY_NCHW;
        struct operand_set set = operands_create(&layer, i);
        void *expected = malloc(y_bytes(&set));
        assert_non_null(expected);
        for (size_t a = 0; a < convoy_algorithm_count(); a++) {
            convoy_options options = {.algorithm = convoy_algorithm_name(a), .threads = 1};
            if (!algorithm_applies(&layer, a)) {
                continue;
            }
            run_layer(&layer, &set, &options);
            memcpy(expected, set.y.data, y_bytes(&set));
            for (size_t t = 0; t < sizeof counts / sizeof counts[0]; t++) {
                options.threads = counts[t];
                assert_ok(convoy_tensor_fill_value(&set.y, -1));
                run_layer(&layer, &set, &options);
                assert_same_bits(&set, expected, problem, &options, "one thread");
            }
        }
        free(expected);
        operands_destroy(&set);
    }
}

/* Called by each thread of a region of the caller's, where a region inside has one thread only. */
static void test_inside_a_region(void **state)
{
    (void)state;
    for (size_t a = 0; a < convoy_algorithm_count(); a++) {
        convoy_layer layer = parse_layer(problems[0]);
        convoy_options options = {.algorithm = convoy_algorithm_name(a), .threads = 2};
        atomic_int different = 0;
        if (!algorithm_applies(&layer, a)) {
            continue;
        }
        struct operand_set set = operands_create(&layer, 3);
        run_layer(&layer, &set, &options);
        convoy_plan *plan = create_plan(&layer, &set, &options);
#pragma omp parallel num_threads(3)
        {
            convoy_tensor y;
            void *workspace = NULL;
            convoy_status status =
                convoy_workspace_create(convoy_plan_workspace_bytes(plan), &workspace);
            status = status ? status
                            : convoy_tensor_create(CONVOY_FLOAT32, layer.layout, set.y.N, set.y.C,
                                                   set.y.H, set.y.W, &y);
            status = status ? status : convoy_plan_execute(plan, &set.x, &y, workspace);
            if (status || memcmp(y.data, set.y.data, y_bytes(&set)) != 0) {
                different++;
            }
            convoy_workspace_destroy(workspace);
            convoy_tensor_destroy(&y);
        }
        if (different) {
            fail_msg("%s: %d of 3 results inside a region differ", options.algorithm,
                     atomic_load(&different));
        }
        convoy_plan_destroy(plan);
        operands_destroy(&set);
    }
}

/* These sum in an order that the layer alone decides. */
static void test_both_layouts(void **state)
{
    static const char *const names[] = {"reference", "naive", "reordered", "direct"};
    (void)state;
    for (size_t i = 0; i < PROBLEM_COUNT; i++) {
        for (size_t a = 0; a < sizeof names / sizeof names[0]; a++) {
            convoy_layer layer = parse_layer(problems[i]);
            convoy_options options = {.algorithm = names[a], .threads = 2};
            convoy_difference difference;
            struct operand_set nchw = operands_create(&layer, i);
            run_layer(&layer, &nchw, &options);
            layer.layout = CONVOY_NHWC;
            struct operand_set nhwc = operands_create(&layer, i);
            run_layer(&layer, &nhwc, &options);
            assert_ok(convoy_tensor_compare(&nhwc.y, &nchw.y, &difference));
            if (difference.max_ulp != 0) {
                char text[200];
                convoy_difference_print(&difference, text, sizeof text);
                fail_msg("%s: %s: the layouts differ: %s", problems[i], names[a], text);
            }
            operands_destroy(&nchw);
            operands_destroy(&nhwc);
        }
    }
}

static int process_threads(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    if (!tasks) {
        return -1;
    }
    for (struct dirent *entry; (entry = readdir(tasks));) {
        count += entry->d_name[0] != '.';
    }
    closedir(tasks);
    return count;
}

struct sampler {
    atomic_bool stop;
    atomic_int most;
};

static void *sample(void *argument)
{
    struct sampler *sampler = argument;
    while (!sampler->stop) {
        int now = process_threads();
        if (now > sampler->most) {
            sampler->most = now;
        }
        usleep(200);
    }
    return NULL;
}

/* The most threads that the process had, beside the sampler, while im2col ran with one thread. */
static int most_threads_of_im2col(const convoy_layer *layer, struct operand_set *set,
                                  bool in_region)
{
    struct sampler sampler = {false, 0};
    pthread_t thread;
    convoy_options options = {.algorithm = "im2col", .threads = 1};
    assert_int_equal(pthread_create(&thread, NULL, sample, &sampler), 0);
    usleep(2000);
    for (int i = 0; i < 5; i++) {
        if (in_region) {
#pragma omp parallel num_threads(1)
            run_layer(layer, set, &options);
        } else {
            run_layer(layer, set, &options);
        }
    }
    sampler.stop = true;
    pthread_join(thread, NULL);
    return sampler.most - 1;
}

/* Must be the first test: later the process has OpenMP threads, waiting. */
static void test_openblas_starts_no_threads(void **state)
{
    convoy_layer layer = parse_layer("n1c128h28w28_k256r3s3_pd1");
    int threads = omp_get_max_threads(), before = process_threads();
    (void)state;
    if (before < 0) {
        print_message("skipped: this system does not list the threads of a process\n");
        skip();
    }
#ifndef CONVOY_HAVE_OPENBLAS
    print_message("skipped: built without OpenBLAS\n");
    skip();
#endif
    omp_set_num_threads(4); /* what OpenBLAS would use, also on a machine with one core */
    struct operand_set set = operands_create(&layer, 1);
    assert_int_equal(most_threads_of_im2col(&layer, &set, false), before);
    assert_int_equal(most_threads_of_im2col(&layer, &set, true), before);
    operands_destroy(&set);
    /* The caller's setting is left alone. */
    assert_int_equal(omp_get_max_threads(), 4);
    omp_set_num_threads(threads);
}

#ifdef CONVOY_HAVE_OPENBLAS
/* The test above can fail: called plainly, OpenBLAS does start threads. */
static void test_openblas_threads_can_be_seen(void **state)
{
    static float a[512 * 512], b[512 * 512], c[512 * 512];
    struct sampler sampler = {false, 0};
    int threads = omp_get_max_threads(), before = process_threads();
    pthread_t thread;
    (void)state;
    if (before < 0 || openblas_get_num_procs() < 2) {
        print_message("skipped: OpenBLAS sees one processor, and uses one thread\n");
        skip();
    }
    omp_set_num_threads(4);
    assert_int_equal(pthread_create(&thread, NULL, sample, &sampler), 0);
    usleep(2000);
    for (int i = 0; i < 20; i++) {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, 512, 512, 512, 1, a, 512, b, 512, 0,
                    c, 512);
    }
    sampler.stop = true;
    pthread_join(thread, NULL);
    omp_set_num_threads(threads);
    assert_true(sampler.most - 1 > before);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_openblas_starts_no_threads),
#ifdef CONVOY_HAVE_OPENBLAS
        cmocka_unit_test(test_openblas_threads_can_be_seen),
#endif
        cmocka_unit_test(test_any_number_of_threads),
        cmocka_unit_test(test_inside_a_region),
        cmocka_unit_test(test_both_layouts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
