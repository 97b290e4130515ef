/**
 * @file test_count.c
 * Counts, compared with loops that count one by one, never with a second formula.
 */
#include <time.h>

#include "convoy/count.h"
#include "support/check.h"
#include "support/random.h"

static convoy_counts counted(const char *problem, bool bias, bool batch_norm)
{
    const convoy_count_options options = {.bias = bias, .batch_norm = batch_norm};
    convoy_layer layer;
    convoy_counts counts;
    assert_ok(convoy_layer_parse(problem, &layer));
    assert_ok(convoy_layer_count(&layer, &options, &counts));
    return counts;
}

/* Put the filter down at h0, w0 and count its taps, all and those on real input. */
static void count_taps(const convoy_layer *l, int64_t h0, int64_t w0, convoy_counts *counts)
{
    for (int64_t c = 0; c < l->C / l->groups; c++) {
        for (int64_t r = 0; r < l->R; r++) {
            for (int64_t s = 0; s < l->S; s++) {
                int64_t h = h0 + r * l->dilation_h, w = w0 + s * l->dilation_w;
                counts->macs++;
                if (h >= 0 && h < l->H && w >= 0 && w < l->W) {
                    counts->macs_valid++;
                }
            }
        }
    }
}

static bool fits(int64_t start, int64_t filter, int64_t dilation, int64_t end)
{
    return start + (filter - 1) * dilation < end;
}

/* All of the counts by loops over the elements; the places of the filter are tried one by one. */
static convoy_counts count_by_loops(const convoy_layer *l, const convoy_count_options *options)
{
    convoy_counts counts = {0};
    for (int64_t n = 0; n < l->N; n++) {
        for (int64_t k = 0; k < l->K; k++) {
            for (int64_t h = -l->pad_top; fits(h, l->R, l->dilation_h, l->H + l->pad_bottom);
                 h += l->stride_h) {
                for (int64_t w = -l->pad_left; fits(w, l->S, l->dilation_w, l->W + l->pad_right);
                     w += l->stride_w) {
                    count_taps(l, h, w, &counts);
                    counts.bias_adds += options->bias ? 1 : 0;
                    counts.bytes_output += (int64_t)sizeof(float);
                }
            }
        }
        for (int64_t c = 0; c < l->C; c++) {
            for (int64_t pixel = 0; pixel < l->H * l->W; pixel++) {
                counts.bytes_input += (int64_t)sizeof(float);
            }
        }
    }
    for (int64_t k = 0; k < l->K; k++) {
        for (int64_t c = 0; c < l->C / l->groups; c++) {
            for (int64_t tap = 0; tap < l->R * l->S; tap++) {
                counts.parameters_weights++;
                counts.bytes_filter += (int64_t)sizeof(float);
            }
        }
        if (options->bias) {
            counts.parameters_bias++;
            counts.bytes_filter += (int64_t)sizeof(float);
        }
        counts.parameters_batch_norm += options->batch_norm ? 2 : 0;
    }
    return counts;
}

static convoy_layer random_layer(uint64_t *random)
{
    convoy_layer layer = {0};
    layer.groups = random_between(random, 1, 3);
    layer.N = random_between(random, 1, 2);
    layer.C = layer.groups * random_between(random, 1, 2);
    layer.K = layer.groups * random_between(random, 1, 2);
    layer.H = random_between(random, 1, 9);
    layer.W = random_between(random, 1, 9);
    layer.R = random_between(random, 1, 6);
    layer.S = random_between(random, 1, 6);
    layer.stride_h = random_between(random, 1, 4);
    layer.stride_w = random_between(random, 1, 4);
    layer.dilation_h = random_between(random, 1, 4);
    layer.dilation_w = random_between(random, 1, 4);
    layer.pad_top = random_between(random, 0, 7);
    layer.pad_bottom = random_between(random, 0, 7);
    layer.pad_left = random_between(random, 0, 7);
    layer.pad_right = random_between(random, 0, 7);
    return layer;
}

