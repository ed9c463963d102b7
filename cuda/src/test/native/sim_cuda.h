/*
 * CUDA C++ for the simulated device: what the .cu files use of the language, its types and its
 * functions, in plain C++. common.cuh includes it where ADJ_SIMULATED is defined.
 *
 * A thread of a block is a fiber of the executor (executor.cpp); whatever waits for other threads
 * is a call into it. Loads and stores are seen by it too, because the kernels are compiled with
 * -fsanitize=thread and the executor defines the functions that this makes the compiler call.
 */
#ifndef SIM_CUDA_H
#define SIM_CUDA_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <limits>
#include <type_traits>

/* ---- the language ---- */

#define __global__
#define __device__
#define __host__
#define __constant__ static const
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(n) __attribute__((aligned(n)))

/* A kernel and the size of its only parameter. Its threads share one copy of the parameter. */
#define ADJ_KERNEL(name, args_type)                                                \
    extern "C" {                                                                   \
    __attribute__((visibility("default"))) void name(const args_type& args);       \
    __attribute__((visibility("default"))) extern const size_t name##_param_bytes; \
    const size_t name##_param_bytes = sizeof(args_type);                           \
    }                                                                              \
    void name(const args_type& args)

/*
 * Shared memory is found by the place of its declaration: the first thread of a block that comes by
 * makes room for it, poisoned. `name` is an array of the constant size `count`.
 */
#define ADJ_SHARED(type, name, count)                       \
    static char name##_place;                               \
    type(&name)[count] = *reinterpret_cast<type(*)[count]>( \
        sim_shared(&name##_place, #name, sizeof(type[count]), alignof(type)))
#define ADJ_DYNAMIC_SHARED(type, name) type* const name = static_cast<type*>(sim_dynamic_shared(alignof(type)))

#define ADJ_UNROLL
#define ADJ_UNROLL_BY(n)
/* Nothing: -fsanitize=alignment checks every access. */
#define ADJ_REQUIRE_ALIGNED(address, bytes)
/* A function whose loads and stores the executor does not see: what it touches is its own. */
#define SIM_UNSEEN __attribute__((noinline, no_sanitize("thread")))

/* ---- the executor ---- */

struct uint3 {
    unsigned x, y, z;
};
struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

extern "C" {
/* Constant as far as one thread of a kernel can see; the executor changes them between threads. */
extern const uint3 threadIdx;
extern const uint3 blockIdx;
extern const uint3 blockDim;
extern const uint3 gridDim;

void sim_syncthreads(const char* file, int line);
/* Waits for the lanes of the mask that have not ended; the answer holds the value of each lane of
 * `present`. */
const uint64_t* sim_exchange(const char* what, unsigned mask, uint64_t value, unsigned* present);
void sim_syncwarp(unsigned mask);
/* Aligned to 16 bytes; `unit` is what the elements are aligned to. */
void* sim_shared(const void* place, const char* name, size_t bytes, size_t unit);
void* sim_dynamic_shared(size_t unit);
/* To be called before an atomic operation or a load of the twin of an instruction, which are not
 * seen themselves. */
void sim_atomic(const volatile void* address, size_t bytes);
void sim_read(const volatile void* address, size_t bytes);
/* Copies to shared memory by the time that the thread waits for it, not before: `bytes` bytes, then
 * zeros up to `size`. Both addresses are multiples of `size`. */
void sim_copy_async(void* shared, const void* global, size_t bytes, size_t size);
void sim_copy_commit(void);
void sim_copy_wait(unsigned groups);
void sim_trap(void);
}

constexpr int warpSize = 32;

/* The line tells barriers apart: a block whose threads wait at different ones is divergent. */
#define __syncthreads() sim_syncthreads(__FILE__, __LINE__)

inline void __syncwarp(unsigned mask = 0xffffffffu) {
    sim_syncwarp(mask);
}
inline void __threadfence_block() {
    __asm__ volatile("" ::: "memory");
}
inline void __threadfence() {
    __asm__ volatile("" ::: "memory");
}
inline void __threadfence_system() {
    __asm__ volatile("" ::: "memory");
}
inline void __trap() {
    sim_trap();
}

/* ---- vector types: aligned as in CUDA ---- */

#define SIM_VECTORS(type, name, align2, align4)                     \
    struct alignas(align2) name##2 {                                \
        type x, y;                                                  \
    };                                                              \
    struct alignas(align4) name##4 {                                \
        type x, y, z, w;                                            \
    };                                                              \
    inline name##2 make_##name##2(type x, type y) {                 \
        return {x, y};                                              \
    }                                                               \
    inline name##4 make_##name##4(type x, type y, type z, type w) { \
        return {x, y, z, w};                                        \
    }
