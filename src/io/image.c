/**
 * @file image.c
 * Images as tensors. The codecs work on bytes (image_formats.h); here bytes become float32 and
 * back, and grey becomes RGB and back.
 */
#include "io/image.h"

#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/file.h"
#include "io/image_formats.h"

enum format { FORMAT_NONE, FORMAT_PNG, FORMAT_JPEG, FORMAT_PPM, FORMAT_PGM };

static enum format format_of_path(const char *path)
{
    static const struct {
        const char *ending;
        enum format format;
    } endings[] = {{".png", FORMAT_PNG},
                   {".jpg", FORMAT_JPEG},
                   {".jpeg", FORMAT_JPEG},
                   {".ppm", FORMAT_PPM},
                   {".pgm", FORMAT_PGM}};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t length = strlen(path), ending = strlen(endings[i].ending);
        if (length > ending && strcasecmp(path + length - ending, endings[i].ending) == 0) {
            return endings[i].format;
        }
    }
    return FORMAT_NONE;
}

bool image_is_path(const char *path)
{
    return format_of_path(path) != FORMAT_NONE;
}

int64_t image_file_bytes(FILE *stream)
{
    struct stat status;
    return fstat(fileno(stream), &status) == 0 && S_ISREG(status.st_mode) ? status.st_size : 0;
}

convoy_status image_bytes_create(const char *path, int64_t file_bytes, int64_t ratio,
                                 struct image_bytes *image)
{
    if (image->width < 1 || image->height < 1) {
        return fail(CONVOY_ERROR_FORMAT, "%s has no pixels: %lld x %lld", path,
                    (long long)image->width, (long long)image->height);
    }
    if (image->width > IMAGE_PIXELS_MAX / image->height) {
        return fail(CONVOY_ERROR_UNSUPPORTED,
                    "%s: %lld x %lld pixels are too many; an image has at most %lld", path,
                    (long long)image->width, (long long)image->height, (long long)IMAGE_PIXELS_MAX);
    }
    int64_t bytes = image->width * image->height * image->channels;
    if (file_bytes > 0 && bytes / ratio > file_bytes) {
        return fail(CONVOY_ERROR_FORMAT,
                    "%s claims %lld x %lld pixels, but has only %lld bytes; it is truncated or "
                    "made to mislead",
                    path, (long long)image->width, (long long)image->height, (long long)file_bytes);
    }
    void *samples = NULL;
    convoy_status status = memory_allocate((size_t)bytes, path, &samples);
    image->samples = samples;
    return status;
}

static convoy_status read_bytes(const char *path, struct image_bytes *image)
{
    FILE *stream;
    convoy_status status = file_open(path, &stream);
    if (status) {
        return status;
    }
    /* The first byte tells the kind, so that pipes, which cannot be rewound, will do. */
    int first = getc(stream);
    ungetc(first, stream);
    if (first == 0x89) {
        status = image_read_png(path, stream, image);
    } else if (first == 0xFF) {
        status = image_read_jpeg(path, stream, image);
    } else if (first == 'P') {
        status = image_read_pnm(path, stream, image);
    } else {
        status = fail(CONVOY_ERROR_FORMAT,
                      "%s is no PNG, JPEG, PPM or PGM file: it starts as none of them does", path);
    }
    convoy_status closed = file_close(path, stream, status);
    if (closed && !status) {
        memory_free(image->samples);
        image->samples = NULL;
    }
    return closed;
}

/* One pixel's channel in the image that was asked for. */
static float sample(const struct image_bytes *image, const unsigned char *pixel, int channels,
                    int c)
{
    if (image->channels == channels) {
        return pixel[c];
    }
    if (image->channels == 1) {
        return pixel[0];
    }
    /* luma of ITU-R BT.601, which JPEG uses too */
    return 0.299f * pixel[0] + 0.587f * pixel[1] + 0.114f * pixel[2];
}

convoy_status image_read(const char *path, convoy_layout layout, int channels, convoy_tensor *image)
{
    struct image_bytes bytes = {0};
    convoy_tensor tensor;
    if (channels != 0 && channels != 1 && channels != 3) {
        return fail(CONVOY_ERROR_ARGUMENT, "%d channels were asked for; 1, 3 or 0 (as the file)",
                    channels);
    }
    convoy_status status = read_bytes(path, &bytes);
    channels = channels ? channels : bytes.channels;
    if (!status) {
        status = convoy_tensor_create(CONVOY_FLOAT32, layout, 1, channels, bytes.height,
                                      bytes.width, &tensor);
    }
    if (status) {
        memory_free(bytes.samples);
        return status;
    }
    const unsigned char *pixel = bytes.samples;
    for (int64_t h = 0; h < bytes.height; h++) {
        for (int64_t w = 0; w < bytes.width; w++, pixel += bytes.channels) {
            for (int c = 0; c < channels; c++) {
                convoy_tensor_set(&tensor, 0, c, h, w, sample(&bytes, pixel, channels, c));
            }
        }
    }
    memory_free(bytes.samples);
    *image = tensor;
    return CONVOY_OK;
}

/* Nearest byte, ties to even as the machine rounds; NaN is 0. */
static unsigned char to_byte(double value)
{
    if (!(value > 0.0)) {
        return 0;
    }
    return value >= 255.0 ? 255 : (unsigned char)__builtin_rint(value);
}

static convoy_status to_bytes(const char *path, const convoy_tensor *image,
                              struct image_bytes *bytes)
{
    *bytes = (struct image_bytes){image->W, image->H, (int)image->C, NULL};
    convoy_status status = image_bytes_create(path, 0, 1, bytes);
    if (status) {
        return status;
    }
    unsigned char *to = bytes->samples;
    for (int64_t h = 0; h < image->H; h++) {
        for (int64_t w = 0; w < image->W; w++) {
            for (int64_t c = 0; c < image->C; c++) {
                *to++ = to_byte(convoy_tensor_get(image, 0, c, h, w));
            }
        }
    }
    return CONVOY_OK;
}

convoy_status image_write(const char *path, const convoy_tensor *image)
{
    enum format format = format_of_path(path);
    struct image_bytes bytes;
    struct file_writer writer;
    if (format == FORMAT_NONE) {
        return fail(CONVOY_ERROR_UNSUPPORTED,
                    "%s names no image format; end it in .png, .jpg, .jpeg, .ppm or .pgm", path);
    }
    if (image->N != 1 || (image->C != 1 && image->C != 3)) {
        return fail(CONVOY_ERROR_SHAPE,
                    "a tensor with N = %lld and C = %lld is no image; N must be 1 and C 1 (grey) "
                    "or 3 (RGB)",
                    (long long)image->N, (long long)image->C);
    }
    if ((format == FORMAT_PPM && image->C == 1) || (format == FORMAT_PGM && image->C == 3)) {
        return fail(CONVOY_ERROR_UNSUPPORTED, "%s: PPM holds RGB and PGM holds grey; end it in %s",
                    path, image->C == 1 ? ".pgm" : ".ppm");
    }
    convoy_status status = to_bytes(path, image, &bytes);
    if (status) {
        return status;
    }
    status = file_create(path, &writer);
    if (!status) {
        status = format == FORMAT_PNG    ? image_write_png(path, writer.stream, &bytes)
                 : format == FORMAT_JPEG ? image_write_jpeg(path, writer.stream, &bytes)
                                         : image_write_pnm(path, writer.stream, &bytes);
        if (status) {
            file_abandon(&writer);
        } else {
            status = file_commit(&writer);
        }
    }
    memory_free(bytes.samples);
    return status;
}
