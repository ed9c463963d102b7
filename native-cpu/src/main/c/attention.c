/*
 * Scaled dot-product attention in tiles (Dao et al. 2022) and its gradients.
 *
 * Scores are kept transposed, [keys, queries]: then K, V and the scores themselves are read by the
 * micro-kernel where they lie, only the queries are packed, and softmax's maxima and sums run along
 * whole vectors of queries.
 */
#include <stdbool.h>
#include <string.h>

#include "mathx.h"
#include "vector.h"

/* A tile of scores and what goes with it stays in the first two caches. */
#define QUERIES 64
#define KEYS (96 / MR * MR)
/* Each chunk has its slice of scratch, hence a bound; and some work, in multiply-adds. */
#define MAX_CHUNKS 64
#define CHUNK_WORK (1 << 17)
/* From so many heads on, gradients run in parallel by heads alone. */
#define MANY_HEADS 16

/* The keys that queries [first, first + count) see, at most: query i sees j <= i + tk - tq. */
static int64_t visible_keys(bool causal, int64_t tq, int64_t tk, int64_t first, int64_t count) {
    return causal ? adj_max(0, adj_min(tk, first + count + tk - tq)) : tk;
}

/* How many of the keys from `key` on query `first` sees, or is short of: one more by each query. */
static int64_t keys_seen(bool causal, int64_t tq, int64_t tk, int64_t first, int64_t key) {
    return causal ? first + 1 + tk - tq - key : tk;
}

/* In how many parts the keys of a head are dealt out when there are few heads. */
static int64_t key_parts(int64_t all_heads, int64_t tiles) {
    const int64_t wanted = adj_ceil_div(MANY_HEADS, adj_max(1, all_heads));
    return adj_max(1, adj_min(wanted, tiles));
}

static int64_t chunk_count(int64_t items, int64_t work) {
    return adj_min(items, adj_min(MAX_CHUNKS, work / CHUNK_WORK + 1));
}

#define REAL f32
#include "attention_impl.h"
#undef REAL
#define REAL f64
#include "attention_impl.h"
#undef REAL
