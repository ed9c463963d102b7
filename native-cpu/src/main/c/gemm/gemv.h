/*
 * A matrix times a vector, or a few (a template, see vector.h): sums[j] = alpha · lines[j]·x +
 * beta · sums[j] + bias[j]. Bound by memory, so the matrix is not packed.
 */
typedef struct {
    const REAL* x; /* dense */
    const REAL* lines;
    REAL* sums;
    REAL* out;
    TYPE(activation)* activate;
    const REAL* bias;
    int64_t n, k;
    int64_t line, step; /* strides from line to line, and along one */
    int64_t out_step, bias_step;
    REAL alpha, beta;
    int64_t count; /* of vectors, `next_x` and `next_out` apart */
    int64_t next_x, next_out;
    int64_t chunk_lines;
} TYPE(vector_product);

static inline void NAME(put)(const TYPE(vector_product)* t, int64_t j, REAL sum) {
    REAL* at = t->sums + j * t->out_step;
    REAL y = t->alpha * sum;
    if (t->beta != 0) {
        y = NAME(adj_fma)(t->beta, *at, y);
    }
    if (t->bias != NULL) {
        y += t->bias[j * t->bias_step];
    }
    *at = y;
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
            NAME(put)(t, j + v * VL + l, sums[v][l]);
        }
    }
}

static void NAME(gemv_lines)(const TYPE(vector_product)* t, int64_t begin, int64_t end) {
    int64_t j = begin;
    if (t->step == 1) {
        for (; j < end; j++) {
            NAME(put)(t, j, NAME(dot)(t->x, t->lines + j * t->line, t->k));
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
        NAME(put)(t, j, sum);
    }
}

/* The lines of a chunk stay in the cache while every vector meets them. */
static void NAME(gemv_chunk)(void* product, int64_t chunk) {
    TYPE(vector_product) t = *(const TYPE(vector_product)*)product;
    const adj_range lines = adj_chunk(t.n, t.chunk_lines, chunk);
    for (int64_t i = 0; i < t.count; i++) {
        NAME(gemv_lines)(&t, lines.begin, lines.end);
        const int64_t first = lines.begin * t.out_step;
        const int64_t count = lines.end - lines.begin;
        if (t.out_step == 1) {
            NAME(activate)(t.activate, 1, count, t.sums + first, t.out + first, 0);
        } else {
            NAME(activate)(t.activate, count, 1, t.sums + first, t.out + first, t.out_step);
        }
        t.x += t.next_x;
        t.sums += t.next_out;
        t.out += t.next_out;
    }
}
