/**
 * @file share.h
 * A plan's work, cut into units, on its threads.
 */
#ifndef CONVOY_KERNELS_SHARE_H
#define CONVOY_KERNELS_SHARE_H

#include "kernels/algorithm.h"

enum share_order {
    SHARE_TO_THE_FREE, /* the next unit to the thread that asks next */
    SHARE_EVENLY,      /* to the same threads each time, in whose caches their y still is */
};

/* What a thread of a plan still has to do. */
struct share {
    int64_t next, end;    /* its own units */
    int64_t *next_of_all; /* or those of all threads; NULL: none */
};

/* The next unit for this thread, -1: there is none. */
static inline int64_t share_next(struct share *share)
{
    int64_t unit;
    if (!share->next_of_all) {
        return share->next < share->end ? share->next++ : -1;
    }
#pragma omp atomic capture
    unit = (*share->next_of_all)++;
    return unit < share->end ? unit : -1;
}

/* What one thread does: unit after unit, until there is none. `workspace`: its own. */
typedef void share_function(const struct convoy_plan *plan, const struct operands *operands,
                            char *workspace, struct share *share);

/* The units 0 ... units - 1 on so many threads, each in the plan's state for denormals. One thread
   is the caller's, without OpenMP, whose regions and loops take as long as a tiny layer. */
void share_units(const struct convoy_plan *plan, const struct operands *operands, int threads,
                 int64_t units, enum share_order order, share_function *work);

#endif
