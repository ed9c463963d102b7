/* The kernels of norm.c (a template, see vector.h). */
#include "rows.h"

/* Rows that leave much of their vectors empty are shorter than this. */
#define SHORT_COLS (4 * VL < 16 ? 4 * VL : 16)

static bool NAME(is_short)(int64_t cols) {
    return cols < SHORT_COLS && cols % VL != 0;
}

typedef struct {
    const REAL* x; /* or the output of the forward pass */
    const REAL* grad;
    REAL* out;
    int64_t rows;
    int64_t cols;
    bool stream;
} TYPE(rows);

typedef struct {
    TYPE(rows) all;
    int64_t group_rows;
    void (*body)(TYPE(rows) group);
} TYPE(rows_job);

static void NAME(rows_chunk)(void* ctx, int64_t chunk) {
    const TYPE(rows_job)* job = ctx;
    const TYPE(rows)* all = &job->all;
    const int64_t n = all->cols;
    const adj_range range = adj_chunk(all->rows, adj_rows_per_chunk(CHUNK_ELEMENTS, n), chunk);
    const int64_t group_rows = job->group_rows;
    for (int64_t r = range.begin; r < range.end; r += group_rows) {
        job->body((TYPE(rows)){.x = all->x + r * n,
                               .grad = all->grad == NULL ? NULL : all->grad + r * n,
                               .out = all->out + r * n,
                               .rows = adj_min(group_rows, range.end - r),
                               .cols = n,
                               .stream = all->stream});
    }
    if (all->stream) {
        ADJ_STREAM_FENCE();
    }
}

static void NAME(for_rows)(TYPE(rows) all, void (*body)(TYPE(rows)),
                           void (*short_body)(TYPE(rows))) {
    const int64_t operands = all.grad == NULL ? 2 : 3;
    const bool is_short = NAME(is_short)(all.cols);
    all.stream = !is_short && past_caches(operands * all.rows * all.cols * (int64_t)sizeof(REAL));
    TYPE(rows_job) job = {all, is_short ? VL : rows_per_group(all.cols),
                          is_short ? short_body : body};
    adj_for_chunks(all.rows, adj_rows_per_chunk(CHUNK_ELEMENTS, all.cols), NAME(rows_chunk), &job);
}

/*
 * Short rows are taken VL at a time, one in each lane: a vector holds a column of them. All else is
 * as for longer rows, their sums too, so that a row's bits do not depend on the way it goes.
 */
ADJ_INLINE void NAME(load_columns)(const REAL* x, int64_t rows, int64_t n, VEC* columns) {
    REAL column[VL] = {};
    for (int64_t i = 0; i < n; i++) {
        if (rows == VL) {
#pragma GCC unroll 16
            for (int r = 0; r < VL; r++) {
                column[r] = x[r * n + i];
            }
        } else {
            for (int64_t r = 0; r < rows; r++) {
                column[r] = x[r * n + i];
            }
        }
        memcpy(columns + i, column, sizeof column);
    }
}

ADJ_INLINE void NAME(store_columns)(REAL* x, int64_t rows, int64_t n, const VEC* columns) {
    REAL column[VL];
    for (int64_t i = 0; i < n; i++) {
        memcpy(column, columns + i, sizeof column);
        if (rows == VL) {
#pragma GCC unroll 16
            for (int r = 0; r < VL; r++) {
                x[r * n + i] = column[r];
            }
        } else {
            for (int64_t r = 0; r < rows; r++) {
                x[r * n + i] = column[r];
            }
        }
    }
}

/* Joins what ADD_UP has in its lanes: the sums of columns i, i + VL, … for i < VL; as VEC_SUM. */
ADJ_INLINE VEC NAME(sum_columns)(VEC* sums, int64_t n) {
    for (int64_t half = VL / 2, left = adj_min(n, VL); half > 0; half /= 2) {
        for (int64_t i = 0; i + half < left; i++) {
            sums[i] += sums[i + half];
        }
        left = adj_min(left, half);
    }
    return sums[0];
}

