/*
 * Element-wise kernels: loops made from elementwise.def, and one driver that walks a nest of loops
 * over up to four operands.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "halves.h"
#include "mathx.h"
#include "vector.h"

enum {
    MAX_OPERANDS = 4,
    MAX_DEPTH = 63,          /* each loop has at least two steps, their product fits 64 bits */
    MOVING_GRAIN = 16384,    /* least elements in a chunk of kernels that mostly move data */
    COMPUTING_GRAIN = 4096,  /* and of those that mostly compute */
    NEAR_BLOCK = 1024,       /* elements that are looked at together before a short formula */
    STREAM_BYTES = 32 << 20, /* an output that would not stay in a last-level cache anyway */
    STREAM_RUN_BYTES = 2048, /* runs so long that their first and last lines do not matter */
    STREAM_BLOCK = 1024,     /* bytes: so few that the next loads overlap with these stores */
    SHORT = 16,              /* runs below this take more time to begin than to compute */
    COLUMN = 512,            /* elements, for all columns of a block to stay in L1 */
    TILE = 64,               /* of transposed inputs: of each row some lines, for prefetching */
    TILES_PER_CHUNK = MOVING_GRAIN / (TILE * TILE),
};

/* n steps from the operands' addresses `at`, each by its `step` in elements. */
typedef void inner_loop(char* const* at, const int64_t* step, int64_t n);

typedef struct {
    const void* base;
    int64_t bytes; /* of an element */
    const int64_t* strides;
} operand;

typedef struct {
    inner_loop* loop;
    bool moves; /* the loop is a copy */
    int64_t grain;
    int64_t depth;
    const int64_t* sizes;
    int operands;
    operand operand[MAX_OPERANDS];
    int64_t elements;
    int64_t columns; /* steps of the innermost loop, if run one by one, see has_columns; else 1 */
    bool streamed;
} nest;

/* Operand number k of a nest whose sizes and strides are packed in dims. */
static operand packed(const void* base, size_t bytes, int64_t depth, const int64_t* dims, int k) {
    return (operand){base, (int64_t)bytes, dims + (k + 1) * depth};
}

static operand scalar(const void* base, size_t bytes) {
    static const int64_t zeros[MAX_DEPTH];
    return (operand){base, (int64_t)bytes, zeros};
}

static void move(const nest* t, char** at, int64_t loop, int64_t steps) {
    for (int k = 0; k < t->operands; k++) {
        at[k] += steps * t->operand[k].strides[loop] * t->operand[k].bytes;
    }
}

/* A dense output of at least STREAM_BYTES that is no input as well. */
static bool is_streamed(const nest* t) {
    const operand* out = &t->operand[t->operands - 1];
    const int64_t last = t->depth - 1;
    for (int k = 0; k < t->operands - 1; k++) {
        if (t->operand[k].base == out->base) {
            return false;
        }
    }
    return ADJ_STREAMS && out->strides[last] == 1 &&
           t->sizes[last] * out->bytes >= STREAM_RUN_BYTES &&
           t->elements * out->bytes >= STREAM_BYTES;
}

/*
 * Whether the innermost loop is so short that its steps are better taken one by one, each for many
 * steps of the loop around it.
 */
static bool has_columns(const nest* t) {
    const int64_t last = t->depth - 1;
    return last > 0 && t->sizes[last] < SHORT && t->sizes[last] < t->sizes[last - 1];
}

/* n steps of the loop around the innermost one. */
static void run_columns(const nest* t, char* const* at, const int64_t* step, int64_t n) {
    char* from[MAX_OPERANDS];
    for (int64_t done = 0; done < n; done += COLUMN) {
        for (int64_t column = 0; column < t->columns; column++) {
            for (int k = 0; k < t->operands; k++) {
                const operand* o = &t->operand[k];
                from[k] = at[k] + (done * step[k] + column * o->strides[t->depth - 1]) * o->bytes;
            }
            t->loop(from, step, adj_min(COLUMN, n - done));
        }
    }
}

/* n steps of a loop. A streamed output goes by way of a block that stays in L1. */
static void run_loop(const nest* t, char* const* at, const int64_t* step, int64_t n) {
    if (t->columns > 1) {
        run_columns(t, at, step, n);
        return;
    }
    if (!t->streamed) {
        t->loop(at, step, n);
        return;
    }
    const int out = t->operands - 1;
    const int64_t bytes = t->operand[out].bytes;
    if (t->moves && step[0] == 1) {
        adj_stream(at[out], at[0], n * bytes);
        return;
    }
    _Alignas(ADJ_LINE) char block[STREAM_BLOCK];
    char* from[MAX_OPERANDS];
    for (int64_t done = 0; done < n;) {
        char* const to = at[out] + done * bytes;
        const int64_t place = (int64_t)((uintptr_t)to % ADJ_LINE);
        const int64_t count = adj_min(n - done, (STREAM_BLOCK - place) / bytes);
        for (int k = 0; k < out; k++) {
            from[k] = at[k] + done * step[k] * t->operand[k].bytes;
        }
        from[out] = block + place;
        t->loop(from, step, count);
        adj_stream(to, from[out], count * bytes);
        done += count;
    }
}

