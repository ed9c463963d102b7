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

/*
 * Longer sums along k are two of half the length: what rounding costs grows with it. No more than
 * OpenBLAS and MKL sum in one go.
 */
#    define LONG_SUM 256

/* Memory that will be read soon, and how far it was asked for. */
typedef struct {
    const char* row;
    int64_t rows, row_bytes, stride, at;
} region;

/* Steps along k from asking for a line of B to packing it: as long as the third cache takes. */
#    define AHEAD 24
#    define LINE 64
#    define GROUP_ROWS (16 * MR)

/* Asks for the next lines, for the second-level cache. */
static inline void fetch(region* t, int64_t lines) {
    for (; lines > 0 && t->rows > 0; lines--) {
        __builtin_prefetch(t->row + t->at, 0, 2);
        t->at += LINE;
        if (t->at >= t->row_bytes) {
            t->at = 0;
            t->row += t->stride;
            t->rows--;
        }
    }
}
#endif

/*
 * The steps that a panel makes along k, the broadcast of an element of A and its product with those
 * of B. The bits of a pair of bfloat16 may not pass as a float through arithmetic.
 */
#if NARROW && PAIRS
#    define STEPS(k) (((k) + 1) / 2)
typedef int32_t vec_pairs __attribute__((vector_size(VEC_BYTES)));
static inline VEC NAME(splat)(const REAL* pair) {
    int32_t bits;
    memcpy(&bits, pair, sizeof bits);
    return (VEC)(bits - (vec_pairs){});
}
#    ifdef __AVX512BF16__
#        define MULTIPLY_ADD(a, b, sum) ((VEC)_mm512_dpbf16_ps((sum), (__m512bh)(a), (__m512bh)(b)))
#    else
/* What that instruction does, but for its treatment of subnormal numbers as 0. */
static inline VEC NAME(multiply_add)(VEC a, VEC b, VEC sum) {
    const vec_pairs upper = -65536 - (vec_pairs){};
    sum += (VEC)((vec_pairs)a & upper) * (VEC)((vec_pairs)b & upper);
    return sum + (VEC)((vec_pairs)a << 16) * (VEC)((vec_pairs)b << 16);
}
#        define MULTIPLY_ADD NAME(multiply_add)
#    endif
#else
#    define STEPS(k) (k)
#    define MULTIPLY_ADD VEC_FMA
static inline VEC NAME(splat)(const REAL* x) {
    return *x - (VEC){};
}
#endif

/* What becomes of a finished sum: out = alpha · sum + beta · out + bias. */
typedef struct {
    REAL alpha;
    REAL beta;        /* 0: out is not read */
    const REAL* bias; /* of the tile's first column, or NULL */
} TYPE(epilogue);

ADJ_INLINE VEC NAME(finish)(VEC sum, TYPE(epilogue) e, int64_t column, const REAL* out) {
    VEC y = e.alpha * sum;
    if (e.beta != 0) {
        y = VEC_FMA(e.beta - (VEC){}, *(const VEC_AT*)out, y);
    }
    if (e.bias != NULL) {
        y += *(const VEC_AT*)(e.bias + column);
    }
    return y;
}

