/**
 * @file tensor_copy.c
 * Copies between tensors of any two layouts, strides and types.
 *
 * Height and width are one axis of pixels where both tensors allow it; what is left for each image
 * (or each row of it) is a matrix of channels x pixels. Rows of equal type that are contiguous on
 * both sides are moved whole; everything else goes in square blocks, so that both sides are read
 * and written in whole cache lines even when one is the transpose of the other.
 */
#include <inttypes.h>
#include <string.h>

#include "core/arithmetic.h"
#include "core/error.h"
#include "core/tensor_checked.h"

/* 16 x 16 float32: 16 cache lines on each side, 1 KiB. */
#define BLOCK 16

/* A matrix of `rows` x `columns` elements on each side; strides in elements. */
struct matrix {
    int64_t rows, columns;
    const char *source;
    char *target;
    int64_t source_row, source_column, target_row, target_column;
};

static inline double load(const char *data, convoy_type type, int64_t index)
{
    return type == CONVOY_FLOAT64 ? ((const double *)(const void *)data)[index]
                                  : (double)((const float *)(const void *)data)[index];
}

static inline void store(char *data, convoy_type type, int64_t index, double value)
{
    if (type == CONVOY_FLOAT64) {
        ((double *)(void *)data)[index] = value;
    } else {
        ((float *)(void *)data)[index] = (float)value;
    }
}

/* Inlined with constant types into each of its callers. */
static inline __attribute__((always_inline)) void
copy_blocks(const struct matrix *m, convoy_type source_type, convoy_type target_type)
{
    for (int64_t row0 = 0; row0 < m->rows; row0 += BLOCK) {
        int64_t row1 = min64(row0 + BLOCK, m->rows);
        for (int64_t column0 = 0; column0 < m->columns; column0 += BLOCK) {
            int64_t column1 = min64(column0 + BLOCK, m->columns);
            for (int64_t row = row0; row < row1; row++) {
                for (int64_t column = column0; column < column1; column++) {
                    store(m->target, target_type, row * m->target_row + column * m->target_column,
                          load(m->source, source_type,
                               row * m->source_row + column * m->source_column));
                }
            }
        }
    }
}

static void copy_f32_f32(const struct matrix *m)
{
    copy_blocks(m, CONVOY_FLOAT32, CONVOY_FLOAT32);
}

static void copy_f32_f64(const struct matrix *m)
{
    copy_blocks(m, CONVOY_FLOAT32, CONVOY_FLOAT64);
}

static void copy_f64_f32(const struct matrix *m)
{
    copy_blocks(m, CONVOY_FLOAT64, CONVOY_FLOAT32);
}

static void copy_f64_f64(const struct matrix *m)
{
    copy_blocks(m, CONVOY_FLOAT64, CONVOY_FLOAT64);
}

static void copy_matrix(const struct matrix *m, convoy_type source_type, convoy_type target_type)
{
    static void (*const copies[2][2])(const struct matrix *) = {{copy_f32_f32, copy_f32_f64},
                                                                {copy_f64_f32, copy_f64_f64}};
    size_t bytes = type_bytes(source_type);

    if (source_type != target_type || m->source_column != 1 || m->target_column != 1) {
        copies[source_type][target_type](m);
        return;
    }
    if (m->source_row == m->columns && m->target_row == m->columns) {
        memcpy(m->target, m->source, (size_t)(m->rows * m->columns) * bytes);
        return;
    }
    for (int64_t row = 0; row < m->rows; row++) {
        memcpy(m->target + (size_t)(row * m->target_row) * bytes,
               m->source + (size_t)(row * m->source_row) * bytes, (size_t)m->columns * bytes);
    }
}

static bool rows_follow(const convoy_tensor *tensor)
{
    return tensor->H == 1 || tensor->stride_h == tensor->W * tensor->stride_w;
}

static void copy_elements(const convoy_tensor *source, const convoy_tensor *target)
{
    bool merge = rows_follow(source) && rows_follow(target);
    int64_t H = merge ? 1 : target->H, pixels = merge ? target->H * target->W : target->W;
    bool channels_inner = target->stride_c < target->stride_w;
    struct matrix m;

    m.rows = channels_inner ? pixels : target->C;
    m.columns = channels_inner ? target->C : pixels;
    m.source_row = channels_inner ? source->stride_w : source->stride_c;
    m.source_column = channels_inner ? source->stride_c : source->stride_w;
    m.target_row = channels_inner ? target->stride_w : target->stride_c;
    m.target_column = channels_inner ? target->stride_c : target->stride_w;
    for (int64_t n = 0; n < target->N; n++) {
        for (int64_t h = 0; h < H; h++) {
            int64_t from = n * source->stride_n + h * source->stride_h;
            int64_t to = n * target->stride_n + h * target->stride_h;
            m.source = (const char *)source->data + (size_t)from * type_bytes(source->type);
            m.target = (char *)target->data + (size_t)to * type_bytes(target->type);
            copy_matrix(&m, source->type, target->type);
        }
    }
}

convoy_status convoy_tensor_copy(const convoy_tensor *source, const convoy_tensor *target)
{
    convoy_status status = tensor_check(source, "the source");
    status = status ? status : tensor_check_writable(target, "the target");
    if (status) {
        return status;
    }
    if (source->N != target->N || source->C != target->C || source->H != target->H ||
        source->W != target->W) {
        return fail(CONVOY_ERROR_SHAPE,
                    "the source is %" PRId64 " x %" PRId64 " x %" PRId64 " x %" PRId64
                    ", the target %" PRId64 " x %" PRId64 " x %" PRId64 " x %" PRId64
                    " (N x C x H x W); they must be equal",
                    source->N, source->C, source->H, source->W, target->N, target->C, target->H,
                    target->W);
    }
    if (tensors_overlap(source, target)) {
        return fail(CONVOY_ERROR_OVERLAP,
                    "source and target share memory; copy by way of a third tensor");
    }
    copy_elements(source, target);
    return CONVOY_OK;
}
