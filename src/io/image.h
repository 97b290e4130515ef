/**
 * @file image.h
 * PNG, JPEG and PPM/PGM files as feature maps: float32, N = 1, C = 1 (grey) or 3 (RGB), 0..255.
 */
#ifndef CONVOY_IO_IMAGE_H
#define CONVOY_IO_IMAGE_H

#include <stdbool.h>

#include "convoy/tensor.h"

/** The path ends in .png, .jpg, .jpeg, .ppm or .pgm (any case). */
bool image_is_path(const char *path);

/**
 * Read an image as an owned tensor. Samples are taken as they stand in the file: no gamma, no
 * colour profile; transparency is dropped; samples of other sizes are scaled to 0..255. Grey of RGB
 * is 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601). The first byte tells the kind of file.
 * @param channels  1: grey, 3: RGB, 0: as the file has it
 * @retval CONVOY_ERROR_IO, CONVOY_ERROR_FORMAT, CONVOY_ERROR_UNSUPPORTED, CONVOY_ERROR_TOO_LARGE,
 *         CONVOY_ERROR_MEMORY
 */
convoy_status image_read(const char *path, convoy_layout layout, int channels,
                         convoy_tensor *image);

/**
 * Write a tensor with N = 1 and C = 1 or 3; values are rounded to nearest and clipped to 0..255,
 * NaN becomes 0. The path's ending names the format.
 * @retval CONVOY_ERROR_SHAPE        not N = 1 with C = 1 or 3
 * @retval CONVOY_ERROR_UNSUPPORTED  another ending, PPM of grey, PGM of RGB, or an extent that the
 *                                   format cannot hold
 * @retval CONVOY_ERROR_IO, CONVOY_ERROR_MEMORY
 */
convoy_status image_write(const char *path, const convoy_tensor *image);

#endif
