/**
 * @file test_upscale.c
 * The trained network of examples/ on its photo: by every algorithm, in both layouts and in tiles,
 * against the result that the network's authors published.
 */
#include <stdlib.h>

#include "io/image.h"
#include "support/check.h"
#include "upscaler.h"

/* An independent float32 computation differs in 3 of the 196608 values, each by 1 of 255. */
#define MOST_OFF 20

/* Plain loops take minutes for the network under the address sanitizer; check_kernels and the ONNX
   cases run them there. */
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED true
#else
#define SANITIZED false
#endif

static bool is_plain_loop(const char *algorithm)
{
    return !strcmp(algorithm, "reference") || !strcmp(algorithm, "naive") ||
           !strcmp(algorithm, "reordered");
}

struct pictures {
    int64_t H, W; /* of the photo; the results are twice as large */
    unsigned char *photo, *published, *result;
};

/* pixels[H][W][3], to be freed. */
static unsigned char *read_pixels(const char *path, int64_t *H, int64_t *W)
{
    convoy_tensor image;
    assert_ok(image_read(path, CONVOY_NHWC, 3, &image));
    unsigned char *pixels = malloc((size_t)(image.H * image.W * 3)), *pixel = pixels;
    assert_non_null(pixels);
    for (int64_t h = 0; h < image.H; h++) {
        for (int64_t w = 0; w < image.W; w++) {
            for (int64_t c = 0; c < 3; c++) {
                *pixel++ = (unsigned char)convoy_tensor_get(&image, 0, c, h, w);
            }
        }
    }
    *H = image.H;
    *W = image.W;
    convoy_tensor_destroy(&image);
    return pixels;
}

static int set_up(void **state)
{
    static struct pictures pictures;
    int64_t H, W;
    pictures.photo = read_pixels(UPSCALE_DATA "/fixture.png", &pictures.H, &pictures.W);
    pictures.published = read_pixels(UPSCALE_DATA "/result.png", &H, &W);
    pictures.result = malloc((size_t)(H * W * 3));
    *state = &pictures;
    return !(pictures.result && H == 2 * pictures.H && W == 2 * pictures.W);
}

static int tear_down(void **state)
{
    struct pictures *pictures = *state;
    free(pictures->photo);
    free(pictures->published);
    free(pictures->result);
    return 0;
}

/* Run and compare; false if the algorithm applies to none of the layers. */
static bool check_upscaled(const struct pictures *pictures, const struct upscaler_options *options,
                           int64_t tiles)
{
    struct upscaler upscaler;
    convoy_status status =
        upscaler_create(&upscaler, UPSCALE_DATA, pictures->H, pictures->W, options);
    if (status == CONVOY_ERROR_ALGORITHM) {
        upscaler_destroy(&upscaler);
        return false;
    }
    if (status) {
        fail_msg("%s", upscaler.error);
    }
    assert_int_equal(upscaler.tiles, tiles);
    int64_t values = pictures->H * pictures->W * 12;
    for (int64_t i = 0; i < values; i++) {
        pictures->result[i] = (unsigned char)(pictures->published[i] ^ 0x80); /* all wrong */
    }
    for (int64_t tile = 0; tile < tiles; tile++) {
        status = upscaler_run_tile(&upscaler, tile, pictures->photo, pictures->result);
        if (status) {
            fail_msg("%s", upscaler.error);
        }
    }
    int off = 0, most = 0;
    double seconds = 0;
    for (int64_t i = 0; i < values; i++) {
        int difference = abs(pictures->result[i] - pictures->published[i]);
        off += difference != 0;
        most = difference > most ? difference : most;
    }
    int layers = 0;
    for (int l = 0; l < UPSCALER_LAYERS; l++) {
        seconds += upscaler.layers[l].seconds;
        layers += !options->algorithm || !strcmp(upscaler.layers[l].algorithm, options->algorithm);
    }
    print_message("%-17s (%2d layers) %s, tiles: %d; values off: %d of %d, by %d at most; %.2f s\n",
                  options->algorithm ? options->algorithm : "planner's choice", layers,
                  convoy_layout_name(options->layout), (int)tiles, off, (int)values, most, seconds);
    upscaler_destroy(&upscaler);
    assert_true(off <= MOST_OFF);
    assert_true(most <= 1);
    return true;
}

static void every_algorithm_gives_the_published_picture(void **state)
{
    int idle = 0, algorithms = (int)convoy_algorithm_count();
    for (int a = 0; a < algorithms; a++) {
        struct upscaler_options options = {.algorithm = convoy_algorithm_name((size_t)a)};
        if (SANITIZED && is_plain_loop(options.algorithm)) {
            print_message("%s: left out under the address sanitizer\n", options.algorithm);
            continue;
        }
        options.layout = CONVOY_NCHW;
        bool ran = check_upscaled(*state, &options, 1);
        options.layout = CONVOY_NHWC;
        assert_int_equal(check_upscaled(*state, &options, 1), ran);
        idle += !ran;
    }
    print_message("%d other algorithms apply to none of the layers\n", idle);
    assert_true(idle < algorithms);
}

static void the_planners_choice_gives_it(void **state)
{
    struct upscaler_options options = {.layout = CONVOY_NHWC};
    assert_true(check_upscaled(*state, &options, 1));
}

/*
 * Tiles of 50 start 30 pixels after each other: at 0, 30, 60 and, to end with the photo, 78. The
 * algorithm adds up every output in the same order wherever it lies, so the bits must be the same.
 */
static void tiles_join_without_seams(void **state)
{
    const struct pictures *pictures = *state;
    if (SANITIZED) {
        skip();
    }
    struct upscaler_options options = {.algorithm = "reordered", .layout = CONVOY_NHWC};
    size_t bytes = (size_t)(pictures->H * pictures->W * 12);
    unsigned char *whole = malloc(bytes);
    assert_non_null(whole);
    assert_true(check_upscaled(pictures, &options, 1));
    memcpy(whole, pictures->result, bytes);
    options.tile = 50;
    assert_true(check_upscaled(pictures, &options, 16));
    assert_memory_equal(pictures->result, whole, bytes);
    free(whole);
}

static void errors_are_told(void **state)
{
    const struct pictures *pictures = *state;
    struct upscaler upscaler;
    struct upscaler_options options = {.algorithm = "guesswork"};
    assert_status(upscaler_create(&upscaler, UPSCALE_DATA, 8, 8, &options), CONVOY_ERROR_ALGORITHM);
    assert_contains(upscaler.error, "guesswork");
    upscaler_destroy(&upscaler);

    options = (struct upscaler_options){.tile = 2 * UPSCALER_HALO};
    assert_status(upscaler_create(&upscaler, UPSCALE_DATA, pictures->H, pictures->W, &options),
                  CONVOY_ERROR_ARGUMENT);
    upscaler_destroy(&upscaler);

    options = (struct upscaler_options){0};
    assert_status(upscaler_create(&upscaler, "no such directory", 8, 8, &options), CONVOY_ERROR_IO);
    assert_contains(upscaler.error, "no such directory/");
    upscaler_destroy(&upscaler);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_algorithm_gives_the_published_picture),
        cmocka_unit_test(the_planners_choice_gives_it),
        cmocka_unit_test(tiles_join_without_seams),
        cmocka_unit_test(errors_are_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