SIM_VECTORS(signed char, char, 2, 4)
SIM_VECTORS(unsigned char, uchar, 2, 4)
SIM_VECTORS(short, short, 4, 8)
SIM_VECTORS(unsigned short, ushort, 4, 8)
SIM_VECTORS(int, int, 8, 16)
SIM_VECTORS(unsigned, uint, 8, 16)
SIM_VECTORS(long long, longlong, 16, 16)
SIM_VECTORS(unsigned long long, ulonglong, 16, 16)
SIM_VECTORS(float, float, 8, 16)
SIM_VECTORS(double, double, 16, 16)
#undef SIM_VECTORS

/* ---- bits ---- */

template <typename To, typename From>
inline To sim_bits(From from) {
    static_assert(sizeof(To) == sizeof(From));
    To to;
    memcpy(&to, &from, sizeof(To));
    return to;
}

inline int __float_as_int(float x) {
    return sim_bits<int>(x);
}
inline unsigned __float_as_uint(float x) {
    return sim_bits<unsigned>(x);
}
inline float __int_as_float(int x) {
    return sim_bits<float>(x);
}
inline float __uint_as_float(unsigned x) {
    return sim_bits<float>(x);
}
inline long long __double_as_longlong(double x) {
    return sim_bits<long long>(x);
}
inline double __longlong_as_double(long long x) {
    return sim_bits<double>(x);
}
inline int __popc(unsigned x) {
    return __builtin_popcount(x);
}
inline int __popcll(unsigned long long x) {
    return __builtin_popcountll(x);
}
inline int __clz(int x) {
    return x == 0 ? 32 : __builtin_clz((unsigned)x);
}
inline int __clzll(long long x) {
    return x == 0 ? 64 : __builtin_clzll((unsigned long long)x);
}
inline int __ffs(int x) {
    return __builtin_ffs(x);
}
inline unsigned __umulhi(unsigned a, unsigned b) {
    return (unsigned)((unsigned long long)a * b >> 32);
}
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return (unsigned long long)((unsigned __int128)a * b >> 64);
}

/* ---- bfloat16 and float16: bits, conversions rounding to nearest even; NaN becomes 0x7fff ---- */

inline float sim_f32_of_bf16(unsigned short x) {
    return __uint_as_float((unsigned)x << 16);
}
inline unsigned short sim_bf16_of_f32(float x) {
    const unsigned bits = __float_as_uint(x);
    return x == x ? (unsigned short)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16) : 0x7fff;
}
inline float sim_f32_of_f16(unsigned short x) {
    const unsigned exponent = x >> 10 & 31u;
    const unsigned mantissa = x & 0x3ffu;
    const float magnitude = exponent == 31 ? (mantissa != 0 ? NAN : INFINITY)
                            : exponent == 0
                                ? (float)mantissa * 0x1p-24f
                                : ldexpf((float)(mantissa | 0x400u), (int)exponent - 25);
    return x & 0x8000u ? -magnitude : magnitude;
}
inline unsigned short sim_f16_of_f32(float x) {
    if (x != x) {
        return 0x7fff;
    }
    const unsigned short sign = signbit(x) ? 0x8000 : 0;
    const float magnitude = fabsf(x);
    if (magnitude >= 65520.0f) { /* halfway between the largest number and the next power of two */
        return (unsigned short)(sign | 0x7c00);
    }
    int exponent;
    frexpf(magnitude, &exponent); /* magnitude < 2^exponent */
    /* The last place of the result; nearbyintf rounds to even. */
    const int place = magnitude < 0x1p-14f ? -24 : exponent - 11;
    const unsigned units = (unsigned)nearbyintf(ldexpf(magnitude, -place));
    const unsigned bits = place == -24 ? units : ((unsigned)(place + 24) << 10) + units;
    return (unsigned short)(sign | bits);
}

