/*
 * Random numbers, equal on every backend: the operations of dev.adjoint.spi.Philox, one by one and
 * in its order, no fused multiply-add, no library function.
 */
#include "common.h"
#include "mathx.h"
#include "vector.h"

#if defined(__x86_64__)
#    include <immintrin.h>
#endif

enum {
    BLOCKS = 64,        /* Philox blocks that are made together */
    WORDS = 4 * BLOCKS, /* 32-bit draws in them */
    GRAIN = 16 * WORDS, /* elements */
    ROUNDS = 10,
};

/* The words of some blocks; a pair is its low word, then its high word, as in memory. */
typedef union {
    uint32_t words[WORDS];
    uint64_t pairs[WORDS / 2];
} draws;
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "pairs have their low word first");

/* One 32-bit word of each of several blocks, in the low half of a lane; the high half is ignored.
 */
typedef uint64_t lanes __attribute__((vector_size(VEC_BYTES)));
enum { LANES = VEC_BYTES / 8 };

/* The products of low halves: one instruction, which compilers do not find by themselves. */
ADJ_INLINE lanes product(lanes a, lanes b) {
#if defined(__AVX512F__)
    return (lanes)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
    return (lanes)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
    return (lanes)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
    return (a & UINT32_MAX) * (b & UINT32_MAX);
#endif
}

/* Philox 4x32-10 (Salmon et al. 2011) of the blocks from `first` on. */
static void draw(draws* d, const int64_t* key, int64_t first) {
    const lanes zero = {0};
    const lanes multiplier0 = zero + 0xD2511F53u;
    const lanes multiplier1 = zero + 0xCD9E8D57u;
    lanes keys[ROUNDS][2];
    for (uint32_t round = 0; round < ROUNDS; round++) {
        keys[round][0] = zero + ((uint32_t)key[0] + round * 0x9E3779B9u);
        keys[round][1] = zero + ((uint32_t)((uint64_t)key[0] >> 32) + round * 0xBB67AE85u);
    }
    lanes index;
    for (int lane = 0; lane < LANES; lane++) {
        index[lane] = (uint64_t)(first + lane);
    }
    for (int block = 0; block < BLOCKS; block += LANES) {
        lanes c0 = index;
        lanes c1 = index >> 32;
        lanes c2 = zero + (uint64_t)key[1];
        lanes c3 = c2 >> 32;
#pragma GCC unroll 10
        for (int round = 0; round < ROUNDS; round++) {
            const lanes product0 = product(multiplier0, c0);
            const lanes product1 = product(multiplier1, c2);
            c0 = (product1 >> 32) ^ c1 ^ keys[round][0];
            c1 = product1;
            c2 = (product0 >> 32) ^ c3 ^ keys[round][1];
            c3 = product0;
        }
        const lanes low = (c0 & UINT32_MAX) | c1 << 32;
        const lanes high = (c2 & UINT32_MAX) | c3 << 32;
        for (int lane = 0; lane < LANES; lane++) {
            d->pairs[2 * (block + lane)] = low[lane];
            d->pairs[2 * (block + lane) + 1] = high[lane];
        }
        index += LANES;
    }
}

ADJ_EXPORT int32_t adj_next_key(const void* args) {
    const adj_next_key_args* a = args;
    a->key[0] = a->state[0];
    a->key[1] = a->state[1];
    a->state[1] = (int64_t)((uint64_t)a->state[1] + 1); /* modulo 2^64 */
    return ADJ_OK;
}

/* ---- uniforms ---- */

/* Of 32 bits, the upper 24: exact in float. Signed, because vectors convert signed integers. */
ADJ_INLINE float uniform_f32(uint32_t bits) {
    return (float)(int32_t)(bits >> 8) * 0x1p-24f;
}

ADJ_INLINE double uniform_f64(uint64_t bits) {
    return (double)(int64_t)(bits >> 11) * 0x1p-53;
}

/* ---- normals: the inverse distribution function (Wichura 1988, algorithm AS 241, PPND16) ---- */

