/*
 * Rows of tables by index. All indices are checked before anything is written, and each one again
 * where it is used: another thread may be writing them meanwhile, which must not lead out of the
 * table.
 */
#include <stdatomic.h>
#include <string.h>

#include "common.h"

enum {
    CHUNK_BYTES = 65536,
    MAX_OWNERS = 16,           /* a power of two */
    ELEMENTS_PER_OWNER = 8192, /* at least */
};

static bool in_range(int64_t index, int64_t rows) {
    return (uint64_t)index < (uint64_t)rows;
}

static bool all_in_range(const int64_t* indices, int64_t count, int64_t rows) {
    bool all = true;
    for (int64_t i = 0; i < count; i++) {
        all &= in_range(indices[i], rows);
    }
    return all;
}

static int32_t status(atomic_bool* outside) {
    return atomic_load_explicit(outside, memory_order_relaxed) ? ADJ_INDEX_OUT_OF_RANGE : ADJ_OK;
}

typedef struct {
    const adj_gather_args* args;
    atomic_bool outside; /* an index left its range after it was checked */
} gathering;

static int64_t gather_rows_per_chunk(const adj_gather_args* a) {
    return adj_rows_per_chunk(CHUNK_BYTES, a->row_bytes);
}

static void gather(void* ctx, int64_t chunk) {
    gathering* g = ctx;
    const adj_gather_args* a = g->args;
    const size_t bytes = (size_t)a->row_bytes;
    const adj_range rows = adj_chunk(a->count, gather_rows_per_chunk(a), chunk);
    for (int64_t i = rows.begin; i < rows.end; i++) {
        const int64_t index = adj_read_once(a->indices + i);
        if (!in_range(index, a->rows)) {
            atomic_store_explicit(&g->outside, true, memory_order_relaxed);
            continue;
        }
        memcpy((char*)a->out + i * a->row_bytes, (const char*)a->table + index * a->row_bytes,
               bytes);
    }
}

ADJ_EXPORT int32_t adj_gather(const void* args) {
    const adj_gather_args* a = args;
    if (!all_in_range(a->indices, a->count, a->rows)) {
        return ADJ_INDEX_OUT_OF_RANGE;
    }
    gathering g = {.args = a};
    adj_for_chunks(a->count, gather_rows_per_chunk(a), gather, &g);
    return status(&g.outside);
}

/* Each chunk owns the rows whose number is equal to its own modulo the number of owners. */
typedef struct {
    const adj_scatter_add_args* args;
    int64_t owners; /* a power of two */
    atomic_bool outside;
} scatter;

static int32_t run_scatter_add(const adj_scatter_add_args* a, adj_body* add) {
    if (!all_in_range(a->indices, a->count, a->rows)) {
        return ADJ_INDEX_OUT_OF_RANGE;
    }
    /* Every owner reads all indices: no more of them than that is little beside the adding. */
    const int64_t useful = adj_min(a->width, a->count * a->width / ELEMENTS_PER_OWNER);
    scatter s = {.args = a, .owners = 1};
    while (s.owners < MAX_OWNERS && 2 * s.owners <= useful) {
        s.owners *= 2;
    }
    adj_parallel_for(s.owners, add, &s);
    return status(&s.outside);
}

#define SCATTER_ADD(S, T)                                                           \
    static void scatter_add_##S(void* ctx, int64_t owner) {                         \
        scatter* s = ctx;                                                           \
        const int64_t width = s->args->width;                                       \
        for (int64_t i = 0; i < s->args->count; i++) {                              \
            const int64_t row = adj_read_once(s->args->indices + i);                \
            if (!in_range(row, s->args->rows)) {                                    \
                atomic_store_explicit(&s->outside, true, memory_order_relaxed);     \
            } else if ((row & (s->owners - 1)) == owner) {                          \
                const T* x = (const T*)s->args->x + i * width;                      \
                T* out = (T*)s->args->out + row * width;                            \
                ADJ_INDEPENDENT                                                     \
                for (int64_t c = 0; c < width; c++) {                               \
                    out[c] += x[c];                                                 \
                }                                                                   \
            }                                                                       \
        }                                                                           \
    }                                                                               \
    ADJ_EXPORT int32_t adj_scatter_add_##S(const void* args) {                      \
        return run_scatter_add(args, scatter_add_##S);                              \
    }
SCATTER_ADD(f32, float)
SCATTER_ADD(f64, double)
