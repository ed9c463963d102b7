/*
 * Reductions. Elements are accumulated in LANES interleaved chains, or column by column where
 * neighbours in memory belong to different results; long ones are cut into parts of a fixed size
 * whose results are combined in order. float sums accumulate in double.
 */
#include <stdbool.h>
#include <stdlib.h>

#include "common.h"

enum {
    MAX_DEPTH = 63,      /* each loop has at least two steps, the elements' count fits 64 bits */
    LANES = 32,          /* enough independent chains to hide an addition's latency */
    TILE = 128,          /* columns that are accumulated together: 1 KiB of accumulators */
    CHUNK = 32768,       /* elements */
    MAX_PARTIALS = 4096, /* results of parts, on the caller's stack */
    ENOUGH_GROUPS = 64,  /* more results than that need no parts to keep the threads busy */
};

/* Loops with their strides in x and in out, outermost first. */
typedef struct {
    int64_t depth;
    int64_t size[MAX_DEPTH];
    int64_t x[MAX_DEPTH];
    int64_t out[MAX_DEPTH];
    int64_t steps; /* of all loops together */
} loops;

static void append(loops* l, int64_t size, int64_t x, int64_t out) {
    l->size[l->depth] = size;
    l->x[l->depth] = x;
    l->out[l->depth] = out;
    l->depth++;
    l->steps *= size;
}

/* A place in a nest of loops, as offsets into x and out. */
typedef struct {
    const loops* loops;
    int64_t index[MAX_DEPTH];
    int64_t x;
    int64_t out;
} cursor;

static void start(cursor* c, const loops* l, int64_t step) {
    c->loops = l;
    c->x = 0;
    c->out = 0;
    for (int64_t d = l->depth - 1; d >= 0; d--) {
        c->index[d] = step % l->size[d];
        step /= l->size[d];
        c->x += c->index[d] * l->x[d];
        c->out += c->index[d] * l->out[d];
    }
}

/* Goes n steps along the innermost loop, which has as many left, and on to the next row. */
static void advance(cursor* c, int64_t n) {
    const loops* l = c->loops;
    for (int64_t d = l->depth - 1; d >= 0; d--, n = 1) {
        c->index[d] += n;
        c->x += n * l->x[d];
        c->out += n * l->out[d];
        if (c->index[d] < l->size[d]) {
            return;
        }
        c->x -= c->index[d] * l->x[d];
        c->out -= c->index[d] * l->out[d];
        c->index[d] = 0;
    }
}

/* How many of `left` steps the innermost loop has before it. */
static int64_t run_length(const cursor* c, int64_t left) {
    const int64_t last = c->loops->depth - 1;
    return adj_min(left, c->loops->size[last] - c->index[last]);
}

typedef struct {
    const void* x;
    void* out;
    loops kept;
    loops reduced;
    /*
     * Whether the kept loops' innermost one, of `columns` steps, is walked by the vectors; if not,
     * the reduced loops' innermost one is, and each result is a group by itself.
     */
    bool across;
    int64_t columns;
    int64_t column_groups; /* groups in which those columns are accumulated */
    int64_t groups;
    int64_t groups_per_chunk;
    int64_t parts; /* into which each group's reduced steps are cut */
    int64_t part_steps;
    void* partials; /* by part, then by result */
} reduction;

/* The index of the loop with the smallest stride in x. */
static int64_t densest(const loops* l) {
    int64_t best = 0;
    for (int64_t d = 1; d < l->depth; d++) {
        if (llabs(l->x[d]) <= llabs(l->x[best])) {
            best = d;
        }
    }
    return best;
}

static void make_innermost(loops* l, int64_t loop) {
    const int64_t size = l->size[loop];
    const int64_t x = l->x[loop];
    const int64_t out = l->out[loop];
    for (int64_t d = loop; d < l->depth - 1; d++) {
        l->size[d] = l->size[d + 1];
        l->x[d] = l->x[d + 1];
        l->out[d] = l->out[d + 1];
    }
    l->size[l->depth - 1] = size;
    l->x[l->depth - 1] = x;
    l->out[l->depth - 1] = out;
}

