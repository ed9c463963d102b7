/*
 * What this machine can do at most: loops of nothing but fused multiply-adds, loads or stores.
 * Benchmarks hold the kernels against them; nothing else calls them.
 *
 * Each chunk is one thread's: it keeps to its own slice, so that slices as large as a cache stay in
 * that thread's, and repeats its work, so that a late start does not matter.
 */
#include "common.h"
#include "vector.h"

/* Stores that pass the caches by, where the instruction set has them. */
#if defined(__AVX512F__)
#    define STREAM(at, x) _mm512_stream_ps((at), (__m512)(x))
#    define STREAM_END() _mm_sfence()
#elif defined(__AVX__)
#    define STREAM(at, x) _mm256_stream_ps((at), (__m256)(x))
#    define STREAM_END() _mm_sfence()
#elif defined(__SSE2__)
#    include <immintrin.h>
#    define STREAM(at, x) _mm_stream_ps((at), (__m128)(x))
#    define STREAM_END() _mm_sfence()
#else
#    define STREAM(at, x) STORE(at, x)
#    define STREAM_END() (void)0
#endif

#define LOAD(at) (*(const vec_f32*)(const void*)(at))
#define STORE(at, x) (*(vec_f32*)(void*)(at) = (x))

enum {
    SUMS = 12,  /* enough to hide the latency of two units, few enough for 16 registers */
    UNROLL = 8, /* vectors in a turn of a loop over memory */
    PLACES = 4, /* that are read in turns: a core gets more lines per second than from one */
    LANES = sizeof(vec_f32) / sizeof(f32),
    TURN = UNROLL * LANES
};

/* The compiler knows neither where the sums start nor that nobody wants them. */
#define FMA_PEAK(name, T, V, step, operations)                         \
    static void name(void* ctx, int64_t chunk) {                       \
        const adj_ceiling_args* args = ctx;                            \
        volatile T start = 0;                                          \
        V sum[SUMS];                                                   \
        _Pragma("GCC unroll 12") for (int s = 0; s < SUMS; s++) {      \
            sum[s] = (start + (T)s) - (V){};                           \
        }                                                              \
        for (int64_t t = 0; t < args->times; t++) {                    \
            _Pragma("GCC unroll 12") for (int s = 0; s < SUMS; s++) {  \
                sum[s] = step(sum[s]);                                 \
            }                                                          \
        }                                                              \
        _Pragma("GCC unroll 12") for (int s = 1; s < SUMS; s++) {      \
            sum[0] += sum[s];                                          \
        }                                                              \
        volatile T end = sum[0][0];                                    \
        (void)end;                                                     \
        args->work[chunk] = (double)args->times * SUMS * (operations); \
    }

#define STEP_f32(x) vec_fma_f32(x, 0.5F - (vec_f32){}, 1 - (vec_f32){})
#define STEP_f64(x) vec_fma_f64(x, 0.5 - (vec_f64){}, 1 - (vec_f64){})
FMA_PEAK(fma_f32, f32, vec_f32, STEP_f32, 2.0 * LANES)
FMA_PEAK(fma_f64, f64, vec_f64, STEP_f64, 1.0 * LANES)
#if defined(__AVX512BF16__)
#    define STEP_bf16(x) \
        ((vec_f32)_mm512_dpbf16_ps((__m512)(x), (__m512bh)(vec_f32){}, (__m512bh)(vec_f32){}))
FMA_PEAK(fma_bf16, f32, vec_f32, STEP_bf16, 4.0 * LANES)
#else
#    define fma_bf16 fma_f32 /* after widening, products of bf16 are float32's */
#endif

/*
 * Passes over a slice of a, b and out. `moved` counts the elements that the program names, not what
 * a cache moves besides. The barrier keeps the compiler from calling memset or memcpy instead.
 */
#define PASS(name, moved, ...)                                               \
    static void name(void* ctx, int64_t chunk) {                             \
        const adj_ceiling_args* args = ctx;                                  \
        const int64_t n = args->n / args->chunks / TURN * TURN;              \
        const f32* a = (const f32*)args->a + chunk * n;                      \
        const f32* b = (const f32*)args->b + chunk * n;                      \
        f32* out = (f32*)args->out + chunk * n;                              \
        volatile f32 start = 0;                                              \
        vec_f32 sum[UNROLL];                                                 \
        _Pragma("GCC unroll 8") for (int u = 0; u < UNROLL; u++) {           \
            sum[u] = start - (vec_f32){};                                    \
        }                                                                    \
        for (int64_t t = 0; t < args->times; t++) {                          \
            for (int64_t i = 0; i < n; i += TURN) {                          \
                _Pragma("GCC unroll 8") for (int u = 0; u < UNROLL; u++) {   \
                    const int64_t at = i + u * LANES;                        \
                    __VA_ARGS__;                                             \
                }                                                            \
                __asm__ volatile("" ::: "memory");                           \
            }                                                                \
        }                                                                    \
        STREAM_END();                                                        \
        _Pragma("GCC unroll 8") for (int u = 1; u < UNROLL; u++) {           \
            sum[0] += sum[u];                                                \
        }                                                                    \
        volatile f32 end = sum[0][0];                                        \
        (void)end, (void)a, (void)b, (void)out;                              \
        args->work[chunk] = (double)args->times * (double)n * 4.0 * (moved); \
    }

PASS(read, 1, (void)at;
     sum[u] += LOAD(a + u % PLACES * (n / PLACES) + i / PLACES + u / PLACES * LANES))
PASS(write, 1, STORE(out + at, sum[u]))
PASS(write_stream, 1, STREAM(out + at, sum[u]))
PASS(copy, 2, STORE(out + at, LOAD(a + at)))
PASS(copy_stream, 2, STREAM(out + at, LOAD(a + at)))
PASS(triad, 3, STORE(out + at, LOAD(a + at) + LOAD(b + at)))
PASS(triad_stream, 3, STREAM(out + at, LOAD(a + at) + LOAD(b + at)))

#define CEILING(name)                                                                            \
    ADJ_EXPORT int32_t adj_ceiling_##name(const void* args);                                     \
    int32_t adj_ceiling_##name(const void* args) {                                               \
        adj_parallel_for(((const adj_ceiling_args*)args)->chunks, name, (void*)(uintptr_t)args); \
        return ADJ_OK;                                                                           \
    }
CEILING(fma_f32)
CEILING(fma_f64)
CEILING(fma_bf16)
CEILING(read)
CEILING(write)
CEILING(write_stream)
CEILING(copy)
CEILING(copy_stream)
CEILING(triad)
CEILING(triad_stream)
