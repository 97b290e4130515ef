/**
 * @file test_bench_sweep.c
 * Which points a sweep walks, which of them it marks, and what it makes of results.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/sweep.h"
#include "support/check.h"

enum walk { C, K, H, W, R, STRIDE };

static struct sweep made;

static const struct sweep_walk *walk_of(const char *problem, enum walk walk)
{
    assert_ok(sweep_create(problem, &made));
    return &made.walks[walk];
}

static const char *problem_at(const struct sweep_walk *walk, int64_t size)
{
    for (size_t i = 0; i < walk->count; i++) {
        if (walk->points[i].size == size) {
            return walk->points[i].problem;
        }
    }
    return "none";
}

static void one_extent_changes_at_a_time(void **state)
{
    (void)state;
    static const char layer[] = "n1c64h56w48_k32r3s3_pd1";
    static const char *const names[] = {"C", "K", "H", "W", "R", "stride"};
    assert_ok(sweep_create(layer, &made));
    for (int i = 0; i < SWEEP_WALKS; i++) {
        assert_string_equal(made.walks[i].name, names[i]);
    }
    assert_string_equal(problem_at(&made.walks[C], 65), "n1c65h56w48_k32r3s3_pd1");
    assert_string_equal(problem_at(&made.walks[C], 16), "n1c16h56w48_k32r3s3_pd1");
    assert_string_equal(problem_at(&made.walks[C], 128), "n1c128h56w48_k32r3s3_pd1");
    assert_string_equal(problem_at(&made.walks[K], 31), "n1c64h56w48_k31r3s3_pd1");
    assert_string_equal(problem_at(&made.walks[H], 55), "n1c64h55w48_k32r3s3_pd1");
    assert_string_equal(problem_at(&made.walks[W], 49), "n1c64h56w49_k32r3s3_pd1");
    assert_string_equal(problem_at(&made.walks[STRIDE], 2), "n1c64h56w48_k32r3s3_st2_pd1");
}

static void sizes_ascend_and_hold_the_layer(void **state)
{
    (void)state;
    static const char *const layers[] = {"n1c1h5w5_k1r1s1", "n1c3h224w224_k64r7s7_st2_pd3",
                                         "n1c4096h7w7_k1000r1s1", "n2c6h9w9_k6r9s9_st5_pd4"};
    for (size_t l = 0; l < sizeof layers / sizeof layers[0]; l++) {
        assert_ok(sweep_create(layers[l], &made));
        for (int w = 0; w < SWEEP_WALKS; w++) {
            const struct sweep_walk *walk = &made.walks[w];
            bool own = false;
            for (size_t i = 0; i < walk->count; i++) {
                assert_true(i == 0 || walk->points[i - 1].size < walk->points[i].size);
                own |= strcmp(walk->points[i].problem, layers[l]) == 0;
            }
            assert_true(own);
        }
    }
}

static void a_filter_grows_with_its_padding(void **state)
{
    (void)state;
    const struct sweep_walk *walk = walk_of("n1c8h16w16_k8r3s3_pd1", R);
    assert_int_equal(walk->count, 7);
    assert_string_equal(problem_at(walk, 1), "n1c8h16w16_k8r1s1");
    assert_string_equal(problem_at(walk, 5), "n1c8h16w16_k8r5s5_pd2");
    assert_string_equal(problem_at(walk, 4), "n1c8h16w16_k8r4s4_pd1,2,1,2");
    /* Not square: R alone. Without room: no such layer. */
    assert_string_equal(problem_at(walk_of("n1c8h16w16_k8r3s1_pd1x0", R), 5),
                        "n1c8h16w16_k8r5s1_pd2x0");
}

static void groups_are_kept_whole(void **state)
{
    (void)state;
    const struct sweep_walk *walk = walk_of("n1c32h9w9_k64r3s3_g4", C);
    for (size_t i = 0; i < walk->count; i++) {
        assert_int_equal(walk->points[i].size % 4, 0);
    }
    assert_string_equal(problem_at(walk, 36), "n1c36h9w9_k64r3s3_g4");
    assert_string_equal(problem_at(walk_of("n1c32h9w9_k64r3s3_g32", C), 33),
                        "n1c33h9w9_k66r3s3_g33");
    assert_int_equal(walk_of("n1c32h9w9_k64r3s3_g32", K)->count, 0);
}

