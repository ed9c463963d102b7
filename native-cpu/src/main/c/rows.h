/*
 * Passes over rows (a template, see vector.h): vectors, their last one in part; sums in vectors
 * within a block, in float64 across blocks.
 */
#ifndef ADJ_ROWS
#    define ADJ_ROWS

#    define BLOCK 512
#    define LANES 4 /* independent sums side by side hide the latency of an addition */

typedef int32_t bits_f32 __attribute__((vector_size(VEC_BYTES)));
typedef int64_t bits_f64 __attribute__((vector_size(VEC_BYTES)));

/*
 * out[i] = value for i = 0, VL, 2 VL, … < n, where `value` is a vector with `count` elements of the
 * row: VL, a constant to the compiler, except perhaps in the last one and, if the row is to go past
 * the caches, in those before its first aligned address.
 */
#    define WRITE_ROW(out, n, stream, i, count, value)                                           \
        do {                                                                                     \
            const int64_t head_ =                                                                \
                (stream) ? adj_min((n), (int64_t)(-(uintptr_t)(out) % VEC_BYTES / sizeof(REAL))) \
                         : 0;                                                                    \
            const int64_t whole_ = head_ + ((n) - head_) / VL * VL;                              \
            if (head_ > 0) {                                                                     \
                const int64_t i = 0;                                                             \
                const int64_t count = head_;                                                     \
                NAME(store)((out), count, (value));                                              \
            }                                                                                    \
            if (stream) {                                                                        \
                for (int64_t i = head_; i < whole_; i += VL) {                                   \
                    const int64_t count = VL;                                                    \
                    VEC_STREAM((out) + i, (value));                                              \
                }                                                                                \
            } else {                                                                             \
                _Pragma("GCC unroll 4") for (int64_t i = 0; i < whole_; i += VL) {               \
                    const int64_t count = VL;                                                    \
                    NAME(store)((out) + i, count, (value));                                      \
                }                                                                                \
            }                                                                                    \
            if (whole_ < (n)) {                                                                  \
                const int64_t i = whole_;                                                        \
                const int64_t count = (n) - whole_;                                              \
                NAME(store)((out) + i, count, (value));                                          \
            }                                                                                    \
        } while (0)

/*
 * Where an operation touches as much as this, what it writes would have left the last-level cache
 * before it is read, and would have pushed out what it reads. The same bits either way.
 */
#    define CACHED_BYTES (32 << 20)

ADJ_INLINE bool past_caches(int64_t bytes) {
    return bytes >= CACHED_BYTES;
}

/*
 * Runs the statements for i = 0, VL, 2 VL, … < n, with `count` as above and with VEC* sums, to
 * which they add their terms: `k` sums in each of `lanes` lanes (both constants). f64 totals[k] +=
 * the sums of all elements.
 */
#    define ADD_UP(k, lanes, totals, n, i, count, sums, ...)                       \
        do {                                                                       \
            for (int64_t block_ = 0; block_ < (n); block_ += BLOCK) {              \
                VEC sums_[lanes][k] = {};                                          \
                const int64_t end_ = adj_min((n), block_ + BLOCK);                 \
                int64_t at_ = block_;                                              \
                for (; at_ + (lanes) * VL <= end_; at_ += (lanes) * VL) {          \
                    _Pragma("GCC unroll 8") for (int l_ = 0; l_ < (lanes); l_++) { \
                        const int64_t i = at_ + l_ * VL;                           \
                        const int64_t count = VL;                                  \
                        VEC* sums = sums_[l_];                                     \
                        __VA_ARGS__                                                \
                    }                                                              \
                }                                                                  \
                for (; at_ < end_; at_ += VL) {                                    \
                    const int64_t i = at_;                                         \
                    const int64_t count = adj_min(VL, end_ - at_);                 \
                    VEC* sums = sums_[0];                                          \
                    __VA_ARGS__                                                    \
                }                                                                  \
                _Pragma("GCC unroll 8") for (int k_ = 0; k_ < (k); k_++) {         \
                    _Pragma("GCC unroll 8") for (int l_ = 1; l_ < (lanes); l_++) { \
                        sums_[0][k_] += sums_[l_][k_];                             \
                    }                                                              \
                    (totals)[k_] += (f64)VEC_SUM(sums_[0][k_]);                    \
                }                                                                  \
            }                                                                      \
        } while (0)

/*
 * While one row is worked on, the next one is on its way: the first pass over a row would
 * otherwise wait for memory, and the others leave memory idle. Past the end it does no harm.
 */
#    define FETCH(x) __builtin_prefetch(x)

