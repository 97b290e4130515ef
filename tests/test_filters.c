/**
 * @file test_filters.c
 * The values of the named filters, the words of options, and numbers for a person.
 */
#include <math.h>
#include <stdio.h>

#include "cli/activation.h"
#include "cli/command.h"
#include "cli/filters.h"
#include "cli/text.h"
#include "io/nearest.h"
#include "support/check.h"

static void assert_filter(const char *name, const float values[9])
{
    struct filter filter;
    assert_true(filter_is_name(name));
    assert_int_equal(filter_make(name, &filter), EXIT_GOOD);
    assert_int_equal(filter.R, 3);
    assert_int_equal(filter.S, 3);
    assert_memory_equal(filter.values, values, 9 * sizeof(float));
    filter_destroy(&filter);
}

static void fixed_filters_are_the_known_ones(void **state)
{
    (void)state;
    assert_filter("sobel-x", (const float[]){-1, 0, 1, -2, 0, 2, -1, 0, 1});
    assert_filter("sobel-y", (const float[]){-1, -2, -1, 0, 0, 0, 1, 2, 1});
    assert_filter("prewitt-x", (const float[]){-1, 0, 1, -1, 0, 1, -1, 0, 1});
    assert_filter("prewitt-y", (const float[]){-1, -1, -1, 0, 0, 0, 1, 1, 1});
    assert_filter("laplacian", (const float[]){0, 1, 0, 1, -4, 1, 0, 1, 0});
    assert_filter("sharpen", (const float[]){0, -1, 0, -1, 5, -1, 0, -1, 0});
    assert_filter("emboss", (const float[]){-2, -1, 0, -1, 1, 1, 0, 1, 2});
    assert_filter("identity:3", (const float[]){0, 0, 0, 0, 1, 0, 0, 0, 0});
}

static void blurs_have_sum_one(void **state)
{
    static const char *const names[] = {"box",        "box:1",          "box:8",     "gaussian",
                                        "gaussian:1", "gaussian:9:2.5", "gaussian:4"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct filter filter;
        double sum = 0;
        assert_int_equal(filter_make(names[i], &filter), EXIT_GOOD);
        for (int64_t j = 0; j < filter.R * filter.S; j++) {
            assert_true(filter.values[j] > 0);
            assert_true(filter.values[j] == filter.values[filter.R * filter.S - 1 - j]);
            sum += (double)filter.values[j];
        }
        assert_true(fabs(sum - 1) < 1e-6);
        filter_destroy(&filter);
    }
}

static void the_gaussian_is_one(void **state)
{
    struct filter filter;
    (void)state;
    assert_int_equal(filter_make("gaussian:5:1.5", &filter), EXIT_GOOD);
    assert_int_equal(filter.R, 5);
    double middle = (double)filter.values[12];
    /* distances squared 1 and 5 */
    assert_true(fabs((double)filter.values[13] / middle - exp(-1 / 4.5)) < 1e-6);
    assert_true(fabs((double)filter.values[3] / middle - exp(-5 / 4.5)) < 1e-6);
    filter_destroy(&filter);
}

static void activations_print_as_they_are_read(void **state)
{
    static const char *const texts[] = {"identity",
                                        "relu",
                                        "relu6",
                                        "leaky_relu:0.2",
                                        "leaky_relu:0.100000009",
                                        "clip:-1:1",
                                        "clip:-0.333333343:1e+20"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        convoy_epilogue epilogue = {.slope = 0};
        char text[ACTIVATION_SIZE];
        assert_int_equal(activation_read(texts[i], &epilogue), EXIT_GOOD);
        activation_print(&epilogue, text);
        assert_string_equal(text, texts[i]);
    }
}

static void numbers_are_grouped(void **state)
{
    char text[TEXT_SIZE];
    (void)state;
    assert_string_equal(text_grouped(0, text), "0");
    assert_string_equal(text_grouped(999, text), "999");
    assert_string_equal(text_grouped(1000, text), "1,000");
    assert_string_equal(text_grouped(8192000000, text), "8,192,000,000");
    assert_string_equal(text_grouped(-123456, text), "-123,456");
    assert_string_equal(text_grouped(INT64_MIN, text), "-9,223,372,036,854,775,808");
    assert_string_equal(text_bytes(640, text), "640 bytes");
    assert_string_equal(text_bytes(1536, text), "1.5 KiB");
    assert_string_equal(text_bytes(2 << 20, text), "2 MiB");
    assert_string_equal(text_duration(0.00125, text), "1.25 ms");
    assert_string_equal(text_duration(200, text), "3 min 20 s");
    assert_string_equal(text_duration(3900, text), "1 h 5 min");
}

static void mistyped_names_are_found(void **state)
{
    static const char *const names[] = {"shape", "count", "run", NULL};
    (void)state;
    assert_string_equal(nearest_name("shpae", names), "shape");
    assert_string_equal(nearest_name("rum", names), "run");
    assert_string_equal(nearest_name("counts", names), "count");
    assert_null(nearest_name("explain", names));
    assert_null(nearest_name("", names));
    assert_string_equal(filter_nearest("gausian:5"), "gaussian");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_filters_are_the_known_ones),
        cmocka_unit_test(blurs_have_sum_one),
        cmocka_unit_test(the_gaussian_is_one),
        cmocka_unit_test(activations_print_as_they_are_read),
        cmocka_unit_test(numbers_are_grouped),
        cmocka_unit_test(mistyped_names_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
