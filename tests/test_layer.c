/**
 * @file test_layer.c
 * Output extents, padding rules and the refusal of layers that cannot be computed.
 */
#include <math.h>

#include "convoy/layer.h"
#include "core/layer_checked.h"
#include "support/check.h"
#include "support/random.h"

static convoy_layer parsed(const char *problem)
{
    convoy_layer layer;
    assert_ok(convoy_layer_parse(problem, &layer));
    return layer;
}

static void the_worked_examples_hold(void **state)
{
    (void)state;
    static const struct {
        const char *problem;
        int64_t P, Q;
    } examples[] = {
        {"c1h7w7_k1r3s3", 5, 5},
        {"c1h7w7_k1r3s3_st2", 3, 3},
        {"c1h4w4_k1r3s3", 2, 2},
        {"c1h28w28_k1r3s3_same", 28, 28},
        {"c1h28w28_k1r5s5_same", 28, 28},
        {"c128h100w100_k256r5s5_pd2", 100, 100},
        {"c3h224w224_k64r7s7_st2_pd3", 112, 112},
        {"c3h227w227_k96r11s11_st4", 55, 55},
        {"c1h8w8_k1r2s2_same", 8, 8},
        {"c1h7w9_k1r3s3_same_st2", 4, 5},
        {"c1h10w10_k1r3s3_dl2", 6, 6},
        {"c1h3w3_k1r5s7_pd1x2", 1, 1},
        {"c1h1w1_k1r1s1_pd3", 7, 7},
        {"c1h2w5_k1r2s1_st7x3", 1, 2},
    };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        int64_t P = 0, Q = 0;
        convoy_layer layer = parsed(examples[i].problem);
        assert_ok(convoy_layer_output(&layer, &P, &Q));
        if (P != examples[i].P || Q != examples[i].Q) {
            fail_msg("%s gives %dx%d, expected %dx%d", examples[i].problem, (int)P, (int)Q,
                     (int)examples[i].P, (int)examples[i].Q);
        }
    }
}

/* How often a filter can be put down on a row of cells, found by doing it. */
static int64_t placements(int64_t cells, int64_t filter, int64_t dilation, int64_t stride)
{
    int64_t count = 0;
    for (int64_t start = 0;; start += stride) {
        int64_t last = start;
        for (int64_t tap = 1; tap < filter; tap++) {
            last += dilation;
        }
        if (last >= cells) {
            return count;
        }
        count++;
    }
}

static convoy_layer random_layer(uint64_t *random)
{
    convoy_layer layer = {.N = 1, .C = 1, .K = 1, .groups = 1};
    layer.H = random_between(random, 1, 20);
    layer.W = random_between(random, 1, 20);
    layer.R = random_between(random, 1, 7);
    layer.S = random_between(random, 1, 7);
    layer.stride_h = random_between(random, 1, 5);
    layer.stride_w = random_between(random, 1, 5);
    layer.dilation_h = random_between(random, 1, 4);
    layer.dilation_w = random_between(random, 1, 4);
    layer.pad_top = random_between(random, 0, 6);
    layer.pad_bottom = random_between(random, 0, 6);
    layer.pad_left = random_between(random, 0, 6);
    layer.pad_right = random_between(random, 0, 6);
    return layer;
}

static void outputs_are_the_placements_of_the_filter(void **state)
{
    (void)state;
    uint64_t random = 1;
    int empty = 0;

    for (int i = 0; i < 20000; i++) {
        convoy_layer layer = random_layer(&random);
        int64_t P = placements(layer.H + layer.pad_top + layer.pad_bottom, layer.R,
                               layer.dilation_h, layer.stride_h);
        int64_t Q = placements(layer.W + layer.pad_left + layer.pad_right, layer.S,
                               layer.dilation_w, layer.stride_w);
        int64_t actual_P = -1, actual_Q = -1;
        convoy_status status = convoy_layer_output(&layer, &actual_P, &actual_Q);
        if (P == 0 || Q == 0) {
            empty++;
            assert_int_equal(status, CONVOY_ERROR_EMPTY_OUTPUT);
            assert_int_equal(actual_P, -1);
            assert_int_equal(actual_Q, -1);
            continue;
        }
        assert_int_equal(status, CONVOY_OK);
        assert_int_equal(actual_P, P);
        assert_int_equal(actual_Q, Q);
        assert_int_equal(layer_P(&layer), P);
        assert_int_equal(layer_Q(&layer), Q);
    }
    assert_true(empty > 1000 && empty < 19000);
}

