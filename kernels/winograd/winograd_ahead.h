/**
 * @file winograd_ahead.h
 * Memory that is asked for while the multiply runs, so that the transforms around it find it in
 * L2: y of this block of channels and, while the last of them is multiplied, the next block's x.
 * Earlier would be too early: packed w of the blocks between flows through L2.
 */
#ifndef CONVOY_KERNELS_WINOGRAD_AHEAD_H
#define CONVOY_KERNELS_WINOGRAD_AHEAD_H

#include "kernels/winograd/winograd.h"

#define AHEAD_AREAS_MAX 16

/* rows x steps x floats, of which the floats are consecutive. */
struct ahead_area {
    const float *from;
    int64_t rows, steps, floats;
    int64_t piece; /* steps that a register tile asks for at a time */
    ptrdiff_t row_stride, step_stride;
};

struct ahead {
    struct ahead_area areas[AHEAD_AREAS_MAX]; /* the last is the next */
    int count;
    int64_t row, first, step; /* where in that area; `first` counts floats */
    int64_t floats;           /* of a step, at most: */
    bool most;                /* ahead_most of struct tile_sums, not ahead_floats */
    int64_t steps;            /* that a register tile can ask for */
    int64_t pieces, calls;    /* pieces of all areas, and calls to spread them over, about */
    int64_t bytes;            /* of all areas */
    int64_t due;              /* pieces that calls have earned, times calls */
};

/* For the block of tiles tile <= t < end and one block of channels, `last` of them or not, and
   `calls` of register tiles, each a sum of `depth` terms. Nothing where it would crowd L2,
   where lines are far away (asks_for_x of struct blocking), and of dilated layers. */
void ahead_fill(const struct convoy_plan *plan, const struct operands *operands,
                const struct winograd_block *block, const struct winograd_k_block *k_block,
                int64_t tile, int64_t end, bool last, int64_t calls, int64_t depth,
                struct ahead *ahead);

/* The pieces that are due while so many register tiles are multiplied, one each at most. Returns
   how many. */
int ahead_next(struct ahead *ahead, int tiles, struct tile_ahead *asks);

#endif
