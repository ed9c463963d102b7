/* Reductions against plain loops in long double, over random loops; accuracy over many elements. */
#include "kernels.h"
#include "nests.h"
#include "runtime.h"

typedef long double real;

#define DECLARE(symbol) int32_t symbol(const void* args)
#define FOR_KERNELS(M)   \
    M(sum, float, f32)   \
    M(sum, double, f64)  \
    M(sum, int64_t, i64) \
    M(mean, float, f32)  \
    M(mean, double, f64) \
    M(max, float, f32)   \
    M(max, double, f64)  \
    M(max, int64_t, i64) \
    M(min, float, f32)   \
    M(min, double, f64)  \
    M(min, int64_t, i64)
#define DECLARE_REDUCE(kernel, T, S) DECLARE(adj_reduce_##kernel##_##S);
FOR_KERNELS(DECLARE_REDUCE)
DECLARE(adj_argmax_f32);
DECLARE(adj_argmax_f64);
DECLARE(adj_argmax_i64);
DECLARE(adj_sum_squares_f32);
DECLARE(adj_sum_squares_f64);

static real expect_sum(real a, real x) {
    return a + x;
}
static real expect_mean(real a, real x) {
    return a + x;
}
static real expect_max(real a, real x) {
    return x > a || isnan(x) ? x : a;
}
static real expect_min(real a, real x) {
    return x < a || isnan(x) ? x : a;
}

