/**
 * @file test_image.c
 * Images with known bytes (tests/data/io/make.py), images that lie, and round trips.
 */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "io/image.h"
#include "support/check.h"
#include "support/place.h"

#define DATA(name) TEST_DATA "/io/" name

/* The image at path has these samples, row by row, channel by channel. */
static void expect_image(const char *path, int channels, int64_t C, int64_t H, int64_t W,
                         const double *samples)
{
    for (int layout = CONVOY_NCHW; layout <= CONVOY_NHWC; layout++) {
        convoy_tensor image;
        assert_ok(image_read(path, (convoy_layout)layout, channels, &image));
        assert_true(image.type == CONVOY_FLOAT32 && image.layout == (convoy_layout)layout);
        assert_true(image.N == 1 && image.C == C && image.H == H && image.W == W);
        for (int64_t i = 0; i < C * H * W; i++) {
            int64_t c = i % C, w = i / C % W, h = i / C / W;
            double actual = convoy_tensor_get(&image, 0, c, h, w);
            if (fabs(actual - samples[i]) > 1e-4) {
                fail_msg("%s: channel %d at (%d, %d) is %g, should be %g", path, (int)c, (int)h,
                         (int)w, actual, samples[i]);
            }
        }
        convoy_tensor_destroy(&image);
    }
}

static void png_samples_are_taken_as_they_stand(void **state)
{
    double ramp[90];
    (void)state;
    expect_image(DATA("grey8.png"), 0, 1, 2, 3, (const double[]){0, 1, 127, 128, 254, 255});
    expect_image(DATA("rgb8_gamma.png"), 0, 3, 1, 2, (const double[]){10, 20, 30, 200, 100, 50});
    expect_image(DATA("rgba8.png"), 0, 3, 1, 2, (const double[]){10, 20, 30, 200, 100, 50});
    expect_image(DATA("palette2.png"), 0, 3, 1, 3, (const double[]){255, 0, 0, 0, 255, 0, 9, 8, 7});
    expect_image(DATA("grey1.png"), 0, 1, 1, 9,
                 (const double[]){255, 0, 255, 255, 0, 0, 0, 255, 255});
    expect_image(DATA("grey16.png"), 0, 1, 1, 3, (const double[]){0, 128, 255});
    expect_image(DATA("rgba16.png"), 0, 3, 1, 1, (const double[]){7, 99, 250});
    for (int i = 0; i < 90; i++) {
        ramp[i] = 16 * (i / 10) + i % 10;
    }
    expect_image(DATA("interlaced.png"), 0, 1, 9, 10, ramp);
}

static void grey_and_rgb_become_each_other(void **state)
{
    (void)state;
    expect_image(DATA("grey8.png"), 3, 3, 2, 3,
                 (const double[]){0, 0, 0, 1, 1, 1, 127, 127, 127, 128, 128, 128, 254, 254, 254,
                                  255, 255, 255});
    expect_image(DATA("rgba8.png"), 1, 1, 1, 2,
                 (const double[]){0.299 * 10 + 0.587 * 20 + 0.114 * 30,
                                  0.299 * 200 + 0.587 * 100 + 0.114 * 50});
}

static void jpeg_blocks_have_their_values(void **state)
{
    double grey[16 * 8], colour[8 * 8 * 3], both[16 * 8 * 3];
    (void)state;
    for (int i = 0; i < 16 * 8; i++) {
        grey[i] = i % 16 < 8 ? 50 : 200;
        both[3 * i] = both[3 * i + 1] = both[3 * i + 2] = grey[i];
    }
    for (int i = 0; i < 8 * 8; i++) {
        colour[3 * i] = 170; /* 100 + 1.402 * 50, and so on, rounded */
        colour[3 * i + 1] = 64;
        colour[3 * i + 2] = 100;
    }
    expect_image(DATA("grey.jpg"), 0, 1, 8, 16, grey);
    expect_image(DATA("colour.jpg"), 0, 3, 8, 8, colour);
    expect_image(DATA("progressive.jpg"), 0, 3, 8, 16, both);
    expect_image(DATA("progressive.jpg"), 1, 1, 8, 16, grey);
}

static void write_text(const char *text)
{
    place_write("a.pgm", text, strlen(text));
}

