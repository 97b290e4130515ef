/**
 * @file context.h
 * The head of a run: the machine, its limits, and how the program was built.
 */
#ifndef CONVOY_BENCH_CONTEXT_H
#define CONVOY_BENCH_CONTEXT_H

#include <stdbool.h>
#include <stdio.h>

#include "bench/machine_limits.h"
#include "bench/options.h"
#include "bench/select.h"

/* Limits that differ by more before and after a run were not measured on a quiet machine. */
#define QUIET_DIFFERENCE 0.10

/** Print the head of a run. */
void context_print(FILE *file, const struct limits *limits, const struct options *options);
/** Print how the limits were after the run, and whether the machine was quiet. */
void context_print_after(FILE *file, const struct limits *before, const struct limits *after);

/** The same as lines of the JSON context. */
void context_register(const struct limits *limits, const struct options *options,
                      const struct selection *selection, const char *command);
void context_register_after(const struct limits *before, const struct limits *after);

/** Keys of limits in the JSON context: "peak/avx2/threads:1", "read/L1/threads:1". */
void context_peak_key(convoy_isa isa, int threads, char *key, size_t size);
void context_read_key(enum memory_level level, int threads, char *key, size_t size);

#endif
