/**
 * @file npy.c
 * Reading and writing .npy. The format: the magic string, two version bytes, the length of the
 * header (2 bytes little-endian in version 1, else 4), the header (npy_header.h), the elements
 * (the documentation of numpy.lib.format).
 */
#include "io/npy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/arithmetic.h"
#include "core/error.h"
#include "core/memory.h"
#include "core/file.h"
#include "io/npy_header.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "elements are read as they lie: this file needs a little-endian machine"
#endif

#define MAGIC       "\x93NUMPY"
#define MAGIC_BYTES 6
#define HEADER_MAX  65536

/* Magic, version, length; then the header as a string, owned. */
static convoy_status read_header_text(const char *path, FILE *stream, char **text)
{
    unsigned char start[MAGIC_BYTES + 2], length_bytes[4] = {0};
    if (fread(start, 1, sizeof start, stream) != sizeof start ||
        memcmp(start, MAGIC, MAGIC_BYTES) != 0) {
        return fail(CONVOY_ERROR_FORMAT,
                    "%s is not a .npy file: it does not start with \\x93NUMPY; write one with "
                    "numpy.save",
                    path);
    }
    int major = start[MAGIC_BYTES];
    if (major < 1 || major > 3 || start[MAGIC_BYTES + 1] != 0) {
        return fail(CONVOY_ERROR_UNSUPPORTED, "%s has .npy version %d.%d; 1.0 to 3.0 can be read",
                    path, major, start[MAGIC_BYTES + 1]);
    }
    size_t length_size = major == 1 ? 2 : 4;
    bool whole = fread(length_bytes, 1, length_size, stream) == length_size;
    size_t length = length_bytes[0] | (size_t)length_bytes[1] << 8 | (size_t)length_bytes[2] << 16 |
                    (size_t)length_bytes[3] << 24;
    if (whole && length > HEADER_MAX) {
        return fail(CONVOY_ERROR_FORMAT, "%s claims a header of %zu bytes; at most %d make sense",
                    path, length, HEADER_MAX);
    }
    char *buffer = calloc(length + 1, 1);
    if (!buffer) {
        return fail(CONVOY_ERROR_MEMORY, "no memory for the header of %s", path);
    }
    if (!whole || fread(buffer, 1, length, stream) != length || strlen(buffer) != length) {
        free(buffer);
        return fail(CONVOY_ERROR_FORMAT, "%s ends inside its header, or the header is not text",
                    path);
    }
    *text = buffer;
    return CONVOY_OK;
}

/* What other types are called, and what numpy does to make float32 of them. */
static convoy_status refuse_type(const char *path, const char *descr)
{
    const char *what = "numbers of another kind", *from = "a";
    switch (descr[0] == '>' ? '>' : descr[0] == '[' ? '[' : descr[strcspn(descr, "OScUVbiumMf")]) {
    case '>':
        what = "big-endian numbers";
        break;
    case '[':
        what = "structures";
        from = "a['field']";
        break;
    case 'O':
        what = "Python objects";
        break;
    case 'S':
    case 'U':
        what = "text";
        break;
    case 'c':
        what = "complex numbers";
        from = "a.real";
        break;
    case 'b':
    case 'i':
    case 'u':
        what = "integers";
        break;
    }
    return fail(CONVOY_ERROR_UNSUPPORTED,
                "%s holds %s ('%.40s'); float32 and float64 can be read: numpy.save(path, "
                "numpy.ascontiguousarray(%s, dtype='<f4'))",
                path, what, descr, from);
}

static convoy_status check_type(const char *path, const struct npy_header *header,
                                convoy_type *type)
{
    if (strcmp(header->descr, "<f4") == 0) {
        *type = CONVOY_FLOAT32;
    } else if (strcmp(header->descr, "<f8") == 0) {
        *type = CONVOY_FLOAT64;
    } else {
        return refuse_type(path, header->descr);
    }
    if (header->fortran_order && header->rank > 1) {
        return fail(CONVOY_ERROR_UNSUPPORTED,
                    "%s is in Fortran order; save it in C order: numpy.save(path, "
                    "numpy.ascontiguousarray(a, dtype='<f4'))",
                    path);
    }
    return CONVOY_OK;
}