static void NAME(softmax_short)(TYPE(rows) t) {
    VEC e[SHORT_COLS];
    VEC sums[VL] = {};
    NAME(load_columns)(t.x, t.rows, t.cols, e);
    VEC most = SPLAT(-(REAL)__builtin_inf());
    for (int64_t i = 0; i < t.cols; i++) {
        most = VEC_MAX(e[i], most);
    }
    for (int64_t i = 0; i < t.cols; i++) {
        e[i] = NAME(exp_nonpositive)(e[i] - most);
        sums[i % VL] += e[i];
    }
    const VEC sum = NAME(sum_columns)(sums, t.cols);
    VEC scale = {};
    for (int r = 0; r < VL; r++) {
        scale[r] = (REAL)(1 / (f64)sum[r]);
    }
    for (int64_t i = 0; i < t.cols; i++) {
        e[i] *= scale;
    }
    NAME(store_columns)(t.out, t.rows, t.cols, e);
}

static void NAME(log_softmax_short)(TYPE(rows) t) {
    VEC x[SHORT_COLS];
    VEC sums[VL] = {};
    NAME(load_columns)(t.x, t.rows, t.cols, x);
    VEC most = SPLAT(-(REAL)__builtin_inf());
    for (int64_t i = 0; i < t.cols; i++) {
        most = VEC_MAX(x[i], most);
    }
    for (int64_t i = 0; i < t.cols; i++) {
        x[i] -= most;
        sums[i % VL] = NAME(add_exp_nonpositive)(x[i], sums[i % VL]);
    }
    const VEC sum = NAME(sum_columns)(sums, t.cols);
    REAL log_sum[VL];
    memcpy(log_sum, &sum, sizeof sum);
    for (int r = 0; r < VL; r++) {
        log_sum[r] = (REAL)adj_log((f64)log_sum[r]);
    }
    VEC log;
    memcpy(&log, log_sum, sizeof log);
    for (int64_t i = 0; i < t.cols; i++) {
        x[i] -= log;
    }
    NAME(store_columns)(t.out, t.rows, t.cols, x);
}

static void NAME(softmax_grad_short)(TYPE(rows) t) {
    VEC grad[SHORT_COLS];
    VEC y[SHORT_COLS];
    VEC sums[VL] = {};
    NAME(load_columns)(t.grad, t.rows, t.cols, grad);
    NAME(load_columns)(t.x, t.rows, t.cols, y);
    for (int64_t i = 0; i < t.cols; i++) {
        sums[i % VL] = VEC_FMA(grad[i], y[i], sums[i % VL]);
    }
    const VEC dot = NAME(sum_columns)(sums, t.cols);
    for (int64_t i = 0; i < t.cols; i++) {
        y[i] *= grad[i] - dot;
    }
    NAME(store_columns)(t.out, t.rows, t.cols, y);
}

static void NAME(log_softmax_grad_short)(TYPE(rows) t) {
    VEC grad[SHORT_COLS];
    VEC y[SHORT_COLS];
    VEC sums[VL] = {};
    NAME(load_columns)(t.grad, t.rows, t.cols, grad);
    NAME(load_columns)(t.x, t.rows, t.cols, y);
    for (int64_t i = 0; i < t.cols; i++) {
        sums[i % VL] += grad[i];
    }
    const VEC sum = NAME(sum_columns)(sums, t.cols);
    for (int64_t i = 0; i < t.cols; i++) {
        grad[i] = VEC_FMA(-NAME(exp_nonpositive)(y[i]), sum, grad[i]);
    }
    NAME(store_columns)(t.out, t.rows, t.cols, grad);
}

static void NAME(softmax_group)(TYPE(rows) t) {
    const int64_t n = t.cols;
    REAL most[GROUP_ROWS];
    REAL scale[GROUP_ROWS];
    REAL group[GROUP_ELEMENTS];
    /* What is written past the caches is not for reading again. */
    REAL* exps = t.stream && t.rows * n <= GROUP_ELEMENTS ? group : t.out;
    for (int64_t r = 0; r < t.rows; r++) {
        most[r] = NAME(row_max)(t.x + r * n, n);
    }
    for (int64_t r = 0; r < t.rows; r++) {
        const REAL* x = t.x + r * n;
        f64 sum[1] = {};
        ADD_UP(1, LANES, sum, n, i, count, sums, {
            FETCH(x + t.rows * n + i);
            const VEC below = NAME(load)(x + i, count, -(REAL)__builtin_inf()) - most[r];
            const VEC e = NAME(exp_nonpositive)(below);
            NAME(store)(exps + r * n + i, count, e);
            sums[0] += e;
        });
        scale[r] = (REAL)(1 / sum[0]);
    }
    for (int64_t r = 0; r < t.rows; r++) {
        REAL* out = t.out + r * n;
        WRITE_ROW(out, n, t.stream, i, count, NAME(load)(exps + r * n + i, count, 0) * scale[r]);
    }
}

