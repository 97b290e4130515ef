/**
 * @file upscale.c
 * upscale INPUT.png OUTPUT.png: a photo twice as high and wide, by a small trained network.
 */
#include "upscaler.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <png.h>

enum { EXIT_USAGE = 2, EXIT_SYSTEM = 3 };

static const char help[] =
    "Usage: upscale [OPTION]... INPUT.png OUTPUT.png\n"
    "Make a photo twice as high and wide with a trained network of twelve convolutions.\n"
    "\n"
    "  --algorithm A       run the layers that it applies to with A (default: auto)\n"
    "  --isa I             best, portable, avx2, avx512 or neon (default: best)\n"
    "  --threads T         threads (default: what OpenMP would use)\n"
    "  --layout nhwc|nchw  order of the feature maps in memory (default: nhwc)\n"
    "  --tile PIXELS       work at most PIXELS x PIXELS of the photo at a time (default: 512)\n"
    "  --data DIR          where the network's weights are (default: " UPSCALE_DATA ")\n"
    "  --json              print the table of layers as JSON\n"
    "  --quiet             print no table\n"
    "  --help              print this\n"
    "\n"
    "Examples:\n"
    "  upscale photo.png twice.png\n"
    "  upscale --algorithm im2col --threads 1 --json photo.png twice.png\n"
    "\n"
    "Exit status: 0 good, 2 bad usage or bad input, 3 the system failed (memory, disk).\n";

enum report { REPORT_TABLE, REPORT_JSON, REPORT_NONE };

struct arguments {
    struct upscaler_options options;
    const char *data, *input, *output;
    enum report report;
};

static void stop(int code, const char *message, const char *detail)
{
    fprintf(stderr, "upscale: %s%s\n", message, detail);
    exit(code);
}

static int exit_code(convoy_status status)
{
    switch (status) {
    case CONVOY_OK:
        return EXIT_SUCCESS;
    case CONVOY_ERROR_MEMORY:
    case CONVOY_ERROR_TOO_LARGE:
    case CONVOY_ERROR_IO:
        return EXIT_SYSTEM;
    default:
        return EXIT_USAGE;
    }
}

static long parse_number(const char *option, const char *text, long least, long most)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (end == text || *end || errno || number < least || number > most) {
        char message[160];
        snprintf(message, sizeof message, "%s must be a whole number from %ld to %ld, not ", option,
                 least, most);
        stop(EXIT_USAGE, message, text);
    }
    return number;
}

static convoy_layout parse_layout(const char *name)
{
    if (strcmp(name, "nhwc") != 0 && strcmp(name, "nchw") != 0) {
        stop(EXIT_USAGE, "--layout must be nhwc or nchw, not ", name);
    }
    return strcmp(name, "nhwc") == 0 ? CONVOY_NHWC : CONVOY_NCHW;
}

/* An option that takes a value, by its letter. */
static void parse_value(struct arguments *arguments, int letter, const char *value)
{
    struct upscaler_options *options = &arguments->options;
    switch (letter) {
    case 'a':
        options->algorithm = value;
        break;
    case 'i':
        if (convoy_isa_parse(value, &options->isa)) {
            stop(EXIT_USAGE, "--isa: ", convoy_error_detail());
        }
        break;
    case 't':
        options->threads = (int)parse_number("--threads", value, 1, 4096);
        break;
    case 'l':
        options->layout = parse_layout(value);
        break;
    case 'p':
        options->tile = parse_number("--tile", value, 2 * UPSCALER_HALO + 1, 65536);
        break;
    default:
        arguments->data = value;
    }
}

static struct arguments parse_arguments(int argc, char **argv)
{
    static const struct option long_options[] = {{"algorithm", required_argument, NULL, 'a'},
                                                 {"isa", required_argument, NULL, 'i'},
                                                 {"threads", required_argument, NULL, 't'},
                                                 {"layout", required_argument, NULL, 'l'},
                                                 {"tile", required_argument, NULL, 'p'},
                                                 {"data", required_argument, NULL, 'd'},
                                                 {"json", no_argument, NULL, 'j'},
                                                 {"quiet", no_argument, NULL, 'q'},
                                                 {"help", no_argument, NULL, 'h'},
                                                 {0}};
    struct arguments arguments = {.options.layout = CONVOY_NHWC, .data = UPSCALE_DATA};
    int letter;
    while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        switch (letter) {
        case 'h':
            fputs(help, stdout);
            exit(EXIT_SUCCESS);
        case 'j':
            arguments.report = REPORT_JSON;
            break;
        case 'q':
            arguments.report = REPORT_NONE;
            break;
        case '?': /* getopt_long has said what is wrong */
            exit(EXIT_USAGE);
        default:
            parse_value(&arguments, letter, optarg);
        }
    }
    if (argc - optind != 2) {
        stop(EXIT_USAGE, "give one INPUT.png and one OUTPUT.png; upscale --help says more", "");
    }
    arguments.input = argv[optind];
    arguments.output = argv[optind + 1];
    return arguments;
}

/* photo[height][width][3] of a PNG of any kind, to be freed; stops on an error. */
static unsigned char *read_photo(const char *path, png_image *image)
{
    *image = (png_image){.version = PNG_IMAGE_VERSION};
    char message[4096];
    snprintf(message, sizeof message, "cannot read %s: ", path);
    if (access(path, R_OK) != 0) {
        stop(EXIT_SYSTEM, message, strerror(errno));
    }
    if (!png_image_begin_read_from_file(image, path)) {
        stop(EXIT_USAGE, message, image->message);
    }
    image->format = PNG_FORMAT_RGB;
    unsigned char *photo = malloc((size_t)image->width * image->height * 3);
    if (!photo) {
        stop(EXIT_SYSTEM, message, "no memory for its pixels");
    }
    static const png_color white = {255, 255, 255}; /* behind what is transparent */
    if (!png_image_finish_read(image, &white, photo, 0, NULL)) {
        stop(EXIT_USAGE, message, image->message);
    }
    return photo;
}

