/**
 * @file test_cli_run.c
 * The real `convoy run`: results against sums made here, pictures against values by hand, and
 * nothing left behind by an error.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convoy/convoy.h"
#include "io/image.h"
#include "io/npy.h"
#include "support/check.h"
#include "support/cli.h"
#include "support/place.h"

/* The files that every test may use: x[1][4][6][5], its like in NHWC, and parameters. */
static int setup(void **state)
{
    if (place_setup(state)) {
        return -1;
    }
    cli_write_npy("x.npy", 4, (int64_t[]){1, 4, 6, 5}, -1.0f, 0.03125f);
    cli_write_npy("x_nhwc.npy", 4, (int64_t[]){1, 6, 5, 4}, -1.0f, 0.03125f);
    cli_write_npy("w.npy", 4, (int64_t[]){6, 4, 3, 2}, 1.0f, -0.0625f);
    cli_write_npy("w_groups.npy", 4, (int64_t[]){6, 2, 3, 2}, 1.0f, -0.0625f);
    cli_write_npy("b.npy", 1, (int64_t[]){6}, 0.5f, 0.25f);
    cli_write_npy("z.npy", 4, (int64_t[]){1, 6, 4, 4}, 2.0f, -0.125f);
    cli_write_npy("b5.npy", 1, (int64_t[]){5}, 0.5f, 0.25f);
    /* 4 x 3 grey and 2 x 2 RGB */
    place_write("grey.pgm", "P5 4 3 255\n\x0a\x14\x1e\x28\x32\x3c\x46\x50\x5a\x64\x6e\x78", 23);
    place_write("rgb.ppm", "P6 2 2 255\n\x01\x02\x03\x04\x05\x06\x07\x08\x09\xc8\xc9\xcb", 23);
    return 0;
}

static void assert_files(const char *expected)
{
    char *files = place_files();
    assert_string_equal(files, expected);
    free(files);
}

#define FILES "b.npy b5.npy grey.pgm rgb.ppm w.npy w_groups.npy x.npy x_nhwc.npy z.npy"

/* What a case of `run` is, beside its files. */
struct geometry {
    int stride_h, stride_w, pad_top, pad_left, dilation_h, groups;
    bool bias, residual;
    double low; /* of the activation: max(v, low) */
};

/* y[k][p][q] by the definition, from the ramps above. */
static double expected_y(const convoy_tensor *x, const struct geometry *g, int64_t k, int64_t p,
                         int64_t q, const convoy_tensor *y)
{
    int64_t Cg = x->C / g->groups, K = y->C;
    double sum = 0;
    for (int64_t c = 0; c < Cg; c++) {
        for (int64_t r = 0; r < 3; r++) {
            for (int64_t s = 0; s < 2; s++) {
                int64_t h = p * g->stride_h - g->pad_top + r * g->dilation_h;
                int64_t w = q * g->stride_w - g->pad_left + s;
                int64_t channel = k / (K / g->groups) * Cg + c;
                double weight = 1.0 - 0.0625 * (double)(((k * Cg + c) * 3 + r) * 2 + s);
                if (h >= 0 && h < x->H && w >= 0 && w < x->W) {
                    sum += weight * convoy_tensor_get(x, 0, channel, h, w);
                }
            }
        }
    }
    sum += g->bias ? 0.5 + 0.25 * (double)k : 0;
    sum += g->residual ? 2.0 - 0.125 * (double)((k * y->H + p) * y->W + q) : 0;
    return fmax(sum, g->low);
}

static void check_result(const char *input, convoy_layout layout, const struct geometry *g,
                         int64_t P, int64_t Q)
{
    convoy_tensor x, y;
    assert_ok(npy_read_tensor(input, layout, &x));
    assert_ok(npy_read_tensor("y.npy", layout, &y));
    assert_int_equal(y.N, 1);
    assert_int_equal(y.C, 6);
    assert_int_equal(y.H, P);
    assert_int_equal(y.W, Q);
    for (int64_t k = 0; k < y.C; k++) {
        for (int64_t p = 0; p < P; p++) {
            for (int64_t q = 0; q < Q; q++) {
                double actual = convoy_tensor_get(&y, 0, k, p, q);
                double expected = expected_y(&x, g, k, p, q, &y);
                if (fabs(actual - expected) > 1e-3) {
                    fail_msg("y[%d][%d][%d] is %g, not %g", (int)k, (int)p, (int)q, actual,
                             expected);
                }
            }
        }
    }
    convoy_tensor_destroy(&x);
    convoy_tensor_destroy(&y);
    assert_int_equal(remove("y.npy"), 0);
}

