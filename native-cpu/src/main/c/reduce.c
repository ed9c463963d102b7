/*
 * Reductions. Elements are accumulated in LANES interleaved chains, or column by column where
 * neighbours in memory belong to different results. Long ones are cut into parts of a fixed size,
 * whose results are combined in order. Sums of floats accumulate in double.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

enum {
    MAX_DEPTH = 63,       /* each loop has at least two steps, the elements' count fits 64 bits */
    LANES = 32,           /* enough independent chains to hide an addition's latency */
    FEW_LANES = 8,        /* of one place or row among several, and of rows shorter than MANY */
    MANY = 512,
    TILE = 2048,          /* columns that are accumulated together: 16 KiB of accumulators */
    GATHERED = 512,       /* of narrow rows, whose accumulators are soon to be joined */
    CHUNK = 32768,        /* elements */
    MAX_PARTIALS = 16384, /* results of parts */
    ENOUGH_GROUPS = 64,   /* so many groups keep the threads busy without cutting them into parts */
    MAX_OFFSETS = 4096,   /* elements of a result whose offsets are kept in a table */
    IN_ORDER = 128,       /* of them that are added up before they join the others */
    BRIEF = 128,          /* elements of a group that take less time than its beginning */
};

/* Loops with their strides in x and in out, outermost first. */
typedef struct {
    int64_t depth;
    int64_t steps; /* of all loops together */
    int64_t size[MAX_DEPTH];
    int64_t x[MAX_DEPTH];
    int64_t out[MAX_DEPTH];
} loops;

static void append(loops* l, int64_t size, int64_t x, int64_t out) {
    l->size[l->depth] = size;
    l->x[l->depth] = x;
    l->out[l->depth] = out;
    l->depth++;
    l->steps *= size;
}

static void make_innermost(loops* l, int64_t loop) {
    const int64_t size = l->size[loop];
    const int64_t x = l->x[loop];
    const int64_t out = l->out[loop];
    l->depth--;
    for (int64_t d = loop; d < l->depth; d++) {
        l->size[d] = l->size[d + 1];
        l->x[d] = l->x[d + 1];
        l->out[d] = l->out[d + 1];
    }
    l->size[l->depth] = size;
    l->x[l->depth] = x;
    l->out[l->depth] = out;
    l->depth++;
}

/* The loop whose steps are closest to each other in x. */
static int64_t densest(const loops* l) {
    int64_t best = 0;
    for (int64_t d = 1; d < l->depth; d++) {
        if (llabs(l->x[d]) <= llabs(l->x[best])) {
            best = d;
        }
    }
    return best;
}

static int64_t longest(const loops* l) {
    int64_t best = 0;
    for (int64_t d = 1; d < l->depth; d++) {
        if (l->size[d] >= l->size[best]) {
            best = d;
        }
    }
    return best;
}

/* A place in a nest of loops, as offsets into x and out. */
typedef struct {
    const loops* loops;
    int64_t x;
    int64_t out;
    int64_t index[MAX_DEPTH];
} cursor;