static void NAME(log_softmax_group)(TYPE(rows) t) {
    const int64_t n = t.cols;
    REAL most[GROUP_ROWS];
    REAL log_sum[GROUP_ROWS];
    for (int64_t r = 0; r < t.rows; r++) {
        most[r] = NAME(row_max)(t.x + r * n, n);
    }
    for (int64_t r = 0; r < t.rows; r++) {
        const REAL* x = t.x + r * n;
        f64 sum[1] = {};
        ADD_UP(1, LANES, sum, n, i, count, sums, {
            FETCH(x + t.rows * n + i);
            const VEC below = NAME(load)(x + i, count, -(REAL)__builtin_inf()) - most[r];
            sums[0] = NAME(add_exp_nonpositive)(below, sums[0]);
        });
        log_sum[r] = (REAL)adj_log(sum[0]);
    }
    for (int64_t r = 0; r < t.rows; r++) {
        const REAL* x = t.x + r * n;
        REAL* out = t.out + r * n;
        WRITE_ROW(out, n, t.stream, i, count, (NAME(load)(x + i, count, 0) - most[r]) - log_sum[r]);
    }
}

static void NAME(softmax_grad_group)(TYPE(rows) t) {
    const int64_t n = t.cols;
    REAL dot[GROUP_ROWS];
    for (int64_t r = 0; r < t.rows; r++) {
        const REAL* grad = t.grad + r * n;
        const REAL* y = t.x + r * n;
        f64 sum[1] = {};
        ADD_UP(1, LANES, sum, n, i, count, sums, {
            sums[0] = VEC_FMA(NAME(load)(grad + i, count, 0), NAME(load)(y + i, count, 0), sums[0]);
        });
        dot[r] = (REAL)sum[0];
    }
    for (int64_t r = 0; r < t.rows; r++) {
        const REAL* grad = t.grad + r * n;
        const REAL* y = t.x + r * n;
        REAL* out = t.out + r * n;
        WRITE_ROW(out, n, t.stream, i, count, ({
                      FETCH(grad + t.rows * n + i);
                      FETCH(y + t.rows * n + i);
                      NAME(load)(y + i, count, 0) * (NAME(load)(grad + i, count, 0) - dot[r]);
                  }));
    }
}

static void NAME(log_softmax_grad_group)(TYPE(rows) t) {
    const int64_t n = t.cols;
    REAL grad_sum[GROUP_ROWS];
    for (int64_t r = 0; r < t.rows; r++) {
        const REAL* grad = t.grad + r * n;
        f64 sum[1] = {};
        ADD_UP(1, LANES, sum, n, i, count, sums, { sums[0] += NAME(load)(grad + i, count, 0); });
        grad_sum[r] = (REAL)sum[0];
    }
    for (int64_t r = 0; r < t.rows; r++) {
        const REAL* grad = t.grad + r * n;
        const REAL* y = t.x + r * n;
        REAL* out = t.out + r * n;
        const VEC sum = SPLAT(grad_sum[r]);
        WRITE_ROW(out, n, t.stream, i, count, ({
                      FETCH(grad + t.rows * n + i);
                      FETCH(y + t.rows * n + i);
                      const VEC p = NAME(exp_nonpositive)(NAME(load)(y + i, count, 0));
                      VEC_FMA(-p, sum, NAME(load)(grad + i, count, 0));
                  }));
    }
}

#define SOFTMAX(kernel, body, short_body)                                                        \
    ADJ_EXPORT adj_kernel NAME(kernel);                                                          \
    int32_t NAME(kernel)(const void* args) {                                                     \
        const adj_softmax_args* a = args;                                                        \
        NAME(for_rows)((TYPE(rows)){.x = a->x, .out = a->out, .rows = a->rows, .cols = a->cols}, \
                       NAME(body), NAME(short_body));                                            \
        return ADJ_OK;                                                                           \
    }
SOFTMAX(adj_softmax, softmax_group, softmax_short)
SOFTMAX(adj_log_softmax, log_softmax_group, log_softmax_short)
#undef SOFTMAX

