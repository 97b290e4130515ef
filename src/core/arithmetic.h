/**
 * @file arithmetic.h
 * Checked 64-bit arithmetic. Every size and count of the library is computed with these.
 */
#ifndef CONVOY_CORE_ARITHMETIC_H
#define CONVOY_CORE_ARITHMETIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** *product *= factor; false when it does not fit (*product is then of no use). */
static inline bool multiply_checked(int64_t *product, int64_t factor)
{
    return !__builtin_mul_overflow(*product, factor, product);
}

/** a * b, or INT64_MAX when it does not fit, for a, b >= 0. */
static inline int64_t multiply_saturated(int64_t a, int64_t b)
{
    return multiply_checked(&a, b) ? a : INT64_MAX;
}

/** *sum += term; false when it does not fit. */
static inline bool add_checked(int64_t *sum, int64_t term)
{
    return !__builtin_add_overflow(*sum, term, sum);
}

static inline int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/** Ceiling of a / b for a >= 0, b > 0. */
static inline int64_t divide_up(int64_t a, int64_t b)
{
    return a / b + (a % b != 0);
}

/** The smallest multiple of b that is at least a, for a >= 0, b > 0. */
static inline int64_t round_up(int64_t a, int64_t b)
{
    return divide_up(a, b) * b;
}

#endif
