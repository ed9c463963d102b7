/*
 * The control word of floating-point arithmetic: rounding, flushing of subnormal numbers, traps.
 * Kernels are written for the default. Other code of the process may have changed it on a calling
 * thread, for example a library compiled with -ffast-math, and new threads inherit it.
 */
#ifndef ADJ_ROUNDING_H
#define ADJ_ROUNDING_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__x86_64__)
#    include <xmmintrin.h>

enum {
    ADJ_EXCEPTION_FLAGS = 0x3f,   /* what has happened, not how to compute */
    ADJ_DEFAULT_ROUNDING = 0x1f80, /* to nearest, subnormal numbers as they are, no traps */
};

static inline uint64_t adj_rounding(void) {
    return _mm_getcsr() & ~(unsigned)ADJ_EXCEPTION_FLAGS;
}
static inline void adj_set_rounding(uint64_t word) {
    _mm_setcsr((unsigned)word);
}

#elif defined(__aarch64__)

enum { ADJ_DEFAULT_ROUNDING = 0 };

static inline uint64_t adj_rounding(void) {
    uint64_t word;
    __asm__ volatile("mrs %0, fpcr" : "=r"(word));
    return word;
}
static inline void adj_set_rounding(uint64_t word) {
    __asm__ volatile("msr fpcr, %0" : : "r"(word) : "memory");
}

#else
#    error "no floating-point control word known for this architecture"
#endif

#endif
