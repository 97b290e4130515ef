/**
 * @file held.h
 * An allocator that counts the blocks that the library holds.
 */
#ifndef CONVOY_TESTS_HELD_H
#define CONVOY_TESTS_HELD_H

#include <stdatomic.h>
#include <stdlib.h>

#include "convoy/allocator.h"

static atomic_long held;

static inline void *held_allocate(void *data, size_t bytes, size_t alignment)
{
    void *memory = NULL;
    (void)data;
    held += posix_memalign(&memory, alignment, bytes) == 0;
    return memory;
}

static inline void held_release(void *data, void *memory)
{
    (void)data;
    held--;
    free(memory);
}

static const convoy_allocator held_allocator = {held_allocate, held_release, NULL};

#endif