#define SOFTMAX_GRAD(kernel, body, short_body)                                                \
    ADJ_EXPORT adj_kernel NAME(kernel);                                                       \
    int32_t NAME(kernel)(const void* args) {                                                  \
        const adj_softmax_grad_args* a = args;                                                \
        NAME(for_rows)(                                                                       \
            (TYPE(rows)){                                                                     \
                .x = a->y, .grad = a->grad, .out = a->out, .rows = a->rows, .cols = a->cols}, \
            NAME(body), NAME(short_body));                                                    \
        return ADJ_OK;                                                                        \
    }
SOFTMAX_GRAD(adj_softmax_grad, softmax_grad_group, softmax_grad_short)
SOFTMAX_GRAD(adj_log_softmax_grad, log_softmax_grad_group, log_softmax_grad_short)
#undef SOFTMAX_GRAD

/* Of the mean of squares and eps together. */
ADJ_INLINE bool NAME(is_far)(f64 spread) {
    return !(spread >= NAME(LEAST_SPREAD) && spread <= NAME(MOST_SPREAD));
}

/*
 * A row whose squares leave the range of REAL, or lose their digits at its lower end: in float64,
 * scaled by a power of two that brings the largest element near 1. False if that is not finite.
 */
static __attribute__((noinline)) bool NAME(norm_far_row)(const adj_norm_args* a, int64_t row,
                                                         bool centred) {
    const int64_t n = a->cols;
    const REAL* weight = a->weight;
    const REAL* bias = a->bias;
    const REAL* x = (const REAL*)a->x + row * n;
    REAL* out = (REAL*)a->out + row * n;
    f64 most = 0;
    for (int64_t i = 0; i < n; i++) {
        const f64 size = (f64)adj_abs(x[i]);
        most = size > most ? size : most;
    }
    if (most - most != 0) {
        return false;
    }
    const f64 scale = scale_near_one(most, a->eps);
    const f64 share = 1 / (f64)n;
    f64 mean = 0;
    for (int64_t i = 0; centred && i < n; i++) {
        mean += (f64)x[i] * scale * share;
    }
    f64 rest = 0;
    f64 squares = 0;
    for (int64_t i = 0; i < n; i++) {
        const f64 d = (f64)x[i] * scale - mean;
        rest += centred ? d * share : 0;
        squares += d * d * share;
    }
    f64 variance = squares - rest * rest;
    variance = variance < 0 ? 0 : variance;
    const f64 rstd = variance == 0 ? 1 / adj_sqrt(a->eps) / scale
                                   : 1 / adj_sqrt(variance + a->eps * scale * scale);
    for (int64_t i = 0; i < n; i++) {
        const f64 y = ((f64)x[i] * scale - mean - rest) * rstd;
        const f64 w = weight == NULL ? 1 : (f64)weight[i];
        out[i] = (REAL)(y * w + (bias == NULL ? 0 : (f64)bias[i]));
    }
    ((REAL*)a->rstd)[row] = (REAL)(rstd * scale);
    if (centred) {
        ((REAL*)a->mean)[row] = (REAL)((mean + rest) / scale);
    }
    return true;
}

/*
 * A few rows of layer norm, or of RMS norm, which is the same about 0. The mean is found in two
 * steps (Chan et al. 1983): the second sums what the rounded first one left over, and the variance
 * is taken about their sum.
 */
