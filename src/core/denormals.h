/**
 * @file denormals.h
 * Numbers below 2^-126 taken for zero on the calling thread, for as long as a plan runs on it.
 */
#ifndef CONVOY_CORE_DENORMALS_H
#define CONVOY_CORE_DENORMALS_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__x86_64__)
/* MXCSR: results (bit 15) and operands (bit 6). */
#define FLUSH_BITS 0x8040u

static inline uint64_t float_state_read(void)
{
    return __builtin_ia32_stmxcsr();
}

static inline void float_state_write(uint64_t state)
{
    __builtin_ia32_ldmxcsr((uint32_t)state);
}
#elif defined(__aarch64__)
/* FPCR: results and operands (bit 24). */
#define FLUSH_BITS 0x1000000u

static inline uint64_t float_state_read(void)
{
    uint64_t state;
    __asm__ volatile("mrs %0, fpcr" : "=r"(state));
    return state;
}

static inline void float_state_write(uint64_t state)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(state));
}
#else
#define FLUSH_BITS 0u

static inline uint64_t float_state_read(void)
{
    return 0;
}

static inline void float_state_write(uint64_t state)
{
    (void)state;
}
#endif

/** Begin a thread's part of an execution. @return for denormals_leave: the thread's own state */
static inline uint64_t denormals_enter(bool flush)
{
    uint64_t state = 0;
    if (flush) {
        state = float_state_read();
        float_state_write(state | FLUSH_BITS);
        __asm__ volatile("" : : : "memory"); /* no arithmetic on loads moves above */
    }
    return state;
}

/** End it: the state is what it was, bit for bit. */
static inline void denormals_leave(bool flush, uint64_t state)
{
    if (flush) {
        __asm__ volatile("" : : : "memory");
        float_state_write(state);
    }
}

#endif
