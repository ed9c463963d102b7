/* A template, see vector.h. */
adj_kernel NAME(adj_gemm);
adj_kernel NAME(adj_gemm_gelu);
int64_t NAME(adj_gemm_scratch_bytes)(const adj_gemm_args* args);

static ELEMENT* NAME(random_factors)(int64_t n) {
    ELEMENT* x = check_block((size_t)n * sizeof(ELEMENT));
    for (int64_t i = 0; i < n; i++) {
        x[i] = ELEMENT_OF((REAL)check_uniform(-1, 1));
    }
    return x;
}

static REAL* NAME(random_block)(int64_t n) {
    REAL* x = check_block((size_t)n * sizeof(REAL));
    for (int64_t i = 0; i < n; i++) {
        x[i] = (REAL)check_uniform(-1, 1);
    }
    return x;
}

/* A matrix in memory: dense, transposed, or every second element of rows that are too long. */
typedef struct {
    ELEMENT* x;
    int64_t row, col, size;
} TYPE(matrix);

static TYPE(matrix) NAME(matrix_of)(int64_t batch, int64_t rows, int64_t cols, int form) {
    TYPE(matrix) t = {.row = cols, .col = 1, .size = rows * cols};
    if (form == 1) {
        t.row = 1;
        t.col = rows;
    } else if (form == 2) {
        t.row = 2 * cols + 1;
        t.col = 2;
        t.size = rows * t.row;
    }
    t.x = NAME(random_factors)(batch * t.size);
    return t;
}

typedef struct {
    int64_t batch, m, n, k;
    int a_form, b_form;
    bool bias, b_shared, wide_out, gelu, before;
    double alpha, beta;
} TYPE(form);

static void NAME(check_form)(TYPE(form) f) {
    const TYPE(matrix) a = NAME(matrix_of)(f.batch, f.m, f.k, f.a_form);
    const TYPE(matrix) b = NAME(matrix_of)(f.b_shared ? 1 : f.batch, f.k, f.n, f.b_form);
    const int64_t out_row = f.wide_out ? f.n + 3 : f.n;
    const int64_t out_size = f.m * out_row;
    REAL* bias = NAME(random_block)(f.n);
    REAL* old = NAME(random_block)(f.batch * out_size);
    if (f.beta == 0) {
        for (int64_t i = 0; i < f.batch * out_size; i++) {
            old[i] = (REAL)NAN;
        }
    }
    const size_t out_bytes = (size_t)(f.batch * out_size) * sizeof(REAL);
    REAL* out = check_block(out_bytes);
    REAL* before = check_block(out_bytes);
    adj_kernel* const kernel = f.gelu ? NAME(adj_gemm_gelu) : NAME(adj_gemm);

    adj_gemm_args* g = check_block(sizeof *g + 4 * sizeof(int64_t));
    *g = (adj_gemm_args){.a = a.x,
                         .b = b.x,
                         .out = out,
                         .before = f.before ? before : NULL,
                         .bias = f.bias ? bias : NULL,
                         .m = f.m,
                         .n = f.n,
                         .k = f.k,
                         .a_row = a.row,
                         .a_col = a.col,
                         .b_row = b.row,
                         .b_col = b.col,
                         .out_row = out_row,
                         .alpha = f.alpha,
                         .beta = f.beta,
                         .depth = f.batch == 1 ? 0 : 1};
    if (g->depth == 1) {
        g->dims[0] = f.batch;
        g->dims[1] = a.size;
        g->dims[2] = f.b_shared ? 0 : b.size;
        g->dims[3] = out_size;
    }
    g->scratch = check_block((size_t)NAME(adj_gemm_scratch_bytes)(g));

    REAL* alone = check_block(out_bytes);
    for (int threads = 1; threads <= 3; threads += 2) {
        adj_pool_start(threads);
        memcpy(out, old, out_bytes);
        CHECK(kernel(g) == ADJ_OK, "status");
        if (threads == 1) {
            memcpy(alone, out, out_bytes);
        }
        adj_pool_stop();
    }
    CHECK(memcmp(alone, out, out_bytes) == 0, "3 threads differ from 1");

    for (int64_t c = 0; c < f.batch; c++) {
        for (int64_t i = 0; i < f.m; i++) {
            for (int64_t j = 0; j < out_row; j++) {
                const int64_t at = c * out_size + i * out_row + j;
                if (j >= f.n) {
                    CHECK(memcmp(out + at, old + at, sizeof(REAL)) == 0, "written beside out");
                    continue;
                }
                double sum = 0;
                double scale = 0;
                for (int64_t p = 0; p < f.k; p++) {
                    const double product =
                        AS_READ(a.x[c * a.size + i * a.row + p * a.col]) *
                        AS_READ(b.x[(f.b_shared ? 0 : c * b.size) + p * b.row + j * b.col]);
                    sum += product;
                    scale += fabs(product);
                }
                const double shift = f.bias ? (double)bias[j] : 0;
                const double kept = f.beta == 0 ? 0 : f.beta * (double)old[at];
                const double tolerance = NAME(EPSILON) * (double)(f.k + 4) *
                                         (fabs(f.alpha) * scale + fabs(shift) + fabs(kept));
                const double expected = f.alpha * sum + kept + shift;
                if (f.before) {
                    CHECK(check_near((double)before[at], expected, tolerance), "before");
                }
                const double result =
                    f.gelu ? 0.5 * expected * erfc(-sqrt(0.5) * expected) : expected;
                /* gelu's slope is at most 1.13 */
                const double more = f.gelu ? 4 * NAME(EPSILON) * fmax(1, fabs(expected)) : 0;
                CHECK(check_near((double)out[at], result, 1.13 * tolerance + more),
                      "%d x %d x %d forms %d %d at %d %d", (int)f.m, (int)f.n, (int)f.k, f.a_form,
                      f.b_form, (int)i, (int)j);
            }
        }
    }
    free(a.x);
    free(b.x);
    free(bias);
    free(old);
    free(out);
    free(before);
    free(alone);
    free(g->scratch);
    free(g);
}