ADJ_INLINE void NAME(norm_group)(const adj_norm_args* a, int64_t first, int64_t rows, bool centred,
                                 bool stream) {
    const int64_t n = a->cols;
    const f64 share = 1 / (f64)n;
    const REAL* weight = a->weight;
    const REAL* bias = a->bias;
    const REAL* x = (const REAL*)a->x + first * n;
    REAL* out = (REAL*)a->out + first * n;
    REAL* rstd = (REAL*)a->rstd + first;
    REAL mean[GROUP_ROWS] = {};
    REAL rest[GROUP_ROWS] = {};
    bool far[GROUP_ROWS];
    for (int64_t r = 0; centred && r < rows; r++) {
        f64 total[1] = {};
        ADD_UP(1, LANES, total, n, i, count, sums,
               { sums[0] += NAME(load)(x + r * n + i, count, 0); });
        mean[r] = (REAL)(total[0] * share);
    }
    for (int64_t r = 0; r < rows; r++) {
        f64 totals[2] = {}; /* Σ (x - mean), Σ (x - mean)² */
        ADD_UP(2, LANES, totals, n, i, count, sums, {
            FETCH(x + (rows + r) * n + i);
            const VEC d = NAME(load)(x + r * n + i, count, mean[r]) - mean[r];
            sums[0] += d;
            sums[1] = VEC_FMA(d, d, sums[1]);
        });
        const f64 left_over = totals[0] * share;
        if (centred) {
            rest[r] = left_over - left_over == 0 ? (REAL)left_over : 0; /* 0 if mean is infinite */
            ((REAL*)a->mean)[first + r] = mean[r] + rest[r];
        }
        const f64 spread = totals[1] * share - (f64)rest[r] * (f64)rest[r] + a->eps;
        rstd[r] = (REAL)(1 / adj_sqrt(spread));
        far[r] = NAME(is_far)(spread);
    }
    for (int64_t r = 0; r < rows; r++) {
        if (far[r] && NAME(norm_far_row)(a, first + r, centred)) {
            continue;
        }
        const VEC scale = SPLAT(rstd[r]);
        const VEC shift = SPLAT(-rest[r] * rstd[r]);
        WRITE_ROW(out + r * n, n, stream, i, count, ({
                      const VEC d = NAME(load)(x + r * n + i, count, 0) - mean[r];
                      const VEC w =
                          weight == NULL ? SPLAT((REAL)1) : NAME(load)(weight + i, count, 0);
                      const VEC b = bias == NULL ? SPLAT((REAL)0) : NAME(load)(bias + i, count, 0);
                      VEC_FMA(VEC_FMA(d, scale, shift), w, b);
                  }));
    }
}

/* Short rows, up to VL of them: see load_columns. */
ADJ_INLINE void NAME(norm_short)(const adj_norm_args* a, int64_t first, int64_t rows,
                                 bool centred) {
    const int64_t n = a->cols;
    const f64 share = 1 / (f64)n;
    const REAL* weight = a->weight;
    const REAL* bias = a->bias;
    VEC d[SHORT_COLS]; /* x, then x - mean */
    NAME(load_columns)((const REAL*)a->x + first * n, rows, n, d);
    REAL mean[VL] = {};
    if (centred) {
        VEC sums[VL] = {};
        for (int64_t i = 0; i < n; i++) {
            sums[i % VL] += d[i];
        }
        const VEC total = NAME(sum_columns)(sums, n);
        for (int r = 0; r < VL; r++) {
            mean[r] = (REAL)((f64)total[r] * share);
        }
    }
    VEC about;
    memcpy(&about, mean, sizeof about);
    VEC sums[VL] = {};
    VEC squares[VL] = {};
    for (int64_t i = 0; i < n; i++) {
        d[i] -= about;
        sums[i % VL] += d[i];
        squares[i % VL] = VEC_FMA(d[i], d[i], squares[i % VL]);
    }
    const VEC left = NAME(sum_columns)(sums, n);
    const VEC square = NAME(sum_columns)(squares, n);
    REAL rest[VL] = {};
    REAL rstd[VL];
    bool far = false;
    for (int r = 0; r < VL; r++) {
        const f64 left_over = (f64)left[r] * share;
        if (centred) {
            rest[r] = left_over - left_over == 0 ? (REAL)left_over : 0; /* 0 if mean is infinite */
            mean[r] += rest[r];
        }
        const f64 spread = (f64)square[r] * share - (f64)rest[r] * (f64)rest[r] + a->eps;
        rstd[r] = (REAL)(1 / adj_sqrt(spread));
        far |= r < rows && NAME(is_far)(spread);
    }
    if (far) { /* they go the way of longer rows */
        for (int64_t r = 0; r < rows; r += GROUP_ROWS) {
            NAME(norm_group)(a, first + r, adj_min(GROUP_ROWS, rows - r), centred, false);
        }
        return;
    }
    for (int64_t r = 0; r < rows; r++) {
        ((REAL*)a->rstd)[first + r] = rstd[r];
        if (centred) {
            ((REAL*)a->mean)[first + r] = mean[r];
        }
    }
    VEC scale;
    VEC moved;
    memcpy(&scale, rstd, sizeof scale);
    memcpy(&moved, rest, sizeof moved);
    const VEC shift = -moved * scale;
    for (int64_t i = 0; i < n; i++) {
        const VEC w = SPLAT(weight == NULL ? 1 : weight[i]);
        const VEC b = SPLAT(bias == NULL ? 0 : bias[i]);
        d[i] = VEC_FMA(VEC_FMA(d[i], scale, shift), w, b);
    }
    NAME(store_columns)((REAL*)a->out + first * n, rows, n, d);
}

