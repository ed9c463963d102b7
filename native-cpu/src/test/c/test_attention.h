/* A template, see vector.h. */
#include "test_real.h"

adj_kernel NAME(adj_attention), NAME(adj_attention_grad);
int64_t NAME(adj_attention_scratch_bytes)(const adj_attention_args* args);
int64_t NAME(adj_attention_grad_scratch_bytes)(const adj_attention_grad_args* args);

/* [B, H, T, D] as laid out by [B, T, H, D + 3] if `woven`, else dense. */
typedef struct {
    REAL* x;
    int64_t size;
    int64_t strides[3];
} TYPE(operand);

static TYPE(operand) NAME(operand_of)(int64_t b, int64_t h, int64_t t, int64_t d, bool woven) {
    TYPE(operand) o = {.size = b * h * t * d, .strides = {h * t * d, t * d, d}};
    if (woven) {
        o = (TYPE(operand)){.size = b * h * t * (d + 3),
                            .strides = {h * t * (d + 3), d + 3, h * (d + 3)}};
    }
    o.x = NAME(random_block)(o.size, -1, 1);
    return o;
}

static REAL* NAME(row)(TYPE(operand) o, int64_t b, int64_t h, int64_t t) {
    return o.x + b * o.strides[0] + h * o.strides[1] + t * o.strides[2];
}

static double NAME(dot)(const REAL* x, const REAL* y, int64_t d) {
    double sum = 0;
    for (int64_t c = 0; c < d; c++) {
        sum += (double)x[c] * (double)y[c];
    }
    return sum;
}

static void NAME(add)(double* sum, double factor, const REAL* x, int64_t d) {
    for (int64_t c = 0; c < d; c++) {
        sum[c] += factor * (double)x[c];
    }
}

static double* NAME(zeros)(int64_t n) {
    double* x = check_block((size_t)n * sizeof(double));
    memset(x, 0, (size_t)n * sizeof(double));
    return x;
}

static void NAME(check_rows)(const char* name, TYPE(operand) o, int64_t b, int64_t h, int64_t rows,
                             int64_t d, const double* expected, double tolerance) {
    for (int64_t t = 0; t < rows; t++) {
        for (int64_t c = 0; c < d; c++) {
            CHECK(check_near((double)NAME(row)(o, b, h, t)[c], expected[t * d + c], tolerance),
                  "%s %d of %d rows, width %d: %g %g", name, (int)t, (int)rows, (int)d,
                  (double)NAME(row)(o, b, h, t)[c], expected[t * d + c]);
        }
    }
}

