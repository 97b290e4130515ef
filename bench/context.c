/**
 * @file context.c
 * The head of a run, for people and as lines of the JSON context.
 */
#include "bench/context.h"

#include <omp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#ifdef CONVOY_HAVE_OPENBLAS
#include <cblas.h>
#endif

#include "bench/gbench.h"
#include "bench_commit.h"

static const char *blas_threads(void)
{
#ifdef CONVOY_HAVE_OPENBLAS
    switch (openblas_get_parallel()) {
    case OPENBLAS_SEQUENTIAL:
        return "sequential";
    case OPENBLAS_THREAD:
        return "pthreads";
    case OPENBLAS_OPENMP:
        return "OpenMP";
    }
#endif
    return "none";
}

static const char *binding_name(void)
{
    static const char *const names[] = {"false", "true", "primary", "close", "spread"};
    int binding = (int)omp_get_proc_bind();
    return binding >= 0 && binding < 5 ? names[binding] : "unknown";
}

static void isa_names(char *text, size_t size)
{
    size_t length = 0;
    text[0] = '\0';
    for (int isa = CONVOY_ISA_PORTABLE; isa < CONVOY_ISA_COUNT && length < size; isa++) {
        if (convoy_isa_usable((convoy_isa)isa)) {
            length += (size_t)snprintf(text + length, size - length, "%s%s", length ? " " : "",
                                       convoy_isa_name((convoy_isa)isa));
        }
    }
}

static double load_average(void)
{
    double load[1];
    return getloadavg(load, 1) == 1 ? load[0] : -1;
}

static void print_caches(FILE *file, const struct limits *limits, const convoy_machine *machine)
{
    const size_t reported[] = {machine->l1d_bytes, machine->l2_bytes, machine->l3_bytes};
    fprintf(file, "caches     ");
    for (int level = LEVEL_L1; level < LEVEL_MEMORY; level++) {
        fprintf(file, "%s %.0f KiB reported, %.0f measured (%.1f ns); ",
                memory_level_name((enum memory_level)level), (double)reported[level] / 1024,
                limits->cache_bytes[level] / 1024, limits->latency_ns[level]);
    }
    fprintf(file, "memory %.0f ns\n", limits->latency_ns[LEVEL_MEMORY]);
}

static void print_limits(FILE *file, const struct limits *limits)
{
    fprintf(file, "FMA peak   ");
    for (size_t i = 0; i < limits->peak_count; i++) {
        const struct peak_limit *peak = &limits->peaks[i];
        fprintf(file, "%s%s threads:%d %.1f GFLOP/s", i ? "; " : "", convoy_isa_name(peak->isa),
                peak->threads, peak->flops / 1e9);
    }
    fputc('\n', file);
    for (size_t i = 0; i < limits->bandwidth_count; i++) {
        const struct bandwidth_limit *b = &limits->bandwidths[i];
        fprintf(file, "bandwidth  threads:%d, read/copy GB/s:", b->threads);
        for (int level = LEVEL_L1; level < LEVELS; level++) {
            if (b->read[level] > 0) {
                fprintf(file, " %s %.0f/%.0f", memory_level_name((enum memory_level)level),
                        b->read[level] / 1e9, b->copy[level] / 1e9);
            }
        }
        fputc('\n', file);
    }
}

void context_print(FILE *file, const struct limits *limits, const struct options *options)
{
    convoy_machine machine;
    if (convoy_machine_describe(&machine)) {
        return;
    }
    char isas[96];
    isa_names(isas, sizeof isas);
    fprintf(file, "machine    %s, %d cores, %.2f GHz estimated, %s; load average %.2f\n",
            machine.cpu, machine.cores, limits->frequency_hz / 1e9, isas, load_average());
    print_caches(file, limits, &machine);
    print_limits(file, limits);
    fprintf(file, "build      convoy %s %s, %s, %s\n", convoy_version(), BENCH_COMMIT,
            machine.compiler, machine.build);
    fprintf(file, "flags      %s\n", BENCH_FLAGS);
    fprintf(file, "BLAS       %s, core %s, threads %s\n", machine.gemm, machine.gemm_core,
            blas_threads());
    fprintf(file, "OpenMP     %d threads, binding %s; cache mode %s\n\n", omp_get_max_threads(),
            binding_name(), cache_mode_name(options->cache));
}

void context_print_after(FILE *file, const struct limits *before, const struct limits *after)
{
    double difference = limits_difference(before, after);
    fprintf(file, "\nafter the run:\n");
    print_limits(file, after);
    if (difference > QUIET_DIFFERENCE) {
        fprintf(
            file,
            "The machine was not quiet: its limits before and after the run differ by %.0f %%.\n",
            100 * difference);
    } else {
        fprintf(file, "The machine was quiet: its limits before and after differ by %.1f %%.\n",
                100 * difference);
    }
}

