/**
 * @file tensor_check.c
 * Are a caller's tensors what they claim to be, and do two of them share memory?
 */
#include "core/tensor_checked.h"

#include <inttypes.h>
#include <stdlib.h>

#include "core/arithmetic.h"
#include "core/error.h"

static convoy_status check_axis(const char *what, char name, int64_t extent, int64_t stride)
{
    if (extent < 1 || extent > INT32_MAX) {
        return fail(CONVOY_ERROR_EXTENT, "%s: extent %c is %" PRId64 "; it must be 1 to %d", what,
                    name, extent, INT32_MAX);
    }
    if (stride < 0) {
        return fail(CONVOY_ERROR_LAYOUT,
                    "%s: the stride over %c is %" PRId64 "; it must not be negative", what, name,
                    stride);
    }
    return CONVOY_OK;
}

/* The last element's offset in bytes must be a number, or it could not be computed. */
static convoy_status check_range(const convoy_tensor *tensor, const char *what)
{
    const int64_t extents[] = {tensor->N, tensor->C, tensor->H, tensor->W};
    const int64_t strides[] = {tensor->stride_n, tensor->stride_c, tensor->stride_h,
                               tensor->stride_w};
    int64_t span = 1;
    bool fits = true;

    for (int axis = 0; axis < 4; axis++) {
        int64_t reach = extents[axis] - 1;
        fits = fits && multiply_checked(&reach, strides[axis]) && add_checked(&span, reach);
    }
    fits = fits && multiply_checked(&span, (int64_t)type_bytes(tensor->type));
    if (!fits || (uint64_t)span > UINTPTR_MAX - (uintptr_t)tensor->data) {
        return fail(CONVOY_ERROR_OVERFLOW,
                    "%s: extents times strides reach past the end of the address space", what);
    }
    return CONVOY_OK;
}

convoy_status tensor_check(const convoy_tensor *tensor, const char *what)
{
    if (tensor == NULL || tensor->data == NULL) {
        return fail(CONVOY_ERROR_NULL, "%s%s is NULL", what, tensor == NULL ? "" : "'s data");
    }
    if (tensor->type != CONVOY_FLOAT32 && tensor->type != CONVOY_FLOAT64) {
        return fail(CONVOY_ERROR_TYPE,
                    "%s: the type is %d; it must be CONVOY_FLOAT32 (%d) or CONVOY_FLOAT64 (%d)",
                    what, (int)tensor->type, CONVOY_FLOAT32, CONVOY_FLOAT64);
    }
    if (tensor->layout != CONVOY_NCHW && tensor->layout != CONVOY_NHWC) {
        return fail(CONVOY_ERROR_LAYOUT,
                    "%s: the layout is %d; it must be CONVOY_NCHW (%d) or CONVOY_NHWC (%d)", what,
                    (int)tensor->layout, CONVOY_NCHW, CONVOY_NHWC);
    }
    convoy_status status = check_axis(what, 'N', tensor->N, tensor->stride_n);
    status = status ? status : check_axis(what, 'C', tensor->C, tensor->stride_c);
    status = status ? status : check_axis(what, 'H', tensor->H, tensor->stride_h);
    status = status ? status : check_axis(what, 'W', tensor->W, tensor->stride_w);
    status = status ? status : check_range(tensor, what);
    if (!status && (uintptr_t)tensor->data % type_bytes(tensor->type) != 0) {
        return fail(CONVOY_ERROR_ALIGNMENT, "%s: the data at %p are not aligned to %zu bytes", what,
                    tensor->data, type_bytes(tensor->type));
    }
    return status;
}