static void assert_counts(const convoy_counts *actual, const convoy_counts *loops,
                          const char *problem)
{
    if (actual->macs != loops->macs || actual->macs_valid != loops->macs_valid ||
        actual->flops != loops->macs + loops->macs ||
        actual->flops_valid != loops->macs_valid + loops->macs_valid ||
        actual->bias_adds != loops->bias_adds ||
        actual->parameters_weights != loops->parameters_weights ||
        actual->parameters_bias != loops->parameters_bias ||
        actual->parameters_batch_norm != loops->parameters_batch_norm ||
        actual->parameters_total !=
            loops->parameters_weights + loops->parameters_bias + loops->parameters_batch_norm ||
        actual->bytes_input != loops->bytes_input || actual->bytes_filter != loops->bytes_filter ||
        actual->bytes_output != loops->bytes_output ||
        actual->bytes_least != loops->bytes_input + loops->bytes_filter + loops->bytes_output) {
        fail_msg("%s: macs %lld and valid %lld, by loops %lld and %lld; or another count differs",
                 problem, (long long)actual->macs, (long long)actual->macs_valid,
                 (long long)loops->macs, (long long)loops->macs_valid);
    }
}

static void counts_are_what_loops_count(void **state)
{
    (void)state;
    uint64_t random = 11;
    int layers = 0;

    while (layers < 2000) {
        const convoy_count_options options = {.bias = random_between(&random, 0, 1) != 0,
                                              .batch_norm = random_between(&random, 0, 1) != 0};
        convoy_layer layer = random_layer(&random);
        char problem[CONVOY_PROBLEM_SIZE];
        convoy_counts actual;
        convoy_status status = convoy_layer_count(&layer, &options, &actual);
        if (status == CONVOY_ERROR_EMPTY_OUTPUT) {
            continue;
        }
        assert_int_equal(status, CONVOY_OK);
        convoy_counts loops = count_by_loops(&layer, &options);
        convoy_layer_print(&layer, problem, sizeof problem);
        assert_counts(&actual, &loops, problem);
        layers++;
    }
}

/* Long axes with strides and dilations that have no common divisor, one axis at a time. */
static void long_axes_are_counted_exactly(void **state)
{
    (void)state;
    uint64_t random = 12;
    int layers = 0;

    while (layers < 300) {
        const convoy_count_options options = {.bias = false};
        convoy_layer layer = {.N = 1, .C = 1, .K = 1, .W = 1, .S = 1, .groups = 1};
        char problem[CONVOY_PROBLEM_SIZE];
        convoy_counts actual;
        layer.stride_w = layer.dilation_w = 1;
        layer.H = random_between(&random, 1, 600);
        layer.R = random_between(&random, 1, 200);
        layer.stride_h = random_between(&random, 1, 40);
        layer.dilation_h = random_between(&random, 1, 40);
        layer.pad_top = random_between(&random, 0, 3000);
        layer.pad_bottom = random_between(&random, 0, 3000);
        if (convoy_layer_count(&layer, &options, &actual) == CONVOY_ERROR_EMPTY_OUTPUT) {
            continue;
        }
        convoy_counts loops = count_by_loops(&layer, &options);
        convoy_layer_print(&layer, problem, sizeof problem);
        assert_counts(&actual, &loops, problem);
        layers++;
    }
}