/* `same`: one output for every stride-th cell, by the least padding, the odd one last or first. */
static void assert_same(int64_t extent, int64_t filter, int64_t dilation, int64_t stride,
                        int64_t before, int64_t after, bool odd_first)
{
    int64_t cells = extent + before + after, outputs = 0;
    for (int64_t cell = 0; cell < extent; cell += stride) {
        outputs++;
    }
    assert_int_equal(placements(cells, filter, dilation, stride), outputs);
    if (before + after > 0) {
        assert_true(placements(cells - 1, filter, dilation, stride) < outputs);
    }
    assert_in_range(odd_first ? before - after : after - before, 0, 1);
}

static void same_pads_as_little_as_it_can(void **state)
{
    (void)state;
    uint64_t random = 2;

    for (int i = 0; i < 20000; i++) {
        convoy_layer layer = random_layer(&random);
        bool lower = i % 2 == 1;
        assert_ok(convoy_layer_pad(&layer, lower ? CONVOY_SAME_LOWER : CONVOY_SAME));
        assert_same(layer.H, layer.R, layer.dilation_h, layer.stride_h, layer.pad_top,
                    layer.pad_bottom, lower);
        assert_same(layer.W, layer.S, layer.dilation_w, layer.stride_w, layer.pad_left,
                    layer.pad_right, lower);
        assert_ok(convoy_layer_check(&layer));
    }
}

static void even_filters_pad_one_side_more(void **state)
{
    (void)state;
    convoy_layer layer = parsed("c1h9w9_k1r4s2_same");
    assert_int_equal(layer.pad_top, 1);
    assert_int_equal(layer.pad_bottom, 2);
    assert_int_equal(layer.pad_left, 0);
    assert_int_equal(layer.pad_right, 1);
    layer = parsed("c1h9w9_k1r4s2_same_lower");
    assert_int_equal(layer.pad_top, 2);
    assert_int_equal(layer.pad_bottom, 1);
    assert_int_equal(layer.pad_left, 1);
    assert_int_equal(layer.pad_right, 0);
    assert_ok(convoy_layer_pad(&layer, CONVOY_VALID));
    assert_false(layer_is_padded(&layer));
}

static void pad_refuses_what_it_cannot_pad(void **state)
{
    (void)state;
    const convoy_layer before = parsed("c1h9w9_k1r3s3_pd4,3,2,1");
    convoy_layer layer = before;

    assert_status(convoy_layer_pad(NULL, CONVOY_SAME), CONVOY_ERROR_NULL);
    assert_status(convoy_layer_pad(&layer, (convoy_padding)3), CONVOY_ERROR_ARGUMENT);
    assert_memory_equal(&layer, &before, sizeof layer);
    layer.stride_h = 0;
    assert_status(convoy_layer_pad(&layer, CONVOY_SAME), CONVOY_ERROR_EXTENT);
    layer = before;
    layer.R = layer.dilation_h = INT32_MAX; /* half of 2^62 on each side */
    assert_status(convoy_layer_pad(&layer, CONVOY_SAME), CONVOY_ERROR_EXTENT);
    assert_contains(convoy_error_detail(), "the padding at the top");
    assert_int_equal(layer.pad_top, 4);
    layer = before;
    layer.pad_left = -5; /* the rule replaces it */
    assert_ok(convoy_layer_pad(&layer, CONVOY_SAME));
    assert_int_equal(layer.pad_left, 1);
}

