/*
 * Matrix products (a template, see vector.h), after Goto and van de Geijn 2008: panels of both
 * factors, tiles of `out`. The smaller factor is packed first and shared by all threads; chunks are
 * strips of the larger one, packed by whoever computes them: right before the use, or, if they are
 * dense rows of B, by the tiles that use them first. Each sum runs along k in one fixed order,
 * whoever computes it.
 */

#ifndef ADJ_STRIP
#    define ADJ_STRIP
/* A strip's panels, of up to 2 · MAX_STEP. Not on the stack: that of a Java thread may be small. */
static _Thread_local _Alignas(64) char strip_block[2 * STRIP_PANELS * NV * VEC_BYTES * MAX_STEP];
#endif

/* One product: sums = alpha · a × b + beta · sums + bias; out = activate(sums). */
typedef struct {
    const FACTOR* a;
    const FACTOR* b;
    REAL* sums;
    REAL* out;                  /* laid out as sums, or the same */
    TYPE(activation)* activate; /* NULL: sums is out */
    const REAL* bias;
    int64_t m, n, k;
    int64_t a_row, a_col, b_row, b_col, out_row;
    REAL alpha, beta;
} TYPE(product);

/*
 * How products of one shape are computed. The widths of strips may depend on the number of threads:
 * results do not, since each element is summed along k in the same order.
 */
typedef struct {
    bool tall;                 /* strips are rows of A, B is shared; else columns of B, and A */
    bool a_in_place;           /* A is read without packing */
    bool b_in_place;           /* B too, but for an incomplete last panel, which is packed */
    bool b_as_read;            /* the first tile to read a panel of B packs it for the others */
    int64_t rows, cols, depth; /* of a block: what shares one buffer of packed panels */
    int64_t step;              /* values of k in a packed panel */
    int64_t strip, chunk;      /* rows or columns in a strip; in a thread's piece of work */
    int64_t shared_elements;   /* of the buffer of shared panels */
} TYPE(plan);

static TYPE(plan) NAME(plan_of)(const TYPE(product)* t) {
    const bool dense_rows = !NARROW && t->b_col == 1;
    /* Packing strips of such an A reads few elements of each cache line; sharing A reads all. */
    const int64_t tall = t->a_row == 1 && dense_rows ? TALL_TRANSPOSED : 1;
    TYPE(plan) plan = {.tall = t->m > tall * t->n, .rows = t->m, .cols = t->n};
    plan.step = adj_max(1, even_parts(t->k, PAIRS ? 2 * MAX_STEP : MAX_STEP, 1));
    const int64_t step_bytes = (plan.tall ? t->n : t->m) * plan.step * (int64_t)sizeof(REAL);
    const int64_t near_steps = adj_max(LEAST_STEPS, NEAR_BYTES / adj_max(step_bytes, 1));
    plan.depth = even_parts(t->k, plan.step * adj_min(near_steps, BLOCK_STEPS), plan.step);
    plan.a_in_place = !NARROW && t->n <= A_REUSE * NR &&
                      (t->a_col == 1 ||
                       (t->a_row == 1 && t->a_col <= NEAR_STEP && plan.step <= NEAR_STEP));
    plan.b_in_place = dense_rows &&
                      (t->m <= B_REUSE * MR || t->n * t->k <= SMALL_B) &&
                      (!plan.tall || t->n % NR == 0);
    plan.b_as_read = dense_rows && !plan.b_in_place && !plan.tall;
    const int64_t most = SHARED_BYTES / (int64_t)sizeof(REAL) / adj_max(plan.depth, 1);
    if (plan.tall && !plan.b_in_place) {
        plan.cols = even_parts(t->n, most / NR * NR, NR);
        plan.shared_elements = plan.cols * plan.depth;
    } else if (!plan.tall && !plan.a_in_place) {
        plan.rows = even_parts(t->m, most / MR * MR, MR);
        plan.shared_elements = plan.rows * plan.depth;
    }
    /* Wide strips use packed panels more often, many strips keep all threads busy. */
    const int64_t width = plan.tall ? MR : NR;
    const int64_t panels = adj_ceil_div(plan.tall ? t->m : t->n, width);
    const int64_t across = plan.tall ? plan.cols : plan.rows;
    const int64_t panel_work = adj_times(width * across, adj_max(t->k, 1));
    const int64_t worthwhile = adj_min(panels / FEW_STRIPS, STRIP_WORK / adj_max(panel_work, 1));
    int64_t strips = MANY_STRIPS;
#ifdef KEPT_BYTES
    if (across * plan.depth * (int64_t)sizeof(REAL) > KEPT_BYTES) {
        strips = adj_max(FAR_STRIPS, STRIPS_PER_THREAD * adj_pool_threads());
    }
#endif
    plan.strip = adj_max(panels / strips, plan.tall ? TALL_PANELS : worthwhile);
    plan.strip = width * adj_max(1, adj_min(plan.strip, STRIP_PANELS * NR / width));
    /* A chunk takes longer than waking another thread. */
    plan.chunk = plan.strip * adj_ceil_div(MIN_CHUNK_WORK * width, adj_max(1, adj_times(panel_work, plan.strip)));
    return plan;
}

