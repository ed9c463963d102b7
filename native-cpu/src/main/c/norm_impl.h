/* The kernels of norm.c (a template, see vector.h). */
#include "rows.h"

typedef struct {
    const REAL* x; /* or the output of the forward pass */
    const REAL* grad;
    REAL* out;
    int64_t rows;
    int64_t cols;
    int64_t chunk_rows;
} TYPE(rows);

static void NAME(for_rows)(TYPE(rows) rows, adj_body* body) {
    rows.chunk_rows = adj_rows_per_chunk(CHUNK_ELEMENTS, rows.cols);
    adj_for_chunks(rows.rows, rows.chunk_rows, body, &rows);
}

static void NAME(softmax_chunk)(void* ctx, int64_t chunk) {
    const TYPE(rows)* t = ctx;
    const adj_range range = adj_chunk(t->rows, t->chunk_rows, chunk);
    const int64_t n = t->cols;
    for (int64_t r = range.begin; r < range.end; r++) {
        const REAL* x = t->x + r * n;
        REAL* out = t->out + r * n;
        const REAL most = NAME(row_max)(x, n);
        const REAL scale = (REAL)(1 / SUM(n, i, out[i] = NAME(exp_nonpositive)(x[i] - most)));
        ADJ_INDEPENDENT
        for (int64_t i = 0; i < n; i++) {
            out[i] *= scale;
        }
    }
}

static void NAME(log_softmax_chunk)(void* ctx, int64_t chunk) {
    const TYPE(rows)* t = ctx;
    const adj_range range = adj_chunk(t->rows, t->chunk_rows, chunk);
    const int64_t n = t->cols;
    for (int64_t r = range.begin; r < range.end; r++) {
        const REAL* x = t->x + r * n;
        REAL* out = t->out + r * n;
        const REAL most = NAME(row_max)(x, n);
        const REAL log_sum = (REAL)adj_log(SUM(n, i, NAME(exp_nonpositive)(x[i] - most)));
        ADJ_INDEPENDENT
        for (int64_t i = 0; i < n; i++) {
            out[i] = (x[i] - most) - log_sum;
        }
    }
}

static void NAME(softmax_grad_chunk)(void* ctx, int64_t chunk) {
    const TYPE(rows)* t = ctx;
    const adj_range range = adj_chunk(t->rows, t->chunk_rows, chunk);
    const int64_t n = t->cols;
    for (int64_t r = range.begin; r < range.end; r++) {
        const REAL* grad = t->grad + r * n;
        const REAL* y = t->x + r * n;
        REAL* out = t->out + r * n;
        const REAL sum = (REAL)SUM(n, i, grad[i] * y[i]);
        ADJ_INDEPENDENT
        for (int64_t i = 0; i < n; i++) {
            out[i] = y[i] * (grad[i] - sum);
        }
    }
}

static void NAME(log_softmax_grad_chunk)(void* ctx, int64_t chunk) {
    const TYPE(rows)* t = ctx;
    const adj_range range = adj_chunk(t->rows, t->chunk_rows, chunk);
    const int64_t n = t->cols;
    for (int64_t r = range.begin; r < range.end; r++) {
        const REAL* grad = t->grad + r * n;
        const REAL* y = t->x + r * n;
        REAL* out = t->out + r * n;
        const REAL sum = (REAL)NAME(row_sum)(grad, n);
        ADJ_INDEPENDENT
        for (int64_t i = 0; i < n; i++) {
            out[i] = grad[i] - NAME(exp_nonpositive)(y[i]) * sum;
        }
    }
}

#define SOFTMAX(kernel, body)                                                                    \
    ADJ_EXPORT adj_kernel NAME(kernel);                                                          \
    int32_t NAME(kernel)(const void* args) {                                                     \
        const adj_softmax_args* a = args;                                                        \
        NAME(for_rows)((TYPE(rows)){.x = a->x, .out = a->out, .rows = a->rows, .cols = a->cols}, \
                       NAME(body));                                                              \
        return ADJ_OK;                                                                           \
    }
SOFTMAX(adj_softmax, softmax_chunk)
SOFTMAX(adj_log_softmax, log_softmax_chunk)
#undef SOFTMAX

