/**
 * @file calibration_measure.c
 * Rates by small layers, each of which does hardly anything but what is asked for, and whose data
 * lies in L2; the rest is known by then and taken off. So a rate holds for the whole path, with the
 * loops around its kernels, and not for the kernel alone. Each probe counts by the least of its
 * times: what disturbs an execution only adds to it.
 */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/cpu.h"
#include "core/error.h"
#include "core/memory.h"
#include "kernels/kernel.h"
#include "plan/calibration.h"
#include "plan/forked.h"
#include "plan/plan.h"
#include "plan/request.h"

#define ROUNDS        5
#define PROBE_SECONDS 8e-3 /* of a probe, in a round */
#define STREAMS       8    /* readings of a buffer, of which the fastest counts */
#define FORKS         300
#define FAR_BYTES     ((size_t)128 << 20) /* 64 MiB stay in the L3 of large servers */
#define NEAR_L2S      3

/* What a rate is measured by. */
struct probe {
    const char *problem, *algorithm;
    convoy_layout layout;
    convoy_plan *plan;  /* owned */
    convoy_tensor x, y; /* owned */
    void *workspace;    /* owned */
    double seconds;     /* of one execution, the least */
};

/* In the order in which one needs what the ones before have found. */
enum { TINY, TILE, TRANSFORM, COPY, BLAS_TINY, BLAS, PROBES };

static const struct probe probes[PROBES] = {
    [TINY] = {"c16h1w1_k16r1s1", "direct", CONVOY_NHWC, .seconds = INFINITY},
    [TILE] = {"c64h16w16_k64r3s3_pd1", "direct", CONVOY_NHWC, .seconds = INFINITY},
    [TRANSFORM] = {"c64h24w24_k64r3s3_pd1", "winograd-f4x4-3x3", CONVOY_NHWC, .seconds = INFINITY},
    [COPY] = {"c64h16w16_k64r1s1", "direct", CONVOY_NCHW, .seconds = INFINITY},
    [BLAS_TINY] = {"c16h1w1_k16r1s1", "im2col", CONVOY_NHWC, .seconds = INFINITY},
    [BLAS] = {"c256h16w16_k256r1s1", "im2col", CONVOY_NHWC, .seconds = INFINITY},
};

static void probe_destroy(struct probe *probe)
{
    convoy_plan_destroy(probe->plan);
    convoy_tensor_destroy(&probe->x);
    convoy_tensor_destroy(&probe->y);
    convoy_workspace_destroy(probe->workspace);
    memset(probe, 0, sizeof *probe);
}

static convoy_status probe_create(struct probe *probe, const struct isa_kernels *kernels)
{
    convoy_layer layer;
    convoy_tensor filter = {.data = NULL};
    convoy_options options = {.algorithm = probe->algorithm, .threads = 1};
    convoy_status status = convoy_layer_parse(probe->problem, &layer);
    layer.layout = probe->layout;
    status = status ? status
                    : convoy_tensor_create(CONVOY_FLOAT32, CONVOY_NCHW, layer.K, layer.C, layer.R,
                                           layer.S, &filter);
    status = status ? status : convoy_tensor_fill_uniform(&filter, 1, -1, 1);
    convoy_weights weights = {filter.data, NULL};
    status = status ? status : plan_create_on(&layer, &weights, &options, kernels, &probe->plan);
    convoy_tensor_destroy(&filter);
    if (status) {
        return status;
    }
    const struct convoy_plan *plan = probe->plan;
    status =
        convoy_tensor_create(CONVOY_FLOAT32, layer.layout, 1, layer.C, layer.H, layer.W, &probe->x);
    status = status ? status : convoy_tensor_fill_uniform(&probe->x, 2, -1, 1);
    status = status ? status
                    : convoy_tensor_create(CONVOY_FLOAT32, layer.layout, 1, layer.K, plan->P,
                                           plan->Q, &probe->y);
    return status ? status : convoy_workspace_create(plan->workspace_bytes, &probe->workspace);
}