/* Of each rational function the numerator's coefficients, then the denominator's. */
static const double central[2][8] = {
    {3.3871328727963666080e+0, 1.3314166789178437745e+2, 1.9715909503065514427e+3,
     1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
     3.3430575583588128105e+4, 2.5090809287301226727e+3},
    {1.0, 4.2313330701600911252e+1, 6.8718700749205790830e+2, 5.3941960214247511077e+3,
     2.1213794301586595867e+4, 3.9307895800092710610e+4, 2.8729085735721942674e+4,
     5.2264952788528545610e+3},
};
static const double tail[2][8] = {
    {1.42343711074968357734e+0, 4.63033784615654529590e+0, 5.76949722146069140550e+0,
     3.64784832476320460504e+0, 1.27045825245236838258e+0, 2.41780725177450611770e-1,
     2.27238449892691845833e-2, 7.74545014278341407640e-4},
    {1.0, 2.05319162663775882187e+0, 1.67638483018380384940e+0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
     1.05075007164441684324e-9},
};
static const double far_tail[2][8] = {
    {6.65790464350110377720e+0, 5.46378491116411436990e+0, 1.78482653991729133580e+0,
     2.96560571828504891230e-1, 2.65321895265761232930e-2, 1.24266094738807843860e-3,
     2.71155556874348757815e-5, 2.01033439929228813265e-7},
    {1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
     2.04426310338993978564e-15},
};

/* factor * numerator(r) / denominator(r). */
ADJ_INLINE double rational(double factor, const double c[2][8], double r) {
    double numerator = c[0][7];
    double denominator = c[1][7];
#pragma GCC unroll 7
    for (int i = 6; i >= 0; i--) {
        numerator = numerator * r + c[0][i];
        denominator = denominator * r + c[1][i];
    }
    return factor * numerator / denominator;
}

static const int64_t sqrt_half_bits = 0x3FE6A09E667F3BCD;
static const int64_t mantissa_mask = 0x000FFFFFFFFFFFFF;

/* The natural logarithm of a positive normal number: not adj_log, which the other backends lack. */
static double portable_log(double x) {
    const int64_t bits = (int64_t)math_bits_f64(x) - sqrt_half_bits;
    const double k = (double)(bits >> 52);
    const double m = math_from_bits_f64((uint64_t)((bits & mantissa_mask) + sqrt_half_bits));
    const double s = (m - 1) / (m + 1);
    const double s2 = s * s;
    double series = 1.0 / 21;
    for (int odd = 19; odd >= 3; odd -= 2) {
        series = series * s2 + 1.0 / odd;
    }
    const double twice_s = s + s;
    return k * 0x1.62e42fee00000p-1 +
           (twice_s + (twice_s * s2 * series + k * 0x1.a39ef35793c76p-33));
}

static bool is_central(double q) {
    return adj_abs(q) <= 0.425;
}

static double normal_of_tail(double p) {
    const double q = p - 0.5;
    const double r = adj_sqrt(-portable_log(q < 0 ? p : 1 - p));
    const double z = r <= 5 ? rational(1, tail, r - 1.6) : rational(1, far_tail, r - 5);
    return q < 0 ? -z : z;
}

/* From p in (0, 1) standard normal variates, in place. The central ones, most of them, in vectors.
 */
static void normals(double* values, int64_t n) {
    double z[WORDS];
    for (int64_t i = 0; i < n; i++) {
        const double q = values[i] - 0.5;
        z[i] = rational(q, central, 0.180625 - q * q);
    }
    for (int64_t i = 0; i < n; i++) {
        values[i] = is_central(values[i] - 0.5) ? z[i] : normal_of_tail(values[i]);
    }
}

/* (bits + 1/2) 2^-32. */
ADJ_INLINE double probability_f32(uint32_t bits) {
    return ((double)bits + 0.5) * 0x1p-32;
}

/* The same of the upper 52 of 64 bits: with one more, the largest would round to 1. */
ADJ_INLINE double probability_f64(uint64_t bits) {
    return ((double)(int64_t)(bits >> 12) + 0.5) * 0x1p-52;
}

/* ---- the kernels: `drawn` is the member of draws to read, PER_BLOCK how many a Philox block has
 * ---- */