static void run_chunk(void* ctx, int64_t chunk) {
    const nest* t = ctx;
    const adj_range range = adj_chunk(t->elements / t->columns, t->grain, chunk);
    const int64_t last = t->depth - (t->columns > 1 ? 2 : 1);
    char* at[MAX_OPERANDS];
    int64_t step[MAX_OPERANDS];
    for (int k = 0; k < t->operands; k++) {
        at[k] = (char*)t->operand[k].base;
        step[k] = t->operand[k].strides[last];
    }
    int64_t index[MAX_DEPTH];
    int64_t rest = range.begin;
    for (int64_t d = last; d >= 0; d--) {
        index[d] = rest % t->sizes[d];
        rest /= t->sizes[d];
        move(t, at, d, index[d]);
    }
    int64_t left = range.end - range.begin;
    for (;;) {
        const int64_t n = adj_min(left, t->sizes[last] - index[last]);
        run_loop(t, at, step, n);
        left -= n;
        if (left == 0) {
            break;
        }
        move(t, at, last, -index[last]);
        index[last] = 0;
        for (int64_t d = last - 1;; d--) {
            move(t, at, d, 1);
            if (++index[d] < t->sizes[d]) {
                break;
            }
            move(t, at, d, -index[d]);
            index[d] = 0;
        }
    }
    if (t->streamed) {
        adj_stream_fence();
    }
}

static int64_t product(int64_t depth, const int64_t* sizes) {
    int64_t elements = 1;
    for (int64_t d = 0; d < depth; d++) {
        elements *= sizes[d];
    }
    return elements;
}

/*
 * A nest in square tiles: the output is dense along the loop `inner`, some input along the loop
 * `across`. Such inputs are transposed tile by tile, so that every line is touched once, whole.
 */
typedef struct {
    const nest* nest;
    int64_t inner;
    int64_t across;
    int64_t inner_tiles;
    int64_t across_tiles;
    int64_t tiles;
} tiling;

/* The innermost loop of stride 1; -1 if there is none. */
static int64_t dense_loop(const nest* t, const operand* o) {
    int64_t d = t->depth - 1;
    while (d >= 0 && o->strides[d] != 1) {
        d--;
    }
    return d;
}

static bool is_transposed(const tiling* g, const operand* o) {
    return o->strides[g->across] == 1 && llabs(o->strides[g->inner]) > 1;
}

static bool plan_tiles(tiling* g, const nest* t) {
    g->nest = t;
    g->inner = dense_loop(t, &t->operand[t->operands - 1]);
    for (int k = 0; k < t->operands - 1 && g->inner >= 0 && t->depth > 1; k++) {
        g->across = dense_loop(t, &t->operand[k]);
        if (g->across >= 0 && is_transposed(g, &t->operand[k])) {
            g->inner_tiles = adj_ceil_div(t->sizes[g->inner], TILE);
            g->across_tiles = adj_ceil_div(t->sizes[g->across], TILE);
            g->tiles = g->inner_tiles * g->across_tiles *
                       (t->elements / (t->sizes[g->inner] * t->sizes[g->across]));
            return true;
        }
    }
    return false;
}

/* Elements [i, inner) by [j, across), one by one. */
#define TRANSPOSE_REST(T)                                                              \
    static void transpose_rest_##T(const T* x, int64_t step, int64_t i, int64_t inner, \
                                   int64_t j, int64_t across, T* tile) {               \
        for (; i < inner; i++) {                                                       \
            for (int64_t c = j; c < across; c++) {                                     \
                tile[c * TILE + i] = x[i * step + c];                                  \
            }                                                                          \
        }                                                                              \
    }
TRANSPOSE_REST(uint8_t)
TRANSPOSE_REST(uint16_t)
TRANSPOSE_REST(uint32_t)
TRANSPOSE_REST(uint64_t)