/* 1 is lost beside 1/ε when added to it, but not with 200 others, as sums in pieces do. */
static void NAME(check_pieces)(void) {
    enum { SIZE = 64, LENGTH = 512, TOGETHER = 200 };
    ELEMENT* a = check_block(SIZE * LENGTH * sizeof(ELEMENT));
    ELEMENT* b = check_block(SIZE * LENGTH * sizeof(ELEMENT));
    REAL* out = check_block(SIZE * SIZE * sizeof(REAL));
    for (int64_t i = 0; i < SIZE * LENGTH; i++) {
        a[i] = ELEMENT_OF(i % LENGTH == 0 ? (REAL)(1 / NAME(EPSILON)) : 1);
        b[i] = ELEMENT_OF(1);
    }
    adj_gemm_args* g = check_block(sizeof *g);
    *g = (adj_gemm_args){.a = a,
                         .b = b,
                         .out = out,
                         .m = SIZE,
                         .n = SIZE,
                         .k = LENGTH,
                         .a_row = LENGTH,
                         .a_col = 1,
                         .b_row = SIZE,
                         .b_col = 1,
                         .out_row = SIZE,
                         .alpha = 1};
    g->scratch = check_block((size_t)NAME(adj_gemm_scratch_bytes)(g));
    CHECK(NAME(adj_gemm)(g) == ADJ_OK, "status");
    for (int64_t i = 0; i < SIZE * SIZE; i++) {
        CHECK((double)out[i] >= 1 / NAME(EPSILON) + TOGETHER, "all of a sum in one piece");
    }
    free(a);
    free(b);
    free(out);
    free(g->scratch);
    free(g);
}

