/*
 * adj_gemm_{f32,f64,bf16_f32,halves_f32} and adj_gemm_<activation>_ of each: the choice of a path,
 * and batches.
 */
#include <stdbool.h>
#include <string.h>

#include "common.h"
#include "halves.h"
#include "mathx.h"
#include "vector.h"

/*
 * Sizes of blocks: a panel of B (MAX_STEP × NR) stays in the first-level cache, a strip of packed
 * panels in the second, and what threads share in the third.
 */
#ifdef __AVX512F__
#    define MAX_STEP 256
#else
#    define MAX_STEP 512
#endif
#define STRIP_PANELS 4
#define SHARED_BYTES (16 << 20)
/*
 * Every strip reads all that is shared. A part of the third cache, which others use too, keeps so
 * much; but each block reads and writes `out` once more, which must not be for a single step.
 */
#define NEAR_BYTES (4 << 20)
#define LEAST_STEPS 2
#define BLOCK_STEPS 12
/* Whole panels of about so many lines are packed at once: enough of a row for one pass over it. */
#define PACK_LINES 128
/* A panel of B from the shared ones is worth its way to the first level for so many of A. */
#define TALL_PANELS 4
/* How much more rows than columns a product of dense columns with dense rows has to be tall. */
#define TALL_TRANSPOSED 4
/* Bytes of a row that are over before the hardware has begun to fetch ahead. */
#define SHORT_RUN 1024
/*
 * Into how many strips a product is cut: many if they are large, few if not, in multiply-adds. What
 * the second cache does not keep is read from the third by every strip, which with vectors so wide
 * takes longer than its use in a narrow one: then not so many, if the threads have enough.
 */
#define MANY_STRIPS 16
#define FEW_STRIPS 4
#define STRIP_WORK (1 << 21)
#ifdef __AVX512F__
#    define KEPT_BYTES (1 << 19)
#    define FAR_STRIPS 8
#    define STRIPS_PER_THREAD 4
#endif

/*
 * A factor is read in place while its panels are used so seldom that packing does not pay: A up to
 * A_REUSE panels of B, if its steps along k are short; B up to B_REUSE panels of A, or as long as
 * all of it stays in the first-level cache.
 */
#ifdef __AVX512F__
#    define A_REUSE 8 /* so many rows as a tile has there meet in few sets of the first cache */
#else
#    define A_REUSE 32
#endif
#define NEAR_STEP 128
#define B_REUSE 3
#define SMALL_B (3 << 12)

/* Multiply-adds worth waking another thread for: some 10 µs. */
#define MIN_CHUNK_WORK (1 << 17)
/*
 * Products in a batch below this work are not divided, nor larger ones if there are many; at most
 * GROUPS of them run at once.
 */
#define SMALL_WORK (1 << 20)
#define SMALL_AMONG_MANY (1 << 23)
#define GROUPS 32
/* Registers side by side in gemv. */
#define STRIPE 8
/* Dot products pay for up to so many rows if they are as long as this. */
#define FEW_ROWS 32
#define LONG_DOT 256

static void for_chunks(bool parallel, int64_t chunks, adj_body* body, void* ctx) {
    if (parallel && chunks > 1) {
        adj_parallel_for(chunks, body, ctx);
    } else {
        for (int64_t c = 0; c < chunks; c++) {
            body(ctx, c);
        }
    }
}

/* n in parts as equal as multiples of `unit` can be, none above `limit`. */
static int64_t even_parts(int64_t n, int64_t limit, int64_t unit) {
    const int64_t parts = adj_ceil_div(adj_max(n, 1), limit);
    return adj_ceil_div(adj_ceil_div(n, parts), unit) * unit;
}

#define NARROW 0
#define PAIRS 0
#define REAL f32
#include "gemm/batch.h"
#undef REAL
#define REAL f64
#include "gemm/batch.h"
#undef REAL
#undef NARROW
#undef PAIRS

/*
 * Products of floats whose factors are rounded to bfloat16 when they are packed, which they always
 * are. If the CPU multiplies bfloat16 (or a test wants to see that path), panels hold PAIRS: two
 * neighbours along k in the place of one float.
 */
#define NARROW 1
#if defined(__AVX512BF16__) || defined(ADJ_PLAIN_PAIRS)
#    define PAIRS 1 /* a panel of twice as many steps is as large */
#else
#    define PAIRS 0
#endif

/* What vector.h has of a type, for another name of float. */
#define ADJ_FLOAT_AS(name)              \
    typedef f32 name;                   \
    typedef vec_f32 vec_##name;         \
    typedef vec_at_f32 vec_at_##name;   \
    typedef quad_f32 quad_##name;       \
    typedef quad_at_f32 quad_at_##name;

ADJ_FLOAT_AS(bf16_f32)
#define vec_fma_bf16_f32 vec_fma_f32
#define adj_fma_bf16_f32 adj_fma_f32
#define transpose_bf16_f32 transpose_f32
#define REAL bf16_f32
#include "gemm/batch.h"
#undef REAL

/* Of factors that are bfloat16 already. */
ADJ_FLOAT_AS(halves_f32)
#define vec_fma_halves_f32 vec_fma_f32
#define adj_fma_halves_f32 adj_fma_f32
#define transpose_halves_f32 transpose_f32
#undef FACTOR
#define HALVES 1
#define FACTOR uint16_t
#define REAL halves_f32
#include "gemm/batch.h"
#undef REAL