/* In squares of quads; to them all 4-byte elements are floats, all 8-byte ones doubles. */
#define TRANSPOSE(T, S)                                                                \
    static void transpose_##T(const T* x, int64_t step, int64_t inner, int64_t across, \
                              T* tile) {                                               \
        enum { QUADS = (int)(sizeof(quad_##S) / sizeof(T)) };                          \
        const int64_t whole_inner = inner - inner % QUADS;                             \
        const int64_t whole_across = across - across % QUADS;                          \
        for (int64_t i = 0; i < whole_inner; i += QUADS) {                             \
            for (int64_t j = 0; j < whole_across; j += QUADS) {                        \
                quad_##S square[QUADS];                                                \
                for (int q = 0; q < QUADS; q++) {                                      \
                    square[q] = *(const quad_at_##S*)(x + (i + q) * step + j);         \
                }                                                                      \
                transpose_##S(square);                                                 \
                for (int q = 0; q < QUADS; q++) {                                      \
                    *(quad_at_##S*)(tile + (j + q) * TILE + i) = square[q];            \
                }                                                                      \
            }                                                                          \
        }                                                                              \
        transpose_rest_##T(x, step, whole_inner, inner, 0, whole_across, tile);        \
        transpose_rest_##T(x, step, 0, inner, whole_across, across, tile);             \
    }
TRANSPOSE(uint32_t, f32)
TRANSPOSE(uint64_t, f64)

static void run_tile(const tiling* g, int64_t tile) {
    const nest* t = g->nest;
    /* First along the lines of the transposed input. */
    const int64_t first_across = tile % g->across_tiles * TILE;
    const int64_t first_inner = tile / g->across_tiles % g->inner_tiles * TILE;
    const int64_t inner = adj_min(TILE, t->sizes[g->inner] - first_inner);
    const int64_t across = adj_min(TILE, t->sizes[g->across] - first_across);
    /* Not on the stack: that of a Java thread may be small. */
    static _Thread_local uint64_t tiles[MAX_OPERANDS - 1][TILE * TILE];
    char* at[MAX_OPERANDS];
    int64_t step[MAX_OPERANDS];
    int64_t row[MAX_OPERANDS];
    for (int k = 0; k < t->operands; k++) {
        at[k] = (char*)t->operand[k].base;
    }
    move(t, at, g->inner, first_inner);
    move(t, at, g->across, first_across);
    int64_t rest = tile / g->inner_tiles / g->across_tiles;
    for (int64_t d = t->depth - 1; d >= 0; d--) {
        if (d != g->inner && d != g->across) {
            move(t, at, d, rest % t->sizes[d]);
            rest /= t->sizes[d];
        }
    }
    for (int k = 0; k < t->operands; k++) {
        const operand* o = &t->operand[k];
        step[k] = o->strides[g->inner];
        row[k] = o->strides[g->across] * o->bytes;
        if (k < t->operands - 1 && is_transposed(g, o)) {
            void* dense = tiles[k];
            if (o->bytes == 1) {
                transpose_rest_uint8_t((const uint8_t*)at[k], step[k], 0, inner, 0, across, dense);
            } else if (o->bytes == 2) {
                transpose_rest_uint16_t((const uint16_t*)at[k], step[k], 0, inner, 0, across,
                                        dense);
            } else if (o->bytes == 4) {
                transpose_uint32_t((const uint32_t*)at[k], step[k], inner, across, dense);
            } else {
                transpose_uint64_t((const uint64_t*)at[k], step[k], inner, across, dense);
            }
            at[k] = dense;
            step[k] = 1;
            row[k] = TILE * o->bytes;
        }
    }
    for (int64_t j = 0; j < across; j++) {
        t->loop(at, step, inner);
        for (int k = 0; k < t->operands; k++) {
            at[k] += row[k];
        }
    }
}

static void run_tiles(void* ctx, int64_t chunk) {
    const tiling* g = ctx;
    const adj_range range = adj_chunk(g->tiles, TILES_PER_CHUNK, chunk);
    for (int64_t tile = range.begin; tile < range.end; tile++) {
        run_tile(g, tile);
    }
}

static int32_t run(nest* t) {
    t->elements = product(t->depth, t->sizes);
    if (t->elements == 0) {
        return ADJ_OK;
    }
    tiling g;
    if (plan_tiles(&g, t)) {
        adj_for_chunks(g.tiles, TILES_PER_CHUNK, run_tiles, &g);
        return ADJ_OK;
    }
    t->columns = has_columns(t) ? t->sizes[t->depth - 1] : 1;
    t->streamed = is_streamed(t);
    t->grain = adj_grain(t->elements, t->grain) / t->columns;
    adj_for_chunks(t->elements / t->columns, t->grain, run_chunk, t);
    return ADJ_OK;
}

/*
 * Each loop is written once, over any steps; `name` chooses the copy of it whose steps are known.
 * `expression` is in terms of the operands' names.
 */
#define LOOP1(name, X, x, R, expression)                                                   \
    ADJ_INLINE void name##_steps(const X* xs, R* out, int64_t sx, int64_t so, int64_t n) { \
        ADJ_INDEPENDENT                                                                    \
        for (int64_t i = 0; i < n; i++) {                                                  \
            const X x = xs[i * sx];                                                        \
            out[i * so] = (R)(expression);                                                 \
        }                                                                                  \
    }                                                                                      \
    static void name(char* const* at, const int64_t* step, int64_t n) {                    \
        const X* xs = (const X*)at[0];                                                     \
        R* out = (R*)at[1];                                                                \
        if (step[0] == 1 && step[1] == 1) {                                                \
            name##_steps(xs, out, 1, 1, n);                                                \
        } else {                                                                           \
            name##_steps(xs, out, step[0], step[1], n);                                    \
        }                                                                                  \
    }

#define ALL_NEAR(S, T)                                    \
    static bool all_near_##S(const T* x, int64_t n) {     \
        int far = 0;                                      \
        for (int64_t i = 0; i < n; i++) {                 \
            far |= adj_abs(x[i]) <= ADJ_NEAR_##S ? 0 : 1; \
        }                                                 \
        return far == 0;                                  \
    }
ALL_NEAR(f32, float)
ALL_NEAR(f64, double)

/* A loop that takes the shorter `near` for blocks whose elements all allow it. */
#define LOOP1_NEAR(name, S, X, x, near, expression)                           \
    LOOP1(name##_near_##S, X, x, X, near)                                     \
    LOOP1(name##_any_##S, X, x, X, expression)                                \
    static void name##_##S(char* const* at, const int64_t* step, int64_t n) { \
        if (step[0] != 1 || step[1] != 1) {                                   \
            name##_any_##S(at, step, n);                                      \
            return;                                                           \
        }                                                                     \
        for (int64_t i = 0; i < n; i += NEAR_BLOCK) {                         \
            const int64_t count = adj_min(NEAR_BLOCK, n - i);                 \
            const int64_t bytes = i * (int64_t)sizeof(X);                     \
            char* const block[] = {at[0] + bytes, at[1] + bytes};             \
            if (all_near_##S((const X*)block[0], count)) {                    \
                name##_near_##S(block, step, count);                          \
            } else {                                                          \
                name##_any_##S(block, step, count);                           \
            }                                                                 \
        }                                                                     \
    }

#define LOOP2(name, T, a, b, R, expression)                                                \
    ADJ_INLINE void name##_steps(const T* as, const T* bs, R* out, int64_t sa, int64_t sb, \
                                 int64_t so, int64_t n) {                                  \
        const T a0 = as[0];                                                                \
        const T b0 = bs[0];                                                                \
        ADJ_INDEPENDENT                                                                    \
        for (int64_t i = 0; i < n; i++) {                                                  \
            const T a = sa == 0 ? a0 : as[i * sa];                                         \
            const T b = sb == 0 ? b0 : bs[i * sb];                                         \
            (void)b;                                                                       \
            out[i * so] = (R)(expression);                                                 \
        }                                                                                  \
    }                                                                                      \
    static void name(char* const* at, const int64_t* step, int64_t n) {                    \
        const T* as = (const T*)at[0];                                                     \
        const T* bs = (const T*)at[1];                                                     \
        R* out = (R*)at[2];                                                                \
        if (step[0] == 1 && step[1] == 1 && step[2] == 1) {                                \
            name##_steps(as, bs, out, 1, 1, 1, n);                                         \
        } else if (step[0] == 1 && step[1] == 0 && step[2] == 1) {                         \
            name##_steps(as, bs, out, 1, 0, 1, n);                                         \
        } else if (step[0] == 0 && step[1] == 1 && step[2] == 1) {                         \
            name##_steps(as, bs, out, 0, 1, 1, n);                                         \
        } else {                                                                           \
            name##_steps(as, bs, out, step[0], step[1], step[2], n);                       \
        }                                                                                  \
    }

/* ---- functions of one variable ---- */

static nest unary(const adj_unary_args* a, inner_loop* loop, int64_t grain, size_t in,
                  size_t out) {
    return (nest){
        .loop = loop,
        .grain = grain,
        .depth = a->depth,
        .sizes = a->dims,
        .operands = 2,
        .operand = {packed(a->x, in, a->depth, a->dims, 0),
                    packed(a->out, out, a->depth, a->dims, 1)},
    };
}

static int32_t run_unary(const adj_unary_args* a, inner_loop* loop, int64_t grain, size_t in,
                         size_t out) {
    nest t = unary(a, loop, grain, in, out);
    return run(&t);
}

static int32_t run_unary_grad(const adj_unary_grad_args* a, inner_loop* loop, size_t bytes) {
    return run(&(nest){
        .loop = loop,
        .grain = COMPUTING_GRAIN,
        .depth = a->depth,
        .sizes = a->dims,
        .operands = 3,
        .operand = {packed(a->grad, bytes, a->depth, a->dims, 0),
                    packed(a->saved, bytes, a->depth, a->dims, 1),
                    packed(a->out, bytes, a->depth, a->dims, 2)},
    });
}

#define UNARY(name, S, saved, gradient)                                            \
    LOOP2(name##_grad_##S, T, g, saved, T, gradient)                               \
    ADJ_EXPORT int32_t adj_##name##_##S(const void* args) {                        \
        return run_unary(args, name##_##S, COMPUTING_GRAIN, sizeof(T), sizeof(T)); \
    }                                                                              \
    ADJ_EXPORT int32_t adj_##name##_grad_##S(const void* args) {                   \
        return run_unary_grad(args, name##_grad_##S, sizeof(T));                   \
    }

/* ---- functions of two variables ---- */

static int32_t run_binary(const adj_binary_args* a, inner_loop* loop, int64_t grain, size_t in,
                          size_t out) {
    return run(&(nest){
        .loop = loop,
        .grain = grain,
        .depth = a->depth,
        .sizes = a->dims,
        .operands = 3,
        .operand = {packed(a->a, in, a->depth, a->dims, 0), packed(a->b, in, a->depth, a->dims, 1),
                    packed(a->out, out, a->depth, a->dims, 2)},
    });
}

/* `value` is the scalar in the operands' type. */
static int32_t run_binary_scalar(const adj_binary_scalar_args* a, const void* value,
                                 inner_loop* loop, int64_t grain, size_t in, size_t out) {
    nest t = {
        .loop = loop,
        .grain = grain,
        .depth = a->depth,
        .sizes = a->dims,
        .operands = 3,
    };
    t.operand[a->scalar_first ? 1 : 0] = packed(a->a, in, a->depth, a->dims, 0);
    t.operand[a->scalar_first ? 0 : 1] = scalar(value, in);
    t.operand[2] = packed(a->out, out, a->depth, a->dims, 1);
    return run(&t);
}

/* T carries the computation; TYPE, of the same size, is what a scalar converts to. */
#define BINARY(name, S, TYPE, T, R, grain, expression)                                     \
    LOOP2(name##_##S, T, a, b, R, expression)                                              \
    ADJ_EXPORT int32_t adj_##name##_##S(const void* args) {                                \
        return run_binary(args, name##_##S, grain, sizeof(T), sizeof(R));                  \
    }                                                                                      \
    ADJ_EXPORT int32_t adj_##name##_scalar_##S(const void* args) {                         \
        const TYPE value = convert_f64_##S(((const adj_binary_scalar_args*)args)->scalar); \
        return run_binary_scalar(args, &value, name##_##S, grain, sizeof(T), sizeof(R));   \
    }

/* ---- conversions: floating to integer saturates, NaN gives 0, as in Java ---- */

#define CONVERT(FROM, from, TO, to)               \
    ADJ_INLINE TO convert_##from##_##to(FROM x) { \
        return (TO)x;                             \
    }
#define CONVERT_TO_BOOL(FROM, from)                    \
    ADJ_INLINE uint8_t convert_##from##_bool(FROM x) { \
        return x != 0;                                 \
    }
#define CONVERT_SATURATING(FROM, from, TO, to, LIMIT, LEAST, LARGEST)                      \
    ADJ_INLINE TO convert_##from##_##to(FROM x) {                                          \
        return x >= (LIMIT) ? (LARGEST) : x < -(LIMIT) ? (LEAST) : x == x ? (TO)x : (TO)0; \
    }
CONVERT(float, f32, double, f64)
CONVERT(double, f64, float, f32)
CONVERT(double, f64, double, f64)
CONVERT(int32_t, i32, float, f32)
CONVERT(int32_t, i32, double, f64)
CONVERT(int32_t, i32, int64_t, i64)
CONVERT(int64_t, i64, float, f32)
CONVERT(int64_t, i64, double, f64)
CONVERT(int64_t, i64, int32_t, i32)
CONVERT(uint8_t, bool, float, f32)
CONVERT(uint8_t, bool, double, f64)
CONVERT(uint8_t, bool, int32_t, i32)
CONVERT(uint8_t, bool, int64_t, i64)
CONVERT_TO_BOOL(float, f32)
CONVERT_TO_BOOL(double, f64)
CONVERT_TO_BOOL(int32_t, i32)
CONVERT_TO_BOOL(int64_t, i64)
CONVERT_SATURATING(float, f32, int32_t, i32, 0x1p31f, INT32_MIN, INT32_MAX)
CONVERT_SATURATING(float, f32, int64_t, i64, 0x1p63f, INT64_MIN, INT64_MAX)
CONVERT_SATURATING(double, f64, int32_t, i32, 0x1p31, INT32_MIN, INT32_MAX)
CONVERT_SATURATING(double, f64, int64_t, i64, 0x1p63, INT64_MIN, INT64_MAX)

/*
 * The 16-bit types by way of float, rounded once: a wider number becomes the float next to it whose
 * last bit is odd, which keeps what decides ties (Boldo and Melquiond 2008).
 */
ADJ_INLINE float odd_f64(double x) {
    const float nearest = (float)x;
    const double wide = (double)nearest;
    const uint32_t bits = math_bits_f32(nearest);
    const uint32_t step = __builtin_fabs(wide) > __builtin_fabs(x) ? UINT32_MAX : 1;
    return math_from_bits_f32(bits + (wide != x && (bits & 1) == 0 ? step : 0));
}
ADJ_INLINE float odd_i64(int64_t x) {
    const bool exact = x > -(INT64_C(1) << 53) && x < INT64_C(1) << 53;
    const int64_t lost = x & 0x7ff; /* of a double; they become one bit that it has */
    return odd_f64((double)(exact ? x : (x - lost) | (lost != 0 ? 0x800 : 0)));
}

#define CONVERT_HALF(S)                                 \
    ADJ_INLINE float convert_##S##_f32(uint16_t x) {    \
        return adj_f32_of_##S(x);                       \
    }                                                   \
    ADJ_INLINE uint16_t convert_f32_##S(float x) {      \
        return adj_##S##_of_f32(x);                     \
    }                                                   \
    ADJ_INLINE double convert_##S##_f64(uint16_t x) {   \
        return (double)adj_f32_of_##S(x);               \
    }                                                   \
    ADJ_INLINE int32_t convert_##S##_i32(uint16_t x) {  \
        return convert_f32_i32(adj_f32_of_##S(x));      \
    }                                                   \
    ADJ_INLINE int64_t convert_##S##_i64(uint16_t x) {  \
        return convert_f32_i64(adj_f32_of_##S(x));      \
    }                                                   \
    ADJ_INLINE uint8_t convert_##S##_bool(uint16_t x) { \
        return convert_f32_bool(adj_f32_of_##S(x));     \
    }                                                   \
    ADJ_INLINE uint16_t convert_f64_##S(double x) {     \
        return adj_##S##_of_f32(odd_f64(x));            \
    }                                                   \
    ADJ_INLINE uint16_t convert_i32_##S(int32_t x) {    \
        return adj_##S##_of_f32(odd_f64((double)x));    \
    }                                                   \
    ADJ_INLINE uint16_t convert_i64_##S(int64_t x) {    \
        return adj_##S##_of_f32(odd_i64(x));            \
    }                                                   \
    ADJ_INLINE uint16_t convert_bool_##S(uint8_t x) {   \
        return adj_##S##_of_f32((float)x);              \
    }
