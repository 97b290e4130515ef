/**
 * @file test_problem_string.c
 * The problem string: what it means, its canonical form, and every way to get it wrong.
 */
#include <stdio.h>
#include <stdlib.h>

#include "convoy/layer.h"
#include "support/check.h"
#include "support/random.h"

static void assert_same_layer(const convoy_layer *a, const convoy_layer *b, const char *text)
{
    if (a->N != b->N || a->C != b->C || a->H != b->H || a->W != b->W || a->K != b->K ||
        a->R != b->R || a->S != b->S || a->stride_h != b->stride_h || a->stride_w != b->stride_w ||
        a->pad_top != b->pad_top || a->pad_bottom != b->pad_bottom || a->pad_left != b->pad_left ||
        a->pad_right != b->pad_right || a->dilation_h != b->dilation_h ||
        a->dilation_w != b->dilation_w || a->groups != b->groups) {
        fail_msg("another layer comes back from \"%s\"", text);
    }
}

static void every_field_is_read(void **state)
{
    (void)state;
    convoy_layer layer;
    const convoy_layer expected = {.N = 2,
                                   .C = 12,
                                   .H = 30,
                                   .W = 31,
                                   .K = 8,
                                   .R = 3,
                                   .S = 5,
                                   .stride_h = 2,
                                   .stride_w = 1,
                                   .pad_top = 1,
                                   .pad_bottom = 2,
                                   .pad_left = 3,
                                   .pad_right = 4,
                                   .dilation_h = 6,
                                   .dilation_w = 7,
                                   .groups = 4};

    assert_ok(convoy_layer_parse("n2c12h30w31_k8r3s5_st2x1_pd1,2,3,4_dl6x7_g4", &layer));
    assert_same_layer(&layer, &expected, "all fields");
    assert_int_equal(layer.layout, CONVOY_NCHW);
    assert_int_equal(layer.epilogue.activation, CONVOY_IDENTITY);
    assert_false(layer.epilogue.residual);
    assert_ok(convoy_layer_parse("n2c12h30w31_k8r3s5_g4_dl6x7_pd1,2,3,4_st2x1", &layer));
    assert_same_layer(&layer, &expected, "another order");
}

static void what_is_left_out_has_its_default(void **state)
{
    (void)state;
    convoy_layer layer;
    const convoy_layer expected = {.N = 1,
                                   .C = 3,
                                   .H = 4,
                                   .W = 5,
                                   .K = 6,
                                   .R = 1,
                                   .S = 2,
                                   .stride_h = 1,
                                   .stride_w = 1,
                                   .dilation_h = 1,
                                   .dilation_w = 1,
                                   .groups = 1};

    memset(&layer, 0x55, sizeof layer);
    assert_ok(convoy_layer_parse("c3h4w5_k6r1s2", &layer));
    assert_same_layer(&layer, &expected, "defaults");
}

static void the_printed_form_is_canonical(void **state)
{
    (void)state;
    static const struct {
        const char *given, *canonical;
    } forms[] = {
        {"n1c128h100w100_k256r5s5_pd2", "n1c128h100w100_k256r5s5_pd2"},
        {"c128h100w100_k256r5s5_pd2", "n1c128h100w100_k256r5s5_pd2"},
        {"c1h9w9_k1r3s3_st2x2", "n1c1h9w9_k1r3s3_st2"},
        {"c1h9w9_k1r3s3_st1x1_pd0_dl1_g1", "n1c1h9w9_k1r3s3"},
        {"c1h9w9_k1r3s3_st1x2", "n1c1h9w9_k1r3s3_st1x2"},
        {"c1h9w9_k1r3s3_pd1,1,3,3", "n1c1h9w9_k1r3s3_pd1x3"},
        {"c1h9w9_k1r3s3_pd2,2,2,2", "n1c1h9w9_k1r3s3_pd2"},
        {"c1h9w9_k1r3s3_pd0x3", "n1c1h9w9_k1r3s3_pd0x3"},
        {"c1h9w9_k1r3s3_pd0,1,0,1", "n1c1h9w9_k1r3s3_pd0,1,0,1"},
        {"c1h9w9_k1r3s3_pd1,1,2,3", "n1c1h9w9_k1r3s3_pd1,1,2,3"},
        {"c1h9w9_k1r3s3_dl2x2", "n1c1h9w9_k1r3s3_dl2"},
        {"c1h9w9_k1r3s3_dl1x2", "n1c1h9w9_k1r3s3_dl1x2"},
        {"c4h9w9_k4r3s3_g4_dl2_pd1_st3", "n1c4h9w9_k4r3s3_st3_pd1_dl2_g4"},
        {"c1h007w7_k1r3s3", "n1c1h7w7_k1r3s3"},
        {"c1h9w9_k1r3s3_same", "n1c1h9w9_k1r3s3_pd1"},
        {"c1h9w9_k1r3s3_valid", "n1c1h9w9_k1r3s3"},
        {"c1h8w8_k1r3s3_same_st2", "n1c1h8w8_k1r3s3_st2_pd0,1,0,1"},
        {"c1h8w8_k1r3s3_same_lower_st2", "n1c1h8w8_k1r3s3_st2_pd1,0,1,0"},
        {"c1h8w8_k1r3s3_st2_same_dl2", "n1c1h8w8_k1r3s3_st2_pd1,2,1,2_dl2"},
        {"c2147483647h1w1_k1r1s1", "n1c2147483647h1w1_k1r1s1"},
    };

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        char text[CONVOY_PROBLEM_SIZE];
        convoy_layer layer;
        assert_ok(convoy_layer_parse(forms[i].given, &layer));
        int length = convoy_layer_print(&layer, text, sizeof text);
        assert_string_equal(text, forms[i].canonical);
        assert_int_equal(length, strlen(text));
    }
}