static void start(cursor* c, const loops* l, int64_t step) {
    c->loops = l;
    c->x = 0;
    c->out = 0;
    if (l->steps == 0) {
        return; /* nowhere to go from here */
    }
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

#define T float
#define A double
#define ELEMENT(x) ((double)(x))
#define ADD(a, b) ((a) + (b))
#define INITIAL 0
#define CHOOSES false
#define NAME(x) x##_sum_f32
#include "accumulate.h"

#define T double
#define A double
#define ELEMENT(x) (x)
#define ADD(a, b) ((a) + (b))
#define INITIAL 0
#define CHOOSES false
#define NAME(x) x##_sum_f64
#include "accumulate.h"

/* Unsigned: sums of integers are modulo 2^64. */
#define T int64_t
#define A uint64_t
#define ELEMENT(x) ((uint64_t)(x))
#define ADD(a, b) ((a) + (b))
#define INITIAL 0
#define CHOOSES false
#define NAME(x) x##_sum_i64
#include "accumulate.h"

#define T float
#define A double
#define ELEMENT(x) ((double)(x) * (double)(x))
#define ADD(a, b) ((a) + (b))
#define INITIAL 0
#define CHOOSES false
#define NAME(x) x##_sum_squares_f32
#include "accumulate.h"

#define T double
#define A double
#define ELEMENT(x) ((x) * (x))
#define ADD(a, b) ((a) + (b))
#define INITIAL 0
#define CHOOSES false
#define NAME(x) x##_sum_squares_f64
#include "accumulate.h"

/* b != b: NaN wins. */
/* `|`, as a branch for each comparison would be guessed wrong half of the time. */
#define GREATER(a, b) (((b) > (a)) | ((b) != (b)) ? (b) : (a))
#define SMALLER(a, b) (((b) < (a)) | ((b) != (b)) ? (b) : (a))

#define T float
#define A float
#define ELEMENT(x) (x)
#define ADD GREATER
#define INITIAL (-__builtin_inff())
#define CHOOSES true
#define NAME(x) x##_max_f32
#include "accumulate.h"

#define T double
#define A double
#define ELEMENT(x) (x)
#define ADD GREATER
#define INITIAL (-__builtin_inf())
#define CHOOSES true
#define NAME(x) x##_max_f64
#include "accumulate.h"

#define T int64_t
#define A int64_t
#define ELEMENT(x) (x)
#define ADD GREATER
#define INITIAL INT64_MIN
#define CHOOSES true
#define NAME(x) x##_max_i64
#include "accumulate.h"

#define T float
#define A float
#define ELEMENT(x) (x)
#define ADD SMALLER
#define INITIAL __builtin_inff()
#define CHOOSES true
#define NAME(x) x##_min_f32
#include "accumulate.h"

#define T double
#define A double
#define ELEMENT(x) (x)
#define ADD SMALLER
#define INITIAL __builtin_inf()
#define CHOOSES true
#define NAME(x) x##_min_f64
#include "accumulate.h"

#define T int64_t
#define A int64_t
#define ELEMENT(x) (x)
#define ADD SMALLER
#define INITIAL INT64_MAX
#define CHOOSES true
#define NAME(x) x##_min_i64
#include "accumulate.h"

/* ---- over any loops ---- */

typedef struct {
    const void* x;
    void* out;
    /*
     * Whether vectors run across results, over the kept loops' innermost one; if not, they run
     * along the reduced loops' innermost one, and each result is a group by itself.
     */
    bool across;
    bool rows;             /* else; of one loop, short or dense, several side by side */
    int64_t columns;       /* steps of the kept loop that vectors run across; else 1 */
    int64_t column_groups; /* of up to TILE columns */
    int64_t groups;
    int64_t parts; /* into which each group's reduced steps are cut */
    int64_t part_steps;
    int64_t units_per_chunk; /* a unit is a part of a group; 1 where there are several parts */
    void* partials;          /* by part, then by result */
    const int64_t* offsets;  /* of a result's elements, where several are side by side; or NULL */
    loops kept;
    loops reduced;
} reduction;

/*
 * Whether a result, or a group of neighbouring ones, is so brief that walking its loops would take
 * longer than its elements.
 */
static bool is_brief(const reduction* r) {
    if (r->parts > 1 || r->kept.steps == 1 || r->reduced.steps > MAX_OFFSETS) {
        return false;
    }
    return r->across ? r->columns * r->reduced.steps < BRIEF
                     : r->reduced.depth > 1 && r->reduced.size[r->reduced.depth - 1] < LANES;
}

static void plan(reduction* r, const adj_reduce_args* a, void* partials, int64_t* offsets) {
    r->x = a->x;
    r->out = a->out;
    r->partials = partials;
    r->kept.depth = r->reduced.depth = 0;
    r->kept.steps = r->reduced.steps = 1;
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
    int64_t run = densest(&r->reduced);
    if (r->reduced.size[run] < LANES && r->reduced.steps > MAX_OFFSETS &&
        llabs(r->kept.x[column]) >= llabs(r->reduced.x[run])) {
        run = longest(&r->reduced); /* short runs would take more time to begin than to add up */
    }
    r->across = r->kept.steps > 1 &&
                (r->reduced.steps == 1 || llabs(r->kept.x[column]) < llabs(r->reduced.x[run]));
    make_innermost(&r->kept, column);
    make_innermost(&r->reduced, run);
    r->columns = r->across ? r->kept.size[r->kept.depth - 1] : 1;
    r->column_groups = adj_ceil_div(r->columns, TILE);
    r->groups = r->kept.steps / r->columns * r->column_groups;
    const int64_t group_elements = adj_max(1, adj_min(r->columns, TILE) * r->reduced.steps);
    r->parts = 1;
    if (r->groups > 0 && r->groups < ENOUGH_GROUPS) {
        r->parts = adj_max(1, adj_min(group_elements / CHUNK, MAX_PARTIALS / r->kept.steps));
    }
    r->part_steps = adj_ceil_div(r->reduced.steps, r->parts);
    r->rows = !r->across && r->reduced.depth == 1 && r->parts == 1 &&
              (r->reduced.steps < LANES || r->reduced.x[0] == 1);
    r->units_per_chunk = r->parts > 1 ? 1 : adj_max(1, CHUNK / group_elements);
    r->offsets = NULL;
    if (!r->rows && is_brief(r)) {
        cursor c;
        start(&c, &r->reduced, 0);
        for (int64_t i = 0; i < r->reduced.steps; i++) {
            offsets[i] = c.x;
            advance(&c, 1);
        }
        r->offsets = offsets;
        r->columns = r->column_groups = 1;
        r->groups = r->kept.steps;
        r->units_per_chunk = adj_rows_per_chunk(CHUNK, r->reduced.steps);
    }
}

/* The results of one group: consecutive steps of the kept loops. */
static adj_range group_results(const reduction* r, int64_t group) {
    const int64_t column = group % r->column_groups * TILE;
    const int64_t first = group / r->column_groups * r->columns + column;
    return (adj_range){first, first + adj_min(TILE, r->columns - column)};
}

/*
 * Steps [begin, end) of n neighbouring columns, into n results. Where there are few and rows follow
 * one another without gaps, several rows are as one of many columns, until they are joined.
 */
#define ACROSS(accumulator, T, A)                                                                \
    static void across_##accumulator(const T* x, const reduction* r, int64_t begin, int64_t end, \
                                     int64_t n, A* sums) {                                       \
        const int64_t step = r->kept.x[r->kept.depth - 1];                                       \
        const int64_t row = r->reduced.x[r->reduced.depth - 1];                                  \
        cursor c;                                                                                \
        start(&c, &r->reduced, begin);                                                           \
        const bool narrow = step == 1 && row == n && n < GATHERED;                               \
        const int64_t together = narrow ? GATHERED / n : 1;                                      \
        clear_##accumulator(sums, together * n);                                                 \
        for (int64_t left = end - begin; left > 0;) {                                            \
            const int64_t rows = run_length(&c, left);                                           \
            const int64_t groups = together > 1 ? rows / together : 0;                           \
            const int64_t done = groups * together;                                              \
            if (step == 1) {                                                                     \
                add_columns_##accumulator(x + c.x, together * n, groups, 1, together * n, sums); \
                add_columns_##accumulator(x + c.x + done * row, row, rows - done, 1, n, sums);   \
            } else {                                                                             \
                add_columns_##accumulator(x + c.x, row, rows, step, n, sums);                    \
            }                                                                                    \
            left -= rows;                                                                        \
            advance(&c, rows);                                                                   \
        }                                                                                        \
        for (int64_t i = 1; i < together; i++) {                                                 \
            join_##accumulator(sums, sums + i * n, n);                                           \
        }                                                                                        \
    }
