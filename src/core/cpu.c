/**
 * @file cpu.c
 * ISAs and model name from the compiler's builtins, caches from sysconf, processors from the
 * scheduler.
 */
#include "core/cpu.h"

#include <omp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include "core/memory.h"

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

bool cpu_runs(convoy_isa isa)
{
    switch (isa) {
    case CONVOY_ISA_BEST:
    case CONVOY_ISA_PORTABLE:
        return true;
#if defined(__x86_64__) || defined(__i386__)
    /* The builtins also ask whether the operating system saves the wide registers. */
    case CONVOY_ISA_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case CONVOY_ISA_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("fma");
#endif
#if defined(__aarch64__)
    case CONVOY_ISA_NEON:
        return true;
#endif
    default:
        return false;
    }
}

/* 0 where the system does not know the name or does not tell. */
static size_t ask_system(int name)
{
    long value = sysconf(name);
    return value > 0 ? (size_t)value : 0;
}

static size_t believable(size_t bytes, size_t low, size_t high, size_t otherwise)
{
    return bytes >= low && bytes <= high ? bytes : otherwise;
}

static size_t reported_l1d_bytes(void)
{
#ifdef _SC_LEVEL1_DCACHE_SIZE
    return ask_system(_SC_LEVEL1_DCACHE_SIZE);
#else
    return 0;
#endif
}

static size_t reported_l2_bytes(void)
{
#ifdef _SC_LEVEL2_CACHE_SIZE
    return ask_system(_SC_LEVEL2_CACHE_SIZE);
#else
    return 0;
#endif
}

size_t cpu_l1d_bytes(void)
{
    return believable(reported_l1d_bytes(), 8 * KIB, 256 * KIB, 32 * KIB);
}

size_t cpu_l2_bytes(void)
{
    return believable(reported_l2_bytes(), 128 * KIB, 16 * MIB, 512 * KIB);
}

static bool is_intel(void)
{
#if defined(__x86_64__) || defined(__i386__)
    return __builtin_cpu_is("intel");
#else
    return false;
#endif
}

bool cpu_l3_slow(void)
{
    return is_intel() && cpu_l2_bytes() >= MIB;
}

bool cpu_halves_slow(void)
{
    return is_intel();
}

double cpu_near_bytes(void)
{
    return 16.0 * (double)cpu_l2_bytes();
}

size_t cpu_kept_bytes(void)
{
    return cpu_l2_bytes() / (cpu_l3_slow() ? 4 : 2);
}

#if defined(__x86_64__) || defined(__i386__)
/* The brand string: 48 bytes in the registers of three cpuid leaves, padded with blanks. */
static void describe_model(char *model, size_t size)
{
    unsigned words[13] = {0};
    const char *text = (const char *)words;

    for (unsigned leaf = 0; leaf < 3; leaf++) {
        unsigned *w = words + 4 * leaf;
        if (!__get_cpuid(0x80000002 + leaf, &w[0], &w[1], &w[2], &w[3])) {
            return;
        }
    }
    text += strspn(text, " ");
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == ' ') {
        length--;
    }
    if (length > 0) {
        snprintf(model, size, "%.*s", (int)length, text);
    }
}
#else
static void describe_model(char *model, size_t size)
{
    (void)model;
    (void)size;
}
#endif

static int usable_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) {
        return CPU_COUNT(&set);
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN); /* more processors than a cpu_set_t holds */
    return online > 0 ? (int)online : 1;
}

void cpu_describe(convoy_machine *machine)
{
    snprintf(machine->cpu, sizeof machine->cpu, "unknown");
    describe_model(machine->cpu, sizeof machine->cpu);
    machine->cores = usable_cores();
    machine->threads = omp_get_max_threads();
    machine->l1d_bytes = reported_l1d_bytes();
    machine->l2_bytes = reported_l2_bytes();
#ifdef _SC_LEVEL3_CACHE_SIZE
    machine->l3_bytes = ask_system(_SC_LEVEL3_CACHE_SIZE);
#else
    machine->l3_bytes = 0;
#endif
#ifdef _SC_LEVEL1_DCACHE_LINESIZE
    machine->line_bytes = ask_system(_SC_LEVEL1_DCACHE_LINESIZE);
#else
    machine->line_bytes = 0;
#endif
    machine->memory_bytes = memory_physical_bytes();
}
