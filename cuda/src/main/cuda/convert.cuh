/*
 * Conversions between element types: to floating types rounded once, to nearest, ties to even; from
 * floating to integer types truncated and saturated, NaN 0; to bool, whether it is not 0.
 */
#ifndef ADJ_CONVERT_CUH
#define ADJ_CONVERT_CUH

#include <string.h>

#include "common.cuh"

/* A float next to x: x itself if it is one, else the neighbour whose last bit is odd. */
ADJ_DEVICE float adj_round_to_odd(double x) {
    const float nearest = static_cast<float>(x);
    const double wide = static_cast<double>(nearest);
    uint32_t bits;
    memcpy(&bits, &nearest, sizeof bits);
    if (wide != x && (bits & 1) == 0) {
        bits += fabs(wide) > fabs(x) ? UINT32_MAX : 1;
    }
    float odd;
    memcpy(&odd, &bits, sizeof odd);
    return odd;
}

/* The same of an integer, exact where double is not. */
ADJ_DEVICE float adj_round_to_odd(int64_t x) {
    const bool exact = x > -(INT64_C(1) << 53) && x < INT64_C(1) << 53;
    const int64_t lost = x & 0x7ff; /* of a double; they become one bit that it has */
    return adj_round_to_odd(static_cast<double>(exact ? x : (x - lost) | (lost != 0 ? 0x800 : 0)));
}

template <class To>
struct adj_to {
    template <class X>
    static __device__ __forceinline__ To of(X x) {
        return static_cast<To>(x);
    }
};

template <>
struct adj_to<adj_bool> {
    template <class X>
    static __device__ __forceinline__ adj_bool of(X x) {
        return adj_bool{static_cast<uint8_t>(x != 0)};
    }
};

/* Limit is the largest integer plus 1, a number that both floating types hold. */
template <class To, class Wide>
ADJ_DEVICE To adj_saturate(Wide x, Wide limit, To least, To largest) {
    return x >= limit ? largest : x < -limit ? least : x == x ? static_cast<To>(x) : To{0};
}
template <>
struct adj_to<int32_t> {
    static __device__ __forceinline__ int32_t of(float x) {
        return adj_saturate<int32_t>(x, 0x1p31f, INT32_MIN, INT32_MAX);
    }
    static __device__ __forceinline__ int32_t of(double x) {
        return adj_saturate<int32_t>(x, 0x1p31, INT32_MIN, INT32_MAX);
    }
    /* Of wider integers the low bits. */
    static __device__ __forceinline__ int32_t of(int64_t x) {
        return static_cast<int32_t>(x);
    }
    static __device__ __forceinline__ int32_t of(int32_t x) {
        return x;
    }
};
template <>
struct adj_to<int64_t> {
    static __device__ __forceinline__ int64_t of(float x) {
        return adj_saturate<int64_t>(x, 0x1p63f, INT64_MIN, INT64_MAX);
    }
    static __device__ __forceinline__ int64_t of(double x) {
        return adj_saturate<int64_t>(x, 0x1p63, INT64_MIN, INT64_MAX);
    }
    static __device__ __forceinline__ int64_t of(int32_t x) {
        return x;
    }
};

/* To 16 bits by way of float: rounding to odd first keeps what decides ties (Boldo 2008). */
ADJ_DEVICE float adj_before_half(float x) {
    return x;
}
ADJ_DEVICE float adj_before_half(double x) {
    return adj_round_to_odd(x);
}
ADJ_DEVICE float adj_before_half(int32_t x) {
    return adj_round_to_odd(static_cast<double>(x));
}
ADJ_DEVICE float adj_before_half(int64_t x) {
    return adj_round_to_odd(x);
}
template <>
struct adj_to<__half> {
    template <class X>
    static __device__ __forceinline__ __half of(X x) {
        return __float2half_rn(adj_before_half(x));
    }
};
template <>
struct adj_to<__nv_bfloat16> {
    template <class X>
    static __device__ __forceinline__ __nv_bfloat16 of(X x) {
        return __float2bfloat16_rn(adj_before_half(x));
    }
};

template <class To, class From>
ADJ_DEVICE To adj_convert(From x) {
    return adj_to<To>::of(adj_widen(x));
}

#endif
