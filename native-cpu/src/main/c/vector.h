/*
 * Templates over float and double, and vectors of the variant's widest registers as GCC's vector
 * extensions.
 *
 * A template is a header without guard, written in terms of REAL and NAME(x); a .c file includes
 * it once with REAL defined as f32 and once as f64.
 */
#ifndef ADJ_VECTOR_H
#define ADJ_VECTOR_H

#include <stdint.h>
#include <string.h>

typedef float f32;
typedef double f64;

#define ADJ_JOIN_(a, b) a##_##b
#define ADJ_JOIN(a, b) ADJ_JOIN_(a, b)
#define NAME(x) ADJ_JOIN(x, REAL)
#define TYPE(x) NAME(x) /* for types, so that a formatter can tell */

#define VEC NAME(vec)
#define VEC_AT NAME(vec_at) /* what a pointer to elements may be cast to, at any alignment */
#define VL ((int)(sizeof(VEC) / sizeof(REAL)))
/* a·b + c: rounded once where the instruction set has FMA, twice where not. */
#define VEC_FMA NAME(vec_fma)

#if defined(__AVX512F__)
#    include <immintrin.h>
#    define VEC_BYTES 64
#    define vec_fma_f32(a, b, c) ((vec_f32)_mm512_fmadd_ps((a), (b), (c)))
#    define vec_fma_f64(a, b, c) ((vec_f64)_mm512_fmadd_pd((a), (b), (c)))
#    define vec_max_f32(a, b) ((vec_f32)_mm512_max_ps((a), (b)))
#    define vec_max_f64(a, b) ((vec_f64)_mm512_max_pd((a), (b)))
#    define vec_stream_f32(at, x) _mm512_stream_ps((at), (x))
#    define vec_stream_f64(at, x) _mm512_stream_pd((at), (x))
#    define vec_load_part_f32(x, count, rest) \
        ((vec_f32)_mm512_mask_loadu_ps((rest), (__mmask16)((1u << (count)) - 1), (x)))
#    define vec_load_part_f64(x, count, rest) \
        ((vec_f64)_mm512_mask_loadu_pd((rest), (__mmask8)((1u << (count)) - 1), (x)))
#    define vec_store_part_f32(x, count, v) \
        _mm512_mask_storeu_ps((x), (__mmask16)((1u << (count)) - 1), (v))
#    define vec_store_part_f64(x, count, v) \
        _mm512_mask_storeu_pd((x), (__mmask8)((1u << (count)) - 1), (v))
#elif defined(__FMA__)
#    include <immintrin.h>
#    define VEC_BYTES 32
#    define vec_fma_f32(a, b, c) ((vec_f32)_mm256_fmadd_ps((a), (b), (c)))
#    define vec_fma_f64(a, b, c) ((vec_f64)_mm256_fmadd_pd((a), (b), (c)))
#    define vec_max_f32(a, b) ((vec_f32)_mm256_max_ps((a), (b)))
#    define vec_max_f64(a, b) ((vec_f64)_mm256_max_pd((a), (b)))
#    define vec_stream_f32(at, x) _mm256_stream_ps((at), (x))
#    define vec_stream_f64(at, x) _mm256_stream_pd((at), (x))
#    define vec_part_f32(count)                             \
        _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(count)), \
                           _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
#    define vec_part_f64(count) \
        _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_setr_epi64x(0, 1, 2, 3))
#    define vec_load_part_f32(x, count, rest)                                            \
        ((vec_f32)_mm256_blendv_ps((rest), _mm256_maskload_ps((x), vec_part_f32(count)), \
                                   _mm256_castsi256_ps(vec_part_f32(count))))
#    define vec_load_part_f64(x, count, rest)                                            \
        ((vec_f64)_mm256_blendv_pd((rest), _mm256_maskload_pd((x), vec_part_f64(count)), \
                                   _mm256_castsi256_pd(vec_part_f64(count))))
#    define vec_store_part_f32(x, count, v) _mm256_maskstore_ps((x), vec_part_f32(count), (v))
#    define vec_store_part_f64(x, count, v) _mm256_maskstore_pd((x), vec_part_f64(count), (v))
#elif defined(__aarch64__)
#    include <arm_neon.h>
#    define VEC_BYTES 16
#    define vec_fma_f32(a, b, c) \
        ((vec_f32)vfmaq_f32((float32x4_t)(c), (float32x4_t)(a), (float32x4_t)(b)))
#    define vec_fma_f64(a, b, c) \
        ((vec_f64)vfmaq_f64((float64x2_t)(c), (float64x2_t)(a), (float64x2_t)(b)))
#else
#    define VEC_BYTES 16
#    define vec_fma_f32(a, b, c) ((a) * (b) + (c))
#    define vec_fma_f64(a, b, c) ((a) * (b) + (c))
#    ifdef __SSE2__
#        include <immintrin.h>
#        define vec_max_f32(a, b) ((vec_f32)_mm_max_ps((a), (b)))
#        define vec_max_f64(a, b) ((vec_f64)_mm_max_pd((a), (b)))
#        define vec_stream_f32(at, x) _mm_stream_ps((at), (x))
#        define vec_stream_f64(at, x) _mm_stream_pd((at), (x))
#    endif
#endif

