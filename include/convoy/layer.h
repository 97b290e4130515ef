/**
 * @file layer.h
 * One convolution: extents, stride, padding, dilation, groups, layout, epilogue; and the problem
 * string that names it.
 *
 *   y[n][k][p][q] = activation( bias[k] + residual[n][k][p][q] +
 *       sum over c, r, s of x[n][g*C/groups + c][h][w] * weights[k][c][r][s] )
 *   h = p*stride_h - pad_top  + r*dilation_h,    P = (H + pad_top + pad_bottom
 *                                                      - dilation_h*(R-1) - 1) / stride_h + 1
 *   w = q*stride_w - pad_left + s*dilation_w,    Q likewise,    g = k / (K/groups)
 *
 * (cross-correlation, as every deep-learning library defines it). Taps outside the input
 * contribute nothing.
 */
#ifndef CONVOY_LAYER_H
#define CONVOY_LAYER_H

#include "convoy/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum convoy_activation {
    CONVOY_IDENTITY = 0,
    CONVOY_RELU,       /**< max(v, 0) */
    CONVOY_RELU6,      /**< min(max(v, 0), 6) */
    CONVOY_LEAKY_RELU, /**< v < 0 ? slope * v : v */
    CONVOY_CLIP        /**< min(max(v, low), high) */
} convoy_activation;

/** What happens to a sum before it is stored; all zero is nothing. A NaN stays a NaN. */
typedef struct convoy_epilogue {
    bool residual; /**< a tensor of y's extents is added before the activation */
    convoy_activation activation;
    float slope;     /**< of CONVOY_LEAKY_RELU */
    float low, high; /**< of CONVOY_CLIP */
} convoy_epilogue;

/** All extents at least 1 and at most 2^31-1; padding at least 0. */
typedef struct convoy_layer {
    int64_t N, C, H, W; /**< batch, input channels, height, width */
    int64_t K, R, S;    /**< output channels, filter height, width */
    int64_t stride_h, stride_w;
    int64_t pad_top, pad_left, pad_bottom, pad_right;
    int64_t dilation_h, dilation_w;
    int64_t groups;       /**< divides C and K */
    convoy_layout layout; /**< of x, y and the residual */
    convoy_epilogue epilogue;
} convoy_layer;

/** A buffer of this size holds every canonical problem string. */
#define CONVOY_PROBLEM_SIZE 320

/**
 * Parse "n1c128h100w100_k256r5s5_pd2": n c h w, then k r s, then in any order at most once each
 * _st2 or _st2x1 (stride, h x w), _pd1 or _pd1x3 (h x w) or _pd0,1,0,1 (top,bottom,left,right) or
 * _same or _same_lower or _valid, _dl2 or _dl2x1 (dilation), _g32 (groups). Left out: n1, stride 1,
 * padding 0, dilation 1, one group. `same` is resolved to P = ceil(H/stride_h) with a total
 * padding of max(0, (P-1)*stride_h + dilation_h*(R-1) + 1 - H), the odd one at the end
 * (`same_lower`: at the start). The layout is NCHW and the epilogue empty: set them after.
 * @retval CONVOY_ERROR_SYNTAX  with the place in convoy_error_detail
 * @retval CONVOY_ERROR_NULL; and all of convoy_layer_check
 */
CONVOY_API convoy_status convoy_layer_parse(const char *problem, convoy_layer *layer);

/**
 * The canonical problem string: parse(print(layer)) == layer. Layout and epilogue are not part of
 * it. At most size bytes with the zero; CONVOY_PROBLEM_SIZE always suffices.
 * @return the length in full, as snprintf
 */
CONVOY_API int convoy_layer_print(const convoy_layer *layer, char *text, size_t size);

/**
 * Is the layer one that can be computed?
 * @retval CONVOY_ERROR_NULL, CONVOY_ERROR_EXTENT, CONVOY_ERROR_GROUPS, CONVOY_ERROR_EMPTY_OUTPUT
 * @retval CONVOY_ERROR_OVERFLOW  a tensor of the layer has more than 2^63-1 bytes
 * @retval CONVOY_ERROR_ARGUMENT  layout or epilogue: not a known value, or NaN, or low > high
 */
CONVOY_API convoy_status convoy_layer_check(const convoy_layer *layer);

/** P and Q by the formula above. @retval as convoy_layer_check */
CONVOY_API convoy_status convoy_layer_output(const convoy_layer *layer, int64_t *P, int64_t *Q);

typedef enum convoy_padding { CONVOY_VALID = 0, CONVOY_SAME, CONVOY_SAME_LOWER } convoy_padding;

/** Set the four paddings by rule, from the other fields. @retval CONVOY_ERROR_NULL,
 *  CONVOY_ERROR_ARGUMENT (no such rule), CONVOY_ERROR_EXTENT */
CONVOY_API convoy_status convoy_layer_pad(convoy_layer *layer, convoy_padding padding);

/** "identity", "relu", "relu6", "leaky_relu", "clip". */
CONVOY_API const char *convoy_activation_name(convoy_activation activation);

#ifdef __cplusplus
}
#endif
#endif
