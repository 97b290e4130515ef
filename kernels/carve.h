/**
 * @file carve.h
 * A thread's workspace, cut into parts; and with no workspace, how many bytes they take.
 */
#ifndef CONVOY_KERNELS_CARVE_H
#define CONVOY_KERNELS_CARVE_H

#include <stddef.h>
#include <stdint.h>

#include "convoy/tensor.h"
#include "core/arithmetic.h"

/** The next `bytes` of the workspace, on a line of their own; NULL where that is NULL. */
static inline void *carve(char *workspace, int64_t *used, int64_t bytes)
{
    char *part = workspace ? workspace + *used : NULL;
    *used += round_up(bytes, CONVOY_ALIGNMENT);
    return part;
}

#endif
