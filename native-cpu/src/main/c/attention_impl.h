/* The kernels of attention.c (a template, see vector.h). */
#include "gemm/micro.h"
#include "gemm/pack.h"
#include "rows.h"

/* One head of a [B, H, T, D] operand: rows of stride `row`. */
typedef struct {
    REAL* x;
    int64_t row;
} TYPE(head);

static TYPE(head) NAME(head_of)(const void* x, const int64_t strides[3], int64_t heads,
                                int64_t index) {
    if (x == NULL) {
        return (TYPE(head)){NULL, 0};
    }
    const int64_t offset = index / heads * strides[0] + index % heads * strides[1];
    return (TYPE(head)){(REAL*)x + offset, strides[2]};
}

/* Rows from `first` on as the left factor of a product along d. */
static TYPE(factor) NAME(rows_left)(TYPE(head) h, int64_t first) {
    return (TYPE(factor)){h.x + first * h.row, h.row, 1, MR * h.row};
}

/* `count` of these rows as the right factor of a product along the rows. */
static TYPE(factor) NAME(rows_right)(TYPE(head) h, int64_t first, int64_t count, int64_t d,
                                     REAL* panels) {
    const REAL* x = h.x + first * h.row;
    if (d % NR == 0) {
        return (TYPE(factor)){x, 1, h.row, NR};
    }
    NAME(pack)(panels, NR, x, d, count, 1, h.row);
    return (TYPE(factor)){panels, 1, NR, NR * count};
}

/* The same as the right factor of a product along d. */
static TYPE(factor) NAME(rows_right_turned)(TYPE(head) h, int64_t first, int64_t count, int64_t d,
                                            REAL* panels) {
    NAME(pack)(panels, NR, h.x + first * h.row, count, d, h.row, 1);
    return (TYPE(factor)){panels, 1, NR, NR * d};
}

/* A tile [keys, QUERIES] as the left factor of a product along the queries, or along the keys. */
static TYPE(factor) NAME(keys_left)(const REAL* tile) {
    return (TYPE(factor)){tile, QUERIES, 1, MR * QUERIES};
}

static TYPE(factor) NAME(queries_left)(const REAL* tile) {
    return (TYPE(factor)){tile, 1, QUERIES, MR};
}

/* Where query q, counted from the tile's corner, does not see key j, the score is −∞. */
static void NAME(mask)(REAL* scores, int64_t queries, int64_t keys, int64_t first_hidden) {
    for (int64_t j = 0; j < keys; j++) {
        for (int64_t q = 0; q < adj_min(queries, j + first_hidden); q++) {
            scores[j * QUERIES + q] = -(REAL)__builtin_inf();
        }
    }
}

/* Elements of one packed operand: rows × d, either way round. */
static int64_t NAME(panel_elements)(int64_t rows, int64_t d) {
    const int64_t along_d = adj_ceil_div(rows, NR) * NR * d;
    const int64_t along_rows = adj_ceil_div(d, NR) * NR * rows;
    return adj_ceil_div(adj_max(along_d, along_rows), NR) * NR;
}

/* ---- forward ---- */

/* The softmax of a tile's columns, continued from the tiles before it. */
typedef struct {
    REAL most[QUERIES]; /* largest score so far */
    REAL sum[QUERIES];  /* Σ exp(score - most) */
} TYPE(running);