struct malformed {
    const char *problem;
    convoy_status status;
    const char *detail; /* a part of it */
};

static void assert_refused(const struct malformed *wrong)
{
    convoy_layer layer, untouched;
    memset(&layer, 0x55, sizeof layer);
    memset(&untouched, 0x55, sizeof untouched);
    convoy_status status = convoy_layer_parse(wrong->problem, &layer);
    if (status != wrong->status || strstr(convoy_error_detail(), wrong->detail) == NULL) {
        fail_msg("\"%s\" gave %s: %s\n  expected %s: ...%s...", wrong->problem,
                 convoy_status_name(status), convoy_error_detail(),
                 convoy_status_name(wrong->status), wrong->detail);
    }
    assert_memory_equal(&layer, &untouched, sizeof layer);
}

static void bad_syntax_is_told_with_its_place(void **state)
{
    (void)state;
    static const struct malformed wrong[] = {
        {"", CONVOY_ERROR_SYNTAX, "character 1, at its end: expected 'c'"},
        {" c1h1w1_k1r1s1", CONVOY_ERROR_SYNTAX, "character 1, at \" c1h1w1_k1r1s1\""},
        {"c1h1w1_k1r1s1 ", CONVOY_ERROR_SYNTAX, "character 14, at \" \": expected the end"},
        {"c1h1w1_k1r1s1\n", CONVOY_ERROR_SYNTAX, "character 14"},
        {"n1", CONVOY_ERROR_SYNTAX, "character 3, at its end: expected 'c'"},
        {"n", CONVOY_ERROR_SYNTAX, "expected a number, the batch"},
        {"n1n1c1h1w1_k1r1s1", CONVOY_ERROR_SYNTAX, "character 3, at \"n1c1h1w1_k1r1s1\""},
        {"h1c1w1_k1r1s1", CONVOY_ERROR_SYNTAX, "character 1"},
        {"C1H1W1_K1R1S1", CONVOY_ERROR_SYNTAX, "expected 'c'"},
        {"c1h1w1", CONVOY_ERROR_SYNTAX, "at its end: expected '_' between"},
        {"c1h1w1k1r1s1", CONVOY_ERROR_SYNTAX, "character 7, at \"k1r1s1\": expected '_'"},
        {"c1h1w1_", CONVOY_ERROR_SYNTAX, "expected 'k'"},
        {"c1h1w1_k1s1r1", CONVOY_ERROR_SYNTAX, "character 10, at \"s1r1\": expected 'r'"},
        {"c1h1w1_k1r1", CONVOY_ERROR_SYNTAX, "expected 's'"},
        {"c1h1w1_k1r1s", CONVOY_ERROR_SYNTAX, "expected a number, the filter width"},
        {"chw_krs", CONVOY_ERROR_SYNTAX, "character 2, at \"hw_krs\": expected a number"},
        {"c+1h1w1_k1r1s1", CONVOY_ERROR_SYNTAX, "expected a number"},
        {"c1.5h1w1_k1r1s1", CONVOY_ERROR_SYNTAX, "character 3, at \".5h1w1_k1r1s1\""},
        {"c-h1w1_k1r1s1", CONVOY_ERROR_SYNTAX, "expected a number"},
        {"c1h1w1_k1r1s1_", CONVOY_ERROR_SYNTAX, "at its end: expected st"},
        {"c1h1w1_k1r1s1__st2", CONVOY_ERROR_SYNTAX, "at \"_st2\": expected st"},
        {"c1h1w1_k1r1s1st2", CONVOY_ERROR_SYNTAX, "at \"st2\": expected the end"},
        {"c1h1w1_k1r1s1_st", CONVOY_ERROR_SYNTAX, "expected a number, the stride"},
        {"c1h1w1_k1r1s1_st2x", CONVOY_ERROR_SYNTAX, "expected a number, the stride"},
        {"c1h1w1_k1r1s1_st2x1x1", CONVOY_ERROR_SYNTAX, "at \"x1\": expected the end"},
        {"c1h1w1_k1r1s1_st2,1", CONVOY_ERROR_SYNTAX, "at \",1\": expected the end"},
        {"c1h1w1_k1r1s1_dl", CONVOY_ERROR_SYNTAX, "expected a number, the dilation"},
        {"c1h1w1_k1r1s1_g", CONVOY_ERROR_SYNTAX, "expected a number, the number of groups"},
        {"c1h1w1_k1r1s1_g1x1", CONVOY_ERROR_SYNTAX, "at \"x1\""},
        {"c1h1w1_k1r1s1_pd", CONVOY_ERROR_SYNTAX, "expected a number, the padding"},
        {"c1h1w1_k1r1s1_pd1,2", CONVOY_ERROR_SYNTAX, "expected ','"},
        {"c1h1w1_k1r1s1_pd1,2,3", CONVOY_ERROR_SYNTAX, "at its end: expected ','"},
        {"c1h1w1_k1r1s1_pd1,2,3,", CONVOY_ERROR_SYNTAX, "expected a number, the padding"},
        {"c1h1w1_k1r1s1_pd1,2,3,4,5", CONVOY_ERROR_SYNTAX, "at \",5\": expected the end"},
        {"c1h1w1_k1r1s1_pd1x2,3,4", CONVOY_ERROR_SYNTAX, "at \"x2,3,4\": expected ','"},
        {"c1h1w1_k1r1s1_pd1x2x3", CONVOY_ERROR_SYNTAX, "at \"x3\": expected the end"},
        {"c1h1w1_k1r1s1_samelower", CONVOY_ERROR_SYNTAX, "at \"lower\": expected the end"},
        {"c1h1w1_k1r1s1_same_upper", CONVOY_ERROR_SYNTAX, "at \"upper\": expected st"},
        {"c1h1w1_k1r1s1_foo", CONVOY_ERROR_SYNTAX, "character 15, at \"foo\": expected st"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_refused(&wrong[i]);
    }
}

static void a_suffix_stands_once(void **state)
{
    (void)state;
    static const struct malformed wrong[] = {
        {"c1h1w1_k1r1s1_st1_st1", CONVOY_ERROR_SYNTAX, "character 19, at \"st1\": the stride"},
        {"c1h1w1_k1r1s1_dl1_g1_dl2", CONVOY_ERROR_SYNTAX, "at \"dl2\": the dilation"},
        {"c1h1w1_k1r1s1_g1_g1", CONVOY_ERROR_SYNTAX, "at \"g1\": the groups"},
        {"c1h1w1_k1r1s1_pd1_pd1", CONVOY_ERROR_SYNTAX, "at \"pd1\": the padding"},
        {"c1h1w1_k1r1s1_pd1_same", CONVOY_ERROR_SYNTAX, "at \"same\": the padding"},
        {"c1h1w1_k1r1s1_same_pd1", CONVOY_ERROR_SYNTAX, "at \"pd1\": the padding"},
        {"c1h1w1_k1r1s1_same_same", CONVOY_ERROR_SYNTAX, "at \"same\": the padding"},
        {"c1h1w1_k1r1s1_same_lower_valid", CONVOY_ERROR_SYNTAX, "at \"valid\": the padding"},
        {"c1h1w1_k1r1s1_valid_same_lower", CONVOY_ERROR_SYNTAX, "at \"same_lower\": the padding"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_refused(&wrong[i]);
    }
}

static void numbers_keep_their_range(void **state)
{
    (void)state;
    static const struct malformed wrong[] = {
        {"c0h1w1_k1r1s1", CONVOY_ERROR_EXTENT, "at \"0h1w1_k1r1s1\": the input channels must be 1"},
        {"n0c1h1w1_k1r1s1", CONVOY_ERROR_EXTENT, "the batch must be 1 to 2147483647"},
        {"c1h-1w1_k1r1s1", CONVOY_ERROR_EXTENT, "at \"-1w1_k1r1s1\": the input height"},
        {"c1h-0w1_k1r1s1", CONVOY_ERROR_EXTENT, "the input height must be 1"},
        {"c1h1w1_k1r0s1", CONVOY_ERROR_EXTENT, "the filter height"},
        {"c1h1w1_k1r1s1_st0", CONVOY_ERROR_EXTENT, "the stride must be 1"},
        {"c1h1w1_k1r1s1_st1x0", CONVOY_ERROR_EXTENT, "the stride must be 1"},
        {"c1h1w1_k1r1s1_dl0", CONVOY_ERROR_EXTENT, "the dilation must be 1"},
        {"c1h1w1_k1r1s1_g0", CONVOY_ERROR_EXTENT, "the number of groups must be 1"},
        {"c1h1w1_k1r1s1_pd-1", CONVOY_ERROR_EXTENT, "the padding must be 0 to 2147483647"},
        {"c1h1w1_k1r1s1_pd0,0,-1,0", CONVOY_ERROR_EXTENT, "at \"-1,0\": the padding"},
        {"c2147483648h1w1_k1r1s1", CONVOY_ERROR_EXTENT, "the input channels must be 1"},
        {"c1h1w4294967297_k1r1s1", CONVOY_ERROR_EXTENT, "the input width must be 1"},
        {"c1h1w1_k18446744073709551617r1s1", CONVOY_ERROR_EXTENT, "the output channels"},
        {"c1h1w1_k1r1s1_g99999999999999999999999999999999999", CONVOY_ERROR_EXTENT,
         "the number of groups must be 1"},
        {"c1h1w1_k1r1s1_pd2147483648", CONVOY_ERROR_EXTENT, "the padding must be 0"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_refused(&wrong[i]);
    }
}

static void layers_that_cannot_be_computed_are_refused(void **state)
{
    (void)state;
    static const struct malformed wrong[] = {
        {"c6h9w9_k4r3s3_g3", CONVOY_ERROR_GROUPS, "the next smaller number that does is 2"},
        {"c1h7w7_k1r9s3", CONVOY_ERROR_EMPTY_OUTPUT, "R = 9"},
        {"c1h7w7_k1r3s3_dl1x4", CONVOY_ERROR_EMPTY_OUTPUT, "S = 3 with dilation 4"},
        {"c2147483647h2147483647w2147483647_k1r1s1", CONVOY_ERROR_OVERFLOW, "2^63-1 bytes"},
        {"c1h1w1_k1r2147483647s1_dl2147483647_same", CONVOY_ERROR_EXTENT, "padding"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_refused(&wrong[i]);
    }
}

static void a_long_string_is_quoted_in_part(void **state)
{
    (void)state;
    size_t size = 1 << 20;
    char *text = malloc(size);
    convoy_layer layer;

    assert_non_null(text);
    memset(text, '7', size);
    text[0] = 'c';
    text[size - 1] = '\0';
    assert_status(convoy_layer_parse(text, &layer), CONVOY_ERROR_EXTENT);
    assert_contains(convoy_error_detail(), "7777...\"");
    assert_contains(convoy_error_detail(), "the input channels must be 1 to 2147483647");
    free(text);
}

static void null_is_refused(void **state)
{
    (void)state;
    convoy_layer layer;
    assert_status(convoy_layer_parse(NULL, &layer), CONVOY_ERROR_NULL);
    assert_status(convoy_layer_parse("c1h1w1_k1r1s1", NULL), CONVOY_ERROR_NULL);
}

static void printing_keeps_the_size_it_is_given(void **state)
{
    (void)state;
    convoy_layer layer;
    char text[16];
    const char *canonical = "n1c12h34w56_k7r8s9";

    assert_ok(convoy_layer_parse(canonical, &layer));
    int length = (int)strlen(canonical);
    assert_int_equal(convoy_layer_print(&layer, NULL, 0), length);
    assert_int_equal(convoy_layer_print(&layer, NULL, 10), length);
    memset(text, '#', sizeof text);
    assert_int_equal(convoy_layer_print(&layer, text, 6), length);
    assert_string_equal(text, "n1c12");
    assert_int_equal(text[6], '#');
    assert_int_equal(convoy_layer_print(NULL, text, sizeof text), 0);
    assert_string_equal(text, "");
}

static void the_longest_string_fits(void **state)
{
    (void)state;
    const int64_t most = INT32_MAX;
    convoy_layer layer = {most, most, most, most,     most, most,     most, most,        most - 1,
                          most, most, most, most - 1, most, most - 1, most, CONVOY_NCHW, {0}};
    char text[CONVOY_PROBLEM_SIZE];

    assert_true(convoy_layer_print(&layer, text, sizeof text) < CONVOY_PROBLEM_SIZE);
    assert_contains(text, "_g2147483647");
}

/* A random layer that can be computed; extents have few or many digits. */
static convoy_layer random_layer(uint64_t *random)
{
    convoy_layer layer = {0};
    int64_t extent = random_between(random, 0, 1) ? 9 : 1200;

    layer.groups = random_between(random, 0, 2) ? 1 : random_between(random, 2, 5);
    layer.N = random_between(random, 1, 3);
    layer.C = layer.groups * random_between(random, 1, 20);
    layer.K = layer.groups * random_between(random, 1, 20);
    layer.R = random_between(random, 1, 12);
    layer.S = random_between(random, 0, 1) ? layer.R : random_between(random, 1, 12);
    layer.stride_h = random_between(random, 1, 4);
    layer.stride_w = random_between(random, 0, 1) ? layer.stride_h : random_between(random, 1, 4);
    layer.dilation_h = random_between(random, 1, 3);
    layer.dilation_w = random_between(random, 1, 3);
    layer.pad_top = random_between(random, 0, 3);
    layer.pad_left = random_between(random, 0, 3);
    layer.pad_bottom = random_between(random, 0, 1) ? layer.pad_top : random_between(random, 0, 30);
    layer.pad_right = random_between(random, 0, 1) ? layer.pad_left : random_between(random, 0, 30);
    layer.H = layer.dilation_h * (layer.R - 1) + random_between(random, 1, extent);
    layer.W = layer.dilation_w * (layer.S - 1) + random_between(random, 1, extent);
    return layer;
}

static void printed_layers_parse_to_themselves(void **state)
{
    (void)state;
    uint64_t random = 20240601;

    for (int i = 0; i < 20000; i++) {
        char text[CONVOY_PROBLEM_SIZE], again[CONVOY_PROBLEM_SIZE];
        convoy_layer layer = random_layer(&random), parsed;
        convoy_layer_print(&layer, text, sizeof text);
        assert_ok(convoy_layer_parse(text, &parsed));
        assert_same_layer(&layer, &parsed, text);
        convoy_layer_print(&parsed, again, sizeof again);
        assert_string_equal(text, again);
    }
}

/* Damaged strings: whatever is accepted must be a layer that prints and parses to itself. */
static void damaged_strings_are_refused_or_understood(void **state)
{
    (void)state;
    static const char letters[] = "nchwkrsxgpdtl_,0123456789-same_lowervalid \xff";
    uint64_t random = 20240602;
    int accepted = 0, refused = 0;

    for (int i = 0; i < 50000; i++) {
        char text[CONVOY_PROBLEM_SIZE], again[CONVOY_PROBLEM_SIZE];
        convoy_layer layer = random_layer(&random), parsed, reparsed;
        int length = convoy_layer_print(&layer, text, sizeof text);
        for (int64_t damage = random_between(&random, 1, 3); damage > 0; damage--) {
            int64_t place = random_between(&random, 0, length - 1);
            text[place] = letters[random_between(&random, 0, (int64_t)sizeof letters - 1)];
        }
        convoy_status status = convoy_layer_parse(text, &parsed);
        if (status) {
            refused++;
            assert_true(strlen(convoy_error_detail()) > 10);
            continue;
        }
        accepted++;
        convoy_layer_print(&parsed, again, sizeof again);
        assert_ok(convoy_layer_parse(again, &reparsed));
        assert_same_layer(&parsed, &reparsed, text);
    }
    assert_true(accepted > 1000);
    assert_true(refused > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_read),
        cmocka_unit_test(what_is_left_out_has_its_default),
        cmocka_unit_test(the_printed_form_is_canonical),
        cmocka_unit_test(bad_syntax_is_told_with_its_place),
        cmocka_unit_test(a_suffix_stands_once),
        cmocka_unit_test(numbers_keep_their_range),
        cmocka_unit_test(layers_that_cannot_be_computed_are_refused),
        cmocka_unit_test(a_long_string_is_quoted_in_part),
        cmocka_unit_test(null_is_refused),
        cmocka_unit_test(printing_keeps_the_size_it_is_given),
        cmocka_unit_test(the_longest_string_fits),
        cmocka_unit_test(printed_layers_parse_to_themselves),
        cmocka_unit_test(damaged_strings_are_refused_or_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