static void no_layer_is_listed_twice(void **state)
{
    (void)state;
    static const char layer[] = "n1c8h8w8_k8r3s3_pd0,1,0,1";
    assert_ok(sweep_create(layer, &made));
    char *list = sweep_layers(&made);
    assert_non_null(list);
    const char *first = strstr(list, layer);
    assert_non_null(first);
    assert_null(strstr(first + 1, layer));
    free(list);
    assert_status(sweep_create("n1c8h8w8", &made), CONVOY_ERROR_SYNTAX);
}

static void holes_are_marked_and_slopes_are_not(void **state)
{
    (void)state;
    static const int64_t sizes[] = {16, 32, 60, 64, 65, 66, 80, 128};
    static const double hole[] = {90, 91, 88, 92, 70, 72, 90, 91};
    static const double slope[] = {10, 25, 50, 52, 53, 54, 70, 95};
    static const double cliff[] = {95, 94, 95, 95, 60, 61, 60, 61};
    for (size_t i = 0; i < 8; i++) {
        bool inside = sizes[i] == 65 || sizes[i] == 66;
        assert_int_equal(sweep_below(sizes, hole, 8, i) > SWEEP_BELOW, inside);
        assert_false(sweep_below(sizes, slope, 8, i) > SWEEP_BELOW);
        assert_false(sweep_below(sizes, cliff, 8, i) > SWEEP_BELOW);
    }
    assert_float_equal(sweep_below(sizes, hole, 8, 4), 1 - 70.0 / 91, 1e-12);
    /* What is far away is no neighbour. */
    static const int64_t apart[] = {16, 64, 256};
    static const double low[] = {90, 50, 90};
    assert_float_equal(sweep_below(apart, low, 3, 1), 0, 0);
}

static struct line line_of(const char *name, double min_seconds)
{
    struct line line = {
        .seconds = 2e-3, .min_seconds = min_seconds, .flops = 1e9, .peak_fraction = 0.25};
    line_set_name(&line, name);
    return line;
}

static void the_least_time_of_repetitions_counts(void **state)
{
    (void)state;
    struct line lines[] = {line_of("n1c8h8w8_k8r3s3/direct/avx2/nhwc/threads:1", 2e-3),
                           line_of("n1c9h8w8_k8r3s3/direct/avx2/nhwc/threads:1", 2e-3),
                           line_of("n1c8h8w8_k8r3s3/direct/avx2/nhwc/threads:2", 0.1e-3),
                           line_of("n1c8h8w8_k8r3s3/direct/avx2/nhwc/threads:1", 1e-3),
                           line_of("n1c7h8w8_k8r3s3/direct/avx2/nhwc/threads:1", 1e-3)};
    lines[4].error = "refused";
    struct results results = {.lines = lines, .count = sizeof lines / sizeof lines[0]};
    struct sweep_curve curve = sweep_curve_of(walk_of("n1c8h8w8_k8r3s3", C), &results, &lines[0]);
    assert_int_equal(curve.count, 2);
    assert_int_equal(curve.sizes[0], 8);
    assert_float_equal(curve.seconds[0], 1e-3, 1e-12);
    assert_float_equal(curve.percent[0], 50, 1e-9);
    assert_float_equal(curve.flops[0], 2e9, 1);
    assert_float_equal(curve.percent[1], 25, 1e-9);
    assert_true(sweep_first_of_series(&results, 0));
    assert_false(sweep_first_of_series(&results, 1));
    assert_true(sweep_first_of_series(&results, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_extent_changes_at_a_time),
        cmocka_unit_test(sizes_ascend_and_hold_the_layer),
        cmocka_unit_test(a_filter_grows_with_its_padding),
        cmocka_unit_test(groups_are_kept_whole),
        cmocka_unit_test(no_layer_is_listed_twice),
        cmocka_unit_test(holes_are_marked_and_slopes_are_not),
        cmocka_unit_test(the_least_time_of_repetitions_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