CONVERT_HALF(f16)
CONVERT_HALF(bf16)
ADJ_INLINE uint16_t convert_f16_bf16(uint16_t x) {
    return adj_bf16_of_f32(adj_f32_of_f16(x));
}
ADJ_INLINE uint16_t convert_bf16_f16(uint16_t x) {
    return adj_f16_of_f32(adj_f32_of_bf16(x));
}

#define CAST(FROM, from, TO, to)                                                            \
    LOOP1(cast_##from##_##to, FROM, x, TO, convert_##from##_##to(x))                        \
    ADJ_EXPORT int32_t adj_cast_##from##_##to(const void* args) {                           \
        return run_unary(args, cast_##from##_##to, MOVING_GRAIN, sizeof(FROM), sizeof(TO)); \
    }
CAST(float, f32, double, f64)
CAST(float, f32, int32_t, i32)
CAST(float, f32, int64_t, i64)
CAST(float, f32, uint8_t, bool)
CAST(double, f64, float, f32)
CAST(double, f64, int32_t, i32)
CAST(double, f64, int64_t, i64)
CAST(double, f64, uint8_t, bool)
CAST(int32_t, i32, float, f32)
CAST(int32_t, i32, double, f64)
CAST(int32_t, i32, int64_t, i64)
CAST(int32_t, i32, uint8_t, bool)
CAST(int64_t, i64, float, f32)
CAST(int64_t, i64, double, f64)
CAST(int64_t, i64, int32_t, i32)
CAST(int64_t, i64, uint8_t, bool)
CAST(uint8_t, bool, float, f32)
CAST(uint8_t, bool, double, f64)
CAST(uint8_t, bool, int32_t, i32)
CAST(uint8_t, bool, int64_t, i64)
#define CAST_HALF(S)                 \
    CAST(float, f32, uint16_t, S)    \
    CAST(double, f64, uint16_t, S)   \
    CAST(int32_t, i32, uint16_t, S)  \
    CAST(int64_t, i64, uint16_t, S)  \
    CAST(uint8_t, bool, uint16_t, S) \
    CAST(uint16_t, S, float, f32)    \
    CAST(uint16_t, S, double, f64)   \
    CAST(uint16_t, S, int32_t, i32)  \
    CAST(uint16_t, S, int64_t, i64)  \
    CAST(uint16_t, S, uint8_t, bool)
CAST_HALF(f16)
CAST_HALF(bf16)
CAST(uint16_t, f16, uint16_t, bf16)
CAST(uint16_t, bf16, uint16_t, f16)

/* ---- the kernels of elementwise.def, type by type ---- */

#define T float
#define ADJ_UNARY(name, forward, saved, gradient) \
    LOOP1(name##_f32, T, x, T, forward)           \
    UNARY(name, f32, saved, gradient)
#define ADJ_UNARY_NEAR(name, near, forward, saved, gradient) \
    LOOP1_NEAR(name, f32, T, x, near, forward)               \
    UNARY(name, f32, saved, gradient)
#define ADJ_ARITHMETIC(name, e) BINARY(name, f32, float, float, float, MOVING_GRAIN, e)
#define ADJ_EXTREME(name, e) BINARY(name, f32, float, float, float, MOVING_GRAIN, e)
#define ADJ_REAL(name, e) BINARY(name, f32, float, float, float, COMPUTING_GRAIN, e)
#define ADJ_ORDER(name, e) BINARY(name, f32, float, float, uint8_t, MOVING_GRAIN, e)
#define ADJ_EQUALITY(name, e) BINARY(name, f32, float, float, uint8_t, MOVING_GRAIN, e)
#include "elementwise.def"
#undef T

#define T double
#define ADJ_UNARY(name, forward, saved, gradient) \
    LOOP1(name##_f64, T, x, T, forward)           \
    UNARY(name, f64, saved, gradient)
#define ADJ_UNARY_NEAR(name, near, forward, saved, gradient) \
    LOOP1_NEAR(name, f64, T, x, near, forward)               \
    UNARY(name, f64, saved, gradient)
#define ADJ_ARITHMETIC(name, e) BINARY(name, f64, double, double, double, MOVING_GRAIN, e)
#define ADJ_EXTREME(name, e) BINARY(name, f64, double, double, double, MOVING_GRAIN, e)
#define ADJ_REAL(name, e) BINARY(name, f64, double, double, double, COMPUTING_GRAIN, e)
#define ADJ_ORDER(name, e) BINARY(name, f64, double, double, uint8_t, MOVING_GRAIN, e)
#define ADJ_EQUALITY(name, e) BINARY(name, f64, double, double, uint8_t, MOVING_GRAIN, e)
#include "elementwise.def"
#undef T

/* Integers add, subtract and multiply as unsigned ones: modulo their width. */
#define ADJ_ARITHMETIC(name, e) BINARY(name, i32, int32_t, uint32_t, uint32_t, MOVING_GRAIN, e)
#define ADJ_EXTREME(name, e) BINARY(name, i32, int32_t, int32_t, int32_t, MOVING_GRAIN, e)
#define ADJ_ORDER(name, e) BINARY(name, i32, int32_t, int32_t, uint8_t, MOVING_GRAIN, e)
#define ADJ_EQUALITY(name, e) BINARY(name, i32, int32_t, int32_t, uint8_t, MOVING_GRAIN, e)
#include "elementwise.def"

#define ADJ_ARITHMETIC(name, e) BINARY(name, i64, int64_t, uint64_t, uint64_t, MOVING_GRAIN, e)
#define ADJ_EXTREME(name, e) BINARY(name, i64, int64_t, int64_t, int64_t, MOVING_GRAIN, e)
#define ADJ_ORDER(name, e) BINARY(name, i64, int64_t, int64_t, uint8_t, MOVING_GRAIN, e)
#define ADJ_EQUALITY(name, e) BINARY(name, i64, int64_t, int64_t, uint8_t, MOVING_GRAIN, e)
#include "elementwise.def"

#define ADJ_EQUALITY(name, e) BINARY(name, bool, uint8_t, uint8_t, uint8_t, MOVING_GRAIN, e)
#include "elementwise.def"

/* ---- moving elements: only their size matters ---- */

static int32_t run_copy(const adj_unary_args* a, inner_loop* loop, size_t bytes) {
    nest t = unary(a, loop, MOVING_GRAIN, bytes, bytes);
    t.moves = true;
    return run(&t);
}

#define MOVE(T)                                                                                    \
    static void copy_##T(char* const* at, const int64_t* step, int64_t n) {                        \
        const T* x = (const T*)at[0];                                                              \
        T* out = (T*)at[1];                                                                        \
        if (step[0] == 1 && step[1] == 1) {                                                        \
            memmove(out, x, (size_t)n * sizeof(T));                                                \
            return;                                                                                \
        }                                                                                          \
        if (step[0] == 0 && step[1] == 1) {                                                        \
            const T value = *x;                                                                    \
            for (int64_t i = 0; i < n; i++) {                                                      \
                out[i] = value;                                                                    \
            }                                                                                      \
            return;                                                                                \
        }                                                                                          \
        ADJ_INDEPENDENT                                                                            \
        for (int64_t i = 0; i < n; i++) {                                                          \
            out[i * step[1]] = x[i * step[0]];                                                     \
        }                                                                                          \
    }                                                                                              \
    ADJ_INLINE void where_##T##_steps(const uint8_t* conditions, const T* as, const T* bs, T* out, \
                                      int64_t sc, int64_t sa, int64_t sb, int64_t so, int64_t n) { \
        const T a0 = as[0];                                                                        \
        const T b0 = bs[0];                                                                        \
        ADJ_INDEPENDENT                                                                            \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const T a = sa == 0 ? a0 : as[i * sa];                                                 \
            const T b = sb == 0 ? b0 : bs[i * sb];                                                 \
            out[i * so] = conditions[i * sc] ? a : b;                                              \
        }                                                                                          \
    }                                                                                              \
    static void where_##T(char* const* at, const int64_t* step, int64_t n) {                       \
        const uint8_t* c = (const uint8_t*)at[0];                                                  \
        const T* a = (const T*)at[1];                                                              \
        const T* b = (const T*)at[2];                                                              \
        T* out = (T*)at[3];                                                                        \
        const bool dense = step[0] == 1 && step[3] == 1;                                           \
        if (dense && step[1] == 1 && step[2] == 1) {                                               \
            where_##T##_steps(c, a, b, out, 1, 1, 1, 1, n);                                        \
        } else if (dense && step[1] == 1 && step[2] == 0) {                                        \
            where_##T##_steps(c, a, b, out, 1, 1, 0, 1, n);                                        \
        } else if (dense && step[1] == 0 && step[2] == 1) {                                        \
            where_##T##_steps(c, a, b, out, 1, 0, 1, 1, n);                                        \
        } else {                                                                                   \
            where_##T##_steps(c, a, b, out, step[0], step[1], step[2], step[3], n);                \
        }                                                                                          \
    }
