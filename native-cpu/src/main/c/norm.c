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

#define REAL f32
#include "norm_impl.h"
#undef REAL
#define REAL f64
#include "norm_impl.h"
#undef REAL
