/* A template, see vector.h. */
#include "test_real.h"

adj_kernel NAME(adj_softmax), NAME(adj_log_softmax), NAME(adj_softmax_grad),
    NAME(adj_log_softmax_grad), NAME(adj_layer_norm), NAME(adj_rms_norm), NAME(adj_layer_norm_grad),
    NAME(adj_rms_norm_grad);
int64_t NAME(adj_norm_grad_scratch_bytes)(const adj_norm_grad_args* args);

static void NAME(check_softmax)(int64_t rows, int64_t cols) {
    const int64_t n = rows * cols;
    REAL* x = NAME(random_block)(n, -30, 30);
    REAL* grad = NAME(random_block)(n, -1, 1);
    REAL* y = NAME(random_block)(n, 0, 0);
    REAL* log_y = NAME(random_block)(n, 0, 0);
    REAL* grad_x = NAME(random_block)(n, 0, 0);
    NAME(run)(NAME(adj_softmax), &(adj_softmax_args){x, y, rows, cols}, y, n);
    NAME(run)(NAME(adj_log_softmax), &(adj_softmax_args){x, log_y, rows, cols}, log_y, n);
    NAME(run)(NAME(adj_softmax_grad), &(adj_softmax_grad_args){grad, y, grad_x, rows, cols}, grad_x,
              n);
    REAL* log_grad_x = NAME(random_block)(n, 0, 0);
    NAME(run)(NAME(adj_log_softmax_grad),
              &(adj_softmax_grad_args){grad, log_y, log_grad_x, rows, cols}, log_grad_x, n);
    for (int64_t r = 0; r < rows; r++) {
        /* In long double: for f64, double would be no better than what it checks. */
        long double most = -INFINITY, sum = 0, dot = 0, grad_sum = 0;
        for (int64_t i = r * cols; i < (r + 1) * cols; i++) {
            most = fmaxl(most, x[i]);
        }
        for (int64_t i = r * cols; i < (r + 1) * cols; i++) {
            sum += expl(x[i] - most);
        }
        for (int64_t i = r * cols; i < (r + 1) * cols; i++) {
            dot += grad[i] * (expl(x[i] - most) / sum);
            grad_sum += grad[i];
        }
        for (int64_t i = r * cols; i < (r + 1) * cols; i++) {
            const double log_p = (double)(x[i] - most - logl(sum));
            const double p = exp(log_p);
            const double e = NAME(EPSILON);
            CHECK(check_near((double)y[i], p, 80 * e * p + 1e-44), "softmax %g %g", (double)y[i],
                  p);
            CHECK(check_near((double)log_y[i], log_p, 8 * e * (1 + fabs(log_p))), "log_softmax");
            CHECK(check_near((double)grad_x[i], p * (double)(grad[i] - dot), 200 * e * p + 1e-44),
                  "softmax_grad %g %g", (double)grad_x[i], p * (double)(grad[i] - dot));
            CHECK(check_near((double)log_grad_x[i], (double)(grad[i] - p * grad_sum),
                             200 * e * (1 + p * sqrt((double)cols))),
                  "log_softmax_grad");
        }
    }
    free(x);
    free(grad);
    free(y);
    free(log_y);
    free(grad_x);
    free(log_grad_x);
}