static void plan(reduction* r, const adj_reduce_args* a) {
    *r = (reduction){.x = a->x, .out = a->out, .kept.steps = 1, .reduced.steps = 1, .parts = 1};
    for (int64_t d = 0; d < a->depth; d++) {
        const int64_t out = a->dims[2 * a->depth + d];
        append(out == 0 ? &r->reduced : &r->kept, a->dims[d], a->dims[a->depth + d], out);
    }
    if (r->kept.depth == 0) {
        append(&r->kept, 1, 0, 0);
    }
    if (r->reduced.depth == 0) {
        append(&r->reduced, 1, 0, 0);
    }
    const int64_t column = densest(&r->kept);
    const int64_t run = densest(&r->reduced);
    r->across = r->kept.steps > 1 && (r->reduced.steps == 1 || llabs(r->kept.x[column]) <
                                                                   llabs(r->reduced.x[run]));
    if (r->across) {
        make_innermost(&r->kept, column);
    } else {
        make_innermost(&r->reduced, run);
    }
    r->columns = r->across ? r->kept.size[r->kept.depth - 1] : 1;
    r->column_groups = adj_ceil_div(r->columns, TILE);
    r->groups = r->kept.steps == 0 ? 0 : r->kept.steps / r->columns * r->column_groups;
    const int64_t group_elements = adj_max(1, adj_min(r->columns, TILE) * r->reduced.steps);
    r->groups_per_chunk = adj_max(1, CHUNK / group_elements);
    if (r->groups < ENOUGH_GROUPS && r->kept.steps > 0) {
        r->parts = adj_max(1, adj_min(group_elements / CHUNK, MAX_PARTIALS / r->kept.steps));
    }
    r->part_steps = adj_ceil_div(r->reduced.steps, r->parts);
}

/* The results of one group: consecutive steps of the kept loops. */
static adj_range group_results(const reduction* r, int64_t group) {
    const int64_t column = group % r->column_groups * TILE;
    const int64_t first = group / r->column_groups * r->columns + column;
    return (adj_range){first, first + adj_min(TILE, r->columns - column)};
}

static void run_reduction(reduction* r, adj_body* chunk, adj_body* combine) {
    adj_for_chunks(r->groups * r->parts, r->groups_per_chunk, chunk, r);
    if (r->parts > 1) {
        combine(r, 0);
    }
}

/*
 * T is the elements' type, A the accumulators'. `expression` adds x, an element or another
 * accumulator, to a; `result` makes a result of a, accumulated from n elements.
 */
#define ACCUMULATE(name, T, A, initial, expression)                                             \
    ADJ_INLINE A name##_add(A a, A x) {                                                         \
        return expression;                                                                      \
    }                                                                                           \
    ADJ_INLINE void name##_add_run(const T* x, int64_t step, int64_t n, A* lanes) {             \
        A local[LANES];                                                                         \
        memcpy(local, lanes, sizeof local);                                                     \
        int64_t i = 0;                                                                          \
        for (; i + LANES <= n; i += LANES) {                                                    \
            for (int lane = 0; lane < LANES; lane++) {                                          \
                local[lane] = name##_add(local[lane], (A)x[(i + lane) * step]);                 \
            }                                                                                   \
        }                                                                                       \
        for (int lane = 0; i < n; i++, lane++) {                                                \
            local[lane] = name##_add(local[lane], (A)x[i * step]);                              \
        }                                                                                       \
        memcpy(lanes, local, sizeof local);                                                     \
    }                                                                                           \
    ADJ_INLINE void name##_add_columns(const T* x, int64_t step, int64_t n, A* sums) {          \
        ADJ_INDEPENDENT                                                                         \
        for (int64_t i = 0; i < n; i++) {                                                       \
            sums[i] = name##_add(sums[i], (A)x[i * step]);                                      \
        }                                                                                       \
    }                                                                                           \
    static A name##_fold(A* lanes) {                                                            \
        for (int width = LANES / 2; width > 0; width /= 2) {                                    \
            for (int lane = 0; lane < width; lane++) {                                          \
                lanes[lane] = name##_add(lanes[lane], lanes[lane + width]);                     \
            }                                                                                   \
        }                                                                                       \
        return lanes[0];                                                                        \
    }                                                                                           \
    static void name##_clear(A* sums, int64_t n) {                                              \
        for (int64_t i = 0; i < n; i++) {                                                       \
            sums[i] = (initial);                                                                \
        }                                                                                       \
    }                                                                                           \
    /* Steps [begin, end) of a row of x into one result. */                                     \
    static A name##_along(const T* x, const loops* row, int64_t begin, int64_t end) {           \
        A lanes[LANES];                                                                         \
        name##_clear(lanes, LANES);                                                             \
        const int64_t step = row->x[row->depth - 1];                                            \
        cursor c;                                                                               \
        start(&c, row, begin);                                                                  \
        for (int64_t left = end - begin; left > 0;) {                                           \
            const int64_t n = run_length(&c, left);                                             \
            if (step == 1) {                                                                    \
                name##_add_run(x + c.x, 1, n, lanes);                                           \
            } else {                                                                            \
                name##_add_run(x + c.x, step, n, lanes);                                        \
            }                                                                                   \
            left -= n;                                                                          \
            advance(&c, n);                                                                     \
        }                                                                                       \
        return name##_fold(lanes);                                                              \
    }                                                                                           \
    /* Steps [begin, end) of n neighbouring columns, `step` apart, into n results. */           \
    static void name##_across(const T* x, const loops* rows, int64_t begin, int64_t end,        \
                              int64_t step, int64_t n, A* sums) {                               \
        name##_clear(sums, n);                                                                  \
        cursor c;                                                                               \
        start(&c, rows, begin);                                                                 \
        for (int64_t left = end - begin; left > 0; left--) {                                    \
            if (step == 1) {                                                                    \
                name##_add_columns(x + c.x, 1, n, sums);                                        \
            } else {                                                                            \
                name##_add_columns(x + c.x, step, n, sums);                                     \
            }                                                                                   \
            advance(&c, 1);                                                                     \
        }                                                                                       \
    }