/* A block of a product, in work. */
typedef struct {
    TYPE(product) of;
    TYPE(plan) plan;
    REAL* shared; /* step by step along k, the panels of the factor that is shared */
} TYPE(block);

/*
 * Where the shared panels of rows (or columns) from `line` on, for the k values from p on, are in
 * the buffer. It holds one step of k after the other, each for all lines, rounded up to whole panels.
 */
static REAL* NAME(shared_panels)(const TYPE(block)* t, int64_t line, int64_t p, int64_t k) {
    const int64_t lines = t->plan.tall ? adj_ceil_div(t->of.n, NR) * NR
                                       : adj_ceil_div(t->of.m, MR) * MR;
    return t->shared + lines * p + line * k;
}

static void NAME(pack_a_chunk)(void* block, int64_t chunk) {
    const TYPE(block)* t = block;
    const TYPE(product)* o = &t->of;
    const int64_t groups = adj_ceil_div(o->m, PACK_LINES / MR * MR);
    const adj_range lines = adj_chunk(o->m, PACK_LINES / MR * MR, chunk % groups);
    const adj_range along = adj_chunk(o->k, t->plan.step, chunk / groups);
    const int64_t k = along.end - along.begin;
    NAME(pack)(NAME(shared_panels)(t, lines.begin, along.begin, k), MR,
               o->a + lines.begin * o->a_row + along.begin * o->a_col, lines.end - lines.begin, k,
               o->a_row, o->a_col);
}

static void NAME(pack_b_chunk)(void* block, int64_t chunk) {
    const TYPE(block)* t = block;
    const TYPE(product)* o = &t->of;
    const int64_t groups = adj_ceil_div(o->n, PACK_LINES / NR * NR);
    const adj_range lines = adj_chunk(o->n, PACK_LINES / NR * NR, chunk % groups);
    const adj_range along = adj_chunk(o->k, t->plan.step, chunk / groups);
    const int64_t k = along.end - along.begin;
    NAME(pack)(NAME(shared_panels)(t, lines.begin, along.begin, k), NR,
               o->b + along.begin * o->b_row + lines.begin * o->b_col, lines.end - lines.begin, k,
               o->b_col, o->b_row);
}

/* Rows of A from `row` on, at [p, p + k). */
static TYPE(factor) NAME(left)(const TYPE(block)* t, adj_range rows, int64_t p, int64_t k,
                               REAL* strip) {
    const TYPE(product)* o = &t->of;
    const FACTOR* a = o->a + rows.begin * o->a_row + p * o->a_col;
    if (t->plan.a_in_place) {
        return (TYPE(factor)){(const REAL*)(const void*)a, o->a_row, o->a_col, MR * o->a_row};
    }
    REAL* panels = strip;
    if (t->plan.tall) {
        NAME(pack)(panels, MR, a, rows.end - rows.begin, k, o->a_row, o->a_col);
    } else {
        panels = NAME(shared_panels)(t, rows.begin, p, k);
    }
    return (TYPE(factor)){panels, 1, MR, MR * k};
}

/* Columns of B, likewise. */
static TYPE(factor) NAME(right)(const TYPE(block)* t, adj_range cols, int64_t p, int64_t k,
                                REAL* strip) {
    const TYPE(product)* o = &t->of;
    const FACTOR* b = o->b + cols.begin * o->b_col + p * o->b_row;
    if ((t->plan.b_in_place || t->plan.b_as_read) && (cols.end - cols.begin) % NR == 0) {
        return (TYPE(factor)){(const REAL*)(const void*)b, 1, o->b_row, NR};
    }
    REAL* panels = strip;
    if (t->plan.tall) {
        panels = NAME(shared_panels)(t, cols.begin, p, k);
    } else {
        NAME(pack)(panels, NR, b, cols.end - cols.begin, k, o->b_col, o->b_row);
    }
    return (TYPE(factor)){panels, 1, NR, NR * k};
}

/*
 * The memory that a strip will read for the values of k from p on, to be prefetched. Empty where
 * the micro-kernel prefetches it, or where the hardware prefetcher does: that needs long rows.
 */