/* Executions for a while; a sample is so many that reading the clock does not show in it. */
static void probe_run(struct probe *probe)
{
    double started = clock_seconds(), now = started;
    int executions = 1;
    while (probe->plan && now - started < PROBE_SECONDS) {
        double begun = now;
        for (int i = 0; i < executions; i++) {
            convoy_plan_execute(probe->plan, &probe->x, &probe->y, probe->workspace);
        }
        now = clock_seconds();
        probe->seconds = fmin(probe->seconds, (now - begun) / executions);
        executions = now - begun < 50e-6 ? 2 * executions : executions;
    }
}

/* What is left of a probe's time for the work of one kind; never nothing, whatever was measured. */
static double rate(double seconds, double known, double work)
{
    return fmax(seconds - known, 0.1 * seconds) / work;
}

static void derive_execution(const struct probe *p, convoy_rates *rates)
{
    rates->execution = p[TINY].seconds;
}

/* The three rates of an ISA. */
static void derive_isa(const struct probe *p, convoy_rates *rates)
{
    const struct work *tile = &p[TILE].plan->work, *copy = &p[COPY].plan->work;
    const struct work *transform = &p[TRANSFORM].plan->work;
    rates->multiply = rate(p[TILE].seconds, rates->execution, tile->multiply);
    rates->transform =
        rate(p[TRANSFORM].seconds, rates->execution + transform->multiply * rates->multiply,
             transform->transform);
    rates->copy =
        rate(p[COPY].seconds, rates->execution + copy->multiply * rates->multiply, copy->copy);
}

/* Without a BLAS, its rates stay. */
static void derive_blas(const struct probe *p, convoy_rates *rates)
{
    if (p[BLAS].plan) {
        const struct work *blas = &p[BLAS].plan->work;
        rates->call = rate(p[BLAS_TINY].seconds, rates->execution, 1);
        double known = rates->execution + blas->calls * rates->call + blas->copy * rates->copy;
        rates->blas = rate(p[BLAS].seconds, known, blas->blas);
    }
}

/* Run the probes from `first` to before `end` on an ISA, then derive what they are for. */
static convoy_status run_probes(convoy_isa isa, int first, int end,
                                void (*derive)(const struct probe *, convoy_rates *),
                                convoy_rates *rates)
{
    struct probe own[PROBES];
    convoy_status status = CONVOY_OK;
    memcpy(own, probes, sizeof own);
    for (int i = first; i < end && !status; i++) {
        status = probe_create(&own[i], isa_kernels_find(isa));
        bool no_blas = status == CONVOY_ERROR_ALGORITHM && i >= BLAS_TINY;
        status = no_blas ? CONVOY_OK : status;
    }
    for (int round = 0; round < ROUNDS && !status; round++) {
        for (int i = first; i < end; i++) {
            probe_run(&own[i]);
        }
    }
    if (!status) {
        derive(own, rates);
    }
    for (int i = 0; i < PROBES; i++) {
        probe_destroy(&own[i]);
    }
    return status;
}

/* Seconds for each byte when `threads` threads read a part each, all at once. */
static double stream(const float *buffer, size_t bytes, int threads)
{
    const struct isa_kernels *kernels = isa_kernels_find(CONVOY_ISA_BEST);
    int64_t floats = (int64_t)(bytes / sizeof(float)) / threads / STREAM_FLOATS * STREAM_FLOATS;
    double best = INFINITY, started = 0;
    float used = 0;
    for (int i = 0; i <= STREAMS; i++) {
#pragma omp parallel num_threads(threads) reduction(+ : used)
        {
#pragma omp barrier
#pragma omp master
            started = clock_seconds();
            used += kernels->stream_read(buffer + omp_get_thread_num() * floats, floats);
        }
        best = i > 0 ? fmin(best, clock_seconds() - started) : best;
    }
    volatile float keep = used;
    (void)keep;
    return best / ((double)(floats * threads) * sizeof(float));
}