/* Elements times their size. */
static convoy_status count_bytes(const char *path, const struct npy_header *header,
                                 convoy_type type, int64_t *bytes)
{
    *bytes = type == CONVOY_FLOAT32 ? 4 : 8;
    for (int axis = 0; axis < header->rank; axis++) {
        if (header->extents[axis] == 0) {
            return fail(CONVOY_ERROR_UNSUPPORTED,
                        "%s has no elements: extent %d is 0; every extent must be at least 1", path,
                        axis);
        }
        if (!multiply_checked(bytes, header->extents[axis])) {
            return fail(CONVOY_ERROR_OVERFLOW, "%s: its shape has more than 2^63 - 1 bytes", path);
        }
    }
    return CONVOY_OK;
}

/* A regular file must have exactly the bytes that its header promises, before any are allocated. */
static convoy_status check_length(const char *path, FILE *stream, int64_t bytes)
{
    struct stat status;
    off_t at = ftello(stream);
    if (fstat(fileno(stream), &status) != 0 || !S_ISREG(status.st_mode) || at < 0) {
        return CONVOY_OK;
    }
    int64_t there = status.st_size - at;
    if (there != bytes) {
        return fail(CONVOY_ERROR_FORMAT,
                    "%s is %s: its header promises %lld bytes of elements, there are %lld", path,
                    there < bytes ? "truncated" : "too long", (long long)bytes, (long long)there);
    }
    return CONVOY_OK;
}

static convoy_status read_array(const char *path, FILE *stream, struct npy *array)
{
    struct npy_header header;
    char *text = NULL;
    int64_t bytes;
    convoy_status status = read_header_text(path, stream, &text);
    if (status) {
        return status;
    }
    bool parsed = npy_header_parse(text, &header);
    free(text);
    if (!parsed) {
        return fail(CONVOY_ERROR_FORMAT,
                    "%s has a header that is no dictionary of descr, fortran_order and a shape of "
                    "at most %d extents",
                    path, NPY_MAX_RANK);
    }
    if ((status = check_type(path, &header, &array->type)) ||
        (status = count_bytes(path, &header, array->type, &bytes)) ||
        (status = check_length(path, stream, bytes)) ||
        (status = memory_allocate((size_t)bytes, path, &array->data))) {
        return status;
    }
    if (fread(array->data, 1, (size_t)bytes, stream) != (size_t)bytes) {
        return fail(CONVOY_ERROR_FORMAT,
                    "%s is truncated: its header promises %lld bytes of elements", path,
                    (long long)bytes);
    }
    if (getc(stream) != EOF) {
        return fail(CONVOY_ERROR_FORMAT, "%s is too long: there is more after its elements", path);
    }
    array->rank = header.rank;
    memcpy(array->extents, header.extents, sizeof array->extents);
    return CONVOY_OK;
}

convoy_status npy_read(const char *path, struct npy *array)
{
    struct npy read = {0};
    FILE *stream;
    convoy_status status = file_open(path, &stream);
    if (status) {
        return status;
    }
    status = file_close(path, stream, read_array(path, stream, &read));
    if (status) {
        npy_destroy(&read);
        return status;
    }
    *array = read;
    return CONVOY_OK;
}

void npy_destroy(struct npy *array)
{
    if (array) {
        memory_free(array->data);
        *array = (struct npy){0};
    }
}

/* The header of format 1.0, padded so that the elements start at a multiple of 64. */
static int format_header(char *text, size_t size, convoy_type type, int rank,
                         const int64_t *extents)
{
    int length = snprintf(text, size, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                          type == CONVOY_FLOAT32 ? "<f4" : "<f8");
    for (int axis = 0; axis < rank; axis++) {
        length += snprintf(text + length, size - (size_t)length, "%lld%s", (long long)extents[axis],
                           rank == 1         ? ","
                           : axis + 1 < rank ? ", "
                                             : "");
    }
    length += snprintf(text + length, size - (size_t)length, "), }");
    int padded = (int)round_up(MAGIC_BYTES + 4 + length + 1, 64) - MAGIC_BYTES - 4;
    memset(text + length, ' ', (size_t)(padded - length));
    text[padded - 1] = '\n';
    return padded;
}

