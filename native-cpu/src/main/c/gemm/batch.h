/* Products and batches of products (a template, see vector.h). */
#include "activate.h"
#include "micro.h"
#include "pack.h"
#include "product.h"

#if !NARROW
#    include "dots.h"
#    include "gemv.h"
#endif

static bool NAME(is_gemv)(const TYPE(product)* t) {
    return !NARROW && (t->m == 1 || t->n == 1);
}

#if !NARROW
static bool NAME(is_dots)(const TYPE(product)* t) {
    return t->m <= FEW_ROWS && t->a_col == 1 && t->b_row == 1 && t->k >= LONG_DOT;
}
#endif

static int64_t NAME(scratch_elements)(const TYPE(product)* t, const TYPE(plan)* plan) {
    const int64_t elements = NAME(is_gemv)(t) ? t->k : plan->shared_elements;
    return adj_ceil_div(elements, NR) * NR;
}

#if !NARROW
static void NAME(gemv)(const TYPE(product)* t, REAL* scratch, bool parallel) {
    const bool row = t->n > 1;
    const REAL* x = row ? t->a : t->b;
    const int64_t x_step = row ? t->a_col : t->b_row;
    if (x_step != 1) {
        NAME(pack)(scratch, 1, x, 1, t->k, 0, x_step);
        x = scratch;
    }
    TYPE(vector_product) v = {
        .x = x,
        .lines = row ? t->b : t->a,
        .sums = t->sums,
        .out = t->out,
        .activate = t->activate,
        .e = {t->alpha, t->beta, t->bias},
        .n = row ? t->n : t->m,
        .k = t->k,
        .line = row ? t->b_col : t->a_row,
        .step = row ? t->b_row : t->a_col,
        .out_step = row ? 1 : t->out_row,
        .bias_step = row ? 1 : 0,
    };
    v.chunk_lines =
        adj_ceil_div(adj_ceil_div(MIN_CHUNK_WORK / 2, adj_max(t->k, 1)), STRIPE * VL) * STRIPE * VL;
    for_chunks(parallel, adj_ceil_div(v.n, v.chunk_lines), NAME(gemv_chunk), &v);
}
#endif

typedef struct {
    const adj_gemm_args* args;
    TYPE(product) first;
    TYPE(plan) plan;
    int64_t count;
    int64_t groups;
    int64_t scratch_elements; /* of one product */
} TYPE(batch);

static TYPE(batch) NAME(batch_of)(const adj_gemm_args* g, TYPE(activation)* activate) {
    TYPE(batch) batch = {
        .args = g,
        .first = {.a = g->a,
                  .b = g->b,
                  .sums = g->before != NULL ? g->before : g->out,
                  .out = g->out,
                  .activate = activate,
                  .bias = g->bias,
                  .m = g->m,
                  .n = g->n,
                  .k = g->k,
                  .a_row = g->a_row,
                  .a_col = g->a_col,
                  .b_row = g->b_row,
                  .b_col = g->b_col,
                  .out_row = g->out_row,
                  .alpha = (REAL)g->alpha,
                  .beta = (REAL)g->beta},
        .count = 1,
    };
    for (int64_t d = 0; d < g->depth; d++) {
        batch.count *= g->dims[d];
    }
    /* One B for all, and A and out dense across the batch: a single tall product. */
    if (g->depth == 1 && g->dims[2] == 0 && g->dims[1] == g->m * g->a_row &&
        g->dims[3] == g->m * g->out_row) {
        batch.first.m *= batch.count;
        batch.count = 1;
    }
    batch.plan = NAME(plan_of)(&batch.first);
    batch.scratch_elements = NAME(scratch_elements)(&batch.first, &batch.plan);
    const int64_t small = batch.count < GROUPS ? SMALL_WORK : SMALL_AMONG_MANY;
    batch.groups = adj_times(batch.first.m * g->n, g->k) < small ? adj_min(batch.count, GROUPS) : 1;
    return batch;
}

static void NAME(run_one)(const TYPE(batch)* t, int64_t index, REAL* scratch, bool parallel) {
    const int64_t depth = t->args->depth;
    const int64_t* sizes = t->args->dims;
    TYPE(product) p = t->first;
    for (int64_t d = depth - 1; d >= 0; d--) {
        const int64_t i = index % sizes[d];
        index /= sizes[d];
        p.a += i * sizes[depth + d];
        p.b += i * sizes[2 * depth + d];
        p.sums += i * sizes[3 * depth + d];
        p.out += i * sizes[3 * depth + d];
    }
#if !NARROW
    if (NAME(is_gemv)(&p)) {
        NAME(gemv)(&p, scratch, parallel);
        return;
    }
    if (NAME(is_dots)(&p)) {
        NAME(multiply_dots)(&p, parallel);
        return;
    }
#endif
    NAME(multiply)(&p, &t->plan, scratch, parallel && adj_times(p.m * p.n, p.k) >= 2 * MIN_CHUNK_WORK);
}

static void NAME(group_chunk)(void* batch, int64_t chunk) {
    const TYPE(batch)* t = batch;
    REAL* scratch = (REAL*)t->args->scratch + chunk * t->scratch_elements;
    for (int64_t i = chunk * t->count / t->groups; i < (chunk + 1) * t->count / t->groups; i++) {
        NAME(run_one)(t, i, scratch, false);
    }
}

ADJ_EXPORT int64_t NAME(adj_gemm_scratch_bytes)(const adj_gemm_args* args);
int64_t NAME(adj_gemm_scratch_bytes)(const adj_gemm_args* args) {
    const TYPE(batch) batch = NAME(batch_of)(args, NULL);
    return batch.groups * batch.scratch_elements * (int64_t)sizeof(REAL);
}

static int32_t NAME(run)(const adj_gemm_args* g, TYPE(activation)* activate) {
    TYPE(batch) batch = NAME(batch_of)(g, activate);
    if (batch.first.m == 0 || g->n == 0) {
        return ADJ_OK;
    }
    if (batch.groups > 1) {
        const bool parallel = adj_times(batch.count * g->m * g->n, g->k) >= 2 * MIN_CHUNK_WORK;
        for_chunks(parallel, batch.groups, NAME(group_chunk), &batch);
    } else {
        for (int64_t i = 0; i < batch.count; i++) {
            NAME(run_one)(&batch, i, g->scratch, true);
        }
    }
    return ADJ_OK;
}

ADJ_EXPORT adj_kernel NAME(adj_gemm);
int32_t NAME(adj_gemm)(const void* args) {
    return NAME(run)(args, NULL);
}

#define ADJ_ACTIVATION(name, forward, saved, gradient)       \
    ADJ_EXPORT adj_kernel NAME(adj_gemm_##name);        \
    int32_t NAME(adj_gemm_##name)(const void* args) {   \
        return NAME(run)(args, NAME(activate_##name)); \
    }
#include "elementwise.def"