#define SOFTMAX_GRAD(kernel, body)                                                            \
    ADJ_EXPORT adj_kernel NAME(kernel);                                                       \
    int32_t NAME(kernel)(const void* args) {                                                  \
        const adj_softmax_grad_args* a = args;                                                \
        NAME(for_rows)(                                                                       \
            (TYPE(rows)){                                                                     \
                .x = a->y, .grad = a->grad, .out = a->out, .rows = a->rows, .cols = a->cols}, \
            NAME(body));                                                                      \
        return ADJ_OK;                                                                        \
    }
SOFTMAX_GRAD(adj_softmax_grad, softmax_grad_chunk)
SOFTMAX_GRAD(adj_log_softmax_grad, log_softmax_grad_chunk)
#undef SOFTMAX_GRAD

/*
 * One row of layer norm, or of RMS norm, which is the same about 0. The mean is found in two steps
 * (Chan et al. 1983): the second sums what the rounded first one left over, and the variance is
 * taken about their sum.
 */
ADJ_INLINE void NAME(norm_row)(const adj_norm_args* a, int64_t r, bool centred) {
    const int64_t n = a->cols;
    const REAL* x = (const REAL*)a->x + r * n;
    const REAL* weight = a->weight;
    const REAL* bias = a->bias;
    REAL* out = (REAL*)a->out + r * n;
    const REAL mean = centred ? (REAL)(NAME(row_sum)(x, n) / (f64)n) : 0;
    const f64 left_over = centred ? SUM(n, i, x[i] - mean) / (f64)n : 0;
    const REAL rest =
        left_over - left_over == 0 ? (REAL)left_over : 0; /* 0 beside an infinite mean */
    const f64 squares = SUM(n, i, (x[i] - mean) * (x[i] - mean)) / (f64)n;
    const f64 variance = squares - (f64)rest * (f64)rest;
    const REAL rstd = (REAL)(1 / adj_sqrt(variance + a->eps));
    if (centred) {
        ((REAL*)a->mean)[r] = mean + rest;
    }
    ((REAL*)a->rstd)[r] = rstd;
    ADJ_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        const REAL y = (x[i] - mean - rest) * rstd * (weight == NULL ? 1 : weight[i]);
        out[i] = bias == NULL ? y : y + bias[i];
    }
}

static void NAME(layer_norm_chunk)(void* ctx, int64_t chunk) {
    const adj_norm_args* a = ctx;
    const adj_range range = adj_chunk(a->rows, adj_rows_per_chunk(CHUNK_ELEMENTS, a->cols), chunk);
    for (int64_t r = range.begin; r < range.end; r++) {
        NAME(norm_row)(a, r, true);
    }
}

static void NAME(rms_norm_chunk)(void* ctx, int64_t chunk) {
    const adj_norm_args* a = ctx;
    const adj_range range = adj_chunk(a->rows, adj_rows_per_chunk(CHUNK_ELEMENTS, a->cols), chunk);
    for (int64_t r = range.begin; r < range.end; r++) {
        NAME(norm_row)(a, r, false);
    }
}

#define NORM(kernel, body)                                                                  \
    ADJ_EXPORT adj_kernel NAME(kernel);                                                     \
    int32_t NAME(kernel)(const void* args) {                                                \
        adj_norm_args a = *(const adj_norm_args*)args;                                      \
        adj_for_chunks(a.rows, adj_rows_per_chunk(CHUNK_ELEMENTS, a.cols), NAME(body), &a); \
        return ADJ_OK;                                                                      \
    }
NORM(adj_layer_norm, layer_norm_chunk)
NORM(adj_rms_norm, rms_norm_chunk)
#undef NORM

/*
 * One row of the gradients. With h = (x - mean) · rstd and g = grad · weight:
 * grad_x = rstd · (g - mean(g) - h · mean(g · h)), RMS norm without mean(g);
 * grad_weight += grad · h, grad_bias += grad, first, as grad_x may replace grad or x.
 */
