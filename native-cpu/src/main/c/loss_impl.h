/* The kernels of loss.c (a template, see vector.h). */
#include "rows.h"

typedef struct {
    REAL most;
    f64 sum;
} TYPE(exp_sum);

/*
 * The largest logit, and Σ exp(logit - largest), in one pass over memory (Milakov and Gimelshein
 * 2018): each block of the row rescales what came before.
 */
static TYPE(exp_sum) NAME(exp_sum_of)(const REAL* x, int64_t n) {
    TYPE(exp_sum) all = {-(REAL)__builtin_inf(), 0};
    for (int64_t begin = 0; begin < n; begin += MAX_BLOCK) {
        const REAL* block = x + begin;
        const int64_t count = adj_min(MAX_BLOCK, n - begin);
        const REAL most = NAME(row_max)(block, count);
        if (most > all.most) {
            all.sum *= adj_exp((f64)(all.most - most));
            all.most = most;
        }
        /* Without a largest logit, -∞ gives 0 and NaN stays. */
        const REAL shift = all.most == -(REAL)__builtin_inf() ? 0 : all.most;
        ADD_UP(1, LANES, &all.sum, count, i, left, sums, {
            FETCH(block + MAX_BLOCK + i);
            const VEC below = NAME(load)(block + i, left, -(REAL)__builtin_inf()) - shift;
            sums[0] = NAME(add_exp_nonpositive)(below, sums[0]);
        });
    }
    if (all.most == -(REAL)__builtin_inf()) {
        all.sum = __builtin_nan(""); /* no probabilities, as in softmax */
    }
    return all;
}

typedef struct {
    adj_cross_entropy_args args;
    atomic_bool outside; /* a target left its range after it was checked */
} TYPE(losses);

static void NAME(cross_entropy_chunk)(void* ctx, int64_t chunk) {
    TYPE(losses)* t = ctx;
    const adj_cross_entropy_args* a = &t->args;
    const int64_t n = a->classes;
    const adj_range range = adj_chunk(a->rows, adj_rows_per_chunk(CHUNK_ELEMENTS, n), chunk);
    for (int64_t r = range.begin; r < range.end; r++) {
        const REAL* logits = (const REAL*)a->logits + r * a->logits_stride;
        const int64_t target = adj_read_once(a->targets + r);
        if (!target_valid(target, n, a->ignore_index)) {
            atomic_store_explicit(&t->outside, true, memory_order_relaxed);
            continue;
        }
        const TYPE(exp_sum) s = NAME(exp_sum_of)(logits, n);
        const REAL log_sum = (REAL)adj_log(s.sum);
        ((REAL*)a->log_sum_exp)[2 * r] = s.most;
        ((REAL*)a->log_sum_exp)[2 * r + 1] = log_sum;
        ((REAL*)a->losses)[r] = target == a->ignore_index ? 0 : log_sum + (s.most - logits[target]);
    }
}

ADJ_EXPORT adj_kernel NAME(adj_cross_entropy);
int32_t NAME(adj_cross_entropy)(const void* args) {
    TYPE(losses) t = {.args = *(const adj_cross_entropy_args*)args};
    const adj_cross_entropy_args* a = &t.args;
    if (!targets_valid(a->targets, a->rows, a->classes, a->ignore_index)) {
        return ADJ_INDEX_OUT_OF_RANGE;
    }
    adj_for_chunks(a->rows, adj_rows_per_chunk(CHUNK_ELEMENTS, a->classes),
                   NAME(cross_entropy_chunk), &t);
    return t.outside ? ADJ_INDEX_OUT_OF_RANGE : ADJ_OK;
}

typedef struct {
    adj_cross_entropy_grad_args args;
    atomic_bool outside;
} TYPE(loss_grads);

static void NAME(cross_entropy_grad_chunk)(void* ctx, int64_t chunk) {
    TYPE(loss_grads)* t = ctx;
    const adj_cross_entropy_grad_args* a = &t->args;
    const int64_t n = a->classes;
    const bool stream = past_caches(2 * a->rows * n * (int64_t)sizeof(REAL));
    const adj_range range = adj_chunk(a->rows, adj_rows_per_chunk(CHUNK_ELEMENTS, n), chunk);
    for (int64_t r = range.begin; r < range.end; r++) {
        const REAL* logits = (const REAL*)a->logits + r * a->logits_stride;
        REAL* out = (REAL*)a->out + r * a->out_stride;
        const int64_t target = adj_read_once(a->targets + r);
        if (!target_valid(target, n, a->ignore_index)) {
            atomic_store_explicit(&t->outside, true, memory_order_relaxed);
            continue;
        }
        if (target == a->ignore_index) {
            memset(out, 0, (size_t)n * sizeof(REAL));
            continue;
        }
        const REAL grad = ((const REAL*)a->grad)[r * a->grad_stride];
        /* Apart: their sum would lose the second behind a large first one. */
        const REAL most = ((const REAL*)a->log_sum_exp)[2 * r];
        const REAL log_sum = ((const REAL*)a->log_sum_exp)[2 * r + 1];
        const REAL at_target = grad * (adj_exp(logits[target] - most - log_sum) - 1);
        WRITE_ROW(out, n, stream, i, count,
                  grad * NAME(exp_nonpositive)((NAME(load)(logits + i, count, 0) - most) - log_sum));
        out[target] = at_target;
    }
    if (stream) {
        ADJ_STREAM_FENCE();
    }
}

ADJ_EXPORT adj_kernel NAME(adj_cross_entropy_grad);
int32_t NAME(adj_cross_entropy_grad)(const void* args) {
    TYPE(loss_grads) t = {.args = *(const adj_cross_entropy_grad_args*)args};
    const adj_cross_entropy_grad_args* a = &t.args;
    if (!targets_valid(a->targets, a->rows, a->classes, a->ignore_index)) {
        return ADJ_INDEX_OUT_OF_RANGE;
    }
    adj_for_chunks(a->rows, adj_rows_per_chunk(CHUNK_ELEMENTS, a->classes),
                   NAME(cross_entropy_grad_chunk), &t);
    return t.outside ? ADJ_INDEX_OUT_OF_RANGE : ADJ_OK;
}