/* Operand 0 is x, operand 1 is out, with stride 0 in the reduced loops. */
#define TEST_REDUCE(kernel, T, S)                                                            \
    static void test_##kernel##_##S(void) {                                                  \
        const int extreme = !strcmp(#kernel, "max") || !strcmp(#kernel, "min");              \
        const int integer = !strcmp(#S, "i64");                                              \
        for (int round = 0; round < 300; round++) {                                          \
            test_nest t = nest_make(round < 290 ? 5000 : 400000);                            \
            nest_lay_out(&t, 0, 1);                                                          \
            nest_lay_out(&t, 1, 0);                                                          \
            int64_t kept = 1;                                                                \
            int64_t reduced = 1;                                                             \
            for (int64_t d = 0; d < t.depth; d++) {                                          \
                if (nest_pick(2)) {                                                          \
                    t.stride[1][d] = 0;                                                      \
                    reduced *= t.size[d];                                                    \
                } else {                                                                     \
                    kept *= t.size[d];                                                       \
                }                                                                            \
            }                                                                                \
            if (extreme && reduced == 0) {                                                   \
                continue;                                                                    \
            }                                                                                \
            int64_t extent = kept > 0;                                                       \
            for (int64_t d = 0; d < t.depth && kept > 0; d++) {                              \
                extent += t.stride[1][d] * (t.size[d] - 1) * (t.stride[1][d] > 0);           \
            }                                                                                \
            T* x = check_block((size_t)t.extent[0] * sizeof *x);                             \
            T* out = check_block((size_t)extent * sizeof *out);                              \
            real* expected = check_block((size_t)extent * sizeof *expected);                 \
            real* size = check_block((size_t)extent * sizeof *size);                         \
            for (int64_t i = 0; i < t.extent[0]; i++) {                                      \
                x[i] = integer           ? (T)nest_pick(1000) - 500                          \
                       : nest_pick(2000) ? (T)check_uniform(-1, 1)                           \
                                         : (T)NAN;                                           \
            }                                                                                \
            for (int64_t i = 0; i < extent; i++) {                                           \
                expected[i] = !extreme ? 0 : !strcmp(#kernel, "max") ? -INFINITY : INFINITY; \
                size[i] = 0;                                                                 \
                out[i] = 99;                                                                 \
            }                                                                                \
            for (int64_t i = 0; i < t.elements; i++) {                                       \
                const real value = (real)x[nest_at(&t, 0, i)];                               \
                const int64_t at = nest_at(&t, 1, i);                                        \
                expected[at] = expect_##kernel(expected[at], value);                         \
                size[at] += fabsl(value);                                                    \
            }                                                                                \
            int64_t words[32] = {(int64_t)x, (int64_t)out};                                  \
            nest_pack(&t, 2, words + 2);                                                     \
            adj_reduce_##kernel##_##S(words);                                                \
            /* Where the result is exact but for one rounding, and that of some sums. */     \
            test_nest results = t;                                                           \
            for (int64_t d = 0; d < t.depth; d++) {                                          \
                results.size[d] = t.stride[1][d] ? t.size[d] : 1;                            \
            }                                                                                \
            for (int64_t i = 0; i < kept; i++) {                                             \
                const int64_t at = nest_at(&results, 1, i);                                  \
                real value = expected[at];                                                   \
                real bound = extreme || integer ? 0 : 1e-14L * size[at];                     \
                if (!strcmp(#kernel, "mean")) {                                              \
                    value /= (real)reduced;                                                  \
                    bound /= (real)reduced;                                                  \
                }                                                                            \
                if (!strcmp(#S, "f32")) {                                                    \
                    bound += check_ulp_f32((double)value) / 2;                               \
                }                                                                            \
                CHECK(check_near((double)out[at], (double)value, (double)bound),             \
                      #kernel "_" #S ": %.17g, not %.17Lg", (double)out[at], value);         \
            }                                                                                \
            free(x);                                                                         \
            free(out);                                                                       \
            free(expected);                                                                  \
            free(size);                                                                      \
        }                                                                                    \
    }
FOR_KERNELS(TEST_REDUCE)

#define TEST_ARGMAX(T, S)                                                                        \
    static void test_argmax_##S(void) {                                                          \
        for (int64_t cols = 1; cols < 130; cols++) {                                             \
            const int64_t rows = 1 + nest_pick(20);                                              \
            const int64_t step = 1 + nest_pick(2);                                               \
            T* x = check_block((size_t)(rows * cols * step) * sizeof *x);                        \
            int64_t* out = check_block((size_t)rows * sizeof *out);                              \
            for (int64_t i = 0; i < rows * cols * step; i++) {                                   \
                x[i] = (T)nest_pick(20);                                                         \
                if (strcmp(#S, "i64") && nest_pick(200) == 0) {                                  \
                    x[i] = (T)NAN;                                                               \
                }                                                                                \
            }                                                                                    \
            const int64_t words[] = {                                                            \
                (int64_t)x, (int64_t)out, cols, step, 1, rows, cols * step, 1};                  \
            adj_argmax_##S(words);                                                               \
            for (int64_t r = 0; r < rows; r++) {                                                 \
                const T* row = x + r * cols * step;                                              \
                int64_t best = 0;                                                                \
                for (int64_t c = 1; c < cols; c++) {                                             \
                    const double here = (double)row[c * step];                                   \
                    const double most = (double)row[best * step];                                \
                    best = here > most || (isnan(here) && !isnan(most)) ? c : best;              \
                }                                                                                \
                CHECK(out[r] == best, "argmax_" #S ": %" PRId64 ", not %" PRId64, out[r], best); \
            }                                                                                    \
            free(x);                                                                             \
            free(out);                                                                           \
        }                                                                                        \
    }
TEST_ARGMAX(float, f32)
TEST_ARGMAX(double, f64)
TEST_ARGMAX(int64_t, i64)

/* Ones of 16 million thirds: a plain float loop would be off by thousands of ulp. */
static void test_long_sums(void) {
    enum { N = 1 << 24 };
    float* x = check_block(N * sizeof *x);
    real exact = 0;
    for (int64_t i = 0; i < N; i++) {
        x[i] = (float)check_uniform(0, 1);
        exact += x[i];
    }
    float sum;
    adj_reduce_sum_f32((int64_t[]){(int64_t)x, (int64_t)&sum, 1, N, 1, 0});
    CHECK(check_near(sum, (double)exact, check_ulp_f32((double)exact)), "%.9g, not %.9Lg",
          (double)sum, exact);
    float columns[2];
    adj_reduce_sum_f32((int64_t[]){(int64_t)x, (int64_t)columns, 2, N / 2, 2, 2, 1, 0, 1});
    CHECK(check_near((double)columns[0] + (double)columns[1], (double)exact,
                     2 * check_ulp_f32((double)exact)),
          "columns");
    double squares;
    adj_sum_squares_f32((int64_t[]){(int64_t)&squares, 1, (int64_t)x, N});
    real exact_squares = 0;
    for (int64_t i = 0; i < N; i++) {
        exact_squares += (real)x[i] * x[i];
    }
    CHECK(check_near(squares, (double)exact_squares, 1e-13 * (double)exact_squares), "squares");
    free(x);
}

/* Results depend on nothing but the sizes. */
static void test_thread_counts(void) {
    enum { ROWS = 3000, COLUMNS = 77 };
    float* x = check_block(ROWS * COLUMNS * sizeof *x);
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        x[i] = (float)check_uniform(-1, 1);
    }
    float results[2][COLUMNS + ROWS + 1];
    for (int round = 0; round < 2; round++) {
        adj_pool_start(round == 0 ? 1 : 3);
        float* out = results[round];
        adj_reduce_sum_f32(
            (int64_t[]){(int64_t)x, (int64_t)out, 2, ROWS, COLUMNS, COLUMNS, 1, 0, 1});
        adj_reduce_mean_f32(
            (int64_t[]){(int64_t)x, (int64_t)(out + COLUMNS), 2, ROWS, COLUMNS, COLUMNS, 1, 1, 0});
        adj_reduce_sum_f32(
            (int64_t[]){(int64_t)x, (int64_t)(out + COLUMNS + ROWS), 1, ROWS * COLUMNS, 1, 0});
    }
    CHECK(memcmp(results[0], results[1], sizeof results[0]) == 0, "1 and 3 threads differ");
    free(x);
}

/* More columns than are accumulated together, in parts. */
static void test_wide_rows(void) {
    enum { ROWS = 200, COLUMNS = 4099 };
    float* x = check_block(ROWS * COLUMNS * sizeof *x);
    int sums[COLUMNS] = {0};
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        x[i] = (float)nest_pick(1000);
        sums[i % COLUMNS] += (int)x[i];
    }
    float out[COLUMNS];
    adj_reduce_sum_f32((int64_t[]){(int64_t)x, (int64_t)out, 2, ROWS, COLUMNS, COLUMNS, 1, 0, 1});
    for (int i = 0; i < COLUMNS; i++) {
        CHECK(out[i] == (float)sums[i], "column %d: %.9g, not %d", i, (double)out[i], sums[i]);
    }
    free(x);
}

static void test_sum_squares(void) {
    float a[3] = {1, 2, 3};
    float b[1] = {10};
    double out;
    adj_sum_squares_f32(
        (int64_t[]){(int64_t)&out, 4, (int64_t)a, (int64_t)b, (int64_t)b, (int64_t)a, 3, 0, 1, 2});
    CHECK(out == 1 + 4 + 9 + 100 + 1 + 4, "%g", out);
    adj_sum_squares_f64((int64_t[]){(int64_t)&out, 0});
    CHECK(out == 0, "of nothing: %g", out);
}

int main(void) {
    adj_pool_start(3);
#define RUN(kernel, T, S) test_##kernel##_##S();
    FOR_KERNELS(RUN)
    test_argmax_f32();
    test_argmax_f64();
    test_argmax_i64();
    test_long_sums();
    test_thread_counts();
    test_wide_rows();
    test_sum_squares();
    adj_pool_stop();
    return check_report("reduce");
}
