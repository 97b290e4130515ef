/**
 * @file memory.h
 * All allocation of the library: aligned, checked against the machine before it is tried, and
 * taken from where convoy_set_allocator says.
 */
#ifndef CONVOY_CORE_MEMORY_H
#define CONVOY_CORE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "convoy/status.h"

/**
 * bytes of memory aligned to CONVOY_ALIGNMENT, not initialised; free with memory_free.
 * 0 bytes give NULL and CONVOY_OK.
 * @param what  names the thing in the error's sentence, e.g. "packed weights"
 * @retval CONVOY_ERROR_TOO_LARGE  more than the machine has; @retval CONVOY_ERROR_MEMORY
 * @retval CONVOY_ERROR_ALIGNMENT  an allocator that was set gave misaligned memory
 */
convoy_status memory_allocate(size_t bytes, const char *what, void **memory);
/** The same, all zero. */
convoy_status memory_allocate_cleared(size_t bytes, const char *what, void **memory);
void memory_free(void *memory);

/** Physical memory in bytes, or the control group's limit if that is lower; asked for once. */
uint64_t memory_physical_bytes(void);

#endif