static void NAME(check_attention)(int64_t batch, int64_t heads, int64_t tq, int64_t tk, int64_t d,
                                  bool causal, bool woven) {
    const TYPE(operand) q = NAME(operand_of)(batch, heads, tq, d, woven);
    const TYPE(operand) k = NAME(operand_of)(batch, heads, tk, d, woven);
    const TYPE(operand) v = NAME(operand_of)(batch, heads, tk, d, !woven);
    const TYPE(operand) out = NAME(operand_of)(batch, heads, tq, d, woven);
    const TYPE(operand) grad = NAME(operand_of)(batch, heads, tq, d, woven);
    const TYPE(operand) grad_q = NAME(operand_of)(batch, heads, tq, d, !woven);
    const TYPE(operand) grad_k = NAME(operand_of)(batch, heads, tk, d, woven);
    const TYPE(operand) grad_v = NAME(operand_of)(batch, heads, tk, d, woven);
    REAL* log_sum_exp = NAME(block)(batch * heads * tq);
    const double scale = 1.7 / sqrt((double)d + 1);

    adj_attention_args forward = {.q = q.x,
                                  .k = k.x,
                                  .v = v.x,
                                  .out = out.x,
                                  .log_sum_exp = log_sum_exp,
                                  .batch = batch,
                                  .heads = heads,
                                  .tq = tq,
                                  .tk = tk,
                                  .d = d,
                                  .causal = causal,
                                  .scale = scale};
    adj_attention_grad_args backward = {.grad = grad.x,
                                        .q = q.x,
                                        .k = k.x,
                                        .v = v.x,
                                        .out = out.x,
                                        .log_sum_exp = log_sum_exp,
                                        .grad_q = grad_q.x,
                                        .grad_k = grad_k.x,
                                        .grad_v = grad_v.x,
                                        .batch = batch,
                                        .heads = heads,
                                        .tq = tq,
                                        .tk = tk,
                                        .d = d,
                                        .causal = causal,
                                        .scale = scale};
    for (int i = 0; i < 3; i++) {
        forward.q_strides[i] = backward.q_strides[i] = q.strides[i];
        forward.k_strides[i] = backward.k_strides[i] = k.strides[i];
        forward.v_strides[i] = backward.v_strides[i] = v.strides[i];
        forward.out_strides[i] = backward.out_strides[i] = out.strides[i];
        backward.grad_strides[i] = grad.strides[i];
        backward.grad_q_strides[i] = grad_q.strides[i];
        backward.grad_k_strides[i] = grad_k.strides[i];
        backward.grad_v_strides[i] = grad_v.strides[i];
    }
    forward.scratch = check_block((size_t)NAME(adj_attention_scratch_bytes)(&forward));
    backward.scratch = check_block((size_t)NAME(adj_attention_grad_scratch_bytes)(&backward));
    NAME(run)(NAME(adj_attention), &forward, out.x, out.size);
    NAME(run)(NAME(adj_attention_grad), &backward, grad_k.x, grad_k.size);

    double* p = NAME(zeros)(tk);
    const double tolerance = 100 * NAME(EPSILON);
    for (int64_t b = 0; b < batch; b++) {
        for (int64_t h = 0; h < heads; h++) {
            double* outs = NAME(zeros)(tq * d);
            double* grad_qs = NAME(zeros)(tq * d);
            double* grad_ks = NAME(zeros)(tk * d);
            double* grad_vs = NAME(zeros)(tk * d);
            for (int64_t i = 0; i < tq; i++) {
                int64_t visible = causal ? i + tk - tq + 1 : tk;
                visible = visible < 0 ? 0 : visible;
                double sum = 0;
                for (int64_t j = 0; j < visible; j++) {
                    p[j] = exp(scale * NAME(dot)(NAME(row)(q, b, h, i), NAME(row)(k, b, h, j), d));
                    sum += p[j];
                }
                CHECK(
                    check_near((double)log_sum_exp[(b * heads + h) * tq + i], log(sum), tolerance),
                    "log_sum_exp %g %g", (double)log_sum_exp[(b * heads + h) * tq + i], log(sum));
                double grad_dot_out = 0;
                for (int64_t j = 0; j < visible; j++) {
                    p[j] /= sum;
                    NAME(add)(outs + i * d, p[j], NAME(row)(v, b, h, j), d);
                    grad_dot_out +=
                        p[j] * NAME(dot)(NAME(row)(grad, b, h, i), NAME(row)(v, b, h, j), d);
                }
                for (int64_t j = 0; j < visible; j++) {
                    const REAL* g = NAME(row)(grad, b, h, i);
                    const double ds =
                        scale * p[j] * (NAME(dot)(g, NAME(row)(v, b, h, j), d) - grad_dot_out);
                    NAME(add)(grad_vs + j * d, p[j], g, d);
                    NAME(add)(grad_qs + i * d, ds, NAME(row)(k, b, h, j), d);
                    NAME(add)(grad_ks + j * d, ds, NAME(row)(q, b, h, i), d);
                }
            }
            NAME(check_rows)("out", out, b, h, tq, d, outs, tolerance);
            const double grad_tolerance = tolerance * (1 + sqrt((double)(d * tq)));
            NAME(check_rows)("grad_q", grad_q, b, h, tq, d, grad_qs, grad_tolerance);
            NAME(check_rows)("grad_k", grad_k, b, h, tk, d, grad_ks, grad_tolerance);
            NAME(check_rows)("grad_v", grad_v, b, h, tk, d, grad_vs, grad_tolerance);
            free(outs);
            free(grad_qs);
            free(grad_ks);
            free(grad_vs);
        }
    }
    /* Each gradient alone. */
    memset(grad_q.x, 0, (size_t)grad_q.size * sizeof(REAL));
    adj_attention_grad_args alone = backward;
    alone.grad_k = alone.grad_v = NULL;
    NAME(adj_attention_grad)(&alone);
    alone.grad_q = NULL;
    alone.grad_v = grad_v.x;
    NAME(adj_attention_grad)(&alone);
    free(p);
    free(q.x);
    free(k.x);
    free(v.x);
    free(out.x);
    free(grad.x);
    free(grad_q.x);
    free(grad_k.x);
    free(grad_v.x);
    free(log_sum_exp);
    free(forward.scratch);
    free(backward.scratch);
}

static void NAME(test)(void) {
    for (int64_t d = 1; d <= 67; d += d < 34 ? 3 : 11) {
        NAME(check_attention)(1, 2, d % 9 + 1, d % 13 + 1, d, d % 2, d % 4 > 1);
    }
    const int64_t lengths[] = {0, 1, 5, 63, 64, 65, 96, 97, 150};
    for (int i = 0; i < 9; i++) {
        for (int j = 0; j < 9; j++) {
            NAME(check_attention)(1, 1 + i % 2, lengths[i], lengths[j], 8 + 4 * (j % 3),
                                  i >= j || j % 2, j % 2);
        }
    }
    NAME(check_attention)(3, 4, 130, 130, 32, true, true);
    NAME(check_attention)(2, 2, 70, 70, 0, true, false);
    NAME(check_attention)(0, 2, 7, 7, 4, true, false);
    /* Keys that repeat one element may be more than any memory holds: plans must not overflow. */
    const int64_t keys = INT64_C(1) << 50;
    const adj_attention_args forward = {
        .batch = 1, .heads = 1, .tq = 1 << 20, .tk = keys, .d = 64};
    CHECK(NAME(adj_attention_scratch_bytes)(&forward) > 0, "scratch of giant attention");
    const adj_attention_grad_args backward = {
        .batch = 1, .heads = 1, .tq = 1 << 20, .tk = keys, .d = 64};
    CHECK(NAME(adj_attention_grad_scratch_bytes)(&backward) > 0, "scratch of its gradient");
}
