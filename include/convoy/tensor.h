/**
 * @file tensor.h
 * Four-dimensional tensors: extents N C H W, strides in elements, owned or borrowed memory.
 *
 * Element (n, c, h, w) lies at data[n*stride_n + c*stride_c + h*stride_h + w*stride_w]. The layout
 * names which stride is 1: stride_w in NCHW, stride_c in NHWC. Other strides may leave gaps, so a
 * tensor can be a slice of a larger one; along an extent of 1 they mean nothing, and may be any
 * number from 0 up. A filter is a tensor too, with N = K, C = C/groups, H = R, W = S.
 */
#ifndef CONVOY_TENSOR_H
#define CONVOY_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convoy/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Alignment in bytes of every tensor and workspace that Convoy allocates. */
#define CONVOY_ALIGNMENT 64

typedef enum convoy_type { CONVOY_FLOAT32 = 0, CONVOY_FLOAT64 } convoy_type;

typedef enum convoy_layout { CONVOY_NCHW = 0, CONVOY_NHWC } convoy_layout;

/** A view on memory. Copying the struct copies the view, not the elements. */
typedef struct convoy_tensor {
    convoy_type type;
    convoy_layout layout;
    int64_t N, C, H, W;                             /**< extents, 1 to 2^31-1 */
    int64_t stride_n, stride_c, stride_h, stride_w; /**< in elements */
    void *data;                                     /**< element (0, 0, 0, 0) */
    bool owned;                                     /**< convoy_tensor_destroy frees data */
} convoy_tensor;

/*
 * Every function below that takes a tensor and returns a status refuses one that is not what it
 * claims: CONVOY_ERROR_NULL (tensor or data), CONVOY_ERROR_TYPE, CONVOY_ERROR_LAYOUT (unknown, a
 * negative stride, or a stride of 0 along an extent above 1 in a tensor that is written),
 * CONVOY_ERROR_EXTENT, CONVOY_ERROR_OVERFLOW and CONVOY_ERROR_ALIGNMENT (of data to its element).
 */

/** "f32" or "f64"; "nchw" or "nhwc"; "unknown" for any other value. */
CONVOY_API const char *convoy_type_name(convoy_type type);
CONVOY_API const char *convoy_layout_name(convoy_layout layout);

/**
 * Bytes of a dense tensor.
 * @retval CONVOY_ERROR_NULL, CONVOY_ERROR_TYPE, CONVOY_ERROR_EXTENT, CONVOY_ERROR_OVERFLOW
 */
CONVOY_API convoy_status convoy_tensor_bytes(convoy_type type, int64_t N, int64_t C, int64_t H,
                                             int64_t W, size_t *bytes);

/**
 * A dense, owned, zero-filled tensor, aligned to CONVOY_ALIGNMENT; free with convoy_tensor_destroy.
 * @retval CONVOY_ERROR_TOO_LARGE  more bytes than the machine has; nothing was allocated
 * @retval CONVOY_ERROR_MEMORY; CONVOY_ERROR_LAYOUT; and all of convoy_tensor_bytes
 */
CONVOY_API convoy_status convoy_tensor_create(convoy_type type, convoy_layout layout, int64_t N,
                                              int64_t C, int64_t H, int64_t W,
                                              convoy_tensor *tensor);

/**
 * A dense, borrowed view on the caller's memory, which must outlive it.
 * @retval CONVOY_ERROR_ALIGNMENT  data is not aligned to its element
 * @retval CONVOY_ERROR_LAYOUT; and all of convoy_tensor_bytes
 */
CONVOY_API convoy_status convoy_tensor_view(convoy_type type, convoy_layout layout, int64_t N,
                                            int64_t C, int64_t H, int64_t W, void *data,
                                            convoy_tensor *tensor);

/**
 * Channels c0 <= c < c1 of a tensor as a borrowed view: concatenation without copying, by letting
 * several layers write next to each other.
 * @retval CONVOY_ERROR_ARGUMENT  not 0 <= c0 < c1 <= C
 */
CONVOY_API convoy_status convoy_tensor_slice(const convoy_tensor *tensor, int64_t c0, int64_t c1,
                                             convoy_tensor *slice);