typedef f32 vec_f32 __attribute__((vector_size(VEC_BYTES)));
typedef f64 vec_f64 __attribute__((vector_size(VEC_BYTES)));
typedef f32 vec_at_f32 __attribute__((vector_size(VEC_BYTES), aligned(4), may_alias));
typedef f64 vec_at_f64 __attribute__((vector_size(VEC_BYTES), aligned(8), may_alias));

/* The larger of each pair; the second where one is NaN. */
#define VEC_MAX NAME(vec_max)
#ifndef vec_max_f32
#    define ADJ_VEC_MAX(T)                                        \
        static inline vec_##T vec_max_##T(vec_##T a, vec_##T b) { \
            const __typeof__(a > b) larger = a > b;               \
            return (vec_##T)((larger & (__typeof__(larger))a) |   \
                             (~larger & (__typeof__(larger))b));  \
        }
ADJ_VEC_MAX(f32)
ADJ_VEC_MAX(f64)
#endif

/* The first `count` elements of a vector, less than all, from or to memory; `rest` are the others.
 */
#define VEC_LOAD_PART NAME(vec_load_part)
#define VEC_STORE_PART NAME(vec_store_part)
#ifndef vec_load_part_f32
#    define ADJ_VEC_PARTS(T)                                                               \
        static inline vec_##T vec_load_part_##T(const T* x, int64_t count, vec_##T rest) { \
            memcpy(&rest, x, (size_t)count * sizeof(T));                                   \
            return rest;                                                                   \
        }                                                                                  \
        static inline void vec_store_part_##T(T* x, int64_t count, vec_##T v) {            \
            memcpy(x, &v, (size_t)count * sizeof(T));                                      \
        }
ADJ_VEC_PARTS(f32)
ADJ_VEC_PARTS(f64)
#endif

/* A store past the caches, to an address aligned for it; visible to others after the fence. */
#define VEC_STREAM NAME(vec_stream)
#ifdef vec_stream_f32
#    define ADJ_STREAM_FENCE() _mm_sfence()
#else
#    define vec_stream_f32(at, x) ((void)(*(vec_f32*)(at) = (x)))
#    define vec_stream_f64(at, x) ((void)(*(vec_f64*)(at) = (x)))
#    define ADJ_STREAM_FENCE() ((void)0)
#endif

/* The sum of the elements, in pairs; at first of halves, since GCC leaves a loop of 16 rolled. */
#define ADJ_VEC_SUM(T)                                                          \
    typedef T half_##T __attribute__((vector_size(VEC_BYTES / 2)));             \
    static inline T vec_sum_##T(vec_##T x) {                                    \
        half_##T halves[2];                                                     \
        memcpy(halves, &x, sizeof x);                                           \
        halves[0] += halves[1];                                                 \
        T lanes[sizeof halves[0] / sizeof(T)];                                  \
        memcpy(lanes, halves, sizeof lanes);                                    \
        for (size_t half = sizeof lanes / sizeof(T) / 2; half > 0; half /= 2) { \
            for (size_t l = 0; l < half; l++) {                                 \
                lanes[l] += lanes[l + half];                                    \
            }                                                                   \
        }                                                                       \
        return lanes[0];                                                        \
    }
ADJ_VEC_SUM(f32)
ADJ_VEC_SUM(f64)
#define VEC_SUM NAME(vec_sum)

/* 16 bytes, and a square of them to transpose, which every instruction set does well. */
#define QUAD NAME(quad)
#define QUAD_AT NAME(quad_at)
#define QL ((int)(sizeof(QUAD) / sizeof(REAL)))
typedef f32 quad_f32 __attribute__((vector_size(16)));
typedef f64 quad_f64 __attribute__((vector_size(16)));
typedef f32 quad_at_f32 __attribute__((vector_size(16), aligned(4), may_alias));
typedef f64 quad_at_f64 __attribute__((vector_size(16), aligned(8), may_alias));

static inline void transpose_f32(quad_f32 x[4]) {
    typedef int32_t mask __attribute__((vector_size(16)));
    const quad_f32 low01 = __builtin_shuffle(x[0], x[1], (mask){0, 4, 1, 5});
    const quad_f32 high01 = __builtin_shuffle(x[0], x[1], (mask){2, 6, 3, 7});
    const quad_f32 low23 = __builtin_shuffle(x[2], x[3], (mask){0, 4, 1, 5});
    const quad_f32 high23 = __builtin_shuffle(x[2], x[3], (mask){2, 6, 3, 7});
    x[0] = __builtin_shuffle(low01, low23, (mask){0, 1, 4, 5});
    x[1] = __builtin_shuffle(low01, low23, (mask){2, 3, 6, 7});
    x[2] = __builtin_shuffle(high01, high23, (mask){0, 1, 4, 5});
    x[3] = __builtin_shuffle(high01, high23, (mask){2, 3, 6, 7});
}

static inline void transpose_f64(quad_f64 x[2]) {
    typedef int64_t mask __attribute__((vector_size(16)));
    const quad_f64 low = __builtin_shuffle(x[0], x[1], (mask){0, 2});
    x[1] = __builtin_shuffle(x[0], x[1], (mask){1, 3});
    x[0] = low;
}

#endif