/* Turns scores into exp(score - most); old_scale is what earlier sums must be multiplied by. */
static void NAME(advance)(TYPE(running)* t, REAL* scores, int64_t queries, int64_t keys,
                          REAL old_scale[QUERIES]) {
    REAL most[QUERIES];
    REAL shift[QUERIES];
    REAL sum[QUERIES] = {};
    memcpy(most, t->most, sizeof most);
    for (int64_t j = 0; j < keys; j++) {
        const REAL* row = scores + j * QUERIES;
        ADJ_INDEPENDENT
        for (int64_t q = 0; q < queries; q++) {
            most[q] = row[q] > most[q] ? row[q] : most[q];
        }
    }
    for (int64_t q = 0; q < QUERIES; q += VL) {
        const int64_t n = VL;
        /* Nothing visible yet: exp(-∞ - 0) is 0 where exp(-∞ + ∞) is not a number. */
        for (int l = 0; l < VL; l++) shift[q + l] = most[q + l] == -(REAL)__builtin_inf() ? 0 : most[q + l];
        NAME(store)(old_scale + q, n, NAME(exp_nonpositive)(NAME(load)(t->most + q, n, 0) - NAME(load)(shift + q, n, 0)));
    }
    for (int64_t j = 0; j < keys; j++) {
        REAL* row = scores + j * QUERIES;
        for (int64_t q = 0; q < QUERIES; q += VL) {
            const int64_t n = VL;
            const VEC e = NAME(exp_nonpositive)(NAME(load)(row + q, n, 0) - NAME(load)(shift + q, n, 0));
            NAME(store)(row + q, n, e);
            NAME(store)(sum + q, n, NAME(load)(sum + q, n, 0) + e);
        }
    }
    ADJ_INDEPENDENT
    for (int64_t q = 0; q < queries; q++) {
        t->sum[q] = t->sum[q] * old_scale[q] + sum[q];
        t->most[q] = most[q];
    }
}

/* Elements of a chunk's scratch: q's panels, v's, the scores, the sums of out. */
typedef struct {
    int64_t q, v, scores, sums, all;
} TYPE(attention_scratch);

static TYPE(attention_scratch) NAME(attention_scratch_of)(int64_t d) {
    TYPE(attention_scratch) s = {.q = NAME(panel_elements)(QUERIES, d),
                                 .v = NAME(panel_elements)(KEYS, d),
                                 .scores = KEYS * QUERIES,
                                 .sums = QUERIES * d};
    s.all = s.q + s.v + s.scores + s.sums;
    return s;
}

static void NAME(attention_block)(const adj_attention_args* a, int64_t index, int64_t first,
                                  REAL* scratch) {
    const TYPE(attention_scratch) size = NAME(attention_scratch_of)(a->d);
    REAL* q_panels = scratch;
    REAL* v_panels = q_panels + size.q;
    REAL* scores = v_panels + size.v;
    REAL* sums = scores + size.scores;
    const TYPE(head) q = NAME(head_of)(a->q, a->q_strides, a->heads, index);
    const TYPE(head) k = NAME(head_of)(a->k, a->k_strides, a->heads, index);
    const TYPE(head) v = NAME(head_of)(a->v, a->v_strides, a->heads, index);
    const TYPE(head) out = NAME(head_of)(a->out, a->out_strides, a->heads, index);
    const int64_t d = a->d;
    const int64_t queries = adj_min(queries_per_tile(a->causal), a->tq - first);
    const int64_t visible = visible_keys(a->causal, a->tq, a->tk, first, queries);

    TYPE(running) run;
    for (int64_t i = 0; i < QUERIES; i++) {
        run.most[i] = -(REAL)__builtin_inf();
        run.sum[i] = 0;
    }
    const TYPE(factor) q_factor = NAME(rows_right_turned)(q, first, queries, d, q_panels);
    for (int64_t key = 0; key < visible; key += KEYS) {
        const int64_t keys = adj_min(KEYS, visible - key);
        NAME(tiles)(keys, queries, d, NAME(rows_left)(k, key), q_factor,
                    (TYPE(epilogue)){(REAL)a->scale, 0, NULL}, scores, QUERIES);
        if (a->causal) {
            NAME(mask)(scores, queries, keys, key - first - (a->tk - a->tq));
        }
        REAL old_scale[QUERIES];
        NAME(advance)(&run, scores, queries, keys, old_scale);
        for (int64_t i = 0; key > 0 && i < queries; i++) {
            ADJ_INDEPENDENT
            for (int64_t c = 0; c < d; c++) {
                sums[i * d + c] *= old_scale[i];
            }
        }
        NAME(tiles)(queries, d, keys, NAME(queries_left)(scores),
                    NAME(rows_right)(v, key, keys, d, v_panels),
                    (TYPE(epilogue)){1, key > 0 ? 1 : 0, NULL}, sums, d);
    }
    REAL* log_sum_exp = (REAL*)a->log_sum_exp + index * a->tq + first;
    for (int64_t i = 0; i < queries; i++) {
        REAL* row = out.x + (first + i) * out.row;
        log_sum_exp[i] = run.most[i] + adj_log(run.sum[i]);
        if (run.sum[i] == 0) { /* sees no key */
            memset(row, 0, (size_t)d * sizeof(REAL));
            continue;
        }
        const REAL scale = 1 / run.sum[i];
        ADJ_INDEPENDENT
        for (int64_t c = 0; c < d; c++) {
            row[c] = sums[i * d + c] * scale;
        }
    }
}

