/**
 * @file image_jpeg.c
 * JPEG by libjpeg(-turbo). Its errors come back by longjmp; nothing is printed.
 */
#include "io/image_formats.h"

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#include <jerror.h>

#include "core/error.h"
#include "core/memory.h"

#define QUALITY 95
/* No honest file holds more sample bytes for each of its own: a block of 8 x 8 in three channels
   takes at least a few bits. */
#define JPEG_RATIO 2048

struct failure {
    struct jpeg_error_mgr manager; /* first: libjpeg gives back a pointer to it */
    jmp_buf back;
    char message[JMSG_LENGTH_MAX];
    bool warned;
};

static void on_error(j_common_ptr codec)
{
    struct failure *failure = (struct failure *)codec->err;
    failure->manager.format_message(codec, failure->message);
    longjmp(failure->back, 1);
}

/* A warning (level -1) means damaged data, for instance a file that ends early. */
static void on_message(j_common_ptr codec, int level)
{
    struct failure *failure = (struct failure *)codec->err;
    if (level < 0 && !failure->warned) {
        failure->warned = true;
        failure->manager.format_message(codec, failure->message);
    }
}

static void on_output(j_common_ptr codec)
{
    (void)codec;
}

static struct jpeg_error_mgr *set_up(struct failure *failure)
{
    struct jpeg_error_mgr *manager = jpeg_std_error(&failure->manager);
    manager->error_exit = on_error;
    manager->emit_message = on_message;
    manager->output_message = on_output;
    return manager;
}

static bool no_memory(const struct failure *failure)
{
    return failure->manager.msg_code == JERR_OUT_OF_MEMORY;
}

/* Read the header and say what the image is. */
static convoy_status begin(const char *path, FILE *stream, struct jpeg_decompress_struct *codec,
                           struct image_bytes *image)
{
    jpeg_create_decompress(codec);
    jpeg_stdio_src(codec, stream);
    jpeg_read_header(codec, TRUE);
    if (codec->num_components != 1 && codec->jpeg_color_space != JCS_YCbCr &&
        codec->jpeg_color_space != JCS_RGB) {
        return fail(CONVOY_ERROR_UNSUPPORTED,
                    "%s is a JPEG file of %d colours (CMYK?); convert it to grey or RGB", path,
                    codec->num_components);
    }
    image->width = codec->image_width;
    image->height = codec->image_height;
    image->channels = codec->num_components == 1 ? 1 : 3;
    codec->out_color_space = image->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    return image_bytes_create(path, image_file_bytes(stream), JPEG_RATIO, image);
}

static void decode(struct jpeg_decompress_struct *codec, struct image_bytes *image)
{
    size_t row_bytes = (size_t)(image->width * image->channels);
    jpeg_start_decompress(codec);
    while (codec->output_scanline < codec->output_height) {
        JSAMPROW row = image->samples + codec->output_scanline * row_bytes;
        jpeg_read_scanlines(codec, &row, 1);
    }
    jpeg_finish_decompress(codec);
}

convoy_status image_read_jpeg(const char *path, FILE *stream, struct image_bytes *image)
{
    struct jpeg_decompress_struct codec = {0};
    struct failure failure = {.warned = false};
    codec.err = set_up(&failure);
    *image = (struct image_bytes){0};
    convoy_status status;
    if (setjmp(failure.back)) {
        status = no_memory(&failure) ? fail(CONVOY_ERROR_MEMORY, "no memory to read %s", path)
                                     : fail(CONVOY_ERROR_FORMAT, "%s is no sound JPEG file: %s",
                                            path, failure.message);
    } else {
        status = begin(path, stream, &codec, image);
        if (!status) {
            decode(&codec, image);
        }
        if (!status && failure.warned) {
            status =
                fail(CONVOY_ERROR_FORMAT, "%s is a damaged JPEG file: %s", path, failure.message);
        }
    }
    jpeg_destroy_decompress(&codec);
    if (status) {
        memory_free(image->samples);
        image->samples = NULL;
    }
    return status;
}

convoy_status image_write_jpeg(const char *path, FILE *stream, const struct image_bytes *image)
{
    struct jpeg_compress_struct codec = {0};
    struct failure failure = {.warned = false};
    if (image->width > JPEG_MAX_DIMENSION || image->height > JPEG_MAX_DIMENSION) {
        return fail(CONVOY_ERROR_UNSUPPORTED,
                    "%s: JPEG holds at most %ld pixels a side; write a .png instead", path,
                    (long)JPEG_MAX_DIMENSION);
    }
    codec.err = set_up(&failure);
    if (setjmp(failure.back)) {
        jpeg_destroy_compress(&codec);
        return no_memory(&failure)
                   ? fail(CONVOY_ERROR_MEMORY, "no memory to write %s", path)
                   : fail(CONVOY_ERROR_IO, "%s cannot be written: %s; nothing was left", path,
                          failure.message);
    }
    jpeg_create_compress(&codec);
    jpeg_stdio_dest(&codec, stream);
    codec.image_width = (JDIMENSION)image->width;
    codec.image_height = (JDIMENSION)image->height;
    codec.input_components = image->channels;
    codec.in_color_space = image->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&codec);
    jpeg_set_quality(&codec, QUALITY, TRUE);
    jpeg_start_compress(&codec, TRUE);
    while (codec.next_scanline < codec.image_height) {
        JSAMPROW row =
            image->samples + (size_t)codec.next_scanline * (size_t)(image->width * image->channels);
        jpeg_write_scanlines(&codec, &row, 1);
    }
    jpeg_finish_compress(&codec);
    jpeg_destroy_compress(&codec);
    return CONVOY_OK;
}