static void register_text(const char *key, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void register_text(const char *key, const char *format, ...)
{
    char *text;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) >= 0) {
        /* GB's JSON writer does not escape: keep to what needs none. */
        for (char *c = text; *c; c++) {
            if (*c == '"' || *c == '\\' || (unsigned char)*c < ' ') {
                *c = '\'';
            }
        }
        gbench_context(key, text);
        free(text);
    }
    va_end(arguments);
}

void context_peak_key(convoy_isa isa, int threads, char *key, size_t size)
{
    snprintf(key, size, "peak/%s/threads:%d", convoy_isa_name(isa), threads);
}

void context_read_key(enum memory_level level, int threads, char *key, size_t size)
{
    snprintf(key, size, "read/%s/threads:%d", memory_level_name(level), threads);
}

static void register_limits(const struct limits *limits, const char *prefix)
{
    char key[64], full[96];
    for (size_t i = 0; i < limits->peak_count; i++) {
        const struct peak_limit *peak = &limits->peaks[i];
        context_peak_key(peak->isa, peak->threads, key, sizeof key);
        snprintf(full, sizeof full, "%s%s", prefix, key);
        register_text(full, "%.6g", peak->flops);
    }
    for (size_t i = 0; i < limits->bandwidth_count; i++) {
        const struct bandwidth_limit *b = &limits->bandwidths[i];
        for (int level = LEVEL_L1; level < LEVELS; level++) {
            if (b->read[level] > 0) {
                context_read_key((enum memory_level)level, b->threads, key, sizeof key);
                snprintf(full, sizeof full, "%s%s", prefix, key);
                register_text(full, "%.6g", b->read[level]);
                snprintf(full, sizeof full, "%scopy%s", prefix, key + strlen("read"));
                register_text(full, "%.6g", b->copy[level]);
            }
        }
    }
}

static void register_caches(const struct limits *limits, const convoy_machine *machine)
{
    const size_t reported[] = {machine->l1d_bytes, machine->l2_bytes, machine->l3_bytes};
    for (int level = LEVEL_L1; level < LEVEL_MEMORY; level++) {
        const char *name = memory_level_name((enum memory_level)level);
        char key[32];
        snprintf(key, sizeof key, "reported/%s", name);
        register_text(key, "%zu", reported[level]);
        snprintf(key, sizeof key, "measured/%s", name);
        register_text(key, "%.0f", limits->cache_bytes[level]);
    }
    register_text("cold_bytes", "%.0f", limits->cold_bytes);
    register_text("frequency_hz", "%.4g", limits->frequency_hz);
}

void context_register(const struct limits *limits, const struct options *options,
                      const struct selection *selection, const char *command)
{
    convoy_machine machine;
    if (convoy_machine_describe(&machine)) {
        return;
    }
    char isas[96], key[160], problem[CONVOY_PROBLEM_SIZE];
    isa_names(isas, sizeof isas);
    register_text("cpu", "%s", machine.cpu);
    register_text("cores", "%d", machine.cores);
    register_text("isas", "%s", isas);
    register_text("compiler", "%s", machine.compiler);
    register_text("build", "%s", machine.build);
    register_text("flags", "%s", BENCH_FLAGS);
    register_text("convoy", "%s", convoy_version());
    register_text("commit", "%s", BENCH_COMMIT);
    register_text("blas", "%s", machine.gemm);
    register_text("blas_core", "%s", machine.gemm_core);
    register_text("blas_threads", "%s", blas_threads());
    register_text("openmp_threads", "%d", omp_get_max_threads());
    register_text("openmp_binding", "%s", binding_name());
    register_text("load_before", "%.2f", load_average());
    register_text("cache_mode", "%s", cache_mode_name(options->cache));
    register_text("command", "%s", command);
    register_caches(limits, &machine);
    register_limits(limits, "");
    for (size_t i = 0; i < selection->layers.count; i++) {
        const struct named_layer *named = &selection->layers.layers[i];
        snprintf(key, sizeof key, "layer/%s", named->name);
        convoy_layer_print(&named->layer, problem, sizeof problem);
        register_text(key, "%s", problem);
    }
}

void context_register_after(const struct limits *before, const struct limits *after)
{
    double difference = limits_difference(before, after);
    register_limits(after, "after/");
    register_text("limits_difference", "%.4f", difference);
    register_text("quiet", "%s", difference > QUIET_DIFFERENCE ? "no" : "yes");
    register_text("load_after", "%.2f", load_average());
}
