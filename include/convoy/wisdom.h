/**
 * @file wisdom.h
 * What was measured once, kept: which algorithm is the fastest on a layer, with a layout, an ISA, a
 * number of threads, a tolerance and an epilogue, on this machine, in this version of Convoy.
 *
 * options.wisdom of a plan gives it to the planner. A layer that it knows (with its epilogue, or
 * without any) gets the algorithm that was measured; with CONVOY_MEASURE, one that it does not know
 * is measured and then known.
 *
 * All functions are thread safe, and one wisdom may serve many plans at a time.
 *
 * As text:
 *
 *     convoy-wisdom 1
 *     version 0.1.0
 *     machine AMD EPYC, portable+avx2+avx512, L1d 32768, L2 1048576
 *     n1c64h56w56_k64r3s3_pd1 nchw avx512 2 default none winograd-f4x4-3x3 812.431
 *
 * problem, layout, ISA, threads, tolerance (default, strict, fast, bound=1e-05), epilogue (none,
 * relu, residual, residual+relu, ...), algorithm, microseconds. Lines that begin with # are
 * comments.
 */
#ifndef CONVOY_WISDOM_H
#define CONVOY_WISDOM_H

#include "convoy/plan.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What came of reading a text. */
typedef struct convoy_wisdom_report {
    size_t lines;              /**< understood */
    size_t skipped;            /**< not understood, and left out */
    size_t first_skipped_line; /**< from 1; 0: none */
    char first_reason[200];    /**< why; "" for none */
} convoy_wisdom_report;

/**
 * An empty wisdom, to be freed with convoy_wisdom_destroy.
 * @retval CONVOY_ERROR_NULL, CONVOY_ERROR_MEMORY
 */
CONVOY_API convoy_status convoy_wisdom_create(convoy_wisdom **wisdom);

/** NULL is fine. No plan is being created with it; those that were may go on. */
CONVOY_API void convoy_wisdom_destroy(convoy_wisdom *wisdom);

/** Lines; 0 for NULL. */
CONVOY_API size_t convoy_wisdom_count(const convoy_wisdom *wisdom);

/**
 * Add the lines of a text, which may come from anywhere: it is checked.
 * @param text    size bytes; need not end with a zero
 * @param report  NULL: not wanted
 * @retval CONVOY_ERROR_FORMAT       it does not begin as above, or has more than 16 MiB
 * @retval CONVOY_ERROR_UNSUPPORTED  of another machine or version; the detail says which
 * @retval CONVOY_ERROR_NULL, CONVOY_ERROR_MEMORY
 * On an error, but for CONVOY_ERROR_MEMORY, nothing is added. Lines that are not understood are no
 * error. What this wisdom has itself measured stays.
 */
CONVOY_API convoy_status convoy_wisdom_parse(convoy_wisdom *wisdom, const char *text, size_t size,
                                             convoy_wisdom_report *report);

/**
 * The text, sorted, with a zero at its end.
 * @param text  receives it; to be freed with free()
 * @retval CONVOY_ERROR_NULL, CONVOY_ERROR_MEMORY
 */
CONVOY_API convoy_status convoy_wisdom_print(const convoy_wisdom *wisdom, char **text);

/**
 * convoy_wisdom_parse on a file. An empty file has no lines.
 * @retval CONVOY_ERROR_IO, and all of convoy_wisdom_parse
 */
CONVOY_API convoy_status convoy_wisdom_import(convoy_wisdom *wisdom, const char *path,
                                              convoy_wisdom_report *report);

/**
 * Write a file, or add to it: what the file knows and this wisdom does not stays, also when other
 * processes do the same at the same time (they wait for each other, by flock on PATH.lock). Where
 * both know a layer, what this wisdom has itself measured counts, and else the file. The file is
 * replaced in one step.
 * @param report  of what was in the file; lines that are not understood are left out. NULL: not
 *                wanted
 * @retval CONVOY_ERROR_FORMAT, CONVOY_ERROR_UNSUPPORTED  there is a file of another kind, machine
 *         or version; it is left as it is
 * @retval CONVOY_ERROR_IO, CONVOY_ERROR_NULL, CONVOY_ERROR_MEMORY
 */
CONVOY_API convoy_status convoy_wisdom_export(const convoy_wisdom *wisdom, const char *path,
                                              convoy_wisdom_report *report);

#ifdef __cplusplus
}
#endif
#endif