static void every_extent_is_checked(void **state)
{
    (void)state;
    const convoy_layer good = parsed("n2c4h9w9_k4r3s3_st2_pd1_g2");
    convoy_layer layer = good;
    int64_t *const positive[] = {&layer.N,          &layer.C,          &layer.H,
                                 &layer.W,          &layer.K,          &layer.R,
                                 &layer.S,          &layer.stride_h,   &layer.stride_w,
                                 &layer.dilation_h, &layer.dilation_w, &layer.groups};
    int64_t *const padding[] = {&layer.pad_top, &layer.pad_bottom, &layer.pad_left,
                                &layer.pad_right};
    static const int64_t wrong[] = {0, -1, INT64_MIN, (int64_t)INT32_MAX + 1, INT64_MAX};

    assert_ok(convoy_layer_check(&layer));
    for (size_t value = 0; value < sizeof wrong / sizeof wrong[0]; value++) {
        for (size_t i = 0; i < sizeof positive / sizeof positive[0]; i++) {
            layer = good;
            *positive[i] = wrong[value];
            assert_status(convoy_layer_check(&layer), CONVOY_ERROR_EXTENT);
            assert_contains(convoy_error_detail(), "it must be 1 to 2147483647");
        }
        for (size_t i = 0; i < sizeof padding / sizeof padding[0] && value > 0; i++) {
            layer = good;
            *padding[i] = wrong[value];
            assert_status(convoy_layer_check(&layer), CONVOY_ERROR_EXTENT);
            assert_contains(convoy_error_detail(), "it must be 0 to 2147483647");
        }
    }
    assert_status(convoy_layer_check(NULL), CONVOY_ERROR_NULL);
}

static void groups_divide_both_channels(void **state)
{
    (void)state;
    convoy_layer layer = parsed("c12h9w9_k18r3s3");

    for (layer.groups = 1; layer.groups <= 20; layer.groups++) {
        bool divides =
            layer.groups == 1 || layer.groups == 2 || layer.groups == 3 || layer.groups == 6;
        assert_status(convoy_layer_check(&layer), divides ? CONVOY_OK : CONVOY_ERROR_GROUPS);
        if (!divides) {
            assert_contains(convoy_error_detail(), layer.groups < 6 ? "is 3" : "is 6");
        }
    }
    /* The search for the next number must not take long. */
    layer.C = 2147483629; /* a prime */
    layer.K = INT32_MAX;  /* another */
    layer.H = layer.W = layer.R = layer.S = 1;
    layer.groups = INT32_MAX - 1;
    assert_status(convoy_layer_check(&layer), CONVOY_ERROR_GROUPS);
    assert_contains(convoy_error_detail(), "is 1");
}

static void huge_extents_do_not_overflow(void **state)
{
    (void)state;
    int64_t P, Q;
    convoy_layer layer = parsed("c1h2147483647w1_k1r1s1");

    assert_ok(convoy_layer_output(&layer, &P, &Q));
    assert_int_equal(P, INT32_MAX);
    layer.pad_top = layer.pad_bottom = INT32_MAX; /* the padded extent is above 2^31 */
    assert_status(convoy_layer_output(&layer, &P, &Q), CONVOY_ERROR_EXTENT);
    assert_contains(convoy_error_detail(), "output extent P is 6442450941");
    layer.stride_h = 3;
    assert_ok(convoy_layer_output(&layer, &P, &Q));
    assert_int_equal(P, INT32_MAX);
    layer.R = layer.dilation_h = INT32_MAX; /* reaches over nearly 2^62 */
    assert_status(convoy_layer_output(&layer, &P, &Q), CONVOY_ERROR_EMPTY_OUTPUT);
    assert_contains(convoy_error_detail(), "4611686011984936963");
    layer.R = 4;
    assert_status(convoy_layer_output(&layer, &P, &Q), CONVOY_ERROR_EMPTY_OUTPUT);
    layer.R = 3;
    assert_ok(convoy_layer_output(&layer, &P, &Q));
    assert_int_equal(P, (3 * (int64_t)INT32_MAX - 2 * (int64_t)INT32_MAX - 1) / 3 + 1);
}