static void the_worked_examples_hold(void **state)
{
    (void)state;
    /* k x k x M x N parameters, N more with bias, 3 N more with bias and batch normalisation. */
    assert_int_equal(counted("c16h9w9_k32r3s3", false, false).parameters_total, 3 * 3 * 16 * 32);
    assert_int_equal(counted("c16h9w9_k32r3s3", true, false).parameters_total,
                     3 * 3 * 16 * 32 + 32);
    assert_int_equal(counted("c16h9w9_k32r3s3", true, true).parameters_total,
                     3 * 3 * 16 * 32 + 3 * 32);
    assert_int_equal(counted("c16h9w9_k32r3s3", true, true).parameters_batch_norm, 2 * 32);
    assert_int_equal(counted("c16h9w9_k32r3s3", true, true).parameters_bias, 32);

    convoy_counts plain = counted("c128h100w100_k256r5s5_pd2", true, false);
    assert_int_equal(plain.parameters_total, 819456);
    assert_int_equal(plain.parameters_weights, 819200);
    assert_int_equal(plain.macs, 8192000000);
    assert_int_equal(plain.flops, 16384000000);
    assert_int_equal(plain.bias_adds, 2560000);
    assert_int_equal(plain.bytes_input, 5120000);
    assert_int_equal(plain.bytes_output, 10240000);
    assert_int_equal(plain.bytes_filter, 4 * 819456);

    convoy_counts bottleneck = counted("c128h100w100_k32r1s1", false, false);
    convoy_counts second = counted("c32h100w100_k256r5s5_pd2", false, false);
    assert_int_equal(bottleneck.macs, 40960000);
    assert_int_equal(second.macs, 2048000000);
    assert_ok(convoy_counts_add(&bottleneck, &second));
    assert_int_equal(bottleneck.macs, 2088960000);
    assert_float_equal((double)plain.macs / (double)bottleneck.macs, 3.92, 0.005);
}

static void no_options_count_no_bias(void **state)
{
    (void)state;
    convoy_layer layer;
    convoy_counts counts;
    assert_ok(convoy_layer_parse("c2h5w5_k3r3s3", &layer));
    assert_ok(convoy_layer_count(&layer, NULL, &counts));
    assert_int_equal(counts.bias_adds, 0);
    assert_int_equal(counts.parameters_total, 54);
    assert_float_equal(counts.intensity, 2.0 * 54 * 9 / (4 * (50 + 54 + 27)), 1e-12);
}

static void huge_extents_take_no_time(void **state)
{
    (void)state;
    static const char *const problems[] = {
        "c1h2147483647w1_k1r1073741824s1_st2x1_pd1073741823x0",
        "c1h2147483647w1_k1r1073741823s1_st3x1_pd1073741823x0_dl2x1",
        "c1h2147483647w1_k1r1s1_st2147483647x1",
        "c1h1w1_k1r2147483647s1_pd2147483647x0_dl2x1",
        "c1h2147483647w1_k1r30000s1_pd2147483647x0_dl65537x1_st7x1",
    };
    clock_t start = clock();
    convoy_layer layer;
    convoy_counts counts;

    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        assert_ok(convoy_layer_parse(problems[i], &layer));
        assert_ok(convoy_layer_count(&layer, NULL, &counts));
        assert_true(counts.macs_valid >= 0 && counts.macs_valid <= counts.macs);
    }
    /* Padded by R - 1 on both sides at stride 1, every tap meets every element exactly once. */
    assert_ok(convoy_layer_parse("c1h1073741824w1_k1r1073741824s1_pd1073741823x0", &layer));
    assert_ok(convoy_layer_count(&layer, NULL, &counts));
    assert_int_equal(counts.macs_valid, INT64_C(1) << 60);
    assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 0.1);
}

static void counts_past_63_bits_are_refused(void **state)
{
    (void)state;
    static const char *const problems[] = {
        "n1000000c1000h1000w1000_k1000000r3s3_pd1",   /* 9e21 multiply-adds */
        "c1000000h100000w1_k1000000r100s1_pd50x0",    /* 1e19: the FLOPs are too many */
        "n2147483647c1073741823h1w1_k1073741823r1s1", /* the bytes are, too */
    };
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        convoy_layer layer;
        convoy_counts counts = {.macs = 7};
        convoy_status status = convoy_layer_parse(problems[i], &layer);
        status = status ? status : convoy_layer_count(&layer, NULL, &counts);
        assert_int_equal(status, CONVOY_ERROR_OVERFLOW);
        assert_contains(convoy_error_detail(), "2^63");
        assert_int_equal(counts.macs, 7);
    }
    /* Below 2^62 multiply-adds the FLOPs have a count, from there on not. */
    convoy_layer layer;
    convoy_counts counts = {0};
    assert_ok(convoy_layer_parse("n1024c1048576h1024w1_k1048576r1s1", &layer)); /* 2^60 */
    assert_ok(convoy_layer_count(&layer, NULL, &counts));
    assert_int_equal(counts.flops, INT64_C(1) << 61);
    layer.N *= 3;
    assert_ok(convoy_layer_count(&layer, NULL, &counts));
    assert_int_equal(counts.flops, 3 * (INT64_C(1) << 61));
    layer.N = layer.N / 3 * 4; /* 2^62, so 2^63 FLOPs */
    assert_status(convoy_layer_count(&layer, NULL, &counts), CONVOY_ERROR_OVERFLOW);
    assert_contains(convoy_error_detail(), "4.61e+18 multiply-adds");
}

