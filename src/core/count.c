/**
 * @file count.c
 * Analytic counts. Everything is a product of extents but the taps on real input, which are
 *
 *   macs_valid = N K C/groups * V(H, R, ...) * V(W, S, ...),
 *   V = #{ (p, r) : 0 <= p*stride - pad + r*dilation < H },
 *
 * because the two axes are independent. V is a difference of two sums over r of
 * clamp(floor((limit - r*dilation) / stride) + 1, 0, P), each a sum of floors of an arithmetic
 * progression, which Euclid's algorithm does in a logarithmic number of steps (Graham, Knuth,
 * Patashnik, Concrete Mathematics, section 3.5), so extents near 2^31 cost nothing.
 */
#include "convoy/count.h"

#include <inttypes.h>

#include "core/arithmetic.h"
#include "core/error.h"
#include "core/layer_checked.h"

/*
 * The sum of floor((a*i + b) / m) over 0 <= i < n, for a, b >= 0 and m > 0. No step leaves 63 bits
 * here: n, m and a are below 2^31, and no term is above 2^31.
 */
static int64_t sum_of_floors(int64_t n, int64_t m, int64_t a, int64_t b)
{
    int64_t sum = 0;
    while (n > 0) {
        sum += n * (n - 1) / 2 * (a / m) + n * (b / m);
        a %= m;
        b %= m;
        int64_t top = a * n + b; /* the points left lie below a line that ends at top / m */
        n = top / m;
        b = top % m;
        int64_t swap = m;
        m = a;
        a = swap;
    }
    return sum;
}

/* The number of pairs (p, r) with p*stride + r*dilation <= limit, 0 <= p < P, 0 <= r < R. */
static int64_t pairs_up_to(int64_t limit, int64_t P, int64_t R, int64_t stride, int64_t dilation)
{
    if (limit < 0) {
        return 0;
    }
    /* For r < full every p satisfies it, for r >= some none. */
    int64_t some = min64(R, limit / dilation + 1);
    int64_t slack = limit - (P - 1) * stride;
    int64_t full = slack < 0 ? 0 : min64(some, slack / dilation + 1);
    /* From the last r backwards, because the number of p then grows. */
    int64_t start = limit - (some - 1) * dilation + stride;
    return full * P + sum_of_floors(some - full, stride, dilation, start);
}

/* V above. */
static int64_t valid_pairs(int64_t extent, int64_t P, int64_t R, int64_t stride, int64_t dilation,
                           int64_t pad)
{
    return pairs_up_to(extent - 1 + pad, P, R, stride, dilation) -
           pairs_up_to(pad - 1, P, R, stride, dilation);
}

/* *product = the product of the factors, all at least 0; false when it does not fit. */
static bool product_of(int64_t *product, const int64_t *factors, size_t count)
{
    *product = 1;
    for (size_t i = 0; i < count; i++) {
        if (!multiply_checked(product, factors[i])) {
            return false;
        }
    }
    return true;
}

static convoy_status count_macs(const convoy_layer *layer, convoy_counts *counts)
{
    int64_t P = layer_P(layer), Q = layer_Q(layer);
    const int64_t all[] = {layer->N, layer->K, P, Q, layer->R, layer->S, layer_Cg(layer)};
    const int64_t valid[] = {
        layer->N, layer->K, layer_Cg(layer),
        valid_pairs(layer->H, P, layer->R, layer->stride_h, layer->dilation_h, layer->pad_top),
        valid_pairs(layer->W, Q, layer->S, layer->stride_w, layer->dilation_w, layer->pad_left)};

    if (!product_of(&counts->macs, all, 7) || counts->macs > INT64_MAX / 2 ||
        !product_of(&counts->macs_valid, valid, 5)) {
        double macs = 1;
        for (int i = 0; i < 7; i++) {
            macs *= (double)all[i];
        }
        return fail(CONVOY_ERROR_OVERFLOW,
                    "the layer has about %.3g multiply-adds; the count of its FLOPs, twice that, "
                    "must stay below 2^63 = 9.22e18",
                    macs);
    }
    counts->flops = 2 * counts->macs;
    counts->flops_valid = 2 * counts->macs_valid;
    return CONVOY_OK;
}

