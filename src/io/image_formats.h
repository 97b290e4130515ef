/**
 * @file image_formats.h
 * What image.c shares with the codecs: bytes, row by row, channel by channel.
 */
#ifndef CONVOY_IO_IMAGE_FORMATS_H
#define CONVOY_IO_IMAGE_FORMATS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "convoy/status.h"

/* Pixels above this are refused: with three channels of float32 they are 3 GiB. */
#define IMAGE_PIXELS_MAX ((int64_t)1 << 28)

/* samples[height][width][channels], owned (memory_free). */
struct image_bytes {
    int64_t width, height;
    int channels; /* 1 or 3 */
    unsigned char *samples;
};

/**
 * Check the extents that a file claims, and allocate the samples.
 * @param file_bytes  of the file, 0 if unknown
 * @param ratio       no honest file of the format holds more sample bytes for each of its own
 * @retval CONVOY_ERROR_FORMAT, CONVOY_ERROR_UNSUPPORTED, CONVOY_ERROR_TOO_LARGE,
 *         CONVOY_ERROR_MEMORY
 */
convoy_status image_bytes_create(const char *path, int64_t file_bytes, int64_t ratio,
                                 struct image_bytes *image);

/* Bytes of a regular file, 0 if that cannot be told. */
int64_t image_file_bytes(FILE *stream);

convoy_status image_read_png(const char *path, FILE *stream, struct image_bytes *image);
convoy_status image_read_jpeg(const char *path, FILE *stream, struct image_bytes *image);
convoy_status image_read_pnm(const char *path, FILE *stream, struct image_bytes *image);

/* Write to an open stream; @retval CONVOY_ERROR_IO, CONVOY_ERROR_UNSUPPORTED, CONVOY_ERROR_MEMORY
 */
convoy_status image_write_png(const char *path, FILE *stream, const struct image_bytes *image);
convoy_status image_write_jpeg(const char *path, FILE *stream, const struct image_bytes *image);
convoy_status image_write_pnm(const char *path, FILE *stream, const struct image_bytes *image);

#endif
