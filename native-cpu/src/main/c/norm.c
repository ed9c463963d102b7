/* Softmax, layer norm, RMS norm and their gradients over dense rows; rows run in parallel. */
#include <stdbool.h>
#include <string.h>

#include "mathx.h"
#include "vector.h"

/* Elements of the rows in a chunk: enough to be worth another thread's while. */
#define CHUNK_ELEMENTS (1 << 14)
/* Chunks of rows whose weight gradients are summed apart before they are summed together. */
#define MAX_PARTS 32

static int64_t rows_per_part(int64_t rows, int64_t cols) {
    return adj_max(adj_ceil_div(rows, MAX_PARTS), adj_rows_per_chunk(CHUNK_ELEMENTS, cols));
}

#define REAL f32
#include "norm_impl.h"
#undef REAL
#define REAL f64
#include "norm_impl.h"
#undef REAL
