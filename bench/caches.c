/**
 * @file caches.c
 * Walk a random cycle through more and more memory; where the time of a load leaps, a cache ended.
 */
#include "bench/caches.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "core/clock.h"
#include "core/memory.h"

#define LINE       64
#define SMALLEST   4096.0
#define LARGEST    0x1p27 /* 128 MiB */
#define SIZES_MAX  64
#define COLD_LEAST 0x1p26 /* 64 MiB */

struct line {
    struct line *next;
    char rest[LINE - sizeof(struct line *)];
};

/* Link `count` lines to one random cycle (Sattolo's shuffle). */
static struct line *link_cycle(struct line *lines, uint32_t *order, size_t count)
{
    uint64_t random = 88172645463325252u;
    for (size_t i = 0; i < count; i++) {
        order[i] = (uint32_t)i;
    }
    for (size_t i = count - 1; i > 0; i--) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        size_t j = random % i;
        uint32_t swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
    for (size_t i = 0; i < count; i++) {
        lines[order[i]].next = &lines[order[(i + 1) % count]];
    }
    return &lines[order[0]];
}

static double walk_ns(struct line *at, size_t count)
{
    size_t loads = count < 30000 ? 30000 : count;
    if (loads > 400000) {
        loads = 400000;
    }
    double best = 1e9;
    for (int i = 0; i < 3; i++) {
        double start = clock_seconds();
        for (size_t load = 0; load < loads; load++) {
            at = at->next;
            __asm__ volatile("" : "+r"(at));
        }
        double ns = 1e9 * (clock_seconds() - start) / (double)loads;
        /* The first walk warms the caches; in memory every walk is as cold as the other. */
        best = ns < best ? ns : best;
    }
    return best;
}

/* The end of the level that starts at index `from`: the last size before the latency leaves the
   level's own. A private cache ends sharply. A shared one fades, as other lines of other cores and
   more page walks come in: it ends half way to the latency of memory, on a logarithmic scale.
   -1 when there is no end. */
static int level_end(const double *latency_ns, int from, int count, bool shared)
{
    double memory_ns = latency_ns[count - 1];
    double limit = shared ? sqrt(latency_ns[from] * memory_ns) : 1.5 * latency_ns[from];
    if (memory_ns < 2 * latency_ns[from]) {
        return -1;
    }
    for (int i = from + 1; i < count; i++) {
        if (latency_ns[i] > limit) {
            return i - 1;
        }
    }
    return -1;
}

/* Past the leap: the first size whose latency is nearly that of the next ones. */
static int level_start(const double *latency_ns, int from, int count)
{
    int i = from;
    while (i + 2 < count && latency_ns[i + 1] > 1.12 * latency_ns[i]) {
        i++;
    }
    return i;
}

void caches_from_latencies(const double *sizes, const double *latency_ns, int count,
                           struct limits *limits)
{
    int from = 0;
    for (int level = LEVEL_L1; level <= LEVEL_L3; level++) {
        int end = level_end(latency_ns, from, count, level == LEVEL_L3);
        if (end < 0) {
            break;
        }
        limits->cache_bytes[level] = sizes[end];
        limits->latency_ns[level] = latency_ns[from];
        from = level_start(latency_ns, end + 1, count);
    }
    limits->latency_ns[LEVEL_MEMORY] = latency_ns[count - 1];
    double last = 0;
    for (int level = LEVEL_L1; level <= LEVEL_L3; level++) {
        last = limits->cache_bytes[level] > last ? limits->cache_bytes[level] : last;
    }
    limits->cold_bytes = 2 * last > COLD_LEAST ? 2 * last : COLD_LEAST;
}

void caches_measure(struct limits *limits)
{
    double sizes[SIZES_MAX], latency_ns[SIZES_MAX];
    int count = 0;
    size_t bytes = (size_t)LARGEST;
    void *memory = NULL;
    uint32_t *order = malloc(bytes / LINE * sizeof *order);
    struct line *lines = NULL;
    if (order && memory_allocate(bytes + (2 << 20), "a buffer to measure caches", &memory) == 0) {
        /* Large pages, where the system grants them, keep page walks out of the latency. */
        uintptr_t aligned = ((uintptr_t)memory + (2 << 20) - 1) & ~(uintptr_t)((2 << 20) - 1);
        lines = (struct line *)aligned;
        madvise(lines, bytes, MADV_HUGEPAGE);
    }
    for (double size = SMALLEST; lines && size <= LARGEST && count < SIZES_MAX;) {
        size_t line_count = (size_t)size / LINE;
        sizes[count] = (double)(line_count * LINE);
        latency_ns[count] = walk_ns(link_cycle(lines, order, line_count), line_count);
        count++;
        size *= size < 0x1p22 ? 1.189207115 : 1.414213562;
    }
    limits->cold_bytes = COLD_LEAST;
    if (count > 0) {
        caches_from_latencies(sizes, latency_ns, count, limits);
    }
    memory_free(memory);
    free(order);
}
