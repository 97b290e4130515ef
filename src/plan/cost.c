/**
 * @file cost.c
 * The time of an execution: work at its rate, shared by threads as evenly as its units allow, and
 * what the caches and the memory add to it.
 *
 * X and y are taken to be near: what fits L2 is there, what fits some L2s lies behind it. Packed
 * weights that do not stay in L2 come from memory, since other layers ran meanwhile, and are near
 * when they are read again.
 */
#include "plan/cost.h"

#include <math.h>

#include "core/arithmetic.h"
#include "core/cpu.h"
#include "core/layer_checked.h"

/* Waiting for x and y that multiply-adds do not hide, as rows are asked for ahead of their use. */
#define NOT_HIDDEN 0.5
/* Memory read in runs of so many bytes waits once more for each: prefetchers begin anew. */
#define RUN_BYTES 6000.0
/* Waiting for packed weights that asking for them ahead does not hide. */
#define W_NOT_HIDDEN 0.6
/* Where the L3 is slow, a core's part of it is little more than its L2: packed weights of so many
   L2s come from memory, others ran meanwhile. On Emerald Rapids what 9 MB of them cost fits the
   L3, what 14 MB cost memory. */
#define W_NEAR_L2S 6.0
/* Seconds for a byte from L2. */
#define L2_BYTE 0.012e-9

convoy_rates rates_built_in(convoy_isa isa)
{
    /* A core of 3 to 4 GHz with two units for multiply-adds of 256 bits, or one of 2.5 GHz with two
       of 512, which is what has AVX-512 and a slow L3. Transforms go through memory where there are
       16 registers, and are bound by loads and stores where units are wide. */
    const bool slow_l3 = cpu_l3_slow();
    double wide = slow_l3 ? 0.21e-9 : 0.27e-9;
    double vector = isa == CONVOY_ISA_AVX512 ? wide : isa == CONVOY_ISA_AVX2 ? 0.14e-9 : 0.22e-9;
    return (convoy_rates){
        .multiply = vector,
        .transform =
            (isa == CONVOY_ISA_AVX2 || (isa == CONVOY_ISA_AVX512 && slow_l3) ? 1.2 : 1) * vector,
        .copy = vector,
        .blas = 0.02e-9,
        .call = 0.1e-6,
        .near_byte = slow_l3 ? 0.045e-9 : 0.012e-9,
        .far_byte = slow_l3 ? 0.07e-9 : 0.04e-9,
        .shared_byte = 0.02e-9,
        .execution = 0.8e-6,
        .fork = 3e-6,
    };
}

/* Seconds for reading bytes that L2 does not hold, of a set of which the part `far` comes from
   memory: `each` by the busiest thread, `all` by all threads. */
static double traffic(const convoy_rates *rates, double each, double all, double far)
{
    double alone = each * (far * rates->far_byte + (1 - far) * rates->near_byte);
    return fmax(alone, all * far * rates->shared_byte);
}

/* What is written is read first. What fits L2 is there for one thread; of several, each finds most
   of its part in the L2 of another. */
static double operands_traffic(const struct convoy_plan *plan, const convoy_rates *rates,
                               double share)
{
    double x = layer_x_bytes(&plan->layer), y = layer_y_bytes(&plan->layer);
    double run = plan->work.run_bytes, bytes = NOT_HIDDEN * (x + 2 * y);
    if (run > 0 && x + y > cpu_near_bytes()) {
        bytes += RUN_BYTES / run * x;
    }
    return x + y <= (double)cpu_l2_bytes() && share == 1
               ? 0
               : traffic(rates, share * bytes, bytes, fmin((x + y) / cpu_near_bytes(), 1));
}

static double w_near_bytes(void)
{
    return cpu_l3_slow() ? W_NEAR_L2S * (double)cpu_l2_bytes() : cpu_near_bytes();
}

/* What L2 cannot hold of a thread's part of the packed weights comes anew for each block of pixels.
   All of it passes to L1, which shows where few pixels use it: then multiply-adds wait. */
static double weights_traffic(const struct convoy_plan *plan, const convoy_rates *rates,
                              double share, double multiply_seconds)
{
    double w = (double)plan->packed_w_bytes, read = w * share * fmax(plan->work.w_passes, 1);
    double part = fmin(w, read), beyond = fmax(part - (double)cpu_l2_bytes(), 0);
    double again = part > 0 ? beyond * (read / part - 1) * rates->near_byte : 0;
    double to_l1 = w > (double)cpu_l1d_bytes() ? read * L2_BYTE : 0;
    double far = fmin(w / w_near_bytes(), 1);
    double waiting = traffic(rates, beyond, fmin(w, beyond / share), far) + again;
    return W_NOT_HIDDEN * waiting + fmax(to_l1 - multiply_seconds, 0);
}

/* Part of the units that the busiest of the threads gets. */
static double busiest_share(const struct work *work, int threads)
{
    int64_t units = max64(work->units, 1);
    return (double)divide_up(units, threads) / (double)units;
}

/* Threads do not begin at the same moment, nor do all units take the same time: in the mean half a
   unit of this length is waited for at the end, unless each thread has one only. */
static double last_unit(const struct work *work, int threads, double busy_seconds)
{
    double units = (double)divide_up(max64(work->units, 1), threads);
    return threads > 1 ? 0.5 * busy_seconds / units * (1 - 1 / units) : 0;
}

convoy_prediction cost_predict(const struct convoy_plan *plan, const convoy_rates *rates,
                               int threads)
{
    const struct work *work = &plan->work;
    double share = busiest_share(work, threads);
    double multiply = (work->multiply * rates->multiply + work->blas * rates->blas) * share;
    double transform = (work->transform * rates->transform + work->copy * rates->copy) * share;
    convoy_prediction p = {
        .multiply_seconds = multiply,
        .transform_seconds = transform,
        .traffic_seconds =
            operands_traffic(plan, rates, share) + weights_traffic(plan, rates, share, multiply),
        .overhead_seconds = rates->execution + work->calls * rates->call * share +
                            rates->fork * log2((double)threads) +
                            last_unit(work, threads, multiply + transform),
        .creation_seconds = work->pack * rates->transform / threads,
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