static void NAME(check_norm)(int64_t rows, int64_t cols, bool centred, bool weighted,
                             double offset) {
    const int64_t n = rows * cols;
    const double eps = 1e-5;
    REAL* x = NAME(random_block)(n, offset - 1, offset + 1);
    REAL* grad = NAME(random_block)(n, -1, 1);
    REAL* weight = weighted ? NAME(random_block)(cols, 0.5, 2) : NULL;
    REAL* bias = weighted && centred ? NAME(random_block)(cols, -1, 1) : NULL;
    REAL* out = NAME(random_block)(n, 0, 0);
    REAL* mean = centred ? NAME(block)(rows) : NULL;
    REAL* rstd = NAME(block)(rows);
    NAME(run)(centred ? NAME(adj_layer_norm) : NAME(adj_rms_norm),
              &(adj_norm_args){x, weight, bias, out, mean, rstd, rows, cols, eps}, out, n);
    REAL* grad_x = NAME(random_block)(n, 0, 0);
    REAL* grad_weight = weighted ? NAME(random_block)(cols, 9, 9) : NULL;
    REAL* grad_bias = bias == NULL ? NULL : NAME(block)(cols);
    adj_norm_grad_args g = {grad,   x,           weight,    mean,         rstd,
                            grad_x, grad_weight, grad_bias, .rows = rows, .cols = cols};
    g.scratch = check_block((size_t)NAME(adj_norm_grad_scratch_bytes)(&g));
    adj_kernel* kernel = centred ? NAME(adj_layer_norm_grad) : NAME(adj_rms_norm_grad);
    NAME(run)(kernel, &g, grad_x, n);
    if (weighted) {
        NAME(run)(kernel, &g, grad_weight, cols);
    }

    const size_t sums_bytes = (size_t)cols * sizeof(long double);
    long double* weight_sums = check_block(sums_bytes);
    long double* bias_sums = check_block(sums_bytes);
    memset(weight_sums, 0, sums_bytes);
    memset(bias_sums, 0, sums_bytes);
    for (int64_t r = 0; r < rows; r++) {
        long double total = 0;
        for (int64_t i = 0; centred && i < cols; i++) {
            total += x[r * cols + i];
        }
        const double mu = (double)(total / cols);
        double squares = 0, mean_g = 0, mean_gh = 0;
        for (int64_t i = 0; i < cols; i++) {
            squares += pow((double)x[r * cols + i] - mu, 2) / (double)cols;
        }
        const double scale = 1 / sqrt(squares + eps);
        const double e = NAME(EPSILON);
        CHECK(check_near((double)rstd[r], scale, 20 * e * scale), "rstd %g %g", (double)rstd[r],
              scale);
        if (centred) {
            CHECK(check_near((double)mean[r], mu, 4 * e * (1 + fabs(mu))), "mean");
        }
        /* The gradient kernels see mean and rstd as they were rounded. */
        const double kept_mean = centred ? (double)mean[r] : 0;
        const double kept_rstd = (double)rstd[r];
        for (int64_t i = 0; i < cols; i++) {
            const double w = weighted ? (double)weight[i] : 1;
            const double h = (double)(x[r * cols + i] - total / cols) * scale;
            const double y = h * w + (bias == NULL ? 0 : (double)bias[i]);
            CHECK(check_near((double)out[r * cols + i], y, 40 * e * (1 + fabs(h))), "norm %g %g",
                  (double)out[r * cols + i], y);
            const double hk = ((double)x[r * cols + i] - kept_mean) * kept_rstd;
            mean_g += centred ? (double)grad[r * cols + i] * w / (double)cols : 0;
            mean_gh += (double)grad[r * cols + i] * w * hk / (double)cols;
            weight_sums[i] += grad[r * cols + i] * (long double)hk;
            bias_sums[i] += grad[r * cols + i];
        }
        for (int64_t i = 0; i < cols; i++) {
            const double w = weighted ? (double)weight[i] : 1;
            const double h = ((double)x[r * cols + i] - kept_mean) * kept_rstd;
            const double expected =
                kept_rstd * ((double)grad[r * cols + i] * w - mean_g - h * mean_gh);
            CHECK(check_near((double)grad_x[r * cols + i], expected,
                             100 * e * kept_rstd * (1 + h * h)),
                  "norm_grad %g %g", (double)grad_x[r * cols + i], expected);
        }
    }
    for (int64_t i = 0; weighted && i < cols; i++) {
        const double tolerance = NAME(EPSILON) * (20 + (double)rows);
        CHECK(check_near((double)grad_weight[i], (double)weight_sums[i], 3 * tolerance),
              "grad_weight %g %g", (double)grad_weight[i], (double)weight_sums[i]);
        CHECK(bias == NULL || check_near((double)grad_bias[i], (double)bias_sums[i], tolerance),
              "grad_bias");
    }
    free(x);
    free(grad);
    free(weight);
    free(bias);
    free(out);
    free(mean);
    free(rstd);
    free(grad_x);
    free(grad_weight);
    free(grad_bias);
    free(g.scratch);
    free(weight_sums);
    free(bias_sums);
}

