/**
 * @file cpu.h
 * ISAs that this processor can run, and its caches, as the compiler's builtins and sysconf tell.
 */
#ifndef CONVOY_CORE_CPU_H
#define CONVOY_CORE_CPU_H

#include <stdbool.h>
#include <stddef.h>

#include "convoy/machine.h"

/** The processor can run it (says nothing about what is compiled in). */
bool cpu_runs(convoy_isa isa);

/** Data cache sizes to block for: what the system reports, or 32 KiB and 512 KiB when it reports
 *  nothing believable. */
size_t cpu_l1d_bytes(void);
size_t cpu_l2_bytes(void);

/** Does one core read the cache behind L2 hardly faster than memory? What it reads again and again
 *  should stay in L2 there. Taken for all of Intel's with an L2 of 1 MiB or more: 20 GB/s on
 *  Emerald Rapids, where Zen 4 reads three times as much. */
bool cpu_l3_slow(void);

/** Does half an AVX-512 vector take as long to multiply as a whole one? So it does where there are
 *  units of 512 bits; taken for all of Intel's. */
bool cpu_halves_slow(void);

/** Data of more bytes than this is taken to come from memory: 16 L2s, since what a machine reports
 * of its L3 is not to be trusted. */
double cpu_near_bytes(void);

/** Data of more bytes than this does not stay in L2 beside all else that an execution uses: half an
 * L2, or a quarter where what is not there is far away. */
size_t cpu_kept_bytes(void);

/** The fields of convoy_machine that need no BLAS: cpu, cores, threads, caches, memory. */
void cpu_describe(convoy_machine *machine);

#endif
