/*
 * exp, log, tanh, erf and friends without branches or tables, so that loops over them become vector
 * code. Within 4 ulp over the whole range, infinities, NaN and denormals included (test_mathx.c).
 * adj_exp(x) and the others choose by the type of x: math_exp_f32 or math_exp_f64 (adj_exp_f32 is
 * the kernel).
 *
 * The polynomials interpolate at Chebyshev nodes; their relative errors are at most 2^-27 (float)
 * and 2^-50 (double, of a correction term) to 2^-58.
 */
#ifndef ADJ_MATHX_H
#define ADJ_MATHX_H

#include <string.h>

#include "common.h"

#define ADJ_CHOOSE(f, x) _Generic((x), float: f##_f32, double: f##_f64)

#define adj_fma(a, b, c) ADJ_CHOOSE(adj_fma, a)(a, b, c)
#define adj_abs(x) ADJ_CHOOSE(math_abs, x)(x)
#define adj_sqrt(x) ADJ_CHOOSE(math_sqrt, x)(x)
#define adj_copysign(x, sign) ADJ_CHOOSE(math_copysign, x)(x, sign)
#define adj_sin(x) ADJ_CHOOSE(math_sin, x)(x)
#define adj_cos(x) ADJ_CHOOSE(math_cos, x)(x)
#define adj_pow(x, y) ADJ_CHOOSE(math_pow, x)(x, y)
#define adj_sign(x) ADJ_CHOOSE(math_sign, x)(x)
#define adj_exp(x) ADJ_CHOOSE(math_exp, x)(x)
#define adj_log(x) ADJ_CHOOSE(math_log, x)(x)
#define adj_tanh(x) ADJ_CHOOSE(math_tanh, x)(x)
#define adj_sigmoid(x) ADJ_CHOOSE(math_sigmoid, x)(x)
#define adj_erf(x) ADJ_CHOOSE(math_erf, x)(x)
#define adj_normal_cdf(x) ADJ_CHOOSE(math_normal_cdf, x)(x)
#define adj_exp_near(x) ADJ_CHOOSE(math_exp_near, x)(x)
#define adj_sigmoid_near(x) ADJ_CHOOSE(math_sigmoid_near, x)(x)
#define adj_gelu_slope(x) ADJ_CHOOSE(math_gelu_slope, x)(x)
#define adj_gated(x, u) ADJ_CHOOSE(math_gated, x)(x, u)
#define adj_gate_slope(x, u, du) ADJ_CHOOSE(math_gate_slope, x)(x, u, du)

#define ADJ_BUILTIN(name, T, S, suffix)     \
    ADJ_INLINE T math_##name##_##S(T x) {   \
        return __builtin_##name##suffix(x); \
    }
#define ADJ_BUILTIN2(name, T, S, suffix)       \
    ADJ_INLINE T math_##name##_##S(T x, T y) { \
        return __builtin_##name##suffix(x, y); \
    }
ADJ_BUILTIN(sqrt, float, f32, f)
ADJ_BUILTIN(sqrt, double, f64, )
ADJ_BUILTIN(sin, float, f32, f)
ADJ_BUILTIN(sin, double, f64, )
ADJ_BUILTIN(cos, float, f32, f)
ADJ_BUILTIN(cos, double, f64, )
ADJ_BUILTIN2(copysign, float, f32, f)
ADJ_BUILTIN2(copysign, double, f64, )
ADJ_INLINE float math_abs_f32(float x) {
    return __builtin_fabsf(x);
}
ADJ_INLINE double math_abs_f64(double x) {
    return __builtin_fabs(x);
}

/* Squares, the most frequent power by far, are exact up to their rounding and need no library. */
ADJ_INLINE float math_pow_f32(float x, float y) {
    return y == 2 ? x * x : __builtin_powf(x, y);
}
ADJ_INLINE double math_pow_f64(double x, double y) {
    return y == 2 ? x * x : __builtin_pow(x, y);
}