ADJ_INLINE void NAME(norm_chunk)(const adj_norm_args* a, int64_t chunk, bool centred) {
    const adj_range range = adj_chunk(a->rows, adj_rows_per_chunk(CHUNK_ELEMENTS, a->cols), chunk);
    if (NAME(is_short)(a->cols)) {
        for (int64_t r = range.begin; r < range.end; r += VL) {
            NAME(norm_short)(a, r, adj_min(VL, range.end - r), centred);
        }
        return;
    }
    const int64_t group_rows = rows_per_group(a->cols);
    const bool stream = past_caches(2 * a->rows * a->cols * (int64_t)sizeof(REAL));
    for (int64_t r = range.begin; r < range.end; r += group_rows) {
        NAME(norm_group)(a, r, adj_min(group_rows, range.end - r), centred, stream);
    }
    if (stream) {
        ADJ_STREAM_FENCE();
    }
}

static void NAME(layer_norm_chunk)(void* ctx, int64_t chunk) {
    NAME(norm_chunk)(ctx, chunk, true);
}

static void NAME(rms_norm_chunk)(void* ctx, int64_t chunk) {
    NAME(norm_chunk)(ctx, chunk, false);
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
 * The gradients of `rows` rows, a constant. With h = (x - mean) · rstd and g = grad · weight:
 * grad_x = rstd · (g - mean(g) - h · mean(g · h)), RMS norm without mean(g);
 * grad_weight += grad · h, grad_bias += grad, first, as grad_x may replace grad or x.
 */
ADJ_INLINE void NAME(norm_grad_rows)(const adj_norm_grad_args* a, int64_t first, int rows,
                                     bool centred, bool stream, REAL* grad_weight,
                                     REAL* grad_bias) {
    const int64_t n = a->cols;
    const REAL* x = (const REAL*)a->x + first * n;
    const REAL* grad = (const REAL*)a->grad + first * n;
    const REAL* weight = a->weight;
    REAL mean[GRAD_ROWS] = {};
    REAL rstd[GRAD_ROWS];
    for (int r = 0; r < rows; r++) {
        mean[r] = centred ? ((const REAL*)a->mean)[first + r] : 0;
        rstd[r] = ((const REAL*)a->rstd)[first + r];
    }
    f64 totals[2 * GRAD_ROWS] = {}; /* of each row: Σ g, Σ g · h */
    ADD_UP(2 * GRAD_ROWS, 1, totals, n, i, count, sums, {
        const VEC w = weight == NULL ? SPLAT((REAL)1) : NAME(load)(weight + i, count, 0);
        VEC weight_sum = {};
        VEC bias_sum = {};
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++) {
            const VEC y = NAME(load)(grad + r * n + i, count, 0);
            const VEC h = (NAME(load)(x + r * n + i, count, 0) - mean[r]) * rstd[r];
            weight_sum = VEC_FMA(y, h, weight_sum);
            bias_sum += y;
            sums[2 * r] += y * w;
            sums[2 * r + 1] = VEC_FMA(y * w, h, sums[2 * r + 1]);
        }
        if (grad_weight != NULL) {
            NAME(store)(grad_weight + i, count, NAME(load)(grad_weight + i, count, 0) + weight_sum);
        }
        if (grad_bias != NULL) {
            NAME(store)(grad_bias + i, count, NAME(load)(grad_bias + i, count, 0) + bias_sum);
        }
    });
    for (int r = 0; a->grad_x != NULL && r < rows; r++) {
        REAL* grad_x = (REAL*)a->grad_x + (first + r) * n;
        const REAL mean_g = centred ? (REAL)(totals[2 * r] / (f64)n) : 0;
        const REAL mean_gh = (REAL)(totals[2 * r + 1] / (f64)n);
        const VEC scale = SPLAT(rstd[r]);
        const VEC shift = SPLAT(-rstd[r] * mean_g);
        const VEC slope = SPLAT(-rstd[r] * rstd[r] * mean_gh);
        WRITE_ROW(grad_x, n, stream, i, count, ({
                      FETCH(x + (rows + r) * n + i);
                      FETCH(grad + (rows + r) * n + i);
                      const VEC d = NAME(load)(x + r * n + i, count, 0) - mean[r];
                      const VEC y = NAME(load)(grad + r * n + i, count, 0);
                      const VEC g = weight == NULL ? y : y * NAME(load)(weight + i, count, 0);
                      VEC_FMA(d, slope, VEC_FMA(g, scale, shift));
                  }));
    }
}