static void pnm_in_bytes_and_digits(void **state)
{
    (void)state;
    write_text("P2\n# a comment\n3 2 # and another\n255\n0 1 127\n128\t254\r\n255");
    expect_image("a.pgm", 0, 1, 2, 3, (const double[]){0, 1, 127, 128, 254, 255});
    write_text("P3 2 1 15  15 0 7  1 2 3 #end\n");
    expect_image("a.pgm", 0, 3, 1, 2, (const double[]){255, 0, 119, 17, 34, 51});
    place_write("a.pgm", "P5 2 2 255\n\x00\x20\x0a\xff", 15);
    expect_image("a.pgm", 0, 1, 2, 2, (const double[]){0, 32, 10, 255});
    place_write("a.pgm", "P6\n1 1\n# x\n1\n\x01\x00\x01", 16);
    expect_image("a.pgm", 0, 3, 1, 1, (const double[]){255, 0, 255});
    place_write("a.pgm", "P5 3 1 65535\n\x00\x00\x80\x80\xff\xff", 19);
    expect_image("a.pgm", 0, 1, 1, 3, (const double[]){0, 128, 255});
}

static void damaged_pnm_is_refused(void **state)
{
    static const struct {
        const char *text;
        convoy_status status;
    } cases[] = {
        {"P5", CONVOY_ERROR_FORMAT},
        {"P5 2", CONVOY_ERROR_FORMAT},
        {"P5 2 2 255\nabc", CONVOY_ERROR_FORMAT}, /* one short */
        {"P5 2 2 0\nabcd", CONVOY_ERROR_FORMAT},
        {"P5 2 2 65536\nabcdabcd", CONVOY_ERROR_FORMAT},
        {"P5 0 2 255\n", CONVOY_ERROR_FORMAT},
        {"P5 -2 2 255\nabcd", CONVOY_ERROR_FORMAT},
        {"P5 2x2 255\nabcd", CONVOY_ERROR_FORMAT},
        {"P5 99999999999999999999 2 255\nabcd", CONVOY_ERROR_FORMAT},
        {"P5 2 2 90\nabcd", CONVOY_ERROR_FORMAT}, /* a sample above the largest */
        {"P2 2 1 9 1 10", CONVOY_ERROR_FORMAT},
        {"P2 2 1 9 1", CONVOY_ERROR_FORMAT},
        {"P2 2 1 9 1 x", CONVOY_ERROR_FORMAT},
        {"P2 2 1 9 # comment without end", CONVOY_ERROR_FORMAT},
        {"P5 16000 16000 255\nabcd", CONVOY_ERROR_FORMAT}, /* lies about its size */
        {"P5 20000 20000 255\nabcd", CONVOY_ERROR_UNSUPPORTED},
        {"P5 1000000000 1000000000 255\nabcd", CONVOY_ERROR_UNSUPPORTED},
        {"P4 8 1\na", CONVOY_ERROR_UNSUPPORTED},
        {"P7\nWIDTH 1\n", CONVOY_ERROR_UNSUPPORTED},
        {"PK\x03\x04", CONVOY_ERROR_FORMAT},
        {"GIF89a", CONVOY_ERROR_FORMAT},
        {"", CONVOY_ERROR_FORMAT},
    };
    convoy_tensor image = {.N = 77};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_text(cases[i].text);
        convoy_status status = image_read("a.pgm", CONVOY_NCHW, 0, &image);
        if (status != cases[i].status) {
            fail_msg("\"%s\" gave %s, not %s", cases[i].text, convoy_status_name(status),
                     convoy_status_name(cases[i].status));
        }
    }
    assert_int_equal(image.N, 77); /* untouched */
}

static void images_that_lie_are_refused(void **state)
{
    convoy_tensor image = {.N = 77};
    (void)state;
    assert_status(image_read(DATA("bomb.png"), CONVOY_NCHW, 0, &image), CONVOY_ERROR_FORMAT);
    assert_contains(convoy_error_detail(), "claims 16000 x 16000 pixels, but has only 69 bytes");
    assert_status(image_read(DATA("bomb.jpg"), CONVOY_NCHW, 0, &image), CONVOY_ERROR_FORMAT);
    assert_contains(convoy_error_detail(), "claims 16000 x 16000 pixels");
    assert_status(image_read(DATA("huge.png"), CONVOY_NCHW, 0, &image), CONVOY_ERROR_UNSUPPORTED);
    assert_contains(convoy_error_detail(), "2000000000 x 2000000000 pixels are too many");
    assert_status(image_read(DATA("bad_crc.png"), CONVOY_NCHW, 0, &image), CONVOY_ERROR_FORMAT);
    assert_contains(convoy_error_detail(), "CRC");
    assert_status(image_read(DATA("cmyk.jpg"), CONVOY_NCHW, 0, &image), CONVOY_ERROR_UNSUPPORTED);
    assert_contains(convoy_error_detail(), "4 colours");
    assert_status(image_read("nowhere.png", CONVOY_NCHW, 0, &image), CONVOY_ERROR_IO);
    assert_status(image_read(".", CONVOY_NCHW, 0, &image), CONVOY_ERROR_IO);
    assert_status(image_read("/proc/self/mem", CONVOY_NCHW, 0, &image), CONVOY_ERROR_IO);
    assert_status(image_read(DATA("grey8.png"), CONVOY_NCHW, 2, &image), CONVOY_ERROR_ARGUMENT);
    assert_int_equal(image.N, 77);
}