static void results_are_the_sums(void **state)
{
    struct geometry plain = {1, 1, 0, 0, 1, 1, false, false, -INFINITY};
    (void)state;
    cli_expect("run --input x.npy --filter w.npy --output y.npy", 0, "n1c4h6w5_k6r3s2");
    check_result("x.npy", CONVOY_NCHW, &plain, 4, 4);
    cli_expect("run --input x_nhwc.npy --filter w.npy --layout nhwc --algorithm im2col "
               "--threads 2 --output y.npy",
               0, "im2col");
    check_result("x_nhwc.npy", CONVOY_NHWC, &plain, 4, 4);

    struct geometry all = {2, 1, 2, 1, 2, 2, true, false, 0};
    cli_expect("run --input x.npy --filter w_groups.npy --groups 2 --bias b.npy --stride 2x1 "
               "--pad 2,1,1,0 --dilation 2x1 --activation relu --isa portable --output y.npy "
               "--algorithm direct --quiet",
               0, "");
    check_result("x.npy", CONVOY_NCHW, &all, 3, 5);

    struct geometry residual = {1, 1, 0, 0, 1, 1, true, true, -0.5};
    cli_expect("run --input x.npy --filter w.npy --bias b.npy --residual z.npy "
               "--activation clip:-0.5:1e6 --output y.npy",
               0, "+bias +residual clip:-0.5:1e+06");
    check_result("x.npy", CONVOY_NCHW, &residual, 4, 4);

    struct geometry same = {1, 1, 1, 0, 1, 1, false, false, -INFINITY};
    cli_expect("run --input x.npy --filter w.npy --pad same --output y.npy", 0, "p 6, q 5");
    check_result("x.npy", CONVOY_NCHW, &same, 6, 5);
    same.pad_left = 1;
    cli_expect("run --input x.npy --filter w.npy --pad same_lower --output y.npy", 0, "p 6, q 5");
    check_result("x.npy", CONVOY_NCHW, &same, 6, 5);
    assert_files(FILES);
}

static void the_summary_is_json_too(void **state)
{
    (void)state;
    cli_expect_json("run --json --input x.npy --filter w.npy --repeat 3 --algorithm naive",
                    (const char *[]){"\"problem\":\"n1c4h6w5_k6r3s2\"", "\"p\":4,\"q\":4,",
                                     "\"macs\":2304,", "\"algorithm\":\"naive\"", "\"output\":null",
                                     "\"repeats\":3", NULL});
    cli_expect_json("run --json n1c8h9w9_k8r3s3_pd1 --layout nhwc --seed 7 --quiet",
                    (const char *[]){"\"input\":null", "\"layout\":\"nhwc\"", NULL});
    /* A file name that is no UTF-8 and has quotes. */
    assert_int_equal(rename("b.npy", "\"\xff\\.npy"), 0);
    cli_expect_json("run --json --input x.npy --filter w.npy --output \"$(ls | head -1)\"",
                    (const char *[]){"\"output\":\"\\\"\\ufffd\\\\.npy\"", NULL});
    remove("\"\xff\\.npy");
    cli_write_npy("b.npy", 1, (int64_t[]){6}, 0.5f, 0.25f);
    assert_files(FILES);
}

