/* Checks for the C tests: each counts, failures print, check_report() is the exit code. */
#ifndef ADJ_CHECK_H
#define ADJ_CHECK_H

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t check_count;
static int64_t check_failures;

/* Only the first failures print: one bug in a sweep fails thousands of checks. */
enum { CHECK_SHOWN = 20 };

#define CHECK(condition, ...)                                      \
    do {                                                           \
        check_count++;                                             \
        if (!(condition) && ++check_failures <= CHECK_SHOWN) {     \
            printf("%s:%d: %s: ", __FILE__, __LINE__, #condition); \
            printf(__VA_ARGS__);                                   \
            printf("\n");                                          \
        }                                                          \
    } while (0)

/* The distance to the next larger magnitude, at x, of a type with so many mantissa bits. */
static inline double check_ulp(double x, int mantissa, int least_exponent) {
    int exponent;
    frexp(x, &exponent);
    const int place = exponent - mantissa;
    return ldexp(1.0, place < least_exponent ? least_exponent : place);
}
static inline double check_ulp_f32(double x) {
    return check_ulp(x, 24, -149);
}
static inline double check_ulp_f64(double x) {
    return check_ulp(x, 53, -1074);
}

/* Equal, both NaN, or within the tolerance. */
static inline int check_near(double actual, double expected, double tolerance) {
    return actual == expected || (isnan(actual) && isnan(expected)) ||
           fabs(actual - expected) <= tolerance;
}

/* Reproducible numbers: splitmix64 (Steele et al. 2014). */
static uint64_t check_state = 1;
static inline uint64_t check_random(void) {
    uint64_t z = check_state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}
/* Uniform on [low, high). */
static inline double check_uniform(double low, double high) {
    return low + (high - low) * (double)(check_random() >> 11) * 0x1p-53;
}

/* A block of exactly this size, so that a sanitizer sees every step outside it. */
static inline void* check_block(size_t bytes) {
    void* block = malloc(bytes ? bytes : 1);
    if (!block) {
        perror("malloc");
        exit(2);
    }
    return block;
}

static inline int check_report(const char* name) {
    printf("%s: %" PRId64 " checks, %" PRId64 " failed\n", name, check_count, check_failures);
    return check_failures != 0;
}

#endif