/* The same for one element. */
static inline void NAME(put)(TYPE(epilogue) e, int64_t column, REAL* at, REAL sum) {
    REAL y = e.alpha * sum;
    if (e.beta != 0) {
        y = NAME(adj_fma)(e.beta, *at, y);
    }
    if (e.bias != NULL) {
        y += e.bias[column];
    }
    *at = y;
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
 * Adds what k steps bring to the first `height` rows of a tile's sums, and moves both factors and
 * `packed` past them.
 */
ADJ_INLINE void NAME(accumulate)(int height, int64_t k, const int64_t* row, TYPE(factor)* a_panel,
                                 TYPE(factor)* b_panel, REAL** packed_panel, VEC (*sum)[NV]) {
    const REAL* a = a_panel->x;
    const REAL* b = b_panel->x;
    REAL* packed = *packed_panel;
    for (int64_t p = 0; p < k; p++) {
        VEC bs[NV];
        if (packed != NULL) {
            for (int i = 0; i < NR; i += LINE / (int)sizeof(REAL)) {
                __builtin_prefetch(b + AHEAD * b_panel->step + i);
            }
        }
#pragma GCC unroll 2
        for (int v = 0; v < NV; v++) {
            bs[v] = *(const VEC_AT*)(b + v * VL);
            if (packed != NULL) {
                *(VEC_AT*)(packed + p * NR + v * VL) = bs[v];
            }
        }
#pragma GCC unroll 16
        for (int i = 0; i < height; i++) {
            const VEC ai = NAME(splat)(a + row[i]);
#pragma GCC unroll 2
            for (int v = 0; v < NV; v++) {
                sum[i][v] = MULTIPLY_ADD(ai, bs[v], sum[i][v]);
            }
        }
        a += a_panel->step;
        b += b_panel->step;
    }
    a_panel->x = a;
    b_panel->x = b;
    *packed_panel = packed == NULL ? NULL : packed + k * NR;
}

/*
 * rows <= height <= MR by cols <= NR of a product, from one panel of A and one of B. All NR lines
 * of B are read even if cols is less; A's lines past `rows` are not. Leaves B's panel packed where
 * `packed` is not NULL. Inlined for its constant height, and for `dense`: all rows are there, side
 * by side, so that their places need no registers.
 */
ADJ_INLINE void NAME(tile_of)(int height, bool dense, int64_t rows, int64_t cols, int64_t k,
                              TYPE(factor) a, TYPE(factor) b, REAL* packed, TYPE(epilogue) e,
                              REAL* out, int64_t out_row) {
    int64_t row[MR]; /* rows past the end repeat the last one */
#pragma GCC unroll 16
    for (int i = 0; i < height; i++) {
        row[i] = dense ? i : (i < rows ? i : rows - 1) * a.line;
    }
    /* What the sums are added to: loads at the end would all wait for it, if it is far away. */
    if (e.beta != 0 && rows == height) {
#pragma GCC unroll 16
        for (int i = 0; i < height; i++) {
#pragma GCC unroll 2
            for (int v = 0; v < NV; v++) {
                __builtin_prefetch(out + i * out_row + v * VL, 1);
            }
        }
    }
    VEC sum[MR][NV] = {};
    VEC half[MR][NV];
    int64_t steps = STEPS(k);
    const bool is_long = k > LONG_SUM;
    if (is_long) {
        NAME(accumulate)(height, steps / 2, row, &a, &b, &packed, sum);
        steps -= steps / 2;
#pragma GCC unroll 16
        for (int i = 0; i < height; i++) { /* memcpy would call one of its own, much slower */
#pragma GCC unroll 2
            for (int v = 0; v < NV; v++) {
                half[i][v] = sum[i][v];
                sum[i][v] = (VEC){};
            }
        }
    }
    NAME(accumulate)(height, steps, row, &a, &b, &packed, sum);
    if (is_long) {
#pragma GCC unroll 16
        for (int i = 0; i < height; i++) {
#pragma GCC unroll 2
            for (int v = 0; v < NV; v++) {
                sum[i][v] += half[i][v];
            }
        }
    }
    if (rows == height && cols == NR) {
#pragma GCC unroll 16
        for (int i = 0; i < height; i++) {
#pragma GCC unroll 2
            for (int v = 0; v < NV; v++) {
                REAL* at = out + i * out_row + v * VL;
                *(VEC_AT*)at = NAME(finish)(sum[i][v], e, v * VL, at);
            }
        }
        return;
    }
    /* The same on copies, since memory beside the tile belongs to others. */
    const size_t row_bytes = (size_t)cols * sizeof(REAL);
    REAL bias[NR] = {};
    REAL edge[MR][NR] = {};
    if (e.bias != NULL) {
        memcpy(bias, e.bias, row_bytes);
        e.bias = bias;
    }
    for (int64_t i = 0; e.beta != 0 && i < rows; i++) {
        memcpy(edge[i], out + i * out_row, row_bytes);
    }
#pragma GCC unroll 16
    for (int i = 0; i < height; i++) {
#pragma GCC unroll 2
        for (int v = 0; v < NV; v++) {
            REAL* at = edge[i] + v * VL;
            *(VEC_AT*)at = NAME(finish)(sum[i][v], e, v * VL, at);
        }
    }
    for (int64_t i = 0; i < rows; i++) {
        memcpy(out + i * out_row, edge[i], row_bytes);
    }
}

static __attribute__((noinline)) void NAME(dense_tile)(int64_t cols, int64_t k, TYPE(factor) a,
                                                       TYPE(factor) b, TYPE(epilogue) e, REAL* out,
                                                       int64_t out_row) {
    NAME(tile_of)(MR, true, MR, cols, k, a, b, NULL, e, out, out_row);
}

static __attribute__((noinline)) void NAME(dense_packing_tile)(int64_t cols, int64_t k,
                                                               TYPE(factor) a, TYPE(factor) b,
                                                               REAL* packed, TYPE(epilogue) e,
                                                               REAL* out, int64_t out_row) {
    NAME(tile_of)(MR, true, MR, cols, k, a, b, packed, e, out, out_row);
}

/* rows <= MR: the last rows of a product take no longer than they must. */
static __attribute__((noinline)) void NAME(tile)(int64_t rows, int64_t cols, int64_t k,
                                                 TYPE(factor) a, TYPE(factor) b, TYPE(epilogue) e,
                                                 REAL* out, int64_t out_row) {
    if (rows == MR && a.line == 1) {
        NAME(dense_tile)(cols, k, a, b, e, out, out_row);
    } else if (rows <= 2) {
        NAME(tile_of)(2, false, rows, cols, k, a, b, NULL, e, out, out_row);
    } else if (MR > 4 && rows <= 4) {
        NAME(tile_of)(4, false, rows, cols, k, a, b, NULL, e, out, out_row);
    } else if (MR > 8 && rows <= 8) {
        NAME(tile_of)(8, false, rows, cols, k, a, b, NULL, e, out, out_row);
    } else {
        NAME(tile_of)(MR, false, rows, cols, k, a, b, NULL, e, out, out_row);
    }
}

static __attribute__((noinline)) void NAME(packing_tile)(int64_t rows, int64_t cols, int64_t k,
                                                         TYPE(factor) a, TYPE(factor) b,
                                                         REAL* packed, TYPE(epilogue) e, REAL* out,
                                                         int64_t out_row) {
    if (rows == MR && a.line == 1) {
        NAME(dense_packing_tile)(cols, k, a, b, packed, e, out, out_row);
    } else {
        NAME(tile_of)(MR, false, rows, cols, k, a, b, packed, e, out, out_row);
    }
}

/*
 * m × n of a product, k short enough for a panel of B to stay in the first-level cache. Rows go in
 * groups that stay in the second while they meet all of B. If `packed` is not NULL, the first tile
 * to read a panel of B leaves it there for the others. Between tiles it asks for what is read next.
 */
static void NAME(tiles_of)(int64_t m, int64_t n, int64_t k, TYPE(factor) a, TYPE(factor) b,
                           REAL* packed, TYPE(epilogue) e, REAL* out, int64_t out_row,
                           region next) {
    const int64_t tiles = adj_ceil_div(m, MR) * adj_ceil_div(n, NR);
    const int64_t next_lines = next.rows * adj_ceil_div(next.row_bytes, LINE);
    const int64_t lines = adj_ceil_div(next_lines, adj_max(tiles, 1));
    const TYPE(factor) again = packed == NULL ? b : (TYPE(factor)){packed, 1, NR, NR * k};
    for (int64_t group = 0; group < m; group += GROUP_ROWS) {
        const int64_t end = adj_min(m, group + GROUP_ROWS);
        TYPE(epilogue) e_panel = e;
        for (int64_t j = 0; j < n; j += NR) {
            TYPE(factor) a_panel = a;
            TYPE(factor) b_panel = again;
            b_panel.x += j / NR * b_panel.panel;
            for (int64_t i = group; i < end; i += MR) {
                const int64_t rows = adj_min(MR, m - i);
                const int64_t cols = adj_min(NR, n - j);
                REAL* tile = out + i * out_row + j;
                if (i == 0 && packed != NULL) {
                    TYPE(factor) first = b;
                    first.x += j / NR * b.panel;
                    NAME(packing_tile)(rows, cols, k, a_panel, first, packed + j * k, e_panel,
                                       tile, out_row);
                } else {
                    NAME(tile)(rows, cols, k, a_panel, b_panel, e_panel, tile, out_row);
                }
                a_panel.x += a.panel;
                fetch(&next, lines);
            }
            e_panel.bias = e.bias == NULL ? NULL : e_panel.bias + NR;
        }
        a.x += GROUP_ROWS / MR * a.panel;
    }
}

static inline void NAME(tiles)(int64_t m, int64_t n, int64_t k, TYPE(factor) a, TYPE(factor) b,
                               TYPE(epilogue) e, REAL* out, int64_t out_row) {
    NAME(tiles_of)(m, n, k, a, b, NULL, e, out, out_row, (region){0});
}

#undef STEPS
#undef MULTIPLY_ADD
