/**
 * @file cost.c
 * The time of an execution: work at its rate, shared by threads as evenly as its units allow, and
 * what the caches and the memory add to it.
 *
 * Caches are taken to be warm: the layer ran before, and all that fits L2 (or lies behind it, up to
 * some L2s) is still there.
 */
#include "plan/cost.h"

#include <math.h>

#include "core/arithmetic.h"
#include "core/cpu.h"
#include "core/layer_checked.h"

/* A larger set than so many L2s is taken to come from memory: what a machine reports of its L3 is
   not to be trusted. */
#define MEMORY_L2S 8

convoy_rates rates_built_in(convoy_isa isa)
{
    /* A core of 3 to 4 GHz with two units for multiply-adds of 256 bits. */
    double vector = isa == CONVOY_ISA_AVX512 ? 0.27e-9 : isa == CONVOY_ISA_AVX2 ? 0.14e-9 : 0.25e-9;
    return (convoy_rates){
        .multiply = vector,
        .transform = vector,
        .copy = vector,
        .blas = 0.022e-9,
        .call = 0.5e-6,
        .near_byte = 0.025e-9,
        .far_byte = 0.045e-9,
        .shared_byte = 0.03e-9,
        .execution = 0.5e-6,
        .fork = 3e-6,
    };
}

/* Seconds for reading bytes of a set of this size, of which the busiest thread reads `share`. */
static double traffic(const convoy_rates *rates, double bytes, double set_bytes, double share)
{
    double l2 = (double)cpu_l2_bytes();
    if (set_bytes <= l2) {
        return 0;
    }
    if (set_bytes <= MEMORY_L2S * l2) {
        return bytes * rates->near_byte * share;
    }
    double alone = bytes * rates->far_byte * share;
    return share < 1 ? fmax(alone, bytes * rates->shared_byte) : alone;
}

/* Part of the units that the busiest of the threads gets. */
static double busiest_share(const struct work *work, int threads)
{
    int64_t units = max64(work->units, 1);
    return (double)divide_up(units, threads) / (double)units;
}

convoy_prediction cost_predict(const struct convoy_plan *plan, const convoy_rates *rates,
                               int threads)
{
    const convoy_layer *l = &plan->layer;
    const struct work *work = &plan->work;
    double share = busiest_share(work, threads), w = (double)plan->packed_w_bytes;
    double x = 4.0 * (double)(l->N * l->C * l->H) * (double)l->W;
    double y = 4.0 * (double)(l->N * l->K * plan->P) * (double)plan->Q;
    double multiply = (work->multiply * rates->multiply + work->blas * rates->blas) * share;
    /* What is written is read first. W is asked for while the multiply-adds go on. */
    double weights = traffic(rates, w, x + y + w, share) +
                     traffic(rates, w * fmax(work->w_passes - 1, 0), w, share);
    convoy_prediction p = {
        .multiply_seconds = multiply,
        .transform_seconds =
            (work->transform * rates->transform + work->copy * rates->copy) * share,
        .traffic_seconds =
            traffic(rates, x + 2 * y, x + y + w, share) + fmax(weights - multiply, 0),
        .overhead_seconds = rates->execution + work->calls * rates->call * share +
                            rates->fork * log2((double)threads),
        .creation_seconds = work->pack * rates->transform,
    };
    p.seconds = p.multiply_seconds + p.transform_seconds + p.traffic_seconds + p.overhead_seconds;
    return p;
}

int cost_best_threads(const struct convoy_plan *plan, const convoy_rates *rates)
{
    int best = plan->threads;
    double least = cost_predict(plan, rates, best).seconds;
    for (int threads = plan->threads / 2; threads >= 1; threads /= 2) {
        double seconds = cost_predict(plan, rates, threads).seconds;
        if (seconds < least) {
            least = seconds;
            best = threads;
        }
    }
    return best;
}