static convoy_status measure_bytes(int threads, convoy_rates *rates)
{
    void *memory = NULL;
    size_t near = NEAR_L2S * cpu_l2_bytes();
    size_t bytes = near > FAR_BYTES ? near : FAR_BYTES;
    convoy_status status = memory_allocate(bytes, "a buffer to measure bandwidth", &memory);
    if (!status) {
        memset(memory, 0, bytes);
        rates->near_byte = stream(memory, near, 1);
        rates->far_byte = fmax(stream(memory, bytes, 1), rates->near_byte);
        rates->shared_byte = threads > 1 ? stream(memory, bytes, threads) : rates->far_byte;
    }
    memory_free(memory);
    return status;
}

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* The median of waking the threads and waiting for them. One alone says nothing of others. */
static void measure_fork(int threads, convoy_rates *rates)
{
    double seconds[FORKS];
    int woken = 0;
    for (int i = 0; i < FORKS && threads > 1; i++) {
        double started = clock_seconds();
#pragma omp parallel num_threads(threads) reduction(+ : woken)
        woken++;
        seconds[i] = clock_seconds() - started;
    }
    if (threads > 1) {
        qsort(seconds, FORKS, sizeof seconds[0], ascending);
        rates->fork = seconds[FORKS / 2] / log2((double)threads);
    }
}

/* Rates that belong to the machine, from those of the portable ISA on, whose kernels copy for the
   BLAS. */
static convoy_status measure(int threads, struct convoy_calibration *calibration)
{
    convoy_rates machine = rates_built_in(CONVOY_ISA_PORTABLE);
    convoy_status status = run_probes(convoy_isa_best(), TINY, TILE, derive_execution, &machine);
    status =
        status ? status : run_probes(CONVOY_ISA_PORTABLE, TILE, BLAS_TINY, derive_isa, &machine);
    status =
        status ? status : run_probes(CONVOY_ISA_PORTABLE, BLAS_TINY, PROBES, derive_blas, &machine);
    status = status ? status : measure_bytes(threads, &machine);
    measure_fork(threads, &machine);
    for (int isa = CONVOY_ISA_PORTABLE; isa < CONVOY_ISA_COUNT && !status; isa++) {
        calibration->rates[isa] = machine;
        if (isa != CONVOY_ISA_PORTABLE && convoy_isa_usable((convoy_isa)isa)) {
            status =
                run_probes((convoy_isa)isa, TILE, BLAS_TINY, derive_isa, &calibration->rates[isa]);
        }
    }
    return status;
}

convoy_status convoy_calibration_measure(int threads, convoy_calibration **calibration)
{
    if (calibration == NULL) {
        return fail(CONVOY_ERROR_NULL, "the place for the calibration is NULL");
    }
    if (threads < 0 || threads > THREADS_MAX) {
        return fail(CONVOY_ERROR_ARGUMENT,
                    "a calibration on %d threads cannot be made; it is 0 (what OpenMP would use) "
                    "to %d",
                    threads, THREADS_MAX);
    }
    void *memory;
    convoy_status status =
        memory_allocate_cleared(sizeof(struct convoy_calibration), "the calibration", &memory);
    if (status) {
        return status;
    }
    struct convoy_calibration *created = memory;
    created->threads = request_threads(threads);
    int entered = forked_enter(created->threads);
    status = entered >= 0 && created->threads > 1
                 ? fail(CONVOY_ERROR_UNSUPPORTED,
                        "in the child of a fork there is one thread; measure on one, or before")
                 : measure(created->threads, created);
    forked_leave(entered);
    if (status) {
        convoy_calibration_destroy(created);
        return status;
    }
    *calibration = created;
    return CONVOY_OK;
}
