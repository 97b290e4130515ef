/**
 * @file tensor.c
 * Tensors: creation, views, slices and single elements.
 */
#include "convoy/tensor.h"

#include <inttypes.h>

#include "core/arithmetic.h"
#include "core/error.h"
#include "core/memory.h"
#include "core/tensor_checked.h"

const char *convoy_type_name(convoy_type type)
{
    return type == CONVOY_FLOAT32 ? "f32" : type == CONVOY_FLOAT64 ? "f64" : "unknown";
}

const char *convoy_layout_name(convoy_layout layout)
{
    return layout == CONVOY_NCHW ? "nchw" : layout == CONVOY_NHWC ? "nhwc" : "unknown";
}

convoy_status convoy_tensor_bytes(convoy_type type, int64_t N, int64_t C, int64_t H, int64_t W,
                                  size_t *bytes)
{
    const int64_t extents[] = {N, C, H, W};
    int64_t product = (int64_t)type_bytes(type);

    if (bytes == NULL) {
        return fail(CONVOY_ERROR_NULL, "the place for the bytes is NULL");
    }
    if (type != CONVOY_FLOAT32 && type != CONVOY_FLOAT64) {
        return fail(CONVOY_ERROR_TYPE,
                    "the type is %d; it must be CONVOY_FLOAT32 (%d) or CONVOY_FLOAT64 (%d)",
                    (int)type, CONVOY_FLOAT32, CONVOY_FLOAT64);
    }
    for (int axis = 0; axis < 4; axis++) {
        if (extents[axis] < 1 || extents[axis] > INT32_MAX) {
            return fail(CONVOY_ERROR_EXTENT, "extent %c is %" PRId64 "; it must be 1 to %d",
                        "NCHW"[axis], extents[axis], INT32_MAX);
        }
    }
    for (int axis = 0; axis < 4; axis++) {
        if (!multiply_checked(&product, extents[axis])) {
            return fail(CONVOY_ERROR_OVERFLOW,
                        "a tensor of %" PRId64 " x %" PRId64 " x %" PRId64 " x %" PRId64
                        " elements has more than 2^63-1 bytes",
                        N, C, H, W);
        }
    }
    *bytes = (size_t)product;
    return CONVOY_OK;
}

/* A dense view on data that has passed the checks. */
static convoy_tensor dense(convoy_type type, convoy_layout layout, int64_t N, int64_t C, int64_t H,
                           int64_t W, void *data)
{
    convoy_tensor tensor = {
        .type = type, .layout = layout, .N = N, .C = C, .H = H, .W = W, .data = data};

    tensor.stride_n = C * H * W;
    tensor.stride_c = layout == CONVOY_NHWC ? 1 : H * W;
    tensor.stride_h = layout == CONVOY_NHWC ? W * C : W;
    tensor.stride_w = layout == CONVOY_NHWC ? C : 1;
    return tensor;
}

static convoy_status check_layout(convoy_layout layout)
{
    if (layout != CONVOY_NCHW && layout != CONVOY_NHWC) {
        return fail(CONVOY_ERROR_LAYOUT,
                    "the layout is %d; it must be CONVOY_NCHW (%d) or CONVOY_NHWC (%d)",
                    (int)layout, CONVOY_NCHW, CONVOY_NHWC);
    }
    return CONVOY_OK;
}

convoy_status convoy_tensor_create(convoy_type type, convoy_layout layout, int64_t N, int64_t C,
                                   int64_t H, int64_t W, convoy_tensor *tensor)
{
    size_t bytes;
    void *data;

    if (tensor == NULL) {
        return fail(CONVOY_ERROR_NULL, "the place for the tensor is NULL");
    }
    convoy_status status = convoy_tensor_bytes(type, N, C, H, W, &bytes);
    status = status ? status : check_layout(layout);
    status = status ? status : memory_allocate_cleared(bytes, "the tensor", &data);
    if (status) {
        return status;
    }
    *tensor = dense(type, layout, N, C, H, W, data);
    tensor->owned = true;
    return CONVOY_OK;
}

convoy_status convoy_tensor_view(convoy_type type, convoy_layout layout, int64_t N, int64_t C,
                                 int64_t H, int64_t W, void *data, convoy_tensor *tensor)
{
    size_t bytes;

    if (tensor == NULL) {
        return fail(CONVOY_ERROR_NULL, "the place for the tensor is NULL");
    }
    convoy_status status = convoy_tensor_bytes(type, N, C, H, W, &bytes);
    status = status ? status : check_layout(layout);
    if (status) {
        return status;
    }
    convoy_tensor view = dense(type, layout, N, C, H, W, data);
    status = tensor_check(&view, "the view");
    if (!status) {
        *tensor = view;
    }
    return status;
}

convoy_status convoy_tensor_slice(const convoy_tensor *tensor, int64_t c0, int64_t c1,
                                  convoy_tensor *slice)
{
    if (slice == NULL) {
        return fail(CONVOY_ERROR_NULL, "the place for the slice is NULL");
    }
    convoy_status status = tensor_check(tensor, "the tensor");
    if (status) {
        return status;
    }
    if (c0 < 0 || c0 >= c1 || c1 > tensor->C) {
        return fail(CONVOY_ERROR_ARGUMENT,
                    "channels %" PRId64 " to %" PRId64 " are no slice of %" PRId64
                    " channels; it must be 0 <= c0 < c1 <= C",
                    c0, c1, tensor->C);
    }
    convoy_tensor result = *tensor;
    result.C = c1 - c0;
    result.data = (char *)tensor->data + (size_t)(c0 * tensor->stride_c) * type_bytes(tensor->type);
    result.owned = false;
    *slice = result;
    return CONVOY_OK;
}

void convoy_tensor_destroy(convoy_tensor *tensor)
{
    if (tensor == NULL) {
        return;
    }
    if (tensor->owned) {
        memory_free(tensor->data);
    }
    *tensor = (convoy_tensor){0};
}

static int64_t offset_of(const convoy_tensor *tensor, int64_t n, int64_t c, int64_t h, int64_t w)
{
    return n * tensor->stride_n + c * tensor->stride_c + h * tensor->stride_h +
           w * tensor->stride_w;
}

double convoy_tensor_get(const convoy_tensor *tensor, int64_t n, int64_t c, int64_t h, int64_t w)
{
    int64_t offset = offset_of(tensor, n, c, h, w);
    return tensor->type == CONVOY_FLOAT64 ? ((const double *)tensor->data)[offset]
                                          : (double)((const float *)tensor->data)[offset];
}

void convoy_tensor_set(const convoy_tensor *tensor, int64_t n, int64_t c, int64_t h, int64_t w,
                       double value)
{
    int64_t offset = offset_of(tensor, n, c, h, w);
    if (tensor->type == CONVOY_FLOAT64) {
        ((double *)tensor->data)[offset] = value;
    } else {
        ((float *)tensor->data)[offset] = (float)value;
    }
}