ADJ_INLINE uint32_t math_bits_f32(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
ADJ_INLINE uint64_t math_bits_f64(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
ADJ_INLINE float math_from_bits_f32(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
ADJ_INLINE double math_from_bits_f64(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/*
 * c[0] + c[1] x + ... + c[degree] x^degree, for degree >= 1: in pairs, because the length of the
 * chain of dependent operations, not their number, limits these functions.
 */
#define ADJ_POLYNOMIAL(T, S)                                              \
    ADJ_INLINE T math_polynomial_##S(T x, const T* c, int degree) {       \
        const T z = x * x;                                                \
        const int last = degree & ~1;                                     \
        T p = last < degree ? adj_fma(c[degree], x, c[last]) : c[last];   \
        _Pragma("GCC unroll 16") for (int i = last - 2; i >= 0; i -= 2) { \
            p = adj_fma(p, z, adj_fma(c[i + 1], x, c[i]));                \
        }                                                                 \
        return p;                                                         \
    }
ADJ_POLYNOMIAL(float, f32)
ADJ_POLYNOMIAL(double, f64)
#define ADJ_POLY(S, x, c) math_polynomial_##S(x, c, (int)(sizeof(c) / sizeof(c)[0]) - 1)

/* (e^r - 1 - r) / r^2 on |r| <= ln(2) / 2. */
static const float math_exp_c_f32[] = {0x1.fffffcp-2f, 0x1.555492p-3f, 0x1.5558f2p-5f,
                                       0x1.123a20p-7f, 0x1.6a23d0p-10f};
static const double math_exp_c_f64[] = {
    0x1.0000000000000p-1,  0x1.5555555555557p-3,  0x1.5555555555556p-5,  0x1.111111110ff87p-7,
    0x1.6c16c16c16212p-10, 0x1.a01a01aca0134p-13, 0x1.a01a01a741b3cp-16, 0x1.71ddffef9e7b1p-19,
    0x1.27e4da1a3bf04p-22, 0x1.af52906239de4p-26, 0x1.1f75aba0b1e2ep-29};

/* log((1 + s) / (1 - s)) = 2 s + s^3 p(s^2) on |s| <= (sqrt(2) - 1) / (sqrt(2) + 1). */
static const float math_log_c_f32[] = {0x1.555556p-1f, 0x1.9999ecp-2f, 0x1.245c0ap-2f,
                                       0x1.dddae0p-3f};
static const double math_log_c_f64[] = {
    0x1.5555555555558p-1, 0x1.9999999995204p-2, 0x1.2492492e09d4dp-2, 0x1.c71c62c639fdep-3,
    0x1.7462bd8f7796ep-3, 0x1.39fd392179a95p-3, 0x1.2b6688a387e03p-3};

/* erf(x) = x p(x^2) on |x| <= 1. */
static const float math_erf_c_f32[] = {0x1.20dd74p+0f,  -0x1.81273ep-2f, 0x1.ce2d10p-4f,
                                       -0x1.b7fabap-6f, 0x1.541270p-8f,  -0x1.a45088p-11f,
                                       0x1.4a5690p-14f};
static const double math_erf_c_f64[] = {
    0x1.20dd750429b6dp+0,  -0x1.812746b0379c1p-2,  0x1.ce2f21a040f66p-4,  -0x1.b82ce31203772p-6,
    0x1.565bccfa44156p-8,  -0x1.c02db0665e53dp-11, 0x1.f9a2be4f731a1p-14, -0x1.f4ca838adb73bp-17,
    0x1.b981d78881a5dp-20, -0x1.5c131500d3f88p-23, 0x1.d76af6ca49787p-27, -0x1.ac9585a44fe29p-31};

/* e^(z^2) erfc(z) (z + k) = p(w), w = (z - k) / (z + k), for 0 <= z until erfc(z) is 0. */
#define ADJ_ERFC_K_f32 3.0f
static const float math_erfc_c_f32[] = {
    0x1.12f21ep+0f,  -0x1.c44c48p-1f,  0x1.2e326cp-1f, -0x1.3deaf6p-2f,  0x1.e99560p-4f,
    -0x1.b7b12ep-6f, -0x1.3f051ap-10f, 0x1.937358p-9f, -0x1.05a836p-11f, -0x1.5e0a56p-12f};
#define ADJ_ERFC_K_f64 4.0
static const double math_erfc_c_f64[] = {
    0x1.18932bf08e154p+0,   -0x1.f3fe31ecb49c0p-1,  0x1.8be202d26c709p-1,   -0x1.14eacb1ad02bdp-1,
    0x1.52cac2370ff98p-2,   -0x1.645fd8a4c057bp-3,  0x1.38dbd2c8eb9d8p-4,   -0x1.b00c052a1096ep-6,
    0x1.908f471dfe68cp-8,   -0x1.269b56ebdfdf2p-12, -0x1.dd2842d739963p-12, 0x1.72cddb595e9d2p-13,
    -0x1.e7ed97520cda4p-19, -0x1.3c74493ce529bp-16, 0x1.3b0f26dfbdfcep-18,  0x1.7f08f4d8cb360p-20,
    -0x1.c673055352613p-21, -0x1.53f61fc15e3bbp-24, 0x1.0a8296777a0d9p-23,  0x1.e8a0e679262a3p-29,
    -0x1.059bc8b8fe6fcp-26, -0x1.86439b358dfd6p-31, 0x1.e6af183d4674fp-31};

/* ln(2) in two parts, the first short enough that its product with an exponent is exact. */
#define ADJ_LN2_HIGH_f32 0x1.62e4p-1f
#define ADJ_LN2_LOW_f32 0x1.7f7d1cp-20f
#define ADJ_LN2_HIGH_f64 0x1.62e42fefa38p-1
#define ADJ_LN2_LOW_f64 0x1.ef35793c7673p-45

/*
 * e^x = 2^n e^r. Adding ROUND, 1.5 times 2 to the mantissa's width, leaves the integer n in the low
 * bits.
 *
 * adj_exp_near is for |x| <= ADJ_NEAR (NaN stays NaN), where 2^n and the result are normal numbers;
 * adj_exp gives the same there. Beyond, 2^n itself may be denormal or overflow, and is applied in
 * two steps; below LOWEST and above HIGHEST the result is 0 or infinite anyway.
 */
#define ADJ_NEAR_f32 87.0f
#define ADJ_NEAR_f64 708.0
#define ADJ_EXP(T, S, BITS, MANTISSA, ROUND, LOWEST, HIGHEST)                                  \
    /* power is 2^n, fraction e^r, or e^r - 1 if `one` is 0. */                                \
    typedef struct {                                                                           \
        T fraction;                                                                            \
        T power;                                                                               \
    } math_exp_parts_##S;                                                                      \
    /* 2^i of the integer i in the low bits: 0 for the least exponent less 1, infinite for the \
     * largest plus 1. */                                                                      \
    ADJ_INLINE T math_power_##S(BITS i) {                                                      \
        return math_from_bits_##S((i << (MANTISSA)) + math_bits_##S((T)1));                    \
    }                                                                                          \
    ADJ_INLINE T math_exp_shifted_##S(T x) {                                                   \
        return adj_fma(x, (T)1.4426950408889634, (ROUND));                                     \
    }                                                                                          \
    ADJ_INLINE T math_exp_fraction_##S(T x, T shifted, T one) {                                \
        const T n = shifted - (ROUND);                                                         \
        const T r = adj_fma(n, -ADJ_LN2_LOW_##S, adj_fma(n, -ADJ_LN2_HIGH_##S, x));            \
        return adj_fma(r * r, ADJ_POLY(S, r, math_exp_c_##S), one + r);                        \
    }                                                                                          \
    ADJ_INLINE math_exp_parts_##S math_exp_split_##S(T x, T one) {                             \
        const T shifted = math_exp_shifted_##S(x);                                             \
        return (math_exp_parts_##S){math_exp_fraction_##S(x, shifted, one),                    \
                                    math_power_##S(math_bits_##S(shifted))};                   \
    }                                                                                          \
    ADJ_INLINE T math_exp_near_##S(T x) {                                                      \
        const math_exp_parts_##S e = math_exp_split_##S(x, 1);                                 \
        return e.fraction * e.power;                                                           \
    }                                                                                          \
    ADJ_INLINE T math_exp_##S(T x) {                                                           \
        const T bounded = x > (HIGHEST) ? (HIGHEST) : x;                                       \
        const T shifted = math_exp_shifted_##S(bounded);                                       \
        const BITS half = math_bits_##S(shifted) >> 1;                                         \
        const T e = math_exp_fraction_##S(bounded, shifted, 1) * math_power_##S(half) *        \
                    math_power_##S(math_bits_##S(shifted) - half);                             \
        return x < (LOWEST) ? (T)0 : e;                                                        \
    }
ADJ_EXP(float, f32, uint32_t, 23, 0x1.8p23f, -105.0f, 89.0f)
ADJ_EXP(double, f64, uint64_t, 52, 0x1.8p52, -746.0, 710.0)

/*
 * The parts of e^x with 2^n = 0 below LOW and infinite above HIGH, for NaN too; the bounds are
 * applied as integers, because of two comparisons of one number gcc makes masks and blends.
 */
#define ADJ_EXP_FLUSHED(T, S, SIGNED, UNSIGNED, LOW, HIGH)                         \
    ADJ_INLINE math_exp_parts_##S math_exp_flushed_##S(T x) {                      \
        const SIGNED bits = (SIGNED)math_bits_##S(x);                              \
        const SIGNED high = (SIGNED)math_bits_##S(HIGH);                           \
        const UNSIGNED most = (UNSIGNED)(bits < high ? bits : high);               \
        const UNSIGNED low = math_bits_##S(LOW);                                   \
        return math_exp_split_##S(math_from_bits_##S(most < low ? most : low), 1); \
    }