static long peak_kib(void)
{
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

/* A PNG file with many texts that would unpack to 8 MB each; a JPEG file with hundreds of scans. */
static void small_files_do_not_unpack_to_much(void **state)
{
    enum { HEAD = 33, TEXTS = 40 };
    size_t size;
    unsigned char *bytes = (unsigned char *)place_read(DATA("text.png"), &size);
    size_t text = 12 + ((size_t)bytes[HEAD + 2] << 8 | bytes[HEAD + 3]);
    unsigned char *many = malloc(size + TEXTS * text);
    const double samples[] = {0, 1, 127, 128, 254, 255};
    convoy_tensor image;
    (void)state;
    memcpy(many, bytes, HEAD);
    for (size_t i = 0; i < TEXTS; i++) {
        memcpy(many + HEAD + i * text, bytes + HEAD, text);
    }
    memcpy(many + HEAD + TEXTS * text, bytes + HEAD, size - HEAD);
    place_write("many.png", many, size + TEXTS * text);
    long before = peak_kib();
    expect_image("many.png", 0, 1, 2, 3, samples);
    assert_true(peak_kib() - before < 60 * 1024);
    free(many);
    free(bytes);
    unlink("many.png");
    assert_status(image_read(DATA("scans.jpg"), CONVOY_NCHW, 0, &image), CONVOY_ERROR_FORMAT);
    assert_contains(convoy_error_detail(), "more than 200 scans");
}

/* No prefix of a file is an image; no changed byte crashes the reader. */
static void damage(const char *path)
{
    size_t size;
    char *bytes = place_read(path, &size);
    convoy_tensor image;
    for (size_t length = 0; length < size; length++) {
        place_write("a.pgm", bytes, length);
        if (image_read("a.pgm", CONVOY_NCHW, 0, &image) != CONVOY_ERROR_FORMAT) {
            fail_msg("the first %zu of %zu bytes of %s should be refused: %s", length, size, path,
                     convoy_error_detail());
        }
    }
    for (size_t i = 0; i < size; i++) {
        for (int bit = 0; bit < 8; bit += 3) {
            bytes[i] = (char)(bytes[i] ^ 1 << bit);
            place_write("a.pgm", bytes, size);
            if (image_read("a.pgm", CONVOY_NCHW, 0, &image) == CONVOY_OK) {
                convoy_tensor_destroy(&image);
            }
            bytes[i] = (char)(bytes[i] ^ 1 << bit);
        }
    }
    free(bytes);
}

static void damaged_files_are_refused(void **state)
{
    (void)state;
    damage(DATA("grey8.png"));
    damage(DATA("palette2.png"));
    damage(DATA("interlaced.png"));
    damage(DATA("grey.jpg"));
    damage(DATA("progressive.jpg"));
}

static convoy_tensor create_picture(convoy_layout layout, int64_t C)
{
    convoy_tensor picture;
    assert_ok(convoy_tensor_create(CONVOY_FLOAT32, layout, 1, C, 9, 13, &picture));
    assert_ok(convoy_tensor_fill_integers(&picture, 5, 0, 255));
    return picture;
}

static void pictures_come_back(void **state)
{
    static const char *const names[][2] = {{"a.png", "a.pgm"}, {"a.PNG", "a.ppm"}};
    (void)state;
    for (int i = 0; i < 8; i++) {
        const char *path = names[i / 2 % 2][i % 2];
        convoy_layout layout = i / 4 ? CONVOY_NHWC : CONVOY_NCHW;
        convoy_tensor picture = create_picture(layout, i / 2 % 2 ? 3 : 1), read;
        convoy_difference difference;
        assert_ok(image_write(path, &picture));
        assert_ok(image_read(path, CONVOY_NHWC, 0, &read));
        assert_ok(convoy_tensor_compare(&read, &picture, &difference));
        assert_int_equal(difference.different, 0);
        convoy_tensor_destroy(&read);
        convoy_tensor_destroy(&picture);
    }
}

static void jpeg_comes_back_nearly(void **state)
{
    (void)state;
    for (int64_t C = 1; C <= 3; C += 2) {
        convoy_tensor picture, read;
        convoy_difference difference;
        assert_ok(convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, 1, C, 24, 32, &picture));
        for (int64_t i = 0; i < C * 24 * 32; i++) {
            int64_t c = i / (24 * 32), h = i / 32 % 24, w = i % 32;
            convoy_tensor_set(&picture, 0, c, h, w, (double)(40 * c + 4 * h + 2 * w));
        }
        assert_ok(image_write("a.jpeg", &picture));
        assert_ok(image_read("a.jpeg", CONVOY_NCHW, 0, &read));
        assert_ok(convoy_tensor_compare(&read, &picture, &difference));
        assert_true(difference.max_absolute <= 8);
        convoy_tensor_destroy(&read);
        convoy_tensor_destroy(&picture);
    }
}