static void NAME(test)(void) {
    NAME(check_pieces)();
    /* Tails of tiles in every direction. */
    for (int64_t m = 1; m <= 67; m += m < 18 ? 1 : 16) {
        for (int64_t n = 1; n <= 67; n += n < 18 ? 1 : 16) {
            NAME(check_form)((TYPE(form)){.batch = 1,
                                          .m = m,
                                          .n = n,
                                          .k = (m * 7 + n) % 67,
                                          .a_form = (int)(m + n) % 3,
                                          .b_form = (int)(m + 2 * n) / 3 % 3,
                                          .alpha = 1,
                                          .beta = (double)(n % 3) / 2,
                                          .bias = m % 2,
                                          .wide_out = m % 3 == 1});
        }
    }
    /* Every path: more than one block along k, packed and in place, whole products in a batch. */
    const int64_t sizes[][3] = {{1, 300, 600}, {300, 1, 600},  {2, 70, 700}, {130, 70, 600},
                                {64, 300, 64}, {150, 300, 37}, {1, 1, 1000}, {67, 33, 1},
                                {30, 50, 301}, {7, 20, 6200}};
    for (int s = 0; s < (int)(sizeof sizes / sizeof sizes[0]); s++) {
        for (int forms = 0; forms < 9; forms++) {
            NAME(check_form)((TYPE(form)){.batch = 1,
                                          .m = sizes[s][0],
                                          .n = sizes[s][1],
                                          .k = sizes[s][2],
                                          .a_form = forms % 3,
                                          .b_form = forms / 3,
                                          .alpha = -0.5,
                                          .beta = forms % 2,
                                          .bias = forms > 4});
            NAME(check_form)((TYPE(form)){.batch = 1 + forms % 2,
                                          .m = sizes[s][0],
                                          .n = sizes[s][1],
                                          .k = sizes[s][2],
                                          .a_form = forms % 3,
                                          .b_form = forms / 3,
                                          .alpha = 0.5,
                                          .bias = forms > 4,
                                          .gelu = true,
                                          .before = forms % 4 < 2,
                                          .wide_out = forms % 2});
        }
    }
    for (int64_t batch = 2; batch <= 70; batch += 17) {
        for (int forms = 0; forms < 9; forms++) {
            NAME(check_form)((TYPE(form)){.batch = batch,
                                          .m = 1 + batch % 20,
                                          .n = 13 + batch % 9,
                                          .k = 23,
                                          .a_form = forms % 3,
                                          .b_form = forms / 3,
                                          .b_shared = forms % 2,
                                          .alpha = 2,
                                          .wide_out = forms > 5});
        }
    }
    NAME(check_form)((TYPE(form)){.batch = 2, .m = 128, .n = 100, .k = 120, .alpha = 1, .beta = 1});
    NAME(check_form)((TYPE(form)){.batch = 33, .m = 128, .n = 96, .k = 120, .alpha = 1, .beta = 1});
    /* Nothing to sum, and nothing to write. */
    NAME(check_form)(
        (TYPE(form)){.batch = 1, .m = 5, .n = 7, .k = 0, .alpha = 1, .beta = 0.5, .bias = true});
    NAME(check_form)((TYPE(form)){.batch = 3, .m = 1, .n = 7, .k = 0, .alpha = 1});
    NAME(check_form)((TYPE(form)){.batch = 1, .m = 0, .n = 7, .k = 3, .alpha = 1});
    NAME(check_form)((TYPE(form)){.batch = 1, .m = 7, .n = 0, .k = 3, .alpha = 1});
    NAME(check_form)((TYPE(form)){.batch = 0, .m = 7, .n = 2, .k = 3, .alpha = 1});
    /* Factors that repeat an element may be larger than any memory: plans must not overflow. */
    static const int64_t giants[][3] = {{256, 256, INT64_C(1) << 48},
                                        {1 << 20, 1 << 20, INT64_C(1) << 36},
                                        {7, 3, INT64_C(1) << 53},
                                        {1, 8, INT64_C(1) << 53}};
    for (int s = 0; s < (int)(sizeof giants / sizeof giants[0]); s++) {
        const adj_gemm_args args = {.m = giants[s][0], .n = giants[s][1], .k = giants[s][2]};
        CHECK(NAME(adj_gemm_scratch_bytes)(&args) >= 0, "scratch of a giant product");
    }
}
