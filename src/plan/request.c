/**
 * @file request.c
 * Options in order: each checked, each default filled in.
 */
#include "plan/request.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "convoy/count.h"
#include "core/error.h"
#include "kernels/kernel.h"
#include "plan/algorithms.h"
#include "plan/calibration.h"

static convoy_status check_options(const convoy_options *options)
{
    if (options->threads < 0) {
        return fail(CONVOY_ERROR_ARGUMENT,
                    "options.threads is %d; it must be 0 (what OpenMP would use) or more",
                    options->threads);
    }
    if (options->tolerance < CONVOY_TOLERANCE_DEFAULT ||
        options->tolerance > CONVOY_TOLERANCE_BOUND) {
        return fail(CONVOY_ERROR_ARGUMENT,
                    "options.tolerance is %d; it must be one of convoy_tolerance, %d to %d",
                    (int)options->tolerance, CONVOY_TOLERANCE_DEFAULT, CONVOY_TOLERANCE_BOUND);
    }
    if (options->tolerance == CONVOY_TOLERANCE_BOUND &&
        !(options->error_bound > 0 && isfinite(options->error_bound))) {
        return fail(CONVOY_ERROR_ARGUMENT,
                    "options.error_bound is %g; CONVOY_TOLERANCE_BOUND needs a positive number, "
                    "for example 1e-5",
                    options->error_bound);
    }
    if (options->effort < CONVOY_ESTIMATE || options->effort > CONVOY_MEASURE) {
        return fail(CONVOY_ERROR_ARGUMENT,
                    "options.effort is %d; it must be one of convoy_effort, %d to %d",
                    (int)options->effort, CONVOY_ESTIMATE, CONVOY_MEASURE);
    }
    if (!(options->time_limit_s >= 0)) {
        return fail(CONVOY_ERROR_ARGUMENT,
                    "options.time_limit_s is %g; it must be 0 (one second) or more seconds",
                    options->time_limit_s);
    }
    if (options->executions < 0) {
        return fail(CONVOY_ERROR_ARGUMENT,
                    "options.executions is %lld; it must be 0 (many) or more",
                    (long long)options->executions);
    }
    if (options->denormals < CONVOY_KEEP_DENORMALS || options->denormals > CONVOY_FLUSH_DENORMALS) {
        return fail(CONVOY_ERROR_ARGUMENT,
                    "options.denormals is %d; it must be one of convoy_denormals, %d to %d",
                    (int)options->denormals, CONVOY_KEEP_DENORMALS, CONVOY_FLUSH_DENORMALS);
    }
    if (options->isa < CONVOY_ISA_BEST || options->isa >= CONVOY_ISA_COUNT) {
        return fail(CONVOY_ERROR_ARGUMENT,
                    "options.isa is %d; it must be one of convoy_isa, %d to %d", (int)options->isa,
                    CONVOY_ISA_BEST, CONVOY_ISA_COUNT - 1);
    }
    return CONVOY_OK;
}

static convoy_status find_kernels(convoy_isa isa, const struct isa_kernels **kernels)
{
    if (isa == CONVOY_ISA_BEST) {
        isa = convoy_isa_best();
    }
    *kernels = isa_kernels_find(isa);
    if (*kernels == NULL || !convoy_isa_usable(isa)) {
        return fail(CONVOY_ERROR_ISA, "the ISA %s is not %s; the best here is %s",
                    convoy_isa_name(isa),
                    *kernels ? "usable on this machine" : "compiled into this library",
                    convoy_isa_name(convoy_isa_best()));
    }
    return CONVOY_OK;
}

int request_threads(int threads)
{
    threads = threads > 0 ? threads : omp_get_max_threads();
    return threads < THREADS_MAX ? threads : THREADS_MAX;
}

convoy_status request_make(const convoy_layer *layer, const convoy_options *options,
                           const struct isa_kernels *kernels, struct request *request)
{
    static const convoy_options defaults;
    convoy_counts counts;
    /* Also refuses layers whose multiply-adds do not fit 63 bits: no algorithm need be ready for
       them. */
    convoy_status status = convoy_layer_count(layer, NULL, &counts);

    *request = (struct request){
        .layer = layer, .options = options ? *options : defaults, .kernels = kernels};
    if (status || (status = check_options(&request->options))) {
        return status;
    }
    if (!kernels && (status = find_kernels(request->options.isa, &request->kernels))) {
        return status;
    }
    const char *name = request->options.algorithm;
    if (name && strcmp(name, "auto") != 0) {
        status = algorithm_find(name, &request->forced);
    }
    request->threads = request_threads(request->options.threads);
    request->all_threads = request->forced != NULL;
    request->rates = rates_of(request->options.calibration, request->kernels->isa);
    request->portable_rates = rates_of(request->options.calibration, CONVOY_ISA_PORTABLE);
    return status;
}
