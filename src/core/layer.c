/**
 * @file layer.c
 * Which layers can be computed, their output extents, and padding by rule.
 */
#include "convoy/layer.h"

#include <inttypes.h>
#include <math.h>

#include "core/arithmetic.h"
#include "core/error.h"
#include "core/layer_checked.h"

const char *convoy_activation_name(convoy_activation activation)
{
    static const char *const names[] = {"identity", "relu", "relu6", "leaky_relu", "clip"};
    size_t index = (size_t)activation;
    return index < sizeof names / sizeof names[0] ? names[index] : "unknown";
}

/* A field of the layer, its name in messages, and its least value. */
struct field {
    const char *name;
    int64_t value, least;
};

static convoy_status check_fields(const struct field *fields, size_t count)
{
    for (const struct field *f = fields; f < fields + count; f++) {
        if (f->value < f->least || f->value > INT32_MAX) {
            return fail(CONVOY_ERROR_EXTENT, "%s is %" PRId64 "; it must be %" PRId64 " to %d",
                        f->name, f->value, f->least, INT32_MAX);
        }
    }
    return CONVOY_OK;
}

static convoy_status check_extents(const convoy_layer *layer)
{
    const struct field fields[] = {
        {"N (n)", layer->N, 1},
        {"C (c)", layer->C, 1},
        {"H (h)", layer->H, 1},
        {"W (w)", layer->W, 1},
        {"K (k)", layer->K, 1},
        {"R (r)", layer->R, 1},
        {"S (s)", layer->S, 1},
        {"the stride over rows", layer->stride_h, 1},
        {"the stride over columns", layer->stride_w, 1},
        {"the padding at the top", layer->pad_top, 0},
        {"the padding at the bottom", layer->pad_bottom, 0},
        {"the padding at the left", layer->pad_left, 0},
        {"the padding at the right", layer->pad_right, 0},
        {"the dilation over rows", layer->dilation_h, 1},
        {"the dilation over columns", layer->dilation_w, 1},
        {"the number of groups", layer->groups, 1},
    };
    return check_fields(fields, sizeof fields / sizeof fields[0]);
}

static convoy_status check_groups(const convoy_layer *layer)
{
    if (layer->C % layer->groups == 0 && layer->K % layer->groups == 0) {
        return CONVOY_OK;
    }
    int64_t C = layer->C, K = layer->K, divisor = layer->groups;
    while (C % divisor != 0 || K % divisor != 0) {
        /* The next smaller candidate: no number above C / ceil(C / divisor') can divide C. */
        divisor--;
        divisor = C / divide_up(C, divisor);
    }
    return fail(CONVOY_ERROR_GROUPS,
                "%" PRId64 " groups do not divide C = %" PRId64 " and K = %" PRId64
                "; the next smaller number that does is %" PRId64,
                layer->groups, C, K, divisor);
}

/* One axis: the input's extent, paddings, filter, and the output that comes of it. */
static convoy_status check_axis(const char *filter_name, const char *output_name, int64_t padded,
                                int64_t filter, int64_t dilation, int64_t stride)
{
    int64_t reach = dilation * (filter - 1) + 1; /* below 2^62, as both are below 2^31 */

    if (reach > padded) {
        return fail(CONVOY_ERROR_EMPTY_OUTPUT,
                    "%s = %" PRId64 " with dilation %" PRId64 " reaches over %" PRId64
                    " elements, but the padded input has %" PRId64 ": pad by %" PRId64
                    " more or shrink the filter",
                    filter_name, filter, dilation, reach, padded, reach - padded);
    }
    int64_t extent = (padded - reach) / stride + 1;
    if (extent > INT32_MAX) {
        return fail(CONVOY_ERROR_EXTENT,
                    "the output extent %s is %" PRId64 "; it must not be above %d", output_name,
                    extent, INT32_MAX);
    }
    return CONVOY_OK;
}

static convoy_status check_output(const convoy_layer *layer)
{
    convoy_status status = check_axis("R", "P", layer->H + layer->pad_top + layer->pad_bottom,
                                      layer->R, layer->dilation_h, layer->stride_h);
    if (status) {
        return status;
    }
    return check_axis("S", "Q", layer->W + layer->pad_left + layer->pad_right, layer->S,
                      layer->dilation_w, layer->stride_w);
}

static convoy_status check_bytes(const char *name, int64_t a, int64_t b, int64_t c, int64_t d)
{
    int64_t bytes = (int64_t)sizeof(float);
    if (multiply_checked(&bytes, a) && multiply_checked(&bytes, b) && multiply_checked(&bytes, c) &&
        multiply_checked(&bytes, d)) {
        return CONVOY_OK;
    }
    return fail(CONVOY_ERROR_OVERFLOW,
                "%s of %" PRId64 " x %" PRId64 " x %" PRId64 " x %" PRId64
                " float32 has more than 2^63-1 bytes",
                name, a, b, c, d);
}