ACROSS(sum_f32, float, double)
ACROSS(sum_f64, double, double)
ACROSS(sum_i64, int64_t, uint64_t)
ACROSS(max_f32, float, float)
ACROSS(max_f64, double, double)
ACROSS(max_i64, int64_t, int64_t)
ACROSS(min_f32, float, float)
ACROSS(min_f64, double, double)
ACROSS(min_i64, int64_t, int64_t)

/* Not on the stack: that of a Java thread may be small. */
static _Thread_local uint64_t part_results[MAX_PARTIALS];
static _Thread_local int64_t element_offsets[MAX_OFFSETS];

/* `result` makes an element of out of a, accumulated from n elements. */
#define REDUCE(name, T, A, accumulator, result)                                              \
    static void write_##name(const reduction* r, cursor* c, const A* sums, int64_t count) {  \
        const A n = (A)r->reduced.steps;                                                     \
        (void)n;                                                                             \
        for (int64_t i = 0; i < count; i++) {                                                \
            const A a = sums[i];                                                             \
            ((T*)r->out)[c->out] = (T)(result);                                              \
            advance(c, 1);                                                                   \
        }                                                                                    \
    }                                                                                        \
    static void reduce_##name(void* ctx, int64_t chunk) {                                    \
        const reduction* r = ctx;                                                            \
        const adj_range units = adj_chunk(r->groups * r->parts, r->units_per_chunk, chunk);  \
        cursor c;                                                                            \
        start(&c, &r->kept, group_results(r, units.begin % r->groups).begin);                \
        if (r->offsets != NULL) {                                                            \
            cursor to = c;                                                                   \
            for (int64_t left = units.end - units.begin; left > 0;) {                        \
                const T* rows[FEW_LANES] = {};                                               \
                const int64_t n = adj_min(left, FEW_LANES);                                  \
                for (int64_t i = 0; i < FEW_LANES; i++) {                                    \
                    rows[i] = i < n ? (const T*)r->x + c.x : rows[0];                        \
                    if (i < n) {                                                             \
                        advance(&c, 1);                                                      \
                    }                                                                        \
                }                                                                            \
                A sums[FEW_LANES];                                                           \
                side_by_side_##accumulator(rows, r->offsets, r->reduced.steps, sums);        \
                write_##name(r, &to, sums, n);                                               \
                left -= n;                                                                   \
            }                                                                                \
            return;                                                                          \
        }                                                                                    \
        const int64_t step = r->reduced.x[r->reduced.depth - 1];                             \
        if (r->rows) {                                                                       \
            A sums[TILE];                                                                    \
            for (int64_t left = units.end - units.begin; left > 0;) {                        \
                const int64_t n = adj_min(run_length(&c, left), TILE);                       \
                const T* x = (const T*)r->x + c.x;                                           \
                const int64_t row = r->kept.x[r->kept.depth - 1];                            \
                if (r->reduced.steps < LANES) {                                              \
                    along_rows_##accumulator(x, row, n, step, r->reduced.steps, sums);       \
                } else {                                                                     \
                    along_dense_rows_##accumulator(x, row, n, r->reduced.steps, sums);       \
                }                                                                            \
                write_##name(r, &c, sums, n);                                                \
                left -= n;                                                                   \
            }                                                                                \
            return;                                                                          \
        }                                                                                    \
        for (int64_t unit = units.begin; unit < units.end; unit++) {                         \
            const int64_t part = unit / r->groups;                                           \
            const int64_t begin = part * r->part_steps;                                      \
            const int64_t end = adj_min(begin + r->part_steps, r->reduced.steps);            \
            const adj_range results = group_results(r, unit % r->groups);                    \
            const int64_t count = results.end - results.begin;                               \
            /* Groups of one result follow one another: writing it went on to the next. */   \
            if (r->across) {                                                                 \
                start(&c, &r->kept, results.begin);                                          \
            }                                                                                \
            const T* x = (const T*)r->x + c.x;                                               \
            A sums[TILE];                                                                    \
            if (r->across) {                                                                 \
                across_##accumulator(x, r, begin, end, count, sums);                         \
            } else {                                                                         \
                sums[0] = along_##accumulator(x, &r->reduced, begin, end);                   \
            }                                                                                \
            if (r->parts == 1) {                                                             \
                write_##name(r, &c, sums, count);                                            \
            } else {                                                                         \
                memcpy((A*)r->partials + part * r->kept.steps + results.begin, sums,         \
                       (size_t)count * sizeof(A));                                           \
            }                                                                                \
        }                                                                                    \
    }                                                                                        \
    ADJ_EXPORT int32_t adj_reduce_##name(const void* args) {                                 \
        A* partials = (A*)part_results;                                                      \
        reduction r;                                                                         \
        plan(&r, args, partials, element_offsets);                                           \
        adj_for_chunks(r.groups * r.parts, r.units_per_chunk, reduce_##name, &r);            \
        if (r.parts > 1) {                                                                   \
            for (int64_t part = 1; part < r.parts; part++) {                                 \
                join_##accumulator(partials, partials + part * r.kept.steps, r.kept.steps);  \
            }                                                                                \
            cursor c;                                                                        \
            start(&c, &r.kept, 0);                                                           \
            write_##name(&r, &c, partials, r.kept.steps);                                    \
        }                                                                                    \
        return ADJ_OK;                                                                       \
    }