static void NAME(test_special_rows)(void) {
    const REAL inf = (REAL)INFINITY;
    enum { ROWS = 4, COLS = 70 };
    REAL* x = NAME(random_block)(ROWS * COLS, -1, 1);
    for (int i = 0; i < COLS; i++) {
        x[i] = -inf;                      /* row 0: no probabilities */
        x[COLS + i] = i == 69 ? 1 : -inf; /* row 1: one certain class */
    }
    x[2 * COLS + 3] = (REAL)NAN;
    x[3 * COLS + 66] = inf;
    REAL* y = NAME(block)(ROWS * COLS);
    NAME(adj_softmax)(&(adj_softmax_args){x, y, ROWS, COLS});
    for (int i = 0; i < COLS; i++) {
        CHECK(isnan(y[i]), "all -inf");
        CHECK(y[COLS + i] == (i == 69), "one finite");
        CHECK(isnan(y[2 * COLS + i]), "NaN");
        CHECK(i == 66 ? isnan(y[3 * COLS + i]) : isnan(y[3 * COLS + i]) || y[3 * COLS + i] == 0,
              "inf");
    }
    /* In place. */
    REAL* z = NAME(random_block)(COLS, -1, 1);
    REAL* w = NAME(block)(COLS);
    NAME(adj_softmax)(&(adj_softmax_args){z, w, 1, COLS});
    NAME(adj_softmax)(&(adj_softmax_args){z, z, 1, COLS});
    CHECK(memcmp(z, w, COLS * sizeof(REAL)) == 0, "in place");
    free(x);
    free(y);
    free(z);
    free(w);
}

/* So large that results go past the caches: the same bits as in parts that do not. */
static void NAME(test_large)(void) {
    enum { ROWS = 1500, PART = ROWS / 4, COLS = 1867 };
    const int64_t n = (int64_t)ROWS * COLS;
    const size_t bytes = (size_t)n * sizeof(REAL);
    REAL* x = NAME(random_block)(n, -3, 3);
    REAL* grad = NAME(random_block)(n, -1, 1);
    REAL* weight = NAME(random_block)(COLS, 0.5, 2);
    REAL* mean = NAME(block)(ROWS);
    REAL* rstd = NAME(block)(ROWS);
    REAL* whole = NAME(block)(n);
    REAL* parts = NAME(block)(n);
    for (int kernel = 0; kernel < 6; kernel++) {
        for (int64_t first = -PART; first < ROWS; first += PART) {
            const int64_t at = adj_max(0, first) * COLS;
            const int64_t rows = first < 0 ? ROWS : PART;
            REAL* out = first < 0 ? whole : parts + at;
            const adj_softmax_args forward = {x + at, out, rows, COLS};
            const adj_softmax_grad_args backward = {grad + at, x + at, out, rows, COLS};
            const adj_norm_args norm = {x + at,           weight, NULL, out, mean + at / COLS,
                                        rstd + at / COLS, rows,   COLS, 1e-5};
            adj_norm_grad_args norm_grad = {grad + at,        x + at,           weight,
                                            mean + at / COLS, rstd + at / COLS, out,
                                            .rows = rows,     .cols = COLS};
            norm_grad.scratch = check_block((size_t)NAME(adj_norm_grad_scratch_bytes)(&norm_grad));
            switch (kernel) {
                case 0:
                    NAME(adj_softmax)(&forward);
                    break;
                case 1:
                    NAME(adj_log_softmax)(&forward);
                    break;
                case 2:
                    NAME(adj_softmax_grad)(&backward);
                    break;
                case 3:
                    NAME(adj_log_softmax_grad)(&backward);
                    break;
                case 4:
                    NAME(adj_layer_norm)(&norm);
                    break;
                default:
                    NAME(adj_layer_norm_grad)(&norm_grad);
                    break;
            }
            free(norm_grad.scratch);
        }
        CHECK(memcmp(whole, parts, bytes) == 0, "kernel %d", kernel);
    }
    free(x);
    free(grad);
    free(weight);
    free(mean);
    free(rstd);
    free(whole);
    free(parts);
}

