/*
 * A matrix times a vector (a template, see vector.h): sums[j] = alpha · lines[j]·x +
 * beta · sums[j] + bias[j]. Bound by memory, so the matrix is not packed.
 */
typedef struct {
    const REAL* x; /* dense */
    const REAL* lines;
    REAL* sums;
    REAL* out;
    TYPE(activation)* activate;
    TYPE(epilogue) e;
    int64_t n, k;
    int64_t line, step; /* strides from line to line, and along one */
    int64_t out_step, bias_step;
    int64_t chunk_lines;
} TYPE(vector_product);

static inline void NAME(put_line)(const TYPE(vector_product)* t, int64_t j, REAL sum) {
    NAME(put)(t->e, j * t->bias_step, t->sums + j * t->out_step, sum);
}

static inline REAL NAME(dot)(const REAL* x, const REAL* y, int64_t n) {
    enum { WIDTH = 4 };
    VEC sums[WIDTH] = {};
    int64_t p = 0;
    for (; p + WIDTH * VL <= n; p += WIDTH * VL) {
#pragma GCC unroll 4
        for (int v = 0; v < WIDTH; v++) {
            sums[v] = VEC_FMA(*(const VEC_AT*)(x + p + v * VL), *(const VEC_AT*)(y + p + v * VL),
                              sums[v]);
        }
    }
    REAL total = VEC_SUM((sums[0] + sums[1]) + (sums[2] + sums[3]));
    for (; p < n; p++) {
        total = NAME(adj_fma)(x[p], y[p], total);
    }
    return total;
}

/* Lines beside one another: a stripe of vectors is summed down the matrix at once. */
static inline void NAME(stripe)(const TYPE(vector_product)* t, int64_t j) {
    VEC sums[STRIPE] = {};
    for (int64_t p = 0; p < t->k; p++) {
        const VEC xp = t->x[p] - (VEC){};
#pragma GCC unroll 8
        for (int v = 0; v < STRIPE; v++) {
            sums[v] = VEC_FMA(xp, *(const VEC_AT*)(t->lines + j + p * t->step + v * VL), sums[v]);
        }
    }
    for (int v = 0; v < STRIPE; v++) {
        for (int l = 0; l < VL; l++) {
            NAME(put_line)(t, j + v * VL + l, sums[v][l]);
        }
    }
}

static void NAME(gemv_lines)(const TYPE(vector_product)* t, int64_t begin, int64_t end) {
    int64_t j = begin;
    if (t->step == 1) {
        for (; j < end; j++) {
            NAME(put_line)(t, j, NAME(dot)(t->x, t->lines + j * t->line, t->k));
        }
        return;
    }
    if (t->line == 1) {
        for (; j + STRIPE * VL <= end; j += STRIPE * VL) {
            NAME(stripe)(t, j);
        }
    }
    for (; j < end; j++) {
        REAL sum = 0;
        for (int64_t p = 0; p < t->k; p++) {
            sum = NAME(adj_fma)(t->x[p], t->lines[j * t->line + p * t->step], sum);
        }
        NAME(put_line)(t, j, sum);
    }
}

static void NAME(gemv_chunk)(void* product, int64_t chunk) {
    const TYPE(vector_product)* t = product;
    const adj_range lines = adj_chunk(t->n, t->chunk_lines, chunk);
    NAME(gemv_lines)(t, lines.begin, lines.end);
    const int64_t first = lines.begin * t->out_step;
    const int64_t count = lines.end - lines.begin;
    const bool row = t->out_step == 1;
    NAME(activate)(t->activate, row ? 1 : count, row ? count : 1, t->sums + first, t->out + first,
                   t->out_step);
}