#define SIM_HALF(type, pair, short_name)                               \
    struct type {                                                      \
        unsigned short bits;                                           \
        type() = default;                                              \
        explicit type(float x) : bits(sim_##short_name##_of_f32(x)) {} \
        explicit operator float() const {                              \
            return sim_f32_of_##short_name(bits);                      \
        }                                                              \
    };                                                                 \
    struct alignas(4) pair {                                           \
        type x, y;                                                     \
    };
SIM_HALF(__nv_bfloat16, __nv_bfloat162, bf16)
SIM_HALF(__half, __half2, f16)
#undef SIM_HALF

inline __nv_bfloat16 __float2bfloat16_rn(float x) {
    return __nv_bfloat16(x);
}
inline __nv_bfloat16 __float2bfloat16(float x) {
    return __nv_bfloat16(x);
}
inline float __bfloat162float(__nv_bfloat16 x) {
    return (float)x;
}
inline unsigned short __bfloat16_as_ushort(__nv_bfloat16 x) {
    return x.bits;
}
inline __nv_bfloat16 __ushort_as_bfloat16(unsigned short bits) {
    return sim_bits<__nv_bfloat16>(bits);
}
inline __nv_bfloat162 __floats2bfloat162_rn(float x, float y) {
    return {__nv_bfloat16(x), __nv_bfloat16(y)};
}
inline float2 __bfloat1622float2(__nv_bfloat162 x) {
    return {(float)x.x, (float)x.y};
}
inline __half __float2half_rn(float x) {
    return __half(x);
}
inline __half __float2half(float x) {
    return __half(x);
}
inline float __half2float(__half x) {
    return (float)x;
}
inline unsigned short __half_as_ushort(__half x) {
    return x.bits;
}
inline __half __ushort_as_half(unsigned short bits) {
    return sim_bits<__half>(bits);
}
inline __half2 __floats2half2_rn(float x, float y) {
    return {__half(x), __half(y)};
}
inline float2 __half22float2(__half2 x) {
    return {(float)x.x, (float)x.y};
}

/* ---- memory ---- */

#define SIM_LOAD(name)                   \
    template <typename T>                \
    __forceinline__ T name(const T* p) { \
        return *p;                       \
    }
SIM_LOAD(__ldg)
SIM_LOAD(__ldca)
SIM_LOAD(__ldcg)
SIM_LOAD(__ldcs)
SIM_LOAD(__ldcv)
SIM_LOAD(__ldlu)
#undef SIM_LOAD
#define SIM_STORE(name)                              \
    template <typename T>                            \
    __forceinline__ void name(T* p, const T value) { \
        *p = value;                                  \
    }
SIM_STORE(__stcg)
SIM_STORE(__stcs)
SIM_STORE(__stwb)
SIM_STORE(__stwt)
#undef SIM_STORE

/* Threads of the simulated device take turns, so that an atomic operation is a plain one. */
template <typename T, typename Function>
SIM_UNSEEN T sim_update(T* address, Function function) {
    sim_atomic(address, sizeof(T));
    const T old = *address;
    *address = function(old);
    return old;
}
#define SIM_ATOMIC(type, name, expression)                                                \
    inline type name(type* address, type value) {                                         \
        return sim_update(address, [=](type old) -> type { return (type)(expression); }); \
    }
#define SIM_ATOMIC_INTEGER(type)                                                            \
    SIM_ATOMIC(type, atomicAdd, old + value)                                                \
    SIM_ATOMIC(type, atomicMax, old > value ? old : value)                                  \
    SIM_ATOMIC(type, atomicMin, old < value ? old : value)                                  \
    SIM_ATOMIC(type, atomicAnd, old& value)                                                 \
    SIM_ATOMIC(type, atomicOr, old | value)                                                 \
    SIM_ATOMIC(type, atomicXor, old ^ value)                                                \
    SIM_ATOMIC(type, atomicExch, ((void)old, value))                                        \
    inline type atomicCAS(type* address, type expected, type value) {                       \
        return sim_update(address,                                                          \
                          [=](type old) -> type { return old == expected ? value : old; }); \
    }
SIM_ATOMIC_INTEGER(int)
SIM_ATOMIC_INTEGER(unsigned)
SIM_ATOMIC_INTEGER(unsigned long long)
SIM_ATOMIC(float, atomicAdd, old + value)
SIM_ATOMIC(float, atomicExch, ((void)old, value))
SIM_ATOMIC(double, atomicAdd, old + value)
#undef SIM_ATOMIC_INTEGER
#undef SIM_ATOMIC
inline unsigned atomicInc(unsigned* address, unsigned limit) {
    return sim_update(address, [=](unsigned old) { return old >= limit ? 0u : old + 1; });
}

/* ---- warps ---- */

inline int sim_lane() {
    return (int)((threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)) % 32);
}

