/**
 * @file random.h
 * Random numbers for tests: seeded, the same on every machine, and printed by the test that fails.
 */
#ifndef CONVOY_TESTS_RANDOM_H
#define CONVOY_TESTS_RANDOM_H

#include <stdint.h>

/** splitmix64 (Steele, Lea, Flood 2014). */
static inline uint64_t random_next(uint64_t *state)
{
    uint64_t bits = *state += 0x9e3779b97f4a7c15u;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
    return bits ^ (bits >> 31);
}

/** Uniform in low..high, both included; high - low below 2^63. */
static inline int64_t random_between(uint64_t *state, int64_t low, int64_t high)
{
    uint64_t count = (uint64_t)high - (uint64_t)low + 1;
    return low + (int64_t)(random_next(state) % count);
}

#endif