/* Compare a picture with the values in C, H, W order. */
static void assert_picture(const char *path, int64_t C, int64_t H, int64_t W, const int *values)
{
    convoy_tensor image;
    assert_ok(image_read(path, CONVOY_NCHW, 0, &image));
    assert_int_equal(image.C, C);
    assert_int_equal(image.H, H);
    assert_int_equal(image.W, W);
    for (int64_t i = 0; i < C * H * W; i++) {
        int value = (int)((const float *)image.data)[i];
        if (value != values[i]) {
            fail_msg("%s: value %d is %d, not %d", path, (int)i, value, values[i]);
        }
    }
    convoy_tensor_destroy(&image);
    assert_int_equal(remove(path), 0);
}

static void filters_on_pictures_are_as_by_hand(void **state)
{
    (void)state;
    /* 10 20 30 40 / 50 60 70 80 / 90 100 110 120, zeros around */
    cli_expect("run --input grey.pgm --filter sobel-x --output y.png", 0, "p 3, q 4");
    assert_picture("y.png", 1, 3, 4, (const int[]){100, 60, 60, 0, 240, 80, 80, 0, 255, 60, 60, 0});
    cli_expect("run --input grey.pgm --filter sobel-x --scale 0.25 --offset 100 --output y.pgm", 0,
               "");
    assert_picture("y.pgm", 1, 3, 4,
                   (const int[]){125, 115, 115, 68, 160, 120, 120, 30, 165, 115, 115, 28});
}

static void every_channel_has_the_filter(void **state)
{
    (void)state;
    cli_expect("run --input rgb.ppm --filter identity:3 --output y.ppm", 0, "_pd1_g3");
    assert_picture("y.ppm", 3, 2, 2, (const int[]){1, 4, 7, 200, 2, 5, 8, 201, 3, 6, 9, 203});
    /* box:2, padded at the right and the bottom: means of 2 x 2 */
    cli_expect("run --input rgb.ppm --filter box:2 --output y.png", 0, "_pd0,1,0,1_g3");
    assert_picture("y.png", 3, 2, 2, (const int[]){53, 51, 52, 50, 54, 52, 52, 50, 55, 52, 53, 51});
    cli_expect("run --input rgb.ppm --filter box:2 --pad valid --output y.png", 0, "p 1, q 1");
    assert_picture("y.png", 3, 1, 1, (const int[]){53, 54, 55});
    /* values outside 0 to 255 are clipped */
    cli_expect("run --input rgb.ppm --filter sharpen --output y.png", 0, "");
    assert_picture("y.png", 3, 2, 2, (const int[]){0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255});
    cli_expect("run --input rgb.ppm --filter identity --rgb --output y.npy", 0, "_g3");
    assert_int_equal(remove("y.npy"), 0);
    cli_expect("run --input grey.pgm --filter identity --rgb --output y.npy", 0, "_g3");
    assert_int_equal(remove("y.npy"), 0);
    cli_expect("run --input rgb.ppm --filter identity --grey --output y.npy", 0, "k 1,");
    assert_int_equal(remove("y.npy"), 0);
    assert_files(FILES);
}

static void outputs_replace_inputs(void **state)
{
    (void)state;
    cli_expect("run --input rgb.ppm --filter identity --output y.ppm", 0, "");
    cli_expect("run --input y.ppm --filter box:1 --output y.ppm", 0, "");
    assert_picture("y.ppm", 3, 2, 2, (const int[]){1, 4, 7, 200, 2, 5, 8, 201, 3, 6, 9, 203});
    cli_write_npy("nan.npy", 2, (int64_t[]){4, 4}, NAN, 0);
    cli_expect("run --input nan.npy --filter box:3 --output y.pgm --algorithm direct", 0, "");
    remove("y.pgm");
    remove("nan.npy");
    assert_files(FILES);
}

#define W " --filter w.npy --output y.npy"
#define X "--input x.npy --output y.npy --filter "