#define FILL(S, T, drawn, PER_BLOCK)                                                             \
    static void fill_uniform_##S(void* ctx, int64_t chunk) {                                     \
        const adj_random_args* a = ctx;                                                          \
        const adj_range range = adj_chunk(a->n, GRAIN, chunk);                                   \
        const T low = (T)a->a;                                                                   \
        const T high = (T)a->b;                                                                  \
        draws d;                                                                                 \
        for (int64_t first = range.begin; first < range.end; first += PER_BLOCK * BLOCKS) {      \
            draw(&d, a->key, first / PER_BLOCK);                                                 \
            T* out = (T*)a->out + first;                                                         \
            const int64_t n = adj_min(range.end - first, PER_BLOCK * BLOCKS);                    \
            for (int64_t i = 0; i < n; i++) {                                                    \
                const T value = low + uniform_##S(d.drawn[i]) * (high - low);                    \
                out[i] = value < high ? value : low;                                             \
            }                                                                                    \
        }                                                                                        \
    }                                                                                            \
    ADJ_EXPORT int32_t adj_uniform_##S(const void* args) {                                       \
        adj_for_chunks(((const adj_random_args*)args)->n, GRAIN, fill_uniform_##S, (void*)args); \
        return ADJ_OK;                                                                           \
    }                                                                                            \
    static void fill_normal_##S(void* ctx, int64_t chunk) {                                      \
        const adj_random_args* a = ctx;                                                          \
        const adj_range range = adj_chunk(a->n, GRAIN, chunk);                                   \
        draws d;                                                                                 \
        double z[WORDS];                                                                         \
        for (int64_t first = range.begin; first < range.end; first += PER_BLOCK * BLOCKS) {      \
            draw(&d, a->key, first / PER_BLOCK);                                                 \
            T* out = (T*)a->out + first;                                                         \
            const int64_t n = adj_min(range.end - first, PER_BLOCK * BLOCKS);                    \
            for (int64_t i = 0; i < n; i++) {                                                    \
                z[i] = probability_##S(d.drawn[i]);                                              \
            }                                                                                    \
            normals(z, n);                                                                       \
            for (int64_t i = 0; i < n; i++) {                                                    \
                out[i] = (T)(a->a + a->b * z[i]);                                                \
            }                                                                                    \
        }                                                                                        \
    }                                                                                            \
    ADJ_EXPORT int32_t adj_normal_##S(const void* args) {                                        \
        adj_for_chunks(((const adj_random_args*)args)->n, GRAIN, fill_normal_##S, (void*)args);  \
        return ADJ_OK;                                                                           \
    }                                                                                            \
    static void dropout_##S(void* ctx, int64_t chunk) {                                          \
        const adj_dropout_args* a = ctx;                                                         \
        const adj_range range = adj_chunk(a->n, GRAIN, chunk);                                   \
        const T factor = (T)(1 / (1 - a->p));                                                    \
        /* A uniform is this integer times 2^-24. */                                             \
        const uint32_t least_kept = (uint32_t)__builtin_ceil(a->p * 0x1p24);                     \
        draws d;                                                                                 \
        for (int64_t first = range.begin; first < range.end; first += WORDS) {                   \
            draw(&d, a->key, first / 4);                                                         \
            const T* x = (const T*)a->x + first;                                                 \
            T* out = (T*)a->out + first;                                                         \
            const int64_t n = adj_min(range.end - first, WORDS);                                 \
            ADJ_INDEPENDENT                                                                      \
            for (int64_t i = 0; i < n; i++) {                                                    \
                out[i] = d.words[i] >> 8 >= least_kept ? x[i] * factor : (T)0;                   \
            }                                                                                    \
        }                                                                                        \
    }                                                                                            \
    ADJ_EXPORT int32_t adj_dropout_##S(const void* args) {                                       \
        adj_for_chunks(((const adj_dropout_args*)args)->n, GRAIN, dropout_##S, (void*)args);     \
        return ADJ_OK;                                                                           \
    }
FILL(f32, float, words, 4)
FILL(f64, double, pairs, 2)