/* Where n + bias of exp_nonpositive has come down to 0; e^x is denormal there. */
#    define LOWEST_f32 (-88.0f)
#    define LOWEST_f64 (-709.0)
#    define MANTISSA_f32 23
#    define MANTISSA_f64 52
/* 1.5 · 2^MANTISSA + the exponent's bias. */
#    define ROUND_f32 (0x1.8p23f + 127)
#    define ROUND_f64 (0x1.8p52 + 1023)

/*
 * (e^r - 1 - r) / r^2 on |r| <= ln(2) / 2: a shorter polynomial than adj_exp's, which leaves e^r a
 * relative error of at most 2^-28 in float.
 */
static const f32 exp_c_f32[] = {0x1.fffffcp-2f, 0x1.555492p-3f, 0x1.5558b0p-5f, 0x1.12399cp-7f,
                                0x1.6a4eccp-10f};
#    define exp_c_f64 math_exp_c_f64

#    define SPLAT(x) ((x) - (VEC){})
#endif

/* `count` elements, then `rest` in the places that are left. */
ADJ_INLINE VEC NAME(load)(const REAL* x, int64_t count, REAL rest) {
    if (count == VL) {
        return *(const VEC_AT*)x;
    }
    return VEC_LOAD_PART(x, count, SPLAT(rest));
}

ADJ_INLINE void NAME(store)(REAL* x, int64_t count, VEC v) {
    if (count == VL) {
        *(VEC_AT*)x = v;
    } else {
        VEC_STORE_PART(x, count, v);
    }
}

/*
 * e^x = e^r 2^n for x <= 0, or above by rounding errors: all that a softmax needs, and half the
 * work of adj_exp. What would be denormal is 0, or nearly. Adding ROUND leaves n + bias in the low
 * bits, from where they become the exponent of 2^n.
 */
ADJ_INLINE VEC NAME(exp_parts)(VEC x, VEC* power) {
    const VEC one = SPLAT((REAL)1);
    const VEC bounded = VEC_MAX(SPLAT(NAME(LOWEST)), x); /* in this order NaN stays */
    const VEC shifted = VEC_FMA(bounded, SPLAT((REAL)1.4426950408889634), SPLAT(NAME(ROUND)));
    const VEC n = shifted - NAME(ROUND);
    const VEC r =
        VEC_FMA(n, SPLAT(-NAME(ADJ_LN2_LOW)), VEC_FMA(n, SPLAT(-NAME(ADJ_LN2_HIGH)), bounded));
    const int degree = (int)(sizeof NAME(exp_c) / sizeof(REAL)) - 1;
    VEC p = SPLAT(NAME(exp_c)[degree]);
#pragma GCC unroll 16
    for (int i = degree - 1; i >= 0; i--) {
        p = VEC_FMA(p, r, SPLAT(NAME(exp_c)[i]));
    }
    *power = (VEC)((TYPE(bits))shifted << NAME(MANTISSA));
    return VEC_FMA(VEC_FMA(p, r, one), r, one);
}

ADJ_INLINE VEC NAME(exp_nonpositive)(VEC x) {
    VEC power;
    const VEC e = NAME(exp_parts)(x, &power);
    return e * power;
}

ADJ_INLINE VEC NAME(add_exp_nonpositive)(VEC x, VEC sum) {
    VEC power;
    const VEC e = NAME(exp_parts)(x, &power);
    return VEC_FMA(e, power, sum);
}

/*
 * The largest element that is not NaN; −∞ if there is none. Not inlined, because the constants of
 * an exponential beside it would push the maxima out of their registers.
 */
static __attribute__((noinline, unused)) REAL NAME(row_max)(const REAL* x, int64_t n) {
    const REAL lowest = -(REAL)__builtin_inf();
    VEC best[LANES];
    for (int l = 0; l < LANES; l++) {
        best[l] = SPLAT(lowest);
    }
    int64_t i = 0;
    for (; i + LANES * VL <= n; i += LANES * VL) {
#pragma GCC unroll 4
        for (int l = 0; l < LANES; l++) {
            best[l] = VEC_MAX(*(const VEC_AT*)(x + i + l * VL), best[l]);
        }
    }
    for (; i < n; i += VL) {
        best[0] = VEC_MAX(NAME(load)(x + i, adj_min(VL, n - i), lowest), best[0]);
    }
    best[0] = VEC_MAX(VEC_MAX(best[0], best[1]), VEC_MAX(best[2], best[3]));
    REAL most[VL];
    memcpy(most, best, sizeof most);
#pragma GCC unroll 4
    for (int half = VL / 2; half > 0; half /= 2) {
#pragma GCC unroll 8
        for (int l = 0; l < half; l++) {
            most[l] = most[l] > most[l + half] ? most[l] : most[l + half];
        }
    }
    return most[0];
}
