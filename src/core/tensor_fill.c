/**
 * @file tensor_fill.c
 * Fills. The generator is splitmix64 (Steele, Lea, Flood, Fast splittable pseudorandom number
 * generators, OOPSLA 2014) used as a counter: the bits of an element are a function of the seed
 * and of the element's index in N, C, H, W order only, whatever its layout.
 */
#include <float.h>
#include <inttypes.h>
#include <math.h>

#include "core/arithmetic.h"
#include "core/error.h"
#include "core/tensor_checked.h"

/* What a fill's function of the index needs; each fill documents its use of a and b. */
struct fill {
    double (*value)(const struct fill *fill, uint64_t index);
    uint64_t seed;
    double a, b;
    convoy_type type;
};

static uint64_t mix(uint64_t bits)
{
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
    return bits ^ (bits >> 31);
}

/* 64 random bits. The seed is mixed too: else neighbouring seeds would give shifted sequences. */
static uint64_t random_bits(uint64_t seed, uint64_t index)
{
    return mix(mix(seed + 0x9e3779b97f4a7c15u) + (index + 1) * 0x9e3779b97f4a7c15u);
}

/* 53 of the bits as a number in [0, 1). */
static double unit(uint64_t bits)
{
    return (double)(bits >> 11) * 0x1p-53;
}

static void fill_elements(const convoy_tensor *tensor, const struct fill *fill)
{
    /* In memory order as far as the layout tells it. */
    bool channels_inner = tensor->layout == CONVOY_NHWC;
    int64_t plane = tensor->H * tensor->W;
    int64_t outer = channels_inner ? plane : tensor->C;
    int64_t inner = channels_inner ? tensor->C : plane;

    for (int64_t n = 0; n < tensor->N; n++) {
        for (int64_t i = 0; i < outer; i++) {
            for (int64_t j = 0; j < inner; j++) {
                int64_t c = channels_inner ? j : i, pixel = channels_inner ? i : j;
                uint64_t index = (uint64_t)((n * tensor->C + c) * plane + pixel);
                convoy_tensor_set(tensor, n, c, pixel / tensor->W, pixel % tensor->W,
                                  fill->value(fill, index));
            }
        }
    }
}

static convoy_status fill_checked(const convoy_tensor *tensor, const struct fill *fill)
{
    convoy_status status = tensor_check_writable(tensor, "the tensor");
    if (!status) {
        fill_elements(tensor, fill);
    }
    return status;
}

/* a + b * index. */
static double ramp(const struct fill *fill, uint64_t index)
{
    return fill->b == 0 ? fill->a : fill->a + fill->b * (double)index;
}

/* Uniform in [a, b), also after the rounding to the tensor's type. */
static double uniform(const struct fill *fill, uint64_t index)
{
    double value = fill->a + (fill->b - fill->a) * unit(random_bits(fill->seed, index));

    if (fill->type == CONVOY_FLOAT32) {
        float rounded = (float)value;
        if ((double)rounded >= fill->b) {
            rounded = nextafterf(rounded, -INFINITY);
        }
        if ((double)rounded < fill->a) {
            rounded = nextafterf(rounded, INFINITY);
        }
        return (double)rounded;
    }
    return value < fill->b ? value : nextafter(fill->b, -INFINITY);
}

/* Normal with mean a and deviation b (Box and Muller 1958). */
static double normal(const struct fill *fill, uint64_t index)
{
    const double pi = 3.14159265358979323846;
    double radius = sqrt(-2 * log(1 - unit(random_bits(fill->seed, 2 * index))));
    double angle = 2 * pi * unit(random_bits(fill->seed, 2 * index + 1));
    return fill->a + fill->b * radius * cos(angle);
}

/* Integers a..b; exact, as both are below 2^24. */
static double integer(const struct fill *fill, uint64_t index)
{
    uint64_t count = (uint64_t)(fill->b - fill->a) + 1;
    uint64_t bits = random_bits(fill->seed, index) >> 32;
    return fill->a + (double)((bits * count) >> 32);
}

convoy_status convoy_tensor_fill_value(const convoy_tensor *tensor, double value)
{
    const struct fill fill = {.value = ramp, .a = value};
    return fill_checked(tensor, &fill);
}

convoy_status convoy_tensor_fill_ramp(const convoy_tensor *tensor, double start, double step)
{
    const struct fill fill = {.value = ramp, .a = start, .b = step};
    return fill_checked(tensor, &fill);
}

convoy_status convoy_tensor_fill_uniform(const convoy_tensor *tensor, uint64_t seed, double low,
                                         double high)
{
    struct fill fill = {.value = uniform, .seed = seed, .a = low, .b = high};
    convoy_status status = tensor_check_writable(tensor, "the tensor");

    if (status) {
        return status;
    }
    double largest = tensor->type == CONVOY_FLOAT32 ? FLT_MAX : DBL_MAX;
    if (!(low < high) || low < -largest || high > largest || !isfinite(high - low)) {
        return fail(CONVOY_ERROR_ARGUMENT, "a uniform fill needs finite low < high, not %g and %g",
                    low, high);
    }
    fill.type = tensor->type;
    fill_elements(tensor, &fill);
    return CONVOY_OK;
}

convoy_status convoy_tensor_fill_normal(const convoy_tensor *tensor, uint64_t seed, double mean,
                                        double deviation)
{
    const struct fill fill = {.value = normal, .seed = seed, .a = mean, .b = deviation};

    if (!isfinite(mean) || !isfinite(deviation) || deviation <= 0) {
        return fail(CONVOY_ERROR_ARGUMENT,
                    "a normal fill needs a finite mean and a finite deviation above 0, not %g and "
                    "%g",
                    mean, deviation);
    }
    return fill_checked(tensor, &fill);
}

convoy_status convoy_tensor_fill_integers(const convoy_tensor *tensor, uint64_t seed, int64_t low,
                                          int64_t high)
{
    const int64_t largest = 1 << 24;
    const struct fill fill = {.value = integer, .seed = seed, .a = (double)low, .b = (double)high};

    if (low > high || low < -largest || high > largest) {
        return fail(CONVOY_ERROR_ARGUMENT,
                    "a fill of integers needs -2^24 <= low <= high <= 2^24, not %" PRId64
                    " and %" PRId64,
                    low, high);
    }
    return fill_checked(tensor, &fill);
}

convoy_status convoy_tensor_fill_impulse(const convoy_tensor *tensor, int64_t n, int64_t c,
                                         int64_t h, int64_t w, double value)
{
    const struct fill zero = {.value = ramp};
    convoy_status status = tensor_check_writable(tensor, "the tensor");

    if (status) {
        return status;
    }
    if (n < 0 || n >= tensor->N || c < 0 || c >= tensor->C || h < 0 || h >= tensor->H || w < 0 ||
        w >= tensor->W) {
        return fail(CONVOY_ERROR_ARGUMENT,
                    "the place %" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64
                    " is outside the extents %" PRId64 " x %" PRId64 " x %" PRId64 " x %" PRId64,
                    n, c, h, w, tensor->N, tensor->C, tensor->H, tensor->W);
    }
    fill_elements(tensor, &zero);
    convoy_tensor_set(tensor, n, c, h, w, value);
    return CONVOY_OK;
}