MOVE(uint8_t)
MOVE(uint16_t)
MOVE(uint32_t)
MOVE(uint64_t)

static int32_t run_where(const adj_where_args* a, inner_loop* loop, size_t bytes) {
    return run(&(nest){
        .loop = loop,
        .grain = MOVING_GRAIN,
        .depth = a->depth,
        .sizes = a->dims,
        .operands = 4,
        .operand = {packed(a->condition, 1, a->depth, a->dims, 0),
                    packed(a->a, bytes, a->depth, a->dims, 1),
                    packed(a->b, bytes, a->depth, a->dims, 2),
                    packed(a->out, bytes, a->depth, a->dims, 3)},
    });
}

/* A fill is a copy of an element that repeats. */
static int32_t run_fill(const adj_fill_args* a, const void* value, inner_loop* loop, size_t bytes) {
    return run(&(nest){
        .loop = loop,
        .grain = MOVING_GRAIN,
        .depth = a->depth,
        .sizes = a->dims,
        .operands = 2,
        .operand = {scalar(value, bytes), packed(a->out, bytes, a->depth, a->dims, 0)},
    });
}

/* BITS is the unsigned type of TYPE's size. */
#define MOVING(S, TYPE, BITS)                                                    \
    ADJ_EXPORT int32_t adj_copy_##S(const void* args) {                          \
        return run_copy(args, copy_##BITS, sizeof(BITS));                        \
    }                                                                            \
    ADJ_EXPORT int32_t adj_where_##S(const void* args) {                         \
        return run_where(args, where_##BITS, sizeof(BITS));                      \
    }                                                                            \
    ADJ_EXPORT int32_t adj_fill_##S(const void* args) {                          \
        const TYPE value = convert_f64_##S(((const adj_fill_args*)args)->value); \
        return run_fill(args, &value, copy_##BITS, sizeof(TYPE));                \
    }
MOVING(f32, float, uint32_t)
MOVING(f64, double, uint64_t)
MOVING(i32, int32_t, uint32_t)
MOVING(i64, int64_t, uint64_t)
MOVING(bool, uint8_t, uint8_t)
MOVING(f16, uint16_t, uint16_t)
MOVING(bf16, uint16_t, uint16_t)