/* Without eps a row means the same at any size; its neighbours do not notice. */
static void NAME(check_far_rows)(bool centred, int power) {
    enum { ROWS = 6, COLS = 70, FAR = 1 };
    const int64_t n = (int64_t)ROWS * COLS;
    const REAL size = (REAL)ldexp(1, power);
    REAL* x = NAME(random_block)(n, -1, 1);
    REAL* grad = NAME(random_block)(n, -1, 1);
    REAL* out[2];
    REAL* grad_x[2];
    REAL rstd[2][ROWS], mean[2][ROWS];
    for (int far = 0; far < 2; far++) {
        for (int i = 0; far && i < COLS; i++) {
            x[FAR * COLS + i] *= size;
        }
        out[far] = NAME(block)(n);
        grad_x[far] = NAME(block)(n);
        const adj_norm_args args = {x,         NULL,      NULL, out[far], mean[far],
                                    rstd[far], .rows = ROWS, .cols = COLS, .eps = 0};
        adj_norm_grad_args back = {grad,        x,       NULL,         mean[far],   rstd[far],
                                   grad_x[far], .rows = ROWS, .cols = COLS};
        back.scratch = check_block((size_t)NAME(adj_norm_grad_scratch_bytes)(&back));
        if (centred) {
            NAME(adj_layer_norm)(&args);
            NAME(adj_layer_norm_grad)(&back);
        } else {
            NAME(adj_rms_norm)(&args);
            NAME(adj_rms_norm_grad)(&back);
        }
        free(back.scratch);
    }
    for (int64_t i = 0; i < n; i++) {
        const bool far = i / COLS == FAR;
        CHECK(far ? check_near((double)out[1][i], (double)out[0][i], 40 * NAME(EPSILON) * 4)
                  : out[1][i] == out[0][i],
              "far row %g %g", (double)out[1][i], (double)out[0][i]);
        CHECK(far ? check_near((double)(grad_x[1][i] * size), (double)grad_x[0][i],
                               200 * NAME(EPSILON) * 4)
                  : grad_x[1][i] == grad_x[0][i],
              "far gradient %g %g", (double)grad_x[1][i], (double)grad_x[0][i]);
    }
    CHECK(check_near((double)(rstd[1][FAR] * size), (double)rstd[0][FAR],
                     20 * NAME(EPSILON) * (double)rstd[0][FAR]),
          "far rstd");
    free(x);
    free(grad);
    for (int far = 0; far < 2; far++) {
        free(out[far]);
        free(grad_x[far]);
    }
}

static void NAME(test)(void) {
    const int powers[] = {-600, -100, -45, 45, 100, 120, 600, 1000};
    for (int i = 0; i < 8; i++) {
        if (sizeof(REAL) == sizeof(double) || abs(powers[i]) < 127) {
            NAME(check_far_rows)(true, powers[i]);
            NAME(check_far_rows)(false, powers[i]);
        }
    }
    NAME(test_large)();
    NAME(check_softmax)(3, 0);
    for (int64_t cols = 1; cols <= 67; cols++) {
        NAME(check_softmax)(cols % 5, cols);
        NAME(check_norm)(1 + cols % 5, cols, true, cols % 2, 0);
        NAME(check_norm)(1 + cols % 5, cols, false, cols % 2, 0);
    }
    NAME(check_softmax)(50, 1500);
    NAME(check_norm)(50, 1500, true, true, 0);
    NAME(check_norm)(300, 130, true, true, 1000);
    NAME(check_norm)(300, 130, false, true, 3);
    NAME(check_norm)(0, 5, true, true, 0);
    NAME(test_special_rows)();
}
