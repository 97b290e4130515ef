/**
 * @file machine.c
 * ISAs by name, which of them can be used, and what the machine and the build are.
 */
#include "convoy/machine.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cpu.h"
#include "core/error.h"
#include "kernels/kernel.h"

#ifdef CONVOY_HAVE_OPENBLAS
#include <cblas.h>
#endif

#define TEXT_(value) #value
#define TEXT(value)  TEXT_(value)

#if defined(__clang__)
#define COMPILER                                                                                   \
    "clang " TEXT(__clang_major__) "." TEXT(__clang_minor__) "." TEXT(__clang_patchlevel__)
#elif defined(__GNUC__)
#define COMPILER "gcc " TEXT(__GNUC__) "." TEXT(__GNUC_MINOR__) "." TEXT(__GNUC_PATCHLEVEL__)
#else
#define COMPILER "unknown"
#endif

static const char *const names[CONVOY_ISA_COUNT] = {
    [CONVOY_ISA_BEST] = "best",     [CONVOY_ISA_PORTABLE] = "portable", [CONVOY_ISA_AVX2] = "avx2",
    [CONVOY_ISA_AVX512] = "avx512", [CONVOY_ISA_NEON] = "neon",
};

const char *convoy_isa_name(convoy_isa isa)
{
    return (unsigned)isa < CONVOY_ISA_COUNT ? names[isa] : "unknown";
}

convoy_status convoy_isa_parse(const char *name, convoy_isa *isa)
{
    char known[80] = "";
    if (name == NULL || isa == NULL) {
        return fail(CONVOY_ERROR_NULL, "the %s is NULL",
                    name ? "place for the ISA" : "name of the ISA");
    }
    for (int i = 0; i < CONVOY_ISA_COUNT; i++) {
        if (strcmp(names[i], name) == 0) {
            *isa = (convoy_isa)i;
            return CONVOY_OK;
        }
        strcat(strcat(known, i ? ", " : ""), names[i]);
    }
    return fail(CONVOY_ERROR_ISA, "there is no ISA '%.60s'; known are %s", name, known);
}

bool convoy_isa_compiled(convoy_isa isa)
{
    return isa == CONVOY_ISA_BEST || isa_kernels_find(isa) != NULL;
}

bool convoy_isa_usable(convoy_isa isa)
{
    return convoy_isa_compiled(isa) && cpu_runs(isa);
}

static convoy_isa find_best(void)
{
    static const convoy_isa widest_first[] = {CONVOY_ISA_AVX512, CONVOY_ISA_AVX2, CONVOY_ISA_NEON};
    const char *wanted = getenv("CONVOY_ISA");

    for (int i = CONVOY_ISA_PORTABLE; wanted && i < CONVOY_ISA_COUNT; i++) {
        if (strcmp(wanted, names[i]) == 0 && convoy_isa_usable((convoy_isa)i)) {
            return (convoy_isa)i;
        }
    }
    for (size_t i = 0; i < sizeof widest_first / sizeof widest_first[0]; i++) {
        if (convoy_isa_usable(widest_first[i])) {
            return widest_first[i];
        }
    }
    return CONVOY_ISA_PORTABLE;
}

convoy_isa convoy_isa_best(void)
{
    /* Threads that come first at the same time all find the same. */
    static atomic_int best = CONVOY_ISA_BEST;
    int isa = atomic_load_explicit(&best, memory_order_relaxed);
    if (isa == CONVOY_ISA_BEST) {
        isa = (int)find_best();
        atomic_store_explicit(&best, isa, memory_order_relaxed);
    }
    return (convoy_isa)isa;
}

convoy_status convoy_machine_describe(convoy_machine *machine)
{
    if (machine == NULL) {
        return fail(CONVOY_ERROR_NULL, "the place for the machine is NULL");
    }
    *machine = (convoy_machine){
        .compiler = COMPILER, .build = CONVOY_BUILD_TEXT, .gemm = "none", .gemm_core = "none"};
    cpu_describe(machine);
#ifdef CONVOY_HAVE_OPENBLAS
    machine->gemm = openblas_get_config();
    machine->gemm_core = openblas_get_corename();
#endif
    return CONVOY_OK;
}