static int64_t NAME(attention_items)(const adj_attention_args* a) {
    return a->batch * a->heads * adj_ceil_div(a->tq, queries_per_tile(a->causal));
}

static int64_t NAME(attention_chunks)(const adj_attention_args* a) {
    return chunk_count(NAME(attention_items)(a), 2 * a->batch * a->heads * a->tq * a->tk * a->d);
}

static void NAME(attention_chunk)(void* args, int64_t chunk) {
    const adj_attention_args* a = args;
    const int64_t items = NAME(attention_items)(a);
    const int64_t chunks = NAME(attention_chunks)(a);
    const int64_t grain = queries_per_tile(a->causal);
    const int64_t blocks = adj_ceil_div(a->tq, grain);
    REAL* scratch = (REAL*)a->scratch + chunk * NAME(attention_scratch_of)(a->d).all;
    for (int64_t i = chunk * items / chunks; i < (chunk + 1) * items / chunks; i++) {
        NAME(attention_block)(a, i / blocks, i % blocks * grain, scratch);
    }
}

ADJ_EXPORT int64_t NAME(adj_attention_scratch_bytes)(const adj_attention_args* args);
int64_t NAME(adj_attention_scratch_bytes)(const adj_attention_args* args) {
    return NAME(attention_chunks)(args) * NAME(attention_scratch_of)(args->d).all *
           (int64_t)sizeof(REAL);
}

ADJ_EXPORT adj_kernel NAME(adj_attention);
int32_t NAME(adj_attention)(const void* args) {
    adj_attention_args a = *(const adj_attention_args*)args;
    adj_parallel_for(NAME(attention_chunks)(&a), NAME(attention_chunk), &a);
    return ADJ_OK;
}

/* ---- gradients ---- */

/* Elements of a chunk's scratch: panels of q and grad, of a right factor, probabilities, scores. */
typedef struct {
    int64_t q, grad, right, tile, all;
} TYPE(attention_grad_scratch);

static TYPE(attention_grad_scratch) NAME(attention_grad_scratch_of)(int64_t d) {
    TYPE(attention_grad_scratch) s = {.q = NAME(panel_elements)(QUERIES, d),
                                      .grad = NAME(panel_elements)(QUERIES, d),
                                      .right = NAME(panel_elements)(adj_max(KEYS, QUERIES), d),
                                      .tile = KEYS * QUERIES};
    s.all = s.q + s.grad + s.right + 2 * s.tile;
    return s;
}

static void NAME(clear)(TYPE(head) h, int64_t begin, int64_t end, int64_t d) {
    for (int64_t i = begin; h.x != NULL && i < end; i++) {
        memset(h.x + i * h.row, 0, (size_t)d * sizeof(REAL));
    }
}

/* How the gradients of all heads are divided; depends on the sizes alone. */
typedef struct {
    int64_t parts;    /* of the keys of a head */
    int64_t items;    /* parts of all heads */
    int64_t chunks;   /* of items */
    int64_t elements; /* of grad_q, dense, which each part sums on its own if there are many */
} TYPE(division);

static TYPE(division) NAME(division_of)(const adj_attention_grad_args* a) {
    const int64_t heads = a->batch * a->heads;
    TYPE(division) t = {.parts = key_parts(heads, adj_ceil_div(a->tk, KEYS)),
                        .elements = heads * a->tq * a->d};
    t.items = heads * t.parts;
    t.chunks = chunk_count(t.items, 5 * heads * a->tq * a->tk * a->d);
    return t;
}

/* Where part `part` sums grad_q of head `index`. */
static TYPE(head) NAME(grad_q_of)(const adj_attention_grad_args* a, int64_t index, int64_t part) {
    const TYPE(division) t = NAME(division_of)(a);
    if (a->grad_q == NULL || t.parts == 1) {
        return NAME(head_of)(a->grad_q, a->grad_q_strides, a->heads, index);
    }
    REAL* sums = (REAL*)a->scratch + t.chunks * NAME(attention_grad_scratch_of)(a->d).all;
    return (TYPE(head)){sums + part * t.elements + index * a->tq * a->d, a->d};
}

