/**
 * @file clock.h
 * Seconds of a clock that never goes back.
 */
#ifndef CONVOY_CORE_CLOCK_H
#define CONVOY_CORE_CLOCK_H

#include <time.h>

static inline double clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#endif