ADJ_EXP_FLUSHED(float, f32, int32_t, uint32_t, -88.0f, 89.0f)
ADJ_EXP_FLUSHED(double, f64, int64_t, uint64_t, -709.2, 709.9)

/*
 * log(2^n (1 + f)) with 1 + f in [sqrt(1/2), sqrt(2)): adding bits(1) - bits(sqrt(1/2)) to the bits
 * of x makes n its exponent. The integer n becomes a number by setting it under the bits of WHOLE.
 */
#define ADJ_LOG(T, S, BITS, MANTISSA, BIAS, SMALLEST, LIFT, LIFT_BITS, SQRT_HALF, WHOLE)   \
    ADJ_INLINE T math_log_##S(T x) {                                                       \
        const int denormal = x < (SMALLEST);                                               \
        const T lifted = denormal ? x * (LIFT) : x;                                        \
        const BITS moved =                                                                 \
            math_bits_##S(lifted) + (math_bits_##S((T)1) - math_bits_##S((T)(SQRT_HALF))); \
        const T n = math_from_bits_##S((moved >> (MANTISSA)) + math_bits_##S(WHOLE)) -     \
                    ((WHOLE) + (denormal ? (T)((BIAS) + (LIFT_BITS)) : (T)(BIAS)));        \
        const BITS fraction = moved & ((((BITS)1) << (MANTISSA)) - 1);                     \
        const T f = math_from_bits_##S(fraction + math_bits_##S((T)(SQRT_HALF))) - (T)1;   \
        const T s = f / ((T)2 + f);                                                        \
        const T z = s * s;                                                                 \
        const T square = (T)0.5 * f * f;                                                   \
        const T correction = s * adj_fma(z, ADJ_POLY(S, z, math_log_c_##S), square);       \
        const T low = square - adj_fma(n, ADJ_LN2_LOW_##S, correction);                    \
        const T finite = adj_fma(n, ADJ_LN2_HIGH_##S, f - low);                            \
        const T at_most_zero = x == 0 ? -(T)__builtin_inf() : (T)__builtin_nan("");        \
        const T below_infinity = x > 0 ? finite : at_most_zero;                            \
        return x < (T)__builtin_inf() ? below_infinity : x;                                \
    }
ADJ_LOG(float, f32, uint32_t, 23, 127, 0x1p-126f, 0x1p25f, 25, 0.70710678, 0x1p23f)
ADJ_LOG(double, f64, uint64_t, 52, 1023, 0x1p-1022, 0x1p54, 54, 0.7071067811865476, 0x1p52)

#define ADJ_DERIVED(T, S)                                                                        \
    /* -1, 0 or 1; NaN for NaN. */                                                               \
    ADJ_INLINE T math_sign_##S(T x) {                                                            \
        return x > 0 ? (T)1 : x < 0 ? -(T)1 : x;                                                 \
    }                                                                                            \
                                                                                                 \
    /* (e^2a - 1) / (e^2a + 1), a = |x|; from 20 on, in float from 9.1 on, that rounds to 1. */  \
    ADJ_INLINE T math_tanh_##S(T x) {                                                            \
        const T twice = adj_abs(x) + adj_abs(x);                                                 \
        const math_exp_parts_##S e = math_exp_split_##S(twice > (T)40 ? (T)40 : twice, 0);       \
        const T less_1 = adj_fma(e.fraction, e.power, e.power - (T)1);                           \
        return adj_copysign(less_1 / (less_1 + (T)2), x);                                        \
    }                                                                                            \
                                                                                                 \
    /* For |x| <= ADJ_NEAR. */                                                                   \
    ADJ_INLINE T math_sigmoid_near_##S(T x) {                                                    \
        const math_exp_parts_##S e = math_exp_split_##S(-x, 1);                                  \
        return (T)1 / adj_fma(e.fraction, e.power, (T)1);                                        \
    }                                                                                            \
                                                                                                 \
    ADJ_INLINE T math_sigmoid_##S(T x) {                                                         \
        const T far = x > 0 ? (T)1 : math_exp_##S(x);                                            \
        return adj_abs(x) <= ADJ_NEAR_##S ? math_sigmoid_near_##S(x) : far;                      \
    }                                                                                            \
                                                                                                 \
    /* x sigmoid(u); what would be denormal of the sigmoid is 0. */                              \
    ADJ_INLINE T math_gated_##S(T x, T u) {                                                      \
        const math_exp_parts_##S e = math_exp_flushed_##S(-u);                                   \
        return x / adj_fma(e.fraction, e.power, (T)1);                                           \
    }                                                                                            \
                                                                                                 \
    /* Its derivative where u' = du. Where the curve has become straight, x or du may have grown \
     * infinite: 0 times that must not make NaN. */                                              \
    ADJ_INLINE T math_gate_slope_##S(T x, T u, T du) {                                           \
        const math_exp_parts_##S e = math_exp_flushed_##S(-u);                                   \
        const T gate = (T)1 / adj_fma(e.fraction, e.power, (T)1);                                \
        const T slope = e.fraction * e.power * gate * gate;                                      \
        return adj_abs(u) >= ADJ_NEAR_##S ? gate : adj_fma(x * du, slope, gate);                 \
    }                                                                                            \
                                                                                                 \
    /* erfc(z) / e^(-z^2) for z >= 0; any finite value beyond 30, where e^(-z^2) is 0. */        \
    ADJ_INLINE T math_scaled_erfc_##S(T z) {                                                     \
        const T bounded = z < 30 ? z : (T)30;                                                    \
        const T r = (T)1 / (bounded + ADJ_ERFC_K_##S);                                           \
        const T w = adj_fma(bounded + bounded, r, -(T)1);                                        \
        return r * ADJ_POLY(S, w, math_erfc_c_##S);                                              \
    }                                                                                            \
                                                                                                 \
    ADJ_INLINE T math_erf_##S(T x) {                                                             \
        const T a = adj_abs(x);                                                                  \
        const T z = x * x;                                                                       \
        const T near = a * ADJ_POLY(S, z, math_erf_c_##S);                                       \
        const T e = math_exp_near_##S(z > ADJ_NEAR_##S ? -ADJ_NEAR_##S : -z);                    \
        const T far = (T)1 - e * math_scaled_erfc_##S(a);                                        \
        return adj_copysign(a < (T)1 ? near : far, x);                                           \
    }
ADJ_DERIVED(float, f32)
ADJ_DERIVED(double, f64)

/*
 * The normal distribution function, and the derivative of x times it. In float both are 1/2 plus
 * x p(x^2) / q(x^2), until they round to 0 and 1; their absolute errors are 2^-27 and
 * 2^-26 max(1, |x|).
 */
#define ADJ_ODD(x, f) ((x) * ADJ_POLY(f32, (x) * (x), f##_p) / ADJ_POLY(f32, (x) * (x), f##_q))
static const float math_normal_p[] = {0x1.988450p-2f,  0x1.134cdcp-5f,  0x1.31a176p-8f,
                                      0x1.5d2cb0p-13f, 0x1.aa73a8p-18f, 0x1.8c442ep-26f};
static const float math_normal_q[] = {0x1.000000p+0f,  0x1.00ece8p-2f,  0x1.d31490p-6f,
                                      0x1.ea8b48p-10f, 0x1.322ab8p-14f, 0x1.43f87cp-20f};
ADJ_INLINE float math_normal_cdf_f32(float x) {
    const float far = x > 0 ? 1 : 0;
    return adj_abs(x) > 5.45f ? far : ADJ_ODD(x, math_normal) + 0.5f;
}

static const float math_gelu_slope_p[] = {0x1.988450p-1f, 0x1.c2c664p-4f,  0x1.10f622p-7f,
                                          0x1.50b78cp-9f, 0x1.073614p-15f, 0x1.bf055cp-18f,
                                          0x1.3e2cb2p-25f};
static const float math_gelu_slope_q[] = {0x1.000000p+0f,  0x1.e292a4p-2f,  0x1.7b0298p-4f,
                                          0x1.5be9fep-7f,  0x1.a75074p-11f, 0x1.510004p-15f,
                                          0x1.c0d416p-20f};
ADJ_INLINE float math_gelu_slope_f32(float x) {
    /* Infinity times the density, 0, is NaN. */
    const float far = adj_fma(x, 0, x > 0 ? 1 : 0);
    return adj_abs(x) > 5.65f ? far : ADJ_ODD(x, math_gelu_slope) + 0.5f;
}

ADJ_INLINE double math_normal_cdf_f64(double x) {
    const double tail = math_scaled_erfc_f64(adj_abs(x) * 0.7071067811865476);
    const double lower = 0.5 * adj_exp(-0.5 * x * x) * tail;
    return x < 0 ? lower : 1 - lower;
}
ADJ_INLINE double math_gelu_slope_f64(double x) {
    return math_normal_cdf_f64(x) + x * 0.3989422804014327 * adj_exp(-0.5 * x * x);
}

#endif