/*
 * One head and a part of its keys. Per tile: P = exp(scale · k qᵀ - logsumexp), grad_v += P grad,
 * and with G = scale · P ⊙ (v gradᵀ - Σ grad ⊙ out): grad_q += Gᵀ k, grad_k += G q.
 */
static void NAME(attention_grad_part)(const adj_attention_grad_args* a, int64_t index, int64_t part,
                                      REAL* scratch) {
    const TYPE(attention_grad_scratch) size = NAME(attention_grad_scratch_of)(a->d);
    REAL* q_panels = scratch;
    REAL* grad_panels = q_panels + size.q;
    REAL* right_panels = grad_panels + size.grad;
    REAL* p = right_panels + size.right;
    REAL* g = p + size.tile;
    const TYPE(head) grad = NAME(head_of)(a->grad, a->grad_strides, a->heads, index);
    const TYPE(head) q = NAME(head_of)(a->q, a->q_strides, a->heads, index);
    const TYPE(head) k = NAME(head_of)(a->k, a->k_strides, a->heads, index);
    const TYPE(head) v = NAME(head_of)(a->v, a->v_strides, a->heads, index);
    const TYPE(head) out = NAME(head_of)(a->out, a->out_strides, a->heads, index);
    const TYPE(head) grad_q = NAME(grad_q_of)(a, index, part);
    const TYPE(head) grad_k = NAME(head_of)(a->grad_k, a->grad_k_strides, a->heads, index);
    const TYPE(head) grad_v = NAME(head_of)(a->grad_v, a->grad_v_strides, a->heads, index);
    const int64_t d = a->d;
    const REAL scale = (REAL)a->scale;
    const TYPE(epilogue) set = {1, 0, NULL};
    const TYPE(epilogue) add = {1, 1, NULL};

    const int64_t parts = NAME(division_of)(a).parts;
    const int64_t tiles = adj_ceil_div(a->tk, KEYS);
    const int64_t key_begin = part * tiles / parts * KEYS;
    const int64_t key_end = adj_min(a->tk, (part + 1) * tiles / parts * KEYS);

    NAME(clear)(grad_q, 0, a->tq, d);
    NAME(clear)(grad_k, key_begin, key_end, d);
    NAME(clear)(grad_v, key_begin, key_end, d);
    for (int64_t first = 0; first < a->tq; first += queries_per_tile(a->causal)) {
        const int64_t queries = adj_min(queries_per_tile(a->causal), a->tq - first);
        const int64_t visible =
            adj_min(key_end, visible_keys(a->causal, a->tq, a->tk, first, queries));
        if (visible <= key_begin) {
            continue;
        }
        REAL shift[QUERIES];
        REAL grad_dot_out[QUERIES];
        for (int64_t i = 0; i < queries; i++) {
            const REAL log_sum_exp = ((const REAL*)a->log_sum_exp)[index * a->tq + first + i];
            const REAL* grad_row = grad.x + (first + i) * grad.row;
            const REAL* out_row = out.x + (first + i) * out.row;
            shift[i] = log_sum_exp == -(REAL)__builtin_inf() ? 0 : log_sum_exp; /* see advance */
            f64 dot[1] = {};
            ADD_UP(1, LANES, dot, d, c, n, sums, {
                sums[0] = VEC_FMA(NAME(load)(grad_row + c, n, 0), NAME(load)(out_row + c, n, 0), sums[0]);
            });
            grad_dot_out[i] = (REAL)dot[0];
        }
        const TYPE(factor) q_factor = NAME(rows_right_turned)(q, first, queries, d, q_panels);
        const TYPE(factor) grad_factor =
            NAME(rows_right_turned)(grad, first, queries, d, grad_panels);
        for (int64_t key = key_begin; key < visible; key += KEYS) {
            const int64_t keys = adj_min(KEYS, visible - key);
            NAME(tiles)(keys, queries, d, NAME(rows_left)(k, key), q_factor,
                        (TYPE(epilogue)){scale, 0, NULL}, p, QUERIES);
            if (a->causal) {
                NAME(mask)(p, queries, keys, key - first - (a->tk - a->tq));
            }
            NAME(tiles)(keys, queries, d, NAME(rows_left)(v, key), grad_factor, set, g, QUERIES);
            for (int64_t j = 0; j < keys; j++) {
                REAL* p_row = p + j * QUERIES;
                REAL* g_row = g + j * QUERIES;
                for (int64_t i = 0; i < queries; i += VL) {
                    const int64_t n = VL;
                    const VEC e = NAME(exp_nonpositive)(NAME(load)(p_row + i, n, 0) - NAME(load)(shift + i, n, 0));
                    NAME(store)(p_row + i, n, e);
                    NAME(store)(g_row + i, n, scale * e * (NAME(load)(g_row + i, n, 0) - NAME(load)(grad_dot_out + i, n, 0)));
                }
            }
            if (grad_v.x != NULL) {
                NAME(tiles)(keys, d, queries, NAME(keys_left)(p),
                            NAME(rows_right)(grad, first, queries, d, right_panels), add,
                            grad_v.x + key * grad_v.row, grad_v.row);
            }
            if (grad_k.x != NULL) {
                NAME(tiles)(keys, d, queries, NAME(keys_left)(g),
                            NAME(rows_right)(q, first, queries, d, right_panels), add,
                            grad_k.x + key * grad_k.row, grad_k.row);
            }
            if (grad_q.x != NULL) {
                NAME(tiles)(queries, d, keys, NAME(queries_left)(g),
                            NAME(rows_right)(k, key, keys, d, right_panels), add,
                            grad_q.x + first * grad_q.row, grad_q.row);
            }
        }
    }
}

