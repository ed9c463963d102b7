/* Softmax, layer norm, RMS norm and their gradients over dense rows; rows run in parallel. */
#include <stdbool.h>
#include <string.h>

#include "mathx.h"
#include "vector.h"

/* Elements of the rows in a chunk: enough to be worth another thread's while. */
#define CHUNK_ELEMENTS (1 << 14)
/* Chunks of rows whose weight gradients are summed apart before they are summed together. */
#define MAX_PARTS 32
/* Rows whose gradients are taken together, so that weight gradients are loaded once for all. */
#define GRAD_ROWS 4

/*
 * Rows that take each pass together: the sums of one become ready while another's are added up.
 * They stay in the first cache, or a single one in the second.
 */
#define GROUP_ROWS 8
#define GROUP_ELEMENTS (1 << 11)

static int64_t rows_per_group(int64_t cols) {
    return adj_min(GROUP_ROWS, adj_rows_per_chunk(GROUP_ELEMENTS, cols));
}

static int64_t rows_per_part(int64_t rows, int64_t cols) {
    return adj_max(adj_ceil_div(rows, MAX_PARTS), adj_rows_per_chunk(CHUNK_ELEMENTS, cols));
}

/*
 * Where the mean of squares and eps together lie beyond these, squares have overflowed or lost
 * digits; where rstd does, its square would.
 */
#define LEAST_SPREAD_f32 0x1p-100
#define MOST_SPREAD_f32 0x1p126
#define LEAST_SPREAD_f64 0x1p-960
#define MOST_SPREAD_f64 0x1p1020
#define LEAST_RSTD_f32 0x1p-40f
#define MOST_RSTD_f32 0x1p40f
#define LEAST_RSTD_f64 0x1p-400
#define MOST_RSTD_f64 0x1p400

/* A power of two that brings `most` near 1, as far as eps times its square allows. */
static f64 scale_near_one(f64 most, f64 eps) {
    const f64 largest = eps > 0 ? 0x1p300 : 0x1p1022;
    const f64 power = math_from_bits_f64(math_bits_f64(most) & UINT64_C(0x7ff0000000000000));
    return power * largest > 1 ? 1 / power : largest;
}

#define REAL f32
#include "norm_impl.h"
#undef REAL
#define REAL f64
#include "norm_impl.h"
#undef REAL
