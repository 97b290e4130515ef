/**
 * @file winograd_ahead.h
 * Memory that is asked for while the multiply runs, so that the transforms around it find it in
 * L2: rows of the next block's x, and of this block's y.
 */
#ifndef CONVOY_KERNELS_WINOGRAD_AHEAD_H
#define CONVOY_KERNELS_WINOGRAD_AHEAD_H

#include "kernels/winograd/winograd.h"

#define AHEAD_ROWS_MAX 32

struct ahead {
    struct {
        const float *from, *end;
    } rows[AHEAD_ROWS_MAX];
    int count;
};

/* For the block of tiles tile <= t < end; nothing where it would crowd L2. */
void ahead_fill(const struct convoy_plan *plan, const struct operands *operands,
                const struct winograd_block *block, int64_t tile, int64_t end, struct ahead *ahead);

/* The next piece, of at most `floats`; NULL when there is none left. */
const float *ahead_next(struct ahead *ahead, int64_t floats);

#endif
