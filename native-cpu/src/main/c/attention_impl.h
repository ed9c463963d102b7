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

/*
 * A tile's scores, [keys, QUERIES], a strip of NR queries at a time: out = scale · left · rightᵀ.
 * `seen` is how many of the tile's keys its first query sees; each query after it sees one more.
 * Keys that none of a strip's queries sees are left out; where one query does not see a key that
 * another does, the score is `hidden`, and so for MR keys more, because a panel of the next product
 * may begin in one strip and end in the next. Returns the keys that have scores.
 */
static int64_t NAME(score_strip)(int64_t strip, int64_t queries, int64_t keys, int64_t d,
                                 int64_t seen, TYPE(factor) left, TYPE(factor) right, REAL scale,
                                 REAL hidden, REAL* scores) {
    const int64_t cols = adj_min(NR, queries - strip);
    const int64_t strip_keys = adj_max(0, adj_min(keys, seen + strip + cols - 1));
    right.x += strip / NR * right.panel;
    for (int64_t j = 0; j < strip_keys; j += MR) {
        NAME(tile)(adj_min(MR, strip_keys - j), cols, d, left, right,
                   (TYPE(epilogue)){scale, 0, NULL}, scores + j * QUERIES + strip, QUERIES);
        left.x += left.panel;
    }
    const int64_t rows = adj_min(keys, strip_keys + MR);
    for (int64_t j = adj_max(0, seen + strip); j < rows; j++) {
        REAL* row = scores + j * QUERIES + strip;
        for (int64_t q = 0; q < adj_min(cols, j + 1 - seen - strip); q++) {
            row[q] = hidden;
        }
    }
    return rows;
}

/*
 * out += (or =, as e says) left · right along the keys, left's rows being queries: row i needs no
 * keys but the first seen + i.
 */
static void NAME(along_keys)(int64_t queries, int64_t d, int64_t keys, int64_t seen,
                             TYPE(factor) left, TYPE(factor) right, TYPE(epilogue) e, REAL* out,
                             int64_t out_row) {
    for (int64_t c = 0; c < d; c += NR) {
        TYPE(factor) panel = left;
        for (int64_t i = 0; i < queries; i += MR) {
            const int64_t rows = adj_min(MR, queries - i);
            NAME(tile)(rows, adj_min(NR, d - c), adj_max(0, adj_min(keys, seen + i + rows - 1)),
                       panel, right, e, out + i * out_row + c, out_row);
            panel.x += left.panel;
        }
        right.x += right.panel;
    }
}

/* out += left · right along the queries, left's rows being keys: row j needs those from j + 1 -
 * seen on. */
static void NAME(along_queries)(int64_t keys, int64_t d, int64_t queries, int64_t seen,
                                TYPE(factor) left, TYPE(factor) right, REAL* out, int64_t out_row) {
    for (int64_t c = 0; c < d; c += NR) {
        TYPE(factor) panel = left;
        for (int64_t j = 0; j < keys; j += MR) {
            const int64_t first = adj_max(0, j + 1 - seen);
            if (first >= queries) {
                break;
            }
            TYPE(factor) a = panel;
            TYPE(factor) b = right;
            a.x += first * a.step;
            b.x += first * b.step;
            NAME(tile)(adj_min(MR, keys - j), adj_min(NR, d - c), queries - first, a, b,
                       (TYPE(epilogue)){1, 1, NULL}, out + j * out_row + c, out_row);
            panel.x += left.panel;
        }
        right.x += right.panel;
    }
}

/* Elements of one packed operand: rows × d, either way round. */
static int64_t NAME(panel_elements)(int64_t rows, int64_t d) {
    const int64_t along_d = adj_ceil_div(rows, NR) * NR * d;
    const int64_t along_rows = adj_ceil_div(d, NR) * NR * rows;
    return adj_ceil_div(adj_max(along_d, along_rows), NR) * NR;
}

/* ---- forward ---- */

/* What to subtract before exp: without any visible score, exp(-∞ - 0) is 0, exp(-∞ + ∞) is not. */
ADJ_INLINE VEC NAME(finite_shift)(VEC most) {
    const TYPE(bits) nothing = most == -(REAL)__builtin_inf();
    return (VEC)(~nothing & (TYPE(bits))most);
}

/* The softmax of a tile's columns, continued from the tiles before it. */
typedef struct {
    REAL most[QUERIES]; /* largest score so far */
    REAL sum[QUERIES];  /* Σ exp(score - most) */
} TYPE(running);

/*
 * Turns the scores of a strip into exp(score - most); old_scale is what earlier sums must be
 * multiplied by.
 */