REDUCE(sum_f32, float, double, sum_f32, a)
REDUCE(sum_f64, double, double, sum_f64, a)
REDUCE(sum_i64, int64_t, uint64_t, sum_i64, a)
REDUCE(mean_f32, float, double, sum_f32, a / n)
REDUCE(mean_f64, double, double, sum_f64, a / n)
REDUCE(max_f32, float, float, max_f32, a)
REDUCE(max_f64, double, double, max_f64, a)
REDUCE(max_i64, int64_t, int64_t, max_i64, a)
REDUCE(min_f32, float, float, min_f32, a)
REDUCE(min_f64, double, double, min_f64, a)
REDUCE(min_i64, int64_t, int64_t, min_i64, a)

/* ---- the place of the largest ---- */

typedef struct {
    const adj_argmax_args* args;
    loops rows;
    loops row;
    int64_t rows_per_chunk;
} argmax;

static void plan_argmax(argmax* m, const adj_argmax_args* a) {
    m->args = a;
    m->rows.depth = m->row.depth = 0;
    m->rows.steps = m->row.steps = 1;
    for (int64_t d = 0; d < a->depth; d++) {
        append(&m->rows, a->dims[d], a->dims[a->depth + d], a->dims[2 * a->depth + d]);
    }
    append(&m->row, a->cols, a->col_stride, 0);
    m->rows_per_chunk = adj_rows_per_chunk(CHUNK, a->cols);
}