static void NAME(attention_grad_chunk)(void* args, int64_t chunk) {
    const adj_attention_grad_args* a = args;
    const TYPE(division) t = NAME(division_of)(a);
    REAL* scratch = (REAL*)a->scratch + chunk * NAME(attention_grad_scratch_of)(a->d).all;
    for (int64_t i = chunk * t.items / t.chunks; i < (chunk + 1) * t.items / t.chunks; i++) {
        NAME(attention_grad_part)(a, i / t.parts, i % t.parts, scratch);
    }
}

/* grad_q of QUERIES rows of a head, from the sums of all parts in their order. */
static void NAME(join_grad_q)(void* args, int64_t chunk) {
    const adj_attention_grad_args* a = args;
    const int64_t parts = NAME(division_of)(a).parts;
    const int64_t blocks = adj_ceil_div(a->tq, QUERIES);
    const int64_t index = chunk / blocks;
    const adj_range rows = adj_chunk(a->tq, QUERIES, chunk % blocks);
    const TYPE(head) grad_q = NAME(head_of)(a->grad_q, a->grad_q_strides, a->heads, index);
    NAME(clear)(grad_q, rows.begin, rows.end, a->d);
    for (int64_t part = 0; part < parts; part++) {
        const TYPE(head) sums = NAME(grad_q_of)(a, index, part);
        for (int64_t i = rows.begin; i < rows.end; i++) {
            ADJ_INDEPENDENT
            for (int64_t c = 0; c < a->d; c++) {
                grad_q.x[i * grad_q.row + c] += sums.x[i * sums.row + c];
            }
        }
    }
}

ADJ_EXPORT int64_t NAME(adj_attention_grad_scratch_bytes)(const adj_attention_grad_args* args);
int64_t NAME(adj_attention_grad_scratch_bytes)(const adj_attention_grad_args* args) {
    const TYPE(division) t = NAME(division_of)(args);
    const int64_t sums = t.parts > 1 ? t.parts * t.elements : 0;
    return (t.chunks * NAME(attention_grad_scratch_of)(args->d).all + sums) * (int64_t)sizeof(REAL);
}

ADJ_EXPORT adj_kernel NAME(adj_attention_grad);
int32_t NAME(adj_attention_grad)(const void* args) {
    adj_attention_grad_args a = *(const adj_attention_grad_args*)args;
    const TYPE(division) t = NAME(division_of)(&a);
    adj_parallel_for(t.chunks, NAME(attention_grad_chunk), &a);
    if (a.grad_q != NULL && t.parts > 1) {
        adj_parallel_for(a.batch * a.heads * adj_ceil_div(a.tq, QUERIES), NAME(join_grad_q), &a);
    }
    return ADJ_OK;
}
