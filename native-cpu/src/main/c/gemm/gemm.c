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
 * Blocking. A micro-kernel multiplies a packed panel of A (MR rows) by a packed panel of B (NR
 * columns), over at most MAX_STEP values of k. Packed panels of one operand, B if the product is
 * tall and A otherwise, are shared by all threads. The other operand is cut into strips of up to
 * STRIP_PANELS panels; a thread packs and multiplies one strip at a time.
 *
 * What should stay where: one panel of B in the L1 cache, one strip in L2, the shared panels in L3.
 */
#ifdef __AVX512F__
#    define MAX_STEP 256
#else
#    define MAX_STEP 512
#endif
#define STRIP_PANELS 4
/* The largest buffer of shared panels. */
#define SHARED_BYTES (16 << 20)
/*
 * Every strip reads all shared panels, so they should fit into our part of the L3 cache, which
 * other programs use as well: NEAR_BYTES. The panels shared at a time then cover only some values
 * of k. Each such block along k reads and writes `out` once more, so it has at least LEAST_STEPS and
 * at most BLOCK_STEPS steps of MAX_STEP.
 */
#define NEAR_BYTES (4 << 20)
#define LEAST_STEPS 2
#define BLOCK_STEPS 12
/* Rows (or columns) that one chunk of work packs: packing reads them side by side. */
#define PACK_LINES 128
/* Copying a shared panel of B into the L1 cache pays if it meets at least so many panels of A. */
#define TALL_PANELS 4
/*
 * If the columns of A and the rows of B are contiguous, a product counts as tall only if it has
 * this many times more rows than columns: packing such an A strip by strip reads few elements of each
 * cache line.
 */
#define TALL_TRANSPOSED 4
/* Rows of fewer bytes end before the hardware prefetcher starts, so we prefetch them ourselves. */
#define SHORT_RUN 1024
/*
 * The number of strips in a product: about MANY_STRIPS, so that the threads end at the same time. A
 * product of little work has down to FEW_STRIPS; STRIP_WORK is the multiply-adds that make a strip
 * worthwhile. With AVX-512, if the shared panels exceed KEPT_BYTES and so come from L3 instead of
 * L2 for every strip, reading them takes longer than multiplying by a narrow strip: then there are
 * only FAR_STRIPS, or STRIPS_PER_THREAD for each thread.
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
 * An operand is read in place, without packing, if its panels are used only a few times: A up to
 * A_REUSE times (and if it is not contiguous along k, only for at most NEAR_STEP values of k), B up
 * to B_REUSE times, or any number of times if all of B, SMALL_B elements, stays in the L1 cache.
 */
#ifdef __AVX512F__
#    define A_REUSE 8 /* its tiles have many rows, which compete for few sets of the L1 cache */
#else
#    define A_REUSE 32
#endif
#define NEAR_STEP 128
#define B_REUSE 3
#define SMALL_B (3 << 12)

/* Fewer multiply-adds than this, some 10 µs, are not worth waking another thread. */
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
