/**
 * @file test_bounds.c
 * Error bounds against input that is made to break them: roundings that all go one way, a large
 * dynamic range, sums that cancel, signs that alternate as a transform's do. No error exceeds its
 * bound, and each algorithm's largest share of its bound is printed, so that one sees how much of
 * the bound is proof and how much is reserve.
 */
#include <math.h>
#include <stdio.h>

#include "convoy/convoy.h"
#include "support/check.h"
#include "support/layers.h"
#include "support/random.h"

static const char *const problems[] = {
    "n1c600h4w6_k17r1s1",         "n1c64h8w9_k20r3s3_pd1",        "n1c16h9w12_k9r5s5_pd2",
    "n1c16h9w9_k9r7s7_pd3",       "n1c33h9w10_k18r2s2",           "n1c20h9w12_k7r4s4_pd2",
    "n1c12h12w11_k6r6s6_pd2",     "n1c32h3w30_k9r1s7_pd0x3",      "n1c32h3w30_k9r1s3_pd0x1",
    "n1c32h3w30_k9r1s5_pd0x2",    "n1c32h3w30_k9r1s4_pd0x2",      "n1c32h30w3_k9r7s1_pd3x0",
    "n1c32h30w3_k9r3s1_pd1x0",    "n1c32h30w3_k9r5s1_pd2x0",      "n1c32h30w3_k9r4s1_pd2x0",
    "n1c18h9w12_k18r3s3_pd1_g18", "n1c24h9w8_k24r3s3_st2_pd1_g6",
};
#define PROBLEM_COUNT (sizeof problems / sizeof problems[0])

/* x[c][h][w] and filter[k][c][r][s] are functions of where they stand. */
typedef float value_function(uint64_t *random, int64_t outer, int64_t inner, int64_t row,
                             int64_t column);

static float noise(uint64_t *random)
{
    return (float)random_between(random, 0, (1 << 23) - 1) * 0x1p-23f; /* 0 to 1 */
}

static float random_sign(uint64_t *random)
{
    return random_between(random, 0, 1) ? 1.0f : -1.0f;
}

/* Close below half a unit of what a sum in order of channels has come to: all round down. */
static float one_way_x(uint64_t *random, int64_t n, int64_t c, int64_t h, int64_t w)
{
    (void)random, (void)n, (void)h, (void)w;
    float sum = 0.75f * (float)c + 1, unit = nextafterf(sum, INFINITY) - sum;
    float whole = floorf(0.75f / unit) * unit;
    return whole + 0.49f * unit;
}

static float one(uint64_t *random, int64_t k, int64_t c, int64_t r, int64_t s)
{
    (void)random, (void)k, (void)c, (void)r, (void)s;
    return 1;
}

static float wide(uint64_t *random, int64_t outer, int64_t inner, int64_t row, int64_t column)
{
    (void)outer, (void)inner, (void)row, (void)column;
    return random_sign(random) * ldexpf(1 + noise(random), (int)random_between(random, -15, 15));
}

static float near_one(uint64_t *random, int64_t n, int64_t c, int64_t h, int64_t w)
{
    (void)n, (void)c, (void)h, (void)w;
    return 1 + 0x1p-10f * noise(random);
}

/* Each pair of channels cancels but for the noise. */
static float alternating_channels(uint64_t *random, int64_t k, int64_t c, int64_t r, int64_t s)
{
    (void)k, (void)r, (void)s;
    return (c % 2 ? -1 : 1) * (1 + 0x1p-10f * noise(random));
}

static float checkered(uint64_t *random, int64_t outer, int64_t inner, int64_t row, int64_t column)
{
    (void)outer, (void)inner;
    return ((row + column) % 2 ? -1 : 1) * (1 + 0x1p-10f * noise(random));
}

static float signs(uint64_t *random, int64_t outer, int64_t inner, int64_t row, int64_t column)
{
    (void)outer, (void)inner, (void)row, (void)column;
    return random_sign(random) * (1 - 0x1p-8f * noise(random));
}

static const struct adversary {
    const char *name;
    value_function *x, *filter;
} adversaries[] = {
    {"one way", one_way_x, one},
    {"wide range", wide, wide},
    {"cancelling", near_one, alternating_channels},
    {"checkered", checkered, checkered},
    {"signs", signs, signs},
};
#define ADVERSARY_COUNT (sizeof adversaries / sizeof adversaries[0])