static void sums_add_every_field(void **state)
{
    (void)state;
    convoy_counts a = counted("n2c6h9w8_k4r3s2_pd1_g2", true, true), total = {0};
    const convoy_counts b = counted("c5h7w7_k3r3s3_pd2", true, false);

    assert_ok(convoy_counts_add(&total, &a));
    assert_memory_equal(&total, &a, sizeof a);
    assert_ok(convoy_counts_add(&total, &b));
    int64_t sums[13], terms_a[13], terms_b[13];
    memcpy(sums, &total, sizeof sums); /* the counts lie at the front, one after the other */
    memcpy(terms_a, &a, sizeof terms_a);
    memcpy(terms_b, &b, sizeof terms_b);
    assert_int_equal(sizeof sums, offsetof(convoy_counts, intensity));
    for (int i = 0; i < 13; i++) {
        assert_int_equal(sums[i], terms_a[i] + terms_b[i]);
        assert_true(terms_a[i] > 0);
    }
    assert_float_equal(total.intensity, (double)total.flops / (double)total.bytes_least, 1e-12);
}

static void sums_that_overflow_are_refused_whole(void **state)
{
    (void)state;
    convoy_counts total = {.macs = 1, .bytes_least = INT64_MAX}, before = total;
    const convoy_counts one = {.macs = 1, .bytes_least = 1};

    assert_status(convoy_counts_add(&total, &one), CONVOY_ERROR_OVERFLOW);
    assert_contains(convoy_error_detail(), "bytes_least");
    assert_memory_equal(&total, &before, sizeof total);
    assert_status(convoy_counts_add(NULL, &one), CONVOY_ERROR_NULL);
    assert_status(convoy_counts_add(&total, NULL), CONVOY_ERROR_NULL);
}

static void bad_layers_are_refused(void **state)
{
    (void)state;
    convoy_layer layer;
    convoy_counts counts = {.macs = 7};
    assert_ok(convoy_layer_parse("c2h5w5_k3r3s3", &layer));
    assert_status(convoy_layer_count(&layer, NULL, NULL), CONVOY_ERROR_NULL);
    assert_status(convoy_layer_count(NULL, NULL, &counts), CONVOY_ERROR_NULL);
    layer.groups = 2;
    assert_status(convoy_layer_count(&layer, NULL, &counts), CONVOY_ERROR_GROUPS);
    layer.groups = 1;
    layer.R = 6;
    assert_status(convoy_layer_count(&layer, NULL, &counts), CONVOY_ERROR_EMPTY_OUTPUT);
    layer.R = -3;
    assert_status(convoy_layer_count(&layer, NULL, &counts), CONVOY_ERROR_EXTENT);
    assert_int_equal(counts.macs, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_what_loops_count),
        cmocka_unit_test(long_axes_are_counted_exactly),
        cmocka_unit_test(the_worked_examples_hold),
        cmocka_unit_test(no_options_count_no_bias),
        cmocka_unit_test(huge_extents_take_no_time),
        cmocka_unit_test(counts_past_63_bits_are_refused),
        cmocka_unit_test(sums_add_every_field),
        cmocka_unit_test(sums_that_overflow_are_refused_whole),
        cmocka_unit_test(bad_layers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
