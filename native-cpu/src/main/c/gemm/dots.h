/*
 * A few dense rows times a transposed matrix, whose lines are dense too (a template, see vector.h):
 * every element is a dot product, so nothing is packed. Bound by memory while the rows are few.
 */
#ifndef ADJ_DOTS_SIZES
#    define ADJ_DOTS_SIZES
#    define DOT_ROWS 4
#    ifdef __AVX512F__
#        define DOT_LINES 6 /* 24 accumulators and 6 vectors in 32 registers */
#    else
#        define DOT_LINES 3 /* 12 and 3 in 16 */
#    endif
#endif

typedef struct {
    const TYPE(product)* of;
    int64_t chunk_cols;
} TYPE(dots);

/* rows <= DOT_ROWS by lines <= DOT_LINES of the sums; those past the end repeat the last one. */
static void NAME(dot_tile)(const TYPE(product)* o, int64_t i, int64_t rows, int64_t j,
                           int64_t lines) {
    const REAL* a[DOT_ROWS];
    const REAL* b[DOT_LINES];
#pragma GCC unroll 4
    for (int r = 0; r < DOT_ROWS; r++) {
        a[r] = o->a + (i + adj_min(r, rows - 1)) * o->a_row;
    }
#pragma GCC unroll 6
    for (int l = 0; l < DOT_LINES; l++) {
        b[l] = o->b + (j + adj_min(l, lines - 1)) * o->b_col;
    }
    VEC sums[DOT_ROWS][DOT_LINES] = {};
    int64_t p = 0;
    for (; p + VL <= o->k; p += VL) {
        VEC bs[DOT_LINES];
#pragma GCC unroll 6
        for (int l = 0; l < DOT_LINES; l++) {
            bs[l] = *(const VEC_AT*)(b[l] + p);
        }
#pragma GCC unroll 4
        for (int r = 0; r < DOT_ROWS; r++) {
            const VEC as = *(const VEC_AT*)(a[r] + p);
#pragma GCC unroll 6
            for (int l = 0; l < DOT_LINES; l++) {
                sums[r][l] = VEC_FMA(as, bs[l], sums[r][l]);
            }
        }
    }
    REAL totals[DOT_ROWS][DOT_LINES];
#pragma GCC unroll 4
    for (int r = 0; r < DOT_ROWS; r++) {
#pragma GCC unroll 6
        for (int l = 0; l < DOT_LINES; l++) {
            totals[r][l] = VEC_SUM(sums[r][l]);
        }
    }
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t l = 0; l < lines; l++) {
            REAL total = totals[r][l];
            for (int64_t q = p; q < o->k; q++) {
                total = NAME(adj_fma)(a[r][q], b[l][q], total);
            }
            NAME(put)((TYPE(epilogue)){o->alpha, o->beta, o->bias}, j + l,
                      o->sums + (i + r) * o->out_row + j + l, total);
        }
    }
}

/* A few lines stay in the first-level cache while every row meets them. */
static void NAME(dots_chunk)(void* dots, int64_t chunk) {
    const TYPE(dots)* t = dots;
    const TYPE(product)* o = t->of;
    const adj_range cols = adj_chunk(o->n, t->chunk_cols, chunk);
    for (int64_t j = cols.begin; j < cols.end; j += DOT_LINES) {
        for (int64_t i = 0; i < o->m; i += DOT_ROWS) {
            NAME(dot_tile)(o, i, adj_min(DOT_ROWS, o->m - i), j,
                           adj_min(DOT_LINES, cols.end - j));
        }
    }
    NAME(activate)(o->activate, o->m, cols.end - cols.begin, o->sums + cols.begin,
                   o->out + cols.begin, o->out_row);
}

static void NAME(multiply_dots)(const TYPE(product)* t, bool parallel) {
    TYPE(dots) dots = {.of = t};
    dots.chunk_cols = DOT_LINES * adj_ceil_div(MIN_CHUNK_WORK / 2, DOT_LINES * t->m * t->k + 1);
    for_chunks(parallel, adj_ceil_div(t->n, dots.chunk_cols), NAME(dots_chunk), &dots);
}