static void fill(const convoy_tensor *tensor, value_function *value, uint64_t random)
{
    float *data = tensor->data; /* dense, NCHW */
    int64_t i = 0;
    for (int64_t n = 0; n < tensor->N; n++) {
        for (int64_t c = 0; c < tensor->C; c++) {
            for (int64_t h = 0; h < tensor->H; h++) {
                for (int64_t w = 0; w < tensor->W; w++) {
                    data[i++] = value(&random, n, c, h, w);
                }
            }
        }
    }
}

static double largest(const convoy_tensor *tensor)
{
    double most = 0;
    for (int64_t i = 0; i < tensor->N * tensor->stride_n; i++) {
        most = fmax(most, fabs((double)((const float *)tensor->data)[i]));
    }
    return most;
}

/* max|x| * sum|w_k| + |bias_k|: what the bound is relative to. */
static double scale_of(const struct operand_set *set, int64_t k)
{
    int64_t depth = set->filter.stride_n;
    const float *filter = (const float *)set->filter.data + k * depth;
    double sum = 0;
    for (int64_t d = 0; d < depth; d++) {
        sum += fabs((double)filter[d]);
    }
    return largest(&set->x) * sum + fabs((double)((const float *)set->bias.data)[k]);
}

/* The largest |y - exact| of all outputs, each relative to its channel's scale. */
static double relative_error(const struct operand_set *set, const convoy_tensor *exact)
{
    double most = 0;
    for (int64_t k = 0; k < exact->C; k++) {
        double scale = scale_of(set, k);
        for (int64_t i = 0; i < exact->stride_c; i++) {
            int64_t at = k * exact->stride_c + i; /* N is 1 */
            double error =
                fabs((double)((const float *)set->y.data)[at] - ((const double *)exact->data)[at]);
            most = fmax(most, error / scale);
        }
    }
    return most;
}

/* Largest shares of their bounds, and what it was that came so far. */
static double shares[64];
static char worst[64][96];

static void run_algorithm(const convoy_layer *layer, struct operand_set *set,
                          const convoy_tensor *exact, size_t index, const char *what)
{
    for (int isa = CONVOY_ISA_PORTABLE; isa < CONVOY_ISA_COUNT; isa++) {
        convoy_options options = {.algorithm = convoy_algorithm_name(index),
                                  .isa = (convoy_isa)isa};
        convoy_description description;
        if (!convoy_isa_usable(options.isa)) {
            continue;
        }
        assert_ok(convoy_layer_estimate(layer, &options, &description));
        run_layer(layer, set, &options);
        double share = relative_error(set, exact) / description.error_bound;
        if (!(share <= 1)) {
            fail_msg("%s %s: the error is %.3g times its bound", what, options.algorithm, share);
        }
        if (share > shares[index]) {
            shares[index] = share;
            snprintf(worst[index], sizeof worst[index], "%s", what);
        }
    }
}

static void run_problem(const char *problem, const struct adversary *adversary)
{
    convoy_layer layer = parse_layer(problem);
    struct operand_set set = operands_create(&layer, 1);
    convoy_tensor y = set.y, exact;
    char what[96];
    snprintf(what, sizeof what, "%s, %s", problem, adversary->name);
    fill(&set.x, adversary->x, 1);
    fill(&set.filter, adversary->filter, 2);
    assert_ok(convoy_tensor_create(CONVOY_FLOAT64, CONVOY_NCHW, y.N, y.C, y.H, y.W, &exact));
    set.y = exact;
    run_layer(&layer, &set, &(convoy_options){.algorithm = "reference"});
    set.y = y;
    for (size_t a = 0; a < convoy_algorithm_count(); a++) {
        if (algorithm_applies(&layer, a)) {
            run_algorithm(&layer, &set, &exact, a, what);
        }
    }
    convoy_tensor_destroy(&exact);
    operands_destroy(&set);
}

static void no_input_breaks_a_bound(void **state)
{
    (void)state;
    for (size_t i = 0; i < PROBLEM_COUNT; i++) {
        for (size_t j = 0; j < ADVERSARY_COUNT; j++) {
            run_problem(problems[i], &adversaries[j]);
        }
    }
    for (size_t a = 0; a < convoy_algorithm_count(); a++) {
#ifndef CONVOY_HAVE_OPENBLAS
        if (strcmp(convoy_algorithm_name(a), "im2col") == 0) {
            continue;
        }
#endif
        print_message("%-18s %8.4f of its bound at most: %s\n", convoy_algorithm_name(a), shares[a],
                      worst[a]);
        assert_true(shares[a] > 0); /* some problem has it */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_input_breaks_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
