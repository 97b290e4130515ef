/**
 * @file memory.c
 * Aligned allocation that refuses what the machine cannot hold before asking for it: with
 * overcommit an allocation larger than the memory would succeed, and the process be killed later.
 */
#include "core/memory.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "convoy/allocator.h"
#include "convoy/tensor.h"
#include "core/error.h"

#define HUGE_PAGE_BYTES ((size_t)2 << 20)
/* Blocks from here on are given huge pages, where the system has them. */
#define LARGE_BYTES (2 * HUGE_PAGE_BYTES)
#define MiB         (1024.0 * 1024.0)

/* The number in a one-line file of the system; UINT64_MAX when there is none ("max" is none). */
static uint64_t read_limit(const char *path)
{
    char text[32];
    char *end;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return UINT64_MAX;
    }
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    if (length <= 0 || text[0] < '0' || text[0] > '9') {
        return UINT64_MAX;
    }
    text[length] = '\0';
    uint64_t limit = strtoull(text, &end, 10);
    return (*end == '\n' || *end == '\0') && limit > 0 ? limit : UINT64_MAX;
}

static uint64_t ask_for_bytes(void)
{
    /* The first is the file of control groups version 2, the second that of version 1. */
    static const char *const limits[] = {"/sys/fs/cgroup/memory.max",
                                         "/sys/fs/cgroup/memory/memory.limit_in_bytes"};
    uint64_t bytes = UINT64_MAX;
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_bytes = sysconf(_SC_PAGESIZE);

    if (pages > 0 && page_bytes > 0) {
        bytes = (uint64_t)pages * (uint64_t)page_bytes;
    }
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        uint64_t limit = read_limit(limits[i]);
        bytes = limit < bytes ? limit : bytes;
    }
    return bytes;
}

uint64_t memory_physical_bytes(void)
{
    /* Asking opens files, which takes longer than choosing an algorithm: once is enough. Threads
       that come first at the same time all find the same. */
    static _Atomic uint64_t known;
    uint64_t bytes = atomic_load_explicit(&known, memory_order_relaxed);
    if (bytes == 0) {
        bytes = ask_for_bytes();
        atomic_store_explicit(&known, bytes, memory_order_relaxed);
    }
    return bytes;
}

static void *system_allocate(void *data, size_t bytes, size_t alignment)
{
    void *block = NULL;
    (void)data;
    alignment = bytes >= LARGE_BYTES ? HUGE_PAGE_BYTES : alignment;
    if (posix_memalign(&block, alignment, bytes) != 0) {
        return NULL;
    }
#ifdef MADV_HUGEPAGE
    if (bytes >= LARGE_BYTES) {
        /* Packed weights of tens of MiB are streamed: with pages of 4 KiB the first touch and the
           look-up of addresses cost more than the transfer. Only a hint, so the result is not
           needed. */
        (void)madvise(block, bytes / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES, MADV_HUGEPAGE);
    }
#endif
    return block;
}

static void system_release(void *data, void *memory)
{
    (void)data;
    free(memory);
}

/* It changes only while no block is held, so each block goes back to where it came from. */
static convoy_allocator allocator = {system_allocate, system_release, NULL};
static _Atomic int64_t blocks_held;

convoy_status convoy_set_allocator(const convoy_allocator *given)
{
    int64_t held = atomic_load(&blocks_held);
    if (given && (!given->allocate || !given->release)) {
        return fail(CONVOY_ERROR_NULL, "the allocator's function %s is NULL",
                    given->allocate ? "release" : "allocate");
    }
    if (held != 0) {
        return fail(CONVOY_ERROR_IN_USE,
                    "%" PRId64 " block%s of the library's memory not yet freed; set the allocator "
                    "before anything is created",
                    held, held == 1 ? " is" : "s are");
    }
    allocator = given ? *given : (convoy_allocator){system_allocate, system_release, NULL};
    return CONVOY_OK;
}

static convoy_status fail_memory(const char *what, size_t bytes)
{
    bool small = bytes < (size_t)MiB;
    return fail(CONVOY_ERROR_MEMORY, "%s: the system has no %.*f %s to give at the moment", what,
                small ? 0 : 1, (double)bytes / (small ? 1 : MiB), small ? "bytes" : "MiB");
}

convoy_status memory_allocate(size_t bytes, const char *what, void **memory)
{
    if (bytes == 0) {
        *memory = NULL;
        return CONVOY_OK;
    }
    uint64_t available = memory_physical_bytes();
    if (bytes > available) {
        return fail(CONVOY_ERROR_TOO_LARGE, "%s: %.1f MiB are needed, but the machine has %.1f MiB",
                    what, (double)bytes / MiB, (double)available / MiB);
    }
    void *block = allocator.allocate(allocator.data, bytes, CONVOY_ALIGNMENT);
    if (!block) {
        return fail_memory(what, bytes);
    }
    if ((uintptr_t)block % CONVOY_ALIGNMENT != 0) {
        allocator.release(allocator.data, block);
        return fail(CONVOY_ERROR_ALIGNMENT,
                    "%s: the allocator gave memory at %p, which is not aligned to %d bytes", what,
                    block, CONVOY_ALIGNMENT);
    }
    atomic_fetch_add_explicit(&blocks_held, 1, memory_order_relaxed);
    *memory = block;
    return CONVOY_OK;
}

convoy_status memory_allocate_cleared(size_t bytes, const char *what, void **memory)
{
    convoy_status status = memory_allocate(bytes, what, memory);
    if (!status && bytes > 0) {
        memset(*memory, 0, bytes);
    }
    return status;
}

void memory_free(void *memory)
{
    if (memory) {
        atomic_fetch_sub_explicit(&blocks_held, 1, memory_order_relaxed);
        allocator.release(allocator.data, memory);
    }
}
