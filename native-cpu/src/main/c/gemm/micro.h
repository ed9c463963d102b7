/*
 * The micro-kernel (a template, see vector.h): one tile of MR × NR of a product, in registers.
 *
 * Both factors are read at any stride along k, so packed panels and plain matrices take the same
 * path: a panel of A packed MR wide is a matrix with row stride 1 and column stride MR.
 */
#ifndef ADJ_MICRO_SIZES
#    define ADJ_MICRO_SIZES
#    define NV 2 /* vectors in a row of the tile */
#    define NR (NV * VL)
#    if defined(__AVX512F__)
#        define MR 14 /* 28 accumulators in 32 registers */
#    elif defined(__FMA__)
#        define MR 6 /* 12 in 16 */
#    elif defined(__aarch64__)
#        define MR 12 /* 24 in 32 */
#    else
#        define MR 4 /* 8 in 16: without FMA a product takes a register of its own */
#    endif
#endif

/* What becomes of a finished sum: out = alpha · sum + beta · out + bias. */
typedef struct {
    REAL alpha;
    REAL beta;        /* 0: out is not read */
    const REAL* bias; /* of the tile's first column, or NULL */
} TYPE(epilogue);

static inline VEC NAME(finish)(VEC sum, TYPE(epilogue) e, int64_t column, const REAL* out) {
    VEC y = e.alpha * sum;
    if (e.beta != 0) {
        y = VEC_FMA(e.beta - (VEC){}, *(const VEC_AT*)out, y);
    }
    if (e.bias != NULL) {
        y += *(const VEC_AT*)(e.bias + column);
    }
    return y;
}

/*
 * One factor of a product, cut into panels MR (of A) or NR (of B) lines wide: the element of line i
 * at p along k is x[i / width · panel + i % width · line + p · step]. B's line is 1.
 */
typedef struct {
    const REAL* x;
    int64_t line, step, panel;
} TYPE(factor);

/*
 * rows <= MR by cols <= NR of a product, from one panel of A and one of B. All NR lines of B are
 * read even if cols is less; A's lines past `rows` are not.
 */
static void NAME(tile)(int64_t rows, int64_t cols, int64_t k, TYPE(factor) a_panel,
                       TYPE(factor) b_panel, TYPE(epilogue) e, REAL* out, int64_t out_row) {
    const REAL* a = a_panel.x;
    const REAL* b = b_panel.x;
    int64_t row[MR]; /* rows past the end repeat the last one */
#pragma GCC unroll 16
    for (int i = 0; i < MR; i++) {
        row[i] = (i < rows ? i : rows - 1) * a_panel.line;
    }
    VEC sum[MR][NV] = {};
    for (int64_t p = 0; p < k; p++) {
        VEC bs[NV];
#pragma GCC unroll 2
        for (int v = 0; v < NV; v++) {
            bs[v] = *(const VEC_AT*)(b + v * VL);
        }
#pragma GCC unroll 16
        for (int i = 0; i < MR; i++) {
            const VEC ai = a[row[i]] - (VEC){};
#pragma GCC unroll 2
            for (int v = 0; v < NV; v++) {
                sum[i][v] = VEC_FMA(ai, bs[v], sum[i][v]);
            }
        }
        a += a_panel.step;
        b += b_panel.step;
    }
    if (rows == MR && cols == NR) {
#pragma GCC unroll 16
        for (int i = 0; i < MR; i++) {
#pragma GCC unroll 2
            for (int v = 0; v < NV; v++) {
                REAL* at = out + i * out_row + v * VL;
                *(VEC_AT*)at = NAME(finish)(sum[i][v], e, v * VL, at);
            }
        }
        return;
    }
    /* The same arithmetic on a copy, since memory right of the tile belongs to others. */
    REAL edge[MR][NR];
#pragma GCC unroll 16
    for (int i = 0; i < MR; i++) {
#pragma GCC unroll 2
        for (int v = 0; v < NV; v++) {
            *(VEC_AT*)&edge[i][v * VL] = e.alpha * sum[i][v];
        }
    }
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < cols; j++) {
            REAL y = edge[i][j];
            if (e.beta != 0) {
                y = NAME(adj_fma)(e.beta, out[i * out_row + j], y);
            }
            if (e.bias != NULL) {
                y += e.bias[j];
            }
            out[i * out_row + j] = y;
        }
    }
}

/* m × n of a product, k short enough for a panel of B to stay in the first-level cache. */
static inline void NAME(tiles)(int64_t m, int64_t n, int64_t k, TYPE(factor) a, TYPE(factor) b,
                               TYPE(epilogue) e, REAL* out, int64_t out_row) {
    for (int64_t j = 0; j < n; j += NR) {
        TYPE(factor) a_panel = a;
        for (int64_t i = 0; i < m; i += MR) {
            NAME(tile)(adj_min(MR, m - i), adj_min(NR, n - j), k, a_panel, b, e,
                       out + i * out_row + j, out_row);
            a_panel.x += a.panel;
        }
        b.x += b.panel;
        e.bias = e.bias == NULL ? NULL : e.bias + NR;
    }
}
