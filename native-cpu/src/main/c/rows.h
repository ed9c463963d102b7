/*
 * Reductions over rows (a template, see vector.h): vectors within a block, float64 across blocks.
 */
#ifndef ADJ_ROWS
#define ADJ_ROWS

#define BLOCK 512

/*
 * Σ expression(i) for i in [0, n), as f64. The expression is evaluated once per i in a loop that
 * becomes vector code; the name `i` is the caller's.
 */
#define SUM(n, i, expression)                                                  \
    ({                                                                         \
        f64 total_ = 0;                                                        \
        for (int64_t block_ = 0; block_ < (n); block_ += BLOCK) {              \
            REAL terms_[BLOCK];                                                \
            const int64_t end_ = adj_min(BLOCK, (n) - block_);                 \
            ADJ_INDEPENDENT                                                    \
            for (int64_t l_ = 0; l_ < end_; l_++) {                            \
                const int64_t i = block_ + l_;                                 \
                terms_[l_] = (expression);                                     \
            }                                                                  \
            total_ += NAME(sum_block)(terms_, end_);                           \
        }                                                                      \
        total_;                                                                \
    })

#endif

static inline f64 NAME(sum_block)(const REAL *x, int64_t n) {
    VEC sums[4] = {};
    int64_t i = 0;
    for (; i + 4 * VL <= n; i += 4 * VL) {
#pragma GCC unroll 4
        for (int v = 0; v < 4; v++) {
            sums[v] += *(const VEC_AT *)(x + i + v * VL);
        }
    }
    for (; i + VL <= n; i += VL) {
        sums[0] += *(const VEC_AT *)(x + i);
    }
    const VEC sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    f64 total = 0;
    for (int l = 0; l < VL; l++) {
        total += (f64)sum[l];
    }
    for (; i < n; i++) {
        total += (f64)x[i];
    }
    return total;
}

/* The largest element that is not NaN; −∞ if there is none. */
static inline REAL NAME(row_max)(const REAL *x, int64_t n) {
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
                best[v] = VEC_MAX(*(const VEC_AT *)(x + i + v * VL), best[v]);
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
