/*
 * The functions that elementwise.def names, for float and double. CUDA's library gives exp, log, tanh,
 * erf, sin and cos to 2 ulp and pow to 4 (float) or 2; what is built on them follows the formulas of
 * the specification, each in the form that neither overflows nor cancels.
 */
#ifndef ADJ_MATH_CUH
#define ADJ_MATH_CUH

#include "common.cuh"

#define ADJ_LIBRARY(name, f32, f64)         \
    ADJ_DEVICE float adj_##name(float x) {  \
        return f32(x);                      \
    }                                       \
    ADJ_DEVICE double adj_##name(double x) { \
        return f64(x);                      \
    }
ADJ_LIBRARY(abs, fabsf, fabs)
ADJ_LIBRARY(sqrt, sqrtf, sqrt)
ADJ_LIBRARY(exp, expf, exp)
ADJ_LIBRARY(log, logf, log)
ADJ_LIBRARY(sin, sinf, sin)
ADJ_LIBRARY(cos, cosf, cos)
ADJ_LIBRARY(tanh, tanhf, tanh)
ADJ_LIBRARY(erf, erff, erf)
#undef ADJ_LIBRARY

/* Squares, the most frequent power by far, are exact up to their rounding and need no library. */
ADJ_DEVICE float adj_pow(float x, float y) {
    return y == 2 ? x * x : powf(x, y);
}
ADJ_DEVICE double adj_pow(double x, double y) {
    return y == 2 ? x * x : pow(x, y);
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
