/**
 * @file allocator.h
 * Where the library gets its memory from.
 */
#ifndef CONVOY_ALLOCATOR_H
#define CONVOY_ALLOCATOR_H

#include <stddef.h>

#include "convoy/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Both functions may be called from any thread that calls the library, also at the same time. */
typedef struct convoy_allocator {
    /** At least `bytes` of memory (never 0), aligned to `alignment` (a power of two, at most
     *  CONVOY_ALIGNMENT); NULL: there is none, and the call ends with CONVOY_ERROR_MEMORY. Memory
     *  that is not so aligned is given back, and the call ends with CONVOY_ERROR_ALIGNMENT. */
    void *(*allocate)(void *data, size_t bytes, size_t alignment);
    /** Take back what `allocate` gave; never NULL. */
    void (*release)(void *data, void *memory);
    void *data; /**< given to both */
} convoy_allocator;

/**
 * Take all memory of plans, packed weights, workspaces, tensors, chains, caches, wisdom and
 * calibrations from this allocator instead of the C library's. Others keep their own: the C library
 * (open files, the texts of convoy_wisdom_print and convoy_calibration_print, the nodes of wisdom's
 * tree), OpenMP, and OpenBLAS.
 * What is larger than the machine's memory is still refused before `allocate` is asked.
 *
 * For the start of a program: not while another thread calls the library.
 *
 * @param allocator  copied; NULL: the C library's again
 * @retval CONVOY_ERROR_IN_USE  memory of the library's is not yet freed; the detail has the number
 *                              of blocks
 * @retval CONVOY_ERROR_NULL    one of the functions is NULL
 */
CONVOY_API convoy_status convoy_set_allocator(const convoy_allocator *allocator);

#ifdef __cplusplus
}
#endif
#endif
