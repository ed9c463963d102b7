/*
 * The functions that elementwise.def names, for float and double. CUDA's library gives exp, log,
 * tanh, erf, sin and cos to 2 ulp and pow to 4 (float) or 2; what is built on them follows the
 * formulas of the specification, each in the form that neither overflows nor cancels.
 */
#ifndef ADJ_MATH_CUH
#define ADJ_MATH_CUH

#include "common.cuh"

#define ADJ_LIBRARY(inlining, T, name, function) \
    inlining T adj_##name(T x) {                 \
        return function(x);                      \
    }
ADJ_LIBRARY(ADJ_DEVICE, float, abs, fabsf)
ADJ_LIBRARY(ADJ_DEVICE, float, sqrt, sqrtf)
ADJ_LIBRARY(ADJ_DEVICE, float, exp, expf)
ADJ_LIBRARY(ADJ_DEVICE, float, log, logf)
ADJ_LIBRARY(ADJ_DEVICE, float, tanh, tanhf)
ADJ_LIBRARY(ADJ_DEVICE, float, erf, erff)
ADJ_LIBRARY(ADJ_CALLED, float, sin, sinf)
ADJ_LIBRARY(ADJ_CALLED, float, cos, cosf)
ADJ_LIBRARY(ADJ_DEVICE, double, abs, fabs)
ADJ_LIBRARY(ADJ_DEVICE, double, sqrt, sqrt)
ADJ_LIBRARY(ADJ_CALLED, double, exp, exp)
ADJ_LIBRARY(ADJ_CALLED, double, log, log)
ADJ_LIBRARY(ADJ_CALLED, double, tanh, tanh)
ADJ_LIBRARY(ADJ_CALLED, double, erf, erf)
ADJ_LIBRARY(ADJ_CALLED, double, sin, sin)
ADJ_LIBRARY(ADJ_CALLED, double, cos, cos)
#undef ADJ_LIBRARY

/* Squares, the most frequent power by far, are exact up to their rounding and need no library. */
ADJ_CALLED float adj_power(float x, float y) {
    return powf(x, y);
}
ADJ_CALLED double adj_power(double x, double y) {
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