ADJ_INLINE void NAME(norm_grad_row)(const adj_norm_grad_args* a, int64_t r, bool centred,
                                    REAL* grad_weight, REAL* grad_bias) {
    const int64_t n = a->cols;
    const REAL* x = (const REAL*)a->x + r * n;
    const REAL* grad = (const REAL*)a->grad + r * n;
    const REAL* weight = a->weight;
    const REAL mean = centred ? ((const REAL*)a->mean)[r] : 0;
    const REAL rstd = ((const REAL*)a->rstd)[r];
    if (grad_weight != NULL) {
        ADJ_INDEPENDENT
        for (int64_t i = 0; i < n; i++) {
            grad_weight[i] += grad[i] * ((x[i] - mean) * rstd);
        }
    }
    if (grad_bias != NULL) {
        ADJ_INDEPENDENT
        for (int64_t i = 0; i < n; i++) {
            grad_bias[i] += grad[i];
        }
    }
    if (a->grad_x == NULL) {
        return;
    }
    REAL* grad_x = (REAL*)a->grad_x + r * n;
    const REAL mean_g =
        centred ? (REAL)(SUM(n, i, grad[i] * (weight == NULL ? 1 : weight[i])) / (f64)n) : 0;
    const REAL mean_gh =
        (REAL)(SUM(n, i, grad[i] * (weight == NULL ? 1 : weight[i]) * ((x[i] - mean) * rstd)) /
               (f64)n);
    ADJ_INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        const REAL h = (x[i] - mean) * rstd;
        const REAL g = grad[i] * (weight == NULL ? 1 : weight[i]);
        grad_x[i] = rstd * (g - mean_g - h * mean_gh);
    }
}

/* A part of the rows; the sums of weight gradients over it go to the part's slice of scratch. */
ADJ_INLINE void NAME(norm_grad_part)(const adj_norm_grad_args* a, int64_t part, bool centred) {
    const int64_t n = a->cols;
    const adj_range range = adj_chunk(a->rows, rows_per_part(a->rows, n), part);
    REAL* slice = (REAL*)a->scratch + part * 2 * n;
    REAL* grad_weight = a->grad_weight == NULL ? NULL : slice;
    REAL* grad_bias = a->grad_bias == NULL ? NULL : slice + n;
    memset(slice, 0, (size_t)(2 * n) * sizeof(REAL));
    for (int64_t r = range.begin; r < range.end; r++) {
        NAME(norm_grad_row)(a, r, centred, grad_weight, grad_bias);
    }
}

static void NAME(layer_norm_grad_part)(void* ctx, int64_t part) {
    NAME(norm_grad_part)(ctx, part, true);
}

static void NAME(rms_norm_grad_part)(void* ctx, int64_t part) {
    NAME(norm_grad_part)(ctx, part, false);
}

static void NAME(sum_parts)(const REAL* slices, int64_t parts, int64_t n, REAL* out) {
    if (out == NULL) {
        return;
    }
    memset(out, 0, (size_t)n * sizeof(REAL));
    for (int64_t part = 0; part < parts; part++) {
        ADJ_INDEPENDENT
        for (int64_t i = 0; i < n; i++) {
            out[i] += slices[part * 2 * n + i];
        }
    }
}

static void NAME(norm_grad)(const adj_norm_grad_args* args, adj_body* body) {
    adj_norm_grad_args a = *args;
    const int64_t grain = rows_per_part(a.rows, a.cols);
    const int64_t parts = adj_ceil_div(a.rows, grain);
    adj_parallel_for(parts, body, &a);
    NAME(sum_parts)(a.scratch, parts, a.cols, a.grad_weight);
    NAME(sum_parts)((const REAL*)a.scratch + a.cols, parts, a.cols, a.grad_bias);
}

ADJ_EXPORT int64_t NAME(adj_norm_grad_scratch_bytes)(const adj_norm_grad_args* args);
int64_t NAME(adj_norm_grad_scratch_bytes)(const adj_norm_grad_args* args) {
    const int64_t parts = adj_ceil_div(args->rows, rows_per_part(args->rows, args->cols));
    return parts * 2 * args->cols * (int64_t)sizeof(REAL);
}

ADJ_EXPORT adj_kernel NAME(adj_layer_norm_grad);
int32_t NAME(adj_layer_norm_grad)(const void* args) {
    NAME(norm_grad)(args, NAME(layer_norm_grad_part));
    return ADJ_OK;
}

ADJ_EXPORT adj_kernel NAME(adj_rms_norm_grad);
int32_t NAME(adj_rms_norm_grad)(const void* args) {
    NAME(norm_grad)(args, NAME(rms_norm_grad_part));
    return ADJ_OK;
}
