/**
 * @file share.c
 * A plan's work, cut into units, on its threads.
 */
#include "kernels/share.h"

#include <omp.h>

#include "core/denormals.h"

static void work_share(const struct convoy_plan *plan, const struct operands *operands, int thread,
                       struct share *share, share_function *work)
{
    const uint64_t state = denormals_enter(plan->flush_denormals);
    char *workspace = operands->workspace;
    if (workspace) { /* not all kernels need one */
        workspace += thread * plan->blocking.thread_bytes;
    }
    work(plan, operands, workspace, share);
    denormals_leave(plan->flush_denormals, state);
}

void share_units(const struct convoy_plan *plan, const struct operands *operands, int threads,
                 int64_t units, enum share_order order, share_function *work)
{
    if (threads <= 1) {
        work_share(plan, operands, 0, &(struct share){0, units, NULL}, work);
        return;
    }
    int64_t next = 0;
#pragma omp parallel num_threads(threads)
    {
        const int64_t thread = omp_get_thread_num(), count = omp_get_num_threads();
        struct share share = {0, units, &next};
        if (order == SHARE_EVENLY) {
            share = (struct share){units * thread / count, units * (thread + 1) / count, NULL};
        }
        work_share(plan, operands, (int)thread, &share, work);
    }
}
