/*
 * The functions that elementwise.def names, for float and double. CUDA's library gives exp, log, tanh,
 * erf, sin and cos to 2 ulp and pow to 4 (float) or 2; what is built on them follows the formulas of
 * the specification, each in the form that neither overflows nor cancels.
 */
#ifndef ADJ_MATH_CUH
#define ADJ_MATH_CUH

#include "common.cuh"

#define ADJ_INLINED(T, name, function) \
    ADJ_DEVICE T adj_##name(T x) {     \
        return function(x);            \
    }
/* Long ones: one copy for all kernels, which spend their time on memory anyway. */
#define ADJ_CALLED(T, name, function)                     \
    static __device__ __noinline__ T adj_##name(T x) {    \
        return function(x);                               \
    }
ADJ_INLINED(float, abs, fabsf)
ADJ_INLINED(float, sqrt, sqrtf)
ADJ_INLINED(float, exp, expf)
ADJ_INLINED(float, log, logf)
ADJ_INLINED(float, tanh, tanhf)
ADJ_INLINED(float, erf, erff)
ADJ_CALLED(float, sin, sinf)
ADJ_CALLED(float, cos, cosf)
ADJ_INLINED(double, abs, fabs)
ADJ_INLINED(double, sqrt, sqrt)
ADJ_CALLED(double, exp, exp)
ADJ_CALLED(double, log, log)
ADJ_CALLED(double, tanh, tanh)
ADJ_CALLED(double, erf, erf)
ADJ_CALLED(double, sin, sin)
ADJ_CALLED(double, cos, cos)
#undef ADJ_INLINED
#undef ADJ_CALLED

/* Squares, the most frequent power by far, are exact up to their rounding and need no library. */
static __device__ __noinline__ float adj_power(float x, float y) {
    return powf(x, y);
}
static __device__ __noinline__ double adj_power(double x, double y) {
    return pow(x, y);
}
template <class T>
ADJ_DEVICE T adj_pow(T x, T y) {
    return y == 2 ? x * x : adj_power(x, y);
}

/* -1, 0 or 1; NaN for NaN. */
template <class T>
ADJ_DEVICE T adj_sign(T x) {
    return x > 0 ? T(1) : x < 0 ? T(-1) : x;
}

/* The sigmoid of u, and its derivative. e^-|u| never overflows: the left tail keeps its digits. */
template <class T>
struct adj_gate {
    T value;
    T slope;

    __device__ __forceinline__ explicit adj_gate(T u) {
        const T e = adj_exp(-adj_abs(u));
        const T far = T(1) / (T(1) + e);
        value = u < 0 ? e * far : far;
        slope = e * far * far;
    }
};

template <class T>
ADJ_DEVICE T adj_sigmoid(T x) {
    return adj_gate<T>(x).value;
}

/* x sigmoid(u). */
template <class T>
ADJ_DEVICE T adj_gated(T x, T u) {
    return x * adj_sigmoid(u);
}

/* Its derivative where u' = du. Where the curve is straight, 0 times infinity must not make NaN. */
template <class T>
ADJ_DEVICE T adj_gate_slope(T x, T u, T du) {
    const adj_gate<T> gate(u);
    return gate.slope == 0 ? gate.value : gate.value + x * du * gate.slope;
}

/* The normal distribution function: its absolute error is 2 roundoffs at most. */
template <class T>
ADJ_DEVICE T adj_normal_cdf(T x) {
    return T(0.5) + T(0.5) * adj_erf(x * T(0.7071067811865476));
}

/* The derivative of x times it. */
template <class T>
ADJ_DEVICE T adj_gelu_slope(T x) {
    return adj_normal_cdf(x) + x * T(0.3989422804014327) * adj_exp(T(-0.5) * x * x);
}

#endif