static convoy_status count_bytes(const convoy_layer *layer, convoy_counts *counts)
{
    int64_t outputs = layer->N * layer->K * layer_P(layer) * layer_Q(layer);
    int64_t filter = counts->parameters_weights;

    counts->bytes_input = 4 * layer->N * layer->C * layer->H * layer->W;
    counts->bytes_output = 4 * outputs;
    counts->bytes_filter = 4;
    counts->bytes_least = counts->bytes_input;
    if (!add_checked(&filter, counts->parameters_bias) ||
        !multiply_checked(&counts->bytes_filter, filter) ||
        !add_checked(&counts->bytes_least, counts->bytes_filter) ||
        !add_checked(&counts->bytes_least, counts->bytes_output)) {
        return fail(CONVOY_ERROR_OVERFLOW,
                    "input, filter and output have together more than 2^63-1 bytes");
    }
    counts->intensity = (double)counts->flops / (double)counts->bytes_least;
    return CONVOY_OK;
}

convoy_status convoy_layer_count(const convoy_layer *layer, const convoy_count_options *options,
                                 convoy_counts *counts)
{
    static const convoy_count_options none;
    convoy_counts result = {0};

    if (counts == NULL) {
        return fail(CONVOY_ERROR_NULL, "the place for the counts is NULL");
    }
    convoy_status status = convoy_layer_check(layer);
    if (status) {
        return status;
    }
    if (options == NULL) {
        options = &none;
    }
    /* Products of a checked layer's tensors fit: their bytes do, and K is below 2^31. */
    result.parameters_weights = layer->K * layer_depth(layer);
    result.parameters_bias = options->bias ? layer->K : 0;
    result.parameters_batch_norm = options->batch_norm ? 2 * layer->K : 0;
    result.parameters_total =
        result.parameters_weights + result.parameters_bias + result.parameters_batch_norm;
    result.bias_adds = options->bias ? layer->N * layer->K * layer_P(layer) * layer_Q(layer) : 0;
    status = count_macs(layer, &result);
    if (!status) {
        status = count_bytes(layer, &result);
    }
    if (!status) {
        *counts = result;
    }
    return status;
}

convoy_status convoy_counts_add(convoy_counts *total, const convoy_counts *counts)
{
    if (total == NULL || counts == NULL) {
        return fail(CONVOY_ERROR_NULL, "the %s is NULL", total == NULL ? "total" : "summand");
    }
    convoy_counts sum = *total;
    const struct {
        const char *name;
        int64_t *sum;
        int64_t term;
    } fields[] = {
        {"macs", &sum.macs, counts->macs},
        {"macs_valid", &sum.macs_valid, counts->macs_valid},
        {"flops", &sum.flops, counts->flops},
        {"flops_valid", &sum.flops_valid, counts->flops_valid},
        {"bias_adds", &sum.bias_adds, counts->bias_adds},
        {"parameters_weights", &sum.parameters_weights, counts->parameters_weights},
        {"parameters_bias", &sum.parameters_bias, counts->parameters_bias},
        {"parameters_batch_norm", &sum.parameters_batch_norm, counts->parameters_batch_norm},
        {"parameters_total", &sum.parameters_total, counts->parameters_total},
        {"bytes_input", &sum.bytes_input, counts->bytes_input},
        {"bytes_filter", &sum.bytes_filter, counts->bytes_filter},
        {"bytes_output", &sum.bytes_output, counts->bytes_output},
        {"bytes_least", &sum.bytes_least, counts->bytes_least},
    };

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        int64_t before = *fields[i].sum;
        if (!add_checked(fields[i].sum, fields[i].term)) {
            return fail(CONVOY_ERROR_OVERFLOW,
                        "the sum of %s, %" PRId64 " + %" PRId64 ", does not fit 63 bits",
                        fields[i].name, before, fields[i].term);
        }
    }
    sum.intensity = sum.bytes_least > 0 ? (double)sum.flops / (double)sum.bytes_least : 0;
    *total = sum;
    return CONVOY_OK;
}