static region NAME(to_read)(const TYPE(block)* t, adj_range strip, int64_t p) {
    const TYPE(product)* o = &t->of;
    const int64_t lines = strip.end - strip.begin;
    const int64_t k = adj_min(t->plan.step, o->k - p);
    const bool foreseen = t->plan.tall
                              ? t->plan.a_in_place && k * (int64_t)sizeof(REAL) > SHORT_RUN
                              : t->plan.b_in_place || t->plan.b_as_read;
    if (lines <= 0 || foreseen) {
        return (region){0};
    }
    const FACTOR* x = t->plan.tall ? o->a : o->b;
    const int64_t line = t->plan.tall ? o->a_row : o->b_col;
    const int64_t along = t->plan.tall ? o->a_col : o->b_row;
    const int64_t size = (int64_t)sizeof(FACTOR);
    const char* first = (const char*)(x + strip.begin * line + p * along);
    return line == 1 ? (region){first, k, lines * size, along * size, 0}
                     : (region){first, lines, k * size, line * size, 0};
}

static void NAME(multiply_chunk)(void* block, int64_t chunk) {
    const TYPE(block)* t = block;
    const TYPE(product)* o = &t->of;
    const TYPE(plan)* plan = &t->plan;
    REAL* packed = (REAL*)strip_block;
    const int64_t end = plan->tall ? o->m : o->n;
    const adj_range lines = adj_chunk(end, plan->chunk, chunk);
    for (int64_t i = lines.begin; i < lines.end; i += plan->strip) {
        const adj_range strip = {i, adj_min(lines.end, i + plan->strip)};
        const adj_range next = {strip.end, adj_min(end, strip.end + plan->strip)};
        const adj_range rows = plan->tall ? strip : (adj_range){0, o->m};
        const adj_range cols = plan->tall ? (adj_range){0, o->n} : strip;
        const int64_t first = rows.begin * o->out_row + cols.begin;
        TYPE(epilogue) e = {o->alpha, o->beta, o->bias == NULL ? NULL : o->bias + cols.begin};
        const bool as_read = plan->b_as_read && (cols.end - cols.begin) % NR == 0;
        int64_t p = 0;
        do { /* also for k = 0 */
            const int64_t k = adj_min(plan->step, o->k - p);
            const TYPE(factor) a = NAME(left)(t, rows, p, k, packed);
            const TYPE(factor) b = NAME(right)(t, cols, p, k, packed);
            const int64_t following = p + plan->step;
            NAME(tiles_of)(rows.end - rows.begin, cols.end - cols.begin, k, a, b,
                           as_read ? packed : NULL, e, o->sums + first, o->out_row,
                           following < o->k ? NAME(to_read)(t, strip, following)
                                            : NAME(to_read)(t, next, 0));
            e = (TYPE(epilogue)){o->alpha, 1, NULL};
            p = following;
        } while (p < o->k);
        NAME(activate)(o->activate, rows.end - rows.begin, cols.end - cols.begin, o->sums + first,
                       o->out + first, o->out_row);
    }
}

static void NAME(multiply_block)(TYPE(block)* block, bool parallel) {
    const TYPE(product)* o = &block->of;
    const TYPE(plan)* plan = &block->plan;
    const int64_t steps = adj_ceil_div(o->k, plan->step);
    if (plan->tall) {
        if (!plan->b_in_place) {
            for_chunks(parallel, steps * adj_ceil_div(o->n, PACK_LINES / NR * NR),
                       NAME(pack_b_chunk), block);
        }
    } else if (!plan->a_in_place) {
        for_chunks(parallel, steps * adj_ceil_div(o->m, PACK_LINES / MR * MR), NAME(pack_a_chunk),
                   block);
    }
    for_chunks(parallel, adj_ceil_div(plan->tall ? o->m : o->n, plan->chunk),
               NAME(multiply_chunk), block);
}

static void NAME(multiply)(const TYPE(product)* t, const TYPE(plan)* plan, REAL* scratch,
                           bool parallel) {
    TYPE(block) block = {.plan = *plan, .shared = scratch};
    for (int64_t j = 0; j < t->n; j += plan->cols) {
        for (int64_t i = 0; i < t->m; i += plan->rows) {
            int64_t p = 0;
            do {
                TYPE(product)* o = &block.of;
                *o = *t;
                o->m = adj_min(plan->rows, t->m - i);
                o->n = adj_min(plan->cols, t->n - j);
                o->k = adj_min(plan->depth, t->k - p);
                o->a += i * t->a_row + p * t->a_col;
                o->b += p * t->b_row + j * t->b_col;
                o->sums += i * t->out_row + j;
                o->out += i * t->out_row + j;
                o->activate = p + plan->depth < t->k ? NULL : t->activate;
                o->bias = t->bias == NULL || p > 0 ? NULL : t->bias + j;
                o->beta = p > 0 ? 1 : t->beta;
                NAME(multiply_block)(&block, parallel);
                p += plan->depth;
            } while (p < t->k);
        }
    }
}
