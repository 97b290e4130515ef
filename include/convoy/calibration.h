/**
 * @file calibration.h
 * What this machine takes for the things that algorithms do, measured in about a second and kept:
 * what predictions of time are made of. options.calibration of a plan gives it to the planner;
 * without one, built-in rates of a usual core hold.
 *
 * A calibration never changes once it is made, so that one may serve many plans at a time.
 *
 * As text, with times in picoseconds:
 *
 *     convoy-calibration 1
 *     version 0.1.0
 *     machine AMD EPYC, portable+avx2+avx512, L1d 32768, L2 1048576
 *     threads 2
 *     machine blas 20.914
 *     avx512 multiply 273.400
 *
 * and so on, each rate once. Lines that begin with # are comments.
 */
#ifndef CONVOY_CALIBRATION_H
#define CONVOY_CALIBRATION_H

#include "convoy/plan.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Seconds of one thread. The first three differ from ISA to ISA. */
typedef struct convoy_rates {
    double multiply;    /**< a vector multiply-add in a register tile */
    double transform;   /**< a transform's work of the same length on the machine of the built-in
                             rates; packing weights too */
    double copy;        /**< likewise of transposing and copying */
    double blas;        /**< a multiply-add of the BLAS, of one float */
    double call;        /**< a call of the BLAS */
    double near_byte;   /**< a byte read from what lies behind L2, if that is a cache */
    double far_byte;    /**< a byte read from memory */
    double shared_byte; /**< the same where all threads do so: what they take for it together */
    double execution;   /**< fixed, for an execution */
    double fork; /**< fixed, for an execution on several threads, for each doubling of them */
} convoy_rates;

/**
 * Measure all ISAs that are usable. The machine should do nothing else meanwhile.
 * @param threads      that work together later; 0: what OpenMP would use
 * @param calibration  receives it, to be freed with convoy_calibration_destroy
 * @retval CONVOY_ERROR_NULL, CONVOY_ERROR_ARGUMENT (threads), CONVOY_ERROR_MEMORY
 * @retval CONVOY_ERROR_UNSUPPORTED  several threads in the child of a fork
 */
CONVOY_API convoy_status convoy_calibration_measure(int threads, convoy_calibration **calibration);

/** NULL is fine. No plan is being created with it; those that were may go on. */
CONVOY_API void convoy_calibration_destroy(convoy_calibration *calibration);

/** Threads that it was measured on; 0 for NULL. */
CONVOY_API int convoy_calibration_threads(const convoy_calibration *calibration);

/**
 * The rates of an ISA.
 * @param calibration  NULL: those built in
 * @retval CONVOY_ERROR_ISA  not usable here; CONVOY_ERROR_NULL
 */
CONVOY_API convoy_status convoy_calibration_rates(const convoy_calibration *calibration,
                                                  convoy_isa isa, convoy_rates *rates);

/**
 * Read a text, which may come from anywhere: it is checked.
 * @param text         size bytes; need not end with a zero
 * @param calibration  receives it, to be freed with convoy_calibration_destroy
 * @retval CONVOY_ERROR_FORMAT       it is not as above; the detail has the line
 * @retval CONVOY_ERROR_UNSUPPORTED  of another machine or version; the detail says which
 * @retval CONVOY_ERROR_NULL, CONVOY_ERROR_MEMORY
 */
CONVOY_API convoy_status convoy_calibration_parse(const char *text, size_t size,
                                                  convoy_calibration **calibration);

/**
 * The text, with a zero at its end.
 * @param text  receives it; to be freed with free()
 * @retval CONVOY_ERROR_NULL, CONVOY_ERROR_MEMORY
 */
CONVOY_API convoy_status convoy_calibration_print(const convoy_calibration *calibration,
                                                  char **text);

/** convoy_calibration_parse on a file. @retval CONVOY_ERROR_IO, and all of that */
CONVOY_API convoy_status convoy_calibration_import(const char *path,
                                                   convoy_calibration **calibration);

/** Write a file, replaced in one step. @retval CONVOY_ERROR_IO, CONVOY_ERROR_NULL,
 *  CONVOY_ERROR_MEMORY */
CONVOY_API convoy_status convoy_calibration_export(const convoy_calibration *calibration,
                                                   const char *path);

#ifdef __cplusplus
}
#endif
#endif