#define REDUCE(name, T, A, accumulate, result)                                                    \
    static void name##_write(const reduction* r, int64_t first, const A* sums, int64_t count) {   \
        cursor c;                                                                                 \
        start(&c, &r->kept, first);                                                               \
        const A n = (A)r->reduced.steps;                                                          \
        (void)n;                                                                                  \
        for (int64_t i = 0; i < count; i++) {                                                     \
            const A a = sums[i];                                                                  \
            ((T*)r->out)[c.out] = (T)(result);                                                    \
            advance(&c, 1);                                                                       \
        }                                                                                         \
    }                                                                                             \
    static void name##_chunk(void* ctx, int64_t chunk) {                                          \
        const reduction* r = ctx;                                                                 \
        const adj_range units = adj_chunk(r->groups * r->parts, r->groups_per_chunk, chunk);      \
        for (int64_t unit = units.begin; unit < units.end; unit++) {                              \
            const adj_range results = group_results(r, unit % r->groups);                         \
            const int64_t count = results.end - results.begin;                                    \
            const int64_t begin = unit / r->groups * r->part_steps;                               \
            const int64_t end = adj_min(begin + r->part_steps, r->reduced.steps);                 \
            cursor c;                                                                             \
            start(&c, &r->kept, results.begin);                                                   \
            const T* x = (const T*)r->x + c.x;                                                    \
            A sums[TILE];                                                                         \
            if (r->across) {                                                                      \
                accumulate##_across(x, &r->reduced, begin, end, r->kept.x[r->kept.depth - 1],     \
                                    count, sums);                                                 \
            } else {                                                                              \
                sums[0] = accumulate##_along(x, &r->reduced, begin, end);                         \
            }                                                                                     \
            if (r->parts == 1) {                                                                  \
                name##_write(r, results.begin, sums, count);                                      \
            } else {                                                                              \
                A* partials = (A*)r->partials + unit / r->groups * r->kept.steps + results.begin; \
                memcpy(partials, sums, (size_t)count * sizeof(A));                                \
            }                                                                                     \
        }                                                                                         \
    }                                                                                             \
    ADJ_EXPORT int32_t adj_reduce_##name(const void* args) {                                      \
        A partials[MAX_PARTIALS];                                                                 \
        reduction r;                                                                              \
        plan(&r, args);                                                                           \
        r.partials = partials;                                                                    \
        adj_for_chunks(r.groups * r.parts, r.groups_per_chunk, name##_chunk, &r);                 \
        if (r.parts > 1) {                                                                        \
            for (int64_t part = 1; part < r.parts; part++) {                                      \
                accumulate##_add_columns(partials + part * r.kept.steps, 1, r.kept.steps,         \
                                         partials);                                               \
            }                                                                                     \
            name##_write(&r, 0, partials, r.kept.steps);                                          \
        }                                                                                         \
        return ADJ_OK;                                                                            \
    }