static bool write_header(FILE *stream, convoy_type type, int rank, const int64_t *extents)
{
    char text[512];
    int length = format_header(text, sizeof text, type, rank, extents);
    unsigned char start[MAGIC_BYTES + 4] = MAGIC;
    start[MAGIC_BYTES] = 1;
    start[MAGIC_BYTES + 1] = 0;
    start[MAGIC_BYTES + 2] = (unsigned char)(length & 255);
    start[MAGIC_BYTES + 3] = (unsigned char)(length >> 8);
    return fwrite(start, 1, sizeof start, stream) == sizeof start &&
           fwrite(text, 1, (size_t)length, stream) == (size_t)length;
}

convoy_status npy_write(const char *path, convoy_type type, int rank, const int64_t *extents,
                        const void *data)
{
    struct file_writer writer;
    size_t element = type == CONVOY_FLOAT32 ? 4 : 8, count = 1;
    convoy_status status = file_create(path, &writer);
    if (status) {
        return status;
    }
    for (int axis = 0; axis < rank; axis++) {
        count *= (size_t)extents[axis];
    }
    if (!write_header(writer.stream, type, rank, extents) ||
        fwrite(data, element, count, writer.stream) != count) {
        int error = errno;
        file_abandon(&writer);
        return fail(CONVOY_ERROR_IO, "%s cannot be written: %s; nothing was left", path,
                    strerror(error));
    }
    return file_commit(&writer);
}

convoy_status npy_read_tensor(const char *path, convoy_layout layout, convoy_tensor *tensor)
{
    struct npy array;
    convoy_tensor view, read;
    convoy_status status = npy_read(path, &array);
    if (status) {
        return status;
    }
    if (array.rank < 2 || array.rank > 4) {
        status = fail(CONVOY_ERROR_SHAPE,
                      "%s has %d axes; a tensor has 4, or 3 (one image), or 2 (one channel)", path,
                      array.rank);
        npy_destroy(&array);
        return status;
    }
    /* The axes from the end: h w, then c where the layout has it, then n. */
    bool nchw = layout == CONVOY_NCHW;
    const int64_t *last = array.extents + array.rank;
    int64_t N = array.rank == 4 ? array.extents[0] : 1;
    int64_t C = array.rank == 2 ? 1 : nchw ? last[-3] : last[-1];
    int64_t H = array.rank == 2 || nchw ? last[-2] : last[-3];
    int64_t W = array.rank == 2 || nchw ? last[-1] : last[-2];
    status = convoy_tensor_view(array.type, layout, N, C, H, W, array.data, &view);
    if (status == CONVOY_OK && array.type == CONVOY_FLOAT32) {
        /* as it was read; the tensor takes the memory over */
        view.owned = true;
        *tensor = view;
        return CONVOY_OK;
    }
    if (status == CONVOY_OK &&
        (status = convoy_tensor_create(CONVOY_FLOAT32, layout, N, C, H, W, &read)) == CONVOY_OK) {
        status = convoy_tensor_copy(&view, &read);
        if (status == CONVOY_OK) {
            *tensor = read;
        } else {
            convoy_tensor_destroy(&read);
        }
    }
    npy_destroy(&array);
    return status;
}

/* Do the elements lie without gaps in the order of the layout? */
static bool is_dense(const convoy_tensor *t)
{
    bool nchw = t->layout == CONVOY_NCHW;
    return t->stride_w == (nchw ? 1 : t->C) && t->stride_h == t->W * t->stride_w &&
           t->stride_c == (nchw ? t->H * t->W : 1) && t->stride_n == t->C * t->H * t->W;
}

convoy_status npy_write_tensor(const char *path, const convoy_tensor *tensor)
{
    const convoy_tensor *t = tensor;
    const int64_t nchw[] = {t->N, t->C, t->H, t->W}, nhwc[] = {t->N, t->H, t->W, t->C};
    const int64_t *extents = t->layout == CONVOY_NCHW ? nchw : nhwc;
    convoy_tensor dense;
    if (is_dense(t)) {
        return npy_write(path, t->type, 4, extents, t->data);
    }
    convoy_status status = convoy_tensor_create(t->type, t->layout, t->N, t->C, t->H, t->W, &dense);
    if (status) {
        return status;
    }
    status = convoy_tensor_copy(t, &dense);
    if (status == CONVOY_OK) {
        status = npy_write(path, t->type, 4, extents, dense.data);
    }
    convoy_tensor_destroy(&dense);
    return status;
}