static void NAME(advance)(TYPE(running)* t, int64_t strip, int64_t keys, REAL* scores,
                          REAL old_scale[QUERIES]) {
    REAL* column = scores + strip;
    VEC most[NV];
    VEC shift[NV];
    VEC sum[NV] = {};
    for (int v = 0; v < NV; v++) {
        most[v] = NAME(load)(t->most + strip + v * VL, VL, 0);
    }
    for (int64_t j = 0; j < keys; j++) {
#pragma GCC unroll 2
        for (int v = 0; v < NV; v++) {
            most[v] = VEC_MAX(NAME(load)(column + j * QUERIES + v * VL, VL, 0), most[v]);
        }
    }
    for (int v = 0; v < NV; v++) {
        const int64_t at = strip + v * VL;
        shift[v] = NAME(finite_shift)(most[v]);
        const VEC scale = NAME(exp_nonpositive)(NAME(load)(t->most + at, VL, 0) - shift[v]);
        NAME(store)(old_scale + at, VL, scale);
        NAME(store)(t->most + at, VL, most[v]);
    }
    for (int64_t j = 0; j < keys; j++) {
#pragma GCC unroll 2
        for (int v = 0; v < NV; v++) {
            REAL* at = column + j * QUERIES + v * VL;
            const VEC e = NAME(exp_nonpositive)(NAME(load)(at, VL, 0) - shift[v]);
            NAME(store)(at, VL, e);
            sum[v] += e;
        }
    }
    for (int v = 0; v < NV; v++) {
        const int64_t at = strip + v * VL;
        const VEC before = NAME(load)(t->sum + at, VL, 0) * NAME(load)(old_scale + at, VL, 0);
        NAME(store)(t->sum + at, VL, before + sum[v]);
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
    const int64_t queries = adj_min(QUERIES, a->tq - first);
    const int64_t visible = visible_keys(a->causal, a->tq, a->tk, first, queries);

    TYPE(running) run;
    for (int64_t i = 0; i < QUERIES; i++) {
        run.most[i] = -(REAL)__builtin_inf();
        run.sum[i] = 0;
    }
    const TYPE(factor) q_factor = NAME(rows_right_turned)(q, first, queries, d, q_panels);
    for (int64_t key = 0; key < visible; key += KEYS) {
        const int64_t keys = adj_min(KEYS, visible - key);
        const int64_t seen = keys_seen(a->causal, a->tq, a->tk, first, key);
        REAL old_scale[QUERIES];
        for (int64_t strip = 0; strip < queries; strip += NR) {
            const int64_t rows =
                NAME(score_strip)(strip, queries, keys, d, seen, NAME(rows_left)(k, key), q_factor,
                                  (REAL)a->scale, -(REAL)__builtin_inf(), scores);
            NAME(advance)(&run, strip, rows, scores, old_scale);
        }
        for (int64_t i = 0; key > 0 && i < queries; i++) {
            ADJ_INDEPENDENT
            for (int64_t c = 0; c < d; c++) {
                sums[i * d + c] *= old_scale[i];
            }
        }
        NAME(along_keys)(queries, d, keys, seen, NAME(queries_left)(scores),
                         NAME(rows_right)(v, key, keys, d, v_panels),
                         (TYPE(epilogue)){1, key > 0 ? 1 : 0, NULL}, sums, d);
    }
    REAL* log_sum_exp = (REAL*)a->log_sum_exp + index * a->tq + first;
    for (int64_t i = 0; i < queries; i++) {
        REAL* row = out.x + (first + i) * out.row;
        if (visible_keys(a->causal, a->tq, a->tk, first + i, 1) == 0) {
            log_sum_exp[i] = -(REAL)__builtin_inf();
            memset(row, 0, (size_t)d * sizeof(REAL));
            continue;
        }
        /* Scores that are all -∞ have no softmax. */
        const REAL sum = run.sum[i] == 0 ? (REAL)__builtin_nan("") : run.sum[i];
        log_sum_exp[i] = run.most[i] + adj_log(sum);
        const REAL scale = 1 / sum;
        ADJ_INDEPENDENT
        for (int64_t c = 0; c < d; c++) {
            row[c] = sums[i * d + c] * scale;
        }
    }
}

static int64_t NAME(attention_items)(const adj_attention_args* a) {
    return a->batch * a->heads * adj_ceil_div(a->tq, QUERIES);
}

static int64_t NAME(attention_chunks)(const adj_attention_args* a) {
    return chunk_count(NAME(attention_items)(a),
                       adj_times(2 * a->batch * a->heads * a->tq * a->d, a->tk));
}

static void NAME(attention_chunk)(void* args, int64_t chunk) {
    const adj_attention_args* a = args;
    const int64_t items = NAME(attention_items)(a);
    const int64_t chunks = NAME(attention_chunks)(a);
    const int64_t blocks = adj_ceil_div(a->tq, QUERIES);
    REAL* scratch = (REAL*)a->scratch + chunk * NAME(attention_scratch_of)(a->d).all;
    for (int64_t i = chunk * items / chunks; i < (chunk + 1) * items / chunks; i++) {
        NAME(attention_block)(a, i / blocks, i % blocks * QUERIES, scratch);
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
    t.chunks = chunk_count(t.items, adj_times(5 * heads * a->tq * a->d, a->tk));
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

/* Turns a strip of scores into probabilities p, and of v gradᵀ into the gradients g of q kᵀ. */
static void NAME(weigh)(int64_t strip, int64_t keys, const REAL shift[QUERIES],
                        const REAL grad_dot_out[QUERIES], REAL scale, REAL* p, REAL* g) {
    for (int64_t j = 0; j < keys; j++) {
#pragma GCC unroll 2
        for (int v = 0; v < NV; v++) {
            const int64_t q = strip + v * VL;
            REAL* p_at = p + j * QUERIES + q;
            REAL* g_at = g + j * QUERIES + q;
            const VEC e =
                NAME(exp_nonpositive)(NAME(load)(p_at, VL, 0) - NAME(load)(shift + q, VL, 0));
            NAME(store)(p_at, VL, e);
            NAME(store)(
                g_at, VL,
                scale * e * (NAME(load)(g_at, VL, 0) - NAME(load)(grad_dot_out + q, VL, 0)));
        }
    }
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

    const int64_t parts = NAME(division_of)(a).parts;
    const int64_t tiles = adj_ceil_div(a->tk, KEYS);
    const int64_t key_begin = part * tiles / parts * KEYS;
    const int64_t key_end = adj_min(a->tk, (part + 1) * tiles / parts * KEYS);

    NAME(clear)(grad_q, 0, a->tq, d);
    NAME(clear)(grad_k, key_begin, key_end, d);
    NAME(clear)(grad_v, key_begin, key_end, d);
    for (int64_t first = 0; first < a->tq; first += QUERIES) {
        const int64_t queries = adj_min(QUERIES, a->tq - first);
        const int64_t visible =
            adj_min(key_end, visible_keys(a->causal, a->tq, a->tk, first, queries));
        if (visible <= key_begin) {
            continue;
        }
        REAL shift[QUERIES] = {};
        REAL grad_dot_out[QUERIES] = {};
        for (int64_t i = 0; i < queries; i++) {
            const REAL log_sum_exp = ((const REAL*)a->log_sum_exp)[index * a->tq + first + i];
            const REAL* grad_row = grad.x + (first + i) * grad.row;
            const REAL* out_row = out.x + (first + i) * out.row;
            shift[i] = log_sum_exp == -(REAL)__builtin_inf() ? 0 : log_sum_exp; /* see advance */
            f64 dot[1] = {};
            ADD_UP(1, LANES, dot, d, c, n, sums, {
                sums[0] =
                    VEC_FMA(NAME(load)(grad_row + c, n, 0), NAME(load)(out_row + c, n, 0), sums[0]);
            });
            grad_dot_out[i] = (REAL)dot[0];
        }
        const TYPE(factor) q_factor = NAME(rows_right_turned)(q, first, queries, d, q_panels);
        const TYPE(factor) grad_factor =
            NAME(rows_right_turned)(grad, first, queries, d, grad_panels);
        for (int64_t key = key_begin; key < visible; key += KEYS) {
            const int64_t keys = adj_min(KEYS, visible - key);
            const int64_t seen = keys_seen(a->causal, a->tq, a->tk, first, key);
            for (int64_t strip = 0; strip < queries; strip += NR) {
                const int64_t rows =
                    NAME(score_strip)(strip, queries, keys, d, seen, NAME(rows_left)(k, key),
                                      q_factor, scale, -(REAL)__builtin_inf(), p);
                NAME(score_strip)(strip, queries, keys, d, seen, NAME(rows_left)(v, key),
                                  grad_factor, 1, 0, g);
                NAME(weigh)(strip, rows, shift, grad_dot_out, scale, p, g);
            }
            if (grad_v.x != NULL) {
                NAME(along_queries)(keys, d, queries, seen, NAME(keys_left)(p),
                                    NAME(rows_right)(grad, first, queries, d, right_panels),
                                    grad_v.x + key * grad_v.row, grad_v.row);
            }
            if (grad_k.x != NULL) {
                NAME(along_queries)(keys, d, queries, seen, NAME(keys_left)(g),
                                    NAME(rows_right)(q, first, queries, d, right_panels),
                                    grad_k.x + key * grad_k.row, grad_k.row);
            }
            if (grad_q.x != NULL) {
                NAME(along_keys)(queries, d, keys, seen, NAME(queries_left)(g),
                                 NAME(rows_right)(k, key, keys, d, right_panels),
                                 (TYPE(epilogue)){1, 1, NULL}, grad_q.x + first * grad_q.row,
                                 grad_q.row);
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