static void tensors_past_63_bits_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *problem, *tensor;
    } layers[] = {
        {"n2147483647c2147483647h1w1_k1r1s1", "the input"},
        {"c2147483647h1w1_k2147483647r1s1", "the filter"},
        {"n2147483647c1h1w1_k2147483647r1s1", "the output"},
    };
    convoy_layer layer;
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        assert_status(convoy_layer_parse(layers[i].problem, &layer), CONVOY_ERROR_OVERFLOW);
        assert_contains(convoy_error_detail(), layers[i].tensor);
    }
    /* 4 * (2^30)^2 = 2^62 bytes still fit. */
    assert_ok(convoy_layer_parse("n1073741824c1073741824h1w1_k1r1s1", &layer));
}

static void choices_are_checked(void **state)
{
    (void)state;
    const convoy_layer good = parsed("c1h9w9_k1r3s3");
    convoy_layer layer = good;

    layer.layout = (convoy_layout)2;
    assert_status(convoy_layer_check(&layer), CONVOY_ERROR_ARGUMENT);
    assert_contains(convoy_error_detail(), "layout");
    layer = good;
    layer.epilogue.activation = (convoy_activation)(CONVOY_CLIP + 1);
    assert_status(convoy_layer_check(&layer), CONVOY_ERROR_ARGUMENT);
    assert_contains(convoy_error_detail(), "activation");
    layer.epilogue.activation = (convoy_activation)-1;
    assert_status(convoy_layer_check(&layer), CONVOY_ERROR_ARGUMENT);
    float *const parameters[] = {&layer.epilogue.slope, &layer.epilogue.low, &layer.epilogue.high};
    static const char *const names[] = {"slope", "low", "high"};
    for (int i = 0; i < 3; i++) {
        layer = good;
        *parameters[i] = NAN;
        assert_status(convoy_layer_check(&layer), CONVOY_ERROR_ARGUMENT);
        assert_contains(convoy_error_detail(), names[i]);
    }
    layer = good;
    layer.epilogue = (convoy_epilogue){.activation = CONVOY_CLIP, .low = 2, .high = 1};
    assert_status(convoy_layer_check(&layer), CONVOY_ERROR_ARGUMENT);
    layer.epilogue.high = 2;
    assert_ok(convoy_layer_check(&layer));
    layer.epilogue.low = -INFINITY;
    layer.epilogue.high = INFINITY;
    assert_ok(convoy_layer_check(&layer));
}

static void output_needs_both_places(void **state)
{
    (void)state;
    convoy_layer layer = parsed("c1h9w9_k1r3s3");
    int64_t extent = 7;
    assert_status(convoy_layer_output(&layer, NULL, &extent), CONVOY_ERROR_NULL);
    assert_status(convoy_layer_output(&layer, &extent, NULL), CONVOY_ERROR_NULL);
    assert_status(convoy_layer_output(NULL, &extent, &extent), CONVOY_ERROR_NULL);
    assert_int_equal(extent, 7);
}

static void activations_have_names(void **state)
{
    (void)state;
    assert_string_equal(convoy_activation_name(CONVOY_IDENTITY), "identity");
    assert_string_equal(convoy_activation_name(CONVOY_RELU), "relu");
    assert_string_equal(convoy_activation_name(CONVOY_RELU6), "relu6");
    assert_string_equal(convoy_activation_name(CONVOY_LEAKY_RELU), "leaky_relu");
    assert_string_equal(convoy_activation_name(CONVOY_CLIP), "clip");
    assert_string_equal(convoy_activation_name((convoy_activation)77), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worked_examples_hold),
        cmocka_unit_test(outputs_are_the_placements_of_the_filter),
        cmocka_unit_test(same_pads_as_little_as_it_can),
        cmocka_unit_test(even_filters_pad_one_side_more),
        cmocka_unit_test(pad_refuses_what_it_cannot_pad),
        cmocka_unit_test(every_extent_is_checked),
        cmocka_unit_test(groups_divide_both_channels),
        cmocka_unit_test(huge_extents_do_not_overflow),
        cmocka_unit_test(tensors_past_63_bits_are_refused),
        cmocka_unit_test(choices_are_checked),
        cmocka_unit_test(output_needs_both_places),
        cmocka_unit_test(activations_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
