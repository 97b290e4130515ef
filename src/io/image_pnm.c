/**
 * @file image_pnm.c
 * PGM and PPM: P2 and P3 in digits, P5 and P6 in bytes (Netpbm's pgm(5) and ppm(5)).
 */
#include "io/image_formats.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"

#define NUMBER_MAX 1000000000

/* The next number, after blanks and comments; -1 if there is none. One byte behind it is taken. */
static long read_number(FILE *stream)
{
    int c = getc(stream);
    while (isspace(c) || c == '#') {
        if (c == '#') {
            while (c != '\n' && c != EOF) {
                c = getc(stream);
            }
        }
        c = c == EOF ? EOF : getc(stream);
    }
    if (!isdigit(c)) {
        return -1;
    }
    long number = 0;
    for (; isdigit(c); c = getc(stream)) {
        number = number * 10 + (c - '0');
        if (number > NUMBER_MAX) {
            return -1;
        }
    }
    return c == EOF || isspace(c) ? number : -1;
}

/* A sample of 0 ... most as 0 ... 255, rounded. */
static unsigned char scale(long value, long most)
{
    return (unsigned char)((value * 255 + most / 2) / most);
}

static bool read_binary(FILE *stream, long most, struct image_bytes *image)
{
    int64_t count = image->width * image->height * image->channels;
    for (int64_t i = 0; i < count; i++) {
        int high = most > 255 ? getc(stream) : 0, low = getc(stream);
        long value = (long)high * 256 + low;
        if (high == EOF || low == EOF || value > most) {
            return false;
        }
        image->samples[i] = scale(value, most);
    }
    return true;
}

static bool read_digits(FILE *stream, long most, struct image_bytes *image)
{
    int64_t count = image->width * image->height * image->channels;
    for (int64_t i = 0; i < count; i++) {
        long value = read_number(stream);
        if (value < 0 || value > most) {
            return false;
        }
        image->samples[i] = scale(value, most);
    }
    return true;
}

convoy_status image_read_pnm(const char *path, FILE *stream, struct image_bytes *image)
{
    int kind = getc(stream) == 'P' ? getc(stream) - '0' : 0;
    if (kind < 1 || kind > 7) {
        return fail(CONVOY_ERROR_FORMAT,
                    "%s is no PNG, JPEG, PPM or PGM file: it starts as none of them does", path);
    }
    if (kind != 2 && kind != 3 && kind != 5 && kind != 6) {
        return fail(CONVOY_ERROR_UNSUPPORTED,
                    "%s is a P%d file; P2 and P5 (PGM), P3 and P6 (PPM) can be read", path, kind);
    }
    bool binary = kind >= 5;
    long width = read_number(stream), height = read_number(stream), most = read_number(stream);
    if (width < 0 || height < 0 || most < 1 || most > 65535) {
        return fail(CONVOY_ERROR_FORMAT,
                    "%s has a damaged header: width, height and a largest value of 1 to 65535 "
                    "belong in it",
                    path);
    }
    *image = (struct image_bytes){.width = width, .height = height, .channels = kind % 3 ? 1 : 3};
    convoy_status status = image_bytes_create(path, image_file_bytes(stream), 1, image);
    if (status) {
        return status;
    }
    if (!(binary ? read_binary(stream, most, image) : read_digits(stream, most, image))) {
        memory_free(image->samples);
        image->samples = NULL;
        return fail(CONVOY_ERROR_FORMAT,
                    "%s is truncated, or has a sample that is no number from 0 to %ld", path, most);
    }
    return CONVOY_OK;
}

convoy_status image_write_pnm(const char *path, FILE *stream, const struct image_bytes *image)
{
    size_t bytes = (size_t)(image->width * image->height * image->channels);
    if (fprintf(stream, "P%d\n%lld %lld\n255\n", image->channels == 3 ? 6 : 5,
                (long long)image->width, (long long)image->height) < 0 ||
        fwrite(image->samples, 1, bytes, stream) != bytes) {
        return fail(CONVOY_ERROR_IO, "%s cannot be written: %s; nothing was left", path,
                    strerror(errno));
    }
    return CONVOY_OK;
}
