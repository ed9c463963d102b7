/*
 * Matrix products (a template, see vector.h), after Goto and van de Geijn 2008: A and B are packed
 * block by block into panels that all threads share, then tiles of `out` are dealt out. Each sum
 * runs along k in one fixed order, whoever computes it.
 */

/* One product, out = alpha · a × b + beta · out + bias. */
typedef struct {
    const REAL* a;
    const REAL* b;
    REAL* out;
    const REAL* bias;
    int64_t m, n, k;
    int64_t a_row, a_col, b_row, b_col, out_row;
    REAL alpha, beta;
} TYPE(product);

/* How products of one form are computed; depends on the form alone, never on the threads. */
typedef struct {
    bool a_in_place;
    bool b_in_place;           /* but an incomplete panel is packed in any case */
    int64_t rows, cols, depth; /* of a block */
    int64_t chunk_rows, chunk_cols;
    int64_t a_elements, b_elements; /* of the packed panels */
} TYPE(plan);

static TYPE(plan) NAME(plan_of)(const TYPE(product)* t) {
    TYPE(plan) plan = {.rows = adj_min(t->m, MAX_ROWS / MR * MR),
                       .cols = adj_min(t->n, MAX_COLS / NR * NR),
                       .depth = adj_ceil_div(t->k, adj_ceil_div(adj_max(t->k, 1), MAX_DEPTH))};
    plan.a_in_place =
        !NARROW && t->n <= A_REUSE * NR && (t->a_col == 1 || (t->a_row == 1 && t->a_col <= NEAR_STEP));
    plan.b_in_place = !NARROW && t->b_col == 1 && (t->m <= B_REUSE * MR || t->n * t->k <= SMALL_B);
    plan.a_elements = plan.a_in_place ? 0 : adj_ceil_div(plan.rows, MR) * MR * plan.depth;
    plan.b_elements =
        plan.b_in_place && t->n % NR == 0 ? 0 : adj_ceil_div(plan.cols, NR) * NR * plan.depth;
    /* Chunks for many threads, but none that is over before another thread has woken up. */
    plan.chunk_rows = adj_ceil_div(adj_min(t->m, CHUNK_ROWS), MR) * MR;
    plan.chunk_cols = adj_ceil_div(adj_min(t->n, CHUNK_COLS), NR) * NR;
    while (plan.chunk_rows * plan.chunk_cols * plan.depth > 2 * MIN_CHUNK_WORK &&
           adj_ceil_div(plan.rows, plan.chunk_rows) * adj_ceil_div(plan.cols, plan.chunk_cols) <
               32 &&
           (plan.chunk_rows > 4 * MR || plan.chunk_cols > 2 * NR)) {
        if (plan.chunk_rows > 4 * MR) {
            plan.chunk_rows = adj_ceil_div(plan.chunk_rows, 2 * MR) * MR;
        } else {
            plan.chunk_cols = adj_ceil_div(plan.chunk_cols, 2 * NR) * NR;
        }
    }
    return plan;
}

/* A block of a product, in work. */
typedef struct {
    TYPE(product) of;
    TYPE(plan) plan;
    REAL* b_panels;
    REAL* a_panels;
} TYPE(block);

static void NAME(pack_a_chunk)(void* block, int64_t chunk) {
    const TYPE(block)* t = block;
    const TYPE(product)* p = &t->of;
    const adj_range lines = adj_chunk(p->m, PACK_PANELS * MR, chunk);
    NAME(pack)(t->a_panels + lines.begin * p->k, MR, p->a + lines.begin * p->a_row,
               lines.end - lines.begin, p->k, p->a_row, p->a_col);
}

static void NAME(pack_b_chunk)(void* block, int64_t chunk) {
    const TYPE(block)* t = block;
    const TYPE(product)* p = &t->of;
    adj_range lines = adj_chunk(p->n, PACK_PANELS * NR, chunk);
    if (t->plan.b_in_place) {
        lines.begin = adj_max(lines.begin, lines.end / NR * NR);
    }
    NAME(pack)(t->b_panels + lines.begin * p->k, NR, p->b + lines.begin * p->b_col,
               lines.end - lines.begin, p->k, p->b_col, p->b_row);
}

/* Computes chunk_rows × chunk_cols of out. */
static void NAME(multiply_chunk)(void* block, int64_t chunk) {
    const TYPE(block)* t = block;
    const TYPE(product)* p = &t->of;
    const int64_t across = adj_ceil_div(p->n, t->plan.chunk_cols);
    const int64_t top = chunk / across * t->plan.chunk_rows;
    const int64_t left = chunk % across * t->plan.chunk_cols;
    const int64_t bottom = adj_min(p->m, top + t->plan.chunk_rows);
    const int64_t right = adj_min(p->n, left + t->plan.chunk_cols);
    const TYPE(factor) a =
        t->plan.a_in_place
            ? (TYPE(factor)){p->a + top * p->a_row, p->a_row, p->a_col, MR * p->a_row}
            : (TYPE(factor)){t->a_panels + top * p->k, 1, MR, MR * p->k};
    /* Columns of B that are read in place; the rest was packed. */
    const int64_t whole = t->plan.b_in_place ? (right - left) / NR * NR : 0;
    const TYPE(factor) b = {p->b + left, 1, p->b_row, NR};
    const TYPE(factor) b_rest = {t->b_panels + (left + whole) * p->k, 1, NR, NR * p->k};
    const TYPE(epilogue) e = {p->alpha, p->beta, p->bias == NULL ? NULL : p->bias + left};
    const TYPE(epilogue) e_rest = {e.alpha, e.beta, e.bias == NULL ? NULL : e.bias + whole};
    REAL* out = p->out + top * p->out_row + left;
    NAME(tiles)(bottom - top, whole, p->k, a, b, e, out, p->out_row);
    NAME(tiles)(bottom - top, right - left - whole, p->k, a, b_rest, e_rest, out + whole,
                p->out_row);
}

static void NAME(multiply)(const TYPE(product)* t, const TYPE(plan)* plan, REAL* scratch,
                           bool parallel) {
    TYPE(block) block = {
        .plan = *plan, .b_panels = scratch, .a_panels = scratch + plan->b_elements};
    for (int64_t j = 0; j < t->n; j += plan->cols) {
        int64_t p = 0;
        do { /* also for k = 0 */
            for (int64_t i = 0; i < t->m; i += plan->rows) {
                TYPE(product)* part = &block.of;
                *part = *t;
                part->m = adj_min(plan->rows, t->m - i);
                part->n = adj_min(plan->cols, t->n - j);
                part->k = adj_min(plan->depth, t->k - p);
                part->a += i * t->a_row + p * t->a_col;
                part->b += p * t->b_row + j * t->b_col;
                part->out += i * t->out_row + j;
                part->bias = t->bias == NULL || p > 0 ? NULL : t->bias + j;
                part->beta = p > 0 ? 1 : t->beta;
                if (i == 0 && plan->b_elements > 0) {
                    for_chunks(parallel, adj_ceil_div(part->n, PACK_PANELS * NR),
                               NAME(pack_b_chunk), &block);
                }
                if (!plan->a_in_place) {
                    for_chunks(parallel, adj_ceil_div(part->m, PACK_PANELS * MR),
                               NAME(pack_a_chunk), &block);
                }
                for_chunks(parallel,
                           adj_ceil_div(part->m, plan->chunk_rows) *
                               adj_ceil_div(part->n, plan->chunk_cols),
                           NAME(multiply_chunk), &block);
            }
            p += plan->depth;
        } while (p < t->k);
    }
}
