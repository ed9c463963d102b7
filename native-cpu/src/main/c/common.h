/*
 * What the kernel files share: fixed chunks, fused multiply-add, loop hints.
 *
 * Work is cut by its size alone, never by the number of threads, so that results do not depend on
 * it.
 */
#ifndef ADJ_COMMON_H
#define ADJ_COMMON_H

#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#    include <immintrin.h>
#endif

#include "kernels.h"
#include "runtime.h"

/* Tells the vectoriser that iterations are independent: an output may be exactly an input. */
#define ADJ_INDEPENDENT _Pragma("GCC ivdep")

#define ADJ_INLINE static inline __attribute__((always_inline))

/* a * b + c, fused exactly where the instruction set has it. */
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
ADJ_INLINE float adj_fma_f32(float a, float b, float c) {
    return __builtin_fmaf(a, b, c);
}
ADJ_INLINE double adj_fma_f64(double a, double b, double c) {
    return __builtin_fma(a, b, c);
}
#else
ADJ_INLINE float adj_fma_f32(float a, float b, float c) {
    return a * b + c;
}
ADJ_INLINE double adj_fma_f64(double a, double b, double c) {
    return a * b + c;
}
#endif

ADJ_INLINE int64_t adj_min(int64_t a, int64_t b) {
    return a < b ? a : b;
}
ADJ_INLINE int64_t adj_max(int64_t a, int64_t b) {
    return a > b ? a : b;
}
/* Rounded up, for a >= 0 and b > 0. */
ADJ_INLINE int64_t adj_ceil_div(int64_t a, int64_t b) {
    return a / b + (a % b != 0);
}

/*
 * a · b, or the largest number where that has more bits: for estimates of work. Sizes of operands
 * never get there, since no shape has more than 2^56 elements; products of three sizes may.
 */
ADJ_INLINE int64_t adj_times(int64_t a, int64_t b) {
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

/* An element that another thread may be changing, read once: what is checked is what is used. */
ADJ_INLINE int64_t adj_read_once(const int64_t* x) {
    return __atomic_load_n(x, __ATOMIC_RELAXED);
}

/* The elements [begin, end) of one chunk out of n elements in chunks of `grain`. */
typedef struct {
    int64_t begin;
    int64_t end;
} adj_range;

ADJ_INLINE adj_range adj_chunk(int64_t n, int64_t grain, int64_t chunk) {
    return (adj_range){chunk * grain, adj_min(n, (chunk + 1) * grain)};
}

/*
 * The grain for n elements of a kernel that streams them, a multiple of the least: long chunks lose
 * less time at their ends, but 64 of them shall keep the threads evenly busy.
 */
ADJ_INLINE int64_t adj_grain(int64_t n, int64_t least) {
    return adj_max(least, adj_min(65536, n / 64 / least * least));
}

/* How many rows make a chunk of about `elements`. */
ADJ_INLINE int64_t adj_rows_per_chunk(int64_t elements, int64_t row_elements) {
    return adj_max(1, elements / adj_max(1, row_elements));
}

/* body(ctx, chunk) for every chunk of `grain` out of n; runs inline when there is only one. */
ADJ_INLINE void adj_for_chunks(int64_t n, int64_t grain, adj_body* body, void* ctx) {
    adj_parallel_for(adj_ceil_div(n, grain), body, ctx);
}

/*
 * Stores that bypass the caches: otherwise every line is first read from memory. Other threads see
 * them after adj_stream_fence.
 */
enum { ADJ_LINE = 64 };
#if defined(__x86_64__)
enum { ADJ_STREAMS = true };
ADJ_INLINE void adj_stream(char* to, const char* from, int64_t bytes) {
    int64_t i = adj_min(bytes, (int64_t)(-(uintptr_t)to % ADJ_LINE));
    memcpy(to, from, (size_t)i);
    for (; i + ADJ_LINE <= bytes; i += ADJ_LINE) {
        for (int j = 0; j < ADJ_LINE; j += (int)sizeof(__m128i)) {
            const __m128i x = _mm_loadu_si128((const __m128i*)(from + i + j));
            _mm_stream_si128((__m128i*)(to + i + j), x);
        }
    }
    memcpy(to + i, from + i, (size_t)(bytes - i));
}
ADJ_INLINE void adj_stream_fence(void) {
    _mm_sfence();
}
#else
enum { ADJ_STREAMS = false };
ADJ_INLINE void adj_stream(char* to, const char* from, int64_t bytes) {
    memcpy(to, from, (size_t)bytes);
}
ADJ_INLINE void adj_stream_fence(void) {
}
#endif

/*
 * Many tensors as one row of elements: their lengths are every `stride`-th word. Spans are what a
 * range of that row has of each tensor.
 */
ADJ_INLINE int64_t adj_total(const int64_t* lengths, int64_t stride, int64_t count) {
    int64_t total = 0;
    for (int64_t i = 0; i < count; i++) {
        total += lengths[i * stride];
    }
    return total;
}

typedef struct {
    const int64_t* lengths;
    int64_t stride;
    int64_t left; /* elements of the range behind this span */
    int64_t tensor;
    int64_t first; /* the span is n elements of this tensor from here on */
    int64_t n;
} adj_span;

/* To be followed by adj_next_span until it returns false. */
ADJ_INLINE adj_span adj_spans(const int64_t* lengths, int64_t stride, adj_range range) {
    adj_span s = {.lengths = lengths, .stride = stride, .left = range.end - range.begin};
    s.first = range.begin;
    while (s.left > 0 && s.first >= lengths[s.tensor * stride]) {
        s.first -= lengths[s.tensor++ * stride];
    }
    return s;
}

ADJ_INLINE bool adj_next_span(adj_span* s) {
    if (s->n > 0) {
        s->tensor++;
        s->first = 0;
    }
    if (s->left == 0) {
        return false;
    }
    while (s->lengths[s->tensor * s->stride] == 0) {
        s->tensor++;
    }
    s->n = adj_min(s->left, s->lengths[s->tensor * s->stride] - s->first);
    s->left -= s->n;
    return true;
}

#endif
