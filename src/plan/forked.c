/**
 * @file forked.c
 * The handler of fork is registered before the first threads are started, so that a fork before
 * that costs nothing.
 */
#include "plan/forked.h"

#include <omp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

static atomic_bool watching, forked;

static void note_fork(void)
{
    atomic_store(&forked, true);
}

int forked_enter(int threads)
{
    if (threads > 1 && !atomic_load_explicit(&watching, memory_order_relaxed) &&
        !atomic_exchange(&watching, true)) {
        pthread_atfork(NULL, NULL, note_fork);
    }
    if (!atomic_load_explicit(&forked, memory_order_relaxed)) {
        return -1;
    }
    int levels = omp_get_max_active_levels();
    omp_set_max_active_levels(0); /* every parallel region has one thread */
    return levels;
}

void forked_leave(int entered)
{
    if (entered >= 0) {
        omp_set_max_active_levels(entered);
    }
}