/* I is an integer as large as T, so that both fill vectors alike. */
#define ARGMAX(S, T, I)                                                                    \
    /* Of FEW_LANES short rows side by side. */                                            \
    static void argmax_side_by_side_##S(const T* const* rows, int64_t step, int64_t n,     \
                                        I* places) {                                       \
        T largest[FEW_LANES];                                                              \
        for (int j = 0; j < FEW_LANES; j++) {                                              \
            largest[j] = rows[j][0];                                                       \
            places[j] = 0;                                                                 \
        }                                                                                  \
        for (int64_t i = 1; i < n; i++) {                                                  \
            T column[FEW_LANES];                                                           \
            for (int j = 0; j < FEW_LANES; j++) {                                          \
                column[j] = rows[j][i * step];                                             \
            }                                                                              \
            _Pragma("GCC unroll 1") for (int j = 0; j < FEW_LANES; j++) {                  \
                const T a = largest[j];                                                    \
                const T b = column[j];                                                     \
                const bool wins = ((b > a) | (b != b)) & (a == a); /* the first NaN */     \
                largest[j] = wins ? b : a;                                                 \
                places[j] = wins ? (I)i : places[j];                                       \
            }                                                                              \
        }                                                                                  \
    }                                                                                      \
    static void argmax_short_##S(const argmax* m, adj_range range, cursor* c) {            \
        cursor to = *c;                                                                    \
        for (int64_t left = range.end - range.begin; left > 0; left -= FEW_LANES) {        \
            const T* rows[FEW_LANES] = {};                                                 \
            for (int64_t j = 0; j < FEW_LANES; j++) {                                      \
                rows[j] = j < left ? (const T*)m->args->x + c->x : rows[0];                \
                if (j < left) {                                                            \
                    advance(c, 1);                                                         \
                }                                                                          \
            }                                                                              \
            I places[FEW_LANES];                                                           \
            argmax_side_by_side_##S(rows, m->args->col_stride, m->args->cols, places);     \
            for (int64_t j = 0; j < adj_min(left, FEW_LANES); j++) {                       \
                m->args->out[to.out] = places[j];                                          \
                advance(&to, 1);                                                           \
            }                                                                              \
        }                                                                                  \
    }                                                                                      \
    static void argmax_##S(void* ctx, int64_t chunk) {                                     \
        const argmax* m = ctx;                                                             \
        const adj_range rows = adj_chunk(m->rows.steps, m->rows_per_chunk, chunk);         \
        const int64_t step = m->args->col_stride;                                          \
        cursor c;                                                                          \
        start(&c, &m->rows, rows.begin);                                                   \
        if (m->args->cols < LANES) {                                                       \
            argmax_short_##S(m, rows, &c);                                                 \
            return;                                                                        \
        }                                                                                  \
        for (int64_t row = rows.begin; row < rows.end; row++) {                            \
            const T* x = (const T*)m->args->x + c.x;                                       \
            const T largest = along_max_##S(x, &m->row, 0, m->args->cols);                 \
            int64_t at = 0;                                                                \
            /* If the largest is NaN, the first NaN is wanted. */                          \
            while (x[at * step] != largest && x[at * step] == x[at * step]) {              \
                at++;                                                                      \
            }                                                                              \
            m->args->out[c.out] = at;                                                      \
            advance(&c, 1);                                                                \
        }                                                                                  \
    }                                                                                      \
    ADJ_EXPORT int32_t adj_argmax_##S(const void* args) {                                  \
        argmax m;                                                                          \
        plan_argmax(&m, args);                                                             \
        adj_for_chunks(m.rows.steps, m.rows_per_chunk, argmax_##S, &m);                    \
        return ADJ_OK;                                                                     \
    }