/*
 * The same for a row that norm_far_row normalised: in float64, without the square of rstd, and with
 * x - mean in halves, since the difference itself may overflow.
 */
static __attribute__((noinline)) void NAME(norm_grad_far_row)(const adj_norm_grad_args* a,
                                                              int64_t row, bool centred,
                                                              REAL* grad_weight, REAL* grad_bias) {
    const int64_t n = a->cols;
    const REAL* x = (const REAL*)a->x + row * n;
    const REAL* grad = (const REAL*)a->grad + row * n;
    const REAL* weight = a->weight;
    const f64 half_mean = centred ? (f64)((const REAL*)a->mean)[row] / 2 : 0;
    const f64 rstd = (f64)((const REAL*)a->rstd)[row];
    f64 mean_g = 0;
    f64 mean_gh = 0;
    for (int64_t i = 0; i < n; i++) {
        const f64 y = (f64)grad[i];
        const f64 h = ((f64)x[i] / 2 - half_mean) * (2 * rstd);
        const f64 g = weight == NULL ? y : y * (f64)weight[i];
        mean_g += centred ? g / (f64)n : 0;
        mean_gh += g * h / (f64)n;
        if (grad_weight != NULL) {
            grad_weight[i] += (REAL)(y * h);
        }
        if (grad_bias != NULL) {
            grad_bias[i] += grad[i];
        }
    }
    for (int64_t i = 0; a->grad_x != NULL && i < n; i++) {
        const f64 h = ((f64)x[i] / 2 - half_mean) * (2 * rstd);
        const f64 g = (f64)grad[i] * (weight == NULL ? 1 : (f64)weight[i]);
        ((REAL*)a->grad_x + row * n)[i] = (REAL)(rstd * (g - mean_g - h * mean_gh));
    }
}

/* Whether one of these rows needs that; a row of one element does, whose grad_x is 0 exactly. */
static bool NAME(are_far)(const adj_norm_grad_args* a, int64_t first, int rows) {
    bool far = a->cols == 1;
    for (int r = 0; r < rows; r++) {
        const REAL rstd = ((const REAL*)a->rstd)[first + r];
        far |= !(rstd >= NAME(LEAST_RSTD) && rstd <= NAME(MOST_RSTD));
    }
    return far;
}

/* A part of the rows; the sums of weight gradients over it go to the part's slice of scratch. */
ADJ_INLINE void NAME(norm_grad_part)(const adj_norm_grad_args* a, int64_t part, bool centred) {
    const int64_t n = a->cols;
    const adj_range range = adj_chunk(a->rows, rows_per_part(a->rows, n), part);
    REAL* slice = (REAL*)a->scratch + part * 2 * n;
    REAL* grad_weight = a->grad_weight == NULL ? NULL : slice;
    REAL* grad_bias = a->grad_bias == NULL ? NULL : slice + n;
    memset(slice, 0, (size_t)(2 * n) * sizeof(REAL));
    const bool stream = a->grad_x != NULL && past_caches(3 * a->rows * n * (int64_t)sizeof(REAL));
    for (int64_t r = range.begin; r < range.end;) {
        if (r + GRAD_ROWS <= range.end && !NAME(are_far)(a, r, GRAD_ROWS)) {
            NAME(norm_grad_rows)(a, r, GRAD_ROWS, centred, stream, grad_weight, grad_bias);
            r += GRAD_ROWS;
        } else if (!NAME(are_far)(a, r, 1)) {
            NAME(norm_grad_rows)(a, r, 1, centred, stream, grad_weight, grad_bias);
            r++;
        } else {
            NAME(norm_grad_far_row)(a, r, centred, grad_weight, grad_bias);
            r++;
        }
    }
    if (stream) {
        ADJ_STREAM_FENCE();
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
        const REAL* slice = slices + part * 2 * n;
        ADJ_INDEPENDENT
        for (int64_t i = 0; i < n; i++) {
            out[i] += slice[i];
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
#undef SHORT_COLS