static void write_photo(const char *path, png_uint_32 height, png_uint_32 width,
                        const unsigned char *photo)
{
    png_image image = {
        .version = PNG_IMAGE_VERSION, .width = width, .height = height, .format = PNG_FORMAT_RGB};
    if (!png_image_write_to_file(&image, path, 0, photo, 0, NULL)) {
        char message[4096];
        snprintf(message, sizeof message, "cannot write %s: ", path);
        stop(EXIT_SYSTEM, message, image.message);
    }
}

static double gflop_rate(double macs, double seconds)
{
    return seconds > 0 ? 2e-9 * macs / seconds : 0;
}

static void print_table(const struct upscaler *upscaler)
{
    double macs_total = 0, seconds_total = 0;
    printf("%" PRId64 " x %" PRId64 " pixels in %" PRId64 " tile%s\n", upscaler->W, upscaler->H,
           upscaler->tiles, upscaler->tiles == 1 ? "" : "s");
    printf("%-6s %-32s %9s %9s %8s  %s\n", "layer", "shape", "MMACs", "ms", "GFLOP/s", "algorithm");
    for (int l = 0; l < UPSCALER_LAYERS; l++) {
        const struct upscaler_layer *layer = &upscaler->layers[l];
        char problem[CONVOY_PROBLEM_SIZE];
        convoy_layer_print(&layer->layer, problem, sizeof problem);
        double macs = (double)layer->macs * (double)upscaler->tiles;
        printf("%-6s %-32s %9.1f %9.2f %8.1f  %s\n", layer->name, problem, macs * 1e-6,
               layer->seconds * 1e3, gflop_rate(macs, layer->seconds), layer->algorithm);
        macs_total += macs;
        seconds_total += layer->seconds;
    }
    printf("%-6s %-32s %9.1f %9.2f %8.1f\n", "total", "", macs_total * 1e-6, seconds_total * 1e3,
           gflop_rate(macs_total, seconds_total));
}

/* All strings are the program's and the library's own names, which need no escapes. */
static void print_json(const struct upscaler *upscaler)
{
    int64_t macs_total = 0;
    double seconds_total = 0;
    printf("{\"height\": %" PRId64 ", \"width\": %" PRId64 ", \"tiles\": %" PRId64
           ", \"layers\": [",
           upscaler->H, upscaler->W, upscaler->tiles);
    for (int l = 0; l < UPSCALER_LAYERS; l++) {
        const struct upscaler_layer *layer = &upscaler->layers[l];
        char problem[CONVOY_PROBLEM_SIZE];
        convoy_layer_print(&layer->layer, problem, sizeof problem);
        int64_t macs = layer->macs * upscaler->tiles;
        printf("%s\n  {\"name\": \"%s\", \"problem\": \"%s\", \"macs\": %" PRId64
               ", \"seconds\": %.9f, \"gflops\": %.3f, \"algorithm\": \"%s\"}",
               l == 0 ? "" : ",", layer->name, problem, macs, layer->seconds,
               gflop_rate((double)macs, layer->seconds), layer->algorithm);
        macs_total += macs;
        seconds_total += layer->seconds;
    }
    printf("],\n \"total\": {\"macs\": %" PRId64 ", \"seconds\": %.9f, \"gflops\": %.3f}}\n",
           macs_total, seconds_total, gflop_rate((double)macs_total, seconds_total));
}

static void run(struct upscaler *upscaler, const unsigned char *photo, unsigned char *twice)
{
    bool progress = upscaler->tiles > 1 && isatty(STDERR_FILENO);
    for (int64_t tile = 0; tile < upscaler->tiles; tile++) {
        if (progress) {
            fprintf(stderr, "\rtile %" PRId64 " of %" PRId64, tile + 1, upscaler->tiles);
        }
        convoy_status status = upscaler_run_tile(upscaler, tile, photo, twice);
        if (status) {
            stop(exit_code(status), upscaler->error, "");
        }
    }
    if (progress) {
        fputs("\r\033[K", stderr);
    }
}

int main(int argc, char **argv)
{
    struct arguments arguments = parse_arguments(argc, argv);
    png_image image;
    unsigned char *photo = read_photo(arguments.input, &image);
    unsigned char *twice = malloc((size_t)image.width * image.height * 4 * 3);
    if (!twice) {
        stop(EXIT_SYSTEM, "no memory for the photo of twice the size", "");
    }
    struct upscaler upscaler;
    convoy_status status =
        upscaler_create(&upscaler, arguments.data, image.height, image.width, &arguments.options);
    if (status) {
        stop(exit_code(status), upscaler.error, "");
    }
    run(&upscaler, photo, twice);
    write_photo(arguments.output, 2 * image.height, 2 * image.width, twice);
    if (arguments.report == REPORT_JSON) {
        print_json(&upscaler);
    } else if (arguments.report == REPORT_TABLE) {
        print_table(&upscaler);
    }
    upscaler_destroy(&upscaler);
    free(twice);
    free(photo);
    return EXIT_SUCCESS;
}