ARGMAX(f32, float, int32_t)
ARGMAX(f64, double, int64_t)
ARGMAX(i64, int64_t, int64_t)

/* ---- over many tensors ---- */

typedef struct {
    const adj_sum_squares_args* args;
    int64_t elements;
    int64_t grain;
    double partials[MAX_PARTIALS];
} sum_squares;

static int32_t run_sum_squares(const adj_sum_squares_args* a, adj_body* chunk) {
    sum_squares s;
    s.args = a;
    s.elements = adj_total(a->words + a->count, 1, a->count);
    s.grain = adj_max(CHUNK, adj_ceil_div(s.elements, MAX_PARTIALS));
    adj_for_chunks(s.elements, s.grain, chunk, &s);
    double sum = 0;
    for (int64_t i = 0; i < adj_ceil_div(s.elements, s.grain); i++) {
        sum += s.partials[i];
    }
    *a->out = sum;
    return ADJ_OK;
}

#define SUM_SQUARES(S, T)                                                                          \
    static void sum_squares_##S(void* ctx, int64_t chunk) {                                        \
        sum_squares* s = ctx;                                                                      \
        const int64_t* words = s->args->words;                                                     \
        double sum = 0;                                                                            \
        adj_span span =                                                                            \
            adj_spans(words + s->args->count, 1, adj_chunk(s->elements, s->grain, chunk));         \
        while (adj_next_span(&span)) {                                                             \
            const loops run = {.depth = 1, .steps = span.n, .size = {span.n}, .x = {1}};           \
            sum +=                                                                                 \
                along_sum_squares_##S((const T*)words[span.tensor] + span.first, &run, 0, span.n); \
        }                                                                                          \
        s->partials[chunk] = sum;                                                                  \
    }                                                                                              \
    ADJ_EXPORT int32_t adj_sum_squares_##S(const void* args) {                                     \
        return run_sum_squares(args, sum_squares_##S);                                             \
    }
SUM_SQUARES(f32, float)
SUM_SQUARES(f64, double)