convoy_status tensor_check_writable(const convoy_tensor *tensor, const char *what)
{
    convoy_status status = tensor_check(tensor, what);

    if (!status &&
        ((tensor->N > 1 && tensor->stride_n == 0) || (tensor->C > 1 && tensor->stride_c == 0) ||
         (tensor->H > 1 && tensor->stride_h == 0) || (tensor->W > 1 && tensor->stride_w == 0))) {
        return fail(CONVOY_ERROR_LAYOUT,
                    "%s: a stride of 0 makes several elements one place in memory; a tensor that "
                    "is written needs a place for each",
                    what);
    }
    return status;
}

/* One axis of the difference of two index vectors: stride in bytes, indices low..high. */
struct span {
    int64_t stride, low, high;
};

static int descending(const void *a, const void *b)
{
    int64_t s = ((const struct span *)a)->stride, t = ((const struct span *)b)->stride;
    return (s < t) - (s > t);
}

static int64_t divide_down(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/*
 * Is there an index difference d with low <= distance - sum of d*stride <= high? Strides that nest,
 * as those of every layout do, leave two or three d to try on each axis; when there are more, the
 * answer is yes unless it can be excluded quickly.
 */
static bool meets(const struct span *spans, int count, int64_t distance, int64_t low, int64_t high,
                  int *budget)
{
    int64_t rest_low = low, rest_high = high;

    if (count == 0) {
        return low <= distance && distance <= high;
    }
    for (int i = 1; i < count; i++) {
        rest_low += spans[i].low * spans[i].stride;
        rest_high += spans[i].high * spans[i].stride;
    }
    int64_t first = max64(spans->low, -divide_down(rest_high - distance, spans->stride));
    int64_t last = min64(spans->high, divide_down(distance - rest_low, spans->stride));
    for (int64_t d = first; d <= last; d++) {
        if (--*budget < 0 ||
            meets(spans + 1, count - 1, distance - d * spans->stride, low, high, budget)) {
            return true;
        }
    }
    return false;
}

static uintptr_t end_of(const convoy_tensor *t)
{
    int64_t last = (t->N - 1) * t->stride_n + (t->C - 1) * t->stride_c + (t->H - 1) * t->stride_h +
                   (t->W - 1) * t->stride_w;
    return (uintptr_t)t->data + (size_t)(last + 1) * type_bytes(t->type);
}

bool tensors_overlap(const convoy_tensor *a, const convoy_tensor *b)
{
    const int64_t bytes_a = (int64_t)type_bytes(a->type), bytes_b = (int64_t)type_bytes(b->type);
    const int64_t extents_a[] = {a->N, a->C, a->H, a->W};
    const int64_t extents_b[] = {b->N, b->C, b->H, b->W};
    const int64_t strides_a[] = {a->stride_n, a->stride_c, a->stride_h, a->stride_w};
    const int64_t strides_b[] = {b->stride_n, b->stride_c, b->stride_h, b->stride_w};
    struct span spans[4];
    int count = 0, budget = 1000;

    if (end_of(a) <= (uintptr_t)b->data || end_of(b) <= (uintptr_t)a->data) {
        return false;
    }
    for (int axis = 0; axis < 4; axis++) {
        /* Along an extent of 1 no step is taken: its stride means nothing, and may be any number.
         */
        bool steps_a = extents_a[axis] > 1, steps_b = extents_b[axis] > 1;
        int64_t stride_a = steps_a ? strides_a[axis] * bytes_a : 0;
        int64_t stride_b = steps_b ? strides_b[axis] * bytes_b : 0;
        int64_t stride = steps_a ? stride_a : stride_b;
        if (steps_a && steps_b && stride_a != stride_b) {
            return true;
        }
        if (stride > 0) {
            spans[count++] = (struct span){stride, 1 - extents_b[axis], extents_a[axis] - 1};
        }
    }
    qsort(spans, (size_t)count, sizeof spans[0], descending);
    /* They meet where -bytes_b < (address in b) - (address in a) < bytes_a. */
    int64_t distance = (int64_t)((uintptr_t)b->data - (uintptr_t)a->data);
    return meets(spans, count, distance, 1 - bytes_b, bytes_a - 1, &budget);
}
