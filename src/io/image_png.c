/**
 * @file image_png.c
 * PNG by libpng. Samples are taken as they stand in the file: no gamma and no colour space is
 * applied, and transparency is dropped, not mixed with a background; so libpng's simplified
 * interface, which does both, cannot be used. Errors come back by longjmp; nothing is printed.
 */
#include "io/image_formats.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>

#include "core/arithmetic.h"
#include "core/error.h"
#include "core/memory.h"

/* Deflate packs at most 1032 bytes into one. */
#define DEFLATE_RATIO 1032

struct failure {
    jmp_buf back;
    char message[160];
    bool no_memory;
};

static _Noreturn void on_error(png_structp codec, png_const_charp message)
{
    struct failure *failure = png_get_error_ptr(codec);
    snprintf(failure->message, sizeof failure->message, "%s", message);
    longjmp(failure->back, 1);
}

/* libpng and zlib say in words of their own that memory is wanting. */
static png_voidp allocate(png_structp codec, png_alloc_size_t bytes)
{
    struct failure *failure = png_get_mem_ptr(codec);
    png_voidp memory = malloc(bytes);
    failure->no_memory = failure->no_memory || !memory;
    return memory;
}

static void release(png_structp codec, png_voidp memory)
{
    (void)codec;
    free(memory);
}

/* Warnings are about chunks that do not touch the samples. */
static void on_warning(png_structp codec, png_const_charp message)
{
    (void)codec;
    (void)message;
}

/* Read the header, ask for 8-bit grey or RGB, and say what the image is. */
static convoy_status begin(const char *path, FILE *stream, png_structp codec, png_infop info,
                           struct image_bytes *image)
{
    /* Extents are checked here, by their product. */
    png_set_user_limits(codec, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_init_io(codec, stream);
    png_read_info(codec, info);
    int depth = png_get_bit_depth(codec, info), colours = png_get_color_type(codec, info);
    int file_bits = depth * png_get_channels(codec, info);
    if (colours == PNG_COLOR_TYPE_PALETTE) {
        png_set_palette_to_rgb(codec);
    } else if (depth < 8) {
        png_set_expand_gray_1_2_4_to_8(codec);
    }
    png_set_scale_16(codec);
    png_set_strip_alpha(codec);
    image->width = png_get_image_width(codec, info);
    image->height = png_get_image_height(codec, info);
    image->channels = colours & PNG_COLOR_MASK_COLOR ? 3 : 1;
    /* A palette or few bits a sample hold more sample bytes in each byte that is packed. */
    return image_bytes_create(path, image_file_bytes(stream),
                              DEFLATE_RATIO * divide_up(8 * image->channels, file_bits), image);
}

static void decode(png_structp codec, png_infop info, struct image_bytes *image)
{
    size_t row_bytes = (size_t)(image->width * image->channels);
    int passes = png_set_interlace_handling(codec);
    png_read_update_info(codec, info);
    if (png_get_rowbytes(codec, info) != row_bytes) {
        png_error(codec, "its samples cannot be made grey or RGB of 8 bits");
    }
    for (int pass = 0; pass < passes; pass++) {
        for (int64_t h = 0; h < image->height; h++) {
            png_read_row(codec, image->samples + (size_t)h * row_bytes, NULL);
        }
    }
    png_read_end(codec, NULL);
}

convoy_status image_read_png(const char *path, FILE *stream, struct image_bytes *image)
{
    struct failure failure = {.no_memory = false};
    png_structp codec = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &failure, on_error,
                                                 on_warning, &failure, allocate, release);
    png_infop info = codec ? png_create_info_struct(codec) : NULL;
    convoy_status status;
    *image = (struct image_bytes){0};
    if (!info) {
        status = fail(CONVOY_ERROR_MEMORY, "no memory to read %s", path);
    } else if (setjmp(failure.back)) {
        status = failure.no_memory ? fail(CONVOY_ERROR_MEMORY, "no memory to read %s", path)
                                   : fail(CONVOY_ERROR_FORMAT, "%s is no sound PNG file: %s", path,
                                          failure.message);
    } else {
        status = begin(path, stream, codec, info, image);
        if (!status) {
            decode(codec, info, image);
        }
    }
    png_destroy_read_struct(&codec, &info, NULL);
    if (status) {
        memory_free(image->samples);
        image->samples = NULL;
    }
    return status;
}

static void encode(FILE *stream, png_structp codec, png_infop info, const struct image_bytes *image)
{
    png_set_user_limits(codec, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_init_io(codec, stream);
    png_set_IHDR(codec, info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 image->channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(codec, info);
    for (int64_t h = 0; h < image->height; h++) {
        png_write_row(codec, image->samples + h * image->width * image->channels);
    }
    png_write_end(codec, info);
}

convoy_status image_write_png(const char *path, FILE *stream, const struct image_bytes *image)
{
    struct failure failure = {.no_memory = false};
    png_structp codec = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &failure, on_error,
                                                  on_warning, &failure, allocate, release);
    png_infop info = codec ? png_create_info_struct(codec) : NULL;
    convoy_status status = CONVOY_OK;
    if (!info) {
        status = fail(CONVOY_ERROR_MEMORY, "no memory to write %s", path);
    } else if (setjmp(failure.back)) {
        status = failure.no_memory
                     ? fail(CONVOY_ERROR_MEMORY, "no memory to write %s", path)
                     : fail(CONVOY_ERROR_IO, "%s cannot be written: %s; nothing was left", path,
                            failure.message);
    } else {
        encode(stream, codec, info, image);
    }
    png_destroy_write_struct(&codec, &info);
    return status;
}