static const struct {
    const char *arguments, *words;
    int code;
} bad_cases[] = {
    {"--filter w.npy", "--input is missing; ", 2},
    {"--input x.npy", "--filter is missing; ", 2},
    {"--input none.npy" W, "none.npy cannot be read: No such file", 2},
    {"--input ." W, ". ", 2},
    {"--input bad.npy" W, "bad.npy", 2},
    {"--input bad.png" W, "bad.png", 2},
    {"--input b.npy" W, "b.npy", 2},
    {X "b.npy", "has 1 axes; it must have 4", 2},
    {X "w.np", "there is no file and no filter 'w.np'; ", 2},
    {X "sobelx", "did you mean sobel-x?", 2},
    {X "gaussian:0", "SIZE 1 to 255", 2},
    {X "gaussian:3:nan", "SIGMA above 0", 2},
    {X "sobel-x:3", "without parameters", 2},
    {X "box:3 --groups 2", "leave out --groups", 2},
    {X "w_groups.npy", "--groups 2 would fit", 2},
    {X "w.npy --groups 5", "the filter is for 20 channels (5 x 4)", 2},
    {X "w.npy --groups 0", "a whole number from 1 to", 2},
    {X "w.npy --bias b5.npy", "has 5 values; the filter has 6", 2},
    {X "w.npy --bias w.npy", "has 4 axes; it must have 1", 2},
    {X "w.npy --residual x.npy", "the layer needs 1 6 4 4", 2},
    {X "w.npy --stride 0", "--stride '0' cannot be used; ", 2},
    {X "w.npy --stride 2x", "--stride '2x' cannot be used; ", 2},
    {X "w.npy --stride 2_pd1", "--stride '2_pd1' cannot be used; ", 2},
    {X "w.npy --dilation -1", "--dilation '-1' cannot be used; ", 2},
    {X "w.npy --dilation 9", "more or shrink the filter", 2},
    {X "w.npy --pad 1,2", "--pad '1,2' cannot be used; ", 2},
    {X "w.npy --pad around", "--pad 'around' cannot be used; ", 2},
    {X "w.npy --activation swish", "there is no activation 'swish'; ", 2},
    {X "w.npy --activation leaky_relu:inf", "there is no activation", 2},
    {X "w.npy --layout chwn", "it is nchw or nhwc", 2},
    {X "w.npy --algorithm dirct", "there is no algorithm 'dirct'", 2},
    {X "w.npy --algorithm winograd-f4x4-5x5", "cannot be used", 2},
    {X "w.npy --tolerance 1e-40", "error bound", 2},
    {X "w.npy --repeat 0", "a whole number from 1 to", 2},
    {X "w.npy --scale 2", "leave them out", 2},
    {X "w.npy --scale nan", "it is a finite number", 2},
    {X "w.npy --offset inf", "it is a finite number", 2},
    {X "w.npy --grey --rgb", "exclude each other", 2},
    {X "w.npy more even", "unexpected argument 'even'", 2},
    {X "w.npy n1c3h8w8_k1r1s1", "a problem stands for random operands", 2},
    {"n1c1h100000w100000_k1000r1s1", "but the machine has", 3},
    {"--input x.npy --filter w.npy --output y.gif", "no known ending; ", 2},
    {"--input x.npy --filter w.npy --output y.png", "a picture is n = 1 with 1 or 3; ", 2},
    {"--input x.npy --filter w.npy --output .", "is a directory; ", 2},
    {"--input x.npy --filter w.npy --output none/y.npy", "No such file or directory", 3},
    {"--input x.npy --filter w.npy --output /dev/full", "No space left", 3},
};

static void bad_input_leaves_nothing(void **state)
{
    char arguments[256];
    (void)state;
    place_write("bad.npy", "\x93NUMPY\x01\x00\xff\xff{", 11);
    place_write("bad.png", "\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR", 16);
    place_write("y.npy", "precious", 8);
    for (size_t i = 0; i < sizeof bad_cases / sizeof bad_cases[0]; i++) {
        snprintf(arguments, sizeof arguments, "run %s", bad_cases[i].arguments);
        cli_expect(arguments, bad_cases[i].code, bad_cases[i].words);
    }
    char kept[16] = "";
    FILE *stream = fopen("y.npy", "r");
    assert_non_null(stream);
    assert_non_null(fgets(kept, sizeof kept, stream));
    fclose(stream);
    assert_string_equal(kept, "precious");
    assert_files("b.npy b5.npy bad.npy bad.png grey.pgm rgb.ppm w.npy w_groups.npy x.npy "
                 "x_nhwc.npy y.npy z.npy");
    remove("bad.npy");
    remove("bad.png");
    remove("y.npy");
}

