/*
 * Reductions over rows (a template, see vector.h): vectors within a block, float64 across blocks.
 */
#ifndef ADJ_ROWS
#    define ADJ_ROWS

#    define BLOCK 512

/* Where e^x becomes denormal; the bits of a mantissa; 1.5 · 2^MANTISSA. */
#    define LOWEST_f32 (-87.33f)
#    define LOWEST_f64 (-708.39)
#    define MANTISSA_f32 23
#    define MANTISSA_f64 52
#    define ROUND_f32 0x1.8p23f
#    define ROUND_f64 0x1.8p52

/*
 * Σ expression(i) for i in [0, n), as f64. The expression is evaluated once per i in a loop that
 * becomes vector code; the name `i` is the caller's.
 */
#    define SUM(n, i, expression)                                     \
        ({                                                            \
            f64 total_ = 0;                                           \
            for (int64_t block_ = 0; block_ < (n); block_ += BLOCK) { \
                REAL terms_[BLOCK];                                   \
                const int64_t end_ = adj_min(BLOCK, (n) - block_);    \
                ADJ_INDEPENDENT                                       \
                for (int64_t l_ = 0; l_ < end_; l_++) {               \
                    const int64_t i = block_ + l_;                    \
                    terms_[l_] = (expression);                        \
                }                                                     \
                total_ += NAME(sum_block)(terms_, end_);              \
            }                                                         \
            total_;                                                   \
        })

#endif

/*
 * e^x = 2^n e^r for x <= 0, or above by rounding errors: all that a softmax needs, and half the
 * work of adj_exp. What would be denormal is 0. Adding ROUND leaves n in the low bits.
 */
ADJ_INLINE REAL NAME(exp_nonpositive)(REAL x) {
    const int degree = (int)(sizeof NAME(math_exp_c) / sizeof(REAL)) - 1;
    const REAL bounded = x < NAME(LOWEST) ? NAME(LOWEST) : x;
    const REAL shifted = adj_fma(bounded, (REAL)1.4426950408889634, NAME(ROUND));
    const REAL n = shifted - NAME(ROUND);
    const REAL r = adj_fma(n, -NAME(ADJ_LN2_LOW), adj_fma(n, -NAME(ADJ_LN2_HIGH), bounded));
    const REAL e = (REAL)1 + adj_fma(r * r, NAME(math_polynomial)(r, NAME(math_exp_c), degree), r);
    const REAL power = NAME(math_from_bits)((NAME(math_bits)(shifted) << NAME(MANTISSA)) +
                                            NAME(math_bits)((REAL)1));
    return x < NAME(LOWEST) ? 0 : e * power;
}

static inline f64 NAME(sum_block)(const REAL* x, int64_t n) {
    VEC sums[4] = {};
    int64_t i = 0;
    for (; i + 4 * VL <= n; i += 4 * VL) {
#pragma GCC unroll 4
        for (int v = 0; v < 4; v++) {
            sums[v] += *(const VEC_AT*)(x + i + v * VL);
        }
    }
    for (; i + VL <= n; i += VL) {
        sums[0] += *(const VEC_AT*)(x + i);
    }
    REAL rest = 0;
    for (; i < n; i++) {
        rest += x[i];
    }
    return (f64)VEC_SUM((sums[0] + sums[1]) + (sums[2] + sums[3])) + (f64)rest;
}

static inline f64 NAME(row_sum)(const REAL* x, int64_t n) {
    f64 total = 0;
    for (int64_t i = 0; i < n; i += BLOCK) {
        total += NAME(sum_block)(x + i, adj_min(BLOCK, n - i));
    }
    return total;
}

/* The largest element that is not NaN; −∞ if there is none. */
static inline REAL NAME(row_max)(const REAL* x, int64_t n) {
    const REAL lowest = -(REAL)__builtin_inf();
    REAL most = lowest;
    int64_t i = 0;
    if (n >= 4 * VL) {
        VEC best[4];
        for (int v = 0; v < 4; v++) {
            best[v] = lowest - (VEC){};
        }
        for (; i + 4 * VL <= n; i += 4 * VL) {
#pragma GCC unroll 4
            for (int v = 0; v < 4; v++) {
                best[v] = VEC_MAX(*(const VEC_AT*)(x + i + v * VL), best[v]);
            }
        }
        best[0] = VEC_MAX(VEC_MAX(best[0], best[1]), VEC_MAX(best[2], best[3]));
        for (int l = 0; l < VL; l++) {
            most = best[0][l] > most ? best[0][l] : most;
        }
    }
    for (; i < n; i++) {
        most = x[i] > most ? x[i] : most;
    }
    return most;
}