static convoy_status check_sizes(const convoy_layer *layer)
{
    convoy_status status = check_bytes("the input", layer->N, layer->C, layer->H, layer->W);
    if (!status) {
        status = check_bytes("the filter", layer->K, layer_Cg(layer), layer->R, layer->S);
    }
    if (!status) {
        status = check_bytes("the output", layer->N, layer->K, layer_P(layer), layer_Q(layer));
    }
    return status;
}

static convoy_status check_choices(const convoy_layer *layer)
{
    const convoy_epilogue *epilogue = &layer->epilogue;

    if (layer->layout != CONVOY_NCHW && layer->layout != CONVOY_NHWC) {
        return fail(CONVOY_ERROR_ARGUMENT,
                    "the layout is %d; it must be CONVOY_NCHW (%d) or CONVOY_NHWC (%d)",
                    (int)layer->layout, CONVOY_NCHW, CONVOY_NHWC);
    }
    if ((unsigned)epilogue->activation > CONVOY_CLIP) {
        return fail(CONVOY_ERROR_ARGUMENT,
                    "the activation is %d; it must be one of convoy_activation, %d to %d",
                    (int)epilogue->activation, CONVOY_IDENTITY, CONVOY_CLIP);
    }
    if (isnan(epilogue->slope) || isnan(epilogue->low) || isnan(epilogue->high)) {
        return fail(CONVOY_ERROR_ARGUMENT, "the epilogue's %s is NaN; it must be a number",
                    isnan(epilogue->slope) ? "slope"
                    : isnan(epilogue->low) ? "low"
                                           : "high");
    }
    if (epilogue->activation == CONVOY_CLIP && epilogue->low > epilogue->high) {
        return fail(CONVOY_ERROR_ARGUMENT, "the clip's low %g is above its high %g; exchange them",
                    (double)epilogue->low, (double)epilogue->high);
    }
    return CONVOY_OK;
}

convoy_status convoy_layer_check(const convoy_layer *layer)
{
    static convoy_status (*const checks[])(const convoy_layer *) = {
        check_extents, check_groups, check_output, check_sizes, check_choices};

    if (layer == NULL) {
        return fail(CONVOY_ERROR_NULL, "the layer is NULL");
    }
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        convoy_status status = checks[i](layer);
        if (status) {
            return status;
        }
    }
    return CONVOY_OK;
}

convoy_status convoy_layer_output(const convoy_layer *layer, int64_t *P, int64_t *Q)
{
    if (P == NULL || Q == NULL) {
        return fail(CONVOY_ERROR_NULL, "the place for %s is NULL", P == NULL ? "P" : "Q");
    }
    convoy_status status = convoy_layer_check(layer);
    if (!status) {
        *P = layer_P(layer);
        *Q = layer_Q(layer);
    }
    return status;
}

/* The total padding of one axis that makes its output ceil(extent / stride). */
static int64_t same_total(int64_t extent, int64_t filter, int64_t dilation, int64_t stride)
{
    int64_t outputs = divide_up(extent, stride);
    return max64(0, (outputs - 1) * stride + dilation * (filter - 1) + 1 - extent);
}

convoy_status convoy_layer_pad(convoy_layer *layer, convoy_padding padding)
{
    if (layer == NULL) {
        return fail(CONVOY_ERROR_NULL, "the layer is NULL");
    }
    if (padding != CONVOY_VALID && padding != CONVOY_SAME && padding != CONVOY_SAME_LOWER) {
        return fail(CONVOY_ERROR_ARGUMENT,
                    "the padding rule is %d; it must be one of convoy_padding, %d to %d",
                    (int)padding, CONVOY_VALID, CONVOY_SAME_LOWER);
    }
    convoy_layer padded = *layer;
    padded.pad_top = padded.pad_bottom = padded.pad_left = padded.pad_right = 0;
    convoy_status status = check_extents(&padded);
    if (status) {
        return status;
    }
    if (padding != CONVOY_VALID) {
        int64_t h = same_total(layer->H, layer->R, layer->dilation_h, layer->stride_h);
        int64_t w = same_total(layer->W, layer->S, layer->dilation_w, layer->stride_w);
        int64_t odd_first = padding == CONVOY_SAME_LOWER;
        padded.pad_top = (h + odd_first) / 2;
        padded.pad_bottom = h - padded.pad_top;
        padded.pad_left = (w + odd_first) / 2;
        padded.pad_right = w - padded.pad_left;
        status = check_extents(&padded);
    }
    if (!status) {
        *layer = padded;
    }
    return status;
}