/* A disk that is full half way through: here, a limit on the size of files. */
static void a_full_disk_leaves_nothing(void **state)
{
    (void)state;
    cli_write_npy("large.npy", 4, (int64_t[]){1, 1, 300, 300}, 0, 0.5f);
    cli_expect("shape c1h1w1_k1r1s1 >/dev/null; ulimit -f 64; '" CONVOY_COMMAND
               "' run --input large.npy --filter box:3 --output y.npy",
               3, "y.npy cannot be written");
    cli_expect("shape c1h1w1_k1r1s1 >/dev/null; ulimit -f 16; '" CONVOY_COMMAND
               "' run --input large.npy --filter box:3 --output y.pgm",
               3, "y.pgm");
    remove("large.npy");
    assert_files(FILES);
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (; (text = strstr(text, part)) != NULL; text++) {
        count++;
    }
    return count;
}

/* CONVOY_VERBOSE=1: one line for the plan and one for each execution; nothing for another value. */
static void verbose_runs_tell_what_they_do(void **state)
{
    const char *run = "run n1c8h9w9_k8r3s3_pd1 --quiet --layout nhwc --algorithm direct "
                      "--isa portable --threads 2 --repeat 3";
    (void)state;
    setenv("CONVOY_VERBOSE", "1", 1);
    struct outcome told = cli_run(run);
    setenv("CONVOY_VERBOSE", "0", 1);
    struct outcome silent = cli_run(run);
    unsetenv("CONVOY_VERBOSE");
    assert_int_equal(told.code, 0);
    assert_string_equal(told.out, "");
    assert_contains(told.err, "convoy: create n1c8h9w9_k8r3s3_pd1 nhwc direct portable 2 threads ");
    assert_int_equal(count_of(told.err, "\nconvoy: execute n1c8h9w9_k8r3s3_pd1 nhwc direct "), 3);
    assert_int_equal(count_of(told.err, " ms\n"), 4);
    assert_int_equal(count_of(told.err, "\n"), 4);
    assert_string_equal(silent.err, "");
    outcome_destroy(&told);
    outcome_destroy(&silent);
}

/* Processes with other numbers of threads and other addresses write the same bytes. */
static void processes_give_the_same_bits(void **state)
{
    static const char *const threads[] = {"1", "2", "7"};
    char *first = NULL;
    size_t size = 0;
    (void)state;
    cli_write_npy("x.npy", 4, (int64_t[]){1, 19, 14, 11}, 0, 0.001f);
    cli_write_npy("w.npy", 4, (int64_t[]){21, 19, 3, 3}, -1, 0.0007f);
    for (size_t i = 0; i < 3; i++) {
        char arguments[160];
        size_t now_size;
        snprintf(arguments, sizeof arguments,
                 "run --input x.npy --filter w.npy --pad 1 --output y.npy --quiet --threads %s "
                 "--algorithm winograd-f4x4-3x3",
                 threads[i]);
        cli_expect(arguments, 0, "");
        char *now = place_read("y.npy", &now_size);
        if (first) {
            assert_int_equal(now_size, size);
            assert_memory_equal(now, first, size);
            free(now);
        } else {
            first = now;
            size = now_size;
        }
    }
    free(first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_are_the_sums),
        cmocka_unit_test(the_summary_is_json_too),
        cmocka_unit_test(filters_on_pictures_are_as_by_hand),
        cmocka_unit_test(every_channel_has_the_filter),
        cmocka_unit_test(outputs_replace_inputs),
        cmocka_unit_test(bad_input_leaves_nothing),
        cmocka_unit_test(a_full_disk_leaves_nothing),
        cmocka_unit_test(verbose_runs_tell_what_they_do),
        cmocka_unit_test(processes_give_the_same_bits),
    };
    return cmocka_run_group_tests(tests, setup, place_teardown);
}
