/**
 * @file image_png.c
 * PNG by libpng's simplified interface. Samples are taken as they stand in the file: 8-bit samples
 * are not converted between colour spaces, and transparency is dropped, not mixed with a
 * background.
 */
#include "io/image_formats.h"

#include <png.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"

/* Deflate cannot pack more than 1032 bytes into one. */
#define DEFLATE_RATIO 1032

/* Drop every alpha channel: samples with `channels` + 1 values become `channels`. */
static void drop_alpha(const unsigned char *from, int64_t pixels, int channels, unsigned char *to)
{
    for (int64_t i = 0; i < pixels; i++) {
        for (int c = 0; c < channels; c++) {
            *to++ = *from++;
        }
        from++;
    }
}

static convoy_status decode(const char *path, png_image *png, struct image_bytes *image)
{
    /* Read with alpha where the file has it: without, libpng would composite. */
    bool alpha = png->format & PNG_FORMAT_FLAG_ALPHA;
    png->format = (image->channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY) |
                  (alpha ? PNG_FORMAT_FLAG_ALPHA : 0u);
    void *all = NULL;
    convoy_status status = CONVOY_OK;
    if (alpha) {
        status = memory_allocate(PNG_IMAGE_SIZE(*png), path, &all);
    }
    if (status) {
        return status;
    }
    if (!png_image_finish_read(png, NULL, alpha ? all : image->samples, 0, NULL)) {
        memory_free(all);
        return fail(CONVOY_ERROR_FORMAT, "%s is a damaged PNG file: %s", path, png->message);
    }
    if (alpha) {
        drop_alpha(all, image->width * image->height, image->channels, image->samples);
    }
    memory_free(all);
    return CONVOY_OK;
}

convoy_status image_read_png(const char *path, FILE *stream, struct image_bytes *image)
{
    png_image png;
    memset(&png, 0, sizeof png);
    png.version = PNG_IMAGE_VERSION;
    if (!png_image_begin_read_from_stdio(&png, stream)) {
        return fail(CONVOY_ERROR_FORMAT, "%s is no sound PNG file: %s", path, png.message);
    }
    *image = (struct image_bytes){
        .width = png.width,
        .height = png.height,
        .channels = png.format & PNG_FORMAT_FLAG_COLOR ? 3 : 1,
    };
    /* A palette or few bits a sample make up to 24 sample bytes of one byte of data. */
    convoy_status status =
        image_bytes_create(path, image_file_bytes(stream), DEFLATE_RATIO * 24, image);
    if (!status) {
        status = decode(path, &png, image);
    }
    if (status) {
        memory_free(image->samples);
        image->samples = NULL;
    }
    png_image_free(&png);
    return status;
}

convoy_status image_write_png(const char *path, FILE *stream, const struct image_bytes *image)
{
    png_image png;
    memset(&png, 0, sizeof png);
    png.version = PNG_IMAGE_VERSION;
    png.width = (png_uint_32)image->width;
    png.height = (png_uint_32)image->height;
    png.format = image->channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
    if (!png_image_write_to_stdio(&png, stream, 0, image->samples, 0, NULL)) {
        return fail(CONVOY_ERROR_IO, "%s cannot be written: %s; nothing was left", path,
                    png.message);
    }
    return CONVOY_OK;
}