/* The value of lane `source` if it lies within [first, last], else one's own; poison where it is
 * not there. */
template <typename T>
inline T sim_shuffle(const char* what, unsigned mask, T value, int source, int first, int last) {
    static_assert(std::is_trivially_copyable<T>::value && (sizeof(T) <= 8));
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof(T));
    unsigned present;
    const uint64_t* const values = sim_exchange(what, mask, bits, &present);
    if (source < first || source > last) {
        return value;
    }
    bits = present >> source & 1u ? values[source] : ~(uint64_t)0;
    memcpy(&value, &bits, sizeof(T));
    return value;
}
template <typename T>
inline T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
    const int first = sim_lane() & -width;
    return sim_shuffle("__shfl_sync", mask, value, first + (source & (width - 1)), 0, 31);
}
template <typename T>
inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
    const int lane = sim_lane();
    return sim_shuffle("__shfl_up_sync", mask, value, lane - (int)delta, lane & -width, 31);
}
template <typename T>
inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
    const int lane = sim_lane();
    return sim_shuffle("__shfl_down_sync", mask, value, lane + (int)delta, 0,
                       (lane & -width) + width - 1);
}
template <typename T>
inline T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32) {
    const int lane = sim_lane();
    return sim_shuffle("__shfl_xor_sync", mask, value, lane ^ lane_mask, 0,
                       (lane & -width) + width - 1);
}

inline unsigned sim_vote(const char* what, unsigned mask, int predicate, unsigned* present) {
    const uint64_t* const values = sim_exchange(what, mask, predicate != 0, present);
    unsigned ballot = 0;
    for (unsigned lane = 0; lane < 32; lane++) {
        if (*present >> lane & 1u) {
            ballot |= (unsigned)values[lane] << lane;
        }
    }
    return ballot;
}
inline unsigned __ballot_sync(unsigned mask, int predicate) {
    unsigned present;
    return sim_vote("__ballot_sync", mask, predicate, &present);
}
inline int __any_sync(unsigned mask, int predicate) {
    unsigned present;
    return sim_vote("__any_sync", mask, predicate, &present) != 0;
}
inline int __all_sync(unsigned mask, int predicate) {
    unsigned present;
    return sim_vote("__all_sync", mask, predicate, &present) == present;
}

/* What each lane of a whole warp holds: for twins of instructions that deal it out anew. */
template <typename T>
SIM_UNSEEN void sim_lanes(const char* what, const T& own, T (&all)[32]) {
    static_assert(std::is_trivially_copyable<T>::value && sizeof(T) % sizeof(uint64_t) == 0);
    for (size_t at = 0; at < sizeof(T); at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, (const char*)&own + at, sizeof word);
        unsigned present;
        const uint64_t* const words = sim_exchange(what, 0xffffffffu, word, &present);
        if (present != 0xffffffffu) {
            sim_trap();
        }
        for (size_t lane = 0; lane < 32; lane++) {
            memcpy((char*)&all[lane] + at, words + lane, sizeof word);
        }
    }
}

