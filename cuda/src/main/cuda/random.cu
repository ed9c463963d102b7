/*
 * Random numbers, equal on every backend: the operations of dev.adjoint.spi.Philox, one by one and
 * in its order. The _rn intrinsics are never contracted to fused multiply-adds.
 */
#include <string.h>

#include "common.cuh"

/* The four words of Philox 4x32-10 (Salmon et al. 2011) for one counter. */
struct draws {
    uint32_t word[4];

    __device__ __forceinline__ draws(const int64_t* key, int64_t index) {
        uint32_t k0 = static_cast<uint32_t>(key[0]);
        uint32_t k1 = static_cast<uint32_t>(static_cast<uint64_t>(key[0]) >> 32);
        uint32_t c0 = static_cast<uint32_t>(index);
        uint32_t c1 = static_cast<uint32_t>(static_cast<uint64_t>(index) >> 32);
        uint32_t c2 = static_cast<uint32_t>(key[1]);
        uint32_t c3 = static_cast<uint32_t>(static_cast<uint64_t>(key[1]) >> 32);
        ADJ_UNROLL
        for (int round = 0; round < 10; round++) {
            const uint64_t product0 = UINT64_C(0xD2511F53) * c0;
            const uint64_t product1 = UINT64_C(0xCD9E8D57) * c2;
            c0 = static_cast<uint32_t>(product1 >> 32) ^ c1 ^ k0;
            c1 = static_cast<uint32_t>(product1);
            c2 = static_cast<uint32_t>(product0 >> 32) ^ c3 ^ k1;
            c3 = static_cast<uint32_t>(product0);
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        word[0] = c0;
        word[1] = c1;
        word[2] = c2;
        word[3] = c3;
    }

    __device__ __forceinline__ uint64_t pair(int i) const {
        return word[2 * i] | static_cast<uint64_t>(word[2 * i + 1]) << 32;
    }
};

ADJ_KERNEL(adj_next_key, adj_next_key_args) {
    args.key[0] = args.state[0];
    args.key[1] = args.state[1];
    /* Modulo 2^64. */
    args.state[1] = static_cast<int64_t>(static_cast<uint64_t>(args.state[1]) + 1);
}

/* ---- float and double: how many a counter gives, and their arithmetic without contraction ---- */

template <class T>
struct real;

template <>
struct real<float> {
    static constexpr int PER_COUNTER = 4;
    static __device__ __forceinline__ float add(float a, float b) {
        return __fadd_rn(a, b);
    }
    static __device__ __forceinline__ float multiply(float a, float b) {
        return __fmul_rn(a, b);
    }
    /* On [0, 1): the upper 24 bits. */
    static __device__ __forceinline__ float uniform(const draws& d, int i) {
        return static_cast<float>(d.word[i] >> 8) * 0x1p-24f;
    }
    /* In (0, 1): exact. */
    static __device__ __forceinline__ double probability(const draws& d, int i) {
        return (static_cast<double>(d.word[i]) + 0.5) * 0x1p-32;
    }
};

template <>
struct real<double> {
    static constexpr int PER_COUNTER = 2;
    static __device__ __forceinline__ double add(double a, double b) {
        return __dadd_rn(a, b);
    }
    static __device__ __forceinline__ double multiply(double a, double b) {
        return __dmul_rn(a, b);
    }
    /* The upper 53 bits. */
    static __device__ __forceinline__ double uniform(const draws& d, int i) {
        return static_cast<double>(d.pair(i) >> 11) * 0x1p-53;
    }
    /* The upper 52: with one more, the largest would round to 1. */
    static __device__ __forceinline__ double probability(const draws& d, int i) {
        return (static_cast<double>(d.pair(i) >> 12) + 0.5) * 0x1p-52;
    }
};

/* ---- normals: the inverse distribution function (Wichura 1988, algorithm AS 241, PPND16) ---- */

/* ((a x + b) x + ...), highest coefficient first. */
ADJ_DEVICE double horner(double, double sum) {
    return sum;
}
template <class... More>
ADJ_DEVICE double horner(double x, double sum, double next, More... more) {
    return horner(x, __dadd_rn(__dmul_rn(sum, x), next), more...);
}

ADJ_DEVICE double central(double q) {
    const double r = __dadd_rn(0.180625, -__dmul_rn(q, q));
    const double numerator =
        horner(r, 2.5090809287301226727e+3, 3.3430575583588128105e+4, 6.7265770927008700853e+4,
               4.5921953931549871457e+4, 1.3731693765509461125e+4, 1.9715909503065514427e+3,
               1.3314166789178437745e+2, 3.3871328727963666080e+0);
    const double denominator =
        horner(r, 5.2264952788528545610e+3, 2.8729085735721942674e+4, 3.9307895800092710610e+4,
               2.1213794301586595867e+4, 5.3941960214247511077e+3, 6.8718700749205790830e+2,
               4.2313330701600911252e+1, 1.0);
    return __ddiv_rn(__dmul_rn(q, numerator), denominator);
}

ADJ_DEVICE double tail(double r) {
    const double numerator =
        horner(r, 7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
               1.27045825245236838258e+0, 3.64784832476320460504e+0, 5.76949722146069140550e+0,
               4.63033784615654529590e+0, 1.42343711074968357734e+0);
    const double denominator =
        horner(r, 1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
               1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940e+0,
               2.05319162663775882187e+0, 1.0);
    return __ddiv_rn(numerator, denominator);
}

ADJ_DEVICE double far_tail(double r) {
    const double numerator =
        horner(r, 2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
               2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580e+0,
               5.46378491116411436990e+0, 6.65790464350110377720e+0);
    const double denominator =
        horner(r, 2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
               7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1,
               5.99832206555887937690e-1, 1.0);
    return __ddiv_rn(numerator, denominator);
}

/* The natural logarithm of a positive normal number: not log, which the other backends lack. */
ADJ_DEVICE double portable_log(double x) {
    constexpr int64_t SQRT_HALF_BITS = 0x3FE6A09E667F3BCD;
    constexpr int64_t MANTISSA_MASK = 0x000FFFFFFFFFFFFF;
    const int64_t bits = __double_as_longlong(x) - SQRT_HALF_BITS;
    const double k = static_cast<double>(bits >> 52);
    const double m = __longlong_as_double((bits & MANTISSA_MASK) + SQRT_HALF_BITS);
    const double s = __ddiv_rn(__dadd_rn(m, -1.0), __dadd_rn(m, 1.0));
    const double s2 = __dmul_rn(s, s);
    const double series = horner(s2, 1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13, 1.0 / 11,
                                 1.0 / 9, 1.0 / 7, 1.0 / 5, 1.0 / 3);
    const double twice_s = __dadd_rn(s, s);
    const double low =
        __dadd_rn(__dmul_rn(__dmul_rn(twice_s, s2), series), __dmul_rn(k, 0x1.a39ef35793c76p-33));
    return __dadd_rn(__dmul_rn(k, 0x1.62e42fee00000p-1), __dadd_rn(twice_s, low));
}

ADJ_DEVICE double inverse_normal(double p) {
    const double q = p - 0.5;
    if (fabs(q) <= 0.425) {
        return central(q);
    }
    const double r = __dsqrt_rn(-portable_log(q < 0 ? p : 1 - p));
    const double z = r <= 5 ? tail(r - 1.6) : far_tail(r - 5);
    return q < 0 ? -z : z;
}

/* ---- the kernels: a thread takes what one counter gives ---- */

/* out[i] = f(draws, i mod N, i) for all i < n, N from each counter. */
template <class T, int N, class F>
ADJ_DEVICE void generate(const int64_t* key, void* out, int64_t n, F f) {
    const adj_array<T, N> results(static_cast<T*>(out));
    for (int64_t counter = adj_thread(); counter * N < n; counter += adj_threads()) {
        const draws d(key, counter);
        adj_number<T> values[N];
        f(values, d, counter * N);
        results.store(counter * N, static_cast<int>(adj_min(N, n - counter * N)), values);
    }
}

template <class T>
ADJ_DEVICE void uniform(const adj_random_args& args) {
    constexpr int N = real<T>::PER_COUNTER;
    const T low = static_cast<T>(args.a);
    const T high = static_cast<T>(args.b);
    const T range = high - low;
    generate<T, N>(args.key, args.out, args.n, [=](T(&values)[N], const draws& d, int64_t) {
        ADJ_UNROLL
        for (int i = 0; i < N; i++) {
            const T value = real<T>::add(low, real<T>::multiply(real<T>::uniform(d, i), range));
            values[i] = value < high ? value : low;
        }
    });
}

template <class T>
ADJ_DEVICE void normal(const adj_random_args& args) {
    constexpr int N = real<T>::PER_COUNTER;
    const double mean = args.a;
    const double std = args.b;
    generate<T, N>(args.key, args.out, args.n, [=](T(&values)[N], const draws& d, int64_t) {
        ADJ_UNROLL
        for (int i = 0; i < N; i++) {
            const double z = inverse_normal(real<T>::probability(d, i));
            values[i] = static_cast<T>(__dadd_rn(mean, __dmul_rn(std, z)));
        }
    });
}

/* 32-bit draws for double, too. */
template <class T>
ADJ_DEVICE void dropout(const adj_dropout_args& args) {
    using number = adj_number<T>;
    constexpr int N = 4;
    const number factor = static_cast<number>(1 / (1 - args.p));
    /* A uniform is this integer times 2^-24. */
    const uint32_t least_kept = static_cast<uint32_t>(ceil(args.p * 0x1p24));
    const adj_array<const T, N> xs(static_cast<const T*>(args.x));
    const int64_t n = args.n;
    generate<T, N>(args.key, args.out, n, [=](number(&values)[N], const draws& d, int64_t first) {
        xs.load(first, static_cast<int>(adj_min(N, n - first)), values);
        ADJ_UNROLL
        for (int i = 0; i < N; i++) {
            values[i] = d.word[i] >> 8 >= least_kept ? values[i] * factor : number{0};
        }
    });
}

#define RANDOM(S, T)                               \
    ADJ_KERNEL(adj_uniform_##S, adj_random_args) { \
        uniform<T>(args);                          \
    }                                              \
    ADJ_KERNEL(adj_normal_##S, adj_random_args) {  \
        normal<T>(args);                           \
    }
RANDOM(f32, float)
RANDOM(f64, double)

ADJ_KERNEL(adj_dropout_f32, adj_dropout_args) {
    dropout<float>(args);
}
ADJ_KERNEL(adj_dropout_f64, adj_dropout_args) {
    dropout<double>(args);
}
ADJ_KERNEL(adj_dropout_bf16, adj_dropout_args) {
    dropout<__nv_bfloat16>(args);
}
