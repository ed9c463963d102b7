/*
 * Cross-entropy over rows of logits, and its gradient. All targets are checked before anything is
 * written, and each one again where it is used: another thread may be writing them meanwhile.
 */
#include <stdatomic.h>
#include <stdbool.h>

#include "mathx.h"
#include "vector.h"

/* Logits of the rows in a chunk. */
#define CHUNK_ELEMENTS (1 << 13)
/* Logits whose largest is found before their exponentials are added up. */
#define MAX_BLOCK (1 << 11)

static bool target_valid(int64_t target, int64_t classes, int64_t ignored) {
    return (target >= 0 && target < classes) || target == ignored;
}

static bool targets_valid(const int64_t* targets, int64_t rows, int64_t classes, int64_t ignored) {
    bool valid = true;
    for (int64_t r = 0; r < rows; r++) {
        valid &= target_valid(targets[r], classes, ignored);
    }
    return valid;
}

#define REAL f32
#include "loss_impl.h"
#undef REAL
#define REAL f64
#include "loss_impl.h"
#undef REAL