/* ---- mathematics: what <math.h> lacks ---- */

#define CUDART_INF_F INFINITY
#define CUDART_INF ((double)INFINITY)
#define CUDART_NAN_F NAN
#define CUDART_NAN ((double)NAN)

#define SIM_EXTREMES(type)            \
    inline type max(type a, type b) { \
        return a > b ? a : b;         \
    }                                 \
    inline type min(type a, type b) { \
        return a < b ? a : b;         \
    }
SIM_EXTREMES(int)
SIM_EXTREMES(unsigned)
SIM_EXTREMES(long)
SIM_EXTREMES(unsigned long)
SIM_EXTREMES(long long)
SIM_EXTREMES(unsigned long long)
#undef SIM_EXTREMES
inline float max(float a, float b) {
    return fmaxf(a, b);
}
inline float min(float a, float b) {
    return fminf(a, b);
}
inline double max(double a, double b) {
    return fmax(a, b);
}
inline double min(double a, double b) {
    return fmin(a, b);
}

inline double rsqrt(double x) {
    return 1.0 / sqrt(x);
}
inline float rsqrtf(float x) {
    return 1.0f / sqrtf(x);
}
inline double normcdf(double x) {
    return 0.5 * erfc(-x * 0.70710678118654752440);
}
inline float normcdff(float x) {
    return (float)normcdf((double)x);
}
inline float __expf(float x) {
    return expf(x);
}
inline float __logf(float x) {
    return logf(x);
}
inline float __fdividef(float a, float b) {
    return a / b;
}
inline float __frcp_rn(float x) {
    return 1.0f / x;
}

/* One rounding each, never contracted: the kernels are compiled with -ffp-contract=off. */
#define SIM_ROUNDED(type, prefix, suffix)        \
    inline type prefix##add_rn(type a, type b) { \
        return a + b;                            \
    }                                            \
    inline type prefix##sub_rn(type a, type b) { \
        return a - b;                            \
    }                                            \
    inline type prefix##mul_rn(type a, type b) { \
        return a * b;                            \
    }                                            \
    inline type prefix##div_rn(type a, type b) { \
        return a / b;                            \
    }                                            \
    inline type prefix##sqrt_rn(type a) {        \
        return sqrt##suffix(a);                  \
    }
SIM_ROUNDED(float, __f, f)
SIM_ROUNDED(double, __d, )
#undef SIM_ROUNDED
inline float __fmaf_rn(float a, float b, float c) {
    return fmaf(a, b, c);
}
inline double __fma_rn(double a, double b, double c) {
    return fma(a, b, c);
}

/* Float to integer as the device does it: to the nearest, out of range the end of it, NaN 0. */
template <typename Integer, typename Real>
inline Integer sim_saturated(Real x) {
    using limits = std::numeric_limits<Integer>;
    const Real beyond = (Real)2 * (Real)(limits::max() / 2 + 1); /* a power of two: exact */
    return x != x                     ? (Integer)0
           : x >= beyond              ? limits::max()
           : x <= (Real)limits::min() ? limits::min()
                                      : (Integer)x;
}
inline int __float2int_rn(float x) {
    return sim_saturated<int>(nearbyintf(x));
}
inline int __float2int_rz(float x) {
    return sim_saturated<int>(truncf(x));
}
inline long long __float2ll_rz(float x) {
    return sim_saturated<long long>(truncf(x));
}
inline int __double2int_rz(double x) {
    return sim_saturated<int>(trunc(x));
}
inline long long __double2ll_rn(double x) {
    return sim_saturated<long long>(nearbyint(x));
}
inline long long __double2ll_rz(double x) {
    return sim_saturated<long long>(trunc(x));
}
inline float __double2float_rn(double x) {
    return (float)x;
}
inline float __ll2float_rn(long long x) {
    return (float)x;
}
inline double __ll2double_rn(long long x) {
    return (double)x;
}

#endif
