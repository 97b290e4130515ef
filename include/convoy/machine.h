/**
 * @file machine.h
 * What Convoy sees of the machine and of its own build.
 */
#ifndef CONVOY_MACHINE_H
#define CONVOY_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convoy/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Instruction sets that kernels are compiled for. CONVOY_ISA_BEST stands for the widest usable. */
typedef enum convoy_isa {
    CONVOY_ISA_BEST = 0,
    CONVOY_ISA_PORTABLE,
    CONVOY_ISA_AVX2,   /**< AVX2 and FMA */
    CONVOY_ISA_AVX512, /**< AVX-512 F, BW, DQ, VL */
    CONVOY_ISA_NEON,   /**< AArch64 Advanced SIMD */
    CONVOY_ISA_COUNT
} convoy_isa;

/** "best", "portable", "avx2", "avx512", "neon". */
CONVOY_API const char *convoy_isa_name(convoy_isa isa);

/** The ISA of a name. @retval CONVOY_ERROR_ISA  no such name; the detail lists the known ones;
 *  @retval CONVOY_ERROR_NULL */
CONVOY_API convoy_status convoy_isa_parse(const char *name, convoy_isa *isa);

/** Kernels for it are in this library. */
CONVOY_API bool convoy_isa_compiled(convoy_isa isa);

/** Compiled, and the machine can run it. */
CONVOY_API bool convoy_isa_usable(convoy_isa isa);

/** What CONVOY_ISA_BEST means here: the widest usable, or the one that the environment variable
 *  CONVOY_ISA names if it is usable (read once, at the first call). */
CONVOY_API convoy_isa convoy_isa_best(void);

typedef struct convoy_machine {
    char cpu[128];    /**< model name, "unknown" if the system does not tell */
    int cores;        /**< logical processors this process may use */
    int threads;      /**< what OpenMP would use: OMP_NUM_THREADS or the cores */
    size_t l1d_bytes; /**< data caches as the system reports them; 0 if it does not */
    size_t l2_bytes;
    size_t l3_bytes; /**< virtual machines may report absurd values */
    size_t line_bytes;
    uint64_t memory_bytes; /**< physical memory, or the control group's limit if lower */
    const char *compiler;  /**< e.g. "gcc 12.2.0" */
    const char *build;     /**< build type and options of the library */
    const char *gemm;      /**< version and configuration of the BLAS; "none" without */
    const char *gemm_core; /**< kernel set it chose, e.g. "SkylakeX"; "none" without */
} convoy_machine;

/** @retval CONVOY_ERROR_NULL */
CONVOY_API convoy_status convoy_machine_describe(convoy_machine *machine);

#ifdef __cplusplus
}
#endif
#endif