/** Free the memory of an owned tensor and clear the struct; NULL and borrowed views are fine. */
CONVOY_API void convoy_tensor_destroy(convoy_tensor *tensor);

/**
 * Copy all elements between tensors of equal extents; layouts, strides and types may differ
 * (float64 to float32 rounds to nearest).
 * @retval CONVOY_ERROR_SHAPE    the extents differ
 * @retval CONVOY_ERROR_OVERLAP  the two share memory
 */
CONVOY_API convoy_status convoy_tensor_copy(const convoy_tensor *source,
                                            const convoy_tensor *target);

/** Element (n, c, h, w) as a double; the indices must be inside the extents. */
CONVOY_API double convoy_tensor_get(const convoy_tensor *tensor, int64_t n, int64_t c, int64_t h,
                                    int64_t w);
CONVOY_API void convoy_tensor_set(const convoy_tensor *tensor, int64_t n, int64_t c, int64_t h,
                                  int64_t w, double value);

/*
 * Fills. The value of element (n, c, h, w) depends on its indices and the seed only, so tensors of
 * different layouts or strides hold the same values. Gaps between rows are left alone.
 */
CONVOY_API convoy_status convoy_tensor_fill_value(const convoy_tensor *tensor, double value);
/** start + step * (index of the element in N, C, H, W order). */
CONVOY_API convoy_status convoy_tensor_fill_ramp(const convoy_tensor *tensor, double start,
                                                 double step);
/** Uniform in [low, high). @retval CONVOY_ERROR_ARGUMENT  not low < high, or not finite */
CONVOY_API convoy_status convoy_tensor_fill_uniform(const convoy_tensor *tensor, uint64_t seed,
                                                    double low, double high);
/** Normal. @retval CONVOY_ERROR_ARGUMENT  not deviation > 0, or not finite */
CONVOY_API convoy_status convoy_tensor_fill_normal(const convoy_tensor *tensor, uint64_t seed,
                                                   double mean, double deviation);
/** Integers low..high, both included. @retval CONVOY_ERROR_ARGUMENT  low > high, or |.| > 2^24 */
CONVOY_API convoy_status convoy_tensor_fill_integers(const convoy_tensor *tensor, uint64_t seed,
                                                     int64_t low, int64_t high);
/** Zero but for one element. @retval CONVOY_ERROR_ARGUMENT  the index is outside the extents */
CONVOY_API convoy_status convoy_tensor_fill_impulse(const convoy_tensor *tensor, int64_t n,
                                                    int64_t c, int64_t h, int64_t w, double value);

/** Where and how far two tensors differ; a NaN agrees with a NaN only, an infinity with its like.
 */
typedef struct convoy_difference {
    int64_t elements;       /**< compared */
    int64_t different;      /**< elements that are not equal */
    double max_absolute;    /**< max |actual - expected|; infinity where only one is not finite */
    double max_relative;    /**< max |actual - expected| / |expected|, over expected != 0 */
    double rms;             /**< root mean square of expected, over its finite elements */
    double relative_to_rms; /**< max_absolute / rms; 0 when equal, infinity when rms is 0 */
    int64_t max_ulp;        /**< largest distance in float32 units in the last place */
    int64_t first[4];       /**< n, c, h, w of the first different element, in N, C, H, W order; -1
                                 without any */
    int64_t worst[4];       /**< n, c, h, w of max_absolute; -1 without any */
    double first_actual, first_expected;
    double worst_actual, worst_expected;
} convoy_difference;

/**
 * Compare two tensors of equal extents; layouts, strides and types may differ.
 * @retval CONVOY_ERROR_SHAPE  the extents differ
 */
CONVOY_API convoy_status convoy_tensor_compare(const convoy_tensor *actual,
                                               const convoy_tensor *expected,
                                               convoy_difference *difference);

/**
 * One line for a person, with the places written as n,k,p,q; at most size bytes with the zero.
 * @return the length the line has in full, as snprintf
 */
CONVOY_API int convoy_difference_print(const convoy_difference *difference, char *text,
                                       size_t size);

#ifdef __cplusplus
}
#endif
#endif