static void values_are_rounded_and_clipped(void **state)
{
    const float values[] = {-3, 0.4f, 0.6f, 1.5f, 2.5f, 254.6f, 256, 1e30f, NAN, -INFINITY};
    convoy_tensor picture;
    size_t size;
    (void)state;
    assert_ok(
        convoy_tensor_view(CONVOY_FLOAT32, CONVOY_NCHW, 1, 1, 2, 5, (void *)values, &picture));
    assert_ok(image_write("a.pgm", &picture));
    char *bytes = place_read("a.pgm", &size);
    assert_int_equal(size, 21);
    assert_memory_equal(bytes, "P5\n5 2\n255\n\0\0\1\2\2\xff\xff\xff\0\0", 21);
    free(bytes);
}

static void what_is_no_picture_is_not_written(void **state)
{
    convoy_tensor grey = create_picture(CONVOY_NCHW, 1), two = create_picture(CONVOY_NCHW, 2);
    convoy_tensor batch, wide;
    (void)state;
    assert_ok(convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, 2, 1, 2, 2, &batch));
    assert_ok(convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, 1, 1, 1, 70000, &wide));
    assert_status(image_write("b.png", &two), CONVOY_ERROR_SHAPE);
    assert_status(image_write("b.png", &batch), CONVOY_ERROR_SHAPE);
    assert_status(image_write("b.bmp", &grey), CONVOY_ERROR_UNSUPPORTED);
    assert_status(image_write("png", &grey), CONVOY_ERROR_UNSUPPORTED);
    assert_status(image_write("b.ppm", &grey), CONVOY_ERROR_UNSUPPORTED);
    assert_status(image_write("b.jpg", &wide), CONVOY_ERROR_UNSUPPORTED);
    assert_contains(convoy_error_detail(), "65500 pixels a side");
    assert_status(image_write("nowhere/b.png", &grey), CONVOY_ERROR_IO);
    assert_int_equal(access("b.png", F_OK) + access("b.jpg", F_OK), -2);
    convoy_tensor_destroy(&grey);
    convoy_tensor_destroy(&two);
    convoy_tensor_destroy(&batch);
    convoy_tensor_destroy(&wide);
}

static void full_disks_leave_nothing(void **state)
{
    static const char *const paths[] = {"full.png", "full.jpg", "full.ppm"};
    convoy_tensor picture;
    struct rlimit usual, tight;
    (void)state;
    assert_ok(convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, 1, 3, 100, 100, &picture));
    assert_ok(convoy_tensor_fill_integers(&picture, 5, 0, 255));
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &usual), 0);
    tight = (struct rlimit){5000, usual.rlim_max};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
        convoy_status status = image_write(paths[i], &picture);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual), 0);
        assert_status(status, CONVOY_ERROR_IO);
        assert_contains(convoy_error_detail(), "nothing was left");
    }
    char *files = place_files();
    assert_null(strstr(files, "full"));
    free(files);
    convoy_tensor_destroy(&picture);
}

static void endings_tell_images(void **state)
{
    (void)state;
    assert_true(image_is_path("a.png") && image_is_path("dir.x/b.JPG") && image_is_path("c.jpeg"));
    assert_true(image_is_path("d.ppm") && image_is_path("e.Pgm"));
    assert_false(image_is_path("a.npy") || image_is_path("png") || image_is_path(".png"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(png_samples_are_taken_as_they_stand),
        cmocka_unit_test(grey_and_rgb_become_each_other),
        cmocka_unit_test(jpeg_blocks_have_their_values),
        cmocka_unit_test(pnm_in_bytes_and_digits),
        cmocka_unit_test(damaged_pnm_is_refused),
        cmocka_unit_test(images_that_lie_are_refused),
        cmocka_unit_test(small_files_do_not_unpack_to_much),
        cmocka_unit_test(damaged_files_are_refused),
        cmocka_unit_test(pictures_come_back),
        cmocka_unit_test(jpeg_comes_back_nearly),
        cmocka_unit_test(values_are_rounded_and_clipped),
        cmocka_unit_test(what_is_no_picture_is_not_written),
        cmocka_unit_test(full_disks_leave_nothing),
        cmocka_unit_test(endings_tell_images),
    };
    return cmocka_run_group_tests_name("image", tests, place_setup, place_teardown);
}
