/**
 * @file test_error_typical.c
 * The typical error that plans state against the mean error of some draws of random normal data:
 * within a factor of two, for every algorithm, over channels from 8 to 512. Layers have some
 * thousand outputs: of a few the largest error is a matter of chance, and most are in tiles that
 * hang over the edge.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "convoy/convoy.h"
#include "support/check.h"
#include "support/layers.h"

/* The largest error of one draw varies: what is expected is held against the mean of some. */
#define DRAWS 4

static uint64_t seed = 5;
static double least = 1, most = 1;

/* y of one algorithm, in y; false if it does not apply. */
static bool run(const convoy_layer *layer, const struct operand_set *set, const char *algorithm,
                const convoy_tensor *y, double *typical)
{
    convoy_options options = {.algorithm = algorithm, .threads = 1};
    convoy_weights weights = {.filter = set->filter.data};
    convoy_description description;
    convoy_plan *plan = NULL;
    void *workspace = NULL;
    convoy_status status = convoy_plan_create(layer, &weights, &options, &plan);
    if (status == CONVOY_ERROR_ALGORITHM) {
        return false;
    }
    assert_ok(status);
    assert_ok(convoy_plan_describe(plan, &description));
    *typical = description.error_typical;
    assert_ok(convoy_workspace_create(convoy_plan_workspace_bytes(plan), &workspace));
    assert_ok(convoy_plan_execute(plan, &set->x, y, workspace));
    convoy_workspace_destroy(workspace);
    convoy_plan_destroy(plan);
    return true;
}

/* Adds each algorithm's error / typical error on one draw of x and w; 0 if it does not apply. */
static void add_draw(const convoy_layer *layer, uint64_t draw, double ratios[])
{
    struct operand_set set = operands_create(layer, draw);
    convoy_tensor exact;
    double typical;
    assert_ok(convoy_tensor_fill_normal(&set.x, draw, 0, 1));
    assert_ok(convoy_tensor_fill_normal(&set.filter, draw + 1, 0, 1));
    assert_ok(convoy_tensor_create(CONVOY_FLOAT64, layer->layout, set.y.N, set.y.C, set.y.H,
                                   set.y.W, &exact));
    assert_true(run(layer, &set, "reference", &exact, &typical));
    for (size_t i = 0; i < convoy_algorithm_count(); i++) {
        convoy_difference difference;
        if (run(layer, &set, convoy_algorithm_name(i), &set.y, &typical)) {
            assert_ok(convoy_tensor_compare(&set.y, &exact, &difference));
            double ratio = difference.relative_to_rms / typical;
            ratios[i] += ratio;
            least = ratio < least ? ratio : least;
            most = ratio > most ? ratio : most;
        }
    }
    convoy_tensor_destroy(&exact);
    operands_destroy(&set);
}

static void check_problem(const char *problem)
{
    convoy_layer layer = parse_layer(problem);
    double ratios[64] = {0};
    assert_true(convoy_algorithm_count() <= sizeof ratios / sizeof ratios[0]);
    for (uint64_t draw = 0; draw < DRAWS; draw++) {
        add_draw(&layer, seed + 1000 * draw, ratios);
    }
    for (size_t i = 0; i < convoy_algorithm_count(); i++) {
        const char *algorithm = convoy_algorithm_name(i);
        double factor = strcmp(algorithm, "im2col") == 0 ? 3 : 2; /* OpenBLAS orders its sums */
        double mean = ratios[i] / DRAWS;
        if (mean != 0 && !(mean > 1 / factor && mean < factor)) {
            fail_msg("%s by %s: the error is %.2f of the typical one, a mean of %d draws", problem,
                     algorithm, mean, DRAWS);
        }
    }
}

static void test_channels(void **state)
{
    static const char *const filters[] = {
        "h20w20_k16r1s1",         "h20w20_k16r3s3_pd1",     "h20w20_k16r5s5_pd2",
        "h20w20_k16r7s7_pd3",     "h20w20_k16r2s2",         "h20w20_k16r4s4",
        "h20w20_k16r6s6_pd1",     "h20w20_k16r1s3_pd0x1",   "h20w20_k16r1s7_pd0x3",
        "h20w20_k16r3s1_pd1x0",   "h20w20_k16r5s1_pd2x0",   "h20w20_k16r7s1_pd3x0",
        "h20w20_k16r9s9_pd4",     "h40w40_k16r3s3_st2_pd1", "h40w40_k16r5s5_st2_pd2",
        "h40w40_k16r7s7_st2_pd3", "h60w60_k16r11s11_st4",
    };
    static const int channels[] = {8, 37, 128, 512};
    (void)state;
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        for (size_t j = 0; j < sizeof channels / sizeof channels[0]; j++) {
            char problem[CONVOY_PROBLEM_SIZE];
            snprintf(problem, sizeof problem, "n1c%d%s", channels[j], filters[i]);
            check_problem(problem);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_channels)};
    seed = test_seed(seed);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    print_message("error / typical error of single draws: %.2f to %.2f; seed %" PRIu64 "\n", least,
                  most, seed);
    return failed;
}
